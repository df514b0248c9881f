// sim/world/landmarks.h — states worth having been in, that no single node can know of.
//
// Model: watches steps, crashes and boots of all nodes and reaches marks: transfer.done,
//   transfer.aborted_target_took_term, snapshot.installed, snapshot.installed_after_crash,
//   map.fell_back_and_replayed.
// Invariants: looks only; nothing of the run depends on it. Names of marks are stored in scenarios.
// Cost: O(groups touched) a step.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/replica.h"
#include "sim/world/abstract_state.h"
#include "sim/world/shared.h"

namespace quorate::sim {

class Landmarks {
 public:
  explicit Landmarks(Shared& shared) : shared_(shared), seen_(shared.nodes) {}

  void OnBoot(NodeId node, const Recovered& recovered);
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
  };
  struct Seen {  // of one group at one node
    GroupId group;
    Term term;
    Role role = Role::kFollower;
    Order order;
    Generation generation;
    SnapshotIs snapshot = SnapshotIs::kNone;
    std::size_t configurations = 0;   // in the log
    bool crashed_in_install = false;  // and none was finished since
    Index applied;                    // greatest in any life
    bool behind = false;              // booted with less applied than it had
  };
  Seen& At(NodeId node, GroupId group);
  void WatchTransfer(NodeId node, const Raft& raft, Seen& seen);

  Shared& shared_;
  std::vector<std::vector<Seen>> seen_;  // by node
  bool moved_ = false;
};

}  // namespace quorate::sim
