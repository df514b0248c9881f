#include "sim/check/messages.h"

#include <algorithm>

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

bool IsAmong(const NodeSet& set, NodeId node) {
  return std::find(set.begin(), set.end(), node) != set.end();
}

const VoteReply* AnswerTo(const Effects& effects, NodeId to, GroupId group,
                          const VoteRequest& request) {
  for (const Effect& effect : effects) {
    const Send* send = std::get_if<Send>(&effect);
    if (send == nullptr || send->to != to || send->message.group != group) continue;
    const auto* reply = std::get_if<VoteReply>(&send->message.message);
    if (reply != nullptr && reply->campaign == request.campaign && reply->kind == request.kind) {
      return reply;
    }
  }
  return nullptr;
}

bool IsOfALeader(const PeerMessage& message) {
  return std::holds_alternative<AppendRequest>(message.message) ||
         std::holds_alternative<Heartbeat>(message.message) ||
         std::holds_alternative<CommitNotice>(message.message) ||
         std::holds_alternative<SnapshotChunk>(message.message);
}

std::size_t MessagesFor(const FrameReceived& frame, GroupId group) {
  return static_cast<std::size_t>(std::count_if(
      frame.messages.begin(), frame.messages.end(),
      [&](const PeerMessage& message) { return TermTold(message, group).has_value(); }));
}

}  // namespace quorate::sim
