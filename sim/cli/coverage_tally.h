// sim/cli/coverage_tally.h — which kinds of states the runs of a suite have been in, all together.
//
// Model: for each state the *step* of the suite in which it was first seen: step k ends with run 2^k, counted from
//   1, so that the number of states after 1, 2, 4, … runs is known however the runs are spread over workers or
//   machines. Features and their pairs are a union.
// Invariants: adding is commutative, and a merge of parts is equal to the whole.
// Units: `number` counts runs from 0 over the whole suite, shards included. Errors: none.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "sim/world/abstract_state.h"

namespace quorate::sim {

class CoverageTally {
 public:
  using Step = std::uint8_t;

  void Add(std::uint64_t number, const AbstractStates& states);
  void AddState(std::uint64_t state, Step step);
  void AddPairs(const FeaturePairs& pairs) { pairs_.Add(pairs); }

  const absl::btree_map<std::uint64_t, Step>& states() const { return states_; }
  const FeaturePairs& pairs() const { return pairs_; }

  struct Point {
    std::uint64_t runs = 0;  // the first so many of the suite
    std::uint64_t states = 0;
    friend bool operator==(const Point&, const Point&) = default;
  };
  // After 1, 2, 4, … runs, and after all `runs` of them. Requires: none was added with a higher number.
  std::vector<Point> Growth(std::uint64_t runs) const;

  // Features that no run has seen, and pairs of features that were seen, but not together.
  std::vector<std::size_t> MissingFeatures() const;
  std::vector<std::pair<std::size_t, std::size_t>> MissingPairs() const;
  // All pairs that a node can show.
  static std::uint64_t AllPairs();
  std::uint64_t SeenPairs() const;

 private:
  absl::btree_map<std::uint64_t, Step> states_;
  FeaturePairs pairs_;
};

}  // namespace quorate::sim
