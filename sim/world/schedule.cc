// Scheduled faults: what a scenario wants at a given time, or when a mark is reached.
#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "sim/world/faults.h"
#include "sim/world/tell_faults.h"

namespace quorate::sim {

std::optional<NodeId> Faults::Resolve(const NodeRef& ref) const {
  if (const NodeId* node = std::get_if<NodeId>(&ref)) return *node;
  const std::optional<GroupId> group = clients_.GroupOf(std::get<LeaderOf>(ref).name_space);
  if (!group) return std::nullopt;
  std::optional<NodeId> leader;
  Term term;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (!machine->Leads(*group)) continue;
    const Term its = machine->replica()->group(*group)->term();
    if (!leader || its > term) {
      leader = machine->id();
      term = its;
    }
  }
  return leader;
}

void Faults::OnMarks() {
  if (waiting_for_marks_ == 0 || frozen_ || shared_.marks.total() == marks_looked_at_) return;
  marks_looked_at_ = shared_.marks.total();
  for (std::size_t entry = 0; entry < scheduled_.size(); ++entry) {
    const OnMark* on = std::get_if<OnMark>(&shared_.config.schedule[entry].when);
    if (on == nullptr || scheduled_[entry].done) continue;
    if (shared_.marks.CountOf(on->mark.c_str()) < on->nth) continue;
    --waiting_for_marks_;
    Carry(entry);
  }
}

void Faults::CutScheduled(std::size_t entry, std::vector<DirectedLink> cut) {
  scheduled_[entry].cut = std::move(cut);
  scheduled_[entry].is_cut = true;
  wire_.net().Cut(scheduled_[entry].cut);
  if (shared_.trace.textual())
    shared_.trace.Say(TellCut(wire_, scheduled_[entry].cut, shared_.nodes));
}

// Whether something stays broken until it is ended. A node that is down shows by itself.
bool Faults::Lasts(const Action& action) {
  return std::visit(Match{[](const PartitionAction&) { return true; },
                          [](const IsolateAction&) { return true; },
                          [](const CutAction&) { return true; },
                          [](const ClogAction&) { return true; },
                          [](const SwizzleAction&) { return true; },
                          [](const DisconnectAction&) { return true; },
                          [](const DiskSlowAction&) { return true; },
                          [](const ClockFreezeAction&) { return true; },
                          [](const PauseAction&) { return true; },
                          [](const DiskStallAction&) { return true; },
                          [](const DiskFullAction&) { return true; },
                          [](const HealAction&) { return false; },
                          [](const CrashAction&) { return false; },
                          [](const WipeAction&) { return false; },
                          [](const RestartAction&) { return false; },
                          [](const ClockStepAction&) { return false; },
                          [](const SyncErrorAction&) { return false; },
                          [](const TransferAction&) { return false; },
                          [](const WriteErrorAction&) { return false; },
                          [](const MapErrorAction&) { return false; },
                          [](const CorruptAction&) { return false; },
                          [](const ImageAction&) { return false; },
                          [](const OldImageAction&) { return false; },
                          [](const LyingSyncAction&) { return false; },
                          [](const OperationAction&) { return false; }},
                    action);
}

bool Faults::Cuts(std::size_t entry) const {
  const Action& action = shared_.config.schedule[entry].action;
  return std::holds_alternative<PartitionAction>(action) ||
         std::holds_alternative<IsolateAction>(action) ||
         std::holds_alternative<CutAction>(action) ||
         std::holds_alternative<DisconnectAction>(action);
}

// Whether a leader is cut off from all others, and nobody else from anybody; whoever ordered it.
void Faults::MarkLeaderAlone(const std::vector<DirectedLink>& cut) {
  for (Endpoint node = 0; node < shared_.nodes; ++node) {
    if (!machines_[node]->LeadsAny()) continue;
    std::size_t out = 0;
    std::size_t in = 0;
    std::size_t elsewhere = 0;
    for (const auto& [from, to] : cut) {
      if (from >= shared_.nodes || to >= shared_.nodes) continue;  // clients
      ++(from == node ? out : to == node ? in : elsewhere);
    }
    const std::size_t others = shared_.nodes - 1;
    if (others == 0 || elsewhere > 0 || (out < others && in < others)) continue;
    Mark(shared_, "partition.leader");
    if (out < others || in < others) Mark(shared_, "partition.one_way_leader");
    return;
  }
}

void Faults::Carry(std::size_t entry) {
  const ScheduleEntry& planned = shared_.config.schedule[entry];
  scheduled_[entry].done = true;
  if (frozen_) return;
  const std::int64_t now = shared_.now();
  scheduled_[entry].begun = now;
  const std::int64_t until =
      planned.for_ns > 0 ? now + planned.for_ns : now + 3600LL * 1'000'000'000;
  if (shared_.trace.textual()) {
    const std::optional<NodeRef> named = NodeOf(planned.action);
    shared_.trace.Say(TellScheduled(planned, named ? Resolve(*named) : std::nullopt));
  }
  shared_.injected.Add(std::string("scheduled.") + NameOf(planned.action));
  if (Lasts(planned.action)) {
    scheduled_[entry].lasts = true;
    ++active_;
  }
  const auto with = [this, entry](const NodeRef& ref, auto&& act) {
    scheduled_[entry].node = Resolve(ref);
    if (scheduled_[entry].node) act(At(*scheduled_[entry].node));
  };
  std::visit(
      Match{[&](const PartitionAction& action) {
              std::vector<std::vector<Endpoint>> groups(1);
              for (const std::vector<NodeId>& group : action.groups) {
                groups.emplace_back();
                for (const NodeId node : group) groups.back().push_back(shared_.EndpointOf(node));
              }
              for (Endpoint node = 0; node < shared_.nodes; ++node) {
                const bool named =
                    std::any_of(groups.begin(), groups.end(), [node](const auto& group) {
                      return std::find(group.begin(), group.end(), node) != group.end();
                    });
                if (!named) groups[0].push_back(node);
              }
              std::rotate(groups.begin(), groups.begin() + 1, groups.end());
              std::vector<DirectedLink> cut;
              for (std::size_t a = 0; a < groups.size(); ++a) {
                for (std::size_t b = 0; b < groups.size(); ++b) {
                  if (a == b || (action.one_way && b > a)) continue;
                  for (const Endpoint from : groups[a]) {
                    for (const Endpoint to : groups[b]) cut.emplace_back(from, to);
                  }
                }
              }
              CutScheduled(entry, std::move(cut));
            },
            [&](const IsolateAction& action) {
              with(action.node, [&](Machine& machine) {
                std::vector<std::vector<Endpoint>> groups(2);
                groups[0].push_back(shared_.EndpointOf(machine.id()));
                for (Endpoint node = 0; node < shared_.nodes; ++node) {
                  if (node != groups[0][0]) groups[1].push_back(node);
                }
                CutWay way = CutWay::kBoth;
                if (action.direction == Direction::kInto) way = CutWay::kInto;
                if (action.direction == Direction::kOutOf) way = CutWay::kOutOf;
                std::vector<DirectedLink> cut = CutBetween(groups, way);
                MarkLeaderAlone(cut);
                CutScheduled(entry, std::move(cut));
              });
            },
            [&](const CutAction& action) {
              std::vector<DirectedLink> cut = wire_.EndpointsOf(action.links);
              MarkLeaderAlone(cut);
              CutScheduled(entry, std::move(cut));
              if (action.flap_ns > 0) PushScheduled(entry, kFlapStep, now + action.flap_ns);
            },
            [&](const ClogAction& action) {
              for (const auto& [from, to] : wire_.EndpointsOf(action.links))
                wire_.net().Clog(from, to, until);
            },
            [&](const SwizzleAction& action) {
              for (std::size_t i = 0; i < action.steps.size(); ++i)
                PushScheduled(entry, kSwizzleStep + i, now + action.steps[i].after_ns);
            },
            [&](const DisconnectAction& action) {
              const Endpoint a = shared_.EndpointOf(action.node);
              const Endpoint b = shared_.EndpointOf(action.peer);
              CutScheduled(entry, {{a, b}, {b, a}});
              At(action.node).Disconnect(action.peer);
              At(action.peer).Disconnect(action.node);
            },
            [&](const HealAction&) {
              // Whatever cuts links is over, also what is whole for the moment between two flaps.
              for (std::size_t which = 0; which < processes_.size(); ++which) {
                const Kind kind = processes_[which].kind;
                if (kind == Kind::kPartition || kind == Kind::kDisconnect) End(which, kEndStep);
              }
              for (std::size_t other = 0; other < scheduled_.size(); ++other) {
                if (scheduled_[other].is_cut || (scheduled_[other].lasts && Cuts(other)))
                  EndScheduled(other);
              }
            },
            [&](const CrashAction& action) {
              with(action.node, [&](Machine& machine) {
                const std::optional<std::int64_t> restart =
                    planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt;
                if (action.lose != Loss::kNothing) machine.LoseInCrash(action.lose);
                if (!machine.running()) return;
                if (action.keep) machine.KeepInCrash(*action.keep);
                shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kDown);
                if (action.call) {
                  machine.CrashInTurn(*action.call, restart);
                } else {
                  machine.Crash(restart);
                }
              });
            },
            [&](const WipeAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.LoseInCrash(Loss::kAll);
                machine.Crash(planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt);
              });
            },
            [&](const RestartAction& action) {
              with(action.node, [](Machine& machine) { machine.Boot(); });
            },
            [&](const PauseAction& action) {
              with(action.node, [](Machine& machine) { machine.Pause(); });
            },
            [&](const ClockStepAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.clock().StepWall(now, action.by_ns);
                if (action.by_ns < 0) Mark(shared_, "clock.stepped_back");
              });
            },
            [&](const ClockFreezeAction& action) {
              with(action.node, [&](Machine& machine) { machine.clock().FreezeWall(now); });
            },
            [&](const DiskSlowAction& action) {
              with(action.node, [&](Machine& machine) { machine.SlowDisk(until, action.factor); });
            },
            [&](const DiskStallAction& action) {
              with(action.node, [&](Machine& machine) { machine.StallDisk(until); });
            },
            [&](const DiskFullAction& action) {
              with(action.node, [](Machine& machine) { machine.SetFull(true); });
            },
            [&](const SyncErrorAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.disk().fail_next_sync = true;
                shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kFailed);
              });
            },
            [&](const WriteErrorAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.disk().fail_next_write = true;
                shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kFailed);
              });
            },
            [&](const MapErrorAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.disk().fail_next_map_write = true;
                shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kFailed);
              });
            },
            [&](const CorruptAction& action) {
              with(action.node,
                   [&](Machine& machine) { machine.CorruptStore(action.store, action.nth); });
            },
            [&](const ImageAction& action) {
              with(action.node, [](Machine& machine) { machine.TakeImage(); });
            },
            [&](const OldImageAction& action) {
              with(action.node, [&](Machine& machine) {
                machine.LoseInCrash(Loss::kImage);
                machine.Crash(planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt);
              });
            },
            [&](const LyingSyncAction& action) {
              with(action.node, [&](Machine& machine) { machine.disk().lies_until = until; });
            },
            [&](const TransferAction& action) {
              const std::optional<NodeId> leader = Resolve(LeaderOf{action.name_space});
              const std::optional<GroupId> group = clients_.GroupOf(action.name_space);
              if (leader && group) At(*leader).Order(TransferLeadership{*group, action.target});
            },
            [&](const OperationAction& action) {
              if (const std::optional<NodeId> node = Resolve(action.node)) {
                clients_.Issue(scheduled_[entry].operation, action, *node);
              }
            }},
      planned.action);
  if (planned.for_ns > 0) PushScheduled(entry, kEndStep, until);
}

// Something that a scheduled fault is to do later.
void Faults::PushScheduled(std::size_t entry, std::uint64_t step, std::int64_t at) {
  Event event;
  event.kind = EventKind::kFaultEnd;
  event.slot = SlotOfSchedule(entry);
  event.a = step;
  shared_.queue.Push(at, event);
}

void Faults::StepScheduled(std::size_t entry, std::uint64_t step) {
  Scheduled& scheduled = scheduled_[entry];
  if (frozen_ || !scheduled.lasts) return;
  const Action& action = shared_.config.schedule[entry].action;
  if (const CutAction* cut = std::get_if<CutAction>(&action)) {
    scheduled.is_cut = !scheduled.is_cut;
    if (scheduled.is_cut) {
      wire_.net().Cut(scheduled.cut);
    } else {
      wire_.net().Join(scheduled.cut);
    }
    PushScheduled(entry, kFlapStep, shared_.now() + cut->flap_ns);
  } else if (const SwizzleAction* swizzle = std::get_if<SwizzleAction>(&action)) {
    ClogNode(swizzle->steps[step - kSwizzleStep], scheduled.begun);
  }
}

void Faults::Settle(Scheduled& scheduled) {
  if (!std::exchange(scheduled.lasts, false)) return;
  if (--active_ == 0) calm_since_ = shared_.now();
}

void Faults::EndScheduled(std::size_t entry) {
  if (frozen_) return;
  Scheduled& scheduled = scheduled_[entry];
  if (scheduled.lasts && shared_.trace.textual()) {
    shared_.trace.Say(std::string("over scheduled ") +
                      NameOf(shared_.config.schedule[entry].action) +
                      (scheduled.node ? " " + NodeName(*scheduled.node) : std::string()));
  }
  Settle(scheduled);
  if (std::exchange(scheduled.is_cut, false)) wire_.net().Join(scheduled.cut);
  if (!scheduled.node) return;
  const Action& action = shared_.config.schedule[entry].action;
  if (std::holds_alternative<PauseAction>(action)) At(*scheduled.node).Resume();
  if (std::holds_alternative<DiskFullAction>(action)) At(*scheduled.node).SetFull(false);
  if (std::holds_alternative<ClockFreezeAction>(action)) At(*scheduled.node).clock().ThawWall();
}

}  // namespace quorate::sim
