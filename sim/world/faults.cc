#include "sim/world/faults.h"
#include "sim/world/tell_faults.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "sim/world/quiet.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kShortest = 1'000;  // that a fault lasts
const char* SiteOf(std::uint8_t kind) {
  static constexpr const char* kNames[] = {
      "process.crash",   "process.pause",      "network.partition", "network.clog",
      "network.swizzle", "network.disconnect", "disk.full",         "disk.stall",
      "disk.slow",       "clock.step",         "clock.freeze",      "process.aimed_crash",
      "process.image"};
  return kNames[kind];
}

}  // namespace

Faults::Faults(Shared& shared, Wire& wire, Machines& machines, Clients& clients)
    : shared_(shared), wire_(wire), machines_(machines), clients_(clients) {
  const RunConfig& config = shared.config;
  if (config.script) return;  // all of them stand in the schedule
  const NetworkConfig& network = config.network;
  for (std::uint32_t number = 1; number <= shared.nodes; ++number) {
    const NodeId node(number);
    const std::uint64_t entity = NodeKey(node);
    Add(Kind::kCrash, node, {}, config.process.crash_mtbf_ns.At(entity),
        config.process.restart_after_ns);
    Add(Kind::kAimedCrash, node, {}, 0, config.process.restart_after_ns);
    Add(Kind::kPause, node, {}, config.process.pause.mtbf_ns.At(entity),
        config.process.pause.for_ns);
    Add(Kind::kDiskFull, node, {}, config.disk.full.mtbf_ns.At(entity), config.disk.full.for_ns);
    Add(Kind::kDiskStall, node, {}, config.disk.stall.mtbf_ns.At(entity), config.disk.stall.for_ns);
    Add(Kind::kDiskSlow, node, {}, config.disk.slow.mtbf_ns.At(entity), config.disk.slow.for_ns);
    const std::int64_t steps = config.clocks.step_rate.At(entity);
    Add(Kind::kClockStep, node, {}, steps > 0 ? 1'000'000'000'000'000 / steps : 0, FixedDist(0));
    Add(Kind::kClockFreeze, node, {}, config.clocks.freeze.mtbf_ns.At(entity),
        config.clocks.freeze.for_ns);
    if (config.process.old_image_parts.At(entity) > 0)
      Add(Kind::kImage, node, {}, config.process.image_mtbf_ns.At(entity), FixedDist(0));
    for (std::uint32_t other = 1; other <= shared.nodes; ++other) {
      const NodeId peer(other);
      if (peer == node) continue;
      const std::uint64_t link = LinkKey(node, peer);
      Add(Kind::kClog, node, peer, network.clog.mtbf_ns.At(link), network.clog.for_ns);
      if (node < peer)
        Add(Kind::kDisconnect, node, peer, network.disconnect.mtbf_ns.At(link),
            network.disconnect.for_ns);
    }
  }
  if (shared.nodes < 2) return;
  Add(Kind::kPartition, {}, {}, network.partition.mtbf_ns, network.partition.mttr_ns);
  Add(Kind::kSwizzle, {}, {}, network.swizzle_mtbf_ns, network.swizzle_for_ns);
}

void Faults::Add(Kind kind, NodeId node, NodeId peer, std::int64_t mtbf_ns, const Dist& length) {
  if (kind == Kind::kAimedCrash) {
    if (shared_.config.process.aimed_crash_parts.At(NodeKey(node)) == 0) return;
    shared_.aimed_crashes[shared_.EndpointOf(node)] = static_cast<std::uint32_t>(processes_.size());
  } else if (mtbf_ns <= 0) {
    return;
  }
  std::uint64_t entity = kWholeRun;
  if (node != NodeId()) entity = peer == NodeId() ? NodeKey(node) : LinkKey(node, peer);
  const std::string site = SiteOf(static_cast<std::uint8_t>(kind));
  Process process;
  process.kind = kind;
  process.node = node;
  process.peer = peer;
  process.gap = Dist{DistKind::kExp, 0, mtbf_ns, mtbf_ns * 8};
  process.length = length;
  process.when = Choice(shared_.seed, site + ".when", entity);
  process.how_long = Choice(shared_.seed, site + ".for", entity);
  process.detail = Choice(shared_.seed, site + ".detail", entity);
  process.wipe = Choice(shared_.seed, site + ".wipe", entity);
  process.old_image = Choice(shared_.seed, site + ".old_image", entity);
  processes_.push_back(std::move(process));
}

void Faults::Start() {
  for (std::size_t which = 0; which < processes_.size(); ++which) {
    WaitAgain(which, shared_.config.time.warm_up_ns);
  }
  std::size_t operations = 0;
  for (std::size_t entry = 0; entry < shared_.config.schedule.size(); ++entry) {
    const ScheduleEntry& planned = shared_.config.schedule[entry];
    Scheduled scheduled;
    if (std::holds_alternative<OperationAction>(planned.action)) scheduled.operation = operations++;
    scheduled_.push_back(std::move(scheduled));
    if (const AtTime* at = std::get_if<AtTime>(&planned.when)) {
      Event event;
      event.kind = EventKind::kFault;
      event.slot = SlotOfSchedule(entry);
      shared_.queue.Push(at->at_ns, event);
    } else {
      ++waiting_for_marks_;
    }
  }
}

// What came by chance does not outlast the beginning of a quiet window.
std::int64_t Faults::Cap(std::int64_t length) const {
  const std::int64_t now = shared_.now();
  return std::min(length, NextQuiet(shared_.config.time, now) - now);
}

void Faults::WaitAgain(std::size_t which, std::int64_t from) {
  Process& process = processes_[which];
  if (process.kind == Kind::kAimedCrash) return;
  std::int64_t at = from + process.when.From(process.gap);
  at = std::max(at, QuietUntil(shared_.config.time, at));
  if (at >= shared_.config.time.horizon_ns) return;
  Event event;
  event.kind = EventKind::kFault;
  event.slot = static_cast<std::uint32_t>(which);
  shared_.queue.Push(std::max(at, shared_.now()), event);
}

bool Faults::OnEvent(const Event& event) {
  const std::size_t slot = event.slot;
  if (slot >= kScheduledBase) {
    const std::size_t entry = slot - kScheduledBase;
    if (event.kind == EventKind::kFault) {
      Carry(entry);
    } else if (event.a == kEndStep) {
      EndScheduled(entry);
    } else {
      StepScheduled(entry, event.a);
    }
    return true;
  }
  if (frozen_) return false;
  if (event.kind == EventKind::kFaultEnd)
    return event.life == processes_[slot].strikes && End(slot, event.a);
  const bool struck = Strike(slot);
  if (!processes_[slot].active) WaitAgain(slot, shared_.now());
  return struck;
}

bool Faults::Strike(std::size_t which) {
  Process& process = processes_[which];
  if (process.active) return false;
  ++process.strikes;
  if (!StrikeOf(process, which)) return false;
  shared_.injected.Add(SiteOf(static_cast<std::uint8_t>(process.kind)));
  if (shared_.trace.textual()) {
    std::string what = std::string("fault ") + SiteOf(static_cast<std::uint8_t>(process.kind));
    if (process.node != NodeId()) what += " " + NodeName(process.node);
    const char* const between = process.kind == Kind::kClog ? ">" : " ";
    if (process.peer != NodeId()) what += between + NodeName(process.peer);
    if (process.active) what += " until " + RenderSeconds(process.ends_at);
    shared_.trace.Say(what);
    if (process.active && process.kind == Kind::kPartition)
      shared_.trace.Say(TellCut(wire_, process.cut, shared_.nodes));
  }
  if (shared_.recording != nullptr) Record(process);
  return true;
}

// The strike as an entry of a schedule. Crashes are written down one by one, where they are chosen.
void Faults::Record(const Process& process) {
  std::optional<Action> action;
  const std::int64_t now = shared_.now();
  std::vector<LinkName> links;
  for (const auto& [from, to] : process.cut) {
    // Clients do not speak with each other.
    if (from < shared_.nodes || to < shared_.nodes) links.push_back(wire_.NameOfLink(from, to));
  }
  switch (process.kind) {
    case Kind::kCrash:
    case Kind::kAimedCrash:
      return;
    case Kind::kPartition:
      action = CutAction{std::move(links), process.flap_ns};
      break;
    case Kind::kDisconnect:
      action = DisconnectAction{process.node, process.peer};
      break;
    case Kind::kClog:
      action = ClogAction{
          {wire_.NameOfLink(shared_.EndpointOf(process.node), shared_.EndpointOf(process.peer))}};
      break;
    case Kind::kSwizzle: {
      SwizzleAction swizzle;
      for (const SwizzleStep& step : process.swizzle) swizzle.steps.push_back(step);
      action = std::move(swizzle);
      break;
    }
    case Kind::kPause:
      action = PauseAction{process.node};
      break;
    case Kind::kDiskFull:
      action = DiskFullAction{process.node};
      break;
    case Kind::kDiskStall:
      action = DiskStallAction{process.node};
      break;
    case Kind::kDiskSlow:
      action =
          DiskSlowAction{process.node, shared_.config.disk.slow_factor.At(NodeKey(process.node))};
      break;
    case Kind::kClockStep:
      action = ClockStepAction{process.node, process.step_ns};
      break;
    case Kind::kClockFreeze:
      action = ClockFreezeAction{process.node};
      break;
    case Kind::kImage:
      action = ImageAction{process.node};
      break;
  }
  const std::int64_t length = process.active ? process.ends_at - now : 0;
  shared_.recording->Add(now, *std::move(action), length);
}

// The fault lasts: it ends by an event.
void Faults::Begin(Process& process, std::size_t which, std::int64_t length) {
  process.active = true;
  process.lasts_ns = length;
  process.ends_at = shared_.now() + length;
  ++active_;
  PushStep(which, kEndStep, process.ends_at);
}

// Something that this strike is to do later.
void Faults::PushStep(std::size_t which, std::uint64_t step, std::int64_t at) {
  Event event;
  event.kind = EventKind::kFaultEnd;
  event.slot = static_cast<std::uint32_t>(which);
  event.life = processes_[which].strikes;
  event.a = step;
  shared_.queue.Push(at, event);
}

bool Faults::StrikeOf(Process& process, std::size_t which) {
  std::int64_t length =
      Cap(std::max<std::int64_t>(process.how_long.From(process.length), kShortest));
  const std::int64_t until = shared_.now() + length;
  const FaultId who = static_cast<FaultId>(which);
  switch (process.kind) {
    case Kind::kCrash:
      return StrikeCrash(process);
    case Kind::kAimedCrash:
      return !IsQuiet(shared_.config.time, shared_.now()) && StrikeCrash(process);
    case Kind::kPartition:
      if (!StrikePartition(process, which)) return false;
      break;
    case Kind::kSwizzle:
      if (!StrikeSwizzle(process, which)) return false;
      break;
    case Kind::kClockStep:
      return StrikeClockStep(process);
    case Kind::kImage:
      At(process.node).TakeImage();
      return true;
    case Kind::kPause: {
      Machine& machine = At(process.node);
      if (!machine.running() || machine.paused() ||
          !shared_.budget.MayHurt(shared_.EndpointOf(process.node))) {
        return false;
      }
      machine.Pause(who);
      break;
    }
    case Kind::kClog:
      wire_.net().Clog(shared_.EndpointOf(process.node), shared_.EndpointOf(process.peer), until);
      break;
    case Kind::kDisconnect: {
      const Endpoint a = shared_.EndpointOf(process.node);
      const Endpoint b = shared_.EndpointOf(process.peer);
      process.cut = {{a, b}, {b, a}};
      MarkLeaderAlone(process.cut);
      SetCut(process, true);
      At(process.node).Disconnect(process.peer);
      At(process.peer).Disconnect(process.node);
      break;
    }
    case Kind::kDiskFull:
      At(process.node).FillDisk(who);
      break;
    case Kind::kDiskStall:
      At(process.node).StallDisk(until);
      break;
    case Kind::kDiskSlow:
      At(process.node)
          .disk()
          .Slow(until, shared_.config.disk.slow_factor.At(NodeKey(process.node)));
      break;
    case Kind::kClockFreeze: {
      Machine& machine = At(process.node);
      const SimClock& clock = machine.clock();
      length = std::min(length, clock.budget().MayStand(clock.WallError(shared_.now())));
      if (length < kShortest) return false;
      machine.FreezeClock(who);
      break;
    }
  }
  if (process.kind != Kind::kSwizzle) Begin(process, which, length);
  return true;
}

void Faults::SetCut(Process& process, bool cut) {
  if (process.is_cut == cut) return;
  process.is_cut = cut;
  if (cut) {
    wire_.net().Cut(process.cut);
  } else {
    wire_.net().Join(process.cut);
  }
}

bool Faults::End(std::size_t which, std::uint64_t step) {
  Process& process = processes_[which];
  if (!process.active) return false;
  const FaultId who = static_cast<FaultId>(which);
  if (step == kFlapStep) {
    if (shared_.now() >= process.ends_at) return false;
    SetCut(process, !process.is_cut);
    PushStep(which, kFlapStep, shared_.now() + process.flap_ns);
    return true;
  }
  if (step >= kSwizzleStep) {
    ClogNode(process.swizzle[step - kSwizzleStep], process.ends_at - process.lasts_ns);
    return true;
  }
  switch (process.kind) {
    case Kind::kPartition:
    case Kind::kDisconnect:
      SetCut(process, false);
      break;
    case Kind::kPause:
      At(process.node).Resume(who);
      break;
    case Kind::kDiskFull:
      At(process.node).EmptyDisk(who);
      break;
    case Kind::kClockFreeze:
      At(process.node).ThawClock(who);
      break;
    case Kind::kCrash:
    case Kind::kAimedCrash:
    case Kind::kClog:
    case Kind::kSwizzle:
    case Kind::kDiskStall:
    case Kind::kDiskSlow:
    case Kind::kClockStep:
    case Kind::kImage:
      break;
  }
  if (shared_.trace.textual()) {
    shared_.trace.Say(std::string("over ") + SiteOf(static_cast<std::uint8_t>(process.kind)) +
                      (process.node != NodeId() ? " " + NodeName(process.node) : std::string()));
  }
  process.active = false;
  if (--active_ == 0) calm_since_ = shared_.now();
  WaitAgain(which, shared_.now());
  return true;
}

// ---- the kinds that need thought -----------------------------------------------------------------------

void Faults::CrashOne(Machine& machine, Process& process) {
  const std::uint64_t entity = NodeKey(machine.id());
  const std::int64_t restart_after =
      Cap(std::max<std::int64_t>(process.how_long.From(process.length), 1));
  const bool mid_turn =
      process.detail.Chance(shared_.config.process.crash_mid_turn_parts.At(entity));
  // Most turns are short, and some are long.
  const std::uint64_t far = process.detail.Below(4) == 0 ? 32 : 3;
  const auto call = static_cast<std::uint32_t>(process.detail.Below(far));
  const std::size_t node = shared_.EndpointOf(machine.id());
  const std::int64_t old_image = shared_.config.process.old_image_parts.At(entity);
  CrashAction crash{machine.id()};
  if (mid_turn) crash.call = call;
  if (process.wipe.Chance(shared_.config.process.wipe_parts.At(entity)) &&
      shared_.budget.MayWipe(node) && shared_.MayDamage(node)) {
    // Mostly the whole disk; else one of its two stores.
    static constexpr Loss kLosses[] = {Loss::kAll, Loss::kAll, Loss::kLog, Loss::kMap};
    crash.lose = kLosses[process.wipe.Below(4)];
    machine.LoseInCrash(crash.lose);
  } else if (old_image > 0 && process.old_image.Chance(old_image) && machine.has_image()) {
    crash.lose = Loss::kImage;
    machine.LoseInCrash(crash.lose);
  }
  if (Recording* const recording = shared_.recording) {
    recording->crash_of[node] = recording->faults.size();
    recording->Add(shared_.now(), std::move(crash), restart_after);
  }
  shared_.budget.Set(node, Hurt::kDown);
  if (mid_turn) {
    machine.CrashInTurn(call, restart_after);
  } else {
    machine.Crash(restart_after);
  }
}

bool Faults::StrikeCrash(Process& process) {
  Machine& machine = At(process.node);
  const bool whole_zone = process.detail.Chance(shared_.config.process.crash_zone_parts);
  if (!machine.serving() || !shared_.budget.MayHurt(shared_.EndpointOf(process.node))) return false;
  CrashOne(machine, process);
  if (!whole_zone || shared_.config.cluster.zones <= 0) return true;
  const auto zones = static_cast<std::uint32_t>(shared_.config.cluster.zones);
  for (std::uint32_t other = 1; other <= shared_.nodes; ++other) {
    if (other == process.node.value() || (other - 1) % zones != (process.node.value() - 1) % zones)
      continue;
    if (!At(NodeId(other)).serving() || !shared_.budget.MayHurt(other - 1)) continue;
    CrashOne(At(NodeId(other)), process);
    shared_.injected.Add("process.crash_zone");
  }
  return true;
}

bool Faults::StrikePartition(Process& process, std::size_t which) {
  const PartitionConfig& config = shared_.config.network.partition;
  const std::vector<std::int64_t> shares = {config.isolate, config.halves, config.groups,
                                            config.ring,    config.bridge, config.leader};
  if (std::all_of(shares.begin(), shares.end(), [](std::int64_t share) { return share == 0; }))
    return false;
  const auto shape = static_cast<PartitionShape>(PickWeighted(shares, process.detail.Bits()));
  CutWay way = CutWay::kBoth;
  const std::uint64_t way_bits = process.detail.Bits();
  if (Happens(config.one_way_parts, way_bits))
    way = Below(Mix(way_bits), 2) == 0 ? CutWay::kInto : CutWay::kOutOf;
  const bool with_clients = process.detail.Chance(config.clients_parts);
  const bool flaps = process.detail.Chance(config.flap_parts) && config.flap_every_ns > 0;
  auto target = static_cast<Endpoint>(process.detail.Below(shared_.nodes));
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (machine->Leads(kDefaultNamespace)) target = shared_.EndpointOf(machine->id());
  }
  const auto clients = static_cast<Endpoint>(with_clients ? shared_.config.workload.clients : 0);
  PartitionPlan plan = PlanPartition(shape, way, static_cast<Endpoint>(shared_.nodes), clients,
                                     target, process.detail);
  if (plan.cut.empty()) return false;  // a ring of two nodes
  MarkLeaderAlone(plan.cut);
  shared_.injected.Add(std::string("network.partition.") + NameOf(plan.shape) +
                       (plan.way == CutWay::kBoth ? "" : ".one_way"));
  process.cut = std::move(plan.cut);
  SetCut(process, true);
  process.flap_ns = flaps ? config.flap_every_ns : 0;
  if (!flaps) return true;
  shared_.injected.Add("network.partition.flapping");
  PushStep(which, kFlapStep, shared_.now() + process.flap_ns);
  return true;
}

bool Faults::StrikeSwizzle(Process& process, std::size_t which) {
  const std::int64_t length =
      Cap(std::max<std::int64_t>(process.how_long.From(process.length), 1'000'000));
  const std::size_t nodes = shared_.nodes;
  std::vector<std::size_t> order(nodes);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = nodes; i > 1; --i) std::swap(order[i - 1], order[process.detail.Below(i)]);
  const std::uint64_t most = std::max<std::uint64_t>(1, nodes - 1);
  const std::size_t count = 1 + static_cast<std::size_t>(process.detail.Below(most));
  process.swizzle.clear();
  const std::int64_t pace = length / static_cast<std::int64_t>(3 * count);
  Begin(process, which, length);
  for (std::size_t i = 0; i < count; ++i) {
    // Clogged one after the other in the first third, opened in another order in the last.
    const std::size_t back = static_cast<std::size_t>(process.detail.Below(count));
    const SwizzleStep step{NodeId(static_cast<std::uint32_t>(order[i] + 1)),
                           static_cast<std::int64_t>(i) * pace,
                           length - static_cast<std::int64_t>(back) * pace};
    process.swizzle.push_back(step);
    PushStep(which, kSwizzleStep + i, shared_.now() + step.after_ns);
  }
  return true;
}

// What is sent to and by the node arrives not before the step's end. `begun`: the swizzle.
void Faults::ClogNode(const SwizzleStep& step, std::int64_t begun) {
  const Endpoint node = shared_.EndpointOf(step.node);
  for (Endpoint other = 0; other < shared_.nodes; ++other) {
    if (other == node) continue;
    wire_.net().Clog(node, other, begun + step.until_ns);
    wire_.net().Clog(other, node, begun + step.until_ns);
  }
}

bool Faults::StrikeClockStep(Process& process) {
  const std::int64_t wanted = process.detail.From(shared_.config.clocks.step_by_ns);
  SimClock& clock = At(process.node).clock();
  // A clock that stands is off by another amount as soon as it goes again: two steps would have to fit.
  if (clock.budget().limited() && clock.frozen()) return false;
  const std::int64_t by = clock.StepWall(shared_.now(), wanted);
  if (by == 0) return false;
  process.step_ns = by;
  if (by < 0) {
    Mark(shared_, "clock.stepped_back");
    shared_.injected.Add("clock.step_back");
  }
  return true;
}

}  // namespace quorate::sim
