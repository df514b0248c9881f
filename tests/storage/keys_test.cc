#include "storage/keys.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quorate {
namespace {

const std::vector<std::uint64_t> kNumbers = {
    0,        1,          2,          0x7f,       0x80,
    0xff,     0x100,      0x101,      0xffff,     0x10000,
    1u << 31, 1ull << 32, 1ull << 40, 1ull << 63, ~std::uint64_t{0}};

TEST(LogKeys, EntriesSortByGroupThenGenerationThenIndex) {
  std::vector<std::string> keys;
  for (const std::uint32_t group : {0u, 1u, 255u, 256u, 0xffff'ffffu}) {
    for (const std::uint64_t generation : kNumbers) {
      for (const std::uint64_t index : kNumbers) {
        keys.push_back(EntryKey(GroupId(group), Generation(generation), Index(index)));
      }
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(LogKeys, IdentityIsTheFirstAndEntriesAreTheLast) {
  const std::vector<std::string> keys = {StoreKey(LogTag::kIdentity),
                                         StoreKey(LogTag::kBoot),
                                         StoreKey(LogTag::kGroups),
                                         GroupKey(LogTag::kHardState, GroupId{0}),
                                         GroupKey(LogTag::kHardState, kSystemGroup),
                                         GroupKey(LogTag::kStart, GroupId{0}),
                                         GroupKey(LogTag::kTail, GroupId{0}),
                                         EntryKey(GroupId{0}, Generation{1}, Index{1})};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(LogKeys, AreFoundAgainFromTheirBytes) {
  for (const std::uint64_t number : kNumbers) {
    const LogKey key{LogTag::kEntry, GroupId{300}, Generation(number), Index(~number)};
    EXPECT_EQ(ParseLogKey(EntryKey(key.group, key.generation, key.index)), key);
  }
  EXPECT_EQ(ParseLogKey(StoreKey(LogTag::kBoot)), (LogKey{LogTag::kBoot, {}, {}, {}}));
  EXPECT_EQ(ParseLogKey(GroupKey(LogTag::kTail, kSystemGroup)),
            (LogKey{LogTag::kTail, kSystemGroup, {}, {}}));
}

TEST(LogKeys, OtherBytesAreNoKey) {
  for (const std::string& bytes :
       {std::string(), std::string("\x04", 1), std::string("\x01\x00", 2), std::string("\x10", 1),
        std::string("\x10\x01", 2), std::string("\x10\x01\x00", 3),
        std::string("\x10\x02\x00\x01", 4), std::string("\x10\x05\x01\x00\x00\x00\x00", 7),
        std::string("\x10\x09\x01", 3)}) {
    EXPECT_EQ(ParseLogKey(bytes), std::nullopt);
  }
}

TEST(MapKeys, ASpaceIsOneRange) {
  const MapSpace space{GroupId{5}, Generation{255}};
  const std::string from = SpacePrefix(space);
  const std::string to = AfterPrefix(from);
  const std::string inside = TablePrefix(space, Table::kSessionReply) + std::string(20, '\xff');
  EXPECT_TRUE(from < inside && inside < to);
  EXPECT_LE(to, SpacePrefix(MapSpace{GroupId{5}, Generation{256}}));
  EXPECT_LE(to, SpacePrefix(MapSpace{GroupId{6}, Generation{0}}));
  EXPECT_EQ(ParseMapSpace(inside), space);
  EXPECT_EQ(ParseMapSpace(MapIdentityKey()), std::nullopt);
}

TEST(MapKeys, AfterPrefixSkipsFullBytes) {
  EXPECT_EQ(AfterPrefix("a"), "b");
  EXPECT_EQ(AfterPrefix("a\xff\xff"), "b");
  EXPECT_EQ(AfterPrefix(std::string("a\x7f", 2)), std::string("a\x80", 2));
}

}  // namespace
}  // namespace quorate
