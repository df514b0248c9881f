#include "engine/kv/executor.h"

#include <charconv>

namespace quorate {

// ---- the overlay ----------------------------------------------------------------------------------------

absl::StatusOr<RowOverlay::Slot*> RowOverlay::Find(std::string_view key) {
  const auto [at, is_new] = slots_.try_emplace(key);
  Slot& slot = at->second;
  if (!is_new) return &slot;
  absl::StatusOr<std::optional<std::string>> stored = map_.Get(space_, Table::kRow, key);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return &slot;
  slot.stored_ = *std::move(*stored);
  RowView row;
  if (!DecodeRow(slot.stored_, row)) return absl::DataLossError("a stored row is none");
  Take(row, slot);
  return &slot;
}

// What `slot.stored_` holds.
void RowOverlay::Take(const RowView& row, Slot& slot) {
  slot.kind_ = row.tombstone() ? Slot::Kind::kTombstone : Slot::Kind::kRow;
  slot.version_ = row.version;
  slot.replaced_ = row.replaced;
  slot.value_at_ = slot.stored_.size() - row.value.size();
}

// The map's own row leaves the digest only once, however often the batch writes it.
void RowOverlay::BeforeChange(std::string_view key, Slot& slot) {
  if (slot.changed_) return;
  slot.changed_ = true;
  slot.was_stored_ = slot.kind_ != Slot::Kind::kNone;
  if (slot.was_stored_) slot.digest_was_ = DigestOfMapRow(Table::kRow, key, slot.stored_);
}

void RowOverlay::Put(std::string_view key, Slot& slot, const Version& version,
                     std::string_view value) {
  Store(key, slot, {.version = version, .expiry_ms = 0, .flags = 0, .value = value});
}

void RowOverlay::Store(std::string_view key, Slot& slot, const RowView& row) {
  BeforeChange(key, slot);
  slot.stored_ = EncodeRow(row);
  Take(row, slot);
}

void RowOverlay::Delete(std::string_view key, Slot& slot) {
  BeforeChange(key, slot);
  slot.kind_ = Slot::Kind::kNone;
  slot.version_ = Version{};
  slot.replaced_ = Version{};
  slot.stored_.clear();
  slot.value_at_ = 0;
}

void RowOverlay::Flush(std::vector<MapChange>& changes, std::uint64_t& digest,
                       std::uint64_t& row_count) {
  for (auto& [key, slot] : slots_) {
    if (!slot.changed_) continue;
    digest -= slot.digest_was_;
    if (slot.was_stored_) --row_count;
    MapChange& change = changes.emplace_back();
    change.table = Table::kRow;
    change.key = key;
    if (slot.kind_ == Slot::Kind::kNone) continue;
    digest += DigestOfMapRow(Table::kRow, key, slot.stored_);
    ++row_count;
    change.value = std::move(slot.stored_);
  }
  slots_.clear();
}

// ---- the commands ---------------------------------------------------------------------------------------

namespace {

using Slot = RowOverlay::Slot;

// One command under evaluation.
struct Execution {
  const CommandView& command;
  Version version;  // of what it writes
  const KvLimits& limits;
  RowOverlay& rows;
  Revision& revision;
};

std::string RowReply(ReplyStatus status, Revision revision, std::string_view key,
                     const Version& version, std::optional<std::string_view> value) {
  ReplyWriter writer(status, revision, key.size() + (value.has_value() ? value->size() : 0) + 8);
  writer.Row(key, version, value);
  return std::move(writer).Finish();
}

std::string FoundInstead(const Execution& x, ReplyStatus status, const Slot& slot) {
  return RowReply(status, x.revision, x.command.key, slot.version(), slot.value());
}

std::string Write(const Execution& x, Slot& slot) {
  x.rows.Put(x.command.key, slot, x.version, x.command.value);
  x.revision = Next(x.revision);
  return RowReply(ReplyStatus::kOk, x.revision, x.command.key, x.version, std::nullopt);
}

std::string DeleteRow(const Execution& x, Slot& slot) {
  if (!slot.present()) return FoundInstead(x, ReplyStatus::kNotFound, slot);
  x.rows.Delete(x.command.key, slot);
  x.revision = Next(x.revision);
  return RowReply(ReplyStatus::kOk, x.revision, x.command.key, Version{}, std::nullopt);
}

bool ParseNumber(std::string_view text, std::int64_t& number) {
  const char* const end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

std::string AddTo(const Execution& x, Slot& slot) {
  std::int64_t number = 0;
  const bool is_number = !slot.present() || ParseNumber(*slot.value(), number);
  if (!is_number || __builtin_add_overflow(number, x.command.by, &number)) {
    return FoundInstead(x, ReplyStatus::kNotANumber, slot);
  }
  char text[24];
  const std::to_chars_result written = std::to_chars(text, text + sizeof(text), number);
  const std::string_view value(text, static_cast<std::size_t>(written.ptr - text));
  if (value.size() > x.limits.max_value_bytes) {
    return ReplyWriter(ReplyStatus::kTooBig, x.revision).Finish();
  }
  x.rows.Put(x.command.key, slot, x.version, value);
  x.revision = Next(x.revision);
  return RowReply(ReplyStatus::kOk, x.revision, x.command.key, x.version, value);
}

bool Holds(const ConditionView& condition, const Slot& slot) {
  switch (condition.tag) {
    case ConditionTag::kAbsent:
      return !slot.present();
    case ConditionTag::kVersion:
      return slot.version() == condition.version;
    case ConditionTag::kValue:
      return slot.value() == condition.value;
  }
  UNREACHABLE("a condition's tag was checked when it was decoded");
}

absl::StatusOr<std::string> RunBatch(const Execution& x) {
  std::optional<ReplyWriter> failed;
  std::size_t value_bytes = 0;
  for (const ConditionView& condition : x.command.conditions) {
    const absl::StatusOr<Slot*> found = x.rows.Find(condition.key);
    if (!found.ok()) return found.status();
    const Slot& slot = **found;
    if (Holds(condition, slot)) continue;
    if (!failed.has_value()) failed.emplace(ReplyStatus::kConditionFailed, x.revision);
    std::optional<std::string_view> value = slot.value();
    if (value.has_value()) value_bytes += value->size();
    if (value_bytes > x.limits.max_range_bytes) value.reset();
    failed->Row(condition.key, slot.version(), value);
  }
  if (failed.has_value()) return std::move(*failed).Finish();

  bool changed = false;
  std::size_t key_bytes = 0;
  for (const WriteView& write : x.command.writes) {
    const absl::StatusOr<Slot*> found = x.rows.Find(write.key);
    if (!found.ok()) return found.status();
    Slot& slot = **found;
    key_bytes += write.key.size() + 8;
    changed |= write.value.has_value() || slot.present();
    if (write.value.has_value()) {
      x.rows.Put(write.key, slot, x.version, *write.value);
    } else if (slot.present()) {
      x.rows.Delete(write.key, slot);
    }
  }
  if (changed) x.revision = Next(x.revision);
  ReplyWriter writer(ReplyStatus::kOk, x.revision, key_bytes);
  for (const WriteView& write : x.command.writes) {
    writer.Row(write.key, write.value.has_value() ? x.version : Version{}, std::nullopt);
  }
  return std::move(writer).Finish();
}

bool BatchIsTooBig(const CommandView& command, const KvLimits& limits) {
  if (command.conditions.size() + command.writes.size() > limits.max_batch_operations) return true;
  std::size_t bytes = 0;
  for (const ConditionView& condition : command.conditions) {
    if (condition.key.size() > limits.max_key_bytes) return true;
    bytes += condition.key.size() + condition.value.size();
  }
  for (const WriteView& write : command.writes) {
    const std::size_t value_bytes = write.value.has_value() ? write.value->size() : 0;
    if (write.key.size() > limits.max_key_bytes || value_bytes > limits.max_value_bytes)
      return true;
    bytes += write.key.size() + value_bytes;
  }
  return bytes > limits.max_batch_bytes;
}

bool IsTooBig(const CommandView& command, const KvLimits& limits) {
  if (command.tag == CommandTag::kBatch) return BatchIsTooBig(command, limits);
  return command.key.size() > limits.max_key_bytes || command.value.size() > limits.max_value_bytes;
}

}  // namespace

absl::StatusOr<std::string> Execute(const CommandView& command, Index index, const KvLimits& limits,
                                    RowOverlay& rows, Revision& revision) {
  if (IsTooBig(command, limits)) return ReplyWriter(ReplyStatus::kTooBig, revision).Finish();
  const Version version{.era = 0, .ord = index.value(), .origin = 0};
  const Execution x{command, version, limits, rows, revision};
  if (command.tag == CommandTag::kBatch) return RunBatch(x);

  const absl::StatusOr<Slot*> found = rows.Find(command.key);
  if (!found.ok()) return found.status();
  Slot& slot = **found;
  switch (command.tag) {
    case CommandTag::kPut:
      return Write(x, slot);
    case CommandTag::kPutIfAbsent:
      if (slot.present()) return FoundInstead(x, ReplyStatus::kConditionFailed, slot);
      return Write(x, slot);
    case CommandTag::kDelete:
      return DeleteRow(x, slot);
    case CommandTag::kCasValue:
      if (slot.value() != command.expected_value) {
        return FoundInstead(x, ReplyStatus::kConditionFailed, slot);
      }
      return Write(x, slot);
    case CommandTag::kCasVersion:
      if (slot.version() != command.expected_version) {
        return FoundInstead(x, ReplyStatus::kConditionFailed, slot);
      }
      return Write(x, slot);
    case CommandTag::kIncrement:
      return AddTo(x, slot);
    case CommandTag::kBatch:
      break;
  }
  UNREACHABLE("a command's tag was checked when it was decoded");
}

}  // namespace quorate
