// Draws: tables, distributions, what is off, what stays as it was when something else changes.
#include "sim/scenario/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "sim/scenario/tables.h"

namespace quorate::sim {
namespace {

std::uint64_t BitsOf(std::uint64_t k) { return Prf(1, NameKey("test"), 0, k); }

std::int64_t MeanOf(const Dist& dist, std::uint64_t samples = 200'000) {
  Wide sum = 0;
  for (std::uint64_t k = 0; k < samples; ++k)
    sum += static_cast<std::uint64_t>(Sample(dist, BitsOf(k)));
  return static_cast<std::int64_t>(sum / samples);
}

// The test may use floating point; the code it tests may not.
TEST(Log2Table, AgreesWithTheRealLogarithm) {
  for (std::uint64_t k = 0; k < 100'000; ++k) {
    const std::uint64_t x = std::max<std::uint64_t>(1, BitsOf(k) >> (k % 64));
    const double expected = std::log2(static_cast<double>(x));
    EXPECT_NEAR(static_cast<double>(Log2(x)) / static_cast<double>(kOne), expected, 3e-6) << x;
  }
  EXPECT_EQ(Log2(1), 0u);
  EXPECT_EQ(Log2(1024), 10 * kOne);
}

TEST(Exp2Table, AgreesWithTheRealPower) {
  for (std::uint64_t k = 0; k < 100'000; ++k) {
    const std::uint64_t y = 20 * kOne + Below(BitsOf(k), 43 * kOne);
    const double expected = std::exp2(static_cast<double>(y) / static_cast<double>(kOne));
    EXPECT_NEAR(static_cast<double>(Exp2(y)) / expected, 1.0, 3e-6) << y;
  }
  EXPECT_EQ(Exp2(0), 1u);
  EXPECT_EQ(Exp2(10 * kOne), 1024u);
}

TEST(Tables, AreMonotonic) {
  for (std::uint64_t i = 0; i < 256; ++i) {
    EXPECT_LT(tables::kLog2[i], tables::kLog2[i + 1]);
    EXPECT_LT(tables::kExp2[i], tables::kExp2[i + 1]);
  }
}

// Stored: every seed's outcome rests on these.
TEST(Tables, HoldTheirGoldenNumbers) {
  EXPECT_EQ(tables::kLog2[0], 0u);
  EXPECT_EQ(tables::kLog2[1], 24'157'255u);
  EXPECT_EQ(tables::kLog2[128], 2'512'394'810u);
  EXPECT_EQ(tables::kExp2[1], 4'306'612'134u);
  EXPECT_EQ(tables::kExp2[128], 6'074'001'000u);
}

TEST(ExponentialDraw, HasItsMeanAndStaysWithinItsEnds) {
  const Dist dist{DistKind::kExp, 200'000, 2'000'000, 2'000'000'000};
  EXPECT_NEAR(static_cast<double>(MeanOf(dist)), 2e6, 2e4);
  const Dist cut{DistKind::kExp, 200'000, 2'000'000, 2'500'000};
  for (std::uint64_t k = 0; k < 10'000; ++k) {
    const std::int64_t value = Sample(cut, BitsOf(k));
    EXPECT_GE(value, 200'000);
    EXPECT_LE(value, 2'500'000);
  }
  EXPECT_EQ(Sample(cut, 0), 2'500'000);
  EXPECT_EQ(Sample(cut, ~std::uint64_t{0}), 200'000);
}

TEST(ExponentialDraw, FallsByHalfInEachHalfLife) {
  const Dist dist{DistKind::kExp, 0, 1'000'000, 1'000'000'000};
  std::uint64_t above = 0;
  for (std::uint64_t k = 0; k < 100'000; ++k) above += Sample(dist, BitsOf(k)) > 693'147 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(above), 50'000, 700);
}

TEST(ParetoDraw, HasALongerTailThanAnExponential) {
  const Dist pareto{DistKind::kPareto, 0, 1'000'000, 1'000'000'000'000};
  std::uint64_t far = 0;
  std::uint64_t below_median = 0;
  for (std::uint64_t k = 0; k < 100'000; ++k) {
    far += Sample(pareto, BitsOf(k)) > 9'000'000 ? 1 : 0;  // (1 + 9)^-2 = 1 %; exponential: 0.01 %
    below_median += Sample(pareto, BitsOf(k)) < 414'214 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(far), 1'000, 100);
  EXPECT_NEAR(static_cast<double>(below_median), 50'000, 700);
}

TEST(LogDraw, GivesEachDoublingTheSameShare) {
  const Dist dist{DistKind::kLog, 1'000, 15'999, 15'999};
  std::map<std::int64_t, int> doublings;
  for (std::uint64_t k = 0; k < 80'000; ++k) {
    const std::int64_t value = Sample(dist, BitsOf(k));
    ASSERT_GE(value, 1'000);
    ASSERT_LE(value, 15'999);
    ++doublings[value < 2'000 ? 0 : value < 4'000 ? 1 : value < 8'000 ? 2 : 3];
  }
  for (const auto& [doubling, count] : doublings) EXPECT_NEAR(count, 20'000, 500) << doubling;
}

TEST(LogDraw, ReachesBothEndsOfASmallRange) {
  std::map<std::int64_t, int> seen;
  const DrawRule rule{1, 4, Scale::kLog, 0, {}};
  for (std::uint64_t k = 0; k < 10'000; ++k) ++seen[ValueOf(rule, BitsOf(k))];
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_GT(seen[1], seen[2]);
  EXPECT_GT(seen[4], 500);
}

TEST(UniformDraw, IncludesBothEndsAndNegativeNumbers) {
  std::map<std::int64_t, int> seen;
  for (std::uint64_t k = 0; k < 5'000; ++k)
    ++seen[Sample({DistKind::kUniform, -2, 0, 2}, BitsOf(k))];
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen.begin()->first, -2);
  EXPECT_EQ(seen.rbegin()->first, 2);
}

TEST(SkewedDraw, PrefersTheLowEnd) {
  const DrawRule rule{0, 1'000'000, Scale::kSkewed, 0, {}};
  std::uint64_t low = 0;
  for (std::uint64_t k = 0; k < 100'000; ++k) low += ValueOf(rule, BitsOf(k)) < 250'000 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(low), 50'000, 700);
}

TEST(SkewTable, WeighsKeysByZipf) {
  const SkewTable table(10, kWhole);  // weight 1 / (k + 1)
  std::map<std::uint64_t, int> seen;
  for (std::uint64_t k = 0; k < 100'000; ++k) ++seen[table.Pick(BitsOf(k))];
  // The sum of 1 … 1/10 is 2.929.
  EXPECT_NEAR(seen[0], 34'142, 700);
  EXPECT_NEAR(seen[1], 17'071, 500);
  EXPECT_NEAR(seen[9], 3'414, 250);
}

TEST(SkewTable, TreatsAllKeysAlikeWithoutSkew) {
  const SkewTable table(4, 0);
  std::map<std::uint64_t, int> seen;
  for (std::uint64_t k = 0; k < 40'000; ++k) ++seen[table.Pick(BitsOf(k))];
  for (std::uint64_t key = 0; key < 4; ++key) EXPECT_NEAR(seen[key], 10'000, 400);
}

TEST(PickWeighted, NeverPicksAShareOfZero) {
  const std::vector<std::int64_t> weights{0, 3, 0, 1, 0};
  std::map<std::size_t, int> seen;
  for (std::uint64_t k = 0; k < 40'000; ++k) ++seen[PickWeighted(weights, BitsOf(k))];
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[1], 30'000, 500);
  EXPECT_NEAR(seen[3], 10'000, 500);
}

TEST(PerEntity, GivesEachLinkItsOwnValueButSwitchesOffForAll) {
  const DrawRule rule{1, 1'000'000, Scale::kLinear, kWhole * 2 / 5, {}};
  int off = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const PerEntity loss(rule, seed, NameKey("network.loss"));
    const std::int64_t a = loss.At(LinkKey(NodeId(1), NodeId(2)));
    const std::int64_t b = loss.At(LinkKey(NodeId(2), NodeId(1)));
    EXPECT_EQ(a == 0, b == 0);
    EXPECT_EQ(loss.AlwaysZero(), a == 0);
    if (a == 0) {
      ++off;
    } else {
      EXPECT_NE(a, b);
      EXPECT_LE(a, loss.Highest());
      EXPECT_GE(a, loss.Lowest());
    }
    EXPECT_EQ(a, loss.At(LinkKey(NodeId(1), NodeId(2)))) << "asked twice";
  }
  EXPECT_NEAR(off, 4'000, 200);
}

TEST(Happens, AgreesWithItsProbabilityAndKnowsNeverAndAlways) {
  EXPECT_FALSE(Happens(0, 0));
  EXPECT_TRUE(Happens(kWhole, ~std::uint64_t{0}));
  int count = 0;
  for (std::uint64_t k = 0; k < 100'000; ++k) count += Happens(kWhole / 10, BitsOf(k)) ? 1 : 0;
  EXPECT_NEAR(count, 10'000, 400);
}

}  // namespace
}  // namespace quorate::sim
