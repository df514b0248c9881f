// tests/sim/check_disk_test.cc — checkers of disks, boots, snapshots, configurations and reads.
#include <algorithm>

#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

void Prepare(Play& play) {
  play.Settle();
  play.Append(1, {Command(1, "a"), Command(1, "b")});
  play.Replicate(1, 2);
  play.Replicate(1, 3);
  for (std::uint32_t node = 1; node <= 3; ++node) play.Commit(node, 3);
}

// Ends the process with what `seq` and before it wrote, and boots it with `found`.
void Restart(Play& play, std::uint32_t node, PersistSeq seq, RecoveredGroup found) {
  play.invariants().OnCrash(NodeId(node), seq);
  play.invariants().OnBoot(NodeId(node), play.Found(node, std::move(found), 1), BootNumber(2));
}

// ---- acknowledgements --------------------------------------------------------------------------------------

TEST(DiskChecks, AnAcknowledgementOfWhatIsNotDurableIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Extend(2, {Command(1, "a")});
  play.Step(2);
  play.Leave(2, 1, Play::Accepted(1, 1));
  EXPECT_CLEAN(play);
  play.Leave(2, 1, Play::Accepted(1, 2));
  EXPECT_VIOLATES(play, "I-43");
}

TEST(DiskChecks, ASnapshotSaidToBeHeldMustBeDurable) {
  Play play;
  play.Settle();
  play.Leave(2, 1,
             SnapshotReply{.term = Term(1),
                           .name = {At(5, 1), Generation(1), BootNumber(1)},
                           .verdict = SnapshotVerdict::kHolds,
                           .next = 0,
                           .match = Index(5)});
  EXPECT_VIOLATES(play, "I-43");
}

TEST(DiskChecks, ForgettingAnAcknowledgedEntryWithinTheTermIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Truncate(2, 2);
  play.Step(2);
  EXPECT_CLEAN(play);  // not committed, and not gone from the disk yet
  play.Durable(2);
  EXPECT_VIOLATES(play, "I-43");
}

TEST(DiskChecks, CountingAsDurableWhatIsNotIsRefused) {
  Play play;
  play.Settle();
  play.Extend(1, {Command(1, "a")});
  play.view(1).durable = Index(2);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-44");
}

TEST(DiskChecks, ALogThatWasNeverWrittenIsRefused) {
  Play play;
  play.Settle();
  play.view(1).last = At(2, 1);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-44");
}

TEST(DiskChecks, APromiseAfterAFailedWriteIsRefused) {
  Play play;
  play.Settle();
  play.Ask(2, play.Reply(2, 1, Play::Accepted(1, 1)));
  play.Step(2);
  EXPECT_CLEAN(play);
  play.invariants().OnDiskFailed(NodeId(2));
  play.Ask(2, play.Reply(2, 1, Play::Accepted(1, 1)));
  play.Step(2);
  EXPECT_VIOLATES(play, "I-45");
}

// ---- boots -------------------------------------------------------------------------------------------------

TEST(BootChecks, FindingWhatWasDurablePasses) {
  Play play;
  Prepare(play);
  Restart(play, 2, play.of(2).seq, play.OnDisk(2));
  EXPECT_CLEAN(play);
  EXPECT_GT(play.Checked(Check::kRecovery), 0u);
  EXPECT_GT(play.Checked(Check::kPromisedVote), 0u);
}

TEST(BootChecks, AnUndurableSuffixMayBeThereOrNot) {
  for (const bool survives : {false, true}) {
    Play play;
    Prepare(play);
    const PersistSeq durable = play.of(1).seq;
    RecoveredGroup without = play.OnDisk(1);
    play.Extend(1, {Command(1, "c")});
    play.Step(1);
    const PersistSeq written = play.of(1).seq;
    RecoveredGroup with = play.OnDisk(1);
    Restart(play, 1, survives ? written : durable, survives ? with : without);
    EXPECT_CLEAN(play);
  }
}

TEST(BootChecks, LosingADurableWriteIsRefused) {
  Play play;
  Prepare(play);
  play.invariants().OnCrash(NodeId(2), PersistSeq(play.of(2).seq.value() - 1));
  EXPECT_VIOLATES(play, "I-33");
}

TEST(BootChecks, RecoveringAShorterLogThanTheDiskHoldsIsRefused) {
  Play play;
  Prepare(play);
  RecoveredGroup found = play.OnDisk(3);
  found.last = Index(2);
  // Node 3 has acknowledged index 3: that, too, is broken; the promise is looked at first.
  Restart(play, 3, play.of(3).seq, found);
  EXPECT_VIOLATES(play, "I-43");

  Play other;
  other.Settle();
  other.Append(1, {Command(1, "never acknowledged")});
  found = other.OnDisk(1);
  found.last = Index(1);
  Restart(other, 1, other.of(1).seq, found);
  EXPECT_VIOLATES(other, "I-33");
}

TEST(BootChecks, RecoveringAnotherVoteIsRefused) {
  Play play;
  Prepare(play);
  RecoveredGroup found = play.OnDisk(2);
  ASSERT_EQ(found.hard.vote, NodeId(1));
  found.hard.vote = NodeId();
  Restart(play, 2, play.of(2).seq, found);
  EXPECT_VIOLATES(play, "I-41");
}

TEST(BootChecks, RecoveringAnEarlierTermThanWasSpokenInIsRefused) {
  Play play;
  Prepare(play);
  RecoveredGroup found = play.OnDisk(3);
  found.hard.term = Term();
  Restart(play, 3, play.of(3).seq, found);
  EXPECT_VIOLATES(play, "I-41");
}

TEST(BootChecks, RecoveringOtherTermsIsRefused) {
  Play play;
  Prepare(play);
  RecoveredGroup found = play.OnDisk(2);
  found.terms.push_back({Index(3), Term(2)});
  Restart(play, 2, play.of(2).seq, found);
  EXPECT_VIOLATES(play, "I-33");
}

TEST(BootChecks, AMapThatIsBehindTheLogsStartIsRefused) {
  Play play;
  RecoveredGroup found = play.Fresh();
  found.start.entry = At(5, 1);
  found.last = Index(5);
  found.applied = At(4, 1);
  play.invariants().OnBoot(NodeId(9), play.Found(9, found, 0), BootNumber(1));
  EXPECT_VIOLATES(play, "I-31");
}

TEST(BootChecks, AnAppliedStateThatWasNeverCommittedIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  RecoveredGroup found = play.OnDisk(1);
  found.applied = At(2, 1);
  Restart(play, 1, play.of(1).seq, found);
  EXPECT_VIOLATES(play, "I-7");
}

TEST(BootChecks, AWipedNodeKeepsItsPromises) {
  Play play;
  Prepare(play);
  play.invariants().OnCrash(NodeId(2), play.of(2).seq);
  play.invariants().OnWiped(NodeId(2));
  EXPECT_CLEAN(play);
  play.invariants().OnBoot(NodeId(2), play.Found(2, play.Fresh(), 0), BootNumber(1));
  EXPECT_VIOLATES(play, "I-41");
}

TEST(BootChecks, LostVotesAndSuffixesAreMarked) {
  static std::vector<std::string> marks;
  marks.clear();
  const MarkHandler before = SetMarkHandler([](const char* name) { marks.emplace_back(name); });
  Play play;
  Prepare(play);
  const PersistSeq durable = play.of(3).seq;
  play.SetHardState(3, 2, 2);
  play.Step(3);
  play.invariants().OnCrash(NodeId(3), durable);
  const PersistSeq leaders = play.of(1).seq;
  play.Extend(1, {Command(1, "c")});
  play.Step(1);
  play.invariants().OnCrash(NodeId(1), leaders);
  SetMarkHandler(before);
  EXPECT_CLEAN(play);
  EXPECT_EQ(std::count(marks.begin(), marks.end(), "vote.lost_unsynced"), 1);
  EXPECT_EQ(std::count(marks.begin(), marks.end(), "restart.lost_suffix"), 1);
}

// ---- compaction and snapshots ------------------------------------------------------------------------------

LogStart StartAt(const Play& play, std::uint64_t index, std::uint64_t term) {
  LogStart start;
  start.entry = At(index, term);
  start.configuration = play.born_with();
  return start;
}

TEST(SnapshotChecks, CompactingWhatTheMapHoldsDurablyPasses) {
  Play play;
  Prepare(play);
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(2, index);
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(2));
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(2).start = At(2, 1);
  play.Step(2);
  play.Durable(2);
  EXPECT_CLEAN(play);
}

TEST(SnapshotChecks, CompactingWhatTheMapMayLoseIsRefused) {
  Play play;
  Prepare(play);
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(2, index);
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(1));
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(2).start = At(2, 1);
  play.Step(2);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, CompactingBehindAnEntryThatIsNotThereIsRefused) {
  Play play;
  Prepare(play);
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 2)});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, ALogThatBeginsBehindWhatIsAppliedIsRefused) {
  Play play;
  Prepare(play);
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(2));
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(2).start = At(2, 1);
  play.Step(2);  // nothing is applied there
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, InstallingACommittedStatePasses) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Commit(1, 2);
  LogStart start = StartAt(play, 2, 1);
  start.generation = Generation(2);
  play.Write(3, ResetLog{kGroup, start});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.view(3).durable = Index(2);
  play.view(3).commit = Index(2);
  play.view(3).installing = true;
  play.Step(3);
  play.Durable(3);
  play.view(3).installing = false;
  play.view(3).applied = At(2, 1);
  play.Step(3);
  EXPECT_CLEAN(play);
}

TEST(SnapshotChecks, InstallingAStateThatWasNeverCommittedIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Write(3, ResetLog{kGroup, StartAt(play, 2, 1)});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.view(3).commit = Index(2);
  play.view(3).applied = At(2, 1);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

TEST(SnapshotChecks, InstallingAnOlderConfigurationIsRefused) {
  Play play;
  Prepare(play);
  LogStart start = StartAt(play, 2, 1);
  start.configuration.incoming = {NodeId(1)};
  play.Write(3, ResetLog{kGroup, start});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

TEST(SnapshotChecks, AStateThatThrowsALongerMatchingLogAwayIsRefused) {
  Play play;
  Prepare(play);
  play.Write(3, ResetLog{kGroup, StartAt(play, 2, 1)});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-10");
}

TEST(SnapshotChecks, CompactingWhatIsNotCommittedIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.invariants().OnMapDurable(NodeId(1), kGroup, Generation(1), Index(2));
  play.Write(1, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(1).start = At(2, 1);
  play.view(1).installing = true;
  play.Step(1);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, CompactingInTheStepThatCommitsPasses) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.invariants().OnMapDurable(NodeId(1), kGroup, Generation(1), Index(2));
  play.Write(1, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(1).commit = Index(2);
  play.view(1).start = play.view(1).applied = At(2, 1);
  play.Step(1);
  EXPECT_CLEAN(play);
}

TEST(SnapshotChecks, AGroupThatIsBornAgainIsRefused) {
  Play play;
  Prepare(play);
  play.Write(3, DropGroup{kGroup});
  play.Write(3, ResetLog{kGroup, StartAt(play, 0, 0)});
  play.view(3) = GroupView{};
  play.view(3).group = kGroup;
  play.view(3).configuration = &play.born_with();
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

TEST(SnapshotChecks, SendingAStateThatWasNeverCommittedIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  SnapshotChunk chunk{.term = Term(1),
                      .name = {At(1, 1), Generation(1), BootNumber(1)},
                      .number = 0,
                      .last = true,
                      .rows = {},
                      .configuration_index = {},
                      .configuration = play.born_with()};
  play.Leave(1, 3, chunk);
  EXPECT_CLEAN(play);
  chunk.name.entry = At(2, 1);
  play.Leave(1, 3, chunk);
  EXPECT_VIOLATES(play, "I-30");
}

// ---- configurations ----------------------------------------------------------------------------------------

Configuration WithFourth(const Play& play) {
  Configuration next = play.born_with();
  next.incoming.push_back(NodeId(4));
  next.epoch = 1;
  return next;
}

void Propose(Play& play, const Configuration& next, std::uint64_t index) {
  play.view(1).configuration = &next;
  play.view(1).configuration_index = Index(index);
  play.Append(1, {Configured(1, next)});
}

TEST(ConfigurationChecks, OneVoterMorePasses) {
  Play play;
  Prepare(play);
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  EXPECT_CLEAN(play);
  EXPECT_GT(play.Checked(Check::kConfigurationChange), 0u);
}

TEST(ConfigurationChecks, ASecondChangeWhileOneIsPendingIsRefused) {
  Play play;
  Prepare(play);
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  Configuration second = next;
  second.incoming.push_back(NodeId(5));
  second.epoch = 2;
  Propose(play, second, 5);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, TwoVotersAtOnceWithoutAJointStateAreRefused) {
  Play play;
  Prepare(play);
  Configuration next = WithFourth(play);
  next.incoming.push_back(NodeId(5));
  Propose(play, next, 4);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, AChangeBeforeTheBarrierIsCommittedIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  const Configuration next = WithFourth(play);
  Propose(play, next, 2);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, LeavingAJointStateForTheWrongLearnersIsRefused) {
  for (const bool right : {true, false}) {
    Play play;
    Prepare(play);
    Configuration joint = play.born_with();
    joint.outgoing = joint.incoming;
    joint.incoming = {NodeId(1), NodeId(2)};
    joint.learners_next = {NodeId(3)};
    joint.epoch = 1;
    Propose(play, joint, 4);
    play.view(2).configuration = play.view(3).configuration = &joint;
    play.view(2).configuration_index = play.view(3).configuration_index = Index(4);
    play.Replicate(1, 2);
    play.Replicate(1, 3);
    play.Commit(1, 4);
    EXPECT_CLEAN(play);
    Configuration left = joint;
    left.outgoing.clear();
    left.learners_next.clear();
    if (right) left.learners = {NodeId(3)};
    left.epoch = 2;
    Propose(play, left, 5);
    if (right) {
      EXPECT_CLEAN(play);
    } else {
      EXPECT_VIOLATES(play, "I-26");
    }
  }
}

TEST(ConfigurationChecks, AConfigurationThatATruncationTookAwayIsRefused) {
  Play play;
  Prepare(play);
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  play.Elect(2, 2, {3});
  // Node 1 is overruled and truncates its configuration entry.
  play.view(1).peers.clear();
  play.view(1).configuration = &play.born_with();
  play.view(1).configuration_index = Index();
  play.Deliver(2, 1);
  EXPECT_CLEAN(play);
  play.view(1).configuration = &next;
  play.view(1).configuration_index = Index(4);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-25");
}

// ---- clients -----------------------------------------------------------------------------------------------

Input Requests(RequestKind kind, std::uint64_t id) {
  ClientRequests requests;
  requests.requests.push_back({.id = RequestId(id),
                               .group = kGroup,
                               .kind = kind,
                               .session = {},
                               .seq = {},
                               .payload = {},
                               .timeout = {}});
  return requests;
}

Outcome DoneAt(std::uint64_t serial) {
  return {
      .kind = OutcomeKind::kDone, .refusal = Refusal::kNone, .serial = Index(serial), .result = {}};
}

// Node 1 leads; node 2 answers its heartbeat.
void Confirm(Play& play) {
  Heartbeat heartbeat;
  heartbeat.items.push_back({kGroup, Term(1), ReadCounter(1), At(1, 1)});
  const Input asked = play.From(1, heartbeat);
  play.Step(2, &asked);
  HeartbeatReply reply;
  reply.items.push_back({kGroup, Term(1), ReadCounter(1), true});
  const Input answer = play.From(2, reply);
  play.Step(1, &answer);
}

TEST(ReadChecks, AReadWithoutARoundOfConfirmationIsRefused) {
  Play play;
  Prepare(play);
  Confirm(play);
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(1, &read);
  play.Ask(1, RunQuery{PortRequest(1), kGroup, Index(3), {{RequestId(1), {}}}});
  play.Step(1);
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AReadAtOrBehindWhatWasCommittedPasses) {
  Play play;
  Prepare(play);
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  Confirm(play);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(3), {{RequestId(1), {}}}});
  play.Step(2);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(3));
  EXPECT_CLEAN(play);
  EXPECT_EQ(play.Checked(Check::kReadIndex), 3u);
}

TEST(ReadChecks, AReadAtAnEarlierStateIsRefused) {
  Play play;
  Prepare(play);
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(2), {{RequestId(1), {}}}});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AnAnswerFromAnEarlierStateIsRefused) {
  Play play;
  Prepare(play);
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(2));
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AStaleReadMayBeStale) {
  Play play;
  Prepare(play);
  const Input read = Requests(RequestKind::kStaleRead, 1);
  play.Step(2, &read);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(1), {{RequestId(1), {}}}});
  play.Step(2);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(1));
  EXPECT_CLEAN(play);
}

TEST(ReadChecks, AReadIndexBeyondTheCommitIsRefused) {
  Play play;
  Prepare(play);
  play.Leave(1, 2, ReadIndexReply{.term = Term(1), .id = 1, .confirmed = true, .index = Index(3)});
  EXPECT_CLEAN(play);
  play.Leave(1, 2, ReadIndexReply{.term = Term(1), .id = 2, .confirmed = true, .index = Index(4)});
  EXPECT_VIOLATES(play, "I-17");
}

TEST(WriteChecks, AnAnswerToWhatIsNotCommittedIsRefused) {
  Play play;
  Prepare(play);
  const Input write = Requests(RequestKind::kWrite, 1);
  play.Step(1, &write);
  play.invariants().OnReplyLeft(NodeId(1), RequestId(1), DoneAt(4));
  EXPECT_CLEAN(play);  // the step that commits it may still be on its way
  play.Append(1, {Command(1, "c")});
  EXPECT_VIOLATES(play, "I-6");
}

TEST(WriteChecks, AnAnswerSeenBeforeTheStepThatCommittedItPasses) {
  Play play;
  Prepare(play);
  const Input write = Requests(RequestKind::kWrite, 1);
  play.Step(1, &write);
  play.Append(1, {Command(1, "c")});
  play.Replicate(1, 2);
  play.invariants().OnReplyLeft(NodeId(1), RequestId(1), DoneAt(4));
  play.Commit(1, 4);
  EXPECT_CLEAN(play);
}

TEST(WriteChecks, ForwardingAnOutcomeThatIsNotCommittedIsRefused) {
  Play play;
  Prepare(play);
  ForwardReply reply{.term = Term(1), .outcomes = {}};
  reply.outcomes.push_back({RequestId(1), ForwardVerdict::kApplied, Index(4), {}});
  play.Leave(1, 2, reply);
  EXPECT_VIOLATES(play, "I-6");
}

}  // namespace
}  // namespace quorate::sim
