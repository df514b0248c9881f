// Any schedule of deliveries, losses, repetitions, syncs, crashes, cuts and client requests keeps the promises.
//
// The cluster checks itself after each step (tests/cluster/cluster.h); engine assertions throw here, so a failing
// schedule shrinks. After the schedule the cluster heals, and must agree and answer within a bound.
#include <map>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/cluster/cluster.h"

namespace quorate {
namespace {

enum class Act {
  kDeliver,
  kDeliverLate,
  kDuplicate,
  kDrop,
  kSyncOne,
  kSync,
  kWork,
  kPass,
  kTimeOut,
  kPut,
  kGet,
  kRestart,
  kCut,
  kHeal,
  kTransfer,
  kIsolate,
};
struct Move {
  Act act;
  std::uint8_t node;
  std::uint8_t pick;
};
std::ostream& operator<<(std::ostream& out, const Move& move) {
  static constexpr const char* kNames[] = {
      "deliver", "deliver_late", "duplicate", "drop",    "sync_one", "sync", "work",     "pass",
      "timeout", "put",          "get",       "restart", "cut",      "heal", "transfer", "isolate"};
  return out << kNames[static_cast<int>(move.act)] << "(" << int{move.node} << "," << int{move.pick}
             << ")";
}

rc::Gen<Move> AnyMove() {
  return rc::gen::build<Move>(
      rc::gen::set(&Move::act, rc::gen::weightedElement<Act>({{40, Act::kDeliver},
                                                              {6, Act::kDeliverLate},
                                                              {3, Act::kDuplicate},
                                                              {4, Act::kDrop},
                                                              {5, Act::kSyncOne},
                                                              {12, Act::kSync},
                                                              {14, Act::kWork},
                                                              {8, Act::kPass},
                                                              {4, Act::kTimeOut},
                                                              {8, Act::kPut},
                                                              {3, Act::kGet},
                                                              {2, Act::kRestart},
                                                              {1, Act::kCut},
                                                              {1, Act::kHeal},
                                                              {1, Act::kTransfer},
                                                              {1, Act::kIsolate}})),
      rc::gen::set(&Move::node, rc::gen::arbitrary<std::uint8_t>()),
      rc::gen::set(&Move::pick, rc::gen::arbitrary<std::uint8_t>()));
}

void Play(Cluster& cluster, const Move& move, int& puts) {
  const NodeId node(1 + move.node % static_cast<std::uint32_t>(cluster.size()));
  const NodeId other(1 + move.pick % static_cast<std::uint32_t>(cluster.size()));
  const std::size_t any = move.pick % std::max<std::size_t>(1, cluster.packets().size());
  switch (move.act) {
    case Act::kDeliver:
      for (int i = 0; i < 1 + move.pick % 4; ++i) cluster.Deliver(0);
      break;
    case Act::kDeliverLate:
      cluster.Deliver(any);
      break;
    case Act::kDuplicate:
      cluster.Duplicate(any);
      break;
    case Act::kDrop:
      cluster.Drop(any);
      break;
    case Act::kSyncOne:
      cluster.Sync(node, 1);
      break;
    case Act::kSync:
      cluster.Sync(node);
      break;
    case Act::kWork:
      cluster.Work(node);
      break;
    case Act::kPass:
      cluster.Pass(Milliseconds(5 + move.pick % 60));
      break;
    case Act::kTimeOut:
      cluster.Pass(Milliseconds(100 + move.pick));
      break;
    case Act::kPut:
      cluster.AskPut(node, "k" + std::to_string(move.pick % 4), std::to_string(++puts));
      break;
    case Act::kGet:
      cluster.AskGet(node, "k" + std::to_string(move.pick % 4));
      break;
    case Act::kRestart:
      cluster.Restart(node, move.pick % 5);
      break;
    case Act::kCut:
      cluster.Cut(node, other);
      break;
    case Act::kHeal:
      cluster.Heal();
      break;
    case Act::kTransfer:
      cluster.Feed(node, TransferLeadership{kDefaultNamespace, other});
      break;
    case Act::kIsolate:
      cluster.Isolate(node);
      break;
  }
}

Options TinyOptions(std::uint8_t draw) {
  Options options = Cluster::TestOptions();
  options.seed = draw;
  options.snapshot_every = 1 + draw % 7;
  options.log_keep = draw % 3;
  options.snapshot_chunk_bytes = 16 + draw % 80;
  options.log_cache_entries = draw % 4;
  options.max_append_entries = 1 + draw % 3;
  options.max_inflight_messages = 1 + draw % 4;
  options.max_apply_entries = 1 + draw % 3;
  options.max_lent_sessions = 1;
  options.kv.max_sessions =
      6;  // one more than nodes that lend: a lent session that is evicted is an unknown outcome
  options.kv.session_window = 2 + draw % 4;
  return options;
}

class Throwing {
 public:
  Throwing()
      : before_(SetCheckHandler([](const CheckFailure& failure) {
          throw std::runtime_error(std::string(failure.file) + ":" + std::to_string(failure.line) +
                                   " " + failure.kind + ": " + failure.condition);
        })) {}
  ~Throwing() { SetCheckHandler(before_); }

 private:
  CheckHandler before_;
};

// Whether the condition comes true within five seconds of the cluster's time.
template <class Condition>
bool Reaches(Cluster& cluster, const Condition& condition) {
  for (int i = 0; i < 250 && !condition(); ++i) cluster.Run(Milliseconds(20));
  return condition();
}

// Everybody has applied what the leader has committed, and holds the same.
bool Agree(Cluster& cluster) {
  const NodeId leader = cluster.LeaderOf();
  if (leader == NodeId()) return false;
  const Host& lead = *cluster.host(leader);
  for (std::uint32_t id = 1; id <= cluster.size(); ++id) {
    if (cluster.raft(NodeId(id)).applied() != cluster.raft(leader).commit()) return false;
    const StateMachine& machine = *cluster.host(NodeId(id))->machine(kDefaultNamespace);
    if (machine.digest() != lead.machine(kDefaultNamespace)->digest()) return false;
  }
  return true;
}

RC_GTEST_PROP(RaftSchedule, KeepsItsPromisesAndRecovers, ()) {
  const Throwing throwing;
  const auto nodes = *rc::gen::inRange<std::uint32_t>(1, 6);
  const auto draw = *rc::gen::arbitrary<std::uint8_t>();
  const auto moves = *rc::gen::scale(20.0, rc::gen::container<std::vector<Move>>(AnyMove()));
  Cluster cluster(nodes, TinyOptions(draw));
  int puts = 0;
  bool led = false;
  if (draw % 4 != 0) cluster.Run(Milliseconds(600));  // else nobody leads in most schedules
  for (const Move& move : moves) {
    Play(cluster, move, puts);
    led = led || cluster.LeaderOf() != NodeId();
  }
  cluster.Heal();
  RC_ASSERT(Reaches(cluster, [&] { return cluster.LeaderOf() != NodeId(); }));
  const RequestId last = cluster.AskPut(NodeId(1), "last", "word");
  RC_ASSERT(Reaches(cluster, [&] { return cluster.AnswerTo(last) != nullptr; }));
  RC_ASSERT(cluster.AnswerTo(last)->outcome.kind == OutcomeKind::kDone);
  RC_ASSERT(Reaches(cluster, [&] { return Agree(cluster); }));
  const NodeId leader = cluster.LeaderOf();
  RC_CLASSIFY(led, "somebody led during the schedule");
  RC_CLASSIFY(cluster.raft(leader).log().start().entry.index > Index(), "compacted");
}

}  // namespace
}  // namespace quorate
