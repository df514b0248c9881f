// sim/cli/interrupt.h — somebody wants the program to end before its work is done.
//
// Model: while a guard lives, the first SIGINT, SIGTERM or SIGHUP is only noted, so that what was done so far can
//   be told; a second one ends the process as it always would.
// Threads: one. Errors: none.
#pragma once

namespace quorate::sim {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// Whether a signal came since the guard was made.
bool Interrupted();
// In a worker: the parent alone hears the signals, and ends its workers itself.
void LeaveInterruptsToTheParent();
// Before a program is started: it hears them as any program does.
void HearInterruptsAgain();

}  // namespace quorate::sim
