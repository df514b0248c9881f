#include "engine/forwarding.h"

#include <algorithm>
#include <utility>

#include "engine/kv/command.h"
#include "engine/kv/envelope.h"

namespace quorate {
namespace {

constexpr std::size_t kEnvelopeSlackBytes = 1024;
constexpr std::size_t kStaleTimers = 64;  // overtaken ones that are left where they are

Outcome NotApplied(Refusal refusal) {
  return {.kind = OutcomeKind::kNotApplied, .refusal = refusal, .serial = {}, .result = {}};
}
Outcome Unknown(Refusal refusal) {
  return {.kind = OutcomeKind::kUnknown, .refusal = refusal, .serial = {}, .result = {}};
}

bool IsSessionUnknown(const Payload& reply) {
  return !reply.empty() && static_cast<std::uint8_t>(reply.bytes().front()) ==
                               static_cast<std::uint8_t>(ReplyStatus::kSessionUnknown);
}
// The number that the node gave the request says nothing any more: it was not applied under it by this entry.
bool IsRefusedNumber(RequestKind kind, const Payload& reply) {
  if (kind != RequestKind::kCatalogue) return IsSessionUnknown(reply);
  const absl::StatusOr<CatalogueReply> decoded = DecodeCatalogueReply(reply.bytes());
  return decoded.ok() && decoded->status == CatalogueStatus::kForgotten;
}

// The pause until the next repetition to somebody who says nothing.
Duration Doubled(const Options& options, Duration pause) {
  const Duration most = std::max(options.resend, options.election_timeout_max);
  return std::min(pause * 2, most);
}

}  // namespace

SessionSeq NumberWindow::Take() {
  returned_.push_back(false);
  return SessionSeq(oldest_.value() + returned_.size() - 1);
}

void NumberWindow::Return(SessionSeq seq) {
  REQUIRE(seq >= oldest_ && seq.value() - oldest_.value() < returned_.size());
  returned_[seq.value() - oldest_.value()] = true;
  const auto out = std::find(returned_.begin(), returned_.end(), false);
  oldest_ = SessionSeq(oldest_.value() + static_cast<std::uint64_t>(out - returned_.begin()));
  returned_.erase(returned_.begin(), out);
}

bool Forwarding::IsRead(const PendingRequest& pending) {
  return pending.request.kind == RequestKind::kRead ||
         pending.request.kind == RequestKind::kStaleRead;
}

PendingRequest* Forwarding::Find(RequestId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &slots_[found->second];
}

// ---- coming in -------------------------------------------------------------------------------------------------

std::optional<Refusal> Forwarding::WhyRefused(const Context& context,
                                              const ClientRequest& request) const {
  const Options& options = context.step.options;
  if ((request.kind == RequestKind::kCatalogue) != (request.group == kSystemGroup))
    return Refusal::kMalformed;
  if (request.group == kEveryGroup) return Refusal::kMalformed;
  if (request.payload.size() > options.kv.max_batch_bytes + kEnvelopeSlackBytes)
    return Refusal::kTooBig;
  if (size() >= options.max_requests) return Refusal::kBusy;
  if (context.groups.contains(request.group)) return std::nullopt;
  if (context.catalogue.IsGone(request.group)) return Refusal::kNoSuchNamespace;
  if (parked_ >= options.max_parked_requests) return Refusal::kBusy;
  return std::nullopt;
}

void Forwarding::OnRequest(Context& context, const ClientRequest& request) {
  REQUIRE(!by_id_.contains(request.id));
  // An opening of the node's own is what requests within the limit wait for: it does not count against it.
  const std::optional<Refusal> refusal =
      IsOwn(request.id) ? std::nullopt : WhyRefused(context, request);
  if (refusal) {
    return context.step.out.Emit(Reply{request.id, context.step.boot_write, NotApplied(*refusal)});
  }
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(slots_.size()));
    slots_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  by_id_.emplace_hint(by_id_.end(), request.id, slot);
  if (IsOwn(request.id)) ++own_under_way_;

  PendingRequest& pending = slots_[slot];
  pending = PendingRequest{};
  pending.slot = slot;
  pending.request = request;
  if (request.kind == RequestKind::kOpenSession) pending.kind = EntryKind::kOpenSession;
  if (request.kind == RequestKind::kWrite && request.session != SessionId()) {
    pending.payload =
        Payload(EncodeEnvelope(request.session, request.seq, request.payload.bytes()));
    pending.stage = RequestStage::kReady;
  }
  const Duration timeout =
      request.timeout > Duration{} ? request.timeout : context.step.options.request_timeout;
  pending.deadline = context.step.now.mono + timeout;
  pending.wake_at = kNever;
  Route(context, pending);
  // Whatever became of it, it is woken by its deadline at the latest.
  if (pending.request.id == request.id && pending.wake_at == kNever)
    Schedule(pending, pending.deadline);
}

void Forwarding::SetStage(PendingRequest& pending, RequestStage stage) {
  if (pending.stage == RequestStage::kParked) --parked_;
  pending.stage = stage;
  if (stage == RequestStage::kParked) ++parked_;
}

// Gives a request its next push: to the own log, to the leader, among the reads, or nowhere yet.
void Forwarding::Route(Context& context, PendingRequest& pending) {
  const GroupId group = pending.request.group;
  const auto found = context.groups.find(group);
  if (found == context.groups.end()) return SetStage(pending, RequestStage::kParked);
  Raft& raft = found->second;
  if (pending.request.kind == RequestKind::kStaleRead) {
    return EmitQuery(context, group, {pending.request.id}, raft.applied());
  }
  if (pending.request.kind == RequestKind::kRead) {
    SetStage(pending, RequestStage::kAsking);
    reads_[group].waiting.push_back(pending.request.id);
    return AskReads(context, group);
  }
  if (pending.stage == RequestStage::kParked)
    SetStage(pending, pending.payload.empty() ? RequestStage::kUnsent : RequestStage::kReady);
  if (pending.stage == RequestStage::kUnsent && !TakeNumber(context, pending))
    return WaitForNumber(context, pending);
  Send(context, raft, pending);
}

// ---- writes ----------------------------------------------------------------------------------------------------

// Sends a write unless its last copy went the same way.
void Forwarding::Send(Context& context, Raft& raft, PendingRequest& pending) {
  const NodeId leader = raft.leader();
  const LinkSession over =
      raft.leads() ? LinkSession() : context.step.peers.SessionOf(raft.leader());
  const bool same =
      pending.sent_in == raft.term() && pending.sent_to == leader && pending.sent_over == over;
  if (same) return;
  pending.pause = context.step.options.resend;
  Push(context, raft, pending);
}

// Sends a write to whoever leads, if it can be reached, and arms its timer.
void Forwarding::Push(Context& context, Raft& raft, PendingRequest& pending) {
  Schedule(pending, std::min(pending.deadline, context.step.now.mono + pending.pause));
  const RequestId id = pending.request.id;
  const NodeId leader = raft.leader();
  LinkSession over;
  if (raft.leads()) {
    pending.sent_in = Term();
    switch (raft.Propose(context.step, pending.kind, pending.payload,
                         {context.identity.node, context.boot, id})) {
      case ProposeResult::kAppended:
        break;
      case ProposeResult::kNotLeader:
      case ProposeResult::kHandingOver:
        return;
      case ProposeResult::kBusy:
        return OnOwnRefusal(context, pending, Refusal::kBusy);
      case ProposeResult::kNoSpace:
        return OnOwnRefusal(context, pending, Refusal::kNoSpace);
    }
  } else {
    over = context.step.peers.SessionOf(leader);
    if (leader == NodeId() || over == LinkSession()) return;
    Forward forward{.term = raft.term(), .requests = {}};
    forward.requests.push_back({.id = id, .kind = pending.kind, .payload = pending.payload});
    raft.Send(context.step, leader, std::move(forward));
  }
  SOMETIMES(pending.exposed && pending.sent_to != leader, "forward.resent_over_leader_change");
  pending.exposed = true;
  pending.sent_to = leader;
  pending.sent_over = over;
  pending.sent_in = raft.term();
}

// The own log did not take it. If no other copy can have been taken anywhere, that is certain.
void Forwarding::OnOwnRefusal(Context& context, PendingRequest& pending, Refusal refusal) {
  if (pending.exposed) return;
  ReturnNumber(pending);
  Finish(context, pending, NotApplied(refusal));
}

void Forwarding::OnLeaderChanged(Context& context, GroupId group) {
  std::vector<RequestId> due;
  for (const auto& [id, slot] : by_id_) {
    if (slots_[slot].request.group == group) due.push_back(id);
  }
  for (const RequestId id : due) {
    PendingRequest* pending = Find(id);
    if (pending == nullptr) continue;
    if (pending->stage == RequestStage::kParked || pending->stage == RequestStage::kReady)
      Route(context, *pending);
  }
  ServeWaiting(context, group);
  if (const auto reads = reads_.find(group); reads != reads_.end()) {
    reads->second.pause = context.step.options.resend;
    AskReadsAgain(context, group);
  }
}

// ---- numbers ---------------------------------------------------------------------------------------------------

// false: none is free; an answer will free one, or the opening that is under way.
bool Forwarding::TakeNumber(Context& context, PendingRequest& pending) {
  switch (pending.request.kind) {
    case RequestKind::kWrite:
      return Lend(context, pending);
    case RequestKind::kOpenSession:
    case RequestKind::kCatalogue:
      return TakeNonce(context, pending);
    case RequestKind::kRead:
    case RequestKind::kStaleRead:
      break;
  }
  UNREACHABLE("reads need no number");
}

bool Forwarding::TakeNonce(Context& context, PendingRequest& pending) {
  NumberWindow& nonces = writes_[pending.request.group].nonces;
  if (!nonces.HasRoom(context.step.options.kv.nonce_window)) return false;
  pending.number = nonces.Take();
  const Nonce nonce{.node = context.identity.node,
                    .incarnation = context.identity.incarnation,
                    .boot = context.boot,
                    .seq = pending.number};
  pending.payload = Payload(EncodeNonce(nonce, pending.request.payload.bytes()));
  pending.stage = RequestStage::kReady;
  return true;
}

bool Forwarding::Lend(Context& context, PendingRequest& pending) {
  const Options& options = context.step.options;
  const GroupId group = pending.request.group;
  std::vector<LentSession>& sessions = writes_[group].sessions;
  for (LentSession& session : sessions) {
    if (session.id == SessionId() || !session.numbers.HasRoom(options.kv.session_window)) continue;
    pending.session = session.id;
    pending.number = session.numbers.Take();
    pending.payload =
        Payload(EncodeEnvelope(pending.session, pending.number, pending.request.payload.bytes()));
    pending.stage = RequestStage::kReady;
    return true;
  }
  const bool opening = !sessions.empty() && sessions.back().id == SessionId();
  if (!opening && sessions.size() < options.max_lent_sessions) OpenLentSession(context, group);
  return false;
}

void Forwarding::OpenLentSession(Context& context, GroupId group) {
  writes_[group].sessions.emplace_back();  // id 0: being opened
  ClientRequest request;
  request.id = RequestId(kFirstOwnRequest.value() + own_requests_++);
  request.group = group;
  request.kind = RequestKind::kOpenSession;
  request.timeout = context.step.options.request_timeout;
  OnRequest(context, request);
}

// No session came of it: those who wait for one ask again when their timers say so.
void Forwarding::ForgetOpening(GroupId group) {
  const auto found = writes_.find(group);
  if (found == writes_.end()) return;
  std::erase_if(found->second.sessions,
                [](const LentSession& session) { return session.id == SessionId(); });
}

std::deque<RequestId>& Forwarding::QueueOf(const PendingRequest& pending) {
  GroupWrites& writes = writes_[pending.request.group];
  const bool lent = pending.request.kind == RequestKind::kWrite;
  return lent ? writes.waiting_for_session : writes.waiting_for_nonce;
}

// It is served when a number is free. The timer is for openings that came to nothing.
void Forwarding::WaitForNumber(Context& context, PendingRequest& pending) {
  const Options& options = context.step.options;
  const bool again = pending.pause > Duration{};
  pending.pause = again ? Doubled(options, pending.pause) : options.resend;
  Schedule(pending, std::min(pending.deadline, context.step.now.mono + pending.pause));
  if (!std::exchange(pending.queued, true)) QueueOf(pending).push_back(pending.request.id);
}

// The number is free for good: its window moves on.
void Forwarding::ReturnNumber(PendingRequest& pending) {
  const SessionSeq number = std::exchange(pending.number, SessionSeq());
  const auto found = writes_.find(pending.request.group);
  if (number == SessionSeq() || found == writes_.end()) return;
  if (pending.session == SessionId()) return found->second.nonces.Return(number);
  for (LentSession& session : found->second.sessions) {
    if (session.id == pending.session) return session.numbers.Return(number);
  }
}

void Forwarding::ServeWaiting(Context& context, GroupId group) {
  ServeWaiting(context, group, &GroupWrites::waiting_for_nonce);
  ServeWaiting(context, group, &GroupWrites::waiting_for_session);
}

// In the order in which they came, as far as there are numbers.
void Forwarding::ServeWaiting(Context& context, GroupId group,
                              std::deque<RequestId> GroupWrites::*queue) {
  const auto raft = context.groups.find(group);
  if (raft == context.groups.end()) return;
  while (true) {
    const auto writes = writes_.find(group);
    if (writes == writes_.end() || (writes->second.*queue).empty()) return;
    PendingRequest* pending = Find((writes->second.*queue).front());
    const bool waits = pending != nullptr && pending->stage == RequestStage::kUnsent;
    if (waits && !TakeNumber(context, *pending)) return;
    (writes_.at(group).*queue).pop_front();
    if (pending != nullptr) pending->queued = false;
    if (waits) Send(context, raft->second, *pending);
  }
}

// ---- what comes back -------------------------------------------------------------------------------------------

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
      break;
  }
  // Not by this copy; another may be on its way. It is sent again at the next leader, or in a little while.
  PendingRequest* pending = Find(outcome.id);
  if (pending == nullptr || pending->stage != RequestStage::kReady) return;
  pending->sent_in = Term();
  pending->pause = context.step.options.resend;
  Schedule(*pending, std::min(pending->wake_at, context.step.now.mono + pending->pause));
}

void Forwarding::FinishWrite(Context& context, RequestId id, Index took_effect,
                             const Payload& result) {
  PendingRequest* pending = Find(id);
  if (pending == nullptr || IsRead(*pending)) {
    return context.step.out.Drop(DropReason::kStaleReply);
  }
  const GroupId group = pending->request.group;
  const bool numbered = pending->number != SessionSeq();
  ReturnNumber(*pending);
  Outcome outcome{.kind = OutcomeKind::kDone,
                  .refusal = Refusal::kNone,
                  .serial = took_effect,
                  .result = result};
  if (numbered && IsRefusedNumber(pending->request.kind, result)) {
    // Another copy may have been applied before.
    outcome = Unknown(Refusal::kBusy);
    if (pending->session != SessionId()) {
      std::erase_if(writes_.at(group).sessions,
                    [&](const LentSession& session) { return session.id == pending->session; });
    }
  } else if (IsOwn(id)) {
    for (LentSession& session : writes_.at(group).sessions) {
      if (session.id == SessionId()) session.id = SessionId(took_effect.value());
    }
  }
  Finish(context, *pending, std::move(outcome));
  if (numbered) ServeWaiting(context, group);
}

void Forwarding::OnCatalogueChanged(Context& context) {
  std::vector<RequestId> gone;
  for (const auto& [id, slot] : by_id_) {
    const GroupId group = slots_[slot].request.group;
    if (group != kSystemGroup && context.catalogue.IsGone(group)) gone.push_back(id);
  }
  for (const RequestId id : gone) {
    PendingRequest& pending = *Find(id);
    const Refusal refusal = Refusal::kNoSuchNamespace;
    Finish(context, pending, pending.exposed ? Unknown(refusal) : NotApplied(refusal));
  }
  const auto is_gone = [&](const auto& of_group) {
    return of_group.first != kSystemGroup && context.catalogue.IsGone(of_group.first);
  };
  absl::erase_if(reads_, is_gone);
  absl::erase_if(writes_, is_gone);
}

// ---- time ------------------------------------------------------------------------------------------------------

bool Forwarding::IsStale(const Timer& timer) const {
  const PendingRequest& pending = slots_[timer.slot];
  return pending.request.id != timer.id || pending.wake_at != timer.at;
}

namespace {

// The first one to come in front; of two at one instant the older request.
constexpr auto kLater = [](const auto& a, const auto& b) {
  return std::pair(a.at, a.id) > std::pair(b.at, b.id);
};

}  // namespace

void Forwarding::Schedule(PendingRequest& pending, MonoTime at) {
  if (pending.wake_at == at) return;
  pending.wake_at = at;
  timers_.push_back({at, pending.request.id, pending.slot});
  std::push_heap(timers_.begin(), timers_.end(), kLater);
  DropStaleTimers();
}

// The front one is never overtaken, and the others are never many more than the requests.
void Forwarding::DropStaleTimers() {
  while (!timers_.empty() && IsStale(timers_.front())) {
    std::pop_heap(timers_.begin(), timers_.end(), kLater);
    timers_.pop_back();
  }
  if (timers_.size() <= 2 * by_id_.size() + kStaleTimers) return;
  std::erase_if(timers_, [&](const Timer& timer) { return IsStale(timer); });
  std::make_heap(timers_.begin(), timers_.end(), kLater);
}

void Forwarding::OnTimer(Context& context) {
  while (!timers_.empty() && timers_.front().at <= context.step.now.mono) {
    PendingRequest& pending = slots_[timers_.front().slot];
    if (context.step.now.mono >= pending.deadline) {
      OnDeadline(context, pending);
      continue;
    }
    Schedule(pending, pending.deadline);
    if (IsRead(pending)) {
      const auto reads = reads_.find(pending.request.group);
      if (reads == reads_.end()) continue;
      reads->second.pause = Doubled(context.step.options, reads->second.pause);
      AskReadsAgain(context, pending.request.group);
    } else if (pending.stage == RequestStage::kReady) {
      const auto raft = context.groups.find(pending.request.group);
      if (raft == context.groups.end()) continue;
      const bool no_word = pending.sent_in != Term();
      if (no_word) pending.pause = Doubled(context.step.options, pending.pause);
      Push(context, raft->second, pending);
    } else {
      Route(context, pending);
    }
  }
}

void Forwarding::OnDeadline(Context& context, PendingRequest& pending) {
  const GroupId group = pending.request.group;
  const bool read = IsRead(pending);
  Outcome outcome = Unknown(Refusal::kTimeout);
  if (!pending.exposed) {
    const auto raft = context.groups.find(group);
    outcome = NotApplied(raft == context.groups.end()        ? Refusal::kNoSuchNamespace
                         : raft->second.leader() == NodeId() ? Refusal::kNoLeader
                                                             : Refusal::kTimeout);
  }
  ReturnNumber(pending);
  Finish(context, pending, std::move(outcome));
  if (read) {
    AskReadsAgain(context, group);
  } else {
    ServeWaiting(context, group);
  }
}

void Forwarding::OnStop(Context& context) {
  while (!by_id_.empty()) {
    PendingRequest& pending = slots_[by_id_.begin()->second];
    Finish(context, pending,
           pending.exposed ? Unknown(Refusal::kStopped) : NotApplied(Refusal::kStopped));
  }
}

void Forwarding::Finish(Context& context, PendingRequest& pending, Outcome outcome) {
  const RequestId id = pending.request.id;
  const GroupId group = pending.request.group;
  const auto found = by_id_.find(id);
  INVARIANT(found != by_id_.end());
  if (pending.stage == RequestStage::kAsking) LeaveReads(pending);
  if (pending.queued) {
    std::deque<RequestId>& queue = QueueOf(pending);
    queue.erase(std::find(queue.begin(), queue.end(), id));
  }
  SetStage(pending, RequestStage::kUnsent);
  pending.request = ClientRequest{};  // its timers are overtaken; its bytes are let go of
  pending.payload = Payload();
  free_.push_back(found->second);
  by_id_.erase(found);
  DropStaleTimers();
  if (!IsOwn(id)) {
    return context.step.out.Emit(Reply{id, context.step.boot_write, std::move(outcome)});
  }
  --own_under_way_;
  if (outcome.kind != OutcomeKind::kDone) ForgetOpening(group);
}

}  // namespace quorate
