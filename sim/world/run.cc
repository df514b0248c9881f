#include "sim/world/run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/cases/step_recorder.h"
#include "sim/history/black_box.h"
#include "sim/history/jsonl.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

BlackBoxResult CheckHistory(World& world, const RunConfig& config) {
  Shared& shared = world.shared();
  BlackBoxOptions options;
  options.groups = world.clients().Judged();
  options.search =
      config.script ||
      Happens(config.checks.search_parts, Prf(shared.seed, NameKey("checks.search"), kWholeRun, 0));
  options.budget =
      static_cast<std::uint64_t>(std::max<std::int64_t>(config.checks.search_steps, 1));
  return CheckBlackBox(shared.recorder.history(), shared.serial.effects(), options,
                       shared.verdicts);
}

Counters PassedOver(const Verdicts& verdicts) {
  Counters counters;
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    const std::uint64_t times = verdicts.passed_over().of(check);
    if (times > 0) counters[IdOf(check)] = times;
  }
  return counters;
}

std::string TextOf(const CheckFailure& failure) {
  std::string file = failure.file;
  const std::size_t slash = file.rfind('/');
  if (slash != std::string::npos) file.erase(0, slash + 1);
  return std::string(failure.kind) + " " + failure.condition + " (" + file + ":" +
         std::to_string(failure.line) + ")";
}

}  // namespace

RunResult RunOnce(const Scenario& scenario, const RunConfig& config, std::uint64_t seed,
                  const RunSettings& settings) {
  InstallRunHandlers();
  RunResult result;
  World world(config, seed, settings);
  Shared& shared = world.shared();
  const RunGuard guard(shared.marks);
  BlackBoxResult seen;
  try {
    world.Run();
    // What clients saw is judged by what was acknowledged, which rests on the disks.
    if (!shared.promise_broken && !world.given_up()) seen = CheckHistory(world, config);
  } catch (const RunAborted& aborted) {
    if (!shared.verdicts.found())
      shared.verdicts.Report(Check::kAssertion, TextOf(aborted.failure));
  }
  result.checked = world.Checked();
  result.injected = world.Injected();
  result.ignored = PassedOver(shared.verdicts);
  result.marks = shared.marks.ByName();
  result.states = world.States();
  result.operations = shared.operations.counts();
  result.events = shared.events;
  result.virtual_ns = shared.now();
  result.digest = shared.trace.digest();
  result.violation = shared.verdicts.first();
  if (!result.violation) {
    result.violation = seen.violation;
  } else if (seen.violation) {
    result.violation->what += "; clients could see it (" + seen.violation->id + ")";
  }
  if (result.violation) {
    result.verdict = Verdict::kFail;
  } else if (world.given_up()) {
    result.verdict = Verdict::kUnknown;
    result.excuse = "given up after " + std::to_string(shared.events) + " events";
  } else if (world.phases().excuse()) {
    result.verdict = Verdict::kExcused;
    result.certificate = world.phases().excuse();
    result.excuse = Render(*result.certificate);
  } else if (seen.unknown) {
    result.verdict = Verdict::kUnknown;
    result.excuse = "the search for an order ran out of its budget";
  } else {
    result.verdict = Verdict::kPass;
  }
  if (settings.resolve) result.resolved = world.Resolved();
  if (settings.steps != nullptr) {
    RecordedRun& run = *settings.steps;
    run.options = config.cluster.options;
    run.violation = result.violation;
    run.scenario = scenario.file;
    run.scenario_hash = settings.scenario;
    run.seed = seed;
    run.commit = settings.commit;
  }
  if (settings.history_to != nullptr)
    *settings.history_to << WriteHistory(shared.recorder.history());
  return result;
}

}  // namespace quorate::sim
