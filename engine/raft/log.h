// engine/raft/log.h — a group's log as the engine sees it.
//
// Model: entries (start, last]. The terms of all of them are known as runs; the entries themselves are kept
//   from `cached_from()` on (always the undurable tail, and a bounded part behind it, applied or not) and read through the
//   log port below that. An entry is *durable* once the write that holds it was reported so.
// Invariants: start <= durable <= last (but durable = 0 while a reset is being written); runs ascend in index and term; the undurable tail is cached.
// Units: indexes are log positions. Errors: wrong calls are assertions.
// Source: Raft dissertation 3.5; durability by write number instead of index, so that an answer to an
//   overtaken append proves nothing (etcd-io/raft's async_storage_writes_append_aba_race).
#pragma once
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/record.h"

namespace quorate {

class RaftLog {
 public:
  // As found at boot: everything durable, nothing cached.
  RaftLog(LogStart start, Index last, std::vector<TermRun> terms);

  const LogStart& start() const { return start_; }
  Index first() const { return Next(start_.entry.index); }
  EntryId last() const { return last_; }
  // 0 while the write that reset the log is itself not durable.
  Index durable() const { return reset_write_ == PersistSeq() ? durable_ : Index(); }
  Index cached_from() const { return cached_from_; }  // = last + 1 when nothing is cached

  // The term of the entry at `index`; nullopt outside [start, last]. Never 0 for "not there".
  std::optional<Term> TermAt(Index index) const;
  bool Holds(EntryId entry) const { return TermAt(entry.index) == entry.term; }
  bool IsCached(Index index) const { return index >= cached_from_ && index <= last_.index; }
  // Requires: IsCached(index).
  const Entry& At(Index index) const;

  // The greatest index <= bound.index whose term is <= bound.term (at least the start).
  EntryId Agreement(EntryId bound) const;

  // Appends at last + 1, as part of write `seq`.
  void Append(std::span<const Entry> entries, PersistSeq seq);
  // Drops every entry from `from` on. Requires: start < from <= last.
  void TruncateFrom(Index from);
  // The log begins behind `start.entry` from now on; entries after it stay. Requires: Holds(start.entry).
  void DropPrefix(LogStart start);
  // No entries, this start, as part of write `seq` (0: it is durable already).
  void Reset(LogStart start, PersistSeq seq);

  // The write that an assertion about entries up to `index` rests on; 0 if they are durable.
  PersistSeq WriteOf(Index index) const;
  void OnPersisted(PersistSeq upto);

  // Forgets durable entries, oldest first, until at most `entries` of at most `bytes` (by CostOf) are cached.
  void TrimCache(std::size_t entries, std::size_t bytes);
  std::size_t cached_bytes() const { return cached_bytes_; }

  const std::vector<TermRun>& terms() const { return terms_; }
  friend bool operator==(const RaftLog&, const RaftLog&) = default;

 private:
  struct PendingWrite {
    PersistSeq seq;
    Index last;  // last index that this write holds and no later truncation took
    friend bool operator==(const PendingWrite&, const PendingWrite&) = default;
  };
  void ForgetFirst();

  LogStart start_;
  EntryId last_;
  Index durable_;
  Index cached_from_;
  std::deque<Entry> cache_;
  std::size_t cached_bytes_ = 0;  // of cache_
  std::vector<TermRun> terms_;
  std::deque<PendingWrite> pending_;  // ascending in seq and in last
  PersistSeq reset_write_;            // 0 = durable
};

}  // namespace quorate
