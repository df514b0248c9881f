// engine/raft/outbox.h — where a step's wishes are collected.
//
// Model: one per replica, emptied at every step. Records of all groups become *one* write with the number
//   `seq`; effects keep their order. Counters of what was dropped, by reason, live here too.
#pragma once
#include <array>
#include <vector>

#include "engine/base/time.h"
#include "engine/effect.h"
#include "engine/options.h"

namespace quorate {

// What a group tells its replica in a step, for the replica to act on at the end of it.
struct RaftEvents {
  struct Confirmed {  // a read of this node may be answered at `index`
    GroupId group;
    std::uint64_t id = 0;
    Index index;
  };
  struct Resolved {  // what became of a proposal made at this node
    GroupId group;
    RequestId request;
    Index took_effect;
    Payload reply;
  };
  struct HeartbeatWanted {
    GroupId group;
  };
  std::vector<Confirmed> confirmed;
  std::vector<Resolved> resolved;
  std::vector<GroupId> leader_changed;     // leader or term as known here
  std::vector<GroupId> heartbeat_wanted;   // at once, not at the next beat
  std::vector<GroupId> applied_changed;
  std::vector<GroupId> flush_wanted;
  void Clear();
};

class Outbox {
 public:
  // Adds a record to this step's write and returns the write's number.
  PersistSeq Record(LogRecord record);
  void Emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void Drop(DropReason reason) { ++drops_[static_cast<std::size_t>(reason)]; }

  PersistSeq next_seq() const { return Next(last_seq_); }
  bool has_records() const { return !records_.empty(); }

  RaftEvents events;

 private:
  friend class Replica;
  Effects effects_;
  std::vector<LogRecord> records_;
  PersistSeq last_seq_;
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::kCount_)> drops_{};
};

// What every handler of a step gets.
struct StepContext {
  Now now;
  const Options& options;
  Outbox& out;
  const class PeerTable& peers;   // link session of each peer
  PortRequest& last_port_request; // questions to ports, numbered over all groups
  Space space = Space::kEnough;
  bool disk_stalled = false;      // the oldest write has been waiting for longer than an election timeout
};

}  // namespace quorate
