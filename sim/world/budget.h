// sim/world/budget.h — how much may be broken at once, in one place.
//
// Model: for each node what is wrong with it now. Every random fault that takes a node out of service asks here
//   before it strikes, so that the limit holds by construction; scheduled ones do not ask, but are counted. A
//   damaged node (its disk is not to be trusted) is so until that damage is gone. Disks that forget unseen (old
//   images, syncs that lie) hurt nobody in this sense: see sim/check/over_budget.h. Damage that was written over is
//   none any more as soon as a process has started that never saw it.
//   Wall clocks have a limit of their own: each is read through `ClockBudget`, whatever it began with, however fast
//   it runs and whatever was done to it, by chance or by order.
// Invariants: random faults leave at most `most` nodes down, paused, failed or damaged at once, and at most
//   `most_wiped` of them wiped. No wall clock shows a time that is further from true time than its limit.
// Units of clocks: virtual nanoseconds, below 2^62.
// Errors: none.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace quorate::sim {

enum class Hurt : std::uint8_t {
  kDown = 1,  // no process
  kPaused = 2,
  kFailed = 4,   // its disk failed an operation: the process will end by itself
  kDamaged = 8,  // its disk holds something else than what was written
  kWiped = 16,   // its disk holds nothing; damaged, too
};

class ClockBudget {
 public:
  ClockBudget() = default;  // no limit
  // Requires: most_ns >= 0.
  explicit ClockBudget(std::int64_t most_ns) : most_ns_(most_ns) {}

  bool limited() const { return most_ns_ != kNoLimit; }
  // The error nearest to this one that a clock may have.
  std::int64_t Within(std::int64_t error_ns) const {
    return std::clamp(error_ns, -most_ns_, most_ns_);
  }
  // How long a clock with this error may stand still: it falls behind.
  std::int64_t MayStand(std::int64_t error_ns) const { return most_ns_ + Within(error_ns); }

 private:
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max() / 2;
  std::int64_t most_ns_ = kNoLimit;
};

class FaultBudget {
 public:
  FaultBudget(std::size_t nodes, std::size_t most, std::size_t most_wiped = 0)
      : most_(most), most_wiped_(most_wiped), hurt_(nodes, 0) {}

  // A node that is out of service already may be hurt in any further way.
  bool MayHurt(std::size_t node) const { return hurt_[node] != 0 || hurt() < most_; }
  // Damage stays: it must fit even if whoever is out of service by order comes back.
  bool MayDamage(std::size_t node) const {
    return hurt() < most_ || (hurt_[node] != 0 && hurt() == most_);
  }
  bool MayWipe(std::size_t node) const {
    return MayHurt(node) && (Is(node, Hurt::kWiped) || CountOf(Hurt::kWiped) < most_wiped_);
  }
  void Set(std::size_t node, Hurt how) {
    ++changes_;
    hurt_[node] = static_cast<std::uint8_t>(hurt_[node] | Bit(how));
  }
  void Clear(std::size_t node, Hurt how) {
    ++changes_;
    hurt_[node] = static_cast<std::uint8_t>(hurt_[node] & ~Bit(how));
  }

  bool Is(std::size_t node, Hurt how) const { return (hurt_[node] & Bit(how)) != 0; }
  bool IsHurt(std::size_t node) const { return hurt_[node] != 0; }
  std::size_t hurt() const {
    std::size_t count = 0;
    for (const std::uint8_t one : hurt_) count += one != 0 ? 1 : 0;
    return count;
  }
  std::size_t CountOf(Hurt how) const {
    std::size_t count = 0;
    for (std::size_t node = 0; node < hurt_.size(); ++node) count += Is(node, how) ? 1 : 0;
    return count;
  }
  std::size_t most() const { return most_; }
  // Of all nodes: while it stands still, nobody is hurt or healed.
  std::uint64_t changes() const { return changes_; }

 private:
  static constexpr std::uint8_t Bit(Hurt how) { return static_cast<std::uint8_t>(how); }

  std::size_t most_;
  std::size_t most_wiped_;
  std::vector<std::uint8_t> hurt_;
  std::uint64_t changes_ = 0;
};

}  // namespace quorate::sim
