// engine/kv/state_machine.h — one namespace's rows and sessions, over the map port.
//
// Model: a deterministic function of the log. `Apply` takes entries in log order and writes rows, session
//   window, digest, revision and applied index in *one* map batch. Every (session, seq) takes effect at most
//   once; a retry gets the very bytes of the first reply, or its head. State does not have to fit in memory: rows are
//   read from the map; what is kept in memory is the table of sessions, without the replies.
// Invariants: applied rises by exactly one an entry; revision and digest are those of the rows and sessions;
//   equal applied index means equal digest on every replica; the digest kept incrementally equals the one
//   computed from scratch (`RecomputeDigest`).
// Errors: a status from the map means that nothing of the batch counts; the machine must not be applied to
//   again (its sessions are ahead of its map), and the node stops.
// Source: sessions as in the Raft dissertation 6.3.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/input.h"
#include "engine/kv/command.h"
#include "engine/kv/meta.h"
#include "engine/kv/session_table.h"
#include "engine/options.h"
#include "engine/ports.h"

namespace quorate {

class StateMachine {
 public:
  // Opens what the map holds in `space`; an empty space is a new-born namespace at applied = {0, 0}.
  // `map` must outlive the result.
  static absl::StatusOr<StateMachine> Open(MapPort& map, MapSpace space, const KvLimits& limits);

  EntryId applied() const { return meta_.applied; }
  Revision revision() const { return meta_.revision; }
  // Of rows and sessions; equal on every replica at equal applied index.
  Digest digest() const;
  const MapSpace& space() const { return space_; }
  std::size_t session_count() const { return sessions_.size(); }

  // Applies entries first, first + 1, … in one batch; results of commands and openings are appended.
  // A command that was refused by its session, or is none, took effect nowhere: `took_effect` is its index.
  // Requires: first = applied + 1; terms do not fall. No entries: no effect.
  absl::Status Apply(Index first, std::span<const Entry> entries,
                     std::vector<ApplyResult>& results);
  // The encoded reply to an encoded query, of the state as applied. Malformed: a reply that says so.
  absl::StatusOr<Payload> Answer(std::string_view query) const;

  absl::StatusOr<Digest> RecomputeDigest() const;

  // ---- state transfer ---------------------------------------------------------------------------------
  // Chunks are opaque bytes: rows of all tables in order, the last one with the digest of the whole. The meta
  // row travels last: a space that a transfer did not finish is nothing that could be opened.

  // Reads the chunk that starts behind position `from` (empty = the beginning) of a pinned space: about
  // `max_bytes`, at least one row. Errors: a position that no chunk gave out.
  struct Chunk {
    Payload rows;
    std::string next;  // position to go on from
    bool last = false;
  };
  static absl::StatusOr<Chunk> ReadChunk(const MapReader& pinned, std::string_view from,
                                         std::size_t max_bytes);
  // Writes one chunk into `space`, which nobody reads. With `last` set, checks the finished space: its
  // applied entry must be `entry` and its digest must be that of its content. The same chunk may come twice.
  // Errors: kInvalidArgument for bytes that are no chunk (nothing was written), kDataLoss for a finished
  // space that is not what its digest says (drop it), the map's own.
  static absl::Status InstallChunk(MapPort& map, MapSpace space, EntryId entry,
                                   std::string_view rows, bool last, const KvLimits& limits);
  // The entry as of which a pinned space is.
  static absl::StatusOr<EntryId> AppliedOf(const MapReader& pinned);

 private:
  struct Round;  // one Apply under way: what all of its entries share

  void OpenSession(Index index, const Entry& entry, Round& round);
  absl::Status ApplyCommand(Index index, const Entry& entry, Round& round);
  absl::StatusOr<Payload> RecordedReply(SessionId session, SessionSeq seq, Index took_effect,
                                        const Round& round) const;
  absl::StatusOr<Payload> AnswerGet(std::string_view key) const;
  absl::StatusOr<Payload> AnswerRange(std::string_view from, std::string_view to,
                                      std::uint64_t limit) const;

  MapPort* map_ = nullptr;
  MapSpace space_;
  KvLimits limits_;
  KvMeta meta_;
  SessionTable sessions_{KvLimits{}};
};

}  // namespace quorate
