// sim/world/choice.h — the run's random choices, each keyed by place, entity and count.
//
// Model: a `Choice` is one (site, entity) with its own counter: its nth answer is Prf(seed, site, entity, n),
//   whatever else was chosen in the meantime. So taking a client, a node or a fault out of a run leaves
//   every other choice as it was.
// Invariants: a site's name is stored in the outcomes of seeds: never rename one, never use one twice for
//   different questions of the same entity.
// Units: probabilities in parts of 2^32; times in nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/scenario/draw.h"

namespace quorate::sim {

class Choice {
 public:
  Choice() = default;
  Choice(std::uint64_t seed, std::string_view site, std::uint64_t entity)
      : base_(Mix(Mix(Mix(seed) ^ NameKey(site)) ^ entity)) {}

  std::uint64_t Bits() { return Mix(base_ ^ count_++); }
  // 0 <= result < n. Requires: n > 0.
  std::uint64_t Below(std::uint64_t n) { return quorate::Below(Bits(), n); }
  // low <= result <= high. Requires: low <= high.
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    REQUIRE(low <= high);
    return low + static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(high - low) + 1));
  }
  // True in `parts` of 2^32 cases. Asks even when the answer is certain, so that the count stays what it was.
  bool Chance(std::int64_t parts) { return Happens(parts, Bits()); }
  std::int64_t From(const Dist& dist) { return Sample(dist, Bits()); }
  // The nth answer, whatever was asked before.
  std::uint64_t At(std::uint64_t n) const { return Mix(base_ ^ n); }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t base_ = 0;
  std::uint64_t count_ = 0;
};

// The distribution cut at `bound`.
Dist Bounded(Dist dist, std::int64_t bound);

inline std::string NodeName(NodeId node) { return "n" + std::to_string(node.value()); }
inline std::string ClientName(std::uint64_t client) { return "c" + std::to_string(client); }

}  // namespace quorate::sim
