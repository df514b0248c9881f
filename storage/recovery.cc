#include "storage/recovery.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalogue.h"
#include "engine/kv/state_machine.h"

namespace quorate {
namespace {

Term TermAt(const RecoveredGroup& group, Index index) {
  Term term = group.start.entry.term;
  if (index == group.start.entry.index) return term;
  for (const TermRun& run : group.terms) {
    if (run.first > index) break;
    term = run.term;
  }
  return term;
}

absl::Status Loss(const RecoveredGroup& group, std::string_view what) {
  return absl::DataLossError(absl::StrCat("group ", group.group.value(), ", generation ",
                                          group.start.generation.value(), ": ", std::string(what)));
}

absl::StatusOr<EntryId> AppliedIn(MapStore& map, const RecoveredGroup& group,
                                  const KvLimits& limits) {
  const MapSpace space{group.group, group.start.generation};
  const absl::StatusOr<StateMachine> machine = StateMachine::Open(map, space, limits);
  if (!machine.ok()) return machine.status();
  const EntryId applied = machine->applied();
  const Index start = group.start.entry.index;
  if (applied.index < start) {
    return Loss(group, absl::StrCat("the map holds entry ", applied.index.value(),
                                    ", the log begins behind ", start.value()));
  }
  if (applied.index > group.last) {
    return Loss(group, absl::StrCat("the map holds entry ", applied.index.value(),
                                    ", the log ends at ", group.last.value()));
  }
  if (applied.term != TermAt(group, applied.index)) {
    return Loss(group,
                absl::StrCat("the map and the log hold different entries ", applied.index.value()));
  }
  return applied;
}

}  // namespace

absl::Status Bootstrap(Kv& log, const Identity& identity, const Configuration& members) {
  if (!members.IsValid() || !members.IsMember(identity.node)) {
    return absl::InvalidArgumentError(
        absl::StrCat("bootstrap: node ", identity.node.value(), " is not among the members"));
  }
  LogStart start;
  start.configuration = members;
  LogStart system = start;
  system.catalogue = Payload(Catalogue::Bootstrap(members).Encode());
  const std::vector<LogRecord> records = {ResetLog{kDefaultNamespace, start},
                                          ResetLog{kSystemGroup, system}};
  return LogStore::Format(log, identity, records);
}

absl::StatusOr<RecoveredNode> RecoverNode(Kv& log, MapStore& map, const Identity& expected,
                                          const KvLimits& limits) {
  absl::StatusOr<LogStore> store = LogStore::Open(log, expected);
  if (!store.ok()) return store.status();
  Recovered recovered = store->recovered();

  absl::StatusOr<std::vector<MapSpace>> spaces = map.Spaces();
  if (!spaces.ok()) return spaces.status();
  for (RecoveredGroup& group : recovered.groups) {
    if (group.group == kSystemGroup) continue;  // its state machine is in the log's start
    const absl::StatusOr<EntryId> applied = AppliedIn(map, group, limits);
    if (!applied.ok()) return applied.status();
    group.applied = *applied;
  }
  // Only now that everything was found in order: a recovery that refuses changes nothing.
  for (const MapSpace& space : *spaces) {
    const bool is_live = std::any_of(
        recovered.groups.begin(), recovered.groups.end(), [&space](const RecoveredGroup& group) {
          return group.group != kSystemGroup &&
                 space == MapSpace{group.group, group.start.generation};
        });
    if (is_live) continue;
    if (absl::Status status = map.Drop(space); !status.ok()) return status;
  }
  return RecoveredNode{*std::move(store), std::move(recovered)};
}

}  // namespace quorate
