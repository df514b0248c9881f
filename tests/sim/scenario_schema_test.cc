// The schema: it has the reader's keys, and the scenarios that ship are what it describes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "sim/scenario/fields.h"
#include "sim/scenario/scenario.h"

namespace quorate::sim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const json& Schema() {
  static const json schema = json::parse(ScenarioSchema());
  return schema;
}

// As much of JSON Schema as ours uses; anything else in it is an error here, so that nothing goes
// unchecked.
bool Fits(const json& schema, const json& value);

bool FitsType(const std::string& type, const json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  ADD_FAILURE() << "no such type: " << type;
  return false;
}

std::size_t CountFits(const json& schemas, const json& value) {
  std::size_t count = 0;
  for (const json& each : schemas) count += Fits(each, value) ? 1 : 0;
  return count;
}

bool FitsProperties(const json& schema, const json& value) {
  if (!value.is_object()) return true;
  for (const auto& [key, child] : value.items()) {
    if (!schema.at("properties").contains(key) || !Fits(schema.at("properties").at(key), child)) {
      return false;
    }
  }
  return true;
}

bool FitsWord(const json& schema, const std::string& word, const json& bound, const json& value) {
  if (word == "$ref") {
    return Fits(Schema().at(json::json_pointer(bound.get<std::string>().substr(1))), value);
  }
  if (word == "type") return FitsType(bound, value);
  if (word == "const") return value == bound;
  if (word == "enum") return std::find(bound.begin(), bound.end(), value) != bound.end();
  if (word == "minimum") return !value.is_number() || value >= bound;
  if (word == "maximum") return !value.is_number() || value <= bound;
  if (word == "minLength") return !value.is_string() || value.get<std::string>().size() >= bound;
  if (word == "maxLength") return !value.is_string() || value.get<std::string>().size() <= bound;
  if (word == "minItems") return !value.is_array() || value.size() >= bound;
  if (word == "maxItems") return !value.is_array() || value.size() <= bound;
  if (word == "uniqueItems") {
    return !value.is_array() || std::set<json>(value.begin(), value.end()).size() == value.size();
  }
  if (word == "pattern") {
    return !value.is_string() ||
           std::regex_search(value.get<std::string>(), std::regex(bound.get<std::string>()));
  }
  if (word == "items") {
    return !value.is_array() ||
           std::all_of(value.begin(), value.end(), [&](const json& v) { return Fits(bound, v); });
  }
  if (word == "required") {
    return !value.is_object() || std::all_of(bound.begin(), bound.end(), [&](const json& key) {
      return value.contains(key.get<std::string>());
    });
  }
  if (word == "properties") return FitsProperties(schema, value);
  if (word == "anyOf") return CountFits(bound, value) > 0;
  if (word == "oneOf") return CountFits(bound, value) == 1;
  const std::set<std::string> harmless{"$schema",     "$defs",   "title",
                                       "description", "default", "additionalProperties"};
  EXPECT_TRUE(harmless.contains(word)) << word;
  return true;
}

bool Fits(const json& schema, const json& value) {
  for (const auto& [word, bound] : schema.items()) {
    if (!FitsWord(schema, word, bound, value)) return false;
  }
  return true;
}

std::vector<fs::path> ShippedScenarios() {
  const char* root = std::getenv("QUORATE_ROOT");
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(root != nullptr ? root : ".") / "scenarios")) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

json ReadJson(const fs::path& file) {
  std::ifstream in(file);
  return json::parse(in);
}

TEST(Schema, HasEveryFieldOfTheTableWithItsDefaultAndMeaning) {
  for (const Field& field : Fields()) {
    const json* at = &Schema();
    std::string rest = field.path;
    while (!rest.empty()) {
      if (at->contains("anyOf")) at = &at->at("anyOf").back();  // a group that may be 0
      const std::size_t dot = rest.find('.');
      ASSERT_TRUE(at->at("properties").contains(rest.substr(0, dot))) << field.path;
      at = &at->at("properties").at(rest.substr(0, dot));
      rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
    }
    EXPECT_EQ(at->at("description"), field.help) << field.path;
    if (field.fallback.empty()) continue;
    EXPECT_EQ(at->at("default"), json::parse(field.fallback)) << field.path;
    EXPECT_TRUE(Fits(*at, at->at("default"))) << field.path << " does not allow its own default";
  }
}

TEST(Schema, FitsTheScenariosThatShip) {
  const std::vector<fs::path> files = ShippedScenarios();
  EXPECT_GE(files.size(), 8u);
  for (const fs::path& file : files) {
    EXPECT_TRUE(Fits(Schema(), ReadJson(file))) << file;
    EXPECT_TRUE(LoadScenario(file.string()).ok()) << LoadScenario(file.string()).status();
  }
}

TEST(Schema, RefusesWhatTheReaderRefuses) {
  for (const char* more :
       {R"("netwrok":{})", R"("network":{"los":0.1})", R"("time":{"horizon":60})",
        R"("time":{"horizon":"60d"})", R"("cluster":{"nodes":10})", R"("network":{"loss":1.5})",
        R"("disk":{"full":{"for":"1s"}})", R"("schedule":[{"at":"1s","do":"explode"}])",
        R"("network":{"loss":{"off":0.5}})", R"("disk":{"crash_unsynced":"lose"})",
        R"("marks":{"require":["leader.change"]})",
        R"("marks":{"require":["transfer.done","transfer.done"]})",
        R"("schedule":[{"on":{"mark":"leader"},"do":"heal"}])"}) {
    const std::string text = std::string(R"({"format":1,"about":"x",)") + more + "}";
    EXPECT_FALSE(ParseScenario(text, "x.json").ok()) << more;
    EXPECT_FALSE(Fits(Schema(), json::parse(text))) << more;
  }
}

TEST(ShippedScenarios, DrawAConfigurationForAnySeedWithinTheEnginesRules) {
  for (const fs::path& file : ShippedScenarios()) {
    const absl::StatusOr<Scenario> scenario = LoadScenario(file.string());
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const RunConfig config = Draw(*scenario, seed);
      EXPECT_TRUE(Validate(config.cluster.options).ok())
          << file << " seed " << seed << ": " << Validate(config.cluster.options);
      EXPECT_LE(config.budget.down * 2, config.cluster.nodes - 1);
    }
  }
}

// The states that tell a suite of Raft simulations from one that only looks busy.
TEST(ShippedScenarios, RequireTheMarksThatASmokeSuiteIsThereFor) {
  std::set<std::string> required;
  for (const fs::path& file : ShippedScenarios()) {
    if (file.parent_path().filename() != "smoke") continue;
    const absl::StatusOr<Scenario> scenario = LoadScenario(file.string());
    ASSERT_TRUE(scenario.ok());
    required.insert(scenario->required_marks.begin(), scenario->required_marks.end());
    EXPECT_LE(scenario->marks_after_runs, 100) << file << ": a thousand seeds must be enough";
  }
  for (const char* mark :
       {"candidate.longer_log_of_older_term", "clock.stepped_back", "disk.stalled_on_leader",
        "figure8.shape", "forward.resent_over_leader_change", "leader.changed",
        "map.fell_back_and_replayed", "partition.one_way_leader", "read.follower",
        "restart.lost_suffix", "session.retry_answered_from_table",
        "snapshot.installed_after_crash", "transfer.aborted_target_took_term", "transfer.done",
        "vote.lost_unsynced"}) {
    EXPECT_TRUE(required.contains(mark)) << mark;
  }
}

TEST(ShippedScenarios, CoverTheSizesOfClustersBetweenThem) {
  std::set<std::int64_t> sizes;
  for (const fs::path& file : ShippedScenarios()) {
    const absl::StatusOr<Scenario> scenario = LoadScenario(file.string());
    ASSERT_TRUE(scenario.ok());
    for (std::uint64_t seed = 0; seed < 100; ++seed)
      sizes.insert(Draw(*scenario, seed).cluster.nodes);
  }
  for (const std::int64_t size : {1, 2, 3, 4, 5, 7}) EXPECT_TRUE(sizes.contains(size)) << size;
}

}  // namespace
}  // namespace quorate::sim
