// tests/sim/check_link_test.cc — checkers of whose words a node acts on.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// Node 1 speaks to node 2, both in their first lives; a test bends what it likes.
BatchFrame Batch() {
  return {.from = NodeId(1),
          .to = NodeId(2),
          .from_conn = {Incarnation(), BootNumber(1), 1},
          .to_conn = {Incarnation(), BootNumber(1), 1},
          .messages = {}};
}
HelloFrame Hello() {
  return {.from = NodeId(1),
          .to = NodeId(2),
          .cluster = 0,
          .protocol = kProtocolVersion,
          .kind = HelloKind::kAsk,
          .conn = {Incarnation(), BootNumber(1), 1},
          .seen = std::nullopt};
}
void Link(Play& play, const HelloFrame& hello, std::uint64_t boot) {
  play.invariants().OnFrameCame(NodeId(2), hello);
  const Input up = LinkUp{NodeId(1), BootNumber(boot), LinkSession(1)};
  play.Step(2, &up);
}
void Take(Play& play, const BatchFrame& batch) {
  play.invariants().OnFrameCame(NodeId(2), batch);
  const Input taken = FrameReceived{NodeId(1), LinkSession(1), {}};
  play.Step(2, &taken);
}

TEST(LinkChecks, WordsOfTheLifeThatTheLinkIsAgreedWithPass) {
  Play play;
  Link(play, Hello(), 1);
  play.invariants().OnBatchLeft(NodeId(1), Batch());
  Take(play, Batch());
  EXPECT_CLEAN(play);
  EXPECT_EQ(play.Checked(Check::kOwnLife), 4u);
}

TEST(LinkChecks, ALinkWithALifeThatNeverWasIsRefused) {
  Play play;
  HelloFrame hello = Hello();
  hello.conn.boot = BootNumber(2);
  Link(play, hello, 2);
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, ALinkByAHelloOfAnotherClusterIsRefused) {
  Play play;
  HelloFrame hello = Hello();
  hello.cluster = 77;
  Link(play, hello, 1);
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, ALinkByAHelloOfAnotherDataDirectoryIsRefused) {
  Play play;
  HelloFrame hello = Hello();
  hello.conn.incarnation = Incarnation(3);
  Link(play, hello, 1);
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, WordsOfALifeThatIsOverAreRefused) {
  Play play;
  play.invariants().OnCrash(NodeId(1), play.of(1).seq);
  play.invariants().OnBoot(NodeId(1), play.Found(1, play.OnDisk(1), 1), BootNumber(2));
  HelloFrame hello = Hello();
  hello.conn.boot = BootNumber(2);
  Link(play, hello, 2);
  EXPECT_CLEAN(play);
  Take(play, Batch());  // sent in life 1, and late
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, WordsMeantForAnEarlierLifeAreRefused) {
  Play play;
  play.invariants().OnCrash(NodeId(2), play.of(2).seq);
  play.invariants().OnBoot(NodeId(2), play.Found(2, play.OnDisk(2), 1), BootNumber(2));
  play.of(2).seq = PersistSeq();
  Link(play, Hello(), 1);
  EXPECT_CLEAN(play);
  Take(play, Batch());
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, WordsOfAnotherDataDirectoryAreRefused) {
  Play play;
  Link(play, Hello(), 1);
  BatchFrame batch = Batch();
  batch.from_conn.incarnation = Incarnation(3);
  Take(play, batch);
  EXPECT_VIOLATES(play, "I-27");
}

TEST(LinkChecks, SpeakingInTheNameOfAnotherLifeIsRefused) {
  Play play;
  BatchFrame batch = Batch();
  batch.from_conn.boot = BootNumber(9);
  play.invariants().OnBatchLeft(NodeId(1), batch);
  EXPECT_VIOLATES(play, "I-27");
}

}  // namespace
}  // namespace quorate::sim
