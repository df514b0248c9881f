// tests/fuzz/scenario_fuzz.cc — a scenario file that anybody may have written.
//
// Promises: accepted or refused with one line that begins with the file's name; what is accepted resolves for
//   any seed, the same twice, with every drawn value within what its rule allows; what leaves nothing to a seed is
//   written and read again as it was.
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/script_text.h"
#include "tests/fuzz/fuzz.h"

namespace quorate::fuzz {
namespace {

constexpr const char* kWide = R"({"format":1,"about":"All forms of a value.",
  "time":{"horizon":{"swarm":["5s","20s"]},"quiet":{"every":"6s","for":"1500ms"}},
  "cluster":{"nodes":{"one_of":[3,5]},"zones":3,"namespaces":[{"name":"orders","mode":"strong"}],
    "options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"],"snapshot_every":{"swarm":[10,400],"scale":"log"}}},
  "clocks":{"wall_offset":{"swarm":["-400ms","400ms"],"off":0.4},"drift":"-200ppm","step":{"rate":"0.02/s","size":["-2s","2s"]}},
  "network":{"latency":{"dist":"exp","min":"0.2ms","mean":{"swarm":["1ms","5ms"],"scale":"log"},"max":"2s"},
    "loss":{"swarm":[0,0.2],"scale":"skewed","off":0.4},"capacity":"64KiB",
    "partition":{"mtbf":"5s","mttr":"2s","one_way":0.3,"shapes":{"isolate":3,"ring":1}}},
  "disk":{"sync":{"dist":"pareto","mean":"1ms"},"crash_unsynced":"lose-suffix","full":0,"stall":{"mtbf":"60s","for":"3s"}},
  "process":{"crash":{"mtbf":"8s","off":0.4},"restart":{"after":{"dist":"log","min":"5ms","max":"4s"}}},
  "budget":{"down":"minority"},"workload":{"rate":"200/s","skew":0.9,"ops":{"put":40,"get":40}}})";

constexpr const char* kSchedule = R"({"format":1,"about":"Every action.","cluster":{"nodes":5},
  "schedule":[{"at":"2s","do":"partition","groups":[[1],[2,3]],"for":"5s","one_way":true},
    {"at":"3s","do":"isolate","node":"$leader","direction":"into"},{"at":"4s","do":"heal"},
    {"on":{"mark":"leader.changed","nth":2},"do":"crash","node":"$leader:default","for":"1s"},
    {"at":"5s","do":"clock_step","node":2,"by":"-1.5s"},{"at":"6s","do":"transfer","to":4},
    {"at":"7s","do":"put","node":1,"key":"k","value":"v"}],
  "checks":{"linearizable":["default"],"codec":1e-1},"marks":{"require":["leader.changed"]},"expect":"pass"})";

constexpr const char* kResolved = R"({"format":1,"resolved":1,"about":"Everything written out.",
  "time":{"horizon":"3s"},"cluster":{"nodes":3,"options":{"heartbeat":"50ms","election_timeout":["150ms","300ms"]},
    "namespaces":[{"name":"orders"}]},"workload":{"clients":2,"timeout":"1s"},
  "schedule":[{"at":"1s","do":"cut","links":["n1>n2","c0>n3"],"flap":"50ms","for":"1s"},
    {"at":"1s","do":"clog","links":["n2>n1"],"for":"20ms"},{"at":"1s","do":"disconnect","node":1,"peer":3,"for":"5ms"},
    {"at":"1s","do":"swizzle","steps":[{"node":1,"after":"1ms","until":"9ms"}],"for":"10ms"},
    {"at":"2s","do":"crash","node":2,"call":3,"keep":{"log":1},"lose":"map","for":"1s"},
    {"at":"2s","do":"disk_slow","node":1,"factor":7,"for":"1s"},{"at":"2s","do":"clock_freeze","node":3,"for":"1s"}],
  "script":{"seed":"0123456789abcdef","bounds":{"latency":"5ms","disk":"5ms","leader":"9s","operation":"11s","round":"20ms","calm":"9s"},
    "nodes":[{"node":2,"wall_offset":"-1s","drift":"5ppm","mono_drift":"-5ppm","gather":"50us","sync":"2ms","read":"1ms","work":"1us","flush":"3ms","restart":"1s"}],
    "latency":"1ms","links":[{"link":"n1>n2","latency":"2ms"},{"link":"c1>n1","latency":"3ms"}],
    "deviations":[{"link":"n1>n2","nth":3,"drop":true},{"link":"n2>n1","nth":4,"delay":"9ms","overtaken":"2ms","spoil":"00000000000000ff","dup":{"delay":"8ms"}},
      {"node":1,"nth":2,"sync":"30ms"},{"node":1,"nth":0,"sync_error":true},{"node":2,"nth":1,"corrupt_row":"0000000000000001"},
      {"node":3,"nth":1,"recovery_crash":{"log":0}},{"node":3,"nth":0,"crash":{"map":2}}],
    "operations":[{"at":"0s","client":1,"node":1,"do":"create_namespace","namespace":"orders","retry":true,"retries":[{"after":"100ms","node":2}]},
      {"at":"1s","client":0,"node":1,"do":"open_session"},{"at":"1s","client":0,"node":1,"do":"put","key":"k","value":"v","session":true,"retry":true,"gives_up_at":[1]},
      {"at":"1s","client":0,"node":2,"do":"cas","key":"k","expected":null,"value":"w"},{"at":"1s","client":0,"node":2,"do":"cas_version","key":"k","expected":[0,3,0],"value":"w"},
      {"at":"1s","client":0,"node":3,"do":"batch","if":[{"key":"k","version":[0,1,0]},{"key":"l"}],"writes":[{"key":"k","value":null}]},
      {"at":"1s","client":0,"node":3,"do":"range","from":"a","to":"","limit":3,"stale":true},{"at":"1s","client":0,"node":3,"do":"increment","key":"n","by":-2},
      {"at":"1s","client":0,"node":3,"do":"transfer","to":2},{"at":"1ms","serving":true,"client":0,"node":3,"do":"get","key":"k"}],
    "heal":{"cores":[[1,2]],"outside":[{"node":3,"cut":["n1>n3"]}]}}})";

bool Within(std::int64_t value, const sim::DrawRule& rule) {
  return value >= sim::LowestOf(rule) && value <= sim::HighestOf(rule);
}

}  // namespace

std::vector<std::string> Examples() {
  return {kWide, kSchedule, kResolved, R"({"format":1,"about":"x"})"};
}

bool Try(std::string_view bytes) {
  const absl::StatusOr<sim::Scenario> scenario = sim::ParseScenario(bytes, "f");
  if (!scenario.ok()) {
    const std::string line(scenario.status().message());
    REQUIRE(line.starts_with("f: "));
    REQUIRE(line.find('\n') == std::string::npos);
    return false;
  }
  REQUIRE(!scenario->about.empty());
  for (const sim::Setting& setting : scenario->settings) {
    const sim::DistRule& rule = setting.value;
    for (const sim::DrawRule* draw : {&rule.min, &rule.mean, &rule.max}) {
      for (const std::uint64_t bits : {std::uint64_t{0}, Mix(1), ~std::uint64_t{0}}) {
        REQUIRE(Within(sim::ValueOf(*draw, bits), *draw));
      }
    }
  }
  if (scenario->script) {
    // What was read is written so that the same is read again.
    const sim::RunConfig config = sim::Draw(*scenario, 1);
    const absl::StatusOr<sim::Scenario> again =
        sim::ParseScenario(sim::WriteResolved(scenario->name, "again", config), "f");
    REQUIRE(again.ok());
    REQUIRE(again->script == scenario->script);
    REQUIRE(again->schedule == scenario->schedule);
  }
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const sim::RunConfig once = sim::Draw(*scenario, seed);
    const sim::RunConfig again = sim::Draw(*scenario, seed);
    REQUIRE(once.time.horizon_ns == again.time.horizon_ns);
    REQUIRE(once.cluster.nodes >= 1 && once.cluster.nodes <= 9);
    REQUIRE(once.time.warm_up_ns < once.time.horizon_ns);
    const sim::Dist latency = once.network.latency_ns.At(sim::LinkKey(NodeId(1), NodeId(2)));
    for (const std::uint64_t bits : {std::uint64_t{0}, Mix(seed), ~std::uint64_t{0}}) {
      const std::int64_t sample = sim::Sample(latency, bits);
      REQUIRE(sample >= 0 && sample <= once.network.latency_ns.Highest());
    }
  }
  return true;
}

}  // namespace quorate::fuzz
