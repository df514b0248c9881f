// sim/scenario/field_groups.h — the parts of the table of fields, one function a top-level key.
//
// Each appends its fields. Only fields.cc calls them.
#pragma once
#include <vector>

#include "sim/scenario/fields.h"

namespace quorate::sim {

void AddGeneralFields(
    std::vector<Field>& fields);  // format, name, about, resolved, expect, time, schedule
void AddClusterFields(std::vector<Field>& fields);
void AddClockFields(std::vector<Field>& fields);
void AddNetworkFields(std::vector<Field>& fields);
void AddDiskFields(std::vector<Field>& fields);
void AddProcessFields(std::vector<Field>& fields);  // and budget
void AddWorkloadFields(std::vector<Field>& fields);
void AddCheckFields(std::vector<Field>& fields);  // and marks

// ---- helpers that they share
// ----------------------------------------------------------------------------
inline constexpr std::int64_t kHour = 3'600'000'000'000;
inline constexpr std::int64_t kAnyCount = 1'000'000'000;
inline constexpr std::int64_t kAnyRate = 1'000'000'000'000;  // a million a second
// Words of budget.down, resolved when the number of nodes is known.
inline constexpr std::int64_t kMinority = -1;
inline constexpr std::int64_t kAllNodes = -2;
inline constexpr std::int64_t kGiB = std::int64_t{1} << 30;

// Fills a member of a section: Into(Net, &NetworkConfig::loss_parts), where Net finds the section.
template <class Section, class Member>
auto Into(Section& (*section)(RunConfig&), Member Section::*member) {
  return [section, member](RunConfig& config, auto value) {
    section(config).*member = static_cast<Member>(std::move(value));
  };
}

// The same for what a resolved scenario writes: both ways.
template <class Section, class Member>
PerRun InOut(Section& (*section)(RunConfig&), Member Section::*member) {
  return {Into(section, member), [section, member](const RunConfig& config) {
            return static_cast<std::int64_t>(section(const_cast<RunConfig&>(config)).*member);
          }};
}

// What stands in one row of the table, but for path and target.
struct Values {
  Unit unit;
  std::string fallback;
  std::int64_t low;
  std::int64_t high;
};
inline Values Span(std::string fallback) {
  return {Unit::kDuration, std::move(fallback), 0, kHour};
}
inline Values Chance(std::string fallback) {
  return {Unit::kProbability, std::move(fallback), 0, kWhole};
}
inline Values Number(std::string fallback, std::int64_t low, std::int64_t high) {
  return {Unit::kCount, std::move(fallback), low, high};
}
inline Values Size(std::string fallback, std::int64_t low) {
  return {Unit::kBytes, std::move(fallback), low, kGiB};
}

Field& Add(std::vector<Field>& fields, std::string path, Target target, Values values,
           std::string help);
// A mean time between faults: the gate of its group; "never" = 0.
Field& AddMtbf(std::vector<Field>& fields, std::string path, Target target, std::string help);
void AddOff(std::vector<Field>& fields, const std::string& group);
// One of several shares: as soon as the file names one of them, those it does not name are 0.
Field& AddShare(std::vector<Field>& fields, std::string path, Target target, std::string fallback,
                std::string help);
// mtbf, for and off of one kind of episode: "<what>, of each <whom>".
void AddEpisode(std::vector<Field>& fields, const std::string& group,
                std::function<Episode&(RunConfig&)> at, std::string_view lasts,
                std::string_view what);
void AddSpecial(std::vector<Field>& fields, std::string path, std::string schema, std::string help);

}  // namespace quorate::sim
