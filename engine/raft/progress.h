// engine/raft/progress.h — the leader's view of one peer.
//
// Model: a peer is probed (one empty message at a time, to find where the logs agree), replicated to (a
//   window of messages in flight), or sent a snapshot. One that said that its disk is full is paused beside
//   that: nothing but heartbeats goes there for a while, and no answer of it ends the pause.
// Invariants: match < next; nothing in flight unless replicating; the window is within its limits, one
//   message beyond excepted; match never falls within a leadership.
// Units: indexes are log positions; the window is limited in messages and in bytes.
// Source: Raft dissertation 10.2.1; states as in etcd-io/raft.
#pragma once
#include <deque>
#include <optional>

#include "engine/base/time.h"
#include "engine/raft/types.h"

namespace quorate {

enum class ProgressState : std::uint8_t { kProbe, kReplicate, kSnapshot };
const char* NameOf(ProgressState state);

struct InFlight {
  Index first;
  Index last;
  std::size_t bytes = 0;
  friend bool operator==(const InFlight&, const InFlight&) = default;
};

struct Progress {
  NodeId node;
  ProgressState state = ProgressState::kProbe;
  Index match;
  Index next{1};
  std::deque<InFlight> in_flight;
  std::size_t in_flight_bytes = 0;
  bool probe_sent = false;      // one probe is out; nothing more until an answer or a heartbeat's
  MonoTime last_contact{};      // when a valid answer of this leadership last came
  MonoTime resend_at = kNever;  // when what is out counts as lost
  Duration resend_after{};      // doubles with every resend, up to the election timeout
  std::optional<MonoTime> paused_until;  // without space
  ReadCounter read_counter;              // the latest read round it answered
  Index commit_sent;                     // the greatest commit index it was told
  PortRequest log_read;                  // entries for it are being read; 0 = none
  SnapshotName snapshot;  // kSnapshot: what is being sent; generation 0 until the view is open
  std::uint64_t next_chunk = 0;  // kSnapshot
  PortRequest chunk_read;        // kSnapshot: this chunk is being read; 0 = none
  friend bool operator==(const Progress&, const Progress&) = default;
};

}  // namespace quorate
