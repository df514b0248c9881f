// sim/cli/shrink.h — shrinks one failing run in several processes, within a deadline.
//
// Model: the run is resolved, then handed to the shrinker; candidates run in worker processes, so that one which
//   dies or hangs takes nothing along. What is found can be had as a scenario that needs no seed.
// Time: real, for the deadline alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/cli/cli.h"
#include "sim/shrink/shrinker.h"

namespace quorate::sim {

struct ShrinkTask {
  const Scenario& scenario;
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::uint64_t deadline_s = 30;
  bool quiet = false;  // no progress
};
struct Shrunk {
  RunConfig config;    // the smallest run that fails in the same way
  RunConfig original;  // the run as it was, resolved
  RunResult result;    // of the smallest
  RunSize before;
  RunSize size;
  std::uint64_t tried = 0;
  bool finished = false;  // nothing smaller is known; else time was out
  // Of each entry of the schedule, each frame and each disk operation that is left, in this order: the run does not
  // fail in this way without it; nullopt: that was not tried.
  std::vector<std::optional<bool>> needed;
};
// NotFound: the run does not fail.
absl::StatusOr<Shrunk> ShrinkRun(const ShrinkTask& task, const CliWorld& world);

Fingerprint FingerprintOf(const RunResult& result);
// For people: what was violated, what is left of faults and operations, and the last events.
std::string TellStory(const Shrunk& shrunk, const CliWorld& world, const Scenario& scenario);
// Below `folder`, which is there: the smallest run and the original one as scenarios, the smallest one's trace and
// history, and its story.
absl::Status WriteShrunk(const std::string& folder, const Shrunk& shrunk, const ShrinkTask& task,
                         const CliWorld& world);
// At most so many bytes of it, and "…" if there was more.
std::string CutText(const std::string& text, std::size_t most);
// The name of what is made of a scenario: with this ending, once.
std::string NameOfResult(const std::string& name, const std::string& ending);
// One sentence about where it comes from, for the file.
std::string AboutShrunk(const Scenario& scenario, std::uint64_t seed, const RunResult& result);

}  // namespace quorate::sim
