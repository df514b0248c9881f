// sim/world/holders.h — which faults keep one thing as it is: several may overlap, and each has an end of its own.
//
// Model: a set of faults, by their place among those of the run. The thing is broken while somebody holds it.
// Errors: none; whoever lets go twice, or after everything was mended, changes nothing.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace quorate::sim {

using FaultId = std::uint32_t;

class Holders {
 public:
  void Add(FaultId who) {
    if (std::find(who_.begin(), who_.end(), who) == who_.end()) who_.push_back(who);
  }
  // Whether `who` was the last one.
  bool Remove(FaultId who) { return std::erase(who_, who) > 0 && who_.empty(); }
  void Clear() { who_.clear(); }

 private:
  std::vector<FaultId> who_;
};

}  // namespace quorate::sim
