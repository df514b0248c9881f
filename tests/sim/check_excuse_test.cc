// tests/sim/check_excuse_test.cc — certificates of runs that could not be judged: good ones hold, forged ones do not.
#include "sim/check/excuse.h"

#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

Damage DamageOf(std::uint32_t node, std::uint64_t event) {
  return {NodeId(node), "disk.corrupt_row", event, static_cast<std::int64_t>(event) * 1000};
}

// Of five voters three were damaged, at events 10, 20 and 30; node 2 once more at 25.
class ExcuseOfFive : public testing::Test {
 protected:
  ExcuseOfFive() {
    damage_ = {DamageOf(2, 10), DamageOf(4, 20), DamageOf(2, 25), DamageOf(5, 30)};
    for (std::uint32_t node = 1; node <= 5; ++node) excuse_.voters.emplace_back(node);
    excuse_.groups = {GroupId(0)};
    excuse_.quorum = 3;
    excuse_.lost = {DamageOf(2, 10), DamageOf(4, 20), DamageOf(5, 30)};
    excuse_.since_event = 30;
    excuse_.since_ns = 30'000;
  }
  std::optional<std::string> Refuted() const { return Refute(excuse_, damage_, facts_); }

  Excuse excuse_;
  DamageLog damage_;
  ExcuseFacts facts_{.nodes = 5, .damage_is_configured = true, .event = 90, .now_ns = 90'000};
};

TEST_F(ExcuseOfFive, ThatIsTrueHolds) {
  EXPECT_EQ(Refuted(), std::nullopt);
  EXPECT_EQ(Render(excuse_),
            "no quorum of 3 out of 5 is left; n2 lost by disk.corrupt_row at event 10; n4 lost by "
            "disk.corrupt_row at event 20; n5 lost by disk.corrupt_row at event 30");
}
TEST_F(ExcuseOfFive, HoldsWithMoreLossesThanItTakes) {
  damage_.push_back(DamageOf(1, 40));
  excuse_.lost.push_back(DamageOf(1, 40));
  EXPECT_EQ(Refuted(), std::nullopt);
}
TEST_F(ExcuseOfFive, ThatLeavesAQuorumIsForged) {
  excuse_.lost.pop_back();
  EXPECT_EQ(Refuted(), "3 voters are left, which is a quorum");
}
TEST_F(ExcuseOfFive, ThatNamesANodeThatWasNeverDamagedIsForged) {
  excuse_.lost[2] = DamageOf(3, 30);
  EXPECT_EQ(Refuted(), "n3 was never damaged, or mended since");
}
TEST_F(ExcuseOfFive, ThatNamesANodeThatWasMendedIsForged) {
  damage_.push_back({NodeId(5), kMended, 40, 40'000});
  EXPECT_EQ(Refuted(), "n5 was never damaged, or mended since");
  damage_.push_back(DamageOf(5, 50));
  EXPECT_EQ(Refuted(), "n5 was damaged otherwise than it says");
  excuse_.lost[2] = DamageOf(5, 50);
  excuse_.since_event = 50;
  excuse_.since_ns = 50'000;
  EXPECT_EQ(Refuted(), std::nullopt);
}
TEST_F(ExcuseOfFive, ThatNamesANodeWhoseStoresAreWholeIsForged) {
  facts_.whole = {NodeId(1), NodeId(3)};
  EXPECT_EQ(Refuted(), std::nullopt);
  facts_.whole.emplace_back(4);
  EXPECT_EQ(Refuted(), "n4 is said to be lost, but its stores are whole");
}
TEST_F(ExcuseOfFive, OfThreeThatVoteHoldsForTheirGroupAlone) {
  facts_.voters = {{GroupId(0), {NodeId(1), NodeId(2), NodeId(4)}},
                   {GroupId(1), {NodeId(1), NodeId(3), NodeId(5)}}};
  EXPECT_EQ(Refuted(), "these are not the voters of group 0");
  excuse_.voters = {NodeId(1), NodeId(2), NodeId(4)};
  EXPECT_EQ(Refuted(), "a quorum of 3 is 2, not 3");
  excuse_.quorum = 2;
  EXPECT_EQ(Refuted(), "n5 does not vote");
  excuse_.lost.pop_back();
  excuse_.since_event = 20;
  excuse_.since_ns = 20'000;
  EXPECT_EQ(Refuted(), std::nullopt);
  excuse_.groups.push_back(GroupId(1));
  EXPECT_EQ(Refuted(), "these are not the voters of group 1");
}
TEST_F(ExcuseOfFive, ThatNamesANodeTwiceIsForged) {
  excuse_.lost[2] = DamageOf(2, 25);
  EXPECT_EQ(Refuted(), "n2 is lost twice");
}
TEST_F(ExcuseOfFive, ThatNamesAnotherFaultIsForged) {
  excuse_.lost[1].fault = "process.crash";
  EXPECT_EQ(Refuted(), "n4 was damaged otherwise than it says");
}
TEST_F(ExcuseOfFive, ThatNamesAnotherTimeIsForged) {
  excuse_.lost[1].at_ns += 1;
  EXPECT_EQ(Refuted(), "n4 was damaged otherwise than it says");
  excuse_.lost[1].at_ns -= 1;
  excuse_.since_event = 20;
  EXPECT_EQ(Refuted(), "there is no quorum since another moment");
}
TEST_F(ExcuseOfFive, ThatRaisesTheQuorumIsForged) {
  excuse_.quorum = 4;
  EXPECT_EQ(Refuted(), "a quorum of 5 is 3, not 4");
}
TEST_F(ExcuseOfFive, ThatLeavesOutVotersIsForged) {
  excuse_.voters.pop_back();
  EXPECT_EQ(Refuted(), "it does not name every voter");
  excuse_.voters.emplace_back(6);
  EXPECT_EQ(Refuted(), "n6 stands where n5 votes");
}
TEST_F(ExcuseOfFive, OfAStrangerIsForged) {
  damage_.push_back(DamageOf(6, 40));
  excuse_.lost[2] = DamageOf(6, 40);
  EXPECT_EQ(Refuted(), "n6 does not vote");
}
TEST_F(ExcuseOfFive, WithoutGroupsIsForged) {
  excuse_.groups.clear();
  EXPECT_EQ(Refuted(), "it names no group");
}
TEST_F(ExcuseOfFive, OfTheFutureIsForged) {
  facts_.event = 25;
  EXPECT_EQ(Refuted(), "n5 is damaged after the end");
}
TEST_F(ExcuseOfFive, OfAScenarioThatDamagesNothingIsForged) {
  facts_.damage_is_configured = false;
  EXPECT_EQ(Refuted(), "nothing in this scenario damages a disk");
}

// Whole runs: rows go bad all the time, and minorities may be hurt at once; over some seeds quorums are lost.
TEST(ExcusedRuns, CarryACertificateThatHolds) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      R"({"format":1,"about":"Rows go bad.","time":{"horizon":"6s"},"cluster":{"nodes":3},
          "disk":{"corrupt_row":0.2},"process":{"crash":{"mtbf":"500ms"}},
          "budget":{"down":3},"workload":{"clients":3,"rate":"100/s","keys":5}})",
      "test.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  std::uint64_t excused = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunResult result = RunOnce(*scenario, Draw(*scenario, seed), seed, {});
    ASSERT_NE(result.verdict, Verdict::kFail) << result.violation->id << result.violation->what;
    EXPECT_EQ(result.verdict == Verdict::kExcused, result.certificate.has_value());
    if (!result.certificate) continue;
    ++excused;
    EXPECT_EQ(result.excuse, Render(*result.certificate));
    EXPECT_GE(result.certificate->lost.size(), 2u);
    EXPECT_EQ(result.checked.at("EXCUSE-1"), 1u);
  }
  EXPECT_GT(excused, 0u);
}

}  // namespace
}  // namespace quorate::sim
