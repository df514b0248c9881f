#include "engine/eventual/merge.h"

namespace quorate {
namespace {

RowView RowOf(const Version& version, const EventualWrite& write) {
  RowView row{.version = version,
              .expiry_ms = write.expiry_ms,
              .flags = write.value.has_value() ? 0 : kRowTombstone,
              .value = write.value.value_or(std::string_view()),
              .replaced = write.replaced};
  if (write.replaced != Version{}) row.flags |= kRowReplaces;
  return row;
}

}  // namespace

absl::Status Merge(const Version& version, std::span<const EventualWrite> writes, RowOverlay& rows,
                   MergeCounts& counts) {
  for (const EventualWrite& write : writes) {
    const absl::StatusOr<RowOverlay::Slot*> found = rows.Find(write.key);
    if (!found.ok()) return found.status();
    RowOverlay::Slot& slot = **found;
    const Version there = slot.stored_version();
    if (there == version) {
      ++counts.repeated;
    } else if (there < version) {
      ++counts.won;
      if (write.replaced < there) ++counts.conflicts;
      rows.Store(write.key, slot, RowOf(version, write));
    } else {
      ++counts.lost;
      if (slot.replaced() < version) ++counts.conflicts;
    }
  }
  return absl::OkStatus();
}

}  // namespace quorate
