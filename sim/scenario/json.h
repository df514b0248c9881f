// sim/scenario/json.h — JSON as text that was not interpreted yet.
//
// Model: a tree in the file's order. Numbers keep their text: they become integers of some unit
//   later and never pass through floating point.
// Limits: kMaxJsonDepth levels, so that hostile nesting cannot exhaust the stack; kMaxJsonKeys keys.
// Errors: a key that stands twice, more levels than the limit, and what is no JSON: one
//   `Complaint`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quorate::sim {

inline constexpr std::size_t kMaxJsonDepth = 32;
inline constexpr std::size_t kMaxJsonKeys = 1'000;  // of one object

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };

struct JsonMember;
struct Json {
  JsonKind kind = JsonKind::kNull;
  bool flag = false;
  std::string text;  // of kText its content, of kNumber its digits
  std::vector<Json> items;
  std::vector<JsonMember> members;
  // nullptr: no such member.
  const Json* Find(std::string_view key) const;
};
struct JsonMember {
  std::string key;
  Json value;
};

const char* NameOf(JsonKind kind);  // "a number", "an object", …

// What is wrong, and where: "network.loss", "schedule[2].node", "$" for the whole.
absl::Status Complaint(std::string_view path, std::string_view reason);
std::string Under(std::string_view path, std::string_view key);
std::string Under(std::string_view path, std::size_t item);

absl::StatusOr<Json> ParseJson(std::string_view text);

}  // namespace quorate::sim
