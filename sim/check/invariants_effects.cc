// What comes into a step and what it asks for: messages, applies, reads.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/check/invariants.h"
#include "sim/check/messages.h"

namespace quorate::sim {
namespace {

// The least term a node can be in when it comes to `reached`: messages before it in the frame teach it higher
// ones, or tell it to campaign. A node may hear a leader and leave its term in one step.
Term TermWhenReached(const FrameReceived& frame, const PeerMessage& reached, GroupId group,
                     Term term) {
  for (const PeerMessage& message : frame.messages) {
    if (&message == &reached) break;
    const std::optional<Term> told = TermTold(message, group);
    if (!told) continue;
    const auto* vote = std::get_if<VoteRequest>(&message.message);
    if (vote != nullptr && vote->kind == VoteKind::kPreVote) continue;
    term = std::max(term, *told);
    if (std::holds_alternative<TimeoutNow>(message.message)) term = Next(term);
  }
  return term;
}

}  // namespace

void Invariants::NoteInput(StepOf& step) {
  if (step.input == nullptr) return;
  if (const auto* clients = std::get_if<ClientRequests>(step.input)) {
    for (const ClientRequest& request : clients->requests) {
      if (request.kind == RequestKind::kStaleRead) continue;
      step.node.requests.insert_or_assign(
          request.id, Request{.group = request.group,
                              .reads = request.kind == RequestKind::kRead,
                              .floor = ghosts_[SlotOf(request.group)].committed(),
                              .step = steps_});
    }
    return;
  }
  if (std::holds_alternative<PersistFailed>(*step.input)) step.node.disk_failed = true;
  if (const auto* flushed = std::get_if<MapFlushed>(step.input)) return NoteFlushed(step, *flushed);
  if (const auto* up = std::get_if<LinkUp>(step.input)) return CheckLinkUp(step, *up);
  if (const auto* opened = std::get_if<SnapshotOpened>(step.input))
    return NoteOpened(step, *opened);
  const auto* frame = std::get_if<FrameReceived>(step.input);
  if (frame == nullptr) return;
  CheckOwnLife(step, *frame);
  for (const PeerMessage& message : frame->messages) {
    if (std::holds_alternative<Heartbeat>(message.message)) {
      NoteHeartbeat(step, *frame, message);
      continue;
    }
    if (const auto* chunk = std::get_if<SnapshotChunk>(&message.message)) {
      Seat& seat = SeatOf(step.node, SlotOf(message.group));
      seat.offered = std::max(seat.offered, chunk->name.entry.index);
    }
    const auto* request = std::get_if<VoteRequest>(&message.message);
    if (request == nullptr) continue;
    const EntryId own = step.node.disk.written(SlotOf(message.group)).last_entry();
    SOMETIMES(request->last.term < own.term && request->last.index > own.index,
              "candidate.longer_log_of_older_term");
    const bool is_shorter = request->last.term < own.term ||
                            (request->last.term == own.term && request->last.index < own.index);
    if (is_shorter) SeatOf(step.node, SlotOf(message.group)).is_counted_on = true;
  }
}

// Who hears a heartbeat of a leader of its term confirms that leader.
void Invariants::NoteHeartbeat(StepOf& step, const FrameReceived& frame,
                               const PeerMessage& message) {
  for (const HeartbeatItem& item : std::get<Heartbeat>(message.message).items) {
    const GroupView* view = ViewOf(step.views, item.group);
    Seat& seat = SeatOf(step.node, SlotOf(item.group));
    if (view == nullptr || (view->role == Role::kLeader && view->term == item.term)) continue;
    const Term before = seat.before.known ? seat.before.term : view->term;
    if (item.term < TermWhenReached(frame, message, item.group, before)) continue;
    if (view->term >= item.term) seat.spoke_up = steps_;
  }
}

// The engine is told how much the map holds durably: never more than it does.
void Invariants::NoteFlushed(StepOf& step, const MapFlushed& flushed) {
  if (flushed.id == step.node.flush) step.node.flush = PortRequest();
  if (!flushed.ok) return;
  for (const FlushedGroup& one : flushed.groups) {
    const Seat& seat = SeatOf(step.node, SlotOf(one.group));
    // Nobody rests on the map of a group that is gone; it is cleared when its turn comes.
    if (seat.dropped) continue;
    if (!seat.map_known || seat.map_generation != one.generation) continue;
    Expect(Check::kNoGap, one.applied <= seat.map_durable, [&] {
      return absl::StrCat(Where(step.id, one.group), "is told that its map holds ",
                          one.applied.value(), " durably, which is ", seat.map_durable.value());
    });
  }
}

// ---- whose words these are -------------------------------------------------------------------------

// A link is agreed with a life of this cluster's node, and that life has spoken.
void Invariants::CheckLinkUp(StepOf& step, const LinkUp& up) {
  Node& node = step.node;
  node.links.insert_or_assign(up.peer, up.boot);
  const Node& peer = At(up.peer);
  Expect(Check::kOwnLife, up.boot > BootNumber() && up.boot <= peer.boot, [&] {
    return absl::StrCat("n", step.id.value(), " is linked to life ", up.boot.value(), " of n",
                        up.peer.value(), ", which is in life ", peer.boot.value());
  });
  if (!node.arrival) return;
  const Arrival& came = *node.arrival;
  Expect(Check::kOwnLife,
         came.from == up.peer && came.to == step.id && came.boot == up.boot &&
             came.incarnation == peer.identity.incarnation &&
             came.cluster.value_or(node.identity.cluster) == node.identity.cluster,
         [&] {
           return absl::StrCat("n", step.id.value(), " is linked to n", up.peer.value(),
                               " by a frame of life ", came.boot.value(), " of n",
                               came.from.value(), ", incarnation ", came.incarnation.value());
         });
}

// What is acted on was said in the life that the link is agreed with, to the life that acts.
void Invariants::CheckOwnLife(StepOf& step, const FrameReceived& frame) {
  Node& node = step.node;
  if (!node.arrival) return;
  const Arrival& came = *node.arrival;
  const auto link = node.links.find(frame.from);
  const bool agreed = link != node.links.end() && link->second == came.boot;
  const bool meant = came.heard == std::optional(std::pair(node.identity.incarnation, node.boot));
  Expect(Check::kOwnLife,
         agreed && meant && came.from == frame.from && came.to == step.id &&
             came.incarnation == At(frame.from).identity.incarnation,
         [&] {
           return absl::StrCat("n", step.id.value(), " takes a frame of life ", came.boot.value(),
                               " of n", came.from.value(), ", incarnation ",
                               came.incarnation.value(),
                               agreed ? "" : ", which its link is not agreed with",
                               meant ? "" : ", which was not meant for its own life");
         });
}

// What was spoiled at rest and read is refused, and whoever needed it stops.
void Invariants::CheckDamage(StepOf& step, const NodeView& whole) {
  Node& node = step.node;
  if (step.input == nullptr) {
    if (std::exchange(node.damage_read, false)) {
      Expect(Check::kCorruptionStops, whole.stopped, [&] {
        return absl::StrCat("n", step.id.value(), " starts on a map that it cannot read");
      });
    }
    return;
  }
  const auto judge = [&](bool touched, bool ok, bool must_stop) {
    if (touched) {
      Expect(Check::kCorruptionStops, !ok, [&] {
        return absl::StrCat("n", step.id.value(), " is told by ", NameOf(*step.input),
                            " what it read of a spoiled row");
      });
    }
    if (ok || !must_stop) return;
    Expect(Check::kCorruptionStops, whole.stopped, [&] {
      return absl::StrCat("n", step.id.value(), " goes on after ", NameOf(*step.input),
                          " told it that its store cannot be read");
    });
  };
  const auto by_work = [&](bool ok, bool must_stop) {
    judge(std::exchange(node.damage_read, false), ok, must_stop);
  };
  if (const auto* read = std::get_if<LogRead>(step.input)) {
    // What was compacted or truncated while it was being read is not missed: nobody needs it any more.
    const bool held = node.disk.written(SlotOf(read->group)).At(read->first) != nullptr;
    judge(node.damaged_reads.erase(read->id) > 0, read->ok, /*must_stop=*/held);
  } else if (const auto* applied = std::get_if<Applied>(step.input)) {
    by_work(applied->ok, /*must_stop=*/true);
  } else if (const auto* answered = std::get_if<Answered>(step.input)) {
    by_work(answered->ok, /*must_stop=*/true);
  } else if (const auto* switched = std::get_if<GenerationSwitched>(step.input)) {
    by_work(switched->ok, /*must_stop=*/true);
  } else if (const auto* opened = std::get_if<SnapshotOpened>(step.input)) {
    by_work(opened->ok, /*must_stop=*/false);
  } else if (const auto* chunk = std::get_if<ChunkRead>(step.input)) {
    by_work(chunk->ok, /*must_stop=*/false);
  } else if (const auto* installed = std::get_if<ChunkInstalled>(step.input)) {
    by_work(installed->ok, /*must_stop=*/false);
  }
}

void Invariants::CheckEffect(StepOf& step, const Effect& effect) {
  std::visit(Match{
                 [](const Persist&) {},  // looked at before
                 [&](const Send& e) { CheckSend(step, e); },
                 [&](const Apply& e) { CheckApply(step, e); },
                 [&](const RunQuery& e) { CheckQuery(step, e); },
                 [](const Reply&) {},  // looked at when it leaves
                 [](const ReadLog&) {},
                 [&](const OpenSnapshot&) { NoteKept(step, effect); },
                 [](const ReadChunk&) {},
                 [&](const CloseSnapshot&) { NoteKept(step, effect); },
                 [&](const InstallChunk& e) {
                   CheckChunk(step.id, SlotOf(e.group), e.entry, e.number, e.rows);
                 },
                 [&](const FlushMap&) { NoteKept(step, effect); },
                 [&](const SwitchGeneration& e) {
                   const std::uint32_t slot = SlotOf(e.group);
                   SeatOf(step.node, slot).apply_next =
                       Next(step.node.disk.written(slot).start().entry.index);
                 },
                 [](const DropGeneration&) {},
                 [](const Stop&) {},
             },
             effect);
}

// ---- state machines and reads ----------------------------------------------------------------------

void Invariants::CheckApply(StepOf& step, const Apply& apply) {
  const std::uint32_t slot = SlotOf(apply.group);
  const GroupGhost& ghost = ghosts_[slot];
  Seat& seat = SeatOf(step.node, slot);
  Expect(Check::kApplyOrder, seat.apply_next == Index() || apply.first == seat.apply_next, [&] {
    return absl::StrCat(Where(step.id, slot), "applies ", apply.first.value(), " where ",
                        seat.apply_next.value(), " is next");
  });
  CheckPiece(step.id, slot, "applies", apply.entries, options_.max_apply_entries,
             options_.max_apply_bytes);
  const Index upto = quorate::Before(apply.first + Count(apply.entries.size()));
  // Committed and dropped in one step: nothing that comes of it can be seen.
  if (seat.dropped) return;
  const GroupView* view = ViewOf(step.views, apply.group);
  Expect(Check::kApplyOrder, view == nullptr || upto <= view->commit, [&] {
    return absl::StrCat(Where(step.id, slot), "applies up to ", upto.value(), " but knows only ",
                        view->commit.value(), " to be committed");
  });
  seat.apply_next = Next(upto);
  const GhostEntry* before = ghost.Committed(quorate::Before(apply.first));
  if (before == nullptr) return;
  std::uint64_t prefix = before->prefix;
  Index at = apply.first;
  for (const Entry& entry : apply.entries) {
    prefix = PrefixAfter(prefix, entry);
    const GhostEntry* committed = ghost.Committed(at);
    if (committed == nullptr && CommitIsUnseen(slot, at)) return;
    if (!Expect(Check::kStateMachineSafety, committed != nullptr && committed->prefix == prefix,
                [&] {
                  return absl::StrCat(Where(step.id, slot), "applies at ", at.value(),
                                      " another entry than was committed there");
                })) {
      return;
    }
    at = Next(at);
  }
}

void Invariants::CheckQuery(StepOf& step, const RunQuery& query) {
  for (const QueryItem& item : query.items) {
    const auto request = step.node.requests.find(item.request);
    if (request == step.node.requests.end() || !request->second.reads) continue;
    Expect(Check::kReadIndex, query.after_applied >= request->second.floor, [&] {
      return absl::StrCat(Where(step.id, query.group), "reads at ", query.after_applied.value(),
                          " for a request that came when ", request->second.floor.value(),
                          " was committed");
    });
    CheckConfirmed(step, SlotOf(query.group), request->second);
  }
}

// Whoever was asked for the read index asked a quorum after the read had come in.
void Invariants::CheckConfirmed(StepOf& step, std::uint32_t slot, const Request& request) {
  const GroupGhost& ghost = ghosts_[slot];
  // Which configuration the leader acted by is not known here: one that is as new as what the request may miss.
  const Index settled = CommittedConfiguration(slot, request.floor).first;
  const bool asked =
      std::any_of(ghost.configurations.begin(), ghost.configurations.end(), [&](const auto& one) {
        return one.first.index >= settled &&
               (one.second.incoming.size() <= 1 || HasQuorum(one.second, [&](NodeId voter) {
                  return SeatOf(At(voter), slot).spoke_up >= request.step;
                }));
      });
  Expect(Check::kReadIndex, asked, [&] {
    return absl::StrCat(Where(step.id, slot), "reads without a quorum having been asked since the",
                        " request came in");
  });
}

// ---- messages --------------------------------------------------------------------------------------

void Invariants::CheckSend(StepOf& step, const Send& send) {
  if (send.message.group == kEveryGroup) return;  // judged item by item when it leaves
  const GroupView* view = ViewOf(step.views, send.message.group);
  const std::uint32_t slot = SlotOf(send.message.group);
  const Seat& seat = SeatOf(step.node, slot);
  if (view != nullptr && seat.before.known) {
    const Term term = TermTold(send.message, send.message.group).value_or(view->term);
    // A step may speak in every term it went through.
    Expect(Check::kTermSource, term <= view->term && term >= seat.before.term, [&] {
      return absl::StrCat(Where(step.id, slot), "speaks as of term ", term.value(), " in term ",
                          view->term.value());
    });
  }
  const auto* vote = std::get_if<VoteReply>(&send.message.message);
  const auto* ack = std::get_if<AppendReply>(&send.message.message);
  const bool grants = vote != nullptr && vote->granted;
  const bool accepts = ack != nullptr && ack->verdict == AppendVerdict::kAccepted;
  // Whether its own write got through is unknown for good: it may promise nothing more.
  if (grants || accepts) {
    Expect(Check::kFailedSync, !step.node.disk_failed, [&] {
      return absl::StrCat(Where(step.id, slot), "makes promises after its disk has failed");
    });
  }
  if (grants) CheckGrant(step, slot, send, *vote);
  if (const auto* chunk = std::get_if<SnapshotChunk>(&send.message.message)) {
    CheckLogBehindState(step, slot, chunk->name.entry);
  }
}

// As long as a state is being sent, the log behind it stays: who has taken it over goes on from there.
void Invariants::CheckLogBehindState(const StepOf& step, std::uint32_t slot, EntryId state) {
  const Before& before = SeatOf(step.node, slot).before;
  if (!before.known) return;
  Expect(Check::kNoGap, before.start.index <= state.index, [&] {
    return absl::StrCat(Where(step.id, slot), "sends the state of ", Show(state),
                        " with a log that begins behind ", before.start.index.value());
  });
}

void Invariants::CheckGrant(StepOf& step, std::uint32_t slot, const Send& send,
                            const VoteReply& reply) {
  const GroupView* view = ViewOf(step.views, send.message.group);
  const Seat& seat = SeatOf(step.node, slot);
  if (view != nullptr && seat.before.known) {
    Expect(Check::kRoles,
           view->role != Role::kLeader || seat.before.role != Role::kLeader ||
               view->term != seat.before.term,
           [&] { return absl::StrCat(Where(step.id, slot), "grants a vote while it leads"); });
  }
  const auto* frame = step.input == nullptr ? nullptr : std::get_if<FrameReceived>(step.input);
  if (frame == nullptr || frame->from != send.to) return;
  const EntryId own = step.node.disk.written(slot).last_entry();
  for (const PeerMessage& message : frame->messages) {
    const auto* request = std::get_if<VoteRequest>(&message.message);
    if (request == nullptr || message.group != send.message.group) continue;
    if (request->campaign != reply.campaign || request->kind != reply.kind) continue;
    Expect(Check::kUpToDateVote,
           request->last.term > own.term ||
               (request->last.term == own.term && request->last.index >= own.index),
           [&] {
             return absl::StrCat(Where(step.id, slot), "grants a vote to a log that ends at ",
                                 Show(request->last), " while its own ends at ", Show(own));
           });
  }
}

}  // namespace quorate::sim
