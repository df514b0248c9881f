// tests/sim/check_campaign_test.cc — what a node owes the others in elections: each duty kept, and each broken.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kCampaign = 40;

// A group of three in which node 1 leads term 1, with links between all and clocks at zero. Election timeouts
// are 400 to 800 ms, a heartbeat is 100 ms.
class Town : public Play {
 public:
  Town() {
    for (std::uint32_t node = 1; node <= 3; ++node) {
      Clock(node, 0);
      for (std::uint32_t peer = 1; peer <= 3; ++peer) {
        if (peer == node) continue;
        const Input up = LinkUp{NodeId(peer), BootNumber(1), LinkSession(1)};
        Step(node, &up);
      }
    }
    Settle();
    for (std::uint32_t node = 1; node <= 3; ++node) Written(node);
  }
  // All that it has written is reported durable.
  void Written(std::uint32_t node) {
    const Input durable = Persisted{of(node).seq};
    Step(node, &durable);
  }

  void Clock(std::uint32_t node, std::int64_t ms) {
    invariants().OnClock(NodeId(node), MonoTime{} + Milliseconds(ms));
  }
  void Wake(std::uint32_t node) {
    const Input input = Wakeup{};
    Step(node, &input);
  }
  void Hear(std::uint32_t node, std::uint32_t from, Message message) {
    const Input input = From(from, std::move(message));
    Step(node, &input);
  }
  void Answer(std::uint32_t node, std::uint32_t to, Message message) {
    Ask(node, Reply(node, to, std::move(message)));
  }
  VoteRequest PreVote(std::uint32_t node) {
    return {.term = view(node).term,
            .kind = VoteKind::kPreVote,
            .proposed = Next(view(node).term),
            .campaign = quorate::Campaign(kCampaign),
            .last = view(node).last};
  }
  static VoteReply To(const VoteRequest& request, std::uint64_t term) {
    return {.term = Term(term),
            .kind = request.kind,
            .proposed = request.proposed,
            .campaign = request.campaign,
            .granted = true};
  }
  static VoteReply Refusal(const VoteRequest& request, std::uint64_t term, DropReason reason) {
    VoteReply reply = To(request, term);
    reply.granted = false;
    reply.reason = reason;
    return reply;
  }
  // The timer of `node` has ended: it asks around.
  void AskAround(std::uint32_t node, std::int64_t ms = 500) {
    Clock(node, ms);
    view(node).role = Role::kPreCandidate;
    for (std::uint32_t peer = 1; peer <= 3; ++peer) {
      if (peer != node) Answer(node, peer, PreVote(node));
    }
    Wake(node);
  }
  // As a candidate of the next term; no step yet.
  void Stand(std::uint32_t node) {
    SetHardState(node, view(node).term.value() + 1, node);
    view(node).role = Role::kCandidate;
    view(node).peers.clear();
  }
  VoteRequest WishOf(std::uint32_t node) { return Wish(node, view(node).term.value()); }
};

// ---- campaigns -----------------------------------------------------------------------------------------

TEST(CampaignChecks, ACampaignAfterAWonPreVotePasses) {
  Town town;
  town.AskAround(3);
  const VoteRequest asked = town.PreVote(3);
  town.Stand(3);
  town.Hear(3, 2, Town::To(asked, 1));
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, ACampaignWithoutAPreVoteIsRefused) {
  Town town;
  town.Clock(3, 500);
  town.Stand(3);
  town.Wake(3);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, AnOrderedCampaignPasses) {
  Town town;
  town.Stand(3);
  town.Hear(3, 1, TimeoutNow{Term(1)});
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, ALateGrantOfAnEarlierPreVoteMakesNoCandidate) {
  Town town;
  town.AskAround(3);
  VoteReply late = Town::To(town.PreVote(3), 1);
  late.campaign = Campaign(kCampaign - 1);
  town.Stand(3);
  town.Hear(3, 2, late);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, APreVoteThatIsWonIsTaken) {
  Town town;
  town.AskAround(3);
  town.Hear(3, 2, Town::To(town.PreVote(3), 0));  // the giver is in an earlier term: it counts
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, APreVoteWithAGrantOfAnotherCampaignIsNotWonYet) {
  Town town;
  town.AskAround(3);
  VoteReply late = Town::To(town.PreVote(3), 1);
  late.campaign = Campaign(kCampaign - 1);
  town.Hear(3, 2, late);
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, AnElectionThatIsWonIsTakenOnceTheOwnVoteIsDurable) {
  Town town;
  town.AskAround(3);
  const VoteRequest asked = town.PreVote(3);
  town.Stand(3);
  town.Answer(3, 2, town.WishOf(3));
  town.Hear(3, 2, Town::To(asked, 1));
  const VoteReply grant = Town::To(town.WishOf(3), 2);
  town.Hear(3, 2, grant);
  EXPECT_CLEAN(town);
  town.Durable(3);
  town.Written(3);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, NobodyAsksForVotesWhileItHearsItsLeader) {
  Town town;
  town.Clock(3, 1000);
  town.Hear(3, 1, CommitNotice{Term(1), At(1, 1)});
  town.AskAround(3, 1399);
  EXPECT_VIOLATES(town, "I-3");
  Town other;
  other.Clock(3, 1000);
  other.Hear(3, 1, CommitNotice{Term(1), At(1, 1)});
  other.AskAround(3, 1400);
  EXPECT_CLEAN(other);
}

TEST(CampaignChecks, NobodyCampaignsWhileItsStateIsBeingReplaced) {
  Town town;
  town.view(3).installing = true;
  town.AskAround(3);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, NobodyAsksForVotesOnADiskThatStandsStill) {
  Town town;
  town.Clock(3, 1000);
  town.SetHardState(3, 2, 0);
  town.Hear(3, 2,
            AppendReply{.term = Term(2),
                        .verdict = AppendVerdict::kStaleTerm,
                        .match = {},
                        .prev = {},
                        .hint = {}});
  EXPECT_CLEAN(town);
  town.AskAround(3, 1401);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, NobodyTakesAnOrderOnADiskThatStandsStill) {
  for (const std::int64_t ms : {1400, 1401}) {
    Town town;
    town.Clock(3, 1000);
    town.SetHardState(3, 2, 0);  // and it is not durable
    town.Hear(3, 2, TimeoutNow{Term(2)});
    EXPECT_CLEAN(town);
    town.Clock(3, ms);
    town.Stand(3);
    VoteRequest wish = town.WishOf(3);
    wish.kind = VoteKind::kTransferVote;
    town.Answer(3, 2, wish);
    town.Hear(3, 2, TimeoutNow{Term(2)});
    EXPECT_EQ(town.Found(), ms == 1400 ? "nothing" : "I-3") << town.Why();
  }
}

TEST(CampaignChecks, WhoHearsTheLeaderOfItsTermFollowsIt) {
  Town town;
  town.Clock(3, 0);
  town.AskAround(3);
  town.Hear(3, 1, CommitNotice{Term(1), At(1, 1)});
  EXPECT_VIOLATES(town, "I-3");
}

// ---- timers --------------------------------------------------------------------------------------------

TEST(CampaignChecks, AWordOfTheLeaderMovesTheTimer) {
  Town town;
  town.Clock(3, 1000);
  town.view(3).wakeup = MonoTime{} + Milliseconds(1800);
  town.Hear(3, 1, CommitNotice{Term(1), At(1, 1)});
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, APreVoteThatIsGrantedMovesNoTimer) {
  Town town;
  town.Clock(3, 700);
  const VoteRequest asked = town.PreVote(2);
  town.Answer(3, 2, Town::To(asked, 1));
  town.view(3).wakeup = MonoTime{} + Milliseconds(801);
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, ATimerThatHasEndedMayBeSetAnew) {
  Town town;
  town.view(3).wakeup = MonoTime{} + Milliseconds(800);
  town.Clock(3, 100);
  town.Hear(3, 2, ReadIndexRequest{.term = Term(1), .id = 1});
  town.Clock(3, 800);
  town.view(3).wakeup = MonoTime{} + Milliseconds(1600);
  town.Wake(3);
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, TimersThatRepeatAreNotDrawnByChance) {
  Town town;
  for (std::uint32_t node = 2; node <= 3; ++node) {
    for (const std::int64_t ms : {1000, 2000}) {
      EXPECT_CLEAN(town);
      town.view(node).role = Role::kFollower;
      town.Clock(node, ms - 1);
      town.view(node).wakeup = kNever;
      town.Hear(node, 1, CommitNotice{Term(1), At(1, 1)});
      town.view(node).wakeup = MonoTime{} + Milliseconds(ms + 1000 + 555);
      town.AskAround(node, ms + 1000);
    }
  }
  EXPECT_VIOLATES(town, "I-19");
}

TEST(CampaignChecks, TimersThatDifferAreDrawnByChance) {
  Town town;
  for (const std::int64_t ms : {1000, 2000, 3000, 4000, 5000}) {
    town.view(3).role = Role::kFollower;
    town.Clock(3, ms - 1);
    town.view(3).wakeup = kNever;
    town.Hear(3, 1, CommitNotice{Term(1), At(1, 1)});
    town.view(3).wakeup = MonoTime{} + Milliseconds(ms + 900 + 500 + ms / 100);
    town.AskAround(3, ms + 900);
  }
  EXPECT_CLEAN(town);
}

// ---- leaders -------------------------------------------------------------------------------------------

TEST(CampaignChecks, ALeaderThatNothingTellsToLeaveStays) {
  Town town;
  town.view(1).role = Role::kFollower;
  town.view(1).peers.clear();
  town.Hear(1, 3, Town::Accepted(1, 1));
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, ALeaderMayLeaveWhenItsTimerEnds) {
  Town town;
  town.Clock(1, 900);
  town.view(1).role = Role::kFollower;
  town.view(1).peers.clear();
  town.Wake(1);
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, ALeaderDoesNotCampaign) {
  Town town;
  const VoteRequest asked = town.PreVote(1);
  town.Stand(1);
  town.Hear(1, 3, Town::To(asked, 1));
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, ALeaderThatHearsFromNoQuorumLeaves) {
  Town town;
  town.Clock(1, 899);
  town.Wake(1);
  EXPECT_CLEAN(town);
  town.Clock(1, 900);
  town.Wake(1);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, OneOfTwoPeersIsQuorumEnough) {
  Town town;
  town.Clock(1, 500);
  town.Hear(1, 3, Town::Accepted(1, 1));
  town.Clock(1, 1300);
  town.Wake(1);
  EXPECT_CLEAN(town);
}

// Node 3 is heard, and then has no vote any more.
TEST(CampaignChecks, ALeaderLooksForThoseWhoVoteNowWithinAHeartbeat) {
  Town town;
  town.Clock(1, 500);
  town.Hear(1, 3, Town::Accepted(1, 1));
  Configuration two = ConfigurationOf({NodeId(1), NodeId(2)});
  two.epoch = 1;
  town.view(1).configuration = &two;
  town.view(1).configuration_index = Index(2);
  town.Clock(1, 1200);
  town.Append(1, {Configured(1, two)});
  town.Clock(1, 1201);
  town.Wake(1);
  EXPECT_CLEAN(town);
  const std::int64_t heartbeat_ms = Town::SmallOptions().heartbeat.ns / 1'000'000;
  town.Clock(1, 1201 + heartbeat_ms);
  town.Wake(1);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, ALeaderWhoseDiskStandsStillLeaves) {
  Town town;
  town.Clock(1, 100);
  town.Append(1, {Command(1, "a")});  // this write is never reported durable
  town.Clock(1, 600);
  town.Hear(1, 3, Town::Accepted(1, 1));
  town.Wake(1);
  EXPECT_CLEAN(town);
  town.Clock(1, 601);
  town.Wake(1);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, WhoHasStoppedLeadingSpeaksAsNoLeader) {
  Town town;
  town.Clock(1, 900);
  town.view(1).role = Role::kFollower;
  town.view(1).peers.clear();
  town.Answer(1, 2, CommitNotice{Term(1), At(1, 1)});  // in the step in which it leaves
  town.Wake(1);
  EXPECT_CLEAN(town);
  town.Answer(1, 2, CommitNotice{Term(1), At(1, 1)});
  town.Wake(1);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, AHeartbeatIsTheWordOfALeaderToo) {
  Town town;
  Heartbeat beat;
  beat.items.push_back({.group = kGroup, .term = Term(1), .counter = {}, .commit = At(1, 1)});
  town.Answer(2, 3, beat);
  town.Wake(2);
  EXPECT_VIOLATES(town, "I-3");
}

TEST(CampaignChecks, OnlyWhoHoldsTheWholeLogIsToldToCampaign) {
  Town town;
  town.Answer(1, 2, TimeoutNow{Term(1)});
  town.Step(1);
  EXPECT_CLEAN(town);
  town.Append(1, {Command(1, "a")});
  town.Answer(1, 2, TimeoutNow{Term(1)});
  town.Step(1);
  EXPECT_VIOLATES(town, "I-3");
}

// ---- verdicts ------------------------------------------------------------------------------------------

TEST(CampaignChecks, WhoHearsItsLeaderGrantsNoVote) {
  Town town;
  town.Clock(3, 399);
  const VoteRequest asked = town.PreVote(2);
  town.Answer(3, 2, Town::To(asked, 1));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-3");
  Town other;
  other.Clock(3, 400);
  other.Answer(3, 2, Town::To(asked, 1));
  other.Hear(3, 2, asked);
  EXPECT_CLEAN(other);
}

TEST(CampaignChecks, ItsOwnLeaderMayHaveTheVote) {
  Town town;
  town.Clock(3, 100);
  const VoteRequest asked = town.PreVote(1);
  town.Answer(3, 1, Town::To(asked, 1));
  town.Hear(3, 1, asked);
  EXPECT_CLEAN(town);
}

TEST(CampaignChecks, ItsOwnLeaderIsNotRefusedForItsSake) {
  Town town;
  town.Clock(3, 100);
  const VoteRequest asked = town.PreVote(1);
  town.Answer(3, 1, Town::Refusal(asked, 1, DropReason::kHasLeader));
  town.Hear(3, 1, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, ALeaderThatIsSilentIsNoReasonToRefuse) {
  Town town;
  const VoteRequest asked = town.PreVote(2);
  town.Clock(3, 399);
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kHasLeader));
  town.Hear(3, 2, asked);
  EXPECT_CLEAN(town);
  town.Clock(3, 400);
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kHasLeader));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, AVoteThatALeaderOrderedIsNotRefusedForTheLeadersSake) {
  Town town;
  VoteRequest asked = town.PreVote(2);
  asked.kind = VoteKind::kTransferVote;
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kHasLeader));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, ALogThatIsAsGoodIsNotRefusedAsBehind) {
  Town town;
  town.Clock(3, 500);
  VoteRequest asked = town.PreVote(2);
  asked.last = At(1, 0);
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kLogBehind));
  town.Hear(3, 2, asked);
  EXPECT_CLEAN(town);
  asked.last = At(1, 1);
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kLogBehind));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, AVoteThatIsFreeIsNotRefusedAsGiven) {
  Town town;
  town.Clock(3, 500);
  VoteRequest asked = town.Wish(2, 1);
  town.view(3).vote = NodeId();
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kAlreadyVoted));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, ATermThatIsNewIsNotRefusedAsOld) {
  Town town;
  town.Clock(3, 500);
  const VoteRequest asked = town.PreVote(2);
  town.Answer(3, 2, Town::Refusal(asked, 1, DropReason::kStaleTerm));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-22");
}

TEST(CampaignChecks, APreVoteForATermThatIsThereIsNotGranted) {
  Town town;
  town.Clock(3, 500);
  VoteRequest asked = town.PreVote(2);
  asked.term = Term(0);
  asked.proposed = Term(1);
  town.Answer(3, 2, Town::To(asked, 1));
  town.Hear(3, 2, asked);
  EXPECT_VIOLATES(town, "I-21");
}

// ---- terms ---------------------------------------------------------------------------------------------

TEST(CampaignChecks, WhoAsksForAVoteIsAnswered) {
  Town town;
  town.Clock(3, 500);
  town.Hear(3, 2, town.PreVote(2));
  EXPECT_VIOLATES(town, "I-21");
}

TEST(CampaignChecks, ALeaderOfATermThatIsOverIsTold) {
  for (const bool answered : {true, false}) {
    Town town;
    town.SetHardState(3, 2, 0);
    town.Hear(3, 2,
              AppendReply{.term = Term(2),
                          .verdict = AppendVerdict::kStaleTerm,
                          .match = {},
                          .prev = {},
                          .hint = {}});
    if (answered) {
      town.Answer(3, 1,
                  AppendReply{.term = Term(2),
                              .verdict = AppendVerdict::kStaleTerm,
                              .match = {},
                              .prev = {},
                              .hint = {}});
    }
    town.Hear(3, 1, town.EntriesOf(1, 1));
    EXPECT_EQ(town.Found(), answered ? "nothing" : "I-21") << town.Why();
  }
}

TEST(CampaignChecks, ALaterTermIsTakenFromARefusalToo) {
  Town town;
  town.AskAround(3);
  town.Hear(3, 2, Town::Refusal(town.PreVote(3), 2, DropReason::kStaleTerm));
  EXPECT_VIOLATES(town, "I-20");
}

TEST(CampaignChecks, AFormerLifeOwesNothing) {
  Town town;
  town.invariants().OnCrash(NodeId(3), town.of(3).seq);
  town.invariants().OnBoot(NodeId(3), town.Found(3, town.OnDisk(3), 1), BootNumber(2));
  town.view(3).role = Role::kFollower;
  town.of(3).seq = PersistSeq();
  town.Step(3);
  town.AskAround(3, 100);  // that it had heard its leader is forgotten
  EXPECT_CLEAN(town);
}

}  // namespace
}  // namespace quorate::sim
