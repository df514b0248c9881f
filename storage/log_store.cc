#include "storage/log_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/bytes.h"
#include "engine/base/match.h"
#include "engine/raft/codec.h"
#include "storage/keys.h"
#include "storage/rows.h"

namespace quorate {
namespace {

constexpr std::size_t kReadRows = 1024;  // of one scan

std::string EncodeBoot(BootNumber boot) {
  std::string content;
  Encoder(content).Varint(boot.value());
  return content;
}

std::string EncodeHard(const HardState& state) {
  std::string content;
  Encoder out(content);
  EncodeHardState(state, out);
  return content;
}

absl::Status EntryLoss(GroupId group, Index index, std::string_view what) {
  return absl::DataLossError(absl::StrCat("log store: group ", group.value(), ", entry ",
                                          index.value(), ": ", std::string(what)));
}

std::string NameOf(const Identity& identity) {
  return absl::StrCat("node ", identity.node.value(), ", incarnation ",
                      identity.incarnation.value(), ", of cluster ", identity.cluster);
}

}  // namespace

absl::StatusOr<LogStore> LogStore::Open(Kv& kv, const Identity& expected) {
  absl::StatusOr<LogImage> image = ReadLogImage(kv);
  if (!image.ok()) return image.status();
  const Recovered& found = image->recovered;
  if (found.identity != expected) {
    return absl::FailedPreconditionError(absl::StrCat(
        "log store: it belongs to ", NameOf(found.identity), "; this is ", NameOf(expected)));
  }
  LogStore store(kv, SeedOf(expected));
  store.last_boot_ = found.last_boot;
  for (std::size_t i = 0; i < found.groups.size(); ++i) {
    const RecoveredGroup& group = found.groups[i];
    const GroupChain& chain = image->chains[i];
    store.groups_[group.group] = GroupState{group.start.generation, group.start.entry.index,
                                            chain.anchor, group.last, chain.tail};
  }
  store.recovered_ = std::move(image->recovered);
  return store;
}

absl::Status LogStore::Format(Kv& kv, const Identity& identity,
                              std::span<const LogRecord> records) {
  const absl::StatusOr<KvPage> page = kv.Scan("", std::nullopt, KvLimit{1, 1});
  if (!page.ok()) return page.status();
  if (!page->rows.empty()) {
    return absl::FailedPreconditionError(
        "log store: not empty; a store that holds anything is not bootstrapped");
  }
  LogStore store(kv, kIdentitySeed);
  store.PutSealed(StoreKey(LogTag::kIdentity), EncodeIdentity(identity));
  store.seed_ = SeedOf(identity);
  store.PutSealed(StoreKey(LogTag::kBoot), EncodeBoot(BootNumber{}));
  store.StageGroups();
  if (absl::Status status = store.Append(PersistSeq{1}, records); !status.ok()) return status;
  return store.Sync();
}

absl::Status LogStore::Append(PersistSeq seq, std::span<const LogRecord> records) {
  if (absl::Status status = Stage(seq, records); !status.ok()) return status;
  return Commit();
}

absl::Status LogStore::Stage(PersistSeq seq, std::span<const LogRecord> records) {
  if (!failed_.ok()) return failed_;
  REQUIRE(seq == Next(last_seq_));
  last_seq_ = seq;
  for (const LogRecord& record : records) {
    if (absl::Status status = StageRecord(record); !status.ok()) return Fail(std::move(status));
  }
  return absl::OkStatus();
}

absl::Status LogStore::Commit() {
  if (!failed_.ok()) return failed_;
  StageTails();
  if (staged_.empty()) return absl::OkStatus();
  if (absl::Status status = kv_->Write(std::exchange(staged_, {})); !status.ok())
    return Fail(std::move(status));
  return absl::OkStatus();
}

absl::Status LogStore::Sync() {
  if (!failed_.ok()) return failed_;
  if (absl::Status status = kv_->Sync(); !status.ok()) return Fail(std::move(status));
  return absl::OkStatus();
}

absl::Status LogStore::Fail(absl::Status status) {
  failed_ = std::move(status);
  return failed_;
}

absl::Status LogStore::StageRecord(const LogRecord& record) {
  return std::visit(
      Match{[this](const BootRecord& r) { return StageBoot(r), absl::OkStatus(); },
            [this](const SetHardState& r) { return StageHardState(r), absl::OkStatus(); },
            [this](const TruncateSuffix& r) { return StageTruncate(r); },
            [this](const AppendEntries& r) { return StageAppend(r), absl::OkStatus(); },
            [this](const DropPrefix& r) { return StageDropPrefix(r); },
            [this](const ResetLog& r) { return StageReset(r), absl::OkStatus(); },
            [this](const DropGroup& r) { return StageDropGroup(r), absl::OkStatus(); }},
      record);
}

void LogStore::StageBoot(const BootRecord& record) {
  REQUIRE(record.boot > last_boot_);
  last_boot_ = record.boot;
  PutSealed(StoreKey(LogTag::kBoot), EncodeBoot(record.boot));
}

void LogStore::StageHardState(const SetHardState& record) {
  StateOf(record.group);
  PutSealed(GroupKey(LogTag::kHardState, record.group), EncodeHard(record.state));
}

absl::Status LogStore::StageTruncate(const TruncateSuffix& record) {
  GroupState& state = StateOf(record.group);
  REQUIRE(record.from > state.start && record.from <= state.last);
  const Index last = Before(record.from);
  const absl::StatusOr<std::uint32_t> chain = ChainAt(record.group, state, last);
  if (!chain.ok()) return chain.status();
  staged_.push_back(KvDeleteRange{EntryKey(record.group, state.generation, record.from),
                                  EntryKey(record.group, state.generation, Next(state.last))});
  state.last = last;
  state.chain = *chain;
  MarkMoved(record.group);
  return absl::OkStatus();
}

void LogStore::StageAppend(const AppendEntries& record) {
  GroupState& state = StateOf(record.group);
  REQUIRE(record.first == Next(state.last));
  for (const Entry& entry : record.entries) {
    state.last = Next(state.last);
    state.chain = PutSealed(EntryKey(record.group, state.generation, state.last),
                            EncodeEntryRow(state.chain, entry));
  }
  MarkMoved(record.group);
}

absl::Status LogStore::StageDropPrefix(const DropPrefix& record) {
  GroupState& state = StateOf(record.group);
  const Index start = record.start.entry.index;
  REQUIRE(record.start.generation == state.generation);
  REQUIRE(start >= state.start && start <= state.last);
  const absl::StatusOr<std::uint32_t> anchor = ChainAt(record.group, state, start);
  if (!anchor.ok()) return anchor.status();
  staged_.push_back(KvDeleteRange{EntryKey(record.group, state.generation, Next(state.start)),
                                  EntryKey(record.group, state.generation, Next(start))});
  state.start = start;
  state.anchor = *anchor;
  StageStart(record.group, record.start, state.anchor);
  return absl::OkStatus();
}

void LogStore::StageReset(const ResetLog& record) {
  const GroupId group = record.group;
  const LogStart& start = record.start;
  const auto [at, is_new] = groups_.try_emplace(group);
  if (is_new) {
    StageGroups();
    PutSealed(GroupKey(LogTag::kHardState, group), EncodeHard(HardState{}));
  } else {
    REQUIRE(start.generation >= at->second.generation);
    const std::string entries = GroupKey(LogTag::kEntry, group);
    staged_.push_back(KvDeleteRange{entries, AfterPrefix(entries)});
  }
  // The first entry's chain begins with the start itself: entries of a former filling do not fit it.
  const std::uint32_t anchor = AnchorOf(group, start, seed_);
  at->second = GroupState{start.generation, start.entry.index, anchor, start.entry.index, anchor};
  StageStart(group, start, anchor);
  MarkMoved(group);
}

void LogStore::StageDropGroup(const DropGroup& record) {
  if (groups_.erase(record.group) == 0) return;
  moved_.erase(std::remove(moved_.begin(), moved_.end(), record.group), moved_.end());
  StageGroups();
  for (const LogTag tag : {LogTag::kHardState, LogTag::kStart, LogTag::kTail}) {
    staged_.push_back(KvDelete{GroupKey(tag, record.group)});
  }
  const std::string entries = GroupKey(LogTag::kEntry, record.group);
  staged_.push_back(KvDeleteRange{entries, AfterPrefix(entries)});
}

void LogStore::StageStart(GroupId group, const LogStart& start, std::uint32_t anchor) {
  PutSealed(GroupKey(LogTag::kStart, group), EncodeStartRow(StartRow{start, anchor}));
}

void LogStore::StageGroups() {
  std::vector<GroupId> groups;
  groups.reserve(groups_.size());
  for (const auto& [group, state] : groups_) groups.push_back(group);
  PutSealed(StoreKey(LogTag::kGroups), EncodeGroupList(groups));
}

void LogStore::StageTails() {
  for (const GroupId group : moved_) {
    const GroupState& state = StateOf(group);
    PutSealed(GroupKey(LogTag::kTail, group),
              EncodeTailRow(TailRow{state.generation, state.last, state.chain}));
  }
  moved_.clear();
}

std::uint32_t LogStore::PutSealed(std::string key, std::string content) {
  std::string value = Seal(key, std::move(content), seed_);
  const std::uint32_t seal = SealOf(value);
  staged_.push_back(KvPut{std::move(key), std::move(value)});
  return seal;
}

LogStore::GroupState& LogStore::StateOf(GroupId group) {
  const auto at = groups_.find(group);
  REQUIRE(at != groups_.end());
  return at->second;
}

void LogStore::MarkMoved(GroupId group) {
  if (std::find(moved_.begin(), moved_.end(), group) == moved_.end()) moved_.push_back(group);
}

absl::StatusOr<std::uint32_t> LogStore::ChainAt(GroupId group, const GroupState& state,
                                                Index index) const {
  if (index == state.last) return state.chain;
  if (index == state.start) return state.anchor;
  const std::string key = EntryKey(group, state.generation, index);
  for (auto change = staged_.rbegin(); change != staged_.rend(); ++change) {
    const KvPut* put = std::get_if<KvPut>(&*change);
    if (put != nullptr && put->key == key) return SealOf(put->value);
  }
  const absl::StatusOr<std::optional<std::string>> value = kv_->Get(key);
  if (!value.ok()) return value.status();
  if (!value->has_value()) return EntryLoss(group, index, "missing");
  if (!Unseal(key, **value, seed_).has_value())
    return EntryLoss(group, index, "the check value does not match");
  return SealOf(**value);
}

absl::StatusOr<EntryList> LogStore::ReadEntries(GroupId group, Index first, Index last,
                                                std::size_t max_bytes) const {
  const auto at = groups_.find(group);
  if (at == groups_.end() || first <= at->second.start || first > last || last > at->second.last) {
    return absl::OutOfRangeError(absl::StrCat("log store: group ", group.value(),
                                              " does not hold entries ", first.value(), " to ",
                                              last.value()));
  }
  const Generation generation = at->second.generation;
  const std::string end = EntryKey(group, generation, Next(last));
  EntryList entries;
  std::size_t cost = 0;
  std::optional<std::uint32_t> chain;
  for (Index due = first; due <= last;) {
    const absl::StatusOr<KvPage> page =
        kv_->Scan(EntryKey(group, generation, due), end, KvLimit{kReadRows, max_bytes});
    if (!page.ok()) return page.status();
    if (page->rows.empty()) return EntryLoss(group, due, "missing: a hole in the log");
    for (const KvRow& row : page->rows) {
      if (row.key != EntryKey(group, generation, due))
        return EntryLoss(group, due, "missing: a hole in the log");
      const std::optional<std::string_view> content = Unseal(row.key, row.value, seed_);
      if (!content.has_value()) return EntryLoss(group, due, "the check value does not match");
      std::optional<EntryRow> entry = DecodeEntryRow(*content);
      if (!entry.has_value()) return EntryLoss(group, due, "malformed");
      if (chain.has_value() && entry->chain_before != *chain) {
        return EntryLoss(group, due, "does not follow the entry before it");
      }
      cost += CostOf(entry->entry);
      if (!entries.empty() && cost > max_bytes) return entries;
      chain = SealOf(row.value);
      entries.push_back(std::move(entry->entry));
      due = Next(due);
    }
  }
  return entries;
}

std::optional<Index> LogStore::LastIndex(GroupId group) const {
  const auto at = groups_.find(group);
  if (at == groups_.end()) return std::nullopt;
  return at->second.last;
}

}  // namespace quorate
