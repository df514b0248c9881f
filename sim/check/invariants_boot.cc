// Boots, crashes and the disk: what is found again is what was there, and what was promised is kept.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/check/invariants.h"

namespace quorate::sim {

// ---- boots -----------------------------------------------------------------------------------------

void Invariants::OnBoot(NodeId id, const Recovered& recovered, BootNumber boot) {
  Node& node = At(id);
  elections_.OnBoot(id);
  const bool known_disk = node.ever_booted && !node.wiped;
  Expect(Check::kRecovery, boot == Next(recovered.last_boot), [&] {
    return absl::StrCat("n", id.value(), " boots as ", boot.value(), " after ",
                        recovered.last_boot.value());
  });
  Expect(Check::kRecovery, !known_disk || boot > node.known_boot, [&] {
    return absl::StrCat("n", id.value(), " boots as ", boot.value(),
                        ", which it was before: ", node.known_boot.value(), " was durable");
  });
  for (const RecoveredGroup& group : recovered.groups) CheckPromises(id, node, group);
  if (known_disk) {
    std::size_t found = 0;
    for (std::uint32_t slot = 0; slot < node.disk.slots(); ++slot) {
      found += node.disk.durable(slot).exists ? 1 : 0;
    }
    Expect(Check::kRecovery, found == recovered.groups.size(), [&] {
      return absl::StrCat("n", id.value(), " has ", found, " groups on its disk and recovers ",
                          recovered.groups.size());
    });
    for (const RecoveredGroup& group : recovered.groups) CheckRecovered(id, node, group);
  } else {
    AdoptDisk(node, recovered);
  }
  node.ever_booted = true;
  node.wiped = false;
  node.up = true;
  node.disk_failed = false;
  node.boot = boot;
  node.identity = recovered.identity;
  node.links.clear();
  node.arrival.reset();
  node.damaged_reads.clear();
  node.damage_read = false;
  node.flush = PortRequest();
  node.requests.clear();
  node.unproved.clear();
  for (Seat& seat : node.seats) {
    seat.before.known = false;
    seat.apply_next = Index();
    seat.offered = Index();
    seat.machine.reset();
    seat.map_known = false;
    seat.received = {};
    seat.pin.reset();
    // A catalogue that is replayed creates the namespace once more before it drops it again.
    seat.dropped = false;
    seat.is_counted_on = false;
  }
  for (const RecoveredGroup& group : recovered.groups) {
    const std::uint32_t slot = SlotOf(group.group);
    Seat& seat = SeatOf(node, slot);
    seat.apply_next = Next(group.applied.index);
    seat.map_known = true;
    seat.map_generation = group.start.generation;
    seat.map_durable = group.applied.index;
    Expect(Check::kNoGap, group.start.entry.index <= group.applied.index, [&] {
      return absl::StrCat(Where(id, slot), "the log begins behind ",
                          group.start.entry.index.value(), " but the map holds only up to ",
                          group.applied.index.value());
    });
    Expect(Check::kStateMachineSafety, HoldsCommitted(slot, group.applied), [&] {
      return absl::StrCat(Where(id, slot), "recovers as applied what was never committed: ",
                          group.applied.index.value(), "/", group.applied.term.value());
    });
  }
}

// The first that is ever seen of a disk.
void Invariants::AdoptDisk(Node& node, const Recovered& recovered) {
  node.disk = NodeDisk();
  for (const RecoveredGroup& group : recovered.groups) {
    const std::uint32_t slot = SlotOf(group.group);
    GroupGhost& ghost = ghosts_[slot];
    ghost.Adopt(group.start.entry);
    const EntryId configured{group.start.configuration_index, group.start.entry.term};
    if (ghost.configurations.empty()) {
      ghost.configurations.emplace(
          group.start.configuration_index == Index() ? EntryId{} : configured,
          group.start.configuration);
    }
    GhostStart start{.entry = group.start.entry,
                     .prefix = ghost.Find(group.start.entry)->prefix,
                     .generation = group.start.generation,
                     .configuration_index = group.start.configuration_index,
                     .configuration = group.start.configuration};
    node.disk.Reset(PersistSeq(), slot, std::move(start));
    node.disk.SetHardState(PersistSeq(), slot, group.hard);
    // Entries that nobody was seen to make are taken for what they claim.
    fresh_.clear();
    Index at = group.start.entry.index;
    std::uint64_t prefix = node.disk.written(slot).start().prefix;
    for (std::size_t run = 0; run < group.terms.size(); ++run) {
      const Index end =
          run + 1 < group.terms.size() ? quorate::Before(group.terms[run + 1].first) : group.last;
      while (at < end) {
        at = Next(at);
        const EntryId entry{at, group.terms[run].term};
        if (ghost.Find(entry) == nullptr) {
          prefix = Mix(prefix, entry.term.value());
          ghost.Make(at, GhostEntry{entry.term, prefix, false});
        }
        fresh_.push_back(*ghost.Find(entry));
        prefix = fresh_.back().prefix;
      }
    }
    if (!fresh_.empty()) node.disk.Append(PersistSeq(), slot, fresh_);
  }
  while (node.disk.Covered(PersistSeq()) != nullptr) node.disk.Fold();
}

void Invariants::CheckPromises(NodeId id, Node& node, const RecoveredGroup& group) {
  const std::uint32_t slot = SlotOf(group.group);
  const Seat& seat = SeatOf(node, slot);
  Expect(Check::kPromisedVote, group.hard.term >= seat.promised_term, [&] {
    return absl::StrCat(Where(id, slot), "recovers term ", group.hard.term.value(),
                        " after it had spoken in term ", seat.promised_term.value());
  });
  if (!seat.votes.empty()) {
    const Term term = seat.votes.back().first;
    const NodeId candidate = seat.votes.back().second;
    Expect(Check::kPromisedVote,
           group.hard.term > term || (group.hard.term == term && group.hard.vote == candidate),
           [&] {
             return absl::StrCat(Where(id, slot), "recovers ", group.hard.term.value(), "/",
                                 group.hard.vote.value(), " after it had voted for ",
                                 candidate.value(), " in term ", term.value());
           });
  }
  Expect(Check::kAckedIsDurable, group.last >= seat.acked.index, [&] {
    return absl::StrCat(Where(id, slot), "recovers a log up to ", group.last.value(),
                        " after it had acknowledged ", seat.acked.index.value());
  });
}

void Invariants::CheckRecovered(NodeId id, Node& node, const RecoveredGroup& group) {
  const std::uint32_t slot = SlotOf(group.group);
  const GroupImage& image = node.disk.durable(slot);
  const auto expect = [&](bool holds, const char* what) {
    return Expect(Check::kRecovery, holds, [&] {
      return absl::StrCat(Where(id, slot), "recovers another ", what, " than its disk holds");
    });
  };
  if (!expect(image.exists, "group")) return;
  expect(group.hard == image.hard, "hard state");
  const GhostStart& start = image.start();
  expect(group.start.entry == start.entry && group.start.generation == start.generation &&
             group.start.configuration_index == start.configuration_index &&
             group.start.configuration == start.configuration,
         "start");
  if (!expect(group.last == image.last(), "last index")) return;
  std::size_t run = 0;
  bool same = group.terms.empty() == (image.last() == start.entry.index);
  for (Index at = Next(start.entry.index); at <= image.last() && same; at = Next(at)) {
    while (run + 1 < group.terms.size() && group.terms[run + 1].first <= at) ++run;
    same = group.terms[run].term == image.At(at)->term;
  }
  expect(same, "sequence of terms");
  bool configured = group.configurations.size() == image.configurations().size();
  for (std::size_t i = 0; i < group.configurations.size() && configured; ++i) {
    const Index at = image.configurations()[i];
    const auto known = ghosts_[slot].configurations.find(EntryId{at, *image.TermAt(at)});
    configured = group.configurations[i].index == at &&
                 known != ghosts_[slot].configurations.end() &&
                 group.configurations[i].configuration == known->second;
  }
  expect(configured, "list of configurations");
}

void Invariants::OnCrash(NodeId id, PersistSeq surviving) {
  Node& node = At(id);
  Expect(Check::kRecovery, surviving >= node.disk.durable_upto(), [&] {
    return absl::StrCat("n", id.value(), " keeps writes up to ", surviving.value(),
                        " of which those up to ", node.disk.durable_upto().value(),
                        " were durable");
  });
  if (surviving > PersistSeq()) node.known_boot = node.boot;
  while (node.disk.Covered(surviving) != nullptr) FoldOne(id, node);
  for (const NodeDisk::Op& op : node.disk.pending()) {
    if (op.kind == NodeDisk::Kind::kAppend) ReachMark("restart.lost_suffix");
    const HardState& held = node.disk.durable(op.slot).hard;
    if (op.kind == NodeDisk::Kind::kHardState && op.hard.vote != NodeId() && op.hard != held) {
      ReachMark("vote.lost_unsynced");
    }
  }
  node.disk.Restart();
  node.up = false;
  for (Seat& seat : node.seats) seat.before.known = false;
}

void Invariants::OnWiped(NodeId id) { At(id).wiped = true; }

void Invariants::OnStopped(NodeId id) { At(id).up = false; }

void Invariants::OnDiskFailed(NodeId id) { At(id).disk_failed = true; }

// ---- the disk --------------------------------------------------------------------------------------

void Invariants::OnDurable(NodeId id, PersistSeq upto) {
  At(id).known_boot = At(id).boot;  // its record is the first write of a life
  FoldUpto(id, At(id), upto);
}

void Invariants::FoldUpto(NodeId id, Node& node, PersistSeq upto) {
  node.disk.SetDurable(upto);
  while (node.disk.Covered(upto) != nullptr) FoldOne(id, node);
}

// An operation becomes durable; what was acknowledged must survive it.
void Invariants::FoldOne(NodeId id, Node& node) {
  const NodeDisk::Op op = *node.disk.Covered(PersistSeq(~std::uint64_t{0}));
  node.disk.Fold();
  const GroupImage& image = node.disk.durable(op.slot);
  Acked& acked = SeatOf(node, op.slot).acked;
  switch (op.kind) {
    case NodeDisk::Kind::kTruncate:
    case NodeDisk::Kind::kReset:
      if (acked.index <= image.last()) return;
      // In a later term a leader may prove that it was never committed; within the term it may not go.
      Expect(Check::kAckedIsDurable, image.hard.term > acked.term, [&] {
        return absl::StrCat(Where(id, op.slot), "loses entries behind ", image.last().value(),
                            " that it acknowledged up to ", acked.index.value(), " in term ",
                            acked.term.value());
      });
      acked.index = image.last();
      acked.prefix = *image.PrefixAt(acked.index);
      return;
    case NodeDisk::Kind::kDropPrefix:
      return ForgetOld(op.slot);
    case NodeDisk::Kind::kDropGroup:
      // There is nobody left to keep a promise to. But who was voted for may take office yet.
      SeatOf(node, op.slot).acked = Acked{};
      SeatOf(node, op.slot).promised_term = Term();
      return;
    case NodeDisk::Kind::kHardState:
    case NodeDisk::Kind::kAppend:
      return;
  }
}

// What lies below every node's log is of no use any more. (Who has not heard of the group yet may be sent its first
// entries, or still get them.)
void Invariants::ForgetOld(std::uint32_t slot) {
  Index least(~std::uint64_t{0});
  for (Node& node : nodes_) {
    if (!node.ever_booted || node.wiped) continue;
    if (!node.disk.durable(slot).exists || !node.disk.written(slot).exists) return;
    least = std::min(least, node.disk.durable(slot).start().entry.index);
    least = std::min(least, node.disk.written(slot).start().entry.index);
  }
  ghosts_[slot].ForgetBelow(least);
}

void Invariants::OnLogRead(NodeId id, PortRequest request, bool damaged, bool ok) {
  Expect(Check::kCorruptionStops, !damaged || !ok, [&] {
    return absl::StrCat("n", id.value(),
                        " reads back what was spoiled in its log as if it were good");
  });
  if (damaged) At(id).damaged_reads.insert(request);
}

void Invariants::OnMapRead(NodeId id, bool damaged, bool ok) {
  Expect(Check::kCorruptionStops, !damaged || !ok, [&] {
    return absl::StrCat("n", id.value(),
                        " reads back what was spoiled in its map as if it were good");
  });
  if (damaged) At(id).damage_read = true;
}

void Invariants::OnMapDurable(NodeId id, GroupId group, Generation generation, Index applied) {
  Seat& seat = SeatOf(At(id), SlotOf(group));
  seat.map_known = true;
  if (generation != seat.map_generation) seat.map_durable = Index();
  seat.map_generation = generation;
  seat.map_durable = std::max(seat.map_durable, applied);
}

void Invariants::OnStateDurable(NodeId id, GroupId group, Generation generation, Index entry) {
  SeatOf(At(id), SlotOf(group)).received = {generation, entry};
}

}  // namespace quorate::sim
