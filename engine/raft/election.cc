// Elections, leadership checks and transfer. Source: Raft dissertation 3.4, 3.10, 6.2, 9.6.
#include <utility>

#include "engine/raft/raft.h"

namespace quorate {
namespace {

constexpr std::int64_t kPatienceBetweenOffers = 4;  // election timeouts

}  // namespace

Duration Raft::PauseBetweenOffers(const StepContext& context) {
  return context.options.election_timeout_max * kPatienceBetweenOffers;
}

void Raft::OnVoteRequest(StepContext& context, NodeId from, const VoteRequest& request) {
  VoteReply reply{.term = hard_.term,
                  .kind = request.kind,
                  .proposed = request.proposed,
                  .campaign = request.campaign};
  const auto refuse = [&](DropReason reason) {
    context.out.Drop(reason);
    if (reason == DropReason::kLogBehind) NoteShorterLog();
    reply.term = hard_.term;
    reply.reason = reason;
    Send(context, from, reply);
  };
  const bool up_to_date =
      request.last.term > log_.last().term ||
      (request.last.term == log_.last().term && request.last.index >= log_.last().index);

  // Whoever hears from a leader takes part in no other's election, and does not even take the term. The
  // leader's own new campaign is no disturbance (hashicorp/raft #74); one that a leader ordered passes.
  if (request.kind != VoteKind::kTransferVote && HasLiveLeader(context) && leader_ != from) {
    SOMETIMES(request.kind == VoteKind::kPreVote, "prevote.refused_for_leader");
    return refuse(DropReason::kHasLeader);
  }
  if (request.kind == VoteKind::kPreVote) {
    // The proposed term is never adopted. The refusal carries the real term, which the asker adopts
    // (openraft #1796).
    if (request.proposed <= hard_.term) return refuse(DropReason::kStaleTerm);
    if (!up_to_date) return refuse(DropReason::kLogBehind);
    reply.granted = true;
    return Send(context, from, reply);
  }
  if (request.term < hard_.term) return refuse(DropReason::kStaleTerm);
  if (request.term > hard_.term) BecomeFollower(context, request.term, NodeId());
  if (hard_.vote != NodeId() && hard_.vote != from) return refuse(DropReason::kAlreadyVoted);
  if (!up_to_date) return refuse(DropReason::kLogBehind);
  // A learner votes when it is asked: the candidate's configuration may be the newer one.
  if (hard_.vote == NodeId()) {
    hard_.vote = from;
    SaveHardState(context);
  }
  ResetElectionTimer(context);
  reply.term = hard_.term;
  reply.granted = true;
  Send(context, from, reply);
}

// A vote counts only if it is a grant, for my current term, in this campaign (openraft #1220).
void Raft::OnVoteReply(StepContext& context, NodeId from, const VoteReply& reply) {
  if (!reply.granted) context.out.RefusedVote(reply.reason);  // even of a campaign that is over
  Candidacy* candidacy = std::get_if<Candidacy>(&role_);
  if (candidacy == nullptr) return context.out.Drop(DropReason::kNotInThisRole);
  if (reply.campaign != candidacy->campaign || reply.kind != candidacy->kind) {
    return context.out.Drop(DropReason::kOtherCampaign);
  }
  const Term proposed = reply.kind == VoteKind::kPreVote ? Next(hard_.term) : hard_.term;
  if (reply.proposed != proposed) return context.out.Drop(DropReason::kOtherCampaign);
  if (reply.kind != VoteKind::kPreVote && reply.granted && reply.term != hard_.term) {
    return context.out.Drop(DropReason::kStaleTerm);
  }
  if (!Contains(candidacy->granted, from)) {
    Insert(reply.granted ? candidacy->granted : candidacy->refused, from);
  }
  CountVotes(context);
}

void Raft::AskForVotes(StepContext& context, VoteKind kind, Term proposed) {
  const Campaign campaign = std::get<Candidacy>(role_).campaign;
  for (const NodeId voter : configuration().Members()) {
    if (voter == self_ || !configuration().IsVoter(voter)) continue;
    Send(context, voter,
         VoteRequest{.term = hard_.term,
                     .kind = kind,
                     .proposed = proposed,
                     .campaign = campaign,
                     .last = log_.last()});
  }
}

void Raft::CountVotes(StepContext& context) {
  const Candidacy& candidacy = std::get<Candidacy>(role_);
  const VoteResult result = Tally(configuration(), [&](NodeId voter) {
    if (Contains(candidacy.granted, voter)) return Ballot::kYes;
    return Contains(candidacy.refused, voter) ? Ballot::kNo : Ballot::kMissing;
  });
  switch (result) {
    case VoteResult::kPending:
      return;
    case VoteResult::kLost:
      return BecomeFollower(context, hard_.term, NodeId());
    case VoteResult::kWon:
      break;
  }
  if (candidacy.kind == VoteKind::kPreVote) {
    BecomeCandidate(context, VoteKind::kVote);
  } else if (Contains(candidacy.granted, self_)) {  // its own vote must be durable before it leads
    BecomeLeader(context);
  }
}

void Raft::OnTimeoutNow(StepContext& context, NodeId from) {
  if (leads()) return context.out.Drop(DropReason::kNotInThisRole);
  if (!Promotable() || context.disk_stalled) return context.out.Drop(DropReason::kNotPromotable);
  HeardFromLeader(context, from);
  BecomeCandidate(context, VoteKind::kTransferVote);
}

void Raft::OnLeaderTimer(StepContext& context) {
  Leader& leader = std::get<Leader>(role_);
  const MonoTime now = context.now.mono;
  // A leader must prove that its log makes progress: one whose disk has stalled would hold the group up
  // while it goes on sending heartbeats (hashicorp/raft #503).
  if (context.disk_stalled) {
    context.out.Drop(DropReason::kDiskStalled);
    SOMETIMES(true, "leader.resigned_for_disk");
    return BecomeFollower(context, hard_.term, NodeId());
  }
  // It steps down *and* with the role stops sending heartbeats (openraft #2080).
  if (!InContactWithQuorum(context, configuration()))
    return BecomeFollower(context, hard_.term, NodeId());

  if (leader.transfer && now >= leader.transfer->give_up_at) {
    SOMETIMES(leader.transfer->ordered, "transfer.aborted");
    leader.failed_target = leader.transfer->target;
    leader.failed_until = now + PauseBetweenOffers(context);
    leader.transfer.reset();
    DriveConfiguration(context);  // it waited for the transfer
    if (!leads()) return;
  }
  OfferLeadership(context);
  for (Progress& peer : leader.peers) {
    if (peer.paused_until && now >= *peer.paused_until) peer.paused_until.reset();
    if (now >= peer.resend_at) OnResendTimer(context, leader, peer);
  }
}

bool Raft::StartTransfer(StepContext& context, NodeId target) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || leader->transfer) return false;
  if (target == NodeId()) target = BestTarget(context, *leader);
  if (target == self_ || !Contains(configuration().incoming, target)) return false;
  leader->transfer = {.target = target,
                      .give_up_at = context.now.mono + context.options.election_timeout_max};
  return true;
}

NodeId Raft::BestTarget(const StepContext& context, const Leader& leader) const {
  const Progress* best = nullptr;
  for (const Progress& peer : leader.peers) {
    if (!Contains(configuration().incoming, peer.node)) continue;
    // It has answered in this leadership, is there, and has space itself as far as known.
    if (peer.match == Index() || !IsInContact(context, peer) || peer.paused_until) continue;
    if (context.peers.SessionOf(peer.node) == LinkSession()) continue;
    if (peer.node == leader.failed_target && context.now.mono < leader.failed_until) continue;
    if (best == nullptr || best->match < peer.match) best = &peer;
  }
  return best == nullptr ? NodeId() : best->node;
}

// A leader without space refuses every write: somebody else may have some. It goes on serving reads until one
// takes over, and offers again and again.
void Raft::OfferLeadership(StepContext& context) {
  Leader* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || leader->transfer || context.space == Space::kEnough) return;
  if (context.now.mono < leader->offer_at) return;
  if (!StartTransfer(context, NodeId())) return;  // nobody there: at the next beat again
  leader->offer_at = context.now.mono + PauseBetweenOffers(context);
}

// Stop proposals, catch the target up, tell it to campaign, give up after an election timeout.
void Raft::DriveTransfer(StepContext& context) {
  Leader& leader = std::get<Leader>(role_);
  if (!leader.transfer || leader.transfer->ordered) return;
  const Progress* target = FindPeer(leader.transfer->target);
  if (target == nullptr) return leader.transfer.reset();
  if (target->match != log_.last().index) return;
  leader.transfer->ordered = true;
  Send(context, leader.transfer->target, TimeoutNow{hard_.term});
}

}  // namespace quorate
