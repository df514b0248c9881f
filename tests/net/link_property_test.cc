// Links over a network that loses, doubles, delays and reorders, between nodes that die.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "engine/base/prf.h"
#include "tests/net/link_world.h"

namespace quorate {
namespace {

using testing::LinkWorld;
using testing::Move;

using Moves = std::vector<std::pair<std::uint8_t, std::uint16_t>>;

LinkWorld WorldAfter(const Moves& moves, std::uint16_t order) {
  LinkWorld world;
  for (const auto& [what, where] : moves) world.Play({what, where});
  world.Heal(order);
  return world;
}

RC_GTEST_PROP(LinkProperty, AnyScheduleKeepsSessionsApartAndHealsToBothUp, (std::uint16_t order)) {
  const std::size_t length = *rc::gen::element<std::size_t>(3, 10, 40, 200);
  const Moves moves = *rc::gen::resize(static_cast<int>(length), rc::gen::arbitrary<Moves>());
  RC_ASSERT(WorldAfter(moves, order).violation() == std::string());
}

// The same schedules from fixed keys, ten thousand of them, and what they reach.
TEST(LinkProperty, FixedSchedulesHoldAndReachEveryCorner) {
  testing::Reached sum;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    Moves moves;
    const std::uint64_t length = 10 + Below(Prf(seed, NameKey("length"), 0, 0), 150);
    // Half of them without restarts, so that sessions live long enough to grow old.
    const std::uint64_t kinds = seed % 2 == 0 ? 16 : 14;
    for (std::uint64_t k = 0; k < length; ++k) {
      const std::uint64_t bits = Prf(seed, NameKey("move"), 0, k);
      moves.emplace_back(static_cast<std::uint8_t>(Below(bits, kinds)),
                         static_cast<std::uint16_t>(Mix(bits)));
    }
    const LinkWorld world = WorldAfter(moves, static_cast<std::uint16_t>(Mix(seed)));
    ASSERT_EQ(world.violation(), "") << "seed " << seed;
    sum.ups += world.reached().ups;
    sum.ups_by_batch += world.reached().ups_by_batch;
    sum.downs += world.reached().downs;
    sum.delivered += world.reached().delivered;
    sum.restarts_while_up += world.reached().restarts_while_up;
    for (std::size_t i = 0; i < kRejectReasons; ++i) sum.rejected[i] += world.reached().rejected[i];
  }
  const auto rejected = [&sum](RejectReason reason) {
    return sum.rejected[static_cast<std::size_t>(reason)];
  };
  EXPECT_GT(sum.ups, 20'000u);
  EXPECT_GT(sum.ups_by_batch, 100u);
  EXPECT_GT(sum.downs, 5'000u);
  EXPECT_GT(sum.delivered, 30'000u);
  EXPECT_GT(sum.restarts_while_up, 1'000u);
  EXPECT_GT(rejected(RejectReason::kOtherSession), 1'000u);
  EXPECT_GT(rejected(RejectReason::kOlderAttempt), 1'000u);
  EXPECT_GT(rejected(RejectReason::kOlderBoot), 100u);
  EXPECT_GT(rejected(RejectReason::kOlderIncarnation), 100u);
  // Nobody's disk went back in time here, and everybody belongs to one cluster.
  EXPECT_EQ(rejected(RejectReason::kOwnPast), 0u);
  EXPECT_EQ(rejected(RejectReason::kOtherNode), 0u);
  EXPECT_EQ(rejected(RejectReason::kOtherCluster), 0u);
}

}  // namespace
}  // namespace quorate
