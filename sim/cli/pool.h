// sim/cli/pool.h — many simulations, over all cores, in processes of their own.
//
// Model: the parent hands numbers out to worker processes that it forked, one at a time, and takes
//   a record back. A worker that dies takes one run with it, is reported, and is replaced. Records
//   are delivered in the order of their numbers, so that nothing behind this file depends on how
//   many workers there are.
// Why processes: a crash or an assertion ends one run; memory stays with one thread; nothing is
//   shared.
// Limits: one run may take `run_limit` of real time, all of them `time_limit`.
// Errors: Unavailable if no process or pipe can be made.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "sim/cli/record.h"

namespace quorate::sim {

struct PoolLimits {
  std::uint64_t jobs = 1;                               // > 0
  std::chrono::milliseconds run_limit{600'000};         // > 0
  std::optional<std::chrono::milliseconds> time_limit;  // nullopt = none
  bool heeds_interrupts = true;                         // else who interrupts waits for all of it
};

struct Task {
  std::uint64_t number = 0;
  std::uint64_t file = 0;
  std::uint64_t seed = 0;
};

// Numbered from 0; made when its turn comes, so that there may be as many as one likes.
struct TaskList {
  std::uint64_t count = 0;
  std::function<Task(std::uint64_t place)> at;
};

enum class Continue : std::uint8_t { kYes, kNo };

struct PoolWork {
  // In a worker: does the task. What it fills in besides number, file and seed is the answer.
  std::function<RunRecord(const Task&)> run;
  // In the parent, in the order of the tasks. kNo: no more are wanted; those under way are stopped.
  std::function<Continue(const RunRecord&)> deliver;
  // In the parent, about once a second: how many are done.
  std::function<void(std::uint64_t done)> progress;
};

// Returns how many were delivered; fewer than all of them if `deliver` said so, time ran out, or somebody
// interrupted.
absl::StatusOr<std::uint64_t> RunAll(const TaskList& tasks, const PoolLimits& limits,
                                     const PoolWork& work);

}  // namespace quorate::sim
