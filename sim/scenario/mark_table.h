// sim/scenario/mark_table.h — all marks: the states worth reaching, by name.
//
// Model: one list, of the engine's marks and of those that only the checkers or the world can see. A scenario may
//   name no other, neither as a trigger nor as a requirement.
// Invariants: sorted by name. Names are stored in scenarios: never renamed, never used for something else.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quorate::sim {

struct KnownMark {
  std::string_view name;
  std::string_view about;  // one line
};

const std::vector<KnownMark>& KnownMarks();
bool IsMark(std::string_view name);
// `"name" is no mark; "other" is one`: why a name that is no mark is refused.
std::string UnknownMark(std::string_view name);

}  // namespace quorate::sim
