// What leaves a node: it rests on what is durable, and it is a promise from then on.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/check/invariants.h"
#include "sim/check/messages.h"

namespace quorate::sim {

void Invariants::OnBatchLeft(NodeId id, const BatchFrame& batch) {
  const Node& node = At(id);
  const ConnNumber& conn = batch.from_conn;
  Expect(
      Check::kOwnLife,
      batch.from == id && conn.boot == node.boot && conn.incarnation == node.identity.incarnation,
      [&] {
        return absl::StrCat("n", id.value(), " speaks as life ", conn.boot.value(), " of n",
                            batch.from.value(), " in life ", node.boot.value());
      });
  OnFrameLeft(id, batch.to, batch.messages);
}

void Invariants::OnFrameCame(NodeId id, const Frame& frame) {
  At(id).arrival =
      std::visit(Match{[](const HelloFrame& hello) {
                         return Arrival{hello.from,      hello.to,      hello.conn.incarnation,
                                        hello.conn.boot, hello.cluster, std::nullopt};
                       },
                       [](const BatchFrame& batch) {
                         return Arrival{batch.from,
                                        batch.to,
                                        batch.from_conn.incarnation,
                                        batch.from_conn.boot,
                                        std::nullopt,
                                        std::pair(batch.to_conn.incarnation, batch.to_conn.boot)};
                       }},
                 frame);
}

void Invariants::OnFrameLeft(NodeId id, NodeId to, std::span<const PeerMessage> messages) {
  Node& node = At(id);
  for (const PeerMessage& message : messages) CheckMessage(id, to, node, message);
}

void Invariants::CheckMessage(NodeId id, NodeId to, Node& node, const PeerMessage& message) {
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message.message)) {
    for (const HeartbeatItem& item : heartbeat->items) {
      const std::uint32_t slot = SlotOf(item.group);
      if (IsDropped(node, slot)) continue;
      CheckTermDurable(id, node, slot, item.term);
      CheckLeads(id, slot, item.term);
      CheckCommitTold(id, slot, item.commit);
    }
    return;
  }
  if (const auto* reply = std::get_if<HeartbeatReply>(&message.message)) {
    for (const HeartbeatReplyItem& item : reply->items) {
      const std::uint32_t slot = SlotOf(item.group);
      if (!IsDropped(node, slot)) CheckTermDurable(id, node, slot, item.term);
    }
    return;
  }
  const std::uint32_t slot = SlotOf(message.group);
  if (IsDropped(node, slot)) {
    const VoteReply* vote = std::get_if<VoteReply>(&message.message);
    if (vote != nullptr && vote->granted && vote->kind != VoteKind::kPreVote)
      PromiseVote(id, SeatOf(node, slot), vote->proposed, to);
    return;
  }
  std::visit(Match{
                 [](const Heartbeat&) {},
                 [](const HeartbeatReply&) {},
                 [&](const auto& m) { CheckTermDurable(id, node, slot, m.term); },
             },
             message.message);
  std::visit(
      Match{
          [&](const VoteRequest& m) {
            if (m.kind != VoteKind::kPreVote) {
              PromiseVote(id, SeatOf(node, slot), m.proposed, id);
            }
          },
          [&](const VoteReply& m) { CheckVoteLeft(id, to, node, slot, m); },
          [&](const AppendRequest& m) { CheckAppendLeft(id, slot, m); },
          [&](const AppendReply& m) {
            if (m.verdict == AppendVerdict::kAccepted) {
              CheckAckLeft(id, to, node, slot, m.term, m.match);
            }
          },
          [&](const CommitNotice& m) {
            CheckLeads(id, slot, m.term);
            CheckCommitTold(id, slot, m.entry);
          },
          [](const Heartbeat&) {},
          [](const HeartbeatReply&) {},
          [&](const SnapshotChunk& m) {
            CheckLeads(id, slot, m.term);
            Expect(Check::kInstall, HoldsCommitted(slot, m.name.entry), [&] {
              return absl::StrCat(Where(id, slot), "sends the state of ", Show(m.name.entry),
                                  ", which was never committed");
            });
            CheckChunk(id, slot, m.name.entry, m.number, m.rows);
          },
          [&](const SnapshotReply& m) {
            if (m.verdict == SnapshotVerdict::kHolds) {
              CheckAckLeft(id, to, node, slot, m.term, m.match);
            }
          },
          [&](const TimeoutNow& m) { CheckLeads(id, slot, m.term); },
          [](const ReadIndexRequest&) {},
          [&](const ReadIndexReply& m) {
            if (!m.confirmed) return;
            Expect(Check::kReadIndex, m.index <= ghosts_[slot].committed(), [&] {
              return absl::StrCat(Where(id, slot), "confirms the read index ", m.index.value(),
                                  ", which is not committed");
            });
          },
          [](const Forward&) {},
          [&](const ForwardReply& m) {
            for (const ForwardedOutcome& outcome : m.outcomes) {
              if (outcome.verdict != ForwardVerdict::kApplied) continue;
              Expect(Check::kCommittedOnQuorum, outcome.index <= ghosts_[slot].committed(), [&] {
                return absl::StrCat(Where(id, slot), "tells of a write at ", outcome.index.value(),
                                    ", which is not committed");
              });
            }
          },
      },
      message.message);
}

// What still leaves rests on writes before the one that dropped the group, and that one is durable.
bool Invariants::IsDropped(Node& node, std::uint32_t slot) {
  return SeatOf(node, slot).dropped && !node.disk.durable(slot).exists;
}

// Every message of a term waits until the term itself is durable.
void Invariants::CheckTermDurable(NodeId id, Node& node, std::uint32_t slot, Term term) {
  const HardState& durable = node.disk.durable(slot).hard;
  Expect(Check::kDurableBeforeReply, durable.term >= term, [&] {
    return absl::StrCat(Where(id, slot), "speaks in term ", term.value(),
                        " while its disk holds only ", durable.term.value());
  });
  Seat& seat = SeatOf(node, slot);
  seat.promised_term = std::max(seat.promised_term, term);
}

void Invariants::CheckLeads(NodeId id, std::uint32_t slot, Term term) {
  const auto& leaders = ghosts_[slot].leaders;
  // By far most often it is the latest one.
  const bool latest = !leaders.empty() && leaders.rbegin()->first == term;
  const auto leader = latest ? std::prev(leaders.end()) : leaders.find(term);
  Expect(Check::kOneLeaderATerm, leader != leaders.end() && leader->second == id, [&] {
    return absl::StrCat(Where(id, slot), "speaks as leader of term ", term.value(),
                        ", which it never was");
  });
}

// The state at an index is the same bytes, whoever sends them, and what arrives is what was sent.
void Invariants::CheckChunk(NodeId id, std::uint32_t slot, EntryId entry, std::uint64_t number,
                            const Payload& rows) {
  const auto [known, fresh] =
      ghosts_[slot].chunks.try_emplace(std::pair(entry.index, number), rows.digest());
  const Digest first = known->second;
  Expect(Check::kSnapshotContent, fresh || first == rows.digest(), [&] {
    return absl::StrCat(Where(id, slot), "has another chunk ", number, " of the state of ",
                        Show(entry), " than was first sent");
  });
}

void Invariants::CheckCommitTold(NodeId id, std::uint32_t slot, EntryId entry) {
  Expect(Check::kCommitKnown, HoldsCommitted(slot, entry), [&] {
    return absl::StrCat(Where(id, slot), "tells that ", Show(entry),
                        " is committed, which it is not");
  });
}

// ---- votes -----------------------------------------------------------------------------------------

void Invariants::CheckVoteLeft(NodeId id, NodeId to, Node& node, std::uint32_t slot,
                               const VoteReply& reply) {
  if (!reply.granted) return;
  if (reply.kind == VoteKind::kPreVote) return;
  const HardState& durable = node.disk.durable(slot).hard;
  // A later term on the disk was written after the vote.
  Expect(Check::kDurableBeforeReply,
         durable.term > reply.proposed || (durable.term == reply.proposed && durable.vote == to),
         [&] {
           return absl::StrCat(Where(id, slot), "grants a vote in term ", reply.proposed.value(),
                               " to ", to.value(), " while its disk holds ", durable.term.value(),
                               "/", durable.vote.value());
         });
  PromiseVote(id, SeatOf(node, slot), reply.proposed, to);
}

void Invariants::PromiseVote(NodeId id, Seat& seat, Term term, NodeId candidate) {
  auto at = seat.votes.end();
  while (at != seat.votes.begin() && std::prev(at)->first > term) --at;
  const bool before = at != seat.votes.begin() && std::prev(at)->first == term;
  const NodeId voted = before ? std::prev(at)->second : candidate;
  Expect(Check::kOneVoteATerm, voted == candidate, [&] {
    return absl::StrCat("n", id.value(), " votes for ", candidate.value(), " in term ",
                        term.value(), " after it had voted for ", voted.value());
  });
  if (!before) seat.votes.insert(at, {term, candidate});
}

// ---- logs ------------------------------------------------------------------------------------------

void Invariants::CheckAppendLeft(NodeId id, std::uint32_t slot, const AppendRequest& request) {
  const GroupGhost& ghost = ghosts_[slot];
  CheckLeads(id, slot, request.term);
  CheckPiece(id, slot, "sends", request.entries, options_.max_append_entries,
             options_.max_append_bytes);
  const bool unseen = CommitIsUnseen(slot, request.commit);
  Expect(Check::kCommitKnown, unseen || request.commit <= ghost.committed(), [&] {
    return absl::StrCat(Where(id, slot), "tells that ", request.commit.value(),
                        " is committed, which it is not");
  });
  if (request.prev.index < ghost.forgotten()) return;
  const GhostEntry* prev = ghost.Find(request.prev);
  if (!Expect(Check::kContiguousAppend, prev != nullptr, [&] {
        return absl::StrCat(Where(id, slot), "sends entries behind ", Show(request.prev),
                            ", which nobody ever made");
      })) {
    return;
  }
  std::uint64_t prefix = prev->prefix;
  Term before = request.prev.term;
  Index at = request.prev.index;
  for (const Entry& entry : request.entries) {
    at = Next(at);
    prefix = PrefixAfter(prefix, entry);
    const GhostEntry* known = ghost.Find({at, entry.term});
    if (!Expect(Check::kContiguousAppend,
                entry.term >= before && entry.term <= request.term && known != nullptr &&
                    known->prefix == prefix,
                [&] {
                  return absl::StrCat(Where(id, slot), "sends as entry ", at.value(), "/",
                                      entry.term.value(), " what was not made there");
                })) {
      return;
    }
    before = entry.term;
  }
}

void Invariants::CheckAckLeft(NodeId id, NodeId to, Node& node, std::uint32_t slot, Term term,
                              Index match) {
  const GroupImage& image = node.disk.durable(slot);
  // A later term on the disk was written after what this rests on, and may have truncated it rightly.
  if (image.hard.term != term) return;
  const std::optional<std::uint64_t> held = PrefixOf(slot, image, match);
  const bool covered = held.has_value() || match < image.start().entry.index;
  if (!Expect(Check::kAckedIsDurable, covered, [&] {
        return absl::StrCat(Where(id, slot), "acknowledges ", match.value(),
                            " while its disk ends at ", image.last().value());
      })) {
    return;
  }
  Seat& seat = SeatOf(node, slot);
  if (held && match >= seat.acked.index) seat.acked = {term, match, *held};
  // The leader it speaks to has the same entry there.
  Node& leader = At(to);
  const Before& seen = SeatOf(leader, slot).before;
  if (!held || !seen.known || seen.role != Role::kLeader || seen.term != term) return;
  const std::optional<std::uint64_t> theirs = PrefixOf(slot, leader.disk.written(slot), match);
  if (!theirs && match < leader.disk.written(slot).start().entry.index) return;
  Expect(Check::kMatchIsDurable, theirs && *theirs == *held, [&] {
    return absl::StrCat(Where(id, slot), "acknowledges ", match.value(),
                        ", but its leader has another entry there");
  });
}

// ---- clients ---------------------------------------------------------------------------------------

void Invariants::OnReplyLeft(NodeId id, RequestId request, const Outcome& outcome) {
  Node& node = At(id);
  const auto found = node.requests.find(request);
  if (found == node.requests.end()) return;
  const Request asked = found->second;
  node.requests.erase(found);
  if (outcome.kind != OutcomeKind::kDone) return;
  if (asked.reads) {
    Expect(Check::kReadIndex, outcome.serial >= asked.floor, [&] {
      return absl::StrCat(Where(id, asked.group), "answers a read at ", outcome.serial.value(),
                          " that came when ", asked.floor.value(), " was committed");
    });
    return;
  }
  if (outcome.serial <= committed(asked.group)) {
    Expect(Check::kCommittedOnQuorum, true, [] { return std::string(); });
    return;
  }
  // The step that committed it may not have been seen yet.
  node.unproved.emplace_back(asked.group, outcome.serial);
}

}  // namespace quorate::sim
