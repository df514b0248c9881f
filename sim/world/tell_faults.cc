#include "sim/world/tell_faults.h"

#include "sim/scenario/schedule.h"

namespace quorate::sim {

std::optional<NodeRef> NodeOf(const Action& action) {
  return std::visit(
      [](const auto& one) -> std::optional<NodeRef> {
        if constexpr (requires { NodeRef(one.node); }) return NodeRef(one.node);
        return std::nullopt;
      },
      action);
}

std::string TellScheduled(const ScheduleEntry& entry, std::optional<NodeId> node) {
  const std::string who = node ? NodeName(*node) : NodeOf(entry.action) ? "nobody" : "-";
  return "scheduled " + who + " " + WriteEntry(entry);
}

std::string TellCut(const Wire& wire, const std::vector<DirectedLink>& cut, std::size_t nodes) {
  std::string text = "cut";
  for (const auto& [from, to] : cut) {
    if (from < nodes || to < nodes) text += " " + NameOf(wire.NameOfLink(from, to));
  }
  return text;
}

}  // namespace quorate::sim
