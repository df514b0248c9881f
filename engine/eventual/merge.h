// engine/eventual/merge.h — what a write of an eventual era does to the row that stands there.
//
// Model: of two versions of a key the greater one stays, whole, with its value, its expiry and what it replaced.
//   Versions of different writes differ, so merging is commutative, associative and idempotent, and equal sets of
//   entries leave equal bytes, in whatever order and however often they came.
// What is lost is counted: a write lost to another one that was made without knowledge of it is a *conflict*. It is
//   seen wherever the two meet, whichever of them comes first.
// Errors: a status from the map, or for stored bytes that are no row.
// Source: last writer wins by a total order; ties by arrival never converge (docs/eventual.md).
#pragma once
#include <cstdint>

#include "absl/status/status.h"
#include "engine/eventual/entry.h"
#include "engine/kv/executor.h"

namespace quorate {

struct MergeCounts {
  std::uint64_t won = 0;        // writes that stand there now
  std::uint64_t lost = 0;       // writes that found a later version
  std::uint64_t repeated = 0;   // writes that were there already
  std::uint64_t conflicts = 0;  // of those that won or lost: neither knew of the other
  friend bool operator==(const MergeCounts&, const MergeCounts&) = default;
};

// Merges the writes of one entry. Their keys outlive the overlay.
absl::Status Merge(const Version& version, std::span<const EventualWrite> writes, RowOverlay& rows,
                   MergeCounts& counts);

}  // namespace quorate
