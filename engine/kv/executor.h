// engine/kv/executor.h — decides commands on rows, over the map and what was written before in the batch.
//
// Model: `RowOverlay` holds each row that the commands of one batch touched, read once from the map; later
//   commands see what earlier ones wrote. A tombstone is there for who merges, and absent for who decides a command. `Execute` decides one command on it. `Flush` turns what differs
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
#include "engine/kv/row.h"
#include "engine/options.h"
#include "engine/ports.h"

namespace quorate {

class RowOverlay {
 public:
  RowOverlay(const MapPort& map, const MapSpace& space) : map_(map), space_(space) {}

  class Slot {
   public:
    bool present() const { return kind_ == Kind::kRow; }
    Version version() const { return present() ? version_ : Version{}; }  // {} if absent
    std::optional<std::string_view> value() const {
      if (!present()) return std::nullopt;
      return std::string_view(stored_).substr(value_at_);
    }
    // Of the row or of the tombstone; {} if there is neither.
    const Version& stored_version() const { return version_; }
    const Version& replaced() const { return replaced_; }

   private:
    friend class RowOverlay;
    enum class Kind : std::uint8_t { kNone, kRow, kTombstone };
    Kind kind_ = Kind::kNone;
    bool changed_ = false;
    bool was_stored_ = false;       // in the map, once changed
    std::uint64_t digest_was_ = 0;  // in the map, once changed; 0 if it was not stored
    Version version_;
    Version replaced_;
    std::size_t value_at_ = 0;
    std::string stored_;
  };

  // The row as of now. Valid until the next `Find`.
  absl::StatusOr<Slot*> Find(std::string_view key);
  // All need the slot that `Find(key)` returned last.
  void Put(std::string_view key, Slot& slot, const Version& version, std::string_view value);
  // As it stands: a row or a tombstone.
  void Store(std::string_view key, Slot& slot, const RowView& row);
  // Leaves nothing there, no tombstone either.
  void Delete(std::string_view key, Slot& slot);

  // Appends the changes; adds to `digest` (sum, mod 2^64) and `row_count`. The overlay is empty afterwards.
  void Flush(std::vector<MapChange>& changes, std::uint64_t& digest, std::uint64_t& row_count);

 private:
  static void Take(const RowView& row, Slot& slot);
  static void BeforeChange(std::string_view key, Slot& slot);

  const MapPort& map_;
  const MapSpace& space_;
  absl::btree_map<std::string_view, Slot> slots_;
};

// Decides `command` for the entry at `index` and returns the encoded reply. `revision` rises if a row changed.
absl::StatusOr<std::string> Execute(const CommandView& command, Index index, const KvLimits& limits,
                                    RowOverlay& rows, Revision& revision);

}  // namespace quorate
