// sim/check/ghost_group.h — what is true of one Raft group in the whole cluster.
//
// Model: every entry that was ever made, by (index, term), with the digest of its whole prefix; who led in
//   which term; the one sequence of committed entries and the term of the leader that committed each first;
//   the digest of the state machine at each applied index.
// Invariants: a committed entry never changes. Index 0, term 0, is known and committed from the beginning.
// Cost: O(1) a look-up while logs agree, O(log n) where they do not.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/raft/types.h"
#include "sim/check/ghost_disk.h"

namespace quorate::sim {

class GroupGhost {
 public:
  GroupGhost();

  // ---- entries ----------------------------------------------------------------------------------------
  // nullptr: nobody ever made such an entry (or it was forgotten, see `forgotten`).
  const GhostEntry* Find(EntryId entry) const;
  // Requires: !Find({index, entry.term}).
  void Make(Index index, const GhostEntry& entry);
  // Everything below this index is not known any more.
  Index forgotten() const { return base_; }
  void ForgetBelow(Index index);
  // A group that is found with a past nobody saw: that past counts as committed.
  void Adopt(EntryId start);

  // ---- commitment -------------------------------------------------------------------------------------
  Index committed() const { return committed_; }
  // nullptr: not committed, or forgotten.
  const GhostEntry* Committed(Index index) const;
  // Extends the committed sequence by one. Requires: index = committed + 1 and the entry is known.
  void Commit(Index index, Term entry_term, Term by);
  // The greatest index whose commitment was by a leader of a term below `term`.
  Index CommittedBefore(Term term) const;

  // Some node was told that the namespace is gone: nobody needs to hold anything of it any more.
  bool dropped = false;

  // ---- configurations ---------------------------------------------------------------------------------
  absl::btree_map<EntryId, Configuration> configurations;  // that were ever appended
  std::vector<EntryId> placed;                             // those of them that were committed

  // ---- snapshots --------------------------------------------------------------------------------------
  // The bytes of each chunk of the state at an index, as first seen on the wire.
  absl::btree_map<std::pair<Index, std::uint64_t>, Digest> chunks;

  // ---- leaders ----------------------------------------------------------------------------------------
  absl::btree_map<Term, NodeId> leaders;

  // ---- state machines ---------------------------------------------------------------------------------
  // The digest first seen at this applied index; nullopt: none yet.
  std::optional<Digest> MachineAt(Index index) const;
  void SetMachine(Index index, Digest digest);

 private:
  struct Run {
    Index upto;
    Term by;
  };
  Index base_;                    // of `first_`
  std::deque<GhostEntry> first_;  // one a index: the committed one, else the first that was made
  absl::btree_map<EntryId, GhostEntry> others_;
  Index committed_;
  std::vector<Run> runs_;
  Index machine_base_;
  std::deque<std::optional<Digest>> machines_;
};

}  // namespace quorate::sim
