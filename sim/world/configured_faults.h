// sim/world/configured_faults.h — which faults a run could inject, by the names under which they are counted.
//
// Model: a pure function of the configuration that the seed drew. A fault that is configured and was never injected,
//   in any run of a suite, is one that the suite only seems to test.
// Invariants: what is counted as injected is named here for the run in which it is, but for what is done to nodes
//   outside of the healed core ("outside.…", and "network.cut" there), which no scenario asks for, and for what the
//   script of a resolved scenario lists one by one.
// Errors: none.
#pragma once
#include <string>
#include <vector>

#include "sim/scenario/config.h"

namespace quorate::sim {

// In no order, some perhaps twice.
std::vector<std::string> ConfiguredFaults(const RunConfig& config);

}  // namespace quorate::sim
