// sim/check/invariants.h — the invariants that are checked at every event of a run.
//
// Model: the checkers have a memory of their own: what each node wrote, what of it is durable, which entry
//   was ever made in which term, what was committed by whom, which votes and acknowledgements left a node.
//   It is fed with what crosses the borders (effects, frames, replies, syncs, crashes); of the engine only
//   plain views are read. Nothing is computed by the engine's own code.
// What elections are owed beyond that (I-3, 20–22) is looked at by `Elections`, a memory of its own.
// Invariants checked: I-1, 1b, 2–17, 20–22, 24–27, 30–33, 41–46, 52, 55, 82 of docs. A violation goes to
//   `Verdicts`, under its id.
// Order: hooks are called in the order of events. `OnStep` may come after what left *during* that step.
// Cost: O(what changed); nothing walks over a log, except at a crash or a boot.
// Marks: figure8.shape, candidate.longer_log_of_older_term, leader.changed, vote.lost_unsynced,
//   restart.lost_suffix.
// Threads: one.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/effect.h"
#include "engine/input.h"
#include "engine/options.h"
#include "engine/record.h"
#include "net/frame.h"
#include "sim/check/elections.h"
#include "sim/check/ghost_disk.h"
#include "sim/check/ghost_group.h"
#include "sim/check/group_view.h"
#include "sim/check/ids.h"
#include "sim/check/violation.h"

namespace quorate::sim {

class Invariants {
 public:
  // `verdicts` must outlive this. `options` are those of every node (limits are checked against them).
  Invariants(Verdicts& verdicts, const Options& options);

  // ---- hooks: life of a node --------------------------------------------------------------------------
  // Before the replica is made. The first boot of a node ever may find anything (it becomes its disk).
  void OnBoot(NodeId node, const Recovered& recovered, BootNumber boot);
  // The node's monotonic clock at the steps that follow. Without it, spans of time are not looked at.
  void OnClock(NodeId node, MonoTime now) { elections_.OnClock(node, now); }
  // After Host::Start: the first effects of this boot.
  void OnStart(NodeId node, const Replica& replica, const Effects& effects);
  // After every engine step, also after one that a crash cut short: what it asked to be written may have
  // reached the disk. `input` is nullptr where the caller did not make it (Host::RunWork).
  void OnStep(NodeId node, const Replica& replica, const Input* input, const Effects& effects);
  // The process ended; of this boot's writes those up to `surviving` are on the disk (at least what was
  // durable; more if a later write happened to reach it).
  void OnCrash(NodeId node, PersistSeq surviving);
  // The whole store was lost. What the node promised stays promised.
  void OnWiped(NodeId node);
  // The node put an end to itself (StopReason, or it refused to boot).
  void OnStopped(NodeId node);

  // ---- hooks: borders ---------------------------------------------------------------------------------
  // This boot's writes up to `upto` are on stable storage (whether or not the engine knows already).
  void OnDurable(NodeId node, PersistSeq upto);
  // The log store reported a failed write or sync.
  void OnDiskFailed(NodeId node);
  // The map holds this much of the group's generation durably. Without it, I-31 knows only boots.
  void OnMapDurable(NodeId node, GroupId group, Generation generation, Index applied);
  // The map holds a received state of this entry durably, in a generation that nobody reads yet.
  void OnStateDurable(NodeId node, GroupId group, Generation generation, Index entry);
  // A read of what the disk holds, at the moment at which it was made. `damaged`: it touched a row that
  // somebody spoiled; `ok`: the store gave rows back. The log's are answered by the LogRead with this id.
  void OnLogRead(NodeId node, PortRequest id, bool damaged, bool ok);
  void OnMapRead(NodeId node, bool damaged, bool ok);
  // A frame was handed to the network.
  void OnBatchLeft(NodeId node, const BatchFrame& batch);
  void OnFrameLeft(NodeId node, NodeId to, std::span<const PeerMessage> messages);
  // A frame came in, before the links of the node have judged it.
  void OnFrameCame(NodeId node, const Frame& frame);
  // A client was answered.
  void OnReplyLeft(NodeId node, RequestId request, const Outcome& outcome);
  // A state machine has applied up to `upto` and has this digest now. Also for a state that came with a
  // snapshot. (Of the system group: the catalogue's digest.)
  void OnApplied(NodeId node, GroupId group, EntryId upto, Digest machine);
  // Looked at without having been applied to: its digest must be what it was at `applied`.
  void OnMachineSeen(NodeId node, GroupId group, EntryId applied, Digest machine);

  // ---- the same on plain views, for tests -------------------------------------------------------------
  void OnStepViews(NodeId node, std::span<const GroupView> touched, const NodeView& whole,
                   const Input* input, const Effects& effects);

  // ---- what was seen ----------------------------------------------------------------------------------
  // How often a check was evaluated.
  std::uint64_t checked(Check check) const { return verdicts_.counts().of(check); }
  // The greatest index known to be committed in the group; 0 if none.
  Index committed(GroupId group) const;
  // How much of the map is durable at the node, as it was told; 0 if nothing was.
  Index map_durable(NodeId node, GroupId group) const;
  // The generation of the group in the node's log, as it was written last; nullopt: it holds no such group.
  std::optional<Generation> generation(NodeId node, GroupId group);
  // The term of an entry in the node's log, as it was written last; nullopt: there is none.
  std::optional<Term> term(NodeId node, GroupId group, Index index);
  // The leader of the highest term so far; 0 = nobody.
  NodeId latest_leader(GroupId group) const;

 private:
  struct PeerBefore {
    NodeId node;
    Index match;
    Index next;
    MonoTime contact;
    ReadCounter answered_round;
  };
  // What a node was seen as after its step before.
  struct Before {
    bool known = false;
    Term term;
    NodeId vote;
    Role role = Role::kFollower;
    bool handing_over = false;
    Index commit;
    EntryId applied;
    EntryId start;
    EntryId last;
    absl::InlinedVector<PeerBefore, 8> peers;  // of this leadership
  };
  struct Acked {
    Term term;
    Index index;
    std::uint64_t prefix = 0;
  };
  // A state that the host was asked to keep for a leader's peers.
  struct Pin {
    PortRequest opening;
    Index entry;  // 0: being opened
  };
  // One group at one node.
  struct Seat {
    Before before;
    // Promises: they outlive the process.
    std::vector<std::pair<Term, NodeId>> votes;  // that left the node, ascending by term
    Acked acked;
    Term promised_term;
    // Since boot:
    Index apply_next;  // 0: not known (a snapshot is coming in)
    Index offered;     // the last entry of the states that leaders have sent
    Generation map_generation;
    Index map_durable;
    bool map_known = false;
    std::pair<Generation, Index> received;  // the state that came in last and is durable
    std::optional<Pin> pin;
    std::optional<std::pair<EntryId, Digest>> machine;
    bool dropped = false;        // its namespace is gone, as far as this node knows
    bool is_counted_on = false;  // its vote was asked for with a shorter log than its own
    // The last step in which it led, or answered to a leader of its term.
    std::uint64_t spoke_up = 0;
  };
  struct Request {
    GroupId group;
    bool reads = false;
    Index floor;             // what was committed when it came in
    std::uint64_t step = 0;  // and the step in which it did
  };
  // Whose words a frame is, and for whom.
  struct Arrival {
    NodeId from;
    NodeId to;
    Incarnation incarnation;
    BootNumber boot;
    std::optional<std::uint64_t> cluster;  // of a hello
    std::optional<std::pair<Incarnation, BootNumber>>
        heard;  // of a batch: the life it was meant for
  };
  struct Node {
    NodeDisk disk;
    Identity identity;
    absl::btree_map<NodeId, BootNumber> links;  // the peer's life that each link is agreed with
    std::optional<Arrival> arrival;             // of the frame that came last
    absl::btree_set<PortRequest> damaged_reads;
    bool damage_read = false;  // by the state-machine work that is being done
    PortRequest flush;         // of the map, under way; 0: none
    bool ever_booted = false;
    bool up = false;
    bool disk_failed = false;
    BootNumber boot;
    BootNumber known_boot;  // the last one whose record reached the disk
    bool wiped = false;
    std::deque<Seat> seats;  // by slot
    absl::btree_map<RequestId, Request> requests;
    std::vector<std::pair<GroupId, Index>> unproved;  // answered before the step was seen
  };

  // What a step is judged by.
  struct StepOf {
    NodeId id;
    Node& node;
    std::span<const GroupView> views;
    const Input* input;
  };

  // ---- what a step asks for (invariants_effects.cc) ---------------------------------------------------
  void NoteInput(StepOf& step);
  void NoteHeartbeat(StepOf& step, const FrameReceived& frame, const PeerMessage& message);
  void NoteFlushed(StepOf& step, const MapFlushed& flushed);
  void CheckLinkUp(StepOf& step, const LinkUp& up);
  void CheckOwnLife(StepOf& step, const FrameReceived& frame);
  void CheckDamage(StepOf& step, const NodeView& whole);
  void CheckEffect(StepOf& step, const Effect& effect);
  void CheckWrite(StepOf& step, const Persist& persist);
  void CheckAppend(StepOf& step, PersistSeq seq, const AppendEntries& append);
  void CheckMade(StepOf& step, std::uint32_t slot, EntryId at, const Entry& entry);
  void CheckTaken(const StepOf& step, std::uint32_t slot, EntryId at, const Entry& entry);
  void CheckNewConfiguration(StepOf& step, std::uint32_t slot, EntryId at, const Entry& entry);
  void CheckTruncate(StepOf& step, PersistSeq seq, const TruncateSuffix& truncate);
  void CheckDropPrefix(StepOf& step, PersistSeq seq, const DropPrefix& drop);
  void CheckReset(StepOf& step, PersistSeq seq, const ResetLog& reset);
  void CheckApply(StepOf& step, const Apply& apply);
  void CheckQuery(StepOf& step, const RunQuery& query);
  void CheckConfirmed(StepOf& step, std::uint32_t slot, const Request& request);
  void CheckSend(StepOf& step, const Send& send);
  void CheckLogBehindState(const StepOf& step, std::uint32_t slot, EntryId state);
  void CheckGrant(StepOf& step, std::uint32_t slot, const Send& send, const VoteReply& reply);

  // ---- what is kept for whoever lags, and let go of in time (invariants_kept.cc) ----------------------
  void NoteOpened(StepOf& step, const SnapshotOpened& opened);
  void NoteKept(StepOf& step, const Effect& effect);
  void CheckKept(const StepOf& step, const GroupView& view);

  // ---- what a group is after a step (invariants_group.cc) ---------------------------------------------
  void CheckGroup(StepOf& step, const GroupView& view);
  void CheckOrder(const StepOf& step, const GroupView& view);
  void CheckDisk(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckSinceBefore(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckAppliedIsDurable(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckTermSource(const StepOf& step, const GroupView& view, const Before& before);
  void CheckLeader(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckNewLeader(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckCommit(StepOf& step, const GroupView& view, std::uint32_t slot);
  void ExtendCommit(StepOf& step, std::uint32_t slot, Index to, Term by);
  void CheckPeers(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckConfiguration(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckRightToLead(StepOf& step, const GroupView& view, std::uint32_t slot);
  void LookForFigure8(StepOf& step, const GroupView& view, std::uint32_t slot);
  void CheckLimits(const StepOf& step, const GroupView& view);
  void CheckPiece(NodeId id, std::uint32_t slot, const char* what, std::span<const Entry> entries,
                  std::size_t most, std::size_t most_bytes);
  void CheckVerified(StepOf& step, const GroupView& view, const Before& before);
  void Remember(Node& node, const GroupView& view);

  // ---- what leaves a node (invariants_frame.cc) -------------------------------------------------------
  void CheckMessage(NodeId id, NodeId to, Node& node, const PeerMessage& message);
  bool IsDropped(Node& node, std::uint32_t slot);
  void CheckTermDurable(NodeId id, Node& node, std::uint32_t slot, Term term);
  void CheckVoteLeft(NodeId id, NodeId to, Node& node, std::uint32_t slot, const VoteReply& reply);
  void CheckAppendLeft(NodeId id, std::uint32_t slot, const AppendRequest& request);
  void CheckAckLeft(NodeId id, NodeId to, Node& node, std::uint32_t slot, Term term, Index match);
  void CheckCommitTold(NodeId id, std::uint32_t slot, EntryId entry);
  void CheckLeads(NodeId id, std::uint32_t slot, Term term);
  void CheckChunk(NodeId id, std::uint32_t slot, EntryId entry, std::uint64_t number,
                  const Payload& rows);
  void PromiseVote(NodeId id, Seat& seat, Term term, NodeId candidate);

  // ---- boots (invariants_boot.cc) --------------------------------------------------------------------------
  void AdoptDisk(Node& node, const Recovered& recovered);
  void CheckRecovered(NodeId id, Node& node, const RecoveredGroup& group);
  void CheckPromises(NodeId id, Node& node, const RecoveredGroup& group);
  void FoldUpto(NodeId id, Node& node, PersistSeq upto);
  void FoldOne(NodeId id, Node& node);
  void ForgetOld(std::uint32_t slot);

  // ---- common -----------------------------------------------------------------------------------------
  // The digest of an image's log up to and with `index`; below its start that of the committed log.
  std::optional<std::uint64_t> PrefixOf(std::uint32_t slot, const GroupImage& image,
                                        Index index) const;
  // Nothing that contradicts it is known.
  bool HoldsCommitted(std::uint32_t slot, EntryId entry) const;
  // Whether a leader may have committed it in the very step in which it dropped the group: then nobody saw it.
  bool CommitIsUnseen(std::uint32_t slot, Index index) const {
    return ghosts_[slot].dropped && index > ghosts_[slot].committed();
  }
  const Configuration* EffectiveConfiguration(std::uint32_t slot, const GroupImage& image) const;
  // The configuration that an image's log up to `index` ends with, and where it stands.
  std::pair<Index, const Configuration*> ConfigurationIn(std::uint32_t slot,
                                                         const GroupImage& image,
                                                         Index index) const;
  // The configuration that the committed log up to `index` ends with, and where it stands.
  std::pair<Index, const Configuration*> CommittedConfiguration(std::uint32_t slot,
                                                                Index index) const;
  std::string Where(NodeId id, GroupId group) const;
  std::string Where(NodeId id, std::uint32_t slot) const { return Where(id, groups_[slot]); }

  // Counts the evaluation; false (and a violation) unless `holds`. `what` is called for the text only then.
  template <class What>
  bool Expect(Check check, bool holds, const What& what) {
    return verdicts_.Expect(check, holds, what);
  }

  std::uint32_t SlotOf(GroupId group);  // made if need be
  Node& At(NodeId node);
  Seat& SeatOf(Node& node, std::uint32_t slot);
  // Whether the nodes for which `in` holds are a majority of every voter set.
  template <class In>
  static bool HasQuorum(const Configuration& configuration, const In& in) {
    const auto majority = [&](const NodeSet& voters) {
      std::size_t count = 0;
      for (const NodeId voter : voters) count += in(voter) ? 1 : 0;
      return voters.empty() || 2 * count > voters.size();
    };
    return majority(configuration.incoming) && majority(configuration.outgoing);
  }

  Verdicts& verdicts_;
  Options options_;
  Elections elections_;
  std::deque<Node> nodes_;         // by node id; places stay
  std::vector<GroupId> groups_;    // by slot
  std::deque<GroupGhost> ghosts_;  // by slot
  std::vector<GroupView> views_;   // filled anew every step
  std::vector<GhostEntry> fresh_;  // of the append being looked at
  std::uint64_t steps_ = 0;
  bool saw_figure8_ = false;
};

}  // namespace quorate::sim
