// Reads the entries of a schedule by the table of actions.
#include <algorithm>
#include <set>

#include "sim/scenario/mark_table.h"
#include "sim/scenario/nearest.h"
#include "sim/scenario/schedule_table.h"
#include "sim/scenario/text.h"
#include "sim/scenario/units.h"

namespace quorate::sim {
namespace {

std::string Names() {
  std::string names;
  for (const ActionSpec& spec : ScheduleActions())
    names += Cat(names.empty() ? "" : ", ", spec.name);
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
    const std::vector<ActionSpec>& actions = ScheduleActions();
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
    const DisconnectAction* pair = std::get_if<DisconnectAction>(&entry_.action);
    if (pair != nullptr && pair->node == pair->peer)
      return Complaint(Under(path_, "peer"), "must be another node");
    const DiskSlowAction* slow = std::get_if<DiskSlowAction>(&entry_.action);
    if (slow != nullptr && (slow->factor < 1 || slow->factor > 10'000))
      return Complaint(Under(path_, "factor"), "must be between 1 and 10000");
    return std::move(entry_);
  }

 private:
  static std::string Unknown(const std::string& word) {
    if (word == "switch_mode") return Cat("\"", word, "\" is not supported yet");
    std::vector<std::string> names;
    for (const ActionSpec& spec : ScheduleActions()) names.emplace_back(spec.name);
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
      case KeyKind::kPlainNode:
        return ReadNode(path, json, parts_.plain_node);
      case KeyKind::kSpan:
        return ReadSpan(path, json, Milliseconds(1).ns, parts_.span_ns);
      case KeyKind::kCount:
        return ReadCount(path, json, parts_.count.emplace());
      case KeyKind::kLinks:
        return ReadLinks(path, json);
      case KeyKind::kSwizzle:
        return ReadSwizzle(path, json);
      case KeyKind::kKept:
        return ReadKept(path, json);
      case KeyKind::kLoss:
        return ReadLoss(path, json);
      case KeyKind::kStore:
        return ReadStore(path, json);
      case KeyKind::kNodes:
        return ReadNodes(path, json);
      case KeyKind::kTransition:
        return ReadTransition(path, json);
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
      if (*value < 0 && low >= 0) return Complaint(path, "must not be negative");
      return Complaint(path, Cat("must be from ", Render(Unit::kDuration, low), " to ",
                                 Render(Unit::kDuration, kDay)));
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

  static absl::Status ReadCount(const std::string& path, const Json& json, std::int64_t& out) {
    const absl::StatusOr<std::int64_t> count = ParseScalar(Unit::kCount, json);
    if (!count.ok()) return Complaint(path, std::string(count.status().message()));
    if (*count < 0 || *count > static_cast<std::int64_t>(kKeepAll))
      return Complaint(path, Cat("must be between 0 and ", kKeepAll));
    out = *count;
    return absl::OkStatus();
  }

  absl::Status ReadLinks(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kArray || json.items.empty())
      return Complaint(path, "must be a list of links, like \"n1>n2\"");
    std::set<LinkName> seen;
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      const absl::StatusOr<LinkName> link = ReadLinkName(Under(path, i), json.items[i], scope_);
      if (!link.ok()) return link.status();
      if (!seen.insert(*link).second) return Complaint(Under(path, i), "stands twice");
      parts_.links.push_back(*link);
    }
    return absl::OkStatus();
  }

  absl::Status ReadSwizzle(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kArray || json.items.empty())
      return Complaint(path, "must be a list of {\"node\": …, \"after\": …, \"until\": …}");
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      const std::string at = Under(path, i);
      if (json.items[i].kind != JsonKind::kObject) return Complaint(at, "must be an object");
      SwizzleStep step;
      for (const auto& [key, value] : json.items[i].members) {
        absl::Status status = Complaint(Under(at, key), "unknown key");
        if (key == "node") status = ReadNode(Under(at, key), value, step.node);
        if (key == "after") status = ReadSpan(Under(at, key), value, 0, step.after_ns);
        if (key == "until") status = ReadSpan(Under(at, key), value, 1, step.until_ns);
        if (!status.ok()) return status;
      }
      if (step.node == NodeId()) return Complaint(Under(at, "node"), "is missing");
      if (step.until_ns <= step.after_ns)
        return Complaint(Under(at, "until"), "must be later than `after`");
      parts_.swizzle.push_back(step);
    }
    return absl::OkStatus();
  }

  absl::Status ReadKept(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kObject)
      return Complaint(path, "must be {\"log\": batches, \"map\": batches}");
    Kept& kept = parts_.kept.emplace(Kept{kKeepAll, kKeepAll});
    for (const auto& [key, value] : json.members) {
      if (key != "log" && key != "map") return Complaint(Under(path, key), "unknown key");
      std::int64_t count = 0;
      const absl::Status status = ReadCount(Under(path, key), value, count);
      if (!status.ok()) return status;
      (key == "log" ? kept.log : kept.map) = static_cast<std::uint64_t>(count);
    }
    return absl::OkStatus();
  }

  absl::Status ReadLoss(const std::string& path, const Json& json) {
    if (json.text == "log") {
      parts_.loss = Loss::kLog;
    } else if (json.text == "map") {
      parts_.loss = Loss::kMap;
    } else if (json.text == "all") {
      parts_.loss = Loss::kAll;
    } else if (json.text == "to_image") {
      parts_.loss = Loss::kImage;
    } else {
      return Complaint(path, "must be \"log\", \"map\", \"all\" or \"to_image\"");
    }
    return absl::OkStatus();
  }

  // No node stands in two of the lists of an entry, nor twice in one.
  absl::Status ReadNodes(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list of nodes");
    if (json.items.empty()) return Complaint(path, "names no node; leave it out");
    std::vector<NodeId>& list = path.ends_with(".voters")     ? parts_.voters
                                : path.ends_with(".learners") ? parts_.learners
                                                              : parts_.removed;
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      NodeId node;
      const absl::Status status = ReadNode(Under(path, i), json.items[i], node);
      if (!status.ok()) return status;
      for (const std::vector<NodeId>* one : {&parts_.voters, &parts_.learners, &parts_.removed}) {
        if (std::find(one->begin(), one->end(), node) != one->end())
          return Complaint(Under(path, i), Cat("node ", node.value(), " is named already"));
      }
      list.push_back(node);
    }
    return absl::OkStatus();
  }

  absl::Status ReadTransition(const std::string& path, const Json& json) {
    if (json.text == "auto") {
      parts_.transition = Transition::kAuto;
    } else if (json.text == "joint_explicit") {
      parts_.transition = Transition::kJointExplicit;
    } else if (json.text == "joint_implicit") {
      parts_.transition = Transition::kJointImplicit;
    } else {
      return Complaint(path, "must be \"auto\", \"joint_explicit\" or \"joint_implicit\"");
    }
    return absl::OkStatus();
  }

  absl::Status ReadStore(const std::string& path, const Json& json) {
    if (json.text != "log" && json.text != "map")
      return Complaint(path, "must be \"log\" or \"map\"");
    parts_.store = json.text == "log" ? StorePart::kLog : StorePart::kMap;
    return absl::OkStatus();
  }

  static constexpr std::int64_t kDay = 24 * 3'600'000'000'000;

  std::string path_;
  const ScheduleScope& scope_;
  ScheduleEntry entry_;
  Parts parts_;
};

}  // namespace

absl::StatusOr<LinkName> ReadLinkName(std::string_view path, const Json& json,
                                      const ScheduleScope& scope) {
  LinkName link;
  const std::string_view text = json.text;
  const std::size_t arrow = text.find('>');
  const auto read = [&](std::string_view name, LinkEnd& end) {
    if (name.size() < 2 || name.size() > 6 || (name[0] != 'n' && name[0] != 'c')) return false;
    end.is_client = name[0] == 'c';
    for (const char c : name.substr(1)) {
      if (c < '0' || c > '9') return false;
      end.number = end.number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return name == "c0" || name[1] != '0';
  };
  if (json.kind != JsonKind::kText || arrow == std::string_view::npos ||
      !read(text.substr(0, arrow), link.from) || !read(text.substr(arrow + 1), link.to))
    return Complaint(path, "must be a link, like \"n1>n2\" or \"c0>n1\"");
  if (link.from == link.to || (link.from.is_client && link.to.is_client))
    return Complaint(path, "there is no such link: one end is a node, the other somebody else");
  for (const LinkEnd& end : {link.from, link.to}) {
    const std::int64_t most = end.is_client ? scope.most_clients : scope.fewest_nodes;
    const std::int64_t number = end.number;
    if (!end.is_client && (number < 1 || number > most))
      return Complaint(path, Cat("node ", number, " of ", most));
    if (end.is_client && number >= most)
      return Complaint(path, Cat("client ", number, " of ", most, ", counted from 0"));
  }
  return link;
}

absl::StatusOr<std::vector<ScheduleEntry>> ReadSchedule(std::string_view path, const Json& json,
                                                        const ScheduleScope& scope) {
  if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list");
  if (json.items.size() > scope.most_entries)
    return Complaint(path, Cat("more than ", scope.most_entries, " entries"));
  std::vector<ScheduleEntry> schedule;
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    absl::StatusOr<ScheduleEntry> entry = EntryReader(Under(path, i), scope).Read(json.items[i]);
    if (!entry.ok()) return entry.status();
    schedule.push_back(*std::move(entry));
  }
  return schedule;
}

}  // namespace quorate::sim
