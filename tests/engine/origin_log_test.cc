// One origin's log at a replica: what fits, what is known, what has forked.
#include <vector>

#include <gtest/gtest.h>

#include "engine/eventual/origin_log.h"

namespace quorate {
namespace {

OriginEntry E(std::uint64_t stamp, const char* payload = "w") {
  return {Stamp(stamp), Payload(payload)};
}
OriginPlace After(const std::vector<OriginEntry>& entries) {
  OriginPlace place;
  for (const OriginEntry& entry : entries) {
    place.seq = Next(place.seq);
    place.stamp = entry.stamp;
    place.chain = ChainOf(place.chain, place.seq, entry);
  }
  return place;
}
using Fit = OriginLog::Fit;

class OriginLogs : public testing::Test {
 protected:
  const std::vector<OriginEntry> three_{E(10), E(20), E(30)};
  OriginLog log_;
  void SetUp() override { log_.Append(three_, PersistSeq(1)); }
};

TEST_F(OriginLogs, WhatFollowsOnIsNext) {
  const std::vector<OriginEntry> more{E(40)};
  EXPECT_EQ(log_.Look(After(three_), more), Fit::kNext);
  // Beginning with what is there already.
  const std::vector<OriginEntry> overlap{E(30), E(40)};
  EXPECT_EQ(log_.Look(After({E(10), E(20)}), overlap), Fit::kNext);
  EXPECT_EQ(OriginLog().Look({}, three_), Fit::kNext);
}

TEST_F(OriginLogs, WhatIsThereIsKnown) {
  EXPECT_EQ(log_.Look({}, three_), Fit::kKnown);
  const std::vector<OriginEntry> middle{E(20)};
  EXPECT_EQ(log_.Look(After({E(10)}), middle), Fit::kKnown);
}

TEST_F(OriginLogs, WhatBeginsBehindTheEndLeavesAGap) {
  const std::vector<OriginEntry> later{E(50)};
  EXPECT_EQ(log_.Look(After({E(10), E(20), E(30), E(40)}), later), Fit::kGap);
}

TEST_F(OriginLogs, AnotherLogOfTheOriginIsAFork) {
  const std::vector<OriginEntry> more{E(40)};
  EXPECT_EQ(log_.Look(After({E(10), E(20), E(31)}), more), Fit::kForked);           // another stamp
  EXPECT_EQ(log_.Look(After({E(10), E(20), E(30, "other")}), more), Fit::kForked);  // other bytes
  const std::vector<OriginEntry> other{E(20, "other"), E(30), E(40)};
  EXPECT_EQ(log_.Look(After({E(10)}), other), Fit::kForked);
}

TEST_F(OriginLogs, StampsThatDoNotAscendAreMalformed) {
  const std::vector<OriginEntry> falling{E(40), E(40)};
  EXPECT_EQ(log_.Look(After(three_), falling), Fit::kMalformed);
  const std::vector<OriginEntry> before_its_place{E(30)};
  EXPECT_EQ(log_.Look(After(three_), before_its_place), Fit::kMalformed);
  EXPECT_EQ(log_.Look(After(three_), {}), Fit::kMalformed);
}

TEST_F(OriginLogs, AnEntryIsDurableWithItsWriteAndNotBefore) {
  const std::vector<OriginEntry> more{E(40)};
  log_.Append(more, PersistSeq(4));
  EXPECT_EQ(log_.WriteOf(OriginSeq(3)), PersistSeq(1));
  EXPECT_EQ(log_.WriteOf(OriginSeq(4)), PersistSeq(4));
  log_.OnPersisted(PersistSeq(3));
  EXPECT_EQ(log_.durable(), OriginSeq(3));
  EXPECT_EQ(log_.WriteOf(OriginSeq(3)), PersistSeq());
  log_.OnPersisted(PersistSeq(4));
  EXPECT_EQ(log_.durable(), OriginSeq(4));
}

TEST_F(OriginLogs, OnlyWhatIsMergedLeavesTheMemory) {
  log_.OnPersisted(PersistSeq(1));
  log_.TrimCache(0);
  EXPECT_TRUE(log_.IsCached(OriginSeq(1)));
  log_.OnMerged(OriginSeq(2));
  log_.TrimCache(0);
  EXPECT_FALSE(log_.IsCached(OriginSeq(2)));
  EXPECT_TRUE(log_.IsCached(OriginSeq(3)));
  EXPECT_EQ(log_.PlaceAt(OriginSeq(1)), std::nullopt);
  EXPECT_EQ(log_.PlaceAt(OriginSeq(3)), After(three_));
}

TEST_F(OriginLogs, AfterEntriesAreDroppedTheLogBeginsBehindThem) {
  log_.OnPersisted(PersistSeq(1));
  log_.OnMerged(OriginSeq(3));
  log_.DropTo(After({E(10), E(20)}));
  EXPECT_EQ(log_.dropped(), After({E(10), E(20)}));
  const std::vector<OriginEntry> more{E(40)};
  EXPECT_EQ(log_.Look(After(three_), more), Fit::kNext);
  const std::vector<OriginEntry> third{E(30)};
  EXPECT_EQ(log_.Look(After({E(10), E(20)}), third), Fit::kKnown);
  log_.DropTo(After(three_));
  EXPECT_EQ(log_.Look(After({E(10), E(20), E(30, "other")}), more), Fit::kForked);
}

TEST_F(OriginLogs, AsFoundAtBootEverythingIsDurable) {
  OriginLog found({}, After(three_), OriginSeq(1));
  EXPECT_EQ(found.durable(), OriginSeq(3));
  EXPECT_EQ(found.merged(), OriginSeq(1));
  EXPECT_FALSE(found.IsCached(OriginSeq(3)));
  const std::vector<OriginEntry> more{E(40)};
  EXPECT_EQ(found.Look(After(three_), more), Fit::kNext);
  EXPECT_EQ(found.Look(After({E(10), E(20), E(31)}), more), Fit::kForked);
}

}  // namespace
}  // namespace quorate
