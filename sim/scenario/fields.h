// sim/scenario/fields.h — the table of all keys of a scenario: what the reader, the resolver and
// the schema use.
//
// Model: a field is a path ("network.loss"), what may stand there, its default as JSON text (read
//   by the same code as a file), the range of its values, and where its value goes in a
//   `RunConfig`.
// Invariants: paths are unique; a path that is a prefix of others is a group, never a field. The
//   path of a field is the site of its draws: stored in the outcome of seeds, never renamed.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sim/scenario/scenario.h"
#include "sim/scenario/units.h"

namespace quorate::sim {

// ---- where a value goes, and with that, what may stand in the file
// --------------------------------------
struct PerRun {  // a number, or a draw per run
  std::function<void(RunConfig&, std::int64_t)> set;
  // What may stand in a resolved scenario can be read back; else empty.
  std::function<std::int64_t(const RunConfig&)> get{};
};
struct PerNodeOrLink {  // a number, or a draw for each node or link
  std::function<void(RunConfig&, PerEntity)> set;
};
struct PerEvent {  // a number, [low, high], a distribution, or a draw
  std::function<void(RunConfig&, Dist)> set;
};
struct PerEventOfEntity {  // as PerEvent, with parameters drawn for each node or link
  std::function<void(RunConfig&, DistPerEntity)> set;
};
struct YesOrNo {
  std::function<void(RunConfig&, bool)> set;
};
struct OfScenario {  // a number, the same for all runs
  std::function<void(Scenario&, std::int64_t)> set;
};
// The share of runs in which the group is off; goes into the `off` of the group's gate.
struct OffShare {};
// Read by code of its own (reader.cc, schedule.cc); the schema stands here as JSON text.
struct Special {
  std::string schema;
};
using Target = std::variant<PerRun, PerNodeOrLink, PerEvent, PerEventOfEntity, YesOrNo, OfScenario,
                            OffShare, Special>;

struct Field {
  std::string path;
  Target target;
  Unit unit = Unit::kCount;
  std::string fallback;  // JSON text; empty for Special
  std::int64_t low = 0;  // of any value, in the unit's integer
  std::int64_t high = 0;
  std::string help;
  std::vector<std::pair<std::string, std::int64_t>> words;  // may stand instead of a number
  bool share = false;         // one of a group of shares: not named while others are = 0
  bool gate = false;          // the rate or chance of its group: has to be there if the group is
  std::string unsupported{};  // not empty: anything but the default is refused with this
};

// In the order of the documentation. Built once.
const std::vector<Field>& Fields();
// The place of a field in Fields(), or -1.
int FindField(std::string_view path);
// Whether some field lies under `path`.
bool IsGroup(std::string_view path);
// The gate of a group, or -1.
int GateOf(std::string_view group);

}  // namespace quorate::sim
