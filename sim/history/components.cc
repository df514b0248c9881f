// The components of our own history, as problems for the search.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "sim/history/wgl.h"

namespace quorate::sim {
namespace {

// A range as far as its reply speaks of it.
struct Span {
  std::string from;
  std::string to;  // empty = to the end
};

Span SpanOf(const Range& range, const KvReply& reply) {
  // Between the last row and the continuation there is nothing; behind it, nothing is said.
  return {range.from, reply.continuation ? *reply.continuation : range.to};
}

std::vector<std::string> KeysOf(const Command& command) {
  return std::visit(Match{
                        [](const Put& c) { return std::vector{c.key}; },
                        [](const PutIfAbsent& c) { return std::vector{c.key}; },
                        [](const Delete& c) { return std::vector{c.key}; },
                        [](const CasValue& c) { return std::vector{c.key}; },
                        [](const CasVersion& c) { return std::vector{c.key}; },
                        [](const Increment& c) { return std::vector{c.key}; },
                        [](const Batch& c) {
                          std::vector<std::string> keys;
                          for (const Condition& condition : c.conditions)
                            keys.push_back(condition.key);
                          for (const BatchWrite& write : c.writes) keys.push_back(write.key);
                          return keys;
                        },
                    },
                    command);
}

// What part an operation has in the search.
enum class Part : std::uint8_t { kNone, kTold, kMaybe };

Part PartOf(const Operation& op) {
  if (std::holds_alternative<SessionOpening>(op.call)) return Part::kNone;
  const Read* read = std::get_if<Read>(&op.call);
  switch (op.outcome()) {
    case OutcomeClass::kFail:
      return Part::kNone;
    case OutcomeClass::kInfo:
      return read == nullptr ? Part::kMaybe : Part::kNone;
    case OutcomeClass::kOk:
      break;
  }
  if (read != nullptr && read->stale) return Part::kNone;
  switch (op.completion->reply.status) {
    case ReplyStatus::kOk:
    case ReplyStatus::kNotFound:
    case ReplyStatus::kConditionFailed:
    case ReplyStatus::kNotANumber:
      return Part::kTold;
    case ReplyStatus::kTooBig:
    case ReplyStatus::kMalformed:
      return Part::kNone;
    case ReplyStatus::kSessionUnknown:
      return Part::kMaybe;  // an earlier entry of the same retry may have applied it
  }
  UNREACHABLE("closed list");
}

// The keys of one group, joined where one operation touches several.
class Keys {
 public:
  void Add(const std::string& key) { ids_.try_emplace(key, 0); }
  void Seal() {
    for (auto& [key, id] : ids_) {
      id = names_.size();
      names_.push_back(key);
      parent_.push_back(id);
    }
  }
  std::size_t size() const { return names_.size(); }
  const std::string& name(std::size_t id) const { return names_[id]; }
  std::size_t IdOf(const std::string& key) const { return ids_.at(key); }
  std::vector<std::size_t> Inside(const Span& span) const {
    std::vector<std::size_t> inside;
    for (auto at = ids_.lower_bound(span.from); at != ids_.end(); ++at) {
      if (!span.to.empty() && at->first >= span.to) break;
      inside.push_back(at->second);
    }
    return inside;
  }
  void Join(const std::vector<std::size_t>& ids) {
    for (std::size_t i = 1; i < ids.size(); ++i) parent_[Root(ids[i])] = Root(ids[0]);
  }
  std::size_t Root(std::size_t id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }

 private:
  std::map<std::string, std::size_t> ids_;
  std::vector<std::string> names_;
  std::vector<std::size_t> parent_;
};

// Turns operations into tests, writes and sights over the cells of one component.
class Builder {
 public:
  Builder(const std::map<std::string, CellId>& cells, Problem& problem)
      : cells_(cells), problem_(problem) {}

  SearchOp Build(const Operation& op) {
    SearchOp out;
    out.call = op.invoked.value();
    out.text = Render(op);
    const bool told = PartOf(op) == Part::kTold;
    if (told) {
      out.ret = op.completed.value();
      out.outcome = op.completion->reply.status == ReplyStatus::kOk ? SearchOp::Outcome::kDone
                                                                    : SearchOp::Outcome::kRefused;
    } else {
      out.outcome = SearchOp::Outcome::kEither;
      out.must = op.over_by != kNoPlace;
      if (out.must) out.ret = op.over_by.value();
    }
    if (const Read* read = std::get_if<Read>(&op.call)) {
      BuildRead(read->query, op.completion->reply, out);
      return out;
    }
    BuildCommand(std::get<Command>(op.call), out);
    if (told) Tell(std::get<Command>(op.call), op.completion->reply, out);
    LoosenUntold(out);
    return out;
  }

 private:
  CellId CellOf(const std::string& key) const { return cells_.at(key); }
  ValueId ValueOf(const std::string& text) { return problem_.values.Intern(text); }

  CellTest Test(const std::string& key, CellTest::Kind kind) const {
    CellTest test;
    test.cell = CellOf(key);
    test.kind = kind;
    return test;
  }
  CellTest ValueTest(const std::string& key, const std::string& value) {
    CellTest test = Test(key, CellTest::Kind::kValueIs);
    test.value = ValueOf(value);
    return test;
  }
  CellTest VersionTest(const std::string& key, const Version& version) const {
    if (version == Version{}) return Test(key, CellTest::Kind::kIsAbsent);
    CellTest test = Test(key, CellTest::Kind::kVersionIs);
    test.version = version;
    return test;
  }
  CellWrite SetTo(const std::string& key, const std::string& value) {
    CellWrite write;
    write.cell = CellOf(key);
    write.value = ValueOf(value);
    return write;
  }
  CellWrite Erase(const std::string& key) const {
    CellWrite write;
    write.cell = CellOf(key);
    write.kind = CellWrite::Kind::kErase;
    return write;
  }

  void BuildCommand(const Command& command, SearchOp& out) {
    std::visit(Match{
                   [&](const Put& c) { out.writes.push_back(SetTo(c.key, c.value)); },
                   [&](const PutIfAbsent& c) {
                     out.tests.push_back(Test(c.key, CellTest::Kind::kIsAbsent));
                     out.writes.push_back(SetTo(c.key, c.value));
                   },
                   [&](const Delete& c) {
                     out.tests.push_back(Test(c.key, CellTest::Kind::kIsPresent));
                     out.writes.push_back(Erase(c.key));
                   },
                   [&](const CasValue& c) {
                     out.tests.push_back(c.expected ? ValueTest(c.key, *c.expected)
                                                    : Test(c.key, CellTest::Kind::kIsAbsent));
                     out.writes.push_back(SetTo(c.key, c.value));
                   },
                   [&](const CasVersion& c) {
                     out.tests.push_back(VersionTest(c.key, c.expected));
                     out.writes.push_back(SetTo(c.key, c.value));
                   },
                   [&](const Increment& c) {
                     CellTest test = Test(c.key, CellTest::Kind::kCanAdd);
                     test.by = c.by;
                     out.tests.push_back(test);
                     CellWrite write = Erase(c.key);
                     write.kind = CellWrite::Kind::kAdd;
                     write.by = c.by;
                     out.writes.push_back(write);
                   },
                   [&](const Batch& c) { BuildBatch(c, out); },
               },
               command);
  }

  void BuildBatch(const Batch& batch, SearchOp& out) {
    for (const Condition& condition : batch.conditions) {
      out.tests.push_back(std::visit(
          Match{
              [&](std::monostate) { return Test(condition.key, CellTest::Kind::kIsAbsent); },
              [&](const Version& version) { return VersionTest(condition.key, version); },
              [&](const std::string& value) { return ValueTest(condition.key, value); },
          },
          condition.must_be));
    }
    for (const BatchWrite& write : batch.writes) {
      out.writes.push_back(write.value ? SetTo(write.key, *write.value) : Erase(write.key));
    }
  }

  CellSight Sight(const ReplyRow& row) {
    CellSight sight;
    sight.cell = CellOf(row.key);
    sight.version = row.version;
    if (row.value) {
      sight.value = ValueOf(*row.value);
    } else if (row.version == Version{}) {
      sight.value = kAbsent;
    }
    return sight;
  }

  // What the reply to a command adds: versions of what it wrote, or rows found instead.
  void Tell(const Command& command, const KvReply& reply, SearchOp& out) {
    if (out.outcome == SearchOp::Outcome::kRefused) {
      for (const ReplyRow& row : reply.rows) out.sights.push_back(Sight(row));
      return;
    }
    // One row a write, in order; a reply of another shape says nothing that can be used here.
    if (reply.rows.size() != out.writes.size()) return;
    for (std::size_t i = 0; i < out.writes.size(); ++i) {
      if (out.writes[i].kind != CellWrite::Kind::kErase)
        out.writes[i].version = reply.rows[i].version;
    }
    if (std::holds_alternative<Increment>(command) && reply.rows.front().value) {
      CellSight sight = Sight(reply.rows.front());
      sight.after = true;
      out.sights.push_back(sight);
    }
  }

  // Nobody knows the version of a row whose writer was not heard from: whether a test on it held cannot be
  // told, so the operation may also be left out.
  static void LoosenUntold(SearchOp& out) {
    const bool by_version =
        std::any_of(out.tests.begin(), out.tests.end(),
                    [](const CellTest& test) { return test.kind == CellTest::Kind::kVersionIs; });
    if (out.outcome != SearchOp::Outcome::kEither || !by_version) return;
    out.outcome = SearchOp::Outcome::kDone;
    out.must = false;
    out.ret = kForever;
  }

  void BuildRead(const Query& query, const KvReply& reply, SearchOp& out) {
    out.outcome = SearchOp::Outcome::kDone;
    if (std::holds_alternative<Get>(query)) {
      for (const ReplyRow& row : reply.rows) out.sights.push_back(Sight(row));
      return;
    }
    const Span span = SpanOf(std::get<Range>(query), reply);
    std::set<std::string> seen;
    for (const ReplyRow& row : reply.rows) {
      out.sights.push_back(Sight(row));
      seen.insert(row.key);
    }
    for (auto at = cells_.lower_bound(span.from); at != cells_.end(); ++at) {
      if (!span.to.empty() && at->first >= span.to) break;
      if (seen.contains(at->first)) continue;
      CellSight absent;
      absent.cell = at->second;
      absent.value = kAbsent;
      out.sights.push_back(absent);
    }
  }

  const std::map<std::string, CellId>& cells_;
  Problem& problem_;
};

// The keys that an operation touches or speaks of.
std::vector<std::size_t> TouchedBy(const Operation& op, const Keys& keys) {
  std::vector<std::size_t> touched;
  if (const Command* command = std::get_if<Command>(&op.call)) {
    for (const std::string& key : KeysOf(*command)) touched.push_back(keys.IdOf(key));
    return touched;
  }
  const Query& query = std::get<Read>(op.call).query;
  if (const Get* get = std::get_if<Get>(&query)) return {keys.IdOf(get->key)};
  touched = keys.Inside(SpanOf(std::get<Range>(query), op.completion->reply));
  for (const ReplyRow& row : op.completion->reply.rows) touched.push_back(keys.IdOf(row.key));
  return touched;
}

void AddKeys(const Operation& op, Keys& keys) {
  if (const Command* command = std::get_if<Command>(&op.call)) {
    for (const std::string& key : KeysOf(*command)) keys.Add(key);
  } else if (const Get* get = std::get_if<Get>(&std::get<Read>(op.call).query)) {
    keys.Add(get->key);
  }
  if (!op.ok()) return;
  for (const ReplyRow& row : op.completion->reply.rows) keys.Add(row.key);
}

std::string NameOfProblem(GroupId group, const std::map<std::string, CellId>& cells) {
  std::string name = absl::StrCat("namespace ", group.value(), ", ");
  if (cells.size() > 4)
    return absl::StrCat(name, cells.size(), " keys from ", cells.begin()->first);
  for (const auto& [key, cell] : cells) absl::StrAppend(&name, cell == 0 ? "key " : ", ", key);
  return name;
}

void ProblemsOfGroup(GroupId group, const std::vector<const Operation*>& ops,
                     std::vector<Problem>& problems) {
  Keys keys;
  for (const Operation* op : ops) AddKeys(*op, keys);
  keys.Seal();
  std::vector<std::vector<std::size_t>> touched;
  for (const Operation* op : ops) {
    touched.push_back(TouchedBy(*op, keys));
    keys.Join(touched.back());
  }
  std::map<std::size_t, std::map<std::string, CellId>> components;  // by root
  for (std::size_t id = 0; id < keys.size(); ++id) {
    auto& cells = components[keys.Root(id)];
    cells.emplace(keys.name(id), static_cast<CellId>(cells.size()));
  }
  std::map<std::size_t, std::vector<const Operation*>> members;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (!touched[i].empty()) members[keys.Root(touched[i].front())].push_back(ops[i]);
  }
  for (const auto& [root, list] : members) {
    const auto& cells = components[root];
    Problem problem;
    problem.name = NameOfProblem(group, cells);
    problem.cells = static_cast<std::uint32_t>(cells.size());
    Builder builder(cells, problem);
    for (const Operation* op : list) problem.ops.push_back(builder.Build(*op));
    problems.push_back(std::move(problem));
  }
}

}  // namespace

std::vector<Problem> ProblemsOf(const History& history) {
  std::map<GroupId, std::vector<const Operation*>> groups;
  for (const Operation& op : history.operations) {
    if (PartOf(op) != Part::kNone) groups[op.group].push_back(&op);
  }
  std::vector<Problem> problems;
  for (const auto& [group, ops] : groups) ProblemsOfGroup(group, ops, problems);
  return problems;
}

}  // namespace quorate::sim
