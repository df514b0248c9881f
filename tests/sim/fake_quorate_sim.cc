// A simulator that simulates nothing: how a run ends follows from its seed, so that everything
// around simulations can be tested. Seeds by their last two digits: 13 safety, 17 liveness, 23
// excused, 29 unknown, 31 crash, 37 assertion, 41 ends the process, 43 differs from process to
// process, 47 takes for ever. Seed 4291 reaches a mark that no other does. A violation that is
// passed over is counted, and the run passes. Of scenarios whose name begins with "plain" every run passes.
// Of scenarios whose name begins with "shrinkable" every run violates I-7, and can be resolved: into 40 operations and
// a crash, of which 2 operations are needed. The name's ending says what it is like: "slow": a run takes two
// seconds; "crash", "loop": a run with fewer than 10 operations does that; "never": the resolving run does not end;
// "dies": it dies. A number in place of the ending tells the checker: "shrinkable.3" violates I-3.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/base/check.h"
#include "sim/cli/cli.h"

namespace quorate::sim {
namespace {

RunResult Failed(RunResult result, const CheckSet& ignored, const char* checker, const char* what) {
  if (ignored.test(static_cast<std::size_t>(*CheckOf(checker)))) {
    result.ignored[checker] = 2;
    return result;
  }
  result.verdict = Verdict::kFail;
  result.violation = Violation{checker, what, 7};
  return result;
}

void Loop() {
  for (;;) sleep(1);
}
void Die() {
  signal(SIGSEGV, SIG_DFL);  // a sanitizer's own handler would end the process another way
  raise(SIGSEGV);
}

RunConfig Resolved(const RunConfig& config) {
  RunConfig resolved = config;
  Script script;
  script.nodes.resize(static_cast<std::size_t>(config.cluster.nodes));
  for (std::uint32_t i = 0; i < 40; ++i) {
    ScriptedOperation& operation = script.operations.emplace_back();
    operation.at_ns = 1'000'003 * (i + 1);
    operation.client = i % 4;
    operation.node = NodeId(1);
    operation.what = Command(Put{"key" + std::to_string(i % 8), "v"});
  }
  resolved.schedule.push_back({AtTime{7'000'000}, CrashAction{NodeId(1)}, 1'000'000});
  resolved.script = std::move(script);
  return resolved;
}

RunResult Shrinkable(const Scenario& scenario, const RunConfig& config, const RunSettings& settings,
                     RunResult result) {
  const std::string ending = scenario.name.substr(scenario.name.find('.') + 1);
  const std::size_t operations = config.script ? config.script->operations.size() : 40;
  result.events = 100 + 10 * operations;
  if (ending == "slow") sleep(2);
  if (ending == "never" && settings.resolve) Loop();
  if (ending == "dies" && settings.resolve) Die();
  if (ending == "loop" && operations < 10) Loop();
  if (ending == "crash" && operations < 10) Die();
  if (settings.resolve) result.resolved = config.script ? config : Resolved(config);
  if (operations < 2) return result;
  const bool number = ending.find_first_not_of("0123456789") == std::string::npos;
  const std::string checker = number && !ending.empty() ? "I-" + ending : "I-7";
  return Failed(result, config.checks.ignored, checker.c_str(), "there are two operations");
}

RunResult FakeRun(const Scenario& scenario, const RunConfig& config, std::uint64_t seed,
                  const RunSettings& settings) {
  RunResult result;
  result.verdict = Verdict::kPass;
  result.events = 1'000 + seed % 10;
  result.virtual_ns = config.time.horizon_ns;
  result.digest = DigestOf(scenario.name, seed);
  result.injected["network.drop"] = config.network.loss_parts.AlwaysZero() ? 0 : seed % 7;
  result.digest = Chain(result.digest, result.injected["network.drop"]);
  result.checked["I-1"] = result.events;
  result.marks["leader.changed"] = seed % 3;
  if (seed == 4'291) result.marks["figure8.shape"] = 1;
  result.operations["ok"] = 20;
  result.states.clusters = {seed / 3, std::uint64_t{1} << 63};  // each third run is a new state
  result.states.nodes = {static_cast<NodeCode>(011 + seed % 3)};
  const bool differs = seed % 100 == 43;
  const char* const fill = std::getenv("MALLOC_PERTURB_");
  if (settings.trace) {
    *settings.trace_to << "1 0.000000000 starts\n2 0.000000500 gets "
                       << (differs && fill != nullptr ? fill : "nothing") << "\n3 0.1 ends\n";
  }
  if (settings.history_to != nullptr) *settings.history_to << "{}\n";
  if (scenario.name.starts_with("shrinkable"))
    return Shrinkable(scenario, config, settings, std::move(result));
  if (scenario.name.starts_with("plain")) return result;
  switch (seed % 100) {
    case 13:
      return Failed(result, config.checks.ignored, "I-7",
                    "entry 5 of <default> differs & \"more\"");
    case 17:
      return Failed(result, config.checks.ignored, "LIVE-1", "no leader\nwithin the bound");
    case 23:
      result.verdict = Verdict::kExcused;
      result.excuse = "no quorum";
      return result;
    case 29:
      result.verdict = Verdict::kUnknown;
      result.excuse = "out of budget";
      return result;
    case 31:
      Die();
      return result;
    case 37:
      INVARIANT(seed == 0);
      return result;
    case 41:
      _exit(9);
    case 43:
      result.digest = Chain(result.digest, std::getenv("MALLOC_PERTURB_") == nullptr ? 0 : 1);
      return result;
    case 47:
      sleep(1'000);
      return result;
    default:
      return result;
  }
}

}  // namespace
}  // namespace quorate::sim

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return quorate::sim::CodeAfterFlush(
      quorate::sim::RunCli(words, {quorate::sim::FakeRun, 100, "/proc/self/exe",
                                   quorate::sim::ProgramOf(argv[0]), "0123abcd"}));
}
