// engine/base/match.h — visits a closed list of alternatives, one lambda each.
#pragma once
#include <variant>

namespace quorate {

// std::visit(Match{[](const A&) {…}, [](const B&) {…}}, value): a missing alternative does not compile.
template <class... Ts>
struct Match : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Match(Ts...) -> Match<Ts...>;

}  // namespace quorate
