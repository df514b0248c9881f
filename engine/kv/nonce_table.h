// engine/kv/nonce_table.h — which requests without a session took effect: exactly-once for those sent again.
//
// Model: for each node, of its last life that asked for anything, a window of numbers (floor, highest], floor =
//   highest - window, and for each one that took effect where that was and what was answered. What comes from an
//   earlier life, or from behind the window, is refused: an earlier copy of it may have taken effect.
// Eviction: a node has no more than `window` numbers under way (the asking side sees to it), so whoever still
//   waits for an answer is never behind the window; what an earlier life asked for nobody waits for. Beyond
//   `kMaxNodes` nodes the one goes that recorded something the longest ago: there are never so many at once.
// Invariants: a function of the log; numbers ascend; a node's row is never empty.
// Stored: do not change the layout of rows. Errors: `false` for bytes that `EncodeRow` would not have written.
// Source: a session of the Raft dissertation, 6.3, that nobody has to open. A replayed request that opened a
//   second session: TigerBeetle 1955acc45.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/kv/envelope.h"

namespace quorate {

class NonceTable {
 public:
  static constexpr std::size_t kMaxNodes = 64;  // part of the replicated decision

  enum class Judgement : std::uint8_t {
    kNew,        // to be done
    kRetry,      // was done at `took_effect`, and answered with `reply`
    kForgotten,  // may have been done: must not be
  };
  struct Verdict {
    Judgement judgement;
    Index took_effect;       // kRetry
    std::string_view reply;  // kRetry; until the table changes
  };
  // `window` is the same at each call, and on every node.
  Verdict Judge(const Nonce& nonce, std::size_t window) const;
  // It was done by the entry at `index`. Returns the node whose row had to go; 0: none.
  // Requires: Judge said kNew; indexes ascend.
  NodeId Record(const Nonce& nonce, Index index, std::string_view reply, std::size_t window);

  // One row a node.
  std::string EncodeRow(NodeId node) const;  // requires: it has one
  using IsReply = bool (*)(std::string_view);
  bool DecodeRow(NodeId node, std::string_view row, IsReply is_reply);
  std::vector<NodeId> nodes() const;
  bool Has(NodeId node) const { return rows_.contains(node); }
  friend bool operator==(const NonceTable&, const NonceTable&) = default;

 private:
  struct Done {
    SessionSeq seq;
    Index took_effect;
    std::string reply;
    friend bool operator==(const Done&, const Done&) = default;
  };
  struct Row {
    Incarnation incarnation;
    BootNumber boot;
    Index last_used;
    std::vector<Done> window;  // by seq, ascending
    friend bool operator==(const Row&, const Row&) = default;
  };
  static SessionSeq FloorOf(const Row& row, std::size_t window);

  absl::btree_map<NodeId, Row> rows_;
};

}  // namespace quorate
