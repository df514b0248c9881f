// Reads and heartbeats: rules 7 and 14 of docs/raft.md.
// Each rule has a step test that names it: one state, one input, what must come out.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// ---- rule 7: reads -----------------------------------------------------------------------------------
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

// ---- rule 14: heartbeats are judged per group --------------------------------------------------------
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

}  // namespace
}  // namespace quorate
