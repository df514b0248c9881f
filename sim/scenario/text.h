// sim/scenario/text.h — putting texts and numbers together. (Abseil's StrCat of Debian 12 has a
// string view of its own, which does not take std::string_view.)
#pragma once
#include <concepts>
#include <string>
#include <string_view>

namespace quorate::sim {

inline void AppendTo(std::string& out, std::string_view text) { out += text; }
template <std::integral T>
void AppendTo(std::string& out, T number) {
  out += std::to_string(number);
}

template <class... Ts>
std::string Cat(const Ts&... parts) {
  std::string out;
  (AppendTo(out, parts), ...);
  return out;
}

}  // namespace quorate::sim
