// Who votes, and which groups there are: rule 8 of docs/raft.md.
// Each rule has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

AppendRequest AppendConfiguration(const Fixture& f, Term term, EntryId prev,
                                  const Configuration& configuration) {
  std::string bytes;
  Encode(configuration, bytes);
  AppendRequest request = f.Append(term, prev, {});
  request.entries.push_back({term, EntryKind::kConfiguration, Payload(std::move(bytes))});
  return request;
}

// ---- rule 8: membership ------------------------------------------------------------------------------
TEST(Rule08, AConfigurationIsActiveOnAppendAndTakenBackByTruncation) {
  Fixture f;
  const Configuration before = f.Group().configuration();
  Configuration four = ConfigurationOf({NodeId(1), NodeId(2), NodeId(3), NodeId(4)});
  four.epoch = 1;
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), four));
  EXPECT_EQ(f.Group().configuration(), four);
  f.From(3, f.Append(Term(2), At(0, 0), {Term(2)}));
  EXPECT_EQ(f.Group().configuration(), before);
}

TEST(Rule08, NoSecondChangeWhileOneIsPending) {
  Fixture f;
  f.Lead();
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddLearner, NodeId(4)}}, Transition::kAuto, 0});
  EXPECT_EQ(f.Group().configuration_index(), Index(2));
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddLearner, NodeId(5)}}, Transition::kAuto, 1});
  EXPECT_EQ(f.Group().configuration_index(), Index(2));
}

TEST(Rule08, AChangeThatNamesAnotherEpochIsRefused) {
  Fixture f;
  f.Lead();
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddLearner, NodeId(4)}}, Transition::kAuto, 3});
  EXPECT_EQ(f.Group().configuration_index(), Index(0));
}

TEST(Rule08, ALearnerVotesOnlyOnceItHasCaughtUp) {
  Fixture f;
  f.Lead();
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddLearner, NodeId(4)}}, Transition::kAuto, 0});
  f.Persist();
  f.From(2, f.Accepted(Index(2)));
  ASSERT_EQ(f.Group().commit(), Index(2));
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddVoter, NodeId(4)}}, Transition::kAuto, 1});
  EXPECT_FALSE(f.Group().configuration().IsVoter(NodeId(4)));
  f.Link(NodeId(4));
  f.From(4, f.Accepted(Index(2)));
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kAddVoter, NodeId(4)}}, Transition::kAuto, 1});
  EXPECT_TRUE(f.Group().configuration().IsVoter(NodeId(4)));
}

TEST(Rule08, ANewLeaderDrivesAnInheritedJointStateToItsEnd) {
  Fixture f;
  Configuration joint = ConfigurationOf({NodeId(1), NodeId(2)});
  joint.outgoing = {NodeId(1), NodeId(2), NodeId(3)};
  joint.epoch = 1;
  joint.auto_leave = true;
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), joint));
  f.Persist();
  f.BecomeLeader();
  f.Persist();
  EXPECT_TRUE(f.Group().configuration().joint());
  f.From(2, f.Accepted(Index(2)));
  EXPECT_FALSE(f.Group().configuration().joint());
  EXPECT_EQ(f.Group().configuration_index(), Index(3));
}

// Of (1 2) node 1 appends a configuration without itself that node 2 has not got: node 2 cannot win, for its log is
// the shorter one.
TEST(Rule08, WhoVotesNoMoreCampaignsWhileThatIsNotCommitted) {
  Fixture f;
  Configuration one = ConfigurationOf({NodeId(2), NodeId(3)});
  one.learners = {NodeId(1)};
  one.epoch = 1;
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), one));
  f.Persist();
  EXPECT_TRUE(f.Group().Promotable());
  f.TimeOut();
  EXPECT_EQ(f.Group().role(), Role::kPreCandidate);
}

TEST(Rule08, WhoVotesNoMoreKeepsQuietOnceThatIsCommitted) {
  Fixture f;
  Configuration one = ConfigurationOf({NodeId(2), NodeId(3)});
  one.epoch = 1;
  AppendRequest request = AppendConfiguration(f, Term(1), At(0, 0), one);
  request.commit = Index(1);
  f.From(2, request);
  f.Persist();
  EXPECT_FALSE(f.Group().Promotable());
  f.TimeOut();
  EXPECT_EQ(f.Group().role(), Role::kFollower);
}

TEST(Rule08, WhoLeadsWithoutAVoteMakesWayOnceThatIsCommitted) {
  Fixture f;
  Configuration other = ConfigurationOf({NodeId(2)});
  other.epoch = 1;
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), other));
  f.Persist();
  f.BecomeLeader();
  f.Persist();
  ASSERT_EQ(f.Group().role(), Role::kLeader);
  EXPECT_EQ(f.Group().commit(), Index(0));  // its own disk does not count
  f.From(2, f.Accepted(Index(2)));
  EXPECT_EQ(f.Group().commit(), Index(2));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
}

// What is committed by a state that came in, and need not be taken, may take the vote of who campaigns meanwhile.
TEST(Rule08, WhoCampaignsLeavesOffWhenTheEndOfItsVoteTurnsOutToBeCommitted) {
  Fixture f;
  Configuration other = ConfigurationOf({NodeId(2), NodeId(3)});
  other.epoch = 1;
  const Effects chunk = f.From(2, SnapshotChunk{.term = Term(1),
                                                .name = {At(1, 1), Generation(1), BootNumber(1)},
                                                .number = 0,
                                                .last = true,
                                                .rows = Payload("r"),
                                                .configuration_index = Index(1),
                                                .configuration = other});
  ASSERT_EQ(Fixture::All<InstallChunk>(chunk).size(), 1u);
  const Effects installed =
      f.Step(ChunkInstalled{Fixture::All<InstallChunk>(chunk)[0].id, Fixture::kGroup, 0, true});
  ASSERT_EQ(Fixture::All<FlushMap>(installed).size(), 1u);
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), other));
  f.Persist();
  f.TimeOut();
  ASSERT_EQ(f.Group().role(), Role::kPreCandidate);
  f.Step(MapFlushed{Fixture::All<FlushMap>(installed)[0].id, {}, true});
  EXPECT_EQ(f.Group().commit(), Index(1));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
}

// Of (1 2 3) and the learner 4, some leader has appended that 4 votes, and needs it; but 4 has a longer log, of another.
void BecomeLearner(Fixture& f) {
  Configuration one = ConfigurationOf({NodeId(2), NodeId(3)});
  one.learners = {NodeId(1)};
  one.epoch = 1;
  AppendRequest request = AppendConfiguration(f, Term(1), At(0, 0), one);
  request.commit = Index(1);
  f.From(2, request);
  f.Persist();
  f.TimeOut();  // it hears from nobody any more
}
VoteRequest Ask(VoteKind kind, Term proposed, EntryId last) {
  return {.term = kind == VoteKind::kPreVote ? Term(proposed.value() - 1) : proposed,
          .kind = kind,
          .proposed = proposed,
          .campaign = Campaign(1),
          .last = last};
}

TEST(Rule08, ALearnerThatIsAskedForItsVoteWithAShorterLogCampaigns) {
  for (const VoteKind kind : {VoteKind::kPreVote, VoteKind::kVote}) {
    Fixture f;
    BecomeLearner(f);
    EXPECT_FALSE(f.Group().Promotable());
    f.From(3, Ask(kind, Term(2), At(0, 0)));
    f.Persist();
    EXPECT_TRUE(f.Group().Promotable());
    f.TimeOut();
    ASSERT_EQ(f.Group().role(), Role::kPreCandidate);
    f.From(2, f.Grant(VoteKind::kPreVote));
    EXPECT_EQ(f.Group().role(), Role::kPreCandidate);  // it does not count itself
    f.From(3, f.Grant(VoteKind::kPreVote));
    f.Persist();
    f.From(2, f.Grant(VoteKind::kVote));
    EXPECT_EQ(f.Group().role(), Role::kCandidate);
    f.From(3, f.Grant(VoteKind::kVote));
    ASSERT_EQ(f.Group().role(), Role::kLeader);
    f.Persist();
    f.From(2, f.Accepted(Index(2)));
    EXPECT_EQ(f.Group().role(), Role::kLeader);
    f.From(3, f.Accepted(Index(2)));
    EXPECT_EQ(f.Group().commit(), Index(2));
    EXPECT_EQ(f.Group().role(), Role::kFollower);  // it has done its duty
    EXPECT_FALSE(f.Group().Promotable());
  }
}

TEST(Rule08, ALearnerThatIsAskedWithALongerLogOrHearsFromALeaderKeepsQuiet) {
  Fixture f;
  BecomeLearner(f);
  f.From(3, Ask(VoteKind::kPreVote, Term(2), At(9, 1)));
  EXPECT_FALSE(f.Group().Promotable());
  f.From(3, Ask(VoteKind::kPreVote, Term(2), At(0, 0)));
  EXPECT_TRUE(f.Group().Promotable());
  f.From(2, f.Append(Term(2), At(1, 1), {}));
  EXPECT_FALSE(f.Group().Promotable());
}

TEST(Rule08, AConfigurationWithoutVotersIsNotAppended) {
  Fixture f;
  f.From(2, AppendConfiguration(f, Term(1), At(0, 0), Configuration{}));
  EXPECT_EQ(f.Group().log().last().index, Index(0));
  EXPECT_EQ(f.replica().drops(DropReason::kMalformed), 1u);
}

TEST(Rule08, NoChangeIsAppendedThatTooFewOfTheNewVotersAreThereFor) {
  Fixture f;
  f.Lead();
  f.Pass(Milliseconds(250));
  const auto beat = [&] {
    f.BeatReplyFrom(2, {.group = Fixture::kGroup,
                        .term = f.Group().term(),
                        .counter = ReadCounter(),
                        .follows = true});
  };
  beat();
  f.Pass(Milliseconds(250));
  beat();  // 3 is away
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kRemove, NodeId(2)}}, Transition::kAuto, 0});
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kOutOfContact), 1u);
  EXPECT_TRUE(f.Group().configuration().IsVoter(NodeId(2)));
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kRemove, NodeId(3)}}, Transition::kAuto, 0});
  EXPECT_FALSE(f.Group().configuration().IsVoter(NodeId(3)));
}

// Who was asked may be gone before it has answered.
TEST(Rule08, ARoundOfReadsWaitsForNobodyWhoWasPutOut) {
  Fixture f;
  f.Lead();
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kRemove, NodeId(3)}}, Transition::kAuto, 0});
  f.Persist();
  f.From(2, f.Accepted(Index(2)));
  ASSERT_EQ(f.Group().commit(), Index(2));
  f.Read();
  ASSERT_NE(f.Group().leadership()->round.counter, ReadCounter());
  f.Step(ChangeConfiguration{
      Fixture::kGroup, {{ChangeKind::kRemove, NodeId(2)}}, Transition::kAuto, 1});
  EXPECT_EQ(f.Group().leadership()->round.counter, ReadCounter());
}

TEST(Catalogue, AGroupThatTheReplayHasNotReachedYetLivesOn) {
  Recovered recovered = Fixture::Fresh(1);
  RecoveredGroup orders = recovered.groups[0];
  orders.group = GroupId(1);
  orders.hard = {Term(3), NodeId(1)};
  recovered.groups.insert(recovered.groups.begin() + 1, orders);
  Fixture f(recovered, Fixture::DefaultOptions());
  f.PassTo(f.replica().NextWakeup());
  for (int i = 0; i < 3; ++i) f.Persist();  // the system group commits its barrier and is applied
  ASSERT_GT(f.replica().group(kSystemGroup)->applied(), Index(0));
  ASSERT_NE(f.replica().group(GroupId(1)), nullptr);
  EXPECT_GE(f.replica().group(GroupId(1))->term(), Term(3));
}

// The `seq`-th command that node 2 asked of the catalogue.
Entry CatalogueEntry(std::uint64_t seq, const CatalogueCommand& command) {
  const Nonce nonce{NodeId(2), Incarnation(1), BootNumber(1), SessionSeq(seq)};
  return {Term(1), EntryKind::kCommand,
          Payload(EncodeNonce(nonce, EncodeCatalogueCommand(command)))};
}

TEST(Catalogue, AGroupThatWasDroppedIsNotBornAgainByTheReplay) {
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& system = recovered.groups[1];
  ASSERT_EQ(system.group, kSystemGroup);
  system.last = Index(2);
  system.terms = {{Index(1), Term(1)}};
  system.hard.term = Term(1);
  const Entry create = CatalogueEntry(1, CreateNamespace{"orders", Mode::kStrong});
  const Entry drop = CatalogueEntry(2, DropNamespace{GroupId(1)});
  Fixture f(recovered, Fixture::DefaultOptions());
  // The leader tells that the first of the two is committed; the second one is, too, but nobody knows yet.
  const auto commit = [&](std::uint64_t upto, const Entry& next) {
    const Effects asked = f.HeartbeatFrom(2, {kSystemGroup, Term(1), {}, At(upto, 1)});
    const ReadLog read = Fixture::All<ReadLog>(asked).at(0);
    return Effects(f.Step(LogRead{read.id, kSystemGroup, Index(upto), {next}, true}));
  };
  EXPECT_TRUE(Fixture::Records<ResetLog>(commit(1, create)).empty());
  ASSERT_EQ(f.replica().catalogue().namespaces().size(), 2u);
  EXPECT_EQ(f.replica().group(GroupId(1)), nullptr);
  EXPECT_TRUE(Fixture::Records<ResetLog>(commit(2, drop)).empty());
  EXPECT_EQ(f.replica().group(GroupId(1)), nullptr);
}

// What was being sent to the group lies in a space of its own, which nobody would ever point to again.
TEST(Catalogue, AGroupThatIsDroppedTakesAlongTheStateThatWasComingIn) {
  Recovered recovered = Fixture::Fresh(3);
  recovered.groups.insert(recovered.groups.begin() + 1, recovered.groups[0]);
  recovered.groups[1].group = GroupId(1);
  RecoveredGroup& system = recovered.groups[2];
  system.last = Index(2);
  system.terms = {{Index(1), Term(1)}};
  system.hard.term = Term(1);
  Fixture f(recovered, Fixture::DefaultOptions());
  const SnapshotChunk chunk{.term = Term(1),
                            .name = {At(9, 1), Generation(1), BootNumber(1)},
                            .number = 0,
                            .last = false,
                            .rows = Payload("r"),
                            .configuration_index = {},
                            .configuration = f.Group().configuration()};
  const Effects installs =
      f.Step(FrameReceived{NodeId(2), f.session(), {{GroupId(1), Message(chunk)}}});
  const Generation incoming = Fixture::All<InstallChunk>(installs).at(0).generation;
  const Effects asked = f.HeartbeatFrom(2, {kSystemGroup, Term(1), {}, At(2, 1)});
  const ReadLog read = Fixture::All<ReadLog>(asked).at(0);
  const Entry create = CatalogueEntry(1, CreateNamespace{"orders", Mode::kStrong});
  const Entry drop = CatalogueEntry(2, DropNamespace{GroupId(1)});
  f.Step(LogRead{read.id, kSystemGroup, Index(1), {create}, true});
  const ReadLog next = Fixture::All<ReadLog>(f.replica().last_effects()).at(0);
  const Effects dropped = f.Step(LogRead{next.id, kSystemGroup, Index(2), {drop}, true});
  ASSERT_EQ(Fixture::Records<DropGroup>(dropped), std::vector<DropGroup>{{GroupId(1)}});
  const PersistSeq after = f.replica().last_write();
  EXPECT_EQ(Fixture::All<DropGeneration>(dropped),
            (std::vector<DropGeneration>{{GroupId(1), recovered.groups[1].start.generation, after},
                                         {GroupId(1), incoming, after}}));
}

TEST(Catalogue, AGroupWhoseBirthWasLostIsBornAtTheEndOfTheReplay) {
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& system = recovered.groups[1];
  system.last = Index(2);
  system.terms = {{Index(1), Term(1)}};
  system.hard.term = Term(1);
  Fixture f(recovered, Fixture::DefaultOptions());
  const Entry create = CatalogueEntry(1, CreateNamespace{"orders", Mode::kStrong});
  const Entry barrier{Term(1), EntryKind::kBarrier, {}};
  const Effects asked = f.HeartbeatFrom(2, {kSystemGroup, Term(1), {}, At(2, 1)});
  const ReadLog read = Fixture::All<ReadLog>(asked).at(0);
  f.Step(LogRead{read.id, kSystemGroup, Index(1), {create}, true});
  EXPECT_EQ(f.replica().group(GroupId(1)), nullptr);
  const ReadLog next = Fixture::All<ReadLog>(f.replica().last_effects()).at(0);
  f.Step(LogRead{next.id, kSystemGroup, Index(2), {barrier}, true});
  EXPECT_NE(f.replica().group(GroupId(1)), nullptr);
}

}  // namespace
}  // namespace quorate
