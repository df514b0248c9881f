// State transfer: the leader's view, and how long it stays open. Rules: docs/raft.md.
#include <gtest/gtest.h>

#include "tests/engine/replica_fixture.h"

namespace quorate {
namespace {

using Fixture = ReplicaFixture;

Options Small() {
  Options options = Fixture::DefaultOptions();
  options.snapshot_every = 2;
  options.log_keep = 0;
  options.max_view_age = 3;
  return options;
}

// Leads over a log (10, 10] that node 3 has nothing of: it is in need of a state.
class View : public testing::Test {
 protected:
  View() : f_(Compacted(), Small()) {
    f_.Lead();
    const Effects refused = f_.From(3, AppendReply{.term = f_.Group().term(),
                                                   .verdict = AppendVerdict::kMismatch,
                                                   .match = {},
                                                   .prev = Index(10),
                                                   .hint = At(0, 0)});
    opening_ = Fixture::All<OpenSnapshot>(refused).at(0).id;
    ApplyAll();
  }
  static Recovered Compacted() {
    Recovered recovered = Fixture::Fresh(3);
    RecoveredGroup& group = recovered.groups[0];
    group.start.entry = group.applied = At(10, 1);
    group.last = Index(10);
    group.hard.term = Term(1);
    return recovered;
  }
  Effects Open(PortRequest id, Index entry) {
    return f_.Step(SnapshotOpened{id, Fixture::kGroup, {entry, f_.Group().term()}, Generation(1)});
  }
  Effects ApplyAll() {
    return f_.Step(Applied{Fixture::kGroup,
                           Generation(1),
                           {f_.Group().commit(), *f_.Group().log().TermAt(f_.Group().commit())},
                           {}});
  }
  // One more entry, committed and applied.
  Effects Grow() {
    f_.Propose("x");
    f_.Persist();
    f_.From(2, f_.Accepted(f_.Group().log().last().index));
    Effects effects = ApplyAll();
    return effects;
  }
  SnapshotReply From3(SnapshotVerdict verdict) const {
    return {.term = f_.Group().term(),
            .name = f_.Group().progress(NodeId(3))->snapshot,
            .verdict = verdict,
            .next = 0,
            .match = {}};
  }

  Fixture f_;
  PortRequest opening_;
};

TEST_F(View, KeepsOnlyTheLogBehindItself) {
  Grow();
  Grow();
  const Effects effects = Open(opening_, Index(13));
  ASSERT_EQ(Fixture::All<FlushMap>(effects).size(), 1u);
  Grow();
  Grow();
  f_.Step(MapFlushed{
      Fixture::All<FlushMap>(effects)[0].id, {{Fixture::kGroup, Generation(1), Index(15)}}, true});
  EXPECT_EQ(f_.Group().log().start().entry.index, Index(13));
}

TEST_F(View, ClosesForAPeerWithoutSpaceAndTheLogIsCompacted) {
  Open(opening_, Index(11));
  EXPECT_TRUE(Fixture::All<CloseSnapshot>(Grow()).empty());
  const Effects effects = f_.From(3, From3(SnapshotVerdict::kNoSpace));
  EXPECT_EQ(Fixture::All<CloseSnapshot>(effects).size(), 1u);
  EXPECT_FALSE(f_.Group().leadership()->view.has_value());
  // A heartbeat's answer opens nothing, its time does.
  EXPECT_TRUE(Fixture::All<OpenSnapshot>(
                  f_.BeatReplyFrom(3, {Fixture::kGroup, f_.Group().term(), {}, true}))
                  .empty());
  f_.Pass(Milliseconds(200));
  f_.BeatReplyFrom(2, {Fixture::kGroup, f_.Group().term(), {}, true});
  f_.BeatReplyFrom(3, {Fixture::kGroup, f_.Group().term(), {}, true});
  EXPECT_EQ(Fixture::All<OpenSnapshot>(f_.Pass(Milliseconds(100))).size(), 1u);
}

TEST_F(View, ThatIsTooOldIsClosedAndTheTransferStartsOver) {
  Open(opening_, Index(11));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(Fixture::All<CloseSnapshot>(Grow()).empty()) << i;
  ASSERT_EQ(f_.Group().applied(), Index(17));  // 3 times snapshot_every behind the view
  EXPECT_EQ(Fixture::All<CloseSnapshot>(Grow()).size(), 1u);
  const Effects again = f_.BeatReplyFrom(3, {Fixture::kGroup, f_.Group().term(), {}, true});
  ASSERT_EQ(Fixture::All<OpenSnapshot>(again).size(), 1u);
  const Effects first = Open(Fixture::All<OpenSnapshot>(again)[0].id, Index(18));
  ASSERT_EQ(Fixture::All<ReadChunk>(first).size(), 1u);
  EXPECT_EQ(Fixture::All<ReadChunk>(first)[0].number, 0u);
}

TEST_F(View, AChunkOfAViewThatWasClosedIsNotSentInTheNameOfTheNext) {
  const Effects first = Open(opening_, Index(11));
  const PortRequest read = Fixture::All<ReadChunk>(first).at(0).id;
  for (int i = 0; i < 7; ++i) Grow();
  ASSERT_FALSE(f_.Group().leadership()->view.has_value());
  const Effects again = f_.BeatReplyFrom(3, {Fixture::kGroup, f_.Group().term(), {}, true});
  ASSERT_EQ(Fixture::All<OpenSnapshot>(again).size(), 1u);
  const Effects late = f_.Step(ChunkRead{read, Fixture::kGroup, 0, Payload("r"), false, true});
  EXPECT_TRUE(Fixture::Sent<SnapshotChunk>(late).empty());
  const Effects opened = Open(Fixture::All<OpenSnapshot>(again)[0].id, Index(18));
  EXPECT_EQ(Fixture::All<ReadChunk>(opened).size(), 1u);
}

// ---- rule 9: snapshot install ------------------------------------------------------------------------
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

}  // namespace
}  // namespace quorate
