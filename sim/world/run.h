// sim/world/run.h — one simulation: a scenario and a seed in, a verdict out.
//
// Model: a pure function. The same scenario and seed give the same result, digest included, in any
//   process, build and order of runs; nothing outlives a call.
// Verdicts: fail carries the violation; excused names what is missing (and is capped by the suite);
//   unknown is a checker that ran out of budget, never counted as a pass.
// Assertions: one that fails inside a run ends it as a violation with id "ASSERT". (Where that is passed over the run
//   ends there all the same: behind it nothing is as it should be.)
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <string>

#include "engine/base/bytes.h"
#include "sim/check/excuse.h"
#include "sim/check/violation.h"
#include "sim/scenario/scenario.h"
#include "sim/world/abstract_state.h"

namespace quorate::sim {

enum class Verdict : std::uint8_t { kPass, kFail, kExcused, kUnknown };
inline const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kExcused:
      return "excused";
    case Verdict::kUnknown:
      return "unknown";
  }
  return "?";
}

using Counters = std::map<std::string, std::uint64_t>;

struct RunResult {
  Verdict verdict = Verdict::kUnknown;
  std::optional<Violation> violation;  // with kFail: what was found
  std::string excuse;                  // with kExcused, kUnknown: what is missing, one line
  std::optional<Excuse> certificate;   // with kExcused: the same as a claim that can be verified
  std::uint64_t events = 0;            // step inputs, disk completions, client actions
  std::int64_t virtual_ns = 0;         // simulated time
  Digest digest;                       // of the whole trace, rolling
  Counters injected;                   // by kind of fault: "network.drop", "process.crash", …
  Counters checked;                    // by checker id: how often it looked
  Counters marks;                      // SOMETIMES, by name
  Counters operations;                 // client operations by outcome: "ok", "fail", "info"
  Counters ignored;                    // by checker id: violations that were passed over
  std::optional<RunConfig> resolved;   // if asked for: the same run without a seed
  AbstractStates states;               // that the cluster was in
};

struct RecordedRun;

struct RunSettings {
  bool trace = false;  // write one line per event to `trace_to`
  std::ostream* trace_to = nullptr;
  std::ostream* history_to = nullptr;  // not null: the clients' history as JSON lines
  bool resolve = false;                // write down what was decided
  RecordedRun* steps = nullptr;        // not null: what the engines were given (sim/cases/)
  std::string commit;                  // what the history's header says about the program,
  std::string scenario;                // and about the scenario: its hash
  // A run that goes on beyond so many events is given up as unknown: for whoever asks only whether it fails before.
  std::uint64_t most_events = std::numeric_limits<std::uint64_t>::max();
};

RunResult RunOnce(const Scenario& scenario, const RunConfig& config, std::uint64_t seed,
                  const RunSettings& settings);

}  // namespace quorate::sim
