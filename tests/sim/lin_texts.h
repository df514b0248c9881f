// tests/sim/lin_texts.h — small histories as text, both ways, in each format that `check` reads; for tests.
//
// Model: an operation a line, in the one spelling that the labelled histories use; what does not look like that is a
//   mistake of the test. Shares no code with sim/history. Errors: exceptions and failed expectations.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/lin_oracle.h"

namespace quorate::sim::oracle {

enum class Format : std::uint8_t { kOurs, kEtcd, kKv, kRegister, kIndependent, kVersioned };

struct Line {
  std::size_t process = 0;
  std::string type;
  Op said;
};

// Joins calls and returns. A process may go on after an unknown outcome.
inline std::vector<Op> Join(const std::vector<Line>& lines) {
  std::vector<Op> ops;
  std::map<std::size_t, std::size_t> open;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const Line& line = lines[at];
    if (line.type == "invoke") {
      EXPECT_FALSE(open.contains(line.process)) << "line " << at;
      open[line.process] = ops.size();
      ops.push_back(line.said);
      ops.back().process = line.process;
      ops.back().call = at;
      ops.back().seen.reset();
      ops.back().end = End::kUnknown;
      continue;
    }
    Op& op = ops.at(open.at(line.process));
    open.erase(line.process);
    op.end = line.said.end;
    op.version = line.said.version;
    op.revision = line.said.revision;
    if (line.said.end == End::kDone) op.nth = line.said.nth;
    op.ret = at;
    if (op.end == End::kDone || op.end == End::kRefused) {
      const bool found = op.kind == Kind::kRead || op.end == End::kRefused;
      if (found) op.seen = line.said.seen;
    }
  }
  return ops;
}

inline Value Nil(const std::string& text) { return text == "nil" ? Value() : Value(text); }

inline Line OfKvLine(const std::string& text) {
  static const std::regex kShape(
      R"re(\{:process (\d+), :type :(\w+), :f :(\w+), :key "([^"]*)", :value (nil|"(.*)")\})re");
  std::smatch part;
  if (!std::regex_match(text, part, kShape)) throw std::runtime_error(text);
  Line line{std::stoul(part[1]), part[2], {}};
  Op& op = line.said;
  const std::string f = part[3];
  op.kind = f == "get" ? Kind::kRead : f == "put" ? Kind::kWrite : Kind::kAppend;
  op.key = part[4];
  op.value = std::regex_replace(part[6].str(), std::regex(R"(\\(.))"), "$1");
  if (op.kind == Kind::kRead) op.seen = op.value;
  op.end = line.type == "ok" ? End::kDone : line.type == "fail" ? End::kFail : End::kUnknown;
  return line;
}

inline Line OfEtcdLine(const std::string& text) {
  static const std::regex kShape(
      R"re(INFO  jepsen.util - (\S+)\t:(\w+)\t:(\w+)\t(?:\[(\S+) (\S+)\]|(\S+)))re");
  std::smatch part;
  if (!std::regex_match(text, part, kShape)) throw std::runtime_error(text);
  if (part[1] == ":nemesis") return {};
  Line line{std::stoul(part[1]), part[2], {}};
  Op& op = line.said;
  const std::string f = part[3];
  op.kind = f == "read" ? Kind::kRead : f == "write" ? Kind::kWrite : Kind::kCas;
  op.value = Nil(op.kind == Kind::kCas ? part[5] : part[6]);
  op.expected = Nil(part[4]);
  if (op.kind == Kind::kRead) op.seen = op.value;
  op.end = End::kUnknown;
  if (line.type == "ok") op.end = End::kDone;
  if (line.type == "fail" && part[6] != ":timed-out") {
    op.end = op.kind == Kind::kCas ? End::kRefused : End::kFail;
  }
  return line;
}

inline Line OfEdnLine(const std::string& text) {
  // [key value], [key [old new]], [old new] of a cas without key, or a value.
  static const std::regex kShape(
      R"re(.*:process (\S+), :type :(\w+), :f :(\w+), :value ([^,}]*).*)re");
  static const std::regex kKeyed(R"re(\[(\d+) (nil|\d+|\[.*\])\])re");
  static const std::regex kPair(R"re(\[(nil|\d+) (nil|\d+)\])re");
  std::smatch part;
  if (!std::regex_match(text, part, kShape)) throw std::runtime_error(text);
  if (part[1].str().front() == ':') return {};
  Line line{std::stoul(part[1]), part[2], {}};
  Op& op = line.said;
  const std::string f = part[3];
  op.kind = f == "read" ? Kind::kRead : f == "write" ? Kind::kWrite : Kind::kCas;
  std::string value = part[4];
  std::smatch inner;
  const bool keyed = std::regex_match(value, inner, kKeyed);
  if (keyed && (op.kind != Kind::kCas || inner[2].str().front() == '[')) {
    op.key = inner[1];
    value = std::string(inner[2]);
  }
  if (op.kind == Kind::kCas && std::regex_match(value, inner, kPair)) {
    op.expected = Nil(inner[1]);
    value = std::string(inner[2]);
  }
  op.value = Nil(value);
  if (op.kind == Kind::kRead) op.seen = op.value;
  op.end = line.type == "ok" ? End::kDone : line.type == "fail" ? End::kFail : End::kUnknown;
  return line;
}

// [key [version value]]; of a cas the value is [old new].
inline Line OfVersionedLine(const std::string& text) {
  static const std::regex kShape(
      R"re(.*:process (\S+), :type :(\w+), :f :(\w+), :value \[(\d+) \[(nil|\d+) (?:\[(\S+) (\S+)\]|(\S+))\]\].*)re");
  std::smatch part;
  if (!std::regex_match(text, part, kShape)) throw std::runtime_error(text);
  Line line{std::stoul(part[1]), part[2], {}};
  Op& op = line.said;
  const std::string f = part[3];
  op.kind = f == "read" ? Kind::kRead : f == "write" ? Kind::kWrite : Kind::kCas;
  op.key = part[4];
  if (part[5] != "nil") op.nth = std::stoull(part[5]);
  op.value = Nil(op.kind == Kind::kCas ? part[7] : part[8]);
  if (op.kind == Kind::kCas) op.expected = Nil(part[6]);
  if (op.kind == Kind::kRead) op.seen = op.value;
  op.end = line.type == "ok" ? End::kDone : line.type == "fail" ? End::kFail : End::kUnknown;
  return line;
}

inline Value TextOrNull(const nlohmann::json& field) {
  return field.is_null() ? Value() : Value(field.get<std::string>());
}

inline Line OfOurLine(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  if (json.contains("quorate_history")) return {};
  Line line{json["p"].get<std::size_t>(), json["ty"].get<std::string>(), {}};
  Op& op = line.said;
  if (line.type == "invoke") {
    const std::string f = json["f"];
    op.kind = f == "get"   ? Kind::kRead
              : f == "put" ? Kind::kWrite
              : f == "del" ? Kind::kErase
                           : Kind::kCas;
    op.key = json["k"];
    if (json.contains("v")) op.value = TextOrNull(json["v"]);
    if (json.contains("exp")) op.expected = TextOrNull(json["exp"]);
  } else if (line.type == "ok") {
    // Of a read "not found" is an answer, of a delete a refusal; the kind is known from the call alone.
    op.end = json["st"] == 1 ? End::kDone : End::kRefused;
    op.seen = TextOrNull(json["rows"][0]["v"]);
    op.version = json["rows"][0]["ver"][1].get<std::uint64_t>();
    op.revision = json["rev"].get<std::uint64_t>();
  } else {
    op.end = line.type == "fail" ? End::kFail : End::kUnknown;
  }
  return line;
}

inline std::vector<Op> Parse(Format format, const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  for (std::string row; std::getline(in, row);) {
    if (row.empty() || row.front() == ';') continue;
    Line line;
    switch (format) {
      case Format::kOurs:
        line = OfOurLine(row);
        break;
      case Format::kEtcd:
        line = OfEtcdLine(row);
        break;
      case Format::kKv:
        line = OfKvLine(row);
        break;
      case Format::kRegister:
      case Format::kIndependent:
        line = OfEdnLine(row);
        break;
      case Format::kVersioned:
        line = OfVersionedLine(row);
        break;
    }
    if (!line.type.empty()) lines.push_back(std::move(line));
  }
  return Join(lines);
}

// What a key holds that was never written.
inline Value InitialOf(Format format) { return format == Format::kKv ? Value("") : Value(); }

// ---- writing ----------------------------------------------------------------------------------------------

inline std::string Shown(const Value& value) { return value.value_or("nil"); }
inline std::string Quote(const Value& value) { return value ? "\"" + *value + "\"" : "null"; }

inline std::string TypeOf(const Op& op, Format format) {
  switch (op.end) {
    case End::kDone:
      return "ok";
    case End::kRefused:
      return format == Format::kOurs ? "ok" : "fail";
    case End::kFail:
      return "fail";
    case End::kUnknown:
      return "info";
  }
  return "";
}

// The line of a call, or of a return.
inline std::string Written(const Op& op, Format format, bool returns) {
  static constexpr const char* kOurNames[] = {"get", "put", "del", "cas", ""};
  static constexpr const char* kKvNames[] = {"get", "put", "", "", "append"};
  static constexpr const char* kNames[] = {"read", "write", "write", "cas", ""};
  const std::size_t kind = static_cast<std::size_t>(op.kind);
  const std::string process = std::to_string(op.process);
  const std::string type = returns ? TypeOf(op, format) : "invoke";
  const bool told = returns && (op.end == End::kDone || op.end == End::kRefused);
  const Value seen = told ? op.seen.value_or(Value()) : Value();
  std::string value = Shown(op.kind == Kind::kRead ? seen : op.value);
  if (op.kind == Kind::kCas) value = "[" + Shown(op.expected) + " " + value + "]";
  switch (format) {
    case Format::kOurs: {
      std::string out = "{\"i\":1,\"t\":5,\"p\":" + process + ",\"ty\":\"" + type + "\"";
      if (!returns) {
        out += std::string(",\"f\":\"") + kOurNames[kind] + "\",\"k\":" + Quote(op.key);
        if (op.kind == Kind::kCas) out += ",\"exp\":" + Quote(op.expected);
        if (op.value && op.kind != Kind::kErase) out += ",\"v\":" + Quote(op.value);
        return out + ",\"ns\":1}";
      }
      if (told) {
        std::string status = op.end == End::kDone ? "1" : "3";
        const bool absent = op.kind == Kind::kErase || (op.kind == Kind::kRead && !seen);
        if (absent && (op.end == End::kRefused || op.kind == Kind::kRead)) status = "2";
        out += ",\"st\":" + status + ",\"rev\":" + std::to_string(*op.revision) +
               ",\"rows\":[{\"k\":" + Quote(op.key) + ",\"ver\":[0," + std::to_string(*op.version) +
               ",0],\"v\":" + Quote(seen) + "}],\"w\":{\"era\":0,\"index\":0}";
      }
      return out + ",\"node\":1}";
    }
    case Format::kEtcd:
      if (returns && op.end == End::kUnknown) value = ":timed-out";
      return "INFO  jepsen.util - " + process + "\t:" + type + "\t:" + kNames[kind] + "\t" + value;
    case Format::kKv:
      if (value != "nil") value = Quote(value);
      return "{:process " + process + ", :type :" + type + ", :f :" + kKvNames[kind] + ", :key \"" +
             op.key + "\", :value " + value + "}";
    case Format::kRegister:
    case Format::kIndependent:
    case Format::kVersioned:
      if (format == Format::kVersioned) {
        const std::string version = told && op.nth ? std::to_string(*op.nth) : "nil";
        value = "[" + version + " " + value + "]";
      }
      if (format != Format::kRegister) value = "[" + op.key + " " + value + "]";
      return "{:process " + process + ", :type :" + type + ", :f :" + kNames[kind] + ", :value " +
             value + "}";
  }
  return "";
}

// Calls and returns in the order of their lines.
inline std::string Write(Format format, const std::vector<Op>& ops) {
  std::map<std::size_t, std::string> lines;
  for (const Op& op : ops) {
    lines[op.call] = Written(op, format, false);
    if (op.ret != kNever) lines[op.ret] = Written(op, format, true);
  }
  std::string out;
  if (format == Format::kOurs) {
    out = "{\"quorate_history\":1,\"seed\":0,\"commit\":\"\",\"scenario\":\"\"}\n";
  }
  for (const auto& [at, line] : lines) out += line + "\n";
  return out;
}

}  // namespace quorate::sim::oracle
