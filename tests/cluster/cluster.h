// tests/cluster/cluster.h — a handful of hosts, driven step by step by a test.
//
// Model: real replicas and hosts over fake ports. Nothing happens by itself: the test delivers messages, makes
//   writes durable, lets time pass, crashes and cuts. Links come up at once unless they are cut.
// Checks, by its own code, after each step: at most one leader a term; equal (index, term) means equal entry;
//   what is committed anywhere is never contradicted; equal applied index means equal state digest.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/host.h"
#include "engine/kv/envelope.h"
#include "tests/cluster/fake_log.h"
#include "tests/engine/fake_map.h"

namespace quorate {

class Cluster {
 public:
  struct Packet {
    NodeId from;
    NodeId to;
    LinkSession session;
    PeerMessage message;
  };
  struct Answer {
    NodeId node;
    Outcome outcome;
  };

  explicit Cluster(std::uint32_t nodes, Options options = TestOptions(), std::uint32_t voters = 0) {
    options_ = options;
    NodeSet members;
    for (std::uint32_t i = 1; i <= (voters == 0 ? nodes : voters); ++i)
      members.push_back(NodeId(i));
    for (std::uint32_t i = 1; i <= nodes; ++i) {
      Node& node = nodes_[NodeId(i)];
      node.map.remember = false;
      node.log.Bootstrap(ConfigurationOf(members));
    }
    bootstrap_ = ConfigurationOf(members);
    for (auto& [id, node] : nodes_) Boot(id);
  }

  static Options TestOptions() {
    Options options;
    options.heartbeat = Milliseconds(50);
    options.election_timeout_min = Milliseconds(150);
    options.election_timeout_max = Milliseconds(300);
    options.resend = Milliseconds(100);
    options.request_timeout = Seconds(2);
    return options;
  }

  // ---- what a test does --------------------------------------------------------------------------------------
  bool Deliver(std::size_t at) {
    if (at >= packets_.size()) return false;
    const Packet packet = packets_[at];
    packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(at));
    Hand(packet);
    return true;
  }
  void Duplicate(std::size_t at) {
    if (at < packets_.size()) packets_.push_back(packets_[at]);
  }
  void Drop(std::size_t at) {
    if (at < packets_.size()) packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void DropBetween(NodeId from, NodeId to) {
    std::erase_if(packets_, [&](const Packet& p) { return p.from == from && p.to == to; });
  }
  bool Sync(NodeId id, std::size_t batches = 1'000'000) {
    Node& node = nodes_.at(id);
    if (node.host == nullptr || node.log.unsynced() == 0) return false;
    Feed(id, Persisted{node.log.SyncNext(batches)});
    return true;
  }
  bool Work(NodeId id) {
    Node& node = nodes_.at(id);
    if (node.host == nullptr) return false;
    if (node.host->HasWork()) {
      node.host->RunWork(now_);
      AfterStep(id);
      return true;
    }
    if (!node.flushes.empty()) {
      const PortRequest flush = node.flushes.front().first;
      node.flushed = std::move(node.flushes.front().second);
      node.flushes.pop_front();
      node.host->OnMapFlushed(now_, flush, true);
      AfterStep(id);
      return true;
    }
    std::vector<ReadLog> reads = node.log.TakeReads();
    for (const ReadLog& read : reads) Feed(id, node.log.AnswerRead(read));
    return !reads.empty();
  }
  // Lets time pass and everybody act on it; delivers nothing.
  void Pass(Duration by) {
    const MonoTime end = now_.mono + by;
    while (true) {
      MonoTime next = end;
      for (auto& [id, node] : nodes_) {
        if (node.host != nullptr) next = std::min(next, node.host->NextWakeup());
      }
      now_.mono = std::max(now_.mono, next);
      bool woke = false;
      for (auto& [id, node] : nodes_) {
        if (node.host == nullptr || node.host->NextWakeup() > now_.mono) continue;
        Feed(id, Wakeup{});
        woke = true;
      }
      if (!woke && now_.mono >= end) return;
    }
  }
  // The election timer of one node runs out, nobody else's.
  void TimeOut(NodeId id, GroupId group = kDefaultNamespace) {
    REQUIRE(raft(id, group).next_wakeup() != kNever);  // a leader without anything out has no timer
    now_.mono = std::max(now_.mono, raft(id, group).next_wakeup());
    Feed(id, Wakeup{});
  }
  // Delivers, syncs and works until nothing moves. Time stands still.
  void Settle(std::size_t limit = 100'000) {
    for (bool moved = true; moved && limit > 0; --limit) {
      moved = Deliver(0);
      for (auto& [id, node] : nodes_) moved = (!held_disks_.contains(id) && Sync(id)) || moved;
      for (auto& [id, node] : nodes_) {
        while (Work(id)) moved = true;
      }
    }
    REQUIRE(limit > 0);
  }
  // Settle makes nothing durable at this node.
  void HoldDisk(NodeId id) { held_disks_.insert(id); }
  void ReleaseDisk(NodeId id) { held_disks_.erase(id); }
  // Settles, with time passing in small steps, for `span`.
  void Run(Duration span) {
    const MonoTime end = now_.mono + span;
    while (now_.mono < end) {
      Settle();
      Pass(Milliseconds(10));
    }
    Settle();
  }
  void Crash(NodeId id, std::size_t kept_batches = 0) {
    Node& node = nodes_.at(id);
    node.host.reset();
    std::erase_if(packets_, [&](const Packet& p) { return p.to == id; });
    node.log.Crash(kept_batches);
    node.map = node.flushed;
    node.flushes.clear();
    for (auto& [other, peer] : nodes_) Unlink(other, id);
  }
  // Everything the node had is gone: its disk is that of a node which was just bootstrapped.
  void Wipe(NodeId id) {
    Crash(id);
    Node& node = nodes_.at(id);
    node.log = FakeLog();
    node.log.Bootstrap(bootstrap_);
    node.map = FakeMap();
    node.map.remember = false;
    node.flushed = node.map;
  }
  void Boot(NodeId id) {
    Node& node = nodes_.at(id);
    Recovered recovered =
        node.log.Recover({.cluster = 1, .node = id, .incarnation = Incarnation(1)});
    for (RecoveredGroup& group : recovered.groups) {
      if (group.group == kSystemGroup) continue;
      const auto machine =
          StateMachine::Open(node.map, {group.group, group.start.generation}, options_.kv);
      REQUIRE(machine.ok());
      group.applied = machine->applied();
    }
    node.ports = std::make_unique<Ports>(*this, id);
    node.host = std::make_unique<Host>(recovered, options_,
                                       HostPorts{node.log, *node.ports, *node.ports, *node.ports});
    node.host->Start(now_);
    AfterStep(id);
    Sync(id);  // the boot record
    for (auto& [other, peer] : nodes_) Link(id, other);
  }
  void Restart(NodeId id, std::size_t kept_batches = 0) {
    Crash(id, kept_batches);
    Boot(id);
  }
  // One way: what `from` sends to `to` is lost.
  void Cut(NodeId from, NodeId to) {
    cut_.insert({from, to});
    DropBetween(from, to);
  }
  void Isolate(NodeId id) {
    for (auto& [other, peer] : nodes_) {
      if (other == id) continue;
      Cut(id, other);
      Cut(other, id);
    }
  }
  void Heal() { cut_.clear(); }

  void Feed(NodeId id, const Input& input) {
    Node& node = nodes_.at(id);
    if (node.host == nullptr) return;
    node.host->Handle(now_, input);
    AfterStep(id);
  }
  RequestId Ask(NodeId id, RequestKind kind, GroupId group, std::string payload,
                SessionId session = {}, SessionSeq seq = {}) {
    last_request_ = Next(last_request_);
    ClientRequests requests;
    requests.requests.push_back({.id = last_request_,
                                 .group = group,
                                 .kind = kind,
                                 .session = session,
                                 .seq = seq,
                                 .payload = Payload(std::move(payload)),
                                 .timeout = {}});
    const RequestId id_of_request = last_request_;
    Feed(id, requests);
    return id_of_request;
  }
  RequestId AskPut(NodeId id, std::string key, std::string value, SessionId session = {},
                   SessionSeq seq = {}) {
    return Ask(id, RequestKind::kWrite, kDefaultNamespace,
               EncodeCommand(quorate::Put{std::move(key), std::move(value)}), session, seq);
  }
  RequestId AskGet(NodeId id, std::string key) {
    return Ask(id, RequestKind::kRead, kDefaultNamespace,
               EncodeQuery(quorate::Get{std::move(key)}));
  }

  // ---- what a test sees ----------------------------------------------------------------------------------------
  const Answer* AnswerTo(RequestId request) const {
    const auto found = answers_.find(request);
    return found == answers_.end() ? nullptr : &found->second;
  }
  Host* host(NodeId id) { return nodes_.at(id).host.get(); }
  const Raft& raft(NodeId id, GroupId group = kDefaultNamespace) const {
    return *nodes_.at(id).host->replica().group(group);
  }
  // Who leads the group in the highest term; 0 = nobody.
  NodeId LeaderOf(GroupId group = kDefaultNamespace) const {
    NodeId leader;
    Term term;
    for (const auto& [id, node] : nodes_) {
      if (node.host == nullptr) continue;
      const Raft* raft = node.host->replica().group(group);
      if (raft == nullptr || !raft->leads() || raft->term() < term) continue;
      term = raft->term();
      leader = id;
    }
    return leader;
  }
  const std::deque<Packet>& packets() const { return packets_; }
  std::size_t size() const { return nodes_.size(); }
  bool IsUp(NodeId id) const { return nodes_.at(id).host != nullptr; }
  Now now() const { return now_; }
  void set_options_seed(std::uint64_t seed) { options_.seed = seed; }

 private:
  class Ports final : public WirePort, public ClientsPort, public MapPort {
   public:
    Ports(Cluster& cluster, NodeId id) : cluster_(cluster), id_(id) {}
    void Send(Outgoing frame) override {
      if (cluster_.cut_.contains({id_, frame.to})) return;
      const LinkSession theirs = cluster_.sessions_[{frame.to, id_}];
      for (PeerMessage& message : frame.messages) {
        cluster_.packets_.push_back({id_, frame.to, theirs, std::move(message)});
      }
    }
    void Answer(RequestId request, const Outcome& outcome) override {
      REQUIRE(cluster_.answers_.emplace(request, Cluster::Answer{id_, outcome}).second);
    }
    absl::StatusOr<std::optional<std::string>> Get(const MapSpace& space, Table table,
                                                   std::string_view key) const override {
      return map().Get(space, table, key);
    }
    absl::StatusOr<MapPage> Scan(const MapSpace& space, Table table, std::string_view from,
                                 std::optional<std::string_view> to,
                                 MapLimit limit) const override {
      return map().Scan(space, table, from, to, limit);
    }
    absl::Status Write(const MapSpace& space, std::span<const MapChange> changes) override {
      return map().Write(space, changes);
    }
    absl::Status Drop(const MapSpace& space) override { return map().Drop(space); }
    absl::StatusOr<std::vector<MapSpace>> Spaces() const override { return map().Spaces(); }
    absl::StatusOr<std::unique_ptr<MapReader>> Pin(const MapSpace& space) const override {
      return map().Pin(space);
    }
    void StartFlush(PortRequest id) override {
      cluster_.nodes_.at(id_).flushes.push_back({id, map()});
    }

   private:
    FakeMap& map() const { return cluster_.nodes_.at(id_).map; }
    Cluster& cluster_;
    NodeId id_;
  };
  struct Node {
    FakeLog log;
    FakeMap map;
    FakeMap flushed;  // what a crash falls back to
    std::deque<std::pair<PortRequest, FakeMap>>
        flushes;  // under way, each with what it will make durable
    std::unique_ptr<Ports> ports;
    std::unique_ptr<Host> host;
  };

  void Link(NodeId a, NodeId b) {
    if (a == b || nodes_.at(a).host == nullptr || nodes_.at(b).host == nullptr) return;
    const LinkSession session(++sessions_made_);
    std::erase_if(packets_, [&](const Packet& p) {
      return (p.from == a && p.to == b) || (p.from == b && p.to == a);
    });
    sessions_[{a, b}] = session;
    sessions_[{b, a}] = session;
    Feed(a, LinkUp{b, nodes_.at(b).host->replica().boot(), session});
    Feed(b, LinkUp{a, nodes_.at(a).host->replica().boot(), session});
  }
  void Unlink(NodeId at, NodeId peer) {
    if (at != peer) Feed(at, LinkDown{peer, sessions_[{at, peer}]});
  }
  void Hand(const Packet& packet) {
    if (cut_.contains({packet.from, packet.to})) return;
    FrameReceived frame{packet.from, packet.session, {packet.message}};
    Feed(packet.to, frame);
  }
  void AfterStep(NodeId id) {
    Node& node = nodes_.at(id);
    node.host->EndTurn();
    for (const auto& [group, raft] : node.host->replica().groups()) Check(id, group, raft);
  }
  void Check(NodeId id, GroupId group, const Raft& raft) {
    if (raft.leads()) {
      const auto [at, fresh] = leaders_.try_emplace({group, raft.term()}, id);
      INVARIANT(at->second == id);
    }
    Index& seen = seen_commit_[{group, id}];
    if (raft.commit() < seen) seen = raft.commit();  // after a restart
    for (Index at = Next(seen); at <= raft.commit(); at = Next(at)) {
      const std::optional<Term> term = raft.log().TermAt(at);
      if (!term) continue;
      const auto [held, fresh] = committed_.try_emplace({group, at}, *term);
      INVARIANT(held->second == *term);
    }
    seen = raft.commit();
    const StateMachine* machine = nodes_.at(id).host->machine(group);
    if (machine == nullptr) return;
    const auto [state, fresh] =
        digests_.try_emplace({group, machine->applied().index}, machine->digest());
    INVARIANT(state->second == machine->digest());
  }

  Options options_;
  Configuration bootstrap_;
  std::map<NodeId, Node> nodes_;
  std::deque<Packet> packets_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  std::set<NodeId> held_disks_;
  std::map<std::pair<NodeId, NodeId>, LinkSession> sessions_;
  std::map<RequestId, Answer> answers_;
  std::map<std::pair<GroupId, Term>, NodeId> leaders_;
  std::map<std::pair<GroupId, NodeId>, Index> seen_commit_;
  std::map<std::pair<GroupId, Index>, Term> committed_;
  std::map<std::pair<GroupId, Index>, Digest> digests_;
  std::uint64_t sessions_made_ = 0;
  RequestId last_request_;
  Now now_{.mono = {1'000'000'000}, .wall = {}};
};

}  // namespace quorate
