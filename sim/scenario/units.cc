#include "sim/scenario/units.h"

#include <array>
#include <limits>
#include <optional>

#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

__extension__ typedef __int128 Wide;

struct Suffix {
  std::string_view text;
  std::int64_t times;     // of the unit's integer
  std::int64_t over = 1;  // divided by this
};
constexpr std::array kDurations{Suffix{"ns", 1},
                                Suffix{"us", 1'000},
                                Suffix{"ms", 1'000'000},
                                Suffix{"s", 1'000'000'000},
                                Suffix{"min", 60'000'000'000},
                                Suffix{"h", 3'600'000'000'000}};
constexpr std::array kSizes{Suffix{"B", 1}, Suffix{"KiB", 1 << 10}, Suffix{"MiB", 1 << 20},
                            Suffix{"GiB", 1 << 30}};
constexpr std::array kRates{Suffix{"/s", 1'000'000}, Suffix{"/min", 1'000'000, 60},
                            Suffix{"/h", 1'000'000, 3'600}};
constexpr std::array kDrifts{Suffix{"ppm", 1}};

constexpr std::int64_t kParts = std::int64_t{1} << 32;

struct Decimal {
  std::int64_t digits = 0;  // signed
  int decimals = 0;         // value = digits / 10^decimals
  std::string_view rest;    // what stands behind the number
};

absl::Status Reason(std::string_view why) { return absl::InvalidArgumentError(std::string(why)); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// [-]digits[.digits], and e[+-]digits where `exponent_allowed` (JSON's own numbers may have one).
absl::StatusOr<Decimal> ReadDecimal(std::string_view text, bool exponent_allowed) {
  const absl::Status too_many = Reason("more digits than fit");
  Decimal decimal;
  std::size_t at = 0;
  const bool negative = at < text.size() && text[at] == '-';
  if (negative) ++at;
  int taken = 0;
  bool any = false;
  for (bool fraction = false; at < text.size(); ++at) {
    if (text[at] == '.' && !fraction && any) {
      fraction = true;
      if (at + 1 == text.size() || !IsDigit(text[at + 1])) return Reason("not a number");
      continue;
    }
    if (!IsDigit(text[at])) break;
    any = true;
    if (decimal.digits != 0 || text[at] != '0') ++taken;
    if (taken > 18) return too_many;
    decimal.digits = decimal.digits * 10 + (text[at] - '0');
    if (fraction && ++decimal.decimals > 18) return too_many;
  }
  if (!any) return Reason("not a number");
  if (exponent_allowed && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool down = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    int exponent = 0;
    for (; at < text.size() && IsDigit(text[at]); ++at) {
      exponent = exponent * 10 + (text[at] - '0');
      if (exponent > 36) return too_many;
    }
    decimal.decimals += down ? exponent : -exponent;
  }
  for (; decimal.decimals > 0 && decimal.digits % 10 == 0; --decimal.decimals) decimal.digits /= 10;
  if (decimal.digits == 0) decimal.decimals = 0;
  for (; decimal.decimals < 0; ++decimal.decimals) {
    if (decimal.digits > std::numeric_limits<std::int64_t>::max() / 10) return too_many;
    decimal.digits *= 10;
  }
  if (decimal.decimals > 18) return too_many;
  if (negative) decimal.digits = -decimal.digits;
  decimal.rest = text.substr(at);
  return decimal;
}

Wide PowerOfTen(int exponent) {
  Wide power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

enum class Rounding { kExact, kNearest };

// digits * times / (10^decimals * over)
absl::StatusOr<std::int64_t> Scale(const Decimal& decimal, const Suffix& by, Rounding rounding) {
  const Wide top = static_cast<Wide>(decimal.digits) * by.times;
  const Wide bottom = PowerOfTen(decimal.decimals) * by.over;
  Wide value = top / bottom;
  const Wide rest = top % bottom;
  if (rest != 0 && rounding == Rounding::kExact) return Reason("more digits than fit");
  if (2 * rest >= bottom) ++value;
  if (2 * rest <= -bottom) --value;
  if (value > std::numeric_limits<std::int64_t>::max() / 4 ||
      value < std::numeric_limits<std::int64_t>::min() / 4) {
    return Reason("out of range");
  }
  return static_cast<std::int64_t>(value);
}

template <std::size_t n>
absl::StatusOr<std::int64_t> ReadSuffixed(const Json& json, const std::array<Suffix, n>& suffixes,
                                          Unit unit) {
  const std::string example = Cat("needs a unit, like ", ExampleOf(unit));
  if (json.kind == JsonKind::kNumber) return Reason(example);
  if (json.kind != JsonKind::kText) return Reason(Cat("must be like ", ExampleOf(unit)));
  const absl::StatusOr<Decimal> decimal = ReadDecimal(json.text, false);
  if (!decimal.ok()) {
    return Reason(Cat("\"", json.text, "\" is ", std::string(decimal.status().message()),
                      "; it must be like ", ExampleOf(unit)));
  }
  if (decimal->rest.empty()) return Reason(example);
  // Nine decimals and six are what ns and micro-events can hold; past them a text promises too
  // much.
  if (unit == Unit::kRate && decimal->decimals > 6) return Reason("more digits than fit");
  for (const Suffix& suffix : suffixes) {
    if (suffix.text != decimal->rest) continue;
    return Scale(*decimal, suffix, unit == Unit::kRate ? Rounding::kNearest : Rounding::kExact);
  }
  return Reason(Cat("wrong unit \"", decimal->rest, "\"; it must be like ", ExampleOf(unit)));
}

absl::StatusOr<std::int64_t> ReadBare(const Json& json, const Suffix& by, Unit unit) {
  if (json.kind != JsonKind::kNumber) {
    return Reason(Cat("must be a number without a unit, like ", ExampleOf(unit)));
  }
  const absl::StatusOr<Decimal> decimal = ReadDecimal(json.text, true);
  if (!decimal.ok()) return decimal.status();
  if (!decimal->rest.empty()) return Reason("not a number");
  if (unit == Unit::kCount && decimal->decimals > 0) return Reason("must be a whole number");
  if (decimal->decimals > 9) return Reason("more digits than fit");
  return Scale(*decimal, by, unit == Unit::kCount ? Rounding::kExact : Rounding::kNearest);
}

// Decimal with up to nine places, no trailing zeros.
std::string RenderParts(std::int64_t parts) {
  const bool negative = parts < 0;
  const Wide nano =
      (static_cast<Wide>(negative ? -parts : parts) * 1'000'000'000 + kParts / 2) / kParts;
  const auto whole = static_cast<std::int64_t>(nano / 1'000'000'000);
  std::string fraction =
      std::to_string(static_cast<std::int64_t>(nano % 1'000'000'000) + 1'000'000'000).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return Cat(negative ? "-" : "", whole, fraction.empty() ? "" : ".", fraction);
}

// The largest unit that divides the value.
template <std::size_t n>
std::string RenderSuffixed(std::int64_t value, const std::array<Suffix, n>& suffixes) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (value != 0 && value % suffixes[i].times == 0) best = i;
  }
  return Cat("\"", value / suffixes[best].times, suffixes[best].text, "\"");
}

std::string RenderRate(std::int64_t micro) {
  std::string fraction = std::to_string(micro % 1'000'000 + 1'000'000).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return Cat("\"", micro / 1'000'000, fraction.empty() ? "" : ".", fraction, "/s\"");
}

}  // namespace

const char* ExampleOf(Unit unit) {
  switch (unit) {
    case Unit::kDuration:
      return "\"250ms\"";
    case Unit::kProbability:
      return "0.03";
    case Unit::kRatio:
      return "0.9";
    case Unit::kDrift:
      return "\"200ppm\"";
    case Unit::kBytes:
      return "\"64KiB\"";
    case Unit::kRate:
      return "\"20/s\"";
    case Unit::kCount:
      return "8";
    case Unit::kWord:
      return "a word";
  }
  return "?";
}

std::string Render(Unit unit, std::int64_t value) {
  switch (unit) {
    case Unit::kDuration:
      return RenderSuffixed(value, kDurations);
    case Unit::kProbability:
    case Unit::kRatio:
      return RenderParts(value);
    case Unit::kDrift:
      return Cat("\"", value, "ppm\"");
    case Unit::kBytes:
      return RenderSuffixed(value, kSizes);
    case Unit::kRate:
      return RenderRate(value);
    case Unit::kCount:
    case Unit::kWord:
      return Cat(value);
  }
  return "?";
}

absl::StatusOr<std::int64_t> ParseScalar(Unit unit, const Json& json) {
  switch (unit) {
    case Unit::kDuration:
      return ReadSuffixed(json, kDurations, unit);
    case Unit::kProbability:
    case Unit::kRatio:
      return ReadBare(json, Suffix{"", kParts}, unit);
    case Unit::kDrift:
      return ReadSuffixed(json, kDrifts, unit);
    case Unit::kBytes:
      return ReadSuffixed(json, kSizes, unit);
    case Unit::kRate:
      return ReadSuffixed(json, kRates, unit);
    case Unit::kCount:
      return ReadBare(json, Suffix{"", 1}, unit);
    case Unit::kWord:
      return Reason("must be one of the words of this key");
  }
  return Reason("no such unit");
}

}  // namespace quorate::sim
