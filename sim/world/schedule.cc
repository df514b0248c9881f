// Scheduled faults: what a scenario wants at a given time, or when a mark is reached.
#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "sim/world/administrator.h"
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

bool Faults::CutScheduled(std::size_t entry, std::vector<DirectedLink> cut) {
  if (cut.empty()) return false;
  MarkLeaderAlone(cut);
  scheduled_[entry].cut = std::move(cut);
  scheduled_[entry].is_cut = true;
  wire_.net().Cut(scheduled_[entry].cut);
  if (shared_.trace.textual())
    shared_.trace.Say(TellCut(wire_, scheduled_[entry].cut, shared_.nodes));
  return true;
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
                          [](const ChangeMembersAction&) { return false; },
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
  const FaultId who = SlotOfSchedule(entry);
  const std::int64_t until =
      planned.for_ns > 0 ? now + planned.for_ns : now + 3600LL * 1'000'000'000;
  const std::string name = NameOf(planned.action);
  if (shared_.trace.textual()) {
    const std::optional<NodeRef> named = NodeOf(planned.action);
    shared_.trace.Say(TellScheduled(planned, named ? Resolve(*named) : std::nullopt));
  }
  const auto with = [this, entry](const NodeRef& ref, auto&& act) -> bool {
    scheduled_[entry].node = Resolve(ref);
    return scheduled_[entry].node && act(At(*scheduled_[entry].node));
  };
  // Whether it did anything: what finds nobody, or nothing to do, is no fault.
  const bool done = std::visit(
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
              return CutScheduled(entry, std::move(cut));
            },
            [&](const IsolateAction& action) {
              return with(action.node, [&](Machine& machine) {
                std::vector<std::vector<Endpoint>> groups(2);
                groups[0].push_back(shared_.EndpointOf(machine.id()));
                for (Endpoint node = 0; node < shared_.nodes; ++node) {
                  if (node != groups[0][0]) groups[1].push_back(node);
                }
                CutWay way = CutWay::kBoth;
                if (action.direction == Direction::kInto) way = CutWay::kInto;
                if (action.direction == Direction::kOutOf) way = CutWay::kOutOf;
                return CutScheduled(entry, CutBetween(groups, way));
              });
            },
            [&](const CutAction& action) {
              if (action.flap_ns > 0) PushScheduled(entry, kFlapStep, now + action.flap_ns);
              return CutScheduled(entry, wire_.EndpointsOf(action.links));
            },
            [&](const ClogAction& action) {
              const std::vector<DirectedLink> links = wire_.EndpointsOf(action.links);
              for (const auto& [from, to] : links) wire_.net().Clog(from, to, until);
              return !links.empty();
            },
            [&](const SwizzleAction& action) {
              for (std::size_t i = 0; i < action.steps.size(); ++i)
                PushScheduled(entry, kSwizzleStep + i, now + action.steps[i].after_ns);
              return !action.steps.empty();
            },
            [&](const DisconnectAction& action) {
              const Endpoint a = shared_.EndpointOf(action.node);
              const Endpoint b = shared_.EndpointOf(action.peer);
              CutScheduled(entry, {{a, b}, {b, a}});
              At(action.node).Disconnect(action.peer);
              At(action.peer).Disconnect(action.node);
              return true;
            },
            [&](const HealAction&) {
              // Whatever cuts links is over, also what is whole for the moment between two flaps.
              bool any = false;
              for (std::size_t which = 0; which < processes_.size(); ++which) {
                const Kind kind = processes_[which].kind;
                if (kind != Kind::kPartition && kind != Kind::kDisconnect) continue;
                any = End(which, kEndStep) || any;
              }
              for (std::size_t other = 0; other < scheduled_.size(); ++other) {
                if (!scheduled_[other].is_cut && !(scheduled_[other].lasts && Cuts(other)))
                  continue;
                any = true;
                EndScheduled(other);
              }
              return any;
            },
            [&](const CrashAction& action) {
              return with(action.node, [&](Machine& machine) {
                const std::optional<std::int64_t> restart =
                    planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt;
                if (action.lose != Loss::kNothing) machine.LoseInCrash(action.lose);
                if (!machine.running()) {
                  const bool image = action.lose == Loss::kImage;
                  return action.lose != Loss::kNothing && (!image || machine.has_image());
                }
                if (action.keep) machine.KeepInCrash(*action.keep);
                shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kDown);
                if (action.call) {
                  machine.CrashInTurn(*action.call, restart);
                } else {
                  machine.Crash(restart);
                }
                return true;
              });
            },
            [&](const WipeAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.LoseInCrash(Loss::kAll);
                machine.Crash(planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt);
                return true;
              });
            },
            [&](const RestartAction& action) {
              return with(action.node, [](Machine& machine) {
                if (machine.running() || machine.damaged()) return false;
                machine.Boot();
                return true;
              });
            },
            [&](const PauseAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.Pause(who);
                return machine.paused();
              });
            },
            [&](const ClockStepAction& action) {
              return with(action.node, [&](Machine& machine) {
                const std::int64_t by = machine.clock().StepWall(now, action.by_ns);
                if (by < 0) Mark(shared_, "clock.stepped_back");
                return by != 0;
              });
            },
            [&](const ClockFreezeAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.FreezeClock(who);
                return true;
              });
            },
            [&](const DiskSlowAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.disk().Slow(until, action.factor);
                return true;
              });
            },
            [&](const DiskStallAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.StallDisk(until);
                return true;
              });
            },
            [&](const DiskFullAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.FillDisk(who);
                return true;
              });
            },
            [&](const SyncErrorAction& action) {
              return with(action.node, [&](Machine& machine) {
                return OrderFailure(machine, machine.disk().fail_next_sync);
              });
            },
            [&](const WriteErrorAction& action) {
              return with(action.node, [&](Machine& machine) {
                return OrderFailure(machine, machine.disk().fail_next_write);
              });
            },
            [&](const MapErrorAction& action) {
              return with(action.node, [&](Machine& machine) {
                return OrderFailure(machine, machine.disk().fail_next_map_write);
              });
            },
            [&](const CorruptAction& action) {
              return with(action.node, [&](Machine& machine) {
                return machine.CorruptStore(action.store, action.nth);
              });
            },
            [&](const ImageAction& action) {
              return with(action.node, [](Machine& machine) {
                machine.TakeImage();
                return true;
              });
            },
            [&](const OldImageAction& action) {
              return with(action.node, [&](Machine& machine) {
                const bool any = machine.running() || machine.has_image();
                machine.LoseInCrash(Loss::kImage);
                machine.Crash(planned.for_ns > 0 ? std::optional(planned.for_ns) : std::nullopt);
                return any;
              });
            },
            [&](const LyingSyncAction& action) {
              return with(action.node, [&](Machine& machine) {
                machine.disk().Lie(until);
                return true;
              });
            },
            [&](const TransferAction& action) {
              const std::optional<NodeId> leader = Resolve(LeaderOf{action.name_space});
              const std::optional<GroupId> group = clients_.GroupOf(action.name_space);
              if (!leader || !group) return false;
              At(*leader).Order(TransferLeadership{*group, action.target});
              return true;
            },
            [&](const ChangeMembersAction& action) {
              const std::optional<GroupId> group = clients_.GroupOf(action.name_space);
              return with(action.node, [&](Machine& machine) {
                return group && AskToChange(machine, *group, action);
              });
            },
            [&](const OperationAction& action) {
              const std::optional<NodeId> node = Resolve(action.node);
              if (node) clients_.Issue(scheduled_[entry].operation, action, *node);
              return node.has_value();
            }},
      planned.action);
  if (!done) {
    if (shared_.trace.textual()) shared_.trace.Say("scheduled " + name + " finds nothing to do");
    return;
  }
  shared_.injected.Add("scheduled." + name);
  if (Lasts(planned.action)) {
    scheduled_[entry].lasts = true;
    ++active_;
  }
  if (planned.for_ns > 0) PushScheduled(entry, kEndStep, until);
}

// The next operation of this kind fails. A node that is damaged does none any more.
bool Faults::OrderFailure(const Machine& machine, bool& fail_next) {
  if (machine.damaged()) return false;
  fail_next = true;
  shared_.budget.Set(shared_.EndpointOf(machine.id()), Hurt::kFailed);
  return true;
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
  const FaultId who = SlotOfSchedule(entry);
  if (std::holds_alternative<PauseAction>(action)) At(*scheduled.node).Resume(who);
  if (std::holds_alternative<DiskFullAction>(action)) At(*scheduled.node).EmptyDisk(who);
  if (std::holds_alternative<ClockFreezeAction>(action)) At(*scheduled.node).ThawClock(who);
}

}  // namespace quorate::sim
