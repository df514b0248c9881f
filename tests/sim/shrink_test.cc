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
        if (fails(candidates[i])) return Shrinker::Found{i, {100, 2'000'000'000}};
      }
      return std::nullopt;
    };
    const auto out_of_time = [&] { return tries >= most_tries; };
    Shrinker shrinker(start, {100, 2'000'000'000}, evaluate, out_of_time,
                      [](const ShrinkProgress&) {});
    shrinker.Run();
    finished = shrinker.finished();
    return shrinker.best();
  }

  RunConfig start;
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

// Whatever is taken away, what is left is a scenario that can be written, read and run.
TEST(Edits, EveryVariantIsARunThatCanBeWrittenAndRead) {
  const RunConfig run = SomeRun(5);
  std::vector<RunConfig> variants = {Truncated(run, 1'000'000'000),     WithoutFaults(run, 0, 3),
                                     WithoutOperations(run, 1, 5),      WithoutFrames(run, 0, 100),
                                     WithoutNodeDeviations(run, 2, 50), WithoutClient(run, 1),
                                     WithoutNamespace(run, 1),          Earlier(run, 2'000'000'000),
                                     Renumbered(WithoutClient(run, 0)), WithSeed(run, 7)};
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
