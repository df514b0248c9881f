// engine/raft/types.h — the values that Raft is made of.
//
// Model: plain values, comparable. An entry's index is its place, so an entry does not carry it.
// Source: Raft dissertation 3.3–3.6.
#pragma once
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/payload.h"
#include "engine/base/strong.h"
#include "engine/raft/configuration.h"

namespace quorate {

// One record on disk, always written whole: a term without its vote would allow a second vote.
struct HardState {
  Term term;
  NodeId vote;  // in `term`; nobody = 0. Cleared only by a higher term.
  friend bool operator==(const HardState&, const HardState&) = default;
};

enum class EntryKind : std::uint8_t {  // stored: do not renumber
  kBarrier = 1,                        // empty; the first entry of every leadership
  kCommand = 2,                        // for the state machine: session, sequence number, command
  kOpenSession = 3,                    // opens a session whose id is this entry's index
  kConfiguration = 4,                  // an encoded Configuration
};

struct Entry {
  Term term;
  EntryKind kind = EntryKind::kBarrier;
  Payload payload;
  friend bool operator==(const Entry&, const Entry&) = default;
};
using EntryList = absl::InlinedVector<Entry, 2>;

// What an entry costs in windows and limits: its content and a flat share for the header.
inline constexpr std::size_t kEntryOverheadBytes = 24;
inline std::size_t CostOf(const Entry& entry) { return entry.payload.size() + kEntryOverheadBytes; }

struct EntryId {
  Index index;
  Term term;
  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };
const char* NameOf(Role role);
const char* NameOf(EntryKind kind);

// Where a group's log begins, and what stands in for everything before it: the state machine at
// `entry.index` in map generation `generation`, under `configuration`.
// For the system group the state machine itself (the catalogue) is in `catalogue`.
struct LogStart {
  Generation generation{1};
  EntryId entry;
  Index configuration_index;  // where `configuration` was appended; 0 = at birth
  Configuration configuration;
  Payload catalogue;
  friend bool operator==(const LogStart&, const LogStart&) = default;
};

// A transfer of one state to one peer. It resumes under the same name, else starts over.
struct SnapshotName {
  EntryId entry;          // the state is as of this entry
  Generation generation;  // at the sender
  BootNumber boot;        // of the sender
  friend bool operator==(const SnapshotName&, const SnapshotName&) = default;
};

// Why something was not done. Counted by reason: election livelocks are slow to diagnose without it.
// Its place in the list travels in vote replies: do not renumber, new ones go to the end.
enum class DropReason : std::uint8_t {
  kStaleTerm,
  kStaleLink,
  kUnknownGroup,
  kUnknownPeer,
  kNotInThisRole,
  kOtherCampaign,
  kHasLeader,     // vote refused: a leader was heard from lately
  kAlreadyVoted,  // vote refused: for somebody else in this term
  kLogBehind,     // vote refused: the candidate's log is behind mine
  kStaleReply,    // an answer to something that was overtaken
  kBelowCommit,   // a message about what is committed already
  kNoSpace,       // the disk is full
  kDiskStalled,   // no campaign, no leadership on a disk that does not answer
  kOtherSnapshot,
  kNotPromotable,  // not a voter, or its state is being replaced
  kQueueFull,
  kMalformed,
  kHandingOver,       // leadership is being handed over
  kTooMuchUnapplied,  // the map is behind by as much as it may be
  kChangePending,     // a configuration is being changed, or it is not known yet what is committed
  kOtherEpoch,        // the configuration is another one by now
  kOutOfContact,      // too few of those who are to vote are there
  kCount_,            // number of reasons; not a reason
};
const char* NameOf(DropReason reason);

}  // namespace quorate
