// tests/sim/check_configuration_test.cc — checkers of who votes.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// ---- configurations ----------------------------------------------------------------------------------------

Configuration WithFourth(const Play& play) {
  Configuration next = play.born_with();
  next.incoming.push_back(NodeId(4));
  next.epoch = 1;
  return next;
}

void Propose(Play& play, const Configuration& next, std::uint64_t index) {
  play.view(1).configuration = &next;
  play.view(1).configuration_index = Index(index);
  play.Append(1, {Configured(1, next)});
}

TEST(ConfigurationChecks, OneVoterMorePasses) {
  Play play;
  play.SettleWithCommands();
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  EXPECT_CLEAN(play);
  EXPECT_GT(play.Checked(Check::kConfigurationChange), 0u);
}

TEST(ConfigurationChecks, ASecondChangeWhileOneIsPendingIsRefused) {
  Play play;
  play.SettleWithCommands();
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  Configuration second = next;
  second.incoming.push_back(NodeId(5));
  second.epoch = 2;
  Propose(play, second, 5);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, TwoVotersAtOnceWithoutAJointStateAreRefused) {
  Play play;
  play.SettleWithCommands();
  Configuration next = WithFourth(play);
  next.incoming.push_back(NodeId(5));
  Propose(play, next, 4);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, AChangeBeforeTheBarrierIsCommittedIsRefused) {
  Play play;
  play.Elect(1, 1, {2});
  const Configuration next = WithFourth(play);
  Propose(play, next, 2);
  EXPECT_VIOLATES(play, "I-24");
}

TEST(ConfigurationChecks, LeavingAJointStateForTheWrongLearnersIsRefused) {
  for (const bool right : {true, false}) {
    Play play;
    play.SettleWithCommands();
    Configuration joint = play.born_with();
    joint.outgoing = joint.incoming;
    joint.incoming = {NodeId(1), NodeId(2)};
    joint.learners_next = {NodeId(3)};
    joint.epoch = 1;
    Propose(play, joint, 4);
    play.view(2).configuration = play.view(3).configuration = &joint;
    play.view(2).configuration_index = play.view(3).configuration_index = Index(4);
    play.Replicate(1, 2);
    play.Replicate(1, 3);
    play.Commit(1, 4);
    EXPECT_CLEAN(play);
    Configuration left = joint;
    left.outgoing.clear();
    left.learners_next.clear();
    if (right) left.learners = {NodeId(3)};
    left.epoch = 2;
    Propose(play, left, 5);
    if (right) {
      EXPECT_CLEAN(play);
    } else {
      EXPECT_VIOLATES(play, "I-26");
    }
  }
}

TEST(ConfigurationChecks, AConfigurationThatATruncationTookAwayIsRefused) {
  Play play;
  play.SettleWithCommands();
  const Configuration next = WithFourth(play);
  Propose(play, next, 4);
  play.Elect(2, 2, {3});
  // Node 1 is overruled and truncates its configuration entry.
  play.view(1).peers.clear();
  play.view(1).configuration = &play.born_with();
  play.view(1).configuration_index = Index();
  play.Deliver(2, 1);
  EXPECT_CLEAN(play);
  play.view(1).configuration = &next;
  play.view(1).configuration_index = Index(4);
  play.Step(1);
  EXPECT_VIOLATES(play, "I-25");
}

// Node 3 listens from entry 4 on, and has it.
void PutNodeThreeToListen(Play& play, const Configuration& next) {
  play.SettleWithCommands();
  Propose(play, next, 4);
  for (const std::uint32_t node : {2u, 3u}) {
    play.view(node).configuration = &next;
    play.view(node).configuration_index = Index(4);
    play.Replicate(1, node);
  }
  play.Commit(1, 4);
}
Configuration OfTwo() {
  Configuration two = ConfigurationOf({NodeId(1), NodeId(2)});
  two.learners = {NodeId(3)};
  two.epoch = 1;
  return two;
}

// It is forgotten with all that is committed, and must not be taken for it then.
TEST(ConfigurationChecks, OfTwoConfigurationsAtOneIndexTheCommittedOneCounts) {
  GroupGhost ghost;
  ghost.Make(Index(1), {Term(1), 11, true});
  ghost.Make(Index(1), {Term(2), 12, true});
  ghost.Commit(Index(1), Term(2), Term(2));
  EXPECT_EQ(ghost.placed, (std::vector<EntryId>{{Index(1), Term(2)}}));
}

TEST(ConfigurationChecks, WhoOnlyListensDoesNotCampaign) {
  Play play;
  const Configuration next = OfTwo();
  PutNodeThreeToListen(play, next);
  play.Commit(3, 4);
  EXPECT_CLEAN(play);
  play.Campaign(3, 2);
  EXPECT_VIOLATES(play, "I-3");
}

// Somebody counts on its vote, and has a shorter log.
TEST(ConfigurationChecks, WhoListensMayCampaignOnceItsVoteIsAskedForWithAShorterLog) {
  for (const std::uint64_t last : {3u, 4u}) {
    Play play;
    const Configuration next = OfTwo();
    PutNodeThreeToListen(play, next);
    play.Commit(3, 4);
    const Input asked = play.From(2, VoteRequest{.term = Term(1),
                                                 .kind = VoteKind::kPreVote,
                                                 .proposed = Term(2),
                                                 .campaign = Campaign(1),
                                                 .last = At(last, 1)});
    play.Step(3, &asked);
    EXPECT_CLEAN(play);
    play.Campaign(3, 2);
    EXPECT_EQ(play.Found(), last == 3 ? "nothing" : "I-3") << play.Why();
  }
}

TEST(ConfigurationChecks, WhoDoesNotKnowYetThatItsVoteIsGoneMayCampaign) {
  Play play;
  const Configuration next = OfTwo();
  PutNodeThreeToListen(play, next);
  play.Campaign(3, 2);
  EXPECT_CLEAN(play);
}

}  // namespace
}  // namespace quorate::sim
