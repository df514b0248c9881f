// Who votes, and how that changes. Source: Raft dissertation 4.1, 4.3.
//
// A configuration is active from the moment its entry is appended; it is derived again from start and log
// after every truncation and install.
#include <algorithm>
#include <utility>

#include "engine/raft/raft.h"

namespace quorate {

const Configuration& Raft::configuration() const {
  return configurations_.empty() ? log_.start().configuration
                                 : configurations_.back().configuration;
}

Index Raft::configuration_index() const {
  return configurations_.empty() ? log_.start().configuration_index : configurations_.back().index;
}

PlacedConfiguration Raft::ConfigurationAt(Index index) const {
  for (auto placed = configurations_.rbegin(); placed != configurations_.rend(); ++placed) {
    if (placed->index <= index) return *placed;
  }
  return {log_.start().configuration_index, log_.start().configuration};
}

// Whether the last configuration takes this node's vote away and is not known to be committed. Then the node may
// still have to lead, for it may hold a longer log than all who vote from now on: of (1 2) node 2 appends (1),
// sends it to nobody and restarts. Node 1 needs its vote, and cannot have it. (Dissertation 4.2.2, figure 4.6.)
bool Raft::VotedUntilNow() const {
  return configuration_index() > commit_ && !configuration().IsVoter(self_) &&
         ConfigurationAt(Before(configuration_index())).configuration.IsVoter(self_);
}

// A refusal of a vote because the candidate's log is the shorter one. If this node only listens, it is the mirror of the
// above: no configuration here gives it a vote, but somebody has asked for it, so there is a later one that does. Of
// (1 2 3) and the learner 4, node 1 appends (1 2 3 4) and sends it to nobody; 2, elected by 3, sends its barrier to 4
// alone and dies. Now 1 needs 4, whose log is longer; 3 needs 1, whose log is longer; and nobody but 4 can lead. It
// campaigns by the configuration that it has, does not count itself, and makes way once its barrier is committed.
void Raft::NoteShorterLog() {
  if (Contains(configuration().learners, self_)) is_counted_on_ = true;
}

bool Raft::InContactWithQuorum(const StepContext& context, const Configuration& of) const {
  return IsQuorum(of, [&](NodeId voter) {
    if (voter == self_) return true;
    const Progress* peer = progress(voter);
    return peer != nullptr && IsInContact(context, *peer);
  });
}

// The leader's peers are the members of the active configuration, itself left out.
void Raft::SyncPeers(StepContext& context) {
  Leader& leader = std::get<Leader>(role_);
  std::vector<Progress> peers;
  for (const NodeId member : configuration().Members()) {
    if (member == self_) continue;
    if (Progress* known = FindPeer(member); known != nullptr) {
      peers.push_back(std::move(*known));
      continue;
    }
    Progress fresh;
    fresh.node = member;
    fresh.state =
        ProgressState::kProbe;  // it may hold nothing, and there may be nothing new to send it
    fresh.next = Next(log_.last().index);
    fresh.last_contact = context.now.mono;
    fresh.resend_after = context.options.resend;
    peers.push_back(std::move(fresh));
  }
  leader.peers = std::move(peers);
  CheckReadRound(context, leader);  // who was asked may be gone, and who is left may be enough
}

absl::Status Raft::WhyNotNow(const ChangeConfiguration& change, DropReason& reason) const {
  const auto refuse = [&](DropReason why, const char* text) {
    reason = why;
    return absl::FailedPreconditionError(text);
  };
  const Leader* leader = leadership();
  if (leader == nullptr) return refuse(DropReason::kNotInThisRole, "not the leader");
  if (leader->transfer) return refuse(DropReason::kHandingOver, "leadership is being handed over");
  if (commit_ < leader->barrier)
    return refuse(DropReason::kChangePending, "the barrier is not committed yet");
  if (configuration_index() > commit_) {
    return refuse(DropReason::kChangePending, "another configuration change is pending");
  }
  if (change.expected_epoch != configuration().epoch) {
    reason = DropReason::kOtherEpoch;
    return absl::AbortedError("the configuration has changed: its epoch is another one");
  }
  for (const MemberChange& one : change.changes) {
    if (one.kind != ChangeKind::kAddVoter || configuration().IsVoter(one.node)) continue;
    const Progress* peer = progress(one.node);
    if (peer == nullptr || peer->match < commit_) {
      return refuse(DropReason::kLogBehind, "a node votes only once it has caught up as a learner");
    }
  }
  return absl::OkStatus();
}

absl::Status Raft::ProposeConfiguration(StepContext& context, const ChangeConfiguration& change) {
  DropReason reason = DropReason::kCount_;
  if (absl::Status refused = WhyNotNow(change, reason); !refused.ok()) {
    context.out.RefuseProposal(reason);
    return refused;
  }
  absl::StatusOr<Configuration> next =
      change.changes.empty() ? Leave(configuration())
                             : Enter(configuration(), change.changes, change.transition);
  if (!next.ok()) {
    context.out.RefuseProposal(DropReason::kMalformed);
    return next.status();
  }
  // It is in force once it is appended, and nothing could take it back (etcd's strict reconfiguration check).
  if (!InContactWithQuorum(context, *next)) {
    context.out.RefuseProposal(DropReason::kOutOfContact);
    return absl::FailedPreconditionError("too few of those who are to vote are in contact");
  }
  std::string bytes;
  Encode(*next, bytes);
  AppendOwn(context, Entry{.term = hard_.term,
                           .kind = EntryKind::kConfiguration,
                           .payload = Payload(std::move(bytes))});
  configurations_.push_back({log_.last().index, *std::move(next)});
  SyncPeers(context);
  MaybeCommit(context);
  return absl::OkStatus();
}

// Called whenever a leader's commit index has risen. Any leader drives a joint state to its end
// (etcd #12136), once its barrier has committed.
void Raft::DriveConfiguration(StepContext& context) {
  const Leader& leader = std::get<Leader>(role_);
  if (commit_ < leader.barrier || configuration_index() > commit_) return;
  if (configuration().joint()) {
    if (!configuration().auto_leave || leader.transfer) return;
    absl::StatusOr<Configuration> next = Leave(configuration());
    INVARIANT(next.ok());
    std::string bytes;
    Encode(*next, bytes);
    AppendOwn(context, Entry{.term = hard_.term,
                             .kind = EntryKind::kConfiguration,
                             .payload = Payload(std::move(bytes))});
    configurations_.push_back({log_.last().index, *std::move(next)});
    SyncPeers(context);
    return;
  }
  // The committed configuration leaves this node out: it has done its duty.
  if (!configuration().IsVoter(self_)) BecomeFollower(context, hard_.term, NodeId());
}

}  // namespace quorate
