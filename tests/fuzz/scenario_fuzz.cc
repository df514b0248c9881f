// tests/fuzz/scenario_fuzz.cc — a scenario file that anybody may have written.
//
// Promises: accepted or refused with one line that begins with the file's name; what is accepted
// resolves for
//   any seed, the same twice, with every drawn value within what its rule allows.
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "sim/scenario/scenario.h"
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

bool Within(std::int64_t value, const sim::DrawRule& rule) {
  return value >= sim::LowestOf(rule) && value <= sim::HighestOf(rule);
}

}  // namespace

std::vector<std::string> Examples() { return {kWide, kSchedule, R"({"format":1,"about":"x"})"}; }

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
