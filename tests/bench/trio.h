// tests/bench/trio.h — three replicas in memory, without disk, network or state machine.
//
// Model: what a replica asks to be written is durable at once, what it sends arrives at once, what it hands
//   out to be applied is applied at once with an empty reply. So the figure is the engine's alone.
#pragma once
#include <array>
#include <deque>
#include <utility>
#include <vector>

#include "engine/catalogue.h"
#include "engine/replica.h"

namespace quorate {

class Trio {
 public:
  explicit Trio(const Options& options) {
    const Configuration members = ConfigurationOf({NodeId(1), NodeId(2), NodeId(3)});
    for (std::uint32_t id = 1; id <= 3; ++id) {
      Recovered recovered{
          .identity = {1, NodeId(id), Incarnation(1)}, .last_boot = {}, .groups = {}};
      for (const GroupId group : {kDefaultNamespace, kSystemGroup}) {
        RecoveredGroup one;
        one.group = group;
        one.start.configuration = members;
        if (group == kSystemGroup)
          one.start.catalogue = Payload(Catalogue::Bootstrap(members).Encode());
        recovered.groups.push_back(std::move(one));
      }
      replicas_.emplace_back(recovered, options);
    }
    for (std::uint32_t id = 1; id <= 3; ++id) Take(id, At(id).Start(now_));
    for (std::uint32_t id = 1; id <= 3; ++id) {
      for (std::uint32_t peer = 1; peer <= 3; ++peer) {
        if (peer != id) Feed(id, LinkUp{NodeId(peer), BootNumber(1), LinkSession(1)});
      }
    }
    Drain();
    for (int i = 0; i < 200 && leader() == 0; ++i) {
      now_.mono = now_.mono + Milliseconds(10);
      for (std::uint32_t id = 1; id <= 3; ++id) Feed(id, Wakeup{});
      Drain();
    }
    REQUIRE(leader() != 0);
  }

  // Proposes `count` commands in one step at the leader and runs until nothing moves.
  void Propose(int count, const Payload& command) {
    ClientRequests requests;
    for (int i = 0; i < count; ++i) {
      requests.requests.push_back({.id = RequestId(++last_request_),
                                   .group = kDefaultNamespace,
                                   .kind = RequestKind::kWrite,
                                   .session = SessionId(1),
                                   .seq = SessionSeq(last_request_),
                                   .payload = command,
                                   .timeout = {}});
    }
    Feed(leader(), requests);
    Drain();
  }

  std::uint32_t leader() const {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      if (replicas_[id - 1].group(kDefaultNamespace)->leads()) return id;
    }
    return 0;
  }
  std::uint64_t commit() const { return replicas_[0].group(kDefaultNamespace)->commit().value(); }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t steps() const { return steps_; }

 private:
  Replica& At(std::uint32_t id) { return replicas_[id - 1]; }
  void Feed(std::uint32_t id, const Input& input) {
    ++steps_;
    Take(id, At(id).Step(now_, input));
  }
  void Take(std::uint32_t id, const Effects& effects) {
    std::array<FrameReceived, 4> frames;
    PersistSeq wrote;
    for (const Effect& effect : effects) {
      if (const auto* persist = std::get_if<Persist>(&effect)) wrote = persist->seq;
      if (const auto* send = std::get_if<Send>(&effect))
        frames[send->to.value()].messages.push_back(send->message);
      if (const auto* apply = std::get_if<Apply>(&effect)) {
        Applied applied{
            .group = apply->group, .generation = apply->generation, .upto = {}, .results = {}};
        Index at = apply->first;
        for (const Entry& entry : apply->entries) {
          applied.upto = {at, entry.term};
          if (entry.kind == EntryKind::kCommand) applied.results.push_back({at, at, Payload()});
          at = Next(at);
        }
        inputs_.emplace_back(id, std::move(applied));
      }
      if (std::holds_alternative<Reply>(effect)) ++answered_;
    }
    if (wrote != PersistSeq()) inputs_.emplace_back(id, Persisted{wrote});
    for (std::uint32_t to = 1; to <= 3; ++to) {
      if (frames[to].messages.empty()) continue;
      frames[to].from = NodeId(id);
      frames[to].session = LinkSession(1);
      inputs_.emplace_back(to, std::move(frames[to]));
    }
  }
  void Drain() {
    while (!inputs_.empty()) {
      const auto [id, input] = std::move(inputs_.front());
      inputs_.pop_front();
      Feed(id, input);
    }
  }

  std::vector<Replica> replicas_;
  std::deque<std::pair<std::uint32_t, Input>> inputs_;
  Now now_{.mono = {1'000'000'000}, .wall = {}};
  std::uint64_t last_request_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace quorate
