// The leader's side of the log. Source: Raft dissertation 3.5, 3.6, 10.2.
#include <algorithm>
#include <utility>

#include "engine/raft/raft.h"

namespace quorate {

ProposeResult Raft::Propose(StepContext& context, EntryKind kind, Payload payload,
                            Proposer proposer) {
  const auto refuse = [&](ProposeResult why) {
    context.out.RefuseProposal(ReasonOf(why));
    return why;
  };
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return refuse(ProposeResult::kNotLeader);
  if (leader->proposed.contains(proposer))
    return ProposeResult::kAppended;  // sent again, on its way
  if (context.space == Space::kLow) return refuse(ProposeResult::kNoSpace);
  if (leader->transfer) return refuse(ProposeResult::kHandingOver);
  Entry entry{.term = hard_.term, .kind = kind, .payload = std::move(payload)};
  // Until it is applied, not only until it is committed: a map that is slower than the network would be
  // left behind without bound. A single entry goes however large it is, or it never would.
  if (!leader->unapplied.empty() &&
      leader->unapplied_bytes + CostOf(entry) > context.options.max_unapplied_bytes) {
    return refuse(ProposeResult::kBusy);
  }
  AppendOwn(context, std::move(entry));
  context.out.events.touched.push_back(group_);
  leader->proposals.emplace(log_.last().index, proposer);
  leader->proposed.emplace(proposer, log_.last().index);
  return ProposeResult::kAppended;
}

DropReason ReasonOf(ProposeResult refusal) {
  switch (refusal) {
    case ProposeResult::kAppended:
      return DropReason::kCount_;
    case ProposeResult::kNotLeader:
      return DropReason::kNotInThisRole;
    case ProposeResult::kHandingOver:
      return DropReason::kHandingOver;
    case ProposeResult::kBusy:
      return DropReason::kTooMuchUnapplied;
    case ProposeResult::kNoSpace:
      return DropReason::kNoSpace;
  }
  UNREACHABLE("propose result");
}

void Raft::AppendOwn(StepContext& context, Entry entry) {
  Leader& leader = std::get<Leader>(role_);
  INVARIANT(entry.term == hard_.term);
  const Index index = Next(log_.last().index);
  const PersistSeq seq = context.out.Record(AppendEntries{group_, index, {entry}});
  log_.Append(std::span(&entry, 1), seq);
  leader.unapplied.push_back({index, CostOf(entry)});
  leader.unapplied_bytes += CostOf(entry);
}

bool Raft::IsSameLife(const StepContext& context, NodeId node, BootNumber boot) const {
  return context.peers.BootOf(node) == boot;
}

void Raft::OnForward(StepContext& context, NodeId from, const Forward& forward) {
  ForwardReply reply{.term = hard_.term, .outcomes = {}};
  for (const ForwardedRequest& request : forward.requests) {
    // Barriers and configurations are a leader's own business, whatever a peer sends.
    if (request.kind != EntryKind::kCommand && request.kind != EntryKind::kOpenSession) {
      context.out.Drop(DropReason::kMalformed);
      continue;
    }
    ForwardVerdict verdict = ForwardVerdict::kNotLeader;
    switch (Propose(context, request.kind, request.payload,
                    {from, context.peers.BootOf(from), request.id})) {
      case ProposeResult::kAppended:
        continue;
      case ProposeResult::kNotLeader:
        break;
      case ProposeResult::kHandingOver:
      case ProposeResult::kBusy:
        verdict = ForwardVerdict::kBusy;
        break;
      case ProposeResult::kNoSpace:
        verdict = ForwardVerdict::kNoSpace;
        break;
    }
    reply.outcomes.push_back({.id = request.id, .verdict = verdict, .index = {}, .result = {}});
  }
  if (!reply.outcomes.empty()) Send(context, from, std::move(reply));
}

// ---- answers of peers --------------------------------------------------------------------------------------

void Raft::OnAppendReply(StepContext& context, NodeId from, const AppendReply& reply) {
  Leader* leader = std::get_if<Leader>(&role_);
  Progress* peer = FindPeer(from);
  if (leader == nullptr || peer == nullptr) return context.out.Drop(DropReason::kNotInThisRole);
  peer->last_contact = context.now.mono;
  switch (reply.verdict) {
    case AppendVerdict::kAccepted:
      if (reply.match > log_.last().index) return context.out.Drop(DropReason::kMalformed);
      return OnAccepted(context, *leader, *peer, reply.match);
    case AppendVerdict::kMismatch:
      return OnMismatch(context, *leader, *peer, reply);
    case AppendVerdict::kStaleTerm:  // with my own term: it says nothing
      return context.out.Drop(DropReason::kMalformed);
    case AppendVerdict::kNoSpace:
      context.out.Drop(DropReason::kNoSpace);
      if (peer->state == ProgressState::kReplicate) BecomeProbing(*peer);
      return Pause(context, *peer);
  }
}

void Raft::OnAccepted(StepContext& context, Leader& leader, Progress& peer, Index match) {
  if (peer.state == ProgressState::kSnapshot) {
    // The peer got there by other means (etcd-io/raft's snapshot_succeed_via_app_resp).
    if (match < log_.start().entry.index) return;
    peer.chunk_read = PortRequest();
    peer.state = ProgressState::kProbe;
  }
  const bool news = match > peer.match;
  peer.match = std::max(peer.match, match);  // an old answer takes nothing back
  peer.next = std::max(peer.next, Next(peer.match));
  if (peer.state == ProgressState::kProbe) {
    peer.state = ProgressState::kReplicate;
    peer.probe_sent = false;
    peer.next = Next(peer.match);
  }
  while (!peer.in_flight.empty() && peer.in_flight.front().last <= peer.match) {
    peer.in_flight_bytes -= peer.in_flight.front().bytes;
    peer.in_flight.pop_front();
  }
  if (peer.in_flight.empty()) {
    peer.resend_at = kNever;
    peer.resend_after = context.options.resend;
  } else if (news) {
    peer.resend_after = context.options.resend;
    ArmResend(context, peer);
  }
  static_cast<void>(leader);
  if (news) MaybeCommit(context);
}

void Raft::OnMismatch(StepContext& context, Leader& leader, Progress& peer,
                      const AppendReply& reply) {
  // A refusal of something that was settled since (etcd-io/raft 57b3274).
  if (reply.prev <= peer.match) return context.out.Drop(DropReason::kStaleReply);
  if (peer.state == ProgressState::kSnapshot) return context.out.Drop(DropReason::kStaleReply);
  if (peer.state == ProgressState::kProbe && reply.prev != Before(peer.next)) {
    return context.out.Drop(DropReason::kStaleReply);
  }
  const Index agreed = log_.Agreement(reply.hint).index;
  BecomeProbing(peer);
  peer.next = std::max(Next(peer.match), Next(std::min(agreed, Before(reply.prev))));
  // The hint lies below my log: a snapshot is what it needs, not another guess.
  if (reply.hint.index < log_.start().entry.index) BecomeSnapshotting(context, leader, peer);
}

// Only entries of the own term are committed by counting (dissertation 3.6.2, figure 8); a leader counts
// itself only as far as its own disk holds the log.
void Raft::MaybeCommit(StepContext& context) {
  Leader& leader = std::get<Leader>(role_);
  const Index counted = CommittedIndex(configuration(), [&](NodeId voter) {
    if (voter == self_) return log_.durable();
    const Progress* peer = FindPeer(voter);
    return peer != nullptr ? peer->match : Index();
  });
  if (counted <= commit_ || counted > log_.last().index) return;
  if (log_.TermAt(counted) != hard_.term) return;
  const bool barrier_before = commit_ >= leader.barrier;
  AdvanceCommit(context, counted);
  if (!leads()) return;  // the configuration that was committed leaves this node out
  if (!barrier_before && commit_ >= leader.barrier) StartReadRound(context, leader);
}

// ---- sending -----------------------------------------------------------------------------------------------

void Raft::SendWhatIsDue(StepContext& context, Leader& leader, Progress& peer) {
  if (context.peers.SessionOf(peer.node) == LinkSession() || peer.paused_until) return;
  if (peer.state != ProgressState::kSnapshot && Before(peer.next) < log_.start().entry.index) {
    BecomeSnapshotting(context, leader, peer);
  }
  switch (peer.state) {
    case ProgressState::kSnapshot:
      return RequestChunk(context, leader, peer);
    case ProgressState::kProbe:
      if (!peer.probe_sent) SendProbe(context, peer);
      return;
    case ProgressState::kReplicate:
      break;
  }
  bool sent = false;
  while (peer.next <= log_.last().index && SendEntries(context, peer)) sent = true;
  const Index known = std::min(commit_, peer.match);
  if (sent || known <= peer.commit_sent) return;
  peer.commit_sent = known;
  const std::optional<Term> term = log_.TermAt(known);
  if (term) Send(context, peer.node, CommitNotice{hard_.term, {known, *term}});
}

// A probe carries no entries: a wrong guess costs a header.
void Raft::SendProbe(StepContext& context, Progress& peer) {
  peer.probe_sent = true;
  SendAppend(context, peer, {});
  ArmResend(context, peer);
}

// One message of entries from peer.next on. false: the window is full, or they have to be read first.
bool Raft::SendEntries(StepContext& context, Progress& peer) {
  const Options& options = context.options;
  if (peer.in_flight.size() >= options.max_inflight_messages) return false;
  if (peer.in_flight_bytes >= options.max_inflight_bytes) return false;
  if (!log_.IsCached(peer.next)) {
    if (peer.log_read != PortRequest()) return false;
    peer.log_read = NewPortRequest(context);
    context.out.Emit(ReadLog{
        .id = peer.log_read,
        .group = group_,
        .first = peer.next,
        .last = std::min(log_.last().index, Before(peer.next) + Count(options.max_append_entries)),
        .max_bytes = options.max_append_bytes});
    return false;
  }
  EntryList entries;
  std::size_t bytes = 0;
  for (Index at = peer.next; at <= log_.last().index; at = Next(at)) {
    const Entry& entry = log_.At(at);
    if (entries.size() == options.max_append_entries) break;
    if (!entries.empty() && bytes + CostOf(entry) > options.max_append_bytes) break;
    bytes += CostOf(entry);
    entries.push_back(entry);
  }
  SendAppend(context, peer, std::move(entries));
  return true;
}

void Raft::SendAppend(StepContext& context, Progress& peer, EntryList entries) {
  const Index prev = Before(peer.next);
  const std::optional<Term> prev_term = log_.TermAt(prev);
  INVARIANT(prev_term.has_value());
  if (!entries.empty()) {
    std::size_t bytes = 0;
    for (const Entry& entry : entries) bytes += CostOf(entry);
    const Index first = peer.next;
    peer.next = first + Count(entries.size());
    peer.in_flight.push_back({first, Before(peer.next), bytes});
    peer.in_flight_bytes += bytes;
    if (peer.resend_at == kNever) ArmResend(context, peer);
    peer.commit_sent = std::max(peer.commit_sent, std::min(commit_, Before(peer.next)));
  }
  Send(context, peer.node,
       AppendRequest{.term = hard_.term,
                     .prev = {prev, *prev_term},
                     .commit = commit_,
                     .entries = std::move(entries)});
}

void Raft::OnLogRead(StepContext& context, const LogRead& read) {
  // An own entry that cannot be read is not "the end of the log", whoever asked for it and whether or not somebody still
  // waits for it; one that was compacted or truncated meanwhile is simply gone.
  const bool held = read.first > log_.start().entry.index && read.first <= log_.last().index;
  if (held && !read.ok) {
    context.out.events.fatal = StopReason::kDataLoss;
    return;
  }
  const bool known = read.id == apply_read_ || (leads() && [&] {
                       for (const Progress& peer : std::get<Leader>(role_).peers) {
                         if (peer.log_read == read.id) return true;
                       }
                       return false;
                     }());
  if (!known) return context.out.Drop(DropReason::kStaleReply);
  if (held && read.entries.empty()) {
    context.out.events.fatal = StopReason::kDataLoss;
    return;
  }
  // A truncation, a compaction or an install may have overtaken the answer.
  bool current = held;
  for (std::size_t i = 0; i < read.entries.size(); ++i) {
    current = current && log_.TermAt(read.first + Count(i)) == read.entries[i].term;
  }
  if (!current) context.out.Drop(DropReason::kStaleReply);
  if (read.id == apply_read_) {
    apply_read_ = PortRequest();
    if (current && read.first == Next(applied_.index) && applying_ == applied_.index) {
      EmitApplyOf(context, read.entries);
    }
  }
  if (!leads()) return;
  for (Progress& peer : std::get<Leader>(role_).peers) {
    if (peer.log_read != read.id) continue;
    peer.log_read = PortRequest();
    if (!current || peer.state != ProgressState::kReplicate || peer.next != read.first) continue;
    SendAppend(context, peer, read.entries);
  }
}

// Asks anew from the oldest message without an answer, and never below what the log still holds: after an
// election `match` is 0 for everybody, and to go back to entry 1 would mean a snapshot for a peer whose log
// is as good as mine. A peer that does need one says so, by its hint.
void Raft::BecomeProbing(Progress& peer) {
  peer.state = ProgressState::kProbe;
  if (!peer.in_flight.empty()) peer.next = peer.in_flight.front().first;
  peer.next = std::max({peer.next, Next(peer.match), log_.first()});
  peer.in_flight.clear();
  peer.in_flight_bytes = 0;
  peer.probe_sent = false;
  peer.log_read = PortRequest();
  peer.commit_sent = std::min(peer.commit_sent, peer.match);
}

// It has no space. To ask again and again would keep its disk and this log busy for nothing, and its answers
// to heartbeats say nothing about space.
void Raft::Pause(const StepContext& context, Progress& peer) {
  peer.paused_until = context.now.mono + context.options.election_timeout_max;
  peer.probe_sent = false;
  peer.chunk_read = PortRequest();
  peer.resend_at = kNever;
}

void Raft::ArmResend(const StepContext& context, Progress& peer) {
  if (peer.resend_after < context.options.resend) peer.resend_after = context.options.resend;
  peer.resend_at = context.now.mono + peer.resend_after;
}

// What was out counts as lost; the pause doubles, so that a slow disk is not buried under repetitions.
void Raft::OnResendTimer(StepContext& context, Leader& leader, Progress& peer) {
  peer.resend_after = std::min(peer.resend_after * 2, context.options.election_timeout_max);
  switch (peer.state) {
    case ProgressState::kReplicate:
      if (peer.in_flight.empty()) {
        peer.resend_at = kNever;
        return;
      }
      BecomeProbing(peer);
      break;
    case ProgressState::kProbe:
      peer.probe_sent = false;
      break;
    case ProgressState::kSnapshot:
      peer.chunk_read = PortRequest();
      static_cast<void>(leader);
      break;
  }
  ArmResend(context, peer);
}

// ---- applying ----------------------------------------------------------------------------------------------

// One Apply is out at a time: what is committed meanwhile makes the next one larger.
void Raft::EmitApply(StepContext& context) {
  if (applying_ != applied_.index || commit_ <= applied_.index) return;
  if (incoming_ && incoming_->phase == InstallPhase::kSwitching) return;
  const Index first = Next(applied_.index);
  const Index last = std::min(commit_, applied_.index + Count(context.options.max_apply_entries));
  if (!log_.IsCached(first)) {
    if (apply_read_ != PortRequest()) return;
    apply_read_ = NewPortRequest(context);
    context.out.Emit(ReadLog{.id = apply_read_,
                             .group = group_,
                             .first = first,
                             .last = std::min(last, Before(log_.cached_from())),
                             .max_bytes = context.options.max_apply_bytes});
    return;
  }
  EntryList entries;
  std::size_t bytes = 0;
  for (Index at = first; at <= last; at = Next(at)) {
    const Entry& entry = log_.At(at);
    bytes += CostOf(entry);
    if (!entries.empty() && bytes > context.options.max_apply_bytes) break;
    entries.push_back(entry);
  }
  EmitApplyOf(context, std::move(entries));
}

void Raft::EmitApplyOf(StepContext& context, EntryList entries) {
  const Index first = Next(applied_.index);
  INVARIANT(applied_.index + Count(entries.size()) <= commit_);
  applying_ = applied_.index + Count(entries.size());
  if (group_ == kSystemGroup) {
    context.out.events.catalogue_entries.push_back({first, std::move(entries)});
    return;
  }
  context.out.Emit(Apply{.group = group_,
                         .generation = log_.start().generation,
                         .after = log_.WriteOf(applying_),
                         .first = first,
                         .entries = std::move(entries)});
}

void Raft::OnApplied(StepContext& context, const Applied& applied) {
  if (!applied.ok) {
    context.out.events.fatal = StopReason::kDataLoss;
    return;
  }
  if (applied.generation != log_.start().generation || applied.upto.index != applying_ ||
      (incoming_ && incoming_->phase == InstallPhase::kSwitching)) {
    return context.out.Drop(DropReason::kStaleReply);  // of a state that was replaced
  }
  INVARIANT(log_.TermAt(applying_) == applied.upto.term);
  applied_ = applied.upto;
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  for (const ApplyResult& result : applied.results) {
    const auto found = leader->proposals.find(result.index);
    if (found == leader->proposals.end()) continue;
    const Proposer proposer = found->second;
    if (proposer.node == self_) {
      context.out.events.resolved.push_back(
          {group_, proposer.request, result.took_effect, result.reply});
    } else if (IsSameLife(context, proposer.node, proposer.boot)) {
      ForwardReply reply{.term = hard_.term, .outcomes = {}};
      reply.outcomes.push_back({.id = proposer.request,
                                .verdict = ForwardVerdict::kApplied,
                                .index = result.took_effect,
                                .result = result.reply});
      Send(context, proposer.node, std::move(reply));
    }
  }
  while (!leader->unapplied.empty() && leader->unapplied.front().index <= applied_.index) {
    leader->unapplied_bytes -= leader->unapplied.front().bytes;
    leader->unapplied.pop_front();
  }
  while (!leader->proposals.empty() && leader->proposals.begin()->first <= applied_.index) {
    leader->proposed.erase(leader->proposals.begin()->second);
    leader->proposals.erase(leader->proposals.begin());
  }
}

Progress* Raft::FindPeer(NodeId node) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return nullptr;
  for (Progress& peer : leader->peers) {
    if (peer.node == node) return &peer;
  }
  return nullptr;
}

const Progress* Raft::progress(NodeId peer) const {
  return const_cast<Raft*>(this)->FindPeer(peer);
}

}  // namespace quorate
