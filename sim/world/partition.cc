#include "sim/world/partition.h"

#include <algorithm>
#include <numeric>

namespace quorate::sim {
namespace {

std::vector<Endpoint> Shuffled(Endpoint count, Choice& choice) {
  std::vector<Endpoint> order(count);
  std::iota(order.begin(), order.end(), Endpoint{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(choice.Below(i))]);
  }
  return order;
}

// Each client goes with one of the groups, or (one in three) sees them all.
void PlaceClients(std::vector<std::vector<Endpoint>>& groups, Endpoint nodes, Endpoint clients,
                  Choice& choice) {
  const std::size_t sides = groups.size();
  for (Endpoint client = 0; client < clients; ++client) {
    const std::uint64_t bits = choice.Bits();
    if (Below(bits, 3) == 0) continue;
    const auto side = static_cast<std::size_t>(Below(Mix(bits), sides));
    groups[side].push_back(static_cast<Endpoint>(nodes + client));
  }
}

std::vector<std::vector<Endpoint>> Deal(const std::vector<Endpoint>& order,
                                        const std::vector<std::size_t>& sizes) {
  std::vector<std::vector<Endpoint>> groups;
  std::size_t at = 0;
  for (const std::size_t size : sizes) {
    groups.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(at),
                        order.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += size;
  }
  return groups;
}

std::vector<std::vector<Endpoint>> Alone(Endpoint who, const std::vector<Endpoint>& order) {
  std::vector<std::vector<Endpoint>> groups(2);
  groups[0].push_back(who);
  for (const Endpoint node : order) {
    if (node != who) groups[1].push_back(node);
  }
  return groups;
}

}  // namespace

const char* NameOf(PartitionShape shape) {
  switch (shape) {
    case PartitionShape::kIsolate:
      return "isolate";
    case PartitionShape::kHalves:
      return "halves";
    case PartitionShape::kGroups:
      return "groups";
    case PartitionShape::kRing:
      return "ring";
    case PartitionShape::kBridge:
      return "bridge";
    case PartitionShape::kLeader:
      return "leader";
    case PartitionShape::kCount_:
      break;
  }
  return "?";
}

std::vector<DirectedLink> CutBetween(const std::vector<std::vector<Endpoint>>& groups, CutWay way) {
  std::vector<DirectedLink> cut;
  for (std::size_t a = 0; a < groups.size(); ++a) {
    for (std::size_t b = 0; b < groups.size(); ++b) {
      if (a == b) continue;
      if (way == CutWay::kInto && b != 0) continue;
      if (way == CutWay::kOutOf && a != 0) continue;
      for (const Endpoint from : groups[a]) {
        for (const Endpoint to : groups[b]) cut.emplace_back(from, to);
      }
    }
  }
  return cut;
}

std::vector<DirectedLink> CutToRing(Endpoint nodes, const std::vector<Endpoint>& order) {
  const int count = nodes;
  const int others = count / 2;  // that a node must hear to have a majority with itself
  const int reach = (others + 1) / 2;
  // Where neighbours on both sides would be everybody, each hears only those behind it.
  const bool both_sides = 2 * reach + 1 < count;
  std::vector<DirectedLink> cut;
  for (int to = 0; to < count; ++to) {
    for (int from = 0; from < count; ++from) {
      if (from == to) continue;
      const int ahead = (from - to + count) % count;
      const bool heard = both_sides ? ahead <= reach || count - ahead <= reach : ahead <= others;
      if (heard) continue;
      cut.emplace_back(order[static_cast<std::size_t>(from)], order[static_cast<std::size_t>(to)]);
    }
  }
  return cut;
}

PartitionPlan PlanPartition(PartitionShape shape, CutWay way, Endpoint nodes, Endpoint clients,
                            Endpoint target, Choice& choice) {
  REQUIRE(nodes >= 2);
  REQUIRE(target < nodes);
  PartitionPlan plan;
  plan.shape = shape;
  plan.way = way;
  const std::vector<Endpoint> order = Shuffled(nodes, choice);
  std::vector<std::vector<Endpoint>> groups;
  switch (shape) {
    case PartitionShape::kIsolate:
    case PartitionShape::kLeader:
      plan.alone = shape == PartitionShape::kLeader ? target : order[0];
      groups = Alone(*plan.alone, order);
      break;
    case PartitionShape::kHalves: {
      const auto left = static_cast<std::size_t>(choice.Between(1, nodes - 1));
      groups = Deal(order, {left, nodes - left});
      break;
    }
    case PartitionShape::kGroups: {
      const auto left = static_cast<std::size_t>(nodes < 3 ? 1 : choice.Between(1, nodes - 2));
      const auto most = static_cast<std::int64_t>(nodes - left) - 1;
      const std::size_t middle = nodes < 3 ? 0 : static_cast<std::size_t>(choice.Between(1, most));
      groups = Deal(order, {left, middle, nodes - left - middle});
      break;
    }
    case PartitionShape::kBridge: {
      const auto left = static_cast<std::size_t>(nodes < 3 ? 1 : choice.Between(1, nodes - 2));
      // The last of the order is the bridge: in no group, so whole with both.
      groups = Deal(order, {left, nodes < 3 ? nodes - left : nodes - left - 1});
      break;
    }
    case PartitionShape::kRing: {
      plan.way = CutWay::kBoth;
      plan.cut = CutToRing(nodes, order);
      return plan;
    }
    case PartitionShape::kCount_:
      UNREACHABLE("not a shape");
  }
  PlaceClients(groups, nodes, clients, choice);
  plan.cut = CutBetween(groups, way);
  return plan;
}

}  // namespace quorate::sim
