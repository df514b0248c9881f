// tests/sim/check_leftovers_test.cc — what stores hold for nothing is found by looking at their rows.
#include "sim/check/leftovers.h"

#include <gtest/gtest.h>

#include "sim/check/edges.h"
#include "storage/keys.h"

namespace quorate::sim {
namespace {

// The log holds group 1, at generation 4, and the system group, at generation 2.
std::optional<Generation> Live(GroupId group) {
  if (group == GroupId(1)) return Generation(4);
  if (group == kSystemGroup) return Generation(2);
  return std::nullopt;
}

std::string RowOf(std::uint32_t group, std::uint64_t generation) {
  return TablePrefix({GroupId(group), Generation(generation)}, Table::kRow) + "k";
}

class Leftovers : public testing::Test {
 protected:
  void SetUp() override {
    for (const LogTag tag : {LogTag::kIdentity, LogTag::kBoot, LogTag::kGroups})
      log_[StoreKey(tag)] = "";
    for (const GroupId group : {GroupId(1), kSystemGroup}) {
      for (const LogTag tag : {LogTag::kHardState, LogTag::kStart, LogTag::kTail})
        log_[GroupKey(tag, group)] = "";
    }
    log_[EntryKey(GroupId(1), Generation(4), Index(7))] = "";
    log_[EntryKey(kSystemGroup, Generation(2), Index(1))] = "";
    map_[MapIdentityKey()] = "";
    map_[RowOf(1, 4)] = "";
  }
  std::vector<std::string> Left() const { return LeftOver(log_, map_, Live); }

  KvImage log_;
  KvImage map_;
};

TEST_F(Leftovers, NoneIfEverythingIsPointedTo) { EXPECT_EQ(Left(), std::vector<std::string>{}); }
TEST_F(Leftovers, NamesTheEntriesOfADroppedGroup) {
  log_[EntryKey(GroupId(3), Generation(1), Index(1))] = "";
  log_[EntryKey(GroupId(3), Generation(1), Index(2))] = "";
  EXPECT_EQ(Left(), std::vector<std::string>{"rows of the log of group 3, which is gone"});
}
TEST_F(Leftovers, NamesTheHardStateOfADroppedGroup) {
  log_[GroupKey(LogTag::kHardState, GroupId(0))] = "";
  EXPECT_EQ(Left(), std::vector<std::string>{"rows of the log of group 0, which is gone"});
}
TEST_F(Leftovers, NamesEntriesOfAFormerGeneration) {
  log_[EntryKey(kSystemGroup, Generation(1), Index(1))] = "";
  EXPECT_EQ(Left(),
            std::vector<std::string>{"entries of the system group of generation 1, it is at 2"});
}
TEST_F(Leftovers, NamesTheSpaceOfADroppedGroupAndOfAFormerGeneration) {
  map_[RowOf(1, 3)] = "";
  map_[RowOf(2, 1)] = "";
  EXPECT_EQ(Left(),
            (std::vector<std::string>{"rows of the map of group 1 of generation 3, it is at 4",
                                      "rows of the map of group 2, which is gone"}));
}
TEST_F(Leftovers, AreRefusedAtTheEnd) {
  Verdicts verdicts;
  EdgeChecks edges(verdicts);
  edges.OnStores(NodeId(1), Left());
  EXPECT_FALSE(verdicts.found());
  map_[RowOf(2, 1)] = "";
  edges.OnStores(NodeId(1), Left());
  ASSERT_TRUE(verdicts.found());
  EXPECT_EQ(verdicts.first()->id, "SCAN-3");
}

}  // namespace
}  // namespace quorate::sim
