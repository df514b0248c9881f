// sim/cli/args.h — the command line as values.
//
// Model: one verb, its paths and options. Options may stand anywhere behind the verb, as "--seeds
//   5", "--seeds=5" or (short ones) "-j4". Nothing is done here: no file is opened.
// Errors: InvalidArgument with one line that says which argument is wrong.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "sim/scenario/ablation.h"

namespace quorate::sim {

// A suite that names no first seed begins below this.
inline constexpr std::uint64_t kFreshSeeds = 1'000'000'000;

struct RunArgs {
  std::vector<std::string> paths;  // files, or folders of *.json
  std::uint64_t seeds = 100;       // simulations in all
  bool seeds_given = false;
  std::optional<std::uint64_t> first_seed;  // nullopt: fresh
  std::uint64_t jobs = 0;                   // 0 = one a core
  std::uint64_t shard = 0;                  // numbers i with i mod shards == shard
  std::uint64_t shards = 1;
  bool sharded = false;  // also if there is but one shard
  std::string json;      // files to write; empty = none
  std::string junit;
  std::string out;                  // folder for what a failure leaves
  std::uint64_t time_limit_s = 0;   // of the whole; 0 = none; a year at most
  std::uint64_t run_limit_s = 600;  // of one simulation
  std::uint64_t shrink_s = 30;      // for the first failure of each kind; 0 = as it is
  Ablation ablation;
  bool fail_fast = false;
  bool quiet = false;
};
struct ReplayArgs {
  std::string path;
  std::uint64_t seed = 1;
  std::optional<Digest> verify;
  std::string history;  // files to write; empty = none
  std::string test;
  Ablation ablation;
  bool trace = false;
  bool digest_only = false;
};
struct ShrinkArgs {
  std::string path;
  std::uint64_t seed = 1;
  std::uint64_t jobs = 0;  // 0 = one a core
  std::uint64_t deadline_s = 60;
  std::string to;  // file to write; empty: the scenario's name with ".shrunk.json", here
  Ablation ablation;
  bool quiet = false;
};
struct ResolveArgs {
  std::string path;
  std::uint64_t seed = 1;
  std::string to;  // file to write; empty: standard output
};
struct CheckArgs {
  std::vector<std::string> paths;
  std::uint64_t budget = 10'000'000;
};
struct MergeArgs {
  std::vector<std::string> paths;  // reports of all shards
  std::string json;                // files to write; empty = none
  std::string junit;
  bool quiet = false;
};
struct SchemaArgs {
  bool markdown = false;  // the reference for people
};
struct HelpArgs {
  std::string verb;  // empty: all of them
};
struct VersionArgs {};
using Args = std::variant<RunArgs, ReplayArgs, ShrinkArgs, ResolveArgs, CheckArgs, MergeArgs,
                          SchemaArgs, HelpArgs, VersionArgs>;

absl::StatusOr<Args> ParseArgs(const std::vector<std::string>& words);

// Sixteen hexadecimal digits.
std::string Render(Digest digest);

}  // namespace quorate::sim
