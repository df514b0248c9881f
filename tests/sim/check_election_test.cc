// tests/sim/check_election_test.cc — checkers of terms, votes and leaders: what they refuse, what they let pass.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

TEST(ElectionChecks, ACorrectElectionPasses) {
  Play play;
  play.Settle();
  play.Elect(2, 2, {3});
  play.Replicate(2, 3);
  play.Replicate(2, 1);
  play.Commit(2, 2);
  EXPECT_CLEAN(play);
  EXPECT_EQ(play.invariants().latest_leader(kGroup), NodeId(2));
  EXPECT_EQ(play.invariants().committed(kGroup), Index(2));
  for (const Check check :
       {Check::kOneLeaderATerm, Check::kOneVoteATerm, Check::kRoles, Check::kLeaderCompleteness,
        Check::kCommittedOnQuorum, Check::kMatchIsDurable, Check::kDurableBeforeReply}) {
    EXPECT_GT(play.Checked(check), 0u) << IdOf(check);
  }
}

TEST(ElectionChecks, TwoLeadersOfOneTermAreRefused) {
  Play play;
  play.Elect(1, 1, {2});
  EXPECT_CLEAN(play);
  play.Campaign(3, 1);
  EXPECT_CLEAN(play);
  play.view(3).role = Role::kLeader;
  play.Step(3);
  EXPECT_VIOLATES(play, "I-1");
}

TEST(ElectionChecks, SpeakingAsALeaderWithoutBeingOneIsRefused) {
  Play play;
  play.Settle();
  play.Leave(2, 3, CommitNotice{Term(1), At(1, 1)});
  EXPECT_VIOLATES(play, "I-1");
}

TEST(ElectionChecks, OnlyTheLeaderOfATermMakesItsEntries) {
  Play play;
  play.Settle();
  play.Append(2, {Command(1, "forged")});
  EXPECT_VIOLATES(play, "I-1b");
}

TEST(ElectionChecks, ASecondVoteInATermIsRefusedEvenAfterARestart) {
  Play play;
  play.Campaign(1, 1);
  play.Vote(3, 1, 1);
  play.Campaign(2, 1);
  EXPECT_CLEAN(play);
  play.Leave(3, 1, Play::Grant(1));  // the same grant once more does no harm
  EXPECT_CLEAN(play);
  Play other;
  other.Campaign(1, 1);
  other.Vote(3, 1, 1);
  other.Campaign(2, 1);
  other.view(3).vote = NodeId(2);
  other.Write(3, SetHardState{kGroup, {Term(1), NodeId(2)}});
  other.Step(3);
  EXPECT_VIOLATES(other, "I-2");
}

TEST(ElectionChecks, AVoteForgottenByACrashCannotBeGivenAgain) {
  Play play;
  play.Campaign(1, 1);
  play.Campaign(2, 1);
  play.SetHardState(3, 1, 1);
  play.Step(3);
  play.invariants().OnCrash(NodeId(3), PersistSeq(1));  // the vote's write is lost: it never left
  play.invariants().OnBoot(NodeId(3), play.Found(3, play.Fresh(), 1), BootNumber(2));
  EXPECT_CLEAN(play);
  play.of(3).seq = PersistSeq();
  play.view(3) = GroupView{};
  play.view(3).group = kGroup;
  play.view(3).configuration = &play.born_with();
  play.Step(3);
  play.Vote(3, 2, 1);
  EXPECT_CLEAN(play);
}

TEST(ElectionChecks, AVoteThatLeftBeforeItWasDurableIsRefused) {
  Play play;
  play.Campaign(1, 1);
  play.SetHardState(3, 1, 1);
  play.Step(3);
  play.Leave(3, 1, Play::Grant(1));
  EXPECT_VIOLATES(play, "I-42");
}

TEST(ElectionChecks, AVoteThatWasNeverWrittenIsRefused) {
  Play play;
  play.Campaign(1, 1);
  play.view(3).term = Term(1);
  play.view(3).vote = NodeId(1);
  play.Write(3, SetHardState{kGroup, {Term(1), NodeId()}});  // the term, without the vote
  play.Step(3);
  EXPECT_VIOLATES(play, "I-41");
}

TEST(ElectionChecks, AMessageOfATermThatIsNotDurableIsRefused) {
  Play play;
  play.Settle();
  play.SetHardState(3, 2, 0);
  play.Step(3);
  play.Leave(3, 1,
             AppendReply{.term = Term(2),
                         .verdict = AppendVerdict::kStaleTerm,
                         .match = {},
                         .prev = {},
                         .hint = {}});
  EXPECT_VIOLATES(play, "I-42");
}

TEST(ElectionChecks, AVoteClearedWithinItsTermIsRefused) {
  Play play;
  play.Campaign(1, 1);
  play.Vote(3, 1, 1);
  EXPECT_CLEAN(play);
  play.SetHardState(3, 1, 0);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-2");
}

TEST(ElectionChecks, ALeaderWithoutAQuorumOfVotesIsRefused) {
  Play play(5);
  play.Campaign(1, 1);
  play.Vote(2, 1, 1);
  EXPECT_CLEAN(play);
  play.Lead(1, 1);
  EXPECT_VIOLATES(play, "I-3");
}

TEST(ElectionChecks, VotesOfAnEarlierTermDoNotMakeALeader) {
  Play play;
  play.Campaign(1, 1);
  play.Vote(2, 1, 1);
  play.Campaign(1, 2);
  play.Lead(1, 2);
  EXPECT_VIOLATES(play, "I-3");
}

TEST(ElectionChecks, AFollowerThatLeadsWithoutCandidacyIsRefused) {
  Play play;
  play.Campaign(1, 1);
  play.Vote(2, 1, 1);
  play.view(1).role = Role::kFollower;
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).role = Role::kLeader;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-3");
}

TEST(ElectionChecks, ALeaderThatGrantsAPreVoteIsRefused) {
  Play play;
  play.Settle();
  VoteReply grant = Play::Grant(2);
  grant.term = Term(1);
  grant.kind = VoteKind::kPreVote;
  play.Ask(1, play.Reply(1, 3, grant));
  play.Step(1);
  EXPECT_VIOLATES(play, "I-3");
}

TEST(ElectionChecks, ALeaderWithoutACommittedEntryIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  play.Replicate(1, 2);
  play.Commit(1, 1);
  EXPECT_CLEAN(play);
  play.Campaign(3, 2);
  play.SetHardState(1, 2, 3);  // a vote that looks at nothing
  play.view(1).role = Role::kFollower;
  play.view(1).peers.clear();
  play.Step(1);
  play.Durable(1);
  play.Leave(1, 3, Play::Grant(2));
  play.Lead(3, 2);
  EXPECT_VIOLATES(play, "I-5");
}

TEST(ElectionChecks, AVoteForALogThatIsBehindIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Campaign(3, 2);
  play.Vote(2, 3, 2);
  EXPECT_VIOLATES(play, "I-22");
}

TEST(ElectionChecks, ATermThatNobodyToldIsRefused) {
  Play play;
  play.Settle();
  play.SetHardState(3, 5, 0);
  const Input input = play.From(1, CommitNotice{Term(1), At(1, 1)});
  play.Step(3, &input);
  EXPECT_VIOLATES(play, "I-20");
}

TEST(ElectionChecks, ATermToldByAPeerPasses) {
  Play play;
  play.Settle();
  play.SetHardState(3, 5, 0);
  const Input input = play.From(2, VoteRequest{.term = Term(5),
                                               .kind = VoteKind::kVote,
                                               .proposed = Term(5),
                                               .campaign = Campaign(9),
                                               .last = {}});
  play.Step(3, &input);
  EXPECT_CLEAN(play);
}

TEST(ElectionChecks, APreVoteProposesATermButTeachesNone) {
  Play play;
  play.Settle();
  play.SetHardState(3, 2, 0);
  const Input input = play.From(2, VoteRequest{.term = Term(1),
                                               .kind = VoteKind::kPreVote,
                                               .proposed = Term(2),
                                               .campaign = Campaign(9),
                                               .last = At(1, 1)});
  play.Step(3, &input);
  EXPECT_VIOLATES(play, "I-20");
}

TEST(ElectionChecks, AMessageThatLiesAboutItsTermIsRefused) {
  Play play;
  play.Settle();
  play.Ask(2, play.Reply(2, 1, Play::Accepted(4, 1)));
  play.Step(2);
  EXPECT_VIOLATES(play, "I-20");
}

TEST(ElectionChecks, ATermThatFallsIsRefused) {
  Play play;
  play.Settle();
  play.SetHardState(3, 0, 0);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-8");
}

}  // namespace
}  // namespace quorate::sim
