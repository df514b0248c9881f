#include "sim/history/formats.h"

#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "sim/history/edn.h"
#include "sim/history/jsonl.h"
#include "sim/history/version_check.h"

namespace quorate::sim {
namespace {

absl::Status Wrong(std::size_t line, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", why));
}

// What was asked for in one of the foreign formats.
struct ForeignCall {
  enum class Kind : std::uint8_t { kRead, kWrite, kCas, kAppend };
  Kind kind = Kind::kRead;
  std::optional<std::string> value;     // written, appended
  std::optional<std::string> expected;  // of a cas
};

enum class ForeignEnd : std::uint8_t {
  kDone,
  kRefused,  // a cas that was compared and did not match
  kNeverHappened,
  kUnknown,
};

// Operations by process, and a problem for each key.
class Foreign {
 public:
  // `initial`: what a key never written holds; nullopt = absent.
  explicit Foreign(std::optional<std::string> initial) : initial_(std::move(initial)) {}

  absl::Status Invoke(std::size_t line, const std::string& process, const std::string& key,
                      ForeignCall call) {
    if (!open_.emplace(process, Pending{key, std::move(call), next_++}).second) {
      return Wrong(line, absl::StrCat("process ", process, " has an operation open"));
    }
    return absl::OkStatus();
  }

  bool IsOpen(const std::string& process) const { return open_.contains(process); }
  const ForeignCall& OpenCall(const std::string& process) const { return open_.at(process).call; }

  // `seen`: what a read that is done was told.
  absl::Status Return(std::size_t line, const std::string& process, ForeignEnd end,
                      const std::optional<std::string>& seen) {
    const auto open = open_.find(process);
    if (open == open_.end()) {
      return Wrong(line, absl::StrCat("process ", process, " has no operation open"));
    }
    Add(process, open->second, end, seen, next_++);
    open_.erase(open);
    return absl::OkStatus();
  }

  // What is still open never returned.
  std::vector<Problem> Finish() && {
    for (const auto& [process, pending] : open_) {
      Add(process, pending, ForeignEnd::kUnknown, std::nullopt, kForever);
    }
    std::vector<Problem> problems;
    for (auto& [key, problem] : problems_) problems.push_back(std::move(problem));
    return problems;
  }

 private:
  struct Pending {
    std::string key;
    ForeignCall call;
    std::uint64_t at = 0;
  };

  Problem& ProblemOf(const std::string& key) {
    const auto [found, is_new] = problems_.try_emplace(key);
    Problem& problem = found->second;
    if (is_new) {
      problem.name = key.empty() ? std::string("the register") : absl::StrCat("key ", key);
      problem.cells = 1;
      if (initial_) problem.initial = problem.values.Intern(*initial_);
    }
    return problem;
  }

  static ValueId ValueOf(Problem& problem, const std::optional<std::string>& value) {
    return value ? problem.values.Intern(*value) : kAbsent;
  }

  void Add(const std::string& process, const Pending& pending, ForeignEnd end,
           const std::optional<std::string>& seen, std::uint64_t ret) {
    Problem& problem = ProblemOf(pending.key);
    const ForeignCall& call = pending.call;
    const bool reads = call.kind == ForeignCall::Kind::kRead;
    if (end == ForeignEnd::kNeverHappened || (end == ForeignEnd::kUnknown && reads)) return;
    SearchOp op;
    op.call = pending.at;
    op.ret = end == ForeignEnd::kUnknown ? kForever : ret;
    op.must = end != ForeignEnd::kUnknown;
    if (end == ForeignEnd::kRefused) op.outcome = SearchOp::Outcome::kRefused;
    if (end == ForeignEnd::kUnknown) op.outcome = SearchOp::Outcome::kEither;
    CellWrite write;
    write.value = ValueOf(problem, call.value);
    if (!call.value) write.kind = CellWrite::Kind::kErase;
    switch (call.kind) {
      case ForeignCall::Kind::kRead: {
        CellSight sight;
        sight.value = ValueOf(problem, seen);
        op.sights.push_back(sight);
        break;
      }
      case ForeignCall::Kind::kWrite:
        op.writes.push_back(write);
        break;
      case ForeignCall::Kind::kCas: {
        CellTest test;
        test.kind = call.expected ? CellTest::Kind::kValueIs : CellTest::Kind::kIsAbsent;
        test.value = ValueOf(problem, call.expected);
        op.tests.push_back(test);
        op.writes.push_back(write);
        break;
      }
      case ForeignCall::Kind::kAppend:
        write.kind = CellWrite::Kind::kAppend;
        op.writes.push_back(write);
        break;
    }
    op.text = TextOf(process, pending, end, seen, ret);
    problem.ops.push_back(std::move(op));
  }

  static std::string TextOf(const std::string& process, const Pending& pending, ForeignEnd end,
                            const std::optional<std::string>& seen, std::uint64_t ret) {
    static constexpr const char* kNames[] = {"read", "write", "cas", "append"};
    const auto shown = [](const std::optional<std::string>& value) {
      return value.value_or("nil");
    };
    const ForeignCall& call = pending.call;
    std::string out = absl::StrCat("p", process, " [", pending.at, ", ");
    absl::StrAppend(&out, ret == kForever ? std::string("-") : absl::StrCat(ret), "] ",
                    kNames[static_cast<std::size_t>(call.kind)]);
    if (call.kind == ForeignCall::Kind::kCas)
      absl::StrAppend(&out, " ", shown(call.expected), " ->");
    if (call.kind != ForeignCall::Kind::kRead) absl::StrAppend(&out, " ", shown(call.value));
    if (call.kind == ForeignCall::Kind::kRead) absl::StrAppend(&out, " = ", shown(seen));
    if (end == ForeignEnd::kRefused) out.append(" (did not match)");
    if (end == ForeignEnd::kUnknown) out.append(" (unknown)");
    return out;
  }

  std::optional<std::string> initial_;
  std::map<std::string, Pending> open_;
  std::map<std::string, Problem> problems_;
  std::uint64_t next_ = 0;
};

// ---- Porcupine's etcd text ------------------------------------------------------------------------------

std::string_view TakeWord(std::string_view& rest) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = rest.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return rest = {};
  rest.remove_prefix(begin);
  const std::size_t end = std::min(rest.find_first_of(kBlanks), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "nil" or a number.
bool TakeValue(std::string_view& rest, std::optional<std::string>& value) {
  const std::string_view word = TakeWord(rest);
  if (word == "nil") return true;
  value = std::string(word);
  return IsNumber(word);
}

// "[a b]"
bool TakePair(std::string_view& rest, ForeignCall& call) {
  std::string_view first = TakeWord(rest);
  std::string_view second = TakeWord(rest);
  if (!first.starts_with('[') || !second.ends_with(']')) return false;
  first.remove_prefix(1);
  second.remove_suffix(1);
  call.expected = std::string(first);
  call.value = std::string(second);
  return IsNumber(first) && IsNumber(second);
}

absl::Status TakeEtcdInvocation(std::size_t line, const std::string& process, std::string_view f,
                                std::string_view rest, Foreign& foreign) {
  ForeignCall call;
  bool shaped = false;
  std::optional<std::string> ignored;
  if (f == ":read") {
    shaped = TakeValue(rest, ignored);
  } else if (f == ":write") {
    call.kind = ForeignCall::Kind::kWrite;
    shaped = TakeValue(rest, call.value);
  } else if (f == ":cas") {
    call.kind = ForeignCall::Kind::kCas;
    shaped = TakePair(rest, call);
  }
  if (!shaped || !TakeWord(rest).empty())
    return Wrong(line, "not an operation on a register (cut off?)");
  return foreign.Invoke(line, process, "", std::move(call));
}

absl::Status TakeEtcdReturn(std::size_t line, const std::string& process, std::string_view type,
                            std::string_view rest, Foreign& foreign) {
  if (!foreign.IsOpen(process)) {
    return Wrong(line, absl::StrCat("process ", process, " has no operation open"));
  }
  const ForeignCall::Kind kind = foreign.OpenCall(process).kind;
  std::string_view first = rest;
  const bool timed_out = TakeWord(first).starts_with(':');
  ForeignEnd end = ForeignEnd::kDone;
  if (type == ":info" || (type == ":fail" && timed_out)) {
    end = ForeignEnd::kUnknown;
  } else if (type == ":fail") {
    end = kind == ForeignCall::Kind::kCas ? ForeignEnd::kRefused : ForeignEnd::kNeverHappened;
  }
  std::optional<std::string> seen;
  if (end == ForeignEnd::kDone && kind == ForeignCall::Kind::kRead &&
      (!TakeValue(rest, seen) || !TakeWord(rest).empty())) {
    return Wrong(line, "a read without a value (cut off?)");
  }
  return foreign.Return(line, process, end, seen);
}

absl::Status TakeEtcdLine(std::size_t line, std::string_view text, Foreign& foreign) {
  std::string_view rest = text;
  const std::string_view level = TakeWord(rest);
  if (level.empty()) return absl::OkStatus();
  const std::string_view logger = TakeWord(rest);
  if (level != "INFO" && level != "WARN") return Wrong(line, "not a line of a Jepsen log");
  if (logger != "jepsen.util") {
    return logger.empty() ? Wrong(line, "cut off: no logger") : absl::OkStatus();
  }
  const std::string_view dash = TakeWord(rest);
  const std::string process(TakeWord(rest));
  if (process.starts_with(':')) return absl::OkStatus();  // the nemesis
  const std::string_view type = TakeWord(rest);
  const std::string_view f = TakeWord(rest);
  if (dash != "-" || !IsNumber(process)) return Wrong(line, "no process number (cut off?)");
  if (f != ":read" && f != ":write" && f != ":cas") {
    return Wrong(line, "not an operation on a register (cut off?)");
  }
  if (type == ":invoke") return TakeEtcdInvocation(line, process, f, rest, foreign);
  if (type != ":ok" && type != ":fail" && type != ":info") {
    return Wrong(line, absl::StrCat("unknown type ", std::string(type)));
  }
  return TakeEtcdReturn(line, process, type, rest, foreign);
}

// ---- the EDN forms --------------------------------------------------------------------------------------

std::optional<std::string> ValueOf(const Edn& value) {
  if (value.is_nil()) return std::nullopt;
  return value.kind == Edn::Kind::kString ? value.text : Render(value);
}

// One operation of either EDN form, as far as they agree.
struct EdnEvent {
  std::size_t line = 0;
  std::string process;
  std::string type;
  std::string f;
  const Edn* value = nullptr;  // nullptr: none
};

// nullopt: not of a client.
absl::StatusOr<std::optional<EdnEvent>> EventOf(const Edn& form) {
  if (form.kind != Edn::Kind::kMap) return Wrong(form.line, "not an operation");
  const Edn* process = form.Find(":process");
  const Edn* type = form.Find(":type");
  const Edn* f = form.Find(":f");
  if (process == nullptr || type == nullptr || f == nullptr) {
    return Wrong(form.line, "an operation needs :process, :type and :f");
  }
  if (process->kind != Edn::Kind::kInteger) return std::optional<EdnEvent>();
  const bool known = type->text == ":invoke" || type->text == ":ok" || type->text == ":fail" ||
                     type->text == ":info";
  if (!known) return Wrong(form.line, absl::StrCat("unknown type ", Render(*type)));
  return std::optional<EdnEvent>(
      EdnEvent{form.line, Render(*process), type->text, f->text, form.Find(":value")});
}

bool IsPair(const Edn* value) {
  return value != nullptr && value->kind == Edn::Kind::kSequence && value->items.size() == 2;
}

// Takes [key value] apart where a test runs over many keys.
std::string TakeKey(const EdnEvent& event, const Edn*& value) {
  value = event.value;
  const bool is_cas = event.f == ":cas";
  if (!IsPair(value)) return "";
  const Edn& inner = value->items[1];
  if (is_cas && !IsPair(&inner) && !inner.is_nil()) return "";
  std::string key = Render(value->items[0]);
  value = &inner;
  return key;
}

absl::Status TakeJepsenEvent(const EdnEvent& event, Foreign& foreign) {
  const Edn* value = nullptr;
  const std::string key = TakeKey(event, value);
  const bool reads = event.f == ":read" || event.f == ":r";
  const bool writes = event.f == ":write" || event.f == ":w";
  if (!reads && !writes && event.f != ":cas") {
    return Wrong(event.line, absl::StrCat(event.f, " is not an operation on a register"));
  }
  if (event.type == ":invoke") {
    ForeignCall call;
    if (writes) {
      if (value == nullptr) return Wrong(event.line, "a write without a value");
      call.kind = ForeignCall::Kind::kWrite;
      call.value = ValueOf(*value);
    } else if (!reads) {
      if (!IsPair(value)) return Wrong(event.line, "a cas without [old new]");
      call.kind = ForeignCall::Kind::kCas;
      call.expected = ValueOf(value->items[0]);
      call.value = ValueOf(value->items[1]);
    }
    return foreign.Invoke(event.line, event.process, key, std::move(call));
  }
  ForeignEnd end = ForeignEnd::kDone;
  if (event.type == ":fail") end = ForeignEnd::kNeverHappened;
  if (event.type == ":info") end = ForeignEnd::kUnknown;
  std::optional<std::string> seen;
  if (event.type == ":ok" && reads) {
    if (value == nullptr) return Wrong(event.line, "a read without a value");
    seen = ValueOf(*value);
  }
  return foreign.Return(event.line, event.process, end, seen);
}

absl::Status TakeKvEvent(const Edn& form, const EdnEvent& event, Foreign& foreign) {
  const Edn* key = form.Find(":key");
  if (key == nullptr) return Wrong(event.line, "an operation without :key");
  const bool gets = event.f == ":get";
  if (!gets && event.f != ":put" && event.f != ":append") {
    return Wrong(event.line, absl::StrCat(event.f, " is not one of :get, :put, :append"));
  }
  if (event.type == ":invoke") {
    ForeignCall call;
    if (!gets) {
      call.kind = event.f == ":put" ? ForeignCall::Kind::kWrite : ForeignCall::Kind::kAppend;
      if (event.value == nullptr || event.value->is_nil()) {
        return Wrong(event.line, "a write without a value");
      }
      call.value = ValueOf(*event.value);
    }
    return foreign.Invoke(event.line, event.process, Render(*key), std::move(call));
  }
  ForeignEnd end = ForeignEnd::kDone;
  if (event.type == ":fail") end = ForeignEnd::kNeverHappened;
  if (event.type == ":info") end = ForeignEnd::kUnknown;
  std::optional<std::string> seen;
  if (event.type == ":ok" && gets) {
    if (event.value == nullptr) return Wrong(event.line, "a get without a value");
    seen = ValueOf(*event.value).value_or("");
  }
  return foreign.Return(event.line, event.process, end, seen);
}

// Operations stand one behind the other, or in one list around them all.
absl::StatusOr<std::vector<Edn>> ReadForms(std::string_view text) {
  absl::StatusOr<std::vector<Edn>> forms = ReadEdn(text);
  if (!forms.ok()) return forms;
  if (forms->size() == 1 && forms->front().kind == Edn::Kind::kSequence) {
    return std::vector<Edn>(std::move(forms->front().items));
  }
  return forms;
}

absl::StatusOr<HistoryFormat> Recognise(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return Wrong(1, "an empty file");
  text.remove_prefix(begin);
  const std::string_view first_line = text.substr(0, text.find('\n'));
  if (text.starts_with("{\"")) return HistoryFormat::kOurs;
  if (text.starts_with("INFO") || text.starts_with("WARN")) return HistoryFormat::kJepsenEtcd;
  if (text.starts_with("{") && first_line.find(":key") != std::string_view::npos) {
    return HistoryFormat::kPorcupineKv;
  }
  if (text.starts_with("{") || text.starts_with("[") || text.starts_with("#") ||
      text.starts_with("(") || text.starts_with(";")) {
    return HistoryFormat::kJepsenEdn;
  }
  return Wrong(1, "not a history of a known format");
}

absl::StatusOr<std::vector<Problem>> ReadProblems(HistoryFormat format, std::string_view text) {
  switch (format) {
    case HistoryFormat::kJepsenEtcd:
      return ReadJepsenEtcd(text);
    case HistoryFormat::kPorcupineKv:
      return ReadPorcupineKv(text);
    case HistoryFormat::kJepsenEdn:
      return ReadJepsenEdn(text);
    case HistoryFormat::kOurs:
      break;
  }
  UNREACHABLE("our own format is read elsewhere");
}

void Search(std::vector<Problem> problems, std::uint64_t budget, CheckReport& report) {
  LinearizabilityResult result = CheckLinearizable(std::move(problems), budget);
  report.verdict = result.verdict;
  report.steps = result.steps;
  report.components = result.components;
  if (result.verdict != SearchVerdict::kViolation) return;
  report.found_by = "search";
  report.counterexample = std::move(result.counterexample);
}

absl::StatusOr<CheckReport> CheckOurs(std::string_view text, std::uint64_t budget) {
  const absl::StatusOr<History> history = ReadHistory(text);
  if (!history.ok()) return history.status();
  CheckReport report;
  report.operations = history->operations.size();
  for (const Operation& op : history->operations) {
    if (op.outcome() == OutcomeClass::kInfo) ++report.infos;
  }
  if (std::optional<VersionFinding> found = CheckVersions(*history, nullptr)) {
    report.verdict = SearchVerdict::kViolation;
    report.found_by = "versions";
    report.counterexample = absl::StrCat(found->rule, ": ", found->what, "\n");
    return report;
  }
  Search(ProblemsOf(*history), budget, report);
  return report;
}

}  // namespace

const char* NameOf(HistoryFormat format) {
  switch (format) {
    case HistoryFormat::kOurs:
      return "quorate";
    case HistoryFormat::kJepsenEtcd:
      return "jepsen-etcd";
    case HistoryFormat::kPorcupineKv:
      return "porcupine-kv";
    case HistoryFormat::kJepsenEdn:
      return "jepsen-edn";
  }
  UNREACHABLE("closed list");
}

absl::StatusOr<std::vector<Problem>> ReadJepsenEtcd(std::string_view text) {
  Foreign foreign(std::nullopt);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    absl::Status taken = TakeEtcdLine(line, text.substr(0, end), foreign);
    if (!taken.ok()) return taken;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(foreign).Finish();
}

absl::StatusOr<std::vector<Problem>> ReadPorcupineKv(std::string_view text) {
  const absl::StatusOr<std::vector<Edn>> forms = ReadForms(text);
  if (!forms.ok()) return forms.status();
  Foreign foreign("");
  for (const Edn& form : *forms) {
    const absl::StatusOr<std::optional<EdnEvent>> event = EventOf(form);
    if (!event.ok()) return event.status();
    if (!event->has_value()) continue;
    if (absl::Status taken = TakeKvEvent(form, **event, foreign); !taken.ok()) return taken;
  }
  return std::move(foreign).Finish();
}

absl::StatusOr<std::vector<Problem>> ReadJepsenEdn(std::string_view text) {
  const absl::StatusOr<std::vector<Edn>> forms = ReadForms(text);
  if (!forms.ok()) return forms.status();
  Foreign foreign(std::nullopt);
  for (const Edn& form : *forms) {
    const absl::StatusOr<std::optional<EdnEvent>> event = EventOf(form);
    if (!event.ok()) return event.status();
    if (!event->has_value()) continue;
    if (absl::Status taken = TakeJepsenEvent(**event, foreign); !taken.ok()) return taken;
  }
  return std::move(foreign).Finish();
}

absl::StatusOr<CheckReport> CheckText(std::string_view text, std::uint64_t budget) {
  const absl::StatusOr<HistoryFormat> format = Recognise(text);
  if (!format.ok()) return format.status();
  if (*format == HistoryFormat::kOurs) return CheckOurs(text, budget);
  absl::StatusOr<std::vector<Problem>> problems = ReadProblems(*format, text);
  if (!problems.ok()) return problems.status();
  CheckReport report;
  report.format = *format;
  for (const Problem& problem : *problems) {
    report.operations += problem.ops.size();
    for (const SearchOp& op : problem.ops) report.infos += op.must ? 0 : 1;
  }
  if (report.operations == 0) return Wrong(1, "no operations");
  Search(*std::move(problems), budget, report);
  return report;
}

absl::StatusOr<CheckReport> CheckFile(const std::string& path, std::uint64_t budget) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": no such file, or not readable"));
  std::ostringstream content;
  content << in.rdbuf();
  absl::StatusOr<CheckReport> report = CheckText(content.str(), budget);
  if (report.ok()) return report;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", report.status().message()));
}

}  // namespace quorate::sim
