// sim/cases/writer.h — a recorded run as a GoogleTest case for the pure engine.
//
// Model: a source file of its own: the options, then one line for each boot and each input: what it is, its
//   bytes, and the digest of what it led to. With a violation, the case fails as long as the engine
//   does at every step what it did in the run, passes once it ends otherwise, and is skipped if it goes another
//   way before. Without one, it passes as long as the engine repeats the run.
// Size: all nodes' steps; of a long run whose violation was seen in a step, those of that node alone, all
//   its lives: the engine of one node knows of others only by what it is given.
// Compiled with: sim/cases/engine_replay.h, engine and codec; no simulator. See `tools/dev case`.
#pragma once
#include <cstddef>
#include <string>

#include "sim/cases/step_recorder.h"

namespace quorate::sim {

inline constexpr std::size_t kMostStepsOfAll = 4'000;  // beyond, only the node that matters

std::string WriteEngineCase(const RecordedRun& run,
                            std::size_t most_steps_of_all = kMostStepsOfAll);

}  // namespace quorate::sim
