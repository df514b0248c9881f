// storage/map_store.h — the map port over an ordered map of byte strings.
//
// Model: a row's key is (group, generation, table, key); its value ends with a CRC over the store's identity,
//   key and value. The first row of a store says whose it is. A flush is started here and finished by the
//   driver, so that it may take time and happen elsewhere.
// Invariants: a batch of one space is one batch below.
// Errors: DataLoss for a row that is not what was written.
// Threads: one owner; what `FinishFlush` calls below may run beside readers if the leaf allows it.
#pragma once
#include <utility>

#include "engine/ports.h"
#include "engine/record.h"
#include "storage/kv.h"

namespace quorate {

class MapStore final : public MapPort {
 public:
  // An empty store becomes `identity`'s; somebody else's is FailedPrecondition. `kv` must outlive the result.
  static absl::StatusOr<MapStore> Open(Kv& kv, const Identity& identity);

  absl::StatusOr<std::optional<std::string>> Get(const MapSpace& space, Table table,
                                                 std::string_view key) const override;
  absl::StatusOr<MapPage> Scan(const MapSpace& space, Table table, std::string_view from,
                               std::optional<std::string_view> to, MapLimit limit) const override;
  absl::Status Write(const MapSpace& space, std::span<const MapChange> changes) override;
  absl::Status Drop(const MapSpace& space) override;
  absl::StatusOr<std::vector<MapSpace>> Spaces() const override;
  absl::StatusOr<std::unique_ptr<MapReader>> Pin(const MapSpace& space) const override;
  // Only notes the wish.
  void StartFlush(PortRequest id) override { pending_.push_back(id); }

  // Flushes that were started and are not finished, oldest first.
  const std::vector<PortRequest>& pending_flushes() const { return pending_; }
  // Takes the pending flushes: the driver sees to it that everything written before is durable, and then
  // reports each.
  std::vector<PortRequest> TakePendingFlushes() { return std::exchange(pending_, {}); }
  // Everything written so far is durable when this returns OK.
  absl::Status Flush() { return kv_->Sync(); }

  struct FinishedFlush {
    PortRequest id;
    bool ok = false;
  };
  // Does all pending flushes at once, and returns what the driver has to report.
  std::vector<FinishedFlush> FinishFlush();

 private:
  MapStore(Kv& kv, std::uint32_t seed) : kv_(&kv), seed_(seed) {}

  Kv* kv_;
  std::uint32_t seed_;
  std::vector<PortRequest> pending_;
};

}  // namespace quorate
