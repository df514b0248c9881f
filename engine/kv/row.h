// engine/kv/row.h — what stands in the map for one row, and how state is digested.
//
// Model: a stored row is {version, expiry, flags, value} under its key. `RowView` points into stored bytes.
//   A *tombstone* is a row without a value: a delete of an eventual era, kept until no older write of its key can
//   arrive. To whoever reads it is no row. A write of an eventual era names the version that it replaced.
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

// Flags of a stored row. Stored: do not renumber.
inline constexpr std::uint32_t kRowTombstone = 1;  // no value follows
inline constexpr std::uint32_t kRowReplaces =
    2;  // the version that it replaced stands before the value
inline constexpr std::uint32_t kRowFlags = kRowTombstone | kRowReplaces;

struct RowView {
  Version version;
  std::uint64_t expiry_ms = 0;
  std::uint32_t flags = 0;
  std::string_view value;
  Version replaced = {};  // kRowReplaces; else {}

  bool tombstone() const { return (flags & kRowTombstone) != 0; }
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
