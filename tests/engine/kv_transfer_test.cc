#include <gtest/gtest.h>

#include "engine/base/bytes.h"
#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

constexpr MapSpace kTarget{GroupId(3), Generation(2)};

using Chunk = StateMachine::Chunk;

// A machine with rows, two sessions and replies.
void Fill(Bed& bed) {
  const std::uint64_t a = bed.ApplyOne(OpenEntry(1, 1, 1)).index.value();
  const std::uint64_t b = bed.OpenSession();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    bed.Do(Put{"key" + std::to_string(i), std::string(i * 3, 'v')}, a, i);
    bed.Do(Increment{"n", 1}, b, i);
  }
  bed.Do(Put{"", ""});
}

std::vector<Chunk> ChunksOf(const MapReader& pinned, std::size_t max_bytes) {
  std::vector<Chunk> chunks;
  std::string from;
  for (;;) {
    absl::StatusOr<Chunk> chunk = StateMachine::ReadChunk(pinned, from, max_bytes);
    EXPECT_TRUE(chunk.ok()) << chunk.status();
    if (!chunk.ok()) return chunks;
    from = chunk->next;
    chunks.push_back(*std::move(chunk));
    if (chunks.back().last) return chunks;
  }
}

std::unique_ptr<MapReader> PinOf(Bed& bed) { return *bed.map.Pin(kTestSpace); }

absl::Status Install(FakeMap& map, EntryId entry, std::string_view rows, bool last) {
  return StateMachine::InstallChunk(map, kTarget, entry, rows, last, KvLimits{});
}

absl::Status InstallAll(FakeMap& map, EntryId entry, const std::vector<Chunk>& chunks) {
  for (const Chunk& chunk : chunks) {
    if (absl::Status s = Install(map, entry, chunk.rows.bytes(), chunk.last); !s.ok()) return s;
  }
  return absl::OkStatus();
}

TEST(KvTransfer, ARebuiltMachineIsTheSentOneWhateverTheChunkSize) {
  Bed bed;
  Fill(bed);
  const std::unique_ptr<MapReader> pinned = PinOf(bed);
  const EntryId entry = bed.machine.applied();
  ASSERT_EQ(*StateMachine::AppliedOf(*pinned), entry);
  const Digest digest = bed.machine.digest();
  const Revision revision = bed.machine.revision();
  const ApplyResult later = bed.ApplyOne(CommandEntry(Put{"key1", "later"}));  // is not in the pin
  std::size_t fewer = 1'000'000;
  for (const std::size_t max_bytes : {0u, 1u, 30u, 200u, 1u << 20}) {
    bed.map.page_rows = 1 + max_bytes % 7;
    const std::vector<Chunk> chunks = ChunksOf(*pinned, max_bytes);
    EXPECT_LE(chunks.size(), fewer);
    fewer = chunks.size();
    FakeMap map;
    ASSERT_TRUE(InstallAll(map, entry, chunks).ok());
    absl::StatusOr<StateMachine> machine = StateMachine::Open(map, kTarget, {});
    ASSERT_TRUE(machine.ok()) << machine.status();
    EXPECT_EQ(machine->applied(), entry);
    EXPECT_EQ(machine->digest(), digest);
    EXPECT_EQ(*machine->RecomputeDigest(), digest);
    EXPECT_EQ(machine->revision(), revision);
    // Its sessions came along: a retry is a retry here too.
    std::vector<ApplyResult> results;
    const std::vector<Entry> retry = {CommandEntry(Put{"key1", "later"}),
                                      CommandEntry(Increment{"n", 1}, 2, 20)};
    ASSERT_TRUE(machine->Apply(later.index, retry, results).ok());
    EXPECT_EQ(results[0].reply, later.reply);
    EXPECT_LT(results[1].took_effect, later.index);
    EXPECT_EQ(Decoded(results[1].reply).rows[0].value, "20");
  }
  EXPECT_EQ(fewer, 1u);
}

TEST(KvTransfer, AChunkHoldsAboutItsLimitAndAtLeastOneRow) {
  Bed bed;
  Fill(bed);
  bed.Do(Put{"large", std::string(1000, 'v')});
  const std::size_t rows = bed.map.Raw(kTestSpace, Table::kRow).size() +
                           bed.map.Raw(kTestSpace, Table::kSession).size() +
                           bed.map.Raw(kTestSpace, Table::kSessionReply).size() + 1;
  EXPECT_EQ(ChunksOf(*PinOf(bed), 1).size(), rows);
  for (const Chunk& chunk : ChunksOf(*PinOf(bed), 200)) EXPECT_LT(chunk.rows.size(), 1300u);
  EXPECT_GT(ChunksOf(*PinOf(bed), 200).size(), 5u);
}

TEST(KvTransfer, AnEmptyMachineIsOneChunk) {
  Bed bed;
  const std::vector<Chunk> chunks = ChunksOf(*PinOf(bed), 100);
  ASSERT_EQ(chunks.size(), 1u);
  FakeMap map;
  EXPECT_TRUE(InstallAll(map, EntryId{}, chunks).ok());
  EXPECT_EQ(*StateMachine::AppliedOf(*PinOf(bed)), EntryId{});
}

TEST(KvTransfer, ResumesAtAnyChunkAndTakesOneTwice) {
  Bed bed;
  Fill(bed);
  const std::unique_ptr<MapReader> pinned = PinOf(bed);
  const std::vector<Chunk> chunks = ChunksOf(*pinned, 50);
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    const absl::StatusOr<Chunk> again = StateMachine::ReadChunk(*pinned, chunks[i].next, 50);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->rows, chunks[i + 1].rows);
    EXPECT_EQ(again->last, chunks[i + 1].last);
  }
  FakeMap map;
  for (const Chunk& chunk : chunks) {
    for (int twice = 0; twice < 2; ++twice) {
      ASSERT_TRUE(Install(map, bed.machine.applied(), chunk.rows.bytes(), chunk.last).ok());
    }
  }
}

TEST(KvTransfer, ASpaceThatIsNotFinishedCannotBeOpened) {
  Bed bed;
  Fill(bed);
  const std::vector<Chunk> chunks = ChunksOf(*PinOf(bed), 50);
  FakeMap map;
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    ASSERT_TRUE(Install(map, bed.machine.applied(), chunks[i].rows.bytes(), false).ok());
    EXPECT_EQ(StateMachine::Open(map, kTarget, {}).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(KvTransfer, ATruncatedOrGarbledChunkIsRefusedAndWritesNothing) {
  Bed bed;
  Fill(bed);
  FakeMap map;
  for (const Chunk& chunk : ChunksOf(*PinOf(bed), 120)) {
    const std::string bytes(chunk.rows.bytes());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string garbled = bytes;
      garbled[at] = static_cast<char>(garbled[at] ^ 0x20);
      for (const bool last : {false, true}) {
        EXPECT_EQ(Install(map, bed.machine.applied(), bytes.substr(0, at), last).code(),
                  absl::StatusCode::kInvalidArgument);
        EXPECT_EQ(Install(map, bed.machine.applied(), garbled, last).code(),
                  absl::StatusCode::kInvalidArgument);
      }
    }
    EXPECT_EQ(Install(map, bed.machine.applied(), bytes, !chunk.last).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(map.batches, 0u);
}

std::string WithCrc(const std::string& body) {
  std::string bytes;
  Encoder(bytes).U32(Crc32c(body));
  return bytes + body;
}

TEST(KvTransfer, AChunkThatIsWrongUnderARightChecksumNeverBecomesAState) {
  // A sender with a bug, not a wire with noise: refused at once, or found by the digest of the whole.
  Bed bed;
  Fill(bed);
  const std::vector<Chunk> chunks = ChunksOf(*PinOf(bed), 1u << 20);
  ASSERT_EQ(chunks.size(), 1u);
  const std::string body(chunks[0].rows.bytes().substr(4));
  Dice dice(11);
  std::size_t found_late = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string garbled = body;
    const std::size_t at = dice.Roll(garbled.size());
    if (dice.OneIn(4)) {
      garbled.resize(at);
    } else {
      garbled[at] = static_cast<char>(garbled[at] ^ static_cast<char>(1 + dice.Roll(255)));
    }
    FakeMap map;
    const absl::Status status = Install(map, bed.machine.applied(), WithCrc(garbled), true);
    ASSERT_FALSE(status.ok()) << at;
    if (status.code() == absl::StatusCode::kDataLoss) ++found_late;
  }
  EXPECT_GT(found_late, 100u);
}

TEST(KvTransfer, ChunksThatDoNotMakeUpTheWholeAreFoundAtTheLast) {
  Bed bed;
  Fill(bed);
  const EntryId entry = bed.machine.applied();
  const std::vector<Chunk> chunks = ChunksOf(*PinOf(bed), 50);
  ASSERT_GT(chunks.size(), 4u);
  for (std::size_t lost = 0; lost + 1 < chunks.size(); ++lost) {
    FakeMap map;
    std::vector<Chunk> some = chunks;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(lost));
    EXPECT_EQ(InstallAll(map, entry, some).code(), absl::StatusCode::kDataLoss) << lost;
  }
  // A row of an abandoned transfer that was not dropped.
  FakeMap map;
  map.Raw(kTarget, Table::kRow)["stray"] = bed.map.Raw(kTestSpace, Table::kRow)["n"];
  EXPECT_EQ(InstallAll(map, entry, chunks).code(), absl::StatusCode::kDataLoss);
  // A state as of another entry.
  FakeMap other;
  EXPECT_EQ(InstallAll(other, {Next(entry.index), entry.term}, chunks).code(),
            absl::StatusCode::kDataLoss);
}

TEST(KvTransfer, AMachineWhoseKeptDigestIsWrongIsNotTakenOver) {
  Bed bed;
  Fill(bed);
  bed.map.Raw(kTestSpace, Table::kRow).erase("n");  // its own disk lost a row
  FakeMap map;
  EXPECT_EQ(InstallAll(map, bed.machine.applied(), ChunksOf(*PinOf(bed), 100)).code(),
            absl::StatusCode::kDataLoss);
}

TEST(KvTransfer, APositionThatNoChunkGaveOutIsRefused) {
  Bed bed;
  Fill(bed);
  const std::unique_ptr<MapReader> pinned = PinOf(bed);
  for (const std::string& from : {std::string("x"), std::string(8, '\0'), std::string(9, '\x04')}) {
    EXPECT_EQ(StateMachine::ReadChunk(*pinned, from, 10).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(KvTransfer, AFailingMapIsReported) {
  Bed bed;
  Fill(bed);
  const std::vector<Chunk> chunks = ChunksOf(*PinOf(bed), 1u << 20);
  FakeMap map;
  map.fail_writes = true;
  EXPECT_EQ(InstallAll(map, bed.machine.applied(), chunks).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace quorate
