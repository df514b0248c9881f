// tests/sim/check_snapshot_test.cc — checkers of compaction and of transferred states.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// ---- compaction and snapshots ------------------------------------------------------------------------------

LogStart StartAt(const Play& play, std::uint64_t index, std::uint64_t term) {
  LogStart start;
  start.entry = At(index, term);
  start.configuration = play.born_with();
  return start;
}

TEST(SnapshotChecks, CompactingWhatTheMapHoldsDurablyPasses) {
  Play play;
  play.SettleWithCommands();
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
  play.SettleWithCommands();
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(2, index);
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(1));
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(2).start = At(2, 1);
  play.Step(2);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, CompactingBehindAnEntryThatIsNotThereIsRefused) {
  Play play;
  play.SettleWithCommands();
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 2)});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, ALogThatBeginsBehindWhatIsAppliedIsRefused) {
  Play play;
  play.SettleWithCommands();
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(2));
  play.Write(2, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(2).start = At(2, 1);
  play.Step(2);  // nothing is applied there
  EXPECT_VIOLATES(play, "I-31");
}

// Node 1 has compacted its log up to entry 2 and sends the state of entry `index`.
void SendStateBehindACompactedLog(Play& play, std::uint64_t index) {
  play.SettleWithCommands();
  for (std::uint64_t applied = 1; applied <= 3; ++applied) play.Apply(1, applied);
  play.invariants().OnMapDurable(NodeId(1), kGroup, Generation(1), Index(3));
  play.Write(1, DropPrefix{kGroup, StartAt(play, 2, 1)});
  play.view(1).start = At(2, 1);
  play.Step(1);
  play.Durable(1);
  SnapshotChunk chunk{
      .term = Term(1), .name = {}, .rows = {}, .configuration_index = {}, .configuration = {}};
  chunk.name.entry = At(index, 1);
  play.Ask(1, Send{NodeId(3), LinkSession(1), PersistSeq(), PeerMessage{kGroup, chunk}});
  play.Step(1);
}

TEST(SnapshotChecks, SendingAStateBehindWhichTheLogGoesOnPasses) {
  Play play;
  SendStateBehindACompactedLog(play, 2);
  EXPECT_CLEAN(play);
}

TEST(SnapshotChecks, SendingAStateBehindWhichTheLogWasDroppedIsRefused) {
  Play play;
  SendStateBehindACompactedLog(play, 1);
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
  play.invariants().OnStateDurable(NodeId(3), kGroup, Generation(2), Index(2));
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

TEST(SnapshotChecks, InstallingAStateThatTheMapMayLoseIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.Replicate(1, 2);
  play.Commit(1, 2);
  LogStart start = StartAt(play, 2, 1);
  start.generation = Generation(3);
  play.invariants().OnStateDurable(NodeId(3), kGroup, Generation(2),
                                   Index(2));  // that of another transfer
  play.Write(3, ResetLog{kGroup, start});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.view(3).commit = Index(2);
  play.view(3).installing = true;
  play.Step(3);
  EXPECT_VIOLATES(play, "I-31");
}

TEST(SnapshotChecks, InstallingAStateThatWasNeverCommittedIsRefused) {
  Play play;
  play.Settle();
  play.Append(1, {Command(1, "a")});
  play.invariants().OnStateDurable(NodeId(3), kGroup, Generation(1), Index(2));
  play.Write(3, ResetLog{kGroup, StartAt(play, 2, 1)});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.view(3).commit = Index(2);
  play.view(3).applied = At(2, 1);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

TEST(SnapshotChecks, InstallingAnOlderConfigurationIsRefused) {
  Play play;
  play.SettleWithCommands();
  LogStart start = StartAt(play, 2, 1);
  start.configuration.incoming = {NodeId(1)};
  play.invariants().OnStateDurable(NodeId(3), kGroup, Generation(1), Index(2));
  play.Write(3, ResetLog{kGroup, start});
  play.view(3).start = play.view(3).last = At(2, 1);
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

TEST(SnapshotChecks, AStateThatThrowsALongerMatchingLogAwayIsRefused) {
  Play play;
  play.SettleWithCommands();
  play.invariants().OnStateDurable(NodeId(3), kGroup, Generation(1), Index(2));
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
  play.SettleWithCommands();
  play.Write(3, DropGroup{kGroup});
  play.Write(3, ResetLog{kGroup, StartAt(play, 0, 0)});
  play.view(3) = GroupView{};
  play.view(3).group = kGroup;
  play.view(3).configuration = &play.born_with();
  play.Step(3);
  EXPECT_VIOLATES(play, "I-30");
}

// ---- groups that are dropped --------------------------------------------------------------------------------

AppendReply AckOf(Index match) {
  return {
      .term = Term(1), .verdict = AppendVerdict::kAccepted, .match = match, .prev = {}, .hint = {}};
}

TEST(DroppedGroups, WhatWasSaidBeforeMayLeaveWhenTheDropIsDurable) {
  Play play;
  play.SettleWithCommands();
  play.Drop(3);
  play.Durable(3);
  play.Leave(3, 1, AckOf(play.view(1).last.index));
  EXPECT_CLEAN(play);
}
TEST(DroppedGroups, NothingIsComparedWithTheLogOfALeaderThatHasDroppedIt) {
  Play play;
  play.SettleWithCommands();
  play.Drop(1);
  play.Leave(3, 1, AckOf(play.view(3).last.index));
  EXPECT_CLEAN(play);
}
TEST(DroppedGroups, ATermThatIsNotDurableIsRefusedUntilTheDropIs) {
  Play play;
  play.SettleWithCommands();
  play.Drop(3);
  AppendReply later = AckOf(Index(1));
  later.term = Term(9);
  play.Leave(3, 1, later);
  EXPECT_VIOLATES(play, "I-42");
}
TEST(DroppedGroups, WhatIsCommittedAndDroppedInOneStepIsApplied) {
  Play play;
  play.SettleWithCommands();
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(1, index);
  play.Append(1, {Command(1, "x")});
  play.Drop(1, {Apply{.group = kGroup,
                      .generation = Generation(1),
                      .after = {},
                      .first = Index(4),
                      .entries = {Command(1, "x")}}});
  EXPECT_CLEAN(play);
}
TEST(DroppedGroups, WhatWasCommittedInTheStepOfTheDropIsAppliedByOthers) {
  Play play;
  play.SettleWithCommands();
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(2, index);
  play.Append(1, {Command(1, "x")});
  play.Replicate(1, 2);
  play.Drop(1);
  play.Commit(2, 4);
  play.Apply(2, 4);
  EXPECT_CLEAN(play);
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

Input Flushed(std::uint64_t applied, bool ok = true) {
  return MapFlushed{PortRequest(1), {{kGroup, Generation(1), Index(applied)}}, ok};
}

TEST(SnapshotChecks, AFlushedMapIsSaidToHoldWhatWasWrittenWhenTheFlushBegan) {
  Play play;
  play.SettleWithCommands();
  for (std::uint64_t index = 1; index <= 3; ++index) play.Apply(2, index);
  play.invariants().OnMapDurable(NodeId(2), kGroup, Generation(1), Index(2));
  EXPECT_EQ(play.invariants().map_durable(NodeId(2), kGroup), Index(2));
  const Input true_claim = Flushed(2);
  play.Step(2, &true_claim);
  const Input failed = Flushed(3, /*ok=*/false);
  play.Step(2, &failed);
  EXPECT_CLEAN(play);
  // Entry 3 was applied while the flush was under way: a crash may take it.
  const Input claim = Flushed(3);
  play.Step(2, &claim);
  EXPECT_VIOLATES(play, "I-31");
}

SnapshotChunk ChunkOf(const Play& play, const std::string& rows, std::uint64_t number) {
  return {.term = Term(1),
          .name = {At(2, 1), Generation(1), BootNumber(1)},
          .number = number,
          .last = true,
          .rows = Payload(rows),
          .configuration_index = {},
          .configuration = play.born_with()};
}

TEST(SnapshotChecks, AChunkIsTheSameBytesWhoeverSendsOrInstallsIt) {
  Play play;
  play.SettleWithCommands();
  play.Leave(1, 3, ChunkOf(play, "rows", 0));
  play.Leave(1, 2, ChunkOf(play, "rows", 0));
  play.Leave(1, 3, ChunkOf(play, "more", 1));
  play.Ask(3, InstallChunk{PortRequest(1), kGroup, Generation(2), At(2, 1), 0, false,
                           Payload(std::string("rows"))});
  play.Step(3);
  EXPECT_CLEAN(play);
  EXPECT_EQ(play.Checked(Check::kSnapshotContent), 4u);
  play.Leave(1, 2, ChunkOf(play, "rowz", 0));
  EXPECT_VIOLATES(play, "I-32");
}

TEST(SnapshotChecks, InstallingOtherBytesThanWereSentIsRefused) {
  Play play;
  play.SettleWithCommands();
  play.Leave(1, 3, ChunkOf(play, "rows", 0));
  play.Ask(3, InstallChunk{PortRequest(1), kGroup, Generation(2), At(2, 1), 0, true,
                           Payload(std::string("rowz"))});
  play.Step(3);
  EXPECT_VIOLATES(play, "I-32");
}

// ---- what is kept for whoever lags -------------------------------------------------------------------------

// Node 1 leads and has applied `upto` entries of its term.
void ApplyUpTo(Play& play, std::uint64_t upto) {
  play.Settle();
  for (std::uint64_t index = 2; index <= upto; ++index) {
    play.Append(1, {Command(1, "a")});
    play.Replicate(1, 2);
  }
  play.Commit(1, upto);
  for (std::uint64_t index = 1; index <= upto; ++index) play.Apply(1, index);
}

void Wake(Play& play, std::uint32_t node) {
  const Input wakeup = Wakeup{};
  play.Step(node, &wakeup);
}

// Node 1 has its state of entry `index` pinned.
void PinAt(Play& play, std::uint64_t index) {
  play.Ask(1, OpenSnapshot{PortRequest(5), kGroup});
  play.Step(1);
  const Input opened = SnapshotOpened{.id = PortRequest(5),
                                      .group = kGroup,
                                      .entry = At(index, 1),
                                      .generation = Generation(1),
                                      .ok = true};
  play.Step(1, &opened);
}

TEST(KeptChecks, APinnedStateIsLetGoOfWithItsLeadership) {
  for (const bool closes : {true, false}) {
    Play play;
    ApplyUpTo(play, 3);
    PinAt(play, 3);
    EXPECT_CLEAN(play);
    play.view(1).role = Role::kFollower;
    play.view(1).peers.clear();
    if (closes) play.Ask(1, CloseSnapshot{kGroup});
    Wake(play, 1);
    EXPECT_EQ(play.Found(), closes ? "nothing" : "I-82") << play.Why();
  }
}

TEST(KeptChecks, AStateThatIsBeingPinnedIsLetGoOfWithItsLeadership) {
  Play play;
  ApplyUpTo(play, 3);
  play.Ask(1, OpenSnapshot{PortRequest(5), kGroup});
  play.view(1).role = Role::kFollower;
  play.view(1).peers.clear();
  Wake(play, 1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(KeptChecks, APinnedStateGetsNoOlderThanItMay) {
  for (const std::uint64_t applied : {4u, 5u}) {  // three entries behind it may be applied
    Play play;
    ApplyUpTo(play, applied);
    PinAt(play, 1);
    EXPECT_EQ(play.Found(), applied == 4 ? "nothing" : "I-82") << play.Why();
  }
}

TEST(KeptChecks, ALogThatIsDueForCompactionHasItsMapFlushed) {
  Play play;
  ApplyUpTo(play, 4);  // not due yet: three entries and the two that are kept behind
  Wake(play, 1);
  EXPECT_CLEAN(play);
  Play due;
  ApplyUpTo(due, 5);
  due.Ask(1, FlushMap{PortRequest(9)});
  Wake(due, 1);
  Wake(due, 1);  // as long as it takes
  EXPECT_CLEAN(due);
  const Input other = MapFlushed{PortRequest(8), {}, true};
  due.Step(1, &other);
  EXPECT_CLEAN(due);
  const Input flushed = MapFlushed{PortRequest(9), {}, true};
  due.Step(1, &flushed);
  EXPECT_VIOLATES(due, "I-82");
}

TEST(KeptChecks, ALogIsNotCompactedWhileAStateComesIn) {
  Play play;
  ApplyUpTo(play, 5);
  play.view(1).receiving = true;
  Wake(play, 1);
  EXPECT_CLEAN(play);
  play.view(1).receiving = false;
  Wake(play, 1);
  EXPECT_VIOLATES(play, "I-82");
}

TEST(KeptChecks, ALogBehindAPinnedStateIsNotDue) {
  Play play;
  ApplyUpTo(play, 5);
  PinAt(play, 4);
  EXPECT_CLEAN(play);
  play.Ask(1, CloseSnapshot{kGroup});
  Wake(play, 1);
  EXPECT_VIOLATES(play, "I-82");
}

}  // namespace
}  // namespace quorate::sim
