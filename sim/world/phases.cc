#include "sim/world/phases.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/kv/command.h"
#include "sim/check/leftovers.h"

namespace quorate::sim {
namespace {

bool Names(const std::vector<LinkName>& links, const LinkName& link) {
  return std::find(links.begin(), links.end(), link) != links.end();
}

enum class PhaseStep : std::uint64_t { kHeal, kLook };

// Whether a scenario says anywhere that a disk is to lose or spoil what it holds.
bool DamageIsConfigured(const RunConfig& config) {
  if (config.process.wipe_parts > 0 || !config.disk.corrupt_row_parts.AlwaysZero()) return true;
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

Phases::Phases(Shared& shared, Wire& wire, Machines& machines, Clients& clients, Faults& faults)
    : shared_(shared),
      wire_(wire),
      machines_(machines),
      clients_(clients),
      faults_(faults),
      bounds_(shared.config.script ? BoundsOf(*shared.config.script) : BoundsOf(shared.config)),
      calm_(shared.verdicts),
      sound_bounds_(SoundBoundsOf(shared.config)),
      standstill_(shared.verdicts, shared.nodes,
                  {.span = sound_bounds_.span_ns, .most_terms = sound_bounds_.most_terms}),
      boots_(shared.nodes),
      troubles_(shared.nodes * shared.nodes),
      core_choice_(shared.seed, "run.core", kWholeRun) {
  poll_ns_ = std::max<std::int64_t>(shared.config.cluster.options.heartbeat.ns / 2, 1'000'000);
}

void Phases::Start() {
  Event event;
  event.kind = EventKind::kPhase;
  event.a = static_cast<std::uint64_t>(PhaseStep::kHeal);
  shared_.queue.Push(std::max<std::int64_t>(shared_.config.time.horizon_ns, 1), event);
  calm_span_ = shared_.config.script ? CalmSpan(*shared_.config.script) : CalmSpan(shared_.config);
  wire_.net().SetPatience(sound_bounds_.latency_ns);
  for (const std::unique_ptr<Machine>& machine : machines_) {
    machine->disk().SetPatience(sound_bounds_.disk_ns);
  }
  PollAgain(LookEvery());
}

void Phases::PollAgain(std::int64_t after) {
  Event event;
  event.kind = EventKind::kPhase;
  event.a = static_cast<std::uint64_t>(PhaseStep::kLook);
  event.life = static_cast<std::uint32_t>(phase_);
  shared_.queue.Push(shared_.now() + after, event);
}

void Phases::OnEvent(const Event& event) {
  if (event.a == static_cast<std::uint64_t>(PhaseStep::kHeal)) {
    EnterHealing();
  } else if (event.life == static_cast<std::uint32_t>(phase_)) {
    Look();
  }
}

bool Phases::InCore(NodeId node) const {
  return std::find(core_.begin(), core_.end(), node) != core_.end();
}

// ---- healing -------------------------------------------------------------------------------------------

void Phases::EnterHealing() {
  faults_.Freeze();
  if (shared_.promise_broken) return Finish();
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (shared_.budget.Is(shared_.EndpointOf(machine->id()), Hurt::kDamaged) &&
        machine->reads_whole())
      StartAnew(*machine);
  }
  do {
    ChooseCore();
    if (core_.empty()) return;
    for (const NodeId node : core_) HealNode(At(node));
    // A store that turns out to be damaged only now: choose anew without it.
  } while (
      std::any_of(core_.begin(), core_.end(), [this](NodeId node) { return At(node).damaged(); }));
  HealLinks();
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (!InCore(machine->id())) Place(*machine, ChoosePlace(*machine));
  }
  clients_.Hold(core_);
  phase_ = Phase::kElect;
  // What disks had begun before ends when it was to end.
  std::int64_t busy_until = shared_.now();
  for (const NodeId node : core_) busy_until = std::max(busy_until, At(node).disk().busy_until());
  deadline_ = busy_until + bounds_.leader_ns;
  if (shared_.trace.textual()) {
    std::string names;
    for (const NodeId node : core_) names += " " + NodeName(node);
    shared_.trace.Say("the core is healed:" + names);
  }
  PollAgain(poll_ns_);
}

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

// ---- what is due ---------------------------------------------------------------------------------------

std::vector<GroupId> Phases::Groups() const {
  std::vector<GroupId> groups;
  for (const NodeId node : core_) {
    if (!At(node).serving()) continue;
    for (const auto& [group, raft] : At(node).replica()->groups()) {
      // Nobody waits for a group whose namespace was dropped: it goes where that is applied.
      if (shared_.catalogue.IsGone(group)) continue;
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
    }
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

const Machine* Phases::LeaderOf(GroupId group) const {
  const Machine* leader = nullptr;
  Term term;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (!machine->Leads(group) || machine->paused()) continue;
    const Term its = machine->replica()->group(group)->term();
    if (leader != nullptr && its <= term) continue;
    leader = machine.get();
    term = its;
  }
  return leader;
}

// As its leader sees it; nobody leads: who is one for sure.
std::vector<NodeId> Phases::CoreMembers(GroupId group) const {
  const Machine* leader = LeaderOf(group);
  std::vector<NodeId> members;
  for (const NodeId node : core_) {
    const bool is_member = leader == nullptr
                               ? shared_.members.IsSureMember(group, node)
                               : leader->replica()->group(group)->configuration().IsMember(node);
    if (is_member) members.push_back(node);
  }
  return members;
}

// Whether `node` and those that it sees are a quorum of some group, or of half a joint state of it.
bool Phases::CouldLead(NodeId node, const std::vector<NodeId>& sees) const {
  const auto in = [&](NodeId voter) {
    return voter == node || std::find(sees.begin(), sees.end(), voter) != sees.end();
  };
  if (HasMajority(shared_.members.everybody(), in)) return true;
  for (const GroupId group : shared_.members.groups()) {
    for (const NodeSet& voters : shared_.members.VoterSets(group)) {
      if (Contains(voters, node) && HasMajority(voters, in)) return true;
    }
  }
  return false;
}

std::optional<std::string> Phases::MissingLeader() const {
  for (const NodeId node : core_) {
    if (!At(node).serving()) return NodeName(node) + " does not serve";
  }
  for (const GroupId group : Groups()) {
    const std::string name = "group " + std::to_string(group.value());
    // Who lags learns of a namespace that was born meanwhile when it converges.
    const bool everywhere = std::all_of(core_.begin(), core_.end(), [&](NodeId node) {
      return At(node).replica()->group(group) != nullptr;
    });
    if (!everywhere && phase_ == Phase::kElect) continue;
    const Machine* leader = LeaderOf(group);
    if (leader == nullptr) return name + " has no leader";
    const Raft& raft = *leader->replica()->group(group);
    if (raft.commit() < raft.leadership()->barrier) return name + ": the barrier is not committed";
    for (const NodeId node : core_) {
      const Raft* other = At(node).replica()->group(group);
      if (other == nullptr) return name + " is not known at " + NodeName(node);
      if (!raft.configuration().IsMember(node)) continue;
      if (other->term() != raft.term() || other->leader() != leader->id()) {
        return name + ": " + NodeName(node) + " does not follow " + NodeName(leader->id());
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> Phases::MissingConvergence() const {
  if (!clients_.idle()) return "operations are open";
  if (std::optional<std::string> missing = MissingLeader()) return missing;
  for (const GroupId group : Groups()) {
    const std::string name = "group " + std::to_string(group.value());
    const Raft& leader = *LeaderOf(group)->replica()->group(group);
    const Configuration& members = leader.configuration();
    if (leader.configuration_index() > leader.commit() || (members.joint() && members.auto_leave))
      return name + " is in the midst of a change of members: " + quorate::Render(members);
    for (const NodeId node : core_) {
      if (!members.IsMember(node)) continue;  // it may have been left behind
      const Raft& raft = *At(node).replica()->group(group);
      const EntryId last = raft.log().last();
      if (last != leader.log().last() || raft.commit() != last.index ||
          raft.applied() != last.index) {
        return name + ": " + NodeName(node) + " holds " + std::to_string(last.index.value()) +
               ", committed " + std::to_string(raft.commit().value()) + ", applied " +
               std::to_string(raft.applied().value()) + ", the leader holds " +
               std::to_string(leader.log().last().index.value());
      }
      const StateMachine* machine = At(node).host()->machine(group);
      if (machine != nullptr && machine->applied().index != last.index)
        return name + ": work is left";
      if (IsCompactionDue(raft)) return name + ": " + NodeName(node) + " keeps its whole log";
    }
  }
  for (const NodeId node : core_) {
    if (!IsAtRest(At(node))) return NodeName(node) + " has work left";
  }
  return std::nullopt;
}

// Nothing waits to be written, done or taken over: what the stores hold now is what they are to hold.
bool Phases::IsAtRest(const Machine& machine) const {
  const auto& groups = machine.replica()->groups();
  return !machine.host()->HasWork() && machine.host()->held().applies == 0 &&
         std::none_of(groups.begin(), groups.end(), [&](const auto& one) {
           const auto& [group, raft] = one;
           // Nobody goes on sending a state to who was put out meanwhile.
           const bool is_coming =
               raft.incoming().has_value() && shared_.members.MayBeMember(group, machine.id());
           return is_coming || shared_.catalogue.IsGone(group);
         });
}

// Whether the log is longer than it may stay once everything is applied. A leader may be sending a state to
// somebody outside the core, and keeps what lies behind that.
bool Phases::IsCompactionDue(const Raft& raft) const {
  const Options& options = shared_.config.cluster.options;
  std::uint64_t most = options.snapshot_every;
  if (raft.group() != kSystemGroup) most += options.log_keep;
  if (raft.leads()) most += options.snapshot_every * options.max_view_age + 1;
  return raft.applied() > raft.log().start().entry.index + Count(most);
}

std::pair<std::uint64_t, std::uint64_t> Phases::Backlog() const {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (machine->running()) {
      for (const auto& [group, raft] : machine->replica()->groups())
        entries += raft.log().last().index.value();
    }
    std::uint64_t own = 0;
    for (const auto& [key, value] : machine->disk().map.rows()) own += key.size() + value.size();
    bytes = std::max(bytes, own);
  }
  return {entries, bytes / shared_.config.cluster.options.snapshot_chunk_bytes + 4};
}

void Phases::EnterConverge(Phase phase) {
  phase_ = phase;
  clients_.Hold(core_);
  const auto [entries, chunks] = Backlog();
  deadline_ = shared_.now() + ConvergenceBound(bounds_, shared_.config, entries, chunks) +
              std::max(shared_.config.workload.timeout_ns, bounds_.operation_ns);
  PollAgain(poll_ns_);
}

void Phases::Look() {
  // A disk has forgotten something: nothing is due any more, now or ever.
  if (shared_.promise_broken && phase_ != Phase::kChaos) return Finish();
  const bool late = shared_.now() >= deadline_;
  switch (phase_) {
    case Phase::kChaos:
      LookAtChaos();
      return;
    case Phase::kElect: {
      const std::optional<std::string> missing = MissingLeader();
      shared_.edges.OnDue(Check::kLeaderInTime, missing, shared_.now(), deadline_);
      if (!missing) return EnterConverge(Phase::kConverge);
      break;
    }
    case Phase::kConverge:
    case Phase::kSettle: {
      const std::optional<std::string> missing = MissingConvergence();
      shared_.edges.OnDue(Check::kConvergenceInTime, missing, shared_.now(), deadline_);
      if (!missing) {
        if (phase_ == Phase::kSettle) return Finish();
        phase_ = Phase::kServe;
        deadline_ = shared_.now() + shared_.config.time.serve_ns;
        serving_since_ = shared_.now();
        terms_ = CoreTerms();
        for (const GroupId group : Groups()) clients_.AskOnly(group, CoreMembers(group));
        clients_.Serve(bounds_.operation_ns);
        break;
      }
      break;
    }
    case Phase::kServe:
      if (late) {
        LookAtTerms();
        return EnterConverge(Phase::kSettle);
      }
      break;
    case Phase::kDone:
      return;
  }
  PollAgain(poll_ns_);
}

absl::btree_map<GroupId, Term> Phases::CoreTerms() const {
  absl::btree_map<GroupId, Term> terms;
  for (const NodeId node : core_) {
    if (!At(node).serving()) continue;
    for (const auto& [group, raft] : At(node).replica()->groups()) {
      if (shared_.members.MayBeMember(group, node))
        terms[group] = std::max(terms[group], raft.term());
    }
  }
  return terms;
}

void Phases::LookAtTerms() {
  for (const auto& [group, after] : CoreTerms()) {
    const auto before = terms_.find(group);
    if (before == terms_.end()) continue;
    shared_.edges.OnTermSpan({.group = group,
                              .before = before->second,
                              .after = after,
                              .span = shared_.now() - serving_since_,
                              .patience = shared_.config.cluster.options.election_timeout_max.ns});
  }
}

void Phases::LookAtChaos() {
  LookAtCalm();
  LookForStandstill();
  PollAgain(LookEvery());
}

// ---- the end -------------------------------------------------------------------------------------------

void Phases::Finish() {
  Scan();
  phase_ = Phase::kDone;
}

void Phases::Scan() {
  if (shared_.promise_broken) return ScanContents();
  for (const GroupId group : Groups()) {
    if (group == kSystemGroup) continue;
    for (const NodeId node : CoreMembers(group)) ScanMachine(At(node), group);
  }
  for (const NodeId node : core_) LookAtStores(At(node));
}

void Phases::LookAtStores(const Machine& machine) {
  if (!shared_.config.checks.invariants) return;
  const auto& groups = machine.replica()->groups();
  // Only with who was put out (IsAtRest).
  if (std::any_of(groups.begin(), groups.end(),
                  [](const auto& one) { return one.second.incoming().has_value(); }))
    return;
  const SimDisk& disk = machine.disk();
  shared_.edges.OnStores(
      machine.id(), LeftOver(disk.log.rows(), disk.map.rows(), [&](GroupId group) {
        return shared_.catalogue.IsGone(group) ? std::nullopt
                                               : shared_.invariants.generation(machine.id(), group);
      }));
}

// What each node owes on its own, whatever the others hold.
void Phases::ScanContents() {
  for (const std::unique_ptr<Machine>& machine : machines_) {
    const MemKv& map = machine->disk().map;
    if (!machine->serving() || map.failed() || !map.corrupt_keys().empty()) continue;
    for (const auto& one : machine->replica()->groups()) {
      const StateMachine* state = machine->host()->machine(one.first);
      if (state == nullptr) continue;
      shared_.edges.OnContentDigest(
          NodeName(machine->id()) + " group " + std::to_string(one.first.value()),
          state->RecomputeDigest(), state->digest());
    }
  }
}

// The whole state is read as a client would, and judged like any other read.
void Phases::ScanMachine(const Machine& machine, GroupId group) {
  const StateMachine* state = machine.host()->machine(group);
  if (state == nullptr) return;
  const std::string who = NodeName(machine.id()) + " group " + std::to_string(group.value());
  shared_.edges.OnContentDigest(who, state->RecomputeDigest(), state->digest());
  shared_.edges.OnState(who, {state->revision(), state->applied().index},
                        {shared_.serial.revision(group), shared_.serial.committed(group)});
  shared_.Watch([&](Invariants& watch) {
    watch.OnMachineSeen(machine.id(), group, state->applied(), state->digest());
  });
  std::string from;
  for (;;) {
    const Query query = Range{from, "", 0};
    const absl::StatusOr<Payload> answer = state->Answer(EncodeQuery(query));
    const std::optional<KvReply> reply =
        shared_.edges.OnReply(answer.ok() ? *answer : Payload(), [&] { return who + ": a scan"; });
    if (!reply) return;
    Invocation invocation;
    invocation.event = shared_.events;
    invocation.ns = shared_.now();
    invocation.client = 9'000 + machine.id().value();
    invocation.group = group;
    invocation.call = Read{query, true};
    const OpId id = shared_.recorder.Invoke(std::move(invocation));
    shared_.serial.OnInvoke(id, shared_.recorder.at(id));
    Completion completion;
    completion.event = shared_.events;
    completion.ns = shared_.now();
    completion.outcome = OutcomeClass::kOk;
    completion.reply = *reply;
    completion.serial = state->applied().index;
    completion.node = machine.id();
    shared_.recorder.Complete(id, std::move(completion));
    shared_.serial.OnComplete(id, shared_.recorder.at(id));
    if (!reply->continuation) return;
    from = *reply->continuation;
  }
}

}  // namespace quorate::sim
