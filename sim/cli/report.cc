#include "sim/cli/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/cli/args.h"
#include "sim/cli/not_reached.h"
#include "sim/cli/shard_report.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::string_view kOutOfTime = "OUT OF TIME: fewer runs than asked for\n";
constexpr std::size_t kMostFindings = 20;  // in the table; JSON and JUnit have all of them

std::string Padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}
std::string RightOf(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// A word of a shell command, quoted if it has to be.
std::string Quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+=:,@%").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// As they stand behind a command: each with a blank before it.
std::string OptionsText(const Origin& origin) {
  std::string text;
  for (const std::string& option : origin.options) text += Cat(" ", Quoted(option));
  return text;
}

std::string OneLine(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

std::string RenderCounters(std::string_view title, const Counters& counters) {
  if (counters.empty()) return "";
  std::string text = Cat("\n", title, "\n");
  for (const auto& [name, count] : counters) {
    text += Cat("  ", Padded(name, 40), RightOf(Grouped(count), 16), "\n");
  }
  return text;
}

std::string RenderMarks(const Summary& summary) {
  if (summary.marks().empty()) return "";
  std::string text = "\nmarks reached" + RightOf("runs", 34) + RightOf("times", 11) + "\n";
  for (const auto& [name, count] : summary.marks()) {
    text += Cat("  ", Padded(name, 35), RightOf(Grouped(count.runs), 10),
                RightOf(Grouped(count.times), 11), "\n");
  }
  return text;
}

nlohmann::ordered_json CountersJson(const Counters& counters) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, count] : counters) json[name] = count;
  return json;
}

nlohmann::ordered_json MarksJson(const std::map<std::string, MarkCount>& marks) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, count] : marks)
    json[name] = {{"runs", count.runs}, {"times", count.times}};
  return json;
}

nlohmann::ordered_json VerdictsJson(const std::map<Severity, std::uint64_t>& counts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [severity, count] : counts) json[NameOf(severity)] = count;
  return json;
}

nlohmann::ordered_json ExcuseJson(const Excuse& excuse) {
  nlohmann::ordered_json json = {{"groups", nlohmann::ordered_json::array()},
                                 {"voters", nlohmann::ordered_json::array()},
                                 {"quorum", excuse.quorum},
                                 {"lost", nlohmann::ordered_json::array()},
                                 {"since_event", excuse.since_event},
                                 {"since_ns", excuse.since_ns}};
  for (const GroupId group : excuse.groups) json["groups"].push_back(group.value());
  for (const NodeId voter : excuse.voters) json["voters"].push_back(voter.value());
  for (const Damage& damage : excuse.lost) {
    json["lost"].push_back({{"node", damage.node.value()},
                            {"fault", damage.fault},
                            {"event", damage.event},
                            {"at_ns", damage.at_ns}});
  }
  return json;
}

// XML 1.0 knows no other control characters than these three, even escaped.
std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        // Bytes above 127 are not vouched for; a report must be well-formed whatever a message
        // holds.
        out +=
            static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    }
  }
  return out;
}

void AddCase(std::string& xml, const std::string& file, std::uint64_t seed,
             const std::string& inside) {
  xml += Cat("    <testcase classname=\"", Xml(file), "\" name=\"seed ", seed, "\"");
  xml += inside.empty() ? "/>\n" : Cat(">", inside, "</testcase>\n");
}

// Of a shard: its own.
std::uint64_t AskedFor(const Summary& summary) {
  const std::uint64_t seeds = summary.runs_asked_for();
  if (!summary.shard()) return seeds;
  const Shard& shard = *summary.shard();
  return shard.index >= seeds ? 0 : (seeds - shard.index - 1) / shard.of + 1;
}

}  // namespace

std::string Grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, " ");
  }
  return digits;
}

std::string RenderSpan(std::int64_t ns) {
  const std::int64_t seconds = ns / 1'000'000'000;
  if (seconds < 60) {
    const std::string tenths = std::to_string(ns / 100'000'000 % 10);
    return Cat(seconds, ".", tenths, " s");
  }
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) return Cat(minutes, " min ", seconds % 60, " s");
  return Cat(Grouped(static_cast<std::uint64_t>(minutes / 60)), " h ", minutes % 60, " min ",
             seconds % 60, " s");
}

std::uint64_t PerSecond(std::uint64_t count, std::uint64_t ms) {
  return static_cast<std::uint64_t>(static_cast<Wide>(count) * 1'000 /
                                    std::max<std::uint64_t>(ms, 1));
}

std::string ReplayLine(const Summary& summary, const Finding& finding) {
  if (!finding.replay.empty()) return finding.replay;
  const FileSummary& file = summary.files()[finding.file];
  return Cat(Quoted(summary.origin().program), " replay ", Quoted(file.path), " --seed ",
             finding.seed, OptionsText(summary.origin()), "  # commit ", summary.origin().commit,
             ", scenario ", Render(file.hash));
}

std::string Render(const Summary& summary, const Finding& finding) {
  return Cat(IsFailure(finding.severity) ? "FAIL " : "", NameOf(finding.severity),
             finding.checker.empty() ? "" : " ", finding.checker, ": ", OneLine(finding.what),
             " | ", ReplayLine(summary, finding));
}

std::string RenderBrief(const Summary& summary) {
  std::string text;
  for (const Finding& finding : summary.findings()) {
    if (IsFailure(finding.severity)) text += Render(summary, finding) + "\n";
  }
  for (const std::string& gate : summary.MissedGates()) text += Cat("GATE ", gate, "\n");
  if (summary.out_of_time()) text += kOutOfTime;
  return text;
}

std::string RenderTable(const Summary& summary, std::uint64_t first_seed) {
  const std::uint64_t runs = summary.runs().size();
  std::string text = Cat("runs         ", Grouped(runs), " of ", summary.files().size(),
                         " scenarios, seeds from ", first_seed, "\n");
  if (const std::optional<Shard>& shard = summary.shard()) {
    text += Cat("shard        ", shard->index, "/", shard->of,
                ": marks and excuses are judged by `quorate-sim merge` of all shards\n");
  }
  if (!summary.origin().options.empty()) {
    text += Cat("left out    ", OptionsText(summary.origin()), "\n");
  }
  text += Cat("verdicts     pass ", summary.count(Severity::kPass), " · fail ", summary.failures(),
              " · excused ", summary.count(Severity::kExcused), " · unknown ",
              summary.count(Severity::kUnknown), "\n");
  text += Cat("events       ", Grouped(summary.events()), " (",
              Grouped(runs == 0 ? 0 : summary.events() / runs), " a run)\n");
  text += Cat("simulated    ", RenderSpan(summary.virtual_ns()), "\n");
  text += Cat("run twice    ", Grouped(summary.twins()), "\n");
  text += Cat("digest       ", Render(summary.digest()), "\n");
  text += RenderCounters("injected", summary.injected());
  text += RenderCounters("checked", summary.checked());
  text += RenderCounters("client operations", summary.operations());
  text += RenderCounters("violations passed over", summary.ignored());
  text += RenderMarks(summary);
  text += RenderCoverage(summary);
  text += RenderNotReached(summary);
  std::size_t shown = 0;
  for (const Finding& finding : summary.findings()) {
    if (shown == kMostFindings) {
      text += Cat("\n… and ", summary.findings().size() - shown, " more");
      break;
    }
    text += Cat(shown++ == 0 ? "\n" : "", Render(summary, finding), "\n");
    if (finding.shrunk)
      text += Cat("     shrunk to ", Render(*finding.shrunk), ": see ", FingerprintOf(finding),
                  "/story.txt\n");
  }
  for (const std::string& gate : summary.MissedGates()) text += Cat("\nGATE ", gate, "\n");
  if (summary.interrupted()) {
    const std::uint64_t asked = AskedFor(summary);
    text += runs < asked ? Cat("\nINTERRUPTED: ", Grouped(runs), " of ", Grouped(asked), " runs\n")
                         : "\nINTERRUPTED: all runs were made, but not all of those that were to "
                           "be made twice\n";
  }
  if (summary.out_of_time()) text += Cat("\n", kOutOfTime);
  return text;
}

std::string RenderResult(const RunResult& result) {
  std::string text = Cat("verdict      ", NameOf(result.verdict), "\n");
  if (result.violation) {
    text += Cat("checker      ", result.violation->id, "\nfound        ", result.violation->what,
                "\nat event     ", Grouped(result.violation->event), "\n");
  }
  if (!result.excuse.empty()) text += Cat("because      ", result.excuse, "\n");
  text += Cat("events       ", Grouped(result.events), "\nsimulated    ",
              RenderSpan(result.virtual_ns), "\ndigest       ", Render(result.digest), "\n");
  text += RenderCounters("injected", result.injected);
  text += RenderCounters("checked", result.checked);
  text += RenderCounters("client operations", result.operations);
  text += RenderCounters("violations passed over", result.ignored);
  text += RenderCounters("marks reached", result.marks);
  return text;
}

std::string RenderJson(const Summary& summary, std::uint64_t first_seed) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const FileSummary& file : summary.files()) {
    files.push_back({{"file", file.file},
                     {"hash", Render(file.hash)},
                     {"runs", file.runs},
                     {"events", file.events},
                     {"verdicts", VerdictsJson(file.by_severity)},
                     {"marks", MarksJson(file.marks)}});
  }
  std::map<Severity, std::uint64_t> verdicts;
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& finding : summary.findings()) {
    nlohmann::ordered_json json = {{"verdict", NameOf(finding.severity)},
                                   {"checker", finding.checker},
                                   {"what", finding.what},
                                   {"event", finding.event},
                                   {"file", summary.files()[finding.file].file},
                                   {"scenario", Render(summary.files()[finding.file].hash)},
                                   {"seed", finding.seed},
                                   {"number", finding.number},
                                   {"fingerprint", FingerprintOf(finding)},
                                   {"replay", ReplayLine(summary, finding)}};
    if (finding.shrunk) {
      json["shrunk"] = {{"nodes", finding.shrunk->nodes},
                        {"operations", finding.shrunk->operations},
                        {"faults", finding.shrunk->faults},
                        {"events", finding.shrunk->events}};
    }
    if (finding.certificate) json["certificate"] = ExcuseJson(*finding.certificate);
    findings.push_back(std::move(json));
  }
  for (const FileSummary& file : summary.files()) {
    for (const auto& [severity, count] : file.by_severity) verdicts[severity] += count;
  }
  nlohmann::ordered_json json = {{"quorate_sim", 1},
                                 {"version", summary.origin().version},
                                 {"commit", summary.origin().commit},
                                 {"exit_code", static_cast<int>(summary.exit_code())},
                                 {"first_seed", first_seed},
                                 {"seeds", summary.runs_asked_for()},
                                 {"runs", summary.runs().size()},
                                 {"run_twice", summary.twins()},
                                 {"out_of_time", summary.out_of_time()},
                                 {"interrupted", summary.interrupted()},
                                 {"events", summary.events()},
                                 {"simulated_ns", summary.virtual_ns()},
                                 {"digest", Render(summary.digest())},
                                 {"verdicts", VerdictsJson(verdicts)},
                                 {"injected", CountersJson(summary.injected())},
                                 {"checked", CountersJson(summary.checked())},
                                 {"operations", CountersJson(summary.operations())},
                                 {"left_out", summary.origin().options},
                                 {"ignored", CountersJson(summary.ignored())},
                                 {"marks", MarksJson(summary.marks())},
                                 {"missed_gates", summary.MissedGates()},
                                 {"coverage", CoverageJson(summary)},
                                 {"not_reached", NotReachedJson(summary)},
                                 {"files", files},
                                 {"findings", findings}};
  if (summary.shard()) json["shard"] = ShardJson(summary);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string RenderJUnit(const Summary& summary) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Finding*> by_run;
  for (const Finding& finding : summary.findings()) by_run[{finding.file, finding.seed}] = &finding;
  std::uint64_t failures = 0;
  std::uint64_t skipped = 0;
  std::string cases;
  for (const RunLine& run : summary.runs()) {
    const auto found = by_run.find({run.file, run.seed});
    std::string inside;
    if (found != by_run.end() && IsFailure(found->second->severity)) {
      ++failures;
      const Finding& finding = *found->second;
      inside = Cat("<failure type=\"", Xml(FingerprintOf(finding)), "\" message=\"",
                   Xml(finding.what), "\">", Xml(ReplayLine(summary, finding)), "</failure>");
    } else if (found != by_run.end()) {
      ++skipped;
      inside = Cat("<skipped message=\"", NameOf(found->second->severity), ": ",
                   Xml(found->second->what), "\"/>");
    }
    AddCase(cases, summary.files()[run.file].file, run.seed, inside);
  }
  const std::vector<std::string> gates = summary.MissedGates();
  for (const std::string& gate : gates) {
    cases +=
        Cat("    <testcase classname=\"suite\" name=\"gate\"><failure type=\"gate\" message=\"",
            Xml(gate), "\"/></testcase>\n");
  }
  return Cat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"quorate-sim\" "
      "tests=\"",
      summary.runs().size() + gates.size(), "\" failures=\"", failures + gates.size(),
      "\" skipped=\"", skipped, "\">\n", cases, "  </testsuite>\n</testsuites>\n");
}

}  // namespace quorate::sim
