// engine/forwarding.h — the client requests that a node took and has to answer.
//
// Model: the node that took a request keeps it until it can answer. A write goes to the group's leader, and
//   again to the next one; what makes repeating safe is its number: (session, seq) of the client or of a session
//   that the node lends, or a nonce where there is no session (openings, the catalogue). A read asks the
//   leader for an index, waits until this node has applied it, and is evaluated here. Requests of a namespace
//   that is not known here yet are parked.
// Resending: to another leader, or over another link to it, or in its next term, at once; after it was refused,
//   after `Options::resend`; to a leader that says nothing, after a pause that doubles from there up to
//   `election_timeout_max`.
// Outcomes: *done*; *certainly not applied*, only if no copy ever reached a log or left the node; else
//   *unknown*, at the deadline, or when the namespace is dropped.
// Invariants: every request is answered exactly once; every queue has a limit; of a session's numbers, and of
//   nonces, no more are under way than the state machine's window holds.
// Source: Raft dissertation 6.2–6.4.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/catalogue.h"
#include "engine/input.h"
#include "engine/raft/outbox.h"
#include "engine/raft/raft.h"

namespace quorate {

// Requests that the node makes itself (sessions to lend) have numbers that no client's has.
inline constexpr RequestId kFirstOwnRequest{std::uint64_t{1} << 63};
constexpr bool IsOwn(RequestId id) { return id >= kFirstOwnRequest; }

// Numbers given out in order and returned in any: those from the oldest one that is out to the newest.
class NumberWindow {
 public:
  bool HasRoom(std::size_t window) const { return returned_.size() < window; }
  SessionSeq Take();
  void Return(SessionSeq seq);  // requires: it is out

 private:
  SessionSeq oldest_{1};
  std::vector<bool> returned_;  // of oldest_, oldest_ + 1, …
};

struct LentSession {
  SessionId id;  // 0: being opened
  NumberWindow numbers;
};

// What the writes of one group at this node share.
struct GroupWrites {
  std::vector<LentSession> sessions;
  NumberWindow nonces;
  std::deque<RequestId> waiting_for_session;  // some may have their number by now
  std::deque<RequestId> waiting_for_nonce;
};

enum class RequestStage : std::uint8_t {
  kParked,    // its namespace is not known here yet
  kUnsent,    // a write without its number
  kReady,     // a write that may be sent
  kAsking,    // a read that waits for its index
  kEvaluated  // a read that is being answered
};

struct PendingRequest {
  ClientRequest request;
  std::uint32_t slot = 0;  // its own place
  EntryKind kind = EntryKind::kCommand;
  RequestStage stage = RequestStage::kUnsent;
  bool queued = false;   // in one of the queues of GroupWrites
  bool exposed = false;  // a copy reached the own log or left for a leader
  Payload payload;       // what stands in the entry; from kReady on
  SessionId session;     // lent; 0: the client brought one, or needs none
  SessionSeq number;     // lent, or of the nonce; 0: none
  // Where the last copy went; term 0: nowhere yet, or it was refused.
  NodeId sent_to;
  LinkSession sent_over;
  Term sent_in;
  Duration pause;  // the next one, without a word from the leader
  MonoTime deadline;
  MonoTime wake_at;  // to be sent again, or the deadline
};

struct ReadBatch {
  std::uint64_t id = 0;
  std::vector<RequestId> requests;
  Index index;  // once confirmed
};

// Reads of one group at this node, whatever its role.
struct GroupReads {
  std::vector<RequestId> waiting;   // for the next batch
  std::optional<ReadBatch> asked;   // at most one is asked about at a time
  std::deque<ReadBatch> confirmed;  // wait until applied >= index
  Duration pause;                   // until `asked` is asked again
};

class Forwarding {
 public:
  struct Context {
    StepContext& step;
    absl::btree_map<GroupId, Raft>& groups;
    const Catalogue& catalogue;
    const Identity& identity;
    BootNumber boot;
  };

  void OnRequest(Context& context, const ClientRequest& request);
  void OnTimer(Context& context);
  // The group has another leader, or none, or the link to it came up, or the group was born: what is waiting is
  // sent, but not where it was sent already.
  void OnLeaderChanged(Context& context, GroupId group);
  void OnResolved(Context& context, const RaftEvents::Resolved& resolved);
  void OnAnswered(Context& context, const RaftEvents::Answered& answered);
  void OnConfirmed(Context& context, const RaftEvents::Confirmed& confirmed);
  void OnQueryAnswered(Context& context, const Answered& answered);
  // The group's applied index has risen.
  void OnApplied(Context& context, GroupId group);
  // Namespaces may be gone: whoever asked something of them is told.
  void OnCatalogueChanged(Context& context);
  // Nothing will be served any more: whoever waits is told the truth.
  void OnStop(Context& context);

  MonoTime NextWakeup() const { return timers_.empty() ? kNever : timers_.front().at; }
  // Of clients. The node's own openings of sessions come on top, at most one a group.
  std::size_t size() const { return by_id_.size() - own_under_way_; }
  // Whether anything is kept for requests of this group.
  bool Keeps(GroupId group) const { return reads_.contains(group) || writes_.contains(group); }

 private:
  using Slot = std::uint32_t;
  struct Timer {
    MonoTime at;
    RequestId id;
    Slot slot;
  };

  static bool IsRead(const PendingRequest& pending);
  std::optional<Refusal> WhyRefused(const Context& context, const ClientRequest& request) const;
  PendingRequest* Find(RequestId id);
  void Route(Context& context, PendingRequest& pending);
  void Send(Context& context, Raft& raft, PendingRequest& pending);
  void Push(Context& context, Raft& raft, PendingRequest& pending);
  void OnOwnRefusal(Context& context, PendingRequest& pending, Refusal refusal);
  void SetStage(PendingRequest& pending, RequestStage stage);

  bool TakeNumber(Context& context, PendingRequest& pending);
  bool TakeNonce(Context& context, PendingRequest& pending);
  bool Lend(Context& context, PendingRequest& pending);
  void ReturnNumber(PendingRequest& pending);
  std::deque<RequestId>& QueueOf(const PendingRequest& pending);
  void WaitForNumber(Context& context, PendingRequest& pending);
  void OpenLentSession(Context& context, GroupId group);
  void ForgetOpening(GroupId group);
  void ServeWaiting(Context& context, GroupId group);
  void ServeWaiting(Context& context, GroupId group, std::deque<RequestId> GroupWrites::*queue);

  void AskReads(Context& context, GroupId group);
  void AskReadsAgain(Context& context, GroupId group);
  void EmitQuery(Context& context, GroupId group, const std::vector<RequestId>& requests,
                 Index index);
  void LeaveReads(const PendingRequest& pending);

  void FinishWrite(Context& context, RequestId id, Index took_effect, const Payload& result);
  void Finish(Context& context, PendingRequest& pending, Outcome outcome);
  void OnDeadline(Context& context, PendingRequest& pending);
  void Schedule(PendingRequest& pending, MonoTime at);
  void DropStaleTimers();
  bool IsStale(const Timer& timer) const;

  absl::btree_map<RequestId, Slot> by_id_;
  std::deque<PendingRequest> slots_;  // a deque: they stay where they are while others come
  std::vector<Slot> free_;
  std::vector<Timer>
      timers_;  // a heap, the first one in front; some are overtaken, never the front one
  absl::btree_map<GroupId, GroupReads> reads_;
  absl::btree_map<GroupId, GroupWrites> writes_;
  std::uint64_t last_batch_ = 0;
  std::size_t parked_ = 0;
  std::uint64_t own_requests_ = 0;  // made in this boot
  std::size_t own_under_way_ = 0;
};

}  // namespace quorate
