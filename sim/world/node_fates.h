// sim/world/node_fates.h — what becomes of one node's operations: by chance, or as a script says.
//
// Model: operations of a node are counted by site. A time is drawn, or is the script's for that count, or its base
//   for the site; a strike is a chance, or a line of the script. What a run decided can be written down.
// Invariants: the count of a site moves with every question, whoever answers it, so that a script made from a run
//   speaks of the same operations.
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sim/world/shared.h"

namespace quorate::sim {

class NodeFates {
 public:
  NodeFates(Shared& shared, NodeId node);

  bool scripted() const { return scripted_; }
  // How long the next operation of this site takes.
  std::int64_t Time(NodeSite site, Choice& choice, const Dist& dist);
  // From now on nothing takes longer.
  void Bound(std::int64_t bound_ns) { bound_ns_ = bound_ns; }

  struct Strike {
    std::uint64_t nth = 0;
    std::optional<std::uint64_t> bits;  // it strikes
  };
  // Whether something strikes the next operation of this site; who lets it strike says so by `Note`.
  Strike Ask(NodeSite site, Choice& choice, std::int64_t parts);
  // Whether any of this site may still strike by the script.
  bool MayStrike(NodeSite site) const { return !deviations_[Place(site)].empty(); }
  // The line of the script for operation `nth`, if there is one.
  const NodeDeviation* Find(NodeSite site, std::uint64_t nth) const;
  std::uint64_t Count(NodeSite site) { return counts_[Place(site)]++; }
  void Note(NodeSite site, std::uint64_t nth, std::int64_t value, Kept kept = {});

 private:
  static std::size_t Place(NodeSite site) { return static_cast<std::size_t>(site); }

  Shared& shared_;
  NodeId node_;
  bool scripted_ = false;
  ScriptedNode base_;
  std::int64_t bound_ns_ = std::numeric_limits<std::int64_t>::max();
  std::array<std::uint64_t, kNodeSites> counts_{};
  std::array<std::vector<NodeDeviation>, kNodeSites> deviations_;  // by count
};

}  // namespace quorate::sim
