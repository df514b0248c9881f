// engine/base/check.h — assertions that stay on in every build.
//
// Model: `REQUIRE` is the caller's duty, `INVARIANT` this module's, `UNREACHABLE` a place that closed
//   lists rule out. A failure goes to a replaceable handler: the node stops with the tail of its trace,
//   the simulator reports seed and scenario, a property test throws so that the case can shrink.
//   `SOMETIMES` is the reverse: a state that a suite of runs must reach, counted by name.
// Errors: the handler must not return; if it does, the process aborts.
// Threads: the handlers are set once at start, before any other thread of the process exists.
#pragma once

namespace quorate {

struct CheckFailure {
  const char* kind;       // "REQUIRE", "INVARIANT" or "UNREACHABLE"
  const char* condition;  // as written in the code
  const char* file;
  int line;
};

using CheckHandler = void (*)(const CheckFailure&);
using MarkHandler = void (*)(const char* name);

// Takes `handler` for every later failure and returns the one before it; nullptr = print and abort.
CheckHandler SetCheckHandler(CheckHandler handler);
// Takes `handler` for every mark reached from now on and returns the one before; nullptr = ignore.
MarkHandler SetMarkHandler(MarkHandler handler);

[[noreturn]] void FailCheck(const CheckFailure& failure);
void ReachMark(const char* name);

}  // namespace quorate

#define QUORATE_CHECK(kind, cond)                              \
  do {                                                         \
    if (!(cond)) [[unlikely]] {                                \
      ::quorate::FailCheck({kind, #cond, __FILE__, __LINE__}); \
    }                                                          \
  } while (false)

#define REQUIRE(cond) QUORATE_CHECK("REQUIRE", cond)
#define INVARIANT(cond) QUORATE_CHECK("INVARIANT", cond)
#define UNREACHABLE(why) ::quorate::FailCheck({"UNREACHABLE", why, __FILE__, __LINE__})
#define SOMETIMES(cond, name)             \
  do {                                    \
    if (cond) ::quorate::ReachMark(name); \
  } while (false)
