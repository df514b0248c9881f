// tests/fuzz/codec_fuzz.cc — bytes from a peer: frames and lists of messages.
//
// Promises: refused or understood, never anything else; what is understood has one spelling; a stream cut into
//   pieces of any size says the same as in one piece.
#include <string>
#include <utility>
#include <vector>

#include "net/codec.h"
#include "net/frame.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {
namespace {

Entry EntryOf(std::uint64_t term, EntryKind kind, std::string payload) {
  return Entry{Term(term), kind, Payload(std::move(payload))};
}

Configuration SomeConfiguration() {
  Configuration configuration = ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)});
  configuration.outgoing = {NodeId(1), NodeId(4)};
  configuration.learners = {NodeId(5)};
  configuration.learners_next = {NodeId(4)};
  configuration.epoch = 7;
  configuration.auto_leave = true;
  return configuration;
}

std::vector<PeerMessage> SomeMessages() {
  const GroupId group(3);
  const EntryId id{Index(300), Term(9)};
  const SnapshotName name{id, Generation(2), BootNumber(4)};
  AppendRequest append{Term(9), id, Index(299), {}};
  append.entries.push_back(EntryOf(9, EntryKind::kBarrier, ""));
  append.entries.push_back(EntryOf(9, EntryKind::kCommand, std::string(200, 'c')));
  Heartbeat heartbeat;
  heartbeat.items.push_back({group, Term(9), ReadCounter(5), id});
  heartbeat.items.push_back({kSystemGroup, Term(1), ReadCounter(0), id});
  HeartbeatReply heartbeat_reply;
  heartbeat_reply.items.push_back({group, Term(9), ReadCounter(5), true});
  Forward forward{Term(9), {}};
  forward.requests.push_back({RequestId(77), EntryKind::kCommand, Payload("put")});
  ForwardReply forward_reply{Term(9), {}};
  forward_reply.outcomes.push_back(
      {RequestId(77), ForwardVerdict::kApplied, Index(301), Payload("ok")});
  return {
      {group, VoteRequest{Term(9), VoteKind::kPreVote, Term(10), Campaign(2), id}},
      {group,
       VoteReply{Term(9), VoteKind::kVote, Term(9), Campaign(2), false, DropReason::kLogBehind}},
      {group, append},
      {group, AppendReply{Term(9), AppendVerdict::kMismatch, Index(0), Index(300), id}},
      {group, CommitNotice{Term(9), id}},
      {kEveryGroup, heartbeat},
      {kEveryGroup, heartbeat_reply},
      {group,
       SnapshotChunk{Term(9), name, 3, true, Payload("rows"), Index(12), SomeConfiguration()}},
      {group, SnapshotReply{Term(9), name, SnapshotVerdict::kWants, 4, Index(0)}},
      {group, TimeoutNow{Term(9)}},
      {group, ReadIndexRequest{Term(9), 41}},
      {group, ReadIndexReply{Term(9), 41, true, Index(300)}},
      {group, forward},
      {group, forward_reply},
  };
}

// All frames of a stream that arrives in pieces of `piece` bytes, encoded again, and how it ended.
std::pair<std::string, bool> ParseInPieces(std::string_view bytes, std::size_t piece) {
  FrameParser parser;
  std::string understood;
  while (true) {
    const auto next = parser.Next();
    if (!next.ok()) return {understood, false};
    if (next->has_value()) {
      understood += EncodeFrame(**next);
    } else if (bytes.empty()) {
      return {understood, true};
    } else {
      parser.Feed(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
}

}  // namespace

std::vector<std::string> Examples() {
  const ConnNumber ours{Incarnation(1), BootNumber(4), 2};
  const ConnNumber theirs{Incarnation(1), BootNumber(3), 9};
  std::vector<std::string> examples;
  const std::vector<PeerMessage> messages = SomeMessages();
  for (const PeerMessage& message : messages) {
    EncodePeerMessage(message, examples.emplace_back());
    examples.push_back(EncodeFrame(BatchFrame{NodeId(1), NodeId(2), ours, theirs, {message}}));
  }
  EncodePeerMessages(messages, examples.emplace_back());
  examples.push_back(EncodeFrame(BatchFrame{NodeId(1), NodeId(2), ours, theirs, messages}));
  HelloFrame hello;
  hello.from = NodeId(1);
  hello.to = NodeId(2);
  hello.cluster = 5;
  hello.conn = ours;
  examples.push_back(EncodeFrame(hello));
  hello.kind = HelloKind::kAnswer;
  hello.seen = theirs;
  examples.push_back(EncodeFrame(hello) + examples.back());
  return examples;
}

bool Try(std::string_view bytes) {
  bool understood = false;
  if (const auto messages = DecodePeerMessages(bytes); messages.ok()) {
    std::string again;
    EncodePeerMessages(*messages, again);
    REQUIRE(again == bytes);
    understood = true;
  }
  const auto whole = ParseInPieces(bytes, bytes.size() + 1);
  REQUIRE(ParseInPieces(bytes, 1 + bytes.size() / 3) == whole);
  REQUIRE(ParseInPieces(bytes, 1) == whole);
  // What arrived in a sealed frame is malformed in its body only if the peer is wrong: try bodies, too.
  for (const FrameKind kind : {FrameKind::kHello, FrameKind::kBatch}) {
    std::string frame;
    Encoder encoder(frame);
    std::string body{static_cast<char>(kFrameVersion), static_cast<char>(kind)};
    body += bytes;
    encoder.U32(static_cast<std::uint32_t>(body.size()));
    encoder.U32(Crc32c(body, Crc32c(frame)));
    frame += body;
    if (const auto decoded = DecodeFrame(frame); decoded.ok()) {
      REQUIRE(EncodeFrame(*decoded) == frame);
      understood = true;
    }
  }
  return understood || !whole.first.empty();
}

}  // namespace quorate::fuzz
