// `quorate-sim run`: many simulations, one table.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>

#include "engine/base/prf.h"
#include "sim/cli/child.h"
#include "sim/cli/cli.h"
#include "sim/cli/pool.h"
#include "sim/cli/report.h"
#include "sim/cli/summary.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTwinsOfFailures = 10;

// Files as they are, folders as all *.json below them, in the order of their names.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
         at.increment(error)) {
      if (at->path().extension() == ".json") found.push_back(at->path().string());
    }
    if (error) return absl::InvalidArgumentError(Cat(path, ": cannot be read"));
    if (found.empty()) return absl::InvalidArgumentError(Cat(path, ": no *.json in this folder"));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  return out ? absl::OkStatus() : absl::InvalidArgumentError(Cat(path, ": cannot be written"));
}

std::uint64_t JobsOf(const RunArgs& args) {
  if (args.jobs > 0) return args.jobs;
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : static_cast<std::uint64_t>(cores);
}

class Progress {
 public:
  Progress(std::uint64_t total, bool quiet)
      : total_(total),
        shown_(!quiet && isatty(STDERR_FILENO) == 1),
        start_(std::chrono::steady_clock::now()) {}
  void Show(std::uint64_t done, const Summary& summary) const {
    if (!shown_) return;
    const std::uint64_t seconds = Seconds();
    const std::uint64_t left = done == 0 ? 0 : seconds * (total_ - done) / done;
    std::fprintf(stderr, "\r%s of %s runs, %s failed, %s events a second, about %llu s left \x1b[K",
                 Grouped(done).c_str(), Grouped(total_).c_str(),
                 Grouped(summary.failures()).c_str(),
                 Grouped(summary.events() / std::max<std::uint64_t>(seconds, 1)).c_str(),
                 static_cast<unsigned long long>(left));
  }
  void Clear() const {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  std::uint64_t Seconds() const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start_)
            .count());
  }

 private:
  std::uint64_t total_;
  bool shown_;
  std::chrono::steady_clock::time_point start_;
};

class Suite {
 public:
  Suite(const RunArgs& args, const CliWorld& world, std::vector<Scenario> scenarios)
      : args_(args),
        world_(world),
        scenarios_(std::move(scenarios)),
        summary_(scenarios_),
        first_seed_(args.first_seed.value_or(world.fresh_seed)) {}

  ExitCode Run() {
    absl::Status status = RunAllTasks();
    if (status.ok()) status = RunTwins();
    if (!status.ok()) {
      std::fprintf(stderr, "quorate-sim: %s\n", std::string(status.message()).c_str());
      return ExitCode::kSimulatorBug;
    }
    if (!args_.quiet) std::fputs(RenderTable(summary_, first_seed_).c_str(), stdout);
    if (args_.quiet) {
      for (const Finding& finding : summary_.findings()) {
        if (IsFailure(finding.severity)) std::printf("%s\n", Render(summary_, finding).c_str());
      }
    }
    std::fflush(stdout);
    status = WriteReports();
    if (!status.ok()) return Refuse(std::string(status.message()));
    return summary_.exit_code();
  }

 private:
  absl::Status RunAllTasks() {
    std::vector<Task> tasks;
    for (std::uint64_t i = args_.shard; i < args_.seeds; i += args_.shards) {
      tasks.push_back({i, i % scenarios_.size(), first_seed_ + i});
    }
    const Progress progress(tasks.size(), args_.quiet);
    PoolWork work;
    work.run = [this](const Task& task) {
      RunRecord record;
      const Scenario& scenario = scenarios_[task.file];
      record.result = world_.simulate(scenario, Draw(scenario, task.seed), task.seed, {});
      return record;
    };
    work.deliver = [this](const RunRecord& record) { return Take(record); };
    work.progress = [&](std::uint64_t done) { progress.Show(done, summary_); };
    const absl::StatusOr<std::uint64_t> done = RunAll(tasks, Limits(), work);
    progress.Clear();
    if (!done.ok()) return done.status();
    if (*done < tasks.size() && !stopped_) summary_.set_out_of_time();
    if (!args_.quiet) {
      const std::uint64_t seconds = std::max<std::uint64_t>(progress.Seconds(), 1);
      std::fprintf(stderr, "%s runs in %s s with %s workers: %s events a second\n",
                   Grouped(*done).c_str(), Grouped(seconds).c_str(), Grouped(JobsOf(args_)).c_str(),
                   Grouped(summary_.events() / seconds).c_str());
    }
    return absl::OkStatus();
  }

  PoolLimits Limits() const { return {JobsOf(args_), args_.run_limit_s, args_.time_limit_s}; }

  Continue Take(const RunRecord& record) {
    summary_.Add(record);
    const bool failed = IsFailure(SeverityOf(record));
    const bool sampled = Happens(scenarios_[record.file].determinism_parts,
                                 Prf(record.seed, NameKey("determinism.twin"), record.file, 0));
    const bool finished = record.end == RunEnd::kFinished;
    if (finished && (sampled || (failed && twins_of_failures_ < kMostTwinsOfFailures))) {
      if (failed) ++twins_of_failures_;
      firsts_.push_back(record);
    }
    stopped_ = failed && args_.fail_fast;
    return stopped_ ? Continue::kNo : Continue::kYes;
  }

  // Some runs, and the first failures, again: in processes started afresh, with other addresses and
  // with other bytes in fresh and in freed memory.
  absl::Status RunTwins() {
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < firsts_.size(); ++i)
      tasks.push_back({i, firsts_[i].file, firsts_[i].seed});
    PoolWork work;
    work.run = [this](const Task& task) {
      RunRecord record;
      const std::string fill = std::to_string(1 + task.seed % 254);
      const absl::StatusOr<ChildResult> twin =
          RunChild({world_.self, "replay", scenarios_[task.file].file, "--seed",
                    std::to_string(task.seed), "--digest"},
                   {args_.run_limit_s, {{"MALLOC_PERTURB_", fill}}, ""});
      record.how = twin.ok() ? twin->out : std::string(twin.status().message());
      return record;
    };
    work.deliver = [this](const RunRecord& record) {
      const RunRecord& first = firsts_[record.number];
      const std::string expected = Render(first.result.digest);
      const std::string got = record.how.substr(0, record.how.find('\n'));
      if (got != expected) {
        summary_.AddTwinMismatch(
            first, Cat("the trace's digest was ", expected, ", and the second time \"", got, "\""));
      }
      return Continue::kYes;
    };
    work.progress = [](std::uint64_t) {};
    PoolLimits limits = Limits();
    limits.time_limit_s = 0;
    const absl::StatusOr<std::uint64_t> done = RunAll(tasks, limits, work);
    if (!done.ok()) return done.status();
    summary_.AddTwins(*done);
    return absl::OkStatus();
  }

  absl::Status WriteReports() {
    if (!args_.json.empty()) {
      const absl::Status status = WriteFile(args_.json, RenderJson(summary_, first_seed_));
      if (!status.ok()) return status;
    }
    if (!args_.junit.empty()) {
      const absl::Status status = WriteFile(args_.junit, RenderJUnit(summary_));
      if (!status.ok()) return status;
    }
    return args_.out.empty() ? absl::OkStatus() : WriteArtifacts();
  }

  // One folder for each kind of failure: the scenario, how to repeat it, and the trace of its first
  // run.
  absl::Status WriteArtifacts() {
    std::map<std::string, std::vector<const Finding*>> kinds;
    for (const Finding& finding : summary_.findings()) {
      if (IsFailure(finding.severity)) kinds[FingerprintOf(finding)].push_back(&finding);
    }
    for (const auto& [kind, findings] : kinds) {
      const fs::path folder = fs::path(args_.out) / kind;
      std::error_code error;
      fs::create_directories(folder, error);
      if (error) return absl::InvalidArgumentError(Cat(folder.string(), ": cannot be made"));
      std::string lines;
      for (const Finding* finding : findings) lines += Render(summary_, *finding) + "\n";
      const absl::Status status = WriteFile((folder / "runs.txt").string(), lines);
      if (!status.ok()) return status;
      const Finding& first = *findings.front();
      const std::string& file = summary_.files()[first.file].file;
      fs::copy_file(file, folder / "scenario.json", fs::copy_options::overwrite_existing, error);
      if (error) return absl::InvalidArgumentError(Cat(folder.string(), ": cannot be written"));
      const absl::StatusOr<ChildResult> trace =
          RunChild({world_.self, "replay", file, "--seed", std::to_string(first.seed), "--trace",
                    "--history", (folder / "history.jsonl").string()},
                   {args_.run_limit_s, {}, (folder / "trace.txt").string()});
      if (!trace.ok()) return trace.status();
    }
    return absl::OkStatus();
  }

  const RunArgs& args_;
  const CliWorld& world_;
  std::vector<Scenario> scenarios_;
  Summary summary_;
  std::uint64_t first_seed_;
  std::vector<RunRecord> firsts_;  // of those that are to be run again
  std::size_t twins_of_failures_ = 0;
  bool stopped_ = false;
};

}  // namespace

ExitCode RunSuite(const RunArgs& args, const CliWorld& world) {
  const absl::StatusOr<std::vector<std::string>> files = FilesOf(args.paths);
  if (!files.ok()) return Refuse(std::string(files.status().message()));
  std::vector<Scenario> scenarios;
  for (const std::string& file : *files) {
    absl::StatusOr<Scenario> scenario = LoadScenario(file);
    if (!scenario.ok()) return Refuse(std::string(scenario.status().message()));
    scenarios.push_back(*std::move(scenario));
  }
  return Suite(args, world, std::move(scenarios)).Run();
}

}  // namespace quorate::sim
