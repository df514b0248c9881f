// What a schedule orders: each fault ends by its own end, strikes whom it names or nobody, and leaves a run that is
// judged for what is still broken.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMs = 1'000'000;

Scenario Ordered(const std::string& schedule, const std::string& more = "") {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      R"({"format":1,"about":"Test.","time":{"horizon":"8s"},"cluster":{"nodes":3},)" + more +
          R"("workload":{"clients":2,"rate":"30/s"},"schedule":[)" + schedule + "]}",
      "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

RunResult RunOf(const Scenario& scenario, std::uint64_t seed = 1) {
  return RunOnce(scenario, Draw(scenario, seed), seed, {});
}
std::uint64_t CountOf(const Counters& counters, const std::string& name) {
  const auto at = counters.find(name);
  return at == counters.end() ? 0 : at->second;
}
std::string FoundBy(const RunResult& result) {
  return result.violation ? result.violation->id + ": " + result.violation->what : "nothing";
}

// Whether `holds` does, every 500ms of chaos: "-##--".
std::string Watched(const std::string& schedule,
                    const std::function<bool(Machine&, Shared&)>& holds, int halves) {
  const RunConfig config = Draw(Ordered(schedule), 1);
  World world(config, 1, RunSettings{});
  const RunGuard guard(world.shared().marks);
  std::string seen;
  world.RunUntil([&] {
    const std::int64_t due = (static_cast<std::int64_t>(seen.size()) * 500 + 250) * kMs;
    if (world.shared().now() < due || static_cast<int>(seen.size()) == halves) return;
    seen += holds(*world.machines()[0], world.shared()) ? '#' : '-';
  });
  EXPECT_FALSE(world.shared().verdicts.found()) << world.shared().verdicts.first()->what;
  return seen;
}

// ---- several at once -------------------------------------------------------------------------------------

// From 1s to 4s, and within it from 2s to 3s.
std::string Nested(const std::string& action) {
  return R"({"at":"1s","do":")" + action + R"(","node":1,"for":"3s"},{"at":"2s","do":")" + action +
         R"(","node":1,"for":"1s"})";
}
// From 1s to 3s, and from 2s to 4s.
std::string Chained(const std::string& action) {
  return R"({"at":"1s","do":")" + action + R"(","node":1,"for":"2s"},{"at":"2s","do":")" + action +
         R"(","node":1,"for":"2s"})";
}

TEST(OverlappingFaults, ANodeIsPausedUntilTheLastPauseEnds) {
  const auto paused = [](Machine& machine, Shared&) { return machine.paused(); };
  EXPECT_EQ(Watched(Nested("pause"), paused, 10), "--######--");
  EXPECT_EQ(Watched(Chained("pause"), paused, 10), "--######--");
}

TEST(OverlappingFaults, ADiskIsFullUntilTheLastFillingEnds) {
  const auto full = [](Machine& machine, Shared&) { return machine.disk().full; };
  EXPECT_EQ(Watched(Nested("disk_full"), full, 10), "--######--");
  EXPECT_EQ(Watched(Chained("disk_full"), full, 10), "--######--");
}

TEST(OverlappingFaults, AClockStandsUntilTheLastFreezeEnds) {
  const auto frozen = [](Machine& machine, Shared&) { return machine.clock().frozen(); };
  EXPECT_EQ(Watched(Nested("clock_freeze"), frozen, 10), "--######--");
  EXPECT_EQ(Watched(Chained("clock_freeze"), frozen, 10), "--######--");
}

TEST(OverlappingFaults, ADiskIsAsSlowAsTheSlowestThatIsNotOver) {
  const auto factor_is = [](std::int64_t factor) {
    return [factor](Machine& machine, Shared&) { return machine.disk().SlowFactor() == factor; };
  };
  const std::string slow =
      R"({"at":"1s","do":"disk_slow","node":1,"factor":5,"for":"3s"},
         {"at":"2s","do":"disk_slow","node":1,"factor":3,"for":"500ms"},
         {"at":"3s","do":"disk_slow","node":1,"factor":9,"for":"500ms"})";
  EXPECT_EQ(Watched(slow, factor_is(5), 10), "--####-#--");
  EXPECT_EQ(Watched(slow, factor_is(9), 10), "------#---");
}

TEST(OverlappingFaults, ADiskLiesUntilTheLastOrderEnds) {
  const auto lies = [](Machine& machine, Shared& shared) {
    return machine.disk().lies_until > shared.now();
  };
  const std::string lie = R"("budget":{"over_budget":true},)";
  const Scenario scenario = Ordered(Nested("lying_sync"), lie);
  const RunConfig config = Draw(scenario, 1);
  World world(config, 1, RunSettings{});
  const RunGuard guard(world.shared().marks);
  bool lied_late = false;
  world.RunUntil([&] {
    const std::int64_t now = world.shared().now();
    if (now > 3'200 * kMs && now < 3'800 * kMs)
      lied_late = lied_late || lies(*world.machines()[0], world.shared());
  });
  EXPECT_TRUE(lied_late);
}

// The first pause died with its process: its end is none of the second one's.
TEST(OverlappingFaults, APauseThatACrashEndedEndsNoOther) {
  const auto paused = [](Machine& machine, Shared&) { return machine.paused(); };
  EXPECT_EQ(Watched(R"({"at":"1s","do":"pause","node":1,"for":"3s"},
                       {"at":"2s","do":"crash","node":1,"for":"500ms"},
                       {"at":"3s","do":"pause","node":1,"for":"2s"})",
                    paused, 11),
            "--##--####-");
}

// ---- what was ordered to fail ----------------------------------------------------------------------------

class OrderedFailure : public testing::TestWithParam<const char*> {};

TEST_P(OrderedFailure, IsAReasonToStopHoweverManyLivesLater) {
  const std::string fails = std::string(R"("do":")") + GetParam() + R"(","node":2})";
  for (const std::string& schedule :
       {R"({"at":"2s",)" + fails + R"(,{"at":"2s","do":"crash","node":2,"for":"100ms"})",
        R"({"at":"2s","do":"crash","node":2,"for":"1s"},{"at":"2500ms",)" + fails}) {
    const RunResult result = RunOf(Ordered(schedule));
    EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
    EXPECT_GT(CountOf(result.checked, "BOOT-2"), 0u) << "it did stop";
  }
}

INSTANTIATE_TEST_SUITE_P(All, OrderedFailure,
                         testing::Values("write_error", "map_error", "sync_error"),
                         [](const auto& one) { return std::string(one.param); });

// ---- damage that is gone ---------------------------------------------------------------------------------

constexpr const char* kCompacts =
    R"("cluster":{"nodes":3,"options":{"snapshot_every":5,"log_keep":0}},)";

Scenario Compacting(const std::string& schedule) {
  const absl::StatusOr<Scenario> scenario =
      ParseScenario(std::string(R"({"format":1,"about":"Test.",)") + kCompacts +
                        R"("workload":{"rate":"50/s"},"schedule":[)" + schedule + "]}",
                    "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

TEST(Damage, ThatWasCompactedAwayExcusesNobody) {
  const Scenario scenario = Compacting(
      R"({"at":"3s","do":"corrupt","node":1,"store":"log"},{"at":"3s","do":"corrupt","node":2,"store":"log"})");
  std::uint64_t gone = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    const RunGuard guard(world.shared().marks);
    std::size_t spoiled = 2;
    world.RunUntil([&] {
      if (world.shared().now() > config.time.horizon_ns) return;
      spoiled = 0;
      for (const auto& machine : world.machines()) spoiled += machine->whole() ? 0u : 1u;
    });
    EXPECT_FALSE(world.shared().verdicts.found()) << world.shared().verdicts.first()->what;
    EXPECT_EQ(CountOf(world.Injected(), "disk.corrupt_row"), 2u);
    EXPECT_EQ(world.phases().excuse().has_value(), spoiled >= 2) << "seed " << seed;
    gone += spoiled == 0 ? 1 : 0;
  }
  EXPECT_GT(gone, 0u);
}

// Which row is spoiled is the seed's choice; of the catalogue's log nothing is compacted here.
TEST(Damage, IsMendedByTheNextStartIfItWasCompactedAwayAndOnlyThen) {
  const Scenario scenario = Compacting(
      R"({"at":"3s","do":"corrupt","node":1,"store":"log"},{"at":"5s","do":"crash","node":1,"for":"100ms"})");
  std::size_t mended = 0;
  std::size_t stayed = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    const RunGuard guard(world.shared().marks);
    bool was_damaged = false;
    bool was_whole = false;
    std::optional<bool> is_damaged;
    world.RunUntil([&] {
      const bool damaged = world.shared().budget.Is(0, Hurt::kDamaged);
      const std::int64_t now = world.shared().now();
      if (now > 4'900 * kMs && now < 5'000 * kMs) {
        was_damaged = damaged;
        was_whole = world.machines()[0]->whole();
      }
      if (now > 5'200 * kMs && !is_damaged) is_damaged = damaged;
    });
    EXPECT_FALSE(world.shared().verdicts.found());
    EXPECT_TRUE(was_damaged) << "it counts until a process has found its stores whole";
    EXPECT_EQ(is_damaged, !was_whole) << "seed " << seed;
    const std::vector<Damage>& damage = world.shared().damage;
    EXPECT_EQ(std::any_of(damage.begin(), damage.end(),
                          [](const Damage& one) { return one.fault == kMended; }),
              was_whole);
    ++(was_whole ? mended : stayed);
  }
  EXPECT_GT(mended, 0u);
  EXPECT_GT(stayed, 0u);
}

TEST(Damage, ThatIsStillThereExcusesAsBefore) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      R"({"format":1,"about":"Test.","cluster":{"nodes":3,"options":{"snapshot_every":1000}},
          "workload":{"rate":"50/s"},"schedule":[
          {"at":"3s","do":"corrupt","node":1,"store":"log"},{"at":"3s","do":"corrupt","node":2,"store":"log"}]})",
      "test.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const RunResult result = RunOf(*scenario);
  EXPECT_EQ(result.verdict, Verdict::kExcused) << FoundBy(result);
}

// ---- who is struck ---------------------------------------------------------------------------------------

TEST(ScheduledPartition, OfALeaderFromAllOthersMarksItAlone) {
  const auto marks = [](const std::string& schedule) {
    return RunOf(Ordered(schedule)).marks.contains("partition.leader");
  };
  EXPECT_TRUE(marks(R"({"at":"2s","do":"partition","groups":[[1],[2,3]],"for":"1s"},
                       {"at":"4s","do":"partition","groups":[[2],[1,3]],"for":"1s"},
                       {"at":"6s","do":"partition","groups":[[3],[1,2]],"for":"1s"})"));
  EXPECT_FALSE(marks(R"({"at":"4s","do":"partition","groups":[[1],[2],[3]],"for":"1s"})"))
      << "everybody is alone";
}

// At 1ms nobody leads.
TEST(Scheduled, WhatFindsNobodyIsNeitherCountedNorOpen) {
  const std::string at = R"({"at":"1ms","node":"$leader","do":)";
  const RunResult result = RunOf(Ordered(
      at + R"("crash","for":"300ms"},)" + at + R"("isolate"},)" + at + R"("pause"},)" + at +
      R"("disk_full"},)" + at + R"("clock_step","by":"1s"},)" + at +
      R"("put","key":"a","value":"b"},{"at":"1ms","do":"heal"},{"at":"1ms","do":"restart","node":1})"));
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  for (const auto& [name, count] : result.injected)
    EXPECT_FALSE(name.starts_with("scheduled.") && count > 0) << name;
  EXPECT_TRUE(result.injected.contains("scheduled.crash")) << "it is listed, with 0";
}

TEST(Scheduled, WhatFindsItsNodeIsCounted) {
  const std::string at = R"({"at":"3s","node":"$leader","do":)";
  const RunResult result =
      RunOf(Ordered(at + R"("isolate","for":"100ms"},)" + at + R"("clock_step","by":"1s"},)" + at +
                    R"("put","key":"a","value":"b"},{"at":"3050ms","do":"heal"})"));
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  for (const char* name : {"isolate", "clock_step", "put", "heal"})
    EXPECT_EQ(CountOf(result.injected, std::string("scheduled.") + name), 1u) << name;
}

}  // namespace
}  // namespace quorate::sim
