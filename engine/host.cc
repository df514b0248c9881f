#include "engine/host.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"

namespace quorate {
namespace {

constexpr int kChunksReadAtOnce = 8;  // in one piece of work, to find where a chunk begins

}  // namespace

Host::Host(const Recovered& recovered, const Options& options, HostPorts ports)
    : options_(options), ports_(ports), replica_(recovered, options) {
  for (const RecoveredGroup& group : recovered.groups) {
    if (group.group == kSystemGroup) continue;
    absl::StatusOr<StateMachine> machine =
        StateMachine::Open(ports_.map, {group.group, group.start.generation}, options_.kv);
    if (!machine.ok() || machine->applied() != group.applied) {
      data_lost_ = true;
      return;
    }
    machines_.emplace(group.group, *std::move(machine));
  }
}

void Host::Start(Now now) {
  if (ports_.watch != nullptr) ports_.watch->OnStart(now);
  CarryStep(replica_.Start(now));
  if (data_lost_) Feed(now, Answered{.id = {}, .group = {}, .at = {}, .answers = {}, .ok = false});
}

void Host::Handle(Now now, const Input& input) {
  if (const auto* persisted = std::get_if<Persisted>(&input)) {
    durable_ = std::max(durable_, persisted->upto);
  }
  Feed(now, input);
  Release();
}

void Host::Feed(Now now, const Input& input) {
  if (ports_.watch != nullptr) ports_.watch->OnInput(now, input);
  CarryStep(replica_.Step(now, input));
}

void Host::CarryStep(const Effects& effects) {
  if (ports_.watch != nullptr) ports_.watch->OnStepped(replica_);
  Carry(effects);
}

void Host::OnMapFlushed(Now now, PortRequest id, bool ok) {
  last_answer_.reset();
  if (!flush_ || flush_->id != id) return;
  PendingFlush flush = *std::exchange(flush_, std::nullopt);
  last_answer_ = MapFlushed{.id = id, .groups = std::move(flush.groups), .ok = ok};
  Handle(now, *last_answer_);
}

void Host::EndTurn() {
  for (PendingFrame& pending : frames_) ports_.wire.Send(std::move(pending.frame));
  frames_.clear();
  if (!stopped()) ports_.log.Sync();
}

void Host::RunWork(Now now) {
  REQUIRE(HasWork());
  const Work work = std::move(work_.front());
  work_.pop_front();
  last_answer_ = std::visit([&](const auto& piece) { return Do(piece); }, work);
  if (last_answer_) Handle(now, *last_answer_);
}

const StateMachine* Host::machine(GroupId group) const {
  const auto found = machines_.find(group);
  return found == machines_.end() ? nullptr : &found->second;
}

Host::HeldSize Host::held() const {
  return {
      .sends = held_sends_.size(), .applies = held_work_.size(), .replies = held_replies_.size()};
}

// ---- carrying out ------------------------------------------------------------------------------------------

void Host::Carry(const Effects& effects) {
  for (const Effect& effect : effects) {
    std::visit(Match{
                   [&](const Persist& e) { ports_.log.Append(e.seq, e.records); },
                   [&](const Send& e) {
                     if (e.after <= durable_ && held_sends_.empty()) return AddToFrame(e);
                     held_sends_.push_back(e);
                   },
                   [&](const Reply& e) {
                     if (e.after <= durable_) return ports_.clients.Answer(e.request, e.outcome);
                     held_replies_.push_back(e);
                   },
                   [&](const Apply& e) { Queue(e.group, e.after, e); },
                   [&](const RunQuery& e) { work_.push_back(e); },
                   [&](const ReadLog& e) { ports_.log.Read(e); },
                   [&](const OpenSnapshot& e) { work_.push_back(e); },
                   [&](const ReadChunk& e) { work_.push_back(e); },
                   [&](const CloseSnapshot& e) { work_.push_back(e); },
                   [&](const InstallChunk& e) { work_.push_back(e); },
                   [&](const FlushMap& e) {
                     PendingFlush flush{.id = e.id, .groups = {}};
                     for (const auto& [group, machine] : machines_) {
                       flush.groups.push_back(
                           {group, machine.space().generation, machine.applied().index});
                     }
                     flush_ = std::move(flush);
                     ports_.map.StartFlush(e.id);
                   },
                   [&](const SwitchGeneration& e) { Queue(e.group, e.after, e); },
                   [&](const DropGeneration& e) { Queue(e.group, e.after, e); },
                   [&](const Stop&) { Stopped(); },
               },
               effect);
  }
  Release();
}

// Nothing that was held may ever leave: what it rests on will not be durable.
void Host::Stopped() {
  held_sends_.clear();
  held_work_.clear();
  work_.clear();
  frames_.clear();
  for (Reply& reply : held_replies_) {
    if (reply.outcome.kind == OutcomeKind::kDone)
      reply.outcome = {
          .kind = OutcomeKind::kUnknown, .refusal = Refusal::kStopped, .serial = {}, .result = {}};
    ports_.clients.Answer(reply.request, reply.outcome);
  }
  held_replies_.clear();
}

void Host::Queue(GroupId group, PersistSeq after, Work work) {
  if (after <= durable_ && held_work_.empty()) {
    work_.push_back(std::move(work));
  } else {
    held_work_.push_back({group, after, std::move(work)});
  }
}

// Lets go of what has become durable. Something that still waits holds back only what follows it to the same
// receiver in the same group. Heartbeats and their answers are of every group and hold back nothing: each of
// their items stands for itself, and what a group says in them never rests on less than what it said before.
void Host::Release() {
  if (!held_sends_.empty()) {
    absl::InlinedVector<std::pair<NodeId, GroupId>, 8> blocked;
    std::erase_if(held_sends_, [&](const Send& send) {
      const std::pair key{send.to, send.message.group};
      const bool ordered = send.message.group != kEveryGroup;
      const bool behind =
          ordered && std::find(blocked.begin(), blocked.end(), key) != blocked.end();
      if (!behind && send.after <= durable_) {
        AddToFrame(send);
        return true;
      }
      if (ordered && !behind) blocked.push_back(key);
      return false;
    });
  }
  if (!held_work_.empty()) {
    absl::InlinedVector<GroupId, 8> blocked;
    std::erase_if(held_work_, [&](HeldWork& held) {
      const bool behind = std::find(blocked.begin(), blocked.end(), held.group) != blocked.end();
      if (!behind && held.after <= durable_) {
        work_.push_back(std::move(held.work));
        return true;
      }
      if (!behind) blocked.push_back(held.group);
      return false;
    });
  }
  std::erase_if(held_replies_, [&](const Reply& reply) {
    if (reply.after > durable_) return false;
    ports_.clients.Answer(reply.request, reply.outcome);
    return true;
  });
}

// What leaves for one peer in a turn is one frame per distinct write that it rests on.
void Host::AddToFrame(const Send& send) {
  for (PendingFrame& pending : frames_) {
    if (pending.frame.to != send.to || pending.after != send.after ||
        pending.frame.session != send.session) {
      continue;
    }
    pending.frame.messages.push_back(send.message);
    return;
  }
  frames_.push_back(
      {.after = send.after,
       .frame = {.to = send.to, .session = send.session, .messages = {send.message}}});
}

// ---- the work of state machines ----------------------------------------------------------------------------

std::optional<Input> Host::Do(const Apply& apply) {
  const auto found = machines_.find(apply.group);
  Applied applied{.group = apply.group, .generation = apply.generation, .upto = {}, .results = {}};
  if (found == machines_.end() || found->second.space().generation != apply.generation) {
    return std::nullopt;  // of a state that was replaced meanwhile
  }
  StateMachine& machine = found->second;
  applied.ok = machine.Apply(apply.first, apply.entries, applied.results).ok();
  applied.upto = machine.applied();
  return applied;
}

std::optional<Input> Host::Do(const RunQuery& query) {
  const auto found = machines_.find(query.group);
  if (found == machines_.end()) {
    // Of a namespace just born: its state machine is opened once the birth is durable. Of one that is gone:
    // whoever asked was told.
    const bool held = std::any_of(held_work_.begin(), held_work_.end(),
                                  [&](const HeldWork& work) { return work.group == query.group; });
    if (held) held_work_.push_back({query.group, PersistSeq(), query});
    return std::nullopt;
  }
  const StateMachine& machine = found->second;
  INVARIANT(machine.applied().index >= query.after_applied);
  Answered answered{.id = query.id, .group = query.group, .at = machine.applied(), .answers = {}};
  for (const QueryItem& item : query.items) {
    absl::StatusOr<Payload> reply = machine.Answer(item.query.bytes());
    if (!reply.ok()) {
      answered.ok = false;
      break;
    }
    answered.answers.push_back({item.request, *std::move(reply)});
  }
  return answered;
}

std::optional<Input> Host::Do(const OpenSnapshot& open) {
  SnapshotOpened opened{
      .id = open.id, .group = open.group, .entry = {}, .generation = {}, .ok = false};
  const auto found = machines_.find(open.group);
  if (found == machines_.end()) return opened;
  absl::StatusOr<std::unique_ptr<MapReader>> reader = ports_.map.Pin(found->second.space());
  if (!reader.ok()) return opened;
  opened.entry = found->second.applied();
  opened.generation = found->second.space().generation;
  opened.ok = opened.entry.index > Index();  // an empty state is no snapshot
  View view{.reader = *std::move(reader), .starts = {std::string()}};
  views_.insert_or_assign(open.group, std::move(view));
  return opened;
}

std::optional<Input> Host::Do(const ReadChunk& read) {
  const auto found = views_.find(read.group);
  if (found == views_.end()) return std::nullopt;  // closed meanwhile
  View& view = found->second;
  ChunkRead answer{.id = read.id, .group = read.group, .number = read.number, .rows = {}};
  // A view that was opened anew at the same entry has the same chunks: a transfer goes on where it was, once
  // it is known where that is.
  std::uint64_t at = std::min<std::uint64_t>(read.number, view.starts.size() - 1);
  for (int done = 0; done < kChunksReadAtOnce; ++done) {
    absl::StatusOr<StateMachine::Chunk> chunk =
        StateMachine::ReadChunk(*view.reader, view.starts[at], options_.snapshot_chunk_bytes);
    answer.ok = chunk.ok();
    if (!chunk.ok()) return answer;
    if (!chunk->last && at + 1 == view.starts.size()) view.starts.push_back(chunk->next);
    answer.number = at;
    answer.rows = chunk->rows;
    answer.last = chunk->last;
    if (at == read.number) return answer;
    if (chunk->last) return Do(ReadChunk{read.id, read.group, 0});
    ++at;
  }
  work_.push_back(read);  // others have their turn before it goes on
  return std::nullopt;
}

std::optional<Input> Host::Do(const CloseSnapshot& close) {
  views_.erase(close.group);
  return std::nullopt;
}

std::optional<Input> Host::Do(const InstallChunk& install) {
  const MapSpace space{install.group, install.generation};
  ChunkInstalled installed{.id = install.id, .group = install.group, .number = install.number};
  installed.ok = (install.number > 0 || ports_.map.Drop(space).ok()) &&
                 StateMachine::InstallChunk(ports_.map, space, install.entry, install.rows.bytes(),
                                            install.last, options_.kv)
                     .ok();
  return installed;
}

std::optional<Input> Host::Do(const SwitchGeneration& to) {
  GenerationSwitched switched{
      .group = to.group, .generation = to.generation, .applied = {}, .ok = false};
  absl::StatusOr<StateMachine> machine =
      StateMachine::Open(ports_.map, {to.group, to.generation}, options_.kv);
  if (!machine.ok()) return switched;
  const auto before = machines_.find(to.group);
  if (before != machines_.end() && before->second.space().generation != to.generation) {
    if (!ports_.map.Drop(before->second.space()).ok()) return switched;
  }
  switched.applied = machine->applied();
  switched.ok = true;
  machines_.insert_or_assign(to.group, *std::move(machine));
  return switched;
}

std::optional<Input> Host::Do(const DropGeneration& drop) {
  const auto found = machines_.find(drop.group);
  if (found != machines_.end() && found->second.space().generation == drop.generation) {
    machines_.erase(found);
    views_.erase(drop.group);
  }
  if (ports_.map.Drop({drop.group, drop.generation}).ok()) return std::nullopt;
  return Answered{
      .id = {}, .group = drop.group, .at = {}, .answers = {}, .ok = false};  // the map failed
}

}  // namespace quorate
