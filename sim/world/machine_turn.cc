// One turn of a machine: what goes in, what comes out, and who is told of it.
#include <algorithm>
#include <utility>
#include <variant>

#include "engine/base/match.h"
#include "sim/world/machine.h"
#include "sim/world/machine_process.h"

namespace quorate::sim {
namespace {

constexpr Dist kSoonAfter{DistKind::kLog, 10'000, 0, 30'000'000};

}  // namespace

void Machine::ClientDoor::Answer(RequestId request, const Outcome& outcome) {
  machine_.breaker_.Pass();
  shared_.edges.OnAnswered(machine_.id_, request);
  if (request.value() < first_ || request.value() >= first_ + asked_.size()) return;
  Asked& asked = asked_[static_cast<std::size_t>(request.value() - first_)];
  if (!std::exchange(asked.open, false)) return;
  shared_.Watch([&](Invariants& watch) { watch.OnReplyLeft(machine_.id_, request, outcome); });
  if (outcome.kind == OutcomeKind::kDone && asked.kind != RequestKind::kStaleRead) {
    Demand& demand = demands_[asked.group];
    ++(asked.kind == RequestKind::kRead ? demand.reads_done : demand.writes_done);
  }
  if (!shared_.promise_broken)
    shared_.catalogue.OnAnswer(machine_.id_, asked.group, asked.catalogue, outcome);
  if (asked.kind == RequestKind::kRead && outcome.kind == OutcomeKind::kDone &&
      !machine_.Leads(asked.group)) {
    Mark(shared_, "read.follower");
  }
  ClientAnswer answer;
  answer.client = asked.client;
  answer.operation = asked.operation;
  answer.attempt = asked.attempt;
  answer.node = machine_.id_;
  answer.outcome = outcome;
  wire_.Send(answer);
  while (!asked_.empty() && !asked_.front().open) {
    asked_.pop_front();
    ++first_;
  }
}

void Machine::Step(const Input& input) {
  if (shared_.trace.textual()) Say(NameOf(input));
  IntoHost([&] { process_->host.Handle(now(), input); }, [&] { AfterStep(&input); });
}

void Machine::RunWork() {
  IntoHost([&] { process_->host.RunWork(now()); },
           [&] {
             const Input* answer = process_->host.last_answer();
             if (answer == nullptr) return;
             if (shared_.trace.textual()) Say(NameOf(*answer));
             if (const Applied* applied = std::get_if<Applied>(answer)) {
               for (const ApplyResult& result : applied->results) {
                 shared_.serial.OnApplied(id_, applied->group, result);
               }
             }
             AfterStep(answer);
           });
  LookAtMachines();
  if (disk_.FlushesItself() && !disk_.map.failed()) {
    shared_.injected.Add("disk.self_flush");
    if (disk_.map.SyncUpTo(disk_.map.written()).ok()) TellMapDurable(HeldByMap(), ReceivedStates());
  }
}

void Machine::AfterStart() {
  LookAtEffects(process_->host.last_effects());
  shared_.Watch([&](Invariants& watch) {
    watch.OnClock(id_, now().mono);
    watch.OnStart(id_, process_->host.replica(), process_->host.last_effects());
  });
}

void Machine::AfterStep(const Input* input) {
  const Replica& replica = process_->host.replica();
  const Effects& effects = process_->host.last_effects();
  LookAtEffects(effects);
  LookAtCatalogue();  // while the entries that were applied are still in the checkers' image of the log
  shared_.Watch([&](Invariants& watch) {
    watch.OnClock(id_, now().mono);
    watch.OnStep(id_, replica, input, effects);
  });
  landmarks_.OnStep(id_, replica);
  shared_.trace.FoldAll(id_.value(), input->index(), effects.size());
  for (const GroupId group : replica.touched()) {
    const Raft* raft = replica.group(group);
    if (raft == nullptr) continue;
    shared_.trace.FoldAll(group.value(), raft->term().value(), static_cast<int>(raft->role()),
                          raft->commit().value(), raft->log().last().index.value(),
                          raft->applied().value());
    if (shared_.trace.textual()) {
      Say("  g" + std::to_string(group.value()) + " " + NameOf(raft->role()) + " term " +
          std::to_string(raft->term().value()) + " last " +
          std::to_string(raft->log().last().index.value()) + "@" +
          std::to_string(raft->log().last().term.value()) + " durable " +
          std::to_string(raft->log().durable().value()) + " commit " +
          std::to_string(raft->commit().value()) + " applied " +
          std::to_string(raft->applied().value()));
    }
    if (group == kSystemGroup && shared_.config.checks.invariants) {
      bool known = false;
      for (auto& [told_group, applied] : process_->applied_told) {
        if (told_group != group) continue;
        known = true;
        if (applied == raft->applied_entry()) break;
        applied = raft->applied_entry();
        shared_.Watch([&](Invariants& watch) {
          watch.OnApplied(id_, kSystemGroup, raft->applied_entry(), replica.catalogue().digest());
        });
      }
      if (!known) process_->applied_told.emplace_back(group, raft->applied_entry());
    }
  }
  if (shared_.trace.textual()) {
    for (const Effect& effect : effects) Say("  -> " + Render(effect));
  }
}

void Machine::LookAtEffects(const Effects& effects) {
  process_->system_appended.clear();
  for (const Effect& effect : effects) {
    if (const Apply* apply = std::get_if<Apply>(&effect)) shared_.committed.OnApply(*apply);
    // A flush covers what was written when it began, however much is written until it ends.
    if (const Persist* persist = std::get_if<Persist>(&effect)) {
      MaybeAimCrash(*persist);
      for (const LogRecord& record : persist->records) {
        const AppendEntries* append = std::get_if<AppendEntries>(&record);
        if (append == nullptr || append->group != kSystemGroup || shared_.promise_broken) continue;
        shared_.catalogue.OnWritten(append->first, append->entries);
        Index at = append->first;
        for (const Entry& entry : append->entries) {
          process_->system_appended[at] = entry.term;
          at = Next(at);
        }
      }
    }
    if (!std::holds_alternative<FlushMap>(effect)) continue;
    process_->flushing = HeldByMap();
    process_->flushing_states = ReceivedStates();
  }
}

// What takes something away from a log is where an order of writes that is wrong shows.
void Machine::MaybeAimCrash(const Persist& persist) {
  const std::optional<std::uint32_t>& slot = shared_.aimed_crashes[shared_.EndpointOf(id_)];
  if (!slot || disk_.healed) return;
  std::int64_t chance = 0;
  for (const LogRecord& record : persist.records) {
    const std::int64_t whole = shared_.config.process.aimed_crash_parts.At(NodeKey(id_));
    const auto* reset = std::get_if<ResetLog>(&record);
    if ((reset != nullptr && reset->start.entry.index > Index()) ||
        std::holds_alternative<TruncateSuffix>(record) ||
        std::holds_alternative<DropGroup>(record)) {
      chance = whole;
    } else if (std::holds_alternative<DropPrefix>(record)) {
      chance = std::max(chance, whole / 8);  // compactions come by the dozen
    }
  }
  if (chance == 0 || !aimed_.Chance(chance)) return;
  Event event;
  event.kind = EventKind::kFault;
  event.slot = *slot;
  shared_.queue.Push(shared_.now() + aimed_.From(kSoonAfter), event);
}

Index Machine::AppliedOfCatalogue() const {
  const Raft* system = process_->host.replica().group(kSystemGroup);
  return system == nullptr ? Index() : system->applied();
}

// The catalogue is applied inside the step.
void Machine::LookAtCatalogue() {
  const Index applied = AppliedOfCatalogue();
  if (shared_.promise_broken || !shared_.config.checks.invariants) return;
  if (applied == process_->catalogue_told) return;
  process_->catalogue_told = applied;
  const RunGuard guard(shared_.unheard);
  // What came and was committed in one frame is applied before the checkers have it in their image of the log.
  const auto term = [&](Index index) {
    const auto appended = process_->system_appended.find(index);
    return appended == process_->system_appended.end()
               ? shared_.invariants.term(id_, kSystemGroup, index)
               : appended->second;
  };
  shared_.catalogue.OnApplied(id_, applied, process_->host.replica().catalogue(), term);
}

// The state machines that the last piece of work may have moved.
void Machine::LookAtMachines() {
  if (!shared_.config.checks.invariants) return;
  for (const GroupId group : process_->host.replica().touched()) {
    const StateMachine* machine = process_->host.machine(group);
    if (machine == nullptr) continue;
    const EntryId applied = machine->applied();
    bool known = false;
    for (auto& [told_group, told] : process_->applied_told) {
      if (told_group != group) continue;
      known = true;
      if (told == applied) break;
      told = applied;
      shared_.Watch(
          [&](Invariants& watch) { watch.OnApplied(id_, group, applied, machine->digest()); });
    }
    if (known) continue;
    process_->applied_told.emplace_back(group, applied);
    if (applied.index > Index()) {
      shared_.Watch(
          [&](Invariants& watch) { watch.OnApplied(id_, group, applied, machine->digest()); });
    }
  }
}

std::vector<FlushedGroup> Machine::HeldByMap() const {
  std::vector<FlushedGroup> held;
  for (const auto& one : process_->host.replica().groups()) {
    const StateMachine* machine = process_->host.machine(one.first);
    if (machine == nullptr) continue;
    held.push_back({one.first, machine->space().generation, machine->applied().index});
  }
  return held;
}

// States that were sent in full and wait to become this node's. That all of it is there shows at the next boot.
std::vector<FlushedGroup> Machine::ReceivedStates() const {
  std::vector<FlushedGroup> states;
  for (const auto& [group, raft] : process_->host.replica().groups()) {
    const std::optional<Incoming>& incoming = raft.incoming();
    if (!incoming || incoming->phase != InstallPhase::kFlushing) continue;
    states.push_back({group, incoming->generation, incoming->name.entry.index});
  }
  return states;
}

void Machine::TellMapDurable(const std::vector<FlushedGroup>& held,
                             const std::vector<FlushedGroup>& states) {
  for (const FlushedGroup& one : states) {
    shared_.Watch([&](Invariants& watch) {
      watch.OnStateDurable(id_, one.group, one.generation, one.applied);
    });
  }
  for (const FlushedGroup& one : held) {
    shared_.Watch([&](Invariants& watch) {
      watch.OnMapDurable(id_, one.group, one.generation, one.applied);
    });
  }
}

void Machine::Carry(LinkOutputs& outputs) {
  // What a step leads to may add nothing here: links are moved by frames and timers only.
  for (LinkOutput& output : outputs) {
    std::visit(
        Match{[this](const LinkUp& up) { Step(up); }, [this](const LinkDown& down) { Step(down); },
              [this](FrameReceived& frame) { Step(Input(std::move(frame))); },
              [this](SayHello& hello) {
                breaker_.Pass();
                wire_.Send(Frame(std::move(hello.frame)));
              },
              [this](const FrameRejected& rejected) {
                if (shared_.trace.textual()) {
                  Say("  frame of " + NodeName(rejected.peer) +
                      " rejected: " + NameOf(rejected.reason));
                }
              }},
        output);
  }
  outputs.clear();
}

void Machine::EndTurn() {
  process_->turn_open = false;
  process_->host.EndTurn();
}

void Machine::AfterTurn() {
  if (process_->host.stopped()) {
    if (!told_stopped_) OnStoppedByItself();
    return;
  }
  if (process_->host.HasWork() && !process_->work_scheduled) {
    process_->work_scheduled = true;
    Push(EventKind::kWork, disk_.WorkEnd());
  }
  ScheduleWakeups();
}

void Machine::ScheduleWakeups() {
  if (process_->host.stopped()) return;
  const std::int64_t virtual_now = shared_.now();
  const MonoTime wanted = process_->host.NextWakeup();
  if (wanted != kNever) {
    const std::int64_t due = clock_.Due(wanted, virtual_now);
    if (due < process_->wakeup_at) {
      process_->wakeup_at = due;
      Push(EventKind::kWakeup, due);
    }
  }
  const MonoTime timer = process_->links.NextTimer();
  if (timer == kNever) return;
  const std::int64_t due = clock_.Due(timer, virtual_now);
  if (due < process_->link_timer_at) {
    process_->link_timer_at = due;
    Push(EventKind::kLinkTimer, due);
  }
}

}  // namespace quorate::sim
