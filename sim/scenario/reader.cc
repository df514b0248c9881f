// Reads a scenario: the keys in the file's order by the table, then what only the whole can tell.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "engine/base/match.h"
#include "sim/scenario/clock_bound.h"
#include "sim/scenario/field_groups.h"
#include "sim/scenario/mark_table.h"
#include "sim/scenario/nearest.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/schedule.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/scenario/value.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20;

std::string GroupOf(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return std::string(dot == std::string_view::npos ? "" : path.substr(0, dot));
}

// The keys that may stand in `group`, each once, in order.
std::vector<std::string> KeysOf(std::string_view group) {
  std::set<std::string> keys;
  const std::string prefix = group == "$" ? "" : Cat(group, ".");
  for (const Field& field : Fields()) {
    if (!field.path.starts_with(prefix)) continue;
    keys.insert(
        field.path.substr(prefix.size(), field.path.find('.', prefix.size()) - prefix.size()));
  }
  return {keys.begin(), keys.end()};
}

std::string UnknownKey(std::string_view group, std::string_view key) {
  const std::string best = NearestOf(key, KeysOf(group), 3);
  return best.empty() ? "unknown key" : Cat("unknown key; \"", best, "\" is one");
}

class ScenarioReader {
 public:
  explicit ScenarioReader(std::string_view file) {
    scenario_.file = file;
    scenario_.name = std::filesystem::path(scenario_.file).stem().string();
    for (const Field& field : Fields()) scenario_.settings.push_back(DefaultOf(field));
    named_.resize(Fields().size());
    scenario_.namespaces.push_back({"default"});
  }

  absl::StatusOr<Scenario> Read(const Json& json) {
    if (json.kind != JsonKind::kObject) return Complaint("$", "must be an object");
    const Json* const format = json.Find("format");
    if (format == nullptr) return Complaint("format", "is missing; it must be 1");
    const Json* const resolved = json.Find("resolved");
    resolved_ = resolved != nullptr && resolved->text == std::to_string(kResolvedVersion);
    // Of another version every other complaint would be beside the point.
    absl::Status status = ReadSpecial("format", *format);
    if (status.ok() && resolved != nullptr) status = ReadSpecial("resolved", *resolved);
    if (status.ok()) status = ReadGroup("$", json);
    if (status.ok() && resolved_) status = CheckResolved();
    if (status.ok()) status = ReadLater(json);
    if (status.ok()) status = CheckWhole();
    if (!status.ok()) return status;
    if (scenario_.about.empty()) return Complaint("about", "is missing: one sentence of story");
    FillOffAndShares();
    for (std::size_t i = 0; i < Fields().size(); ++i) {
      const auto* const target = std::get_if<OfScenario>(&Fields()[i].target);
      if (target != nullptr) target->set(scenario_, scenario_.settings[i].value.mean.low);
    }
    return std::move(scenario_);
  }

 private:
  absl::Status ReadGroup(const std::string& path, const Json& json) {
    for (const auto& [key, value] : json.members) {
      const std::string at = Under(path, key);
      const int place = FindField(at);
      absl::Status status;
      if (place >= 0) {
        status = ReadField(static_cast<std::size_t>(place), at, value);
      } else if (IsGroup(at)) {
        status = EnterGroup(at, value);
      } else {
        status = Complaint(at, UnknownKey(path, key));
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status EnterGroup(const std::string& path, const Json& json) {
    const int gate = GateOf(path);
    const bool zero = json.kind == JsonKind::kNumber && json.text == "0";
    if (gate >= 0 && zero) return absl::OkStatus();  // "full": 0 says never
    if (json.kind != JsonKind::kObject) {
      return Complaint(path, gate >= 0 ? "must be an object, or 0 for never" : "must be an object");
    }
    const absl::Status status = ReadGroup(path, json);
    if (!status.ok()) return status;
    if (gate >= 0 && !named_[static_cast<std::size_t>(gate)]) {
      return Complaint(Fields()[static_cast<std::size_t>(gate)].path,
                       "is missing: this would never happen");
    }
    return absl::OkStatus();
  }

  absl::Status ReadField(std::size_t place, const std::string& path, const Json& json) {
    const Field& field = Fields()[place];
    named_[place] = true;
    if (std::holds_alternative<Special>(field.target)) return ReadSpecial(path, json);
    absl::StatusOr<Setting> setting = ReadSetting(field, path, json);
    if (!setting.ok()) return setting.status();
    if (!field.unsupported.empty() && *setting != DefaultOf(field))
      return Complaint(path, field.unsupported);
    scenario_.settings[place] = *std::move(setting);
    return absl::OkStatus();
  }

  absl::Status ReadSpecial(const std::string& path, const Json& json) {
    if (path == "format") {
      const bool one = json.kind == JsonKind::kNumber && json.text == "1";
      return one ? absl::OkStatus() : Complaint(path, "must be 1");
    }
    if (path == "resolved") {
      if (json.kind == JsonKind::kNumber && (json.text == "0" || resolved_))
        return absl::OkStatus();
      return Complaint(path,
                       Cat("must be ", kResolvedVersion,
                           ", the version of resolved scenarios that this program reads (or 0)"));
    }
    if (path == "expect") {
      return json.text == "pass"
                 ? absl::OkStatus()
                 : Complaint(path, "must be \"pass\"; others are not supported yet");
    }
    if (path == "name") return ReadText(path, json, 100, scenario_.name);
    if (path == "about") return ReadText(path, json, 1000, scenario_.about);
    if (path == "cluster.namespaces") return ReadNamespaces(path, json);
    if (path == "marks.require") return ReadMarks(path, json);
    // They speak of nodes and namespaces, which may stand further down.
    if (path == "script" || path == "schedule" || path == "checks.linearizable" ||
        path == "checks.converges")
      return absl::OkStatus();
    UNREACHABLE("a special field without a reader");
  }

  static absl::Status ReadText(const std::string& path, const Json& json, std::size_t most,
                               std::string& out) {
    if (json.kind != JsonKind::kText) return Complaint(path, "must be a text");
    if (json.text.empty()) return Complaint(path, "must not be empty");
    if (json.text.size() > most) return Complaint(path, Cat("is longer than ", most, " bytes"));
    // It is printed as it is.
    const bool plain = std::none_of(json.text.begin(), json.text.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    });
    if (!plain) return Complaint(path, "has control characters");
    out = json.text;
    return absl::OkStatus();
  }

  static absl::Status ReadList(const std::string& path, const Json& json,
                               std::vector<std::string>& out) {
    if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list");
    out.clear();
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      std::string text;
      const absl::Status status = ReadText(Under(path, i), json.items[i], 100, text);
      if (!status.ok()) return status;
      if (std::find(out.begin(), out.end(), text) != out.end())
        return Complaint(Under(path, i), "stands twice");
      out.push_back(std::move(text));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMarks(const std::string& path, const Json& json) {
    const absl::Status status = ReadList(path, json, scenario_.required_marks);
    if (!status.ok()) return status;
    for (std::size_t i = 0; i < scenario_.required_marks.size(); ++i) {
      const std::string& name = scenario_.required_marks[i];
      if (!IsMark(name)) return Complaint(Under(path, i), UnknownMark(name));
    }
    return absl::OkStatus();
  }

  absl::Status ReadNamespaces(const std::string& path, const Json& json) {
    if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list");
    if (json.items.size() > 32) return Complaint(path, "more than 32 namespaces");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      const std::string at = Under(path, i);
      NamespaceConfig name_space;
      const absl::Status status = ReadNamespace(at, json.items[i], name_space);
      if (!status.ok()) return status;
      if (!seen.insert(name_space.name).second) return Complaint(Under(at, "name"), "stands twice");
      if (name_space.name != "default") scenario_.namespaces.push_back(std::move(name_space));
    }
    return absl::OkStatus();
  }

  absl::Status ReadNamespace(const std::string& path, const Json& json,
                             NamespaceConfig& out) const {
    if (json.kind != JsonKind::kObject) return Complaint(path, "must be an object");
    for (const auto& [key, value] : json.members) {
      const std::string at = Under(path, key);
      if (key == "name") {
        const absl::Status status = ReadText(at, value, 64, out.name);
        if (!status.ok()) return status;
        if (!IsNamespaceName(out.name))
          return Complaint(at, "must begin with a letter and hold only a-z 0-9 . _ -");
      } else if (key == "mode") {
        if (value.text == "eventual") return Complaint(at, "\"eventual\" is not supported yet");
        if (value.text != "strong") return Complaint(at, "must be \"strong\"");
      } else {
        return Complaint(at, "unknown key");
      }
    }
    if (out.name.empty()) return Complaint(Under(path, "name"), "is missing");
    // Those of cluster.extra_namespaces are called so.
    if (out.name.starts_with("extra") && !resolved_)
      return Complaint(Under(path, "name"), "must not begin with \"extra\"");
    return absl::OkStatus();
  }

  static bool IsNamespaceName(std::string_view name) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    return lower(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
             return lower(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
           });
  }

  // ---- what speaks of other keys
  // ------------------------------------------------------------------------
  absl::Status ReadLater(const Json& json) {
    ScheduleScope scope;
    scope.fewest_nodes = LowestOf(Rule("cluster.nodes"));
    scope.most_nodes = HighestOf(Rule("cluster.nodes"));
    scope.horizon_ns = LowestOf(Rule("time.horizon"));
    scope.most_clients = LowestOf(Rule("workload.clients"));
    const Json* const script = json.Find("script");
    if (resolved_ != (script != nullptr))
      return Complaint("script", resolved_ ? "is missing" : "stands only in resolved scenarios");
    for (const NamespaceConfig& each : scenario_.namespaces) scope.namespaces.push_back(each.name);
    if (script != nullptr) {
      absl::StatusOr<ReadScriptResult> read = ReadScript("script", *script, scope);
      if (!read.ok()) return read.status();
      scenario_.script = std::move(read->script);
      scenario_.engine_seed = read->engine_seed;
      scope.most_entries = 1'000'000;
      scope.most_clients = 2'000;
    }
    if (const Json* const schedule = json.Find("schedule")) {
      absl::StatusOr<std::vector<ScheduleEntry>> entries =
          ReadSchedule("schedule", *schedule, scope);
      if (!entries.ok()) return entries.status();
      scenario_.schedule = *std::move(entries);
    }
    const Json* const checks = json.Find("checks");
    if (checks == nullptr) return absl::OkStatus();
    for (auto [key, list] : {std::pair{"linearizable", &scenario_.linearizable},
                             std::pair{"converges", &scenario_.converges}}) {
      const Json* const names = checks->Find(key);
      if (names == nullptr || (names->kind == JsonKind::kText && names->text == "all")) continue;
      const std::string path = Under("checks", key);
      if (list == &scenario_.converges)
        return Complaint(path, "must be \"all\": every namespace is strong, and all are compared");
      const absl::Status status = ReadList(path, *names, *list);
      if (!status.ok()) return status;
      for (std::size_t i = 0; i < list->size(); ++i) {
        const auto& known = scope.namespaces;
        if (std::find(known.begin(), known.end(), (*list)[i]) != known.end()) continue;
        return Complaint(Under(path, i), Cat("no namespace \"", (*list)[i], "\" in this scenario"));
      }
    }
    return absl::OkStatus();
  }

  const DistRule& Value(std::string_view path) const {
    const int place = FindField(path);
    REQUIRE(place >= 0);
    return scenario_.settings[static_cast<std::size_t>(place)].value;
  }
  const DrawRule& Rule(std::string_view path) const { return Value(path).mean; }

  absl::Status CheckWhole() const {
    if (HighestOf(Rule("time.warm_up")) >= LowestOf(Rule("time.horizon"))) {
      return Complaint("time.warm_up", "must end before time.horizon");
    }
    const DrawRule& every = Rule("time.quiet.every");
    if (HighestOf(every) > 0 && HighestOf(Rule("time.quiet.for")) >= LowestOf(every)) {
      return Complaint("time.quiet.for", "must be shorter than time.quiet.every");
    }
    const DistRule& election = Value("cluster.options.election_timeout");
    if (election.kind != DistKind::kFixed && election.kind != DistKind::kUniform) {
      return Complaint("cluster.options.election_timeout", "must be [shortest, longest]");
    }
    if (LowestOf(election.kind == DistKind::kFixed ? election.mean : election.min) <
        2 * HighestOf(Rule("cluster.options.heartbeat"))) {
      return Complaint("cluster.options.election_timeout", "must be at least two heartbeats");
    }
    const absl::Status timeouts = CheckTimeouts(election);
    if (!timeouts.ok()) return timeouts;
    if (HighestOf(Rule("budget.down")) > LowestOf(Rule("cluster.nodes"))) {
      return Complaint("budget.down", "more nodes than there may be");
    }
    if (HighestOf(Rule("budget.wiped")) > LowestOf(Rule("cluster.nodes"))) {
      return Complaint("budget.wiped", "more nodes than there may be");
    }
    const bool wipes = HighestOf(Rule("process.wipe")) > 0;
    const DrawRule& wiped = Rule("budget.wiped");
    const bool none_wiped = IsFixed(wiped) && wiped.options.empty() && wiped.low == 0;
    if (wipes && none_wiped)
      return Complaint("budget.wiped", "is \"none\": process.wipe would never happen");
    if (!wipes && !none_wiped)
      return Complaint("budget.wiped", "has no effect without process.wipe");
    absl::Status status = CheckWithinBudget();
    if (status.ok() && !resolved_) status = CheckClockBound(scenario_);
    return status.ok() ? CheckShares() : status;
  }

  // With these no cluster can do what is due at the end of a run. A resolved scenario is a record.
  absl::Status CheckTimeouts(const DistRule& election) const {
    if (resolved_) return absl::OkStatus();
    const bool fixed = election.kind == DistKind::kFixed;
    const std::int64_t shortest = HighestOf(fixed ? election.mean : election.min);
    const std::int64_t longest = fixed ? shortest : LowestOf(election.max);
    if (HighestOf(Rule("cluster.nodes")) > 1 && longest - shortest < shortest / 4) {
      return Complaint("cluster.options.election_timeout",
                       "the longest must be at least a quarter longer than the shortest: nodes "
                       "that time out together campaign together, again and again");
    }
    if (LowestOf(Rule("cluster.options.request_timeout")) <
        2 * HighestOf(fixed ? election.mean : election.max)) {
      return Complaint("cluster.options.request_timeout",
                       "must be at least twice the longest election timeout: requests would end "
                       "before there is a leader again");
    }
    return absl::OkStatus();
  }

  // Faults after which nobody can promise anything are asked for twice. A resolved scenario is a record.
  absl::Status CheckWithinBudget() const {
    const int place = FindField("budget.over_budget");
    REQUIRE(place >= 0);
    if (resolved_ || scenario_.settings[static_cast<std::size_t>(place)].flag)
      return absl::OkStatus();
    constexpr const char* kWhy = "takes \"over_budget\": true in budget";
    for (const char* path : {"process.old_image", "disk.lying_sync"}) {
      if (HighestOf(Rule(path)) > 0) return Complaint(path, kWhy);
    }
    if (LowestOf(Rule("budget.wiped")) == kAllNodes) return Complaint("budget.wiped", kWhy);
    for (std::size_t i = 0; i < scenario_.schedule.size(); ++i) {
      const Action& action = scenario_.schedule[i].action;
      const CrashAction* crash = std::get_if<CrashAction>(&action);
      if (std::holds_alternative<OldImageAction>(action) ||
          std::holds_alternative<LyingSyncAction>(action) ||
          (crash != nullptr && crash->lose == Loss::kImage))
        return Complaint(Under(Under("schedule", i), "do"), kWhy);
    }
    return absl::OkStatus();
  }

  // What stands in a resolved scenario is a number, and one that means something.
  absl::Status CheckResolved() const {
    for (std::size_t i = 0; i < Fields().size(); ++i) {
      const Field& field = Fields()[i];
      if (!named_[i] || std::holds_alternative<Special>(field.target)) continue;
      const PerRun* const number = std::get_if<PerRun>(&field.target);
      const bool timeout = field.path == "cluster.options.election_timeout";
      if (!timeout && (number == nullptr || !number->get))
        return Complaint(field.path, "says nothing in a resolved scenario: `script` says it all");
      const DrawRule& rule = scenario_.settings[i].value.mean;
      if (!timeout && (!IsFixed(rule) || !rule.options.empty()))
        return Complaint(field.path, "must be a plain number: a resolved scenario draws nothing");
    }
    return absl::OkStatus();
  }

  // What would be read and do nothing is refused. A resolved scenario is a record.
  absl::Status CheckEffects() const {
    if (resolved_) return absl::OkStatus();
    const bool crashes =
        HighestOf(Rule("process.crash.mtbf")) > 0 || HighestOf(Rule("process.aimed_crash")) > 0;
    for (const char* path : {"process.wipe", "process.old_image"}) {
      if (!crashes && HighestOf(Rule(path)) > 0)
        return Complaint(path, "has no effect without process.crash or process.aimed_crash");
    }
    if (HighestOf(Rule("workload.ops.drop_namespace")) > 0 && scenario_.namespaces.size() == 1 &&
        HighestOf(Rule("cluster.extra_namespaces")) == 0) {
      return Complaint("workload.ops.drop_namespace",
                       "has no effect without a namespace beside \"default\"");
    }
    for (std::size_t i = 0; i < scenario_.schedule.size(); ++i) {
      const ScheduleEntry& entry = scenario_.schedule[i];
      const OperationAction* operation = std::get_if<OperationAction>(&entry.action);
      if (operation != nullptr && operation->op == ScheduledOp::kDropNamespace &&
          operation->name_space == "default") {
        return Complaint(Under(Under("schedule", i), "namespace"),
                         "\"default\" is always there and cannot be dropped");
      }
      const SwizzleAction* swizzle = std::get_if<SwizzleAction>(&entry.action);
      if (swizzle == nullptr || entry.for_ns == 0) continue;
      for (std::size_t step = 0; step < swizzle->steps.size(); ++step) {
        if (swizzle->steps[step].until_ns <= entry.for_ns) continue;
        return Complaint(Under(Under(Under(Under("schedule", i), "steps"), step), "until"),
                         "must not be later than `for`");
      }
    }
    return absl::OkStatus();
  }

  // A group of shares needs one that is above 0 in every run.
  absl::Status CheckShares() const {
    const absl::Status effects = CheckEffects();
    if (!effects.ok()) return effects;
    std::set<std::string> checked;
    for (const Field& field : Fields()) {
      const std::string group = GroupOf(field.path);
      if (!field.share || !checked.insert(group).second) continue;
      bool any_named = false;
      bool any_sure = false;
      for (std::size_t i = 0; i < Fields().size(); ++i) {
        if (!Fields()[i].share || GroupOf(Fields()[i].path) != group || !named_[i]) continue;
        any_named = true;
        any_sure = any_sure || LowestOf(scenario_.settings[i].value.mean) > 0;
      }
      if (any_named && !any_sure) return Complaint(group, "all shares may be 0");
    }
    return absl::OkStatus();
  }

  void FillOffAndShares() {
    std::set<std::string> named_groups;
    for (std::size_t i = 0; i < Fields().size(); ++i) {
      if (Fields()[i].share && named_[i]) named_groups.insert(GroupOf(Fields()[i].path));
    }
    for (std::size_t i = 0; i < Fields().size(); ++i) {
      const Field& field = Fields()[i];
      if (field.share && !named_[i] && named_groups.contains(GroupOf(field.path))) {
        scenario_.settings[i] = Setting{};
      }
      if (!std::holds_alternative<OffShare>(field.target) || !named_[i]) continue;
      const int gate = GateOf(GroupOf(field.path));
      REQUIRE(gate >= 0);
      DrawRule& rule = scenario_.settings[static_cast<std::size_t>(gate)].value.mean;
      rule.off = scenario_.settings[i].value.mean.low;
    }
  }

  Scenario scenario_;
  bool resolved_ = false;
  std::vector<bool> named_;  // parallel to Fields(): stands in the file
};

absl::Status OfFile(std::string_view file, std::string_view reason) {
  return absl::InvalidArgumentError(Cat(file, ": ", reason));
}

}  // namespace

absl::StatusOr<Scenario> ParseScenario(std::string_view text, std::string_view file) {
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok()) return OfFile(file, std::string(json.status().message()));
  absl::StatusOr<Scenario> scenario = ScenarioReader(file).Read(*json);
  if (!scenario.ok()) return OfFile(file, std::string(scenario.status().message()));
  scenario->hash = DigestOf(text);
  return scenario;
}

absl::StatusOr<Scenario> LoadScenario(const std::string& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    return OfFile(file, "is a directory, not a scenario");
  const std::filesystem::file_status found = std::filesystem::status(file, error);
  if (found.type() == std::filesystem::file_type::not_found)
    return absl::NotFoundError(Cat(file, ": no such file"));
  if (error) return OfFile(file, Cat("cannot be read: ", error.message()));
  // A pipe can be read once; runs are repeated.
  if (found.type() != std::filesystem::file_type::regular)
    return OfFile(file, "is not a regular file");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return OfFile(file, Cat("cannot be read: ", std::strerror(errno)));
  std::string text(kMostBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.eof()) {
    const bool long_file = !in.bad() && in.gcount() > 0;
    return OfFile(file, long_file ? "is longer than 64 MiB" : "cannot be read");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return ParseScenario(text, file);
}

}  // namespace quorate::sim
