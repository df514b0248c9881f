// sim/cli/narrate.h — the story of a single run, from its trace.
//
// Model: of a trace with a line or more for every event it keeps what a person would tell: who leads, what broke
//   and was over, who died and came back, when a core was healed; and adds up what clients were told.
// Errors: none; lines that it does not know it leaves out.
#pragma once
#include <string>
#include <string_view>

namespace quorate::sim {

std::string Narrate(std::string_view trace);

}  // namespace quorate::sim
