// Versions, vectors, clocks and merges of eventual eras, over random cases that shrink.
#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/eventual/agreed_time.h"
#include "engine/eventual/clock.h"
#include "engine/eventual/entry.h"
#include "engine/eventual/merge.h"
#include "engine/eventual/vector.h"
#include "engine/kv/row.h"
#include "tests/engine/fake_map.h"

namespace quorate {

std::ostream& operator<<(std::ostream& out, const VersionVector& vector) {
  return out << Render(vector);
}

namespace {

// ---- vectors ---------------------------------------------------------------------------------------------

rc::Gen<VersionVector> AnyVector() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::pair<std::uint16_t, std::uint64_t>>>(rc::gen::pair(
          rc::gen::inRange<std::uint16_t>(0, 6), rc::gen::inRange<std::uint64_t>(0, 9))),
      [](const auto& at) {
        VersionVector vector;
        for (const auto& [origin, seq] : at) vector.Raise(OriginId(origin), OriginSeq(seq));
        return vector;
      });
}

VersionVector Joined(VersionVector a, const VersionVector& b) {
  a.Join(b);
  return a;
}
VersionVector Met(VersionVector a, const VersionVector& b) {
  a.Meet(b);
  return a;
}
std::string Encoded(const VersionVector& vector) {
  std::string bytes;
  Encoder encoder(bytes);
  Encode(vector, encoder);
  return bytes;
}

RC_GTEST_PROP(Vectors, AreASemilattice, ()) {
  const VersionVector a = *AnyVector();
  const VersionVector b = *AnyVector();
  const VersionVector c = *AnyVector();
  RC_ASSERT(Joined(a, b) == Joined(b, a));
  RC_ASSERT(Joined(Joined(a, b), c) == Joined(a, Joined(b, c)));
  RC_ASSERT(Joined(a, a) == a);
  RC_ASSERT(Joined(a, b).Covers(a) && Joined(a, b).Covers(b));
  RC_ASSERT(a.Covers(b) == (Joined(a, b) == a));
  // The least cover: whatever covers both covers it.
  if (c.Covers(a) && c.Covers(b)) RC_ASSERT(c.Covers(Joined(a, b)));
}

RC_GTEST_PROP(Vectors, MeetIsTheGreatestThatBothCover, ()) {
  const VersionVector a = *AnyVector();
  const VersionVector b = *AnyVector();
  RC_ASSERT(Met(a, b) == Met(b, a));
  RC_ASSERT(a.Covers(Met(a, b)) && b.Covers(Met(a, b)));
  RC_ASSERT(Joined(a, Met(a, b)) == a);
}

RC_GTEST_PROP(Vectors, EqualKnowledgeIsEqualBytes, ()) {
  const VersionVector a = *AnyVector();
  const VersionVector b = *AnyVector();
  RC_ASSERT((a.Covers(b) && b.Covers(a)) == (Encoded(a) == Encoded(b)));
  RC_ASSERT((a == b) == (a.digest() == b.digest()));
  const std::string bytes = Encoded(a);
  Decoder decoder(bytes);
  RC_ASSERT(DecodeVector(decoder) == a);
  RC_ASSERT(decoder.done());
}

RC_GTEST_PROP(Vectors, BytesThatNobodyWroteAreRefused, (const std::string& bytes)) {
  Decoder decoder(bytes);
  const VersionVector vector = DecodeVector(decoder);
  if (decoder.ok()) RC_ASSERT(Encoded(vector) == bytes.substr(0, bytes.size() - decoder.left()));
}

RC_GTEST_PROP(Vectors, WhatIsMissingIsWhatHasToBeSent, ()) {
  VersionVector own = *AnyVector();
  const VersionVector other = *AnyVector();
  const std::uint64_t missing = own.MissingOf(other);
  std::uint64_t sent = 0;
  for (const OriginAt& at : other.origins()) {
    for (OriginSeq seq = Next(own.Of(at.origin)); seq <= at.seq; seq = Next(seq), ++sent)
      own.Advance(at.origin, seq);
  }
  RC_ASSERT(sent == missing);
  RC_ASSERT(own.Covers(other));
}

// ---- clocks ----------------------------------------------------------------------------------------------

enum class Act { kIssue, kWitness, kPromise, kCrash, kPass, kStepBack };
struct Move {
  Act act;
  std::uint16_t amount;
};
std::ostream& operator<<(std::ostream& out, const Move& move) {
  static constexpr const char* kNames[] = {"issue", "witness", "promise", "crash", "pass", "step"};
  return out << kNames[static_cast<int>(move.act)] << "(" << move.amount << ")";
}

rc::Gen<std::vector<Move>> AnyMoves() {
  return rc::gen::container<std::vector<Move>>(rc::gen::build<Move>(
      rc::gen::set(&Move::act, rc::gen::weightedElement<Act>({{8, Act::kIssue},
                                                              {3, Act::kWitness},
                                                              {2, Act::kPromise},
                                                              {1, Act::kCrash},
                                                              {3, Act::kPass},
                                                              {1, Act::kStepBack}})),
      rc::gen::set(&Move::amount, rc::gen::inRange<std::uint16_t>(0, 900))));
}

// Over steps of the date, foreign stamps, crashes that lose whatever was not durable, and counters of four bits.
RC_GTEST_PROP(Clocks, StampsRiseAndStayNearTheDate, ()) {
  const ClockLimits limits{.bound = Milliseconds(500), .counter_bits = *rc::gen::inRange(1, 17)};
  WallTime date{1'700'000'000'000'000'000};
  HybridClock clock;
  HybridClock durable;  // what a restart finds
  Stamp greatest;       // issued, or promised to be below all that follow
  for (const Move& move : *AnyMoves()) {
    switch (move.act) {
      case Act::kIssue: {
        const Stamp last = clock.last();
        const std::optional<Stamp> stamp = clock.Issue(date, limits);
        if (!stamp) {
          RC_ASSERT(clock.IssuesFrom(limits) > date);
          HybridClock later = clock;
          RC_ASSERT(later.Issue(clock.IssuesFrom(limits), limits).has_value());
          break;
        }
        RC_ASSERT(*stamp > last && *stamp > greatest);
        RC_ASSERT(DateOf(*stamp).ns <= date.ns + limits.bound.ns / 4);
        RC_ASSERT(*stamp >= FirstStampOf(date));
        greatest = *stamp;
        durable = clock;  // it leaves only with its write
        break;
      }
      case Act::kWitness: {
        const Stamp foreign = FirstStampOf({date.ns + Milliseconds(move.amount).ns});
        if (!Admits(foreign, date, limits)) {
          RC_ASSERT(move.amount > 500);
          break;
        }
        clock.Witness(foreign);
        RC_ASSERT(clock.last() >= foreign);
        break;
      }
      case Act::kPromise: {
        const Stamp promised = clock.Promise(date);
        RC_ASSERT(promised >= FirstStampOf(date) && promised <= clock.last());
        greatest = std::max(greatest, promised);
        durable = clock;
        break;
      }
      case Act::kCrash:
        clock = durable;
        break;
      case Act::kPass:
        date.ns += Milliseconds(move.amount).ns;
        break;
      case Act::kStepBack:
        date.ns -= Milliseconds(10 * move.amount).ns;
        break;
    }
  }
}

RC_GTEST_PROP(Clocks, ANewLocalWriteBeatsEverythingThatItsNodeShowed, ()) {
  const ClockLimits limits;
  const WallTime date{1'700'000'000'000'000'000};
  HybridClock clock;
  Version shown;
  for (const std::uint16_t ahead :
       *rc::gen::container<std::vector<std::uint16_t>>(rc::gen::inRange<std::uint16_t>(0, 125))) {
    const Stamp foreign = FirstStampOf({date.ns + Milliseconds(ahead).ns});
    clock.Witness(foreign);
    shown = std::max(shown, VersionOf(3, OriginId(65535), foreign));
    const std::optional<Stamp> own = clock.Issue(date, limits);
    if (!own) continue;  // refused: it would lie too far ahead
    const Version written = VersionOf(3, OriginId(1), *own);
    RC_ASSERT(written > shown);
    shown = written;
  }
}

// ---- the date --------------------------------------------------------------------------------------------

// A minority whose clocks stand anywhere moves the date of no other out of what the healthy ones show.
RC_GTEST_PROP(AgreedDates, AMinorityOffMovesNobody, ()) {
  const auto nodes = *rc::gen::inRange<std::uint32_t>(1, 8);
  const auto wrong = *rc::gen::inRange<std::uint32_t>(0, (nodes + 1) / 2);
  const Now now{MonoTime{77'000'000'000}, WallTime{1'700'000'000'000'000'000}};
  NodeSet members;
  AgreedTime time;
  std::int64_t least = now.wall.ns;
  std::int64_t most = now.wall.ns;
  for (std::uint32_t node = 1; node <= nodes; ++node) {
    Insert(members, NodeId(node));
    if (node == 1) continue;  // the own one, which is healthy
    const bool is_wrong = node > nodes - wrong;
    const std::int64_t off =
        is_wrong ? *rc::gen::inRange<std::int64_t>(-3'600'000'000'000, 3'600'000'000'000)
                 : *rc::gen::inRange<std::int64_t>(-20'000'000, 20'000'000);
    time.Observe(NodeId(node), WallTime{now.wall.ns + off}, now);
    if (is_wrong) continue;
    least = std::min(least, now.wall.ns + off);
    most = std::max(most, now.wall.ns + off);
  }
  RC_ASSERT(time.Agree(NodeId(1), members, now, Seconds(1)));
  RC_ASSERT(time.DateAt(now).ns >= least);
  RC_ASSERT(time.DateAt(now).ns <= most);
  // A step of the own wall clock moves nothing.
  const Now stepped{MonoTime{now.mono.ns + 5}, WallTime{now.wall.ns - Seconds(9000).ns}};
  RC_ASSERT(time.DateAt(stepped).ns == time.DateAt(now).ns + 5);
}

// ---- entries ---------------------------------------------------------------------------------------------

struct Plain {  // a write that owns its bytes
  std::string key;
  std::optional<std::string> value;
  std::uint64_t expiry_ms = 0;
  std::uint64_t replaced = 0;
};
std::ostream& operator<<(std::ostream& out, const Plain& write) {
  return out << write.key << "=" << write.value.value_or("-") << "/" << write.replaced;
}

rc::Gen<Plain> AnyWrite() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::element<std::string>("a", "b", "c", "", "long key"),
                     rc::gen::element<std::string>("-", "", "x", "yy"),
                     rc::gen::inRange<std::uint64_t>(0, 3), rc::gen::inRange<std::uint64_t>(0, 40)),
      [](const auto& drawn) {
        const auto& [key, value, expiry, replaced] = drawn;
        Plain write{.key = key, .value = std::nullopt, .expiry_ms = expiry, .replaced = replaced};
        if (value != "-") write.value = value;
        return write;
      });
}

EventualWrites ViewOf(const std::vector<Plain>& plain, std::uint32_t era) {
  EventualWrites writes;
  for (const Plain& write : plain) {
    const bool twice = std::any_of(writes.begin(), writes.end(), [&](const EventualWrite& before) {
      return before.key == write.key;
    });
    if (twice) continue;
    EventualWrite& view = writes.emplace_back();
    view.key = write.key;
    if (write.value) view.value = *write.value;
    view.expiry_ms = write.value ? write.expiry_ms : 0;
    if (write.replaced != 0) view.replaced = {era, write.replaced, 1};
  }
  return writes;
}

RC_GTEST_PROP(Entries, AreWhatWasWritten, ()) {
  const auto plain = *rc::gen::nonEmpty(rc::gen::container<std::vector<Plain>>(AnyWrite()));
  const EventualWrites writes = ViewOf(plain, 5);
  const std::string bytes = EncodeWrites(writes);
  EventualWrites read;
  RC_ASSERT(DecodeWrites(bytes, read));
  RC_ASSERT(read == writes);
  // Cut off or with something behind it, it is none.
  const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
  RC_ASSERT(!DecodeWrites(std::string_view(bytes).substr(0, cut), read));
  RC_ASSERT(!DecodeWrites(bytes + '\0', read));
}

RC_GTEST_PROP(Entries, BytesThatNobodyWroteAreRefused, (const std::string& bytes)) {
  EventualWrites writes;
  if (DecodeWrites(bytes, writes)) RC_ASSERT(EncodeWrites(writes) == bytes);
}

RC_GTEST_PROP(Entries, LogsThatDifferHaveChainsThatDiffer, ()) {
  const auto one =
      *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(0, 3));
  const auto other =
      *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(0, 3));
  const auto chain = [](const std::vector<std::uint8_t>& log) {
    Digest digest;
    OriginSeq seq;
    for (const std::uint8_t what : log) {
      seq = Next(seq);
      digest =
          ChainOf(digest, seq, {Stamp(what), Payload(std::string(1, static_cast<char>(what)))});
    }
    return digest;
  };
  RC_ASSERT((one == other) == (chain(one) == chain(other)));
}

// ---- merging ---------------------------------------------------------------------------------------------

struct Dotted {
  Version version;
  std::vector<Plain> writes;
};
std::ostream& operator<<(std::ostream& out, const Dotted& entry) {
  out << entry.version.ord << "@" << entry.version.origin << ":";
  for (const Plain& write : entry.writes) out << " " << write;
  return out;
}

// Entries of up to three origins; stamps collide across origins as often as they can.
rc::Gen<std::vector<Dotted>> AnyEntries() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::tuple<std::uint8_t, std::uint8_t, std::vector<Plain>>>>(
          rc::gen::tuple(rc::gen::inRange<std::uint8_t>(1, 4),
                         rc::gen::inRange<std::uint8_t>(1, 12),
                         rc::gen::nonEmpty(rc::gen::container<std::vector<Plain>>(AnyWrite())))),
      [](const auto& drawn) {
        std::vector<Dotted> entries;
        for (const auto& [origin, stamp, writes] : drawn) {
          const Version version = VersionOf(2, OriginId(origin), Stamp(stamp));
          const bool known = std::any_of(entries.begin(), entries.end(), [&](const Dotted& entry) {
            return entry.version == version;
          });
          if (!known) entries.push_back({version, writes});
        }
        return entries;
      });
}

class Store {
 public:
  void Merge(const std::vector<const Dotted*>& batch) {
    RowOverlay rows(map_, kSpace);
    for (const Dotted* entry : batch) {
      const EventualWrites writes = ViewOf(entry->writes, 1);
      RC_ASSERT(quorate::Merge(entry->version, writes, rows, counts).ok());
    }
    std::vector<MapChange> changes;
    rows.Flush(changes, digest, row_count);
    RC_ASSERT(map_.Write(kSpace, changes).ok());
  }
  FakeMap::Rows Rows() { return map_.Raw(kSpace, Table::kRow); }

  MergeCounts counts;
  std::uint64_t digest = 0;
  std::uint64_t row_count = 0;

 private:
  static constexpr MapSpace kSpace{GroupId(1), Generation(1)};
  FakeMap map_;
};

RC_GTEST_PROP(Merging, AnyOrderRepetitionAndBatchingLeavesTheSameBytes, ()) {
  const std::vector<Dotted> entries = *AnyEntries();
  Store one;
  for (const Dotted& entry : entries) one.Merge({&entry});

  std::vector<const Dotted*> order;
  for (const Dotted& entry : entries) {
    const auto copies = *rc::gen::inRange(1, 4);
    for (int i = 0; i < copies; ++i) order.push_back(&entry);
  }
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
  Store other;
  while (!order.empty()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, order.size() + 1);
    other.Merge({order.end() - static_cast<std::ptrdiff_t>(size), order.end()});
    order.resize(order.size() - size);
  }
  RC_ASSERT(one.Rows() == other.Rows());
  RC_ASSERT(one.digest == other.digest);
  RC_ASSERT(one.row_count == other.row_count);
}

RC_GTEST_PROP(Merging, WhatStandsThereIsTheGreatestVersion, ()) {
  const std::vector<Dotted> entries = *AnyEntries();
  Store store;
  std::map<std::string, std::pair<Version, EventualWrite>> expected;
  for (const Dotted& entry : entries) {
    store.Merge({&entry});
    for (const EventualWrite& write : ViewOf(entry.writes, 1)) {
      auto& there = expected[std::string(write.key)];
      if (there.first < entry.version) there = {entry.version, write};
    }
  }
  const FakeMap::Rows rows = store.Rows();
  RC_ASSERT(rows.size() == expected.size());
  std::uint64_t digest = 0;
  for (const auto& [key, stored] : rows) {
    RowView row;
    RC_ASSERT(DecodeRow(stored, row));
    const auto& [version, write] = expected.at(key);
    RC_ASSERT(row.version == version);
    RC_ASSERT(row.tombstone() == !write.value.has_value());
    RC_ASSERT(row.value == write.value.value_or(""));
    RC_ASSERT(row.expiry_ms == write.expiry_ms);
    RC_ASSERT(row.replaced == write.replaced);
    digest += DigestOfMapRow(Table::kRow, key, stored);
  }
  RC_ASSERT(store.digest == digest);  // kept up = computed from scratch
  RC_ASSERT(store.row_count == rows.size());
}

// Two writes of one key that knew nothing of each other are a conflict wherever they meet, in either order; one that
// names the other as what it replaced is none.
RC_GTEST_PROP(Merging, AConflictIsSeenOnBothSides, ()) {
  const auto early = *rc::gen::inRange<std::uint64_t>(1, 20);
  const auto late = *rc::gen::inRange<std::uint64_t>(early, 21);
  const bool knew = *rc::gen::arbitrary<bool>();
  const Version first = VersionOf(2, OriginId(1), Stamp(early));
  const Version second = VersionOf(2, OriginId(2), Stamp(late));
  const EventualWrite a{.key = "k", .value = "1", .expiry_ms = 0, .replaced = {}};
  const EventualWrite b{
      .key = "k", .value = std::nullopt, .expiry_ms = 0, .replaced = knew ? first : Version{}};
  for (const bool turned : {false, true}) {
    FakeMap map;
    RowOverlay rows(map, {GroupId(1), Generation(1)});
    MergeCounts counts;
    const auto merge = [&](const Version& version, const EventualWrite& write) {
      RC_ASSERT(Merge(version, std::span(&write, 1), rows, counts).ok());
    };
    turned ? merge(second, b) : merge(first, a);
    turned ? merge(first, a) : merge(second, b);
    RC_ASSERT(counts.conflicts == (knew ? 0u : 1u));
  }
}

}  // namespace
}  // namespace quorate
