#include "sim/cli/args.h"

#include <charconv>
#include <limits>
#include <map>
#include <string_view>

#include "sim/scenario/nearest.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kYearInSeconds = 366 * 24 * 3'600;
constexpr std::uint64_t kMostJobs = 1'024;

absl::Status Wrong(std::string why) { return absl::InvalidArgumentError(why); }

absl::StatusOr<std::uint64_t> Number(std::string_view option, std::string_view text,
                                     int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    return Wrong(Cat(option, ": ", text, " is more than ", kAny));
  }
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Wrong(Cat(option, ": \"", text, "\" is not a number"));
  }
  return value;
}

// What stands behind a verb: paths in order, options by name, flags.
struct Words {
  std::vector<std::string> paths;
  std::map<std::string, std::string, std::less<>> options;

  bool Has(std::string_view name) const { return options.contains(name); }
  std::string Text(std::string_view name) const {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
  }
  // Leaves `out` alone if the option is not there.
  absl::Status Take(std::string_view name, std::uint64_t least, std::uint64_t most,
                    std::uint64_t& out) const {
    const auto found = options.find(name);
    if (found == options.end()) return absl::OkStatus();
    const absl::StatusOr<std::uint64_t> value = Number(name, found->second);
    if (!value.ok()) return value.status();
    if (*value < least) return Wrong(Cat(name, ": must be at least ", least));
    if (*value > most) return Wrong(Cat(name, ": must be at most ", most));
    out = *value;
    return absl::OkStatus();
  }
};

struct Known {
  std::vector<std::string_view> with_value;
  std::vector<std::string_view> flags;
};

bool Holds(const std::vector<std::string_view>& names, std::string_view name) {
  for (const std::string_view each : names) {
    if (each == name) return true;
  }
  return false;
}

absl::StatusOr<Words> Sort(const std::vector<std::string>& words, const Known& known) {
  Words sorted;
  bool only_paths = false;
  for (std::size_t i = 1; i < words.size(); ++i) {
    std::string name = words[i];
    if (only_paths || name.size() < 2 || name[0] != '-') {
      sorted.paths.push_back(std::move(name));
      continue;
    }
    if (name == "--") {
      only_paths = true;
      continue;
    }
    std::optional<std::string> value;
    const std::size_t equals = name.find('=');
    if (name[1] == '-' && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (name[1] != '-' && name.size() > 2) {  // -j4
      value = name.substr(2);
      name.resize(2);
    }
    if (Holds(known.flags, name)) {
      if (value) return Wrong(Cat(name, ": takes no value"));
      value = "";
    } else if (!Holds(known.with_value, name)) {
      std::vector<std::string> options(known.with_value.begin(), known.with_value.end());
      options.insert(options.end(), known.flags.begin(), known.flags.end());
      const std::string nearest = NearestOf(name, options, 4);
      return Wrong(Cat(words[0], ": unknown option ", name,
                       nearest.empty() ? "" : Cat("; ", nearest, " is one")));
    } else if (!value) {
      if (i + 1 == words.size()) return Wrong(Cat(name, ": needs a value"));
      value = words[++i];
    }
    if (!sorted.options.emplace(name, *std::move(value)).second)
      return Wrong(Cat(name, ": stands twice"));
  }
  return sorted;
}

absl::Status ReadShard(const Words& words, RunArgs& args) {
  if (!words.Has("--shard")) return absl::OkStatus();
  const std::string text = words.Text("--shard");
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos)
    return Wrong(Cat("--shard: \"", text, "\" must be I/N, like 0/4"));
  const absl::StatusOr<std::uint64_t> shard =
      Number("--shard", std::string_view(text).substr(0, slash));
  const absl::StatusOr<std::uint64_t> shards =
      Number("--shard", std::string_view(text).substr(slash + 1));
  if (!shard.ok()) return shard.status();
  if (!shards.ok()) return shards.status();
  if (*shard >= *shards) return Wrong(Cat("--shard: ", text, ": must be I/N with I below N"));
  if (!words.Has("--first-seed"))
    return Wrong("--shard: needs --first-seed, the same for all shards of a suite");
  args.shard = *shard;
  args.shards = *shards;
  args.sharded = true;
  return absl::OkStatus();
}

absl::Status ReadAblation(const Words& words, Ablation& ablation) {
  if (words.Has("--ignore-check")) {
    const absl::StatusOr<CheckSet> ignored = ReadIgnored(words.Text("--ignore-check"));
    if (!ignored.ok())
      return Wrong(Cat("--ignore-check: ", std::string(ignored.status().message())));
    ablation.ignored = *ignored;
  }
  if (words.Has("--without")) {
    absl::StatusOr<std::vector<std::string>> without = ReadWithout(words.Text("--without"));
    if (!without.ok()) return Wrong(Cat("--without: ", std::string(without.status().message())));
    ablation.without = *std::move(without);
  }
  return absl::OkStatus();
}

absl::StatusOr<Args> ParseRun(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words =
      Sort(all, {{"--seeds", "--first-seed", "-j", "--json", "--junit", "--out", "--shard",
                  "--time-limit", "--run-limit", "--ignore-check", "--without", "--shrink"},
                 {"--fail-fast", "--quiet", "-q"}});
  if (!words.ok()) return words.status();
  RunArgs args;
  args.paths = words->paths;
  if (args.paths.empty()) return Wrong("run: needs a scenario or a folder of scenarios");
  std::uint64_t first_seed = 0;
  for (const absl::Status& status :
       {words->Take("--seeds", 1, kAny, args.seeds),
        words->Take("--first-seed", 0, kAny, first_seed),
        words->Take("-j", 1, kMostJobs, args.jobs),
        words->Take("--time-limit", 1, kYearInSeconds, args.time_limit_s),
        words->Take("--run-limit", 1, kYearInSeconds, args.run_limit_s),
        words->Take("--shrink", 0, kYearInSeconds, args.shrink_s), ReadShard(*words, args),
        ReadAblation(*words, args.ablation)}) {
    if (!status.ok()) return status;
  }
  // The last seed must be one, too; a fresh first seed is below kFreshSeeds.
  const std::uint64_t first = words->Has("--first-seed") ? first_seed : kFreshSeeds;
  if (args.seeds - 1 > kAny - first) {
    return Wrong(Cat("--seeds: ", args.seeds, " seeds from ", first, " on go beyond ", kAny));
  }
  if (words->Has("--first-seed")) args.first_seed = first_seed;
  args.seeds_given = words->Has("--seeds");
  args.json = words->Text("--json");
  args.junit = words->Text("--junit");
  args.out = words->Text("--out");
  args.fail_fast = words->Has("--fail-fast");
  args.quiet = words->Has("--quiet") || words->Has("-q");
  if (!args.json.empty() && args.json == args.junit)
    return Wrong(Cat("--json, --junit: both would be written to ", args.json));
  for (const char* option : {"--json", "--junit", "--out"}) {
    if (words->Has(option) && words->Text(option).empty())
      return Wrong(Cat(option, ": must not be empty"));
  }
  return args;
}

absl::StatusOr<Args> ParseReplay(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words =
      Sort(all, {{"--seed", "--verify", "--history", "--test", "--ignore-check", "--without"},
                 {"--trace", "--digest"}});
  if (!words.ok()) return words.status();
  ReplayArgs args;
  if (words->paths.size() != 1) return Wrong("replay: needs one scenario");
  args.path = words->paths[0];
  for (const absl::Status& status :
       {words->Take("--seed", 0, kAny, args.seed), ReadAblation(*words, args.ablation)}) {
    if (!status.ok()) return status;
  }
  if (words->Has("--verify")) {
    const std::string text = words->Text("--verify");
    const absl::StatusOr<std::uint64_t> digest = Number("--verify", text, 16);
    if (!digest.ok() || text.size() != 16)
      return Wrong("--verify: must be sixteen hexadecimal digits");
    args.verify = Digest{*digest};
  }
  args.history = words->Text("--history");
  args.test = words->Text("--test");
  args.trace = words->Has("--trace");
  args.digest_only = words->Has("--digest");
  return args;
}

absl::StatusOr<Args> ParseShrink(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words = Sort(
      all,
      {{"--seed", "-j", "--deadline", "--to", "--ignore-check", "--without"}, {"--quiet", "-q"}});
  if (!words.ok()) return words.status();
  ShrinkArgs args;
  if (words->paths.size() != 1) return Wrong("shrink: needs one scenario");
  args.path = words->paths[0];
  for (const absl::Status& status :
       {words->Take("--seed", 0, kAny, args.seed), words->Take("-j", 1, kMostJobs, args.jobs),
        words->Take("--deadline", 1, kYearInSeconds, args.deadline_s),
        ReadAblation(*words, args.ablation)}) {
    if (!status.ok()) return status;
  }
  args.to = words->Text("--to");
  if (words->Has("--to") && args.to.empty()) return Wrong("--to: must not be empty");
  args.quiet = words->Has("--quiet") || words->Has("-q");
  return args;
}

absl::StatusOr<Args> ParseResolve(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words = Sort(all, {{"--seed", "--to"}, {}});
  if (!words.ok()) return words.status();
  ResolveArgs args;
  if (words->paths.size() != 1) return Wrong("resolve: needs one scenario");
  args.path = words->paths[0];
  const absl::Status status = words->Take("--seed", 0, kAny, args.seed);
  if (!status.ok()) return status;
  args.to = words->Text("--to");
  if (words->Has("--to") && args.to.empty()) return Wrong("--to: must not be empty");
  return args;
}

absl::StatusOr<Args> ParseCheck(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words = Sort(all, {{"--budget"}, {}});
  if (!words.ok()) return words.status();
  CheckArgs args;
  args.paths = words->paths;
  if (args.paths.empty()) return Wrong("check: needs a history");
  const absl::Status status = words->Take("--budget", 1, kAny, args.budget);
  if (!status.ok()) return status;
  return args;
}

absl::StatusOr<Args> ParseMerge(const std::vector<std::string>& all) {
  const absl::StatusOr<Words> words = Sort(all, {{"--json", "--junit"}, {"--quiet", "-q"}});
  if (!words.ok()) return words.status();
  MergeArgs args;
  args.paths = words->paths;
  if (args.paths.empty()) return Wrong("merge: needs the reports of all shards");
  args.json = words->Text("--json");
  args.junit = words->Text("--junit");
  args.quiet = words->Has("--quiet") || words->Has("-q");
  for (const char* option : {"--json", "--junit"}) {
    if (words->Has(option) && words->Text(option).empty())
      return Wrong(Cat(option, ": must not be empty"));
  }
  if (!args.json.empty() && args.json == args.junit)
    return Wrong(Cat("--json, --junit: both would be written to ", args.json));
  return args;
}

}  // namespace

absl::StatusOr<Args> ParseArgs(const std::vector<std::string>& words) {
  if (words.empty())
    return Wrong("needs a verb: run, replay, shrink, resolve, check, merge or schema");
  const std::string& verb = words[0];
  if (verb == "--version") {
    if (words.size() > 1) return Wrong("--version: takes no arguments");
    return VersionArgs{};
  }
  if (verb == "--help" || verb == "-h" || verb == "help") {
    if (words.size() > 2) return Wrong("help: takes one verb");
    return HelpArgs{words.size() > 1 ? words[1] : ""};
  }
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") return HelpArgs{verb};
  }
  if (verb == "run") return ParseRun(words);
  if (verb == "replay") return ParseReplay(words);
  if (verb == "shrink") return ParseShrink(words);
  if (verb == "resolve") return ParseResolve(words);
  if (verb == "check") return ParseCheck(words);
  if (verb == "merge") return ParseMerge(words);
  if (verb == "schema") {
    SchemaArgs args;
    args.markdown = words.size() == 2 && words[1] == "--markdown";
    if (words.size() > 1 && !args.markdown) return Wrong("schema: takes --markdown or nothing");
    return args;
  }
  const std::string nearest = NearestOf(
      verb, {"run", "replay", "shrink", "resolve", "check", "merge", "schema", "help"}, 3);
  return Wrong(nearest.empty()
                   ? Cat("unknown verb \"", verb,
                         "\"; there are run, replay, shrink, resolve, check, merge and schema")
                   : Cat("unknown verb \"", verb, "\"; \"", nearest, "\" is one"));
}

std::string Render(Digest digest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kHex[(digest.value >> shift) & 15];
  return text;
}

}  // namespace quorate::sim
