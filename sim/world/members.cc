#include "sim/world/members.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {

Members::Members(std::size_t nodes, const CatalogueCheck& catalogue) : catalogue_(catalogue) {
  for (std::size_t node = 1; node <= nodes; ++node)
    everybody_.push_back(NodeId(static_cast<std::uint32_t>(node)));
}

std::optional<Members::Settled> Members::OnStep(const Raft& raft) {
  const LogStart& start = raft.log().start();
  const auto [found, fresh] = books_.try_emplace(raft.group());
  Book& book = found->second;
  if (fresh) {
    book.at = start.configuration_index;
    book.settled = start.configuration;
  }
  book.committed = std::max(book.committed, raft.commit());
  if (raft.configuration_index() == book.at && book.later.empty()) return std::nullopt;
  Index at = start.configuration_index;
  const Configuration* settled = &start.configuration;
  for (const PlacedConfiguration& placed : raft.configurations()) {
    if (placed.index <= raft.commit()) {
      at = placed.index;
      settled = &placed.configuration;
    } else if (placed.index > book.committed) {
      book.later.try_emplace(EntryId{placed.index, *raft.log().TermAt(placed.index)},
                             placed.configuration);
    }
  }
  // Something is committed at their index: this, or what overwrote them.
  while (!book.later.empty() && book.later.begin()->first.index <= book.committed)
    book.later.erase(book.later.begin());
  if (at <= book.at) return std::nullopt;
  Settled news{std::move(book.settled), *settled};
  book.at = at;
  book.settled = *settled;
  for (const NodeId node : everybody_) {
    const bool was = news.before.IsMember(node);
    const bool is = news.now.IsMember(node);
    if (was && !is) Insert(book.gone, node);
    news.returned = news.returned || (!was && is && Contains(book.gone, node));
  }
  return news;
}

std::vector<GroupId> Members::groups() const {
  std::vector<GroupId> groups;
  for (const auto& [group, book] : books_) {
    if (group != kSystemGroup && !catalogue_.IsGone(group)) groups.push_back(group);
  }
  groups.push_back(kSystemGroup);
  return groups;
}

std::vector<NodeSet> Members::VoterSets(GroupId group) const {
  const auto found = books_.find(group);
  if (found == books_.end()) return {everybody_};
  std::vector<NodeSet> sets;
  const auto add = [&sets](const Configuration& configuration) {
    for (const NodeSet* voters : {&configuration.incoming, &configuration.outgoing}) {
      if (!voters->empty() && std::find(sets.begin(), sets.end(), *voters) == sets.end())
        sets.push_back(*voters);
    }
  };
  add(found->second.settled);
  for (const auto& [entry, configuration] : found->second.later) add(configuration);
  return sets;
}

bool Members::IsSureMember(GroupId group, NodeId node) const {
  const auto found = books_.find(group);
  if (found == books_.end()) return true;
  const Book& book = found->second;
  return book.settled.IsMember(node) &&
         std::all_of(book.later.begin(), book.later.end(),
                     [node](const auto& one) { return one.second.IsMember(node); });
}

bool Members::MayBeMember(GroupId group, NodeId node) const {
  const auto found = books_.find(group);
  if (found == books_.end()) return true;
  const Book& book = found->second;
  return book.settled.IsMember(node) ||
         std::any_of(book.later.begin(), book.later.end(),
                     [node](const auto& one) { return one.second.IsMember(node); });
}

}  // namespace quorate::sim
