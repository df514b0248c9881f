// tests/sim/check_edges_test.cc — checkers at the borders of a run.
#include "sim/check/edges.h"

#include <gtest/gtest.h>

#include <string>

namespace quorate::sim {
namespace {

class Edges : public testing::Test {
 protected:
  std::string Found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }
  std::uint64_t Checked(Check check) const { return verdicts_.counts().of(check); }

  Verdicts verdicts_;
  EdgeChecks edges_{verdicts_};
  const NodeId node_{3};
};

// ---- stores ------------------------------------------------------------------------------------------------

TEST_F(Edges, AStoreThatIsRecoveredPasses) {
  edges_.OnStoreOpened(node_, false, absl::OkStatus());
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kStoreRecovered), 1u);
}
TEST_F(Edges, ASpoiledStoreMayBeRefused) {
  edges_.OnStoreOpened(node_, true, absl::DataLossError("a row is spoiled"));
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, RefusingAGoodStoreIsRefused) {
  edges_.OnStoreOpened(node_, false, absl::DataLossError("a row is spoiled"));
  EXPECT_EQ(Found(), "BOOT-1");
}

TEST_F(Edges, AStoreWithItsLogMayBeStartedWith) {
  edges_.OnAccepted(node_, false);
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kLogIsThere), 1u);
}
TEST_F(Edges, StartingWithoutTheLogIsRefused) {
  edges_.OnAccepted(node_, true);
  EXPECT_EQ(Found(), "BOOT-3");
}

Recovered RecoveredTo(std::uint64_t index) {
  Recovered recovered;
  recovered.groups.emplace_back();
  recovered.groups.back().last = Index(index);
  return recovered;
}
TEST_F(Edges, RecoveringTheSameTwicePasses) {
  edges_.OnRecoveredTwice(node_, RecoveredTo(4), RecoveredTo(4));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kRecoveredTwice), 1u);
}
TEST_F(Edges, RecoveringAnotherLogTheSecondTimeIsRefused) {
  edges_.OnRecoveredTwice(node_, RecoveredTo(4), RecoveredTo(3));
  EXPECT_EQ(Found(), "I-47");
}

TEST_F(Edges, ANodeMayStopWhenSomethingFailed) {
  edges_.OnStopped(node_, true, StopReason::kStorageFailed);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, ANodeThatStopsForNothingIsRefused) {
  edges_.OnStopped(node_, false, StopReason::kDataLoss);
  EXPECT_EQ(Found(), "BOOT-2");
}

// ---- clients -----------------------------------------------------------------------------------------------

TEST_F(Edges, EveryRequestMayBeAnsweredOnceInAnyOrder) {
  for (const std::uint64_t id : {1u, 2u, 3u}) edges_.OnAsked(node_, RequestId(id));
  for (const std::uint64_t id : {2u, 3u, 1u}) edges_.OnAnswered(node_, RequestId(id));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kAnsweredOnce), 3u);
}
TEST_F(Edges, ASecondAnswerIsRefusedHoweverLongAgoTheFirstWas) {
  edges_.OnAsked(node_, RequestId(1));
  edges_.OnAnswered(node_, RequestId(1));
  edges_.OnAsked(node_, RequestId(2));
  edges_.OnAnswered(node_, RequestId(2));
  edges_.OnAnswered(node_, RequestId(1));
  EXPECT_EQ(Found(), "ANSWER-1");
}
TEST_F(Edges, AnAnswerToNobodyIsRefused) {
  edges_.OnAnswered(node_, RequestId(7));
  EXPECT_EQ(Found(), "ANSWER-1");
}
TEST_F(Edges, AnAnswerToWhatAFormerLifeWasAskedIsRefused) {
  edges_.OnAsked(node_, RequestId(1));
  edges_.OnProcess(node_);
  edges_.OnAnswered(node_, RequestId(1));
  EXPECT_EQ(Found(), "ANSWER-1");
}
TEST_F(Edges, RequestsOfOtherNodesAreOthers) {
  edges_.OnAsked(NodeId(1), RequestId(1));
  edges_.OnAsked(NodeId(2), RequestId(1));
  edges_.OnAnswered(NodeId(1), RequestId(1));
  edges_.OnAnswered(NodeId(2), RequestId(1));
  EXPECT_EQ(Found(), "nothing");
}

std::string Text() { return "put k"; }

TEST_F(Edges, AReplyIsRead) {
  KvReply reply;
  reply.revision = Revision(5);
  EXPECT_EQ(edges_.OnReply(Payload(EncodeReply(reply)), Text), reply);
  edges_.OnCatalogueReply(true);
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kWellFormedAnswer), 2u);
}
TEST_F(Edges, BytesThatAreNoReplyAreRefused) {
  EXPECT_EQ(edges_.OnReply(Payload(std::string("\xff\x00 no", 5)), Text), std::nullopt);
  EXPECT_EQ(Found(), "ANSWER-2");
}
TEST_F(Edges, AReplyWithSomethingBehindItIsRefused) {
  edges_.OnReply(Payload(EncodeReply(KvReply{}) + "x"), Text);
  EXPECT_EQ(Found(), "ANSWER-2");
}
TEST_F(Edges, NoReplyOfTheCatalogueIsRefused) {
  edges_.OnCatalogueReply(false);
  EXPECT_EQ(Found(), "ANSWER-2");
}

using How = EdgeChecks::Served::How;
EdgeChecks::Served ServedIn(std::int64_t ns, How how) {
  return {.begun = 100, .ended = 100 + ns, .bound = 50, .how = how, .refusal = "no leader"};
}
TEST_F(Edges, AnAnswerWithinTheBoundPasses) {
  edges_.OnServed(ServedIn(50, How::kAnswered), Text);
  edges_.OnServed(ServedIn(20, How::kNoMatter), Text);
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kAnswerInTime), 2u);
}
TEST_F(Edges, AnAnswerBehindTheBoundIsRefused) {
  edges_.OnServed(ServedIn(51, How::kAnswered), Text);
  EXPECT_EQ(Found(), "LIVE-2");
}
TEST_F(Edges, InAHealedCoreNobodyIsGivenUpRefusedOrLeftInTheDark) {
  for (const How how : {How::kGivenUp, How::kUnknown, How::kRefused}) {
    Verdicts verdicts;
    EdgeChecks edges(verdicts);
    edges.OnServed(ServedIn(10, how), Text);
    ASSERT_TRUE(verdicts.found());
    EXPECT_EQ(verdicts.first()->id, "LIVE-2");
  }
}

// ---- frames ------------------------------------------------------------------------------------------------

Frame Hello(std::uint64_t number) {
  return HelloFrame{.from = NodeId(1),
                    .to = NodeId(2),
                    .cluster = 9,
                    .protocol = kProtocolVersion,
                    .kind = HelloKind::kAsk,
                    .conn = {Incarnation(1), BootNumber(1), number},
                    .seen = std::nullopt};
}
TEST_F(Edges, AFrameThatSurvivesItsCodecPasses) {
  const Frame sent = Hello(1);
  edges_.OnDecoded(sent, false, DecodeFrame(EncodeFrame(sent)));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kRoundTrip), 1u);
}
TEST_F(Edges, AFrameThatComesOutDifferentlyIsRefused) {
  edges_.OnDecoded(Hello(1), false, Hello(2));
  EXPECT_EQ(Found(), "I-56");
}
TEST_F(Edges, AGoodFrameThatIsNotReadIsRefused) {
  edges_.OnDecoded(Hello(1), false, absl::InvalidArgumentError("short"));
  EXPECT_EQ(Found(), "I-56");
}
TEST_F(Edges, EverySpoiledByteIsFound) {
  const Frame sent = Hello(1);
  const std::string bytes = EncodeFrame(sent);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string spoiled = bytes;
    spoiled[at] = static_cast<char>(spoiled[at] ^ 0x10);
    edges_.OnDecoded(sent, true, DecodeFrame(spoiled));
  }
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(Checked(Check::kSpoiledFrame), bytes.size());
}
TEST_F(Edges, ASpoiledFrameThatIsTakenIsRefused) {
  edges_.OnDecoded(Hello(1), true, Hello(1));
  EXPECT_EQ(Found(), "CODEC-1");
}

// ---- time --------------------------------------------------------------------------------------------------

TEST_F(Edges, ManyWakeupsAtManyInstantsPass) {
  for (std::int64_t at = 0; at < 3000; ++at) edges_.OnWakeup(node_, at);
  for (int i = 0; i < 1000; ++i) edges_.OnWakeup(node_, 5000);
  for (int i = 0; i < 1000; ++i) edges_.OnWakeup(NodeId(4), 5000);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, ANodeThatWantsToBeCalledForEverAtOneInstantIsRefused) {
  for (int i = 0; i < 1002; ++i) edges_.OnWakeup(node_, 5000);
  EXPECT_EQ(Found(), "LIVE-5");
}
TEST_F(Edges, ARunThatGoesOnForEverIsRefused) {
  edges_.OnEvents(EdgeChecks::kMostEvents);
  EXPECT_EQ(Found(), "nothing");
  edges_.OnEvents(EdgeChecks::kMostEvents + 1);
  EXPECT_EQ(Found(), "LIVE-6");
}

TEST_F(Edges, WhatIsMissingBeforeItIsDuePasses) {
  edges_.OnDue(Check::kLeaderInTime, "nobody leads", 99, 100);
  edges_.OnDue(Check::kLeaderInTime, std::nullopt, 300, 100);
  edges_.OnDue(Check::kConvergenceInTime, "n1 lags", 99, 100);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, ALeaderThatIsMissingWhenDueIsRefused) {
  edges_.OnDue(Check::kLeaderInTime, "nobody leads", 100, 100);
  EXPECT_EQ(Found(), "LIVE-1");
}
TEST_F(Edges, ConvergenceThatIsMissingWhenDueIsRefused) {
  edges_.OnDue(Check::kConvergenceInTime, "n1 lags", 100, 100);
  EXPECT_EQ(Found(), "LIVE-3");
}

TEST_F(Edges, ATermNowAndThenPasses) {
  const std::int64_t span = 3 * EdgeChecks::kTimeoutsATerm * 100;
  edges_.OnTermSpan(
      {.group = GroupId(), .before = Term(7), .after = Term(7), .span = 0, .patience = 100});
  edges_.OnTermSpan(
      {.group = GroupId(), .before = Term(7), .after = Term(27), .span = 0, .patience = 100});
  edges_.OnTermSpan(
      {.group = GroupId(), .before = Term(7), .after = Term(30), .span = span, .patience = 100});
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, ACoreThatHoldsElectionsInASoundNetworkIsRefused) {  // I-19
  const std::int64_t span = 3 * EdgeChecks::kTimeoutsATerm * 100;
  edges_.OnTermSpan(
      {.group = GroupId(), .before = Term(7), .after = Term(31), .span = span, .patience = 100});
  EXPECT_EQ(Found(), "I-19");
}

// ---- the last look -----------------------------------------------------------------------------------------

TEST_F(Edges, ADigestThatIsTheContentsPasses) {
  edges_.OnContentDigest("n1", DigestOf("rows"), DigestOf("rows"));
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, ADigestThatIsNotTheContentsIsRefused) {
  edges_.OnContentDigest("n1", DigestOf("rows"), DigestOf("rowz"));
  EXPECT_EQ(Found(), "SCAN-1");
}
TEST_F(Edges, AContentThatCannotBeReadIsRefused) {
  edges_.OnContentDigest("n1", absl::DataLossError("a row"), DigestOf("rows"));
  EXPECT_EQ(Found(), "SCAN-1");
}
TEST_F(Edges, AStateThatTheLogMakesPasses) {
  edges_.OnState("n1", {Revision(3), Index(5)}, {Revision(3), Index(5)});
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Edges, AStateWithAnotherRevisionThanTheLogMakesIsRefused) {
  edges_.OnState("n1", {Revision(4), Index(5)}, {Revision(3), Index(5)});
  EXPECT_EQ(Found(), "SCAN-2");
}
TEST_F(Edges, AStateThatHasNotAppliedTheWholeLogIsRefused) {
  edges_.OnState("n1", {Revision(3), Index(4)}, {Revision(3), Index(5)});
  EXPECT_EQ(Found(), "SCAN-2");
}

// ---- progress in calm --------------------------------------------------------------------------------------

class Calm : public testing::Test {
 protected:
  using Kind = CalmWatch::Kind;
  static CalmWatch::Asked Asked(std::uint64_t group, std::uint64_t done,
                                std::optional<std::int64_t> open_since, Kind kind = Kind::kWrites) {
    return {GroupId(static_cast<GroupId::rep>(group)), kind, done, open_since};
  }
  CalmWatch::Look At(std::int64_t now, std::vector<CalmWatch::Asked> asked) {
    return {.now = now,
            .all_serve = true,
            .work_waits = false,
            .calm_since = 0,
            .span = 100,
            .asked = std::move(asked)};
  }
  void Look(std::int64_t now, std::uint64_t done, std::optional<std::int64_t> open_since = 0) {
    watch_.OnLook(At(now, {Asked(1, done, open_since)}));
  }
  std::string Found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }
  Verdicts verdicts_;
  CalmWatch watch_{verdicts_};
};

TEST_F(Calm, ProgressInEverySpanPasses) {
  for (std::int64_t i = 1; i <= 20; ++i) Look(i * 90, static_cast<std::uint64_t>(i));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(verdicts_.counts().of(Check::kProgressInCalm), 20u);
}
TEST_F(Calm, ASpanWithoutProgressIsRefused) {
  Look(10, 1);
  Look(110, 1);
  EXPECT_EQ(Found(), "nothing");
  Look(111, 1);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Calm, NothingIsDueWhileSomethingIsBroken) {
  Look(10, 1);
  CalmWatch::Look broken = At(500, {Asked(1, 1, 0)});
  broken.calm_since.reset();
  watch_.OnLook(broken);
  CalmWatch::Look calm = At(600, {Asked(1, 1, 0)});
  calm.calm_since = 550;
  watch_.OnLook(calm);
  calm.now = 700;
  watch_.OnLook(calm);
  EXPECT_EQ(Found(), "nothing");
  calm.now = 701;
  watch_.OnLook(calm);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Calm, NothingIsDueWhileANodeIsDown) {
  Look(10, 1);
  CalmWatch::Look down = At(110, {Asked(1, 1, 0)});
  down.all_serve = false;
  watch_.OnLook(down);
  Look(210, 1);
  EXPECT_EQ(Found(), "nothing");
  Look(211, 1);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Calm, NothingIsDueToNobody) {
  Look(10, 1);
  for (std::int64_t now = 500; now < 2'000; now += 10) Look(now, 1, std::nullopt);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Calm, OnlyTheTimeOfRequestsCounts) {
  Look(0, 1, std::nullopt);
  // Each time somebody asks just after a look, and is gone by the next but one.
  for (std::int64_t now = 20; now <= 200; now += 20) Look(now, 1, now - 19);
  EXPECT_EQ(Found(), "nothing");
  for (std::int64_t now = 220; now <= 320; now += 20) Look(now, 1, now - 20);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Calm, TimeInWhichWorkWaitsDoesNotCount) {
  Look(0, 1);
  for (std::int64_t now = 10; now <= 1'000; now += 10) {
    CalmWatch::Look look = At(now, {Asked(1, 1, 0)});
    look.work_waits = true;
    watch_.OnLook(look);
  }
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Calm, EachGroupIsLookedAtForItself) {
  for (std::int64_t i = 0; i <= 10; ++i)
    watch_.OnLook(At(i * 10, {Asked(1, static_cast<std::uint64_t>(i), 0), Asked(2, 7, 0)}));
  EXPECT_EQ(Found(), "nothing");
  watch_.OnLook(At(101, {Asked(1, 11, 0), Asked(2, 7, 0)}));
  ASSERT_EQ(Found(), "LIVE-4");
  EXPECT_NE(verdicts_.first()->what.find("group 2"), std::string::npos) << verdicts_.first()->what;
}
TEST_F(Calm, AnsweredReadsAreNoWrites) {
  for (std::int64_t i = 0; i <= 11; ++i) {
    watch_.OnLook(At(i * 10, {Asked(1, 1, 0, Kind::kWrites),
                              Asked(1, static_cast<std::uint64_t>(i), 0, Kind::kAll)}));
  }
  EXPECT_EQ(Found(), "LIVE-4");
}

}  // namespace
}  // namespace quorate::sim
