// sim/check/group_view.h — what the checkers look at of one Raft group at one node.
//
// Model: plain values, read from the engine's const accessors after a step, or made up by a test. The
//   checkers know nothing else of a group: no engine logic runs behind them.
// Units: indexes are log positions; bytes as the engine's limits count them.
#pragma once
#include <cstddef>
#include <vector>

#include "engine/base/time.h"
#include "engine/raft/progress.h"
#include "engine/raft/types.h"

namespace quorate {
class Raft;
class Replica;
}  // namespace quorate

namespace quorate::sim {

// A leader's view of one peer.
struct PeerView {
  NodeId node;
  Index match;
  Index next{1};
  std::size_t in_flight = 0;             // messages
  std::size_t in_flight_bytes = 0;       // of all of them
  std::size_t last_in_flight_bytes = 0;  // of the last one, which may pass the limit
  Index in_flight_last{};                // of the last one: its last entry; 0: nothing is in flight
  MonoTime contact{};                    // when it last answered this leadership
  ReadCounter answered_round{};          // the latest round of reads that it answered
};

struct GroupView {
  GroupId group;
  Term term;
  NodeId vote;
  Role role = Role::kFollower;
  Index commit;
  EntryId applied;
  EntryId start;  // the entry that the log begins behind
  EntryId last;
  Index durable;
  Index configuration_index;
  const Configuration* configuration = nullptr;  // outlives the call
  bool installing = false;  // its state is being replaced: applied may lag behind the start
  bool receiving = false;   // a state is coming in, or has come in: that one, too

  MonoTime wakeup = kNever;  // when it wants to be called at the latest; kNever: nothing is known

  // While leading:
  bool handing_over = false;
  std::vector<PeerView> peers;
  std::size_t unapplied_bytes = 0;
  std::size_t proposals = 0;  // entries whose proposer waits to be told
  std::size_t proposers = 0;  // those who wait
  std::size_t waiting_reads = 0;
  std::size_t round_reads = 0;
};

// Of the node as a whole.
struct NodeView {
  bool stopped = false;
  std::size_t requests_under_way = 0;
};

// Fills `view` in place, so that its memory serves again.
void ViewOf(const Raft& raft, GroupView& view);
NodeView ViewOf(const Replica& replica);

}  // namespace quorate::sim
