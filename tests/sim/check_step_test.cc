// tests/sim/check_step_test.cc — checkers of stale messages and of limits: what they refuse, what passes.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// ---- messages of an earlier term ---------------------------------------------------------------------------

TEST(StepChecks, ActingOnAMessageOfAnEarlierTermIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a"), Command(1, "b")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  play.Commit(1, 3);
  play.Campaign(2, 2);
  play.Vote(3, 2, 2);
  EXPECT_CLEAN(play);
  const Input stale = play.From(1, CommitNotice{Term(1), At(3, 1)});
  play.Step(3, &stale);
  EXPECT_CLEAN(play);
  play.view(3).commit = Index(3);
  play.Step(3, &stale);
  EXPECT_VIOLATES(play, "I-21");
}

TEST(StepChecks, AnAcknowledgementOfAnEarlierTermMovesNoPeer) {
  Play play;
  play.Elect(1, 2, {2});
  play.Replicate(1, 2);
  const Input stale = play.From(3, Play::Accepted(1, 1));
  play.Append(1, {Command(2, "a")});
  play.view(1).peers[0].next = Index(3);  // sent, which is no acting on what came
  play.Step(1, &stale);
  EXPECT_CLEAN(play);
  play.view(1).peers[1].match = Index(1);
  play.Step(1, &stale);
  EXPECT_VIOLATES(play, "I-21");
}

TEST(StepChecks, ARefusalOfAnEarlierTermTakesNothingSentForLost) {
  Play play;
  play.Elect(1, 2, {2});
  play.Replicate(1, 2);
  play.Append(1, {Command(2, "a")});
  play.view(1).peers[0].next = Index(3);
  play.Step(1);
  const Input stale = play.From(2, AppendReply{.term = Term(1),
                                               .verdict = AppendVerdict::kMismatch,
                                               .match = {},
                                               .prev = Index(2),
                                               .hint = {}});
  play.Step(1, &stale);
  EXPECT_CLEAN(play);
  play.view(1).peers[0].next = Index(2);
  play.Step(1, &stale);
  EXPECT_VIOLATES(play, "I-21");
}

TEST(StepChecks, AnAnswerOfAnEarlierTermIsNoContactAndConfirmsNoRound) {
  for (const bool round : {false, true}) {
    Play play;
    play.Elect(1, 2, {2});
    play.Step(1);
    const Input stale = play.From(3, HeartbeatReply{.items = {{.group = kGroup,
                                                               .term = Term(1),
                                                               .counter = ReadCounter(1),
                                                               .follows = true}}});
    play.Step(1, &stale);
    EXPECT_CLEAN(play);
    if (round) {
      play.view(1).peers[1].answered_round = ReadCounter(1);
    } else {
      play.view(1).peers[1].contact = MonoTime{} + Milliseconds(7);
    }
    play.Step(1, &stale);
    EXPECT_VIOLATES(play, "I-21");
  }
}

TEST(StepChecks, AMessageOfAnEarlierTermChangesNoRole) {
  Play play;
  play.Settle();
  play.Campaign(2, 2);
  const Input stale = play.From(1, CommitNotice{Term(1), At(1, 1)});
  play.Step(2, &stale);
  EXPECT_CLEAN(play);
  play.view(2).role = Role::kFollower;
  play.Step(2, &stale);
  EXPECT_VIOLATES(play, "I-21");
}

TEST(StepChecks, ARefusalOfAVoterInAnEarlierTermEndsACandidacy) {
  Play play;
  play.Settle();
  play.Campaign(2, 2);
  VoteReply refusal = Play::Grant(2);
  refusal.term = Term(1);
  refusal.granted = false;
  const Input refused = play.From(1, refusal);
  play.view(2).role = Role::kFollower;
  play.Step(2, &refused);
  EXPECT_CLEAN(play);
}

// ---- limits ------------------------------------------------------------------------------------------------

TEST(StepChecks, MoreRequestsThanTheLimitAreRefused) {
  Play play;
  play.Settle();
  play.Step(1, nullptr, {.stopped = false, .requests_under_way = 10});
  EXPECT_CLEAN(play);
  play.Step(1, nullptr, {.stopped = false, .requests_under_way = 11});
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, MoreUnappliedBytesThanTheLimitAreRefused) {
  Play play;
  play.SettleWithCommands();
  play.view(1).unapplied_bytes = 20'000;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, ASingleUnappliedEntryMayBeLargerThanTheLimit) {
  Play play;
  play.Settle();
  play.view(1).unapplied_bytes = 20'000;
  play.Step(1);
  EXPECT_CLEAN(play);
}

TEST(StepChecks, ALeaderWithNothingOpenCountsNothing) {
  Play play;
  play.Settle();
  play.view(1).unapplied_bytes = 1;
  play.Step(1);
  play.view(1).unapplied_bytes = 0;
  play.Apply(1, 1);
  play.view(1).peers[0].in_flight_bytes = 0;
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).unapplied_bytes = 1;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, AProposalThatWasAppliedAndIsStillOpenIsRefused) {
  Play play;
  play.Settle();
  play.view(1).proposals = play.view(1).proposers = 1;
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).proposals = play.view(1).proposers = 0;
  play.Apply(1, 1);
  EXPECT_CLEAN(play);
  play.view(1).proposals = play.view(1).proposers = 1;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, AProposerWithoutAProposalIsRefused) {
  Play play;
  play.Settle();
  play.view(1).proposals = play.view(1).proposers = 2;
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).proposers = 3;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, AWindowOfMoreMessagesThanTheLimitIsRefused) {
  Play play;
  play.Settle();
  play.view(1).peers[0].in_flight = 4;
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).peers[0].in_flight = 5;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-13");
}

TEST(StepChecks, AnAppendOfMoreEntriesThanTheLimitIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a"), Command(1, "b"), Command(1, "c")});
  play.Leave(1, 2, play.EntriesOf(1, 1));
  EXPECT_CLEAN(play);
  play.Append(1, {Command(1, "d")});
  play.Leave(1, 2, play.EntriesOf(1, 1));
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, AnAppendOfMoreBytesThanTheLimitIsRefusedUnlessItIsOneEntry) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, std::string(2000, 'a'))});
  play.Leave(1, 2, play.EntriesOf(1, 1));
  EXPECT_CLEAN(play);
  play.Append(1, {Command(1, "b")});
  play.Leave(1, 2, play.EntriesOf(1, 1));
  EXPECT_VIOLATES(play, "I-82");
}

TEST(StepChecks, AnApplyOfMoreEntriesThanTheLimitIsRefused) {
  for (const std::size_t count : {2u, 3u}) {
    Play play;
    play.SettleWithCommands();
    const std::vector<Entry>& log = play.of(1).log;
    Apply piece{.group = kGroup,
                .generation = Generation(1),
                .after = {},
                .first = Index(1),
                .entries = {}};
    piece.entries.assign(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(count));
    play.Ask(1, piece);
    play.Step(1);
    EXPECT_EQ(play.Found(), count == 2 ? "nothing" : "I-82") << play.Why();
  }
}

TEST(StepChecks, BytesInFlightInNoMessageAreRefused) {
  Play play;
  play.Settle();
  play.view(1).peers[0].in_flight = 0;
  play.view(1).peers[0].in_flight_bytes = 7;
  play.view(1).peers[0].last_in_flight_bytes = 7;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-82");
}

}  // namespace
}  // namespace quorate::sim
