// net/link.h — how two nodes agree that they are linked, and when that is over.
//
// Model: one side of the link to one peer, over a carrier that may lose, duplicate, delay and reorder whole
//   frames. Each side counts its attempts (`ConnNumber`). A hello says "this is my attempt; I have accepted
//   that one of yours". A side is *up* when it knows that the peer has accepted its current attempt: it got
//   a hello that repeats it, or a batch addressed to it. A link's life, the *session*, is one pair of
//   attempts. Every batch names both and is taken only if both are the current ones.
//       down ── hello or batch that repeats my attempt ──▶ up (next session)
//       up ── the peer's next attempt, or Reset ──▶ down
//   A peer's hello that shows a new attempt *and* repeats mine ends one session and begins the next.
//   Why both numbers: (1) A and B are linked, A sends m. (2) A restarts and links again. (3) m arrives: with
//   B's number alone it would be taken for a message of the new life.
// Invariants: at most one session at a time; sessions rise; if both sides are up, it is in the same pair;
//   what a session delivers was packed by the peer in the one session that is the same pair. Within a
//   session frames may be lost, doubled and reordered: Raft bears that.
// Liveness: a side that is not up says hello again and again, doubling its pause up to a limit; one that is
//   up answers. So both come up once enough frames get through. Silence ends no session: the driver calls
//   Reset when it learns that the carrier broke.
// Time: an argument; `NextTimer` says when `OnTimer` is due. Errors: none; bad frames are `FrameRejected`.
// Threads: none. A link is a value: it can be copied and compared.
// Source: the three-way handshake of RFC 9293, 3.5, with attempts that are never given twice.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/time.h"
#include "engine/input.h"
#include "engine/record.h"
#include "net/frame.h"

namespace quorate {

struct LinkOptions {
  Duration hello_first = Milliseconds(20);  // pause after the first hello; > 0
  Duration hello_max = Seconds(1);          // longest pause; >= hello_first
};

enum class RejectReason : std::uint8_t {
  kOtherCluster,
  kOtherNode,         // not from this peer, or not to this node
  kOtherProtocol,     // the peer speaks a version that this release does not know
  kOlderIncarnation,  // of a data directory that was replaced
  kOlderBoot,         // of a life that is over; or the peer's disk went back in time
  kOlderAttempt,      // hello of an attempt that is over
  kOtherSession,      // batch of a session that is over, or not agreed on yet
  kOwnPast,           // the peer has seen a later life of *this* node: this disk went back in time
};
inline constexpr std::size_t kRejectReasons = 8;
const char* NameOf(RejectReason reason);

struct SayHello {
  HelloFrame frame;  // to be sent to frame.to; may be lost
  friend bool operator==(const SayHello&, const SayHello&) = default;
};
struct FrameRejected {
  NodeId peer;
  RejectReason reason;
  friend bool operator==(const FrameRejected&, const FrameRejected&) = default;
};
// What a link asks for, in order. The first three are inputs of the engine as they are.
using LinkOutput = std::variant<LinkUp, LinkDown, FrameReceived, SayHello, FrameRejected>;
using LinkOutputs = std::vector<LinkOutput>;

class Link {
 public:
  // Nothing leaves before `Enable`. Requires: peer is another node; self.node and boot are not 0.
  Link(const Identity& self, BootNumber boot, NodeId peer, const LinkOptions& options);

  // The boot record is durable: hellos may leave from now on. No effect if already enabled.
  void Enable(MonoTime now, LinkOutputs& out);
  // The carrier below broke or was made anew: ends the session, begins the next attempt, says hello.
  void Reset(MonoTime now, LinkOutputs& out);
  // Takes one frame that arrived. A batch's messages are moved on. Appends to `out`.
  void OnFrame(MonoTime now, Frame frame, LinkOutputs& out);
  // Says hello again if that is due; harmless if not.
  void OnTimer(MonoTime now, LinkOutputs& out);
  // When OnTimer is due; kNever while up or not enabled.
  MonoTime NextTimer() const { return next_hello_; }

  // The messages as a frame of the current session, or nullopt if `session` is over.
  std::optional<BatchFrame> Pack(LinkSession session, std::vector<PeerMessage> messages) const;

  NodeId peer() const { return peer_; }
  bool up() const { return up_; }
  LinkSession session() const { return up_ ? last_session_ : LinkSession{}; }
  LinkSession last_session() const { return last_session_; }
  const ConnNumber& conn() const { return conn_; }
  const std::optional<ConnNumber>& peer_conn() const { return peer_conn_; }
  std::string Render() const;

  friend bool operator==(const Link&, const Link&) = default;

 private:
  void OnHello(MonoTime now, const HelloFrame& hello, LinkOutputs& out);
  void OnBatch(MonoTime now, BatchFrame&& batch, LinkOutputs& out);
  std::optional<RejectReason> Judge(const HelloFrame& hello) const;
  void Accept(MonoTime now, const ConnNumber& theirs, LinkOutputs& out);
  void GoUp(LinkOutputs& out);
  void GoDown(MonoTime now, LinkOutputs& out);
  void Say(MonoTime now, LinkOutputs& out);
  void SayUnlessJustSaid(MonoTime now, LinkOutputs& out);

  NodeId self_;
  NodeId peer_;
  std::uint64_t cluster_ = 0;
  Duration hello_first_;
  Duration hello_max_;
  ConnNumber conn_;
  std::optional<ConnNumber> peer_conn_;
  LinkSession last_session_;
  bool enabled_ = false;
  bool up_ = false;
  Duration pause_;                // after the next hello
  MonoTime next_hello_ = kNever;  // by the timer
  std::optional<MonoTime> last_hello_;
};

}  // namespace quorate
