#include "sim/world/clients.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "engine/catalogue.h"
#include "engine/kv/command.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kAdministratorPause = 200'000'000;

std::size_t ScheduledOperations(const RunConfig& config) {
  std::size_t count = 0;
  for (const ScheduleEntry& entry : config.schedule) {
    if (std::holds_alternative<OperationAction>(entry.action)) ++count;
  }
  return count;
}

bool GivesUp(const ScriptedOperation& script, std::uint32_t refused) {
  const std::vector<std::uint32_t>& at = script.gives_up_at;
  return std::find(at.begin(), at.end(), refused) != at.end();
}

// Mean pause between two operations of one client.
std::int64_t ThinkTime(const WorkloadConfig& work) {
  if (work.rate <= 0) return 1'000'000'000;
  const auto clients = static_cast<std::uint64_t>(std::max<std::int64_t>(work.clients, 1));
  return static_cast<std::int64_t>(clients * 1'000'000'000'000'000u /
                                   static_cast<std::uint64_t>(work.rate));
}

}  // namespace

std::size_t Clients::EndpointsOf(const RunConfig& config) {
  const std::size_t count =
      static_cast<std::size_t>(config.workload.clients) + 1 + ScheduledOperations(config);
  return config.script ? std::max(count, ClientsOf(config)) : count;
}

Clients::Clients(Shared& shared, Wire& wire) : shared_(shared), wire_(wire) {
  const RunConfig& config = shared.config;
  const std::int64_t mean = ThinkTime(config.workload);
  think_ = Dist{DistKind::kExp, 0, mean, mean * 8};
  for (std::uint32_t node = 1; node <= shared.nodes; ++node) nodes_.emplace_back(node);
  groups_.resize(config.namespaces.size());
  numbers_.resize(config.namespaces.size());
  created_at_.resize(config.namespaces.size());
  Know(0, kDefaultNamespace);
  for (std::size_t i = 1; i < groups_.size(); ++i) {
    // Every other namespace is there early; the rest is born in the midst of the faults.
    Choice when(shared.seed, "admin.create", i);
    if (i % 2 == 0)
      created_at_[i] = when.Between(
          config.time.warm_up_ns, std::max(config.time.warm_up_ns, config.time.horizon_ns * 3 / 4));
  }
  const std::size_t count = EndpointsOf(config);
  for (std::size_t number = 0; number < count; ++number) {
    const std::uint64_t entity = ClientKey(number);
    Client client;
    client.number = static_cast<std::uint16_t>(number);
    client.gap = Choice(shared.seed, "client.gap", entity);
    client.move = Choice(shared.seed, "client.move", entity);
    client.other_node = Choice(shared.seed, "client.node", entity);
    client.retry = Choice(shared.seed, "client.retry", entity);
    client.go_on = Choice(shared.seed, "client.go_on", entity);
    client.reopen = Choice(shared.seed, "client.reopen", entity);
    client.sessions.resize(groups_.size());
    client.node = nodes_[static_cast<std::size_t>(client.other_node.Below(nodes_.size()))];
    if (number < static_cast<std::size_t>(config.workload.clients) && !config.script) {
      client.uses_sessions = Choice(shared.seed, "client.uses_sessions", entity)
                                 .Chance(config.workload.sessions_parts);
      client.workload.emplace(config, shared.seed, number);
    }
    clients_.push_back(std::move(client));
  }
  if (config.script) TakeScript();
}

void Clients::Start() {
  if (shared_.config.script) {
    for (Client& client : clients_) NextTurn(client);
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(shared_.config.workload.clients); ++i)
    NextTurn(clients_[i]);
  if (groups_.size() > 1) NextTurn(administrator());
}

std::optional<GroupId> Clients::GroupOf(const std::string& name_space) const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (shared_.config.namespaces[i].name == name_space) return groups_[i];
  }
  return std::nullopt;
}

bool Clients::IsJudged(std::size_t name_space) const {
  const std::vector<std::string>& listed = shared_.config.checks.linearizable;
  return std::any_of(listed.begin(), listed.end(), [&](const std::string& name) {
    return name == "*" || name == shared_.config.namespaces[name_space].name;
  });
}

void Clients::Know(std::size_t name_space, GroupId group) {
  if (numbers_[name_space] != group) {  // sessions die with their namespace
    for (Client& client : clients_) client.sessions[name_space] = Session{};
  }
  numbers_[name_space] = groups_[name_space] = group;
  if (!IsJudged(name_space)) shared_.serial.Exempt(group);
}

void Clients::Forget(std::size_t name_space, GroupId group) {
  if (groups_[name_space] != group || group == kDefaultNamespace) return;
  groups_[name_space].reset();
  created_at_[name_space] = shared_.now();
  if (!shared_.config.script && !administrator().open) NextTurn(administrator());
}

std::optional<std::vector<GroupId>> Clients::Judged() const {
  std::vector<GroupId> judged;
  bool all = true;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    all = all && IsJudged(i);
    if (groups_[i] && IsJudged(i)) judged.push_back(*groups_[i]);
  }
  if (all) return std::nullopt;
  return judged;
}

bool Clients::idle() const {
  return std::none_of(clients_.begin(), clients_.end(),
                      [](const Client& client) { return client.open.has_value(); });
}

bool Clients::namespaces_known() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const auto& group) { return group.has_value(); });
}

void Clients::Hold(const std::vector<NodeId>& nodes) {
  holding_ = true;
  nodes_ = nodes;
}

void Clients::Serve(std::int64_t bound_ns) {
  holding_ = false;
  serving_ = true;
  serve_bound_ns_ = bound_ns;
  serving_since_ = shared_.now();
  if (shared_.config.script) {
    for (Client& client : clients_) {
      if (!client.open) NextTurn(client);
    }
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(shared_.config.workload.clients); ++i) {
    if (!clients_[i].open) NextTurn(clients_[i]);
  }
  if (!namespaces_known() && !administrator().open) NextTurn(administrator());
}

// ---- events --------------------------------------------------------------------------------------------

bool Clients::OnEvent(const Event& event) {
  if (event.kind == EventKind::kAnswer) return OnAnswer(event.slot);
  Client& client = clients_[event.node];
  if (event.kind == EventKind::kClientTurn) return event.life == client.timer && OnTurn(client);
  return OnTimeout(client, event);
}

void Clients::NextTurn(Client& client) {
  if (shared_.config.script) return NextScripted(client);
  Event event;
  event.kind = EventKind::kClientTurn;
  event.node = client.number;
  event.life = ++client.timer;
  const bool admin = client.number == administrator().number;
  const std::int64_t pause = admin ? kAdministratorPause : client.gap.From(think_);
  shared_.queue.Push(shared_.now() + pause, event);
}

std::int64_t Clients::TimeoutOf(const Client&) const {
  return serving_ ? serve_bound_ns_
                  : std::max<std::int64_t>(shared_.config.workload.timeout_ns, 1'000'000);
}

NodeId Clients::PickNode(Client& client) {
  const std::uint64_t bits = client.other_node.Bits();
  return nodes_[static_cast<std::size_t>(Below(bits, nodes_.size()))];
}

NodeId Clients::MemberFor(GroupId group, NodeId node) const {
  const auto found = members_.find(group);
  if (!serving_ || found == members_.end() || found->second.empty()) return node;
  const std::vector<NodeId>& members = found->second;
  if (std::find(members.begin(), members.end(), node) != members.end()) return node;
  return members[node.value() % members.size()];
}

bool Clients::OnTurn(Client& client) {
  if (client.open || holding_) return false;
  if (shared_.config.script) return BeginScripted(client);
  if (client.number == administrator().number) {
    return CreateNext(client);
  }
  if (!client.workload) return false;
  const bool stranger = std::find(nodes_.begin(), nodes_.end(), client.node) == nodes_.end();
  if (client.move.Chance(shared_.config.workload.move_parts) || stranger)
    client.node = PickNode(client);
  Open open;
  open.wanted = client.workload->Next(serving_);
  if (!groups_[open.wanted.name_space]) open.wanted.name_space = 0;
  const GroupId group = *groups_[open.wanted.name_space];
  client.node = MemberFor(group, client.node);
  open.request.group = group;
  std::optional<Call> call;
  if (std::holds_alternative<WantedTransfer>(open.wanted.what)) {
    OrderTransfer(client, open.wanted, group);
    NextTurn(client);
    return true;
  }
  if (std::holds_alternative<WantedDrop>(open.wanted.what)) {
    if (ScriptedOperation* recorded = Record(client, open.wanted.name_space, client.node)) {
      recorded->what = ScriptedDrop{};
      recorded->may_retry = true;
      open.recorded_as = shared_.recording->operations.size() - 1;
    }
    const std::size_t name_space = open.wanted.name_space;
    open.may_retry = true;
    BeginDrop(client, std::move(open), name_space);
    return true;
  }
  if (const Read* read = std::get_if<Read>(&open.wanted.what)) {
    open.request.kind = read->stale ? RequestKind::kStaleRead : RequestKind::kRead;
    open.request.payload = Payload(EncodeQuery(read->query));
    open.may_retry = true;
    call = *read;
  } else if (client.uses_sessions && client.sessions[open.wanted.name_space].id == SessionId()) {
    open.request.kind = RequestKind::kOpenSession;
    call = SessionOpening{};
  } else {
    const Command& command = std::get<Command>(open.wanted.what);
    open.request.kind = RequestKind::kWrite;
    open.request.payload = Payload(EncodeCommand(command));
    if (client.uses_sessions) {
      Session& session = client.sessions[open.wanted.name_space];
      session.last_seq = Next(session.last_seq);
      open.request.session = session.id;
      open.request.seq = session.last_seq;
      open.may_retry = true;
    }
    call = command;
  }
  RecordCall(client, open, *call);
  Begin(client, std::move(open), *call);
  return true;
}

void Clients::Begin(Client& client, Open open, const Call& call) {
  Invocation invocation;
  invocation.event = shared_.events;
  invocation.ns = shared_.now();
  invocation.client = client.number;
  invocation.group = open.request.group;
  invocation.call = call;
  invocation.session = open.request.session;
  invocation.seq = open.request.seq;
  open.record = shared_.recorder.Invoke(std::move(invocation));
  open.recorded = true;
  shared_.serial.OnInvoke(open.record, shared_.recorder.at(open.record));
  open.begun = shared_.now();
  open.deadline = shared_.now() + TimeoutOf(client);
  open.sessions_refused = shared_.serial.counts().refused;
  client.open = std::move(open);
  ++client.operations;
  if (shared_.trace.textual()) {
    shared_.trace.Say(ClientName(client.number) + " begins " +
                      Render(shared_.recorder.at(client.open->record)));
  }
  Attempt(client);
}

void Clients::Attempt(Client& client) {
  Open& open = *client.open;
  ClientCall call;
  call.client = client.number;
  call.operation = client.operations;
  call.attempt = open.attempts++;
  call.request = open.request;
  call.request.timeout = Duration{std::max<std::int64_t>(1'000'000, open.deadline - shared_.now())};
  if (shared_.trace.textual()) {
    shared_.trace.Say(ClientName(client.number) + " asks " + NodeName(client.node) + ", attempt " +
                      std::to_string(open.attempts));
  }
  wire_.Send(call, client.node);
  SetTimer(client);
}

void Clients::SetTimer(Client& client) {
  Open& open = *client.open;
  std::int64_t at = open.deadline;
  if (open.may_retry) {
    ++open.timers;
    const std::int64_t wait =
        open.script != nullptr
            ? ScriptedWait(open)
            : std::max<std::int64_t>(1'000'000,
                                     client.retry.From(shared_.config.workload.retry_after_ns));
    at = std::min(at, shared_.now() + wait);
    if (ScriptedOperation* recorded = Recorded(open))
      recorded->retries.push_back({wait, client.node});
  }
  Event event;
  event.kind = EventKind::kClientTimeout;
  event.node = client.number;
  event.life = ++client.timer;
  shared_.queue.Push(at, event);
}

bool Clients::OnTimeout(Client& client, const Event& event) {
  if (event.life != client.timer || !client.open) return false;
  Open& open = *client.open;
  if (shared_.now() >= open.deadline) {
    Judge(open, EdgeChecks::Served::How::kGivenUp, Refusal::kNone);
    Finish(client, open.refused == open.attempts ? OutcomeClass::kFail : OutcomeClass::kInfo,
           nullptr, NodeId());
    return true;
  }
  if (open.script != nullptr) {
    client.node = ScriptedNode(client);
  } else if (client.go_on.Below(2) == 0) {
    client.node = PickNode(client);
  }
  client.node = MemberFor(open.request.group, client.node);
  if (ScriptedOperation* recorded = Recorded(open)) recorded->retries.back().node = client.node;
  shared_.operations.Add("retry");
  Attempt(client);
  return true;
}

void Clients::Judge(const Open& open, EdgeChecks::Served::How how, Refusal refusal) {
  if (!serving_ || !open.recorded) return;
  shared_.edges.OnServed({.begun = open.begun,
                          .ended = shared_.now(),
                          .bound = serve_bound_ns_,
                          .how = how,
                          .refusal = NameOf(refusal)},
                         [&] { return Render(shared_.recorder.at(open.record)); });
}

bool Clients::OnAnswer(std::uint32_t slot) {
  const std::optional<ClientAnswer> answer = wire_.TakeAnswer(slot);
  if (!answer) return false;
  Client& client = clients_[answer->client];
  if (!client.open || client.operations != answer->operation) return false;
  shared_.trace.FoldAll(answer->client, static_cast<int>(answer->outcome.kind),
                        answer->outcome.serial.value());
  switch (answer->outcome.kind) {
    case OutcomeKind::kDone:
      OnDone(client, *answer);
      return true;
    case OutcomeKind::kNotApplied:
      OnRefused(client, *answer);
      return true;
    case OutcomeKind::kUnknown:
      break;
  }
  const bool gone = IsGone(*client.open, answer->outcome.refusal);
  // Somebody else may still tell, as long as there is time.
  if (client.open->may_retry && !gone) return true;
  // A node whose own session was evicted at the limit cannot know what became of what it lent it to.
  const bool evicted = shared_.serial.counts().refused > client.open->sessions_refused;
  Judge(*client.open,
        evicted || gone ? EdgeChecks::Served::How::kNoMatter : EdgeChecks::Served::How::kUnknown,
        Refusal::kNone);
  Finish(client, OutcomeClass::kInfo, &answer->outcome, answer->node);
  return true;
}

void Clients::OnRefused(Client& client, const ClientAnswer& answer) {
  Open& open = *client.open;
  ++open.refused;
  const bool busy = answer.outcome.refusal == Refusal::kBusy;
  const bool gone = IsGone(open, answer.outcome.refusal);
  // No node takes as much as that, so nobody is to be asked again.
  const bool too_big =
      answer.outcome.refusal == Refusal::kTooBig &&
      open.request.payload.size() > shared_.config.cluster.options.kv.max_batch_bytes;
  Judge(open,
        busy || gone || too_big ? EdgeChecks::Served::How::kNoMatter
                                : EdgeChecks::Served::How::kRefused,
        answer.outcome.refusal);
  if (gone || too_big) {  // an earlier attempt may have been applied before it went
    const bool all = open.refused == open.attempts;
    return Finish(client, all ? OutcomeClass::kFail : OutcomeClass::kInfo, &answer.outcome,
                  answer.node);
  }
  // While there is time, half of those who may go on trying; in the end everybody who met a limit does.
  const bool goes_on =
      open.script != nullptr ? !GivesUp(*open.script, open.refused) : client.go_on.Below(2) == 0;
  if (ScriptedOperation* recorded = Recorded(open); recorded != nullptr && !goes_on)
    recorded->gives_up_at.push_back(open.refused);
  if (open.may_retry && (goes_on || serving_)) return;
  if (open.refused < open.attempts) return;  // an earlier attempt may still be applied
  if (serving_ && busy) {
    // Certainly not applied: what was sent once may be sent once more, a little later.
    open.may_retry = true;
    SetTimer(client);
    open.may_retry = false;
    return;
  }
  Finish(client, OutcomeClass::kFail, &answer.outcome, answer.node);
}

// Whether it was told that its namespace is gone, and it is.
bool Clients::IsGone(const Open& open, Refusal refusal) const {
  return refusal == Refusal::kNoSuchNamespace && shared_.catalogue.IsGone(open.request.group);
}

void Clients::OnDone(Client& client, const ClientAnswer& answer) {
  Judge(*client.open, EdgeChecks::Served::How::kAnswered, Refusal::kNone);
  Finish(client, OutcomeClass::kOk, &answer.outcome, answer.node);
}

void Clients::Finish(Client& client, OutcomeClass outcome, const Outcome* answer, NodeId node) {
  Open open = *std::move(client.open);
  client.open.reset();
  ++client.timer;
  if (!open.recorded) {
    if (outcome == OutcomeClass::kOk && answer != nullptr) FinishCatalogue(open, *answer);
    NextTurn(client);
    return;
  }
  Completion completion;
  completion.event = shared_.events;
  completion.ns = shared_.now();
  completion.outcome = outcome;
  completion.node = node;
  // What it learned of a namespace that was made anew meanwhile is worth nothing.
  Session of_the_past;
  const bool current = numbers_[open.wanted.name_space] == open.request.group;
  Session& session = current ? client.sessions[open.wanted.name_space] : of_the_past;
  if (answer != nullptr && answer->refusal == Refusal::kNoSuchNamespace)
    Forget(open.wanted.name_space, open.request.group);
  const bool opening = open.request.kind == RequestKind::kOpenSession;
  if (outcome == OutcomeClass::kOk) {
    completion.serial = answer->serial;
    if (!opening) {
      std::optional<KvReply> reply = shared_.edges.OnReply(
          answer->result, [&] { return Render(shared_.recorder.at(open.record)); });
      if (!reply) return;
      completion.reply = *std::move(reply);
      if (completion.reply.status == ReplyStatus::kSessionUnknown) session = Session{};
      if (client.workload && current) client.workload->Learn(open.wanted, completion.reply);
    } else {
      session = Session{SessionId(answer->serial.value()), SessionSeq()};
    }
  } else if (!opening && open.request.kind == RequestKind::kWrite && open.script == nullptr &&
             client.reopen.Below(8) == 0) {
    session = Session{};  // some clients rather begin anew
  }
  shared_.recorder.Complete(open.record, std::move(completion));
  const Operation& operation = shared_.recorder.at(open.record);
  shared_.serial.OnComplete(open.record, operation);
  shared_.operations.Add(NameOf(outcome));
  ++completed_;
  if (shared_.trace.textual())
    shared_.trace.Say(ClientName(client.number) + " ends " + Render(operation));
  if (client.workload || !client.script.empty()) NextTurn(client);
}

// ---- the catalogue, transfers, the schedule --------------------------------------------------------

// False: nothing is to be created now.
bool Clients::CreateNext(Client& client) {
  for (std::size_t i = 1; i < groups_.size(); ++i) {
    if (groups_[i]) continue;
    if (created_at_[i] > shared_.now() && !serving_) break;
    client.node = PickNode(client);
    Open open;
    if (ScriptedOperation* recorded = Record(client, i, client.node)) {
      recorded->what = ScriptedCreation{};
      recorded->may_retry = true;
      open.recorded_as = shared_.recording->operations.size() - 1;
    }
    BeginCreation(client, std::move(open), i);
    return true;
  }
  if (!namespaces_known()) NextTurn(client);
  return false;
}

void Clients::BeginCreation(Client& client, Open open, std::size_t name_space) {
  open.wanted.name_space = name_space;
  open.may_retry = true;
  BeginCatalogue(client, std::move(open),
                 CreateNamespace{shared_.config.namespaces[name_space].name, Mode::kStrong});
}

// Requires: it is known.
void Clients::BeginDrop(Client& client, Open open, std::size_t name_space) {
  open.wanted.name_space = name_space;
  BeginCatalogue(client, std::move(open), DropNamespace{*groups_[name_space]});
}

void Clients::BeginCatalogue(Client& client, Open open, const CatalogueCommand& command) {
  open.request.kind = RequestKind::kCatalogue;
  open.request.group = kSystemGroup;
  open.request.payload = Payload(EncodeCatalogueCommand(command));
  open.shown = shared_.catalogue.shown();
  open.deadline = shared_.now() + TimeoutOf(client);
  client.open = std::move(open);
  ++client.operations;
  Attempt(client);
}

void Clients::FinishCatalogue(const Open& open, const Outcome& answer) {
  const absl::StatusOr<CatalogueReply> reply = DecodeCatalogueReply(answer.result.bytes());
  shared_.edges.OnCatalogueReply(reply.ok());
  if (!reply.ok()) return;
  if (!shared_.promise_broken) {
    shared_.catalogue.OnReply({.command = std::string(open.request.payload.bytes()),
                               .shown = open.shown,
                               .serial = answer.serial,
                               .reply = *reply});
  }
  const std::size_t name_space = open.wanted.name_space;
  if (reply->status == CatalogueStatus::kCreated || reply->status == CatalogueStatus::kExists) {
    Know(name_space, reply->number);
    shared_.operations.Add("namespace");
  }
  if (reply->status == CatalogueStatus::kDropped) shared_.operations.Add("namespace_dropped");
  if (reply->status == CatalogueStatus::kDropped || reply->status == CatalogueStatus::kNotFound)
    Forget(name_space, reply->number);
}

void Clients::OrderTransfer(Client& client, const Wanted& wanted, GroupId group) {
  const NodeId target(std::get<WantedTransfer>(wanted.what).target);
  const NodeId leader = shared_.invariants.latest_leader(group);
  const NodeId node = leader == NodeId() ? client.node : leader;
  if (ScriptedOperation* recorded = Record(client, wanted.name_space, node))
    recorded->what = ScriptedTransfer{target};
  SendTransfer(client, group, target, node);
}

void Clients::SendTransfer(Client& client, GroupId group, NodeId target, NodeId node) {
  ClientCall call;
  call.client = client.number;
  call.operation = ++client.operations;
  call.request.group = group;
  call.transfer_to = target;
  wire_.Send(call, node);
  shared_.operations.Add("transfer");
}

void Clients::Issue(std::size_t nth, const OperationAction& action, NodeId node) {
  const std::optional<GroupId> group = GroupOf(action.name_space);
  const std::size_t number = static_cast<std::size_t>(shared_.config.workload.clients) + 1 + nth;
  Client& client = clients_[number];
  if (!group || client.open) return;
  client.node = node;
  Open open;
  open.request.group = *group;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (shared_.config.namespaces[i].name == action.name_space) open.wanted.name_space = i;
  }
  Call call = SessionOpening{};
  switch (action.op) {
    case ScheduledOp::kPut:
      call = Command(Put{action.key, action.value});
      break;
    case ScheduledOp::kDelete:
      call = Command(Delete{action.key});
      break;
    case ScheduledOp::kGet:
      call = Read{Get{action.key}, false};
      break;
    case ScheduledOp::kDropNamespace: {  // once, as all that is ordered: nothing is left to chance
      const std::size_t name_space = open.wanted.name_space;
      return BeginDrop(client, std::move(open), name_space);
    }
  }
  if (const Read* read = std::get_if<Read>(&call)) {
    open.request.kind = RequestKind::kRead;
    open.request.payload = Payload(EncodeQuery(read->query));
  } else {
    open.request.kind = RequestKind::kWrite;
    open.request.payload = Payload(EncodeCommand(std::get<Command>(call)));
  }
  Begin(client, std::move(open), call);
}

}  // namespace quorate::sim
