// engine/raft/quorum.h — the arithmetic of majorities, joint ones too.
//
// Model: pure functions over a configuration and what is known of each voter. A joint decision needs both
//   majorities; learners never count. An empty voter set agrees to everything.
// Source: Raft dissertation 4.3; tested against a naive reference and etcd-io/raft's published vectors.
#pragma once
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "engine/raft/configuration.h"

namespace quorate {

enum class VoteResult : std::uint8_t { kPending, kLost, kWon };
enum class Ballot : std::uint8_t { kMissing, kNo, kYes };

constexpr std::size_t MajorityOf(std::size_t voters) { return voters / 2 + 1; }

// The greatest index that a majority of `voters` has reached. Of no voters: the greatest index there is.
Index MajorityIndex(const NodeSet& voters, absl::FunctionRef<Index(NodeId)> reached);
VoteResult MajorityVote(const NodeSet& voters, absl::FunctionRef<Ballot(NodeId)> ballot);

// The same over both majorities.
Index CommittedIndex(const Configuration& configuration, absl::FunctionRef<Index(NodeId)> reached);
VoteResult Tally(const Configuration& configuration, absl::FunctionRef<Ballot(NodeId)> ballot);
// Whether the nodes for which `in` says true are a quorum.
bool IsQuorum(const Configuration& configuration, absl::FunctionRef<bool(NodeId)> in);

}  // namespace quorate
