// The host over the stores on RocksDB, with a disk thread, under a process that is killed again and again: no entry
// that was acknowledged is lost. One node alone is the group, so that its disk is all there is.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>

#include "engine/host.h"
#include "engine/kv/command.h"
#include "storage/recovery.h"
#include "storage/threaded_log.h"
#include "tests/contract/stores.h"
#include "tests/contract/victim.h"

namespace quorate {
namespace {

constexpr std::size_t kKills = 20;
constexpr std::size_t kAcknowledgedARound = 55;
constexpr std::uint64_t kRequestsUnderWay = 16;
constexpr std::chrono::seconds kPatience{60};

Identity Alone() { return Identity{5, NodeId{1}, Incarnation{1}}; }
Configuration OnlyMember() { return ConfigurationOf({NodeId{1}}); }

Options Quick() {
  Options options;
  options.heartbeat = Milliseconds(10);
  options.election_timeout_min = Milliseconds(20);
  options.election_timeout_max = Milliseconds(40);
  options.snapshot_every = 40;  // so that prefixes are dropped, too
  options.log_keep = 5;
  return options;
}

class NoWire final : public WirePort {
 public:
  void Send(Outgoing) override {}
};

class Answers final : public ClientsPort {
 public:
  void Answer(RequestId request, const Outcome& outcome) override {
    came_.emplace_back(request, outcome);
  }
  std::vector<std::pair<RequestId, Outcome>> Take() { return std::exchange(came_, {}); }

 private:
  std::vector<std::pair<RequestId, Outcome>> came_;
};

// A node's loop, with clients inside the process.
class Node {
 public:
  explicit Node(const std::string& folder)
      : log_kv_(OpenRocksKv(folder + "/log", RocksUse::kLog).value()),
        map_kv_(OpenRocksKv(folder + "/map", RocksUse::kMap).value()),
        map_(MapStore::Open(*map_kv_, Alone()).value()),
        stores_(RecoverNode(*log_kv_, map_, Alone(), Quick().kv).value()),
        log_(std::move(stores_.log)),
        host_(stores_.recovered, Quick(), HostPorts{log_, map_, wire_, answers_}) {
    host_.Start(Time());
    host_.EndTurn();
  }

  RequestId Ask(RequestKind kind, std::string payload) {
    last_request_ = Next(last_request_);
    host_.Handle(
        Time(),
        ClientRequests{{ClientRequest{
            last_request_, kDefaultNamespace, kind, {}, {}, Payload(std::move(payload)), {}}}});
    return last_request_;
  }

  std::vector<std::pair<RequestId, Outcome>> Turn() {
    for (const Input& input : log_.Poll()) host_.Handle(Time(), input);
    if (host_.NextWakeup() <= Time().mono) host_.Handle(Time(), Wakeup{});
    while (host_.HasWork()) host_.RunWork(Time());
    for (const MapStore::FinishedFlush& flush : map_.FinishFlush()) {
      host_.OnMapFlushed(Time(), flush.id, flush.ok);
    }
    host_.EndTurn();
    REQUIRE(!host_.stopped());
    std::vector<std::pair<RequestId, Outcome>> answers = answers_.Take();
    if (answers.empty() && !host_.HasWork()) log_.Wait(std::chrono::milliseconds{1});
    return answers;
  }

 private:
  static Now Time() {
    using std::chrono::duration_cast;
    using std::chrono::nanoseconds;
    return Now{
        {duration_cast<nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()},
        {duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count()}};
  }

  std::unique_ptr<Kv> log_kv_;
  std::unique_ptr<Kv> map_kv_;
  MapStore map_;
  RecoveredNode stores_;
  ThreadedLog log_;
  NoWire wire_;
  Answers answers_;
  Host host_;
  RequestId last_request_;
};

std::string KeyOf(std::uint64_t n) { return "k" + std::to_string(n); }
std::string ValueOf(std::uint64_t n) { return "value " + std::to_string(n * 7); }

// Writes n, n + 1, … for ever, several at a time; reports each that was acknowledged.
[[noreturn]] void WriteForEver(const std::string& folder, std::uint64_t n) {
  Node node(folder);
  std::map<RequestId, std::uint64_t> under_way;
  for (;;) {
    while (under_way.size() < kRequestsUnderWay) {
      const RequestId request =
          node.Ask(RequestKind::kWrite, EncodeCommand(Put{KeyOf(n), ValueOf(n)}));
      under_way[request] = n++;
    }
    for (const auto& [request, outcome] : node.Turn()) {
      if (outcome.kind == OutcomeKind::kDone &&
          DecodeReply(outcome.result.bytes())->status == ReplyStatus::kOk) {
        Report(under_way.at(request));
      }
      under_way.erase(request);
    }
  }
}

// What the node answers for a key, asked until it has found itself a leader.
KvReply Read(Node& node, const std::string& key) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const RequestId request = node.Ask(RequestKind::kRead, EncodeQuery(Get{key}));
    for (bool answered = false; !answered;) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "no answer for " << key;
        return KvReply{};
      }
      for (const auto& [id, outcome] : node.Turn()) {
        if (id != request) continue;
        if (outcome.kind == OutcomeKind::kDone) return DecodeReply(outcome.result.bytes()).value();
        answered = true;
      }
    }
  }
}

TEST(KilledHost, LosesNoEntryThatItAcknowledged) {
  TemporaryFolder folder;
  const std::string path = folder / "";
  ASSERT_TRUE(
      Bootstrap(*OpenRocksKv(folder / "log", RocksUse::kLog).value(), Alone(), OnlyMember()).ok());
  std::vector<std::uint64_t> acknowledged;
  for (std::uint64_t round = 0; round < kKills; ++round) {
    for (const std::uint64_t n :
         KillAfter({path, std::to_string(round * 1'000'000)}, kAcknowledgedARound)) {
      acknowledged.push_back(n);
    }
  }
  ASSERT_GE(acknowledged.size(), 1000u);
  Node node(path);
  for (const std::uint64_t n : acknowledged) {
    const KvReply reply = Read(node, KeyOf(n));
    ASSERT_EQ(reply.status, ReplyStatus::kOk) << KeyOf(n) << " was acknowledged and is lost";
    ASSERT_EQ(reply.rows.at(0).value, ValueOf(n));
  }
}

}  // namespace
}  // namespace quorate

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--victim") == 0)
    quorate::WriteForEver(argv[2], std::stoull(argv[3]));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
