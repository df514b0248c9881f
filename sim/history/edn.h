// sim/history/edn.h — reads Extensible Data Notation, as Jepsen and Porcupine write it.
//
// Model: a value is a tree. Of numbers only whole ones matter, other atoms are text that is the same for equal
//   values (2/4 is 1/2, 1.50 is 1.5, \u0041 is \A). Comments, metadata and what stands behind #_ are not there.
// Errors: InvalidArgument "line N: …" at the first byte that cannot go on. Depth is limited.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

struct Edn {
  enum class Kind : std::uint8_t {
    kNil,
    kInteger,
    kString,
    kKeyword,
    kSymbol,  // and characters, and numbers that are not whole or very great
    kSequence,
    kSet,
    kMap,
  };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;  // kInteger
  std::string text;          // kString; kKeyword with its colon; kSymbol
  std::string tag;           // what stood before it, with the #; several one behind the other
  std::vector<Edn> items;    // kSequence; kSet; kMap: key, value, key, value, …
  std::size_t line = 0;      // where it begins, from 1

  // The value of a keyword in a map; nullptr if there is none.
  const Edn* Find(std::string_view keyword) const;
  bool is_nil() const { return kind == Kind::kNil && tag.empty(); }
};

// As it would be written, on one line; the same text for equal values, and for them alone.
std::string Render(const Edn& value);

// All values of the text, one behind the other.
absl::StatusOr<std::vector<Edn>> ReadEdn(std::string_view text);

}  // namespace quorate::sim
