// Layer 0: every reply at its serial point.
#include <gtest/gtest.h>

#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

constexpr GroupId kGroup = kDefaultNamespace;

// A checker that was told a log by hand.
class SerialCheck : public testing::Test {
 protected:
  void Commit(const Entry& entry) {
    index_ = Next(index_);
    checker_.OnCommitted(kGroup, index_, entry);
  }
  void CommitPut(std::uint64_t session, std::uint64_t seq, const std::string& key,
                 const std::string& value) {
    Commit(CommandEntry(session, seq, Put{key, value}));
  }
  OpId Invoke(std::uint64_t client, Call call, std::uint64_t session = 0, std::uint64_t seq = 0) {
    const OpId id = script_.Invoke(client, std::move(call), session, seq);
    checker_.OnInvoke(id, script_.at(id));
    return id;
  }
  void Ok(OpId id, KvReply reply, std::uint64_t serial) {
    script_.Ok(id, std::move(reply), serial);
    checker_.OnComplete(id, script_.at(id));
  }
  void Fail(OpId id) {
    script_.Fail(id);
    checker_.OnComplete(id, script_.at(id));
  }
  void Info(OpId id) {
    script_.Info(id);
    checker_.OnComplete(id, script_.at(id));
  }
  void ReadAlone(const std::string& key, KvReply reply, std::uint64_t serial) {
    Ok(Invoke(9, ReadOf(key)), std::move(reply), serial);
  }
  std::string found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }

  KvLimits limits_;
  Verdicts verdicts_;
  SerialChecker checker_{limits_, verdicts_};
  Script script_;
  Index index_;
};

TEST_F(SerialCheck, ReadOfTheCommittedStateIsAccepted) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}));
  Commit(EntryOf(EntryKind::kBarrier));
  CommitPut(0, 0, "k", "a");
  Ok(put, Wrote("k", 2, 1), 2);
  ReadAlone("k", Saw("k", 2, "a", 1), 2);
  ReadAlone("none", SawNothing("none", 1), 2);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(checker_.counts().operations, 3u);
  EXPECT_EQ(checker_.revision(kGroup), Revision(1));
}

TEST_F(SerialCheck, ReadOfAnotherValueIsRefused) {
  CommitPut(0, 0, "k", "a");
  ReadAlone("k", Saw("k", 1, "b", 1), 1);
  EXPECT_EQ(found(), "LIN-1");
}

TEST_F(SerialCheck, StaleReadIsRefusedByRealTime) {
  CommitPut(0, 0, "k", "a");
  CommitPut(0, 0, "k", "b");
  ReadAlone("k", Saw("k", 2, "b", 2), 2);
  ReadAlone("k", Saw("k", 1, "a", 1), 1);
  EXPECT_EQ(found(), "LIN-2");
}

TEST_F(SerialCheck, StaleReadThatOverlapsTheNewerOneIsAccepted) {
  CommitPut(0, 0, "k", "a");
  CommitPut(0, 0, "k", "b");
  const OpId slow = Invoke(1, ReadOf("k"));
  ReadAlone("k", Saw("k", 2, "b", 2), 2);
  Ok(slow, Saw("k", 1, "a", 1), 1);
  EXPECT_EQ(found(), "nothing");
}

TEST_F(SerialCheck, ReadMarkedStaleIsFreeInTimeButNotInContent) {
  CommitPut(0, 0, "k", "a");
  CommitPut(0, 0, "k", "b");
  ReadAlone("k", Saw("k", 2, "b", 2), 2);
  Ok(Invoke(1, StaleReadOf("k")), Saw("k", 1, "a", 1), 1);
  EXPECT_EQ(found(), "nothing");
  Ok(Invoke(1, StaleReadOf("k")), Saw("k", 2, "b", 2), 1);
  EXPECT_NE(found(), "nothing");
}

TEST_F(SerialCheck, WriteBehindWhatWasShownBeforeItsInvocationIsRefused) {
  CommitPut(0, 0, "k", "a");
  CommitPut(0, 0, "k", "b");
  ReadAlone("k", Saw("k", 2, "b", 2), 2);
  Ok(Invoke(1, Command(Put{"k", "a"})), Wrote("k", 1, 1), 1);
  EXPECT_EQ(found(), "LIN-2");
}

TEST_F(SerialCheck, ReadFromTheFutureIsRefused) {
  CommitPut(0, 0, "k", "a");
  ReadAlone("k", Saw("k", 2, "b", 2), 2);
  EXPECT_EQ(found(), "LIN-3");
}

TEST_F(SerialCheck, ReplyWithoutASerialPointIsRefused) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}));
  CommitPut(0, 0, "k", "a");
  Ok(put, Wrote("k", 1, 1), 0);
  EXPECT_EQ(found(), "LIN-3");
}

TEST_F(SerialCheck, ReplyOfAnotherOperationsEntryIsRefused) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}));
  CommitPut(0, 0, "k", "other");
  Ok(put, Wrote("k", 1, 1), 1);
  EXPECT_EQ(found(), "LIN-3");
}

TEST_F(SerialCheck, LateReplyIsJudgedAsOfItsIndex) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}));
  const OpId read = Invoke(2, ReadOf("k"));
  CommitPut(0, 0, "k", "a");
  for (int i = 0; i < 10'000; ++i) CommitPut(0, 0, "k", "later");
  Ok(put, Wrote("k", 1, 1), 1);
  Ok(read, Saw("k", 1, "a", 1), 1);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(checker_.counts().unchecked, 0u);
}

TEST_F(SerialCheck, StaleReadOfAForgottenStateIsCountedAsUnchecked) {
  for (int i = 0; i < 10'000; ++i) CommitPut(0, 0, "k", "later");
  Ok(Invoke(1, StaleReadOf("k")), Saw("k", 1, "whatever", 1), 1);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(checker_.counts().unchecked, 1u);
}

TEST_F(SerialCheck, WrongVersionIsRefused) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}));
  CommitPut(0, 0, "k", "a");
  Ok(put, Wrote("k", 7, 1), 1);
  EXPECT_EQ(found(), "I-54");
}

TEST_F(SerialCheck, RevisionThatGoesBackIsRefused) {
  CommitPut(0, 0, "k", "a");
  CommitPut(0, 0, "k", "b");
  ReadAlone("k", Saw("k", 2, "b", 1), 2);
  EXPECT_EQ(found(), "I-54");
}

TEST_F(SerialCheck, PhantomCompareAndSetIsRefused) {
  CommitPut(0, 0, "k", "a");
  const OpId cas = Invoke(1, Command(CasValue{"k", "b", "c"}));
  Commit(CommandEntry(0, 0, CasValue{"k", "b", "c"}));
  Ok(cas, Wrote("k", 2, 2), 2);
  EXPECT_EQ(found(), "LIN-1");
}

TEST_F(SerialCheck, RefusedCompareAndSetShowsWhatWasThere) {
  CommitPut(0, 0, "k", "a");
  const OpId cas = Invoke(1, Command(CasValue{"k", "b", "c"}));
  Commit(CommandEntry(0, 0, CasValue{"k", "b", "c"}));
  Ok(cas, Found("k", 1, "a", 1), 2);
  EXPECT_EQ(found(), "nothing");
}

TEST_F(SerialCheck, ScanThatMissesARowIsRefused) {
  CommitPut(0, 0, "a", "1");
  CommitPut(0, 0, "b", "2");
  Ok(Invoke(1, ScanOf("a", "z")), Told(ReplyStatus::kOk, 2, {{"a", V(1), "1"}}), 2);
  EXPECT_EQ(found(), "LIN-1");
}

TEST_F(SerialCheck, ScanIsOfOneState) {
  CommitPut(0, 0, "a", "1");
  CommitPut(0, 0, "b", "2");
  CommitPut(0, 0, "a", "3");
  Ok(Invoke(1, ScanOf("a", "z")), Told(ReplyStatus::kOk, 2, {{"a", V(1), "1"}, {"b", V(2), "2"}}),
     2);
  EXPECT_EQ(found(), "nothing");
  Ok(Invoke(1, ScanOf("a", "z")), Told(ReplyStatus::kOk, 3, {{"a", V(3), "3"}}), 3);
  EXPECT_EQ(found(), "LIN-1");
}

TEST_F(SerialCheck, RetryIsAnsweredAtItsFirstIndex) {
  Commit(EntryOf(EntryKind::kOpenSession));
  const OpId put = Invoke(1, Command(Put{"k", "a"}), 1, 1);
  CommitPut(1, 1, "k", "a");
  CommitPut(1, 1, "k", "a");
  Ok(put, Wrote("k", 2, 1), 2);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(checker_.counts().retries, 1u);
}

TEST_F(SerialCheck, DuplicateApplyIsRefused) {
  Commit(EntryOf(EntryKind::kOpenSession));
  const OpId put = Invoke(1, Command(Put{"k", "a"}), 1, 1);
  CommitPut(1, 1, "k", "a");
  CommitPut(1, 1, "k", "a");
  Ok(put, Wrote("k", 3, 2), 3);
  EXPECT_EQ(found(), "I-50");
}

TEST_F(SerialCheck, ReplicaThatAppliesADuplicateIsRefused) {
  Commit(EntryOf(EntryKind::kOpenSession));
  CommitPut(1, 1, "k", "a");
  CommitPut(1, 1, "k", "a");
  checker_.OnApplied(NodeId(1), kGroup,
                     {Index(2), Index(2), Payload(EncodeReply(Wrote("k", 2, 1)))});
  checker_.OnApplied(NodeId(1), kGroup,
                     {Index(3), Index(2), Payload(EncodeReply(Wrote("k", 2, 1)))});
  EXPECT_EQ(found(), "nothing");
  checker_.OnApplied(NodeId(2), kGroup,
                     {Index(3), Index(3), Payload(EncodeReply(Wrote("k", 3, 2)))});
  EXPECT_EQ(found(), "I-50");
}

TEST_F(SerialCheck, RetryAnsweredWithOtherBytesIsRefused) {
  Commit(EntryOf(EntryKind::kOpenSession));
  CommitPut(1, 1, "k", "a");
  CommitPut(1, 1, "k", "a");
  checker_.OnApplied(NodeId(1), kGroup,
                     {Index(3), Index(2), Payload(EncodeReply(Wrote("k", 3, 2)))});
  EXPECT_EQ(found(), "I-50");
}

TEST_F(SerialCheck, ReplicaThatAnswersOtherwiseIsRefused) {
  CommitPut(0, 0, "k", "a");
  checker_.OnApplied(NodeId(1), kGroup,
                     {Index(1), Index(1), Payload(EncodeReply(SawNothing("k", 0)))});
  EXPECT_EQ(found(), "I-53");
}

TEST_F(SerialCheck, ReplicaThatAppliesWhatIsNotCommittedIsRefused) {
  checker_.OnApplied(NodeId(1), kGroup,
                     {Index(1), Index(1), Payload(EncodeReply(Wrote("k", 1, 1)))});
  EXPECT_EQ(found(), "I-15");
}

TEST_F(SerialCheck, SuccessInASessionNeverOpenedIsRefused) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}), 5, 1);
  CommitPut(5, 1, "k", "a");
  Ok(put, Wrote("k", 1, 1), 1);
  EXPECT_EQ(found(), "I-51");
}

TEST_F(SerialCheck, CommandOfAnUnknownSessionChangesNothing) {
  const OpId put = Invoke(1, Command(Put{"k", "a"}), 5, 1);
  CommitPut(5, 1, "k", "a");
  Ok(put, Told(ReplyStatus::kSessionUnknown, 0, {}), 1);
  ReadAlone("k", SawNothing("k", 0), 1);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(checker_.counts().refused, 1u);
}

TEST_F(SerialCheck, FailedOperationMustNotTakeEffectLater) {
  Commit(EntryOf(EntryKind::kOpenSession));
  Fail(Invoke(1, Command(Put{"k", "a"}), 1, 1));
  EXPECT_EQ(found(), "nothing");
  CommitPut(1, 1, "k", "a");
  EXPECT_EQ(found(), "I-81");
}

TEST_F(SerialCheck, FailedOperationMustNotHaveTakenEffect) {
  const OpId put = Invoke(1, Command(Put{"k", "unique"}));
  CommitPut(0, 0, "k", "unique");
  Fail(put);
  EXPECT_EQ(found(), "I-81");
}

TEST_F(SerialCheck, FailIsNotConfusedWithTheSameCommandOfSomebodyElse) {
  const OpId mine = Invoke(1, Command(Delete{"k"}));
  const OpId other = Invoke(2, Command(Delete{"k"}));
  Fail(mine);
  Commit(CommandEntry(0, 0, Delete{"k"}));
  Ok(other, SawNothing("k", 0), 1);
  EXPECT_EQ(found(), "nothing");
}

TEST_F(SerialCheck, InfoWriteMayTakeEffectMuchLater) {
  Info(Invoke(1, Command(Put{"k", "late"})));
  CommitPut(0, 0, "k", "b");
  ReadAlone("k", Saw("k", 1, "b", 1), 1);
  CommitPut(0, 0, "k", "late");
  ReadAlone("k", Saw("k", 2, "late", 2), 2);
  EXPECT_EQ(found(), "nothing");
}

TEST_F(SerialCheck, WriteOfUnknownOutcomeThatIsTooBigHasNoPlaceInAnyOrder) {
  const std::string big(limits_.max_value_bytes + 1, 'x');
  Info(Invoke(1, Command(Put{"k", big})));
  Info(Invoke(1, Command(Put{"k", "fits"})));
  CommitPut(0, 0, "k", big);
  CommitPut(0, 0, "k", "fits");
  EXPECT_TRUE(checker_.effects().TooBig(kDefaultNamespace, Index(1)));
  EXPECT_FALSE(checker_.effects().TooBig(kDefaultNamespace, Index(2)));
  const History resolved = ResolveInfos(script_.history(), checker_.effects());
  EXPECT_EQ(resolved.operations[0].outcome(), OutcomeClass::kFail);
  EXPECT_EQ(resolved.operations[1].outcome(), OutcomeClass::kInfo);
  EXPECT_EQ(found(), "nothing");
}

TEST_F(SerialCheck, SessionOpensWhereItsEntryStands) {
  const OpId open = Invoke(1, SessionOpening{});
  Commit(EntryOf(EntryKind::kOpenSession));
  Ok(open, KvReply{}, 1);
  EXPECT_EQ(found(), "nothing");
  const OpId wrong = Invoke(1, SessionOpening{});
  Commit(EntryOf(EntryKind::kBarrier));
  Ok(wrong, KvReply{}, 2);
  EXPECT_EQ(found(), "I-51");
}

// Tiny limits: windows slide, sessions are evicted, ranges end early, things are too big.
KvLimits TinyLimits() {
  KvLimits limits;
  limits.max_value_bytes = 4;
  limits.max_sessions = 3;
  limits.session_window = 2;
  limits.session_window_bytes = 12;
  limits.nonce_window = 2;
  limits.max_range_rows = 2;
  limits.max_range_bytes = 5;
  return limits;
}

TEST(SerialCheckOfRandomRuns, AcceptsWhatTheStateMachineDoes) {
  std::uint64_t retries = 0;
  std::uint64_t reads = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    AtomicOptions options;
    options.seed = seed;
    options.unknown_percent = seed % 3 * 10;
    options.sessions = seed % 4 != 0;
    if (seed % 2 == 0) options.limits = TinyLimits();
    AtomicRun run(options);
    run.Run();
    ASSERT_FALSE(run.verdicts().found()) << "seed " << seed << ": " << run.verdicts().first()->id
                                         << " " << run.verdicts().first()->what;
    retries += run.checker().counts().retries;
    reads += run.checker().counts().reads;
  }
  EXPECT_GT(retries, 100u);
  EXPECT_GT(reads, 5000u);
}

TEST(SerialCheckOfRandomRuns, EvictsSessionsAsTheStateMachineDoes) {
  // Many openings and retries of old sequence numbers, compared reply by reply.
  std::uint64_t evictions = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    FakeMap map;
    map.remember = false;
    const KvLimits limits = TinyLimits();
    StateMachine machine = *StateMachine::Open(map, {kGroup, Generation(1)}, limits);
    Verdicts verdicts;
    SerialChecker checker(limits, verdicts);
    std::vector<std::uint64_t> sessions{1};
    std::uint64_t draws = 0;
    const auto draw = [&](std::uint64_t n) { return Below(Prf(seed, 3, 0, ++draws), n); };
    for (std::uint64_t i = 1; i <= 300; ++i) {
      Entry entry = EntryOf(EntryKind::kOpenSession);
      if (draw(8) == 0) {
        sessions.push_back(i);
        if (draw(2) == 0) {
          const Nonce nonce{NodeId(1), Incarnation(1), BootNumber(1 + i / 100),
                            SessionSeq(1 + i % 100 / 8 + draw(4))};
          entry.payload = Payload(EncodeNonce(nonce));
        }
      } else {
        const std::uint64_t session =
            sessions[sessions.size() - 1 - draw(std::min<std::size_t>(5, sessions.size()))];
        const std::string value(draw(6), 'x');
        entry = CommandEntry(session, draw(8),
                             Put{std::string(1, static_cast<char>('a' + draw(3))), value});
        if (draw(20) == 0) entry.payload = Payload(std::string(draw(30), 'j'));
      }
      std::vector<ApplyResult> results;
      ASSERT_TRUE(machine.Apply(Index(i), std::span(&entry, 1), results).ok());
      checker.OnCommitted(kGroup, Index(i), entry);
      for (const ApplyResult& result : results) checker.OnApplied(NodeId(1), kGroup, result);
      ASSERT_FALSE(verdicts.found()) << "seed " << seed << ": " << verdicts.first()->what;
      ASSERT_EQ(checker.revision(kGroup), machine.revision());
    }
    evictions += checker.counts().evictions;
    refused += checker.counts().refused;
  }
  EXPECT_GT(evictions, 500u);
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace quorate::sim
