// sim/cli/summary.h — what a suite of simulations adds up to.
//
// Model: records come in the order of their numbers; only sums and what went wrong are kept.
//   Nothing in a summary depends on real time, on the machine, or on how many workers there were.
//   The summary of one shard is that of its own runs; a merge of all shards (merge.h) is that of the suite.
// Gates: excused runs at most 2 % (from 100 runs on); each mark that a file requires is reached by
//   some run of that file (from its `marks.after_runs` on). Of a shard nothing is asked: its share of the runs
//   need not reach what all of them must.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/cli/coverage_tally.h"
#include "sim/cli/exit_code.h"
#include "sim/cli/record.h"
#include "sim/shrink/edits.h"

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
  std::optional<Excuse> certificate{};  // if excused
  std::string replay{};                 // the line that repeats it, if another machine told it
  std::optional<RunSize> shrunk{};      // of the first of its kind: how small it became
};

// Equal for failures of one kind: severity and checker; no seed, node or time.
std::string FingerprintOf(const Finding& finding);

struct MarkCount {
  std::uint64_t runs = 0;
  std::uint64_t times = 0;
  friend bool operator==(const MarkCount&, const MarkCount&) = default;
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
  std::uint64_t number = 0;
  std::uint64_t file = 0;
  std::uint64_t seed = 0;
};

// A run that was done twice, and why.
struct TwinRun {
  std::uint64_t number = 0;
  bool sampled = false;  // by its seed
  bool failed = false;
};

// A share of a suite: the runs whose number is `index` modulo `of`.
struct Shard {
  std::uint64_t index = 0;
  std::uint64_t of = 1;
  friend bool operator==(const Shard&, const Shard&) = default;
};

// What is kept of all runs.
struct SuiteTotals {
  Origin origin;
  std::uint64_t seeds = 0;     // how many runs the suite is to have, those of all shards together
  std::optional<Shard> shard;  // if these are the runs of one
  std::vector<FileSummary> files;
  std::vector<RunLine> runs;      // in the order of their numbers
  std::vector<Finding> findings;  // the same; those of second runs behind the others
  std::uint64_t events = 0;
  std::int64_t virtual_ns = 0;
  std::uint64_t twins = 0;
  std::vector<TwinRun> twin_runs;
  bool out_of_time = false;  // fewer runs were made than were asked for, for want of time
  bool interrupted = false;  // fewer, because somebody interrupted
  Counters injected;
  Counters checked;
  Counters operations;
  Counters ignored;
  std::map<std::string, MarkCount> marks;
  CoverageTally coverage;
  // Of the digests of all runs, each under its number: equal suites have equal ones, and those of all shards of a
  // suite add up to that of the whole.
  Digest digest;
};

class Summary {
 public:
  Summary(const std::vector<Scenario>& scenarios, Origin origin, std::uint64_t seeds);
  explicit Summary(SuiteTotals totals) : totals_(std::move(totals)) {}

  void Add(const RunRecord& record);
  // A run whose second execution was not like the first.
  void AddTwinMismatch(const RunRecord& record, std::string what);
  void AddTwins(std::uint64_t checked) { totals_.twins += checked; }
  // It is to be done twice.
  void NoteTwin(const TwinRun& run) { totals_.twin_runs.push_back(run); }
  void SetShrunk(std::size_t finding, const RunSize& size) {
    totals_.findings[finding].shrunk = size;
  }
  void set_shard(const Shard& shard) { totals_.shard = shard; }
  // Fewer runs were made than were asked for, for want of time.
  void set_out_of_time() { totals_.out_of_time = true; }
  // Fewer, because somebody interrupted.
  void set_interrupted() { totals_.interrupted = true; }

  // What the gates say, one line each; empty if all are met.
  std::vector<std::string> MissedGates() const;
  ExitCode exit_code() const;

  const SuiteTotals& totals() const { return totals_; }
  const std::optional<Shard>& shard() const { return totals_.shard; }
  const std::vector<FileSummary>& files() const { return totals_.files; }
  const std::vector<RunLine>& runs() const { return totals_.runs; }
  // Failures first in the order of their numbers, as everything.
  const std::vector<Finding>& findings() const { return totals_.findings; }
  std::uint64_t count(Severity severity) const;
  std::uint64_t failures() const;
  std::uint64_t events() const { return totals_.events; }
  std::int64_t virtual_ns() const { return totals_.virtual_ns; }
  std::uint64_t twins() const { return totals_.twins; }
  bool out_of_time() const { return totals_.out_of_time; }
  bool interrupted() const { return totals_.interrupted; }
  const Origin& origin() const { return totals_.origin; }
  const Counters& injected() const { return totals_.injected; }
  const Counters& checked() const { return totals_.checked; }
  const Counters& operations() const { return totals_.operations; }
  // Violations that were passed over, by checker id.
  const Counters& ignored() const { return totals_.ignored; }
  const std::map<std::string, MarkCount>& marks() const { return totals_.marks; }
  const CoverageTally& coverage() const { return totals_.coverage; }
  std::uint64_t runs_asked_for() const { return totals_.seeds; }
  Digest digest() const { return totals_.digest; }

 private:
  SuiteTotals totals_;
};

}  // namespace quorate::sim
