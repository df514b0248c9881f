// storage/kv.h — the thinnest leaf: an ordered map of byte strings with atomic batches.
//
// Model: keys in the order of their unsigned bytes. A batch is all or nothing. Writes are numbered by their
//   order; after a crash the map is as it was after some write at or after the last finished `Sync`: a suffix
//   of the later writes is lost, never a middle, never a part of one.
// Invariants: what a reader sees is one state between two batches; a pinned view never changes.
// Units: limits are in rows and in bytes of keys and values.
// Errors: DataLoss for bytes that are not what was written; anything else means that the store failed. After a
//   failed `Write` or `Sync` every later one on the same handle fails too: what is on the disk is unknown until
//   the store is opened again.
// Threads: `Get`, `Scan` and views beside one writer, if the leaf says so.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quorate {

struct KvPut {
  std::string key;
  std::string value;
  friend bool operator==(const KvPut&, const KvPut&) = default;
};
struct KvDelete {  // of an absent key: nothing
  std::string key;
  friend bool operator==(const KvDelete&, const KvDelete&) = default;
};
struct KvDeleteRange {  // every key with from <= key < to; empty or reversed: nothing
  std::string from;
  std::string to;
  friend bool operator==(const KvDeleteRange&, const KvDeleteRange&) = default;
};
using KvChange = std::variant<KvPut, KvDelete, KvDeleteRange>;
// In order: a later change of the same key wins.
using KvBatch = std::vector<KvChange>;

struct KvRow {
  std::string key;
  std::string value;
  friend bool operator==(const KvRow&, const KvRow&) = default;
};
struct KvLimit {
  std::size_t rows = 0;   // at most so many; >= 1
  std::size_t bytes = 0;  // stop once so many bytes were read (at least one row)
};
struct KvPage {
  std::vector<KvRow> rows;  // by key, ascending
  bool more = false;        // the limit ended it, not the range
};

class KvReader {
 public:
  virtual ~KvReader() = default;
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  // Rows with from <= key < to; `to` nullopt = to the end.
  virtual absl::StatusOr<KvPage> Scan(std::string_view from, std::optional<std::string_view> to,
                                      KvLimit limit) const = 0;
};

class Kv : public KvReader {
 public:
  // Applies the whole batch, or nothing. Readers see it at once; it is durable only after a `Sync`.
  virtual absl::Status Write(KvBatch batch) = 0;
  // Everything written so far is durable when this returns OK.
  virtual absl::Status Sync() = 0;
  // Rows with from <= key < to as they are now, whatever is written later. Must not outlive the store.
  virtual absl::StatusOr<std::unique_ptr<KvReader>> Pin(
      std::string_view from, std::optional<std::string_view> to) const = 0;
};

}  // namespace quorate
