// A recorded run, played to the engine alone, is that run; and what a written case says of an engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "sim/cases/codec.h"
#include "sim/cases/engine_replay.h"
#include "sim/cases/step_recorder.h"
#include "sim/cases/writer.h"
#include "sim/scenario/scenario.h"
#include "sim/world/run.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> SmokeScenarios() {
  const char* root = std::getenv("QUORATE_ROOT");
  EXPECT_NE(root, nullptr);
  std::vector<std::string> files;
  for (const auto& file : fs::directory_iterator(fs::path(root) / "scenarios" / "smoke"))
    files.push_back(file.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

const char* const kCrashing = R"({"format":1,"about":"Nodes die and come back.",
  "time":{"horizon":"2s"},
  "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":8}},
  "network":{"latency":{"dist":"exp","min":"0.1ms","mean":"2ms","max":"50ms"},"loss":0.03},
  "process":{"crash":{"mtbf":"1s"},"restart":{"after":["10ms","500ms"]}},
  "workload":{"clients":2,"rate":"40/s","keys":5}})";

Scenario Crashing() {
  const absl::StatusOr<Scenario> scenario = ParseScenario(kCrashing, "crashing.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

RecordedRun RecordingOf(const Scenario& scenario, std::uint64_t seed) {
  RecordedRun recording;
  RunSettings settings;
  settings.steps = &recording;
  settings.scenario = "0123456789abcdef";
  settings.commit = "0123abcd";
  RunOnce(scenario, Draw(scenario, seed), seed, settings);
  return recording;
}

// Gives the steps to fresh replicas; how many boots there were, or 0 if some step led to something else.
std::size_t BootsOfEqualReplay(const RecordedRun& run) {
  std::map<NodeId, Replica> replicas;
  std::size_t boots = 0;
  for (const RecordedStep& step : run.steps) {
    if (const Recovered* recovered = std::get_if<Recovered>(&step.given)) {
      replicas.erase(step.node);
      replicas.emplace(step.node, Replica(*recovered, run.options)).first->second.Start(step.now);
      ++boots;
    } else {
      replicas.at(step.node).Step(step.now, std::get<Input>(step.given));
    }
    const Replica& replica = replicas.at(step.node);
    if (DigestOfEffects(replica.last_effects()) != step.effects ||
        replica.StateDigest() != step.state || !step.done) {
      return 0;
    }
  }
  return boots;
}

// The same by the texts that stand in a written case.
void Play(const RecordedStep& step, EngineReplay& replay) {
  const std::uint32_t node = step.node.value();
  const std::int64_t wall = step.now.wall.ns - kReplayEpoch;
  if (const Recovered* recovered = std::get_if<Recovered>(&step.given)) {
    return replay.Boot(node, step.now.mono.ns, wall, "boot",
                       absl::BytesToHexString(EncodeRecovered(*recovered)), step.effects.value);
  }
  replay.Step(node, step.now.mono.ns, wall, "step",
              absl::BytesToHexString(EncodeInput(std::get<Input>(step.given))), step.effects.value);
}
EngineReplay Played(const RecordedRun& run) {
  EngineReplay replay(run.options);
  for (const RecordedStep& step : run.steps) Play(step, replay);
  replay.State(run.steps.back().node.value(), run.steps.back().state.value);
  return replay;
}

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

bool Says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

TEST(RecordedRun, OfEverySmokeScenarioIsRepeatedByTheEngineAlone) {
  std::size_t boots = 0;
  std::size_t steps = 0;
  for (const std::string& file : SmokeScenarios()) {
    const absl::StatusOr<Scenario> scenario = LoadScenario(file);
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const RecordedRun run = RecordingOf(*scenario, seed);
      ASSERT_GT(run.steps.size(), 1'000u) << file;
      const std::size_t found = BootsOfEqualReplay(run);
      EXPECT_GT(found, 0u) << file << " seed " << seed;
      if (seed == 1) {
        EXPECT_EQ(Played(run).course(), Course::kRepeated) << Played(run).story();
      }
      boots += found;
      steps += run.steps.size();
    }
  }
  RecordProperty("steps", static_cast<int>(steps));
  EXPECT_GT(boots, SmokeScenarios().size() * 4 * 5);  // many lives: processes did die
}

TEST(RecordedRun, ChangesNothing) {
  const Scenario scenario = Crashing();
  RecordedRun recording;
  RunSettings settings;
  settings.steps = &recording;
  const RunResult recorded = RunOnce(scenario, Draw(scenario, 3), 3, settings);
  const RunResult plain = RunOnce(scenario, Draw(scenario, 3), 3, RunSettings{});
  EXPECT_EQ(recorded.digest, plain.digest);
  EXPECT_EQ(recorded.events, plain.events);
  EXPECT_FALSE(recording.steps.empty());
}

TEST(RecordedRun, EndsWithTheStepInWhichTheViolationWasSeen) {
  const Scenario scenario = Crashing();
  const RecordedRun whole = RecordingOf(scenario, 3);
  RecordedRun cut;
  RunSettings settings;
  settings.steps = &cut;
  const RunConfig config = Draw(scenario, 3);
  World world(config, 3, settings);
  const RunGuard guard(world.shared().marks);
  world.RunUntil([&] {
    if (world.shared().events == 700)
      world.shared().verdicts.Report(Check::kOneLeaderATerm, "planted");
  });
  ASSERT_GT(cut.steps.size(), 300u);
  ASSERT_LT(cut.steps.size(), whole.steps.size());
  EXPECT_LE(cut.steps.back().event, 700u);
  EXPECT_GT(whole.steps[cut.steps.size()].event, 700u);
  for (std::size_t i = 0; i < cut.steps.size(); ++i) {
    EXPECT_EQ(cut.steps[i].event, whole.steps[i].event);
    EXPECT_EQ(cut.steps[i].given, whole.steps[i].given);
    EXPECT_EQ(cut.steps[i].state, whole.steps[i].state);
  }
}

TEST(RecordedRun, TakesNoStepAfterAViolation) {
  RecordedRun run;
  Verdicts verdicts;
  const Recovered recovered = std::get<Recovered>(RecordingOf(Crashing(), 3).steps[0].given);
  StepRecorder recorder(run, verdicts, recovered);
  Replica replica(recovered, Options{});
  const Now now{MonoTime{1}, WallTime{kReplayEpoch}};
  recorder.OnStart(now);
  replica.Start(now);
  recorder.OnStepped(replica);
  verdicts.Report(Check::kOneLeaderATerm, "planted");
  recorder.OnInput(now, Wakeup{});
  replica.Step(now, Wakeup{});
  recorder.OnStepped(replica);
  ASSERT_EQ(run.steps.size(), 1u);
  EXPECT_EQ(BootsOfEqualReplay(run), 1u);
}

TEST(EngineReplay, RepeatsARunOfTheSameEngine) {
  const EngineReplay replay = Played(RecordingOf(Crashing(), 3));
  EXPECT_EQ(replay.course(), Course::kRepeated);
  EXPECT_TRUE(Says(replay.story(), "at all ")) << replay.story();
}

TEST(EngineReplay, TellsAnotherEndFromAnotherWay) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  run.steps.resize(400);
  run.steps.back().effects.value ^= 1;
  EXPECT_EQ(Played(run).course(), Course::kOtherEnd);
  EXPECT_TRUE(Says(Played(run).story(), "since step 400 of 400")) << Played(run).story();
  run.steps.back().effects.value ^= 1;
  run.steps.back().state.value ^= 1;
  EXPECT_EQ(Played(run).course(), Course::kOtherEnd);
  run.steps.back().state.value ^= 1;
  EXPECT_EQ(Played(run).course(), Course::kRepeated);
  run.steps[300].effects.value ^= 1;
  EXPECT_EQ(Played(run).course(), Course::kElsewhere);
  EXPECT_TRUE(Says(Played(run).story(), "since step 301 of 400")) << Played(run).story();
  run.steps[0].effects.value ^= 1;
  EXPECT_TRUE(Says(Played(run).story(), "since step 1 of 400")) << Played(run).story();
}

// A write that was never made is said to be durable: the engine's own duty of its caller.
TEST(EngineReplay, SeesAnAssertionFail) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  run.steps.resize(10);
  const std::string input = absl::BytesToHexString(EncodeInput(Persisted{PersistSeq(1'000'000)}));
  const std::uint32_t node = run.steps.back().node.value();
  const std::int64_t at = run.steps.back().now.mono.ns;

  EngineReplay unexpected = Played(run);
  unexpected.Step(node, at, 0, "too much", input, 0);
  EXPECT_EQ(unexpected.course(), Course::kAsserts);
  EXPECT_TRUE(Says(unexpected.story(), "REQUIRE upto <= ")) << unexpected.story();
  unexpected.Step(node, at, 0, "never made", "04", 0);
  EXPECT_EQ(unexpected.course(), Course::kAsserts);

  EngineReplay expected = Played(run);
  expected.FailingStep(node, at, 0, "too much", input);
  EXPECT_EQ(expected.course(), Course::kRepeated);

  EngineReplay mended = Played(run);
  mended.FailingStep(node, at, 0, "nothing wrong", "04");
  EXPECT_EQ(mended.course(), Course::kOtherEnd);
}

TEST(EngineReplay, RefusesADamagedRecording) {
  const RecordedRun run = RecordingOf(Crashing(), 3);
  for (const char* text : {"0", "0g", "ff", "0404"}) {
    EngineReplay replay(run.options);
    Play(run.steps[0], replay);
    replay.Step(run.steps[0].node.value(), 1'000'000'000, 0, "damaged", text, 0);
    EXPECT_EQ(replay.course(), Course::kUnreadable) << text;
  }
  EngineReplay replay(run.options);
  replay.Boot(1, 1'000'000'000, 0, "damaged", "00", 0);
  EXPECT_EQ(replay.course(), Course::kUnreadable);
}

TEST(WrittenCase, OfAPassingRunExpectsARepetition) {
  const RecordedRun run = RecordingOf(Crashing(), 3);
  ASSERT_FALSE(run.violation);
  const std::string text = WriteEngineCase(run);
  EXPECT_TRUE(Says(text, "TEST(CrashingSeed3, IsRepeated)"));
  EXPECT_TRUE(Says(text, "EXPECT_EQ(replay.course(), Course::kRepeated)"));
  EXPECT_FALSE(Says(text, "GTEST_SKIP"));
  EXPECT_TRUE(Says(text, "commit 0123abcd, scenario 0123456789abcdef"));
  EXPECT_EQ(Count(text, "\n  replay."), run.steps.size() + 1);
  EXPECT_TRUE(Says(text, "  options.snapshot_every = 8;\n"));
}

TEST(WrittenCase, HasANameThatCompilesWhateverTheFileIsCalled) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  run.scenario = "folder/2024-outage.json";
  EXPECT_TRUE(Says(WriteEngineCase(run), "TEST(Of2024OutageSeed3, IsRepeated)"));
}

TEST(WrittenCase, OfAViolationSaysWhatIsToHold) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  run.steps.resize(400);
  run.violation = Violation{"I-1", "two \"leaders\"\nin term 3\\\xc3\xa9", run.steps.back().event};
  ASSERT_TRUE(run.SeenInLastStep());
  const std::string text = WriteEngineCase(run);
  EXPECT_TRUE(Says(text, "TEST(CrashingSeed3, ViolatesI1)"));
  EXPECT_TRUE(Says(text, R"("I-1 is to hold: at most one leader a term and group.\n")"));
  EXPECT_TRUE(Says(text, R"("two \"leaders\"\nin term 3\\\303\251\n")"));
  EXPECT_TRUE(Says(text, "if (replay.course() == Course::kElsewhere) GTEST_SKIP()"));
  EXPECT_TRUE(Says(text, "EXPECT_EQ(replay.course(), Course::kOtherEnd)"));
  EXPECT_EQ(Count(text, "\n  replay."), 401u);
}

TEST(WrittenCase, OfALongRunHoldsTheNodeThatMatters) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  const NodeId node = run.steps.back().node;
  run.violation = Violation{"I-1", "two leaders", run.steps.back().event};
  const std::size_t of_node = static_cast<std::size_t>(
      std::count_if(run.steps.begin(), run.steps.end(),
                    [&](const RecordedStep& step) { return step.node == node; }));
  const std::string one = WriteEngineCase(run, run.steps.size() - 1);
  EXPECT_EQ(Count(one, "\n  replay."), of_node + 1);
  EXPECT_EQ(Count(one, "(" + std::to_string(node.value()) + ", "), of_node + 1);
  EXPECT_EQ(Count(WriteEngineCase(run, run.steps.size()), "\n  replay."), run.steps.size() + 1);
  // Seen somewhere else: no node matters more than the others.
  run.violation->event += 1;
  EXPECT_EQ(Count(WriteEngineCase(run, 1), "\n  replay."), run.steps.size() + 1);
}

TEST(WrittenCase, OfAFailedAssertionEndsWithTheStepInWhichItFailed) {
  RecordedRun run = RecordingOf(Crashing(), 3);
  run.steps.resize(400);
  run.steps.back().done = false;
  run.violation = Violation{"ASSERT", "INVARIANT", run.steps.back().event};
  const std::string text = WriteEngineCase(run);
  EXPECT_EQ(Count(text, "\n  replay.FailingStep("), 1u);
  EXPECT_EQ(Count(text, "\n  replay.State("), 0u);
}

}  // namespace
}  // namespace quorate::sim
