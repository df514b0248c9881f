#include "engine/kv/command.h"

#include <gtest/gtest.h>

#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

Version RandomVersion(Dice& dice) {
  if (dice.OneIn(3)) return Version{};
  return {.era = static_cast<std::uint32_t>(dice.Roll(1ull << 32)),
          .ord = dice.OneIn(2) ? dice.Roll(100) : dice.Roll(~0ull),
          .origin = static_cast<std::uint16_t>(dice.Roll(65536))};
}

std::optional<std::string> RandomOptional(Dice& dice) {
  if (dice.OneIn(3)) return std::nullopt;
  return dice.Text(20);
}

Batch RandomBatch(Dice& dice) {
  Batch batch;
  for (std::uint64_t n = dice.Roll(4); n > 0; --n) {
    Condition condition{dice.Text(5), std::monostate{}};
    if (dice.OneIn(3)) condition.must_be = RandomVersion(dice);
    if (dice.OneIn(3)) condition.must_be = dice.Text(8);
    batch.conditions.push_back(std::move(condition));
  }
  for (std::uint64_t n = dice.Roll(4); n > 0; --n) {
    batch.writes.push_back({dice.Text(5), RandomOptional(dice)});
  }
  return batch;
}

Command RandomCommand(Dice& dice) {
  switch (dice.Roll(7)) {
    case 0:
      return Put{dice.Text(9), dice.Text(200)};
    case 1:
      return PutIfAbsent{dice.Text(9), dice.Text(9)};
    case 2:
      return Delete{dice.Text(9)};
    case 3:
      return CasValue{dice.Text(9), RandomOptional(dice), dice.Text(9)};
    case 4:
      return CasVersion{dice.Text(9), RandomVersion(dice), dice.Text(9)};
    case 5:
      return Increment{dice.Text(9), static_cast<std::int64_t>(dice.Roll(~0ull))};
    default:
      return RandomBatch(dice);
  }
}

Query RandomQuery(Dice& dice) {
  if (dice.OneIn(2)) return Get{dice.Text(9)};
  return Range{dice.Text(9), dice.Text(9), dice.OneIn(2) ? 0 : dice.Roll(~0ull)};
}

KvReply RandomReply(Dice& dice) {
  KvReply reply;
  reply.status = static_cast<ReplyStatus>(1 + dice.Roll(7));
  reply.revision = Revision(dice.Roll(~0ull));
  for (std::uint64_t n = dice.Roll(4); n > 0; --n) {
    reply.rows.push_back({dice.Text(5), RandomVersion(dice), RandomOptional(dice)});
  }
  reply.continuation = RandomOptional(dice);
  return reply;
}

template <class Decode>
void ExpectOnlyTheWholeDecodes(const std::string& bytes, Decode decode) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(decode(bytes + '\0').ok());
}

TEST(CommandCodec, WhatWasEncodedDecodesAndNothingShorterOrLongerDoes) {
  Dice dice(1);
  for (int i = 0; i < 2000; ++i) {
    const Command command = RandomCommand(dice);
    const std::string bytes = EncodeCommand(command);
    const absl::StatusOr<Command> decoded = DecodeCommand(bytes);
    ASSERT_TRUE(decoded.ok()) << Render(command);
    ASSERT_EQ(*decoded, command) << Render(command);
    ExpectOnlyTheWholeDecodes(bytes, DecodeCommand);
  }
}

TEST(QueryCodec, WhatWasEncodedDecodesAndNothingShorterOrLongerDoes) {
  Dice dice(2);
  for (int i = 0; i < 1000; ++i) {
    const Query query = RandomQuery(dice);
    const std::string bytes = EncodeQuery(query);
    const absl::StatusOr<Query> decoded = DecodeQuery(bytes);
    ASSERT_TRUE(decoded.ok()) << Render(query);
    ASSERT_EQ(*decoded, query);
    ExpectOnlyTheWholeDecodes(bytes, DecodeQuery);
  }
}

TEST(ReplyCodec, WhatWasEncodedDecodesAndNothingShorterOrLongerDoes) {
  Dice dice(3);
  for (int i = 0; i < 1000; ++i) {
    const KvReply reply = RandomReply(dice);
    const std::string bytes = EncodeReply(reply);
    const absl::StatusOr<KvReply> decoded = DecodeReply(bytes);
    ASSERT_TRUE(decoded.ok()) << Render(reply);
    ASSERT_EQ(*decoded, reply);
    ExpectOnlyTheWholeDecodes(bytes, DecodeReply);
  }
}

// One thing, one encoding: else two nodes could hold different bytes for what they call the same.
template <class Decode, class Encode>
void ExpectGarbageIsRefusedOrCanonical(Dice& dice, std::string bytes, Decode decode,
                                       Encode encode) {
  for (std::uint64_t n = 1 + dice.Roll(3); n > 0 && !bytes.empty(); --n) {
    bytes[dice.Roll(bytes.size())] = static_cast<char>(dice.Roll(256));
  }
  const auto decoded = decode(bytes);
  if (decoded.ok()) {
    ASSERT_EQ(encode(*decoded), bytes);
  }
}

TEST(KvCodecs, GarbledBytesAreRefusedOrAreTheOneEncodingOfSomethingElse) {
  Dice dice(4);
  for (int i = 0; i < 20000; ++i) {
    ExpectGarbageIsRefusedOrCanonical(dice, EncodeCommand(RandomCommand(dice)), DecodeCommand,
                                      EncodeCommand);
    ExpectGarbageIsRefusedOrCanonical(dice, EncodeQuery(RandomQuery(dice)), DecodeQuery,
                                      EncodeQuery);
    ExpectGarbageIsRefusedOrCanonical(dice, EncodeReply(RandomReply(dice)), DecodeReply,
                                      EncodeReply);
    ExpectGarbageIsRefusedOrCanonical(dice, dice.Text(40), DecodeCommand, EncodeCommand);
    ExpectGarbageIsRefusedOrCanonical(dice, dice.Text(40), DecodeReply, EncodeReply);
  }
}

TEST(KvCodecs, AHugeCountInFewBytesAllocatesNothing) {
  const std::string batch("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  EXPECT_FALSE(DecodeCommand(batch).ok());
}

TEST(KvRendering, SaysWhatItIsInOneLine) {
  EXPECT_EQ(Render(Command(Put{"k\n", "v"})), "put \"k\\x0a\" \"v\"");
  EXPECT_EQ(Render(Command(CasVersion{"k", Version{}, "v"})), "cas \"k\" @absent->\"v\"");
  EXPECT_EQ(Render(Command(Batch{{{"a", At(4)}}, {{"b", std::nullopt}}})),
            "batch if [\"a\"@0.4.0] then [\"b\":=absent]");
  EXPECT_EQ(Render(ReplyOf(ReplyStatus::kConditionFailed, 7, {Found("a", 3, "x"), Absent("b")})),
            "condition_failed rev=7 \"a\"@0.3.0=\"x\" \"b\"@absent");
}

}  // namespace
}  // namespace quorate
