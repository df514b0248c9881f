// sim/scenario/draw.h — numbers that a seed decides: once per run, per node or link, or per event.
//
// Model: a `DrawRule` is a rule for one integer (fixed, a range, or a list); a `PerEntity` applies
//   it to each node or directed link, so that nodes are not alike; a `Dist` gives a new value at
//   each event; a `DistRule` is a Dist whose parameters are themselves drawn. All are pure
//   functions of the bits they are given.
// Units: integers only: ns, bytes, ppm, parts per 2^32 (probabilities), micro-events a second
//   (rates).
// Determinism: inversion over integer tables (tables.h); no floating point anywhere.
// Off: a rule with `off` > 0 gives 0 for the whole run with that probability (swarm testing).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/prf.h"
#include "engine/base/strong.h"

namespace quorate::sim {

// Probabilities are parts of this whole; kWhole itself means "always".
inline constexpr std::int64_t kWhole = std::int64_t{1} << 32;

// Whether something with probability `parts` happens, given 64 random bits.
constexpr bool Happens(std::int64_t parts, std::uint64_t bits) {
  return static_cast<std::int64_t>(bits >> 32) < parts;
}

// Names of entities in keyed choices. Stored in the outcome of seeds: never change them.
std::uint64_t NodeKey(NodeId node);             // "n2"
std::uint64_t LinkKey(NodeId from, NodeId to);  // "n2>n3"
std::uint64_t ClientKey(std::uint64_t client);  // "c5"
inline constexpr std::uint64_t kWholeRun = 0;   // entity of choices that concern all

enum class Scale : std::uint8_t {
  kLinear,
  kLog,     // each doubling as likely as the next; low > 0
  kSkewed,  // square of a uniform number: mostly near the low end
};

struct DrawRule {
  std::int64_t low = 0;   // low == high and no options: fixed
  std::int64_t high = 0;  // inclusive
  Scale scale = Scale::kLinear;
  std::int64_t off = 0;               // parts: then the value is 0 in this run
  std::vector<std::int64_t> options;  // not empty: one of these, each as likely
  friend bool operator==(const DrawRule&, const DrawRule&) = default;
};
constexpr bool IsFixed(const DrawRule& draw) { return draw.low == draw.high && draw.off == 0; }
// The value that `bits` select; `off` is not looked at.
std::int64_t ValueOf(const DrawRule& draw, std::uint64_t bits);
std::int64_t LowestOf(const DrawRule& draw);  // off counts as 0
std::int64_t HighestOf(const DrawRule& draw);

enum class DistKind : std::uint8_t {
  kFixed,    // mean
  kUniform,  // min … max, inclusive
  kExp,      // min + exponential, so that the whole has this mean; cut at max
  kPareto,   // min + Pareto (exponent 2), so that the whole has this mean: long tail; cut at max
  kLog,      // log-uniform over min … max
};
struct Dist {
  DistKind kind = DistKind::kFixed;
  std::int64_t min = 0;
  std::int64_t mean = 0;  // kFixed, kExp, kPareto (before the cut)
  std::int64_t max = 0;   // inclusive; kFixed: == mean
  friend bool operator==(const Dist&, const Dist&) = default;
};
inline Dist FixedDist(std::int64_t value) { return {DistKind::kFixed, value, value, value}; }
std::int64_t Sample(const Dist& dist, std::uint64_t bits);

struct DistRule {
  DistKind kind = DistKind::kFixed;
  DrawRule min, mean, max;
  std::int64_t off = 0;  // parts: then FixedDist(0) in this run
  friend bool operator==(const DistRule&, const DistRule&) = default;
};

// One value per node or directed link, decided by the seed alone.
class PerEntity {
 public:
  PerEntity() = default;
  PerEntity(DrawRule draw, std::uint64_t seed, std::uint64_t site);
  std::int64_t At(std::uint64_t entity) const;
  // Bounds over all entities there could be; 0 and 0 in a run that has it off.
  std::int64_t Lowest() const { return off_ ? 0 : LowestOf(draw_); }
  std::int64_t Highest() const { return off_ ? 0 : HighestOf(draw_); }
  bool AlwaysZero() const { return Lowest() == 0 && Highest() == 0; }

 private:
  DrawRule draw_;
  std::uint64_t seed_ = 0;
  std::uint64_t site_ = 0;
  bool off_ = false;
};

// One distribution per node or directed link, decided by the seed alone.
class DistPerEntity {
 public:
  DistPerEntity() = default;
  DistPerEntity(DistRule rule, std::uint64_t seed, std::uint64_t site);
  Dist At(std::uint64_t entity) const;
  std::int64_t Highest() const;  // no sample of any entity is above it

 private:
  DistRule rule_;
  std::uint64_t seed_ = 0;
  std::uint64_t site_ = 0;
  bool off_ = false;
};

// Picks one of `count` keys, number 0 most often: the k-th with weight 1 / (k + 1)^skew (Zipf).
class SkewTable {
 public:
  SkewTable() = default;
  // `skew` in parts of kWhole, 0 = all alike. Requires: count > 0.
  SkewTable(std::uint64_t count, std::int64_t skew);
  std::uint64_t Pick(std::uint64_t bits) const;
  std::uint64_t size() const { return cumulative_.size(); }

 private:
  std::vector<std::uint64_t> cumulative_;
};

// Picks a place in `weights` by its share. Requires: weights are >= 0 and their sum is > 0.
std::size_t PickWeighted(const std::vector<std::int64_t>& weights, std::uint64_t bits);

}  // namespace quorate::sim
