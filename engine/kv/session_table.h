// engine/kv/session_table.h — who has written what already: exactly-once for retried commands.
//
// Model: a session is opened by a log entry whose index is its id; a second copy of that entry is answered with
//   the first one's index (its nonce tells). It holds a window of sequence numbers
//   (floor, floor + window]; of each one applied it knows where that was and what was answered. In the map a
//   session is one header row and one row a reply, so a command writes O(1) bytes. In memory there is of
//   a reply only its place, head, size and digest; its rows are read from the map when a retry comes.
//   Only the client moves the window, by using higher numbers: what it still waits for is never refused because
//   of what else was answered. Replies that take too much room lose their rows, the lowest numbers first, and
//   keep status and revision.
// Invariants: floor < every recorded seq <= max_seq <= floor + window, rows of recorded replies <= window_bytes
//   (or of one alone), sessions <= max_sessions, floor never falls; the digest is that of the session rows that
//   `TakeHeaders` brings up to date. All of it is a function of the log: the least recently used session is the
//   one whose last use has the lowest index.
// Errors: a status where the map holds what no session table wrote. Requires: indexes passed in ascend.
// Source: Raft dissertation 6.3; the window instead of one outstanding request is our own.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "engine/base/strong.h"
#include "engine/kv/command_view.h"
#include "engine/kv/nonce_table.h"
#include "engine/options.h"
#include "engine/ports.h"

namespace quorate {

class SessionTable {
 public:
  explicit SessionTable(const KvLimits& limits);

  // Takes what the map holds. Requires: nothing was done with the table yet.
  absl::Status Load(const MapPort& map, const MapSpace& space);

  std::size_t size() const { return sessions_.size(); }
  std::uint64_t digest() const { return digest_; }

  enum class Judgement : std::uint8_t {
    kNew,      // to be applied
    kRetry,    // was applied at `took_effect`
    kUnknown,  // no such session, or behind its window: must not be applied
  };
  struct Verdict {
    Judgement judgement;
    Index took_effect;  // kRetry
    // kRetry of a command: the reply, if there are no rows (any more); else it is in the map.
    std::optional<ReplyHead> reply = {};
  };
  Verdict Judge(SessionId session, SessionSeq seq) const;

  // Opens the session of the entry at `index`, unless a copy of it did so before; the least recently used ones
  // go if there are too many. Bytes that are no nonce have no copies.
  Verdict Open(Index index, std::string_view nonce, std::vector<MapChange>& changes);
  // A retry came in at `index`: the session is in use. Requires: Judge said kRetry.
  void Touch(SessionId session, Index index);
  // The command (session, seq) was applied at `index` and answered with `reply`. Requires: Judge said kNew.
  void Record(SessionId session, SessionSeq seq, Index index, std::string_view reply,
              std::vector<MapChange>& changes);
  // The header rows of all sessions that were used since the last call, and the rows of nonces.
  void TakeHeaders(std::vector<MapChange>& changes);

  // The reply recorded in the map.
  static absl::StatusOr<std::string> ReadReply(const MapPort& map, const MapSpace& space,
                                               SessionId session, SessionSeq seq);
  // Whether key and value are such as this table writes. Requires: table is kSession or kSessionReply.
  static bool IsRow(Table table, std::string_view key, std::string_view value);

 private:
  struct Recorded {
    SessionSeq seq;
    Index took_effect;
    ReplyHead head;
    std::size_t bytes = 0;     // of the reply, without its head
    std::uint64_t digest = 0;  // of its map row
  };
  struct Session {
    SessionSeq max_seq;
    SessionSeq floor;  // nothing at or below is applied any more
    Index last_used;
    std::vector<Recorded> window;  // by seq, ascending
    std::size_t window_bytes = 0;
    std::uint64_t header_digest = 0;  // of the header row as `digest_` counts it
    bool header_changed = false;
  };
  using Sessions = absl::btree_map<SessionId, Session>;

  absl::Status LoadHeader(const MapRow& row);
  absl::Status LoadReply(const MapRow& row);
  void Use(SessionId id, Session& session, Index index);
  // Puts the reply's row into the map, counted in `digest_`.
  void Write(SessionId id, Recorded& recorded, std::string_view reply,
             std::vector<MapChange>& changes);
  void MakeRoom(SessionId id, Session& session, SessionSeq newest, std::vector<MapChange>& changes);
  void DropOldest(SessionId id, Session& session, std::size_t count,
                  std::vector<MapChange>& changes);
  void Evict(std::vector<MapChange>& changes);
  void ForgetNonces(NodeId node, std::vector<MapChange>& changes);

  std::size_t max_sessions_;
  std::size_t window_;
  std::size_t window_bytes_;
  std::size_t nonce_window_;
  Sessions sessions_;
  absl::btree_map<Index, SessionId> by_last_use_;
  std::vector<SessionId> header_changed_;
  NonceTable nonces_;
  absl::btree_map<NodeId, std::uint64_t> nonce_digests_;  // of the rows as `digest_` counts them
  std::vector<NodeId> nonces_changed_;
  std::uint64_t digest_ = 0;
};

}  // namespace quorate
