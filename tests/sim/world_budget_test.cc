// How much may be broken at once.
#include <gtest/gtest.h>

#include "sim/world/budget.h"

namespace quorate::sim {
namespace {

TEST(FaultBudget, RefusesTheNodeBeyondTheLimit) {
  FaultBudget budget(5, 2);
  EXPECT_TRUE(budget.MayHurt(0));
  budget.Set(0, Hurt::kDown);
  EXPECT_TRUE(budget.MayHurt(1));
  budget.Set(1, Hurt::kPaused);
  EXPECT_FALSE(budget.MayHurt(2));
  EXPECT_TRUE(budget.MayHurt(0)) << "what is hurt already may be hurt further";
}

TEST(FaultBudget, ANodeIsHurtUntilNothingIsWrongWithIt) {
  FaultBudget budget(3, 1);
  budget.Set(0, Hurt::kDown);
  budget.Set(0, Hurt::kFailed);
  budget.Clear(0, Hurt::kDown);
  EXPECT_FALSE(budget.MayHurt(1));
  budget.Clear(0, Hurt::kFailed);
  EXPECT_TRUE(budget.MayHurt(1));
}

TEST(FaultBudget, NothingMayBeHurtWithoutABudget) {
  const FaultBudget budget(3, 0);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_FALSE(budget.MayHurt(node));
}

TEST(FaultBudget, WipesNoMoreNodesThanItMayAndNoneThatItMayNotHurt) {
  FaultBudget budget(5, 2, 1);
  EXPECT_TRUE(budget.MayWipe(0));
  budget.Set(0, Hurt::kWiped);
  EXPECT_FALSE(budget.MayWipe(1));
  EXPECT_TRUE(budget.MayHurt(1));
  EXPECT_TRUE(budget.MayWipe(0)) << "what is wiped already may be wiped again";
  FaultBudget full(5, 1, 2);
  full.Set(0, Hurt::kDown);
  EXPECT_FALSE(full.MayWipe(1));
}

TEST(FaultBudget, EveryHurtAndEveryHealingIsAChange) {
  FaultBudget budget(3, 2);
  budget.Set(0, Hurt::kDown);
  const std::uint64_t before = budget.changes();
  budget.Set(0, Hurt::kDown);
  EXPECT_NE(budget.changes(), before) << "it dies again";
  const std::uint64_t again = budget.changes();
  budget.Clear(0, Hurt::kDown);
  EXPECT_NE(budget.changes(), again);
}

TEST(FaultBudget, DamageLeavesRoomForWhoeverWasTakenOutByOrder) {
  FaultBudget budget(5, 2);
  EXPECT_TRUE(budget.MayDamage(0));
  budget.Set(0, Hurt::kDamaged);
  budget.Set(1, Hurt::kDown);
  EXPECT_TRUE(budget.MayDamage(1)) << "it is one of the two that may be hurt";
  budget.Set(2, Hurt::kDown);  // a schedule does not ask
  EXPECT_FALSE(budget.MayDamage(2));
  EXPECT_TRUE(budget.MayHurt(2));
  EXPECT_FALSE(budget.MayDamage(3));
}

TEST(FaultBudget, CountsNodesNotWounds) {
  FaultBudget budget(3, 2);
  budget.Set(2, Hurt::kDamaged);
  budget.Set(2, Hurt::kDown);
  EXPECT_EQ(budget.hurt(), 1u);
}

}  // namespace
}  // namespace quorate::sim
