// engine/effect.h — everything the engine may ever ask for.
//
// Model: a closed list of comparable values, carried out in order by the host. `after` names the write that
//   an effect rests on: the host holds it until `Persisted{upto >= after}` has come in. 0 = no write.
// Order: effects are carried out in order; what is held is released as soon as its own `after` is durable,
//   in order only within (receiver, group); messages of every group at once (heartbeats) in no order.
#pragma once
#include <variant>
#include <vector>

#include "engine/input.h"
#include "engine/record.h"

namespace quorate {

struct Persist {
  PersistSeq seq;
  std::vector<LogRecord> records;
  friend bool operator==(const Persist&, const Persist&) = default;
};
struct Send {
  NodeId to;
  LinkSession session;  // dropped if the link has another one by the time it leaves
  PersistSeq after;
  PeerMessage message;
  friend bool operator==(const Send&, const Send&) = default;
};
// Applies entries first, first + 1, … to the state machine. Answered by `Applied`.
struct Apply {
  GroupId group;
  Generation generation;
  PersistSeq after;
  Index first;
  EntryList entries;
  friend bool operator==(const Apply&, const Apply&) = default;
};
struct QueryItem {
  RequestId request;
  Payload query;
  friend bool operator==(const QueryItem&, const QueryItem&) = default;
};
// Reads the state machine, which has applied at least `after_applied`. Answered by `Answered`.
struct RunQuery {
  PortRequest id;
  GroupId group;
  Index after_applied;
  std::vector<QueryItem> items;
  friend bool operator==(const RunQuery&, const RunQuery&) = default;
};

// What a client is told. Not a status: *unknown* is a value of its own.
enum class OutcomeKind : std::uint8_t {
  kDone,        // committed (a write) or confirmed (a read); `result` says what happened
  kNotApplied,  // certainly not applied, and never will be
  kUnknown,     // may have been applied, or may still be
};
enum class Refusal : std::uint8_t {
  kNone,
  kNoLeader,  // no leader was found in time
  kTimeout,
  kBusy,  // a limit of this node or of the leader was reached
  kNoSpace,
  kTooBig,
  kNoSuchNamespace,
  kMalformed,
  kStopped,  // this node has stopped
};
const char* NameOf(OutcomeKind kind);
const char* NameOf(Refusal refusal);
struct Outcome {
  OutcomeKind kind = OutcomeKind::kUnknown;
  Refusal refusal = Refusal::kNone;
  // Where it takes its place in the namespace's order: a write (and a refused one) at the index where it
  // was applied first, a read behind the index of the state it read. 0 unless kDone.
  Index serial;
  Payload result;  // encoded KvReply or CatalogueReply; of kOpenSession empty: the id is `serial`
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
struct Reply {
  RequestId request;
  PersistSeq after;
  Outcome outcome;
  friend bool operator==(const Reply&, const Reply&) = default;
};

// Answered by `LogRead` with entries first.. <= last, as many as `max_bytes` allows, at least one.
struct ReadLog {
  PortRequest id;
  GroupId group;
  Index first;
  Index last;
  std::size_t max_bytes = 0;
  friend bool operator==(const ReadLog&, const ReadLog&) = default;
};
// Pins the state machine as it is. Answered by `SnapshotOpened`. At most one view a group is open.
struct OpenSnapshot {
  PortRequest id;
  GroupId group;
  friend bool operator==(const OpenSnapshot&, const OpenSnapshot&) = default;
};
// Reads chunk `number` of the pinned view. Answered by `ChunkRead`.
struct ReadChunk {
  PortRequest id;
  GroupId group;
  std::uint64_t number = 0;
  friend bool operator==(const ReadChunk&, const ReadChunk&) = default;
};
struct CloseSnapshot {
  GroupId group;
  friend bool operator==(const CloseSnapshot&, const CloseSnapshot&) = default;
};
// Writes a received chunk into `generation`, which nobody reads yet. Answered by `ChunkInstalled`;
// for the last one only when the whole was checked against its digest.
struct InstallChunk {
  PortRequest id;
  GroupId group;
  Generation generation;
  EntryId entry;  // the state that the chunks make up
  std::uint64_t number = 0;
  bool last = false;
  Payload rows;
  friend bool operator==(const InstallChunk&, const InstallChunk&) = default;
};
// Makes all that the map holds durable. Answered by `MapFlushed`.
struct FlushMap {
  PortRequest id;
  friend bool operator==(const FlushMap&, const FlushMap&) = default;
};
// From now on the group's state machine is the one in `generation`; the others go.
// Answered by `GenerationSwitched`. For a group just born: opens an empty state machine.
struct SwitchGeneration {
  GroupId group;
  Generation generation;
  PersistSeq after;
  friend bool operator==(const SwitchGeneration&, const SwitchGeneration&) = default;
};
// An abandoned transfer's rows, or a dropped namespace's.
struct DropGeneration {
  GroupId group;
  Generation generation;
  PersistSeq after;
  friend bool operator==(const DropGeneration&, const DropGeneration&) = default;
};
enum class StopReason : std::uint8_t { kDataLoss, kStorageFailed };
const char* NameOf(StopReason reason);
// The node serves nothing from now on.
struct Stop {
  StopReason reason;
  friend bool operator==(const Stop&, const Stop&) = default;
};

using Effect =
    std::variant<Persist, Send, Apply, RunQuery, Reply, ReadLog, OpenSnapshot, ReadChunk,
                 CloseSnapshot, InstallChunk, FlushMap, SwitchGeneration, DropGeneration, Stop>;
using Effects = std::vector<Effect>;

const char* NameOf(const Effect& effect);
std::string Render(const Effect& effect);

}  // namespace quorate
