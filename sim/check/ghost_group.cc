#include "sim/check/ghost_group.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {

GroupGhost::GroupGhost() { first_.push_back(GhostEntry{}); }

const GhostEntry* GroupGhost::Find(EntryId entry) const {
  if (entry.index < base_) return nullptr;
  const std::uint64_t offset = entry.index.value() - base_.value();
  if (offset < first_.size() && first_[offset].term == entry.term) return &first_[offset];
  const auto other = others_.find(entry);
  return other == others_.end() ? nullptr : &other->second;
}

void GroupGhost::Make(Index index, const GhostEntry& entry) {
  REQUIRE(Find({index, entry.term}) == nullptr);
  if (index.value() == base_.value() + first_.size()) {
    first_.push_back(entry);
  } else {
    others_.emplace(EntryId{index, entry.term}, entry);
  }
}

void GroupGhost::ForgetBelow(Index index) {
  // What is committed there was compared already; what is not committed is still to be decided.
  const Index upto = std::min(index, committed_);
  while (base_ < upto && first_.size() > 1) {
    first_.pop_front();
    base_ = Next(base_);
  }
  others_.erase(others_.begin(), others_.lower_bound(EntryId{base_, Term()}));
  while (machine_base_ < base_ && !machines_.empty()) {
    machines_.pop_front();
    machine_base_ = Next(machine_base_);
  }
}

void GroupGhost::Adopt(EntryId start) {
  if (Find(start) != nullptr) return;
  const GhostEntry root{start.term, Mix(start.index.value(), start.term.value()), false};
  if (committed_ == Index() && first_.size() == 1) {
    base_ = start.index;
    committed_ = start.index;
    first_.front() = root;
    return;
  }
  others_.emplace(start, root);
}

const GhostEntry* GroupGhost::Committed(Index index) const {
  if (index < base_ || index > committed_) return nullptr;
  return &first_[index.value() - base_.value()];
}

void GroupGhost::Commit(Index index, Term entry_term, Term by) {
  REQUIRE(index == Next(committed_));
  GhostEntry& first = first_.at(index.value() - base_.value());
  if (first.term != entry_term) {
    const auto other = others_.find(EntryId{index, entry_term});
    REQUIRE(other != others_.end());
    const GhostEntry displaced = first;
    first = other->second;
    others_.erase(other);
    others_.emplace(EntryId{index, displaced.term}, displaced);
  }
  committed_ = index;
  if (first.configuration) placed.push_back({index, entry_term});
  if (!runs_.empty() && runs_.back().by == by) {
    runs_.back().upto = index;
  } else {
    runs_.push_back({index, by});
  }
}

Index GroupGhost::CommittedBefore(Term term) const {
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->by < term) return run->upto;
  }
  return Index();
}

std::optional<Digest> GroupGhost::MachineAt(Index index) const {
  if (index < machine_base_) return std::nullopt;
  const std::uint64_t offset = index.value() - machine_base_.value();
  if (offset >= machines_.size()) return std::nullopt;
  return machines_[offset];
}

void GroupGhost::SetMachine(Index index, Digest digest) {
  if (machines_.empty()) machine_base_ = std::max(machine_base_, base_);
  if (index < machine_base_) return;
  const std::uint64_t offset = index.value() - machine_base_.value();
  if (offset >= machines_.size()) machines_.resize(offset + 1);
  machines_[offset] = digest;
}

}  // namespace quorate::sim
