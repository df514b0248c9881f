// The faults themselves: they come as often as the scenario says, at each node and link by its own measure, in the
// shapes that it names, and never more of them at once than the budget allows.
//
// Bounds: what is counted is n independent strikes, or renewals whose gaps vary no more than exponential ones: the
// variance of the count is at most its mean. A count may be five standard deviations off, and one for each process
// that was cut off at an end. Everything in integers; seeds are fixed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"
#include "sim/world/sim_disk.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

Scenario ScenarioOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

// Three idle nodes for two minutes, and one kind of fault; nothing is too much.
Scenario Idle(const std::string& faults, int nodes = 3) {
  return ScenarioOf(R"({"format":1,"about":"Test.","time":{"warm_up":"500ms","horizon":"120500ms"},
    "cluster":{"nodes":)" +
                    std::to_string(nodes) +
                    R"(,"zones":2},"budget":{"down":"all","over_budget":true},
    "workload":{"clients":0},)" +
                    faults + "}");
}
constexpr std::int64_t kSpan = 120 * kSecond;  // of chaos

RunConfig Recorded(const Scenario& scenario, std::uint64_t seed) {
  RunSettings settings;
  settings.resolve = true;
  RunResult result = RunOnce(scenario, Draw(scenario, seed), seed, settings);
  EXPECT_NE(result.verdict, Verdict::kFail) << result.violation->what;
  return *std::move(result.resolved);
}

// At most five standard deviations, and `ends`, from what is expected.
bool IsNear(std::int64_t count, std::int64_t expected, std::int64_t ends) {
  const std::int64_t off = std::max<std::int64_t>(std::abs(count - expected) - ends, 0);
  return off * off <= 25 * expected;
}

template <class A>
std::vector<ScheduleEntry> Of(const RunConfig& run) {
  std::vector<ScheduleEntry> found;
  for (const ScheduleEntry& entry : run.schedule) {
    if (std::holds_alternative<A>(entry.action)) found.push_back(entry);
  }
  return found;
}
std::int64_t AtOf(const ScheduleEntry& entry) { return std::get<AtTime>(entry.when).at_ns; }

// How often a fault came to each node of a run in which each has a mean time of its own.
template <class A>
void ExpectEachNodeAtItsOwnRate(const std::string& faults, PerEntity (*mtbf)(const RunConfig&),
                                std::int64_t lasts_ns) {
  const Scenario scenario = Idle(faults);
  std::set<std::int64_t> counts;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const RunConfig drawn = Draw(scenario, seed);
    const std::vector<ScheduleEntry> found = Of<A>(Recorded(scenario, seed));
    std::set<std::int64_t> times;
    for (std::uint32_t number = 1; number <= 3; ++number) {
      const NodeId node(number);
      const auto mine = [node](const ScheduleEntry& entry) {
        return std::get<A>(entry.action).node == NodeRef(node);
      };
      const std::int64_t count = std::count_if(found.begin(), found.end(), mine);
      const std::int64_t each = mtbf(drawn).At(NodeKey(node)) + lasts_ns;
      EXPECT_TRUE(IsNear(count, kSpan / each, 1))
          << count << " at n" << number << " of seed " << seed << ", expected " << kSpan / each;
      counts.insert(count);
    }
    for (const ScheduleEntry& entry : found) {
      EXPECT_TRUE(times.insert(AtOf(entry)).second) << "two nodes at the same instant";
      EXPECT_GE(AtOf(entry), 500 * kMs) << "not while it warms up";
      if (lasts_ns > 0 && AtOf(entry) + lasts_ns < kSpan) {
        EXPECT_EQ(entry.for_ns, lasts_ns);
      }
    }
  }
  EXPECT_GT(counts.size(), 6u) << "nodes are not alike";
}

TEST(Faults, CrashesComeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<CrashAction>(
      R"("process":{"crash":{"mtbf":{"swarm":["500ms","4s"]},"mid_turn":0},"restart":{"after":"1ms"}})",
      [](const RunConfig& c) { return c.process.crash_mtbf_ns; }, 1 * kMs);
}
TEST(Faults, PausesComeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<PauseAction>(
      R"("process":{"pause":{"mtbf":{"swarm":["500ms","4s"]},"for":"100ms"}})",
      [](const RunConfig& c) { return c.process.pause.mtbf_ns; }, 100 * kMs);
}
TEST(Faults, StallsComeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<DiskStallAction>(
      R"("disk":{"stall":{"mtbf":{"swarm":["500ms","4s"]},"for":"100ms"}})",
      [](const RunConfig& c) { return c.disk.stall.mtbf_ns; }, 100 * kMs);
}
TEST(Faults, SlowDisksComeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<DiskSlowAction>(
      R"("disk":{"slow":{"mtbf":{"swarm":["500ms","4s"]},"for":"100ms","factor":7}})",
      [](const RunConfig& c) { return c.disk.slow.mtbf_ns; }, 100 * kMs);
}
TEST(Faults, FullDisksComeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<DiskFullAction>(
      R"("disk":{"full":{"mtbf":{"swarm":["500ms","4s"]},"for":"100ms"}})",
      [](const RunConfig& c) { return c.disk.full.mtbf_ns; }, 100 * kMs);
}
TEST(Faults, ClocksFreezeAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<ClockFreezeAction>(
      R"("clocks":{"freeze":{"mtbf":{"swarm":["500ms","4s"]},"for":"100ms"}})",
      [](const RunConfig& c) { return c.clocks.freeze.mtbf_ns; }, 100 * kMs);
}

// Whether or not one is ever put back.
TEST(Faults, ImagesAreTakenAtEachNodesOwnRate) {
  ExpectEachNodeAtItsOwnRate<ImageAction>(
      R"("process":{"old_image":0.000001,"image_every":{"swarm":["500ms","4s"]},"crash":{"mtbf":"1h"}})",
      [](const RunConfig& c) { return c.process.image_mtbf_ns; }, 0);
}

TEST(Faults, TheShareOfCrashesThatWasAskedForPutsAnOldImageBack) {
  const Scenario scenario = Idle(
      R"("process":{"old_image":0.3,"image_every":"50ms","crash":{"mtbf":"1s","mid_turn":0},
      "restart":{"after":"1ms"}})");
  std::map<NodeId, std::int64_t> first_image;
  const RunConfig run = Recorded(scenario, 7);
  for (const ScheduleEntry& entry : Of<ImageAction>(run))
    first_image.try_emplace(std::get<NodeId>(std::get<ImageAction>(entry.action).node),
                            AtOf(entry));
  std::int64_t crashes = 0;
  std::int64_t put_back = 0;
  for (const ScheduleEntry& entry : Of<CrashAction>(run)) {
    const CrashAction& crash = std::get<CrashAction>(entry.action);
    const auto image = first_image.find(std::get<NodeId>(crash.node));
    const bool has_image = image != first_image.end() && image->second < AtOf(entry);
    if (has_image) ++crashes;
    if (crash.lose != Loss::kImage) continue;
    EXPECT_TRUE(has_image) << "nothing was there to put back";
    ++put_back;
  }
  EXPECT_GT(crashes, 200);
  EXPECT_TRUE(IsNear(put_back, crashes * 3 / 10, 0)) << put_back << " of " << crashes;
}

TEST(Faults, EachNodesOwnShareOfCrashesFallsIntoATurn) {
  const Scenario scenario = Idle(
      R"("process":{"crash":{"mtbf":"500ms","mid_turn":{"swarm":[0,1]}},"restart":{"after":"1ms"}})");
  std::int64_t far = 0;
  std::int64_t all = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const PerEntity parts = Draw(scenario, seed).process.crash_mid_turn_parts;
    const std::vector<ScheduleEntry> found = Of<CrashAction>(Recorded(scenario, seed));
    for (std::uint32_t number = 1; number <= 3; ++number) {
      std::int64_t crashes = 0;
      std::int64_t in_turn = 0;
      for (const ScheduleEntry& entry : found) {
        const CrashAction& crash = std::get<CrashAction>(entry.action);
        if (crash.node != NodeRef(NodeId(number))) continue;
        ++crashes;
        if (!crash.call) continue;
        ++in_turn;
        EXPECT_LT(*crash.call, 32u);
        if (*crash.call >= 3) ++far;
      }
      const std::int64_t expected = crashes * parts.At(NodeKey(NodeId(number))) / kWhole;
      EXPECT_GT(crashes, 100);
      EXPECT_TRUE(IsNear(in_turn, expected, 0)) << in_turn << " of " << crashes << " at n" << number
                                                << " of seed " << seed << ", expected " << expected;
      all += in_turn;
    }
  }
  EXPECT_TRUE(IsNear(far, all * 29 / 128, 0))
      << "a quarter of them is below 32, the others below 3";
}

TEST(Faults, TheShareOfCrashesThatWasAskedForEmptiesADiskOrOneOfItsStores) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"warm_up":"500ms","horizon":"3s"},
      "cluster":{"nodes":3},"workload":{"clients":0},"budget":{"wiped":1},
      "process":{"wipe":0.4,"crash":{"mtbf":"2s","mid_turn":0},"restart":{"after":"10ms"}}})");
  std::map<Loss, std::int64_t> losses;
  std::int64_t runs = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const std::vector<ScheduleEntry> crashes = Of<CrashAction>(Recorded(scenario, seed));
    // Later ones may be out of what the budget allows.
    if (crashes.empty()) continue;
    ++runs;
    ++losses[std::get<CrashAction>(crashes.front().action).lose];
    std::set<NodeId> emptied;
    for (const ScheduleEntry& entry : crashes) {
      const CrashAction& crash = std::get<CrashAction>(entry.action);
      const bool for_good = crash.lose == Loss::kAll || crash.lose == Loss::kLog;
      if (for_good) emptied.insert(std::get<NodeId>(crash.node));
    }
    EXPECT_LE(emptied.size(), 1u) << "seed " << seed
                                  << ": a map comes back from the log, nothing else does";
  }
  EXPECT_GT(runs, 300);
  EXPECT_TRUE(IsNear(losses[Loss::kAll], runs / 5, 0)) << losses[Loss::kAll] << " of " << runs;
  EXPECT_TRUE(IsNear(losses[Loss::kLog], runs / 10, 0)) << losses[Loss::kLog] << " of " << runs;
  EXPECT_TRUE(IsNear(losses[Loss::kMap], runs / 10, 0)) << losses[Loss::kMap] << " of " << runs;
}

TEST(Faults, ClocksStepAtTheirRateAndBothWays) {
  const Scenario scenario = Idle(R"("clocks":{"step":{"rate":"1/s","size":["-1s","1s"]}})");
  const std::vector<ScheduleEntry> found = Of<ClockStepAction>(Recorded(scenario, 3));
  EXPECT_TRUE(IsNear(static_cast<std::int64_t>(found.size()), 3 * 120, 3)) << found.size();
  std::int64_t back = 0;
  for (const ScheduleEntry& entry : found) {
    const std::int64_t by = std::get<ClockStepAction>(entry.action).by_ns;
    EXPECT_LE(std::abs(by), kSecond);
    back += by < 0 ? 1 : 0;
  }
  EXPECT_TRUE(IsNear(back, 180, 0)) << back;
}

// ---- links ---------------------------------------------------------------------------------------------

TEST(Faults, EachDirectedLinkClogsAtItsOwnRate) {
  const Scenario scenario =
      Idle(R"("network":{"clog":{"mtbf":{"swarm":["1s","8s"]},"for":"100ms"}})");
  const RunConfig drawn = Draw(scenario, 5);
  std::map<LinkName, std::int64_t> counts;
  for (const ScheduleEntry& entry : Of<ClogAction>(Recorded(scenario, 5))) {
    ASSERT_EQ(std::get<ClogAction>(entry.action).links.size(), 1u);
    ++counts[std::get<ClogAction>(entry.action).links.front()];
  }
  EXPECT_EQ(counts.size(), 6u);
  std::set<std::int64_t> different;
  for (const auto& [link, count] : counts) {
    const std::uint64_t key = LinkKey(NodeId(link.from.number), NodeId(link.to.number));
    const std::int64_t expected = kSpan / (drawn.network.clog.mtbf_ns.At(key) + 100 * kMs);
    EXPECT_TRUE(IsNear(count, expected, 1)) << NameOf(link) << " " << count << " of " << expected;
    different.insert(count);
  }
  EXPECT_GT(different.size(), 2u) << "one way of a link is not like the other";
}

TEST(Faults, EachPairIsDisconnectedAtItsRate) {
  const Scenario scenario = Idle(R"("network":{"disconnect":{"mtbf":"1s","for":"200ms"}})");
  std::map<std::pair<NodeId, NodeId>, std::int64_t> counts;
  for (const ScheduleEntry& entry : Of<DisconnectAction>(Recorded(scenario, 6))) {
    const auto& action = std::get<DisconnectAction>(entry.action);
    ++counts[{action.node, action.peer}];
  }
  EXPECT_EQ(counts.size(), 3u);
  for (const auto& [pair, count] : counts) EXPECT_TRUE(IsNear(count, 100, 1)) << count;
}

TEST(Faults, ASwizzleClogsNodesOneByOneAndFreesThemInAnotherOrder) {
  const Scenario scenario = Idle(R"("network":{"swizzle":{"mtbf":"1s","for":"500ms"}})", 5);
  const std::vector<ScheduleEntry> found = Of<SwizzleAction>(Recorded(scenario, 7));
  EXPECT_TRUE(IsNear(static_cast<std::int64_t>(found.size()), 80, 1)) << found.size();
  bool another_order = false;
  for (const ScheduleEntry& entry : found) {
    const std::vector<SwizzleStep>& steps = std::get<SwizzleAction>(entry.action).steps;
    std::set<NodeId> nodes;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_TRUE(nodes.insert(steps[i].node).second);
      EXPECT_LT(steps[i].after_ns, steps[i].until_ns);
      if (i == 0) continue;
      EXPECT_GT(steps[i].after_ns, steps[i - 1].after_ns);
      another_order = another_order || steps[i].until_ns < steps[i - 1].until_ns;
    }
    EXPECT_LT(nodes.size(), 5u) << "somebody is left out";
  }
  EXPECT_TRUE(another_order);
}

// Counts of one run of partitions of two minutes, by shape.
TEST(Faults, PartitionsHaveTheShapesAndSidesThatWereAskedFor) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"warm_up":"1s","horizon":"121s"},
      "cluster":{"nodes":5},"workload":{"clients":4,"rate":"1/s"},
      "network":{"partition":{"mtbf":"200ms","mttr":"100ms","one_way":0.25,"clients":0.5,"flap":0.25,
        "flap_every":"20ms",
        "shapes":{"isolate":1,"halves":1,"groups":1,"ring":1,"bridge":1,"leader":1}}}})");
  RunSettings settings;
  settings.resolve = true;
  const RunResult result = RunOnce(scenario, Draw(scenario, 8), 8, settings);
  ASSERT_EQ(result.verdict, Verdict::kPass);
  const std::vector<ScheduleEntry> found = Of<CutAction>(*result.resolved);
  const auto all = static_cast<std::int64_t>(found.size());
  EXPECT_TRUE(IsNear(all, 400, 1)) << all;
  std::int64_t one_way = 0;
  for (const char* shape : {"isolate", "halves", "groups", "ring", "bridge", "leader"}) {
    std::int64_t count = 0;
    for (const char* way : {"", ".one_way"}) {
      const auto at = result.injected.find(std::string("network.partition.") + shape + way);
      if (at == result.injected.end()) continue;
      count += static_cast<std::int64_t>(at->second);
      if (*way != 0) one_way += static_cast<std::int64_t>(at->second);
    }
    EXPECT_TRUE(IsNear(count, all / 6, 0)) << shape << " " << count;
  }
  EXPECT_EQ(result.injected.count("network.partition.ring.one_way"), 0u);
  EXPECT_TRUE(IsNear(one_way, all * 5 / 6 / 4, 0)) << one_way;
  std::int64_t flapping = 0;
  std::int64_t with_clients = 0;
  for (const ScheduleEntry& entry : found) {
    const CutAction& cut = std::get<CutAction>(entry.action);
    EXPECT_FALSE(cut.links.empty());
    flapping += cut.flap_ns > 0 ? 1 : 0;
    with_clients +=
        std::any_of(cut.links.begin(), cut.links.end(),
                    [](const LinkName& link) { return link.from.is_client || link.to.is_client; })
            ? 1
            : 0;
  }
  EXPECT_TRUE(IsNear(flapping, all / 4, 0)) << flapping;
  // Half of those that are no rings; of four clients one in 3^4 times none takes a side.
  EXPECT_TRUE(IsNear(with_clients, all * 5 / 6 / 2, all / 100)) << with_clients;
  // One at a leader, and some of those that isolate anybody.
  const std::int64_t at_leader = static_cast<std::int64_t>(result.marks.at("partition.leader"));
  EXPECT_GT(at_leader, all / 12);
}

// ---- frames --------------------------------------------------------------------------------------------

struct OneFrameFault {
  const char* name;
  const char* json;
  PerEntity (*parts)(const RunConfig&);
  bool (*struck)(const FrameFate&);
};
// Of both kinds of tables below.
const auto NameOfParam = [](const auto& one) { return std::string(one.param.name); };

class FrameFaults : public testing::TestWithParam<OneFrameFault> {};

TEST_P(FrameFaults, ComeAtEachDirectedLinksOwnRate) {
  const Scenario scenario =
      Idle(std::string(R"("network":{"latency":"1ms",)") + GetParam().json + "}");
  const RunConfig drawn = Draw(scenario, 9);
  const RunConfig run = Recorded(scenario, 9);
  std::set<std::int64_t> rates;
  for (std::uint32_t from = 1; from <= 3; ++from) {
    for (std::uint32_t to = 1; to <= 3; ++to) {
      if (from == to) continue;
      const LinkName link{{false, from}, {false, to}};
      std::int64_t frames = 0;
      std::int64_t struck = 0;
      for (const FrameDeviation& deviation : run.script->frames) {
        if (deviation.link != link || !GetParam().struck(deviation.fate)) continue;
        frames = static_cast<std::int64_t>(deviation.nth) + 1;  // up to the last that was struck
        ++struck;
      }
      const std::int64_t parts = GetParam().parts(drawn).At(LinkKey(NodeId(from), NodeId(to)));
      const std::int64_t expected = static_cast<std::int64_t>(
          (static_cast<std::uint64_t>(frames) * static_cast<std::uint64_t>(parts)) >> 32);
      EXPECT_GT(frames, 500) << NameOf(link);
      EXPECT_TRUE(IsNear(struck, expected, 1))
          << NameOf(link) << " " << struck << " of " << expected;
      rates.insert(parts);
    }
  }
  EXPECT_EQ(rates.size(), 6u) << "links are not alike";
}

INSTANTIATE_TEST_SUITE_P(
    Each, FrameFaults,
    testing::Values(
        OneFrameFault{"loss", R"("loss":{"swarm":[0.05,0.2]})",
                      [](const RunConfig& c) { return c.network.loss_parts; },
                      [](const FrameFate& fate) { return fate.dropped; }},
        OneFrameFault{"duplicate", R"("duplicate":{"swarm":[0.05,0.2]})",
                      [](const RunConfig& c) { return c.network.duplicate_parts; },
                      [](const FrameFate& fate) { return fate.second.has_value(); }},
        OneFrameFault{"reorder", R"("reorder":{"swarm":[0.05,0.2]})",
                      [](const RunConfig& c) { return c.network.reorder_parts; },
                      [](const FrameFate& fate) { return fate.first.overtaken_ns.has_value(); }},
        OneFrameFault{"corrupt", R"("corrupt":{"swarm":[0.02,0.1]})",
                      [](const RunConfig& c) { return c.network.corrupt_parts; },
                      [](const FrameFate& fate) { return fate.first.spoil.has_value(); }},
        OneFrameFault{"tail", R"("tail":{"swarm":[0.05,0.2]},"tail_by":"50ms")",
                      [](const RunConfig& c) { return c.network.tail_parts; },
                      [](const FrameFate& fate) { return fate.first.travel_ns == 51 * kMs; }}),
    NameOfParam);

// Requests and answers, at each of a client's links by its own measure; between nodes nothing is lost.
TEST(Faults, WhatClientsSendAndAreSentIsLostAtEachLinksOwnRate) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"horizon":"60s"},"cluster":{"nodes":3},
      "network":{"client_latency":"1ms","client_loss":{"swarm":[0.05,0.2]}},
      "workload":{"clients":2,"rate":"300/s","keys":5,"timeout":"100ms"}})");
  const RunConfig drawn = Draw(scenario, 9);
  World world(drawn, 9, RunSettings{});
  const RunGuard guard(world.shared().marks);
  SimNet& net = world.wire().net();
  net.Record();
  std::map<DirectedLink, std::pair<std::int64_t, std::int64_t>> counts;  // sent, lost; in chaos
  world.RunUntil([&] {
    if (world.phases().core().empty() || !counts.empty()) return;
    for (Endpoint a = 0; a < net.endpoints(); ++a) {
      for (Endpoint b = 0; b < net.endpoints(); ++b) {
        const std::vector<FrameFate>& fates = net.Recorded(a, b);
        const auto lost = [](const FrameFate& fate) { return fate.dropped; };
        counts[{a, b}] = {std::ssize(fates), std::count_if(fates.begin(), fates.end(), lost)};
      }
    }
  });
  EXPECT_FALSE(world.shared().verdicts.found());
  std::set<std::int64_t> rates;
  for (const auto& [link, count] : counts) {
    const auto [from, to] = link;
    // Clients do not speak with each other, and who makes namespaces has nothing to do here.
    if (from == to || (from >= 3 && to >= 3) || std::max(from, to) >= 5) continue;
    const LinkName name = world.wire().NameOfLink(from, to);
    const std::int64_t parts =
        from < 3 && to < 3 ? 0 : drawn.network.client_loss_parts.At(NameKey(NameOf(name)));
    const std::int64_t expected = static_cast<std::int64_t>(
        (static_cast<std::uint64_t>(count.first) * static_cast<std::uint64_t>(parts)) >> 32);
    EXPECT_GT(count.first, 300) << NameOf(name);
    EXPECT_TRUE(IsNear(count.second, expected, 0))
        << NameOf(name) << " " << count.second << " of " << expected;
    if (parts > 0) rates.insert(parts);
  }
  EXPECT_EQ(rates.size(), 12u) << "links are not alike";
}

TEST(Faults, ALinkThatHoldsLittleDropsWhatIsMore) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"horizon":"5s"},"cluster":{"nodes":3},
      "network":{"latency":"30ms","capacity":"200B"},"workload":{"clients":6,"rate":"300/s"}})");
  const RunResult small = RunOnce(scenario, Draw(scenario, 2), 2, {});
  EXPECT_GT(small.injected.at("network.overflow"), 100u);
  EXPECT_EQ(small.verdict, Verdict::kPass) << small.violation->what;
}

// ---- single operations of a disk -----------------------------------------------------------------------

struct OneDiskFault {
  const char* name;
  const char* json;
  PerEntity (*parts)(const RunConfig&);
  bool (*strikes)(SimDisk&);
  std::optional<Hurt> leaves;
};
class DiskFaults : public testing::TestWithParam<OneDiskFault> {};

constexpr std::int64_t kAsked = 20'000;

TEST_P(DiskFaults, ComeAtEachNodesOwnRateAndAreCountedAsHurt) {
  const Scenario scenario =
      Idle(std::string(R"("disk":{)") + GetParam().json + R"(:{"swarm":[0.02,0.2]}})");
  RunConfig config = Draw(scenario, 4);
  config.time.warm_up_ns = 0;  // this disk has no run around it
  std::set<std::int64_t> rates;
  for (std::uint32_t number = 1; number <= 3; ++number) {
    Shared shared(config, 4, RunSettings{});
    SimDisk disk(shared, NodeId(number));
    ASSERT_TRUE(disk.log.Write({KvPut{"row", "value"}}).ok());
    std::int64_t strikes = 0;
    for (std::int64_t i = 0; i < kAsked; ++i) strikes += GetParam().strikes(disk) ? 1 : 0;
    const std::int64_t parts = GetParam().parts(config).At(NodeKey(NodeId(number)));
    rates.insert(parts);
    EXPECT_TRUE(IsNear(strikes, (kAsked * (parts >> 12)) >> 20, 1)) << strikes;
    if (GetParam().leaves) {
      EXPECT_TRUE(shared.budget.Is(number - 1, *GetParam().leaves));
    }
    EXPECT_EQ(shared.budget.IsHurt(number - 1), GetParam().leaves.has_value());
  }
  EXPECT_EQ(rates.size(), 3u) << "nodes are not alike";
}

TEST_P(DiskFaults, DoNotComeToANodeThatMayNotBeHurtNorAfterHealing) {
  const Scenario scenario = ScenarioOf(std::string(R"({"format":1,"about":"Test.",
    "cluster":{"nodes":3},"budget":{"down":1},"disk":{)") +
                                       GetParam().json + ":1}}");
  RunConfig config = Draw(scenario, 4);
  config.time.warm_up_ns = 0;
  Shared shared(config, 4, RunSettings{});
  SimDisk disk(shared, NodeId(1));
  ASSERT_TRUE(disk.log.Write({KvPut{"row", "value"}}).ok());
  shared.budget.Set(1, Hurt::kDown);
  EXPECT_EQ(GetParam().strikes(disk), !GetParam().leaves.has_value());
  shared.budget.Clear(1, Hurt::kDown);
  EXPECT_TRUE(GetParam().strikes(disk));
  disk.Heal(kSecond);
  EXPECT_EQ(GetParam().strikes(disk), !GetParam().leaves.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Each, DiskFaults,
    testing::Values(OneDiskFault{"sync_error", R"("sync_error")",
                                 [](const RunConfig& c) { return c.disk.sync_error_parts; },
                                 [](SimDisk& disk) { return disk.SyncFails(); }, Hurt::kFailed},
                    OneDiskFault{"write_error", R"("write_error")",
                                 [](const RunConfig& c) { return c.disk.write_error_parts; },
                                 [](SimDisk& disk) { return disk.WriteFails(); }, Hurt::kFailed},
                    OneDiskFault{"map_error", R"("map_error")",
                                 [](const RunConfig& c) { return c.disk.map_error_parts; },
                                 [](SimDisk& disk) { return disk.MapWriteFails(); }, Hurt::kFailed},
                    OneDiskFault{
                        "corrupt_row", R"("corrupt_row")",
                        [](const RunConfig& c) { return c.disk.corrupt_row_parts; },
                        [](SimDisk& disk) {
                          EXPECT_TRUE(disk.log.Write({KvPut{"row", "value"}}).ok());  // sound again
                          disk.MaybeCorrupt(disk.log, "row", std::nullopt);
                          return disk.log.corrupt_keys().contains("row");
                        },
                        Hurt::kDamaged},
                    OneDiskFault{"self_flush", R"("self_flush")",
                                 [](const RunConfig& c) { return c.disk.self_flush_parts; },
                                 [](SimDisk& disk) { return disk.FlushesItself(); }, std::nullopt}),
    NameOfParam);

// ---- switched off --------------------------------------------------------------------------------------

// Each class of scenarios/smoke/wide.json that has an `off`, and whether it is there in a run.
struct SwarmClass {
  const char* name;
  bool (*on)(const RunConfig&);
};
const SwarmClass kSwarm[] = {
    {"network.loss", [](const RunConfig& c) { return !c.network.loss_parts.AlwaysZero(); }},
    {"network.duplicate",
     [](const RunConfig& c) { return !c.network.duplicate_parts.AlwaysZero(); }},
    {"network.reorder", [](const RunConfig& c) { return !c.network.reorder_parts.AlwaysZero(); }},
    {"network.corrupt", [](const RunConfig& c) { return !c.network.corrupt_parts.AlwaysZero(); }},
    {"network.capacity", [](const RunConfig& c) { return !c.network.capacity_bytes.AlwaysZero(); }},
    {"network.tail", [](const RunConfig& c) { return !c.network.tail_parts.AlwaysZero(); }},
    {"network.clog", [](const RunConfig& c) { return !c.network.clog.mtbf_ns.AlwaysZero(); }},
    {"network.swizzle", [](const RunConfig& c) { return c.network.swizzle_mtbf_ns > 0; }},
    {"network.disconnect",
     [](const RunConfig& c) { return !c.network.disconnect.mtbf_ns.AlwaysZero(); }},
    {"network.partition", [](const RunConfig& c) { return c.network.partition.mtbf_ns > 0; }},
    {"disk.sync_error", [](const RunConfig& c) { return !c.disk.sync_error_parts.AlwaysZero(); }},
    {"disk.write_error", [](const RunConfig& c) { return !c.disk.write_error_parts.AlwaysZero(); }},
    {"disk.map_error", [](const RunConfig& c) { return !c.disk.map_error_parts.AlwaysZero(); }},
    {"disk.full", [](const RunConfig& c) { return !c.disk.full.mtbf_ns.AlwaysZero(); }},
    {"disk.stall", [](const RunConfig& c) { return !c.disk.stall.mtbf_ns.AlwaysZero(); }},
    {"disk.slow", [](const RunConfig& c) { return !c.disk.slow.mtbf_ns.AlwaysZero(); }},
    {"process.crash", [](const RunConfig& c) { return !c.process.crash_mtbf_ns.AlwaysZero(); }},
    {"process.pause", [](const RunConfig& c) { return !c.process.pause.mtbf_ns.AlwaysZero(); }},
    {"process.wipe", [](const RunConfig& c) { return !c.process.wipe_parts.AlwaysZero(); }},
    {"clocks.step", [](const RunConfig& c) { return !c.clocks.step_rate.AlwaysZero(); }},
    {"clocks.freeze", [](const RunConfig& c) { return !c.clocks.freeze.mtbf_ns.AlwaysZero(); }},
};

TEST(Swarm, EveryClassOfFaultsIsOffInAboutFortyPercentOfTheWidestRuns) {
  const char* const root = std::getenv("QUORATE_ROOT");
  const absl::StatusOr<Scenario> wide = LoadScenario(
      (std::filesystem::path(root == nullptr ? "." : root) / "scenarios/smoke/wide.json").string());
  ASSERT_TRUE(wide.ok()) << wide.status();
  constexpr std::int64_t kRuns = 1'500;
  std::map<std::string, std::int64_t> off;
  std::int64_t both = 0;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    const RunConfig config = Draw(*wide, seed);
    for (const SwarmClass& one : kSwarm) off[one.name] += one.on(config) ? 0 : 1;
    both += config.network.partition.mtbf_ns == 0 && config.process.crash_mtbf_ns.AlwaysZero();
  }
  for (const auto& [name, count] : off) {
    EXPECT_GE(count * 100, kRuns * 35) << name;
    EXPECT_LE(count * 100, kRuns * 65) << name;
  }
  EXPECT_TRUE(IsNear(both, kRuns * 16 / 100, 0))
      << "one class does not decide on the other: " << both;
}

TEST(Swarm, AClassIsOffInTheShareOfRunsThatWasAskedFor) {
  const Scenario scenario =
      Idle(R"("network":{"loss":{"swarm":[0.1,0.2],"off":0.25},"clog":{"mtbf":"1s","off":0.75}})");
  std::int64_t no_loss = 0;
  std::int64_t no_clog = 0;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    bool any = false;
    bool all = true;
    for (std::uint32_t to = 2; to <= 3; ++to) {
      const bool on = config.network.loss_parts.At(LinkKey(NodeId(1), NodeId(to))) > 0;
      any = any || on;
      all = all && on;
    }
    EXPECT_EQ(any, all) << "off is off on all links";
    no_loss += any ? 0 : 1;
    no_clog += config.network.clog.mtbf_ns.AlwaysZero() ? 1 : 0;
  }
  EXPECT_TRUE(IsNear(no_loss, 500, 0)) << no_loss;
  EXPECT_TRUE(IsNear(no_clog, 1'500, 0)) << no_clog;
}

// ---- several at once -----------------------------------------------------------------------------------

TEST(Zones, ACrashTakesItsZoneAlongAndNobodyElse) {
  const Scenario scenario = Idle(
      R"("process":{"crash":{"mtbf":"4s","mid_turn":0,"zone":0.5},"restart":{"after":"1ms"}})", 6);
  std::map<std::int64_t, std::set<NodeId>> at_once;
  for (const ScheduleEntry& entry : Of<CrashAction>(Recorded(scenario, 10)))
    at_once[AtOf(entry)].insert(std::get<NodeId>(std::get<CrashAction>(entry.action).node));
  std::int64_t zones = 0;
  for (const auto& [at, nodes] : at_once) {
    const std::uint32_t zone = nodes.begin()->value() % 2;
    for (const NodeId node : nodes) EXPECT_EQ(node.value() % 2, zone);
    zones += nodes.size() > 1 ? 1 : 0;
  }
  EXPECT_TRUE(IsNear(zones, static_cast<std::int64_t>(at_once.size()) / 2, 0))
      << zones << " of " << at_once.size();
}

TEST(Budget, IsNeverExceededByWhatComesByChance) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"horizon":"2500ms"},
      "cluster":{"nodes":{"swarm":[1,7]},"zones":{"swarm":[1,3]},
        "options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":10}},
      "disk":{"sync_error":0.01,"write_error":0.005,"map_error":0.005,"corrupt_row":0.02},
      "process":{"crash":{"mtbf":"400ms","zone":0.4},"wipe":0.2,"restart":{"after":["10ms","400ms"]},
        "pause":{"mtbf":"400ms","for":["10ms","400ms"]}},
      "budget":{"down":"minority","wiped":"minority"},"workload":{"clients":2,"rate":"20/s"}})");
  std::size_t full = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    const std::size_t most = (static_cast<std::size_t>(config.cluster.nodes) - 1) / 2;
    std::size_t worst = 0;
    world.RunUntil([&] {
      if (!world.phases().core().empty()) return;
      std::size_t hurt = 0;
      for (const auto& machine : world.machines()) {
        const bool sound = machine->serving() && !machine->paused() && !machine->damaged();
        hurt += sound ? 0 : 1;
      }
      worst = std::max(worst, hurt);
    });
    EXPECT_LE(worst, most) << "seed " << seed << ", " << config.cluster.nodes << " nodes";
    EXPECT_FALSE(world.shared().verdicts.found()) << world.shared().verdicts.first()->what;
    full += most > 0 && worst == most ? 1 : 0;
  }
  EXPECT_GT(full, 150u) << "and is made use of";
}

TEST(Budget, HoldsNoWallClockFurtherOffThanItsBound) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Test.","time":{"horizon":"20s"},"cluster":{"nodes":3},
      "clocks":{"wall_offset":{"swarm":["-300ms","300ms"]},"step":{"rate":"2/s","size":["-400ms","400ms"]},
        "freeze":{"mtbf":"1s","for":["50ms","600ms"]}},
      "budget":{"clock_bound":"500ms"},"workload":{"clients":0}})");
  std::int64_t worst = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    world.RunUntil([&] {
      if (!world.phases().core().empty()) return;
      for (const auto& machine : world.machines())
        worst = std::max(worst, std::abs(machine->clock().WallError(world.shared().now())));
    });
  }
  EXPECT_LE(worst, 500 * kMs);
  EXPECT_GT(worst, 400 * kMs);
}

}  // namespace
}  // namespace quorate::sim
