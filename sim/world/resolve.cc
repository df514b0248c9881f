#include "sim/world/resolve.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/world/liveness.h"
#include "sim/world/machine.h"

namespace quorate::sim {
namespace {

// The middle one, so that as many are longer as are shorter. Requires: not empty.
std::int64_t MiddleOf(std::vector<std::int64_t> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

void ResolveNodes(const RunConfig& config, const Recording& recording, Script& script) {
  const auto nodes = static_cast<std::size_t>(config.cluster.nodes);
  std::vector<std::array<std::vector<std::int64_t>, kNodeSites>> times(nodes);
  for (const NodeDeviation& line : recording.node_deviations)
    times[line.node.value() - 1][static_cast<std::size_t>(line.site)].push_back(line.value);
  for (std::size_t i = 0; i < nodes; ++i) {
    const NodeId id(static_cast<std::uint32_t>(i + 1));
    ScriptedNode& node = script.nodes.emplace_back();
    if (config.script) {
      node = config.script->nodes[i];
    } else {
      const std::uint64_t entity = NodeKey(id);
      node.wall_offset_ns = config.clocks.wall_offset_ns.At(entity);
      node.drift_ppm = config.clocks.drift_ppm.At(entity);
      node.mono_drift_ppm = config.clocks.mono_drift_ppm.At(entity);
      node.gather_ns = Machine::GatherOf(config.seed, id);
    }
    for (std::size_t site = 0; site < kNodeSites; ++site) {
      const auto usual = UsualTimeOf(static_cast<NodeSite>(site));
      if (usual != nullptr && !times[i][site].empty())
        node.*usual = MiddleOf(std::move(times[i][site]));
    }
  }
  for (const NodeDeviation& line : recording.node_deviations) {
    const auto usual = UsualTimeOf(line.site);
    const ScriptedNode& node = script.nodes[line.node.value() - 1];
    if (usual == nullptr || node.*usual != line.value) script.node_deviations.push_back(line);
  }
  std::stable_sort(script.node_deviations.begin(), script.node_deviations.end(),
                   [](const NodeDeviation& a, const NodeDeviation& b) {
                     return std::pair(a.node, a.site) < std::pair(b.node, b.site);
                   });
}

void ResolveLinks(const Wire& wire, Script& script) {
  const SimNet& net = wire.net();
  for (Endpoint from = 0; from < net.endpoints(); ++from) {
    for (Endpoint to = 0; to < net.endpoints(); ++to) {
      const std::vector<FrameFate>& fates = net.Recorded(from, to);
      if (fates.empty()) continue;
      const LinkName name = wire.NameOfLink(from, to);
      std::vector<std::int64_t> times;
      for (const FrameFate& fate : fates) {
        if (!fate.dropped) times.push_back(fate.first.travel_ns);
      }
      FrameFate usual;
      usual.first.travel_ns = times.empty() ? script.latency_ns : MiddleOf(std::move(times));
      if (usual.first.travel_ns != script.latency_ns)
        script.links.push_back({name, usual.first.travel_ns});
      for (std::size_t nth = 0; nth < fates.size(); ++nth) {
        FrameFate fate = fates[nth];
        if (fate.dropped) fate.first = {};  // it never travelled
        if (fate != usual) script.frames.push_back({name, nth, fate});
      }
    }
  }
}

}  // namespace

RunConfig ResolveRun(const RunConfig& config, const Recording& recording, const Wire& wire) {
  Script script;
  if (config.script) script.bounds = config.script->bounds;
  if (!config.script) script.bounds = WriteBounds(config);
  ResolveNodes(config, recording, script);
  ResolveLinks(wire, script);
  script.operations = recording.operations;
  if (config.script) script.operations = config.script->operations;
  script.cores = recording.cores;
  script.outside = recording.outside;
  RunConfig resolved = config;
  resolved.seed = 0;
  if (config.script) {
    script.cores = config.script->cores;
    script.outside = config.script->outside;
  }
  resolved.schedule.insert(resolved.schedule.end(), recording.faults.begin(),
                           recording.faults.end());
  resolved.script = std::move(script);
  return resolved;
}

}  // namespace quorate::sim
