#include "sim/history/evidence.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

bool ShowsRows(ReplyStatus status) {
  switch (status) {
    case ReplyStatus::kOk:
    case ReplyStatus::kNotFound:
    case ReplyStatus::kConditionFailed:
    case ReplyStatus::kNotANumber:
      return true;
    case ReplyStatus::kTooBig:
    case ReplyStatus::kMalformed:
    case ReplyStatus::kSessionUnknown:
      return false;
  }
  UNREACHABLE("closed list");
}

std::string KeyOf(const Command& command) {
  return std::visit(Match{
                        [](const Put& c) { return c.key; },
                        [](const PutIfAbsent& c) { return c.key; },
                        [](const Delete& c) { return c.key; },
                        [](const CasValue& c) { return c.key; },
                        [](const CasVersion& c) { return c.key; },
                        [](const Increment& c) { return c.key; },
                        [](const Batch&) { return std::string(); },
                    },
                    command);
}

}  // namespace

std::optional<std::int64_t> NumberIn(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsTold(const Operation& op) {
  return op.ok() && !std::holds_alternative<SessionOpening>(op.call);
}

Change ChangeOf(const Operation& op) {
  const Command* command = std::get_if<Command>(&op.call);
  if (command == nullptr || op.completion->reply.status != ReplyStatus::kOk) return Change::kNone;
  const Batch* batch = std::get_if<Batch>(command);
  if (batch == nullptr) return Change::kSure;
  if (batch->writes.empty()) return Change::kNone;
  // A batch of deletes alone does not say whether a row was there.
  const bool puts = std::any_of(batch->writes.begin(), batch->writes.end(),
                                [](const BatchWrite& write) { return write.value.has_value(); });
  return puts ? Change::kSure : Change::kPerhaps;
}

bool IsWithoutRows(const Operation& op) {
  const Command* command = std::get_if<Command>(&op.call);
  if (command == nullptr || !op.ok() || !ShowsRows(op.completion->reply.status)) return false;
  const Batch* batch = std::get_if<Batch>(command);
  const bool none_due =
      batch != nullptr && batch->writes.empty() && op.completion->reply.status == ReplyStatus::kOk;
  return op.completion->reply.rows.empty() && !none_due;
}

bool IsStale(const Operation& op) {
  const Read* read = std::get_if<Read>(&op.call);
  return read != nullptr && read->stale;
}

void EvidenceBook::Find(std::string rule, const std::string& why, std::size_t a, std::size_t b) {
  if (found_) return;
  std::string what = absl::StrCat(why, "\n  ", Render(op(a)));
  if (a != b) absl::StrAppend(&what, "\n  ", Render(op(b)));
  found_ = VersionFinding{std::move(rule), std::move(what), OpId(a), OpId(b)};
}

void EvidenceBook::Collect(const std::vector<std::size_t>& members) {
  for (const std::size_t member : members) CollectKeys(member);
  for (const std::size_t member : members) {
    if (!found_ && IsTold(op(member))) CollectOne(member);
  }
}

void EvidenceBook::Excuse(const Command& command) {
  std::visit(Match{
                 [&](const Put& c) { excuses_[c.key].values.insert(c.value); },
                 [&](const PutIfAbsent& c) { excuses_[c.key].values.insert(c.value); },
                 [&](const Delete& c) { excuses_[c.key].erased = true; },
                 [&](const CasValue& c) { excuses_[c.key].values.insert(c.value); },
                 [&](const CasVersion& c) { excuses_[c.key].values.insert(c.value); },
                 [&](const Increment& c) { excuses_[c.key].any_number = true; },
                 [&](const Batch& c) {
                   for (const BatchWrite& write : c.writes) {
                     Excuses& excuses = excuses_[write.key];
                     if (write.value) excuses.values.insert(*write.value);
                     if (!write.value) excuses.erased = true;
                   }
                 },
             },
             command);
}

void EvidenceBook::CollectKeys(std::size_t at) {
  const Operation& o = op(at);
  if (const Command* command = std::get_if<Command>(&o.call)) {
    const bool unknown =
        o.outcome() == OutcomeClass::kInfo ||
        (o.ok() && (reply(at).status == ReplyStatus::kSessionUnknown || IsWithoutRows(o)));
    if (unknown) Excuse(*command);
    if (const Batch* batch = std::get_if<Batch>(command)) {
      for (const BatchWrite& write : batch->writes) evidence_[write.key];
      for (const Condition& condition : batch->conditions) evidence_[condition.key];
    } else {
      evidence_[KeyOf(*command)];
    }
  }
  if (!o.ok()) return;
  for (const ReplyRow& row : reply(at).rows) evidence_[row.key];
}

void EvidenceBook::Say(const std::string& key, Evidence evidence) {
  ++counts_.sights;
  evidence_[key].push_back(std::move(evidence));
}

void EvidenceBook::SayRow(std::size_t at, Position position, const ReplyRow& row) {
  Evidence evidence{
      .position = position, .op = at, .version = row.version, .value = row.value, .added = {}};
  evidence.kind = row.version == Version{} ? Evidence::Kind::kSeenAbsent : Evidence::Kind::kSeen;
  if (row.version == Version{} && row.value) {
    return Find("version", "a row without a version", at, at);
  }
  Say(row.key, std::move(evidence));
}

void EvidenceBook::SayAbsent(std::size_t at, Position position, const std::string& key) {
  Say(key, {.position = position,
            .kind = Evidence::Kind::kSeenAbsent,
            .op = at,
            .version = {},
            .value = {},
            .added = {}});
}

void EvidenceBook::SaySome(std::size_t at, Position position, const std::string& key) {
  Say(key, {.position = position,
            .kind = Evidence::Kind::kSeenSome,
            .op = at,
            .version = {},
            .value = {},
            .added = {}});
}

void EvidenceBook::SayValue(std::size_t at, Position position, const std::string& key,
                            const std::string& value) {
  Say(key, {.position = position,
            .kind = Evidence::Kind::kSeenValue,
            .op = at,
            .version = {},
            .value = value,
            .added = {}});
}

void EvidenceBook::SayVersion(std::size_t at, Position position, const std::string& key,
                              const Version& version) {
  SayRow(at, position, {key, version, std::nullopt});
}

void EvidenceBook::CollectOne(std::size_t at) {
  ++counts_.operations;
  if (!ShowsRows(reply(at).status)) return;
  if (const Read* read = std::get_if<Read>(&op(at).call)) return CollectRead(at, *read);
  const Command& command = std::get<Command>(op(at).call);
  if (IsWithoutRows(op(at))) return;
  if (reply(at).status != ReplyStatus::kOk) return CollectRefused(at, command);
  if (ChangeOf(op(at)) == Change::kSure && reply(at).revision == Revision(0)) {
    return Find("revision", "a change without a revision", at, at);
  }
  if (const Batch* batch = std::get_if<Batch>(&command)) return CollectBatch(at, *batch);
  CollectWrite(at, command);
}

void EvidenceBook::CollectRead(std::size_t at, const Read& read) {
  const Position position = EvaluatedAt(reply(at).revision);
  if (const Get* get = std::get_if<Get>(&read.query)) {
    const bool shaped =
        reply(at).rows.size() == 1 && reply(at).rows[0].key == get->key &&
        (reply(at).status == ReplyStatus::kOk) == reply(at).rows[0].value.has_value();
    if (!shaped) return Find("effect", "not a reply to a get of this key", at, at);
    return SayRow(at, position, reply(at).rows[0]);
  }
  CollectScan(at, std::get<Range>(read.query), position);
}

void EvidenceBook::CollectScan(std::size_t at, const Range& range, Position position) {
  const KvReply& told = reply(at);
  std::set<std::string> seen;
  const std::string* before = nullptr;
  for (const ReplyRow& row : told.rows) {
    const bool inside = row.key >= range.from && (range.to.empty() || row.key < range.to) &&
                        (before == nullptr || *before < row.key);
    if (!inside) return Find("scan", "a row out of range or order", at, at);
    if (!row.value) return Find("scan", "a row without a value", at, at);
    before = &row.key;
    seen.insert(row.key);
    SayRow(at, position, row);
  }
  if (range.limit != 0 && told.rows.size() > range.limit) {
    return Find("scan", "more rows than asked for", at, at);
  }
  if (told.continuation && before != nullptr && *told.continuation <= *before) {
    return Find("scan", "a continuation that goes back", at, at);
  }
  const std::string& end = told.continuation ? *told.continuation : range.to;
  for (auto key = evidence_.lower_bound(range.from); key != evidence_.end(); ++key) {
    if (!end.empty() && key->first >= end) break;
    if (!seen.contains(key->first)) SayAbsent(at, position, key->first);
  }
}

void EvidenceBook::CollectRefused(std::size_t at, const Command& command) {
  const KvReply& told = reply(at);
  const Position position = EvaluatedAt(told.revision);
  for (const ReplyRow& row : told.rows) SayRow(at, position, row);
  if (const Batch* batch = std::get_if<Batch>(&command)) {
    const bool reasons = !told.rows.empty() &&
                         std::all_of(told.rows.begin(), told.rows.end(), [&](const ReplyRow& row) {
                           return std::any_of(batch->conditions.begin(), batch->conditions.end(),
                                              [&](const Condition& c) { return Fails(c, row); });
                         });
    if (!reasons) Find("effect", "refused although its conditions held", at, at);
    return;
  }
  if (told.rows.size() != 1 || told.rows[0].key != KeyOf(command)) {
    return Find("effect", "refused without saying what was found", at, at);
  }
  if (!HadReason(command, told.rows[0])) Find("effect", "refused without a reason", at, at);
}

bool EvidenceBook::Fails(const Condition& condition, const ReplyRow& row) {
  if (condition.key != row.key) return false;
  return std::visit(Match{
                        [&](std::monostate) { return row.version != Version{}; },
                        [&](const Version& version) { return row.version != version; },
                        [&](const std::string& value) { return !row.value || *row.value != value; },
                    },
                    condition.must_be);
}

bool EvidenceBook::HadReason(const Command& command, const ReplyRow& row) {
  const bool present = row.version != Version{};
  return std::visit(Match{
                        [](const Put&) { return false; },
                        [&](const PutIfAbsent&) { return present; },
                        [&](const Delete&) { return !present; },
                        [&](const CasValue& c) { return row.value != c.expected; },
                        [&](const CasVersion& c) { return row.version != c.expected; },
                        [&](const Increment& c) {
                          const auto number =
                              row.value ? NumberIn(*row.value) : std::optional<std::int64_t>(0);
                          std::int64_t sum = 0;
                          return !number || __builtin_add_overflow(*number, c.by, &sum);
                        },
                        [](const Batch&) { return true; },
                    },
                    command);
}

void EvidenceBook::CollectWrite(std::size_t at, const Command& command) {
  const KvReply& told = reply(at);
  if (told.rows.size() != 1 || told.rows[0].key != KeyOf(command)) {
    return Find("effect", "a write that does not name its row", at, at);
  }
  const ReplyRow& row = told.rows[0];
  const Position before = JustBefore(told.revision);
  Evidence put{.position = ChangeAt(told.revision),
               .kind = Evidence::Kind::kPut,
               .op = at,
               .version = row.version,
               .value = {},
               .added = {}};
  std::visit(Match{
                 [&](const Put& c) { put.value = c.value; },
                 [&](const PutIfAbsent& c) {
                   SayAbsent(at, before, c.key);
                   put.value = c.value;
                 },
                 [&](const Delete& c) {
                   SaySome(at, before, c.key);
                   put.kind = Evidence::Kind::kErased;
                 },
                 [&](const CasValue& c) {
                   if (c.expected) SayValue(at, before, c.key, *c.expected);
                   if (!c.expected) SayAbsent(at, before, c.key);
                   put.value = c.value;
                 },
                 [&](const CasVersion& c) {
                   SayVersion(at, before, c.key, c.expected);
                   put.value = c.value;
                 },
                 [&](const Increment& c) {
                   put.value = row.value;
                   put.added = c.by;
                 },
                 [](const Batch&) {},
             },
             command);
  const bool erases = put.kind == Evidence::Kind::kErased;
  if (erases != (row.version == Version{})) {
    return Find("version", "a write without a version, or a delete with one", at, at);
  }
  Say(row.key, std::move(put));
}

void EvidenceBook::CollectBatch(std::size_t at, const Batch& batch) {
  const KvReply& told = reply(at);
  if (told.rows.size() != batch.writes.size()) {
    return Find("effect", "a batch that does not name its rows", at, at);
  }
  const Change change = ChangeOf(op(at));
  // Of one that perhaps changed nothing, only what holds afterwards is known for certain.
  if (change != Change::kPerhaps) {
    const Position before =
        change == Change::kSure ? JustBefore(told.revision) : EvaluatedAt(told.revision);
    for (const Condition& condition : batch.conditions) {
      std::visit(Match{
                     [&](std::monostate) { SayAbsent(at, before, condition.key); },
                     [&](const Version& v) { SayVersion(at, before, condition.key, v); },
                     [&](const std::string& v) { SayValue(at, before, condition.key, v); },
                 },
                 condition.must_be);
    }
  }
  std::map<std::string, std::size_t> last;  // a key written twice has what was written last
  for (std::size_t i = 0; i < batch.writes.size(); ++i) last[batch.writes[i].key] = i;
  for (const auto& [key, i] : last) {
    Evidence put{
        .position = change == Change::kSure ? ChangeAt(told.revision) : EvaluatedAt(told.revision),
        .kind = Evidence::Kind::kPut,
        .op = at,
        .version = told.rows[i].version,
        .value = batch.writes[i].value,
        .added = {}};
    if (!put.value) put.kind = Evidence::Kind::kErased;
    if (told.rows[i].key != key || put.value.has_value() == (put.version == Version{})) {
      return Find("version", "a write without a version, or a delete with one", at, at);
    }
    Say(key, std::move(put));
  }
}

}  // namespace quorate::sim
