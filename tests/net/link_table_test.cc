// All links of a node behind one door.
#include "net/link_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace quorate {
namespace {

constexpr std::uint64_t kCluster = 99;

Identity IdentityOf(std::uint32_t node) { return {kCluster, NodeId(node), Incarnation(1)}; }

// Three nodes and a network that keeps order and loses nothing.
class Cluster {
 public:
  Cluster() {
    for (std::uint32_t node = 1; node <= 3; ++node) {
      tables.emplace_back(IdentityOf(node), BootNumber(1), LinkOptions{});
    }
    for (std::uint32_t node = 1; node <= 3; ++node) {
      LinkOutputs out;
      for (std::uint32_t peer = 1; peer <= 3; ++peer) at(node).AddPeer(now, NodeId(peer), out);
      EXPECT_TRUE(out.empty());
    }
  }
  LinkTable& at(std::uint32_t node) { return tables[node - 1]; }

  void Enable(std::uint32_t node) {
    LinkOutputs out;
    at(node).Enable(now, out);
    Carry(std::move(out));
  }
  // Carries what was asked for until nobody asks for anything.
  void Carry(LinkOutputs out) {
    std::deque<LinkOutput> queue(out.begin(), out.end());
    while (!queue.empty()) {
      LinkOutput output = std::move(queue.front());
      queue.pop_front();
      if (auto* const say = std::get_if<SayHello>(&output)) {
        LinkOutputs next;
        at(say->frame.to.value()).OnFrame(now, say->frame, next);
        queue.insert(queue.end(), next.begin(), next.end());
      }
      all.push_back(std::move(output));
    }
  }
  std::size_t Ups() const {
    std::size_t ups = 0;
    for (const LinkOutput& output : all) ups += std::holds_alternative<LinkUp>(output);
    return ups;
  }

  MonoTime now{1'000'000};
  std::vector<LinkTable> tables;
  LinkOutputs all;
};

TEST(LinkTable, EveryPairComesUpOnceAllAreEnabled) {
  Cluster cluster;
  for (std::uint32_t node = 1; node <= 3; ++node) cluster.Enable(node);
  EXPECT_EQ(cluster.Ups(), 6u);
  for (std::uint32_t node = 1; node <= 3; ++node) {
    EXPECT_EQ(cluster.at(node).links().size(), 2u) << "no link to itself";
    EXPECT_EQ(cluster.at(node).NextTimer(), kNever);
    for (const auto& [peer, link] : cluster.at(node).links()) EXPECT_TRUE(link.up());
  }
}

TEST(LinkTable, TimerIsTheEarliestOfItsLinks) {
  Cluster cluster;
  cluster.Enable(1);
  cluster.Enable(2);  // node 3 is silent
  const MonoTime first = cluster.now + LinkOptions{}.hello_first;
  EXPECT_EQ(cluster.at(1).NextTimer(), first);
  EXPECT_TRUE(cluster.at(1).link(NodeId(2))->up());
  LinkOutputs out;
  cluster.at(1).OnTimer(MonoTime{first.ns - 1}, out);
  EXPECT_TRUE(out.empty());
  cluster.at(1).OnTimer(first, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<SayHello>(out[0]).frame.to, NodeId(3));
  EXPECT_EQ(cluster.at(1).NextTimer(), first + LinkOptions{}.hello_first * 2);
}

TEST(LinkTable, ResetOfOneLinkLeavesTheOthersUp) {
  Cluster cluster;
  for (std::uint32_t node = 1; node <= 3; ++node) cluster.Enable(node);
  LinkOutputs out;
  cluster.at(1).Reset(cluster.now, NodeId(2), out);
  EXPECT_FALSE(cluster.at(1).link(NodeId(2))->up());
  EXPECT_TRUE(cluster.at(1).link(NodeId(3))->up());
  EXPECT_NE(cluster.at(1).NextTimer(), kNever);
  cluster.Carry(std::move(out));
  EXPECT_EQ(cluster.at(1).link(NodeId(2))->session(), LinkSession(2));
  EXPECT_EQ(cluster.at(2).link(NodeId(1))->session(), LinkSession(2));
  EXPECT_EQ(cluster.at(3).link(NodeId(1))->session(), LinkSession(1));
  EXPECT_EQ(cluster.at(1).NextTimer(), kNever);
}

TEST(LinkTable, PackedMessagesArriveAtTheOtherTable) {
  Cluster cluster;
  for (std::uint32_t node = 1; node <= 3; ++node) cluster.Enable(node);
  const std::vector<PeerMessage> messages{{GroupId(1), TimeoutNow{Term(7)}}};
  std::optional<BatchFrame> batch = cluster.at(1).Pack({NodeId(3), LinkSession(1), messages});
  ASSERT_TRUE(batch.has_value());
  LinkOutputs out;
  cluster.at(3).OnFrame(cluster.now, *std::move(batch), out);
  ASSERT_EQ(out.size(), 1u);
  const auto& received = std::get<FrameReceived>(out[0]);
  EXPECT_EQ(received.from, NodeId(1));
  EXPECT_EQ(received.session, LinkSession(1));
  EXPECT_EQ(received.messages, messages);

  EXPECT_FALSE(cluster.at(1).Pack({NodeId(3), LinkSession(2), messages}).has_value());
  EXPECT_FALSE(cluster.at(1).Pack({NodeId(4), LinkSession(1), messages}).has_value());
}

TEST(LinkTable, BatchGivenToTheWrongNodeIsRejectedAndCounted) {
  Cluster cluster;
  for (std::uint32_t node = 1; node <= 3; ++node) cluster.Enable(node);
  LinkOutputs out;
  cluster.at(2).OnFrame(cluster.now, *cluster.at(1).Pack({NodeId(3), LinkSession(1), {}}), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<FrameRejected>(out[0]).reason, RejectReason::kOtherNode);
  EXPECT_EQ(cluster.at(2).rejected(RejectReason::kOtherNode), 1u);
  EXPECT_EQ(cluster.at(2).rejected(RejectReason::kOtherCluster), 0u);
}

TEST(LinkTable, FrameOfAStrangerIsRejectedAndCounted) {
  LinkTable table(IdentityOf(1), BootNumber(1), LinkOptions{});
  LinkOutputs out;
  HelloFrame hello;
  hello.from = NodeId(8);
  hello.to = NodeId(1);
  hello.cluster = kCluster;
  table.OnFrame(MonoTime{}, hello, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<FrameRejected>(out[0]).peer, NodeId(8));
  EXPECT_EQ(table.rejected(RejectReason::kOtherNode), 1u);
}

TEST(LinkTable, RemovedPeerIsDownAndAddedAgainItsNumbersGoOn) {
  Cluster cluster;
  for (std::uint32_t node = 1; node <= 3; ++node) cluster.Enable(node);
  LinkOutputs out;
  cluster.at(1).RemovePeer(cluster.now, NodeId(2), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<LinkDown>(out[0]).peer, NodeId(2));
  EXPECT_EQ(cluster.at(1).link(NodeId(2)), nullptr);
  EXPECT_EQ(cluster.at(1).NextTimer(), kNever);
  out.clear();
  cluster.at(1).RemovePeer(cluster.now, NodeId(2), out);
  EXPECT_TRUE(out.empty());
  cluster.at(1).AddPeer(cluster.now, NodeId(2), out);
  cluster.Carry(std::move(out));
  EXPECT_EQ(cluster.at(1).link(NodeId(2))->session(), LinkSession(2));
  EXPECT_EQ(cluster.at(2).link(NodeId(1))->session(), LinkSession(2));
}

TEST(LinkTable, PeerAddedAfterEnableIsGreetedAtOnce) {
  LinkTable table(IdentityOf(1), BootNumber(1), LinkOptions{});
  LinkOutputs out;
  table.Enable(MonoTime{}, out);
  EXPECT_TRUE(out.empty());
  table.AddPeer(MonoTime{}, NodeId(2), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<SayHello>(out[0]).frame.to, NodeId(2));
}

}  // namespace
}  // namespace quorate
