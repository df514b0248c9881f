// The ids of checks, state machines, and the order in which a step is looked at.
#include "sim/check/invariants.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/replica.h"

namespace quorate::sim {

Invariants::Invariants(Verdicts& verdicts, const Options& options)
    : verdicts_(verdicts), options_(options), elections_(verdicts, options) {}

// ---- common ----------------------------------------------------------------------------------------

std::string Invariants::Where(NodeId id, GroupId group) const {
  return absl::StrCat("n", id.value(), " ",
                      group == kSystemGroup ? "sys" : absl::StrCat("g", group.value()), ": ");
}

std::uint32_t Invariants::SlotOf(GroupId group) {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group) return static_cast<std::uint32_t>(slot);
  }
  groups_.push_back(group);
  ghosts_.emplace_back();
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

Invariants::Node& Invariants::At(NodeId node) {
  if (node.value() >= nodes_.size()) nodes_.resize(node.value() + 1);
  return nodes_[node.value()];
}

Invariants::Seat& Invariants::SeatOf(Node& node, std::uint32_t slot) {
  if (slot >= node.seats.size()) node.seats.resize(slot + 1);
  return node.seats[slot];
}

std::optional<std::uint64_t> Invariants::PrefixOf(std::uint32_t slot, const GroupImage& image,
                                                  Index index) const {
  if (index >= image.start().entry.index) return image.PrefixAt(index);
  const GhostEntry* committed = ghosts_[slot].Committed(index);
  if (committed == nullptr) return std::nullopt;
  return committed->prefix;
}

// True also for what is committed and forgotten: it was compared when it was committed.
bool Invariants::HoldsCommitted(std::uint32_t slot, EntryId entry) const {
  const GroupGhost& ghost = ghosts_[slot];
  if (entry.index > ghost.committed()) return CommitIsUnseen(slot, entry.index);
  const GhostEntry* committed = ghost.Committed(entry.index);
  return committed == nullptr || committed->term == entry.term;
}

const Configuration* Invariants::EffectiveConfiguration(std::uint32_t slot,
                                                        const GroupImage& image) const {
  const std::optional<Index> at = image.LastConfiguration();
  if (!at) return &image.start().configuration;
  const auto& known = ghosts_[slot].configurations;
  const auto found = known.find(EntryId{*at, *image.TermAt(*at)});
  return found == known.end() ? nullptr : &found->second;
}

std::pair<Index, const Configuration*> Invariants::ConfigurationIn(std::uint32_t slot,
                                                                   const GroupImage& image,
                                                                   Index index) const {
  const std::vector<Index>& placed = image.configurations();
  for (auto at = placed.rbegin(); at != placed.rend(); ++at) {
    if (*at > index) continue;
    const auto found = ghosts_[slot].configurations.find(EntryId{*at, *image.TermAt(*at)});
    return {*at, found == ghosts_[slot].configurations.end() ? nullptr : &found->second};
  }
  return {image.start().configuration_index, &image.start().configuration};
}

std::pair<Index, const Configuration*> Invariants::CommittedConfiguration(std::uint32_t slot,
                                                                          Index index) const {
  const GroupGhost& ghost = ghosts_[slot];
  for (auto at = ghost.placed.rbegin(); at != ghost.placed.rend(); ++at) {
    const auto found = ghost.configurations.find(*at);
    if (at->index <= index && found != ghost.configurations.end())
      return {at->index, &found->second};
  }
  // Born, or found, with it.
  const auto first = ghost.configurations.begin();
  if (first == ghost.configurations.end() || first->first.index > index) return {Index(), nullptr};
  return {first->first.index, &first->second};
}

Index Invariants::committed(GroupId group) const {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group) return ghosts_[slot].committed();
  }
  return Index();
}

Index Invariants::map_durable(NodeId node, GroupId group) const {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] != group || node.value() >= nodes_.size()) continue;
    const std::deque<Seat>& seats = nodes_[node.value()].seats;
    return slot < seats.size() ? seats[slot].map_durable : Index();
  }
  return Index();
}

std::optional<Generation> Invariants::generation(NodeId node, GroupId group) {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] != group) continue;
    const GroupImage& image = At(node).disk.written(static_cast<std::uint32_t>(slot));
    return image.exists ? std::optional(image.start().generation) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Term> Invariants::term(NodeId node, GroupId group, Index index) {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group)
      return At(node).disk.written(static_cast<std::uint32_t>(slot)).TermAt(index);
  }
  return std::nullopt;
}

NodeId Invariants::latest_leader(GroupId group) const {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group && !ghosts_[slot].leaders.empty()) {
      return ghosts_[slot].leaders.rbegin()->second;
    }
  }
  return NodeId();
}

// ---- state machines --------------------------------------------------------------------------------

void Invariants::OnApplied(NodeId id, GroupId group, EntryId upto, Digest machine) {
  Node& node = At(id);
  const std::uint32_t slot = SlotOf(group);
  GroupGhost& ghost = ghosts_[slot];
  Expect(Check::kStateMachineSafety, HoldsCommitted(slot, upto), [&] {
    return absl::StrCat(Where(id, slot), "has applied ", upto.index.value(), "/", upto.term.value(),
                        ", which was never committed");
  });
  const std::optional<Digest> known = ghost.MachineAt(upto.index);
  if (known) {
    Expect(Check::kSameState, *known == machine, [&] {
      return absl::StrCat(Where(id, slot), "its state at ", upto.index.value(),
                          " is another one than the first seen there");
    });
  } else {
    ghost.SetMachine(upto.index, machine);
  }
  SeatOf(node, slot).machine.emplace(upto, machine);
}

void Invariants::OnMachineSeen(NodeId id, GroupId group, EntryId applied, Digest machine) {
  Node& node = At(id);
  const std::uint32_t slot = SlotOf(group);
  Seat& seat = SeatOf(node, slot);
  if (!seat.machine || seat.machine->first != applied)
    return OnApplied(id, group, applied, machine);
  Expect(Check::kIsolation, seat.machine->second == machine, [&] {
    return absl::StrCat(Where(id, slot),
                        "its state changed although nothing was applied to it since ",
                        applied.index.value());
  });
}

// ---- steps -----------------------------------------------------------------------------------------

void Invariants::OnStart(NodeId id, const Replica& replica, const Effects& effects) {
  views_.resize(replica.groups().size());
  std::size_t count = 0;
  for (const auto& [group, raft] : replica.groups()) ViewOf(raft, views_[count++]);
  OnStepViews(id, std::span(views_.data(), count), ViewOf(replica), nullptr, effects);
}

void Invariants::OnStep(NodeId id, const Replica& replica, const Input* input,
                        const Effects& effects) {
  const std::vector<GroupId>& touched = replica.touched();
  if (views_.size() < touched.size()) views_.resize(touched.size());
  std::size_t count = 0;
  for (const GroupId group : touched) {
    if (const Raft* raft = replica.group(group); raft != nullptr) ViewOf(*raft, views_[count++]);
  }
  OnStepViews(id, std::span(views_.data(), count), ViewOf(replica), input, effects);
}

void Invariants::OnStepViews(NodeId id, std::span<const GroupView> touched, const NodeView& whole,
                             const Input* input, const Effects& effects) {
  Node& node = At(id);
  ++steps_;
  StepOf step{id, node, touched, input};
  NoteInput(step);
  for (const GroupView& view : touched) CheckLeader(step, view, SlotOf(view.group));
  for (const Effect& effect : effects) {
    if (const Persist* persist = std::get_if<Persist>(&effect)) CheckWrite(step, *persist);
  }
  if (node.disk.durable_upto() != PersistSeq()) FoldUpto(id, node, node.disk.durable_upto());
  for (const GroupView& view : touched) CheckGroup(step, view);
  for (const Effect& effect : effects) CheckEffect(step, effect);
  if (!whole.stopped && input != nullptr) {
    for (const GroupView& view : touched) CheckKept(step, view);
  }
  CheckDamage(step, whole);
  // A node that stops says nothing any more.
  if (!whole.stopped) elections_.OnStep(id, touched, input, effects);
  Expect(Check::kLimits, whole.requests_under_way <= options_.max_requests, [&] {
    return absl::StrCat("n", id.value(), " has ", whole.requests_under_way, " requests under way");
  });
  for (const auto& answered : node.unproved) {
    // Named one by one: Clang 14 captures no structured binding.
    const GroupId group = answered.first;
    const Index index = answered.second;
    Expect(Check::kCommittedOnQuorum, index <= committed(group), [&] {
      return absl::StrCat(Where(id, group), "answered a write at ", index.value(),
                          ", which is not committed");
    });
  }
  node.unproved.clear();
  for (const GroupView& view : touched) Remember(node, view);
}

void Invariants::Remember(Node& node, const GroupView& view) {
  Before& before = SeatOf(node, SlotOf(view.group)).before;
  before.known = true;
  before.term = view.term;
  before.vote = view.vote;
  before.role = view.role;
  before.handing_over = view.handing_over;
  before.commit = view.commit;
  before.applied = view.applied;
  before.start = view.start;
  before.last = view.last;
  before.peers.clear();
  for (const PeerView& peer : view.peers)
    before.peers.push_back({.node = peer.node,
                            .match = peer.match,
                            .next = peer.next,
                            .contact = peer.contact,
                            .answered_round = peer.answered_round});
}

}  // namespace quorate::sim
