// The simulated disk: what a crash may take, and what it may not.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "sim/scenario/scenario.h"
#include "sim/world/sim_disk.h"
#include "storage/keys.h"
#include "storage/recovery.h"

namespace quorate::sim {
namespace {

RunConfig ConfigOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return Draw(*scenario, 1);
}

const char* const kPlain = R"({"format":1,"about":"Test.","cluster":{"nodes":3},
  "disk":{"sync":{"dist":"uniform","min":"1ms","max":"3ms"}}})";

Identity SelfOf() {
  Identity identity;
  identity.cluster = 7;
  identity.node = NodeId(1);
  identity.incarnation = Incarnation(1);
  return identity;
}

// One node's disk with a process on it, and events that the test hands out.
class DiskTest : public testing::Test {
 protected:
  explicit DiskTest(const char* text = kPlain, std::uint64_t seed = 1)
      : config_(ConfigOf(text)), shared_(config_, seed, RunSettings{}), disk_(shared_, NodeId(1)) {
    const absl::Status status =
        Bootstrap(disk_.log, SelfOf(), ConfigurationOf(NodeSet{NodeId(1), NodeId(2), NodeId(3)}));
    EXPECT_TRUE(status.ok()) << status;
    Open();
  }

  void Open() {
    absl::StatusOr<LogStore> store = LogStore::Open(disk_.log, SelfOf());
    ASSERT_TRUE(store.ok()) << store.status();
    recovered_ = store->recovered();
    log_ =
        std::make_unique<SimLog>(shared_, NodeId(1), ++life_, disk_, *std::move(store), breaker_);
  }

  void Append(std::uint64_t seq) {
    std::vector<LogRecord> records;
    if (seq == 1) {
      records.push_back(BootRecord{Next(recovered_.last_boot)});
      records.push_back(SetHardState{kDefaultNamespace, HardState{Term(1), NodeId()}});
    }
    records.push_back(AppendEntries{
        kDefaultNamespace, Index(last_ + 1), {Entry{Term(1), EntryKind::kBarrier, {}}}});
    ++last_;
    log_->Append(PersistSeq(seq), records);
  }

  // The next event, if it is a sync's end.
  std::optional<Input> NextSync() {
    const Event event = shared_.queue.Pop();
    EXPECT_EQ(event.kind, EventKind::kSyncDone);
    return log_->OnSyncDone(event.a);
  }

  std::uint64_t LastOnDisk() {
    for (const RecoveredGroup& group : recovered_.groups) {
      if (group.group == kDefaultNamespace) return group.last.value();
    }
    return 0;
  }

  RunConfig config_;
  Shared shared_;
  SimDisk disk_;
  Breaker breaker_;
  Recovered recovered_;
  std::unique_ptr<SimLog> log_;
  std::uint32_t life_ = 0;
  std::uint64_t last_ = 0;
};

TEST_F(DiskTest, ASyncCoversWhatWasAppendedWhenItBegan) {
  Append(1);
  Append(2);
  log_->Sync();
  Append(3);
  const std::optional<Input> first = NextSync();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(std::get<Persisted>(*first).upto, PersistSeq(2));
  log_->Sync();
  EXPECT_EQ(std::get<Persisted>(*NextSync()).upto, PersistSeq(3));
}

TEST_F(DiskTest, OneSyncIsUnderWayAndTheNextFollowsByItself) {
  Append(1);
  log_->Sync();
  Append(2);
  log_->Sync();
  EXPECT_EQ(shared_.queue.size(), 1u);
  EXPECT_EQ(std::get<Persisted>(*NextSync()).upto, PersistSeq(1));
  EXPECT_EQ(std::get<Persisted>(*NextSync()).upto, PersistSeq(2));
}

TEST_F(DiskTest, ACrashTakesASuffixAndNeverWhatWasReported) {
  bool lost_some = false;
  bool kept_some = false;
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t before = last_;
    for (std::uint64_t seq = 1; seq <= 3; ++seq) Append(seq);
    log_->Sync();
    ASSERT_EQ(std::get<Persisted>(*NextSync()).upto, PersistSeq(3));
    for (std::uint64_t seq = 4; seq <= 9; ++seq) Append(seq);
    disk_.log.Crash(disk_.KeptInCrash().log);
    const PersistSeq surviving = log_->SeqOfBatch(disk_.log.durable());
    EXPECT_GE(surviving, PersistSeq(3));
    Open();
    EXPECT_EQ(LastOnDisk(), before + surviving.value()) << "a prefix, as long as the survivor says";
    last_ = LastOnDisk();
    lost_some = lost_some || surviving < PersistSeq(9);
    kept_some = kept_some || surviving > PersistSeq(3);
  }
  EXPECT_TRUE(lost_some);
  EXPECT_TRUE(kept_some);
}

TEST_F(DiskTest, NothingIsReportedAfterAFailedSyncButTheFailure) {
  Append(1);
  log_->Sync();
  ASSERT_TRUE(std::holds_alternative<Persisted>(*NextSync()));
  disk_.fail_next_sync = true;
  Append(2);
  log_->Sync();
  const std::optional<Input> told = NextSync();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(std::get<PersistFailed>(*told).seq, PersistSeq(2));
  Append(3);
  log_->Sync();
  EXPECT_TRUE(shared_.queue.empty());
}

TEST_F(DiskTest, AnOrderedFailureCountsInTheLifeInWhichItStrikes) {
  disk_.fail_next_sync = true;
  Append(1);
  EXPECT_FALSE(shared_.budget.Is(0, Hurt::kFailed));
  log_->Sync();
  EXPECT_TRUE(std::holds_alternative<PersistFailed>(*NextSync()));
  EXPECT_TRUE(shared_.budget.Is(0, Hurt::kFailed));
}

class RottingDisk : public DiskTest {
 protected:
  RottingDisk()
      : DiskTest(
            R"({"format":1,"about":"Test.","time":{"warm_up":"0s"},"cluster":{"nodes":3},"disk":{"corrupt_row":1}})") {
  }
};

TEST_F(RottingDisk, AReadMaySpoilTheOldestEntryAndAnyOther) {
  for (std::uint64_t seq = 1; seq <= 9; ++seq) Append(seq);
  for (std::uint64_t read = 1; read <= 12; ++read)
    log_->Read(ReadLog{PortRequest(read), kDefaultNamespace, Index(9), Index(9), 1000});
  bool oldest = false;
  bool other = false;
  for (const std::string& key : disk_.log.corrupt_keys()) {
    const std::optional<LogKey> spoiled = ParseLogKey(key);
    ASSERT_TRUE(spoiled && spoiled->tag == LogTag::kEntry);
    oldest = oldest || spoiled->index == Index(1);
    other = other || spoiled->index > Index(1);
  }
  EXPECT_TRUE(oldest);
  EXPECT_TRUE(other);
  EXPECT_TRUE(shared_.budget.Is(0, Hurt::kDamaged));
}

TEST(SimDisk, AFlushOfTheMapFailsAsASyncDoes) {
  const RunConfig config = ConfigOf(
      R"({"format":1,"about":"Test.","time":{"warm_up":"0s"},"cluster":{"nodes":3},"disk":{"sync_error":1}})");
  Shared shared(config, 1, RunSettings{});
  SimDisk disk(shared, NodeId(1));
  absl::StatusOr<MapStore> store = MapStore::Open(disk.map, SelfOf());
  ASSERT_TRUE(store.ok());
  Breaker breaker;
  SimMap map(shared, NodeId(1), 1, disk, *std::move(store), breaker);
  map.StartFlush(PortRequest(1));
  EXPECT_EQ(map.OnFlushDone(PortRequest(shared.queue.Pop().a)), std::optional(false));
  EXPECT_TRUE(shared.budget.Is(0, Hurt::kFailed));
}

TEST(SimDisk, AnyRowMayRotAtRestAndIsRefusedAtTheNextBoot) {
  const RunConfig config = ConfigOf(
      R"({"format":1,"about":"Test.","time":{"warm_up":"0s"},"cluster":{"nodes":3},"disk":{"corrupt_row":0.5}})");
  std::set<LogTag> kinds;
  std::size_t rotten = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Shared shared(config, seed, RunSettings{});
    SimDisk disk(shared, NodeId(1));
    ASSERT_TRUE(Bootstrap(disk.log, SelfOf(), ConfigurationOf(NodeSet{NodeId(1), NodeId(2)})).ok());
    disk.MaybeCorruptAtRest();
    EXPECT_EQ(LogStore::Open(disk.log, SelfOf()).ok(), disk.log.corrupt_keys().empty());
    for (const std::string& key : disk.log.corrupt_keys()) kinds.insert(ParseLogKey(key)->tag);
    rotten += disk.log.corrupt_keys().size();
  }
  EXPECT_EQ(kinds.size(), 6u);  // every kind of row but entries, of which there are none yet
  EXPECT_GT(rotten, 400u / 8);  // a quarter of the boots, and the log in three quarters of them
  EXPECT_LT(rotten, 400u / 4);
}

TEST_F(DiskTest, AStalledDiskFinishesNothingBeforeItsEnd) {
  Append(1);
  log_->Sync();
  disk_.stalled_until = 500'000'000;
  EXPECT_FALSE(NextSync().has_value());
  EXPECT_EQ(std::get<Persisted>(*NextSync()).upto, PersistSeq(1));
  EXPECT_GE(shared_.now(), 500'000'000);
}

TEST_F(DiskTest, AProcessThatDiesAtACallLeavesNothingOfThatCall) {
  breaker_.Arm(2);
  Append(1);
  Append(2);
  EXPECT_THROW(Append(3), ProcessDied);
  EXPECT_EQ(log_->appended(), PersistSeq(2));
  EXPECT_THROW(log_->Sync(), ProcessDied);
}

TEST(SimDisk, WhatACrashTakesDependsOnNobodyElse) {
  const RunConfig config = ConfigOf(kPlain);
  Shared shared(config, 5, RunSettings{});
  SimDisk lone(shared, NodeId(2));
  SimDisk beside(shared, NodeId(2));
  SimDisk other(shared, NodeId(3));
  for (SimDisk* disk : {&lone, &beside, &other}) {
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(disk->log.Write({KvPut{"k" + std::to_string(i), "v"}}).ok());
  }
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t kept = lone.KeptInCrash().log;
    const std::uint64_t others = other.KeptInCrash().log;
    EXPECT_EQ(kept, beside.KeptInCrash().log);
    differs = differs || kept != others;
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace quorate::sim
