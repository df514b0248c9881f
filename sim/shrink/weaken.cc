// Weaker faults, plainer operations and settings, rounder times.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/match.h"
#include "sim/scenario/fields.h"
#include "sim/shrink/edits.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

RunConfig WithAction(const RunConfig& config, std::size_t fault, Action action) {
  RunConfig changed = config;
  changed.schedule[fault].action = std::move(action);
  return changed;
}

// Each of them, and its way back.
std::vector<LinkName> BothWays(const std::vector<LinkName>& links) {
  std::set<LinkName> all(links.begin(), links.end());
  for (const LinkName& link : links) all.insert({link.to, link.from});
  return {all.begin(), all.end()};
}

void WeakenCrash(const RunConfig& config, std::size_t fault, const CrashAction& crash,
                 std::vector<RunConfig>& out) {
  if (config.schedule[fault].for_ns > 0)
    out.push_back(WithAction(config, fault, PauseAction{crash.node}));
  CrashAction gentle{crash.node};
  gentle.keep = Kept{kKeepAll, kKeepAll};
  out.push_back(WithAction(config, fault, gentle));
  CrashAction weaker = crash;
  if (std::exchange(weaker.lose, Loss::kNothing) != Loss::kNothing)
    out.push_back(WithAction(config, fault, weaker));
  weaker = crash;
  weaker.keep = gentle.keep;
  out.push_back(WithAction(config, fault, weaker));
  if (crash.keep) {
    weaker.keep = Kept{kKeepAll, crash.keep->map};
    out.push_back(WithAction(config, fault, weaker));
    weaker.keep = Kept{crash.keep->log, kKeepAll};
    out.push_back(WithAction(config, fault, weaker));
  }
  weaker = crash;
  if (std::exchange(weaker.call, std::nullopt)) out.push_back(WithAction(config, fault, weaker));
}

// What is cut both ways stays so: it is plainer than half of it, and no form leads back to one that was tried.
void WeakenCut(const RunConfig& config, std::size_t fault, const CutAction& cut,
               std::vector<RunConfig>& out) {
  if (cut.flap_ns > 0) out.push_back(WithAction(config, fault, CutAction{cut.links, 0}));
  // Without the clients, without a half, without one after the other.
  CutAction without = cut;
  std::erase_if(without.links,
                [](const LinkName& link) { return link.from.is_client || link.to.is_client; });
  if (!without.links.empty()) out.push_back(WithAction(config, fault, without));
  const std::vector<LinkName> both = BothWays(cut.links);
  const bool symmetric = both.size() == cut.links.size();
  std::vector<LinkName> units = cut.links;
  if (symmetric) std::erase_if(units, [](const LinkName& link) { return link.to < link.from; });
  for (std::size_t piece : {units.size() / 2, std::size_t{1}}) {
    for (std::size_t first = 0; piece > 0 && first < units.size() && units.size() > 1;
         first += piece) {
      std::vector<LinkName> fewer = units;
      const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(first);
      fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(piece, units.size() - first)));
      if (symmetric) fewer = BothWays(fewer);
      if (!fewer.empty()) out.push_back(WithAction(config, fault, CutAction{fewer, cut.flap_ns}));
    }
  }
  if (!symmetric) out.push_back(WithAction(config, fault, CutAction{both, cut.flap_ns}));
}

void WeakenIsolate(const RunConfig& config, std::size_t fault, const IsolateAction& isolate,
                   std::vector<RunConfig>& out) {
  if (isolate.direction != Direction::kBoth)
    out.push_back(WithAction(config, fault, IsolateAction{isolate.node, Direction::kBoth}));
}

void WeakenPartition(const RunConfig& config, std::size_t fault, const PartitionAction& partition,
                     std::vector<RunConfig>& out) {
  if (partition.one_way)
    out.push_back(WithAction(config, fault, PartitionAction{partition.groups, false}));
  // Who is in no group makes up the last one.
  for (std::size_t i = 0; i < partition.groups.size() && partition.groups.size() > 1; ++i) {
    PartitionAction fewer = partition;
    fewer.groups.erase(fewer.groups.begin() + static_cast<std::ptrdiff_t>(i));
    out.push_back(WithAction(config, fault, fewer));
  }
}

void WeakenClock(const RunConfig& config, std::size_t fault, const ClockStepAction& step,
                 std::vector<RunConfig>& out) {
  for (const std::int64_t by : {step.by_ns / 100, step.by_ns / 10, step.by_ns / 2}) {
    if (by <= -kMillisecond || by >= kMillisecond)
      out.push_back(WithAction(config, fault, ClockStepAction{step.node, by}));
  }
}

void WeakenDisk(const RunConfig& config, std::size_t fault, std::vector<RunConfig>& out) {
  const Action& action = config.schedule[fault].action;
  if (const DiskStallAction* stall = std::get_if<DiskStallAction>(&action))
    out.push_back(WithAction(config, fault, DiskSlowAction{stall->node}));
  if (const DiskSlowAction* slow = std::get_if<DiskSlowAction>(&action)) {
    for (const std::int64_t factor : {std::int64_t{2}, slow->factor / 4, slow->factor / 2}) {
      if (factor >= 2 && factor < slow->factor)
        out.push_back(WithAction(config, fault, DiskSlowAction{slow->node, factor}));
    }
  }
}

// The plain way, of whatever configuration there is, and one node less.
void WeakenChange(const RunConfig& config, std::size_t fault, const ChangeMembersAction& change,
                  std::vector<RunConfig>& out) {
  ChangeMembersAction plainer = change;
  plainer.transition = Transition::kAuto;
  out.push_back(WithAction(config, fault, plainer));
  plainer = change;
  plainer.epoch.reset();
  out.push_back(WithAction(config, fault, plainer));
  if (change.voters.size() + change.learners.size() + change.removed.size() < 2) return;
  for (std::vector<NodeId> ChangeMembersAction::*list :
       {&ChangeMembersAction::voters, &ChangeMembersAction::learners,
        &ChangeMembersAction::removed}) {
    for (std::size_t i = 0; i < (change.*list).size(); ++i) {
      plainer = change;
      (plainer.*list).erase((plainer.*list).begin() + static_cast<std::ptrdiff_t>(i));
      out.push_back(WithAction(config, fault, plainer));
    }
  }
}

void Add(const RunConfig& config, RunConfig changed, std::vector<RunConfig>& out) {
  const bool same = changed.script == config.script && changed.schedule == config.schedule;
  if (!same) out.push_back(std::move(changed));
}

ScriptedOperation& OperationOf(RunConfig& config, std::size_t place) {
  return config.script->operations[place];
}

// Whether its value is a time.
bool IsTime(NodeSite site) {
  return site == NodeSite::kSync || site == NodeSite::kRead || site == NodeSite::kWork ||
         site == NodeSite::kFlush || site == NodeSite::kRestart;
}

// The node that an action is about, if it may be whoever leads.
NodeRef* NodeOf(Action& action) {
  return std::visit(
      [](auto& it) -> NodeRef* {
        if constexpr (requires { std::get_if<LeaderOf>(&it.node); }) return &it.node;
        return nullptr;
      },
      action);
}

}  // namespace

std::vector<RunConfig> Pinned(const RunConfig& config, std::size_t fault, const Moments& moments) {
  constexpr std::size_t kMostMoments = 32;
  std::vector<RunConfig> out;
  RunConfig pinned = config;
  ScheduleEntry& entry = pinned.schedule[fault];
  if (NodeRef* node = NodeOf(entry.action); node && std::holds_alternative<LeaderOf>(*node)) {
    for (std::int64_t id = 1; id <= config.cluster.nodes; ++id) {
      *node = NodeId(static_cast<std::uint32_t>(id));
      out.push_back(pinned);
    }
    return out;
  }
  if (!std::holds_alternative<OnMark>(entry.when)) return out;
  const auto known = moments.find(NameOf(entry.action));
  if (known == moments.end()) return out;
  for (std::size_t i = 0; i < known->second.size() && i < kMostMoments; ++i) {
    // Behind whatever happened in that very moment; else before it.
    for (const std::int64_t later : {1, 0}) {
      entry.when = AtTime{known->second[i] + later};
      if (known->second[i] + later <= config.time.horizon_ns) out.push_back(pinned);
    }
  }
  return out;
}

std::vector<RunConfig> Weakened(const RunConfig& config, std::size_t fault) {
  std::vector<RunConfig> out;
  const ScheduleEntry& entry = config.schedule[fault];
  if (const CrashAction* crash = std::get_if<CrashAction>(&entry.action))
    WeakenCrash(config, fault, *crash, out);
  if (const CutAction* cut = std::get_if<CutAction>(&entry.action))
    WeakenCut(config, fault, *cut, out);
  if (const IsolateAction* isolate = std::get_if<IsolateAction>(&entry.action))
    WeakenIsolate(config, fault, *isolate, out);
  if (const PartitionAction* partition = std::get_if<PartitionAction>(&entry.action))
    WeakenPartition(config, fault, *partition, out);
  if (const ClockStepAction* step = std::get_if<ClockStepAction>(&entry.action))
    WeakenClock(config, fault, *step, out);
  WeakenDisk(config, fault, out);
  if (const auto* change = std::get_if<ChangeMembersAction>(&entry.action))
    WeakenChange(config, fault, *change, out);
  if (const WipeAction* wipe = std::get_if<WipeAction>(&entry.action))
    out.push_back(WithAction(config, fault, CrashAction{wipe->node}));
  if (const OldImageAction* image = std::get_if<OldImageAction>(&entry.action))
    out.push_back(WithAction(config, fault, CrashAction{image->node}));
  if (const SwizzleAction* swizzle = std::get_if<SwizzleAction>(&entry.action);
      swizzle != nullptr && swizzle->steps.size() > 1) {
    for (std::size_t i = 0; i < swizzle->steps.size(); ++i) {
      SwizzleAction fewer = *swizzle;
      fewer.steps.erase(fewer.steps.begin() + static_cast<std::ptrdiff_t>(i));
      out.push_back(WithAction(config, fault, fewer));
    }
  }
  if (entry.for_ns > kMillisecond) {
    RunConfig shorter = config;
    shorter.schedule[fault].for_ns = entry.for_ns / 2;  // rounding adds less than that
    out.push_back(std::move(shorter));
  }
  std::vector<RunConfig> different;
  for (RunConfig& each : out) Add(config, std::move(each), different);
  return different;
}

std::vector<RunConfig> Simplified(const RunConfig& config, std::size_t place) {
  std::vector<RunConfig> out;
  const ScriptedOperation& now = config.script->operations[place];
  const auto with = [&](const auto& change) {
    RunConfig changed = config;
    change(OperationOf(changed, place));
    Add(config, std::move(changed), out);
  };
  const Command* command = std::get_if<Command>(&now.what);
  const ScriptedRead* read = std::get_if<ScriptedRead>(&now.what);
  if (command != nullptr && !std::holds_alternative<Put>(*command))
    with([](ScriptedOperation& it) { it.what = Command(Put{"k", "v"}); });
  if (read != nullptr && std::holds_alternative<Range>(read->query))
    with([](ScriptedOperation& it) { it.what = ScriptedRead{Get{"k"}, false}; });
  if (const Put* put = command == nullptr ? nullptr : std::get_if<Put>(command)) {
    with([](ScriptedOperation& it) { std::get<Put>(std::get<Command>(it.what)).key = "k"; });
    if (put->value.size() > 2) {
      with([place](ScriptedOperation& it) {
        std::get<Put>(std::get<Command>(it.what)).value = "v" + std::to_string(place);
      });
    }
  }
  if (const Get* get = read == nullptr ? nullptr : std::get_if<Get>(&read->query);
      get != nullptr && get->key != "k")
    with([](ScriptedOperation& it) {
      std::get<Get>(std::get<ScriptedRead>(it.what).query).key = "k";
    });
  with([](ScriptedOperation& it) {
    it.in_session = it.may_retry = false;
    it.retries.clear();
    it.gives_up_at.clear();
  });
  with([](ScriptedOperation& it) { it.retries.clear(); });
  with([](ScriptedOperation& it) { it.gives_up_at.clear(); });
  with([](ScriptedOperation& it) { it.name_space = 0; });
  return out;
}

std::vector<RunConfig> Tightened(const RunConfig& config) {
  static constexpr const char* kLimits[] = {
      "snapshot_every",    "log_keep",     "max_append_entries", "max_inflight_messages",
      "log_cache_entries", "max_sessions", "session_window",     "max_view_age"};
  std::vector<RunConfig> out;
  for (const char* limit : kLimits) {
    const int place = FindField(std::string("cluster.options.") + limit);
    REQUIRE(place >= 0);
    const Field& field = Fields()[static_cast<std::size_t>(place)];
    const PerRun& target = std::get<PerRun>(field.target);
    const std::int64_t value = target.get(config);
    std::int64_t before = -1;
    for (const std::int64_t tight :
         {field.low, field.low + 1, field.low + 2, value / 4, value / 2}) {
      if (tight < field.low || tight >= value || tight <= before) continue;
      before = tight;
      RunConfig changed = config;
      target.set(changed, tight);
      out.push_back(std::move(changed));
    }
  }
  return out;
}

std::vector<RunConfig> Plainer(const RunConfig& config) {
  std::vector<RunConfig> out;
  RunConfig changed = config;
  changed.script->nodes.assign(changed.script->nodes.size(), ScriptedNode{});
  Add(config, changed, out);
  for (std::size_t i = 0; i < config.script->nodes.size(); ++i) {
    changed = config;
    changed.script->nodes[i] = ScriptedNode{};
    Add(config, changed, out);
  }
  changed = config;
  changed.script->links.clear();
  Add(config, changed, out);
  for (std::size_t i = 0; i < config.script->links.size() && i < 64; ++i) {
    changed = config;
    changed.script->links.erase(changed.script->links.begin() + static_cast<std::ptrdiff_t>(i));
    Add(config, changed, out);
  }
  RunConfig usual;
  for (const Field& field : Fields()) {
    const PerRun* const target = std::get_if<PerRun>(&field.target);
    if (target == nullptr || !target->get || !field.path.starts_with("cluster.options.")) continue;
    // What is due, and when, was derived from these.
    if (field.unit == Unit::kDuration) continue;
    const std::int64_t value = target->get(usual);
    if (target->get(config) == value) continue;
    changed = config;
    target->set(changed, value);
    out.push_back(changed);
  }
  return out;
}

std::vector<RunConfig> Rounded(const RunConfig& config, std::int64_t unit_ns) {
  std::vector<RunConfig> out;
  const auto round = [unit_ns](std::int64_t ns) {
    return std::max<std::int64_t>((ns + unit_ns / 2) / unit_ns * unit_ns, 0);
  };
  // Spans were halved before: they may become rounder, but not twice as long again.
  const auto round_up = [unit_ns](std::int64_t ns) {
    return ns < unit_ns ? ns : (ns + unit_ns - 1) / unit_ns * unit_ns;
  };
  const auto round_retries = [&](ScriptedOperation& operation) {
    for (ScriptedRetry& retry : operation.retries) {
      if (retry.after_ns >= unit_ns) retry.after_ns = round(retry.after_ns);
    }
  };
  RunConfig all = config;
  for (ScriptedOperation& operation : all.script->operations) round_retries(operation);
  Add(config, all, out);
  all = config;
  for (ScheduleEntry& entry : all.schedule) {
    if (AtTime* at = std::get_if<AtTime>(&entry.when)) at->at_ns = round(at->at_ns);
    if (entry.for_ns > 0) entry.for_ns = round_up(entry.for_ns);
  }
  for (ScriptedOperation& operation : all.script->operations)
    operation.at_ns = round(operation.at_ns);
  Add(config, all, out);
  for (std::size_t i = 0; i < config.schedule.size(); ++i) {
    RunConfig one = config;
    ScheduleEntry& entry = one.schedule[i];
    if (AtTime* at = std::get_if<AtTime>(&entry.when)) at->at_ns = round(at->at_ns);
    if (entry.for_ns > 0) entry.for_ns = round_up(entry.for_ns);
    Add(config, std::move(one), out);
  }
  for (std::size_t i = 0; i < config.script->operations.size(); ++i) {
    RunConfig one = config;
    OperationOf(one, i).at_ns = round(OperationOf(one, i).at_ns);
    Add(config, std::move(one), out);
  }
  for (std::size_t i = 0; i < config.script->operations.size(); ++i) {
    RunConfig one = config;
    round_retries(OperationOf(one, i));
    Add(config, std::move(one), out);
  }
  for (std::size_t i = 0; i < config.script->node_deviations.size() && i < 64; ++i) {
    NodeDeviation line = config.script->node_deviations[i];
    if (!IsTime(line.site) || line.value < unit_ns) continue;
    line.value = round(line.value);
    RunConfig one = config;
    one.script->node_deviations[i] = line;
    Add(config, std::move(one), out);
  }
  for (std::size_t i = 0; i < config.script->frames.size() && i < 64; ++i) {
    RunConfig one = config;
    FrameArrival& first = one.script->frames[i].fate.first;
    first.travel_ns = round(first.travel_ns);
    Add(config, std::move(one), out);
  }
  return out;
}

}  // namespace quorate::sim
