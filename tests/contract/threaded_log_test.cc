// The log port with a disk thread: answers come in order, late, and never again after a failure.
#include "storage/threaded_log.h"

#include <gtest/gtest.h>

#include "storage/mem_kv.h"
#include "storage/recovery.h"
#include "tests/contract/stores.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

constexpr GroupId kG{0};
constexpr std::chrono::seconds kPatience{20};

Entry Command(std::string bytes) {
  return Entry{Term{1}, EntryKind::kCommand, Payload(std::move(bytes))};
}

std::vector<LogRecord> Append(std::uint64_t index, std::string bytes) {
  return {AppendEntries{kG, Index(index), {Command(std::move(bytes))}}};
}

// Waits until `count` answers have come in all.
std::vector<Input> Answers(ThreadedLog& log, std::size_t count) {
  std::vector<Input> all;
  while (all.size() < count && log.Wait(kPatience)) {
    for (Input& input : log.Poll()) all.push_back(std::move(input));
  }
  EXPECT_EQ(all.size(), count);
  return all;
}

class ThreadedLogContract : public OnLeaf {
 protected:
  ThreadedLogContract() {
    EXPECT_TRUE(Bootstrap(kv(), TestIdentity(), TestMembers()).ok());
    Open();
    const std::vector<LogRecord> first = {BootRecord{BootNumber{1}},
                                          SetHardState{kG, HardState{Term{1}, NodeId{2}}}};
    log_->Append(PersistSeq{1}, first);
    log_->Sync();
    EXPECT_EQ(std::get<Persisted>(Answers(*log_, 1).at(0)).upto, PersistSeq{1});
  }
  void Open() { log_.emplace(LogStore::Open(kv(), TestIdentity()).value()); }

  std::optional<ThreadedLog> log_;
};
INSTANTIATE_TEST_SUITE_P(Leaves, ThreadedLogContract,
                         testing::Values(Leaf::kMemory, Leaf::kRocksLog), NameOfLeaf);

TEST_P(ThreadedLogContract, WritesOfATurnArePersistedTogether) {
  for (std::uint64_t i = 1; i <= 50; ++i) log_->Append(PersistSeq{i + 1}, Append(i, "entry"));
  log_->Sync();
  EXPECT_EQ(std::get<Persisted>(Answers(*log_, 1).at(0)).upto, PersistSeq{51});
  log_.reset();
  Restart();
  EXPECT_EQ(LogStore::Open(kv(), TestIdentity())->LastIndex(kG), Index{50});
}

TEST_P(ThreadedLogContract, NothingIsPersistedWithoutASync) {
  log_->Append(PersistSeq{2}, Append(1, "entry"));
  EXPECT_FALSE(log_->Wait(std::chrono::milliseconds{50}));
}

TEST_P(ThreadedLogContract, EveryTurnIsPersistedInTheEnd) {
  PersistSeq upto;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    log_->Append(PersistSeq{i + 1}, Append(i, "entry " + std::to_string(i)));
    log_->Sync();
    for (const Input& input : log_->Poll()) {
      const PersistSeq next = std::get<Persisted>(input).upto;
      EXPECT_GT(next, upto);
      upto = next;
    }
  }
  while (upto < PersistSeq{301} && log_->Wait(kPatience)) {
    for (const Input& input : log_->Poll()) upto = std::get<Persisted>(input).upto;
  }
  EXPECT_EQ(upto, PersistSeq{301});
}

TEST_P(ThreadedLogContract, AReadSeesWhatWasAppendedBeforeItAndNothingLater) {
  log_->Append(PersistSeq{2}, Append(1, "old"));
  log_->Read(ReadLog{PortRequest{5}, kG, Index{1}, Index{1}, 1000});
  const std::vector<LogRecord> other = {TruncateSuffix{kG, Index{1}},
                                        AppendEntries{kG, Index{1}, {Command("new")}}};
  log_->Append(PersistSeq{3}, other);
  log_->Read(ReadLog{PortRequest{6}, kG, Index{1}, Index{1}, 1000});
  log_->Read(ReadLog{PortRequest{7}, kG, Index{1}, Index{2}, 1000});
  const std::vector<Input> answers = Answers(*log_, 3);
  const LogRead& before = std::get<LogRead>(answers.at(0));
  EXPECT_EQ(before.id, PortRequest{5});
  EXPECT_TRUE(before.ok);
  EXPECT_EQ(before.first, Index{1});
  EXPECT_EQ(before.entries, (EntryList{Command("old")}));
  EXPECT_EQ(std::get<LogRead>(answers.at(1)).entries, (EntryList{Command("new")}));
  EXPECT_FALSE(std::get<LogRead>(answers.at(2)).ok);
}

TEST(ThreadedLogFailure, AFailedSyncIsToldOnceAndNothingIsPersistedAfterIt) {
  MemKv kv;
  ASSERT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
  kv.FailNextSync(absl::InternalError("EIO"));
  ThreadedLog log(LogStore::Open(kv, TestIdentity()).value());
  const std::vector<LogRecord> first = {BootRecord{BootNumber{1}}};
  log.Append(PersistSeq{1}, first);
  log.Sync();
  EXPECT_EQ(std::get<PersistFailed>(Answers(log, 1).at(0)).seq, PersistSeq{1});
  const std::vector<LogRecord> second = {BootRecord{BootNumber{2}}};
  log.Append(PersistSeq{2}, second);
  log.Sync();
  log.Read(ReadLog{PortRequest{1}, kG, Index{1}, Index{1}, 1000});
  EXPECT_FALSE(std::get<LogRead>(Answers(log, 1).at(0)).ok);
  EXPECT_FALSE(log.Wait(std::chrono::milliseconds{20}));
}

TEST(ThreadedLogTurn, ThatWroteNothingSyncsNothing) {
  MemKv kv;
  ASSERT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
  kv.FailNextSync(absl::InternalError("EIO"));
  ThreadedLog log(LogStore::Open(kv, TestIdentity()).value());
  for (int i = 0; i < 100; ++i) log.Sync();
  EXPECT_FALSE(log.Wait(std::chrono::milliseconds{20}));  // no sync, so none that fails
  const std::vector<LogRecord> first = {BootRecord{BootNumber{1}}};
  log.Append(PersistSeq{1}, first);
  log.Sync();
  EXPECT_EQ(std::get<PersistFailed>(Answers(log, 1).at(0)).seq, PersistSeq{1});
}

}  // namespace
}  // namespace quorate
