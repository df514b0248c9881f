// What the node that took a request does until it can answer: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "engine/kv/command.h"
#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

// Node 1 with requests of clients; whom it follows, and what comes back, says the test.
class Asker : public ReplicaFixture {
 public:
  using ReplicaFixture::ReplicaFixture;

  // Node `leader` leads the group in `term`, as a heartbeat says.
  const Effects& Hear(std::uint32_t leader, std::uint64_t term) {
    leader_ = leader;
    term_ = term;
    return HeartbeatFrom(leader,
                         {.group = kGroup, .term = Term(term), .counter = {}, .commit = {}});
  }
  const Effects& Ask(RequestKind kind, std::string payload, SessionId session = {},
                     SessionSeq seq = {}, GroupId group = kGroup) {
    ClientRequests requests;
    last_ = Next(last_);
    requests.requests.push_back({.id = last_,
                                 .group = group,
                                 .kind = kind,
                                 .session = session,
                                 .seq = seq,
                                 .payload = Payload(std::move(payload)),
                                 .timeout = Seconds(2)});
    return Step(requests);
  }
  const Effects& Write(std::uint64_t seq) {
    return Ask(RequestKind::kWrite, "w", SessionId(7), SessionSeq(seq));
  }
  const Effects& WriteWithoutSession() { return Ask(RequestKind::kWrite, "w"); }
  const Effects& Answer(std::uint32_t from, RequestId id, ForwardVerdict verdict,
                        std::uint64_t index = 0, std::string result = {}) {
    ForwardReply reply{.term = Group().term(), .outcomes = {}};
    reply.outcomes.push_back({id, verdict, Index(index), Payload(std::move(result))});
    return From(from, reply);
  }
  // Time passes in steps of 10 ms while the leader goes on beating; when something of kind T left, and to whom.
  template <class T>
  std::vector<std::int64_t> SentWhile(Duration span) {
    std::vector<std::int64_t> at;
    const MonoTime begin = now().mono;
    while (now().mono < begin + span) {
      const auto note = [&](const Effects& effects) {
        for (std::size_t i = 0; i < Sent<T>(effects).size(); ++i)
          at.push_back((now().mono - begin).ns / 1'000'000);
      };
      note(Pass(Milliseconds(10)));
      note(HeartbeatFrom(leader_,
                         {.group = kGroup, .term = Term(term_), .counter = {}, .commit = {}}));
    }
    return at;
  }
  // The only reply of these effects.
  static Outcome Told(const Effects& effects) {
    const std::vector<Reply> replies = All<Reply>(effects);
    EXPECT_EQ(replies.size(), 1u);
    return replies.empty() ? Outcome{} : replies.front().outcome;
  }
  static std::vector<ForwardedRequest> Forwarded(const Effects& effects, std::uint32_t to = 0) {
    std::vector<ForwardedRequest> requests;
    for (const Forward& forward : Sent<Forward>(effects, to))
      requests.insert(requests.end(), forward.requests.begin(), forward.requests.end());
    return requests;
  }
  RequestId last() const { return last_; }
  std::uint64_t drops(DropReason reason) { return replica().drops(reason); }

 private:
  std::uint32_t leader_ = 2;
  std::uint64_t term_ = 1;
  RequestId last_;
};

Outcome NotApplied(Refusal refusal) {
  return {.kind = OutcomeKind::kNotApplied, .refusal = refusal, .serial = {}, .result = {}};
}
Outcome Unknown(Refusal refusal) {
  return {.kind = OutcomeKind::kUnknown, .refusal = refusal, .serial = {}, .result = {}};
}
std::string SessionUnknown() {
  KvReply reply;
  reply.status = ReplyStatus::kSessionUnknown;
  return EncodeReply(reply);
}
Envelope EnvelopeOf(const ForwardedRequest& request) {
  Envelope envelope;
  EXPECT_TRUE(DecodeEnvelope(request.payload.bytes(), envelope));
  return envelope;
}
Nonce NonceOf(const ForwardedRequest& request) {
  Nonce nonce;
  std::string_view command;
  EXPECT_TRUE(DecodeNonce(request.payload.bytes(), nonce, command));
  return nonce;
}
using Times = std::vector<std::int64_t>;

// ---- to whom, and how often ---------------------------------------------------------------------------------

TEST(ForwardingStep, AWriteGoesToTheLeaderAtOnce) {
  Asker f;
  f.Hear(2, 1);
  const Effects effects = f.Write(1);
  ASSERT_EQ(Asker::Forwarded(effects, 2).size(), 1u);
  const ForwardedRequest sent = Asker::Forwarded(effects)[0];
  EXPECT_EQ(sent.id, f.last());
  EXPECT_EQ(sent.kind, EntryKind::kCommand);
  EXPECT_EQ(EnvelopeOf(sent).session, SessionId(7));
  EXPECT_EQ(EnvelopeOf(sent).seq, SessionSeq(1));
  EXPECT_TRUE(Asker::All<Reply>(effects).empty());
}

TEST(ForwardingStep, ALeaderThatSaysNothingIsAskedAgainAfterPausesThatDouble) {
  Asker f;  // resend 100 ms, election_timeout_max 300 ms
  f.Hear(2, 1);
  f.Write(1);
  EXPECT_EQ(f.SentWhile<Forward>(Milliseconds(1300)), (Times{100, 300, 600, 900, 1200}));
}

TEST(ForwardingStep, TheNextLeaderIsAskedAtOnceAndOnlyOnce) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  EXPECT_EQ(Asker::Forwarded(f.Hear(3, 2), 3).size(), 1u);
  EXPECT_TRUE(Asker::Forwarded(f.Hear(3, 2)).empty());
  EXPECT_EQ(f.SentWhile<Forward>(Milliseconds(350)), (Times{100, 300}));
}

TEST(ForwardingStep, TheSameLeaderInItsNextTermHasForgottenWhatItWasAsked) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  EXPECT_EQ(Asker::Forwarded(f.Hear(2, 2), 2).size(), 1u);
}

TEST(ForwardingStep, ALeaderThatWasLostFromSightIsNotAskedAgainInTheSameTerm) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  f.TimeOut();  // asks around whether it may campaign
  ASSERT_EQ(f.Group().leader(), NodeId());
  EXPECT_TRUE(Asker::Forwarded(f.Hear(2, 1)).empty());
}

TEST(ForwardingStep, OverANewLinkItIsSentAgainAtOnce) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  EXPECT_TRUE(Asker::Forwarded(f.Step(LinkDown{NodeId(2), f.session()})).empty());
  EXPECT_TRUE(f.SentWhile<Forward>(Milliseconds(250)).empty());  // to nobody
  const Effects up = f.Step(LinkUp{NodeId(2), BootNumber(1), LinkSession(2)});
  EXPECT_EQ(Asker::Forwarded(up, 2).size(), 1u);
  EXPECT_TRUE(Asker::Forwarded(f.Step(LinkUp{NodeId(3), BootNumber(1), LinkSession(2)})).empty());
}

TEST(ForwardingStep, ARefusalIsNoReasonToHurry) {
  for (const ForwardVerdict verdict :
       {ForwardVerdict::kNotLeader, ForwardVerdict::kBusy, ForwardVerdict::kNoSpace}) {
    Asker f;
    f.Hear(2, 1);
    f.Write(1);
    f.SentWhile<Forward>(Milliseconds(150));  // once again, the next pause would be 200 ms
    const Effects refused = f.Answer(2, f.last(), verdict);
    EXPECT_TRUE(Asker::Forwarded(refused).empty());
    EXPECT_TRUE(Asker::All<Reply>(refused).empty());
    EXPECT_EQ(f.SentWhile<Forward>(Milliseconds(350)), (Times{100, 200}));
    f.Answer(2, f.last(), verdict);
    EXPECT_EQ(Asker::Forwarded(f.Hear(3, 2), 3).size(), 1u);  // another leader may take it at once
  }
}

TEST(ForwardingStep, AWriteWaitsForALeader) {
  Asker f;
  EXPECT_TRUE(Asker::Forwarded(f.Write(1)).empty());
  EXPECT_EQ(Asker::Forwarded(f.Hear(3, 1), 3).size(), 1u);
}

// ---- outcomes -----------------------------------------------------------------------------------------------

TEST(ForwardingStep, WhatTheLeaderSaysIsPassedOnOnce) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  const Outcome done{OutcomeKind::kDone, Refusal::kNone, Index(9), Payload("result")};
  EXPECT_EQ(Asker::Told(f.Answer(2, f.last(), ForwardVerdict::kApplied, 9, "result")), done);
  EXPECT_EQ(f.replica().requests_under_way(), 0u);
  const Effects again = f.Answer(3, f.last(), ForwardVerdict::kApplied, 9, "result");
  EXPECT_TRUE(Asker::All<Reply>(again).empty());
  EXPECT_EQ(f.drops(DropReason::kStaleReply), 1u);
  EXPECT_TRUE(f.SentWhile<Forward>(Milliseconds(500)).empty());
}

TEST(ForwardingStep, AtTheDeadlineWhatLeftTheNodeIsUnknownAndWhatDidNotIsNotApplied) {
  Asker f;
  f.Write(1);
  f.WriteWithoutSession();
  const Effects none = f.Pass(Seconds(2));
  ASSERT_EQ(Asker::All<Reply>(none).size(), 2u);
  for (const Reply& reply : Asker::All<Reply>(none))
    EXPECT_EQ(reply.outcome, NotApplied(Refusal::kNoLeader));

  Asker g;
  g.Hear(2, 1);
  g.Write(1);
  EXPECT_EQ(Asker::Told(g.Pass(Seconds(2))), Unknown(Refusal::kTimeout));
  // A refusal takes nothing back: the frame may have come twice.
  Asker h;
  h.Hear(2, 1);
  h.Write(1);
  h.Answer(2, h.last(), ForwardVerdict::kBusy);
  EXPECT_EQ(Asker::Told(h.Pass(Seconds(2))), Unknown(Refusal::kTimeout));
}

TEST(ForwardingStep, WhatTheOwnLogRefusesIsNotAppliedUnlessACopyIsOutSomewhere) {
  Options options = Asker::DefaultOptions();
  options.max_unapplied_bytes = 200;
  Asker f(3, options);
  f.Lead();
  f.Ask(RequestKind::kWrite, std::string(100, 'w'), SessionId(7), SessionSeq(1));
  const Outcome busy =
      Asker::Told(f.Ask(RequestKind::kWrite, std::string(100, 'w'), SessionId(7), SessionSeq(2)));
  EXPECT_EQ(busy, NotApplied(Refusal::kBusy));
  f.Step(DiskSpace{Space::kLow});
  EXPECT_EQ(Asker::Told(f.Write(3)), NotApplied(Refusal::kNoSpace));

  Asker g(3, options);
  g.Hear(2, 1);
  g.Persist();
  g.Ask(RequestKind::kWrite, std::string(300, 'w'), SessionId(7), SessionSeq(1));
  g.Lead();  // its own log has no room for what node 2 may have taken
  ASSERT_TRUE(g.Group().leads());
  EXPECT_EQ(g.replica().requests_under_way(), 1u);
  EXPECT_EQ(Asker::Told(g.PassTo(g.now().mono + Seconds(2))), Unknown(Refusal::kTimeout));
}

TEST(ForwardingStep, RefusedAtTheDoorIsNotApplied) {
  Options options = Asker::DefaultOptions();
  options.max_requests = 2;
  options.max_parked_requests = 1;
  options.kv.max_batch_bytes = 100;
  Asker f(3, options);
  const auto told = [&](RequestKind kind, std::string payload, GroupId group) {
    const Effects effects =
        f.Ask(kind, std::move(payload), SessionId(7), SessionSeq(f.last().value() + 1), group);
    return Asker::All<Reply>(effects).empty() ? Refusal::kNone : Asker::Told(effects).refusal;
  };
  constexpr GroupId kGroup = Asker::kGroup;
  EXPECT_EQ(told(RequestKind::kCatalogue, "c", kGroup), Refusal::kMalformed);
  EXPECT_EQ(told(RequestKind::kWrite, "w", kSystemGroup), Refusal::kMalformed);
  EXPECT_EQ(told(RequestKind::kWrite, "w", kEveryGroup), Refusal::kMalformed);
  EXPECT_EQ(told(RequestKind::kWrite, std::string(2000, 'w'), kGroup), Refusal::kTooBig);
  EXPECT_EQ(told(RequestKind::kWrite, "w", GroupId(5)), Refusal::kNone);  // parked
  EXPECT_EQ(told(RequestKind::kWrite, "w", GroupId(5)), Refusal::kBusy);
  EXPECT_EQ(told(RequestKind::kWrite, "w", kGroup), Refusal::kNone);
  EXPECT_EQ(told(RequestKind::kWrite, "w", kGroup), Refusal::kBusy);
  EXPECT_EQ(f.replica().requests_under_way(), 2u);
}

TEST(ForwardingStep, ANodeThatStopsTellsEverybodyTheTruth) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  f.Ask(RequestKind::kRead, "q");
  f.Ask(RequestKind::kWrite, "w", {}, {}, GroupId(5));
  const std::vector<Reply> replies = Asker::All<Reply>(f.Step(PersistFailed{PersistSeq(2)}));
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(replies[0].outcome, Unknown(Refusal::kStopped));
  EXPECT_EQ(replies[1].outcome, NotApplied(Refusal::kStopped));
  EXPECT_EQ(replies[2].outcome, NotApplied(Refusal::kStopped));
}

// ---- numbers that the node gives ------------------------------------------------------------------------------

TEST(ForwardingStep, AWriteWithoutASessionIsLentOneAndOnlyThoseWhoWaitedForItGo) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  const Effects opening = f.WriteWithoutSession();
  ASSERT_EQ(Asker::Forwarded(opening).size(), 1u);
  const ForwardedRequest open = Asker::Forwarded(opening)[0];
  EXPECT_EQ(open.kind, EntryKind::kOpenSession);
  EXPECT_EQ(NonceOf(open), (Nonce{NodeId(1), Incarnation(1), f.replica().boot(), SessionSeq(1)}));
  EXPECT_TRUE(Asker::Forwarded(f.WriteWithoutSession()).empty());  // one opening is under way
  const Effects opened = f.Answer(2, open.id, ForwardVerdict::kApplied, 5);
  EXPECT_TRUE(Asker::All<Reply>(opened).empty());
  const std::vector<ForwardedRequest> sent = Asker::Forwarded(opened);
  ASSERT_EQ(sent.size(), 2u);
  for (std::uint64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(EnvelopeOf(sent[i]).session, SessionId(5));
    EXPECT_EQ(EnvelopeOf(sent[i]).seq, SessionSeq(i + 1));
  }
}

TEST(ForwardingStep, ACopyOfAnOpeningHasItsNonceAndTheNextOpeningAnother) {
  Asker f;
  f.Hear(2, 1);
  const Nonce first = NonceOf(Asker::Forwarded(f.Ask(RequestKind::kOpenSession, ""))[0]);
  const std::vector<ForwardedRequest> again = Asker::Forwarded(f.Hear(3, 2), 3);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(NonceOf(again[0]), first);
  const Nonce second = NonceOf(Asker::Forwarded(f.Ask(RequestKind::kOpenSession, ""))[0]);
  EXPECT_EQ(second.seq, Next(first.seq));
}

TEST(ForwardingStep, NoMoreNumbersAreOutThanTheWindowHolds) {
  Options options = Asker::DefaultOptions();
  options.max_lent_sessions = 1;
  options.kv.session_window = 2;
  Asker f(3, options);
  f.Hear(2, 1);
  const RequestId open = Asker::Forwarded(f.WriteWithoutSession())[0].id;
  const RequestId first = f.last();
  for (int i = 0; i < 3; ++i) f.WriteWithoutSession();
  EXPECT_EQ(Asker::Forwarded(f.Answer(2, open, ForwardVerdict::kApplied, 5)).size(), 2u);
  // The second one's answer frees nothing: the window begins at the first one that is out.
  const RequestId second(first.value() + 1);
  EXPECT_TRUE(Asker::Forwarded(f.Answer(2, second, ForwardVerdict::kApplied, 7, "r")).empty());
  const std::vector<ForwardedRequest> sent =
      Asker::Forwarded(f.Answer(2, first, ForwardVerdict::kApplied, 6, "r"));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(EnvelopeOf(sent[0]).seq, SessionSeq(3));
  EXPECT_EQ(EnvelopeOf(sent[1]).seq, SessionSeq(4));
}

TEST(ForwardingStep, NoMoreNoncesAreOutThanTheWindowHolds) {
  Options options = Asker::DefaultOptions();
  options.kv.nonce_window = 1;
  Asker f(3, options);
  f.Hear(2, 1);
  f.Ask(RequestKind::kOpenSession, "");
  const RequestId first = f.last();
  EXPECT_TRUE(Asker::Forwarded(f.Ask(RequestKind::kOpenSession, "")).empty());
  const std::vector<ForwardedRequest> sent =
      Asker::Forwarded(f.Answer(2, first, ForwardVerdict::kApplied, 5));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].id, f.last());
  EXPECT_EQ(NonceOf(sent[0]).seq, SessionSeq(2));
}

TEST(ForwardingStep, AtItsDeadlineARequestGivesItsNumberBack) {
  Options options = Asker::DefaultOptions();
  options.kv.nonce_window = 1;
  Asker f(3, options);
  f.Hear(2, 1);
  f.Ask(RequestKind::kOpenSession, "");
  f.SentWhile<Forward>(Milliseconds(1900));
  f.Ask(RequestKind::kOpenSession, "");
  EXPECT_FALSE(f.SentWhile<Forward>(Milliseconds(100)).empty());
}

TEST(ForwardingStep, WhatALentSessionRefusedIsUnknownAndTheSessionIsNotLentAgain) {
  Asker f;
  f.Hear(2, 1);
  const RequestId open = Asker::Forwarded(f.WriteWithoutSession())[0].id;
  f.Answer(2, open, ForwardVerdict::kApplied, 5);
  const Effects lost = f.Answer(2, f.last(), ForwardVerdict::kApplied, 8, SessionUnknown());
  EXPECT_EQ(Asker::Told(lost), Unknown(Refusal::kBusy));
  const std::vector<ForwardedRequest> next = Asker::Forwarded(f.WriteWithoutSession());
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].kind, EntryKind::kOpenSession);
  EXPECT_EQ(NonceOf(next[0]).seq, SessionSeq(2));
}

TEST(ForwardingStep, WhatTheClientsOwnSessionRefusedIsPassedOn) {
  Asker f;
  f.Hear(2, 1);
  f.Write(1);
  const Effects refused = f.Answer(2, f.last(), ForwardVerdict::kApplied, 8, SessionUnknown());
  EXPECT_EQ(Asker::Told(refused).kind, OutcomeKind::kDone);
}

TEST(ForwardingStep, AnOpeningWhoseNonceIsForgottenIsUnknown) {
  Asker f;
  f.Hear(2, 1);
  f.Ask(RequestKind::kOpenSession, "");
  EXPECT_EQ(Asker::Told(f.Answer(2, f.last(), ForwardVerdict::kApplied, 8, SessionUnknown())),
            Unknown(Refusal::kBusy));
}

TEST(ForwardingStep, WhoWaitsForASessionThatWasNotOpenedAsksForAnother) {
  Asker f;
  f.Hear(2, 1);
  const RequestId open = Asker::Forwarded(f.WriteWithoutSession())[0].id;
  f.Answer(2, open, ForwardVerdict::kApplied, 8, SessionUnknown());
  f.SentWhile<Forward>(Milliseconds(10));
  std::vector<ForwardedRequest> sent;
  for (int i = 0; i < 40 && sent.empty(); ++i) {
    sent = Asker::Forwarded(f.Pass(Milliseconds(10)));
    f.Hear(2, 1);
  }
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].kind, EntryKind::kOpenSession);
  EXPECT_NE(sent[0].id, open);
}

// ---- reads --------------------------------------------------------------------------------------------------

TEST(ForwardingStep, ReadsThatComeWhileAQuestionIsOutWaitForTheNextOne) {
  Asker f;
  f.Hear(2, 1);
  const std::vector<ReadIndexRequest> first =
      Asker::Sent<ReadIndexRequest>(f.Ask(RequestKind::kRead, "q"), 2);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(Asker::Sent<ReadIndexRequest>(f.Ask(RequestKind::kRead, "q")).empty());
  const RequestId second = f.last();
  const Effects told = f.From(2, ReadIndexReply{Term(1), first[0].id, true, Index(0)});
  const std::vector<RunQuery> queries = Asker::All<RunQuery>(told);
  ASSERT_EQ(queries.size(), 1u);
  ASSERT_EQ(queries[0].items.size(), 1u);
  EXPECT_EQ(queries[0].items[0].request.value(), second.value() - 1);
  EXPECT_EQ(Asker::Sent<ReadIndexRequest>(told, 2).size(), 1u);
  EXPECT_NE(Asker::Sent<ReadIndexRequest>(told, 2)[0].id, first[0].id);
}

TEST(ForwardingStep, ASlowConfirmationStillCountsAfterTheQuestionWasRepeated) {
  // Under a new name each time, a leader slower than the pause could never answer.
  Asker f;
  f.Hear(2, 1);
  const std::uint64_t id = Asker::Sent<ReadIndexRequest>(f.Ask(RequestKind::kRead, "q"), 2)[0].id;
  EXPECT_EQ(f.SentWhile<ReadIndexRequest>(Milliseconds(650)), (Times{100, 300, 600}));
  const Effects told = f.From(2, ReadIndexReply{Term(1), id, true, Index(0)});
  EXPECT_EQ(Asker::All<RunQuery>(told).size(), 1u);
  const Effects twice = f.From(2, ReadIndexReply{Term(1), id, true, Index(0)});
  EXPECT_TRUE(Asker::All<RunQuery>(twice).empty());
  EXPECT_EQ(f.drops(DropReason::kStaleReply), 1u);
}

TEST(ForwardingStep, ReadsAreAskedOfTheNextLeaderAtOnce) {
  Asker f;
  EXPECT_TRUE(Asker::Sent<ReadIndexRequest>(f.Ask(RequestKind::kRead, "q")).empty());
  EXPECT_EQ(Asker::Sent<ReadIndexRequest>(f.Hear(2, 1), 2).size(), 1u);
  EXPECT_EQ(Asker::Sent<ReadIndexRequest>(f.Hear(3, 2), 3).size(), 1u);
  const Effects refused = f.From(3, ReadIndexReply{Term(2), 1, false, Index(0)});
  EXPECT_TRUE(Asker::Sent<ReadIndexRequest>(refused).empty());
}

TEST(ForwardingStep, AConfirmedReadWaitsUntilItsIndexIsAppliedHere) {
  Asker f;
  f.From(2, f.Append(Term(1), {}, {Term(1)}, Index(0)));
  f.Persist();
  const std::uint64_t id = Asker::Sent<ReadIndexRequest>(f.Ask(RequestKind::kRead, "q"), 2)[0].id;
  const Effects told = f.From(2, ReadIndexReply{Term(1), id, true, Index(1)});
  EXPECT_TRUE(Asker::All<RunQuery>(told).empty());
  f.From(2, CommitNotice{Term(1), {Index(1), Term(1)}});
  const Effects applied = f.Step(Applied{.group = Asker::kGroup,
                                         .generation = Generation(1),
                                         .upto = {Index(1), Term(1)},
                                         .results = {{Index(1), Index(1), Payload()}}});
  const std::vector<RunQuery> queries = Asker::All<RunQuery>(applied);
  ASSERT_EQ(queries.size(), 1u);
  EXPECT_EQ(queries[0].after_applied, Index(1));
  const Effects answered = f.Step(Answered{.id = queries[0].id,
                                           .group = Asker::kGroup,
                                           .at = {Index(1), Term(1)},
                                           .answers = {{f.last(), Payload("a")}}});
  EXPECT_EQ(Asker::Told(answered),
            (Outcome{OutcomeKind::kDone, Refusal::kNone, Index(1), Payload("a")}));
}

TEST(ForwardingStep, AReadIsNeverUnknown) {
  Asker f;
  f.Hear(2, 1);
  f.Ask(RequestKind::kRead, "q");
  f.Ask(RequestKind::kRead, "q");
  const std::vector<Reply> replies = Asker::All<Reply>(f.Pass(Seconds(2)));
  ASSERT_EQ(replies.size(), 2u);
  for (const Reply& reply : replies) EXPECT_EQ(reply.outcome.kind, OutcomeKind::kNotApplied);
}

TEST(ForwardingStep, AStaleReadAsksNobody) {
  Asker f;
  const Effects effects = f.Ask(RequestKind::kStaleRead, "q");
  EXPECT_EQ(Asker::All<RunQuery>(effects).size(), 1u);
  EXPECT_TRUE(Asker::Sent<ReadIndexRequest>(effects).empty());
}

// ---- on its own -----------------------------------------------------------------------------------------------

TEST(NumberWindow, BeginsAtTheOldestOneThatIsOut) {
  NumberWindow window;
  EXPECT_EQ(window.Take(), SessionSeq(1));
  EXPECT_EQ(window.Take(), SessionSeq(2));
  EXPECT_EQ(window.Take(), SessionSeq(3));
  EXPECT_FALSE(window.HasRoom(3));
  window.Return(SessionSeq(2));
  EXPECT_FALSE(window.HasRoom(3));
  window.Return(SessionSeq(1));
  EXPECT_TRUE(window.HasRoom(2));
  EXPECT_FALSE(window.HasRoom(1));
  EXPECT_EQ(window.Take(), SessionSeq(4));
  window.Return(SessionSeq(3));
  window.Return(SessionSeq(4));
  EXPECT_TRUE(window.HasRoom(1));
  EXPECT_EQ(window.Take(), SessionSeq(5));
}

}  // namespace
}  // namespace quorate
