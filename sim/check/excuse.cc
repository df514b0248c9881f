#include "sim/check/excuse.h"

#include "absl/strings/str_cat.h"

namespace quorate::sim {

std::string Render(const Excuse& excuse) {
  std::string text =
      absl::StrCat("no quorum of ", excuse.quorum, " out of ", excuse.voters.size(), " is left");
  for (const Damage& damage : excuse.lost) {
    absl::StrAppend(&text, "; n", damage.node.value(), " lost by ", damage.fault, " at event ",
                    damage.event);
  }
  return text;
}

namespace {

// Who votes: everybody, or whoever is said to.
std::optional<std::string> RefuteVoters(const Excuse& excuse, const ExcuseFacts& facts) {
  if (facts.voters.empty()) {
    if (excuse.voters.size() != facts.nodes) return "it does not name every voter";
    for (std::size_t i = 0; i < excuse.voters.size(); ++i) {
      if (excuse.voters[i] != NodeId(static_cast<std::uint32_t>(i + 1))) {
        return absl::StrCat("n", excuse.voters[i].value(), " stands where n", i + 1, " votes");
      }
    }
    return std::nullopt;
  }
  for (const GroupId group : excuse.groups) {
    bool known = false;
    for (const auto& [its, voters] : facts.voters) {
      known = known || (its == group && voters == excuse.voters);
    }
    if (!known) return absl::StrCat("these are not the voters of group ", group.value());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Refute(const Excuse& excuse, const DamageLog& damage,
                                  const ExcuseFacts& facts) {
  if (!facts.damage_is_configured) return "nothing in this scenario damages a disk";
  if (excuse.groups.empty()) return "it names no group";
  if (const std::optional<std::string> wrong = RefuteVoters(excuse, facts)) return wrong;
  std::uint64_t quorum = 0;
  while (2 * quorum <= excuse.voters.size()) ++quorum;
  if (excuse.quorum != quorum) {
    return absl::StrCat("a quorum of ", excuse.voters.size(), " is ", quorum, ", not ",
                        excuse.quorum);
  }
  // Each loss is the first damage of a voter, no voter is lost twice, and the time agrees.
  std::vector<bool> lost(facts.nodes + 1, false);
  std::uint64_t left = excuse.voters.size();
  const Damage* breaking = nullptr;
  std::uint64_t before = 0;
  for (const Damage& claimed : excuse.lost) {
    const std::uint64_t node = claimed.node.value();
    const std::string who = absl::StrCat("n", node);
    bool votes = false;
    for (const NodeId voter : excuse.voters) votes = votes || voter == claimed.node;
    if (!votes || node > facts.nodes) return who + " does not vote";
    if (lost[node]) return who + " is lost twice";
    const Damage* first = nullptr;  // since it was last mended
    for (const Damage& one : damage) {
      if (one.node != claimed.node) continue;
      if (one.fault == kMended) {
        first = nullptr;
      } else if (first == nullptr) {
        first = &one;
      }
    }
    if (first == nullptr) return who + " was never damaged, or mended since";
    for (const NodeId whole : facts.whole) {
      if (whole == claimed.node) return who + " is said to be lost, but its stores are whole";
    }
    if (!(*first == claimed)) return who + " was damaged otherwise than it says";
    if (claimed.event < before) return who + " stands out of order";
    if (claimed.event > facts.event || claimed.at_ns > facts.now_ns) {
      return who + " is damaged after the end";
    }
    before = claimed.event;
    lost[node] = true;
    if (--left + 1 == quorum) breaking = &claimed;
  }
  if (left >= quorum) return absl::StrCat(left, " voters are left, which is a quorum");
  if (breaking == nullptr || breaking->event != excuse.since_event ||
      breaking->at_ns != excuse.since_ns) {
    return "there is no quorum since another moment";
  }
  return std::nullopt;
}

}  // namespace quorate::sim
