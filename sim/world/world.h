// sim/world/world.h — one run: all parts, and the loop that hands out events.
//
// Model: takes the next event, gives it to the part that it is for, lets the checkers speak, and goes on until
//   the run is over or somebody found something.
// Invariants: an event's number counts those that did something; it is what reports and histories refer to.
// Units: virtual nanoseconds. Errors: violations and excuses; failed assertions end the run as "ASSERT".
#pragma once
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "sim/world/administrator.h"
#include "sim/world/clients.h"
#include "sim/world/coverage.h"
#include "sim/world/faults.h"
#include "sim/world/landmarks.h"
#include "sim/world/machine.h"
#include "sim/world/phases.h"
#include "sim/world/recording.h"
#include "sim/world/resolve.h"
#include "sim/world/shared.h"
#include "sim/world/wire.h"

namespace quorate::sim {

class World {
 public:
  World(const RunConfig& config, std::uint64_t seed, const RunSettings& settings);

  // To the end, or to the first violation.
  void Run() {
    RunUntil([] {});
  }
  // The same; `after_event` is called after every event, for tests that reach in.
  void RunUntil(absl::FunctionRef<void()> after_event);

  // It went on beyond settings.most_events, and nothing was found until then.
  bool given_up() const { return shared_.events > most_events_ && !shared_.verdicts.found(); }

  Shared& shared() { return shared_; }
  const Phases& phases() const { return phases_; }
  // What was injected and looked at, all parts together.
  Counters Injected() const;
  Counters Checked();
  // The run so far as a scenario without chances. Requires: settings.resolve.
  RunConfig Resolved() const { return ResolveRun(shared_.config, *recording_, wire_); }
  AbstractStates States() const { return coverage_.States(); }

  // For tests of single parts.
  Machines& machines() { return machines_; }
  Wire& wire() { return wire_; }
  Clients& clients() { return clients_; }

 private:
  bool Hand(const Event& event);

  Shared shared_;
  std::uint64_t most_events_;
  std::optional<Recording> recording_;
  Wire wire_;
  Landmarks landmarks_;
  Machines machines_;
  Clients clients_;
  Faults faults_;
  Administrator administrator_;
  Phases phases_;
  Coverage coverage_;
  std::uint64_t retries_seen_ = 0;
};

}  // namespace quorate::sim
