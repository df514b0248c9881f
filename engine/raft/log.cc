#include "engine/raft/log.h"

#include <algorithm>
#include <utility>

namespace quorate {

RaftLog::RaftLog(LogStart start, Index last, std::vector<TermRun> terms)
    : start_(std::move(start)), terms_(std::move(terms)) {
  REQUIRE(last >= start_.entry.index);
  REQUIRE((last == start_.entry.index) == terms_.empty());
  last_ = {last, terms_.empty() ? start_.entry.term : terms_.back().term};
  durable_ = last;
  cached_from_ = Next(last);
}

std::optional<Term> RaftLog::TermAt(Index index) const {
  if (index < start_.entry.index || index > last_.index) return std::nullopt;
  if (index == start_.entry.index) return start_.entry.term;
  if (terms_.back().first <= index) return terms_.back().term;  // by far the most frequent question
  const auto after = std::upper_bound(terms_.begin(), terms_.end(), index,
                                      [](Index at, const TermRun& run) { return at < run.first; });
  return std::prev(after)->term;
}

const Entry& RaftLog::At(Index index) const {
  REQUIRE(IsCached(index));
  return cache_[(index - cached_from_).value()];
}

EntryId RaftLog::Agreement(EntryId bound) const {
  if (bound.index >= last_.index && bound.term >= last_.term) return last_;
  if (bound.index <= start_.entry.index) return start_.entry;
  for (auto run = terms_.rbegin(); run != terms_.rend(); ++run) {
    if (run->term > bound.term || run->first > bound.index) continue;
    const Index run_last = run == terms_.rbegin() ? last_.index : Before(std::prev(run)->first);
    return {std::min(run_last, bound.index), run->term};
  }
  return start_.entry;
}

void RaftLog::Append(std::span<const Entry> entries, PersistSeq seq) {
  REQUIRE(!entries.empty());
  for (const Entry& entry : entries) {
    INVARIANT(entry.term >= last_.term);
    last_ = {Next(last_.index), entry.term};
    if (terms_.empty() || terms_.back().term != entry.term)
      terms_.push_back({last_.index, entry.term});
    cache_.push_back(entry);
    cached_bytes_ += CostOf(entry);
  }
  if (!pending_.empty() && pending_.back().seq == seq) {
    pending_.back().last = last_.index;
  } else {
    pending_.push_back({seq, last_.index});
  }
}

void RaftLog::TruncateFrom(Index from) {
  REQUIRE(from > start_.entry.index && from <= last_.index);
  const Index kept = Before(from);
  while (!terms_.empty() && terms_.back().first >= from) terms_.pop_back();
  last_ = {kept, terms_.empty() ? start_.entry.term : terms_.back().term};
  if (from <= cached_from_) {
    cache_.clear();
    cached_bytes_ = 0;
    cached_from_ = from;
  }
  while (Next(kept) < cached_from_ + Count(cache_.size())) {
    cached_bytes_ -= CostOf(cache_.back());
    cache_.pop_back();
  }
  durable_ = std::min(durable_, kept);
  for (PendingWrite& write : pending_) write.last = std::min(write.last, kept);
  while (!pending_.empty() && pending_.back().last <= durable_ && reset_write_ == PersistSeq()) {
    pending_.pop_back();
  }
}

void RaftLog::DropPrefix(LogStart start) {
  REQUIRE(Holds(start.entry));
  REQUIRE(start.entry.index <= durable_);
  while (cached_from_ <= start.entry.index && !cache_.empty()) ForgetFirst();
  if (cached_from_ <= start.entry.index) cached_from_ = Next(start.entry.index);
  while (terms_.size() > 1 && terms_[1].first <= Next(start.entry.index))
    terms_.erase(terms_.begin());
  if (last_.index == start.entry.index) {
    terms_.clear();
  } else if (terms_.front().first <= start.entry.index) {
    terms_.front().first = Next(start.entry.index);
  }
  start_ = std::move(start);
}

void RaftLog::Reset(LogStart start, PersistSeq seq) {
  start_ = std::move(start);
  last_ = start_.entry;
  durable_ = start_.entry.index;
  cached_from_ = Next(last_.index);
  cache_.clear();
  cached_bytes_ = 0;
  terms_.clear();
  pending_.clear();
  reset_write_ = seq;
}

PersistSeq RaftLog::WriteOf(Index index) const {
  if (index <= durable_) return reset_write_;
  for (const PendingWrite& write : pending_) {
    if (write.last >= index) return write.seq;
  }
  UNREACHABLE("an entry that is neither durable nor in a write");
}

void RaftLog::OnPersisted(PersistSeq upto) {
  if (reset_write_ <= upto) reset_write_ = PersistSeq();
  while (!pending_.empty() && pending_.front().seq <= upto) {
    durable_ = std::max(durable_, pending_.front().last);
    pending_.pop_front();
  }
}

void RaftLog::TrimCache(std::size_t entries, std::size_t bytes) {
  while ((cache_.size() > entries || cached_bytes_ > bytes) && cached_from_ <= durable_) {
    ForgetFirst();
  }
}

void RaftLog::ForgetFirst() {
  cached_bytes_ -= CostOf(cache_.front());
  cache_.pop_front();
  cached_from_ = Next(cached_from_);
}

}  // namespace quorate
