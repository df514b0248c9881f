// What is committed, acknowledged and truncated: rules 4 and 5 of docs/raft.md.
// Each rule has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// ---- rule 4: what a leader commits -------------------------------------------------------------------
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

// ---- rule 5: what a follower believes and claims -----------------------------------------------------
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

// Three entries of term 1 on disk, of which memory holds none.
Fixture WithNothingInMemory(EntryId applied, Options options = Fixture::DefaultOptions()) {
  options.log_cache_entries = 0;
  Recovered recovered = Fixture::Fresh(3);
  RecoveredGroup& group = recovered.groups[0];
  group.last = Index(3);
  group.terms = {{Index(1), Term(1)}};
  group.hard.term = Term(1);
  group.applied = applied;
  return Fixture(recovered, options);
}

// What a leader has to read for a peer without any entry.
ReadLog AskedForAPeer(Fixture& f) {
  f.Lead();
  f.From(3, AppendReply{.term = f.Group().term(),
                        .verdict = AppendVerdict::kMismatch,
                        .match = {},
                        .prev = Index(3),
                        .hint = At(0, 0)});
  return Fixture::All<ReadLog>(f.From(3, f.Accepted(Index(0)))).at(0);
}

LogRead Failed(const ReadLog& read) { return {read.id, read.group, read.first, {}, false}; }

TEST(Rule05, AnOwnEntryThatCannotBeReadStopsTheNode) {
  Fixture f = WithNothingInMemory({});
  const Effects asked = f.HeartbeatFrom(2, {Fixture::kGroup, Term(1), ReadCounter(0), At(2, 1)});
  const Effects effects = f.Step(Failed(Fixture::All<ReadLog>(asked).at(0)));
  EXPECT_EQ(Fixture::All<Stop>(effects), std::vector<Stop>{Stop{StopReason::kDataLoss}});
  EXPECT_TRUE(f.replica().stopped());
}

// The answer comes when the leadership that asked is over: what the disk holds is lost all the same.
TEST(Rule05, AnOwnEntryThatCannotBeReadStopsANodeThatNoLongerWaitsForIt) {
  Fixture f = WithNothingInMemory(At(3, 1));
  const ReadLog asked = AskedForAPeer(f);
  f.From(2, f.Append(Next(f.Group().term()), f.Group().log().last(), {}, Index(3)));
  ASSERT_FALSE(f.Group().leads());
  const Effects effects = f.Step(Failed(asked));
  EXPECT_EQ(Fixture::All<Stop>(effects), std::vector<Stop>{Stop{StopReason::kDataLoss}});
}

TEST(Rule05, AReadThatWasOvertakenByACompactionIsNoLoss) {
  Options options = Fixture::DefaultOptions();
  options.snapshot_every = 1;
  options.log_keep = 0;
  Fixture f = WithNothingInMemory(At(3, 1), options);
  // The peer needs entries that have to be read; before the answer comes they are compacted away.
  const ReadLog asked = AskedForAPeer(f);
  f.Step(MapFlushed{PortRequest(1), {{Fixture::kGroup, Generation(1), Index(3)}}, true});
  ASSERT_EQ(f.Group().log().start().entry.index, Index(3));
  f.Step(Failed(asked));
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

}  // namespace
}  // namespace quorate
