// tests/cluster/fake_log.h — the log port as a list of batches that a test makes durable, or takes back.
//
// Model: batches in order of their numbers; those up to `synced` survive a crash, of the rest as many as the
//   test says (a prefix: a middle is never lost). `Recover` folds them, by code of its own.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "engine/base/match.h"
#include "engine/catalogue.h"
#include "engine/ports.h"

namespace quorate {

class FakeLog final : public LogPort {
 public:
  void Append(PersistSeq seq, std::span<const LogRecord> records) override {
    REQUIRE(seq.value() == boot_base_ + batches_.size() - first_of_boot_ + 1);
    batches_.emplace_back(records.begin(), records.end());
  }
  void Sync() override {}
  void Read(const ReadLog& request) override { reads_.push_back(request); }

  // Batches of this boot that are not durable yet.
  std::size_t unsynced() const { return batches_.size() - durable_; }
  // Makes the next `count` batches durable; returns the number of the last one.
  PersistSeq SyncNext(std::size_t count) {
    durable_ += std::min(count, unsynced());
    return PersistSeq(durable_ - first_of_boot_);
  }
  PersistSeq durable() const { return PersistSeq(durable_ - first_of_boot_); }

  // Loses all but `kept` of the batches that were not durable; a new boot numbers from 1 again.
  void Crash(std::size_t kept) {
    batches_.resize(durable_ + std::min(kept, unsynced()));
    durable_ = batches_.size();
    first_of_boot_ = batches_.size();
    reads_.clear();
  }

  std::vector<ReadLog> TakeReads() { return std::exchange(reads_, {}); }
  LogRead AnswerRead(const ReadLog& request) const {
    LogRead read{.id = request.id,
                 .group = request.group,
                 .first = request.first,
                 .entries = {},
                 .ok = true};
    const Image image = Fold();
    const auto group = image.groups.find(request.group);
    if (group == image.groups.end())
      return LogRead{request.id, request.group, request.first, {}, false};
    std::size_t bytes = 0;
    for (Index at = request.first; at <= request.last; at = Next(at)) {
      const auto entry = group->second.entries.find(at);
      if (entry == group->second.entries.end()) break;
      bytes += CostOf(entry->second);
      if (!read.entries.empty() && bytes > request.max_bytes) break;
      read.entries.push_back(entry->second);
    }
    read.ok = !read.entries.empty();
    return read;
  }

  // What a boot finds; `applied` is filled in by the caller.
  Recovered Recover(const Identity& identity) const {
    Recovered out{.identity = identity, .last_boot = {}, .groups = {}};
    const Image image = Fold();
    out.last_boot = image.boot;
    for (const auto& [id, group] : image.groups) {
      RecoveredGroup recovered;
      recovered.group = id;
      recovered.hard = group.hard;
      recovered.start = group.start;
      recovered.last = group.start.entry.index;
      for (const auto& [index, entry] : group.entries) {
        REQUIRE(index == Next(recovered.last));
        recovered.last = index;
        if (recovered.terms.empty() || recovered.terms.back().term != entry.term) {
          recovered.terms.push_back({index, entry.term});
        }
        if (entry.kind != EntryKind::kConfiguration) continue;
        recovered.configurations.push_back({index, *DecodeConfiguration(entry.payload.bytes())});
      }
      recovered.applied = group.start.entry;
      out.groups.push_back(std::move(recovered));
    }
    return out;
  }
  void Bootstrap(const Configuration& members) {
    LogStart start;
    start.configuration = members;
    std::vector<LogRecord> records{ResetLog{kDefaultNamespace, start}};
    start.catalogue = Payload(Catalogue::Bootstrap(members).Encode());
    records.push_back(ResetLog{kSystemGroup, start});
    batches_.push_back(std::move(records));
    durable_ = first_of_boot_ = 1;
  }

 private:
  struct Group {
    HardState hard;
    LogStart start;
    std::map<Index, Entry> entries;
  };
  struct Image {
    BootNumber boot;
    std::map<GroupId, Group> groups;
  };
  Image Fold() const {
    Image image;
    for (const std::vector<LogRecord>& batch : batches_) {
      for (const LogRecord& record : batch) {
        std::visit(Match{
                       [&](const BootRecord& r) { image.boot = r.boot; },
                       [&](const SetHardState& r) { image.groups[r.group].hard = r.state; },
                       [&](const TruncateSuffix& r) {
                         auto& entries = image.groups[r.group].entries;
                         entries.erase(entries.lower_bound(r.from), entries.end());
                       },
                       [&](const AppendEntries& r) {
                         Index at = r.first;
                         for (const Entry& entry : r.entries) {
                           image.groups[r.group].entries[at] = entry;
                           at = Next(at);
                         }
                       },
                       [&](const DropPrefix& r) {
                         Group& group = image.groups[r.group];
                         group.start = r.start;
                         group.entries.erase(group.entries.begin(),
                                             group.entries.upper_bound(r.start.entry.index));
                       },
                       [&](const ResetLog& r) {
                         image.groups[r.group].start = r.start;
                         image.groups[r.group].entries.clear();
                       },
                       [&](const DropGroup& r) { image.groups.erase(r.group); },
                   },
                   record);
      }
    }
    return image;
  }

  std::vector<std::vector<LogRecord>> batches_;
  std::size_t durable_ = 0;
  std::size_t first_of_boot_ = 0;
  static constexpr std::size_t boot_base_ = 0;
  std::vector<ReadLog> reads_;
};

}  // namespace quorate
