// sim/cli/summary.h — what a suite of simulations adds up to.
//
// Model: records come in the order of their numbers; only sums and what went wrong are kept.
//   Nothing in a summary depends on real time, on the machine, or on how many workers there were.
// Gates: excused runs at most 2 % (from 100 runs on); each mark that a file requires is reached by
//   some run of that file (from its `marks.after_runs` on).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/cli/coverage_tally.h"
#include "sim/cli/exit_code.h"
#include "sim/cli/record.h"

namespace quorate::sim {

// A run that did not pass.
struct Finding {
  std::uint64_t number = 0;
  std::uint64_t file = 0;
  std::uint64_t seed = 0;
  Severity severity = Severity::kPass;
  std::string
      checker;  // "I-7"; "ASSERT", "CRASH", "TIME", "DETERMINISM"; empty if excused or unknown
  std::string what;
  std::uint64_t event = 0;
  std::optional<Excuse> certificate;  // if excused
};

// Equal for failures of one kind: severity and checker; no seed, node or time.
std::string FingerprintOf(const Finding& finding);

struct MarkCount {
  std::uint64_t runs = 0;
  std::uint64_t times = 0;
};

struct FileSummary {
  std::string file;  // as it was named on the command line
  std::string path;  // from the root, so that a line with it works anywhere
  Digest hash;       // of its text
  std::vector<std::string> required_marks;
  std::uint64_t marks_after_runs = 0;
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::map<Severity, std::uint64_t> by_severity;
  std::map<std::string, MarkCount> marks;
};

// Which program made the runs.
struct Origin {
  std::string program = "quorate-sim";  // as a shell finds it
  std::string version;
  std::string commit;
  std::vector<std::string> options;  // that make the same run another one: what was left out
};

struct RunLine {  // for JUnit
  std::uint64_t file = 0;
  std::uint64_t seed = 0;
};

class Summary {
 public:
  // `seeds`: how many runs the suite is to have, those of other machines included.
  Summary(const std::vector<Scenario>& scenarios, Origin origin, std::uint64_t seeds);

  void Add(const RunRecord& record);
  // A run whose second execution was not like the first.
  void AddTwinMismatch(const RunRecord& record, std::string what);
  void AddTwins(std::uint64_t checked) { twins_ += checked; }
  // Fewer runs were made than were asked for, for want of time.
  void set_out_of_time() { out_of_time_ = true; }
  // Fewer, because somebody interrupted.
  void set_interrupted() { interrupted_ = true; }

  // What the gates say, one line each; empty if all are met.
  std::vector<std::string> MissedGates() const;
  ExitCode exit_code() const;

  const std::vector<FileSummary>& files() const { return files_; }
  const std::vector<RunLine>& runs() const { return runs_; }
  // Failures first in the order of their numbers, as everything.
  const std::vector<Finding>& findings() const { return findings_; }
  std::uint64_t count(Severity severity) const;
  std::uint64_t failures() const;
  std::uint64_t events() const { return events_; }
  std::int64_t virtual_ns() const { return virtual_ns_; }
  std::uint64_t twins() const { return twins_; }
  bool out_of_time() const { return out_of_time_; }
  bool interrupted() const { return interrupted_; }
  const Origin& origin() const { return origin_; }
  const Counters& injected() const { return injected_; }
  const Counters& checked() const { return checked_; }
  const Counters& operations() const { return operations_; }
  // Violations that were passed over, by checker id.
  const Counters& ignored() const { return ignored_; }
  const std::map<std::string, MarkCount>& marks() const { return marks_; }
  const CoverageTally& coverage() const { return coverage_; }
  std::uint64_t runs_asked_for() const { return seeds_; }
  // Of the digests of all runs, each under its number: equal suites have equal ones, and those of the shares of a
  // suite add up to that of the whole.
  Digest digest() const { return digest_; }

 private:
  std::vector<FileSummary> files_;
  std::vector<RunLine> runs_;
  std::vector<Finding> findings_;
  std::map<Severity, std::uint64_t> by_severity_;
  std::uint64_t events_ = 0;
  std::int64_t virtual_ns_ = 0;
  std::uint64_t twins_ = 0;
  bool out_of_time_ = false;
  bool interrupted_ = false;
  Origin origin_;
  std::uint64_t seeds_;
  Counters injected_;
  Counters checked_;
  Counters operations_;
  Counters ignored_;
  std::map<std::string, MarkCount> marks_;
  CoverageTally coverage_;
  Digest digest_;
};

}  // namespace quorate::sim
