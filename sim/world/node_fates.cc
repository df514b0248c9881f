#include "sim/world/node_fates.h"

#include <algorithm>

namespace quorate::sim {

NodeFates::NodeFates(Shared& shared, NodeId node) : shared_(shared), node_(node) {
  if (!shared.config.script) return;
  const Script& script = *shared.config.script;
  scripted_ = true;
  base_ = script.nodes[shared.EndpointOf(node)];
  for (const NodeDeviation& deviation : script.node_deviations) {
    if (deviation.node == node) deviations_[Place(deviation.site)].push_back(deviation);
  }
}

const NodeDeviation* NodeFates::Find(NodeSite site, std::uint64_t nth) const {
  const std::vector<NodeDeviation>& lines = deviations_[Place(site)];
  const auto at = std::lower_bound(
      lines.begin(), lines.end(), nth,
      [](const NodeDeviation& line, std::uint64_t count) { return line.nth < count; });
  return at != lines.end() && at->nth == nth ? &*at : nullptr;
}

std::int64_t NodeFates::Time(NodeSite site, Choice& choice, const Dist& dist) {
  const std::uint64_t nth = Count(site);
  std::int64_t time = 0;
  if (scripted_) {
    const NodeDeviation* line = Find(site, nth);
    time = line != nullptr ? line->value : base_.*UsualTimeOf(site);
    if (site != NodeSite::kRestart) time = std::min(time, bound_ns_);
  } else {
    time = choice.From(dist);
  }
  Note(site, nth, time);
  return time;
}

NodeFates::Strike NodeFates::Ask(NodeSite site, Choice& choice, std::int64_t parts) {
  Strike strike;
  strike.nth = Count(site);
  if (scripted_) {
    if (const NodeDeviation* line = Find(site, strike.nth))
      strike.bits = static_cast<std::uint64_t>(line->value);
    return strike;
  }
  if (parts <= 0) return strike;
  const std::uint64_t bits = choice.Bits();
  if (Happens(parts, bits)) strike.bits = Mix(bits);
  return strike;
}

void NodeFates::Note(NodeSite site, std::uint64_t nth, std::int64_t value, Kept kept) {
  if (shared_.recording == nullptr) return;
  shared_.recording->node_deviations.push_back({node_, site, nth, value, kept});
}

}  // namespace quorate::sim
