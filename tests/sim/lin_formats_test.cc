// Histories that others recorded: what is read from them, what is refused, and the verdicts.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sim/history/edn.h"
#include "sim/history/formats.h"
#include "sim/history/jsonl.h"
#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

// Test data stands beside this file.
std::string PathOf(const std::string& name) {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind('/') + 1) + "histories/" + name;
}

CheckReport ReportOn(const std::string& name) {
  const absl::StatusOr<CheckReport> report = CheckFile(PathOf(name));
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : CheckReport{};
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<CheckReport> report = CheckText(text);
  return report.ok() ? "accepted" : std::string(report.status().message());
}

TEST(JepsenEtcdText, UnknownCasMayHaveHappened) {
  const CheckReport report = ReportOn("etcd_pass.log");
  EXPECT_EQ(report.format, HistoryFormat::kJepsenEtcd);
  EXPECT_EQ(report.verdict, SearchVerdict::kLinearizable) << report.counterexample;
  EXPECT_EQ(report.operations, 6u);  // the read that timed out says nothing
  EXPECT_EQ(report.infos, 1u);
}

TEST(JepsenEtcdText, StaleReadIsRefused) {
  const CheckReport report = ReportOn("etcd_stale_read_fail.log");
  EXPECT_EQ(report.verdict, SearchVerdict::kViolation);
  EXPECT_EQ(report.found_by, "search");
  EXPECT_NE(report.counterexample.find("read = 1"), std::string::npos) << report.counterexample;
}

TEST(JepsenEtcdText, FailedCasWasCompared) {
  EXPECT_EQ(ReportOn("etcd_failed_cas_fail.log").verdict, SearchVerdict::kViolation);
}

TEST(PorcupineKvText, AppendsAddUp) {
  const CheckReport report = ReportOn("kv_pass.txt");
  EXPECT_EQ(report.format, HistoryFormat::kPorcupineKv);
  EXPECT_EQ(report.verdict, SearchVerdict::kLinearizable) << report.counterexample;
  EXPECT_EQ(report.components, 2u);
}

TEST(PorcupineKvText, LostAppendIsRefused) {
  EXPECT_EQ(ReportOn("kv_lost_append_fail.txt").verdict, SearchVerdict::kViolation);
}

TEST(JepsenEdn, IndependentKeysAndUnknownWrites) {
  const CheckReport report = ReportOn("register_pass.edn");
  EXPECT_EQ(report.format, HistoryFormat::kJepsenEdn);
  EXPECT_EQ(report.verdict, SearchVerdict::kLinearizable) << report.counterexample;
  EXPECT_EQ(report.infos, 1u);
}

TEST(JepsenEdn, PhantomCasIsRefused) {
  EXPECT_EQ(ReportOn("register_phantom_cas_fail.edn").verdict, SearchVerdict::kViolation);
}

TEST(HistoryFiles, AFolderIsNoHistory) {
  const std::string folder = PathOf("");
  EXPECT_EQ(CheckFile(folder).status().message(), folder + ": a folder, not a history");
}

TEST(HistoryFiles, OutOfBudgetIsUnknown) {
  const absl::StatusOr<CheckReport> report = CheckFile(PathOf("etcd_pass.log"), 1);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->verdict, SearchVerdict::kUnknown);
}

TEST(HistoryFiles, AMissingFileIsNamed) {
  const absl::StatusOr<CheckReport> report = CheckFile("/nowhere/x.edn");
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
}

TEST(HistoryFiles, MistakesAreOneLineWithItsNumber) {
  EXPECT_EQ(ErrorOf(""), "line 1: an empty file");
  EXPECT_EQ(ErrorOf("hello\n"), "line 1: not a history of a known format");
  EXPECT_EQ(ErrorOf("{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type"),
            "line 2: cut off: '}' is missing");
  EXPECT_EQ(ErrorOf("{:process 0, :type :ok, :f :read, :value 1}"),
            "line 1: process 0 has no operation open");
  EXPECT_EQ(ErrorOf("{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil]]}"),
            "line 1: :txn is not an operation on a register");
  EXPECT_EQ(ErrorOf("{:process 0, :f :read}"), "line 1: an operation needs :process, :type and :f");
  EXPECT_EQ(ErrorOf("{:process 0, :type :invoke, :f :get, :value nil, :key \"a}"),
            "line 1: cut off: a string has no end");
  EXPECT_EQ(ErrorOf("INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:o\n"),
            "line 2: not an operation on a register (cut off?)");
  EXPECT_EQ(ErrorOf("INFO  jepsen.util - 0\t:invoke\t:cas\t[1\n"),
            "line 1: not an operation on a register (cut off?)");
  EXPECT_EQ(ErrorOf("INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - "
                    "0\t:invoke\t:read\tnil\n"),
            "line 2: process 0 has an operation open");
  EXPECT_EQ(ErrorOf("INFO  jepsen.util - 0\t:invoke\t:write\t12\nINFO  jepsen.util - 0\t:ok"
                    "\t:write\t1"),
            "line 2: cut off: no end of line");
  EXPECT_EQ(ErrorOf("INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok"
                    "\t:read\t1\n"),
            "line 2: process 0 returns from a read, but asked for a write");
  EXPECT_EQ(ErrorOf("{:process 0, :type :invoke, :f :read, :value [1 nil]}\n"
                    "{:process 0, :type :ok, :f :read, :value [2 3]}"),
            "line 2: returns from another key than was asked for");
  EXPECT_EQ(ErrorOf("INFO  jepsen.core - nothing\n"), "line 1: no operations");
  EXPECT_EQ(ErrorOf("; a story\n"), "line 1: no operations");
}

TEST(HistoryFiles, EveryCutOfEveryFileIsReadOrRefusedInOneLine) {
  for (const char* name : {"etcd_pass.log", "kv_pass.txt", "register_pass.edn"}) {
    std::ifstream in(PathOf(name), std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    const std::string text = content.str();
    ASSERT_FALSE(text.empty());
    for (std::size_t size = 0; size < text.size(); ++size) {
      const std::string message = ErrorOf(text.substr(0, size));
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

TEST(Edn, ReadsWhatItRenders) {
  const std::string text = R"([1 -2 nil :k sym "s" [a (b)] {:k {1 2}} #{3} #tag 4 #_ 5 6])";
  const absl::StatusOr<std::vector<Edn>> read = ReadEdn(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(Render(read->front()), R"([1 -2 nil :k sym "s" [a [b]] {:k {1 2}} #{3} #tag 4 6])");
  EXPECT_FALSE(ReadEdn(std::string(100'000, '[')).ok());
  // One text for each value: a quotation mark inside of a string ends nothing.
  const std::string quoted = R"(["a" "b"] ["a\" \"b"] "\\")";
  const absl::StatusOr<std::vector<Edn>> strings = ReadEdn(quoted);
  ASSERT_TRUE(strings.ok()) << strings.status();
  EXPECT_EQ(Render((*strings)[0]) + " " + Render((*strings)[1]) + " " + Render((*strings)[2]),
            quoted);
}

// ---- our own format -------------------------------------------------------------------------------------

Script EverythingOnce() {
  Script s;
  const std::string bytes("\0\x01\"\\\n\x7f\x80\xff", 8);
  Batch batch;
  batch.conditions = {{"a", std::monostate{}}, {"b", V(3)}, {"c", std::string("x")}};
  batch.writes = {{"a", "1"}, {"b", std::nullopt}};
  s.Alone(1, SessionOpening{}, KvReply{}, 1);
  s.Ok(s.Invoke(1, Command(Put{bytes, bytes}), 1, 1), Wrote(bytes, 2, 1), 2);
  s.Alone(1, Command(PutIfAbsent{"k", "v"}), Wrote("k", 3, 2), 3);
  s.Alone(1, Command(Delete{"k"}), Deleted("k", 3), 4);
  s.Alone(1, Command(CasValue{"k", std::nullopt, "v"}), Wrote("k", 5, 4), 5);
  s.Alone(1, Command(CasVersion{"k", V(5), "w"}), Wrote("k", 6, 5), 6);
  s.Alone(1, Command(Increment{"n", -3}), Told(ReplyStatus::kOk, 6, {{"n", V(7), "-3"}}), 7);
  s.Info(s.Invoke(1, Command(batch)));
  s.Fail(s.Invoke(1, Command(Put{"k", "never"})));
  KvReply page = Told(ReplyStatus::kOk, 6, {{bytes, V(2), bytes}});
  page.continuation = "k";
  s.Alone(2, Read{Range{"", "z", 1}, false}, page, 7);
  s.Alone(2, StaleReadOf("k"), Saw("k", 6, "w", 5), 6);
  s.Invoke(3, ReadOf("k"));
  return s;
}

TEST(OwnHistories, AreReadAsTheyWereWritten) {
  const Script s = EverythingOnce();
  const std::string text = WriteHistory(s.history());
  const absl::StatusOr<History> read = ReadHistory(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, s.history());
  EXPECT_EQ(WriteHistory(*read), text);
  EXPECT_EQ(text.find_first_not_of("\n", text.size() - 1), std::string::npos);
}

TEST(OwnHistories, OfRandomRunsAreReadAsTheyWereWritten) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    AtomicOptions options;
    options.seed = seed;
    AtomicRun run(options);
    run.Run();
    const std::string text = WriteHistory(run.history());
    const absl::StatusOr<History> read = ReadHistory(text);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(*read, run.history());
    const absl::StatusOr<CheckReport> report = CheckText(text);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->format, HistoryFormat::kOurs);
    EXPECT_EQ(report->operations, run.history().operations.size());
    EXPECT_EQ(report->verdict, SearchVerdict::kLinearizable) << report->counterexample;
  }
}

TEST(OwnHistories, AStaleReadIsFoundByItsVersions) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 1, 1), 1);
  s.Alone(1, Command(Put{"k", "b"}), Wrote("k", 2, 2), 2);
  s.Alone(2, ReadOf("k"), Saw("k", 1, "a", 1), 1);
  const absl::StatusOr<CheckReport> report = CheckText(WriteHistory(s.history()));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->verdict, SearchVerdict::kViolation);
  EXPECT_EQ(report->found_by, "versions");
  EXPECT_EQ(report->counterexample.substr(0, 5), "pair:");
}

TEST(OwnHistories, MistakesAreOneLineWithItsNumber) {
  const std::string header =
      "{\"quorate_history\":1,\"seed\":1,\"commit\":\"\",\"scenario\":\"\"}\n";
  EXPECT_EQ(ErrorOf("{\"quorate_history\":2}\n"), "line 1: not a history of format 1");
  EXPECT_EQ(ErrorOf(header + "{\"i\":1"), "line 2: cut off: no end of line");
  EXPECT_EQ(ErrorOf(header + "{\"i\":1\n"), "line 2: not a JSON object (cut off?)");
  EXPECT_EQ(
      ErrorOf(header + "{\"i\":1,\"t\":0,\"p\":1,\"ty\":\"invoke\",\"f\":\"jump\",\"ns\":0}\n"),
      "line 2: unknown operation \"jump\"");
  EXPECT_EQ(
      ErrorOf(header + "{\"i\":1,\"t\":0,\"p\":1,\"ty\":\"invoke\",\"f\":\"get\",\"ns\":0}\n"),
      "line 2: field \"k\" is missing");
  EXPECT_EQ(ErrorOf(header + "{\"i\":1,\"t\":0,\"p\":-1,\"ty\":\"info\"}\n"),
            "line 2: p: not a whole number");
  EXPECT_EQ(ErrorOf(header + "{\"i\":1,\"t\":0,\"p\":1,\"ty\":\"info\",\"node\":1}\n"),
            "line 2: process 1 has no operation open");
}

TEST(OwnHistories, EveryCutIsRefused) {
  const std::string text = WriteHistory(EverythingOnce().history());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ReadHistory(text.substr(0, size)).ok()) << "cut at " << size;
  }
  const std::size_t first = text.find('\n') + 1;
  const std::size_t events =
      static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
  EXPECT_EQ(ErrorOf(text.substr(0, first)),
            absl::StrCat("line 1: cut off after 0 events; the header says ", events));
  EXPECT_FALSE(ReadHistory(text + text.substr(first)).ok());
}

// Whoever writes a history by hand need not count.
TEST(OwnHistories, AHeaderNeedNotSayHowManyEventsThereAre) {
  std::string text = WriteHistory(EverythingOnce().history());
  const std::size_t from = text.find(",\"events\":");
  text.erase(from, text.find('}', from) - from);
  const absl::StatusOr<History> read = ReadHistory(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, EverythingOnce().history());
}

}  // namespace
}  // namespace quorate::sim
