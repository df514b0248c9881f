// sim/world/coverage.h — which kinds of states a run has been in.
//
// Model: looks on after every event. What changes rarely and matters most is looked at once it has changed: role,
//   term, snapshot, configuration (landmarks.h tells), process and disk; lags change all the time and are looked at
//   with every thirty-second event. A look reads one group at all nodes; what comes of it is kept once
//   (abstract_state.h).
// Invariants: looks only: nothing of the run, and no digest, depends on it. The same run gives the same states.
// Cost: one comparison an event; a look is O(nodes). Errors: none.
#pragma once
#include <cstdint>
#include <vector>

#include "absl/container/btree_set.h"
#include "sim/world/abstract_state.h"
#include "sim/world/faults.h"
#include "sim/world/landmarks.h"
#include "sim/world/shared.h"

namespace quorate::sim {

class Coverage {
 public:
  Coverage(Shared& shared, Landmarks& landmarks, const Machines& machines);

  // After every event that did something.
  void OnEvent(const Event& event);
  AbstractStates States() const;

 private:
  struct Outside {  // what no step of the node's engine tells
    ProcessIs process = ProcessIs::kDown;
    DiskIs disk = DiskIs::kOk;
    friend bool operator==(const Outside&, const Outside&) = default;
  };

  ProcessIs ProcessOf(const Machine& machine) const;
  DiskIs DiskOf(Machine& machine) const;
  // True: process or disk of some node is not what it was.
  bool MovedOutside();
  // At the groups that the node's last step touched.
  void LookAtTouched(std::size_t node);
  void LookAtAll();
  void Look(GroupId group);

  Shared& shared_;
  Landmarks& landmarks_;
  const Machines& machines_;
  std::vector<Outside> nodes_;
  std::uint64_t budget_changes_ = 0;
  std::vector<NodeFacts> facts_;  // of one look
  std::vector<NodeCode> codes_;
  std::vector<std::uint64_t> last_;  // by place of the group: the last state
  absl::btree_set<std::uint64_t> clusters_;
  absl::btree_set<NodeCode> seen_nodes_;
};

}  // namespace quorate::sim
