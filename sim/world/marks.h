// sim/world/marks.h — states that a run has reached, by name, and the guard around one run.
//
// Model: the engine reports through the process-wide handlers of `engine/base/check.h`; which run of which
//   thread is meant is a matter of the thread. A failed assertion leaves the run as an exception that
//   nobody but `RunGuard`'s user sees: the engine itself throws nothing.
// Invariants: names are string literals, so counting goes by address first and by name only at the end.
// Threads: one run a thread at a time; `InstallRunHandlers` once, before any thread.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/check.h"

namespace quorate::sim {

class MarkCounter {
 public:
  void Reach(const char* name);
  std::uint64_t CountOf(const char* name) const;
  std::map<std::string, std::uint64_t> ByName() const;
  // Of all marks: what has not moved needs no second look.
  std::uint64_t total() const { return total_; }

 private:
  struct Cell {
    const char* name = nullptr;
    std::uint64_t count = 0;
  };
  static constexpr std::size_t kCells = 512;  // far more than there are marks
  std::array<Cell, kCells> cells_{};
  std::uint64_t total_ = 0;
};

// A failed assertion inside a run.
struct RunAborted {
  CheckFailure failure;
};

// Takes over the process's handlers; outside of a run they do what they did before. May be called again.
void InstallRunHandlers();

// While it lives, this thread's marks are counted in `marks` and its failed assertions thrown.
class RunGuard {
 public:
  explicit RunGuard(MarkCounter& marks);
  ~RunGuard();
  RunGuard(const RunGuard&) = delete;
  RunGuard& operator=(const RunGuard&) = delete;

 private:
  MarkCounter* before_;
};

}  // namespace quorate::sim
