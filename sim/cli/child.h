// sim/cli/child.h — another process of the same program, started afresh.
//
// Model: fork and exec, so that it has its own address-space layout; its standard output is taken.
// Time: after `limit_s` seconds of real time a signal ends it.
//   It ends with the process that started it.
// Errors: Unavailable if it cannot be started, InvalidArgument if its file cannot be written; how it ended
//   stands in the result.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

struct ChildResult {
  int code = -1;  // exit code, or -1 if a signal ended it
  std::string out;
};

struct ChildSettings {
  std::uint64_t limit_s = 600;                                   // > 0
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process's own
  std::string to_file;  // not empty: its output goes there instead
};
absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& command,
                                     const ChildSettings& settings);

}  // namespace quorate::sim
