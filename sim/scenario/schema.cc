// The JSON Schema of scenarios, from the table that the reader uses.
#include <map>
#include <nlohmann/json.hpp>

#include "engine/base/match.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/mark_table.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

using Schema = nlohmann::ordered_json;

const char* PatternOf(Unit unit) {
  switch (unit) {
    case Unit::kDuration:
      return "^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min|h)$";
    case Unit::kDrift:
      return "^-?[0-9]+ppm$";
    case Unit::kBytes:
      return "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB)$";
    case Unit::kRate:
      return "^[0-9]+(\\.[0-9]{1,6})?/(s|min|h)$";
    case Unit::kProbability:
    case Unit::kRatio:
    case Unit::kCount:
    case Unit::kWord:
      return nullptr;
  }
  return nullptr;
}

// One number of the field's unit, or one of its words.
Schema NumberSchema(const Field& field) {
  Schema forms = Schema::array();
  if (field.unit == Unit::kCount) {
    forms.push_back({{"type", "integer"}, {"minimum", field.low}, {"maximum", field.high}});
  } else if (field.unit == Unit::kProbability) {
    forms.push_back({{"type", "number"}, {"minimum", 0}, {"maximum", 1}});
  } else if (field.unit == Unit::kRatio) {
    forms.push_back({{"type", "number"}, {"minimum", 0}, {"maximum", field.high / kWhole}});
  } else if (const char* pattern = PatternOf(field.unit)) {
    forms.push_back({{"type", "string"}, {"pattern", pattern}});
  }
  if (!field.words.empty()) {
    Schema words = Schema::array();
    for (const auto& [word, value] : field.words) words.push_back(word);
    forms.push_back({{"enum", words}});
  }
  return forms.size() == 1 ? forms[0] : Schema{{"anyOf", forms}};
}

Schema ObjectSchema(Schema properties, Schema required) {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", std::move(required)},
          {"properties", std::move(properties)}};
}

const Schema kShare = {{"type", "number"}, {"minimum", 0}, {"maximum", 1}};

Schema PairOf(const Schema& number) {
  return {{"type", "array"}, {"minItems", 2}, {"maxItems", 2}, {"items", number}};
}

// The forms of a draw, besides the number itself.
void AddDraws(const Schema& number, Schema& forms) {
  forms.push_back(ObjectSchema({{"swarm", PairOf(number)},
                                {"scale", {{"enum", {"linear", "log", "skewed"}}}},
                                {"off", kShare}},
                               {"swarm"}));
  forms.push_back(ObjectSchema(
      {{"one_of", {{"type", "array"}, {"minItems", 1}, {"items", number}}}, {"off", kShare}},
      {"one_of"}));
}

Schema DrawSchema(const Field& field) {
  const Schema number = NumberSchema(field);
  Schema forms = Schema::array({number});
  AddDraws(number, forms);
  return {{"anyOf", forms}};
}

Schema DistSchema(const Field& field) {
  const Schema draw = DrawSchema(field);
  Schema forms = draw.at("anyOf");
  forms.push_back(PairOf(draw));
  forms.push_back(ObjectSchema({{"dist", {{"enum", {"fixed", "uniform", "exp", "pareto", "log"}}}},
                                {"min", draw},
                                {"mean", draw},
                                {"max", draw},
                                {"off", kShare}},
                               {"dist"}));
  return {{"anyOf", forms}};
}

// Fields of one unit whose values have no range in the schema share one definition;
// "duration_draw".
std::string DefinitionName(const Field& field, std::string_view form) {
  switch (field.unit) {
    case Unit::kDuration:
      return Cat("duration_", form);
    case Unit::kProbability:
      return Cat("probability_", form);
    case Unit::kDrift:
      return Cat("drift_", form);
    case Unit::kBytes:
      return Cat("bytes_", form);
    case Unit::kRate:
      return Cat("rate_", form);
    case Unit::kRatio:
    case Unit::kCount:
    case Unit::kWord:
      return "";
  }
  return "";
}

// The schema that `make` gives, as a reference to a definition where there is one for the unit.
Schema Shared(const Field& field, std::string_view form, Schema (*make)(const Field&),
              Schema& definitions) {
  const std::string name = DefinitionName(field, form);
  if (name.empty()) return make(field);
  Field plain = field;
  plain.words.clear();
  if (!definitions.contains(name)) definitions[name] = make(plain);
  const Schema reference = {{"$ref", "#/$defs/" + name}};
  if (field.words.empty()) return reference;
  Schema words = Schema::array();
  for (const auto& [word, value] : field.words) words.push_back(word);
  return {{"anyOf", {reference, Schema{{"enum", words}}}}};
}

Schema FieldSchema(const Field& field, Schema& definitions) {
  Schema schema = std::visit(
      Match{
          [&](const PerRun&) { return Shared(field, "draw", DrawSchema, definitions); },
          [&](const PerNodeOrLink&) { return Shared(field, "draw", DrawSchema, definitions); },
          [&](const PerEvent&) { return Shared(field, "dist", DistSchema, definitions); },
          [&](const PerEventOfEntity&) { return Shared(field, "dist", DistSchema, definitions); },
          [](const YesOrNo&) {
            return Schema{{"type", "boolean"}};
          },
          [&](const OfScenario&) { return Shared(field, "number", NumberSchema, definitions); },
          [](const OffShare&) { return kShare; },
          [](const Special& special) { return Schema::parse(special.schema); },
      },
      field.target);
  schema["description"] = field.help;
  if (!field.fallback.empty()) schema["default"] = Schema::parse(field.fallback);
  return schema;
}

// Every mark, with its meaning where editors show it.
Schema MarkSchema() {
  Schema names = Schema::array();
  std::string about = "A state that a run may reach.";
  for (const KnownMark& mark : KnownMarks()) {
    names.push_back(mark.name);
    about += Cat("\n", mark.name, ": ", mark.about, ".");
  }
  return {{"enum", names}, {"description", about}};
}

// Finds or makes the object schema of a group, and returns its properties.
Schema& PropertiesOf(Schema& root, std::string_view group) {
  Schema* at = &root;
  while (!group.empty()) {
    const std::size_t dot = group.find('.');
    const std::string key(group.substr(0, dot));
    group = dot == std::string_view::npos ? std::string_view() : group.substr(dot + 1);
    Schema& child = (*at)["properties"][key];
    if (child.is_null()) child = ObjectSchema(Schema::object(), Schema::array());
    at = &child;
  }
  return (*at)["properties"];
}

// A group with a gate needs it, and may be 0 instead.
void FinishGroups(Schema& properties, const std::string& prefix) {
  for (auto& [key, child] : properties.items()) {
    const std::string path = prefix.empty() ? key : Cat(prefix, ".", key);
    if (!IsGroup(path)) continue;
    FinishGroups(child["properties"], path);
    const int gate = GateOf(path);
    if (gate < 0) continue;
    const std::string& gate_path = Fields()[static_cast<std::size_t>(gate)].path;
    child["required"] = {gate_path.substr(path.size() + 1)};
    child = Schema{{"anyOf", {Schema{{"const", 0}}, child}}};
  }
}

}  // namespace

std::string ScenarioSchema() {
  Schema root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Quorate scenario, format 1"},
                 {"type", "object"},
                 {"additionalProperties", false},
                 {"required", {"format", "about"}},
                 {"properties", Schema::object()},
                 {"$defs", Schema::object()}};
  root["$defs"]["mark"] = MarkSchema();
  for (const Field& field : Fields()) {
    const std::size_t dot = field.path.rfind('.');
    const std::string group = dot == std::string::npos ? "" : field.path.substr(0, dot);
    PropertiesOf(root, group)[field.path.substr(dot == std::string::npos ? 0 : dot + 1)] =
        FieldSchema(field, root["$defs"]);
  }
  FinishGroups(root["properties"], "");
  return root.dump(2) + "\n";
}

}  // namespace quorate::sim
