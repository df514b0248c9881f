#include "sim/cli/twins.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cli/child.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostOfALine = 300;

// What glibc puts into memory that is handed out or given back; never 0, which would mean "leave it".
std::string FillOf(std::uint64_t seed) { return std::to_string(1 + seed % 254); }

absl::StatusOr<ChildResult> Replay(const TwinOf& run, const char* option, std::string fill) {
  std::vector<std::string> words = {
      run.program, "replay", run.file, "--seed", std::to_string(run.seed), option};
  words.insert(words.end(), run.options.begin(), run.options.end());
  return RunChild(words, {run.limit_s, {{"MALLOC_PERTURB_", std::move(fill)}}, ""});
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string Shown(std::string_view line) {
  if (line.empty()) return "nothing";
  const bool cut = line.size() > kMostOfALine;
  return Cat("\"", line.substr(0, kMostOfALine), cut ? "…\"" : "\"");
}

// The number of the event that a line of a trace belongs to; empty if it belongs to none.
std::string_view EventOf(std::string_view line) {
  const std::string_view number = line.substr(0, line.find(' '));
  const bool digits = !number.empty() && std::all_of(number.begin(), number.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  return digits ? number : std::string_view();
}

}  // namespace

std::string CompareTraces(std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    const std::string_view a = TakeLine(first);
    const std::string_view b = TakeLine(second);
    if (a == b) continue;
    const std::string_view event = EventOf(a).empty() ? EventOf(b) : EventOf(a);
    if (event.empty()) return "two more runs differ, though their traces read the same";
    return Cat("event ", event, " is the first to differ: ", Shown(a), " and ", Shown(b));
  }
  return "two more runs in fresh processes are equal: what the process had done before made the "
         "difference";
}

absl::StatusOr<std::string> DigestOfTwin(const TwinOf& run) {
  const absl::StatusOr<ChildResult> twin = Replay(run, "--digest", FillOf(run.seed));
  if (!twin.ok()) return twin.status();
  return twin->out.substr(0, twin->out.find('\n'));
}

std::string FirstDifference(const TwinOf& run) {
  // Fills that have no bit in common.
  const absl::StatusOr<ChildResult> first = Replay(run, "--trace", "85");
  const absl::StatusOr<ChildResult> second = Replay(run, "--trace", "170");
  if (!first.ok()) return std::string(first.status().message());
  if (!second.ok()) return std::string(second.status().message());
  return CompareTraces(first->out, second->out);
}

}  // namespace quorate::sim
