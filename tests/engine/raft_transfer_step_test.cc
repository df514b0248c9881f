// To whom leadership is handed over, and what follows when it is not taken. Rules: docs/raft.md.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

constexpr NodeId kWhoever{0};

// Time passes; nodes 2 to `last` are heard from.
void PassHearing(Fixture& f, Duration span, std::uint32_t last) {
  for (Duration passed{}; passed < span; passed = passed + Milliseconds(50)) {
    f.Pass(Milliseconds(50));
    for (std::uint32_t peer = 2; peer <= last && f.Group().leads(); ++peer) {
      f.BeatReplyFrom(peer, {Fixture::kGroup, f.Group().term(), {}, true});
    }
  }
}
// Five nodes; node 5 holds most of the log, then 4, then 3, then 2.
Fixture Leading() {
  Fixture f(5);
  f.BecomeCandidate();
  f.From(3, f.Grant(VoteKind::kPreVote));
  f.Persist();
  f.From(2, f.Grant(VoteKind::kVote));
  f.From(3, f.Grant(VoteKind::kVote));
  for (int i = 0; i < 3; ++i) f.Propose("x");
  f.Persist();
  for (std::uint32_t peer = 2; peer <= 5; ++peer) f.From(peer, f.Accepted(Index(peer - 1)));
  return f;
}
NodeId TargetOf(const Fixture& f) {
  const Leader* leader = f.Group().leadership();
  return leader != nullptr && leader->transfer ? leader->transfer->target : NodeId();
}

TEST(Rule12, WhoeverHoldsMostOfTheLogIsChosen) {
  Fixture f = Leading();
  ASSERT_TRUE(f.Group().leads());
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(5));
}

TEST(Rule12, NobodyIsChosenWhoWasNotHeardFromLately) {
  Fixture f = Leading();
  PassHearing(f, Milliseconds(350), 4);
  ASSERT_TRUE(f.Group().leads());
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(4));
}

TEST(Rule12, NobodyIsChosenWhoseLinkIsDown) {
  Fixture f = Leading();
  f.Step(LinkDown{NodeId(5), f.session()});
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(4));
}

TEST(Rule12, NobodyIsChosenWhoHasNoSpace) {
  Fixture f = Leading();
  f.From(5, AppendReply{.term = f.Group().term(),
                        .verdict = AppendVerdict::kNoSpace,
                        .match = {},
                        .prev = Index(4),
                        .hint = {}});
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(4));
}

TEST(Rule12, ALearnerIsNotChosen) {
  Recovered recovered = Fixture::Fresh(2);
  recovered.groups[0].start.configuration.learners = {NodeId(3)};
  Fixture f(recovered, Fixture::DefaultOptions());
  f.Lead();
  f.Propose("x");
  f.From(3, f.Accepted(Index(2)));
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(2));
}

TEST(Rule12, ATargetThatDidNotTakeOverIsNotChosenAgainAtOnce) {
  Fixture f = Leading();
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  ASSERT_EQ(TargetOf(f), NodeId(5));
  PassHearing(f, Milliseconds(350), 5);
  ASSERT_TRUE(f.Group().leads());
  ASSERT_EQ(TargetOf(f), NodeId());
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(4));
  PassHearing(f, Milliseconds(350), 5);
  PassHearing(f, Milliseconds(900), 5);  // by now it may have another try
  f.Step(TransferLeadership{Fixture::kGroup, kWhoever});
  EXPECT_EQ(TargetOf(f), NodeId(5));
}

TEST(Rule12, WhoIsNamedIsTriedWhateverHappenedBefore) {
  Fixture f = Leading();
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(5)});
  PassHearing(f, Milliseconds(350), 5);
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(5)});
  EXPECT_EQ(TargetOf(f), NodeId(5));
}

TEST(Rule12, AChangeThatWaitedForATransferGoesOnWhenItIsGivenUp) {
  Fixture f;
  f.Lead();
  ChangeConfiguration change{Fixture::kGroup, {}, Transition::kAuto, 0};
  change.expected_epoch = f.Group().configuration().epoch;
  change.changes.push_back({ChangeKind::kRemove, NodeId(3)});
  change.transition = Transition::kJointImplicit;
  f.Step(change);
  ASSERT_TRUE(f.Group().configuration().joint());
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(2)});
  f.Persist();
  f.From(3, f.Accepted(f.Group().log().last().index));
  f.From(2, f.Accepted(f.Group().log().last().index));
  ASSERT_EQ(f.Group().commit(), f.Group().log().last().index);
  ASSERT_TRUE(f.Group().configuration().joint());
  PassHearing(f, Milliseconds(350), 3);
  ASSERT_TRUE(f.Group().leads());
  EXPECT_FALSE(
      f.Group().configuration().joint());  // the entry that leaves the joint state is there
}

TEST(Rule15, ALeaderElectedWithoutSpaceLeadsForAWhileBeforeItOffers) {
  Fixture f;
  f.Step(DiskSpace{Space::kLow});
  f.Lead();
  PassHearing(f, Milliseconds(200), 3);
  EXPECT_EQ(TargetOf(f), NodeId());
  PassHearing(f, Milliseconds(1100), 3);
  EXPECT_EQ(TargetOf(f), NodeId(2));
}

// ---- rule 12: transfer -------------------------------------------------------------------------------
TEST(Rule12, TheTargetIsCaughtUpBeforeItIsTold) {
  Fixture f;
  f.Lead();
  f.Propose("x");
  EXPECT_TRUE(
      Fixture::Sent<TimeoutNow>(f.Step(TransferLeadership{Fixture::kGroup, NodeId(3)})).empty());
  EXPECT_EQ(Fixture::Sent<TimeoutNow>(f.From(3, f.Accepted(Index(2))), 3).size(), 1u);
}

TEST(Rule12, ProposalsStopAndGoOnAfterAnElectionTimeout) {
  Fixture f;
  f.Lead();
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(3)});
  EXPECT_TRUE(Fixture::Records<AppendEntries>(f.Propose("x")).empty());
  for (int i = 0; i < 7; ++i) {
    f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
    f.Pass(Milliseconds(50));
  }
  ASSERT_TRUE(f.Group().leads());
  EXPECT_FALSE(f.Group().leadership()->transfer.has_value());
  EXPECT_EQ(Fixture::Records<AppendEntries>(f.Propose("y")).size(), 1u);
}

}  // namespace
}  // namespace quorate
