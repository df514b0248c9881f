// The story of a single run: what a person would tell of it, with names, durations and sums.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "sim/cli/narrate.h"
#include "sim/scenario/scenario.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

// Lines as the trace has them, one event each.
std::string Told(const std::string& trace) { return Narrate(trace, std::nullopt); }

void ExpectSays(const std::string& story, const std::string& line) {
  EXPECT_NE(story.find(line), std::string::npos) << "\"" << line << "\" in:\n" << story;
}

TEST(Story, AViolationIsItsLastLineWithWhatShouldHold) {
  const std::string story =
      Narrate("1 0.500000000 n1 boots, life 1\n9 2.250000000 n2 dies, write 3 survives\n",
              Violation{"I-1", "n1 and n2 lead in term 4", 9});
  const std::size_t dies = story.find("2.250 s  n2 dies");
  const std::size_t violated =
      story.find("2.250 s  I-1 is violated, at event 9: n1 and n2 lead in term 4");
  EXPECT_NE(dies, std::string::npos);
  EXPECT_NE(violated, std::string::npos) << story;
  EXPECT_LT(dies, violated);
  ExpectSays(story, "what should hold: ");
}

TEST(Story, ALeaderThatStepsDownIsToldAndOneThatDiesIsNotToldTwice) {
  const std::string story = Told(
      "1 1.0 n1   g0 leader term 2 last 1@2\n2 1.1 n1   g0 leader term 2 last 2@2\n"
      "3 2.0 n1   g0 follower term 3 last 2@2\n4 2.5 n1   g0 follower term 3 last 2@2\n"
      "5 3.0 n2   g4294967295 leader term 3 last 2@2\n6 4.0 n2 dies, write 7 survives\n"
      "7 5.0 n2   g4294967295 follower term 3 last 2@2\n");
  ExpectSays(story, "1.000 s  n1 leads namespace 0 in term 2\n");
  ExpectSays(story, "2.000 s  n1 leads namespace 0 no more\n");
  EXPECT_EQ(story.find("no more"), story.rfind("no more"));
}

TEST(Story, ChangesOfMembersAreTold) {
  const std::string story = Told(
      "1 1.000000000 the administrator asks n2 of group 1: n4 votes n5 goes\n"
      "2 2.500000000 members of group 1 are now (1 2 3 4)\n");
  ExpectSays(story, "1.000 s  the administrator asks n2 of namespace 1: n4 votes n5 goes\n");
  ExpectSays(story, "2.500 s  members of namespace 1 are now (1 2 3 4)\n");
}

TEST(Story, ACutIsToldBySidesOrByDirections) {
  const auto told = [](const std::string& links) { return Told("1 1.0 cut " + links + "\n"); };
  ExpectSays(told("n1>n3 n2>n3 n3>n1 n3>n2"), "nothing passes between n3 | n1 n2\n");
  ExpectSays(told("n1>n2 n2>n1 n1>n3 n3>n1 n2>n3 n3>n2"), "nothing passes between ");
  ExpectSays(told("n1>n2 n1>n3"), "nothing passes from n1 to n2 n3\n");
  ExpectSays(told("n1>n2 n1>n3 n2>n1 n2>n3"), "from n2 to n1 n3, from n1 to n2 n3\n");
  // A ring: no two see the same.
  ExpectSays(told("n1>n3 n3>n1 n2>n4 n4>n2"), "from n3 to n1, from n4 to n2, from n1 to n3");
}

TEST(Story, TimesHaveUnits) {
  const std::string story = Told("1 2.0 fault network.clog n1>n2 until 2.021618382\n");
  ExpectSays(story, "network.clog n1>n2 begins, until 2.021 s\n");
}

TEST(Story, WhatClientsWereToldAddsUp) {
  const std::string story = Told(
      "1 1.0 c0 begins put k\n2 1.1 c1 begins put k\n3 1.2 c2 begins put k\n4 1.3 c3 begins put k\n"
      "5 1.5 c0 ends c0 put k -> ok\n6 1.6 c1 ends c1 put k -> fail busy\n7 1.7 c2 ends c2 put k "
      "-> info\n");
  ExpectSays(story, "4 operations: 1 ok, 1 certainly not applied, 1 unknown, 1 open at the end");
}

TEST(Story, OfALongOneTheMiddleIsLeftOut) {
  std::string trace;
  for (int i = 0; i < 1'000; ++i)
    trace += "1 " + std::to_string(i) + ".0 n1 boots, life " + std::to_string(i) + "\n";
  const std::string story = Narrate(trace, Violation{"I-1", "two lead", 7});
  ExpectSays(story, "life 0\n");
  ExpectSays(story, "life 999\n");
  ExpectSays(story, "I-1 is violated");
  ExpectSays(story, "602 lines are left out here\n");
}

// What is ordered is told with whom it met, for how long, and its end.
TEST(Story, OrderedFaultsHaveNodesDurationsAndEnds) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      R"({"format":1,"about":"Test.","time":{"horizon":"6s"},"cluster":{"nodes":5},
      "workload":{"clients":1,"rate":"5/s"},"schedule":[
        {"at":"1ms","do":"pause","node":"$leader","for":"20ms"},
        {"at":"2s","do":"pause","node":2,"for":"250ms"},
        {"at":"3s","do":"partition","groups":[[1,2],[3,4,5]],"for":"500ms"},
        {"at":"4s","do":"isolate","node":3,"direction":"into","for":"500ms"},
        {"at":"5s","do":"clock_step","node":4,"by":"-1s"}]})",
      "test.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  std::ostringstream trace;
  RunSettings settings;
  settings.trace = true;
  settings.trace_to = &trace;
  const RunResult result = RunOnce(*scenario, Draw(*scenario, 3), 3, settings);
  const std::string story = Narrate(trace.str(), result.violation);
  ExpectSays(story, "as scheduled: pause, for 20ms: nobody leads, and nothing is done\n");
  ExpectSays(story, "2.000 s  as scheduled: pause n2, for 250ms\n");
  ExpectSays(story, "2.250 s  scheduled pause n2 is over\n");
  ExpectSays(story, "3.000 s    nothing passes between n3 n4 n5 | n1 n2\n");
  ExpectSays(story, "3.500 s  scheduled partition is over\n");
  ExpectSays(story, "as scheduled: isolate n3, direction into, for 500ms\n");
  ExpectSays(story, "nothing passes from n1 n2 n4 n5 to n3\n");
  ExpectSays(story, "as scheduled: clock_step n4, by -1s\n");
  // Tracing changes nothing.
  EXPECT_EQ(RunOnce(*scenario, Draw(*scenario, 3), 3, {}).digest, result.digest);
}

// Partitions that come by chance, too.
TEST(Story, RandomPartitionsHaveSides) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(
      R"({"format":1,"about":"Test.","time":{"horizon":"6s"},"cluster":{"nodes":3},
      "workload":{"clients":1,"rate":"5/s"},
      "network":{"partition":{"mtbf":"500ms","mttr":"200ms","clients":0,"shapes":{"isolate":1}}}})",
      "test.json");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  std::ostringstream trace;
  RunSettings settings;
  settings.trace = true;
  settings.trace_to = &trace;
  RunOnce(*scenario, Draw(*scenario, 3), 3, settings);
  const std::string story = Told(trace.str());
  const std::size_t begins = story.find("network.partition begins, until ");
  ASSERT_NE(begins, std::string::npos) << story;
  const std::size_t sides = story.find("nothing passes ", begins);
  EXPECT_EQ(story.find('\n', begins) + 1, story.rfind('\n', sides) + 1);
}

}  // namespace
}  // namespace quorate::sim
