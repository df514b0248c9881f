#include "sim/check/over_budget.h"

namespace quorate::sim {
namespace {

constexpr Check kOwed[] = {
    Check::kRoundTrip,         // I-56: the codec knows no disk
    Check::kRecoveredTwice,    // I-47: recovery is a function of what it finds
    Check::kDigestOfContent,   // SCAN-1: of one node's own rows
    Check::kStoreRecovered,    // BOOT-1: of nodes whose disks kept their word
    Check::kLogIsThere,        // BOOT-3: a lost log is seen
    Check::kAnsweredOnce,      // ANSWER-1
    Check::kWellFormedAnswer,  // ANSWER-2
    Check::kSpoiledFrame,      // CODEC-1
    Check::kExcuse,            // EXCUSE-1
    Check::kWakeups,           // LIVE-5
    Check::kRunEnds,           // LIVE-6
};

}  // namespace

CheckSet ChecksOwedByEachProcess() {
  CheckSet owed;
  for (const Check check : kOwed) owed.set(static_cast<std::size_t>(check));
  return owed;
}

CheckSet ChecksThatRestOnDisks() { return ~ChecksOwedByEachProcess(); }

}  // namespace quorate::sim
