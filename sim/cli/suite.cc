// `quorate-sim run`: many simulations, one table.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>

#include "engine/base/prf.h"
#include "sim/cli/cli.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/narrate.h"
#include "sim/cli/outputs.h"
#include "sim/cli/pool.h"
#include "sim/cli/report.h"
#include "sim/cli/shrink.h"
#include "sim/cli/summary.h"
#include "sim/cli/twins.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostShrunk = 8;  // kinds of failures
constexpr const char* kDefaultOut = "quorate-sim-failures";

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
      if (at->path().extension() == ".json" && !at->is_directory(error))
        found.push_back(at->path().string());
    }
    if (error) return absl::InvalidArgumentError(Cat(path, ": cannot be read"));
    if (found.empty()) return absl::InvalidArgumentError(Cat(path, ": no *.json in this folder"));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::uint64_t JobsOf(const RunArgs& args) { return args.jobs > 0 ? args.jobs : Cores(); }

// Numbers i below `args.seeds` with i mod shards == shard.
std::uint64_t TasksOf(const RunArgs& args) {
  if (args.shard >= args.seeds) return 0;
  return (args.seeds - args.shard - 1) / args.shards + 1;
}

std::string SpanOf(std::uint64_t seconds) {
  // More than that is longer than anybody waits.
  const std::uint64_t most = 1'000 * std::uint64_t{3'600};
  return RenderSpan(static_cast<std::int64_t>(std::min(seconds, most)) * 1'000'000'000);
}

class Progress {
 public:
  Progress(std::uint64_t total, bool quiet)
      : total_(total),
        shown_(!quiet && isatty(STDERR_FILENO) == 1),
        start_(std::chrono::steady_clock::now()) {}
  void Show(std::uint64_t done, const Summary& summary) const {
    if (!shown_) return;
    const std::uint64_t left = done == 0 ? 0 : Milliseconds() * ((total_ - done) / done) / 1'000;
    std::fprintf(stderr, "\r%s of %s runs, %s failed, %s events a second, about %s left \x1b[K",
                 Grouped(done).c_str(), Grouped(total_).c_str(),
                 Grouped(summary.failures()).c_str(),
                 Grouped(PerSecond(summary.events(), Milliseconds())).c_str(),
                 done == 0 ? "?" : SpanOf(left).c_str());
  }
  void Clear() const {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  std::uint64_t Milliseconds() const {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now() - start_)
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
        summary_(scenarios_,
                 {world.program, ReleaseNumber(), world.commit, OptionsOf(args.ablation)},
                 args.seeds),
        first_seed_(args.first_seed.value_or(world.fresh_seed)) {
    if (args.sharded) summary_.set_shard({args.shard, args.shards});
  }

  ExitCode Run() {
    const InterruptGuard guard;
    absl::Status status = RunAllTasks();
    if (status.ok() && !Interrupted()) status = RunTwins();
    if (!status.ok()) {
      std::fprintf(stderr, "quorate-sim: %s\n", std::string(status.message()).c_str());
      return ExitCode::kSimulatorBug;
    }
    if (Interrupted()) summary_.set_interrupted();
    // First of all: what comes next takes its time, and may be ended.
    const absl::Status early = WriteReports(args_, summary_, first_seed_);
    if (!early.ok()) return Refuse(std::string(early.message()));
    TellResult();
    status = LeaveArtifacts();
    std::fflush(stdout);
    if (!status.ok()) {
      const ExitCode refused = Refuse(std::string(status.message()));
      return summary_.exit_code() == ExitCode::kPass ? refused : summary_.exit_code();
    }
    return summary_.exit_code();
  }

 private:
  void TellResult() {
    // Who reads the table may stop reading at any line: what failed is looked at all the same.
    if (summary_.failures() > 0) signal(SIGPIPE, SIG_IGN);
    // What has ended well in a worker ends well here.
    if (!args_.quiet && TasksOf(args_) == 1 && last_end_ == RunEnd::kFinished) TellTheRun();
    if (!args_.quiet) std::fputs(RenderTable(summary_, first_seed_).c_str(), stdout);
    if (args_.quiet) std::fputs(RenderBrief(summary_).c_str(), stdout);
    std::fflush(stdout);
  }

  // What belongs to failures, and the first of each kind made small.
  absl::Status LeaveArtifacts() {
    const std::string out = ArtifactsFolder();
    absl::Status status;
    const bool before = Interrupted();
    if (!out.empty()) status = WriteArtifacts(args_, out, summary_, world_.self);
    if (status.ok() && args_.shrink_s > 0) status = ShrinkFailures(out);
    if (Interrupted() && !before && !args_.quiet)
      std::printf("\nINTERRUPTED: not all that failed was traced and shrunk\n");
    if (!status.ok() && args_.out.empty()) {
      // Nobody has asked for these files: what was found is worth more than they are.
      std::fprintf(stderr, "quorate-sim: %s\n", std::string(status.message()).c_str());
      status = absl::OkStatus();
    }
    // Again, with what was shrunk.
    const absl::Status reports = WriteReports(args_, summary_, first_seed_);
    return status.ok() ? reports : status;
  }

  absl::Status RunAllTasks() {
    TaskList tasks;
    tasks.count = TasksOf(args_);
    tasks.at = [this](std::uint64_t place) {
      const std::uint64_t i = args_.shard + place * args_.shards;
      return Task{i, i % scenarios_.size(), first_seed_ + i};
    };
    const Progress progress(tasks.count, args_.quiet);
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
    if (*done < tasks.count && !stopped_ && !Interrupted()) summary_.set_out_of_time();
    if (!args_.quiet) {
      const std::uint64_t ms = progress.Milliseconds();
      const std::uint64_t workers = std::min(JobsOf(args_), tasks.count);
      std::fprintf(stderr, "%s runs in %s with %s %s: %s events a second\n", Grouped(*done).c_str(),
                   RenderSpan(static_cast<std::int64_t>(ms) * 1'000'000).c_str(),
                   Grouped(workers).c_str(), workers == 1 ? "worker" : "workers",
                   Grouped(PerSecond(summary_.events(), ms)).c_str());
    }
    return absl::OkStatus();
  }

  PoolLimits Limits() const {
    PoolLimits limits;
    limits.jobs = JobsOf(args_);
    limits.run_limit = std::chrono::seconds(args_.run_limit_s);
    if (args_.time_limit_s > 0) limits.time_limit = std::chrono::seconds(args_.time_limit_s);
    return limits;
  }

  Continue Take(const RunRecord& record) {
    summary_.Add(record);
    const bool failed = IsFailure(SeverityOf(record));
    const bool sampled = Happens(scenarios_[record.file].determinism_parts,
                                 Prf(record.seed, NameKey("determinism.twin"), record.file, 0));
    const bool finished = record.end == RunEnd::kFinished;
    last_end_ = record.end;
    if (finished && (sampled || (failed && twins_of_failures_ < kMostTwinsOfFailures))) {
      if (failed) ++twins_of_failures_;
      summary_.NoteTwin({record.number, sampled, failed});
      firsts_.push_back(record);
    }
    stopped_ = failed && args_.fail_fast;
    return stopped_ ? Continue::kNo : Continue::kYes;
  }

  // Some runs, and the first failures, again.
  absl::Status RunTwins() {
    TaskList tasks;
    tasks.count = firsts_.size();
    tasks.at = [this](std::uint64_t place) {
      return Task{place, firsts_[place].file, firsts_[place].seed};
    };
    PoolWork work;
    work.run = [this](const Task& task) {
      RunRecord record;
      const absl::StatusOr<std::string> twin = DigestOfTwin(TwinOfRun(task.file, task.seed));
      record.how = twin.ok() ? *twin : std::string(twin.status().message());
      return record;
    };
    work.deliver = [this](const RunRecord& record) {
      if (record.how != Render(firsts_[record.number].result.digest)) differing_.push_back(record);
      return Continue::kYes;
    };
    work.progress = [](std::uint64_t) {};
    PoolLimits limits = Limits();
    limits.time_limit.reset();
    const absl::StatusOr<std::uint64_t> done = RunAll(tasks, limits, work);
    if (!done.ok()) return done.status();
    summary_.AddTwins(*done);
    for (const RunRecord& record : differing_) {
      if (!Interrupted()) TellDifference(record);
    }
    return absl::OkStatus();
  }

  // A suite of one is told as a story.
  void TellTheRun() {
    const std::uint64_t number = args_.shard;
    const Scenario& scenario = scenarios_[number % scenarios_.size()];
    const std::uint64_t seed = first_seed_ + number;
    std::ostringstream trace;
    RunSettings settings;
    settings.trace = true;
    settings.trace_to = &trace;
    const RunResult result = world_.simulate(scenario, Draw(scenario, seed), seed, settings);
    std::printf("%s, seed %s: %s\n\n%s\n", scenario.name.c_str(), std::to_string(seed).c_str(),
                scenario.about.c_str(), Narrate(trace.str(), result.violation).c_str());
  }

  // Where failures leave what belongs to them; empty: nowhere.
  std::string ArtifactsFolder() const {
    if (!args_.out.empty()) return args_.out;
    return args_.shrink_s > 0 && summary_.failures() > 0 ? kDefaultOut : "";
  }

  // The first failure of each kind is made small.
  absl::Status ShrinkFailures(const std::string& out) {
    std::set<std::string> kinds;
    std::size_t left = 0;
    for (std::size_t i = 0; i < summary_.findings().size(); ++i) {
      const Finding& finding = summary_.findings()[i];
      const bool can =
          finding.severity == Severity::kSafety || finding.severity == Severity::kLiveness;
      if (!can || Interrupted() || !kinds.insert(FingerprintOf(finding)).second) continue;
      if (kinds.size() > kMostShrunk) {
        ++left;
        continue;
      }
      const absl::Status status = ShrinkOne(i, Cat(out, "/", FingerprintOf(finding)));
      if (!status.ok()) return status;
    }
    if (left > 0) {
      std::fprintf(stderr, "quorate-sim: %zu more kinds of failures were not shrunk: %zu at most\n",
                   left, kMostShrunk);
    }
    return absl::OkStatus();
  }

  absl::Status ShrinkOne(std::size_t place, const std::string& folder) {
    const Finding& finding = summary_.findings()[place];
    ShrinkTask task{scenarios_[finding.file]};
    task.seed = finding.seed;
    task.jobs = JobsOf(args_);
    task.deadline_s = args_.shrink_s;
    task.quiet = args_.quiet;
    task.folder = folder;
    task.keep = [&](const RunConfig& config, const Failure& failure) {
      KeepSoFar(Cat(folder, "/shrunk.json"), task, config, failure.violation);
    };
    const absl::StatusOr<Shrunk> shrunk = ShrinkRun(task, world_);
    if (!shrunk.ok()) {
      std::fprintf(stderr, "quorate-sim: %s not shrunk: %s\n", FingerprintOf(finding).c_str(),
                   std::string(shrunk.status().message()).c_str());
      return absl::OkStatus();
    }
    summary_.SetShrunk(place, shrunk->size);
    const absl::Status status = WriteShrunk(task, *shrunk);
    if (status.ok() && !args_.quiet) {
      std::printf("%s shrunk to %s: see %s/story.txt\n", FingerprintOf(finding).c_str(),
                  Render(shrunk->size).c_str(), folder.c_str());
      std::fflush(stdout);
    }
    return status;
  }

  TwinOf TwinOfRun(std::uint64_t file, std::uint64_t seed) const {
    return {world_.self, scenarios_[file].file, seed, args_.run_limit_s, OptionsOf(args_.ablation)};
  }

  void TellDifference(const RunRecord& twin) {
    const RunRecord& first = firsts_[twin.number];
    const Scenario& scenario = scenarios_[first.file];
    const absl::StatusOr<Scenario> now = LoadScenario(scenario.file);
    const std::string why = !now.ok() || now->hash != scenario.hash
                                ? "the scenario file was changed meanwhile"
                                : FirstDifference(TwinOfRun(first.file, first.seed));
    summary_.AddTwinMismatch(first, Cat("the digest was ", Render(first.result.digest),
                                        ", and the second time \"", twin.how, "\"; ", why));
  }

  const RunArgs& args_;
  const CliWorld& world_;
  std::vector<Scenario> scenarios_;
  Summary summary_;
  std::uint64_t first_seed_;
  std::vector<RunRecord> firsts_;     // of those that are to be run again
  std::vector<RunRecord> differing_;  // second runs whose digest is another
  std::size_t twins_of_failures_ = 0;
  std::optional<RunEnd> last_end_;
  bool stopped_ = false;
};

}  // namespace

std::uint64_t Cores() {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : static_cast<std::uint64_t>(cores);
}

ExitCode RunSuite(const RunArgs& args, const CliWorld& world) {
  const absl::StatusOr<std::vector<std::string>> files = FilesOf(args.paths);
  if (!files.ok()) return Refuse(std::string(files.status().message()));
  std::vector<Scenario> scenarios;
  for (const std::string& file : *files) {
    absl::StatusOr<Scenario> scenario = LoadScenario(file);
    if (!scenario.ok()) return Refuse(std::string(scenario.status().message()));
    const absl::Status ablated = Ablate(args.ablation, *scenario);
    if (!ablated.ok()) return Refuse(std::string(ablated.message()));
    scenarios.push_back(*std::move(scenario));
  }
  const absl::Status apart = CheckApart(*files, {args.json, args.junit});
  if (!apart.ok()) return Refuse(std::string(apart.message()));
  const absl::Status outputs = CheckOutputs(args);
  if (!outputs.ok()) return Refuse(std::string(outputs.message()));
  RunArgs wanted = args;
  const bool any_seed = std::all_of(scenarios.begin(), scenarios.end(),
                                    [](const Scenario& each) { return each.script.has_value(); });
  // Of what leaves nothing to a seed, one run each is all there is.
  if (!args.seeds_given && any_seed) wanted.seeds = scenarios.size();
  return Suite(wanted, world, std::move(scenarios)).Run();
}

}  // namespace quorate::sim
