// sim/history/chunk.h — the rows in a chunk of a transferred state, read by other code than the engine's.
//
// Model: a chunk is {crc, rows in the order of tables and keys, in the last one a footer}; docs/formats.md. Of the
//   tables only the rows proper are looked at: what else there is shows in digests.
// Errors: nullopt for bytes that are no chunk.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "engine/kv/command.h"

namespace quorate::sim {

struct ChunkRows {
  std::vector<ReplyRow> rows;  // with their values, as they stand in the chunk
  bool complete = false;       // no further row comes in a later chunk
};
std::optional<ChunkRows> RowsOfChunk(std::string_view bytes);

}  // namespace quorate::sim
