// net/codec.h — peer messages as bytes, and back from bytes that nobody vouches for.
//
// Model: a message is {group, tag, fields}; every message ends by itself, so a list is simply one after
//   the other up to the end of the bytes. Numbers are LEB128 in their shortest form, flags are 0 or 1, and
//   entries and configurations have the one encoding that they have on disk too: one message, one encoding.
// Invariants: Decode(Encode(m)) == m for every message that keeps the rules of raft/message.h.
// Limits: memory taken is bounded by a constant times the bytes that are there; a count that the bytes left
//   cannot hold is refused before anything is reserved for it.
// Errors: decoding refuses with InvalidArgument, naming the message: unknown tags and enum values, short or
//   trailing bytes, numbers too big for their field, invalid configurations, a heartbeat for one group.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/raft/message.h"

namespace quorate {

// More messages than this in one list are refused: a tiny message takes far more room in memory than on
// the wire. Stored: a smaller number would refuse what older releases send.
inline constexpr std::size_t kMaxMessagesInList = 16'384;

// Appends one message to `out`.
void EncodePeerMessage(const PeerMessage& message, std::string& out);
// The message that `bytes` are, all of them.
absl::StatusOr<PeerMessage> DecodePeerMessage(std::string_view bytes);

// Appends all of them, in order, to `out`. Empty: appends nothing. Requires: at most kMaxMessagesInList.
void EncodePeerMessages(std::span<const PeerMessage> messages, std::string& out);
// The messages that `bytes` are, all of them. Empty bytes: none.
absl::StatusOr<std::vector<PeerMessage>> DecodePeerMessages(std::string_view bytes);

// About what the message takes on the wire: exact in its payloads, a flat share for the rest. Costs no
// encoding: for queues bounded in bytes and for links of limited capacity.
std::size_t ApproximateBytes(const PeerMessage& message);

}  // namespace quorate
