#include "sim/world/choice.h"

#include <algorithm>

namespace quorate::sim {

Dist Bounded(Dist dist, std::int64_t bound) {
  if (dist.max <= bound) return dist;
  if (dist.min >= bound || dist.kind == DistKind::kFixed)
    return FixedDist(std::min(dist.mean, bound));
  dist.max = bound;
  dist.mean = std::clamp(dist.mean, dist.min, dist.max);
  return dist;
}

}  // namespace quorate::sim
