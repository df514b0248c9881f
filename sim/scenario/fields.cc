#include "sim/scenario/fields.h"

#include <algorithm>
#include <map>

#include "sim/scenario/field_groups.h"

namespace quorate::sim {
namespace {

struct Table {
  std::vector<Field> fields;
  std::map<std::string, int, std::less<>> places;
  std::map<std::string, int, std::less<>> groups;  // to the gate, or -1
};

Table MakeTable() {
  Table table;
  AddGeneralFields(table.fields);
  AddClusterFields(table.fields);
  AddClockFields(table.fields);
  AddNetworkFields(table.fields);
  AddDiskFields(table.fields);
  AddProcessFields(table.fields);
  AddWorkloadFields(table.fields);
  AddCheckFields(table.fields);
  for (std::size_t i = 0; i < table.fields.size(); ++i) {
    const Field& field = table.fields[i];
    const bool fresh = table.places.emplace(field.path, static_cast<int>(i)).second;
    INVARIANT(fresh);
    for (std::size_t dot = field.path.find('.'); dot != std::string::npos;
         dot = field.path.find('.', dot + 1)) {
      table.groups.emplace(field.path.substr(0, dot), -1);
    }
    if (field.gate) table.groups[field.path.substr(0, field.path.rfind('.'))] = static_cast<int>(i);
  }
  return table;
}

const Table& TheTable() {
  static const Table* const table = new Table(MakeTable());
  return *table;
}

}  // namespace

const std::vector<Field>& Fields() { return TheTable().fields; }

int FindField(std::string_view path) {
  const auto found = TheTable().places.find(path);
  return found == TheTable().places.end() ? -1 : found->second;
}

bool IsGroup(std::string_view path) { return TheTable().groups.contains(path); }

int GateOf(std::string_view group) {
  const auto found = TheTable().groups.find(group);
  return found == TheTable().groups.end() ? -1 : found->second;
}

}  // namespace quorate::sim
