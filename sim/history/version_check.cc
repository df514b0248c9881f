#include "sim/history/version_check.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

// A place in the order that the replies show: a change that made revision r stands at 2r, what was
// evaluated at revision r at 2r + 1.
using Position = std::uint64_t;

Position ChangeAt(Revision revision) { return 2 * revision.value(); }
Position EvaluatedAt(Revision revision) { return 2 * revision.value() + 1; }
Position JustBefore(Revision revision) { return 2 * revision.value() - 1; }

// Something that an operation says about one key.
struct Evidence {
  enum class Kind : std::uint8_t {
    kPut,  // wrote version and value
    kErased,
    kSeen,       // version; and value unless it was left out
    kSeenValue,  // value, of whatever version
    kSeenSome,   // a row, of whatever version and value
    kSeenAbsent,
  };
  Position position = 0;
  Kind kind = Kind::kSeen;
  std::size_t op = 0;
  Version version;
  std::optional<std::string> value;
  std::optional<std::int64_t> added;  // kPut: the value is the one before plus this

  bool writes() const { return kind == Kind::kPut || kind == Kind::kErased; }
};

std::optional<std::int64_t> NumberIn(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What operations of unknown outcome may have done to a key.
struct Excuses {
  std::set<std::string> values;
  bool any_number = false;  // an increment
  bool erased = false;
  bool any() const { return any_number || erased || !values.empty(); }
  bool MayHavePut(const std::optional<std::string>& value) const {
    if (!value) return any_number || !values.empty();
    return values.contains(*value) || (any_number && NumberIn(*value).has_value());
  }
};

enum class Change : std::uint8_t { kNone, kSure, kPerhaps };

bool IsTold(const Operation& op) {
  return op.ok() && !std::holds_alternative<SessionOpening>(op.call);
}

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

bool IsStale(const Operation& op) {
  const Read* read = std::get_if<Read>(&op.call);
  return read != nullptr && read->stale;
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

class GroupCheck {
 public:
  GroupCheck(const History& history, std::vector<std::size_t> members, VersionCheckCounts& counts)
      : history_(history), members_(std::move(members)), counts_(counts) {}

  std::optional<VersionFinding> Run() {
    for (const std::size_t member : members_) CollectKeys(member);
    for (const std::size_t member : members_) {
      if (IsTold(op(member))) Collect(member);
      if (found_) return found_;
    }
    CheckRevisions();
    if (!found_) CheckPairs();
    for (auto& [key, evidence] : evidence_) {
      if (!found_) CheckKey(key, evidence);
    }
    return found_;
  }

 private:
  const Operation& op(std::size_t at) const { return history_.operations[at]; }
  const KvReply& reply(std::size_t at) const { return op(at).completion->reply; }

  void Find(std::string rule, const std::string& why, std::size_t a, std::size_t b) {
    if (found_) return;
    std::string what = absl::StrCat(why, "\n  ", Render(op(a)));
    if (a != b) absl::StrAppend(&what, "\n  ", Render(op(b)));
    found_ = VersionFinding{std::move(rule), std::move(what), OpId(a), OpId(b)};
  }

  // ---- what is said ---------------------------------------------------------------------------------

  void Excuse(const Command& command) {
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

  void CollectKeys(std::size_t at) {
    const Operation& o = op(at);
    if (const Command* command = std::get_if<Command>(&o.call)) {
      const bool unknown = o.outcome() == OutcomeClass::kInfo ||
                           (o.ok() && reply(at).status == ReplyStatus::kSessionUnknown);
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

  void Say(const std::string& key, Evidence evidence) {
    ++counts_.sights;
    evidence_[key].push_back(std::move(evidence));
  }
  void SayRow(std::size_t at, Position position, const ReplyRow& row) {
    Evidence evidence{
        .position = position, .op = at, .version = row.version, .value = row.value, .added = {}};
    evidence.kind = row.version == Version{} ? Evidence::Kind::kSeenAbsent : Evidence::Kind::kSeen;
    if (row.version == Version{} && row.value) {
      return Find("version", "a row without a version", at, at);
    }
    Say(row.key, std::move(evidence));
  }
  void SayAbsent(std::size_t at, Position position, const std::string& key) {
    Say(key, {.position = position,
              .kind = Evidence::Kind::kSeenAbsent,
              .op = at,
              .version = {},
              .value = {},
              .added = {}});
  }
  void SaySome(std::size_t at, Position position, const std::string& key) {
    Say(key, {.position = position,
              .kind = Evidence::Kind::kSeenSome,
              .op = at,
              .version = {},
              .value = {},
              .added = {}});
  }
  void SayValue(std::size_t at, Position position, const std::string& key,
                const std::string& value) {
    Say(key, {.position = position,
              .kind = Evidence::Kind::kSeenValue,
              .op = at,
              .version = {},
              .value = value,
              .added = {}});
  }
  void SayVersion(std::size_t at, Position position, const std::string& key,
                  const Version& version) {
    SayRow(at, position, {key, version, std::nullopt});
  }

  void Collect(std::size_t at) {
    ++counts_.operations;
    if (!ShowsRows(reply(at).status)) return;
    if (const Read* read = std::get_if<Read>(&op(at).call)) return CollectRead(at, *read);
    const Command& command = std::get<Command>(op(at).call);
    if (reply(at).status != ReplyStatus::kOk) return CollectRefused(at, command);
    if (ChangeOf(op(at)) == Change::kSure && reply(at).revision == Revision(0)) {
      return Find("revision", "a change without a revision", at, at);
    }
    if (const Batch* batch = std::get_if<Batch>(&command)) return CollectBatch(at, *batch);
    CollectWrite(at, command);
  }

  void CollectRead(std::size_t at, const Read& read) {
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

  void CollectScan(std::size_t at, const Range& range, Position position) {
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

  void CollectRefused(std::size_t at, const Command& command) {
    const KvReply& told = reply(at);
    const Position position = EvaluatedAt(told.revision);
    for (const ReplyRow& row : told.rows) SayRow(at, position, row);
    if (const Batch* batch = std::get_if<Batch>(&command)) {
      const bool reasons =
          !told.rows.empty() &&
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

  static bool Fails(const Condition& condition, const ReplyRow& row) {
    if (condition.key != row.key) return false;
    return std::visit(
        Match{
            [&](std::monostate) { return row.version != Version{}; },
            [&](const Version& version) { return row.version != version; },
            [&](const std::string& value) { return !row.value || *row.value != value; },
        },
        condition.must_be);
  }

  static bool HadReason(const Command& command, const ReplyRow& row) {
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

  void CollectWrite(std::size_t at, const Command& command) {
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

  void CollectBatch(std::size_t at, const Batch& batch) {
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
      Evidence put{.position = change == Change::kSure ? ChangeAt(told.revision)
                                                       : EvaluatedAt(told.revision),
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

  // ---- the rules ------------------------------------------------------------------------------------

  static Version NewVersionOf(const KvReply& told) {
    Version version;
    for (const ReplyRow& row : told.rows) version = std::max(version, row.version);
    return version;
  }

  // One change a revision, and later changes have later versions.
  void CheckRevisions() {
    struct Made {
      Revision revision;
      std::size_t op;
    };
    std::vector<Made> made;
    for (const std::size_t at : members_) {
      if (IsTold(op(at)) && ChangeOf(op(at)) == Change::kSure)
        made.push_back({reply(at).revision, at});
    }
    std::stable_sort(made.begin(), made.end(),
                     [](const Made& a, const Made& b) { return a.revision < b.revision; });
    std::optional<std::size_t> newest;
    for (std::size_t i = 0; i < made.size(); ++i) {
      claimed_.push_back(made[i].revision);
      if (i > 0 && made[i].revision == made[i - 1].revision) {
        return Find("revision", "two changes made one revision", made[i - 1].op, made[i].op);
      }
      const Version version = NewVersionOf(reply(made[i].op));
      if (version == Version{}) continue;  // a delete
      if (newest && NewVersionOf(reply(*newest)) >= version) {
        return Find("version", "a later revision has no later version", *newest, made[i].op);
      }
      newest = made[i].op;
    }
  }

  // Whoever completed before another was invoked must not stand behind it.
  void CheckPairs() {
    struct Placed {
      std::size_t op;
      Position lowest;   // where it stands at least
      Position highest;  // and at most
    };
    std::vector<Placed> by_call;
    for (const std::size_t at : members_) {
      if (!IsTold(op(at)) || IsStale(op(at))) continue;
      const Revision revision = reply(at).revision;
      const Change change = ChangeOf(op(at));
      by_call.push_back({at, change == Change::kNone ? EvaluatedAt(revision) : ChangeAt(revision),
                         change == Change::kSure ? ChangeAt(revision) : EvaluatedAt(revision)});
    }
    std::vector<Placed> by_return = by_call;
    std::sort(by_call.begin(), by_call.end(), [this](const Placed& a, const Placed& b) {
      return op(a.op).invoked < op(b.op).invoked;
    });
    std::sort(by_return.begin(), by_return.end(), [this](const Placed& a, const Placed& b) {
      return op(a.op).completed < op(b.op).completed;
    });
    std::size_t returned = 0;
    const Placed* furthest = nullptr;
    for (const Placed& later : by_call) {
      while (returned < by_return.size() &&
             op(by_return[returned].op).completed < op(later.op).invoked) {
        const Placed& done = by_return[returned++];
        if (furthest == nullptr || done.lowest > furthest->lowest) furthest = &done;
      }
      if (furthest != nullptr && furthest->lowest > later.highest) {
        return Find("pair",
                    "the first completed before the second was invoked, but stands behind it",
                    furthest->op, later.op);
      }
    }
  }

  // Whether an operation of unknown outcome may have made a change in between.
  bool RoomBetween(Position from, Position to) const {
    const Revision low(from / 2);
    const Revision high(to / 2);
    if (high <= low) return false;
    const auto begin = std::upper_bound(claimed_.begin(), claimed_.end(), low);
    const auto end = std::upper_bound(claimed_.begin(), claimed_.end(), high);
    return static_cast<std::uint64_t>(end - begin) < high.value() - low.value();
  }

  // The key as of a position of the sweep.
  struct State {
    Position position = 0;
    std::optional<std::size_t> op;  // who said so; nullopt: it was always absent
    bool present = false;
    Version version;                   // {} = not known
    std::optional<std::string> value;  // nullopt = not known (or absent)
    Version newest;                    // greatest version of the key so far
    std::size_t newest_op = 0;
  };

  void CheckKey(const std::string& key, std::vector<Evidence>& list) {
    std::stable_sort(list.begin(), list.end(), [](const Evidence& a, const Evidence& b) {
      if (a.position != b.position) return a.position < b.position;
      return a.writes() && !b.writes();
    });
    std::map<Version, std::size_t> writers;
    for (const Evidence& e : list) {
      if (e.kind == Evidence::Kind::kPut) writers.emplace(e.version, e.op);
    }
    const Excuses& excuses = excuses_[key];
    State state;
    for (const Evidence& e : list) {
      const bool room = excuses.any() && RoomBetween(state.position, e.position);
      CheckEvidence(key, e, state, {excuses, writers, room});
      if (found_) return;
      state.op = e.op;
      // Who said nothing about the version leaves open what happened before: the room stays.
      const bool partial =
          e.kind == Evidence::Kind::kSeenSome || e.kind == Evidence::Kind::kSeenValue;
      if (!partial) state.position = e.position;
    }
  }

  struct Context {
    const Excuses& excuses;
    const std::map<Version, std::size_t>& writers;
    bool room;  // for a change by an operation of unknown outcome since the last evidence
  };

  void Contradict(std::string rule, const std::string& key, const std::string& why,
                  const Evidence& e, const State& state) {
    Find(std::move(rule), absl::StrCat("key ", key, ": ", why), state.op.value_or(e.op), e.op);
  }

  void CheckEvidence(const std::string& key, const Evidence& e, State& state,
                     const Context& context) {
    switch (e.kind) {
      case Evidence::Kind::kPut:
        return CheckPut(key, e, state, context);
      case Evidence::Kind::kErased:
        state.present = false;
        state.version = Version{};
        state.value.reset();
        return;
      case Evidence::Kind::kSeen:
        return CheckSeen(key, e, state, context);
      case Evidence::Kind::kSeenValue:
        return CheckSeenValue(key, e, state, context);
      case Evidence::Kind::kSeenSome: {
        if (state.present) return;
        const bool excused = context.room && context.excuses.MayHavePut(std::nullopt);
        if (!excused) return Contradict("absent", key, "a row where there is none", e, state);
        state.present = true;
        return;
      }
      case Evidence::Kind::kSeenAbsent: {
        const bool excused = context.room && context.excuses.erased;
        if (state.present && !excused) {
          const bool scans = std::holds_alternative<Read>(op(e.op).call) &&
                             std::holds_alternative<Range>(std::get<Read>(op(e.op).call).query);
          return Contradict(scans ? "scan" : "absent", key, "a row that is there was not seen", e,
                            state);
        }
        state.present = false;
        state.version = Version{};
        state.value.reset();
        return;
      }
    }
    UNREACHABLE("closed list");
  }

  void CheckPut(const std::string& key, const Evidence& e, State& state, const Context& context) {
    if (state.newest >= e.version) {
      return Find("version", absl::StrCat("key ", key, ": a write whose version is not newer"),
                  state.newest_op, e.op);
    }
    const bool known = !state.present || state.value.has_value();
    if (e.added && !context.room && known) {
      const auto before = state.present ? NumberIn(*state.value) : std::optional<std::int64_t>(0);
      std::int64_t sum = 0;
      const bool right = before && !__builtin_add_overflow(*before, *e.added, &sum) &&
                         e.value == std::to_string(sum);
      if (!right) return Contradict("effect", key, "not the sum", e, state);
    }
    Take(e, state);
  }

  static void Take(const Evidence& e, State& state) {
    state.present = true;
    state.version = e.version;
    state.value = e.value;
    state.newest = e.version;
    state.newest_op = e.op;
  }

  void CheckSeen(const std::string& key, const Evidence& e, State& state, const Context& context) {
    if (e.version < state.newest) {
      return Find("version",
                  absl::StrCat("key ", key, ": an older version was seen behind a newer one"),
                  state.newest_op, e.op);
    }
    if (e.version == state.newest) {
      // Either it is the state, or something made the row absent or other in between.
      if (!state.present)
        return Contradict("version", key, "a row came back from the dead", e, state);
      if (e.value && state.value && *e.value != *state.value) {
        return Contradict("value", key, "one version, two values", e, state);
      }
      state.version = e.version;
      if (e.value) state.value = e.value;
      return;
    }
    if (const auto writer = context.writers.find(e.version); writer != context.writers.end()) {
      return Find("version",
                  absl::StrCat("key ", key, ": a version was seen before it was written"),
                  writer->second, e.op);
    }
    const bool same_row = state.present && state.version == Version{} &&
                          (!e.value || !state.value || *e.value == *state.value);
    const bool excused = context.room && context.excuses.MayHavePut(e.value);
    if (!same_row && !excused) {
      return Contradict("value", key, "a row that nobody can have written", e, state);
    }
    const std::optional<std::string> value = e.value    ? e.value
                                             : same_row ? state.value
                                                        : std::nullopt;
    Take(e, state);
    state.value = value;
  }

  void CheckSeenValue(const std::string& key, const Evidence& e, State& state,
                      const Context& context) {
    const bool same = state.present && (!state.value || *state.value == *e.value);
    if (same) {
      state.value = e.value;
      return;
    }
    if (!context.room || !context.excuses.MayHavePut(e.value)) {
      return Contradict("effect", key, "replaced a value that was not there", e, state);
    }
    state.present = true;
    state.version = Version{};  // newer than the newest, but nobody said which
    state.value = e.value;
  }

  const History& history_;
  std::vector<std::size_t> members_;
  VersionCheckCounts& counts_;
  std::map<std::string, std::vector<Evidence>> evidence_;
  std::map<std::string, Excuses> excuses_;
  std::vector<Revision> claimed_;  // by changes whose replies are known; ascending
  std::optional<VersionFinding> found_;
};

}  // namespace

std::optional<VersionFinding> CheckVersions(const History& history, VersionCheckCounts* counts) {
  VersionCheckCounts own;
  std::map<GroupId, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    if (history.operations[i].group != kSystemGroup)
      groups[history.operations[i].group].push_back(i);
  }
  std::optional<VersionFinding> found;
  for (auto& [group, members] : groups) {
    found = GroupCheck(history, std::move(members), own).Run();
    if (found) break;
  }
  if (counts != nullptr) *counts = own;
  return found;
}

}  // namespace quorate::sim
