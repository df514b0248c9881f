#include "sim/check/standstill.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace quorate::sim {
namespace {

constexpr std::uint32_t BitOf(std::size_t node) { return std::uint32_t{1} << node; }

std::string Named(std::uint32_t members) {
  std::string names;
  for (std::size_t node = 0; node < 32; ++node) {
    if ((members & BitOf(node)) != 0) absl::StrAppend(&names, names.empty() ? "n" : " n", node + 1);
  }
  return names;
}

}  // namespace

StandstillWatch::StandstillWatch(Verdicts& verdicts, std::size_t nodes, Limits limits)
    : verdicts_(verdicts), nodes_(nodes), limits_(limits) {
  if (nodes > kMostNodes) return;
  const int quorum = static_cast<int>(nodes / 2 + 1);
  for (std::uint32_t members = 1; members < BitOf(nodes); ++members) {
    if (std::popcount(members) != quorum) continue;
    quorums_.emplace_back();
    quorums_.back().members = members;
  }
}

void StandstillWatch::OnLook(const Look& look) {
  REQUIRE(look.nodes.size() == nodes_);
  Term term;
  for (const Node& node : look.nodes) term = std::max(term, node.term);
  Index applied;
  for (const Node& node : look.nodes) {
    if (node.leads && node.term == term) applied = node.applied;
  }
  moved_ = term != term_ || applied != applied_;
  term_ = term;
  applied_ = applied;
  const bool furthers = applied > furthest_;
  furthest_ = std::max(furthest_, applied);
  for (Quorum& quorum : quorums_) {
    if (furthers) quorum.began.reset();
    LookAt(quorum, look);
  }
}

void StandstillWatch::LookAt(Quorum& quorum, const Look& look) {
  bool sound = true;
  bool moves = moved_;
  std::vector<EntryId> held;
  const Node* leader = nullptr;
  for (std::size_t at = 0; at < nodes_; ++at) {
    const Node& node = look.nodes[at];
    const bool inside = (quorum.members & BitOf(at)) != 0;
    if (!inside) {
      if (!node.leads || node.term != term_) continue;
      moves = moves || !node.hung;
      leader = &node;
      continue;
    }
    sound = sound && node.sound && (quorum.members & ~node.sound_with & ~BitOf(at)) == 0;
    if (node.leads && (leader == nullptr || leader->term < node.term)) leader = &node;
    held.push_back(node.leads ? EntryId{} : node.last);
  }
  for (const std::uint32_t voters : look.voters) {
    sound = sound && 2 * std::popcount(voters & quorum.members) > std::popcount(voters);
  }
  if (!sound) {
    quorum.was_sound = false;
    return;
  }
  if (leader != nullptr) {
    const bool has_all = leader->last.index == leader->applied;
    moves = moves || has_all || leader->busy || (leader->sends_state_to & quorum.members) != 0;
  }
  if (!quorum.was_sound || !quorum.began) quorum.began = term_;
  if (moves || !quorum.was_sound || held != quorum.held) quorum.still_since = look.now;
  quorum.was_sound = true;
  quorum.held = std::move(held);
  verdicts_.Expect(Check::kProgressInCalm, look.now - quorum.still_since <= limits_.span, [&] {
    return absl::StrCat(Named(quorum.members), " stand still for ", look.now - quorum.still_since,
                        " ns in term ", term_.value(), ", ",
                        leader == nullptr ? "without a leader" : "their leader gets nothing done",
                        ", though nothing is wrong with them and the links between them");
  });
  verdicts_.Expect(Check::kFewTerms, term_.value() <= quorum.began->value() + limits_.most_terms,
                   [&] {
                     return absl::StrCat(Named(quorum.members), " go in circles: from term ",
                                         quorum.began->value(), " to ", term_.value(),
                                         " nothing was done, though nothing is wrong with them");
                   });
}

}  // namespace quorate::sim
