// The leaf's contract (storage/kv.h), the same for every leaf.
#include <map>

#include "engine/base/prf.h"
#include "tests/contract/stores.h"

namespace quorate {
namespace {

constexpr KvLimit kAll{1'000'000, 1'000'000'000};

std::vector<KvRow> AllOf(const KvReader& kv) {
  absl::StatusOr<KvPage> page = kv.Scan("", std::nullopt, kAll);
  EXPECT_TRUE(page.ok()) << page.status();
  EXPECT_FALSE(page->more);
  return page->rows;
}

using KvContract = OnLeaf;
INSTANTIATE_TEST_SUITE_P(Leaves, KvContract,
                         testing::Values(Leaf::kMemory, Leaf::kRocksLog, Leaf::kRocksMap),
                         NameOfLeaf);

TEST_P(KvContract, AnEmptyStoreHasNoRows) {
  EXPECT_TRUE(AllOf(kv()).empty());
  EXPECT_EQ(kv().Get("a").value(), std::nullopt);
}

TEST_P(KvContract, ReadersSeeAWriteAtOnce) {
  ASSERT_TRUE(kv().Write({KvPut{"a", "1"}, KvPut{"b", ""}}).ok());
  EXPECT_EQ(kv().Get("a").value(), "1");
  EXPECT_EQ(kv().Get("b").value(), "");
  EXPECT_EQ(kv().Get("").value(), std::nullopt);
}

TEST_P(KvContract, ALaterChangeOfTheSameBatchWins) {
  ASSERT_TRUE(kv().Write({KvPut{"a", "1"}, KvPut{"a", "2"}, KvPut{"b", "1"}, KvDelete{"b"},
                          KvDelete{"c"}, KvPut{"c", "3"}, KvPut{"d", "1"}, KvDeleteRange{"d", "e"},
                          KvPut{"e", "1"}, KvDeleteRange{"e", "f"}, KvPut{"e", "2"}})
                  .ok());
  EXPECT_EQ(AllOf(kv()), (std::vector<KvRow>{{"a", "2"}, {"c", "3"}, {"e", "2"}}));
}

TEST_P(KvContract, ARangeIsDeletedWithItsFirstAndWithoutItsLastKey) {
  ASSERT_TRUE(
      kv().Write({KvPut{"a", "1"}, KvPut{"b", "2"}, KvPut{"ba", "3"}, KvPut{"c", "4"}}).ok());
  ASSERT_TRUE(
      kv().Write({KvDeleteRange{"b", "c"}, KvDeleteRange{"z", "a"}, KvDeleteRange{"a", "a"}}).ok());
  EXPECT_EQ(AllOf(kv()), (std::vector<KvRow>{{"a", "1"}, {"c", "4"}}));
}

TEST_P(KvContract, KeysSortAsUnsignedBytes) {
  const std::string high("\xff\x00", 2);
  const std::string zero("\x00", 1);
  ASSERT_TRUE(
      kv().Write({KvPut{high, "3"}, KvPut{"a", "2"}, KvPut{zero, "1"}, KvPut{"\x7f", "2b"}}).ok());
  EXPECT_EQ(AllOf(kv()),
            (std::vector<KvRow>{{zero, "1"}, {"a", "2"}, {"\x7f", "2b"}, {high, "3"}}));
}

TEST_P(KvContract, AScanEndsAtItsLimitsAndSaysSo) {
  ASSERT_TRUE(kv().Write({KvPut{"a", "1"}, KvPut{"b", "22"}, KvPut{"c", "3"}}).ok());
  KvPage page = kv().Scan("a", "d", KvLimit{2, 1000}).value();
  EXPECT_EQ(page.rows.size(), 2u);
  EXPECT_TRUE(page.more);
  page = kv().Scan("a", "d", KvLimit{3, 1000}).value();
  EXPECT_EQ(page.rows.size(), 3u);
  EXPECT_FALSE(page.more);
  page = kv().Scan("a", "d", KvLimit{3, 1}).value();
  EXPECT_EQ(page.rows, (std::vector<KvRow>{{"a", "1"}})) << "at least one row, whatever the bytes";
  EXPECT_TRUE(page.more);
  page = kv().Scan("a", "d", KvLimit{3, 3}).value();
  EXPECT_EQ(page.rows.size(), 2u) << "the limit is looked at before a row, not after";
  page = kv().Scan("aa", "c", KvLimit{3, 1000}).value();
  EXPECT_EQ(page.rows, (std::vector<KvRow>{{"b", "22"}}));
  EXPECT_FALSE(page.more);
  EXPECT_TRUE(kv().Scan("c", "a", kAll).value().rows.empty());
}

TEST_P(KvContract, APinnedViewNeverChanges) {
  ASSERT_TRUE(kv().Write({KvPut{"a", "1"}, KvPut{"b", "2"}, KvPut{"c", "3"}}).ok());
  const std::unique_ptr<KvReader> pin = kv().Pin("a", "d").value();
  ASSERT_TRUE(
      kv().Write({KvPut{"a", "9"}, KvDelete{"b"}, KvDeleteRange{"c", "d"}, KvPut{"bb", "9"}}).ok());
  ASSERT_TRUE(kv().Sync().ok());
  EXPECT_EQ(pin->Scan("a", "d", kAll).value().rows,
            (std::vector<KvRow>{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(pin->Get("b").value(), "2");
  EXPECT_EQ(pin->Get("bb").value(), std::nullopt);
  EXPECT_EQ(kv().Get("a").value(), "9");
}

TEST_P(KvContract, WhatWasSyncedIsThereAfterARestart) {
  ASSERT_TRUE(kv().Write({KvPut{"a", "1"}}).ok());
  ASSERT_TRUE(kv().Write({KvPut{"b", "2"}, KvDelete{"a"}}).ok());
  ASSERT_TRUE(kv().Sync().ok());
  Restart();
  EXPECT_EQ(AllOf(kv()), (std::vector<KvRow>{{"b", "2"}}));
  ASSERT_TRUE(kv().Write({KvPut{"c", "3"}}).ok());
  EXPECT_EQ(AllOf(kv()), (std::vector<KvRow>{{"b", "2"}, {"c", "3"}}));
}

TEST_P(KvContract, SyncOfNothingIsFine) {
  EXPECT_TRUE(kv().Sync().ok());
  EXPECT_TRUE(kv().Sync().ok());
}

// Against std::map, with restarts.
TEST_P(KvContract, DoesWhatAMapDoes) {
  std::map<std::string, std::string> model;
  std::uint64_t draw = 5;
  const auto next = [&draw](std::uint64_t below) { return Below(draw = Mix(draw), below); };
  const auto key = [&next] { return std::string(1 + next(2), static_cast<char>('a' + next(6))); };
  for (int round = 0; round < 300; ++round) {
    KvBatch batch;
    for (std::uint64_t i = 0, size = next(6); i < size; ++i) {
      const std::uint64_t what = next(10);
      if (what < 6) {
        KvPut put{key(), std::to_string(next(1000))};
        model[put.key] = put.value;
        batch.push_back(std::move(put));
      } else if (what < 8) {
        batch.push_back(KvDelete{key()});
        model.erase(std::get<KvDelete>(batch.back()).key);
      } else {
        KvDeleteRange range{key(), key()};
        if (range.from < range.to)
          model.erase(model.lower_bound(range.from), model.lower_bound(range.to));
        batch.push_back(std::move(range));
      }
    }
    ASSERT_TRUE(kv().Write(std::move(batch)).ok());
    if (next(10) == 0) {
      ASSERT_TRUE(kv().Sync().ok());
    }
    if (next(60) == 0) Restart();
    std::vector<KvRow> rows;
    for (const auto& [k, v] : model) rows.push_back(KvRow{k, v});
    ASSERT_EQ(AllOf(kv()), rows) << "round " << round;
    const std::string probe = key();
    const auto found = model.find(probe);
    ASSERT_EQ(kv().Get(probe).value(),
              found == model.end() ? std::nullopt : std::optional(found->second));
  }
}

TEST(RocksLeaf, OneProcessAtATimeHasItOpen) {
  TemporaryFolder folder;
  const absl::StatusOr<std::unique_ptr<Kv>> first = OpenRocksKv(folder / "store", RocksUse::kLog);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(OpenRocksKv(folder / "store", RocksUse::kLog).ok());
}

}  // namespace
}  // namespace quorate
