// How a leader brings its peers up to date, and how it holds back. Rules: docs/raft.md.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

// Log (10, 12] of term 1, everything before it compacted away.
Recovered Compacted(std::uint32_t voters) {
  Recovered recovered = Fixture::Fresh(voters);
  RecoveredGroup& group = recovered.groups[0];
  group.start.entry = At(10, 1);
  group.last = Index(12);
  group.terms = {{Index(11), Term(1)}};
  group.hard.term = Term(1);
  group.applied = At(10, 1);
  return recovered;
}

// ---- probing ------------------------------------------------------------------------------------------
TEST(Probing, AfterAnElectionALostBarrierIsAskedForAgainWhereItWasSent) {
  Fixture f(Compacted(3), Fixture::DefaultOptions());
  f.BecomeLeader();
  const Effects effects = f.Step(LinkUp{NodeId(3), BootNumber(2), LinkSession(9)});
  EXPECT_TRUE(Fixture::All<OpenSnapshot>(effects).empty());
  ASSERT_EQ(Fixture::Sent<AppendRequest>(effects, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendRequest>(effects, 3)[0].prev, At(12, 1));
  EXPECT_TRUE(Fixture::Sent<AppendRequest>(effects, 3)[0].entries.empty());
}

TEST(Probing, SilenceAfterAnElectionLeadsToNoSnapshot) {
  Fixture f(Compacted(3), Fixture::DefaultOptions());
  f.BecomeLeader();
  const Effects effects = f.Pass(Milliseconds(100));  // the resend timer
  EXPECT_TRUE(Fixture::All<OpenSnapshot>(effects).empty());
  ASSERT_EQ(Fixture::Sent<AppendRequest>(effects, 3).size(), 1u);
  EXPECT_EQ(Fixture::Sent<AppendRequest>(effects, 3)[0].prev, At(12, 1));
}

TEST(Probing, APeerWithoutSpaceIsNoPeerWithoutALog) {
  Fixture f(Compacted(3), Fixture::DefaultOptions());
  f.BecomeLeader();
  f.From(3, AppendReply{.term = f.Group().term(),
                        .verdict = AppendVerdict::kNoSpace,
                        .match = {},
                        .prev = Index(12),
                        .hint = {}});
  EXPECT_EQ(f.Group().progress(NodeId(3))->state, ProgressState::kProbe);
  EXPECT_EQ(f.Group().progress(NodeId(3))->next, Index(13));
}

TEST(Probing, ARefusalLeadsToTheHintAndNotBelowTheLog) {
  Fixture f(Compacted(3), Fixture::DefaultOptions());
  f.BecomeLeader();
  const auto refuse = [&](std::uint64_t prev, EntryId hint) {
    return f.From(3, AppendReply{.term = f.Group().term(),
                                 .verdict = AppendVerdict::kMismatch,
                                 .match = {},
                                 .prev = Index(prev),
                                 .hint = hint});
  };
  EXPECT_EQ(Fixture::Sent<AppendRequest>(refuse(12, At(11, 1)), 3).at(0).prev, At(11, 1));
  EXPECT_EQ(Fixture::Sent<AppendRequest>(refuse(11, At(10, 1)), 3).at(0).prev, At(10, 1));
  EXPECT_EQ(f.Group().progress(NodeId(3))->state, ProgressState::kProbe);
  refuse(10, At(9, 1));  // nothing that the log still holds agrees
  EXPECT_EQ(f.Group().progress(NodeId(3))->state, ProgressState::kSnapshot);
}

}  // namespace
}  // namespace quorate
