// engine/kv/meta.h — the one row of a space that says as of when the others are.
//
// Model: written in the same batch as what it speaks of. A space without it is new-born, or unfinished.
// Stored: do not change the layout. Errors: a status for bytes that `EncodeMeta` would not have written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/raft/types.h"

namespace quorate {

inline constexpr std::string_view kMetaKey = "state";  // in Table::kMeta

struct KvMeta {
  EntryId applied;
  Revision revision;
  std::uint64_t row_digest = 0;      // sum over Table::kRow, mod 2^64
  std::uint64_t session_digest = 0;  // sum over Table::kSession and kSessionReply, mod 2^64
  std::uint64_t row_count = 0;       // of Table::kRow
  friend bool operator==(const KvMeta&, const KvMeta&) = default;
};

inline constexpr std::uint8_t kMetaFormat = 1;

inline std::string EncodeMeta(const KvMeta& meta) {
  std::string out;
  out.reserve(49);
  Encoder encoder(out);
  encoder.U8(kMetaFormat);
  encoder.U64(meta.applied.index.value());
  encoder.U64(meta.applied.term.value());
  encoder.U64(meta.revision.value());
  encoder.U64(meta.row_digest);
  encoder.U64(meta.session_digest);
  encoder.U64(meta.row_count);
  return out;
}

inline bool DecodeMeta(std::string_view bytes, KvMeta& meta) {
  Decoder decoder(bytes);
  const std::uint8_t format = decoder.U8();
  meta.applied.index = Index(decoder.U64());
  meta.applied.term = Term(decoder.U64());
  meta.revision = Revision(decoder.U64());
  meta.row_digest = decoder.U64();
  meta.session_digest = decoder.U64();
  meta.row_count = decoder.U64();
  return decoder.done() && format == kMetaFormat;
}

}  // namespace quorate
