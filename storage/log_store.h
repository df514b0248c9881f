// storage/log_store.h — the log port's records as batches of an ordered map, and back.
//
// Model: one `Append` is one atomic batch. For each group four kinds of rows: hard state, log start, tail (last
//   index and its check value), and one row an entry, under (group, generation, index). Every row's CRC covers
//   the store's identity, the key and the content; an entry's content includes the CRC of the entry before it,
//   so that a missing, misplaced, swapped or stale entry breaks the chain.
// Invariants: the rows of a group are those of one generation, without a hole, from its start to its tail.
// Errors: DataLoss, with what and where, for anything that is not exactly what was written; it is never
//   repaired or cut off here. FailedPrecondition for a whole store that belongs to somebody else.
//   After a failed write nothing is written any more.
// Threads: none; one owner.
#pragma once
#include <span>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "engine/record.h"
#include "storage/kv.h"
#include "storage/log_image.h"

namespace quorate {

class LogStore {
 public:
  // Reads and checks everything. `kv` must outlive the result. An empty store is DataLoss: a cluster begins
  // only by `Bootstrap`, so it is a wiped one.
  static absl::StatusOr<LogStore> Open(Kv& kv, const Identity& expected);

  // Makes an empty store `identity`'s, with these records in it: one batch, synced. FailedPrecondition on a
  // store that holds anything.
  static absl::Status Format(Kv& kv, const Identity& identity, std::span<const LogRecord> records);

  // As found by `Open`; `applied` of every group is its start (the map knows better: storage/recovery.h).
  const Recovered& recovered() const { return recovered_; }

  // Writes the records as one atomic batch, which is durable after the next OK `Sync`.
  // Requires: seq follows the one before (1 at first); records that fit the log as record.h says.
  absl::Status Append(PersistSeq seq, std::span<const LogRecord> records);
  absl::Status Sync();

  // `Append` in two halves, so that several writes become one batch.
  absl::Status Stage(PersistSeq seq, std::span<const LogRecord> records);
  absl::Status Commit();
  PersistSeq last_staged() const { return last_seq_; }

  // Entries first.. <= last, as many as `max_bytes` of their cost allows, at least one. Sees what was
  // committed, durable or not. OutOfRange if the log does not hold [first, last].
  absl::StatusOr<EntryList> ReadEntries(GroupId group, Index first, Index last,
                                        std::size_t max_bytes) const;

  // Last index of a group; nullopt: no such group.
  std::optional<Index> LastIndex(GroupId group) const;

 private:
  struct GroupState {
    Generation generation;
    Index start;
    std::uint32_t anchor = 0;  // check value that stands before the first entry
    Index last;
    std::uint32_t chain = 0;  // check value of the last entry; = anchor when there is none
  };

  LogStore(Kv& kv, std::uint32_t seed) : kv_(&kv), seed_(seed) {}

  absl::Status StageRecord(const LogRecord& record);
  void StageBoot(const BootRecord& record);
  void StageHardState(const SetHardState& record);
  absl::Status StageTruncate(const TruncateSuffix& record);
  void StageAppend(const AppendEntries& record);
  absl::Status StageDropPrefix(const DropPrefix& record);
  void StageReset(const ResetLog& record);
  void StageDropGroup(const DropGroup& record);
  void StageStart(GroupId group, const LogStart& start, std::uint32_t anchor);
  void StageGroups();
  void StageTails();
  std::uint32_t PutSealed(std::string key, std::string content);
  GroupState& StateOf(GroupId group);
  void MarkMoved(GroupId group);
  absl::StatusOr<std::uint32_t> ChainAt(GroupId group, const GroupState& state, Index index) const;
  absl::Status Fail(absl::Status status);

  Kv* kv_;
  std::uint32_t seed_;  // of this store's CRCs
  Recovered recovered_;
  BootNumber last_boot_;
  PersistSeq last_seq_;
  absl::btree_map<GroupId, GroupState> groups_;
  std::vector<GroupId> moved_;  // groups whose tail the staged batch changes
  KvBatch staged_;
  absl::Status failed_;
};

}  // namespace quorate
