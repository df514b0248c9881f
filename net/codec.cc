#include "net/codec.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/raft/codec.h"

namespace quorate {
namespace {

enum class MessageTag : std::uint8_t {  // stored: do not renumber
  kVoteRequest = 1,
  kVoteReply = 2,
  kAppendRequest = 3,
  kAppendReply = 4,
  kCommitNotice = 5,
  kHeartbeat = 6,
  kHeartbeatReply = 7,
  kSnapshotChunk = 8,
  kSnapshotReply = 9,
  kTimeoutNow = 10,
  kReadIndexRequest = 11,
  kReadIndexReply = 12,
  kForward = 13,
  kForwardReply = 14,
};

MessageTag TagOf(const Message& message) {
  return std::visit(Match{
                        [](const VoteRequest&) { return MessageTag::kVoteRequest; },
                        [](const VoteReply&) { return MessageTag::kVoteReply; },
                        [](const AppendRequest&) { return MessageTag::kAppendRequest; },
                        [](const AppendReply&) { return MessageTag::kAppendReply; },
                        [](const CommitNotice&) { return MessageTag::kCommitNotice; },
                        [](const Heartbeat&) { return MessageTag::kHeartbeat; },
                        [](const HeartbeatReply&) { return MessageTag::kHeartbeatReply; },
                        [](const SnapshotChunk&) { return MessageTag::kSnapshotChunk; },
                        [](const SnapshotReply&) { return MessageTag::kSnapshotReply; },
                        [](const TimeoutNow&) { return MessageTag::kTimeoutNow; },
                        [](const ReadIndexRequest&) { return MessageTag::kReadIndexRequest; },
                        [](const ReadIndexReply&) { return MessageTag::kReadIndexReply; },
                        [](const Forward&) { return MessageTag::kForward; },
                        [](const ForwardReply&) { return MessageTag::kForwardReply; },
                    },
                    message);
}

// ---- the parts that messages are made of ------------------------------------------------------------

template <class Tag, class Rep>
void Put(Encoder& out, Strong<Tag, Rep> number) {
  out.Varint(number.value());
}
void Put(Encoder& out, bool flag) { out.U8(flag ? 1 : 0); }
void Put(Encoder& out, const EntryId& id) {
  Put(out, id.index);
  Put(out, id.term);
}
void Put(Encoder& out, const Payload& payload) { out.Bytes(payload.bytes()); }
void Put(Encoder& out, const SnapshotName& name) {
  Put(out, name.entry);
  Put(out, name.generation);
  Put(out, name.boot);
}
template <class Enum>
requires std::is_enum_v<Enum>
void Put(Encoder& out, Enum value) { out.U8(static_cast<std::uint8_t>(value)); }

template <class Tag, class Rep>
void Get(Decoder& in, Strong<Tag, Rep>& number) {
  const std::uint64_t value = in.Varint();
  if (value > std::numeric_limits<Rep>::max()) return in.Fail();
  number = Strong<Tag, Rep>(static_cast<Rep>(value));
}
void Get(Decoder& in, bool& flag) {
  const std::uint8_t value = in.U8();
  if (value > 1) return in.Fail();
  flag = value == 1;
}
void Get(Decoder& in, EntryId& id) {
  Get(in, id.index);
  Get(in, id.term);
}
void Get(Decoder& in, Payload& payload) { payload = Payload(std::string(in.Bytes())); }
void Get(Decoder& in, SnapshotName& name) {
  Get(in, name.entry);
  Get(in, name.generation);
  Get(in, name.boot);
}
// Values 1..last are known. (All enums of messages are numbered so, without gaps.)
template <class Enum>
void GetEnum(Decoder& in, Enum& value, Enum last) {
  const std::uint8_t number = in.U8();
  if (number < 1 || number > static_cast<std::uint8_t>(last)) return in.Fail();
  value = static_cast<Enum>(number);
}
void Get(Decoder& in, VoteKind& kind) { GetEnum(in, kind, VoteKind::kTransferVote); }
void Get(Decoder& in, AppendVerdict& verdict) { GetEnum(in, verdict, AppendVerdict::kNoSpace); }
void Get(Decoder& in, SnapshotVerdict& verdict) { GetEnum(in, verdict, SnapshotVerdict::kNoSpace); }
void Get(Decoder& in, ForwardVerdict& verdict) { GetEnum(in, verdict, ForwardVerdict::kNoSpace); }
void Get(Decoder& in, EntryKind& kind) { GetEnum(in, kind, EntryKind::kConfiguration); }

// 0 = no reason. A reason's place in the list is on the wire: new ones go to its end.
void PutReason(Encoder& out, DropReason reason) {
  const bool none = reason == DropReason::kCount_;
  out.U8(none ? std::uint8_t{0} : static_cast<std::uint8_t>(static_cast<std::uint8_t>(reason) + 1));
}
void GetReason(Decoder& in, DropReason& reason) {
  const std::uint8_t number = in.U8();
  if (number > static_cast<std::uint8_t>(DropReason::kCount_)) return in.Fail();
  reason = number == 0 ? DropReason::kCount_ : static_cast<DropReason>(number - 1);
}

// ---- what messages hold lists of ---------------------------------------------------------------------

void Put(Encoder& out, const Entry& entry) { EncodeEntry(entry, out); }
void Get(Decoder& in, Entry& entry) {
  entry = DecodeEntry(in);
  // The receiver acts on a configuration as soon as it is appended: it must not be a broken one.
  if (entry.kind != EntryKind::kConfiguration) return;
  const absl::StatusOr<Configuration> configuration = DecodeConfiguration(entry.payload.bytes());
  if (!configuration.ok() || !configuration->IsValid()) in.Fail();
}
void Put(Encoder& out, const HeartbeatItem& item) {
  Put(out, item.group);
  Put(out, item.term);
  Put(out, item.counter);
  Put(out, item.commit);
}
void Get(Decoder& in, HeartbeatItem& item) {
  Get(in, item.group);
  Get(in, item.term);
  Get(in, item.counter);
  Get(in, item.commit);
}
void Put(Encoder& out, const HeartbeatReplyItem& item) {
  Put(out, item.group);
  Put(out, item.term);
  Put(out, item.counter);
  Put(out, item.follows);
}
void Get(Decoder& in, HeartbeatReplyItem& item) {
  Get(in, item.group);
  Get(in, item.term);
  Get(in, item.counter);
  Get(in, item.follows);
}
void Put(Encoder& out, const ForwardedRequest& request) {
  Put(out, request.id);
  Put(out, request.kind);
  Put(out, request.payload);
}
void Get(Decoder& in, ForwardedRequest& request) {
  Get(in, request.id);
  Get(in, request.kind);
  Get(in, request.payload);
}
void Put(Encoder& out, const ForwardedOutcome& outcome) {
  Put(out, outcome.id);
  Put(out, outcome.verdict);
  Put(out, outcome.index);
  Put(out, outcome.result);
}
void Get(Decoder& in, ForwardedOutcome& outcome) {
  Get(in, outcome.id);
  Get(in, outcome.verdict);
  Get(in, outcome.index);
  Get(in, outcome.result);
}

template <class List>
void PutList(Encoder& out, const List& list) {
  out.Varint(list.size());
  for (const auto& item : list) Put(out, item);
}
// `least_bytes`: what an item takes at least, so that a lying count is refused before it is reserved for.
template <class List>
void GetList(Decoder& in, List& list, std::size_t least_bytes) {
  const std::uint64_t count = in.CountOf(least_bytes);
  if (!in.ok()) return;
  list.reserve(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) Get(in, list.emplace_back());
}

// ---- messages, in the order of the list -------------------------------------------------------------

void Put(Encoder& out, const VoteRequest& m) {
  Put(out, m.term);
  Put(out, m.kind);
  Put(out, m.proposed);
  Put(out, m.campaign);
  Put(out, m.last);
}
void Get(Decoder& in, VoteRequest& m) {
  Get(in, m.term);
  Get(in, m.kind);
  Get(in, m.proposed);
  Get(in, m.campaign);
  Get(in, m.last);
}

void Put(Encoder& out, const VoteReply& m) {
  Put(out, m.term);
  Put(out, m.kind);
  Put(out, m.proposed);
  Put(out, m.campaign);
  Put(out, m.granted);
  PutReason(out, m.reason);
}
void Get(Decoder& in, VoteReply& m) {
  Get(in, m.term);
  Get(in, m.kind);
  Get(in, m.proposed);
  Get(in, m.campaign);
  Get(in, m.granted);
  GetReason(in, m.reason);
}

void Put(Encoder& out, const AppendRequest& m) {
  Put(out, m.term);
  Put(out, m.prev);
  Put(out, m.commit);
  PutList(out, m.entries);
}
void Get(Decoder& in, AppendRequest& m) {
  Get(in, m.term);
  Get(in, m.prev);
  Get(in, m.commit);
  GetList(in, m.entries, kLeastEntryBytes);
}

void Put(Encoder& out, const AppendReply& m) {
  Put(out, m.term);
  Put(out, m.verdict);
  Put(out, m.match);
  Put(out, m.prev);
  Put(out, m.hint);
}
void Get(Decoder& in, AppendReply& m) {
  Get(in, m.term);
  Get(in, m.verdict);
  Get(in, m.match);
  Get(in, m.prev);
  Get(in, m.hint);
}

void Put(Encoder& out, const CommitNotice& m) {
  Put(out, m.term);
  Put(out, m.entry);
}
void Get(Decoder& in, CommitNotice& m) {
  Get(in, m.term);
  Get(in, m.entry);
}

void Put(Encoder& out, const Heartbeat& m) { PutList(out, m.items); }
void Get(Decoder& in, Heartbeat& m) { GetList(in, m.items, 5); }

void Put(Encoder& out, const HeartbeatReply& m) { PutList(out, m.items); }
void Get(Decoder& in, HeartbeatReply& m) { GetList(in, m.items, 4); }

void Put(Encoder& out, const SnapshotChunk& m) {
  Put(out, m.term);
  Put(out, m.name);
  out.Varint(m.number);
  Put(out, m.last);
  Put(out, m.rows);
  Put(out, m.configuration_index);
  EncodeConfiguration(m.configuration, out);
}
void Get(Decoder& in, SnapshotChunk& m) {
  Get(in, m.term);
  Get(in, m.name);
  m.number = in.Varint();
  Get(in, m.last);
  Get(in, m.rows);
  Get(in, m.configuration_index);
  m.configuration = DecodeConfiguration(in);
  if (!m.configuration.IsValid()) in.Fail();
}

void Put(Encoder& out, const SnapshotReply& m) {
  Put(out, m.term);
  Put(out, m.name);
  Put(out, m.verdict);
  out.Varint(m.next);
  Put(out, m.match);
}
void Get(Decoder& in, SnapshotReply& m) {
  Get(in, m.term);
  Get(in, m.name);
  Get(in, m.verdict);
  m.next = in.Varint();
  Get(in, m.match);
}

void Put(Encoder& out, const TimeoutNow& m) { Put(out, m.term); }
void Get(Decoder& in, TimeoutNow& m) { Get(in, m.term); }

void Put(Encoder& out, const ReadIndexRequest& m) {
  Put(out, m.term);
  out.Varint(m.id);
}
void Get(Decoder& in, ReadIndexRequest& m) {
  Get(in, m.term);
  m.id = in.Varint();
}

void Put(Encoder& out, const ReadIndexReply& m) {
  Put(out, m.term);
  out.Varint(m.id);
  Put(out, m.confirmed);
  Put(out, m.index);
}
void Get(Decoder& in, ReadIndexReply& m) {
  Get(in, m.term);
  m.id = in.Varint();
  Get(in, m.confirmed);
  Get(in, m.index);
}

void Put(Encoder& out, const Forward& m) {
  Put(out, m.term);
  PutList(out, m.requests);
}
void Get(Decoder& in, Forward& m) {
  Get(in, m.term);
  GetList(in, m.requests, 3);
}

void Put(Encoder& out, const ForwardReply& m) {
  Put(out, m.term);
  PutList(out, m.outcomes);
}
void Get(Decoder& in, ForwardReply& m) {
  Get(in, m.term);
  GetList(in, m.outcomes, 4);
}

// ---- the list ---------------------------------------------------------------------------------------

// Makes `message` an empty one of the kind that `tag` names and reads it. False: no such kind.
bool GetTagged(Decoder& in, std::uint8_t tag, Message& message) {
  switch (static_cast<MessageTag>(tag)) {
    case MessageTag::kVoteRequest:
      Get(in, message.emplace<VoteRequest>());
      return true;
    case MessageTag::kVoteReply:
      Get(in, message.emplace<VoteReply>());
      return true;
    case MessageTag::kAppendRequest:
      Get(in, message.emplace<AppendRequest>());
      return true;
    case MessageTag::kAppendReply:
      Get(in, message.emplace<AppendReply>());
      return true;
    case MessageTag::kCommitNotice:
      Get(in, message.emplace<CommitNotice>());
      return true;
    case MessageTag::kHeartbeat:
      Get(in, message.emplace<Heartbeat>());
      return true;
    case MessageTag::kHeartbeatReply:
      Get(in, message.emplace<HeartbeatReply>());
      return true;
    case MessageTag::kSnapshotChunk:
      Get(in, message.emplace<SnapshotChunk>());
      return true;
    case MessageTag::kSnapshotReply:
      Get(in, message.emplace<SnapshotReply>());
      return true;
    case MessageTag::kTimeoutNow:
      Get(in, message.emplace<TimeoutNow>());
      return true;
    case MessageTag::kReadIndexRequest:
      Get(in, message.emplace<ReadIndexRequest>());
      return true;
    case MessageTag::kReadIndexReply:
      Get(in, message.emplace<ReadIndexReply>());
      return true;
    case MessageTag::kForward:
      Get(in, message.emplace<Forward>());
      return true;
    case MessageTag::kForwardReply:
      Get(in, message.emplace<ForwardReply>());
      return true;
  }
  return false;
}

bool ConcernsEveryGroup(const Message& message) {
  return std::holds_alternative<Heartbeat>(message) ||
         std::holds_alternative<HeartbeatReply>(message);
}

absl::Status Read(Decoder& in, PeerMessage& message) {
  Get(in, message.group);
  const std::uint8_t tag = in.U8();
  if (!in.ok()) return absl::InvalidArgumentError("peer message ends within its head");
  if (!GetTagged(in, tag, message.message)) {
    return absl::InvalidArgumentError(absl::StrCat("peer message of unknown kind ", tag));
  }
  if (!in.ok())
    return absl::InvalidArgumentError(absl::StrCat("malformed peer message of kind ", tag));
  if (ConcernsEveryGroup(message.message) != (message.group == kEveryGroup)) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer message of kind ", tag, " for group ", message.group.value()));
  }
  return absl::OkStatus();
}

template <class List>
std::size_t PayloadBytes(const List& list) {
  std::size_t bytes = 0;
  for (const auto& item : list) bytes += item.payload.size() + 8;
  return bytes;
}

}  // namespace

void EncodePeerMessage(const PeerMessage& message, std::string& out) {
  Encoder encoder(out);
  Put(encoder, message.group);
  encoder.U8(static_cast<std::uint8_t>(TagOf(message.message)));
  std::visit([&encoder](const auto& m) { Put(encoder, m); }, message.message);
}

absl::StatusOr<PeerMessage> DecodePeerMessage(std::string_view bytes) {
  Decoder decoder(bytes);
  PeerMessage message{GroupId{}, TimeoutNow{}};
  const absl::Status status = Read(decoder, message);
  if (!status.ok()) return status;
  if (!decoder.done()) {
    return absl::InvalidArgumentError(absl::StrCat(decoder.left(), " bytes after a peer message"));
  }
  return message;
}

void EncodePeerMessages(std::span<const PeerMessage> messages, std::string& out) {
  REQUIRE(messages.size() <= kMaxMessagesInList);
  for (const PeerMessage& message : messages) EncodePeerMessage(message, out);
}

absl::StatusOr<std::vector<PeerMessage>> DecodePeerMessages(std::string_view bytes) {
  Decoder decoder(bytes);
  std::vector<PeerMessage> messages;
  while (decoder.left() > 0) {
    if (messages.size() == kMaxMessagesInList) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMaxMessagesInList, " peer messages"));
    }
    const absl::Status status =
        Read(decoder, messages.emplace_back(PeerMessage{GroupId{}, TimeoutNow{}}));
    if (!status.ok()) return status;
  }
  return messages;
}

std::size_t ApproximateBytes(const PeerMessage& message) {
  constexpr std::size_t kFlat = 24;
  return kFlat + std::visit(Match{
                                [](const VoteRequest&) { return std::size_t{0}; },
                                [](const VoteReply&) { return std::size_t{0}; },
                                [](const AppendRequest& m) { return PayloadBytes(m.entries); },
                                [](const AppendReply&) { return std::size_t{0}; },
                                [](const CommitNotice&) { return std::size_t{0}; },
                                [](const Heartbeat& m) { return m.items.size() * 12; },
                                [](const HeartbeatReply& m) { return m.items.size() * 10; },
                                [](const SnapshotChunk& m) { return m.rows.size() + 40; },
                                [](const SnapshotReply&) { return std::size_t{0}; },
                                [](const TimeoutNow&) { return std::size_t{0}; },
                                [](const ReadIndexRequest&) { return std::size_t{0}; },
                                [](const ReadIndexReply&) { return std::size_t{0}; },
                                [](const Forward& m) { return PayloadBytes(m.requests); },
                                [](const ForwardReply& m) {
                                  std::size_t bytes = 0;
                                  for (const ForwardedOutcome& o : m.outcomes)
                                    bytes += o.result.size() + 12;
                                  return bytes;
                                },
                            },
                            message.message);
}

}  // namespace quorate
