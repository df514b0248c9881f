// tests/fuzz/libfuzzer.cc — the same targets under libFuzzer.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quorate::fuzz::Try(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
