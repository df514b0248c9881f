// tests/net/generators.h — random peer messages and frames of every kind, for rapidcheck.
//
// Model: numbers are drawn from a small range (so that they collide), from the whole range, and from the
//   edges of their encoding; lists are short; configurations are valid. `NumberOfMessageKinds` and
//   `MessageOfKind` let a test walk through every kind, so that none is reached by luck only.
#pragma once
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/check.h"
#include "engine/raft/message.h"
#include "net/frame.h"

namespace quorate::testing {

inline std::uint64_t AnyU64() {
  return *rc::gen::weightedOneOf<std::uint64_t>(
      {{5, rc::gen::inRange<std::uint64_t>(0, 5)},
       {2, rc::gen::arbitrary<std::uint64_t>()},
       {2, rc::gen::element<std::uint64_t>(127, 128, 16383, 16384, 0xffff'ffffu, 0x1'0000'0000u,
                                           std::numeric_limits<std::uint64_t>::max())}});
}

template <class Number>
Number Any() {
  return Number(static_cast<typename Number::rep>(AnyU64()));  // cut off for the short ones
}

inline bool AnyFlag() { return *rc::gen::arbitrary<bool>(); }

template <class Enum>
Enum AnyEnum(Enum first, Enum last) {
  return static_cast<Enum>(
      *rc::gen::inRange<int>(static_cast<int>(first), static_cast<int>(last) + 1));
}

inline std::size_t AnySize(std::size_t most) { return *rc::gen::inRange<std::size_t>(0, most + 1); }

inline Payload AnyPayload() {
  return Payload(*rc::gen::weightedOneOf<std::string>(
      {{6, rc::gen::arbitrary<std::string>()},
       {1, rc::gen::map(rc::gen::inRange<std::size_t>(0, 600),
                        [](std::size_t size) { return std::string(size, 'x'); })}}));
}

inline EntryId AnyEntryId() { return {Any<Index>(), Any<Term>()}; }

inline Configuration AnyConfiguration() {
  Configuration configuration;
  Insert(configuration.incoming, NodeId(*rc::gen::inRange<std::uint32_t>(1, 9)));
  const bool joint = AnyFlag();
  for (std::uint32_t number = 1; number < 9; ++number) {
    const NodeId node(number);
    const bool incoming = Contains(configuration.incoming, node) || AnyFlag();
    const bool outgoing = joint && AnyFlag();
    if (incoming) Insert(configuration.incoming, node);
    if (outgoing) Insert(configuration.outgoing, node);
    if (!incoming && !outgoing && AnyFlag()) Insert(configuration.learners, node);
    if (!incoming && outgoing && AnyFlag()) Insert(configuration.learners_next, node);
  }
  configuration.epoch = AnyU64();
  configuration.auto_leave = configuration.joint() && AnyFlag();
  return configuration;
}

inline Entry AnyEntry() {
  const EntryKind kind = AnyEnum(EntryKind::kBarrier, EntryKind::kConfiguration);
  if (kind != EntryKind::kConfiguration) return {Any<Term>(), kind, AnyPayload()};
  std::string bytes;
  Encode(AnyConfiguration(), bytes);
  return {Any<Term>(), kind, Payload(std::move(bytes))};
}

inline SnapshotName AnySnapshotName() {
  return {AnyEntryId(), Any<Generation>(), Any<BootNumber>()};
}

inline VoteReply AnyVoteReply() {
  VoteReply reply{Any<Term>(), AnyEnum(VoteKind::kPreVote, VoteKind::kTransferVote), Any<Term>(),
                  Any<Campaign>()};
  reply.granted = AnyFlag();
  if (!reply.granted) reply.reason = AnyEnum(DropReason::kStaleTerm, DropReason::kMalformed);
  return reply;
}

inline AppendRequest AnyAppendRequest() {
  AppendRequest request{Any<Term>(), AnyEntryId(), Any<Index>(), {}};
  for (std::size_t left = AnySize(4); left > 0; --left) request.entries.push_back(AnyEntry());
  return request;
}

inline Heartbeat AnyHeartbeat() {
  Heartbeat heartbeat;
  for (std::size_t left = AnySize(4); left > 0; --left) {
    heartbeat.items.push_back({Any<GroupId>(), Any<Term>(), Any<ReadCounter>(), AnyEntryId()});
  }
  return heartbeat;
}

inline HeartbeatReply AnyHeartbeatReply() {
  HeartbeatReply reply;
  for (std::size_t left = AnySize(4); left > 0; --left) {
    reply.items.push_back({Any<GroupId>(), Any<Term>(), Any<ReadCounter>(), AnyFlag()});
  }
  return reply;
}

inline SnapshotChunk AnySnapshotChunk() {
  return {Any<Term>(),  AnySnapshotName(), AnyU64(),          AnyFlag(),
          AnyPayload(), Any<Index>(),      AnyConfiguration()};
}

inline Forward AnyForward() {
  Forward forward{Any<Term>(), {}};
  for (std::size_t left = AnySize(3); left > 0; --left) {
    forward.requests.push_back(
        {Any<RequestId>(), AnyEnum(EntryKind::kBarrier, EntryKind::kConfiguration), AnyPayload()});
  }
  return forward;
}

inline ForwardReply AnyForwardReply() {
  ForwardReply reply{Any<Term>(), {}};
  for (std::size_t left = AnySize(3); left > 0; --left) {
    reply.outcomes.push_back({Any<RequestId>(),
                              AnyEnum(ForwardVerdict::kApplied, ForwardVerdict::kNoSpace),
                              Any<Index>(), AnyPayload()});
  }
  return reply;
}

inline constexpr std::size_t NumberOfMessageKinds() { return std::variant_size_v<Message>; }

// Requires: kind < NumberOfMessageKinds(). The kinds have the order of `Message`.
inline Message MessageOfKind(std::size_t kind) {
  static_assert(NumberOfMessageKinds() == 14, "draw the new kind of message too");
  switch (kind) {
    case 0:
      return VoteRequest{Any<Term>(), AnyEnum(VoteKind::kPreVote, VoteKind::kTransferVote),
                         Any<Term>(), Any<Campaign>(), AnyEntryId()};
    case 1:
      return AnyVoteReply();
    case 2:
      return AnyAppendRequest();
    case 3:
      return AppendReply{Any<Term>(), AnyEnum(AppendVerdict::kAccepted, AppendVerdict::kNoSpace),
                         Any<Index>(), Any<Index>(), AnyEntryId()};
    case 4:
      return CommitNotice{Any<Term>(), AnyEntryId()};
    case 5:
      return AnyHeartbeat();
    case 6:
      return AnyHeartbeatReply();
    case 7:
      return AnySnapshotChunk();
    case 8:
      return SnapshotReply{Any<Term>(), AnySnapshotName(),
                           AnyEnum(SnapshotVerdict::kWants, SnapshotVerdict::kNoSpace), AnyU64(),
                           Any<Index>()};
    case 9:
      return TimeoutNow{Any<Term>()};
    case 10:
      return ReadIndexRequest{Any<Term>(), AnyU64()};
    case 11:
      return ReadIndexReply{Any<Term>(), AnyU64(), AnyFlag(), Any<Index>()};
    case 12:
      return AnyForward();
    case 13:
      return AnyForwardReply();
    default:
      UNREACHABLE("kind of message");
  }
}

// The group that a message of this kind may stand for.
inline PeerMessage PeerMessageOfKind(std::size_t kind) {
  Message message = MessageOfKind(kind);
  const bool of_every_group =
      std::holds_alternative<Heartbeat>(message) || std::holds_alternative<HeartbeatReply>(message);
  GroupId group = kEveryGroup;
  while (!of_every_group && group == kEveryGroup) {
    group = *rc::gen::element(GroupId(0), GroupId(1), GroupId(300), kSystemGroup);
  }
  return {group, std::move(message)};
}

inline rc::Gen<PeerMessage> PeerMessages() {
  return rc::gen::exec([] { return PeerMessageOfKind(AnySize(NumberOfMessageKinds() - 1)); });
}

inline ConnNumber AnyConn() { return {Any<Incarnation>(), Any<BootNumber>(), AnyU64()}; }

inline rc::Gen<Frame> Frames() {
  return rc::gen::exec([]() -> Frame {
    if (AnySize(3) == 0) {
      HelloFrame hello{Any<NodeId>(),
                       Any<NodeId>(),
                       AnyU64(),
                       static_cast<std::uint32_t>(AnyU64()),
                       AnyEnum(HelloKind::kAsk, HelloKind::kAnswer),
                       AnyConn(),
                       std::nullopt};
      if (AnyFlag()) hello.seen = AnyConn();
      return hello;
    }
    BatchFrame batch{Any<NodeId>(), Any<NodeId>(), AnyConn(), AnyConn(), {}};
    for (std::size_t left = AnySize(5); left > 0; --left) batch.messages.push_back(*PeerMessages());
    return batch;
  });
}

}  // namespace quorate::testing
