// Heartbeats of all groups travel together and are judged one by one. Source: docs/raft.md, rule 14.
#include <algorithm>
#include <utility>

#include "engine/replica.h"

namespace quorate {

void Replica::OnHeartbeat(StepContext& context, NodeId from, const Heartbeat& heartbeat) {
  for (const HeartbeatItem& item : heartbeat.items) {
    Raft* raft = Find(item.group);
    if (raft == nullptr) {
      context.out.Drop(DropReason::kUnknownGroup);
      continue;
    }
    Touch(item.group);
    raft->OnHeartbeat(context, from, item);
  }
}

void Replica::OnHeartbeatReply(StepContext& context, NodeId from, const HeartbeatReply& reply) {
  for (const HeartbeatReplyItem& item : reply.items) {
    Raft* raft = Find(item.group);
    if (raft == nullptr) {
      context.out.Drop(DropReason::kUnknownGroup);
      continue;
    }
    Touch(item.group);
    raft->OnHeartbeatReply(context, from, item);
  }
}

// One message a peer for all groups led here, once a beat; at once for a group that asks for it.
void Replica::SendHeartbeats(StepContext& context) {
  std::vector<GroupId>& wanted = context.out.events.heartbeat_wanted;
  if (!led_.empty() && heartbeat_at_ == kNever)
    heartbeat_at_ = context.now.mono + options_.heartbeat;
  if (led_.empty()) heartbeat_at_ = kNever;
  const bool all = std::exchange(beat_due_, false);
  if (!all && wanted.empty()) return;
  for (const PeerLink& link : peers_.links()) {
    if (link.session == LinkSession()) continue;
    Heartbeat heartbeat;
    for (const GroupId group : led_) {
      if (!all && std::find(wanted.begin(), wanted.end(), group) == wanted.end()) continue;
      const Raft& raft = groups_.at(group);
      const Progress* peer = raft.progress(link.node);
      if (peer == nullptr) continue;
      const Index known = std::min(raft.commit(), peer->match);
      const std::optional<Term> term = raft.log().TermAt(known);
      heartbeat.items.push_back({.group = group,
                                 .term = raft.term(),
                                 .counter = raft.leadership()->last_counter,
                                 .commit = term ? EntryId{known, *term} : EntryId{}});
    }
    if (heartbeat.items.empty()) continue;
    context.out.Emit(Send{.to = link.node,
                          .session = link.session,
                          .after = boot_write_,
                          .message = {kEveryGroup, std::move(heartbeat)}});
  }
  wanted.clear();
}

// Answers that wait for the same write travel together; the others do not wait for them.
void Replica::AnswerHeartbeats(StepContext& context) {
  std::vector<RaftEvents::HeartbeatAnswer>& answers = context.out.events.heartbeat_answers;
  while (!answers.empty()) {
    const NodeId to = answers.front().to;
    const PersistSeq after = std::max(answers.front().after, boot_write_);
    HeartbeatReply reply;
    std::erase_if(answers, [&](const RaftEvents::HeartbeatAnswer& answer) {
      if (answer.to != to || std::max(answer.after, boot_write_) != after) return false;
      reply.items.push_back(answer.item);
      return true;
    });
    const LinkSession session = peers_.SessionOf(to);
    if (session == LinkSession()) continue;
    context.out.Emit(Send{
        .to = to, .session = session, .after = after, .message = {kEveryGroup, std::move(reply)}});
  }
}

}  // namespace quorate
