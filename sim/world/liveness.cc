#include "sim/world/liveness.h"

#include <algorithm>

#include "engine/base/check.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMostTries = 1000;

// How often something must be tried until all tries together fail with a chance below 2^-`bits`; `kMostTries` if that
// is not enough. Requires: 0 <= parts < kWhole.
std::int64_t TriesFor(std::int64_t parts, int bits) {
  REQUIRE(0 <= parts && parts < kWhole);
  std::uint64_t chance = static_cast<std::uint64_t>(kWhole);  // of failing so far, in parts
  const std::uint64_t limit = bits >= 32 ? 1 : static_cast<std::uint64_t>(kWhole) >> bits;
  std::int64_t tries = 0;
  do {
    chance = (chance * static_cast<std::uint64_t>(parts)) >> 32;  // <= 2^32 * (2^32 - 1)
    ++tries;
  } while (chance > limit && tries < kMostTries);
  return tries;
}

// What a round must be short against: the least election timeout, and, with several nodes, how far they may lie apart.
std::int64_t ShortestOf(const ClusterConfig& cluster) {
  const std::int64_t least = cluster.options.election_timeout_min.ns;
  if (cluster.nodes == 1) return least;
  return std::min(least, cluster.options.election_timeout_max.ns - least);
}

}  // namespace

LinkOptions LinkOptionsOf(const Options& options) {
  LinkOptions link;
  link.hello_first = std::max(Duration{options.heartbeat.ns / 4}, Milliseconds(1));
  link.hello_max = std::max(link.hello_first, options.election_timeout_max);
  return link;
}

// Latency and disk. A healed core is one in which Raft can do what it promises: a round trip with both disks on
// the way must be far below the least election timeout, and below the span over which timeouts are drawn: a thirty-second
// part for each way and each disk.
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
  bounds.latency_ns = std::max<std::int64_t>(ShortestOf(config.cluster) / 32, 1'000);
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

namespace {

constexpr std::int64_t kSlowParts = kWhole / 256;

// What all but one sample in `few` stay below; whichever way the inversion runs.
std::int64_t MostOf(const Dist& dist, std::uint64_t few) {
  const std::uint64_t share = ~std::uint64_t{0} / few;
  return std::max(Sample(dist, share), Sample(dist, ~std::uint64_t{0} - share));
}

// How long samples last: all but one in 256, all but one in 65 536, and all.
struct Spans {
  std::int64_t most = 0;
  std::int64_t nearly_all = 0;
  std::int64_t all = 0;

  void Include(const Dist& dist) {
    most = std::max(most, MostOf(dist, 256));
    nearly_all = std::max(nearly_all, MostOf(dist, 65'536));
    all = std::max(all, dist.max);
  }
};

// The share of things that are late if `parts` are of their own account: all that come while one of these is on its
// way, four for each heartbeat, are held up by it. kWhole at most.
std::int64_t Late(std::int64_t parts, std::int64_t lasts, const Options& options) {
  const std::int64_t behind = 1 + lasts / std::max<std::int64_t>(options.heartbeat.ns / 4, 1);
  return parts > kWhole / behind ? kWhole : parts * behind;
}
std::int64_t Late(const Spans& spans, const Options& options) {
  return Late(kSlowParts, spans.nearly_all, options) + Late(kSlowParts / 256, spans.all, options);
}

// Both in parts.
std::int64_t Both(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(
      (static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)) >> 32);
}
// `parts` to the power of `count`. Requires: 0 <= parts <= kWhole.
std::int64_t Times(std::int64_t parts, std::int64_t count) {
  REQUIRE(0 <= parts && parts <= kWhole);
  std::int64_t all = kWhole - 1;
  for (std::int64_t i = 0; i < count; ++i) all = Both(all, std::min(parts, kWhole - 1));
  return all;
}

}  // namespace

// Without healing there are no hard bounds on frames and disks, but chances. A frame is *bad* if it is lost,
// spoiled, overtaken, held up, or among the slowest in 256; an operation of a disk if it is among the slowest in
// 256; and so is what comes behind one that is late. With all others good, one exchange takes `round`. A campaign takes
// a pre-vote, a vote and a barrier: six frames and three writes for each of the quorum - 1 peers that it needs; all
// must be good and no other campaign may collide (with this `round`, and a chance that may be small). The barrier's
// commit is progress already. Each campaign is a new draw, so `tries` of them all fail with a chance below 2^-30,
// each within the longest election timeout and three rounds. Where a leader is there already, a request that a node holds is one more try in as much time: fewer
// frames and writes than a campaign, and what is lost is sent again by the node itself.
//
// Nothing can be said
//   - of links that overflow: what comes together is lost together;
//   - of a request that a node holds for less than one try;
//   - if a leader's write may take longer than the least election timeout, its own and the one under way before it:
//     it takes its disk for hung, and leaves, as it must;
//   - if a round takes as long as the timeouts lie apart: all campaign before they hear of one another;
//   - if so many tries fail that a thousand are not enough.
std::optional<std::int64_t> CalmSpan(const RunConfig& config) {
  const NetworkConfig& network = config.network;
  const DiskConfig& disk = config.disk;
  if (!network.capacity_bytes.AlwaysZero()) return std::nullopt;
  Spans latency;
  Spans writes;
  for (std::uint32_t a = 1; a <= config.cluster.nodes; ++a) {
    for (std::uint32_t b = 1; b <= config.cluster.nodes; ++b) {
      if (a == b) continue;
      latency.Include(network.latency_ns.At(LinkKey(NodeId(a), NodeId(b))));
    }
    for (const DistPerEntity* dist : {&disk.sync_ns, &disk.work_ns, &disk.read_ns})
      writes.Include(dist->At(NodeKey(NodeId(a))));
  }
  const Options& options = config.cluster.options;
  const std::int64_t election = options.election_timeout_max.ns;
  const std::int64_t round = 2 * latency.most + 3 * writes.most;
  const std::int64_t try_ns = election + 3 * round + options.resend.ns;
  if (options.request_timeout.ns < try_ns) return std::nullopt;
  if (2 * writes.most >= options.election_timeout_min.ns) return std::nullopt;
  const std::int64_t tails = network.tail_parts.Highest();
  const std::int64_t bad = network.loss_parts.Highest() + network.reorder_parts.Highest() +
                           network.corrupt_parts.Highest() + Late(latency, options) +
                           Late(tails, MostOf(network.tail_ns, 256), options) +
                           Late(tails / 256, network.tail_ns.max, options);
  const std::int64_t bad_write = Late(writes, options);
  const std::int64_t nodes = std::max<std::int64_t>(config.cluster.nodes, 1);
  std::int64_t tries = 1;
  if (nodes > 1) {
    const std::int64_t quorum = nodes / 2 + 1;
    const std::int64_t spread = election - options.election_timeout_min.ns;
    if (round >= spread || bad >= kWhole || bad_write >= kWhole) return std::nullopt;
    const std::int64_t apart = Times((spread - round) * 1000 / spread * (kWhole / 1000), nodes);
    const std::int64_t good = Both(
        apart, Both(Times(kWhole - bad, 6 * (quorum - 1)), Times(kWhole - bad_write, 3 * quorum)));
    if (good == 0) return std::nullopt;
    tries = TriesFor(kWhole - good, 30);
    if (tries == kMostTries) return std::nullopt;
  }
  const std::int64_t span =
      LinkOptionsOf(options).hello_max.ns + 2 * election + tries * try_ns + 2 * writes.all;
  const std::int64_t drift =
      std::max(config.clocks.mono_drift_ppm.Highest(), -config.clocks.mono_drift_ppm.Lowest());
  return span / (1'000'000 - drift) * 1'000'000 + 1'000'000;
}

LivenessBounds BoundsOf(const Script& script) {
  const ScriptedBounds& written = script.bounds;
  return {.latency_ns = written.latency_ns,
          .disk_ns = written.disk_ns,
          .leader_ns = written.leader_ns,
          .operation_ns = written.operation_ns,
          .round_ns = written.round_ns};
}

std::optional<std::int64_t> CalmSpan(const Script& script) {
  return script.bounds.calm_ns > 0 ? std::optional(script.bounds.calm_ns) : std::nullopt;
}

ScriptedBounds WriteBounds(const RunConfig& config) {
  const LivenessBounds bounds = BoundsOf(config);
  return {.latency_ns = bounds.latency_ns,
          .disk_ns = bounds.disk_ns,
          .leader_ns = bounds.leader_ns,
          .operation_ns = bounds.operation_ns,
          .round_ns = bounds.round_ns,
          .calm_ns = CalmSpan(config).value_or(0)};
}

// A quorum is sound as long as what passed between its nodes took a quarter of the least election timeout at most (or
// of the span over which timeouts are drawn, if that is less), and what their disks did an eighth. Not chances but
// what happened is counted, so only these remain:
//
// A leader is there. What it sent before may be lost, and is sent again within the longest resend timer; a link
// that was broken is up again after `hello_max`; who has less space than it should is tried again after an
// election timeout; finding out where a follower stands takes some rounds; then one round commits.
// Nobody leads. Whoever still believes in a leader, and whoever leads without a quorum, gives up within two election
// timeouts; the next timeout lets somebody campaign, and the pre-vote, which takes one round and is less than
// the least election timeout, is won by whoever has the best log: its own timer runs out within one more. From there
// on it is a new term, in which everything begins anew, or progress.
//
// Clocks drift by a tenth at most (which is what scenarios may say): an eighth more. So it all follows from the options,
// and a run that was written out has the same bounds.
//
// Terms: a campaign that was begun fails by colliding with another, which happens with a chance of 7/8 at worst (as
// in BoundsOf); what nodes outside can do is to begin as many again.
SoundBounds SoundBoundsOf(const RunConfig& config) {
  const Options& options = config.cluster.options;
  SoundBounds bounds;
  bounds.latency_ns = ShortestOf(config.cluster) / 4;
  bounds.disk_ns = ShortestOf(config.cluster) / 8;
  const std::int64_t round = 2 * bounds.latency_ns + 3 * bounds.disk_ns;
  const std::int64_t span = LinkOptionsOf(options).hello_max.ns + options.resend.ns +
                            4 * options.election_timeout_max.ns + 8 * round;
  bounds.span_ns = span + span / 8;
  bounds.most_terms = 2 * static_cast<std::uint64_t>(TriesFor(kWhole / 8 * 7, 30));
  return bounds;
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
