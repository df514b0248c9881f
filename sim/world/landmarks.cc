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

std::size_t Landmarks::ReachableFrom(Endpoint node) const {
  std::size_t count = 1;
  for (Endpoint other = 0; other < shared_.nodes; ++other) {
    count += other != node && IsWhole(node, other) ? 1 : 0;
  }
  return count;
}

// Both see everybody else, of whom there is somebody.
bool Landmarks::IsCutFromLeaderOnly(Endpoint node, GroupId group) {
  const std::size_t all_but_one = shared_.nodes - 1;
  if (all_but_one < 2 || ReachableFrom(node) != all_but_one) return false;
  for (Endpoint other = 0; other < shared_.nodes; ++other) {
    if (other == node || IsWhole(node, other)) continue;
    const Seen& seen = At(NodeId(other + 1u), group);
    return seen.role == Role::kLeader && ReachableFrom(other) == all_but_one;
  }
  return false;
}

// What is cut off when a core is healed is no fault's doing.
void Landmarks::WatchCuts(NodeId node, const Raft& raft, const Seen& seen) {
  if (shared_.now() >= shared_.config.time.horizon_ns) return;
  const Endpoint end = shared_.EndpointOf(node);
  const bool leads = raft.role() == Role::kLeader && seen.role == Role::kLeader;
  if (leads && raft.log().last().index > seen.last && ReachableFrom(end) * 2 <= shared_.nodes)
    Mark(shared_, "log.appended_in_minority");
  const bool asks = raft.role() == Role::kPreCandidate && seen.role == Role::kFollower;
  if (asks && IsCutFromLeaderOnly(end, raft.group()))
    Mark(shared_, "candidate.cut_from_leader_only");
}

// A cluster of one has nobody to wait for.
void Landmarks::WatchRestarts(NodeId node) {
  const Endpoint end = shared_.EndpointOf(node);
  ++lives_[end];
  started_at_[end] = shared_.now();
  const std::int64_t span = shared_.config.cluster.options.election_timeout_max.ns;
  for (Endpoint other = 0; other < shared_.nodes; ++other) {
    if (lives_[other] < 2 || started_at_[other] < shared_.now() - span) return;
  }
  if (shared_.nodes > 1) Mark(shared_, "restart.all_within_election");
}

void Landmarks::OnBoot(NodeId node, const Recovered& recovered) {
  WatchRestarts(node);
  for (const RecoveredGroup& group : recovered.groups) {
    Seen& seen = At(node, group.group);
    seen.role = Role::kFollower;
    seen.order = Order{};
    seen.snapshot = SnapshotIs::kNone;
    seen.last = Index();
    seen.generation = group.start.generation;
    seen.configuration_index = Index();
    seen.behind = group.group != kSystemGroup && group.applied.index < seen.applied;
  }
}

void Landmarks::OnStep(NodeId node, const Replica& replica) {
  for (const GroupId group : replica.touched()) {
    const Raft* raft = replica.group(group);
    if (raft == nullptr) continue;
    Seen& seen = At(node, group);
    WatchTransfer(node, *raft, seen);
    WatchCuts(node, *raft, seen);
    WatchMembers(node, *raft, seen);
    const Role role = raft->role();
    const SnapshotIs snapshot = SnapshotOf(*raft);
    moved_ = moved_ || seen.term != raft->term() || seen.role != role ||
             seen.snapshot != snapshot || seen.configurations != raft->configurations().size();
    seen.term = raft->term();
    seen.role = role;
    seen.last = raft->log().last().index;
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
    At(node, group).role = Role::kFollower;
    if (raft.incoming().has_value() && raft.incoming()->next_chunk > 0)
      At(node, group).crashed_in_install = true;
  }
}

void Landmarks::WatchMembers(NodeId node, const Raft& raft, Seen& seen) {
  const Index at = raft.configuration_index();
  const bool same_state = seen.generation == raft.log().start().generation;
  if (same_state && at < seen.configuration_index) Mark(shared_, "members.change_overwritten");
  seen.configuration_index = at;
  if (raft.role() != seen.role && raft.leads() && raft.configuration().joint())
    Mark(shared_, "members.elected_in_joint_state");
  if (raft.role() != seen.role && seen.role == Role::kLeader && raft.term() == seen.term &&
      at <= raft.commit() && !raft.configuration().IsVoter(node))
    Mark(shared_, "members.leader_left");
  const std::optional<Members::Settled> news = shared_.members.OnStep(raft);
  if (!news) return;
  if (shared_.trace.textual()) {
    shared_.trace.Say("members of group " + std::to_string(raft.group().value()) + " are now " +
                      Render(news->now));
  }
  const auto any = [](const NodeSet& of, const NodeSet& in) {
    return std::any_of(of.begin(), of.end(), [&](NodeId one) { return Contains(in, one); });
  };
  if (news->before.incoming != news->now.incoming) Mark(shared_, "members.changed");
  if (news->now.joint()) Mark(shared_, "members.joint");
  if (any(news->before.learners, news->now.incoming)) Mark(shared_, "members.promoted");
  if (news->returned) Mark(shared_, "members.returned");
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
  if (ordering) {
    seen.order =
        Order{true, leader->transfer->target, raft.term(), is_full_[shared_.EndpointOf(node)]};
  }
  if (leader == nullptr || seen.role == Role::kLeader) return;
  for (std::size_t other = 0; other < seen_.size(); ++other) {
    Order& order = At(NodeId(static_cast<std::uint32_t>(other + 1)), raft.group()).order;
    if (!order.given || order.target != node || raft.term() != Next(order.term)) continue;
    Mark(shared_, "transfer.done");
    if (order.without_space) Mark(shared_, "transfer.done_for_space");
    order = Order{};
  }
}

}  // namespace quorate::sim
