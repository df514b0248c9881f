#include "sim/check/group_view.h"

#include "engine/raft/raft.h"
#include "engine/replica.h"

namespace quorate::sim {

void ViewOf(const Raft& raft, GroupView& view) {
  view.group = raft.group();
  view.term = raft.term();
  view.vote = raft.hard_state().vote;
  view.role = raft.role();
  view.commit = raft.commit();
  view.applied = raft.applied_entry();
  view.start = raft.log().start().entry;
  view.last = raft.log().last();
  view.durable = raft.log().durable();
  view.configuration_index = raft.configuration_index();
  view.configuration = &raft.configuration();
  view.receiving = raft.incoming().has_value();
  view.installing = view.receiving && raft.incoming()->phase == InstallPhase::kSwitching;
  view.wakeup = raft.next_wakeup();
  view.handing_over = false;
  view.peers.clear();
  view.unapplied_bytes = 0;
  view.proposals = 0;
  view.proposers = 0;
  view.waiting_reads = 0;
  view.round_reads = 0;
  const Leader* leader = raft.leadership();
  if (leader == nullptr) return;
  for (const Progress& peer : leader->peers) {
    view.peers.push_back(
        {.node = peer.node,
         .match = peer.match,
         .next = peer.next,
         .in_flight = peer.in_flight.size(),
         .in_flight_bytes = peer.in_flight_bytes,
         .last_in_flight_bytes = peer.in_flight.empty() ? 0 : peer.in_flight.back().bytes,
         .in_flight_last = peer.in_flight.empty() ? Index() : peer.in_flight.back().last,
         .contact = peer.last_contact,
         .answered_round = peer.read_counter});
  }
  view.handing_over = leader->transfer.has_value();
  view.unapplied_bytes = leader->unapplied_bytes;
  view.proposals = leader->proposals.size();
  view.proposers = leader->proposed.size();
  view.waiting_reads = leader->waiting_reads.size();
  view.round_reads = leader->round.askers.size();
}

NodeView ViewOf(const Replica& replica) {
  return {.stopped = replica.stopped(), .requests_under_way = replica.requests_under_way()};
}

}  // namespace quorate::sim
