// Boots, crashes, the disk, and what applies to a whole node.
#include "sim/check/invariants.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/replica.h"

namespace quorate::sim {

const char* IdOf(Check check) {
  switch (check) {
    case Check::kOneLeaderATerm:
      return "I-1";
    case Check::kOneMakerATerm:
      return "I-1b";
    case Check::kOneVoteATerm:
      return "I-2";
    case Check::kRoles:
      return "I-3";
    case Check::kLogMatching:
      return "I-4";
    case Check::kLeaderCompleteness:
      return "I-5";
    case Check::kCommittedOnQuorum:
      return "I-6";
    case Check::kStateMachineSafety:
      return "I-7";
    case Check::kMonotone:
      return "I-8";
    case Check::kOwnTermCommit:
      return "I-9";
    case Check::kCommittedStays:
      return "I-10";
    case Check::kCommitKnown:
      return "I-11";
    case Check::kMatchIsDurable:
      return "I-12";
    case Check::kProgress:
      return "I-13";
    case Check::kContiguousAppend:
      return "I-14";
    case Check::kApplyOrder:
      return "I-15";
    case Check::kLeaderAppendOnly:
      return "I-16";
    case Check::kReadIndex:
      return "I-17";
    case Check::kTermSource:
      return "I-20";
    case Check::kStaleMessage:
      return "I-21";
    case Check::kUpToDateVote:
      return "I-22";
    case Check::kConfigurationChange:
      return "I-24";
    case Check::kEffectiveConfiguration:
      return "I-25";
    case Check::kJointLeft:
      return "I-26";
    case Check::kInstall:
      return "I-30";
    case Check::kNoGap:
      return "I-31";
    case Check::kRecovery:
      return "I-33";
    case Check::kPromisedVote:
      return "I-41";
    case Check::kDurableBeforeReply:
      return "I-42";
    case Check::kAckedIsDurable:
      return "I-43";
    case Check::kDurablePointer:
      return "I-44";
    case Check::kFailedSync:
      return "I-45";
    case Check::kSameState:
      return "I-52";
    case Check::kIsolation:
      return "I-55";
    case Check::kLimits:
      return "I-82";
    case Check::kCount_:
      break;
  }
  UNREACHABLE("check");
}

Invariants::Invariants(Verdicts& verdicts, const Options& options)
    : verdicts_(verdicts), options_(options) {}

// ---- common ----------------------------------------------------------------------------------------

void Invariants::Fail(Check check, std::string what) {
  verdicts_.Report(IdOf(check), std::move(what));
}

std::string Invariants::Where(NodeId id, GroupId group) const {
  return absl::StrCat("n", id.value(), " ",
                      group == kSystemGroup ? "sys" : absl::StrCat("g", group.value()), ": ");
}

std::uint32_t Invariants::SlotOf(GroupId group) {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group) return static_cast<std::uint32_t>(slot);
  }
  groups_.push_back(group);
  ghosts_.emplace_back();
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

Invariants::Node& Invariants::At(NodeId node) {
  if (node.value() >= nodes_.size()) nodes_.resize(node.value() + 1);
  return nodes_[node.value()];
}

Invariants::Seat& Invariants::SeatOf(Node& node, std::uint32_t slot) {
  if (slot >= node.seats.size()) node.seats.resize(slot + 1);
  return node.seats[slot];
}

std::optional<std::uint64_t> Invariants::PrefixOf(std::uint32_t slot, const GroupImage& image,
                                                  Index index) const {
  if (index >= image.start().entry.index) return image.PrefixAt(index);
  const GhostEntry* committed = ghosts_[slot].Committed(index);
  if (committed == nullptr) return std::nullopt;
  return committed->prefix;
}

// True also for what is committed and forgotten: it was compared when it was committed.
bool Invariants::HoldsCommitted(std::uint32_t slot, EntryId entry) const {
  const GroupGhost& ghost = ghosts_[slot];
  if (entry.index > ghost.committed()) return false;
  const GhostEntry* committed = ghost.Committed(entry.index);
  return committed == nullptr || committed->term == entry.term;
}

const Configuration* Invariants::EffectiveConfiguration(std::uint32_t slot,
                                                        const GroupImage& image) const {
  const std::optional<Index> at = image.LastConfiguration();
  if (!at) return &image.start().configuration;
  const auto& known = ghosts_[slot].configurations;
  const auto found = known.find(EntryId{*at, *image.TermAt(*at)});
  return found == known.end() ? nullptr : &found->second;
}

std::pair<Index, const Configuration*> Invariants::CommittedConfiguration(std::uint32_t slot,
                                                                          Index index) const {
  const auto& known = ghosts_[slot].configurations;
  for (auto at = known.rbegin(); at != known.rend(); ++at) {
    if (at->first.index <= index && HoldsCommitted(slot, at->first)) {
      return {at->first.index, &at->second};
    }
  }
  return {Index(), nullptr};
}

Index Invariants::committed(GroupId group) const {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group) return ghosts_[slot].committed();
  }
  return Index();
}

NodeId Invariants::latest_leader(GroupId group) const {
  for (std::size_t slot = 0; slot < groups_.size(); ++slot) {
    if (groups_[slot] == group && !ghosts_[slot].leaders.empty()) {
      return ghosts_[slot].leaders.rbegin()->second;
    }
  }
  return NodeId();
}

std::vector<std::pair<std::string, std::uint64_t>> Invariants::checked() const {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts.emplace_back(IdOf(static_cast<Check>(i)), counts_[i]);
  }
  return counts;
}

// ---- boots -----------------------------------------------------------------------------------------

void Invariants::OnBoot(NodeId id, const Recovered& recovered, BootNumber boot) {
  Node& node = At(id);
  const bool known_disk = node.ever_booted && !node.wiped;
  Expect(Check::kRecovery, boot == Next(recovered.last_boot), [&] {
    return absl::StrCat("n", id.value(), " boots as ", boot.value(), " after ",
                        recovered.last_boot.value());
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
  node.requests.clear();
  node.unproved.clear();
  for (Seat& seat : node.seats) {
    seat.before.known = false;
    seat.apply_next = Index();
    seat.machine.reset();
    seat.map_known = false;
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
    const auto& [term, candidate] = seat.votes.back();
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

void Invariants::OnDurable(NodeId id, PersistSeq upto) { FoldUpto(id, At(id), upto); }

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
      acked = Acked{};
      return;
    case NodeDisk::Kind::kHardState:
    case NodeDisk::Kind::kAppend:
      return;
  }
}

// What lies below every node's log is of no use any more.
void Invariants::ForgetOld(std::uint32_t slot) {
  Index least(~std::uint64_t{0});
  for (Node& node : nodes_) {
    if (!node.ever_booted || !node.disk.durable(slot).exists) continue;
    least = std::min(least, node.disk.durable(slot).start().entry.index);
    least = std::min(least, node.disk.written(slot).start().entry.index);
  }
  ghosts_[slot].ForgetBelow(least);
}

void Invariants::OnMapDurable(NodeId id, GroupId group, Generation generation, Index applied) {
  Seat& seat = SeatOf(At(id), SlotOf(group));
  seat.map_known = true;
  if (generation != seat.map_generation) seat.map_durable = Index();
  seat.map_generation = generation;
  seat.map_durable = std::max(seat.map_durable, applied);
}

// ---- state machines --------------------------------------------------------------------------------

void Invariants::OnApplied(NodeId id, GroupId group, EntryId upto, Digest machine) {
  Node& node = At(id);
  const std::uint32_t slot = SlotOf(group);
  GroupGhost& ghost = ghosts_[slot];
  Expect(Check::kStateMachineSafety, HoldsCommitted(slot, upto), [&] {
    return absl::StrCat(Where(id, slot), "has applied ", upto.index.value(), "/", upto.term.value(),
                        ", which was never committed");
  });
  const std::optional<Digest> known = ghost.MachineAt(upto.index);
  if (known) {
    Expect(Check::kSameState, *known == machine, [&] {
      return absl::StrCat(Where(id, slot), "its state at ", upto.index.value(),
                          " is another one than the first seen there");
    });
  } else {
    ghost.SetMachine(upto.index, machine);
  }
  SeatOf(node, slot).machine.emplace(upto, machine);
}

void Invariants::OnMachineSeen(NodeId id, GroupId group, EntryId applied, Digest machine) {
  Node& node = At(id);
  const std::uint32_t slot = SlotOf(group);
  Seat& seat = SeatOf(node, slot);
  if (!seat.machine || seat.machine->first != applied)
    return OnApplied(id, group, applied, machine);
  Expect(Check::kIsolation, seat.machine->second == machine, [&] {
    return absl::StrCat(Where(id, slot),
                        "its state changed although nothing was applied to it since ",
                        applied.index.value());
  });
}

// ---- steps -----------------------------------------------------------------------------------------

void Invariants::OnStart(NodeId id, const Replica& replica, const Effects& effects) {
  views_.resize(replica.groups().size());
  std::size_t count = 0;
  for (const auto& [group, raft] : replica.groups()) ViewOf(raft, views_[count++]);
  OnStepViews(id, std::span(views_.data(), count), ViewOf(replica), nullptr, effects);
}

void Invariants::OnStep(NodeId id, const Replica& replica, const Input* input,
                        const Effects& effects) {
  const std::vector<GroupId>& touched = replica.touched();
  if (views_.size() < touched.size()) views_.resize(touched.size());
  std::size_t count = 0;
  for (const GroupId group : touched) {
    if (const Raft* raft = replica.group(group); raft != nullptr) ViewOf(*raft, views_[count++]);
  }
  OnStepViews(id, std::span(views_.data(), count), ViewOf(replica), input, effects);
}

void Invariants::OnStepViews(NodeId id, std::span<const GroupView> touched, const NodeView& whole,
                             const Input* input, const Effects& effects) {
  Node& node = At(id);
  StepOf step{id, node, touched, input};
  NoteInput(step);
  for (const GroupView& view : touched) CheckLeader(step, view, SlotOf(view.group));
  for (const Effect& effect : effects) {
    if (const Persist* persist = std::get_if<Persist>(&effect)) CheckWrite(step, *persist);
  }
  if (node.disk.durable_upto() != PersistSeq()) FoldUpto(id, node, node.disk.durable_upto());
  for (const GroupView& view : touched) CheckGroup(step, view);
  for (const Effect& effect : effects) CheckEffect(step, effect);
  Expect(Check::kLimits, whole.requests_under_way <= options_.max_requests, [&] {
    return absl::StrCat("n", id.value(), " has ", whole.requests_under_way, " requests under way");
  });
  for (const auto& [group, index] : node.unproved) {
    Expect(Check::kCommittedOnQuorum, index <= committed(group), [&] {
      return absl::StrCat(Where(id, group), "answered a write at ", index.value(),
                          ", which is not committed");
    });
  }
  node.unproved.clear();
  for (const GroupView& view : touched) Remember(node, view);
}

void Invariants::Remember(Node& node, const GroupView& view) {
  Before& before = SeatOf(node, SlotOf(view.group)).before;
  before.known = true;
  before.term = view.term;
  before.vote = view.vote;
  before.role = view.role;
  before.commit = view.commit;
  before.applied = view.applied;
  before.start = view.start;
  before.last = view.last;
  before.matches.clear();
  for (const PeerView& peer : view.peers) before.matches.emplace_back(peer.node, peer.match);
}

}  // namespace quorate::sim
