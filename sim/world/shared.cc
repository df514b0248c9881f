#include "sim/world/shared.h"

#include <utility>

#include "sim/check/over_budget.h"

namespace quorate::sim {

void CommittedStream::OnApply(const Apply& apply) {
  Index& last = last_[apply.group];
  Index index = apply.first;
  // The model of what must come of it goes entry by entry, too.
  if (!verdicts_.Expect(Check::kApplyOrder, index <= Next(last), [&] {
        return "group " + std::to_string(apply.group.value()) + ": an apply begins at " +
               std::to_string(index.value()) + " although nobody has applied behind " +
               std::to_string(last.value());
      })) {
    return;
  }
  for (const Entry& entry : apply.entries) {
    if (index > last) {
      serial_.OnCommitted(apply.group, index, entry);
      last = index;
    }
    index = Next(index);
  }
}

Index CommittedStream::last(GroupId group) const {
  const auto at = last_.find(group);
  return at == last_.end() ? Index() : at->second;
}

Shared::Shared(const RunConfig& run_config, std::uint64_t run_seed, const RunSettings& settings)
    : config(run_config),
      seed(run_seed),
      nodes(static_cast<std::size_t>(run_config.cluster.nodes)),
      steps(settings.steps),
      trace(settings.trace ? settings.trace_to : nullptr),
      edges(verdicts),
      invariants(verdicts, run_config.cluster.options),
      recorder(HistoryHeader{run_seed, settings.commit, settings.scenario}),
      serial(run_config.cluster.options.kv, verdicts),
      committed(serial, verdicts),
      catalogue(run_config.cluster.options.kv.nonce_window, verdicts),
      budget(nodes, static_cast<std::size_t>(run_config.budget.down),
             static_cast<std::size_t>(run_config.budget.wiped)),
      members(nodes, catalogue) {
  verdicts.Ignore(run_config.checks.ignored);
}

bool Shared::MayDamage(std::size_t node) const {
  if (2 * budget.most() >= nodes) return true;
  return members.Suffice([&](NodeId other) {
    const std::size_t at = EndpointOf(other);
    return at != node && !budget.Is(at, Hurt::kDamaged);
  });
}

void Shared::BreakPromise() {
  if (std::exchange(promise_broken, true)) return;
  verdicts.Ignore(config.checks.ignored | ChecksThatRestOnDisks());
  injected.Add("promise.broken");
  if (trace.textual()) trace.Say("from here on the weaker checker judges: a disk broke its word");
}

}  // namespace quorate::sim
