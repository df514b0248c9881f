// sim/check/ids.h — every check that a run can make, and the id that it is reported under.
//
// Model: a closed list. Ids stand in fingerprints, reports and regressions.
//   Stored: never renumbered, never given to another check; numbers are not dense.
// `docs/invariants.md` says what each of them holds; a test compares the two lists.
#pragma once
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quorate::sim {

enum class Check : std::uint8_t {
  kOneLeaderATerm,          // I-1
  kOneMakerATerm,           // I-1b
  kOneVoteATerm,            // I-2
  kRoles,                   // I-3
  kLogMatching,             // I-4
  kLeaderCompleteness,      // I-5
  kCommittedOnQuorum,       // I-6
  kStateMachineSafety,      // I-7
  kMonotone,                // I-8
  kOwnTermCommit,           // I-9
  kCommittedStays,          // I-10
  kCommitKnown,             // I-11
  kMatchIsDurable,          // I-12
  kProgress,                // I-13
  kContiguousAppend,        // I-14
  kApplyOrder,              // I-15
  kLeaderAppendOnly,        // I-16
  kReadIndex,               // I-17
  kFewTerms,                // I-19
  kTermSource,              // I-20
  kStaleMessage,            // I-21
  kUpToDateVote,            // I-22
  kConfigurationChange,     // I-24
  kEffectiveConfiguration,  // I-25
  kJointLeft,               // I-26
  kOwnLife,                 // I-27
  kInstall,                 // I-30
  kNoGap,                   // I-31
  kSnapshotContent,         // I-32
  kRecovery,                // I-33
  kPromisedVote,            // I-41
  kDurableBeforeReply,      // I-42
  kAckedIsDurable,          // I-43
  kDurablePointer,          // I-44
  kFailedSync,              // I-45
  kCorruptionStops,         // I-46
  kRecoveredTwice,          // I-47
  kExactlyOnce,             // I-50
  kSessions,                // I-51
  kSameState,               // I-52
  kModelReply,              // I-53
  kVersions,                // I-54
  kIsolation,               // I-55
  kRoundTrip,               // I-56
  kTruthfulFail,            // I-81
  kLimits,                  // I-82
  kSerialReply,             // LIN-1
  kSerialTime,              // LIN-2
  kSerialPlace,             // LIN-3
  kVersionOrder,            // LIN-4
  kSearch,                  // LIN-5
  kLeaderInTime,            // LIVE-1
  kAnswerInTime,            // LIVE-2
  kConvergenceInTime,       // LIVE-3
  kProgressInCalm,          // LIVE-4
  kWakeups,                 // LIVE-5
  kRunEnds,                 // LIVE-6
  kDigestOfContent,         // SCAN-1
  kLogMakesState,           // SCAN-2
  kNothingLeft,             // SCAN-3
  kStoreRecovered,          // BOOT-1
  kStopHasReason,           // BOOT-2
  kLogIsThere,              // BOOT-3
  kAnsweredOnce,            // ANSWER-1
  kWellFormedAnswer,        // ANSWER-2
  kDroppedRefused,          // ANSWER-3
  kSpoiledFrame,            // CODEC-1
  kExcuse,                  // EXCUSE-1
  kAssertion,               // ASSERT
  kCount_,
};
inline constexpr std::size_t kChecks = static_cast<std::size_t>(Check::kCount_);

// Some of them.
using CheckSet = std::bitset<kChecks>;

const char* IdOf(Check check);
// What it holds, in one sentence; docs/invariants.md says the same.
const char* MeaningOf(Check check);
// nullopt: nothing is reported under that id.
std::optional<Check> CheckOf(std::string_view id);

// How often each check was evaluated.
class CheckCounts {
 public:
  void Add(Check check, std::uint64_t count = 1) {
    counts_[static_cast<std::size_t>(check)] += count;
  }
  std::uint64_t of(Check check) const { return counts_[static_cast<std::size_t>(check)]; }

 private:
  std::array<std::uint64_t, kChecks> counts_{};
};

}  // namespace quorate::sim
