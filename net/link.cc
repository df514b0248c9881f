#include "net/link.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/match.h"

namespace quorate {

const char* NameOf(RejectReason reason) {
  switch (reason) {
    case RejectReason::kOtherCluster:
      return "other-cluster";
    case RejectReason::kOtherNode:
      return "other-node";
    case RejectReason::kOtherProtocol:
      return "other-protocol";
    case RejectReason::kOlderIncarnation:
      return "older-incarnation";
    case RejectReason::kOlderBoot:
      return "older-boot";
    case RejectReason::kOlderAttempt:
      return "older-attempt";
    case RejectReason::kOtherSession:
      return "other-session";
    case RejectReason::kOwnPast:
      return "own-past";
  }
  UNREACHABLE("RejectReason");
}

Link::Link(const Identity& self, BootNumber boot, NodeId peer, const LinkOptions& options)
    : self_(self.node),
      peer_(peer),
      cluster_(self.cluster),
      hello_first_(options.hello_first),
      hello_max_(options.hello_max),
      conn_{self.incarnation, boot, 1},
      pause_(options.hello_first) {
  REQUIRE(self_ != NodeId{} && peer_ != NodeId{} && self_ != peer_);
  REQUIRE(boot > BootNumber{});
  REQUIRE(hello_first_ > Duration{} && hello_max_ >= hello_first_);
}

void Link::Enable(MonoTime now, LinkOutputs& out) {
  if (enabled_) return;
  enabled_ = true;
  Say(now, out);
}

void Link::Reset(MonoTime now, LinkOutputs& out) {
  pause_ = hello_first_;
  GoDown(now, out);
  ++conn_.number;
  Say(now, out);
}

void Link::OnFrame(MonoTime now, Frame frame, LinkOutputs& out) {
  std::visit(Match{
                 [&](const HelloFrame& hello) { OnHello(now, hello, out); },
                 [&](BatchFrame& batch) { OnBatch(now, std::move(batch), out); },
             },
             frame);
}

void Link::OnTimer(MonoTime now, LinkOutputs& out) {
  if (now < next_hello_) return;
  pause_ = std::min(pause_ * 2, hello_max_);
  Say(now, out);
}

std::optional<BatchFrame> Link::Pack(LinkSession session, std::vector<PeerMessage> messages) const {
  if (!up_ || session != last_session_) return std::nullopt;
  return BatchFrame{self_, peer_, conn_, *peer_conn_, std::move(messages)};
}

// Why a hello changes nothing here, if so.
std::optional<RejectReason> Link::Judge(const HelloFrame& hello) const {
  if (hello.cluster != cluster_) return RejectReason::kOtherCluster;
  if (hello.from != peer_ || hello.to != self_) return RejectReason::kOtherNode;
  if (hello.protocol != kProtocolVersion) return RejectReason::kOtherProtocol;
  if (peer_conn_.has_value() && hello.conn < *peer_conn_) {
    if (hello.conn.incarnation < peer_conn_->incarnation) return RejectReason::kOlderIncarnation;
    if (hello.conn.boot < peer_conn_->boot) return RejectReason::kOlderBoot;
    return RejectReason::kOlderAttempt;
  }
  if (hello.seen.has_value() && *hello.seen > conn_) return RejectReason::kOwnPast;
  return std::nullopt;
}

void Link::OnHello(MonoTime now, const HelloFrame& hello, LinkOutputs& out) {
  const std::optional<RejectReason> refused = Judge(hello);
  if (refused.has_value()) {
    out.emplace_back(FrameRejected{peer_, *refused});
    // A peer whose disk went back in time learns so from what this side has seen (kOwnPast there).
    const bool past =
        refused == RejectReason::kOlderBoot || refused == RejectReason::kOlderIncarnation;
    if (past) SayUnlessJustSaid(now, out);
    return;
  }
  Accept(now, hello.conn, out);
  const bool knows_mine = enabled_ && hello.seen == conn_;  // before that, nobody can: a forgery
  if (knows_mine && !up_) GoUp(out);
  // An answer is never answered while up, so hellos die out. One that shows an older attempt of mine is a
  // hello from before the peer knew better, or the peer missed the hello of the current one: say it again.
  if (hello.kind == HelloKind::kAsk) {
    Say(now, out);
  } else if (!up_) {
    SayUnlessJustSaid(now, out);
  }
}

void Link::OnBatch(MonoTime now, BatchFrame&& batch, LinkOutputs& out) {
  if (batch.from != peer_ || batch.to != self_) {
    out.emplace_back(FrameRejected{peer_, RejectReason::kOtherNode});
    return;
  }
  if (!enabled_ || batch.to_conn != conn_ || batch.from_conn != peer_conn_) {
    out.emplace_back(FrameRejected{peer_, RejectReason::kOtherSession});
    if (!up_)
      SayUnlessJustSaid(now,
                        out);  // the peer can be heard, and still lives in a session that is over
    return;
  }
  // The peer packs batches only once it knows that this side accepted its attempt, and with the attempt of
  // this side that it has accepted itself: it is up, in this very pair. Its answer was lost or overtaken.
  if (!up_) GoUp(out);
  out.emplace_back(FrameReceived{peer_, last_session_, std::move(batch.messages)});
}

// The peer's latest attempt is `theirs`, which is not older than the one known so far.
void Link::Accept(MonoTime now, const ConnNumber& theirs, LinkOutputs& out) {
  if (peer_conn_ == theirs) return;
  INVARIANT(!peer_conn_.has_value() || theirs > *peer_conn_);
  pause_ = hello_first_;
  GoDown(now, out);
  peer_conn_ = theirs;
}

void Link::GoUp(LinkOutputs& out) {
  INVARIANT(!up_ && enabled_ && peer_conn_.has_value());
  up_ = true;
  last_session_ = quorate::Next(last_session_);
  next_hello_ = kNever;
  out.emplace_back(LinkUp{peer_, peer_conn_->boot, last_session_});
}

void Link::GoDown(MonoTime now, LinkOutputs& out) {
  if (!up_) return;
  up_ = false;
  next_hello_ = now + pause_;
  out.emplace_back(LinkDown{peer_, last_session_});
}

void Link::Say(MonoTime now, LinkOutputs& out) {
  if (!enabled_) return;
  last_hello_ = now;
  next_hello_ = up_ ? kNever : now + pause_;
  const HelloKind kind = up_ ? HelloKind::kAnswer : HelloKind::kAsk;
  out.emplace_back(
      SayHello{HelloFrame{self_, peer_, cluster_, kProtocolVersion, kind, conn_, peer_conn_}});
}

void Link::SayUnlessJustSaid(MonoTime now, LinkOutputs& out) {
  if (last_hello_.has_value() && now - *last_hello_ < hello_first_) return;
  Say(now, out);
}

std::string Link::Render() const {
  std::string text = absl::StrCat("n", peer_.value(), up_ ? " up " : " down ",
                                  last_session_.value(), " ", quorate::Render(conn_), "/",
                                  peer_conn_.has_value() ? quorate::Render(*peer_conn_) : "none");
  if (!enabled_) text += " silent";
  return text;
}

}  // namespace quorate
