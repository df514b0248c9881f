// tests/fuzz/recovery_fuzz.cc — disks that hold anything.
//
// Model: the input is two store images, log and map, as rows one after the other. Random damage is found by the
//   rows' seals; so that it also reaches what stands behind them, an input may ask for its rows to be sealed
//   again, and for its entries to be chained again.
// Promises: recovered or refused; what is recovered is in itself right, can be opened a second time, and is the
//   same then; and a log that nobody sealed again is recovered only as what was written.
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/bytes.h"
#include "engine/kv/envelope.h"
#include "storage/keys.h"
#include "storage/mem_kv.h"
#include "storage/recovery.h"
#include "storage/rows.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {
namespace {

const Identity kIdentity{7, NodeId(1), Incarnation(1)};

struct Disks {
  bool seal_again = false;
  bool chain_again = false;  // only where sealed again
  KvImage log;
  KvImage map;
};

std::string Encode(const Disks& disks) {
  std::string out;
  Encoder encoder(out);
  encoder.U8(static_cast<std::uint8_t>((disks.seal_again ? 1 : 0) | (disks.chain_again ? 2 : 0)));
  for (const KvImage* image : {&disks.log, &disks.map}) {
    encoder.Varint(image->size());
    for (const auto& [key, value] : *image) {
      encoder.Bytes(key);
      encoder.Bytes(value);
    }
  }
  return out;
}

// As much as can be read.
Disks Decode(std::string_view bytes) {
  Disks disks;
  Decoder decoder(bytes);
  const std::uint8_t flags = decoder.U8();
  disks.seal_again = (flags & 1) != 0;
  disks.chain_again = (flags & 2) != 0;
  for (KvImage* image : {&disks.log, &disks.map}) {
    for (std::uint64_t left = decoder.CountOf(2); left > 0 && decoder.ok(); --left) {
      const std::string key(decoder.Bytes());
      const std::string value(decoder.Bytes());
      if (decoder.ok()) (*image)[key] = value;
    }
  }
  return disks;
}

void SealAgain(KvImage& image) {
  for (auto& [key, value] : image) {
    const bool identity = key == StoreKey(LogTag::kIdentity);
    const std::size_t content =
        value.size() < kSealBytes ? value.size() : value.size() - kSealBytes;
    value = Seal(key, value.substr(0, content), identity ? kIdentitySeed : SeedOf(kIdentity));
  }
}

// Lets every group's entries follow each other again, and its tail the last of them. Requires: sealed rows.
void ChainAgain(KvImage& log) {
  const std::uint32_t seed = SeedOf(kIdentity);
  absl::btree_map<GroupId, TailRow> tails;
  for (const auto& [key, value] : log) {
    const std::optional<LogKey> at = ParseLogKey(key);
    if (!at.has_value() || at->tag != LogTag::kStart) continue;
    const auto row = DecodeStartRow(std::string_view(value).substr(0, value.size() - kSealBytes));
    if (row.has_value())
      tails[at->group] = {row->start.generation, row->start.entry.index, row->anchor};
  }
  for (auto& [key, value] : log) {
    const std::optional<LogKey> at = ParseLogKey(key);
    if (!at.has_value() || at->tag != LogTag::kEntry || !tails.contains(at->group)) continue;
    const auto row = DecodeEntryRow(std::string_view(value).substr(0, value.size() - kSealBytes));
    if (!row.has_value()) continue;
    TailRow& tail = tails[at->group];
    value = Seal(key, EncodeEntryRow(tail.chain, row->entry), seed);
    tail.last = at->index;
    tail.chain = SealOf(value);
  }
  for (const auto& [group, tail] : tails) {
    const std::string key = GroupKey(LogTag::kTail, group);
    if (log.contains(key)) log[key] = Seal(key, EncodeTailRow(tail), seed);
  }
}

// A disk with entries, a session, a dropped prefix and a second boot.
Disks SomeDisks() {
  const Configuration members = ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)});
  MemKv log;
  MemKv map;
  REQUIRE(Bootstrap(log, kIdentity, members).ok());
  auto map_store = MapStore::Open(map, kIdentity);
  REQUIRE(map_store.ok());
  auto node = RecoverNode(log, *map_store, kIdentity, KvLimits());
  REQUIRE(node.ok());
  const GroupId group = kDefaultNamespace;
  const auto last = node->log.LastIndex(group);
  REQUIRE(last.has_value());
  std::vector<Entry> entries;
  entries.push_back({Term(2), EntryKind::kBarrier, Payload()});
  for (int i = 0; i < 5; ++i) {
    entries.push_back(
        {Term(3), EntryKind::kCommand, Payload(EncodeEnvelope(SessionId(), SessionSeq(), "put"))});
  }
  const std::vector<LogRecord> records = {
      BootRecord{BootNumber(2)},
      SetHardState{group, {Term(3), NodeId(2)}},
      AppendEntries{group, Next(*last), entries},
  };
  REQUIRE(node->log.Append(PersistSeq(1), records).ok());
  REQUIRE(log.Sync().ok());
  return {false, false, log.rows(), map.rows()};
}

// The groups that SomeDisks' log recovers to.
const std::vector<RecoveredGroup>& WrittenGroups() {
  static const std::vector<RecoveredGroup> groups = [] {
    const MemKv log(SomeDisks().log);
    return ReadLogImage(log).value().recovered.groups;
  }();
  return groups;
}

}  // namespace

std::vector<std::string> Examples() {
  Disks disks = SomeDisks();
  std::vector<std::string> examples;
  examples.push_back(Encode(disks));
  disks.seal_again = true;
  examples.push_back(Encode(disks));
  disks.chain_again = true;
  examples.push_back(Encode(disks));
  disks.map.clear();
  examples.push_back(Encode(disks));
  return examples;
}

bool Try(std::string_view bytes) {
  Disks disks = Decode(bytes);
  if (disks.seal_again) {
    SealAgain(disks.log);
    SealAgain(disks.map);
    if (disks.chain_again) ChainAgain(disks.log);
  }
  MemKv log(disks.log);
  MemKv map(disks.map);
  auto map_store = MapStore::Open(map, kIdentity);
  if (!map_store.ok()) return false;
  const auto first = RecoverNode(log, *map_store, kIdentity, KvLimits());
  if (!first.ok()) return false;
  for (const RecoveredGroup& group : first->recovered.groups) {
    REQUIRE(group.start.entry.index <= group.applied.index);
    REQUIRE(group.applied.index <= group.last);
    REQUIRE(group.start.configuration.IsValid());
  }
  REQUIRE(disks.seal_again || first->log.recovered().groups == WrittenGroups());
  auto map_again = MapStore::Open(map, kIdentity);
  REQUIRE(map_again.ok());
  const auto second = RecoverNode(log, *map_again, kIdentity, KvLimits());
  REQUIRE(second.ok() && second->recovered == first->recovered);
  return true;
}

}  // namespace quorate::fuzz
