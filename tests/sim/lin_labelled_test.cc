// `check` against histories labelled by hand, and against trying every order; in every format that it reads.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/base/prf.h"
#include "sim/history/formats.h"
#include "tests/sim/lin_texts.h"

namespace quorate::sim {
namespace {

using oracle::End;
using oracle::Format;
using oracle::Kind;
using oracle::Op;
using oracle::Value;

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
  for (const Format format : {Format::kOurs, Format::kEtcd, Format::kKv, Format::kRegister}) {
    for (const char* label : {"pass", "fail", "refused"}) {
      EXPECT_GE(seen[format][label], label == std::string("refused") ? 2 : 5) << label;
    }
  }
}

// ---- random ones ------------------------------------------------------------------------------------------

// A store that is atomic, whose clients are told the truth; then, in most histories, something is spoiled.
class RandomHistory {
 public:
  RandomHistory(Format format, std::uint64_t seed) : format_(format), seed_(seed) {
    state_.initial = oracle::InitialOf(format);
  }

  std::vector<Op> Make() {
    const std::size_t count = 3 + Draw(5);
    std::vector<std::optional<std::size_t>> open(2 + Draw(2));
    std::vector<bool> done(open.size());
    std::size_t line = 0;
    while (ops_.size() < count || Draw(4) != 0) {
      const std::size_t client = Draw(open.size());
      if (!open[client]) {
        if (ops_.size() == count) continue;
        open[client] = ops_.size();
        done[client] = false;
        ops_.push_back(Asked(client));
        ops_.back().call = line++;
      } else if (!done[client]) {
        done[client] = true;
        TakeEffect(ops_[*open[client]]);
      } else {
        ops_[*open[client]].ret = line++;
        open[client].reset();
      }
    }
    // Who never returned has not been told anything.
    for (Op& op : ops_) {
      if (op.ret == oracle::kNever) Forget(op, End::kUnknown);
    }
    for (std::uint64_t left = Draw(4); left > 0; --left) Spoil();
    return ops_;
  }

 private:
  std::uint64_t Draw(std::uint64_t n) { return Below(Prf(seed_, 23, 0, ++draws_), n); }
  std::string AnyValue() { return std::to_string(1 + Draw(3)); }

  Op Asked(std::size_t client) {
    Op op;
    op.process = client;
    op.key = "";
    if (format_ == Format::kIndependent) op.key = std::to_string(7 + Draw(2));
    if (format_ == Format::kOurs || format_ == Format::kKv) op.key = Draw(3) == 0 ? "y" : "x";
    const std::uint64_t kind = Draw(5);
    if (kind < 2) return op;
    op.kind = Kind::kWrite;
    op.value = AnyValue();
    if (kind == 3 && format_ == Format::kKv) op.kind = Kind::kAppend;
    if (kind == 3 && format_ == Format::kOurs) {
      op.kind = Kind::kErase;
      op.value.reset();
    }
    if (kind == 4 && format_ != Format::kKv) {
      op.kind = Kind::kCas;
      op.expected = AnyValue();
      if (format_ == Format::kOurs && Draw(3) == 0) op.expected.reset();
    }
    return op;
  }

  static void Forget(Op& op, End end) {
    op.end = end;
    op.seen.reset();
    op.version.reset();
    op.revision.reset();
  }

  void TakeEffect(Op& op) {
    const std::uint64_t fate = Draw(8);
    if (fate == 0) {  // without effect; in the etcd text a cas that fails was compared
      const bool compared = format_ == Format::kEtcd && op.kind == Kind::kCas;
      return Forget(op, Draw(3) == 0 && !compared ? End::kFail : End::kUnknown);
    }
    const std::size_t changes = state_.versions.size();
    const auto row = state_.rows.find(op.key);
    const bool there = row != state_.rows.end() && row->second.value.has_value();
    op.seen = state_.ValueOf(op.key);
    op.version = there ? state_.versions[row->second.change] : std::optional<std::uint64_t>(0);
    const std::optional<std::uint64_t> version = op.version;
    op.end = End::kUnknown;  // fits whatever happens
    Op blind = op;
    Forget(blind, End::kUnknown);
    EXPECT_TRUE(oracle::Place(blind, state_));
    const bool changed = state_.versions.size() > changes;
    if (changed) {
      next_version_ += 1 + Draw(2);
      state_.versions.back() = next_version_;
    }
    if (fate == 1) return Forget(op, End::kUnknown);  // with effect
    op.end = changed || op.kind == Kind::kRead ? End::kDone : End::kRefused;
    op.version = version;
    if (changed) {
      op.version = op.kind == Kind::kErase ? 0 : next_version_;
      op.seen.reset();
    }
    op.revision = state_.versions.size();
    KeepWhatIsTold(op);
  }

  // Of the formats, only ours tells versions and revisions, and what was found instead; and only the etcd text
  // tells a mismatch from what never happened.
  void KeepWhatIsTold(Op& op) {
    if (format_ == Format::kOurs) return;
    op.version.reset();
    op.revision.reset();
    if (op.kind != Kind::kRead) op.seen.reset();
    if (op.end == End::kRefused && format_ != Format::kEtcd) op.end = End::kFail;
  }

  // Some operation that was told something.
  Op* AnyTold(std::optional<Kind> kind) {
    for (int tries = 0; tries < 20; ++tries) {
      Op& op = ops_[Draw(ops_.size())];
      const bool told = op.end == End::kDone || op.end == End::kRefused;
      if (told && (!kind || op.kind == *kind)) return &op;
    }
    return nullptr;
  }

  void Spoil() {
    const std::uint64_t how = Draw(format_ == Format::kOurs ? 5 : 4);
    Op* op = AnyTold(how < 2 ? std::optional(Kind::kRead) : std::nullopt);
    if (op == nullptr) return;
    switch (how) {
      case 0:  // another value was seen
        op->seen = AnyValue();
        if (op->version == 0u) op->version = 1 + Draw(next_version_ + 1);
        return;
      case 1:  // nothing was seen
        op->seen = oracle::InitialOf(format_);
        if (op->version) op->version = 0;
        return;
      case 2: {  // what happened certainly did not happen, or nobody knows
        const bool compared = format_ == Format::kEtcd && op->kind == Kind::kCas;
        const End never = compared ? End::kRefused : End::kFail;
        return Forget(*op, Draw(3) != 0 ? never : End::kUnknown);
      }
      case 3:  // it happened at another time
        return Move(*op);
      case 4:
        if (op->version && *op->version > 0) op->version = 1 + Draw(next_version_ + 2);
        return;
    }
  }

  // To the end of the history, by a process of its own.
  void Move(Op& op) {
    std::size_t last = 0;
    for (const Op& other : ops_) {
      last = std::max(last, other.call);
      if (other.ret != oracle::kNever) last = std::max(last, other.ret);
    }
    op.process = 9;
    op.call = last + 1;
    op.ret = last + 2;
  }

  Format format_;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  std::uint64_t next_version_ = 0;
  oracle::State state_;
  std::vector<Op> ops_;
};

enum class Truth : std::uint8_t {
  kPass,
  kFail,
  kLie,  // of a revision alone: values, versions and real time have an order
};

Truth TruthOf(Format format, std::vector<Op> ops) {
  if (oracle::IsLinearizable(ops, oracle::InitialOf(format))) return Truth::kPass;
  for (Op& op : ops) op.revision.reset();
  return oracle::IsLinearizable(ops, oracle::InitialOf(format)) ? Truth::kLie : Truth::kFail;
}

class EveryFormat : public ::testing::TestWithParam<Format> {};

TEST_P(EveryFormat, CheckAgreesWithTryingEveryOrder) {
  constexpr int kHistories = 4000;
  const Format format = GetParam();
  std::map<Truth, int> seen;
  for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
    const std::vector<Op> ops = RandomHistory(format, seed).Make();
    const std::string text = oracle::Write(format, ops);
    const Truth truth = TruthOf(format, ops);
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
    ASSERT_EQ(TruthOf(format, read), truth) << text;
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
    const Truth truth = TruthOf(Format::kOurs, ops);
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
                                           Format::kRegister, Format::kIndependent));

}  // namespace
}  // namespace quorate::sim
