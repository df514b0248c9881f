// Smaller counterexamples, and their text. Each step is sound: what it leaves is a violation that the whole
// history has as well, never one that the cutting made.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/history/wgl.h"

namespace quorate::sim {
namespace {

using OpSet = std::set<std::uint32_t>;

// Tries smaller problems until the steps run out.
class Shrinker {
 public:
  Shrinker(Problem problem, std::uint64_t budget) : problem_(std::move(problem)), left_(budget) {}

  Problem Run() && {
    CutEnd();
    for (std::size_t before = 0; before != problem_.ops.size() && left_ > 0;) {
      before = problem_.ops.size();
      DropReaders();
      DropValues();
      CutEnd();
    }
    return std::move(problem_);
  }

 private:
  bool StillWrong(Problem& candidate) {
    if (left_ == 0) return false;
    const SearchResult result = Search(candidate, left_);
    left_ -= std::min(left_, result.steps + 1);
    return result.verdict == SearchVerdict::kViolation;
  }

  bool Adopt(std::vector<SearchOp> ops) {
    std::vector<SearchOp> all = std::exchange(problem_.ops, std::move(ops));
    if (StillWrong(problem_)) return true;
    problem_.ops = std::move(all);
    return false;
  }

  static bool MayWrite(const SearchOp& op) {
    return !op.writes.empty() && op.outcome != SearchOp::Outcome::kRefused;
  }

  // Linearizability is prefix-closed: whoever had not returned by `end` need not have happened.
  static std::vector<SearchOp> Until(const std::vector<SearchOp>& ops, std::uint64_t end) {
    std::vector<SearchOp> kept;
    for (const SearchOp& op : ops) {
      if (op.call > end) continue;
      kept.push_back(op);
      if (op.ret <= end) continue;
      kept.back().must = false;
      kept.back().ret = kForever;
    }
    // Of these, one that writes nothing constrains nothing.
    std::erase_if(kept, [](const SearchOp& op) { return !op.must && !MayWrite(op); });
    return kept;
  }

  void CutEnd() {
    std::vector<std::uint64_t> ends;
    for (const SearchOp& op : problem_.ops) {
      if (op.must) ends.push_back(op.ret);
    }
    std::sort(ends.begin(), ends.end());
    const std::vector<SearchOp> all = problem_.ops;
    std::size_t low = 0;
    std::size_t high = ends.size();  // the whole is wrong
    while (low < high && left_ > 0) {
      const std::size_t middle = low + (high - low) / 2;
      problem_.ops = Until(all, ends[middle]);
      if (StillWrong(problem_)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    problem_.ops = high < ends.size() ? Until(all, ends[high]) : all;
  }

  std::vector<SearchOp> Without(const OpSet& dropped) const {
    std::vector<SearchOp> kept;
    for (std::uint32_t i = 0; i < problem_.ops.size(); ++i) {
      if (!dropped.contains(i)) kept.push_back(problem_.ops[i]);
    }
    return kept;
  }

  // Who writes nothing can be left out of any order. Halves first, then ever smaller pieces.
  void DropReaders() {
    for (std::size_t size = problem_.ops.size(); size > 0 && left_ > 0; size /= 2) {
      for (std::size_t from = 0; from < problem_.ops.size() && left_ > 0;) {
        OpSet dropped;
        std::size_t at = from;
        for (; at < problem_.ops.size() && dropped.size() < size; ++at) {
          const SearchOp& op = problem_.ops[at];
          if (!MayWrite(op)) dropped.insert(static_cast<std::uint32_t>(at));
        }
        if (dropped.empty()) break;
        if (!Adopt(Without(dropped))) from = at;
      }
    }
  }

  // A value that one operation wrote may go with everyone who saw it: take them out of any order, and the
  // rest explains itself by what the cell held before. That needs every other operation on the cell to say
  // by value what it saw.
  void DropValues() {
    for (std::uint32_t i = 0; i < problem_.ops.size() && left_ > 0;) {
      OpSet dropped;
      const bool dropping =
          CanDrop(i, dropped) && dropped.size() < problem_.ops.size() && Adopt(Without(dropped));
      if (!dropping) ++i;
    }
  }

  static bool TouchesOnly(const SearchOp& op, CellId cell) {
    const auto elsewhere = [cell](const auto& part) { return part.cell != cell; };
    return std::none_of(op.tests.begin(), op.tests.end(), elsewhere) &&
           std::none_of(op.writes.begin(), op.writes.end(), elsewhere) &&
           std::none_of(op.sights.begin(), op.sights.end(), elsewhere);
  }

  // Whether an operation whose part in the cell depends on what it holds says what that was.
  static bool SaysWhatItSaw(const SearchOp& op, CellId cell) {
    bool silent = false;
    for (const CellTest& test : op.tests) {
      if (test.cell == cell) silent |= op.outcome != SearchOp::Outcome::kDone || !Names(test);
    }
    const bool sees =
        std::any_of(op.sights.begin(), op.sights.end(), [cell](const CellSight& sight) {
          return sight.cell == cell && !sight.after && sight.value.has_value();
        });
    const bool plain =
        std::all_of(op.writes.begin(), op.writes.end(), [cell](const CellWrite& write) {
          return write.cell != cell || write.kind == CellWrite::Kind::kSet;
        });
    return plain && (!silent || sees);
  }
  static bool Names(const CellTest& test) {
    return test.kind == CellTest::Kind::kValueIs || test.kind == CellTest::Kind::kVersionIs ||
           test.kind == CellTest::Kind::kIsAbsent;
  }

  // Whether `op` says that it saw what `write` wrote. A version that nobody knows may be anyone's.
  static bool Saw(const SearchOp& op, const CellWrite& write) {
    const auto version = [&](const Version& seen) {
      return seen != Version{} && (write.version == Version{} || write.version == seen);
    };
    return std::any_of(op.sights.begin(), op.sights.end(),
                       [&](const CellSight& s) {
                         return s.cell == write.cell &&
                                (s.value == write.value || (!s.value && version(s.version)));
                       }) ||
           std::any_of(op.tests.begin(), op.tests.end(), [&](const CellTest& t) {
             const bool value = t.kind == CellTest::Kind::kValueIs && t.value == write.value;
             const bool by_version = t.kind == CellTest::Kind::kVersionIs && version(t.version);
             return t.cell == write.cell && (value || by_version);
           });
  }

  bool CanDrop(std::uint32_t op, OpSet& dropped) const {
    if (!dropped.insert(op).second) return true;
    const SearchOp& writer = problem_.ops[op];
    if (!MayWrite(writer)) return true;
    if (writer.writes.size() != 1 || writer.writes[0].kind != CellWrite::Kind::kSet) return false;
    const CellId cell = writer.writes[0].cell;
    const ValueId value = writer.writes[0].value;
    if (!TouchesOnly(writer, cell) || problem_.initial == value) return false;
    for (std::uint32_t i = 0; i < problem_.ops.size(); ++i) {
      const SearchOp& other = problem_.ops[i];
      if (!SaysWhatItSaw(other, cell)) return false;
      const bool writes_it =
          std::any_of(other.writes.begin(), other.writes.end(),
                      [&](const CellWrite& w) { return w.cell == cell && w.value == value; });
      if (i != op && writes_it && other.outcome != SearchOp::Outcome::kRefused) return false;
      if (Saw(other, writer.writes[0]) && !CanDrop(i, dropped)) return false;
    }
    return true;
  }

  Problem problem_;
  std::uint64_t left_;
};

}  // namespace

Problem Shrink(Problem problem, std::uint64_t budget) {
  return Shrinker(std::move(problem), budget).Run();
}

std::string RenderCounterexample(const Problem& problem, std::uint64_t budget) {
  constexpr std::size_t kMostLines = 40;
  Problem copy = problem;
  const SearchResult result = Search(copy, budget);
  std::vector<std::uint32_t> by_call(problem.ops.size());
  for (std::uint32_t i = 0; i < by_call.size(); ++i) by_call[i] = i;
  std::sort(by_call.begin(), by_call.end(), [&](std::uint32_t a, std::uint32_t b) {
    return problem.ops[a].call < problem.ops[b].call;
  });
  std::string out = absl::StrCat(problem.name, ": no order of these ", problem.ops.size(),
                                 " operations explains every reply\n");
  const auto line = [&](std::uint32_t op) {
    absl::StrAppend(&out, "  ", problem.ops[op].text, "\n");
  };
  for (std::size_t i = 0; i < std::min(kMostLines, by_call.size()); ++i) line(by_call[i]);
  if (by_call.size() > kMostLines) {
    absl::StrAppend(&out, "  … and ", by_call.size() - kMostLines, " more\n");
  }
  if (result.stuck) {
    absl::StrAppend(&out, "  after the longest order (", result.longest.size(),
                    " operations) this one has no place:\n");
    line(*result.stuck);
  }
  return out;
}

LinearizabilityResult CheckLinearizable(std::vector<Problem> problems, std::uint64_t budget) {
  LinearizabilityResult result;
  result.components = problems.size();
  for (Problem& problem : problems) {
    const SearchResult found = Search(problem, budget);
    result.steps += found.steps;
    switch (found.verdict) {
      case SearchVerdict::kLinearizable:
        break;
      case SearchVerdict::kUnknown:
        ++result.unknown_components;
        result.verdict = SearchVerdict::kUnknown;
        break;
      case SearchVerdict::kViolation:
        result.verdict = SearchVerdict::kViolation;
        result.counterexample = RenderCounterexample(Shrink(std::move(problem), budget), budget);
        return result;
    }
  }
  return result;
}

}  // namespace quorate::sim
