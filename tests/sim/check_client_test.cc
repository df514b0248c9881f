// tests/sim/check_client_test.cc — checkers of what clients are told.
#include "tests/sim/check_fixture.h"

namespace quorate::sim {
namespace {

// ---- clients -----------------------------------------------------------------------------------------------

Input Requests(RequestKind kind, std::uint64_t id) {
  ClientRequests requests;
  requests.requests.push_back({.id = RequestId(id),
                               .group = kGroup,
                               .kind = kind,
                               .session = {},
                               .seq = {},
                               .payload = {},
                               .timeout = {}});
  return requests;
}

Outcome DoneAt(std::uint64_t serial) {
  return {
      .kind = OutcomeKind::kDone, .refusal = Refusal::kNone, .serial = Index(serial), .result = {}};
}

// Node 1 leads; node 2 answers its heartbeat.
void Confirm(Play& play) {
  Heartbeat heartbeat;
  heartbeat.items.push_back({kGroup, Term(1), ReadCounter(1), At(1, 1)});
  const Input asked = play.From(1, heartbeat);
  play.Step(2, &asked);
  HeartbeatReply reply;
  reply.items.push_back({kGroup, Term(1), ReadCounter(1), true});
  const Input answer = play.From(2, reply);
  play.Step(1, &answer);
}

TEST(ReadChecks, AReadWithoutARoundOfConfirmationIsRefused) {
  Play play;
  play.SettleWithCommands();
  Confirm(play);
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(1, &read);
  play.Ask(1, RunQuery{PortRequest(1), kGroup, Index(3), {{RequestId(1), {}}}});
  play.Step(1);
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AReadAtOrBehindWhatWasCommittedPasses) {
  Play play;
  play.SettleWithCommands();
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  Confirm(play);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(3), {{RequestId(1), {}}}});
  play.Step(2);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(3));
  EXPECT_CLEAN(play);
  EXPECT_EQ(play.Checked(Check::kReadIndex), 3u);
}

TEST(ReadChecks, AReadAtAnEarlierStateIsRefused) {
  Play play;
  play.SettleWithCommands();
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(2), {{RequestId(1), {}}}});
  play.Step(2);
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AnAnswerFromAnEarlierStateIsRefused) {
  Play play;
  play.SettleWithCommands();
  const Input read = Requests(RequestKind::kRead, 1);
  play.Step(2, &read);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(2));
  EXPECT_VIOLATES(play, "I-17");
}

TEST(ReadChecks, AStaleReadMayBeStale) {
  Play play;
  play.SettleWithCommands();
  const Input read = Requests(RequestKind::kStaleRead, 1);
  play.Step(2, &read);
  play.Ask(2, RunQuery{PortRequest(1), kGroup, Index(1), {{RequestId(1), {}}}});
  play.Step(2);
  play.invariants().OnReplyLeft(NodeId(2), RequestId(1), DoneAt(1));
  EXPECT_CLEAN(play);
}

TEST(ReadChecks, AReadIndexBeyondTheCommitIsRefused) {
  Play play;
  play.SettleWithCommands();
  play.Leave(1, 2, ReadIndexReply{.term = Term(1), .id = 1, .confirmed = true, .index = Index(3)});
  EXPECT_CLEAN(play);
  play.Leave(1, 2, ReadIndexReply{.term = Term(1), .id = 2, .confirmed = true, .index = Index(4)});
  EXPECT_VIOLATES(play, "I-17");
}

TEST(WriteChecks, AnAnswerToWhatIsNotCommittedIsRefused) {
  Play play;
  play.SettleWithCommands();
  const Input write = Requests(RequestKind::kWrite, 1);
  play.Step(1, &write);
  play.invariants().OnReplyLeft(NodeId(1), RequestId(1), DoneAt(4));
  EXPECT_CLEAN(play);  // the step that commits it may still be on its way
  play.Append(1, {Command(1, "c")});
  EXPECT_VIOLATES(play, "I-6");
}

TEST(WriteChecks, AnAnswerSeenBeforeTheStepThatCommittedItPasses) {
  Play play;
  play.SettleWithCommands();
  const Input write = Requests(RequestKind::kWrite, 1);
  play.Step(1, &write);
  play.Append(1, {Command(1, "c")});
  play.Replicate(1, 2);
  play.invariants().OnReplyLeft(NodeId(1), RequestId(1), DoneAt(4));
  play.Commit(1, 4);
  EXPECT_CLEAN(play);
}

TEST(WriteChecks, ForwardingAnOutcomeThatIsNotCommittedIsRefused) {
  Play play;
  play.SettleWithCommands();
  ForwardReply reply{.term = Term(1), .outcomes = {}};
  reply.outcomes.push_back({RequestId(1), ForwardVerdict::kApplied, Index(4), {}});
  play.Leave(1, 2, reply);
  EXPECT_VIOLATES(play, "I-6");
}

}  // namespace
}  // namespace quorate::sim
