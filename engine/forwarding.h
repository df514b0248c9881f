// engine/forwarding.h — the client requests that a node took and has to answer.
//
// Model: the node that took a request keeps it until it can answer. A write goes to the group's leader, and
//   again to the next one; (session, seq) makes repeating safe, and a client without a session is lent one of
//   the node's. A read asks the leader for an index, waits until this node has applied it, and is evaluated
//   here. Requests of a namespace that is not known here yet are parked.
// Outcomes: *done*; *certainly not applied*, only if no copy ever reached a log or left the node; else
//   *unknown*, at the deadline.
// Invariants: every request is answered exactly once; every queue has a limit.
// Source: Raft dissertation 6.2–6.4.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/input.h"
#include "engine/raft/outbox.h"
#include "engine/raft/raft.h"

namespace quorate {

// Requests that the node makes itself (sessions to lend) have numbers that no client's has.
inline constexpr RequestId kFirstOwnRequest{std::uint64_t{1} << 63};
constexpr bool IsOwn(RequestId id) { return id >= kFirstOwnRequest; }

struct PendingRequest {
  ClientRequest request;
  EntryKind kind = EntryKind::kCommand;
  Payload payload;       // what stands in the entry, once the session is known
  bool ready = false;    // payload is complete (a session was lent where none was brought)
  bool exposed = false;  // a copy reached the own log or left for a leader
  NodeId sent_to;
  bool parked = false;     // its namespace is not known here yet
  SessionId lent_session;  // 0: the client brought one, or needs none
  SessionSeq lent_seq;
  MonoTime deadline;
  MonoTime wake_at;  // resend, or the deadline
};

struct LentSession {
  SessionId id;
  SessionSeq next{1};
  absl::btree_set<SessionSeq> out;  // lent and not answered
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
};

class Forwarding {
 public:
  struct Context {
    StepContext& step;
    absl::btree_map<GroupId, Raft>& groups;
    NodeId self;
    BootNumber boot;
  };

  void OnRequest(Context& context, const ClientRequest& request);
  void OnTimer(Context& context);
  // The group has another leader, or none, or the link to it came up: what is waiting is sent again.
  void OnLeaderChanged(Context& context, GroupId group);
  void OnResolved(Context& context, const RaftEvents::Resolved& resolved);
  void OnAnswered(Context& context, const RaftEvents::Answered& answered);
  void OnConfirmed(Context& context, const RaftEvents::Confirmed& confirmed);
  void OnQueryAnswered(Context& context, const Answered& answered);
  // The group's applied index has risen, or the group was born.
  void OnApplied(Context& context, GroupId group);
  // Nothing will be served any more: whoever waits is told the truth.
  void OnStop(Context& context);

  MonoTime NextWakeup() const { return timers_.empty() ? kNever : timers_.begin()->first; }
  // Of clients. The node's own openings of sessions come on top, at most one a group.
  std::size_t size() const { return requests_.size() - own_under_way_; }

 private:
  static bool IsRead(const PendingRequest& pending);
  std::optional<Refusal> WhyRefused(const Context& context, const ClientRequest& request) const;
  void Route(Context& context, PendingRequest& pending);
  void SendToLeader(Context& context, Raft& raft, PendingRequest& pending);
  void Park(PendingRequest& pending);
  bool Lend(Context& context, PendingRequest& pending);
  void OpenLentSession(Context& context, GroupId group);
  void ForgetOpening(GroupId group);
  void AskReads(Context& context, GroupId group);
  void AskReadsAgain(Context& context, GroupId group);
  void EmitQuery(Context& context, GroupId group, const std::vector<RequestId>& requests,
                 Index index);
  void Finish(Context& context, RequestId id, Outcome outcome);
  void FinishWrite(Context& context, RequestId id, Index took_effect, const Payload& result);
  void ReturnLent(PendingRequest& pending, const Payload* result);
  void Schedule(PendingRequest& pending, MonoTime at);
  void OnDeadline(Context& context, PendingRequest& pending);

  absl::btree_map<RequestId, PendingRequest> requests_;
  absl::btree_set<std::pair<MonoTime, RequestId>> timers_;
  absl::btree_set<std::pair<GroupId, RequestId>> by_group_;  // all of them
  absl::btree_map<GroupId, GroupReads> reads_;
  absl::btree_map<GroupId, std::vector<LentSession>> lent_;
  std::uint64_t last_batch_ = 0;
  std::size_t parked_ = 0;
  std::uint64_t own_requests_ = 0;  // made in this boot
  std::size_t own_under_way_ = 0;
};

}  // namespace quorate
