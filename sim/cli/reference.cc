#include "sim/cli/reference.h"

#include <map>

#include "engine/base/match.h"
#include "sim/check/ids.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/mark_table.h"
#include "sim/scenario/schedule_table.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

// What stands in a cell of a table.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

const char* FormOf(const Field& field) {
  return std::visit(
      Match{[](const PerRun&) { return "number or draw"; },
            [](const PerNodeOrLink&) { return "number or draw, for each node or link"; },
            [](const PerEvent&) { return "number, span or distribution"; },
            [](const PerEventOfEntity&) {
              return "number, span or distribution, for each node or link";
            },
            [](const YesOrNo&) { return "true or false"; },
            [](const OfScenario&) { return "number"; },
            [](const OffShare&) { return "share of runs"; },
            [](const Special&) { return "see below"; }},
      field.target);
}

std::string RangeOf(const Field& field) {
  std::string words;
  for (const auto& [word, value] : field.words)
    words += Cat(words.empty() ? "" : ", ", "\"", word, "\"");
  if (field.unit == Unit::kWord || field.low == field.high) return words;
  return Cat(Render(field.unit, field.low), " … ", Render(field.unit, field.high),
             words.empty() ? "" : ", ", words);
}

std::string FieldTables() {
  std::string text;
  std::string group;
  for (const Field& field : Fields()) {
    const std::string top = field.path.substr(0, field.path.find('.'));
    if (top != group) {
      group = top;
      text +=
          Cat("\n### ", group,
              "\n\n| key | what it may be | usual | range | meaning |\n|---|---|---|---|---|\n");
    }
    const std::string usual = field.fallback.empty() ? "" : Cat("`", Cell(field.fallback), "`");
    text += Cat("| `", field.path, "` | ", FormOf(field), " | ", usual, " | ", Cell(RangeOf(field)),
                " | ", Cell(field.help), " |\n");
  }
  return text;
}

std::string ActionTable() {
  std::string text = "| do | keys | meaning |\n|---|---|---|\n";
  for (const ActionSpec& action : ScheduleActions()) {
    std::string keys;
    for (const ActionKey& key : action.keys)
      keys += Cat(keys.empty() ? "" : ", ", "`", key.name, "`",
                  key.required ? "" : " (may be left out)");
    if (action.lasts) keys += Cat(keys.empty() ? "" : ", ", "`for`");
    text += Cat("| `", action.name, "` | ", keys, " | ", Cell(action.help), " |\n");
  }
  return text;
}

std::string MarkTable() {
  std::string text = "| mark | reached when |\n|---|---|\n";
  for (const KnownMark& mark : KnownMarks())
    text += Cat("| `", mark.name, "` | ", Cell(mark.about), " |\n");
  return text;
}

std::string CheckTable() {
  std::string text = "| check | what holds |\n|---|---|\n";
  for (std::size_t i = 0; i < kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    text += Cat("| ", IdOf(check), " | ", Cell(MeaningOf(check)), " |\n");
  }
  return text;
}

}  // namespace

std::string ReferencePage() {
  return Cat(
      "# Reference of scenarios\n\n"
      "Made by `quorate-sim schema --markdown`; a test compares the two. "
      "[simulator.md](simulator.md) explains what\n"
      "is only listed here.\n\n"
      "A *number* has its unit in its text (`\"250ms\"`, `\"20/s\"`, `\"64KiB\"`, `0.03`). A "
      "*draw* is decided once a run, or once for each "
      "node or link:\n`{\"swarm\": [lo, hi], \"scale\": \"log\", \"off\": 0.4}` or `{\"one_of\": "
      "[a, b]}`. A *span* `[lo, hi]` or a *distribution*\n"
      "`{\"dist\": \"exp\", \"mean\": \"10ms\", \"max\": \"1s\"}` (also `pareto`, `log`, "
      "`uniform`) gives a new value at every event.\n\n"
      "## Keys\n",
      FieldTables(),
      "\n## What a schedule can do\n\n"
      "An entry has `at` (a time) or `on` (a mark and the how-manieth time), `do`, and the keys of "
      "that word.\n"
      "A node is a number, `\"$leader\"` or `\"$leader:NAMESPACE\"`.\n\n",
      ActionTable(), "\n## Marks\n\n", MarkTable(), "\n## Checks\n\n", CheckTable());
}

}  // namespace quorate::sim
