// A simulator that simulates nothing: how a run ends follows from its seed, so that everything
// around simulations can be tested. Seeds by their last two digits: 13 safety, 17 liveness, 23
// excused, 29 unknown, 31 crash, 37 assertion, 41 ends the process, 43 differs from process to
// process, 47 takes for ever. Seed 4291 reaches a mark that no other does. A violation that is
// passed over is counted, and the run passes.
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
      signal(SIGSEGV, SIG_DFL);  // a sanitizer's own handler would end the process another way
      raise(SIGSEGV);
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
