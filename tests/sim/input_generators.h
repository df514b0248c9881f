// tests/sim/input_generators.h — random inputs, recovered states and effects of every kind, for rapidcheck.
//
// Model: as in tests/net/generators.h. A test walks through the kinds, so that none is reached by luck only.
#pragma once
#include <rapidcheck.h>

#include <cstddef>
#include <utility>
#include <variant>

#include "engine/effect.h"
#include "engine/input.h"
#include "engine/record.h"
#include "tests/net/generators.h"

namespace quorate::testing {

// At most `most` of what `make` makes.
template <class List, class Make>
List Some(std::size_t most, const Make& make) {
  List list;
  for (std::size_t left = AnySize(most); left > 0; --left) list.push_back(make());
  return list;
}

inline Duration AnyDuration() { return {static_cast<std::int64_t>(AnyU64())}; }
inline EntryList AnyEntries() { return Some<EntryList>(4, AnyEntry); }

inline FrameReceived AnyFrameReceived() {
  return {Any<NodeId>(), Any<LinkSession>(),
          Some<std::vector<PeerMessage>>(4, [] { return *PeerMessages(); })};
}

inline Applied AnyApplied() {
  return {
      Any<GroupId>(), Any<Generation>(), AnyEntryId(),
      Some<std::vector<ApplyResult>>(3,
                                     [] {
                                       return ApplyResult{Any<Index>(), Any<Index>(), AnyPayload()};
                                     }),
      AnyFlag()};
}

inline Answered AnyAnswered() {
  return {Any<PortRequest>(), Any<GroupId>(), AnyEntryId(),
          Some<std::vector<QueryAnswer>>(3,
                                         [] {
                                           return QueryAnswer{Any<RequestId>(), AnyPayload()};
                                         }),
          AnyFlag()};
}

inline MapFlushed AnyMapFlushed() {
  return {Any<PortRequest>(),
          Some<std::vector<FlushedGroup>>(
              3,
              [] {
                return FlushedGroup{Any<GroupId>(), Any<Generation>(), Any<Index>()};
              }),
          AnyFlag()};
}

inline ClientRequest AnyClientRequest() {
  return {
      Any<RequestId>(), Any<GroupId>(),    AnyEnum(RequestKind::kWrite, RequestKind::kCatalogue),
      Any<SessionId>(), Any<SessionSeq>(), AnyPayload(),
      AnyDuration()};
}

inline ChangeConfiguration AnyChange() {
  return {
      Any<GroupId>(),
      Some<absl::InlinedVector<MemberChange, 4>>(
          5,
          [] {
            return MemberChange{AnyEnum(ChangeKind::kAddVoter, ChangeKind::kRemove), Any<NodeId>()};
          }),
      AnyEnum(Transition::kAuto, Transition::kJointImplicit), AnyU64()};
}

inline constexpr std::size_t kInputKinds = std::variant_size_v<Input>;

// Requires: kind < kInputKinds. The kinds have the order of `Input`.
inline Input InputOfKind(std::size_t kind) {
  static_assert(kInputKinds == 18, "draw the new kind of input too");
  switch (kind) {
    case 0:
      return LinkUp{Any<NodeId>(), Any<BootNumber>(), Any<LinkSession>()};
    case 1:
      return LinkDown{Any<NodeId>(), Any<LinkSession>()};
    case 2:
      return AnyFrameReceived();
    case 3:
      return Wakeup{};
    case 4:
      return Persisted{Any<PersistSeq>()};
    case 5:
      return PersistFailed{Any<PersistSeq>()};
    case 6:
      return DiskSpace{AnyEnum(Space::kEnough, Space::kLow)};
    case 7:
      return LogRead{Any<PortRequest>(), Any<GroupId>(), Any<Index>(), AnyEntries(), AnyFlag()};
    case 8:
      return AnyApplied();
    case 9:
      return AnyAnswered();
    case 10:
      return SnapshotOpened{Any<PortRequest>(), Any<GroupId>(), AnyEntryId(), Any<Generation>(),
                            AnyFlag()};
    case 11:
      return ChunkRead{Any<PortRequest>(), Any<GroupId>(), AnyU64(),
                       AnyPayload(),       AnyFlag(),      AnyFlag()};
    case 12:
      return ChunkInstalled{Any<PortRequest>(), Any<GroupId>(), AnyU64(), AnyFlag()};
    case 13:
      return AnyMapFlushed();
    case 14:
      return GenerationSwitched{Any<GroupId>(), Any<Generation>(), AnyEntryId(), AnyFlag()};
    case 15:
      return ClientRequests{Some<std::vector<ClientRequest>>(3, AnyClientRequest)};
    case 16:
      return TransferLeadership{Any<GroupId>(), Any<NodeId>()};
    case 17:
      return AnyChange();
    default:
      UNREACHABLE("kind of input");
  }
}

inline HardState AnyHardState() { return {Any<Term>(), Any<NodeId>()}; }

inline LogStart AnyLogStart() {
  return {Any<Generation>(), AnyEntryId(), Any<Index>(), AnyConfiguration(), AnyPayload()};
}

inline RecoveredGroup AnyRecoveredGroup() {
  return {Any<GroupId>(),
          AnyHardState(),
          AnyLogStart(),
          Any<Index>(),
          Some<std::vector<TermRun>>(3,
                                     [] {
                                       return TermRun{Any<Index>(), Any<Term>()};
                                     }),
          Some<std::vector<PlacedConfiguration>>(
              2,
              [] {
                return PlacedConfiguration{Any<Index>(), AnyConfiguration()};
              }),
          AnyEntryId()};
}

inline Recovered AnyRecovered() {
  return {{AnyU64(), Any<NodeId>(), Any<Incarnation>()},
          Any<BootNumber>(),
          Some<std::vector<RecoveredGroup>>(3, AnyRecoveredGroup)};
}

inline constexpr std::size_t kRecordKinds = std::variant_size_v<LogRecord>;

inline LogRecord RecordOfKind(std::size_t kind) {
  static_assert(kRecordKinds == 7, "draw the new kind of record too");
  switch (kind) {
    case 0:
      return BootRecord{Any<BootNumber>()};
    case 1:
      return SetHardState{Any<GroupId>(), AnyHardState()};
    case 2:
      return TruncateSuffix{Any<GroupId>(), Any<Index>()};
    case 3:
      return AppendEntries{Any<GroupId>(), Any<Index>(), Some<std::vector<Entry>>(3, AnyEntry)};
    case 4:
      return DropPrefix{Any<GroupId>(), AnyLogStart()};
    case 5:
      return ResetLog{Any<GroupId>(), AnyLogStart()};
    case 6:
      return DropGroup{Any<GroupId>()};
    default:
      UNREACHABLE("kind of record");
  }
}

inline Outcome AnyOutcome() {
  return {AnyEnum(OutcomeKind::kDone, OutcomeKind::kUnknown),
          AnyEnum(Refusal::kNone, Refusal::kStopped), Any<Index>(), AnyPayload()};
}

inline constexpr std::size_t kEffectKinds = std::variant_size_v<Effect>;

// Requires: kind < kEffectKinds. The kinds have the order of `Effect`.
inline Effect EffectOfKind(std::size_t kind) {
  static_assert(kEffectKinds == 14, "draw the new kind of effect too");
  switch (kind) {
    case 0:
      return Persist{Any<PersistSeq>(), Some<std::vector<LogRecord>>(3, [] {
                       return RecordOfKind(AnySize(kRecordKinds - 1));
                     })};
    case 1:
      return Send{Any<NodeId>(), Any<LinkSession>(), Any<PersistSeq>(), *PeerMessages()};
    case 2:
      return Apply{Any<GroupId>(), Any<Generation>(), Any<PersistSeq>(), Any<Index>(),
                   AnyEntries()};
    case 3:
      return RunQuery{Any<PortRequest>(), Any<GroupId>(), Any<Index>(),
                      Some<std::vector<QueryItem>>(3, [] {
                        return QueryItem{Any<RequestId>(), AnyPayload()};
                      })};
    case 4:
      return Reply{Any<RequestId>(), Any<PersistSeq>(), AnyOutcome()};
    case 5:
      return ReadLog{Any<PortRequest>(), Any<GroupId>(), Any<Index>(), Any<Index>(), AnyU64()};
    case 6:
      return OpenSnapshot{Any<PortRequest>(), Any<GroupId>()};
    case 7:
      return ReadChunk{Any<PortRequest>(), Any<GroupId>(), AnyU64()};
    case 8:
      return CloseSnapshot{Any<GroupId>()};
    case 9:
      return InstallChunk{Any<PortRequest>(), Any<GroupId>(), Any<Generation>(), AnyEntryId(),
                          AnyU64(),           AnyFlag(),      AnyPayload()};
    case 10:
      return FlushMap{Any<PortRequest>()};
    case 11:
      return SwitchGeneration{Any<GroupId>(), Any<Generation>(), Any<PersistSeq>()};
    case 12:
      return DropGeneration{Any<GroupId>(), Any<Generation>(), Any<PersistSeq>()};
    case 13:
      return Stop{AnyEnum(StopReason::kDataLoss, StopReason::kStorageFailed)};
    default:
      UNREACHABLE("kind of effect");
  }
}

}  // namespace quorate::testing
