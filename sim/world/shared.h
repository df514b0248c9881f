// sim/world/shared.h — what all parts of one run share.
//
// Model: configuration, event queue, trace, checkers and counters of one run. Parts (machines, wire, clients,
//   faults, phases) never call one another's insides: they push events, report to the checkers here, and are
//   told what happens by the world's loop.
// Threads: one a run. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "sim/check/edges.h"
#include "sim/check/excuse.h"
#include "sim/check/invariants.h"
#include "sim/history/catalogue_check.h"
#include "sim/history/history.h"
#include "sim/history/serial_check.h"
#include "sim/world/budget.h"
#include "sim/world/choice.h"
#include "sim/world/event_queue.h"
#include "sim/world/marks.h"
#include "sim/world/members.h"
#include "sim/world/partition.h"
#include "sim/world/recording.h"
#include "sim/world/run.h"
#include "sim/world/trace.h"

namespace quorate::sim {

// Hands every committed entry to the serial-point check, once and in order: the first Apply that any node
// asks for shows it.
class CommittedStream {
 public:
  CommittedStream(SerialChecker& serial, Verdicts& verdicts)
      : serial_(serial), verdicts_(verdicts) {}
  void OnApply(const Apply& apply);
  Index last(GroupId group) const;

 private:
  SerialChecker& serial_;
  Verdicts& verdicts_;
  absl::btree_map<GroupId, Index> last_;
};

// How often each thing happened that spoils a run on purpose, or that was looked at. Names are stored in
// reports: never rename one.
class Tally {
 public:
  void Add(const std::string& name, std::uint64_t count = 1) {
    if (count > 0) counts_[name] += count;
  }
  const Counters& counts() const { return counts_; }

 private:
  Counters counts_;
};

struct Shared {
  Shared(const RunConfig& run_config, std::uint64_t run_seed, const RunSettings& settings);

  std::int64_t now() const { return queue.now(); }
  // Tells the invariants, if they are checked in this run.
  template <class Tell>
  void Watch(const Tell& tell) {
    if (config.checks.invariants && !promise_broken) tell(invariants);
  }
  // A disk has lost what it had said it would keep, and its node cannot know.
  void BreakPromise();
  Endpoint EndpointOf(NodeId node) const { return static_cast<Endpoint>(node.value() - 1); }
  Endpoint EndpointOfClient(std::size_t client) const {
    return static_cast<Endpoint>(nodes + client);
  }

  const RunConfig& config;
  const std::uint64_t seed;
  const std::size_t nodes;
  RecordedRun* const steps;  // nullptr: nobody wants to know
  EventQueue queue;
  Trace trace;
  MarkCounter marks;
  Verdicts verdicts;
  EdgeChecks edges;
  Invariants invariants;
  Recorder recorder;
  SerialChecker serial;
  CommittedStream committed;
  CatalogueCheck catalogue;
  MarkCounter unheard;  // of what checkers make the engine's code do
  FaultBudget budget;
  DamageLog damage;
  Members members;
  // Whether its disk may be damaged for good by chance: within a budget that keeps a quorum of all nodes, one of each
  // configuration that may be in force is kept, too.
  bool MayDamage(std::size_t node) const;
  // By node: the fault that waits for it to do something delicate.
  std::vector<std::optional<std::uint32_t>> aimed_crashes =
      std::vector<std::optional<std::uint32_t>>(nodes);
  Tally injected;
  Tally operations;
  std::uint64_t events = 0;
  bool promise_broken = false;
  Recording* recording = nullptr;  // where what is decided is written down; nullptr: nowhere
};

// Marks that the world sees and the engine cannot know of.
inline void Mark(Shared& shared, const char* name) { shared.marks.Reach(name); }

}  // namespace quorate::sim
