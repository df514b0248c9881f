// A failed sync, a full disk, and a map that is slow: rule 15 of docs/raft.md.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// ---- rule 15: a failed sync, a full disk -------------------------------------------------------------
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

// ---- a peer whose disk is full ------------------------------------------------------------------------
AppendReply NoSpace(const Fixture& f) {
  return {.term = f.Group().term(),
          .verdict = AppendVerdict::kNoSpace,
          .match = {},
          .prev = f.Group().log().last().index,
          .hint = {}};
}

TEST(Rule15, APeerWithoutSpaceIsLeftAloneWhateverItsHeartbeatsSay) {
  Fixture f;
  f.Lead();
  f.From(3, f.Accepted(Index(1)));
  f.Propose("x");
  f.Persist();
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(f.From(3, NoSpace(f)), 3).empty());
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(
                  f.BeatReplyFrom(3, {Fixture::kGroup, f.Group().term(), {}, true}), 3)
                  .empty());
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(f.Pass(Milliseconds(200)), 3).empty());
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(f.Propose("y"), 3).empty());
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(f.From(3, f.Accepted(Index(1))), 3).empty());
}

TEST(Rule15, APeerWithoutSpaceIsAskedAgainAfterAnElectionTimeout) {
  Fixture f;
  f.Lead();
  f.From(3, f.Accepted(Index(1)));
  f.Propose("x");
  f.Persist();
  f.From(3, NoSpace(f));
  const MonoTime over = f.now().mono + Fixture::DefaultOptions().election_timeout_max;
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
  EXPECT_EQ(f.Group().progress(NodeId(3))->paused_until, over);
  f.Pass(Milliseconds(250));
  f.BeatReplyFrom(2, {Fixture::kGroup, f.Group().term(), {}, true});
  EXPECT_LE(f.Group().next_wakeup(), over);
  EXPECT_EQ(Fixture::Sent<AppendRequest>(f.PassTo(over), 3).size(), 1u);
  EXPECT_GT(f.Group().next_wakeup(), over);  // it does not wake up for it for ever
}

TEST(Rule15, ADiskThatIsNearlyFullTakesWhatALeadershipRestsOn) {
  Fixture f;
  f.Step(DiskSpace{Space::kLow});
  AppendRequest request = f.Append(Term(1), At(0, 0), {Term(1), Term(1), Term(1)});
  request.entries[0] = {Term(1), EntryKind::kBarrier, {}};
  std::string bytes;
  Encode(f.Group().configuration(), bytes);
  request.entries[1] = {Term(1), EntryKind::kConfiguration, Payload(bytes)};
  const Effects effects = f.From(2, request);
  EXPECT_EQ(f.Group().log().last(), At(2, 1));  // the command has to wait
  ASSERT_EQ(Fixture::Sent<AppendReply>(effects, 2).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendReply>(effects, 2)[0].verdict, AppendVerdict::kAccepted);
  EXPECT_EQ(Fixture::Sent<AppendReply>(effects, 2)[0].match, Index(2));
  const Effects command = f.From(2, f.Append(Term(1), At(2, 1), {Term(1)}));
  EXPECT_EQ(Fixture::Sent<AppendReply>(command, 2).at(0).verdict, AppendVerdict::kNoSpace);
}

TEST(Rule15, WithoutSpaceAnywhereALeaderStillComesUp) {
  Fixture f;
  f.Step(DiskSpace{Space::kLow});
  f.Lead();
  EXPECT_EQ(f.Group().commit(), f.Group().leadership()->barrier);
}

// ---- the map is slower than the network ----------------------------------------------------------------
// Everything committed is applied, with no results.
Effects ApplyAll(Fixture& f, Index upto) {
  return f.Step(Applied{Fixture::kGroup, Generation(1), {upto, f.Group().term()}, {}});
}

TEST(BackPressure, WhatIsCommittedCountsUntilItIsApplied) {
  Options options = Fixture::DefaultOptions();
  options.max_unapplied_bytes = 400;
  Fixture f(3, options);
  f.Lead();
  while (f.replica().refused_proposals(DropReason::kTooMuchUnapplied) == 0) {
    f.Propose(std::string(50, 'x'));
    ASSERT_LT(f.Group().log().last().index, Index(20));
  }
  const Index last = f.Group().log().last().index;
  f.Persist();
  f.From(2, f.Accepted(last));
  ASSERT_EQ(f.Group().commit(), last);
  EXPECT_TRUE(Fixture::Records<AppendEntries>(f.Propose(std::string(50, 'x'))).empty());
  ApplyAll(f, Index(1));  // the barrier's Apply was out alone
  ApplyAll(f, last);
  EXPECT_EQ(f.Group().leadership()->unapplied_bytes, 0u);
  EXPECT_EQ(Fixture::Records<AppendEntries>(f.Propose(std::string(50, 'x'))).size(), 1u);
}

TEST(BackPressure, ASingleEntryGoesHoweverLargeItIs) {
  Options options = Fixture::DefaultOptions();
  options.max_unapplied_bytes = 1;
  Fixture f(3, options);
  f.Lead();
  // The barrier is committed, and not applied.
  EXPECT_TRUE(Fixture::Records<AppendEntries>(f.Propose(std::string(50, 'x'))).empty());
  ApplyAll(f, f.Group().commit());
  EXPECT_EQ(Fixture::Records<AppendEntries>(f.Propose(std::string(50, 'x'))).size(), 1u);
  // One at a time.
  EXPECT_TRUE(Fixture::Records<AppendEntries>(f.Propose("y")).empty());
  EXPECT_EQ(f.replica().refused_proposals(DropReason::kTooMuchUnapplied), 2u);
}

TEST(BackPressure, OneApplyIsLimitedInBytesAndCarriesAtLeastOneEntry) {
  Options options = Fixture::DefaultOptions();
  options.max_apply_bytes = 1;
  Fixture f(3, options);
  f.From(2, f.Append(Term(1), At(0, 0), {Term(1), Term(1), Term(1)}, Index(3)));
  f.Persist();
  f.BecomeLeader();
  const Effects effects = f.Step(Applied{Fixture::kGroup, Generation(1), At(1, 1), {}});
  ASSERT_EQ(Fixture::All<Apply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::All<Apply>(effects)[0].first, Index(2));
  EXPECT_EQ(Fixture::All<Apply>(effects)[0].entries.size(), 1u);
}

TEST(BackPressure, WhatIsDurableLeavesTheCacheAndIsReadToBeApplied) {
  Options options = Fixture::DefaultOptions();
  options.log_cache_bytes = 0;
  options.max_apply_entries = 1;
  Fixture f(3, options);
  const AppendRequest request = f.Append(Term(1), At(0, 0), {Term(1), Term(1)}, Index(2));
  f.From(2, request);
  f.Persist();
  EXPECT_EQ(f.Group().log().cached_bytes(), 0u);
  const Effects asked = f.Step(Applied{Fixture::kGroup, Generation(1), At(1, 1), {}});
  ASSERT_EQ(Fixture::All<ReadLog>(asked).size(), 1u);
  const ReadLog read = Fixture::All<ReadLog>(asked)[0];
  EXPECT_EQ(read.first, Index(2));
  const Effects effects =
      f.Step(LogRead{read.id, Fixture::kGroup, Index(2), {request.entries[1]}, true});
  ASSERT_EQ(Fixture::All<Apply>(effects).size(), 1u);
  EXPECT_EQ(Fixture::All<Apply>(effects)[0].first, Index(2));
}

TEST(LogCache, IsLimitedInEntriesAndInBytesAndKeepsWhatIsNotDurable) {
  RaftLog log(LogStart{}, Index(0), {});
  const auto append = [&](std::size_t size, std::uint64_t seq) {
    const Entry entry{Term(1), EntryKind::kCommand, Payload(std::string(size, 'x'))};
    log.Append(std::span(&entry, 1), PersistSeq(seq));
  };
  for (std::uint64_t i = 1; i <= 4; ++i) append(100, i);
  EXPECT_EQ(log.cached_bytes(), 4 * (100 + kEntryOverheadBytes));
  log.TrimCache(0, 0);
  EXPECT_EQ(log.cached_from(), Index(1));
  log.OnPersisted(PersistSeq(3));
  log.TrimCache(3, 1'000'000);
  EXPECT_EQ(log.cached_from(), Index(2));
  log.TrimCache(100, 2 * (100 + kEntryOverheadBytes));
  EXPECT_EQ(log.cached_from(), Index(3));
  log.TrimCache(100, 0);
  EXPECT_EQ(log.cached_from(), Index(4));
  append(50, 5);
  log.TruncateFrom(Index(5));
  EXPECT_EQ(log.cached_bytes(), 100 + kEntryOverheadBytes);
  log.TruncateFrom(Index(2));
  EXPECT_EQ(log.cached_bytes(), 0u);
  EXPECT_EQ(log.cached_from(), Index(2));
}

}  // namespace
}  // namespace quorate
