// sim/history/wgl.h — layer 2: is there any order at all? A search over one component of a history.
//
// Model: a `Problem` is a list of atomic operations over numbered cells. Each has tests on the state before,
//   writes, and sights (what its reply says it saw). The search of Wing and Gong, with Lowe's memory of
//   (set of operations done, state) pairs, looks for an order that keeps real time and explains every
//   reply. It sees values, and versions as opaque names: no serial points and no revisions.
//   Unknown outcomes: `must` is false and `ret` is kForever; they may be placed anywhere after their call or
//   left out. A resolved one has a `ret` and `must`.
// Units: call and ret are places of the history; budget and steps are attempts to place one operation.
// Invariants: call < ret. Verdict kViolation is a proof; out of budget is kUnknown, never kLinearizable.
//   The memory holds 128-bit digests, so a violation is wrong with a chance of about steps^2 / 2^128.
// Errors: none. Threads: none.
// Source: Wing and Gong 1993; Lowe 2017, "Testing for linearizability".
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/kv/command.h"
#include "sim/history/history.h"

namespace quorate::sim {

using CellId = std::uint32_t;
using ValueId = std::uint32_t;  // of `ValueTable`; 0 = absent
inline constexpr ValueId kAbsent = 0;
inline constexpr std::uint64_t kForever = ~std::uint64_t{0};

// Values as small numbers. Append-only.
class ValueTable {
 public:
  ValueTable() : texts_(1) {}
  ValueId Intern(std::string_view text);
  const std::string& text(ValueId id) const { return texts_[id]; }
  // The value after `suffix` was appended, or after `by` was added (nullopt: not a number, overflow).
  ValueId Append(ValueId base, ValueId suffix);
  std::optional<ValueId> Add(ValueId base, std::int64_t by);

 private:
  std::vector<std::string> texts_;
  absl::btree_map<std::string, ValueId, std::less<>> ids_;
  absl::btree_map<std::pair<ValueId, ValueId>, ValueId> appended_;
};

// All tests must hold on the state before the operation.
struct CellTest {
  enum class Kind : std::uint8_t { kIsAbsent, kIsPresent, kValueIs, kVersionIs, kCanAdd };
  CellId cell = 0;
  Kind kind = Kind::kIsAbsent;
  ValueId value = 0;
  Version version;
  std::int64_t by = 0;
};
struct CellWrite {
  enum class Kind : std::uint8_t { kSet, kErase, kAppend, kAdd };
  CellId cell = 0;
  Kind kind = Kind::kSet;
  ValueId value = 0;
  std::int64_t by = 0;
  Version version;  // {} = nobody knows
};
struct CellSight {
  CellId cell = 0;
  bool after = false;            // of the state after the writes, else before
  std::optional<ValueId> value;  // nullopt = not told
  Version version;               // {} = not told
};

struct SearchOp {
  enum class Outcome : std::uint8_t {
    kDone,     // all tests hold, writes are made
    kRefused,  // some test does not hold, nothing is written
    kEither,   // whichever it is: writes are made if all tests hold
  };
  std::uint64_t call = 0;
  std::uint64_t ret = kForever;
  bool must = true;
  Outcome outcome = Outcome::kDone;
  std::vector<CellTest> tests;
  std::vector<CellWrite> writes;
  std::vector<CellSight> sights;
  std::string text;  // for people
};

struct Problem {
  std::string name;  // "namespace 0, key k" …
  std::uint32_t cells = 0;
  std::optional<ValueId> initial;  // of every cell; nullopt = absent
  ValueTable values;
  std::vector<SearchOp> ops;
};

enum class SearchVerdict : std::uint8_t { kLinearizable, kViolation, kUnknown };
const char* NameOf(SearchVerdict verdict);

struct SearchResult {
  SearchVerdict verdict = SearchVerdict::kUnknown;
  std::uint64_t steps = 0;
  // Of a violation or an unknown: the longest order found, and the operation that could not follow.
  std::vector<std::uint32_t> longest;
  std::optional<std::uint32_t> stuck;
};

inline constexpr std::uint64_t kDefaultBudget = 10'000'000;

SearchResult Search(Problem& problem, std::uint64_t budget);

// The components of our own history: keys that a scan or a batch touches together are one.
// Requires: nothing; unknown outcomes are better resolved first (`ResolveInfos`).
std::vector<Problem> ProblemsOf(const History& history);

// A smaller problem that is a violation as well, and sound: it follows from the history. Cuts the end,
// then drops reads, then values with all who saw them. Requires: Search(problem) is a violation.
Problem Shrink(Problem problem, std::uint64_t budget);
// The operations by call, one a line, and where the search stuck.
std::string RenderCounterexample(const Problem& problem, std::uint64_t budget);

struct LinearizabilityResult {
  SearchVerdict verdict = SearchVerdict::kLinearizable;
  std::uint64_t steps = 0;
  std::uint64_t components = 0;
  std::uint64_t unknown_components = 0;
  std::string counterexample;  // of a violation, else empty
};
// `budget` is for each problem. A violation beats an unknown, an unknown beats a pass.
LinearizabilityResult CheckLinearizable(std::vector<Problem> problems, std::uint64_t budget);

}  // namespace quorate::sim
