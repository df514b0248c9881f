// sim/world/recording.h — what a run decided, while it is being written down.
//
// Model: every part of the world adds what it chose or did; `ResolveRun` makes a script of it when the run is over.
//   Nothing of a run depends on whether it is recorded.
// Cost: none where nobody records (a null pointer); else memory in proportion to the run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/scenario/config.h"

namespace quorate::sim {

struct Recording {
  explicit Recording(std::size_t nodes) : crash_of(nodes) {}

  // Each time, and each strike.
  std::vector<NodeDeviation> node_deviations;
  // Faults that came by chance.
  std::vector<ScheduleEntry> faults;
  std::vector<std::optional<std::size_t>> crash_of;  // by node: which of them is to kill it next
  std::vector<ScriptedOperation> operations;         // by their beginning
  std::vector<std::vector<NodeId>> cores;
  std::vector<ScriptedOutsider> outside;

  void Add(std::int64_t at_ns, Action action, std::int64_t for_ns) {
    faults.push_back({AtTime{at_ns}, std::move(action), for_ns});
  }
};

}  // namespace quorate::sim
