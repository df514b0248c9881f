#include "sim/cli/cli.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "engine/base/match.h"
#include "sim/cases/writer.h"
#include "sim/cli/outputs.h"
#include "sim/cli/record.h"
#include "sim/cli/reference.h"
#include "sim/cli/report.h"
#include "sim/history/formats.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

ExitCode CodeOf(const RunResult& result) {
  RunRecord record;
  record.result = result;
  switch (SeverityOf(record)) {
    case Severity::kSafety:
      return ExitCode::kSafety;
    case Severity::kLiveness:
      return ExitCode::kLiveness;
    case Severity::kUnknown:
      return ExitCode::kUnknown;
    case Severity::kPass:
    case Severity::kExcused:
      return ExitCode::kPass;
    case Severity::kNonDeterminism:
    case Severity::kSimulatorBug:
    case Severity::kOutOfTime:
      break;
  }
  return ExitCode::kSimulatorBug;
}

ExitCode CheckOne(const std::string& path, std::uint64_t budget) {
  const absl::StatusOr<CheckReport> report = CheckFile(path, budget);
  if (!report.ok()) {
    const std::string why(report.status().message());
    return Refuse(why.starts_with(path) ? why : Cat(path, ": ", why));
  }
  Print(Cat(path, ": ", NameOf(report->verdict), " (", NameOf(report->format), ", ",
            Grouped(report->operations), " operations, ", Grouped(report->infos), " unknown, ",
            Grouped(report->components), " components, ", Grouped(report->steps), " steps)\n"));
  if (report->verdict == SearchVerdict::kViolation) {
    Print(Cat("found by ", report->found_by, ":\n", report->counterexample, "\n"));
  }
  switch (report->verdict) {
    case SearchVerdict::kLinearizable:
      return ExitCode::kPass;
    case SearchVerdict::kViolation:
      return ExitCode::kSafety;
    case SearchVerdict::kUnknown:
      return ExitCode::kUnknown;
  }
  return ExitCode::kSimulatorBug;
}

}  // namespace

std::string ProgramOf(const char* called) {
  const std::string name = called == nullptr ? "quorate-sim" : called;
  std::error_code error;
  if (name.find('/') == std::string::npos) return name;
  const std::filesystem::path path = std::filesystem::absolute(name, error);
  return error ? name : path.lexically_normal().string();
}

int CodeAfterFlush(ExitCode code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return static_cast<int>(code);
  Refuse("standard output cannot be written");
  return static_cast<int>(code == ExitCode::kPass ? ExitCode::kUsage : code);
}

ExitCode Refuse(const std::string& why) {
  std::fprintf(stderr, "quorate-sim: %s\n", why.c_str());
  return ExitCode::kUsage;
}

ExitCode Replay(const ReplayArgs& args, const CliWorld& world) {
  absl::StatusOr<Scenario> scenario = LoadScenario(args.path);
  if (!scenario.ok()) return Refuse(std::string(scenario.status().message()));
  const absl::Status ablated = Ablate(args.ablation, *scenario);
  if (!ablated.ok()) return Refuse(std::string(ablated.message()));
  const absl::Status apart = CheckApart({args.path}, {args.history, args.test});
  if (!apart.ok()) return Refuse(std::string(apart.message()));
  RunSettings settings;
  settings.trace = args.trace;
  settings.trace_to = args.trace ? &std::cout : nullptr;
  settings.commit = world.commit;
  settings.scenario = Render(scenario->hash);
  std::ofstream history;
  if (!args.history.empty()) {
    history.open(args.history, std::ios::binary | std::ios::trunc);
    if (!history) return Refuse(Cat(args.history, ": cannot be written"));
    settings.history_to = &history;
  }
  RecordedRun recording;
  std::ofstream test;
  if (!args.test.empty()) {
    test.open(args.test, std::ios::binary | std::ios::trunc);
    if (!test) return Refuse(Cat(args.test, ": cannot be written"));
    settings.steps = &recording;
  }
  const RunResult result =
      world.simulate(*scenario, Draw(*scenario, args.seed), args.seed, settings);
  std::cout.flush();
  if (!args.history.empty()) {
    history.close();
    if (!history) return Refuse(Cat(args.history, ": cannot be written"));
  }
  if (!args.test.empty()) {
    test << WriteEngineCase(recording);
    test.close();
    if (!test) return Refuse(Cat(args.test, ": cannot be written"));
  }
  Print(args.digest_only ? Render(result.digest) + "\n"
                         : Cat("scenario     ", scenario->file, " (", Render(scenario->hash),
                               ") seed ", args.seed, "\n", RenderResult(result)));
  if (args.verify && *args.verify != result.digest) {
    std::fprintf(
        stderr,
        "quorate-sim: the digest is %s, not %s: another scenario, another program (this is "
        "commit %s), or a run that differs from itself\n",
        Render(result.digest).c_str(), Render(*args.verify).c_str(), world.commit.c_str());
    return ExitCode::kNonDeterminism;
  }
  return CodeOf(result);
}

ExitCode Check(const CheckArgs& args) {
  ExitCode worst = ExitCode::kPass;
  for (const std::string& path : args.paths) {
    const ExitCode code = CheckOne(path, args.budget);
    if (code == ExitCode::kUsage) return code;
    if (worst == ExitCode::kPass || code == ExitCode::kSafety) worst = code;
  }
  return worst;
}

ExitCode RunCli(const std::vector<std::string>& words, const CliWorld& world) {
  const absl::StatusOr<Args> args = ParseArgs(words);
  if (!args.ok()) {
    return Refuse(std::string(args.status().message()) + "; see quorate-sim --help");
  }
  return std::visit(Match{
                        [&](const RunArgs& run) { return RunSuite(run, world); },
                        [&](const ReplayArgs& replay) { return Replay(replay, world); },
                        [&](const ShrinkArgs& shrink) { return Shrink(shrink, world); },
                        [&](const ResolveArgs& resolve) { return Resolve(resolve, world); },
                        [](const CheckArgs& check) { return Check(check); },
                        [](const MergeArgs& merge) { return MergeReports(merge); },
                        [](const SchemaArgs& schema) {
                          Print(schema.markdown ? ReferencePage() : ScenarioSchema());
                          return ExitCode::kPass;
                        },
                        [](const HelpArgs& help) {
                          const std::string text = HelpText(help.verb);
                          if (text.empty()) return Refuse(Cat("no help on \"", help.verb, "\""));
                          Print(text);
                          return ExitCode::kPass;
                        },
                        [&](const VersionArgs&) {
                          Print(VersionText(world.commit));
                          return ExitCode::kPass;
                        },
                    },
                    *args);
}

}  // namespace quorate::sim
