// sim/cli/candidates.h — runs that may fail as a given one did, in worker processes, within a deadline.
//
// Model: everything that is simulated for shrinking is simulated here, none of it in the process that asks: a run that
//   dies, hangs or takes longer than anybody has time for costs its own worker and nothing else. A run comes back from
//   its worker as the text of a resolved scenario, so what goes on is what can be written down.
// Time: real. `deadline_s` from the beginning on: a part of it is kept for looking at what was found; the last look may
//   take a second more. An interruption ends everything but that look.
// Errors: NotFound: the run does not fail; DeadlineExceeded, Cancelled: it did not end in time.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/cli/cli.h"
#include "sim/cli/pool.h"
#include "sim/shrink/shrinker.h"

namespace quorate::sim {

struct ShrinkTask {
  const Scenario& scenario;
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::uint64_t deadline_s = 30;
  bool quiet = false;    // no progress
  std::string folder{};  // not empty: where trace, history and engine's case of the smallest go
  // What is smallest so far, about once a second if it has changed; may be empty.
  std::function<void(const RunConfig&, const Failure&)> keep{};
};

Fingerprint FingerprintOf(const RunResult& result);

class Candidates {
 public:
  Candidates(const ShrinkTask& task, const CliWorld& world);

  struct Resolved {
    RunConfig config;
    Failure failure;
    Fingerprint fingerprint;
    Moments moments;
  };
  // The run that the task names; from then on its fingerprint is the one that counts.
  absl::StatusOr<Resolved> First();
  // The variant (elsewhere.h) that fails in that way after the fewest events, if that is far fewer than `before`;
  // looked for in a fifth of the time.
  std::optional<std::uint64_t> LookElsewhere(const RunSize& before);
  // That variant, if there is time.
  std::optional<Resolved> Elsewhere(std::uint64_t nth);

  bool OutOfTime() const;
  std::optional<Shrinker::Found> Evaluate(const std::vector<RunConfig>& candidates);
  // Of `count` candidates, whether each fails in that way; nullopt: it was not tried, or did not end.
  std::vector<std::optional<bool>> EvaluateAll(
      std::size_t count, const std::function<RunConfig(std::uint64_t)>& candidate);
  // Runs it once more, writes what belongs to it into the task's folder, and returns the last lines of its trace;
  // nullopt: there was no time. Internal: it fails in another way, or not at all.
  absl::StatusOr<std::optional<std::string>> LookAt(const RunConfig& config);

  void Tell(const ShrinkProgress& progress);
  void EndProgress() const;
  // Those of all kinds.
  std::uint64_t runs() const { return runs_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::chrono::milliseconds Spent() const;
  // How much of the time is left until `share` of its end, at most.
  PoolLimits Until(std::chrono::milliseconds end, std::uint64_t most_jobs) const;
  absl::StatusOr<Resolved> Resolve(const RunConfig& config, std::uint64_t seed,
                                   const PoolLimits& limits);
  std::uint64_t RunThem(std::uint64_t count, const PoolLimits& limits, PoolWork work);
  void Keep(const RunConfig& config, const Failure& failure);
  void Show(bool at_once);

  const ShrinkTask& task_;
  const CliWorld& world_;
  const Clock::time_point start_;
  const std::chrono::milliseconds deadline_;
  const std::chrono::milliseconds search_until_;  // then what is left of faults is looked at
  const std::chrono::milliseconds look_until_;    // then the smallest run
  std::chrono::milliseconds candidate_limit_;     // of one run
  std::optional<Fingerprint> wanted_;
  ShrinkProgress progress_;
  bool sized_ = false;  // the progress has a size
  std::optional<std::chrono::milliseconds> shown_;
  std::chrono::milliseconds keep_next_{0};
  std::uint64_t runs_ = 0;
};

// Of a trace: its end, as it stands in a story.
std::string LastLinesOf(const std::string& trace);

}  // namespace quorate::sim
