// sim/world/liveness.h — how long things may take at most, derived from the configuration.
//
// Model: after a core was healed, its links lose nothing and its disks fail nothing, and both are bounded
//   (`LatencyBound`, `DiskBound`). From these, the election timeouts, the resend timers and the drift of the
//   clocks follow bounds in virtual time for: a leader is there, logs and states are equal, an operation is
//   answered. The derivation stands with each function.
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <optional>

#include "net/link.h"
#include "sim/scenario/config.h"

namespace quorate::sim {

// How links of this cluster say hello.
LinkOptions LinkOptionsOf(const Options& options);

struct LivenessBounds {
  std::int64_t latency_ns = 0;  // one way over a healed link, to be kept by the network
  std::int64_t disk_ns = 0;     // one operation of a healed disk, to be kept by the disk
  std::int64_t leader_ns =
      0;  // LIVE-1: until the core has a leader; what its barrier waits for comes on top
  std::int64_t operation_ns =
      0;  // LIVE-2: until an operation of a client is answered, one election included
  std::int64_t round_ns = 0;  // one exchange between two nodes, disks included
};
// Pure.
LivenessBounds BoundsOf(const RunConfig& config);
// Those that were derived when the script was made.
LivenessBounds BoundsOf(const Script& script);

// LIVE-4: within which a group gets on with what a node was asked of it although nothing was healed, as long as nothing
// lasting is broken and every node runs (sim/check/edges.h, CalmWatch). nullopt: nothing can be said.
std::optional<std::int64_t> CalmSpan(const RunConfig& config);
std::optional<std::int64_t> CalmSpan(const Script& script);
ScriptedBounds WriteBounds(const RunConfig& config);

// LIVE-4, I-19: what counts as sound while faults go on, and what is due to a quorum that is (sim/check/standstill.h).
struct SoundBounds {
  std::int64_t latency_ns = 0;   // one way
  std::int64_t disk_ns = 0;      // one operation
  std::int64_t span_ns = 0;      // within which a sound quorum moves
  std::uint64_t most_terms = 0;  // that it may begin without a commit
};
SoundBounds SoundBoundsOf(const RunConfig& config);

// LIVE-3: until every node of the core holds and has applied everything, when the longest log holds `entries`
// and the largest state fills `chunks` chunks.
std::int64_t ConvergenceBound(const LivenessBounds& bounds, const RunConfig& config,
                              std::uint64_t entries, std::uint64_t chunks);

}  // namespace quorate::sim
