// What a shrunk failure looks like to whoever has to understand it.
#include <algorithm>
#include <deque>
#include <sstream>

#include "sim/cases/writer.h"
#include "sim/check/ids.h"
#include "sim/cli/outputs.h"
#include "sim/cli/shrink.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kLastLines = 60;  // of the trace

std::string LastLines(const std::string& trace) {
  std::deque<std::string> lines;
  std::istringstream in(trace);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line.size() > 200 ? Cat(line.substr(0, 200), "…") : line);
    if (lines.size() > kLastLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += Cat("  ", line, "\n");
  return text;
}

// The lines of a written list, without what is around it.
std::vector<std::string> LinesOf(const std::string& text, std::string_view key) {
  std::vector<std::string> lines;
  const std::size_t at = text.find(Cat("\"", key, "\": ["));
  if (at == std::string::npos) return lines;
  std::istringstream in(text.substr(at));
  std::string line;
  std::getline(in, line);
  if (line.find("[]") != std::string::npos) return lines;
  while (std::getline(in, line)) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line[begin] == ']') break;
    lines.push_back(line.substr(begin, line.find_last_not_of(',') + 1 - begin));
  }
  return lines;
}

}  // namespace

std::string TellStory(const Shrunk& shrunk, const CliWorld& world, const Scenario& scenario) {
  const RunConfig& config = shrunk.config;
  std::ostringstream trace;
  RunSettings settings;
  settings.trace = true;
  settings.trace_to = &trace;
  const RunResult result = world.simulate(scenario, config, 0, settings);
  std::string text;
  if (result.violation) {
    const auto check = CheckOf(result.violation->id);
    text += Cat(result.violation->id, " is violated, at event ", result.violation->event, ":\n  ",
                result.violation->what, "\n");
    if (check) text += Cat("What should hold: ", MeaningOf(*check), ".\n");
    text += "\n";
  }
  text +=
      Cat("Shrunk from ", Render(shrunk.before), "\n         to ", Render(shrunk.size),
          "\n     with ", shrunk.tried, " runs; ",
          shrunk.finished ? "nothing smaller is known" : "the time was out before all was tried",
          "\n\n");
  std::size_t place = 0;
  const auto need = [&] {
    const bool known = place < shrunk.needed.size() && shrunk.needed[place].has_value();
    const std::string word = !known ? "" : *shrunk.needed[place] ? "needed      " : "not needed  ";
    ++place;
    return word;
  };
  text +=
      config.schedule.empty() ? "No faults but those of single frames and disks.\n" : "Faults:\n";
  for (const ScheduleEntry& entry : config.schedule)
    text += Cat("  ", need(), WriteEntry(entry), "\n");
  const std::string written = WriteResolved(scenario.name, "story", config);
  const std::vector<std::string> deviations = LinesOf(written, "deviations");
  if (!deviations.empty()) text += "Frames and disk operations that went another way:\n";
  for (const std::string& line : deviations) text += Cat("  ", need(), line, "\n");
  text += "Operations:\n";
  for (const std::string& line : LinesOf(written, "operations")) text += Cat("  ", line, "\n");
  return text + Cat("\nThe last that happened (event, seconds, what):\n", LastLines(trace.str()));
}

absl::Status WriteShrunk(const std::string& folder, const Shrunk& shrunk, const ShrinkTask& task,
                         const CliWorld& world) {
  std::ostringstream trace;
  std::ostringstream history;
  RunSettings settings;
  settings.trace = true;
  settings.trace_to = &trace;
  settings.history_to = &history;
  RecordedRun run;
  settings.steps = &run;
  settings.commit = world.commit;
  world.simulate(task.scenario, shrunk.config, 0, settings);
  run.scenario = "shrunk.json";  // beside it; it needs no seed
  const std::string about = AboutShrunk(task.scenario, task.seed, shrunk.result);
  const std::string& name = task.scenario.name;
  const std::pair<const char*, std::string> files[] = {
      {"shrunk.json", WriteResolved(NameOfResult(name, "-shrunk"), about, shrunk.config)},
      {"resolved.json",
       WriteResolved(NameOfResult(name, Cat("-", task.seed)), about, shrunk.original)},
      {"shrunk.trace.txt", trace.str()},
      {"shrunk.history.jsonl", history.str()},
      {"shrunk.engine_case.cc", WriteEngineCase(run)},
      {"story.txt", TellStory(shrunk, world, task.scenario)},
  };
  for (const auto& [file, text] : files) {
    const absl::Status status = WriteText(Cat(folder, "/", file), text);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace quorate::sim
