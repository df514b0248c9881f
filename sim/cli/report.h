// sim/cli/report.h — a summary as text, JSON and JUnit.
//
// Model: pure functions of a summary; nothing in them depends on real time or on how many workers
//   there were.
#pragma once
#include <cstdint>
#include <string>

#include "sim/cli/summary.h"

namespace quorate::sim {

// The command that repeats one run, in any folder; behind it, as a shell's comment, of which program and which
// text of the scenario that is true.
std::string ReplayLine(const Summary& summary, const Finding& finding);
// One line: verdict, checker, what, file, seed, and the command that repeats it.
std::string Render(const Summary& summary, const Finding& finding);

// What --quiet leaves of the table: failures and missed gates, a line each; empty if there are none.
std::string RenderBrief(const Summary& summary);
// The table. `first_seed` is where the seeds of the suite began.
std::string RenderTable(const Summary& summary, std::uint64_t first_seed);
// Everything of one run, for `replay`.
std::string RenderResult(const RunResult& result);

std::string RenderJson(const Summary& summary, std::uint64_t first_seed);
std::string RenderJUnit(const Summary& summary);

// How many of something in a second, and how long it took: of spans in milliseconds.
std::uint64_t PerSecond(std::uint64_t count, std::uint64_t ms);

// 1234567 → "1 234 567".
std::string Grouped(std::uint64_t number);
// 3723000000000 → "1 h 2 min 3 s".
std::string RenderSpan(std::int64_t ns);

}  // namespace quorate::sim
