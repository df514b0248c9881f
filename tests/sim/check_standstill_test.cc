// Who stands still though a quorum is sound, and who has a reason.
#include <gtest/gtest.h>

#include "sim/check/standstill.h"

namespace quorate::sim {
namespace {

// Three nodes, all sound unless a test says otherwise; node 0 leads and has one entry that it has not applied.
class Standstill : public testing::Test {
 protected:
  Standstill() {
    for (std::size_t at = 0; at < 3; ++at) {
      StandstillWatch::Node node;
      node.sound = true;
      node.term = Term(2);
      node.last = {Index(5), Term(2)};
      node.applied = Index(4);
      node.sound_with = 7;
      look_.nodes.push_back(node);
    }
    look_.nodes[0].leads = true;
  }
  StandstillWatch::Node& At(std::size_t node) { return look_.nodes[node]; }
  void Look(std::int64_t now) {
    look_.now = now;
    watch_.OnLook(look_);
  }
  std::string Found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }

  Verdicts verdicts_;
  StandstillWatch watch_{verdicts_, 3, {.span = 100, .most_terms = 3}};
  StandstillWatch::Look look_;
};

TEST_F(Standstill, ALeaderThatGetsNothingDoneForASpanIsRefused) {
  Look(10);
  Look(110);
  EXPECT_EQ(Found(), "nothing");
  Look(111);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, AQuorumWithoutALeaderForASpanIsRefused) {
  At(0).leads = false;
  At(0).last.index = Index(4);
  Look(10);
  Look(111);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, WithoutAMajorityOfThoseWhoVoteIsNoQuorum) {
  look_.voters = {1 + 2, 2 + 4};
  At(1).sound = false;
  Look(10);
  Look(111);
  EXPECT_EQ(Found(), "nothing");  // nodes 0 and 2 are one of all, but of neither set of voters
  look_.voters = {1 + 2 + 4, 4};
  Look(211);
  Look(312);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, AnEntryInEverySpanPasses) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    At(0).last.index = Index(5 + i);
    At(0).applied = Index(4 + i);
    Look(static_cast<std::int64_t>(90 * i));
  }
  EXPECT_EQ(Found(), "nothing");
  EXPECT_GT(verdicts_.counts().of(Check::kProgressInCalm), 20u);
}
TEST_F(Standstill, WhatFollowersApplyIsOfNoUse) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    At(1).applied = Index(4 + i);
    Look(static_cast<std::int64_t>(10 + 60 * i));
  }
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, WhoseLogIsAppliedToTheEndWantsNothing) {
  At(0).applied = Index(5);
  Look(10);
  Look(500);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, OneNodeThatIsNotSoundIsNoReason) {
  At(2).sound = false;
  At(2).sound_with = 0;
  Look(10);
  Look(111);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, NothingIsDueToAMinority) {
  At(1).sound = false;
  At(2).sound = false;
  Look(10);
  Look(500);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, APairThatIsNotSoundParts) {
  At(0).sound_with = 1 | 4;  // 0-1 and 1-2 are bad
  At(1).sound_with = 2;
  At(2).sound_with = 1 | 4;
  At(2).last.index = Index(4);
  Look(10);
  Look(111);
  EXPECT_EQ(Found(), "LIVE-4");  // nodes 0 and 2
}
TEST_F(Standstill, WithoutAnySoundPairNothingIsDue) {
  for (std::size_t at = 0; at < 3; ++at) At(at).sound_with = 0;
  Look(10);
  Look(500);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, TroubleStartsTheSpanAnew) {
  Look(10);
  At(0).sound = false;
  At(1).sound_with = 2;  // nor is there a pair without the leader
  At(2).sound_with = 4;
  Look(60);
  At(0).sound = true;
  At(1).sound_with = 7;
  At(2).sound_with = 7;
  Look(90);
  Look(190);
  EXPECT_EQ(Found(), "nothing");
  Look(191);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, AFollowerThatIsCaughtUpMoves) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    At(1).last.index = Index(5 + i);
    At(2).last.index = Index(5 + i);
    Look(static_cast<std::int64_t>(90 * i));
  }
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, ALeaderThatOnlyFillsItsOwnLogDoesNot) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    At(0).last.index = Index(6 + i);
    Look(static_cast<std::int64_t>(10 + 60 * i));
  }
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, WhoSendsAStateOrHandsOverHasAReason) {
  At(0).sends_state_to = 2 | 4;
  Look(10);
  Look(500);
  At(0).sends_state_to = 0;
  At(0).busy = true;
  Look(590);
  Look(1000);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, ALeaderOutsideIsLookedAtByThoseWhoAreSoundWithIt) {
  At(0).sound = false;  // leads all the same
  At(0).sound_with = 0;
  Look(10);
  Look(500);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, ALeaderOutsideWhoseDiskHangsMustLeave) {
  At(0).sound = false;
  At(0).hung = true;
  Look(10);
  Look(110);
  EXPECT_EQ(Found(), "nothing");
  Look(111);
  EXPECT_EQ(Found(), "LIVE-4");
}
TEST_F(Standstill, ALeaderWhoseDiskHangsAndWhoIsAskedForNothingMayStay) {
  At(0).sound = false;
  At(0).hung = true;
  At(0).applied = Index(5);
  Look(10);
  Look(500);
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(Standstill, NewTermsWithoutProgressAreNoneForEver) {
  for (std::uint64_t i = 0; i <= 3; ++i) {
    for (std::size_t at = 0; at < 3; ++at) At(at).term = Term(2 + i);
    Look(static_cast<std::int64_t>(50 * i));
  }
  EXPECT_EQ(Found(), "nothing");
  for (std::size_t at = 0; at < 3; ++at) At(at).term = Term(6);
  Look(200);
  EXPECT_EQ(Found(), "I-19");
}
TEST_F(Standstill, NewTermsWithProgressPass) {
  for (std::uint64_t i = 0; i <= 20; ++i) {
    for (std::size_t at = 0; at < 3; ++at) At(at).term = Term(2 + i);
    At(0).applied = Index(4 + i / 3);
    Look(static_cast<std::int64_t>(50 * i));
  }
  EXPECT_EQ(Found(), "nothing");
}

}  // namespace
}  // namespace quorate::sim
