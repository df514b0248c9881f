// storage/recovery.h: log and map together.
#include "storage/recovery.h"

#include <gtest/gtest.h>

#include "engine/kv/envelope.h"
#include "engine/kv/state_machine.h"
#include "storage/mem_kv.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

constexpr GroupId kG{0};

Entry PutEntry(std::uint64_t term, std::string key, std::string value) {
  return Entry{Term(term), EntryKind::kCommand,
               Payload(EncodeEnvelope(SessionId{}, SessionSeq{},
                                      EncodeCommand(Put{std::move(key), std::move(value)})))};
}

// A node's two disks, with three entries in the log of namespace 0.
class Recovery : public testing::Test {
 protected:
  Recovery() {
    EXPECT_TRUE(Bootstrap(log_, TestIdentity(), TestMembers()).ok());
    entries_ = {Entry{Term{1}, EntryKind::kBarrier, {}}, PutEntry(1, "a", "1"),
                PutEntry(2, "b", "2")};
    Write({SetHardState{kG, HardState{Term{2}, NodeId{1}}},
           AppendEntries{kG, Index{1}, {entries_.begin(), entries_.end()}}});
  }
  void Write(std::vector<LogRecord> records) {
    LogStore store = LogStore::Open(log_, TestIdentity()).value();
    ASSERT_TRUE(store.Append(PersistSeq{1}, records).ok());
    ASSERT_TRUE(store.Sync().ok());
  }
  MapStore Map() { return MapStore::Open(map_, TestIdentity()).value(); }
  // Applies the first `count` entries.
  void Apply(std::size_t count, Generation generation = Generation{1}) {
    MapStore map = Map();
    StateMachine machine = StateMachine::Open(map, MapSpace{kG, generation}, KvLimits{}).value();
    std::vector<ApplyResult> results;
    ASSERT_TRUE(
        machine.Apply(Index{1}, std::span<const Entry>(entries_).first(count), results).ok());
  }
  absl::StatusOr<Recovered> Recover() {
    MapStore map = Map();
    absl::StatusOr<RecoveredNode> node = RecoverNode(log_, map, TestIdentity(), KvLimits{});
    if (!node.ok()) return node.status();
    return node->recovered;
  }
  EntryId AppliedOf(const absl::StatusOr<Recovered>& recovered) {
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    return recovered.ok() ? recovered->groups.front().applied : EntryId{};
  }
  LogStart StartAt(std::uint64_t generation, std::uint64_t index, std::uint64_t term) const {
    return LogStart{Generation(generation), {Index(index), Term(term)}, {}, TestMembers(), {}};
  }

  MemKv log_;
  MemKv map_;
  std::vector<Entry> entries_;
};

TEST_F(Recovery, AnEmptyMapIsReplayedFromTheBeginning) {
  EXPECT_EQ(AppliedOf(Recover()), EntryId{});
}

TEST_F(Recovery, TheMapSaysWhatIsApplied) {
  Apply(2);
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{2}, Term{1}}));
}

TEST_F(Recovery, AMapThatFellBackIsReplayed) {
  Apply(1);
  ASSERT_TRUE(Map().Flush().ok());
  MapStore map = Map();
  StateMachine machine = StateMachine::Open(map, MapSpace{kG, Generation{1}}, KvLimits{}).value();
  std::vector<ApplyResult> results;
  ASSERT_TRUE(machine.Apply(Index{2}, std::span<const Entry>(entries_).subspan(1), results).ok());
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{3}, Term{2}}));
  map_.Crash(0);
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{1}, Term{1}}));
}

TEST_F(Recovery, AMapBehindTheLogsStartIsLoss) {
  Apply(1);
  Write({DropPrefix{kG, StartAt(1, 2, 1)}});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, ALostMapUnderACompactedLogIsLoss) {
  Apply(3);
  Write({DropPrefix{kG, StartAt(1, 2, 1)}});
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{3}, Term{2}}));
  map_.Replace({});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, AMapAheadOfTheLogIsLoss) {
  Apply(3);
  Write({TruncateSuffix{kG, Index{3}}});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, AMapAheadOfTheLogIsLossInTheSameTermToo) {
  Apply(2);
  Write({TruncateSuffix{kG, Index{2}}});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, AMapOfAnotherHistoryIsLoss) {
  Apply(3);
  Write({SetHardState{kG, HardState{Term{3}, NodeId{}}}, TruncateSuffix{kG, Index{3}},
         AppendEntries{kG, Index{3}, {Entry{Term{3}, EntryKind::kBarrier, {}}}}});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, RowsWithoutAnAppliedEntryAreLoss) {
  Apply(2);
  MapStore map = Map();
  const MapSpace space{kG, Generation{1}};
  const MapPage meta =
      map.Scan(space, Table::kMeta, "", std::nullopt, MapLimit{100, 10'000}).value();
  ASSERT_FALSE(meta.rows.empty());
  std::vector<MapChange> changes;
  for (const MapRow& row : meta.rows)
    changes.push_back(MapChange{Table::kMeta, row.key, std::nullopt});
  ASSERT_TRUE(map.Write(space, changes).ok());
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, SpacesOfOtherGenerationsAndGroupsGo) {
  Apply(2);
  Apply(3, Generation{2});  // an install that was not finished
  MapStore map = Map();
  const std::vector<MapChange> changes = {{Table::kRow, "k", "v"}};
  ASSERT_TRUE(map.Write(MapSpace{GroupId{40}, Generation{1}}, changes).ok());
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{2}, Term{1}}));
  EXPECT_EQ(Map().Spaces().value(), (std::vector<MapSpace>{{kG, Generation{1}}}));
}

TEST_F(Recovery, AfterASwitchOfGenerationTheNewOneCounts) {
  Apply(1);
  Apply(3, Generation{2});
  Write({ResetLog{kG, StartAt(2, 3, 2)}});
  EXPECT_EQ(AppliedOf(Recover()), (EntryId{Index{3}, Term{2}}));
  EXPECT_EQ(Map().Spaces().value(), (std::vector<MapSpace>{{kG, Generation{2}}}));
}

TEST_F(Recovery, ASwitchThatIsDurableBeforeItsRowsIsLoss) {
  Apply(3);
  Write({ResetLog{kG, StartAt(2, 3, 2)}});
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Recovery, DoneTwiceItGivesTheSame) {
  Apply(2);
  Apply(3, Generation{2});
  const KvImage log_before = log_.rows();
  const absl::StatusOr<Recovered> first = Recover();
  const KvImage map_between = map_.rows();
  const absl::StatusOr<Recovered> second = Recover();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(map_.rows(), map_between);
  EXPECT_EQ(log_.rows(), log_before);
  map_.Crash(0);  // the first one never happened
  EXPECT_TRUE(Recover().ok());
}

TEST_F(Recovery, ARefusedRecoveryChangesNothing) {
  Apply(3);
  Apply(1, Generation{2});
  Write({TruncateSuffix{kG, Index{3}}});
  const KvImage before = map_.rows();
  EXPECT_FALSE(Recover().ok());
  EXPECT_EQ(map_.rows(), before);
}

TEST_F(Recovery, TheSystemGroupIsAsOfItsStart) {
  const absl::StatusOr<Recovered> recovered = Recover();
  ASSERT_TRUE(recovered.ok());
  ASSERT_EQ(recovered->groups.size(), 2u);
  EXPECT_EQ(recovered->groups.back().group, kSystemGroup);
  EXPECT_EQ(recovered->groups.back().applied, recovered->groups.back().start.entry);
  EXPECT_FALSE(recovered->groups.back().start.catalogue.empty());
}

TEST(BootstrapOf, ANodeThatIsNoMemberIsRefused) {
  MemKv kv;
  EXPECT_EQ(Bootstrap(kv, Identity{1, NodeId{9}, Incarnation{1}}, TestMembers()).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(kv.rows().empty());
}

TEST(BootstrapOf, AStoreIsOneSyncedBatch) {
  MemKv kv;
  ASSERT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
  EXPECT_EQ(kv.written(), 1u);
  EXPECT_EQ(kv.unsynced(), 0u);
}

}  // namespace
}  // namespace quorate
