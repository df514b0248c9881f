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

bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "nil" or a number.
bool TakeValue(std::string_view& rest, std::optional<std::string>& value) {
  const std::string_view word = TakeWord(rest);
  if (word == "nil") return true;
  value = std::string(word);
  return IsNumber(word);
}

// "[a b]"
bool TakePair(std::string_view& rest, ForeignCall& call) {
  std::string_view first = TakeWord(rest);
  std::string_view second = TakeWord(rest);
  if (!first.starts_with('[') || !second.ends_with(']')) return false;
  first.remove_prefix(1);
  second.remove_suffix(1);
  call.expected = std::string(first);
  call.value = std::string(second);
  return IsNumber(first) && IsNumber(second);
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
  if (!shaped || !TakeWord(rest).empty())
    return WrongLine(line, "not an operation on a register (cut off?)");
  return foreign.Invoke(line, process, "", std::move(call));
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
  std::optional<std::string> seen;
  if (end == ForeignEnd::kDone && kind == ForeignCall::Kind::kRead &&
      (!TakeValue(rest, seen) || !TakeWord(rest).empty())) {
    return WrongLine(line, "a read without a value (cut off?)");
  }
  return foreign.Return(line, process, kind, end, seen);
}

absl::Status TakeEtcdLine(std::size_t line, std::string_view text, Foreign& foreign) {
  std::string_view rest = text;
  const std::string_view level = TakeWord(rest);
  if (level.empty()) return absl::OkStatus();
  const std::string_view logger = TakeWord(rest);
  if (level != "INFO" && level != "WARN") return WrongLine(line, "not a line of a Jepsen log");
  if (logger != "jepsen.util") {
    return logger.empty() ? WrongLine(line, "cut off: no logger") : absl::OkStatus();
  }
  const std::string_view dash = TakeWord(rest);
  const std::string process(TakeWord(rest));
  if (process.starts_with(':')) return absl::OkStatus();  // the nemesis
  const std::string_view type = TakeWord(rest);
  const std::string_view f = TakeWord(rest);
  if (dash != "-" || !IsNumber(process)) return WrongLine(line, "no process number (cut off?)");
  if (f != ":read" && f != ":write" && f != ":cas") {
    return WrongLine(line, "not an operation on a register (cut off?)");
  }
  if (type == ":invoke") return TakeEtcdInvocation(line, process, f, rest, foreign);
  if (type != ":ok" && type != ":fail" && type != ":info") {
    return WrongLine(line, absl::StrCat("unknown type ", std::string(type)));
  }
  return TakeEtcdReturn(line, process, {type, f}, rest, foreign);
}

}  // namespace

absl::StatusOr<std::vector<Problem>> ReadJepsenEtcd(std::string_view text) {
  Foreign foreign(std::nullopt);
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
