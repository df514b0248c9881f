// Porcupine's "Jepsen etcd" text.
#include <algorithm>
#include <string_view>

#include "sim/history/foreign.h"
#include "sim/history/formats.h"

namespace quorate::sim {
namespace {

std::string_view TakeWord(std::string_view& rest) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = rest.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return rest = {};
  rest.remove_prefix(begin);
  const std::size_t end = std::min(rest.find_first_of(kBlanks), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

// One spelling for each number; nullopt: not a whole one.
std::optional<std::string> NumberIn(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return (negative && text != "0" ? "-" : "") + std::string(text);
}

// "nil" or a number.
bool TakeValue(std::string_view& rest, std::optional<std::string>& value) {
  const std::string_view word = TakeWord(rest);
  if (word == "nil") return true;
  value = NumberIn(word);
  return value.has_value();
}

// "[a b]"
bool TakePair(std::string_view& rest, ForeignCall& call) {
  std::string_view first = TakeWord(rest);
  std::string_view second = TakeWord(rest);
  if (!first.starts_with('[') || !second.ends_with(']')) return false;
  first.remove_prefix(1);
  second.remove_suffix(1);
  return TakeValue(first, call.expected) && TakeValue(second, call.value);
}

// Nothing more, or the version that some recorders add as a hint for checkers.
bool AtEnd(std::string_view rest) {
  const std::string_view word = TakeWord(rest);
  return word.empty() || (word == ":hint" && NumberIn(TakeWord(rest)) && TakeWord(rest).empty());
}

absl::Status TakeEtcdInvocation(std::size_t line, const std::string& process, std::string_view f,
                                std::string_view rest, Foreign& foreign) {
  ForeignCall call;
  bool shaped = false;
  std::optional<std::string> ignored;
  if (f == ":read") {
    shaped = TakeValue(rest, ignored);
  } else if (f == ":write") {
    call.kind = ForeignCall::Kind::kWrite;
    shaped = TakeValue(rest, call.value);
  } else if (f == ":cas") {
    call.kind = ForeignCall::Kind::kCas;
    shaped = TakePair(rest, call);
  }
  if (!shaped || !AtEnd(rest)) return WrongLine(line, "not an operation on a register (cut off?)");
  return foreign.Invoke(line, process, "", std::move(call));
}

// Whether a write or cas that is done repeats what was asked for.
bool SaysTheSame(std::string_view rest, const ForeignCall& asked) {
  ForeignCall said;
  const bool shaped =
      asked.kind == ForeignCall::Kind::kCas ? TakePair(rest, said) : TakeValue(rest, said.value);
  return shaped && AtEnd(rest) && said.value == asked.value && said.expected == asked.expected;
}

// What a return says about itself.
struct EtcdReturn {
  std::string_view type;
  std::string_view f;
};

absl::Status TakeEtcdReturn(std::size_t line, const std::string& process, EtcdReturn said,
                            std::string_view rest, Foreign& foreign) {
  if (!foreign.IsOpen(process)) {
    return WrongLine(line, absl::StrCat("process ", process, " has no operation open"));
  }
  ForeignCall::Kind kind = ForeignCall::Kind::kRead;
  if (said.f == ":write") kind = ForeignCall::Kind::kWrite;
  if (said.f == ":cas") kind = ForeignCall::Kind::kCas;
  std::string_view first = rest;
  const bool timed_out = TakeWord(first).starts_with(':');
  ForeignEnd end = ForeignEnd::kDone;
  if (said.type == ":info" || (said.type == ":fail" && timed_out)) {
    end = ForeignEnd::kUnknown;
  } else if (said.type == ":fail") {
    end = kind == ForeignCall::Kind::kCas ? ForeignEnd::kRefused : ForeignEnd::kNeverHappened;
  }
  ForeignReply reply{end, std::nullopt, std::nullopt};
  if (end == ForeignEnd::kDone && kind == ForeignCall::Kind::kRead &&
      (!TakeValue(rest, reply.seen) || !AtEnd(rest))) {
    return WrongLine(line, "a read without a value (cut off?)");
  }
  if (end == ForeignEnd::kDone && kind != ForeignCall::Kind::kRead &&
      kind == foreign.OpenCall(process).kind && !SaysTheSame(rest, foreign.OpenCall(process))) {
    return WrongLine(line, "returns from another value than was asked for (cut off?)");
  }
  return foreign.Return(line, process, kind, reply);
}

bool IsLogLevel(std::string_view word) {
  return word == "INFO" || word == "WARN" || word == "ERROR" || word == "DEBUG";
}

absl::Status TakeEtcdLine(std::size_t line, std::string_view text, Foreign& foreign) {
  std::string_view rest = text;
  const std::string_view level = TakeWord(rest);
  if (level.empty()) return absl::OkStatus();
  const std::string_view logger = TakeWord(rest);
  if (!IsLogLevel(level)) return WrongLine(line, "not a line of a Jepsen log");
  if (logger != "jepsen.util") {
    return logger.empty() ? WrongLine(line, "cut off: no logger") : absl::OkStatus();
  }
  const std::string_view dash = TakeWord(rest);
  const std::string_view who = TakeWord(rest);
  if (who.starts_with(':')) return absl::OkStatus();  // the nemesis
  const std::optional<std::string> process = NumberIn(who);
  const std::string_view type = TakeWord(rest);
  const std::string_view f = TakeWord(rest);
  if (dash != "-" || !process) return WrongLine(line, "no process number (cut off?)");
  if (f != ":read" && f != ":write" && f != ":cas") {
    return WrongLine(line, "not an operation on a register (cut off?)");
  }
  if (type == ":invoke") return TakeEtcdInvocation(line, *process, f, rest, foreign);
  if (type != ":ok" && type != ":fail" && type != ":info") {
    return WrongLine(line, absl::StrCat("unknown type ", OneLine(type)));
  }
  return TakeEtcdReturn(line, *process, {type, f}, rest, foreign);
}

}  // namespace

absl::StatusOr<std::vector<Problem>> ReadJepsenEtcd(std::string_view text) {
  Foreign foreign(ForeignRules{});
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    // Nothing else closes a line: "12" cut to "1" would be another value.
    if (end == std::string_view::npos) return WrongLine(line, "cut off: no end of line");
    absl::Status taken = TakeEtcdLine(line, text.substr(0, end), foreign);
    if (!taken.ok()) return taken;
    text.remove_prefix(end + 1);
  }
  return std::move(foreign).Finish();
}

}  // namespace quorate::sim
