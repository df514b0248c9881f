// sim/check/over_budget.h — what is still owed once a disk has broken its word.
//
// Model: a consensus protocol rests on disks that keep what they said they keep. Faults that a node can see (a lost
//   store, a spoiled row, a failed sync) take nothing from that, however many there are: such a run is judged in
//   full, and excused if a quorum is lost for good. Two faults cannot be seen: an old image of a disk that is put
//   back, and a sync that lies. From the moment at which one of them has taken something away (not before: until
//   then everything holds) acknowledged writes may be gone and a vote may be given twice, on this node and through
//   it anywhere. Nothing that speaks of several nodes, of several lives, or of what was acknowledged, is owed then.
// What stays is what each process owes on its own, by what it can know: it accepts no store that is damaged
//   visibly and no frame that is; it answers those who asked, once and in a well-formed way; its state's digest is
//   that of the state; it does not go round in circles. To refuse and to stop is always right.
// Errors: none.
#pragma once
#include "sim/check/ids.h"

namespace quorate::sim {

// Checks that hold whatever disks have forgotten. All others rest on them.
CheckSet ChecksOwedByEachProcess();
CheckSet ChecksThatRestOnDisks();

}  // namespace quorate::sim
