#include "sim/check/ids.h"

#include "engine/base/check.h"

namespace quorate::sim {

const char* IdOf(Check check) {
  switch (check) {
    case Check::kOneLeaderATerm:
      return "I-1";
    case Check::kOneMakerATerm:
      return "I-1b";
    case Check::kOneVoteATerm:
      return "I-2";
    case Check::kRoles:
      return "I-3";
    case Check::kLogMatching:
      return "I-4";
    case Check::kLeaderCompleteness:
      return "I-5";
    case Check::kCommittedOnQuorum:
      return "I-6";
    case Check::kStateMachineSafety:
      return "I-7";
    case Check::kMonotone:
      return "I-8";
    case Check::kOwnTermCommit:
      return "I-9";
    case Check::kCommittedStays:
      return "I-10";
    case Check::kCommitKnown:
      return "I-11";
    case Check::kMatchIsDurable:
      return "I-12";
    case Check::kProgress:
      return "I-13";
    case Check::kContiguousAppend:
      return "I-14";
    case Check::kApplyOrder:
      return "I-15";
    case Check::kLeaderAppendOnly:
      return "I-16";
    case Check::kReadIndex:
      return "I-17";
    case Check::kFewTerms:
      return "I-19";
    case Check::kTermSource:
      return "I-20";
    case Check::kStaleMessage:
      return "I-21";
    case Check::kUpToDateVote:
      return "I-22";
    case Check::kConfigurationChange:
      return "I-24";
    case Check::kEffectiveConfiguration:
      return "I-25";
    case Check::kJointLeft:
      return "I-26";
    case Check::kOwnLife:
      return "I-27";
    case Check::kInstall:
      return "I-30";
    case Check::kNoGap:
      return "I-31";
    case Check::kSnapshotContent:
      return "I-32";
    case Check::kRecovery:
      return "I-33";
    case Check::kPromisedVote:
      return "I-41";
    case Check::kDurableBeforeReply:
      return "I-42";
    case Check::kAckedIsDurable:
      return "I-43";
    case Check::kDurablePointer:
      return "I-44";
    case Check::kFailedSync:
      return "I-45";
    case Check::kCorruptionStops:
      return "I-46";
    case Check::kRecoveredTwice:
      return "I-47";
    case Check::kExactlyOnce:
      return "I-50";
    case Check::kSessions:
      return "I-51";
    case Check::kSameState:
      return "I-52";
    case Check::kModelReply:
      return "I-53";
    case Check::kVersions:
      return "I-54";
    case Check::kIsolation:
      return "I-55";
    case Check::kRoundTrip:
      return "I-56";
    case Check::kTruthfulFail:
      return "I-81";
    case Check::kLimits:
      return "I-82";
    case Check::kSerialReply:
      return "LIN-1";
    case Check::kSerialTime:
      return "LIN-2";
    case Check::kSerialPlace:
      return "LIN-3";
    case Check::kVersionOrder:
      return "LIN-4";
    case Check::kSearch:
      return "LIN-5";
    case Check::kLeaderInTime:
      return "LIVE-1";
    case Check::kAnswerInTime:
      return "LIVE-2";
    case Check::kConvergenceInTime:
      return "LIVE-3";
    case Check::kProgressInCalm:
      return "LIVE-4";
    case Check::kWakeups:
      return "LIVE-5";
    case Check::kRunEnds:
      return "LIVE-6";
    case Check::kDigestOfContent:
      return "SCAN-1";
    case Check::kLogMakesState:
      return "SCAN-2";
    case Check::kNothingLeft:
      return "SCAN-3";
    case Check::kStoreRecovered:
      return "BOOT-1";
    case Check::kStopHasReason:
      return "BOOT-2";
    case Check::kLogIsThere:
      return "BOOT-3";
    case Check::kAnsweredOnce:
      return "ANSWER-1";
    case Check::kWellFormedAnswer:
      return "ANSWER-2";
    case Check::kDroppedRefused:
      return "ANSWER-3";
    case Check::kSpoiledFrame:
      return "CODEC-1";
    case Check::kExcuse:
      return "EXCUSE-1";
    case Check::kAssertion:
      return "ASSERT";
    case Check::kCount_:
      break;
  }
  UNREACHABLE("check");
}

std::optional<Check> CheckOf(std::string_view id) {
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (id == IdOf(static_cast<Check>(i))) return static_cast<Check>(i);
  }
  return std::nullopt;
}

}  // namespace quorate::sim
