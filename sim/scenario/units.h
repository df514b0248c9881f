// sim/scenario/units.h — from the text of a number to an integer of its unit.
//
// Model: decimal digits, at most eighteen of them, become numerator and power of ten, then an
//   integer; no floating point in between. Durations "250ms" → ns; probabilities 0.03 → parts of
//   2^32; drift "200ppm" → ppm; sizes "64KiB" → bytes; rates "20/s" → micro-events a second; ratios
//   0.9 → parts of 2^32; counts 8.
// Rounding: to nearest for probabilities, ratios and rates; all others must be exact.
// Errors: a reason in words (no path): no unit, wrong unit, more digits than fit, not a number.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/scenario/json.h"

namespace quorate::sim {

enum class Unit : std::uint8_t {
  kDuration,     // "250ms": ns us ms s min h
  kProbability,  // 0.03: between 0 and 1
  kRatio,        // 0.9: any size
  kDrift,        // "200ppm"
  kBytes,        // "64KiB": B KiB MiB GiB
  kRate,         // "20/s": /s /min /h
  kCount,        // 8
  kWord,         // no number at all: one of the field's words
};

const char* ExampleOf(Unit unit);  // as it stands in a file, with its quotes: "\"250ms\"", "0.03"
// How a value of this unit is written; the inverse of ParseScalar up to rounding.
std::string Render(Unit unit, std::int64_t value);

// The value that `json` says. The message of an error is the reason alone.
absl::StatusOr<std::int64_t> ParseScalar(Unit unit, const Json& json);

}  // namespace quorate::sim
