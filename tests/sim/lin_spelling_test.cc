// The same history in other words is the same history: every spelling that a format allows, against trying every
// order; and what looks like a format and is none, or says two things, is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/history/formats.h"
#include "tests/sim/lin_random.h"

namespace quorate::sim {
namespace {

using oracle::End;
using oracle::Format;
using oracle::Kind;
using oracle::Op;
using oracle::RandomHistory;
using oracle::Truth;
using oracle::Value;

// ---- random histories in random words -------------------------------------------------------------------------

using Words = std::vector<std::string>;

// Spellings of a key or value in EDN. The same number is the same value; a history keeps to one kind.
Words SpellingsOf(std::uint64_t kind, const std::string& n) {
  const std::string hex = "003" + n;  // of a digit
  switch (kind) {
    case 0:
      return {n, "+" + n, n + "N"};
    case 1:
      return {"9999999999999999999" + n, "+9999999999999999999" + n + "N"};
    case 2:
      return {"\"v" + n + "\\n\"", "\"v\\u" + hex + "\\n\"", "\"v" + n + "\n\""};
    case 3:
      return {":v/" + n};
    case 4:
      return {"\\" + n, "\\u" + hex, "\\o06" + n};
    case 5:
      return {"#{" + n + " x \"y\"}", "#{\"y\" x, " + n + "}", "#{x #_ z " + n + " \"y\"}"};
    case 6:
      return {"{:a " + n + " :b [1 2]}", "{:b [1 2], :a " + n + "}", "{:b (1 2) :a " + n + "N}"};
    case 7:
      return {"[[" + n + "] {} nil]", "([" + n + "] ^:m {} nil)"};
    case 8:
      return {n + "/7", "+" + n + "0/70", std::to_string(3 * std::stoi(n)) + "/21"};
    case 9:
      return {n + ".5", n + ".50", n + "5e-1", "0." + n + "5E+1"};
    case 10:
      return {"#inst \"200" + n + "-01-01\"", "#inst ; a date\n \"200" + n + "-01-01\""};
    case 11:
      return {"#n/tag " + n, "#n/tag +" + n};
    case 12:
      return {"#:n{:a " + n + "}", "{:n/a " + n + "}"};
    default:
      return {"[" + n + " " + n + "]", "(" + n + ", " + n + ")"};
  }
}
constexpr std::uint64_t kPairs = 13;

class Speller {
 public:
  Speller(Format format, std::uint64_t seed) : format_(format), seed_(seed) {
    // A register may hold pairs where reads tell them from [key value].
    value_kind_ = Draw(kPairs + 1);
    key_kind_ = Draw(kPairs);
    // So do reads tell a key that is a list, a set or a map from a value that is one.
    keys_of_parts_ = (key_kind_ >= 5 && key_kind_ <= 7) || key_kind_ == 12;
    crlf_ = Draw(4) == 0;
  }

  std::string Spell(const std::vector<Op>& ops) {
    const bool reads =
        std::any_of(ops.begin(), ops.end(), [](const Op& op) { return op.kind == Kind::kRead; });
    if (keys_of_parts_ && !reads) key_kind_ = 3;
    std::map<std::size_t, std::string> lines;
    for (const Op& op : ops) {
      lines[op.call] = Line(op, false);
      if (op.ret != oracle::kNever) lines[op.ret] = Line(op, true);
    }
    const bool edn = format_ != Format::kOurs && format_ != Format::kEtcd;
    const std::uint64_t around = edn ? Draw(4) : 3;
    std::string out = Draw(6) == 0 ? "\xef\xbb\xbf" : "";
    if (edn) out += Any({"", "", ";; a story: \"\n", " ,\n", "#_{:process 0} ", "\n\n"});
    if (around == 0) out += "[";
    if (around == 1) out += "^{:who me} (";
    if (format_ == Format::kOurs) {
      out += Any({"{ \"quorate_history\": 1, \"seed\": 7, \"commit\": \"\", \"scenario\": \"\" }\n",
                  "\n{\"seed\":7,\"commit\":\"\",\"scenario\":\"\",\"quorate_history\":1}\n"});
    }
    for (const auto& [at, line] : lines) out += line + Between(edn);
    if (around == 0) out += Any({"]", " #_ 7 ]\n", "]; the end"});
    if (around == 1) out += Any({")", "#_#_ 7 8)", "\n)\n\n"});
    if (around > 1 && edn) out += Any({"", "", "; the end", "#_ {:process 0}", "#_#_{} []"});
    if (!crlf_) return out;
    std::string windows;
    for (const char c : out) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return edn && (value_kind_ == 2 || key_kind_ == 2) ? out
                                                       : windows;  // a string keeps its line ends
  }

 private:
  std::uint64_t Draw(std::uint64_t n) { return Below(Prf(seed_, 29, 0, ++draws_), n); }
  std::string Any(const Words& words) { return words[Draw(words.size())]; }

  std::string Between(bool edn) {
    if (format_ == Format::kOurs) return Any({"\n", "\n", "\n\n", "\n \t\n"});
    if (edn) {
      return Any({"\n", "\n", " ", ",\n", " ; so far\n", "#_ nothing ", "\n#_[:process \"}\"]\n",
                  "\n{:process :nemesis, :type :info, :f :start, :value {:n #{\"a\" \"b\"}}}\n",
                  "\n#jepsen.history.Op{:f :stop :type :info :process :nemesis}\n"});
    }
    return Any({"\n", "\n", "\n\n", "\nINFO  jepsen.core - Worker 0 starting\n",
                "\nWARN  jepsen.core - Process 3 indeterminate\n",
                "\nINFO  jepsen.util - :nemesis\t:info\t:start\tnil\n"});
  }

  std::string Line(const Op& op, bool returns) {
    if (format_ == Format::kEtcd) return EtcdLine(op, returns);
    if (format_ == Format::kOurs) return OurLine(op, returns);
    return EdnLine(op, returns);
  }

  // ---- EDN
  std::string Blank() {
    return Any({" ", " ", ", ", "  ", " ,, ", "\t", "\n ", " ; not }\n", " #_ [skipped] "});
  }
  std::string Spelled(const Value& value) {
    return value ? Any(SpellingsOf(value_kind_, *value)) : std::string("nil");
  }
  std::string KvText(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) out += Any({std::string(1, c), std::string("\\u003") + c});
    return out + "\"";
  }
  std::string EdnLine(const Op& op, bool returns) {
    const std::string type = returns ? oracle::TypeOf(op, format_) : "invoke";
    const bool told = returns && op.end == End::kDone;
    const bool reads = op.kind == Kind::kRead;
    const bool kv = format_ == Format::kKv;
    const Value said = reads ? (told ? *op.seen : Value()) : op.value;
    std::string value;
    if (kv) {
      value = said ? KvText(*said) : "nil";
    } else if (op.kind == Kind::kCas) {
      value = "[" + Spelled(op.expected) + Blank() + Spelled(op.value) + "]";
    } else {
      value = Spelled(said);
    }
    if (format_ == Format::kVersioned) {
      value = "[" + (told && op.nth ? std::to_string(*op.nth) : "nil") + Blank() + value + "]";
    }
    const bool tuple = format_ == Format::kIndependent || format_ == Format::kVersioned;
    if (tuple)
      value = "[" + Any(SpellingsOf(key_kind_, op.key == "7" ? "1" : "2")) + Blank() + value + "]";
    static constexpr const char* kKvNames[] = {":get", ":put", "", "", ":append"};
    static constexpr const char* kNames[] = {":read", ":write", ":write", ":cas", ""};
    const std::size_t kind = static_cast<std::size_t>(op.kind);
    Words fields = {":process " + Any({"", "+"}) + std::to_string(op.process), ":type :" + type,
                    std::string(":f") + Blank() + (kv ? kKvNames[kind] : kNames[kind]),
                    ":value" + Blank() + value, ":time 5"};
    if (kv) fields.push_back(":key \"" + op.key + "\"");
    if (Draw(3) == 0) fields.push_back(":error [:timeout \"a } b\" {:c #{1 2}}]");
    if (Draw(3) == 0) fields.push_back(":my/type :ok");
    if (Draw(3) == 0) fields.push_back("7 \"ok\"");
    for (std::size_t i = fields.size(); i > 1; --i) std::swap(fields[i - 1], fields[Draw(i)]);
    std::string out = Any({"", "", "#jepsen.history.Op", "#jepsen.history.Op ", "^:op "}) + "{";
    for (const std::string& field : fields) out += field + Blank();
    return out + "}";
  }

  // ---- the etcd text
  std::string Number(const Value& value) {
    return value ? Any({"", "", "0"}) + *value : std::string("nil");
  }
  std::string EtcdLine(const Op& op, bool returns) {
    static constexpr const char* kNames[] = {"read", "write", "write", "cas", ""};
    const std::string type = returns ? oracle::TypeOf(op, format_) : "invoke";
    const bool told = returns && (op.end == End::kDone || op.end == End::kRefused);
    std::string value =
        Number(op.kind == Kind::kRead ? (told ? op.seen.value_or(Value()) : Value()) : op.value);
    if (op.kind == Kind::kCas) value = "[" + Number(op.expected) + " " + value + "]";
    if (returns && op.end == End::kUnknown) value = ":timed-out";
    const std::string blank = Any({"\t", " \t", "    "});
    return "INFO  jepsen.util - " + Number(std::to_string(op.process)) + blank + ":" + type +
           blank + ":" + kNames[static_cast<std::size_t>(op.kind)] + blank + value +
           Any({"", "", " ", " \t:hint 0", "\t:hint 12"});
  }

  // ---- our own
  std::string OurLine(const Op& op, bool returns) {
    nlohmann::json json = nlohmann::json::parse(oracle::Written(op, format_, returns));
    if (!returns && op.kind == Kind::kRead && Draw(2) == 0) json["stale"] = false;
    // Fields come sorted by name, not as they are written.
    std::string out = Draw(2) == 0 ? json.dump() : Any({" ", ""}) + Spaced(json.dump());
    return out;
  }
  static std::string Spaced(const std::string& text) {
    std::string out;
    for (const char c : text)
      out += c == ',' || c == ':' ? std::string(1, c) + " " : std::string(1, c);
    return out;
  }

  Format format_;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  std::uint64_t value_kind_ = 0;
  std::uint64_t key_kind_ = 0;
  bool keys_of_parts_ = false;
  bool crlf_ = false;
};

class OtherWords : public ::testing::TestWithParam<Format> {};

TEST_P(OtherWords, SayTheSame) {
  const Format format = GetParam();
  std::map<Truth, int> seen;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const std::vector<Op> ops = RandomHistory(format, seed).Make();
    const Truth truth = oracle::TruthOf(format, ops);
    ++seen[truth];
    if (truth == Truth::kLie) continue;
    const std::string text = Speller(format, seed).Spell(ops);
    const absl::StatusOr<CheckReport> report = CheckText(text);
    ASSERT_TRUE(report.ok()) << report.status() << "\nseed " << seed << "\n" << text;
    ASSERT_EQ(report->verdict,
              truth == Truth::kPass ? SearchVerdict::kLinearizable : SearchVerdict::kViolation)
        << "seed " << seed << "\n"
        << text << report->counterexample;
  }
  EXPECT_GT(seen[Truth::kPass], 200);
  EXPECT_GT(seen[Truth::kFail], 200);
}

INSTANTIATE_TEST_SUITE_P(Formats, OtherWords,
                         ::testing::Values(Format::kOurs, Format::kEtcd, Format::kKv,
                                           Format::kRegister, Format::kIndependent,
                                           Format::kVersioned));

// ---- by hand ----------------------------------------------------------------------------------------------------

// "pass", "fail", or why the text is refused.
std::string VerdictOn(const std::string& text) {
  const absl::StatusOr<CheckReport> report = CheckText(text);
  if (!report.ok()) return std::string(report.status().message());
  switch (report->verdict) {
    case SearchVerdict::kLinearizable:
      return "pass";
    case SearchVerdict::kViolation:
      return "fail";
    case SearchVerdict::kUnknown:
      break;
  }
  return "unknown";
}

// Operations of an EDN history: "0 invoke read nil", one a line.
std::string Ops(const std::string& lines) {
  std::string out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string process, type, f, value;
    if (!(words >> process >> type >> f)) continue;
    std::getline(words, value);
    out += "{:process " + process + ", :type :" + type + ", :f :" + f;
    out += (value.empty() ? "" : ", :value" + value) + "}\n";
  }
  return out;
}

struct Sample {
  const char* what;
  std::string text;
  const char* verdict;
};

void ExpectAll(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples) {
    EXPECT_EQ(VerdictOn(sample.text), sample.verdict) << sample.what << "\n" << sample.text;
  }
}

const std::string kWrite1 = "0 invoke write 1\n0 ok write 1\n";
const std::string kRead1 = "1 invoke read nil\n1 ok read 1\n";
const std::string kReadNil = "1 invoke read nil\n1 ok read nil\n";

TEST(Registers, AreToldFromTheirKeysAndVersions) {
  ExpectAll({
      {"a register of pairs",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n1 invoke read nil\n1 ok read [1 2]"), "pass"},
      {"an old pair",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n0 invoke write [1 3]\n0 ok write [1 3]\n"
           "1 invoke read nil\n1 ok read [1 2]"),
       "fail"},
      {"cas from pair to pair",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n0 invoke cas [[1 2] [3 4]]\n"
           "0 ok cas [[1 2] [3 4]]\n1 invoke read nil\n1 ok read [3 4]"),
       "pass"},
      {"cas from pair to pair, nobody reads",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n"
           "0 invoke cas [[1 2] [3 4]]\n0 ok cas [[1 2] [3 4]]"),
       "pass"},
      {"cas from another pair",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n0 invoke cas [[1 3] [3 4]]\n"
           "0 ok cas [[1 3] [3 4]]\n1 invoke read nil\n1 ok read [3 4]"),
       "fail"},
      {"a set of two is no pair",
       Ops("0 invoke write #{1 2}\n0 ok write #{2 1}\n1 invoke read nil\n1 ok read #{1 2}"),
       "pass"},
      {"a list of two is one",
       Ops("0 invoke write (7 1)\n0 ok write (7 1)\n1 invoke read [7 nil]\n1 ok read (7 2)"),
       "fail"},
      {"cas to nil", Ops(kWrite1 + "0 invoke cas [1 nil]\n0 ok cas [1 nil]\n" + kReadNil), "pass"},
      {"cas to nil, and still there",
       Ops(kWrite1 + "0 invoke cas [1 nil]\n0 ok cas [1 nil]\n" + kRead1), "fail"},
      {"cas from nil", Ops("0 invoke cas [nil 1]\n0 ok cas [nil 1]\n" + kRead1), "pass"},
      {"cas from nil to nil", Ops("0 invoke cas [nil nil]\n0 ok cas [nil nil]\n" + kReadNil),
       "pass"},
      {"keyed cas from nil",
       Ops("0 invoke cas [:x [nil 1]]\n0 ok cas [:x [nil 1]]\n1 invoke read [:x nil]\n1 ok read "
           "[:x 1]"),
       "pass"},
      {"keyed cas to nil",
       Ops("0 invoke write [7 1]\n0 ok write [7 1]\n0 invoke cas [7 [1 nil]]\n0 ok cas [7 [1 "
           "nil]]\n"
           "1 invoke read [7 nil]\n1 ok read [7 1]"),
       "fail"},
      {"keys of several kinds",
       Ops("0 invoke write [\"7\" 1]\n0 ok write [\"7\" 1]\n1 invoke read [7 nil]\n1 ok read [7 "
           "nil]"),
       "pass"},
      {"a key of two",
       Ops("0 invoke write [[1 2] 3]\n0 ok write [[1 2] 3]\n1 invoke read [[1 2] nil]\n1 ok read "
           "[[1 2] nil]"),
       "fail"},
      {"values of two below keys",
       Ops("0 invoke write [7 [1 2]]\n0 ok write [7 [1 2]]\n1 invoke read [7 nil]\n1 ok read [7 [1 "
           "2]]"),
       "pass"},
      {"a key in a field",
       "{:process 0 :type :invoke :f :write :value 1 :key :a} {:process 0 :type :ok :f :write "
       ":value 1 :key :a}"
       "{:process 1 :type :invoke :f :read :key :b} {:process 1 :type :ok :f :read :value nil :key "
       ":b}",
       "pass"},
      {"a key in a field, the same",
       "{:process 0 :type :invoke :f :write :value 1 :key :a} {:process 0 :type :ok :f :write "
       ":value 1}"
       "{:process 1 :type :invoke :f :read :key :a} {:process 1 :type :ok :f :read :value nil :key "
       ":a}",
       "fail"},
      {"a value that speaks of keys",
       Ops("0 invoke write \":key\"\n0 ok write \":key\"\n1 invoke read nil\n1 ok read \":key\""),
       "pass"},
      {"fails say nothing of their value",
       Ops(kWrite1 + "2 invoke write 2\n2 fail write nil\n3 invoke cas [5 6]\n3 fail cas :no\n" +
           kRead1),
       "pass"},
      {"infos neither",
       Ops("2 invoke write [7 2]\n2 info write :timed-out\n1 invoke read [7 nil]\n1 ok read [7 2]"),
       "pass"},
      {"an ok without a value", Ops("0 invoke write 1\n0 ok write\n" + kReadNil), "fail"},
      {"short names", Ops("0 invoke w 1\n0 ok w 1\n1 invoke r nil\n1 ok r 1"), "pass"},
      {"a number is not its text",
       Ops("0 invoke write 1\n0 ok write 1\n1 invoke read nil\n1 ok read \"1\""), "fail"},
      {"a tag is part of a value",
       Ops("0 invoke write #a 1\n0 ok write #a 1\n1 invoke read nil\n1 ok read 1"), "fail"},
      {"a whole number is not a decimal one",
       Ops("0 invoke write 1\n0 ok write 1\n1 invoke read nil\n1 ok read 1.0"), "fail"},
  });
}

TEST(VersionedRegisters, CountTheirChanges) {
  const std::string write5 = "0 invoke write [1 [nil 5]]\n0 ok write [1 [1 5]]\n";
  ExpectAll({
      {"as jepsen.etcd writes it",
       Ops(write5 +
           "1 invoke read [1 [nil nil]]\n1 ok read [1 [1 5]]\n2 invoke cas [1 [nil [5 6]]]\n"
           "2 ok cas [1 [2 [5 6]]]\n1 invoke read [1 [nil nil]]\n1 ok read [1 [2 6]]"),
       "pass"},
      {"an old version",
       Ops(write5 + "0 invoke write [1 [nil 5]]\n0 ok write [1 [2 5]]\n1 invoke read [1 [nil "
                    "nil]]\n1 ok read [1 [1 5]]"),
       "fail"},
      {"a version that was left out",
       Ops(write5 + "0 invoke write [1 [nil 5]]\n0 ok write [1 [3 5]]"), "fail"},
      {"left out, but somebody may have written",
       Ops("3 invoke write [1 [nil 9]]\n" + write5 +
           "0 invoke write [1 [nil 5]]\n0 ok write [1 [3 5]]"),
       "pass"},
      {"somebody may have written one",
       Ops("3 invoke write [1 [nil 9]]\n" + write5 +
           "0 invoke write [1 [nil 5]]\n0 ok write [1 [4 5]]"),
       "fail"},
      {"two writes of one version",
       Ops(write5 + "0 invoke write [1 [nil 6]]\n0 ok write [1 [1 6]]"), "fail"},
      {"a cas that failed makes no version",
       Ops(write5 + "0 invoke cas [1 [nil [7 8]]]\n0 fail cas [1 [nil [7 8]]]\n0 invoke write [1 "
                    "[nil 5]]\n0 ok write [1 [2 5]]"),
       "pass"},
      {"an absent key", Ops("1 invoke read [1 [nil nil]]\n1 ok read [1 [0 nil]]\n" + write5),
       "pass"},
      {"an absent key of which nothing is said",
       Ops("1 invoke read [1 [nil nil]]\n1 ok read [1 [nil nil]]\n" + write5), "pass"},
      {"nothing, after a write",
       Ops(write5 + "1 invoke read [1 [nil nil]]\n1 ok read [1 [nil nil]]"), "fail"},
      {"another key counts for itself",
       Ops(write5 + "0 invoke write [2 [nil 5]]\n0 ok write [2 [1 5]]"), "pass"},
      {"a version nobody told",
       Ops("0 invoke write [1 [nil 5]]\n0 ok write [1 [nil 5]]\n1 invoke read [1 [nil nil]]\n1 ok "
           "read [1 [1 5]]"),
       "pass"},
      {"the wrong value of the right version",
       Ops(write5 + "1 invoke read [1 [nil nil]]\n1 ok read [1 [1 6]]"), "fail"},
      {"of one key, without it",
       Ops("0 invoke write [nil 5]\n0 ok write [1 5]\n1 invoke read [nil nil]\n1 ok read [1 5]\n"
           "2 invoke cas [nil [5 6]]\n2 ok cas [2 [5 6]]\n1 invoke read [nil nil]\n1 ok read [2 "
           "6]"),
       "pass"},
      {"of one key, an old read",
       Ops("0 invoke write [nil 5]\n0 ok write [1 5]\n2 invoke cas [nil [5 6]]\n2 ok cas [2 [5 "
           "6]]\n"
           "1 invoke read [nil nil]\n1 ok read [1 5]"),
       "fail"},
      {"cas alone: from nil to a pair", Ops("2 invoke cas [nil [5 6]]\n2 ok cas [nil [5 6]]"),
       "pass"},
      {"cas alone, with versions", Ops("2 invoke cas [nil [5 6]]\n2 ok cas [1 [5 6]]"), "fail"},
      {"a version that is none", Ops("1 invoke read [1 [nil nil]]\n1 ok read [1 [-1 5]]"),
       "line 2: a value of another form than was asked for"},
      {"no version at all", Ops("1 invoke read [1 [nil nil]]\n1 ok read [1 5]"),
       "line 2: a value of another form than was asked for"},
      {"another value", Ops("0 invoke write [1 [nil 5]]\n0 ok write [1 [1 6]]"),
       "line 2: returns from another value than was asked for"},
      {"another key", Ops("0 invoke write [1 [nil 5]]\n0 ok write [2 [1 5]]"),
       "line 2: returns from another key than was asked for"},
  });
}

TEST(Registers, ThatSayTwoThingsAreRefused) {
  ExpectAll({
      {"a key at last", Ops(kWrite1 + "1 invoke read [7 nil]"),
       "line 3: a read of another form than in the operations before"},
      {"no key at last",
       Ops("0 invoke write [7 1]\n0 ok write [7 1]\n1 invoke read [7 nil]\n1 ok read [7 1]\n1 "
           "invoke read nil"),
       "line 5: not a [key value], as in the operations before"},
      {"no version at last",
       Ops("0 invoke write [7 [nil 1]]\n0 ok write [7 [1 1]]\n1 invoke read [7 [nil nil]]\n1 ok "
           "read [7 [1 1]]\n1 invoke write 7"),
       "line 5: not a [key value], as in the operations before"},
      {"reads that expect something",
       Ops("0 invoke write [1 2]\n0 ok write [1 2]\n1 invoke read [1 2]\n1 ok read [1 2]"),
       "line 1: reads are invoked with values of two: [key value], or a value?"},
      {"a key in a field at last", Ops(kWrite1) + "{:process 1 :type :invoke :f :read :key 7}",
       "line 3: an operation with a :key, unlike those before"},
      {"no key in a field at last",
       "{:process 1 :type :invoke :f :read :key 7}" + Ops("\n2 invoke read nil"),
       "line 1: an operation without :key, unlike those before"},
      {"another key in a field",
       "{:process 1 :type :invoke :f :read :key 7}{:process 1 :type :ok :f :read :value 1 :key 8}",
       "line 1: returns from another key than was asked for"},
      {"a fail of another key", Ops("0 invoke write [7 1]\n0 fail write [8 1]"),
       "line 2: returns from another key than was asked for"},
      {"another value", Ops("0 invoke write 1\n0 ok write 2"),
       "line 2: returns from another value than was asked for"},
      {"another cas", Ops("0 invoke cas [1 2]\n0 ok cas [1 3]"),
       "line 2: returns from another value than was asked for"},
      {"a cas of three", Ops("0 invoke cas [1 2 3]"), "line 1: a cas without [old new]"},
      {"a cas of a set", Ops("0 invoke cas #{1 2}"), "line 1: a cas without [old new]"},
      {"a write of nothing", Ops("0 invoke write"), "line 1: a write without a value"},
      {"a read of nothing", Ops("0 invoke read\n0 ok read"), "line 2: a read without a value"},
      {"clients with names", Ops(":alice invoke write 1\n:alice ok write 1\n" + kReadNil),
       "line 1: a client is a number, not :alice"},
      {"clients with texts", Ops("\"0\" invoke write 1"),
       "line 1: a client is a number, not \"0\""},
      {"clients by halves", Ops("1.5 invoke write 1"), "line 1: a client is a number, not 1.5"},
      {"types with namespaces", "{:process 0 :type :jepsen/invoke :f :read :value nil}",
       "line 1: unknown type :jepsen/invoke"},
      {"types that are texts", "{:process 0 :type \":invoke\" :f :read :value nil}",
       "line 1: unknown type \":invoke\""},
      {"types of several lines", "{:process 0 :type \"a\nb\" :f :read :value nil}",
       "line 1: unknown type \"a\\nb\""},
      {"list-append", Ops("0 invoke txn [[:append 1 2] [:r 3 nil]]"),
       "line 1: :txn is not an operation on a register"},
      {"a set", Ops("0 invoke add 1\n0 ok add 1"),
       "line 1: :add is not an operation on a register"},
      {"a queue", Ops("0 invoke enqueue 1"), "line 1: :enqueue is not an operation on a register"},
      {"a bank", Ops("0 invoke transfer {:from 1 :to 2 :amount 3}"),
       "line 1: :transfer is not an operation on a register"},
      {"keys among registers", Ops(kWrite1 + "0 invoke get nil"),
       "line 3: :get is not an operation on a register"},
      {"registers among keys",
       "{:process 0 :type :invoke :f :get :key \"a\" :value nil}\n" + Ops(kRead1),
       "line 2: :read is not one of :get, :put, :append"},
      {"lists in lists", "[[" + Ops(kWrite1) + "]]", "line 1: not an operation"},
      {"the nemesis alone", Ops(":nemesis info start nil"), "line 1: no operations"},
      {"nothing in a list", "[]", "line 1: no operations"},
      {"all of it skipped", "#_ " + Ops("0 invoke write 1"), "line 1: no operations"},
      {"JSON of others", "[{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}]\n",
       "line 1: a JSON list: of JSON, only Quorate's own lines are read"},
      {"JSON lines of others",
       "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}\n",
       "line 1: not the header of a history of Quorate; JSON of others is not read"},
  });
}

TEST(Edn, ThatIsNoneIsRefused) {
  ExpectAll({
      {"nothing to skip", "[#_]", "line 1: unexpected ']'"},
      {"nothing to skip at the end", "#_", "line 1: cut off: a value is missing"},
      {"closed twice", Ops(kWrite1) + "}", "line 3: unexpected '}'"},
      {"closed otherwise", "[{:process 0)", "line 1: unexpected ')'"},
      {"a key twice", "{:process 0 :process 1 :type :invoke :f :read}",
       "line 1: the same key or member twice"},
      {"octal", Ops("0 invoke write 017"), "line 1: not a number"},
      {"hexadecimal", Ops("0 invoke write 0x17"), "line 1: not a number"},
      {"by nothing", Ops("0 invoke write 1/0"), "line 1: not a number"},
      {"an escape", Ops("0 invoke write \"\\q\""), "line 1: an unknown \\ in a string"},
      {"half a character", Ops("0 invoke write \"\\u00\""), "line 1: an unknown \\ in a string"},
      {"two characters", Ops("0 invoke write \\ab"), "line 1: not a character"},
      {"a function", Ops("0 invoke write #(inc 1)"),
       "line 1: not a value: '#' before what is no tag"},
      {"a pattern", Ops("0 invoke write #\"a\""), "line 1: not a value: '#' before what is no tag"},
      {"a tag without a value", "[#a]", "line 1: unexpected ']'"},
  });
  std::string skips;
  for (int i = 0; i < 100'000; ++i) skips += "#_";
  EXPECT_EQ(VerdictOn(skips), "line 1: nested too deeply");
  std::string tags;
  for (int i = 0; i < 100'000; ++i) tags += "#a ";
  EXPECT_EQ(VerdictOn(tags), "line 1: nested too deeply");
  EXPECT_EQ(VerdictOn(std::string(100'000, '^')), "line 1: nested too deeply");
}

TEST(EtcdText, IsReadByWordsAndToTheEndOfEachLine) {
  const auto line = [](const std::string& rest) { return "INFO  jepsen.util - " + rest + "\n"; };
  const std::string write = line("0\t:invoke\t:write\t1") + line("0\t:ok\t:write\t1");
  ExpectAll({
      {"hints",
       line("6 \t:invoke :write \t38 \t:hint 0") + line("6 \t:ok :write \t38 \t:hint 2") +
           line("4 \t:invoke :read \tnil \t:hint 0") + line("4 \t:ok :read \t38 \t:hint 2"),
       "pass"},
      {"hints, and a stale read",
       line("6 \t:invoke :write \t38 \t:hint 0") + line("6 \t:ok :write \t38 \t:hint 2") +
           line("4 \t:invoke :read \tnil \t:hint 0") + line("4 \t:ok :read \tnil \t:hint 2"),
       "fail"},
      {"cas from nil",
       line("0 :invoke :cas [nil 1]") + line("0 :ok :cas [nil 1]") + line("1 :invoke :read nil") +
           line("1 :ok :read 1"),
       "pass"},
      {"cas from nil did not match",
       write + line("0 :invoke :cas [nil 1]") + line("0 :fail :cas [nil 1]"), "pass"},
      {"cas from nil must match", line("0 :invoke :cas [nil 1]") + line("0 :fail :cas [nil 1]"),
       "fail"},
      {"a debugger's line first", "DEBUG jepsen.core - x\n" + write, "pass"},
      {"another value", line("0 :invoke :write 12") + line("0 :ok :write 1"),
       "line 2: returns from another value than was asked for (cut off?)"},
      {"half a cas", line("0 :invoke :cas [1 2]") + line("0 :ok :cas [1"),
       "line 2: returns from another value than was asked for (cut off?)"},
      {"a trace", write + "java.lang.Exception: x\n", "line 3: not a line of a Jepsen log"},
      {"a hint that is none", line("0 :invoke :write 1 :hint x"),
       "line 1: not an operation on a register (cut off?)"},
      {"a value that is none", line("0 :invoke :write a"),
       "line 1: not an operation on a register (cut off?)"},
      {"a type of strange bytes", line("0 :in\x01voke :write 1"),
       "line 1: unknown type :in\\x01voke"},
  });
}

TEST(KvText, IsWhateverGetsPutsOrAppends) {
  const auto op = [](const std::string& head, const std::string& rest) {
    return "{:process " + head + ",\n :key " + rest + "}\n";
  };
  const std::string put = op("0 :type :invoke :f :put", "\"a\" :value \"x\"") +
                          op("0 :type :ok :f :put", "\"a\" :value \"x\"");
  const std::string get = op("1 :type :invoke :f :get", "\"a\" :value nil");
  ExpectAll({
      {"keys on a second line", put + get + op("1 :type :ok :f :get", "\"a\" :value \"x\""),
       "pass"},
      {"in a list", "[" + put + get + op("1 :type :ok :f :get", "\"a\" :value \"\"") + "]", "fail"},
      {"a get without a value asked",
       put + op("1 :type :invoke :f :get", "\"a\"") +
           op("1 :type :ok :f :get", "\"a\" :value \"x\""),
       "pass"},
      {"nothing is the empty text", get + op("1 :type :ok :f :get", "\"a\" :value nil") + put,
       "pass"},
      {"another key is empty",
       put + op("1 :type :invoke :f :get", ":a :value nil") +
           op("1 :type :ok :f :get", ":a :value \"\""),
       "pass"},
      {"another value",
       op("0 :type :invoke :f :put", "\"a\" :value \"x\"") +
           op("0 :type :ok :f :put", "\"a\" :value \"y\""),
       "line 3: returns from another value than was asked for"},
      {"another key",
       op("0 :type :invoke :f :put", "\"a\" :value \"x\"") +
           op("0 :type :ok :f :put", "\"b\" :value \"x\""),
       "line 3: returns from another key than was asked for"},
      {"a cas", put + op("0 :type :invoke :f :cas", "\"a\" :value [1 2]"),
       "line 5: :cas is not one of :get, :put, :append"},
      {"no key", put + "{:process 0 :type :invoke :f :get}", "line 5: an operation without :key"},
      {"a put of nothing", op("0 :type :invoke :f :put", "\"a\" :value nil"),
       "line 1: a write without a value"},
  });
}

TEST(OurLines, SayEverythingOnce) {
  const std::string header =
      "{\"quorate_history\":1,\"seed\":1,\"commit\":\"x\",\"scenario\":\"y\"}\n";
  const std::string put =
      "{\"i\":1,\"t\":1,\"p\":1,\"ty\":\"invoke\",\"f\":\"put\",\"k\":\"a\",\"v\":\"1\",\"ns\":0}\n"
      "{\"i\":1,\"t\":1,\"p\":1,\"ty\":\"ok\",\"st\":1,\"rev\":1,\"rows\":[{\"k\":\"a\",\"ver\":[0,"
      "3,0],\"v\":null}],"
      "\"w\":{\"era\":0,\"index\":3},\"node\":1}\n";
  const auto get = [](const std::string& more) {
    return "{\"i\":1,\"t\":1,\"p\":2,\"ty\":\"invoke\",\"f\":\"get\",\"k\":\"a\",\"ns\":0" + more +
           "}\n";
  };
  const std::string nothing =
      "{\"i\":1,\"t\":1,\"p\":2,\"ty\":\"ok\",\"st\":2,\"rev\":0,\"rows\":[{\"k\":\"a\",\"ver\":[0,"
      "0,0],\"v\":null}],"
      "\"w\":{\"era\":0,\"index\":2},\"node\":1}\n";
  const auto batch = [](const std::string& condition) {
    return "{\"i\":1,\"t\":1,\"p\":3,\"ty\":\"invoke\",\"f\":\"batch\",\"if\":[{\"k\":\"a\"," +
           condition + "}],\"do\":[],\"ns\":0}\n";
  };
  const auto by_version = [](const std::string& version) {
    return "{\"i\":1,\"t\":1,\"p\":3,\"ty\":\"invoke\",\"f\":\"casv\",\"k\":\"a\",\"exp\":" +
           version + ",\"v\":\"2\",\"ns\":0}\n";
  };
  ExpectAll({
      {"a stale read may be old", header + put + get(",\"stale\":true") + nothing, "pass"},
      {"one that is not, may not", header + put + get(",\"stale\":false") + nothing, "fail"},
      {"stale, perhaps", header + put + get(",\"stale\":1") + nothing,
       "line 4: stale: neither true nor false"},
      {"stale, and not", header + put + get(",\"stale\":true,\"stale\":false") + nothing,
       "line 4: the same field twice"},
      {"stale, misspelt", header + put + get(",\"stael\":true") + nothing,
       "line 4: unknown field \"stael\""},
      {"events, misspelt",
       "{\"quorate_history\":1,\"seed\":1,\"commit\":\"x\",\"scenario\":\"y\",\"event\":3}\n",
       "line 1: unknown field \"event\""},
      {"a read whose condition failed",
       header + put + get("") +
           "{\"i\":1,\"t\":1,\"p\":2,\"ty\":\"ok\",\"st\":3,\"rev\":0,\"rows\":[],"
           "\"w\":{\"era\":0,\"index\":2},\"node\":1}\n",
       "line 5: st: no status that this operation can have"},
      {"blank lines", header + "\r\n \t\n" + put + "  \n", "pass"},
      {"a type of two lines", header + "{\"p\":1,\"ty\":\"a\\nb\"}\n",
       "line 2: unknown type \"a\\u000ab\""},
      {"absent", header + batch("\"absent\":true"), "pass"},
      {"absent, not", header + batch("\"absent\":false"),
       "line 2: if: absent: is true or not there"},
      {"absent, and of a value", header + batch("\"absent\":true,\"v\":\"1\""),
       "line 2: if: a condition has one of absent, ver and v"},
      {"of no condition", header + batch("\"x\":1"),
       "line 2: if: a condition has one of absent, ver and v"},
      {"a version", header + by_version("[0,3,0]"), "pass"},
      {"an era too great", header + by_version("[4294967296,3,0]"),
       "line 2: exp: too large for a version"},
      {"an origin too great", header + by_version("[0,3,65536]"),
       "line 2: exp: too large for a version"},
  });
}

}  // namespace
}  // namespace quorate::sim
