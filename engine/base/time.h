// engine/base/time.h — points and spans of time, in nanoseconds.
//
// Model: `MonoTime` is a node's monotonic clock: it has its own rate and never goes back, and all Raft
//   timing uses it. `WallTime` is the node's idea of the date; it may jump. The engine reads neither:
//   both come in with every step, as `Now`.
// Units: nanoseconds, signed 64 bit (292 years).
#pragma once
#include <compare>
#include <cstdint>
#include <limits>

namespace quorate {

struct Duration {
  std::int64_t ns = 0;
  friend constexpr auto operator<=>(Duration, Duration) = default;
};
constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
constexpr Duration operator*(Duration a, std::int64_t by) { return {a.ns * by}; }
constexpr Duration operator/(Duration a, std::int64_t by) { return {a.ns / by}; }
constexpr Duration Microseconds(std::int64_t us) { return {us * 1'000}; }
constexpr Duration Milliseconds(std::int64_t ms) { return {ms * 1'000'000}; }
constexpr Duration Seconds(std::int64_t s) { return {s * 1'000'000'000}; }

struct MonoTime {
  std::int64_t ns = 0;
  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;
};
constexpr MonoTime operator+(MonoTime at, Duration by) { return {at.ns + by.ns}; }
constexpr Duration operator-(MonoTime to, MonoTime from) { return {to.ns - from.ns}; }
inline constexpr MonoTime kNever{std::numeric_limits<std::int64_t>::max()};

struct WallTime {
  std::int64_t ns = 0;  // since 1970-01-01 UTC
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

struct Now {
  MonoTime mono;
  WallTime wall;
  friend constexpr auto operator<=>(const Now&, const Now&) = default;
};

}  // namespace quorate
