// What the states of many runs add up to, and how they travel.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sim/cli/coverage_tally.h"
#include "sim/cli/record.h"

namespace quorate::sim {
namespace {

using Point = CoverageTally::Point;

TEST(CoverageTally, GrowthIsToldAfterOneTwoFourRuns) {
  CoverageTally tally;
  for (std::uint64_t number = 0; number < 10; ++number) tally.Add(number, {{number, 100}, {}});
  EXPECT_EQ(tally.Growth(10), (std::vector<Point>{{1, 2}, {2, 3}, {4, 5}, {8, 9}, {10, 11}}));
  EXPECT_EQ(tally.Growth(16).back(), (Point{16, 11}));
}

TEST(CoverageTally, AStateCountsWhereItWasSeenFirst) {
  CoverageTally tally;
  tally.Add(5, {{7}, {}});
  tally.Add(0, {{7}, {}});
  tally.Add(9, {{7}, {}});
  EXPECT_EQ(tally.Growth(1), (std::vector<Point>{{1, 1}}));
}

TEST(CoverageTally, PartsInAnyOrderAreTheWhole) {
  CoverageTally whole;
  CoverageTally odd;
  CoverageTally even;
  for (std::uint64_t number = 0; number < 50; ++number) {
    const AbstractStates states{{number / 3, number % 7 + 1'000},
                                {static_cast<NodeCode>(011 + number % 3)}};
    whole.Add(number, states);
    (number % 2 == 0 ? even : odd).Add(number, states);
  }
  CoverageTally merged = odd;
  for (const auto& [state, step] : even.states()) merged.AddState(state, step);
  merged.AddPairs(even.pairs());
  EXPECT_EQ(merged.states(), whole.states());
  EXPECT_EQ(merged.pairs(), whole.pairs());
  EXPECT_EQ(merged.Growth(50), whole.Growth(50));
}

TEST(CoverageTally, SeenAndMissingPairsAreAllThereAre) {
  CoverageTally tally;
  EXPECT_EQ(tally.MissingFeatures().size(), kFeatures);
  EXPECT_TRUE(tally.MissingPairs().empty()) << "pairs of features that nobody saw are not told";
  // A process that is up on each kind of disk, and one that is paused on the first.
  for (NodeCode disk = 1; disk <= 6; ++disk) tally.Add(0, {{}, {disk << 3 | 1}});
  tally.Add(0, {{}, {1u << 3 | 2}});
  EXPECT_EQ(tally.SeenPairs(), 7u);
  EXPECT_EQ(tally.MissingPairs().size(), 5u);
  EXPECT_EQ(tally.MissingFeatures().size(), kFeatures - 8);
}

TEST(Record, StatesTravel) {
  RunRecord record;
  record.number = 4;
  record.result.states = {{1, 1'000'000, ~std::uint64_t{0}}, {1, 011, 07777'7777}};
  const absl::StatusOr<RunRecord> back = DecodeRecord(EncodeRecord(record));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->result.states, record.result.states);
  const std::string bytes = EncodeRecord(record);
  EXPECT_FALSE(DecodeRecord(std::string_view(bytes).substr(0, bytes.size() - 1)).ok());
}

}  // namespace
}  // namespace quorate::sim
