// Whatever an engine is given comes back from its bytes as it was, and bytes that are none are refused.
#include "sim/cases/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/sim/input_generators.h"

namespace quorate::sim {
namespace {

using quorate::testing::AnyRecovered;
using quorate::testing::AnySize;
using quorate::testing::EffectOfKind;
using quorate::testing::InputOfKind;
using quorate::testing::kEffectKinds;
using quorate::testing::kInputKinds;
using quorate::testing::kRecordKinds;
using quorate::testing::RecordOfKind;

// Decodes to nothing, or to an input that encodes to these very bytes.
bool IsRefusedOrCanonical(const std::string& bytes) {
  const absl::StatusOr<Input> input = DecodeInput(bytes);
  if (!input.ok()) return input.status().code() == absl::StatusCode::kInvalidArgument;
  return EncodeInput(*input) == bytes;
}

RC_GTEST_PROP(CaseCodec, EveryKindOfInputComesBackAsItWas, ()) {
  for (std::size_t kind = 0; kind < kInputKinds; ++kind) {
    const Input input = InputOfKind(kind);
    const absl::StatusOr<Input> back = DecodeInput(EncodeInput(input));
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == input);
  }
}

RC_GTEST_PROP(CaseCodec, RecoveredStateComesBackAsItWas, ()) {
  const Recovered recovered = AnyRecovered();
  const absl::StatusOr<Recovered> back = DecodeRecovered(EncodeRecovered(recovered));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == recovered);
}

RC_GTEST_PROP(CaseCodec, EveryTruncationIsRefused, ()) {
  const std::string input = EncodeInput(InputOfKind(AnySize(kInputKinds - 1)));
  for (std::size_t size = 0; size < input.size(); ++size)
    RC_ASSERT(!DecodeInput(std::string_view(input).substr(0, size)).ok());
  const std::string recovered = EncodeRecovered(AnyRecovered());
  for (std::size_t size = 0; size < recovered.size(); ++size)
    RC_ASSERT(!DecodeRecovered(std::string_view(recovered).substr(0, size)).ok());
}

RC_GTEST_PROP(CaseCodec, AByteTooManyIsRefused, (char more)) {
  RC_ASSERT(!DecodeInput(EncodeInput(InputOfKind(AnySize(kInputKinds - 1))) + more).ok());
  RC_ASSERT(!DecodeRecovered(EncodeRecovered(AnyRecovered()) + more).ok());
}

RC_GTEST_PROP(CaseCodec, EveryBitFlipIsRefusedOrAnotherInputInItsOnlyEncoding, ()) {
  std::string bytes = EncodeInput(InputOfKind(AnySize(kInputKinds - 1)));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    RC_ASSERT(IsRefusedOrCanonical(bytes));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

RC_GTEST_PROP(CaseCodec, EffectsHaveTheSameDigestExactlyIfTheyAreEqual, ()) {
  for (std::size_t kind = 0; kind < kEffectKinds; ++kind) {
    const Effects some{EffectOfKind(kind), EffectOfKind(AnySize(kEffectKinds - 1))};
    const Effects others{EffectOfKind(kind), some[1]};
    RC_ASSERT((some == others) == (DigestOfEffects(some) == DigestOfEffects(others)));
    const Effects copy = some;
    RC_ASSERT(DigestOfEffects(some) == DigestOfEffects(copy));
    RC_ASSERT((some[0] == some[1]) ==
              (DigestOfEffects({some[0], some[1]}) == DigestOfEffects({some[1], some[0]})));
  }
  for (std::size_t kind = 0; kind < kRecordKinds; ++kind) {
    const Effects some{Persist{PersistSeq(1), {RecordOfKind(kind)}}};
    const Effects others{Persist{PersistSeq(1), {RecordOfKind(kind)}}};
    RC_ASSERT((some == others) == (DigestOfEffects(some) == DigestOfEffects(others)));
  }
}

// The bytes of some inputs, as every later program must read them.
TEST(CaseCodec, EncodingsAreTheStoredOnes) {
  const Entry entry{Term(5), EntryKind::kCommand, Payload("ab")};
  const EntryId at{Index(300), Term(4)};
  const std::vector<std::pair<Input, std::string>> stored = {
      {LinkUp{NodeId(1), BootNumber(2), LinkSession(3)}, "01010203"},
      {LinkDown{NodeId(1), LinkSession(3)}, "020103"},
      {FrameReceived{NodeId(1), LinkSession(3), {{GroupId(7), TimeoutNow{Term(9)}}}},
       "030103"
       "01"
       "03070a09"},
      {Wakeup{}, "04"},
      {Persisted{PersistSeq(300)}, "05ac02"},
      {PersistFailed{PersistSeq(1)}, "0601"},
      {DiskSpace{Space::kLow}, "0701"},
      {LogRead{PortRequest(1), GroupId(2), Index(3), {entry}, true},
       "08010203"
       "010502026162"
       "01"},
      {Applied{GroupId(2), Generation(1), at, {{Index(300), Index(3), Payload("x")}}, true},
       "090201ac0204"
       "01ac02030178"
       "01"},
      {Answered{PortRequest(1), GroupId(2), at, {{RequestId(3), Payload("x")}}, false},
       "0a0102ac0204"
       "01030178"
       "00"},
      {SnapshotOpened{PortRequest(1), GroupId(2), at, Generation(1), true}, "0b0102ac02040101"},
      {ChunkRead{PortRequest(1), GroupId(2), 3, Payload("x"), true, true}, "0c01020301780101"},
      {ChunkInstalled{PortRequest(1), GroupId(2), 3, true}, "0d01020301"},
      {MapFlushed{PortRequest(1), {{GroupId(2), Generation(1), Index(3)}}, true}, "0e010102010301"},
      {GenerationSwitched{GroupId(2), Generation(1), at, true}, "0f0201ac020401"},
      {ClientRequests{{{RequestId(1), GroupId(2), RequestKind::kRead, SessionId(3), SessionSeq(4),
                        Payload("x"), Duration{256}}}},
       "1001"
       "010201030401780001000000000000"},
      {TransferLeadership{GroupId(2), NodeId(3)}, "110203"},
      {ChangeConfiguration{
           GroupId(2), {{ChangeKind::kRemove, NodeId(3)}}, Transition::kJointExplicit, 4},
       "1202"
       "010303"
       "0204"},
  };
  ASSERT_EQ(stored.size(), kInputKinds);
  for (const auto& [input, bytes] : stored) {
    EXPECT_EQ(absl::BytesToHexString(EncodeInput(input)), bytes) << NameOf(input);
    const absl::StatusOr<Input> back = DecodeInput(absl::HexStringToBytes(bytes));
    ASSERT_TRUE(back.ok()) << NameOf(input);
    EXPECT_TRUE(*back == input) << NameOf(input);
  }
}

}  // namespace
}  // namespace quorate::sim
