#include "sim/history/black_box.h"

#include <algorithm>
#include <utility>

#include "sim/history/version_check.h"
#include "sim/history/wgl.h"

namespace quorate::sim {
namespace {

History OfGroups(const History& history, const std::vector<GroupId>& groups) {
  History chosen;
  chosen.header = history.header;
  for (const Operation& op : history.operations) {
    if (std::find(groups.begin(), groups.end(), op.group) != groups.end()) {
      chosen.operations.push_back(op);
    }
  }
  return chosen;
}

}  // namespace

BlackBoxResult CheckBlackBox(const History& history, const CommittedEffects& effects,
                             const BlackBoxOptions& options, Verdicts& verdicts) {
  if (options.groups) {
    BlackBoxOptions all = options;
    all.groups.reset();
    return CheckBlackBox(OfGroups(history, *options.groups), effects, all, verdicts);
  }
  BlackBoxResult seen;
  VersionCheckCounts counts;
  const std::optional<VersionFinding> finding = CheckVersions(history, &counts);
  verdicts.Count(Check::kVersionOrder, counts.operations);
  if (finding && !verdicts.PassesOver(Check::kVersionOrder)) {
    seen.violation = Violation{IdOf(Check::kVersionOrder), finding->rule + ": " + finding->what,
                               verdicts.event()};
  }
  if (!verdicts.found() && !finding && !options.search) return seen;
  const LinearizabilityResult search =
      CheckLinearizable(ProblemsOf(ResolveInfos(history, effects)), options.budget);
  verdicts.Count(Check::kSearch, search.components);
  if (search.verdict == SearchVerdict::kViolation && !seen.violation &&
      !verdicts.PassesOver(Check::kSearch)) {
    seen.violation = Violation{IdOf(Check::kSearch), search.counterexample, verdicts.event()};
  }
  seen.unknown = search.verdict == SearchVerdict::kUnknown;
  return seen;
}

}  // namespace quorate::sim
