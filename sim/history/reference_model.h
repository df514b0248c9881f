// sim/history/reference_model.h — one namespace, as its committed log says it must be.
//
// Model: applies entries in order, once, and remembers what was: rows with all their versions back to a
//   horizon, the revision at each index, and for each entry what it did. So it answers a query as of any
//   index that is kept. Written on its own from the contract in engine/kv/command.h; it shares the codec and
//   the envelope with the state machine and nothing else, so that a mistake has to be made twice.
//   Sessions: opened by an entry, whose index is the id; at a limit the one whose last use (opening, command,
//   retry) is oldest goes; a window of sequence numbers (floor, floor + window] with replies; beyond so many
//   bytes of rows the lowest numbers' replies lose theirs, but for the newest one; at or below the floor, or with no
//   session, a command is refused and not applied.
//   An opening with a nonce that took effect is answered with the first one's index; of a node's nonces those of its
//   last life count, in a window like that of a session.
// Invariants: indexes have no gap; revisions do not fall; each (session, seq) has one effect.
// Cost: O(log n) an entry, amortised; memory: the rows, versions since the horizon, and 16 bytes an entry.
// Errors: none; wrong calls are assertions.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kv/command.h"
#include "engine/options.h"
#include "engine/raft/types.h"

namespace quorate::sim {

// What one entry did.
struct EntryEffect {
  enum class Kind : std::uint8_t {
    kNothing,  // a barrier, a configuration
    kOpened,   // a session: its id is the index
    kApplied,  // a command, decided here for the first time (perhaps refused by its conditions)
    kRetried,  // answered as at `took_effect`
    kSessionUnknown,  // refused
    kMalformed,       // not a command
  };
  Kind kind = Kind::kNothing;
  SessionId session;
  SessionSeq seq;
  bool without_rows = false;  // kRetried: the session had no room for the first reply's rows
  Index took_effect;
  Digest command;  // of the encoded command
  KvReply reply;
  Digest reply_bytes;  // of the encoded reply; of the empty one for an opening
};

class ReferenceModel {
 public:
  // The namespace is empty as of `start`.
  ReferenceModel(const KvLimits& limits, Index start);

  // Requires: index = applied + 1. The result is valid until the next call.
  const EntryEffect& Apply(Index index, const Entry& entry);

  Index applied() const { return applied_; }
  Index horizon() const { return horizon_; }
  Revision revision() const { return revision_; }
  std::uint64_t evictions() const { return evictions_; }

  // What `query` must be told as of `at`. Requires: horizon <= at <= applied.
  KvReply Answer(const Query& query, Index at) const;
  // The rows with behind < key <= last (nullopt: to the end; "" as `behind`: from the beginning), with their
  // values. Requires: horizon <= at <= applied.
  std::vector<ReplyRow> RowsBetween(Index at, const std::string& behind,
                                    const std::optional<std::string>& last) const;
  // nullptr: before the horizon. Requires: start < at <= applied.
  const EntryEffect* EffectAt(Index at) const;
  // Kept for ever, for replays.
  struct Trace {
    Index took_effect;
    Digest reply_bytes;
  };
  const Trace& TraceAt(Index at) const;
  Index start() const { return start_; }

  // Nobody will ask for anything before `horizon` any more.
  void Forget(Index horizon);

 private:
  struct RowVersion {
    Index since;
    Version version;                   // {} = absent
    std::optional<std::string> value;  // nullopt = absent
  };
  using Rows = std::map<std::string, std::deque<RowVersion>, std::less<>>;
  struct Superseded {
    Index since;  // from here on the older versions are not current
    Rows::iterator row;
  };
  struct Done {
    Index at;
    std::size_t bytes = 0;  // of rows
    Digest reply_bytes;
    KvReply reply;
    bool without_rows = false;
  };
  struct Session {
    SessionSeq floor;
    SessionSeq highest;
    Index last_used;
    std::map<SessionSeq, Done> window;
    std::size_t bytes = 0;
  };
  using Sessions = std::map<SessionId, Session>;

  EntryEffect Decide(Index index, const Entry& entry);
  EntryEffect DecideOpening(Index index, std::string_view payload);
  EntryEffect DecideCommand(Index index, std::string_view payload);
  KvReply Execute(Index index, const Command& command);
  KvReply ExecuteBatch(Index index, const Batch& batch);
  KvReply Refuse(ReplyStatus status) const;
  KvReply Found(ReplyStatus status, const std::string& key) const;
  KvReply WriteOne(Index index, const std::string& key, const std::string& value);
  bool TooBig(const Command& command) const;

  const RowVersion& Current(std::string_view key) const;
  static const RowVersion* VersionAt(const std::deque<RowVersion>& versions, Index at);
  void Write(Index index, const std::string& key, std::optional<std::string> value);
  Revision RevisionAt(Index at) const;
  KvReply AnswerRange(const Range& range, Index at) const;

  void OpenSession(Index index);
  void Use(SessionId id, Session& session, Index index);
  void Remember(SessionId id, SessionSeq seq, const EntryEffect& effect, std::size_t reply_size);
  static void DropLowest(Session& session);

  KvLimits limits_;
  Index start_;
  Index applied_;
  Index horizon_;
  Revision revision_;
  Rows rows_;
  std::deque<Superseded> superseded_;
  struct RevisionSince {
    Index since;
    Revision revision;
  };
  std::deque<RevisionSince> revisions_;
  Sessions sessions_;
  std::map<Index, SessionId> by_use_;
  struct Asker {  // one node's nonces
    std::pair<Incarnation, BootNumber> life;
    Index last_used;
    std::map<SessionSeq, Index> opened;
  };
  std::map<NodeId, Asker> askers_;
  std::deque<EntryEffect> effects_;  // of (horizon, applied]
  std::vector<Trace> traces_;        // of (start, applied]
  std::uint64_t evictions_ = 0;
};

}  // namespace quorate::sim
