// engine/input.h — everything the engine may ever react to.
//
// Model: a closed list of comparable values. Time comes beside each input, as `Now`. Answers to questions carry the
//   question's `PortRequest` and may come late, failed, or never.
#pragma once
#include <variant>
#include <vector>

#include "engine/base/time.h"
#include "engine/raft/message.h"

namespace quorate {

// ---- from peers -------------------------------------------------------------------------------------
// A link to `peer` was agreed on: it is in its life `boot`, the link in its life `session` (at this node).
struct LinkUp {
  NodeId peer;
  BootNumber boot;
  LinkSession session;
  friend bool operator==(const LinkUp&, const LinkUp&) = default;
};
struct LinkDown {
  NodeId peer;
  LinkSession session;
  friend bool operator==(const LinkDown&, const LinkDown&) = default;
};
// What one peer sent in one frame. A frame of a session that is over is dropped.
struct FrameReceived {
  NodeId from;
  LinkSession session;
  std::vector<PeerMessage> messages;
  friend bool operator==(const FrameReceived&, const FrameReceived&) = default;
};

// ---- from the clock ---------------------------------------------------------------------------------
struct Wakeup {
  friend bool operator==(const Wakeup&, const Wakeup&) = default;
};

// ---- from the disk ----------------------------------------------------------------------------------
struct Persisted {
  PersistSeq upto;  // every write numbered <= upto is on stable storage
  friend bool operator==(const Persisted&, const Persisted&) = default;
};
// A write or a sync failed. Final: what came after the last `Persisted` may or may not be there.
struct PersistFailed {
  PersistSeq seq;
  friend bool operator==(const PersistFailed&, const PersistFailed&) = default;
};
enum class Space : std::uint8_t { kEnough, kLow };
// Told before space runs out: what is written already will still fit; hard states, barriers and
// configurations always do.
struct DiskSpace {
  Space space = Space::kEnough;
  friend bool operator==(const DiskSpace&, const DiskSpace&) = default;
};
struct LogRead {
  PortRequest id;
  GroupId group;
  Index first;
  EntryList entries;  // as many as the limit allowed, at least one
  bool ok = true;     // false: the store could not read what it holds
  friend bool operator==(const LogRead&, const LogRead&) = default;
};

// ---- from the state machines ------------------------------------------------------------------------
struct ApplyResult {
  Index index;  // of the entry in this batch
  Index
      took_effect;  // of the entry that took effect first: smaller for a retry answered from the table
  // An encoded KvReply; of kOpenSession: empty (the session's id is `took_effect`), or the refusal of a copy
  // whose first one is forgotten.
  Payload reply;
  friend bool operator==(const ApplyResult&, const ApplyResult&) = default;
};
struct Applied {
  GroupId group;
  Generation generation;
  EntryId upto;
  std::vector<ApplyResult> results;  // of commands and session openings, in order
  bool ok = true;                    // false: the map failed; the node stops
  friend bool operator==(const Applied&, const Applied&) = default;
};
struct QueryAnswer {
  RequestId request;
  Payload reply;
  friend bool operator==(const QueryAnswer&, const QueryAnswer&) = default;
};
struct Answered {
  PortRequest id;
  GroupId group;
  EntryId at;  // the state that was read
  std::vector<QueryAnswer> answers;
  bool ok = true;
  friend bool operator==(const Answered&, const Answered&) = default;
};
struct SnapshotOpened {
  PortRequest id;
  GroupId group;
  EntryId entry;  // the pinned state is as of this entry
  Generation generation;
  bool ok = true;
  friend bool operator==(const SnapshotOpened&, const SnapshotOpened&) = default;
};
struct ChunkRead {
  PortRequest id;
  GroupId group;
  std::uint64_t number = 0;  // the one asked for, or 0 if the view ends before it
  Payload rows;
  bool last = false;
  bool ok = true;
  friend bool operator==(const ChunkRead&, const ChunkRead&) = default;
};
struct ChunkInstalled {
  PortRequest id;
  GroupId group;
  std::uint64_t number = 0;
  bool ok =
      true;  // false: these bytes are no chunk, or the finished state is not what its digest says
  friend bool operator==(const ChunkInstalled&, const ChunkInstalled&) = default;
};
struct FlushedGroup {
  GroupId group;
  Generation generation;
  Index applied;  // durable in the map
  friend bool operator==(const FlushedGroup&, const FlushedGroup&) = default;
};
struct MapFlushed {
  PortRequest id;
  std::vector<FlushedGroup> groups;
  bool ok = true;
  friend bool operator==(const MapFlushed&, const MapFlushed&) = default;
};
struct GenerationSwitched {
  GroupId group;
  Generation generation;
  EntryId applied;
  bool ok = true;
  friend bool operator==(const GenerationSwitched&, const GenerationSwitched&) = default;
};

// ---- from clients -----------------------------------------------------------------------------------
enum class RequestKind : std::uint8_t {
  kWrite,        // `payload` is an encoded Command
  kRead,         // `payload` is an encoded Query
  kStaleRead,    // as kRead, of whatever this node has applied
  kOpenSession,  // `payload` empty
  kCatalogue,    // `payload` is an encoded CatalogueCommand; group = kSystemGroup
};
struct ClientRequest {
  RequestId id;  // given by the clients port, never twice in a boot, ascending
  GroupId group;
  RequestKind kind = RequestKind::kWrite;
  SessionId session;  // 0: the node lends its own
  SessionSeq seq;
  Payload payload;
  Duration timeout;  // 0 = Options::request_timeout
  friend bool operator==(const ClientRequest&, const ClientRequest&) = default;
};
struct ClientRequests {
  std::vector<ClientRequest> requests;  // of one turn
  friend bool operator==(const ClientRequests&, const ClientRequests&) = default;
};
struct TransferLeadership {
  GroupId group;
  NodeId target;  // 0 = whoever is best
  friend bool operator==(const TransferLeadership&, const TransferLeadership&) = default;
};
// Changes who votes. Fixed for clients for now: tests propose it by hand.
struct ChangeConfiguration {
  GroupId group;
  absl::InlinedVector<MemberChange, 4> changes;  // empty: leave the joint state
  Transition transition = Transition::kAuto;
  std::uint64_t expected_epoch = 0;  // of the configuration it replaces
  friend bool operator==(const ChangeConfiguration&, const ChangeConfiguration&) = default;
};

using Input =
    std::variant<LinkUp, LinkDown, FrameReceived, Wakeup, Persisted, PersistFailed, DiskSpace,
                 LogRead, Applied, Answered, SnapshotOpened, ChunkRead, ChunkInstalled, MapFlushed,
                 GenerationSwitched, ClientRequests, TransferLeadership, ChangeConfiguration>;

const char* NameOf(const Input& input);

}  // namespace quorate
