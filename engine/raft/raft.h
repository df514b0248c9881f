// engine/raft/raft.h — one Raft group at one node.
//
// Model: a value that steps on inputs and writes what it wants done into an `Outbox`. What exists only in
//   one role lives in that role's type. Group, sender and link session were judged by the replica before.
// Invariants: `CheckInvariants`, after every step, on the state and on the step from the state before.
// Time: `Now` comes with each call; `NextWakeup` says when to call again. Errors: what a peer sends is never
//   asserted on: it is a counted drop.
// Source: Raft dissertation; every rule that was paid for by somebody stands in docs/raft.md.
//
// The code by protocol concern: raft.cc (terms, roles, dispatch), election.cc, replication.cc (leader),
// follower.cc, reads.cc, membership.cc, snapshot.cc, transfer in election.cc, invariants.cc.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/time.h"
#include "engine/input.h"
#include "engine/options.h"
#include "engine/raft/log.h"
#include "engine/raft/message.h"
#include "engine/raft/outbox.h"
#include "engine/raft/progress.h"
#include "engine/raft/quorum.h"

namespace quorate {

// Whom to tell what became of a proposal.
struct Proposer {
  NodeId node;
  BootNumber boot;  // of the node when it asked: request numbers begin anew with each boot
  RequestId request;
  friend constexpr auto operator<=>(const Proposer&, const Proposer&) = default;
};
struct ReadAsker {
  NodeId node;           // self: a read of this node
  BootNumber boot;       // of the node when it asked
  std::uint64_t id = 0;  // the asker's name for the question
  friend constexpr auto operator<=>(const ReadAsker&, const ReadAsker&) = default;
};

struct Follower {
  friend bool operator==(const Follower&, const Follower&) = default;
};

struct Candidacy {  // of a pre-candidate or a candidate
  VoteKind kind = VoteKind::kPreVote;
  Campaign campaign;
  NodeSet granted;
  NodeSet refused;
  friend bool operator==(const Candidacy&, const Candidacy&) = default;
};

struct Transfer {
  NodeId target;
  MonoTime give_up_at;
  bool ordered = false;  // TimeoutNow was sent
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

struct ReadRound {
  ReadCounter counter;  // 0: no round under way
  Index index;          // commit when it began
  std::vector<ReadAsker> askers;
  friend bool operator==(const ReadRound&, const ReadRound&) = default;
};

struct Unapplied {  // an entry of this leadership
  Index index;
  std::size_t bytes = 0;
  friend bool operator==(const Unapplied&, const Unapplied&) = default;
};

struct OpenView {       // the pinned state that peers are sent
  PortRequest opening;  // being opened; 0 once open
  SnapshotName name;    // once open
  Index configuration_index;
  Configuration configuration;  // as of name.entry
  Payload catalogue;            // of the system group: the one chunk there is
  friend bool operator==(const OpenView&, const OpenView&) = default;
};

struct Leader {
  Index barrier;                               // this leadership's first entry
  std::vector<Progress> peers;                 // every other member, by node
  absl::btree_map<Index, Proposer> proposals;  // whom to tell, by entry
  absl::btree_map<Proposer, Index>
      proposed;                     // the same, by whom: a request sent again is not appended again
  std::deque<Unapplied> unapplied;  // own entries that count as unapplied bytes, ascending
  std::size_t unapplied_bytes = 0;
  std::vector<ReadAsker> waiting_reads;
  ReadRound round;
  ReadCounter last_counter;
  std::optional<Transfer> transfer;
  std::optional<OpenView> view;
  NodeId failed_target;   // did not take over in time
  MonoTime failed_until;  // and is not chosen again before
  MonoTime offer_at;      // without space: when leadership is offered next
  friend bool operator==(const Leader&, const Leader&) = default;
};

using RoleState = std::variant<Follower, Candidacy, Leader>;

// A snapshot coming in, or having come in and not yet switched to.
enum class InstallPhase : std::uint8_t { kReceiving, kFlushing, kSwitching };
struct Incoming {
  InstallPhase phase = InstallPhase::kReceiving;
  NodeId from;
  SnapshotName name;
  Generation generation;  // being filled
  std::uint64_t next_chunk = 0;
  PortRequest installing{};  // a chunk is being written; 0 = none
  bool complete = false;     // the chunk being written, or the last written, is the last one
  Index configuration_index;
  Configuration configuration;
  Payload catalogue{};  // of the system group
  PortRequest flush{};  // kFlushing
  PersistSeq write{};   // kSwitching
  friend bool operator==(const Incoming&, const Incoming&) = default;
};

enum class ProposeResult : std::uint8_t { kAppended, kNotLeader, kHandingOver, kBusy, kNoSpace };
DropReason ReasonOf(ProposeResult refusal);

class Raft {
 public:
  Raft(NodeId self, BootNumber boot, const RecoveredGroup& recovered);

  // Sets timers. Once, before anything else.
  void Start(StepContext& context);

  // ---- inputs ------------------------------------------------------------------------------------------
  void OnMessage(StepContext& context, NodeId from, const Message& message);
  void OnHeartbeat(StepContext& context, NodeId from, const HeartbeatItem& item);
  void OnHeartbeatReply(StepContext& context, NodeId from, const HeartbeatReplyItem& item);
  void OnLinkUp(StepContext& context, NodeId peer);
  void OnTimer(StepContext& context);
  void OnPersisted(StepContext& context, PersistSeq upto);
  void OnLogRead(StepContext& context, const LogRead& read);
  void OnApplied(StepContext& context, const Applied& applied);
  void OnSnapshotOpened(StepContext& context, const SnapshotOpened& opened);
  void OnChunkRead(StepContext& context, const ChunkRead& read);
  void OnChunkInstalled(StepContext& context, const ChunkInstalled& installed);
  // A flush that covers everything asked for so far begins.
  void OnFlushStarted(PortRequest id);
  void OnMapFlushed(StepContext& context, const MapFlushed& flushed);
  void OnGenerationSwitched(StepContext& context, const GenerationSwitched& switched);

  // Appends a proposal, or counts why not; `proposer` is told when it has been applied, as long as this leadership lasts.
  // kBusy: what this leadership appended and its map has not applied yet is as much as there may be.
  ProposeResult Propose(StepContext& context, EntryKind kind, Payload payload, Proposer proposer);
  // Asks at which index reads that are waiting now may be answered; told through the outbox.
  // false: does not lead, or too many are waiting.
  bool AskReadIndex(StepContext& context, ReadAsker asker);
  // Without space a leader hands over.
  void OfferLeadership(StepContext& context);
  // `target` 0: of the voters that were heard from lately the one with most of the log, but not at once the one
  // that did not take over the last time. false: does not lead, another transfer is under way, or nobody can.
  bool StartTransfer(StepContext& context, NodeId target);
  // Appends a configuration, or counts why not.
  absl::Status ProposeConfiguration(StepContext& context, const ChangeConfiguration& change);
  // Says something in the group's name: not before its term and vote are durable, nor before `after`.
  void Send(StepContext& context, NodeId to, Message message, PersistSeq after = PersistSeq());
  // Sends what the step made possible: entries, commit notices, applies. Once at the end of each step.
  void Finish(StepContext& context);

  // ---- state, for the replica, checkers and traces -----------------------------------------------------
  GroupId group() const { return group_; }
  NodeId self() const { return self_; }
  Term term() const { return hard_.term; }
  const HardState& hard_state() const { return hard_; }
  Role role() const;
  NodeId leader() const { return leader_; }  // as far as known; 0 = nobody
  const RaftLog& log() const { return log_; }
  Index commit() const { return commit_; }
  Index applied() const { return applied_.index; }
  EntryId applied_entry() const { return applied_; }
  const Configuration& configuration() const;
  Index configuration_index() const;
  const std::vector<PlacedConfiguration>& configurations() const { return configurations_; }
  // What was in force at `index`, which is not before the log's start.
  PlacedConfiguration ConfigurationAt(Index index) const;
  const RoleState& role_state() const { return role_; }
  const Leader* leadership() const { return std::get_if<Leader>(&role_); }
  const Progress* progress(NodeId peer) const;  // nullptr unless leading and a member
  const std::optional<Incoming>& incoming() const { return incoming_; }
  bool hard_state_durable() const { return hard_write_ == PersistSeq(); }
  MonoTime next_wakeup() const;
  // Whether it takes proposals and reads: leads and is not handing over.
  bool leads() const { return std::holds_alternative<Leader>(role_); }
  bool Promotable() const;

  Digest StateDigest() const;
  std::string Render() const;
  friend bool operator==(const Raft&, const Raft&) = default;

 private:
  // ---- raft.cc: terms, roles, dispatch --------------------------------------------------------------------
  void BecomeFollower(StepContext& context, Term term, NodeId leader);
  void BecomePreCandidate(StepContext& context);
  void BecomeCandidate(StepContext& context, VoteKind kind);
  void BecomeLeader(StepContext& context);
  void LeaveLeadership(StepContext& context);
  void SetLeader(StepContext& context, NodeId leader);
  void SaveHardState(StepContext& context);
  void HeardFromLeader(StepContext& context, NodeId leader);
  void ResetElectionTimer(StepContext& context);
  PortRequest NewPortRequest(StepContext& context);
  bool HasLiveLeader(const StepContext& context) const;

  // ---- election.cc ----------------------------------------------------------------------------------------
  void OnVoteRequest(StepContext& context, NodeId from, const VoteRequest& request);
  void OnVoteReply(StepContext& context, NodeId from, const VoteReply& reply);
  void OnTimeoutNow(StepContext& context, NodeId from);
  void AskForVotes(StepContext& context, VoteKind kind, Term proposed);
  void CountVotes(StepContext& context);
  void OnLeaderTimer(StepContext& context);
  static Duration PauseBetweenOffers(const StepContext& context);
  NodeId BestTarget(const StepContext& context, const Leader& leader) const;
  void DriveTransfer(StepContext& context);

  // ---- follower.cc ----------------------------------------------------------------------------------------
  void OnAppendRequest(StepContext& context, NodeId from, const AppendRequest& request);
  void OnCommitNotice(StepContext& context, NodeId from, const CommitNotice& notice);
  // false: one of them is no entry.
  // What fits on a disk that is nearly full.
  static std::span<const Entry> Vital(std::span<const Entry> entries);
  bool AppendFromLeader(StepContext& context, Index first, std::span<const Entry> entries);
  void AdvanceCommit(StepContext& context, Index to);

  // ---- replication.cc: the leader -------------------------------------------------------------------------
  void AppendOwn(StepContext& context, Entry entry);
  void OnAppendReply(StepContext& context, NodeId from, const AppendReply& reply);
  void OnAccepted(StepContext& context, Leader& leader, Progress& peer, Index match);
  void OnMismatch(StepContext& context, Leader& leader, Progress& peer, const AppendReply& reply);
  void MaybeCommit(StepContext& context);
  void SendWhatIsDue(StepContext& context, Leader& leader, Progress& peer);
  void SendProbe(StepContext& context, Progress& peer);
  bool SendEntries(StepContext& context, Progress& peer);
  void SendAppend(StepContext& context, Progress& peer, EntryList entries);
  void BecomeProbing(Progress& peer);
  void Pause(const StepContext& context, Progress& peer);
  void OnResendTimer(StepContext& context, Leader& leader, Progress& peer);
  void ArmResend(const StepContext& context, Progress& peer);
  // Whether an answer for `node` would reach the life of it that asked.
  bool IsSameLife(const StepContext& context, NodeId node, BootNumber boot) const;
  void OnForward(StepContext& context, NodeId from, const Forward& forward);
  void EmitApply(StepContext& context);
  void EmitApplyOf(StepContext& context, EntryList entries);
  Progress* FindPeer(NodeId node);

  // ---- reads.cc -------------------------------------------------------------------------------------------
  void StartReadRound(StepContext& context, Leader& leader);
  void CheckReadRound(StepContext& context, Leader& leader);

  // ---- membership.cc --------------------------------------------------------------------------------------
  void SyncPeers(StepContext& context);
  absl::Status WhyNotNow(const ChangeConfiguration& change, DropReason& reason) const;
  void DriveConfiguration(StepContext& context);
  bool VotedUntilNow() const;
  void NoteShorterLog();
  bool InContactWithQuorum(const StepContext& context, const Configuration& of) const;

  // ---- snapshot.cc ----------------------------------------------------------------------------------------
  void OnSnapshotChunk(StepContext& context, NodeId from, const SnapshotChunk& chunk);
  void OnSnapshotReply(StepContext& context, NodeId from, const SnapshotReply& reply);
  void BecomeSnapshotting(StepContext& context, Leader& leader, Progress& peer);
  void OpenViewFor(StepContext& context, Leader& leader);
  void RequestChunk(StepContext& context, Leader& leader, Progress& peer);
  void SendChunk(StepContext& context, const OpenView& view, Progress& peer, Payload rows,
                 bool last);
  bool IsInContact(const StepContext& context, const Progress& peer) const;
  void CloseUnusedView(StepContext& context, Leader& leader);
  bool IsTooOld(const StepContext& context, const OpenView& view) const;
  void WantChunk(StepContext& context);
  void AbandonIncoming(StepContext& context);
  void InstallState(StepContext& context);
  void ReplyHolds(StepContext& context, NodeId to, const SnapshotName& name);
  Index CompactionBound() const;
  void MaybeCompact(StepContext& context);
  void CompactTo(StepContext& context, Index upto);

  // ---- invariants.cc --------------------------------------------------------------------------------------
  void CheckInvariants() const;

  NodeId self_;
  GroupId group_;
  BootNumber boot_;

  HardState hard_;
  PersistSeq hard_write_;  // the write that holds `hard_`; 0 = durable
  RaftLog log_;
  std::vector<PlacedConfiguration> configurations_;  // entries of the log, ascending
  Index commit_;
  EntryId applied_;
  Index applying_;  // the last index handed out to be applied; = applied if none is out

  NodeId leader_;
  MonoTime leader_contact_;     // when leader_ was last heard from
  bool is_counted_on_ = false;  // a learner; somebody with a shorter log has asked for its vote
  MonoTime election_deadline_ = kNever;
  std::uint64_t timeouts_drawn_ = 0;
  Duration election_timeout_;
  Campaign last_campaign_;
  RoleState role_;

  std::optional<Incoming> incoming_;
  std::uint64_t generations_made_ = 0;  // in this boot
  PortRequest apply_read_;              // entries to be applied are being read; 0 = none
  bool compacting_ = false;             // a flush was asked for, to drop the log's prefix behind it
};

}  // namespace quorate
