// Terms, votes and elections: rules 1, 2, 3, 10, 11 and 13 of docs/raft.md.
// Each rule has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// ---- rule 1: one step, one atomic act ----------------------------------------------------------------
TEST(Rule01, AnAppendOfAnOverTermChangesNothingButIsAnswered) {
  Fixture f;
  f.From(2, f.Append(Term(5), At(0, 0), {Term(5)}));
  const Effects effects = f.From(3, f.Append(Term(4), At(0, 0), {Term(4), Term(4)}));
  EXPECT_TRUE(Fixture::Records<AppendEntries>(effects).empty());
  EXPECT_EQ(f.Group().log().last(), At(1, 5));
  ASSERT_EQ(Fixture::Sent<AppendReply>(effects, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendReply>(effects, 3)[0].verdict, AppendVerdict::kStaleTerm);
}

TEST(Rule01, TermAndEntriesOfOneMessageAreOneWrite) {
  Fixture f;
  const Effects effects = f.From(2, f.Append(Term(5), At(0, 0), {Term(5)}));
  EXPECT_EQ(Fixture::All<Persist>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Records<SetHardState>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Records<AppendEntries>(effects).size(), 1u);
}

// ---- rule 2: term and vote ---------------------------------------------------------------------------
TEST(Rule02, AGrantIsOneRecordAndWaitsForIt) {
  Fixture f;
  const PersistSeq seq = Next(f.replica().last_write());
  EXPECT_EQ(f.From(2, Vote(VoteKind::kVote, 1, At(0, 0))),
            (Effects{
                Persist{.seq = seq,
                        .records = {SetHardState{Fixture::kGroup, {Term(1), NodeId(0)}},
                                    SetHardState{Fixture::kGroup, {Term(1), NodeId(2)}}}},
                Send{.to = NodeId(2),
                     .session = f.session(),
                     .after = seq,
                     .message = {Fixture::kGroup, VoteReply{.term = Term(1),
                                                            .kind = VoteKind::kVote,
                                                            .proposed = Term(1),
                                                            .campaign = Campaign(9),
                                                            .granted = true}}},
            }));
}

TEST(Rule02, SteppingDownWithinTheTermKeepsTheVote) {
  Fixture f;
  f.BecomeCandidate();
  const Term term = f.Group().term();
  f.From(2, f.Append(term, At(0, 0), {term}));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
  EXPECT_EQ(f.Group().hard_state(), (HardState{term, NodeId(1)}));
  f.Pass(Milliseconds(1000));  // nobody is heard from: stickiness is over
  const Effects effects =
      f.From(3, Vote(VoteKind::kTransferVote, term.value(), At(9, term.value())));
  ASSERT_EQ(Fixture::Sent<VoteReply>(effects).size(), 1u);
  EXPECT_FALSE(Fixture::Sent<VoteReply>(effects)[0].granted);
}

TEST(Rule02, ALeaderThatLosesItsQuorumKeepsTermAndVote) {
  Fixture f;
  f.Lead();
  const HardState before = f.Group().hard_state();
  for (int i = 0; i < 20; ++i) f.Pass(Milliseconds(50));
  EXPECT_EQ(f.Group().hard_state(), before);
  EXPECT_FALSE(f.Group().leads());
}

TEST(Rule02, ASecondCandidateOfTheTermIsRefused) {
  Fixture f;
  f.From(2, Vote(VoteKind::kVote, 1, At(0, 0)));
  const Effects effects = f.From(3, Vote(VoteKind::kVote, 1, At(5, 1)));
  ASSERT_EQ(Fixture::Sent<VoteReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Sent<VoteReply>(effects)[0].reason, DropReason::kAlreadyVoted);
}

TEST(Rule02, AnOwnVoteCountsOnlyOnceDurable) {
  Fixture f;
  f.TimeOut();
  f.From(2, f.Grant(VoteKind::kPreVote));
  f.From(2, f.Grant(VoteKind::kVote));
  EXPECT_EQ(f.Group().role(), Role::kCandidate);  // two of three, but one of them is not on disk
  f.Persist();
  EXPECT_TRUE(f.Group().leads());
}

// ---- rule 3: which votes count -----------------------------------------------------------------------
TEST(Rule03, AGrantOfAnotherCampaignDoesNotCount) {
  Fixture f;
  f.BecomeCandidate();
  VoteReply late = f.Grant(VoteKind::kVote);
  late.campaign = Campaign(late.campaign.value() - 1);
  f.From(2, late);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
  VoteReply of_pre_vote = f.Grant(VoteKind::kVote);
  of_pre_vote.kind = VoteKind::kPreVote;
  f.From(2, of_pre_vote);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
}

TEST(Rule03, AGrantFromANodeOfAnEarlierTermDoesNotCount) {
  Fixture f;
  f.BecomeCandidate();
  VoteReply odd = f.Grant(VoteKind::kVote);
  odd.term = Term(odd.term.value() - 1);
  f.From(2, odd);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
}

TEST(Rule03, AVoteIsCountedOncePerVoter) {
  Fixture f(5);
  f.BecomeCandidate();
  f.From(2, f.Grant(VoteKind::kPreVote));
  EXPECT_NE(f.Group().role(), Role::kLeader);
}

// ---- rule 10: election timers ------------------------------------------------------------------------
TEST(Rule10, EverythingValidFromTheLeaderRefreshesTheTimer) {
  Fixture f;
  const auto refreshes = [&](const auto& act) {
    f.Pass(Milliseconds(20));
    const MonoTime before = f.Group().next_wakeup();
    act();
    return f.Group().next_wakeup() > before;
  };
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(refreshes([&] { f.From(2, f.Append(Term(1), At(1, 1), {})); }));
  EXPECT_TRUE(refreshes([&] { f.From(2, CommitNotice{Term(1), At(1, 1)}); }));
  EXPECT_TRUE(refreshes([&] { f.HeartbeatFrom(2, {Fixture::kGroup, Term(1), {}, At(0, 0)}); }));
  EXPECT_TRUE(refreshes([&] {
    f.From(2, SnapshotChunk{.term = Term(1),
                            .name = {At(9, 1), Generation(1), BootNumber(1)},
                            .number = 0,
                            .last = false,
                            .rows = Payload("r"),
                            .configuration_index = {},
                            .configuration = f.Group().configuration()});
  }));
}

TEST(Rule10, PreVotesAndMessagesOfAnOverTermRefreshNothing) {
  Fixture f;
  f.From(2, f.Append(Term(4), At(0, 0), {Term(4)}));
  const MonoTime before = f.Group().next_wakeup();
  f.Pass(Milliseconds(20));
  f.From(3, Vote(VoteKind::kPreVote, 4, At(9, 4)));
  f.From(3, f.Append(Term(3), At(0, 0), {}));
  f.HeartbeatFrom(3, {Fixture::kGroup, Term(3), {}, At(0, 0)});
  EXPECT_EQ(f.Group().next_wakeup(), before);
}

TEST(Rule10, ARefusedPreVoteTeachesTheHigherTerm) {
  Fixture f;
  f.TimeOut();
  VoteReply refusal = f.Grant(VoteKind::kPreVote);
  refusal.granted = false;
  refusal.term = Term(8);
  f.From(2, refusal);
  EXPECT_EQ(f.Group().term(), Term(8));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
}

TEST(Rule10, ALeaderWithoutAQuorumStepsDownAndStopsItsHeartbeats) {
  Fixture f;
  f.Lead();
  for (int i = 0; i < 8; ++i) f.Pass(Milliseconds(50));
  EXPECT_FALSE(f.Group().leads());
  EXPECT_TRUE(Fixture::Sent<Heartbeat>(f.Pass(Milliseconds(50))).empty());
}

TEST(Rule10, TimeoutsAreDrawnFromTheSeed) {
  const auto deadline = [](std::uint64_t seed) {
    Options options = Fixture::DefaultOptions();
    options.seed = seed;
    return Fixture(3, options).Group().next_wakeup();
  };
  EXPECT_EQ(deadline(1), deadline(1));
  EXPECT_NE(deadline(1), deadline(2));
}

// ---- rule 11: the disk -------------------------------------------------------------------------------
TEST(Rule11, ALeaderWhoseDiskStallsStepsDown) {
  Fixture f;
  f.Lead();
  f.Propose("never durable");
  for (int i = 0; i < 4; ++i) {
    f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
    f.Pass(Milliseconds(50));
  }
  EXPECT_FALSE(f.Group().leads());
  EXPECT_GE(f.replica().drops(DropReason::kDiskStalled), 1u);
}

TEST(Rule11, NobodyCampaignsOnADiskThatDoesNotAnswer) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(Fixture::Sent<VoteRequest>(f.Pass(Seconds(1))).empty());
  f.Persist();
  EXPECT_FALSE(Fixture::Sent<VoteRequest>(f.Pass(Seconds(1))).empty());
}

// ---- rule 13: terms that came about elsewhere --------------------------------------------------------
TEST(Rule13, MessagesOfALowerTermAreAnsweredWithTheCurrentOne) {
  Fixture f;
  f.From(2, f.Append(Term(5), At(0, 0), {}));
  EXPECT_EQ(Fixture::Sent<AppendReply>(f.From(3, f.Append(Term(4), At(0, 0), {})), 3).at(0).term,
            Term(5));
  const Effects beat = f.HeartbeatFrom(3, {Fixture::kGroup, Term(4), {}, At(0, 0)});
  ASSERT_EQ(Fixture::Sent<HeartbeatReply>(beat, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<HeartbeatReply>(beat, 3)[0].items[0].term, Term(5));
  EXPECT_FALSE(Fixture::Sent<HeartbeatReply>(beat, 3)[0].items[0].follows);
  const Effects chunk = f.From(3, SnapshotChunk{.term = Term(4),
                                                .name = {At(9, 1), Generation(1), BootNumber(1)},
                                                .number = 0,
                                                .last = false,
                                                .rows = {},
                                                .configuration_index = {},
                                                .configuration = f.Group().configuration()});
  EXPECT_EQ(Fixture::Sent<SnapshotReply>(chunk, 3).at(0).term, Term(5));
}

TEST(Rule13, ALeaderStepsDownToAHigherTermInAnAnswer) {
  Fixture f;
  f.Lead();
  f.From(3, AppendReply{.term = Term(9),
                        .verdict = AppendVerdict::kStaleTerm,
                        .match = {},
                        .prev = {},
                        .hint = {}});
  EXPECT_EQ(f.Group().role(), Role::kFollower);
  EXPECT_EQ(f.Group().term(), Term(9));
}

TEST(Rule13, AProposedTermIsNeverAdopted) {
  Fixture f;
  f.From(2, Vote(VoteKind::kPreVote, 6, At(9, 6)));
  EXPECT_EQ(f.Group().term(), Term(0));
}

TEST(Rule13, AVoteOrderedByTheLeaderPassesStickiness) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  const Effects sticky = f.From(3, Vote(VoteKind::kVote, 2, At(1, 1)));
  EXPECT_EQ(Fixture::Sent<VoteReply>(sticky).at(0).reason, DropReason::kHasLeader);
  EXPECT_EQ(f.Group().term(), Term(1));
  const Effects ordered = f.From(3, Vote(VoteKind::kTransferVote, 2, At(1, 1)));
  EXPECT_TRUE(Fixture::Sent<VoteReply>(ordered).at(0).granted);
}

TEST(Rule13, TheLeadersOwnNewCampaignIsNoDisturbance) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(
      Fixture::Sent<VoteReply>(f.From(2, Vote(VoteKind::kVote, 2, At(1, 1)))).at(0).granted);
}

}  // namespace
}  // namespace quorate
