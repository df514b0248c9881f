// sim/scenario/scenario.h — a scenario file (format 1): what is to be simulated, before a seed
// decides.
//
// Model: a scenario is a list of settings, one for each key of the table in fields.h, whether the
//   file names it or not, plus what is no number: namespaces, schedule, checks, marks.
//   `ParseScenario` reads and validates a text; `Draw` resolves it for a seed. Equal scenario and
//   seed: equal configuration, and the draw of one setting does not depend on which others the file
//   names.
// Errors: one line, `file: path.to.key: reason`, as InvalidArgument (NotFound for a file that is
//   not there).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "sim/scenario/config.h"

namespace quorate::sim {

// What one key of the file says. Which parts count depends on the field's kind (fields.h).
struct Setting {
  DistRule value;  // plain numbers and draws stand in `mean`
  bool flag = false;
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Scenario {
  std::string file;  // as it was named on the command line
  std::string name;  // the file's stem if it says none
  std::string about;
  Digest hash;                    // of the text of the file
  std::vector<Setting> settings;  // parallel to Fields()
  std::vector<NamespaceConfig> namespaces;
  std::vector<ScheduleEntry> schedule;
  std::vector<std::string> linearizable{"*"};
  std::vector<std::string> converges{"*"};
  std::vector<std::string> required_marks;  // over all runs of the file together
  std::int64_t marks_after_runs = 0;   // fewer runs than this: required marks are not asked for
  std::int64_t determinism_parts = 0;  // of runs are run twice
  CheckSet ignored;                    // not from the file: checks that are left out (ablation.h)
  // Of a resolved scenario, for which every seed is the same.
  std::optional<Script> script;
  std::uint64_t engine_seed = 0;
};

absl::StatusOr<Scenario> ParseScenario(std::string_view text, std::string_view file);
// Reads the file first. A directory or a missing file is an error.
absl::StatusOr<Scenario> LoadScenario(const std::string& file);

RunConfig Draw(const Scenario& scenario, std::uint64_t seed);

// JSON Schema (draft 2020-12) of format 1, made from the table that the reader uses.
std::string ScenarioSchema();

}  // namespace quorate::sim
