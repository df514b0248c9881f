// Reads: in batches, one question to the leader at a time and group.
#include <algorithm>
#include <utility>

#include "engine/forwarding.h"

namespace quorate {

// Asks at which index the waiting reads may be answered, unless a question is out.
void Forwarding::AskReads(Context& context, GroupId group) {
  const auto found = reads_.find(group);
  if (found == reads_.end()) return;
  GroupReads& reads = found->second;
  if (reads.asked || reads.waiting.empty()) return;
  reads.asked =
      ReadBatch{.id = ++last_batch_, .requests = std::exchange(reads.waiting, {}), .index = {}};
  reads.pause = context.step.options.resend;
  AskReadsAgain(context, group);
}

// Asks about the same reads under the same name: whichever answer comes first was confirmed after they had come
// in. Reads that join later wait for the next question.
void Forwarding::AskReadsAgain(Context& context, GroupId group) {
  const auto found = reads_.find(group);
  const auto raft = context.groups.find(group);
  if (found == reads_.end() || raft == context.groups.end()) return;
  GroupReads& reads = found->second;
  if (!reads.asked) return AskReads(context, group);
  PendingRequest& watch = *Find(reads.asked->requests.front());
  Schedule(watch, std::min(watch.deadline, context.step.now.mono + reads.pause));
  const std::uint64_t id = reads.asked->id;
  if (raft->second.leads()) {
    context.step.out.events.touched.push_back(group);
    // A full queue: the timer asks again.
    raft->second.AskReadIndex(context.step, {context.identity.node, context.boot, id});
    return;
  }
  const NodeId leader = raft->second.leader();
  if (leader == NodeId() || context.step.peers.SessionOf(leader) == LinkSession()) return;
  raft->second.Send(context.step, leader, ReadIndexRequest{raft->second.term(), id});
}

void Forwarding::OnConfirmed(Context& context, const RaftEvents::Confirmed& confirmed) {
  const auto found = reads_.find(confirmed.group);
  if (found == reads_.end() || !found->second.asked || found->second.asked->id != confirmed.id) {
    return context.step.out.Drop(DropReason::kStaleReply);
  }
  ReadBatch batch = *std::exchange(found->second.asked, std::nullopt);
  batch.index = confirmed.index;
  for (const RequestId id : batch.requests) {
    PendingRequest& pending = *Find(id);
    Schedule(pending, pending.deadline);
  }
  found->second.confirmed.push_back(std::move(batch));
  OnApplied(context, confirmed.group);
  AskReads(context, confirmed.group);
}

void Forwarding::OnApplied(Context& context, GroupId group) {
  const auto found = reads_.find(group);
  if (found == reads_.end() || found->second.confirmed.empty()) return;
  const auto raft = context.groups.find(group);
  if (raft == context.groups.end()) return;
  std::deque<ReadBatch>& confirmed = found->second.confirmed;
  while (!confirmed.empty() && confirmed.front().index <= raft->second.applied()) {
    const ReadBatch batch = std::move(confirmed.front());
    confirmed.pop_front();
    EmitQuery(context, group, batch.requests, batch.index);
  }
}

void Forwarding::EmitQuery(Context& context, GroupId group, const std::vector<RequestId>& requests,
                           Index index) {
  PortRequest& last = context.step.last_port_request;
  last = Next(last);
  RunQuery query{.id = last, .group = group, .after_applied = index, .items = {}};
  query.items.reserve(requests.size());
  for (const RequestId id : requests) {
    PendingRequest& pending = *Find(id);
    SetStage(pending, RequestStage::kEvaluated);
    query.items.push_back({.request = id, .query = pending.request.payload});
  }
  context.step.out.Emit(std::move(query));
}

void Forwarding::OnQueryAnswered(Context& context, const Answered& answered) {
  for (const QueryAnswer& answer : answered.answers) {
    PendingRequest* pending = Find(answer.request);
    if (pending == nullptr) continue;  // its deadline has passed
    Finish(context, *pending,
           {.kind = OutcomeKind::kDone,
            .refusal = Refusal::kNone,
            .serial = answered.at.index,
            .result = answer.reply});
  }
}

// A read that is answered before it was evaluated is in one of these lists.
void Forwarding::LeaveReads(const PendingRequest& pending) {
  const auto found = reads_.find(pending.request.group);
  if (found == reads_.end()) return;
  GroupReads& reads = found->second;
  const RequestId id = pending.request.id;
  std::erase(reads.waiting, id);
  if (reads.asked) {
    std::erase(reads.asked->requests, id);
    if (reads.asked->requests.empty()) reads.asked.reset();
  }
  for (ReadBatch& batch : reads.confirmed) std::erase(batch.requests, id);
  std::erase_if(reads.confirmed, [](const ReadBatch& batch) { return batch.requests.empty(); });
}

}  // namespace quorate
