// tests/sim/check_log_test.cc — checkers of logs, commitment and application: what they refuse, what passes.
#include <algorithm>

#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// Node 1 leads term 1, has committed its barrier, and all three hold two more entries.
void Prepare(Play& play) {
  play.Settle();
  play.Append(1, {Command(1, "a"), Command(1, "b")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
}

TEST(LogChecks, ReplicatingCommittingAndApplyingPasses) {
  Play play;
  Prepare(play);
  for (std::uint32_t node = 1; node <= 3; ++node) play.Commit(node, 3);
  for (std::uint32_t node = 1; node <= 3; ++node) {
    for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(node, index);
    play.invariants().OnApplied(NodeId(node), kGroup, At(3, 1), Digest{42});
  }
  EXPECT_CLEAN(play);
  for (const Check check : {Check::kLogMatching, Check::kContiguousAppend, Check::kApplyOrder,
                            Check::kStateMachineSafety, Check::kOwnTermCommit, Check::kSameState,
                            Check::kDurablePointer, Check::kAckedIsDurable}) {
    EXPECT_GT(play.Checked(check), 0u) << IdOf(check);
  }
}

TEST(LogChecks, AnotherPayloadUnderTheSameIndexAndTermIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Append(2, {Command(1, "A")});
  EXPECT_VIOLATES(play, "I-4");
}

TEST(LogChecks, TheSameEntryBehindAnotherPrefixIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "only at 1")});
  play.Elect(2, 2, {3});
  play.Append(2, {Command(2, "x")});
  EXPECT_CLEAN(play);
  // Node 3 takes entry 2/2 on top of nothing that fits: 1/1 in place of 1/2.
  play.Append(3, {Barrier(1), Command(2, "x")});
  EXPECT_VIOLATES(play, "I-4");
}

TEST(LogChecks, AGapInTheLogIsRefused) {
  Play play;
  Prepare(play);
  play.Write(2, AppendEntries{kGroup, Index(6), {Command(1, "c")}});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(LogChecks, TermsThatFallWithinALogAreRefused) {
  Play play;
  play.Settle();
  play.Elect(2, 2, {3});
  EXPECT_CLEAN(play);
  play.Append(2, {Command(1, "late")});
  EXPECT_VIOLATES(play, "I-14");
}

TEST(LogChecks, SendingWhatWasNeverMadeIsRefused) {
  Play play;
  Prepare(play);
  AppendRequest request = play.EntriesOf(1, 2);
  play.Leave(1, 2, request);
  EXPECT_CLEAN(play);
  request.entries[0] = Command(1, "B");
  play.Leave(1, 2, request);
  EXPECT_VIOLATES(play, "I-14");
}

TEST(LogChecks, SendingBehindAnEntryThatNeverWasIsRefused) {
  Play play;
  Prepare(play);
  AppendRequest request = play.EntriesOf(1, 3);
  request.prev = At(3, 0);
  play.Leave(1, 2, request);
  EXPECT_VIOLATES(play, "I-14");
}

TEST(LogChecks, ALeaderThatTakesAProposalWhileItHandsOverIsRefused) {
  Play play;
  play.Settle();
  play.view(1).handing_over = true;
  play.Append(1, {Command(1, "a")});  // taken before the transfer began, in the same step
  play.Append(1, {Barrier(1)});       // nobody proposed it
  EXPECT_CLEAN(play);
  play.view(1).handing_over = false;
  play.Append(1, {Command(1, "b")});
  EXPECT_CLEAN(play);
  play.view(1).handing_over = true;
  play.Step(1);
  play.Append(1, {Command(1, "c")});
  EXPECT_VIOLATES(play, "I-1b");
}

TEST(LogChecks, ALeaderThatTruncatesItsLogIsRefused) {
  Play play;
  Prepare(play);
  play.Truncate(1, 3);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-16");
}

TEST(LogChecks, TruncatingWhatTheNodeKnowsToBeCommittedIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(1, 3);
  play.Commit(2, 3);
  play.Truncate(2, 3);
  play.view(2).commit = Index(2);
  play.Step(2);
  EXPECT_VIOLATES(play, "I-10");
}

TEST(LogChecks, TruncatingWhatIsCommittedElsewhereIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(1, 3);
  play.Truncate(3, 2);  // its own commit index is 1
  play.Step(3);
  EXPECT_VIOLATES(play, "I-10");
}

// Entry 2 of term 1 is committed in term 3, by nodes 1, 3 and 4, after node 2 made another in term 2. Node 5 has it from
// the leader of term 1 and hears late of all that.
void CommitWhatAStragglerHolds(Play& play) {
  play.Elect(1, 1, {2, 3});
  for (std::uint32_t node = 2; node <= 5; ++node) play.Replicate(1, node);
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 5);
  play.Elect(2, 2, {3, 4});
  play.Elect(1, 3, {3, 4});
  play.Replicate(1, 3);
  play.Replicate(1, 4);
  play.Commit(1, 3);
}
void TruncateItInTerm(Play& play, std::uint64_t term) {
  play.SetHardState(5, term, 0);
  play.Truncate(5, 2);
  play.Step(5);
}

TEST(LogChecks, AStragglerMayTruncateForADeposedLeaderWhatALaterOneCommitted) {
  Play play(5);
  CommitWhatAStragglerHolds(play);
  TruncateItInTerm(play, 2);
  EXPECT_CLEAN(play);
}

TEST(LogChecks, TruncatingInTheTermThatCommittedItIsRefused) {
  Play play(5);
  CommitWhatAStragglerHolds(play);
  TruncateItInTerm(play, 3);
  EXPECT_VIOLATES(play, "I-10");
}

TEST(LogChecks, TruncatingAnOverruledSuffixPasses) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "only at 1")});
  play.Elect(2, 2, {3});
  play.Replicate(2, 3);
  play.Commit(2, 2);
  play.Replicate(2, 1);
  EXPECT_CLEAN(play);
}

// ---- commitment --------------------------------------------------------------------------------------------

TEST(CommitChecks, WithoutAQuorumThatHoldsItDurablyItIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Commit(1, 2);
  EXPECT_VIOLATES(play, "I-6");
}

TEST(CommitChecks, ALeaderThatCountsItsUndurableEntryIsRefused) {
  Play play;
  play.Settle();
  play.Extend(1, {Command(1, "a")});
  play.Step(1);  // not durable here
  play.Replicate(1, 2);
  EXPECT_CLEAN(play);
  play.Commit(1, 2);
  EXPECT_VIOLATES(play, "I-6");
}

TEST(CommitChecks, BothMajoritiesOfAJointConfigurationMustHoldIt) {
  Play play(5);
  play.Elect(1, 1, {2, 3});
  for (std::uint32_t node = 2; node <= 5; ++node) play.Replicate(1, node);
  play.Commit(1, 1);
  Configuration joint = play.born_with();
  joint.outgoing = joint.incoming;
  joint.incoming = {NodeId(1), NodeId(4), NodeId(5)};
  joint.epoch = 1;
  play.view(1).configuration = &joint;
  play.view(1).configuration_index = Index(2);
  play.Append(1, {Configured(1, joint)});
  for (const std::uint32_t node : {2u, 3u}) {
    play.view(node).configuration = &joint;
    play.view(node).configuration_index = Index(2);
    play.Replicate(1, node);
  }
  EXPECT_CLEAN(play);  // three of the five hold it, but only one of the other three
  play.Commit(1, 2);
  EXPECT_VIOLATES(play, "I-6");
}

TEST(CommitChecks, CountingAnEntryOfAnEarlierTermIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Campaign(1, 2);
  play.Vote(3, 1, 2);
  play.Lead(1, 2);
  for (PeerView& peer : play.view(1).peers) {
    if (peer.node == NodeId(2)) peer.match = Index(2);
  }
  play.Step(1);
  EXPECT_CLEAN(play);
  play.Commit(1, 2);  // index 2 is of term 1
  EXPECT_VIOLATES(play, "I-9");
}

TEST(CommitChecks, OldEntriesCommittedThroughAnOwnOnePass) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Campaign(1, 2);
  play.Vote(3, 1, 2);
  play.Lead(1, 2);
  play.Replicate(1, 2);
  play.Commit(1, 3);
  EXPECT_CLEAN(play);
}

TEST(CommitChecks, AFollowerThatBelievesMoreThanWasCommittedIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(2, 3);
  EXPECT_VIOLATES(play, "I-11");
}

TEST(CommitChecks, AFollowerThatBelievesItsOwnDivergentEntryIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "only at 1")});
  play.Elect(2, 2, {3});
  play.Replicate(2, 3);
  play.Commit(2, 2);
  EXPECT_CLEAN(play);
  // It hears of commit index 2 and clamps it to its own last index instead of what the message proved.
  play.SetHardState(1, 2, 0);
  play.view(1).role = Role::kFollower;
  play.view(1).peers.clear();
  play.Step(1);
  play.Commit(1, 2);
  EXPECT_VIOLATES(play, "I-11");
}

TEST(CommitChecks, ACommitIndexBehindTheLogIsRefused) {
  Play play;
  play.Settle();
  play.view(2).commit = Index(9);
  play.Step(2);
  EXPECT_VIOLATES(play, "I-11");
}

TEST(CommitChecks, ACommitIndexThatFallsIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(1, 3);
  play.Commit(2, 3);
  play.Commit(2, 2);
  EXPECT_VIOLATES(play, "I-8");
}

TEST(CommitChecks, TellingOfACommitThatIsNotIsRefused) {
  Play play;
  Prepare(play);
  play.Leave(1, 2, CommitNotice{Term(1), At(1, 1)});
  EXPECT_CLEAN(play);
  play.Leave(1, 2, CommitNotice{Term(1), At(3, 1)});
  EXPECT_VIOLATES(play, "I-11");
}

TEST(CommitChecks, AFigureEightShapeIsSeen) {
  static std::vector<std::string> marks;
  marks.clear();
  const MarkHandler before = SetMarkHandler([](const char* name) { marks.emplace_back(name); });
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Campaign(1, 2);
  play.Vote(3, 1, 2);
  play.Lead(1, 2);
  for (PeerView& peer : play.view(1).peers) {
    if (peer.node == NodeId(2)) peer.match = Index(2);
  }
  play.Step(1);
  SetMarkHandler(before);
  EXPECT_CLEAN(play);
  EXPECT_EQ(std::count(marks.begin(), marks.end(), "figure8.shape"), 1);
}

// ---- progress ----------------------------------------------------------------------------------------------

TEST(ProgressChecks, AMatchThatThePeersDiskDoesNotHoldIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Matched(1, 2, 2);
  EXPECT_VIOLATES(play, "I-12");
}

TEST(ProgressChecks, AMatchOverADivergentEntryIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "only at 1")});
  play.Elect(2, 2, {3});
  play.SetHardState(1, 2, 0);
  play.view(1).role = Role::kFollower;
  play.view(1).peers.clear();
  play.Step(1);
  play.Durable(1);
  EXPECT_CLEAN(play);
  play.Matched(2, 1, 2);
  EXPECT_VIOLATES(play, "I-12");
}

TEST(ProgressChecks, AnAcknowledgementOfADivergentEntryIsRefusedWhenItLeaves) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "only at 1")});
  play.Elect(2, 2, {3});
  play.SetHardState(1, 2, 0);
  play.view(1).role = Role::kFollower;
  play.view(1).peers.clear();
  play.Step(1);
  play.Durable(1);
  EXPECT_CLEAN(play);
  play.Leave(1, 2, Play::Accepted(2, 2));
  EXPECT_VIOLATES(play, "I-12");
}

TEST(ProgressChecks, ALateAnswerOfAPeerThatMovedOnPasses) {
  Play play(5);
  play.Elect(1, 1, {2, 3});
  play.Append(1, {Command(1, "a")});
  play.Deliver(1, 4);
  play.Leave(4, 1, Play::Accepted(1, 2));
  // Node 2 leads term 2 without it; node 4 follows and truncates; then the old answer arrives.
  play.Elect(2, 2, {3, 5});
  play.Replicate(2, 4);
  EXPECT_CLEAN(play);
  play.Matched(1, 4, 2);
  EXPECT_CLEAN(play);
}

TEST(ProgressChecks, AMatchThatFallsIsRefused) {
  Play play;
  Prepare(play);
  play.Matched(1, 2, 2);
  EXPECT_VIOLATES(play, "I-13");
}

TEST(ProgressChecks, SendingAgainWhatThePeerHoldsIsRefused) {
  Play play;
  Prepare(play);
  play.view(1).peers[0].next = play.view(1).peers[0].match;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-13");
}

TEST(ProgressChecks, AWindowThatDoesNotEndWhereSendingGoesOnIsRefused) {
  Play play;
  Prepare(play);
  PeerView& peer = play.view(1).peers[0];
  peer.next = Index(5);
  peer.in_flight = 1;
  peer.in_flight_last = Index(4);
  play.Step(1);
  EXPECT_CLEAN(play);
  peer.next = Index(4);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-13");
}

TEST(ProgressChecks, AWindowBeyondItsLimitIsRefused) {
  Play play;
  play.Settle();
  play.view(1).peers[0].in_flight = 4;
  play.view(1).peers[0].in_flight_bytes = 5000;
  play.view(1).peers[0].last_in_flight_bytes = 4000;  // one message may pass the limit
  play.Step(1);
  EXPECT_CLEAN(play);
  play.view(1).peers[0].last_in_flight_bytes = 3999;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-13");
}

// ---- application -------------------------------------------------------------------------------------------

TEST(ApplyChecks, SkippingAnEntryIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(1, 3);
  play.Apply(1, 1);
  EXPECT_CLEAN(play);
  play.Ask(1, Apply{.group = kGroup,
                    .generation = Generation(1),
                    .after = {},
                    .first = Index(3),
                    .entries = {Command(1, "b")}});
  play.Step(1);
  EXPECT_VIOLATES(play, "I-15");
}

TEST(ApplyChecks, ApplyingBeforeTheOwnDiskHoldsItIsRefused) {
  for (const bool durable : {true, false}) {
    Play play;
    play.Settle();
    play.Extend(1, {Command(1, "a")});
    play.Step(1);
    play.Replicate(1, 2);
    play.Replicate(1, 3);
    play.Commit(1, 2);  // by the others
    play.Apply(1, 1);
    EXPECT_CLEAN(play);
    if (durable) play.Durable(1);
    play.Apply(1, 2);
    EXPECT_EQ(play.Found(), durable ? "nothing" : "I-15") << play.Why();
  }
}

TEST(ApplyChecks, ApplyingBeforeTheCommitIsRefused) {
  Play play;
  Prepare(play);
  play.Apply(2, 1);
  EXPECT_CLEAN(play);
  play.Ask(2, Apply{.group = kGroup,
                    .generation = Generation(1),
                    .after = {},
                    .first = Index(2),
                    .entries = {Command(1, "a")}});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-15");
}

TEST(ApplyChecks, ApplyingAnotherEntryThanWasCommittedIsRefused) {
  Play play;
  Prepare(play);
  play.Commit(1, 3);
  play.Apply(1, 1);
  play.Ask(1, Apply{.group = kGroup,
                    .generation = Generation(1),
                    .after = {},
                    .first = Index(2),
                    .entries = {Command(1, "x")}});
  play.Step(1);
  EXPECT_VIOLATES(play, "I-7");
}

TEST(ApplyChecks, AStateThatDiffersAtTheSameIndexIsRefused) {
  Play play;
  play.Settle();
  play.invariants().OnApplied(NodeId(1), kGroup, At(1, 1), Digest{42});
  play.invariants().OnApplied(NodeId(2), kGroup, At(1, 1), Digest{42});
  EXPECT_CLEAN(play);
  play.invariants().OnApplied(NodeId(3), kGroup, At(1, 1), Digest{43});
  EXPECT_VIOLATES(play, "I-52");
}

TEST(ApplyChecks, AStateAsOfAnEntryThatWasNeverCommittedIsRefused) {
  Play play;
  Prepare(play);
  play.invariants().OnApplied(NodeId(1), kGroup, At(3, 1), Digest{42});
  EXPECT_VIOLATES(play, "I-7");
}

TEST(ApplyChecks, AStateThatChangesByItselfIsRefused) {
  Play play;
  play.Settle();
  play.invariants().OnApplied(NodeId(1), kGroup, At(1, 1), Digest{42});
  play.invariants().OnMachineSeen(NodeId(1), kGroup, At(1, 1), Digest{42});
  EXPECT_CLEAN(play);
  play.invariants().OnMachineSeen(NodeId(1), kGroup, At(1, 1), Digest{41});
  EXPECT_VIOLATES(play, "I-55");
}

TEST(CommitChecks, AFollowerThatCommitsAsFarAsTheMessageVerifiesPasses) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  play.Commit(1, 2);
  // One that carries entry 1 alone, and says that 2 is committed.
  AppendRequest request = play.EntriesOf(1, 0);
  request.entries.pop_back();
  const Input input = play.From(1, request);
  play.view(2).commit = Index(1);
  play.Step(2, &input);
  EXPECT_CLEAN(play);
}

TEST(CommitChecks, AFollowerThatCommitsBeyondWhatTheMessageVerifiesIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  play.Commit(1, 2);
  AppendRequest request = play.EntriesOf(1, 0);
  request.entries.pop_back();
  const Input input = play.From(1, request);
  play.view(2).commit = Index(2);  // it does hold 2, but nobody told it that this 2 is the leader's
  play.Step(2, &input);
  EXPECT_VIOLATES(play, "I-11");
}

// A received state is durable, and the log holds its last entry meanwhile.
Input Flushed() { return MapFlushed{.id = PortRequest(1), .groups = {}, .ok = true}; }

TEST(CommitChecks, AFollowerWhoseLogHasReachedTheStateThatItWasSentCommitsItsEntry) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  play.Commit(1, 2);
  SnapshotChunk chunk{
      .term = Term(1), .name = {}, .rows = {}, .configuration_index = {}, .configuration = {}};
  chunk.name.entry = At(2, 1);
  const Input came = play.From(1, chunk);
  play.Step(2, &came);
  const Input flushed = Flushed();
  play.view(2).commit = Index(2);
  play.Step(2, &flushed);
  EXPECT_CLEAN(play);
}

TEST(CommitChecks, AFollowerThatCommitsInAFlushWhatNoStateReachesIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  play.Commit(1, 2);
  SnapshotChunk chunk{
      .term = Term(1), .name = {}, .rows = {}, .configuration_index = {}, .configuration = {}};
  chunk.name.entry = At(1, 1);
  const Input came = play.From(1, chunk);
  play.Step(2, &came);
  const Input flushed = Flushed();
  play.view(2).commit = Index(2);
  play.Step(2, &flushed);
  EXPECT_VIOLATES(play, "I-11");
}

}  // namespace
}  // namespace quorate::sim
