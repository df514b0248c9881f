// What a step of the engine costs, and how many entries three replicas in memory commit.
#include <cstdlib>
#include <new>

#include <benchmark/benchmark.h>

#include "tests/bench/trio.h"

namespace {
std::uint64_t allocations = 0;
}  // namespace

// Kept out of line: inlined, GCC 12 takes the pair malloc/free behind new/delete for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace quorate {
namespace {

// Arguments: proposals a step, bytes a value.
void CommitThroughThree(benchmark::State& state) {
  Options options;
  options.log_cache_entries = 4096;
  options.snapshot_every = 1'000'000'000;
  Trio trio(options);
  const Payload command(std::string(static_cast<std::size_t>(state.range(1)), 'v'));
  const int batch = static_cast<int>(state.range(0));
  for (int i = 0; i < 100; ++i) trio.Propose(batch, command);
  const std::uint64_t steps = trio.steps();
  const std::uint64_t commits = trio.commit();
  const std::uint64_t before = allocations;
  for (auto _ : state) trio.Propose(batch, command);
  const double stepped = static_cast<double>(trio.steps() - steps);
  state.counters["entries"] =
      benchmark::Counter(static_cast<double>(trio.commit() - commits), benchmark::Counter::kIsRate);
  state.counters["steps"] = benchmark::Counter(stepped, benchmark::Counter::kIsRate);
  state.counters["allocations_per_step"] = static_cast<double>(allocations - before) / stepped;
}
BENCHMARK(CommitThroughThree)
    ->ArgNames({"batch", "bytes"})
    ->Args({1, 64})
    ->Args({16, 64})
    ->Args({128, 64})
    ->Args({128, 256});

}  // namespace
}  // namespace quorate

BENCHMARK_MAIN();
