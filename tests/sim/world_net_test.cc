// The simulated network: links, cuts, clogs, and the shapes of partitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "sim/world/sim_net.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMs = 1'000'000;

LinkParameters Plain() {
  LinkParameters link;
  link.latency = Dist{DistKind::kUniform, kMs, 0, 5 * kMs};
  return link;
}

SimNet NetWith(const LinkParameters& link, Endpoint endpoints = 3) {
  SimNet net(11, endpoints);
  for (Endpoint a = 0; a < endpoints; ++a) {
    for (Endpoint b = 0; b < endpoints; ++b) {
      if (a != b) net.SetLink(a, b, link, std::uint64_t{a} * 100 + b);
    }
  }
  return net;
}

TEST(SimNet, LosesItsShareAndNothingElse) {
  LinkParameters link = Plain();
  link.loss = kWhole / 10;
  SimNet net = NetWith(link);
  int lost = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Dispatch dispatch = net.Send(0, 1, 10, i);
    lost += dispatch.fate == SendFate::kLost ? 1 : 0;
    EXPECT_EQ(dispatch.count, dispatch.fate == SendFate::kSent ? 1u : 0u);
  }
  EXPECT_NEAR(lost, 2'000, 200);
  EXPECT_EQ(net.counts().lost, static_cast<std::uint64_t>(lost));
}

TEST(SimNet, DoublesItsShare) {
  LinkParameters link = Plain();
  link.duplicate = kWhole / 4;
  SimNet net = NetWith(link);
  int doubled = 0;
  for (int i = 0; i < 8'000; ++i) doubled += net.Send(0, 1, 10, i).count == 2 ? 1 : 0;
  EXPECT_NEAR(doubled, 2'000, 200);
}

TEST(SimNet, KeepsOrderUnlessItReorders) {
  SimNet net = NetWith(Plain());
  std::int64_t last = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Dispatch dispatch = net.Send(0, 1, 10, i * 1'000);
    ASSERT_GE(dispatch.arrivals[0].at, last);
    last = dispatch.arrivals[0].at;
  }
  LinkParameters link = Plain();
  link.reorder = kWhole / 5;
  link.reorder_by = Dist{DistKind::kUniform, kMs, 0, 20 * kMs};
  SimNet wild = NetWith(link);
  int overtakings = 0;
  last = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Dispatch dispatch = wild.Send(0, 1, 10, i * 100'000);
    overtakings += dispatch.arrivals[0].at < last ? 1 : 0;
    last = std::max(last, dispatch.arrivals[0].at);
  }
  EXPECT_GT(overtakings, 200);
}

TEST(SimNet, DropsWhatDoesNotFitAndTakesAgainWhenRoomIsMade) {
  LinkParameters link = Plain();
  link.capacity_bytes = 100;
  SimNet net = NetWith(link);
  EXPECT_EQ(net.Send(0, 1, 60, 0).fate, SendFate::kSent);
  EXPECT_EQ(net.Send(0, 1, 60, 0).fate, SendFate::kOverflow);
  EXPECT_EQ(net.Send(0, 1, 40, 0).fate, SendFate::kSent);
  EXPECT_TRUE(net.OnArrival(0, 1, 60));
  EXPECT_EQ(net.Send(0, 1, 60, 0).fate, SendFate::kSent);
  EXPECT_EQ(net.Send(0, 2, 500, 0).fate, SendFate::kSent) << "an empty link takes any one frame";
}

TEST(SimNet, ACutStopsWhatIsSentAndWhatIsUnderWay) {
  SimNet net = NetWith(Plain());
  ASSERT_EQ(net.Send(0, 1, 10, 0).fate, SendFate::kSent);
  net.Cut({{0, 1}});
  EXPECT_FALSE(net.OnArrival(0, 1, 10));
  EXPECT_EQ(net.Send(0, 1, 10, 0).fate, SendFate::kCut);
  EXPECT_EQ(net.Send(1, 0, 10, 0).fate, SendFate::kSent) << "one way only";
  net.Join({{0, 1}});
  EXPECT_EQ(net.Send(0, 1, 10, 0).fate, SendFate::kSent);
}

TEST(SimNet, CutsAreCounted) {
  SimNet net = NetWith(Plain());
  net.Cut({{0, 1}});
  net.Cut({{0, 1}, {1, 0}});
  net.Join({{0, 1}});
  EXPECT_TRUE(net.IsCut(0, 1));
  net.Join({{0, 1}, {1, 0}});
  EXPECT_FALSE(net.IsCut(0, 1));
}

TEST(SimNet, AClogHoldsEverythingAndReleasesItAtOnceInOrder) {
  SimNet net = NetWith(Plain());
  net.Clog(0, 1, 100 * kMs);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(net.Send(0, 1, 10, i * kMs).arrivals[0].at, 100 * kMs);
  EXPECT_LT(net.Send(1, 0, 10, 0).arrivals[0].at, 100 * kMs);
  EXPECT_EQ(net.counts().held, 5u);
}

TEST(SimNet, AHealedLinkCarriesEverythingInTimeForEver) {
  LinkParameters link = Plain();
  link.loss = kWhole / 2;
  link.duplicate = kWhole / 2;
  link.corrupt = kWhole / 2;
  link.tail = kWhole / 2;
  link.tail_by = FixedDist(900 * kMs);
  SimNet net = NetWith(link);
  net.Clog(0, 1, 1'000 * kMs);
  net.Cut({{0, 1}});
  net.Heal(0, 1);
  net.BoundLatency(0, 1, 2 * kMs);
  net.Cut({{0, 1}});
  net.Clog(0, 1, 1'000 * kMs);
  for (int i = 0; i < 500; ++i) {
    const Dispatch dispatch = net.Send(0, 1, 10, i * 10 * kMs);
    ASSERT_EQ(dispatch.fate, SendFate::kSent);
    ASSERT_EQ(dispatch.count, 1u);
    ASSERT_FALSE(dispatch.arrivals[0].spoil.has_value());
    ASSERT_LE(dispatch.arrivals[0].at, i * 10 * kMs + 2 * kMs);
  }
}

TEST(SimNet, OneLinksChoicesDoNotDependOnAnothers) {
  LinkParameters link = Plain();
  link.loss = kWhole / 3;
  SimNet quiet = NetWith(link);
  SimNet busy = NetWith(link);
  for (int i = 0; i < 300; ++i) {
    busy.Send(1, 2, 10, i);
    const Dispatch a = quiet.Send(0, 1, 10, i);
    const Dispatch b = busy.Send(0, 1, 10, i);
    ASSERT_EQ(a.fate, b.fate);
    ASSERT_EQ(a.arrivals[0].at, b.arrivals[0].at);
  }
}

// ---- shapes --------------------------------------------------------------------------------------------

using Links = std::set<DirectedLink>;

Links LinksOf(const PartitionPlan& plan) {
  const Links links(plan.cut.begin(), plan.cut.end());
  EXPECT_EQ(links.size(), plan.cut.size()) << "no doubles";
  for (const auto& [from, to] : links) EXPECT_NE(from, to);
  return links;
}

// Whom `node` hears, itself included, among the nodes.
std::size_t HeardBy(const Links& cut, Endpoint node, Endpoint nodes) {
  std::size_t heard = 0;
  for (Endpoint from = 0; from < nodes; ++from) heard += cut.count({from, node}) == 0 ? 1 : 0;
  return heard;
}

TEST(Partition, IsolateCutsExactlyOneNodeBothWays) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Choice choice(seed, "test", 0);
    const PartitionPlan plan =
        PlanPartition(PartitionShape::kIsolate, CutWay::kBoth, 5, 0, 0, choice);
    const Links cut = LinksOf(plan);
    ASSERT_EQ(cut.size(), 8u);
    ASSERT_TRUE(plan.alone.has_value());
    for (const auto& [from, to] : cut) EXPECT_TRUE(from == *plan.alone || to == *plan.alone);
  }
}

TEST(Partition, LeaderIsWhoIsIsolated) {
  Choice choice(1, "test", 0);
  const PartitionPlan plan = PlanPartition(PartitionShape::kLeader, CutWay::kInto, 5, 0, 3, choice);
  EXPECT_EQ(plan.alone, Endpoint{3});
  const Links cut = LinksOf(plan);
  EXPECT_EQ(cut, (Links{{0, 3}, {1, 3}, {2, 3}, {4, 3}}));
}

TEST(Partition, OutOfCutsOnlyWhatTheNodeSays) {
  Choice choice(1, "test", 0);
  const PartitionPlan plan =
      PlanPartition(PartitionShape::kLeader, CutWay::kOutOf, 3, 0, 1, choice);
  EXPECT_EQ(LinksOf(plan), (Links{{1, 0}, {1, 2}}));
}

TEST(Partition, HalvesAreTwoWholeGroups) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Choice choice(seed, "test", 0);
    const Links cut =
        LinksOf(PlanPartition(PartitionShape::kHalves, CutWay::kBoth, 5, 0, 0, choice));
    // Whoever hears somebody is heard by them, and groups are closed under hearing.
    for (Endpoint a = 0; a < 5; ++a) {
      for (Endpoint b = 0; b < 5; ++b) {
        EXPECT_EQ(cut.count({a, b}), cut.count({b, a}));
        for (Endpoint c = 0; c < 5; ++c) {
          if (a == b || b == c || a == c) continue;
          if (cut.count({a, b}) == 0 && cut.count({b, c}) == 0) {
            EXPECT_EQ(cut.count({a, c}), 0u);
          }
        }
      }
    }
    EXPECT_FALSE(cut.empty());
  }
}

TEST(Partition, GroupsAreThree) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Choice choice(seed, "test", 0);
    const Links cut =
        LinksOf(PlanPartition(PartitionShape::kGroups, CutWay::kBoth, 5, 0, 0, choice));
    std::set<std::set<Endpoint>> groups;
    for (Endpoint a = 0; a < 5; ++a) {
      std::set<Endpoint> group{a};
      for (Endpoint b = 0; b < 5; ++b) {
        if (a != b && cut.count({a, b}) == 0) group.insert(b);
      }
      groups.insert(group);
    }
    EXPECT_EQ(groups.size(), 3u);
  }
}

TEST(Partition, RingLetsEverybodyHearAMajorityAndNoTwoTheSame) {
  for (Endpoint nodes = 3; nodes <= 9; ++nodes) {
    Choice choice(nodes, "test", 0);
    const Links cut =
        LinksOf(PlanPartition(PartitionShape::kRing, CutWay::kBoth, nodes, 0, 0, choice));
    EXPECT_FALSE(cut.empty()) << nodes;
    std::set<std::set<Endpoint>> majorities;
    for (Endpoint node = 0; node < nodes; ++node) {
      EXPECT_GE(HeardBy(cut, node, nodes), nodes / 2u + 1) << nodes;
      EXPECT_LT(HeardBy(cut, node, nodes), nodes) << nodes;
      std::set<Endpoint> heard;
      for (Endpoint from = 0; from < nodes; ++from) {
        if (cut.count({from, node}) == 0) heard.insert(from);
      }
      majorities.insert(heard);
    }
    EXPECT_EQ(majorities.size(), nodes) << nodes;
  }
}

TEST(Partition, BridgeIsTheOnlyOneThatHearsBothSides) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Choice choice(seed, "test", 0);
    const Links cut =
        LinksOf(PlanPartition(PartitionShape::kBridge, CutWay::kBoth, 5, 0, 0, choice));
    int bridges = 0;
    for (Endpoint node = 0; node < 5; ++node) bridges += HeardBy(cut, node, 5) == 5 ? 1 : 0;
    EXPECT_EQ(bridges, 1);
  }
}

TEST(Partition, ClientsGoWithASideOrSeeAll) {
  bool some_cut = false;
  bool some_whole = false;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Choice choice(seed, "test", 0);
    const Links cut =
        LinksOf(PlanPartition(PartitionShape::kHalves, CutWay::kBoth, 3, 2, 0, choice));
    std::size_t of_client = 0;
    for (const auto& [from, to] : cut)
      of_client += (from == 3 && to < 3) || (to == 3 && from < 3) ? 1 : 0;
    (of_client > 0 ? some_cut : some_whole) = true;
    EXPECT_LT(of_client, 6u) << "a client still sees its own side";
  }
  EXPECT_TRUE(some_cut);
  EXPECT_TRUE(some_whole);
}

}  // namespace
}  // namespace quorate::sim
