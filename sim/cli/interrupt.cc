#include "sim/cli/interrupt.h"

#include <signal.h>

#include <initializer_list>

namespace quorate::sim {
namespace {

constexpr std::initializer_list<int> kSignals = {SIGINT, SIGTERM, SIGHUP};

volatile sig_atomic_t interrupted = 0;

void Note(int) { interrupted = 1; }

void SetAll(void (*handler)(int), int flags) {
  for (const int number : kSignals) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  SetAll(Note, static_cast<int>(SA_RESETHAND));
}
InterruptGuard::~InterruptGuard() { SetAll(SIG_DFL, 0); }

bool Interrupted() { return interrupted != 0; }
void LeaveInterruptsToTheParent() { SetAll(SIG_IGN, 0); }
void HearInterruptsAgain() { SetAll(SIG_DFL, 0); }

}  // namespace quorate::sim
