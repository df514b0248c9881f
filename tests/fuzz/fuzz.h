// tests/fuzz/fuzz.h — what a fuzz target is.
//
// Model: a target takes any bytes and must neither crash nor hang nor trip a check; what else must hold it says
//   itself, with REQUIRE. It also makes some inputs that are right, for the driver to spoil. The driver's
//   inputs are a function of (seed, number), so a finding is two numbers.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quorate::fuzz {

// Inputs that are right. The same at every call.
std::vector<std::string> Examples();
// Tries one input. Returns whether it was understood: a target that understands next to nothing tests little.
bool Try(std::string_view bytes);

}  // namespace quorate::fuzz
