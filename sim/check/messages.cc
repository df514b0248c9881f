#include "sim/check/messages.h"

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

template <class Items>
std::optional<Term> TermAmong(const Items& items, GroupId group) {
  for (const auto& item : items) {
    if (item.group == group) return item.term;
  }
  return std::nullopt;
}

}  // namespace

std::string Show(EntryId entry) {
  return absl::StrCat(entry.index.value(), "/", entry.term.value());
}

std::optional<Term> TermTold(const PeerMessage& message, GroupId group) {
  return std::visit(Match{
                        [&](const Heartbeat& beat) { return TermAmong(beat.items, group); },
                        [&](const HeartbeatReply& reply) { return TermAmong(reply.items, group); },
                        [&](const auto& any) {
                          return message.group == group ? std::optional<Term>(any.term)
                                                        : std::nullopt;
                        },
                    },
                    message.message);
}

const GroupView* ViewOf(std::span<const GroupView> views, GroupId group) {
  for (const GroupView& view : views) {
    if (view.group == group) return &view;
  }
  return nullptr;
}

}  // namespace quorate::sim
