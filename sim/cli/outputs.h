// sim/cli/outputs.h — the files that a suite leaves behind.
//
// Model: that they can be written is found out before the first run, without changing what stands there; they are
//   written at the end.
// Errors: InvalidArgument with one line, `path: reason`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sim/cli/args.h"
#include "sim/cli/summary.h"

namespace quorate::sim {

// A file that can be written; what stands there is left alone.
absl::Status CheckWritable(const std::string& path);
// Each output is another file than those that are read. Empty names are none.
absl::Status CheckApart(const std::vector<std::string>& read,
                        const std::vector<std::string>& outputs);
absl::Status WriteText(const std::string& path, const std::string& text);
// Makes the folder of --out if it is not there; else only looks.
absl::Status CheckOutputs(const RunArgs& args);
// --json and --junit.
absl::Status WriteReports(const RunArgs& args, const Summary& summary, std::uint64_t first_seed);
// One folder below `out` for each kind of failure: the scenario, its runs, trace, history, engine's case and story of
// the first of them, made by `program`. Those that were there before and are not of this run are named
// on standard error.
absl::Status WriteArtifacts(const RunArgs& args, const std::string& out, const Summary& summary,
                            const std::string& program);

}  // namespace quorate::sim
