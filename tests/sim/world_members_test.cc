// Who votes changes while a run goes on: orders, an administrator who gives them at random, and what a run owes to
// whom then.
#include <gtest/gtest.h>

#include <string>

#include "sim/scenario/scenario.h"
#include "sim/scenario/schedule.h"
#include "sim/shrink/edits.h"
#include "sim/world/members.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

absl::StatusOr<Scenario> ReadText(const std::string& nodes, const std::string& more) {
  return ParseScenario(
      R"({"format":1,"about":"Test.","time":{"horizon":"4s"},
    "cluster":{"nodes":)" +
          nodes + R"(,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":3,"rate":"30/s","keys":5)" +
          more + "}",
      "test.json");
}
Scenario ScenarioOf(const std::string& nodes, const std::string& more) {
  const absl::StatusOr<Scenario> scenario = ReadText(nodes, more);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}
std::string Scheduled(const std::string& entries) {
  return R"(},"schedule":[{"at":"700ms","do":"transfer","to":1},)" + entries + "]";
}
std::string FoundBy(const RunResult& result) {
  return result.violation ? result.violation->id + ": " + result.violation->what : "nothing";
}
std::uint64_t CountOf(const Counters& counters, const char* name) {
  const auto at = counters.find(name);
  return at == counters.end() ? 0 : at->second;
}

// A world at its end.
struct Ended {
  Ended(const std::string& nodes, const std::string& more, std::uint64_t seed = 1)
      : scenario(ScenarioOf(nodes, more)),
        config(Draw(scenario, seed)),
        world(config, seed, RunSettings{}) {
    world.Run();
  }
  std::string found() {
    const auto& first = world.shared().verdicts.first();
    return first ? first->id + ": " + first->what : "nothing";
  }
  std::string Voters() {
    std::string text;
    for (const NodeSet& voters : world.shared().members.VoterSets(kDefaultNamespace)) {
      text += "(";
      for (const NodeId node : voters) text += std::to_string(node.value());
      text += ")";
    }
    return text;
  }
  std::uint64_t Reached(const char* mark) { return world.shared().marks.CountOf(mark); }

  Scenario scenario;
  RunConfig config;
  World world;
};

// ---- orders ----------------------------------------------------------------------------------------------

TEST(ChangeOfMembers, ANodeListensAndVotesAgain) {
  Ended run("3", Scheduled(R"({"at":"1s","do":"change_members","learners":[3]},
                              {"at":"2s","do":"change_members","voters":[3]})"));
  EXPECT_EQ(run.found(), "nothing");
  EXPECT_EQ(run.Voters(), "(123)");
  EXPECT_EQ(run.Reached("members.changed"), 2u);
  EXPECT_EQ(run.Reached("members.promoted"), 1u);
}

TEST(ChangeOfMembers, ANodeIsPutOutAndComesBackWithItsDisk) {
  Ended run("3", Scheduled(R"({"at":"1s","do":"change_members","removed":[3]},
                              {"at":"2s","do":"change_members","learners":[3]},
                              {"at":"3s","do":"change_members","voters":[3]})"));
  EXPECT_EQ(run.found(), "nothing");
  EXPECT_EQ(run.Voters(), "(123)");
  EXPECT_EQ(run.Reached("members.returned"), 1u);
}

TEST(ChangeOfMembers, AJointStateIsLeftByOrderWhenItWasEnteredSo) {
  const std::string enter =
      R"({"at":"1s","do":"change_members","learners":[3],"transition":"joint_explicit"})";
  Ended joint("3", Scheduled(enter));
  EXPECT_EQ(joint.found(), "nothing") << "it may stay so for ever";
  EXPECT_EQ(joint.Voters(), "(12)(123)");
  Ended left("3", Scheduled(enter + R"(,{"at":"2s","do":"change_members"})"));
  EXPECT_EQ(left.Voters(), "(12)");
  Ended by_itself("3", Scheduled(R"({"at":"1s","do":"change_members","learners":[3],
                                     "transition":"joint_implicit"})"));
  EXPECT_EQ(by_itself.Voters(), "(12)");
  EXPECT_EQ(by_itself.Reached("members.joint"), 1u);
}

TEST(ChangeOfMembers, OfAnotherEpochIsRefused) {
  Ended run("3", Scheduled(R"({"at":"1s","do":"change_members","learners":[3],"epoch":7})"));
  EXPECT_EQ(run.Voters(), "(123)");
  EXPECT_EQ(run.Reached("members.changed"), 0u);
}

TEST(ChangeOfMembers, AskedOfWhoDoesNotLeadIsRefused) {
  Ended run("3", Scheduled(R"({"at":"1s","do":"change_members","learners":[3],"node":2})"));
  EXPECT_EQ(run.Voters(), "(123)");
}

TEST(ChangeOfMembers, ALeaderThatPutsItselfOutMakesWay) {
  Ended run("3", Scheduled(R"({"at":"1s","do":"change_members","removed":[1]})"));
  EXPECT_EQ(run.found(), "nothing");
  EXPECT_EQ(run.Voters(), "(23)");
  EXPECT_EQ(run.Reached("members.leader_left"), 1u);
}

TEST(ChangeOfMembers, IsReadAsItIsWritten) {
  const Scenario scenario = ScenarioOf(
      "4", Scheduled(R"({"at":"1s","do":"change_members","node":2,"voters":[1],"learners":[2,3],
                         "removed":[4],"transition":"joint_implicit","epoch":3},
                        {"at":"2s","do":"change_members"})"));
  const RunConfig config = Draw(scenario, 1);
  ChangeMembersAction all{NodeId(2), "default", {NodeId(1)}, {NodeId(2), NodeId(3)}, {NodeId(4)}};
  all.transition = Transition::kJointImplicit;
  all.epoch = 3;
  ASSERT_EQ(config.schedule.size(), 3u);
  EXPECT_EQ(config.schedule[1].action, Action(all));
  EXPECT_EQ(config.schedule[2].action, Action(ChangeMembersAction{LeaderOf{"default"}, "default"}));
  EXPECT_EQ(WriteEntry(config.schedule[1]),
            R"({"at": "1s", "do": "change_members", "namespace": "default", "node": 2, )"
            R"("voters": [1], "learners": [2, 3], "removed": [4], )"
            R"("transition": "joint_implicit", "epoch": 3})");
}

TEST(ChangeOfMembers, ThatMakesNoSenseIsRefusedWithItsPlace) {
  const auto complaint = [](const std::string& keys) {
    const absl::StatusOr<Scenario> scenario =
        ReadText("3", Scheduled(R"({"at":"1s","do":"change_members",)" + keys + "}"));
    return scenario.ok() ? "" : std::string(scenario.status().message());
  };
  EXPECT_EQ(complaint(R"("voters":[1],"removed":[1])"),
            "test.json: schedule[1].removed[0]: node 1 is named already");
  EXPECT_EQ(complaint(R"("voters":[4])"), "test.json: schedule[1].voters[0]: node 4 of 3");
  EXPECT_EQ(complaint(R"("voters":[])"),
            "test.json: schedule[1].voters: names no node; leave it out");
  EXPECT_EQ(complaint(R"("transition":"slow")"),
            "test.json: schedule[1].transition: must be \"auto\", \"joint_explicit\" or "
            "\"joint_implicit\"");
}

// ---- what is owed to whom --------------------------------------------------------------------------------

TEST(ChangeOfMembers, WhoWasPutOutMayBeLeftBehindAndServesNobody) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Ended run("5", Scheduled(R"({"at":"1s","do":"change_members","removed":[4]},
                                {"at":"1.5s","do":"change_members","removed":[5]})"),
              seed);
    EXPECT_EQ(run.found(), "nothing") << "seed " << seed;
    EXPECT_EQ(run.Voters(), "(123)") << "seed " << seed;
    const Machine& out = *run.world.machines()[4];
    if (!out.serving()) continue;
    EXPECT_LT(out.replica()->group(kDefaultNamespace)->commit(),
              run.world.shared().invariants.committed(kDefaultNamespace));
  }
}

TEST(ChangeOfMembers, ACoreIsAQuorumOfWhoeverMayVote) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Ended run("5", Scheduled(R"({"at":"1s","do":"change_members","learners":[3]},
                                {"at":"1.5s","do":"change_members","learners":[4]},
                                {"at":"2s","do":"change_members","learners":[5]})"),
              seed);
    EXPECT_EQ(run.found(), "nothing") << "seed " << seed;
    const std::vector<NodeId>& core = run.world.phases().core();
    EXPECT_GE(core.size(), 3u);
    for (const std::uint32_t voter : {1u, 2u})
      EXPECT_NE(std::find(core.begin(), core.end(), NodeId(voter)), core.end()) << "seed " << seed;
  }
}

TEST(ChangeOfMembers, AQuorumOfTheFewThatVoteThatIsLostIsExcusedInTheirName) {
  const Scenario scenario =
      ScenarioOf("5", Scheduled(R"({"at":"1s","do":"change_members","learners":[3]},
                                   {"at":"1.5s","do":"change_members","learners":[4]},
                                   {"at":"2s","do":"change_members","learners":[5]},
                                   {"at":"3s","do":"crash","node":2,"lose":"all","for":"100ms"})"));
  const RunResult result = RunOnce(scenario, Draw(scenario, 1), 1, {});
  ASSERT_EQ(result.verdict, Verdict::kExcused) << FoundBy(result);
  EXPECT_EQ(result.certificate->voters, (std::vector<NodeId>{NodeId(1), NodeId(2)}));
  EXPECT_EQ(result.certificate->groups, (std::vector<GroupId>{kDefaultNamespace}));
  EXPECT_EQ(result.certificate->quorum, 2u);
}

// ---- the administrator -----------------------------------------------------------------------------------

TEST(Administrator, ChangesWhoVotesAndIsLeftOutByName) {
  const std::string busy = R"(,"change_members":"10/s"})";
  const Scenario scenario = ScenarioOf("4", busy);
  const RunResult result = RunOnce(scenario, Draw(scenario, 3), 3, {});
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  EXPECT_GT(CountOf(result.injected, "members.change"), 10u);
  EXPECT_GT(CountOf(result.marks, "members.changed"), 3u);
  EXPECT_GT(CountOf(result.checked, "I-24"), 3u);
  EXPECT_GT(CountOf(result.checked, "I-26"), 0u);
}

TEST(Administrator, GivesNoOrdersToASingleNode) {
  const Scenario scenario = ScenarioOf("1", R"(,"change_members":"10/s"})");
  const RunResult result = RunOnce(scenario, Draw(scenario, 3), 3, {});
  EXPECT_EQ(result.verdict, Verdict::kPass) << FoundBy(result);
  EXPECT_EQ(result.injected.count("members.change"), 0u);
}

// ---- the account -----------------------------------------------------------------------------------------

TEST(MembersAccount, OfAGroupThatNobodyKnowsNamesEverybody) {
  Verdicts verdicts;
  const CatalogueCheck catalogue(8, verdicts);
  const Members members(3, catalogue);
  EXPECT_EQ(members.VoterSets(GroupId(7)),
            (std::vector<NodeSet>{{NodeId(1), NodeId(2), NodeId(3)}}));
  EXPECT_TRUE(members.Suffice([](NodeId node) { return node != NodeId(2); }));
  EXPECT_FALSE(members.Suffice([](NodeId node) { return node == NodeId(2); }));
}

// ---- smaller ---------------------------------------------------------------------------------------------

TEST(Shrinking, ANodeThatGoesIsNamedByNoChangeOfMembers) {
  const Scenario scenario =
      ScenarioOf("4", Scheduled(R"({"at":"1s","do":"change_members","learners":[2,4]},
                        {"at":"2s","do":"change_members","removed":[2]},
                        {"at":"3s","do":"change_members"})"));
  RunSettings settings;
  settings.resolve = true;
  const RunResult result = RunOnce(scenario, Draw(scenario, 1), 1, settings);
  const RunConfig fewer = WithoutNode(*result.resolved, NodeId(2));
  ASSERT_EQ(fewer.schedule.size(), 3u);
  EXPECT_EQ(fewer.schedule[1].action,
            Action(ChangeMembersAction{LeaderOf{"default"}, "default", {}, {NodeId(3)}}));
  EXPECT_EQ(fewer.schedule[2].action, Action(ChangeMembersAction{LeaderOf{"default"}, "default"}))
      << "an order to leave a joint state stays one; one that has lost its node is gone";
}

}  // namespace
}  // namespace quorate::sim
