// storage/log_image.h — reads and checks a whole log store, without changing it.
//
// Model: one pass over all rows in key order. Every row must belong to what the rows before it announce, and
//   everything announced must be there.
// Errors: DataLoss with what and where; FailedPrecondition for a format that this release does not know.
#pragma once
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/record.h"
#include "storage/kv.h"

namespace quorate {

struct GroupChain {
  std::uint32_t anchor = 0;  // check value that stands before the first entry
  std::uint32_t tail = 0;    // of the last entry; = anchor when there is none
};
struct LogImage {
  Recovered recovered;             // `applied` = start of each group
  std::vector<GroupChain> chains;  // of recovered.groups, in its order
};

absl::StatusOr<LogImage> ReadLogImage(const KvReader& kv);

}  // namespace quorate
