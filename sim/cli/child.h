// sim/cli/child.h — another process of the same program, started afresh.
//
// Model: fork and exec, so that it has its own address-space layout; its standard output is taken.
// Errors: Unavailable if it cannot be started; how it ended stands in the result.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

struct ChildResult {
  int code = -1;  // exit code, or -1 if a signal ended it
  std::string out;
};

// `environment`: added to this process's own. `to_file` not empty: its output goes there instead.
absl::StatusOr<ChildResult> RunChild(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& environment,
    const std::string& to_file = "");

}  // namespace quorate::sim
