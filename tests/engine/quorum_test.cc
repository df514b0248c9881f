// tests/engine/quorum_test.cc — quorum arithmetic against a naive reference and against published answers.
//
// The reference does not sort and does not count down: it tries every subset of voters.
#include "engine/raft/quorum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/engine/quorum_vectors.h"

namespace quorate {
namespace {

NodeSet SetOf(unsigned mask) {
  NodeSet set;
  for (std::uint32_t i = 0; i < 8; ++i) {
    if ((mask >> i & 1u) != 0) set.push_back(NodeId(i + 1));
  }
  return set;
}

unsigned MaskOf(const NodeSet& set) {
  unsigned mask = 0;
  for (const NodeId node : set) mask |= 1u << (node.value() - 1);
  return mask;
}

// Some majority of `voters` lies wholly within `in`.
bool NaiveMajority(unsigned voters, unsigned in) {
  if (voters == 0) return true;
  for (unsigned subset = voters;; subset = (subset - 1) & voters) {
    const bool majority = 2 * std::popcount(subset) > std::popcount(voters);
    if (majority && (subset & ~in) == 0) return true;
    if (subset == 0) return false;
  }
}

std::uint64_t NaiveIndex(unsigned voters, const std::vector<std::uint64_t>& reached) {
  if (voters == 0) return kEverything;
  std::uint64_t best = 0;
  for (const std::uint64_t candidate : reached) {
    unsigned in = 0;
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (reached[i] >= candidate) in |= 1u << i;
    }
    if (NaiveMajority(voters, in)) best = std::max(best, candidate);
  }
  return best;
}

// What can still happen: every way in which the missing voters may answer.
VoteResult NaiveVote(unsigned incoming, unsigned outgoing, unsigned yes, unsigned missing) {
  const bool now = NaiveMajority(incoming, yes) && NaiveMajority(outgoing, yes);
  if (now) return VoteResult::kWon;
  const unsigned hoped = yes | missing;
  const bool possible = NaiveMajority(incoming, hoped) && NaiveMajority(outgoing, hoped);
  return possible ? VoteResult::kPending : VoteResult::kLost;
}

NodeSet Parse(const char* text) {
  NodeSet set;
  std::istringstream in(text);
  for (std::uint32_t node = 0; in >> node;) Insert(set, NodeId(node));
  return set;
}

// The words of `values`, given to the voters of both sets in the order of the vectors.
std::map<NodeId, std::string> Assign(const NodeSet& incoming, const NodeSet& outgoing,
                                     const char* values) {
  std::vector<NodeId> order(incoming.begin(), incoming.end());
  for (const NodeId node : outgoing) {
    if (!Contains(incoming, node)) order.push_back(node);
  }
  std::map<NodeId, std::string> assigned;
  std::istringstream in(values);
  std::size_t at = 0;
  for (std::string word; in >> word;) assigned[order.at(at++)] = word;
  EXPECT_EQ(at, order.size()) << values;
  return assigned;
}

Configuration Joint(const NodeSet& incoming, const NodeSet& outgoing) {
  Configuration configuration;
  configuration.incoming = incoming;
  configuration.outgoing = outgoing;
  return configuration;
}

template <class Vectors>
void ExpectCommits(const Vectors& vectors) {
  for (const CommitVector& vector : vectors) {
    const NodeSet incoming = Parse(vector.incoming);
    const NodeSet outgoing = Parse(vector.outgoing);
    const auto assigned = Assign(incoming, outgoing, vector.reached);
    const auto reached = [&](NodeId node) {
      const std::string& word = assigned.at(node);
      return Index(word == "_" ? 0 : std::stoull(word));
    };
    EXPECT_EQ(CommittedIndex(Joint(incoming, outgoing), reached).value(), vector.committed)
        << vector.incoming << " && " << vector.outgoing << ": " << vector.reached;
    EXPECT_EQ(CommittedIndex(Joint(outgoing, incoming), reached).value(), vector.committed);
  }
}

template <class Vectors>
void ExpectVotes(const Vectors& vectors) {
  for (const VoteVector& vector : vectors) {
    const NodeSet incoming = Parse(vector.incoming);
    const NodeSet outgoing = Parse(vector.outgoing);
    const auto assigned = Assign(incoming, outgoing, vector.ballots);
    const auto ballot = [&](NodeId node) {
      const std::string& word = assigned.at(node);
      return word == "y" ? Ballot::kYes : word == "n" ? Ballot::kNo : Ballot::kMissing;
    };
    EXPECT_EQ(Tally(Joint(incoming, outgoing), ballot), vector.result)
        << vector.incoming << " && " << vector.outgoing << ": " << vector.ballots;
    EXPECT_EQ(Tally(Joint(outgoing, incoming), ballot), vector.result);
  }
}

TEST(MajorityIndex, IsWhatSomeMajorityHasReachedForEverySetOfUpToFourVoters) {
  for (unsigned voters = 0; voters < 16; ++voters) {
    for (unsigned code = 0; code < 5 * 5 * 5 * 5; ++code) {
      std::vector<std::uint64_t> reached;
      for (unsigned rest = code, i = 0; i < 4; ++i, rest /= 5) reached.push_back(rest % 5);
      const Index index = MajorityIndex(
          SetOf(voters), [&](NodeId node) { return Index(reached[node.value() - 1]); });
      ASSERT_EQ(index.value(), NaiveIndex(voters, reached)) << voters << " " << code;
    }
  }
}

TEST(MajorityIndex, IsTheMiddleOneOfSevenInAnyOrder) {
  std::vector<std::uint64_t> reached = {1, 2, 2, 4, 5, 6, 7};
  do {
    const Index index =
        MajorityIndex(SetOf(0x7f), [&](NodeId node) { return Index(reached[node.value() - 1]); });
    ASSERT_EQ(index, Index(4));
  } while (std::next_permutation(reached.begin(), reached.end()));
}

TEST(CommittedIndex, NeedsBothMajoritiesForEveryPairOfSetsOfUpToFourVoters) {
  for (unsigned incoming = 1; incoming < 16; ++incoming) {
    for (unsigned outgoing = 0; outgoing < 16; ++outgoing) {
      for (unsigned code = 0; code < 4 * 4 * 4 * 4; ++code) {
        std::vector<std::uint64_t> reached;
        for (unsigned rest = code, i = 0; i < 4; ++i, rest /= 4) reached.push_back(rest % 4);
        const Index index =
            CommittedIndex(Joint(SetOf(incoming), SetOf(outgoing)),
                           [&](NodeId node) { return Index(reached[node.value() - 1]); });
        const std::uint64_t naive =
            std::min(NaiveIndex(incoming, reached), NaiveIndex(outgoing, reached));
        ASSERT_EQ(index.value(), naive) << incoming << " " << outgoing << " " << code;
      }
    }
  }
}

TEST(Tally, SaysWhatCanStillHappenForEveryPairOfSetsOfUpToFiveVoters) {
  for (unsigned incoming = 0; incoming < 32; ++incoming) {
    for (unsigned outgoing = 0; outgoing < 32; ++outgoing) {
      const Configuration configuration = Joint(SetOf(incoming), SetOf(outgoing));
      for (unsigned yes = 0; yes < 32; ++yes) {
        const unsigned others = 31u & ~yes;
        for (unsigned missing = others;; missing = (missing - 1) & others) {
          const VoteResult result = Tally(configuration, [&](NodeId node) {
            const unsigned bit = 1u << (node.value() - 1);
            return (yes & bit) != 0       ? Ballot::kYes
                   : (missing & bit) != 0 ? Ballot::kMissing
                                          : Ballot::kNo;
          });
          ASSERT_EQ(result, NaiveVote(incoming, outgoing, yes, missing))
              << incoming << " " << outgoing << " " << yes << " " << missing;
          if (missing == 0) break;
        }
      }
    }
  }
}

TEST(IsQuorum, HoldsForExactlyTheSetsThatContainBothMajorities) {
  for (unsigned incoming = 1; incoming < 32; ++incoming) {
    for (unsigned outgoing = 0; outgoing < 32; ++outgoing) {
      for (unsigned in = 0; in < 32; ++in) {
        const bool quorum = IsQuorum(Joint(SetOf(incoming), SetOf(outgoing)), [&](NodeId node) {
          return (in >> (node.value() - 1) & 1u) != 0;
        });
        ASSERT_EQ(quorum, NaiveMajority(incoming, in) && NaiveMajority(outgoing, in));
      }
    }
  }
}

TEST(IsQuorum, TwoQuorumsOfOneConfigurationAlwaysMeet) {
  for (unsigned voters = 1; voters < 32; ++voters) {
    const Configuration configuration = ConfigurationOf(SetOf(voters));
    for (unsigned a = 0; a < 32; ++a) {
      const auto in = [](unsigned mask) {
        return [mask](NodeId node) { return (mask >> (node.value() - 1) & 1u) != 0; };
      };
      if (!IsQuorum(configuration, in(a))) continue;
      ASSERT_FALSE(IsQuorum(configuration, in(MaskOf(configuration.incoming) & ~a)));
    }
  }
}

TEST(PublishedVectors, CommitOfOneMajority) {
  EXPECT_EQ(std::size(kMajorityCommit), 16u);
  for (const CommitVector& vector : kMajorityCommit) {
    const NodeSet voters = Parse(vector.incoming);
    const auto assigned = Assign(voters, {}, vector.reached);
    const Index index = MajorityIndex(voters, [&](NodeId node) {
      const std::string& word = assigned.at(node);
      return Index(word == "_" ? 0 : std::stoull(word));
    });
    EXPECT_EQ(index.value(), vector.committed) << vector.incoming << ": " << vector.reached;
  }
}

TEST(PublishedVectors, CommitOfTwoMajorities) {
  EXPECT_EQ(std::size(kJointCommit), 50u);
  ExpectCommits(kJointCommit);
}

TEST(PublishedVectors, VoteOfOneMajority) {
  EXPECT_EQ(std::size(kMajorityVote), 22u);
  ExpectVotes(kMajorityVote);
}

TEST(PublishedVectors, VoteOfTwoMajorities) {
  EXPECT_EQ(std::size(kJointVote), 39u);
  ExpectVotes(kJointVote);
}

}  // namespace
}  // namespace quorate
