#include "engine/raft/quorum.h"

#include <algorithm>
#include <limits>

namespace quorate {

Index MajorityIndex(const NodeSet& voters, absl::FunctionRef<Index(NodeId)> reached) {
  if (voters.empty()) return Index(std::numeric_limits<std::uint64_t>::max());
  // Sorted downwards by insertion: a handful of voters, and nothing is allocated.
  absl::InlinedVector<Index, 8> sorted;
  for (const NodeId voter : voters) {
    const Index index = reached(voter);
    std::size_t at = sorted.size();
    sorted.push_back(index);
    for (; at > 0 && sorted[at - 1] < index; --at) sorted[at] = sorted[at - 1];
    sorted[at] = index;
  }
  return sorted[MajorityOf(voters.size()) - 1];
}

VoteResult MajorityVote(const NodeSet& voters, absl::FunctionRef<Ballot(NodeId)> ballot) {
  if (voters.empty()) return VoteResult::kWon;
  std::size_t yes = 0;
  std::size_t missing = 0;
  for (const NodeId voter : voters) {
    switch (ballot(voter)) {
      case Ballot::kYes:
        ++yes;
        break;
      case Ballot::kMissing:
        ++missing;
        break;
      case Ballot::kNo:
        break;
    }
  }
  const std::size_t needed = MajorityOf(voters.size());
  if (yes >= needed) return VoteResult::kWon;
  return yes + missing >= needed ? VoteResult::kPending : VoteResult::kLost;
}

Index CommittedIndex(const Configuration& configuration, absl::FunctionRef<Index(NodeId)> reached) {
  const Index incoming = MajorityIndex(configuration.incoming, reached);
  if (!configuration.joint()) return incoming;
  return std::min(incoming, MajorityIndex(configuration.outgoing, reached));
}

VoteResult Tally(const Configuration& configuration, absl::FunctionRef<Ballot(NodeId)> ballot) {
  const VoteResult incoming = MajorityVote(configuration.incoming, ballot);
  if (!configuration.joint() || incoming == VoteResult::kLost) return incoming;
  const VoteResult outgoing = MajorityVote(configuration.outgoing, ballot);
  if (outgoing == VoteResult::kLost) return outgoing;
  return incoming == VoteResult::kWon ? outgoing : incoming;
}

bool IsQuorum(const Configuration& configuration, absl::FunctionRef<bool(NodeId)> in) {
  return Tally(configuration, [&](NodeId node) { return in(node) ? Ballot::kYes : Ballot::kNo; }) ==
         VoteResult::kWon;
}

}  // namespace quorate
