// sim/check/ghost_disk.h — what each node's log store holds, by the checkers' own account.
//
// Model: two images of every group at every node: *written* (all that the node asked to be written) and
//   *durable* (what a sync has covered). Between them a queue of operations, one a log record, in order. A
//   crash makes the written image the durable one plus the operations that happened to survive.
//   An entry is its term and the rolling digest of the log up to and with it: two logs with equal prefix
//   digests at an index are equal up to there.
// Invariants: entries are contiguous behind the start. Whether an operation may be made at all is judged
//   before it gets here; an image takes what it can.
// Cost: O(1) an entry. Threads: one.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/prf.h"
#include "engine/record.h"

namespace quorate::sim {

struct GhostEntry {
  Term term;
  std::uint64_t prefix = 0;
  bool configuration = false;
  friend bool operator==(const GhostEntry&, const GhostEntry&) = default;
};

// The rolling digest behind one more entry.
inline std::uint64_t PrefixAfter(std::uint64_t before, const Entry& entry) {
  return Mix(Mix(before ^ Mix(entry.term.value() * 8 + static_cast<std::uint64_t>(entry.kind))) ^
             entry.payload.digest().value ^ entry.payload.size());
}

struct GhostStart {
  EntryId entry;
  std::uint64_t prefix = 0;
  Generation generation{1};
  Index configuration_index;
  Configuration configuration;
};

class GroupImage {
 public:
  bool exists = false;
  HardState hard;

  const GhostStart& start() const { return start_; }
  Index last() const { return Index(start_.entry.index.value() + size()); }
  EntryId last_entry() const;
  // nullptr outside (start, last].
  const GhostEntry* At(Index index) const;
  // Of the log up to and with `index`; nullopt outside [start, last].
  std::optional<std::uint64_t> PrefixAt(Index index) const;
  std::optional<Term> TermAt(Index index) const;
  // Of the last configuration entry in the log; nullopt: the start's counts.
  std::optional<Index> LastConfiguration() const;
  const std::vector<Index>& configurations() const { return configurations_; }

  void Append(const GhostEntry& entry);  // at last + 1
  void TruncateFrom(Index from);
  void DropPrefix(const GhostStart& start);
  void Reset(const GhostStart& start);

 private:
  std::size_t size() const { return entries_.size() - head_; }
  GhostStart start_;
  std::vector<GhostEntry> entries_;  // those before `head_` are dropped
  std::size_t head_ = 0;
  std::vector<Index> configurations_;
};

class NodeDisk {
 public:
  enum class Kind : std::uint8_t {
    kHardState,
    kTruncate,
    kAppend,
    kDropPrefix,
    kReset,
    kDropGroup
  };
  struct Op {
    PersistSeq seq;
    std::uint32_t slot = 0;
    Kind kind = Kind::kHardState;
    HardState hard;           // kHardState
    Index from;               // kTruncate
    std::uint32_t count = 0;  // kAppend
  };

  // The images of the group in `slot`, made if need be.
  GroupImage& written(std::uint32_t slot) { return At(written_, slot); }
  GroupImage& durable(std::uint32_t slot) { return At(durable_, slot); }
  std::size_t slots() const { return written_.size(); }
  PersistSeq durable_upto() const { return durable_upto_; }
  PersistSeq last_written() const { return last_written_; }

  // Each changes the written image at once and the durable one when its write is durable.
  void SetHardState(PersistSeq seq, std::uint32_t slot, HardState hard);
  void TruncateFrom(PersistSeq seq, std::uint32_t slot, Index from);
  void Append(PersistSeq seq, std::uint32_t slot, std::span<const GhostEntry> entries);
  void DropPrefix(PersistSeq seq, std::uint32_t slot, GhostStart start);
  void Reset(PersistSeq seq, std::uint32_t slot, GhostStart start);
  void DropGroup(PersistSeq seq, std::uint32_t slot);
  // A write without any operation on a group, too.
  void Wrote(PersistSeq seq);

  // The next operation that is not durable yet but covered by `upto`; nullptr if there is none.
  const Op* Covered(PersistSeq upto) const;
  // Makes that operation durable. Requires: there is one.
  void Fold();
  void SetDurable(PersistSeq upto);
  // An operation of this kind that is not durable yet.
  bool HasPending(Kind kind) const;
  const std::deque<Op>& pending() const { return ops_; }

  // The written images are the durable ones from now on; write numbers begin anew.
  void Restart();

 private:
  static GroupImage& At(std::vector<GroupImage>& images, std::uint32_t slot);
  std::vector<GroupImage> written_;
  std::vector<GroupImage> durable_;
  std::deque<Op> ops_;
  std::deque<GhostEntry> op_entries_;  // of the appends in `ops_`, in order
  std::deque<GhostStart> op_starts_;   // of the kDropPrefix and kReset in `ops_`
  PersistSeq durable_upto_;
  PersistSeq last_written_;
};

}  // namespace quorate::sim
