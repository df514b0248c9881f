// sim/check/excuse.h — why a run could not be judged, as a claim that others can check again.
//
// Model: the world notes every damage that it does to a disk, when it does it (`DamageLog`). A run that finds no
//   quorum left to heal says so in a certificate: which groups, who votes in them, how many make a quorum, who is
//   lost for good by which damage, and since when there is no quorum. `Refute` recomputes all of it from the
//   damage log, the stores as they are and the configuration alone: it shares no code with who made the certificate.
// Invariants: damage is for ever unless it was mended: a node whose disk holds something else than was written
//   neither votes nor acknowledges again in this run.
// Units: virtual nanoseconds; events by their number. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/raft/types.h"

namespace quorate::sim {

// Something was done to a disk that nobody can undo.
struct Damage {
  NodeId node;
  std::string fault;  // as it is counted: "disk.corrupt_row"; or kMended
  std::uint64_t event = 0;
  std::int64_t at_ns = 0;
  friend bool operator==(const Damage&, const Damage&) = default;
};
using DamageLog = std::vector<Damage>;  // in the order of events
// What was done to this node before is made good: a map that was lost was made anew from the log, or whatever was
// spoiled was written over or dropped, and a process has started that never saw it.
inline constexpr const char* kMended = "mended";

struct Excuse {
  std::vector<GroupId> groups;  // ascending
  std::vector<NodeId>
      voters;                // in each of these groups, or in one half of a joint state; ascending
  std::uint64_t quorum = 0;  // voters that it takes
  std::vector<Damage> lost;  // of each lost voter the first damage that was not mended, in order
  std::uint64_t since_event = 0;  // of the damage that left no quorum
  std::int64_t since_ns = 0;
  friend bool operator==(const Excuse&, const Excuse&) = default;
};

// One line.
std::string Render(const Excuse& excuse);

// What the verifier knows of the run besides the damage.
struct ExcuseFacts {
  std::uint64_t nodes = 0;
  bool damage_is_configured = false;  // the scenario has faults that damage disks
  std::uint64_t event = 0;            // at which the run ended
  std::int64_t now_ns = 0;
  // Nodes whose stores hold nothing else than was written, and which refused and stopped for no damage: looked up
  // in the stores, whatever was noted.
  std::vector<NodeId> whole{};
  // Who had to agree in which group. Empty: all nodes vote everywhere.
  std::vector<std::pair<GroupId, std::vector<NodeId>>> voters{};
};
// What is wrong with the claim; nullopt: it holds.
std::optional<std::string> Refute(const Excuse& excuse, const DamageLog& damage,
                                  const ExcuseFacts& facts);

}  // namespace quorate::sim
