// sim/history/serial_check.h — layer 0: every operation against its serial point, while the run goes on.
//
// Model: the committed stream of each group is replayed once by a reference model that shares no code with
//   the state machine (codec and envelope excepted). A reply carries the index where it takes its place.
//   Order: writes by index; a read at i between i and i + 1; reads at one i by invocation. That order is a
//   linearization if three rules hold, and the check is complete for reads, scans and batches alike:
//     legality    the reply is what the model answers at that index;
//     real time   with W = the greatest index any operation of the group had shown when this one was
//                 invoked: a write's index > W, a read's >= W (not of a stale read);
//     uniqueness  a (session, sequence number) takes effect at one index.
// Reported ids: LIN-1 legality (of stale reads too; I-53) · LIN-2 real time (of reads: I-17) · LIN-3 a serial
//   index that is not committed, or not this operation's · I-50 exactly-once: an effect at two indexes, or
//   a retry answered with other bytes · I-51 session rules · I-54 a version that is not its write's index,
//   a revision that goes back · I-81 an operation that "certainly failed" stands in the committed log.
//   Of states on their way (`OnChunk`): I-32 a row that is not the model's, or is left out.
//   Of replicas (`OnApplied`): I-15 applied beyond what is committed · I-53 an entry answered otherwise than
//   the model does, or I-50, I-51, I-54 as above.
// Duties of the world: `OnCommitted` without gaps, in order, and *before* any reply that rests on the entry.
//   The system group is ignored.
// Cost: O(log n) an operation; versions and replies are kept back to the oldest open operation and at least
//   `kKeepEntries` entries (for stale reads); what is older than that is not checked but counted.
// Threads: none. Errors: violations go to `Verdicts`; wrong calls are assertions.
#pragma once
#include <cstdint>
#include <memory>

#include "absl/container/btree_map.h"
#include "engine/input.h"
#include "engine/options.h"
#include "engine/raft/message.h"
#include "sim/check/violation.h"
#include "sim/history/history.h"

namespace quorate::sim {

class SerialChecker {
 public:
  static constexpr std::uint64_t kKeepEntries = 4096;

  struct Counts {
    std::uint64_t entries = 0;     // committed entries replayed
    std::uint64_t operations = 0;  // completed with a reply, and checked
    std::uint64_t reads = 0;       // of these: reads and scans
    std::uint64_t retries = 0;     // entries that were answered from the table of sessions
    std::uint64_t refused = 0;     // entries refused for their session
    std::uint64_t evictions = 0;   // sessions evicted
    std::uint64_t unchecked = 0;   // stale reads of a state no longer kept
  };

  // `verdicts` must outlive the checker.
  SerialChecker(const KvLimits& limits, Verdicts& verdicts);
  ~SerialChecker();
  SerialChecker(SerialChecker&&) noexcept;
  SerialChecker(const SerialChecker&) = delete;

  // The next entry that the cluster has committed in `group`. An index already told is ignored.
  // Requires: no gap. A group's first entry is the one after `OnGroupBorn`, or index 1.
  void OnGroupBorn(GroupId group, Index start);
  void OnCommitted(GroupId group, Index index, const Entry& entry);
  // What a replica's state machine said of an entry (also in a replay after a restart): compared with the
  // model byte by byte. Requires: the entry was told by `OnCommitted`.
  void OnApplied(NodeId node, GroupId group, const ApplyResult& result);

  // A chunk of the state as of `chunk.name.entry` leaves the node: its rows are the model's there, and none is
  // left out (I-32). Each is looked at once, whoever sends it.
  void OnChunk(NodeId node, GroupId group, const SnapshotChunk& chunk);

  // The replies of this group need not be linearizable: LIN-1 to LIN-3 are not looked for. What replicas do still is.
  void Exempt(GroupId group);
  // As the recorder was told, right after it.
  void OnInvoke(OpId id, const Operation& operation);
  void OnComplete(OpId id, const Operation& operation);

  // Revision of the model at the last committed entry; for end checks against the replicas.
  Revision revision(GroupId group) const;
  Index committed(GroupId group) const;

  const CommittedEffects& effects() const;
  const Counts& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate::sim
