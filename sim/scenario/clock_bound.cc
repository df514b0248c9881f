#include "sim/scenario/clock_bound.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "engine/base/check.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/json.h"
#include "sim/scenario/text.h"
#include "sim/scenario/value.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

const DrawRule& RuleOf(const Scenario& scenario, std::string_view path) {
  const int place = FindField(path);
  REQUIRE(place >= 0);
  return scenario.settings[static_cast<std::size_t>(place)].value.mean;
}

// The value nearest to 0 that may be drawn: what a clock has at least.
std::int64_t LeastOf(const DrawRule& rule) {
  return std::clamp<std::int64_t>(0, LowestOf(rule), HighestOf(rule));
}
std::optional<std::int64_t> ConstantOf(const DrawRule& rule) {
  const bool constant = LowestOf(rule) == HighestOf(rule);
  return constant ? std::optional(LowestOf(rule)) : std::nullopt;
}

bool IsWithin(std::int64_t error_ns, std::int64_t bound_ns) {
  return -bound_ns <= error_ns && error_ns <= bound_ns;
}

std::string Beyond(const std::string& what, std::int64_t bound_ns) {
  return Cat(what, ", and budget.clock_bound allows ", Render(Unit::kDuration, bound_ns));
}
std::string Off(std::int64_t error_ns) {
  return Cat(Render(Unit::kDuration, error_ns), " from true time");
}

// The steps and standstills that are ordered, each on top of the steps of the same node that come before it.
class Schedule {
 public:
  Schedule(const Scenario& scenario, std::int64_t bound_ns, std::int64_t offset_ns)
      : scenario_(scenario), bound_ns_(bound_ns), offset_ns_(offset_ns) {
    for (std::size_t i = 0; i < scenario.schedule.size(); ++i) order_.push_back(i);
    std::stable_sort(order_.begin(), order_.end(),
                     [this](std::size_t a, std::size_t b) { return TimeOf(a) < TimeOf(b); });
  }

  absl::Status Check() {
    for (const std::size_t place : order_) {
      const ScheduleEntry& entry = scenario_.schedule[place];
      absl::Status status;
      if (const auto* step = std::get_if<ClockStepAction>(&entry.action))
        status = CheckStep(place, *step);
      if (const auto* freeze = std::get_if<ClockFreezeAction>(&entry.action))
        status = CheckFreeze(place, *freeze);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  // Those that wait for a mark come at no known time: they are judged as if nothing came before.
  std::int64_t TimeOf(std::size_t place) const {
    const AtTime* at = std::get_if<AtTime>(&scenario_.schedule[place].when);
    return at == nullptr ? -1 : at->at_ns;
  }

  // Where the clock stands then, as far as the file says it; nullptr: of nobody in particular.
  std::int64_t* Known(std::size_t place, const NodeRef& ref) {
    const NodeId* node = std::get_if<NodeId>(&ref);
    if (node == nullptr || TimeOf(place) < 0) return nullptr;
    return &known_.try_emplace(*node, offset_ns_).first->second;
  }

  absl::Status CheckStep(std::size_t place, const ClockStepAction& step) {
    std::int64_t* const known = Known(place, step.node);
    const std::int64_t after = (known == nullptr ? 0 : *known) + step.by_ns;
    if (!IsWithin(after, bound_ns_)) {
      return Complaint(Under(Under("schedule", place), "by"),
                       Beyond(Cat("leaves a clock ", Off(after)), bound_ns_));
    }
    if (known != nullptr) *known = after;
    return absl::OkStatus();
  }

  absl::Status CheckFreeze(std::size_t place, const ClockFreezeAction& freeze) {
    const std::int64_t length = scenario_.schedule[place].for_ns;
    const std::string path = Under(Under("schedule", place), "for");
    if (length == 0)
      return Complaint(path, Beyond("is missing: the clock would stand for ever", bound_ns_));
    const std::int64_t* const known = Known(place, freeze.node);
    const std::int64_t after = (known == nullptr ? 0 : *known) - length;
    if (IsWithin(after, bound_ns_)) return absl::OkStatus();
    return Complaint(path, Beyond(Cat("leaves a clock ", Off(after)), bound_ns_));
  }

  const Scenario& scenario_;
  std::int64_t bound_ns_;
  std::int64_t offset_ns_;
  std::vector<std::size_t> order_;
  std::map<NodeId, std::int64_t> known_;
};

}  // namespace

absl::Status CheckClockBound(const Scenario& scenario) {
  const DrawRule& bound = RuleOf(scenario, "budget.clock_bound");
  if (LowestOf(bound) == 0) return absl::OkStatus();  // there may be none
  const std::int64_t bound_ns = HighestOf(bound);
  const DrawRule& offset = RuleOf(scenario, "clocks.wall_offset");
  if (!IsWithin(LeastOf(offset), bound_ns)) {
    return Complaint("clocks.wall_offset",
                     Beyond(Cat("starts clocks ", Off(LeastOf(offset))), bound_ns));
  }
  const std::int64_t start = ConstantOf(offset).value_or(0);
  const std::int64_t horizon = LowestOf(RuleOf(scenario, "time.horizon"));
  const std::int64_t drift = LeastOf(RuleOf(scenario, "clocks.drift"));
  const std::int64_t end =
      start + horizon / kMillion * drift + horizon % kMillion * drift / kMillion;
  if (drift != 0 && !IsWithin(end, bound_ns)) {
    return Complaint("clocks.drift", Beyond(Cat("ends with clocks ", Off(end)), bound_ns));
  }
  return Schedule(scenario, bound_ns, start).Check();
}

}  // namespace quorate::sim
