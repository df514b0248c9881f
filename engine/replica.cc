#include "engine/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate {
namespace {

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
