// sim/check/messages.h — small readings of messages and views that several checks share.
//
// Model: pure functions of plain values. Errors: none.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "engine/effect.h"
#include "engine/input.h"
#include "engine/raft/message.h"
#include "sim/check/group_view.h"

namespace quorate::sim {

// "7/3": index and term.
std::string Show(EntryId entry);

// The sender's term, as the message tells it to the group; nullopt: it tells the group none.
std::optional<Term> TermTold(const PeerMessage& message, GroupId group);

// How many messages of the frame tell the group a term.
std::size_t MessagesFor(const FrameReceived& frame, GroupId group);

// Only a leader says such things.
bool IsOfALeader(const PeerMessage& message);

// The answer to this very request, as far as it was sent; nullptr: there is none.
const VoteReply* AnswerTo(const Effects& effects, NodeId to, GroupId group,
                          const VoteRequest& request);

bool IsAmong(const NodeSet& set, NodeId node);

// nullptr: not among them.
const GroupView* ViewOf(std::span<const GroupView> views, GroupId group);

}  // namespace quorate::sim
