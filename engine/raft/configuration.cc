#include "engine/raft/configuration.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/bytes.h"

namespace quorate {
namespace {

// Sorted, without doubles, and nobody is not in it.
bool IsOrdered(const NodeSet& set) {
  NodeId before;
  for (const NodeId node : set) {
    if (node <= before) return false;
    before = node;
  }
  return true;
}

bool AreDisjoint(const NodeSet& a, const NodeSet& b) {
  return std::none_of(a.begin(), a.end(), [&](NodeId node) { return Contains(b, node); });
}

bool IsSubset(const NodeSet& of, const NodeSet& whole) {
  return std::all_of(of.begin(), of.end(), [&](NodeId node) { return Contains(whole, node); });
}

// How many nodes are in one of the sets only.
std::size_t Difference(const NodeSet& a, const NodeSet& b) {
  const auto missing = [](const NodeSet& from, const NodeSet& in) {
    return static_cast<std::size_t>(
        std::count_if(from.begin(), from.end(), [&](NodeId node) { return !Contains(in, node); }));
  };
  return missing(a, b) + missing(b, a);
}

void MakeVoter(Configuration& configuration, NodeId node) {
  Remove(configuration.learners, node);
  Remove(configuration.learners_next, node);
  Insert(configuration.incoming, node);
}

void MakeLearner(Configuration& configuration, NodeId node) {
  Remove(configuration.incoming, node);
  // Whoever still votes in the outgoing set listens only once the joint state is left.
  Insert(
      Contains(configuration.outgoing, node) ? configuration.learners_next : configuration.learners,
      node);
}

void Forget(Configuration& configuration, NodeId node) {
  Remove(configuration.incoming, node);
  Remove(configuration.learners, node);
  Remove(configuration.learners_next, node);
}

void Apply(Configuration& configuration, const MemberChange& change) {
  switch (change.kind) {
    case ChangeKind::kAddVoter:
      MakeVoter(configuration, change.node);
      return;
    case ChangeKind::kAddLearner:
      MakeLearner(configuration, change.node);
      return;
    case ChangeKind::kRemove:
      Forget(configuration, change.node);
      return;
  }
  UNREACHABLE("change kind");
}

absl::Status CheckChanges(const absl::InlinedVector<MemberChange, 4>& changes) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].node == NodeId()) return absl::InvalidArgumentError("a change names no node");
    for (std::size_t j = 0; j < i; ++j) {
      if (changes[j].node == changes[i].node && changes[j].kind != changes[i].kind) {
        return absl::InvalidArgumentError(
            absl::StrCat("the changes contradict each other about node ", changes[i].node.value()));
      }
    }
  }
  return absl::OkStatus();
}

void EncodeSet(Encoder& encoder, const NodeSet& set) {
  encoder.Varint(set.size());
  for (const NodeId node : set) encoder.Varint(node.value());
}

NodeSet DecodeSet(Decoder& decoder) {
  NodeSet set;
  const std::uint64_t count = decoder.CountOf(1);
  for (std::uint64_t i = 0; i < count && decoder.ok(); ++i) {
    const std::uint64_t node = decoder.Varint();
    if (node > std::numeric_limits<NodeId::rep>::max()) decoder.Fail();
    set.push_back(NodeId(static_cast<NodeId::rep>(node)));
  }
  return set;
}

void RenderSet(std::string& out, const NodeSet& set) {
  out += '(';
  for (std::size_t i = 0; i < set.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : " ", set[i].value());
  }
  out += ')';
}

}  // namespace

bool Contains(const NodeSet& set, NodeId node) {
  // A handful of nodes: a walk is faster than a search.
  return std::find(set.begin(), set.end(), node) != set.end();
}

void Insert(NodeSet& set, NodeId node) {
  const auto at = std::lower_bound(set.begin(), set.end(), node);
  if (at == set.end() || *at != node) set.insert(at, node);
}

void Remove(NodeSet& set, NodeId node) {
  const auto at = std::lower_bound(set.begin(), set.end(), node);
  if (at != set.end() && *at == node) set.erase(at);
}

bool Configuration::IsValid() const {
  if (incoming.empty()) return false;
  if (!IsOrdered(incoming) || !IsOrdered(outgoing) || !IsOrdered(learners) ||
      !IsOrdered(learners_next)) {
    return false;
  }
  if (!AreDisjoint(learners, incoming) || !AreDisjoint(learners, outgoing)) return false;
  if (!IsSubset(learners_next, outgoing) || !AreDisjoint(learners_next, incoming)) return false;
  return joint() || !auto_leave;
}

NodeSet Configuration::Members() const {
  NodeSet members = incoming;
  for (const NodeId node : outgoing) Insert(members, node);
  for (const NodeId node : learners) Insert(members, node);
  return members;
}

Configuration ConfigurationOf(const NodeSet& voters) {
  Configuration configuration;
  for (const NodeId node : voters) Insert(configuration.incoming, node);
  return configuration;
}

absl::StatusOr<Configuration> Enter(const Configuration& current,
                                    const absl::InlinedVector<MemberChange, 4>& changes,
                                    Transition transition) {
  if (current.joint()) return absl::FailedPreconditionError("the configuration is already joint");
  if (absl::Status status = CheckChanges(changes); !status.ok()) return status;

  Configuration simple = current;
  for (const MemberChange& change : changes) Apply(simple, change);
  ++simple.epoch;
  if (simple.incoming.empty()) return absl::InvalidArgumentError("no voter would be left");
  if (transition == Transition::kAuto && Difference(current.incoming, simple.incoming) <= 1) {
    return simple;
  }

  if (current.incoming.empty()) {
    return absl::FailedPreconditionError("a configuration without voters cannot become joint");
  }
  Configuration joint = current;
  joint.outgoing = current.incoming;
  for (const MemberChange& change : changes) Apply(joint, change);
  joint.auto_leave = transition != Transition::kJointExplicit;
  ++joint.epoch;
  return joint;
}

absl::StatusOr<Configuration> Leave(const Configuration& current) {
  if (!current.joint()) return absl::FailedPreconditionError("the configuration is not joint");
  Configuration next = current;
  for (const NodeId node : current.learners_next) Insert(next.learners, node);
  next.learners_next.clear();
  next.outgoing.clear();
  next.auto_leave = false;
  ++next.epoch;
  return next;
}

void Encode(const Configuration& configuration, std::string& out) {
  Encoder encoder(out);
  encoder.Varint(configuration.epoch);
  encoder.U8(configuration.auto_leave ? 1 : 0);
  EncodeSet(encoder, configuration.incoming);
  EncodeSet(encoder, configuration.outgoing);
  EncodeSet(encoder, configuration.learners);
  EncodeSet(encoder, configuration.learners_next);
}

absl::StatusOr<Configuration> DecodeConfiguration(std::string_view bytes) {
  Decoder decoder(bytes);
  Configuration configuration;
  configuration.epoch = decoder.Varint();
  const std::uint8_t auto_leave = decoder.U8();
  configuration.auto_leave = auto_leave == 1;
  configuration.incoming = DecodeSet(decoder);
  configuration.outgoing = DecodeSet(decoder);
  configuration.learners = DecodeSet(decoder);
  configuration.learners_next = DecodeSet(decoder);
  if (!decoder.done() || auto_leave > 1) return absl::InvalidArgumentError("not a configuration");
  // The one of nobody stands where there is none yet.
  if (!configuration.IsValid() && configuration != Configuration{}) {
    return absl::InvalidArgumentError("a configuration that breaks its own rules");
  }
  return configuration;
}

std::string Render(const Configuration& configuration) {
  std::string out;
  RenderSet(out, configuration.incoming);
  if (configuration.joint()) {
    out += "&&";
    RenderSet(out, configuration.outgoing);
  }
  if (!configuration.learners.empty()) {
    out += " learners=";
    RenderSet(out, configuration.learners);
  }
  if (!configuration.learners_next.empty()) {
    out += " learners_next=";
    RenderSet(out, configuration.learners_next);
  }
  if (configuration.auto_leave) out += " autoleave";
  return out;
}

}  // namespace quorate
