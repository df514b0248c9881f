// sim/world/machine_process.h — the inside of a machine: one process with its doors to the world.
//
// Model: what dies with a process. The doors are the host's ports towards peers and clients; the log and the map
//   are in `sim_disk.h`.
// Included by machine*.cc only.
#pragma once
#include <deque>
#include <limits>
#include <utility>

#include "sim/cases/step_recorder.h"
#include "sim/world/liveness.h"
#include "sim/world/machine.h"

namespace quorate::sim {

inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::max();

class Machine::PeerDoor final : public WirePort {
 public:
  PeerDoor(Shared& shared, Wire& wire, Breaker& breaker, NodeId self, LinkTable& links)
      : shared_(shared), wire_(wire), breaker_(breaker), self_(self), links_(links) {}

  void Send(Outgoing outgoing) override {
    breaker_.Pass();
    std::optional<BatchFrame> frame = links_.Pack(std::move(outgoing));
    if (!frame) return;  // its link is over
    shared_.Watch([&](Invariants& watch) { watch.OnBatchLeft(self_, *frame); });
    for (const PeerMessage& message : frame->messages) {
      if (const auto* chunk = std::get_if<SnapshotChunk>(&message.message)) {
        shared_.serial.OnChunk(self_, message.group, *chunk);
      }
    }
    wire_.Send(Frame(*std::move(frame)));
  }

 private:
  Shared& shared_;
  Wire& wire_;
  Breaker& breaker_;
  NodeId self_;
  LinkTable& links_;
};

class Machine::ClientDoor final : public ClientsPort {
 public:
  ClientDoor(Shared& shared, Wire& wire, Machine& machine)
      : shared_(shared), wire_(wire), machine_(machine) {}

  // The request as the engine is to get it, with a number of this process.
  ClientRequest Take(const ClientCall& call) {
    asked_.push_back(Asked{call.client, call.operation, call.attempt, call.request.group,
                           call.request.kind, shared_.now(), machine_.AppliedOfCatalogue(), true});
    ClientRequest request = call.request;
    request.id = RequestId(first_ + asked_.size() - 1);
    shared_.edges.OnAsked(machine_.id_, request.id);
    return request;
  }

  void Answer(RequestId request, const Outcome& outcome) override;

  const absl::btree_map<GroupId, Demand>& demands() {
    for (auto& [group, demand] : demands_) demand.writes_since = demand.reads_since = std::nullopt;
    for (const Asked& asked : asked_) {
      if (!asked.open || asked.kind == RequestKind::kStaleRead) continue;
      Demand& demand = demands_[asked.group];
      std::optional<std::int64_t>& since =
          asked.kind == RequestKind::kRead ? demand.reads_since : demand.writes_since;
      if (!since) since = asked.since;  // they stand in the order in which they came
    }
    return demands_;
  }

 private:
  struct Asked {
    std::uint16_t client;
    std::uint32_t operation;
    std::uint32_t attempt;
    GroupId group;
    RequestKind kind;
    std::int64_t since;
    Index catalogue;  // what was applied of it when the request came
    bool open;
  };
  Shared& shared_;
  Wire& wire_;
  Machine& machine_;
  std::uint64_t first_ = 1;  // number of the front of `asked_`
  std::deque<Asked> asked_;
  absl::btree_map<GroupId, Demand> demands_;
};

struct Machine::Process {
  Process(Shared& shared, Wire& wire_to, Machine& machine, const Recovered& recovered,
          LogStore log_store, MapStore map_store)
      : log(shared, machine.id_, machine.life_, machine.disk_, std::move(log_store),
            machine.breaker_),
        map(shared, machine.id_, machine.life_, machine.disk_, std::move(map_store),
            machine.breaker_),
        links(machine.identity_, Next(recovered.last_boot),
              LinkOptionsOf(shared.config.cluster.options)),
        peers(shared, wire_to, machine.breaker_, machine.id_, links),
        clients(shared, wire_to, machine),
        recorder(shared.steps == nullptr
                     ? nullptr
                     : std::make_unique<StepRecorder>(*shared.steps, shared.verdicts, recovered)),
        host(recovered, shared.config.cluster.options,
             HostPorts{log, map, peers, clients, recorder.get()}) {}

  SimLog log;
  SimMap map;
  LinkTable links;
  PeerDoor peers;
  ClientDoor clients;
  std::unique_ptr<StepRecorder> recorder;  // nullptr: this run is not recorded
  Host host;

  LinkOutputs outputs;  // of the links, being carried out
  bool linked = false;  // the boot record is durable: links may be made
  bool told_full = false;
  bool turn_open = false;
  bool work_scheduled = false;
  std::int64_t wakeup_at = kNoTime;
  std::int64_t link_timer_at = kNoTime;
  std::vector<std::pair<GroupId, EntryId>> applied_told;
  Index catalogue_told;
  absl::btree_map<Index, Term> system_appended;  // to the log of the system group, by this step
  // What the map held when the flush under way began.
  std::vector<FlushedGroup> flushing;
  std::vector<FlushedGroup> flushing_states;  // complete, and not taken over yet
};

// Calls into the host. Whether or not the process dies at one of its ports, `after` is told of the step that was
// made: what was carried out before the cut did happen, and the checkers must know of it.
template <class Call, class After>
void Machine::IntoHost(const Call& call, const After& after) {
  try {
    call();
  } catch (const ProcessDied& died) {
    if (!died.in_state_machine) after();
    throw;
  }
  after();
}

template <class Work>
void Machine::Turn(const Work& work) {
  try {
    work();
    if (gather_ns_ == 0 || crash_in_turn_) {
      EndTurn();
    } else if (process_->turn_open) {
      EndTurn();
    } else {
      process_->turn_open = true;
      Push(EventKind::kEndTurn, shared_.now() + gather_ns_);
    }
  } catch (const ProcessDied&) {
    shared_.injected.Add("process.crash_mid_turn");
    FinishCrash();
    return;
  }
  if (crash_in_turn_) {
    FinishCrash();
  } else {
    AfterTurn();
  }
}

}  // namespace quorate::sim
