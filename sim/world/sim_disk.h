// sim/world/sim_disk.h — one machine's disk as its process sees it: the log port and the map port.
//
// Model: the real stores (key layout, checksums, recovery) over maps in memory that play the disk and outlive
//   the process. Writes are seen at once and durable later: a sync of the log, or a flush of the map, ends as
//   an event after its time. A crash takes a suffix of what is not durable.
//   Every port call is an effect boundary: a process that is to die there is ended by an exception that only
//   the machine sees, and nothing of that call happens.
// Invariants: what was reported durable is never lost, unless the sync lied; at most one sync is under way; nothing is reported
//   after a failure but the failure.
// Faults: slow, stalled, full; a failing write or sync; a failing map write; rows that read as corrupt for
//   ever (which counts as damage of the node).
// Units: virtual nanoseconds. Errors: those injected.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

#include "engine/ports.h"
#include "sim/world/node_fates.h"
#include "sim/world/shared.h"
#include "storage/log_store.h"
#include "storage/map_store.h"
#include "storage/mem_kv.h"

namespace quorate::sim {

// Thrown by a port when the process is to die at this boundary.
struct ProcessDied {
  bool in_state_machine =
      false;  // inside a piece of state-machine work, not while carrying out effects
};

// Counts port calls down to the one at which the process dies.
class Breaker {
 public:
  void Arm(std::uint32_t calls) {
    armed_ = true;
    left_ = calls;
  }
  void Disarm() { armed_ = false; }
  bool armed() const { return armed_; }
  void Pass(bool in_state_machine = false) {
    if (!armed_) return;
    if (left_ == 0) throw ProcessDied{in_state_machine};
    --left_;
  }

 private:
  bool armed_ = false;
  std::uint32_t left_ = 0;
};

// The two stores of one machine, and what is wrong with them. Outlives processes.
class SimDisk {
 public:
  SimDisk(Shared& shared, NodeId node);

  MemKv log;
  MemKv map;
  std::int64_t stalled_until = 0;
  bool full = false;
  bool fail_next_sync = false;
  bool fail_next_write = false;
  bool fail_next_map_write = false;
  std::int64_t lies_until = 0;  // syncs say that all is durable, and nothing is
  bool healed = false;          // no more faults of single operations
  // What was ordered to fail and has not been done yet.
  bool fails_next() const { return fail_next_sync || fail_next_write || fail_next_map_write; }
  // Something in the stores is not what was written, or would not be after a crash.
  bool HoldsCorruption() const { return log.HoldsCorruption() || map.HoldsCorruption(); }

  // Everything takes `factor` times as long until then. Of several the slowest counts, each until its own end.
  void Slow(std::int64_t until, std::int64_t factor);
  std::int64_t SlowFactor() const;  // now; 1: none
  void Lie(std::int64_t until) { lies_until = std::max(lies_until, until); }

  // How long something that takes `ns` on a good day takes now, or when it ends if nothing finishes before.
  std::int64_t EndOf(std::int64_t ns);
  // When something ends that was to end during a stall.
  std::int64_t EndOfStall() { return EndOf(0); }
  // When the last operation that was begun so far ends.
  std::int64_t busy_until() const { return busy_until_; }
  std::int64_t SyncEnd() { return EndOf(fates_.Time(NodeSite::kSync, sync_time_, sync_)); }
  std::int64_t ReadEnd() { return EndOf(fates_.Time(NodeSite::kRead, read_time_, read_)); }
  std::int64_t WorkEnd() { return EndOf(fates_.Time(NodeSite::kWork, work_time_, work_)); }
  std::int64_t FlushEnd() { return EndOf(fates_.Time(NodeSite::kFlush, flush_time_, flush_)); }
  // From now on what takes longer counts as trouble; until when it lasts.
  void SetPatience(std::int64_t patience_ns) { patience_ns_ = patience_ns; }
  std::int64_t troubled_until() const { return troubled_until_; }
  // From now on everything takes at most `bound_ns`, and nothing goes wrong any more.
  void Heal(std::int64_t bound_ns);

  // Whether a fault of this kind strikes now; it does only if the node may fail, and then counts as failed.
  bool WriteFails();
  bool SyncFails();
  bool MapWriteFails();
  bool FlushFails();
  // Whether the sync that is over now has done nothing and says that it did. Asks no budget.
  bool SyncLies();
  // A row that is about to be read goes bad for ever.
  void MaybeCorrupt(MemKv& kv, std::string_view from, std::optional<std::string_view> to);
  // The same for a row of the log that `place` chooses.
  void MaybeCorruptOne(absl::FunctionRef<std::optional<std::string>(std::uint64_t bits)> place);
  // Any row of either store may have gone bad while nobody looked.
  void MaybeCorruptAtRest();
  bool corrupts() const {
    return !healed && (corrupt_ > 0 || fates_.MayStrike(NodeSite::kCorrupt));
  }
  bool FlushesItself();

  // How many of the unsynced batches a crash leaves. Asks anew each time.
  Kept KeptInCrash();
  NodeFates& fates() { return fates_; }

 private:
  bool Strikes(NodeSite site, Choice& choice, std::int64_t parts, const char* name);
  bool TakeOrder(bool& fail_next);
  bool MayStrike(const NodeFates::Strike& strike) const;
  // The chance of a fault that has `parts` by its configuration: none while it is quiet.
  std::int64_t NowOf(std::int64_t parts) const;
  void Spoiled(const NodeFates::Strike& strike, std::size_t rows);

  struct Slowness {
    std::int64_t until;
    std::int64_t factor;
  };

  Shared& shared_;
  NodeId node_;
  NodeFates fates_;
  std::vector<Slowness> slow_;
  std::int64_t busy_until_ = 0;
  std::int64_t patience_ns_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t troubled_until_ = -1;
  Dist sync_, read_, work_, flush_;
  std::int64_t write_error_ = 0, sync_error_ = 0, map_error_ = 0, corrupt_ = 0, self_flush_ = 0;
  Choice sync_time_, read_time_, work_time_, flush_time_;
  std::int64_t lying_sync_ = 0;
  Choice lying_sync_choice_;
  Choice write_error_choice_, sync_error_choice_, map_error_choice_, corrupt_choice_,
      self_flush_choice_, at_rest_choice_, flush_error_choice_;
  Choice kept_log_, kept_map_;
};

class SimLog final : public LogPort {
 public:
  // `life` marks the events of this process.
  SimLog(Shared& shared, NodeId node, std::uint32_t life, SimDisk& disk, LogStore store,
         Breaker& breaker);

  void Append(PersistSeq seq, std::span<const LogRecord> records) override;
  void Sync() override;
  void Read(const ReadLog& request) override;

  // A sync ends now. What the engine is to be told; nullopt: not over yet, or nothing to tell.
  std::optional<Input> OnSyncDone(std::uint64_t number);
  // The answer to a read.
  Input TakeRead(std::uint32_t slot) { return reads_.Take(slot); }

  PersistSeq appended() const { return appended_; }
  // The last write that is on the disk if it holds `batches` batches.
  PersistSeq SeqOfBatch(std::uint64_t batches) const;
  // The last write that was reported durable.
  PersistSeq reported() const { return durable_.seq; }
  bool failed() const { return failed_at_.has_value(); }
  bool syncing() const { return syncing_.has_value(); }

 private:
  struct Mark {
    PersistSeq seq;
    std::uint64_t batch = 0;  // of the store, once this write was in it
  };
  void StartSync();
  void Fail(PersistSeq seq);
  std::optional<std::string> EntryToSpoil(GroupId group, std::uint64_t bits) const;
  // Whether one of these entries is spoiled.
  bool Damaged(GroupId group, Index first, Count count) const;

  Shared& shared_;
  NodeId node_;
  std::uint32_t life_;
  SimDisk& disk_;
  LogStore store_;
  Breaker& breaker_;
  Slab<Input> reads_;
  std::deque<Mark> unsynced_;
  std::deque<Mark> lied_;  // reported durable by syncs that did nothing
  Mark durable_;           // as far as was reported
  PersistSeq held_;        // as far as is true
  PersistSeq appended_;
  bool wanted_ = false;
  std::optional<Mark> syncing_;
  std::uint64_t sync_number_ = 0;
  std::optional<PersistSeq> failed_at_;
};

class SimMap final : public MapPort {
 public:
  SimMap(Shared& shared, NodeId node, std::uint32_t life, SimDisk& disk, MapStore store,
         Breaker& breaker);

  absl::StatusOr<std::optional<std::string>> Get(const MapSpace& space, Table table,
                                                 std::string_view key) const override;
  absl::StatusOr<MapPage> Scan(const MapSpace& space, Table table, std::string_view from,
                               std::optional<std::string_view> to, MapLimit limit) const override;
  absl::Status Write(const MapSpace& space, std::span<const MapChange> changes) override;
  absl::Status Drop(const MapSpace& space) override;
  absl::StatusOr<std::vector<MapSpace>> Spaces() const override { return store_.Spaces(); }
  absl::StatusOr<std::unique_ptr<MapReader>> Pin(const MapSpace& space) const override;
  void StartFlush(PortRequest id) override;

  MapStore& store() { return store_; }
  // Everything that was written when flush `id` began is durable now. nullopt: not over yet.
  std::optional<bool> OnFlushDone(PortRequest id);

 private:
  struct Flush {
    PortRequest id;
    std::uint64_t upto = 0;
  };

  bool Damaged(const MapSpace& space, Table table, const absl::StatusOr<MapPage>& page) const;

  Shared& shared_;
  NodeId node_;
  std::uint32_t life_;
  SimDisk& disk_;
  MapStore store_;
  Breaker& breaker_;
  std::deque<Flush> flushes_;
};

}  // namespace quorate::sim
