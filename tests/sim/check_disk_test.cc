// tests/sim/check_disk_test.cc — checkers of what a node holds on its disk, acknowledges, and finds again.
#include <algorithm>

#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

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
  play.SettleWithCommands();
  Restart(play, 2, play.of(2).seq, play.OnDisk(2));
  EXPECT_CLEAN(play);
  EXPECT_GT(play.Checked(Check::kRecovery), 0u);
  EXPECT_GT(play.Checked(Check::kPromisedVote), 0u);
}

TEST(BootChecks, AnUndurableSuffixMayBeThereOrNot) {
  for (const bool survives : {false, true}) {
    Play play;
    play.SettleWithCommands();
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
  play.SettleWithCommands();
  play.invariants().OnCrash(NodeId(2), PersistSeq(play.of(2).seq.value() - 1));
  EXPECT_VIOLATES(play, "I-33");
}

TEST(BootChecks, RecoveringAShorterLogThanTheDiskHoldsIsRefused) {
  Play play;
  play.SettleWithCommands();
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
  play.SettleWithCommands();
  RecoveredGroup found = play.OnDisk(2);
  ASSERT_EQ(found.hard.vote, NodeId(1));
  found.hard.vote = NodeId();
  Restart(play, 2, play.of(2).seq, found);
  EXPECT_VIOLATES(play, "I-41");
}

TEST(BootChecks, RecoveringAnEarlierTermThanWasSpokenInIsRefused) {
  Play play;
  play.SettleWithCommands();
  RecoveredGroup found = play.OnDisk(3);
  found.hard.term = Term();
  Restart(play, 3, play.of(3).seq, found);
  EXPECT_VIOLATES(play, "I-41");
}

TEST(BootChecks, RecoveringOtherTermsIsRefused) {
  Play play;
  play.SettleWithCommands();
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

TEST(BootChecks, ALifeWhoseRecordWasDurableDoesNotComeAgain) {
  Play play;
  play.Settle();
  play.invariants().OnCrash(NodeId(2), play.of(2).seq);
  play.invariants().OnBoot(NodeId(2), play.Found(2, play.OnDisk(2), 0), BootNumber(1));
  EXPECT_VIOLATES(play, "I-33");
}

TEST(BootChecks, ALifeWhoseRecordWasLostMayComeAgain) {
  Play play;
  play.Settle();
  Restart(play, 2, play.of(2).seq, play.OnDisk(2));
  Restart(play, 2, PersistSeq(), play.OnDisk(2));  // as life 2 both times
  EXPECT_CLEAN(play);
}

TEST(BootChecks, AWipedNodeKeepsItsPromises) {
  Play play;
  play.SettleWithCommands();
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
  play.SettleWithCommands();
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

// ---- corruption --------------------------------------------------------------------------------------------

Input ReadBack(bool ok) {
  return LogRead{.id = PortRequest(5), .group = kGroup, .first = Index(1), .entries = {}, .ok = ok};
}
Input AppliedOf(bool ok) {
  return Applied{.group = kGroup, .generation = Generation(1), .upto = {}, .results = {}, .ok = ok};
}

TEST(CorruptionChecks, ASpoiledRowThatReadsAsGoodIsRefused) {
  for (const bool in_log : {true, false}) {
    Play play;
    play.Settle();
    const auto read = [&](bool damaged, bool ok) {
      if (in_log) {
        play.invariants().OnLogRead(NodeId(2), PortRequest(5), damaged, ok);
      } else {
        play.invariants().OnMapRead(NodeId(2), damaged, ok);
      }
    };
    read(false, true);
    read(true, false);
    EXPECT_CLEAN(play);
    read(true, true);
    EXPECT_VIOLATES(play, "I-46");
  }
}

TEST(CorruptionChecks, StoppingOnASpoiledRowPasses) {
  for (const bool in_log : {true, false}) {
    Play play;
    play.Settle();
    if (in_log) {
      play.invariants().OnLogRead(NodeId(2), PortRequest(5), true, false);
    } else {
      play.invariants().OnMapRead(NodeId(2), true, false);
    }
    const Input answer = in_log ? ReadBack(false) : AppliedOf(false);
    play.Step(2, &answer, {.stopped = true, .requests_under_way = 0});
    EXPECT_CLEAN(play);
    EXPECT_EQ(play.Checked(Check::kCorruptionStops), 3u);
  }
}

TEST(CorruptionChecks, AnAnswerThatRestsOnASpoiledRowIsRefused) {
  Play log;
  log.Settle();
  log.invariants().OnLogRead(NodeId(2), PortRequest(5), true, false);
  const Input read = ReadBack(true);
  log.Step(2, &read);
  EXPECT_VIOLATES(log, "I-46");

  Play map;
  map.Settle();
  map.invariants().OnMapRead(NodeId(2), true, false);
  const Input applied = AppliedOf(true);
  map.Step(2, &applied);
  EXPECT_VIOLATES(map, "I-46");
}

TEST(CorruptionChecks, AReadOfEntriesThatAreGoneMeanwhileMayFail) {
  Play play;
  play.Settle();
  const Input answer =
      LogRead{.id = PortRequest(5), .group = kGroup, .first = Index(9), .entries = {}, .ok = false};
  play.Step(2, &answer);
  EXPECT_CLEAN(play);
}

TEST(CorruptionChecks, GoingOnWithAStoreThatCannotBeReadIsRefused) {
  Play log;
  log.Settle();
  const Input read = ReadBack(false);
  log.Step(2, &read);
  EXPECT_VIOLATES(log, "I-46");

  Play play;
  play.Settle();
  const Input answer = AppliedOf(false);
  play.Step(2, &answer);
  EXPECT_VIOLATES(play, "I-46");

  Play at_boot;
  at_boot.Settle();
  at_boot.invariants().OnMapRead(NodeId(2), true, false);
  at_boot.Step(2);
  EXPECT_VIOLATES(at_boot, "I-46");
}

}  // namespace
}  // namespace quorate::sim
