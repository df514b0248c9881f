#include "sim/cli/coverage_tally.h"

#include <algorithm>
#include <bit>

namespace quorate::sim {

void CoverageTally::Add(std::uint64_t number, const AbstractStates& states) {
  const auto step = static_cast<Step>(std::bit_width(number));
  for (const std::uint64_t state : states.clusters) AddState(state, step);
  for (const NodeCode code : states.nodes) pairs_.Add(code);
}

void CoverageTally::AddState(std::uint64_t state, Step step) {
  const auto [at, fresh] = states_.try_emplace(state, step);
  if (!fresh) at->second = std::min(at->second, step);
}

std::vector<CoverageTally::Point> CoverageTally::Growth(std::uint64_t runs) const {
  std::vector<std::uint64_t> fresh(65);
  for (const auto& [state, step] : states_) ++fresh[step];
  std::vector<Point> points;
  std::uint64_t states = 0;
  for (std::size_t step = 0; step < fresh.size(); ++step) {
    states += fresh[step];
    // The last step may have been cut short.
    const bool last = step == 64 || (std::uint64_t{1} << step) >= runs;
    points.push_back({last ? runs : std::uint64_t{1} << step, states});
    if (last) break;
  }
  return points;
}

std::vector<std::size_t> CoverageTally::MissingFeatures() const {
  std::vector<std::size_t> missing;
  for (std::size_t feature = 0; feature < kFeatures; ++feature) {
    if (!pairs_.Has(feature)) missing.push_back(feature);
  }
  return missing;
}

std::vector<std::pair<std::size_t, std::size_t>> CoverageTally::MissingPairs() const {
  std::vector<std::pair<std::size_t, std::size_t>> missing;
  for (std::size_t a = 0; a < kFeatures; ++a) {
    for (std::size_t b = a + 1; b < kFeatures; ++b) {
      if (MayMeet(a, b) && pairs_.Has(a) && pairs_.Has(b) && !pairs_.Has(a, b))
        missing.emplace_back(a, b);
    }
  }
  return missing;
}

std::uint64_t CoverageTally::AllPairs() {
  std::uint64_t count = 0;
  for (std::size_t a = 0; a < kFeatures; ++a) {
    for (std::size_t b = a + 1; b < kFeatures; ++b) count += MayMeet(a, b) ? 1 : 0;
  }
  return count;
}

std::uint64_t CoverageTally::SeenPairs() const {
  std::uint64_t count = 0;
  for (std::size_t a = 0; a < kFeatures; ++a) {
    for (std::size_t b = a + 1; b < kFeatures; ++b) {
      count += MayMeet(a, b) && pairs_.Has(a, b) ? 1 : 0;
    }
  }
  return count;
}

}  // namespace quorate::sim
