// The seed decides: a scenario's rules become one run's configuration.
#include "engine/base/match.h"
#include "engine/base/prf.h"
#include "sim/scenario/field_groups.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

// A draw of the run is the draw of an entity called "the whole run".
void Resolve(const Field& field, const Setting& setting, std::uint64_t seed, RunConfig& config) {
  const std::uint64_t site = NameKey(field.path);
  std::visit(Match{
                 [&](const PerRun& target) {
                   target.set(config, PerEntity(setting.value.mean, seed, site).At(kWholeRun));
                 },
                 [&](const PerNodeOrLink& target) {
                   target.set(config, PerEntity(setting.value.mean, seed, site));
                 },
                 [&](const PerEvent& target) {
                   target.set(config, DistPerEntity(setting.value, seed, site).At(kWholeRun));
                 },
                 [&](const PerEventOfEntity& target) {
                   target.set(config, DistPerEntity(setting.value, seed, site));
                 },
                 [&](const YesOrNo& target) { target.set(config, setting.flag); },
                 [](const OfScenario&) {},  // the same for all runs
                 [](const OffShare&) {},    // stands in the `off` of its gate
                 [](const Special&) {},
             },
             field.target);
}

std::int64_t DownOf(std::int64_t said, std::int64_t nodes) {
  if (said == kMinority) return (nodes - 1) / 2;
  if (said == kAllNodes) return nodes;
  return std::min(said, nodes);
}

}  // namespace

RunConfig Draw(const Scenario& scenario, std::uint64_t seed) {
  const std::vector<Field>& fields = Fields();
  REQUIRE(scenario.settings.size() == fields.size());
  RunConfig config;
  config.seed = seed;
  for (std::size_t i = 0; i < fields.size(); ++i)
    Resolve(fields[i], scenario.settings[i], seed, config);
  config.cluster.options.seed = Prf(seed, NameKey("cluster.options.seed"), kWholeRun, 0);
  config.budget.down = DownOf(config.budget.down, config.cluster.nodes);
  config.budget.wiped = DownOf(config.budget.wiped, config.cluster.nodes);
  config.namespaces = scenario.namespaces;
  for (std::int64_t i = 1; i <= config.cluster.extra_namespaces; ++i) {
    config.namespaces.push_back({Cat("extra", i)});
  }
  config.schedule = scenario.schedule;
  if (scenario.script) {
    config.seed = 0;
    config.script = scenario.script;
    config.cluster.options.seed = scenario.engine_seed;
  }
  config.checks.linearizable = scenario.linearizable;
  config.checks.converges = scenario.converges;
  config.checks.ignored = scenario.ignored;
  return config;
}

}  // namespace quorate::sim
