// engine/ports.h — what the host needs from the world.
//
// Model: interfaces declared by the one who needs them. Everything asynchronous is answered by an `Input`
//   that the driver feeds to the host later: no port calls back.
// Threads: none here; a port that uses one hands results over to the driver's thread.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/effect.h"

namespace quorate {

// The truth: one stream of records, durable in order.
class LogPort {
 public:
  virtual ~LogPort() = default;
  // Takes batch `seq`, the successor of the one before. Answered by Persisted{upto >= seq} or PersistFailed.
  virtual void Append(PersistSeq seq, std::span<const LogRecord> records) = 0;
  // End of a turn: what was appended is to be made durable now, with one sync for all.
  virtual void Sync() = 0;
  // Answered by LogRead. Sees what was appended before, durable or not.
  virtual void Read(const ReadLog& request) = 0;
};

// Which tables a group's derived state has. Stored: do not renumber.
enum class Table : std::uint8_t { kMeta = 1, kRow = 2, kSession = 3, kSessionReply = 4 };

// One group's derived state in one filling. Generations of a group never share rows.
struct MapSpace {
  GroupId group;
  Generation generation;
  friend constexpr auto operator<=>(const MapSpace&, const MapSpace&) = default;
};
struct MapRow {
  std::string key;
  std::string value;
  friend bool operator==(const MapRow&, const MapRow&) = default;
};
struct MapChange {
  Table table;
  std::string key;
  std::optional<std::string> value;  // nullopt = delete
};
struct MapLimit {
  std::size_t rows = 0;  // at most so many; >= 1
  std::size_t bytes =
      0;  // stop once this many bytes of keys and values were read (at least one row)
};
struct MapPage {
  std::vector<MapRow> rows;  // by key, ascending
  bool more = false;         // the limit ended it, not the range
};

// Reads one space: of the live map, or of a pinned state of it.
class MapReader {
 public:
  virtual ~MapReader() = default;
  virtual absl::StatusOr<std::optional<std::string>> Get(Table table,
                                                         std::string_view key) const = 0;
  // Rows with from <= key < to; `to` nullopt = to the table's end.
  virtual absl::StatusOr<MapPage> Scan(Table table, std::string_view from,
                                       std::optional<std::string_view> to,
                                       MapLimit limit) const = 0;
};

// Derived state: an ordered map, each batch all or nothing, no sync of its own. After a crash it is as it
// was at some batch at or after the last finished flush, a prefix in the order of writing.
class MapPort {
 public:
  virtual ~MapPort() = default;
  virtual absl::StatusOr<std::optional<std::string>> Get(const MapSpace& space, Table table,
                                                         std::string_view key) const = 0;
  virtual absl::StatusOr<MapPage> Scan(const MapSpace& space, Table table, std::string_view from,
                                       std::optional<std::string_view> to,
                                       MapLimit limit) const = 0;
  // Changes of one space in one atomic batch; a later change of the same key wins.
  virtual absl::Status Write(const MapSpace& space, std::span<const MapChange> changes) = 0;
  // Removes every row of the space.
  virtual absl::Status Drop(const MapSpace& space) = 0;
  // The spaces that hold at least one row, ascending.
  virtual absl::StatusOr<std::vector<MapSpace>> Spaces() const = 0;
  // The space as it is now, whatever is written later.
  virtual absl::StatusOr<std::unique_ptr<MapReader>> Pin(const MapSpace& space) const = 0;
  // Starts making everything written so far durable. The driver reports the end by Host::OnMapFlushed.
  virtual void StartFlush(PortRequest id) = 0;
};

struct Outgoing {
  NodeId to;
  LinkSession session;
  std::vector<PeerMessage> messages;  // one frame
};
class WirePort {
 public:
  virtual ~WirePort() = default;
  // May lose, delay, and (over a new session) reorder.
  virtual void Send(Outgoing frame) = 0;
};

class ClientsPort {
 public:
  virtual ~ClientsPort() = default;
  virtual void Answer(RequestId request, const Outcome& outcome) = 0;
};

class Replica;
// Sees what the engine is given, and what comes of it: for recordings. Changes nothing.
class StepWatch {
 public:
  virtual ~StepWatch() = default;
  // Just before the engine starts, and before it is given an input.
  virtual void OnStart(Now now) = 0;
  virtual void OnInput(Now now, const Input& input) = 0;
  // The step is made, its effects (`last_effects`) are not carried out yet.
  virtual void OnStepped(const Replica& replica) = 0;
};

}  // namespace quorate
