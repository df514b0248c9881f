#include "sim/world/configured_faults.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/world/partition.h"

namespace quorate::sim {
namespace {

class Names {
 public:
  void Add(bool configured, std::string name) {
    if (configured) names_.push_back(std::move(name));
  }
  std::vector<std::string> Take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

bool Comes(const Episode& episode) { return episode.mtbf_ns.Highest() > 0; }
bool On(const PerEntity& parts) { return parts.Highest() > 0; }

void AddPartitions(const PartitionConfig& config, Names& names) {
  const std::int64_t shares[] = {config.isolate, config.halves, config.groups,
                                 config.ring,    config.bridge, config.leader};
  bool any = false;
  for (std::size_t i = 0; i < std::size(shares); ++i) {
    if (shares[i] == 0) continue;
    any = true;
    const std::string name =
        std::string("network.partition.") + NameOf(static_cast<PartitionShape>(i));
    // A ring is cut both ways, whatever was drawn.
    const bool ring = static_cast<PartitionShape>(i) == PartitionShape::kRing;
    names.Add(ring || config.one_way_parts < kWhole, name);
    names.Add(!ring && config.one_way_parts > 0, name + ".one_way");
  }
  names.Add(any, "network.partition");
  names.Add(any && config.flap_parts > 0 && config.flap_every_ns > 0, "network.partition.flapping");
}

void AddNetwork(const NetworkConfig& config, Names& names) {
  names.Add(On(config.loss_parts) || On(config.client_loss_parts), "network.drop");
  names.Add(On(config.duplicate_parts), "network.duplicate");
  names.Add(On(config.reorder_parts), "network.reorder");
  names.Add(On(config.tail_parts), "network.delay");
  names.Add(On(config.corrupt_parts), "network.corrupt");
  names.Add(On(config.capacity_bytes), "network.overflow");
  names.Add(Comes(config.clog), "network.clog");
  names.Add(config.swizzle_mtbf_ns > 0, "network.swizzle");
  names.Add(Comes(config.clog) || config.swizzle_mtbf_ns > 0, "network.held");
  names.Add(Comes(config.disconnect), "network.disconnect");
  const bool partitions = config.partition.mtbf_ns > 0;
  if (partitions) AddPartitions(config.partition, names);
  names.Add(partitions || Comes(config.disconnect), "network.cut");
}

void AddProcess(const ProcessConfig& config, std::int64_t zones, Names& names) {
  names.Add(Comes(config.pause), "process.pause");
  names.Add(!config.aimed_crash_parts.AlwaysZero(), "process.aimed_crash");
  const bool crashes = config.crash_mtbf_ns.Highest() > 0;
  if (!crashes && config.aimed_crash_parts.AlwaysZero()) return;
  names.Add(crashes, "process.crash");
  names.Add(!config.crash_mid_turn_parts.AlwaysZero(), "process.crash_mid_turn");
  names.Add(config.crash_zone_parts > 0 && zones > 0, "process.crash_zone");
  names.Add(!config.old_image_parts.AlwaysZero(), "process.image");
  names.Add(!config.old_image_parts.AlwaysZero(), "process.old_image");
  for (const char* loss : {"process.wipe", "process.wipe_log", "process.wipe_map"}) {
    names.Add(!config.wipe_parts.AlwaysZero(), loss);
  }
}

void AddDisk(const DiskConfig& config, Names& names) {
  names.Add(On(config.self_flush_parts), "disk.self_flush");
  names.Add(On(config.sync_error_parts), "disk.sync_error");
  names.Add(On(config.write_error_parts), "disk.write_error");
  names.Add(On(config.map_error_parts), "disk.map_error");
  names.Add(On(config.corrupt_row_parts), "disk.corrupt_row");
  names.Add(On(config.lying_sync_parts), "disk.lying_sync");
  names.Add(Comes(config.full), "disk.full");
  names.Add(Comes(config.stall), "disk.stall");
  names.Add(Comes(config.slow), "disk.slow");
}

void AddClocks(const ClockConfig& config, Names& names) {
  names.Add(config.step_rate.Highest() > 0, "clock.step");
  names.Add(config.step_rate.Highest() > 0 && config.step_by_ns.min < 0, "clock.step_back");
  names.Add(Comes(config.freeze), "clock.freeze");
}

// With what comes along.
void AddSchedule(const std::vector<ScheduleEntry>& schedule, Names& names) {
  for (const ScheduleEntry& entry : schedule) {
    const Action& action = entry.action;
    names.Add(true, std::string("scheduled.") + NameOf(action));
    names.Add(std::holds_alternative<WipeAction>(action), "process.wipe");
    names.Add(std::holds_alternative<OldImageAction>(action), "process.old_image");
    names.Add(std::holds_alternative<LyingSyncAction>(action), "disk.lying_sync");
    names.Add(std::holds_alternative<CorruptAction>(action), "disk.corrupt_row");
    const bool cuts = std::holds_alternative<PartitionAction>(action) ||
                      std::holds_alternative<IsolateAction>(action) ||
                      std::holds_alternative<CutAction>(action) ||
                      std::holds_alternative<DisconnectAction>(action);
    names.Add(cuts, "network.cut");
    const bool holds =
        std::holds_alternative<ClogAction>(action) || std::holds_alternative<SwizzleAction>(action);
    names.Add(holds, "network.held");
  }
}

// Whether a process is ever started again before the core is healed.
bool Restarts(const RunConfig& config) {
  const bool fails = On(config.disk.sync_error_parts) || On(config.disk.write_error_parts) ||
                     On(config.disk.map_error_parts);
  return fails || config.process.crash_mtbf_ns.Highest() > 0 ||
         std::any_of(config.schedule.begin(), config.schedule.end(), [](const ScheduleEntry& one) {
           return std::holds_alternative<CrashAction>(one.action) ||
                  std::holds_alternative<WipeAction>(one.action) ||
                  std::holds_alternative<OldImageAction>(one.action) ||
                  std::holds_alternative<WriteErrorAction>(one.action) ||
                  std::holds_alternative<MapErrorAction>(one.action) ||
                  std::holds_alternative<SyncErrorAction>(one.action);
         });
}

}  // namespace

std::vector<std::string> ConfiguredFaults(const RunConfig& config) {
  Names names;
  // A node alone has no links to others, but its clients have links to it.
  NetworkConfig network = config.network;
  if (config.cluster.nodes < 2) {
    network.clog = network.disconnect = Episode{};
    network.swizzle_mtbf_ns = network.partition.mtbf_ns = 0;
  }
  AddNetwork(network, names);
  AddProcess(config.process, config.cluster.zones, names);
  AddDisk(config.disk, names);
  AddClocks(config.clocks, names);
  names.Add(config.workload.change_members_rate > 0 && config.cluster.nodes > 1, "members.change");
  AddSchedule(config.schedule, names);
  names.Add(Restarts(config), "process.crash_in_recovery");
  return names.Take();
}

}  // namespace quorate::sim
