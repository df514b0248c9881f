#include "sim/cli/candidates.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <sstream>
#include <streambuf>
#include <string_view>
#include <utility>

#include "sim/cases/writer.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/outputs.h"
#include "sim/cli/report.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/shrink/elsewhere.h"

namespace quorate::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMostElsewhere = 2'000;  // variants
constexpr std::uint64_t kFewEvents = 300;        // so small that looking further is not worth it
constexpr milliseconds kCandidateLimit(20'000);  // that one candidate may take
constexpr milliseconds kLastLook(1'000);         // that there is for the smallest run, at least
constexpr std::size_t kLastLines = 60;           // of the trace
constexpr const char* kLastFiles[] = {"shrunk.trace.txt", "shrunk.history.jsonl",
                                      "shrunk.engine_case.cc"};

bool HasMarks(const std::vector<ScheduleEntry>& schedule) {
  return std::any_of(schedule.begin(), schedule.end(), [](const ScheduleEntry& entry) {
    return std::holds_alternative<OnMark>(entry.when);
  });
}

// Keeps of a trace when the schedule struck: "NUMBER SECONDS.NANOSECONDS scheduled WORD".
class MomentsOfTrace : public std::streambuf {
 public:
  const std::string& text() const { return text_; }

 protected:
  int_type overflow(int_type c) override {
    if (c == traits_type::eof()) return c;
    Add(static_cast<char>(c));
    return c;
  }
  std::streamsize xsputn(const char* from, std::streamsize count) override {
    std::string_view left(from, static_cast<std::size_t>(count));
    for (std::size_t end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
      line_ += left.substr(0, end);
      left.remove_prefix(end + 1);
      Add('\n');
    }
    line_ += left;
    return count;
  }

 private:
  void Add(char c) {
    if (c != '\n') {
      line_ += c;
      return;
    }
    if (line_.find(" scheduled ") != std::string::npos) text_ += line_ + "\n";
    line_.clear();
  }
  std::string line_;
  std::string text_;
};

Moments ReadMoments(const std::string& text) {
  Moments moments;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    std::string event, at, scheduled, word;
    in >> event >> at >> scheduled >> word;
    const std::size_t dot = at.find('.');
    const bool good = scheduled == "scheduled" && dot != std::string::npos && dot > 0 && dot < 10 &&
                      at.size() - dot == 10 &&
                      at.find_first_not_of("0123456789.") == std::string::npos;
    if (good) moments[word].push_back(std::stoll(at.substr(0, dot) + at.substr(dot + 1)));
  }
  return moments;
}

}  // namespace

std::string LastLinesOf(const std::string& trace) {
  std::deque<std::string> lines;
  std::istringstream in(trace);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line.size() > 200 ? Cat(line.substr(0, 200), "…") : line);
    if (lines.size() > kLastLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += Cat("  ", line, "\n");
  return text;
}

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

Candidates::Candidates(const ShrinkTask& task, const CliWorld& world)
    : task_(task),
      world_(world),
      start_(Clock::now()),
      deadline_(seconds(task.deadline_s)),
      search_until_(deadline_ - std::min(deadline_ / 5, milliseconds(5'000))),
      look_until_(deadline_ - std::min(deadline_ / 10, milliseconds(2'000))),
      candidate_limit_(kCandidateLimit) {
  progress_.pass = "the run itself";
}

milliseconds Candidates::Spent() const {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start_);
}

bool Candidates::OutOfTime() const { return Interrupted() || Spent() >= search_until_; }

PoolLimits Candidates::Until(milliseconds end, std::uint64_t most_jobs) const {
  PoolLimits limits;
  limits.jobs = std::max<std::uint64_t>(std::min(task_.jobs, most_jobs), 1);
  limits.time_limit = std::max(end - Spent(), milliseconds(0));
  limits.run_limit = std::max(std::min(candidate_limit_, *limits.time_limit), milliseconds(1));
  return limits;
}

// A pool that cannot work finds nothing: what there is stays.
std::uint64_t Candidates::RunThem(std::uint64_t count, const PoolLimits& limits, PoolWork work) {
  if (count == 0 || *limits.time_limit <= milliseconds(0)) return 0;
  TaskList tasks;
  tasks.count = count;
  tasks.at = [](std::uint64_t place) { return Task{place, 0, 0}; };
  const auto deliver = std::move(work.deliver);
  work.deliver = [&](const RunRecord& record) {
    ++runs_;
    ++progress_.tried;
    return deliver(record);
  };
  work.progress = [this](std::uint64_t) { Show(false); };
  Show(false);
  return RunAll(tasks, limits, work).value_or(0);
}

absl::StatusOr<Candidates::Resolved> Candidates::Resolve(const RunConfig& config,
                                                         std::uint64_t seed,
                                                         const PoolLimits& limits) {
  absl::StatusOr<Resolved> resolved = absl::DeadlineExceededError(
      Cat(task_.scenario.file, ": seed ", task_.seed, " did not end within ", task_.deadline_s,
          " s: there was no time to shrink it"));
  std::string text;
  PoolWork work;
  work.run = [&](const Task&) {
    RunSettings settings;
    settings.resolve = true;
    MomentsOfTrace moments;
    std::ostream trace(&moments);
    settings.trace = HasMarks(config.schedule);
    settings.trace_to = settings.trace ? &trace : nullptr;
    RunRecord record;
    record.result = world_.simulate(task_.scenario, config, seed, settings);
    if (record.result.resolved)
      record.how = Cat(moments.text(), "\n", WriteResolved("run", "x", *record.result.resolved));
    return record;
  };
  work.deliver = [&](const RunRecord& record) {
    if (record.end == RunEnd::kOutOfTime) return Continue::kNo;
    if (record.end != RunEnd::kFinished) {
      resolved =
          absl::NotFoundError(Cat(task_.scenario.file, ": seed ", task_.seed, ": ", record.how,
                                  ": only a run that ends by itself can be shrunk"));
      return Continue::kNo;
    }
    if (record.result.verdict != Verdict::kFail || record.how.empty()) {
      resolved =
          absl::NotFoundError(Cat(task_.scenario.file, ": seed ", task_.seed, " does not fail (",
                                  NameOf(record.result.verdict), "): there is nothing to shrink"));
      return Continue::kNo;
    }
    text = record.how;
    Resolved found;
    found.failure = {record.result.events, record.result.virtual_ns, *record.result.violation};
    found.fingerprint = FingerprintOf(record.result);
    resolved = std::move(found);
    return Continue::kNo;
  };
  RunThem(1, limits, std::move(work));
  if (!resolved.ok()) {
    if (!Interrupted() || !absl::IsDeadlineExceeded(resolved.status())) return resolved;
    return absl::CancelledError("interrupted before anything was shrunk");
  }
  const std::size_t end = text.find("\n{");
  REQUIRE(end != std::string::npos);
  absl::StatusOr<Scenario> read = ParseScenario(std::string_view(text).substr(end + 1), "resolved");
  if (!read.ok()) return absl::InternalError(std::string(read.status().message()));
  read->ignored = task_.scenario.ignored;
  resolved->config = Draw(*read, 0);
  resolved->moments = ReadMoments(text.substr(0, end + 1));
  return resolved;
}

absl::StatusOr<Candidates::Resolved> Candidates::First() {
  const milliseconds before = Spent();
  candidate_limit_ = deadline_;
  absl::StatusOr<Resolved> first =
      Resolve(Draw(task_.scenario, task_.seed), task_.seed, Until(deadline_, 1));
  if (!first.ok()) return first;
  // None is larger than this one; what takes far longer goes in circles.
  candidate_limit_ = std::min(5 * (Spent() - before) + milliseconds(1'000), kCandidateLimit);
  wanted_ = first->fingerprint;
  progress_.size = SizeOf(first->config, first->failure.events);
  sized_ = true;
  return first;
}

std::optional<std::uint64_t> Candidates::LookElsewhere(const RunSize& before) {
  std::optional<std::uint64_t> best;
  std::uint64_t least = before.events / 2;
  PoolWork work;
  work.run = [&](const Task& one) {
    RunRecord record;
    record.result =
        world_.simulate(task_.scenario, SmallerDraw(task_.scenario, task_.seed, one.number),
                        SeedOfDraw(task_.seed, one.number), RunSettings{});
    return record;
  };
  work.deliver = [&](const RunRecord& record) {
    if (record.end == RunEnd::kFinished && FingerprintOf(record.result) == *wanted_ &&
        record.result.events < least) {
      best = record.number;
      least = record.result.events;
    }
    return least < kFewEvents ? Continue::kNo : Continue::kYes;
  };
  progress_.pass = "other seeds";
  RunThem(kMostElsewhere, Until(std::min(deadline_ / 5, search_until_), task_.jobs),
          std::move(work));
  return best;
}

std::optional<Candidates::Resolved> Candidates::Elsewhere(std::uint64_t nth) {
  absl::StatusOr<Resolved> other = Resolve(SmallerDraw(task_.scenario, task_.seed, nth),
                                           SeedOfDraw(task_.seed, nth), Until(search_until_, 1));
  if (!other.ok() || other->fingerprint != *wanted_) return std::nullopt;
  progress_.size = SizeOf(other->config, other->failure.events);
  return *std::move(other);
}

std::optional<Shrinker::Found> Candidates::Evaluate(const std::vector<RunConfig>& candidates) {
  std::optional<Shrinker::Found> found;
  PoolWork work;
  RunSettings settings;
  // What takes much longer is no smaller. (And most of those that do not fail need not be run to the end.)
  settings.most_events = progress_.size.events + progress_.size.events / 4 + kFewEvents;
  work.run = [&](const Task& one) {
    RunRecord record;
    record.result = world_.simulate(task_.scenario, candidates[one.number], 0, settings);
    return record;
  };
  work.deliver = [&](const RunRecord& record) {
    if (record.end != RunEnd::kFinished || FingerprintOf(record.result) != *wanted_)
      return Continue::kYes;
    found =
        Shrinker::Found{static_cast<std::size_t>(record.number),
                        {record.result.events, record.result.virtual_ns, *record.result.violation}};
    return Continue::kNo;
  };
  RunThem(candidates.size(), Until(search_until_, candidates.size()), std::move(work));
  if (found) {
    const RunConfig& smaller = candidates[found->place];
    progress_.size = SizeOf(smaller, found->failure.events);
    Keep(smaller, found->failure);
  }
  return found;
}

std::vector<std::optional<bool>> Candidates::EvaluateAll(
    std::size_t count, const std::function<RunConfig(std::uint64_t)>& candidate) {
  std::vector<std::optional<bool>> fails(count);
  PoolWork work;
  work.run = [&](const Task& one) {
    RunRecord record;
    record.result = world_.simulate(task_.scenario, candidate(one.number), 0, RunSettings{});
    return record;
  };
  work.deliver = [&](const RunRecord& record) {
    if (record.end == RunEnd::kFinished)
      fails[record.number] = FingerprintOf(record.result) == *wanted_;
    return Continue::kYes;
  };
  progress_.pass = "what is needed";
  RunThem(count, Until(look_until_, count), std::move(work));
  return fails;
}

absl::StatusOr<std::optional<std::string>> Candidates::LookAt(const RunConfig& config) {
  absl::StatusOr<std::optional<std::string>> lines(std::nullopt);
  const auto path = [this](const char* file) { return Cat(task_.folder, "/", file); };
  PoolWork work;
  work.run = [&](const Task&) {
    std::ostringstream trace;
    std::ostringstream history;
    RecordedRun steps;
    RunSettings settings;
    settings.trace = true;
    settings.trace_to = &trace;
    if (!task_.folder.empty()) {
      settings.history_to = &history;
      settings.steps = &steps;
      settings.commit = world_.commit;
    }
    RunRecord record;
    record.result = world_.simulate(task_.scenario, config, 0, settings);
    record.how = LastLinesOf(trace.str());
    if (task_.folder.empty()) return record;
    steps.scenario = "shrunk.json";  // beside it; it needs no seed
    const std::string texts[] = {trace.str(), history.str(), WriteEngineCase(steps)};
    for (std::size_t i = 0; i < std::size(texts); ++i) {
      const absl::Status status = WriteText(path(kLastFiles[i]), texts[i]);
      if (!status.ok()) record.how = Cat("\n", std::string(status.message()));
    }
    return record;
  };
  bool ended = false;
  work.deliver = [&](const RunRecord& record) {
    if (record.end == RunEnd::kOutOfTime) return Continue::kNo;
    ended = true;
    if (record.end != RunEnd::kFinished || FingerprintOf(record.result) != *wanted_) {
      lines = absl::InternalError("the shrunk run fails in another way when it is run again");
    } else if (record.how.starts_with("\n")) {
      lines = absl::InvalidArgumentError(record.how.substr(1));
    } else {
      lines = record.how;
    }
    return Continue::kNo;
  };
  progress_.pass = "the smallest once more";
  PoolLimits limits =
      Until(std::max(Interrupted() ? milliseconds(0) : deadline_, Spent() + kLastLook), 1);
  limits.run_limit = *limits.time_limit;
  limits.heeds_interrupts = false;  // whoever interrupts wants what there is
  RunThem(1, limits, std::move(work));
  std::error_code error;
  for (const char* file : kLastFiles) {
    // Half of it, perhaps.
    if (!ended && !task_.folder.empty()) std::filesystem::remove(path(file), error);
  }
  return lines;
}

// Writing it takes its time, too: a tenth of all of it at most.
void Candidates::Keep(const RunConfig& config, const Failure& failure) {
  const milliseconds before = Spent();
  if (!task_.keep || before < keep_next_) return;
  task_.keep(config, failure);
  const milliseconds after = Spent();
  keep_next_ = after + std::max(milliseconds(1'000), 10 * (after - before));
}

void Candidates::Tell(const ShrinkProgress& progress) {
  progress_.pass = progress.pass;
  progress_.size = progress.size;
  Show(false);
}

void Candidates::Show(bool at_once) {
  if (task_.quiet) return;
  const milliseconds now = Spent();
  const bool terminal = isatty(STDERR_FILENO) == 1;
  // A file or another program gets a line now and then.
  const milliseconds pause = terminal ? milliseconds(200) : milliseconds(10'000);
  if (shown_ && !at_once && now - *shown_ < pause) return;
  shown_ = now;
  std::fprintf(stderr, "%sshrink: %s%s (%s; %s runs, %lld of %s s)%s", terminal ? "\r" : "",
               sized_ ? Render(progress_.size).c_str() : "seed ",
               sized_ ? "" : std::to_string(task_.seed).c_str(), progress_.pass.c_str(),
               Grouped(runs_).c_str(),
               static_cast<long long>(std::chrono::duration_cast<seconds>(now).count()),
               std::to_string(task_.deadline_s).c_str(), terminal ? " \x1b[K" : "\n");
}

void Candidates::EndProgress() const {
  if (!task_.quiet && isatty(STDERR_FILENO) == 1 && shown_) std::fputs("\r\x1b[K", stderr);
}

}  // namespace quorate::sim
