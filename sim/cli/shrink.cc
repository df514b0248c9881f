// `quorate-sim shrink`: a failing run made small.
#include "sim/cli/shrink.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "sim/cli/interrupt.h"
#include "sim/cli/pool.h"
#include "sim/cli/record.h"
#include "sim/cli/report.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/shrink/elsewhere.h"

namespace quorate::sim {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostLookedAt = 100;       // of each kind, to tell whether it is needed
constexpr std::uint64_t kMostElsewhere = 2'000;  // variants
constexpr std::uint64_t kFewEvents = 300;        // so small that looking further is not worth it
constexpr std::uint64_t kLookLimit = 10;         // seconds for that
constexpr std::uint64_t kCandidateLimit = 20;    // seconds that one candidate may take

class Candidates {
 public:
  Candidates(const ShrinkTask& task, const CliWorld& world, Fingerprint wanted)
      : task_(task), world_(world), wanted_(std::move(wanted)), start_(Clock::now()) {}

  bool OutOfTime() const {
    return Interrupted() || Clock::now() - start_ >= std::chrono::seconds(task_.deadline_s);
  }

  std::optional<Shrinker::Found> Evaluate(const std::vector<RunConfig>& candidates) {
    std::optional<Shrinker::Found> found;
    TaskList tasks;
    tasks.count = candidates.size();
    tasks.at = [](std::uint64_t place) { return Task{place, 0, 0}; };
    PoolWork work;
    work.run = [&](const Task& task) {
      RunRecord record;
      record.result = world_.simulate(task_.scenario, candidates[task.number], 0, RunSettings{});
      return record;
    };
    work.deliver = [&](const RunRecord& record) {
      if (record.end != RunEnd::kFinished || FingerprintOf(record.result) != wanted_)
        return Continue::kYes;
      found = Shrinker::Found{static_cast<std::size_t>(record.number),
                              {record.result.events, record.result.virtual_ns}};
      return Continue::kNo;
    };
    work.progress = [](std::uint64_t) {};
    const std::uint64_t jobs = std::min<std::uint64_t>(task_.jobs, candidates.size());
    // A pool that cannot work finds nothing: what there is stays.
    (void)RunAll(tasks, {jobs, kCandidateLimit, 0}, work);
    return found;
  }

  // The variant (elsewhere.h) that fails in that way after the fewest events, if that is far fewer than before;
  // tried for a fifth of the time.
  std::optional<std::uint64_t> LookElsewhere(const RunSize& before) {
    std::optional<std::uint64_t> best;
    std::uint64_t least = before.events / 2;
    TaskList tasks;
    tasks.count = kMostElsewhere;
    tasks.at = [](std::uint64_t place) { return Task{place, 0, 0}; };
    PoolWork work;
    work.run = [&](const Task& one) {
      RunRecord record;
      record.result =
          world_.simulate(task_.scenario, SmallerDraw(task_.scenario, task_.seed, one.number),
                          SeedOfDraw(task_.seed, one.number), RunSettings{});
      return record;
    };
    work.deliver = [&](const RunRecord& record) {
      if (record.end == RunEnd::kFinished && FingerprintOf(record.result) == wanted_ &&
          record.result.events < least) {
        best = record.number;
        least = record.result.events;
      }
      const bool enough =
          least < kFewEvents ||
          Clock::now() - start_ >= std::chrono::milliseconds(200 * task_.deadline_s);
      return enough ? Continue::kNo : Continue::kYes;
    };
    work.progress = [](std::uint64_t) {};
    (void)RunAll(tasks, {task_.jobs, kCandidateLimit, 0}, work);
    return best;
  }

  // Of every candidate, whether it fails in that way.
  std::vector<std::optional<bool>> EvaluateAll(const std::vector<RunConfig>& candidates) {
    std::vector<std::optional<bool>> fails(candidates.size());
    TaskList tasks;
    tasks.count = candidates.size();
    tasks.at = [](std::uint64_t place) { return Task{place, 0, 0}; };
    PoolWork work;
    work.run = [&](const Task& task) {
      RunRecord record;
      record.result = world_.simulate(task_.scenario, candidates[task.number], 0, RunSettings{});
      return record;
    };
    work.deliver = [&](const RunRecord& record) {
      if (record.end == RunEnd::kFinished)
        fails[record.number] = FingerprintOf(record.result) == wanted_;
      return Continue::kYes;
    };
    work.progress = [](std::uint64_t) {};
    if (!candidates.empty())
      (void)RunAll(
          tasks,
          {std::min<std::uint64_t>(task_.jobs, candidates.size()), kCandidateLimit, kLookLimit},
          work);
    return fails;
  }

  void Tell(const ShrinkProgress& progress) const {
    if (task_.quiet) return;
    const auto spent =
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start_).count();
    const bool terminal = isatty(STDERR_FILENO) == 1;
    std::fprintf(stderr, "%sshrink: %s (%s; %s runs, %s of %s s)%s", terminal ? "\r" : "",
                 Render(progress.size).c_str(), progress.pass.c_str(),
                 Grouped(progress.tried).c_str(), std::to_string(spent).c_str(),
                 std::to_string(task_.deadline_s).c_str(), terminal ? " \x1b[K" : "\n");
  }
  void EndProgress() const {
    if (!task_.quiet && isatty(STDERR_FILENO) == 1) std::fputc('\n', stderr);
  }

 private:
  const ShrinkTask& task_;
  const CliWorld& world_;
  const Fingerprint wanted_;
  const Clock::time_point start_;
};

}  // namespace

Fingerprint FingerprintOf(const RunResult& result) {
  Fingerprint fingerprint;
  if (result.verdict != Verdict::kFail || !result.violation) return fingerprint;
  fingerprint.checker = result.violation->id;
  if (fingerprint.checker == "ASSERT") {
    // What clients could see of it as well is another matter.
    fingerprint.text = result.violation->what.substr(0, result.violation->what.find(';'));
  }
  return fingerprint;
}

std::string NameOfResult(const std::string& name, const std::string& ending) {
  std::string short_name = CutText(name, 60);
  if (short_name.ends_with(ending)) return short_name;
  return short_name + ending;
}

std::string CutText(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  // Not within a character of several bytes.
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most) + "…";
}

std::string AboutShrunk(const Scenario& scenario, std::uint64_t seed, const RunResult& result) {
  const std::string what = result.violation ? CutText(result.violation->what, 600) : "";
  const char* ablated = scenario.ignored.any() ? "(some checks were left out) " : "";
  return Cat(ablated, "Shrunk from ", scenario.name,
             scenario.script ? std::string() : Cat(", seed ", seed), ": ",
             result.violation ? result.violation->id : "", ": ", what);
}

absl::StatusOr<Shrunk> ShrinkRun(const ShrinkTask& task, const CliWorld& world) {
  Shrunk shrunk;
  RunSettings settings;
  settings.resolve = true;
  RunResult first =
      world.simulate(task.scenario, Draw(task.scenario, task.seed), task.seed, settings);
  if (first.verdict != Verdict::kFail || !first.resolved)
    return absl::NotFoundError(Cat(task.scenario.file, ": seed ", task.seed, " does not fail (",
                                   NameOf(first.verdict), "): there is nothing to shrink"));
  shrunk.original = *std::move(first.resolved);
  Candidates candidates(task, world, FingerprintOf(first));
  Failure failure{first.events, first.virtual_ns};
  RunConfig start = shrunk.original;
  shrunk.before = SizeOf(start, failure.events);
  if (!task.scenario.script) {
    if (const std::optional<std::uint64_t> nth = candidates.LookElsewhere(shrunk.before)) {
      RunResult other = world.simulate(task.scenario, SmallerDraw(task.scenario, task.seed, *nth),
                                       SeedOfDraw(task.seed, *nth), settings);
      if (other.resolved && FingerprintOf(other) == FingerprintOf(first)) {
        failure = {other.events, other.virtual_ns};
        start = *std::move(other.resolved);
      }
    }
  }
  const auto evaluate = [&](const std::vector<RunConfig>& some) {
    return candidates.Evaluate(some);
  };
  const auto out_of_time = [&] { return candidates.OutOfTime(); };
  const auto tell = [&](const ShrinkProgress& progress) { candidates.Tell(progress); };
  Shrinker shrinker(std::move(start), failure, evaluate, out_of_time, tell);
  shrinker.Run();
  candidates.EndProgress();
  shrunk.config = shrinker.best();
  shrunk.size = shrinker.size();
  shrunk.tried = shrinker.tried();
  shrunk.finished = shrinker.finished();
  const RunConfig& least = shrunk.config;
  std::vector<RunConfig> without;
  for (std::size_t i = 0; i < least.schedule.size() && i < kMostLookedAt; ++i)
    without.push_back(WithoutFaults(least, i, 1));
  for (std::size_t i = 0; i < least.script->frames.size() && i < kMostLookedAt; ++i)
    without.push_back(WithoutFrames(least, i, 1));
  for (std::size_t i = 0; i < least.script->node_deviations.size() && i < kMostLookedAt; ++i)
    without.push_back(WithoutNodeDeviations(least, i, 1));
  for (const std::optional<bool>& fails : candidates.EvaluateAll(without))
    shrunk.needed.push_back(fails ? std::optional(!*fails) : std::nullopt);
  shrunk.result = world.simulate(task.scenario, shrunk.config, 0, RunSettings{});
  if (FingerprintOf(shrunk.result) != FingerprintOf(first))
    return absl::InternalError("the shrunk run fails in another way when it is run again");
  return shrunk;
}

}  // namespace quorate::sim
