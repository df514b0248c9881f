// sim/cli/shard_report.h — what a report of a shard holds besides, so that all of them make up the report of the whole.
//
// Model: the JSON report of a shard is a report as any other, and has one more member, "shard": what only a merge needs
//   (states by the step of the suite that first saw them, pairs of features, required marks, runs done twice).
//   Reading gives back what was summed up, so that a merge goes through the same code as an unsharded run.
// Invariants: a report that was written and read is equal to itself, but for the places of the machine that made it:
//   a finding keeps the line that repeats it there.
// Errors: InvalidArgument, one line, `path: reason`: cut off, not ours, of a whole suite, or with members that contradict
//   each other.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "sim/cli/summary.h"

namespace quorate::sim {

struct ShardReport {
  std::string path;  // of the report
  std::uint64_t first_seed = 0;
  SuiteTotals totals;  // with a shard
};

// Requires: the summary is that of a shard.
nlohmann::ordered_json ShardJson(const Summary& summary);

absl::StatusOr<ShardReport> ReadShardReport(const std::string& path);
// The same from its text.
absl::StatusOr<ShardReport> ParseShardReport(const std::string& path, const std::string& text);

}  // namespace quorate::sim
