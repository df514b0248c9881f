#include "sim/scenario/draw.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/scenario/tables.h"

namespace quorate::sim {
namespace {

// How often an entity's several numbers are told apart within one site.
enum Part : std::uint64_t { kValue = 0, kMin = 1, kMean = 2, kMax = 3, kOff = 4 };

std::int64_t Between(std::int64_t low, std::int64_t high, std::uint64_t bits) {
  REQUIRE(low <= high);
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  return low + static_cast<std::int64_t>(Below(bits, span));
}

// Each doubling as likely as the next. Requires: 0 < low <= high.
std::int64_t LogBetween(std::int64_t low, std::int64_t high, std::uint64_t bits) {
  REQUIRE(low > 0 && low <= high);
  const std::uint64_t from = Log2(static_cast<std::uint64_t>(low));
  const std::uint64_t to = Log2(static_cast<std::uint64_t>(high) + 1);
  const auto value = static_cast<std::int64_t>(Exp2(from + Below(bits, to - from + 1)));
  return std::clamp(value, low, high);
}

std::int64_t SkewedBetween(std::int64_t low, std::int64_t high, std::uint64_t bits) {
  const std::uint64_t square = static_cast<std::uint64_t>((static_cast<Wide>(bits) * bits) >> 64);
  return Between(low, high, square);
}

// -log2 of a uniform number in (0, 1], in 32.32 fixed point; at most 64.
std::uint64_t MinusLog2(std::uint64_t bits) { return (kOne << 6) - Log2(bits | 1); }

std::int64_t AddCut(const Dist& dist, Wide more) {
  const auto room = static_cast<std::uint64_t>(dist.max - dist.min);
  return more >= room ? dist.max : dist.min + static_cast<std::int64_t>(more);
}

std::int64_t SampleExp(const Dist& dist, std::uint64_t bits) {
  const Wide units = (static_cast<Wide>(MinusLog2(bits)) * kLn2) >> 32;  // -ln u, times 2^32
  return AddCut(dist, (static_cast<std::uint64_t>(dist.mean - dist.min) * units) >> 32);
}

// Lomax with exponent 2: its mean is its scale, its tail falls with the square.
std::int64_t SamplePareto(const Dist& dist, std::uint64_t bits) {
  const std::uint64_t half = std::min(MinusLog2(bits) / 2, (kOne * 31));
  const std::uint64_t factor = Exp2(half + kOne * 32) - kOne;  // 1 / sqrt(u) - 1, times 2^32
  return AddCut(
      dist, (static_cast<Wide>(static_cast<std::uint64_t>(dist.mean - dist.min)) * factor) >> 32);
}

}  // namespace

std::uint64_t NodeKey(NodeId node) { return NameKey("n" + std::to_string(node.value())); }
std::uint64_t LinkKey(NodeId from, NodeId to) {
  return NameKey("n" + std::to_string(from.value()) + ">n" + std::to_string(to.value()));
}
std::uint64_t ClientKey(std::uint64_t client) { return NameKey("c" + std::to_string(client)); }

std::int64_t ValueOf(const DrawRule& draw, std::uint64_t bits) {
  if (!draw.options.empty()) return draw.options[Below(bits, draw.options.size())];
  if (draw.low == draw.high) return draw.low;
  switch (draw.scale) {
    case Scale::kLinear:
      return Between(draw.low, draw.high, bits);
    case Scale::kLog:
      return LogBetween(draw.low, draw.high, bits);
    case Scale::kSkewed:
      return SkewedBetween(draw.low, draw.high, bits);
  }
  UNREACHABLE("no such scale");
}

std::int64_t LowestOf(const DrawRule& draw) {
  const std::int64_t low =
      draw.options.empty() ? draw.low : *std::min_element(draw.options.begin(), draw.options.end());
  return draw.off > 0 ? std::min<std::int64_t>(low, 0) : low;
}

std::int64_t HighestOf(const DrawRule& draw) {
  const std::int64_t high = draw.options.empty()
                                ? draw.high
                                : *std::max_element(draw.options.begin(), draw.options.end());
  return draw.off > 0 ? std::max<std::int64_t>(high, 0) : high;
}

std::int64_t Sample(const Dist& dist, std::uint64_t bits) {
  switch (dist.kind) {
    case DistKind::kFixed:
      return dist.mean;
    case DistKind::kUniform:
      return Between(dist.min, dist.max, bits);
    case DistKind::kExp:
      return SampleExp(dist, bits);
    case DistKind::kPareto:
      return SamplePareto(dist, bits);
    case DistKind::kLog:
      return LogBetween(dist.min, dist.max, bits);
  }
  UNREACHABLE("no such distribution");
}

PerEntity::PerEntity(DrawRule draw, std::uint64_t seed, std::uint64_t site)
    : draw_(std::move(draw)), seed_(seed), site_(site) {
  off_ = Happens(draw_.off, Prf(seed_, site_, kWholeRun, kOff));
  draw_.off = 0;
}

std::int64_t PerEntity::At(std::uint64_t entity) const {
  return off_ ? 0 : ValueOf(draw_, Prf(seed_, site_, entity, kValue));
}

DistPerEntity::DistPerEntity(DistRule rule, std::uint64_t seed, std::uint64_t site)
    : rule_(std::move(rule)), seed_(seed), site_(site) {
  off_ = Happens(rule_.off, Prf(seed_, site_, kWholeRun, kOff));
  rule_.off = 0;
}

Dist DistPerEntity::At(std::uint64_t entity) const {
  if (off_) return FixedDist(0);
  const std::int64_t mean = ValueOf(rule_.mean, Prf(seed_, site_, entity, kMean));
  if (rule_.kind == DistKind::kFixed) return FixedDist(mean);
  return {rule_.kind, ValueOf(rule_.min, Prf(seed_, site_, entity, kMin)), mean,
          ValueOf(rule_.max, Prf(seed_, site_, entity, kMax))};
}

std::int64_t DistPerEntity::Highest() const {
  if (off_) return 0;
  return HighestOf(rule_.kind == DistKind::kFixed ? rule_.mean : rule_.max);
}

SkewTable::SkewTable(std::uint64_t count, std::int64_t skew) {
  REQUIRE(count > 0 && skew >= 0);
  cumulative_.reserve(count);
  std::uint64_t sum = 0;
  for (std::uint64_t k = 1; k <= count; ++k) {
    // Weight 2^40 / k^skew, never less than one.
    const Wide fall = (static_cast<Wide>(Log2(k)) * static_cast<std::uint64_t>(skew)) >> 32;
    sum += fall >= 40 * kOne ? 1 : Exp2(40 * kOne - static_cast<std::uint64_t>(fall));
    cumulative_.push_back(sum);
  }
}

std::uint64_t SkewTable::Pick(std::uint64_t bits) const {
  REQUIRE(!cumulative_.empty());
  const std::uint64_t point = Below(bits, cumulative_.back());
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), point);
  return static_cast<std::uint64_t>(at - cumulative_.begin());
}

std::size_t PickWeighted(const std::vector<std::int64_t>& weights, std::uint64_t bits) {
  std::uint64_t sum = 0;
  for (const std::int64_t weight : weights) {
    REQUIRE(weight >= 0);
    sum += static_cast<std::uint64_t>(weight);
  }
  std::uint64_t point = Below(bits, sum);
  for (std::size_t at = 0; at < weights.size(); ++at) {
    const auto weight = static_cast<std::uint64_t>(weights[at]);
    if (point < weight) return at;
    point -= weight;
  }
  UNREACHABLE("a point beyond the sum of the weights");
}

}  // namespace quorate::sim
