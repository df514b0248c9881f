#include "engine/kv/state_machine.h"

#include <gtest/gtest.h>

#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

using S = ReplyStatus;

TEST(KvMachine, PutWritesTheVersionOfItsIndexAndRaisesTheRevision) {
  Bed bed;
  EXPECT_EQ(bed.Do(Put{"a", "1"}), ReplyOf(S::kOk, 1, {Written("a", 1)}));
  EXPECT_EQ(bed.Do(Put{"a", "1"}), ReplyOf(S::kOk, 2, {Written("a", 2)}));
  EXPECT_EQ(bed.Ask(Get{"a"}), ReplyOf(S::kOk, 2, {Found("a", 2, "1")}));
  EXPECT_EQ(bed.Ask(Get{"b"}), ReplyOf(S::kNotFound, 2, {Absent("b")}));
}

TEST(KvMachine, DeleteOfAnAbsentKeyChangesNothing) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  EXPECT_EQ(bed.Do(Delete{"b"}), ReplyOf(S::kNotFound, 1, {Absent("b")}));
  EXPECT_EQ(bed.Do(Delete{"a"}), ReplyOf(S::kOk, 2, {Absent("a")}));
  EXPECT_EQ(bed.Do(Delete{"a"}), ReplyOf(S::kNotFound, 2, {Absent("a")}));
  EXPECT_EQ(bed.machine.digest(), Digest{});
}

TEST(KvMachine, PutIfAbsentIsRefusedWithWhatItFound) {
  Bed bed;
  EXPECT_EQ(bed.Do(PutIfAbsent{"a", "1"}), ReplyOf(S::kOk, 1, {Written("a", 1)}));
  EXPECT_EQ(bed.Do(PutIfAbsent{"a", "2"}), ReplyOf(S::kConditionFailed, 1, {Found("a", 1, "1")}));
}

TEST(KvMachine, CompareAndSetByValueTellsWhatItFound) {
  Bed bed;
  EXPECT_EQ(bed.Do(CasValue{"a", "0", "1"}), ReplyOf(S::kConditionFailed, 0, {Absent("a")}));
  EXPECT_EQ(bed.Do(CasValue{"a", std::nullopt, ""}), ReplyOf(S::kOk, 1, {Written("a", 2)}));
  // An empty value is there: it is not an absent one.
  EXPECT_EQ(bed.Do(CasValue{"a", std::nullopt, "1"}),
            ReplyOf(S::kConditionFailed, 1, {Found("a", 2, "")}));
  EXPECT_EQ(bed.Do(CasValue{"a", "", "1"}), ReplyOf(S::kOk, 2, {Written("a", 4)}));
  EXPECT_EQ(bed.Do(CasValue{"a", "0", "2"}), ReplyOf(S::kConditionFailed, 2, {Found("a", 4, "1")}));
}

TEST(KvMachine, CompareAndSetByVersionRefusesARowThatWentAndCameBack) {
  Bed bed;
  EXPECT_EQ(bed.Do(CasVersion{"a", {}, "1"}), ReplyOf(S::kOk, 1, {Written("a", 1)}));
  EXPECT_EQ(bed.Do(CasVersion{"a", {}, "2"}),
            ReplyOf(S::kConditionFailed, 1, {Found("a", 1, "1")}));
  bed.Do(Delete{"a"});
  EXPECT_EQ(bed.Do(CasVersion{"a", At(1), "2"}), ReplyOf(S::kConditionFailed, 2, {Absent("a")}));
  bed.Do(Put{"a", "1"});
  EXPECT_EQ(bed.Do(CasVersion{"a", At(1), "2"}),
            ReplyOf(S::kConditionFailed, 3, {Found("a", 5, "1")}));
  EXPECT_EQ(bed.Do(CasVersion{"a", At(5), "2"}), ReplyOf(S::kOk, 4, {Written("a", 7)}));
}

TEST(KvMachine, IncrementCountsFromZeroAndRefusesWhatIsNoNumber) {
  Bed bed;
  EXPECT_EQ(bed.Do(Increment{"n", 5}), ReplyOf(S::kOk, 1, {Found("n", 1, "5")}));
  EXPECT_EQ(bed.Do(Increment{"n", -7}), ReplyOf(S::kOk, 2, {Found("n", 2, "-2")}));
  bed.Do(Put{"n", "2x"});
  EXPECT_EQ(bed.Do(Increment{"n", 1}), ReplyOf(S::kNotANumber, 3, {Found("n", 3, "2x")}));
  bed.Do(Put{"n", ""});
  EXPECT_EQ(bed.Do(Increment{"n", 1}).status, S::kNotANumber);
}

TEST(KvMachine, IncrementRefusesToOverflow) {
  Bed bed;
  bed.Do(Put{"n", "9223372036854775807"});
  EXPECT_EQ(bed.Do(Increment{"n", 1}),
            ReplyOf(S::kNotANumber, 1, {Found("n", 1, "9223372036854775807")}));
  EXPECT_EQ(bed.Do(Increment{"n", 0}).status, S::kOk);
  bed.Do(Put{"n", "-9223372036854775808"});
  EXPECT_EQ(bed.Do(Increment{"n", -1}).status, S::kNotANumber);
  bed.Do(Put{"n", "9223372036854775808"});
  EXPECT_EQ(bed.Do(Increment{"n", -1}).status, S::kNotANumber);
}

TEST(KvMachine, ABatchIsAllOrNothingAndOneRevision) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  bed.Do(Put{"b", "2"});
  const std::vector<BatchWrite> writes = {{"a", "x"}, {"b", std::nullopt}, {"c", "z"}};
  EXPECT_EQ(bed.Do(Batch{{{"a", std::string("1")}, {"b", At(1)}, {"a", std::monostate{}}}, writes}),
            ReplyOf(S::kConditionFailed, 2, {Found("b", 2, "2"), Found("a", 1, "1")}));
  EXPECT_EQ(bed.Ask(Get{"a"}), ReplyOf(S::kOk, 2, {Found("a", 1, "1")}));
  EXPECT_EQ(bed.Do(Batch{{{"a", std::string("1")}, {"b", At(2)}, {"c", std::monostate{}}}, writes}),
            ReplyOf(S::kOk, 3, {Written("a", 4), Absent("b"), Written("c", 4)}));
  EXPECT_EQ(bed.Ask(Range{"", "", 0}),
            ReplyOf(S::kOk, 3, {Found("a", 4, "x"), Found("c", 4, "z")}));
}

TEST(KvMachine, WritesOfABatchAreMadeInOrderAndItsConditionsSeeTheStateBefore) {
  Bed bed;
  EXPECT_EQ(bed.Do(Batch{{{"a", std::monostate{}}}, {{"a", "1"}, {"a", std::nullopt}, {"a", "2"}}}),
            ReplyOf(S::kOk, 1, {Written("a", 1), Absent("a"), Written("a", 1)}));
  EXPECT_EQ(bed.Ask(Get{"a"}), ReplyOf(S::kOk, 1, {Found("a", 1, "2")}));
  EXPECT_EQ(bed.Do(Batch{{}, {{"q", std::nullopt}}}), ReplyOf(S::kOk, 1, {Absent("q")}));
  EXPECT_EQ(bed.Do(Batch{}), ReplyOf(S::kOk, 1, {}));
  bed.ExpectDigestFromScratch();
}

TEST(KvMachine, CommandsSeeWhatEarlierOnesOfTheSameApplyWrote) {
  Bed bed;
  const std::vector<ApplyResult> results = bed.ApplyAll(
      {CommandEntry(Put{"a", "1"}), CommandEntry(Increment{"a", 1}), CommandEntry(Delete{"a"}),
       CommandEntry(PutIfAbsent{"a", "7"}), CommandEntry(CasVersion{"a", At(4), "8"})});
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(Decoded(results[1].reply), ReplyOf(S::kOk, 2, {Found("a", 2, "2")}));
  EXPECT_EQ(Decoded(results[4].reply), ReplyOf(S::kOk, 5, {Written("a", 5)}));
  EXPECT_EQ(bed.map.batches, 1u);
  // One read of the row and one of the meta row at opening.
  EXPECT_EQ(bed.map.gets, 2u);
  bed.ExpectDigestFromScratch();
}

TEST(KvMachine, ACommandOverALimitChangesNothing) {
  KvLimits limits;
  limits.max_key_bytes = 3;
  limits.max_value_bytes = 4;
  limits.max_batch_operations = 2;
  limits.max_batch_bytes = 8;
  Bed bed(limits);
  const KvReply too_big = ReplyOf(S::kTooBig, 0, {});
  EXPECT_EQ(bed.Do(Put{"abcd", "1"}), too_big);
  EXPECT_EQ(bed.Do(Put{"abc", "12345"}), too_big);
  EXPECT_EQ(bed.Do(CasValue{"abc", std::nullopt, "12345"}), too_big);
  EXPECT_EQ(bed.Do(Delete{"abcd"}), too_big);
  EXPECT_EQ(bed.Do(Increment{"abc", 12345}), too_big);
  EXPECT_EQ(bed.Do(Batch{{{"a", At(1)}}, {{"a", "1"}, {"b", "2"}}}), too_big);
  EXPECT_EQ(bed.Do(Batch{{{"abcd", At(1)}}, {}}), too_big);
  EXPECT_EQ(bed.Do(Batch{{}, {{"a", "1234"}, {"b", "123"}}}), too_big);
  EXPECT_EQ(bed.Do(Batch{{}, {{"a", "1234"}, {"b", "12"}}}).status, S::kOk);
  EXPECT_EQ(bed.Do(Put{"abc", "1234"}).status, S::kOk);
  EXPECT_EQ(bed.Ask(Get{"abcd"}).status, S::kTooBig);
}

TEST(KvMachine, WhatIsNoCommandIsAnsweredSoAndChangesNothing) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  const Digest before = bed.machine.digest();
  for (const std::string& bytes :
       {std::string(), std::string("short"), EncodeEnvelope(SessionId(0), SessionSeq(0), "junk"),
        EncodeEnvelope(SessionId(0), SessionSeq(0), "")}) {
    const ApplyResult result = bed.ApplyOne({Term(1), EntryKind::kCommand, Payload(bytes)});
    EXPECT_EQ(Decoded(result.reply), ReplyOf(S::kMalformed, 1, {}));
    EXPECT_EQ(result.took_effect, result.index);
  }
  EXPECT_EQ(bed.machine.digest(), before);
  EXPECT_EQ(bed.machine.applied().index, Index(5));
  const absl::StatusOr<Payload> answer = bed.machine.Answer("junk");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(Decoded(*answer), ReplyOf(S::kMalformed, 1, {}));
}

TEST(KvMachine, BarriersAndConfigurationsOnlyMoveApplied) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  const Digest before = bed.machine.digest();
  EXPECT_TRUE(bed.ApplyAll({{Term(2), EntryKind::kBarrier, {}},
                            {Term(3), EntryKind::kConfiguration, Payload("whatever")}})
                  .empty());
  EXPECT_EQ(bed.machine.applied(), (EntryId{Index(3), Term(3)}));
  EXPECT_EQ(bed.machine.revision(), Revision(1));
  EXPECT_EQ(bed.machine.digest(), before);
  bed.Reopen();
  EXPECT_EQ(bed.machine.applied(), (EntryId{Index(3), Term(3)}));
}

TEST(KvMachine, NoEntriesWriteNothing) {
  Bed bed;
  EXPECT_TRUE(bed.ApplyAll({}).empty());
  EXPECT_EQ(bed.machine.applied(), EntryId{});
  EXPECT_EQ(bed.map.batches, 0u);
}

// ---- ranges -----------------------------------------------------------------------------------------------

std::vector<std::string> KeysOf(const KvReply& reply) {
  std::vector<std::string> keys;
  for (const ReplyRow& row : reply.rows) keys.push_back(row.key);
  return keys;
}

TEST(KvRange, EndsAtItsBoundsAndLimitAndSaysWhereToGoOn) {
  using Keys = std::vector<std::string>;
  Bed bed;
  for (const char* key : {"a", "b", "c", "d", "e"}) bed.Do(Put{key, "v"});
  const KvReply two = bed.Ask(Range{"b", "e", 2});
  EXPECT_EQ(KeysOf(two), (Keys{"b", "c"}));
  EXPECT_EQ(two.continuation, "d");
  EXPECT_EQ(two.rows[1], Found("c", 3, "v"));
  // Exactly as many as there are: there is nothing to go on to.
  const KvReply three = bed.Ask(Range{"b", "e", 3});
  EXPECT_EQ(KeysOf(three), (Keys{"b", "c", "d"}));
  EXPECT_EQ(three.continuation, std::nullopt);
  EXPECT_EQ(KeysOf(bed.Ask(Range{"d", "", 0})), (Keys{"d", "e"}));
  EXPECT_TRUE(bed.Ask(Range{"d", "d", 0}).rows.empty());
  EXPECT_TRUE(bed.Ask(Range{"d", "a", 0}).rows.empty());
  EXPECT_TRUE(bed.Ask(Range{"f", "", 0}).rows.empty());
}

TEST(KvRange, GoesOnOverAllRowsWhateverTheLimitsAndThePagesOfTheMap) {
  KvLimits limits;
  limits.max_range_rows = 4;
  limits.max_range_bytes = 10;
  Bed bed(limits);
  std::vector<std::string> expected;
  for (int i = 10; i < 40; ++i) {
    expected.push_back(std::to_string(i));
    bed.Do(Put{expected.back(), std::string(static_cast<std::size_t>(i % 7), 'v')});
  }
  bed.Do(Put{"20", std::string(100, 'v')});  // larger than a whole reply: goes alone
  std::vector<std::string> first_bytes;
  for (const std::size_t page_rows : {1u, 2u, 3u, 1000u}) {
    bed.map.page_rows = page_rows;
    std::vector<std::string> keys;
    std::vector<std::string> bytes;
    std::optional<std::string> from = "";
    while (from.has_value()) {
      const KvReply reply = bed.Ask(Range{*from, "", 0});
      ASSERT_FALSE(reply.rows.empty());
      ASSERT_LE(reply.rows.size(), 4u);
      for (const std::string& key : KeysOf(reply)) keys.push_back(key);
      bytes.push_back(EncodeReply(reply));
      from = reply.continuation;
    }
    EXPECT_EQ(keys, expected);
    // The same bytes on every node, whatever pages its map gives.
    if (first_bytes.empty()) first_bytes = bytes;
    EXPECT_EQ(bytes, first_bytes);
  }
}

// ---- the map ------------------------------------------------------------------------------------------------

TEST(KvMachine, EveryApplyIsOneBatchWithEverythingInIt) {
  Bed bed;
  bed.ApplyAll({OpenEntry(), CommandEntry(Put{"a", "1"}, 1, 1), CommandEntry(Put{"b", "2"}, 1, 2)});
  EXPECT_EQ(bed.map.batches, 1u);
  for (const Table table : {Table::kMeta, Table::kRow, Table::kSession, Table::kSessionReply}) {
    EXPECT_FALSE(bed.map.Raw(kTestSpace, table).empty());
  }
}

TEST(KvMachine, AFailingMapIsReportedAndNothingCounts) {
  Bed bed;
  bed.Do(Put{"a", "1"});
  bed.map.fail_writes = true;
  std::vector<ApplyResult> results;
  const std::vector<Entry> entries = {CommandEntry(Put{"a", "2"})};
  EXPECT_EQ(bed.machine.Apply(Index(2), entries, results).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(bed.machine.applied().index, Index(1));
  bed.map.fail_reads = true;
  EXPECT_FALSE(bed.machine.Answer(EncodeQuery(Get{"a"})).ok());
  EXPECT_FALSE(bed.machine.RecomputeDigest().ok());
  EXPECT_FALSE(StateMachine::Open(bed.map, kTestSpace, {}).ok());
}

TEST(KvMachine, DamagedRowsAreDataLossNotACrash) {
  Bed bed;
  bed.ApplyAll({OpenEntry(), CommandEntry(Put{"a", "1"}, 1, 1)});
  const FakeMap::Tables whole = bed.map.AllOf(kTestSpace);
  for (const auto& [table, rows] : whole) {
    for (const auto& [key, value] : rows) {
      bed.map.Raw(kTestSpace, table)[key] = "\xff";
      const absl::StatusOr<StateMachine> opened = StateMachine::Open(bed.map, kTestSpace, {});
      if (table == Table::kRow) {
        EXPECT_EQ(bed.machine.Answer(EncodeQuery(Get{"a"})).status().code(),
                  absl::StatusCode::kDataLoss);
      } else {
        EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
      }
      bed.map.Raw(kTestSpace, table) = rows;
    }
  }
  bed.map.Raw(kTestSpace, Table::kMeta).clear();
  EXPECT_EQ(StateMachine::Open(bed.map, kTestSpace, {}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace quorate
