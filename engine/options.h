// engine/options.h — program settings of one node. (Who votes is the *configuration*, not an option.)
//
// Model: plain values with defaults for a local network; the simulator draws tiny ones, so that every
//   boundary is crossed thousands of times a run.
// Units: as the suffix says. Invariants (`Validate`): stated at each field.
#pragma once
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "engine/base/time.h"

namespace quorate {

// Limits of the state machine. Part of the replicated decision: equal on all nodes of a cluster.
struct KvLimits {
  std::size_t max_key_bytes = 4096;
  std::size_t max_value_bytes = std::size_t{1} << 20;
  std::size_t max_batch_operations = 128;
  std::size_t max_batch_bytes = std::size_t{4} << 20;
  std::size_t max_range_rows = 1000;  // one reply; then a continuation
  std::size_t max_range_bytes = std::size_t{1} << 20;
  std::size_t max_sessions = 10'000;  // per namespace; then the least recently used goes
  std::size_t session_window = 64;    // sequence numbers with their replies
  std::size_t session_window_bytes =
      64 << 10;                   // of rows in these replies; then the oldest lose theirs
  std::size_t nonce_window = 64;  // requests without a session that a node has under way in a group
};

struct Options {
  Duration heartbeat = Milliseconds(100);             // > 0
  Duration election_timeout_min = Milliseconds(400);  // >= 2 heartbeats
  Duration election_timeout_max = Milliseconds(800);  // >= min
  Duration resend = Milliseconds(200);                // unanswered messages of any kind; > 0
  Duration request_timeout = Seconds(5);              // where a request brings none

  std::size_t max_append_entries = 1024;  // >= 1
  std::size_t max_append_bytes = std::size_t{1}
                                 << 20;    // one message; a larger single entry still goes
  std::size_t max_inflight_messages = 64;  // per peer and group; >= 1
  std::size_t max_inflight_bytes = std::size_t{8} << 20;
  std::size_t max_unapplied_bytes = std::size_t{64}
                                    << 20;  // proposals refused beyond; a single one still goes
  std::size_t max_apply_entries = 256;      // one Apply effect; >= 1
  std::size_t max_apply_bytes = std::size_t{4}
                                << 20;   // one Apply effect; a larger single entry still goes
  std::size_t log_cache_entries = 4096;  // durable entries kept in memory per group
  std::size_t log_cache_bytes = std::size_t{16} << 20;  // of them; the others are read from the log

  std::uint64_t snapshot_every = 10'000;  // entries between compactions; >= 1
  std::uint64_t log_keep = 1'000;         // entries kept behind for slow followers
  std::uint64_t max_view_age =
      10;  // times snapshot_every: a transfer that lags so far starts over; >= 1
  std::size_t snapshot_chunk_bytes = 256 << 10;  // >= 1

  std::size_t max_requests = 20'000;  // client requests under way at a node
  std::size_t max_reads_per_round = 10'000;
  std::size_t max_parked_requests = 1'000;  // for a namespace not known here yet
  std::size_t max_lent_sessions = 64;       // per group, for clients that bring none

  KvLimits kv;
  std::uint64_t seed = 0;  // of the randomised election timeouts
};

// OK, or what is wrong with which field.
absl::Status Validate(const Options& options);

}  // namespace quorate
