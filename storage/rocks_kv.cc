#include "storage/rocks_kv.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/match.h"

namespace quorate {
namespace {

constexpr std::size_t kLogMemtableBytes = std::size_t{16} << 20;
constexpr std::size_t kMapMemtableBytes = std::size_t{64} << 20;

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

absl::Status StatusOf(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("rocksdb: ", std::string(doing), ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(text);
  return absl::InternalError(text);
}

absl::StatusOr<std::optional<std::string>> GetFrom(rocksdb::DB& db,
                                                   const rocksdb::Snapshot* snapshot,
                                                   std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db.Get(options, SliceOf(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return StatusOf(status, "get");
  return std::optional<std::string>(std::move(value));
}

absl::StatusOr<KvPage> ScanFrom(rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                                std::string_view from, std::optional<std::string_view> to,
                                KvLimit limit) {
  REQUIRE(limit.rows >= 1);
  KvPage page;
  if (to.has_value() && *to <= from) return page;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Slice end = to.has_value() ? SliceOf(*to) : rocksdb::Slice();
  if (to.has_value()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options));
  std::size_t bytes = 0;
  for (at->Seek(SliceOf(from)); at->Valid(); at->Next()) {
    if (page.rows.size() == limit.rows || (!page.rows.empty() && bytes >= limit.bytes)) {
      page.more = true;
      break;
    }
    bytes += at->key().size() + at->value().size();
    page.rows.push_back(KvRow{at->key().ToString(), at->value().ToString()});
  }
  if (!at->status().ok()) return StatusOf(at->status(), "scan");
  return page;
}

class PinnedRocks final : public KvReader {
 public:
  explicit PinnedRocks(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {}
  ~PinnedRocks() override { db_.ReleaseSnapshot(snapshot_); }
  PinnedRocks(const PinnedRocks&) = delete;
  PinnedRocks& operator=(const PinnedRocks&) = delete;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return GetFrom(db_, snapshot_, key);
  }
  absl::StatusOr<KvPage> Scan(std::string_view from, std::optional<std::string_view> to,
                              KvLimit limit) const override {
    return ScanFrom(db_, snapshot_, from, to, limit);
  }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksKv final : public Kv {
 public:
  RocksKv(std::unique_ptr<rocksdb::DB> db, RocksUse use) : db_(std::move(db)), use_(use) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return GetFrom(*db_, nullptr, key);
  }
  absl::StatusOr<KvPage> Scan(std::string_view from, std::optional<std::string_view> to,
                              KvLimit limit) const override {
    return ScanFrom(*db_, nullptr, from, to, limit);
  }
  // The range is not looked at: a snapshot costs the same for any.
  absl::StatusOr<std::unique_ptr<KvReader>> Pin(
      std::string_view /*from*/, std::optional<std::string_view> /*to*/) const override {
    return std::unique_ptr<KvReader>(new PinnedRocks(*db_));
  }
  absl::Status Write(KvBatch batch) override;
  absl::Status Sync() override;

 private:
  absl::Status Failed() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return failed_;
  }
  absl::Status Note(absl::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_.ok()) failed_ = status;
    return status;
  }

  std::unique_ptr<rocksdb::DB> db_;
  RocksUse use_;
  mutable std::mutex mutex_;  // over failed_: a flush may run beside the writer
  absl::Status failed_;
};

absl::Status RocksKv::Write(KvBatch batch) {
  if (absl::Status failed = Failed(); !failed.ok()) return failed;
  rocksdb::WriteBatch changes;
  for (const KvChange& change : batch) {
    const rocksdb::Status status = std::visit(
        Match{[&](const KvPut& put) { return changes.Put(put.key, put.value); },
              [&](const KvDelete& erase) { return changes.Delete(erase.key); },
              [&](const KvDeleteRange& range) {
                if (range.to <= range.from) return rocksdb::Status::OK();
                return changes.DeleteRange(db_->DefaultColumnFamily(), range.from, range.to);
              }},
        change);
    if (!status.ok()) return Note(StatusOf(status, "batch"));
  }
  rocksdb::WriteOptions options;
  options.disableWAL = use_ == RocksUse::kMap;
  return Note(StatusOf(db_->Write(options, &changes), "write"));
}

absl::Status RocksKv::Sync() {
  if (absl::Status failed = Failed(); !failed.ok()) return failed;
  switch (use_) {
    case RocksUse::kLog:
      return Note(StatusOf(db_->SyncWAL(), "sync"));
    case RocksUse::kMap: {
      rocksdb::FlushOptions options;
      options.wait = true;
      options.allow_write_stall = true;
      return Note(StatusOf(db_->Flush(options), "flush"));
    }
  }
  UNREACHABLE("a store is a log or a map");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kv>> OpenRocksKv(const std::string& path, RocksUse use) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // What the process had handed to the kernel when it was killed may end in half a record. Anything else that
  // does not check is damage: refuse to open, never cut off (the default would).
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_bgerror_resume_count = 0;  // a failed sync is never tried again
  options.avoid_unnecessary_blocking_io = true;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 4;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = use == RocksUse::kLog ? kLogMemtableBytes : kMapMemtableBytes;
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &opened);
  if (!status.ok()) return StatusOf(status, absl::StrCat("open ", path));
  return std::unique_ptr<Kv>(new RocksKv(std::unique_ptr<rocksdb::DB>(opened), use));
}

}  // namespace quorate
