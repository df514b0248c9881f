// tests/engine/quorum_vectors.h — published answers of quorum arithmetic, as facts.
//
// Source: etcd-io/raft, quorum/testdata (majority_commit, joint_commit, majority_vote, joint_vote): the
//   values of its test tables. Values are given for the voters of the first set in order, then for those of
//   the second that are not in the first; `_` is a voter of whom nothing is known.
#pragma once
#include <cstdint>
#include <limits>

#include "engine/raft/quorum.h"

namespace quorate {

inline constexpr std::uint64_t kEverything = std::numeric_limits<std::uint64_t>::max();

struct CommitVector {
  const char* incoming;
  const char* outgoing;
  const char* reached;
  std::uint64_t committed;
};
struct VoteVector {
  const char* incoming;
  const char* outgoing;
  const char* ballots;
  VoteResult result;
};

inline constexpr CommitVector kMajorityCommit[] = {
    {"", "", "", kEverything},
    {"1", "", "_", 0},
    {"1", "", "12", 12},
    {"1 2", "", "_ _", 0},
    {"1 2", "", "12 _", 0},
    {"1 2", "", "12 5", 5},
    {"1 2 3", "", "_ _ _", 0},
    {"1 2 3", "", "12 _ _", 0},
    {"1 2 3", "", "12 5 _", 5},
    {"1 2 3", "", "12 5 6", 6},
    {"1 2 3", "", "12 5 4", 5},
    {"1 2 3", "", "5 5 _", 5},
    {"1 2 3", "", "5 5 12", 5},
    {"1 2 3", "", "100 101 103", 101},
    {"1 2 3 4 5", "", "101 104 103 103 _", 103},
    {"1 2 3 4 5", "", "101 102 103 103 _", 102},
};

inline constexpr CommitVector kJointCommit[] = {
    {"1 2 3", "", "100 101 99", 100},
    {"1", "2", "_ _", 0},
    {"1", "2", "100 _", 0},
    {"1", "2", "13 100", 13},
    {"1", "1", "_", 0},
    {"1", "1", "100", 100},
    {"1 3", "2", "_ _ _", 0},
    {"1 3", "2", "100 _ _", 0},
    {"1 3", "2", "100 _ 50", 0},
    {"1 3", "2", "100 45 50", 45},
    {"1 2", "2", "_ _", 0},
    {"1 2", "2", "100 _", 0},
    {"1 2", "2", "_ 100", 0},
    {"1 2", "2", "50 100", 50},
    {"1 2", "2", "100 50", 50},
    {"1 2", "3 4", "50 _ _ _", 0},
    {"1 2", "3 4", "50 _ 49 _", 0},
    {"1 2", "3 4", "50 48 49 _", 0},
    {"1 2", "3 4", "50 48 49 47", 47},
    {"1 2", "2 3", "_ _ _", 0},
    {"1 2", "2 3", "100 _ _", 0},
    {"1 2", "2 3", "_ 100 _", 0},
    {"1 2", "2 3", "_ 100 99", 0},
    {"1 2", "2 3", "101 100 99", 99},
    {"1 2", "1 2", "_ _", 0},
    {"1 2", "1 2", "_ 40", 0},
    {"1 2", "1 2", "41 40", 40},
    {"1 2 3", "4 5 6", "_ _ _ _ _ _", 0},
    {"1 2 3", "4 5 6", "100 _ _ _ _ _", 0},
    {"1 2 3", "4 5 6", "100 _ _ 90 _ _", 0},
    {"1 2 3", "4 5 6", "100 99 _ _ _ _", 0},
    {"1 2 3", "4 5 6", "_ 99 90 97 95 _", 90},
    {"1 2 3", "4 5 6", "92 99 90 97 95 _", 92},
    {"1 2 3", "4 5 6", "92 99 90 97 95 77", 92},
    {"1 2 3", "1 4 5", "_ _ _ _ _", 0},
    {"1 2 3", "1 4 5", "100 _ _ _ _", 0},
    {"1 2 3", "1 4 5", "100 101 _ _ _", 0},
    {"1 2 3", "1 4 5", "100 101 100 _ _", 0},
    {"1 2 3", "1 4 5", "_ 100 _ 99 98", 0},
    {"1 2 3", "1 4 5", "_ 100 99 99 98", 98},
    {"1 2 3", "1 4 5", "1 100 99 99 98", 98},
    {"1 2 3", "1 4 5", "100 100 99 99 98", 99},
    {"1 2 3", "2 3 4", "_ _ _ _", 0},
    {"1 2 3", "2 3 4", "_ 100 99 _", 99},
    {"1 2 3", "2 3 4", "98 100 99 _", 99},
    {"1 2 3", "2 3 4", "100 100 99 _", 99},
    {"1 2 3", "2 3 4", "100 100 99 98", 99},
    {"1 2 3", "2 3 4", "100 _ _ 101", 0},
    {"1 2 3", "2 3 4", "100 99 _ 101", 99},
    {"1 2 3", "1 2 3", "50 45 _", 45},
};

inline constexpr VoteVector kMajorityVote[] = {
    {"", "", "", VoteResult::kWon},
    {"1", "", "_", VoteResult::kPending},
    {"1", "", "n", VoteResult::kLost},
    {"123", "", "y", VoteResult::kWon},
    {"4 8", "", "_ _", VoteResult::kPending},
    {"4 8", "", "n _", VoteResult::kLost},
    {"4 8", "", "y _", VoteResult::kPending},
    {"4 8", "", "n y", VoteResult::kLost},
    {"4 8", "", "y y", VoteResult::kWon},
    {"2 4 7", "", "_ _ _", VoteResult::kPending},
    {"2 4 7", "", "n _ _", VoteResult::kPending},
    {"2 4 7", "", "y _ _", VoteResult::kPending},
    {"2 4 7", "", "n n _", VoteResult::kLost},
    {"2 4 7", "", "y n _", VoteResult::kPending},
    {"2 4 7", "", "y y _", VoteResult::kWon},
    {"2 4 7", "", "y y n", VoteResult::kWon},
    {"2 4 7", "", "n y n", VoteResult::kLost},
    {"1 2 3 4 5 6 7", "", "y y n y _ _ _", VoteResult::kPending},
    {"1 2 3 4 5 6 7", "", "_ y y _ n y n", VoteResult::kPending},
    {"1 2 3 4 5 6 7", "", "y y n y _ n y", VoteResult::kWon},
    {"1 2 3 4 5 6 7", "", "y y _ n y n n", VoteResult::kPending},
    {"1 2 3 4 5 6 7", "", "y y n y n n n", VoteResult::kLost},
};

inline constexpr VoteVector kJointVote[] = {
    {"", "", "", VoteResult::kWon},
    {"1", "", "_", VoteResult::kPending},
    {"1", "", "y", VoteResult::kWon},
    {"1", "", "n", VoteResult::kLost},
    {"1", "1", "_", VoteResult::kPending},
    {"1", "1", "y", VoteResult::kWon},
    {"1", "1", "n", VoteResult::kLost},
    {"1", "2", "_ _", VoteResult::kPending},
    {"1", "2", "y _", VoteResult::kPending},
    {"1", "2", "y y", VoteResult::kWon},
    {"1", "2", "y n", VoteResult::kLost},
    {"1", "2", "n _", VoteResult::kLost},
    {"1", "2", "n n", VoteResult::kLost},
    {"1", "2", "n y", VoteResult::kLost},
    {"1 2", "3 4", "_ _ _ _", VoteResult::kPending},
    {"1 2", "3 4", "y _ _ _", VoteResult::kPending},
    {"1 2", "3 4", "y y _ _", VoteResult::kPending},
    {"1 2", "3 4", "y y n _", VoteResult::kLost},
    {"1 2", "3 4", "y y n n", VoteResult::kLost},
    {"1 2", "3 4", "y y y n", VoteResult::kLost},
    {"1 2", "3 4", "y y y y", VoteResult::kWon},
    {"1 2", "2 3", "_ _ _", VoteResult::kPending},
    {"1 2", "2 3", "_ n _", VoteResult::kLost},
    {"1 2", "2 3", "y y _", VoteResult::kPending},
    {"1 2", "2 3", "y y n", VoteResult::kLost},
    {"1 2", "2 3", "y y y", VoteResult::kWon},
    {"1 2", "1 2", "_ _", VoteResult::kPending},
    {"1 2", "1 2", "y _", VoteResult::kPending},
    {"1 2", "1 2", "y n", VoteResult::kLost},
    {"1 2", "1 2", "n _", VoteResult::kLost},
    {"1 2", "1 2", "n n", VoteResult::kLost},
    {"1 2 3", "2 3 4", "_ _ _ _", VoteResult::kPending},
    {"1 2 3", "2 3 4", "_ n _ _", VoteResult::kPending},
    {"1 2 3", "2 3 4", "_ n n _", VoteResult::kLost},
    {"1 2 3", "2 3 4", "_ y y _", VoteResult::kWon},
    {"1 2 3", "2 3 4", "y y _ _", VoteResult::kPending},
    {"1 2 3", "2 3 4", "y y n _", VoteResult::kPending},
    {"1 2 3", "2 3 4", "y y n n", VoteResult::kLost},
    {"1 2 3", "2 3 4", "y y n y", VoteResult::kWon},
};

}  // namespace quorate
