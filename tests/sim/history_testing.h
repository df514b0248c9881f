// tests/sim/history_testing.h — hand-made histories, and random ones of a store that is atomic.
//
// Model: `Script` is a recorder with short words. `AtomicRun` drives the real state machine: every operation
//   takes effect at one moment between invocation and completion, so each history is linearizable by
//   construction; unknown outcomes, proved failures, retries and stale reads included.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prf.h"
#include "engine/kv/envelope.h"
#include "engine/kv/state_machine.h"
#include "sim/history/history.h"
#include "sim/history/serial_check.h"
#include "tests/engine/fake_map.h"

namespace quorate::sim {

inline Version V(std::uint64_t ord) { return {.era = 0, .ord = ord, .origin = 0}; }

inline KvReply Told(ReplyStatus status, std::uint64_t revision, std::vector<ReplyRow> rows) {
  KvReply reply;
  reply.status = status;
  reply.revision = Revision(revision);
  reply.rows = std::move(rows);
  return reply;
}
inline KvReply Wrote(const std::string& key, std::uint64_t ord, std::uint64_t revision) {
  return Told(ReplyStatus::kOk, revision, {{key, V(ord), std::nullopt}});
}
inline KvReply Deleted(const std::string& key, std::uint64_t revision) {
  return Told(ReplyStatus::kOk, revision, {{key, Version{}, std::nullopt}});
}
inline KvReply Saw(const std::string& key, std::uint64_t ord, const std::string& value,
                   std::uint64_t revision) {
  return Told(ReplyStatus::kOk, revision, {{key, V(ord), value}});
}
inline KvReply SawNothing(const std::string& key, std::uint64_t revision) {
  return Told(ReplyStatus::kNotFound, revision, {{key, Version{}, std::nullopt}});
}
inline KvReply Found(const std::string& key, std::uint64_t ord, const std::string& value,
                     std::uint64_t revision) {
  return Told(ReplyStatus::kConditionFailed, revision, {{key, V(ord), value}});
}
inline Call ReadOf(const std::string& key) { return Read{Get{key}, false}; }
inline Call StaleReadOf(const std::string& key) { return Read{Get{key}, true}; }
inline Call ScanOf(const std::string& from, const std::string& to) {
  return Read{Range{from, to, 0}, false};
}

class Script {
 public:
  OpId Invoke(std::uint64_t client, Call call, std::uint64_t session = 0, std::uint64_t seq = 0) {
    Invocation invocation;
    invocation.event = ++event_;
    invocation.ns = static_cast<std::int64_t>(event_) * 1000;
    invocation.client = client;
    invocation.group = kDefaultNamespace;
    invocation.call = std::move(call);
    invocation.session = SessionId(session);
    invocation.seq = SessionSeq(seq);
    return recorder_.Invoke(std::move(invocation));
  }
  void Ok(OpId id, KvReply reply, std::uint64_t serial = 0) {
    Complete(id, OutcomeClass::kOk, std::move(reply), serial);
  }
  void Fail(OpId id) { Complete(id, OutcomeClass::kFail, {}, 0); }
  void Info(OpId id) { Complete(id, OutcomeClass::kInfo, {}, 0); }
  // An operation on its own: nothing else happens in between.
  void Alone(std::uint64_t client, Call call, KvReply reply, std::uint64_t serial = 0) {
    const OpId id = Invoke(client, std::move(call));
    Ok(id, std::move(reply), serial);
  }

  const History& history() const { return recorder_.history(); }
  const Operation& at(OpId id) const { return recorder_.at(id); }

 private:
  void Complete(OpId id, OutcomeClass outcome, KvReply reply, std::uint64_t serial) {
    Completion completion;
    completion.event = ++event_;
    completion.ns = static_cast<std::int64_t>(event_) * 1000;
    completion.outcome = outcome;
    completion.reply = std::move(reply);
    completion.serial = Index(serial);
    completion.node = NodeId(1);
    recorder_.Complete(id, std::move(completion));
  }

  Recorder recorder_;
  std::uint64_t event_ = 0;
};

inline Entry CommandEntry(std::uint64_t session, std::uint64_t seq, const Command& command) {
  Entry entry;
  entry.term = Term(1);
  entry.kind = EntryKind::kCommand;
  entry.payload =
      Payload(EncodeEnvelope(SessionId(session), SessionSeq(seq), EncodeCommand(command)));
  return entry;
}
inline Entry EntryOf(EntryKind kind) {
  Entry entry;
  entry.term = Term(1);
  entry.kind = kind;
  return entry;
}

struct AtomicOptions {
  std::uint64_t seed = 1;
  std::uint64_t clients = 4;
  std::uint64_t steps = 600;
  std::uint64_t keys = 3;
  std::uint64_t unknown_percent = 5;  // of operations
  bool scans = true;
  bool batches = true;
  bool deletes = true;
  bool numbers = true;
  bool sessions = true;
  KvLimits limits;
};

class AtomicRun {
 public:
  explicit AtomicRun(const AtomicOptions& options)
      : options_(options), checker_(options.limits, verdicts_), clients_(options.clients) {
    map_.remember = false;
    machine_.emplace(*StateMachine::Open(map_, {kDefaultNamespace, Generation(1)}, options.limits));
  }

  void Run() {
    for (std::uint64_t i = 0; i < options_.steps; ++i) Step(Draw(options_.clients));
    for (std::uint64_t c = 0; c < options_.clients; ++c) {
      while (clients_[c].stage != Stage::kIdle && clients_[c].stage != Stage::kGone) Step(c);
    }
  }

  const History& history() const { return recorder_.history(); }
  const SerialChecker& checker() const { return checker_; }
  const Verdicts& verdicts() const { return verdicts_; }

 private:
  enum class Stage : std::uint8_t { kIdle, kInvoked, kDone, kGone };
  struct Client {
    Stage stage = Stage::kIdle;
    OpId op;
    std::uint64_t session = 0;
    std::uint64_t seq = 0;
    Completion completion;
    std::optional<std::pair<Read, Completion>> stale;  // answered long ago
  };

  std::uint64_t Draw(std::uint64_t n) { return Below(Prf(options_.seed, 17, 0, ++draws_), n); }
  bool Chance(std::uint64_t percent) { return Draw(100) < percent; }
  std::string Key() { return std::string(1, static_cast<char>('a' + Draw(options_.keys))); }
  std::string NewValue() { return "v" + std::to_string(++values_); }
  // A value that may be there.
  std::string SomeValue() { return "v" + std::to_string(values_ - std::min(values_, Draw(4))); }

  Call AnyCall() {
    switch (Draw(12)) {
      case 0:
      case 1:
      case 2:
        return Command(Put{Key(), NewValue()});
      case 3:
        return Command(PutIfAbsent{Key(), NewValue()});
      case 4:
        if (options_.deletes) return Command(Delete{Key()});
        return ReadOf(Key());
      case 5:
        return Command(CasValue{Key(), SomeValue(), NewValue()});
      case 6:
        return Command(
            CasVersion{Key(), V(machine_->applied().index.value() - Draw(3)), NewValue()});
      case 7:
        if (options_.numbers)
          return Command(Increment{"n", static_cast<std::int64_t>(Draw(5)) - 1});
        return ReadOf(Key());
      case 8:
        if (options_.batches) return Command(AnyBatch());
        return ReadOf(Key());
      case 9:
        if (options_.scans) return Read{Range{Key(), "", Draw(3)}, false};
        return ReadOf(Key());
      default:
        return ReadOf(Chance(15) && options_.numbers ? "n" : Key());
    }
  }
  Batch AnyBatch() {
    Batch batch;
    if (Chance(40)) batch.conditions.push_back({Key(), SomeValue()});
    if (Chance(20)) batch.conditions.push_back({Key(), std::monostate{}});
    batch.writes.push_back({Key(), NewValue()});
    if (Chance(50)) batch.writes.push_back({Key(), NewValue()});
    if (options_.deletes && Chance(30)) batch.writes.push_back({Key(), std::nullopt});
    if (options_.deletes && Chance(15)) batch.writes.erase(batch.writes.begin());
    return batch;
  }

  ApplyResult Commit(const Entry& entry) {
    const Index index = Next(machine_->applied().index);
    std::vector<ApplyResult> results;
    EXPECT_TRUE(machine_->Apply(index, std::span(&entry, 1), results).ok());
    checker_.OnCommitted(kDefaultNamespace, index, entry);
    for (const ApplyResult& result : results)
      checker_.OnApplied(NodeId(2), kDefaultNamespace, result);
    return results.empty() ? ApplyResult{index, index, Payload()} : results.front();
  }

  void Step(std::uint64_t c) {
    if (Chance(5)) Commit(EntryOf(EntryKind::kBarrier));
    if (!late_.empty() && Chance(20)) {
      Commit(late_.back());  // what a client gave up on
      late_.pop_back();
    }
    Client& client = clients_[c];
    switch (client.stage) {
      case Stage::kIdle:
        return Start(c, client);
      case Stage::kInvoked:
        return TakeEffect(client);
      case Stage::kDone:
        return Finish(client);
      case Stage::kGone:
        return;
    }
  }

  void Start(std::uint64_t c, Client& client) {
    Invocation invocation;
    invocation.event = ++event_;
    invocation.client = c;
    invocation.group = kDefaultNamespace;
    invocation.call = AnyCall();
    if (client.stale && Chance(30)) invocation.call = client.stale->first;
    if (options_.sessions && client.session == 0) invocation.call = SessionOpening{};
    if (std::holds_alternative<Command>(invocation.call) && client.session != 0) {
      invocation.session = SessionId(client.session);
      invocation.seq = SessionSeq(++client.seq);
    }
    client.op = recorder_.Invoke(std::move(invocation));
    checker_.OnInvoke(client.op, recorder_.at(client.op));
    client.stage = Stage::kInvoked;
  }

  void TakeEffect(Client& client) {
    const Operation& op = recorder_.at(client.op);
    client.completion = Completion{};
    client.completion.node = NodeId(1);
    const Command* command = std::get_if<Command>(&op.call);
    if (Chance(options_.unknown_percent)) return GiveUp(client, command);
    client.completion.outcome = OutcomeClass::kOk;
    if (const Read* read = std::get_if<Read>(&op.call)) {
      client.completion = read->stale ? client.stale->second : Answer(read->query);
    } else {
      const ApplyResult result =
          Commit(command == nullptr ? EntryOf(EntryKind::kOpenSession) : EntryFor(op, *command));
      client.completion.serial = result.took_effect;
      if (command != nullptr) client.completion.reply = *DecodeReply(result.reply.bytes());
      if (command == nullptr) client.session = result.index.value();
      // A resent copy of the same command: answered from the table, at the first index.
      if (command != nullptr && op.session != SessionId(0) && Chance(10)) {
        client.completion.serial = Commit(EntryFor(op, *command)).took_effect;
      }
    }
    client.stage = Stage::kDone;
  }

  static Entry EntryFor(const Operation& op, const Command& command) {
    return CommandEntry(op.session.value(), op.seq.value(), command);
  }

  Completion Answer(const Query& query) {
    Completion completion;
    completion.outcome = OutcomeClass::kOk;
    completion.reply = *DecodeReply(machine_->Answer(EncodeQuery(query))->bytes());
    completion.serial = machine_->applied().index;
    completion.node = NodeId(1);
    return completion;
  }

  // The outcome stays unknown (and the command may take effect now, later, or never), or is a proved fail.
  void GiveUp(Client& client, const Command* command) {
    const Operation& op = recorder_.at(client.op);
    client.stage = Stage::kDone;
    if (command != nullptr && Chance(30)) {
      client.completion.outcome = OutcomeClass::kFail;
      return;
    }
    client.completion.outcome = OutcomeClass::kInfo;
    if (command == nullptr) return;
    if (Chance(40)) {
      Commit(EntryFor(op, *command));
    } else if (Chance(60)) {
      late_.push_back(EntryFor(op, *command));
    }
  }

  void Finish(Client& client) {
    client.completion.event = ++event_;
    const Read stale{Get{Key()}, true};
    client.stale = {stale, Answer(stale.query)};
    recorder_.Complete(client.op, client.completion);
    checker_.OnComplete(client.op, recorder_.at(client.op));
    client.stage = Stage::kIdle;
  }

  AtomicOptions options_;
  FakeMap map_;
  std::optional<StateMachine> machine_;
  Verdicts verdicts_;
  Recorder recorder_;
  SerialChecker checker_;
  std::vector<Client> clients_;
  std::vector<Entry> late_;
  std::uint64_t draws_ = 0;
  std::uint64_t values_ = 0;
  std::uint64_t event_ = 0;
};

}  // namespace quorate::sim
