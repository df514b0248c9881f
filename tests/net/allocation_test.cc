// What bytes from a stranger and steady traffic cost in memory. Every allocation of this program is counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "engine/base/bytes.h"
#include "net/codec.h"
#include "net/frame.h"
#include "net/link_table.h"

namespace {
std::size_t allocations = 0;
std::size_t allocated_bytes = 0;

void* Allocate(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* const at = std::malloc(size == 0 ? 1 : size);
  if (at == nullptr) std::abort();
  return at;
}
}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }

namespace quorate {
namespace {

TEST(DecodeMemory, LyingCountsAndLengthsReserveNothing) {
  for (const int tag : {3, 6, 7, 13, 14}) {
    for (const std::uint64_t lie :
         {std::uint64_t{1} << 16, std::uint64_t{1} << 31, ~std::uint64_t{0}}) {
      std::string bytes;
      Encoder encoder(bytes);
      encoder.Varint(tag == 6 || tag == 7 ? kEveryGroup.value() : 1);
      encoder.U8(static_cast<std::uint8_t>(tag));
      if (tag != 6 && tag != 7) encoder.Varint(1);
      if (tag == 3) encoder.Raw(std::string_view("\0\0\0", 3));
      encoder.Varint(lie);
      encoder.Raw(std::string(100, '\1'));
      const std::size_t before = allocated_bytes;
      EXPECT_FALSE(DecodePeerMessage(bytes).ok());
      EXPECT_LT(allocated_bytes - before, 1000u) << tag << " " << lie;  // the status alone
    }
  }
}

TEST(DecodeMemory, TakesAtMostAConstantTimesTheBytes) {
  // The densest there is: as many of the smallest messages, entries and items as a list may hold.
  std::string tiny;
  for (std::size_t i = 0; i < kMaxMessagesInList; ++i) {
    EncodePeerMessage({GroupId(1), TimeoutNow{Term(1)}}, tiny);
  }
  AppendRequest append{Term(1), {}, {}, {}};
  append.entries.resize(20'000, Entry{Term(1), EntryKind::kBarrier, {}});
  std::string entries;
  EncodePeerMessage({GroupId(1), append}, entries);
  for (const std::string* const bytes : {&tiny, &entries}) {
    const std::size_t before = allocated_bytes;
    ASSERT_TRUE(DecodePeerMessages(*bytes).ok());
    EXPECT_LT(allocated_bytes - before, bytes->size() * 512);
  }
}

TEST(ParserMemory, AnnouncedLengthReservesNothing) {
  std::string header;
  Encoder(header).U32(60u << 20);
  FrameParser parser;
  const std::size_t before = allocated_bytes;
  parser.Feed(header);
  ASSERT_TRUE(parser.Next().ok());
  for (int i = 0; i < 100; ++i) parser.Feed(std::string_view("\1\1\1\1", 4));
  EXPECT_LT(allocated_bytes - before, 4000u);
}

TEST(LinkMemory, SteadyTrafficAllocatesNothing) {
  const MonoTime now{};
  LinkTable a({7, NodeId(1), Incarnation(1)}, BootNumber(1), LinkOptions{});
  LinkTable b({7, NodeId(2), Incarnation(1)}, BootNumber(1), LinkOptions{});
  LinkOutputs out;
  a.AddPeer(now, NodeId(2), out);
  b.AddPeer(now, NodeId(1), out);
  a.Enable(now, out);
  b.Enable(now, out);
  while (!out.empty()) {
    LinkOutputs next;
    for (const LinkOutput& output : out) {
      const auto* const say = std::get_if<SayHello>(&output);
      if (say != nullptr) (say->frame.to == NodeId(1) ? a : b).OnFrame(now, say->frame, next);
    }
    out = std::move(next);
  }
  const LinkSession session = a.link(NodeId(2))->session();
  ASSERT_NE(session, LinkSession{});
  out.reserve(4);

  std::vector<PeerMessage> messages{{GroupId(1), TimeoutNow{Term(1)}}};
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    std::optional<BatchFrame> batch = a.Pack({NodeId(2), session, std::move(messages)});
    out.clear();
    b.OnFrame(now, Frame(*std::move(batch)), out);
    messages = std::move(std::get<FrameReceived>(out.front()).messages);
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(messages.size(), 1u);
}

}  // namespace
}  // namespace quorate
