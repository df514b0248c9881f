#include "sim/history/formats.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "sim/history/edn.h"
#include "sim/history/foreign.h"
#include "sim/history/jsonl.h"
#include "sim/history/version_check.h"

namespace quorate::sim {
namespace {

// ---- the EDN forms --------------------------------------------------------------------------------------

std::optional<std::string> ValueOf(const Edn& value) {
  if (value.is_nil()) return std::nullopt;
  return Render(value);
}
// Of texts that are appended to each other.
std::string TextOf(const Edn& value) {
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
  if (form.kind != Edn::Kind::kMap) return WrongLine(form.line, "not an operation");
  const Edn* process = form.Find(":process");
  const Edn* type = form.Find(":type");
  const Edn* f = form.Find(":f");
  if (process == nullptr || type == nullptr || f == nullptr) {
    return WrongLine(form.line, "an operation needs :process, :type and :f");
  }
  if (process->kind != Edn::Kind::kInteger) return std::optional<EdnEvent>();
  const bool known = type->text == ":invoke" || type->text == ":ok" || type->text == ":fail" ||
                     type->text == ":info";
  if (!known) return WrongLine(form.line, absl::StrCat("unknown type ", Render(*type)));
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
    return WrongLine(event.line, absl::StrCat(event.f, " is not an operation on a register"));
  }
  if (event.type == ":invoke") {
    ForeignCall call;
    if (writes) {
      if (value == nullptr) return WrongLine(event.line, "a write without a value");
      call.kind = ForeignCall::Kind::kWrite;
      call.value = ValueOf(*value);
    } else if (!reads) {
      if (!IsPair(value)) return WrongLine(event.line, "a cas without [old new]");
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
    if (value == nullptr) return WrongLine(event.line, "a read without a value");
    seen = ValueOf(*value);
    if (foreign.IsOpen(event.process) && foreign.OpenKey(event.process) != key) {
      return WrongLine(event.line, "returns from another key than was asked for");
    }
  }
  ForeignCall::Kind kind = ForeignCall::Kind::kCas;
  if (reads) kind = ForeignCall::Kind::kRead;
  if (writes) kind = ForeignCall::Kind::kWrite;
  return foreign.Return(event.line, event.process, kind, end, seen);
}

absl::Status TakeKvEvent(const Edn& form, const EdnEvent& event, Foreign& foreign) {
  const Edn* key = form.Find(":key");
  if (key == nullptr) return WrongLine(event.line, "an operation without :key");
  const bool gets = event.f == ":get";
  if (!gets && event.f != ":put" && event.f != ":append") {
    return WrongLine(event.line, absl::StrCat(event.f, " is not one of :get, :put, :append"));
  }
  if (event.type == ":invoke") {
    ForeignCall call;
    if (!gets) {
      call.kind = event.f == ":put" ? ForeignCall::Kind::kWrite : ForeignCall::Kind::kAppend;
      if (event.value == nullptr || event.value->is_nil()) {
        return WrongLine(event.line, "a write without a value");
      }
      call.value = TextOf(*event.value);
    }
    return foreign.Invoke(event.line, event.process, Render(*key), std::move(call));
  }
  ForeignEnd end = ForeignEnd::kDone;
  if (event.type == ":fail") end = ForeignEnd::kNeverHappened;
  if (event.type == ":info") end = ForeignEnd::kUnknown;
  std::optional<std::string> seen;
  if (event.type == ":ok" && gets) {
    if (event.value == nullptr) return WrongLine(event.line, "a get without a value");
    seen = event.value->is_nil() ? std::string() : TextOf(*event.value);
  }
  if (foreign.IsOpen(event.process) && foreign.OpenKey(event.process) != Render(*key)) {
    return WrongLine(event.line, "returns from another key than was asked for");
  }
  ForeignCall::Kind kind = ForeignCall::Kind::kAppend;
  if (gets) kind = ForeignCall::Kind::kRead;
  if (event.f == ":put") kind = ForeignCall::Kind::kWrite;
  return foreign.Return(event.line, event.process, kind, end, seen);
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
  bool comments = false;  // there are some in EDN alone
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with(";")) break;
    comments = true;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  if (text.empty()) return WrongLine(1, comments ? "no operations" : "an empty file");
  const std::string_view first_line = text.substr(0, text.find('\n'));
  if (text.starts_with("{\"")) return HistoryFormat::kOurs;
  if (text.starts_with("INFO") || text.starts_with("WARN")) return HistoryFormat::kJepsenEtcd;
  if (text.starts_with("{") && first_line.find(":key") != std::string_view::npos) {
    return HistoryFormat::kPorcupineKv;
  }
  if (text.starts_with("{") || text.starts_with("[") || text.starts_with("#") ||
      text.starts_with("(")) {
    return HistoryFormat::kJepsenEdn;
  }
  return WrongLine(1, "not a history of a known format");
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
  Search(*std::move(problems), budget, report);
  return report;
}

absl::StatusOr<CheckReport> CheckFile(const std::string& path, std::uint64_t budget) {
  std::error_code nothing;
  if (std::filesystem::is_directory(path, nothing)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": a folder, not a history"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": no such file, or not readable"));
  std::ostringstream content;
  content << in.rdbuf();
  absl::StatusOr<CheckReport> report = CheckText(content.str(), budget);
  if (report.ok()) return report;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", report.status().message()));
}

}  // namespace quorate::sim
