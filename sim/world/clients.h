// sim/world/clients.h — the clients of a run: they ask, wait, ask again, give up.
//
// Model: each client has one operation open at most, and thinks between operations. A client with sessions opens
//   one in each namespace and sends a write again under the same (session, sequence number), to the same node
//   or another, until it is answered or its time is over; without a session a write is sent once. Reads may
//   be sent again freely. Outcomes: ok with a reply; fail if every attempt was answered "certainly not
//   applied"; info otherwise, after which the client goes on as a new process.
//   In a resolved scenario all of this is written: when each operation begins, where and when it is tried again.
//   Behind the clients proper stand the administrator, who creates the namespaces, and one client for each
//   operation of the schedule. A namespace that was dropped is created anew, under another number; whoever asked something
//   of the old one is told that there is no such namespace, and asks elsewhere until the new one is known.
// Invariants: every operation is told to the recorder and the serial-point check at its beginning and its end.
// Violations: LIVE-2 an operation of the serve phase that is not answered in time, or refused.
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/catalogue.h"
#include "sim/world/shared.h"
#include "sim/world/wire.h"
#include "sim/world/workload.h"

namespace quorate::sim {

class Clients {
 public:
  // How many endpoints the network needs for them.
  static std::size_t EndpointsOf(const RunConfig& config);

  Clients(Shared& shared, Wire& wire);

  // Everybody begins: namespaces are created, operations come at their rate.
  void Start();
  // An event of kind kAnswer, kClientTurn or kClientTimeout. False: it was overtaken.
  bool OnEvent(const Event& event);
  // A scheduled operation. `nth` of the schedule.
  void Issue(std::size_t nth, const OperationAction& action, NodeId node);

  // ---- phases ------------------------------------------------------------------------------------------
  // Nobody begins anything new; what is open goes on, at these nodes only.
  void Hold(const std::vector<NodeId>& nodes);
  // From `Serve` on operations of the group are sent to these only: others need not know anything of it.
  void AskOnly(GroupId group, std::vector<NodeId> nodes) { members_[group] = std::move(nodes); }
  // Everybody goes on, at these nodes only, and every operation must be answered within `bound_ns`.
  void Serve(std::int64_t bound_ns);
  // Nothing is open.
  bool idle() const;
  // A client without anything open knows that the namespaces exist.
  bool namespaces_known() const;
  // nullopt: not created yet, as far as the administrator knows.
  std::optional<GroupId> GroupOf(std::size_t name_space) const { return groups_[name_space]; }
  std::optional<GroupId> GroupOf(const std::string& name_space) const;
  std::uint64_t completed() const { return completed_; }
  // Whose histories must be linearizable, as the scenario says; nullopt: everybody's.
  std::optional<std::vector<GroupId>> Judged() const;

 private:
  static constexpr std::size_t kNotRecorded = ~std::size_t{0};

  struct Session {
    SessionId id;
    SessionSeq last_seq;
  };
  struct Open {
    OpId record;
    bool recorded = false;  // what is asked of the catalogue is not
    Index shown;            // of the catalogue, when it was begun
    Wanted wanted;
    ClientRequest request;
    std::uint32_t attempts = 0;
    std::uint32_t refused = 0;  // attempts answered "certainly not applied"
    bool may_retry = false;
    std::uint64_t sessions_refused = 0;  // in the whole cluster, when it began
    std::int64_t begun = 0;
    std::int64_t deadline = 0;
    std::uint32_t timers = 0;                   // waits for an answer that were begun
    const ScriptedOperation* script = nullptr;  // where everything is written
    std::size_t recorded_as = kNotRecorded;
  };
  struct Client {
    std::uint16_t number = 0;
    bool uses_sessions = false;
    NodeId node;
    std::vector<Session> sessions;  // by namespace
    std::optional<Open> open;
    std::uint32_t operations = 0;
    std::uint32_t timer = 0;  // which timeout event counts
    std::optional<Workload> workload;
    Choice gap, move, other_node, retry, go_on, reopen;
    std::vector<std::size_t> script;  // its operations
    std::size_t script_next = 0;
  };

  bool OnTurn(Client& client);
  bool OnTimeout(Client& client, const Event& event);
  bool OnAnswer(std::uint32_t slot);
  void Begin(Client& client, Open open, const Call& call);
  void Attempt(Client& client);
  void SetTimer(Client& client);
  void Finish(Client& client, OutcomeClass outcome, const Outcome* answer, NodeId node);
  void FinishCatalogue(const Open& open, const Outcome& answer);
  void OnDone(Client& client, const ClientAnswer& answer);
  void OnRefused(Client& client, const ClientAnswer& answer);
  bool IsGone(const Open& open, Refusal refusal) const;
  void NextTurn(Client& client);
  NodeId PickNode(Client& client);
  // The node, or if it need not know the group, another one.
  NodeId MemberFor(GroupId group, NodeId node) const;
  bool CreateNext(Client& client);
  bool IsJudged(std::size_t name_space) const;
  // The namespace is known by this number from now on.
  void Know(std::size_t name_space, GroupId group);
  // It is not there any more, as somebody was told.
  void Forget(std::size_t name_space, GroupId group);
  void OrderTransfer(Client& client, const Wanted& wanted, GroupId group);
  void SendTransfer(Client& client, GroupId group, NodeId target, NodeId node);
  void BeginCreation(Client& client, Open open, std::size_t name_space);
  void BeginDrop(Client& client, Open open, std::size_t name_space);
  void BeginCatalogue(Client& client, Open open, const CatalogueCommand& command);

  // ---- clients_script.cc
  void TakeScript();
  const ScriptedOperation* ScriptOf(const Client& client) const;
  void NextScripted(Client& client);
  bool BeginScripted(Client& client);
  static std::int64_t ScriptedWait(const Open& open);
  static NodeId ScriptedNode(const Client& client);
  // Where the operation is written down; nullptr: nowhere.
  ScriptedOperation* Recorded(const Open& open);
  ScriptedOperation* Record(const Client& client, std::size_t name_space, NodeId node);
  void RecordCall(const Client& client, Open& open, const Call& call);

  std::int64_t TimeoutOf(const Client& client) const;
  // In the serve phase: what is due to whoever asks.
  void Judge(const Open& open, EdgeChecks::Served::How how, Refusal refusal);
  Client& administrator() {
    return clients_[static_cast<std::size_t>(shared_.config.workload.clients)];
  }

  Shared& shared_;
  Wire& wire_;
  std::vector<Client> clients_;
  std::vector<NodeId> nodes_;  // whom they ask
  absl::btree_map<GroupId, std::vector<NodeId>> members_;
  std::vector<std::optional<GroupId>> groups_;   // by namespace
  std::vector<std::optional<GroupId>> numbers_;  // by namespace: the last one that was known
  std::vector<std::int64_t> created_at_;         // by namespace: not before
  Dist think_;
  bool holding_ = false;
  bool serving_ = false;
  std::int64_t serve_bound_ns_ = 0;
  std::int64_t serving_since_ = 0;
  std::uint64_t completed_ = 0;
};

}  // namespace quorate::sim
