#include "sim/history/wgl.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/base/check.h"
#include "engine/base/prf.h"

namespace quorate::sim {
namespace {

struct Hash {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  friend bool operator==(const Hash&, const Hash&) = default;
  void Toggle(const Hash& other) {
    a ^= other.a;
    b ^= other.b;
  }
};

// Exclusive-or of one number per member: adding and taking away are the same cheap step (Zobrist).
Hash HashOfOp(std::uint32_t op) { return {Mix(0x51ed270b, op), Mix(0x2545f491, op)}; }

struct Cell {
  ValueId value = kAbsent;
  Version version;  // {} if absent, or not known
};

Hash HashOfCell(CellId id, const Cell& cell) {
  const std::uint64_t place = Mix(id, cell.value);
  const std::uint64_t version = Mix(cell.version.era, cell.version.ord) ^ cell.version.origin;
  return {Mix(place, version), Mix(place ^ 0xda942042e4dd58b5u, version)};
}

// A set of hashes that only grows. Open addressing; all zero = free.
class Memory {
 public:
  Memory() : slots_(1024) {}

  // False if it was there already.
  bool Insert(Hash hash) {
    if (hash == Hash{}) hash.a = 1;
    if (2 * (size_ + 1) > slots_.size()) Grow();
    return Place(hash, slots_);
  }

 private:
  bool Place(const Hash& hash, std::vector<Hash>& slots) {
    const std::size_t mask = slots.size() - 1;
    for (std::size_t at = hash.a & mask;; at = (at + 1) & mask) {
      if (slots[at] == hash) return false;
      if (!(slots[at] == Hash{})) continue;
      slots[at] = hash;
      ++size_;
      return true;
    }
  }
  void Grow() {
    std::vector<Hash> wider(slots_.size() * 2);
    size_ = 0;
    for (const Hash& hash : slots_) {
      if (!(hash == Hash{})) Place(hash, wider);
    }
    slots_ = std::move(wider);
  }

  std::vector<Hash> slots_;
  std::size_t size_ = 0;
};

// The cells, with a way back.
class Machine {
 public:
  explicit Machine(Problem& problem) : problem_(problem) {
    cells_.resize(problem.cells);
    for (CellId id = 0; id < problem.cells; ++id) {
      if (problem.initial) cells_[id].value = *problem.initial;
      hash_.Toggle(HashOfCell(id, cells_[id]));
    }
  }

  const Hash& hash() const { return hash_; }
  std::size_t Position() const { return changes_.size(); }

  // Carries `op` out if its reply can be explained here; else leaves everything as it is.
  bool Try(const SearchOp& op) {
    const std::size_t before = Position();
    if (TryHere(op)) return true;
    BackTo(before);
    return false;
  }
  void BackTo(std::size_t position) {
    while (changes_.size() > position) {
      Replace(changes_.back().cell, changes_.back().was);
      changes_.pop_back();
    }
  }

 private:
  enum class Truth : std::uint8_t { kNo, kMaybe, kYes };
  struct Change {
    CellId cell;
    Cell was;
  };

  bool TryHere(const SearchOp& op) {
    Truth all = Truth::kYes;
    for (const CellTest& test : op.tests) all = std::min(all, Holds(test));
    if (op.outcome == SearchOp::Outcome::kDone && all == Truth::kNo) return false;
    if (op.outcome == SearchOp::Outcome::kRefused && all == Truth::kYes) return false;
    for (const CellSight& sight : op.sights) {
      if (!sight.after && !Sees(sight)) return false;
    }
    const bool writes = op.outcome == SearchOp::Outcome::kDone ||
                        (op.outcome == SearchOp::Outcome::kEither && all != Truth::kNo);
    if (!writes) return true;
    for (const CellWrite& write : op.writes) {
      if (!Write(write)) return false;
    }
    for (const CellSight& sight : op.sights) {
      if (sight.after && !Sees(sight)) return false;
    }
    return true;
  }

  Truth Holds(const CellTest& test) {
    const Cell& cell = cells_[test.cell];
    const auto truth = [](bool yes) { return yes ? Truth::kYes : Truth::kNo; };
    switch (test.kind) {
      case CellTest::Kind::kIsAbsent:
        return truth(cell.value == kAbsent);
      case CellTest::Kind::kIsPresent:
        return truth(cell.value != kAbsent);
      case CellTest::Kind::kValueIs:
        return truth(cell.value == test.value);
      case CellTest::Kind::kVersionIs:
        if (cell.value != kAbsent && cell.version == Version{}) return Truth::kMaybe;
        return truth(cell.version == test.version);
      case CellTest::Kind::kCanAdd:
        return truth(problem_.values.Add(cell.value, test.by).has_value());
    }
    UNREACHABLE("closed list");
  }

  // A version seen of a row whose writer nobody heard from is that row's version from then on.
  bool Sees(const CellSight& sight) {
    const Cell cell = cells_[sight.cell];
    if (sight.value && *sight.value != cell.value) return false;
    if (sight.version == Version{} || sight.version == cell.version) return true;
    if (cell.value == kAbsent || cell.version != Version{}) return false;
    Set(sight.cell, {cell.value, sight.version});
    return true;
  }

  bool Write(const CellWrite& write) {
    const ValueId old = cells_[write.cell].value;
    switch (write.kind) {
      case CellWrite::Kind::kSet:
        Set(write.cell, {write.value, write.version});
        return true;
      case CellWrite::Kind::kErase:
        Set(write.cell, {});
        return true;
      case CellWrite::Kind::kAppend:
        Set(write.cell, {problem_.values.Append(old, write.value), write.version});
        return true;
      case CellWrite::Kind::kAdd: {
        const std::optional<ValueId> sum = problem_.values.Add(old, write.by);
        if (sum) Set(write.cell, {*sum, write.version});
        return sum.has_value();
      }
    }
    UNREACHABLE("closed list");
  }

  void Set(CellId id, const Cell& cell) {
    changes_.push_back({id, cells_[id]});
    Replace(id, cell);
  }
  void Replace(CellId id, const Cell& cell) {
    hash_.Toggle(HashOfCell(id, cells_[id]));
    cells_[id] = cell;
    hash_.Toggle(HashOfCell(id, cell));
  }

  Problem& problem_;
  std::vector<Cell> cells_;
  std::vector<Change> changes_;
  Hash hash_;
};

// Calls and returns by time in a doubly linked list: what was placed is lifted out, and put back in the
// reverse order.
class Timeline {
 public:
  static constexpr std::uint32_t kEnd = 0;

  explicit Timeline(const std::vector<SearchOp>& ops) {
    struct Event {
      std::uint64_t at;
      bool returns;
      std::uint32_t op;
    };
    std::vector<Event> events;
    for (std::uint32_t op = 0; op < ops.size(); ++op) {
      events.push_back({ops[op].call, false, op});
      if (ops[op].must) events.push_back({ops[op].ret, true, op});
    }
    // Intervals are closed: of one moment, calls come before returns.
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      if (a.at != b.at) return a.at < b.at;
      if (a.returns != b.returns) return b.returns;
      return a.op < b.op;
    });
    nodes_.resize(events.size() + 1);
    return_of_.assign(ops.size(), kEnd);
    for (std::uint32_t i = 0; i < events.size(); ++i) {
      nodes_[i + 1] = {events[i].op, events[i].returns, i, i + 2};
      if (events[i].returns) return_of_[events[i].op] = i + 1;
    }
    nodes_.back().next = kEnd;
    nodes_.front().next = nodes_.size() > 1 ? 1 : kEnd;
  }

  std::uint32_t First() const { return nodes_.front().next; }
  std::uint32_t After(std::uint32_t node) const { return nodes_[node].next; }
  bool Returns(std::uint32_t node) const { return nodes_[node].returns; }
  std::uint32_t OpOf(std::uint32_t node) const { return nodes_[node].op; }

  void Lift(std::uint32_t call) {
    Unlink(call);
    if (const std::uint32_t end = return_of_[nodes_[call].op]; end != kEnd) Unlink(end);
  }
  void PutBack(std::uint32_t call) {
    if (const std::uint32_t end = return_of_[nodes_[call].op]; end != kEnd) Relink(end);
    Relink(call);
  }

 private:
  struct Node {
    std::uint32_t op = 0;
    bool returns = false;
    std::uint32_t previous = kEnd;
    std::uint32_t next = kEnd;
  };
  void Unlink(std::uint32_t node) {
    nodes_[nodes_[node].previous].next = nodes_[node].next;
    if (nodes_[node].next != kEnd) nodes_[nodes_[node].next].previous = nodes_[node].previous;
  }
  void Relink(std::uint32_t node) {
    nodes_[nodes_[node].previous].next = node;
    if (nodes_[node].next != kEnd) nodes_[nodes_[node].next].previous = node;
  }

  std::vector<Node> nodes_;  // [0] stands before the first and behind the last
  std::vector<std::uint32_t> return_of_;
};

std::optional<std::int64_t> NumberIn(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

// ---- values -------------------------------------------------------------------------------------------

ValueId ValueTable::Intern(std::string_view text) {
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  REQUIRE(texts_.size() < std::numeric_limits<ValueId>::max());
  const ValueId id = static_cast<ValueId>(texts_.size());
  texts_.emplace_back(text);
  ids_.emplace(text, id);
  return id;
}

ValueId ValueTable::Append(ValueId base, ValueId suffix) {
  const auto known = appended_.find({base, suffix});
  if (known != appended_.end()) return known->second;
  const ValueId id = Intern(texts_[base] + texts_[suffix]);
  appended_.emplace(std::pair(base, suffix), id);
  return id;
}

std::optional<ValueId> ValueTable::Add(ValueId base, std::int64_t by) {
  const auto number = base == kAbsent ? std::optional<std::int64_t>(0) : NumberIn(texts_[base]);
  if (!number) return std::nullopt;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, by, &sum)) return std::nullopt;
  return Intern(std::to_string(sum));
}

const char* NameOf(SearchVerdict verdict) {
  switch (verdict) {
    case SearchVerdict::kLinearizable:
      return "linearizable";
    case SearchVerdict::kViolation:
      return "violation";
    case SearchVerdict::kUnknown:
      return "unknown";
  }
  UNREACHABLE("closed list");
}

// ---- the search ---------------------------------------------------------------------------------------

SearchResult Search(Problem& problem, std::uint64_t budget) {
  const std::vector<SearchOp>& ops = problem.ops;
  Machine machine(problem);
  Timeline timeline(ops);
  Memory memory;
  struct Placed {
    std::uint32_t call;
    std::size_t position;  // of the machine before it
  };
  std::vector<Placed> order;
  Hash placed;  // which operations are in `order`
  std::uint64_t left = 0;
  for (const SearchOp& op : ops) {
    REQUIRE(op.call < op.ret);
    if (op.must) ++left;
  }

  SearchResult result;
  result.verdict = SearchVerdict::kLinearizable;
  std::uint32_t at = timeline.First();
  while (left > 0) {
    // Some operation that must return has not been placed, so a return stands ahead.
    INVARIANT(at != Timeline::kEnd);
    const std::uint32_t op = timeline.OpOf(at);
    if (!timeline.Returns(at)) {
      if (++result.steps > budget) {
        result.verdict = SearchVerdict::kUnknown;
        break;
      }
      const std::size_t position = machine.Position();
      bool taken = machine.Try(ops[op]);
      if (taken) {
        placed.Toggle(HashOfOp(op));
        Hash state = placed;
        state.Toggle(machine.hash());
        taken = memory.Insert(state);
        if (!taken) {
          placed.Toggle(HashOfOp(op));
          machine.BackTo(position);
        }
      }
      if (!taken) {
        at = timeline.After(at);
        continue;
      }
      order.push_back({at, position});
      timeline.Lift(at);
      if (ops[op].must) --left;
      at = timeline.First();
      continue;
    }
    // What returns here has to be placed before, and could not be.
    if (order.size() >= result.longest.size()) {
      result.longest.clear();
      for (const Placed& step : order) result.longest.push_back(timeline.OpOf(step.call));
      result.stuck = op;
    }
    if (order.empty()) {
      result.verdict = SearchVerdict::kViolation;
      break;
    }
    const Placed last = order.back();
    order.pop_back();
    const std::uint32_t undone = timeline.OpOf(last.call);
    machine.BackTo(last.position);
    placed.Toggle(HashOfOp(undone));
    timeline.PutBack(last.call);
    if (ops[undone].must) ++left;
    at = timeline.After(last.call);
  }
  if (result.verdict == SearchVerdict::kLinearizable) {
    result.longest.clear();
    for (const Placed& step : order) result.longest.push_back(timeline.OpOf(step.call));
    result.stuck.reset();
  }
  return result;
}

}  // namespace quorate::sim
