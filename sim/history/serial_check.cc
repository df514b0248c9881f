#include "sim/history/serial_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/history/chunk.h"
#include "sim/history/reference_model.h"

namespace quorate::sim {
namespace {

// An open operation: what was known when it was invoked.
struct Open {
  Index shown;  // the greatest serial index that any operation had shown
  Index committed;
  Digest command;  // of a command
};

struct Group {
  explicit Group(const KvLimits& limits, Index start) : model(limits, start) {}

  ReferenceModel model;
  bool exempt = false;
  Index shown;
  std::map<OpId, Open> open;
  std::map<std::pair<SessionId, SessionSeq>, OpId> failed;
  std::map<Digest, std::uint64_t> asked;  // commands, by what they say
  std::set<Index> answered_without_rows;  // commands of which a retry was told only how it went
  std::map<Digest, OpId> failed_content;  // of these, those told that they certainly failed
  // Of transferred states, by index and chunk: the last key in it; nullopt: nothing comes behind it.
  std::map<std::pair<Index, std::uint64_t>, std::optional<std::string>> chunks;
};

std::string At(Index index) { return absl::StrCat("index ", index.value()); }

std::string Who(NodeId node, GroupId group) {
  return absl::StrCat("node ", node.value(), " namespace ", group.value(), ": ");
}

bool SameButForVersions(KvReply a, KvReply b) {
  for (KvReply* reply : {&a, &b}) {
    reply->revision = Revision(0);
    for (ReplyRow& row : reply->rows) row.version = Version{};
  }
  return a == b;
}

// Which rule a reply broke that is not the model's.
Check CheckOfDifference(const KvReply& told, const KvReply& model) {
  const bool told_unknown = told.status == ReplyStatus::kSessionUnknown;
  const bool model_unknown = model.status == ReplyStatus::kSessionUnknown;
  if (told_unknown != model_unknown) return Check::kSessions;
  if (SameButForVersions(told, model)) return Check::kVersions;
  return Check::kSerialReply;
}

}  // namespace

struct SerialChecker::State {
  State(const KvLimits& kv_limits, Verdicts& out) : limits(kv_limits), verdicts(out) {}

  Group* Find(GroupId id) {
    const auto found = groups.find(id);
    return found == groups.end() ? nullptr : &found->second;
  }
  Group& At(GroupId id) { return groups.try_emplace(id, limits, Index(0)).first->second; }

  void NoteEffect(GroupId id, Group& group, Index index, const EntryEffect& effect);
  void CheckRead(const Read& read, const Operation& op, const Open& open, Group& group);
  void CheckCommand(const Operation& op, const Open& open, Group& group);
  void CheckOpening(const Operation& op, const Open& open, Group& group);
  void CheckOk(const Operation& op, const Open& open, Group& group);
  void CheckFail(OpId id, const Operation& op, const Open& open, Group& group);
  bool IsOwnEntry(const Operation& op, const Open& open, const EntryEffect& effect);
  void ForgetWhatIsOver(Group& group);

  KvLimits limits;
  Verdicts& verdicts;
  std::map<GroupId, Group> groups;
  CommittedEffects effects;
  Counts counts;
};

// ---- the committed stream -----------------------------------------------------------------------------

void SerialChecker::State::NoteEffect(GroupId id, Group& group, Index index,
                                      const EntryEffect& effect) {
  if (effect.kind == EntryEffect::Kind::kRetried) {
    ++counts.retries;
    if (effect.without_rows) group.answered_without_rows.insert(effect.took_effect);
  }
  if (effect.kind == EntryEffect::Kind::kSessionUnknown) ++counts.refused;
  if (effect.kind != EntryEffect::Kind::kApplied) return;
  verdicts.Count(Check::kExactlyOnce);
  verdicts.Count(Check::kTruthfulFail);
  if (effect.reply.status == ReplyStatus::kTooBig) effects.AddTooBig(id, index);
  // Content matters only for clients without a session, who asked for it before.
  const auto asked = group.asked.find(effect.command);
  if (asked != group.asked.end()) effects.AddContent(id, effect.command, index);
  if (effect.session != SessionId(0)) {
    const CommittedEffects::Key key{id, effect.session, effect.seq};
    if (const auto before = effects.Find(key)) {
      verdicts.Report(
          Check::kExactlyOnce,
          absl::StrCat("session ", effect.session.value(), " seq ", effect.seq.value(),
                       " takes effect at ", sim::At(*before), " and at ", sim::At(index)));
    }
    effects.Add(key, index);
    if (group.failed.contains({effect.session, effect.seq})) {
      verdicts.Report(
          Check::kTruthfulFail,
          absl::StrCat("session ", effect.session.value(), " seq ", effect.seq.value(),
                       " was told that it certainly failed, and takes effect at ", sim::At(index)));
    }
  }
  if (asked != group.asked.end() && asked->second == 1 &&
      group.failed_content.contains(effect.command)) {
    verdicts.Report(Check::kTruthfulFail,
                    absl::StrCat("a command that was told that it certainly failed takes "
                                 "effect at ",
                                 sim::At(index)));
  }
}

void SerialChecker::State::ForgetWhatIsOver(Group& group) {
  const Index committed = group.model.applied();
  if (committed.value() <= kKeepEntries) return;
  Index horizon(committed.value() - kKeepEntries);
  // Places in the order of operations are those of invocations, so the first open one knew least.
  if (!group.open.empty()) horizon = std::min(horizon, group.open.begin()->second.shown);
  group.model.Forget(horizon);
}

// ---- replies ------------------------------------------------------------------------------------------

void SerialChecker::State::CheckRead(const Read& read, const Operation& op, const Open& open,
                                     Group& group) {
  ++counts.reads;
  const Index serial = op.completion->serial;
  if (!read.stale && serial < open.shown) {
    verdicts.Report(Check::kSerialTime,
                    absl::StrCat("a read of the state at ", sim::At(serial),
                                 ", but an operation that had completed before showed ",
                                 sim::At(open.shown), ": ", Render(op)));
    return;
  }
  if (serial < group.model.horizon()) {
    ++counts.unchecked;
    return;
  }
  const KvReply expected = group.model.Answer(read.query, serial);
  if (op.completion->reply == expected) return;
  verdicts.Report(
      CheckOfDifference(op.completion->reply, expected),
      absl::StrCat(Render(op), ", but the state at ", sim::At(serial), " says ", Render(expected)));
}

// Whether the entry at the serial index is this operation's own first one.
bool SerialChecker::State::IsOwnEntry(const Operation& op, const Open& open,
                                      const EntryEffect& effect) {
  const Index serial = op.completion->serial;
  if (effect.kind == EntryEffect::Kind::kRetried) {
    verdicts.Report(Check::kExactlyOnce, absl::StrCat(Render(op), ": took effect at ",
                                                      sim::At(effect.took_effect), " already"));
    return false;
  }
  const bool own = op.session != SessionId(0) ? effect.session == op.session && effect.seq == op.seq
                                              : effect.command == open.command;
  if (own) return true;
  if (op.session != SessionId(0)) {
    if (const auto first = effects.Find({op.group, op.session, op.seq})) {
      verdicts.Report(Check::kExactlyOnce,
                      absl::StrCat(Render(op), ": took effect at ", sim::At(*first)));
      return false;
    }
  }
  verdicts.Report(Check::kSerialPlace, absl::StrCat(Render(op), ": the entry at ", sim::At(serial),
                                                    " is not this operation's"));
  return false;
}

void SerialChecker::State::CheckCommand(const Operation& op, const Open& open, Group& group) {
  const Index serial = op.completion->serial;
  if (serial <= open.shown) {
    verdicts.Report(Check::kSerialTime,
                    absl::StrCat("a write at ", sim::At(serial),
                                 ", but an operation that had completed before showed ",
                                 sim::At(open.shown), ": ", Render(op)));
    return;
  }
  const EntryEffect* effect = group.model.EffectAt(serial);
  if (effect == nullptr) {
    verdicts.Report(Check::kSerialPlace,
                    absl::StrCat(Render(op), ": was committed long before it was invoked"));
    return;
  }
  if (!IsOwnEntry(op, open, *effect)) return;
  if (op.completion->reply == effect->reply) return;
  // A retry may have been answered when there was no room any more for the rows.
  KvReply head = effect->reply;
  head.rows.clear();
  if (op.completion->reply == head && group.answered_without_rows.contains(serial)) return;
  verdicts.Report(CheckOfDifference(op.completion->reply, effect->reply),
                  absl::StrCat(Render(op), ", but the command at ", sim::At(serial), " gives ",
                               Render(effect->reply)));
}

void SerialChecker::State::CheckOpening(const Operation& op, const Open& open, Group& group) {
  const Index serial = op.completion->serial;
  if (serial <= open.shown) {
    verdicts.Report(Check::kSerialTime,
                    absl::StrCat("a session opened at ", sim::At(serial),
                                 ", but an operation that had completed before showed ",
                                 sim::At(open.shown), ": ", Render(op)));
    return;
  }
  const EntryEffect* effect = group.model.EffectAt(serial);
  if (effect != nullptr && effect->kind == EntryEffect::Kind::kOpened) return;
  verdicts.Report(Check::kSessions,
                  absl::StrCat(Render(op), ": no session was opened at ", sim::At(serial)));
}

void SerialChecker::State::CheckOk(const Operation& op, const Open& open, Group& group) {
  ++counts.operations;
  for (const Check check : {Check::kSerialReply, Check::kSerialTime, Check::kSerialPlace,
                            Check::kVersions, Check::kSessions}) {
    verdicts.Count(check);
  }
  const Index serial = op.completion->serial;
  const bool is_read = std::holds_alternative<Read>(op.call);
  const bool known = serial > group.model.start() || (is_read && serial == group.model.start());
  if (serial > group.model.applied() || !known) {
    verdicts.Report(Check::kSerialPlace,
                    absl::StrCat(Render(op), ": committed is ", sim::At(group.model.applied())));
    return;
  }
  std::visit(Match{
                 [&](const Command&) { CheckCommand(op, open, group); },
                 [&](const Read& read) { CheckRead(read, op, open, group); },
                 [&](const SessionOpening&) { CheckOpening(op, open, group); },
             },
             op.call);
  const Read* read = std::get_if<Read>(&op.call);
  if (read == nullptr || !read->stale) group.shown = std::max(group.shown, serial);
}

void SerialChecker::State::CheckFail(OpId id, const Operation& op, const Open& open, Group& group) {
  if (!std::holds_alternative<Command>(op.call)) return;
  verdicts.Count(Check::kTruthfulFail);
  if (op.session != SessionId(0)) {
    group.failed.emplace(std::pair(op.session, op.seq), id);
    if (const auto effect = effects.Find({op.group, op.session, op.seq})) {
      verdicts.Report(Check::kTruthfulFail,
                      absl::StrCat(Render(op), ": took effect at ", sim::At(*effect)));
    }
    return;
  }
  group.failed_content.emplace(open.command, id);
  const std::vector<Index>& found = effects.FindContent(op.group, open.command);
  if (!found.empty() && group.asked[open.command] == 1) {
    verdicts.Report(Check::kTruthfulFail,
                    absl::StrCat(Render(op), ": took effect at ", sim::At(found.front())));
  }
}

// ---- the public face ----------------------------------------------------------------------------------

SerialChecker::SerialChecker(const KvLimits& limits, Verdicts& verdicts)
    : state_(std::make_unique<State>(limits, verdicts)) {}
SerialChecker::~SerialChecker() = default;
SerialChecker::SerialChecker(SerialChecker&&) noexcept = default;

void SerialChecker::OnGroupBorn(GroupId group, Index start) {
  if (group == kSystemGroup) return;
  state_->groups.try_emplace(group, state_->limits, start);
}

void SerialChecker::OnCommitted(GroupId id, Index index, const Entry& entry) {
  if (id == kSystemGroup) return;
  Group& group = state_->At(id);
  if (index <= group.model.applied()) return;
  const std::uint64_t evictions = group.model.evictions();
  const EntryEffect& effect = group.model.Apply(index, entry);
  ++state_->counts.entries;
  state_->counts.evictions += group.model.evictions() - evictions;
  state_->NoteEffect(id, group, index, effect);
  state_->ForgetWhatIsOver(group);
}

void SerialChecker::OnApplied(NodeId node, GroupId id, const ApplyResult& result) {
  if (id == kSystemGroup) return;
  Group& group = state_->At(id);
  if (result.index > group.model.applied() || result.index <= group.model.start()) {
    state_->verdicts.Report(Check::kApplyOrder,
                            absl::StrCat(Who(node, id), "applied ", At(result.index),
                                         ", committed is ", At(group.model.applied())));
    return;
  }
  for (const Check check : {Check::kModelReply, Check::kExactlyOnce, Check::kSessions,
                            Check::kVersions, Check::kApplyOrder}) {
    state_->verdicts.Count(check);
  }
  const ReferenceModel::Trace& trace = group.model.TraceAt(result.index);
  const bool empty = result.reply.empty() && trace.reply_bytes == Digest{};
  const bool same = empty || result.reply.digest() == trace.reply_bytes;
  if (same && result.took_effect == trace.took_effect) return;
  if (result.took_effect != trace.took_effect) {
    state_->verdicts.Report(
        Check::kExactlyOnce,
        absl::StrCat(Who(node, id), "the command at ", At(result.index), " took effect at ",
                     At(result.took_effect), ", it must be ", At(trace.took_effect)));
    return;
  }
  const EntryEffect* effect = group.model.EffectAt(result.index);
  const absl::StatusOr<KvReply> told = DecodeReply(result.reply.bytes());
  Check broken = Check::kModelReply;
  if (trace.took_effect != result.index) {
    broken = Check::kExactlyOnce;
  } else if (effect != nullptr && told.ok()) {
    const Check of_reply = CheckOfDifference(*told, effect->reply);
    broken = of_reply == Check::kSerialReply ? Check::kModelReply : of_reply;
  }
  state_->verdicts.Report(
      broken,
      absl::StrCat(Who(node, id), "the command at ", At(result.index), " was answered ",
                   told.ok() ? Render(*told) : std::string("with bytes that are no reply"),
                   effect == nullptr ? std::string(", not as before")
                                     : absl::StrCat(", it must be ", Render(effect->reply))));
}

void SerialChecker::OnChunk(NodeId node, GroupId id, const SnapshotChunk& chunk) {
  if (id == kSystemGroup) return;
  Group& group = state_->At(id);
  const Index at = chunk.name.entry.index;
  const std::pair place(at, chunk.number);
  if (at > group.model.applied() || at < group.model.horizon() || group.chunks.contains(place)) {
    return;
  }
  // Where it begins is known if it is the first, or the one before it was seen.
  const auto previous =
      chunk.number == 0 ? group.chunks.end() : group.chunks.find(std::pair(at, chunk.number - 1));
  const bool begins = chunk.number == 0;
  if (!begins && previous == group.chunks.end()) return;
  if (!begins && !previous->second) {  // sessions only
    group.chunks.emplace(place, std::nullopt);
    return;
  }
  const std::string behind = begins ? std::string() : *previous->second;
  const std::optional<ChunkRows> found = RowsOfChunk(chunk.rows.bytes());
  const auto where = [&] {
    return absl::StrCat(Who(node, id), "chunk ", chunk.number, " of the state at ", sim::At(at));
  };
  if (!state_->verdicts.Expect(Check::kSnapshotContent, found.has_value(),
                               [&] { return where() + " cannot be read"; })) {
    return;
  }
  std::optional<std::string> last;
  if (!found->complete) last = found->rows.empty() ? behind : found->rows.back().key;
  state_->verdicts.Expect(
      Check::kSnapshotContent, found->rows == group.model.RowsBetween(at, behind, last), [&] {
        return absl::StrCat(where(), " does not hold the rows that are there from '", behind,
                            "' to ", last ? "'" + *last + "'" : std::string("the end"));
      });
  group.chunks.emplace(place, std::move(last));
}

void SerialChecker::Exempt(GroupId group) { state_->At(group).exempt = true; }

void SerialChecker::OnInvoke(OpId id, const Operation& operation) {
  if (operation.group == kSystemGroup) return;
  Group& group = state_->At(operation.group);
  Open open{group.shown, group.model.applied(), Digest{}};
  if (const Command* command = std::get_if<Command>(&operation.call)) {
    const Digest content = DigestOf(EncodeCommand(*command));
    ++group.asked[content];  // by a session, too: what it asks for may be the same words
    if (operation.session == SessionId(0)) open.command = content;
  }
  group.open.emplace_hint(group.open.end(), id, open);
}

void SerialChecker::OnComplete(OpId id, const Operation& operation) {
  if (operation.group == kSystemGroup) return;
  Group& group = state_->At(operation.group);
  const auto found = group.open.find(id);
  REQUIRE(found != group.open.end() && operation.completion.has_value());
  const Open open = found->second;
  switch (operation.completion->outcome) {
    case OutcomeClass::kOk:
      if (!group.exempt) state_->CheckOk(operation, open, group);
      break;
    case OutcomeClass::kFail:
      state_->CheckFail(id, operation, open, group);
      break;
    case OutcomeClass::kInfo:
      break;
  }
  group.open.erase(found);
  state_->ForgetWhatIsOver(group);
}

Revision SerialChecker::revision(GroupId group) const {
  const Group* found = state_->Find(group);
  return found == nullptr ? Revision(0) : found->model.revision();
}

Index SerialChecker::committed(GroupId group) const {
  const Group* found = state_->Find(group);
  return found == nullptr ? Index(0) : found->model.applied();
}

const CommittedEffects& SerialChecker::effects() const { return state_->effects; }
const SerialChecker::Counts& SerialChecker::counts() const { return state_->counts; }

}  // namespace quorate::sim
