// engine/kv/transfer.cc — a state machine's content as chunks, and chunks as a state machine.
//
// Model: a chunk is {crc of what follows, rows, in the last one: 0 and the digest of the whole}. The digest of
//   the whole is the sum over *all* rows, the meta row among them, and travels in the position from chunk
//   to chunk, so reading a chunk needs no state but its position. Tables go in the order of `kOrder`.
// Wire format: do not change the layouts.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/kv/row.h"
#include "engine/kv/scan.h"
#include "engine/kv/state_machine.h"

namespace quorate {
namespace {

// Meta last: until then the space cannot be opened.
constexpr std::array kOrder = {Table::kRow, Table::kSession, Table::kSessionReply, Table::kMeta};
constexpr std::uint8_t kFooter = 0;  // stands where a row's table would
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kMostChunkBytes = std::size_t{1} << 30;

struct Position {
  std::uint64_t sum = 0;  // of the digests of the rows before
  std::size_t at = 0;     // in kOrder
  std::string from;       // key of the next row
};

std::string EncodePosition(const Position& position) {
  std::string out;
  Encoder encoder(out);
  encoder.U64(position.sum);
  encoder.U8(static_cast<std::uint8_t>(position.at));
  encoder.Raw(position.from);
  return out;
}

bool DecodePosition(std::string_view bytes, Position& position) {
  if (bytes.empty()) return true;
  Decoder decoder(bytes);
  position.sum = decoder.U64();
  position.at = decoder.U8();
  position.from = decoder.Rest();
  return decoder.ok() && position.at < kOrder.size();
}

void PutCrc(std::string& chunk) {
  std::string crc;
  Encoder(crc).U32(Crc32c(std::string_view(chunk).substr(kCrcBytes)));
  chunk.replace(0, kCrcBytes, crc);
}

std::optional<std::size_t> PlaceOf(std::uint8_t table) {
  for (std::size_t at = 0; at < kOrder.size(); ++at) {
    if (static_cast<std::uint8_t>(kOrder[at]) == table) return at;
  }
  return std::nullopt;
}

bool IsRowOf(Table table, std::string_view key, std::string_view value) {
  KvMeta meta;
  RowView row;
  switch (table) {
    case Table::kMeta:
      return key == kMetaKey && DecodeMeta(value, meta);
    case Table::kRow:
      return DecodeRow(value, row);
    case Table::kSession:
    case Table::kSessionReply:
      return SessionTable::IsRow(table, key, value);
  }
  UNREACHABLE("a table's number was checked before");
}

struct Parsed {
  std::vector<MapChange> changes;
  std::optional<std::uint64_t> sum;  // of the whole; in the last chunk
};

// Everything is looked at before anything is written: bytes of a peer are nobody's word.
bool ParseChunk(std::string_view bytes, Parsed& parsed) {
  Decoder decoder(bytes);
  const std::uint32_t crc = decoder.U32();
  if (!decoder.ok() || crc != Crc32c(bytes.substr(kCrcBytes))) return false;
  std::size_t last_place = 0;
  std::string_view last_key;
  bool first = true;
  while (decoder.ok() && decoder.left() > 0) {
    const std::uint8_t tag = decoder.U8();
    if (tag == kFooter) {
      parsed.sum = decoder.U64();
      return decoder.done();
    }
    const std::optional<std::size_t> place = PlaceOf(tag);
    const std::string_view key = decoder.Bytes();
    const std::string_view value = decoder.Bytes();
    if (!decoder.ok() || !place.has_value()) return false;
    const Table table = kOrder[*place];
    const bool in_order = first || std::pair(last_place, last_key) < std::pair(*place, key);
    if (!in_order || !IsRowOf(table, key, value)) return false;
    parsed.changes.push_back({table, std::string(key), std::string(value)});
    last_place = *place;
    last_key = key;
    first = false;
  }
  return decoder.done();
}

struct Sums {
  std::uint64_t rows = 0;
  std::uint64_t sessions = 0;
  std::uint64_t all = 0;
  std::uint64_t row_count = 0;
};

absl::StatusOr<Sums> SumsOf(const MapPort& map, const MapSpace& space) {
  Sums sums;
  for (const Table table : kOrder) {
    const auto add = [&](const MapRow& row) -> absl::StatusOr<ScanStep> {
      const std::uint64_t digest = DigestOfMapRow(table, row.key, row.value);
      sums.all += digest;
      if (table == Table::kRow) sums.rows += digest;
      if (table == Table::kRow) ++sums.row_count;
      if (table == Table::kSession || table == Table::kSessionReply) sums.sessions += digest;
      return ScanStep::kGoOn;
    };
    absl::Status scanned = ScanRows(map, space, {table, {}, std::nullopt, kScanPage}, add);
    if (!scanned.ok()) return scanned;
  }
  return sums;
}

absl::Status CheckFinished(const MapPort& map, const MapSpace& space, EntryId entry,
                           std::uint64_t sum) {
  const absl::StatusOr<std::optional<std::string>> stored = map.Get(space, Table::kMeta, kMetaKey);
  if (!stored.ok()) return stored.status();
  KvMeta meta;
  if (stored->has_value() && !DecodeMeta(**stored, meta)) {
    return absl::DataLossError("the transferred meta row is none");
  }
  if (meta.applied != entry)
    return absl::DataLossError("the transferred state is as of another entry");
  const absl::StatusOr<Sums> sums = SumsOf(map, space);
  if (!sums.ok()) return sums.status();
  if (sums->all != sum) return absl::DataLossError("the transferred state is not what was sent");
  if (sums->rows != meta.row_digest || sums->sessions != meta.session_digest ||
      sums->row_count != meta.row_count) {
    return absl::DataLossError("the transferred state is not what its digest says");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StateMachine::Chunk> StateMachine::ReadChunk(const MapReader& pinned,
                                                            std::string_view from,
                                                            std::size_t max_bytes) {
  Position position;
  if (!DecodePosition(from, position))
    return absl::InvalidArgumentError("no position in a transfer");
  std::string bytes(kCrcBytes, '\0');
  Encoder encoder(bytes);
  const std::size_t full = kCrcBytes + std::clamp<std::size_t>(max_bytes, 1, kMostChunkBytes);
  bool stopped = false;
  while (position.at < kOrder.size() && !stopped) {
    const Table table = kOrder[position.at];
    const auto scan_page = [&](const std::string& begin) {
      const std::size_t room = bytes.size() < full ? full - bytes.size() : 1;
      return pinned.Scan(table, begin, std::nullopt, {.rows = 256, .bytes = room});
    };
    const auto take = [&](const MapRow& row) -> absl::StatusOr<ScanStep> {
      if (bytes.size() >= full) {
        position.from = row.key;
        stopped = true;
        return ScanStep::kStop;
      }
      encoder.U8(static_cast<std::uint8_t>(table));
      encoder.Bytes(row.key);
      encoder.Bytes(row.value);
      position.sum += DigestOfMapRow(table, row.key, row.value);
      return ScanStep::kGoOn;
    };
    const std::string begin = std::exchange(position.from, {});
    if (absl::Status scanned = ScanPages(begin, scan_page, take); !scanned.ok()) return scanned;
    if (!stopped) ++position.at;
  }
  Chunk chunk;
  chunk.last = !stopped;
  if (stopped) {
    chunk.next = EncodePosition(position);
  } else {
    encoder.U8(kFooter);
    encoder.U64(position.sum);
  }
  PutCrc(bytes);
  chunk.rows = Payload(std::move(bytes));
  return chunk;
}

absl::Status StateMachine::InstallChunk(MapPort& map, MapSpace space, EntryId entry,
                                        std::string_view rows, bool last, const KvLimits& limits) {
  Parsed parsed;
  if (!ParseChunk(rows, parsed) || parsed.sum.has_value() != last) {
    return absl::InvalidArgumentError("these bytes are no chunk of a state");
  }
  if (!parsed.changes.empty()) {
    if (absl::Status written = map.Write(space, parsed.changes); !written.ok()) return written;
  }
  if (!last) return absl::OkStatus();
  if (absl::Status checked = CheckFinished(map, space, entry, *parsed.sum); !checked.ok())
    return checked;
  // Opening it looks at what digests do not tell: replies without a session, or outside its window.
  return Open(map, space, limits).status();
}

absl::StatusOr<EntryId> StateMachine::AppliedOf(const MapReader& pinned) {
  const absl::StatusOr<std::optional<std::string>> stored = pinned.Get(Table::kMeta, kMetaKey);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return EntryId{};
  KvMeta meta;
  if (!DecodeMeta(**stored, meta)) return absl::DataLossError("the stored meta row is none");
  return meta.applied;
}

}  // namespace quorate
