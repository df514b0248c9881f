// engine/record.h — what the engine writes to the log store, and what it finds there at boot.
//
// Model: the log store is the truth: one stream of records, numbered by `PersistSeq` in batches, durable in
//   order. After a crash a *prefix* of the batches is there, at least all that were reported durable.
// Errors: a store that is damaged is not recovered in part: see `storage/`.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "engine/raft/types.h"

namespace quorate {

// First write of every boot: nothing leaves the node before it is durable.
struct BootRecord {
  BootNumber boot;
  friend bool operator==(const BootRecord&, const BootRecord&) = default;
};
struct SetHardState {
  GroupId group;
  HardState state;
  friend bool operator==(const SetHardState&, const SetHardState&) = default;
};
// Drops every entry from `from` on. Always before the AppendEntries that takes their place.
struct TruncateSuffix {
  GroupId group;
  Index from;
  friend bool operator==(const TruncateSuffix&, const TruncateSuffix&) = default;
};
// `first` is the log's last index + 1.
struct AppendEntries {
  GroupId group;
  Index first;
  std::vector<Entry> entries;
  friend bool operator==(const AppendEntries&, const AppendEntries&) = default;
};
// Drops every entry up to and with `start.entry.index`; the rest stays. Same generation as before.
struct DropPrefix {
  GroupId group;
  LogStart start;
  friend bool operator==(const DropPrefix&, const DropPrefix&) = default;
};
// A group is born, or its state was replaced by a snapshot: no entries, this start. One record switches
// generation, log start and configuration.
struct ResetLog {
  GroupId group;
  LogStart start;
  friend bool operator==(const ResetLog&, const ResetLog&) = default;
};
// The group's namespace is gone: forget everything of it.
struct DropGroup {
  GroupId group;
  friend bool operator==(const DropGroup&, const DropGroup&) = default;
};
using LogRecord = std::variant<BootRecord, SetHardState, TruncateSuffix, AppendEntries, DropPrefix,
                               ResetLog, DropGroup>;

// A run of entries of one term: from `first` up to the next run.
struct TermRun {
  Index first;
  Term term;
  friend bool operator==(const TermRun&, const TermRun&) = default;
};
struct PlacedConfiguration {
  Index index;  // of its entry
  Configuration configuration;
  friend bool operator==(const PlacedConfiguration&, const PlacedConfiguration&) = default;
};

struct RecoveredGroup {
  GroupId group;
  HardState hard;
  LogStart start;
  Index last;                                       // = start.entry.index for an empty log
  std::vector<TermRun> terms;                       // of the entries in (start, last]
  std::vector<PlacedConfiguration> configurations;  // of the entries in (start, last]
  // What the map holds of generation start.generation (the system group: = start.entry).
  // Invariant: start.entry.index <= applied.index <= last.
  EntryId applied;
  friend bool operator==(const RecoveredGroup&, const RecoveredGroup&) = default;
};

struct Identity {
  std::uint64_t cluster = 0;
  NodeId node;
  Incarnation incarnation;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Recovered {
  Identity identity;
  BootNumber last_boot;                // of the life before this one; 0 = none
  std::vector<RecoveredGroup> groups;  // by group, ascending; the system group last
  friend bool operator==(const Recovered&, const Recovered&) = default;
};

}  // namespace quorate
