// What is taken from a peer, and how refusals are counted: rules 6, 16 and 17 of docs/raft.md.
// Each rule has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// ---- rule 6: boots and sessions ----------------------------------------------------------------------
TEST(Rule06, AFrameOfAnotherSessionIsDropped) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(2), LinkSession(8)});
  f.Step(FrameReceived{
      NodeId(2), LinkSession(1), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {Term(3)})}}});
  EXPECT_EQ(f.Group().term(), Term(0));
  EXPECT_EQ(f.replica().drops(DropReason::kStaleLink), 1u);
}

TEST(Rule06, ALinkOfAnEarlierBootIsNotTaken) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(5), LinkSession(8)});
  f.Step(LinkUp{NodeId(2), BootNumber(4), LinkSession(9)});
  f.Step(FrameReceived{
      NodeId(2), LinkSession(9), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {Term(3)})}}});
  EXPECT_EQ(f.Group().term(), Term(0));
}

TEST(Rule06, WhatIsSentCarriesTheSessionOfItsStep) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(2), LinkSession(8)});
  const Effects effects = f.Step(FrameReceived{
      NodeId(2), LinkSession(8), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {})}}});
  ASSERT_EQ(Fixture::SendsOf<AppendReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::SendsOf<AppendReply>(effects)[0].session, LinkSession(8));
}

// ---- rule 16: what a peer sends is never asserted on -------------------------------------------------
TEST(Rule16, LiesAreCountedAndDropped) {
  Fixture f;
  f.Lead();
  f.From(2, f.Accepted(Index(99)));
  f.From(2, f.Append(f.Group().term(), At(0, 0), {}));
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), ReadCounter(77), true});
  f.From(2, AppendRequest{
                .term = f.Group().term(), .prev = At(0, 44), .commit = Index(9), .entries = {}});
  EXPECT_TRUE(f.Group().leads());
  EXPECT_GE(f.replica().drops(DropReason::kMalformed), 2u);
  EXPECT_GE(f.replica().drops(DropReason::kNotInThisRole), 2u);
}

TEST(Rule16, EntriesWhoseTermsFallOrPassTheLeadersAreDropped) {
  Fixture f;
  f.From(2, f.Append(Term(3), At(0, 0), {Term(3), Term(2)}));
  f.From(2, f.Append(Term(3), At(0, 0), {Term(4)}));
  f.From(2, f.Append(Term(3), At(0, 7), {Term(3)}));
  EXPECT_EQ(f.Group().log().last(), At(0, 0));
  EXPECT_EQ(f.replica().drops(DropReason::kMalformed), 3u);
}

TEST(Rule16, ChunksAndForwardsThatNobodyCouldHaveSentAreDropped) {
  Fixture f;
  SnapshotChunk chunk{.term = Term(1),
                      .name = {At(9, 2), Generation(1), BootNumber(1)},
                      .number = 0,
                      .last = true,
                      .rows = Payload("r"),
                      .configuration_index = {},
                      .configuration = f.Group().configuration()};
  EXPECT_TRUE(Fixture::All<InstallChunk>(f.From(2, chunk)).empty());
  chunk.name.entry = At(9, 1);
  chunk.configuration_index = Index(10);
  EXPECT_TRUE(Fixture::All<InstallChunk>(f.From(2, chunk)).empty());
  Fixture leader;
  leader.Lead();
  Forward forward{.term = leader.Group().term(), .requests = {}};
  forward.requests.push_back({RequestId(1), EntryKind::kConfiguration, Payload("x")});
  EXPECT_TRUE(Fixture::Records<AppendEntries>(leader.From(2, forward)).empty());
}

// ---- rule 17: refusals are counted by reason ---------------------------------------------------------
TEST(Rule17, WhyAVoteWasRefusedIsCounted) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}));
  f.From(3, Vote(VoteKind::kPreVote, 1, At(9, 9)));
  EXPECT_EQ(f.replica().drops(DropReason::kHasLeader), 1u);
  f.Pass(Milliseconds(1000));
  f.Persist();
  f.From(3, Vote(VoteKind::kPreVote, 1, At(1, 1)));
  EXPECT_EQ(f.replica().drops(DropReason::kLogBehind), 1u);
  f.From(3, Vote(VoteKind::kPreVote, 0, At(9, 9)));
  EXPECT_EQ(f.replica().drops(DropReason::kStaleTerm), 1u);
}

TEST(Rule17, WhyAProposalWasRefusedIsCounted) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {}));
  f.Persist();
  Forward forward{.term = Term(1), .requests = {}};
  forward.requests.push_back({RequestId(1), EntryKind::kCommand, Payload("x")});
  f.From(3, forward);
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kNotInThisRole), 1u);
  f.Lead();
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(3)});
  f.Propose("x");
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kHandingOver), 1u);
  f.Step(DiskSpace{Space::kLow});
  f.Propose("x");
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kNoSpace), 1u);
}

TEST(Rule17, WhyAConfigurationWasRefusedIsCounted) {
  Fixture f;
  ChangeConfiguration change{Fixture::kGroup, {}, Transition::kAuto, 0};
  change.changes.push_back({ChangeKind::kAddVoter, NodeId(4)});
  f.Step(change);
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kNotInThisRole), 1u);
  f.BecomeLeader();
  f.Step(change);
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kChangePending), 1u);
  f.Persist();
  f.From(2, f.Accepted(f.Group().log().last().index));
  change.expected_epoch = 77;
  f.Step(change);
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kOtherEpoch), 1u);
  change.expected_epoch = f.Group().configuration().epoch;
  f.Step(change);
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kLogBehind), 1u);
}

TEST(Rule17, WhyOthersDidNotVoteIsCounted) {
  Fixture f;
  f.TimeOut();
  VoteReply no = f.Grant(VoteKind::kPreVote);
  no.granted = false;
  no.reason = DropReason::kHasLeader;
  f.From(2, no);
  EXPECT_EQ(f.replica().refused_votes(DropReason::kHasLeader), 1u);
  no.term = Term(9);  // of a higher term: the candidacy is over before the reply is looked at
  no.reason = DropReason::kStaleTerm;
  f.From(3, no);
  EXPECT_EQ(f.replica().refused_votes(DropReason::kStaleTerm), 1u);
}

// ---- the engine's state is a value ------------------------------------------------------------------
TEST(ReplicaValue, ACopyGoesItsOwnWayAndGivesTheSameEffectsForTheSameInputs) {
  Fixture f;
  f.Lead();
  Replica copy = f.replica();
  EXPECT_EQ(copy.StateDigest(), f.replica().StateDigest());
  EXPECT_EQ(copy.Render(), f.replica().Render());
  const Effects here = f.Propose("x");
  EXPECT_NE(copy.StateDigest(), f.replica().StateDigest());
  EXPECT_EQ(*copy.group(Fixture::kGroup), *copy.group(Fixture::kGroup));
  EXPECT_FALSE(*copy.group(Fixture::kGroup) == f.Group());
  ClientRequests again;
  again.requests.push_back({f.last_request(),
                            Fixture::kGroup,
                            RequestKind::kWrite,
                            SessionId(7),
                            SessionSeq(f.last_request().value()),
                            Payload("x"),
                            {}});
  EXPECT_EQ(copy.Step(f.now(), again), here);
  EXPECT_EQ(copy.StateDigest(), f.replica().StateDigest());
}

}  // namespace
}  // namespace quorate
