// engine/eventual/clock.h — the hybrid clock that stamps the writes of one namespace's era at one node.
//
// Model: a stamp is 48 bits of milliseconds since 1970 and 16 bits of counter. What is issued follows both
//   the date and every stamp that this node has issued, promised or applied: so a new local write beats
//   whatever its node has shown. A counter that is full carries into the milliseconds.
// Invariants: `last` never falls; each stamp issued is above `last` as it was; none is issued, and nothing
//   promised, further ahead of the date than a quarter of the bound; `promised` <= `last`.
// Durability: this value knows nothing of it. A stamp leaves the node only with the write that holds it, and
//   at boot `last` is the greatest that is durably issued, promised or applied.
// Time: the date is what the nodes agree on (agreed_time.h), not the own wall clock.
// Source: Kulkarni et al., Logical Physical Clocks (2014); the bound and what it forbids are our own.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/base/strong.h"
#include "engine/base/time.h"

namespace quorate {

using Stamp = Strong<struct StampTag>;

struct ClockLimits {
  Duration bound = Milliseconds(500);  // how far ahead of its date a node takes a foreign stamp
  int counter_bits = 16;               // 1 to 16; fewer make carries frequent
};

inline constexpr int kCounterBits = 16;  // of a stamp, whatever the limits are

// The least stamp of that millisecond. A date before 1970 counts as 1970.
Stamp FirstStampOf(WallTime date);
// The date of the stamp's millisecond.
WallTime DateOf(Stamp stamp);

class HybridClock {
 public:
  HybridClock() = default;
  // As recovered. Requires: promised <= last.
  HybridClock(Stamp last, Stamp promised);

  Stamp last() const { return last_; }
  Stamp promised() const { return promised_; }

  // The stamp of a new write. nullopt: it would lie too far ahead of the date; `IssuesFrom` says when not.
  std::optional<Stamp> Issue(WallTime date, const ClockLimits& limits);
  // The earliest date at which `Issue` gives a stamp.
  WallTime IssuesFrom(const ClockLimits& limits) const;
  // From now on every stamp issued is above the one returned.
  Stamp Promise(WallTime date);
  // A write with this stamp was applied (not: admitted by a cut).
  void Witness(Stamp stamp);

  friend bool operator==(const HybridClock&, const HybridClock&) = default;

 private:
  Stamp Following(Stamp date, const ClockLimits& limits) const;

  Stamp last_;      // greatest issued, promised or witnessed
  Stamp promised_;  // 0 = nothing
};

// Whether a node at this date takes a foreign write with that stamp. Old ones always.
bool Admits(Stamp stamp, WallTime date, const ClockLimits& limits);

}  // namespace quorate
