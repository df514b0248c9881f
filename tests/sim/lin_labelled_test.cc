// `check` against histories labelled by hand, and against trying every order; in every format that it reads.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sim/history/formats.h"
#include "tests/sim/lin_random.h"

namespace quorate::sim {
namespace {

using oracle::Format;
using oracle::Op;
using oracle::RandomHistory;
using oracle::Truth;

// Beside this file: FORMAT_STORY_LABEL.EXTENSION, with pass, fail or refused for a label.
std::vector<std::filesystem::path> LabelledFiles() {
  const std::string here = __FILE__;
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(here.substr(0, here.rfind('/')) + "/histories")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ContentOf(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

Format FormatOf(const std::string& name) {
  if (name.starts_with("ours_")) return Format::kOurs;
  if (name.starts_with("etcd_")) return Format::kEtcd;
  if (name.starts_with("kv_")) return Format::kKv;
  if (name.starts_with("versioned_")) return Format::kVersioned;
  EXPECT_TRUE(name.starts_with("register_")) << name;
  return Format::kRegister;
}

HistoryFormat Recognised(Format format) {
  switch (format) {
    case Format::kOurs:
      return HistoryFormat::kOurs;
    case Format::kEtcd:
      return HistoryFormat::kJepsenEtcd;
    case Format::kKv:
      return HistoryFormat::kPorcupineKv;
    case Format::kRegister:
    case Format::kIndependent:
    case Format::kVersioned:
      break;
  }
  return HistoryFormat::kJepsenEdn;
}

TEST(LabelledHistories, CheckAndTryingEveryOrderAgreeWithTheLabel) {
  std::map<Format, std::map<std::string, int>> seen;
  for (const std::filesystem::path& path : LabelledFiles()) {
    const std::string name = path.stem().string();
    const std::string label = name.substr(name.rfind('_') + 1);
    const absl::StatusOr<CheckReport> report = CheckFile(path.string());
    if (label == "refused") {
      ASSERT_FALSE(report.ok()) << name;
      const std::string message(report.status().message());
      EXPECT_TRUE(message.starts_with(path.string() + ": line ")) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      if (name != "empty_refused") ++seen[FormatOf(name)][label];
      continue;
    }
    ASSERT_TRUE(report.ok()) << name << ": " << report.status();
    const Format format = FormatOf(name);
    ++seen[format][label];
    EXPECT_EQ(report->format, Recognised(format)) << name;
    const bool pass =
        oracle::IsLinearizable(oracle::Parse(format, ContentOf(path)), oracle::InitialOf(format));
    EXPECT_EQ(label, pass ? "pass" : "fail") << name << ": every order was tried";
    ASSERT_EQ(report->verdict, pass ? SearchVerdict::kLinearizable : SearchVerdict::kViolation)
        << name << ": " << report->counterexample;
  }
  for (const Format format :
       {Format::kOurs, Format::kEtcd, Format::kKv, Format::kRegister, Format::kVersioned}) {
    for (const char* label : {"pass", "fail", "refused"}) {
      EXPECT_GE(seen[format][label], label == std::string("refused") ? 2 : 5) << label;
    }
  }
}

// ---- random ones ------------------------------------------------------------------------------------------

class EveryFormat : public ::testing::TestWithParam<Format> {};

TEST_P(EveryFormat, CheckAgreesWithTryingEveryOrder) {
  constexpr int kHistories = 4000;
  const Format format = GetParam();
  std::map<Truth, int> seen;
  for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
    const std::vector<Op> ops = RandomHistory(format, seed).Make();
    const std::string text = oracle::Write(format, ops);
    const Truth truth = oracle::TruthOf(format, ops);
    ++seen[truth];
    const absl::StatusOr<CheckReport> report = CheckText(text);
    ASSERT_TRUE(report.ok()) << report.status() << "\n" << text;
    ASSERT_EQ(report->format, Recognised(format));
    if (truth != Truth::kLie) {
      ASSERT_EQ(report->verdict,
                truth == Truth::kPass ? SearchVerdict::kLinearizable : SearchVerdict::kViolation)
          << "seed " << seed << "\n"
          << text << report->counterexample;
    }
    // And the text says what was meant.
    const std::vector<Op> read = oracle::Parse(format, text);
    ASSERT_EQ(read.size(), ops.size()) << text;
    ASSERT_EQ(oracle::TruthOf(format, read), truth) << text;
  }
  // No answer is rare; and only our own format has revisions to lie about.
  EXPECT_GT(seen[Truth::kPass], kHistories / 10);
  EXPECT_GT(seen[Truth::kFail], kHistories / 10);
  if (format != Format::kOurs) {
    EXPECT_EQ(seen[Truth::kLie], 0);
  }
}

// Where replies lie about revisions and about nothing else, nearly every lie is found, and no truth is refused.
TEST(OurHistories, ALieAboutARevisionIsNoExcuseAndNoAccusation) {
  int lies = 0;
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    std::vector<Op> ops = RandomHistory(Format::kOurs, seed).Make();
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const std::uint64_t draw = Prf(seed, 24, 0, i);
      if (ops[i].revision && Below(draw, 4) == 0) ops[i].revision = Below(Mix(draw, 1), 5);
    }
    const absl::StatusOr<CheckReport> report = CheckText(oracle::Write(Format::kOurs, ops));
    ASSERT_TRUE(report.ok()) << report.status();
    const bool accepted = report->verdict == SearchVerdict::kLinearizable;
    const Truth truth = oracle::TruthOf(Format::kOurs, ops);
    if (truth == Truth::kLie) {
      ++lies;
      found += accepted ? 0 : 1;
    } else {
      ASSERT_EQ(accepted, truth == Truth::kPass)
          << "seed " << seed << "\n"
          << oracle::Write(Format::kOurs, ops) << report->counterexample;
    }
  }
  EXPECT_GT(lies, 100);
  EXPECT_GT(found, lies / 10 * 9);
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat,
                         ::testing::Values(Format::kOurs, Format::kEtcd, Format::kKv,
                                           Format::kRegister, Format::kIndependent,
                                           Format::kVersioned));

}  // namespace
}  // namespace quorate::sim
