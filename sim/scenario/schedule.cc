#include "sim/scenario/schedule.h"

#include <algorithm>
#include <set>

#include "engine/base/match.h"
#include "sim/scenario/mark_table.h"
#include "sim/scenario/nearest.h"
#include "sim/scenario/text.h"
#include "sim/scenario/units.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostEntries = 1'000;

enum class KeyKind : std::uint8_t {
  kGroups,
  kFlag,
  kNode,
  kTarget,
  kOffset,
  kNamespace,
  kText,
  kDirection
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
  NodeId target;
  std::int64_t by_ns = 0;
  std::string name_space = "default";
  std::string key;
  std::string value;
  Direction direction = Direction::kBoth;
};

struct ActionSpec {
  std::string_view name;
  bool lasts;  // may have `for`
  std::vector<ActionKey> keys;
  void (*make)(const Parts& parts, Action& out);
  std::string_view help;
};

template <class A>
void OnNode(const Parts& parts, Action& out) {
  out.emplace<A>().node = parts.node;
}
template <ScheduledOp op>
void Operation(const Parts& parts, Action& out) {
  out = OperationAction{parts.node, parts.name_space, op, parts.key, parts.value};
}

constexpr ActionKey kNode{"node", KeyKind::kNode, true};
constexpr ActionKey kNamespace{"namespace", KeyKind::kNamespace, false};
constexpr ActionKey kKey{"key", KeyKind::kText, true};

const std::vector<ActionSpec>& Actions() {
  static const auto* const actions = new std::vector<ActionSpec>{
      {"partition",
       true,
       {{"groups", KeyKind::kGroups, true}, {"one_way", KeyKind::kFlag, false}},
       [](const Parts& p, Action& out) {
         out = PartitionAction{p.groups, p.one_way};
       },
       "Groups of nodes lose sight of each other."},
      {"isolate",
       true,
       {kNode, {"direction", KeyKind::kDirection, false}},
       [](const Parts& p, Action& out) {
         out = IsolateAction{p.node, p.direction};
       },
       "A node loses sight of all others."},
      {"heal",
       false,
       {},
       [](const Parts&, Action& out) { out = HealAction{}; },
       "Partitions and isolations end."},
      {"crash", true, {kNode}, OnNode<CrashAction>, "A node crashes; after `for` it starts again."},
      {"wipe",
       true,
       {kNode},
       OnNode<WipeAction>,
       "A node crashes and its disk is empty; after `for` somebody tries to start it."},
      {"restart", false, {kNode}, OnNode<RestartAction>, "A crashed node starts."},
      {"pause", true, {kNode}, OnNode<PauseAction>, "A process does not run."},
      {"clock_step",
       false,
       {kNode, {"by", KeyKind::kOffset, true}},
       [](const Parts& p, Action& out) {
         out = ClockStepAction{p.node, p.by_ns};
       },
       "A wall clock jumps."},
      {"disk_stall", true, {kNode}, OnNode<DiskStallAction>, "A disk finishes nothing."},
      {"disk_full", true, {kNode}, OnNode<DiskFullAction>, "A disk has no space left."},
      {"sync_error", false, {kNode}, OnNode<SyncErrorAction>, "The next sync fails."},
      {"transfer",
       false,
       {kNamespace, {"to", KeyKind::kTarget, false}},
       [](const Parts& p, Action& out) {
         out = TransferAction{p.name_space, p.target};
       },
       "The leader of a namespace hands over."},
      {"put",
       false,
       {kNode, kNamespace, kKey, {"value", KeyKind::kText, true}},
       Operation<ScheduledOp::kPut>,
       "A client writes."},
      {"get", false, {kNode, kNamespace, kKey}, Operation<ScheduledOp::kGet>, "A client reads."},
      {"delete",
       false,
       {kNode, kNamespace, kKey},
       Operation<ScheduledOp::kDelete>,
       "A client deletes."},
  };
  return *actions;
}

std::string Names() {
  std::string names;
  for (const ActionSpec& spec : Actions()) names += Cat(names.empty() ? "" : ", ", spec.name);
  return names;
}

class EntryReader {
 public:
  EntryReader(std::string path, const ScheduleScope& scope)
      : path_(std::move(path)), scope_(scope) {}

  absl::StatusOr<ScheduleEntry> Read(const Json& json) {
    if (json.kind != JsonKind::kObject) return Complaint(path_, "must be an object");
    const Json* const word = json.Find("do");
    if (word == nullptr || word->kind != JsonKind::kText) {
      return Complaint(Under(path_, "do"), "must say what is done");
    }
    const std::vector<ActionSpec>& actions = Actions();
    const auto spec = std::find_if(actions.begin(), actions.end(),
                                   [&](const ActionSpec& each) { return each.name == word->text; });
    if (spec == actions.end()) return Complaint(Under(path_, "do"), Unknown(word->text));
    for (const auto& [key, value] : json.members) {
      const absl::Status status = ReadKey(*spec, key, value);
      if (!status.ok()) return status;
    }
    if ((json.Find("at") != nullptr) == (json.Find("on") != nullptr)) {
      return Complaint(path_, "needs either \"at\" or \"on\"");
    }
    for (const ActionKey& key : spec->keys) {
      if (key.required && json.Find(key.name) == nullptr)
        return Complaint(Under(path_, key.name), "is missing");
    }
    spec->make(parts_, entry_.action);
    return std::move(entry_);
  }

 private:
  static std::string Unknown(const std::string& word) {
    if (word == "switch_mode") return Cat("\"", word, "\" is not supported yet");
    std::vector<std::string> names;
    for (const ActionSpec& spec : Actions()) names.emplace_back(spec.name);
    const std::string nearest = NearestOf(word, names, 3);
    return nearest.empty() ? Cat("must be one of ", Names())
                           : Cat("unknown action; \"", nearest, "\" is one");
  }

  absl::Status ReadKey(const ActionSpec& spec, const std::string& key, const Json& json) {
    const std::string path = Under(path_, key);
    if (key == "do") return absl::OkStatus();
    if (key == "at") return ReadAt(path, json);
    if (key == "on") return ReadMark(path, json);
    if (key == "for" && spec.lasts) return ReadSpan(path, json, 1, entry_.for_ns);
    for (const ActionKey& known : spec.keys) {
      if (known.name == key) return ReadPart(known.kind, path, json);
    }
    return Complaint(path, Cat("unknown key of \"", spec.name, "\""));
  }

  absl::Status ReadPart(KeyKind kind, const std::string& path, const Json& json) {
    switch (kind) {
      case KeyKind::kGroups:
        return ReadGroups(path, json);
      case KeyKind::kFlag:
        if (json.kind != JsonKind::kBool) return Complaint(path, "must be true or false");
        parts_.one_way = json.flag;
        return absl::OkStatus();
      case KeyKind::kNode:
        return ReadNodeRef(path, json);
      case KeyKind::kTarget:
        return ReadNode(path, json, parts_.target);
      case KeyKind::kOffset:
        return ReadSpan(path, json, -kDay, parts_.by_ns);
      case KeyKind::kNamespace:
        if (json.kind != JsonKind::kText) return Complaint(path, "must be a name");
        parts_.name_space = json.text;
        return KnownNamespace(path, json.text);
      case KeyKind::kText:
        return ReadText(path, json);
      case KeyKind::kDirection:
        return ReadDirection(path, json);
    }
    UNREACHABLE("no such kind of key");
  }

  absl::Status ReadAt(const std::string& path, const Json& json) {
    AtTime when;
    const absl::Status status = ReadSpan(path, json, 0, when.at_ns);
    if (!status.ok()) return status;
    if (when.at_ns > scope_.horizon_ns)
      return Complaint(path, "is after the end of chaos (time.horizon)");
    entry_.when = when;
    return absl::OkStatus();
  }

  absl::Status ReadMark(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kObject) return Complaint(path, "must be {\"mark\": …, \"nth\": …}");
    OnMark when;
    for (const auto& [key, value] : json.members) {
      const std::string at = Under(path, key);
      if (key == "mark") {
        if (value.kind != JsonKind::kText || value.text.empty())
          return Complaint(at, "must be the name of a mark");
        if (!IsMark(value.text)) return Complaint(at, UnknownMark(value.text));
        when.mark = value.text;
      } else if (key == "nth") {
        const absl::StatusOr<std::int64_t> nth = ParseScalar(Unit::kCount, value);
        if (!nth.ok()) return Complaint(at, std::string(nth.status().message()));
        if (*nth < 1) return Complaint(at, "must be at least 1");
        when.nth = static_cast<std::uint64_t>(*nth);
      } else {
        return Complaint(at, "unknown key");
      }
    }
    if (when.mark.empty()) return Complaint(Under(path, "mark"), "is missing");
    entry_.when = when;
    return absl::OkStatus();
  }

  static absl::Status ReadSpan(const std::string& path, const Json& json, std::int64_t low,
                               std::int64_t& out) {
    const absl::StatusOr<std::int64_t> value = ParseScalar(Unit::kDuration, json);
    if (!value.ok()) return Complaint(path, std::string(value.status().message()));
    if (*value < low || *value > kDay) {
      return Complaint(path, *value < 0 && low >= 0 ? "must not be negative" : "out of range");
    }
    out = *value;
    return absl::OkStatus();
  }

  absl::Status ReadNode(const std::string& path, const Json& json, NodeId& out) const {
    if (json.kind != JsonKind::kNumber) return Complaint(path, "must be the number of a node");
    const absl::StatusOr<std::int64_t> value = ParseScalar(Unit::kCount, json);
    if (!value.ok()) return Complaint(path, std::string(value.status().message()));
    if (*value < 1 || *value > scope_.fewest_nodes) {
      const std::string most =
          scope_.most_nodes == scope_.fewest_nodes ? "" : Cat(" to ", scope_.most_nodes);
      return Complaint(path, Cat("node ", *value, " of ", scope_.fewest_nodes, most));
    }
    out = NodeId(static_cast<std::uint32_t>(*value));
    return absl::OkStatus();
  }

  absl::Status ReadNodeRef(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kText) {
      NodeId node;
      const absl::Status status = ReadNode(path, json, node);
      parts_.node = node;
      return status;
    }
    constexpr std::string_view kLeader = "$leader";
    const std::string_view text = json.text;
    if (text == kLeader) {
      parts_.node = LeaderOf{"default"};
      return absl::OkStatus();
    }
    if (text.starts_with("$leader:")) {
      const std::string name(text.substr(kLeader.size() + 1));
      parts_.node = LeaderOf{name};
      return KnownNamespace(path, name);
    }
    return Complaint(path, "must be the number of a node, \"$leader\" or \"$leader:<namespace>\"");
  }

  absl::Status ReadGroups(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kArray || json.items.empty()) {
      return Complaint(path, "must be a list of groups of nodes");
    }
    std::set<NodeId> seen;
    for (std::size_t g = 0; g < json.items.size(); ++g) {
      const std::string group_path = Under(path, g);
      const Json& group = json.items[g];
      if (group.kind != JsonKind::kArray || group.items.empty()) {
        return Complaint(group_path, "must be a list of nodes");
      }
      std::vector<NodeId>& nodes = parts_.groups.emplace_back();
      for (std::size_t i = 0; i < group.items.size(); ++i) {
        NodeId node;
        const absl::Status status = ReadNode(Under(group_path, i), group.items[i], node);
        if (!status.ok()) return status;
        if (!seen.insert(node).second) {
          return Complaint(Under(group_path, i),
                           Cat("node ", node.value(), " stands in a group already"));
        }
        nodes.push_back(node);
      }
    }
    if (json.items.size() == 1 && seen.size() == static_cast<std::size_t>(scope_.most_nodes))
      return Complaint(path, "all nodes stand in one group: nothing is cut");
    return absl::OkStatus();
  }

  absl::Status KnownNamespace(const std::string& path, const std::string& name) const {
    const auto& known = scope_.namespaces;
    if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
    return Complaint(path, Cat("no namespace \"", name, "\" in this scenario"));
  }

  absl::Status ReadText(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kText) return Complaint(path, "must be a text");
    const bool is_key = path.ends_with(".key");
    if (is_key && json.text.empty()) return Complaint(path, "must not be empty");
    (is_key ? parts_.key : parts_.value) = json.text;
    return absl::OkStatus();
  }

  absl::Status ReadDirection(const std::string& path, const Json& json) {
    if (json.text == "both") {
      parts_.direction = Direction::kBoth;
    } else if (json.text == "into") {
      parts_.direction = Direction::kInto;
    } else if (json.text == "out_of") {
      parts_.direction = Direction::kOutOf;
    } else {
      return Complaint(path, "must be \"both\", \"into\" or \"out_of\"");
    }
    return absl::OkStatus();
  }

  static constexpr std::int64_t kDay = 24 * 3'600'000'000'000;

  std::string path_;
  const ScheduleScope& scope_;
  ScheduleEntry entry_;
  Parts parts_;
};

constexpr const char* kSpanSchema =
    R"({"type":"string","pattern":"^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min|h)$"})";

std::string SchemaOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::kGroups:
      return R"({"type":"array","minItems":1,"items":{"type":"array","minItems":1,"items":{"type":"integer","minimum":1}}})";
    case KeyKind::kFlag:
      return R"({"type":"boolean"})";
    case KeyKind::kNode:
      return R"({"anyOf":[{"type":"integer","minimum":1},{"type":"string","pattern":"^\\$leader(:.+)?$"}]})";
    case KeyKind::kTarget:
      return R"({"type":"integer","minimum":1})";
    case KeyKind::kOffset:
      return kSpanSchema;
    case KeyKind::kNamespace:
    case KeyKind::kText:
      return R"({"type":"string"})";
    case KeyKind::kDirection:
      return R"({"enum":["both","into","out_of"]})";
  }
  UNREACHABLE("no such kind of key");
}

}  // namespace

absl::StatusOr<std::vector<ScheduleEntry>> ReadSchedule(std::string_view path, const Json& json,
                                                        const ScheduleScope& scope) {
  if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list");
  if (json.items.size() > kMostEntries)
    return Complaint(path, Cat("more than ", kMostEntries, " entries"));
  std::vector<ScheduleEntry> schedule;
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    absl::StatusOr<ScheduleEntry> entry = EntryReader(Under(path, i), scope).Read(json.items[i]);
    if (!entry.ok()) return entry.status();
    schedule.push_back(*std::move(entry));
  }
  return schedule;
}

std::string ScheduleSchema() {
  std::string kinds;
  for (const ActionSpec& spec : Actions()) {
    std::string properties = Cat(
        R"("do":{"const":")", spec.name, R"("},"at":)", kSpanSchema,
        R"(,"on":{"type":"object","additionalProperties":false,"required":["mark"],)",
        R"("properties":{"mark":{"$ref":"#/$defs/mark"},"nth":{"type":"integer","minimum":1}}})");
    std::string required = R"("do")";
    if (spec.lasts) properties += Cat(R"(,"for":)", kSpanSchema);
    for (const ActionKey& key : spec.keys) {
      properties += Cat(",\"", key.name, "\":", SchemaOf(key.kind));
      if (key.required) required += Cat(",\"", key.name, "\"");
    }
    kinds += Cat(kinds.empty() ? "" : ",", R"({"type":"object","description":")", spec.help,
                 R"(","additionalProperties":false,"required":[)", required,
                 R"(],"oneOf":[{"required":["at"]},{"required":["on"]}],"properties":{)",
                 properties, "}}");
  }
  return Cat(R"({"type":"array","maxItems":)", kMostEntries, R"(,"items":{"oneOf":[)", kinds,
             "]}}");
}

const char* NameOf(const Action& action) {
  return std::visit(
      Match{[](const PartitionAction&) { return "partition"; },
            [](const IsolateAction&) { return "isolate"; },
            [](const HealAction&) { return "heal"; }, [](const CrashAction&) { return "crash"; },
            [](const WipeAction&) { return "wipe"; },
            [](const RestartAction&) { return "restart"; },
            [](const PauseAction&) { return "pause"; },
            [](const ClockStepAction&) { return "clock_step"; },
            [](const DiskStallAction&) { return "disk_stall"; },
            [](const DiskFullAction&) { return "disk_full"; },
            [](const SyncErrorAction&) { return "sync_error"; },
            [](const TransferAction&) { return "transfer"; },
            [](const OperationAction& operation) {
              switch (operation.op) {
                case ScheduledOp::kPut:
                  return "put";
                case ScheduledOp::kGet:
                  return "get";
                case ScheduledOp::kDelete:
                  return "delete";
              }
              return "?";
            }},
      action);
}

}  // namespace quorate::sim
