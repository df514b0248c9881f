// sim/world/machine.h — one machine: a disk and a clock that stay, and a process that comes and goes.
//
// Model: the process is the real host over simulated ports, with the real peer links. Booting goes through
//   the real recovery. Every event is one turn: inputs, then the end of the turn (at once, or a little later
//   on machines that gather). A process may be paused (its events wait), or die between turns or at any port
//   call within one; what it wrote and had not synced is then lost in part.
// Invariants: nothing of a dead process's life reaches the next one; a turn that is cut off lets nothing of
//   what comes after the cut out.
// Violations: BOOT-1 a store is refused that nobody spoiled; BOOT-2 a node stops though nothing failed; BOOT-3
//   a node starts without the log that it had; those of the checkers, told here what crosses the borders; I-47 a recovery that differs when
//   done again; LIVE-5 a node that wants to be called for ever at one instant.
// Units: virtual nanoseconds. Errors: a store that refuses to be recovered stops the node (`refused`).
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/host.h"
#include "net/link_table.h"
#include "sim/world/holders.h"
#include "sim/world/landmarks.h"
#include "sim/world/shared.h"
#include "sim/world/sim_clock.h"
#include "sim/world/sim_disk.h"
#include "sim/world/wire.h"
#include "storage/recovery.h"

namespace quorate::sim {

class Machine {
 public:
  Machine(Shared& shared, Wire& wire, Landmarks& landmarks, NodeId id);
  ~Machine();

  // One machine in three gathers what comes within 50 µs into one turn, as a busy loop does; 0: it does not.
  static std::int64_t GatherOf(std::uint64_t seed, NodeId id);

  // Makes the disk that of a new cluster's node.
  void Format(const Configuration& members);
  // Starts a process. No effect if there is one.
  void Boot();
  // An event of this machine. False: it was meant for another life, and nothing happened.
  bool OnEvent(const Event& event);

  // ---- faults; whether they may strike was judged before -----------------------------------------------
  // The process dies now, and is started again after `restart_after` (nullopt: by nobody; a restart that an
  // earlier death had ordered is called off, too).
  void Crash(std::optional<std::int64_t> restart_after);
  // The process dies in its next turn, at the port call with this number (from 0), or at the turn's end.
  void CrashInTurn(std::uint32_t call, std::optional<std::int64_t> restart_after);
  // The crash that comes next leaves this of what was not synced; else the disk decides.
  void KeepInCrash(const Kept& kept) { keep_to_come_ = kept; }
  // The crash that comes next takes this of the disk along. A node without its log is refused from then on; one
  // without its map is, too, unless the log still has everything. Without a process: now.
  // kImage: its disk is what it was when its last image was taken, if there is one and it is whole.
  void LoseInCrash(Loss loss);
  // What is durable now is copied away, to be put back by a later loss.
  void TakeImage() { image_.emplace(disk_.log.DurableImage(), disk_.map.DurableImage()); }
  bool has_image() const { return image_.has_value(); }
  // A row of one of the stores reads as corrupt from now on. False: there is none.
  bool CorruptStore(StorePart store, std::int64_t nth);
  // A crash that was to come does not.
  void CallOffCrash();
  // What lasts is held by whoever ordered it, until it lets go; of several that overlap, until the last one does.
  void Pause(FaultId who);
  void Resume(FaultId who);
  void ResumeForAll();
  void FillDisk(FaultId who);
  void EmptyDisk(FaultId who);
  void EmptyDiskForAll();
  void FreezeClock(FaultId who);
  void ThawClock(FaultId who);
  void ThawClockForAll();
  void StallDisk(std::int64_t until);
  // An input that nobody sent over the network.
  void Order(const Input& input);
  // The connection to `peer` broke here.
  void Disconnect(NodeId peer);
  // The clock was changed: whoever waits for it must be looked at anew.
  void OnClockChanged();

  // ---- state -------------------------------------------------------------------------------------------
  NodeId id() const { return id_; }
  SimClock& clock() { return clock_; }
  SimDisk& disk() { return disk_; }
  const SimDisk& disk() const { return disk_; }
  bool running() const { return process_ != nullptr; }
  // Runs and has not stopped by itself.
  bool serving() const;
  bool paused() const { return paused_; }
  // Its store was found damaged: it will not run any more in this run.
  bool damaged() const { return damaged_; }
  const std::string& damage() const { return damage_; }
  // It was not found damaged, and its stores hold what was written: what may have been spoiled in them is gone.
  bool whole() const { return !damaged_ && lost_ == Loss::kNothing && !disk_.HoldsCorruption(); }
  // The same but for what a crash might bring back.
  bool reads_whole() const {
    return !damaged_ && lost_ == Loss::kNothing && disk_.log.corrupt_keys().empty() &&
           disk_.map.corrupt_keys().empty();
  }
  const Host* host() const;
  const Replica* replica() const;
  bool Leads(GroupId group) const;
  bool LeadsAny() const;
  Now now() const { return clock_.At(shared_.now()); }
  std::uint64_t boots() const { return boots_; }
  // What it was asked of a group and has not answered, and how often it answered with what a quorum stands for. Reads
  // that may be stale are neither.
  struct Demand {
    std::optional<std::int64_t> writes_since;  // since when the oldest is open
    std::optional<std::int64_t> reads_since;
    std::uint64_t writes_done = 0;  // by this process
    std::uint64_t reads_done = 0;
  };
  // By group; empty while it does not run.
  const absl::btree_map<GroupId, Demand>& demands() const;

 private:
  struct Process;
  class ClientDoor;
  class PeerDoor;

  template <class Work>
  void Turn(const Work& work);
  template <class Call, class After>
  void IntoHost(const Call& call, const After& after);
  void EndTurn();
  void AfterTurn();
  void Step(const Input& input);
  void AfterStart();
  void AfterStep(const Input* input);
  void LookAtEffects(const Effects& effects);
  void MaybeAimCrash(const Persist& persist);
  void LookAtMachines();
  void LookAtCatalogue();
  Index AppliedOfCatalogue() const;
  std::vector<FlushedGroup> HeldByMap() const;
  std::vector<FlushedGroup> ReceivedStates() const;
  void TellMapDurable(const std::vector<FlushedGroup>& held,
                      const std::vector<FlushedGroup>& states);
  void Carry(LinkOutputs& outputs);
  void RunWork();
  void OnRequest(std::uint32_t slot);
  void OnFrame(std::uint32_t slot);
  void OnSyncDone(const Event& event);
  void OnFlushDone(const Event& event);
  bool OnWork();
  bool OnWakeup(const Event& event);
  bool OnLinkTimer(const Event& event);
  void TellSpace();
  void ScheduleWakeups();
  void FinishCrash();
  Kept KeptInCrash();
  std::optional<Kept> KeptInRecovery();
  void LoseNow();
  void PutImageBack();
  bool MayStart();
  void NoteMended();
  void Push(EventKind kind, std::int64_t at);
  void OnStoppedByItself();
  std::optional<RecoveredNode> Recover(MapStore& map);
  void Refuse(const absl::Status& why);
  void Say(const std::string& text);

  Shared& shared_;
  Wire& wire_;
  Landmarks& landmarks_;
  NodeId id_;
  Identity identity_;
  SimClock clock_;
  SimDisk disk_;
  Breaker breaker_;
  std::unique_ptr<Process> process_;
  std::uint32_t life_ = 0;
  std::uint64_t boots_ = 0;
  bool crash_in_turn_ = false;
  std::optional<std::int64_t> restart_after_;
  bool stays_down_ = false;  // whatever restart is under way
  Loss loss_to_come_ = Loss::kNothing;
  Loss lost_ = Loss::kNothing;
  std::optional<Kept> keep_to_come_;
  std::optional<std::pair<KvImage, KvImage>> image_;  // of the log and of the map
  bool deceived_ = false;  // its disk has forgotten what it had said it would keep
  bool paused_ = false;
  std::vector<Event> parked_;
  Holders pauses_, fillings_, freezes_;
  bool damaged_ = false;
  std::string damage_;
  bool told_stopped_ = false;
  std::int64_t gather_ns_ = 0;  // how long a turn gathers inputs; 0 = not at all
  Choice aimed_;
  Choice restart_;
  Choice recover_again_;
  Choice kept_in_recovery_;
};

}  // namespace quorate::sim
