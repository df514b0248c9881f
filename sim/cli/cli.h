// sim/cli/cli.h — the quorate-sim command line, but for what only a process can know.
//
// Model: words in, exit code out. The simulation itself, a fresh seed and the program's own path
//   come from the caller: the real ones in main.cc, small fakes in tests.
// Output: results on standard output, progress and complaints on standard error.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/cli/args.h"
#include "sim/cli/exit_code.h"
#include "sim/world/run.h"

namespace quorate::sim {

struct CliWorld {
  RunResult (*simulate)(const Scenario&, const RunConfig&, std::uint64_t seed, const RunSettings&);
  std::uint64_t fresh_seed;             // where a suite begins that names no seed
  std::string self;                     // this program, to be started again
  std::string program = "quorate-sim";  // the same as whoever called it may call it again
  std::string commit = "unknown";       // what the program was built from
};

ExitCode RunCli(const std::vector<std::string>& words, const CliWorld& world);

// One verb each.
ExitCode RunSuite(const RunArgs& args, const CliWorld& world);
ExitCode Replay(const ReplayArgs& args, const CliWorld& world);
ExitCode Shrink(const ShrinkArgs& args, const CliWorld& world);
ExitCode Resolve(const ResolveArgs& args, const CliWorld& world);
ExitCode Check(const CheckArgs& args);
ExitCode MergeReports(const MergeArgs& args);

// The text of `--help`, or of `VERB --help`; empty if there is no such verb.
std::string HelpText(const std::string& verb);
std::string VersionText(const std::string& commit);
std::string ReleaseNumber();

// What a shell in any folder must be told to start this program: its path, unless it was looked up.
std::string ProgramOf(const char* called);
// What a process is to end with. What was printed may still be lost: a full disk, a closed pipe.
int CodeAfterFlush(ExitCode code);

std::uint64_t Cores();

// Says what was wrong with the command line or an input file. Returns kUsage.
ExitCode Refuse(const std::string& why);

}  // namespace quorate::sim
