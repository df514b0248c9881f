// One sentence of the link's protocol each: a link, one thing that happens, exactly what it asks for.
#include "net/link.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/match.h"

namespace quorate {
namespace {

constexpr NodeId kA{1};
constexpr NodeId kB{2};
constexpr std::uint64_t kCluster = 99;
constexpr MonoTime kStart{Seconds(1000).ns};
const LinkOptions kOptions{Milliseconds(20), Milliseconds(100)};

ConnNumber Conn(std::uint64_t boot, std::uint64_t number) {
  return {Incarnation(1), BootNumber(boot), number};
}

HelloFrame HelloFromB(HelloKind kind, ConnNumber conn, std::optional<ConnNumber> seen) {
  return {kB, kA, kCluster, kProtocolVersion, kind, conn, seen};
}
BatchFrame BatchFromB(ConnNumber from, ConnNumber to) {
  return {kB, kA, from, to, {{GroupId(1), TimeoutNow{Term(7)}}}};
}

// A's side of the link to B, in A's boot 5. Keeps what came out since the last `Take`.
class Side {
 public:
  explicit Side(BootNumber boot = BootNumber(5))
      : link({kCluster, kA, Incarnation(1)}, boot, kB, kOptions) {}

  static Side Enabled() {
    Side side;
    side.link.Enable(kStart, side.out);
    side.out.clear();
    return side;
  }
  // Up in session 1 with attempt 3.1 of B.
  static Side Up() {
    Side side = Enabled();
    side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(5, 1)));
    side.out.clear();
    return side;
  }

  void Frame(quorate::Frame frame, Duration later = {}) {
    link.OnFrame(kStart + later, std::move(frame), out);
  }
  std::vector<std::string> Take() {
    std::vector<std::string> text;
    for (const LinkOutput& output : out) {
      text.push_back(std::visit(
          Match{
              [](const LinkUp& up) {
                return "up " + std::to_string(up.session.value()) + " boot " +
                       std::to_string(up.boot.value());
              },
              [](const LinkDown& down) { return "down " + std::to_string(down.session.value()); },
              [](const FrameReceived& frame) {
                return "received " + std::to_string(frame.messages.size()) + " in " +
                       std::to_string(frame.session.value());
              },
              [](const SayHello& say) { return quorate::Render(quorate::Frame(say.frame)); },
              [](const FrameRejected& rejected) {
                return std::string("rejected ") + NameOf(rejected.reason);
              },
          },
          output));
    }
    out.clear();
    return text;
  }

  Link link;
  LinkOutputs out;
};

using Lines = std::vector<std::string>;

TEST(Link, SaysNothingBeforeItIsEnabled) {
  Side side;
  EXPECT_EQ(side.link.NextTimer(), kNever);
  side.link.OnTimer(kStart + Seconds(10), side.out);
  side.link.Reset(kStart, side.out);
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt));
  EXPECT_EQ(side.Take(), Lines{});
}

TEST(Link, EnableSaysHelloWithWhatWasHeardBefore) {
  Side side;
  side.link.Enable(kStart, side.out);
  EXPECT_EQ(side.Take(), Lines{"n1>n2 hello 1.5.1 seen none"});

  Side heard;
  heard.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt));
  heard.link.Enable(kStart, heard.out);
  EXPECT_EQ(heard.Take(), Lines{"n1>n2 hello 1.5.1 seen 1.3.1"});
  heard.link.Enable(kStart, heard.out);  // again: no effect
  EXPECT_EQ(heard.Take(), Lines{});
}

TEST(Link, NotEnabledItIsNeverUpWhateverAPeerClaims) {
  Side side;
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), Conn(5, 1)));
  side.Frame(BatchFromB(Conn(3, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"rejected other-session"});
  EXPECT_FALSE(side.link.up());
}

TEST(Link, HelloThatDoesNotKnowMyAttemptIsAnsweredButDoesNotBringUp) {
  Side side = Side::Enabled();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt));
  EXPECT_EQ(side.Take(), Lines{"n1>n2 hello 1.5.1 seen 1.3.1"});
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), Conn(4, 9)));  // an earlier life of mine
  EXPECT_EQ(side.Take(), Lines{"n1>n2 hello 1.5.1 seen 1.3.1"});
  EXPECT_FALSE(side.link.up());
}

TEST(Link, HelloThatRepeatsMyAttemptBringsUpAndIsAnswered) {
  Side side = Side::Enabled();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), (Lines{"up 1 boot 3", "n1>n2 hello-answer 1.5.1 seen 1.3.1"}));
  EXPECT_EQ(side.link.session(), LinkSession(1));
}

TEST(Link, AnswerBringsUpAndIsNotAnswered) {
  Side side = Side::Enabled();
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"up 1 boot 3"});
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(5, 1)));  // doubled
  EXPECT_EQ(side.Take(), Lines{});
}

TEST(Link, AskingPeerIsAnsweredWhileUpWithoutANewSession) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), Conn(5, 1)));
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt));  // an early one, overtaken
  EXPECT_EQ(side.Take(), Lines(2, "n1>n2 hello-answer 1.5.1 seen 1.3.1"));
  EXPECT_EQ(side.link.session(), LinkSession(1));
}

TEST(Link, BatchOfTheAgreedPairBringsUp) {
  Side side = Side::Enabled();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt));
  side.Take();
  side.Frame(BatchFromB(Conn(3, 1), Conn(5, 1)));  // B's answer was lost or comes later
  EXPECT_EQ(side.Take(), (Lines{"up 1 boot 3", "received 1 in 1"}));
}

TEST(Link, BatchIsTakenOnlyIfBothAttemptsAreTheCurrentOnes) {
  Side side = Side::Up();
  side.Frame(BatchFromB(Conn(3, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"received 1 in 1"});
  for (const auto& [from, to] :
       {std::pair(Conn(2, 1), Conn(5, 1)), std::pair(Conn(3, 2), Conn(5, 1)),
        std::pair(Conn(3, 1), Conn(4, 1)), std::pair(Conn(3, 1), Conn(5, 2))}) {
    side.Frame(BatchFromB(from, to));
    EXPECT_EQ(side.Take(), Lines{"rejected other-session"});
  }
  ConnNumber replaced = Conn(3, 1);
  replaced.incarnation = Incarnation(2);  // the same numbers from another data directory
  side.Frame(BatchFromB(replaced, Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"rejected other-session"});
}

TEST(Link, BatchOfAnEndedSessionMakesItSayHelloOnceAPause) {
  Side side = Side::Enabled();  // just restarted: B still talks to the life before
  for (int i = 0; i < 5; ++i) side.Frame(BatchFromB(Conn(3, 1), Conn(4, 1)), Milliseconds(30));
  EXPECT_EQ(side.Take(), (Lines{"rejected other-session", "n1>n2 hello 1.5.1 seen none",
                                "rejected other-session", "rejected other-session",
                                "rejected other-session", "rejected other-session"}));
}

TEST(Link, NextAttemptOfThePeerEndsTheSession) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(4, 1), std::nullopt));  // B restarted
  EXPECT_EQ(side.Take(), (Lines{"down 1", "n1>n2 hello 1.5.1 seen 1.4.1"}));
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(4, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"up 2 boot 4"});
}

TEST(Link, NextAttemptThatRepeatsMineEndsOneSessionAndBeginsTheNext) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 2), Conn(5, 1)));  // B's carrier broke
  EXPECT_EQ(side.Take(), (Lines{"down 1", "up 2 boot 3", "n1>n2 hello-answer 1.5.1 seen 1.3.2"}));
  side.Frame(BatchFromB(Conn(3, 1), Conn(5, 1)));  // still under way from session 1
  EXPECT_EQ(side.Take(), Lines{"rejected other-session"});
}

TEST(Link, AnswerOfANewAttemptThatDoesNotKnowMineEndsTheSessionAndIsAskedAboutLater) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(4, 1), Conn(4, 1)));  // no honest peer says so
  EXPECT_EQ(side.Take(), Lines{"down 1"});
  const MonoTime due = side.link.NextTimer();
  EXPECT_EQ(due, kStart + kOptions.hello_first);
  side.link.OnTimer(due, side.out);
  EXPECT_EQ(side.Take(), Lines{"n1>n2 hello 1.5.1 seen 1.4.1"});
}

TEST(Link, ResetEndsTheSessionAndBeginsTheNextAttempt) {
  Side side = Side::Up();
  side.link.Reset(kStart, side.out);
  EXPECT_EQ(side.Take(), (Lines{"down 1", "n1>n2 hello 1.5.2 seen 1.3.1"}));
  side.Frame(BatchFromB(Conn(3, 1), Conn(5, 1)));
  EXPECT_EQ(side.Take(), Lines{"rejected other-session"});
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(5, 1)));  // an old answer, doubled
  EXPECT_EQ(side.Take(), Lines{});
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(5, 2)));
  EXPECT_EQ(side.Take(), Lines{"up 2 boot 3"});
}

TEST(Link, HelloIsSaidAgainAfterPausesThatDoubleUpToALimit) {
  Side side = Side::Enabled();
  std::vector<std::int64_t> pauses_ms;
  MonoTime last = kStart;
  for (int i = 0; i < 6; ++i) {
    const MonoTime due = side.link.NextTimer();
    pauses_ms.push_back((due - last).ns / 1'000'000);
    side.link.OnTimer(MonoTime{due.ns - 1}, side.out);
    EXPECT_EQ(side.Take(), Lines{}) << "too early";
    side.link.OnTimer(due, side.out);
    EXPECT_EQ(side.Take(), Lines{"n1>n2 hello 1.5.1 seen none"});
    last = due;
  }
  EXPECT_EQ(pauses_ms, (std::vector<std::int64_t>{20, 40, 80, 100, 100, 100}));
}

TEST(Link, PauseIsShortAgainAfterANewAttemptAndAfterReset) {
  Side side = Side::Enabled();
  for (int i = 0; i < 6; ++i) side.link.OnTimer(side.link.NextTimer(), side.out);
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 1), std::nullopt), Seconds(1));
  EXPECT_EQ(side.link.NextTimer(), kStart + Seconds(1) + kOptions.hello_first);
  for (int i = 0; i < 6; ++i) side.link.OnTimer(side.link.NextTimer(), side.out);
  side.link.Reset(kStart + Seconds(2), side.out);
  EXPECT_EQ(side.link.NextTimer(), kStart + Seconds(2) + kOptions.hello_first);
}

TEST(Link, UpItHasNoTimer) { EXPECT_EQ(Side::Up().link.NextTimer(), kNever); }

TEST(Link, PackNamesBothAttemptsAndRefusesASessionThatIsOver) {
  Side side = Side::Up();
  const std::vector<PeerMessage> messages{{GroupId(1), TimeoutNow{Term(7)}}};
  const std::optional<BatchFrame> batch = side.link.Pack(LinkSession(1), messages);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(*batch, (BatchFrame{kA, kB, Conn(5, 1), Conn(3, 1), messages}));
  EXPECT_FALSE(side.link.Pack(LinkSession(0), messages).has_value());
  EXPECT_FALSE(side.link.Pack(LinkSession(2), messages).has_value());
  side.link.Reset(kStart, side.out);
  EXPECT_FALSE(side.link.Pack(LinkSession(1), messages).has_value());
}

// ---- refusals ---------------------------------------------------------------------------------------

TEST(LinkRefusal, ForeignHellosChangeNothingAndGetNoAnswer) {
  const HelloFrame good = HelloFromB(HelloKind::kAsk, Conn(9, 9), Conn(5, 1));
  std::vector<std::pair<HelloFrame, std::string>> cases(4, {good, ""});
  cases[0].first.cluster = 98;
  cases[0].second = "rejected other-cluster";
  cases[1].first.from = NodeId(3);
  cases[1].second = "rejected other-node";
  cases[2].first.to = NodeId(3);
  cases[2].second = "rejected other-node";
  cases[3].first.protocol = kProtocolVersion + 1;
  cases[3].second = "rejected other-protocol";
  for (const auto& [hello, verdict] : cases) {
    Side side = Side::Up();
    const Link before = side.link;
    side.Frame(hello);
    EXPECT_EQ(side.Take(), Lines{verdict});
    EXPECT_EQ(side.link, before);
  }
}

TEST(LinkRefusal, BatchOfAnotherNodeIsRejected) {
  Side side = Side::Up();
  BatchFrame batch = BatchFromB(Conn(3, 1), Conn(5, 1));
  batch.from = NodeId(3);
  side.Frame(batch);
  batch.from = kB;
  batch.to = NodeId(3);
  side.Frame(batch);
  EXPECT_EQ(side.Take(), Lines(2, "rejected other-node"));
}

TEST(LinkRefusal, OlderAttemptOfTheSameLifeIsRejectedInSilence) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(3, 0), Conn(5, 1)), Seconds(1));
  EXPECT_EQ(side.Take(), Lines{"rejected older-attempt"});
  EXPECT_TRUE(side.link.up());
}

TEST(LinkRefusal, OlderLifeIsRejectedAndToldWhatWasSeen) {
  Side side = Side::Up();
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(2, 8), std::nullopt), Seconds(1));
  EXPECT_EQ(side.Take(), (Lines{"rejected older-boot", "n1>n2 hello-answer 1.5.1 seen 1.3.1"}));
  ConnNumber newer = Conn(1, 1);
  newer.incarnation = Incarnation(2);  // replaced: its boots begin again
  side.Frame(HelloFromB(HelloKind::kAnswer, newer, Conn(5, 1)), Seconds(2));
  EXPECT_EQ(side.Take(), (Lines{"down 1", "up 2 boot 1"}));
  side.Frame(HelloFromB(HelloKind::kAsk, Conn(4, 1), Conn(5, 1)), Seconds(3));
  EXPECT_EQ(side.Take(),
            (Lines{"rejected older-incarnation", "n1>n2 hello-answer 1.5.1 seen 2.1.1"}));
  EXPECT_TRUE(side.link.up());
}

TEST(LinkRefusal, OlderLivesAreToldAtMostOnceAPause) {
  Side side = Side::Up();
  std::size_t hellos = 0;
  for (int i = 0; i < 100; ++i) {
    side.Frame(HelloFromB(HelloKind::kAsk, Conn(2, 8), std::nullopt), Seconds(1) + Milliseconds(i));
    for (const std::string& line : side.Take()) hellos += line.find("hello") != std::string::npos;
  }
  EXPECT_EQ(hellos, 5u);
}

TEST(LinkRefusal, PeerThatSawALaterLifeOfMineShowsThatMyDiskWentBack) {
  Side side = Side::Enabled();
  side.Frame(HelloFromB(HelloKind::kAnswer, Conn(3, 1), Conn(6, 1)));
  EXPECT_EQ(side.Take(), Lines{"rejected own-past"});
  EXPECT_FALSE(side.link.up());
}

// B restored an old image: its boot counter went back. Neither side links; B learns why.
TEST(LinkRefusal, NodeOnAnOldImageIsKeptOutAndLearnsIt) {
  Side side = Side::Up();
  Link restored({kCluster, kB, Incarnation(1)}, BootNumber(2), kA, kOptions);
  LinkOutputs said;
  restored.Enable(kStart, said);
  side.Frame(std::get<SayHello>(said.at(0)).frame, Seconds(1));
  ASSERT_EQ(side.out.size(), 2u);
  LinkOutputs heard;
  restored.OnFrame(kStart, std::get<SayHello>(side.out.at(1)).frame, heard);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(std::get<FrameRejected>(heard[0]).reason, RejectReason::kOwnPast);
  EXPECT_FALSE(restored.up());
}

}  // namespace
}  // namespace quorate
