#include "sim/cli/shard_report.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "sim/cli/args.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kFormat = 1;              // of reports
constexpr std::size_t kDigits = 16;               // of a number of 64 bits in hexadecimal
constexpr std::uint64_t kMostRuns = 100'000'000;  // of one shard: weeks of a machine's time

// Reads members by name and remembers the first one that is not as it should be.
class Reader {
 public:
  bool ok() const { return wrong_.empty(); }
  const std::string& wrong() const { return wrong_; }
  void Fail(std::string_view what) {
    if (ok()) wrong_ = what;
  }

  const Json& Member(const Json& from, const char* name) {
    if (from.is_object()) {
      const auto found = from.find(name);
      if (found != from.end()) return *found;
    }
    Fail(name);
    return nothing_;
  }
  std::uint64_t NumberOf(const Json& json, std::string_view name) {
    if (json.is_number_unsigned()) return json.get<std::uint64_t>();
    Fail(name);
    return 0;
  }
  std::uint64_t Number(const Json& from, const char* name) {
    return NumberOf(Member(from, name), name);
  }
  std::int64_t Signed(const Json& from, const char* name) {
    const Json& json = Member(from, name);
    if (json.is_number_integer()) return json.get<std::int64_t>();
    Fail(name);
    return 0;
  }
  std::string TextOf(const Json& json, std::string_view name) {
    if (json.is_string()) return json.get<std::string>();
    Fail(name);
    return "";
  }
  std::string Text(const Json& from, const char* name) { return TextOf(Member(from, name), name); }
  bool Flag(const Json& from, const char* name) {
    const Json& json = Member(from, name);
    if (json.is_boolean()) return json.get<bool>();
    Fail(name);
    return false;
  }
  std::uint64_t HexOf(std::string_view text, std::string_view name) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.size() != kDigits || error != std::errc() || end != text.data() + text.size())
      Fail(name);
    return value;
  }
  std::uint64_t Hex(const Json& from, const char* name) { return HexOf(Text(from, name), name); }
  const Json& List(const Json& from, const char* name) {
    const Json& json = Member(from, name);
    if (!json.is_array()) Fail(name);
    return json.is_array() ? json : empty_;
  }
  const Json& Object(const Json& from, const char* name) {
    const Json& json = Member(from, name);
    if (!json.is_object()) Fail(name);
    return json.is_object() ? json : nothing_;
  }
  std::vector<std::string> Texts(const Json& from, const char* name) {
    std::vector<std::string> texts;
    for (const Json& one : List(from, name)) texts.push_back(TextOf(one, name));
    return texts;
  }

 private:
  std::string wrong_;
  const Json nothing_ = Json::object();
  const Json empty_ = Json::array();
};

Counters CountersOf(Reader& in, const Json& from, const char* name) {
  Counters counters;
  for (const auto& [key, count] : in.Object(from, name).items()) {
    counters[key] = in.NumberOf(count, name);
  }
  return counters;
}

std::map<std::string, MarkCount> MarksOf(Reader& in, const Json& from) {
  std::map<std::string, MarkCount> marks;
  for (const auto& [key, count] : in.Object(from, "marks").items()) {
    marks[key] = {in.Number(count, "runs"), in.Number(count, "times")};
  }
  return marks;
}

Severity SeverityNamed(Reader& in, const std::string& name) {
  for (auto severity = Severity::kSafety; severity != Severity::kPass;
       severity = static_cast<Severity>(static_cast<int>(severity) + 1)) {
    if (name == NameOf(severity)) return severity;
  }
  if (name != NameOf(Severity::kPass)) in.Fail("verdicts");
  return Severity::kPass;
}

Excuse ExcuseOf(Reader& in, const Json& json) {
  const auto node = [](std::uint64_t number) { return NodeId(static_cast<std::uint32_t>(number)); };
  Excuse excuse;
  for (const Json& group : in.List(json, "groups")) {
    excuse.groups.emplace_back(static_cast<GroupId::rep>(in.NumberOf(group, "groups")));
  }
  for (const Json& voter : in.List(json, "voters")) {
    excuse.voters.push_back(node(in.NumberOf(voter, "voters")));
  }
  excuse.quorum = in.Number(json, "quorum");
  for (const Json& lost : in.List(json, "lost")) {
    excuse.lost.push_back({node(in.Number(lost, "node")), in.Text(lost, "fault"),
                           in.Number(lost, "event"), in.Signed(lost, "at_ns")});
  }
  excuse.since_event = in.Number(json, "since_event");
  excuse.since_ns = in.Signed(json, "since_ns");
  return excuse;
}

std::vector<FileSummary> FilesOf(Reader& in, const Json& report, const Json& more) {
  std::vector<FileSummary> files;
  for (const Json& json : in.List(report, "files")) {
    FileSummary& file = files.emplace_back();
    file.file = in.Text(json, "file");
    file.hash = Digest{in.Hex(json, "hash")};
    file.runs = in.Number(json, "runs");
    file.events = in.Number(json, "events");
    for (const auto& [name, count] : in.Object(json, "verdicts").items()) {
      file.by_severity[SeverityNamed(in, name)] = in.NumberOf(count, "verdicts");
    }
    file.marks = MarksOf(in, json);
  }
  const Json& list = in.List(more, "files");
  if (files.empty() || list.size() != files.size()) {
    in.Fail("files");
    return files;
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].path = in.Text(list[i], "path");
    files[i].required_marks = in.Texts(list[i], "required_marks");
    files[i].marks_after_runs = in.Number(list[i], "marks_after_runs");
  }
  return files;
}

std::vector<Finding> FindingsOf(Reader& in, const Json& report, const ShardReport& of) {
  std::vector<Finding> findings;
  for (const Json& json : in.List(report, "findings")) {
    Finding& finding = findings.emplace_back();
    finding.number = in.Number(json, "number");
    finding.seed = in.Number(json, "seed");
    if (!in.ok()) break;
    finding.file = finding.number % of.totals.files.size();
    finding.severity = SeverityNamed(in, in.Text(json, "verdict"));
    finding.checker = in.Text(json, "checker");
    finding.what = in.Text(json, "what");
    finding.event = in.Number(json, "event");
    finding.replay = in.Text(json, "replay");
    if (json.contains("certificate")) finding.certificate = ExcuseOf(in, json["certificate"]);
    if (json.contains("shrunk")) {
      const Json& size = in.Object(json, "shrunk");
      finding.shrunk = RunSize{in.Signed(size, "nodes"), in.Number(size, "operations"),
                               in.Number(size, "faults"), in.Number(size, "events")};
    }
    const Shard& shard = *of.totals.shard;
    if (finding.number >= of.totals.seeds || finding.number % shard.of != shard.index ||
        finding.seed != of.first_seed + finding.number || finding.severity == Severity::kPass)
      in.Fail("findings");
  }
  return findings;
}

// The runs of a shard are its first ones, in order: only their number need be known.
void RunsOf(Reader& in, const Json& report, ShardReport& of) {
  SuiteTotals& totals = of.totals;
  const Shard& shard = *totals.shard;
  const std::uint64_t runs = in.Number(report, "runs");
  const std::uint64_t most =
      shard.index < totals.seeds ? (totals.seeds - shard.index - 1) / shard.of + 1 : 0;
  std::uint64_t by_file = 0;
  for (const FileSummary& file : totals.files) by_file += file.runs;
  if (runs > most || by_file != runs || runs > kMostRuns) in.Fail("runs");
  if (!in.ok()) return;
  for (std::uint64_t place = 0; place < runs; ++place) {
    const std::uint64_t number = shard.index + place * shard.of;
    totals.runs.push_back({number, number % totals.files.size(), of.first_seed + number});
  }
}

CoverageTally CoverageOf(Reader& in, const Json& shard) {
  CoverageTally tally;
  for (const auto& [name, json] : in.Object(shard, "states").items()) {
    const std::string numbers = in.TextOf(json, "states");
    std::uint64_t step = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
    if (error != std::errc() || end != name.data() + name.size() || step > 64 ||
        numbers.size() % kDigits != 0)
      in.Fail("states");
    for (std::size_t at = 0; in.ok() && at < numbers.size(); at += kDigits) {
      tally.AddState(in.HexOf(std::string_view(numbers).substr(at, kDigits), "states"),
                     static_cast<CoverageTally::Step>(step));
    }
  }
  FeaturePairs pairs;
  const Json& with = in.List(shard, "features_with");
  if (with.size() != kFeatures) in.Fail("features_with");
  for (std::size_t feature = 0; in.ok() && feature < kFeatures; ++feature) {
    pairs.SetWith(feature, static_cast<FeatureSet>(in.NumberOf(with[feature], "features_with")));
  }
  tally.AddPairs(pairs);
  return tally;
}

std::vector<TwinRun> TwinsOf(Reader& in, const Json& shard) {
  std::vector<TwinRun> twins;
  for (const Json& json : in.List(shard, "run_twice")) {
    twins.push_back({in.Number(json, "number"), in.Flag(json, "sampled"), in.Flag(json, "failed")});
  }
  return twins;
}

// ---- what is told twice must agree ------------------------------------------------------------------------

bool IsOwnRun(const SuiteTotals& totals, std::uint64_t number) {
  return number % totals.shard->of == totals.shard->index &&
         number / totals.shard->of < totals.runs.size();
}

bool MarksAgree(const SuiteTotals& totals) {
  std::map<std::string, MarkCount> sums;
  for (const FileSummary& file : totals.files) {
    for (const auto& [name, count] : file.marks) {
      if (count.runs == 0 || count.runs > file.runs || count.times < count.runs) return false;
      sums[name].runs += count.runs;
      sums[name].times += count.times;
    }
  }
  return sums == totals.marks;
}

bool EventsAgree(const SuiteTotals& totals) {
  std::uint64_t events = 0;
  for (const FileSummary& file : totals.files) events += file.events;
  return events == totals.events;
}

// Every run has one verdict, and every verdict but "pass" is a finding. A run that failed may differ the second time.
bool VerdictsAgree(const SuiteTotals& totals) {
  std::map<std::pair<std::uint64_t, Severity>, std::uint64_t> found;  // by file
  std::set<std::pair<std::uint64_t, bool>> runs;
  for (const Finding& finding : totals.findings) {
    const bool second = finding.severity == Severity::kNonDeterminism;
    if (!IsOwnRun(totals, finding.number)) return false;
    if (!runs.insert({finding.number, second}).second) return false;
    ++found[{finding.file, finding.severity}];
  }
  for (std::size_t i = 0; i < totals.files.size(); ++i) {
    std::uint64_t failed = 0;
    std::uint64_t passed = 0;
    for (const auto& [severity, count] : totals.files[i].by_severity) {
      if (severity == Severity::kPass) {
        passed = count;
        continue;
      }
      const auto told = found.find({i, severity});
      if (count != (told == found.end() ? 0 : told->second)) return false;
      if (told != found.end()) found.erase(told);
      if (severity != Severity::kNonDeterminism) failed += count;
    }
    if (failed > totals.files[i].runs || passed != totals.files[i].runs - failed) return false;
  }
  return found.empty();
}

// Each run at most once, in order, and no run fails here that did not fail there.
bool TwinsAgree(const SuiteTotals& totals) {
  std::set<std::uint64_t> failed;
  for (const Finding& finding : totals.findings) {
    if (IsFailure(finding.severity) && finding.severity != Severity::kNonDeterminism)
      failed.insert(finding.number);
  }
  for (std::size_t i = 0; i < totals.twin_runs.size(); ++i) {
    const TwinRun& twin = totals.twin_runs[i];
    if (!IsOwnRun(totals, twin.number) || twin.failed != failed.contains(twin.number)) return false;
    if (!twin.sampled && !twin.failed) return false;
    if (i > 0 && twin.number <= totals.twin_runs[i - 1].number) return false;
  }
  return totals.twins <= totals.twin_runs.size();
}

void CheckSums(Reader& in, const SuiteTotals& totals) {
  if (!VerdictsAgree(totals)) in.Fail("verdicts");
  if (!EventsAgree(totals)) in.Fail("events");
  if (!MarksAgree(totals)) in.Fail("marks");
  if (!TwinsAgree(totals)) in.Fail("run_twice");
}

void Read(Reader& in, const Json& report, const Json& shard, ShardReport& out) {
  SuiteTotals& totals = out.totals;
  totals.shard = Shard{in.Number(shard, "index"), in.Number(shard, "of")};
  if (in.ok() && totals.shard->index >= totals.shard->of) in.Fail("shard");
  out.first_seed = in.Number(report, "first_seed");
  totals.seeds = in.Number(report, "seeds");
  totals.origin = {in.Text(shard, "program"), in.Text(report, "version"), in.Text(report, "commit"),
                   in.Texts(report, "left_out")};
  totals.files = FilesOf(in, report, shard);
  if (in.ok()) totals.findings = FindingsOf(in, report, out);
  if (in.ok()) RunsOf(in, report, out);
  totals.events = in.Number(report, "events");
  totals.virtual_ns = in.Signed(report, "simulated_ns");
  totals.twins = in.Number(report, "run_twice");
  totals.twin_runs = TwinsOf(in, shard);
  totals.out_of_time = in.Flag(report, "out_of_time");
  totals.interrupted = in.Flag(report, "interrupted");
  totals.injected = CountersOf(in, report, "injected");
  totals.checked = CountersOf(in, report, "checked");
  totals.operations = CountersOf(in, report, "operations");
  totals.ignored = CountersOf(in, report, "ignored");
  totals.marks = MarksOf(in, report);
  totals.coverage = CoverageOf(in, shard);
  totals.digest = Digest{in.Hex(report, "digest")};
  if (in.ok()) CheckSums(in, totals);
}

absl::Status Wrong(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(Cat(path, ": ", why));
}

}  // namespace

nlohmann::ordered_json ShardJson(const Summary& summary) {
  const SuiteTotals& totals = summary.totals();
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const FileSummary& file : totals.files) {
    files.push_back({{"path", file.path},
                     {"required_marks", file.required_marks},
                     {"marks_after_runs", file.marks_after_runs}});
  }
  nlohmann::ordered_json twins = nlohmann::ordered_json::array();
  for (const TwinRun& run : totals.twin_runs) {
    twins.push_back({{"number", run.number}, {"sampled", run.sampled}, {"failed", run.failed}});
  }
  std::map<CoverageTally::Step, std::string> by_step;
  for (const auto& [state, step] : totals.coverage.states()) {
    by_step[step] += Render(Digest{state});
  }
  nlohmann::ordered_json states = nlohmann::ordered_json::object();
  for (const auto& [step, numbers] : by_step) states[std::to_string(step)] = numbers;
  nlohmann::ordered_json with = nlohmann::ordered_json::array();
  for (std::size_t feature = 0; feature < kFeatures; ++feature) {
    with.push_back(totals.coverage.pairs().With(feature));
  }
  return {{"index", totals.shard->index},
          {"of", totals.shard->of},
          {"program", totals.origin.program},
          {"files", files},
          {"run_twice", twins},
          {"features_with", with},
          {"states", states}};
}

absl::StatusOr<ShardReport> ParseShardReport(const std::string& path, const std::string& text) {
  const Json report = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (report.is_discarded()) return Wrong(path, "is no report: cut off, or not JSON");
  if (!report.is_object() || !report.contains("quorate_sim"))
    return Wrong(path, "is no report of quorate-sim");
  if (report["quorate_sim"] != kFormat)
    return Wrong(path, Cat("is a report of another format than ", kFormat));
  if (!report.contains("shard"))
    return Wrong(path, "is the report of a whole suite, not of a shard (run --shard I/N)");
  Reader in;
  ShardReport out;
  out.path = path;
  Read(in, report, report["shard"], out);
  if (!in.ok()) return Wrong(path, Cat("is a spoiled report: \"", in.wrong(), "\""));
  return out;
}

absl::StatusOr<ShardReport> ReadShardReport(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Wrong(path, "no such file");
  if (std::filesystem::is_directory(path, error)) return Wrong(path, "is a directory");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Wrong(path, "cannot be read");
  return ParseShardReport(path, text.str());
}

}  // namespace quorate::sim
