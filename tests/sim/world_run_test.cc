// Whole runs: what makes them the same run, and what they must reach.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kv/meta.h"
#include "sim/scenario/scenario.h"
#include "sim/world/liveness.h"
#include "sim/world/run.h"
#include "sim/world/workload.h"
#include "sim/world/world.h"

namespace quorate::sim {
namespace {

Scenario ScenarioOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "test.json");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return *scenario;
}

const char* const kCalm = R"({"format":1,"about":"Nothing goes wrong.","time":{"horizon":"4s"},
  "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
  "network":{"latency":{"dist":"exp","min":"0.1ms","mean":"1ms","max":"10ms"}},
  "workload":{"clients":3,"rate":"60/s","keys":5}})";

const char* const kWild = R"({"format":1,"about":"Much goes wrong.","time":{"horizon":"6s"},
  "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":20}},
  "network":{"latency":{"dist":"exp","min":"0.1ms","mean":"2ms","max":"100ms"},"loss":0.05,"duplicate":0.05,
    "reorder":0.05,"partition":{"mtbf":"2s","mttr":"500ms","one_way":0.3}},
  "disk":{"sync":{"dist":"exp","mean":"2ms"}},
  "process":{"crash":{"mtbf":"2s"},"restart":{"after":["10ms","1s"]}},
  "workload":{"clients":4,"rate":"80/s","keys":5}})";

RunResult RunOf(const char* text, std::uint64_t seed, const RunSettings& settings = {}) {
  const Scenario scenario = ScenarioOf(text);
  return RunOnce(scenario, Draw(scenario, seed), seed, settings);
}

TEST(Run, ACalmClusterPassesAndAnswersItsClients) {
  const RunResult result = RunOf(kCalm, 1);
  EXPECT_EQ(result.verdict, Verdict::kPass)
      << (result.violation ? result.violation->what : result.excuse);
  EXPECT_GT(result.operations.at("ok"), 100u);
  EXPECT_EQ(result.operations.count("info"), 0u);
  EXPECT_GE(result.virtual_ns, 4'000'000'000);
}

// Nobody crashes but soon after a log was compacted; a calm run without compactions has no such moment.
TEST(Run, AnAimedCrashComesWhereALogLosesAPart) {
  const std::string calm(kCalm);
  const std::string aimed = calm.substr(0, calm.size() - 1) +
                            R"(,"process":{"aimed_crash":1,"restart":{"after":"20ms"}}})";
  std::string compacting = aimed;
  const std::string option = R"("heartbeat")";
  compacting.insert(compacting.find(option), R"("snapshot_every":10,"log_keep":0,)");
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(RunOf(aimed.c_str(), seed).injected["process.aimed_crash"], 0u);
    const RunResult result = RunOf(compacting.c_str(), seed);
    EXPECT_EQ(result.verdict, Verdict::kPass)
        << (result.violation ? result.violation->what : result.excuse);
    const auto struck = result.injected.find("process.aimed_crash");
    if (struck != result.injected.end()) crashes += struck->second;
  }
  EXPECT_GT(crashes, 3u);
  EXPECT_LT(crashes, 200u);  // an eighth of the compactions
}

TEST(Run, TheSameSeedIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunResult first = RunOf(kWild, seed);
    const RunResult second = RunOf(kWild, seed);
    EXPECT_EQ(first.digest, second.digest);
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.marks, second.marks);
    EXPECT_EQ(first.injected, second.injected);
  }
}

TEST(Run, AnotherSeedIsAnotherRun) { EXPECT_NE(RunOf(kWild, 1).digest, RunOf(kWild, 2).digest); }

TEST(Run, LookingOnChangesNothing) {
  std::ostringstream trace;
  std::ostringstream history;
  RunSettings settings;
  settings.trace = true;
  settings.trace_to = &trace;
  settings.history_to = &history;
  EXPECT_EQ(RunOf(kWild, 3).digest, RunOf(kWild, 3, settings).digest);
  EXPECT_GT(trace.str().size(), 10'000u);
  EXPECT_GT(history.str().size(), 1'000u);
}

TEST(Run, FaultsAreInjectedAndCheckersLook) {
  RunResult all;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const RunResult result = RunOf(kWild, seed);
    EXPECT_EQ(result.verdict, Verdict::kPass)
        << "seed " << seed << ": "
        << (result.violation ? result.violation->id + " " + result.violation->what : result.excuse);
    for (const auto& [name, count] : result.injected) all.injected[name] += count;
    for (const auto& [name, count] : result.checked) all.checked[name] += count;
    for (const auto& [name, count] : result.marks) all.marks[name] += count;
  }
  for (const char* name :
       {"network.drop", "network.duplicate", "network.partition", "process.crash"}) {
    EXPECT_GT(all.injected[name], 0u) << name;
  }
  for (const char* name :
       {"I-1", "I-4", "I-6", "I-7", "LIN-1", "LIN-4", "LIVE-1", "LIVE-3", "SCAN-1"}) {
    EXPECT_GT(all.checked[name], 0u) << name;
  }
  EXPECT_GT(all.marks["leader.changed"], 0u);
}

TEST(Run, ProgressIsDueWhileNothingIsBroken) {
  const RunResult result = RunOf(
      R"({"format":1,"about":"Nothing goes wrong, for long.","time":{"horizon":"60s"},
    "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "network":{"latency":{"dist":"exp","min":"0.1ms","mean":"1ms","max":"4ms"},"client_latency":"1ms"},
    "disk":{"sync":{"dist":"exp","mean":"1ms","max":"4ms"},"work":"0.1ms","read":"0.1ms","flush":"2ms"},
    "workload":{"clients":2,"rate":"20/s"}})",
      1);
  EXPECT_EQ(result.verdict, Verdict::kPass);
  EXPECT_GT(result.checked.at("LIVE-4"), 0u);
}

// Keys of the workload have six bytes: all of them are refused, reads as well as writes.
TEST(Run, KeysThatAreTooLongAreRefusedAsTheModelExpects) {
  const RunResult result = RunOf(R"({"format":1,"about":"No key fits.","time":{"horizon":"3s"},
    "cluster":{"nodes":3,"options":{"max_key_bytes":"5B"}},"workload":{"clients":3,"rate":"50/s"}})",
                                 1);
  EXPECT_EQ(result.verdict, Verdict::kPass)
      << (result.violation ? result.violation->what : std::string());
}

TEST(Run, AScheduledCrashStrikesItsNodeAtItsTime) {
  const Scenario scenario = ScenarioOf(R"({"format":1,"about":"One crash.","time":{"horizon":"3s"},
    "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":2,"rate":"20/s"},
    "schedule":[{"at":"2s","do":"crash","node":2,"for":"300ms"}]})");
  const RunConfig config = Draw(scenario, 9);
  World world(config, 9, RunSettings{});
  const RunGuard guard(world.shared().marks);
  world.Run();
  EXPECT_FALSE(world.shared().verdicts.found());
  EXPECT_EQ(world.machines()[1]->boots(), 2u);
  EXPECT_EQ(world.machines()[0]->boots(), 1u);
  EXPECT_EQ(world.Injected().at("scheduled.crash"), 1u);
}

// Its number is not given out again, its rows are gone, and clients find the new one.
TEST(Run, ADroppedNamespaceIsMadeAgainEmpty) {
  const Scenario scenario = ScenarioOf(R"({"format":1,"about":"One drop.","time":{"horizon":"4s"},
    "cluster":{"nodes":3,"namespaces":[{"name":"orders"}],
               "options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":3,"rate":"60/s","keys":3},
    "schedule":[{"at":"2s","do":"drop_namespace","node":2,"namespace":"orders"}]})");
  const RunConfig config = Draw(scenario, 3);
  World world(config, 3, RunSettings{});
  const RunGuard guard(world.shared().marks);
  world.Run();
  EXPECT_FALSE(world.shared().verdicts.found()) << world.shared().verdicts.first()->what;
  const auto& namespaces = world.shared().catalogue.model().namespaces();
  ASSERT_EQ(namespaces.size(), 3u);
  EXPECT_TRUE(namespaces[1].dropped.has_value());
  EXPECT_EQ(namespaces[1].name, namespaces[2].name);
  EXPECT_EQ(world.clients().GroupOf("orders"), GroupId(2));
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  for (const Operation& operation : world.shared().recorder.history().operations) {
    before += operation.ok() && operation.group == GroupId(1) ? 1 : 0;
    after += operation.ok() && operation.group == GroupId(2) ? 1 : 0;
  }
  EXPECT_GT(before, 5u);
  EXPECT_GT(after, 5u);
  for (const Check check : {Check::kNothingLeft, Check::kLogMakesState, Check::kExactlyOnce})
    EXPECT_GT(world.shared().verdicts.counts().of(check), 0u) << IdOf(check);
}

TEST(Run, WhoStaysOutsideAsDeadIsNotStartedByARestartThatIsUnderWay) {
  const Scenario scenario = ScenarioOf(R"({"format":1,"about":"A crash just before the healing.",
    "time":{"horizon":"2s"},
    "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":1,"rate":"10/s"},
    "schedule":[{"at":"1900ms","do":"crash","node":2,"for":"200ms"}]})");
  std::uint64_t dead = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    const RunGuard guard(world.shared().marks);
    world.Run();
    EXPECT_FALSE(world.shared().verdicts.found());
    const auto injected = world.Injected();
    const bool restarted = world.machines()[1]->boots() > 1;
    // Whoever else is outside or in the core has come up again by then.
    if (!restarted) {
      EXPECT_EQ(injected.count("outside.dead"), 1u);
    }
    dead += restarted ? 0 : 1;
  }
  EXPECT_GT(dead, 0u);
}

TEST(Run, AnAssertionEndsItWhoeverTookTheHandlersMeanwhile) {
  InstallRunHandlers();
  const CheckHandler ours = SetCheckHandler([](const CheckFailure&) {});
  InstallRunHandlers();
  MarkCounter marks;
  {
    const RunGuard guard(marks);
    EXPECT_THROW(REQUIRE(marks.total() > 0), RunAborted);
  }
  EXPECT_EQ(SetCheckHandler(ours), ours) << "the run's own is in place";
}

TEST(Run, AWipedNodeIsRefusedAndTheOthersGoOn) {
  const Scenario scenario =
      ScenarioOf(R"({"format":1,"about":"One disk is lost.","time":{"horizon":"4s"},
    "cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
    "workload":{"clients":2,"rate":"20/s"},
    "schedule":[{"at":"2s","do":"wipe","node":"$leader","for":"300ms"}]})");
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunConfig config = Draw(scenario, seed);
    World world(config, seed, RunSettings{});
    const RunGuard guard(world.shared().marks);
    world.Run();
    EXPECT_FALSE(world.shared().verdicts.found()) << seed;
    EXPECT_FALSE(world.phases().excuse().has_value());
    EXPECT_EQ(world.Injected().at("process.wipe"), 1u);
    int damaged = 0;
    for (const auto& machine : world.machines()) damaged += machine->damaged() ? 1 : 0;
    EXPECT_EQ(damaged, 1) << seed;
  }
}

TEST(Run, WithoutAQuorumOfDisksIsExcused) {
  const RunResult result = RunOf(R"({"format":1,"about":"Two of three.","time":{"horizon":"3s"},
    "cluster":{"nodes":3},"schedule":[{"at":"1s","do":"wipe","node":1,"for":"100ms"},
    {"at":"2s","do":"wipe","node":2,"for":"100ms"}]})",
                                 1);
  EXPECT_EQ(result.verdict, Verdict::kExcused);
  EXPECT_NE(result.excuse.find("n1"), std::string::npos) << result.excuse;
  EXPECT_NE(result.excuse.find("n2"), std::string::npos) << result.excuse;
}

// What a node without `replace` must never do: forget its votes and entries and take part as if it were the same.
TEST(Machine, AWipedNodeThatIsMadeAnewUnderItsOldNameIsFound) {
  const Scenario scenario = ScenarioOf(kCalm);
  const RunConfig config = Draw(scenario, 3);
  World world(config, 3, RunSettings{});
  const RunGuard guard(world.shared().marks);
  NodeSet voters;
  for (std::uint32_t node = 1; node <= world.machines().size(); ++node)
    Insert(voters, NodeId(node));
  bool done = false;
  world.RunUntil([&] {
    if (done || world.shared().now() < 800'000'000) return;
    done = true;
    Machine& machine = *world.machines()[1];
    machine.LoseInCrash(Loss::kAll);
    machine.Crash(std::nullopt);
    machine.Format(ConfigurationOf(voters));
    machine.Boot();
  });
  ASSERT_TRUE(world.shared().verdicts.found());
  EXPECT_EQ(world.shared().verdicts.first()->id, "BOOT-3");
}

TEST(Machine, WithoutItsMapItAppliesItsWholeLogOnceMore) {
  const Scenario scenario =
      ScenarioOf(R"({"format":1,"about":"A map is lost, and the log is whole.",
    "time":{"horizon":"4s"},"cluster":{"nodes":3,"options":{"heartbeat":"50ms",
    "election_timeout":["150ms","300ms"],"snapshot_every":100000}},
    "workload":{"clients":2,"rate":"50/s"}})");
  const RunConfig config = Draw(scenario, 5);
  World world(config, 5, RunSettings{});
  const RunGuard guard(world.shared().marks);
  bool done = false;
  world.RunUntil([&] {
    if (done || world.shared().now() < 2'000'000'000) return;
    done = true;
    world.machines()[2]->LoseInCrash(Loss::kMap);
    world.machines()[2]->Crash(10'000'000);
  });
  const auto& first = world.shared().verdicts.first();
  EXPECT_FALSE(first.has_value()) << first->id << " " << first->what;
  EXPECT_FALSE(world.machines()[2]->damaged());
  EXPECT_EQ(world.machines()[2]->boots(), 2u);
  EXPECT_GT(world.shared().marks.CountOf("map.fell_back_and_replayed"), 0u);
}

TEST(Workload, AClientWantsTheSameWhoeverElseIsThere) {
  const Scenario scenario = ScenarioOf(kWild);
  RunConfig many = Draw(scenario, 4);
  RunConfig few = many;
  few.workload.clients = 2;
  Workload with(many, 4, 1);
  Workload without(few, 4, 1);
  for (int i = 0; i < 200; ++i) {
    const Wanted a = with.Next(/*serving=*/false);
    const Wanted b = without.Next(/*serving=*/false);
    ASSERT_EQ(a.name_space, b.name_space);
    ASSERT_EQ(a.what.index(), b.what.index());
    if (const Command* command = std::get_if<Command>(&a.what)) {
      ASSERT_EQ(*command, std::get<Command>(b.what));
    }
  }
}

// Keys of a schedule stand in the same namespace, and whoever reads a range sees them.
TEST(Workload, KeysThatAreNotItsOwnTeachItNothing) {
  const RunConfig config = Draw(ScenarioOf(kWild), 4);
  Workload taught(config, 4, 1);
  Workload other(config, 4, 1);
  KvReply reply;
  for (const char* key :
       {"", "k", "k0", "kx", "k10005", "k010001", "k99999999999999999999", "n10001"})
    reply.rows.push_back(ReplyRow{key, Version{}, "v"});
  taught.Learn(Wanted{0, Read{}}, reply);
  for (int i = 0; i < 200; ++i) {
    const Wanted a = taught.Next(false);
    const Wanted b = other.Next(false);
    ASSERT_EQ(a.what.index(), b.what.index());
    if (const Command* command = std::get_if<Command>(&a.what)) {
      ASSERT_EQ(*command, std::get<Command>(b.what));
    }
  }
}

TEST(Workload, ValuesAreUnique) {
  const Scenario scenario = ScenarioOf(kWild);
  const RunConfig config = Draw(scenario, 4);
  std::set<std::string> values;
  for (std::uint64_t client = 0; client < 3; ++client) {
    Workload workload(config, 4, client);
    for (int i = 0; i < 300; ++i) {
      const Wanted wanted = workload.Next(/*serving=*/false);
      const Command* command = std::get_if<Command>(&wanted.what);
      if (command == nullptr) continue;
      if (const Put* put = std::get_if<Put>(command)) {
        EXPECT_TRUE(values.insert(put->value).second) << put->value;
      }
    }
  }
  EXPECT_GT(values.size(), 50u);
}

// A node that dies at its nth port call, for every n, comes back with what it promised.
TEST(Machine, MayDieAtAnyEffectBoundary) {
  const Scenario scenario = ScenarioOf(kCalm);
  std::uint64_t deaths = 0;
  for (std::uint32_t call = 0; call < 8; ++call) {
    const RunConfig config = Draw(scenario, 100 + call);
    World world(config, 100 + call, RunSettings{});
    const RunGuard guard(world.shared().marks);
    std::int64_t next = 800'000'000;
    world.RunUntil([&] {
      if (world.shared().now() < next || next > config.time.horizon_ns) return;
      next += 400'000'000;
      for (auto& machine : world.machines()) {
        if (machine->LeadsAny()) {
          machine->CrashInTurn(call, 50'000'000);
          ++deaths;
          break;
        }
      }
    });
    const auto& first = world.shared().verdicts.first();
    EXPECT_FALSE(first.has_value()) << "call " << call << ": " << first->id << " " << first->what;
  }
  EXPECT_GT(deaths, 40u);
}

TEST(Run, AFailedAssertionIsAFindingOfItsOwn) {
  const Scenario scenario = ScenarioOf(kCalm);
  RunConfig config = Draw(scenario, 1);
  EXPECT_EQ(RunOnce(scenario, config, 1, {}).verdict, Verdict::kPass);
  // The engine requires options that make sense.
  config.cluster.options.heartbeat = config.cluster.options.election_timeout_max;
  const RunResult result = RunOnce(scenario, config, 1, {});
  ASSERT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(result.violation->id, "ASSERT");
}

// What the checkers were told that a map holds durably is in what a crash now would leave of it. A flush that ends
// covers what was written when it began, not what was applied since.
TEST(Run, CheckersAreToldOfAMapOnlyWhatItHoldsDurably) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Flushes take long.","time":{"horizon":"4s"},"cluster":{"nodes":3,
          "options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":10,
                     "log_keep":0}},
          "disk":{"flush":"40ms","self_flush":0},"workload":{"clients":6,"rate":"400/s","keys":5}})");
  const RunConfig config = Draw(scenario, 1);
  World world(config, 1, {});
  const RunGuard guard(world.shared().marks);
  Index told;
  std::uint64_t claims = 0;
  world.RunUntil([&] {
    Machine& machine = *world.machines().front();
    if (machine.host() == nullptr) return;
    const Index now = world.shared().invariants.map_durable(machine.id(), kDefaultNamespace);
    if (now == std::exchange(told, now)) return;
    ++claims;
    MemKv left(machine.disk().map.DurableImage());
    const StateMachine* running = machine.host()->machine(kDefaultNamespace);
    Identity identity;
    identity.cluster = Mix(world.shared().config.cluster.options.seed, NameKey("cluster"));
    identity.node = machine.id();
    identity.incarnation = Incarnation(1);
    const absl::StatusOr<MapStore> store = MapStore::Open(left, identity);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto row = store->Get(running->space(), Table::kMeta, kMetaKey);
    ASSERT_TRUE(row.ok() && row->has_value());
    KvMeta meta;
    ASSERT_TRUE(DecodeMeta(**row, meta));
    EXPECT_LE(now, meta.applied.index);
  });
  EXPECT_FALSE(world.shared().verdicts.found());
  EXPECT_GT(claims, 5u);
}

// The links are cut behind the back of the faults: for all that is known, nothing is broken.
TEST(Run, AClusterThatStandsStillInTheCalmIsFound) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"It goes on for long.","time":{"horizon":"200s"},"cluster":{"nodes":3,
          "options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]}},
          "workload":{"clients":1,"rate":"5/s","keys":5}})");
  for (const bool stands_still : {true, false}) {
    RunConfig config = Draw(scenario, 1);
    const std::optional<std::int64_t> span = CalmSpan(config);
    ASSERT_TRUE(span.has_value());
    ASSERT_LT(*span, config.time.horizon_ns / 2);
    World world(config, 1, {});
    const RunGuard guard(world.shared().marks);
    bool cut = !stands_still;
    world.RunUntil([&] {
      if (cut || world.shared().now() < 5'000'000'000) return;
      cut = true;
      for (Endpoint a = 0; a < 3; ++a) {
        for (Endpoint b = 0; b < 3; ++b) {
          if (a != b) world.wire().net().Cut({{a, b}});
        }
      }
    });
    EXPECT_EQ(world.shared().verdicts.found(), stands_still);
    if (!stands_still) continue;
    EXPECT_EQ(world.shared().verdicts.first()->id, "LIVE-4");
    // Almost always a request is open at a node: its client gives up before the node does.
    EXPECT_GE(world.shared().now(), 5'000'000'000 + *span);
    EXPECT_LE(world.shared().now(), 7'000'000'000 + *span / 4 * 5);
  }
}

// Each of these is slow or idle for a reason of its own, and goes on for longer than something would be due.
constexpr const char* kSlowForAReason[] = {R"("workload":{"ops":{"get":1}})",
                                           R"("workload":{"ops":{"range":1}})",
                                           R"("workload":{"ops":{"stale_get":1}})",
                                           R"("workload":{"ops":{"get":200,"put":1}})",
                                           R"("network":{"client_loss":0.95})",
                                           R"("network":{"client_latency":"60s"})",
                                           R"("disk":{"sync":"90ms","work":"500ms"})",
                                           R"("disk":{"sync":"1s","work":"500ms"})",
                                           R"("workload":{"rate":"1/s"})"};

TEST(Run, InTheCalmNothingIsDueToWhoeverDoesNotAsk) {
  for (const char* reason : kSlowForAReason) {
    for (const std::int64_t nodes : {1, 3}) {
      const Scenario scenario = ScenarioOf(
          absl::StrCat(R"({"format":1,"about":"Slow for a reason.","time":{"horizon":"100s"},)",
                       R"("cluster":{"extra_namespaces":3,"nodes":)", nodes, "},", reason, "}"));
      const RunConfig config = Draw(scenario, 1);
      World world(config, 1, {});
      const RunGuard guard(world.shared().marks);
      world.RunUntil([] {});
      EXPECT_FALSE(world.shared().verdicts.found())
          << reason << ", " << nodes << " nodes: " << world.shared().verdicts.first()->what;
      EXPECT_LT(CalmSpan(config).value_or(0), 80'000'000'000) << reason;
    }
  }
}

TEST(Run, IsGivenUpWhereItGoesOnForTooLong) {
  const Scenario scenario = ScenarioOf(R"({"format":1,"about":"Something happens."})");
  const RunResult whole = RunOnce(scenario, Draw(scenario, 1), 1, {});
  EXPECT_EQ(whole.verdict, Verdict::kPass);
  RunSettings settings;
  settings.most_events = whole.events;
  EXPECT_EQ(RunOnce(scenario, Draw(scenario, 1), 1, settings).verdict, Verdict::kPass);
  settings.most_events = 100;
  const RunResult part = RunOnce(scenario, Draw(scenario, 1), 1, settings);
  EXPECT_EQ(part.verdict, Verdict::kUnknown);
  EXPECT_EQ(part.events, 101u);
}

// A bound for which so many tries are not enough is none.
TEST(Run, NothingIsDueWhereAlmostNothingPasses) {
  const auto span_of = [](const std::string& nodes, const std::string& network) {
    return CalmSpan(Draw(
        ScenarioOf(absl::StrCat(R"({"format":1,"about":"Frames are lost.","cluster":{"nodes":)",
                                nodes, R"(},"network":{)", network, "}}")),
        1));
  };
  for (const char* network : {R"("loss":0.5)", R"("loss":0.6)", R"("loss":0.75)", R"("loss":1)",
                              R"("corrupt":1)", R"("corrupt":1,"loss":1)"})
    EXPECT_EQ(span_of("9", network), std::nullopt) << network;
  EXPECT_EQ(span_of("7", R"("loss":0.7)"), std::nullopt);
  EXPECT_EQ(span_of("2", R"("loss":1)"), std::nullopt);
  // The more is lost, the longer it takes.
  std::int64_t shorter = 0;
  for (const char* network : {R"("loss":0)", R"("loss":0.1)", R"("loss":0.2)", R"("loss":0.3)"}) {
    const std::optional<std::int64_t> span = span_of("3", network);
    ASSERT_TRUE(span.has_value()) << network;
    EXPECT_GT(*span, shorter) << network;
    shorter = *span;
  }
  EXPECT_TRUE(span_of("1", R"("loss":1)").has_value());
}

TEST(Run, OnLinksThatOverflowNothingIsDueInTheCalm) {
  const Scenario scenario = ScenarioOf(
      R"({"format":1,"about":"Links overflow.","cluster":{"nodes":3},"network":{"capacity":"4KiB"}})");
  EXPECT_EQ(CalmSpan(Draw(scenario, 1)), std::nullopt);
}

}  // namespace
}  // namespace quorate::sim
