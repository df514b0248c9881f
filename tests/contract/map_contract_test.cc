// The map port's contract (engine/ports.h) on every leaf that a map may stand on.
#include "storage/map_store.h"
#include "tests/contract/stores.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

constexpr MapLimit kAll{1'000'000, 1'000'000'000};
constexpr MapSpace kOne{GroupId{1}, Generation{1}};
constexpr MapSpace kTwo{GroupId{1}, Generation{2}};
constexpr MapSpace kOther{GroupId{300}, Generation{1}};

class MapContract : public OnLeaf {
 protected:
  MapContract() { Open(); }
  void Open() {
    absl::StatusOr<MapStore> map = MapStore::Open(kv(), TestIdentity());
    ASSERT_TRUE(map.ok()) << map.status();
    map_.emplace(*std::move(map));
  }
  MapPort& map() { return *map_; }
  std::vector<MapRow> RowsOf(MapSpace space, Table table) {
    return map().Scan(space, table, "", std::nullopt, kAll).value().rows;
  }
  void Put(MapSpace space, std::string key, std::string value) {
    const std::vector<MapChange> changes = {{Table::kRow, std::move(key), std::move(value)}};
    ASSERT_TRUE(map().Write(space, changes).ok());
  }

  std::optional<MapStore> map_;
};
INSTANTIATE_TEST_SUITE_P(Leaves, MapContract, testing::Values(Leaf::kMemory, Leaf::kRocksMap),
                         NameOfLeaf);

TEST_P(MapContract, ANewMapHasNoSpaces) {
  EXPECT_TRUE(map().Spaces().value().empty());
  EXPECT_EQ(map().Get(kOne, Table::kMeta, "").value(), std::nullopt);
}

TEST_P(MapContract, TablesAndSpacesDoNotShareRows) {
  const std::vector<MapChange> changes = {{Table::kRow, "k", "row"},
                                          {Table::kMeta, "", "meta"},
                                          {Table::kSession, "k", "session"},
                                          {Table::kRow, "gone", "x"},
                                          {Table::kRow, "gone", std::nullopt}};
  ASSERT_TRUE(map().Write(kOne, changes).ok());
  Put(kTwo, "k", "of two");
  Put(kOther, "k", "of other");
  EXPECT_EQ(map().Get(kOne, Table::kRow, "k").value(), "row");
  EXPECT_EQ(map().Get(kOne, Table::kMeta, "").value(), "meta");
  EXPECT_EQ(map().Get(kOne, Table::kSessionReply, "k").value(), std::nullopt);
  EXPECT_EQ(RowsOf(kOne, Table::kRow), (std::vector<MapRow>{{"k", "row"}}));
  EXPECT_EQ(RowsOf(kTwo, Table::kRow), (std::vector<MapRow>{{"k", "of two"}}));
  EXPECT_EQ(map().Spaces().value(), (std::vector<MapSpace>{kOne, kTwo, kOther}));
}

TEST_P(MapContract, AnyBytesAreAKeyAndTheyKeepTheirOrder) {
  const std::vector<std::string> keys = {
      "", std::string("\0", 1), std::string("\0\xff", 2), "a", "\xff", "\xff\xff"};
  for (const std::string& key : keys) Put(kOne, key, "v" + key);
  std::vector<MapRow> rows;
  for (const std::string& key : keys) rows.push_back(MapRow{key, "v" + key});
  EXPECT_EQ(RowsOf(kOne, Table::kRow), rows);
}

TEST_P(MapContract, AScanHasBoundsAndALimit) {
  for (const char* key : {"a", "b", "c", "d"}) Put(kOne, key, key);
  MapPage page = map().Scan(kOne, Table::kRow, "b", "d", kAll).value();
  EXPECT_EQ(page.rows, (std::vector<MapRow>{{"b", "b"}, {"c", "c"}}));
  EXPECT_FALSE(page.more);
  page = map().Scan(kOne, Table::kRow, "", std::nullopt, MapLimit{3, 1000}).value();
  EXPECT_EQ(page.rows.size(), 3u);
  EXPECT_TRUE(page.more);
  EXPECT_TRUE(map().Scan(kOne, Table::kRow, "d", "b", kAll).value().rows.empty());
}

TEST_P(MapContract, ADroppedSpaceIsEmptyAndTheOthersStay) {
  Put(kOne, "k", "1");
  Put(kTwo, "k", "2");
  Put(kOther, "k", "3");
  ASSERT_TRUE(map().Drop(kTwo).ok());
  EXPECT_EQ(map().Spaces().value(), (std::vector<MapSpace>{kOne, kOther}));
  EXPECT_TRUE(RowsOf(kTwo, Table::kRow).empty());
  Put(kTwo, "n", "4");
  EXPECT_EQ(RowsOf(kTwo, Table::kRow), (std::vector<MapRow>{{"n", "4"}}));
}

TEST_P(MapContract, APinnedSpaceStaysAsItWas) {
  Put(kOne, "k", "1");
  const std::unique_ptr<MapReader> pin = map().Pin(kOne).value();
  Put(kOne, "k", "2");
  Put(kOne, "l", "3");
  ASSERT_TRUE(map().Drop(kOne).ok());
  EXPECT_EQ(pin->Get(Table::kRow, "k").value(), "1");
  EXPECT_EQ(pin->Scan(Table::kRow, "", std::nullopt, kAll).value().rows,
            (std::vector<MapRow>{{"k", "1"}}));
}

TEST_P(MapContract, AFlushIsReportedOnceForEachWish) {
  Put(kOne, "k", "1");
  map().StartFlush(PortRequest{4});
  map().StartFlush(PortRequest{9});
  const std::vector<MapStore::FinishedFlush> finished = map_->FinishFlush();
  ASSERT_EQ(finished.size(), 2u);
  EXPECT_EQ(finished[0].id, PortRequest{4});
  EXPECT_EQ(finished[1].id, PortRequest{9});
  EXPECT_TRUE(finished[0].ok && finished[1].ok);
  EXPECT_TRUE(map_->FinishFlush().empty());
  Restart();
  Open();
  EXPECT_EQ(RowsOf(kOne, Table::kRow), (std::vector<MapRow>{{"k", "1"}}));
}

TEST_P(MapContract, AnothersMapIsRefused) {
  Identity other = TestIdentity();
  other.incarnation = Incarnation{2};
  EXPECT_EQ(MapStore::Open(kv(), other).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace quorate
