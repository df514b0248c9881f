// sim/world/tell_faults.h — faults as lines of a trace.
//
// Model: what was ordered stands there as in the schedule, behind whom it met; what is cut, link by link. A story
//   (sim/cli/narrate.h) reads these lines again. Errors: none.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/scenario/config.h"
#include "sim/world/partition.h"
#include "sim/world/wire.h"

namespace quorate::sim {

// Who an action names, if it names one node.
std::optional<NodeRef> NodeOf(const Action& action);
// `scheduled n2 {"at": "3s", "do": "pause", …}`; "-" if no node is named, "nobody" if nobody leads.
std::string TellScheduled(const ScheduleEntry& entry, std::optional<NodeId> node);
// `cut n1>n2 n2>n1`; clients do not speak with each other.
std::string TellCut(const Wire& wire, const std::vector<DirectedLink>& cut, std::size_t nodes);

}  // namespace quorate::sim
