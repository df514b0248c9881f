// What the host lets out, and when. The engine is the real one; disk, wire and clients are played by the test.
#include "engine/host.h"

#include <gtest/gtest.h>

#include "tests/cluster/fake_log.h"
#include "tests/engine/fake_map.h"

namespace quorate {
namespace {

constexpr GroupId kGroup = kDefaultNamespace;

Options TestOptions() {
  Options options;
  options.heartbeat = Milliseconds(50);
  options.election_timeout_min = Milliseconds(150);
  options.election_timeout_max = Milliseconds(300);
  return options;
}

// Node 1 of so many; nothing becomes durable and no work is done unless the test says so.
class Bench final : public WirePort, public ClientsPort {
 public:
  explicit Bench(std::uint32_t voters) {
    NodeSet members;
    for (std::uint32_t node = 1; node <= voters; ++node) members.push_back(NodeId(node));
    log.Bootstrap(ConfigurationOf(members));
    Boot();
  }

  // A process that finds what log and map hold. Answers and frames of the one before are forgotten.
  void Boot() {
    Recovered recovered =
        log.Recover({.cluster = 1, .node = NodeId(1), .incarnation = Incarnation(1)});
    for (RecoveredGroup& group : recovered.groups) {
      if (group.group == kSystemGroup) continue;
      const auto machine =
          StateMachine::Open(map, {group.group, group.start.generation}, KvLimits{});
      ASSERT_TRUE(machine.ok()) << machine.status();
      group.applied = machine->applied();
    }
    frames.clear();
    answers.clear();
    host = std::make_unique<Host>(recovered, TestOptions(), HostPorts{log, map, *this, *this});
    host->Start(now);
    host->EndTurn();
  }
  // The disk loses what was not durable, but for so many writes; the map falls back by so many batches.
  void CrashAndBoot(std::size_t kept_writes, std::size_t lost_batches) {
    host.reset();
    log.Crash(kept_writes);
    map.FallBack(lost_batches);
    Boot();
  }
  void Sync(std::size_t writes = 1'000'000) { Handle(Persisted{log.SyncNext(writes)}); }
  void Link(std::uint32_t peer) { Handle(LinkUp{NodeId(peer), BootNumber(1), LinkSession(1)}); }
  void Handle(const Input& input) {
    host->Handle(now, input);
    host->EndTurn();
  }
  void From(std::uint32_t peer, Message message, GroupId group = kGroup) {
    host->Handle(now, FrameReceived{NodeId(peer), LinkSession(1), {{group, std::move(message)}}});
  }
  void Work() {
    for (bool moved = true; moved;) {
      moved = host->HasWork();
      if (moved) host->RunWork(now);
      for (const ReadLog& read : log.TakeReads()) {
        Handle(log.AnswerRead(read));
        moved = true;
      }
    }
    host->EndTurn();
  }
  // The only voter elects itself.
  void Lead() {
    Sync();
    for (int i = 0; i < 20 && !host->replica().group(kGroup)->leads(); ++i) {
      now.mono = now.mono + Milliseconds(100);
      Handle(Wakeup{});
      Sync();
    }
    Sync();
    Work();
    ASSERT_TRUE(host->replica().group(kGroup)->leads());
  }
  RequestId Ask(RequestKind kind, std::string payload) {
    last_request = Next(last_request);
    ClientRequests requests;
    requests.requests.push_back({.id = last_request,
                                 .group = kGroup,
                                 .kind = kind,
                                 .session = {},
                                 .seq = {},
                                 .payload = Payload(std::move(payload)),
                                 .timeout = Seconds(2)});
    Handle(requests);
    return last_request;
  }
  RequestId Put(std::string value) {
    return Ask(RequestKind::kWrite, EncodeCommand(quorate::Put{"k", std::move(value)}));
  }
  AppendRequest Append(std::uint64_t term, std::uint64_t prev, std::uint64_t count,
                       std::uint64_t commit = 0) const {
    AppendRequest request{.term = Term(term),
                          .prev = {Index(prev), Term(prev == 0 ? 0 : term)},
                          .commit = Index(commit),
                          .entries = {}};
    for (std::uint64_t i = 1; i <= count; ++i) {
      const std::string put = EncodeCommand(quorate::Put{"k", std::to_string(prev + i)});
      request.entries.push_back({Term(term), EntryKind::kCommand,
                                 Payload(EncodeEnvelope(SessionId(), SessionSeq(), put))});
    }
    return request;
  }
  template <class T>
  std::vector<T> SentTo(std::uint32_t peer) const {
    std::vector<T> found;
    for (const Outgoing& frame : frames) {
      for (const PeerMessage& message : frame.messages) {
        if (frame.to != NodeId(peer) || message.group != kGroup) continue;
        if (const auto* one = std::get_if<T>(&message.message)) found.push_back(*one);
      }
    }
    return found;
  }

  void Send(Outgoing frame) override { frames.push_back(std::move(frame)); }
  void Answer(RequestId request, const Outcome& outcome) override {
    EXPECT_TRUE(answers.emplace(request, outcome).second) << "answered twice";
  }

  Now now{.mono = {1'000'000'000}, .wall = {}};
  FakeLog log;
  FakeMap map;
  std::vector<Outgoing> frames;
  std::map<RequestId, Outcome> answers;
  RequestId last_request;
  std::unique_ptr<Host> host;
};

// ---- what must wait -------------------------------------------------------------------------------------------

TEST(HostRelease, NothingLeavesBeforeTheBootIsDurable) {
  Bench b(3);
  b.Link(2);
  b.From(2, b.Append(1, 0, 1));
  const RequestId stale = b.Ask(RequestKind::kStaleRead, EncodeQuery(Get{"k"}));
  b.Ask(RequestKind::kCatalogue, "no such request in a namespace");
  EXPECT_TRUE(b.frames.empty());
  EXPECT_TRUE(b.answers.empty());
  b.Work();
  EXPECT_TRUE(b.answers.empty());
  b.Sync();
  EXPECT_EQ(b.SentTo<AppendReply>(2).size(), 1u);
  EXPECT_EQ(b.answers.size(), 2u);
  EXPECT_EQ(b.answers.at(stale).kind, OutcomeKind::kDone);
}

TEST(HostRelease, AnAcknowledgementWaitsForItsOwnWriteAndNoLonger) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, b.Append(1, 0, 1));
  b.host->EndTurn();
  b.From(2, b.Append(1, 1, 1));
  b.host->EndTurn();
  EXPECT_TRUE(b.SentTo<AppendReply>(2).empty());
  EXPECT_EQ(b.host->held().sends, 2u);
  b.Sync(1);
  ASSERT_EQ(b.SentTo<AppendReply>(2).size(), 1u);
  EXPECT_EQ(b.SentTo<AppendReply>(2)[0].match, Index(1));
  b.Sync(1);
  ASSERT_EQ(b.SentTo<AppendReply>(2).size(), 2u);
  EXPECT_EQ(b.SentTo<AppendReply>(2)[1].match, Index(2));
  EXPECT_EQ(b.host->held().sends, 0u);
}

TEST(HostRelease, AVoteWaitsForItsWrite) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, VoteRequest{.term = Term(1),
                        .kind = VoteKind::kVote,
                        .proposed = Term(1),
                        .campaign = Campaign(1),
                        .last = {}});
  b.host->EndTurn();
  EXPECT_TRUE(b.SentTo<VoteReply>(2).empty());
  b.Sync();
  ASSERT_EQ(b.SentTo<VoteReply>(2).size(), 1u);
  EXPECT_TRUE(b.SentTo<VoteReply>(2)[0].granted);
}

TEST(HostRelease, AClientIsToldOnlyWhatIsDurableAndApplied) {
  Bench b(1);
  b.Lead();
  b.Put("opens a session first");
  b.Sync();
  b.Work();
  b.Sync();
  b.Work();
  const RequestId put = b.Put("1");
  b.Work();
  EXPECT_FALSE(b.answers.contains(put));
  b.Sync();
  EXPECT_FALSE(b.answers.contains(put));
  b.Work();
  ASSERT_TRUE(b.answers.contains(put));
  EXPECT_EQ(b.answers.at(put).kind, OutcomeKind::kDone);
}

TEST(HostRelease, NoEntryIsAppliedBeforeItIsDurableHereHoweverManyOthersHoldIt) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, b.Append(1, 0, 2, /*commit=*/2));
  b.host->EndTurn();
  ASSERT_EQ(b.host->replica().group(kGroup)->commit(), Index(2));
  EXPECT_FALSE(b.host->HasWork());
  EXPECT_EQ(b.host->held().applies, 1u);
  b.Sync();
  EXPECT_TRUE(b.host->HasWork());
  b.Work();
  EXPECT_EQ(b.host->machine(kGroup)->applied().index, Index(2));
}

// ---- order ------------------------------------------------------------------------------------------------------

TEST(HostRelease, WhatWaitsHoldsBackOnlyWhatFollowsItToTheSameReceiverInTheSameGroup) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.Link(3);
  b.From(2, b.Append(2, 0, 1));  // its answer waits for the write
  b.From(2, b.Append(1, 0, 1));  // these are refused: their answers wait for nothing of their own
  b.From(3, b.Append(1, 0, 1));
  b.From(2, b.Append(1, 0, 1), kSystemGroup);
  b.host->EndTurn();
  EXPECT_TRUE(b.SentTo<AppendReply>(2).empty());
  b.Sync();
  const std::vector<AppendReply> replies = b.SentTo<AppendReply>(2);
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[0].verdict, AppendVerdict::kAccepted);
  EXPECT_EQ(replies[1].verdict, AppendVerdict::kStaleTerm);
}

TEST(HostRelease, AnotherReceiverDoesNotWait) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.Link(3);
  // The term is durable; the entry of the next append is not.
  b.From(2, b.Append(2, 0, 0));
  b.Sync();
  b.frames.clear();
  b.From(2, b.Append(2, 0, 1));
  b.From(2, b.Append(1, 0, 1));
  b.From(3, b.Append(1, 0, 1));
  b.host->EndTurn();
  EXPECT_TRUE(b.SentTo<AppendReply>(2).empty());
  ASSERT_EQ(b.SentTo<AppendReply>(3).size(), 1u);
  EXPECT_EQ(b.SentTo<AppendReply>(3)[0].verdict, AppendVerdict::kStaleTerm);
  b.Sync();
  EXPECT_EQ(b.SentTo<AppendReply>(2).size(), 2u);
}

TEST(HostRelease, AFrameRestsOnOneWrite) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, b.Append(1, 0, 1));
  b.host->EndTurn();
  b.From(2, b.Append(1, 1, 1));
  b.host->EndTurn();
  b.Sync();  // both are let go in one turn
  ASSERT_EQ(b.frames.size(), 2u);
  for (const Outgoing& frame : b.frames) EXPECT_EQ(frame.messages.size(), 1u);

  b.frames.clear();
  b.From(2, b.Append(1, 2, 1));
  b.From(2, b.Append(1, 3, 0));  // rests on nothing but the same write
  b.Sync();
  std::size_t messages = 0;
  for (const Outgoing& frame : b.frames) messages += frame.messages.size();
  EXPECT_EQ(messages, 2u);
  EXPECT_EQ(b.frames.size(), 1u);
}

TEST(HostRelease, FramesLeaveAtTheEndOfATurn) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, b.Append(1, 0, 0));
  b.host->Handle(b.now, Persisted{b.log.SyncNext(1'000'000)});
  EXPECT_TRUE(b.frames.empty());
  b.host->EndTurn();
  EXPECT_EQ(b.SentTo<AppendReply>(2).size(), 1u);
}

TEST(HostRelease, AReadSeesWhatItHasToSee) {
  Bench b(1);
  b.Lead();
  b.Put("1");
  for (int i = 0; i < 3; ++i) {
    b.Sync();
    b.Work();
  }
  const RequestId put = b.Put("2");
  b.host->Handle(b.now, Persisted{b.log.SyncNext(1'000'000)});  // committed, applying
  const RequestId read = b.Ask(RequestKind::kRead, EncodeQuery(Get{"k"}));
  b.Work();
  ASSERT_TRUE(b.answers.contains(put) && b.answers.contains(read));
  EXPECT_GE(b.answers.at(read).serial, b.answers.at(put).serial);
  EXPECT_EQ(DecodeReply(b.answers.at(read).result.bytes())->rows[0].value, "2");
}

// ---- failures ---------------------------------------------------------------------------------------------------

TEST(HostRelease, AfterAFailedSyncNothingThatWaitedEverLeaves) {
  Bench b(1);
  b.Lead();
  b.Put("1");
  b.Sync();
  b.Work();
  const std::size_t frames = b.frames.size();
  b.Handle(PersistFailed{b.host->replica().last_write()});
  EXPECT_TRUE(b.host->stopped());
  EXPECT_EQ(b.host->replica().stop_reason(), StopReason::kStorageFailed);
  ASSERT_EQ(b.answers.size(), 1u);
  EXPECT_NE(b.answers.begin()->second.kind, OutcomeKind::kDone);
  EXPECT_EQ(b.frames.size(), frames);
  // A late success of the same disk changes nothing.
  b.Handle(Persisted{b.host->replica().last_write()});
  EXPECT_FALSE(b.host->HasWork());
  EXPECT_EQ(b.answers.size(), 1u);
  EXPECT_EQ(b.host->held().sends + b.host->held().applies + b.host->held().replies, 0u);
}

TEST(HostRelease, AnAcknowledgementOfAFailedWriteIsNeverSent) {
  Bench b(3);
  b.Sync();
  b.Link(2);
  b.From(2, b.Append(1, 0, 1));
  b.Handle(PersistFailed{b.host->replica().last_write()});
  b.Handle(Persisted{b.host->replica().last_write()});
  b.Handle(Wakeup{});
  EXPECT_TRUE(b.frames.empty());
}

TEST(HostRelease, AnAnswerThatWaitedForAFailedWriteIsUnknown) {
  // A stale read was answered by the state machine, but the answer waits for the boot.
  Bench b(3);
  const RequestId read = b.Ask(RequestKind::kStaleRead, EncodeQuery(Get{"k"}));
  b.Work();
  ASSERT_TRUE(b.answers.empty());
  EXPECT_EQ(b.host->held().replies, 1u);
  b.Handle(PersistFailed{PersistSeq(1)});
  ASSERT_TRUE(b.answers.contains(read));
  EXPECT_EQ(b.answers.at(read).kind, OutcomeKind::kUnknown);
}

TEST(HostRelease, AMapThatFailsStopsTheNode) {
  Bench b(1);
  b.Lead();
  const RequestId put = b.Put("1");
  b.map.fail_writes = true;
  b.Sync();
  b.Work();
  EXPECT_TRUE(b.host->stopped());
  ASSERT_TRUE(b.answers.contains(put));
  EXPECT_NE(b.answers.at(put).kind, OutcomeKind::kDone);

  Bench c(1);
  c.Lead();
  const RequestId read = c.Ask(RequestKind::kRead, EncodeQuery(Get{"k"}));
  c.map.fail_reads = true;
  c.Work();
  EXPECT_TRUE(c.host->stopped());
  EXPECT_EQ(c.host->replica().stop_reason(), StopReason::kDataLoss);
  EXPECT_NE(c.answers.at(read).kind, OutcomeKind::kDone);
}

TEST(HostRelease, AFlushThatNobodyWaitsForChangesNothing) {
  Bench b(1);
  b.Lead();
  b.host->OnMapFlushed(b.now, PortRequest(99), true);
  EXPECT_EQ(b.host->last_answer(), nullptr);
  b.host->OnMapFlushed(b.now, PortRequest(99), false);
  EXPECT_FALSE(b.host->stopped());
}

// ---- crashes in between -------------------------------------------------------------------------------------------

TEST(HostRelease, WhatWasAnsweredIsThereAfterACrashWhereverTheMapFellBackTo) {
  for (std::size_t lost = 0; lost <= 4; ++lost) {
    Bench b(1);
    b.Lead();
    std::vector<RequestId> puts;
    for (int i = 1; i <= 4; ++i) {
      puts.push_back(b.Put(std::to_string(i)));
      for (int round = 0; round < 2; ++round) {
        b.Sync();
        b.Work();
      }
      ASSERT_EQ(b.answers.at(puts.back()).kind, OutcomeKind::kDone);
    }
    const Digest before = b.host->machine(kGroup)->digest();
    const Index applied = b.host->machine(kGroup)->applied().index;
    const RequestId undone = b.Put("5");  // appended, and lost
    b.CrashAndBoot(/*kept_writes=*/0, lost);
    EXPECT_FALSE(b.answers.contains(undone));
    EXPECT_LE(b.host->machine(kGroup)->applied().index, applied);
    b.Lead();
    b.Work();
    const StateMachine& machine = *b.host->machine(kGroup);
    EXPECT_GE(machine.applied().index, applied);
    EXPECT_EQ(machine.digest(), before) << lost;  // the barrier of the new term changes no row
  }
}

TEST(HostRelease, AWriteThatSurvivedUnansweredIsAppliedOnce) {
  Bench b(1);
  b.Lead();
  b.Put("1");
  for (int round = 0; round < 2; ++round) {
    b.Sync();
    b.Work();
  }
  const RequestId put = b.Put("2");
  b.CrashAndBoot(/*kept_writes=*/1, /*lost_batches=*/0);
  EXPECT_FALSE(b.answers.contains(put));
  b.Lead();
  b.Work();
  const absl::StatusOr<Payload> now = b.host->machine(kGroup)->Answer(EncodeQuery(Get{"k"}));
  const KvReply reply = *DecodeReply(now->bytes());
  EXPECT_EQ(reply.rows[0].value, "2");
  EXPECT_EQ(reply.revision, Revision(2));
}

}  // namespace
}  // namespace quorate
