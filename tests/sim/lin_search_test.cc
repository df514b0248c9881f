// Layer 2: the search for an order, against hand-made histories and against trying every order.
#include <gtest/gtest.h>

#include <charconv>

#include "engine/base/match.h"
#include "sim/history/version_check.h"
#include "sim/history/wgl.h"
#include "tests/sim/history_testing.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kBudget = 1'000'000;

SearchVerdict VerdictOn(const History& history) {
  return CheckLinearizable(ProblemsOf(history), kBudget).verdict;
}
bool Accepts(const Script& script) {
  return VerdictOn(script.history()) == SearchVerdict::kLinearizable;
}
bool Refuses(const Script& script) {
  return VerdictOn(script.history()) == SearchVerdict::kViolation;
}

// Replies that show values only: what is tested is the search, not the versions.
KvReply Value(const std::string& key, const std::string& value) {
  return Told(ReplyStatus::kOk, 0, {{key, Version{}, value}});
}
KvReply Nothing(const std::string& key) { return SawNothing(key, 0); }
KvReply Done(const std::string& key) { return Told(ReplyStatus::kOk, 0, {{key, Version{}, {}}}); }

TEST(LinSearch, AcceptsAnOrderlyHistory) {
  Script s;
  s.Alone(1, ReadOf("k"), Nothing("k"));
  s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  s.Alone(2, ReadOf("k"), Value("k", "a"));
  s.Alone(2, Command(CasValue{"k", "a", "b"}), Done("k"));
  s.Alone(1, ReadOf("k"), Value("k", "b"));
  EXPECT_TRUE(Accepts(s));
}

TEST(LinSearch, RefusesAStaleRead) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  s.Alone(1, Command(Put{"k", "b"}), Done("k"));
  s.Alone(2, ReadOf("k"), Value("k", "a"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, AcceptsEitherOrderOfConcurrentWritesButNotBoth) {
  Script s;
  const OpId a = s.Invoke(1, Command(Put{"k", "a"}));
  const OpId b = s.Invoke(2, Command(Put{"k", "b"}));
  s.Ok(a, Done("k"));
  s.Ok(b, Done("k"));
  s.Alone(3, ReadOf("k"), Value("k", "a"));
  EXPECT_TRUE(Accepts(s));
  s.Alone(3, ReadOf("k"), Value("k", "b"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesALostUpdate) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  const OpId first = s.Invoke(1, Command(CasValue{"k", "a", "b"}));
  const OpId second = s.Invoke(2, Command(CasValue{"k", "a", "c"}));
  s.Ok(first, Done("k"));
  s.Ok(second, Done("k"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesAPhantomCompareAndSet) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  s.Alone(1, Command(CasValue{"k", "never", "b"}), Done("k"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesAWrongVersion) {
  Script s;
  s.Alone(1, Command(Put{"k", "a"}), Wrote("k", 3, 1));
  s.Alone(1, ReadOf("k"), Saw("k", 4, "a", 1));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesAReadFromTheFuture) {
  Script s;
  s.Alone(2, ReadOf("k"), Value("k", "a"));
  s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesADuplicateApply) {
  Script s;
  s.Alone(1, Command(Increment{"n", 1}), Told(ReplyStatus::kOk, 0, {{"n", {}, "1"}}));
  s.Alone(1, ReadOf("n"), Value("n", "2"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesAScanThatMissesARow) {
  Script s;
  s.Alone(1, Command(Put{"a", "1"}), Done("a"));
  s.Alone(1, Command(Put{"b", "2"}), Done("b"));
  s.Alone(1, ScanOf("a", "z"), Told(ReplyStatus::kOk, 0, {{"a", {}, "1"}}));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesTwoScansThatOrderTwoWritesDifferently) {
  Script s;
  const OpId a = s.Invoke(1, Command(Put{"a", "1"}));
  const OpId b = s.Invoke(2, Command(Put{"b", "1"}));
  const OpId left = s.Invoke(3, ScanOf("", ""));
  const OpId right = s.Invoke(4, ScanOf("", ""));
  s.Ok(left, Told(ReplyStatus::kOk, 0, {{"a", {}, "1"}}));
  Script without = s;
  s.Ok(right, Told(ReplyStatus::kOk, 0, {{"b", {}, "1"}}));
  s.Ok(a, Done("a"));
  s.Ok(b, Done("b"));
  EXPECT_TRUE(Refuses(s));
  without.Ok(right, Told(ReplyStatus::kOk, 0, {}));
  without.Ok(a, Done("a"));
  without.Ok(b, Done("b"));
  EXPECT_TRUE(Accepts(without));
}

TEST(LinSearch, RefusesATornBatch) {
  Script s;
  Batch batch;
  batch.writes = {{"a", "1"}, {"b", "1"}};
  const OpId write = s.Invoke(1, Command(batch));
  s.Alone(2, ReadOf("a"), Value("a", "1"));
  s.Alone(2, ReadOf("b"), Nothing("b"));
  s.Ok(write, Told(ReplyStatus::kOk, 0, {{"a", {}, {}}, {"b", {}, {}}}));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, AcceptsAnInfoWriteThatTakesEffectLate) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "late"})));
  s.Alone(2, ReadOf("k"), Nothing("k"));
  s.Alone(2, Command(Put{"k", "b"}), Done("k"));
  s.Alone(2, ReadOf("k"), Value("k", "late"));
  EXPECT_TRUE(Accepts(s));
}

TEST(LinSearch, RefusesAnInfoWriteThatComesAndGoes) {
  Script s;
  s.Alone(2, Command(Put{"k", "b"}), Done("k"));
  s.Info(s.Invoke(1, Command(Put{"k", "late"})));
  s.Alone(2, ReadOf("k"), Value("k", "late"));
  s.Alone(2, ReadOf("k"), Value("k", "b"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, RefusesTheValueOfAFailedWrite) {
  Script s;
  s.Fail(s.Invoke(1, Command(Put{"k", "a"})));
  s.Alone(2, ReadOf("k"), Value("k", "a"));
  EXPECT_TRUE(Refuses(s));
}

TEST(LinSearch, OutOfBudgetIsUnknown) {
  Script s;
  for (std::uint64_t i = 0; i < 50; ++i) s.Alone(1, Command(Put{"k", "a"}), Done("k"));
  const LinearizabilityResult result = CheckLinearizable(ProblemsOf(s.history()), 20);
  EXPECT_EQ(result.verdict, SearchVerdict::kUnknown);
  EXPECT_EQ(result.unknown_components, 1u);
}

TEST(LinSearch, KeysThatNobodyTouchesTogetherAreComponentsOfTheirOwn) {
  Script s;
  s.Alone(1, Command(Put{"a", "1"}), Done("a"));
  s.Alone(1, Command(Put{"b", "1"}), Done("b"));
  s.Alone(1, Command(Put{"c", "1"}), Done("c"));
  EXPECT_EQ(ProblemsOf(s.history()).size(), 3u);
  s.Alone(1, ScanOf("b", "d"), Told(ReplyStatus::kOk, 0, {{"b", {}, "1"}, {"c", {}, "1"}}));
  EXPECT_EQ(ProblemsOf(s.history()).size(), 2u);
}

// ---- resolved outcomes ----------------------------------------------------------------------------------

TEST(ResolvedInfos, WriteThatTookEffectNowhereIsAFail) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "lost"}), 7, 1));
  s.Alone(2, ReadOf("k"), Saw("k", 3, "lost", 1), 3);
  EXPECT_TRUE(Accepts(s));
  const History resolved = ResolveInfos(s.history(), CommittedEffects{});
  EXPECT_EQ(resolved.operations[0].outcome(), OutcomeClass::kFail);
  EXPECT_EQ(VerdictOn(resolved), SearchVerdict::kViolation);
}

TEST(ResolvedInfos, WriteThatTookEffectIsOverOnceSomebodySawItsIndex) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "a"}), 7, 1));
  s.Alone(2, Command(Put{"k", "b"}), Wrote("k", 5, 2), 5);
  s.Alone(2, ReadOf("k"), Value("k", "a"), 5);
  EXPECT_TRUE(Accepts(s));
  CommittedEffects effects;
  effects.Add({kDefaultNamespace, SessionId(7), SessionSeq(1)}, Index(4));
  const History resolved = ResolveInfos(s.history(), effects);
  EXPECT_EQ(resolved.operations[0].over_by, resolved.operations[1].completed);
  EXPECT_EQ(resolved.operations[0].outcome(), OutcomeClass::kInfo);
  // It was before "b" returned, so either is possible; before any operation saw index 4 it is not bounded.
  EXPECT_EQ(VerdictOn(resolved), SearchVerdict::kLinearizable);
  s.Alone(2, Command(Put{"k", "c"}), Wrote("k", 6, 3), 6);
  s.Alone(2, ReadOf("k"), Value("k", "a"), 6);
  EXPECT_EQ(VerdictOn(ResolveInfos(s.history(), effects)), SearchVerdict::kViolation);
}

TEST(ResolvedInfos, CommandWithoutASessionIsKnownByItsContentIfItIsTheOnlyOne) {
  Script s;
  const Command put(Put{"k", "a"});
  s.Info(s.Invoke(1, put));
  EXPECT_EQ(ResolveInfos(s.history(), CommittedEffects{}).operations[0].outcome(),
            OutcomeClass::kFail);
  s.Info(s.Invoke(1, put));
  EXPECT_EQ(ResolveInfos(s.history(), CommittedEffects{}).operations[0].outcome(),
            OutcomeClass::kInfo);
}

TEST(ResolvedInfos, WriteThatWasRefusedForItsSizeIsAFail) {
  Script s;
  s.Info(s.Invoke(1, Command(Put{"k", "too big"}), 7, 1));
  s.Info(s.Invoke(3, Command(Put{"k", "far too big"})));
  s.Alone(2, Command(Put{"o", "b"}), Wrote("o", 5, 1), 5);
  s.Alone(2, ReadOf("k"), SawNothing("k", 1), 5);
  CommittedEffects effects;
  effects.Add({kDefaultNamespace, SessionId(7), SessionSeq(1)}, Index(3));
  EXPECT_EQ(VerdictOn(ResolveInfos(s.history(), effects)), SearchVerdict::kViolation);
  effects.AddTooBig(kDefaultNamespace, Index(3));
  const History resolved = ResolveInfos(s.history(), effects);
  EXPECT_EQ(resolved.operations[0].outcome(), OutcomeClass::kFail);
  EXPECT_EQ(VerdictOn(resolved), SearchVerdict::kLinearizable);
}

TEST(ResolvedInfos, ReadsStayAsTheyAre) {
  Script s;
  s.Info(s.Invoke(1, ReadOf("k")));
  EXPECT_EQ(ResolveInfos(s.history(), CommittedEffects{}), s.history());
}

// ---- random histories -----------------------------------------------------------------------------------

TEST(LinSearchOfRandomRuns, AcceptsAnAtomicStoreResolvedOrNot) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    AtomicOptions options;
    options.seed = seed;
    options.unknown_percent = seed % 4 * 4;
    options.sessions = seed % 2 == 0;
    options.scans = seed % 3 == 0;
    options.batches = seed % 3 != 1;
    AtomicRun run(options);
    run.Run();
    for (const History& history :
         {run.history(), ResolveInfos(run.history(), run.checker().effects())}) {
      const LinearizabilityResult result = CheckLinearizable(ProblemsOf(history), kBudget);
      ASSERT_EQ(result.verdict, SearchVerdict::kLinearizable) << "seed " << seed << "\n"
                                                              << result.counterexample;
      steps += result.steps;
    }
  }
  EXPECT_GT(steps, 20'000u);
}

TEST(LinSearchOfRandomRuns, RefusesAPlantedStaleReadAndCutsItDown) {
  std::uint64_t planted = 0;
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    AtomicOptions options;
    options.seed = seed;
    options.unknown_percent = seed % 2 * 4;
    options.scans = options.batches = options.deletes = options.numbers = false;
    AtomicRun run(options);
    run.Run();
    History history = run.history();
    // A read is given the value of a write that another write of the key had followed before it.
    const auto is_put = [](const Operation& op) {
      return op.ok() && std::holds_alternative<Command>(op.call) &&
             std::holds_alternative<Put>(std::get<Command>(op.call));
    };
    bool done = false;
    for (Operation& read : history.operations) {
      const Read* call = std::get_if<Read>(&read.call);
      if (done || !read.ok() || call == nullptr || call->stale) continue;
      const std::string& key = std::get<Get>(call->query).key;
      for (const Operation& old : history.operations) {
        if (done || !is_put(old) || std::get<Put>(std::get<Command>(old.call)).key != key) continue;
        for (const Operation& newer : history.operations) {
          if (done || !is_put(newer) || std::get<Put>(std::get<Command>(newer.call)).key != key)
            continue;
          if (old.completed >= newer.invoked || newer.completed >= read.invoked) continue;
          read.completion->reply = Saw(key, old.completion->serial.value(),
                                       std::get<Put>(std::get<Command>(old.call)).value,
                                       read.completion->reply.revision.value());
          done = true;
        }
      }
    }
    if (!done) continue;
    ++planted;
    EXPECT_TRUE(CheckVersions(history, nullptr).has_value()) << "seed " << seed;
    bool refused = false;
    for (Problem& problem : ProblemsOf(history)) {
      if (Search(problem, kBudget).verdict != SearchVerdict::kViolation) continue;
      refused = true;
      Problem small = Shrink(problem, kBudget);
      EXPECT_EQ(Search(small, kBudget).verdict, SearchVerdict::kViolation);
      EXPECT_LE(small.ops.size(), 4u) << "seed " << seed << "\n"
                                      << RenderCounterexample(small, kBudget);
    }
    EXPECT_TRUE(refused) << "seed " << seed;
  }
  EXPECT_GT(planted, 60u);
}

TEST(LinShrink, LeavesTheContradictionAlone) {
  Script s;
  for (int i = 0; i < 40; ++i) {
    const std::string value = "v" + std::to_string(i);
    s.Alone(1, Command(Put{"k", value}), Done("k"));
    s.Alone(2, ReadOf("k"), Value("k", i == 30 ? "v7" : value));
  }
  std::vector<Problem> problems = ProblemsOf(s.history());
  ASSERT_EQ(problems.size(), 1u);
  const Problem small = Shrink(problems[0], kBudget);
  EXPECT_EQ(small.ops.size(), 3u) << RenderCounterexample(small, kBudget);
  EXPECT_NE(RenderCounterexample(small, kBudget).find("v7"), std::string::npos);
}

// ---- every order ----------------------------------------------------------------------------------------

using Rows = std::map<std::string, std::string>;

// The sequential meaning of a command, written a third time, as plainly as can be.
bool Run(const Command& command, Rows& rows, std::string& result) {
  const auto value = [&](const std::string& key) {
    return rows.contains(key) ? std::optional(rows[key]) : std::nullopt;
  };
  return std::visit(
      Match{
          [&](const Put& c) { return rows[c.key] = c.value, true; },
          [&](const PutIfAbsent& c) { return rows.emplace(c.key, c.value).second; },
          [&](const Delete& c) { return rows.erase(c.key) == 1; },
          [&](const CasValue& c) {
            if (value(c.key) != c.expected) return false;
            return rows[c.key] = c.value, true;
          },
          [&](const CasVersion&) { return false; },
          [&](const Increment& c) {
            std::int64_t number = 0;
            const std::string text = value(c.key).value_or("0");
            const auto end = text.data() + text.size();
            if (std::from_chars(text.data(), end, number).ptr != end) return false;
            return result = rows[c.key] = std::to_string(number + c.by), true;
          },
          [&](const Batch& c) {
            for (const Condition& condition : c.conditions) {
              const auto* text = std::get_if<std::string>(&condition.must_be);
              if (value(condition.key) != (text ? std::optional(*text) : std::nullopt))
                return false;
            }
            for (const BatchWrite& write : c.writes) {
              rows.erase(write.key);
              if (write.value) rows[write.key] = *write.value;
            }
            return true;
          },
      },
      command);
}

// What a client is told, in words that two executions can be compared by.
KvReply ReplyOf(const Call& call, Rows& rows) {
  KvReply reply;
  if (const Read* read = std::get_if<Read>(&call)) {
    if (const Get* get = std::get_if<Get>(&read->query)) {
      return rows.contains(get->key) ? Value(get->key, rows[get->key]) : Nothing(get->key);
    }
    const Range& range = std::get<Range>(read->query);
    for (const auto& [key, value] : rows) {
      if (key >= range.from && (range.to.empty() || key < range.to))
        reply.rows.push_back({key, {}, value});
    }
    return reply;
  }
  std::string sum;
  const Command& command = std::get<Command>(call);
  const Batch* batch = std::get_if<Batch>(&command);
  const bool done = Run(command, rows, sum);
  if (batch != nullptr) {
    if (!done) reply.status = ReplyStatus::kConditionFailed;
    for (const BatchWrite& write : batch->writes) {
      if (done) reply.rows.push_back({write.key, {}, {}});
    }
    return reply;
  }
  const std::string key = std::visit(
      Match{[](const Batch&) { return std::string(); }, [](const auto& c) { return c.key; }},
      command);
  if (done) {
    reply = Done(key);
    if (!sum.empty()) reply.rows[0].value = sum;
    return reply;
  }
  reply = rows.contains(key) ? Value(key, rows[key]) : Nothing(key);
  reply.status = ReplyStatus::kConditionFailed;
  if (std::holds_alternative<Delete>(command)) reply.status = ReplyStatus::kNotFound;
  return reply;
}

// Tries every order that keeps real time, with every choice of which unknown ones happened.
class EveryOrder {
 public:
  explicit EveryOrder(const History& history) : ops_(history.operations), used_(ops_.size()) {}
  bool Explains() { return Extend({}); }

 private:
  bool Extend(const Rows& rows) {
    bool all = true;
    for (std::size_t i = 0; i < ops_.size(); ++i) all &= used_[i] || !ops_[i].ok();
    if (all) return true;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (used_[i] || ops_[i].outcome() == OutcomeClass::kFail || !MayBeNext(i)) continue;
      Rows next = rows;
      const KvReply reply = ReplyOf(ops_[i].call, next);
      if (ops_[i].ok() && !(reply == ops_[i].completion->reply)) continue;
      used_[i] = true;
      const bool found = Extend(next);
      used_[i] = false;
      if (found) return true;
    }
    return false;
  }
  bool MayBeNext(std::size_t candidate) const {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (!used_[i] && ops_[i].ok() && ops_[i].completed < ops_[candidate].invoked) return false;
    }
    return true;
  }

  const std::vector<Operation>& ops_;
  std::vector<bool> used_;
};

// Up to six operations of three clients: answered as some order would, and then perhaps one answer changed.
History SmallHistory(std::uint64_t seed) {
  std::uint64_t draws = 0;
  const auto draw = [&](std::uint64_t n) { return Below(Prf(seed, 11, 0, ++draws), n); };
  const auto key = [&] { return std::string(1, static_cast<char>('a' + draw(2))); };
  const auto value = [&] { return std::to_string(1 + draw(3)); };
  const auto call = [&]() -> Call {
    switch (draw(10)) {
      case 0:
      case 1:
        return Command(Put{key(), value()});
      case 2:
        return Command(PutIfAbsent{key(), value()});
      case 3:
        return Command(Delete{key()});
      case 4:
        return Command(
            CasValue{key(), draw(4) == 0 ? std::nullopt : std::optional(value()), value()});
      case 5:
        return Command(Increment{key(), 1});
      case 6: {
        Batch batch;
        if (draw(2) == 0) batch.conditions.push_back({key(), value()});
        batch.writes.push_back({"a", value()});
        batch.writes.push_back({"b", draw(3) == 0 ? std::nullopt : std::optional(value())});
        return Command(batch);
      }
      case 7:
        return ScanOf("", "");
      default:
        return ReadOf(key());
    }
  };
  Script script;
  Rows rows;
  std::map<std::uint64_t, std::pair<OpId, std::optional<KvReply>>> open;
  const std::uint64_t wanted = 3 + draw(4);
  for (std::uint64_t invoked = 0; invoked < wanted || !open.empty();) {
    const std::uint64_t client = draw(3);
    const auto at = open.find(client);
    if (at == open.end()) {
      if (invoked == wanted) continue;
      ++invoked;
      open[client] = {script.Invoke(client, call()), std::nullopt};
      continue;
    }
    auto& [id, reply] = at->second;
    if (!reply && draw(8) == 0) {
      if (draw(2) == 0) ReplyOf(script.at(id).call, rows);
      draw(4) == 0 ? script.Fail(id) : script.Info(id);
      open.erase(at);
    } else if (!reply) {
      reply = ReplyOf(script.at(id).call, rows);
    } else {
      Rows elsewhere{{"a", value()}};
      if (draw(2) == 0) elsewhere["b"] = value();
      if (draw(6) == 0) reply = ReplyOf(script.at(id).call, elsewhere);
      script.Ok(id, *reply);
      open.erase(at);
    }
  }
  return script.history();
}

TEST(LinSearchAgainstEveryOrder, AgreesOnSmallHistories) {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    const History history = SmallHistory(seed);
    const bool explained = EveryOrder(history).Explains();
    (explained ? accepted : refused) += 1;
    const LinearizabilityResult result = CheckLinearizable(ProblemsOf(history), kBudget);
    if (result.verdict == (explained ? SearchVerdict::kLinearizable : SearchVerdict::kViolation))
      continue;
    std::string text;
    for (const Operation& op : history.operations) text += Render(op) + "\n";
    FAIL() << "seed " << seed << ": the search says " << NameOf(result.verdict)
           << ", every order says " << (explained ? "linearizable" : "violation") << "\n"
           << text;
  }
  EXPECT_GT(accepted, 5000u);
  EXPECT_GT(refused, 3000u);
}

// What shrinking leaves of a violation has to be one, by every order, of the operations that are left.
TEST(LinSearchAgainstEveryOrder, ShrinkingKeepsAViolation) {
  std::uint64_t shrunk = 0;
  for (std::uint64_t seed = 1; seed <= 4'000; ++seed) {
    const History history = SmallHistory(seed);
    for (Problem& problem : ProblemsOf(history)) {
      if (Search(problem, kBudget).verdict != SearchVerdict::kViolation) continue;
      Problem small = Shrink(problem, kBudget);
      ASSERT_EQ(Search(small, kBudget).verdict, SearchVerdict::kViolation) << "seed " << seed;
      ASSERT_LE(small.ops.size(), problem.ops.size());
      shrunk += small.ops.size() < problem.ops.size() ? 1 : 0;
    }
  }
  EXPECT_GT(shrunk, 300u);
}

}  // namespace
}  // namespace quorate::sim
