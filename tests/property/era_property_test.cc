// Replicas of one eventual era under any schedule of writes, losses, repetitions, syncs, crashes and cuts.
//
// Each replica is an `Era` with a played disk (batches, durable in order), a played map (merges, durable in order) and
// links that lose, repeat and delay. After the schedule everything heals, and all must come to the same bytes: those
// of merging every entry that is in some log. Whatever was acknowledged is among them.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/eventual/era.h"
#include "engine/eventual/merge.h"
#include "tests/engine/fake_map.h"

namespace quorate {
namespace {

constexpr std::uint32_t kEra = 3;
constexpr MapSpace kSpace{GroupId(1), Generation(1)};

struct Batch {  // one write of the log
  std::vector<EraOut::Append> appends;
};
using Log = std::vector<OriginEntry>;  // of one origin

// What survives of a node: log batches and map states, each with how many are durable.
struct Node {
  NodeId id;
  OriginId origin;
  std::map<OriginId, Log> disk;  // durable
  std::deque<Batch> unsynced;
  PersistSeq durable_write;
  PersistSeq last_write;

  FakeMap::Rows rows;  // as merged
  VersionVector merged;
  FakeMap::Rows flushed_rows;
  VersionVector flushed;

  std::optional<Era> era;
  // Done in the order in which it was released: a merge once its write is durable, a prepare at once.
  std::deque<std::variant<EraOut::Prepare, EraOut::Merge>> work;
  std::deque<EraOut::Merge> held;
  std::deque<EraOut::Read> reads;
  std::deque<EraOut::Tell> tells;          // wait for their write
  std::deque<EraOut::Answer> answers;      // wait for their write
  std::map<std::string, Version> overlay;  // of own writes that were prepared and are not merged
  std::map<std::uint64_t, Payload> asked;  // own writes by request
  VersionVector shown;                     // what left the node
  WallTime wall{1'700'000'000'000'000'000};
};

// What the schedules came to, over all of them: a test that never gets there proves nothing.
struct Reached {
  std::uint64_t written = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t ahead = 0;
  std::uint64_t gaps = 0;
  std::uint64_t pulls = 0;
  std::uint64_t reads = 0;
  std::uint64_t clock_refused = 0;
  std::uint64_t not_ready = 0;
  std::uint64_t dots_lost = 0;
};
Reached reached;

struct Flying {
  std::size_t from;
  std::size_t to;
  EraMessage message;
};

class Town {
 public:
  explicit Town(std::size_t count) {
    options_.max_entries = 2;
    options_.max_in_flight = 5;
    options_.cache_entries = 1;
    options_.clock.counter_bits = 4;
    for (std::size_t i = 0; i < count; ++i) {
      Insert(members_, NodeId(static_cast<std::uint32_t>(i + 1)));
      Node& node = nodes_.emplace_back();
      node.id = NodeId(static_cast<std::uint32_t>(i + 1));
      node.origin = OriginId(static_cast<std::uint16_t>(10 + i));
    }
    cut_.assign(count, std::vector<bool>(count, false));
    for (std::size_t i = 0; i < count; ++i) Boot(i);
  }

  std::size_t size() const { return nodes_.size(); }
  Node& at(std::size_t i) { return nodes_[i % nodes_.size()]; }
  std::deque<Flying>& flying() { return flying_; }

  void Write(std::size_t i, const std::string& key, std::optional<std::string> value,
             WriteLevel level) {
    Node& node = at(i);
    EventualWrite write{.key = key, .value = std::nullopt, .expiry_ms = 0, .replaced = {}};
    if (value) write.value = *value;
    const RequestId request(++requests_);
    ++reached.written;
    levels_[request.value()] = level;
    Step(node, [&](EraContext& context) {
      node.era->OnWrite(context, request, Payload(EncodeWrites(std::span(&write, 1))), level,
                        now_ + Seconds(2));
    });
  }

  // ---- what the world does
  void Deliver(std::size_t pick, bool keep) {
    if (flying_.empty()) return;
    const std::size_t at = pick % flying_.size();
    const Flying message = flying_[at];
    if (!keep) flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(at));
    if (cut_[message.from][message.to]) return;
    Node& to = nodes_[message.to];
    Step(to, [&](EraContext& context) {
      to.era->OnMessage(context, nodes_[message.from].id, message.message);
    });
  }
  void Lose(std::size_t pick) {
    if (!flying_.empty())
      flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(pick % flying_.size()));
  }
  void Sync(std::size_t i, std::size_t batches) {
    Node& node = at(i);
    if (node.unsynced.empty()) return;
    for (; batches > 0 && !node.unsynced.empty(); --batches) Settle(node);
    Release(node);
    Step(node, [&](EraContext& context) { node.era->OnPersisted(context, node.durable_write); });
  }
  void Work(std::size_t i) {
    Node& node = at(i);
    if (!node.reads.empty()) return DoRead(node);
    if (node.work.empty()) return;
    const auto work = node.work.front();
    node.work.pop_front();
    if (const auto* merge = std::get_if<EraOut::Merge>(&work)) return DoMerge(node, *merge);
    DoPrepare(node, std::get<EraOut::Prepare>(work));
  }
  void Flush(std::size_t i) {
    at(i).flushed_rows = at(i).rows;
    at(i).flushed = at(i).merged;
  }
  void Pass(Duration span) {
    now_ = now_ + span;
    for (Node& node : nodes_) node.wall.ns += span.ns;
    for (Node& node : nodes_) {
      if (node.era->NextWakeup() > now_) continue;
      Step(node, [&](EraContext& context) { node.era->OnTimer(context); });
      RC_ASSERT(node.era->NextWakeup() > now_);
    }
  }
  void Skew(std::size_t i, Duration by) { at(i).wall.ns += by.ns; }
  // Loses a suffix of what was not durable, in log and map.
  void Crash(std::size_t i, std::size_t keep) {
    Node& node = at(i);
    for (; keep > 0 && !node.unsynced.empty(); --keep) Settle(node);
    reached.dots_lost += node.unsynced.size();
    node.unsynced.clear();
    node.rows = node.flushed_rows;
    node.merged = node.flushed;
    Boot(static_cast<std::size_t>(&node - nodes_.data()));
  }
  void Cut(std::size_t from, std::size_t to, bool cut) {
    from %= size();
    to %= size();
    if (from == to || cut_[from][to] == cut) return;
    cut_[from][to] = cut;
    cut_[to][from] = cut;
    for (const auto& [one, other] : {std::pair(from, to), std::pair(to, from)}) {
      Node& node = nodes_[one];
      if (cut) {
        node.era->OnLinkDown(nodes_[other].id);
      } else {
        const NodeId peer = nodes_[other].id;
        Step(node, [&](EraContext& context) { node.era->OnLinkUp(context, peer); });
      }
    }
  }

  // Nothing fails any more, and everybody has the same date; `outside`, if it is a node, stays cut off for ever.
  // Returns whether all others came to rest with equal vectors.
  bool Heal(std::size_t outside) {
    outside_ = outside;
    for (Node& node : nodes_) node.wall = nodes_[0].wall;
    for (std::size_t i = 0; i < size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) Cut(i, j, i == outside || j == outside);
    }
    const Node& first = nodes_[outside == 0 && size() > 1 ? 1 : 0];
    for (int round = 0; round < 400; ++round) {
      for (int turn = 0; turn < 200; ++turn) {
        const bool busy =
            !flying_.empty() || std::any_of(nodes_.begin(), nodes_.end(), [](Node& node) {
              return !node.unsynced.empty() || !node.reads.empty() || !node.work.empty() ||
                     !node.held.empty();
            });
        if (!busy) break;
        for (std::size_t n = flying_.size(); n > 0; --n) Deliver(0, false);
        for (std::size_t i = 0; i < size(); ++i) {
          Sync(i, 100);
          for (int n = 0; n < 20; ++n) Work(i);
        }
      }
      const bool equal = std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
        if (&node == &nodes_[outside % size()] && outside < size() && size() > 1) return true;
        return node.merged == first.merged && node.era->have() == first.era->have() &&
               node.era->merged() == node.era->have() && node.era->pending() == 0;
      });
      if (equal && round > 0) return true;
      Pass(Milliseconds(100));
    }
    return false;
  }

  void CheckHealed() {
    // Everything that is in some log is everywhere, and the rows are what merging all of it gives.
    std::vector<const Node*> inside;
    for (std::size_t n = 0; n < size(); ++n) {
      if (n != outside_ || size() == 1) inside.push_back(&nodes_[n]);
    }
    std::map<OriginId, Log> all;
    for (const Node* node : inside) {
      for (const auto& [origin, log] : node->disk) {
        if (log.size() > all[origin].size()) all[origin] = log;
      }
    }
    for (const Node* node : inside) RC_ASSERT(node->disk == all);
    FakeMap map;
    RowOverlay overlay(map, kSpace);
    MergeCounts counts;
    for (auto& [origin, log] : all) {
      for (const OriginEntry& entry : log) {
        EventualWrites writes;
        RC_ASSERT(DecodeWrites(entry.payload.bytes(), writes));
        RC_ASSERT(Merge(VersionOf(kEra, origin, entry.stamp), writes, overlay, counts).ok());
      }
    }
    std::vector<MapChange> changes;
    std::uint64_t digest = 0;
    std::uint64_t row_count = 0;
    overlay.Flush(changes, digest, row_count);
    RC_ASSERT(map.Write(kSpace, changes).ok());
    for (const Node* node : inside) RC_ASSERT(node->rows == map.Raw(kSpace, Table::kRow));
    for (const Acknowledged& one : acknowledged_) {
      const OriginAt& at = one.token.origins().front();
      // What only the one outside held is safe there.
      const Log* log = &all[at.origin];
      if (log->size() < at.seq.value() && outside_ < size()) {
        RC_ASSERT(one.level == WriteLevel::kOne || size() <= 2);
        log = &nodes_[outside_].disk[at.origin];
      }
      RC_ASSERT(log->size() >= at.seq.value());
      RC_ASSERT((*log)[at.seq.value() - 1].stamp.value() == one.version.ord);
    }
  }

 private:
  template <class Act>
  void Step(Node& node, const Act& act) {
    EraOut out;
    EraContext context{.now = now_,
                       .date = node.wall,
                       .options = options_,
                       .members = members_,
                       .write = Next(node.last_write),
                       .out = out};
    const VersionVector before = node.era->have();
    act(context);
    node.era->Finish(context);
    RC_ASSERT(node.era->have().Covers(before));
    RC_ASSERT(out.forked.empty());
    RC_ASSERT(out.malformed == 0);
    reached.ahead += out.refused_ahead;
    reached.reads += out.reads.size();
    for (const EraOut::Append& append : out.appends) {
      // No clock is moved further ahead than the bound.
      const Duration bound = options_.clock.bound;
      for (const OriginEntry& entry : append.entries) {
        if (append.origin == node.origin) {
          // A new write beats whatever its node had shown.
          EventualWrites writes;
          RC_ASSERT(DecodeWrites(entry.payload.bytes(), writes));
          const Version version = VersionOf(kEra, append.origin, entry.stamp);
          for (const EventualWrite& write : writes) {
            RC_ASSERT(write.replaced < version);
            node.overlay[std::string(write.key)] = version;
          }
          continue;
        }
        RC_ASSERT(DateOf(entry.stamp).ns <= node.wall.ns + bound.ns);
      }
    }
    if (!out.appends.empty()) {
      node.last_write = context.write;
      for (const EraOut::Append& append : out.appends) Bind(append);
      node.unsynced.push_back({out.appends});
    }
    for (EraOut::Prepare& prepare : out.prepares) node.work.emplace_back(std::move(prepare));
    for (EraOut::Merge& merge : out.merges) node.held.push_back(std::move(merge));
    for (EraOut::Read& read : out.reads) node.reads.push_back(read);
    for (EraOut::Tell& tell : out.tells) node.tells.push_back(std::move(tell));
    for (EraOut::Answer& answer : out.answers) node.answers.push_back(std::move(answer));
    Release(node);
  }

  // A dot that left its node, or survived, is bound to one payload for ever; one that a crash took is free again.
  void Bind(const EraOut::Append& append) {
    for (std::size_t i = 0; i < append.entries.size(); ++i) {
      const std::pair dot{append.origin, append.first.value() + i};
      const auto bound = bound_.find(dot);
      if (bound != bound_.end()) RC_ASSERT(bound->second == append.entries[i]);
    }
  }

  void Settle(Node& node) {
    for (const EraOut::Append& append : node.unsynced.front().appends) {
      Log& log = node.disk[append.origin];
      RC_ASSERT(log.size() + 1 == append.first.value());
      for (const OriginEntry& entry : append.entries) {
        log.push_back(entry);
        bound_.emplace(std::pair{append.origin, log.size()}, entry);
      }
    }
    node.unsynced.pop_front();
    node.durable_write = Next(node.durable_write);
  }

  void Release(Node& node) {
    const std::size_t self = static_cast<std::size_t>(&node - nodes_.data());
    while (!node.held.empty() && node.held.front().after <= node.durable_write) {
      node.work.emplace_back(std::move(node.held.front()));
      node.held.pop_front();
    }
    // In order to each receiver, as the host does it.
    std::vector<NodeId> blocked;
    std::erase_if(node.tells, [&](EraOut::Tell& tell) {
      const bool behind = std::find(blocked.begin(), blocked.end(), tell.to) != blocked.end();
      if (behind || tell.after > node.durable_write) {
        if (!behind) blocked.push_back(tell.to);
        return false;
      }
      Leave(node, tell.message);
      const std::size_t to = tell.to.value() - 1;
      if (!cut_[self][to]) flying_.push_back({self, to, std::move(tell.message)});
      return true;
    });
    std::erase_if(node.answers, [&](const EraOut::Answer& answer) {
      if (answer.after > node.durable_write) return false;
      if (answer.refusal == EraRefusal::kNone) {
        const WriteLevel level = levels_.at(answer.request.value());
        acknowledged_.push_back({answer.version, answer.token, level});
        ++reached.acknowledged;
        std::size_t holders = 0;
        for (const Node& other : nodes_) {
          const OriginAt& at = answer.token.origins().front();
          const auto log = other.disk.find(at.origin);
          holders += log != other.disk.end() && log->second.size() >= at.seq.value() ? 1 : 0;
        }
        const std::size_t needed = level == WriteLevel::kOne      ? 1
                                   : level == WriteLevel::kQuorum ? size() / 2 + 1
                                                                  : size();
        RC_ASSERT(holders >= needed);
      }
      reached.timeouts += answer.refusal == EraRefusal::kTimeout ? 1 : 0;
      reached.clock_refused += answer.refusal == EraRefusal::kClock ? 1 : 0;
      reached.not_ready += answer.refusal == EraRefusal::kNotReady ? 1 : 0;
      return true;
    });
  }

  // Nothing leaves that is not durable here, and nothing before the map is what the logs were at boot.
  void Leave(const Node& node, const EraMessage& message) {
    reached.pulls += std::holds_alternative<EraPull>(message) ? 1 : 0;
    if (const auto* have = std::get_if<EraHave>(&message)) {
      reached.gaps += have->gap ? 1 : 0;
      RC_ASSERT(node.era->ready());
      for (const OriginAt& at : have->have.origins()) {
        const auto log = node.disk.find(at.origin);
        RC_ASSERT(log != node.disk.end() && log->second.size() >= at.seq.value());
      }
    } else if (const auto* entries = std::get_if<EraEntries>(&message)) {
      const auto log = node.disk.find(entries->origin);
      RC_ASSERT(log != node.disk.end());
      for (std::size_t i = 0; i < entries->entries.size(); ++i)
        RC_ASSERT(log->second.at(entries->before.seq.value() + i) == entries->entries[i]);
    }
  }

  void DoPrepare(Node& node, const EraOut::Prepare& prepare) {
    EventualWrites writes;
    RC_ASSERT(DecodeWrites(prepare.writes.bytes(), writes));
    for (EventualWrite& write : writes) {
      if (const auto row = node.rows.find(write.key); row != node.rows.end()) {
        RowView view;
        RC_ASSERT(DecodeRow(row->second, view));
        write.replaced = view.version;
      }
      const auto prepared = node.overlay.find(std::string(write.key));
      if (prepared != node.overlay.end())
        write.replaced = std::max(write.replaced, prepared->second);
    }
    const Payload payload{EncodeWrites(writes)};
    Step(node, [&](EraContext& context) { node.era->OnPrepared(context, prepare.seq, payload); });
  }

  void DoMerge(Node& node, const EraOut::Merge& merge) {
    RC_ASSERT(node.merged.Of(merge.origin).value() + 1 == merge.first.value());
    FakeMap map;
    map.Raw(kSpace, Table::kRow) = node.rows;
    RowOverlay overlay(map, kSpace);
    MergeCounts counts;
    OriginSeq seq = node.merged.Of(merge.origin);
    std::vector<EventualWrites> decoded(merge.entries.size());
    for (std::size_t i = 0; i < merge.entries.size(); ++i) {
      RC_ASSERT(DecodeWrites(merge.entries[i].payload.bytes(), decoded[i]));
      RC_ASSERT(
          Merge(VersionOf(kEra, merge.origin, merge.entries[i].stamp), decoded[i], overlay, counts)
              .ok());
      seq = Next(seq);
    }
    std::vector<MapChange> changes;
    std::uint64_t digest = 0;
    std::uint64_t row_count = 0;
    overlay.Flush(changes, digest, row_count);
    RC_ASSERT(map.Write(kSpace, changes).ok());
    node.rows = map.Raw(kSpace, Table::kRow);
    node.merged.Raise(merge.origin, seq);
    Step(node, [&](EraContext& context) { node.era->OnMerged(context, merge.origin, seq); });
  }

  void DoRead(Node& node) {
    const EraOut::Read read = node.reads.front();
    node.reads.pop_front();
    Log log = node.disk[read.origin];
    for (const Batch& batch : node.unsynced) {
      for (const EraOut::Append& append : batch.appends) {
        if (append.origin == read.origin)
          log.insert(log.end(), append.entries.begin(), append.entries.end());
      }
    }
    RC_ASSERT(read.first.value() >= 1 && read.last.value() <= log.size());
    const auto first = log.begin() + static_cast<std::ptrdiff_t>(read.first.value() - 1);
    const auto last = log.begin() + static_cast<std::ptrdiff_t>(read.last.value());
    const OriginPlace before = PlaceOf(log, OriginSeq(read.first.value() - 1));
    Step(node, [&](EraContext& context) {
      node.era->OnRead(context, read.origin, before, std::vector<OriginEntry>(first, last));
    });
  }

  static OriginPlace PlaceOf(const Log& log, OriginSeq seq) {
    OriginPlace place;
    while (place.seq < seq) {
      const OriginEntry& entry = log[place.seq.value()];
      place.chain = ChainOf(place.chain, Next(place.seq), entry);
      place.stamp = entry.stamp;
      place.seq = Next(place.seq);
    }
    return place;
  }

  void Boot(std::size_t i) {
    Node& node = nodes_[i];
    node.work.clear();
    node.held.clear();
    node.reads.clear();
    node.tells.clear();
    node.answers.clear();
    node.overlay.clear();
    node.durable_write = node.last_write = PersistSeq();
    std::erase_if(flying_,
                  [&](const Flying& message) { return message.from == i || message.to == i; });
    std::vector<RecoveredOrigin> found;
    for (const auto& [origin, log] : node.disk) {
      found.push_back({.origin = origin,
                       .dropped = {},
                       .last = PlaceOf(log, OriginSeq(log.size())),
                       .merged = node.merged.Of(origin)});
    }
    node.era.emplace(node.id, node.origin, kEra, found, Stamp());
    Step(node, [&](EraContext& context) { node.era->Start(context); });
    for (std::size_t other = 0; other < size(); ++other) {
      if (other == i || cut_[i][other] || !nodes_[other].era) continue;
      Node& peer = nodes_[other];
      peer.era->OnLinkDown(node.id);
      Step(peer, [&](EraContext& context) { peer.era->OnLinkUp(context, node.id); });
      Step(node, [&](EraContext& context) { node.era->OnLinkUp(context, peer.id); });
    }
  }

  EraOptions options_;
  NodeSet members_;
  std::vector<Node> nodes_;
  std::vector<std::vector<bool>> cut_;
  std::deque<Flying> flying_;
  MonoTime now_{1'000'000'000};
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, WriteLevel> levels_;
  struct Acknowledged {
    Version version;
    VersionVector token;
    WriteLevel level;
  };
  std::vector<Acknowledged> acknowledged_;
  std::size_t outside_ = 0;
  std::map<std::pair<OriginId, std::uint64_t>, OriginEntry> bound_;
};

enum class Act {
  kPut,
  kDelete,
  kDeliver,
  kLate,
  kRepeat,
  kLose,
  kSync,
  kSyncAll,
  kWork,
  kFlush,
  kPass,
  kCrash,
  kCut,
  kHeal,
  kSkew
};
struct Move {
  Act act;
  std::uint8_t node;
  std::uint8_t pick;
};
std::ostream& operator<<(std::ostream& out, const Move& move) {
  static constexpr const char* kNames[] = {"put",  "delete", "deliver", "late", "repeat",
                                           "lose", "sync",   "syncall", "work", "flush",
                                           "pass", "crash",  "cut",     "heal", "skew"};
  return out << kNames[static_cast<int>(move.act)] << "(" << int{move.node} << "," << int{move.pick}
             << ")";
}

rc::Gen<Move> AnyMove() {
  return rc::gen::build<Move>(
      rc::gen::set(&Move::act, rc::gen::weightedElement<Act>({{10, Act::kPut},
                                                              {3, Act::kDelete},
                                                              {30, Act::kDeliver},
                                                              {6, Act::kLate},
                                                              {3, Act::kRepeat},
                                                              {4, Act::kLose},
                                                              {8, Act::kSync},
                                                              {8, Act::kSyncAll},
                                                              {20, Act::kWork},
                                                              {3, Act::kFlush},
                                                              {8, Act::kPass},
                                                              {3, Act::kCrash},
                                                              {2, Act::kCut},
                                                              {2, Act::kHeal},
                                                              {1, Act::kSkew}})),
      rc::gen::set(&Move::node, rc::gen::inRange<std::uint8_t>(0, 5)),
      rc::gen::set(&Move::pick, rc::gen::inRange<std::uint8_t>(0, 12)));
}

void Do(Town& town, const Move& move) {
  switch (move.act) {
    case Act::kPut:
    case Act::kDelete: {
      const std::string key(1, static_cast<char>('a' + move.pick % 3));
      const WriteLevel level = static_cast<WriteLevel>(move.pick % 3);
      std::optional<std::string> value;
      if (move.act == Act::kPut) value = std::string(1, static_cast<char>('0' + move.pick));
      return town.Write(move.node, key, value, level);
    }
    case Act::kDeliver:
      return town.Deliver(0, false);
    case Act::kLate:
      return town.Deliver(move.pick, false);
    case Act::kRepeat:
      return town.Deliver(move.pick, true);
    case Act::kLose:
      return town.Lose(move.pick);
    case Act::kSync:
      return town.Sync(move.node, 1);
    case Act::kSyncAll:
      return town.Sync(move.node, 100);
    case Act::kWork:
      return town.Work(move.node);
    case Act::kFlush:
      return town.Flush(move.node);
    case Act::kPass:
      return town.Pass(Milliseconds(40) * move.pick);
    case Act::kCrash:
      return town.Crash(move.node, move.pick / 4);
    case Act::kCut:
      return town.Cut(move.node, move.pick, true);
    case Act::kHeal:
      return town.Cut(move.node, move.pick, false);
    case Act::kSkew:
      return town.Skew(move.node, Milliseconds(100) * (move.pick - 6));
  }
}

RC_GTEST_PROP(Eras, ConvergeToTheMergeOfAllThatIsInSomeLog, ()) {
  const auto nodes = *rc::gen::inRange<std::size_t>(1, 6);
  const auto outside = *rc::gen::inRange<std::size_t>(0, 2 * nodes);  // half of the time nobody
  Town town(nodes);
  for (const Move& move : *rc::gen::scale(4.0, rc::gen::container<std::vector<Move>>(AnyMove())))
    Do(town, move);
  RC_ASSERT(town.Heal(outside));
  town.CheckHealed();
}

TEST(Eras, TheSchedulesGetEverywhere) {
  if (reached.written == 0) GTEST_SKIP() << "the schedules were not run";
  EXPECT_GT(reached.acknowledged, reached.written / 10);
  EXPECT_GT(reached.timeouts, 0u);
  EXPECT_GT(reached.ahead, 0u);
  EXPECT_GT(reached.gaps, 0u);
  EXPECT_GT(reached.pulls, 0u);
  EXPECT_GT(reached.reads, 0u);
  EXPECT_GT(reached.clock_refused, 0u);
  EXPECT_GT(reached.not_ready, 0u);
  EXPECT_GT(reached.dots_lost, 0u);
}

}  // namespace
}  // namespace quorate
