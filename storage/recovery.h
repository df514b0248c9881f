// storage/recovery.h — what a node is made of again after its process is gone.
//
// Model: the log store says what was promised, the map what of it is applied. A map may be behind the log (it is
//   replayed), never behind the log's start and never ahead of the log. Spaces of other generations are left
//   over from a transfer or a switch: they go.
// Invariants: a pure function of the two images; doing it again, or after a crash in its middle, gives the same
//   (CHECKERS S18).
// Errors: DataLoss when the images cannot be what this node wrote; FailedPrecondition for somebody else's.
#pragma once
#include "absl/status/statusor.h"
#include "engine/options.h"
#include "storage/log_store.h"
#include "storage/map_store.h"

namespace quorate {

// A cluster begins: writes identity, system group and namespace 0 to an empty log store, synced. `members` and
// `identity.cluster` must be equal on every node. Refused (FailedPrecondition) on a store that is not empty.
absl::Status Bootstrap(Kv& log, const Identity& identity, const Configuration& members);

struct RecoveredNode {
  LogStore log;
  Recovered recovered;
};
// `log` and `map` must outlive the result.
absl::StatusOr<RecoveredNode> RecoverNode(Kv& log, MapStore& map, const Identity& expected,
                                          const KvLimits& limits);

}  // namespace quorate
