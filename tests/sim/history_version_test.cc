// Layer 1: a history against the versions and revisions that it shows.
#include <gtest/gtest.h>

#include "sim/history/version_check.h"
#include "sim/history/wgl.h"
#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

std::string RuleBroken(const Script& script) {
  const std::optional<VersionFinding> found = CheckVersions(script.history(), nullptr);
  return found ? found->rule : "none";
}

TEST(VersionCheck, AcceptsAnOrderlyHistory) {
  Script s;
  s.Alone(1, ReadOf("k"), SawNothing("k", 0));
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 2, 1));
  s.Alone(2, ReadOf("k"), Saw("k", 2, "a", 1));
  s.Alone(1, Command(CasValue{"k", "a", "b"}), Wrote("k", 3, 2));
  s.Alone(2, Command(CasValue{"k", "a", "c"}), Found("k", 3, "b", 2));
  s.Alone(1, Command(CasVersion{"k", V(3), "c"}), Wrote("k", 5, 3));
  s.Alone(2, Command(Delete{"k"}), Deleted("k", 4));
  s.Alone(2, Command(Delete{"k"}), SawNothing("k", 4));
  s.Alone(2, Command(PutIfAbsent{"k", "d"}), Wrote("k", 8, 5));
  s.Alone(1, ScanOf("", ""), Told(ReplyStatus::kOk, 5, {{"k", V(8), "d"}}));
  EXPECT_EQ(RuleBroken(s), "none");
}

TEST(VersionCheck, RefusesAStaleReadAndNamesThePair) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  const OpId second = s.Invoke(1, Command(Put{"k", "b"}));
  s.Ok(second, Wrote("k", 2, 2));
  const OpId stale = s.Invoke(2, ReadOf("k"));
  s.Ok(stale, Saw("k", 1, "a", 1));
  const std::optional<VersionFinding> found = CheckVersions(s.history(), nullptr);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->rule, "pair");
  EXPECT_EQ(found->first, second);
  EXPECT_EQ(found->second, stale);
}

TEST(VersionCheck, AcceptsAnOlderReadThatOverlapsTheWrite) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  const OpId read = s.Invoke(2, ReadOf("k"));
  s.Alone(1, Command(Put{"k", "b"}), Wrote("k", 2, 2));
  s.Ok(read, Saw("k", 1, "a", 1));
  EXPECT_EQ(RuleBroken(s), "none");
}

TEST(VersionCheck, AReadMarkedStaleIsFreeInTime) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Put{"k", "b"}), Wrote("k", 2, 2));
  s.Alone(2, StaleReadOf("k"), Saw("k", 1, "a", 1));
  EXPECT_EQ(RuleBroken(s), "none");
  s.Alone(2, StaleReadOf("k"), Saw("k", 1, "a", 2));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesAStaleReadOnAnotherKeyByTheRevision) {
  Script s;
  s.Alone(1, Command(Put{"a", "1"}), Wrote("a", 1, 1));
  s.Alone(1, Command(Put{"b", "2"}), Wrote("b", 2, 2));
  s.Alone(2, ReadOf("a"), Saw("a", 1, "1", 1));
  EXPECT_EQ(RuleBroken(s), "pair");
}

TEST(VersionCheck, RefusesAStaleRowUnderANewRevision) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Put{"k", "b"}), Wrote("k", 2, 2));
  s.Alone(2, ReadOf("k"), Saw("k", 1, "a", 2));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesALostUpdate) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  const OpId first = s.Invoke(1, Command(CasValue{"k", "a", "b"}));
  const OpId second = s.Invoke(2, Command(CasValue{"k", "a", "c"}));
  s.Ok(first, Wrote("k", 2, 2));
  s.Ok(second, Wrote("k", 3, 3));
  EXPECT_EQ(RuleBroken(s), "effect");
}

TEST(VersionCheck, RefusesAPhantomCompareAndSet) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(CasValue{"k", "never", "b"}), Wrote("k", 2, 2));
  EXPECT_EQ(RuleBroken(s), "effect");
}

TEST(VersionCheck, RefusesACompareAndSetOfAnOldVersion) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Put{"k", "b"}), Wrote("k", 2, 2));
  s.Alone(1, Command(CasVersion{"k", V(1), "c"}), Wrote("k", 3, 3));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesARefusalWithoutReason) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(CasValue{"k", "a", "b"}), Found("k", 1, "a", 1));
  EXPECT_EQ(RuleBroken(s), "effect");
}

TEST(VersionCheck, RefusesTwoValuesOfOneVersion) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, ReadOf("k"), Saw("k", 1, "b", 1));
  EXPECT_EQ(RuleBroken(s), "value");
}

TEST(VersionCheck, RefusesTwoChangesOfOneRevision) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Put{"j", "b"}), Wrote("j", 2, 1));
  EXPECT_EQ(RuleBroken(s), "revision");
}

TEST(VersionCheck, RefusesVersionsAgainstTheOrderOfRevisions) {
  Script s;
  const OpId a = s.Invoke(1, Command(Put{"k", "a"}));
  const OpId b = s.Invoke(2, Command(Put{"j", "b"}));
  s.Ok(a, Wrote("k", 5, 1));
  s.Ok(b, Wrote("j", 4, 2));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesAReadFromTheFuture) {
  Script s;
  s.Alone(2, ReadOf("k"), Saw("k", 1, "a", 1));
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  EXPECT_EQ(RuleBroken(s), "pair");
}

TEST(VersionCheck, RefusesAWrittenRowThatIsNotThere) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, ReadOf("k"), SawNothing("k", 1));
  EXPECT_EQ(RuleBroken(s), "absent");
}

TEST(VersionCheck, RefusesADeletedRowThatIsThere) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Delete{"k"}), Deleted("k", 2));
  s.Alone(1, ReadOf("k"), Saw("k", 1, "a", 2));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesADeleteOfNothing) {
  Script s;
  s.Alone(1, Command(Delete{"k"}), Deleted("k", 1));
  EXPECT_EQ(RuleBroken(s), "absent");
}

TEST(VersionCheck, RefusesAScanThatMissesARow) {
  Script s;
  s.Alone(1, Command(Put{"a", "1"}), Wrote("a", 1, 1));
  s.Alone(1, Command(Put{"b", "2"}), Wrote("b", 2, 2));
  s.Alone(1, Command(Put{"c", "3"}), Wrote("c", 3, 3));
  s.Alone(1, ScanOf("a", "d"), Told(ReplyStatus::kOk, 3, {{"a", V(1), "1"}, {"c", V(3), "3"}}));
  EXPECT_EQ(RuleBroken(s), "scan");
}

TEST(VersionCheck, AcceptsAScanThatEndsAtItsContinuation) {
  Script s;
  s.Alone(1, Command(Put{"a", "1"}), Wrote("a", 1, 1));
  s.Alone(1, Command(Put{"b", "2"}), Wrote("b", 2, 2));
  KvReply page = Told(ReplyStatus::kOk, 2, {{"a", V(1), "1"}});
  page.continuation = "b";
  s.Alone(1, Read{Range{"a", "d", 1}, false}, page);
  EXPECT_EQ(RuleBroken(s), "none");
}

TEST(VersionCheck, RefusesTornScansOfOneBatch) {
  Script s;
  Batch batch;
  batch.writes = {{"a", "1"}, {"b", "1"}};
  s.Alone(1, Command(batch), Told(ReplyStatus::kOk, 1, {{"a", V(1), {}}, {"b", V(1), {}}}));
  batch.writes = {{"a", "2"}, {"b", "2"}};
  s.Alone(1, Command(batch), Told(ReplyStatus::kOk, 2, {{"a", V(2), {}}, {"b", V(2), {}}}));
  s.Alone(1, ScanOf("", ""), Told(ReplyStatus::kOk, 2, {{"a", V(2), "2"}, {"b", V(1), "1"}}));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesABatchOfTwoVersions) {
  Script s;
  const Command both = Batch{{}, {{"a", "1"}, {"b", "1"}}};
  s.Alone(1, both,
          Told(ReplyStatus::kOk, 1, {{"a", V(2), std::nullopt}, {"b", V(2), std::nullopt}}));
  EXPECT_EQ(RuleBroken(s), "none");
  s.Alone(1, both,
          Told(ReplyStatus::kOk, 2, {{"a", V(4), std::nullopt}, {"b", V(5), std::nullopt}}));
  EXPECT_EQ(RuleBroken(s), "version");
}

TEST(VersionCheck, RefusesARowWithTheVersionOfAnotherKeysChange) {
  for (const std::uint64_t version : {1u, 2u}) {
    Script s;
    s.Invoke(3, Command(Put{"b", "z"}));
    s.Alone(1, Command(Put{"a", "x"}), Wrote("a", 1, 1));
    s.Alone(2, ReadOf("b"), Saw("b", version, "z", 2));
    EXPECT_EQ(RuleBroken(s), version == 1 ? "version" : "none");
  }
}

TEST(VersionCheck, RefusesASumThatIsNone) {
  Script s;
  s.Alone(1, Command(Increment{"n", 2}), Told(ReplyStatus::kOk, 1, {{"n", V(1), "2"}}));
  s.Alone(1, Command(Increment{"n", 2}), Told(ReplyStatus::kOk, 2, {{"n", V(2), "3"}}));
  EXPECT_EQ(RuleBroken(s), "effect");
}

TEST(VersionCheck, RefusesAValueThatOnlyAFailedWriteHad) {
  Script s;
  s.Fail(s.Invoke(1, Command(Put{"k", "a"})));
  s.Alone(2, ReadOf("k"), Saw("k", 1, "a", 1));
  EXPECT_EQ(RuleBroken(s), "value");
}

TEST(VersionCheck, AcceptsAnInfoWriteThatTakesEffectLate) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "late"})));
  s.Alone(2, ReadOf("k"), SawNothing("k", 0));
  s.Alone(2, Command(Put{"k", "b"}), Wrote("k", 4, 1));
  s.Alone(2, ReadOf("k"), Saw("k", 9, "late", 2));
  EXPECT_EQ(RuleBroken(s), "none");
}

TEST(VersionCheck, RefusesAnInfoWriteWhereNoRevisionIsLeftForIt) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "late"})));
  s.Alone(2, Command(Put{"k", "b"}), Wrote("k", 4, 1));
  s.Alone(2, ReadOf("k"), Saw("k", 9, "late", 1));
  EXPECT_EQ(RuleBroken(s), "value");
}

TEST(VersionCheck, AcceptsAnInfoDeleteAndRefusesWithoutIt) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1));
  Script without = s;
  s.Info(s.Invoke(1, Command(Delete{"k"})));
  s.Alone(2, ReadOf("k"), SawNothing("k", 2));
  EXPECT_EQ(RuleBroken(s), "none");
  without.Alone(2, ReadOf("k"), SawNothing("k", 2));
  EXPECT_EQ(RuleBroken(without), "absent");
}

AtomicOptions RandomOptions(std::uint64_t seed) {
  AtomicOptions options;
  options.seed = seed;
  options.unknown_percent = seed % 4 * 8;
  options.sessions = seed % 2 == 0;
  return options;
}

TEST(VersionCheck, AcceptsAChangeWhoseRetryWasToldNoRows) {
  const auto after = [](const Command& change, const KvReply& seen) {
    Script s;
    s.Alone(1, Command(Put{"k", "1"}), Wrote("k", 1, 1));
    s.Alone(1, change, Told(ReplyStatus::kOk, 2, {}));
    s.Alone(1, Command(Put{"other", "x"}), Wrote("other", 3, 3));
    s.Alone(2, ReadOf("k"), seen);
    return RuleBroken(s);
  };
  EXPECT_EQ(after(Put{"k", "2"}, Saw("k", 2, "2", 3)), "none");
  EXPECT_EQ(after(Increment{"k", 1}, Saw("k", 2, "2", 3)), "none");
  EXPECT_EQ(after(Delete{"k"}, SawNothing("k", 3)), "none");
  EXPECT_EQ(after(Put{"k", "2"}, Saw("k", 2, "3", 3)), "value");  // nobody wrote that
  EXPECT_EQ(after(Put{"k", "2"}, SawNothing("k", 3)), "absent");
  // How it went is part of what was told.
  Script s;
  s.Alone(1, Command(Put{"k", "1"}), Wrote("k", 1, 1));
  s.Alone(1, Command(Put{"k", "2"}), Told(ReplyStatus::kOk, 1, {}));
  EXPECT_EQ(RuleBroken(s), "revision");
}

TEST(VersionCheckOfRandomRuns, AcceptsAnAtomicStore) {
  VersionCheckCounts all;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    AtomicRun run(RandomOptions(seed));
    run.Run();
    VersionCheckCounts counts;
    const std::optional<VersionFinding> found = CheckVersions(run.history(), &counts);
    ASSERT_FALSE(found.has_value()) << "seed " << seed << " " << found->rule << ": " << found->what;
    all.operations += counts.operations;
    all.sights += counts.sights;
  }
  EXPECT_GT(all.operations, 30'000u);
  EXPECT_GT(all.sights, all.operations / 2);
}

// One answer of a random run, changed so that no order can explain it any more.
struct Planted {
  History history;
  std::string what;
};

bool IsPlainRead(const Operation& op) {
  const Read* read = std::get_if<Read>(&op.call);
  return op.ok() && read != nullptr && !read->stale && std::holds_alternative<Get>(read->query);
}

std::vector<Planted> PlantIn(const History& history, std::uint64_t seed) {
  std::vector<Planted> planted;
  std::uint64_t draws = 0;
  const auto chosen = [&] { return Below(Prf(seed, 5, 0, ++draws), 12) == 0; };
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& op = history.operations[i];
    if (!IsPlainRead(op) || !chosen()) continue;
    const std::string& key = std::get<Get>(std::get<Read>(op.call).query).key;
    Planted value{history, "a value nobody wrote"};
    Completion& bogus = *value.history.operations[i].completion;
    bogus.reply.status = ReplyStatus::kOk;
    bogus.reply.rows = {{key, V(bogus.serial.value()), "bogus"}};
    planted.push_back(std::move(value));
    // What an earlier read of the key saw, although a change was shown to somebody in between.
    for (std::size_t j = 0; j < i; ++j) {
      const Operation& earlier = history.operations[j];
      if (!IsPlainRead(earlier) || !(earlier.call == op.call)) continue;
      const bool overtaken = std::any_of(
          history.operations.begin(), history.operations.end(), [&](const Operation& other) {
            return other.ok() && std::holds_alternative<Command>(other.call) &&
                   other.completed < op.invoked &&
                   other.completion->reply.revision > earlier.completion->reply.revision;
          });
      if (!overtaken) continue;
      Planted stale{history, "a stale answer"};
      stale.history.operations[i].completion->reply = earlier.completion->reply;
      planted.push_back(std::move(stale));
      break;
    }
  }
  return planted;
}

TEST(VersionCheckOfRandomRuns, RefusesEveryPlantedAnswer) {
  std::uint64_t values = 0;
  std::uint64_t stale = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    AtomicRun run(RandomOptions(seed));
    run.Run();
    for (const Planted& planted : PlantIn(run.history(), seed)) {
      ASSERT_TRUE(CheckVersions(planted.history, nullptr).has_value())
          << "seed " << seed << ": " << planted.what;
      (planted.what == "a stale answer" ? stale : values) += 1;
    }
  }
  EXPECT_GT(values, 100u);
  EXPECT_GT(stale, 50u);
}

// A row that was there, said to be absent.
TEST(VersionCheckOfRandomRuns, RefusesAWriteThatIsLost) {
  std::uint64_t checked = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    AtomicOptions options = RandomOptions(seed);
    options.unknown_percent = 0;
    AtomicRun run(options);
    run.Run();
    History history = run.history();
    for (Operation& op : history.operations) {
      const Read* read = std::get_if<Read>(&op.call);
      if (!op.ok() || read == nullptr || !std::holds_alternative<Get>(read->query)) continue;
      if (op.completion->reply.status != ReplyStatus::kOk) continue;
      op.completion->reply.status = ReplyStatus::kNotFound;
      op.completion->reply.rows[0].version = Version{};
      op.completion->reply.rows[0].value.reset();
      ++checked;
      ASSERT_TRUE(CheckVersions(history, nullptr).has_value()) << "seed " << seed;
      break;
    }
  }
  EXPECT_GT(checked, 40u);
}

}  // namespace
}  // namespace quorate::sim
