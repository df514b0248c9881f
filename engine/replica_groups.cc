// Which groups a node has: the catalogue is applied inside the step, and groups are born and dropped with it.
#include <algorithm>
#include <utility>

#include "engine/replica.h"

namespace quorate {
namespace {

constexpr Generation kFirstGeneration{1};

}  // namespace

void Replica::ApplyCatalogue(StepContext& context, const RaftEvents::CatalogueEntries& batch) {
  const Raft& system = groups_.at(kSystemGroup);
  Applied applied{.group = kSystemGroup,
                  .generation = system.log().start().generation,
                  .upto = {},
                  .results = {}};
  Index at = batch.first;
  bool changed = false;
  for (const Entry& entry : batch.entries) {
    applied.upto = {at, entry.term};
    if (entry.kind == EntryKind::kCommand) {
      const Catalogue::Applied done =
          catalogue_.ApplyEntry(at, entry.payload.bytes(), system.ConfigurationAt(at).configuration,
                                options_.kv.nonce_window);
      changed = true;
      applied.results.push_back({at, done.took_effect, Payload(EncodeCatalogueReply(done.reply))});
    } else if (entry.kind == EntryKind::kOpenSession) {
      applied.results.push_back({at, at, Payload()});
    }
    at = Next(at);
  }
  if (changed) catalogue_bytes_ = Payload(catalogue_.Encode());
  if (changed || replay_end_ != Index()) FollowCatalogue(context, applied.upto.index);
  Touch(kSystemGroup);
  groups_.at(kSystemGroup)
      .OnApplied(context, applied);  // looked up again: groups may have been born
}

// One group for each namespace that lives, for as long as it lives. While a boot replays the log, the catalogue
// is one of the past: a group that it names and this node does not have may be dropped further on, and born
// again it would know nothing of the votes and entries of its life.
void Replica::FollowCatalogue(StepContext& context, Index applied) {
  if (applied >= std::min(replay_end_, groups_.at(kSystemGroup).log().last().index)) {
    replay_end_ = Index();
  }
  for (const auto& [number, info] : catalogue_.namespaces()) {
    if (replay_end_ != Index()) break;
    if (!groups_.contains(number)) BearGroup(context, number, info.configuration);
  }
  std::vector<GroupId> dead;
  for (const auto& [id, raft] : groups_) {
    if (id != kSystemGroup && catalogue_.IsGone(id)) dead.push_back(id);
  }
  for (const GroupId group : dead) DropDeadGroup(context, group);
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnCatalogueChanged(forwarding);
}

void Replica::BearGroup(StepContext& context, GroupId group, const Configuration& configuration) {
  RecoveredGroup born;
  born.group = group;
  born.start.generation = kFirstGeneration;
  born.start.configuration = configuration;
  const PersistSeq seq = context.out.Record(ResetLog{group, born.start});
  Raft& raft = groups_.emplace(group, Raft(identity_.node, boot_, born)).first->second;
  context.out.Emit(SwitchGeneration{group, kFirstGeneration, seq});
  raft.Start(context);
  Touch(group);
  Forwarding::Context forwarding = ForwardingAt(context);
  forwarding_.OnLeaderChanged(forwarding, group);
}

void Replica::DropDeadGroup(StepContext& context, GroupId group) {
  const Raft& raft = groups_.at(group);
  const PersistSeq seq = context.out.Record(DropGroup{group});
  context.out.Emit(DropGeneration{group, raft.log().start().generation, seq});
  // A state that was coming in has a space of its own; one that is being taken over is the log's already.
  const std::optional<Incoming>& incoming = raft.incoming();
  if (incoming && incoming->generation != raft.log().start().generation)
    context.out.Emit(DropGeneration{group, incoming->generation, seq});
  groups_.erase(group);
  led_.erase(group);
}

}  // namespace quorate
