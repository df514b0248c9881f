#include "sim/check/ghost_disk.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {

EntryId GroupImage::last_entry() const {
  return size() == 0 ? start_.entry : EntryId{last(), entries_.back().term};
}

const GhostEntry* GroupImage::At(Index index) const {
  if (index <= start_.entry.index || index > last()) return nullptr;
  return &entries_[head_ + (index.value() - start_.entry.index.value() - 1)];
}

std::optional<std::uint64_t> GroupImage::PrefixAt(Index index) const {
  if (index == start_.entry.index) return start_.prefix;
  const GhostEntry* entry = At(index);
  if (entry == nullptr) return std::nullopt;
  return entry->prefix;
}

std::optional<Term> GroupImage::TermAt(Index index) const {
  if (index == start_.entry.index) return start_.entry.term;
  const GhostEntry* entry = At(index);
  if (entry == nullptr) return std::nullopt;
  return entry->term;
}

std::optional<Index> GroupImage::LastConfiguration() const {
  if (configurations_.empty()) return std::nullopt;
  return configurations_.back();
}

void GroupImage::Append(const GhostEntry& entry) {
  entries_.push_back(entry);
  if (entry.configuration) configurations_.push_back(last());
}

void GroupImage::TruncateFrom(Index from) {
  if (from <= start_.entry.index || from > last()) return;
  entries_.resize(head_ + (from.value() - start_.entry.index.value() - 1));
  while (!configurations_.empty() && configurations_.back() >= from) configurations_.pop_back();
}

void GroupImage::DropPrefix(const GhostStart& start) {
  if (start.entry.index <= start_.entry.index) return;
  const std::uint64_t drop = start.entry.index.value() - start_.entry.index.value();
  head_ = drop >= size() ? entries_.size() : head_ + drop;
  start_ = start;
  // Moves what is left to the front once it is the smaller half: O(1) amortised.
  if (head_ > 64 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  const auto keep = std::find_if(configurations_.begin(), configurations_.end(),
                                 [&](Index at) { return at > start.entry.index; });
  configurations_.erase(configurations_.begin(), keep);
}

void GroupImage::Reset(const GhostStart& start) {
  exists = true;
  start_ = start;
  entries_.clear();
  head_ = 0;
  configurations_.clear();
}

GroupImage& NodeDisk::At(std::vector<GroupImage>& images, std::uint32_t slot) {
  if (slot >= images.size()) images.resize(slot + 1);
  return images[slot];
}

void NodeDisk::Wrote(PersistSeq seq) { last_written_ = std::max(last_written_, seq); }

void NodeDisk::SetHardState(PersistSeq seq, std::uint32_t slot, HardState hard) {
  GroupImage& image = written(slot);
  image.exists = true;
  image.hard = hard;
  ops_.push_back({seq, slot, Kind::kHardState, hard, {}, 0});
  Wrote(seq);
}

void NodeDisk::TruncateFrom(PersistSeq seq, std::uint32_t slot, Index from) {
  written(slot).TruncateFrom(from);
  ops_.push_back({seq, slot, Kind::kTruncate, {}, from, 0});
  Wrote(seq);
}

void NodeDisk::Append(PersistSeq seq, std::uint32_t slot, std::span<const GhostEntry> entries) {
  GroupImage& image = written(slot);
  image.exists = true;
  for (const GhostEntry& entry : entries) {
    image.Append(entry);
    op_entries_.push_back(entry);
  }
  ops_.push_back({seq, slot, Kind::kAppend, {}, {}, static_cast<std::uint32_t>(entries.size())});
  Wrote(seq);
}

void NodeDisk::DropPrefix(PersistSeq seq, std::uint32_t slot, GhostStart start) {
  written(slot).DropPrefix(start);
  op_starts_.push_back(std::move(start));
  ops_.push_back({seq, slot, Kind::kDropPrefix, {}, {}, 0});
  Wrote(seq);
}

void NodeDisk::Reset(PersistSeq seq, std::uint32_t slot, GhostStart start) {
  written(slot).Reset(start);
  op_starts_.push_back(std::move(start));
  ops_.push_back({seq, slot, Kind::kReset, {}, {}, 0});
  Wrote(seq);
}

void NodeDisk::DropGroup(PersistSeq seq, std::uint32_t slot) {
  written(slot) = GroupImage();
  ops_.push_back({seq, slot, Kind::kDropGroup, {}, {}, 0});
  Wrote(seq);
}

const NodeDisk::Op* NodeDisk::Covered(PersistSeq upto) const {
  if (ops_.empty() || ops_.front().seq > upto) return nullptr;
  return &ops_.front();
}

void NodeDisk::Fold() {
  REQUIRE(!ops_.empty());
  const Op op = ops_.front();
  ops_.pop_front();
  GroupImage& image = durable(op.slot);
  switch (op.kind) {
    case Kind::kHardState:
      image.exists = true;
      image.hard = op.hard;
      break;
    case Kind::kTruncate:
      image.TruncateFrom(op.from);
      break;
    case Kind::kAppend:
      image.exists = true;
      for (std::uint32_t i = 0; i < op.count; ++i) {
        image.Append(op_entries_.front());
        op_entries_.pop_front();
      }
      break;
    case Kind::kDropPrefix:
      image.DropPrefix(op_starts_.front());
      op_starts_.pop_front();
      break;
    case Kind::kReset:
      image.Reset(op_starts_.front());
      op_starts_.pop_front();
      break;
    case Kind::kDropGroup:
      image = GroupImage();
      break;
  }
}

void NodeDisk::SetDurable(PersistSeq upto) { durable_upto_ = std::max(durable_upto_, upto); }

bool NodeDisk::HasPending(Kind kind) const {
  return std::any_of(ops_.begin(), ops_.end(), [&](const Op& op) { return op.kind == kind; });
}

void NodeDisk::Restart() {
  if (!ops_.empty()) written_ = durable_;
  ops_.clear();
  op_entries_.clear();
  op_starts_.clear();
  durable_upto_ = PersistSeq();
  last_written_ = PersistSeq();
}

}  // namespace quorate::sim
