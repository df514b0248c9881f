// sim/cli/exit_code.h — what a command ends with.
//
// Stored in scripts and CI of others: do not renumber.
#pragma once

namespace quorate::sim {

enum class ExitCode : int {
  kPass = 0,
  kSafety = 1,
  kLiveness = 2,
  kNonDeterminism = 3,
  kGate = 4,     // marks not reached, too many excused
  kUnknown = 5,  // a checker ran out of budget
  kUsage = 64,   // bad command line, bad scenario
  kSimulatorBug = 70,
  kOutOfTime = 124,
  kInterrupted = 130,  // a signal came; what was done so far was told
};

}  // namespace quorate::sim
