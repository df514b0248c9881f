// sim/history/foreign.h — operations of histories that others recorded, on their way to a search problem.
//
// Model: readers tell invocations and returns in the order of the file; each key becomes a problem of one cell.
//   A versioned register counts its changes from 0, as in Jepsen's etcd: each write that takes effect makes the next
//   version, and a read says which one it saw. The count is a second cell.
// Errors: InvalidArgument "line N: …" for a process with two operations open, or none, or one that returns from
//   something else than it asked for.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sim/history/wgl.h"

namespace quorate::sim {

inline absl::Status WrongLine(std::size_t line, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", why));
}
// Whatever stands in a file, on one line.
inline std::string OneLine(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string out;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&out, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      out.push_back(c);
    }
  }
  return text.size() > kLongest ? out + "…" : out;
}

// What was asked for in one of the foreign formats.
struct ForeignCall {
  enum class Kind : std::uint8_t { kRead, kWrite, kCas, kAppend };
  Kind kind = Kind::kRead;
  std::optional<std::string> value;     // written, appended
  std::optional<std::string> expected;  // of a cas
};

enum class ForeignEnd : std::uint8_t {
  kDone,
  kRefused,  // a cas that was compared and did not match
  kNeverHappened,
  kUnknown,
};

struct ForeignReply {
  ForeignEnd end = ForeignEnd::kDone;
  std::optional<std::string> seen;       // of a read that is done
  std::optional<std::uint64_t> version;  // of what was seen or written, if that was told
};

struct ForeignRules {
  std::optional<std::string> initial;  // what a key never written holds; nullopt = absent
  bool versioned = false;
};

// Operations by process, and a problem for each key.
class Foreign {
 public:
  explicit Foreign(ForeignRules rules) : rules_(std::move(rules)) {}

  absl::Status Invoke(std::size_t line, const std::string& process, const std::string& key,
                      ForeignCall call) {
    if (!open_.emplace(process, Pending{key, std::move(call), next_++}).second) {
      return WrongLine(line, absl::StrCat("process ", process, " has an operation open"));
    }
    ++calls_;
    return absl::OkStatus();
  }

  bool IsOpen(const std::string& process) const { return open_.contains(process); }
  // Requires: it is open.
  const ForeignCall& OpenCall(const std::string& process) const { return open_.at(process).call; }
  const std::string& OpenKey(const std::string& process) const { return open_.at(process).key; }

  // `kind`: what the line says that was asked for.
  absl::Status Return(std::size_t line, const std::string& process, ForeignCall::Kind kind,
                      const ForeignReply& reply) {
    const auto open = open_.find(process);
    if (open == open_.end()) {
      return WrongLine(line, absl::StrCat("process ", process, " has no operation open"));
    }
    if (open->second.call.kind != kind) {
      return WrongLine(line, absl::StrCat("process ", process, " returns from a ", NameOf(kind),
                                          ", but asked for a ", NameOf(open->second.call.kind)));
    }
    Add(process, open->second, reply, next_++);
    open_.erase(open);
    return absl::OkStatus();
  }

  // What is still open never returned. Nobody having asked for anything is a mistake of whoever hands the file in;
  // nobody having been told anything is not.
  absl::StatusOr<std::vector<Problem>> Finish() && {
    if (calls_ == 0) return WrongLine(1, "no operations");
    for (const auto& [process, pending] : open_) {
      Add(process, pending, {ForeignEnd::kUnknown, std::nullopt, std::nullopt}, kForever);
    }
    std::vector<Problem> problems;
    for (auto& [key, problem] : problems_) problems.push_back(std::move(problem));
    return problems;
  }

 private:
  struct Pending {
    std::string key;
    ForeignCall call;
    std::uint64_t at = 0;
  };

  Problem& ProblemOf(const std::string& key) {
    const auto [found, is_new] = problems_.try_emplace(key);
    Problem& problem = found->second;
    if (is_new) {
      problem.name = key.empty() ? std::string("the register") : absl::StrCat("key ", OneLine(key));
      problem.cells = rules_.versioned ? 2 : 1;
      if (rules_.initial) problem.initial = problem.values.Intern(*rules_.initial);
    }
    return problem;
  }

  static ValueId ValueOf(Problem& problem, const std::optional<std::string>& value) {
    return value ? problem.values.Intern(*value) : kAbsent;
  }

  // What is done to the count of changes, and what was told of it.
  void AddVersion(Problem& problem, const ForeignReply& reply, SearchOp& op) const {
    if (!rules_.versioned) return;
    CellSight sight;
    sight.cell = 1;
    sight.after = !op.writes.empty();
    if (!op.writes.empty()) {
      CellWrite next;
      next.cell = 1;
      next.kind = CellWrite::Kind::kAdd;
      next.by = 1;
      op.writes.push_back(next);
    }
    if (reply.end != ForeignEnd::kDone || !reply.version) return;
    sight.value =
        *reply.version == 0 ? kAbsent : problem.values.Intern(absl::StrCat(*reply.version));
    op.sights.push_back(sight);
  }

  void Add(const std::string& process, const Pending& pending, const ForeignReply& reply,
           std::uint64_t ret) {
    Problem& problem = ProblemOf(pending.key);
    const ForeignCall& call = pending.call;
    const ForeignEnd end = reply.end;
    const bool reads = call.kind == ForeignCall::Kind::kRead;
    if (end == ForeignEnd::kNeverHappened || (end == ForeignEnd::kUnknown && reads)) return;
    SearchOp op;
    op.call = pending.at;
    op.ret = end == ForeignEnd::kUnknown ? kForever : ret;
    op.must = end != ForeignEnd::kUnknown;
    if (end == ForeignEnd::kRefused) op.outcome = SearchOp::Outcome::kRefused;
    if (end == ForeignEnd::kUnknown) op.outcome = SearchOp::Outcome::kEither;
    CellWrite write;
    write.value = ValueOf(problem, call.value);
    if (!call.value) write.kind = CellWrite::Kind::kErase;
    switch (call.kind) {
      case ForeignCall::Kind::kRead: {
        CellSight sight;
        sight.value = ValueOf(problem, reply.seen);
        op.sights.push_back(sight);
        break;
      }
      case ForeignCall::Kind::kWrite:
        op.writes.push_back(write);
        break;
      case ForeignCall::Kind::kCas: {
        CellTest test;
        test.kind = call.expected ? CellTest::Kind::kValueIs : CellTest::Kind::kIsAbsent;
        test.value = ValueOf(problem, call.expected);
        op.tests.push_back(test);
        op.writes.push_back(write);
        break;
      }
      case ForeignCall::Kind::kAppend:
        write.kind = CellWrite::Kind::kAppend;
        op.writes.push_back(write);
        break;
    }
    AddVersion(problem, reply, op);
    op.text = TextOf(process, pending, reply, ret);
    problem.ops.push_back(std::move(op));
  }

  static const char* NameOf(ForeignCall::Kind kind) {
    static constexpr const char* kNames[] = {"read", "write", "cas", "append"};
    return kNames[static_cast<std::size_t>(kind)];
  }

  static std::string TextOf(const std::string& process, const Pending& pending,
                            const ForeignReply& reply, std::uint64_t ret) {
    const auto shown = [](const std::optional<std::string>& value) {
      return value ? OneLine(*value) : std::string("nil");
    };
    const ForeignCall& call = pending.call;
    std::string out = absl::StrCat("p", process, " [", pending.at, ", ");
    absl::StrAppend(&out, ret == kForever ? std::string("-") : absl::StrCat(ret), "] ",
                    NameOf(call.kind));
    if (call.kind == ForeignCall::Kind::kCas)
      absl::StrAppend(&out, " ", shown(call.expected), " ->");
    if (call.kind != ForeignCall::Kind::kRead) absl::StrAppend(&out, " ", shown(call.value));
    if (call.kind == ForeignCall::Kind::kRead) absl::StrAppend(&out, " = ", shown(reply.seen));
    if (reply.version) absl::StrAppend(&out, " (version ", *reply.version, ")");
    if (reply.end == ForeignEnd::kRefused) out.append(" (did not match)");
    if (reply.end == ForeignEnd::kUnknown) out.append(" (unknown)");
    return out;
  }

  ForeignRules rules_;
  std::map<std::string, Pending> open_;
  std::map<std::string, Problem> problems_;
  std::uint64_t next_ = 0;
  std::uint64_t calls_ = 0;
};

}  // namespace quorate::sim
