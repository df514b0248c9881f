// Frames survive the stream they travel in, and a damaged stream is noticed.
#include "net/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/base/bytes.h"
#include "net/codec.h"
#include "tests/net/generators.h"

namespace quorate {
namespace {

using testing::Frames;

const ConnNumber kMine{Incarnation(1), BootNumber(2), 3};
const ConnNumber kYours{Incarnation(4), BootNumber(5), 6};

HelloFrame SomeHello() {
  return {NodeId(1), NodeId(2), 0x1122334455667788u, kProtocolVersion, HelloKind::kAsk,
          kMine,     kYours};
}

BatchFrame BatchOf(std::size_t messages, std::size_t payload_bytes) {
  BatchFrame batch{NodeId(1), NodeId(2), kMine, kYours, {}};
  for (std::size_t i = 0; i < messages; ++i) {
    Forward forward{Term(i), {}};
    forward.requests.push_back(
        {RequestId(i), EntryKind::kCommand, Payload(std::string(payload_bytes, 'p'))});
    batch.messages.push_back({GroupId(7), std::move(forward)});
  }
  return batch;
}

// Puts a frame around `body`, with a right length and crc.
std::string Framed(std::uint8_t version, std::uint8_t kind, std::string_view body) {
  std::string length;
  Encoder(length).U32(static_cast<std::uint32_t>(body.size() + 2));
  std::string content{static_cast<char>(version), static_cast<char>(kind)};
  content += body;
  std::string bytes = length;
  Encoder(bytes).U32(Crc32c(length + content));
  return bytes + content;
}

std::vector<Frame> ParseAll(FrameParser& parser) {
  std::vector<Frame> frames;
  for (;;) {
    absl::StatusOr<std::optional<Frame>> next = parser.Next();
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || !next->has_value()) return frames;
    frames.push_back(**std::move(next));
  }
}

RC_GTEST_PROP(Frame, ComesBackAsItWas, ()) {
  const Frame frame = *Frames();
  const absl::StatusOr<Frame> back = DecodeFrame(EncodeFrame(frame));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == frame);
}

RC_GTEST_PROP(Frame, EveryTruncationAndEveryByteMoreIsRefused, (char more)) {
  const std::string bytes = EncodeFrame(*Frames());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    RC_ASSERT(!DecodeFrame(std::string_view(bytes).substr(0, size)).ok());
  }
  RC_ASSERT(!DecodeFrame(bytes + more).ok());
}

RC_GTEST_PROP(Frame, EveryBitFlipIsRefused, ()) {
  std::string bytes = EncodeFrame(*Frames());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    RC_ASSERT(!DecodeFrame(bytes).ok());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

RC_GTEST_PROP(Frame, BodyOfRandomBytesUnderAGoodCrcIsRefusedOrAnotherFrame,
              (std::uint8_t kind, std::string body)) {
  const std::string bytes = Framed(kFrameVersion, static_cast<std::uint8_t>(kind % 4), body);
  const absl::StatusOr<Frame> frame = DecodeFrame(bytes);
  if (frame.ok()) RC_ASSERT(EncodeFrame(*frame) == bytes);
}

TEST(Frame, EncodingsAreTheStoredOnes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeFrame(SomeHello())).substr(16),
            "0101"
            "01"
            "02"
            "8877665544332211"
            "01"
            "01"
            "010203"
            "01"
            "040506");
  EXPECT_EQ(absl::BytesToHexString(EncodeFrame(SomeHello())).substr(0, 8), "15000000");
  BatchFrame batch{NodeId(1), NodeId(2), kMine, kYours, {{GroupId(7), TimeoutNow{Term(8)}}}};
  EXPECT_EQ(absl::BytesToHexString(EncodeFrame(batch)).substr(16),
            "0102"
            "01"
            "02"
            "010203"
            "040506"
            "070a08");
}

TEST(Frame, CrcCoversLengthVersionKindAndBody) {
  const std::string bytes = EncodeFrame(SomeHello());
  const std::uint32_t crc = Decoder(std::string_view(bytes).substr(4)).U32();
  EXPECT_EQ(crc, Crc32c(bytes.substr(0, 4) + bytes.substr(8)));
}

TEST(Frame, UnknownVersionIsRefusedByNumberEvenWithAGoodCrc) {
  for (int version = 0; version < 256; ++version) {
    if (version == kFrameVersion) continue;
    const absl::Status status =
        DecodeFrame(Framed(static_cast<std::uint8_t>(version), 1, "x")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_NE(status.message().find("version " + std::to_string(version) + ","), std::string::npos);
  }
}

TEST(Frame, UnknownKindIsRefused) {
  for (const int kind : {0, 3, 4, 255}) {
    const absl::Status status =
        DecodeFrame(Framed(kFrameVersion, static_cast<std::uint8_t>(kind), "")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << kind;
  }
}

TEST(Frame, WrongCrcIsDataLoss) {
  std::string bytes = EncodeFrame(SomeHello());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_EQ(DecodeFrame(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Frame, LengthBeyondTheLimitOrTooSmallForAHeaderIsOutOfRange) {
  FrameLimits limits;
  limits.max_bytes = 1000;
  for (const std::uint32_t length : {0u, 1u, 993u, 0x7fff'ffffu, 0xffff'ffffu}) {
    std::string bytes;
    Encoder(bytes).U32(length);
    bytes.resize(64);
    EXPECT_EQ(DecodeFrame(bytes, limits).status().code(), absl::StatusCode::kOutOfRange) << length;
    FrameParser parser(limits);
    parser.Feed(std::string_view(bytes).substr(0, 4));  // refused before anything else arrives
    EXPECT_EQ(parser.Next().status().code(), absl::StatusCode::kOutOfRange) << length;
  }
}

TEST(Frame, FrameOfExactlyTheLimitIsTaken) {
  const std::string bytes = EncodeFrame(BatchOf(1, 500));
  FrameLimits limits;
  limits.max_bytes = bytes.size();
  EXPECT_TRUE(DecodeFrame(bytes, limits).ok());
  limits.max_bytes -= 1;
  EXPECT_FALSE(DecodeFrame(bytes, limits).ok());
}

TEST(Frame, HelloWithTrailingBytesOrUnknownValuesIsRefused) {
  const std::string body = EncodeFrame(SomeHello()).substr(kFrameHeaderBytes);
  ASSERT_TRUE(DecodeFrame(Framed(kFrameVersion, 1, body)).ok());
  EXPECT_FALSE(DecodeFrame(Framed(kFrameVersion, 1, body + '\0')).ok());
  const std::size_t kind_at = 11;
  const std::size_t has_seen_at = 15;
  for (int value = 0; value < 256; ++value) {
    std::string wrong = body;
    wrong[kind_at] = static_cast<char>(value);
    EXPECT_EQ(DecodeFrame(Framed(kFrameVersion, 1, wrong)).ok(), value == 1 || value == 2);
    wrong = body;
    wrong[has_seen_at] = static_cast<char>(value);
    EXPECT_EQ(DecodeFrame(Framed(kFrameVersion, 1, wrong)).ok(), value == 1);
  }
}

// ---- batches of more than one frame -----------------------------------------------------------------

RC_GTEST_PROP(Batch, SplitIntoFramesKeepsEveryMessageInOrder, ()) {
  BatchFrame batch{NodeId(1), NodeId(2), kMine, kYours, {}};
  for (std::size_t left = testing::AnySize(12); left > 0; --left) {
    batch.messages.push_back(*testing::PeerMessages());
  }
  FrameLimits limits;
  limits.max_bytes = 128 + testing::AnySize(600);
  limits.split_bytes = 1 + testing::AnySize(400);
  std::string bytes;
  const std::size_t left_out = EncodeBatch(batch, limits, bytes);

  FrameParser parser(limits);
  parser.Feed(bytes);
  std::vector<PeerMessage> expected;
  for (const PeerMessage& message : batch.messages) {
    if (EncodeFrame(BatchFrame{NodeId(1), NodeId(2), kMine, kYours, {message}}).size() <=
        limits.max_bytes) {
      expected.push_back(message);
    }
  }
  std::vector<PeerMessage> arrived;
  for (Frame& frame : ParseAll(parser)) {
    auto& part = std::get<BatchFrame>(frame);
    RC_ASSERT(part.from_conn == kMine && part.to_conn == kYours);
    for (PeerMessage& message : part.messages) arrived.push_back(std::move(message));
  }
  RC_ASSERT(parser.buffered() == 0u);
  RC_ASSERT(arrived == expected);
  RC_ASSERT(left_out == batch.messages.size() - expected.size());
}

TEST(Batch, SmallOneIsTheSameSingleFrame) {
  for (const std::size_t messages : {0u, 1u, 3u}) {
    std::string bytes;
    EXPECT_EQ(EncodeBatch(BatchOf(messages, 10), FrameLimits{}, bytes), 0u);
    EXPECT_EQ(bytes, EncodeFrame(BatchOf(messages, 10)));
  }
}

TEST(Batch, OfMoreMessagesThanAListMayHoldIsSplit) {
  BatchFrame batch{NodeId(1), NodeId(2), kMine, kYours, {}};
  batch.messages.assign(kMaxMessagesInList + 5, PeerMessage{GroupId(1), TimeoutNow{Term(1)}});
  std::string bytes;
  EXPECT_EQ(EncodeBatch(batch, FrameLimits{}, bytes), 0u);
  FrameParser parser;
  parser.Feed(bytes);
  const std::vector<Frame> frames = ParseAll(parser);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(std::get<BatchFrame>(frames[0]).messages.size(), kMaxMessagesInList);
  EXPECT_EQ(std::get<BatchFrame>(frames[1]).messages.size(), 5u);
}

TEST(Batch, MessageTooBigForAnyFrameIsLeftOutAndTheRestGoes) {
  BatchFrame batch = BatchOf(3, 10);
  std::get<Forward>(batch.messages[1].message).requests[0].payload = Payload(std::string(500, 'b'));
  FrameLimits limits;
  limits.max_bytes = 200;
  std::string bytes;
  EXPECT_EQ(EncodeBatch(batch, limits, bytes), 1u);
  FrameParser parser(limits);
  parser.Feed(bytes);
  std::size_t messages = 0;
  for (const Frame& frame : ParseAll(parser))
    messages += std::get<BatchFrame>(frame).messages.size();
  EXPECT_EQ(messages, 2u);

  bytes.clear();
  batch.messages = {batch.messages[1]};
  EXPECT_EQ(EncodeBatch(batch, limits, bytes), 1u);
  EXPECT_EQ(bytes, "");  // not an empty frame
}

// ---- the stream -------------------------------------------------------------------------------------

RC_GTEST_PROP(FrameParser, PiecesOfAnySizeGiveTheSameFrames, ()) {
  std::vector<Frame> sent;
  std::string stream;
  for (std::size_t left = 1 + testing::AnySize(5); left > 0; --left) {
    sent.push_back(*Frames());
    stream += EncodeFrame(sent.back());
  }
  FrameParser parser;
  std::vector<Frame> arrived;
  std::size_t fed = 0;
  while (fed < stream.size()) {
    const std::size_t piece = std::min(stream.size() - fed, 1 + testing::AnySize(200));
    parser.Feed(std::string_view(stream).substr(fed, piece));
    fed += piece;
    RC_ASSERT(parser.buffered() <= fed);
    for (Frame& frame : ParseAll(parser)) arrived.push_back(std::move(frame));
  }
  RC_ASSERT(arrived == sent);
  RC_ASSERT(parser.buffered() == 0u);
}

TEST(FrameParser, ByteByByteAFrameComesOutWithItsLastByte) {
  const std::string bytes = EncodeFrame(BatchOf(2, 30));
  FrameParser parser;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      parser.Feed(bytes.substr(i, 1));
      const auto next = parser.Next();
      ASSERT_TRUE(next.ok());
      ASSERT_FALSE(next->has_value()) << "byte " << i;
    }
    parser.Feed(bytes.substr(bytes.size() - 1));
    const auto next = parser.Next();
    ASSERT_TRUE(next.ok() && next->has_value());
    EXPECT_EQ(**next, Frame(BatchOf(2, 30)));
    EXPECT_EQ(parser.buffered(), 0u);
  }
}

TEST(FrameParser, UnknownVersionIsRefusedAsSoonAsItsByteArrives) {
  const std::string bytes = Framed(9, 1, std::string(100, 'x'));
  FrameParser parser;
  parser.Feed(std::string_view(bytes).substr(0, 8));
  ASSERT_TRUE(parser.Next().ok());
  parser.Feed(std::string_view(bytes).substr(8, 1));
  EXPECT_EQ(parser.Next().status().code(), absl::StatusCode::kUnimplemented);
}

TEST(FrameParser, ErrorIsFinalAndHoldsNothing) {
  std::string bytes = EncodeFrame(SomeHello());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  FrameParser parser;
  parser.Feed(bytes);
  const absl::Status first = parser.Next().status();
  EXPECT_EQ(first.code(), absl::StatusCode::kDataLoss);
  parser.Feed(EncodeFrame(SomeHello()));
  EXPECT_EQ(parser.Next().status(), first);
  EXPECT_EQ(parser.buffered(), 0u);
}

TEST(FrameParser, FramesBeforeADamagedOneComeOut) {
  std::string damaged = EncodeFrame(SomeHello());
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  FrameParser parser;
  parser.Feed(EncodeFrame(SomeHello()) + damaged);
  const auto next = parser.Next();
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ(**next, Frame(SomeHello()));
  EXPECT_FALSE(parser.Next().ok());
}

}  // namespace
}  // namespace quorate
