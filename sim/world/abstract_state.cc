#include "sim/world/abstract_state.h"

#include <algorithm>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/prf.h"
#include "engine/raft/raft.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kFew = 8;  // entries behind, at most

constexpr unsigned kBits = 3;
constexpr NodeCode kField = (1u << kBits) - 1;

struct Dimension {
  std::string_view name;
  std::vector<std::string_view> values;
};
// In the order of their fields in a code.
enum At : unsigned { kProcess, kDisk, kRole, kTerm, kLog, kApplied, kSnapshot, kConfiguration };

const std::vector<Dimension>& Dimensions() {
  static const auto* const dimensions = new std::vector<Dimension>{
      {"process", {"up", "paused", "down"}},
      {"disk", {"ok", "slow", "stalled", "full", "failed", "damaged"}},
      {"role", {"follower", "pre-candidate", "candidate", "leader"}},
      {"term", {"greatest", "one-behind", "further-behind"}},
      {"log", {"even", "few-behind", "many-behind", "cut-off", "ahead"}},
      {"applied", {"all", "few-behind", "many-behind"}},
      {"snapshot", {"none", "receiving", "flushing", "switching", "sending"}},
      {"configuration", {"settled", "pending", "joint"}},
  };
  return *dimensions;
}

struct Feature {
  unsigned dimension = 0;
  unsigned value = 0;
  std::string name;
};

const std::vector<Feature>& Features() {
  static const auto* const features = [] {
    auto* const all = new std::vector<Feature>;
    for (unsigned at = 0; at < Dimensions().size(); ++at) {
      const Dimension& dimension = Dimensions()[at];
      for (unsigned value = 0; value < dimension.values.size(); ++value) {
        all->push_back(
            {at, value, std::string(dimension.name) + "=" + std::string(dimension.values[value])});
      }
    }
    REQUIRE(all->size() == kFeatures);
    return all;
  }();
  return *features;
}

template <class Value>
NodeCode Field(At at, Value value) {
  return (static_cast<NodeCode>(value) + 1) << (kBits * at);
}

TermIs TermOf(Term term, Term greatest) {
  const std::uint64_t behind = greatest.value() - term.value();
  if (behind == 0) return TermIs::kGreatest;
  return behind == 1 ? TermIs::kOneBehind : TermIs::kFurtherBehind;
}

AppliedIs AppliedOf(const NodeFacts& node) {
  if (node.applied >= node.commit) return AppliedIs::kAll;
  return node.commit - node.applied <= Count(kFew) ? AppliedIs::kFewBehind : AppliedIs::kManyBehind;
}

// Whose log the others are to get.
const NodeFacts* ModelOf(std::span<const NodeFacts> nodes) {
  const NodeFacts* model = nullptr;
  for (const NodeFacts& node : nodes) {
    if (!node.has_group) continue;
    if (model == nullptr) {
      model = &node;
      continue;
    }
    const bool leads = node.role == Role::kLeader;
    const bool model_leads = model->role == Role::kLeader;
    if (leads != model_leads) {
      if (leads) model = &node;
    } else if (leads ? node.term > model->term : node.last > model->last) {
      model = &node;
    }
  }
  return model;
}

LogIs LogOf(const NodeFacts& node, const NodeFacts& model) {
  if (node.last > model.last) return LogIs::kAhead;
  if (model.role == Role::kLeader && node.last < model.start) return LogIs::kCutOff;
  if (node.last == model.last) return LogIs::kEven;
  return model.last - node.last <= Count(kFew) ? LogIs::kFewBehind : LogIs::kManyBehind;
}

}  // namespace

SnapshotIs SnapshotOf(const Raft& raft) {
  if (const std::optional<Incoming>& incoming = raft.incoming()) {
    switch (incoming->phase) {
      case InstallPhase::kReceiving:
        return SnapshotIs::kReceiving;
      case InstallPhase::kFlushing:
        return SnapshotIs::kFlushing;
      case InstallPhase::kSwitching:
        return SnapshotIs::kSwitching;
    }
  }
  const Leader* leader = raft.leadership();
  return leader != nullptr && leader->view ? SnapshotIs::kSending : SnapshotIs::kNone;
}

ConfigurationIs ConfigurationOf(const Raft& raft) {
  if (raft.configuration().joint()) return ConfigurationIs::kJoint;
  return raft.configuration_index() > raft.commit() ? ConfigurationIs::kPending
                                                    : ConfigurationIs::kSettled;
}

void CodesOf(std::span<const NodeFacts> nodes, std::span<NodeCode> codes) {
  REQUIRE(nodes.size() == codes.size());
  Term greatest;
  for (const NodeFacts& node : nodes) {
    if (node.has_group) greatest = std::max(greatest, node.term);
  }
  const NodeFacts* const model = ModelOf(nodes);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const NodeFacts& node = nodes[i];
    codes[i] = Field(kProcess, node.process) | Field(kDisk, node.disk);
    if (!node.has_group) continue;
    codes[i] |= Field(kRole, node.role) | Field(kTerm, TermOf(node.term, greatest)) |
                Field(kLog, LogOf(node, *model)) | Field(kApplied, AppliedOf(node)) |
                Field(kSnapshot, node.snapshot) | Field(kConfiguration, node.configuration);
  }
}

std::uint64_t NumberOfCluster(std::span<NodeCode> codes, std::uint64_t kind) {
  std::sort(codes.begin(), codes.end());
  std::uint64_t number = Mix(kind);
  for (const NodeCode code : codes) number = Mix(number ^ code);
  return number;
}

const std::string& NameOfFeature(std::size_t feature) {
  REQUIRE(feature < kFeatures);
  return Features()[feature].name;
}

FeatureSet FeaturesOf(NodeCode code) {
  FeatureSet set = 0;
  for (std::size_t i = 0; i < kFeatures; ++i) {
    const Feature& feature = Features()[i];
    if ((code >> (kBits * feature.dimension) & kField) == feature.value + 1) set |= 1u << i;
  }
  return set;
}

bool MayMeet(std::size_t a, std::size_t b) {
  const Feature* one = &Features()[std::min(a, b)];
  const Feature* other = &Features()[std::max(a, b)];
  if (one->dimension == other->dimension) return false;
  const auto is = [](const Feature& feature, At dimension, auto value) {
    return feature.dimension == dimension && feature.value == static_cast<unsigned>(value);
  };
  if (is(*one, kProcess, ProcessIs::kDown) && other->dimension != kDisk) return false;
  const bool sends = is(*other, kSnapshot, SnapshotIs::kSending);
  return !(sends && one->dimension == kRole && !is(*one, kRole, Role::kLeader));
}

void FeaturePairs::Add(NodeCode code) {
  const FeatureSet set = FeaturesOf(code);
  for (std::size_t i = 0; i < kFeatures; ++i) {
    if ((set >> i & 1u) != 0) with_[i] |= set;
  }
}

void FeaturePairs::Add(const FeaturePairs& other) {
  for (std::size_t i = 0; i < kFeatures; ++i) with_[i] |= other.with_[i];
}

}  // namespace quorate::sim
