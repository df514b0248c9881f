// The stores on RocksDB under a process that is killed: what was promised is there, and what is there is one
// prefix of what was written.
#include <gtest/gtest.h>

#include <cstring>

#include "engine/catalogue.h"
#include "storage/recovery.h"
#include "tests/contract/stores.h"
#include "tests/contract/victim.h"
#include "tests/storage/log_model.h"

namespace quorate {
namespace {

LogModel FreshModel() { return LogModel(Payload(Catalogue::Bootstrap(TestMembers()).Encode())); }

// ---- log: write k of a seed is known to both sides ------------------------------------------------------

// Writes from number `from` on, for ever; reports how many writes are synced.
void WriteLog(const std::string& path, std::uint64_t seed, std::uint64_t from) {
  const std::unique_ptr<Kv> kv = OpenRocksKv(path, RocksUse::kLog).value();
  LogStore store = LogStore::Open(*kv, TestIdentity()).value();
  LogModel model = FreshModel();
  for (std::uint64_t k = 0; k < from; ++k) model.Step(seed, k);
  for (std::uint64_t k = from;; ++k) {
    REQUIRE(store.Append(PersistSeq{k - from + 1}, model.Step(seed, k)).ok());
    if (Below(Mix(seed, k), 4) != 0) continue;
    REQUIRE(store.Sync().ok());
    Report(k + 1);
  }
}

TEST(KilledLog, HoldsAPrefixOfItsWritesAndAllThatWasSynced) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    TemporaryFolder folder;
    const std::string path = folder / "log";
    ASSERT_TRUE(
        Bootstrap(*OpenRocksKv(path, RocksUse::kLog).value(), TestIdentity(), TestMembers()).ok());
    LogModel model = FreshModel();  // as after `found` writes
    std::uint64_t found = 0;
    for (std::uint64_t round = 0; round < 8; ++round) {
      const std::vector<std::uint64_t> reports =
          KillAfter({"log", path, std::to_string(seed), std::to_string(found)},
                    Below(Mix(seed, 1000 + round), 40));
      const std::uint64_t promised = reports.empty() ? found : reports.back();
      const std::unique_ptr<Kv> kv = OpenRocksKv(path, RocksUse::kLog).value();
      const absl::StatusOr<LogStore> store = LogStore::Open(*kv, TestIdentity());
      ASSERT_TRUE(store.ok()) << store.status();
      for (; found < promised; ++found) model.Step(seed, found);
      for (; store->recovered() != model.AsRecovered(); ++found) {
        ASSERT_LT(found, promised + 10'000)
            << "seed " << seed << ", round " << round << ": no prefix";
        model.Step(seed, found);
      }
    }
    EXPECT_GT(found, 100u);
  }
}

// ---- map: write n puts n into the row that says how far it is, and into one of seven others -----------------

constexpr MapSpace kSpace{GroupId{1}, Generation{1}};
constexpr std::uint64_t kRows = 7;

std::vector<MapChange> MapWrite(std::uint64_t n) {
  std::vector<MapChange> changes = {
      {Table::kMeta, "upto", std::to_string(n)},
      {Table::kRow, std::to_string(n % kRows), std::string(1000, 'x') + std::to_string(n)}};
  if (n % 5 == 0) changes.push_back({Table::kRow, std::to_string((n + 1) % kRows), std::nullopt});
  return changes;
}

void WriteMap(const std::string& path, std::uint64_t from) {
  const std::unique_ptr<Kv> kv = OpenRocksKv(path, RocksUse::kMap).value();
  MapStore map = MapStore::Open(*kv, TestIdentity()).value();
  for (std::uint64_t n = from;; ++n) {
    REQUIRE(map.Write(kSpace, MapWrite(n)).ok());
    if (Below(Mix(n), 16) != 0) continue;
    REQUIRE(map.Flush().ok());
    Report(n);
  }
}

TEST(KilledMap, IsAsOfOneWriteAtOrAfterItsLastFlush) {
  TemporaryFolder folder;
  const std::string path = folder / "map";
  absl::btree_map<std::string, std::string> model;
  std::uint64_t modelled = 0;
  for (std::uint64_t round = 0; round < 12; ++round) {
    const std::vector<std::uint64_t> reports =
        KillAfter({"map", path, std::to_string(modelled + 1)}, Below(Mix(round), 20));
    const std::uint64_t promised = reports.empty() ? modelled : reports.back();
    const std::unique_ptr<Kv> kv = OpenRocksKv(path, RocksUse::kMap).value();
    const MapStore map = MapStore::Open(*kv, TestIdentity()).value();
    const std::optional<std::string> upto = map.Get(kSpace, Table::kMeta, "upto").value();
    const std::uint64_t found = upto.has_value() ? std::stoull(*upto) : 0;
    ASSERT_GE(found, promised);
    while (modelled < found) {
      for (const MapChange& change : MapWrite(++modelled)) {
        if (change.table != Table::kRow) continue;
        if (change.value.has_value()) model[change.key] = *change.value;
        if (!change.value.has_value()) model.erase(change.key);
      }
    }
    std::vector<MapRow> rows;
    for (const auto& [key, value] : model) rows.push_back(MapRow{key, value});
    ASSERT_EQ(map.Scan(kSpace, Table::kRow, "", std::nullopt, MapLimit{1000, 1'000'000})->rows,
              rows);
  }
  EXPECT_GT(modelled, 100u);
}

int Victim(char** arguments) {
  const std::string what = arguments[0];
  if (what == "log") WriteLog(arguments[1], std::stoull(arguments[2]), std::stoull(arguments[3]));
  if (what == "map") WriteMap(arguments[1], std::stoull(arguments[2]));
  return 64;
}

}  // namespace
}  // namespace quorate

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "--victim") == 0) return quorate::Victim(argv + 2);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
