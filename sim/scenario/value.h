// sim/scenario/value.h — what one key says: a number, a draw, or a distribution.
//
// Forms: a number of the field's unit or one of its words · {"swarm":[low,high],"scale","off"} ·
//   {"one_of":[…],"off"} · (per event) [low,high] · {"dist":…,"min","mean","max","off"}, whose
//   parameters may be draws again.
// Invariants kept: low <= high, min <= mean <= max for every value that could be drawn, all within
//   the field's range, a scale "log" above zero.
// Errors: a complaint with the path of the part that is wrong.
#pragma once
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/scenario/fields.h"

namespace quorate::sim {

// The value of `field` that stands at `path`. Requires: the field is not Special.
absl::StatusOr<Setting> ReadSetting(const Field& field, std::string_view path, const Json& json);

// The field's default, read by the same code.
const Setting& DefaultOf(const Field& field);

}  // namespace quorate::sim
