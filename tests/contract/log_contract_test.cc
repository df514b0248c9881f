// The log store's contract (storage/log_store.h, engine/record.h) on every leaf that a log may stand on.
#include "engine/catalogue.h"
#include "storage/log_store.h"
#include "storage/recovery.h"
#include "tests/contract/stores.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

Payload FirstCatalogue() { return Payload(Catalogue::Bootstrap(TestMembers()).Encode()); }

Entry Command(std::uint64_t term, std::string bytes) {
  return Entry{Term(term), EntryKind::kCommand, Payload(std::move(bytes))};
}

class LogContract : public OnLeaf {
 protected:
  LogContract() : model_(FirstCatalogue()) {
    EXPECT_TRUE(Bootstrap(kv(), TestIdentity(), TestMembers()).ok());
    Open();
  }
  void Open() {
    absl::StatusOr<LogStore> store = LogStore::Open(kv(), TestIdentity());
    ASSERT_TRUE(store.ok()) << store.status();
    store_.emplace(*std::move(store));
    seq_ = PersistSeq{};
  }
  // Writes one batch, syncs, starts again, and finds what the model holds.
  void Write(std::vector<LogRecord> records) {
    for (const LogRecord& record : records) model_.Carry(record);
    Put(records);
    ASSERT_TRUE(store_->Sync().ok());
    Restart();
    Open();
    ExpectAsModel();
  }
  void Put(const std::vector<LogRecord>& records) {
    seq_ = Next(seq_);
    ASSERT_TRUE(store_->Append(seq_, records).ok());
  }
  void ExpectAsModel() {
    ASSERT_EQ(store_->recovered(), model_.AsRecovered());
    ExpectEntriesAsModel();
  }
  void ExpectEntriesAsModel() {
    for (const auto& [id, group] : model_.groups()) {
      ASSERT_EQ(store_->LastIndex(id), group.last());
      if (group.entries.empty()) continue;
      const absl::StatusOr<EntryList> entries =
          store_->ReadEntries(id, group.entries.begin()->first, group.last(), 1'000'000);
      ASSERT_TRUE(entries.ok()) << entries.status();
      ASSERT_EQ(entries->size(), group.entries.size());
      std::size_t i = 0;
      for (const auto& [index, entry] : group.entries)
        ASSERT_EQ((*entries)[i++], entry) << index.value();
    }
  }
  LogStart StartAt(std::uint64_t generation, std::uint64_t index, std::uint64_t term) const {
    LogStart start;
    start.generation = Generation(generation);
    start.entry = EntryId{Index(index), Term(term)};
    start.configuration = TestMembers();
    return start;
  }

  const GroupId g_{0};
  LogModel model_;
  std::optional<LogStore> store_;
  PersistSeq seq_;
};
INSTANTIATE_TEST_SUITE_P(Leaves, LogContract, testing::Values(Leaf::kMemory, Leaf::kRocksLog),
                         NameOfLeaf);

TEST_P(LogContract, ABootstrappedStoreHoldsTheSystemGroupAndNamespaceZero) { ExpectAsModel(); }

TEST_P(LogContract, HardStateAndEntriesAreFoundAgain) {
  Write(
      {BootRecord{BootNumber{1}}, SetHardState{g_, HardState{Term{1}, NodeId{2}}},
       AppendEntries{g_,
                     Index{1},
                     {Entry{Term{1}, EntryKind::kBarrier, {}}, Command(1, "a"), Command(1, "")}}});
  Write({SetHardState{g_, HardState{Term{4}, NodeId{}}}});
  Write({BootRecord{BootNumber{2}},
         AppendEntries{g_, Index{4}, {Command(4, std::string(100'000, 'x'))}}});
}

TEST_P(LogContract, ATruncatedSuffixIsGoneAndItsPlaceIsTakenByOthers) {
  Write({SetHardState{g_, HardState{Term{1}, NodeId{2}}},
         AppendEntries{g_, Index{1}, {Command(1, "a"), Command(1, "b"), Command(1, "c")}}});
  Write({SetHardState{g_, HardState{Term{2}, NodeId{}}}, TruncateSuffix{g_, Index{2}},
         AppendEntries{g_, Index{2}, {Command(2, "d")}}});
  Write({TruncateSuffix{g_, Index{1}}});
  Write({AppendEntries{g_, Index{1}, {Command(2, "e")}}});
}

TEST_P(LogContract, EntriesOfOneBatchMayBeTruncatedInTheSameBatch) {
  Write({SetHardState{g_, HardState{Term{3}, NodeId{2}}},
         AppendEntries{g_, Index{1}, {Command(1, "a"), Command(1, "b"), Command(1, "c")}},
         TruncateSuffix{g_, Index{3}},
         AppendEntries{g_, Index{3}, {Command(2, "d"), Command(2, "e")}},
         DropPrefix{g_, StartAt(1, 2, 1)}, TruncateSuffix{g_, Index{4}}});
}

TEST_P(LogContract, ADroppedPrefixLeavesTheRest) {
  Write({SetHardState{g_, HardState{Term{2}, NodeId{2}}},
         AppendEntries{g_, Index{1}, {Command(1, "a"), Command(1, "b"), Command(2, "c")}}});
  Write({DropPrefix{g_, StartAt(1, 2, 1)}});
  EXPECT_EQ(store_->ReadEntries(g_, Index{2}, Index{3}, 100).status().code(),
            absl::StatusCode::kOutOfRange);
  Write({AppendEntries{g_, Index{4}, {Command(2, "d")}}});
  Write({DropPrefix{g_, StartAt(1, 4, 2)}});
  Write({AppendEntries{g_, Index{5}, {Command(2, "e")}}});
}

TEST_P(LogContract, AResetLogHasNoEntriesAndItsHardStateStays) {
  Write({SetHardState{g_, HardState{Term{5}, NodeId{3}}},
         AppendEntries{g_, Index{1}, {Command(1, "a"), Command(1, "b"), Command(2, "c")}}});
  Write({ResetLog{g_, StartAt(2, 40, 5)}});
  Write({AppendEntries{g_, Index{41}, {Command(5, "d")}}});
  Write({TruncateSuffix{g_, Index{41}}});
}

TEST_P(LogContract, GroupsAreBornAndDropped) {
  Write({ResetLog{GroupId{7}, StartAt(1, 0, 0)},
         SetHardState{GroupId{7}, HardState{Term{1}, NodeId{1}}},
         AppendEntries{GroupId{7}, Index{1}, {Command(1, "a")}}});
  Write({ResetLog{GroupId{300}, StartAt(1, 0, 0)}});
  Write({DropGroup{GroupId{7}}});
  Write({DropGroup{GroupId{7}}});
  EXPECT_EQ(store_->LastIndex(GroupId{7}), std::nullopt);
}

TEST_P(LogContract, AReadEndsAtItsBytesButHoldsAtLeastOneEntry) {
  Write(
      {SetHardState{g_, HardState{Term{1}, NodeId{2}}},
       AppendEntries{g_, Index{1}, {Command(1, "aaaa"), Command(1, "bbbb"), Command(1, "cccc")}}});
  const std::size_t one = CostOf(Command(1, "aaaa"));
  EXPECT_EQ(store_->ReadEntries(g_, Index{1}, Index{3}, 0)->size(), 1u);
  EXPECT_EQ(store_->ReadEntries(g_, Index{1}, Index{3}, one)->size(), 1u);
  EXPECT_EQ(store_->ReadEntries(g_, Index{1}, Index{3}, 2 * one - 1)->size(), 1u);
  EXPECT_EQ(store_->ReadEntries(g_, Index{1}, Index{3}, 2 * one)->size(), 2u);
  EXPECT_EQ(store_->ReadEntries(g_, Index{2}, Index{3}, 100 * one)->at(0), Command(1, "bbbb"));
  EXPECT_EQ(store_->ReadEntries(g_, Index{2}, Index{2}, 100 * one)->size(), 1u);
  EXPECT_EQ(store_->ReadEntries(g_, Index{2}, Index{4}, 100).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store_->ReadEntries(g_, Index{0}, Index{1}, 100).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store_->ReadEntries(GroupId{9}, Index{1}, Index{1}, 100).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_P(LogContract, AReadSeesWhatIsNotSyncedYet) {
  Put({SetHardState{g_, HardState{Term{1}, NodeId{2}}},
       AppendEntries{g_, Index{1}, {Command(1, "a")}}});
  EXPECT_EQ(store_->ReadEntries(g_, Index{1}, Index{1}, 100)->at(0), Command(1, "a"));
}

TEST_P(LogContract, BootstrapIsRefusedOnAStoreThatHoldsAnything) {
  EXPECT_EQ(Bootstrap(kv(), TestIdentity(), TestMembers()).code(),
            absl::StatusCode::kFailedPrecondition);
  ExpectAsModel();
}

TEST_P(LogContract, RandomWritesAreFoundAgain) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (std::uint64_t k = 0; k < 150; ++k) {
      Put(model_.Step(seed, k));
      if (k % 3 == 0) {
        ASSERT_TRUE(store_->Sync().ok());
      }
      if (k % 5 != 0) continue;
      Restart();
      Open();
      ASSERT_NO_FATAL_FAILURE(ExpectAsModel()) << "seed " << seed << ", write " << k;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectEntriesAsModel()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace quorate
