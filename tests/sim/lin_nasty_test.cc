// Hand-made nasty histories, each judged by all three checkers: by serial points, by versions, by search.
#include <gtest/gtest.h>

#include "sim/history/black_box.h"
#include "sim/history/version_check.h"
#include "sim/history/wgl.h"
#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

// One history with the log that was committed meanwhile.
class Trial {
 public:
  // The next entry of the log; returns its index.
  std::uint64_t Commit(const Command& command, std::uint64_t session = 0, std::uint64_t seq = 0) {
    index_ = Next(index_);
    checker_.OnCommitted(kDefaultNamespace, index_, CommandEntry(session, seq, command));
    return index_.value();
  }
  std::uint64_t OpenSession() {
    index_ = Next(index_);
    checker_.OnCommitted(kDefaultNamespace, index_, EntryOf(EntryKind::kOpenSession));
    return index_.value();
  }
  OpId Begin(std::uint64_t client, Call call, std::uint64_t session = 0, std::uint64_t seq = 0) {
    const OpId id = script_.Invoke(client, std::move(call), session, seq);
    checker_.OnInvoke(id, script_.at(id));
    return id;
  }
  void End(OpId id, KvReply reply, std::uint64_t serial) {
    script_.Ok(id, std::move(reply), serial);
    checker_.OnComplete(id, script_.at(id));
  }
  void Unknown(OpId id) {
    script_.Info(id);
    checker_.OnComplete(id, script_.at(id));
  }
  // A write that is committed and answered before anything else happens.
  void Write(std::uint64_t client, const Command& command, KvReply reply) {
    const OpId id = Begin(client, command);
    const std::uint64_t at = Commit(command);
    End(id, std::move(reply), at);
  }
  void See(std::uint64_t client, Call call, KvReply reply, std::uint64_t serial) {
    End(Begin(client, std::move(call)), std::move(reply), serial);
  }

  // What each of the three says: "" = nothing wrong.
  std::string BySerialPoints() const {
    return verdicts_.found() ? verdicts_.first()->id : std::string();
  }
  bool VersionsAccept() const { return !CheckVersions(script_.history(), nullptr).has_value(); }
  SearchVerdict BySearch(bool resolved = true) const {
    const History history =
        resolved ? ResolveInfos(script_.history(), checker_.effects()) : script_.history();
    return CheckLinearizable(ProblemsOf(history), 1'000'000).verdict;
  }
  const History& history() const { return script_.history(); }
  const CommittedEffects& effects() const { return checker_.effects(); }

 private:
  Verdicts verdicts_;
  SerialChecker checker_{KvLimits{}, verdicts_};
  Script script_;
  Index index_;
};

void ExpectAccepted(const Trial& trial) {
  EXPECT_EQ(trial.BySerialPoints(), "");
  EXPECT_TRUE(trial.VersionsAccept());
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kLinearizable);
  EXPECT_EQ(trial.BySearch(/*resolved=*/false), SearchVerdict::kLinearizable);
}
void ExpectRefused(const Trial& trial, const std::string& id) {
  EXPECT_EQ(trial.BySerialPoints(), id);
  EXPECT_FALSE(trial.VersionsAccept());
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kViolation);
  EXPECT_EQ(trial.BySearch(/*resolved=*/false), SearchVerdict::kViolation);
}

KvReply Rows(std::uint64_t revision, std::vector<ReplyRow> rows) {
  return Told(ReplyStatus::kOk, revision, std::move(rows));
}
const Command kFirst = Put{"k", "a"};
const Command kSecond = Put{"k", "b"};

// ---- concurrent compare-and-sets ---------------------------------------------------------------------------

// Two clients want to be the first to write k.
void TwoFirsts(Trial& trial, KvReply second) {
  const Command mine = CasVersion{"k", Version{}, "x"};
  const Command yours = CasVersion{"k", Version{}, "y"};
  const OpId a = trial.Begin(1, mine);
  const OpId b = trial.Begin(2, yours);
  trial.Commit(mine);
  trial.Commit(yours);
  trial.End(b, std::move(second), 2);
  trial.End(a, Wrote("k", 1, 1), 1);
}
TEST(NastyHistories, OneOfTwoConcurrentCompareAndSetsWins) {
  Trial trial;
  TwoFirsts(trial, Found("k", 1, "x", 1));
  trial.See(3, ReadOf("k"), Saw("k", 1, "x", 1), 2);
  ExpectAccepted(trial);
}
TEST(NastyHistories, TwoWinnersAreRefused) {
  Trial trial;
  TwoFirsts(trial, Wrote("k", 2, 2));
  ExpectRefused(trial, "LIN-1");
}

// ---- unknown outcomes --------------------------------------------------------------------------------------

TEST(NastyHistories, AWriteOfUnknownOutcomeMayTakeEffectLongAfterItWasGivenUp) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.Unknown(trial.Begin(2, kSecond));
  trial.See(3, ReadOf("k"), Saw("k", 1, "a", 1), 1);
  trial.Commit(kSecond);
  trial.See(3, ReadOf("k"), Saw("k", 2, "b", 2), 2);
  ExpectAccepted(trial);
}
TEST(NastyHistories, AWriteOfUnknownOutcomeThatComesAndGoesIsRefused) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.Unknown(trial.Begin(2, kSecond));
  trial.Commit(kSecond);
  trial.See(3, ReadOf("k"), Saw("k", 2, "b", 2), 2);
  trial.See(3, ReadOf("k"), Saw("k", 1, "a", 1), 1);
  ExpectRefused(trial, "LIN-2");
}
TEST(NastyHistories, AWriteOfUnknownOutcomeThatNobodyAskedForBeforeItWasSeenIsRefused) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  const OpId early = trial.Begin(3, ReadOf("k"));
  trial.End(early, Saw("k", 2, "b", 2), 2);  // a value from the future
  trial.Unknown(trial.Begin(2, kSecond));
  trial.Commit(kSecond);
  EXPECT_EQ(trial.BySerialPoints(), "LIN-3");
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kViolation);
}

// ---- increments --------------------------------------------------------------------------------------------

void TwoIncrements(Trial& trial, const std::string& first, const std::string& second) {
  const Command more = Increment{"n", 1};
  const OpId a = trial.Begin(1, more);
  const OpId b = trial.Begin(2, more);
  trial.Commit(more);
  trial.Commit(more);
  trial.End(a, Rows(1, {{"n", V(1), first}}), 1);
  trial.End(b, Rows(2, {{"n", V(2), second}}), 2);
}
TEST(NastyHistories, IncrementsAddUp) {
  Trial trial;
  TwoIncrements(trial, "1", "2");
  trial.See(3, ReadOf("n"), Saw("n", 2, "2", 2), 2);
  ExpectAccepted(trial);
}
TEST(NastyHistories, ALostIncrementIsRefused) {
  Trial trial;
  TwoIncrements(trial, "1", "1");
  ExpectRefused(trial, "LIN-1");
}
TEST(NastyHistories, AnIncrementThatCountsTwiceIsRefused) {
  Trial trial;
  TwoIncrements(trial, "1", "3");
  ExpectRefused(trial, "LIN-1");
}

// ---- ranges and batches ------------------------------------------------------------------------------------

const Command kBoth = Batch{{}, {{"p", "1"}, {"q", "1"}}};
const Command kBothAgain = Batch{{}, {{"p", "2"}, {"q", "2"}}};
KvReply WroteBoth(std::uint64_t at, std::uint64_t revision) {
  return Rows(revision, {{"p", V(at), std::nullopt}, {"q", V(at), std::nullopt}});
}

TEST(NastyHistories, AScanDuringABatchSeesAllOrNothingOfIt) {
  for (const std::uint64_t seen : {1u, 2u}) {
    Trial trial;
    trial.Write(1, kBoth, WroteBoth(1, 1));
    const OpId scan = trial.Begin(3, ScanOf("", ""));
    trial.Write(1, kBothAgain, WroteBoth(2, 2));
    const std::string value = std::to_string(seen);
    trial.End(scan, Rows(seen, {{"p", V(seen), value}, {"q", V(seen), value}}), seen);
    ExpectAccepted(trial);
  }
}
TEST(NastyHistories, AScanThatTearsABatchIsRefused) {
  Trial trial;
  trial.Write(1, kBoth, WroteBoth(1, 1));
  const OpId scan = trial.Begin(3, ScanOf("", ""));
  trial.Write(1, kBothAgain, WroteBoth(2, 2));
  trial.End(scan, Rows(2, {{"p", V(1), "1"}, {"q", V(2), "2"}}), 2);
  // Which of the two rows is wrong shows in its version, too.
  EXPECT_NE(trial.BySerialPoints(), "");
  EXPECT_FALSE(trial.VersionsAccept());
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kViolation);
}
TEST(NastyHistories, TwoReadsThatTearABatchAreRefused) {
  Trial trial;
  trial.Write(1, kBoth, WroteBoth(1, 1));
  const OpId batch = trial.Begin(1, kBothAgain);
  trial.Commit(kBothAgain);
  trial.See(3, ReadOf("p"), Saw("p", 2, "2", 2), 2);
  trial.See(3, ReadOf("q"), Saw("q", 1, "1", 1), 1);
  trial.End(batch, WroteBoth(2, 2), 2);
  ExpectRefused(trial, "LIN-2");
}
TEST(NastyHistories, AScanThatMissesARowIsRefused) {
  Trial trial;
  trial.Write(1, kBoth, WroteBoth(1, 1));
  trial.See(3, ScanOf("", ""), Rows(1, {{"p", V(1), "1"}}), 1);
  ExpectRefused(trial, "LIN-1");
}

// ---- absent keys -------------------------------------------------------------------------------------------

TEST(NastyHistories, AReadOfAnAbsentKeyThatOverlapsItsFirstWritePasses) {
  Trial trial;
  const OpId read = trial.Begin(3, ReadOf("k"));
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.End(read, SawNothing("k", 0), 0);
  ExpectAccepted(trial);
}
TEST(NastyHistories, AReadThatFindsNothingAfterTheWriteIsRefused) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.See(3, ReadOf("k"), SawNothing("k", 0), 0);
  ExpectRefused(trial, "LIN-2");
}
TEST(NastyHistories, AReadThatFindsWhatWasDeletedIsRefused) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.Write(1, Delete{"k"}, Deleted("k", 2));
  trial.See(3, ReadOf("k"), Saw("k", 1, "a", 2), 2);
  EXPECT_NE(trial.BySerialPoints(), "");
  EXPECT_FALSE(trial.VersionsAccept());
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kViolation);
}

// ---- one event too late ------------------------------------------------------------------------------------

TEST(NastyHistories, AnOldValueIsSeenByWhoAskedOneEventBeforeTheWriteWasOver) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  const OpId write = trial.Begin(1, kSecond);
  trial.Commit(kSecond);
  const OpId read = trial.Begin(3, ReadOf("k"));
  trial.End(write, Wrote("k", 2, 2), 2);
  trial.End(read, Saw("k", 1, "a", 1), 1);
  ExpectAccepted(trial);
}
TEST(NastyHistories, AnOldValueIsRefusedForWhoAskedOneEventAfterTheWriteWasOver) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  const OpId write = trial.Begin(1, kSecond);
  trial.Commit(kSecond);
  trial.End(write, Wrote("k", 2, 2), 2);
  const OpId read = trial.Begin(3, ReadOf("k"));
  trial.End(read, Saw("k", 1, "a", 1), 1);
  ExpectRefused(trial, "LIN-2");
}

// ---- duplicates --------------------------------------------------------------------------------------------

// A put is sent again after somebody else has overwritten it.
void RetriedPut(Trial& trial, KvReply seen) {
  const std::uint64_t session = trial.OpenSession();  // 1
  const OpId put = trial.Begin(1, kFirst, session, 1);
  trial.Commit(kFirst, session, 1);  // 2: the answer is lost
  trial.Write(2, kSecond, Wrote("k", 3, 2));
  trial.Commit(kFirst, session, 1);  // 4: the retry
  trial.End(put, Wrote("k", 2, 1), 2);
  trial.See(3, ReadOf("k"), std::move(seen), 4);
}
TEST(NastyHistories, ARetryIsAnsweredFromTheTable) {
  Trial trial;
  RetriedPut(trial, Saw("k", 3, "b", 2));
  ExpectAccepted(trial);
}
TEST(NastyHistories, ARetryThatIsAppliedAgainIsRefused) {
  // The read sees what the duplicate wrote: a row of the retry's index.
  Trial trial;
  RetriedPut(trial, Saw("k", 4, "a", 3));
  EXPECT_NE(trial.BySerialPoints(), "");
  EXPECT_FALSE(trial.VersionsAccept());
  EXPECT_EQ(trial.BySearch(), SearchVerdict::kViolation);
}

// ---- the report of a run -----------------------------------------------------------------------------------

TEST(BlackBox, ReportsWhatVersionsSayFirst) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.See(3, ReadOf("k"), SawNothing("k", 0), 0);
  Verdicts verdicts;
  const BlackBoxResult seen =
      CheckBlackBox(trial.history(), trial.effects(), {std::nullopt, false, 1000}, verdicts);
  ASSERT_TRUE(seen.violation.has_value());
  EXPECT_EQ(seen.violation->id, "LIN-4");
  EXPECT_GT(verdicts.counts().of(Check::kVersionOrder), 0u);
  EXPECT_GT(verdicts.counts().of(Check::kSearch), 0u);
}

// One write of unknown outcome that is seen twice, with another one in between: each sight is excused by it, both
// together are not, and that takes a search. (The third revision is accounted for by a write to another key.)
TEST(BlackBox, ReportsWhatOnlyTheSearchFinds) {
  for (const bool twice : {false, true}) {
    const Command elsewhere = Put{"j", "c"};
    Trial trial;
    trial.Unknown(trial.Begin(2, kSecond));
    trial.Unknown(trial.Begin(4, elsewhere));
    trial.See(3, ReadOf("k"), Saw("k", 1, "b", 1), 1);
    trial.Write(1, kFirst, Wrote("k", 2, 2));
    if (twice) trial.See(3, ReadOf("k"), Saw("k", 3, "b", 3), 3);
    EXPECT_TRUE(trial.VersionsAccept());
    CommittedEffects effects;  // it is known to have taken effect
    effects.AddContent(kDefaultNamespace, DigestOf(EncodeCommand(kSecond)), Index(1));
    effects.AddContent(kDefaultNamespace, DigestOf(EncodeCommand(elsewhere)), Index(3));
    Verdicts verdicts;
    const BlackBoxResult seen =
        CheckBlackBox(trial.history(), effects, {std::nullopt, true, 1000}, verdicts);
    EXPECT_EQ(seen.violation ? seen.violation->id : "nothing", twice ? "LIN-5" : "nothing");
    EXPECT_FALSE(seen.unknown);
  }
}

TEST(BlackBox, JudgesTheNamespacesThatItIsToldTo) {
  Trial trial;
  trial.Write(1, kFirst, Wrote("k", 1, 1));
  trial.See(3, ReadOf("k"), SawNothing("k", 0), 0);
  Verdicts verdicts;
  const auto judge = [&](std::vector<GroupId> groups) {
    return CheckBlackBox(trial.history(), trial.effects(), {std::move(groups), true, 1000},
                         verdicts);
  };
  EXPECT_TRUE(judge({kDefaultNamespace}).violation.has_value());
  EXPECT_FALSE(judge({GroupId(5)}).violation.has_value());
  EXPECT_FALSE(judge({}).violation.has_value());
}

TEST(BlackBox, OutOfBudgetIsUnknown) {
  Trial trial;
  TwoIncrements(trial, "1", "2");
  Verdicts verdicts;
  const BlackBoxResult seen =
      CheckBlackBox(trial.history(), trial.effects(), {std::nullopt, true, 1}, verdicts);
  EXPECT_FALSE(seen.violation.has_value());
  EXPECT_TRUE(seen.unknown);
}

}  // namespace
}  // namespace quorate::sim
