// engine/eventual/agreed_time.h — the date, as a majority of the members has it.
//
// Model: each node's wall clock stands at some offset from this node's monotonic clock. The date is the
//   monotonic clock plus the lower median of the offsets that are known of the members, the own included,
//   as it was when a majority of them was last known: so a step of the own wall clock moves nothing, and one
//   node an hour off moves nobody. Before the first agreement it is the own wall clock, and unverified.
// Invariants: between two agreements the date runs as the monotonic clock; no agreement rests on less than a
//   majority, nor on an offset that is older than `fresh`.
// Units: an offset read from a message is short by the time that the message took, which is why the lower
//   median is taken: nobody's date runs ahead because of the network.
#pragma once
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "engine/base/time.h"
#include "engine/raft/configuration.h"

namespace quorate {

class AgreedTime {
 public:
  // A message that `peer` sent at `wall` of its own clock has come in.
  void Observe(NodeId peer, WallTime wall, Now now);
  // What is known of a node that left is forgotten, and the offset is agreed anew if enough members are known.
  // Returns whether they are.
  bool Agree(NodeId self, const NodeSet& members, Now now, Duration fresh);

  WallTime DateAt(Now now) const {
    return verified_ ? WallTime{now.mono.ns + offset_.ns} : now.wall;
  }
  // false: no majority was ever known in this boot.
  bool verified() const { return verified_; }
  // How far the own wall clock stands from the date; 0 while unverified.
  Duration OwnError(Now now) const { return {now.wall.ns - DateAt(now).ns}; }

  friend bool operator==(const AgreedTime&, const AgreedTime&) = default;

 private:
  struct Known {
    NodeId node;
    Duration offset;  // of its wall clock from this node's monotonic clock
    MonoTime at;      // when it was seen
    friend bool operator==(const Known&, const Known&) = default;
  };

  absl::InlinedVector<Known, 8> known_;  // peers, by node
  bool verified_ = false;
  Duration offset_;
};

}  // namespace quorate
