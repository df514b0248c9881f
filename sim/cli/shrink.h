// sim/cli/shrink.h — shrinks one failing run in several processes, within a deadline.
//
// Model: the run is resolved, then handed to the shrinker; every simulation is done by worker processes
//   (candidates.h), so that one which dies or hangs takes nothing along. What is found can be had as a scenario that
//   needs no seed.
// Time: real, for the deadline alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/cli/candidates.h"
#include "sim/cli/cli.h"
#include "sim/shrink/shrinker.h"

namespace quorate::sim {

// Another run of the same scenario, by another seed and smaller, that was begun with instead.
struct BegunElsewhere {
  std::uint64_t seed = 0;
  RunSize size;
};
struct Shrunk {
  RunConfig config;     // the smallest run that fails in the same way
  RunConfig original;   // the run as it was, resolved
  Violation violation;  // of the smallest
  RunSize before;
  RunSize size;
  std::optional<BegunElsewhere> elsewhere;
  std::uint64_t tried = 0;  // runs in all
  bool finished = false;    // nothing smaller is known; else time was out
  // Of each entry of the schedule, each frame and each disk operation that is left, in this order: the run does not
  // fail in this way without it; nullopt: that was not tried.
  std::vector<std::optional<bool>> needed;
  std::optional<std::string> last_lines;  // of its trace; nullopt: there was no time to look
};
// NotFound: the run does not fail, or does not end by itself; DeadlineExceeded, Cancelled: there was no time to see.
absl::StatusOr<Shrunk> ShrinkRun(const ShrinkTask& task, const CliWorld& world);

// Below the task's folder, which is there: the smallest run and the original one as scenarios, and the story.
absl::Status WriteShrunk(const ShrinkTask& task, const Shrunk& shrunk);
// The smallest so far, as a scenario: the file is whole at any time. One that is no plain file is left alone.
void KeepSoFar(const std::string& path, const ShrinkTask& task, const RunConfig& config,
               const Violation& violation);
// At most so many bytes of it, and "…" if there was more.
std::string CutText(const std::string& text, std::size_t most);
// The name of what is made of a scenario: with this ending, once.
std::string NameOfResult(const std::string& name, const std::string& ending);
// What a command that runs it must be told besides, each word with a blank before it: checks that were left out. (Faults
// that were are not in it.)
std::string OptionsOfShrunk(const Scenario& scenario);
// One sentence about where it comes from, for the file.
std::string AboutShrunk(const Scenario& scenario, std::uint64_t seed, const Violation& violation);

}  // namespace quorate::sim
