// sim/check/standstill.h — progress is due wherever a quorum is sound, whatever happens to everybody else.
//
// Model: at each look the world says of every node and every pair of nodes whether it was *sound* since the last look.
//   A sound node serves, is not paused, and its disk finished everything fast; over a sound pair every frame came,
//   whole and fast, both ways. Who is bad is not guessed from chances: the world counts what really went wrong.
//   For each set of nodes that is just a quorum of all, and one in every configuration that may be in force, how long it has been sound is kept, and since when it stands still.
//   It does not stand still while
//     - the greatest term, what a leader has applied, or what its followers hold, changes (what is committed but not
//       applied where the clients ask is of no use to them);
//     - somebody outside of it leads in the greatest term, a state is being transferred to one of it, or its
//       leader is handing over (each of these can take as long as it likes, or is looked at otherwise); but
//       a leader whose disk hangs is no excuse: it must know, and leave;
//     - its leader has applied its whole log: nobody wants anything.
//   What remains is a quorum that has no leader, or whose leader cannot do what it was asked, though nothing is in its
//   way: its timers must fire, its campaigns win or begin a new term, its leader's messages be answered.
//   New terms alone are no progress for ever: of those without any there may be so many in a sound quorum.
// Reported ids: LIVE-4 a sound quorum stands still · I-19 it goes in circles.
// Units: virtual nanoseconds; nodes are numbered from 0. Errors: none.
// Cost: a look is O(quorums * nodes); nothing is looked at beyond `kMostNodes`.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/raft/log.h"
#include "sim/check/violation.h"

namespace quorate::sim {

class StandstillWatch {
 public:
  static constexpr std::size_t kMostNodes = 9;

  struct Limits {
    std::int64_t span = 0;         // within which a sound quorum must move
    std::uint64_t most_terms = 0;  // without progress
  };
  struct Node {
    bool sound = false;
    Term term;
    EntryId last;
    Index applied;
    bool leads = false;
    bool hung = false;                 // its disk finishes nothing
    bool busy = false;                 // of a leader: it hands over
    std::uint32_t sends_state_to = 0;  // of a leader: the nodes, as bits
    std::uint32_t sound_with = 0;      // the nodes to which the link was sound, both ways; as bits
  };
  struct Look {
    std::int64_t now = 0;
    std::vector<Node> nodes;
    // Who has to agree, as bits: a quorum holds a majority of each. Empty: a majority of all nodes is one.
    std::vector<std::uint32_t> voters{};
  };

  StandstillWatch(Verdicts& verdicts, std::size_t nodes, Limits limits);

  // Requires: as many nodes as were said.
  void OnLook(const Look& look);

 private:
  struct Quorum {
    std::uint32_t members = 0;  // as bits
    bool was_sound = false;
    std::int64_t still_since = 0;
    std::vector<EntryId> held;  // by the followers of it, when it moved last
    std::optional<Term>
        began;  // the greatest term when it became sound, or when a leader had applied more than any before
  };
  void LookAt(Quorum& quorum, const Look& look);

  Verdicts& verdicts_;
  std::size_t nodes_;
  Limits limits_;
  std::vector<Quorum> quorums_;
  Term term_;       // the greatest, at the last look
  Index applied_;   // by the leader in it
  Index furthest_;  // that any leader had applied
  bool moved_ = false;
};

}  // namespace quorate::sim
