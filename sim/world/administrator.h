// sim/world/administrator.h — somebody who changes who votes.
//
// Model: at random times the administrator looks at a group as its leader sees it (now and then as some other node
//   does, which may be wrong), thinks of a change of one to three nodes among those of the cluster (a voter listens
//   only, a listener votes, somebody is put out or comes back), and asks the leader for it, naming the epoch of the
//   configuration that it is to replace. What was refused is asked again a few times, of whoever leads then, for
//   as long as that epoch is in force. A joint state that has to be left by order is left by one, mostly. Some
//   orders are bound to be refused: of an old epoch, in the midst of another change, for somebody who has not caught
//   up, to a node that does not lead.
//   Each order is written down as an entry of a schedule, so in a resolved scenario nothing is left to do here.
// Invariants: no order comes after the end of chaos; the system group is never changed (members.h).
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sim/world/clients.h"
#include "sim/world/machine.h"
#include "sim/world/shared.h"

namespace quorate::sim {

// Asks now. False: there is nobody who could hear it.
bool AskToChange(Machine& machine, GroupId group, const ChangeMembersAction& change);

class Administrator {
 public:
  Administrator(Shared& shared, std::vector<std::unique_ptr<Machine>>& machines, Clients& clients);

  void Start();
  // An event of kind kAdministrator.
  void OnEvent();

 private:
  struct Wish {
    GroupId group;
    ChangeMembersAction change;  // with its epoch
    std::uint32_t tries = 0;
  };

  void WaitAgain(std::int64_t from);
  Machine* LeaderOf(GroupId group);
  bool AskAgain();
  std::optional<ChangeMembersAction> Draw(const Configuration& now);
  void DrawOne(const Configuration& now, ChangeMembersAction& change, NodeSet& voters);
  void Ask(Machine& machine, const Wish& wish);

  Shared& shared_;
  std::vector<std::unique_ptr<Machine>>& machines_;
  Clients& clients_;
  Dist gap_;
  Choice when_, where_, detail_;
  std::optional<Wish> wish_;
};

}  // namespace quorate::sim
