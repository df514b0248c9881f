#include "sim/cli/story.h"

#include <algorithm>
#include <sstream>

#include "sim/check/ids.h"
#include "sim/cli/outputs.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

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

// More than that is read in the file beside it.
constexpr std::size_t kMostLines = 40;

std::string AndMore(std::size_t lines) {
  if (lines <= kMostLines) return "";
  return Cat("  … and ", lines - kMostLines, " more; shrunk.json has them all\n");
}

// The lines of events: a report follows them.
std::string EventsOf(const std::string& trace) {
  std::string text;
  std::istringstream in(trace);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] >= '0' && line[0] <= '9') text += line + "\n";
  }
  return text;
}

std::string TellViolation(const std::string& id, std::uint64_t event, const std::string& what) {
  std::string text = Cat(id, " is violated, at event ", event, ":\n  ", what, "\n");
  if (const auto check = CheckOf(id)) text += Cat("What should hold: ", MeaningOf(*check), ".\n");
  return text;
}

}  // namespace

std::string TellStory(const Shrunk& shrunk, const Scenario& scenario) {
  const RunConfig& config = shrunk.config;
  const Violation& violation = shrunk.violation;
  std::string text = TellViolation(violation.id, violation.event, violation.what);
  if (scenario.ignored.any()) text += Cat("Looked at with", OptionsOfShrunk(scenario), ".\n");
  text += Cat("\nShrunk from ", Render(shrunk.before), "\n");
  if (shrunk.elsewhere) {
    text += Cat("       over ", Render(shrunk.elsewhere->size), "\n            (another run of ",
                scenario.name, ", by seed ", shrunk.elsewhere->seed,
                " and in tighter limits, which fails in the same way)\n");
  }
  text +=
      Cat("         to ", Render(shrunk.size), "\n     with ", shrunk.tried, " runs; ",
          shrunk.finished ? "nothing smaller is known" : "the time was out before all was tried",
          "\n\n");
  const auto need = [&](std::size_t place) -> std::string {
    const bool known = place < shrunk.needed.size() && shrunk.needed[place].has_value();
    return !known ? "" : *shrunk.needed[place] ? "needed      " : "not needed  ";
  };
  const std::string written = WriteResolved(scenario.name, "story", config);
  const std::vector<std::string> deviations = LinesOf(written, "deviations");
  if (!config.schedule.empty()) {
    text += "Faults and orders:\n";
  } else {
    text +=
        deviations.empty() ? "No faults.\n" : "No faults but those of single frames and disks.\n";
  }
  const std::size_t faults = config.schedule.size();
  for (std::size_t i = 0; i < std::min(faults, kMostLines); ++i)
    text += Cat("  ", need(i), WriteEntry(config.schedule[i]), "\n");
  text += AndMore(faults);
  if (!deviations.empty()) text += "Frames and disk operations that went another way:\n";
  for (std::size_t i = 0; i < std::min(deviations.size(), kMostLines); ++i)
    text += Cat("  ", need(faults + i), deviations[i], "\n");
  text += AndMore(deviations.size());
  const std::vector<std::string> operations = LinesOf(written, "operations");
  text += operations.empty() ? "No operations.\n" : "Operations:\n";
  for (std::size_t i = 0; i < std::min(operations.size(), kMostLines); ++i)
    text += Cat("  ", operations[i], "\n");
  text += AndMore(operations.size());
  if (!shrunk.last_lines)
    return text +
           "\nThe time was out before it was run once more: replay --trace tells what happened.\n";
  return text + Cat("\nThe last that happened (event, seconds, what):\n", *shrunk.last_lines);
}

std::string TellUnshrunk(const Finding& finding, const std::string& replay,
                         const std::string& trace) {
  const bool violated =
      finding.severity == Severity::kSafety || finding.severity == Severity::kLiveness;
  std::string text = violated ? TellViolation(finding.checker, finding.event, finding.what)
                              : Cat(finding.checker, ": ", finding.what, "\n");
  text +=
      Cat("\nNot made smaller: this is the run as it was, and this repeats it:\n  ", replay, "\n");
  const std::string lines = LastLinesOf(EventsOf(trace));
  if (lines.empty()) return text + "\nIt left no trace.\n";
  return text + Cat("\nThe last that happened (event, seconds, what):\n", lines);
}

absl::Status WriteShrunk(const ShrinkTask& task, const Shrunk& shrunk) {
  const std::string about = AboutShrunk(task.scenario, task.seed, shrunk.violation);
  const std::string& name = task.scenario.name;
  const std::pair<const char*, std::string> files[] = {
      {"shrunk.json", WriteResolved(NameOfResult(name, "-shrunk"), about, shrunk.config)},
      {"resolved.json",
       WriteResolved(NameOfResult(name, Cat("-", task.seed)), about, shrunk.original)},
      {"story.txt", TellStory(shrunk, task.scenario)},
  };
  for (const auto& [file, text] : files) {
    const absl::Status status = WriteText(Cat(task.folder, "/", file), text);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace quorate::sim
