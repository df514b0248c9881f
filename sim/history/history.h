// sim/history/history.h — what clients asked and what they were told, in the order in which it happened.
//
// Model: a history is a list of operations. Each has a place where it was invoked and, unless it is still
//   open, a place where it completed; places are positions in one total order (the order in which the
//   recorder was told, which is the order of the lines of a written history). Checkers use places as time,
//   never nanoseconds: many events share one virtual instant and would count as concurrent.
//   Outcomes: `kOk` the reply is known; `kFail` *proved* not applied, ever; `kInfo` anything else. After an
//   info a process is dead and its client goes on under a new process number, since the operation may
//   still take effect at any later time.
//   A retry under the same (session, sequence number) is the same operation: it stays open meanwhile.
// Invariants: a process has at most one open operation; invoked < completed; places are unique.
// Units: places are counts from 0; `event` is the world's event number; times are virtual nanoseconds.
// Errors: wrong calls are assertions.
// Source: Herlihy and Wing 1990 (histories); the Jepsen and Knossos rule for unknown outcomes.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/base/bytes.h"
#include "engine/base/strong.h"
#include "engine/kv/command.h"

namespace quorate::sim {

using OpId = Strong<struct OpIdTag>;  // position in `History::operations`
using Place =
    Strong<struct PlaceTag>;  // position in the total order of invocations and completions
using Process = Strong<struct ProcessTag>;  // a logical client: dead after an info

inline constexpr Place kNoPlace{~std::uint64_t{0}};

enum class OutcomeClass : std::uint8_t { kOk, kFail, kInfo };
const char* NameOf(OutcomeClass outcome);

// The opening of a session. Its reply is an empty KvReply; the session's id is the serial index.
struct SessionOpening {
  friend bool operator==(const SessionOpening&, const SessionOpening&) = default;
};
// A query; `stale` = of whatever the node had applied: legal where it stands, but free in real time.
struct Read {
  Query query;
  bool stale = false;
  friend bool operator==(const Read&, const Read&) = default;
};
using Call = std::variant<Command, Read, SessionOpening>;
std::string Render(const Call& call);

// What a client wants, as the world hands it to the recorder.
struct Invocation {
  std::uint64_t event = 0;
  std::int64_t ns = 0;
  std::uint64_t client = 0;  // < kProcessStride
  GroupId group;
  Call call;
  SessionId session;  // 0: the node lends one (or a read)
  SessionSeq seq;
};

struct Completion {
  std::uint64_t event = 0;
  std::int64_t ns = 0;
  OutcomeClass outcome = OutcomeClass::kInfo;
  KvReply reply;  // of kOk
  // Of kOk: where it takes its place. A write at the index where it was applied first, a read behind the
  // index of the state it read. 0 = not known (histories that were recorded elsewhere).
  Index serial;
  NodeId node;  // who answered
  friend bool operator==(const Completion&, const Completion&) = default;
};

struct Operation {
  Process process;
  GroupId group;
  Call call;
  SessionId session;
  SessionSeq seq;
  std::uint64_t event = 0;
  std::int64_t ns = 0;
  Place invoked;
  Place completed = kNoPlace;
  // Of an info that `ResolveInfos` found committed: it took effect before this place.
  Place over_by = kNoPlace;
  std::optional<Completion> completion;
  friend bool operator==(const Operation&, const Operation&) = default;

  // Still open counts as info: nobody knows.
  OutcomeClass outcome() const { return completion ? completion->outcome : OutcomeClass::kInfo; }
  bool ok() const { return outcome() == OutcomeClass::kOk; }
};
// One line: process, call, outcome, reply, places.
std::string Render(const Operation& operation);

struct HistoryHeader {
  std::uint64_t seed = 0;
  std::string commit;
  std::string scenario;  // digest of the scenario, in hex
  friend bool operator==(const HistoryHeader&, const HistoryHeader&) = default;
};

struct History {
  HistoryHeader header;
  std::vector<Operation> operations;  // by invocation
  friend bool operator==(const History&, const History&) = default;
};

// A client's nth life has process number client + n * stride.
inline constexpr std::uint64_t kProcessStride = 10'000;

class Recorder {
 public:
  Recorder() = default;
  explicit Recorder(HistoryHeader header) { history_.header = std::move(header); }

  // Opens an operation of the client. Requires: the client has none open.
  OpId Invoke(Invocation invocation);
  // Closes it. Requires: it is open.
  void Complete(OpId id, Completion completion);

  const Operation& at(OpId id) const { return history_.operations[id.value()]; }
  const History& history() const { return history_; }

 private:
  struct Client {
    std::uint64_t lives = 0;
    std::optional<OpId> open;
  };

  History history_;
  Place next_;
  absl::btree_map<std::uint64_t, Client> clients_;
};

// Which commands took effect, as the committed log says. Filled by the serial-point check.
class CommittedEffects {
 public:
  struct Key {
    GroupId group;
    SessionId session;
    SessionSeq seq;
    friend constexpr auto operator<=>(const Key&, const Key&) = default;
  };
  void Add(const Key& key, Index index) { by_session_.emplace(key, index); }
  // For clients that brought no session: the command as it stands in the entry.
  void AddContent(GroupId group, Digest command, Index index) {
    by_content_[{group, command}].push_back(index);
  }
  // What stands there was decided, and refused for its size: it changed nothing.
  void AddTooBig(GroupId group, Index index) { too_big_.insert({group, index}); }
  bool TooBig(GroupId group, Index index) const { return too_big_.contains({group, index}); }
  // Where it took effect; nullopt: nowhere.
  std::optional<Index> Find(const Key& key) const;
  const std::vector<Index>& FindContent(GroupId group, Digest command) const;

 private:
  absl::btree_map<Key, Index> by_session_;
  absl::btree_map<std::pair<GroupId, Digest>, std::vector<Index>> by_content_;
  absl::btree_set<std::pair<GroupId, Index>> too_big_;
};

// The same history with its unknown outcomes resolved from the committed log, which makes a search
// possible that is otherwise exponential in their number:
//   - a write that took effect nowhere becomes a fail; so does one that was refused for its size;
//   - one that took effect at index i stays an info, but is `over_by` the completion of the earliest
//     operation of its group that has seen an index >= i;
//   - one that was refused for its session is the one or the other, as the log says;
//   - a read that ended in an info stays one: it constrains nothing.
// A write of a client without a session is resolved only if its command stands in the history once.
History ResolveInfos(const History& history, const CommittedEffects& effects);

}  // namespace quorate::sim
