// How many events a second the simulator does on one core, and how much faster than time an idle cluster runs.
//
// The figures of a scenario are summed over consecutive seeds: a single seed may meet few faults or many.
#include <string>

#include <benchmark/benchmark.h>

#include "engine/base/check.h"
#include "sim/scenario/scenario.h"
#include "sim/world/run.h"

namespace quorate::sim {
namespace {

// Five nodes and eight clients, every fault that a scenario can have, all of them on in every run, and every
// checker; shares of what takes a node out of service for good are small, so that the others go on.
constexpr const char* kBusy = R"({
  "format": 1,
  "about": "Five nodes and eight clients under every fault at once, for the benchmark.",
  "time": { "horizon": "20s", "quiet": { "every": "6s", "for": "1s" } },
  "cluster": { "nodes": 5, "zones": 3, "extra_namespaces": 1,
               "options": { "heartbeat": "50ms", "election_timeout": ["150ms", "300ms"], "snapshot_every": 200 } },
  "clocks": { "wall_offset": { "swarm": ["-400ms", "400ms"] }, "drift": { "swarm": ["-500ppm", "500ppm"] },
              "mono_drift": { "swarm": ["-500ppm", "500ppm"] },
              "step": { "rate": "0.1/s", "size": ["-2s", "2s"] }, "freeze": { "mtbf": "15s" } },
  "network": { "latency": { "dist": "exp", "min": "0.1ms", "mean": "2ms", "max": "200ms" }, "tail": 0.005,
               "loss": 0.01, "duplicate": 0.02, "reorder": 0.02, "corrupt": 0.001, "capacity": "256KiB",
               "client_loss": 0.01, "clog": { "mtbf": "10s" }, "swizzle": { "mtbf": "15s" },
               "disconnect": { "mtbf": "10s" },
               "partition": { "mtbf": "5s", "mttr": { "dist": "exp", "mean": "1s", "max": "5s" }, "one_way": 0.3,
                              "clients": 0.3, "flap": 0.15 } },
  "disk": { "sync": { "dist": "exp", "min": "0.1ms", "mean": "1ms", "max": "50ms" },
            "crash_unsynced": { "one_of": ["lose-suffix", "lose-all", "keep"] }, "self_flush": 0.05,
            "sync_error": 0.0005, "write_error": 0.0002, "map_error": 0.0001, "corrupt_row": 0.0005,
            "stall": { "mtbf": "20s" }, "slow": { "mtbf": "20s" }, "full": { "mtbf": "20s" } },
  "process": { "crash": { "mtbf": "8s", "zone": 0.2 },
               "restart": { "after": { "dist": "log", "min": "5ms", "max": "2s" } },
               "pause": { "mtbf": "15s", "for": ["10ms", "1s"] } },
  "workload": { "clients": 8, "rate": "50/s", "keys": 50, "timeout": "2s", "sessions": 0.6, "move": 0.2,
                "ops": { "put": 30, "get": 30, "stale_get": 5, "cas": 8, "cas_version": 4, "put_if_absent": 4,
                         "increment": 8, "delete": 4, "batch": 4, "range": 3, "transfer": 1 } },
  "checks": { "codec": 1, "search": 1 }
})";

constexpr const char* kIdle = R"({
  "format": 1,
  "about": "Five nodes and nothing to do, for the benchmark.",
  "time": { "horizon": "600s" },
  "cluster": { "nodes": 5, "options": { "heartbeat": "50ms", "election_timeout": ["150ms", "300ms"] } },
  "workload": { "clients": 1, "rate": "0.01/s" }
})";

void Simulate(benchmark::State& state, const char* text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "bench");
  if (!scenario.ok()) {
    state.SkipWithError(std::string(scenario.status().message()).c_str());
    return;
  }
  std::uint64_t seed = 1;
  std::uint64_t events = 0;
  double virtual_seconds = 0;
  for (auto _ : state) {
    const RunResult result = RunOnce(*scenario, Draw(*scenario, seed), seed, RunSettings{});
    if (result.verdict == Verdict::kFail) {
      state.SkipWithError(("seed " + std::to_string(seed) + ": " + result.violation->id + " " +
                           result.violation->what)
                              .c_str());
      return;
    }
    ++seed;
    events += result.events;
    virtual_seconds += static_cast<double>(result.virtual_ns) / 1e9;
  }
  state.counters["events"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["times_real"] = benchmark::Counter(virtual_seconds, benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(Simulate, five_nodes_all_faults, kBusy)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(5);
BENCHMARK_CAPTURE(Simulate, five_nodes_idle, kIdle)->Unit(benchmark::kMillisecond)->MinTime(5);

}  // namespace
}  // namespace quorate::sim

BENCHMARK_MAIN();
