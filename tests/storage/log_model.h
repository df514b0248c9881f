// tests/storage/log_model.h — what a log store ought to hold, said as plainly as possible, and random writes.
//
// Model: each group's entries in a map by index. Records are carried out by the words of engine/record.h, without
//   a look at the store's code. `Step(seed, k)` makes up the kth write of a seed and carries it out here: the
//   same write whoever asks, so that a child process and its parent agree on it.
#pragma once
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/match.h"
#include "engine/base/prf.h"
#include "engine/record.h"

namespace quorate {

inline Identity TestIdentity() { return Identity{77, NodeId{2}, Incarnation{1}}; }
inline Configuration TestMembers() { return ConfigurationOf({NodeId{1}, NodeId{2}, NodeId{3}}); }

class LogModel {
 public:
  struct Group {
    HardState hard;
    LogStart start;
    absl::btree_map<Index, Entry> entries;
    Index last() const { return entries.empty() ? start.entry.index : entries.rbegin()->first; }
    Term last_term() const {
      return entries.empty() ? start.entry.term : entries.rbegin()->second.term;
    }
  };

  // As a store is after bootstrap: namespace 0 and the system group, with `catalogue` in its start.
  explicit LogModel(Payload catalogue) {
    groups_[kDefaultNamespace].start.configuration = TestMembers();
    groups_[kSystemGroup].start.configuration = TestMembers();
    groups_[kSystemGroup].start.catalogue = std::move(catalogue);
  }

  const absl::btree_map<GroupId, Group>& groups() const { return groups_; }

  void Carry(const LogRecord& record) {
    std::visit(Match{[this](const BootRecord& r) { boot_ = r.boot; },
                     [this](const SetHardState& r) { groups_[r.group].hard = r.state; },
                     [this](const TruncateSuffix& r) {
                       auto& entries = groups_[r.group].entries;
                       entries.erase(entries.lower_bound(r.from), entries.end());
                     },
                     [this](const AppendEntries& r) {
                       Index at = r.first;
                       for (const Entry& entry : r.entries) {
                         groups_[r.group].entries[at] = entry;
                         at = Next(at);
                       }
                     },
                     [this](const DropPrefix& r) {
                       auto& entries = groups_[r.group].entries;
                       entries.erase(entries.begin(), entries.upper_bound(r.start.entry.index));
                       groups_[r.group].start = r.start;
                     },
                     [this](const ResetLog& r) {
                       groups_[r.group].entries.clear();
                       groups_[r.group].start = r.start;
                     },
                     [this](const DropGroup& r) { groups_.erase(r.group); }},
               record);
  }

  // The kth write of `seed`: one to four records, carried out here already.
  std::vector<LogRecord> Step(std::uint64_t seed, std::uint64_t k) {
    draw_ = Mix(seed, k);
    std::vector<LogRecord> records;
    const std::uint64_t count = 1 + Draw(4);
    while (records.size() < count) MakeOne(records);
    return records;
  }

  Recovered AsRecovered() const {
    Recovered recovered{TestIdentity(), boot_, {}};
    for (const auto& [id, group] : groups_) {
      RecoveredGroup found{id, group.hard, group.start, group.last(), {}, {}, group.start.entry};
      Term term = group.start.entry.term;
      for (const auto& [index, entry] : group.entries) {
        if (found.terms.empty() || entry.term != term)
          found.terms.push_back(TermRun{index, entry.term});
        term = entry.term;
        if (entry.kind == EntryKind::kConfiguration) {
          found.configurations.push_back(
              PlacedConfiguration{index, DecodeConfiguration(entry.payload.bytes()).value()});
        }
      }
      recovered.groups.push_back(std::move(found));
    }
    return recovered;
  }

 private:
  std::uint64_t Draw(std::uint64_t below) { return Below(draw_ = Mix(draw_), below); }

  void Emit(LogRecord record, std::vector<LogRecord>& records) {
    Carry(record);
    records.push_back(std::move(record));
  }

  Entry MakeEntry(Term term) {
    const std::uint64_t kind = Draw(10);
    if (kind == 0) return Entry{term, EntryKind::kBarrier, Payload()};
    if (kind == 1) {
      std::string bytes;
      Encode(
          ConfigurationOf({NodeId{1}, NodeId{2}, NodeId(static_cast<std::uint32_t>(3 + Draw(5)))}),
          bytes);
      return Entry{term, EntryKind::kConfiguration, Payload(std::move(bytes))};
    }
    std::string bytes(Draw(64), '\0');
    for (char& c : bytes) c = static_cast<char>(Draw(256));
    return Entry{term, EntryKind::kCommand, Payload(std::move(bytes))};
  }

  void MakeOne(std::vector<LogRecord>& records) {
    auto at = groups_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(Draw(groups_.size())));
    const GroupId id = at->first;
    const Group& group = at->second;
    const std::uint64_t what = Draw(100);
    if (what < 3) return Emit(BootRecord{Next(boot_)}, records);
    if (what < 15 || group.hard.term == Term{}) {
      const HardState state{
          Term(group.hard.term.value() + Draw(3) + (group.hard.term == Term{} ? 1 : 0)),
          NodeId(static_cast<std::uint32_t>(Draw(4)))};
      return Emit(SetHardState{id, state}, records);
    }
    if (what < 25 && group.last() > group.start.entry.index) {
      const Count length = group.last() - group.start.entry.index;
      const Index from = group.start.entry.index + Count{1 + Draw(length.value())};
      return Emit(TruncateSuffix{id, from}, records);
    }
    if (what < 33 && group.last() > group.start.entry.index)
      return MakeDropPrefix(id, group, records);
    if (what < 36) {
      LogStart start = group.start;
      if (id != kSystemGroup || Draw(2) == 0) start.generation = Next(start.generation);
      start.entry = EntryId{group.last() + Count{Draw(10)}, group.hard.term};
      return Emit(ResetLog{id, start}, records);
    }
    if (what < 39 && groups_.size() < 5) {
      const GroupId born(1 + static_cast<std::uint32_t>(Draw(1000)));
      if (groups_.contains(born)) return;
      LogStart start;
      start.configuration = TestMembers();
      return Emit(ResetLog{born, start}, records);
    }
    if (what < 41 && id != kSystemGroup && id != kDefaultNamespace)
      return Emit(DropGroup{id}, records);
    AppendEntries append{id, Next(group.last()), {}};
    const std::uint64_t count = 1 + Draw(4);
    while (append.entries.size() < count) append.entries.push_back(MakeEntry(group.hard.term));
    Emit(std::move(append), records);
  }

  void MakeDropPrefix(GroupId id, const Group& group, std::vector<LogRecord>& records) {
    const Count length = group.last() - group.start.entry.index;
    LogStart start = group.start;
    const Index upto = group.start.entry.index + Count{1 + Draw(length.value())};
    for (const auto& [index, entry] : group.entries) {
      if (index > upto) break;
      start.entry = EntryId{index, entry.term};
      if (entry.kind != EntryKind::kConfiguration) continue;
      start.configuration_index = index;
      start.configuration = DecodeConfiguration(entry.payload.bytes()).value();
    }
    Emit(DropPrefix{id, start}, records);
  }

  absl::btree_map<GroupId, Group> groups_;
  BootNumber boot_;
  std::uint64_t draw_ = 0;
};

}  // namespace quorate
