// net/link_table.h — all links of one node, by peer.
//
// Model: hands each frame to the link of its sender and knows which timer is due first. A node and the
//   simulator drive this object the same way:
//     * boot: construct; `Enable` once the boot record is durable;
//     * a frame arrived: `OnFrame`; a timer is due: `OnTimer`; a carrier broke or was made: `Reset`;
//     * the host's WirePort::Send(outgoing): `Pack`, and what comes back goes on the wire;
//     * every output: LinkUp, LinkDown, FrameReceived go into the host; SayHello goes on the wire;
//       FrameRejected is counted.
// Invariants: those of each link. Limits: one link a peer; frames of strangers are rejected.
// Time: an argument. Errors: none. Threads: none.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/ports.h"
#include "net/link.h"

namespace quorate {

class LinkTable {
 public:
  LinkTable(const Identity& self, BootNumber boot, const LinkOptions& options);

  // A link to `peer` from now on. No effect if there is one, or if `peer` is this node.
  void AddPeer(MonoTime now, NodeId peer, LinkOutputs& out);
  // Ends the session with `peer`, if any; its frames are rejected from now on. No effect if there is none.
  // Added again later, its attempts and sessions go on rising.
  void RemovePeer(MonoTime now, NodeId peer, LinkOutputs& out);

  void Enable(MonoTime now, LinkOutputs& out);
  // No effect if `peer` is unknown.
  void Reset(MonoTime now, NodeId peer, LinkOutputs& out);
  // Takes one frame; its messages are moved on.
  void OnFrame(MonoTime now, Frame frame, LinkOutputs& out);
  void OnTimer(MonoTime now, LinkOutputs& out);
  // When OnTimer is due; kNever while every link is up. Costs nothing.
  MonoTime NextTimer() const { return next_timer_; }

  // What the host wants to send, as a frame; nullopt if its session is over or its receiver unknown.
  std::optional<BatchFrame> Pack(Outgoing outgoing) const;

  // nullptr: unknown.
  const Link* link(NodeId peer) const;
  const absl::btree_map<NodeId, Link>& links() const { return links_; }
  std::uint64_t rejected(RejectReason reason) const;

 private:
  Link* Find(NodeId peer);
  void CountRejects(std::span<const LinkOutput> fresh);
  void FindNextTimer();

  Identity self_;
  BootNumber boot_;
  LinkOptions options_;
  bool enabled_ = false;
  absl::btree_map<NodeId, Link> links_;
  absl::btree_map<NodeId, Link> removed_;  // kept for their numbers
  MonoTime next_timer_ = kNever;
  std::array<std::uint64_t, kRejectReasons> rejected_{};
};

}  // namespace quorate
