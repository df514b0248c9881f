#include "engine/raft/types.h"

namespace quorate {

const char* NameOf(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  UNREACHABLE("role");
}

const char* NameOf(EntryKind kind) {
  switch (kind) {
    case EntryKind::kBarrier:
      return "barrier";
    case EntryKind::kCommand:
      return "command";
    case EntryKind::kOpenSession:
      return "open-session";
    case EntryKind::kConfiguration:
      return "configuration";
  }
  return "unknown";  // a peer or a disk may name a kind that is not ours
}

const char* NameOf(DropReason reason) {
  switch (reason) {
    case DropReason::kStaleTerm:
      return "stale-term";
    case DropReason::kStaleLink:
      return "stale-link";
    case DropReason::kUnknownGroup:
      return "unknown-group";
    case DropReason::kUnknownPeer:
      return "unknown-peer";
    case DropReason::kNotInThisRole:
      return "not-in-this-role";
    case DropReason::kOtherCampaign:
      return "other-campaign";
    case DropReason::kHasLeader:
      return "has-leader";
    case DropReason::kAlreadyVoted:
      return "already-voted";
    case DropReason::kLogBehind:
      return "log-behind";
    case DropReason::kStaleReply:
      return "stale-reply";
    case DropReason::kBelowCommit:
      return "below-commit";
    case DropReason::kNoSpace:
      return "no-space";
    case DropReason::kDiskStalled:
      return "disk-stalled";
    case DropReason::kOtherSnapshot:
      return "other-snapshot";
    case DropReason::kNotPromotable:
      return "not-promotable";
    case DropReason::kQueueFull:
      return "queue-full";
    case DropReason::kMalformed:
      return "malformed";
    case DropReason::kHandingOver:
      return "handing-over";
    case DropReason::kTooMuchUnapplied:
      return "too-much-unapplied";
    case DropReason::kChangePending:
      return "change-pending";
    case DropReason::kOtherEpoch:
      return "other-epoch";
    case DropReason::kOutOfContact:
      return "out-of-contact";
    case DropReason::kCount_:
      return "none";
  }
  UNREACHABLE("drop reason");
}

}  // namespace quorate
