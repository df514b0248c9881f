// What a step asks for: records, entries, messages, applies, reads.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/check/invariants.h"

namespace quorate::sim {
namespace {

Term TermOf(const Message& message, GroupId group) {
  return std::visit(Match{
                        [&](const Heartbeat& beat) {
                          for (const HeartbeatItem& item : beat.items) {
                            if (item.group == group) return item.term;
                          }
                          return Term();
                        },
                        [&](const HeartbeatReply& reply) {
                          for (const HeartbeatReplyItem& item : reply.items) {
                            if (item.group == group) return item.term;
                          }
                          return Term();
                        },
                        [](const auto& any) { return any.term; },
                    },
                    message);
}

// The least term a node can be in when it comes to `reached`: messages before it in the frame teach it higher
// ones, or tell it to campaign. A node may hear a leader and leave its term in one step.
Term TermWhenReached(const FrameReceived& frame, const PeerMessage& reached, GroupId group,
                     Term term) {
  for (const PeerMessage& message : frame.messages) {
    if (&message == &reached) break;
    if (message.group != group && message.group != kEveryGroup) continue;
    const auto* vote = std::get_if<VoteRequest>(&message.message);
    if (vote != nullptr && vote->kind == VoteKind::kPreVote) continue;
    term = std::max(term, TermOf(message.message, group));
    if (std::holds_alternative<TimeoutNow>(message.message)) term = Next(term);
  }
  return term;
}

std::string Show(EntryId entry) {
  return absl::StrCat(entry.index.value(), "/", entry.term.value());
}

const GroupView* Find(std::span<const GroupView> views, GroupId group) {
  for (const GroupView& view : views) {
    if (view.group == group) return &view;
  }
  return nullptr;
}

std::size_t VotersThatDiffer(const NodeSet& a, const NodeSet& b) {
  std::size_t count = 0;
  for (const NodeId node : a) count += std::find(b.begin(), b.end(), node) == b.end() ? 1 : 0;
  for (const NodeId node : b) count += std::find(a.begin(), a.end(), node) == a.end() ? 1 : 0;
  return count;
}

// The sender's term, of messages that carry one for their group.
std::optional<Term> TermOf(const Message& message) {
  return std::visit(Match{
                        [](const Heartbeat&) -> std::optional<Term> { return std::nullopt; },
                        [](const HeartbeatReply&) -> std::optional<Term> { return std::nullopt; },
                        [](const auto& any) -> std::optional<Term> { return any.term; },
                    },
                    message);
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
  const auto* frame = std::get_if<FrameReceived>(step.input);
  if (frame == nullptr) return;
  for (const PeerMessage& message : frame->messages) {
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message.message)) {
      for (const HeartbeatItem& item : heartbeat->items) {
        const GroupView* view = Find(step.views, item.group);
        Seat& seat = SeatOf(step.node, SlotOf(item.group));
        if (view == nullptr || (view->role == Role::kLeader && view->term == item.term)) continue;
        const Term before = seat.before.known ? seat.before.term : view->term;
        if (item.term < TermWhenReached(*frame, message, item.group, before)) continue;
        if (view->term >= item.term) seat.spoke_up = steps_;
      }
      continue;
    }
    const auto* request = std::get_if<VoteRequest>(&message.message);
    if (request == nullptr) continue;
    const EntryId own = step.node.disk.written(SlotOf(message.group)).last_entry();
    SOMETIMES(request->last.term < own.term && request->last.index > own.index,
              "candidate.longer_log_of_older_term");
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
                 [](const OpenSnapshot&) {},
                 [](const ReadChunk&) {},
                 [](const CloseSnapshot&) {},
                 [](const InstallChunk&) {},
                 [](const FlushMap&) {},
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

// ---- records ---------------------------------------------------------------------------------------

void Invariants::CheckWrite(StepOf& step, const Persist& persist) {
  Node& node = step.node;
  const PersistSeq seq = persist.seq;
  Expect(Check::kRecovery, seq == Next(node.disk.last_written()), [&] {
    return absl::StrCat("n", step.id.value(), " numbers a write ", seq.value(), " after ",
                        node.disk.last_written().value());
  });
  for (const LogRecord& record : persist.records) {
    std::visit(
        Match{
            [](const BootRecord&) {},
            [&](const SetHardState& r) {
              const std::uint32_t slot = SlotOf(r.group);
              const HardState& held = node.disk.written(slot).hard;
              Expect(Check::kMonotone, r.state.term >= held.term, [&] {
                return absl::StrCat(Where(step.id, slot), "writes term ", r.state.term.value(),
                                    " after ", held.term.value());
              });
              Expect(Check::kOneVoteATerm,
                     r.state.term > held.term || held.vote == NodeId() || r.state.vote == held.vote,
                     [&] {
                       return absl::StrCat(Where(step.id, slot), "changes its vote in term ",
                                           held.term.value(), " from ", held.vote.value(), " to ",
                                           r.state.vote.value());
                     });
              node.disk.SetHardState(seq, slot, r.state);
            },
            [&](const TruncateSuffix& r) { CheckTruncate(step, seq, r); },
            [&](const AppendEntries& r) { CheckAppend(step, seq, r); },
            [&](const DropPrefix& r) { CheckDropPrefix(step, seq, r); },
            [&](const ResetLog& r) { CheckReset(step, seq, r); },
            [&](const DropGroup& r) {
              const std::uint32_t slot = SlotOf(r.group);
              ghosts_[slot].dropped = true;
              SeatOf(node, slot).dropped = true;
              node.disk.DropGroup(seq, slot);
            },
        },
        record);
  }
  node.disk.Wrote(seq);
}

void Invariants::CheckAppend(StepOf& step, PersistSeq seq, const AppendEntries& append) {
  const std::uint32_t slot = SlotOf(append.group);
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  if (!Expect(Check::kNoGap, append.first == Next(image.last()), [&] {
        return absl::StrCat(Where(step.id, slot), "appends at ", append.first.value(),
                            " behind a log that ends at ", image.last().value());
      })) {
    return;
  }
  Term before = image.last_entry().term;
  std::uint64_t prefix = *image.PrefixAt(image.last());
  fresh_.clear();
  Index at = append.first;
  for (const Entry& entry : append.entries) {
    Expect(Check::kContiguousAppend, entry.term >= before, [&] {
      return absl::StrCat(Where(step.id, slot), "appends term ", entry.term.value(),
                          " behind term ", before.value(), " at ", at.value());
    });
    before = entry.term;
    prefix = PrefixAfter(prefix, entry);
    const EntryId id{at, entry.term};
    const GhostEntry made{entry.term, prefix, entry.kind == EntryKind::kConfiguration};
    if (const GhostEntry* known = ghost.Find(id); known != nullptr) {
      Expect(Check::kLogMatching, known->prefix == prefix, [&] {
        return absl::StrCat(Where(step.id, slot), "appends at ", Show(id),
                            " another entry, or behind another log, than was made there");
      });
    } else {
      CheckMade(step, slot, id, entry);
      ghost.Make(at, made);
    }
    fresh_.push_back(made);
    at = Next(at);
  }
  step.node.disk.Append(seq, slot, fresh_);
}

// Only the leader of a term makes entries of it.
void Invariants::CheckMade(StepOf& step, std::uint32_t slot, EntryId at, const Entry& entry) {
  auto& leaders = ghosts_[slot].leaders;
  auto leader = leaders.find(at.term);
  if (leader == leaders.end()) {
    // Won and lost within one step: it was a candidate of that very term before.
    const Before& before = SeatOf(step.node, slot).before;
    if (before.known && before.role == Role::kCandidate && before.term == at.term) {
      leader = leaders.emplace(at.term, step.id).first;
    }
  }
  Expect(Check::kOneMakerATerm, leader != leaders.end() && leader->second == step.id, [&] {
    return absl::StrCat(Where(step.id, slot), "makes entry ", Show(at), " but does not lead term ",
                        at.term.value());
  });
  if (entry.kind == EntryKind::kConfiguration) CheckNewConfiguration(step, slot, at, entry);
}

void Invariants::CheckNewConfiguration(StepOf& step, std::uint32_t slot, EntryId at,
                                       const Entry& entry) {
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  const absl::StatusOr<Configuration> next = DecodeConfiguration(entry.payload.bytes());
  if (!Expect(Check::kConfigurationChange, next.ok() && !next->incoming.empty(), [&] {
        return absl::StrCat(Where(step.id, slot), "makes a configuration that cannot be read at ",
                            Show(at));
      })) {
    return;
  }
  const Configuration* now = EffectiveConfiguration(slot, image);
  const GroupView* view = Find(step.views, groups_[slot]);
  // The image does not hold the entries of this very record yet: none of them may be a configuration.
  const bool alone = std::none_of(fresh_.begin(), fresh_.end(),
                                  [](const GhostEntry& one) { return one.configuration; });
  if (now != nullptr && view != nullptr) {
    const Index placed = image.LastConfiguration().value_or(image.start().configuration_index);
    Expect(Check::kConfigurationChange, alone && placed <= view->commit, [&] {
      return absl::StrCat(Where(step.id, slot), "changes the configuration at ", Show(at),
                          " while that of ", placed.value(), " is not committed");
    });
    const std::optional<Term> commit_term = image.TermAt(view->commit);
    Expect(Check::kConfigurationChange, commit_term && *commit_term == at.term, [&] {
      return absl::StrCat(Where(step.id, slot), "changes the configuration at ", Show(at),
                          " before an entry of that term is committed");
    });
  }
  if (now != nullptr) {
    const bool entering = !now->joint() && next->joint();
    const bool leaving = now->joint() && !next->joint();
    bool legal = false;
    if (entering) legal = next->outgoing == now->incoming;
    if (leaving) legal = next->incoming == now->incoming;
    if (!entering && !leaving) {
      legal = !now->joint() && VotersThatDiffer(now->incoming, next->incoming) <= 1;
    }
    Expect(Check::kConfigurationChange, legal && next->epoch == now->epoch + 1, [&] {
      return absl::StrCat(Where(step.id, slot), "goes from ", Render(*now), " to ", Render(*next));
    });
    if (leaving) {
      NodeSet listeners = now->learners;
      listeners.insert(listeners.end(), now->learners_next.begin(), now->learners_next.end());
      std::sort(listeners.begin(), listeners.end());
      Expect(Check::kJointLeft, next->learners == listeners && next->learners_next.empty(), [&] {
        return absl::StrCat(Where(step.id, slot), "leaves ", Render(*now), " for ", Render(*next));
      });
    }
  }
  ghost.configurations.insert_or_assign(at, *next);
}

void Invariants::CheckTruncate(StepOf& step, PersistSeq seq, const TruncateSuffix& truncate) {
  const std::uint32_t slot = SlotOf(truncate.group);
  const GroupImage& image = step.node.disk.written(slot);
  const Before& before = SeatOf(step.node, slot).before;
  const GroupView* view = Find(step.views, truncate.group);
  if (before.known) {
    Expect(Check::kCommittedStays, truncate.from > before.commit, [&] {
      return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                          " although it knows ", before.commit.value(), " to be committed");
    });
    Expect(Check::kLeaderAppendOnly,
           before.role != Role::kLeader || view == nullptr || view->role != Role::kLeader ||
               view->term != before.term,
           [&] {
             return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                                 " while it leads");
           });
  }
  const GhostEntry* committed = ghosts_[slot].Committed(truncate.from);
  const std::optional<std::uint64_t> held = image.PrefixAt(truncate.from);
  Expect(Check::kCommittedStays, committed == nullptr || !held || *held != committed->prefix, [&] {
    return absl::StrCat(Where(step.id, slot), "truncates the committed entry at ",
                        truncate.from.value());
  });
  Expect(Check::kNoGap, truncate.from > image.start().entry.index && truncate.from <= image.last(),
         [&] {
           return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                               " a log of (", image.start().entry.index.value(), ", ",
                               image.last().value(), "]");
         });
  step.node.disk.TruncateFrom(seq, slot, truncate.from);
}

void Invariants::CheckDropPrefix(StepOf& step, PersistSeq seq, const DropPrefix& drop) {
  const std::uint32_t slot = SlotOf(drop.group);
  const GroupImage& image = step.node.disk.written(slot);
  const Seat& seat = SeatOf(step.node, slot);
  const EntryId entry = drop.start.entry;
  // What this very step commits and compacts is committed first, while its entries can be looked at.
  const GroupView* view = Find(step.views, drop.group);
  if (view != nullptr && entry.index > ghosts_[slot].committed()) CheckCommit(step, *view, slot);
  const std::optional<std::uint64_t> prefix = image.PrefixAt(entry.index);
  if (!Expect(Check::kNoGap, prefix && image.TermAt(entry.index) == entry.term, [&] {
        return absl::StrCat(Where(step.id, slot), "drops its log up to ", Show(entry),
                            ", which it does not hold");
      })) {
    return;
  }
  if (drop.group != kSystemGroup && seat.map_known &&
      seat.map_generation == drop.start.generation) {
    Expect(Check::kNoGap, entry.index <= seat.map_durable, [&] {
      return absl::StrCat(Where(step.id, slot), "drops its log up to ", Show(entry),
                          " although the map holds only ", seat.map_durable.value(), " durably");
    });
  }
  const auto [at, configuration] = ConfigurationIn(slot, image, entry.index);
  Expect(Check::kEffectiveConfiguration,
         configuration == nullptr ||
             (drop.start.configuration_index == at && drop.start.configuration == *configuration),
         [&] {
           return absl::StrCat(Where(step.id, slot), "keeps the configuration of ",
                               drop.start.configuration_index.value(), " for a log behind ",
                               Show(entry));
         });
  step.node.disk.DropPrefix(seq, slot,
                            GhostStart{.entry = entry,
                                       .prefix = *prefix,
                                       .generation = drop.start.generation,
                                       .configuration_index = drop.start.configuration_index,
                                       .configuration = drop.start.configuration});
}

// A group is born, or its state is replaced by a received one.
void Invariants::CheckReset(StepOf& step, PersistSeq seq, const ResetLog& reset) {
  const std::uint32_t slot = SlotOf(reset.group);
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  const EntryId entry = reset.start.entry;
  const bool birth = !image.exists && entry == EntryId{};
  if (birth) {
    // Numbers of namespaces are never given twice: what it knew and promised would be forgotten.
    Expect(Check::kInstall, !SeatOf(step.node, slot).dropped, [&] {
      return absl::StrCat(Where(step.id, slot), "is born again after it was dropped");
    });
    ghost.configurations.emplace(EntryId{}, reset.start.configuration);
    SeatOf(step.node, slot).apply_next = Next(entry.index);
    SeatOf(step.node, slot).map_known = false;
  }
  Expect(Check::kInstall, HoldsCommitted(slot, entry), [&] {
    return absl::StrCat(Where(step.id, slot), "installs the state of ", Show(entry),
                        ", which was never committed");
  });
  const auto [at, configuration] = CommittedConfiguration(slot, entry.index);
  Expect(Check::kInstall,
         configuration == nullptr ||
             (reset.start.configuration_index == at && reset.start.configuration == *configuration),
         [&] {
           return absl::StrCat(Where(step.id, slot), "begins at ", Show(entry), " with ",
                               Render(reset.start.configuration), " of ",
                               reset.start.configuration_index.value());
         });
  // Whoever holds committed entries behind the received state would forget them.
  const GhostEntry* behind = ghost.Committed(Next(entry.index));
  const std::optional<std::uint64_t> held = image.PrefixAt(Next(entry.index));
  Expect(Check::kCommittedStays, birth || behind == nullptr || !held || *held != behind->prefix,
         [&] {
           return absl::StrCat(Where(step.id, slot), "installs the state of ", Show(entry),
                               " over a log that goes on from there");
         });
  const GhostEntry* known = ghost.Find(entry);
  step.node.disk.Reset(seq, slot,
                       GhostStart{.entry = entry,
                                  .prefix = known != nullptr ? known->prefix : 0,
                                  .generation = reset.start.generation,
                                  .configuration_index = reset.start.configuration_index,
                                  .configuration = reset.start.configuration});
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
  const Index upto = quorate::Before(apply.first + Count(apply.entries.size()));
  const GroupView* view = Find(step.views, apply.group);
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
  if (ghost.configurations.size() != 1) return;  // which one the leader acted by is not known here
  const Configuration& configuration = ghost.configurations.begin()->second;
  if (configuration.incoming.size() <= 1) return;
  const bool asked = HasQuorum(configuration, [&](NodeId voter) {
    return SeatOf(At(voter), slot).spoke_up >= request.step;
  });
  Expect(Check::kReadIndex, asked, [&] {
    return absl::StrCat(Where(step.id, slot), "reads without a quorum having been asked since the",
                        " request came in");
  });
}

// ---- messages --------------------------------------------------------------------------------------

void Invariants::CheckSend(StepOf& step, const Send& send) {
  if (send.message.group == kEveryGroup) return;  // judged item by item when it leaves
  const GroupView* view = Find(step.views, send.message.group);
  const std::uint32_t slot = SlotOf(send.message.group);
  const Seat& seat = SeatOf(step.node, slot);
  if (view != nullptr && seat.before.known) {
    const Term term = TermOf(send.message.message).value_or(view->term);
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
}

void Invariants::CheckGrant(StepOf& step, std::uint32_t slot, const Send& send,
                            const VoteReply& reply) {
  const GroupView* view = Find(step.views, send.message.group);
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
