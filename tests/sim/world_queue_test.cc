// The event queue, its slabs, and keyed choices.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/world/choice.h"
#include "sim/world/event_queue.h"

namespace quorate::sim {
namespace {

TEST(EventQueue, HandsOutByTimeAndThenByOrderOfPushing) {
  EventQueue queue;
  Choice choice(7, "test", 0);
  std::vector<std::pair<std::int64_t, std::uint64_t>> expected;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    Event event;
    event.a = i;
    const std::int64_t at = choice.Between(0, 300);
    queue.Push(at, event);
    expected.emplace_back(at, i);
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [at, i] : expected) {
    const Event event = queue.Pop();
    ASSERT_EQ(event.at, at);
    ASSERT_EQ(event.a, i);
    ASSERT_EQ(queue.now(), at);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, KeepsOrderWhilePushingAndPoppingMix) {
  EventQueue queue;
  Choice choice(8, "test", 0);
  std::int64_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (queue.empty() || choice.Below(3) != 0) {
      queue.Push(queue.now() + choice.Between(0, 50), Event{});
    } else {
      const Event event = queue.Pop();
      ASSERT_GE(event.at, last);
      last = event.at;
    }
  }
}

TEST(Slab, GivesAPlaceAgainOnlyAfterItWasTaken) {
  Slab<std::string> slab;
  const std::uint32_t a = slab.Put("a");
  const std::uint32_t b = slab.Put("b");
  EXPECT_NE(a, b);
  EXPECT_EQ(slab.Take(a), "a");
  const std::uint32_t c = slab.Put("c");
  EXPECT_EQ(c, a);
  EXPECT_EQ(slab.Take(b), "b");
  EXPECT_EQ(slab.Take(c), "c");
  EXPECT_EQ(slab.in_use(), 0u);
}

TEST(Choice, IsThePrfOfItsKey) {
  Choice choice(42, "net.loss", NodeKey(NodeId(2)));
  for (std::uint64_t k = 0; k < 10; ++k) {
    EXPECT_EQ(choice.Bits(), Prf(42, NameKey("net.loss"), NodeKey(NodeId(2)), k));
  }
}

TEST(Choice, DoesNotDependOnWhatOthersWereAsked) {
  Choice lone(1, "site", 5);
  Choice beside(1, "site", 5);
  Choice other(1, "site", 6);
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) other.Bits();
    ASSERT_EQ(lone.Bits(), beside.Bits());
  }
}

TEST(Choice, ChanceIsAboutItsShare) {
  Choice choice(3, "site", 1);
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) hits += choice.Chance(kWhole / 5) ? 1 : 0;
  EXPECT_NEAR(hits, 4'000, 250);
}

TEST(Choice, BoundedDistributionStaysBelowItsBound) {
  Choice choice(3, "site", 1);
  for (const Dist& dist :
       {Dist{DistKind::kExp, 10, 500, 10'000}, Dist{DistKind::kPareto, 10, 500, 100'000},
        Dist{DistKind::kUniform, 10, 0, 9'000}, Dist{DistKind::kLog, 10, 0, 9'000},
        FixedDist(800)}) {
    const Dist bounded = Bounded(dist, 400);
    for (int i = 0; i < 2'000; ++i) ASSERT_LE(choice.From(bounded), 400);
  }
}

}  // namespace
}  // namespace quorate::sim
