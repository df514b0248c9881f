// tests/engine/replica_fixture.h — one replica, node 1, whose peers are played by the test.
#pragma once
#include <vector>

#include "engine/kv/envelope.h"
#include "engine/replica.h"

namespace quorate {

inline EntryId At(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }
inline VoteRequest Vote(VoteKind kind, std::uint64_t term, EntryId last) {
  const Term proposed(kind == VoteKind::kPreVote ? term + 1 : term);
  return {.term = Term(term),
          .kind = kind,
          .proposed = proposed,
          .campaign = Campaign(9),
          .last = last};
}

class ReplicaFixture {
 public:
  static constexpr GroupId kGroup = kDefaultNamespace;

  explicit ReplicaFixture(std::uint32_t voters = 3, Options options = DefaultOptions())
      : ReplicaFixture(Fresh(voters), options) {}
  ReplicaFixture(const Recovered& recovered, Options options) : replica_(recovered, options) {
    replica_.Start(now_);
    Persist();
    for (const NodeId peer : Group().configuration().Members()) {
      if (peer != NodeId(1)) Link(peer);
    }
  }

  static Options DefaultOptions() {
    Options options;
    options.heartbeat = Milliseconds(50);
    options.election_timeout_min = Milliseconds(150);
    options.election_timeout_max = Milliseconds(300);
    options.resend = Milliseconds(100);
    return options;
  }
  static Recovered Fresh(std::uint32_t voters) {
    NodeSet members;
    for (std::uint32_t i = 1; i <= voters; ++i) members.push_back(NodeId(i));
    Recovered recovered{.identity = {1, NodeId(1), Incarnation(1)}, .last_boot = {}, .groups = {}};
    for (const GroupId group : {kGroup, kSystemGroup}) {
      RecoveredGroup one;
      one.group = group;
      one.start.configuration = ConfigurationOf(members);
      if (group == kSystemGroup) {
        one.start.catalogue = Payload(Catalogue::Bootstrap(one.start.configuration).Encode());
      }
      recovered.groups.push_back(one);
    }
    return recovered;
  }

  const Effects& Step(const Input& input) { return replica_.Step(now_, input); }
  const Effects& From(std::uint32_t peer, Message message) {
    return Step(FrameReceived{NodeId(peer), session_, {{kGroup, std::move(message)}}});
  }
  const Effects& HeartbeatFrom(std::uint32_t peer, HeartbeatItem item) {
    return Step(FrameReceived{NodeId(peer), session_, {{kEveryGroup, Heartbeat{{item}}}}});
  }
  const Effects& BeatReplyFrom(std::uint32_t peer, HeartbeatReplyItem item) {
    return Step(FrameReceived{NodeId(peer), session_, {{kEveryGroup, HeartbeatReply{{item}}}}});
  }
  const Effects& Persist() { return Step(Persisted{replica_.last_write()}); }
  void Link(NodeId peer) { Step(LinkUp{peer, BootNumber(1), session_}); }
  const Effects& PassTo(MonoTime at) {
    now_.mono = at;
    return Step(Wakeup{});
  }
  const Effects& Pass(Duration by) { return PassTo(now_.mono + by); }
  const Effects& Propose(std::string command) {
    ClientRequests requests;
    last_request_ = Next(last_request_);
    // A session of its own for each test's needs: 7 is never checked by Raft.
    requests.requests.push_back({last_request_,
                                 kGroup,
                                 RequestKind::kWrite,
                                 SessionId(7),
                                 SessionSeq(last_request_.value()),
                                 Payload(std::move(command)),
                                 {}});
    return Step(requests);
  }
  const Effects& Read() {
    ClientRequests requests;
    last_request_ = Next(last_request_);
    requests.requests.push_back(
        {last_request_, kGroup, RequestKind::kRead, {}, {}, Payload("q"), {}});
    return Step(requests);
  }

  // Elapses the election timeout; the pre-vote requests are the effects.
  const Effects& TimeOut() { return PassTo(Group().next_wakeup()); }
  VoteReply Grant(VoteKind kind) const {
    const Candidacy& candidacy = std::get<Candidacy>(Group().role_state());
    const Term proposed = kind == VoteKind::kPreVote ? Next(Group().term()) : Group().term();
    return {.term = Group().term(),
            .kind = kind,
            .proposed = proposed,
            .campaign = candidacy.campaign,
            .granted = true};
  }
  void BecomeCandidate() {
    TimeOut();
    From(2, Grant(VoteKind::kPreVote));
    Persist();
  }
  // Leads in a new term; the barrier is appended, not durable, and was sent to the peers.
  void BecomeLeader() {
    BecomeCandidate();
    From(2, Grant(VoteKind::kVote));
  }
  // Leads, and the barrier is committed.
  void Lead() {
    BecomeLeader();
    Persist();
    From(2, Accepted(Group().log().last().index));
  }
  AppendReply Accepted(Index match) const {
    return {.term = Group().term(),
            .verdict = AppendVerdict::kAccepted,
            .match = match,
            .prev = {},
            .hint = {}};
  }
  AppendRequest Append(Term term, EntryId prev, std::vector<Term> terms, Index commit = {}) const {
    AppendRequest request{.term = term, .prev = prev, .commit = commit, .entries = {}};
    std::uint64_t n = prev.index.value();
    for (const Term one : terms) {
      request.entries.push_back({one, EntryKind::kCommand, Payload("c" + std::to_string(++n))});
    }
    return request;
  }

  template <class T>
  static std::vector<T> Sent(const Effects& effects, std::uint32_t to = 0) {
    std::vector<T> found;
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<Send>(&effect);
      if (send == nullptr || (to != 0 && send->to != NodeId(to))) continue;
      if (send->message.group == kSystemGroup) continue;
      if (const auto* message = std::get_if<T>(&send->message.message)) found.push_back(*message);
    }
    return found;
  }
  template <class T>
  static std::vector<Send> SendsOf(const Effects& effects) {
    std::vector<Send> found;
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<Send>(&effect);
      if (send != nullptr && std::holds_alternative<T>(send->message.message) &&
          send->message.group != kSystemGroup) {
        found.push_back(*send);
      }
    }
    return found;
  }
  template <class T>
  static std::vector<T> All(const Effects& effects) {
    std::vector<T> found;
    for (const Effect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  template <class T>
  static std::vector<T> Records(const Effects& effects) {
    std::vector<T> found;
    for (const quorate::Persist& persist : All<quorate::Persist>(effects)) {
      for (const LogRecord& record : persist.records) {
        if (const auto* one = std::get_if<T>(&record)) found.push_back(*one);
      }
    }
    return found;
  }

  const Raft& Group() const { return *replica_.group(kGroup); }
  Replica& replica() { return replica_; }
  Now now() const { return now_; }
  LinkSession session() const { return session_; }
  RequestId last_request() const { return last_request_; }

 private:
  Now now_{.mono = {1'000'000'000}, .wall = {}};
  LinkSession session_{1};
  RequestId last_request_;
  Replica replica_;
};

}  // namespace quorate
