#include "sim/world/run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/history/jsonl.h"
#include "sim/history/version_check.h"
#include "sim/history/wgl.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

// What the clients could see by themselves, without the serial points that the engine tells.
struct BlackBox {
  std::optional<Violation> violation;
  bool unknown = false;
};

BlackBox CheckHistory(World& world, const RunConfig& config, RunResult& result) {
  BlackBox seen;
  Shared& shared = world.shared();
  const History& history = shared.recorder.history();
  VersionCheckCounts counts;
  const std::optional<VersionFinding> finding = CheckVersions(history, &counts);
  result.checked["LIN-4"] += counts.operations;
  if (finding)
    seen.violation = Violation{"LIN-4", finding->rule + ": " + finding->what, shared.events};
  const bool failed = shared.verdicts.found() || finding.has_value();
  const bool sampled =
      Happens(config.checks.search_parts, Prf(shared.seed, NameKey("checks.search"), kWholeRun, 0));
  if (!failed && !sampled) return seen;
  const History resolved = ResolveInfos(history, shared.serial.effects());
  const auto budget =
      static_cast<std::uint64_t>(std::max<std::int64_t>(config.checks.search_steps, 1));
  const LinearizabilityResult search = CheckLinearizable(ProblemsOf(resolved), budget);
  result.checked["LIN-5"] += search.components;
  if (search.verdict == SearchVerdict::kViolation && !seen.violation) {
    seen.violation = Violation{"LIN-5", search.counterexample, shared.events};
  }
  seen.unknown = search.verdict == SearchVerdict::kUnknown;
  return seen;
}

std::string TextOf(const CheckFailure& failure) {
  std::string file = failure.file;
  const std::size_t slash = file.rfind('/');
  if (slash != std::string::npos) file.erase(0, slash + 1);
  return std::string(failure.kind) + " " + failure.condition + " (" + file + ":" +
         std::to_string(failure.line) + ")";
}

}  // namespace

RunResult RunOnce(const Scenario&, const RunConfig& config, std::uint64_t seed,
                  const RunSettings& settings) {
  InstallRunHandlers();
  RunResult result;
  World world(config, seed, settings);
  Shared& shared = world.shared();
  const RunGuard guard(shared.marks);
  BlackBox seen;
  try {
    world.Run();
    seen = CheckHistory(world, config, result);
  } catch (const RunAborted& aborted) {
    if (!shared.verdicts.found()) shared.verdicts.Report("ASSERT", TextOf(aborted.failure));
  }
  for (const auto& [id, count] : world.Checked()) result.checked[id] += count;
  result.injected = world.Injected();
  result.marks = shared.marks.ByName();
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
  } else if (!world.phases().excuse().empty()) {
    result.verdict = Verdict::kExcused;
    result.excuse = world.phases().excuse();
  } else if (seen.unknown) {
    result.verdict = Verdict::kUnknown;
    result.excuse = "the search for an order ran out of its budget";
  } else {
    result.verdict = Verdict::kPass;
  }
  if (settings.history_to != nullptr)
    *settings.history_to << WriteHistory(shared.recorder.history());
  return result;
}

}  // namespace quorate::sim
