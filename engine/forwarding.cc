#include "engine/forwarding.h"

#include <algorithm>
#include <utility>

#include "engine/kv/command.h"
#include "engine/kv/envelope.h"

namespace quorate {
namespace {

constexpr std::size_t kEnvelopeSlackBytes = 1024;

Outcome NotApplied(Refusal refusal) {
  return {.kind = OutcomeKind::kNotApplied, .refusal = refusal, .serial = {}, .result = {}};
}

bool IsSessionUnknown(const Payload& reply) {
  return !reply.empty() && static_cast<std::uint8_t>(reply.bytes().front()) ==
                               static_cast<std::uint8_t>(ReplyStatus::kSessionUnknown);
}

// Tells two openings apart: (node, boot, request).
Payload OpeningNonce(NodeId node, BootNumber boot, RequestId request) {
  std::string bytes;
  Encoder encoder(bytes);
  encoder.U32(node.value());
  encoder.U64(boot.value());
  encoder.U64(request.value());
  return Payload(std::move(bytes));
}

}  // namespace

bool Forwarding::IsRead(const PendingRequest& pending) {
  return pending.request.kind == RequestKind::kRead ||
         pending.request.kind == RequestKind::kStaleRead;
}

std::optional<Refusal> Forwarding::WhyRefused(const Context& context,
                                              const ClientRequest& request) const {
  const Options& options = context.step.options;
  if ((request.kind == RequestKind::kCatalogue) != (request.group == kSystemGroup))
    return Refusal::kMalformed;
  if (request.group == kEveryGroup) return Refusal::kMalformed;
  if (request.payload.size() > options.kv.max_batch_bytes + kEnvelopeSlackBytes)
    return Refusal::kTooBig;
  if (size() >= options.max_requests) return Refusal::kBusy;
  if (!context.groups.contains(request.group) && parked_ >= options.max_parked_requests)
    return Refusal::kBusy;
  return std::nullopt;
}

void Forwarding::OnRequest(Context& context, const ClientRequest& request) {
  REQUIRE(!requests_.contains(request.id));
  // An opening of the node's own is what requests within the limit wait for: it does not count against it.
  const std::optional<Refusal> refusal =
      IsOwn(request.id) ? std::nullopt : WhyRefused(context, request);
  if (refusal) {
    return context.step.out.Emit(Reply{request.id, context.step.boot_write, NotApplied(*refusal)});
  }
  PendingRequest pending;
  pending.request = request;
  const Duration timeout =
      request.timeout > Duration{} ? request.timeout : context.step.options.request_timeout;
  pending.deadline = context.step.now.mono + timeout;
  pending.wake_at = kNever;
  switch (request.kind) {
    case RequestKind::kWrite:
      if (request.session != SessionId()) {
        pending.payload =
            Payload(EncodeEnvelope(request.session, request.seq, request.payload.bytes()));
        pending.ready = true;
      }
      break;
    case RequestKind::kCatalogue:
      pending.payload = Payload(EncodeEnvelope(SessionId(), SessionSeq(), request.payload.bytes()));
      pending.ready = true;
      break;
    case RequestKind::kOpenSession:
      pending.kind = EntryKind::kOpenSession;
      pending.payload = OpeningNonce(context.self, context.boot, request.id);
      pending.ready = true;
      break;
    case RequestKind::kRead:
    case RequestKind::kStaleRead:
      pending.ready = true;
      break;
  }
  PendingRequest& kept = requests_.emplace(request.id, std::move(pending)).first->second;
  by_group_.emplace(request.group, request.id);
  if (IsOwn(request.id)) ++own_under_way_;
  Schedule(kept, kept.deadline);
  Route(context, kept);
}

void Forwarding::Park(PendingRequest& pending) {
  if (!pending.parked) ++parked_;
  pending.parked = true;
}

// Gives a request its next push: to the own log, to the leader, among the reads, or nowhere yet.
void Forwarding::Route(Context& context, PendingRequest& pending) {
  const auto found = context.groups.find(pending.request.group);
  if (found == context.groups.end()) return Park(pending);
  if (pending.parked) --parked_;
  pending.parked = false;
  Raft& raft = found->second;
  if (pending.request.kind == RequestKind::kStaleRead) {
    return EmitQuery(context, raft.group(), {pending.request.id}, raft.applied());
  }
  if (pending.request.kind == RequestKind::kRead) {
    reads_[raft.group()].waiting.push_back(pending.request.id);
    return AskReads(context, raft.group());
  }
  const MonoTime retry =
      std::min(pending.deadline, context.step.now.mono + context.step.options.resend);
  Schedule(pending, retry);
  if (!pending.ready && !Lend(context, pending)) return;
  SendToLeader(context, raft, pending);
}

void Forwarding::SendToLeader(Context& context, Raft& raft, PendingRequest& pending) {
  const RequestId id = pending.request.id;
  const NodeId before = pending.sent_to;
  if (raft.leads()) {
    switch (raft.Propose(context.step, pending.kind, pending.payload,
                         {context.self, context.boot, id})) {
      case ProposeResult::kAppended:
        pending.exposed = true;
        pending.sent_to = context.self;
        break;
      case ProposeResult::kNotLeader:
      case ProposeResult::kHandingOver:
        return;
      case ProposeResult::kBusy:
        if (!pending.exposed) Finish(context, id, NotApplied(Refusal::kBusy));
        return;
      case ProposeResult::kNoSpace:
        if (!pending.exposed) Finish(context, id, NotApplied(Refusal::kNoSpace));
        return;
    }
  } else {
    const NodeId leader = raft.leader();
    if (leader == NodeId() || context.step.peers.SessionOf(leader) == LinkSession()) return;
    Forward forward{.term = raft.term(), .requests = {}};
    forward.requests.push_back({.id = id, .kind = pending.kind, .payload = pending.payload});
    raft.Send(context.step, leader, std::move(forward));
    pending.exposed = true;
    pending.sent_to = leader;
  }
  SOMETIMES(before != NodeId() && before != pending.sent_to, "forward.resent_over_leader_change");
}

// ---- sessions to lend ----------------------------------------------------------------------------------------

// false: none is free; one is being opened, or an answer will free one.
bool Forwarding::Lend(Context& context, PendingRequest& pending) {
  const Options& options = context.step.options;
  std::vector<LentSession>& sessions = lent_[pending.request.group];
  for (LentSession& session : sessions) {
    if (session.id == SessionId()) continue;
    const SessionSeq oldest = session.out.empty() ? session.next : *session.out.begin();
    if (session.next.value() - oldest.value() >= options.kv.session_window) continue;
    pending.lent_session = session.id;
    pending.lent_seq = session.next;
    session.out.insert(session.next);
    session.next = Next(session.next);
    pending.payload = Payload(
        EncodeEnvelope(pending.lent_session, pending.lent_seq, pending.request.payload.bytes()));
    pending.ready = true;
    return true;
  }
  const bool opening = !sessions.empty() && sessions.back().id == SessionId();
  if (!opening && sessions.size() < options.max_lent_sessions)
    OpenLentSession(context, pending.request.group);
  return false;
}

void Forwarding::OpenLentSession(Context& context, GroupId group) {
  lent_[group].emplace_back();  // id 0: being opened
  ClientRequest request;
  request.id = RequestId(kFirstOwnRequest.value() + own_requests_++);
  request.group = group;
  request.kind = RequestKind::kOpenSession;
  request.timeout = context.step.options.request_timeout;
  OnRequest(context, request);
}

// No session came of it: the next request that needs one asks again.
void Forwarding::ForgetOpening(GroupId group) {
  std::erase_if(lent_[group], [](const LentSession& session) { return session.id == SessionId(); });
}

// The sequence number is free for good: the window moves on. An evicted session is not lent again.
void Forwarding::ReturnLent(PendingRequest& pending, const Payload* result) {
  if (pending.lent_session == SessionId()) return;
  std::vector<LentSession>& sessions = lent_[pending.request.group];
  for (auto session = sessions.begin(); session != sessions.end(); ++session) {
    if (session->id != pending.lent_session) continue;
    session->out.erase(pending.lent_seq);
    if (result != nullptr && IsSessionUnknown(*result)) sessions.erase(session);
    return;
  }
}

// ---- reads ---------------------------------------------------------------------------------------------------

// Asks at which index the waiting reads may be answered. What was asked before and got no answer is asked
// again under a new name: an answer to the old question says nothing about reads that joined later.
void Forwarding::AskReads(Context& context, GroupId group) {
  const auto found = reads_.find(group);
  const auto raft = context.groups.find(group);
  if (found == reads_.end() || raft == context.groups.end()) return;
  GroupReads& reads = found->second;
  if (reads.asked || reads.waiting.empty()) return;
  const std::uint64_t id = ++last_batch_;
  if (raft->second.leads()) {
    reads.asked = ReadBatch{.id = id, .requests = std::exchange(reads.waiting, {}), .index = {}};
    context.step.out.events.touched.push_back(group);
    if (!raft->second.AskReadIndex(context.step, {context.self, context.boot, id})) {
      reads.waiting = std::exchange(reads.asked, std::nullopt)->requests;
    }
  } else {
    const NodeId leader = raft->second.leader();
    if (leader == NodeId() || context.step.peers.SessionOf(leader) == LinkSession()) return;
    reads.asked = ReadBatch{.id = id, .requests = std::exchange(reads.waiting, {}), .index = {}};
    raft->second.Send(context.step, leader, ReadIndexRequest{raft->second.term(), id});
  }
  const std::vector<RequestId>& first = reads.asked ? reads.asked->requests : reads.waiting;
  PendingRequest& watch = requests_.at(first.front());
  Schedule(watch, std::min(watch.deadline, context.step.now.mono + context.step.options.resend));
}

void Forwarding::AskReadsAgain(Context& context, GroupId group) {
  const auto found = reads_.find(group);
  if (found == reads_.end()) return;
  GroupReads& reads = found->second;
  if (reads.asked) {
    std::vector<RequestId> requests = std::exchange(reads.asked, std::nullopt)->requests;
    requests.insert(requests.end(), reads.waiting.begin(), reads.waiting.end());
    reads.waiting = std::move(requests);
  }
  AskReads(context, group);
}

void Forwarding::OnConfirmed(Context& context, const RaftEvents::Confirmed& confirmed) {
  const auto found = reads_.find(confirmed.group);
  if (found == reads_.end() || !found->second.asked || found->second.asked->id != confirmed.id) {
    return context.step.out.Drop(DropReason::kStaleReply);
  }
  ReadBatch batch = *std::exchange(found->second.asked, std::nullopt);
  batch.index = confirmed.index;
  for (const RequestId id : batch.requests) {
    PendingRequest& pending = requests_.at(id);
    Schedule(pending, pending.deadline);
  }
  found->second.confirmed.push_back(std::move(batch));
  OnApplied(context, confirmed.group);
  AskReads(context, confirmed.group);
}

void Forwarding::OnApplied(Context& context, GroupId group) {
  const auto raft = context.groups.find(group);
  const auto found = reads_.find(group);
  if (raft == context.groups.end() || found == reads_.end()) return;
  std::deque<ReadBatch>& confirmed = found->second.confirmed;
  while (!confirmed.empty() && confirmed.front().index <= raft->second.applied()) {
    EmitQuery(context, group, confirmed.front().requests, confirmed.front().index);
    confirmed.pop_front();
  }
}

void Forwarding::EmitQuery(Context& context, GroupId group, const std::vector<RequestId>& requests,
                           Index index) {
  PortRequest& last = context.step.last_port_request;
  last = Next(last);
  RunQuery query{.id = last, .group = group, .after_applied = index, .items = {}};
  for (const RequestId id : requests) {
    query.items.push_back({.request = id, .query = requests_.at(id).request.payload});
  }
  context.step.out.Emit(std::move(query));
}

void Forwarding::OnQueryAnswered(Context& context, const Answered& answered) {
  for (const QueryAnswer& answer : answered.answers) {
    if (!requests_.contains(answer.request)) continue;  // its deadline has passed
    Finish(context, answer.request,
           {.kind = OutcomeKind::kDone,
            .refusal = Refusal::kNone,
            .serial = answered.at.index,
            .result = answer.reply});
  }
}

// ---- what comes back ------------------------------------------------------------------------------------------

void Forwarding::OnResolved(Context& context, const RaftEvents::Resolved& resolved) {
  FinishWrite(context, resolved.request, resolved.took_effect, resolved.reply);
}

void Forwarding::OnAnswered(Context& context, const RaftEvents::Answered& answered) {
  const ForwardedOutcome& outcome = answered.outcome;
  switch (outcome.verdict) {
    case ForwardVerdict::kApplied:
      return FinishWrite(context, outcome.id, outcome.index, outcome.result);
    case ForwardVerdict::kNotLeader:
    case ForwardVerdict::kBusy:
    case ForwardVerdict::kNoSpace:
      return;  // not by this copy; another may be on its way: the timer sends it again
  }
}

void Forwarding::FinishWrite(Context& context, RequestId id, Index took_effect,
                             const Payload& result) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return context.step.out.Drop(DropReason::kStaleReply);
  PendingRequest& pending = found->second;
  const bool lost_lent = pending.lent_session != SessionId() && IsSessionUnknown(result);
  ReturnLent(pending, &result);
  if (lost_lent) {  // the lent session was evicted: another copy may have been applied before
    return Finish(
        context, id,
        {.kind = OutcomeKind::kUnknown, .refusal = Refusal::kBusy, .serial = {}, .result = {}});
  }
  const GroupId group = pending.request.group;
  const bool opened_own = IsOwn(id);
  Finish(context, id,
         {.kind = OutcomeKind::kDone,
          .refusal = Refusal::kNone,
          .serial = took_effect,
          .result = result});
  if (!opened_own) return;
  for (LentSession& session : lent_[group]) {
    if (session.id == SessionId()) session.id = SessionId(took_effect.value());
  }
  OnLeaderChanged(context, group);  // whoever waited for a session goes on
}

void Forwarding::OnLeaderChanged(Context& context, GroupId group) {
  std::vector<RequestId> due;
  for (auto at = by_group_.lower_bound({group, RequestId()});
       at != by_group_.end() && at->first == group; ++at) {
    due.push_back(at->second);
  }
  for (const RequestId id : due) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) continue;
    if (!IsRead(found->second) || found->second.parked) Route(context, found->second);
  }
  AskReadsAgain(context, group);
}

// ---- time ----------------------------------------------------------------------------------------------------

void Forwarding::Schedule(PendingRequest& pending, MonoTime at) {
  if (pending.wake_at == at) return;
  timers_.erase({pending.wake_at, pending.request.id});
  pending.wake_at = at;
  timers_.emplace(at, pending.request.id);
}

void Forwarding::OnTimer(Context& context) {
  while (!timers_.empty() && timers_.begin()->first <= context.step.now.mono) {
    const auto found = requests_.find(timers_.begin()->second);
    INVARIANT(found != requests_.end());
    PendingRequest& pending = found->second;
    if (context.step.now.mono >= pending.deadline) {
      OnDeadline(context, pending);
      continue;
    }
    Schedule(pending, pending.deadline);
    if (IsRead(pending)) {
      AskReadsAgain(context, pending.request.group);
    } else {
      Route(context, pending);
    }
  }
}

void Forwarding::OnDeadline(Context& context, PendingRequest& pending) {
  const GroupId group = pending.request.group;
  const bool read = IsRead(pending);
  Outcome outcome{
      .kind = OutcomeKind::kUnknown, .refusal = Refusal::kTimeout, .serial = {}, .result = {}};
  if (!pending.exposed) {
    const auto raft = context.groups.find(group);
    outcome = NotApplied(raft == context.groups.end()        ? Refusal::kNoSuchNamespace
                         : raft->second.leader() == NodeId() ? Refusal::kNoLeader
                                                             : Refusal::kTimeout);
  }
  ReturnLent(pending, nullptr);
  Finish(context, pending.request.id, std::move(outcome));
  if (read) AskReadsAgain(context, group);
}

void Forwarding::OnStop(Context& context) {
  while (!requests_.empty()) {
    const PendingRequest& pending = requests_.begin()->second;
    Outcome outcome = NotApplied(Refusal::kStopped);
    if (pending.exposed) outcome.kind = OutcomeKind::kUnknown;
    Finish(context, pending.request.id, std::move(outcome));
  }
}

void Forwarding::Finish(Context& context, RequestId id, Outcome outcome) {
  const auto found = requests_.find(id);
  INVARIANT(found != requests_.end());
  const PendingRequest& pending = found->second;
  if (pending.parked) --parked_;
  if (IsOwn(id) && outcome.kind != OutcomeKind::kDone) ForgetOpening(pending.request.group);
  timers_.erase({pending.wake_at, id});
  by_group_.erase({pending.request.group, id});
  if (const auto reads = reads_.find(pending.request.group);
      reads != reads_.end() && IsRead(pending)) {
    std::erase(reads->second.waiting, id);
    if (reads->second.asked) {
      std::erase(reads->second.asked->requests, id);
      if (reads->second.asked->requests.empty()) reads->second.asked.reset();
    }
    for (ReadBatch& batch : reads->second.confirmed) std::erase(batch.requests, id);
    std::erase_if(reads->second.confirmed,
                  [](const ReadBatch& batch) { return batch.requests.empty(); });
  }
  requests_.erase(found);
  if (IsOwn(id)) --own_under_way_;
  if (!IsOwn(id)) context.step.out.Emit(Reply{id, context.step.boot_write, std::move(outcome)});
}

}  // namespace quorate
