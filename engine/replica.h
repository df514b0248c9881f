// engine/replica.h — everything one node believes, as a value that steps.
//
// Model: `Step(Now, Input) -> Effects`. No I/O, no clock, no thread, no randomness but what is keyed by
//   Options::seed. A replica holds the system group, whose catalogue is applied inside the step, one Raft
//   group per namespace, and the client requests that this node took. It can be copied, compared, hashed
//   and written out.
// Invariants: those of each group; writes are numbered without gaps; every queue is within its limit.
// Time: `NextWakeup` says when a `Wakeup` is due at the latest; an earlier one does no harm.
// Errors: a peer's bad message is a counted drop; a failed own disk stops the replica (`stopped`).
// Threads: none.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/catalogue.h"
#include "engine/effect.h"
#include "engine/forwarding.h"
#include "engine/options.h"
#include "engine/peers.h"
#include "engine/raft/raft.h"
#include "engine/record.h"

namespace quorate {

class Replica {
 public:
  // Boots from what the stores hold. Requires: Validate(options) is OK.
  Replica(const Recovered& recovered, const Options& options);

  // The effects of booting. Once, before the first Step.
  const Effects& Start(Now now);
  // Feeds one input; the effects are to be carried out in order, before the next step. The reference is
  // good until then. A stopped replica answers with nothing.
  const Effects& Step(Now now, const Input& input);
  // When a Wakeup is due, on the monotonic clock; kNever if nothing is waited for.
  MonoTime NextWakeup() const;

  // ---- state, for host, checkers and traces ------------------------------------------------------------
  NodeId self() const { return identity_.node; }
  const Identity& identity() const { return identity_; }
  BootNumber boot() const { return boot_; }
  bool stopped() const { return stopped_.has_value(); }
  std::optional<StopReason> stop_reason() const { return stopped_; }
  // nullptr: no such group here (yet).
  const Raft* group(GroupId group) const;
  const absl::btree_map<GroupId, Raft>& groups() const { return groups_; }
  const Catalogue& catalogue() const { return catalogue_; }
  PersistSeq last_write() const { return out_.last_seq_; }
  PersistSeq durable_write() const { return durable_; }
  const Effects& last_effects() const { return out_.effects_; }
  // Groups that the last step may have changed.
  const std::vector<GroupId>& touched() const { return touched_; }
  std::uint64_t drops(DropReason reason) const {
    return out_.drops_[static_cast<std::size_t>(reason)];
  }
  std::uint64_t refused_proposals(DropReason reason) const {
    return out_.refused_proposals_[static_cast<std::size_t>(reason)];
  }
  // Why others did not vote for this node.
  std::uint64_t refused_votes(DropReason reason) const {
    return out_.refused_votes_[static_cast<std::size_t>(reason)];
  }
  std::size_t requests_under_way() const { return forwarding_.size(); }
  const Forwarding& forwarding() const { return forwarding_; }
  bool disk_stalled(MonoTime now) const;

  Digest StateDigest() const;
  std::string Render() const;

 private:
  struct PendingWrite {
    PersistSeq seq;
    MonoTime since;
    absl::InlinedVector<GroupId, 2> groups;
  };

  StepContext ContextAt(Now now);
  Forwarding::Context ForwardingAt(StepContext& step) {
    return {.step = step,
            .groups = groups_,
            .catalogue = catalogue_,
            .identity = identity_,
            .boot = boot_};
  }
  void Touch(GroupId group);
  Raft* Find(GroupId group);

  void Take(StepContext& context, const Input& input);
  void OnFrame(StepContext& context, const FrameReceived& frame);
  void OnHeartbeat(StepContext& context, NodeId from, const Heartbeat& heartbeat);
  void OnHeartbeatReply(StepContext& context, NodeId from, const HeartbeatReply& reply);
  void OnLinkUp(StepContext& context, const LinkUp& up);
  void OnWakeup(StepContext& context);
  void OnPersisted(StepContext& context, PersistSeq upto);
  void OnMapFlushed(StepContext& context, const MapFlushed& flushed);

  void Settle(StepContext& context);
  void ActOnEvents(StepContext& context);
  void ApplyCatalogue(StepContext& context, const RaftEvents::CatalogueEntries& entries);
  void FollowCatalogue(StepContext& context, Index applied);
  void BearGroup(StepContext& context, GroupId group, const Configuration& configuration);
  void DropDeadGroup(StepContext& context, GroupId group);
  void SendHeartbeats(StepContext& context);
  void AnswerHeartbeats(StepContext& context);
  void StartFlush(StepContext& context);
  void Halt(StepContext& context, StopReason reason);
  void UpdateTimers(StepContext& context);
  const Effects& Seal(Now now);

  Identity identity_;
  BootNumber boot_;
  Options options_;
  PeerTable peers_;
  absl::btree_map<GroupId, Raft> groups_;
  absl::btree_set<GroupId> led_;  // groups that this node leads
  Catalogue catalogue_;
  Payload catalogue_bytes_;
  Index replay_end_;  // of the system log as found at boot; 0 once it is applied so far
  Forwarding forwarding_;

  Outbox out_;
  PersistSeq durable_;
  PersistSeq boot_write_;  // 0 once durable: nothing leaves before
  std::deque<PendingWrite> pending_writes_;
  PortRequest last_port_request_;
  Space space_ = Space::kEnough;

  MonoTime heartbeat_at_ = kNever;  // of all groups that this node leads
  MonoTime group_wakeup_ = kNever;  // no group's timer is due before
  bool beat_due_ = false;
  PortRequest flush_;  // under way; 0 = none
  bool flush_wanted_ = false;
  std::vector<GroupId> touched_;
  std::vector<GroupId> unsettled_;
  std::optional<StopReason> stopped_;
};

}  // namespace quorate
