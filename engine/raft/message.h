// engine/raft/message.h — what nodes say to each other.
//
// Model: one struct a message; `Message` is the closed list. `term` is always the sender's real current
//   term in the group. Sender, boot and link session travel in the frame around a message and are judged
//   before the engine sees it; the group stands in `PeerMessage`.
// Invariants: a reply repeats what identifies its request (campaign, prev index, read id, snapshot name).
// Source: Raft dissertation figures 3.1, 3.9, 5.3, 6.4; pre-vote 9.6; transfer 3.10.
#pragma once
#include <variant>
#include <vector>

#include "engine/raft/types.h"

namespace quorate {

enum class VoteKind : std::uint8_t {  // stored: do not renumber
  kPreVote = 1,
  kVote = 2,
  kTransferVote = 3,  // ordered by the leader: passes leader stickiness
};

struct VoteRequest {
  Term term;  // the candidate's real current term
  VoteKind kind;
  Term proposed;  // the term it asks a vote for: term + 1 in a pre-vote, else term
  Campaign campaign;
  EntryId last;  // the candidate's last entry
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

struct VoteReply {
  Term term;  // the replier's real current term
  VoteKind kind;
  Term proposed;  // repeated
  Campaign campaign;
  bool granted = false;
  DropReason reason = DropReason::kCount_;  // why not; kCount_ when granted
  friend bool operator==(const VoteReply&, const VoteReply&) = default;
};

struct AppendRequest {
  Term term;
  EntryId prev;       // the entry just before `entries`
  Index commit;       // the leader's commit index; may lie beyond what this message carries
  EntryList entries;  // empty: a probe
  friend bool operator==(const AppendRequest&, const AppendRequest&) = default;
};

enum class AppendVerdict : std::uint8_t {  // stored: do not renumber
  kAccepted = 1,   // everything up to `match` is the leader's and durable here
  kMismatch = 2,   // nothing of term prev.term at prev.index; `hint` says where to look next
  kStaleTerm = 3,  // the sender's term is over; `term` is the one that counts
  kNoSpace = 4,    // the disk is full: nothing was appended, ask again later
};

struct AppendReply {
  Term term;
  AppendVerdict verdict;
  Index match;   // kAccepted: prev.index + number of entries of that message, never more
  Index prev;    // kMismatch: the request's prev.index, repeated
  EntryId hint;  // kMismatch: an upper bound of where the logs can agree, and the term found there
  friend bool operator==(const AppendReply&, const AppendReply&) = default;
};

// "Everything up to this entry is committed." Says nothing unless the receiver holds that very entry.
// Needs no answer.
struct CommitNotice {
  Term term;
  EntryId entry;
  friend bool operator==(const CommitNotice&, const CommitNotice&) = default;
};

struct HeartbeatItem {
  GroupId group;
  Term term;
  ReadCounter counter;  // the latest read round of this leadership
  EntryId commit;       // at most what this peer is known to hold
  friend bool operator==(const HeartbeatItem&, const HeartbeatItem&) = default;
};
// One message a peer for all the groups that the sender leads; judged and answered per group.
struct Heartbeat {
  absl::InlinedVector<HeartbeatItem, 2> items;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

struct HeartbeatReplyItem {
  GroupId group;
  Term term;            // the replier's real current term
  ReadCounter counter;  // repeated
  // The replier is at exactly the asked term, a voter of the group, and neither candidate nor leader.
  bool follows = false;
  friend bool operator==(const HeartbeatReplyItem&, const HeartbeatReplyItem&) = default;
};
struct HeartbeatReply {
  absl::InlinedVector<HeartbeatReplyItem, 2> items;
  friend bool operator==(const HeartbeatReply&, const HeartbeatReply&) = default;
};

struct SnapshotChunk {
  Term term;
  SnapshotName name;
  std::uint64_t number = 0;  // of this chunk, from 0
  bool last = false;
  Payload rows;  // opaque to Raft: what the sender's state machine read, in key order
  // With every chunk, so that any of them may be the first to arrive:
  Index configuration_index;
  Configuration configuration;
  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};

enum class SnapshotVerdict : std::uint8_t {  // stored: do not renumber
  kWants = 1,  // send chunk `next` (it may be any earlier one: the receiver was restarted)
  kHolds =
      2,  // installed, or not needed: everything up to `match` is the leader's and durable here
  kStaleTerm = 3,
  kNoSpace = 4,
};
struct SnapshotReply {
  Term term;
  SnapshotName name;  // repeated
  SnapshotVerdict verdict;
  std::uint64_t next = 0;
  Index match;
  friend bool operator==(const SnapshotReply&, const SnapshotReply&) = default;
};

// "Campaign now, without a pre-vote; I have stopped taking proposals."
struct TimeoutNow {
  Term term;
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

// A follower asks at which index its reads may be answered. `id` names the question at the follower only;
// what confirms it is a counter that the leader makes.
struct ReadIndexRequest {
  Term term;
  std::uint64_t id = 0;
  friend bool operator==(const ReadIndexRequest&, const ReadIndexRequest&) = default;
};
struct ReadIndexReply {
  Term term;
  std::uint64_t id = 0;
  bool confirmed = false;  // false: not leader (any more), ask again
  Index index;
  friend bool operator==(const ReadIndexReply&, const ReadIndexReply&) = default;
};

// A write that a client gave to a node which does not lead. The node keeps it and sends it again on a
// leader change; (session, seq) makes that safe.
struct ForwardedRequest {
  RequestId id;  // at the forwarding node
  EntryKind kind = EntryKind::kCommand;
  Payload payload;
  friend bool operator==(const ForwardedRequest&, const ForwardedRequest&) = default;
};
struct Forward {
  Term term;
  absl::InlinedVector<ForwardedRequest, 1> requests;
  friend bool operator==(const Forward&, const Forward&) = default;
};
enum class ForwardVerdict : std::uint8_t {  // stored: do not renumber
  kApplied = 1,    // `result` is what the state machine answered at `index`
  kNotLeader = 2,  // not appended by this message; ask the leader
  kBusy = 3,       // not appended by this message: a limit was reached
  kNoSpace = 4,    // not appended by this message: the leader's disk is full
};
struct ForwardedOutcome {
  RequestId id;  // repeated
  ForwardVerdict verdict;
  Index index;  // kApplied: of the entry that took effect first
  Payload result;
  friend bool operator==(const ForwardedOutcome&, const ForwardedOutcome&) = default;
};
struct ForwardReply {
  Term term;
  absl::InlinedVector<ForwardedOutcome, 1> outcomes;
  friend bool operator==(const ForwardReply&, const ForwardReply&) = default;
};

using Message = std::variant<VoteRequest, VoteReply, AppendRequest, AppendReply, CommitNotice,
                             Heartbeat, HeartbeatReply, SnapshotChunk, SnapshotReply, TimeoutNow,
                             ReadIndexRequest, ReadIndexReply, Forward, ForwardReply>;

struct PeerMessage {
  GroupId group;  // kEveryGroup for Heartbeat and HeartbeatReply
  Message message;
  friend bool operator==(const PeerMessage&, const PeerMessage&) = default;
};

const char* NameOf(const Message& message);
std::string Render(const PeerMessage& message);

}  // namespace quorate
