// engine/raft/codec.h: what is encoded comes back, and what is not an encoding is refused.
#include "engine/raft/codec.h"

#include <gtest/gtest.h>

namespace quorate {
namespace {

template <class Value, class EncodeFunction>
std::string BytesOf(const Value& value, EncodeFunction encode) {
  std::string bytes;
  Encoder out(bytes);
  encode(value, out);
  return bytes;
}

LogStart SomeStart() {
  LogStart start;
  start.generation = Generation{3};
  start.entry = EntryId{Index{1000}, Term{7}};
  start.configuration_index = Index{900};
  start.configuration = ConfigurationOf({NodeId{1}, NodeId{2}, NodeId{300}});
  start.catalogue = Payload("catalogue");
  return start;
}

TEST(RaftCodec, AnEntryComesBack) {
  for (const EntryKind kind : {EntryKind::kBarrier, EntryKind::kCommand, EntryKind::kOpenSession,
                               EntryKind::kConfiguration}) {
    for (const std::size_t size : {0u, 1u, 127u, 128u, 70'000u}) {
      const Entry entry{Term{~std::uint64_t{0}}, kind, Payload(std::string(size, 'x'))};
      const std::string bytes = BytesOf(entry, EncodeEntry);
      EXPECT_GE(bytes.size(), kLeastEntryBytes);
      Decoder in(bytes);
      EXPECT_EQ(DecodeEntry(in), entry);
      EXPECT_TRUE(in.done());
    }
  }
}

TEST(RaftCodec, AnUnknownKindIsRefused) {
  for (int kind = 0; kind < 256; ++kind) {
    const std::string bytes = {'\x01', static_cast<char>(kind), '\x00'};
    Decoder in(bytes);
    DecodeEntry(in);
    EXPECT_EQ(in.ok(), kind >= 1 && kind <= 4) << kind;
  }
}

TEST(RaftCodec, HardStateAndStartComeBack) {
  const HardState hard{Term{900}, NodeId{0xffff'ffffu}};
  const std::string hard_bytes = BytesOf(hard, EncodeHardState);
  Decoder hard_in(hard_bytes);
  EXPECT_EQ(DecodeHardState(hard_in), hard);
  EXPECT_TRUE(hard_in.done());

  const std::string start_bytes = BytesOf(SomeStart(), EncodeLogStart);
  Decoder start_in(start_bytes);
  EXPECT_EQ(DecodeLogStart(start_in), SomeStart());
  EXPECT_TRUE(start_in.done());
}

TEST(RaftCodec, ANodeNumberBeyondItsRangeIsRefused) {
  std::string bytes;
  Encoder out(bytes);
  out.Varint(1);
  out.Varint(std::uint64_t{1} << 32);
  Decoder in(bytes);
  DecodeHardState(in);
  EXPECT_FALSE(in.ok());
}

TEST(RaftCodec, EveryCutIsRefused) {
  const std::string start = BytesOf(SomeStart(), EncodeLogStart);
  for (std::size_t size = 0; size < start.size(); ++size) {
    Decoder in(std::string_view(start).substr(0, size));
    DecodeLogStart(in);
    EXPECT_FALSE(in.ok()) << size;
  }
  const std::string entry =
      BytesOf(Entry{Term{300}, EntryKind::kCommand, Payload("payload")}, EncodeEntry);
  for (std::size_t size = 0; size < entry.size(); ++size) {
    Decoder in(std::string_view(entry).substr(0, size));
    DecodeEntry(in);
    EXPECT_FALSE(in.ok()) << size;
  }
}

// One value has one encoding: what was decoded encodes to the bytes it came from.
TEST(RaftCodec, WhatIsAcceptedEncodesToTheSameBytes) {
  const std::string valid = BytesOf(SomeStart(), EncodeLogStart);
  int accepted = 0;
  for (std::size_t bit = 0; bit < valid.size() * 8; ++bit) {
    std::string bytes = valid;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    Decoder in(bytes);
    const LogStart start = DecodeLogStart(in);
    if (!in.done()) continue;
    ++accepted;
    EXPECT_EQ(BytesOf(start, EncodeLogStart), bytes) << bit;
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace quorate
