#include "sim/scenario/field_groups.h"
#include "sim/scenario/text.h"

namespace quorate::sim {

Field& Add(std::vector<Field>& fields, std::string path, Target target, Values values,
           std::string help) {
  Field field;
  field.path = std::move(path);
  field.target = std::move(target);
  field.unit = values.unit;
  field.fallback = std::move(values.fallback);
  field.low = values.low;
  field.high = values.high;
  field.help = std::move(help);
  return fields.emplace_back(std::move(field));
}

Field& AddMtbf(std::vector<Field>& fields, std::string path, Target target, std::string help) {
  Field& field = Add(fields, std::move(path), std::move(target),
                     {Unit::kDuration, "\"never\"", Milliseconds(1).ns, kHour}, std::move(help));
  field.words = {{"never", 0}};
  field.gate = true;
  return field;
}

void AddOff(std::vector<Field>& fields, const std::string& group) {
  Add(fields, group + ".off", OffShare{}, Chance("0"), "Share of runs that do without this fault.");
}

Field& AddShare(std::vector<Field>& fields, std::string path, Target target, std::string fallback,
                std::string help) {
  Field& field = Add(fields, std::move(path), std::move(target),
                     Number(std::move(fallback), 0, kAnyCount), std::move(help));
  field.share = true;
  return field;
}

void AddEpisode(std::vector<Field>& fields, const std::string& group,
                std::function<Episode&(RunConfig&)> at, std::string_view lasts,
                std::string_view what) {
  AddMtbf(fields, group + ".mtbf",
          PerNodeOrLink{[at](RunConfig& c, PerEntity v) { at(c).mtbf_ns = std::move(v); }},
          Cat(what, ": mean time between the end of one and the next."));
  Add(fields, group + ".for", PerEvent{[at](RunConfig& c, Dist v) { at(c).for_ns = v; }},
      Span(std::string(lasts)), Cat(what, ": how long it lasts."));
  AddOff(fields, group);
}

void AddSpecial(std::vector<Field>& fields, std::string path, std::string schema,
                std::string help) {
  Add(fields, std::move(path), Special{std::move(schema)}, {Unit::kWord, "", 0, 0},
      std::move(help));
}

}  // namespace quorate::sim
