// sim/scenario/schedule_table.h — the table of what an entry of a schedule can do: what its reader, its writer and
// the schema use.
//
// Model: an action is a word, the keys that it takes, and how an `Action` is made of what they said. Keys have
//   kinds; what all of them may say stands in one `Parts`.
// Invariants: words are unique; a word and its keys are stored in scenarios: never renamed.
// Included by schedule*.cc only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sim/scenario/schedule.h"

namespace quorate::sim {

enum class KeyKind : std::uint8_t {
  kGroups,
  kFlag,
  kNode,
  kPlainNode,  // no "$leader"
  kTarget,
  kOffset,
  kSpan,
  kCount,
  kNamespace,
  kText,
  kDirection,
  kLinks,
  kSwizzle,
  kKept,
  kLoss,
  kStore,
  kNodes,
  kTransition,
};

struct ActionKey {
  std::string_view name;
  KeyKind kind;
  bool required;
};

// Everything that the keys of an entry may say; an action takes what it needs.
struct Parts {
  std::vector<std::vector<NodeId>> groups;
  bool one_way = false;
  NodeRef node;
  NodeId plain_node;
  NodeId target;
  std::int64_t by_ns = 0;
  std::int64_t span_ns = 0;
  std::optional<std::int64_t> count;
  std::string name_space = "default";
  std::string key;
  std::string value;
  Direction direction = Direction::kBoth;
  std::vector<LinkName> links;
  std::vector<SwizzleStep> swizzle;
  std::optional<Kept> kept;
  Loss loss = Loss::kNothing;
  StorePart store = StorePart::kLog;
  std::vector<NodeId> voters;
  std::vector<NodeId> learners;
  std::vector<NodeId> removed;
  Transition transition = Transition::kAuto;
};

struct ActionSpec {
  std::string_view name;
  bool lasts;  // may have `for`
  std::vector<ActionKey> keys;
  void (*make)(const Parts& parts, Action& out);
  std::string_view help;
};

const std::vector<ActionSpec>& ScheduleActions();

}  // namespace quorate::sim
