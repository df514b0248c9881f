// sim/world/budget.h — how much may be broken at once, in one place.
//
// Model: for each node what is wrong with it now. Every random fault that takes a node out of service asks here
//   before it strikes, so that the limit holds by construction; scheduled ones do not ask, but are counted. A
//   damaged node (its disk is not to be trusted) is damaged for the rest of the run.
// Invariants: random faults leave at most `most` nodes down, paused, failed or damaged at once.
// Errors: none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quorate::sim {

enum class Hurt : std::uint8_t {
  kDown = 1,  // no process
  kPaused = 2,
  kFailed = 4,   // its disk failed an operation: the process will end by itself
  kDamaged = 8,  // its disk holds something else than what was written
};

class FaultBudget {
 public:
  FaultBudget(std::size_t nodes, std::size_t most) : most_(most), hurt_(nodes, 0) {}

  // A node that is out of service already may be hurt in any further way.
  bool MayHurt(std::size_t node) const { return hurt_[node] != 0 || hurt() < most_; }
  void Set(std::size_t node, Hurt how) {
    hurt_[node] = static_cast<std::uint8_t>(hurt_[node] | Bit(how));
  }
  void Clear(std::size_t node, Hurt how) {
    hurt_[node] = static_cast<std::uint8_t>(hurt_[node] & ~Bit(how));
  }

  bool Is(std::size_t node, Hurt how) const { return (hurt_[node] & Bit(how)) != 0; }
  bool IsHurt(std::size_t node) const { return hurt_[node] != 0; }
  std::size_t hurt() const {
    std::size_t count = 0;
    for (const std::uint8_t one : hurt_) count += one != 0 ? 1 : 0;
    return count;
  }
  std::size_t most() const { return most_; }

 private:
  static constexpr std::uint8_t Bit(Hurt how) { return static_cast<std::uint8_t>(how); }

  std::size_t most_;
  std::vector<std::uint8_t> hurt_;
};

}  // namespace quorate::sim
