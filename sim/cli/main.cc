// quorate-sim: the process around the command line. The only place that asks the system for
// randomness.
#include <sys/random.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "sim/cli/cli.h"
#include "sim/commit.h"

namespace {

// Nine digits, so that a seed can be read out loud.
std::uint64_t FreshSeed() {
  std::uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) return 1;
  return bits % quorate::sim::kFreshSeeds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    return quorate::sim::CodeAfterFlush(
        quorate::sim::RunCli(words, {quorate::sim::RunOnce, FreshSeed(), "/proc/self/exe",
                                     quorate::sim::ProgramOf(argv[0]), QUORATE_COMMIT}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quorate-sim: %s\n", error.what());
    return static_cast<int>(quorate::sim::ExitCode::kSimulatorBug);
  }
}
