#include "sim/history/chunk.h"

#include <string>

#include "engine/base/bytes.h"
#include "engine/kv/row.h"

namespace quorate::sim {

std::optional<ChunkRows> RowsOfChunk(std::string_view bytes) {
  Decoder in(bytes);
  in.U32();  // crc: that the bytes arrived well is another's business
  ChunkRows found;
  while (in.ok() && in.left() > 0) {
    const std::uint8_t table = in.U8();
    if (table != static_cast<std::uint8_t>(Table::kRow)) {
      found.complete = true;  // another table, or the footer
      return found;
    }
    const std::string_view key = in.Bytes();
    RowView row;
    if (!DecodeRow(in.Bytes(), row) || !in.ok()) return std::nullopt;
    found.rows.push_back({std::string(key), row.version, std::string(row.value)});
  }
  if (!in.ok()) return std::nullopt;
  return found;
}

}  // namespace quorate::sim
