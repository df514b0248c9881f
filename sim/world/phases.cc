#include "sim/world/phases.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {
namespace {

enum class PhaseStep : std::uint64_t { kHeal, kLook };

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
  // What disks had begun before ends when it was to end: whoever leads now may have to give way to it.
  busy_until_ = shared_.now();
  for (const NodeId node : core_) busy_until_ = std::max(busy_until_, At(node).disk().busy_until());
  deadline_ = busy_until_ + bounds_.leader_ns;
  const auto [entries, chunks] = Backlog();
  catch_up_ns_ = ConvergenceBound(bounds_, shared_.config, entries, chunks);
  if (shared_.trace.textual()) {
    std::string names;
    for (const NodeId node : core_) names += " " + NodeName(node);
    shared_.trace.Say("the core is healed:" + names);
  }
  PollAgain(poll_ns_);
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

// Every group has a leader, and a quorum of some has to get what it lacks before the barrier can be committed: that
// takes as long as there is to send, and the leader may stand outside the core.
bool Phases::LeadersCatchUp() const {
  bool catch_up = false;
  for (const GroupId group : Groups()) {
    const Machine* leader = LeaderOf(group);
    if (leader == nullptr) return false;
    const Raft& raft = *leader->replica()->group(group);
    catch_up = catch_up || raft.commit() < raft.leadership()->barrier;
  }
  return catch_up;
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
      shared_.edges.OnDue(Check::kLeaderInTime, missing, shared_.now(),
                          deadline_ + (LeadersCatchUp() ? catch_up_ns_ : 0));
      if (!missing && shared_.now() >= busy_until_) return EnterConverge(Phase::kConverge);
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

}  // namespace quorate::sim
