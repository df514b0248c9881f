// Faults beyond what Raft bears: what is judged until a disk breaks its word, and what is after. And faults of disks
// that a schedule orders.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sim/check/over_budget.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/schedule.h"
#include "sim/scenario/script_text.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

Scenario ScenarioOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

std::string Text(const std::string& more) {
  return R"({"format":1,"about":"Test.","time":{"horizon":"5s"},
    "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":3,"rate":"60/s","keys":5},)" +
         more + "}";
}
RunResult RunOf(const std::string& more, std::uint64_t seed = 1) {
  const Scenario scenario = ScenarioOf(Text(more));
  return RunOnce(scenario, Draw(scenario, seed), seed, {});
}
std::uint64_t CountOf(const Counters& counters, const char* name) {
  const auto at = counters.find(name);
  return at == counters.end() ? 0 : at->second;
}
std::string FoundBy(const RunResult& result) {
  return result.violation ? result.violation->id + ": " + result.violation->what : "nothing";
}

// ---- which checks ----------------------------------------------------------------------------------------

TEST(OverBudget, WhatRestsOnDisksIsJudgedUntilOneBreaksItsWordAndTheRestAlways) {
  const RunConfig config = Draw(ScenarioOf(Text(R"("network":{})")), 1);
  const CheckSet owed = ChecksOwedByEachProcess();
  EXPECT_TRUE(owed.any());
  EXPECT_EQ(owed & ChecksThatRestOnDisks(), CheckSet());
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    Shared before(config, 1, RunSettings{});
    before.verdicts.Report(check, "planted");
    EXPECT_TRUE(before.verdicts.found()) << IdOf(check);
    Shared after(config, 1, RunSettings{});
    after.BreakPromise();
    after.verdicts.Report(check, "planted");
    EXPECT_EQ(after.verdicts.found(), owed.test(i)) << IdOf(check);
  }
}

TEST(OverBudget, WhatWasPassedOverBeforeStaysPassedOver) {
  RunConfig config = Draw(ScenarioOf(Text(R"("network":{})")), 1);
  config.checks.ignored.set(static_cast<std::size_t>(Check::kSpoiledFrame));
  Shared shared(config, 1, RunSettings{});
  shared.BreakPromise();
  shared.verdicts.Report(Check::kSpoiledFrame, "planted");
  EXPECT_FALSE(shared.verdicts.found());
}

// ---- what breaks a promise -------------------------------------------------------------------------------

TEST(OverBudget, AnOldImageBreaksThePromiseAndNothingElseIsHeldAgainstTheNodes) {
  const RunResult result = RunOf(R"("budget":{"over_budget":true},"schedule":[
    {"at":"1s","do":"image","node":1},{"at":"1s","do":"image","node":2},
    {"at":"3s","do":"old_image","node":1,"for":"100ms"},
    {"at":"3s","do":"old_image","node":2,"for":"100ms"}])");
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  EXPECT_EQ(CountOf(result.injected, "process.old_image"), 2u);
  EXPECT_EQ(CountOf(result.injected, "promise.broken"), 1u);
  EXPECT_GT(CountOf(result.checked, "SCAN-1"), 0u) << "what each node owes is looked at in the end";
}

TEST(OverBudget, WithoutAnImageThereIsNothingToPutBack) {
  const RunResult result = RunOf(R"("budget":{"over_budget":true},"schedule":[
    {"at":"3s","do":"old_image","node":1,"for":"100ms"}])");
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  EXPECT_EQ(CountOf(result.injected, "promise.broken"), 0u);
  EXPECT_GT(CountOf(result.checked, "LIVE-3"), 0u) << "the run is judged in full";
}

TEST(OverBudget, ASyncThatLiesBreaksThePromiseOnlyWithTheCrashThatTakesWhatItSaidItKept) {
  const char* const lies = R"("budget":{"over_budget":true},"disk":{"crash_unsynced":"lose-all"},
    "schedule":[{"at":"1s","do":"lying_sync","node":1,"for":"1s"})";
  const RunResult kept = RunOf(lies + std::string("]"));
  EXPECT_EQ(kept.verdict, Verdict::kPass) << FoundBy(kept);
  EXPECT_GT(CountOf(kept.injected, "disk.lying_sync"), 0u);
  EXPECT_EQ(CountOf(kept.injected, "promise.broken"), 0u);
  EXPECT_GT(CountOf(kept.checked, "LIVE-3"), 0u) << "the run is judged in full";

  // A later sync that does what it says has made it all good.
  const RunResult later =
      RunOf(lies + std::string(R"(,{"at":"3s","do":"crash","node":1,"for":"100ms"}])"));
  EXPECT_EQ(later.verdict, Verdict::kPass) << FoundBy(later);
  EXPECT_EQ(CountOf(later.injected, "promise.broken"), 0u);

  const RunResult lost =
      RunOf(lies + std::string(R"(,{"at":"1900ms","do":"crash","node":1,"for":"100ms"}])"));
  EXPECT_EQ(lost.verdict, Verdict::kPass) << FoundBy(lost);
  EXPECT_EQ(CountOf(lost.injected, "promise.broken"), 1u);
}

TEST(OverBudget, LostStoresOfAllNodesAreSeenAndExcusedWithACertificate) {
  const RunResult result = RunOf(R"("process":{"crash":{"mtbf":"300ms"},"wipe":1,
    "restart":{"after":"50ms"}},"budget":{"down":"all","wiped":"all","over_budget":true})");
  EXPECT_EQ(result.verdict, Verdict::kExcused) << FoundBy(result);
  ASSERT_TRUE(result.certificate.has_value());
  EXPECT_GE(result.certificate->lost.size(), 2u);
  EXPECT_EQ(CountOf(result.injected, "promise.broken"), 0u) << "whoever lost its log knows";
}

// ---- over many runs --------------------------------------------------------------------------------------

TEST(OverBudget, NoRunFailsAndEachTakesTheSameWayWithoutASeed) {
  const char* const root = std::getenv("QUORATE_ROOT");
  const absl::StatusOr<Scenario> scenario = LoadScenario(
      (std::filesystem::path(root == nullptr ? "." : root) / "scenarios/nightly/over_budget.json")
          .string());
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  std::uint64_t broken = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    RunSettings settings;
    settings.resolve = true;
    const RunResult first = RunOnce(*scenario, Draw(*scenario, seed), seed, settings);
    EXPECT_NE(first.verdict, Verdict::kFail) << "seed " << seed << " " << FoundBy(first);
    broken += CountOf(first.injected, "promise.broken");
    const std::string text = WriteResolved("written", "A run, resolved.", *first.resolved);
    const absl::StatusOr<Scenario> read = ParseScenario(text, "written.json");
    ASSERT_TRUE(read.ok()) << read.status().message();
    const RunResult second = RunOnce(*read, Draw(*read, 4711), 4711, {});
    EXPECT_EQ(first.digest.value, second.digest.value) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(NameOf(first.verdict), std::string(NameOf(second.verdict))) << "seed " << seed;
  }
  EXPECT_GT(broken, 10u);
}

// ---- ordered by a schedule -------------------------------------------------------------------------------

// How often node 1 was started.
std::uint64_t BootsOf(const std::string& schedule, bool* damaged = nullptr) {
  const Scenario scenario = ScenarioOf(Text("\"schedule\":[" + schedule + "]"));
  const RunConfig config = Draw(scenario, 1);
  World world(config, 1, RunSettings{});
  world.Run();
  EXPECT_FALSE(world.shared().verdicts.found()) << world.shared().verdicts.first()->what;
  if (damaged != nullptr) *damaged = world.shared().budget.Is(0, Hurt::kDamaged);
  return world.machines()[0]->boots();
}

TEST(Scheduled, AFailingWriteOfTheLogOrTheMapStopsTheNodeOnce) {
  EXPECT_EQ(BootsOf(R"({"at":"2s","do":"image","node":1})"), 1u);
  EXPECT_EQ(BootsOf(R"({"at":"2s","do":"write_error","node":1})"), 2u);
  EXPECT_EQ(BootsOf(R"({"at":"2s","do":"map_error","node":1})"), 2u);
}

TEST(Scheduled, ASpoiledRowDamagesTheNodeAndIsNeverServed) {
  for (const char* store : {"log", "map"}) {
    bool damaged = false;
    BootsOf(std::string(R"({"at":"2s","do":"corrupt","node":1,"store":")") + store +
                R"(","nth":3},{"at":"2500ms","do":"crash","node":1,"for":"100ms"})",
            &damaged);
    EXPECT_TRUE(damaged) << store;
  }
}

TEST(Scheduled, EveryFaultOfDisksIsReadAsItWasWritten) {
  const char* const lines[] = {
      R"({"at":"1s","do":"write_error","node":1})",
      R"({"at":"1s","do":"map_error","node":"$leader"})",
      R"({"at":"1s","do":"corrupt","node":2,"store":"log"})",
      R"({"at":"1s","do":"corrupt","node":2,"store":"map","nth":7})",
      R"({"at":"1s","do":"image","node":3})",
      R"({"at":"1s","do":"old_image","node":3,"for":"2s"})",
      R"({"at":"1s","do":"crash","node":3,"lose":"to_image","for":"2s"})",
      R"({"on":{"mark":"leader.changed","nth":1},"do":"lying_sync","node":3,"for":"2s"})"};
  const auto read = [](const std::string& line) {
    return ScenarioOf(Text(R"("budget":{"over_budget":true},"schedule":[)" + line + "]")).schedule;
  };
  for (const char* line : lines) {
    const std::vector<ScheduleEntry> entries = read(line);
    ASSERT_EQ(entries.size(), 1u) << line;
    EXPECT_EQ(read(WriteEntry(entries[0])), entries) << line;
  }
}

}  // namespace
}  // namespace quorate::sim
