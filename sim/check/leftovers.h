// sim/check/leftovers.h — what a node's stores hold that nothing points to any more.
//
// Model: the rows of both stores, as they lie there, against the groups that a log holds by the checkers' own account
//   (ghost_disk.h): the log has rows of these groups only, entries of their generation only; the map has one space for
//   each, of that generation. It is to be asked when nothing is under way: no state is coming in, no work is left.
// Reported ids: SCAN-3. Errors: none.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/strong.h"
#include "storage/mem_kv.h"

namespace quorate::sim {

// Each of them in words, once; empty: none. `generation`: of a group that the node's log holds, else nullopt.
std::vector<std::string> LeftOver(const KvImage& log, const KvImage& map,
                                  absl::FunctionRef<std::optional<Generation>(GroupId)> generation);

}  // namespace quorate::sim
