// Transferred states against the reference model, row by row.
#include <gtest/gtest.h>

#include "engine/kv/row.h"
#include "sim/history/chunk.h"
#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

struct Row {
  std::string key;
  std::uint64_t ord = 0;
  std::string value;
};

// `more`: rows follow in a later chunk.
std::string ChunkBytes(const std::vector<Row>& rows, bool more = false) {
  std::string bytes(4, '\0');
  Encoder out(bytes);
  for (const Row& row : rows) {
    out.U8(static_cast<std::uint8_t>(Table::kRow));
    out.Bytes(row.key);
    out.Bytes(EncodeRow({.version = V(row.ord), .expiry_ms = 0, .flags = 0, .value = row.value}));
  }
  if (!more) {
    out.U8(0);
    out.U64(77);
  }
  return bytes;
}

class Chunks : public testing::Test {
 protected:
  Chunks() {
    Put("a", "1");  // at 1
    Put("b", "2");
    Put("c", "3");
    Put("b", "4");  // at 4, behind the state that is looked at
  }
  void Put(const std::string& key, const std::string& value) {
    index_ = Next(index_);
    checker_.OnCommitted(kDefaultNamespace, index_, CommandEntry(0, 0, quorate::Put{key, value}));
  }
  void Leave(std::uint64_t number, const std::string& bytes, std::uint64_t at = 3) {
    SnapshotChunk chunk{.term = Term(1),
                        .name = {{Index(at), Term(1)}, Generation(1), BootNumber(1)},
                        .number = number,
                        .last = false,
                        .rows = Payload(bytes),
                        .configuration_index = {},
                        .configuration = {}};
    checker_.OnChunk(NodeId(1), kDefaultNamespace, chunk);
  }
  std::string found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }
  std::uint64_t looked() const { return verdicts_.counts().of(Check::kSnapshotContent); }

  Verdicts verdicts_;
  SerialChecker checker_{KvLimits{}, verdicts_};
  Index index_;
};

TEST_F(Chunks, OfTheStateAtTheirIndexPass) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 2, "2"}}, /*more=*/true));
  Leave(1, ChunkBytes({{"c", 3, "3"}}));
  EXPECT_EQ(found(), "nothing") << verdicts_.first()->what;
  EXPECT_EQ(looked(), 4u);
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 4, "4"}, {"c", 3, "3"}}), 4);
  EXPECT_EQ(found(), "nothing") << verdicts_.first()->what;
}
TEST_F(Chunks, WithAnotherValueAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 2, "x"}, {"c", 3, "3"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, WithAnotherVersionAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 1, "2"}, {"c", 3, "3"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, OfALaterStateAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 4, "4"}, {"c", 3, "3"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, ThatLeaveARowOutAtTheEndAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"b", 2, "2"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, ThatLeaveARowOutBetweenThemAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}}, /*more=*/true));
  Leave(1, ChunkBytes({{"c", 3, "3"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, WithARowThatIsNotThereAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}, {"aa", 1, "1"}, {"b", 2, "2"}, {"c", 3, "3"}}));
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, ThatCannotBeReadAreRefused) {
  Leave(0, ChunkBytes({{"a", 1, "1"}}, /*more=*/true) + "\x02\xff");
  EXPECT_EQ(found(), "I-32");
}
TEST_F(Chunks, OfAStateNotCommittedYetAreAnothersBusiness) {
  Leave(0, ChunkBytes({}), 9);
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(looked(), 0u);
}

}  // namespace
}  // namespace quorate::sim
