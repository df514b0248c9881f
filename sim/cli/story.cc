// What a shrunk failure looks like to whoever has to understand it.
#include <algorithm>
#include <sstream>

#include "sim/check/ids.h"
#include "sim/cli/outputs.h"
#include "sim/cli/shrink.h"
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

}  // namespace

std::string TellStory(const Shrunk& shrunk, const Scenario& scenario) {
  const RunConfig& config = shrunk.config;
  const Violation& violation = shrunk.violation;
  std::string text =
      Cat(violation.id, " is violated, at event ", violation.event, ":\n  ", violation.what, "\n");
  if (const auto check = CheckOf(violation.id))
    text += Cat("What should hold: ", MeaningOf(*check), ".\n");
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
  std::size_t place = 0;
  const auto need = [&] {
    const bool known = place < shrunk.needed.size() && shrunk.needed[place].has_value();
    const std::string word = !known ? "" : *shrunk.needed[place] ? "needed      " : "not needed  ";
    ++place;
    return word;
  };
  const std::string written = WriteResolved(scenario.name, "story", config);
  const std::vector<std::string> deviations = LinesOf(written, "deviations");
  if (!config.schedule.empty()) {
    text += "Faults and orders:\n";
  } else {
    text +=
        deviations.empty() ? "No faults.\n" : "No faults but those of single frames and disks.\n";
  }
  for (const ScheduleEntry& entry : config.schedule)
    text += Cat("  ", need(), WriteEntry(entry), "\n");
  if (!deviations.empty()) text += "Frames and disk operations that went another way:\n";
  for (const std::string& line : deviations) text += Cat("  ", need(), line, "\n");
  const std::vector<std::string> operations = LinesOf(written, "operations");
  text += operations.empty() ? "No operations.\n" : "Operations:\n";
  for (const std::string& line : operations) text += Cat("  ", line, "\n");
  if (!shrunk.last_lines)
    return text +
           "\nThe time was out before it was run once more: replay --trace tells what happened.\n";
  return text + Cat("\nThe last that happened (event, seconds, what):\n", *shrunk.last_lines);
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
