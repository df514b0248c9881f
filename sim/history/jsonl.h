// sim/history/jsonl.h — the written form of our own histories: one JSON object a line.
//
// Model: the first line is a header {"quorate_history":1,"seed":…,"commit":…,"scenario":…,"events":N}. Each of the N
//   others is one event; the order of the lines is the order of the history. A header that somebody wrote by hand may
//   leave `events` out; then a file that was cut off between two lines cannot be told from a whole one.
//     {"i":event,"t":ns,"p":process,"ty":"invoke|ok|fail|info","f":"get|scan|put|pia|del|cas|casv|incr|batch|
//      open","ns":group,"s":session,"q":seq, …arguments…}
//   and, of an ok, "st" status, "rev", "rows", "next", "w":{"era":…,"index":…} and "node".
//   A string holds bytes: each byte is one code point below 256, so any key or value survives.
// Errors: InvalidArgument "line N: …" for the first line that is not what it should be; a file that was cut
//   off, in the middle of a line or between two, is one of these.
// Stored: do not rename fields.
#pragma once
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/history/history.h"

namespace quorate::sim {

// Ends with a newline.
std::string WriteHistory(const History& history);
absl::StatusOr<History> ReadHistory(std::string_view text);

}  // namespace quorate::sim
