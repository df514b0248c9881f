// engine/host.h — carries out what the engine asks for, and holds what must wait.
//
// Model: the same object in the simulator and in the node; only the ports differ. A *turn* is any number of
//   `Handle` calls followed by one `EndTurn`: what leaves for one peer in a turn is one frame per distinct
//   `after`, and the log is synced once. The state machines live here; their work is queued and done one
//   piece at a time by `RunWork`, whose answers go back into the engine as inputs.
// Invariants: nothing leaves before the write it rests on is durable; order is kept within (receiver,
//   group), but for heartbeats, which are of every group; a state machine never applies an entry that is not durable here.
// Threads: one.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/kv/state_machine.h"
#include "engine/ports.h"
#include "engine/replica.h"

namespace quorate {

struct HostPorts {
  LogPort& log;
  MapPort& map;
  WirePort& wire;
  ClientsPort& clients;
  StepWatch* watch = nullptr;  // nullptr: nobody looks on
};

class Host {
 public:
  // `map` must already be what `recovered` speaks of. The ports must outlive the host.
  Host(const Recovered& recovered, const Options& options, HostPorts ports);

  // The first effects of this boot. Once, before anything else.
  void Start(Now now);
  // Takes one input and carries out everything it leads to, but for what must wait.
  void Handle(Now now, const Input& input);
  // The map port finished flush `id`: the engine is told what is durable now.
  void OnMapFlushed(Now now, PortRequest id, bool ok);
  // Frames leave, the log is told to sync.
  void EndTurn();

  // State-machine work that is released and waits to be done. The driver decides when.
  bool HasWork() const { return !work_.empty(); }
  // Does the first piece and feeds its answer to the engine. Requires: HasWork().
  void RunWork(Now now);

  MonoTime NextWakeup() const { return replica_.NextWakeup(); }
  const Replica& replica() const { return replica_; }
  bool stopped() const { return replica_.stopped(); }
  PersistSeq durable() const { return durable_; }
  // nullptr if the group has none here.
  const StateMachine* machine(GroupId group) const;

  // What the last Handle, RunWork, OnMapFlushed or Start made the engine ask for (for checkers, traces).
  const Effects& last_effects() const { return replica_.last_effects(); }
  // The input that the last RunWork or OnMapFlushed fed to the engine; nullptr if it fed none.
  const Input* last_answer() const { return last_answer_ ? &*last_answer_ : nullptr; }

  struct HeldSize {
    std::size_t sends = 0;
    std::size_t applies = 0;
    std::size_t replies = 0;
  };
  HeldSize held() const;

 private:
  using Work = std::variant<Apply, RunQuery, OpenSnapshot, ReadChunk, CloseSnapshot, InstallChunk,
                            SwitchGeneration, DropGeneration>;
  struct HeldWork {  // waits for its write, and for the group's work before it
    GroupId group;
    PersistSeq after;
    Work work;
  };
  struct View {  // the pinned state of one group, and where its chunks begin
    std::unique_ptr<MapReader> reader;
    std::vector<std::string> starts;
  };
  struct PendingFlush {
    PortRequest id;
    std::vector<FlushedGroup> groups;  // as they were when it began
  };
  struct PendingFrame {
    PersistSeq after;
    Outgoing frame;
  };

  void Carry(const Effects& effects);
  void Feed(Now now, const Input& input);
  void CarryStep(const Effects& effects);
  void Release();
  void AddToFrame(const Send& send);
  void Queue(GroupId group, PersistSeq after, Work work);
  void Stopped();

  std::optional<Input> Do(const Apply& apply);
  std::optional<Input> Do(const RunQuery& query);
  std::optional<Input> Do(const OpenSnapshot& open);
  std::optional<Input> Do(const ReadChunk& read);
  std::optional<Input> Do(const CloseSnapshot& close);
  std::optional<Input> Do(const InstallChunk& install);
  std::optional<Input> Do(const SwitchGeneration& to);
  std::optional<Input> Do(const DropGeneration& drop);

  Options options_;
  HostPorts ports_;
  Replica replica_;
  PersistSeq durable_;
  std::deque<Send> held_sends_;
  std::deque<Reply> held_replies_;
  std::deque<HeldWork> held_work_;
  std::deque<Work> work_;
  std::vector<PendingFrame> frames_;  // of this turn
  absl::btree_map<GroupId, StateMachine> machines_;
  absl::btree_map<GroupId, View> views_;
  std::optional<PendingFlush> flush_;
  std::optional<Input> last_answer_;
  bool data_lost_ = false;  // a state machine could not be opened at boot
};

}  // namespace quorate
