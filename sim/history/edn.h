// sim/history/edn.h — reads Extensible Data Notation, as Jepsen and Porcupine write it.
//
// Model: a value is a tree; of numbers only whole ones matter, other atoms keep their text. Tags are dropped,
//   what they stand before is kept.
// Errors: InvalidArgument "line N: …" at the first byte that cannot go on. Depth is limited.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

struct Edn {
  enum class Kind : std::uint8_t { kNil, kInteger, kString, kKeyword, kSymbol, kSequence, kMap };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;  // kInteger
  std::string text;          // kString; kKeyword with its colon; kSymbol
  std::vector<Edn> items;    // kSequence; kMap: key, value, key, value, …
  std::size_t line = 0;      // where it begins, from 1

  // The value of a keyword in a map; nullptr if there is none.
  const Edn* Find(std::string_view keyword) const;
  bool is_nil() const { return kind == Kind::kNil; }
};

// As it would be written; the same text for equal values, and for them alone.
std::string Render(const Edn& value);

// All values of the text, one behind the other.
absl::StatusOr<std::vector<Edn>> ReadEdn(std::string_view text);

}  // namespace quorate::sim
