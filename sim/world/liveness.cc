#include "sim/world/liveness.h"

#include <algorithm>

namespace quorate::sim {
namespace {

// How often something must be tried until all tries together fail with a chance below 2^-`bits`.
// Requires: 0 <= parts < kWhole.
std::int64_t TriesFor(std::int64_t parts, int bits) {
  std::uint64_t chance = static_cast<std::uint64_t>(kWhole);  // of failing so far, in parts
  const std::uint64_t limit = bits >= 32 ? 1 : static_cast<std::uint64_t>(kWhole) >> bits;
  std::int64_t tries = 0;
  do {
    chance = (chance * static_cast<std::uint64_t>(parts)) >> 32;  // <= 2^32 * (2^32 - 1)
    ++tries;
  } while (chance > limit && tries < 1000);
  return tries;
}

}  // namespace

LinkOptions LinkOptionsOf(const Options& options) {
  LinkOptions link;
  link.hello_first = std::max(Duration{options.heartbeat.ns / 4}, Milliseconds(1));
  link.hello_max = std::max(link.hello_first, options.election_timeout_max);
  return link;
}

// Latency and disk. A healed core is one in which Raft can do what it promises: a round trip with both disks on
// the way must be far below the least election timeout: a thirty-second part for each way and each disk.
//
// Leader. (1) Every clock runs at 1 ± drift: spans of a node's clock last 1 / (1 - drift) as long at most.
// (2) A node that was just started syncs its boot record, then says hello every `hello_max` at the latest, and
// a link is up one round trip later. (3) Whoever follows nobody campaigns after `election_timeout_max`; a
// campaign takes a pre-vote round and a vote round, and the winner's barrier one more. (4) Campaigns collide
// if the second to time out does so within one round of the first; timeouts are drawn from a span S, so with n
// voters this happens with a chance of 1 - (1 - round / S)^n (capped at 7/8). Each campaign is a new draw: after
// `tries` campaigns it has not worked with a chance below 2^-30. (5) A leader that has lost its quorum, or a
// follower that remembers a lost leader, notices within one more election timeout.
//
// Operation. A request takes: to the node, to the leader, one round, back, state-machine work. It may meet one
// change of leader, in which the node sends it again once it knows the new one. What a link outside the core
// loses is sent again after `resend`, doubling up to the election timeout: `losses` times at most, with a
// chance below 2^-30 for each exchange of the four.
LivenessBounds BoundsOf(const RunConfig& config) {
  const Options& options = config.cluster.options;
  LivenessBounds bounds;
  bounds.latency_ns = std::max<std::int64_t>(options.election_timeout_min.ns / 32, 1'000);
  bounds.disk_ns = bounds.latency_ns;
  bounds.round_ns = 2 * bounds.latency_ns + 3 * bounds.disk_ns;

  const std::int64_t nodes = std::max<std::int64_t>(config.cluster.nodes, 1);
  const std::int64_t span =
      std::max<std::int64_t>(options.election_timeout_max.ns - options.election_timeout_min.ns, 1);
  std::int64_t collide = kWhole / 8 * 7;
  if (bounds.round_ns < span) {
    const std::int64_t apart = (span - bounds.round_ns) * 1000 / span * (kWhole / 1000);
    std::int64_t all_apart = kWhole;  // (1 - round / span)^nodes
    for (std::int64_t i = 0; i < nodes; ++i) all_apart = all_apart / 65'536 * (apart / 65'536);
    collide = std::min(collide, kWhole - all_apart);
  }
  const std::int64_t tries = nodes == 1 ? 1 : TriesFor(collide, 30);
  const std::int64_t hello = LinkOptionsOf(options).hello_max.ns + 2 * bounds.round_ns;
  std::int64_t leader = hello + 2 * options.election_timeout_max.ns +
                        tries * (options.election_timeout_max.ns + 3 * bounds.round_ns);

  const std::int64_t loss = std::min(config.network.loss_parts.Highest(), kWhole / 4 * 3);
  const std::int64_t losses = TriesFor(loss, 30);
  const std::int64_t resend = std::max(options.resend.ns, options.election_timeout_max.ns);
  std::int64_t operation = leader + 4 * (bounds.round_ns + losses * resend) +
                           2 * std::max(config.workload.retry_after_ns.max, options.resend.ns);

  const std::int64_t drift =
      std::max(config.clocks.mono_drift_ppm.Highest(), -config.clocks.mono_drift_ppm.Lowest());
  const auto slower = [drift](std::int64_t ns) {
    return ns / (1'000'000 - drift) * 1'000'000 + 1'000'000;
  };
  bounds.leader_ns = slower(leader);
  bounds.operation_ns = slower(operation);
  return bounds;
}

// What must hold for the same derivation to be good before anything was healed.
bool IsBoundedWhenCalm(const LivenessBounds& bounds, const RunConfig& config) {
  const NetworkConfig& network = config.network;
  const DiskConfig& disk = config.disk;
  std::int64_t latency = network.latency_ns.Highest();
  if (!network.tail_parts.AlwaysZero()) latency += network.tail_ns.max;
  if (!network.reorder_parts.AlwaysZero()) latency += network.reorder_by_ns.max;
  const std::int64_t slowest =
      std::max({disk.sync_ns.Highest(), disk.work_ns.Highest(), disk.read_ns.Highest()});
  return latency <= bounds.latency_ns && network.client_latency_ns.Highest() <= bounds.latency_ns &&
         slowest <= bounds.disk_ns && network.capacity_bytes.AlwaysZero() &&
         network.loss_parts.Highest() <= kWhole / 8;
}

// A node that lags is sent what it lacks one message a round at the worst, an entry or a chunk each, after the
// leader has found out where it stands; every exchange may be lost as above, but those losses come on average,
// not in a row: four times the rounds are enough, and a fixed share for the tail. A transfer of state may have
// to begin anew once, flushes the map and switches.
std::int64_t ConvergenceBound(const LivenessBounds& bounds, const RunConfig& config,
                              std::uint64_t entries, std::uint64_t chunks) {
  const std::int64_t rounds =
      static_cast<std::int64_t>(std::min<std::uint64_t>(entries + 2 * chunks, 1'000'000));
  return 2 * bounds.operation_ns + 4 * rounds * bounds.round_ns + 8 * bounds.disk_ns +
         8 * config.cluster.options.election_timeout_max.ns;
}

}  // namespace quorate::sim
