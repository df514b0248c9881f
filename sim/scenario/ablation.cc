#include "sim/scenario/ablation.h"

#include <algorithm>
#include <array>
#include <set>

#include "sim/scenario/fields.h"
#include "sim/scenario/nearest.h"
#include "sim/scenario/text.h"
#include "sim/scenario/value.h"

namespace quorate::sim {
namespace {

constexpr std::string_view kLimits = "cluster.options.";
constexpr std::array<std::string_view, 4> kFaults = {"clocks.", "network.", "disk.", "process."};

std::string GroupOf(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return std::string(dot == std::string_view::npos ? "" : path.substr(0, dot));
}

bool MayBeZero(const Field& field) {
  return (field.low <= 0 && field.high >= 0) ||
         std::any_of(field.words.begin(), field.words.end(),
                     [](const auto& word) { return word.second == 0; });
}

bool IsLimit(const Field& field) {
  return field.path.starts_with(kLimits) &&
         (field.unit == Unit::kCount || field.unit == Unit::kBytes);
}

// Whether 0 in this field says that something never happens. (A distribution tells how long things last.)
bool IsFault(const Field& field) {
  if (!field.unsupported.empty() || !MayBeZero(field)) return false;
  if (!std::holds_alternative<PerRun>(field.target) &&
      !std::holds_alternative<PerNodeOrLink>(field.target)) {
    return false;
  }
  if (field.path.starts_with("workload.")) {
    return field.share || field.unit == Unit::kProbability || field.unit == Unit::kRate;
  }
  return std::any_of(kFaults.begin(), kFaults.end(),
                     [&](std::string_view group) { return field.path.starts_with(group); });
}

bool CanBeLeftOut(const Field& field) { return IsFault(field) || IsLimit(field); }

// Whether the field stands below a gate other than itself, that is below `path` or is of `path`.
bool IsBehindGate(const Field& field, std::string_view path) {
  for (std::string group = GroupOf(field.path); group.size() >= path.size() && !group.empty();
       group = GroupOf(group)) {
    const int gate = GateOf(group);
    if (gate >= 0 && &Fields()[static_cast<std::size_t>(gate)] != &field) return true;
  }
  return false;
}

// The places in Fields() of what `path` leaves out; empty if it names nothing of that kind.
std::vector<std::size_t> PlacesOf(std::string_view path) {
  std::vector<std::size_t> places;
  const std::string prefix = Cat(path, ".");
  for (std::size_t i = 0; i < Fields().size(); ++i) {
    const Field& field = Fields()[i];
    if (!CanBeLeftOut(field)) continue;
    const bool below = field.path.starts_with(prefix) && !IsBehindGate(field, path);
    if (below || field.path == path) places.push_back(i);
  }
  return places;
}

std::vector<std::string> EveryPath() {
  std::set<std::string> paths;
  for (const Field& field : Fields()) {
    if (!CanBeLeftOut(field)) continue;
    for (std::string path = field.path; !path.empty(); path = GroupOf(path)) paths.insert(path);
  }
  return {paths.begin(), paths.end()};
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t comma = list.find(',');
    words.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    list.remove_prefix(comma + 1);
  }
}

absl::Status Unknown(std::string_view kind, const std::string& word,
                     const std::vector<std::string>& known) {
  const std::string nearest = NearestOf(word, known, 4);
  return absl::InvalidArgumentError(
      Cat("\"", word, "\" is no ", kind, nearest.empty() ? "" : Cat("; \"", nearest, "\" is one")));
}

// The group of shares that would be 0 throughout; empty if there is none.
std::string EmptyShares(const Scenario& scenario) {
  std::set<std::string> sure;
  for (std::size_t i = 0; i < Fields().size(); ++i) {
    const Field& field = Fields()[i];
    if (field.share && LowestOf(scenario.settings[i].value.mean) > 0) {
      sure.insert(GroupOf(field.path));
    }
  }
  for (const Field& field : Fields()) {
    if (field.share && !sure.contains(GroupOf(field.path))) return GroupOf(field.path);
  }
  return "";
}

}  // namespace

absl::StatusOr<CheckSet> ReadIgnored(std::string_view list) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kChecks; ++i) ids.emplace_back(IdOf(static_cast<Check>(i)));
  CheckSet checks;
  for (const std::string& word : Split(list)) {
    const std::optional<Check> check = CheckOf(word);
    if (!check) return Unknown("check", word, ids);
    checks.set(static_cast<std::size_t>(*check));
  }
  return checks;
}

absl::StatusOr<std::vector<std::string>> ReadWithout(std::string_view list) {
  std::vector<std::string> paths = Split(list);
  for (const std::string& path : paths) {
    if (PlacesOf(path).empty()) return Unknown("fault of a scenario", path, EveryPath());
  }
  return paths;
}

absl::Status Ablate(const Ablation& ablation, Scenario& scenario) {
  REQUIRE(scenario.settings.size() == Fields().size());
  scenario.ignored = ablation.ignored;
  for (const std::string& path : ablation.without) {
    for (const std::size_t place : PlacesOf(path)) {
      const Field& field = Fields()[place];
      scenario.settings[place] = IsLimit(field) ? DefaultOf(field) : Setting{};
    }
  }
  const std::string empty = ablation.without.empty() ? "" : EmptyShares(scenario);
  if (empty.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(Cat(scenario.file, ": ", empty, ": all shares may be 0"));
}

std::vector<std::string> OptionsOf(const Ablation& ablation) {
  std::vector<std::string> options;
  std::string list;
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (!ablation.ignored.test(i)) continue;
    list += Cat(list.empty() ? "" : ",", IdOf(static_cast<Check>(i)));
  }
  if (!list.empty()) options = {"--ignore-check", list};
  list.clear();
  for (const std::string& path : ablation.without) list += Cat(list.empty() ? "" : ",", path);
  if (!list.empty()) options.insert(options.end(), {"--without", list});
  return options;
}

}  // namespace quorate::sim
