// sim/cli/narrate.h — the story of a single run, from its trace.
//
// Model: of a trace with a line or more for every event it keeps what a person would tell: who leads and no more leads,
//   what broke and was over, who was cut off from whom, who died and came back, when a core was healed, what was
//   violated; and adds up what clients were told. Of a long story the middle is left out.
// Errors: none; lines that it does not know it leaves out.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sim/check/violation.h"

namespace quorate::sim {

std::string Narrate(std::string_view trace, const std::optional<Violation>& violation);

}  // namespace quorate::sim
