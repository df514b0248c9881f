// Which keys operations are about, and a run without some of them.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/base/match.h"
#include "sim/shrink/edits.h"

namespace quorate::sim {
namespace {

// Each key that an operation names by itself. A range names none.
template <class Visit>
void EachKey(const ScriptedOperation& operation, const Visit& visit) {
  if (const Command* command = std::get_if<Command>(&operation.what)) {
    std::visit(
        Match{[&](const Batch& batch) {
                for (const Condition& condition : batch.conditions) visit(condition.key);
                for (const BatchWrite& write : batch.writes) visit(write.key);
              },
              [&](const Put& it) { visit(it.key); }, [&](const PutIfAbsent& it) { visit(it.key); },
              [&](const Delete& it) { visit(it.key); }, [&](const CasValue& it) { visit(it.key); },
              [&](const CasVersion& it) { visit(it.key); },
              [&](const Increment& it) { visit(it.key); }},
        *command);
  }
  if (const ScriptedRead* read = std::get_if<ScriptedRead>(&operation.what)) {
    if (const Get* get = std::get_if<Get>(&read->query)) visit(get->key);
  }
}

// Of a batch goes only what is about the key. False: nothing is left.
bool Keeps(ScriptedOperation& operation, const std::set<std::string>& gone) {
  Command* const command = std::get_if<Command>(&operation.what);
  if (Batch* batch = command == nullptr ? nullptr : std::get_if<Batch>(command)) {
    std::erase_if(batch->conditions, [&](const Condition& it) { return gone.contains(it.key); });
    return std::erase_if(batch->writes,
                         [&](const BatchWrite& it) { return gone.contains(it.key); }) == 0 ||
           !batch->writes.empty();
  }
  bool keeps = true;
  EachKey(operation, [&](const std::string& key) { keeps = keeps && !gone.contains(key); });
  return keeps;
}

}  // namespace

std::vector<std::string> KeysOf(const RunConfig& config) {
  std::set<std::string> keys;
  for (const ScriptedOperation& operation : config.script->operations)
    EachKey(operation, [&](const std::string& key) { keys.insert(key); });
  for (const ScheduleEntry& entry : config.schedule) {
    if (const OperationAction* it = std::get_if<OperationAction>(&entry.action))
      keys.insert(it->key);
  }
  return {keys.begin(), keys.end()};
}

RunConfig WithoutKeys(RunConfig config, std::size_t first, std::size_t count) {
  const std::vector<std::string> keys = KeysOf(config);
  std::set<std::string> gone;
  for (std::size_t i = first; i < std::min(first + count, keys.size()); ++i) gone.insert(keys[i]);
  std::erase_if(config.script->operations,
                [&](ScriptedOperation& operation) { return !Keeps(operation, gone); });
  std::erase_if(config.schedule, [&](const ScheduleEntry& entry) {
    const OperationAction* it = std::get_if<OperationAction>(&entry.action);
    return it != nullptr && gone.contains(it->key);
  });
  return config;
}

}  // namespace quorate::sim
