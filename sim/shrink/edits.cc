#include "sim/shrink/edits.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/base/match.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

template <class List>
void Cut(List& list, std::size_t first, std::size_t count) {
  first = std::min(first, list.size());
  count = std::min(count, list.size() - first);
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(first);
  list.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
}

template <class List, class Goes>
void EraseIf(List& list, const Goes& goes) {
  list.erase(std::remove_if(list.begin(), list.end(), goes), list.end());
}

std::int64_t UsualOf(const Script& script, const LinkName& link) {
  for (const ScriptedLink& line : script.links) {
    if (line.link == link) return line.latency_ns;
  }
  return script.latency_ns;
}

// Frames that do not deviate any more need no line.
void DropPlainFrames(Script& script) {
  std::map<LinkName, std::int64_t> usual;
  for (const ScriptedLink& line : script.links) usual[line.link] = line.latency_ns;
  EraseIf(script.frames, [&](const FrameDeviation& frame) {
    const auto known = usual.find(frame.link);
    FrameFate plain;
    plain.first.travel_ns = known == usual.end() ? script.latency_ns : known->second;
    return frame.fate == plain;
  });
}

bool IsOperation(const ScheduleEntry& entry) {
  return std::holds_alternative<OperationAction>(entry.action) ||
         std::holds_alternative<TransferAction>(entry.action) ||
         std::holds_alternative<ChangeMembersAction>(entry.action);
}

bool IsToLeave(const ChangeMembersAction& change) {
  return change.voters.empty() && change.learners.empty() && change.removed.empty();
}

// ---- a node that goes ----------------------------------------------------------------------------------

class NodeRemoval {
 public:
  NodeRemoval(NodeId gone, std::int64_t nodes) : gone_(gone), last_(nodes) {}

  bool Is(NodeId id) const { return id == gone_; }
  // What a node is called afterwards; the one that goes hands its clients to a neighbour.
  NodeId Map(NodeId id) const {
    if (id == NodeId()) return id;
    if (id > gone_) return NodeId(id.value() - 1);
    if (id == gone_) return id.value() == last_ ? NodeId(id.value() - 1) : id;
    return id;
  }
  bool Touches(const LinkName& link) const { return Is(link.from) || Is(link.to); }
  LinkName Map(const LinkName& link) const { return {Map(link.from), Map(link.to)}; }
  void Apply(std::vector<LinkName>& links) const {
    EraseIf(links, [this](const LinkName& link) { return Touches(link); });
    for (LinkName& link : links) link = Map(link);
  }
  void Apply(std::vector<NodeId>& nodes) const {
    EraseIf(nodes, [this](NodeId id) { return Is(id); });
    for (NodeId& id : nodes) id = Map(id);
  }
  // False: the action has nothing left to do.
  bool Apply(Action& action) const {
    const auto on = [this](auto& it) {
      if (NodeId* id = std::get_if<NodeId>(&it.node)) {
        if (Is(*id)) return false;
        *id = Map(*id);
      }
      return true;
    };
    return std::visit(Match{[this](PartitionAction& it) {
                              for (std::vector<NodeId>& group : it.groups) Apply(group);
                              EraseIf(it.groups, [](const auto& group) { return group.empty(); });
                              return !it.groups.empty();
                            },
                            [&](IsolateAction& it) { return on(it); },
                            [this](CutAction& it) {
                              Apply(it.links);
                              return !it.links.empty();
                            },
                            [this](ClogAction& it) {
                              Apply(it.links);
                              return !it.links.empty();
                            },
                            [this](SwizzleAction& it) {
                              EraseIf(it.steps,
                                      [this](const SwizzleStep& step) { return Is(step.node); });
                              for (SwizzleStep& step : it.steps) step.node = Map(step.node);
                              return !it.steps.empty();
                            },
                            [this](DisconnectAction& it) {
                              if (Is(it.node) || Is(it.peer)) return false;
                              it = {Map(it.node), Map(it.peer)};
                              return true;
                            },
                            [](HealAction&) { return true; },
                            [&](CrashAction& it) { return on(it); },
                            [&](WipeAction& it) { return on(it); },
                            [&](RestartAction& it) { return on(it); },
                            [&](PauseAction& it) { return on(it); },
                            [&](ClockStepAction& it) { return on(it); },
                            [&](ClockFreezeAction& it) { return on(it); },
                            [&](DiskStallAction& it) { return on(it); },
                            [&](DiskSlowAction& it) { return on(it); },
                            [&](DiskFullAction& it) { return on(it); },
                            [&](SyncErrorAction& it) { return on(it); },
                            [&](WriteErrorAction& it) { return on(it); },
                            [&](MapErrorAction& it) { return on(it); },
                            [&](CorruptAction& it) { return on(it); },
                            [&](ImageAction& it) { return on(it); },
                            [&](OldImageAction& it) { return on(it); },
                            [&](LyingSyncAction& it) { return on(it); },
                            [this](TransferAction& it) {
                              it.target = Is(it.target) ? NodeId() : Map(it.target);
                              return true;
                            },
                            [&](ChangeMembersAction& it) {
                              const bool leaves = IsToLeave(it);
                              for (auto* list : {&it.voters, &it.learners, &it.removed})
                                Apply(*list);
                              return on(it) && IsToLeave(it) == leaves;
                            },
                            [this](OperationAction& it) {
                              if (NodeId* id = std::get_if<NodeId>(&it.node)) *id = Map(*id);
                              return true;
                            }},
                      action);
  }

 private:
  bool Is(const LinkEnd& end) const { return !end.is_client && end.number == gone_.value(); }
  LinkEnd Map(const LinkEnd& end) const {
    if (end.is_client) return end;
    return {false, Map(NodeId(end.number)).value()};
  }

  NodeId gone_;
  std::int64_t last_;
};

// Of the core's nodes, both ways.
bool SeesAllOrNothing(const Script& script, const ScriptedOutsider& outsider) {
  if (script.cores.empty()) return true;
  const std::vector<NodeId>& core = script.cores.back();
  const LinkEnd outside{false, outsider.node.value()};
  const auto is_cut = [&](const LinkName& link) {
    return std::find(outsider.cut.begin(), outsider.cut.end(), link) != outsider.cut.end();
  };
  const auto seen =
      static_cast<std::size_t>(std::count_if(core.begin(), core.end(), [&](NodeId id) {
        const LinkEnd inside{false, id.value()};
        return !is_cut({inside, outside}) && !is_cut({outside, inside});
      }));
  return seen == 0 || seen == core.size();
}

void RemoveFromScript(Script& script, const NodeRemoval& removal, NodeId id) {
  script.nodes.erase(script.nodes.begin() + static_cast<std::ptrdiff_t>(id.value() - 1));
  EraseIf(script.links, [&](const ScriptedLink& line) { return removal.Touches(line.link); });
  for (ScriptedLink& line : script.links) line.link = removal.Map(line.link);
  EraseIf(script.frames, [&](const FrameDeviation& frame) { return removal.Touches(frame.link); });
  for (FrameDeviation& frame : script.frames) frame.link = removal.Map(frame.link);
  EraseIf(script.node_deviations, [&](const NodeDeviation& line) { return line.node == id; });
  for (NodeDeviation& line : script.node_deviations) line.node = removal.Map(line.node);
  for (ScriptedOperation& operation : script.operations) {
    operation.node = removal.Map(operation.node);
    for (ScriptedRetry& retry : operation.retries) retry.node = removal.Map(retry.node);
    if (ScriptedTransfer* transfer = std::get_if<ScriptedTransfer>(&operation.what))
      transfer->target = removal.Is(transfer->target) ? NodeId() : removal.Map(transfer->target);
  }
  for (std::vector<NodeId>& core : script.cores) removal.Apply(core);
  EraseIf(script.outside, [&](const ScriptedOutsider& outsider) { return outsider.node == id; });
  for (ScriptedOutsider& outsider : script.outside) {
    outsider.node = removal.Map(outsider.node);
    removal.Apply(outsider.cut);
    // Who sees part of a core may starve it once the core is smaller, which would be no error (phases.h).
    if (!SeesAllOrNothing(script, outsider)) {
      outsider.dead = true;
      outsider.cut.clear();
    }
  }
}

}  // namespace

// ---- size ----------------------------------------------------------------------------------------------

RunSize SizeOf(const RunConfig& config, std::uint64_t events) {
  RunSize size;
  size.nodes = config.cluster.nodes;
  size.events = events;
  size.operations = config.script->operations.size();
  for (const ScheduleEntry& entry : config.schedule)
    ++(IsOperation(entry) ? size.operations : size.faults);
  size.faults += config.script->frames.size() + config.script->node_deviations.size();
  return size;
}

std::string Render(const RunSize& size) {
  return Cat(size.nodes, size.nodes == 1 ? " node, " : " nodes, ", size.operations,
             size.operations == 1 ? " operation, " : " operations, ", size.faults,
             size.faults == 1 ? " fault, " : " faults, ", size.events, " events");
}

// ---- less of it ----------------------------------------------------------------------------------------

RunConfig Truncated(RunConfig config, std::int64_t end_ns) {
  const std::int64_t horizon = config.time.horizon_ns;
  if (end_ns < horizon) config.time.horizon_ns = std::max<std::int64_t>(end_ns, 1'000'000);
  config.time.warm_up_ns = std::min(config.time.warm_up_ns, config.time.horizon_ns - 1);
  EraseIf(config.schedule, [&](const ScheduleEntry& entry) {
    const AtTime* at = std::get_if<AtTime>(&entry.when);
    return at != nullptr && at->at_ns > config.time.horizon_ns;
  });
  EraseIf(config.script->operations, [&](const ScriptedOperation& operation) {
    return end_ns < horizon && (operation.serving || operation.at_ns > end_ns);
  });
  return config;
}

RunConfig WithoutFaults(RunConfig config, std::size_t first, std::size_t count) {
  Cut(config.schedule, first, count);
  return config;
}
RunConfig WithoutOperations(RunConfig config, std::size_t first, std::size_t count) {
  Cut(config.script->operations, first, count);
  return config;
}
RunConfig WithoutFrames(RunConfig config, std::size_t first, std::size_t count) {
  Cut(config.script->frames, first, count);
  return config;
}
RunConfig WithoutNodeDeviations(RunConfig config, std::size_t first, std::size_t count) {
  Cut(config.script->node_deviations, first, count);
  return config;
}

RunConfig WithoutKind(RunConfig config, FrameKind kind) {
  Script& script = *config.script;
  for (FrameDeviation& frame : script.frames) {
    FrameFate& fate = frame.fate;
    switch (kind) {
      case FrameKind::kSpoiled:
        fate.first.spoil.reset();
        if (fate.second) fate.second->spoil.reset();
        break;
      case FrameKind::kDoubled:
        fate.second.reset();
        break;
      case FrameKind::kOvertaken:
        fate.first.overtaken_ns.reset();
        if (fate.second) fate.second->overtaken_ns.reset();
        break;
      case FrameKind::kDropped:
        if (std::exchange(fate.dropped, false)) fate.first.travel_ns = UsualOf(script, frame.link);
        break;
      case FrameKind::kDelayed:
        if (fate.dropped) break;
        fate.first.travel_ns = UsualOf(script, frame.link);
        if (fate.second) fate.second->travel_ns = fate.first.travel_ns;
        break;
    }
  }
  DropPlainFrames(script);
  return config;
}

RunConfig WithoutSite(RunConfig config, NodeSite site) {
  EraseIf(config.script->node_deviations,
          [site](const NodeDeviation& line) { return line.site == site; });
  return config;
}

RunConfig WithoutLink(RunConfig config, const LinkName& link) {
  EraseIf(config.script->frames,
          [&link](const FrameDeviation& frame) { return frame.link == link; });
  return config;
}

std::vector<LinkName> LinksThatDeviate(const RunConfig& config) {
  std::vector<LinkName> links;
  for (const FrameDeviation& frame : config.script->frames) links.push_back(frame.link);
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
  return links;
}

RunConfig Smoothed(RunConfig config, std::int64_t by_less_than_ns) {
  Script& script = *config.script;
  const auto is_small = [&](std::int64_t value, std::int64_t usual) {
    return value - usual < by_less_than_ns && usual - value < by_less_than_ns;
  };
  std::map<LinkName, std::int64_t> links;
  for (const ScriptedLink& line : script.links) links[line.link] = line.latency_ns;
  for (FrameDeviation& frame : script.frames) {
    const auto known = links.find(frame.link);
    const std::int64_t usual = known == links.end() ? script.latency_ns : known->second;
    FrameFate& fate = frame.fate;
    if (!fate.dropped && is_small(fate.first.travel_ns, usual)) fate.first.travel_ns = usual;
    if (fate.second && is_small(fate.second->travel_ns, usual)) fate.second->travel_ns = usual;
  }
  DropPlainFrames(script);
  EraseIf(script.node_deviations, [&](const NodeDeviation& line) {
    const auto usual = UsualTimeOf(line.site);
    return usual != nullptr && is_small(line.value, script.nodes.at(line.node.value() - 1).*usual);
  });
  return config;
}

RunConfig WithoutAction(RunConfig config, const std::string& word) {
  EraseIf(config.schedule,
          [&](const ScheduleEntry& entry) { return NameOf(entry.action) == word; });
  return config;
}

std::vector<std::string> ActionsOf(const RunConfig& config) {
  std::vector<std::string> words;
  for (const ScheduleEntry& entry : config.schedule) words.emplace_back(NameOf(entry.action));
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

RunConfig WithoutNode(RunConfig config, NodeId id) {
  const NodeRemoval removal(id, config.cluster.nodes);
  --config.cluster.nodes;
  EraseIf(config.schedule, [&](ScheduleEntry& entry) { return !removal.Apply(entry.action); });
  RemoveFromScript(*config.script, removal, id);
  return config;
}

RunConfig WithoutClient(RunConfig config, std::uint32_t client) {
  EraseIf(config.script->operations,
          [client](const ScriptedOperation& operation) { return operation.client == client; });
  return config;
}

RunConfig WithoutNamespace(RunConfig config, std::size_t name_space) {
  const std::string gone = config.namespaces[name_space].name;
  config.namespaces.erase(config.namespaces.begin() + static_cast<std::ptrdiff_t>(name_space));
  EraseIf(config.script->operations, [name_space](const ScriptedOperation& operation) {
    return operation.name_space == name_space;
  });
  for (ScriptedOperation& operation : config.script->operations) {
    if (operation.name_space > name_space) --operation.name_space;
  }
  EraseIf(config.schedule, [&](const ScheduleEntry& entry) {
    const auto of_gone = [&](const auto& it) {
      if constexpr (requires { std::get_if<LeaderOf>(&it.node); }) {
        const LeaderOf* leader = std::get_if<LeaderOf>(&it.node);
        return leader != nullptr && leader->name_space == gone;
      }
      return false;
    };
    if (std::visit(of_gone, entry.action)) return true;
    if (const TransferAction* it = std::get_if<TransferAction>(&entry.action))
      return it->name_space == gone;
    if (const ChangeMembersAction* it = std::get_if<ChangeMembersAction>(&entry.action))
      return it->name_space == gone;
    const OperationAction* it = std::get_if<OperationAction>(&entry.action);
    return it != nullptr && it->name_space == gone;
  });
  EraseIf(config.checks.linearizable, [&](const std::string& name) { return name == gone; });
  return config;
}

// ---- the same in rounder words -------------------------------------------------------------------------

RunConfig Earlier(RunConfig config, std::int64_t by_ns) {
  // The longest pause before something begins.
  std::vector<std::int64_t> times;
  for (const ScheduleEntry& entry : config.schedule) {
    if (const AtTime* at = std::get_if<AtTime>(&entry.when)) times.push_back(at->at_ns);
  }
  for (const ScriptedOperation& operation : config.script->operations) {
    if (!operation.serving) times.push_back(operation.at_ns);
  }
  times.push_back(config.time.horizon_ns);
  std::sort(times.begin(), times.end());
  std::int64_t before = 0;
  std::int64_t longest = 0;
  std::int64_t behind = 0;
  for (const std::int64_t time : times) {
    if (time - before > longest) {
      longest = time - before;
      behind = time;
    }
    before = time;
  }
  const std::int64_t by = std::min(by_ns, longest / 2);
  if (by <= 0) return config;
  for (ScheduleEntry& entry : config.schedule) {
    AtTime* at = std::get_if<AtTime>(&entry.when);
    if (at != nullptr && at->at_ns >= behind) at->at_ns -= by;
  }
  for (ScriptedOperation& operation : config.script->operations) {
    if (!operation.serving && operation.at_ns >= behind) operation.at_ns -= by;
  }
  if (config.time.horizon_ns >= behind) config.time.horizon_ns -= by;
  config.time.horizon_ns = std::max<std::int64_t>(config.time.horizon_ns, 1'000'000);
  config.time.warm_up_ns = std::min(config.time.warm_up_ns, config.time.horizon_ns - 1);
  return config;
}

RunConfig Renumbered(RunConfig config) {
  std::map<std::uint32_t, std::uint32_t> clients;
  for (const ScriptedOperation& operation : config.script->operations)
    clients.emplace(operation.client, 0);
  for (auto& [old_number, number] : clients)
    number = static_cast<std::uint32_t>(std::distance(clients.begin(), clients.find(old_number)));
  for (ScriptedOperation& operation : config.script->operations)
    operation.client = clients[operation.client];
  const auto known = [&](const LinkEnd& end) {
    return !end.is_client || clients.contains(end.number);
  };
  const auto renumber = [&](LinkEnd& end) {
    if (end.is_client) end.number = clients[end.number];
  };
  Script& script = *config.script;
  EraseIf(script.links,
          [&](const ScriptedLink& line) { return !known(line.link.from) || !known(line.link.to); });
  EraseIf(script.frames, [&](const FrameDeviation& line) {
    return !known(line.link.from) || !known(line.link.to);
  });
  for (ScriptedLink& line : script.links) {
    renumber(line.link.from);
    renumber(line.link.to);
  }
  for (FrameDeviation& line : script.frames) {
    renumber(line.link.from);
    renumber(line.link.to);
  }
  for (ScheduleEntry& entry : config.schedule) {
    std::vector<LinkName>* links = nullptr;
    if (CutAction* cut = std::get_if<CutAction>(&entry.action)) links = &cut->links;
    if (ClogAction* clog = std::get_if<ClogAction>(&entry.action)) links = &clog->links;
    if (links == nullptr) continue;
    std::vector<LinkName> rest;
    for (const LinkName& link : *links) {
      if (known(link.from) && known(link.to)) rest.push_back(link);
    }
    if (!rest.empty()) *links = std::move(rest);
    for (LinkName& link : *links) {
      renumber(link.from);
      renumber(link.to);
    }
  }
  config.workload.clients = static_cast<std::int64_t>(clients.size());
  return config;
}

RunConfig WithSeed(RunConfig config, std::uint64_t seed) {
  config.cluster.options.seed = seed;
  return config;
}

}  // namespace quorate::sim
