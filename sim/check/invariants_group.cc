// What a group is after a step, and how it may differ from what it was before.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/check/invariants.h"
#include "sim/check/messages.h"

namespace quorate::sim {
namespace {

// The greatest term that the messages of a frame can have taught the group; 0 if none was for it.
// A pre-vote's proposed term teaches nothing.
struct Taught {
  Term greatest;
  bool any = false;
  void Take(Term term) {
    any = true;
    greatest = std::max(greatest, term);
  }
};

Taught TaughtBy(const FrameReceived& frame, GroupId group) {
  Taught taught;
  for (const PeerMessage& message : frame.messages) {
    if (const std::optional<Term> term = TermTold(message, group)) taught.Take(*term);
  }
  return taught;
}

// Some messages count although their sender is behind: requests and answers that have nothing to do with
// terms, and the grant of a pre-vote, whose giver may well be in an earlier term.
bool CountsInAnyTerm(const FrameReceived& frame) {
  return std::any_of(frame.messages.begin(), frame.messages.end(), [](const PeerMessage& message) {
    const auto* vote = std::get_if<VoteReply>(&message.message);
    if (vote != nullptr && vote->kind == VoteKind::kPreVote) return true;
    return std::holds_alternative<Forward>(message.message) ||
           std::holds_alternative<ForwardReply>(message.message) ||
           std::holds_alternative<ReadIndexRequest>(message.message) ||
           std::holds_alternative<ReadIndexReply>(message.message);
  });
}

// A voter that hears a leader refuses in its own term, which may be an earlier one, and the candidate gives up.
bool RefusesVote(const FrameReceived& frame) {
  return std::any_of(frame.messages.begin(), frame.messages.end(), [](const PeerMessage& message) {
    const auto* vote = std::get_if<VoteReply>(&message.message);
    return vote != nullptr && !vote->granted;
  });
}

}  // namespace

void Invariants::CheckGroup(StepOf& step, const GroupView& view) {
  const std::uint32_t slot = SlotOf(view.group);
  CheckOrder(step, view);
  CheckDisk(step, view, slot);
  CheckCommit(step, view, slot);
  CheckSinceBefore(step, view, slot);
  CheckConfiguration(step, view, slot);
  CheckRightToLead(step, view, slot);
  if (view.role != Role::kLeader) return;
  CheckPeers(step, view, slot);
  CheckLimits(step, view);
  LookForFigure8(step, view, slot);
}

// purged <= snapshot <= applied <= commit <= last, durable <= last.
void Invariants::CheckOrder(const StepOf& step, const GroupView& view) {
  Expect(Check::kNoGap, view.installing || view.start.index <= view.applied.index, [&] {
    return absl::StrCat(Where(step.id, view.group), "has applied ", view.applied.index.value(),
                        " and a log that begins behind ", view.start.index.value());
  });
  Expect(Check::kApplyOrder, view.installing || view.applied.index <= view.commit, [&] {
    return absl::StrCat(Where(step.id, view.group), "has applied ", view.applied.index.value(),
                        " and knows ", view.commit.value(), " to be committed");
  });
  Expect(Check::kCommitKnown, view.commit <= view.last.index, [&] {
    return absl::StrCat(Where(step.id, view.group), "has committed ", view.commit.value(),
                        " of a log that ends at ", view.last.index.value());
  });
}

// What a group believes of its disk is what was written, and what it counts as durable is.
void Invariants::CheckDisk(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const GroupImage& written = step.node.disk.written(slot);
  const GroupImage& durable = step.node.disk.durable(slot);
  Expect(Check::kPromisedVote, view.term == written.hard.term && view.vote == written.hard.vote,
         [&] {
           return absl::StrCat(Where(step.id, slot), "is in term ", view.term.value(),
                               " with vote ", view.vote.value(), " but wrote ",
                               written.hard.term.value(), " and ", written.hard.vote.value());
         });
  Expect(Check::kDurablePointer,
         view.start == written.start().entry && view.last == written.last_entry(), [&] {
           return absl::StrCat(Where(step.id, slot), "has a log of (", Show(view.start), ", ",
                               Show(view.last), "] but wrote (", Show(written.start().entry), ", ",
                               Show(written.last_entry()), "]");
         });
  if (view.durable <= view.start.index) return;
  const std::optional<std::uint64_t> there = durable.PrefixAt(view.durable);
  Expect(Check::kDurablePointer, there && there == written.PrefixAt(view.durable), [&] {
    return absl::StrCat(Where(step.id, slot), "counts ", view.durable.value(),
                        " as durable; its disk holds ", durable.last().value());
  });
}

// ---- from the step before --------------------------------------------------------------------------

void Invariants::CheckSinceBefore(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const Before& before = SeatOf(step.node, slot).before;
  if (!before.known) return;
  const auto monotone = [&](bool holds, const char* what) {
    Expect(Check::kMonotone, holds,
           [&] { return absl::StrCat(Where(step.id, slot), "its ", what, " has fallen"); });
  };
  monotone(view.term >= before.term, "term");
  monotone(view.commit >= before.commit, "commit index");
  monotone(view.applied.index >= before.applied.index, "applied index");
  monotone(view.start.index >= before.start.index, "log's start");
  if (view.start != before.start) {
    Expect(Check::kNoGap, HoldsCommitted(slot, view.start), [&] {
      return absl::StrCat(Where(step.id, slot), "has dropped what is not committed, up to ",
                          Show(view.start));
    });
  }
  if (view.applied != before.applied) {
    Expect(Check::kStateMachineSafety, HoldsCommitted(slot, view.applied), [&] {
      return absl::StrCat(Where(step.id, slot), "has applied ", Show(view.applied),
                          ", which was never committed");
    });
    CheckAppliedIsDurable(step, view, slot);
  }
  if (view.term == before.term) {
    Expect(Check::kOneVoteATerm, before.vote == NodeId() || view.vote == before.vote, [&] {
      return absl::StrCat(Where(step.id, slot), "changes its vote in term ", view.term.value());
    });
    // Within a term: a candidate may win or give up; everybody else stays, gives up, or asks around.
    bool legal = true;
    switch (view.role) {
      case Role::kFollower:
        break;
      case Role::kPreCandidate:
        legal = before.role != Role::kLeader;
        break;
      case Role::kCandidate:
        legal = before.role == Role::kCandidate;
        break;
      case Role::kLeader:
        legal = before.role == Role::kCandidate || before.role == Role::kLeader;
        break;
    }
    Expect(Check::kRoles, legal, [&] {
      return absl::StrCat(Where(step.id, slot), "was ", NameOf(before.role), " and is ",
                          NameOf(view.role), " in term ", view.term.value());
    });
  }
  CheckTermSource(step, view, before);
}

// What a state machine holds outlives the log's writes only if they came first. (The catalogue is not written by
// itself: it is what its log says.)
void Invariants::CheckAppliedIsDurable(StepOf& step, const GroupView& view, std::uint32_t slot) {
  if (view.group == kSystemGroup) return;
  const Index at = view.applied.index;
  const std::optional<std::uint64_t> there = step.node.disk.durable(slot).PrefixAt(at);
  Expect(Check::kApplyOrder, there && there == step.node.disk.written(slot).PrefixAt(at), [&] {
    return absl::StrCat(Where(step.id, slot), "has applied ", Show(view.applied),
                        ", which its own disk does not hold");
  });
}

void Invariants::CheckTermSource(const StepOf& step, const GroupView& view, const Before& before) {
  if (step.input == nullptr) return;
  const auto* frame = std::get_if<FrameReceived>(step.input);
  Taught taught;
  if (frame != nullptr) taught = TaughtBy(*frame, view.group);
  if (view.term != before.term) {
    const Term known = std::max(before.term, taught.greatest);
    const bool campaign = view.vote == step.id;
    Expect(Check::kTermSource, view.term <= known || (campaign && view.term == Next(known)), [&] {
      return absl::StrCat(Where(step.id, view.group), "takes term ", view.term.value(),
                          " which nobody told it");
    });
  }
  if (!taught.any || taught.greatest >= before.term || CountsInAnyTerm(*frame)) return;
  // What it knows of its peers stays, and nothing that was sent counts as lost. (More may be sent.)
  const bool same_peers =
      view.role != Role::kLeader ||
      std::equal(view.peers.begin(), view.peers.end(), before.peers.begin(), before.peers.end(),
                 [](const PeerView& now, const PeerBefore& then) {
                   return now.node == then.node && now.match == then.match &&
                          now.next >= then.next && now.contact == then.contact &&
                          now.answered_round == then.answered_round;
                 });
  const bool same_role =
      view.role == before.role ||
      (before.role != Role::kLeader && view.role == Role::kFollower && RefusesVote(*frame));
  const bool same = view.commit == before.commit && view.vote == before.vote &&
                    view.term == before.term && same_role && same_peers &&
                    (view.role == Role::kLeader || view.last == before.last);
  Expect(Check::kStaleMessage, same, [&] {
    return absl::StrCat(Where(step.id, view.group), "acts on a message of term ",
                        taught.greatest.value(), " in term ", before.term.value());
  });
}

// ---- leaders ---------------------------------------------------------------------------------------

// Before the step's records are looked at: entries are made by leaders.
void Invariants::CheckLeader(StepOf& step, const GroupView& view, std::uint32_t slot) {
  if (view.role != Role::kLeader) return;
  SeatOf(step.node, slot).spoke_up = steps_;
  auto& leaders = ghosts_[slot].leaders;
  const auto known = leaders.find(view.term);
  if (known != leaders.end()) {
    Expect(Check::kOneLeaderATerm, known->second == step.id, [&] {
      return absl::StrCat(Where(step.id, slot), "leads term ", view.term.value(), ", which node ",
                          known->second.value(), " has led");
    });
    return;
  }
  const NodeId last = leaders.empty() ? NodeId() : leaders.rbegin()->second;
  SOMETIMES(last != NodeId() && last != step.id, "leader.changed");
  leaders.emplace(view.term, step.id);
  CheckNewLeader(step, view, slot);
}

void Invariants::CheckNewLeader(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const GroupImage& image = step.node.disk.written(slot);
  // It was elected by votes that really left for it, its own durable.
  const Configuration* configuration = EffectiveConfiguration(slot, image);
  if (configuration != nullptr) {
    const bool elected = HasQuorum(*configuration, [&](NodeId voter) {
      if (voter == step.id) {
        return step.node.disk.durable(slot).hard == HardState{view.term, step.id};
      }
      const auto& votes = SeatOf(At(voter), slot).votes;
      return std::find(votes.rbegin(), votes.rend(), std::pair(view.term, step.id)) != votes.rend();
    });
    Expect(Check::kRoles, elected, [&] {
      return absl::StrCat(Where(step.id, slot), "leads term ", view.term.value(),
                          " without a quorum of votes");
    });
  }
  // Everything that a leader of an earlier term committed is in its log.
  const Index committed = ghosts_[slot].CommittedBefore(view.term);
  const GhostEntry* must = ghosts_[slot].Committed(committed);
  if (must == nullptr) return;
  const std::optional<std::uint64_t> prefix = PrefixOf(slot, image, committed);
  Expect(Check::kLeaderCompleteness, prefix && *prefix == must->prefix, [&] {
    return absl::StrCat(Where(step.id, slot), "leads term ", view.term.value(),
                        " with a log without the committed entry ", committed.value());
  });
}

void Invariants::CheckPeers(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const Before& before = SeatOf(step.node, slot).before;
  const bool same_leadership =
      before.known && before.role == Role::kLeader && before.term == view.term;
  const GroupImage& own = step.node.disk.written(slot);
  for (std::size_t i = 0; i < view.peers.size(); ++i) {
    const PeerView& peer = view.peers[i];
    const auto at = [&] {
      return absl::StrCat(Where(step.id, slot), "its peer ", peer.node.value(), " at ",
                          peer.match.value(), "/", peer.next.value(), " ");
    };
    Expect(Check::kProgress, peer.next > peer.match,
           [&] { return at() + "is sent what it holds"; });
    Expect(Check::kLimits, peer.in_flight > 0 || peer.in_flight_bytes == 0, [&] {
      return absl::StrCat(at(), "has ", peer.in_flight_bytes, " bytes in flight in no message");
    });
    Expect(Check::kProgress,
           peer.in_flight <= options_.max_inflight_messages &&
               peer.in_flight_bytes - peer.last_in_flight_bytes <= options_.max_inflight_bytes,
           [&] { return absl::StrCat(at(), "has ", peer.in_flight, " messages in flight"); });
    Expect(
        Check::kProgress,
        peer.in_flight_last == Index() || peer.in_flight_last == quorate::Before(peer.next), [&] {
          return absl::StrCat(at(), "has messages in flight up to ", peer.in_flight_last.value());
        });
    Index was;
    if (same_leadership) {
      const bool same_place = i < before.peers.size() && before.peers[i].node == peer.node;
      const auto found = same_place
                             ? before.peers.begin() + static_cast<std::ptrdiff_t>(i)
                             : std::find_if(before.peers.begin(), before.peers.end(),
                                            [&](const auto& one) { return one.node == peer.node; });
      if (found != before.peers.end()) was = found->match;
    }
    Expect(Check::kProgress, peer.match >= was,
           [&] { return absl::StrCat(at(), "matched ", was.value(), " before"); });
    if (peer.match == was) continue;
    Node& other = At(peer.node);
    const GroupImage& disk = other.disk.durable(slot);
    // A peer in a later term may have truncated what it acknowledged: it will never vote in this one.
    if (ghosts_[slot].dropped || other.wiped || disk.hard.term > view.term) continue;
    if (peer.match < ghosts_[slot].forgotten()) continue;  // every log begins behind it
    const std::optional<std::uint64_t> mine = PrefixOf(slot, own, peer.match);
    const std::optional<std::uint64_t> theirs = PrefixOf(slot, disk, peer.match);
    Expect(Check::kMatchIsDurable, mine && theirs && *mine == *theirs, [&] {
      return absl::StrCat(at(), "holds durably only up to ", disk.last().value(),
                          ", or another entry there");
    });
  }
}

// A leader with entries of an older term that a majority holds and nobody has committed.
void Invariants::LookForFigure8(StepOf& step, const GroupView& view, std::uint32_t slot) {
  if (saw_figure8_ || view.peers.empty()) return;
  const GroupImage& own = step.node.disk.written(slot);
  const std::optional<Term> next = own.TermAt(Next(view.commit));
  if (!next || *next >= view.term) return;
  const Configuration* configuration = EffectiveConfiguration(slot, own);
  if (configuration == nullptr) return;
  saw_figure8_ = HasQuorum(*configuration, [&](NodeId voter) {
    if (voter == step.id) return view.durable > view.commit;
    return std::any_of(view.peers.begin(), view.peers.end(), [&](const PeerView& peer) {
      return peer.node == voter && peer.match > view.commit;
    });
  });
  SOMETIMES(saw_figure8_, "figure8.shape");
}

void Invariants::CheckLimits(const StepOf& step, const GroupView& view) {
  const auto within = [&](std::size_t size, std::size_t limit, const char* what) {
    Expect(Check::kLimits, size <= limit, [&] {
      return absl::StrCat(Where(step.id, view.group), size, " ", what, ", the limit is ", limit);
    });
  };
  // Entries that have to be (a barrier, a configuration) may pass the limit for proposals a little, and a single entry
  // goes however large it is.
  if (view.last.index > Next(view.applied.index))
    within(view.unapplied_bytes, options_.max_unapplied_bytes + 4096, "unapplied bytes");
  within(view.waiting_reads, options_.max_reads_per_round, "waiting reads");
  within(view.round_reads, options_.max_reads_per_round, "reads in a round");
  // What has come through is not counted any more.
  if (view.applied.index == view.last.index) {
    within(view.unapplied_bytes, 0, "unapplied bytes of a log that is applied");
    within(view.proposals, 0, "proposals of a log that is applied");
  }
  within(view.proposers, view.proposals, "proposers");
}

// What goes in one piece is no more than may; a single entry goes however large it is.
void Invariants::CheckPiece(NodeId id, std::uint32_t slot, const char* what,
                            std::span<const Entry> entries, std::size_t most,
                            std::size_t most_bytes) {
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.payload.size() + kEntryOverheadBytes;
  Expect(Check::kLimits, entries.size() <= most && (entries.size() <= 1 || bytes <= most_bytes),
         [&] {
           return absl::StrCat(Where(id, slot), what, " ", entries.size(), " entries of ", bytes,
                               " bytes at once; the limits are ", most, " and ", most_bytes);
         });
}

// ---- commitment ------------------------------------------------------------------------------------

void Invariants::CheckCommit(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const Before& before = SeatOf(step.node, slot).before;
  if (before.known && view.commit == before.commit) return;
  GroupGhost& ghost = ghosts_[slot];
  const bool led = before.known && before.role == Role::kLeader;
  const bool leads = view.role == Role::kLeader;
  const Term term = led ? before.term : view.term;
  if (before.known && (leads || (led && view.commit > ghost.committed()))) {
    const std::optional<Term> of = step.node.disk.written(slot).TermAt(view.commit);
    Expect(Check::kOwnTermCommit, of && *of == term, [&] {
      return absl::StrCat(Where(step.id, slot), "commits entry ", view.commit.value(), " of term ",
                          of ? of->value() : 0, " by counting in term ", term.value());
    });
  }
  if (view.commit > ghost.committed() && (led || leads)) {
    ExtendCommit(step, slot, view.commit, term);
  }
  if (before.known && !led && !leads) CheckVerified(step, view, before);
  // Whatever a node believes to be committed is what some leader committed, and its own log has it.
  const std::optional<std::uint64_t> held = step.node.disk.written(slot).PrefixAt(view.commit);
  const GhostEntry* committed = ghost.Committed(view.commit);
  const bool forgotten = view.commit < ghost.forgotten() || CommitIsUnseen(slot, view.commit);
  Expect(Check::kCommitKnown,
         forgotten || (committed != nullptr && held && *held == committed->prefix), [&] {
           return absl::StrCat(Where(step.id, slot), "believes ", view.commit.value(),
                               " to be committed",
                               committed == nullptr ? ", which it is not" : " of another log");
         });
}

// A follower commits no further than the messages of this very step have verified: an entry of a later
// leader's log may differ from its own behind that, although the leader has committed as far.
void Invariants::CheckVerified(StepOf& step, const GroupView& view, const Before& before) {
  Index verified = std::max(before.commit, view.start.index);
  const auto* frame = step.input == nullptr ? nullptr : std::get_if<FrameReceived>(step.input);
  if (frame != nullptr) {
    for (const PeerMessage& message : frame->messages) {
      if (const auto* beat = std::get_if<Heartbeat>(&message.message)) {
        for (const HeartbeatItem& item : beat->items) {
          if (item.group == view.group) verified = std::max(verified, item.commit.index);
        }
      }
      if (message.group != view.group) continue;
      if (const auto* append = std::get_if<AppendRequest>(&message.message)) {
        verified = std::max(verified, append->prev.index + Count(append->entries.size()));
      } else if (const auto* notice = std::get_if<CommitNotice>(&message.message)) {
        verified = std::max(verified, notice->entry.index);
      } else if (const auto* chunk = std::get_if<SnapshotChunk>(&message.message)) {
        verified = std::max(verified, chunk->name.entry.index);
      }
    }
  }
  // Between the first chunk and the flush that makes the received state durable the log may have got as far.
  if (step.input != nullptr && std::holds_alternative<MapFlushed>(*step.input)) {
    verified = std::max(verified, SeatOf(step.node, SlotOf(view.group)).offered);
  }
  Expect(Check::kCommitKnown, view.commit <= verified, [&] {
    return absl::StrCat(Where(step.id, view.group), "takes ", view.commit.value(),
                        " for committed where what it was told verifies ", verified.value());
  });
}

void Invariants::ExtendCommit(StepOf& step, std::uint32_t slot, Index to, Term by) {
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& own = step.node.disk.written(slot);
  const Index from = ghost.committed();
  // The leader's log continues what is committed.
  const GhostEntry* last = ghost.Committed(from);
  if (!Expect(
          Check::kStateMachineSafety,
          to <= own.last() && (last == nullptr || PrefixOf(slot, own, from) == last->prefix), [&] {
            return absl::StrCat(Where(step.id, slot), "commits ", to.value(),
                                " in a log that differs from the committed one at ", from.value());
          })) {
    return;
  }
  const Configuration* configuration = EffectiveConfiguration(slot, own);
  const std::optional<std::uint64_t> prefix = own.PrefixAt(to);
  if (configuration != nullptr && !ghost.dropped) {
    const bool durable = HasQuorum(*configuration, [&](NodeId voter) {
      Node& other = At(voter);
      return PrefixOf(slot, other.disk.durable(slot), to) == prefix;
    });
    Expect(Check::kCommittedOnQuorum, durable, [&] {
      return absl::StrCat(Where(step.id, slot), "commits ", to.value(), " which no quorum of ",
                          Render(*configuration), " holds durably");
    });
  }
  for (Index at = Next(from); at <= to; at = Next(at)) {
    const GhostEntry* entry = own.At(at);
    if (entry == nullptr || ghost.Find({at, entry->term}) == nullptr) return;
    ghost.Commit(at, entry->term, by);
  }
}

// The configuration that counts is the last one in start and log.
void Invariants::CheckConfiguration(StepOf& step, const GroupView& view, std::uint32_t slot) {
  if (view.configuration == nullptr) return;
  const GroupImage& image = step.node.disk.written(slot);
  const Index at = image.LastConfiguration().value_or(image.start().configuration_index);
  const Configuration* configuration = EffectiveConfiguration(slot, image);
  Expect(Check::kEffectiveConfiguration,
         view.configuration_index == at &&
             (configuration == nullptr || *view.configuration == *configuration),
         [&] {
           return absl::StrCat(Where(step.id, slot), "acts by the configuration of ",
                               view.configuration_index.value(), " ", Render(*view.configuration),
                               " but its log says that of ", at.value());
         });
}

// Who campaigns has a vote, or had one until a change that is not known to be committed: nobody else may hold
// what that one has. Or it listens, and somebody who counts on its vote has a shorter log.
void Invariants::CheckRightToLead(StepOf& step, const GroupView& view, std::uint32_t slot) {
  const Before& before = SeatOf(step.node, slot).before;
  const Seat& seat = SeatOf(step.node, slot);
  if (!before.known || view.configuration == nullptr) return;
  const bool asks = view.role == Role::kPreCandidate && before.role != Role::kPreCandidate;
  const bool campaigns = view.term > before.term && view.vote == step.id;
  if (!asks && !campaigns) return;
  const GroupImage& image = step.node.disk.written(slot);
  const Configuration* last = EffectiveConfiguration(slot, image);
  const Index at = image.LastConfiguration().value_or(image.start().configuration_index);
  const Configuration* until_now = last;
  if (at > view.commit) until_now = ConfigurationIn(slot, image, quorate::Before(at)).second;
  if (last == nullptr || until_now == nullptr) return;
  const auto votes = [&](const Configuration& configuration) {
    return IsAmong(configuration.incoming, step.id) || IsAmong(configuration.outgoing, step.id);
  };
  const bool is_counted_on = seat.is_counted_on && IsAmong(last->learners, step.id);
  Expect(Check::kRoles, votes(*last) || votes(*until_now) || is_counted_on,
         [&] { return absl::StrCat(Where(step.id, slot), "campaigns without vote"); });
}

}  // namespace quorate::sim
