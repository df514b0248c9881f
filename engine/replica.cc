#include "engine/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/kv/envelope.h"

namespace quorate {
namespace {

constexpr Generation kFirstGeneration{1};

GroupId GroupOf(const LogRecord& record) {
  return std::visit(Match{
                        [](const BootRecord&) { return kEveryGroup; },
                        [](const auto& of_group) { return of_group.group; },
                    },
                    record);
}

}  // namespace

Replica::Replica(const Recovered& recovered, const Options& options)
    : identity_(recovered.identity), boot_(Next(recovered.last_boot)), options_(options) {
  REQUIRE(Validate(options).ok());
  for (const RecoveredGroup& group : recovered.groups) {
    groups_.emplace(group.group, Raft(identity_.node, boot_, group));
  }
  const Raft* system = group(kSystemGroup);
  REQUIRE(system != nullptr);
  absl::StatusOr<Catalogue> catalogue = Catalogue::Decode(system->log().start().catalogue.bytes());
  if (!catalogue.ok()) {
    stopped_ = StopReason::kDataLoss;
    return;
  }
  catalogue_ = *std::move(catalogue);
  catalogue_bytes_ = system->log().start().catalogue;
  replay_end_ = system->log().last().index;
}

const Effects& Replica::Start(Now now) {
  REQUIRE(out_.last_seq_ == PersistSeq());
  out_.effects_.clear();
  if (stopped_) {
    out_.Emit(Stop{*stopped_});
    return out_.effects_;
  }
  out_.Emit(Persist{});
  boot_write_ = out_.Record(BootRecord{boot_});
  StepContext context = ContextAt(now);
  for (auto& [id, raft] : groups_) {
    raft.Start(context);
    Touch(id);
  }
  Settle(context);
  return Seal(now);
}

const Effects& Replica::Step(Now now, const Input& input) {
  out_.effects_.clear();
  touched_.clear();
  if (stopped_) return out_.effects_;
  out_.Emit(Persist{});  // the step's write stands first; it is filled in, or taken out, at the end
  StepContext context = ContextAt(now);
  Take(context, input);
  Settle(context);
  return Seal(now);
}

StepContext Replica::ContextAt(Now now) {
  return {.now = now,
          .options = options_,
          .peers = peers_,
          .out = out_,
          .last_port_request = last_port_request_,
          .boot_write = boot_write_,
          .space = space_,
          .disk_stalled = disk_stalled(now.mono),
          .catalogue = catalogue_bytes_};
}

bool Replica::disk_stalled(MonoTime now) const {
  return !pending_writes_.empty() &&
         now - pending_writes_.front().since > options_.election_timeout_min;
}

const Raft* Replica::group(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

Raft* Replica::Find(GroupId group) {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

void Replica::Touch(GroupId group) {
  if (std::find(unsettled_.begin(), unsettled_.end(), group) == unsettled_.end())
    unsettled_.push_back(group);
  if (std::find(touched_.begin(), touched_.end(), group) == touched_.end())
    touched_.push_back(group);
}

// ---- inputs ----------------------------------------------------------------------------------------------------

void Replica::Take(StepContext& context, const Input& input) {
  const auto to_group = [&](GroupId group, const auto& act) {
    Raft* raft = Find(group);
    if (raft == nullptr) return context.out.Drop(DropReason::kUnknownGroup);
    Touch(group);
    act(*raft);
  };
  std::visit(Match{
                 [&](const LinkUp& in) { OnLinkUp(context, in); },
                 [&](const LinkDown& in) { peers_.Down(in.peer, in.session); },
                 [&](const FrameReceived& in) { OnFrame(context, in); },
                 [&](const Wakeup&) { OnWakeup(context); },
                 [&](const Persisted& in) { OnPersisted(context, in.upto); },
                 // A failed sync is final: what lies behind it is neither there nor gone.
                 [&](const PersistFailed&) { Halt(context, StopReason::kStorageFailed); },
                 [&](const DiskSpace& in) {
                   context.space = space_ = in.space;
                   const std::vector<GroupId> led(led_.begin(), led_.end());
                   for (const GroupId group : led) {
                     to_group(group, [&](Raft& raft) { raft.OfferLeadership(context); });
                   }
                 },
                 [&](const LogRead& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnLogRead(context, in); });
                 },
                 [&](const Applied& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnApplied(context, in); });
                 },
                 [&](const Answered& in) {
                   if (!in.ok) return Halt(context, StopReason::kDataLoss);
                   Forwarding::Context forwarding = ForwardingAt(context);
                   forwarding_.OnQueryAnswered(forwarding, in);
                 },
                 [&](const SnapshotOpened& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnSnapshotOpened(context, in); });
                 },
                 [&](const ChunkRead& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnChunkRead(context, in); });
                 },
                 [&](const ChunkInstalled& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnChunkInstalled(context, in); });
                 },
                 [&](const MapFlushed& in) { OnMapFlushed(context, in); },
                 [&](const GenerationSwitched& in) {
                   to_group(in.group, [&](Raft& raft) { raft.OnGenerationSwitched(context, in); });
                 },
                 [&](const ClientRequests& in) {
                   Forwarding::Context forwarding = ForwardingAt(context);
                   for (const ClientRequest& request : in.requests)
                     forwarding_.OnRequest(forwarding, request);
                 },
                 [&](const TransferLeadership& in) {
                   to_group(in.group, [&](Raft& raft) {
                     if (!raft.StartTransfer(context, in.target))
                       context.out.Drop(DropReason::kNotInThisRole);
                   });
                 },
                 [&](const ChangeConfiguration& in) {
                   to_group(in.group, [&](Raft& raft) {
                     raft.ProposeConfiguration(context, in).IgnoreError();  // it counted why not
                   });
                 },
             },
             input);
}

void Replica::OnLinkUp(StepContext& context, const LinkUp& up) {
  if (up.peer == identity_.node || !peers_.Up({up.peer, up.boot, up.session})) {
    return context.out.Drop(DropReason::kStaleLink);
  }
  Forwarding::Context forwarding = ForwardingAt(context);
  for (auto& [id, raft] : groups_) {
    if (raft.leads()) {
      raft.OnLinkUp(context, up.peer);
      Touch(id);
    } else if (raft.leader() == up.peer) {
      forwarding_.OnLeaderChanged(forwarding, id);
    }
  }
}

void Replica::OnFrame(StepContext& context, const FrameReceived& frame) {
  if (frame.session == LinkSession() || frame.session != peers_.SessionOf(frame.from)) {
    for (std::size_t i = 0; i < frame.messages.size(); ++i)
      context.out.Drop(DropReason::kStaleLink);
    return;
  }
  for (const PeerMessage& message : frame.messages) {
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message.message)) {
      OnHeartbeat(context, frame.from, *heartbeat);
    } else if (const auto* reply = std::get_if<HeartbeatReply>(&message.message)) {
      OnHeartbeatReply(context, frame.from, *reply);
    } else if (Raft* raft = Find(message.group); raft != nullptr) {
      Touch(message.group);
      raft->OnMessage(context, frame.from, message.message);
    } else {
      context.out.Drop(DropReason::kUnknownGroup);  // not born here yet: the sender will try again
    }
  }
}

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

void Replica::OnWakeup(StepContext& context) {
  const MonoTime now = context.now.mono;
  if (now >= heartbeat_at_) {
    beat_due_ = true;
    heartbeat_at_ = now + options_.heartbeat;
    const std::vector<GroupId> led(led_.begin(), led_.end());
    for (const GroupId group : led) {
      Touch(group);
      groups_.at(group).OnTimer(context);
    }
  }
  if (now >= group_wakeup_) {
    group_wakeup_ = kNever;
    for (auto& [id, raft] : groups_) {
      if (raft.next_wakeup() <= now) {
        Touch(id);
        raft.OnTimer(context);
      }
      group_wakeup_ = std::min(group_wakeup_, raft.next_wakeup());
    }
  }
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnTimer(forwarding);
}

void Replica::OnPersisted(StepContext& context, PersistSeq upto) {
  REQUIRE(upto <= out_.last_seq_);
  if (upto <= durable_) return;
  durable_ = upto;
  if (boot_write_ <= upto) context.boot_write = boot_write_ = PersistSeq();
  while (!pending_writes_.empty() && pending_writes_.front().seq <= upto) {
    const PendingWrite write = std::move(pending_writes_.front());
    pending_writes_.pop_front();
    for (const GroupId group : write.groups) {
      if (Raft* raft = Find(group); raft != nullptr) {
        Touch(group);
        raft->OnPersisted(context, upto);
      }
    }
  }
}

void Replica::OnMapFlushed(StepContext& context, const MapFlushed& flushed) {
  if (flushed.id != flush_) return context.out.Drop(DropReason::kStaleReply);
  flush_ = PortRequest();
  if (!flushed.ok) return Halt(context, StopReason::kStorageFailed);
  for (auto& [id, raft] : groups_) {
    if (id == kSystemGroup) continue;
    Touch(id);
    raft.OnMapFlushed(context, flushed);
  }
}

// ---- the end of a step ----------------------------------------------------------------------------------------

// Groups send and apply what the input made possible; what they report may touch others, until nothing moves.
void Replica::Settle(StepContext& context) {
  while (!stopped_) {
    while (!unsettled_.empty()) {
      const GroupId group = unsettled_.back();
      unsettled_.pop_back();
      if (Raft* raft = Find(group); raft != nullptr) raft->Finish(context);
    }
    ActOnEvents(context);
    if (context.out.events.fatal) return Halt(context, *context.out.events.fatal);
    if (unsettled_.empty()) break;
  }
  if (stopped_) return;
  for (const GroupId group : touched_) {
    const Raft* raft = Find(group);
    if (raft != nullptr && raft->leads()) {
      led_.insert(group);
    } else {
      led_.erase(group);
    }
  }
  if (flush_wanted_ && flush_ == PortRequest()) StartFlush(context);
  SendHeartbeats(context);
  AnswerHeartbeats(context);
  UpdateTimers(context);
}

void Replica::ActOnEvents(StepContext& context) {
  RaftEvents& events = context.out.events;
  Forwarding::Context forwarding = ForwardingAt(context);
  if (events.catalogue_installed) {
    const Payload bytes = *std::exchange(events.catalogue_installed, std::nullopt);
    absl::StatusOr<Catalogue> catalogue = Catalogue::Decode(bytes.bytes());
    INVARIANT(catalogue.ok());  // it was looked at before it was taken
    catalogue_ = *std::move(catalogue);
    catalogue_bytes_ = bytes;
    FollowCatalogue(context, groups_.at(kSystemGroup).log().start().entry.index);
  }
  for (const auto& entries : std::exchange(events.catalogue_entries, {}))
    ApplyCatalogue(context, entries);
  for (const auto& resolved : std::exchange(events.resolved, {})) {
    Touch(resolved.group);
    forwarding_.OnResolved(forwarding, resolved);
  }
  for (const auto& answered : std::exchange(events.answered, {}))
    forwarding_.OnAnswered(forwarding, answered);
  for (const auto& confirmed : std::exchange(events.confirmed, {})) {
    forwarding_.OnConfirmed(forwarding, confirmed);
  }
  events.not_confirmed.clear();  // whoever asked asks again when it hears of a leader, or in time
  for (const GroupId group : std::exchange(events.leader_changed, {})) {
    forwarding_.OnLeaderChanged(forwarding, group);
  }
  for (const GroupId group : touched_) forwarding_.OnApplied(forwarding, group);
  for (const GroupId group : std::exchange(events.touched, {})) Touch(group);
  if (!events.flush_wanted.empty()) flush_wanted_ = true;
  events.flush_wanted.clear();
}

void Replica::ApplyCatalogue(StepContext& context, const RaftEvents::CatalogueEntries& batch) {
  const Raft& system = groups_.at(kSystemGroup);
  Applied applied{.group = kSystemGroup,
                  .generation = system.log().start().generation,
                  .upto = {},
                  .results = {}};
  Index at = batch.first;
  bool changed = false;
  for (const Entry& entry : batch.entries) {
    applied.upto = {at, entry.term};
    if (entry.kind == EntryKind::kCommand) {
      Envelope envelope;
      CatalogueReply reply{CatalogueStatus::kMalformed, {}};
      if (DecodeEnvelope(entry.payload.bytes(), envelope)) {
        reply = catalogue_.Apply(at, envelope.command, system.ConfigurationAt(at).configuration);
        changed = true;
      }
      applied.results.push_back({at, at, Payload(EncodeCatalogueReply(reply))});
    } else if (entry.kind == EntryKind::kOpenSession) {
      applied.results.push_back({at, at, Payload()});
    }
    at = Next(at);
  }
  if (changed) catalogue_bytes_ = Payload(catalogue_.Encode());
  if (changed || replay_end_ != Index()) FollowCatalogue(context, applied.upto.index);
  Touch(kSystemGroup);
  groups_.at(kSystemGroup)
      .OnApplied(context, applied);  // looked up again: groups may have been born
}

// One group for each namespace that lives, for as long as it lives. While a boot replays the log, the catalogue
// is one of the past: a group that it names and this node does not have may be dropped further on, and born
// again it would know nothing of the votes and entries of its life.
void Replica::FollowCatalogue(StepContext& context, Index applied) {
  if (applied >= std::min(replay_end_, groups_.at(kSystemGroup).log().last().index)) {
    replay_end_ = Index();
  }
  for (const auto& [number, info] : catalogue_.namespaces()) {
    if (replay_end_ != Index()) break;
    if (!groups_.contains(number)) BearGroup(context, number, info.configuration);
  }
  std::vector<GroupId> dead;
  for (const auto& [id, raft] : groups_) {
    if (id != kSystemGroup && catalogue_.IsGone(id)) dead.push_back(id);
  }
  for (const GroupId group : dead) DropDeadGroup(context, group);
}

void Replica::BearGroup(StepContext& context, GroupId group, const Configuration& configuration) {
  RecoveredGroup born;
  born.group = group;
  born.start.generation = kFirstGeneration;
  born.start.configuration = configuration;
  const PersistSeq seq = context.out.Record(ResetLog{group, born.start});
  Raft& raft = groups_.emplace(group, Raft(identity_.node, boot_, born)).first->second;
  context.out.Emit(SwitchGeneration{group, kFirstGeneration, seq});
  raft.Start(context);
  Touch(group);
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnLeaderChanged(forwarding, group);
}

void Replica::DropDeadGroup(StepContext& context, GroupId group) {
  const Raft& raft = groups_.at(group);
  const PersistSeq seq = context.out.Record(DropGroup{group});
  context.out.Emit(DropGeneration{group, raft.log().start().generation, seq});
  groups_.erase(group);
  led_.erase(group);
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnLeaderChanged(forwarding, group);
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

// One flush at a time for all groups: it covers what was wanted when it begins.
void Replica::StartFlush(StepContext& context) {
  flush_wanted_ = false;
  last_port_request_ = Next(last_port_request_);
  flush_ = last_port_request_;
  for (auto& [id, raft] : groups_) raft.OnFlushStarted(flush_);
  context.out.Emit(FlushMap{flush_});
}

void Replica::Halt(StepContext& context, StopReason reason) {
  if (stopped_) return;
  stopped_ = reason;
  std::vector<LogRecord>().swap(out_.records_);
  // Nothing of this step leaves but what clients are told: the truth about what is done, and about what is
  // under way.
  out_.effects_.erase(
      std::remove_if(std::next(out_.effects_.begin()), out_.effects_.end(),
                     [](const Effect& effect) { return !std::holds_alternative<Reply>(effect); }),
      out_.effects_.end());
  context.out.events.Clear();
  unsettled_.clear();
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnStop(forwarding);
  context.out.Emit(Stop{reason});
}

void Replica::UpdateTimers(StepContext& context) {
  static_cast<void>(context);
  for (const GroupId group : touched_) {
    if (const Raft* raft = Find(group); raft != nullptr) {
      group_wakeup_ = std::min(group_wakeup_, raft->next_wakeup());
    }
  }
}

MonoTime Replica::NextWakeup() const {
  if (stopped_) return kNever;
  return std::min({heartbeat_at_, group_wakeup_, forwarding_.NextWakeup()});
}

// Puts the step's records into the place kept for them.
const Effects& Replica::Seal(Now now) {
  INVARIANT(std::holds_alternative<Persist>(out_.effects_.front()));
  if (out_.records_.empty()) {
    out_.effects_.erase(out_.effects_.begin());
    return out_.effects_;
  }
  out_.last_seq_ = Next(out_.last_seq_);
  PendingWrite write{.seq = out_.last_seq_, .since = now.mono, .groups = {}};
  for (const LogRecord& record : out_.records_) {
    const GroupId group = GroupOf(record);
    if (std::find(write.groups.begin(), write.groups.end(), group) == write.groups.end()) {
      write.groups.push_back(group);
    }
  }
  pending_writes_.push_back(std::move(write));
  out_.effects_.front() =
      Persist{.seq = out_.last_seq_, .records = std::exchange(out_.records_, {})};
  return out_.effects_;
}

Digest Replica::StateDigest() const {
  Digest digest{identity_.node.value()};
  digest = Chain(digest, boot_.value());
  digest = Chain(digest, out_.last_seq_.value());
  digest = Chain(digest, durable_.value());
  digest = Chain(digest, catalogue_bytes_.digest().value);
  digest = Chain(digest, forwarding_.size());
  digest = Chain(digest, stopped_ ? 1 + static_cast<std::uint64_t>(*stopped_) : 0);
  for (const PeerLink& link : peers_.links()) {
    digest = Chain(digest, link.node.value());
    digest = Chain(digest, link.session.value());
  }
  for (const auto& [id, raft] : groups_) digest = Chain(digest, raft.StateDigest().value);
  return digest;
}

std::string Replica::Render() const {
  std::string out = absl::StrCat("n", identity_.node.value(), " boot=", boot_.value(),
                                 " writes=", durable_.value(), "/", out_.last_seq_.value(),
                                 " requests=", forwarding_.size());
  if (stopped_) absl::StrAppend(&out, " STOPPED ", NameOf(*stopped_));
  for (const auto& [id, raft] : groups_) absl::StrAppend(&out, "\n  ", raft.Render());
  return out;
}

}  // namespace quorate
