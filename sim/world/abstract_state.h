// sim/world/abstract_state.h — what the state of a cluster comes down to when only its kind matters.
//
// Model: of one group at one node eight *dimensions* are looked at, each with a few *values* ("disk": "full"). A
//   dimension with a value is a *feature*, and has a number. The values of one node make its `NodeCode`; the codes
//   of all nodes, sorted because nodes are interchangeable, make the number of the cluster's state. Two features
//   of one node are a *pair*: there are few enough of them to name those that no run has seen.
// Invariants: a node that is down has a process and a disk and nothing else; only a leader sends snapshots. Pairs
//   that contradict this are no pairs. Numbers of features stand in reports of shards: both sides of a merge are
//   the same commit, so they may change with the code.
// Units: lags in entries. Time: none. Errors: none. Threads: none.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/raft/types.h"

namespace quorate {
class Raft;
}  // namespace quorate

namespace quorate::sim {

enum class ProcessIs : std::uint8_t { kUp, kPaused, kDown };
enum class DiskIs : std::uint8_t { kOk, kSlow, kStalled, kFull, kFailed, kDamaged };
enum class TermIs : std::uint8_t { kGreatest, kOneBehind, kFurtherBehind };
// Against the leader's log, or, without a leader, the longest one.
enum class LogIs : std::uint8_t { kEven, kFewBehind, kManyBehind, kCutOff, kAhead };
enum class AppliedIs : std::uint8_t { kAll, kFewBehind, kManyBehind };
enum class SnapshotIs : std::uint8_t { kNone, kReceiving, kFlushing, kSwitching, kSending };
enum class ConfigurationIs : std::uint8_t { kSettled, kPending, kJoint };

SnapshotIs SnapshotOf(const Raft& raft);
ConfigurationIs ConfigurationOf(const Raft& raft);

// What is seen of one node and one group, before it is compared with the others.
struct NodeFacts {
  ProcessIs process = ProcessIs::kDown;
  DiskIs disk = DiskIs::kOk;
  bool has_group = false;  // if not, nothing below counts
  Role role = Role::kFollower;
  Term term;
  Index start;  // the entry that its log begins behind
  Index last;
  Index commit;
  Index applied;
  SnapshotIs snapshot = SnapshotIs::kNone;
  ConfigurationIs configuration = ConfigurationIs::kSettled;
};

// Three bits for each dimension; 0: it does not apply, else one more than the value.
using NodeCode = std::uint32_t;

// The codes of all nodes of a cluster, in their order. Requires: as many codes as facts.
void CodesOf(std::span<const NodeFacts> nodes, std::span<NodeCode> codes);
// The same for any order of the nodes. Sorts `codes`. `kind` tells clusters apart that are otherwise alike.
std::uint64_t NumberOfCluster(std::span<NodeCode> codes, std::uint64_t kind);

// What one run has seen. Sorted, each once.
struct AbstractStates {
  std::vector<std::uint64_t> clusters;
  std::vector<NodeCode> nodes;
  friend bool operator==(const AbstractStates&, const AbstractStates&) = default;
};

// ---- features ------------------------------------------------------------------------------------------

inline constexpr std::size_t kFeatures = 32;
using FeatureSet = std::uint32_t;  // a bit for each

// "disk=full". Requires: below kFeatures.
const std::string& NameOfFeature(std::size_t feature);
FeatureSet FeaturesOf(NodeCode code);
// Whether a node can have both. Not the case for two values of one dimension.
bool MayMeet(std::size_t a, std::size_t b);

// Which features were seen, and which of them together at one node.
class FeaturePairs {
 public:
  void Add(NodeCode code);
  void Add(const FeaturePairs& other);
  bool Has(std::size_t feature) const { return Has(feature, feature); }
  bool Has(std::size_t a, std::size_t b) const { return (with_[a] >> b & 1u) != 0; }
  // Which were seen together with `feature`, itself included if it was seen at all.
  FeatureSet With(std::size_t feature) const { return with_[feature]; }
  void SetWith(std::size_t feature, FeatureSet others) { with_[feature] = others; }
  friend bool operator==(const FeaturePairs&, const FeaturePairs&) = default;

 private:
  std::array<FeatureSet, kFeatures> with_{};
};

}  // namespace quorate::sim
