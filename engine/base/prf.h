// engine/base/prf.h — random choices that are keyed, never drawn from one stream.
//
// Model: a choice is a pure function of (seed, site, entity, k): the place in the code that asks, who it
//   asks for, and the how-manieth time. Removing one fault, client or node leaves every other choice as
//   it was: that is what lets a failing run shrink and a seed outlive a code change.
// Invariants: the same key gives the same 64 bits on every compiler and machine.
// Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), chained over the parts of the key.
#pragma once
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/wide.h"

namespace quorate {

constexpr std::uint64_t Mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
constexpr std::uint64_t Mix(std::uint64_t a, std::uint64_t b) { return Mix(Mix(a) ^ b); }

// A name as a number. Names of sites are stored in seeds' outcomes: never rename one.
constexpr std::uint64_t NameKey(std::string_view name) {
  std::uint64_t key = 0xcbf29ce484222325u;
  for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Mix(key);
}

constexpr std::uint64_t Prf(std::uint64_t seed, std::uint64_t site, std::uint64_t entity,
                            std::uint64_t k) {
  return Mix(Mix(Mix(Mix(seed) ^ site) ^ entity) ^ k);
}

// Maps 64 random bits to [0, n) without a remainder's bias. Requires: n > 0.
constexpr std::uint64_t Below(std::uint64_t bits, std::uint64_t n) {
  REQUIRE(n > 0);
  return static_cast<std::uint64_t>((static_cast<Uint128>(bits) * n) >> 64);
}

}  // namespace quorate
