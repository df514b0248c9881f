// What the host holds back, and for how long it works at a time.
#include "engine/host.h"

#include <gtest/gtest.h>

#include "tests/cluster/cluster.h"

namespace quorate {
namespace {

constexpr NodeId k1{1};
constexpr NodeId k2{2};
constexpr NodeId k3{3};

std::size_t BeatRepliesOf(const Cluster& cluster, NodeId from, GroupId group) {
  std::size_t count = 0;
  for (const Cluster::Packet& packet : cluster.packets()) {
    const auto* reply = std::get_if<HeartbeatReply>(&packet.message.message);
    if (reply == nullptr || packet.from != from) continue;
    for (const HeartbeatReplyItem& item : reply->items) count += item.group == group ? 1 : 0;
  }
  return count;
}

TEST(HostHolds, TheAnswerOfOneGroupsHeartbeatDoesNotWaitForTheWriteOfAnother) {
  Cluster cluster(3);
  cluster.TimeOut(k2, kSystemGroup);
  cluster.Settle();
  ASSERT_EQ(cluster.LeaderOf(kSystemGroup), k2);
  if (cluster.LeaderOf() == NodeId()) cluster.TimeOut(k1);
  cluster.Settle();
  cluster.Feed(cluster.LeaderOf(), TransferLeadership{kDefaultNamespace, k1});
  cluster.Settle();
  ASSERT_EQ(cluster.LeaderOf(), k1);
  cluster.HoldDisk(k3);
  cluster.Feed(k1, TransferLeadership{kDefaultNamespace, k2});
  cluster.Settle();
  ASSERT_EQ(cluster.LeaderOf(), k2);
  ASSERT_FALSE(cluster.raft(k3).hard_state_durable());
  cluster.Pass(Milliseconds(50));
  while (!cluster.packets().empty() && BeatRepliesOf(cluster, k3, kSystemGroup) == 0) {
    ASSERT_TRUE(cluster.Deliver(0));
  }
  EXPECT_EQ(BeatRepliesOf(cluster, k3, kSystemGroup), 1u);
  EXPECT_EQ(BeatRepliesOf(cluster, k3, kDefaultNamespace), 0u);  // its term is not durable there
  cluster.Sync(k3);
  EXPECT_GE(BeatRepliesOf(cluster, k3, kDefaultNamespace), 1u);
}

// A transfer that was interrupted goes on where it was, on a view that has to be walked up to there.
TEST(HostWork, AViewIsWalkedAFewChunksAtATime) {
  Options options = Cluster::TestOptions();
  options.snapshot_every = 1;
  options.log_keep = 0;
  options.snapshot_chunk_bytes = 1;
  Cluster cluster(3, options);
  cluster.TimeOut(k2);
  cluster.Settle();
  ASSERT_EQ(cluster.LeaderOf(), k2);
  cluster.Crash(k3);
  for (int i = 0; i < 40; ++i) {
    cluster.AskPut(k2, "key" + std::to_string(i), "value");
    cluster.Settle();
  }
  ASSERT_GT(cluster.raft(k2).log().start().entry.index, Index(40));
  cluster.Boot(k3);
  for (int i = 0; i < 2000; ++i) {
    const Progress* peer = cluster.raft(k2).progress(k3);
    ASSERT_NE(peer, nullptr);
    if (peer->state == ProgressState::kSnapshot && peer->next_chunk >= 30) break;
    if (cluster.packets().empty()) cluster.Pass(Milliseconds(10));
    cluster.Deliver(0);
    for (const NodeId id : {k1, k2, k3}) {
      cluster.Sync(id);
      while (cluster.Work(id)) continue;
    }
  }
  ASSERT_GE(cluster.raft(k2).progress(k3)->next_chunk, 30u);
  // Node 3 is away for long enough that the view is closed, and comes back.
  cluster.Cut(k3, k2);
  for (int i = 0; i < 12; ++i) {
    cluster.Pass(Milliseconds(30));
    cluster.Settle();
  }
  ASSERT_EQ(cluster.LeaderOf(), k2);
  ASSERT_FALSE(cluster.raft(k2).leadership()->view.has_value());
  cluster.Heal();
  int pieces = 0;
  for (int i = 0; i < 200 && cluster.raft(k3).applied() < Index(40); ++i) {
    cluster.Pass(Milliseconds(10));
    while (cluster.Deliver(0)) {
      for (const NodeId id : {k1, k3}) {
        cluster.Sync(id);
        while (cluster.Work(id)) continue;
      }
      cluster.Sync(k2);
      while (cluster.host(k2)->HasWork()) {
        cluster.Work(k2);
        if (cluster.host(k2)->HasWork() && cluster.host(k2)->last_answer() == nullptr) ++pieces;
      }
      while (cluster.Work(k2)) continue;
    }
  }
  EXPECT_GE(cluster.raft(k3).applied(), Index(40));
  EXPECT_GE(pieces, 3);  // 30 chunks, 8 at a time
}

}  // namespace
}  // namespace quorate
