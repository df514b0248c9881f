// sim/cli/record.h — how one simulation of a suite ended, as it travels between processes.
//
// Model: a run either finished, with a result, or its process died or was stopped, with a line that
//   says how.
// Units: `number` counts from 0 over the whole suite, shards included.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/world/run.h"

namespace quorate::sim {

enum class RunEnd : std::uint8_t {
  kFinished,
  kCrashed,   // the simulator's process died
  kAsserted,  // an assertion outside of a run's own handling
  kOutOfTime,
};

struct RunRecord {
  std::uint64_t number = 0;
  std::uint64_t file = 0;  // place in the list of scenarios
  std::uint64_t seed = 0;
  RunEnd end = RunEnd::kFinished;
  std::string how;   // unless it finished
  RunResult result;  // if it finished
};

// How bad a run was, in the order in which a suite reports: smaller is worse.
enum class Severity : std::uint8_t {
  kSafety,
  kNonDeterminism,
  kLiveness,
  kSimulatorBug,
  kOutOfTime,
  kUnknown,
  kExcused,
  kPass,
};
Severity SeverityOf(const RunRecord& record);
// "safety", "liveness", "crash", …
const char* NameOf(Severity severity);
bool IsFailure(Severity severity);
// Checkers of progress: ids that begin with "LIVE", and I-80.
bool IsLiveness(std::string_view checker);

std::string EncodeRecord(const RunRecord& record);
absl::StatusOr<RunRecord> DecodeRecord(std::string_view bytes);

}  // namespace quorate::sim
