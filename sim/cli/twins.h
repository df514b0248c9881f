// sim/cli/twins.h — the same run once more, in a process that was started differently.
//
// Model: a twin has another address-space layout and other bytes in fresh and in freed memory; nothing of that may
//   show in the digest of its trace. Where two of them differ, their traces say which event was the first.
// Errors: Unavailable if no process can be started.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

// Of the failures of one run of a suite, the first ones are done twice.
inline constexpr std::size_t kMostTwinsOfFailures = 10;

struct TwinOf {
  std::string program;
  std::string file;
  std::uint64_t seed = 0;
  std::uint64_t limit_s = 600;
  std::vector<std::string> options;  // of `replay`, besides
};

// What the twin printed as its digest.
absl::StatusOr<std::string> DigestOfTwin(const TwinOf& run);
// One line: the first event at which two runs with traces differ, in both renderings.
std::string FirstDifference(const TwinOf& run);

// The same of two traces. For tests.
std::string CompareTraces(std::string_view first, std::string_view second);

}  // namespace quorate::sim
