#include "engine/options.h"

#include "absl/strings/str_cat.h"

namespace quorate {
namespace {

class Checker {
 public:
  void Positive(const char* field, Duration value) { Demand(value.ns > 0, field, "must be > 0"); }
  void Positive(const char* field, std::uint64_t value) {
    Demand(value > 0, field, "must be >= 1");
  }
  // Keeps the first that does not hold.
  void Demand(bool holds, const char* field, const char* rule) {
    if (holds || !status_.ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(field, " ", rule));
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

void CheckKv(Checker& check, const KvLimits& kv) {
  check.Positive("kv.max_key_bytes", kv.max_key_bytes);
  check.Positive("kv.max_value_bytes", kv.max_value_bytes);
  check.Positive("kv.max_batch_operations", kv.max_batch_operations);
  check.Positive("kv.max_batch_bytes", kv.max_batch_bytes);
  check.Positive("kv.max_range_rows", kv.max_range_rows);
  check.Positive("kv.max_range_bytes", kv.max_range_bytes);
  check.Positive("kv.max_sessions", kv.max_sessions);
  check.Positive("kv.session_window", kv.session_window);
  check.Positive("kv.session_window_bytes", kv.session_window_bytes);
  check.Positive("kv.nonce_window", kv.nonce_window);
}

}  // namespace

absl::Status Validate(const Options& options) {
  Checker check;
  check.Positive("heartbeat", options.heartbeat);
  check.Demand(options.election_timeout_min >= options.heartbeat * 2, "election_timeout_min",
               "must be at least two heartbeats");
  check.Demand(options.election_timeout_max >= options.election_timeout_min, "election_timeout_max",
               "must not be below election_timeout_min");
  check.Positive("resend", options.resend);
  check.Positive("request_timeout", options.request_timeout);

  check.Positive("max_append_entries", options.max_append_entries);
  check.Positive("max_append_bytes", options.max_append_bytes);
  check.Positive("max_inflight_messages", options.max_inflight_messages);
  check.Positive("max_inflight_bytes", options.max_inflight_bytes);
  check.Positive("max_unapplied_bytes", options.max_unapplied_bytes);
  check.Positive("max_apply_entries", options.max_apply_entries);
  check.Positive("max_apply_bytes", options.max_apply_bytes);

  check.Positive("snapshot_every", options.snapshot_every);
  check.Positive("max_view_age", options.max_view_age);
  check.Positive("snapshot_chunk_bytes", options.snapshot_chunk_bytes);

  check.Positive("max_requests", options.max_requests);
  check.Positive("max_reads_per_round", options.max_reads_per_round);
  check.Positive("max_lent_sessions", options.max_lent_sessions);
  CheckKv(check, options.kv);
  return check.status();
}

}  // namespace quorate
