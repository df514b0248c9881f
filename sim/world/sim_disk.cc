#include "sim/world/sim_disk.h"

#include <algorithm>
#include <string>

#include "sim/world/quiet.h"
#include "storage/keys.h"

namespace quorate::sim {
namespace {

// A boot reads a store from end to end, and counts as so many reads.
constexpr std::int64_t kReadsOfABoot = 16;
// It writes as much as many syncs do.
constexpr std::int64_t kSyncsOfAFlush = 8;
constexpr std::int64_t kMostAtRest = kWhole / 4;

absl::Status Injected(const char* what) { return absl::UnavailableError(what); }

}  // namespace

SimDisk::SimDisk(Shared& shared, NodeId node) : shared_(shared), node_(node), fates_(shared, node) {
  const DiskConfig& config = shared.config.disk;
  const std::uint64_t entity = NodeKey(node);
  const std::uint64_t seed = shared.seed;
  sync_ = config.sync_ns.At(entity);
  read_ = config.read_ns.At(entity);
  work_ = config.work_ns.At(entity);
  flush_ = config.flush_ns.At(entity);
  write_error_ = config.write_error_parts.At(entity);
  sync_error_ = config.sync_error_parts.At(entity);
  map_error_ = config.map_error_parts.At(entity);
  corrupt_ = config.corrupt_row_parts.At(entity);
  lying_sync_ = config.lying_sync_parts.At(entity);
  self_flush_ = config.self_flush_parts.At(entity);
  sync_time_ = Choice(seed, "disk.sync", entity);
  read_time_ = Choice(seed, "disk.read", entity);
  work_time_ = Choice(seed, "disk.work", entity);
  flush_time_ = Choice(seed, "disk.flush", entity);
  write_error_choice_ = Choice(seed, "disk.write_error", entity);
  sync_error_choice_ = Choice(seed, "disk.sync_error", entity);
  map_error_choice_ = Choice(seed, "disk.map_error", entity);
  lying_sync_choice_ = Choice(seed, "disk.lying_sync", entity);
  corrupt_choice_ = Choice(seed, "disk.corrupt_row", entity);
  at_rest_choice_ = Choice(seed, "disk.corrupt_at_rest", entity);
  flush_error_choice_ = Choice(seed, "disk.flush_error", entity);
  self_flush_choice_ = Choice(seed, "disk.self_flush", entity);
  kept_log_ = Choice(seed, "disk.kept_log", entity);
  kept_map_ = Choice(seed, "disk.kept_map", entity);
}

std::int64_t SimDisk::EndOf(std::int64_t ns) {
  const std::int64_t now = shared_.now();
  ns *= SlowFactor();
  const std::int64_t end = std::max(now + ns, stalled_until);
  busy_until_ = std::max(busy_until_, end);
  if (end - now > patience_ns_) troubled_until_ = std::max(troubled_until_, end);
  return end;
}

void SimDisk::Slow(std::int64_t until, std::int64_t factor) {
  std::erase_if(slow_, [this](const Slowness& one) { return one.until <= shared_.now(); });
  slow_.push_back({until, factor});
}

std::int64_t SimDisk::SlowFactor() const {
  std::int64_t factor = 1;
  for (const Slowness& one : slow_) {
    if (shared_.now() < one.until) factor = std::max(factor, one.factor);
  }
  return factor;
}

void SimDisk::Heal(std::int64_t bound_ns) {
  for (Dist* dist : {&sync_, &read_, &work_, &flush_}) *dist = Bounded(*dist, bound_ns);
  fates_.Bound(bound_ns);
  stalled_until = 0;
  slow_.clear();
  full = fail_next_sync = fail_next_write = fail_next_map_write = false;
  lies_until = 0;
  healed = true;
}

std::int64_t SimDisk::NowOf(std::int64_t parts) const {
  return healed || IsQuiet(shared_.config.time, shared_.now()) ? 0 : parts;
}

// What is written strikes whatever the budget says: it was asked when the script was made.
bool SimDisk::Strikes(NodeSite site, Choice& choice, std::int64_t parts, const char* name) {
  const NodeFates::Strike strike = fates_.Ask(site, choice, NowOf(parts));
  if (healed || !strike.bits) return false;
  const std::size_t node = shared_.EndpointOf(node_);
  if (!fates_.scripted() && !shared_.budget.MayHurt(node)) return false;
  fates_.Note(site, strike.nth, 0);
  shared_.budget.Set(node, Hurt::kFailed);
  shared_.injected.Add(name);
  return true;
}

// Ordered and counted by the schedule, perhaps a life ago: it is in this one that something failed.
bool SimDisk::TakeOrder(bool& fail_next) {
  if (!std::exchange(fail_next, false)) return false;
  shared_.budget.Set(shared_.EndpointOf(node_), Hurt::kFailed);
  return true;
}

bool SimDisk::WriteFails() {
  if (TakeOrder(fail_next_write)) return true;
  return Strikes(NodeSite::kWriteError, write_error_choice_, write_error_, "disk.write_error");
}
bool SimDisk::MapWriteFails() {
  if (TakeOrder(fail_next_map_write)) return true;
  return Strikes(NodeSite::kMapError, map_error_choice_, map_error_, "disk.map_error");
}
bool SimDisk::FlushFails() {
  return Strikes(NodeSite::kSyncError, flush_error_choice_,
                 std::min(sync_error_ * kSyncsOfAFlush, kWhole), "disk.flush_error");
}
bool SimDisk::SyncFails() {
  if (TakeOrder(fail_next_sync)) return true;
  return Strikes(NodeSite::kSyncError, sync_error_choice_, sync_error_, "disk.sync_error");
}

bool SimDisk::SyncLies() {
  if (lies_until > shared_.now()) {
    shared_.injected.Add("disk.lying_sync");
    return true;
  }
  const NodeFates::Strike strike =
      fates_.Ask(NodeSite::kLyingSync, lying_sync_choice_, NowOf(lying_sync_));
  if (healed || !strike.bits) return false;
  fates_.Note(NodeSite::kLyingSync, strike.nth, 0);
  shared_.injected.Add("disk.lying_sync");
  return true;
}

void SimDisk::MaybeCorrupt(MemKv& kv, std::string_view from, std::optional<std::string_view> to) {
  if (!corrupts()) return;
  const NodeFates::Strike strike = fates_.Ask(NodeSite::kCorrupt, corrupt_choice_, NowOf(corrupt_));
  if (!MayStrike(strike)) return;
  Spoiled(strike, to ? kv.CorruptRange(from, to, *strike.bits)
                     : (kv.CorruptRow(from, *strike.bits) ? 1 : 0));
}

void SimDisk::MaybeCorruptOne(
    absl::FunctionRef<std::optional<std::string>(std::uint64_t bits)> place) {
  if (!corrupts()) return;
  const NodeFates::Strike strike = fates_.Ask(NodeSite::kCorrupt, corrupt_choice_, NowOf(corrupt_));
  if (!MayStrike(strike)) return;
  const std::optional<std::string> key = place(*strike.bits);
  Spoiled(strike, key && log.CorruptRow(*key, *strike.bits) ? 1 : 0);
}

void SimDisk::MaybeCorruptAtRest() {
  if (!corrupts()) return;
  const NodeFates::Strike strike = fates_.Ask(
      NodeSite::kCorrupt, at_rest_choice_, NowOf(std::min(corrupt_ * kReadsOfABoot, kMostAtRest)));
  if (!MayStrike(strike)) return;
  MemKv& kv = Below(*strike.bits, 4) == 0 ? map : log;
  if (kv.rows().empty()) return;
  const auto nth = static_cast<std::ptrdiff_t>(Below(Mix(*strike.bits), kv.rows().size()));
  const std::string key = std::next(kv.rows().begin(), nth)->first;
  Spoiled(strike, kv.CorruptRow(key, *strike.bits) ? 1 : 0);
}

bool SimDisk::MayStrike(const NodeFates::Strike& strike) const {
  if (!strike.bits) return false;
  const std::size_t node = shared_.EndpointOf(node_);
  return fates_.scripted() || (shared_.budget.MayDamage(node) && shared_.MayDamage(node));
}

void SimDisk::Spoiled(const NodeFates::Strike& strike, std::size_t rows) {
  if (rows == 0) return;
  fates_.Note(NodeSite::kCorrupt, strike.nth, static_cast<std::int64_t>(*strike.bits));
  shared_.budget.Set(shared_.EndpointOf(node_), Hurt::kDamaged);
  shared_.injected.Add("disk.corrupt_row", rows);
  shared_.damage.push_back(
      Damage{node_, "disk.corrupt_row", shared_.verdicts.event(), shared_.now()});
}

bool SimDisk::FlushesItself() {
  const NodeFates::Strike strike =
      fates_.Ask(NodeSite::kSelfFlush, self_flush_choice_, self_flush_);
  if (strike.bits) fates_.Note(NodeSite::kSelfFlush, strike.nth, 0);
  return strike.bits.has_value();
}

Kept SimDisk::KeptInCrash() {
  const std::uint64_t log_bits = kept_log_.Bits();
  const std::uint64_t map_bits = kept_map_.Bits();
  const auto unsynced =
      static_cast<CrashUnsynced>(shared_.config.disk.crash_unsynced.At(NodeKey(node_)));
  Kept kept{log.unsynced(), map.unsynced()};
  if (unsynced == CrashUnsynced::kKeep) return kept;
  kept.log = unsynced == CrashUnsynced::kLoseAll ? 0 : Below(log_bits, log.unsynced() + 1);
  // Half of the time all the way back to the last flush: the far end is where replay is longest.
  kept.map = Below(map_bits, 2) == 0 ? 0 : Below(Mix(map_bits), map.unsynced() + 1);
  return kept;
}

// ---- the log port --------------------------------------------------------------------------------------

SimLog::SimLog(Shared& shared, NodeId node, std::uint32_t life, SimDisk& disk, LogStore store,
               Breaker& breaker)
    : shared_(shared),
      node_(node),
      life_(life),
      disk_(disk),
      store_(std::move(store)),
      breaker_(breaker) {
  durable_.batch = disk.log.written();
}

void SimLog::Fail(PersistSeq seq) {
  failed_at_ = seq;
  Event event;
  event.kind = EventKind::kSyncDone;
  event.node = static_cast<std::uint16_t>(node_.value());
  event.life = life_;
  event.a = ++sync_number_;
  syncing_.reset();
  shared_.queue.Push(disk_.SyncEnd(), event);
}

void SimLog::Append(PersistSeq seq, std::span<const LogRecord> records) {
  breaker_.Pass();
  if (failed_at_) return;
  if (disk_.WriteFails()) disk_.log.FailNextWrite(Injected("injected: write failed"));
  const absl::Status status = store_.Append(seq, records);
  if (!status.ok()) {
    Fail(seq);
    return;
  }
  appended_ = seq;
  unsynced_.push_back(Mark{seq, disk_.log.written()});
}

void SimLog::Sync() {
  breaker_.Pass();
  if (failed_at_ || unsynced_.empty()) return;
  wanted_ = true;
  if (!syncing_) StartSync();
}

void SimLog::StartSync() {
  wanted_ = false;
  syncing_ = unsynced_.back();
  Event event;
  event.kind = EventKind::kSyncDone;
  event.node = static_cast<std::uint16_t>(node_.value());
  event.life = life_;
  event.a = ++sync_number_;
  shared_.queue.Push(disk_.SyncEnd(), event);
}

std::optional<Input> SimLog::OnSyncDone(std::uint64_t number) {
  if (number != sync_number_) return std::nullopt;
  if (disk_.stalled_until > shared_.now()) {
    Event event;
    event.kind = EventKind::kSyncDone;
    event.node = static_cast<std::uint16_t>(node_.value());
    event.life = life_;
    event.a = number;
    shared_.queue.Push(disk_.EndOfStall(), event);
    return std::nullopt;
  }
  if (failed_at_) return PersistFailed{*failed_at_};
  REQUIRE(syncing_.has_value());
  const bool fails = disk_.SyncFails();
  if (fails) disk_.log.FailNextSync(Injected("injected: sync failed"));
  const bool lies = !fails && !disk_.log.failed() && disk_.SyncLies();
  const absl::Status status = lies ? absl::OkStatus() : disk_.log.SyncUpTo(syncing_->batch);
  if (!status.ok()) {
    failed_at_ = Next(durable_.seq);
    return PersistFailed{*failed_at_};
  }
  durable_ = *syncing_;
  syncing_.reset();
  // A sync that does what it says keeps what earlier ones only said, too.
  if (!lies) {
    held_ = durable_.seq;
    lied_.clear();
  }
  while (!unsynced_.empty() && unsynced_.front().seq <= durable_.seq) {
    if (lies) lied_.push_back(unsynced_.front());
    unsynced_.pop_front();
  }
  if (wanted_ && !unsynced_.empty()) StartSync();
  return Persisted{durable_.seq};
}

void SimLog::Read(const ReadLog& request) {
  breaker_.Pass();
  disk_.MaybeCorruptOne([&](std::uint64_t bits) { return EntryToSpoil(request.group, bits); });
  LogRead answer;
  answer.id = request.id;
  answer.group = request.group;
  answer.first = request.first;
  absl::StatusOr<EntryList> entries =
      store_.ReadEntries(request.group, request.first, request.last, request.max_bytes);
  answer.ok = entries.ok();
  shared_.Watch([&](Invariants& watch) {
    const std::size_t read = entries.ok() ? entries->size() : 1;
    watch.OnLogRead(node_, request.id, Damaged(request.group, request.first, Count(read)),
                    entries.ok());
  });
  if (entries.ok()) answer.entries = *std::move(entries);
  Event event;
  event.kind = EventKind::kLogRead;
  event.node = static_cast<std::uint16_t>(node_.value());
  event.life = life_;
  event.slot = reads_.Put(Input(std::move(answer)));
  shared_.queue.Push(disk_.ReadEnd(), event);
}

// The group's oldest entry or any of them, whether or not it is among those that are read.
std::optional<std::string> SimLog::EntryToSpoil(GroupId group, std::uint64_t bits) const {
  const std::string prefix = GroupKey(LogTag::kEntry, group);
  const absl::StatusOr<KvPage> rows = disk_.log.Scan(prefix, AfterPrefix(prefix), KvLimit{1, 1});
  if (!rows.ok() || rows->rows.empty()) return std::nullopt;
  const std::optional<LogKey> oldest = ParseLogKey(rows->rows.front().key);
  const std::optional<Index> last = store_.LastIndex(group);
  if (!oldest || !last || *last < oldest->index || Below(bits, 2) == 0)
    return rows->rows.front().key;
  const std::uint64_t nth = Below(Mix(bits), last->value() - oldest->index.value() + 1);
  return EntryKey(group, oldest->generation, oldest->index + Count(nth));
}

bool SimLog::Damaged(GroupId group, Index first, Count count) const {
  if (disk_.log.corrupt_keys().empty()) return false;
  const auto& spoiled = disk_.log.corrupt_keys();
  return std::any_of(spoiled.begin(), spoiled.end(), [&](const std::string& key) {
    const std::optional<LogKey> parsed = ParseLogKey(key);
    return parsed && parsed->tag == LogTag::kEntry && parsed->group == group &&
           first <= parsed->index && parsed->index < first + count;
  });
}

PersistSeq SimLog::SeqOfBatch(std::uint64_t batches) const {
  PersistSeq last = held_;
  for (const std::deque<Mark>* marks : {&lied_, &unsynced_}) {
    for (const Mark& mark : *marks) {
      if (mark.batch <= batches) last = mark.seq;
    }
  }
  return last;
}

// ---- the map port --------------------------------------------------------------------------------------

SimMap::SimMap(Shared& shared, NodeId node, std::uint32_t life, SimDisk& disk, MapStore store,
               Breaker& breaker)
    : shared_(shared),
      node_(node),
      life_(life),
      disk_(disk),
      store_(std::move(store)),
      breaker_(breaker) {}

absl::StatusOr<std::optional<std::string>> SimMap::Get(const MapSpace& space, Table table,
                                                       std::string_view key) const {
  if (table == Table::kRow && disk_.corrupts()) {
    disk_.MaybeCorrupt(disk_.map, TablePrefix(space, table) + std::string(key), std::nullopt);
  }
  absl::StatusOr<std::optional<std::string>> row = store_.Get(space, table, key);
  shared_.Watch([&](Invariants& watch) {
    const auto& spoiled = disk_.map.corrupt_keys();
    watch.OnMapRead(
        node_, !spoiled.empty() && spoiled.contains(TablePrefix(space, table) + std::string(key)),
        row.ok());
  });
  return row;
}

absl::StatusOr<MapPage> SimMap::Scan(const MapSpace& space, Table table, std::string_view from,
                                     std::optional<std::string_view> to, MapLimit limit) const {
  if (table == Table::kRow && disk_.corrupts()) {
    const std::string prefix = TablePrefix(space, table);
    const std::string first = prefix + std::string(from);
    const std::string end = to ? prefix + std::string(*to) : AfterPrefix(prefix);
    disk_.MaybeCorrupt(disk_.map, first, std::string_view(end));
  }
  absl::StatusOr<MapPage> page = store_.Scan(space, table, from, to, limit);
  shared_.Watch(
      [&](Invariants& watch) { watch.OnMapRead(node_, Damaged(space, table, page), page.ok()); });
  return page;
}

// Of a page that could not be read it is not known what was looked at: it is enough that something is spoiled.
bool SimMap::Damaged(const MapSpace& space, Table table,
                     const absl::StatusOr<MapPage>& page) const {
  const auto& spoiled = disk_.map.corrupt_keys();
  if (spoiled.empty()) return false;
  if (!page.ok()) return true;
  const std::string prefix = TablePrefix(space, table);
  return std::any_of(page->rows.begin(), page->rows.end(),
                     [&](const MapRow& row) { return spoiled.contains(prefix + row.key); });
}

absl::Status SimMap::Write(const MapSpace& space, std::span<const MapChange> changes) {
  breaker_.Pass(/*in_state_machine=*/true);
  if (disk_.MapWriteFails()) disk_.map.FailNextWrite(Injected("injected: map write failed"));
  return store_.Write(space, changes);
}

absl::Status SimMap::Drop(const MapSpace& space) {
  breaker_.Pass(/*in_state_machine=*/true);
  return store_.Drop(space);
}

absl::StatusOr<std::unique_ptr<MapReader>> SimMap::Pin(const MapSpace& space) const {
  return store_.Pin(space);
}

void SimMap::StartFlush(PortRequest id) {
  breaker_.Pass();
  flushes_.push_back(Flush{id, disk_.map.written()});
  Event event;
  event.kind = EventKind::kFlushDone;
  event.node = static_cast<std::uint16_t>(node_.value());
  event.life = life_;
  event.a = id.value();
  shared_.queue.Push(disk_.FlushEnd(), event);
}

std::optional<bool> SimMap::OnFlushDone(PortRequest id) {
  if (disk_.stalled_until > shared_.now()) {
    Event event;
    event.kind = EventKind::kFlushDone;
    event.node = static_cast<std::uint16_t>(node_.value());
    event.life = life_;
    event.a = id.value();
    shared_.queue.Push(disk_.EndOfStall(), event);
    return std::nullopt;
  }
  for (auto flush = flushes_.begin(); flush != flushes_.end(); ++flush) {
    if (flush->id != id) continue;
    if (disk_.FlushFails()) disk_.map.FailNextSync(Injected("injected: flush failed"));
    const bool ok = disk_.map.SyncUpTo(flush->upto).ok();
    flushes_.erase(flush);
    return ok;
  }
  return std::nullopt;
}

}  // namespace quorate::sim
