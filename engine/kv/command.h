// engine/kv/command.h — what a client can ask of a namespace, and what it is told.
//
// Model: `Command` changes rows and goes through the log; `Query` only reads. Each `Reply` carries the
//   namespace's revision at which it was evaluated, and the version of each row it speaks of: of absent
//   keys (version {}) and of refused compare-and-sets too, so that every reply says what it saw. Replies
//   of kTooBig, kMalformed and kSessionUnknown speak of no row.
// The reply to a *retry* is that to the first one, byte by byte. Of a large one that its session has no room for
// any more (KvLimits::session_window_bytes) status and revision are left, and no rows.
// A row's version in a strong namespace is {era, ord = Raft index of the write, origin = 0}; the first era
//   is 0. Writing the value that is there already is a write like any other.
// Revision: u64 a namespace, + 1 for each applied command that changed at least one row; never falls.
// Errors: `Status` in the reply; a refused command changes nothing and does not raise the revision.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/base/strong.h"

namespace quorate {

struct Version {
  std::uint32_t era = 0;
  std::uint64_t ord = 0;     // strong era: Raft index. 0 with era 0 = "no such row"
  std::uint16_t origin = 0;  // strong era: 0
  friend constexpr auto operator<=>(const Version&, const Version&) = default;
};

struct Row {
  Version version;
  std::uint64_t expiry_ms = 0;  // 0 = never
  std::uint32_t flags = 0;
  std::string value;
  friend bool operator==(const Row&, const Row&) = default;
};

// Writes the row. kOk: the row with its new version.
struct Put {
  std::string key;
  std::string value;
  friend bool operator==(const Put&, const Put&) = default;
};
// kOk: the row with its new version. kConditionFailed: the row found, with its value.
struct PutIfAbsent {
  std::string key;
  std::string value;
  friend bool operator==(const PutIfAbsent&, const PutIfAbsent&) = default;
};
// kOk: the key was there and is absent now. kNotFound: nothing was changed. Either way the row is {}.
struct Delete {
  std::string key;
  friend bool operator==(const Delete&, const Delete&) = default;
};
// nullopt as expectation: the key must be absent.
// kOk: the row with its new version. kConditionFailed: the row found, with its value; absent: {}.
struct CasValue {
  std::string key;
  std::optional<std::string> expected;
  std::string value;
  friend bool operator==(const CasValue&, const CasValue&) = default;
};
// As CasValue; {} as expectation: the key must be absent.
struct CasVersion {
  std::string key;
  Version expected;
  std::string value;
  friend bool operator==(const CasVersion&, const CasVersion&) = default;
};
// The value is a decimal signed 64-bit number; absent counts as 0.
// kOk: the row with its new version *and value*. kNotANumber: the row found, with its value.
struct Increment {
  std::string key;
  std::int64_t by = 0;
  friend bool operator==(const Increment&, const Increment&) = default;
};

// All conditions hold on the state before: then all writes are made, in order. Else nothing is.
// kOk: a row for each write, in order: its new version, {} for a delete (of an absent key too).
// kConditionFailed: the row found for each condition that does not hold, in order; values are left out
// (version kept) once they add up to max_range_bytes.
// The revision rises by one if any write wrote a row or deleted one that was there at its turn.
struct Condition {
  std::string key;
  std::variant<std::monostate /* absent */, Version, std::string /* value */> must_be;
  friend bool operator==(const Condition&, const Condition&) = default;
};
struct BatchWrite {
  std::string key;
  std::optional<std::string> value;  // nullopt = delete
  friend bool operator==(const BatchWrite&, const BatchWrite&) = default;
};
struct Batch {
  std::vector<Condition> conditions;
  std::vector<BatchWrite> writes;
  friend bool operator==(const Batch&, const Batch&) = default;
};

using Command = std::variant<Put, PutIfAbsent, Delete, CasValue, CasVersion, Increment, Batch>;

// kOk: the row with its value. kNotFound: the row {}.
struct Get {
  std::string key;
  friend bool operator==(const Get&, const Get&) = default;
};
// Rows with from <= key < to (`to` empty = to the end), at most `limit` (0 = the namespace's limit).
// kOk, always; a continuation exactly if a further row of the range is there.
struct Range {
  std::string from;
  std::string to;
  std::uint64_t limit = 0;
  friend bool operator==(const Range&, const Range&) = default;
};
using Query = std::variant<Get, Range>;

enum class ReplyStatus : std::uint8_t {  // stored: do not renumber
  kOk = 1,
  kNotFound = 2,  // Get, Delete of an absent key
  kConditionFailed =
      3,            // compare-and-set, put-if-absent, batch: `rows` shows what was found instead
  kNotANumber = 4,  // Increment of a value that is none, or an overflow
  kTooBig = 5,      // a limit of KvLimits; nothing was changed
  kMalformed = 6,   // not a command; nothing was changed, and the session was not used
  kSessionUnknown =
      7,  // evicted, never opened, or behind the window: refused, not applied by this entry
};

struct ReplyRow {
  std::string key;
  Version version;                   // {} = absent
  std::optional<std::string> value;  // nullopt = absent, or (after a write) not repeated
  friend bool operator==(const ReplyRow&, const ReplyRow&) = default;
};

struct KvReply {
  ReplyStatus status = ReplyStatus::kOk;
  Revision revision;                        // at which it was evaluated; of a write: after it
  std::vector<ReplyRow> rows;               // the rows written, read, or found instead
  std::optional<std::string> continuation;  // Range: the key to go on from
  friend bool operator==(const KvReply&, const KvReply&) = default;
};

// Stored (in log entries and session windows): do not change the layouts. Decoding refuses what is cut off,
// has bytes left over, or names an alternative that there is not.
std::string EncodeCommand(const Command& command);
absl::StatusOr<Command> DecodeCommand(std::string_view bytes);
std::string EncodeQuery(const Query& query);
absl::StatusOr<Query> DecodeQuery(std::string_view bytes);
std::string EncodeReply(const KvReply& reply);
absl::StatusOr<KvReply> DecodeReply(std::string_view bytes);

const char* NameOf(ReplyStatus status);
std::string Render(const Command& command);
std::string Render(const Query& query);
std::string Render(const KvReply& reply);

}  // namespace quorate
