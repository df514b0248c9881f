// Requests on their way through a whole cluster: answered once, applied once, and by nobody for ever waited for.
#include <gtest/gtest.h>

#include "tests/cluster/cluster.h"

namespace quorate {
namespace {

constexpr NodeId n1(1);
constexpr NodeId n2(2);
constexpr NodeId n3(3);

class ForwardingTest : public testing::Test {
 protected:
  ForwardingTest() {
    for (const GroupId group : {kSystemGroup, kDefaultNamespace}) Elect(n1, group);
  }
  void Elect(NodeId node, GroupId group) {
    while (cluster_.LeaderOf(group) != node) {
      if (cluster_.raft(node, group).leads()) break;
      cluster_.TimeOut(node, group);
      cluster_.Settle();
    }
    ASSERT_EQ(cluster_.LeaderOf(group), node);
  }
  // Everything is delivered but answers to forwarded requests, which are lost.
  void SettleWithoutAnswers() {
    for (bool moved = true; moved;) {
      moved = false;
      if (!cluster_.packets().empty()) {
        const Message& message = cluster_.packets().front().message.message;
        if (std::holds_alternative<ForwardReply>(message)) {
          cluster_.Drop(0);
        } else {
          cluster_.Deliver(0);
        }
        moved = true;
        continue;
      }
      for (const NodeId node : {n1, n2, n3}) moved = cluster_.Sync(node) || moved;
      for (const NodeId node : {n1, n2, n3}) moved = cluster_.Work(node) || moved;
    }
  }
  RequestId Create(NodeId at, std::string name) {
    return cluster_.Ask(at, RequestKind::kCatalogue, kSystemGroup,
                        EncodeCatalogueCommand(CreateNamespace{std::move(name)}));
  }
  RequestId DropIt(NodeId at, std::uint32_t number) {
    return cluster_.Ask(at, RequestKind::kCatalogue, kSystemGroup,
                        EncodeCatalogueCommand(DropNamespace{GroupId(number)}));
  }
  RequestId Put(NodeId at, std::uint32_t group) {
    return cluster_.Ask(at, RequestKind::kWrite, GroupId(group),
                        EncodeCommand(quorate::Put{"k", "v"}));
  }
  Outcome Told(RequestId request) const {
    const Cluster::Answer* answer = cluster_.AnswerTo(request);
    EXPECT_NE(answer, nullptr);
    return answer == nullptr ? Outcome{} : answer->outcome;
  }
  CatalogueReply CatalogueTold(RequestId request) const {
    const absl::StatusOr<CatalogueReply> reply = DecodeCatalogueReply(Told(request).result.bytes());
    EXPECT_TRUE(reply.ok());
    return reply.ok() ? *reply : CatalogueReply{};
  }
  std::size_t SessionsAt(NodeId node) {
    return cluster_.host(node)->machine(kDefaultNamespace)->session_count();
  }

  Cluster cluster_{3};
};

TEST_F(ForwardingTest, AnOpeningThatTwoLeadersTookOpensOneSession) {
  const RequestId opening = cluster_.Ask(n3, RequestKind::kOpenSession, kDefaultNamespace, "");
  SettleWithoutAnswers();
  ASSERT_EQ(cluster_.AnswerTo(opening), nullptr);
  ASSERT_EQ(SessionsAt(n2), 1u);
  const Index first = cluster_.raft(n1).commit();
  Elect(n2, kDefaultNamespace);
  cluster_.Run(Milliseconds(100));
  EXPECT_EQ(Told(opening).kind, OutcomeKind::kDone);
  EXPECT_EQ(Told(opening).serial, first);
  for (const NodeId node : {n1, n2, n3}) EXPECT_EQ(SessionsAt(node), 1u);
}

TEST_F(ForwardingTest, ACreationThatTwoLeadersTookDoesNotUndoADropInBetween) {
  const RequestId create = Create(n3, "a");
  SettleWithoutAnswers();
  ASSERT_EQ(cluster_.AnswerTo(create), nullptr);
  const RequestId drop = DropIt(n1, 1);
  SettleWithoutAnswers();
  EXPECT_EQ(CatalogueTold(drop).status, CatalogueStatus::kDropped);
  Elect(n2, kSystemGroup);
  cluster_.Run(Milliseconds(100));
  EXPECT_EQ(CatalogueTold(create), (CatalogueReply{CatalogueStatus::kCreated, GroupId(1)}));
  for (const NodeId node : {n1, n2, n3}) {
    const Catalogue& catalogue = cluster_.host(node)->replica().catalogue();
    EXPECT_EQ(catalogue.Find("a", nullptr), nullptr);
    EXPECT_EQ(catalogue.namespaces().size(), 1u);
  }
}

TEST_F(ForwardingTest, TheCatalogueRemembersOverACompactionAndARestart) {
  const RequestId create = Create(n3, "a");
  SettleWithoutAnswers();
  const RequestId drop = DropIt(n1, 1);
  SettleWithoutAnswers();
  ASSERT_EQ(CatalogueTold(drop).status, CatalogueStatus::kDropped);
  for (const NodeId node : {n1, n2}) {
    cluster_.Restart(node);
    cluster_.Settle();
  }
  Elect(n2, kSystemGroup);
  cluster_.Run(Milliseconds(300));
  EXPECT_EQ(CatalogueTold(create), (CatalogueReply{CatalogueStatus::kCreated, GroupId(1)}));
  EXPECT_EQ(cluster_.host(n1)->replica().catalogue().Find("a", nullptr), nullptr);
}

TEST_F(ForwardingTest, WhoWaitsForANamespaceThatIsDroppedIsToldSo) {
  Create(n1, "a");
  cluster_.Run(Milliseconds(500));
  ASSERT_NE(cluster_.LeaderOf(GroupId(1)), NodeId());
  Elect(n2, GroupId(1));
  const RequestId warm = Put(n3, 1);  // a session is lent from now on
  cluster_.Settle();
  ASSERT_EQ(Told(warm).kind, OutcomeKind::kDone);
  // Nothing of the group's gets through any more, so nobody can answer.
  const auto lose = [&] {
    for (std::size_t at = cluster_.packets().size(); at-- > 0;) {
      if (cluster_.packets()[at].message.group == GroupId(1)) cluster_.Drop(at);
    }
  };
  const RequestId write = Put(n3, 1);
  lose();
  const RequestId read =
      cluster_.Ask(n3, RequestKind::kRead, GroupId(1), EncodeQuery(quorate::Get{"k"}));
  lose();
  const RequestId other = Put(n3, 0);
  const RequestId drop = DropIt(n1, 1);
  while (cluster_.AnswerTo(drop) == nullptr || cluster_.AnswerTo(other) == nullptr) {
    lose();
    if (!cluster_.Deliver(0)) {
      for (const NodeId node : {n1, n2, n3}) cluster_.Sync(node);
      for (const NodeId node : {n1, n2, n3}) cluster_.Work(node);
    }
  }
  cluster_.Settle();
  cluster_.Run(Milliseconds(100));
  ASSERT_EQ(cluster_.host(n3)->replica().group(GroupId(1)), nullptr);
  EXPECT_EQ(Told(write).kind, OutcomeKind::kUnknown);  // a copy had left
  EXPECT_EQ(Told(write).refusal, Refusal::kNoSuchNamespace);
  EXPECT_EQ(Told(read).kind, OutcomeKind::kNotApplied);
  EXPECT_EQ(Told(read).refusal, Refusal::kNoSuchNamespace);
  EXPECT_EQ(Told(other).kind, OutcomeKind::kDone);
  for (const NodeId node : {n1, n2, n3}) {
    EXPECT_EQ(cluster_.host(node)->replica().requests_under_way(), 0u);
    // Nothing is kept of it, and what it had lent.
    EXPECT_FALSE(cluster_.host(node)->replica().forwarding().Keeps(GroupId(1)));
  }
  EXPECT_TRUE(cluster_.host(n3)->replica().forwarding().Keeps(kDefaultNamespace));
}

TEST_F(ForwardingTest, AStaleReadOfANamespaceThatWasJustBornIsAnsweredOnceItsBirthIsDurable) {
  cluster_.HoldDisk(n3);
  Create(n1, "a");
  cluster_.Settle();
  cluster_.Pass(Milliseconds(60));  // the next heartbeat tells node 3 of the commit
  cluster_.Settle();
  cluster_.Sync(n3, 1);  // the entry of the catalogue, but not the group that comes of it
  cluster_.Settle();
  cluster_.Pass(Milliseconds(60));
  cluster_.Settle();
  ASSERT_NE(cluster_.host(n3)->replica().group(GroupId(1)), nullptr);
  ASSERT_EQ(cluster_.host(n3)->machine(GroupId(1)), nullptr);
  const RequestId read =
      cluster_.Ask(n3, RequestKind::kStaleRead, GroupId(1), EncodeQuery(quorate::Get{"k"}));
  cluster_.Settle();
  EXPECT_EQ(cluster_.AnswerTo(read), nullptr);
  cluster_.ReleaseDisk(n3);
  cluster_.Settle();
  EXPECT_EQ(Told(read).kind, OutcomeKind::kDone);
}

TEST_F(ForwardingTest, WhatIsAskedOfADroppedNamespaceIsRefusedAtOnce) {
  Create(n1, "a");
  cluster_.Run(Milliseconds(300));
  DropIt(n1, 1);
  cluster_.Run(Milliseconds(100));
  EXPECT_EQ(Told(Put(n3, 1)).refusal, Refusal::kNoSuchNamespace);
  EXPECT_EQ(cluster_.AnswerTo(Put(n3, 2)), nullptr);  // may be born yet
}

TEST_F(ForwardingTest, WhatWasAskedOfANamespaceBeforeThisNodeHeardOfItsBirthAndDeathIsRefused) {
  cluster_.Isolate(n3);
  Create(n1, "a");
  cluster_.Run(Milliseconds(100));
  DropIt(n1, 1);
  cluster_.Run(Milliseconds(100));
  const RequestId parked = Put(n3, 1);
  ASSERT_EQ(cluster_.AnswerTo(parked), nullptr);
  cluster_.Heal();
  cluster_.Run(Milliseconds(500));
  EXPECT_EQ(Told(parked).kind, OutcomeKind::kNotApplied);
  EXPECT_EQ(Told(parked).refusal, Refusal::kNoSuchNamespace);
}

}  // namespace
}  // namespace quorate
