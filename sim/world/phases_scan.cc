// The durability scan at the end of a run.
#include <algorithm>
#include <utility>

#include "engine/kv/command.h"
#include "sim/check/leftovers.h"
#include "sim/world/phases.h"

namespace quorate::sim {

void Phases::Finish() {
  Scan();
  phase_ = Phase::kDone;
}

void Phases::Scan() {
  if (shared_.promise_broken) return ScanContents();
  for (const GroupId group : Groups()) {
    if (group == kSystemGroup) continue;
    for (const NodeId node : CoreMembers(group)) ScanMachine(At(node), group);
  }
  for (const NodeId node : core_) LookAtStores(At(node));
}

void Phases::LookAtStores(const Machine& machine) {
  if (!shared_.config.checks.invariants) return;
  const auto& groups = machine.replica()->groups();
  // Only with who was put out (IsAtRest).
  if (std::any_of(groups.begin(), groups.end(),
                  [](const auto& one) { return one.second.incoming().has_value(); }))
    return;
  const SimDisk& disk = machine.disk();
  shared_.edges.OnStores(
      machine.id(), LeftOver(disk.log.rows(), disk.map.rows(), [&](GroupId group) {
        return shared_.catalogue.IsGone(group) ? std::nullopt
                                               : shared_.invariants.generation(machine.id(), group);
      }));
}

// What each node owes on its own, whatever the others hold.
void Phases::ScanContents() {
  for (const std::unique_ptr<Machine>& machine : machines_) {
    const MemKv& map = machine->disk().map;
    if (!machine->serving() || map.failed() || !map.corrupt_keys().empty()) continue;
    for (const auto& one : machine->replica()->groups()) {
      const StateMachine* state = machine->host()->machine(one.first);
      if (state == nullptr) continue;
      const absl::StatusOr<Digest> content = state->RecomputeDigest();
      if (!map.corrupt_keys().empty()) break;  // spoiled while it was read: nothing heals this disk
      shared_.edges.OnContentDigest(
          NodeName(machine->id()) + " group " + std::to_string(one.first.value()), content,
          state->digest());
    }
  }
}

// The whole state is read as a client would, and judged like any other read.
void Phases::ScanMachine(const Machine& machine, GroupId group) {
  const StateMachine* state = machine.host()->machine(group);
  if (state == nullptr) return;
  const std::string who = NodeName(machine.id()) + " group " + std::to_string(group.value());
  shared_.edges.OnContentDigest(who, state->RecomputeDigest(), state->digest());
  shared_.edges.OnState(who, {state->revision(), state->applied().index},
                        {shared_.serial.revision(group), shared_.serial.committed(group)});
  shared_.Watch([&](Invariants& watch) {
    watch.OnMachineSeen(machine.id(), group, state->applied(), state->digest());
  });
  std::string from;
  for (;;) {
    const Query query = Range{from, "", 0};
    const absl::StatusOr<Payload> answer = state->Answer(EncodeQuery(query));
    const std::optional<KvReply> reply =
        shared_.edges.OnReply(answer.ok() ? *answer : Payload(), [&] { return who + ": a scan"; });
    if (!reply) return;
    Invocation invocation;
    invocation.event = shared_.events;
    invocation.ns = shared_.now();
    invocation.client = 9'000 + machine.id().value();
    invocation.group = group;
    invocation.call = Read{query, true};
    const OpId id = shared_.recorder.Invoke(std::move(invocation));
    shared_.serial.OnInvoke(id, shared_.recorder.at(id));
    Completion completion;
    completion.event = shared_.events;
    completion.ns = shared_.now();
    completion.outcome = OutcomeClass::kOk;
    completion.reply = *reply;
    completion.serial = state->applied().index;
    completion.node = machine.id();
    shared_.recorder.Complete(id, std::move(completion));
    shared_.serial.OnComplete(id, shared_.recorder.at(id));
    if (!reply->continuation) return;
    from = *reply->continuation;
  }
}

}  // namespace quorate::sim
