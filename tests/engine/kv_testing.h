// tests/engine/kv_testing.h — a state machine on a map of its own, fed entry by entry.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/prf.h"
#include "engine/kv/envelope.h"
#include "engine/kv/state_machine.h"
#include "tests/engine/fake_map.h"

namespace quorate {

inline constexpr MapSpace kTestSpace{GroupId(3), Generation(1)};

inline Entry CommandEntry(const Command& command, std::uint64_t session = 0, std::uint64_t seq = 0,
                          std::uint64_t term = 1) {
  const std::string bytes = EncodeCommand(command);
  return {Term(term), EntryKind::kCommand,
          Payload(EncodeEnvelope(SessionId(session), SessionSeq(seq), bytes))};
}
inline Entry OpenEntry() { return {Term(1), EntryKind::kOpenSession, Payload("nonce")}; }

// The opening that node `node`, in its life `boot`, asked for as its `seq`-th.
inline Entry OpenEntry(std::uint32_t node, std::uint64_t boot, std::uint64_t seq) {
  const Nonce nonce{NodeId(node), Incarnation(1), BootNumber(boot), SessionSeq(seq)};
  return {Term(1), EntryKind::kOpenSession, Payload(EncodeNonce(nonce))};
}

inline KvReply Decoded(const Payload& payload) {
  absl::StatusOr<KvReply> reply = DecodeReply(payload.bytes());
  EXPECT_TRUE(reply.ok()) << reply.status();
  return reply.ok() ? *reply : KvReply{};
}

inline Version At(std::uint64_t index) { return {.era = 0, .ord = index, .origin = 0}; }
inline ReplyRow Absent(std::string key) { return {std::move(key), Version{}, std::nullopt}; }
inline ReplyRow Written(std::string key, std::uint64_t index) {
  return {std::move(key), At(index), std::nullopt};
}
inline ReplyRow Found(std::string key, std::uint64_t index, std::string value) {
  return {std::move(key), At(index), std::move(value)};
}
inline KvReply ReplyOf(ReplyStatus status, std::uint64_t revision, std::vector<ReplyRow> rows) {
  return {status, Revision(revision), std::move(rows), std::nullopt};
}

struct Bed {
  explicit Bed(const KvLimits& kv_limits = {}) : limits(kv_limits) { Reopen(); }

  void Reopen() {
    absl::StatusOr<StateMachine> opened = StateMachine::Open(map, kTestSpace, limits);
    ASSERT_TRUE(opened.ok()) << opened.status();
    machine = *std::move(opened);
  }
  std::uint64_t next() const { return machine.applied().index.value() + 1; }
  std::vector<ApplyResult> ApplyAll(const std::vector<Entry>& entries) {
    std::vector<ApplyResult> results;
    const absl::Status applied = machine.Apply(Index(next()), entries, results);
    EXPECT_TRUE(applied.ok()) << applied;
    return results;
  }
  ApplyResult ApplyOne(const Entry& entry) {
    const std::vector<ApplyResult> results = ApplyAll({entry});
    EXPECT_EQ(results.size(), 1u);
    return results.empty() ? ApplyResult{} : results.front();
  }
  KvReply Do(const Command& command, std::uint64_t session = 0, std::uint64_t seq = 0) {
    return Decoded(ApplyOne(CommandEntry(command, session, seq)).reply);
  }
  std::uint64_t OpenSession() { return ApplyOne(OpenEntry()).index.value(); }
  KvReply Ask(const Query& query) const {
    const absl::StatusOr<Payload> answer = machine.Answer(EncodeQuery(query));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? Decoded(*answer) : KvReply{};
  }
  void ExpectDigestFromScratch() const {
    const absl::StatusOr<Digest> scratch = machine.RecomputeDigest();
    ASSERT_TRUE(scratch.ok()) << scratch.status();
    ASSERT_EQ(*scratch, machine.digest());
  }

  KvLimits limits;
  FakeMap map;
  StateMachine machine;
};

// Numbers from one seed, the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t Roll(std::uint64_t sides) { return Below(Prf(seed_, 1, 2, k_++), sides); }
  bool OneIn(std::uint64_t n) { return Roll(n) == 0; }
  std::string Text(std::uint64_t max_bytes) {
    std::string text(Roll(max_bytes + 1), '\0');
    for (char& c : text) c = static_cast<char>(Roll(256));
    return text;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t k_ = 0;
};

}  // namespace quorate
