// engine/eventual/origin_log.h — what a replica holds of one origin's entries in an era.
//
// Model: entries (dropped, last], in order and without a gap. Each is *written* when it is appended, *durable* once
//   the write that holds it was reported so, and *merged* once the map has it. The chain digest of every entry that
//   is kept is known, so that a log that forked is seen where it forked. The last entries stay in memory, always
//   those that are not durable or not merged; older ones are read through the log port.
// Invariants: dropped <= merged <= durable <= last; stamps ascend strictly.
// Units: sequence numbers. Errors: wrong calls are assertions; what a peer sent is looked at by `Look`.
// Source: op-based replication with per-origin logs; durability by write number as in raft/log.h.
#pragma once
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/eventual/entry.h"

namespace quorate {

// A place in an origin's log: after the entry `seq`, whose stamp and chain these are. {} = before the first one.
struct OriginPlace {
  OriginSeq seq;
  Stamp stamp;
  Digest chain;
  friend bool operator==(const OriginPlace&, const OriginPlace&) = default;
};

class OriginLog {
 public:
  OriginLog() = default;
  // As found at boot: everything durable. Requires: dropped <= merged <= last.
  OriginLog(OriginPlace dropped, OriginPlace last, OriginSeq merged);

  const OriginPlace& dropped() const { return dropped_; }
  const OriginPlace& last() const { return last_; }
  OriginSeq durable() const { return durable_; }
  OriginSeq merged() const { return merged_; }

  // What entries `first`, `first` + 1, … that follow `before` are to this log.
  enum class Fit : std::uint8_t {
    kNext,       // some of them are new: those from last + 1 on
    kKnown,      // all of them are here
    kGap,        // they begin behind last + 1
    kForked,     // another log of this origin: damage here or there
    kMalformed,  // not in order
  };
  Fit Look(const OriginPlace& before, std::span<const OriginEntry> entries) const;

  // Appends at last + 1, as part of write `seq`. Requires: stamps ascend from last on.
  void Append(std::span<const OriginEntry> entries, PersistSeq seq);
  void OnPersisted(PersistSeq upto);
  // Requires: merged <= upto <= durable.
  void OnMerged(OriginSeq upto);
  // Entries up to this place are not kept any more. Requires: dropped <= place.seq <= merged; this log goes through it.
  void DropTo(const OriginPlace& place);

  bool IsCached(OriginSeq seq) const { return seq >= cached_from_ && seq <= last_.seq; }
  // Requires: IsCached(seq).
  const OriginEntry& At(OriginSeq seq) const;
  // The place after entry `seq`; nullopt: not kept in memory.
  std::optional<OriginPlace> PlaceAt(OriginSeq seq) const;
  // The write that holds the entries up to `seq`; 0 if they are durable.
  PersistSeq WriteOf(OriginSeq seq) const;
  // Forgets entries that are merged, oldest first, until at most `entries` are in memory.
  void TrimCache(std::size_t entries);

  friend bool operator==(const OriginLog&, const OriginLog&) = default;

 private:
  struct Kept {
    OriginEntry entry;
    Digest chain;  // after it
    friend bool operator==(const Kept&, const Kept&) = default;
  };
  struct PendingWrite {
    PersistSeq write;
    OriginSeq last;
    friend bool operator==(const PendingWrite&, const PendingWrite&) = default;
  };

  OriginPlace dropped_;
  OriginPlace last_;
  OriginSeq durable_;
  OriginSeq merged_;
  OriginSeq cached_from_{1};
  std::deque<Kept> cache_;
  std::deque<PendingWrite> pending_;
};

}  // namespace quorate
