#include "engine/eventual/origin_log.h"

#include <algorithm>

namespace quorate {

OriginLog::OriginLog(OriginPlace dropped, OriginPlace last, OriginSeq merged)
    : dropped_(dropped),
      last_(last),
      durable_(last.seq),
      merged_(merged),
      cached_from_(Next(last.seq)) {
  REQUIRE(dropped.seq <= merged && merged <= last.seq);
}

OriginLog::Fit OriginLog::Look(const OriginPlace& before,
                               std::span<const OriginEntry> entries) const {
  if (entries.empty()) return Fit::kMalformed;
  Stamp stamp = before.stamp;
  for (const OriginEntry& entry : entries) {
    if (entry.stamp <= stamp) return Fit::kMalformed;
    stamp = entry.stamp;
  }
  if (before.seq > last_.seq) return Fit::kGap;
  // What both name must be the same; what is known here only as a number is taken on trust until the first
  // place that is kept.
  OriginPlace at = before;
  for (std::size_t i = 0;; ++i) {
    const std::optional<OriginPlace> here = PlaceAt(at.seq);
    if (here && *here != at) return Fit::kForked;
    if (at.seq == last_.seq) return i == entries.size() ? Fit::kKnown : Fit::kNext;
    if (i == entries.size()) return Fit::kKnown;
    at.chain = ChainOf(at.chain, Next(at.seq), entries[i]);
    at.stamp = entries[i].stamp;
    at.seq = Next(at.seq);
  }
}

void OriginLog::Append(std::span<const OriginEntry> entries, PersistSeq seq) {
  REQUIRE(!entries.empty());
  for (const OriginEntry& entry : entries) {
    INVARIANT(entry.stamp > last_.stamp);
    last_.seq = Next(last_.seq);
    last_.stamp = entry.stamp;
    last_.chain = ChainOf(last_.chain, last_.seq, entry);
    cache_.push_back({entry, last_.chain});
  }
  if (!pending_.empty() && pending_.back().write == seq) {
    pending_.back().last = last_.seq;
  } else {
    pending_.push_back({seq, last_.seq});
  }
}

void OriginLog::OnPersisted(PersistSeq upto) {
  while (!pending_.empty() && pending_.front().write <= upto) {
    durable_ = pending_.front().last;
    pending_.pop_front();
  }
}

void OriginLog::OnMerged(OriginSeq upto) {
  REQUIRE(merged_ <= upto && upto <= durable_);
  merged_ = upto;
}

void OriginLog::DropTo(const OriginPlace& place) {
  REQUIRE(dropped_.seq <= place.seq && place.seq <= merged_);
  const std::optional<OriginPlace> here = PlaceAt(place.seq);
  REQUIRE(!here || *here == place);
  dropped_ = place;
  while (!cache_.empty() && cached_from_ <= place.seq) {
    cache_.pop_front();
    cached_from_ = Next(cached_from_);
  }
  cached_from_ = std::max(cached_from_, Next(place.seq));
}

const OriginEntry& OriginLog::At(OriginSeq seq) const {
  REQUIRE(IsCached(seq));
  return cache_[seq.value() - cached_from_.value()].entry;
}

std::optional<OriginPlace> OriginLog::PlaceAt(OriginSeq seq) const {
  if (seq == last_.seq) return last_;
  if (seq == dropped_.seq) return dropped_;
  if (!IsCached(seq)) return std::nullopt;
  const Kept& kept = cache_[seq.value() - cached_from_.value()];
  return OriginPlace{seq, kept.entry.stamp, kept.chain};
}

PersistSeq OriginLog::WriteOf(OriginSeq seq) const {
  REQUIRE(seq <= last_.seq);
  if (seq <= durable_) return PersistSeq();
  const auto write =
      std::lower_bound(pending_.begin(), pending_.end(), seq,
                       [](const PendingWrite& one, OriginSeq at) { return one.last < at; });
  INVARIANT(write != pending_.end());
  return write->write;
}

void OriginLog::TrimCache(std::size_t entries) {
  while (cache_.size() > entries && cached_from_ <= merged_) {
    cache_.pop_front();
    cached_from_ = Next(cached_from_);
  }
}

}  // namespace quorate
