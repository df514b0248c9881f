// engine/kv/row.h — what stands in the map for one row, and how state is digested.
//
// Model: a stored row is {version, expiry, flags, value} under its key. `RowView` points into stored bytes.
//   The digest of a state is the sum, mod 2^64, of the digests of its map rows: it can be kept up row by
//   row, and does not depend on the order in which rows came about.
// Stored: do not change the layout.
// Errors: `false` for bytes that `EncodeRow` would not have written.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/kv/command.h"
#include "engine/ports.h"

namespace quorate {

struct RowView {
  Version version;
  std::uint64_t expiry_ms = 0;
  std::uint32_t flags = 0;
  std::string_view value;
};
std::string EncodeRow(const RowView& row);
bool DecodeRow(std::string_view bytes, RowView& row);

// What one row of the map adds to the digest of its state.
inline std::uint64_t DigestOfMapRow(Table table, std::string_view key, std::string_view value) {
  const Digest of_key = DigestOf(key, static_cast<std::uint64_t>(table));
  return DigestOf(value, of_key.value).value;
}

// A number as a key that sorts as the number does, in as few bytes as it needs: length, then big-endian.
void AppendOrdered(std::uint64_t number, std::string& out);
std::uint64_t TakeOrdered(Decoder& decoder);  // fails the decoder if it is not the shortest form

}  // namespace quorate
