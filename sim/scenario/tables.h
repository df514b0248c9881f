// sim/scenario/tables.h — logarithm and power of two in integers, for draws by inversion.
//
// Model: 32.32 fixed point. Both functions interpolate linearly in a table of 257 entries that the
//   compiler computes with integers alone, so every compiler and machine has the same bits.
// Accuracy: relative error below 2e-6; both are monotonic.
// Source: bitwise logarithm by repeated squaring; powers as products of square roots of two.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "engine/base/check.h"

namespace quorate::sim {

__extension__ typedef unsigned __int128 Wide;

inline constexpr std::uint64_t kOne = std::uint64_t{1} << 32;
inline constexpr std::uint64_t kLn2 = 2'977'044'472;  // ln 2, times 2^32

namespace tables {

// Times 2^62, so that everything below 2 fits.
inline constexpr std::uint64_t kUnit = std::uint64_t{1} << 62;

constexpr std::uint64_t SquareRoot(Wide of) {
  std::uint64_t root = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const std::uint64_t tried = root | (std::uint64_t{1} << bit);
    if (static_cast<Wide>(tried) * tried <= of) root = tried;
  }
  return root;
}

constexpr std::uint64_t Log2OfMantissa(std::uint64_t mantissa) {  // 1 <= mantissa < 2, times 2^62
  std::uint64_t log = 0;
  for (int bit = 0; bit < 33; ++bit) {
    mantissa = static_cast<std::uint64_t>((static_cast<Wide>(mantissa) * mantissa) >> 62);
    log <<= 1;
    if (mantissa >= 2 * kUnit) {
      log |= 1;
      mantissa >>= 1;
    }
  }
  return (log + 1) >> 1;
}

constexpr std::array<std::uint64_t, 257> MakeLog2() {  // log2(1 + i / 256), times 2^32
  std::array<std::uint64_t, 257> table{};
  for (std::uint64_t i = 0; i < 256; ++i) table[i] = Log2OfMantissa(kUnit + i * (kUnit >> 8));
  table[256] = kOne;
  return table;
}

constexpr std::array<std::uint64_t, 257> MakeExp2() {  // 2^(i / 256), times 2^32
  std::array<std::uint64_t, 8> roots{};  // 2^(1/2), 2^(1/4), … 2^(1/256), times 2^62
  std::uint64_t root = 2 * kUnit;
  for (std::uint64_t& slot : roots) {
    root = SquareRoot(static_cast<Wide>(root) << 62);
    slot = root;
  }
  std::array<std::uint64_t, 257> table{};
  for (std::uint64_t i = 0; i < 256; ++i) {
    std::uint64_t product = kUnit;
    for (std::uint64_t bit = 0; bit < 8; ++bit) {
      if (((i >> (7 - bit)) & 1) == 0) continue;
      product = static_cast<std::uint64_t>((static_cast<Wide>(product) * roots[bit]) >> 62);
    }
    table[i] = (product + (std::uint64_t{1} << 29)) >> 30;
  }
  table[256] = 2 * kOne;
  return table;
}

inline constexpr std::array<std::uint64_t, 257> kLog2 = MakeLog2();
inline constexpr std::array<std::uint64_t, 257> kExp2 = MakeExp2();

}  // namespace tables

// log2(x) in 32.32 fixed point. Requires: x > 0.
constexpr std::uint64_t Log2(std::uint64_t x) {
  REQUIRE(x > 0);
  const int zeros = std::countl_zero(x);
  const std::uint64_t mantissa = x << zeros;  // top bit set
  const std::uint64_t at = (mantissa >> 55) & 0xff;
  const std::uint64_t rest = (mantissa >> 23) & 0xffff'ffff;  // of the step, times 2^32
  const std::uint64_t step = tables::kLog2[at + 1] - tables::kLog2[at];
  const std::uint64_t fraction = tables::kLog2[at] + ((step * rest) >> 32);
  return (static_cast<std::uint64_t>(63 - zeros) << 32) + fraction;
}

// 2^y, rounded down, for y in 32.32 fixed point. Requires: y < 64.
constexpr std::uint64_t Exp2(std::uint64_t y) {
  const std::uint64_t whole = y >> 32;
  REQUIRE(whole < 64);
  const std::uint64_t at = (y >> 24) & 0xff;
  const std::uint64_t rest = y & 0xff'ffff;  // of the step, times 2^24
  const std::uint64_t step = tables::kExp2[at + 1] - tables::kExp2[at];
  const std::uint64_t mantissa =
      tables::kExp2[at] + ((step * rest) >> 24);  // 1 <= m < 2, times 2^32
  return whole >= 32 ? mantissa << (whole - 32) : mantissa >> (32 - whole);
}

}  // namespace quorate::sim
