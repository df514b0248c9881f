#include "sim/world/coverage.h"

#include <memory>

namespace quorate::sim {
namespace {

constexpr std::uint64_t kLagsEvery = 32;  // events
constexpr std::size_t kMostGroups = 256;  // beyond, they are not looked at

// Groups in small tables: the system group first, then namespaces by number.
std::size_t PlaceOf(GroupId group) {
  return group == kSystemGroup ? 0 : std::size_t{group.value()} + 1;
}

}  // namespace

Coverage::Coverage(Shared& shared, Landmarks& landmarks, const Machines& machines)
    : shared_(shared),
      landmarks_(landmarks),
      machines_(machines),
      nodes_(shared.nodes),
      facts_(shared.nodes),
      codes_(shared.nodes) {}

ProcessIs Coverage::ProcessOf(const Machine& machine) const {
  if (!machine.serving()) return ProcessIs::kDown;
  return machine.paused() ? ProcessIs::kPaused : ProcessIs::kUp;
}

// The worst of what is wrong with it.
DiskIs Coverage::DiskOf(Machine& machine) const {
  const std::size_t node = shared_.EndpointOf(machine.id());
  if (shared_.budget.Is(node, Hurt::kDamaged)) return DiskIs::kDamaged;
  if (shared_.budget.Is(node, Hurt::kFailed)) return DiskIs::kFailed;
  const SimDisk& disk = machine.disk();
  if (disk.full) return DiskIs::kFull;
  if (disk.stalled_until > shared_.now()) return DiskIs::kStalled;
  return disk.SlowFactor() > 1 ? DiskIs::kSlow : DiskIs::kOk;
}

bool Coverage::MovedOutside() {
  bool moved = false;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    const Outside now{ProcessOf(*machines_[node]), DiskOf(*machines_[node])};
    moved = moved || now != nodes_[node];
    nodes_[node] = now;
  }
  return moved;
}

void Coverage::OnEvent(const Event& event) {
  const std::uint64_t budget_changes = shared_.budget.changes();
  bool outside = budget_changes != budget_changes_;
  budget_changes_ = budget_changes;
  bool of_node = false;
  switch (event.kind) {
    case EventKind::kFrame:
    case EventKind::kWakeup:
    case EventKind::kLinkTimer:
    case EventKind::kSyncDone:
    case EventKind::kLogRead:
    case EventKind::kFlushDone:
    case EventKind::kWork:
    case EventKind::kEndTurn:
    case EventKind::kRestart:
    case EventKind::kRequest:
      of_node = true;
      break;
    case EventKind::kFault:
    case EventKind::kFaultEnd:
    case EventKind::kAdministrator:
    case EventKind::kPhase:
      outside = true;  // disks that are slow, stall or fill up are no matter of the budget
      break;
    case EventKind::kAnswer:
    case EventKind::kClientTurn:
    case EventKind::kClientTimeout:
    case EventKind::kResume:
    case EventKind::kCrash:
      break;
  }
  if (outside && MovedOutside()) {
    LookAtAll();
  } else if (of_node && (landmarks_.TakeMoved() || shared_.events % kLagsEvery == 0)) {
    LookAtTouched(event.node - 1u);
  }
}

void Coverage::LookAtTouched(std::size_t node) {
  const Replica* replica = machines_[node]->replica();
  if (replica == nullptr) return;
  for (const GroupId group : replica->touched()) Look(group);
}

void Coverage::LookAtAll() {
  landmarks_.TakeMoved();
  // Every node that runs has the system group; namespaces are those of whoever has most.
  const Replica* most = nullptr;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    const Replica* replica = machine->replica();
    if (replica == nullptr) continue;
    if (most == nullptr || replica->groups().size() > most->groups().size()) most = replica;
  }
  if (most == nullptr) return Look(kSystemGroup);
  for (const auto& [group, raft] : most->groups()) Look(group);
}

void Coverage::Look(GroupId group) {
  const std::size_t place = PlaceOf(group);
  if (place >= kMostGroups) return;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    NodeFacts& facts = facts_[node];
    facts = NodeFacts{};
    facts.process = ProcessOf(*machines_[node]);
    facts.disk = DiskOf(*machines_[node]);
    if (facts.process == ProcessIs::kDown) continue;
    const Replica* replica = machines_[node]->replica();
    const Raft* raft = replica == nullptr ? nullptr : replica->group(group);
    if (raft == nullptr) continue;
    facts.has_group = true;
    facts.role = raft->role();
    facts.term = raft->term();
    facts.start = raft->log().start().entry.index;
    facts.last = raft->log().last().index;
    facts.commit = raft->commit();
    facts.applied = raft->applied();
    facts.snapshot = SnapshotOf(*raft);
    facts.configuration = ConfigurationOf(*raft);
  }
  CodesOf(facts_, codes_);
  const std::uint64_t number = NumberOfCluster(codes_, group == kSystemGroup ? 1 : 0);
  if (last_.size() <= place) last_.resize(place + 1);
  if (last_[place] == number) return;
  last_[place] = number;
  if (!clusters_.insert(number).second) return;
  for (const NodeCode code : codes_) seen_nodes_.insert(code);
}

AbstractStates Coverage::States() const {
  return {{clusters_.begin(), clusters_.end()}, {seen_nodes_.begin(), seen_nodes_.end()}};
}

}  // namespace quorate::sim
