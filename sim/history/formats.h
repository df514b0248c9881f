// sim/history/formats.h — histories recorded by others, and the verdict on a file of any known format.
//
// Model: the format is recognised from the content: ours (JSONL, see jsonl.h); Porcupine's "Jepsen etcd" text
//   (one compare-and-set register); and EDN, where the operations tell what it is: Porcupine's key-value text
//   (get, put, append; a key never written reads as "") or Jepsen's registers (read, write, cas), whose values may
//   be [key value] tuples, [version value] pairs as in jepsen.etcd, or both. Which of these it is, is decided for the
//   whole file by what was invoked; docs/formats.md has the rules.
//   Time is the order of the lines, never what a line says about the clock.
//   Unknown outcomes: as in history.h; a process may go on after one. In the etcd text a failed cas *was compared*
//   and did not match; in Jepsen's EDN a fail means that it never happened.
// Errors: InvalidArgument, one line that starts with "line N: " (or with the file's name), for files that are
//   malformed or were cut off; NotFound if there is no such file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/history/wgl.h"

namespace quorate::sim {

enum class HistoryFormat : std::uint8_t { kOurs, kJepsenEtcd, kPorcupineKv, kJepsenEdn };
const char* NameOf(HistoryFormat format);

struct CheckReport {
  HistoryFormat format = HistoryFormat::kOurs;
  std::uint64_t operations = 0;
  std::uint64_t infos = 0;  // of unknown outcome
  SearchVerdict verdict = SearchVerdict::kUnknown;
  std::uint64_t steps = 0;       // of the search
  std::uint64_t components = 0;  // keys, or groups of keys touched together
  std::string found_by;          // of a violation: "versions" or "search"
  std::string counterexample;    // of a violation; several lines
};

// Reads and checks; `budget` in search steps for each component.
absl::StatusOr<CheckReport> CheckText(std::string_view text, std::uint64_t budget = kDefaultBudget);
absl::StatusOr<CheckReport> CheckFile(const std::string& path,
                                      std::uint64_t budget = kDefaultBudget);

// A history of others, as problems for the search.
struct ForeignHistory {
  HistoryFormat format = HistoryFormat::kJepsenEdn;
  std::vector<Problem> problems;
};
absl::StatusOr<std::vector<Problem>> ReadJepsenEtcd(std::string_view text);
// Jepsen's registers, and Porcupine's key-value text.
absl::StatusOr<ForeignHistory> ReadEdnHistory(std::string_view text);

}  // namespace quorate::sim
