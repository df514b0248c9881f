// sim/history/black_box.h — what the clients of a run could see by themselves, without the places that replies tell.
//
// Model: the version check on the whole history, and the search for an order where it is asked for (sampled runs)
//   or needed (something was found already, and whether a client could see it is worth knowing).
// Reported ids: LIN-4 the versions contradict each other · LIN-5 no order explains the history. Both are counted.
// Errors: a search that runs out of its budget is `unknown`, never a pass.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/check/violation.h"
#include "sim/history/history.h"

namespace quorate::sim {

struct BlackBoxOptions {
  std::optional<std::vector<GroupId>> groups;  // whose histories are judged; nullopt: everybody's
  bool search = false;                         // even if nothing was found
  std::uint64_t budget = 1;                    // steps of the search, for each component
};
struct BlackBoxResult {
  std::optional<Violation> violation;
  bool unknown = false;
};
// `effects`: what the committed log made of operations of unknown outcome. Counts and looks in `verdicts`, but leaves
// it to the caller what to make of a violation: the run is over.
BlackBoxResult CheckBlackBox(const History& history, const CommittedEffects& effects,
                             const BlackBoxOptions& options, Verdicts& verdicts);

}  // namespace quorate::sim
