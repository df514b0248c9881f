// sim/cases/codec.h — what an engine boots from, is given and asks for, as bytes.
//
// Model: one list of fields for each type, walked by the writer and by the reader. The lists are closed: a new
//   kind of input, effect or record, and a new field of any of them, break the build here. Values that travel or
//   stand on disk anyway (messages, entries, configurations) keep the one encoding that they have there.
// Invariants: Decode(Encode(x)) == x; equal effects have equal digests, whatever program computes them.
// Errors: decoding refuses with InvalidArgument: short or trailing bytes, unknown tags and enum values.
// Stored: recorded cases hold these bytes and digests: never renumber a tag, add fields at the end.
#pragma once
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/effect.h"
#include "engine/input.h"
#include "engine/record.h"

namespace quorate::sim {

std::string EncodeInput(const Input& input);
absl::StatusOr<Input> DecodeInput(std::string_view bytes);

std::string EncodeRecovered(const Recovered& recovered);
absl::StatusOr<Recovered> DecodeRecovered(std::string_view bytes);

// Of all that is in them, payloads included, in their order.
Digest DigestOfEffects(const Effects& effects);

}  // namespace quorate::sim
