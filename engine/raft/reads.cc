// Reads that are linearizable without a log entry. Source: Raft dissertation 6.4.
//
// A round is confirmed by answers to heartbeats that were sent after its reads had come in; the leader's own
// counter says which (a token of the client's would be repeated by a retry: etcd-io/raft #397). No round
// begins before this leadership's barrier is committed: until then the commit index may be behind what an
// earlier leader has acknowledged (etcd #7331).
#include <utility>

#include "engine/raft/raft.h"

namespace quorate {

bool Raft::AskReadIndex(StepContext& context, ReadAsker asker) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    context.out.Drop(DropReason::kNotInThisRole);
    return false;
  }
  if (leader->waiting_reads.size() >= context.options.max_reads_per_round) {
    context.out.Drop(DropReason::kQueueFull);
    return false;
  }
  leader->waiting_reads.push_back(asker);
  if (leader->round.counter == ReadCounter()) StartReadRound(context, *leader);
  return true;
}

void Raft::StartReadRound(StepContext& context, Leader& leader) {
  if (commit_ < leader.barrier || leader.waiting_reads.empty()) return;
  if (leader.round.counter != ReadCounter()) return;
  leader.last_counter = Next(leader.last_counter);
  leader.round = {.counter = leader.last_counter,
                  .index = commit_,
                  .askers = std::exchange(leader.waiting_reads, {})};
  context.out.events.heartbeat_wanted.push_back(group_);
  CheckReadRound(context, leader);  // a group of one needs nobody
}

void Raft::CheckReadRound(StepContext& context, Leader& leader) {
  if (leader.round.counter == ReadCounter()) return;
  const bool confirmed = IsQuorum(configuration(), [&](NodeId voter) {
    if (voter == self_) return true;
    const Progress* peer = FindPeer(voter);
    return peer != nullptr && peer->read_counter >= leader.round.counter;
  });
  if (!confirmed) return;
  const ReadRound done = std::exchange(leader.round, {});
  for (const ReadAsker& asker : done.askers) {
    if (asker.node == self_) {
      context.out.events.confirmed.push_back({group_, asker.id, done.index});
    } else if (IsSameLife(context, asker.node, asker.boot)) {
      Send(context, asker.node,
           ReadIndexReply{
               .term = hard_.term, .id = asker.id, .confirmed = true, .index = done.index});
    }
  }
  StartReadRound(context, leader);
}

void Raft::OnHeartbeatReply(StepContext& context, NodeId from, const HeartbeatReplyItem& item) {
  if (item.term > hard_.term) return BecomeFollower(context, item.term, NodeId());
  Leader* leader = std::get_if<Leader>(&role_);
  Progress* peer = FindPeer(from);
  if (leader == nullptr || peer == nullptr) return context.out.Drop(DropReason::kNotInThisRole);
  // It proves something only at exactly this term, from a node that follows.
  if (item.term != hard_.term || !item.follows) return context.out.Drop(DropReason::kStaleTerm);
  peer->last_contact = context.now.mono;
  if (item.counter > leader->last_counter) return context.out.Drop(DropReason::kMalformed);
  peer->read_counter = std::max(peer->read_counter, item.counter);
  // The peer is there: a probe that got lost is sent again.
  if (peer->state == ProgressState::kProbe) peer->probe_sent = false;
  CheckReadRound(context, *leader);
}

}  // namespace quorate
