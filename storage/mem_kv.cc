#include "storage/mem_kv.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/base/prf.h"

namespace quorate {
namespace {

KvImage::const_iterator EndOf(const KvImage& rows, std::optional<std::string_view> to) {
  return to.has_value() ? rows.lower_bound(*to) : rows.end();
}

absl::StatusOr<std::optional<std::string>> GetFrom(const KvImage& rows, std::string_view key) {
  const auto at = rows.find(key);
  if (at == rows.end()) return std::optional<std::string>();
  return std::optional<std::string>(at->second);
}

absl::StatusOr<KvPage> ScanFrom(const KvImage& rows, std::string_view from,
                                std::optional<std::string_view> to, KvLimit limit) {
  REQUIRE(limit.rows >= 1);
  KvPage page;
  if (to.has_value() && *to <= from) return page;
  std::size_t bytes = 0;
  const auto end = EndOf(rows, to);
  for (auto at = rows.lower_bound(from); at != end; ++at) {
    if (page.rows.size() == limit.rows || (!page.rows.empty() && bytes >= limit.bytes)) {
      page.more = true;
      break;
    }
    bytes += at->first.size() + at->second.size();
    page.rows.push_back(KvRow{at->first, at->second});
  }
  return page;
}

class PinnedRows final : public KvReader {
 public:
  explicit PinnedRows(KvImage rows) : rows_(std::move(rows)) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return GetFrom(rows_, key);
  }
  absl::StatusOr<KvPage> Scan(std::string_view from, std::optional<std::string_view> to,
                              KvLimit limit) const override {
    return ScanFrom(rows_, from, to, limit);
  }

 private:
  KvImage rows_;
};

void FlipBit(std::string& value, std::uint64_t salt) {
  if (value.empty()) {
    value.push_back('\0');  // a row of nothing that reads as something is as wrong
    return;
  }
  const std::uint64_t bit = Below(Mix(salt), value.size() * 8);
  char& byte = value[bit / 8];
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
}

}  // namespace

absl::StatusOr<std::optional<std::string>> MemKv::Get(std::string_view key) const {
  return GetFrom(rows_, key);
}

absl::StatusOr<KvPage> MemKv::Scan(std::string_view from, std::optional<std::string_view> to,
                                   KvLimit limit) const {
  return ScanFrom(rows_, from, to, limit);
}

absl::StatusOr<std::unique_ptr<KvReader>> MemKv::Pin(std::string_view from,
                                                     std::optional<std::string_view> to) const {
  if (to.has_value() && *to <= from) return std::unique_ptr<KvReader>(new PinnedRows(KvImage()));
  return std::unique_ptr<KvReader>(
      new PinnedRows(KvImage(rows_.lower_bound(from), EndOf(rows_, to))));
}

absl::Status MemKv::Write(KvBatch batch) {
  if (!failed_.ok()) return failed_;
  if (!fail_write_.ok()) {
    failed_ = std::exchange(fail_write_, absl::OkStatus());
    return failed_;
  }
  UndoBatch undo;
  undo.reserve(batch.size());
  for (KvChange& change : batch) {
    std::visit(
        Match{[&](KvPut& put) { Put(std::move(put), undo); },
              [&](KvDelete& erase) {
                const auto at = rows_.find(erase.key);
                if (at != rows_.end()) Erase(at, undo);
              },
              [&](KvDeleteRange& range) {
                if (range.to <= range.from) return;
                const auto from = rows_.lower_bound(range.from);
                const auto to = rows_.lower_bound(range.to);
                for (auto at = from; at != to; ++at) {
                  undo.push_back(Undo{at->first, std::move(at->second), Uncorrupt(at->first)});
                }
                rows_.erase(from, to);
              }},
        change);
  }
  undo_.push_back(std::move(undo));
  ++written_;
  return absl::OkStatus();
}

void MemKv::Put(KvPut put, UndoBatch& undo) {
  const auto [at, is_new] = rows_.try_emplace(put.key);
  if (is_new) {
    undo.push_back(Undo{std::move(put.key), std::nullopt, false});
  } else {
    const bool was_corrupt = Uncorrupt(put.key);
    undo.push_back(Undo{std::move(put.key), std::move(at->second), was_corrupt});
  }
  at->second = std::move(put.value);
}

void MemKv::Erase(KvImage::iterator at, UndoBatch& undo) {
  undo.push_back(Undo{at->first, std::move(at->second), Uncorrupt(at->first)});
  rows_.erase(at);
}

bool MemKv::Uncorrupt(const std::string& key) {
  return !corrupt_.empty() && corrupt_.erase(key) > 0;
}

absl::Status MemKv::SyncUpTo(std::uint64_t upto) {
  REQUIRE(upto <= written_);
  if (!failed_.ok()) return failed_;
  if (!fail_sync_.ok()) {
    failed_ = std::exchange(fail_sync_, absl::OkStatus());
    return failed_;
  }
  for (; durable_ < upto; ++durable_) undo_.pop_front();
  INVARIANT(undo_.size() == written_ - durable_);
  return absl::OkStatus();
}

void MemKv::Crash(std::uint64_t keep) {
  REQUIRE(keep <= unsynced());
  for (; undo_.size() > keep; undo_.pop_back()) {
    UndoBatch& batch = undo_.back();
    for (auto undo = batch.rbegin(); undo != batch.rend(); ++undo) {
      Uncorrupt(undo->key);
      if (!undo->before.has_value()) {
        rows_.erase(undo->key);
        continue;
      }
      if (undo->was_corrupt) corrupt_.insert(undo->key);
      rows_[undo->key] = *std::move(undo->before);
    }
    --written_;
  }
  undo_.clear();
  durable_ = written_;
  fail_write_ = fail_sync_ = failed_ = absl::OkStatus();
}

void MemKv::FailNextWrite(absl::Status status) {
  REQUIRE(!status.ok());
  fail_write_ = std::move(status);
}

void MemKv::FailNextSync(absl::Status status) {
  REQUIRE(!status.ok());
  fail_sync_ = std::move(status);
}

bool MemKv::CorruptRow(std::string_view key, std::uint64_t salt) {
  const auto at = rows_.find(key);
  if (at == rows_.end() || !corrupt_.insert(at->first).second) return false;
  FlipBit(at->second, salt);
  return true;
}

std::size_t MemKv::CorruptRange(std::string_view from, std::optional<std::string_view> to,
                                std::uint64_t salt) {
  if (to.has_value() && *to <= from) return 0;
  std::size_t count = 0;
  const auto end = EndOf(rows_, to);
  for (auto at = rows_.lower_bound(from); at != end; ++at) {
    if (CorruptRow(at->first, Mix(salt, NameKey(at->first)))) ++count;
  }
  return count;
}

bool MemKv::HoldsCorruption() const {
  return !corrupt_.empty() || std::any_of(undo_.begin(), undo_.end(), [](const UndoBatch& batch) {
    return std::any_of(batch.begin(), batch.end(),
                       [](const Undo& undo) { return undo.was_corrupt; });
  });
}

KvImage MemKv::DurableImage() const {
  MemKv copy(*this);
  copy.Crash(0);
  return std::move(copy.rows_);
}

void MemKv::Replace(KvImage image) {
  const std::uint64_t written = written_;
  *this = MemKv(std::move(image));
  written_ = durable_ = written;
}

}  // namespace quorate
