// The core that is healed, and where everybody else stays.
#include <algorithm>
#include <limits>
#include <utility>

#include "sim/world/phases.h"

namespace quorate::sim {
namespace {

bool Names(const std::vector<LinkName>& links, const LinkName& link) {
  return std::find(links.begin(), links.end(), link) != links.end();
}

// Whether a scenario says anywhere that a disk is to lose or spoil what it holds.
bool DamageIsConfigured(const RunConfig& config) {
  if (!config.process.wipe_parts.AlwaysZero() || !config.disk.corrupt_row_parts.AlwaysZero())
    return true;
  const bool scheduled =
      std::any_of(config.schedule.begin(), config.schedule.end(), [](const ScheduleEntry& entry) {
        const CrashAction* crash = std::get_if<CrashAction>(&entry.action);
        return std::holds_alternative<WipeAction>(entry.action) ||
               std::holds_alternative<CorruptAction>(entry.action) ||
               (crash != nullptr && crash->lose != Loss::kNothing);
      });
  if (scheduled || !config.script) return scheduled;
  const std::vector<NodeDeviation>& lines = config.script->node_deviations;
  return std::any_of(lines.begin(), lines.end(),
                     [](const NodeDeviation& line) { return line.site == NodeSite::kCorrupt; });
}

}  // namespace

void Phases::ChooseCore() {
  core_.clear();
  std::vector<NodeId> able;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    const bool is_damaged =
        machine->damaged() || shared_.budget.Is(shared_.EndpointOf(machine->id()), Hurt::kDamaged);
    if (!is_damaged) able.push_back(machine->id());
  }
  const auto suffice = [this](const std::vector<NodeId>& nodes) {
    return shared_.members.Suffice(
        [&](NodeId node) { return std::find(nodes.begin(), nodes.end(), node) != nodes.end(); });
  };
  if (!suffice(able)) return GiveUp(able);
  if (shared_.config.script) {
    core_ = ScriptedCore(able);
    return;
  }
  for (std::size_t i = able.size(); i > 1; --i) {
    std::swap(able[i - 1], able[static_cast<std::size_t>(core_choice_.Below(i))]);
  }
  if (core_choice_.Below(2) == 0) {
    // As few as it takes.
    std::vector<NodeId> few;
    for (const NodeId node : able) {
      few.push_back(node);
      if (suffice(few)) break;
    }
    able = std::move(few);
  }
  std::sort(able.begin(), able.end());
  core_ = std::move(able);
  if (shared_.recording != nullptr) shared_.recording->cores.push_back(core_);
}

// The next one that is written, if all of it can be healed; else everybody who can.
std::vector<NodeId> Phases::ScriptedCore(const std::vector<NodeId>& able) {
  const std::vector<std::vector<NodeId>>& cores = shared_.config.script->cores;
  if (cores_tried_ == cores.size()) return able;
  const std::vector<NodeId>& core = cores[cores_tried_++];
  const bool can = std::all_of(core.begin(), core.end(), [&](NodeId node) {
    return std::find(able.begin(), able.end(), node) != able.end();
  });
  const bool suffices = shared_.members.Suffice(
      [&](NodeId node) { return std::find(core.begin(), core.end(), node) != core.end(); });
  return can && suffices ? core : able;
}

void Phases::GiveUp(const std::vector<NodeId>& able) {
  Excuse excuse;
  ExcuseFacts facts{.nodes = machines_.size(),
                    .damage_is_configured = DamageIsConfigured(shared_.config),
                    .event = shared_.verdicts.event(),
                    .now_ns = shared_.now(),
                    .voters = {}};
  for (const GroupId group : shared_.members.groups()) {
    for (const NodeSet& voters : shared_.members.VoterSets(group)) {
      facts.voters.emplace_back(group, std::vector<NodeId>(voters.begin(), voters.end()));
      const bool enough = HasMajority(voters, [&](NodeId node) {
        return std::find(able.begin(), able.end(), node) != able.end();
      });
      // All groups of the first one that are short of the same voters.
      if (enough || (!excuse.groups.empty() && excuse.voters != facts.voters.back().second))
        continue;
      excuse.groups.push_back(group);
      excuse.voters = facts.voters.back().second;
    }
  }
  excuse.quorum = excuse.voters.size() / 2 + 1;
  for (const Damage& damage : shared_.damage) {
    if (std::find(excuse.voters.begin(), excuse.voters.end(), damage.node) == excuse.voters.end())
      continue;
    const auto known = std::find_if(excuse.lost.begin(), excuse.lost.end(),
                                    [&](const Damage& one) { return one.node == damage.node; });
    if (damage.fault == kMended) {
      if (known != excuse.lost.end()) excuse.lost.erase(known);
    } else if (known == excuse.lost.end()) {
      excuse.lost.push_back(damage);
    }
  }
  const std::size_t few = excuse.voters.size() + 1 - excuse.quorum;
  if (!excuse.voters.empty() && excuse.lost.size() >= few) {
    excuse.since_event = excuse.lost[few - 1].event;
    excuse.since_ns = excuse.lost[few - 1].at_ns;
  }
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (machine->whole()) facts.whole.push_back(machine->id());
  }
  const std::optional<std::string> wrong = Refute(excuse, shared_.damage, facts);
  shared_.verdicts.Expect(Check::kExcuse, !wrong, [&] {
    return "the run is excused for a reason that does not hold: " + *wrong + ": " + Render(excuse);
  });
  excuse_ = std::move(excuse);
  phase_ = Phase::kDone;
}

// Its disk was damaged, and is not any more: a process that may have read, or may still hold, what was spoiled makes
// room for one that finds its stores whole. Power is not cut: nothing of what was written goes.
void Phases::StartAnew(Machine& machine) {
  machine.CallOffCrash();
  machine.disk().Heal(bounds_.disk_ns);
  if (machine.running()) {
    constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
    machine.KeepInCrash({kAll, kAll});
    machine.Crash(std::nullopt);
  }
  machine.Boot();
}

void Phases::HealNode(Machine& machine) {
  machine.CallOffCrash();
  machine.ResumeForAll();
  machine.disk().Heal(bounds_.disk_ns);
  machine.ThawClockForAll();
  if (machine.running() && !machine.serving()) machine.Crash(std::nullopt);
  if (!machine.running()) {
    machine.Boot();
  } else {
    machine.EmptyDiskForAll();
  }
}

void Phases::HealLinks() {
  SimNet& net = wire_.net();
  for (Endpoint a = 0; a < net.endpoints(); ++a) {
    for (Endpoint b = 0; b < net.endpoints(); ++b) {
      if (a == b) continue;
      net.BoundLatency(a, b, bounds_.latency_ns);
      const bool a_in = a >= shared_.nodes || InCore(NodeId(a + 1u));
      const bool b_in = b >= shared_.nodes || InCore(NodeId(b + 1u));
      if (a_in && b_in) net.Heal(a, b);
    }
  }
}

// Whoever is left out stays cut off from the core for ever, in one of six ways.
ScriptedOutsider Phases::ChoosePlace(const Machine& machine) {
  ScriptedOutsider place;
  place.node = machine.id();
  if (shared_.config.script) {
    for (const ScriptedOutsider& written : shared_.config.script->outside) {
      if (written.node == place.node) return written;
    }
    place.dead = true;
    return place;
  }
  enum Fate : std::uint64_t { kDead, kCut, kDeaf, kMute, kLossy, kPartial, kFates };
  const auto fate = static_cast<Fate>(core_choice_.Below(kFates));
  static constexpr const char* kNames[] = {"dead", "cut off", "deaf", "mute", "lossy", "partial"};
  shared_.injected.Add(std::string("outside.") + kNames[fate]);
  if (shared_.trace.textual())
    shared_.trace.Say(NodeName(machine.id()) + " stays outside: " + kNames[fate]);
  place.dead = fate == kDead;
  const Endpoint outside = shared_.EndpointOf(machine.id());
  // Of a partial partition: too few for a quorum hear it and are heard by it.
  std::vector<NodeId> sees;
  for (const NodeId node : core_) {
    const Endpoint inside = shared_.EndpointOf(node);
    bool hears = fate != kCut && fate != kDeaf;
    bool is_heard = fate != kCut && fate != kMute;
    if (fate == kPartial) {
      hears = core_choice_.Below(2) == 0;
      is_heard = core_choice_.Below(2) == 0;
      if (hears && is_heard) sees.push_back(node);
      if (hears && is_heard && CouldLead(machine.id(), sees)) {
        sees.pop_back();
        (core_choice_.Below(2) == 0 ? hears : is_heard) = false;
      }
    }
    if (!hears) place.cut.push_back(wire_.NameOfLink(inside, outside));
    if (!is_heard) place.cut.push_back(wire_.NameOfLink(outside, inside));
  }
  for (const std::unique_ptr<Machine>& other : machines_) {
    if (fate != kPartial || other->id() == machine.id() || InCore(other->id())) continue;
    const Endpoint there = shared_.EndpointOf(other->id());
    place.cut.push_back(wire_.NameOfLink(there, outside));
    place.cut.push_back(wire_.NameOfLink(outside, there));
  }
  if (shared_.recording != nullptr) shared_.recording->outside.push_back(place);
  return place;
}

void Phases::Place(Machine& machine, const ScriptedOutsider& place) {
  machine.CallOffCrash();
  machine.disk().Heal(bounds_.disk_ns);
  machine.EmptyDiskForAll();
  if (place.dead) {
    machine.Crash(std::nullopt);
    return;
  }
  const Endpoint outside = shared_.EndpointOf(machine.id());
  for (const NodeId node : core_) {
    const Endpoint inside = shared_.EndpointOf(node);
    for (const auto& [from, to] : {DirectedLink{inside, outside}, DirectedLink{outside, inside}}) {
      if (Names(place.cut, wire_.NameOfLink(from, to))) {
        wire_.net().Cut({{from, to}});
      } else {
        wire_.net().Mend(from, to);
      }
    }
  }
  for (const std::unique_ptr<Machine>& other : machines_) {
    if (other->id() == machine.id() || InCore(other->id())) continue;
    const Endpoint there = shared_.EndpointOf(other->id());
    for (const auto& [from, to] : {DirectedLink{there, outside}, DirectedLink{outside, there}}) {
      if (Names(place.cut, wire_.NameOfLink(from, to))) wire_.net().Cut({{from, to}});
    }
  }
}

}  // namespace quorate::sim
