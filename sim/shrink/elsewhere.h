// sim/shrink/elsewhere.h — the same failure in smaller clusters and other seeds.
//
// Model: before a run is cut down, the scenario that it comes from is run anew: with fewer nodes, clients and
//   namespaces, with tighter limits, for a shorter time, by other seeds. Who fails there with the same fingerprint is
//   a better place to begin: what is small by birth needs no cutting.
// Requires: a scenario that is not resolved. Errors: none.
#pragma once
#include <cstdint>

#include "sim/scenario/scenario.h"

namespace quorate::sim {

// The nth variant, from 0. Never larger than the scenario's own draw for that seed.
RunConfig SmallerDraw(const Scenario& scenario, std::uint64_t first_seed, std::uint64_t nth);
// Its seed.
std::uint64_t SeedOfDraw(std::uint64_t first_seed, std::uint64_t nth);

}  // namespace quorate::sim
