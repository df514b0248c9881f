// sim/history/evidence.h — what the operations of one namespace say about its keys.
//
// Model: each reply is taken apart into statements about single keys, each with its position in the order that
//   revisions give: what was written, what was seen, what was found absent, and what must have held just
//   before a write. What an operation says against itself (a refusal without a reason, a row out of range)
//   is found here; contradictions between operations are the version check's.
//   Operations of unknown outcome say nothing, they only excuse.
// Errors: none; the first finding stays.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/history/history.h"
#include "sim/history/version_check.h"

namespace quorate::sim {

// A place in the order that the replies show: a change that made revision r stands at 2r, what was
// evaluated at revision r at 2r + 1.
using Position = std::uint64_t;

inline Position ChangeAt(Revision revision) { return 2 * revision.value(); }
inline Position EvaluatedAt(Revision revision) { return 2 * revision.value() + 1; }
inline Position JustBefore(Revision revision) { return 2 * revision.value() - 1; }

// Something that an operation says about one key.
struct Evidence {
  enum class Kind : std::uint8_t {
    kPut,  // wrote version and value
    kErased,
    kSeen,       // version; and value unless it was left out
    kSeenValue,  // value, of whatever version
    kSeenSome,   // a row, of whatever version and value
    kSeenAbsent,
  };
  Position position = 0;
  Kind kind = Kind::kSeen;
  std::size_t op = 0;
  Version version;
  std::optional<std::string> value;
  std::optional<std::int64_t> added;  // kPut: the value is the one before plus this

  bool writes() const { return kind == Kind::kPut || kind == Kind::kErased; }
};

// The decimal number that a value is, if it is one.
std::optional<std::int64_t> NumberIn(const std::string& text);

// What operations of unknown outcome may have done to a key.
struct Excuses {
  std::set<std::string> values;
  bool any_number = false;  // an increment
  bool erased = false;
  bool any() const { return any_number || erased || !values.empty(); }
  bool MayHavePut(const std::optional<std::string>& value) const {
    if (!value) return any_number || !values.empty();
    return values.contains(*value) || (any_number && NumberIn(*value).has_value());
  }
};

// Whether an operation made a revision.
enum class Change : std::uint8_t { kNone, kSure, kPerhaps };

// Requires: the operation is ok.
Change ChangeOf(const Operation& op);
// Of a command: its retry was told how it went, and neither what was written nor what was found.
bool IsWithoutRows(const Operation& op);
bool IsTold(const Operation& op);   // ok, and not the opening of a session
bool IsStale(const Operation& op);  // a read marked so

class EvidenceBook {
 public:
  // `history` and `counts` must outlive the book.
  EvidenceBook(const History& history, VersionCheckCounts& counts)
      : history_(history), counts_(counts) {}

  // All operations of one group, as positions in the history. Requires: called once.
  void Collect(const std::vector<std::size_t>& members);

  const Operation& op(std::size_t at) const { return history_.operations[at]; }
  const KvReply& reply(std::size_t at) const { return op(at).completion->reply; }
  std::map<std::string, std::vector<Evidence>>& evidence() { return evidence_; }
  const Excuses& ExcusesOf(const std::string& key) { return excuses_[key]; }

  // Keeps the first.
  void Find(std::string rule, const std::string& why, std::size_t a, std::size_t b);
  const std::optional<VersionFinding>& found() const { return found_; }

 private:
  void Excuse(const Command& command);
  void CollectKeys(std::size_t at);
  void Say(const std::string& key, Evidence evidence);
  void SayRow(std::size_t at, Position position, const ReplyRow& row);
  void SayAbsent(std::size_t at, Position position, const std::string& key);
  void SaySome(std::size_t at, Position position, const std::string& key);
  void SayValue(std::size_t at, Position position, const std::string& key,
                const std::string& value);
  void SayVersion(std::size_t at, Position position, const std::string& key,
                  const Version& version);
  void CollectOne(std::size_t at);
  void CollectRead(std::size_t at, const Read& read);
  void CollectScan(std::size_t at, const Range& range, Position position);
  void CollectRefused(std::size_t at, const Command& command);
  static bool Fails(const Condition& condition, const ReplyRow& row);
  static bool HadReason(const Command& command, const ReplyRow& row);
  void CollectWrite(std::size_t at, const Command& command);
  void CollectBatch(std::size_t at, const Batch& batch);

  const History& history_;
  VersionCheckCounts& counts_;
  std::map<std::string, std::vector<Evidence>> evidence_;
  std::map<std::string, Excuses> excuses_;
  std::optional<VersionFinding> found_;
};

}  // namespace quorate::sim
