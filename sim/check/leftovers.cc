#include "sim/check/leftovers.h"

#include "absl/strings/str_cat.h"
#include "storage/keys.h"

namespace quorate::sim {
namespace {

class Findings {
 public:
  // Rows come in the order of their keys, so what belongs together comes together.
  void Add(std::string what) {
    if (found_.empty() || found_.back() != what) found_.push_back(std::move(what));
  }
  std::vector<std::string> Take() { return std::move(found_); }

 private:
  std::vector<std::string> found_;
};

std::string Name(GroupId group) {
  return group == kSystemGroup ? "the system group" : absl::StrCat("group ", group.value());
}

}  // namespace

std::vector<std::string> LeftOver(
    const KvImage& log, const KvImage& map,
    absl::FunctionRef<std::optional<Generation>(GroupId)> generation) {
  Findings found;
  for (const auto& [key, value] : log) {
    const std::optional<LogKey> parsed = ParseLogKey(key);
    if (!parsed) {
      found.Add("a row of the log that is none");
      continue;
    }
    switch (parsed->tag) {
      case LogTag::kIdentity:
      case LogTag::kBoot:
      case LogTag::kGroups:
        continue;
      case LogTag::kHardState:
      case LogTag::kStart:
      case LogTag::kTail:
      case LogTag::kEntry:
        break;
    }
    const std::optional<Generation> live = generation(parsed->group);
    if (!live) {
      found.Add(absl::StrCat("rows of the log of ", Name(parsed->group), ", which is gone"));
    } else if (parsed->tag == LogTag::kEntry && parsed->generation != *live) {
      found.Add(absl::StrCat("entries of ", Name(parsed->group), " of generation ",
                             parsed->generation.value(), ", it is at ", live->value()));
    }
  }
  for (const auto& [key, value] : map) {
    const std::optional<MapSpace> space = ParseMapSpace(key);
    if (!space) continue;  // whose it is
    const std::optional<Generation> live = generation(space->group);
    if (!live) {
      found.Add(absl::StrCat("rows of the map of ", Name(space->group), ", which is gone"));
    } else if (space->generation != *live) {
      found.Add(absl::StrCat("rows of the map of ", Name(space->group), " of generation ",
                             space->generation.value(), ", it is at ", live->value()));
    }
  }
  return found.Take();
}

}  // namespace quorate::sim
