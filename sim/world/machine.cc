#include "sim/world/machine.h"

#include <algorithm>
#include <utility>

#include "sim/world/liveness.h"
#include "sim/world/machine_process.h"
#include "storage/keys.h"

namespace quorate::sim {

Machine::Machine(Shared& shared, Wire& wire, Landmarks& landmarks, NodeId id)
    : shared_(shared), wire_(wire), landmarks_(landmarks), id_(id), disk_(shared, id) {
  const std::uint64_t entity = NodeKey(id);
  identity_.cluster = Mix(shared.config.cluster.options.seed, NameKey("cluster"));
  identity_.node = id;
  identity_.incarnation = Incarnation(1);
  aimed_ = Choice(shared.seed, "process.aimed", entity);
  restart_ = Choice(shared.seed, "process.restart", entity);
  recover_again_ = Choice(shared.seed, "process.recover_again", entity);
  kept_in_recovery_ = Choice(shared.seed, "process.kept_in_recovery", entity);
  const BudgetConfig& budget = shared.config.budget;
  const ClockBudget bound =
      budget.enforce_clock_bound ? ClockBudget(budget.clock_bound_ns) : ClockBudget();
  if (shared.config.script) {
    const ScriptedNode& node = shared.config.script->nodes[shared.EndpointOf(id)];
    clock_ = SimClock(node.wall_offset_ns, node.mono_drift_ppm, node.drift_ppm, bound);
    gather_ns_ = node.gather_ns;
    return;
  }
  clock_ = SimClock(shared.config.clocks.wall_offset_ns.At(entity),
                    shared.config.clocks.mono_drift_ppm.At(entity),
                    shared.config.clocks.drift_ppm.At(entity), bound);
  gather_ns_ = GatherOf(shared.seed, id);
}

std::int64_t Machine::GatherOf(std::uint64_t seed, NodeId id) {
  return Choice(seed, "process.gathers", NodeKey(id)).Below(3) == 0 ? 50'000 : 0;
}

Machine::~Machine() = default;

void Machine::Push(EventKind kind, std::int64_t at) {
  Event event;
  event.kind = kind;
  event.node = static_cast<std::uint16_t>(id_.value());
  event.life = life_;
  shared_.queue.Push(at, event);
}

void Machine::Say(const std::string& text) {
  if (shared_.trace.textual()) shared_.trace.Say(NodeName(id_) + " " + text);
}

// ---- life ----------------------------------------------------------------------------------------------

void Machine::Format(const Configuration& members) {
  const absl::Status status = Bootstrap(disk_.log, identity_, members);
  shared_.edges.OnStoreOpened(id_, /*spoiled=*/false, status);
}

void Machine::Refuse(const absl::Status& why) {
  damage_ = std::string(why.message());
  Say("refuses its store: " + damage_);
  if (lost_ == Loss::kLog || lost_ == Loss::kAll) Mark(shared_, "start.refused_without_log");
  const bool spoiled = deceived_ || shared_.budget.Is(shared_.EndpointOf(id_), Hurt::kDamaged);
  shared_.edges.OnStoreOpened(id_, spoiled, why);
  damaged_ = true;
  shared_.Watch([&](Invariants& watch) { watch.OnStopped(id_); });
}

std::optional<RecoveredNode> Machine::Recover(MapStore& map) {
  const KvLimits& limits = shared_.config.cluster.options.kv;
  absl::StatusOr<RecoveredNode> node = RecoverNode(disk_.log, map, identity_, limits);
  if (!node.ok()) {
    Refuse(node.status());
    return std::nullopt;
  }
  return *std::move(node);
}

void Machine::Boot() {
  if (process_ != nullptr || damaged_) return;
  stays_down_ = false;
  ++life_;
  ++boots_;
  if (boots_ > 1) disk_.MaybeCorruptAtRest();
  for (int attempt = 0;; ++attempt) {
    absl::StatusOr<MapStore> map = MapStore::Open(disk_.map, identity_);
    if (!map.ok()) return Refuse(map.status());
    std::optional<RecoveredNode> node = Recover(*map);
    if (!node) return;
    const std::optional<Kept> kept = attempt == 0 ? KeptInRecovery() : std::nullopt;
    if (kept) {
      // Power fails again in the middle of recovery: doing it once more must find the same.
      const Recovered first = node->recovered;
      disk_.log.Crash(std::min(kept->log, disk_.log.unsynced()));
      disk_.map.Crash(std::min(kept->map, disk_.map.unsynced()));
      shared_.injected.Add("process.crash_in_recovery");
      absl::StatusOr<MapStore> again = MapStore::Open(disk_.map, identity_);
      if (!again.ok()) return Refuse(again.status());
      const std::optional<RecoveredNode> second = Recover(*again);
      if (!second) return;
      shared_.edges.OnRecoveredTwice(id_, first, second->recovered);
      continue;
    }
    shared_.edges.OnStoreOpened(id_, /*spoiled=*/false, absl::OkStatus());
    if (!MayStart()) return;
    NoteMended();
    shared_.edges.OnProcess(id_);
    const BootNumber boot = Next(node->recovered.last_boot);
    if (shared_.trace.textual()) Say("boots, life " + std::to_string(boot.value()));
    shared_.trace.FoldAll(id_.value(), boot.value());
    shared_.Watch([&](Invariants& watch) {
      // Recovery has read every row of the log.
      watch.OnLogRead(id_, PortRequest(), !disk_.log.corrupt_keys().empty(), /*ok=*/true);
      watch.OnBoot(id_, node->recovered, boot);
    });
    landmarks_.OnBoot(id_, node->recovered);
    const Recovered recovered = std::move(node->recovered);
    process_ = std::make_unique<Process>(shared_, wire_, *this, recovered, std::move(node->log),
                                         *std::move(map));
    break;
  }
  shared_.budget.Clear(shared_.EndpointOf(id_), Hurt::kDown);
  // What was ordered to fail still will.
  if (!disk_.fails_next()) shared_.budget.Clear(shared_.EndpointOf(id_), Hurt::kFailed);
  told_stopped_ = false;
  Turn([this] {
    IntoHost([&] { process_->host.Start(now()); }, [&] { AfterStart(); });
    for (std::uint32_t peer = 1; peer <= shared_.nodes; ++peer) {
      process_->links.AddPeer(now().mono, NodeId(peer), process_->outputs);
    }
    Carry(process_->outputs);
  });
  TellSpace();
}

// What a failure of power in the middle of this boot leaves; nullopt: there is none.
std::optional<Kept> Machine::KeptInRecovery() {
  NodeFates& fates = disk_.fates();
  if (fates.scripted()) {
    const NodeDeviation* line = fates.Find(NodeSite::kRecoveryCrash, boots_ - 1);
    if (line == nullptr) return std::nullopt;
    fates.Note(NodeSite::kRecoveryCrash, boots_ - 1, 0, line->kept);
    return line->kept;
  }
  if (boots_ <= 1 || recover_again_.Below(8) != 0) return std::nullopt;
  Kept kept;
  kept.log = kept_in_recovery_.Below(disk_.log.unsynced() + 1);
  kept.map = kept_in_recovery_.Below(disk_.map.unsynced() + 1);
  fates.Note(NodeSite::kRecoveryCrash, boots_ - 1, 0, kept);
  return kept;
}

// Its stores were accepted: were they to be?
bool Machine::MayStart() {
  shared_.edges.OnAccepted(id_, /*log_lost=*/lost_ == Loss::kLog || lost_ == Loss::kAll);
  if (lost_ == Loss::kNothing) return true;
  if (lost_ != Loss::kMap) return false;
  // The log begins at its first entry: everything is applied once more.
  lost_ = Loss::kNothing;
  shared_.damage.push_back({id_, kMended, shared_.verdicts.event(), shared_.now()});
  shared_.budget.Clear(shared_.EndpointOf(id_), Hurt::kWiped);
  shared_.budget.Clear(shared_.EndpointOf(id_), Hurt::kDamaged);
  return true;
}

// What was spoiled is gone, and this process never saw it.
void Machine::NoteMended() {
  const std::size_t node = shared_.EndpointOf(id_);
  if (!shared_.budget.Is(node, Hurt::kDamaged) || !whole()) return;
  shared_.budget.Clear(node, Hurt::kDamaged);
  shared_.damage.push_back({id_, kMended, shared_.verdicts.event(), shared_.now()});
  Say("holds nothing spoiled any more");
}

void Machine::LoseInCrash(Loss loss) {
  loss_to_come_ = loss;
  if (process_ == nullptr) LoseNow();
}

void Machine::LoseNow() {
  const Loss loss = std::exchange(loss_to_come_, Loss::kNothing);
  if (loss == Loss::kNothing) return;
  if (loss == Loss::kImage) return PutImageBack();
  const bool log = loss == Loss::kLog || loss == Loss::kAll;
  const bool map = loss == Loss::kMap || loss == Loss::kAll;
  if (log) disk_.log.Replace({});
  if (map) disk_.map.Replace({});
  lost_ = log || lost_ == Loss::kLog || lost_ == Loss::kAll ? Loss::kAll : Loss::kMap;
  const std::size_t node = shared_.EndpointOf(id_);
  shared_.budget.Set(node, Hurt::kDamaged);
  shared_.budget.Set(node, Hurt::kWiped);
  const char* fault = log && map ? "process.wipe" : log ? "process.wipe_log" : "process.wipe_map";
  shared_.injected.Add(fault);
  shared_.damage.push_back({id_, fault, shared_.verdicts.event(), shared_.now()});
  if (shared_.trace.textual())
    Say(log && map ? "loses its disk" : log ? "loses its log" : "loses its map");
  shared_.trace.FoldAll(id_.value(), static_cast<int>(loss));
  if (log) shared_.Watch([&](Invariants& watch) { watch.OnWiped(id_); });
}

// A disk that is damaged already stays so: it would be as good as new.
void Machine::PutImageBack() {
  if (!image_ || lost_ != Loss::kNothing || damaged_ ||
      shared_.budget.Is(shared_.EndpointOf(id_), Hurt::kDamaged)) {
    return;
  }
  disk_.log.Replace(image_->first);
  disk_.map.Replace(image_->second);
  shared_.injected.Add("process.old_image");
  Say("has the disk of some time ago");
  shared_.trace.FoldAll(id_.value(), static_cast<int>(Loss::kImage));
  deceived_ = true;
  shared_.BreakPromise();
}

bool Machine::CorruptStore(StorePart store, std::int64_t nth) {
  MemKv& kv = store == StorePart::kLog ? disk_.log : disk_.map;
  const std::string* chosen = nullptr;
  for (const auto& [key, value] : kv.rows()) {
    bool counts = false;
    if (store == StorePart::kLog) {
      const std::optional<LogKey> parsed = ParseLogKey(key);
      counts = parsed && parsed->tag == LogTag::kEntry;
    } else if (const std::optional<MapSpace> space = ParseMapSpace(key)) {
      counts = key.starts_with(TablePrefix(*space, Table::kRow));
    }
    if (!counts) continue;
    chosen = &key;
    if (nth-- == 0) break;
  }
  if (chosen == nullptr || !kv.CorruptRow(*chosen, Mix(NameKey(*chosen)))) return false;
  shared_.budget.Set(shared_.EndpointOf(id_), Hurt::kDamaged);
  shared_.injected.Add("disk.corrupt_row");
  shared_.damage.push_back({id_, "disk.corrupt_row", shared_.verdicts.event(), shared_.now()});
  return true;
}

void Machine::Crash(std::optional<std::int64_t> restart_after) {
  if (!restart_after) stays_down_ = true;
  if (process_ == nullptr) return;
  restart_after_ = restart_after;
  FinishCrash();
}

void Machine::CrashInTurn(std::uint32_t call, std::optional<std::int64_t> restart_after) {
  if (process_ == nullptr) return;
  breaker_.Arm(call);
  crash_in_turn_ = true;
  restart_after_ = restart_after;
}

void Machine::CallOffCrash() {
  breaker_.Disarm();
  crash_in_turn_ = false;
  loss_to_come_ = Loss::kNothing;
  keep_to_come_.reset();
  if (shared_.recording != nullptr) shared_.recording->crash_of[shared_.EndpointOf(id_)].reset();
}

Kept Machine::KeptInCrash() {
  const std::size_t node = shared_.EndpointOf(id_);
  NodeFates& fates = disk_.fates();
  Recording* const recording = shared_.recording;
  const bool ordered = recording != nullptr && recording->crash_of[node].has_value();
  Kept kept{disk_.log.unsynced(), disk_.map.unsynced()};
  if (keep_to_come_) {
    kept.log = std::min(kept.log, keep_to_come_->log);
    kept.map = std::min(kept.map, keep_to_come_->map);
  } else if (fates.scripted()) {
    const std::uint64_t nth = fates.Count(NodeSite::kCrash);
    if (const NodeDeviation* line = fates.Find(NodeSite::kCrash, nth); line != nullptr) {
      kept = {std::min(kept.log, line->kept.log), std::min(kept.map, line->kept.map)};
      fates.Note(NodeSite::kCrash, nth, 0, kept);
    }
  } else {
    kept = disk_.KeptInCrash();
    if (ordered) {
      std::get<CrashAction>(recording->faults[*recording->crash_of[node]].action).keep = kept;
    } else {
      fates.Note(NodeSite::kCrash, fates.Count(NodeSite::kCrash), 0, kept);
    }
  }
  if (recording != nullptr) recording->crash_of[node].reset();
  keep_to_come_.reset();
  return kept;
}

void Machine::FinishCrash() {
  breaker_.Disarm();
  crash_in_turn_ = false;
  landmarks_.OnCrash(id_, process_->host.replica());
  const Kept kept = KeptInCrash();
  disk_.log.Crash(kept.log);
  disk_.map.Crash(kept.map);
  const PersistSeq surviving = process_->log.SeqOfBatch(disk_.log.durable());
  if (shared_.trace.textual())
    Say("dies, write " + std::to_string(surviving.value()) + " survives");
  shared_.trace.FoldAll(id_.value(), surviving.value(), disk_.map.durable());
  if (surviving < process_->log.reported()) {
    deceived_ = true;
    shared_.BreakPromise();
  }
  shared_.Watch([&](Invariants& watch) { watch.OnCrash(id_, surviving); });
  process_.reset();
  LoseNow();
  if (!damaged_) shared_.budget.Set(shared_.EndpointOf(id_), Hurt::kDown);
  ResumeForAll();  // what waited for the process comes up again and finds nobody
  if (restart_after_ && !damaged_) Push(EventKind::kRestart, shared_.now() + *restart_after_);
  restart_after_.reset();
}

void Machine::OnStoppedByItself() {
  told_stopped_ = true;
  const StopReason reason = *process_->host.replica().stop_reason();
  Say(std::string("stops: ") + NameOf(reason));
  if (reason == StopReason::kStorageFailed) Mark(shared_, "storage.failed_and_stopped");
  shared_.Watch([&](Invariants& watch) { watch.OnStopped(id_); });
  const std::size_t node = shared_.EndpointOf(id_);
  shared_.edges.OnStopped(
      id_, shared_.budget.Is(node, Hurt::kFailed) || shared_.budget.Is(node, Hurt::kDamaged),
      reason);
  const bool of_damage = reason == StopReason::kDataLoss || !whole();
  if (shared_.budget.Is(node, Hurt::kDamaged) && of_damage) {
    damaged_ = true;
    damage_ = std::string("stopped by itself: ") + NameOf(reason);
    return;
  }
  const std::int64_t after =
      disk_.fates().Time(NodeSite::kRestart, restart_, shared_.config.process.restart_after_ns);
  Push(EventKind::kRestart, shared_.now() + after);
}

void Machine::Pause(FaultId who) {
  if (process_ == nullptr) return;
  pauses_.Add(who);
  paused_ = true;
  shared_.budget.Set(shared_.EndpointOf(id_), Hurt::kPaused);
}

void Machine::Resume(FaultId who) {
  if (pauses_.Remove(who)) ResumeForAll();
}

void Machine::ResumeForAll() {
  pauses_.Clear();
  paused_ = false;
  shared_.budget.Clear(shared_.EndpointOf(id_), Hurt::kPaused);
  for (const Event& event : parked_) {
    if (event.kind == EventKind::kWakeup || event.kind == EventKind::kLinkTimer) continue;
    shared_.queue.Push(shared_.now(), event);
  }
  parked_.clear();
  OnClockChanged();
  TellSpace();
}

void Machine::StallDisk(std::int64_t until) {
  disk_.stalled_until = std::max(disk_.stalled_until, until);
  if (LeadsAny()) Mark(shared_, "disk.stalled_on_leader");
}

void Machine::FillDisk(FaultId who) {
  fillings_.Add(who);
  disk_.full = true;
  landmarks_.OnSpace(id_, /*full=*/true);
  TellSpace();
}

void Machine::EmptyDisk(FaultId who) {
  if (fillings_.Remove(who)) EmptyDiskForAll();
}

void Machine::EmptyDiskForAll() {
  fillings_.Clear();
  disk_.full = false;
  landmarks_.OnSpace(id_, /*full=*/false);
  TellSpace();
}

void Machine::FreezeClock(FaultId who) {
  freezes_.Add(who);
  clock_.FreezeWall(shared_.now());
}

void Machine::ThawClock(FaultId who) {
  if (freezes_.Remove(who)) ThawClockForAll();
}

void Machine::ThawClockForAll() {
  freezes_.Clear();
  clock_.ThawWall();
}

// Nothing to tell to a process that knows; one that does not run at the moment is told when it goes on.
void Machine::TellSpace() {
  if (process_ == nullptr || paused_ || process_->told_full == disk_.full) return;
  process_->told_full = disk_.full;
  Turn([this] { Step(DiskSpace{process_->told_full ? Space::kLow : Space::kEnough}); });
}

void Machine::Order(const Input& input) {
  if (process_ == nullptr || paused_) return;
  Turn([this, &input] { Step(input); });
}

void Machine::Disconnect(NodeId peer) {
  if (process_ == nullptr || paused_) return;
  Turn([this, peer] {
    process_->links.Reset(now().mono, peer, process_->outputs);
    Carry(process_->outputs);
  });
}

void Machine::OnClockChanged() {
  if (process_ == nullptr) return;
  process_->wakeup_at = process_->link_timer_at = kNoTime;
  ScheduleWakeups();
}

// ---- events --------------------------------------------------------------------------------------------

bool Machine::OnEvent(const Event& event) {
  const bool from_outside = event.kind == EventKind::kFrame || event.kind == EventKind::kRequest;
  if (!from_outside && event.life != life_) return false;
  if (event.kind == EventKind::kRestart) {
    if (stays_down_ || (process_ != nullptr && !process_->host.stopped())) return false;
    if (process_ != nullptr) Crash(std::nullopt);
    Boot();
    return true;
  }
  if (paused_) {
    parked_.push_back(event);
    return false;
  }
  if (process_ == nullptr && !from_outside) return false;
  switch (event.kind) {
    case EventKind::kFrame:
      OnFrame(event.slot);
      return true;
    case EventKind::kRequest:
      OnRequest(event.slot);
      return true;
    case EventKind::kWakeup:
      return OnWakeup(event);
    case EventKind::kLinkTimer:
      return OnLinkTimer(event);
    case EventKind::kSyncDone:
      OnSyncDone(event);
      return true;
    case EventKind::kFlushDone:
      OnFlushDone(event);
      return true;
    case EventKind::kLogRead:
      Turn([this, &event] { Step(process_->log.TakeRead(event.slot)); });
      return true;
    case EventKind::kWork:
      return OnWork();
    case EventKind::kEndTurn:
      Turn([] {});
      return true;
    case EventKind::kRestart:
    case EventKind::kResume:
    case EventKind::kCrash:
    case EventKind::kAnswer:
    case EventKind::kClientTurn:
    case EventKind::kClientTimeout:
    case EventKind::kFault:
    case EventKind::kFaultEnd:
    case EventKind::kAdministrator:
    case EventKind::kPhase:
      break;
  }
  UNREACHABLE("not an event of a machine");
}

void Machine::OnFrame(std::uint32_t slot) {
  std::optional<Frame> frame = wire_.TakeFrame(slot);
  if (!frame || process_ == nullptr) return;
  if (shared_.trace.textual()) Say("<- " + Render(*frame));
  shared_.Watch([&](Invariants& watch) { watch.OnFrameCame(id_, *frame); });
  Turn([this, &frame] {
    process_->links.OnFrame(now().mono, *std::move(frame), process_->outputs);
    Carry(process_->outputs);
  });
}

void Machine::OnRequest(std::uint32_t slot) {
  std::optional<ClientCall> call = wire_.TakeCall(slot);
  if (!call || process_ == nullptr) return;
  Turn([this, &call] {
    if (call->transfer_to) {
      Step(TransferLeadership{call->request.group, *call->transfer_to});
      return;
    }
    ClientRequests requests;
    requests.requests.push_back(process_->clients.Take(*call));
    Step(std::move(requests));
  });
}

void Machine::OnSyncDone(const Event& event) {
  std::optional<Input> told = process_->log.OnSyncDone(event.a);
  if (!told) return;
  if (const Persisted* persisted = std::get_if<Persisted>(&*told)) {
    shared_.Watch([&](Invariants& watch) { watch.OnDurable(id_, persisted->upto); });
  } else {
    shared_.Watch([&](Invariants& watch) { watch.OnDiskFailed(id_); });
  }
  Turn([this, &told] {
    Step(*told);
    if (process_->linked || process_->host.durable() < PersistSeq(1)) return;
    process_->linked = true;
    process_->links.Enable(now().mono, process_->outputs);
    Carry(process_->outputs);
  });
}

void Machine::OnFlushDone(const Event& event) {
  const PortRequest id(event.a);
  const std::optional<bool> ok = process_->map.OnFlushDone(id);
  if (!ok) return;
  if (*ok) TellMapDurable(process_->flushing, process_->flushing_states);
  Turn([this, id, ok] {
    IntoHost([&] { process_->host.OnMapFlushed(now(), id, *ok); },
             [&] {
               if (const Input* answer = process_->host.last_answer()) AfterStep(answer);
             });
  });
}

bool Machine::OnWork() {
  process_->work_scheduled = false;
  if (disk_.stalled_until > shared_.now()) {
    process_->work_scheduled = true;
    Push(EventKind::kWork, disk_.EndOfStall());
    return false;
  }
  if (!process_->host.HasWork()) return false;
  Turn([this] { RunWork(); });
  return true;
}

bool Machine::OnWakeup(const Event& event) {
  if (event.at != process_->wakeup_at) return false;
  process_->wakeup_at = kNoTime;
  if (process_->host.NextWakeup() > now().mono) {
    ScheduleWakeups();
    return false;
  }
  shared_.edges.OnWakeup(id_, event.at);
  Turn([this] { Step(Wakeup{}); });
  return true;
}

bool Machine::OnLinkTimer(const Event& event) {
  if (event.at != process_->link_timer_at) return false;
  process_->link_timer_at = kNoTime;
  if (process_->links.NextTimer() > now().mono) {
    ScheduleWakeups();
    return false;
  }
  Turn([this] {
    process_->links.OnTimer(now().mono, process_->outputs);
    Carry(process_->outputs);
  });
  return true;
}

bool Machine::serving() const { return process_ != nullptr && !process_->host.stopped(); }
const Host* Machine::host() const { return process_ == nullptr ? nullptr : &process_->host; }
const Replica* Machine::replica() const {
  return process_ == nullptr ? nullptr : &process_->host.replica();
}

const absl::btree_map<GroupId, Machine::Demand>& Machine::demands() const {
  static const absl::btree_map<GroupId, Demand> kNone;
  return process_ == nullptr ? kNone : process_->clients.demands();
}

bool Machine::Leads(GroupId group) const {
  if (!serving()) return false;
  const Raft* raft = replica()->group(group);
  return raft != nullptr && raft->role() == Role::kLeader;
}

bool Machine::LeadsAny() const {
  if (!serving()) return false;
  for (const auto& [group, raft] : replica()->groups()) {
    if (raft.role() == Role::kLeader) return true;
  }
  return false;
}

}  // namespace quorate::sim
