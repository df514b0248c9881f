// sim/scenario/config.h — all that one run is to do: a scenario resolved for one seed.
//
// Model: plain values. What concerns the whole run is an integer; what differs from node to node or
//   link to link is a `PerEntity`; what differs from event to event is a `Dist` to be sampled with
//   keyed bits.
// Units: as the name's ending says. `_parts`: of 2^32. `_rate`: micro-events a second. A mean time
//   between faults of 0 says "never"; a fault class that is off in this run has 0 in its mean time
//   or probability.
// Invariants: kept by the reader (ranges, min <= max, nodes that exist).
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/options.h"
#include "engine/raft/configuration.h"
#include "sim/check/ids.h"
#include "sim/scenario/draw.h"
#include "sim/scenario/script.h"

namespace quorate::sim {

// A fault that comes, lasts, and goes: per node or link, exponential gaps of `mtbf_ns` between the
// end of one and the start of the next. 0 = never.
struct Episode {
  PerEntity mtbf_ns;
  Dist for_ns;
};

struct TimeConfig {
  std::int64_t warm_up_ns = 0;  // no faults yet; namespaces are created, a leader is found
  std::int64_t horizon_ns = 0;  // end of warm-up and chaos together; then a core is healed
  std::int64_t serve_ns = 0;    // after convergence: clients go on on the healed core
  std::int64_t quiet_every_ns =
      0;  // during chaos: start of quiet windows, one after the other; 0 = none
  std::int64_t quiet_for_ns = 0;  // nothing new is injected in a quiet window
};

struct ClusterConfig {
  std::int64_t nodes = 0;             // 1 … 9; in the beginning all of them vote
  std::int64_t zones = 0;             // node n lies in zone (n - 1) mod zones
  std::int64_t extra_namespaces = 0;  // more strong namespaces, named "extra1", "extra2", …
  Options options;                    // seed filled in too
};

struct NamespaceConfig {
  std::string name;  // "default" is always there, whether listed or not, and always first
  friend bool operator==(const NamespaceConfig&, const NamespaceConfig&) = default;
};

struct ClockConfig {
  PerEntity wall_offset_ns;  // at start; signed
  PerEntity drift_ppm;       // of the wall clock's rate; signed
  PerEntity mono_drift_ppm;  // of the monotonic clock's rate; signed
  PerEntity step_rate;       // per node: sudden jumps of the wall clock
  Dist step_by_ns;           // signed
  Episode freeze;            // the wall clock stands still
};

struct PartitionConfig {
  std::int64_t mtbf_ns = 0;        // of the whole cluster; 0 = never
  Dist mttr_ns;                    // how long one lasts
  std::int64_t one_way_parts = 0;  // only one direction is cut
  std::int64_t clients_parts = 0;  // clients are cut off with the nodes of one side
  std::int64_t flap_parts = 0;     // goes and comes while it lasts
  std::int64_t flap_every_ns = 0;
  // Shares of the shapes.
  std::int64_t isolate = 0;  // one node from all others
  std::int64_t halves = 0;   // two groups
  std::int64_t groups = 0;   // three groups or more
  std::int64_t ring = 0;     // each node sees a majority, no two the same
  std::int64_t bridge = 0;   // two groups that share one node
  std::int64_t leader = 0;   // a leader, from all others
};

struct NetworkConfig {
  DistPerEntity latency_ns;  // per directed link, per frame
  PerEntity tail_parts;      // a frame takes `tail_ns` more
  Dist tail_ns;
  PerEntity loss_parts;  // per directed link
  PerEntity duplicate_parts;
  PerEntity reorder_parts;  // a frame may be overtaken; else a link keeps its order
  Dist reorder_by_ns;
  PerEntity corrupt_parts;   // a byte of a frame is changed
  PerEntity capacity_bytes;  // under way per directed link; more is dropped; 0 = no limit
  Episode clog;              // per directed link: nothing arrives, then all at once
  std::int64_t swizzle_mtbf_ns =
      0;  // whole cluster: links clog one by one, unclog in another order; 0 = never
  Dist swizzle_for_ns;
  Episode disconnect;  // per pair of nodes: the connection breaks and can be made again after
  PartitionConfig partition;
  DistPerEntity client_latency_ns;  // per directed link between a client and a node
  PerEntity client_loss_parts;      // of requests and of answers
};

enum class CrashUnsynced : std::uint8_t {
  kKeep,        // nothing is lost; must be the first: it is what "off" gives
  kLoseSuffix,  // a suffix of the batches that were not synced, of a length that the seed decides
  kLoseAll,     // every batch that was not synced
};

struct DiskConfig {
  DistPerEntity sync_ns;     // a sync of the log, per node
  DistPerEntity read_ns;     // a read of the log
  DistPerEntity work_ns;     // one piece of state-machine work
  DistPerEntity flush_ns;    // of the map
  PerEntity crash_unsynced;  // of CrashUnsynced, per node
  PerEntity
      self_flush_parts;  // after a piece of work the map makes all that it holds durable by itself
  PerEntity sync_error_parts;   // per sync: it fails, the dirty data is gone
  PerEntity write_error_parts;  // per append
  PerEntity map_error_parts;    // per write of the map
  PerEntity corrupt_row_parts;  // per read: the row or range reads as corrupt from now on
  PerEntity lying_sync_parts;   // per sync: it says that all is durable, and nothing is
  Episode full;                 // no space left
  Episode stall;                // nothing finishes
  Episode slow;                 // everything takes `slow_factor` times as long
  PerEntity slow_factor;
};

struct ProcessConfig {
  PerEntity crash_mtbf_ns;  // per node; 0 = never
  PerEntity
      crash_mid_turn_parts;  // a crash falls between two effects of a turn, else between turns
  std::int64_t crash_zone_parts =
      0;  // a crash takes all nodes of the zone along, as far as the budget allows
  Dist restart_after_ns;
  PerEntity aimed_crash_parts;  // a log that is cut, dropped or replaced: its node crashes
  PerEntity wipe_parts;         // a crash empties the node's disk, as far as the budget allows
  PerEntity old_image_parts;    // a crash puts the last image of the node's disk back
  PerEntity image_mtbf_ns;      // between images; taken only if one may be put back
  Episode pause;                // the process does not run; its monotonic clock goes on
};

struct BudgetConfig {
  // Nodes that may be down, stopped, paused or failed at once by random faults. Schedules do not
  // ask.
  std::int64_t down = 0;
  std::int64_t wiped = 0;  // of those, nodes whose disk was emptied
  bool enforce_clock_bound = false;
  std::int64_t clock_bound_ns =
      0;  // no wall clock is further from true time than this, if enforced
};

struct WorkloadConfig {
  std::int64_t clients = 0;
  std::int64_t rate = 0;        // operations of all clients together, in micro-events a second
  std::int64_t keys = 0;        // per namespace
  std::int64_t skew_parts = 0;  // Zipf exponent of the choice of keys
  Dist value_bytes;
  std::int64_t timeout_ns = 0;  // a client gives up: unknown
  std::int64_t sessions_parts =
      0;  // share of clients that open a session and retry under one number
  Dist retry_after_ns;
  std::int64_t move_parts = 0;   // before an operation: the client goes over to another node
  std::int64_t range_limit = 0;  // highest limit that a range asks for
  std::int64_t batch_size = 0;   // most writes of a batch
  // Shares of the operations.
  std::int64_t put = 0;
  std::int64_t get = 0;
  std::int64_t stale_get = 0;
  std::int64_t cas = 0;  // by value
  std::int64_t cas_version = 0;
  std::int64_t put_if_absent = 0;
  std::int64_t increment = 0;
  std::int64_t del = 0;  // "delete"
  std::int64_t batch = 0;
  std::int64_t range = 0;
  std::int64_t transfer = 0;  // of the leadership of a namespace
  std::int64_t drop_namespace = 0;
  std::int64_t change_members_rate = 0;  // orders of the administrator, in micro-events a second
};

struct CheckConfig {
  bool invariants = true;
  std::vector<std::string> linearizable;  // names of namespaces; "*" = every one
  std::vector<std::string> converges;
  std::int64_t codec_parts = 0;   // of frames go through encode and decode
  std::int64_t search_parts = 0;  // of runs: Wing–Gong–Lowe search too (a failing run always)
  std::int64_t search_steps = 0;  // then it is unknown
  CheckSet ignored;               // violations of these are counted and fail nothing
};

// ---- the schedule
// ------------------------------------------------------------------------------------- A node by
// number, or whoever leads a namespace when the moment comes (nobody does: nothing happens).
struct LeaderOf {
  std::string name_space;
  friend bool operator==(const LeaderOf&, const LeaderOf&) = default;
};
using NodeRef = std::variant<NodeId, LeaderOf>;

enum class Direction : std::uint8_t { kBoth, kInto, kOutOf };

// Nodes that are in no group make up one more. With `one_way` only what goes from a group to an
// earlier one is cut.
struct PartitionAction {
  std::vector<std::vector<NodeId>> groups;
  bool one_way = false;
  friend bool operator==(const PartitionAction&, const PartitionAction&) = default;
};
struct IsolateAction {
  NodeRef node;
  Direction direction = Direction::kBoth;
  friend bool operator==(const IsolateAction&, const IsolateAction&) = default;
};
struct HealAction {  // every partition and isolation ends
  friend bool operator==(const HealAction&, const HealAction&) = default;
};
struct CutAction {  // nothing passes these links, not even what is under way
  std::vector<LinkName> links;
  std::int64_t flap_ns = 0;  // 0: cut all the time; else whole and cut in turns of this length
  friend bool operator==(const CutAction&, const CutAction&) = default;
};
struct ClogAction {  // nothing arrives over these links until the end, then everything at once
  std::vector<LinkName> links;
  friend bool operator==(const ClogAction&, const ClogAction&) = default;
};
struct SwizzleStep {  // all links of a node clog, both from the beginning of the swizzle
  NodeId node;
  std::int64_t after_ns = 0;
  std::int64_t until_ns = 0;
  friend bool operator==(const SwizzleStep&, const SwizzleStep&) = default;
};
struct SwizzleAction {
  std::vector<SwizzleStep> steps;
  friend bool operator==(const SwizzleAction&, const SwizzleAction&) = default;
};
struct DisconnectAction {  // the connection of two nodes breaks, and cannot be made while it lasts
  NodeId node;
  NodeId peer;
  friend bool operator==(const DisconnectAction&, const DisconnectAction&) = default;
};

// What of a disk is gone for good. kImage: all that came after its last image was taken.
enum class Loss : std::uint8_t { kNothing, kLog, kMap, kAll, kImage };
// `for`: until its restart; else it stays down until a restart or the healing.
struct CrashAction {
  NodeRef node;
  // In its next turn, at the port call with this number (from 0) or at the end of the turn.
  std::optional<std::uint32_t> call{};
  std::optional<Kept> keep{};  // nullopt: as disk.crash_unsynced says
  Loss lose = Loss::kNothing;
  friend bool operator==(const CrashAction&, const CrashAction&) = default;
};
struct
    WipeAction {  // a crash after which the disk is empty; `for`: until somebody tries to start it
  NodeRef node;
  friend bool operator==(const WipeAction&, const WipeAction&) = default;
};
struct RestartAction {
  NodeRef node;
  friend bool operator==(const RestartAction&, const RestartAction&) = default;
};
struct PauseAction {
  NodeRef node;
  friend bool operator==(const PauseAction&, const PauseAction&) = default;
};
struct ClockStepAction {
  NodeRef node;
  std::int64_t by_ns = 0;
  friend bool operator==(const ClockStepAction&, const ClockStepAction&) = default;
};
struct DiskStallAction {
  NodeRef node;
  friend bool operator==(const DiskStallAction&, const DiskStallAction&) = default;
};
struct DiskSlowAction {
  NodeRef node;
  std::int64_t factor = 20;  // everything takes so many times as long
  friend bool operator==(const DiskSlowAction&, const DiskSlowAction&) = default;
};
struct ClockFreezeAction {  // the wall clock stands still
  NodeRef node;
  friend bool operator==(const ClockFreezeAction&, const ClockFreezeAction&) = default;
};
struct DiskFullAction {
  NodeRef node;
  friend bool operator==(const DiskFullAction&, const DiskFullAction&) = default;
};
struct SyncErrorAction {  // the next sync fails
  NodeRef node;
  friend bool operator==(const SyncErrorAction&, const SyncErrorAction&) = default;
};
struct WriteErrorAction {  // the next append to the log fails
  NodeRef node;
  friend bool operator==(const WriteErrorAction&, const WriteErrorAction&) = default;
};
struct MapErrorAction {  // the next write of the map fails
  NodeRef node;
  friend bool operator==(const MapErrorAction&, const MapErrorAction&) = default;
};
enum class StorePart : std::uint8_t { kLog, kMap };
// A row reads as corrupt until it is written again: an entry of the log, or a row of the map.
struct CorruptAction {
  NodeRef node;
  StorePart store = StorePart::kLog;
  std::int64_t nth =
      0;  // from the front, counting all groups in the order of keys; behind the last: the last
  friend bool operator==(const CorruptAction&, const CorruptAction&) = default;
};
struct ImageAction {  // what is durable on the disk is copied away
  NodeRef node;
  friend bool operator==(const ImageAction&, const ImageAction&) = default;
};
// A crash after which the disk is as it was in its last image (if there is one); `for`: until its restart.
struct OldImageAction {
  NodeRef node;
  friend bool operator==(const OldImageAction&, const OldImageAction&) = default;
};
struct LyingSyncAction {  // syncs of the log say that all is durable, and nothing is
  NodeRef node;
  friend bool operator==(const LyingSyncAction&, const LyingSyncAction&) = default;
};
struct TransferAction {
  std::string name_space;
  NodeId target;  // 0 = whoever is best
  friend bool operator==(const TransferAction&, const TransferAction&) = default;
};
// `node` is asked to change who votes in a namespace; with all lists empty, to leave the joint state.
struct ChangeMembersAction {
  NodeRef node;
  std::string name_space;
  std::vector<NodeId> voters{};
  std::vector<NodeId> learners{};
  std::vector<NodeId> removed{};
  Transition transition = Transition::kAuto;
  std::optional<std::uint64_t> epoch{};  // that is replaced; nullopt: what `node` believes in
  friend bool operator==(const ChangeMembersAction&, const ChangeMembersAction&) = default;
};
enum class ScheduledOp : std::uint8_t { kPut, kGet, kDelete, kDropNamespace };
// One operation of a client of its own, sent to `node`.
struct OperationAction {
  NodeRef node;
  std::string name_space;
  ScheduledOp op = ScheduledOp::kPut;
  std::string key;
  std::string value;
  friend bool operator==(const OperationAction&, const OperationAction&) = default;
};
using Action = std::variant<PartitionAction, IsolateAction, CutAction, ClogAction, SwizzleAction,
                            DisconnectAction, HealAction, CrashAction, WipeAction, RestartAction,
                            PauseAction, ClockStepAction, ClockFreezeAction, DiskStallAction,
                            DiskSlowAction, DiskFullAction, SyncErrorAction, WriteErrorAction,
                            MapErrorAction, CorruptAction, ImageAction, OldImageAction,
                            LyingSyncAction, TransferAction, ChangeMembersAction, OperationAction>;
// The word of the scenario: "partition", "clock_step", "put", ….
const char* NameOf(const Action& action);

struct AtTime {
  std::int64_t at_ns = 0;
  friend bool operator==(const AtTime&, const AtTime&) = default;
};
struct OnMark {
  std::string mark;
  std::uint64_t nth = 1;  // the nth time that the mark is reached in this run
  friend bool operator==(const OnMark&, const OnMark&) = default;
};
struct ScheduleEntry {
  std::variant<AtTime, OnMark> when;
  Action action;
  std::int64_t for_ns = 0;  // 0 = until something else ends it
  friend bool operator==(const ScheduleEntry&, const ScheduleEntry&) = default;
};

struct RunConfig {
  std::uint64_t seed = 0;
  TimeConfig time;
  ClusterConfig cluster;
  std::vector<NamespaceConfig> namespaces;  // "default" first, listed ones, then the extra ones
  ClockConfig clocks;
  NetworkConfig network;
  DiskConfig disk;
  ProcessConfig process;
  BudgetConfig budget;
  WorkloadConfig workload;
  std::vector<ScheduleEntry> schedule;
  CheckConfig checks;
  // Of a resolved scenario: what stands here instead of chances. Then `clocks`, `network`, `disk`, `process`,
  // `budget` and the shares of `workload` say nothing.
  std::optional<Script> script;
};

// One more than the highest number of a client that the script or the schedule speaks of. Requires: a script.
std::size_t ClientsOf(const RunConfig& config);

}  // namespace quorate::sim
