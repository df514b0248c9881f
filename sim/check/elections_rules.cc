// What is looked at in a step: campaigns, leaders, timers, messages.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/check/elections.h"
#include "sim/check/messages.h"

namespace quorate::sim {
namespace {

bool Votes(const GroupView& view, NodeId node) {
  return IsAmong(view.configuration->incoming, node) || IsAmong(view.configuration->outgoing, node);
}

// Whether the nodes for which `in` holds are a majority of every voter set.
template <class In>
bool AreQuorum(const GroupView& view, const In& in) {
  const auto majority = [&](const NodeSet& voters) {
    std::size_t count = 0;
    for (const NodeId voter : voters) count += in(voter) ? 1 : 0;
    return voters.empty() || 2 * count > voters.size();
  };
  return majority(view.configuration->incoming) && majority(view.configuration->outgoing);
}

// What `effects` tell `to` of the group, as a T; nullptr: nothing.
template <class T>
const T* Told(const Effects& effects, NodeId to, GroupId group) {
  for (const Effect& effect : effects) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->to != to || send->message.group != group) continue;
    if (const T* message = std::get_if<T>(&send->message.message)) return message;
  }
  return nullptr;
}

// Whether it asks for votes because a leader told it to.
bool TakesOrder(const Effects& effects, GroupId group) {
  return std::any_of(effects.begin(), effects.end(), [&](const Effect& effect) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->message.group != group) return false;
    const auto* request = std::get_if<VoteRequest>(&send->message.message);
    return request != nullptr && request->kind == VoteKind::kTransferVote;
  });
}

bool AnswersHeartbeat(const Effects& effects, NodeId to, GroupId group) {
  return std::any_of(effects.begin(), effects.end(), [&](const Effect& effect) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->to != to) return false;
    const auto* reply = std::get_if<HeartbeatReply>(&send->message.message);
    return reply != nullptr &&
           std::any_of(reply->items.begin(), reply->items.end(),
                       [&](const HeartbeatReplyItem& item) { return item.group == group; });
  });
}

}  // namespace

template <class What>
void Elections::Expect(Check check, const StepOf& step, const GroupView& view, bool holds,
                       const What& what) {
  verdicts_.Expect(check, holds, [&] {
    return absl::StrCat("n", step.id.value(), " ",
                        view.group == kSystemGroup ? "sys" : absl::StrCat("g", view.group.value()),
                        ": ", what());
  });
}

bool Elections::HearsLeader(const Node& node, const Seat& seat, NodeId but) const {
  return node.clock_known && seat.heard.leader != NodeId() && seat.heard.leader != but &&
         node.now - seat.heard.at < options_.election_timeout_min;
}

bool Elections::IsStalled(const Node& node, Duration more) const {
  return node.clock_known && !node.writes.empty() &&
         node.now - node.writes.front().second > options_.election_timeout_min + more;
}

// ---- campaigns -------------------------------------------------------------------------------------

void Elections::CheckCampaign(const StepOf& step, const GroupView& view, const Seat& seat) {
  const bool asks = view.role == Role::kPreCandidate && seat.role != Role::kPreCandidate;
  const bool campaigns = view.term > seat.term && view.vote == step.id;
  if (asks) {
    Expect(Check::kRoles, step, view, !HearsLeader(step.node, seat, NodeId()), [&] {
      return absl::StrCat("asks for votes although it has just heard its leader ",
                          seat.heard.leader.value());
    });
  }
  if (asks) {
    Expect(Check::kRoles, step, view, !IsStalled(step.node, Duration()),
           [&] { return absl::StrCat("asks for votes while its disk stands still"); });
  }
  if (asks || campaigns) {
    Expect(Check::kRoles, step, view, !view.installing,
           [&] { return absl::StrCat("campaigns while its state is being replaced"); });
  }
  if (!campaigns) return;
  Expect(Check::kRoles, step, view,
         !TakesOrder(step.effects, view.group) || !IsStalled(step.node, Duration()),
         [&] { return absl::StrCat("campaigns by an order while its disk stands still"); });
  const bool ordered = step.frame != nullptr &&
                       std::any_of(step.frame->messages.begin(), step.frame->messages.end(),
                                   [&](const PeerMessage& message) {
                                     return message.group == view.group &&
                                            std::holds_alternative<TimeoutNow>(message.message);
                                   });
  const auto could_win = [&](NodeId voter) {
    return voter == step.id ||
           (seat.role == Role::kPreCandidate && seat.asked.kind == VoteKind::kPreVote &&
            IsAmong(seat.asked.granted, voter));
  };
  Expect(Check::kRoles, step, view, ordered || AreQuorum(view, could_win), [&] {
    return absl::StrCat("campaigns in term ", view.term.value(),
                        " without a pre-vote that was won and without an order");
  });
}

// Whoever has a quorum of grants for its campaign goes on with it in that very step.
void Elections::CheckWon(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (view.role != Role::kPreCandidate && view.role != Role::kCandidate) return;
  const Asked& asked = seat.asked;
  const bool own = view.role == Role::kPreCandidate ||
                   (asked.own_vote != PersistSeq() && asked.own_vote <= step.node.durable);
  const bool won = AreQuorum(
      view, [&](NodeId voter) { return voter == step.id ? own : IsAmong(asked.granted, voter); });
  Expect(Check::kRoles, step, view, !won, [&] {
    return absl::StrCat("is still ", NameOf(view.role),
                        " although a quorum has granted its campaign ", asked.campaign.value());
  });
}

// ---- leaders ---------------------------------------------------------------------------------------

// Told to campaign is only a voter that holds all that its leader holds.
void Elections::CheckOrder(const StepOf& step, const GroupView& view) {
  for (const Effect& effect : step.effects) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->message.group != view.group) continue;
    if (!std::holds_alternative<TimeoutNow>(send->message.message)) continue;
    const bool holds = std::any_of(view.peers.begin(), view.peers.end(), [&](const PeerView& peer) {
      return peer.node == send->to && peer.match == view.last.index;
    });
    Expect(Check::kRoles, step, view, holds && Votes(view, send->to), [&] {
      return absl::StrCat("tells node ", send->to.value(),
                          " to campaign, which does not hold its whole log or has no vote");
    });
  }
}

// Only who leads, or led until this step, speaks as a leader. (That it was elected is looked at elsewhere.)
void Elections::CheckWords(const StepOf& step, std::span<const GroupView> touched) {
  const auto leads = [&](GroupId group) {
    const Seat& seat = SeatOf(step.node, group);
    return !seat.known || seat.role == Role::kLeader || seat.led_until_now;
  };
  const auto expect = [&](GroupId group) {
    verdicts_.Expect(Check::kRoles, leads(group), [&] {
      return absl::StrCat("n", step.id.value(), " speaks as the leader of group ", group.value(),
                          ", which it is not");
    });
  };
  for (const Effect& effect : step.effects) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr) continue;
    if (const auto* beat = std::get_if<Heartbeat>(&send->message.message)) {
      for (const HeartbeatItem& item : beat->items) expect(item.group);
    } else if (IsOfALeader(send->message)) {
      expect(send->message.group);
    }
  }
  for (const GroupView& view : touched) SeatOf(step.node, view.group).led_until_now = false;
}

// Whoever hears the leader of its term follows it.
void Elections::CheckFollows(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (step.frame == nullptr) return;
  const bool heard = std::any_of(
      step.frame->messages.begin(), step.frame->messages.end(), [&](const PeerMessage& message) {
        return IsOfALeader(message) && TermTold(message, view.group) == view.term;
      });
  if (!heard) return;
  const bool asks = view.role == Role::kPreCandidate || view.role == Role::kCandidate;
  Expect(Check::kRoles, step, view, !asks || view.term != seat.term, [&] {
    return absl::StrCat("is still ", NameOf(view.role),
                        " although it hears the leader of its term");
  });
}

// Within its term a leader leaves by its own timer (no quorum, no disk), or when it is voted out.
void Elections::CheckLeaving(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (seat.role != Role::kLeader || view.term != seat.term) return;
  const bool may = view.role == Role::kLeader || step.wakes || !Votes(view, step.id);
  Expect(Check::kRoles, step, view, may,
         [&] { return absl::StrCat("leads no more although nothing told it to leave"); });
}

void Elections::CheckContact(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (view.role != Role::kLeader || !step.wakes || !step.node.clock_known) return;
  const Duration patience = options_.election_timeout_max + options_.heartbeat;
  const bool in_contact = AreQuorum(view, [&](NodeId voter) {
    if (voter == step.id) return true;
    return std::any_of(seat.seen.begin(), seat.seen.end(), [&](const auto& one) {
      return one.first == voter && step.node.now - one.second < patience;
    });
  });
  // It looks once a heartbeat whether those who vote are there.
  const bool others_vote = step.node.now - seat.configured_since <= options_.heartbeat;
  Expect(Check::kRoles, step, view, in_contact || others_vote,
         [&] { return absl::StrCat("goes on leading without having heard from a quorum"); });
  // It looks once a heartbeat, and for the first time one heartbeat after it was elected.
  const bool has_looked = step.node.now - seat.leads_since > options_.heartbeat;
  Expect(Check::kRoles, step, view, !has_looked || !IsStalled(step.node, options_.heartbeat),
         [&] { return absl::StrCat("goes on leading while its disk stands still"); });
}

// ---- timers ----------------------------------------------------------------------------------------

void Elections::CheckTimer(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (view.role == Role::kLeader || view.wakeup == kNever || !step.node.clock_known) return;
  const MonoTime latest = seat.patient_since + options_.election_timeout_max;
  Expect(Check::kRoles, step, view, view.wakeup <= latest, [&] {
    return absl::StrCat("has put its election timer off by ", (view.wakeup - latest).ns,
                        " ns, for nothing that may move it");
  });
}

// Who asks around has drawn a new timeout, to the nanosecond. That one comes again, at this node or another, is
// no accident: campaigns that collide would collide for ever.
void Elections::CheckChance(const StepOf& step, const GroupView& view, const Seat& seat) {
  constexpr std::size_t kRemembered = 32;
  constexpr int kTooMany = 3;
  const bool asks = view.role == Role::kPreCandidate && seat.role != Role::kPreCandidate;
  const Duration spread = options_.election_timeout_max - options_.election_timeout_min;
  if (!asks || view.wakeup == kNever || !step.node.clock_known || spread < Milliseconds(10)) return;
  auto drawn = std::find_if(drawn_.begin(), drawn_.end(),
                            [&](const Drawn& one) { return one.group == view.group; });
  if (drawn == drawn_.end()) {
    drawn_.push_back({.group = view.group, .spans = {}});
    drawn = std::prev(drawn_.end());
  }
  const Duration span = view.wakeup - step.node.now;
  if (std::find(drawn->spans.begin(), drawn->spans.end(), span) != drawn->spans.end()) {
    ++drawn->repeats;
  }
  drawn->spans.push_back(span);
  if (drawn->spans.size() > kRemembered) drawn->spans.pop_front();
  Expect(Check::kFewTerms, step, view, drawn->repeats < kTooMany, [&] {
    return absl::StrCat("waits for ", span.ns, " ns, as somebody did before: ", drawn->repeats,
                        " timeouts have come again");
  });
}

// ---- messages --------------------------------------------------------------------------------------

void Elections::CheckMessages(const StepOf& step, const GroupView& view, const Seat& seat) {
  if (step.frame == nullptr) return;
  const bool alone = MessagesFor(*step.frame, view.group) == 1;
  for (const PeerMessage& message : step.frame->messages) {
    const std::optional<Term> told = TermTold(message, view.group);
    if (!told) continue;
    const auto* request = std::get_if<VoteRequest>(&message.message);
    // The term of a request for a vote is taken only by whoever takes part.
    Expect(Check::kTermSource, step, view, request != nullptr || view.term >= *told, [&] {
      return absl::StrCat("stays in term ", view.term.value(), " although node ",
                          step.frame->from.value(), " told it of ", told->value());
    });
    CheckAnswered(step, view, seat, message);
    if (request != nullptr && alone) CheckVerdict(step, view, seat, *request);
  }
}

// Who asks for a vote is told, and so is who speaks as the leader of a term that is over: else it would never
// learn of the later one.
void Elections::CheckAnswered(const StepOf& step, const GroupView& view, const Seat& seat,
                              const PeerMessage& message) {
  const NodeId from = step.frame->from;
  bool answered = true;
  if (const auto* request = std::get_if<VoteRequest>(&message.message)) {
    answered = AnswerTo(step.effects, from, view.group, *request) != nullptr;
  } else if (*TermTold(message, view.group) < seat.term) {
    if (std::holds_alternative<AppendRequest>(message.message)) {
      answered = Told<AppendReply>(step.effects, from, view.group) != nullptr;
    } else if (std::holds_alternative<SnapshotChunk>(message.message)) {
      answered = Told<SnapshotReply>(step.effects, from, view.group) != nullptr;
    } else if (std::holds_alternative<Heartbeat>(message.message)) {
      answered = AnswersHeartbeat(step.effects, from, view.group);
    }
  }
  Expect(Check::kStaleMessage, step, view, answered, [&] {
    return absl::StrCat("leaves node ", from.value(), " without an answer to what it said in term ",
                        TermTold(message, view.group)->value());
  });
}

void Elections::CheckVerdict(const StepOf& step, const GroupView& view, const Seat& seat,
                             const VoteRequest& request) {
  const VoteReply* reply = AnswerTo(step.effects, step.frame->from, view.group, request);
  if (reply == nullptr) return;
  if (!reply->granted) return CheckRefusal(step, view, seat, request, reply->reason);
  const bool of_an_old_term =
      request.kind == VoteKind::kPreVote ? request.proposed <= seat.term : request.term < seat.term;
  Expect(Check::kStaleMessage, step, view, !of_an_old_term, [&] {
    return absl::StrCat("grants node ", step.frame->from.value(), " a vote for term ",
                        request.proposed.value(), " in term ", seat.term.value());
  });
  if (request.kind == VoteKind::kTransferVote) return;
  const bool stands_by =
      seat.role == Role::kLeader || HearsLeader(step.node, seat, step.frame->from);
  Expect(Check::kRoles, step, view, !stands_by, [&] {
    return absl::StrCat("grants node ", step.frame->from.value(), " a vote although it ",
                        seat.role == Role::kLeader ? "leads" : "has just heard its leader");
  });
}

void Elections::CheckRefusal(const StepOf& step, const GroupView& view, const Seat& seat,
                             const VoteRequest& request, DropReason reason) {
  bool holds = false;
  if (reason == DropReason::kHasLeader) {
    // What a leader ordered passes.
    holds = request.kind != VoteKind::kTransferVote &&
            (!step.node.clock_known || seat.role == Role::kLeader ||
             HearsLeader(step.node, seat, step.frame->from));
  } else if (reason == DropReason::kStaleTerm) {
    holds = request.kind == VoteKind::kPreVote ? request.proposed <= seat.term
                                               : request.term < seat.term;
  } else if (reason == DropReason::kAlreadyVoted) {
    holds = request.term <= seat.term && view.vote != NodeId() && view.vote != step.frame->from;
  } else if (reason == DropReason::kLogBehind) {
    holds = request.last.term < seat.last.term ||
            (request.last.term == seat.last.term && request.last.index < seat.last.index);
  }
  Expect(Check::kUpToDateVote, step, view, holds, [&] {
    return absl::StrCat("refuses node ", step.frame->from.value(),
                        " a vote for a reason that does not hold: ", NameOf(reason));
  });
}

}  // namespace quorate::sim
