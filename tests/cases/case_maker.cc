// Writes three cases of one recorded run that broke nothing, as if it had: in its last step an invariant was violated
// (violated.cc); the same, recorded by an engine that did something else in that step (mended.cc), or
// long before it (elsewhere.cc).
// usage: case_maker SCENARIO SEED VIOLATED MENDED ELSEWHERE
#include <cstdio>
#include <fstream>
#include <string>

#include "sim/cases/writer.h"
#include "sim/scenario/scenario.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

bool Write(RecordedRun run, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  run.scenario = slash == std::string::npos ? path : path.substr(slash + 1);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << WriteEngineCase(run);
  out.close();
  return static_cast<bool>(out);
}

int Make(const std::string& file, std::uint64_t seed, char** outputs) {
  const absl::StatusOr<Scenario> scenario = LoadScenario(file);
  if (!scenario.ok()) {
    std::fprintf(stderr, "%s\n", scenario.status().ToString().c_str());
    return 1;
  }
  RecordedRun run;
  RunSettings settings;
  settings.steps = &run;
  RunOnce(*scenario, Draw(*scenario, seed), seed, settings);
  run.violation = Violation{"I-1", "planted: nothing is wrong here", run.steps.back().event};
  RecordedRun mended = run;
  mended.steps.back().effects.value ^= 1;
  RecordedRun elsewhere = run;
  elsewhere.steps[elsewhere.steps.size() / 2].effects.value ^= 1;
  const bool written =
      Write(run, outputs[0]) && Write(mended, outputs[1]) && Write(elsewhere, outputs[2]);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace quorate::sim

int main(int argc, char** argv) {
  if (argc != 6) return 64;
  return quorate::sim::Make(argv[1], std::stoull(argv[2]), argv + 3);
}
