// What the world tells of sound nodes and links, for sim/check/standstill.h.
#include <algorithm>

#include "sim/world/phases.h"

namespace quorate::sim {

std::int64_t Phases::LookEvery() const {
  return std::max<std::int64_t>(sound_bounds_.span_ns / 32, 1'000'000);
}

bool Phases::WasSound(NodeId node) {
  Machine& machine = At(node);
  std::uint64_t& boots = boots_[shared_.EndpointOf(node)];
  const bool same_life = boots == machine.boots();
  boots = machine.boots();
  return same_life && machine.serving() && !machine.paused() && !machine.disk().full &&
         machine.disk().troubled_until() < shared_.now() - LookEvery();
}

bool Phases::WasSound(NodeId a, NodeId b) {
  const SimNet& net = wire_.net();
  const Endpoint from = shared_.EndpointOf(a);
  const Endpoint to = shared_.EndpointOf(b);
  const std::uint64_t count = net.trouble(from, to).count + net.trouble(to, from).count;
  std::uint64_t& known = troubles_[from * shared_.nodes + to];
  const bool nothing_new = known == count;
  known = count;
  const std::int64_t until = std::max(net.trouble(from, to).until, net.trouble(to, from).until);
  return nothing_new && !net.IsCut(from, to) && !net.IsCut(to, from) && until < shared_.now();
}

// As long as nothing is broken but single frames, what nodes were asked must be done.
void Phases::LookAtCalm() {
  if (!calm_span_) return;
  CalmWatch::Look look{.now = shared_.now(),
                       .all_serve = true,
                       .work_waits = false,
                       .calm_since = faults_.calm_since(),
                       .span = *calm_span_,
                       .asked = {}};
  struct Sums {
    Machine::Demand demand;
    std::uint64_t moved = 0;  // committed and applied, summed over all nodes
    bool state_is_sent =
        false;  // a node waits for as long as that takes, and so does who asks there
  };
  absl::btree_map<GroupId, Sums> groups;
  const auto older = [](std::optional<std::int64_t>& oldest, std::optional<std::int64_t> since) {
    if (since) oldest = std::min(oldest.value_or(*since), *since);
  };
  for (const std::unique_ptr<Machine>& machine : machines_) {
    look.all_serve = look.all_serve && machine->serving() && !machine->paused();
    if (!machine->serving()) continue;
    look.work_waits = look.work_waits || machine->host()->HasWork();
    for (const auto& [group, raft] : machine->replica()->groups()) {
      Sums& sums = groups[group];
      sums.moved += raft.commit().value() + raft.applied().value();
      if (!raft.leads()) continue;
      for (const Progress& peer : raft.leadership()->peers)
        sums.state_is_sent = sums.state_is_sent || peer.state == ProgressState::kSnapshot;
    }
    for (const auto& [group, demand] : machine->demands()) {
      const auto known = groups.find(group);  // else it was asked for something that is not there
      if (known == groups.end()) continue;
      // Who is put out may not learn of it, nor whom to ask.
      if (!shared_.members.IsSureMember(group, machine->id())) continue;
      Machine::Demand& all = known->second.demand;
      older(all.writes_since, demand.writes_since);
      older(all.reads_since, demand.reads_since);
      all.writes_done += demand.writes_done;
      all.reads_done += demand.reads_done;
    }
  }
  for (auto& [group, sums] : groups) {
    const Machine::Demand& demand = sums.demand;
    const std::uint64_t done = sums.moved + demand.writes_done;
    look.asked.push_back({group, CalmWatch::Kind::kWrites, done, demand.writes_since});
    std::optional<std::int64_t> oldest = demand.writes_since;
    older(oldest, demand.reads_since);
    if (sums.state_is_sent) oldest.reset();
    look.asked.push_back({group, CalmWatch::Kind::kAll, done + demand.reads_done, oldest});
  }
  calm_.OnLook(look);
}

void Phases::LookForStandstill() {
  if (shared_.nodes > StandstillWatch::kMostNodes) return;
  StandstillWatch::Look look;
  look.now = shared_.now();
  look.nodes.resize(shared_.nodes);
  for (const NodeSet& voters : shared_.members.VoterSets(kDefaultNamespace)) {
    std::uint32_t bits = 0;
    for (const NodeId voter : voters) bits |= std::uint32_t{1} << shared_.EndpointOf(voter);
    look.voters.push_back(bits);
  }
  for (const std::unique_ptr<Machine>& machine : machines_) {
    const Endpoint at = shared_.EndpointOf(machine->id());
    StandstillWatch::Node& node = look.nodes[at];
    node.sound = WasSound(machine->id());
    for (auto to = static_cast<Endpoint>(at + 1); to < shared_.nodes; ++to) {
      if (!WasSound(machine->id(), NodeId(to + 1u))) continue;
      node.sound_with |= std::uint32_t{1} << to;
      look.nodes[to].sound_with |= std::uint32_t{1} << at;
    }
    const Raft* raft = machine->serving() ? machine->replica()->group(kDefaultNamespace) : nullptr;
    if (raft == nullptr) {
      node.sound = false;
      continue;
    }
    if (!shared_.members.MayBeMember(kDefaultNamespace, machine->id())) continue;
    node.term = raft->term();
    node.last = raft->log().last();
    node.applied = raft->applied();
    node.hung = machine->disk().stalled_until > shared_.now();
    const Leader* leader = machine->paused() ? nullptr : raft->leadership();
    node.leads = leader != nullptr;
    if (leader == nullptr) continue;
    node.busy = leader->transfer.has_value();
    for (const Progress& peer : leader->peers) {
      if (peer.state == ProgressState::kSnapshot)
        node.sends_state_to |= std::uint32_t{1} << shared_.EndpointOf(peer.node);
    }
  }
  standstill_.OnLook(look);
}

}  // namespace quorate::sim
