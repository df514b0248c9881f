// sim/cli/story.h — what a failure looks like to whoever has to understand it: the text of `story.txt`.
//
// Model: each failure has one from the moment it is kept, as the run was; once it is made smaller, that of the smallest
//   run takes its place.
#pragma once
#include <string>

#include "sim/cli/shrink.h"
#include "sim/cli/summary.h"
#include "sim/scenario/scenario.h"

namespace quorate::sim {

// For people: what was violated, what is left of faults and operations, and the last events.
std::string TellStory(const Shrunk& shrunk, const Scenario& scenario);
// The same of a run that was not made smaller: `trace` is what it left, or the end of it.
std::string TellUnshrunk(const Finding& finding, const std::string& replay,
                         const std::string& trace);

}  // namespace quorate::sim
