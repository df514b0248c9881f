// tests/sim/catalogue_check_test.cc — namespaces are what the log of the system group says, on every node and to clients.
#include "sim/history/catalogue_check.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/kv/envelope.h"

namespace quorate::sim {
namespace {

using S = CatalogueStatus;

constexpr std::size_t kWindow = 2;

std::string Bytes(const CatalogueCommand& command) { return EncodeCatalogueCommand(command); }

Entry Asked(std::uint32_t node, std::uint64_t boot, std::uint64_t seq,
            const CatalogueCommand& command) {
  const Nonce nonce{NodeId(node), Incarnation(1), BootNumber(boot), SessionSeq(seq)};
  return {Term(1), EntryKind::kCommand, Payload(EncodeNonce(nonce, Bytes(command)))};
}

const CatalogueCommand kCreate = CreateNamespace{"orders"};

// ---- the model ---------------------------------------------------------------------------------------------

class NamespaceModel : public testing::Test {
 protected:
  const CatalogueEffect& Do(const Entry& entry) {
    return model_.Apply(Next(model_.applied()), entry);
  }
  CatalogueReply ReplyTo(const CatalogueCommand& command) {
    return *Do(Asked(1, 1, ++seq_, command)).reply;
  }

  CatalogueModel model_{kWindow};
  std::uint64_t seq_ = 0;
};

TEST_F(NamespaceModel, GivesNoNumberTwice) {
  EXPECT_EQ(ReplyTo(kCreate), (CatalogueReply{S::kCreated, GroupId(1)}));
  EXPECT_EQ(ReplyTo(kCreate), (CatalogueReply{S::kExists, GroupId(1)}));
  EXPECT_EQ(ReplyTo(DropNamespace{GroupId(1)}), (CatalogueReply{S::kDropped, GroupId(1)}));
  EXPECT_EQ(ReplyTo(DropNamespace{GroupId(1)}), (CatalogueReply{S::kNotFound, GroupId(1)}));
  EXPECT_EQ(ReplyTo(kCreate), (CatalogueReply{S::kCreated, GroupId(2)}));
}
TEST_F(NamespaceModel, RefusesWhatMayNotBe) {
  EXPECT_EQ(ReplyTo(DropNamespace{GroupId(0)}).status, S::kNotSupported);
  EXPECT_EQ(ReplyTo(CreateNamespace{"Orders"}).status, S::kBadName);
  EXPECT_EQ(ReplyTo(CreateNamespace{""}).status, S::kBadName);
  EXPECT_EQ(ReplyTo(CreateNamespace{"default"}), (CatalogueReply{S::kExists, GroupId(0)}));
  EXPECT_EQ(ReplyTo(CreateNamespace{"default", Mode::kEventual}).status, S::kOtherMode);
  EXPECT_EQ(ReplyTo(CreateNamespace{"orders", Mode::kEventual}).status, S::kNotSupported);
}
TEST_F(NamespaceModel, ACopyIsAnsweredAsTheFirstOneWasThoughTheNamespaceIsGone) {
  Do(Asked(1, 1, 1, kCreate));
  Do(Asked(2, 1, 1, DropNamespace{GroupId(1)}));
  const CatalogueEffect& again = Do(Asked(1, 1, 1, kCreate));
  EXPECT_EQ(again.kind, CatalogueEffect::Kind::kRetried);
  EXPECT_EQ(again.took_effect, Index(1));
  EXPECT_EQ(again.reply, (CatalogueReply{S::kCreated, GroupId(1)}));
  EXPECT_EQ(model_.LivingAt(Index(3)).size(), 1u);
}
TEST_F(NamespaceModel, WhatLiesBehindTheWindowOrComesFromAFormerLifeIsForgotten) {
  Do(Asked(1, 1, 1, kCreate));
  Do(Asked(1, 1, 3, kCreate));
  EXPECT_EQ(Do(Asked(1, 1, 1, kCreate)).kind, CatalogueEffect::Kind::kForgotten);
  EXPECT_EQ(model_.Remembered(), std::vector<Index>{Index(2)});
  Do(Asked(1, 2, 1, kCreate));
  EXPECT_EQ(Do(Asked(1, 1, 3, kCreate)).kind, CatalogueEffect::Kind::kForgotten);
}
TEST_F(NamespaceModel, KnowsWhatLivedAtAnyEntry) {
  ReplyTo(kCreate);
  ReplyTo(DropNamespace{GroupId(1)});
  ReplyTo(kCreate);
  EXPECT_EQ(model_.LivingAt(Index(1)).back().number, GroupId(1));
  EXPECT_EQ(model_.LivingAt(Index(2)).size(), 1u);
  EXPECT_EQ(model_.LivingAt(Index(3)).back().number, GroupId(2));
  EXPECT_FALSE(model_.IsGone(GroupId(1), Index(1)));
  EXPECT_TRUE(model_.IsGone(GroupId(1), Index(2)));
  EXPECT_FALSE(model_.IsGone(GroupId(2)));
}
// The engine's catalogue and the model were written apart: they say the same of any history.
TEST_F(NamespaceModel, SaysWhatTheEnginesCatalogueSays) {
  std::uint64_t state = 1;
  const auto below = [&](std::uint64_t most) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % most;
  };
  Catalogue catalogue = Catalogue::Bootstrap(Configuration{});
  for (std::uint64_t i = 1; i <= 3000; ++i) {
    const CatalogueCommand command =
        below(2) == 0 ? CatalogueCommand(CreateNamespace{below(2) == 0 ? "a" : "b"})
                      : CatalogueCommand(DropNamespace{GroupId(
                            static_cast<std::uint32_t>(below(model_.namespaces().size() + 1)))});
    const Entry entry = Asked(1 + static_cast<std::uint32_t>(below(3)), 1 + below(2) + i / 1000,
                              1 + i / 20 + below(4), command);
    const CatalogueEffect& effect = Do(entry);
    const Catalogue::Applied applied =
        catalogue.ApplyEntry(Index(i), entry.payload.bytes(), Configuration{}, kWindow);
    ASSERT_EQ(effect.reply, applied.reply) << i;
    ASSERT_EQ(effect.kind == CatalogueEffect::Kind::kRetried ? effect.took_effect : Index(i),
              applied.took_effect)
        << i;
    ASSERT_EQ(model_.LivingAt(Index(i)).size(), catalogue.namespaces().size()) << i;
  }
}

// ---- the check ---------------------------------------------------------------------------------------------

class NamespaceCheck : public testing::Test {
 protected:
  std::string Found() const { return verdicts_.found() ? verdicts_.first()->id : "nothing"; }
  Index Write(const Entry& entry) {
    last_ = Next(last_);
    check_.OnWritten(last_, {&entry, 1});
    return last_;
  }
  // Node 1 writes and applies it.
  Index Do(const Entry& entry) {
    const Index at = Write(entry);
    catalogue_.ApplyEntry(at, entry.payload.bytes(), Configuration{}, kWindow);
    See(1, at, catalogue_);
    return at;
  }
  void See(std::uint32_t node, Index applied, const Catalogue& catalogue) {
    check_.OnApplied(NodeId(node), applied, catalogue, [this](Index at) {
      return at <= last_ ? std::optional(Term(1)) : std::nullopt;
    });
  }
  void Tell(const CatalogueCommand& command, Index serial, CatalogueReply reply, Index shown = {}) {
    check_.OnReply({.command = Bytes(command), .shown = shown, .serial = serial, .reply = reply});
  }
  static Outcome Answer(OutcomeKind kind) {
    return {.kind = kind, .refusal = Refusal::kNoSuchNamespace, .serial = {}, .result = {}};
  }

  Verdicts verdicts_;
  CatalogueCheck check_{kWindow, verdicts_};
  Catalogue catalogue_ = Catalogue::Bootstrap(Configuration{});
  Index last_;
};

TEST_F(NamespaceCheck, ANodeThatFollowsTheLogPasses) {
  Do(Asked(1, 1, 1, kCreate));
  Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  Do(Asked(1, 1, 1, kCreate));
  Do(Asked(1, 1, 3, kCreate));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_TRUE(check_.IsGone(GroupId(1)));
  EXPECT_GT(verdicts_.counts().of(Check::kExactlyOnce), 3u);
  EXPECT_EQ(verdicts_.counts().of(Check::kLogMakesState), 4u);
}
TEST_F(NamespaceCheck, ANodeThatLagsIsComparedWithWhatWas) {
  Do(Asked(1, 1, 1, kCreate));
  const Catalogue old = catalogue_;
  Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  See(2, Index(1), old);
  EXPECT_EQ(Found(), "nothing");
  See(2, Index(2), old);
  EXPECT_EQ(Found(), "SCAN-2");
}
TEST_F(NamespaceCheck, ApplyingWhatIsNotInTheOwnLogIsRefused) {
  See(1, Index(1), catalogue_);
  EXPECT_EQ(Found(), "I-15");
}
// An entry that was overwritten, or was lost with a crash, may stand at the same index.
TEST_F(NamespaceCheck, OfTwoEntriesOfOneIndexTheOneInTheLogCounts) {
  const Entry entry = Asked(1, 1, 1, kCreate);
  Entry other = Asked(1, 1, 1, DropNamespace{GroupId(1)});
  other.term = Term(2);
  check_.OnWritten(Index(1), {&other, 1});
  Do(entry);
  check_.OnWritten(Index(2), {&other, 1});
  Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  EXPECT_EQ(Found(), "nothing");
}
TEST_F(NamespaceCheck, ACopyThatCreatesOnceMoreIsRefused) {
  Do(Asked(1, 1, 1, kCreate));
  Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  const Index at = Write(Asked(1, 1, 1, kCreate));
  catalogue_.Apply(at, Bytes(kCreate), Configuration{});
  See(1, at, catalogue_);
  EXPECT_EQ(Found(), "SCAN-2");
}
TEST_F(NamespaceCheck, ACatalogueThatForgotItsNoncesIsRefusedBeforeACopyComes) {
  Do(Asked(1, 1, 1, kCreate));
  Catalogue forgetful = Catalogue::Bootstrap(Configuration{});
  forgetful.Apply(Index(1), Bytes(kCreate), Configuration{});
  See(2, Index(1), forgetful);
  EXPECT_EQ(Found(), "I-50");
}

TEST_F(NamespaceCheck, ATrueReplyPasses) {
  Tell(kCreate, Do(Asked(1, 1, 1, kCreate)), {S::kCreated, GroupId(1)});
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(check_.shown(), Index(1));
}
TEST_F(NamespaceCheck, AReplyFromWhereNothingOfTheKindStandsIsRefused) {
  Tell(DropNamespace{GroupId(1)}, Do(Asked(1, 1, 1, kCreate)), {S::kDropped, GroupId(1)});
  EXPECT_EQ(Found(), "LIN-3");
}
TEST_F(NamespaceCheck, AReplyOfWhatIsNotCommittedIsRefused) {
  Tell(kCreate, Index(1), {S::kCreated, GroupId(1)});
  EXPECT_EQ(Found(), "LIN-3");
}
TEST_F(NamespaceCheck, AnotherReplyThanTheModelsIsRefused) {
  Tell(kCreate, Do(Asked(1, 1, 1, kCreate)), {S::kExists, GroupId(1)});
  EXPECT_EQ(Found(), "LIN-1");
}
TEST_F(NamespaceCheck, AReplyFromTheSecondCopyIsRefused) {
  Do(Asked(1, 1, 1, kCreate));
  Tell(kCreate, Do(Asked(1, 1, 1, kCreate)), {S::kCreated, GroupId(1)});
  EXPECT_EQ(Found(), "I-50");
}
TEST_F(NamespaceCheck, AReplyFromBeforeItWasAskedIsRefused) {
  Tell(kCreate, Do(Asked(1, 1, 1, kCreate)), {S::kCreated, GroupId(1)}, /*shown=*/Index(1));
  EXPECT_EQ(Found(), "LIN-2");
}

TEST_F(NamespaceCheck, WhoKnowsOfADropRefusesWhatComes) {
  Do(Asked(1, 1, 1, kCreate));
  const Index dropped = Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  check_.OnAnswer(NodeId(2), GroupId(1), Index(1), Answer(OutcomeKind::kDone));
  check_.OnAnswer(NodeId(1), GroupId(0), dropped, Answer(OutcomeKind::kDone));
  check_.OnAnswer(NodeId(1), GroupId(1), dropped, Answer(OutcomeKind::kNotApplied));
  EXPECT_EQ(Found(), "nothing");
  EXPECT_EQ(verdicts_.counts().of(Check::kDroppedRefused), 1u);
}
TEST_F(NamespaceCheck, WhoKnowsOfADropAndServesIsRefused) {
  Do(Asked(1, 1, 1, kCreate));
  const Index dropped = Do(Asked(1, 1, 2, DropNamespace{GroupId(1)}));
  check_.OnAnswer(NodeId(1), GroupId(1), dropped, Answer(OutcomeKind::kUnknown));
  EXPECT_EQ(Found(), "ANSWER-3");
}

}  // namespace
}  // namespace quorate::sim
