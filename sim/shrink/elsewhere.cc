#include "sim/shrink/elsewhere.h"

#include <algorithm>

#include "engine/base/prf.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// What a file names stays: it may be what the failure is about.
void Shrink(RunConfig& config) {
  if (config.schedule.empty() && config.cluster.nodes > 3) config.cluster.nodes = 3;
  config.budget.down = std::min(config.budget.down, (config.cluster.nodes - 1) / 2);
  config.budget.wiped = std::min(config.budget.wiped, config.budget.down);
}

void FewClients(RunConfig& config, std::uint64_t bits) {
  if (!config.schedule.empty()) return;
  const std::int64_t before = std::max<std::int64_t>(config.workload.clients, 1);
  config.workload.clients = std::min<std::int64_t>(before, 1 + static_cast<std::int64_t>(bits % 3));
  config.workload.rate = config.workload.rate * config.workload.clients / before;
  config.namespaces.resize(1);
  std::vector<std::string>& judged = config.checks.linearizable;
  judged.erase(std::remove_if(judged.begin(), judged.end(),
                              [&](const std::string& name) {
                                return name != "*" && name != config.namespaces[0].name;
                              }),
               judged.end());
}

// Boundaries are met after a handful of operations instead of hundreds.
void Tighten(Options& options, std::uint64_t bits) {
  const auto least = [](auto& value, std::uint64_t most) {
    using Value = std::remove_reference_t<decltype(value)>;
    if (static_cast<std::uint64_t>(value) > most) value = static_cast<Value>(most);
  };
  least(options.snapshot_every, 1 + bits % 5);
  least(options.log_keep, bits / 5 % 2);
  least(options.max_append_entries, 1 + bits / 10 % 2);
  least(options.max_inflight_messages, 1 + bits / 20 % 2);
  least(options.log_cache_entries, bits / 40 % 2);
  least(options.kv.max_sessions, 2 + bits / 80 % 3);
}

}  // namespace

std::uint64_t SeedOfDraw(std::uint64_t first_seed, std::uint64_t nth) {
  return Prf(first_seed, NameKey("shrink.elsewhere"), 0, nth) >> 1;
}

RunConfig SmallerDraw(const Scenario& scenario, std::uint64_t first_seed, std::uint64_t nth) {
  const std::uint64_t seed = SeedOfDraw(first_seed, nth);
  RunConfig config = Draw(scenario, seed);
  const std::uint64_t bits = Mix(seed);
  Shrink(config);
  if (nth % 4 != 0) FewClients(config, bits);
  if (nth % 4 >= 2) Tighten(config.cluster.options, bits / 3);
  const std::int64_t shorter = config.time.warm_up_ns + (nth % 2 == 0 ? 4 : 2) * kSecond;
  if (config.schedule.empty()) config.time.horizon_ns = std::min(config.time.horizon_ns, shorter);
  return config;
}

}  // namespace quorate::sim
