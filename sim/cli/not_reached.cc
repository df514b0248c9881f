#include "sim/cli/not_reached.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "sim/check/ids.h"
#include "sim/cli/report.h"
#include "sim/scenario/mark_table.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostPairs = 10;  // in the table; JSON has all of them

std::string Right(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}
std::string Left(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void AddLines(std::string_view kind, const std::vector<std::string>& names, std::string& text) {
  for (const std::string& name : names) text += Cat("  ", Left(std::string(kind), 9), name, "\n");
}

// How far the suite came: a suite that was stopped, or a shard, has no runs behind its last one.
std::uint64_t RunsSoFar(const Summary& summary) {
  return summary.runs().empty() ? 0 : summary.runs().back().number + 1;
}

std::vector<std::string> FeaturesNotSeen(const Summary& summary) {
  std::vector<std::string> names;
  for (const std::size_t feature : summary.coverage().MissingFeatures()) {
    names.push_back(NameOfFeature(feature));
  }
  return names;
}

}  // namespace

std::vector<std::string> MarksNotReached(const Summary& summary) {
  std::vector<std::string> names;
  for (const KnownMark& mark : KnownMarks()) {
    std::string name(mark.name);
    if (!summary.marks().contains(name)) names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> FaultsNotInjected(const Summary& summary) {
  std::vector<std::string> names;
  for (const auto& [name, count] : summary.injected()) {
    if (count == 0) names.push_back(name);
  }
  return names;
}

std::vector<std::string> ChecksNotMade(const Summary& summary) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    if (check == Check::kAssertion) continue;  // nothing that anybody looks for
    const auto found = summary.checked().find(IdOf(check));
    if (found == summary.checked().end() || found->second == 0) names.emplace_back(IdOf(check));
  }
  return names;
}

std::string RenderCoverage(const Summary& summary) {
  const CoverageTally& tally = summary.coverage();
  if (tally.states().empty()) return "";
  std::string text =
      "\nkinds of states seen" + Right("after runs", 27) + Right("states", 11) + "\n";
  for (const CoverageTally::Point& point : tally.Growth(RunsSoFar(summary))) {
    text += Cat(Right(Grouped(point.runs), 47), Right(Grouped(point.states), 11), "\n");
  }
  const std::uint64_t all = CoverageTally::AllPairs();
  const std::uint64_t seen = tally.SeenPairs();
  text +=
      Cat("  pairs of features at one node: ", seen, " of ", all, " (", seen * 100 / all, " %)\n");
  return text;
}

std::string RenderNotReached(const Summary& summary) {
  std::string text;
  AddLines("mark", MarksNotReached(summary), text);
  AddLines("fault", FaultsNotInjected(summary), text);
  AddLines("check", ChecksNotMade(summary), text);
  if (!summary.coverage().states().empty()) {
    AddLines("feature", FeaturesNotSeen(summary), text);
    std::vector<std::string> pairs;
    const auto missing = summary.coverage().MissingPairs();
    for (const auto& [a, b] : missing) {
      if (pairs.size() == kMostPairs) break;
      pairs.push_back(Cat(NameOfFeature(a), " with ", NameOfFeature(b)));
    }
    AddLines("pair", pairs, text);
    if (missing.size() > pairs.size())
      text += Cat("  … and ", missing.size() - pairs.size(), " more pairs; --json has them all\n");
  }
  return text.empty() ? "" : "\nnot reached\n" + text;
}

nlohmann::ordered_json CoverageJson(const Summary& summary) {
  const CoverageTally& tally = summary.coverage();
  nlohmann::ordered_json growth = nlohmann::ordered_json::array();
  for (const CoverageTally::Point& point : tally.Growth(RunsSoFar(summary))) {
    growth.push_back({{"runs", point.runs}, {"states", point.states}});
  }
  return {{"states", tally.states().size()},
          {"growth", growth},
          {"features", kFeatures},
          {"features_seen", kFeatures - tally.MissingFeatures().size()},
          {"pairs", CoverageTally::AllPairs()},
          {"pairs_seen", tally.SeenPairs()}};
}

nlohmann::ordered_json NotReachedJson(const Summary& summary) {
  nlohmann::ordered_json pairs = nlohmann::ordered_json::array();
  for (const auto& [a, b] : summary.coverage().MissingPairs()) {
    pairs.push_back({NameOfFeature(a), NameOfFeature(b)});
  }
  return {{"marks", MarksNotReached(summary)},
          {"faults", FaultsNotInjected(summary)},
          {"checks", ChecksNotMade(summary)},
          {"features", FeaturesNotSeen(summary)},
          {"pairs", pairs}};
}

}  // namespace quorate::sim
