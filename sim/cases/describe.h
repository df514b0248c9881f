// sim/cases/describe.h — one line for a reader about what an engine boots from or is given.
//
// Model: short rather than complete: long lists and texts are cut. One line of printable ASCII without a
//   backslash. Errors: none; what cannot be read is said to be so.
#pragma once
#include <string>

#include "engine/input.h"
#include "engine/record.h"

namespace quorate::sim {

// "boots, life 2: g0 t3 log (0,17] applied 15"
std::string Describe(const Recovered& recovered);
// "<- n1: g0 AppendRequest t3 prev=4/2 commit=4 entries=1 terms=3..3"
std::string Describe(const Input& input);

}  // namespace quorate::sim
