// A store that is not exactly what was written is DATA_LOSS, and never other data: CHECKERS S5, S6, S12, S13.
#include <gtest/gtest.h>

#include "storage/keys.h"
#include "storage/mem_kv.h"
#include "storage/recovery.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

constexpr GroupId kG{0};

Entry Command(std::uint64_t term, std::string bytes) {
  return Entry{Term(term), EntryKind::kCommand, Payload(std::move(bytes))};
}

KvImage Written(const KvImage& before, std::vector<LogRecord> records) {
  MemKv kv(before);
  LogStore store = LogStore::Open(kv, TestIdentity()).value();
  EXPECT_TRUE(store.Append(PersistSeq{1}, records).ok());
  return kv.rows();
}

KvImage Bootstrapped() {
  MemKv kv;
  EXPECT_TRUE(Bootstrap(kv, TestIdentity(), TestMembers()).ok());
  return kv.rows();
}

// Two groups with entries, one with a dropped prefix.
KvImage SmallImage() {
  LogStart start;
  start.configuration = TestMembers();
  KvImage image = Written(
      Bootstrapped(),
      {BootRecord{BootNumber{1}}, SetHardState{kG, HardState{Term{2}, NodeId{1}}},
       AppendEntries{
           kG, Index{1}, {Command(1, "a"), Command(1, "b"), Command(2, "c"), Command(2, "d")}},
       ResetLog{GroupId{9}, start}, SetHardState{GroupId{9}, HardState{Term{2}, NodeId{3}}},
       AppendEntries{
           GroupId{9}, Index{1}, {Entry{Term{1}, EntryKind::kBarrier, {}}, Command(1, "x")}}});
  start.entry = EntryId{Index{1}, Term{1}};
  return Written(image, {DropPrefix{kG, start}});
}

absl::Status Opened(const KvImage& image) {
  MemKv kv(image);
  return LogStore::Open(kv, TestIdentity()).status();
}

std::string Hex(std::string_view key) {
  std::string out;
  for (const char c : key) {
    out += "0123456789abcdef"[(c >> 4) & 15];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

void ExpectLoss(const KvImage& image, const std::string& what) {
  const absl::Status status = Opened(image);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << what << ": " << status;
}

// That it says what is wrong, and where.
void ExpectSays(const KvImage& image, const std::string& words) {
  const absl::Status status = Opened(image);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(std::string(status.message()).find(words), std::string::npos)
      << status << "\nwanted: " << words;
}

TEST(LogDamage, ASoundImageOpens) {
  EXPECT_TRUE(Opened(SmallImage()).ok()) << Opened(SmallImage());
}

TEST(LogDamage, EveryFlippedBitOfAValueIsFound) {
  const KvImage image = SmallImage();
  for (const auto& [key, value] : image) {
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      KvImage damaged = image;
      char& byte = damaged[key][bit / 8];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      ExpectLoss(damaged, Hex(key) + " bit " + std::to_string(bit));
    }
  }
}

TEST(LogDamage, EveryFlippedBitOfAKeyIsFound) {
  const KvImage image = SmallImage();
  for (const auto& [key, value] : image) {
    for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
      KvImage damaged = image;
      damaged.erase(key);
      std::string other = key;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      damaged[other] = value;
      ExpectLoss(damaged, Hex(key) + " bit " + std::to_string(bit));
    }
  }
}

TEST(LogDamage, EveryMissingRowIsFound) {
  const KvImage image = SmallImage();
  for (const auto& [key, value] : image) {
    KvImage damaged = image;
    damaged.erase(key);
    ExpectLoss(damaged, Hex(key));
  }
}

TEST(LogDamage, TheMessageNamesWhatAndWhere) {
  const KvImage image = SmallImage();
  const auto without = [&image](const std::string& key) {
    KvImage damaged = image;
    damaged.erase(key);
    return damaged;
  };
  const auto entry = [](std::uint64_t index) { return EntryKey(kG, Generation{1}, Index(index)); };
  ExpectSays({}, "the store is empty");
  ExpectSays(without(StoreKey(LogTag::kIdentity)), "identity: missing");
  ExpectSays(without(StoreKey(LogTag::kBoot)), "boot number: missing");
  ExpectSays(without(StoreKey(LogTag::kGroups)), "of a group that does not exist");
  ExpectSays(without(GroupKey(LogTag::kHardState, kG)), "group 0, hard state: missing");
  ExpectSays(without(GroupKey(LogTag::kHardState, kSystemGroup)),
             "system group, hard state: missing");
  ExpectSays(without(GroupKey(LogTag::kStart, GroupId{9})), "group 9, start of the log: missing");
  ExpectSays(without(GroupKey(LogTag::kTail, GroupId{9})), "group 9, tail of the log: missing");
  ExpectSays(without(entry(3)), "group 0, generation 1, entry 3: missing: a hole in the log");
  ExpectSays(without(entry(4)),
             "group 0, generation 1, entry 4: missing; the log's last entry is 4");
  KvImage damaged = image;
  damaged[entry(3)][5] = static_cast<char>(damaged[entry(3)][5] ^ 1);
  ExpectSays(damaged, "group 0, generation 1, entry 3: the check value does not match");
  const KvImage longer = Written(image, {AppendEntries{kG, Index{5}, {Command(2, "e")}}});
  damaged = image;
  damaged[entry(5)] = longer.at(entry(5));
  ExpectSays(damaged, "entry 5: behind the tail of the log");
  const KvImage before_drop =
      Written(Bootstrapped(), {SetHardState{kG, HardState{Term{2}, NodeId{1}}},
                               AppendEntries{kG, Index{1}, {Command(1, "a")}}});
  damaged = image;
  damaged[entry(1)] = before_drop.at(entry(1));
  ExpectSays(damaged, "entry 1: the log begins at 2");
  LogStart start{Generation{2}, {Index{1}, Term{1}}, {}, TestMembers(), {}};
  const KvImage reset = Written(image, {ResetLog{kG, start}});
  damaged = reset;
  damaged[entry(2)] = image.at(entry(2));
  ExpectSays(damaged, "entry 2: the log's generation is 2");
  damaged = reset;
  damaged[GroupKey(LogTag::kTail, kG)] = image.at(GroupKey(LogTag::kTail, kG));
  ExpectSays(damaged, "group 0, tail of the log: of another log than its start");
}

TEST(LogDamage, EveryMissingTailOfRowsIsFound) {
  const KvImage image = SmallImage();
  for (auto from = image.begin(); from != image.end(); ++from) {
    ExpectLoss(KvImage(image.begin(), from), "from " + Hex(from->first));
  }
}

TEST(LogDamage, EveryCutValueIsFound) {
  const KvImage image = SmallImage();
  for (const auto& [key, value] : image) {
    for (std::size_t size = 0; size < value.size(); ++size) {
      KvImage damaged = image;
      damaged[key].resize(size);
      ExpectLoss(damaged, Hex(key));
    }
  }
}

TEST(LogDamage, EveryPairOfSwappedRowsIsFound) {
  const KvImage image = SmallImage();
  for (auto a = image.begin(); a != image.end(); ++a) {
    for (auto b = std::next(a); b != image.end(); ++b) {
      KvImage damaged = image;
      std::swap(damaged[a->first], damaged[b->first]);
      ExpectLoss(damaged, Hex(a->first) + " and " + Hex(b->first));
      damaged = image;
      damaged[a->first] = b->second;
      ExpectLoss(damaged, Hex(b->first) + " misdirected to " + Hex(a->first));
    }
  }
}

TEST(LogDamage, AStaleRowIsFound) {
  // Of hard state and boot number one row is all there is: that the newest one is there is what the store
  // below promises. Everything else hangs together.
  const KvImage before = SmallImage();
  const KvImage after =
      Written(before, {TruncateSuffix{kG, Index{3}},
                       AppendEntries{kG, Index{3}, {Command(2, "other"), Command(2, "d")}},
                       ResetLog{GroupId{12}, LogStart{Generation{1}, {}, {}, TestMembers(), {}}}});
  int stale = 0;
  for (const auto& [key, value] : before) {
    if (after.contains(key) && after.at(key) == value) continue;
    KvImage damaged = after;
    damaged[key] = value;
    ExpectLoss(damaged, Hex(key));
    ++stale;
  }
  EXPECT_GE(stale, 4);  // two entries, a tail, the list of groups
}

TEST(LogDamage, AnEntryOfAnOldGenerationIsFound) {
  const KvImage before = SmallImage();
  const KvImage after = Written(
      before, {ResetLog{kG, LogStart{Generation{2}, {Index{1}, Term{1}}, {}, TestMembers(), {}}},
               AppendEntries{kG, Index{2}, {Command(2, "new")}}});
  for (const Index index : {Index{2}, Index{3}, Index{4}}) {
    const std::string old_key = EntryKey(kG, Generation{1}, index);
    KvImage damaged = after;
    damaged[old_key] = before.at(old_key);
    ExpectLoss(damaged, "left over");
    damaged = after;
    damaged[EntryKey(kG, Generation{2}, index)] = before.at(old_key);
    ExpectLoss(damaged, "in the place of a new one");
  }
}

TEST(LogDamage, AnEntryOfAFormerFillingOfTheSameGenerationIsFound) {
  const GroupId g = kSystemGroup;
  const KvImage before =
      Written(Bootstrapped(), {SetHardState{g, HardState{Term{1}, NodeId{1}}},
                               AppendEntries{g, Index{1}, {Command(1, "a"), Command(1, "b")}}});
  const KvImage after =
      Written(before, {ResetLog{g, LogStart{Generation{1}, {}, {}, TestMembers(), {}}},
                       AppendEntries{g, Index{1}, {Command(1, "c"), Command(1, "d")}}});
  for (const Index index : {Index{1}, Index{2}}) {
    KvImage damaged = after;
    damaged[EntryKey(g, Generation{1}, index)] = before.at(EntryKey(g, Generation{1}, index));
    ExpectLoss(damaged, "in the place of a new one");
  }
  // All of the former filling but its start: a chain that is whole in itself, and hangs on nothing.
  KvImage damaged = after;
  for (const std::string& key :
       {EntryKey(g, Generation{1}, Index{1}), EntryKey(g, Generation{1}, Index{2}),
        GroupKey(LogTag::kTail, g)}) {
    damaged[key] = before.at(key);
  }
  ExpectLoss(damaged, "a whole former log");
}

TEST(LogDamage, ARowOfAnotherNodesStoreIsFound) {
  MemKv other;
  Identity identity = TestIdentity();
  identity.node = NodeId{3};
  ASSERT_TRUE(Bootstrap(other, identity, TestMembers()).ok());
  const KvImage image = Bootstrapped();
  for (const auto& [key, value] : image) {
    KvImage damaged = image;
    damaged[key] = other.rows().at(key);
    const absl::Status status = Opened(damaged);
    EXPECT_FALSE(status.ok()) << Hex(key);
  }
}

TEST(LogDamage, AHardStateBelowTheLogsTermIsFound) {
  const KvImage image = SmallImage();
  const KvImage older = Written(Bootstrapped(), {SetHardState{kG, HardState{Term{1}, NodeId{1}}}});
  const std::string key = GroupKey(LogTag::kHardState, kG);
  KvImage damaged = image;
  damaged[key] = older.at(key);
  ExpectLoss(damaged, "hard state of term 1, log of term 2");
}

TEST(LogDamage, AnEmptyStoreIsALostOne) { ExpectLoss({}, "empty"); }

TEST(LogDamage, AnothersStoreIsRefusedWithoutAWordOfLoss) {
  for (const Identity& identity :
       {Identity{78, NodeId{2}, Incarnation{1}}, Identity{77, NodeId{1}, Incarnation{1}},
        Identity{77, NodeId{2}, Incarnation{2}}}) {
    MemKv kv(Bootstrapped());
    EXPECT_EQ(LogStore::Open(kv, identity).status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(LogDamage, ReadingAnEntryThatWentBadLaterIsFound) {
  MemKv kv(SmallImage());
  const LogStore store = LogStore::Open(kv, TestIdentity()).value();
  ASSERT_TRUE(store.ReadEntries(kG, Index{2}, Index{4}, 1000).ok());
  ASSERT_TRUE(kv.CorruptRow(EntryKey(kG, Generation{1}, Index{3}), 5));
  EXPECT_TRUE(store.ReadEntries(kG, Index{2}, Index{2}, 1000).ok());
  EXPECT_EQ(store.ReadEntries(kG, Index{2}, Index{4}, 1000).status().code(),
            absl::StatusCode::kDataLoss);
  ASSERT_TRUE(kv.Write({KvDelete{EntryKey(kG, Generation{1}, Index{3})}}).ok());
  EXPECT_EQ(store.ReadEntries(kG, Index{3}, Index{4}, 1000).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(MapDamage, EveryFlippedBitOfARowIsFound) {
  MemKv kv;
  MapStore map = MapStore::Open(kv, TestIdentity()).value();
  const MapSpace space{GroupId{1}, Generation{1}};
  const std::vector<MapChange> changes = {{Table::kRow, "k", "value"}, {Table::kMeta, "", ""}};
  ASSERT_TRUE(map.Write(space, changes).ok());
  for (const auto& [key, value] : KvImage(kv.rows())) {
    for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
      MemKv damaged(kv.rows());
      std::string flipped = value;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      ASSERT_TRUE(damaged.Write({KvPut{key, flipped}}).ok());
      const absl::StatusOr<MapStore> opened = MapStore::Open(damaged, TestIdentity());
      if (key == MapIdentityKey()) {
        EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
        continue;
      }
      const Table table = key == TablePrefix(space, Table::kMeta) ? Table::kMeta : Table::kRow;
      EXPECT_EQ(opened->Get(space, table, table == Table::kRow ? "k" : "").status().code(),
                absl::StatusCode::kDataLoss);
      EXPECT_EQ(opened->Scan(space, table, "", std::nullopt, MapLimit{10, 1000}).status().code(),
                absl::StatusCode::kDataLoss);
    }
  }
}

TEST(MapDamage, AMapWithoutItsFirstRowIsRefused) {
  MemKv kv;
  MapStore map = MapStore::Open(kv, TestIdentity()).value();
  const std::vector<MapChange> changes = {{Table::kRow, "k", "value"}};
  ASSERT_TRUE(map.Write(MapSpace{GroupId{1}, Generation{1}}, changes).ok());
  ASSERT_TRUE(kv.Write({KvDelete{MapIdentityKey()}}).ok());
  EXPECT_EQ(MapStore::Open(kv, TestIdentity()).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace quorate
