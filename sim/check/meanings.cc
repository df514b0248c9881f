// What each check holds, in one sentence: for reports, the reference and whoever reads a failure.
#include "engine/base/check.h"
#include "sim/check/ids.h"

namespace quorate::sim {

const char* MeaningOf(Check check) {
  switch (check) {
    case Check::kOneLeaderATerm:
      return "at most one leader a term and group";
    case Check::kOneMakerATerm:
      return "only the leader of a term makes entries of it, and takes no proposals while it hands "
             "over";
    case Check::kOneVoteATerm:
      return "one vote a node and term, across restarts";
    case Check::kRoles:
      return "roles change only as they may; neither a leader nor who has just heard one "
             "grants votes; a candidate counts its own term only. A campaign begins by a "
             "pre-vote that was won or by an order, which goes only to a voter with the "
             "whole log and is not taken while the own disk stands still; one that is won is taken "
             "in that step. Who campaigns has a vote, or had one until a change that it does not "
             "know to be committed, or listens and was asked for its vote with a shorter log than "
             "its own. A leader leaves when it hears from no quorum or its disk stands still, else "
             "it stays, and speaks as "
             "one no longer. Who hears its leader follows, and asks for no votes; nothing "
             "else puts its timer off";
    case Check::kLogMatching:
      return "same index and term: same entry and same prefix";
    case Check::kLeaderCompleteness:
      return "a new leader holds every entry that was committed in an earlier term";
    case Check::kCommittedOnQuorum:
      return "at commit, a quorum of every active configuration holds the entry on disk";
    case Check::kStateMachineSafety:
      return "what is applied at an index is what was committed there";
    case Check::kMonotone:
      return "term, commit, applied and snapshot index never go back";
    case Check::kOwnTermCommit:
      return "a leader extends the commit index only over an entry of its own term";
    case Check::kCommittedStays:
      return "nothing at or below a commit index is truncated or overwritten: neither the node's "
             "own, nor that of any leader up to the node's term. (In an earlier term it may give "
             "an entry up for a deposed leader; it gets it again)";
    case Check::kCommitKnown:
      return "commit is not beyond the log; a follower's not beyond what the messages of "
             "that very step verified";
    case Check::kMatchIsDurable:
      return "a peer's match index is not above what that life of the peer holds durably";
    case Check::kProgress:
      return "next is above match; match never falls within a leadership; windows keep "
             "their limits, and end where sending goes on";
    case Check::kContiguousAppend:
      return "an append is contiguous, its terms do not fall";
    case Check::kApplyOrder:
      return "entries are applied one after the other, none is skipped, and none before the "
             "own disk holds it";
    case Check::kLeaderAppendOnly:
      return "a leader never overwrites its own log";
    case Check::kReadIndex:
      return "a read's index is at least what was acknowledged before it came in; it was "
             "confirmed by messages sent after";
    case Check::kFewTerms:
      return "a healed core takes hardly any terms: a sound network needs no elections, and "
             "who holds them all the same goes in circles; nor does any sound quorum, while "
             "faults go on elsewhere, begin term after term without getting anything done. "
             "Election timeouts are drawn by chance: none comes again and again";
    case Check::kTermSource:
      return "a term is never taken from a snapshot or an entry; messages carry the "
             "sender's current term, and who is told a later one (by other than a request "
             "for votes) takes it";
    case Check::kStaleMessage:
      return "a message of an older term is answered, not acted on: it moves no role, and "
             "nothing that a leader knows of its peers; every request for a vote is "
             "answered";
    case Check::kUpToDateVote:
      return "votes go only to candidates whose log is at least as good; what a refusal "
             "gives as its reason is so";
    case Check::kConfigurationChange:
      return "any two quorums that could decide meet: one change at a time, joint rules";
    case Check::kEffectiveConfiguration:
      return "the configuration in force is the fold of snapshot and log";
    case Check::kJointLeft:
      return "a joint state is left exactly once";
    case Check::kOwnLife:
      return "nothing from another cluster, another life or another data directory is acted "
             "on: a frame that reaches the engine was sent in the very life that the link "
             "is agreed with, to the very life that acts, and leaves in its sender's own "
             "name. (Who is in no configuration is never counted: I-3 and I-6 count by the "
             "checkers' own account.)";
    case Check::kInstall:
      return "after an install: log start, configuration and applied index are the "
             "snapshot's";
    case Check::kNoGap:
      return "no gap between snapshot and log, at any sync and after recovery; a log is "
             "reset to a state only once the map holds that durably; the log behind a state "
             "stays while it is being sent; a flushed map is never said to hold more than "
             "was written when the flush began";
    case Check::kSnapshotContent:
      return "a snapshot's content is the state at its index: row by row the reference "
             "model's, none left out, and the same bytes whoever sends or installs them";
    case Check::kRecovery:
      return "what is recovered is at least what was promised, and a legal outcome of the "
             "disk";
    case Check::kPromisedVote:
      return "after a restart: term at least as promised, same vote in the same term";
    case Check::kDurableBeforeReply:
      return "no acknowledgement leaves before the sync that covers it";
    case Check::kAckedIsDurable:
      return "what was acknowledged is on disk";
    case Check::kDurablePointer:
      return "the durable index points at the entry that is there";
    case Check::kFailedSync:
      return "after a failed sync that life acknowledges nothing more";
    case Check::kCorruptionStops:
      return "corruption that was read is found: no store gives back a spoiled row as good, "
             "no answer that rests on it says \"ok\", and a node that was told that its store "
             "cannot be read stops";
    case Check::kRecoveredTwice:
      return "recovering twice gives the same";
    case Check::kExactlyOnce:
      return "a (session, seq) takes effect at one index, and so does an opening; a retry "
             "gets the same bytes, or status and revision where the session has no room for "
             "the rows";
    case Check::kSessions:
      return "session tables are equal at equal applied index; no success for an evicted "
             "session";
    case Check::kSameState:
      return "state digests are equal at equal applied index";
    case Check::kModelReply:
      return "replies are the reference model's at their place in the order";
    case Check::kVersions:
      return "versions of a key rise and are the index of their write; revisions never fall";
    case Check::kIsolation:
      return "a command changes only its namespace";
    case Check::kRoundTrip:
      return "what was encoded and decoded is what it was";
    case Check::kTruthfulFail:
      return "what was refused as certainly not applied is in no committed log";
    case Check::kLimits:
      return "every queue keeps its limit, and so does what is sent or applied at once; "
             "what is applied is neither counted as unapplied nor waited for, and no bytes "
             "are in flight without a message. A pinned state is let go of when its "
             "leadership ends and when it is too old, and a log that is due for compaction "
             "has its map flushed";
    case Check::kSerialReply:
      return "a reply is what the reference model answers at the operation's place in the "
             "order";
    case Check::kSerialTime:
      return "that place is not before anything that was shown when the operation began";
    case Check::kSerialPlace:
      return "the place is a committed entry, and this operation's own";
    case Check::kVersionOrder:
      return "by versions alone, key by key, without the places: the history is "
             "linearizable";
    case Check::kSearch:
      return "a search over all orders finds one (on sampled and on failing runs; out of "
             "budget is *unknown*)";
    case Check::kLeaderInTime:
      return "the healed core has a leader in time";
    case Check::kAnswerInTime:
      return "a client's operation is answered in time";
    case Check::kConvergenceInTime:
      return "the core's logs and states become equal in time, and no log stays longer than "
             "compaction leaves it";
    case Check::kProgressInCalm:
      return "during chaos, too, every group gets on with what nodes were asked of it while "
             "nothing lasting is broken, within a span derived from the chances of frames and "
             "disks of that very run (not where too little passes for any span); and whatever is "
             "broken: a quorum whose nodes and "
             "links between them are sound, by what really happened to them and not by "
             "chances, does not stand still";
    case Check::kWakeups:
      return "no node wants to be woken for ever at one instant";
    case Check::kRunEnds:
      return "a run comes to its end";
    case Check::kDigestOfContent:
      return "a state's digest is that of its content, computed from scratch";
    case Check::kLogMakesState:
      return "a state is what the committed log makes of nothing";
    case Check::kNothingLeft:
      return "no store holds anything of a namespace that was dropped or of a state that was "
             "replaced";
    case Check::kStoreRecovered:
      return "a store that nobody damaged is recovered";
    case Check::kStopHasReason:
      return "a node stops only when something failed";
    case Check::kLogIsThere:
      return "a node that lost its log does not start";
    case Check::kAnsweredOnce:
      return "a request is answered once, to a process that asked";
    case Check::kWellFormedAnswer:
      return "an answer is a well-formed reply";
    case Check::kDroppedRefused:
      return "a node that knows that a namespace was dropped refuses what is asked of it";
    case Check::kSpoiledFrame:
      return "a frame damaged on the way is refused";
    case Check::kExcuse:
      return "a run that ends as excused has a certificate that holds: see below";
    case Check::kAssertion:
      return "no assertion of the engine failed";
    case Check::kCount_:
      break;
  }
  UNREACHABLE("no such check");
}

}  // namespace quorate::sim
