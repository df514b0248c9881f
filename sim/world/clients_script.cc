// Clients whose every step is written, and the writing down of what clients do.
#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "engine/catalogue.h"
#include "engine/kv/command.h"
#include "sim/world/clients.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kPace = 200'000'000;  // of retries that no line speaks of

}  // namespace

void Clients::TakeScript() {
  const std::vector<ScriptedOperation>& operations = shared_.config.script->operations;
  for (std::size_t i = 0; i < operations.size(); ++i)
    clients_[operations[i].client].script.push_back(i);
}

const ScriptedOperation* Clients::ScriptOf(const Client& client) const {
  if (!shared_.config.script || client.script_next >= client.script.size()) return nullptr;
  return &shared_.config.script->operations[client.script[client.script_next]];
}

void Clients::NextScripted(Client& client) {
  // What was to come during the chaos and did not is not made up for.
  while (ScriptOf(client) != nullptr && (holding_ || serving_) && !ScriptOf(client)->serving)
    ++client.script_next;
  const ScriptedOperation* operation = ScriptOf(client);
  if (operation == nullptr || (operation->serving && !serving_)) return;
  Event event;
  event.kind = EventKind::kClientTurn;
  event.node = client.number;
  event.life = ++client.timer;
  const std::int64_t at = operation->at_ns + (operation->serving ? serving_since_ : 0);
  shared_.queue.Push(std::max(at, shared_.now()), event);
}

bool Clients::BeginScripted(Client& client) {
  const ScriptedOperation* operation = ScriptOf(client);
  if (operation == nullptr) return false;
  ++client.script_next;
  const bool stranger = std::find(nodes_.begin(), nodes_.end(), operation->node) == nodes_.end();
  client.node = stranger ? nodes_.front() : operation->node;
  Open open;
  open.script = operation;
  open.may_retry = operation->may_retry;
  open.wanted.name_space = groups_[operation->name_space] ? operation->name_space : 0;
  const GroupId group = *groups_[open.wanted.name_space];
  if (!std::holds_alternative<ScriptedCreation>(operation->what))
    client.node = MemberFor(group, client.node);
  open.request.group = group;
  std::visit(Match{[&](const Command& command) {
                     open.request.kind = RequestKind::kWrite;
                     open.request.payload = Payload(EncodeCommand(command));
                     Session& session = client.sessions[open.wanted.name_space];
                     if (!operation->in_session || session.id == SessionId()) {
                       open.may_retry = false;  // it might take effect twice
                     } else {
                       session.last_seq = Next(session.last_seq);
                       open.request.session = session.id;
                       open.request.seq = session.last_seq;
                     }
                     Begin(client, std::move(open), command);
                   },
                   [&](const ScriptedRead& read) {
                     open.request.kind = read.stale ? RequestKind::kStaleRead : RequestKind::kRead;
                     open.request.payload = Payload(EncodeQuery(read.query));
                     Begin(client, std::move(open), Read{read.query, read.stale});
                   },
                   [&](const ScriptedOpening&) {
                     open.request.kind = RequestKind::kOpenSession;
                     open.may_retry = false;
                     Begin(client, std::move(open), SessionOpening{});
                   },
                   [&](const ScriptedTransfer& transfer) {
                     SendTransfer(client, group, transfer.target, client.node);
                     NextTurn(client);
                   },
                   [&](const ScriptedCreation&) {
                     if (groups_[operation->name_space]) {
                       NextTurn(client);
                     } else {
                       BeginCreation(client, std::move(open), operation->name_space);
                     }
                   },
                   [&](const ScriptedDrop&) {
                     const std::size_t name_space = open.wanted.name_space;
                     BeginDrop(client, std::move(open), name_space);
                   }},
             operation->what);
  return true;
}

std::int64_t Clients::ScriptedWait(const Open& open) {
  const std::vector<ScriptedRetry>& retries = open.script->retries;
  if (retries.empty()) return kPace;
  return retries[std::min<std::size_t>(open.timers - 1, retries.size() - 1)].after_ns;
}

NodeId Clients::ScriptedNode(const Client& client) {
  const Open& open = *client.open;
  const std::vector<ScriptedRetry>& retries = open.script->retries;
  if (retries.empty()) return client.node;
  return retries[std::min<std::size_t>(open.timers - 1, retries.size() - 1)].node;
}

// ---- what clients do, written down ---------------------------------------------------------------------

ScriptedOperation* Clients::Recorded(const Open& open) {
  if (shared_.recording == nullptr || open.recorded_as == kNotRecorded) return nullptr;
  return &shared_.recording->operations[open.recorded_as];
}

ScriptedOperation* Clients::Record(const Client& client, std::size_t name_space, NodeId node) {
  if (shared_.recording == nullptr) return nullptr;
  ScriptedOperation& operation = shared_.recording->operations.emplace_back();
  operation.serving = serving_;
  operation.at_ns = shared_.now() - (serving_ ? serving_since_ : 0);
  operation.client = client.number;
  operation.node = node;
  operation.name_space = name_space;
  return &operation;
}

void Clients::RecordCall(const Client& client, Open& open, const Call& call) {
  ScriptedOperation* operation = Record(client, open.wanted.name_space, client.node);
  if (operation == nullptr) return;
  open.recorded_as = shared_.recording->operations.size() - 1;
  operation->may_retry = open.may_retry;
  operation->in_session = open.request.session != SessionId();
  std::visit(Match{[&](const Command& command) { operation->what = command; },
                   [&](const Read& read) {
                     operation->what = ScriptedRead{read.query, read.stale};
                   },
                   [&](const SessionOpening&) { operation->what = ScriptedOpening{}; }},
             call);
}

}  // namespace quorate::sim
