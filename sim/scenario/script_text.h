// sim/scenario/script_text.h — the script of a resolved scenario as text, both ways.
//
// Model: `script` holds everything as lists; what has its usual value is not written. WriteResolved writes a whole
//   file; the reader of scenarios reads the same configuration from it.
// Errors: a complaint with the path, as in reader.cc.
#pragma once
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/scenario/config.h"
#include "sim/scenario/schedule.h"

namespace quorate::sim {

// The version that this program writes, and the only one that it reads. Stored: raise it when a meaning changes.
inline constexpr int kResolvedVersion = 1;

struct ReadScriptResult {
  std::uint64_t engine_seed = 0;
  Script script;
};
// `scope` says how many nodes and which namespaces there are.
absl::StatusOr<ReadScriptResult> ReadScript(std::string_view path, const Json& json,
                                            const ScheduleScope& scope);
std::string ScriptSchema();

// The whole file. Requires: config.script.
std::string WriteResolved(std::string_view name, std::string_view about, const RunConfig& config);

// A text with its quotes, as JSON.
std::string QuoteJson(std::string_view text);

}  // namespace quorate::sim
