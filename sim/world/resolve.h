// sim/world/resolve.h — from a run to a scenario that leaves nothing to chance.
//
// Model: what a run decided, as a configuration with a script: run again, it takes the same way to the byte (its
//   digest is the same), without a seed. The commonest, middle time of each link and disk becomes its base; all
//   else is a deviation.
// Errors: none. Cost: memory in proportion to the run.
#pragma once
#include "sim/world/recording.h"
#include "sim/world/wire.h"

namespace quorate::sim {

// `config`: of the run, which `recording` and `wire` have seen to its end.
RunConfig ResolveRun(const RunConfig& config, const Recording& recording, const Wire& wire);

}  // namespace quorate::sim
