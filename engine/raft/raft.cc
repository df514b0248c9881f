#include "engine/raft/raft.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "engine/base/prf.h"

namespace quorate {
namespace {

Index LeastIndex(const EntryId& entry) { return entry.index; }

}  // namespace

void RaftEvents::Clear() {
  confirmed.clear();
  not_confirmed.clear();
  resolved.clear();
  answered.clear();
  touched.clear();
  leader_changed.clear();
  heartbeat_wanted.clear();
  flush_wanted.clear();
  heartbeat_answers.clear();
  catalogue_entries.clear();
  catalogue_installed.reset();
  fatal.reset();
}

Raft::Raft(NodeId self, BootNumber boot, const RecoveredGroup& recovered)
    : self_(self),
      group_(recovered.group),
      boot_(boot),
      hard_(recovered.hard),
      log_(recovered.start, recovered.last, recovered.terms),
      configurations_(recovered.configurations),
      // Everything applied was committed; what else is, a leader will tell.
      commit_(LeastIndex(recovered.applied)),
      applied_(recovered.applied),
      applying_(LeastIndex(recovered.applied)) {
  REQUIRE(applied_.index >= log_.start().entry.index && applied_.index <= log_.last().index);
}

void Raft::Start(StepContext& context) { ResetElectionTimer(context); }

Role Raft::role() const {
  return std::visit(Match{
                        [](const Follower&) { return Role::kFollower; },
                        [](const Candidacy& candidacy) {
                          return candidacy.kind == VoteKind::kPreVote ? Role::kPreCandidate
                                                                      : Role::kCandidate;
                        },
                        [](const Leader&) { return Role::kLeader; },
                    },
                    role_);
}

MonoTime Raft::next_wakeup() const {
  const Leader* leader = leadership();
  if (leader == nullptr) return election_deadline_;
  MonoTime at = leader->transfer ? leader->transfer->give_up_at : kNever;
  for (const Progress& peer : leader->peers) {
    at = std::min({at, peer.resend_at, peer.paused_until.value_or(kNever)});
  }
  return at;
}

bool Raft::Promotable() const {
  if (!configuration().IsVoter(self_) && !VotedUntilNow() && !is_counted_on_) return false;
  return !incoming_ || incoming_->phase != InstallPhase::kSwitching;
}

void Raft::OnMessage(StepContext& context, NodeId from, const Message& message) {
  const Term term = std::visit(
      Match{
          [&](const Heartbeat&) { return hard_.term; },  // judged per group by the replica
          [&](const HeartbeatReply&) { return hard_.term; },
          [](const auto& any) { return any.term; },
      },
      message);
  // A vote request's term obeys its own rules (stickiness; a proposed term is never adopted).
  if (term > hard_.term && !std::holds_alternative<VoteRequest>(message)) {
    BecomeFollower(context, term, NodeId());
  }
  const auto stale = [&] {
    if (term == hard_.term) return false;
    context.out.Drop(DropReason::kStaleTerm);
    return true;
  };
  std::visit(
      Match{
          [&](const VoteRequest& m) { OnVoteRequest(context, from, m); },
          // A grant of a pre-vote rightly carries a lower term: the campaign tells whether it counts.
          [&](const VoteReply& m) { OnVoteReply(context, from, m); },
          [&](const AppendRequest& m) {
            // Not acted on but answered: else a node that took a term from an aborted transfer stays
            // out for as long as the old leader leads.
            if (stale()) {
              return Send(context, from,
                          AppendReply{.term = hard_.term,
                                      .verdict = AppendVerdict::kStaleTerm,
                                      .match = {},
                                      .prev = m.prev.index,
                                      .hint = {}});
            }
            OnAppendRequest(context, from, m);
          },
          [&](const AppendReply& m) {
            if (!stale()) OnAppendReply(context, from, m);
          },
          [&](const CommitNotice& m) {
            if (!stale()) OnCommitNotice(context, from, m);
          },
          [&](const Heartbeat&) { context.out.Drop(DropReason::kMalformed); },
          [&](const HeartbeatReply&) { context.out.Drop(DropReason::kMalformed); },
          [&](const SnapshotChunk& m) {
            if (stale()) {
              return Send(context, from,
                          SnapshotReply{.term = hard_.term,
                                        .name = m.name,
                                        .verdict = SnapshotVerdict::kStaleTerm,
                                        .next = 0,
                                        .match = {}});
            }
            OnSnapshotChunk(context, from, m);
          },
          [&](const SnapshotReply& m) {
            if (!stale()) OnSnapshotReply(context, from, m);
          },
          [&](const TimeoutNow&) {
            if (!stale()) OnTimeoutNow(context, from);
          },
          // Whoever leads may answer an asker that does not know the term yet.
          [&](const ReadIndexRequest& m) {
            if (AskReadIndex(context, {from, context.peers.BootOf(from), m.id})) return;
            Send(context, from,
                 ReadIndexReply{.term = hard_.term, .id = m.id, .confirmed = false, .index = {}});
          },
          // The confirmation was made after the question came in: a later term takes nothing from it.
          [&](const ReadIndexReply& m) {
            if (m.confirmed) {
              context.out.events.confirmed.push_back({group_, m.id, m.index});
            } else {
              context.out.events.not_confirmed.push_back({group_, m.id});
            }
          },
          [&](const Forward& m) { OnForward(context, from, m); },
          // What was applied stays applied, whatever the term is now.
          [&](const ForwardReply& m) {
            for (const ForwardedOutcome& outcome : m.outcomes) {
              context.out.events.answered.push_back({group_, outcome});
            }
          },
      },
      message);
}

void Raft::OnLinkUp(StepContext& context, NodeId peer) {
  Progress* progress = FindPeer(peer);
  if (progress == nullptr) return;
  // What was in flight may be gone with the old link.
  if (progress->state == ProgressState::kReplicate) BecomeProbing(*progress);
  progress->probe_sent = false;
  if (progress->state == ProgressState::kSnapshot) ArmResend(context, *progress);
}

void Raft::OnTimer(StepContext& context) {
  if (leads()) return OnLeaderTimer(context);
  if (context.now.mono < election_deadline_) return;
  // A disk that does not answer can make no vote durable, and a leader without a disk is none.
  if (context.disk_stalled) context.out.Drop(DropReason::kDiskStalled);
  if (!Promotable()) context.out.Drop(DropReason::kNotPromotable);
  if (context.disk_stalled || !Promotable()) {
    SetLeader(context, NodeId());
    return ResetElectionTimer(context);
  }
  BecomePreCandidate(context);
}

void Raft::OnPersisted(StepContext& context, PersistSeq upto) {
  log_.OnPersisted(upto);
  if (hard_write_ != PersistSeq() && hard_write_ <= upto) {
    hard_write_ = PersistSeq();
    if (role() == Role::kCandidate) {  // only now does the own vote count
      Insert(std::get<Candidacy>(role_).granted, self_);
      CountVotes(context);
    }
  }
  if (leads()) MaybeCommit(context);
}

// ---- roles ----------------------------------------------------------------------------------------------------

// The role changes before anything else can be proposed, so no entry is ever stamped with a term that the
// node does not lead (NuRaft dd65d03). `voted_for` falls only with a rise of the term, never by stepping
// down within it: etcd-io/raft 9d2a465 and many after it elected two leaders that way.
void Raft::BecomeFollower(StepContext& context, Term term, NodeId leader) {
  REQUIRE(term >= hard_.term);
  LeaveLeadership(context);
  role_ = Follower{};
  if (term > hard_.term) {
    hard_ = {.term = term, .vote = NodeId()};
    SaveHardState(context);
    // The same node in its next term is another leader: it has forgotten what it was asked.
    if (leader != NodeId() && leader == leader_)
      context.out.events.leader_changed.push_back(group_);
  }
  SetLeader(context, leader);
  ResetElectionTimer(context);
}

void Raft::BecomePreCandidate(StepContext& context) {
  REQUIRE(!leads());
  SetLeader(context, NodeId());
  last_campaign_ = Next(last_campaign_);
  role_ = Candidacy{
      .kind = VoteKind::kPreVote, .campaign = last_campaign_, .granted = {self_}, .refused = {}};
  ResetElectionTimer(context);
  AskForVotes(context, VoteKind::kPreVote, Next(hard_.term));
  CountVotes(context);
}

void Raft::BecomeCandidate(StepContext& context, VoteKind kind) {
  REQUIRE(!leads());
  if (incoming_) AbandonIncoming(context);
  SetLeader(context, NodeId());
  hard_ = {.term = Next(hard_.term), .vote = self_};
  SaveHardState(context);
  last_campaign_ = Next(last_campaign_);
  role_ = Candidacy{.kind = kind, .campaign = last_campaign_, .granted = {}, .refused = {}};
  ResetElectionTimer(context);
  AskForVotes(context, kind, hard_.term);
}

void Raft::BecomeLeader(StepContext& context) {
  REQUIRE(role() == Role::kCandidate);
  INVARIANT(hard_.vote == self_ && hard_write_ == PersistSeq());
  is_counted_on_ = false;
  Leader leader;
  leader.barrier = Next(log_.last().index);
  if (context.space == Space::kLow)
    leader.offer_at = context.now.mono + PauseBetweenOffers(context);
  role_ = std::move(leader);
  SetLeader(context, self_);
  election_deadline_ = kNever;
  SyncPeers(context);
  // The barrier goes out at once, in the hope that the logs agree: a mismatch turns a peer to probing.
  for (Progress& peer : std::get<Leader>(role_).peers) peer.state = ProgressState::kReplicate;
  AppendOwn(context, Entry{.term = hard_.term, .kind = EntryKind::kBarrier, .payload = {}});
  context.out.events.heartbeat_wanted.push_back(group_);
}

void Raft::LeaveLeadership(StepContext& context) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  if (leader->view) context.out.Emit(CloseSnapshot{group_});
}

void Raft::SetLeader(StepContext& context, NodeId leader) {
  if (leader_ == leader) return;
  leader_ = leader;
  context.out.events.leader_changed.push_back(group_);
}

void Raft::SaveHardState(StepContext& context) {
  hard_write_ = context.out.Record(SetHardState{group_, hard_});
}

// Anything valid from the current leader counts: heartbeats, appends, commit notices, snapshot chunks.
void Raft::HeardFromLeader(StepContext& context, NodeId leader) {
  REQUIRE(!leads());
  if (!std::holds_alternative<Follower>(role_)) role_ = Follower{};
  is_counted_on_ = false;
  SetLeader(context, leader);
  leader_contact_ = context.now.mono;
  election_deadline_ = context.now.mono + election_timeout_;
}

void Raft::ResetElectionTimer(StepContext& context) {
  const Options& options = context.options;
  const std::int64_t spread = options.election_timeout_max.ns - options.election_timeout_min.ns + 1;
  const std::uint64_t bits =
      Prf(options.seed, NameKey("election.timeout"), Mix(self_.value(), group_.value()),
          Mix(boot_.value(), timeouts_drawn_++));
  election_timeout_ =
      options.election_timeout_min +
      Duration{static_cast<std::int64_t>(Below(bits, static_cast<std::uint64_t>(spread)))};
  election_deadline_ = context.now.mono + election_timeout_;
}

// Every message of a term waits for the term itself (and the vote in it) to be durable: a promise of a
// term that a crash takes back would be given twice.
void Raft::Send(StepContext& context, NodeId to, Message message, PersistSeq after) {
  const LinkSession session = context.peers.SessionOf(to);
  if (session == LinkSession()) return;  // the peer will be spoken to when the link is up
  after = std::max({after, hard_write_, context.boot_write});
  context.out.Emit(quorate::Send{
      .to = to, .session = session, .after = after, .message = {group_, std::move(message)}});
}

PortRequest Raft::NewPortRequest(StepContext& context) {
  return context.last_port_request = Next(context.last_port_request);
}

bool Raft::HasLiveLeader(const StepContext& context) const {
  if (leads()) return true;
  if (leader_ == NodeId()) return false;
  return context.now.mono - leader_contact_ < context.options.election_timeout_min;
}

void Raft::Finish(StepContext& context) {
  if (leads()) {
    Leader& leader = std::get<Leader>(role_);
    for (Progress& peer : leader.peers) SendWhatIsDue(context, leader, peer);
    CloseUnusedView(context, leader);
    DriveTransfer(context);
  }
  // The log got past what was coming in: what is left of it would keep the log from being compacted.
  if (incoming_ && incoming_->phase == InstallPhase::kReceiving &&
      incoming_->name.entry.index <= commit_) {
    AbandonIncoming(context);
  }
  EmitApply(context);
  MaybeCompact(context);
  log_.TrimCache(context.options.log_cache_entries, context.options.log_cache_bytes);
  CheckInvariants();
}

}  // namespace quorate
