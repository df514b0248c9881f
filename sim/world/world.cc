#include "sim/world/world.h"

#include <string>
#include <utility>

#include "sim/world/configured_faults.h"

namespace quorate::sim {
const char* NameOf(EventKind kind) {
  switch (kind) {
    case EventKind::kFrame:
      return "frame";
    case EventKind::kWakeup:
      return "wakeup";
    case EventKind::kLinkTimer:
      return "link timer";
    case EventKind::kSyncDone:
      return "sync done";
    case EventKind::kLogRead:
      return "log read";
    case EventKind::kFlushDone:
      return "flush done";
    case EventKind::kWork:
      return "work";
    case EventKind::kEndTurn:
      return "end of turn";
    case EventKind::kResume:
      return "resume";
    case EventKind::kRestart:
      return "restart";
    case EventKind::kCrash:
      return "crash";
    case EventKind::kRequest:
      return "request";
    case EventKind::kAnswer:
      return "answer";
    case EventKind::kClientTurn:
      return "client turn";
    case EventKind::kClientTimeout:
      return "client timeout";
    case EventKind::kFault:
      return "fault";
    case EventKind::kFaultEnd:
      return "end of fault";
    case EventKind::kAdministrator:
      return "administrator";
    case EventKind::kPhase:
      return "phase";
  }
  return "?";
}

namespace {

// Whether an event becomes a step input, a disk completion or a client's action.
bool Counts(EventKind kind) {
  return kind != EventKind::kFault && kind != EventKind::kFaultEnd &&
         kind != EventKind::kAdministrator && kind != EventKind::kPhase;
}

}  // namespace

World::World(const RunConfig& config, std::uint64_t seed, const RunSettings& settings)
    : shared_(config, seed, settings),
      most_events_(settings.most_events),
      wire_(shared_, Clients::EndpointsOf(config)),
      landmarks_(shared_, wire_.net()),
      clients_(shared_, wire_),
      faults_(shared_, wire_, machines_, clients_),
      administrator_(shared_, machines_, clients_),
      phases_(shared_, wire_, machines_, clients_, faults_),
      coverage_(shared_, landmarks_, machines_) {
  if (settings.resolve) {
    recording_.emplace(shared_.nodes);
    shared_.recording = &*recording_;
    wire_.net().Record();
  }
  NodeSet voters;
  for (std::uint32_t node = 1; node <= shared_.nodes; ++node) Insert(voters, NodeId(node));
  for (std::uint32_t node = 1; node <= shared_.nodes; ++node) {
    machines_.push_back(std::make_unique<Machine>(shared_, wire_, landmarks_, NodeId(node)));
    machines_.back()->Format(ConfigurationOf(voters));
  }
}

void World::RunUntil(absl::FunctionRef<void()> after_event) {
  shared_.trace.Begin(0, 0);
  for (const std::unique_ptr<Machine>& machine : machines_) machine->Boot();
  clients_.Start();
  faults_.Start();
  administrator_.Start();
  phases_.Start();
  while (!shared_.verdicts.found() && !phases_.done() && !shared_.queue.empty() && !given_up()) {
    const Event event = shared_.queue.Pop();
    const std::uint64_t number = shared_.events + 1;
    shared_.verdicts.set_event(number);
    shared_.trace.Begin(number, event.at);
    if (!Hand(event)) continue;
    // Faults and phases show in what they do: a run and its script differ only in who ordered it.
    if (Counts(event.kind)) {
      ++shared_.events;
      shared_.trace.FoldAll(event.at, static_cast<int>(event.kind), event.node);
    }
    // What only the replay of the committed log tells.
    if (shared_.serial.counts().retries > retries_seen_) {
      retries_seen_ = shared_.serial.counts().retries;
      Mark(shared_, "session.retry_answered_from_table");
    }
    faults_.OnMarks();
    coverage_.OnEvent(event);
    after_event();
    shared_.edges.OnEvents(shared_.events);
  }
}

bool World::Hand(const Event& event) {
  switch (event.kind) {
    case EventKind::kFrame:
    case EventKind::kWakeup:
    case EventKind::kLinkTimer:
    case EventKind::kSyncDone:
    case EventKind::kLogRead:
    case EventKind::kFlushDone:
    case EventKind::kWork:
    case EventKind::kEndTurn:
    case EventKind::kRestart:
    case EventKind::kRequest:
      return machines_[event.node - 1u]->OnEvent(event);
    case EventKind::kAnswer:
    case EventKind::kClientTurn:
    case EventKind::kClientTimeout:
      return clients_.OnEvent(event);
    case EventKind::kFault:
    case EventKind::kFaultEnd:
      return faults_.OnEvent(event);
    case EventKind::kAdministrator:
      administrator_.OnEvent();
      return true;
    case EventKind::kPhase:
      phases_.OnEvent(event);
      return true;
    case EventKind::kResume:
    case EventKind::kCrash:
      break;
  }
  UNREACHABLE("nobody pushes this");
}

Counters World::Injected() const {
  Tally tally = shared_.injected;
  const SimNet::Counts& net = wire_.net().counts();
  tally.Add("network.drop", net.lost);
  tally.Add("network.duplicate", net.doubled);
  tally.Add("network.reorder", net.reordered);
  tally.Add("network.delay", net.delayed);
  tally.Add("network.corrupt", net.spoiled);
  tally.Add("network.cut", net.cut);
  tally.Add("network.overflow", net.overflowed);
  tally.Add("network.held", net.held);
  // Zeros, too: a fault that could have come and did not.
  Counters injected = tally.counts();
  for (std::string& name : ConfiguredFaults(shared_.config)) injected.try_emplace(std::move(name));
  return injected;
}

// Zeros, too: what nothing came by was not checked.
Counters World::Checked() {
  const CheckCounts& counts = shared_.verdicts.counts();
  Counters checked;
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    checked[IdOf(check)] = counts.of(check);
  }
  return checked;
}

}  // namespace quorate::sim
