// storage/mem_kv.h: the faults of a disk, as the simulator puts them in.
#include "storage/mem_kv.h"

#include <gtest/gtest.h>

#include "engine/base/prf.h"
#include "storage/recovery.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

constexpr KvLimit kAll{1'000'000, 1'000'000'000};

KvBatch RandomBatch(std::uint64_t seed) {
  const auto next = [&seed](std::uint64_t below) { return Below(seed = Mix(seed), below); };
  const auto key = [&next] { return std::string(1, static_cast<char>('a' + next(8))); };
  KvBatch batch;
  for (std::uint64_t i = 0, size = next(5); i < size; ++i) {
    const std::uint64_t what = next(4);
    if (what < 2) {
      batch.push_back(KvPut{key(), std::to_string(next(100))});
    } else if (what == 2) {
      batch.push_back(KvDelete{key()});
    } else {
      batch.push_back(KvDeleteRange{key(), key()});
    }
  }
  return batch;
}

TEST(MemKvCrash, LosesASuffixOfTheUnsyncedBatchesAndNothingElse) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    MemKv kv;
    std::vector<KvImage> after = {{}};
    const std::uint64_t writes = 1 + Below(Mix(seed, 1), 20);
    const std::uint64_t synced = Below(Mix(seed, 2), writes + 1);
    for (std::uint64_t i = 0; i < writes; ++i) {
      ASSERT_TRUE(kv.Write(RandomBatch(Mix(seed, 100 + i))).ok());
      after.push_back(kv.rows());
    }
    ASSERT_TRUE(kv.SyncUpTo(synced).ok());
    EXPECT_EQ(kv.DurableImage(), after[synced]);
    for (std::uint64_t keep = 0; keep <= writes - synced; ++keep) {
      MemKv crashed(kv);
      crashed.Crash(keep);
      EXPECT_EQ(crashed.rows(), after[synced + keep]) << "seed " << seed << ", keep " << keep;
      EXPECT_EQ(crashed.unsynced(), 0u);
      crashed.Crash(0);
      EXPECT_EQ(crashed.rows(), after[synced + keep]) << "what a crash left is durable";
    }
  }
}

TEST(MemKvSync, CoversOnlyWhatWasWrittenWhenItBegan) {
  MemKv kv;
  ASSERT_TRUE(kv.Write({KvPut{"a", "1"}}).ok());
  const std::uint64_t begun = kv.written();
  ASSERT_TRUE(kv.Write({KvPut{"b", "2"}}).ok());
  ASSERT_TRUE(kv.SyncUpTo(begun).ok());
  ASSERT_TRUE(kv.SyncUpTo(begun).ok());
  kv.Crash(0);
  EXPECT_EQ(kv.rows(), (KvImage{{"a", "1"}}));
}

TEST(MemKvFailure, AFailedSyncMakesNothingDurableAndIsNotTriedAgain) {
  MemKv kv;
  ASSERT_TRUE(kv.Write({KvPut{"a", "1"}}).ok());
  ASSERT_TRUE(kv.Sync().ok());
  ASSERT_TRUE(kv.Write({KvPut{"b", "2"}}).ok());
  kv.FailNextSync(absl::InternalError("EIO"));
  EXPECT_FALSE(kv.Sync().ok());
  EXPECT_TRUE(kv.failed());
  EXPECT_FALSE(kv.Sync().ok());
  EXPECT_FALSE(kv.Write({KvPut{"c", "3"}}).ok());
  kv.Crash(0);
  EXPECT_EQ(kv.rows(), (KvImage{{"a", "1"}}));
  EXPECT_TRUE(kv.Write({KvPut{"c", "3"}}).ok());
  EXPECT_TRUE(kv.Sync().ok());
}

TEST(MemKvFailure, AFailedWriteIsNotApplied) {
  MemKv kv;
  kv.FailNextWrite(absl::ResourceExhaustedError("no space"));
  EXPECT_EQ(kv.Write({KvPut{"a", "1"}}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(kv.rows().empty());
  EXPECT_EQ(kv.written(), 0u);
  EXPECT_FALSE(kv.Sync().ok());
}

TEST(MemKvCorruption, IsStickyUntilTheRowIsWrittenAgain) {
  MemKv kv(KvImage{{"a", "value"}, {"b", "value"}});
  EXPECT_TRUE(kv.CorruptRow("a", 7));
  EXPECT_FALSE(kv.CorruptRow("a", 7)) << "a second flip would heal it";
  EXPECT_FALSE(kv.CorruptRow("zz", 7));
  EXPECT_NE(kv.Get("a").value(), "value");
  EXPECT_NE(kv.Scan("", std::nullopt, kAll)->rows[0].value, "value");
  EXPECT_EQ(kv.Get("b").value(), "value");
  EXPECT_EQ(kv.corrupt_keys().size(), 1u);
  ASSERT_TRUE(kv.Write({KvPut{"a", "value"}}).ok());
  EXPECT_EQ(kv.Get("a").value(), "value");
  EXPECT_TRUE(kv.corrupt_keys().empty());
  kv.Crash(0);
  EXPECT_NE(kv.Get("a").value(), "value") << "the write that healed it is lost";
  EXPECT_EQ(kv.corrupt_keys().size(), 1u);
}

TEST(MemKvCorruption, IsHeldUntilWhatReplacedItIsDurable) {
  MemKv kv(KvImage{{"a", "value"}, {"b", "value"}});
  EXPECT_FALSE(kv.HoldsCorruption());
  ASSERT_TRUE(kv.CorruptRow("a", 7));
  EXPECT_TRUE(kv.HoldsCorruption());
  ASSERT_TRUE(kv.Write({KvDelete{"a"}}).ok());
  EXPECT_TRUE(kv.corrupt_keys().empty());
  EXPECT_TRUE(kv.HoldsCorruption()) << "a crash would bring it back";
  ASSERT_TRUE(kv.Sync().ok());
  EXPECT_FALSE(kv.HoldsCorruption());
}

TEST(MemKvCorruption, OfARangeHitsEveryRowInIt) {
  MemKv kv(KvImage{{"a", "1"}, {"b", "2"}, {"c", ""}, {"d", "4"}});
  EXPECT_EQ(kv.CorruptRange("b", "d", 3), 2u);
  EXPECT_EQ(kv.Get("a").value(), "1");
  EXPECT_NE(kv.Get("b").value(), "2");
  EXPECT_NE(kv.Get("c").value(), "");
  EXPECT_EQ(kv.Get("d").value(), "4");
}

TEST(MemKvReplace, PutsAnotherDiskInItsPlace) {
  MemKv kv;
  ASSERT_TRUE(kv.Write({KvPut{"a", "1"}}).ok());
  ASSERT_TRUE(kv.Sync().ok());
  const KvImage old = kv.DurableImage();
  ASSERT_TRUE(kv.Write({KvPut{"a", "2"}}).ok());
  kv.Replace(old);
  EXPECT_EQ(kv.rows(), old);
  EXPECT_EQ(kv.unsynced(), 0u);
  EXPECT_EQ(kv.written(), 2u) << "writes are counted over the whole life";
  kv.Replace({});
  EXPECT_TRUE(kv.rows().empty());
}

// The log on this disk: after a crash it is exactly some prefix of the batches, at least what was synced.
TEST(LogOnMemKv, AfterACrashItIsAPrefixOfTheBatches) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    MemKv kv;
    ASSERT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
    LogStore store = LogStore::Open(kv, TestIdentity()).value();
    LogModel model(store.recovered().groups.back().start.catalogue);
    std::vector<Recovered> after = {store.recovered()};
    const std::uint64_t first = kv.written();
    for (std::uint64_t k = 0; k < 40; ++k) {
      ASSERT_TRUE(store.Append(PersistSeq{k + 1}, model.Step(seed, k)).ok());
      ASSERT_EQ(kv.written(), first + k + 1) << "one write is one batch";
      after.push_back(model.AsRecovered());
      if (k == 20) {
        ASSERT_TRUE(store.Sync().ok());
      }
    }
    for (std::uint64_t keep = 0; keep <= kv.unsynced(); ++keep) {
      MemKv crashed(kv);
      crashed.Crash(keep);
      const absl::StatusOr<LogStore> found = LogStore::Open(crashed, TestIdentity());
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(found->recovered(), after[21 + keep]);
    }
  }
}

TEST(LogOnMemKv, AfterAFailedSyncTheStoreTakesNothingMore) {
  MemKv kv;
  ASSERT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
  LogStore store = LogStore::Open(kv, TestIdentity()).value();
  const std::vector<LogRecord> records = {BootRecord{BootNumber{1}}};
  ASSERT_TRUE(store.Append(PersistSeq{1}, records).ok());
  kv.FailNextSync(absl::InternalError("EIO"));
  EXPECT_FALSE(store.Sync().ok());
  kv.Crash(kv.unsynced());  // even if the disk itself were well again
  EXPECT_FALSE(store.Sync().ok());
  EXPECT_FALSE(store.Append(PersistSeq{2}, records).ok());
}

}  // namespace
}  // namespace quorate
