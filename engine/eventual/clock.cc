#include "engine/eventual/clock.h"

#include <algorithm>

namespace quorate {
namespace {

constexpr std::int64_t kNsInMs = 1'000'000;
constexpr std::uint64_t kMostMs = (std::uint64_t{1} << 48) - 1;

std::uint64_t MillisOf(Stamp stamp) { return stamp.value() >> kCounterBits; }
Stamp FirstOf(std::uint64_t millis) { return Stamp(millis << kCounterBits); }

// The next stamp of a node whose counters have so many values.
Stamp After(Stamp stamp, const ClockLimits& limits) {
  const std::uint64_t values = std::uint64_t{1} << limits.counter_bits;
  const std::uint64_t counter = stamp.value() - FirstOf(MillisOf(stamp)).value();
  if (counter + 1 < values) return Next(stamp);
  return FirstOf(MillisOf(stamp) + 1);
}

}  // namespace

Stamp FirstStampOf(WallTime date) {
  if (date.ns < 0) return Stamp();
  return FirstOf(std::min(static_cast<std::uint64_t>(date.ns / kNsInMs), kMostMs));
}

WallTime DateOf(Stamp stamp) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 43;  // beyond what nanoseconds can tell
  return {static_cast<std::int64_t>(std::min(MillisOf(stamp), kMost)) * kNsInMs};
}

HybridClock::HybridClock(Stamp last, Stamp promised) : last_(last), promised_(promised) {
  REQUIRE(promised <= last);
}

Stamp HybridClock::Following(Stamp date, const ClockLimits& limits) const {
  return std::max(After(last_, limits), date);
}

std::optional<Stamp> HybridClock::Issue(WallTime date, const ClockLimits& limits) {
  REQUIRE(limits.counter_bits >= 1 && limits.counter_bits <= kCounterBits);
  const Stamp next = Following(FirstStampOf(date), limits);
  if (DateOf(next) > WallTime{date.ns + (limits.bound / 4).ns}) return std::nullopt;
  last_ = next;
  return next;
}

WallTime HybridClock::IssuesFrom(const ClockLimits& limits) const {
  return {DateOf(After(last_, limits)).ns - (limits.bound / 4).ns};
}

Stamp HybridClock::Promise(WallTime date) {
  promised_ = std::max(promised_, FirstStampOf(date));
  last_ = std::max(last_, promised_);
  return promised_;
}

void HybridClock::Witness(Stamp stamp) { last_ = std::max(last_, stamp); }

bool Admits(Stamp stamp, WallTime date, const ClockLimits& limits) {
  return DateOf(stamp) <= WallTime{date.ns + limits.bound.ns};
}

}  // namespace quorate
