#include "sim/shrink/shrinker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/prf.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kAtOnce = 16;  // candidates that are handed out together
// The engine's draws when a node goes: the timeouts that made the failure are others then.
constexpr std::uint64_t kOtherSeeds = 24;
constexpr std::size_t kFewOperations = 5;  // more are worth tighter limits
constexpr std::int64_t kMoment = 1'000'000;

std::size_t Faults(const RunConfig& config) { return config.schedule.size(); }
std::size_t Operations(const RunConfig& config) { return config.script->operations.size(); }
std::size_t Frames(const RunConfig& config) { return config.script->frames.size(); }
std::size_t Keys(const RunConfig& config) { return KeysOf(config).size(); }
std::size_t NodeLines(const RunConfig& config) { return config.script->node_deviations.size(); }

RunConfig CalmFrames(RunConfig config) {
  config.script->frames.clear();
  return config;
}
RunConfig CalmNodes(RunConfig config) {
  config.script->node_deviations.clear();
  return config;
}

}  // namespace

Shrinker::Shrinker(RunConfig failing, Failure failure, Evaluate evaluate, OutOfTime out_of_time,
                   Tell tell)
    : best_(std::move(failing)),
      failure_(failure),
      evaluate_(evaluate),
      out_of_time_(out_of_time),
      tell_(tell) {
  REQUIRE(best_.script.has_value());
}

bool Shrinker::Try(std::vector<RunConfig> candidates) {
  return TryEach(candidates.size(), [&](std::size_t i) { return std::move(candidates[i]); });
}

bool Shrinker::TryEach(std::size_t count, absl::FunctionRef<RunConfig(std::size_t)> candidate) {
  for (std::size_t from = 0; from < count && !out_of_time_(); from += kAtOnce) {
    std::vector<RunConfig> some;
    for (std::size_t i = from; i < std::min(from + kAtOnce, count); ++i)
      some.push_back(candidate(i));
    const std::optional<Found> found = evaluate_(some);
    tried_ += found ? found->place + 1 : some.size();
    if (!found) continue;
    ++accepted_;
    best_ = std::move(some[found->place]);
    failure_ = found->failure;
    return true;
  }
  return false;
}

bool Shrinker::TryOne(RunConfig candidate) {
  std::vector<RunConfig> one;
  one.push_back(std::move(candidate));
  return Try(std::move(one));
}

bool Shrinker::Reduce(std::size_t (*count)(const RunConfig&),
                      RunConfig (*without)(RunConfig, std::size_t, std::size_t),
                      std::size_t finest) {
  bool any = false;
  std::size_t piece = count(best_);
  while (piece >= finest && piece > 0 && !out_of_time_()) {
    // From the end: what came last mattered least.
    std::size_t end = count(best_);
    while (end > 0 && !out_of_time_()) {
      std::vector<RunConfig> candidates;
      std::vector<std::size_t> firsts;
      std::size_t at = end;
      while (at > 0 && candidates.size() < kAtOnce) {
        const std::size_t first = at > piece ? at - piece : 0;
        candidates.push_back(without(best_, first, at - first));
        firsts.push_back(first);
        at = first;
      }
      const std::optional<Found> found = evaluate_(candidates);
      tried_ += found ? found->place + 1 : candidates.size();
      if (!found) {
        end = at;
        continue;
      }
      ++accepted_;
      any = true;
      best_ = std::move(candidates[found->place]);
      failure_ = found->failure;
      end = firsts[found->place];
    }
    if (piece == 1) break;
    piece = std::min(piece / 2, std::max<std::size_t>(count(best_), 1));
  }
  return any;
}

// ---- the passes ----------------------------------------------------------------------------------------

bool Shrinker::Truncate() {
  bool any = false;
  if (failure_.at_ns < best_.time.horizon_ns) {
    RunConfig shorter = Truncated(best_, failure_.at_ns + kMoment);
    const bool differs = shorter.time.horizon_ns < best_.time.horizon_ns ||
                         shorter.schedule != best_.schedule || shorter.script != best_.script;
    return differs && TryOne(std::move(shorter));
  }
  // A failure that shows only behind the chaos: that may be over sooner.
  for (int share = 1; share < 8 && !out_of_time_(); share *= 2) {
    while (!out_of_time_()) {
      const std::int64_t horizon = best_.time.horizon_ns;
      if (horizon <= kMoment || !TryOne(Truncated(best_, horizon - horizon / (2 * share)))) break;
      any = true;
    }
  }
  return any;
}

bool Shrinker::Calm() {
  bool any = false;
  if (Frames(best_) + NodeLines(best_) > 0 && TryOne(CalmNodes(CalmFrames(best_)))) return true;
  if (Frames(best_) > 0 && TryOne(CalmFrames(best_))) any = true;
  if (NodeLines(best_) > 0 && TryOne(CalmNodes(best_))) any = true;
  for (const FrameKind kind : kFrameKinds) {
    RunConfig calmer = WithoutKind(best_, kind);
    if (calmer.script != best_.script && TryOne(std::move(calmer))) any = true;
  }
  for (std::size_t site = 0; site < kNodeSites; ++site) {
    RunConfig calmer = WithoutSite(best_, static_cast<NodeSite>(site));
    if (calmer.script != best_.script && TryOne(std::move(calmer))) any = true;
  }
  return any;
}

// Of thousands of frames and disk operations that each take their own time most do not matter, and those that matter
// mostly stand out: by how long they take, or by where they are.
bool Shrinker::Smooth() {
  bool any = false;
  std::vector<RunConfig> smoother;
  for (std::int64_t slack = 1'000'000'000; slack >= 100'000; slack /= 2) {
    RunConfig candidate = Smoothed(best_, slack);
    if (candidate.script == best_.script) break;  // nor does less
    if (smoother.empty() || candidate.script != smoother.back().script)
      smoother.push_back(std::move(candidate));
  }
  if (Try(std::move(smoother))) any = true;
  for (const LinkName& link : LinksThatDeviate(best_)) {
    if (TryOne(WithoutLink(best_, link))) any = true;
  }
  return any;
}

// Done first, while the run is what it was: with the right node and time it is the same run.
bool Shrinker::Pin() {
  bool any = false;
  for (std::size_t i = 0; i < Faults(best_) && !out_of_time_(); ++i) {
    while (!out_of_time_() && Try(Pinned(best_, i, moments_))) any = true;
  }
  return any;
}

bool Shrinker::DropClasses() {
  bool any = false;
  for (const std::string& word : ActionsOf(best_)) {
    if (TryOne(WithoutAction(best_, word))) any = true;
  }
  return any;
}

// A run with a node less is another run: its elections are drawn anew, several times.
bool Shrinker::DropNodes() {
  bool any = false;
  bool again = true;
  while (again && best_.cluster.nodes > 1 && !out_of_time_()) {
    const auto nodes = static_cast<std::size_t>(best_.cluster.nodes);
    again = TryEach(nodes * (1 + kOtherSeeds), [&](std::size_t i) {
      RunConfig without = WithoutNode(best_, NodeId(static_cast<std::uint32_t>(nodes - i % nodes)));
      const std::size_t other = i / nodes;
      if (other == 0) return without;
      return WithSeed(std::move(without), Mix(best_.cluster.options.seed, other));
    });
    any = any || again;
  }
  return any;
}

bool Shrinker::DropClients() {
  bool any = false;
  std::set<std::uint32_t> clients;
  for (const ScriptedOperation& operation : best_.script->operations)
    clients.insert(operation.client);
  for (const std::uint32_t client : clients) {
    if (TryOne(WithoutClient(best_, client))) any = true;
  }
  for (std::size_t i = best_.namespaces.size(); i > 1; --i) {
    if (TryOne(WithoutNamespace(best_, i - 1))) any = true;
  }
  return any;
}

bool Shrinker::Weaken() {
  bool any = false;
  for (std::size_t i = 0; i < Faults(best_) && !out_of_time_(); ++i) {
    // Weaker and weaker; halving ends by itself.
    while (Try(Weakened(best_, i)) && !out_of_time_()) any = true;
  }
  return any;
}

bool Shrinker::Simplify() {
  bool any = false;
  for (std::size_t i = 0; i < Operations(best_) && !out_of_time_(); ++i) {
    for (int times = 0; times < 8 && Try(Simplified(best_, i)); ++times) any = true;
  }
  return any;
}

// A smaller limit counts as progress only if the failure comes no later with it.
bool Shrinker::Tighten() {
  bool any = false;
  for (int times = 0; times < 8 && !out_of_time_(); ++times) {
    const RunConfig before = best_;
    const Failure failure = failure_;
    if (!Try(Tightened(best_))) return any;
    if (failure_.events > failure.events) {
      best_ = before;
      failure_ = failure;
      return any;
    }
    any = true;
  }
  return any;
}

bool Shrinker::Plain() {
  bool any = false;
  while (!out_of_time_() && Try(Plainer(best_))) any = true;
  return any;
}

bool Shrinker::Normalise() {
  bool any = false;
  RunConfig renumbered = Renumbered(best_);
  const bool differs = renumbered.script != best_.script || renumbered.schedule != best_.schedule ||
                       renumbered.workload.clients != best_.workload.clients;
  if (differs && TryOne(std::move(renumbered))) any = true;
  for (std::int64_t by = 8'000'000'000; by >= 50'000'000 && !out_of_time_(); by /= 2) {
    RunConfig earlier = Earlier(best_, by);
    if (earlier.time.horizon_ns < best_.time.horizon_ns && TryOne(std::move(earlier))) any = true;
  }
  for (const std::int64_t unit : {100'000'000, 10'000'000, 1'000'000, 100'000}) {
    while (!out_of_time_() && Try(Rounded(best_, unit))) any = true;
  }
  return any;
}

bool Shrinker::Pass(const char* name, bool (Shrinker::*pass)()) {
  if (out_of_time_()) return false;
  const bool any = (this->*pass)();
  tell_({name, size(), tried_, accepted_});
  return any;
}

void Shrinker::Run() {
  Pass("truncate", &Shrinker::Truncate);
  Pass("nodes and times named", &Shrinker::Pin);
  bool first = true;
  for (int round = 0; round < 12 && !out_of_time_(); ++round) {
    bool any = Pass("calm", &Shrinker::Calm);
    any |= Pass("smooth", &Shrinker::Smooth);
    any |= Pass("fault classes", &Shrinker::DropClasses);
    any |= Pass("clients", &Shrinker::DropClients);
    any |= Reduce(Faults, WithoutFaults, 1);
    tell_({"faults", size(), tried_, accepted_});
    // Later rounds would only undo what made the settings plain.
    if (round < 2 && Operations(best_) > kFewOperations && Pass("limits", &Shrinker::Tighten)) {
      any = true;
      Pass("truncate", &Shrinker::Truncate);
    }
    any |= Reduce(Keys, WithoutKeys, 1);
    any |= Reduce(Operations, WithoutOperations, 1);
    tell_({"operations", size(), tried_, accepted_});
    any |= Pass("nodes", &Shrinker::DropNodes);
    // Long lists of frames are thinned out first, and to the end only once the rest is small.
    const std::size_t finest = first ? std::max<std::size_t>(1, Frames(best_) / 64) : 1;
    any |= Reduce(Frames, WithoutFrames, finest);
    any |= Reduce(NodeLines, WithoutNodeDeviations,
                  first ? std::max<std::size_t>(1, NodeLines(best_) / 64) : 1);
    tell_({"deviations", size(), tried_, accepted_});
    any |= Pass("truncate", &Shrinker::Truncate);
    if (!first || !any) {
      any |= Pass("weaken", &Shrinker::Weaken);
      any |= Pass("operations made plain", &Shrinker::Simplify);
      any |= Pass("settings made plain", &Shrinker::Plain);
      any |= Pass("times", &Shrinker::Normalise);
    }
    if (!any && !first) {
      finished_ = !out_of_time_();
      return;
    }
    first = false;
  }
}

}  // namespace quorate::sim
