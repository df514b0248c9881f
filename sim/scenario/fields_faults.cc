// Clocks, network, disks, processes, and the budget that holds them all.
#include "sim/scenario/field_groups.h"

namespace quorate::sim {
namespace {

ClockConfig& Clocks(RunConfig& c) { return c.clocks; }
NetworkConfig& Net(RunConfig& c) { return c.network; }
PartitionConfig& Partition(RunConfig& c) { return c.network.partition; }
DiskConfig& Disk(RunConfig& c) { return c.disk; }
ProcessConfig& Process(RunConfig& c) { return c.process; }

constexpr const char* kLatency = R"({"dist":"exp","min":"0.1ms","mean":"1ms","max":"100ms"})";
constexpr std::int64_t kMostDrift = 100'000;

void AddPartition(std::vector<Field>& fields) {
  const std::string group = "network.partition";
  AddMtbf(fields, group + ".mtbf", PerRun{Into(Partition, &PartitionConfig::mtbf_ns)},
          "Mean time from the end of one partition to the next.");
  Add(fields, group + ".mttr", PerEvent{Into(Partition, &PartitionConfig::mttr_ns)},
      Span(R"({"dist":"exp","mean":"1s","max":"30s"})"), "How long a partition lasts.");
  Add(fields, group + ".one_way", PerRun{Into(Partition, &PartitionConfig::one_way_parts)},
      Chance("0"), "Share of partitions that cut only one direction.");
  Add(fields, group + ".clients", PerRun{Into(Partition, &PartitionConfig::clients_parts)},
      Chance("0"), "Share of partitions that cut clients off as well.");
  Add(fields, group + ".flap", PerRun{Into(Partition, &PartitionConfig::flap_parts)}, Chance("0"),
      "Share of partitions that come and go while they last.");
  Add(fields, group + ".flap_every", PerRun{Into(Partition, &PartitionConfig::flap_every_ns)},
      {Unit::kDuration, "\"200ms\"", Milliseconds(1).ns, kHour}, "Half a period of flapping.");
  AddOff(fields, group);
  AddShare(fields, group + ".shapes.isolate", PerRun{Into(Partition, &PartitionConfig::isolate)},
           "3", "Share: one node from all others.");
  AddShare(fields, group + ".shapes.halves", PerRun{Into(Partition, &PartitionConfig::halves)}, "2",
           "Share: two groups.");
  AddShare(fields, group + ".shapes.groups", PerRun{Into(Partition, &PartitionConfig::groups)}, "1",
           "Share: three groups or more.");
  AddShare(fields, group + ".shapes.ring", PerRun{Into(Partition, &PartitionConfig::ring)}, "1",
           "Share: every node sees a majority, no two see the same.");
  AddShare(fields, group + ".shapes.bridge", PerRun{Into(Partition, &PartitionConfig::bridge)}, "1",
           "Share: two groups that have one node in common.");
  AddShare(fields, group + ".shapes.leader", PerRun{Into(Partition, &PartitionConfig::leader)}, "3",
           "Share: a leader from all others.");
}

void AddFrames(std::vector<Field>& fields) {
  Add(fields, "network.latency", PerEventOfEntity{Into(Net, &NetworkConfig::latency_ns)},
      Span(kLatency), "Of a frame, per directed link between nodes.");
  Add(fields, "network.tail", PerNodeOrLink{Into(Net, &NetworkConfig::tail_parts)}, Chance("0"),
      "Share of frames that take network.tail_by longer.");
  Add(fields, "network.tail_by", PerEvent{Into(Net, &NetworkConfig::tail_ns)},
      Span(R"({"dist":"pareto","mean":"50ms","max":"2s"})"), "See network.tail.");
  Add(fields, "network.loss", PerNodeOrLink{Into(Net, &NetworkConfig::loss_parts)}, Chance("0"),
      "Share of frames lost, per directed link.");
  Add(fields, "network.duplicate", PerNodeOrLink{Into(Net, &NetworkConfig::duplicate_parts)},
      Chance("0"), "Share of frames that arrive twice, per directed link.");
  Add(fields, "network.reorder", PerNodeOrLink{Into(Net, &NetworkConfig::reorder_parts)},
      Chance("0"), "Share of frames that others may overtake, per directed link.");
  Add(fields, "network.reorder_by", PerEvent{Into(Net, &NetworkConfig::reorder_by_ns)},
      Span(R"({"dist":"exp","mean":"5ms","max":"500ms"})"), "How much later such a frame arrives.");
  Add(fields, "network.corrupt", PerNodeOrLink{Into(Net, &NetworkConfig::corrupt_parts)},
      Chance("0"), "Share of frames with a changed byte, per directed link.");
  Field& capacity =
      Add(fields, "network.capacity", PerNodeOrLink{Into(Net, &NetworkConfig::capacity_bytes)},
          Size("\"unlimited\"", 1), "Bytes under way on a directed link; more is dropped.");
  capacity.words = {{"unlimited", 0}};
}

}  // namespace

void AddClockFields(std::vector<Field>& fields) {
  Add(fields, "clocks.wall_offset", PerNodeOrLink{Into(Clocks, &ClockConfig::wall_offset_ns)},
      {Unit::kDuration, "\"0s\"", -24 * kHour, 24 * kHour},
      "Of each node's wall clock at the start.");
  Add(fields, "clocks.drift", PerNodeOrLink{Into(Clocks, &ClockConfig::drift_ppm)},
      {Unit::kDrift, "\"0ppm\"", -kMostDrift, kMostDrift}, "Of each node's wall clock.");
  Add(fields, "clocks.mono_drift", PerNodeOrLink{Into(Clocks, &ClockConfig::mono_drift_ppm)},
      {Unit::kDrift, "\"0ppm\"", -kMostDrift, kMostDrift}, "Of each node's monotonic clock.");
  Add(fields, "clocks.step.rate", PerNodeOrLink{Into(Clocks, &ClockConfig::step_rate)},
      {Unit::kRate, "\"0/s\"", 0, kAnyRate}, "Jumps of each node's wall clock.")
      .gate = true;
  Add(fields, "clocks.step.size", PerEvent{Into(Clocks, &ClockConfig::step_by_ns)},
      {Unit::kDuration, R"(["-1s","1s"])", -24 * kHour, 24 * kHour}, "How far it jumps.");
  AddOff(fields, "clocks.step");
  AddEpisode(
      fields, "clocks.freeze", [](RunConfig& c) -> Episode& { return c.clocks.freeze; },
      R"(["100ms","2s"])", "A node's wall clock stands still");
}

void AddNetworkFields(std::vector<Field>& fields) {
  AddFrames(fields);
  AddEpisode(
      fields, "network.clog", [](RunConfig& c) -> Episode& { return c.network.clog; },
      R"(["50ms","1s"])", "A directed link holds all frames, then delivers them at once");
  AddMtbf(fields, "network.swizzle.mtbf", PerRun{Into(Net, &NetworkConfig::swizzle_mtbf_ns)},
          "Links clog one by one and are freed in another order: mean time between.");
  Add(fields, "network.swizzle.for", PerEvent{Into(Net, &NetworkConfig::swizzle_for_ns)},
      Span(R"(["200ms","2s"])"), "How long one swizzle takes.");
  AddOff(fields, "network.swizzle");
  AddEpisode(
      fields, "network.disconnect", [](RunConfig& c) -> Episode& { return c.network.disconnect; },
      R"(["1ms","500ms"])", "The connection of two nodes breaks");
  AddPartition(fields);
  Add(fields, "network.client_latency",
      PerEventOfEntity{Into(Net, &NetworkConfig::client_latency_ns)}, Span(kLatency),
      "Between a client and a node.");
  Add(fields, "network.client_loss", PerNodeOrLink{Into(Net, &NetworkConfig::client_loss_parts)},
      Chance("0"), "Share of requests and of answers that are lost.");
}

void AddDiskFields(std::vector<Field>& fields) {
  Add(fields, "disk.sync", PerEventOfEntity{Into(Disk, &DiskConfig::sync_ns)},
      Span(R"({"dist":"exp","min":"0.1ms","mean":"1ms","max":"50ms"})"), "A sync of the log.");
  Add(fields, "disk.read", PerEventOfEntity{Into(Disk, &DiskConfig::read_ns)},
      Span(R"({"dist":"exp","mean":"0.2ms","max":"20ms"})"), "A read of the log.");
  Add(fields, "disk.work", PerEventOfEntity{Into(Disk, &DiskConfig::work_ns)},
      Span(R"({"dist":"exp","mean":"0.05ms","max":"10ms"})"),
      "One piece of the state machines' work.");
  Add(fields, "disk.flush", PerEventOfEntity{Into(Disk, &DiskConfig::flush_ns)},
      Span(R"({"dist":"exp","min":"0.5ms","mean":"5ms","max":"200ms"})"), "A flush of the map.");
  Field& unsynced =
      Add(fields, "disk.crash_unsynced", PerNodeOrLink{Into(Disk, &DiskConfig::crash_unsynced)},
          {Unit::kWord, "\"lose-suffix\"", 0, 2},
          "What a crash does to the batches that were not synced.");
  unsynced.words = {{"keep", static_cast<std::int64_t>(CrashUnsynced::kKeep)},
                    {"lose-suffix", static_cast<std::int64_t>(CrashUnsynced::kLoseSuffix)},
                    {"lose-all", static_cast<std::int64_t>(CrashUnsynced::kLoseAll)}};
  Add(fields, "disk.self_flush", PerNodeOrLink{Into(Disk, &DiskConfig::self_flush_parts)},
      Chance("0.01"), "Chance after a piece of work that the map flushes by itself.");
  Add(fields, "disk.sync_error", PerNodeOrLink{Into(Disk, &DiskConfig::sync_error_parts)},
      Chance("0"),
      "Share of syncs of the log and of flushes of the map that fail; what was dirty is gone.");
  Add(fields, "disk.write_error", PerNodeOrLink{Into(Disk, &DiskConfig::write_error_parts)},
      Chance("0"), "Share of appends to the log that fail.");
  Add(fields, "disk.map_error", PerNodeOrLink{Into(Disk, &DiskConfig::map_error_parts)},
      Chance("0"), "Share of writes of the map that fail.");
  Add(fields, "disk.corrupt_row", PerNodeOrLink{Into(Disk, &DiskConfig::corrupt_row_parts)},
      Chance("0"),
      "Share of reads after which a place of the log or the map reads as corrupt for ever; a boot "
      "reads all of both.");
  Add(fields, "disk.lying_sync", PerNodeOrLink{Into(Disk, &DiskConfig::lying_sync_parts)},
      Chance("0"),
      "Share of syncs of the log that say that all is durable, and nothing is. Takes "
      "budget.over_budget.");
  AddEpisode(
      fields, "disk.full", [](RunConfig& c) -> Episode& { return c.disk.full; },
      R"(["200ms","3s"])", "A disk has no space left");
  AddEpisode(
      fields, "disk.stall", [](RunConfig& c) -> Episode& { return c.disk.stall; },
      R"(["100ms","3s"])", "A disk finishes nothing");
  AddEpisode(
      fields, "disk.slow", [](RunConfig& c) -> Episode& { return c.disk.slow; },
      R"(["500ms","5s"])", "A disk is slow");
  Add(fields, "disk.slow.factor", PerNodeOrLink{Into(Disk, &DiskConfig::slow_factor)},
      Number("20", 2, 10'000), "Then everything takes this many times as long.");
}

void AddProcessFields(std::vector<Field>& fields) {
  AddMtbf(fields, "process.crash.mtbf", PerNodeOrLink{Into(Process, &ProcessConfig::crash_mtbf_ns)},
          "Mean time between the crashes of a node.");
  Add(fields, "process.crash.mid_turn",
      PerNodeOrLink{Into(Process, &ProcessConfig::crash_mid_turn_parts)}, Chance("0.5"),
      "Share of crashes that are to fall between two effects of a turn. Where in the turn is drawn "
      "before it begins: one that ends sooner is followed by the crash.");
  Add(fields, "process.crash.zone", PerRun{Into(Process, &ProcessConfig::crash_zone_parts)},
      Chance("0"),
      "Share of crashes that take the node's zone along, as far as the budget allows.");
  AddOff(fields, "process.crash");
  Add(fields, "process.aimed_crash",
      PerNodeOrLink{Into(Process, &ProcessConfig::aimed_crash_parts)}, Chance("0"),
      "Chance that a node crashes within 30ms after it cut off or replaced a part of a log; an "
      "eighth "
      "of it after a compaction.");
  Add(fields, "process.restart.after", PerEvent{Into(Process, &ProcessConfig::restart_after_ns)},
      Span(R"({"dist":"log","min":"10ms","max":"5s"})"), "How long a crashed node stays down.");
  AddEpisode(
      fields, "process.pause", [](RunConfig& c) -> Episode& { return c.process.pause; },
      R"(["10ms","2s"])", "A process does not run, its clocks do");
  Add(fields, "process.wipe", PerNodeOrLink{Into(Process, &ProcessConfig::wipe_parts)}, Chance("0"),
      "Share of crashes that empty the node's disk, as far as budget.wiped allows: it is refused "
      "from then on.");
  Add(fields, "process.old_image", PerNodeOrLink{Into(Process, &ProcessConfig::old_image_parts)},
      Chance("0"),
      "Share of crashes after which the node's disk is what it was in its last image: no node can "
      "tell. Takes budget.over_budget.");
  Add(fields, "process.image_every", PerNodeOrLink{Into(Process, &ProcessConfig::image_mtbf_ns)},
      {Unit::kDuration, "\"1s\"", Milliseconds(1).ns, kHour},
      "Mean time between images of a node's disk, where process.old_image may put one back.");
  Field& down = Add(
      fields, "budget.down", PerRun{[](RunConfig& c, std::int64_t v) { c.budget.down = v; }},
      Number("\"minority\"", 0, 9), "Nodes that random faults may have out of service at once.");
  down.words = {{"none", 0}, {"minority", kMinority}, {"all", kAllNodes}};
  Field& wiped =
      Add(fields, "budget.wiped", PerRun{[](RunConfig& c, std::int64_t v) { c.budget.wiped = v; }},
          Number("\"none\"", 0, 9), "Nodes that process.wipe may strike, of those in budget.down.");
  wiped.words = {{"none", 0}, {"minority", kMinority}, {"all", kAllNodes}};
  Field& bound = Add(fields, "budget.clock_bound",
                     PerRun{[](RunConfig& c, std::int64_t v) {
                              c.budget.enforce_clock_bound = v != 0;
                              c.budget.clock_bound_ns = v;
                            },
                            [](const RunConfig& c) {
                              return c.budget.enforce_clock_bound ? c.budget.clock_bound_ns : 0;
                            }},
                     {Unit::kDuration, "\"none\"", Milliseconds(1).ns, 24 * kHour},
                     "No wall clock is ever further than this from true time (\"enforce\" = "
                     "500ms): what is drawn is "
                     "kept within it, what is ordered beyond it is refused.");
  bound.words = {{"none", 0}, {"enforce", Milliseconds(500).ns}};
  Add(fields, "budget.over_budget", YesOrNo{[](RunConfig&, bool) {}}, {Unit::kWord, "false", 0, 0},
      "Allows faults beyond what is tolerated: wiping all nodes, old images, syncs that lie. Once "
      "a "
      "disk has broken its word the weaker checker judges: see docs/simulator.md.");
}

}  // namespace quorate::sim
