#include "sim/world/trace.h"

namespace quorate::sim {

std::string RenderSeconds(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::string fraction = std::to_string(ns % kSecond);
  fraction.insert(0, 9 - fraction.size(), '0');
  return std::to_string(ns / kSecond) + "." + fraction;
}

void Trace::Say(const std::string& text) {
  if (to_ == nullptr) return;
  *to_ << number_ << ' ' << RenderSeconds(ns_) << ' ' << text << '\n';
}

}  // namespace quorate::sim
