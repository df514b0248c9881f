#include "sim/cli/cli.h"

namespace quorate::sim {
namespace {

constexpr const char* kGeneral =
    R"(quorate-sim: randomized fault simulations of a Quorate cluster, each repeatable from one number

  quorate-sim run PATH...       many simulations of scenarios, a table, an exit code
  quorate-sim replay FILE       one simulation, with its trace on request
  quorate-sim shrink FILE       a failing simulation made small: few nodes, operations and faults, no seed
  quorate-sim resolve FILE      one simulation written out, with nothing left to a seed
  quorate-sim check HISTORY...  is a recorded history linearizable?
  quorate-sim merge REPORT...   the reports of all shards of a suite as that of the whole
  quorate-sim schema            the JSON Schema of scenario files
  quorate-sim VERB --help       more, with examples
  quorate-sim --version

exit codes
  0 pass   1 safety   2 liveness   3 non-determinism   4 gate (marks, excused)   5 unknown
  64 bad command line or scenario, or an output that cannot be written   70 bug in the simulator
  124 out of time   130 interrupted
)";

constexpr const char* kRun = R"(quorate-sim run PATH... [options]

Runs N simulations over all scenarios given (files, or folders of *.json): number i, from 0, runs file
i mod files with seed S + i. Prints what was injected, what was checked, which marks were reached, and for each
failure one line with the command that repeats it. The result does not depend on -j.

  --seeds N         simulations in all (100)
  --first-seed S    the seed of number 0; fresh and printed if not given
  -j N              worker processes (one a core)
  --shard I/N       only the numbers i with i mod N = I, to spread a suite over machines: with
                    --first-seed; see merge
  --fail-fast       stop at the first failure
  --time-limit S    stop after S seconds of real time (exit code 124)
  --run-limit S     stop one simulation after S seconds of real time (600)
  --json FILE       the summary as JSON
  --junit FILE      every simulation as a JUnit test case
  --shrink S        the first failure of each kind is made small within S seconds of real time (30); 0 = off
  --out DIR         for each kind of failure a folder: scenario, runs; trace, history and engine's case of the first, and
                    of the smallest run that fails in the same way: shrunk.json, the same of it; story.txt of the smallest
                    (quorate-sim-failures, if anything fails and --shrink is not 0)
  --quiet, -q       failures and missed marks only
  --ignore-check ID[,ID...]   violations of these checks are counted and fail nothing (an assertion of the
                    engine, ASSERT, ends its run all the same)
  --without PATH[,PATH...]    as if these faults were off in every run: a key or a group of the scenario, like
                    network.loss, process.crash, clocks; workload.ops.transfer; cluster.options puts the
                    engine's limits back to its defaults. Schedules stay as they are, and so does every other choice

examples
  quorate-sim run scenarios/smoke --seeds 1000 -j2
  quorate-sim run scenarios/smoke --seeds 10000 --first-seed 1 --shard 0/4 --junit smoke.xml --out failures
  quorate-sim run my.json --seeds 500 --fail-fast
  quorate-sim run scenarios/smoke --seeds 500 --ignore-check I-41,I-42 --without process.crash
)";

constexpr const char* kReplay = R"(quorate-sim replay FILE [options]

Runs one simulation and prints everything about it. The same file, seed and program give the same digest.

  --seed N          (1)
  --trace           one line for each event, before the result
  --verify DIGEST   exit code 3 if the digest is another one
  --history FILE    write what clients asked and were told, one JSON object a line
  --test FILE       write a GoogleTest case that gives the engine alone the same inputs; tools/dev case runs it
  --digest          print the digest alone
  --ignore-check ID[,ID...], --without PATH[,PATH...]   as of run

examples
  quorate-sim replay scenarios/smoke/wide.json --seed 4711
  quorate-sim replay scenarios/smoke/wide.json --seed 4711 --trace | less
  quorate-sim replay scenarios/smoke/wide.json --seed 4711 --verify 0123456789abcdef
)";

constexpr const char* kShrink = R"(quorate-sim shrink FILE [options]

Takes a simulation that fails and looks for the smallest one that fails in the same way (the same checker): fewer nodes,
clients, operations and faults, weaker faults, plainer settings, rounder times. Writes it as a resolved scenario, which
needs no seed, and tells what is left, which of the faults are needed, and what happened last.

  --seed N          of FILE (1); a resolved scenario needs none
  --deadline S      stop after S seconds of real time with the best so far (60)
  -j N              worker processes (one a core)
  --to FILE         where to write (the scenario's name with ".shrunk.json", in this folder); what is smallest so far
                    stands there at any time
  --quiet, -q       no progress
  --ignore-check ID[,ID...], --without PATH[,PATH...]   as of run

exit codes: those of the failure; 64 if the simulation does not fail; 124 if it did not even end within the deadline.

examples
  quorate-sim shrink scenarios/smoke/wide.json --seed 4711
  quorate-sim shrink failures/safety-I-6/resolved.json --deadline 600 --to scenarios/regress/lost_entry.json
)";

constexpr const char* kResolve = R"(quorate-sim resolve FILE [options]

Runs one simulation and writes it out as a scenario that leaves nothing to chance: every operation, every fault, every
frame and disk operation that went another way than usual. Run again, with any seed, it gives the same digest.

  --seed N          (1)
  --to FILE         where to write (standard output)

examples
  quorate-sim resolve scenarios/smoke/wide.json --seed 4711 --to wide-4711.json
  quorate-sim replay wide-4711.json
)";

constexpr const char* kCheck = R"(quorate-sim check HISTORY... [--budget N]

Checks recorded histories for linearizability, with the checkers that simulations use. The format is recognised:
our own (replay --history), Jepsen's EDN, Porcupine's texts.

  --budget N        steps of the search per key before the answer is "unknown" (10000000)

examples
  quorate-sim check history.jsonl
  quorate-sim check store/latest/history.edn --budget 50000000
)";

constexpr const char* kMerge = R"(quorate-sim merge REPORT... [options]

Puts the JSON reports of all shards of one suite together (run --shard I/N --first-seed S --json FILE). Table, reports
and exit code are those of the suite as one machine would have run it; marks and the share of excused runs are judged
here alone: no single shard fails for what its runs did not reach. Reports of different suites (seeds, commit,
scenarios), a shard that is missing or there twice, and numbers that contradict each other are refused.

  --json FILE       the summary as JSON; none of the reports that are merged
  --junit FILE      every simulation as a JUnit test case
  --quiet, -q       failures and missed marks only

examples
  quorate-sim merge shard-0.json shard-1.json shard-2.json shard-3.json --junit smoke.xml
)";

constexpr const char* kSchema = R"(quorate-sim schema [--markdown]

Prints the JSON Schema (draft 2020-12) of scenario files: every key with its unit, default and meaning. It is made
from the table that the reader uses.

  --markdown        the same as a page to be read, with every action of a schedule, every mark and every check

examples
  quorate-sim schema > scenario.schema.json
  quorate-sim schema --markdown > docs/simulator-reference.md
)";

}  // namespace

std::string HelpText(const std::string& verb) {
  if (verb.empty()) return kGeneral;
  if (verb == "run") return kRun;
  if (verb == "replay") return kReplay;
  if (verb == "shrink") return kShrink;
  if (verb == "resolve") return kResolve;
  if (verb == "check") return kCheck;
  if (verb == "merge") return kMerge;
  if (verb == "schema") return kSchema;
  return "";
}

#ifndef QUORATE_VERSION
#define QUORATE_VERSION "unreleased"
#endif
std::string ReleaseNumber() { return QUORATE_VERSION; }
std::string VersionText(const std::string& commit) {
  return "quorate-sim " QUORATE_VERSION " (commit " + commit + "), scenario format 1\n";
}

}  // namespace quorate::sim
