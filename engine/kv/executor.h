// engine/kv/executor.h — decides commands on rows, over the map and what was written before in the batch.
//
// Model: `RowOverlay` holds each row that the commands of one batch touched, read once from the map; later
//   commands see what earlier ones wrote. `Execute` decides one command on it. `Flush` turns what differs
//   into map changes and keeps up digest and count.
// Invariants: a refused command touches no row and leaves the revision. Keys passed in point into the entries
//   of the batch and outlive the overlay.
// Errors: a status from the map, or for stored bytes that are no row; the batch is then abandoned.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "engine/kv/command_view.h"
#include "engine/options.h"
#include "engine/ports.h"

namespace quorate {

class RowOverlay {
 public:
  RowOverlay(const MapPort& map, const MapSpace& space) : map_(map), space_(space) {}

  class Slot {
   public:
    bool present() const { return present_; }
    const Version& version() const { return version_; }  // {} if absent
    std::optional<std::string_view> value() const {
      if (!present_) return std::nullopt;
      return std::string_view(stored_).substr(value_at_);
    }

   private:
    friend class RowOverlay;
    bool present_ = false;
    bool changed_ = false;
    bool was_present_ = false;      // in the map, once changed
    std::uint64_t digest_was_ = 0;  // in the map, once changed; 0 if absent
    Version version_;
    std::size_t value_at_ = 0;
    std::string stored_;
  };

  // The row as of now. Valid until the next `Find`.
  absl::StatusOr<Slot*> Find(std::string_view key);
  // Both need the slot that `Find(key)` returned last.
  void Put(std::string_view key, Slot& slot, const Version& version, std::string_view value);
  void Delete(std::string_view key, Slot& slot);

  // Appends the changes; adds to `digest` (sum, mod 2^64) and `row_count`. The overlay is empty afterwards.
  void Flush(std::vector<MapChange>& changes, std::uint64_t& digest, std::uint64_t& row_count);

 private:
  static void BeforeChange(std::string_view key, Slot& slot);

  const MapPort& map_;
  const MapSpace& space_;
  absl::btree_map<std::string_view, Slot> slots_;
};

// Decides `command` for the entry at `index` and returns the encoded reply. `revision` rises if a row changed.
absl::StatusOr<std::string> Execute(const CommandView& command, Index index, const KvLimits& limits,
                                    RowOverlay& rows, Revision& revision);

}  // namespace quorate
