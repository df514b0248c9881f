// State transfer and compaction. Source: Raft dissertation 5.1–5.3.
//
// A snapshot is logical: rows in key order from a pinned view of the state machine. It is named (entry,
// generation, sender's boot) and resumes under the same name, else starts over. Received chunks fill a
// generation that nobody reads; when all of it is durable one log record switches generation, log start and
// configuration at once, so a crash leaves either the old state or the new one.
#include <algorithm>
#include <utility>

#include "engine/catalogue.h"
#include "engine/raft/raft.h"

namespace quorate {
namespace {

constexpr unsigned kGenerationsPerBootBits = 20;

}  // namespace

// ---- the sender --------------------------------------------------------------------------------------------

void Raft::BecomeSnapshotting(StepContext& context, Leader& leader, Progress& peer) {
  BecomeProbing(peer);
  peer.state = ProgressState::kSnapshot;
  peer.snapshot = SnapshotName{};
  peer.next_chunk = 0;
  peer.chunk_read = PortRequest();
  // A view from which the log no longer goes on would lead straight into the next snapshot.
  if (leader.view && leader.view->opening == PortRequest() &&
      leader.view->name.entry.index < log_.start().entry.index) {
    context.out.Emit(CloseSnapshot{group_});
    leader.view.reset();
  }
  ArmResend(context, peer);
}

void Raft::OpenViewFor(StepContext& context, Leader& leader) {
  leader.view.emplace();
  if (group_ == kSystemGroup) {
    PlacedConfiguration placed = ConfigurationAt(applied_.index);
    leader.view->name = {applied_, log_.start().generation, boot_};
    leader.view->configuration_index = placed.index;
    leader.view->configuration = std::move(placed.configuration);
    leader.view->catalogue = context.catalogue;
    return;
  }
  leader.view->opening = NewPortRequest(context);
  context.out.Emit(OpenSnapshot{leader.view->opening, group_});
}

void Raft::OnSnapshotOpened(StepContext& context, const SnapshotOpened& opened) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || !leader->view || leader->view->opening != opened.id) {
    if (leader == nullptr) context.out.Emit(CloseSnapshot{group_});
    return context.out.Drop(DropReason::kStaleReply);
  }
  if (!opened.ok || opened.generation != log_.start().generation ||
      opened.entry.index < log_.start().entry.index) {
    leader->view.reset();
    return context.out.Emit(CloseSnapshot{group_});
  }
  PlacedConfiguration placed = ConfigurationAt(opened.entry.index);
  leader->view->opening = PortRequest();
  leader->view->name = {opened.entry, opened.generation, boot_};
  leader->view->configuration_index = placed.index;
  leader->view->configuration = std::move(placed.configuration);
}

bool Raft::IsInContact(const StepContext& context, const Progress& peer) const {
  return context.now.mono - peer.last_contact < context.options.election_timeout_max;
}

// Called at the end of each step for a peer that needs a snapshot: asks for the chunk that is its turn.
void Raft::RequestChunk(StepContext& context, Leader& leader, Progress& peer) {
  if (!IsInContact(context, peer)) return;  // nothing is kept open for a peer that is away
  if (!leader.view) OpenViewFor(context, leader);
  OpenView& view = *leader.view;
  if (view.opening != PortRequest()) return;
  if (peer.snapshot != view.name) {
    peer.snapshot = view.name;
    peer.next_chunk = 0;
    peer.chunk_read = PortRequest();
  } else if (peer.chunk_read != PortRequest()) {
    return;  // read, or sent and not answered
  }
  peer.chunk_read = NewPortRequest(context);
  ArmResend(context, peer);
  if (group_ == kSystemGroup) return SendChunk(context, view, peer, view.catalogue, true);
  context.out.Emit(ReadChunk{peer.chunk_read, group_, peer.next_chunk});
}

void Raft::OnChunkRead(StepContext& context, const ChunkRead& read) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || !leader->view) return context.out.Drop(DropReason::kStaleReply);
  for (Progress& peer : leader->peers) {
    if (peer.state != ProgressState::kSnapshot || peer.chunk_read != read.id) continue;
    if (peer.snapshot != leader->view->name) {
      peer.chunk_read = PortRequest();  // of a view that was closed; another is being opened
      break;
    }
    if (!read.ok) {
      context.out.events.fatal = StopReason::kDataLoss;
      return;
    }
    peer.next_chunk = read.number;  // what there is: a peer may have asked for more
    return SendChunk(context, *leader->view, peer, read.rows, read.last);
  }
  context.out.Drop(DropReason::kStaleReply);
}

void Raft::SendChunk(StepContext& context, const OpenView& view, Progress& peer, Payload rows,
                     bool last) {
  Send(context, peer.node,
       SnapshotChunk{.term = hard_.term,
                     .name = view.name,
                     .number = peer.next_chunk,
                     .last = last,
                     .rows = std::move(rows),
                     .configuration_index = view.configuration_index,
                     .configuration = view.configuration});
}

void Raft::OnSnapshotReply(StepContext& context, NodeId from, const SnapshotReply& reply) {
  Leader* leader = std::get_if<Leader>(&role_);
  Progress* peer = FindPeer(from);
  if (leader == nullptr || peer == nullptr) return context.out.Drop(DropReason::kNotInThisRole);
  peer->last_contact = context.now.mono;
  switch (reply.verdict) {
    case SnapshotVerdict::kStaleTerm:
      return context.out.Drop(DropReason::kMalformed);
    case SnapshotVerdict::kNoSpace:
      context.out.Drop(DropReason::kNoSpace);
      return Pause(context, *peer);
    case SnapshotVerdict::kHolds:
      if (reply.match > log_.last().index) return context.out.Drop(DropReason::kMalformed);
      return OnAccepted(context, *leader, *peer, reply.match);
    case SnapshotVerdict::kWants:
      break;
  }
  if (peer->state != ProgressState::kSnapshot || reply.name != peer->snapshot) {
    return context.out.Drop(DropReason::kOtherSnapshot);
  }
  // The receiver says where it stands: further on, or back at the beginning after a restart.
  if (reply.next == peer->next_chunk && peer->chunk_read != PortRequest()) {
    return context.out.Drop(DropReason::kStaleReply);  // asks for what is on its way already
  }
  peer->next_chunk = reply.next;
  peer->chunk_read = PortRequest();
  peer->resend_after = context.options.resend;
}

void Raft::CloseUnusedView(StepContext& context, Leader& leader) {
  if (!leader.view || leader.view->opening != PortRequest()) return;
  const bool used =
      std::any_of(leader.peers.begin(), leader.peers.end(), [&](const Progress& peer) {
        return peer.state == ProgressState::kSnapshot && !peer.paused_until &&
               IsInContact(context, peer);
      });
  if (used && !IsTooOld(context, *leader.view)) return;
  if (group_ != kSystemGroup) context.out.Emit(CloseSnapshot{group_});
  leader.view.reset();
}

// The log behind a view is kept for as long as the view is open: a transfer that takes too long starts over.
bool Raft::IsTooOld(const StepContext& context, const OpenView& view) const {
  const Count age(context.options.snapshot_every * context.options.max_view_age);
  return applied_.index > view.name.entry.index + age;
}

// ---- the receiver ------------------------------------------------------------------------------------------

void Raft::OnSnapshotChunk(StepContext& context, NodeId from, const SnapshotChunk& chunk) {
  if (leads()) return context.out.Drop(DropReason::kNotInThisRole);
  HeardFromLeader(context, from);
  // Nothing of it is needed: it is committed here, or the log holds that entry and goes on from it
  // (etcd 80615be threw a longer log away).
  if (chunk.name.entry.index <= commit_) return ReplyHolds(context, from, chunk.name);
  if (incoming_ && incoming_->phase != InstallPhase::kReceiving) {
    return context.out.Drop(DropReason::kOtherSnapshot);
  }
  if (log_.Holds(chunk.name.entry)) {
    AdvanceCommit(context, chunk.name.entry.index);
    return ReplyHolds(context, from, chunk.name);
  }
  if (!chunk.configuration.IsValid() || chunk.name.entry.term > hard_.term ||
      chunk.configuration_index > chunk.name.entry.index) {
    return context.out.Drop(DropReason::kMalformed);
  }
  if (context.space == Space::kLow) {
    context.out.Drop(DropReason::kNoSpace);
    return Send(context, from,
                SnapshotReply{.term = hard_.term,
                              .name = chunk.name,
                              .verdict = SnapshotVerdict::kNoSpace,
                              .next = 0,
                              .match = {}});
  }
  if (!incoming_ || incoming_->name != chunk.name || incoming_->from != from) {
    if (incoming_) AbandonIncoming(context);
    const std::uint64_t boot_part = boot_.value() << kGenerationsPerBootBits;
    ++generations_made_;
    incoming_ = Incoming{.from = from,
                         .name = chunk.name,
                         .generation = Generation(boot_part + generations_made_ + 1),
                         .configuration_index = chunk.configuration_index,
                         .configuration = chunk.configuration};
  }
  Incoming& incoming = *incoming_;
  if (incoming.installing != PortRequest()) return context.out.Drop(DropReason::kStaleReply);
  if (chunk.number != incoming.next_chunk) return WantChunk(context);
  incoming.complete = chunk.last;
  if (group_ == kSystemGroup) {
    if (!chunk.last || !Catalogue::Decode(chunk.rows.bytes()).ok()) {
      AbandonIncoming(context);
      return context.out.Drop(DropReason::kMalformed);
    }
    incoming.catalogue = chunk.rows;
    return InstallState(context);
  }
  incoming.installing = NewPortRequest(context);
  context.out.Emit(InstallChunk{.id = incoming.installing,
                                .group = group_,
                                .generation = incoming.generation,
                                .entry = incoming.name.entry,
                                .number = chunk.number,
                                .last = chunk.last,
                                .rows = chunk.rows});
}

void Raft::WantChunk(StepContext& context) {
  Send(context, incoming_->from,
       SnapshotReply{.term = hard_.term,
                     .name = incoming_->name,
                     .verdict = SnapshotVerdict::kWants,
                     .next = incoming_->next_chunk,
                     .match = {}});
}

void Raft::ReplyHolds(StepContext& context, NodeId to, const SnapshotName& name) {
  const PersistSeq after = log_.WriteOf(name.entry.index);
  Send(context, to,
       SnapshotReply{.term = hard_.term,
                     .name = name,
                     .verdict = SnapshotVerdict::kHolds,
                     .next = 0,
                     .match = name.entry.index},
       after);
}

void Raft::OnChunkInstalled(StepContext& context, const ChunkInstalled& installed) {
  if (!incoming_ || incoming_->installing != installed.id) {
    return context.out.Drop(DropReason::kStaleReply);
  }
  Incoming& incoming = *incoming_;
  incoming.installing = PortRequest();
  if (!installed.ok) {  // no chunk of ours, or the whole is not what it claims: from the beginning
    context.out.Drop(DropReason::kMalformed);
    incoming.next_chunk = 0;
    WantChunk(context);
    return AbandonIncoming(context);
  }
  ++incoming.next_chunk;
  if (!incoming.complete) return WantChunk(context);
  incoming.phase = InstallPhase::kFlushing;  // the map first, then the record that points to it
  context.out.events.flush_wanted.push_back(group_);
}

void Raft::AbandonIncoming(StepContext& context) {
  if (incoming_->phase == InstallPhase::kSwitching) return;  // the record is written: it will be so
  if (group_ != kSystemGroup)
    context.out.Emit(DropGeneration{group_, incoming_->generation, PersistSeq()});
  incoming_.reset();
}

// The one record that makes the received state this node's state.
void Raft::InstallState(StepContext& context) {
  Incoming& incoming = *incoming_;
  const EntryId entry = incoming.name.entry;
  if (entry.index <= commit_ || log_.Holds(entry)) {  // the log got there meanwhile
    const NodeId from = incoming.from;
    const SnapshotName name = incoming.name;
    if (entry.index > commit_) AdvanceCommit(context, entry.index);
    AbandonIncoming(context);
    if (!Promotable()) role_ = Follower{};  // what was committed may have taken its vote away
    return ReplyHolds(context, from, name);
  }
  const LogStart start{.generation = incoming.generation,
                       .entry = entry,
                       .configuration_index = incoming.configuration_index,
                       .configuration = incoming.configuration,
                       .catalogue = incoming.catalogue};
  if (!std::holds_alternative<Follower>(role_))
    role_ = Follower{};  // it campaigned with the old log
  incoming.phase = InstallPhase::kSwitching;
  incoming.write = context.out.Record(ResetLog{group_, start});
  log_.Reset(start, incoming.write);
  configurations_.clear();
  commit_ = entry.index;
  apply_read_ = PortRequest();
  if (group_ == kSystemGroup) {
    context.out.events.catalogue_installed = incoming.catalogue;
    return OnGenerationSwitched(context, {group_, start.generation, entry, true});
  }
  context.out.Emit(SwitchGeneration{group_, start.generation, incoming.write});
}

void Raft::OnGenerationSwitched(StepContext& context, const GenerationSwitched& switched) {
  if (!switched.ok) {
    context.out.events.fatal = StopReason::kDataLoss;
    return;
  }
  // A group that was just born opens its state machine this way, too.
  if (!incoming_ || incoming_->generation != switched.generation) return;
  if (switched.applied != incoming_->name.entry) {
    context.out.events.fatal = StopReason::kDataLoss;
    return;
  }
  applied_ = switched.applied;
  applying_ = applied_.index;
  compacting_ = false;
  const Incoming done = *std::exchange(incoming_, std::nullopt);
  ReplyHolds(context, done.from, done.name);
}

// ---- compaction --------------------------------------------------------------------------------------------

// What lies behind this entry stays in the log, whatever is applied: a peer that is being sent a state goes
// on from there.
Index Raft::CompactionBound() const {
  const Leader* leader = leadership();
  if (leader == nullptr || !leader->view) return applied_.index;
  // Not known yet; and the catalogue is only there as it is applied now.
  if (leader->view->opening != PortRequest() || group_ == kSystemGroup) {
    return log_.start().entry.index;
  }
  return std::min(applied_.index, leader->view->name.entry.index);
}

void Raft::MaybeCompact(StepContext& context) {
  if (compacting_ || incoming_) return;
  // Only when it would drop something: what is kept behind for slow followers does not count.
  const std::uint64_t keep = group_ == kSystemGroup ? 0 : context.options.log_keep;
  const Count due(context.options.snapshot_every + keep);
  if (CompactionBound() < log_.start().entry.index + due) return;
  if (group_ == kSystemGroup) {
    if (applied_.index <= log_.durable()) CompactTo(context, applied_.index);
    return;
  }
  compacting_ = true;
  context.out.events.flush_wanted.push_back(group_);
}

void Raft::OnFlushStarted(PortRequest id) {
  if (incoming_ && incoming_->phase == InstallPhase::kFlushing &&
      incoming_->flush == PortRequest()) {
    incoming_->flush = id;
  }
}

void Raft::OnMapFlushed(StepContext& context, const MapFlushed& flushed) {
  if (!flushed.ok) {
    context.out.events.fatal = StopReason::kStorageFailed;
    return;
  }
  if (compacting_) {
    for (const FlushedGroup& one : flushed.groups) {
      if (one.group != group_ || one.generation != log_.start().generation) continue;
      compacting_ = false;
      const std::uint64_t keep = std::min(context.options.log_keep, one.applied.value());
      CompactTo(context, Index(one.applied.value() - keep));
    }
  }
  if (incoming_ && incoming_->phase == InstallPhase::kFlushing && incoming_->flush == flushed.id) {
    InstallState(context);
  }
}

// Requires: the map holds everything up to `upto` durably.
void Raft::CompactTo(StepContext& context, Index upto) {
  upto = std::min({upto, CompactionBound(), log_.durable()});
  if (upto <= log_.start().entry.index) return;
  PlacedConfiguration placed = ConfigurationAt(upto);
  LogStart start{.generation = log_.start().generation,
                 .entry = {upto, *log_.TermAt(upto)},
                 .configuration_index = placed.index,
                 .configuration = std::move(placed.configuration),
                 .catalogue = group_ == kSystemGroup ? context.catalogue : Payload()};
  context.out.Record(DropPrefix{group_, start});
  log_.DropPrefix(std::move(start));
  std::erase_if(configurations_, [&](const PlacedConfiguration& one) { return one.index <= upto; });
}

}  // namespace quorate
