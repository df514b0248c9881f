// sim/scenario/clock_bound.h — what a scenario orders may not lead a wall clock beyond `budget.clock_bound`.
//
// Model: what is drawn is kept within the bound when it is used (sim/world/budget.h). What is written down as it is to be
//   (an offset or a drift with no value that fits, a step or a standstill of the schedule) would silently become
//   something else, and is refused instead. Where a run may have no bound, nothing is.
// Errors: InvalidArgument, with the path of the key.
#pragma once
#include "absl/status/status.h"
#include "sim/scenario/scenario.h"

namespace quorate::sim {

absl::Status CheckClockBound(const Scenario& scenario);

}  // namespace quorate::sim
