// What a step writes: records of the log store, entries, configurations, snapshots' starts.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/check/invariants.h"
#include "sim/check/messages.h"

namespace quorate::sim {
namespace {

std::size_t VotersThatDiffer(const NodeSet& a, const NodeSet& b) {
  std::size_t count = 0;
  for (const NodeId node : a) count += std::find(b.begin(), b.end(), node) == b.end() ? 1 : 0;
  for (const NodeId node : b) count += std::find(a.begin(), a.end(), node) == a.end() ? 1 : 0;
  return count;
}

}  // namespace

// ---- records ---------------------------------------------------------------------------------------

void Invariants::CheckWrite(StepOf& step, const Persist& persist) {
  Node& node = step.node;
  const PersistSeq seq = persist.seq;
  Expect(Check::kRecovery, seq == Next(node.disk.last_written()), [&] {
    return absl::StrCat("n", step.id.value(), " numbers a write ", seq.value(), " after ",
                        node.disk.last_written().value());
  });
  for (const LogRecord& record : persist.records) {
    std::visit(
        Match{
            [](const BootRecord&) {},
            [&](const SetHardState& r) {
              const std::uint32_t slot = SlotOf(r.group);
              const HardState& held = node.disk.written(slot).hard;
              Expect(Check::kMonotone, r.state.term >= held.term, [&] {
                return absl::StrCat(Where(step.id, slot), "writes term ", r.state.term.value(),
                                    " after ", held.term.value());
              });
              Expect(Check::kOneVoteATerm,
                     r.state.term > held.term || held.vote == NodeId() || r.state.vote == held.vote,
                     [&] {
                       return absl::StrCat(Where(step.id, slot), "changes its vote in term ",
                                           held.term.value(), " from ", held.vote.value(), " to ",
                                           r.state.vote.value());
                     });
              node.disk.SetHardState(seq, slot, r.state);
            },
            [&](const TruncateSuffix& r) { CheckTruncate(step, seq, r); },
            [&](const AppendEntries& r) { CheckAppend(step, seq, r); },
            [&](const DropPrefix& r) { CheckDropPrefix(step, seq, r); },
            [&](const ResetLog& r) { CheckReset(step, seq, r); },
            [&](const DropGroup& r) {
              const std::uint32_t slot = SlotOf(r.group);
              ghosts_[slot].dropped = true;
              SeatOf(node, slot).dropped = true;
              SeatOf(node, slot).before.known = false;  // it leads and follows nobody there
              node.disk.DropGroup(seq, slot);
            },
        },
        record);
  }
  node.disk.Wrote(seq);
}

void Invariants::CheckAppend(StepOf& step, PersistSeq seq, const AppendEntries& append) {
  const std::uint32_t slot = SlotOf(append.group);
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  if (!Expect(Check::kNoGap, append.first == Next(image.last()), [&] {
        return absl::StrCat(Where(step.id, slot), "appends at ", append.first.value(),
                            " behind a log that ends at ", image.last().value());
      })) {
    return;
  }
  Term before = image.last_entry().term;
  std::uint64_t prefix = *image.PrefixAt(image.last());
  fresh_.clear();
  Index at = append.first;
  for (const Entry& entry : append.entries) {
    Expect(Check::kContiguousAppend, entry.term >= before, [&] {
      return absl::StrCat(Where(step.id, slot), "appends term ", entry.term.value(),
                          " behind term ", before.value(), " at ", at.value());
    });
    before = entry.term;
    prefix = PrefixAfter(prefix, entry);
    const EntryId id{at, entry.term};
    const GhostEntry made{entry.term, prefix, entry.kind == EntryKind::kConfiguration};
    if (const GhostEntry* known = ghost.Find(id); known != nullptr) {
      Expect(Check::kLogMatching, known->prefix == prefix, [&] {
        return absl::StrCat(Where(step.id, slot), "appends at ", Show(id),
                            " another entry, or behind another log, than was made there");
      });
    } else {
      CheckMade(step, slot, id, entry);
      ghost.Make(at, made);
    }
    fresh_.push_back(made);
    at = Next(at);
  }
  step.node.disk.Append(seq, slot, fresh_);
}

// Only the leader of a term makes entries of it.
void Invariants::CheckMade(StepOf& step, std::uint32_t slot, EntryId at, const Entry& entry) {
  auto& leaders = ghosts_[slot].leaders;
  auto leader = leaders.find(at.term);
  if (leader == leaders.end()) {
    // Won and lost within one step: it was a candidate of that very term before.
    const Before& before = SeatOf(step.node, slot).before;
    if (before.known && before.role == Role::kCandidate && before.term == at.term) {
      leader = leaders.emplace(at.term, step.id).first;
    }
  }
  Expect(Check::kOneMakerATerm, leader != leaders.end() && leader->second == step.id, [&] {
    return absl::StrCat(Where(step.id, slot), "makes entry ", Show(at), " but does not lead term ",
                        at.term.value());
  });
  CheckTaken(step, slot, at, entry);
  if (entry.kind == EntryKind::kConfiguration) CheckNewConfiguration(step, slot, at, entry);
}

// Who hands over takes nothing more: under load its target would never catch up with what is added meanwhile, or
// would campaign without it.
void Invariants::CheckTaken(const StepOf& step, std::uint32_t slot, EntryId at,
                            const Entry& entry) {
  if (entry.kind != EntryKind::kCommand && entry.kind != EntryKind::kOpenSession) return;
  const GroupView* view = ViewOf(step.views, groups_[slot]);
  const Before& before = SeatOf(step.node, slot).before;
  if (view == nullptr || !before.known) return;
  const bool throughout = before.handing_over && view->handing_over && before.term == view->term;
  Expect(Check::kOneMakerATerm, !throughout, [&] {
    return absl::StrCat(Where(step.id, slot), "makes entry ", Show(at), " while it hands over");
  });
}

void Invariants::CheckNewConfiguration(StepOf& step, std::uint32_t slot, EntryId at,
                                       const Entry& entry) {
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  const absl::StatusOr<Configuration> next = DecodeConfiguration(entry.payload.bytes());
  if (!Expect(Check::kConfigurationChange, next.ok() && !next->incoming.empty(), [&] {
        return absl::StrCat(Where(step.id, slot), "makes a configuration that cannot be read at ",
                            Show(at));
      })) {
    return;
  }
  const Configuration* now = EffectiveConfiguration(slot, image);
  const GroupView* view = ViewOf(step.views, groups_[slot]);
  // The image does not hold the entries of this very record yet: none of them may be a configuration.
  const bool alone = std::none_of(fresh_.begin(), fresh_.end(),
                                  [](const GhostEntry& one) { return one.configuration; });
  if (now != nullptr && view != nullptr) {
    const Index placed = image.LastConfiguration().value_or(image.start().configuration_index);
    Expect(Check::kConfigurationChange, alone && placed <= view->commit, [&] {
      return absl::StrCat(Where(step.id, slot), "changes the configuration at ", Show(at),
                          " while that of ", placed.value(), " is not committed");
    });
    const std::optional<Term> commit_term = image.TermAt(view->commit);
    Expect(Check::kConfigurationChange, commit_term && *commit_term == at.term, [&] {
      return absl::StrCat(Where(step.id, slot), "changes the configuration at ", Show(at),
                          " before an entry of that term is committed");
    });
  }
  if (now != nullptr) {
    const bool entering = !now->joint() && next->joint();
    const bool leaving = now->joint() && !next->joint();
    bool legal = false;
    if (entering) legal = next->outgoing == now->incoming;
    if (leaving) legal = next->incoming == now->incoming;
    if (!entering && !leaving) {
      legal = !now->joint() && VotersThatDiffer(now->incoming, next->incoming) <= 1;
    }
    Expect(Check::kConfigurationChange, legal && next->epoch == now->epoch + 1, [&] {
      return absl::StrCat(Where(step.id, slot), "goes from ", Render(*now), " to ", Render(*next));
    });
    if (leaving) {
      NodeSet listeners = now->learners;
      listeners.insert(listeners.end(), now->learners_next.begin(), now->learners_next.end());
      std::sort(listeners.begin(), listeners.end());
      Expect(Check::kJointLeft, next->learners == listeners && next->learners_next.empty(), [&] {
        return absl::StrCat(Where(step.id, slot), "leaves ", Render(*now), " for ", Render(*next));
      });
    }
  }
  ghost.configurations.insert_or_assign(at, *next);
}

void Invariants::CheckTruncate(StepOf& step, PersistSeq seq, const TruncateSuffix& truncate) {
  const std::uint32_t slot = SlotOf(truncate.group);
  const GroupImage& image = step.node.disk.written(slot);
  const Before& before = SeatOf(step.node, slot).before;
  const GroupView* view = ViewOf(step.views, truncate.group);
  if (before.known) {
    Expect(Check::kCommittedStays, truncate.from > before.commit, [&] {
      return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                          " although it knows ", before.commit.value(), " to be committed");
    });
    Expect(Check::kLeaderAppendOnly,
           before.role != Role::kLeader || view == nullptr || view->role != Role::kLeader ||
               view->term != before.term,
           [&] {
             return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                                 " while it leads");
           });
  }
  // A node that is still in a term before the one in which the entry was committed was not asked, and may give it up
  // for a deposed leader: it cannot know better, and will get the entry again.
  const GroupGhost& ghost = ghosts_[slot];
  const bool was_due = truncate.from <= ghost.CommittedBefore(Next(image.hard.term));
  const GhostEntry* committed = was_due ? ghost.Committed(truncate.from) : nullptr;
  const std::optional<std::uint64_t> held = image.PrefixAt(truncate.from);
  Expect(Check::kCommittedStays, committed == nullptr || !held || *held != committed->prefix, [&] {
    return absl::StrCat(Where(step.id, slot), "truncates the committed entry at ",
                        truncate.from.value());
  });
  Expect(Check::kNoGap, truncate.from > image.start().entry.index && truncate.from <= image.last(),
         [&] {
           return absl::StrCat(Where(step.id, slot), "truncates from ", truncate.from.value(),
                               " a log of (", image.start().entry.index.value(), ", ",
                               image.last().value(), "]");
         });
  step.node.disk.TruncateFrom(seq, slot, truncate.from);
}

void Invariants::CheckDropPrefix(StepOf& step, PersistSeq seq, const DropPrefix& drop) {
  const std::uint32_t slot = SlotOf(drop.group);
  const GroupImage& image = step.node.disk.written(slot);
  const Seat& seat = SeatOf(step.node, slot);
  const EntryId entry = drop.start.entry;
  // What this very step commits and compacts is committed first, while its entries can be looked at.
  const GroupView* view = ViewOf(step.views, drop.group);
  if (view != nullptr && entry.index > ghosts_[slot].committed()) CheckCommit(step, *view, slot);
  const std::optional<std::uint64_t> prefix = image.PrefixAt(entry.index);
  if (!Expect(Check::kNoGap, prefix && image.TermAt(entry.index) == entry.term, [&] {
        return absl::StrCat(Where(step.id, slot), "drops its log up to ", Show(entry),
                            ", which it does not hold");
      })) {
    return;
  }
  if (drop.group != kSystemGroup && seat.map_known &&
      seat.map_generation == drop.start.generation) {
    Expect(Check::kNoGap, entry.index <= seat.map_durable, [&] {
      return absl::StrCat(Where(step.id, slot), "drops its log up to ", Show(entry),
                          " although the map holds only ", seat.map_durable.value(), " durably");
    });
  }
  const auto [at, configuration] = ConfigurationIn(slot, image, entry.index);
  Expect(Check::kEffectiveConfiguration,
         configuration == nullptr ||
             (drop.start.configuration_index == at && drop.start.configuration == *configuration),
         [&] {
           return absl::StrCat(Where(step.id, slot), "keeps the configuration of ",
                               drop.start.configuration_index.value(), " for a log behind ",
                               Show(entry));
         });
  step.node.disk.DropPrefix(seq, slot,
                            GhostStart{.entry = entry,
                                       .prefix = *prefix,
                                       .generation = drop.start.generation,
                                       .configuration_index = drop.start.configuration_index,
                                       .configuration = drop.start.configuration});
}

// A group is born, or its state is replaced by a received one.
void Invariants::CheckReset(StepOf& step, PersistSeq seq, const ResetLog& reset) {
  const std::uint32_t slot = SlotOf(reset.group);
  GroupGhost& ghost = ghosts_[slot];
  const GroupImage& image = step.node.disk.written(slot);
  const EntryId entry = reset.start.entry;
  const bool birth = !image.exists && entry == EntryId{};
  if (birth) {
    // Numbers of namespaces are never given twice: what it knew and promised would be forgotten.
    Expect(Check::kInstall, !SeatOf(step.node, slot).dropped, [&] {
      return absl::StrCat(Where(step.id, slot), "is born again after it was dropped");
    });
    ghost.configurations.emplace(EntryId{}, reset.start.configuration);
    SeatOf(step.node, slot).apply_next = Next(entry.index);
    SeatOf(step.node, slot).map_known = false;
  }
  Expect(Check::kInstall, HoldsCommitted(slot, entry), [&] {
    return absl::StrCat(Where(step.id, slot), "installs the state of ", Show(entry),
                        ", which was never committed");
  });
  if (!birth && reset.group != kSystemGroup) {  // the system group's state is in the log's start
    const std::pair received = SeatOf(step.node, slot).received;
    Expect(Check::kNoGap, received == std::pair(reset.start.generation, entry.index), [&] {
      return absl::StrCat(Where(step.id, slot), "begins its log behind ", Show(entry),
                          " although its map does not hold that state durably");
    });
  }
  const auto [at, configuration] = CommittedConfiguration(slot, entry.index);
  Expect(Check::kInstall,
         configuration == nullptr ||
             (reset.start.configuration_index == at && reset.start.configuration == *configuration),
         [&] {
           return absl::StrCat(Where(step.id, slot), "begins at ", Show(entry), " with ",
                               Render(reset.start.configuration), " of ",
                               reset.start.configuration_index.value());
         });
  // Whoever holds committed entries behind the received state would forget them.
  const GhostEntry* behind = ghost.Committed(Next(entry.index));
  const std::optional<std::uint64_t> held = image.PrefixAt(Next(entry.index));
  Expect(Check::kCommittedStays, birth || behind == nullptr || !held || *held != behind->prefix,
         [&] {
           return absl::StrCat(Where(step.id, slot), "installs the state of ", Show(entry),
                               " over a log that goes on from there");
         });
  const GhostEntry* known = ghost.Find(entry);
  step.node.disk.Reset(seq, slot,
                       GhostStart{.entry = entry,
                                  .prefix = known != nullptr ? known->prefix : 0,
                                  .generation = reset.start.generation,
                                  .configuration_index = reset.start.configuration_index,
                                  .configuration = reset.start.configuration});
}

}  // namespace quorate::sim
