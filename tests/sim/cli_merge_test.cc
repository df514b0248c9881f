// Shards and their merge: equal to the whole, and what is no whole is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/cli/args.h"
#include "sim/cli/merge.h"
#include "sim/cli/report.h"
#include "sim/cli/shard_report.h"
#include "sim/cli/summary.h"
#include "sim/cli/twins.h"

namespace quorate::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kFirstSeed = 700;

std::vector<Scenario> Scenarios() {
  std::vector<Scenario> scenarios;
  const auto add = [&](const char* text, const char* file) {
    const absl::StatusOr<Scenario> scenario = ParseScenario(text, file);
    EXPECT_TRUE(scenario.ok()) << scenario.status();
    scenarios.push_back(*scenario);
  };
  add(R"({"format":1,"about":"One.","marks":{"require":["leader.changed"],"after_runs":1}})",
      "one.json");
  add(R"({"format":1,"about":"Two.","marks":{"require":["figure8.shape"],"after_runs":20}})",
      "two.json");
  return scenarios;
}

// A run of which everything follows from its number. One run alone reaches the mark that two.json requires.
RunRecord RecordOf(std::uint64_t number) {
  RunRecord record;
  record.number = number;
  record.file = number % 2;
  record.seed = kFirstSeed + number;
  RunResult& result = record.result;
  result.verdict = Verdict::kPass;
  result.events = 100 + number * number % 37;
  result.virtual_ns = static_cast<std::int64_t>(1'000 * number);
  result.digest = Digest{number * 0x9E3779B97F4A7C15u};
  result.injected["network.drop"] = number % 5;
  result.checked["I-1"] = number;
  result.operations["ok"] = 3;
  if (number % 3 == 0) result.marks["leader.changed"] = number + 1;
  if (number == 33) result.marks["figure8.shape"] = 1;
  result.states.clusters = {number / 2, number % 11 + (std::uint64_t{1} << 60)};
  result.states.nodes = {static_cast<NodeCode>(011 + number % 3)};
  if (number % 7 == 5) {
    result.verdict = Verdict::kFail;
    result.violation = Violation{"I-7", "entry \"5\" <differs> & more ü", 9};
  } else if (number % 16 == 4) {
    result.verdict = Verdict::kExcused;
    result.excuse = "no quorum";
    Excuse excuse;
    excuse.groups = {kSystemGroup, GroupId(0)};
    excuse.voters = {NodeId(1), NodeId(2), NodeId(3)};
    excuse.quorum = 2;
    excuse.lost = {{NodeId(2), "process.wipe", 5, -1}, {NodeId(3), "disk.corrupt_row", 8, 99}};
    excuse.since_event = 8;
    excuse.since_ns = 99;
    result.certificate = excuse;
  } else if (number % 16 == 9) {
    record.end = RunEnd::kCrashed;
    record.how = "signal 11";
    record.result = RunResult{};
  }
  return record;
}

// As a suite does it: some by their seed, and the first failures.
void NoteTwins(const RunRecord& record, std::size_t& failures, Summary& summary) {
  const bool failed = record.result.verdict == Verdict::kFail;
  const bool sampled = record.number % 10 == 2;
  if (record.end != RunEnd::kFinished) return;
  if (!sampled && !(failed && failures < kMostTwinsOfFailures)) return;
  failures += failed ? 1 : 0;
  summary.NoteTwin({record.number, sampled, failed});
  summary.AddTwins(1);
}

Summary SummaryOf(std::uint64_t seeds, std::optional<Shard> shard = std::nullopt) {
  Summary summary(Scenarios(), {"/bin/quorate-sim", "0.1.0", "0123abcd", {"--without", "clocks"}},
                  seeds);
  if (shard) summary.set_shard(*shard);
  std::size_t failures = 0;
  for (std::uint64_t number = 0; number < seeds; ++number) {
    if (shard && number % shard->of != shard->index) continue;
    const RunRecord record = RecordOf(number);
    summary.Add(record);
    NoteTwins(record, failures, summary);
  }
  return summary;
}

std::string TextOf(std::uint64_t seeds, std::uint64_t index, std::uint64_t of) {
  return RenderJson(SummaryOf(seeds, Shard{index, of}), kFirstSeed);
}

absl::StatusOr<SuiteTotals> MergeTexts(const std::vector<std::string>& texts) {
  std::vector<ShardReport> reports;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    absl::StatusOr<ShardReport> report =
        ParseShardReport(std::string(1, static_cast<char>('a' + i)), texts[i]);
    if (!report.ok()) return report.status();
    reports.push_back(*std::move(report));
  }
  return Merge(std::move(reports));
}

std::string ErrorOf(const std::vector<std::string>& texts) {
  return std::string(MergeTexts(texts).status().message());
}

TEST(Merge, AllShardsAreTheWholeByteForByte) {
  // More shards than runs, too; and far more failures than are done twice.
  for (const std::uint64_t seeds : {1u, 7u, 40u, 150u}) {
    const Summary whole = SummaryOf(seeds);
    for (const std::uint64_t of : {1u, 2u, 3u, 8u}) {
      std::vector<std::string> texts;
      for (std::uint64_t i = of; i > 0; --i) texts.push_back(TextOf(seeds, i - 1, of));
      absl::StatusOr<SuiteTotals> totals = MergeTexts(texts);
      ASSERT_TRUE(totals.ok()) << totals.status();
      const Summary merged(*std::move(totals));
      EXPECT_EQ(RenderJson(merged, kFirstSeed), RenderJson(whole, kFirstSeed))
          << seeds << " " << of;
      EXPECT_EQ(RenderJUnit(merged), RenderJUnit(whole));
      EXPECT_EQ(RenderTable(merged, kFirstSeed), RenderTable(whole, kFirstSeed));
      EXPECT_EQ(merged.exit_code(), whole.exit_code());
    }
  }
}

TEST(Summary, GrowthEndsWithTheLastRunThatWasMade) {
  Summary summary(Scenarios(), {}, 1'000);
  for (std::uint64_t number = 0; number < 11; ++number) summary.Add(RecordOf(number));
  const Json growth = Json::parse(RenderJson(summary, kFirstSeed))["coverage"]["growth"];
  EXPECT_EQ(growth.size(), 5u);
  EXPECT_EQ(growth.back()["runs"], 11);
}

TEST(Merge, OtherRunsHaveAnotherDigest) {
  const Digest digest = SummaryOf(40).digest();
  EXPECT_NE(SummaryOf(41).digest(), digest);
  // Two runs that change places are other runs.
  Summary swapped(Scenarios(), {}, 2);
  RunRecord first = RecordOf(0);
  RunRecord second = RecordOf(1);
  std::swap(first.result.digest, second.result.digest);
  swapped.Add(first);
  swapped.Add(second);
  EXPECT_NE(swapped.digest(), SummaryOf(2).digest());
}

// Neither a required mark nor a failure in the first 42 runs; run 33 alone has the mark.
Summary Calm(std::uint64_t seeds, bool with_mark, std::optional<Shard> shard) {
  Summary summary(Scenarios(), {}, seeds);
  if (shard) summary.set_shard(*shard);
  for (std::uint64_t number = 0; number < seeds; ++number) {
    if (shard && number % shard->of != shard->index) continue;
    RunRecord record = RecordOf(number);
    record.end = RunEnd::kFinished;
    record.result.verdict = Verdict::kPass;
    record.result.violation.reset();
    record.result.certificate.reset();
    if (!with_mark) record.result.marks.erase("figure8.shape");
    summary.Add(record);
  }
  return summary;
}

TEST(Gates, AreJudgedOnTheWholeAlone) {
  for (const bool with_mark : {true, false}) {
    std::vector<std::string> texts;
    for (std::uint64_t i = 0; i < 2; ++i) {
      const Summary part = Calm(80, with_mark, Shard{i, 2});
      EXPECT_EQ(part.exit_code(), ExitCode::kPass) << "a shard need not reach every mark";
      texts.push_back(RenderJson(part, kFirstSeed));
    }
    absl::StatusOr<SuiteTotals> totals = MergeTexts(texts);
    ASSERT_TRUE(totals.ok()) << totals.status();
    const Summary merged(*std::move(totals));
    EXPECT_EQ(merged.exit_code(), with_mark ? ExitCode::kPass : ExitCode::kGate);
    EXPECT_EQ(merged.MissedGates(), Calm(80, with_mark, std::nullopt).MissedGates());
  }
}

TEST(Merge, WhatWasStoppedEarlyStays) {
  Summary part = SummaryOf(10, Shard{1, 2});
  part.set_out_of_time();
  absl::StatusOr<SuiteTotals> totals = MergeTexts({TextOf(10, 0, 2), RenderJson(part, kFirstSeed)});
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_TRUE(totals->out_of_time);
  EXPECT_FALSE(totals->interrupted);
}

TEST(Merge, AFindingKeepsTheLineOfTheMachineThatMadeIt) {
  Json json = Json::parse(TextOf(20, 1, 2));
  json["findings"][0]["replay"] = "elsewhere/quorate-sim replay x";
  absl::StatusOr<SuiteTotals> totals = MergeTexts({TextOf(20, 0, 2), json.dump()});
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_NE(RenderJson(Summary(*totals), kFirstSeed).find("elsewhere/quorate-sim replay x"),
            std::string::npos);
}

TEST(Merge, TheFirstFailureOfAKindAloneIsSmall) {
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < 2; ++i) {
    Summary part = SummaryOf(40, Shard{i, 2});
    const auto is_failure = [](const Finding& finding) { return finding.checker == "I-7"; };
    const auto first = std::find_if(part.findings().begin(), part.findings().end(), is_failure);
    ASSERT_NE(first, part.findings().end());
    part.SetShrunk(static_cast<std::size_t>(first - part.findings().begin()), RunSize{3, i, 1, 90});
    texts.push_back(RenderJson(part, kFirstSeed));
  }
  const absl::StatusOr<SuiteTotals> totals = MergeTexts(texts);
  ASSERT_TRUE(totals.ok()) << totals.status();
  std::vector<std::uint64_t> shrunk;
  for (const Finding& finding : totals->findings) {
    if (finding.shrunk) shrunk.push_back(finding.number);
  }
  EXPECT_EQ(shrunk, std::vector<std::uint64_t>{5}) << "run 5 is the first that fails";
}

TEST(Merge, AShardThatIsMissingIsNamed) {
  EXPECT_EQ(ErrorOf({TextOf(20, 0, 4), TextOf(20, 3, 4), TextOf(20, 1, 4)}),
            "a shard is missing: 2/4");
  EXPECT_EQ(ErrorOf({TextOf(20, 1, 3)}), "2 shards are missing: 0/3, 2/3");
  EXPECT_EQ(ErrorOf({TextOf(20, 1, 1'000'000'000'000)}),
            "999999999999 shards are missing: 0/1000000000000, 2/1000000000000, 3/1000000000000, "
            "4/1000000000000, 5/1000000000000, …");
}

TEST(Merge, AShardThatIsThereTwiceIsNamed) {
  EXPECT_EQ(ErrorOf({TextOf(20, 0, 2), TextOf(20, 1, 2), TextOf(20, 0, 2)}),
            "c: is shard 0/2, as a is");
}

TEST(Merge, AReportThatIsGivenTwiceIsNamedOnce) {
  std::vector<ShardReport> reports;
  for (const std::uint64_t index : {0u, 1u, 1u}) {
    absl::StatusOr<ShardReport> report =
        ParseShardReport("s" + std::to_string(index), TextOf(20, index, 2));
    ASSERT_TRUE(report.ok()) << report.status();
    reports.push_back(*std::move(report));
  }
  EXPECT_EQ(Merge(std::move(reports)).status().message(), "s1: is given twice");
}

TEST(Brief, TimeThatWasOutIsSaid) {
  Summary part = Calm(80, true, std::nullopt);
  EXPECT_EQ(RenderBrief(part), "");
  part.set_out_of_time();
  EXPECT_EQ(RenderBrief(part), "OUT OF TIME: fewer runs than asked for\n");
}

TEST(Brief, MissedMarksAreSaidAmongTheFailures) {
  EXPECT_EQ(RenderBrief(Calm(80, true, std::nullopt)), "");
  EXPECT_EQ(RenderBrief(Calm(80, false, std::nullopt)),
            "GATE two.json: no run of 40 reached the mark \"figure8.shape\"\n");
  EXPECT_EQ(RenderBrief(Calm(80, false, Shard{0, 2})), "") << "a shard is not judged by them";
  const std::string both = RenderBrief(SummaryOf(150));
  EXPECT_EQ(both.rfind("FAIL safety I-7", 0), 0u) << both;
  EXPECT_NE(both.find("\nGATE excused: "), std::string::npos) << both;
}

TEST(Merge, ShardsOfDifferentSuitesAreTold) {
  const auto other = [](const char* member, const Json& value) {
    Json json = Json::parse(TextOf(20, 1, 2));
    json[member] = value;
    return json.dump();
  };
  const std::string first = TextOf(20, 0, 2);
  EXPECT_EQ(ErrorOf({first, TextOf(20, 1, 3)}), "b: is of another suite than a: 3 shards, not 2");
  EXPECT_EQ(ErrorOf({first, TextOf(22, 1, 2)}), "b: is of another suite than a: 22 seeds, not 20");
  EXPECT_EQ(ErrorOf({first, RenderJson(Calm(20, true, Shard{1, 2}), 701)}),
            "b: is of another suite than a: the first seed is 701, not 700");
  EXPECT_EQ(ErrorOf({first, other("commit", "feed")}),
            "b: is of another suite than a: commit feed, not 0123abcd");
  EXPECT_EQ(ErrorOf({first, other("version", "9")}),
            "b: is of another suite than a: version 9, not 0.1.0");
  EXPECT_EQ(ErrorOf({first, other("left_out", Json::array())}),
            "b: is of another suite than a: other checks or faults are left out");
  Json json = Json::parse(TextOf(20, 1, 2));
  json["files"][1]["hash"] = "0000000000000001";
  EXPECT_EQ(ErrorOf({first, json.dump()}),
            "b: is of another suite than a: another text of scenario two.json");
}

TEST(ShardReport, WhatIsNoneIsToldInOneLine) {
  const std::string text = TextOf(20, 0, 2);
  for (std::size_t size = 0; size + 2 < text.size(); size += 97) {
    EXPECT_EQ(ErrorOf({text.substr(0, size)}), "a: is no report: cut off, or not JSON") << size;
  }
  EXPECT_EQ(ErrorOf({"{}"}), "a: is no report of quorate-sim");
  EXPECT_EQ(ErrorOf({"[1, 2]"}), "a: is no report of quorate-sim");
  EXPECT_EQ(ErrorOf({R"({"quorate_sim": 2})"}), "a: is a report of another format than 1");
  EXPECT_EQ(ErrorOf({RenderJson(SummaryOf(5), kFirstSeed)}),
            "a: is the report of a whole suite, not of a shard (run --shard I/N)");
}

TEST(ShardReport, EveryMemberIsNeededAndOfItsKind) {
  const Json whole = Json::parse(TextOf(40, 1, 2));
  // Written for people, and made anew.
  const std::set<std::string> made_anew = {"exit_code", "verdicts", "missed_gates", "coverage",
                                           "not_reached"};
  for (const auto& [name, value] : whole.items()) {
    if (made_anew.contains(name) || name == "quorate_sim" || name == "shard") continue;
    Json without = whole;
    without.erase(name);
    EXPECT_EQ(ErrorOf({without.dump()}), "a: is a spoiled report: \"" + name + "\"");
    Json other = whole;
    other[name] = nullptr;
    EXPECT_EQ(ErrorOf({other.dump()}), "a: is a spoiled report: \"" + name + "\"");
  }
  for (const auto& [name, value] : whole["shard"].items()) {
    Json other = whole;
    other["shard"][name] = nullptr;
    EXPECT_EQ(ErrorOf({other.dump()}), "a: is a spoiled report: \"" + name + "\"");
  }
}

TEST(ShardReport, NumbersThatContradictEachOtherAreRefused) {
  const Json whole = Json::parse(TextOf(40, 1, 2));
  const auto with = [&](const char* pointer, const Json& value) {
    Json json = whole;
    json[Json::json_pointer(pointer)] = value;
    return ErrorOf({json.dump()});
  };
  EXPECT_EQ(with("/shard/index", 2), "a: is a spoiled report: \"shard\"");
  EXPECT_EQ(with("/shard/of", 0), "a: is a spoiled report: \"shard\"");
  EXPECT_EQ(with("/runs", 19), "a: is a spoiled report: \"runs\"");
  EXPECT_EQ(with("/seeds", 4), "a: is a spoiled report: \"findings\"");
  EXPECT_EQ(with("/findings/0/number", 4), "a: is a spoiled report: \"findings\"");
  EXPECT_EQ(with("/findings/0/verdict", "pass"), "a: is a spoiled report: \"findings\"");
  EXPECT_EQ(with("/findings/0/verdict", "fine"), "a: is a spoiled report: \"verdicts\"");
  EXPECT_EQ(with("/shard/states/1", "0123"), "a: is a spoiled report: \"states\"");
  EXPECT_EQ(with("/shard/states/65", ""), "a: is a spoiled report: \"states\"");
  EXPECT_EQ(with("/digest", "xyz"), "a: is a spoiled report: \"digest\"");
  EXPECT_EQ(with("/events", -1), "a: is a spoiled report: \"events\"");
}

// What is told twice must agree: sums with their parts, verdicts with findings, second runs with first ones.
TEST(ShardReport, SumsThatDoNotAddUpAreRefused) {
  const Json whole = Json::parse(TextOf(150, 1, 2));
  ASSERT_TRUE(MergeTexts({TextOf(150, 0, 2), whole.dump()}).ok());
  const auto with = [&](const char* pointer, const Json& value) {
    Json json = whole;
    json[Json::json_pointer(pointer)] = value;
    return ErrorOf({json.dump()});
  };
  const auto more = [&](const char* pointer) {
    return whole[Json::json_pointer(pointer)].get<std::uint64_t>() + 1;
  };
  EXPECT_EQ(with("/events", more("/events")), "a: is a spoiled report: \"events\"");
  EXPECT_EQ(with("/files/1/events", more("/files/1/events")), "a: is a spoiled report: \"events\"");
  EXPECT_EQ(with("/marks", Json::object()), "a: is a spoiled report: \"marks\"");
  EXPECT_EQ(with("/files/1/marks", Json::object()), "a: is a spoiled report: \"marks\"");
  EXPECT_EQ(with("/marks/leader.changed/times", more("/marks/leader.changed/times")),
            "a: is a spoiled report: \"marks\"");
  for (const std::uint64_t count : {0ull, 10'000'000'000'000'000'000ull}) {
    EXPECT_EQ(with("/files/1/verdicts/pass", count), "a: is a spoiled report: \"verdicts\"");
    EXPECT_EQ(with("/files/1/verdicts/safety", count), "a: is a spoiled report: \"verdicts\"");
  }
  EXPECT_EQ(with("/findings", Json::array()), "a: is a spoiled report: \"verdicts\"");
  EXPECT_EQ(with("/findings/1", whole["findings"][0]), "a: is a spoiled report: \"verdicts\"");
}

TEST(ShardReport, SecondRunsAreThoseOfItsOwnRunsOnceEach) {
  const Json whole = Json::parse(TextOf(150, 0, 2));
  ASSERT_GT(whole["shard"]["run_twice"].size(), 2u);
  const auto with = [&](const auto& change) {
    Json json = whole;
    change(json["shard"]["run_twice"], json);
    return ErrorOf({json.dump()});
  };
  const std::string wrong = "a: is a spoiled report: \"run_twice\"";
  EXPECT_EQ(with([](Json& twice, Json&) { twice.push_back(twice.back()); }), wrong);
  EXPECT_EQ(with([](Json& twice, Json&) { std::swap(twice[0], twice[1]); }), wrong);
  EXPECT_EQ(with([](Json& twice, Json&) { twice[0]["number"] = 1; }), wrong) << "another shard's";
  EXPECT_EQ(with([](Json& twice, Json&) { twice.back()["number"] = 150; }), wrong);
  EXPECT_EQ(with([](Json& twice, Json&) { twice[0]["failed"] = !twice[0]["failed"]; }), wrong);
  EXPECT_EQ(with([](Json&, Json& json) { json["run_twice"] = 1'000; }), wrong);
}

TEST(ShardReport, MoreRunsThanAnybodyCanHaveMadeAreRefused) {
  Json absurd = Json::parse(TextOf(40, 1, 2));
  constexpr std::uint64_t kMore = std::uint64_t{1} << 60;
  absurd["seeds"] = absurd["seeds"].get<std::uint64_t>() + 2 * kMore;
  absurd["runs"] = absurd["runs"].get<std::uint64_t>() + kMore;
  Json& runs = absurd["files"][0]["runs"];
  runs = runs.get<std::uint64_t>() + kMore;
  EXPECT_EQ(ErrorOf({absurd.dump()}), "a: is a spoiled report: \"runs\"");
}

// ---- the command line ----------------------------------------------------------------------------------

std::string ComplaintOf(const std::vector<std::string>& words) {
  return std::string(ParseArgs(words).status().message());
}

TEST(Args, AShardIsOneOfThoseThereAre) {
  const auto complaint = [](const char* shard) {
    return ComplaintOf({"run", "x", "--first-seed", "1", "--shard", shard});
  };
  EXPECT_EQ(complaint("0/4"), "");
  EXPECT_EQ(complaint("3/4"), "");
  EXPECT_EQ(complaint("5/4"), "--shard: 5/4: must be I/N with I below N");
  EXPECT_EQ(complaint("4/4"), "--shard: 4/4: must be I/N with I below N");
  EXPECT_EQ(complaint("0/0"), "--shard: 0/0: must be I/N with I below N");
  EXPECT_EQ(complaint("-1/4"), "--shard: \"-1\" is not a number");
  EXPECT_EQ(complaint("a/b"), "--shard: \"a\" is not a number");
  EXPECT_EQ(complaint("1/4/2"), "--shard: \"4/2\" is not a number");
  EXPECT_EQ(complaint("1"), "--shard: \"1\" must be I/N, like 0/4");
  EXPECT_EQ(complaint("/"), "--shard: \"\" is not a number");
  EXPECT_EQ(ComplaintOf({"run", "x", "--shard", "0/4"}),
            "--shard: needs --first-seed, the same for all shards of a suite");
}

}  // namespace
}  // namespace quorate::sim
