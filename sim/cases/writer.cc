#include "sim/cases/writer.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cases/codec.h"
#include "sim/cases/describe.h"
#include "sim/cases/engine_replay.h"
#include "sim/invariant_texts.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kStepsOfPart = 500;  // of one function: compilers take long ones badly

// ---- C++ -----------------------------------------------------------------------------------------------

// "1'203'000"
std::string Digits(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, "'");
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return number > kMost ? text + "u" : text;
}
std::string Digits(std::int64_t number) {
  if (number >= 0) return Digits(static_cast<std::uint64_t>(number));
  return "-" + Digits(static_cast<std::uint64_t>(-number));
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}
std::string Hex(Digest digest) {
  std::string bytes;
  Encoder(bytes).BigU64(digest.value);
  return "0x" + Hex(bytes);
}

std::string Literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < ' ' || c > '~') {  // three octal digits: never more, whatever follows
      const auto byte = static_cast<unsigned char>(c);
      out += '\\';
      for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + (byte >> shift & 7));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Letters and digits of `text`, each word with a capital: a name for GoogleTest, which wants no underscores, and
// C++ no digit in front.
std::string Name(std::string_view text) {
  std::string name;
  bool begins = true;
  for (const char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter) == 0) {
      begins = true;
      continue;
    }
    if (name.empty() && std::isdigit(letter) != 0) name = "Of";
    name += begins ? static_cast<char>(std::toupper(letter)) : c;
    begins = false;
  }
  return name;
}

std::string StemOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return std::string(path.substr(0, path.find('.')));
}

// ---- options -------------------------------------------------------------------------------------------

std::string Value(Duration span) {
  constexpr std::int64_t kMilli = 1'000'000;
  if (span.ns % kMilli == 0) return Cat("Milliseconds(", Digits(span.ns / kMilli), ")");
  return Cat("Duration{", Digits(span.ns), "}");
}
std::string Value(std::uint64_t number) { return Digits(number); }

using NamedValues = std::vector<std::pair<std::string, std::string>>;

// Every field: a new one breaks the build here.
NamedValues ValuesOf(const Options& options) {
  NamedValues values;
  const auto add = [&values](const char* name, const auto& field) {
    values.emplace_back(name, Value(field));
  };
  const auto& [heartbeat, election_timeout_min, election_timeout_max, resend, request_timeout,
               max_append_entries, max_append_bytes, max_inflight_messages, max_inflight_bytes,
               max_unapplied_bytes, max_apply_entries, max_apply_bytes, log_cache_entries,
               log_cache_bytes, snapshot_every, log_keep, max_view_age, snapshot_chunk_bytes,
               max_requests, max_reads_per_round, max_parked_requests, max_lent_sessions, kv,
               seed] = options;
  add("heartbeat", heartbeat);
  add("election_timeout_min", election_timeout_min);
  add("election_timeout_max", election_timeout_max);
  add("resend", resend);
  add("request_timeout", request_timeout);
  add("max_append_entries", max_append_entries);
  add("max_append_bytes", max_append_bytes);
  add("max_inflight_messages", max_inflight_messages);
  add("max_inflight_bytes", max_inflight_bytes);
  add("max_unapplied_bytes", max_unapplied_bytes);
  add("max_apply_entries", max_apply_entries);
  add("max_apply_bytes", max_apply_bytes);
  add("log_cache_entries", log_cache_entries);
  add("log_cache_bytes", log_cache_bytes);
  add("snapshot_every", snapshot_every);
  add("log_keep", log_keep);
  add("max_view_age", max_view_age);
  add("snapshot_chunk_bytes", snapshot_chunk_bytes);
  add("max_requests", max_requests);
  add("max_reads_per_round", max_reads_per_round);
  add("max_parked_requests", max_parked_requests);
  add("max_lent_sessions", max_lent_sessions);
  const auto& [max_key_bytes, max_value_bytes, max_batch_operations, max_batch_bytes,
               max_range_rows, max_range_bytes, max_sessions, session_window, session_window_bytes,
               nonce_window] = kv;
  add("kv.max_key_bytes", max_key_bytes);
  add("kv.max_value_bytes", max_value_bytes);
  add("kv.max_batch_operations", max_batch_operations);
  add("kv.max_batch_bytes", max_batch_bytes);
  add("kv.max_range_rows", max_range_rows);
  add("kv.max_range_bytes", max_range_bytes);
  add("kv.max_sessions", max_sessions);
  add("kv.session_window", session_window);
  add("kv.session_window_bytes", session_window_bytes);
  add("kv.nonce_window", nonce_window);
  add("seed", seed);
  return values;
}

// All of them, since defaults may change.
std::string OptionsFunction(const Options& options) {
  std::string text = "Options OptionsOfTheRun() {\n  Options options;\n";
  for (const auto& [name, value] : ValuesOf(options)) {
    text += Cat("  options.", name, " = ", value, ";\n");
  }
  return text + "  return options;\n}\n";
}

// ---- steps ---------------------------------------------------------------------------------------------

std::string Line(const RecordedStep& step) {
  const Recovered* recovered = std::get_if<Recovered>(&step.given);
  const bool boots = recovered != nullptr;
  const std::string bytes =
      boots ? EncodeRecovered(*recovered) : EncodeInput(std::get<Input>(step.given));
  std::string what = Cat("#", step.event, " ",
                         boots ? Describe(*recovered) : Describe(std::get<Input>(step.given)));
  if (!step.changed.empty()) what += Cat(" => ", step.changed);
  std::string text =
      Cat("  replay.",
          boots       ? "Boot"
          : step.done ? "Step"
                      : "FailingStep",
          "(", step.node.value(), ", ", Digits(step.now.mono.ns), ", ",
          Digits(step.now.wall.ns - kReplayEpoch), ", ", Literal(what), ", \"", Hex(bytes), "\"");
  if (boots || step.done) text += Cat(", ", Hex(step.effects));
  return text + ");\n";
}

struct Chosen {
  std::vector<const RecordedStep*> steps;
  bool all = true;
};

Chosen Choose(const RecordedRun& run, std::size_t most_of_all) {
  Chosen chosen;
  chosen.all = run.steps.size() <= most_of_all || !run.SeenInLastStep();
  for (const RecordedStep& step : run.steps) {
    if (chosen.all || step.node == run.steps.back().node) chosen.steps.push_back(&step);
  }
  return chosen;
}

// The lines of all steps, in functions of a bearable length if they are many; what calls them is in `calls`.
std::string Parts(const Chosen& chosen, std::string& calls) {
  std::string lines;
  for (std::size_t first = 0; first < chosen.steps.size(); first += kStepsOfPart) {
    const std::size_t end = std::min(first + kStepsOfPart, chosen.steps.size());
    const std::string name = Cat("Steps", first + 1, "To", end);
    calls += Cat("  ", name, "(replay);\n");
    lines += Cat("void ", name, "(EngineReplay& replay) {\n");
    for (std::size_t i = first; i < end; ++i) lines += Line(*chosen.steps[i]);
    lines += "}\n\n";
  }
  return lines;
}

// What may stand behind `//`.
std::string InComment(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\\') c = '?';
  }
  return text;
}

std::string Comment(const RecordedRun& run, const Chosen& chosen) {
  std::string text = Cat(
      "// Recorded by `quorate-sim replay ", InComment(run.scenario), " --seed ", run.seed,
      " --test FILE`\n// (commit ", run.commit,
      run.scenario_hash.empty() ? "" : Cat(", scenario ", run.scenario_hash), "): what the engine",
      chosen.all ? "s of all nodes were" : Cat(" of n", run.steps.back().node.value(), " was"),
      " given in that run, ", chosen.steps.size(), " steps in its order");
  if (!run.violation) {
    return text +
           ". No simulator is needed for it: `tools/dev case FILE`.\n"
           "// PASSES as long as the engine does at every step what it did there.\n";
  }
  text +=
      Cat(" up to the violation at event ", run.violation->event,
          ".\n// No simulator is needed for it: `tools/dev case FILE`.\n"
          "// FAILS as long as the engine does at every step what it did there: then what was "
          "violated still "
          "is.\n// PASSES once it does something else at the last step. SKIPPED once it goes "
          "another way before: then "
          "it was\n// mended, or changed elsewhere, and only the simulation itself can tell.\n");
  return text;
}

std::string_view HoldsOf(std::string_view id) {
  for (const auto& [known, text] : kInvariantTexts) {
    if (id == known) return text;
  }
  return "";
}

std::string Verdict(const RecordedRun& run) {
  if (!run.violation) {
    return "  EXPECT_EQ(replay.course(), Course::kRepeated) << replay.story();\n";
  }
  const Violation& violation = *run.violation;
  return Cat(
      "  if (replay.course() == Course::kElsewhere) GTEST_SKIP() << replay.story();\n"
      "  EXPECT_EQ(replay.course(), Course::kOtherEnd)\n      << ",
      Literal(Cat(violation.id, " is to hold: ", HoldsOf(violation.id), ".\n")), "\n      << ",
      Literal(Cat(violation.what, "\n")), "\n      << replay.story();\n");
}

}  // namespace

std::string WriteEngineCase(const RecordedRun& run, std::size_t most_steps_of_all) {
  const Chosen chosen = Choose(run, most_steps_of_all);
  std::string calls;
  const std::string parts = Parts(chosen, calls);
  std::string text = Cat(Comment(run, chosen),
                         "#include <gtest/gtest.h>\n\n#include \"sim/cases/engine_replay.h\"\n\n"
                         "namespace quorate::sim {\nnamespace {\n\n",
                         OptionsFunction(run.options), "\n",
                         "// One line a step: node, monotonic and wall clock, event of the run and "
                         "what it was, its bytes, "
                         "digest of what\n// it led to. `=>`: what a reader looks for.\n",
                         parts, "TEST(", Name(StemOf(run.scenario)), "Seed", run.seed, ", ",
                         run.violation ? "Violates" + Name(run.violation->id) : "IsRepeated",
                         ") {\n  EngineReplay replay(OptionsOfTheRun());\n", calls);
  if (!chosen.steps.empty() && chosen.steps.back()->done) {
    const RecordedStep& last = *chosen.steps.back();
    text += Cat("  replay.State(", last.node.value(), ", ", Hex(last.state), ");\n");
  }
  return text + Verdict(run) + "}\n\n}  // namespace\n}  // namespace quorate::sim\n";
}

}  // namespace quorate::sim
