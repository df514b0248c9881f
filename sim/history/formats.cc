#include "sim/history/formats.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "sim/history/foreign.h"
#include "sim/history/jsonl.h"
#include "sim/history/version_check.h"

namespace quorate::sim {
namespace {

// What a text can be, judging by how it begins.
enum class Family : std::uint8_t { kOurs, kEtcd, kEdn };

std::string_view WithoutBlanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f\v,"), text.size()));
  return text;
}

absl::StatusOr<Family> Recognise(std::string_view text) {
  bool comments = false;  // there are some in EDN alone
  for (text = WithoutBlanks(text); text.starts_with(";"); text = WithoutBlanks(text)) {
    comments = true;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  if (text.empty()) return WrongLine(1, comments ? "no operations" : "an empty file");
  for (const char* level : {"INFO", "WARN", "ERROR", "DEBUG"}) {
    if (text.starts_with(level)) return Family::kEtcd;
  }
  const std::string_view second = WithoutBlanks(text.substr(1));
  if (text.starts_with("{") && second.starts_with("\"")) return Family::kOurs;
  if (text.starts_with("[") && second.starts_with("{") &&
      WithoutBlanks(second.substr(1)).starts_with("\"")) {
    return WrongLine(1, "a JSON list: of JSON, only Quorate's own lines are read");
  }
  constexpr std::string_view kOpens = "{[(#^";
  if (kOpens.find(text.front()) != std::string_view::npos) return Family::kEdn;
  return WrongLine(1, "not a history of a known format");
}

absl::StatusOr<ForeignHistory> ReadForeign(Family family, std::string_view text) {
  if (family == Family::kEdn) return ReadEdnHistory(text);
  absl::StatusOr<std::vector<Problem>> problems = ReadJepsenEtcd(text);
  if (!problems.ok()) return problems.status();
  return ForeignHistory{HistoryFormat::kJepsenEtcd, *std::move(problems)};
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

absl::StatusOr<CheckReport> CheckText(std::string_view text, std::uint64_t budget) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const absl::StatusOr<Family> family = Recognise(text);
  if (!family.ok()) return family.status();
  if (*family == Family::kOurs) return CheckOurs(text, budget);
  absl::StatusOr<ForeignHistory> history = ReadForeign(*family, text);
  if (!history.ok()) return history.status();
  CheckReport report;
  report.format = history->format;
  for (const Problem& problem : history->problems) {
    report.operations += problem.ops.size();
    for (const SearchOp& op : problem.ops) report.infos += op.must ? 0 : 1;
  }
  Search(std::move(history->problems), budget, report);
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
