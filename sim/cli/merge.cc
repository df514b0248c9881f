#include "sim/cli/merge.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "sim/cli/cli.h"
#include "sim/cli/outputs.h"
#include "sim/cli/report.h"
#include "sim/cli/twins.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kMostMissing = 5;  // that are named

std::string NameOf(const Shard& shard) { return Cat(shard.index, "/", shard.of); }

// What makes `other` a shard of another suite; empty if nothing does.
std::string Difference(const ShardReport& one, const ShardReport& other) {
  const SuiteTotals& a = one.totals;
  const SuiteTotals& b = other.totals;
  if (b.shard->of != a.shard->of) return Cat(b.shard->of, " shards, not ", a.shard->of);
  if (other.first_seed != one.first_seed)
    return Cat("the first seed is ", other.first_seed, ", not ", one.first_seed);
  if (b.seeds != a.seeds) return Cat(b.seeds, " seeds, not ", a.seeds);
  if (b.origin.version != a.origin.version)
    return Cat("version ", b.origin.version, ", not ", a.origin.version);
  if (b.origin.commit != a.origin.commit)
    return Cat("commit ", b.origin.commit, ", not ", a.origin.commit);
  if (b.origin.options != a.origin.options) return "other checks or faults are left out";
  if (b.files.size() != a.files.size())
    return Cat(b.files.size(), " scenarios, not ", a.files.size());
  for (std::size_t i = 0; i < a.files.size(); ++i) {
    const bool same = b.files[i].hash == a.files[i].hash &&
                      b.files[i].required_marks == a.files[i].required_marks &&
                      b.files[i].marks_after_runs == a.files[i].marks_after_runs;
    if (!same) return Cat("another text of scenario ", b.files[i].file);
  }
  return "";
}

absl::Status CheckShards(const std::vector<ShardReport>& shards) {
  for (std::size_t i = 1; i < shards.size(); ++i) {
    const std::string difference = Difference(shards[0], shards[i]);
    if (!difference.empty()) {
      return absl::InvalidArgumentError(
          Cat(shards[i].path, ": is of another suite than ", shards[0].path, ": ", difference));
    }
  }
  return absl::OkStatus();
}

// Requires: sorted by index.
absl::Status CheckComplete(const std::vector<ShardReport>& shards) {
  const std::uint64_t of = shards[0].totals.shard->of;
  for (std::size_t i = 1; i < shards.size(); ++i) {
    if (shards[i].totals.shard == shards[i - 1].totals.shard) {
      if (shards[i].path == shards[i - 1].path)
        return absl::InvalidArgumentError(Cat(shards[i].path, ": is given twice"));
      return absl::InvalidArgumentError(Cat(shards[i].path, ": is shard ",
                                            NameOf(*shards[i].totals.shard), ", as ",
                                            shards[i - 1].path, " is"));
    }
  }
  if (shards.size() == of) return absl::OkStatus();
  const std::uint64_t missing = of - shards.size();
  std::string names;
  std::uint64_t named = 0;
  std::size_t at = 0;
  for (std::uint64_t index = 0; named < std::min(missing, kMostMissing); ++index) {
    if (at < shards.size() && shards[at].totals.shard->index == index) {
      ++at;
      continue;
    }
    names += Cat(named++ == 0 ? "" : ", ", NameOf({index, of}));
  }
  return absl::InvalidArgumentError(
      Cat(missing == 1 ? "a shard is missing: " : Cat(missing, " shards are missing: "), names,
          missing > named ? ", …" : ""));
}

void AddTo(Counters& sum, const Counters& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

void AddTo(std::map<std::string, MarkCount>& sum, const std::map<std::string, MarkCount>& more) {
  for (const auto& [name, count] : more) {
    sum[name].runs += count.runs;
    sum[name].times += count.times;
  }
}

void AddTo(SuiteTotals& sum, SuiteTotals& more) {
  for (std::size_t i = 0; i < sum.files.size(); ++i) {
    FileSummary& file = sum.files[i];
    file.runs += more.files[i].runs;
    file.events += more.files[i].events;
    for (const auto& [severity, count] : more.files[i].by_severity)
      file.by_severity[severity] += count;
    AddTo(file.marks, more.files[i].marks);
  }
  sum.runs.insert(sum.runs.end(), more.runs.begin(), more.runs.end());
  sum.findings.insert(sum.findings.end(), more.findings.begin(), more.findings.end());
  sum.events += more.events;
  sum.virtual_ns += more.virtual_ns;
  sum.twins += more.twins;
  sum.twin_runs.insert(sum.twin_runs.end(), more.twin_runs.begin(), more.twin_runs.end());
  sum.out_of_time = sum.out_of_time || more.out_of_time;
  sum.interrupted = sum.interrupted || more.interrupted;
  AddTo(sum.injected, more.injected);
  AddTo(sum.checked, more.checked);
  AddTo(sum.operations, more.operations);
  AddTo(sum.ignored, more.ignored);
  AddTo(sum.marks, more.marks);
  for (const auto& [state, step] : more.coverage.states()) sum.coverage.AddState(state, step);
  sum.coverage.AddPairs(more.coverage.pairs());
  sum.digest.value += more.digest.value;
}

// How many runs one run of the whole would have done twice.
std::uint64_t TwinsOf(const std::vector<TwinRun>& runs) {
  std::uint64_t twins = 0;
  std::size_t failures = 0;
  for (const TwinRun& run : runs) {
    if (!run.sampled && failures >= kMostTwinsOfFailures) continue;
    ++twins;
    failures += run.failed ? 1 : 0;
  }
  return twins;
}

// Each shard makes the first failure of each kind small; one run of the whole would have done so for the first of all.
// Requires: in the order of reports.
void KeepFirstShrunk(std::vector<Finding>& findings) {
  std::set<std::string> kinds;
  for (Finding& finding : findings) {
    if (IsFailure(finding.severity) && !kinds.insert(FingerprintOf(finding)).second)
      finding.shrunk.reset();
  }
}

// What was read is not written over: a merge can be repeated.
absl::Status CheckPaths(const MergeArgs& args) {
  std::error_code error;
  for (const std::string& path : args.paths) {
    for (const std::string& output : {args.json, args.junit}) {
      if (!output.empty() && std::filesystem::equivalent(path, output, error))
        return absl::InvalidArgumentError(Cat(output, ": is one of the reports to be merged"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SuiteTotals> Merge(std::vector<ShardReport> shards) {
  absl::Status status = CheckShards(shards);
  if (!status.ok()) return status;
  std::stable_sort(shards.begin(), shards.end(), [](const ShardReport& a, const ShardReport& b) {
    return a.totals.shard->index < b.totals.shard->index;
  });
  status = CheckComplete(shards);
  if (!status.ok()) return status;
  SuiteTotals sum = std::move(shards[0].totals);
  for (std::size_t i = 1; i < shards.size(); ++i) AddTo(sum, shards[i].totals);
  sum.shard.reset();
  const auto by_number = [](const auto& a, const auto& b) { return a.number < b.number; };
  std::sort(sum.runs.begin(), sum.runs.end(), by_number);
  std::sort(sum.twin_runs.begin(), sum.twin_runs.end(), by_number);
  const auto second = [](const Finding& finding) {
    return finding.severity == Severity::kNonDeterminism;
  };
  std::stable_sort(sum.findings.begin(), sum.findings.end(),
                   [&](const Finding& a, const Finding& b) {
                     return std::pair(second(a), a.number) < std::pair(second(b), b.number);
                   });
  KeepFirstShrunk(sum.findings);
  // Some of the second runs may not have come to be any more.
  if (sum.twins == sum.twin_runs.size()) sum.twins = TwinsOf(sum.twin_runs);
  return sum;
}

ExitCode MergeReports(const MergeArgs& args) {
  const absl::Status paths = CheckPaths(args);
  if (!paths.ok()) return Refuse(std::string(paths.message()));
  std::vector<ShardReport> shards;
  for (const std::string& path : args.paths) {
    absl::StatusOr<ShardReport> report = ReadShardReport(path);
    if (!report.ok()) return Refuse(std::string(report.status().message()));
    shards.push_back(*std::move(report));
  }
  RunArgs outputs;
  outputs.json = args.json;
  outputs.junit = args.junit;
  absl::Status status = CheckOutputs(outputs);
  if (!status.ok()) return Refuse(std::string(status.message()));
  const std::uint64_t first_seed = shards[0].first_seed;
  absl::StatusOr<SuiteTotals> totals = Merge(std::move(shards));
  if (!totals.ok()) return Refuse(std::string(totals.status().message()));
  const Summary summary(*std::move(totals));
  status = WriteReports(outputs, summary, first_seed);
  const std::string text = args.quiet ? RenderBrief(summary) : RenderTable(summary, first_seed);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (status.ok()) return summary.exit_code();
  const ExitCode refused = Refuse(std::string(status.message()));
  return summary.exit_code() == ExitCode::kPass ? refused : summary.exit_code();
}

}  // namespace quorate::sim
