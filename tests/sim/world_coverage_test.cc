// Kinds of states: what is told apart, what is not, and that looking changes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"
#include "sim/world/abstract_state.h"
#include "sim/world/configured_faults.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

NodeFacts Up(Role role, std::uint64_t term, std::uint64_t last) {
  NodeFacts node;
  node.process = ProcessIs::kUp;
  node.has_group = true;
  node.role = role;
  node.term = Term(term);
  node.last = Index(last);
  node.commit = node.applied = Index(last);
  return node;
}

std::vector<NodeCode> CodesOf(std::vector<NodeFacts> nodes) {
  std::vector<NodeCode> codes(nodes.size());
  CodesOf(nodes, codes);
  return codes;
}

std::uint64_t NumberOf(const std::vector<NodeFacts>& nodes, std::uint64_t kind = 0) {
  std::vector<NodeCode> codes = CodesOf(nodes);
  return NumberOfCluster(codes, kind);
}

std::set<std::string> NamesOf(NodeCode code) {
  std::set<std::string> names;
  const FeatureSet features = FeaturesOf(code);
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if ((features >> i & 1u) != 0) names.insert(NameOfFeature(i));
  }
  return names;
}

std::size_t FeatureOf(const std::string& name) {
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if (NameOfFeature(i) == name) return i;
  }
  ADD_FAILURE() << "no feature " << name;
  return 0;
}

TEST(AbstractState, NodesAreInterchangeable) {
  const std::vector<NodeFacts> nodes = {Up(Role::kLeader, 3, 10), Up(Role::kFollower, 3, 9),
                                        Up(Role::kCandidate, 4, 2)};
  std::vector<std::size_t> order = {0, 1, 2};
  const std::uint64_t number = NumberOf(nodes);
  do {
    EXPECT_EQ(NumberOf({nodes[order[0]], nodes[order[1]], nodes[order[2]]}), number);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(AbstractState, TermsAndIndexesCountByTheirDistance) {
  const auto at = [](std::uint64_t term, std::uint64_t index) {
    return NumberOf({Up(Role::kLeader, term, index), Up(Role::kFollower, term - 1, index - 3)});
  };
  EXPECT_EQ(at(3, 10), at(700, 90'000));
}

TEST(AbstractState, EachDimensionIsToldApart) {
  const std::vector<NodeFacts> plain = {Up(Role::kLeader, 5, 100), Up(Role::kFollower, 5, 100),
                                        Up(Role::kFollower, 5, 100)};
  std::set<std::uint64_t> numbers = {NumberOf(plain)};
  std::size_t kinds = 1;
  const auto another = [&](const auto& change) {
    std::vector<NodeFacts> nodes = plain;
    change(nodes[1]);
    numbers.insert(NumberOf(nodes));
    EXPECT_EQ(numbers.size(), ++kinds);
  };
  another([](NodeFacts& node) { node.process = ProcessIs::kPaused; });
  another([](NodeFacts& node) { node = NodeFacts{}; });
  another([](NodeFacts& node) { node.disk = DiskIs::kFull; });
  another([](NodeFacts& node) { node.role = Role::kPreCandidate; });
  another([](NodeFacts& node) { node.term = Term(4); });
  another([](NodeFacts& node) { node.term = Term(3); });
  another([](NodeFacts& node) { node.last = node.commit = node.applied = Index(92); });
  another([](NodeFacts& node) { node.last = node.commit = node.applied = Index(91); });
  another([](NodeFacts& node) { node.last = Index(101); });
  another([](NodeFacts& node) { node.applied = Index(92); });
  another([](NodeFacts& node) { node.applied = Index(91); });
  another([](NodeFacts& node) { node.snapshot = SnapshotIs::kReceiving; });
  another([](NodeFacts& node) { node.configuration = ConfigurationIs::kJoint; });
  numbers.insert(NumberOf(plain, 1));
  EXPECT_EQ(numbers.size(), kinds + 1);
}

TEST(AbstractState, ALogIsComparedWithThatOfTheLatestLeader) {
  NodeFacts leader = Up(Role::kLeader, 5, 100);
  leader.start = Index(50);
  const std::vector<NodeCode> codes =
      CodesOf({Up(Role::kLeader, 4, 120), leader, Up(Role::kFollower, 5, 49),
               Up(Role::kFollower, 5, 50), Up(Role::kFollower, 5, 99)});
  const char* const expected[] = {"log=ahead", "log=even", "log=cut-off", "log=many-behind",
                                  "log=few-behind"};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    EXPECT_TRUE(NamesOf(codes[i]).contains(expected[i])) << i;
  }
}

TEST(AbstractState, WithoutALeaderTheLongestLogIsTheMeasure) {
  const std::vector<NodeCode> codes =
      CodesOf({Up(Role::kFollower, 5, 7), Up(Role::kFollower, 3, 9), Up(Role::kCandidate, 6, 8)});
  EXPECT_TRUE(NamesOf(codes[0]).contains("log=few-behind"));
  EXPECT_TRUE(NamesOf(codes[1]).contains("log=even"));
  EXPECT_TRUE(NamesOf(codes[1]).contains("term=further-behind"));
}

TEST(AbstractState, ANodeThatIsDownHasAProcessAndADiskAlone) {
  NodeFacts down;
  down.disk = DiskIs::kDamaged;
  EXPECT_EQ(NamesOf(CodesOf({down, Up(Role::kLeader, 1, 1)})[0]),
            (std::set<std::string>{"process=down", "disk=damaged"}));
}

TEST(Features, EveryFeatureHasANameOfItsOwn) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kFeatures; ++i) names.insert(NameOfFeature(i));
  EXPECT_EQ(names.size(), kFeatures);
}

TEST(Features, WhatContradictsItselfIsNoPair) {
  const auto may = [](const char* a, const char* b) {
    EXPECT_EQ(MayMeet(FeatureOf(a), FeatureOf(b)), MayMeet(FeatureOf(b), FeatureOf(a)));
    return MayMeet(FeatureOf(a), FeatureOf(b));
  };
  EXPECT_TRUE(may("disk=full", "snapshot=receiving"));
  EXPECT_TRUE(may("process=down", "disk=damaged"));
  EXPECT_TRUE(may("role=leader", "snapshot=sending"));
  EXPECT_FALSE(may("process=down", "role=leader"));
  EXPECT_FALSE(may("role=candidate", "snapshot=sending"));
  EXPECT_FALSE(may("disk=ok", "disk=full"));
  EXPECT_FALSE(may("disk=ok", "disk=ok"));
}

TEST(Features, PairsAreOfOneNode) {
  FeaturePairs pairs;
  NodeFacts leader = Up(Role::kLeader, 2, 5);
  leader.disk = DiskIs::kSlow;
  for (const NodeCode code : CodesOf({leader, Up(Role::kFollower, 2, 5)})) pairs.Add(code);
  EXPECT_TRUE(pairs.Has(FeatureOf("disk=slow"), FeatureOf("role=leader")));
  EXPECT_TRUE(pairs.Has(FeatureOf("role=leader"), FeatureOf("disk=slow")));
  EXPECT_TRUE(pairs.Has(FeatureOf("role=follower")));
  EXPECT_FALSE(pairs.Has(FeatureOf("disk=slow"), FeatureOf("role=follower")));
  EXPECT_FALSE(pairs.Has(FeatureOf("disk=full")));
}

// ---- of whole runs -------------------------------------------------------------------------------------

RunConfig ConfigOf(const std::string& text, std::uint64_t seed) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return Draw(*scenario, seed);
}

const char* const kWild = R"({"format":1,"about":"Much goes wrong.","time":{"horizon":"6s"},
  "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":20}},
  "network":{"loss":0.05,"partition":{"mtbf":"2s","mttr":"500ms","one_way":0.3}},
  "disk":{"sync":{"dist":"exp","mean":"2ms"},"stall":{"mtbf":"2s","for":"100ms"}},
  "process":{"crash":{"mtbf":"2s"},"restart":{"after":["10ms","1s"]},"pause":{"mtbf":"3s","for":"200ms"}},
  "workload":{"clients":4,"rate":"80/s","keys":5}})";

std::set<std::string> SeenIn(const AbstractStates& states) {
  std::set<std::string> names;
  for (const NodeCode code : states.nodes) names.merge(NamesOf(code));
  return names;
}

TEST(Coverage, ARunShowsWhatHappenedInIt) {
  const RunConfig config = ConfigOf(kWild, 3);
  const RunResult result = RunOnce({}, config, 3, {});
  EXPECT_TRUE(std::is_sorted(result.states.clusters.begin(), result.states.clusters.end()));
  EXPECT_GT(result.states.clusters.size(), 20u);
  const std::set<std::string> seen = SeenIn(result.states);
  for (const char* name : {"process=down", "process=paused", "disk=stalled", "role=leader",
                           "role=pre-candidate", "term=one-behind", "log=few-behind"}) {
    EXPECT_TRUE(seen.contains(name)) << name;
  }
}

TEST(Coverage, ACalmRunShowsNothingElse) {
  const RunConfig config = ConfigOf(R"({"format":1,"about":"Calm.","time":{"horizon":"3s"},
    "cluster":{"nodes":1},"workload":{"clients":1,"rate":"20/s"}})",
                                    1);
  const RunResult result = RunOnce({}, config, 1, {});
  const std::set<std::string> seen = SeenIn(result.states);
  for (const char* name : {"process=down", "process=paused", "disk=slow", "disk=stalled",
                           "disk=full", "disk=damaged", "term=one-behind", "log=cut-off"}) {
    EXPECT_FALSE(seen.contains(name)) << name;
  }
  EXPECT_TRUE(seen.contains("role=leader"));
}

TEST(Coverage, TheSameRunShowsTheSame) {
  const RunConfig config = ConfigOf(kWild, 5);
  const RunResult first = RunOnce({}, config, 5, {});
  const RunResult second = RunOnce({}, config, 5, {});
  EXPECT_EQ(first.states, second.states);
  EXPECT_NE(first.states, RunOnce({}, ConfigOf(kWild, 6), 6, {}).states);
}

// ---- faults that could come ----------------------------------------------------------------------------

TEST(ConfiguredFaults, WhatIsInjectedWasConfigured) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunConfig config = ConfigOf(kWild, seed);
    const std::vector<std::string> names = ConfiguredFaults(config);
    const std::set<std::string> configured(names.begin(), names.end());
    for (const auto& [name, count] : RunOnce({}, config, seed, {}).injected) {
      if (count == 0 || name.starts_with("outside.") || name == "network.cut") continue;
      EXPECT_TRUE(configured.contains(name)) << name;
    }
  }
}

TEST(ConfiguredFaults, OneThatNeverCameIsCountedAsNone) {
  const RunConfig config = ConfigOf(R"({"format":1,"about":"Rare.","time":{"horizon":"2s"},
    "cluster":{"nodes":3},"disk":{"full":{"mtbf":"1h"}},"workload":{"clients":1,"rate":"20/s"}})",
                                    1);
  const RunResult result = RunOnce({}, config, 1, {});
  ASSERT_TRUE(result.injected.contains("disk.full"));
  EXPECT_EQ(result.injected.at("disk.full"), 0u);
  EXPECT_FALSE(result.injected.contains("disk.stall"));
}

// One that waits for a moment to strike may wait for ever.
TEST(ConfiguredFaults, AimedCrashesAreAmongThemWithWhatTheyTakeAlong) {
  RunConfig config;
  config.cluster.nodes = 3;
  config.process.aimed_crash_parts = PerEntity({.low = 1, .high = 1, .options = {}}, 0, 0);
  config.process.wipe_parts = PerEntity({.low = 1, .high = 1, .options = {}}, 0, 0);
  const std::vector<std::string> names = ConfiguredFaults(config);
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_TRUE(has("process.aimed_crash"));
  EXPECT_TRUE(has("process.wipe"));
  EXPECT_FALSE(has("process.crash"));
}

TEST(ConfiguredFaults, ANodeAloneHasNoLinksToLose) {
  const RunConfig config = ConfigOf(R"({"format":1,"about":"Alone.","cluster":{"nodes":1},
    "network":{"partition":{"mtbf":"1s","mttr":"1s"},"clog":{"mtbf":"1s"}},"disk":{"self_flush":0}})",
                                    1);
  EXPECT_EQ(ConfiguredFaults(config), std::vector<std::string>{});
}

}  // namespace
}  // namespace quorate::sim
