// Quiet times: nothing begins by chance, nothing that came by chance goes on, and single frames and operations of disks
// go well; and a run that was written out is the same run, quiet times included.
#include "sim/world/quiet.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "sim/scenario/scenario.h"
#include "sim/world/liveness.h"
#include "sim/world/run.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Scenario ScenarioOf(std::string_view text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  return *scenario;
}

TimeConfig Windows() {
  TimeConfig time;
  time.warm_up_ns = 10;
  time.horizon_ns = 250;
  time.quiet_every_ns = 100;
  time.quiet_for_ns = 30;
  return time;
}

TEST(Quiet, TimesAreTheWarmUpAndTheWindowsBeforeTheHorizon) {
  const TimeConfig time = Windows();
  for (std::int64_t at = 0; at < 400; ++at) {
    const std::int64_t until = at < 10                 ? 10
                               : at >= 110 && at < 140 ? 140
                               : at >= 210 && at < 240 ? 240
                                                       : 0;
    EXPECT_EQ(QuietUntil(time, at), until) << at;
    EXPECT_EQ(IsQuiet(time, at), until != 0) << at;
  }
  EXPECT_FALSE(IsQuiet(TimeConfig(), 0));
}

TEST(Quiet, TheNextWindowBeginsLater) {
  const TimeConfig time = Windows();
  EXPECT_EQ(NextQuiet(time, 0), 110);
  EXPECT_EQ(NextQuiet(time, 109), 110);
  EXPECT_EQ(NextQuiet(time, 110), 210);
  EXPECT_EQ(NextQuiet(time, 209), 210);
  EXPECT_GT(NextQuiet(time, 210), 1'000'000);  // the third would begin behind the horizon
  TimeConfig none = Windows();
  none.quiet_every_ns = 0;
  EXPECT_GT(NextQuiet(none, 0), 1'000'000);
}

constexpr const char* kWild = R"({"format":1,"about":"All that chance can do, and quiet times.",
  "time":{"warm_up":"1s","horizon":"20s","quiet":{"every":"2s","for":"700ms"}},
  "cluster":{"nodes":5,"options":{"snapshot_every":20}},
  "clocks":{"step":{"rate":"1/s","size":["-1s","1s"]},"freeze":{"mtbf":"2s","for":"1s"}},
  "network":{"loss":0.2,"duplicate":0.2,"reorder":0.2,"corrupt":0.1,"tail":0.1,"client_loss":0.2,
    "clog":{"mtbf":"5s","for":"2s"},"disconnect":{"mtbf":"5s","for":"2s"},"swizzle":{"mtbf":"4s","for":"3s"},
    "partition":{"mtbf":"1s","mttr":"3s","one_way":0.3,"flap":0.3,"flap_every":"100ms"}},
  "disk":{"sync_error":0.02,"write_error":0.02,"map_error":0.02,"corrupt_row":0.02,
    "full":{"mtbf":"4s","for":"2s"},"stall":{"mtbf":"4s","for":"2s"},"slow":{"mtbf":"4s","for":"2s"}},
  "process":{"crash":{"mtbf":"3s"},"restart":{"after":"100ms"},"aimed_crash":1,"pause":{"mtbf":"4s","for":"2s"}}})";

// What happened by chance so far, wherever it is counted.
std::uint64_t Happened(World& world) {
  std::uint64_t sum = 0;
  // These are consequences of what was injected before, or nothing that goes wrong.
  static const std::set<std::string> kNotCounted = {
      "disk.self_flush", "network.cut", "process.crash_in_recovery", "process.crash_mid_turn"};
  for (const auto& [name, count] : world.Injected()) {
    if (!kNotCounted.contains(name)) sum += count;
  }
  return sum;
}

TEST(Quiet, NothingGoesWrongByChanceInQuietTimes) {
  const Scenario scenario = ScenarioOf(kWild);
  std::set<std::string> seen;
  std::uint64_t looks = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, {});
    const RunGuard guard(world.shared().marks);
    std::int64_t since = 0;
    std::uint64_t before = 0;
    Counters counts;
    world.RunUntil([&] {
      const std::int64_t now = world.shared().now();
      const std::int64_t until = QuietUntil(config.time, now);
      if (until == 0 || until != since) {
        since = until;
        before = Happened(world);
        counts = world.Injected();
        return;
      }
      if (Happened(world) != before) {
        for (const auto& [name, count] : world.Injected()) {
          EXPECT_EQ(count, counts[name]) << "seed " << seed << " at " << now << ": " << name;
        }
        before = Happened(world);
      }
      // Behind the events of its first moment.
      if (now == until - config.time.quiet_for_ns) return;
      ++looks;
      for (const std::unique_ptr<Machine>& machine : world.machines()) {
        EXPECT_FALSE(machine->paused());
        EXPECT_FALSE(machine->disk().full);
        EXPECT_LE(machine->disk().stalled_until, now);
        EXPECT_EQ(machine->disk().SlowFactor(), 1);
        EXPECT_FALSE(machine->clock().frozen());
      }
      for (Endpoint a = 0; a < 5; ++a) {
        for (Endpoint b = 0; b < 5; ++b) {
          if (a == b) continue;
          EXPECT_FALSE(world.wire().net().IsCut(a, b));
          EXPECT_FALSE(world.wire().net().IsClogged(a, b, now));
        }
      }
    });
    for (const auto& [name, count] : world.Injected()) {
      if (count > 0) seen.insert(name);
    }
  }
  EXPECT_GT(looks, 1'000u);
  for (const char* name :
       {"disk.sync_error", "disk.write_error", "disk.map_error", "disk.corrupt_row", "disk.full",
        "disk.stall", "disk.slow", "process.crash", "process.pause", "network.partition",
        "network.clog", "network.disconnect", "network.swizzle"}) {
    EXPECT_TRUE(seen.contains(name)) << name;
  }
}

TEST(Quiet, ARunWithQuietTimesIsTheSameWhenItIsWrittenOut) {
  const Scenario scenario = ScenarioOf(kWild);
  for (std::uint64_t seed = 21; seed <= 30; ++seed) {
    RunSettings settings;
    settings.resolve = true;
    const RunResult first = RunOnce(scenario, Draw(scenario, seed), seed, settings);
    ASSERT_TRUE(first.resolved.has_value());
    settings.resolve = false;
    const RunResult second = RunOnce(scenario, *first.resolved, 0, settings);
    EXPECT_EQ(first.digest.value, second.digest.value) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
}

// A window is of use for what is due in the calm only if that can come due in it.
TEST(Quiet, WindowsOfTheSuiteAreLongerThanASoundQuorumMayStandStill) {
  const char* const root = std::getenv("QUORATE_ROOT");
  const absl::StatusOr<Scenario> scenario =
      LoadScenario(std::string(root == nullptr ? "." : root) + "/scenarios/smoke/partitions.json");
  ASSERT_TRUE(scenario.ok());
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunConfig config = Draw(*scenario, seed);
    const SoundBounds bounds = SoundBoundsOf(config);
    EXPECT_GT(config.time.quiet_for_ns, bounds.span_ns + 2 * (bounds.span_ns / 32)) << seed;
    EXPECT_LT(config.time.quiet_for_ns, 5 * kSecond) << seed;  // and leaves time for the rest
  }
}

}  // namespace
}  // namespace quorate::sim
