// sim/world/sim_clock.h — one node's two clocks, as functions of virtual time.
//
// Model: the monotonic clock runs at its own rate and never goes back or stands still. The wall clock has a
//   rate of its own too and an offset that may jump either way, and it may freeze for a while. It is kept within
//   its budget as time services keep clocks: at the limit it runs on at the rate of true time.
// Invariants: mono(t) does not fall as t rises, whatever is done in between; mono(Due(m)) >= m; |WallError(t)| is
//   never above the budget's limit.
// Units: virtual nanoseconds; drift in parts per million, |drift| < 500'000. Errors: none.
#pragma once
#include <algorithm>
#include <cstdint>

#include "engine/base/check.h"
#include "engine/base/time.h"
#include "sim/world/budget.h"

namespace quorate::sim {

class SimClock {
 public:
  SimClock() = default;
  SimClock(std::int64_t wall_offset_ns, std::int64_t drift_ppm, std::int64_t wall_drift_ppm = 0,
           ClockBudget budget = {})
      : budget_(budget),
        drift_ppm_(drift_ppm),
        wall_drift_ppm_(wall_drift_ppm),
        offset_ns_(wall_offset_ns) {
    REQUIRE(drift_ppm > -500'000 && drift_ppm < 500'000);
  }

  Now At(std::int64_t virtual_ns) const {
    const std::int64_t mono = Mono(virtual_ns);
    const std::int64_t right = kEpochNs + virtual_ns;
    const std::int64_t error = frozen_ ? frozen_wall_ns_ - right : RunningError(virtual_ns);
    return Now{MonoTime{mono}, WallTime{right + budget_.Within(error)}};
  }
  // The first virtual time at which the monotonic clock shows `at` or more; at least `now`.
  std::int64_t Due(MonoTime at, std::int64_t now) const {
    if (at.ns <= Mono(now)) return now;
    const std::int64_t ahead = at.ns - mono_anchor_;
    const std::int64_t rate = kMillion + drift_ppm_;
    std::int64_t due =
        virtual_anchor_ + ahead / rate * kMillion + (ahead % rate * kMillion + rate - 1) / rate;
    due = std::max(due, now);
    while (Mono(due) < at.ns) ++due;  // parts are rounded: a step or two
    while (due > now && Mono(due - 1) >= at.ns) --due;
    return due;
  }

  // Rates change from `now` on; what the clock shows at `now` stays.
  void SetDrift(std::int64_t now, std::int64_t drift_ppm) {
    REQUIRE(drift_ppm > -500'000 && drift_ppm < 500'000);
    const std::int64_t mono = Mono(now);
    virtual_anchor_ = now;
    mono_anchor_ = mono;
    drift_ppm_ = drift_ppm;
  }
  // As far as the budget allows. Returns by how much it was.
  std::int64_t StepWall(std::int64_t now, std::int64_t by_ns) {
    const std::int64_t before = budget_.Within(RunningError(now));
    const std::int64_t after = budget_.Within(before + by_ns);
    offset_ns_ = after - Part(now, wall_drift_ppm_);
    if (frozen_) {
      const std::int64_t shown = WallError(now);
      frozen_wall_ns_ = kEpochNs + now + budget_.Within(shown + by_ns);
    }
    return after - before;
  }
  void FreezeWall(std::int64_t now) {
    frozen_wall_ns_ = At(now).wall.ns;
    frozen_ = true;
  }
  // The wall clock shows the right time again at once.
  void ThawWall() { frozen_ = false; }
  bool frozen() const { return frozen_; }
  const ClockBudget& budget() const { return budget_; }
  // How far the wall clock is from true time.
  std::int64_t WallError(std::int64_t virtual_ns) const {
    return At(virtual_ns).wall.ns - kEpochNs - virtual_ns;
  }
  std::int64_t drift_ppm() const { return drift_ppm_; }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;
  static constexpr std::int64_t kEpochNs = 1'700'000'000'000'000'000;  // a day in 2023

  std::int64_t Mono(std::int64_t virtual_ns) const {
    const std::int64_t since = virtual_ns - virtual_anchor_;
    return mono_anchor_ + since + Part(since, drift_ppm_);
  }
  // Of a clock that goes, before it is kept within its budget.
  std::int64_t RunningError(std::int64_t virtual_ns) const {
    return Part(virtual_ns, wall_drift_ppm_) + offset_ns_;
  }
  // `ns` * ppm / 1'000'000, without an intermediate that does not fit.
  static std::int64_t Part(std::int64_t ns, std::int64_t ppm) {
    return ns / kMillion * ppm + ns % kMillion * ppm / kMillion;
  }

  ClockBudget budget_;
  std::int64_t virtual_anchor_ = 0;
  std::int64_t mono_anchor_ = 1'000'000'000;  // machines are not born with the run
  std::int64_t drift_ppm_ = 0;
  std::int64_t wall_drift_ppm_ = 0;
  std::int64_t offset_ns_ = 0;
  bool frozen_ = false;
  std::int64_t frozen_wall_ns_ = 0;
};

}  // namespace quorate::sim
