// sim/world/faults.h — what goes wrong, when, and for how long.
//
// Model: a list of fault processes, each for one kind of fault at one node, link or the whole cluster. Each waits,
//   strikes, lasts, ends, and waits again, by its own keyed choices; in quiet times none strikes or goes on
//   (sim/world/quiet.h). Scheduled faults come at their time or at the nth reaching of a mark, and use the same hands.
// Invariants: a random fault that takes a node out of service asks the budget first; what a fault did is undone
//   by its own end only; after `Freeze` nothing new strikes and nothing ends.
// Marks: clock.stepped_back, partition.one_way_leader, partition.leader (disk.stalled_on_leader: the machine).
// Units: virtual nanoseconds. Errors: none.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sim/world/clients.h"
#include "sim/world/machine.h"
#include "sim/world/partition.h"
#include "sim/world/shared.h"

namespace quorate::sim {

using Machines = std::vector<std::unique_ptr<Machine>>;

class Faults {
 public:
  Faults(Shared& shared, Wire& wire, Machines& machines, Clients& clients);

  // Every process waits for its first time; the schedule is set.
  void Start();
  // An event of kind kFault or kFaultEnd. False: nothing happened.
  bool OnEvent(const Event& event);
  // Scheduled faults that wait for a mark look whether it is reached. After every event.
  void OnMarks();
  // No more chaos: what is broken stays broken.
  void Freeze() { frozen_ = true; }

  // Nothing is wrong with nodes, disks and links but what the links do to single frames, since this time;
  // nullopt: something is.
  std::optional<std::int64_t> calm_since() const {
    return active_ == 0 ? std::optional(calm_since_) : std::nullopt;
  }

 private:
  enum class Kind : std::uint8_t {
    kCrash,
    kPause,
    kPartition,
    kClog,
    kSwizzle,
    kDisconnect,
    kDiskFull,
    kDiskStall,
    kDiskSlow,
    kClockStep,
    kClockFreeze,
    kAimedCrash,  // when a node does something delicate
    kImage,
  };
  struct Process {
    Kind kind = Kind::kCrash;
    NodeId node;  // 0: the whole cluster
    NodeId peer;  // of links
    Dist gap;
    Dist length;
    Choice when, how_long, detail;
    Choice wipe, old_image;  // of crashes
    std::uint32_t strikes = 0;
    bool active = false;
    std::int64_t ends_at = 0;
    std::vector<DirectedLink> cut;  // while active
    bool is_cut = false;
    std::int64_t flap_ns = 0;
    std::int64_t lasts_ns = 0;
    std::vector<SwizzleStep> swizzle;
    std::int64_t step_ns = 0;  // of the clock
  };
  struct Scheduled {
    bool done = false;
    std::vector<DirectedLink> cut;
    bool is_cut = false;
    std::int64_t begun = 0;
    std::size_t operation = 0;   // nth operation of the schedule
    std::optional<NodeId> node;  // who it struck
    bool lasts = false;          // and has not ended yet
  };

  void Add(Kind kind, NodeId node, NodeId peer, std::int64_t mtbf_ns, const Dist& length);
  void WaitAgain(std::size_t which, std::int64_t from);
  bool Strike(std::size_t which);
  bool End(std::size_t which, std::uint64_t step);
  void Begin(Process& process, std::size_t which, std::int64_t length);
  void PushStep(std::size_t which, std::uint64_t step, std::int64_t at);
  // How long something that begins now may last.
  std::int64_t Cap(std::int64_t length) const;

  bool StrikeCrash(Process& process);
  bool StrikePartition(Process& process, std::size_t which);
  bool StrikeSwizzle(Process& process, std::size_t which);
  bool StrikeClockStep(Process& process);
  bool StrikeOf(Process& process, std::size_t which);
  void CrashOne(Machine& machine, Process& process);
  void ClogNode(const SwizzleStep& step, std::int64_t begun);
  void Record(const Process& process);
  bool Cuts(std::size_t entry) const;
  void MarkLeaderAlone(const std::vector<DirectedLink>& cut);
  void SetCut(Process& process, bool cut);

  void Carry(std::size_t entry);
  void EndScheduled(std::size_t entry);
  void StepScheduled(std::size_t entry, std::uint64_t step);
  void PushScheduled(std::size_t entry, std::uint64_t step, std::int64_t at);
  std::optional<NodeId> Resolve(const NodeRef& ref) const;
  static bool Lasts(const Action& action);
  // Something that was scheduled is over.
  void Settle(Scheduled& scheduled);
  // False: there is nothing to cut.
  bool CutScheduled(std::size_t entry, std::vector<DirectedLink> cut);
  bool OrderFailure(const Machine& machine, bool& fail_next);
  Machine& At(NodeId node) { return *machines_[shared_.EndpointOf(node)]; }
  std::uint32_t SlotOfSchedule(std::size_t entry) const {
    return static_cast<std::uint32_t>(kScheduledBase + entry);
  }

  static constexpr std::size_t kScheduledBase = 1u << 30;
  // What an event of kind kFaultEnd is about.
  static constexpr std::uint64_t kEndStep = 0;
  static constexpr std::uint64_t kFlapStep = 1;
  static constexpr std::uint64_t kSwizzleStep = 2;  // + place of the step

  Shared& shared_;
  Wire& wire_;
  Machines& machines_;
  Clients& clients_;
  std::vector<Process> processes_;
  std::vector<Scheduled> scheduled_;
  std::size_t waiting_for_marks_ = 0;
  std::uint64_t marks_looked_at_ = 0;
  std::size_t active_ = 0;  // faults that last, by chance or by schedule
  std::int64_t calm_since_ = 0;
  bool frozen_ = false;
};

}  // namespace quorate::sim
