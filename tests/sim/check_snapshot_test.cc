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

}  // namespace
}  // namespace quorate::sim
