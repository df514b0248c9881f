// `quorate-sim shrink` and `quorate-sim resolve`: from a run to a file that needs no seed.
#include <cstdio>

#include "sim/cli/cli.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/outputs.h"
#include "sim/cli/record.h"
#include "sim/cli/report.h"
#include "sim/cli/shrink.h"
#include "sim/cli/story.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"

namespace quorate::sim {

namespace {

// A name is for people and may hold anything; what is written without a name of its own goes here and nowhere else.
std::string FileNameOf(const std::string& name) {
  std::string file;
  for (const char c : CutText(name, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (c == '.' && !file.empty());
    file += plain ? c : '_';
  }
  return file;
}

ExitCode CodeOf(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) return ExitCode::kOutOfTime;
  if (absl::IsCancelled(status)) return ExitCode::kInterrupted;
  return absl::IsInternal(status) ? ExitCode::kSimulatorBug : ExitCode::kUsage;
}

}  // namespace

ExitCode Shrink(const ShrinkArgs& args, const CliWorld& world) {
  absl::StatusOr<Scenario> scenario = LoadScenario(args.path);
  if (!scenario.ok()) return Refuse(std::string(scenario.status().message()));
  const absl::Status ablated = Ablate(args.ablation, *scenario);
  if (!ablated.ok()) return Refuse(std::string(ablated.message()));
  const std::string to =
      args.to.empty() ? Cat(FileNameOf(scenario->name), ".shrunk.json") : args.to;
  const absl::Status writable = CheckWritable(to);
  if (!writable.ok()) return Refuse(std::string(writable.message()));
  const InterruptGuard guard;
  ShrinkTask task{*scenario};
  task.seed = args.seed;
  task.jobs = args.jobs > 0 ? args.jobs : Cores();
  task.deadline_s = args.deadline_s;
  task.quiet = args.quiet;
  task.keep = [&](const RunConfig& config, const Failure& failure) {
    KeepSoFar(to, task, config, failure.violation);
  };
  const absl::StatusOr<Shrunk> shrunk = ShrinkRun(task, world);
  if (!shrunk.ok()) {
    Refuse(std::string(shrunk.status().message()));
    return CodeOf(shrunk.status());
  }
  const std::string about = AboutShrunk(*scenario, args.seed, shrunk->violation);
  const absl::Status wrote =
      WriteText(to, WriteResolved(NameOfResult(scenario->name, "-shrunk"), about, shrunk->config));
  if (!wrote.ok()) return Refuse(std::string(wrote.message()));
  std::fputs(TellStory(*shrunk, *scenario).c_str(), stdout);
  std::printf("\nwritten to %s; it needs no seed: %s replay %s%s\n", to.c_str(),
              world.program.c_str(), to.c_str(), OptionsOfShrunk(*scenario).c_str());
  if (Interrupted()) return ExitCode::kInterrupted;
  return IsLiveness(shrunk->violation.id) ? ExitCode::kLiveness : ExitCode::kSafety;
}

ExitCode Resolve(const ResolveArgs& args, const CliWorld& world) {
  const absl::StatusOr<Scenario> scenario = LoadScenario(args.path);
  if (!scenario.ok()) return Refuse(std::string(scenario.status().message()));
  RunSettings settings;
  settings.resolve = true;
  const RunResult result =
      world.simulate(*scenario, Draw(*scenario, args.seed), args.seed, settings);
  if (!result.resolved) return Refuse("this program cannot resolve runs");
  const std::string about = Cat("Seed ", args.seed, " of ", scenario->name,
                                ", resolved: ", CutText(scenario->about, 800));
  const std::string text =
      WriteResolved(NameOfResult(scenario->name, Cat("-", args.seed)), about, *result.resolved);
  if (args.to.empty()) {
    std::fputs(text.c_str(), stdout);
    return ExitCode::kPass;
  }
  const absl::Status wrote = WriteText(args.to, text);
  if (!wrote.ok()) return Refuse(std::string(wrote.message()));
  std::fprintf(stderr, "%s: digest %s, with any seed\n", args.to.c_str(),
               Render(result.digest).c_str());
  return ExitCode::kPass;
}

}  // namespace quorate::sim
