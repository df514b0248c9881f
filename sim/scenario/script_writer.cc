// Writes a resolved scenario: what has its usual value is left out.
#include <algorithm>
#include <map>

#include "engine/base/match.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/scenario/units.h"

namespace quorate::sim {
namespace {

std::string Span(std::int64_t ns) { return Render(Unit::kDuration, ns); }

std::string Hex(std::uint64_t bits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\"";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(bits >> shift) & 15];
  return text + "\"";
}

// {"a": 1, "b": 2}, piece by piece.
class Object {
 public:
  Object& Add(std::string_view key, std::string_view json) {
    text_ += Cat(text_.empty() ? "" : ", ", "\"", key, "\": ", json);
    return *this;
  }
  Object& AddIf(bool wanted, std::string_view key, std::string_view json) {
    return wanted ? Add(key, json) : *this;
  }
  bool empty() const { return text_.empty(); }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

// One item a line.
std::string Lines(const std::vector<std::string>& items, std::string_view indent) {
  if (items.empty()) return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < items.size(); ++i)
    text += Cat(i == 0 ? "\n" : ",\n", indent, "  ", items[i]);
  return Cat(text, "\n", indent, "]");
}
std::string OneLine(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += Cat(text.size() == 1 ? "" : ", ", item);
  return text + "]";
}
std::string Links(const std::vector<LinkName>& links) {
  std::vector<std::string> names;
  for (const LinkName& link : links) names.push_back(QuoteJson(NameOf(link)));
  return OneLine(names);
}
std::string Number(std::uint64_t number) { return std::to_string(number); }
std::string Node(const NodeRef& node) {
  if (const NodeId* id = std::get_if<NodeId>(&node)) return Number(id->value());
  const std::string& name = std::get<LeaderOf>(node).name_space;
  return QuoteJson(name == "default" ? "$leader" : "$leader:" + name);
}
std::string WriteKept(const Kept& kept) {
  Object object;
  object.AddIf(kept.log < kKeepAll, "log", Number(kept.log));
  object.AddIf(kept.map < kKeepAll, "map", Number(kept.map));
  return object.text();
}

// ---- operations ----------------------------------------------------------------------------------------

std::string WriteVersion(const Version& version) {
  return OneLine({Number(version.era), Number(version.ord), Number(version.origin)});
}
std::string WriteOptional(const std::optional<std::string>& text) {
  return text ? QuoteJson(*text) : "null";
}

void WriteBatch(const Batch& batch, Object& out) {
  std::vector<std::string> conditions;
  for (const Condition& condition : batch.conditions) {
    Object object;
    object.Add("key", QuoteJson(condition.key));
    if (const Version* version = std::get_if<Version>(&condition.must_be))
      object.Add("version", WriteVersion(*version));
    if (const std::string* value = std::get_if<std::string>(&condition.must_be))
      object.Add("value", QuoteJson(*value));
    conditions.push_back(object.text());
  }
  std::vector<std::string> writes;
  for (const BatchWrite& write : batch.writes) {
    writes.push_back(
        Object().Add("key", QuoteJson(write.key)).Add("value", WriteOptional(write.value)).text());
  }
  out.AddIf(!conditions.empty(), "if", OneLine(conditions)).Add("writes", OneLine(writes));
}

void WriteCommand(const Command& command, Object& out) {
  std::visit(Match{[&](const Put& put) {
                     out.Add("do", "\"put\"")
                         .Add("key", QuoteJson(put.key))
                         .Add("value", QuoteJson(put.value));
                   },
                   [&](const PutIfAbsent& put) {
                     out.Add("do", "\"put_if_absent\"")
                         .Add("key", QuoteJson(put.key))
                         .Add("value", QuoteJson(put.value));
                   },
                   [&](const Delete& erase) {
                     out.Add("do", "\"delete\"").Add("key", QuoteJson(erase.key));
                   },
                   [&](const CasValue& cas) {
                     out.Add("do", "\"cas\"")
                         .Add("key", QuoteJson(cas.key))
                         .Add("expected", WriteOptional(cas.expected))
                         .Add("value", QuoteJson(cas.value));
                   },
                   [&](const CasVersion& cas) {
                     out.Add("do", "\"cas_version\"")
                         .Add("key", QuoteJson(cas.key))
                         .Add("expected", WriteVersion(cas.expected))
                         .Add("value", QuoteJson(cas.value));
                   },
                   [&](const Increment& increment) {
                     out.Add("do", "\"increment\"")
                         .Add("key", QuoteJson(increment.key))
                         .Add("by", std::to_string(increment.by));
                   },
                   [&](const Batch& batch) {
                     out.Add("do", "\"batch\"");
                     WriteBatch(batch, out);
                   }},
             command);
}

std::string WriteOperation(const ScriptedOperation& operation, const RunConfig& config) {
  Object out;
  out.Add("at", Span(operation.at_ns)).AddIf(operation.serving, "serving", "true");
  out.Add("client", Number(operation.client)).Add("node", Number(operation.node.value()));
  if (operation.name_space != 0)
    out.Add("namespace", QuoteJson(config.namespaces[operation.name_space].name));
  std::visit(Match{[&](const Command& command) { WriteCommand(command, out); },
                   [&](const ScriptedRead& read) {
                     if (const Get* get = std::get_if<Get>(&read.query)) {
                       out.Add("do", "\"get\"").Add("key", QuoteJson(get->key));
                     } else {
                       const Range& range = std::get<Range>(read.query);
                       out.Add("do", "\"range\"")
                           .Add("from", QuoteJson(range.from))
                           .Add("to", QuoteJson(range.to))
                           .AddIf(range.limit != 0, "limit", Number(range.limit));
                     }
                     out.AddIf(read.stale, "stale", "true");
                   },
                   [&](const ScriptedOpening&) { out.Add("do", "\"open_session\""); },
                   [&](const ScriptedTransfer& transfer) {
                     out.Add("do", "\"transfer\"");
                     out.AddIf(transfer.target != NodeId(), "to", Number(transfer.target.value()));
                   },
                   [&](const ScriptedCreation&) { out.Add("do", "\"create_namespace\""); },
                   [&](const ScriptedDrop&) { out.Add("do", "\"drop_namespace\""); }},
             operation.what);
  out.AddIf(operation.in_session, "session", "true").AddIf(operation.may_retry, "retry", "true");
  std::vector<std::string> retries;
  for (const ScriptedRetry& retry : operation.retries) {
    retries.push_back(
        Object().Add("after", Span(retry.after_ns)).Add("node", Number(retry.node.value())).text());
  }
  out.AddIf(!retries.empty(), "retries", OneLine(retries));
  std::vector<std::string> gives_up;
  for (const std::uint32_t at : operation.gives_up_at) gives_up.push_back(Number(at));
  return out.AddIf(!gives_up.empty(), "gives_up_at", OneLine(gives_up)).text();
}

// ---- the script ----------------------------------------------------------------------------------------

std::string WriteNode(std::size_t number, const ScriptedNode& node) {
  const ScriptedNode usual;
  Object out;
  const auto span = [&](const char* key, std::int64_t ScriptedNode::*member) {
    out.AddIf(node.*member != usual.*member, key, Span(node.*member));
  };
  span("wall_offset", &ScriptedNode::wall_offset_ns);
  out.AddIf(node.drift_ppm != 0, "drift", Render(Unit::kDrift, node.drift_ppm));
  out.AddIf(node.mono_drift_ppm != 0, "mono_drift", Render(Unit::kDrift, node.mono_drift_ppm));
  span("gather", &ScriptedNode::gather_ns);
  span("sync", &ScriptedNode::sync_ns);
  span("read", &ScriptedNode::read_ns);
  span("work", &ScriptedNode::work_ns);
  span("flush", &ScriptedNode::flush_ns);
  span("restart", &ScriptedNode::restart_ns);
  if (out.empty()) return "";
  return Cat("{\"node\": ", number, ", ", out.text().substr(1));
}

void WriteArrival(const FrameArrival& arrival, std::int64_t usual, Object& out) {
  out.AddIf(arrival.travel_ns != usual, "delay", Span(arrival.travel_ns));
  if (arrival.overtaken_ns) out.Add("overtaken", Span(*arrival.overtaken_ns));
  if (arrival.spoil) out.Add("spoil", Hex(*arrival.spoil));
}

std::string WriteFrame(const FrameDeviation& frame, std::int64_t usual) {
  Object out;
  out.Add("link", QuoteJson(NameOf(frame.link))).Add("nth", Number(frame.nth));
  if (frame.fate.dropped) return out.Add("drop", "true").text();
  WriteArrival(frame.fate.first, usual, out);
  if (frame.fate.second) {
    Object second;
    WriteArrival(*frame.fate.second, usual, second);
    out.Add("dup", second.text());
  }
  return out.text();
}

std::string WriteNodeDeviation(const NodeDeviation& line) {
  Object out;
  out.Add("node", Number(line.node.value())).Add("nth", Number(line.nth));
  const char* const key = NameOf(line.site);
  switch (line.site) {
    case NodeSite::kSync:
    case NodeSite::kRead:
    case NodeSite::kWork:
    case NodeSite::kFlush:
    case NodeSite::kRestart:
      return out.Add(key, Span(line.value)).text();
    case NodeSite::kCorrupt:
      return out.Add(key, Hex(static_cast<std::uint64_t>(line.value))).text();
    case NodeSite::kRecoveryCrash:
    case NodeSite::kCrash:
      return out.Add(key, WriteKept(line.kept)).text();
    case NodeSite::kSyncError:
    case NodeSite::kWriteError:
    case NodeSite::kMapError:
    case NodeSite::kLyingSync:
    case NodeSite::kSelfFlush:
      return out.Add(key, "true").text();
  }
  UNREACHABLE("no such site");
}

std::vector<std::string> WriteDeviations(const Script& script) {
  std::map<LinkName, std::int64_t> usual;
  for (const ScriptedLink& link : script.links) usual[link.link] = link.latency_ns;
  std::vector<std::string> lines;
  for (const FrameDeviation& frame : script.frames) {
    const auto known = usual.find(frame.link);
    lines.push_back(WriteFrame(frame, known == usual.end() ? script.latency_ns : known->second));
  }
  for (const NodeDeviation& line : script.node_deviations)
    lines.push_back(WriteNodeDeviation(line));
  return lines;
}

std::string WriteHeal(const Script& script) {
  std::vector<std::string> cores;
  for (const std::vector<NodeId>& core : script.cores) {
    std::vector<std::string> nodes;
    for (const NodeId node : core) nodes.push_back(Number(node.value()));
    cores.push_back(OneLine(nodes));
  }
  std::vector<std::string> outside;
  for (const ScriptedOutsider& outsider : script.outside) {
    Object out;
    out.Add("node", Number(outsider.node.value())).AddIf(outsider.dead, "dead", "true");
    outside.push_back(out.AddIf(!outsider.cut.empty(), "cut", Links(outsider.cut)).text());
  }
  Object out;
  out.AddIf(!cores.empty(), "cores", OneLine(cores));
  return out.AddIf(!outside.empty(), "outside", OneLine(outside)).text();
}

std::string WriteBounds(const ScriptedBounds& bounds) {
  Object out;
  out.Add("latency", Span(bounds.latency_ns)).Add("disk", Span(bounds.disk_ns));
  out.Add("leader", Span(bounds.leader_ns)).Add("operation", Span(bounds.operation_ns));
  return out.Add("round", Span(bounds.round_ns)).Add("calm", Span(bounds.calm_ns)).text();
}

std::string WriteScript(const RunConfig& config) {
  const Script& script = *config.script;
  std::string text = "{\n";
  const auto add = [&text](std::string_view key, const std::string& json, bool last = false) {
    text += Cat("    \"", key, "\": ", json, last ? "\n" : ",\n");
  };
  add("seed", Hex(config.cluster.options.seed));
  add("bounds", WriteBounds(script.bounds));
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < script.nodes.size(); ++i) {
    const std::string node = WriteNode(i + 1, script.nodes[i]);
    if (!node.empty()) lines.push_back(node);
  }
  if (!lines.empty()) add("nodes", Lines(lines, "    "));
  add("latency", Span(script.latency_ns));
  lines.clear();
  for (const ScriptedLink& link : script.links) {
    lines.push_back(Object()
                        .Add("link", QuoteJson(NameOf(link.link)))
                        .Add("latency", Span(link.latency_ns))
                        .text());
  }
  if (!lines.empty()) add("links", Lines(lines, "    "));
  const std::vector<std::string> deviations = WriteDeviations(script);
  if (!deviations.empty()) add("deviations", Lines(deviations, "    "));
  lines.clear();
  for (const ScriptedOperation& operation : script.operations)
    lines.push_back(WriteOperation(operation, config));
  add("operations", Lines(lines, "    "));
  add("heal", WriteHeal(script), /*last=*/true);
  return text + "  }";
}

// The settings of one group that are not the usual ones; `group` ends with a dot.
std::string WriteSettings(const RunConfig& config, std::string_view group) {
  Object out;
  for (const Field& field : Fields()) {
    const PerRun* const target = std::get_if<PerRun>(&field.target);
    if (target == nullptr || !target->get || !field.path.starts_with(group)) continue;
    const std::string key = field.path.substr(group.size());
    if (key.find('.') != std::string::npos) continue;
    const std::int64_t value = target->get(config);
    std::string text = field.unit == Unit::kWord ? "" : Render(field.unit, value);
    for (const auto& [word, number] : field.words) {
      if (number == value) text = QuoteJson(word);
    }
    const bool always = key == "nodes" || key == "horizon" || key == "clients";
    out.AddIf(always || text != field.fallback, key, text);
  }
  return out.text();
}

std::string WriteOptions(const RunConfig& config) {
  const Options& options = config.cluster.options;
  std::string timeout =
      OneLine({Span(options.election_timeout_min.ns), Span(options.election_timeout_max.ns)});
  const std::string rest = WriteSettings(config, "cluster.options.");
  return Cat("{\"election_timeout\": ", timeout, rest == "{}" ? "" : ", ", rest.substr(1));
}

}  // namespace

std::string QuoteJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\u00";
      out += kDigits[(static_cast<unsigned char>(c) >> 4) & 15];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string WriteEntry(const ScheduleEntry& entry) {
  Object out;
  if (const AtTime* at = std::get_if<AtTime>(&entry.when)) {
    out.Add("at", Span(at->at_ns));
  } else {
    const OnMark& on = std::get<OnMark>(entry.when);
    out.Add("on", Object().Add("mark", QuoteJson(on.mark)).Add("nth", Number(on.nth)).text());
  }
  out.Add("do", QuoteJson(NameOf(entry.action)));
  const auto node = [&out](const auto& action) { out.Add("node", Node(action.node)); };
  std::visit(
      Match{[&](const PartitionAction& action) {
              std::vector<std::string> groups;
              for (const std::vector<NodeId>& group : action.groups) {
                std::vector<std::string> nodes;
                for (const NodeId id : group) nodes.push_back(Number(id.value()));
                groups.push_back(OneLine(nodes));
              }
              out.Add("groups", OneLine(groups)).AddIf(action.one_way, "one_way", "true");
            },
            [&](const IsolateAction& action) {
              node(action);
              if (action.direction == Direction::kInto) out.Add("direction", "\"into\"");
              if (action.direction == Direction::kOutOf) out.Add("direction", "\"out_of\"");
            },
            [&](const CutAction& action) {
              out.Add("links", Links(action.links));
              out.AddIf(action.flap_ns > 0, "flap", Span(action.flap_ns));
            },
            [&](const ClogAction& action) { out.Add("links", Links(action.links)); },
            [&](const SwizzleAction& action) {
              std::vector<std::string> steps;
              for (const SwizzleStep& step : action.steps) {
                steps.push_back(Object()
                                    .Add("node", Number(step.node.value()))
                                    .Add("after", Span(step.after_ns))
                                    .Add("until", Span(step.until_ns))
                                    .text());
              }
              out.Add("steps", OneLine(steps));
            },
            [&](const DisconnectAction& action) {
              out.Add("node", Number(action.node.value())).Add("peer", Number(action.peer.value()));
            },
            [](const HealAction&) {},
            [&](const CrashAction& action) {
              node(action);
              if (action.call) out.Add("call", Number(*action.call));
              if (action.keep) out.Add("keep", WriteKept(*action.keep));
              if (action.lose == Loss::kLog) out.Add("lose", "\"log\"");
              if (action.lose == Loss::kMap) out.Add("lose", "\"map\"");
              if (action.lose == Loss::kAll) out.Add("lose", "\"all\"");
              if (action.lose == Loss::kImage) out.Add("lose", "\"to_image\"");
            },
            [&](const WipeAction& action) { node(action); },
            [&](const RestartAction& action) { node(action); },
            [&](const PauseAction& action) { node(action); },
            [&](const ClockStepAction& action) {
              node(action);
              out.Add("by", Span(action.by_ns));
            },
            [&](const ClockFreezeAction& action) { node(action); },
            [&](const DiskStallAction& action) { node(action); },
            [&](const DiskSlowAction& action) {
              node(action);
              out.Add("factor", std::to_string(action.factor));
            },
            [&](const DiskFullAction& action) { node(action); },
            [&](const SyncErrorAction& action) { node(action); },
            [&](const WriteErrorAction& action) { node(action); },
            [&](const MapErrorAction& action) { node(action); },
            [&](const CorruptAction& action) {
              node(action);
              out.Add("store", action.store == StorePart::kLog ? "\"log\"" : "\"map\"");
              out.AddIf(action.nth > 0, "nth", std::to_string(action.nth));
            },
            [&](const ImageAction& action) { node(action); },
            [&](const OldImageAction& action) { node(action); },
            [&](const LyingSyncAction& action) { node(action); },
            [&](const TransferAction& action) {
              out.Add("namespace", QuoteJson(action.name_space));
              out.AddIf(action.target != NodeId(), "to", Number(action.target.value()));
            },
            [&](const ChangeMembersAction& action) {
              out.Add("namespace", QuoteJson(action.name_space));
              node(action);
              const auto list = [&out](const char* key, const std::vector<NodeId>& nodes) {
                std::vector<std::string> numbers;
                for (const NodeId id : nodes) numbers.push_back(Number(id.value()));
                out.AddIf(!numbers.empty(), key, OneLine(numbers));
              };
              list("voters", action.voters);
              list("learners", action.learners);
              list("removed", action.removed);
              if (action.transition == Transition::kJointExplicit)
                out.Add("transition", "\"joint_explicit\"");
              if (action.transition == Transition::kJointImplicit)
                out.Add("transition", "\"joint_implicit\"");
              if (action.epoch) out.Add("epoch", Number(*action.epoch));
            },
            [&](const OperationAction& action) {
              node(action);
              out.Add("namespace", QuoteJson(action.name_space));
              out.AddIf(action.op != ScheduledOp::kDropNamespace, "key", QuoteJson(action.key));
              out.AddIf(action.op == ScheduledOp::kPut, "value", QuoteJson(action.value));
            }},
      entry.action);
  return out.AddIf(entry.for_ns > 0, "for", Span(entry.for_ns)).text();
}

std::string WriteResolved(std::string_view name, std::string_view about, const RunConfig& config) {
  std::string text = Cat("{\n  \"format\": 1,\n  \"resolved\": ", kResolvedVersion, ",\n");
  text += Cat("  \"name\": ", QuoteJson(name), ",\n  \"about\": ", QuoteJson(about), ",\n");
  text += Cat("  \"time\": ", WriteSettings(config, "time."), ",\n");
  std::vector<std::string> namespaces;
  for (std::size_t i = 1; i < config.namespaces.size(); ++i)
    namespaces.push_back(Object().Add("name", QuoteJson(config.namespaces[i].name)).text());
  const std::string cluster = WriteSettings(config, "cluster.");
  text += Cat("  \"cluster\": ", cluster.substr(0, cluster.size() - 1),
              ", \"options\": ", WriteOptions(config));
  if (!namespaces.empty()) text += Cat(", \"namespaces\": ", OneLine(namespaces));
  text += "},\n";
  if (const std::string budget = WriteSettings(config, "budget."); budget != "{}")
    text += Cat("  \"budget\": ", budget, ",\n");
  text += Cat("  \"workload\": ", WriteSettings(config, "workload."), ",\n");
  std::string checks = WriteSettings(config, "checks.");
  if (config.checks.linearizable != std::vector<std::string>{"*"}) {
    std::vector<std::string> names;
    for (const std::string& each : config.checks.linearizable) names.push_back(QuoteJson(each));
    checks =
        Cat("{\"linearizable\": ", OneLine(names), checks == "{}" ? "" : ", ", checks.substr(1));
  }
  text += Cat("  \"checks\": ", checks, ",\n");
  std::vector<std::string> entries;
  for (const ScheduleEntry& entry : config.schedule) entries.push_back(WriteEntry(entry));
  text += Cat("  \"schedule\": ", Lines(entries, "  "), ",\n");
  return text + Cat("  \"script\": ", WriteScript(config), "\n}\n");
}

}  // namespace quorate::sim
