// sim/scenario/schedule.h — the list of what happens at a time or when a mark is reached.
//
// Model: an entry has `at` (a time) or `on` (a mark, and the how-manieth time), `do` (one word of
//   the table in schedule.cc), the keys of that word, and `for` where it lasts.
// Errors: a complaint with the path, as in reader.cc.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/scenario/config.h"
#include "sim/scenario/json.h"

namespace quorate::sim {

// What an entry may refer to.
struct ScheduleScope {
  std::int64_t fewest_nodes = 0;  // that a run may have
  std::int64_t most_nodes = 0;
  std::int64_t horizon_ns = 0;  // the earliest there may be
  std::vector<std::string> namespaces;
  std::int64_t most_clients = 0;  // that links may name
  std::size_t most_entries = 1'000;
};

absl::StatusOr<std::vector<ScheduleEntry>> ReadSchedule(std::string_view path, const Json& json,
                                                        const ScheduleScope& scope);
std::string ScheduleSchema();
// The entry as it stands in a file; ReadSchedule reads the same again.
std::string WriteEntry(const ScheduleEntry& entry);

// Both ends are there, one of them is a node, and they are two.
absl::StatusOr<LinkName> ReadLinkName(std::string_view path, const Json& json,
                                      const ScheduleScope& scope);

}  // namespace quorate::sim
