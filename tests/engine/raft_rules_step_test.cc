// Every rule of docs/raft.md has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

EntryId At(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }
VoteRequest Vote(VoteKind kind, std::uint64_t term, EntryId last) {
  const Term proposed(kind == VoteKind::kPreVote ? term + 1 : term);
  return {.term = Term(term),
          .kind = kind,
          .proposed = proposed,
          .campaign = Campaign(9),
          .last = last};
}

// ---- rule 1: one step, one atomic act ---------------------------------------------------------------------
TEST(Rule01, AnAppendOfAnOverTermChangesNothingButIsAnswered) {
  Fixture f;
  f.From(2, f.Append(Term(5), At(0, 0), {Term(5)}));
  const Effects effects = f.From(3, f.Append(Term(4), At(0, 0), {Term(4), Term(4)}));
  EXPECT_TRUE(Fixture::Records<AppendEntries>(effects).empty());
  EXPECT_EQ(f.Group().log().last(), At(1, 5));
  ASSERT_EQ(Fixture::Sent<AppendReply>(effects, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendReply>(effects, 3)[0].verdict, AppendVerdict::kStaleTerm);
}

TEST(Rule01, TermAndEntriesOfOneMessageAreOneWrite) {
  Fixture f;
  const Effects effects = f.From(2, f.Append(Term(5), At(0, 0), {Term(5)}));
  EXPECT_EQ(Fixture::All<Persist>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Records<SetHardState>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Records<AppendEntries>(effects).size(), 1u);
}

// ---- rule 2: term and vote -------------------------------------------------------------------------------
TEST(Rule02, AGrantIsOneRecordAndWaitsForIt) {
  Fixture f;
  const PersistSeq seq = Next(f.replica().last_write());
  EXPECT_EQ(f.From(2, Vote(VoteKind::kVote, 1, At(0, 0))),
            (Effects{
                Persist{.seq = seq,
                        .records = {SetHardState{Fixture::kGroup, {Term(1), NodeId(0)}},
                                    SetHardState{Fixture::kGroup, {Term(1), NodeId(2)}}}},
                Send{.to = NodeId(2),
                     .session = f.session(),
                     .after = seq,
                     .message = {Fixture::kGroup, VoteReply{.term = Term(1),
                                                            .kind = VoteKind::kVote,
                                                            .proposed = Term(1),
                                                            .campaign = Campaign(9),
                                                            .granted = true}}},
            }));
}

TEST(Rule02, SteppingDownWithinTheTermKeepsTheVote) {
  Fixture f;
  f.BecomeCandidate();
  const Term term = f.Group().term();
  f.From(2, f.Append(term, At(0, 0), {term}));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
  EXPECT_EQ(f.Group().hard_state(), (HardState{term, NodeId(1)}));
  f.Pass(Milliseconds(1000));  // nobody is heard from: stickiness is over
  const Effects effects =
      f.From(3, Vote(VoteKind::kTransferVote, term.value(), At(9, term.value())));
  ASSERT_EQ(Fixture::Sent<VoteReply>(effects).size(), 1u);
  EXPECT_FALSE(Fixture::Sent<VoteReply>(effects)[0].granted);
}

TEST(Rule02, ALeaderThatLosesItsQuorumKeepsTermAndVote) {
  Fixture f;
  f.Lead();
  const HardState before = f.Group().hard_state();
  for (int i = 0; i < 20; ++i) f.Pass(Milliseconds(50));
  EXPECT_EQ(f.Group().hard_state(), before);
  EXPECT_FALSE(f.Group().leads());
}

TEST(Rule02, ASecondCandidateOfTheTermIsRefused) {
  Fixture f;
  f.From(2, Vote(VoteKind::kVote, 1, At(0, 0)));
  const Effects effects = f.From(3, Vote(VoteKind::kVote, 1, At(5, 1)));
  ASSERT_EQ(Fixture::Sent<VoteReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Sent<VoteReply>(effects)[0].reason, DropReason::kAlreadyVoted);
}

TEST(Rule02, AnOwnVoteCountsOnlyOnceDurable) {
  Fixture f;
  f.TimeOut();
  f.From(2, f.Grant(VoteKind::kPreVote));
  f.From(2, f.Grant(VoteKind::kVote));
  EXPECT_EQ(f.Group().role(), Role::kCandidate);  // two of three, but one of them is not on disk
  f.Persist();
  EXPECT_TRUE(f.Group().leads());
}

// ---- rule 3: which votes count ----------------------------------------------------------------------------
TEST(Rule03, AGrantOfAnotherCampaignDoesNotCount) {
  Fixture f;
  f.BecomeCandidate();
  VoteReply late = f.Grant(VoteKind::kVote);
  late.campaign = Campaign(late.campaign.value() - 1);
  f.From(2, late);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
  VoteReply of_pre_vote = f.Grant(VoteKind::kVote);
  of_pre_vote.kind = VoteKind::kPreVote;
  f.From(2, of_pre_vote);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
}

TEST(Rule03, AGrantFromANodeOfAnEarlierTermDoesNotCount) {
  Fixture f;
  f.BecomeCandidate();
  VoteReply odd = f.Grant(VoteKind::kVote);
  odd.term = Term(odd.term.value() - 1);
  f.From(2, odd);
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
}

TEST(Rule03, AVoteIsCountedOncePerVoter) {
  Fixture f(5);
  f.BecomeCandidate();
  f.From(2, f.Grant(VoteKind::kPreVote));
  EXPECT_NE(f.Group().role(), Role::kLeader);
}

// ---- rule 4: what a leader commits -------------------------------------------------------------------------
TEST(Rule04, EntriesOfAnOlderTermAreNotCommittedByCounting) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}));
  f.Persist();
  f.BecomeLeader();
  f.Persist();
  f.From(2, f.Accepted(Index(2)));  // both old entries are on a majority
  EXPECT_EQ(f.Group().commit(), Index(0));
  f.From(2, f.Accepted(Index(3)));  // the barrier of the own term
  EXPECT_EQ(f.Group().commit(), Index(3));
}

TEST(Rule04, ALeaderCountsItselfOnlyWhenDurable) {
  Fixture f;
  f.BecomeLeader();
  f.From(2, f.Accepted(Index(1)));
  EXPECT_EQ(f.Group().commit(), Index(0));
  f.Persist();
  EXPECT_EQ(f.Group().commit(), Index(1));
}

TEST(Rule04, TwoOthersCommitWithoutTheLeadersOwnDiskAndTheApplyWaitsForIt) {
  Fixture f;
  f.BecomeLeader();
  f.From(2, f.Accepted(Index(1)));
  const Effects effects = f.From(3, f.Accepted(Index(1)));
  EXPECT_EQ(f.Group().commit(), Index(1));
  ASSERT_EQ(Fixture::All<Apply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::All<Apply>(effects)[0].after, f.replica().last_write());
}

TEST(Rule04, AGroupOfOneLeadsAndCommitsWhenItsDiskHasIt) {
  Fixture f(1);
  f.TimeOut();
  EXPECT_EQ(f.Group().role(), Role::kCandidate);
  f.Persist();
  EXPECT_TRUE(f.Group().leads());
  EXPECT_EQ(f.Group().commit(), Index(0));
  f.Persist();
  EXPECT_EQ(f.Group().commit(), Index(1));
}

// ---- rule 5: what a follower believes and claims ------------------------------------------------------------
TEST(Rule05, CommitNeverPassesWhatThisMessageVerified) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1), Term(1), Term(1)}));
  f.From(3, f.Append(Term(2), At(2, 1), {},
                     Index(4)));  // a probe: 3 and 4 may differ from the leader's
  EXPECT_EQ(f.Group().commit(), Index(2));
}

TEST(Rule05, AnAcknowledgementClaimsWhatTheMessageCarriedAndWaitsForTheWriteThatHoldsIt) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}));
  const PersistSeq first = f.replica().last_write();
  f.From(2, f.Append(Term(1), At(2, 1), {Term(1), Term(1)}));
  const Effects again = f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  ASSERT_EQ(Fixture::SendsOf<AppendReply>(again).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendReply>(again)[0].match, Index(1));
  EXPECT_EQ(Fixture::SendsOf<AppendReply>(again)[0].after, first);
  EXPECT_EQ(f.Group().log().last(), At(4, 1));  // an older message truncates nothing
}

TEST(Rule05, MatchNeverFalls) {
  Fixture f;
  f.Lead();
  f.Propose("x");
  f.From(2, f.Accepted(Index(2)));
  f.From(2, f.Accepted(Index(1)));
  EXPECT_EQ(f.Group().progress(NodeId(2))->match, Index(2));
}

TEST(Rule05, ALateMismatchDoesNotTakeMatchBack) {
  Fixture f;
  f.Lead();
  f.From(2, AppendReply{.term = f.Group().term(),
                        .verdict = AppendVerdict::kMismatch,
                        .match = {},
                        .prev = Index(1),
                        .hint = At(0, 0)});
  EXPECT_GT(f.Group().progress(NodeId(2))->next, f.Group().progress(NodeId(2))->match);
  EXPECT_EQ(f.Group().progress(NodeId(2))->match, Index(1));
}

TEST(Rule05, NothingAtOrBelowCommitIsTruncated) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}, Index(2)));
  const Effects effects = f.From(3, f.Append(Term(2), At(1, 1), {Term(2)}, Index(2)));
  EXPECT_TRUE(Fixture::Records<TruncateSuffix>(effects).empty());
  EXPECT_EQ(f.Group().log().last(), At(2, 1));
}

TEST(Rule05, AnOwnEntryThatCannotBeReadStopsTheNode) {
  Options options = Fixture::DefaultOptions();
  options.log_cache_entries = 0;
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& group = recovered.groups[0];
  group.last = Index(3);
  group.terms = {{Index(1), Term(1)}};
  group.hard.term = Term(1);
  Fixture f(recovered, options);
  const Effects asked = f.HeartbeatFrom(2, {Fixture::kGroup, Term(1), ReadCounter(0), At(2, 1)});
  ASSERT_EQ(Fixture::All<ReadLog>(asked).size(), 1u);
  const Effects effects =
      f.Step(LogRead{Fixture::All<ReadLog>(asked)[0].id, Fixture::kGroup, Index(1), {}, false});
  EXPECT_EQ(Fixture::All<Stop>(effects), std::vector<Stop>{Stop{StopReason::kDataLoss}});
  EXPECT_TRUE(f.replica().stopped());
}

TEST(Rule05, AReadThatWasOvertakenByACompactionIsNoLoss) {
  Options options = Fixture::DefaultOptions();
  options.snapshot_every = 1;
  options.log_keep = 0;
  options.log_cache_entries = 0;
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& group = recovered.groups[0];
  group.last = Index(3);
  group.terms = {{Index(1), Term(1)}};
  group.hard.term = Term(1);
  group.applied = At(3, 1);
  Fixture f(recovered, options);
  f.Lead();
  // The peer needs entries that have to be read; before the answer comes they are compacted away.
  const Effects mismatch = f.From(3, AppendReply{.term = f.Group().term(),
                                                 .verdict = AppendVerdict::kMismatch,
                                                 .match = {},
                                                 .prev = Index(3),
                                                 .hint = At(0, 0)});
  const Effects asked = f.From(3, f.Accepted(Index(0)));
  ASSERT_EQ(Fixture::All<ReadLog>(asked).size(), 1u);
  f.Step(MapFlushed{PortRequest(1), {{Fixture::kGroup, Generation(1), Index(3)}}, true});
  ASSERT_EQ(f.Group().log().start().entry.index, Index(3));
  f.Step(LogRead{Fixture::All<ReadLog>(asked)[0].id, Fixture::kGroup, Index(1), {}, false});
  EXPECT_FALSE(f.replica().stopped());
}

TEST(
    Rule05,
    AnOvertakenAppendProvesNothing) {  // the log goes A, B, A: the first write must not vouch for the last
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  const PersistSeq first = f.replica().last_write();
  f.From(3, f.Append(Term(2), At(0, 0), {Term(2)}));
  const Effects effects = f.Step(Persisted{first});
  EXPECT_TRUE(Fixture::All<Send>(effects).empty());
  EXPECT_EQ(f.Group().log().durable(), Index(0));
}

// ---- rule 6: boots and sessions ------------------------------------------------------------------------------
TEST(Rule06, AFrameOfAnotherSessionIsDropped) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(2), LinkSession(8)});
  f.Step(FrameReceived{
      NodeId(2), LinkSession(1), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {Term(3)})}}});
  EXPECT_EQ(f.Group().term(), Term(0));
  EXPECT_EQ(f.replica().drops(DropReason::kStaleLink), 1u);
}

TEST(Rule06, ALinkOfAnEarlierBootIsNotTaken) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(5), LinkSession(8)});
  f.Step(LinkUp{NodeId(2), BootNumber(4), LinkSession(9)});
  f.Step(FrameReceived{
      NodeId(2), LinkSession(9), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {Term(3)})}}});
  EXPECT_EQ(f.Group().term(), Term(0));
}

TEST(Rule06, WhatIsSentCarriesTheSessionOfItsStep) {
  Fixture f;
  f.Step(LinkUp{NodeId(2), BootNumber(2), LinkSession(8)});
  const Effects effects = f.Step(FrameReceived{
      NodeId(2), LinkSession(8), {{Fixture::kGroup, f.Append(Term(3), At(0, 0), {})}}});
  ASSERT_EQ(Fixture::SendsOf<AppendReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::SendsOf<AppendReply>(effects)[0].session, LinkSession(8));
}

// ---- rule 7: reads ---------------------------------------------------------------------------------------------
TEST(Rule07, ARoundIsConfirmedOnlyByAnswersToItsOwnCounter) {
  Fixture f;
  f.Lead();
  const Effects asked = f.Read();
  const ReadCounter counter = f.Group().leadership()->round.counter;
  ASSERT_NE(counter, ReadCounter());
  EXPECT_TRUE(Fixture::All<RunQuery>(asked).empty());
  const Effects old = f.BeatReplyFrom(
      2, {Fixture::kGroup, f.Group().term(), ReadCounter(counter.value() - 1), true});
  EXPECT_TRUE(Fixture::All<RunQuery>(old).empty());
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), counter, true});
  EXPECT_EQ(f.Group().leadership()->round.counter, ReadCounter());
}

TEST(Rule07, AReadThatComesDuringARoundWaitsForTheNext) {
  Fixture f;
  f.Lead();
  f.Read();
  f.Read();
  const ReadCounter first = f.Group().leadership()->round.counter;
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), first, true});
  EXPECT_EQ(f.Group().leadership()->round.counter, Next(first));
}

TEST(Rule07, NoRoundBeginsBeforeTheBarrierIsCommitted) {
  Fixture f;
  f.BecomeLeader();
  f.Read();
  EXPECT_EQ(f.Group().leadership()->round.counter, ReadCounter());
  f.Persist();
  f.From(2, f.Accepted(Index(1)));
  EXPECT_NE(f.Group().leadership()->round.counter, ReadCounter());
}

// ---- rule 8: membership --------------------------------------------------------------------------------------------
AppendRequest AppendConfiguration(const Fixture& f, Term term, EntryId prev,
                                  const Configuration& configuration) {
  std::string bytes;
  Encode(configuration, bytes);
  AppendRequest request = f.Append(term, prev, {});
  request.entries.push_back({term, EntryKind::kConfiguration, Payload(std::move(bytes))});
  return request;
}

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

TEST(Catalogue, AGroupThatWasDroppedIsNotBornAgainByTheReplay) {
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& system = recovered.groups[1];
  ASSERT_EQ(system.group, kSystemGroup);
  system.last = Index(2);
  system.terms = {{Index(1), Term(1)}};
  system.hard.term = Term(1);
  const auto entry = [](const CatalogueCommand& command) {
    return Entry{
        Term(1), EntryKind::kCommand,
        Payload(EncodeEnvelope(SessionId(), SessionSeq(), EncodeCatalogueCommand(command)))};
  };
  const Entry create = entry(CreateNamespace{"orders", Mode::kStrong});
  const Entry drop = entry(DropNamespace{GroupId(1)});
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

TEST(Catalogue, AGroupWhoseBirthWasLostIsBornAtTheEndOfTheReplay) {
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& system = recovered.groups[1];
  system.last = Index(2);
  system.terms = {{Index(1), Term(1)}};
  system.hard.term = Term(1);
  Fixture f(recovered, Fixture::DefaultOptions());
  const Entry create{
      Term(1), EntryKind::kCommand,
      Payload(EncodeEnvelope(SessionId(), SessionSeq(),
                             EncodeCatalogueCommand(CreateNamespace{"orders", Mode::kStrong})))};
  const Entry barrier{Term(1), EntryKind::kBarrier, {}};
  const Effects asked = f.HeartbeatFrom(2, {kSystemGroup, Term(1), {}, At(2, 1)});
  const ReadLog read = Fixture::All<ReadLog>(asked).at(0);
  f.Step(LogRead{read.id, kSystemGroup, Index(1), {create}, true});
  EXPECT_EQ(f.replica().group(GroupId(1)), nullptr);
  const ReadLog next = Fixture::All<ReadLog>(f.replica().last_effects()).at(0);
  f.Step(LogRead{next.id, kSystemGroup, Index(2), {barrier}, true});
  EXPECT_NE(f.replica().group(GroupId(1)), nullptr);
}

// ---- rule 9: snapshot install -----------------------------------------------------------------------------------
TEST(Rule09, AStateIsTakenByOneRecordAfterTheMapIsFlushed) {
  Fixture f;
  const SnapshotName name{At(9, 1), Generation(1), BootNumber(1)};
  SnapshotChunk chunk{.term = Term(1),
                      .name = name,
                      .number = 0,
                      .last = true,
                      .rows = Payload("r"),
                      .configuration_index = {},
                      .configuration = f.Group().configuration()};
  const Effects first = f.From(2, chunk);
  ASSERT_EQ(Fixture::All<InstallChunk>(first).size(), 1u);
  const InstallChunk install = Fixture::All<InstallChunk>(first)[0];
  const Effects second = f.Step(ChunkInstalled{install.id, Fixture::kGroup, 0, true});
  ASSERT_EQ(Fixture::All<FlushMap>(second).size(), 1u);
  EXPECT_TRUE(Fixture::Records<ResetLog>(second).empty());
  const Effects third = f.Step(MapFlushed{Fixture::All<FlushMap>(second)[0].id, {}, true});
  ASSERT_EQ(Fixture::Records<ResetLog>(third).size(), 1u);
  EXPECT_EQ(Fixture::Records<ResetLog>(third)[0].start.entry, At(9, 1));
  EXPECT_EQ(Fixture::Records<ResetLog>(third)[0].start.generation, install.generation);
  EXPECT_TRUE(Fixture::Sent<SnapshotReply>(third).empty());
  ASSERT_EQ(Fixture::All<SwitchGeneration>(third).size(), 1u);
  EXPECT_EQ(Fixture::All<SwitchGeneration>(third)[0].after, f.replica().last_write());
  f.Persist();
  const Effects fourth =
      f.Step(GenerationSwitched{Fixture::kGroup, install.generation, At(9, 1), true});
  ASSERT_EQ(Fixture::Sent<SnapshotReply>(fourth).size(), 1u);
  EXPECT_EQ(Fixture::Sent<SnapshotReply>(fourth)[0].verdict, SnapshotVerdict::kHolds);
  EXPECT_EQ(f.Group().applied(), Index(9));
}

TEST(Rule09, ASnapshotOfWhatTheLogHoldsThrowsNothingAway) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1), Term(1)}));
  const SnapshotName name{At(2, 1), Generation(1), BootNumber(1)};
  const Effects effects = f.From(2, SnapshotChunk{.term = Term(1),
                                                  .name = name,
                                                  .number = 0,
                                                  .last = true,
                                                  .rows = {},
                                                  .configuration_index = {},
                                                  .configuration = f.Group().configuration()});
  EXPECT_EQ(f.Group().log().last(), At(3, 1));
  EXPECT_EQ(f.Group().commit(), Index(2));
  ASSERT_EQ(Fixture::Sent<SnapshotReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Sent<SnapshotReply>(effects)[0].match, Index(2));
}

TEST(Rule09, AReceiverThatWasRestartedAsksFromTheBeginning) {
  Fixture f;
  const SnapshotName name{At(9, 1), Generation(1), BootNumber(1)};
  const Effects effects = f.From(2, SnapshotChunk{.term = Term(1),
                                                  .name = name,
                                                  .number = 4,
                                                  .last = false,
                                                  .rows = Payload("r"),
                                                  .configuration_index = {},
                                                  .configuration = f.Group().configuration()});
  ASSERT_EQ(Fixture::Sent<SnapshotReply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::Sent<SnapshotReply>(effects)[0].next, 0u);
}

// ---- rule 10: election timers --------------------------------------------------------------------------------------
TEST(Rule10, EverythingValidFromTheLeaderRefreshesTheTimer) {
  Fixture f;
  const auto refreshes = [&](const auto& act) {
    f.Pass(Milliseconds(20));
    const MonoTime before = f.Group().next_wakeup();
    act();
    return f.Group().next_wakeup() > before;
  };
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(refreshes([&] { f.From(2, f.Append(Term(1), At(1, 1), {})); }));
  EXPECT_TRUE(refreshes([&] { f.From(2, CommitNotice{Term(1), At(1, 1)}); }));
  EXPECT_TRUE(refreshes([&] { f.HeartbeatFrom(2, {Fixture::kGroup, Term(1), {}, At(0, 0)}); }));
  EXPECT_TRUE(refreshes([&] {
    f.From(2, SnapshotChunk{.term = Term(1),
                            .name = {At(9, 1), Generation(1), BootNumber(1)},
                            .number = 0,
                            .last = false,
                            .rows = Payload("r"),
                            .configuration_index = {},
                            .configuration = f.Group().configuration()});
  }));
}

TEST(Rule10, PreVotesAndMessagesOfAnOverTermRefreshNothing) {
  Fixture f;
  f.From(2, f.Append(Term(4), At(0, 0), {Term(4)}));
  const MonoTime before = f.Group().next_wakeup();
  f.Pass(Milliseconds(20));
  f.From(3, Vote(VoteKind::kPreVote, 4, At(9, 4)));
  f.From(3, f.Append(Term(3), At(0, 0), {}));
  f.HeartbeatFrom(3, {Fixture::kGroup, Term(3), {}, At(0, 0)});
  EXPECT_EQ(f.Group().next_wakeup(), before);
}

TEST(Rule10, ARefusedPreVoteTeachesTheHigherTerm) {
  Fixture f;
  f.TimeOut();
  VoteReply refusal = f.Grant(VoteKind::kPreVote);
  refusal.granted = false;
  refusal.term = Term(8);
  f.From(2, refusal);
  EXPECT_EQ(f.Group().term(), Term(8));
  EXPECT_EQ(f.Group().role(), Role::kFollower);
}

TEST(Rule10, ALeaderWithoutAQuorumStepsDownAndStopsItsHeartbeats) {
  Fixture f;
  f.Lead();
  for (int i = 0; i < 8; ++i) f.Pass(Milliseconds(50));
  EXPECT_FALSE(f.Group().leads());
  EXPECT_TRUE(Fixture::Sent<Heartbeat>(f.Pass(Milliseconds(50))).empty());
}

TEST(Rule10, TimeoutsAreDrawnFromTheSeed) {
  const auto deadline = [](std::uint64_t seed) {
    Options options = Fixture::DefaultOptions();
    options.seed = seed;
    return Fixture(3, options).Group().next_wakeup();
  };
  EXPECT_EQ(deadline(1), deadline(1));
  EXPECT_NE(deadline(1), deadline(2));
}

// ---- rule 11: the disk ---------------------------------------------------------------------------------------------
TEST(Rule11, ALeaderWhoseDiskStallsStepsDown) {
  Fixture f;
  f.Lead();
  f.Propose("never durable");
  for (int i = 0; i < 4; ++i) {
    f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
    f.Pass(Milliseconds(50));
  }
  EXPECT_FALSE(f.Group().leads());
  EXPECT_GE(f.replica().drops(DropReason::kDiskStalled), 1u);
}

TEST(Rule11, NobodyCampaignsOnADiskThatDoesNotAnswer) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(Fixture::Sent<VoteRequest>(f.Pass(Seconds(1))).empty());
  f.Persist();
  EXPECT_FALSE(Fixture::Sent<VoteRequest>(f.Pass(Seconds(1))).empty());
}

// ---- rule 12: transfer ---------------------------------------------------------------------------------------------
TEST(Rule12, TheTargetIsCaughtUpBeforeItIsTold) {
  Fixture f;
  f.Lead();
  f.Propose("x");
  EXPECT_TRUE(
      Fixture::Sent<TimeoutNow>(f.Step(TransferLeadership{Fixture::kGroup, NodeId(3)})).empty());
  EXPECT_EQ(Fixture::Sent<TimeoutNow>(f.From(3, f.Accepted(Index(2))), 3).size(), 1u);
}

TEST(Rule12, ProposalsStopAndGoOnAfterAnElectionTimeout) {
  Fixture f;
  f.Lead();
  f.Step(TransferLeadership{Fixture::kGroup, NodeId(3)});
  EXPECT_TRUE(Fixture::Records<AppendEntries>(f.Propose("x")).empty());
  for (int i = 0; i < 7; ++i) {
    f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
    f.Pass(Milliseconds(50));
  }
  ASSERT_TRUE(f.Group().leads());
  EXPECT_FALSE(f.Group().leadership()->transfer.has_value());
  EXPECT_EQ(Fixture::Records<AppendEntries>(f.Propose("y")).size(), 1u);
}

// ---- rule 13: terms that came about elsewhere ------------------------------------------------------------------------
TEST(Rule13, MessagesOfALowerTermAreAnsweredWithTheCurrentOne) {
  Fixture f;
  f.From(2, f.Append(Term(5), At(0, 0), {}));
  EXPECT_EQ(Fixture::Sent<AppendReply>(f.From(3, f.Append(Term(4), At(0, 0), {})), 3).at(0).term,
            Term(5));
  const Effects beat = f.HeartbeatFrom(3, {Fixture::kGroup, Term(4), {}, At(0, 0)});
  ASSERT_EQ(Fixture::Sent<HeartbeatReply>(beat, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<HeartbeatReply>(beat, 3)[0].items[0].term, Term(5));
  EXPECT_FALSE(Fixture::Sent<HeartbeatReply>(beat, 3)[0].items[0].follows);
  const Effects chunk = f.From(3, SnapshotChunk{.term = Term(4),
                                                .name = {At(9, 1), Generation(1), BootNumber(1)},
                                                .number = 0,
                                                .last = false,
                                                .rows = {},
                                                .configuration_index = {},
                                                .configuration = f.Group().configuration()});
  EXPECT_EQ(Fixture::Sent<SnapshotReply>(chunk, 3).at(0).term, Term(5));
}

TEST(Rule13, ALeaderStepsDownToAHigherTermInAnAnswer) {
  Fixture f;
  f.Lead();
  f.From(3, AppendReply{.term = Term(9),
                        .verdict = AppendVerdict::kStaleTerm,
                        .match = {},
                        .prev = {},
                        .hint = {}});
  EXPECT_EQ(f.Group().role(), Role::kFollower);
  EXPECT_EQ(f.Group().term(), Term(9));
}

TEST(Rule13, AProposedTermIsNeverAdopted) {
  Fixture f;
  f.From(2, Vote(VoteKind::kPreVote, 6, At(9, 6)));
  EXPECT_EQ(f.Group().term(), Term(0));
}

TEST(Rule13, AVoteOrderedByTheLeaderPassesStickiness) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  const Effects sticky = f.From(3, Vote(VoteKind::kVote, 2, At(1, 1)));
  EXPECT_EQ(Fixture::Sent<VoteReply>(sticky).at(0).reason, DropReason::kHasLeader);
  EXPECT_EQ(f.Group().term(), Term(1));
  const Effects ordered = f.From(3, Vote(VoteKind::kTransferVote, 2, At(1, 1)));
  EXPECT_TRUE(Fixture::Sent<VoteReply>(ordered).at(0).granted);
}

TEST(Rule13, TheLeadersOwnNewCampaignIsNoDisturbance) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1)}));
  EXPECT_TRUE(
      Fixture::Sent<VoteReply>(f.From(2, Vote(VoteKind::kVote, 2, At(1, 1)))).at(0).granted);
}

// ---- rule 14: heartbeats are judged per group -----------------------------------------------------------------------
TEST(Rule14, AnAnswerProvesSomethingOnlyForItsGroupAtItsTerm) {
  Fixture f;
  f.Lead();
  f.Read();
  const ReadCounter counter = f.Group().leadership()->round.counter;
  f.BeatReplyFrom(2, {kSystemGroup, f.Group().term(), counter, true});
  f.BeatReplyFrom(2, {Fixture::kGroup, Term(f.Group().term().value() - 1), counter, true});
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), counter, false});  // a candidate, a leader
  EXPECT_EQ(f.Group().leadership()->round.counter, counter);
}

TEST(Rule14, ALearnersAnswerConfirmsNoRead) {
  Recovered recovered = Fixture::Fresh(2);
  recovered.groups[0].start.configuration.learners = {NodeId(3)};
  Fixture f(recovered, Fixture::DefaultOptions());
  f.Lead();
  f.Read();
  const ReadCounter counter = f.Group().leadership()->round.counter;
  f.BeatReplyFrom(3, {Fixture::kGroup, f.Group().term(), counter, true});
  EXPECT_EQ(f.Group().leadership()->round.counter, counter);
}

// ---- rule 15: a failed sync, a full disk -----------------------------------------------------------------------------
TEST(Rule15, AFailedSyncIsFinal) {
  Fixture f;
  f.Lead();
  f.Propose("x");
  const Effects effects = f.Step(PersistFailed{f.replica().last_write()});
  EXPECT_TRUE(Fixture::All<Send>(effects).empty());
  ASSERT_EQ(Fixture::All<Reply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::All<Reply>(effects)[0].outcome.kind, OutcomeKind::kUnknown);
  EXPECT_TRUE(f.replica().stopped());
  EXPECT_TRUE(f.From(2, Vote(VoteKind::kVote, 9, At(9, 9))).empty());
}

TEST(Rule15, AFullDiskRefusesWritesAndStillVotes) {
  Fixture f;
  f.Lead();
  f.Step(DiskSpace{Space::kLow});
  const Effects refused = f.Propose("x");
  ASSERT_EQ(Fixture::All<Reply>(refused).size(), 1u);
  EXPECT_EQ(Fixture::All<Reply>(refused)[0].outcome.refusal, Refusal::kNoSpace);
  EXPECT_EQ(Fixture::All<Reply>(refused)[0].outcome.kind, OutcomeKind::kNotApplied);
  EXPECT_TRUE(Fixture::Sent<VoteReply>(f.From(2, Vote(VoteKind::kTransferVote, 9, At(9, 9))))
                  .at(0)
                  .granted);
  const Effects append = f.From(2, f.Append(Term(9), f.Group().log().last(), {Term(9)}));
  EXPECT_EQ(Fixture::Sent<AppendReply>(append).at(0).verdict, AppendVerdict::kNoSpace);
}

TEST(Rule15, ALeaderWithoutSpaceHandsOverAndGoesOnReadingUntilThen) {
  Fixture f;
  f.Lead();
  const Effects effects = f.Step(DiskSpace{Space::kLow});
  EXPECT_EQ(Fixture::Sent<TimeoutNow>(effects, 2).size(), 1u);
  f.Read();
  EXPECT_NE(f.Group().leadership()->round.counter, ReadCounter());
}

// ---- rule 16: what a peer sends is never asserted on -------------------------------------------------------------------
TEST(Rule16, LiesAreCountedAndDropped) {
  Fixture f;
  f.Lead();
  f.From(2, f.Accepted(Index(99)));
  f.From(2, f.Append(f.Group().term(), At(0, 0), {}));
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), ReadCounter(77), true});
  f.From(2, AppendRequest{
                .term = f.Group().term(), .prev = At(0, 44), .commit = Index(9), .entries = {}});
  EXPECT_TRUE(f.Group().leads());
  EXPECT_GE(f.replica().drops(DropReason::kMalformed), 2u);
  EXPECT_GE(f.replica().drops(DropReason::kNotInThisRole), 2u);
}

TEST(Rule16, EntriesWhoseTermsFallOrPassTheLeadersAreDropped) {
  Fixture f;
  f.From(2, f.Append(Term(3), At(0, 0), {Term(3), Term(2)}));
  f.From(2, f.Append(Term(3), At(0, 0), {Term(4)}));
  f.From(2, f.Append(Term(3), At(0, 7), {Term(3)}));
  EXPECT_EQ(f.Group().log().last(), At(0, 0));
  EXPECT_EQ(f.replica().drops(DropReason::kMalformed), 3u);
}

TEST(Rule16, ChunksAndForwardsThatNobodyCouldHaveSentAreDropped) {
  Fixture f;
  SnapshotChunk chunk{.term = Term(1),
                      .name = {At(9, 2), Generation(1), BootNumber(1)},
                      .number = 0,
                      .last = true,
                      .rows = Payload("r"),
                      .configuration_index = {},
                      .configuration = f.Group().configuration()};
  EXPECT_TRUE(Fixture::All<InstallChunk>(f.From(2, chunk)).empty());
  chunk.name.entry = At(9, 1);
  chunk.configuration_index = Index(10);
  EXPECT_TRUE(Fixture::All<InstallChunk>(f.From(2, chunk)).empty());
  Fixture leader;
  leader.Lead();
  Forward forward{.term = leader.Group().term(), .requests = {}};
  forward.requests.push_back({RequestId(1), EntryKind::kConfiguration, Payload("x")});
  EXPECT_TRUE(Fixture::Records<AppendEntries>(leader.From(2, forward)).empty());
}

TEST(Rule09, ATransferThatTheLogHasOvertakenIsGivenUp) {
  Fixture f;
  const SnapshotName name{At(2, 1), Generation(1), BootNumber(1)};
  f.From(2, SnapshotChunk{.term = Term(1),
                          .name = name,
                          .number = 0,
                          .last = false,
                          .rows = Payload("r"),
                          .configuration_index = {},
                          .configuration = f.Group().configuration()});
  ASSERT_TRUE(f.Group().incoming().has_value());
  const Effects effects = f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}, Index(2)));
  EXPECT_FALSE(f.Group().incoming().has_value());
  EXPECT_EQ(Fixture::All<DropGeneration>(effects).size(), 1u);
}

// ---- rule 17: refusals are counted by reason ---------------------------------------------------------------------------
TEST(Rule17, WhyAVoteWasRefusedIsCounted) {
  Fixture f;
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1)}));
  f.From(3, Vote(VoteKind::kPreVote, 1, At(9, 9)));
  EXPECT_EQ(f.replica().drops(DropReason::kHasLeader), 1u);
  f.Pass(Milliseconds(1000));
  f.Persist();
  f.From(3, Vote(VoteKind::kPreVote, 1, At(1, 1)));
  EXPECT_EQ(f.replica().drops(DropReason::kLogBehind), 1u);
  f.From(3, Vote(VoteKind::kPreVote, 0, At(9, 9)));
  EXPECT_EQ(f.replica().drops(DropReason::kStaleTerm), 1u);
}

// ---- the engine's state is a value ------------------------------------------------------------------
TEST(ReplicaValue, ACopyGoesItsOwnWayAndGivesTheSameEffectsForTheSameInputs) {
  Fixture f;
  f.Lead();
  Replica copy = f.replica();
  EXPECT_EQ(copy.StateDigest(), f.replica().StateDigest());
  EXPECT_EQ(copy.Render(), f.replica().Render());
  const Effects here = f.Propose("x");
  EXPECT_NE(copy.StateDigest(), f.replica().StateDigest());
  EXPECT_EQ(*copy.group(Fixture::kGroup), *copy.group(Fixture::kGroup));
  EXPECT_FALSE(*copy.group(Fixture::kGroup) == f.Group());
  ClientRequests again;
  again.requests.push_back({f.last_request(),
                            Fixture::kGroup,
                            RequestKind::kWrite,
                            SessionId(7),
                            SessionSeq(f.last_request().value()),
                            Payload("x"),
                            {}});
  EXPECT_EQ(copy.Step(f.now(), again), here);
  EXPECT_EQ(copy.StateDigest(), f.replica().StateDigest());
}

}  // namespace
}  // namespace quorate
