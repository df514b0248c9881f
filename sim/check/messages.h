// sim/check/messages.h — small readings of messages and views that several checks share.
//
// Model: pure functions of plain values. Errors: none.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "engine/raft/message.h"
#include "sim/check/group_view.h"

namespace quorate::sim {

// "7/3": index and term.
std::string Show(EntryId entry);

// The sender's term, as the message tells it to the group; nullopt: it tells the group none.
std::optional<Term> TermTold(const PeerMessage& message, GroupId group);

// nullptr: not among them.
const GroupView* ViewOf(std::span<const GroupView> views, GroupId group);

}  // namespace quorate::sim
