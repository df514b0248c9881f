// The two clocks of a simulated machine.
#include <gtest/gtest.h>

#include "sim/world/sim_clock.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(SimClock, MonotonicNeverGoesBackWhateverIsDone) {
  SimClock clock(5 * kSecond, -400'000, 300);
  MonoTime before = clock.At(0).mono;
  std::int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += 1 + (step * 7919) % 5'000'000;
    if (step % 97 == 0) clock.StepWall(now, -3 * kSecond);
    if (step % 61 == 0) clock.SetDrift(now, step % 2 == 0 ? 499'999 : -499'999);
    if (step % 41 == 0) clock.FreezeWall(now);
    if (step % 83 == 0) clock.ThawWall();
    const MonoTime mono = clock.At(now).mono;
    ASSERT_GE(mono, before) << "at " << now;
    before = mono;
  }
}

TEST(SimClock, IsDueAtTheFirstInstantThatShowsTheTime) {
  for (const std::int64_t ppm : {-400'000, -200, 0, 1, 200, 400'000}) {
    SimClock clock(0, ppm);
    for (std::int64_t ahead : {1L, 2L, 999L, 1'000'003L, 150'000'001L, 7 * kSecond + 13}) {
      const std::int64_t now = 3 * kSecond + 17;
      const MonoTime wanted{clock.At(now).mono.ns + ahead};
      const std::int64_t due = clock.Due(wanted, now);
      EXPECT_GE(clock.At(due).mono, wanted);
      EXPECT_LT(clock.At(due - 1).mono, wanted) << ppm << " ppm, " << ahead << " ahead";
    }
  }
}

TEST(SimClock, WhatIsPastIsDueNow) {
  const SimClock clock(0, 100);
  EXPECT_EQ(clock.Due(MonoTime{0}, 5 * kSecond), 5 * kSecond);
}

TEST(SimClock, DriftMakesSpansLongerOrShorter) {
  const SimClock fast(0, 100'000);
  EXPECT_EQ(fast.At(10 * kSecond).mono.ns - fast.At(0).mono.ns, 11 * kSecond);
  const SimClock slow(0, -100'000);
  EXPECT_EQ(slow.At(10 * kSecond).mono.ns - slow.At(0).mono.ns, 9 * kSecond);
}

TEST(SimClock, WallStepsBackWhileMonotonicDoesNot) {
  SimClock clock;
  const Now before = clock.At(kSecond);
  clock.StepWall(kSecond, -2 * kSecond);
  const Now after = clock.At(kSecond);
  EXPECT_EQ(before.wall.ns - after.wall.ns, 2 * kSecond);
  EXPECT_EQ(before.mono, after.mono);
}

TEST(SimClock, FrozenWallStandsStillAndThenIsRightAgain) {
  SimClock clock;
  clock.FreezeWall(kSecond);
  EXPECT_EQ(clock.At(kSecond).wall, clock.At(9 * kSecond).wall);
  EXPECT_LT(clock.At(kSecond).mono, clock.At(9 * kSecond).mono);
  clock.ThawWall();
  EXPECT_EQ(clock.WallError(9 * kSecond), 0);
}

}  // namespace
}  // namespace quorate::sim
