// engine/peers.h — what a node knows of its links.
//
// Model: per peer the life of the process at the other end and the life of the link to it. A frame of
//   another session is dropped, and what a step sends is stamped with the session as it was then: so an
//   answer of an earlier boot or session proves nothing (etcd-io/raft #349, raft-rs #571).
#pragma once
#include "absl/container/inlined_vector.h"
#include "engine/base/strong.h"

namespace quorate {

struct PeerLink {
  NodeId node;
  BootNumber boot;
  LinkSession session;  // 0 = down
  friend bool operator==(const PeerLink&, const PeerLink&) = default;
};

class PeerTable {
 public:
  // 0 if the link is down or there is none.
  LinkSession SessionOf(NodeId node) const {
    for (const PeerLink& link : links_) {
      if (link.node == node) return link.session;
    }
    return LinkSession();
  }
  BootNumber BootOf(NodeId node) const {
    for (const PeerLink& link : links_) {
      if (link.node == node) return link.boot;
    }
    return BootNumber();
  }
  // false: an earlier session than the one known, or an earlier boot.
  bool Up(const PeerLink& up) {
    for (PeerLink& link : links_) {
      if (link.node != up.node) continue;
      if (up.boot < link.boot) return false;
      link = up;
      return true;
    }
    links_.push_back(up);
    return true;
  }
  void Down(NodeId node, LinkSession session) {
    for (PeerLink& link : links_) {
      if (link.node == node && link.session == session) link.session = LinkSession();
    }
  }
  const absl::InlinedVector<PeerLink, 8>& links() const { return links_; }
  friend bool operator==(const PeerTable&, const PeerTable&) = default;

 private:
  absl::InlinedVector<PeerLink, 8> links_;
};

}  // namespace quorate
