// A run, written out, is the same run: without its seed, and to the byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "sim/scenario/scenario.h"
#include "sim/scenario/script_text.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

std::vector<std::string> SmokeFiles() {
  std::vector<std::string> files;
  const char* const root = std::getenv("QUORATE_ROOT");
  const std::filesystem::path folder(root == nullptr ? "." : root);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "scenarios" / "smoke"))
    files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Scenario Load(const std::string& file) {
  const absl::StatusOr<Scenario> scenario = LoadScenario(file);
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  return *scenario;
}

// The history without its first line, which names the seed.
std::string EventsOf(const std::string& history) { return history.substr(history.find('\n')); }

class Resolved : public testing::TestWithParam<std::string> {};

TEST_P(Resolved, RunTakesTheSameWayWithoutASeed) {
  const Scenario scenario = Load(GetParam());
  for (std::uint64_t seed = 501; seed <= 512; ++seed) {
    std::ostringstream history;
    RunSettings settings;
    settings.resolve = true;
    settings.history_to = &history;
    const RunResult first = RunOnce(scenario, Draw(scenario, seed), seed, settings);
    ASSERT_TRUE(first.resolved.has_value());
    std::ostringstream again;
    settings.resolve = false;
    settings.history_to = &again;
    const RunResult second = RunOnce(scenario, *first.resolved, /*seed=*/0, settings);
    EXPECT_TRUE(EventsOf(history.str()) == EventsOf(again.str())) << "seed " << seed;
    EXPECT_EQ(first.digest.value, second.digest.value) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(first.virtual_ns, second.virtual_ns) << "seed " << seed;
    EXPECT_EQ(NameOf(first.verdict), std::string(NameOf(second.verdict))) << "seed " << seed;
  }
}

TEST_P(Resolved, RunIsResolvedAgainAsItIs) {
  const Scenario scenario = Load(GetParam());
  for (const std::uint64_t seed : {2u, 7u, 14u, 40u}) {
    RunSettings settings;
    settings.resolve = true;
    const RunResult first = RunOnce(scenario, Draw(scenario, seed), seed, settings);
    ASSERT_TRUE(first.resolved.has_value());
    const RunResult second = RunOnce(scenario, *first.resolved, /*seed=*/0, settings);
    ASSERT_TRUE(second.resolved.has_value());
    settings.resolve = false;
    const RunResult third = RunOnce(scenario, *second.resolved, /*seed=*/0, settings);
    EXPECT_EQ(first.digest.value, second.digest.value) << "seed " << seed;
    EXPECT_EQ(first.digest.value, third.digest.value) << "seed " << seed;
  }
}

TEST_P(Resolved, ScenarioIsReadAsItWasWritten) {
  const Scenario scenario = Load(GetParam());
  for (std::uint64_t seed = 601; seed <= 603; ++seed) {
    RunSettings settings;
    settings.resolve = true;
    const RunResult first = RunOnce(scenario, Draw(scenario, seed), seed, settings);
    const std::string text = WriteResolved("written", "A run, resolved.", *first.resolved);
    const absl::StatusOr<Scenario> read = ParseScenario(text, "written.json");
    ASSERT_TRUE(read.ok()) << read.status().message();
    // Whatever the seed.
    const RunConfig again = Draw(*read, 4711);
    EXPECT_TRUE(again.script == first.resolved->script) << "seed " << seed;
    EXPECT_TRUE(again.schedule == first.resolved->schedule) << "seed " << seed;
    settings.resolve = false;
    const RunResult second = RunOnce(*read, again, 4711, settings);
    EXPECT_EQ(first.digest.value, second.digest.value) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(WriteResolved("written", "A run, resolved.", again), text);
  }
}

// What scenarios of the suite do not bring together: scheduled entries beside faults that come by chance.
constexpr const char* kMixed[] = {
    R"({"format":1,"about":"A mark that a random partition reaches.","time":{"horizon":"8s"},
      "cluster":{"nodes":5},"network":{"partition":{"mtbf":"1s","mttr":"1s","one_way":0.5,"shapes":{"leader":1}}},
      "schedule":[{"on":{"mark":"partition.leader"},"do":"crash","node":1,"for":"1s"},
                  {"on":{"mark":"partition.one_way_leader"},"do":"crash","node":"$leader","for":"300ms"}]})",
    R"({"format":1,"about":"Shapes that cut nothing between two nodes.","time":{"horizon":"8s"},
      "cluster":{"nodes":2},"network":{"partition":{"mtbf":"500ms","mttr":"500ms","shapes":{"ring":1,"halves":1}}}})",
    R"({"format":1,"about":"Healing by order, while links break by chance.","time":{"horizon":"8s"},
      "cluster":{"nodes":3},"network":{"disconnect":{"mtbf":"1s","for":["500ms","2s"]}},
      "schedule":[{"at":"3s","do":"heal"},{"at":"5s","do":"heal"},{"at":"7s","do":"heal"}]})",
    R"({"format":1,"about":"Healing by order, while partitions flap.","time":{"horizon":"8s"},
      "cluster":{"nodes":5},"network":{"partition":{"mtbf":"500ms","mttr":"2s","flap":1,"flap_every":"50ms"}},
      "schedule":[{"at":"3s","do":"heal"},{"at":"4s","do":"cut","links":["n1>n2"],"flap":"70ms","for":"3s"},
                  {"at":"5s","do":"heal"},{"at":"6s","do":"pause","node":"$leader","for":"700ms"}]})",
    R"({"format":1,"about":"Namespaces dropped by order and by chance.","time":{"horizon":"6s"},
      "cluster":{"nodes":3,"namespaces":[{"name":"orders"},{"name":"users"}]},"process":{"crash":{"mtbf":"1s"}},
      "workload":{"ops":{"put":10,"get":10,"drop_namespace":2}},
      "schedule":[{"at":"2s","do":"drop_namespace","node":1,"namespace":"orders"},
                  {"at":"4s","do":"drop_namespace","node":"$leader","namespace":"users"}]})"};

TEST(ResolvedMixture, OfOrdersAndChancesTakesTheSameWay) {
  for (const char* text : kMixed) {
    const absl::StatusOr<Scenario> scenario = ParseScenario(text, "mixed.json");
    ASSERT_TRUE(scenario.ok()) << scenario.status().message();
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      RunSettings settings;
      settings.resolve = true;
      const RunResult first = RunOnce(*scenario, Draw(*scenario, seed), seed, settings);
      ASSERT_TRUE(first.resolved.has_value());
      settings.resolve = false;
      const RunResult second = RunOnce(*scenario, *first.resolved, 0, settings);
      EXPECT_EQ(first.digest.value, second.digest.value) << scenario->about << " seed " << seed;
      EXPECT_EQ(NameOf(first.verdict), std::string("pass")) << scenario->about << " seed " << seed;
    }
  }
}

std::string NameOfFile(const testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}
INSTANTIATE_TEST_SUITE_P(Smoke, Resolved, testing::ValuesIn(SmokeFiles()), NameOfFile);

}  // namespace
}  // namespace quorate::sim
