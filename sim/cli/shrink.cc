// `quorate-sim shrink`: a failing run made small.
#include "sim/cli/shrink.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sim/cli/outputs.h"
#include "sim/scenario/ablation.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/shrink/elsewhere.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostLookedAt = 100;  // of each kind, to tell whether it is needed

// Of everything that went wrong in a run, in the order of `Shrunk::needed`: the run without it.
class Withouts {
 public:
  explicit Withouts(const RunConfig& config)
      : config_(config),
        faults_(std::min(config.schedule.size(), kMostLookedAt)),
        frames_(std::min(config.script->frames.size(), kMostLookedAt)),
        nodes_(std::min(config.script->node_deviations.size(), kMostLookedAt)) {}

  std::size_t count() const { return faults_ + frames_ + nodes_; }
  RunConfig At(std::size_t i) const {
    if (i < faults_) return WithoutFaults(config_, i, 1);
    if (i < faults_ + frames_) return WithoutFrames(config_, i - faults_, 1);
    return WithoutNodeDeviations(config_, i - faults_ - frames_, 1);
  }
  // The place in `needed` of what is looked at as number i: lists that are looked at in part keep their length.
  std::size_t PlaceOf(std::size_t i) const {
    if (i < faults_) return i;
    if (i < faults_ + frames_) return i - faults_ + config_.schedule.size();
    return i - faults_ - frames_ + config_.schedule.size() + config_.script->frames.size();
  }
  std::size_t places() const {
    return config_.schedule.size() + config_.script->frames.size() +
           config_.script->node_deviations.size();
  }

 private:
  const RunConfig& config_;
  const std::size_t faults_;
  const std::size_t frames_;
  const std::size_t nodes_;
};

}  // namespace

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

std::string AboutShrunk(const Scenario& scenario, std::uint64_t seed, const Violation& violation) {
  const std::string ablated =
      scenario.ignored.any() ? Cat("(with", OptionsOfShrunk(scenario), ") ") : "";
  return Cat(ablated, "Shrunk from ", scenario.name,
             scenario.script ? std::string() : Cat(", seed ", seed), ": ", violation.id, ": ",
             CutText(violation.what, 600));
}

std::string OptionsOfShrunk(const Scenario& scenario) {
  std::string text;
  for (const std::string& word : OptionsOf(Ablation{scenario.ignored, {}})) text += Cat(" ", word);
  return text;
}

void KeepSoFar(const std::string& path, const ShrinkTask& task, const RunConfig& config,
               const Violation& violation) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_regular_file(path, error)) return;
  const std::string about = AboutShrunk(task.scenario, task.seed, violation);
  const std::string beside = Cat(path, ".new");
  // What cannot be written now is told at the end.
  if (!WriteText(beside, WriteResolved(NameOfResult(task.scenario.name, "-shrunk"), about, config))
           .ok())
    return;
  fs::rename(beside, path, error);
  if (error) fs::remove(beside, error);
}

absl::StatusOr<Shrunk> ShrinkRun(const ShrinkTask& task, const CliWorld& world) {
  Candidates candidates(task, world);
  absl::StatusOr<Candidates::Resolved> first = candidates.First();
  if (!first.ok()) {
    candidates.EndProgress();
    return first.status();
  }
  Shrunk shrunk;
  shrunk.original = first->config;
  shrunk.before = SizeOf(first->config, first->failure.events);
  Candidates::Resolved start = *std::move(first);
  if (!task.scenario.script) {
    if (const std::optional<std::uint64_t> nth = candidates.LookElsewhere(shrunk.before)) {
      if (std::optional<Candidates::Resolved> other = candidates.Elsewhere(*nth)) {
        start = *std::move(other);
        shrunk.elsewhere = {SeedOfDraw(task.seed, *nth),
                            SizeOf(start.config, start.failure.events)};
      }
    }
  }
  const auto evaluate = [&](const std::vector<RunConfig>& some) {
    return candidates.Evaluate(some);
  };
  const auto out_of_time = [&] { return candidates.OutOfTime(); };
  const auto tell = [&](const ShrinkProgress& progress) { candidates.Tell(progress); };
  Shrinker shrinker(std::move(start.config), start.failure, evaluate, out_of_time, tell);
  shrinker.set_moments(std::move(start.moments));
  shrinker.Run();
  shrunk.config = shrinker.best();
  shrunk.size = shrinker.size();
  shrunk.violation = shrinker.failure().violation;
  shrunk.finished = shrinker.finished();
  const Withouts withouts(shrunk.config);
  shrunk.needed.resize(withouts.places());
  const std::vector<std::optional<bool>> fails =
      candidates.EvaluateAll(withouts.count(), [&](std::uint64_t i) { return withouts.At(i); });
  for (std::size_t i = 0; i < fails.size(); ++i) {
    if (fails[i]) shrunk.needed[withouts.PlaceOf(i)] = !*fails[i];
  }
  absl::StatusOr<std::optional<std::string>> lines = candidates.LookAt(shrunk.config);
  candidates.EndProgress();
  if (!lines.ok()) return lines.status();
  shrunk.last_lines = *std::move(lines);
  shrunk.tried = candidates.runs();
  return shrunk;
}

}  // namespace quorate::sim
