// tests/sim/lin_oracle.h — is there an order? Every one is tried: so slow and so plain that it can be believed.
//
// Model: a history is a list of operations on keys, each with the lines where it was called and where it returned. It
//   is linearizable if some order of those that were told how it went, and of any others that may have happened,
//   keeps real time (who returned before another was called stands before it) and explains what was told. An
//   operation of unknown outcome stands anywhere behind its call, or nowhere; one that failed, nowhere.
//   Versions and revisions are as docs/formats.md has them: each change takes the next revision, and a version that
//   is greater than that of every change before it; not every number must be used. A register of Jepsen's etcd counts
//   the changes of its key.
// Shares no code with sim/history. Units: lines, from 0. Errors: none.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quorate::sim::oracle {

using Value = std::optional<std::string>;  // nullopt = absent

enum class Kind : std::uint8_t { kRead, kWrite, kErase, kCas, kAppend };
enum class End : std::uint8_t { kDone, kRefused, kFail, kUnknown };

inline constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

struct Op {
  std::size_t process = 0;
  Kind kind = Kind::kRead;
  std::string key;
  Value value;     // written, appended; of a write nullopt: takes the key away
  Value expected;  // of a cas
  End end = End::kUnknown;
  std::size_t call = 0;
  std::size_t ret = kNever;  // of an unknown outcome: where that was noticed, which says nothing
  // What was told, as far as the format tells it: of a read, or of what was found instead.
  std::optional<Value> seen;
  std::optional<std::uint64_t> version;  // of what was seen (0 = absent), or of what was written
  std::optional<std::uint64_t> revision;
  std::optional<std::uint64_t> nth;  // change of its key, from 1: what was made, or what was seen
};

struct State {
  struct Row {
    Value value;
    std::size_t change = 0;  // in `versions`; of an absent row none
    std::uint64_t nth = 0;
  };
  Value initial;
  std::map<std::string, Row> rows;
  std::vector<std::optional<std::uint64_t>>
      versions;  // of the changes so far; nullopt = nobody said

  const Value& ValueOf(const std::string& key) const {
    const auto row = rows.find(key);
    return row == rows.end() ? initial : row->second.value;
  }
  // Of a row that is there: what was said of its version earlier is what is said of it now.
  bool HasVersion(const std::string& key, std::uint64_t version) {
    const auto row = rows.find(key);
    if (row == rows.end() || !row->second.value) return version == 0;
    std::optional<std::uint64_t>& known = versions[row->second.change];
    if (!known) known = version;
    return *known == version;
  }
  std::uint64_t ChangesOf(const std::string& key) const {
    const auto row = rows.find(key);
    return row == rows.end() ? 0 : row->second.nth;
  }
  // Whether numbers can be found for those that nobody said.
  bool VersionsRise() const {
    std::uint64_t least = 0;  // of the next
    for (const std::optional<std::uint64_t>& version : versions) {
      least += 1;
      if (version && *version < least) return false;
      if (version) least = *version;
    }
    return true;
  }
};

// Carries `op` out; false if that is not what it was told.
inline bool Place(const Op& op, State& state) {
  const Value before = state.ValueOf(op.key);
  bool changes = false;
  switch (op.kind) {
    case Kind::kRead:
      break;
    case Kind::kWrite:
    case Kind::kAppend:
      changes = true;
      break;
    case Kind::kErase:
      changes = before.has_value();
      break;
    case Kind::kCas:
      changes = before == op.expected;
      break;
  }
  if (op.end == End::kDone && op.kind != Kind::kRead && !changes) return false;
  if (op.end == End::kRefused && changes) return false;
  if (op.seen && *op.seen != before) return false;
  if (!changes) {
    if (op.version && !state.HasVersion(op.key, *op.version)) return false;
  } else {
    const bool taken = op.kind == Kind::kErase || !op.value;
    const Value after = op.kind == Kind::kAppend ? before.value_or("") + *op.value : op.value;
    const std::uint64_t nth = state.ChangesOf(op.key) + 1;
    state.rows[op.key] = {taken ? std::nullopt : after, state.versions.size(), nth};
    state.versions.push_back(taken ? std::nullopt : op.version);
    if (taken && op.version.value_or(0) != 0) return false;
  }
  if (op.nth && *op.nth != state.ChangesOf(op.key)) return false;
  return !op.revision || *op.revision == state.versions.size();
}

class Tries {
 public:
  explicit Tries(const std::vector<Op>& ops) : ops_(ops), placed_(ops.size(), false) {}

  bool From(const State& state) {
    bool left = false;
    std::size_t first_return = kNever;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (placed_[i] || !Told(ops_[i])) continue;
      left = true;
      first_return = std::min(first_return, ops_[i].ret);
    }
    if (!left && state.VersionsRise()) return true;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (placed_[i] || ops_[i].end == End::kFail || ops_[i].call > first_return) continue;
      State next = state;
      if (!Place(ops_[i], next)) continue;
      placed_[i] = true;
      const bool found = From(next);
      placed_[i] = false;
      if (found) return true;
    }
    return false;
  }

 private:
  static bool Told(const Op& op) { return op.end == End::kDone || op.end == End::kRefused; }
  const std::vector<Op>& ops_;
  std::vector<bool> placed_;
};

// `initial`: what a key holds that was never written.
inline bool IsLinearizable(const std::vector<Op>& ops, const Value& initial) {
  State state;
  state.initial = initial;
  return Tries(ops).From(state);
}

}  // namespace quorate::sim::oracle
