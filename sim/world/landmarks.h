// sim/world/landmarks.h — states worth having been in, that no single node can know of.
//
// Model: watches steps, crashes and boots of all nodes and reaches marks: transfer.done, transfer.done_for_space,
//   transfer.aborted_target_took_term, snapshot.installed, snapshot.installed_after_crash,
//   map.fell_back_and_replayed, log.appended_in_minority, candidate.cut_from_leader_only,
//   restart.all_within_election, members.*. Keeps the account of who may vote (members.h).
// Invariants: looks only; nothing of the run depends on it. Names of marks are stored in scenarios.
// Cost: O(groups touched) a step.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/replica.h"
#include "sim/world/abstract_state.h"
#include "sim/world/shared.h"
#include "sim/world/sim_net.h"

namespace quorate::sim {

class Landmarks {
 public:
  Landmarks(Shared& shared, const SimNet& net)
      : shared_(shared),
        net_(net),
        seen_(shared.nodes),
        lives_(shared.nodes, 0),
        started_at_(shared.nodes, 0),
        is_full_(shared.nodes, false) {}

  void OnBoot(NodeId node, const Recovered& recovered);
  // Its disk has no space left, or has some again.
  void OnSpace(NodeId node, bool is_full) { is_full_[shared_.EndpointOf(node)] = is_full; }
  void OnStep(NodeId node, const Replica& replica);
  // Before the process is gone.
  void OnCrash(NodeId node, const Replica& replica);
  // Whether term, role, snapshot or configurations of some group changed since the last call.
  bool TakeMoved() { return std::exchange(moved_, false); }

 private:
  struct Order {  // a leader told a target to campaign
    bool given = false;
    NodeId target;
    Term term;
    bool without_space = false;
  };
  struct Seen {  // of one group at one node
    GroupId group;
    Term term;
    Role role = Role::kFollower;
    Index last;  // of its log
    Order order;
    Generation generation;
    SnapshotIs snapshot = SnapshotIs::kNone;
    std::size_t configurations = 0;   // in the log
    Index configuration_index;        // of the last one
    bool crashed_in_install = false;  // and none was finished since
    Index applied;                    // greatest in any life
    bool behind = false;              // booted with less applied than it had
  };
  Seen& At(NodeId node, GroupId group);
  void WatchMembers(NodeId node, const Raft& raft, Seen& seen);
  void WatchTransfer(NodeId node, const Raft& raft, Seen& seen);
  void WatchRestarts(NodeId node);
  void WatchCuts(NodeId node, const Raft& raft, const Seen& seen);
  // Whether frames pass both ways.
  bool IsWhole(Endpoint a, Endpoint b) const { return !net_.IsCut(a, b) && !net_.IsCut(b, a); }
  // Itself included.
  std::size_t ReachableFrom(Endpoint node) const;
  bool IsCutFromLeaderOnly(Endpoint node, GroupId group);

  Shared& shared_;
  const SimNet& net_;
  std::vector<std::vector<Seen>> seen_;   // by node
  std::vector<std::uint64_t> lives_;      // by node
  std::vector<std::int64_t> started_at_;  // by node: its latest life
  std::vector<bool> is_full_;             // by node: its disk
  bool moved_ = false;
};

}  // namespace quorate::sim
