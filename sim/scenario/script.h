// sim/scenario/script.h — everything that a seed would decide in a run, written out: what a resolved scenario says.
//
// Model: a run with a script draws nothing. Each link has one travel time and each disk one time for each kind of
//   operation; what is different from that is a *deviation*, named by link or node and a count of that link's
//   frames or that node's operations. Clients do what `operations` says, each with its own attempts. Faults that
//   last stand in the run's schedule. What no list speaks of goes the quiet way: frames arrive, nothing fails,
//   nothing is lost in a crash.
// Invariants: within one link or (node, site) counts rise; `nodes` has one entry a node, in order.
// Units: virtual nanoseconds; counts from 0. A frame counts if its link is not cut when it is sent.
// Stored: names of sites and keys stand in files, never rename one.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/kv/command.h"

namespace quorate::sim {

// One end of a link: node n (from 1) or client c (from 0).
struct LinkEnd {
  bool is_client = false;
  std::uint32_t number = 0;
  friend auto operator<=>(const LinkEnd&, const LinkEnd&) = default;
};
struct LinkName {  // "n1>n2", "c3>n1": one direction
  LinkEnd from;
  LinkEnd to;
  friend auto operator<=>(const LinkName&, const LinkName&) = default;
};
std::string NameOf(const LinkName& link);

// How many of the batches that were not synced a crash leaves; more than there are: all.
struct Kept {
  std::uint64_t log = 0;
  std::uint64_t map = 0;
  friend bool operator==(const Kept&, const Kept&) = default;
};
inline constexpr std::uint64_t kKeepAll = 1'000'000'000;

// ---- frames --------------------------------------------------------------------------------------------
struct FrameArrival {
  std::int64_t travel_ns = 0;
  std::optional<std::int64_t>
      overtaken_ns{};                    // so much later, and what is sent after it does not wait
  std::optional<std::uint64_t> spoil{};  // a byte is changed; these bits say which and how
  friend bool operator==(const FrameArrival&, const FrameArrival&) = default;
};
struct FrameFate {
  bool dropped = false;  // then there are no arrivals
  FrameArrival first;
  std::optional<FrameArrival> second{};  // it arrives twice
  friend bool operator==(const FrameFate&, const FrameFate&) = default;
};
struct FrameDeviation {
  LinkName link;
  std::uint64_t nth = 0;
  FrameFate fate;
  friend bool operator==(const FrameDeviation&, const FrameDeviation&) = default;
};
struct ScriptedLink {
  LinkName link;
  std::int64_t latency_ns = 0;
  friend bool operator==(const ScriptedLink&, const ScriptedLink&) = default;
};

// ---- nodes ---------------------------------------------------------------------------------------------
enum class NodeSite : std::uint8_t {
  kSync,           // takes `value` ns
  kRead,           // likewise
  kWork,           // likewise
  kFlush,          // likewise
  kSyncError,      // the sync fails
  kWriteError,     // the append fails
  kMapError,       // the write of the map fails
  kCorrupt,        // the read finds a row spoiled; `value`: bits that say which
  kSelfFlush,      // the map flushes by itself after this piece of work
  kRestart,        // after stopping by itself it is started `value` ns later
  kRecoveryCrash,  // power fails in the middle of this boot (from 0); `kept` survives
  kCrash,          // a crash that no schedule ordered; `kept` survives
  kLyingSync,      // the sync says that all is durable, and nothing is
};
inline constexpr std::size_t kNodeSites = 13;
const char* NameOf(NodeSite site);  // the key of the file

struct NodeDeviation {
  NodeId node;
  NodeSite site = NodeSite::kSync;
  std::uint64_t nth = 0;
  std::int64_t value = 0;
  Kept kept{};
  friend bool operator==(const NodeDeviation&, const NodeDeviation&) = default;
};
struct ScriptedNode {
  std::int64_t wall_offset_ns = 0;
  std::int64_t drift_ppm = 0;
  std::int64_t mono_drift_ppm = 0;
  std::int64_t gather_ns = 0;  // a turn gathers what comes within this; 0 = not at all
  std::int64_t sync_ns = 1'000'000;
  std::int64_t read_ns = 200'000;
  std::int64_t work_ns = 50'000;
  std::int64_t flush_ns = 5'000'000;
  std::int64_t restart_ns = 100'000'000;  // after it stopped by itself
  friend bool operator==(const ScriptedNode&, const ScriptedNode&) = default;
};
// Where a node has what is usual at this site; nullptr: what deviates there is no span of time.
std::int64_t ScriptedNode::*UsualTimeOf(NodeSite site);

// ---- operations ----------------------------------------------------------------------------------------
struct ScriptedRead {
  Query query;
  bool stale = false;
  friend bool operator==(const ScriptedRead&, const ScriptedRead&) = default;
};
struct ScriptedOpening {  // of a session in the namespace
  friend bool operator==(const ScriptedOpening&, const ScriptedOpening&) = default;
};
struct ScriptedTransfer {
  NodeId target;  // 0 = whoever is best
  friend bool operator==(const ScriptedTransfer&, const ScriptedTransfer&) = default;
};
struct ScriptedCreation {  // of the namespace
  friend bool operator==(const ScriptedCreation&, const ScriptedCreation&) = default;
};
struct ScriptedDrop {  // of the namespace
  friend bool operator==(const ScriptedDrop&, const ScriptedDrop&) = default;
};
struct ScriptedRetry {
  std::int64_t after_ns = 0;  // from the attempt before, if nobody has answered
  NodeId node;
  friend bool operator==(const ScriptedRetry&, const ScriptedRetry&) = default;
};
struct ScriptedOperation {
  std::int64_t at_ns = 0;  // not before; since the serve phase began if `serving`
  bool serving = false;
  std::uint32_t client = 0;
  NodeId node;                 // of the first attempt
  std::size_t name_space = 0;  // place in the list of namespaces
  std::variant<Command, ScriptedRead, ScriptedOpening, ScriptedTransfer, ScriptedCreation,
               ScriptedDrop>
      what;
  bool in_session = false;  // of a command: under the client's session, if it has one
  bool may_retry = false;   // as many times as `retries` says, then at its last pace and node
  std::vector<ScriptedRetry> retries;
  std::vector<std::uint32_t> gives_up_at;  // refusals, from 1, that end it
  friend bool operator==(const ScriptedOperation&, const ScriptedOperation&) = default;
};

// ---- the end -------------------------------------------------------------------------------------------
struct ScriptedOutsider {
  NodeId node;
  bool dead = false;
  std::vector<LinkName> cut;  // between it and the core; the others stay as they are, whole
  friend bool operator==(const ScriptedOutsider&, const ScriptedOutsider&) = default;
};
// What is due, and when; derived once from the scenario that was resolved.
struct ScriptedBounds {
  std::int64_t latency_ns = 0;
  std::int64_t disk_ns = 0;
  std::int64_t leader_ns = 0;
  std::int64_t operation_ns = 0;
  std::int64_t round_ns = 0;
  std::int64_t calm_ns = 0;  // 0: nothing is due during chaos
  friend bool operator==(const ScriptedBounds&, const ScriptedBounds&) = default;
};

struct Script {
  std::vector<ScriptedNode> nodes;
  std::int64_t latency_ns = 1'000'000;  // of links that `links` does not name
  std::vector<ScriptedLink> links;
  std::vector<FrameDeviation> frames;
  std::vector<NodeDeviation> node_deviations;
  std::vector<ScriptedOperation> operations;  // of one client in the order of their times
  std::vector<std::vector<NodeId>> cores;  // to be healed; the next one if a store is found damaged
  std::vector<ScriptedOutsider> outside;
  ScriptedBounds bounds;
  friend bool operator==(const Script&, const Script&) = default;
};

}  // namespace quorate::sim
