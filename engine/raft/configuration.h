// engine/raft/configuration.h — who votes and who only listens.
//
// Model: a joint configuration. `incoming` are the voters; while `outgoing` is not empty the group is in a
//   joint state and every decision needs a majority of both. `learners` receive the log and never vote.
//   `learners_next` are voters of `outgoing` that become learners when the joint state is left.
// Invariants (`IsValid`): every list sorted and without doubles; learners are in neither voter set;
//   learners_next only while joint, each in `outgoing` and not in `incoming`; `incoming` not empty.
// Takes effect when its entry is *appended*, and is derived again after truncation and install.
// Source: Raft dissertation 4.3; the joint form with learners as in etcd-io/raft.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "engine/base/strong.h"

namespace quorate {

using NodeSet = absl::InlinedVector<NodeId, 8>;  // sorted, no doubles

bool Contains(const NodeSet& set, NodeId node);
void Insert(NodeSet& set, NodeId node);  // no effect if already there
void Remove(NodeSet& set, NodeId node);  // no effect if absent

struct Configuration {
  NodeSet incoming;
  NodeSet outgoing;
  NodeSet learners;
  NodeSet learners_next;
  std::uint64_t epoch = 0;  // rises with every configuration; a change names the one it replaces
  bool auto_leave = false;  // a leader leaves the joint state by itself once it is committed

  bool joint() const { return !outgoing.empty(); }
  bool IsVoter(NodeId node) const { return Contains(incoming, node) || Contains(outgoing, node); }
  bool IsMember(NodeId node) const { return IsVoter(node) || Contains(learners, node); }
  bool IsValid() const;
  // Every member once, sorted.
  NodeSet Members() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// A simple configuration of `voters`.
Configuration ConfigurationOf(const NodeSet& voters);

enum class ChangeKind : std::uint8_t {  // stored: do not renumber
  kAddVoter = 1,                        // a learner or a newcomer votes from now on
  kAddLearner = 2,                      // a newcomer listens, or a voter is demoted
  kRemove = 3,
};
struct MemberChange {
  ChangeKind kind;
  NodeId node;
  friend bool operator==(const MemberChange&, const MemberChange&) = default;
};
enum class Transition : std::uint8_t {
  kAuto = 1,           // simple if one voter changes, else joint and left automatically
  kJointExplicit = 2,  // joint, left only by an explicit Leave
  kJointImplicit = 3,  // joint even for one voter, left automatically
};

// The configuration after `changes` from `current`; epoch + 1. Refused with a reason: while joint, if the
// changes contradict each other, or if no voter would be left.
absl::StatusOr<Configuration> Enter(const Configuration& current,
                                    const absl::InlinedVector<MemberChange, 4>& changes,
                                    Transition transition);
// The configuration after the joint state; epoch + 1. Refused if `current` is not joint.
absl::StatusOr<Configuration> Leave(const Configuration& current);

// One encoding for disk and wire.
void Encode(const Configuration& configuration, std::string& out);
absl::StatusOr<Configuration> DecodeConfiguration(std::string_view bytes);

std::string Render(const Configuration& configuration);  // "(1 2 3)&&(1 2) learners=(4)"

}  // namespace quorate
