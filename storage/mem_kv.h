// storage/mem_kv.h — the ordered map in memory, with the faults that a disk has.
//
// Model: the rows as a reader sees them, and for each batch since the last sync what it takes to undo it. A
//   crash undoes a suffix of those batches. The object stands for the *disk*: it outlives the node that
//   crashes, and the node that starts again opens what is left.
// Invariants: durable <= written; what is undone is always the youngest.
// Units: writes are counted from 1 over the whole life of the object.
// Errors: those that were injected. After one, every Write and Sync is refused until `Crash`.
// Threads: none.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "storage/kv.h"

namespace quorate {

// All rows of a store: what a copy of the disk holds.
using KvImage = absl::btree_map<std::string, std::string, std::less<>>;

class MemKv final : public Kv {
 public:
  MemKv() = default;
  explicit MemKv(KvImage image) : rows_(std::move(image)) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  absl::StatusOr<KvPage> Scan(std::string_view from, std::optional<std::string_view> to,
                              KvLimit limit) const override;
  absl::Status Write(KvBatch batch) override;
  absl::Status Sync() override { return SyncUpTo(written_); }
  // Copies the range.
  absl::StatusOr<std::unique_ptr<KvReader>> Pin(std::string_view from,
                                                std::optional<std::string_view> to) const override;

  // ---- for who plays the disk -------------------------------------------------------------------------
  // How many batches were ever written, and how many of them no crash can take any more.
  std::uint64_t written() const { return written_; }
  std::uint64_t durable() const { return durable_; }
  std::uint64_t unsynced() const { return written_ - durable_; }
  // The end of a sync that was started when `written()` was `upto`. No effect if that much is durable.
  // Requires: upto <= written().
  absl::Status SyncUpTo(std::uint64_t upto);

  // Power is gone: of the batches that are not durable the first `keep` stay, the rest never was. What is
  // there now is durable, and an injected failure is over. Requires: keep <= unsynced().
  void Crash(std::uint64_t keep);

  // The next Write is not applied, or the next Sync makes nothing durable, and returns `status`; after it the
  // store refuses every Write and Sync. Requires: !status.ok().
  void FailNextWrite(absl::Status status);
  void FailNextSync(absl::Status status);
  bool failed() const { return !failed_.ok(); }

  // One bit of the row's value reads flipped (which one: `salt`) until the row is overwritten or deleted.
  // Returns false if there is no such row, or it is corrupt already.
  bool CorruptRow(std::string_view key, std::uint64_t salt);
  // The same for every row with from <= key < to. Returns how many rows became corrupt.
  std::size_t CorruptRange(std::string_view from, std::optional<std::string_view> to,
                           std::uint64_t salt);
  const absl::btree_set<std::string>& corrupt_keys() const { return corrupt_; }
  // Whether a row is corrupt, or would be again if a crash undid what is not durable.
  bool HoldsCorruption() const;

  // The rows as they are, durable or not, corrupt or not.
  const KvImage& rows() const { return rows_; }
  // What a crash now, with nothing kept, would leave: a copy for an old disk put back later.
  KvImage DurableImage() const;
  // This disk is exchanged for one with `image` on it ({} = the whole store is lost).
  void Replace(KvImage image);

 private:
  struct Undo {
    std::string key;
    std::optional<std::string> before;  // nullopt: there was no such row
    bool was_corrupt = false;
  };
  using UndoBatch = std::vector<Undo>;  // in the order of the changes

  void Put(KvPut put, UndoBatch& undo);
  void Erase(KvImage::iterator at, UndoBatch& undo);
  bool Uncorrupt(const std::string& key);

  KvImage rows_;
  absl::btree_set<std::string> corrupt_;
  std::deque<UndoBatch> undo_;  // of the batches in (durable, written]
  std::uint64_t written_ = 0;
  std::uint64_t durable_ = 0;
  absl::Status fail_write_;
  absl::Status fail_sync_;
  absl::Status failed_;
};

}  // namespace quorate
