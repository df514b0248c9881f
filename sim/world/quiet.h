// sim/world/quiet.h — when nothing goes wrong by chance.
//
// Model: it is quiet before the end of the warm-up, and in windows that begin every `quiet.every` from there until the
//   horizon. Then no fault that comes by chance begins, and none that came by chance goes on; no frame is lost,
//   doubled, spoiled, overtaken or held up by the tail, and no operation of a disk fails, lies or finds a row
//   spoiled. What takes its usual time still does, links of limited capacity still overflow, clocks drift as they did, a
//   node that has stopped by itself comes back when it comes back, recovery may be cut short and begin anew, and
//   schedules do as they say.
// Units: virtual nanoseconds. Errors: none. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "sim/scenario/config.h"

namespace quorate::sim {

// The end of the quiet time in which `at` lies; 0: it lies in none.
inline std::int64_t QuietUntil(const TimeConfig& time, std::int64_t at) {
  if (at >= time.horizon_ns) return 0;
  if (at < time.warm_up_ns) return time.warm_up_ns;
  if (time.quiet_every_ns <= 0 || time.quiet_for_ns <= 0 ||
      at < time.warm_up_ns + time.quiet_every_ns)
    return 0;
  const std::int64_t into = (at - time.warm_up_ns) % time.quiet_every_ns;
  return into < time.quiet_for_ns ? at - into + time.quiet_for_ns : 0;
}

inline bool IsQuiet(const TimeConfig& time, std::int64_t at) { return QuietUntil(time, at) != 0; }

// When the first window begins that lies behind `at`. After the horizon nothing ends any more.
inline std::int64_t NextQuiet(const TimeConfig& time, std::int64_t at) {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  if (time.quiet_every_ns <= 0 || time.quiet_for_ns <= 0) return kNever;
  const std::int64_t over = std::max<std::int64_t>(at - time.warm_up_ns, 0);
  const std::int64_t next =
      time.warm_up_ns + (over / time.quiet_every_ns + 1) * time.quiet_every_ns;
  return next < time.horizon_ns ? next : kNever;
}

}  // namespace quorate::sim
