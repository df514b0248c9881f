#include "engine/eventual/agreed_time.h"

#include <algorithm>

namespace quorate {

void AgreedTime::Observe(NodeId peer, WallTime wall, Now now) {
  const auto at =
      std::lower_bound(known_.begin(), known_.end(), peer,
                       [](const Known& known, NodeId node) { return known.node < node; });
  const Known seen{.node = peer, .offset = {wall.ns - now.mono.ns}, .at = now.mono};
  if (at != known_.end() && at->node == peer) {
    *at = seen;
  } else {
    known_.insert(at, seen);
  }
}

bool AgreedTime::Agree(NodeId self, const NodeSet& members, Now now, Duration fresh) {
  known_.erase(std::remove_if(known_.begin(), known_.end(),
                              [&](const Known& known) { return !Contains(members, known.node); }),
               known_.end());
  absl::InlinedVector<Duration, 8> offsets;
  if (Contains(members, self)) offsets.push_back({now.wall.ns - now.mono.ns});
  for (const Known& known : known_) {
    if (known.node != self && now.mono - known.at <= fresh) offsets.push_back(known.offset);
  }
  if (2 * offsets.size() <= members.size()) return false;
  const auto median = offsets.begin() + static_cast<std::ptrdiff_t>((offsets.size() - 1) / 2);
  std::nth_element(offsets.begin(), median, offsets.end());
  offset_ = *median;
  verified_ = true;
  return true;
}

}  // namespace quorate
