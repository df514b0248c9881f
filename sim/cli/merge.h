// sim/cli/merge.h — the reports of all shards of a suite, put together.
//
// Model: a pure function. What comes out is what one run of the whole suite would have summed up, so that its report is
//   equal byte for byte, and gates are judged on all runs.
// Limits: a shard does its own first failures twice, so several shards do more of them than one run does; they are
//   counted as one run would have, but a difference that only a shard came upon stays in the report. Shards that
//   were stopped early make up a suite that was.
// Errors: InvalidArgument, one line: shards of different suites, one that is missing or there twice.
#pragma once
#include <vector>

#include "absl/status/statusor.h"
#include "sim/cli/shard_report.h"

namespace quorate::sim {

// In any order. Requires: at least one.
absl::StatusOr<SuiteTotals> Merge(std::vector<ShardReport> shards);

}  // namespace quorate::sim
