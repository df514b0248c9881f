// sim/world/members.h — who may have a say in each group, as far as the whole cluster knows.
//
// Model: for each group the last configuration that some node knows to be committed (*settled*), and every one behind
//   it that anybody has appended, whether its log still holds it or not, until something is known to be committed at
//   its index: one of those may be on its way in a message, or in the log of whoever comes back. All of them together
//   *may be in force*. What a run owes (who is healed, what stands still, who serves, who is excused) is owed to nodes
//   that are a quorum in each of them.
// The system group is never changed: it says which groups there are, and whoever is not in it would not know. So
//   every node is in it, and bears every group, be it a member or not; one that is no member just stands by.
// Who has a say in a group whose drop somebody has applied is of no concern any more.
// Invariants: what is settled never goes back.
// Errors: none. Cost: O(1) a step as long as nothing changes.
#pragma once
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/raft/raft.h"
#include "sim/history/catalogue_check.h"

namespace quorate::sim {

// Whether the nodes for which `in` holds are a majority of `voters`; of nobody they are.
template <class In>
bool HasMajority(const NodeSet& voters, const In& in) {
  std::size_t count = 0;
  for (const NodeId voter : voters) count += in(voter) ? 1 : 0;
  return voters.empty() || 2 * count > voters.size();
}

class Members {
 public:
  struct Settled {
    Configuration before;
    Configuration now;
    bool returned = false;  // somebody is a member who was one before and was none in between
  };

  // `catalogue` must outlive this.
  Members(std::size_t nodes, const CatalogueCheck& catalogue);

  // After a step of a node. Says what was settled by it.
  std::optional<Settled> OnStep(const Raft& raft);

  // The system group, and those that are known and not gone, ascending.
  std::vector<GroupId> groups() const;
  // Every set of voters that has to agree in one of the configurations that may be in force. Of a group that is not
  // known: all nodes.
  std::vector<NodeSet> VoterSets(GroupId group) const;
  // Whether the nodes for which `in` holds are a majority of each of them, in every group.
  template <class In>
  bool Suffice(const In& in) const {
    if (!HasMajority(everybody_, in)) return false;
    for (const GroupId group : groups()) {
      for (const NodeSet& voters : VoterSets(group)) {
        if (!HasMajority(voters, in)) return false;
      }
    }
    return true;
  }
  // Whether it is a member in all that may be in force, or in any of it.
  bool IsSureMember(GroupId group, NodeId node) const;
  bool MayBeMember(GroupId group, NodeId node) const;
  const NodeSet& everybody() const { return everybody_; }

 private:
  struct Book {
    Index at;
    Index committed;  // as far as anybody knows
    Configuration settled;
    absl::btree_map<EntryId, Configuration> later;
    NodeSet gone;  // were members
  };

  const CatalogueCheck& catalogue_;
  NodeSet everybody_;
  absl::btree_map<GroupId, Book> books_;
};

}  // namespace quorate::sim
