// sim/cli/not_reached.h — how the coverage of a suite grew, and what it did not reach: as text and JSON.
//
// Model: pure functions of a summary. Gaps: marks of the table that no run reached; faults that were configured in
//   some run and injected in none; checks that never looked; features of states, and pairs of features at one
//   node, that no run has seen. A gap fails nothing: only required marks do (summary.h).
// Order: by name, or by the order of the table.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/cli/summary.h"

namespace quorate::sim {

std::vector<std::string> MarksNotReached(const Summary& summary);
std::vector<std::string> FaultsNotInjected(const Summary& summary);
std::vector<std::string> ChecksNotMade(const Summary& summary);

// Two sections of the table; the second names at most a few pairs and says how many more there are.
std::string RenderCoverage(const Summary& summary);
std::string RenderNotReached(const Summary& summary);

nlohmann::ordered_json CoverageJson(const Summary& summary);
nlohmann::ordered_json NotReachedJson(const Summary& summary);

}  // namespace quorate::sim
