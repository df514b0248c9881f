// tests/engine/options_test.cc — which program settings are refused, and that the refusal names the field.
#include "engine/options.h"

#include <gtest/gtest.h>

#include <string>

namespace quorate {
namespace {

template <class Change>
std::string Refused(const Change& change) {
  Options options;
  change(options);
  const absl::Status status = Validate(options);
  if (status.ok()) return "accepted";
  const std::string message(status.message());
  return message.substr(0, message.find(' '));
}

TEST(Validate, TheDefaultsAreAccepted) { EXPECT_TRUE(Validate(Options{}).ok()); }

TEST(Validate, TheSmallestOptionsAreAccepted) {
  Options options;
  options.heartbeat = Duration{1};
  options.election_timeout_min = options.election_timeout_max = Duration{2};
  options.resend = options.request_timeout = Duration{1};
  options.max_append_entries = options.max_append_bytes = 1;
  options.max_inflight_messages = options.max_inflight_bytes = 1;
  options.max_unapplied_bytes = options.max_apply_entries = options.max_apply_bytes = 1;
  options.log_cache_entries = options.log_cache_bytes = 0;
  options.snapshot_every = 1;
  options.log_keep = 0;
  options.snapshot_chunk_bytes = 1;
  options.max_requests = options.max_reads_per_round = options.max_lent_sessions = 1;
  options.max_parked_requests = 0;
  options.kv = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_TRUE(Validate(options).ok()) << Validate(options);
}

TEST(Validate, TimesMustFitEachOther) {
  EXPECT_EQ(Refused([](Options& o) { o.heartbeat = {}; }), "heartbeat");
  EXPECT_EQ(Refused([](Options& o) { o.heartbeat = o.election_timeout_min; }),
            "election_timeout_min");
  EXPECT_EQ(Refused([](Options& o) { o.heartbeat = o.election_timeout_min / 2; }), "accepted");
  EXPECT_EQ(Refused([](Options& o) { o.election_timeout_max = Milliseconds(399); }),
            "election_timeout_max");
  EXPECT_EQ(Refused([](Options& o) { o.resend = {}; }), "resend");
  EXPECT_EQ(Refused([](Options& o) { o.request_timeout = Duration{-1}; }), "request_timeout");
}

TEST(Validate, EveryLimitThatMustNotBeZeroIsNamed) {
  EXPECT_EQ(Refused([](Options& o) { o.max_append_entries = 0; }), "max_append_entries");
  EXPECT_EQ(Refused([](Options& o) { o.max_append_bytes = 0; }), "max_append_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.max_inflight_messages = 0; }), "max_inflight_messages");
  EXPECT_EQ(Refused([](Options& o) { o.max_inflight_bytes = 0; }), "max_inflight_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.max_unapplied_bytes = 0; }), "max_unapplied_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.max_apply_entries = 0; }), "max_apply_entries");
  EXPECT_EQ(Refused([](Options& o) { o.max_apply_bytes = 0; }), "max_apply_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.snapshot_every = 0; }), "snapshot_every");
  EXPECT_EQ(Refused([](Options& o) { o.max_view_age = 0; }), "max_view_age");
  EXPECT_EQ(Refused([](Options& o) { o.snapshot_chunk_bytes = 0; }), "snapshot_chunk_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.max_requests = 0; }), "max_requests");
  EXPECT_EQ(Refused([](Options& o) { o.max_reads_per_round = 0; }), "max_reads_per_round");
  EXPECT_EQ(Refused([](Options& o) { o.max_lent_sessions = 0; }), "max_lent_sessions");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_key_bytes = 0; }), "kv.max_key_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_value_bytes = 0; }), "kv.max_value_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_batch_operations = 0; }), "kv.max_batch_operations");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_batch_bytes = 0; }), "kv.max_batch_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_range_rows = 0; }), "kv.max_range_rows");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_range_bytes = 0; }), "kv.max_range_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.kv.max_sessions = 0; }), "kv.max_sessions");
  EXPECT_EQ(Refused([](Options& o) { o.kv.session_window = 0; }), "kv.session_window");
  EXPECT_EQ(Refused([](Options& o) { o.kv.session_window_bytes = 0; }), "kv.session_window_bytes");
  EXPECT_EQ(Refused([](Options& o) { o.kv.nonce_window = 0; }), "kv.nonce_window");
}

}  // namespace
}  // namespace quorate
