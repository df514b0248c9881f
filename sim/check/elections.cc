// Who remembers what, and the order in which a step is looked at.
#include "sim/check/elections.h"

#include <algorithm>

#include "sim/check/messages.h"

namespace quorate::sim {

Elections::Elections(Verdicts& verdicts, const Options& options)
    : verdicts_(verdicts), options_(options) {}

Elections::Node& Elections::At(NodeId node) {
  if (node.value() >= nodes_.size()) nodes_.resize(node.value() + 1);
  return nodes_[node.value()];
}

Elections::Seat& Elections::SeatOf(Node& node, GroupId group) {
  for (Seat& seat : node.seats) {
    if (seat.group == group) return seat;
  }
  node.seats.emplace_back().group = group;
  return node.seats.back();
}

void Elections::OnBoot(NodeId node) { At(node) = Node{}; }

void Elections::OnClock(NodeId node, MonoTime now) {
  At(node).now = now;
  At(node).clock_known = true;
}

void Elections::OnStep(NodeId id, std::span<const GroupView> touched, const Input* input,
                       const Effects& effects) {
  Node& node = At(id);
  NoteWrites(node, input, effects);
  StepOf step{id, node, input, nullptr, effects, false};
  if (input != nullptr) {
    NoteLinks(node, *input);
    step.frame = std::get_if<FrameReceived>(input);
    if (step.frame != nullptr &&
        std::find(node.links.begin(), node.links.end(),
                  std::pair(step.frame->from, step.frame->session)) == node.links.end()) {
      step.frame = nullptr;
    }
    step.wakes = std::holds_alternative<Wakeup>(*input);
  }
  for (const GroupView& view : touched) {
    if (view.configuration == nullptr) continue;
    Seat& seat = SeatOf(node, view.group);
    if (seat.known && input != nullptr) {
      NoteGrants(step, seat);
      CheckCampaign(step, view, seat);
      CheckChance(step, view, seat);
      CheckLeaving(step, view, seat);
      CheckMessages(step, view, seat);
      CheckFollows(step, view, seat);
    }
    CheckOrder(step, view);
    NoteCampaign(step, view, seat);
    NoteContacts(step, view, seat);
    NoteTimer(step, view, seat);
    if (seat.known && input != nullptr) {
      CheckWon(step, view, seat);
      CheckContact(step, view, seat);
      CheckTimer(step, view, seat);
    }
    seat.led_until_now = seat.role == Role::kLeader || view.role == Role::kLeader;
    seat.known = true;
    seat.term = view.term;
    seat.role = view.role;
    seat.last = view.last;
    seat.deadline = view.wakeup;
  }
  CheckWords(step, touched);
}

// ---- what is remembered ----------------------------------------------------------------------------

void Elections::NoteWrites(Node& node, const Input* input, const Effects& effects) {
  const auto* persisted = input == nullptr ? nullptr : std::get_if<Persisted>(input);
  if (persisted != nullptr) {
    node.durable = std::max(node.durable, persisted->upto);
    while (!node.writes.empty() && node.writes.front().first <= node.durable) {
      node.writes.pop_front();
    }
  }
  for (const Effect& effect : effects) {
    const Persist* persist = std::get_if<Persist>(&effect);
    if (persist != nullptr) node.writes.emplace_back(persist->seq, node.now);
  }
}

void Elections::NoteLinks(Node& node, const Input& input) {
  if (const auto* up = std::get_if<LinkUp>(&input)) {
    std::erase_if(node.links, [&](const auto& link) { return link.first == up->peer; });
    node.links.emplace_back(up->peer, up->session);
  } else if (const auto* down = std::get_if<LinkDown>(&input)) {
    std::erase(node.links, std::pair(down->peer, down->session));
  }
}

void Elections::NoteGrants(const StepOf& step, Seat& seat) {
  if (step.frame == nullptr) return;
  for (const PeerMessage& message : step.frame->messages) {
    const auto* reply = std::get_if<VoteReply>(&message.message);
    if (reply == nullptr || message.group != seat.group || !reply->granted) continue;
    const Asked& asked = seat.asked;
    if (reply->campaign != asked.campaign || reply->kind != asked.kind) continue;
    if (reply->proposed != asked.proposed || IsAmong(asked.granted, step.frame->from)) continue;
    seat.asked.granted.push_back(step.frame->from);
  }
}

void Elections::NoteCampaign(const StepOf& step, const GroupView& view, Seat& seat) {
  const bool asks = view.role == Role::kPreCandidate || view.role == Role::kCandidate;
  if (!asks) {
    seat.asked = Asked{};
    return;
  }
  const bool anew = view.role != seat.role || view.term != seat.term || step.wakes;
  if (!anew) return;
  Asked asked;
  for (const Effect& effect : step.effects) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->message.group != view.group) continue;
    const auto* request = std::get_if<VoteRequest>(&send->message.message);
    // The last one counts: a campaign may have begun and given way to another in this step.
    if (request == nullptr || request->campaign < asked.campaign) continue;
    asked.campaign = request->campaign;
    asked.kind = request->kind;
    asked.proposed = request->proposed;
  }
  // A timer that ends while the disk stands still lets the campaign go on.
  const bool same = view.role == seat.role && view.term == seat.term;
  if (same && asked.campaign == Campaign()) return;
  if (view.role == Role::kCandidate) {
    for (const Effect& effect : step.effects) {
      if (const Persist* persist = std::get_if<Persist>(&effect)) asked.own_vote = persist->seq;
    }
  }
  seat.asked = std::move(asked);
}

void Elections::NoteContacts(const StepOf& step, const GroupView& view, Seat& seat) {
  if (view.role != Role::kLeader) {
    seat.seen.clear();
    return;
  }
  const bool fresh = seat.role != Role::kLeader || seat.term != view.term;
  if (fresh) {
    seat.seen.clear();
    seat.leads_since = step.node.now;
  }
  if (fresh || seat.configured != view.configuration_index) {
    seat.configured = view.configuration_index;
    seat.configured_since = step.node.now;
  }
  // Who was put out is another one when it comes back.
  const auto gone = [&](const auto& one) {
    return std::none_of(view.peers.begin(), view.peers.end(),
                        [&](const PeerView& peer) { return peer.node == one.first; });
  };
  seat.seen.erase(std::remove_if(seat.seen.begin(), seat.seen.end(), gone), seat.seen.end());
  for (const PeerView& peer : view.peers) {
    const bool known = std::any_of(seat.seen.begin(), seat.seen.end(),
                                   [&](const auto& one) { return one.first == peer.node; });
    if (!known) seat.seen.emplace_back(peer.node, step.node.now);
  }
  if (step.frame == nullptr || MessagesFor(*step.frame, view.group) == 0) return;
  for (auto& [peer, at] : seat.seen) {
    if (peer == step.frame->from) at = step.node.now;
  }
}

// What may set an election timer: a change of term or role, a campaign, a vote that was given, a word of the
// leader, and its own end.
void Elections::NoteTimer(const StepOf& step, const GroupView& view, Seat& seat) {
  bool set = !seat.known || view.term != seat.term || view.role != seat.role;
  if (step.wakes && seat.deadline <= step.node.now) set = true;
  if (step.frame != nullptr) {
    for (const PeerMessage& message : step.frame->messages) {
      const std::optional<Term> told = TermTold(message, view.group);
      if (!told) continue;
      if (view.role != Role::kLeader && *told == view.term && IsOfALeader(message)) {
        seat.heard = {step.frame->from, view.term, step.node.now};
        set = true;
      }
      const auto* request = std::get_if<VoteRequest>(&message.message);
      if (request == nullptr || request->kind == VoteKind::kPreVote) continue;
      const VoteReply* answer = AnswerTo(step.effects, step.frame->from, view.group, *request);
      if (answer != nullptr && answer->granted) set = true;
    }
  }
  if (view.role != Role::kFollower || seat.heard.term != view.term) seat.heard = Heard{};
  if (set) seat.patient_since = step.node.now;
}

}  // namespace quorate::sim
