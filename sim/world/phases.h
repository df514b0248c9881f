// sim/world/phases.h — the course of a run, and what is due in each part of it.
//
// Model: warm-up → chaos → a core is healed → converge → serve → settle → scan. The core is a quorum, of every
//   group in every configuration that may be in force (members.h), chosen by the seed; its nodes, disks and links are made well, and what is outside is cut off from it in one of six
//   ways, for ever: dead, cut both ways, deaf, mute, on lossy links, or cut off from part of the core.
// Partial partitions, and which of them must not matter: let q be a quorum of all n nodes, and let an outsider o have
//   links in both directions to the set S of the core. Whoever wants to lead needs q nodes that hear it and that it
//   hears, itself included: for the pre-vote, for the vote, and, by check-quorum, for every election timeout that
//   follows. A link in one direction gives neither a vote nor contact.
//     - |S| + 1 < q, and o is cut off from other outsiders: o can never win a pre-vote, so it never begins a term; if
//       it led, it steps down within an election timeout. A term that it has already, and that is higher than
//       the core's, is learned by the core once (from its refusal) and costs one election. After that its pre-votes
//       meet nodes that hear from a leader, who refuse and teach it *their* term, and reset no timer. Nodes
//       of the core hear each other all, so their leader needs nobody outside. Progress is due to the core.
//     - |S| + 1 >= q: o may lead S for ever. Who is of the core, but not of S, hears no leader, and S, which hears
//       one, refuses its pre-votes: it is starved, though a quorum is well. Pre-vote and check-quorum cannot tell this
//       from an isolated node that must be kept from disturbing, and something *is* committed: a known limit of Raft
//       and no error. Such outsiders are not placed (scenarios/outages has one, where what is due is that the group
//       goes on).
//   (q and n are those of each group; whoever does not vote in a group can never lead it.)
// Members of a group are owed what is said here, listeners too: whoever was put out may be left behind, serves nobody,
//   and must do no harm. A joint state that waits for an order to be left is no reason to wait.
// Once a disk has broken its word (sim/check/over_budget.h) nothing is healed and nothing is due.
// Violations: LIVE-1 no leader in time · LIVE-3 the core does not become equal in time · LIVE-4 nothing is
//   done though somebody asks and all was well for long enough, or a quorum stands still that is well · I-19 it goes in circles · SCAN-1 a state's digest is not that of its content ·
//   SCAN-2 a state is not what the committed log makes · SCAN-3 a store holds what nothing points to. (LIVE-2: clients.h.)
// Excused: only if a quorum is damaged for good; the certificate is in `sim/check/excuse.h`, and EXCUSE-1 if it
//   does not hold.
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "sim/check/standstill.h"
#include "sim/world/clients.h"
#include "sim/world/faults.h"
#include "sim/world/liveness.h"
#include "sim/world/machine.h"
#include "sim/world/shared.h"

namespace quorate::sim {

class Phases {
 public:
  Phases(Shared& shared, Wire& wire, Machines& machines, Clients& clients, Faults& faults);

  void Start();
  // An event of kind kPhase.
  void OnEvent(const Event& event);
  bool done() const { return phase_ == Phase::kDone; }
  // What is missing, if the run cannot be judged.
  const std::optional<Excuse>& excuse() const { return excuse_; }
  const std::vector<NodeId>& core() const { return core_; }

 private:
  enum class Phase : std::uint8_t { kChaos, kElect, kConverge, kServe, kSettle, kDone };

  void EnterHealing();
  void ChooseCore();
  // A quorum of some group is damaged for good: says so, and has it verified.
  void GiveUp(const std::vector<NodeId>& able);
  void StartAnew(Machine& machine);
  void HealNode(Machine& machine);
  void HealLinks();
  std::vector<NodeId> ScriptedCore(const std::vector<NodeId>& able);
  ScriptedOutsider ChoosePlace(const Machine& machine);
  void Place(Machine& machine, const ScriptedOutsider& place);
  void EnterConverge(Phase phase);
  void Look();
  void LookAtChaos();
  void LookAtCalm();
  void LookForStandstill();
  std::int64_t LookEvery() const;
  // Since the last look.
  bool WasSound(NodeId node);
  bool WasSound(NodeId a, NodeId b);
  // The greatest term of each group in the core.
  absl::btree_map<GroupId, Term> CoreTerms() const;
  void LookAtTerms();
  void Finish();
  void PollAgain(std::int64_t after);
  // Each nullopt if so, else what is missing.
  std::optional<std::string> MissingLeader() const;
  bool LeadersCatchUp() const;
  std::optional<std::string> MissingConvergence() const;
  bool IsCompactionDue(const Raft& raft) const;
  bool IsAtRest(const Machine& machine) const;
  void LookAtStores(const Machine& machine);
  const Machine* LeaderOf(GroupId group) const;
  std::vector<NodeId> CoreMembers(GroupId group) const;
  bool CouldLead(NodeId node, const std::vector<NodeId>& sees) const;
  std::vector<GroupId> Groups() const;
  std::pair<std::uint64_t, std::uint64_t> Backlog() const;  // entries, chunks
  void Scan();
  void ScanContents();
  void ScanMachine(const Machine& machine, GroupId group);
  Machine& At(NodeId node) { return *machines_[shared_.EndpointOf(node)]; }
  const Machine& At(NodeId node) const { return *machines_[shared_.EndpointOf(node)]; }
  bool InCore(NodeId node) const;

  Shared& shared_;
  Wire& wire_;
  Machines& machines_;
  Clients& clients_;
  Faults& faults_;
  LivenessBounds bounds_;
  Phase phase_ = Phase::kChaos;
  std::vector<NodeId> core_;
  std::int64_t deadline_ = 0;
  std::int64_t busy_until_ = 0;  // what the core's disks had begun before it was healed
  std::int64_t catch_up_ns_ = 0;
  std::int64_t serving_since_ = 0;
  absl::btree_map<GroupId, Term> terms_;  // as the serve phase began
  std::int64_t poll_ns_ = 0;
  std::optional<Excuse> excuse_;
  CalmWatch calm_;
  SoundBounds sound_bounds_;
  StandstillWatch standstill_;
  std::vector<std::uint64_t> boots_;     // at the last look, by node
  std::vector<std::uint64_t> troubles_;  // of the links, by pair
  std::optional<std::int64_t> calm_span_;
  Choice core_choice_;
  std::size_t cores_tried_ = 0;  // of those that are written
};

}  // namespace quorate::sim
