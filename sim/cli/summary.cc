#include "sim/cli/summary.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kExcusedCapFrom = 100;
constexpr std::uint64_t kExcusedCapPercent = 2;

void AddTo(Counters& sum, const Counters& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

Finding FindingOf(const RunRecord& record, Severity severity) {
  Finding finding{record.number, record.file, record.seed, severity, "", "", 0, std::nullopt, ""};
  switch (record.end) {
    case RunEnd::kFinished:
      break;
    case RunEnd::kCrashed:
      finding.checker = "CRASH";
      finding.what = record.how;
      return finding;
    case RunEnd::kAsserted:
      finding.checker = "ASSERT";
      finding.what = record.how;
      return finding;
    case RunEnd::kOutOfTime:
      finding.checker = "TIME";
      finding.what = record.how;
      return finding;
  }
  if (record.result.violation) {
    finding.checker = record.result.violation->id;
    finding.what = record.result.violation->what;
    finding.event = record.result.violation->event;
  } else {
    finding.what = record.result.excuse;
    finding.certificate = record.result.certificate;
  }
  return finding;
}

}  // namespace

std::string FingerprintOf(const Finding& finding) {
  std::string text =
      Cat(NameOf(finding.severity), finding.checker.empty() ? "" : "-", finding.checker);
  for (char& c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.';
    if (!plain) c = '_';
  }
  return text;
}

Summary::Summary(const std::vector<Scenario>& scenarios, Origin origin, std::uint64_t seeds) {
  totals_.origin = std::move(origin);
  totals_.seeds = seeds;
  for (const Scenario& scenario : scenarios) {
    FileSummary& file = totals_.files.emplace_back();
    file.file = scenario.file;
    std::error_code error;
    file.path = std::filesystem::absolute(scenario.file, error).lexically_normal().string();
    if (error) file.path = scenario.file;
    file.hash = scenario.hash;
    file.required_marks = scenario.required_marks;
    file.marks_after_runs = static_cast<std::uint64_t>(scenario.marks_after_runs);
  }
}

void Summary::Add(const RunRecord& record) {
  FileSummary& file = totals_.files[record.file];
  const Severity severity = SeverityOf(record);
  ++file.by_severity[severity];
  ++file.runs;
  totals_.runs.push_back({record.number, record.file, record.seed});
  if (severity != Severity::kPass) totals_.findings.push_back(FindingOf(record, severity));
  const RunResult& result = record.result;
  totals_.events += result.events;
  file.events += result.events;
  totals_.virtual_ns += result.virtual_ns;
  AddTo(totals_.injected, result.injected);
  AddTo(totals_.checked, result.checked);
  AddTo(totals_.operations, result.operations);
  AddTo(totals_.ignored, result.ignored);
  for (const auto& [name, times] : result.marks) {
    if (times == 0) continue;
    for (MarkCount* count : {&totals_.marks[name], &file.marks[name]}) {
      ++count->runs;
      count->times += times;
    }
  }
  totals_.coverage.Add(record.number, result.states);
  totals_.digest.value += Chain(Digest{record.number}, result.digest.value).value;
}

void Summary::AddTwinMismatch(const RunRecord& record, std::string what) {
  ++totals_.files[record.file].by_severity[Severity::kNonDeterminism];
  totals_.findings.push_back({record.number, record.file, record.seed, Severity::kNonDeterminism,
                              "DETERMINISM", std::move(what), 0, std::nullopt, ""});
}

std::uint64_t Summary::count(Severity severity) const {
  std::uint64_t sum = 0;
  for (const FileSummary& file : totals_.files) {
    const auto found = file.by_severity.find(severity);
    sum += found == file.by_severity.end() ? 0 : found->second;
  }
  return sum;
}

std::uint64_t Summary::failures() const {
  std::uint64_t sum = 0;
  for (const FileSummary& file : totals_.files) {
    for (const auto& [severity, count] : file.by_severity) sum += IsFailure(severity) ? count : 0;
  }
  return sum;
}

std::vector<std::string> Summary::MissedGates() const {
  std::vector<std::string> missed;
  if (totals_.shard) return missed;
  const std::uint64_t excused = count(Severity::kExcused);
  if (totals_.runs.size() >= kExcusedCapFrom &&
      excused * 100 > totals_.runs.size() * kExcusedCapPercent) {
    missed.push_back(Cat("excused: ", excused, " of ", totals_.runs.size(), " runs, more than ",
                         kExcusedCapPercent, " %"));
  }
  for (const FileSummary& file : totals_.files) {
    if (file.runs < file.marks_after_runs) continue;
    for (const std::string& mark : file.required_marks) {
      if (file.marks.contains(mark)) continue;
      missed.push_back(
          Cat(file.file, ": no run of ", file.runs, " reached the mark \"", mark, "\""));
    }
  }
  return missed;
}

ExitCode Summary::exit_code() const {
  if (count(Severity::kSafety) > 0) return ExitCode::kSafety;
  if (count(Severity::kNonDeterminism) > 0) return ExitCode::kNonDeterminism;
  if (count(Severity::kLiveness) > 0) return ExitCode::kLiveness;
  if (count(Severity::kSimulatorBug) > 0) return ExitCode::kSimulatorBug;
  if (totals_.interrupted) return ExitCode::kInterrupted;
  if (count(Severity::kOutOfTime) > 0 || totals_.out_of_time) return ExitCode::kOutOfTime;
  if (!MissedGates().empty()) return ExitCode::kGate;
  if (count(Severity::kUnknown) > 0) return ExitCode::kUnknown;
  return ExitCode::kPass;
}

}  // namespace quorate::sim
