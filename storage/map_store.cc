#include "storage/map_store.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "storage/keys.h"
#include "storage/rows.h"

namespace quorate {
namespace {

absl::Status RowLoss(std::string_view key) {
  const std::string hex = absl::BytesToHexString(absl::string_view(key.data(), key.size()));
  return absl::DataLossError(
      absl::StrCat("map store: row 0x", hex, ": the check value does not match"));
}

absl::StatusOr<std::optional<std::string>> GetRow(const KvReader& kv, std::uint32_t seed,
                                                  std::string key) {
  absl::StatusOr<std::optional<std::string>> value = kv.Get(key);
  if (!value.ok() || !value->has_value()) return value;
  if (!Unseal(key, **value, seed).has_value()) return RowLoss(key);
  (*value)->resize((*value)->size() - kSealBytes);
  return value;
}

struct Bounds {
  std::string_view from;
  std::optional<std::string_view> to;
};

absl::StatusOr<MapPage> ScanRows(const KvReader& kv, std::uint32_t seed, const std::string& prefix,
                                 Bounds bounds, MapLimit limit) {
  const std::string from = prefix + std::string(bounds.from);
  const std::string to =
      bounds.to.has_value() ? prefix + std::string(*bounds.to) : AfterPrefix(prefix);
  absl::StatusOr<KvPage> page = kv.Scan(from, to, KvLimit{limit.rows, limit.bytes});
  if (!page.ok()) return page.status();
  MapPage rows;
  rows.more = page->more;
  rows.rows.reserve(page->rows.size());
  for (KvRow& row : page->rows) {
    if (!Unseal(row.key, row.value, seed).has_value()) return RowLoss(row.key);
    row.key.erase(0, prefix.size());
    row.value.resize(row.value.size() - kSealBytes);
    rows.rows.push_back(MapRow{std::move(row.key), std::move(row.value)});
  }
  return rows;
}

class PinnedSpace final : public MapReader {
 public:
  PinnedSpace(std::unique_ptr<KvReader> kv, std::uint32_t seed, MapSpace space)
      : kv_(std::move(kv)), seed_(seed), space_(space) {}

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) const override {
    return GetRow(*kv_, seed_, TablePrefix(space_, table) + std::string(key));
  }
  absl::StatusOr<MapPage> Scan(Table table, std::string_view from,
                               std::optional<std::string_view> to, MapLimit limit) const override {
    return ScanRows(*kv_, seed_, TablePrefix(space_, table), Bounds{from, to}, limit);
  }

 private:
  std::unique_ptr<KvReader> kv_;
  std::uint32_t seed_;
  MapSpace space_;
};

}  // namespace

absl::StatusOr<MapStore> MapStore::Open(Kv& kv, const Identity& identity) {
  const absl::StatusOr<KvPage> first = kv.Scan("", std::nullopt, KvLimit{1, 1});
  if (!first.ok()) return first.status();
  const std::string key = MapIdentityKey();
  if (first->rows.empty()) {
    const absl::Status status =
        kv.Write({KvPut{key, Seal(key, EncodeIdentity(identity), kIdentitySeed)}});
    if (!status.ok()) return status;
    return MapStore(kv, SeedOf(identity));
  }
  const KvRow& row = first->rows.front();
  if (row.key != key) return absl::DataLossError("map store: identity: missing");
  const std::optional<std::string_view> content = Unseal(key, row.value, kIdentitySeed);
  const std::optional<IdentityRow> found =
      content.has_value() ? DecodeIdentity(*content) : std::nullopt;
  if (!found.has_value())
    return absl::DataLossError("map store: identity: the check value does not match");
  if (found->format != kStoreFormat) {
    return absl::FailedPreconditionError(absl::StrCat("map store: format ", int{found->format},
                                                      "; this release knows format ",
                                                      int{kStoreFormat}));
  }
  if (found->identity != identity) {
    return absl::FailedPreconditionError(absl::StrCat(
        "map store: it belongs to node ", found->identity.node.value(), ", incarnation ",
        found->identity.incarnation.value(), ", of cluster ", found->identity.cluster));
  }
  return MapStore(kv, SeedOf(identity));
}

absl::StatusOr<std::optional<std::string>> MapStore::Get(const MapSpace& space, Table table,
                                                         std::string_view key) const {
  return GetRow(*kv_, seed_, TablePrefix(space, table) + std::string(key));
}

absl::StatusOr<MapPage> MapStore::Scan(const MapSpace& space, Table table, std::string_view from,
                                       std::optional<std::string_view> to, MapLimit limit) const {
  return ScanRows(*kv_, seed_, TablePrefix(space, table), Bounds{from, to}, limit);
}

absl::Status MapStore::Write(const MapSpace& space, std::span<const MapChange> changes) {
  KvBatch batch;
  batch.reserve(changes.size());
  for (const MapChange& change : changes) {
    std::string key = TablePrefix(space, change.table) + change.key;
    if (change.value.has_value()) {
      std::string value = Seal(key, *change.value, seed_);
      batch.push_back(KvPut{std::move(key), std::move(value)});
    } else {
      batch.push_back(KvDelete{std::move(key)});
    }
  }
  return kv_->Write(std::move(batch));
}

absl::Status MapStore::Drop(const MapSpace& space) {
  const std::string prefix = SpacePrefix(space);
  return kv_->Write({KvDeleteRange{prefix, AfterPrefix(prefix)}});
}

absl::StatusOr<std::vector<MapSpace>> MapStore::Spaces() const {
  std::vector<MapSpace> spaces;
  // One row of each space is read: the next search starts behind all rows of the last one found.
  for (std::string from = MapIdentityKey() + '\0';;) {
    const absl::StatusOr<KvPage> page = kv_->Scan(from, std::nullopt, KvLimit{1, 1});
    if (!page.ok()) return page.status();
    if (page->rows.empty()) return spaces;
    const std::optional<MapSpace> space = ParseMapSpace(page->rows.front().key);
    if (!space.has_value()) return RowLoss(page->rows.front().key);
    spaces.push_back(*space);
    from = AfterPrefix(SpacePrefix(*space));
  }
}

absl::StatusOr<std::unique_ptr<MapReader>> MapStore::Pin(const MapSpace& space) const {
  const std::string prefix = SpacePrefix(space);
  absl::StatusOr<std::unique_ptr<KvReader>> rows = kv_->Pin(prefix, AfterPrefix(prefix));
  if (!rows.ok()) return rows.status();
  return std::unique_ptr<MapReader>(new PinnedSpace(*std::move(rows), seed_, space));
}

std::vector<MapStore::FinishedFlush> MapStore::FinishFlush() {
  std::vector<FinishedFlush> finished;
  if (pending_.empty()) return finished;
  const bool ok = Flush().ok();
  for (const PortRequest id : TakePendingFlushes()) finished.push_back(FinishedFlush{id, ok});
  return finished;
}

}  // namespace quorate
