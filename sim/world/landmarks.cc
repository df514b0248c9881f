#include "sim/world/landmarks.h"

#include <algorithm>

namespace quorate::sim {

Landmarks::Seen& Landmarks::At(NodeId node, GroupId group) {
  std::vector<Seen>& groups = seen_[shared_.EndpointOf(node)];
  for (Seen& seen : groups) {
    if (seen.group == group) return seen;
  }
  groups.push_back(Seen{});
  groups.back().group = group;
  return groups.back();
}

void Landmarks::OnBoot(NodeId node, const Recovered& recovered) {
  for (const RecoveredGroup& group : recovered.groups) {
    Seen& seen = At(node, group.group);
    seen.role = Role::kFollower;
    seen.order = Order{};
    seen.snapshot = SnapshotIs::kNone;
    seen.generation = group.start.generation;
    seen.behind = group.group != kSystemGroup && group.applied.index < seen.applied;
  }
}

void Landmarks::OnStep(NodeId node, const Replica& replica) {
  for (const GroupId group : replica.touched()) {
    const Raft* raft = replica.group(group);
    if (raft == nullptr) continue;
    Seen& seen = At(node, group);
    WatchTransfer(node, *raft, seen);
    const Role role = raft->role();
    const SnapshotIs snapshot = SnapshotOf(*raft);
    moved_ = moved_ || seen.term != raft->term() || seen.role != role ||
             seen.snapshot != snapshot || seen.configurations != raft->configurations().size();
    seen.term = raft->term();
    seen.role = role;
    seen.snapshot = snapshot;
    seen.configurations = raft->configurations().size();
    const Generation generation = raft->log().start().generation;
    if (generation != seen.generation) {
      if (seen.generation != Generation()) {
        Mark(shared_, "snapshot.installed");
        if (seen.crashed_in_install) Mark(shared_, "snapshot.installed_after_crash");
      }
      seen.crashed_in_install = false;
      seen.generation = generation;
    }
    if (seen.behind && raft->applied() >= seen.applied) {
      Mark(shared_, "map.fell_back_and_replayed");
      seen.behind = false;
    }
    seen.applied = std::max(seen.applied, raft->applied());
  }
}

void Landmarks::OnCrash(NodeId node, const Replica& replica) {
  for (const auto& [group, raft] : replica.groups()) {
    if (raft.incoming().has_value() && raft.incoming()->next_chunk > 0)
      At(node, group).crashed_in_install = true;
  }
}

void Landmarks::WatchTransfer(NodeId node, const Raft& raft, Seen& seen) {
  const Leader* leader = raft.leadership();
  const bool ordering =
      leader != nullptr && leader->transfer.has_value() && leader->transfer->ordered;
  if (seen.order.given && leader != nullptr && raft.term() == seen.order.term && !ordering) {
    // Given up while still leading: had the target moved on already?
    if (At(seen.order.target, seen.group).term > seen.order.term) {
      Mark(shared_, "transfer.aborted_target_took_term");
    }
    seen.order = Order{};
  }
  if (ordering) seen.order = Order{true, leader->transfer->target, raft.term()};
  if (leader == nullptr || seen.role == Role::kLeader) return;
  for (std::size_t other = 0; other < seen_.size(); ++other) {
    Order& order = At(NodeId(static_cast<std::uint32_t>(other + 1)), raft.group()).order;
    if (!order.given || order.target != node || raft.term() != Next(order.term)) continue;
    Mark(shared_, "transfer.done");
    order = Order{};
  }
}

}  // namespace quorate::sim
