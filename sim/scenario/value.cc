#include "sim/scenario/value.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "engine/base/match.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

// Reads the parts of one field's value; the path grows as it goes down.
class ValueReader {
 public:
  explicit ValueReader(const Field& field) : field_(field) {}

  absl::StatusOr<std::int64_t> Number(std::string_view path, const Json& json) const {
    for (const auto& [word, value] : field_.words) {
      if (json.kind == JsonKind::kText && json.text == word) return value;
    }
    const absl::StatusOr<std::int64_t> value = ParseScalar(field_.unit, json);
    if (!value.ok()) return Complaint(path, WithWords(std::string(value.status().message())));
    if (*value < field_.low || *value > field_.high) {
      return Complaint(path, Cat("must be between ", Render(field_.unit, field_.low), " and ",
                                 Render(field_.unit, field_.high)));
    }
    return *value;
  }

  absl::StatusOr<DrawRule> Draw(std::string_view path, const Json& json, bool may_be_off) const {
    DrawRule draw;
    if (json.kind != JsonKind::kObject) {
      const absl::StatusOr<std::int64_t> value = Number(path, json);
      if (!value.ok()) return value.status();
      draw.low = draw.high = *value;
      return draw;
    }
    const bool is_list = json.Find("one_of") != nullptr;
    if (!is_list && json.Find("swarm") == nullptr) {
      return Complaint(path, "a draw needs \"swarm\" or \"one_of\"");
    }
    for (const auto& [key, value] : json.members) {
      const std::string at = Under(path, key);
      absl::Status status;
      if (key == "swarm" && !is_list) {
        status = ReadEnds(at, value, draw);
      } else if (key == "scale" && !is_list) {
        status = ReadScale(at, value, draw);
      } else if (key == "one_of") {
        status = ReadOptions(at, value, draw);
      } else if (key == "off" && may_be_off) {
        status = ReadOff(at, value, draw.off);
      } else {
        status = Complaint(at, "unknown key");
      }
      if (!status.ok()) return status;
    }
    if (draw.scale == Scale::kLog && draw.low <= 0) {
      return Complaint(Under(path, "swarm"), "a scale \"log\" must begin above zero");
    }
    return draw;
  }

  absl::StatusOr<DistRule> Dist(std::string_view path, const Json& json) const {
    if (json.kind == JsonKind::kArray) return Pair(path, json);
    if (json.kind == JsonKind::kObject && json.Find("dist") != nullptr)
      return Distribution(path, json);
    absl::StatusOr<DrawRule> draw = Draw(path, json, true);
    if (!draw.ok()) return draw.status();
    DistRule rule;
    rule.off = std::exchange(draw->off, 0);
    rule.min = rule.mean = rule.max = *std::move(draw);
    return rule;
  }

 private:
  std::string WithWords(std::string reason) const {
    if (field_.words.empty()) return reason;
    reason += field_.unit == Unit::kWord ? ": " : ", or ";
    for (std::size_t i = 0; i < field_.words.size(); ++i) {
      reason += Cat(i == 0 ? "" : ", ", "\"", field_.words[i].first, "\"");
    }
    return reason;
  }

  absl::Status ReadEnds(std::string_view path, const Json& json, DrawRule& draw) const {
    if (json.kind != JsonKind::kArray || json.items.size() != 2) {
      return Complaint(path, "must be [lowest, highest]");
    }
    const absl::StatusOr<std::int64_t> low = Number(Under(path, 0), json.items[0]);
    if (!low.ok()) return low.status();
    const absl::StatusOr<std::int64_t> high = Number(Under(path, 1), json.items[1]);
    if (!high.ok()) return high.status();
    if (*low > *high) return Complaint(path, "the lowest is above the highest");
    draw.low = *low;
    draw.high = *high;
    return absl::OkStatus();
  }

  static absl::Status ReadScale(std::string_view path, const Json& json, DrawRule& draw) {
    if (json.text == "linear") {
      draw.scale = Scale::kLinear;
    } else if (json.text == "log") {
      draw.scale = Scale::kLog;
    } else if (json.text == "skewed") {
      draw.scale = Scale::kSkewed;
    } else {
      return Complaint(path, "must be \"linear\", \"log\" or \"skewed\"");
    }
    return absl::OkStatus();
  }

  absl::Status ReadOptions(std::string_view path, const Json& json, DrawRule& draw) const {
    if (json.kind != JsonKind::kArray || json.items.empty()) {
      return Complaint(path, "must be a list of at least one value");
    }
    for (std::size_t i = 0; i < json.items.size(); ++i) {
      const absl::StatusOr<std::int64_t> value = Number(Under(path, i), json.items[i]);
      if (!value.ok()) return value.status();
      draw.options.push_back(*value);
    }
    return absl::OkStatus();
  }

  static absl::Status ReadOff(std::string_view path, const Json& json, std::int64_t& off) {
    const absl::StatusOr<std::int64_t> value = ParseScalar(Unit::kProbability, json);
    if (!value.ok()) return Complaint(path, std::string(value.status().message()));
    if (*value < 0 || *value > kWhole) return Complaint(path, "must be between 0 and 1");
    off = *value;
    return absl::OkStatus();
  }

  absl::StatusOr<DistRule> Pair(std::string_view path, const Json& json) const {
    if (json.items.size() != 2) return Complaint(path, "must be [lowest, highest]");
    DistRule rule;
    rule.kind = DistKind::kUniform;
    absl::StatusOr<DrawRule> low = Draw(Under(path, 0), json.items[0], false);
    if (!low.ok()) return low.status();
    absl::StatusOr<DrawRule> high = Draw(Under(path, 1), json.items[1], false);
    if (!high.ok()) return high.status();
    rule.min = *std::move(low);
    rule.max = *std::move(high);
    if (HighestOf(rule.min) > LowestOf(rule.max))
      return Complaint(path, "the lowest is above the highest");
    return rule;
  }

  struct KindName {
    std::string_view name;
    DistKind kind;
    bool has_mean;
  };
  static constexpr std::array kKinds{
      KindName{"fixed", DistKind::kFixed, true}, KindName{"uniform", DistKind::kUniform, false},
      KindName{"exp", DistKind::kExp, true}, KindName{"pareto", DistKind::kPareto, true},
      KindName{"log", DistKind::kLog, false}};

  absl::StatusOr<DistRule> Distribution(std::string_view path, const Json& json) const {
    const Json& name = *json.Find("dist");
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& k) {
      return name.kind == JsonKind::kText && k.name == name.text;
    });
    if (kind == kKinds.end()) {
      return Complaint(Under(path, "dist"),
                       "must be \"fixed\", \"uniform\", \"exp\", \"pareto\" or \"log\"");
    }
    DistRule rule;
    rule.kind = kind->kind;
    for (const auto& [key, value] : json.members) {
      if (key == "dist") continue;
      const std::string at = Under(path, key);
      const bool known = key == "off" || (key == "mean" && kind->has_mean) ||
                         ((key == "min" || key == "max") && kind->kind != DistKind::kFixed);
      if (!known) return Complaint(at, Cat("unknown key of a \"", kind->name, "\" distribution"));
      if (key == "off") {
        const absl::Status status = ReadOff(at, value, rule.off);
        if (!status.ok()) return status;
        continue;
      }
      absl::StatusOr<DrawRule> draw = Draw(at, value, false);
      if (!draw.ok()) return draw.status();
      (key == "min" ? rule.min : key == "mean" ? rule.mean : rule.max) = *std::move(draw);
    }
    const auto has = [&](std::string_view key) { return json.Find(key) != nullptr; };
    if (kind->has_mean && !has("mean")) return Complaint(path, "needs \"mean\"");
    if (!kind->has_mean && (!has("min") || !has("max")))
      return Complaint(path, "needs \"min\" and \"max\"");
    return Completed(path, std::move(rule), has("min"), has("max"));
  }

  // Fills in the ends that were not named and checks the order of what is there.
  absl::StatusOr<DistRule> Completed(std::string_view path, DistRule rule, bool has_min,
                                     bool has_max) const {
    if (rule.kind == DistKind::kFixed) {
      rule.min = rule.max = rule.mean;
      return rule;
    }
    if (!has_min) rule.min.low = rule.min.high = std::max<std::int64_t>(field_.low, 0);
    if (!has_max) {
      // Further out than 64 random bits reach for an exponential; a thousand means for a Pareto.
      const std::int64_t over = HighestOf(rule.mean) - LowestOf(rule.min);
      const std::int64_t times = rule.kind == DistKind::kPareto ? 1'000 : 64;
      const std::int64_t room = field_.high - LowestOf(rule.min);
      rule.max.low = rule.max.high =
          over > room / times ? field_.high : LowestOf(rule.min) + over * times;
    }
    const bool has_mean = rule.kind == DistKind::kExp || rule.kind == DistKind::kPareto;
    if (has_mean && HighestOf(rule.min) > LowestOf(rule.mean))
      return Complaint(path, "min is above mean");
    if (has_mean && HighestOf(rule.mean) > LowestOf(rule.max))
      return Complaint(path, "mean is above max");
    if (HighestOf(rule.min) > LowestOf(rule.max)) return Complaint(path, "min is above max");
    if (rule.kind == DistKind::kLog && LowestOf(rule.min) <= 0) {
      return Complaint(path, "a \"log\" distribution must begin above zero");
    }
    return rule;
  }

  const Field& field_;
};

absl::StatusOr<Setting> FromNumber(absl::StatusOr<std::int64_t> value) {
  if (!value.ok()) return value.status();
  Setting setting;
  setting.value.mean.low = setting.value.mean.high = *value;
  return setting;
}
absl::StatusOr<Setting> FromDraw(absl::StatusOr<DrawRule> draw) {
  if (!draw.ok()) return draw.status();
  Setting setting;
  setting.value.mean = *std::move(draw);
  return setting;
}
absl::StatusOr<Setting> FromDist(absl::StatusOr<DistRule> rule) {
  if (!rule.ok()) return rule.status();
  Setting setting;
  setting.value = *std::move(rule);
  return setting;
}
absl::StatusOr<Setting> FromFlag(std::string_view path, const Json& json) {
  if (json.kind != JsonKind::kBool) return Complaint(path, "must be true or false");
  Setting setting;
  setting.flag = json.flag;
  return setting;
}

}  // namespace

absl::StatusOr<Setting> ReadSetting(const Field& field, std::string_view path, const Json& json) {
  const ValueReader reader(field);
  return std::visit(
      Match{
          [&](const PerRun&) { return FromDraw(reader.Draw(path, json, true)); },
          [&](const PerNodeOrLink&) { return FromDraw(reader.Draw(path, json, true)); },
          [&](const PerEvent&) { return FromDist(reader.Dist(path, json)); },
          [&](const PerEventOfEntity&) { return FromDist(reader.Dist(path, json)); },
          [&](const YesOrNo&) { return FromFlag(path, json); },
          [&](const OfScenario&) { return FromNumber(reader.Number(path, json)); },
          [&](const OffShare&) { return FromNumber(reader.Number(path, json)); },
          [&](const Special&) -> absl::StatusOr<Setting> {
            UNREACHABLE("special fields have readers");
          },
      },
      field.target);
}

const Setting& DefaultOf(const Field& field) {
  static const std::vector<Setting>* const defaults = [] {
    auto* list = new std::vector<Setting>;
    for (const Field& each : Fields()) {
      Setting& setting = list->emplace_back();
      if (std::holds_alternative<Special>(each.target)) continue;
      const absl::StatusOr<Json> json = ParseJson(each.fallback);
      REQUIRE(json.ok());
      absl::StatusOr<Setting> read = ReadSetting(each, each.path, *json);
      REQUIRE(read.ok());
      setting = *std::move(read);
    }
    return list;
  }();
  return (*defaults)[static_cast<std::size_t>(FindField(field.path))];
}

}  // namespace quorate::sim
