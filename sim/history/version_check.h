// sim/history/version_check.h — layer 1: a recorded history against the versions and revisions it shows.
//
// Model: every reply says at which revision of its namespace it was evaluated and which version of each row
//   it saw (absent ones too). So the order of writes is known without any serial point:
//     order    the write that made revision r stands at r; whatever was evaluated at r stands between r and
//              r + 1. Pair rule: the history is against real time only if an operation that completed
//              before another was invoked stands behind it. One sweep with a running maximum finds it, and
//              the pair is the smallest counterexample.
//     room     revisions that nobody claims are at most as many as operations of unknown outcome; between two
//              writes there are at least as many indexes as revisions.
//     makers   a version names one change: all rows that it wrote have it, and no other row does.
//     rows     by revision, each key's versions rise (strictly after an absence or a write); two sights of
//              one version have one value, the one its writer wrote; a row is absent only where a delete
//              may have been; a value that nobody wrote was never there.
//     effects  a compare-and-set names what it replaced; a refused one had a reason; a scan shows every row
//              that was there in its range.
//   Unknown outcomes constrain nothing by themselves; they excuse what they may have caused.
// Requires: a namespace is empty at the beginning of the history, and every writer is in it.
// Complete for histories whose replies are true about revisions; otherwise sound: it never refuses a
//   linearizable history of a system that keeps its contract on versions and revisions.
// Cost: O(n log n), and for a scan the keys in its range. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "sim/history/history.h"

namespace quorate::sim {

struct VersionFinding {
  std::string rule;  // "pair", "revision", "version", "value", "absent", "effect", "scan"
  std::string what;  // the operations that contradict each other, one a line
  OpId first;
  OpId second;  // = first where one operation is enough
};

struct VersionCheckCounts {
  std::uint64_t operations = 0;  // with a reply
  std::uint64_t sights = 0;      // rows and absences seen
};

// The first contradiction in the order of groups, or nullopt. `counts` may be nullptr.
std::optional<VersionFinding> CheckVersions(const History& history, VersionCheckCounts* counts);

}  // namespace quorate::sim
