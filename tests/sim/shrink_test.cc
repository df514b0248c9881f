// Shrinking: what is not needed goes, what is needed stays, and the result is a run that fails in the same way.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "sim/scenario/scenario.h"
#include "sim/scenario/script_text.h"
#include "sim/shrink/elsewhere.h"
#include "sim/shrink/shrinker.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

constexpr const char* kScenario = R"({
  "format": 1, "about": "Something of everything.",
  "time": { "horizon": "6s" },
  "cluster": { "nodes": 5, "namespaces": [{ "name": "orders" }], "options": { "heartbeat": "50ms", "election_timeout": ["150ms", "300ms"], "snapshot_every": 20 } },
  "clocks": { "wall_offset": { "swarm": ["-1s", "1s"] } },
  "network": { "loss": 0.05, "duplicate": 0.05, "reorder": 0.05, "corrupt": 0.01,
               "clog": { "mtbf": "3s" }, "swizzle": { "mtbf": "3s" },
               "partition": { "mtbf": "1s", "one_way": 0.5, "clients": 0.5 } },
  "disk": { "stall": { "mtbf": "3s" }, "full": { "mtbf": "4s" } },
  "process": { "crash": { "mtbf": "2s" }, "pause": { "mtbf": "3s" } },
  "checks": { "linearizable": ["orders"] },
  "workload": { "clients": 5, "rate": "40/s" }
})";

RunConfig SomeRun(std::uint64_t seed) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(kScenario, "some.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  RunSettings settings;
  settings.resolve = true;
  const RunResult result = RunOnce(*scenario, Draw(*scenario, seed), seed, settings);
  EXPECT_EQ(NameOf(result.verdict), std::string("pass"));
  return *result.resolved;
}

bool HasCrash(const RunConfig& config) {
  return std::any_of(
      config.schedule.begin(), config.schedule.end(),
      [](const ScheduleEntry& entry) { return std::holds_alternative<CrashAction>(entry.action); });
}
std::size_t Reads(const RunConfig& config) {
  const auto& operations = config.script->operations;
  return static_cast<std::size_t>(
      std::count_if(operations.begin(), operations.end(), [](const ScriptedOperation& operation) {
        return std::holds_alternative<ScriptedRead>(operation.what);
      }));
}
bool HasDrop(const RunConfig& config) {
  const auto& frames = config.script->frames;
  return std::any_of(frames.begin(), frames.end(),
                     [](const FrameDeviation& frame) { return frame.fate.dropped; });
}

struct Shrinking {
  explicit Shrinking(std::uint64_t seed) : start(SomeRun(seed)) {}

  // Shrinks a run that "fails" as long as `fails` holds. Every candidate is looked at as a file would be.
  RunConfig Run(const std::function<bool(const RunConfig&)>& fails,
                std::size_t most_tries = 100'000) {
    std::size_t tries = 0;
    const auto evaluate =
        [&](const std::vector<RunConfig>& candidates) -> std::optional<Shrinker::Found> {
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        ++tries;
        EXPECT_GE(candidates[i].cluster.nodes, 1);
        EXPECT_EQ(candidates[i].script->nodes.size(),
                  static_cast<std::size_t>(candidates[i].cluster.nodes));
        if (fails(candidates[i])) return Shrinker::Found{i, {100, 2'000'000'000, {}}};
      }
      return std::nullopt;
    };
    const auto out_of_time = [&] { return tries >= most_tries; };
    Shrinker shrinker(start, {100, 2'000'000'000, {}}, evaluate, out_of_time,
                      [](const ShrinkProgress&) {});
    shrinker.set_moments(moments);
    shrinker.Run();
    finished = shrinker.finished();
    return shrinker.best();
  }

  RunConfig start;
  Moments moments;
  bool finished = false;
};

TEST(Shrinker, LeavesWhatTheFailureNeedsAndNothingElse) {
  Shrinking shrinking(3);
  ASSERT_TRUE(HasCrash(shrinking.start));
  ASSERT_GT(Reads(shrinking.start), 10u);
  const RunConfig least = shrinking.Run([](const RunConfig& config) {
    return HasCrash(config) && Reads(config) >= 2 && config.cluster.nodes >= 2;
  });
  EXPECT_TRUE(shrinking.finished);
  EXPECT_EQ(least.cluster.nodes, 2);
  EXPECT_EQ(least.schedule.size(), 1u);
  EXPECT_EQ(least.script->operations.size(), 2u);
  EXPECT_TRUE(least.script->frames.empty());
  EXPECT_TRUE(least.script->node_deviations.empty());
  EXPECT_EQ(least.namespaces.size(), 1u);
}

TEST(Shrinker, KeepsASingleFrameOutOfThousands) {
  Shrinking shrinking(4);
  ASSERT_TRUE(HasDrop(shrinking.start));
  const RunConfig least = shrinking.Run(HasDrop);
  EXPECT_TRUE(shrinking.finished) << WriteResolved("least", "x", least);
  ASSERT_EQ(least.script->frames.size(), 1u);
  EXPECT_TRUE(least.script->frames[0].fate.dropped);
  EXPECT_TRUE(least.schedule.empty());
  EXPECT_TRUE(least.script->operations.empty());
}

TEST(Shrinker, HasSomethingToShowWheneverTheTimeIsOut) {
  for (const std::size_t tries : {0u, 1u, 7u, 20u}) {
    Shrinking shrinking(3);
    const RunConfig best = shrinking.Run(HasCrash, tries);
    EXPECT_TRUE(HasCrash(best)) << tries;
    EXPECT_FALSE(shrinking.finished);
  }
}

TEST(Shrinker, MakesFaultsWeaker) {
  Shrinking shrinking(3);
  const RunConfig least = shrinking.Run([](const RunConfig& config) {
    return std::any_of(
        config.schedule.begin(), config.schedule.end(),
        [](const ScheduleEntry& entry) { return NameOf(entry.action) != std::string("cut"); });
  });
  ASSERT_EQ(least.schedule.size(), 1u);
  // Of a fault that lasts nothing is left but a moment; of a crash, a pause or one that loses nothing.
  EXPECT_LE(least.schedule[0].for_ns, 100'000'000);
  if (const CrashAction* crash = std::get_if<CrashAction>(&least.schedule[0].action)) {
    EXPECT_EQ(crash->lose, Loss::kNothing);
    EXPECT_FALSE(crash->call.has_value());
  }
}

// ---- single steps ---------------------------------------------------------------------------------------

RunConfig WithFault(Action action) {
  RunConfig config;
  config.cluster.nodes = 3;
  config.time.horizon_ns = 10'000'000'000;
  config.namespaces = {{"default"}};
  config.script = Script{};
  config.script->nodes.resize(3);
  config.schedule.push_back({AtTime{1'000'000'000}, std::move(action), 2'000'000'000});
  return config;
}

// Takes the first weaker form that `fails` until there is none.
Action Weakest(Action action, const std::function<bool(const Action&)>& fails) {
  RunConfig config = WithFault(std::move(action));
  for (int steps = 0; steps < 200; ++steps) {
    const std::vector<RunConfig> weaker = Weakened(config, 0);
    const auto found = std::find_if(weaker.begin(), weaker.end(), [&](const RunConfig& each) {
      return fails(each.schedule[0].action);
    });
    if (found == weaker.end()) return config.schedule[0].action;
    config = *found;
  }
  ADD_FAILURE() << "one weaker form leads to another for ever";
  return config.schedule[0].action;
}
bool Always(const Action&) { return true; }

TEST(Weakening, MakesOneWayCutsWhole) {
  const NodeId n1(1), n2(2);
  const Action isolate = Weakest(IsolateAction{n1, Direction::kInto}, Always);
  EXPECT_EQ(isolate, Action(IsolateAction{n1, Direction::kBoth}));
  const Action partition = Weakest(PartitionAction{{{n1}, {n2}}, true}, [](const Action& it) {
    return std::get<PartitionAction>(it).groups.size() == 2;
  });
  EXPECT_EQ(partition, Action(PartitionAction{{{n1}, {n2}}, false}));
}

TEST(Weakening, OfCutLinksEnds) {
  const LinkEnd n1{false, 1}, n2{false, 2}, n3{false, 3};
  const LinkName there{n1, n2}, back{n2, n1}, other{n2, n3};
  const auto has_there = [&](const Action& it) {
    const std::vector<LinkName>& links = std::get<CutAction>(it).links;
    return std::find(links.begin(), links.end(), there) != links.end();
  };
  // What is cut both ways is plainer than half of it, wherever one begins.
  const Action both = CutAction{{there, back}, 0};
  EXPECT_EQ(Weakest(CutAction{{there, other}, 0}, has_there), both);
  EXPECT_EQ(Weakest(CutAction{{there, back, other}, 5'000'000}, has_there), both);
  // Unless it has to be half of it.
  const auto only_there = [&](const Action& it) {
    const std::vector<LinkName>& links = std::get<CutAction>(it).links;
    return has_there(it) && std::find(links.begin(), links.end(), back) == links.end();
  };
  EXPECT_EQ(Weakest(CutAction{{there, other}, 0}, only_there), Action(CutAction{{there}, 0}));
}

TEST(Weakening, MakesStepsOfClocksSmallerAndDisksFaster) {
  const NodeId n1(1);
  const Action step = Weakest(ClockStepAction{n1, -3'600'000'000'000}, [](const Action& it) {
    return std::get<ClockStepAction>(it).by_ns <= -1'000'000'000;
  });
  EXPECT_GT(std::get<ClockStepAction>(step).by_ns, -2'000'000'001);
  const Action slow = Weakest(DiskStallAction{n1}, [](const Action& it) {
    const DiskSlowAction* slower = std::get_if<DiskSlowAction>(&it);
    return slower == nullptr || slower->factor >= 4;
  });
  ASSERT_TRUE(std::holds_alternative<DiskSlowAction>(slow));
  EXPECT_LT(std::get<DiskSlowAction>(slow).factor, 8);
  EXPECT_EQ(Weakest(DiskStallAction{n1}, Always), Action(DiskSlowAction{n1, 2}));
}

TEST(Pinning, NamesTheNodeAndThenTheTime) {
  RunConfig config = WithFault(PauseAction{LeaderOf{"default"}});
  config.schedule[0].when = OnMark{"leader.changed", 2};
  const Moments moments = {{"pause", {3'000'000'000, 20'000'000'000}}, {"crash", {7}}};
  const std::vector<RunConfig> nodes = Pinned(config, 0, moments);
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[1].schedule[0].action, Action(PauseAction{NodeId(2)}));
  EXPECT_TRUE(std::holds_alternative<OnMark>(nodes[1].schedule[0].when));
  const std::vector<RunConfig> times = Pinned(nodes[1], 0, moments);
  ASSERT_EQ(times.size(), 2u);  // one of them lies behind the end
  EXPECT_EQ(std::get<AtTime>(times[0].schedule[0].when).at_ns, 3'000'000'001);
  EXPECT_TRUE(Pinned(times[0], 0, moments).empty());
}

// With the right node and time it is the same run, and nothing is left that a mark or an election decides.
TEST(Pinning, OfARealRunFindsTheSameFailure) {
  Shrinking shrinking(3);
  shrinking.start.schedule.clear();
  shrinking.start.schedule.push_back(
      {OnMark{"leader.changed", 1}, CrashAction{LeaderOf{"default"}}, 1'000'000'000});
  shrinking.moments = {{"crash", {1'500'000'000}}};
  const RunConfig least = shrinking.Run([](const RunConfig& config) {
    if (!HasCrash(config) || config.cluster.nodes < 2) return false;
    const ScheduleEntry& entry = config.schedule[0];
    const CrashAction& crash = std::get<CrashAction>(entry.action);
    const NodeId* const node = std::get_if<NodeId>(&crash.node);
    const AtTime* const at = std::get_if<AtTime>(&entry.when);
    return (node == nullptr || *node == NodeId(2)) && (at == nullptr || at->at_ns > 0);
  });
  ASSERT_EQ(least.schedule.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<AtTime>(least.schedule[0].when));
}

ScriptedOperation Operation(Command command) {
  ScriptedOperation operation;
  operation.node = NodeId(1);
  operation.what = std::move(command);
  return operation;
}

TEST(Keys, GoWithAllThatIsAboutThem) {
  RunConfig config = WithFault(OperationAction{NodeId(1), "default", ScheduledOp::kPut, "c", "v"});
  config.script->operations = {Operation(Put{"a", "1"}), Operation(Increment{"b", 1}),
                               Operation(Batch{{}, {BatchWrite{"a", "1"}, BatchWrite{"b", "2"}}}),
                               Operation(Batch{{}, {BatchWrite{"b", "2"}}})};
  config.script->operations.push_back(Operation(Put{}));
  config.script->operations.back().what = ScriptedRead{Range{"a", "z", 0}, false};
  EXPECT_EQ(KeysOf(config), (std::vector<std::string>{"a", "b", "c"}));
  const RunConfig without = WithoutKeys(config, 1, 2);
  ASSERT_EQ(without.script->operations.size(), 3u);
  EXPECT_EQ(without.script->operations[0], config.script->operations[0]);
  EXPECT_EQ(without.script->operations[1], Operation(Batch{{}, {BatchWrite{"a", "1"}}}));
  EXPECT_EQ(without.script->operations[2], config.script->operations[4]);
  EXPECT_TRUE(without.schedule.empty());
  EXPECT_EQ(KeysOf(WithoutKeys(config, 0, 9)), std::vector<std::string>());
}

TEST(Rounding, ReachesRetriesAndDisks) {
  RunConfig config = WithFault(CrashAction{NodeId(1)});
  config.script->operations = {Operation(Put{"a", "1"})};
  config.script->operations[0].retries = {{285'509'265, NodeId(2)}};
  config.script->node_deviations = {{NodeId(1), NodeSite::kSync, 3, 12'345'678}};
  const std::vector<RunConfig> rounder = Rounded(config, 1'000'000);
  EXPECT_TRUE(std::any_of(rounder.begin(), rounder.end(), [](const RunConfig& each) {
    return each.script->operations[0].retries[0].after_ns == 286'000'000;
  }));
  EXPECT_TRUE(std::any_of(rounder.begin(), rounder.end(), [](const RunConfig& each) {
    return each.script->node_deviations[0].value == 12'000'000;
  }));
  // What is smaller than the unit stays: it would be nothing.
  for (const RunConfig& each : Rounded(config, 1'000'000'000))
    EXPECT_EQ(each.script->operations[0].retries[0].after_ns, 285'509'265);
}

// n1>n2 takes 2 ms as all links do, n2>n1 takes 5 ms.
RunConfig WithFrames(std::vector<FrameDeviation> frames) {
  RunConfig config = WithFault(CrashAction{NodeId(1)});
  config.script->latency_ns = 2'000'000;
  config.script->links = {{{{false, 2}, {false, 1}}, 5'000'000}};
  config.script->frames = std::move(frames);
  return config;
}
FrameDeviation Travelling(LinkName link, std::uint64_t nth, std::int64_t ns) {
  return {link, nth, {.first = {.travel_ns = ns}}};
}
constexpr LinkName kThere{{false, 1}, {false, 2}};
constexpr LinkName kBack{{false, 2}, {false, 1}};

TEST(Smoothing, LeavesWhatStandsOut) {
  const FrameDeviation slow = Travelling(kThere, 2, 12'000'001);
  const FrameDeviation fast = Travelling(kBack, 3, 100'000);
  RunConfig config =
      WithFrames({Travelling(kThere, 1, 2'900'000), slow, Travelling(kBack, 1, 5'500'000), fast});
  config.script->node_deviations = {{NodeId(1), NodeSite::kSync, 3, 1'999'999},
                                    {NodeId(1), NodeSite::kSync, 4, 90'000'000},
                                    {NodeId(1), NodeSite::kSyncError, 5, 0}};
  const RunConfig smooth = Smoothed(config, 1'000'000);
  EXPECT_EQ(smooth.script->frames, (std::vector<FrameDeviation>{slow, fast}));
  ASSERT_EQ(smooth.script->node_deviations.size(), 2u);
  EXPECT_EQ(smooth.script->node_deviations[0].value, 90'000'000);
  EXPECT_EQ(smooth.script->node_deviations[1].site, NodeSite::kSyncError);
  EXPECT_EQ(Smoothed(config, 5'000'000).script->frames, (std::vector<FrameDeviation>{slow}));
}

TEST(Smoothing, KeepsWhatElseHappensToAFrame) {
  const FrameDeviation lost{kThere, 1, {.dropped = true, .first = {}}};
  const FrameDeviation twice{
      kThere,
      2,
      {.first = {.travel_ns = 2'000'001}, .second = FrameArrival{.travel_ns = 2'500'000}}};
  const RunConfig smooth = Smoothed(WithFrames({lost, twice}), 1'000'000);
  ASSERT_EQ(smooth.script->frames.size(), 2u);
  EXPECT_EQ(smooth.script->frames[0], lost);
  EXPECT_EQ(smooth.script->frames[1].fate.first.travel_ns, 2'000'000);
  EXPECT_EQ(smooth.script->frames[1].fate.second->travel_ns, 2'000'000);
}

TEST(Links, ThatDeviateAreNamedOnceAndCanBeMadeUsual) {
  const FrameDeviation other = Travelling(kBack, 1, 9);
  const RunConfig config = WithFrames({Travelling(kThere, 1, 7), Travelling(kThere, 2, 8), other});
  EXPECT_EQ(LinksThatDeviate(config), (std::vector<LinkName>{kThere, kBack}));
  EXPECT_EQ(WithoutLink(config, kThere).script->frames, (std::vector<FrameDeviation>{other}));
}

// Whatever is taken away, what is left is a scenario that can be written, read and run.
TEST(Edits, EveryVariantIsARunThatCanBeWrittenAndRead) {
  const RunConfig run = SomeRun(5);
  std::vector<RunConfig> variants = {Truncated(run, 1'000'000'000),     WithoutFaults(run, 0, 3),
                                     WithoutOperations(run, 1, 5),      WithoutFrames(run, 0, 100),
                                     WithoutNodeDeviations(run, 2, 50), WithoutClient(run, 1),
                                     WithoutNamespace(run, 1),          Earlier(run, 2'000'000'000),
                                     Renumbered(WithoutClient(run, 0)), WithSeed(run, 7),
                                     Smoothed(run, 1'000'000)};
  for (const LinkName& link : LinksThatDeviate(run)) variants.push_back(WithoutLink(run, link));
  for (std::uint32_t node = 1; node <= 5; ++node)
    variants.push_back(WithoutNode(run, NodeId(node)));
  variants.push_back(WithoutNode(WithoutNode(WithoutNode(run, NodeId(5)), NodeId(1)), NodeId(2)));
  for (const FrameKind kind : kFrameKinds) variants.push_back(WithoutKind(run, kind));
  for (const std::string& word : ActionsOf(run)) variants.push_back(WithoutAction(run, word));
  for (std::size_t i = 0; i < run.schedule.size(); ++i) {
    for (RunConfig& weaker : Weakened(run, i)) variants.push_back(std::move(weaker));
  }
  for (std::size_t i = 0; i < 20; ++i) {
    for (RunConfig& plainer : Simplified(run, i)) variants.push_back(std::move(plainer));
  }
  for (RunConfig& plainer : Plainer(run)) variants.push_back(std::move(plainer));
  for (RunConfig& tighter : Tightened(run)) variants.push_back(std::move(tighter));
  for (std::size_t i = 0; i < KeysOf(run).size(); i += 3)
    variants.push_back(WithoutKeys(run, i, 2));
  std::vector<RunConfig> rounder = Rounded(run, 10'000'000);
  for (std::size_t i = 0; i < rounder.size(); i += 40) variants.push_back(std::move(rounder[i]));
  std::size_t ran = 0;
  for (const RunConfig& variant : variants) {
    const std::string text = WriteResolved("variant", "A variant.", variant);
    const absl::StatusOr<Scenario> read = ParseScenario(text, "variant.json");
    ASSERT_TRUE(read.ok()) << read.status().message();
    ++ran;
    EXPECT_EQ(WriteResolved("variant", "A variant.", Draw(*read, 3)), text) << "variant " << ran;
    EXPECT_TRUE(Draw(*read, 3).script == variant.script) << "variant " << ran;
    EXPECT_TRUE(Draw(*read, 3).schedule == variant.schedule) << "variant " << ran;
    if (ran % 5 != 0) continue;
    const RunResult direct = RunOnce(*read, variant, 0, {});
    const RunResult again = RunOnce(*read, Draw(*read, 99), 99, {});
    EXPECT_EQ(direct.digest.value, again.digest.value) << "variant " << ran;
    // A sound engine stays sound, whatever is left of its faults; only time may have become too short.
    const bool sound = direct.verdict != Verdict::kFail || direct.violation->id.starts_with("LIVE");
    EXPECT_TRUE(sound) << direct.violation->id << ": " << direct.violation->what;
  }
}

TEST(Elsewhere, IsNeverLargerAndAlwaysTheSame) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(kScenario, "some.json");
  ASSERT_TRUE(scenario.ok());
  std::set<std::uint64_t> seeds;
  for (std::uint64_t nth = 0; nth < 40; ++nth) {
    const RunConfig smaller = SmallerDraw(*scenario, 17, nth);
    EXPECT_LE(smaller.cluster.nodes, 3);
    EXPECT_LE(smaller.workload.clients, 5);
    EXPECT_LE(smaller.time.horizon_ns, 6'000'000'000);
    EXPECT_LE(smaller.budget.down, 1);
    seeds.insert(SeedOfDraw(17, nth));
    EXPECT_EQ(SmallerDraw(*scenario, 17, nth).cluster.options.seed, smaller.cluster.options.seed);
    // One of the namespaces is named by the checks, and may be gone.
    RunSettings settings;
    settings.resolve = true;
    const RunResult run = RunOnce(*scenario, smaller, SeedOfDraw(17, nth), settings);
    const absl::StatusOr<Scenario> read =
        ParseScenario(WriteResolved("smaller", "A smaller draw.", *run.resolved), "smaller.json");
    EXPECT_TRUE(read.ok()) << read.status().message();
    const RunResult first = RunOnce(*scenario, smaller, SeedOfDraw(17, nth), {});
    EXPECT_EQ(NameOf(first.verdict), std::string("pass"))
        << nth << (first.violation ? first.violation->what : "");
  }
  EXPECT_EQ(seeds.size(), 40u);
}

}  // namespace
}  // namespace quorate::sim
