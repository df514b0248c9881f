#include <gtest/gtest.h>

#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

using S = ReplyStatus;

KvLimits Small() {
  KvLimits limits;
  limits.max_sessions = 3;
  limits.session_window = 4;
  limits.session_window_bytes = 100;
  return limits;
}

TEST(KvSession, IsNamedByTheIndexOfTheEntryThatOpenedIt) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  const ApplyResult opened = bed.ApplyOne(OpenEntry());
  EXPECT_EQ(opened.index, Index(2));
  EXPECT_EQ(opened.took_effect, Index(2));
  EXPECT_TRUE(opened.reply.empty());
  EXPECT_EQ(bed.machine.session_count(), 1u);
  EXPECT_EQ(bed.Do(Put{"a", "2"}, 2, 1).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"a", "3"}, 1, 1).status, S::kSessionUnknown);
}

TEST(KvSessionOpening, ACopyOfItIsAnsweredAsTheFirstOneAndOpensNothing) {
  Bed bed;
  const ApplyResult first = bed.ApplyOne(OpenEntry(1, 1, 1));
  EXPECT_EQ(first.took_effect, Index(1));
  bed.Do(Put{"a", "1"}, 1, 1);
  const Digest digest = bed.machine.digest();
  const ApplyResult again = bed.ApplyOne(OpenEntry(1, 1, 1));
  EXPECT_EQ(again.index, Index(3));
  EXPECT_EQ(again.took_effect, Index(1));
  EXPECT_TRUE(again.reply.empty());
  EXPECT_EQ(bed.machine.session_count(), 1u);
  EXPECT_EQ(bed.machine.digest(), digest);
  bed.Reopen();
  EXPECT_EQ(bed.ApplyOne(OpenEntry(1, 1, 1)).took_effect, Index(1));
  EXPECT_EQ(bed.ApplyOne(OpenEntry(2, 1, 1)).took_effect, Index(5));
  EXPECT_EQ(bed.ApplyOne(OpenEntry(1, 1, 2)).took_effect, Index(6));
  bed.ExpectDigestFromScratch();
}

TEST(KvSessionOpening, ACopyInTheSameBatchOpensNothing) {
  Bed bed;
  const std::vector<ApplyResult> results =
      bed.ApplyAll({OpenEntry(1, 1, 1), OpenEntry(1, 1, 1), OpenEntry(1, 1, 2)});
  EXPECT_EQ(results[1].took_effect, Index(1));
  EXPECT_EQ(results[2].took_effect, Index(3));
  EXPECT_EQ(bed.machine.session_count(), 2u);
  bed.ExpectDigestFromScratch();
}

TEST(KvSessionOpening, ACopyOfOneThatWasEvictedSinceDoesNotOpenASecondOne) {
  Bed bed(Small());
  bed.ApplyOne(OpenEntry(1, 1, 1));
  for (int i = 0; i < 3; ++i) bed.OpenSession();
  EXPECT_EQ(bed.Do(Put{"a", "1"}, 1, 1).status, S::kSessionUnknown);
  EXPECT_EQ(bed.ApplyOne(OpenEntry(1, 1, 1)).took_effect, Index(1));
  EXPECT_EQ(bed.Do(Put{"a", "1"}, 1, 1).status, S::kSessionUnknown);
}

TEST(KvSessionOpening, WhatComesFromBehindTheWindowOrFromAFormerLifeIsRefused) {
  KvLimits limits;
  limits.nonce_window = 2;
  Bed bed(limits);
  const auto open = [&](std::uint64_t boot, std::uint64_t seq) {
    const ApplyResult result = bed.ApplyOne(OpenEntry(1, boot, seq));
    return result.reply.empty() ? result.took_effect.value() : 0;
  };
  EXPECT_EQ(open(1, 3), 1u);  // window: 2, 3
  EXPECT_EQ(open(1, 1), 0u);
  EXPECT_EQ(open(1, 2), 3u);  // its first copy comes late
  EXPECT_EQ(open(1, 2), 3u);
  EXPECT_EQ(open(2, 1), 5u);  // the next life
  EXPECT_EQ(open(1, 4), 0u);
  bed.Reopen();
  EXPECT_EQ(open(1, 3), 0u);
  EXPECT_EQ(open(2, 1), 5u);
  EXPECT_EQ(bed.machine.session_count(), 3u);
  const ApplyResult refused = bed.ApplyOne(OpenEntry(1, 1, 9));
  EXPECT_EQ(Decoded(refused.reply).status, S::kSessionUnknown);
  bed.ExpectDigestFromScratch();
}

TEST(KvSessionOpening, TheNodeThatWasSilentLongestIsForgottenBeyondTheLimit) {
  Bed bed;
  const auto most = static_cast<std::uint32_t>(NonceTable::kMaxNodes);
  for (std::uint32_t node = 1; node <= most; ++node) bed.ApplyOne(OpenEntry(node, 1, 1));
  bed.ApplyOne(OpenEntry(1, 1, 2));
  bed.ApplyAll({OpenEntry(most + 1, 1, 1), OpenEntry(1, 1, 3)});
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSession).size(),
            bed.machine.session_count() + NonceTable::kMaxNodes);
  EXPECT_EQ(bed.ApplyOne(OpenEntry(1, 1, 1)).took_effect, Index(1));
  const ApplyResult forgotten = bed.ApplyOne(OpenEntry(2, 1, 1));
  EXPECT_EQ(forgotten.took_effect, forgotten.index);
  bed.ExpectDigestFromScratch();
  bed.Reopen();
}

TEST(KvSession, ARetryIsNotAppliedAndGetsTheVeryBytesOfTheFirstReply) {
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  const ApplyResult first = bed.ApplyOne(CommandEntry(Increment{"n", 1}, session, 1));
  bed.Do(Put{"n", "100"});
  const ApplyResult retry = bed.ApplyOne(CommandEntry(Increment{"n", 1}, session, 1));
  EXPECT_EQ(retry.took_effect, first.index);
  EXPECT_EQ(retry.index, Index(4));
  EXPECT_EQ(retry.reply.bytes(), first.reply.bytes());
  EXPECT_EQ(bed.Ask(Get{"n"}), ReplyOf(S::kOk, 2, {Found("n", 3, "100")}));
}

TEST(KvSession, ARetryInTheSameBatchGetsTheReplyThatIsNotInTheMapYet) {
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  const Entry add = CommandEntry(Increment{"n", 1}, session, 1);
  const std::vector<ApplyResult> results = bed.ApplyAll(
      {CommandEntry(Put{"n", "5"}), {Term(1), EntryKind::kBarrier, {}}, add, add, add});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(Decoded(results[1].reply), ReplyOf(S::kOk, 2, {Found("n", 4, "6")}));
  for (const std::size_t i : {2u, 3u}) {
    EXPECT_EQ(results[i].took_effect, Index(4));
    EXPECT_EQ(results[i].reply, results[1].reply);
  }
}

TEST(KvSession, ARetryAfterARestartIsStillARetry) {
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  const ApplyResult first = bed.ApplyOne(CommandEntry(Increment{"n", 1}, session, 1));
  bed.Reopen();
  const ApplyResult retry = bed.ApplyOne(CommandEntry(Increment{"n", 1}, session, 1));
  EXPECT_EQ(retry.took_effect, first.index);
  EXPECT_EQ(retry.reply, first.reply);
  EXPECT_EQ(bed.Ask(Get{"n"}), ReplyOf(S::kOk, 1, {Found("n", 2, "1")}));
}

TEST(KvSession, RefusedCommandsAreRememberedToo) {
  // Else a compare-and-set that failed could succeed when its answer was lost and it is sent again.
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  const KvReply first = bed.Do(CasValue{"a", "1", "2"}, session, 1);
  EXPECT_EQ(first.status, S::kConditionFailed);
  bed.Do(Put{"a", "1"});
  EXPECT_EQ(bed.Do(CasValue{"a", "1", "2"}, session, 1), first);
  EXPECT_EQ(bed.Ask(Get{"a"}).rows[0].value, "1");
}

TEST(KvSession, SequenceNumbersMayComeOutOfOrderWithinTheWindowAndNotBehindIt) {
  Bed bed(Small());
  const std::uint64_t session = bed.OpenSession();
  EXPECT_EQ(bed.Do(Put{"a", "6"}, session, 6).status, S::kOk);  // window: 3..6
  EXPECT_EQ(bed.Do(Put{"a", "4"}, session, 4).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"a", "3"}, session, 3).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"a", "2"}, session, 2).status, S::kSessionUnknown);
  EXPECT_EQ(bed.Do(Put{"a", "7"}, session, 7).status, S::kOk);  // window: 4..7
  EXPECT_EQ(bed.Do(Put{"a", "3"}, session, 3).status, S::kSessionUnknown);
  EXPECT_EQ(bed.ApplyOne(CommandEntry(Put{"a", "4"}, session, 4)).took_effect, Index(3));
  EXPECT_EQ(bed.Do(Put{"a", "5"}, session, 5), ReplyOf(S::kOk, 5, {Written("a", 9)}));
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSessionReply).size(), 4u);
  EXPECT_EQ(bed.Do(Put{"a", "0"}, session, 0).status, S::kSessionUnknown);
  bed.ExpectDigestFromScratch();
}

TEST(KvSession, AGreatLeapInSequenceNumbersForgetsAllBeforeIt) {
  Bed bed(Small());
  const std::uint64_t session = bed.OpenSession();
  bed.Do(Put{"a", "1"}, session, 1);
  EXPECT_EQ(bed.Do(Put{"a", "2"}, session, ~0ull).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"a", "1"}, session, 1).status, S::kSessionUnknown);
  EXPECT_EQ(bed.Do(Put{"a", "3"}, session, ~0ull - 3).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"a", "3"}, session, ~0ull - 4).status, S::kSessionUnknown);
  bed.Reopen();
  EXPECT_EQ(bed.ApplyOne(CommandEntry(Put{"a", "2"}, session, ~0ull)).took_effect, Index(3));
}

TEST(KvSession, TheOldestRepliesLoseTheirRowsWhenTheyTakeTooMuchRoom) {
  Bed bed(Small());
  const std::uint64_t session = bed.OpenSession();
  bed.Do(Put{"a", std::string(60, 'v')});
  const Command big = PutIfAbsent{"a", ""};  // its reply has the 60 bytes found
  const ApplyResult first = bed.ApplyOne(CommandEntry(big, session, 1));
  bed.Do(big, session, 2);
  // How it went is still told, and so is where.
  const ApplyResult retry = bed.ApplyOne(CommandEntry(big, session, 1));
  EXPECT_EQ(retry.took_effect, first.index);
  EXPECT_EQ(Decoded(retry.reply), ReplyOf(S::kConditionFailed, 1, {}));
  EXPECT_EQ(bed.Do(big, session, 2).rows.size(), 1u);
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSessionReply).size(), 2u);
  bed.ExpectDigestFromScratch();
  // One that alone is too large keeps its rows until the next.
  bed.Do(Put{"a", std::string(200, 'v')});
  bed.Do(big, session, 3);
  EXPECT_EQ(bed.Do(big, session, 3).rows.size(), 1u);
  bed.Reopen();
  EXPECT_EQ(bed.Do(big, session, 3).rows.size(), 1u);
  EXPECT_TRUE(bed.Do(big, session, 2).rows.empty());
  bed.Do(Put{"b", ""}, session, 4);
  EXPECT_EQ(bed.Do(big, session, 3), ReplyOf(S::kConditionFailed, 2, {}));
  bed.ExpectDigestFromScratch();
  bed.Reopen();
  EXPECT_EQ(bed.Do(big, session, 3), ReplyOf(S::kConditionFailed, 2, {}));
}

TEST(KvSession, ALargeReplyNeverRefusesWhatIsStillUnderWay) {
  KvLimits limits = Small();
  limits.session_window_bytes = 10;
  Bed bed(limits);
  const std::uint64_t session = bed.OpenSession();
  bed.Do(Put{"a", std::string(500, 'v')});
  const Command big = PutIfAbsent{"a", ""};
  // 4 overtakes 1, 2 and 3, and its reply is far larger than all that the window may hold.
  EXPECT_EQ(bed.Do(Increment{"n", 1}, session, 2), ReplyOf(S::kOk, 2, {Found("n", 3, "1")}));
  EXPECT_EQ(bed.Do(big, session, 4).status, S::kConditionFailed);
  const ApplyResult retry = bed.ApplyOne(CommandEntry(Increment{"n", 1}, session, 2));
  EXPECT_EQ(retry.took_effect, Index(3));
  EXPECT_EQ(Decoded(retry.reply), ReplyOf(S::kOk, 2, {}));
  EXPECT_EQ(bed.Do(Increment{"n", 1}, session, 1), ReplyOf(S::kOk, 3, {Found("n", 6, "2")}));
  EXPECT_EQ(bed.Do(Increment{"n", 1}, session, 3), ReplyOf(S::kOk, 4, {Found("n", 7, "3")}));
  bed.ExpectDigestFromScratch();
}

TEST(KvSession, ARetryIsAnsweredAlikeHoweverTheEntriesWereBatched) {
  // The rows are lost within the batch in which they were written: whoever takes them from there would answer
  // otherwise than a node that applies one entry at a time.
  KvLimits limits = Small();
  limits.session_window_bytes = 10;
  const std::vector<Entry> entries = {OpenEntry(), CommandEntry(Put{"a", std::string(50, 'v')}),
                                      CommandEntry(PutIfAbsent{"a", ""}, 1, 1),
                                      CommandEntry(Put{"b", "1"}, 1, 2),
                                      CommandEntry(PutIfAbsent{"a", ""}, 1, 1)};
  Bed one(limits);
  Bed all(limits);
  std::vector<ApplyResult> singly;
  for (const Entry& entry : entries) {
    const std::vector<ApplyResult> results = one.ApplyAll({entry});
    singly.insert(singly.end(), results.begin(), results.end());
  }
  const std::vector<ApplyResult> at_once = all.ApplyAll(entries);
  ASSERT_EQ(at_once.size(), singly.size());
  for (std::size_t i = 0; i < singly.size(); ++i) {
    EXPECT_EQ(at_once[i].reply, singly[i].reply) << i;
    EXPECT_EQ(at_once[i].took_effect, singly[i].took_effect) << i;
  }
  EXPECT_TRUE(Decoded(singly.back().reply).rows.empty());
  EXPECT_EQ(one.machine.digest(), all.machine.digest());
}

TEST(KvSession, AnUnknownOneChangesNothingButApplied) {
  Bed bed(Small());
  const std::uint64_t session = bed.OpenSession();
  bed.Do(Put{"a", "1"}, session, 9);
  const Digest digest = bed.machine.digest();
  EXPECT_EQ(bed.Do(Put{"a", "2"}, 77, 1), ReplyOf(S::kSessionUnknown, 1, {}));
  EXPECT_EQ(bed.Do(Put{"a", "2"}, session, 5), ReplyOf(S::kSessionUnknown, 1, {}));
  const std::string junk = EncodeEnvelope(SessionId(session), SessionSeq(10), "junk");
  EXPECT_EQ(Decoded(bed.ApplyOne({Term(1), EntryKind::kCommand, Payload(junk)}).reply),
            ReplyOf(S::kMalformed, 1, {}));
  EXPECT_EQ(bed.machine.digest(), digest);
  EXPECT_EQ(bed.machine.applied().index, Index(5));
}

TEST(KvSession, TheLeastRecentlyUsedOneGoesWhenThereAreTooMany) {
  Bed bed(Small());
  const std::uint64_t a = bed.OpenSession();
  const std::uint64_t b = bed.OpenSession();
  const std::uint64_t c = bed.OpenSession();
  bed.Do(Put{"k", "1"}, a, 1);
  bed.Do(Put{"k", "2"}, b, 1);
  bed.Do(Put{"k", "1"}, a, 1);  // a retry is a use
  const std::uint64_t d = bed.OpenSession();
  EXPECT_EQ(bed.Do(Put{"k", "3"}, c, 1).status, S::kSessionUnknown);
  bed.Reopen();  // the order of use is in the map
  const std::uint64_t e = bed.OpenSession();
  EXPECT_EQ(bed.Do(Put{"k", "3"}, b, 2).status, S::kSessionUnknown);
  for (const std::uint64_t session : {a, d, e}) {
    EXPECT_EQ(bed.Do(Put{"k", "3"}, session, 2).status, S::kOk);
  }
  EXPECT_EQ(bed.machine.session_count(), 3u);
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSession).size(), 3u);
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSessionReply).size(), 4u);
  bed.ExpectDigestFromScratch();
}

TEST(KvSession, OneOpenedUsedAndEvictedInOneBatchLeavesNothing) {
  KvLimits limits = Small();
  limits.max_sessions = 1;
  Bed bed(limits);
  bed.ApplyAll({OpenEntry(), CommandEntry(Put{"a", "1"}, 1, 1), OpenEntry()});
  EXPECT_EQ(bed.machine.session_count(), 1u);
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSession).size(), 1u);
  EXPECT_TRUE(bed.map.Raw(kTestSpace, Table::kSessionReply).empty());
  bed.ExpectDigestFromScratch();
  bed.Reopen();
  EXPECT_EQ(bed.Do(Put{"a", "1"}, 1, 1).status, S::kSessionUnknown);
  EXPECT_EQ(bed.Do(Put{"a", "1"}, 3, 1).status, S::kOk);
}

TEST(KvSession, NoSessionMeansNoMemory) {
  Bed bed;
  bed.Do(Increment{"n", 1}, 0, 1);
  EXPECT_EQ(bed.Do(Increment{"n", 1}, 0, 1), ReplyOf(S::kOk, 2, {Found("n", 2, "2")}));
  EXPECT_TRUE(bed.map.Raw(kTestSpace, Table::kSessionReply).empty());
}

TEST(KvSession, ACommandWritesAsMuchHoweverFullTheWindowIs) {
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  const auto changes_of = [&](std::uint64_t seq) {
    const FakeMap::Tables before = bed.map.AllOf(kTestSpace);
    bed.Do(Put{"a", "1"}, session, seq);
    std::size_t changed = 0;
    for (const auto& [table, rows] : bed.map.AllOf(kTestSpace)) {
      const auto old = before.find(table);
      for (const auto& [key, value] : rows) {
        const bool same = old != before.end() && old->second.contains(key) &&
                          old->second.find(key)->second == value;
        changed += same ? 0 : 1;
      }
    }
    return changed;
  };
  EXPECT_EQ(changes_of(1), 4u);  // row, reply, header, meta
  for (std::uint64_t seq = 2; seq < 200; ++seq) EXPECT_EQ(changes_of(seq), 4u);
  EXPECT_EQ(bed.map.Raw(kTestSpace, Table::kSessionReply).size(), 64u);
}

TEST(KvSession, CopiesOfAMachineGoTheirOwnWays) {
  Bed bed;
  const std::uint64_t session = bed.OpenSession();
  StateMachine copy = bed.machine;
  bed.Do(Put{"a", "1"}, session, 1);
  EXPECT_EQ(copy.applied().index, Index(1));
  EXPECT_NE(copy.digest(), bed.machine.digest());
  const StateMachine moved = std::move(copy);
  EXPECT_EQ(moved.session_count(), 1u);
}

TEST(KvSession, StoredSessionsThatAreNotWhatTheirDigestSaysAreDataLoss) {
  Bed bed;
  bed.Do(Put{"a", "1"}, bed.OpenSession(), 1);
  bed.map.Raw(kTestSpace, Table::kSessionReply).clear();
  EXPECT_EQ(StateMachine::Open(bed.map, kTestSpace, {}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace quorate
