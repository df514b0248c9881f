// sim/world/budget.h — how much may be broken at once, in one place.
//
// Model: for each node what is wrong with it now. Every process fault asks here before it strikes, so that the
//   limits hold by construction. A damaged node (its disk is not to be trusted) is damaged for the rest of the
//   run and counts as down.
// Invariants: at most `max_down` nodes are down or damaged at once, at most `max_damaged` ever damaged. Nodes
//   that stopped by themselves (a failed sync is announced as damage before it happens) are counted too.
// Errors: none; striking without having asked is an assertion.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/check.h"

namespace quorate::sim {

class FaultBudget {
 public:
  // `max_damaged` <= `max_down` is usual, but not required.
  FaultBudget(std::size_t nodes, std::size_t max_down, std::size_t max_damaged)
      : max_down_(max_down), max_damaged_(max_damaged), down_(nodes, 0), damaged_(nodes, 0) {}

  // True if the node is down already: nothing more is broken then.
  bool MayTakeDown(std::size_t node) const { return Hurt(node) || hurt() < max_down_; }
  bool MayDamage(std::size_t node) const {
    return damaged_[node] != 0 || (damaged() < max_damaged_ && (Hurt(node) || hurt() < max_down_));
  }
  void TakeDown(std::size_t node) {
    REQUIRE(MayTakeDown(node));
    down_[node] = 1;
  }
  void BringUp(std::size_t node) { down_[node] = 0; }
  void Damage(std::size_t node) {
    REQUIRE(MayDamage(node));
    damaged_[node] = 1;
  }

  bool IsDamaged(std::size_t node) const { return damaged_[node] != 0; }
  bool Hurt(std::size_t node) const { return down_[node] != 0 || damaged_[node] != 0; }
  std::size_t hurt() const {
    std::size_t count = 0;
    for (std::size_t node = 0; node < down_.size(); ++node) count += Hurt(node) ? 1 : 0;
    return count;
  }
  std::size_t damaged() const {
    std::size_t count = 0;
    for (const std::uint8_t one : damaged_) count += one;
    return count;
  }
  std::size_t max_down() const { return max_down_; }

 private:
  std::size_t max_down_;
  std::size_t max_damaged_;
  std::vector<std::uint8_t> down_;
  std::vector<std::uint8_t> damaged_;
};

}  // namespace quorate::sim
