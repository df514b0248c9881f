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

void Phases::LookForStandstill() {
  if (shared_.nodes > StandstillWatch::kMostNodes) return;
  StandstillWatch::Look look;
  look.now = shared_.now();
  look.nodes.resize(shared_.nodes);
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
