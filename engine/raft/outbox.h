// engine/raft/outbox.h — where a step's wishes are collected.
//
// Model: one per replica, emptied at every step. Records of all groups become *one* write with the number
//   `seq`; effects keep their order. Counters live here too: what was dropped, which proposals were refused,
//   and why others refused their votes, each by reason.
#pragma once
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/effect.h"
#include "engine/options.h"
#include "engine/peers.h"

namespace quorate {

// What a group tells its replica in a step, for the replica to act on at the end of it.
struct RaftEvents {
  struct Confirmed {  // reads of this node, asked under `id`, may be answered at `index`
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
  struct
      Answered {  // a leader elsewhere says what became of a forwarded request, or that it took none
    GroupId group;
    ForwardedOutcome outcome;
  };
  struct NotConfirmed {
    GroupId group;
    std::uint64_t id = 0;
  };
  struct HeartbeatAnswer {
    NodeId to;
    PersistSeq after;
    HeartbeatReplyItem item;
  };
  struct
      CatalogueEntries {  // of the system group, committed: the replica applies them in this step
    Index first;
    EntryList entries;
  };
  std::vector<Confirmed> confirmed;
  std::vector<NotConfirmed> not_confirmed;
  std::vector<Resolved> resolved;
  std::vector<Answered> answered;
  std::vector<GroupId> touched;           // something was proposed or asked
  std::vector<GroupId> leader_changed;    // whom the group follows, as known here
  std::vector<GroupId> heartbeat_wanted;  // at once, not at the next beat
  std::vector<GroupId> flush_wanted;
  std::vector<HeartbeatAnswer> heartbeat_answers;
  std::vector<CatalogueEntries> catalogue_entries;
  std::optional<Payload> catalogue_installed;
  std::optional<StopReason> fatal;

  void Clear();
};

class Outbox {
 public:
  // Adds a record to this step's write and returns the write's number.
  PersistSeq Record(LogRecord record) {
    records_.push_back(std::move(record));
    return Next(last_seq_);
  }
  void Emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void Drop(DropReason reason) { ++drops_[static_cast<std::size_t>(reason)]; }
  void RefuseProposal(DropReason reason) { ++refused_proposals_[static_cast<std::size_t>(reason)]; }
  // A voter said no to a candidacy of this node. What it says may be nothing: it is counted all the same.
  void RefusedVote(DropReason reason) { ++refused_votes_[static_cast<std::size_t>(reason)]; }

  RaftEvents events;

 private:
  friend class Replica;
  Effects effects_;
  std::vector<LogRecord> records_;
  PersistSeq last_seq_;
  // The last one is for "no reason given".
  using CountByReason =
      std::array<std::uint64_t, static_cast<std::size_t>(DropReason::kCount_) + 1>;
  CountByReason drops_{};
  CountByReason refused_proposals_{};
  CountByReason refused_votes_{};
};

// What every handler of a step gets.
struct StepContext {
  Now now;
  const Options& options;
  const PeerTable& peers;
  Outbox& out;
  PortRequest& last_port_request;  // questions to ports are numbered over all groups
  PersistSeq boot_write;           // nothing leaves before it; 0 once durable
  Space space = Space::kEnough;
  bool disk_stalled = false;  // the oldest write waits for longer than an election timeout
  const Payload& catalogue;   // of the system group, as applied; encoded
};

}  // namespace quorate
