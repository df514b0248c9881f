// sim/world/partition.h — the shapes a network breaks into.
//
// Model: a shape is a list of directed links that carry nothing while it lasts. Endpoints are numbered from
//   0: first the nodes, then the clients. Nodes are placed by the shape, clients on a side of their own
//   choosing or on none.
// Invariants: a list has no doubles and never cuts a node from itself; what is not listed is whole.
// Errors: none. Source of the shapes: Jepsen's nemeses (halves, isolate, bridge, majorities ring).
#pragma once
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/world/choice.h"

namespace quorate::sim {

enum class PartitionShape : std::uint8_t {
  kIsolate,  // one node alone
  kHalves,   // two groups
  kGroups,   // three groups or more
  kRing,     // everybody sees a majority, no two see the same one
  kBridge,   // two groups and one node that sees both
  kLeader,   // as kIsolate, aimed at a leader
  kCount_,   // number of shapes; not a shape
};
const char* NameOf(PartitionShape shape);

// Which way a cut between two sides works.
enum class CutWay : std::uint8_t {
  kBoth,
  kInto,   // the first group hears nothing; what it sends arrives
  kOutOf,  // the first group is heard by nobody; it hears everybody
};

using Endpoint = std::uint16_t;
using DirectedLink = std::pair<Endpoint, Endpoint>;  // from, to

struct PartitionPlan {
  PartitionShape shape = PartitionShape::kIsolate;
  CutWay way = CutWay::kBoth;
  std::optional<Endpoint> alone;  // the node that is on its own
  std::vector<DirectedLink> cut;
};

// Chooses who is where and lists what is cut. `target` is who is isolated by kLeader.
// Requires: nodes >= 2; target < nodes.
PartitionPlan PlanPartition(PartitionShape shape, CutWay way, Endpoint nodes, Endpoint clients,
                            Endpoint target, Choice& choice);

// Cuts every pair of endpoints in different groups; who is in no group is not touched.
std::vector<DirectedLink> CutBetween(const std::vector<std::vector<Endpoint>>& groups, CutWay way);

// The directed links that stay cut if every node hears only a majority of its own.
std::vector<DirectedLink> CutToRing(Endpoint nodes, const std::vector<Endpoint>& order);

}  // namespace quorate::sim
