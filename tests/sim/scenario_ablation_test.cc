// What a run leaves out on demand, and that nothing else changes with it.
#include "sim/scenario/ablation.h"

#include <gtest/gtest.h>

#include "sim/world/marks.h"
#include "sim/world/run.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

const char* const kStormy = R"({"format":1,"about":"Everything breaks.","time":{"horizon":"4s"},
  "cluster":{"nodes":3,"options":{"heartbeat":"40ms","snapshot_every":{"swarm":[5,50]},"max_sessions":2}},
  "clocks":{"wall_offset":{"swarm":["-1s","1s"]},"drift":{"swarm":["1ppm","200ppm"]},
    "step":{"rate":"0.5/s"},"freeze":{"mtbf":"2s"}},
  "network":{"latency":{"dist":"exp","mean":"2ms","max":"100ms"},"loss":{"swarm":[0.01,0.1]},"duplicate":0.05,
    "partition":{"mtbf":"1s","one_way":0.5},"clog":{"mtbf":"2s","for":["10ms","50ms"]}},
  "disk":{"crash_unsynced":"lose-all","sync_error":0.001,"stall":{"mtbf":"3s"}},
  "process":{"crash":{"mtbf":"1s","mid_turn":0.25},"restart":{"after":["10ms","500ms"]}},
  "workload":{"clients":3,"rate":"60/s","keys":5}})";

Scenario ScenarioOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

Ablation WithoutFaults(std::string_view list) {
  const absl::StatusOr<std::vector<std::string>> paths = ReadWithout(list);
  EXPECT_TRUE(paths.ok()) << paths.status();
  return {.ignored = {}, .without = *paths};
}

RunConfig DrawWithout(std::string_view list, std::uint64_t seed = 1) {
  Scenario scenario = ScenarioOf(kStormy);
  const absl::Status status = Ablate(WithoutFaults(list), scenario);
  EXPECT_TRUE(status.ok()) << status;
  return Draw(scenario, seed);
}

std::string ErrorOf(const absl::Status& status) { return std::string(status.message()); }

TEST(Ablation, AFaultThatIsLeftOutIsOffInEveryRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunConfig config = DrawWithout("network.loss,disk.crash_unsynced", seed);
    EXPECT_TRUE(config.network.loss_parts.AlwaysZero());
    EXPECT_TRUE(config.disk.crash_unsynced.AlwaysZero());  // keep
  }
}

TEST(Ablation, EveryOtherChoiceStaysAsItWas) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunConfig all = Draw(ScenarioOf(kStormy), seed);
    const RunConfig less = DrawWithout("network.loss,network.partition", seed);
    const std::uint64_t node = NodeKey(NodeId(2));
    EXPECT_EQ(less.clocks.drift_ppm.At(node), all.clocks.drift_ppm.At(node));
    EXPECT_EQ(less.cluster.options.snapshot_every, all.cluster.options.snapshot_every);
    EXPECT_EQ(less.cluster.options.seed, all.cluster.options.seed);
    EXPECT_FALSE(less.process.crash_mtbf_ns.AlwaysZero());
  }
}

TEST(Ablation, AGroupWithAGateIsLeftOutByItsGateAlone) {
  const RunConfig config = DrawWithout("process.crash,network.partition");
  EXPECT_TRUE(config.process.crash_mtbf_ns.AlwaysZero());
  EXPECT_EQ(config.process.crash_mid_turn_parts.At(NodeKey(NodeId(1))), kWhole / 4);
  EXPECT_EQ(config.network.partition.mtbf_ns, 0);
  EXPECT_EQ(config.network.partition.one_way_parts, kWhole / 2);
  EXPECT_GT(config.network.partition.leader, 0);
}

TEST(Ablation, AGroupWithoutAGateIsLeftOutWithAllThatIsInIt) {
  const RunConfig clocks = DrawWithout("clocks");
  EXPECT_TRUE(clocks.clocks.wall_offset_ns.AlwaysZero());
  EXPECT_TRUE(clocks.clocks.drift_ppm.AlwaysZero());
  EXPECT_TRUE(clocks.clocks.step_rate.AlwaysZero());
  EXPECT_TRUE(clocks.clocks.freeze.mtbf_ns.AlwaysZero());
  const RunConfig network = DrawWithout("network");
  EXPECT_TRUE(network.network.duplicate_parts.AlwaysZero());
  EXPECT_TRUE(network.network.clog.mtbf_ns.AlwaysZero());
  EXPECT_EQ(network.network.partition.mtbf_ns, 0);
  EXPECT_GT(network.network.latency_ns.Highest(), 0) << "how long things take is no fault";
}

TEST(Ablation, LimitsGoBackToTheDefaultsAndTimingStays) {
  const RunConfig config = DrawWithout("cluster.options");
  EXPECT_EQ(config.cluster.options.snapshot_every, Options{}.snapshot_every);
  EXPECT_EQ(config.cluster.options.kv.max_sessions, KvLimits{}.max_sessions);
  EXPECT_EQ(config.cluster.options.heartbeat.ns, 40'000'000);
}

TEST(Ablation, AKindOfOperationIsLeftOutAndTheLastOneIsNot) {
  EXPECT_EQ(DrawWithout("workload.ops.transfer").workload.transfer, 0);
  EXPECT_GT(DrawWithout("workload.ops.transfer").workload.put, 0);
  Scenario only =
      ScenarioOf(R"({"format":1,"about":"Only transfers.","workload":{"ops":{"transfer":1}}})");
  EXPECT_EQ(ErrorOf(Ablate(WithoutFaults("workload.ops.transfer"), only)),
            "test.json: workload.ops: all shares may be 0");
}

TEST(Ablation, WhatIsNoFaultIsRefusedWithTheNearestThatIsOne) {
  EXPECT_EQ(ErrorOf(ReadWithout("network.los").status()),
            "\"network.los\" is no fault of a scenario; \"network.loss\" is one");
  EXPECT_EQ(ErrorOf(ReadWithout("network.loss,proces").status()),
            "\"proces\" is no fault of a scenario; \"process\" is one");
  for (const char* wrong : {"", ",", "network.loss,", "cluster.nodes", "time", "workload.clients",
                            "network.latency", "cluster.options.heartbeat", "network.clog.for",
                            "checks.codec", "process.image_every", "schedule"}) {
    EXPECT_FALSE(ReadWithout(wrong).ok()) << wrong;
  }
}

TEST(Ablation, ACheckThatIsNoneIsRefusedWithTheNearestThatIsOne) {
  EXPECT_EQ(ErrorOf(ReadIgnored("LIVE1").status()), "\"LIVE1\" is no check; \"LIVE-1\" is one");
  for (const char* wrong : {"", "I-1,", "I-1 ,I-2", "CRASH", "TIME", "DETERMINISM"}) {
    EXPECT_FALSE(ReadIgnored(wrong).ok()) << wrong;
  }
  const CheckSet checks = *ReadIgnored("I-1,LIVE-2");
  EXPECT_EQ(checks.count(), 2u);
  EXPECT_TRUE(checks.test(static_cast<std::size_t>(Check::kAnswerInTime)));
}

TEST(Ablation, TheOptionsSayTheSameAgain) {
  const Ablation ablation{.ignored = *ReadIgnored("LIVE-2,I-1"),
                          .without = *ReadWithout("process.crash,clocks")};
  EXPECT_EQ(OptionsOf(ablation), (std::vector<std::string>{"--ignore-check", "I-1,LIVE-2",
                                                           "--without", "process.crash,clocks"}));
  EXPECT_TRUE(OptionsOf({}).empty());
}

// ---- in a run ------------------------------------------------------------------------------------------

RunResult RunWithout(const std::string& text, const Ablation& ablation) {
  Scenario scenario = ScenarioOf(text);
  const absl::Status status = Ablate(ablation, scenario);
  EXPECT_TRUE(status.ok()) << status;
  return RunOnce(scenario, Draw(scenario, 3), 3, {});
}

TEST(Ablation, NothingOfALeftOutFaultIsInjected) {
  const RunResult all = RunWithout(kStormy, {});
  const RunResult less = RunWithout(kStormy, WithoutFaults("process.crash,network.duplicate"));
  for (const char* name : {"process.crash", "network.duplicate"}) {
    EXPECT_TRUE(all.injected.contains(name) && all.injected.at(name) > 0) << name;
    EXPECT_TRUE(!less.injected.contains(name) || less.injected.at(name) == 0) << name;
  }
}

const char* const kCalm = R"({"format":1,"about":"Nothing goes wrong.","time":{"horizon":"2s"},
  "cluster":{"nodes":3},"workload":{"clients":2,"rate":"20/s"}})";

// As if a limit was broken at every event.
std::uint64_t EventsWithABrokenLimit(const Ablation& ablation, std::uint64_t& passed_over) {
  Scenario scenario = ScenarioOf(kCalm);
  EXPECT_TRUE(Ablate(ablation, scenario).ok());
  const RunConfig config = Draw(scenario, 1);
  World world(config, 1, {});
  const RunGuard guard(world.shared().marks);
  world.RunUntil([&] { world.shared().verdicts.Report(Check::kLimits, "broken"); });
  EXPECT_EQ(world.shared().verdicts.found(), ablation.ignored.none());
  passed_over = world.shared().verdicts.passed_over().of(Check::kLimits);
  return world.shared().events;
}

TEST(Ablation, ALeftOutCheckCountsItsViolationsAndEndsNothing) {
  std::uint64_t passed_over = 0;
  EXPECT_EQ(EventsWithABrokenLimit({}, passed_over), 1u);
  EXPECT_EQ(passed_over, 0u);
  const Ablation ablation{.ignored = *ReadIgnored("I-82"), .without = {}};
  EXPECT_GT(EventsWithABrokenLimit(ablation, passed_over), 500u);
  EXPECT_GT(passed_over, 500u);
}

TEST(Ablation, ALeftOutCheckIsStillMadeAndItsTextIsNotPutTogether) {
  Verdicts verdicts;
  verdicts.Ignore(*ReadIgnored("I-7"));
  EXPECT_FALSE(verdicts.Expect(Check::kStateMachineSafety, false, []() -> std::string {
    ADD_FAILURE() << "nobody reads it";
    return "";
  }));
  EXPECT_EQ(verdicts.counts().of(Check::kStateMachineSafety), 1u);
  EXPECT_EQ(verdicts.passed_over().of(Check::kStateMachineSafety), 1u);
  EXPECT_FALSE(verdicts.found());
  EXPECT_FALSE(verdicts.Expect(Check::kMonotone, false, [] { return std::string("back"); }));
  EXPECT_EQ(verdicts.first()->id, "I-8");
}

TEST(Ablation, AnAssertionThatIsPassedOverEndsItsRunAndFailsNothing) {
  Scenario scenario = ScenarioOf(kCalm);
  scenario.ignored = *ReadIgnored("ASSERT");
  RunConfig config = Draw(scenario, 1);
  // The engine requires options that make sense.
  config.cluster.options.heartbeat = config.cluster.options.election_timeout_max;
  const RunResult result = RunOnce(scenario, config, 1, {});
  EXPECT_EQ(result.verdict, Verdict::kPass);
  EXPECT_EQ(result.ignored, (Counters{{"ASSERT", 1}}));
}

}  // namespace
}  // namespace quorate::sim
