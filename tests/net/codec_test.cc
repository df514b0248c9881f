// Messages survive the wire, and bytes that are none are refused without harm.
#include "net/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/base/bytes.h"
#include "tests/net/generators.h"

namespace quorate {
namespace {

using testing::NumberOfMessageKinds;
using testing::PeerMessageOfKind;
using testing::PeerMessages;

std::string Encoded(const PeerMessage& message) {
  std::string bytes;
  EncodePeerMessage(message, bytes);
  return bytes;
}

// Decodes to nothing, or to a message that encodes to these very bytes.
bool IsRefusedOrCanonical(std::string_view bytes) {
  const absl::StatusOr<PeerMessage> message = DecodePeerMessage(bytes);
  if (!message.ok()) return message.status().code() == absl::StatusCode::kInvalidArgument;
  return Encoded(*message) == bytes;
}

absl::Status StatusOf(std::string_view bytes) { return DecodePeerMessage(bytes).status(); }

RC_GTEST_PROP(Codec, EveryKindOfMessageComesBackAsItWas, ()) {
  for (std::size_t kind = 0; kind < NumberOfMessageKinds(); ++kind) {
    const PeerMessage message = PeerMessageOfKind(kind);
    const absl::StatusOr<PeerMessage> back = DecodePeerMessage(Encoded(message));
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == message);
  }
}

RC_GTEST_PROP(Codec, AListComesBackAsItWas, ()) {
  std::vector<PeerMessage> messages;
  for (std::size_t left = testing::AnySize(6); left > 0; --left)
    messages.push_back(*PeerMessages());
  std::string bytes;
  EncodePeerMessages(messages, bytes);
  const absl::StatusOr<std::vector<PeerMessage>> back = DecodePeerMessages(bytes);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == messages);
}

RC_GTEST_PROP(Codec, EveryTruncationOfAMessageIsRefused, ()) {
  const std::string bytes = Encoded(*PeerMessages());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    RC_ASSERT(!DecodePeerMessage(std::string_view(bytes).substr(0, size)).ok());
  }
}

RC_GTEST_PROP(Codec, ByteAfterAMessageIsRefused, (char more)) {
  RC_ASSERT(!DecodePeerMessage(Encoded(*PeerMessages()) + more).ok());
}

RC_GTEST_PROP(Codec, EveryBitFlipIsRefusedOrAnotherMessageInItsOnlyEncoding, ()) {
  std::string bytes = Encoded(*PeerMessages());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    RC_ASSERT(IsRefusedOrCanonical(bytes));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

RC_GTEST_PROP(Codec, RandomBytesAreRefusedOrAMessageInItsOnlyEncoding, (std::string rest)) {
  for (char tag = 0; tag < 20; ++tag)
    RC_ASSERT(IsRefusedOrCanonical(std::string{'\0', tag} + rest));
}

RC_GTEST_PROP(Codec, ApproximateBytesAreAtLeastThePayloadsAndNearTheTruth, ()) {
  const PeerMessage message = *PeerMessages();
  const std::size_t truth = Encoded(message).size();
  const std::size_t guess = ApproximateBytes(message);
  RC_ASSERT(guess <= truth + 128);
  RC_ASSERT(truth <= guess * 4);
}

// The bytes of one message of each kind, as every release must read them.
TEST(Codec, EncodingsAreTheStoredOnes) {
  const Configuration configuration = ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)});
  std::string encoded_configuration;
  Encode(configuration, encoded_configuration);
  std::string with_length;
  Encoder(with_length).Bytes(encoded_configuration);
  const EntryId at{Index(300), Term(4)};
  const SnapshotName name{at, Generation(6), BootNumber(7)};

  const std::vector<std::pair<Message, std::string>> stored = {
      {VoteRequest{Term(5), VoteKind::kVote, Term(5), Campaign(9), at},
       "010502"
       "0509"
       "ac0204"},
      {VoteReply{Term(5), VoteKind::kPreVote, Term(6), Campaign(9), true, DropReason::kCount_},
       "020501"
       "0609"
       "0100"},
      {VoteReply{Term(5), VoteKind::kPreVote, Term(6), Campaign(9), false, DropReason::kHasLeader},
       "020501"
       "0609"
       "0007"},
      {AppendRequest{Term(5), at, Index(2), {{Term(5), EntryKind::kCommand, Payload("ab")}}},
       "0305"
       "ac0204"
       "02"
       "01"
       "0502"
       "026162"},
      {AppendReply{Term(5), AppendVerdict::kMismatch, Index(0), Index(1), at},
       "040502"
       "0001"
       "ac0204"},
      {CommitNotice{Term(5), at},
       "0505"
       "ac0204"},
      {Heartbeat{{{GroupId(1), Term(5), ReadCounter(8), at}}},
       "06"
       "01"
       "010508"
       "ac0204"},
      {HeartbeatReply{{{GroupId(1), Term(5), ReadCounter(8), true}}},
       "07"
       "01"
       "010508"
       "01"},
      {SnapshotChunk{Term(5), name, 3, true, Payload("r"), Index(2), configuration},
       "0805"
       "ac02040607"
       "03"
       "01"
       "0172"
       "02" +
           absl::BytesToHexString(with_length)},
      {SnapshotReply{Term(5), name, SnapshotVerdict::kHolds, 3, Index(2)},
       "0905"
       "ac02040607"
       "02"
       "03"
       "02"},
      {TimeoutNow{Term(5)}, "0a05"},
      {ReadIndexRequest{Term(5), 6}, "0b0506"},
      {ReadIndexReply{Term(5), 6, true, Index(7)}, "0c05060107"},
      {Forward{Term(5), {{RequestId(6), EntryKind::kCommand, Payload("p")}}},
       "0d05"
       "01"
       "06020170"},
      {ForwardReply{Term(5), {{RequestId(6), ForwardVerdict::kApplied, Index(7), Payload("r")}}},
       "0e05"
       "01"
       "0601070172"},
  };
  for (const auto& [message, hex] : stored) {
    const bool beat = std::holds_alternative<Heartbeat>(message) ||
                      std::holds_alternative<HeartbeatReply>(message);
    const std::string group = beat ? "feffffff0f" : "02";
    EXPECT_EQ(absl::BytesToHexString(Encoded({beat ? kEveryGroup : GroupId(2), message})),
              group + hex);
  }
}

TEST(Codec, UnknownKindOfMessageIsRefusedByNumber) {
  for (int tag = 0; tag < 256; ++tag) {
    if (tag >= 1 && tag <= 14) continue;
    const absl::Status status = StatusOf(std::string{'\0', static_cast<char>(tag), '\0'});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("unknown kind " + std::to_string(tag)), std::string::npos);
  }
}

// Encodes `message`, then puts every value that `last` rules out where the byte at `at` stands.
void ExpectEnumAt(const PeerMessage& message, std::size_t at, int first, int last) {
  std::string bytes = Encoded(message);
  for (int value = 0; value < 256; ++value) {
    bytes[at] = static_cast<char>(value);
    EXPECT_EQ(DecodePeerMessage(bytes).ok(), first <= value && value <= last)
        << "value " << value << " at " << at << " of " << absl::BytesToHexString(bytes);
  }
}

TEST(Codec, UnknownEnumValuesAreRefused) {
  const GroupId g(1);
  ExpectEnumAt({g, VoteRequest{Term(1), VoteKind::kVote, Term(1), Campaign(1), {}}}, 3, 1, 3);
  const VoteReply reply{Term(1), VoteKind::kVote, Term(1), Campaign(1)};
  ExpectEnumAt({g, reply}, 3, 1, 3);
  ExpectEnumAt({g, reply}, 6, 0, 1);  // granted
  ExpectEnumAt({g, reply}, 7, 0, static_cast<int>(DropReason::kCount_));
  ExpectEnumAt({g, AppendReply{Term(1), AppendVerdict::kAccepted, {}, {}, {}}}, 3, 1, 4);
  ExpectEnumAt({g, SnapshotReply{Term(1), {}, SnapshotVerdict::kWants, 0, {}}}, 7, 1, 4);
  ExpectEnumAt({g, Forward{Term(1), {{RequestId(1), EntryKind::kCommand, {}}}}}, 5, 1, 4);
  ExpectEnumAt({g, ForwardReply{Term(1), {{RequestId(1), ForwardVerdict::kBusy, {}, {}}}}}, 5, 1,
               4);
  // A barrier's kind in an entry; 4 would be a configuration, which an empty payload is not.
  ExpectEnumAt({g, AppendRequest{Term(1), {}, {}, {{Term(1), EntryKind::kBarrier, {}}}}}, 8, 1, 3);
}

TEST(Codec, CountThatTheBytesLeftCannotHoldIsRefused) {
  for (const char tag : std::string_view("\x03\x06\x07\x0d\x0e")) {
    std::string bytes{'\0', tag};
    Encoder encoder(bytes);
    if (tag == 6 || tag == 7) {
      bytes.clear();
      encoder.Varint(kEveryGroup.value());
      encoder.U8(static_cast<std::uint8_t>(tag));
    } else {
      encoder.Varint(1);                                         // term
      if (tag == 3) encoder.Raw(std::string_view("\0\0\0", 3));  // prev, commit
    }
    const std::size_t head = bytes.size();
    for (const std::uint64_t count :
         {std::uint64_t{1}, std::uint64_t{1} << 20, ~std::uint64_t{0}}) {
      bytes.resize(head);
      encoder.Varint(count);
      EXPECT_FALSE(DecodePeerMessage(bytes).ok()) << int{tag} << " " << count;
    }
    bytes.resize(head);
    encoder.Varint(0);
    EXPECT_TRUE(DecodePeerMessage(bytes).ok()) << int{tag} << StatusOf(bytes);
  }
}

TEST(Codec, PayloadLongerThanTheBytesLeftIsRefused) {
  std::string bytes = Encoded({GroupId(1), Forward{Term(1), {}}});
  bytes.back() = 1;  // one request
  Encoder encoder(bytes);
  encoder.U8(6);
  encoder.U8(2);
  encoder.Varint(~std::uint64_t{0});
  encoder.Raw("abc");
  EXPECT_FALSE(DecodePeerMessage(bytes).ok());
}

TEST(Codec, NumberTooBigForItsFieldIsRefused) {
  std::string bytes;
  Encoder encoder(bytes);
  encoder.Varint(std::uint64_t{1} << 32);  // a group has 32 bits
  encoder.U8(10);
  encoder.U8(1);
  EXPECT_FALSE(DecodePeerMessage(bytes).ok());
}

TEST(Codec, HeartbeatForOneGroupAndOtherMessagesForEveryGroupAreRefused) {
  for (Message message :
       {Message(std::in_place_type<Heartbeat>), Message(std::in_place_type<HeartbeatReply>)}) {
    EXPECT_FALSE(DecodePeerMessage(Encoded({GroupId(1), message})).ok());
    EXPECT_TRUE(DecodePeerMessage(Encoded({kEveryGroup, message})).ok());
  }
  EXPECT_FALSE(DecodePeerMessage(Encoded({kEveryGroup, TimeoutNow{Term(1)}})).ok());
}

TEST(Codec, InvalidConfigurationIsRefusedInChunksAndEntries) {
  Configuration overlapping = ConfigurationOf({NodeId(1), NodeId(2)});
  overlapping.learners.push_back(NodeId(2));  // a voter that listens only
  ASSERT_FALSE(overlapping.IsValid());
  for (const Configuration& wrong : {overlapping, Configuration{}}) {
    SnapshotChunk chunk;
    chunk.configuration = wrong;
    EXPECT_FALSE(DecodePeerMessage(Encoded({GroupId(1), chunk})).ok());
    std::string bytes;
    Encode(wrong, bytes);
    AppendRequest append;
    append.entries.push_back({Term(1), EntryKind::kConfiguration, Payload(bytes)});
    EXPECT_FALSE(DecodePeerMessage(Encoded({GroupId(1), append})).ok());
    append.entries[0].kind = EntryKind::kCommand;  // as a command they are just bytes
    EXPECT_TRUE(DecodePeerMessage(Encoded({GroupId(1), append})).ok());
  }
}

TEST(Codec, ListOfTooManyMessagesIsRefused) {
  const std::string one = Encoded({GroupId(1), TimeoutNow{Term(1)}});
  std::string bytes;
  for (std::size_t i = 0; i < kMaxMessagesInList; ++i) bytes += one;
  ASSERT_TRUE(DecodePeerMessages(bytes).ok());
  EXPECT_FALSE(DecodePeerMessages(bytes + one).ok());
}

TEST(Codec, NoBytesAreNoMessages) {
  const absl::StatusOr<std::vector<PeerMessage>> none = DecodePeerMessages("");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  EXPECT_FALSE(DecodePeerMessage("").ok());
}

}  // namespace
}  // namespace quorate
