// tests/net/link_world.h — two nodes, a network that does what it likes, and what must hold all the same.
//
// Model: both sides of one link, the frames under way as a bag, one clock. A `Move` is a number for what
//   happens next and one for where: any sequence of moves is a schedule, so schedules shrink. The world
//   remembers of every message in which life and session of its sender it was packed, and for which life of
//   its receiver (ghost state); links know nothing of that.
// Errors: the first broken promise is kept in `violation`; later moves do nothing.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "net/link.h"

namespace quorate::testing {

struct Move {
  std::uint8_t what = 0;
  std::uint16_t where = 0;
};

// What a schedule got to: a property that reaches nothing proves nothing.
struct Reached {
  std::size_t ups = 0;
  std::size_t ups_by_batch = 0;
  std::size_t downs = 0;
  std::size_t delivered = 0;
  std::size_t restarts_while_up = 0;
  std::size_t rejected[kRejectReasons] = {};
};

class LinkWorld {
 public:
  LinkWorld() {
    for (std::size_t s = 0; s < 2; ++s) Boot(s, Life{Incarnation(1), BootNumber(1)});
  }

  void Play(const Move& move) {
    if (!violation_.empty()) return;
    const std::size_t side = move.where % 2;
    const std::size_t rest = move.where / 2;
    switch (move.what % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        Deliver(move.where);
        break;
      case 6:
        if (!bag_.empty()) bag_.erase(At(move.where));
        break;
      case 7:
        if (!bag_.empty()) bag_.push_back(*At(move.where));
        break;
      case 8:
      case 9:
      case 10:
        Send(side);
        break;
      case 11:
        now_ = now_ + Milliseconds(static_cast<std::int64_t>(rest % 300));
        Fire();
        break;
      case 12:
        Enable(side);
        break;
      case 13:
        Feed(side, [&](Link& link, LinkOutputs& out) { link.Reset(now_, out); });
        break;
      case 14:
        Restart(side, rest % 3);
        break;
      case 15:  // the network is quick for a while
        for (std::size_t i = 0; i < 4; ++i) Deliver(0);
        break;
    }
    Judge();
  }

  // No more faults: everything arrives, in some order. Both sides must come up and fall silent.
  void Heal(std::uint16_t order) {
    for (std::size_t side = 0; side < 2; ++side) Enable(side);
    const MonoTime begin = now_;
    std::size_t frames = 0;
    while (violation_.empty()) {
      while (!bag_.empty() && violation_.empty()) {
        if (++frames > 1000) return Break("frames without end");
        Deliver(order);
        Judge();
      }
      const MonoTime due = std::min(sides_[0].link->NextTimer(), sides_[1].link->NextTimer());
      if (due == kNever) break;
      now_ = std::max(now_, due);
      Fire();
      if (now_ - begin > LinkOptions{}.hello_max * 2) return Break("not up in time");
    }
    for (std::size_t side = 0; side < 2; ++side) {
      if (!sides_[side].link->up()) return Break("silent, but not up");
      const std::size_t before = reached_.delivered;
      Send(side);
      Deliver(0);
      if (reached_.delivered != before + 1) return Break("a batch was not taken after healing");
    }
  }

  const std::string& violation() const { return violation_; }
  const Reached& reached() const { return reached_; }

 private:
  struct Life {
    Incarnation incarnation;
    BootNumber boot;
    friend auto operator<=>(const Life&, const Life&) = default;
  };
  struct Session {  // of one node, over all its lives
    Life life;
    LinkSession number;
    friend auto operator<=>(const Session&, const Session&) = default;
  };
  struct Packed {
    std::size_t sender;
    Session session;
    Life receiver;  // whom it was packed for
  };
  struct Side {
    Life life;
    std::optional<Link> link;
    bool enabled = false;
    std::optional<LinkUp> open;       // the session that is up, as told by outputs
    LinkSession last;                 // highest number told in this life
    std::map<Session, Session> from;  // of each session that delivered: the peer's session it heard
  };

  std::vector<Frame>::iterator At(std::size_t where) {
    return bag_.begin() + static_cast<std::ptrdiff_t>(where % bag_.size());
  }
  static NodeId Node(std::size_t side) { return NodeId(static_cast<std::uint32_t>(side + 1)); }
  void Break(std::string_view what) {
    if (violation_.empty()) violation_ = what;
  }

  void Boot(std::size_t s, Life life) {
    sides_[s].life = life;
    sides_[s].enabled = false;
    sides_[s].open.reset();
    sides_[s].last = LinkSession{};
    sides_[s].link.emplace(Identity{99, Node(s), life.incarnation}, life.boot, Node(1 - s),
                           LinkOptions{});
  }
  void Restart(std::size_t s, std::size_t how) {
    if (sides_[s].open.has_value()) ++reached_.restarts_while_up;
    const Life life = sides_[s].life;
    if (how == 2) {  // a new data directory: boots are counted from 1 again
      Boot(s, {quorate::Next(life.incarnation), BootNumber(1)});
    } else {
      Boot(s, {life.incarnation, quorate::Next(life.boot)});
    }
    if (how == 0) Enable(s);
  }
  void Enable(std::size_t s) {
    sides_[s].enabled = true;
    Feed(s, [&](Link& link, LinkOutputs& out) { link.Enable(now_, out); });
  }
  void Fire() {
    for (std::size_t s = 0; s < 2; ++s) {
      Feed(s, [&](Link& link, LinkOutputs& out) { link.OnTimer(now_, out); });
    }
  }
  void Send(std::size_t s) {
    Side& side = sides_[s];
    if (!side.open.has_value()) return;
    const std::uint64_t id = packed_.size();
    std::optional<BatchFrame> batch =
        side.link->Pack(side.open->session, {{GroupId(1), TimeoutNow{Term(id)}}});
    if (!batch.has_value()) return Break("no batch in the session that is up");
    const Life receiver{batch->to_conn.incarnation, batch->to_conn.boot};
    if (receiver.boot != side.open->boot) return Break("up with another boot than told");
    packed_.push_back({s, {side.life, side.open->session}, receiver});
    bag_.push_back(*std::move(batch));
  }
  void Deliver(std::size_t where) {
    if (bag_.empty()) return;
    const auto at = At(where);
    Frame frame = std::move(*at);
    bag_.erase(at);
    const std::size_t to = ReceiverOf(frame).value() - 1;
    const bool batch = std::holds_alternative<BatchFrame>(frame);
    const std::size_t ups = reached_.ups;
    Feed(to, [&](Link& link, LinkOutputs& out) { link.OnFrame(now_, std::move(frame), out); });
    if (batch && reached_.ups > ups) ++reached_.ups_by_batch;
  }

  template <class Do>
  void Feed(std::size_t s, const Do& act) {
    LinkOutputs out;
    act(*sides_[s].link, out);
    for (LinkOutput& output : out) {
      std::visit(Match{
                     [&](const LinkUp& up) { OnUp(s, up); },
                     [&](const LinkDown& down) { OnDown(s, down); },
                     [&](const FrameReceived& frame) { OnReceived(s, frame); },
                     [&](const SayHello& say) { OnSay(s, say); },
                     [&](const FrameRejected& rejected) {
                       ++reached_.rejected[static_cast<std::size_t>(rejected.reason)];
                     },
                 },
                 output);
    }
  }
  void OnSay(std::size_t s, const SayHello& say) {
    if (!sides_[s].enabled) Break("a hello left before the boot record was durable");
    bag_.push_back(say.frame);
  }
  void OnUp(std::size_t s, const LinkUp& up) {
    Side& side = sides_[s];
    ++reached_.ups;
    if (up.peer != Node(1 - s)) Break("up with somebody else");
    if (side.open.has_value()) Break("two sessions at a time");
    if (up.session <= side.last) Break("session does not rise");
    side.last = up.session;
    side.open = up;
  }
  void OnDown(std::size_t s, const LinkDown& down) {
    Side& side = sides_[s];
    ++reached_.downs;
    if (!side.open.has_value() || side.open->session != down.session) Break("down of no session");
    side.open.reset();
  }
  void OnReceived(std::size_t s, const FrameReceived& frame) {
    Side& side = sides_[s];
    ++reached_.delivered;
    if (!side.open.has_value() || side.open->session != frame.session) {
      return Break("delivered outside of its session");
    }
    if (frame.messages.size() != 1) return Break("a batch was torn");
    const Packed& packed = packed_[std::get<TimeoutNow>(frame.messages[0].message).term.value()];
    if (packed.sender == s) return Break("heard itself");
    if (packed.receiver != side.life) return Break("packed for another life of the receiver");
    if (packed.session.life.boot != side.open->boot)
      return Break("packed in another boot than told");
    const Session mine{side.life, frame.session};
    const auto [known, fresh] = side.from.try_emplace(mine, packed.session);
    if (known->second != packed.session) return Break("one session heard two of the peer's");
    if (!fresh) return;
    if (known != side.from.begin() && !(std::prev(known)->second < packed.session)) {
      return Break("a later session heard an earlier one of the peer's");
    }
  }
  // Whatever was told so far.
  void Judge() {
    const Link& a = *sides_[0].link;
    const Link& b = *sides_[1].link;
    for (const Side& side : sides_) {
      if (side.link->up() != side.open.has_value()) Break("outputs and state differ");
      if (side.link->up() && side.link->NextTimer() != kNever) Break("up, and still asking");
    }
    if (a.up() && b.up() && (a.conn() != *b.peer_conn() || b.conn() != *a.peer_conn())) {
      Break("both up, not with each other");
    }
  }

  MonoTime now_;
  Side sides_[2];
  std::vector<Frame> bag_;
  std::vector<Packed> packed_;
  Reached reached_;
  std::string violation_;
};

}  // namespace quorate::testing
