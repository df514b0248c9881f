// Clocks within their bound: what a scenario orders beyond it is refused; what is drawn stays within it for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "sim/scenario/scenario.h"
#include "sim/scenario/script_text.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

std::string With(const std::string& more) {
  return R"({"format":1,"about":"Test.","time":{"horizon":"10s"},"cluster":{"nodes":3},)" + more +
         "}";
}
std::string Refusal(const std::string& more) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(With(more), "x.json");
  return scenario.ok() ? "accepted" : std::string(scenario.status().message());
}
std::string Steps(const std::string& schedule) {
  return R"("budget":{"clock_bound":"500ms"},"schedule":[)" + schedule + "]";
}

TEST(ClockBound, RefusesAnOffsetOfWhichNothingFits) {
  const std::string bound = R"(,"budget":{"clock_bound":"100ms"})";
  EXPECT_EQ(
      Refusal(R"("clocks":{"wall_offset":"10s"})" + bound),
      "x.json: clocks.wall_offset: starts clocks \"10s\" from true time, and budget.clock_bound "
      "allows \"100ms\"");
  EXPECT_EQ(Refusal(R"("clocks":{"wall_offset":{"swarm":["-2s","-101ms"]}})" + bound),
            "x.json: clocks.wall_offset: starts clocks \"-101ms\" from true time, and "
            "budget.clock_bound allows \"100ms\"");
  EXPECT_EQ(Refusal(R"("clocks":{"wall_offset":{"swarm":["-1s","1s"]}})" + bound), "accepted");
  EXPECT_EQ(Refusal(R"("clocks":{"wall_offset":"10s"})"), "accepted") << "no bound";
}

TEST(ClockBound, RefusesADriftThatLeavesItBeforeTheEnd) {
  EXPECT_EQ(Refusal(R"("clocks":{"drift":"50001ppm"},"budget":{"clock_bound":"enforce"})"),
            "x.json: clocks.drift: ends with clocks \"500010us\" from true time, and "
            "budget.clock_bound allows \"500ms\"");
  EXPECT_EQ(Refusal(R"("clocks":{"drift":"50000ppm"},"budget":{"clock_bound":"enforce"})"),
            "accepted");
  EXPECT_EQ(
      Refusal(
          R"("clocks":{"drift":"50000ppm","wall_offset":"1ms"},"budget":{"clock_bound":"enforce"})"),
      "x.json: clocks.drift: ends with clocks \"501ms\" from true time, and budget.clock_bound "
      "allows "
      "\"500ms\"");
  EXPECT_EQ(Refusal(R"("clocks":{"drift":{"swarm":["-90000ppm","90000ppm"]}},
                       "budget":{"clock_bound":"enforce"})"),
            "accepted");
}

TEST(ClockBound, RefusesAnOrderedStepBeyondIt) {
  EXPECT_EQ(Refusal(Steps(R"({"at":"1s","do":"clock_step","node":1,"by":"1h"})")),
            "x.json: schedule[0].by: leaves a clock \"1h\" from true time, and budget.clock_bound "
            "allows \"500ms\"");
  // Steps of one node add up; those of another, or there and back, do not.
  EXPECT_EQ(Refusal(Steps(R"({"at":"2s","do":"clock_step","node":1,"by":"-300ms"},
                             {"at":"1s","do":"clock_step","node":1,"by":"-300ms"})")),
            "x.json: schedule[0].by: leaves a clock \"-600ms\" from true time, and "
            "budget.clock_bound allows \"500ms\"");
  EXPECT_EQ(Refusal(Steps(R"({"at":"1s","do":"clock_step","node":1,"by":"-300ms"},
                             {"at":"2s","do":"clock_step","node":2,"by":"-300ms"},
                             {"at":"3s","do":"clock_step","node":1,"by":"600ms"})")),
            "accepted");
  EXPECT_EQ(
      Refusal(Steps(R"({"on":{"mark":"partition.leader"},"do":"clock_step",
                              "node":"$leader","by":"501ms"})")),
      "x.json: schedule[0].by: leaves a clock \"501ms\" from true time, and budget.clock_bound "
      "allows \"500ms\"");
  EXPECT_EQ(Refusal(R"("schedule":[{"at":"1s","do":"clock_step","node":1,"by":"1h"}])"),
            "accepted");
  EXPECT_EQ(Refusal(R"("budget":{"clock_bound":{"one_of":["none","500ms"]}},
                       "schedule":[{"at":"1s","do":"clock_step","node":1,"by":"1h"}])"),
            "accepted")
      << "there may be no bound";
}

TEST(ClockBound, RefusesAnOrderedStandstillThatIsTooLong) {
  EXPECT_EQ(Refusal(Steps(R"({"at":"1s","do":"clock_freeze","node":1,"for":"501ms"})")),
            "x.json: schedule[0].for: leaves a clock \"-501ms\" from true time, and "
            "budget.clock_bound allows \"500ms\"");
  EXPECT_EQ(Refusal(Steps(R"({"at":"1s","do":"clock_freeze","node":1})")),
            "x.json: schedule[0].for: is missing: the clock would stand for ever, and "
            "budget.clock_bound allows \"500ms\"");
  EXPECT_EQ(Refusal(Steps(R"({"at":"1s","do":"clock_step","node":1,"by":"200ms"},
                             {"at":"2s","do":"clock_freeze","node":1,"for":"700ms"})")),
            "accepted");
}

// ---- in runs -----------------------------------------------------------------------------------------------

std::int64_t WorstOf(const RunConfig& config, std::uint64_t seed) {
  World world(config, seed, RunSettings{});
  const RunGuard guard(world.shared().marks);
  std::int64_t worst = 0;
  world.RunUntil([&] {
    for (const auto& machine : world.machines())
      worst = std::max(worst, std::abs(machine->clock().WallError(world.shared().now())));
  });
  EXPECT_FALSE(world.shared().verdicts.found());
  return worst;
}

// Offsets and drifts that are drawn too wide, steps and freezes by chance and by order, until the very end.
TEST(ClockBound, HoldsForWhateverIsDrawnAndOrdered) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      With(
          R"("clocks":{"wall_offset":{"swarm":["-2s","2s"]},"drift":{"swarm":["-100000ppm","100000ppm"]},
          "step":{"rate":"1/s","size":["-900ms","900ms"]},"freeze":{"mtbf":"2s","for":["50ms","3s"]}},
          "budget":{"clock_bound":"500ms"},"workload":{"clients":1,"rate":"5/s"},
          "schedule":[{"at":"1s","do":"clock_step","node":1,"by":"400ms"},
                      {"at":"2s","do":"clock_step","node":"$leader","by":"-400ms"},
                      {"at":"2s","do":"clock_freeze","node":2,"for":"500ms"}])"),
      "x.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  std::int64_t worst = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    worst = std::max(worst, WorstOf(Draw(*scenario, seed), seed));
  EXPECT_EQ(worst, 500 * kMs);
}

// Without its bound a replay would show other times.
TEST(ClockBound, StandsInResolvedScenarios) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      With(
          R"("clocks":{"wall_offset":{"swarm":["-2s","2s"]},"drift":{"swarm":["-9000ppm","9000ppm"]}},
              "budget":{"clock_bound":"200ms"},"workload":{"clients":1,"rate":"5/s"})"),
      "x.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  RunSettings settings;
  settings.resolve = true;
  const RunResult result = RunOnce(*scenario, Draw(*scenario, 1), 1, settings);
  ASSERT_TRUE(result.resolved.has_value());
  const absl::StatusOr<Scenario> again =
      ParseScenario(WriteResolved("x", "Test.", *result.resolved), "x.json");
  ASSERT_TRUE(again.ok()) << again.status();
  const RunConfig config = Draw(*again, 1);
  EXPECT_TRUE(config.budget.enforce_clock_bound);
  EXPECT_EQ(config.budget.clock_bound_ns, 200 * kMs);
  EXPECT_EQ(WorstOf(config, 1), 200 * kMs);
}

// ---- one clock ---------------------------------------------------------------------------------------------

TEST(BoundedClock, RunsAtTheRateOfTrueTimeOnceItIsAtItsLimit) {
  const SimClock clock(0, 0, 100'000, ClockBudget(500 * kMs));
  EXPECT_EQ(clock.WallError(kSecond), 100 * kMs);
  EXPECT_EQ(clock.WallError(5 * kSecond), 500 * kMs);
  EXPECT_EQ(clock.WallError(60 * kSecond), 500 * kMs);
}

TEST(BoundedClock, IsSteppedAsFarAsItMay) {
  SimClock clock(400 * kMs, 0, 0, ClockBudget(500 * kMs));
  EXPECT_EQ(clock.StepWall(kSecond, 300 * kMs), 100 * kMs);
  EXPECT_EQ(clock.StepWall(kSecond, 300 * kMs), 0);
  EXPECT_EQ(clock.StepWall(kSecond, -300 * kMs), -300 * kMs) << "from where it is";
  EXPECT_EQ(clock.WallError(2 * kSecond), 200 * kMs);
}

TEST(BoundedClock, ThatDriftedToItsLimitIsSteppedFromThere) {
  SimClock clock(0, 0, 100'000, ClockBudget(500 * kMs));
  EXPECT_EQ(clock.StepWall(60 * kSecond, -200 * kMs), -200 * kMs);
  EXPECT_EQ(clock.WallError(60 * kSecond), 300 * kMs);
  EXPECT_EQ(clock.WallError(61 * kSecond), 400 * kMs);
}

TEST(BoundedClock, ThatStandsIsPulledAlongAtItsLimit) {
  SimClock clock(0, 0, 0, ClockBudget(500 * kMs));
  clock.FreezeWall(kSecond);
  EXPECT_EQ(clock.WallError(kSecond + 400 * kMs), -400 * kMs);
  EXPECT_EQ(clock.WallError(5 * kSecond), -500 * kMs);
  clock.ThawWall();
  EXPECT_EQ(clock.WallError(5 * kSecond), 0);
}

TEST(ClockBudget, LeavesAClockThatStandsWhatItMayFallBehind) {
  EXPECT_EQ(ClockBudget(500).MayStand(0), 500);
  EXPECT_EQ(ClockBudget(500).MayStand(-200), 300);
  EXPECT_EQ(ClockBudget(500).MayStand(900), 1000);
  EXPECT_EQ(ClockBudget(500).MayStand(-900), 0);
  EXPECT_FALSE(ClockBudget().limited());
  EXPECT_EQ(ClockBudget().Within(-3600 * kSecond), -3600 * kSecond);
}

}  // namespace
}  // namespace quorate::sim
