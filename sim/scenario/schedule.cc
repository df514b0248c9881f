#include "sim/scenario/schedule.h"

#include "engine/base/match.h"
#include "sim/scenario/schedule_table.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostEntries = 1'000;  // of a file written by hand

template <class A>
void OnNode(const Parts& parts, Action& out) {
  out.emplace<A>().node = parts.node;
}
template <ScheduledOp op>
void Operation(const Parts& parts, Action& out) {
  out = OperationAction{parts.node, parts.name_space, op, parts.key, parts.value};
}

constexpr ActionKey kNode{"node", KeyKind::kNode, true};
constexpr ActionKey kNamespace{"namespace", KeyKind::kNamespace, false};
constexpr ActionKey kKey{"key", KeyKind::kText, true};

}  // namespace

const std::vector<ActionSpec>& ScheduleActions() {
  static const auto* const actions = new std::vector<ActionSpec>{
      {"partition",
       true,
       {{"groups", KeyKind::kGroups, true}, {"one_way", KeyKind::kFlag, false}},
       [](const Parts& p, Action& out) {
         out = PartitionAction{p.groups, p.one_way};
       },
       "Groups of nodes lose sight of each other."},
      {"isolate",
       true,
       {kNode, {"direction", KeyKind::kDirection, false}},
       [](const Parts& p, Action& out) {
         out = IsolateAction{p.node, p.direction};
       },
       "A node loses sight of all others."},
      {"cut",
       true,
       {{"links", KeyKind::kLinks, true}, {"flap", KeyKind::kSpan, false}},
       [](const Parts& p, Action& out) {
         out = CutAction{p.links, p.span_ns};
       },
       "Nothing passes these links, one direction each (`n1>n2`, `c3>n1`); with `flap` they come "
       "and "
       "go."},
      {"clog",
       true,
       {{"links", KeyKind::kLinks, true}},
       [](const Parts& p, Action& out) { out = ClogAction{p.links}; },
       "These links hold what they carry, then deliver it at once."},
      {"swizzle",
       true,
       {{"steps", KeyKind::kSwizzle, true}},
       [](const Parts& p, Action& out) { out = SwizzleAction{p.swizzle}; },
       "The links of several nodes clog, each node's after a while and until another one, counted "
       "from "
       "the beginning."},
      {"disconnect",
       true,
       {{"node", KeyKind::kPlainNode, true}, {"peer", KeyKind::kTarget, true}},
       [](const Parts& p, Action& out) {
         out = DisconnectAction{p.plain_node, p.target};
       },
       "The connection of two nodes breaks and cannot be made again while it lasts."},
      {"heal",
       false,
       {},
       [](const Parts&, Action& out) { out = HealAction{}; },
       "Partitions, isolations and cuts end."},
      {"crash",
       true,
       {kNode,
        {"call", KeyKind::kCount, false},
        {"keep", KeyKind::kKept, false},
        {"lose", KeyKind::kLoss, false}},
       [](const Parts& p, Action& out) {
         CrashAction crash{p.node};
         if (p.count) crash.call = static_cast<std::uint32_t>(*p.count);
         crash.keep = p.kept;
         crash.lose = p.loss;
         out = crash;
       },
       "A node crashes; after `for` it starts again. With `call` it dies within its next turn, at "
       "that "
       "port call from 0; `keep` says how many unsynced batches survive, `lose` what of its disk "
       "is "
       "gone."},
      {"wipe",
       true,
       {kNode},
       OnNode<WipeAction>,
       "A node crashes and its disk is empty; after `for` somebody tries to start it."},
      {"restart", false, {kNode}, OnNode<RestartAction>, "A crashed node starts."},
      {"pause", true, {kNode}, OnNode<PauseAction>, "A process does not run."},
      {"clock_step",
       false,
       {kNode, {"by", KeyKind::kOffset, true}},
       [](const Parts& p, Action& out) {
         out = ClockStepAction{p.node, p.by_ns};
       },
       "A wall clock jumps."},
      {"clock_freeze", true, {kNode}, OnNode<ClockFreezeAction>, "A wall clock stands still."},
      {"disk_slow",
       true,
       {kNode, {"factor", KeyKind::kCount, false}},
       [](const Parts& p, Action& out) {
         DiskSlowAction slow{p.node};
         if (p.count) slow.factor = *p.count;
         out = slow;
       },
       "A disk takes `factor` (20) times as long for everything."},
      {"disk_stall", true, {kNode}, OnNode<DiskStallAction>, "A disk finishes nothing."},
      {"disk_full", true, {kNode}, OnNode<DiskFullAction>, "A disk has no space left."},
      {"sync_error", false, {kNode}, OnNode<SyncErrorAction>, "The next sync fails."},
      {"write_error",
       false,
       {kNode},
       OnNode<WriteErrorAction>,
       "The next append to the log fails."},
      {"map_error", false, {kNode}, OnNode<MapErrorAction>, "The next write of the map fails."},
      {"corrupt",
       false,
       {kNode, {"store", KeyKind::kStore, true}, {"nth", KeyKind::kCount, false}},
       [](const Parts& p, Action& out) {
         out = CorruptAction{p.node, p.store, p.count.value_or(0)};
       },
       "An entry of the log, or a row of the map, reads as corrupt until it is written again: the "
       "first one, or `nth` (from 0)."},
      {"image", false, {kNode}, OnNode<ImageAction>, "What is durable on a disk is copied away."},
      {"old_image",
       true,
       {kNode},
       OnNode<OldImageAction>,
       "A node crashes and its disk is what it was in its last image; after `for` it starts again. "
       "Takes budget.over_budget."},
      {"lying_sync",
       true,
       {kNode},
       OnNode<LyingSyncAction>,
       "Syncs of the log say that all is durable, and nothing is. Takes budget.over_budget."},
      {"transfer",
       false,
       {kNamespace, {"to", KeyKind::kTarget, false}},
       [](const Parts& p, Action& out) {
         out = TransferAction{p.name_space, p.target};
       },
       "The leader of a namespace hands over."},
      {"change_members",
       false,
       {kNamespace,
        {"node", KeyKind::kNode, false},
        {"voters", KeyKind::kNodes, false},
        {"learners", KeyKind::kNodes, false},
        {"removed", KeyKind::kNodes, false},
        {"transition", KeyKind::kTransition, false},
        {"epoch", KeyKind::kCount, false}},
       [](const Parts& p, Action& out) {
         ChangeMembersAction change{p.node, p.name_space, p.voters, p.learners, p.removed};
         const NodeId* asked = std::get_if<NodeId>(&p.node);
         if (asked != nullptr && *asked == NodeId()) change.node = LeaderOf{p.name_space};
         change.transition = p.transition;
         if (p.count) change.epoch = static_cast<std::uint64_t>(*p.count);
         out = std::move(change);
       },
       "The leader of a namespace, or `node`, is asked to make nodes voters, learners or neither; "
       "without any, to leave the joint state. It refuses if the configuration in force has "
       "another "
       "`epoch`; left out, it is the one that the node asked believes in."},
      {"put",
       false,
       {kNode, kNamespace, kKey, {"value", KeyKind::kText, true}},
       Operation<ScheduledOp::kPut>,
       "A client writes."},
      {"get", false, {kNode, kNamespace, kKey}, Operation<ScheduledOp::kGet>, "A client reads."},
      {"delete",
       false,
       {kNode, kNamespace, kKey},
       Operation<ScheduledOp::kDelete>,
       "A client deletes."},
      {"drop_namespace",
       false,
       {kNode, {"namespace", KeyKind::kNamespace, true}},
       Operation<ScheduledOp::kDropNamespace>,
       "A client drops a namespace; it is made again under its name."},
  };
  return *actions;
}

namespace {

constexpr const char* kSpanSchema =
    R"({"type":"string","pattern":"^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min|h)$"})";

std::string SchemaOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::kGroups:
      return R"({"type":"array","minItems":1,"items":{"type":"array","minItems":1,"items":{"type":"integer","minimum":1}}})";
    case KeyKind::kFlag:
      return R"({"type":"boolean"})";
    case KeyKind::kNode:
      return R"({"anyOf":[{"type":"integer","minimum":1},{"type":"string","pattern":"^\\$leader(:.+)?$"}]})";
    case KeyKind::kTarget:
      return R"({"type":"integer","minimum":1})";
    case KeyKind::kOffset:
      return kSpanSchema;
    case KeyKind::kSpan:
      return kSpanSchema;
    case KeyKind::kCount:
      return R"({"type":"integer","minimum":0})";
    case KeyKind::kPlainNode:
      return R"({"type":"integer","minimum":1})";
    case KeyKind::kLinks:
      return R"({"type":"array","minItems":1,"items":{"type":"string","pattern":"^(n[1-9]|c[0-9]+)>(n[1-9]|c[0-9]+)$"}})";
    case KeyKind::kSwizzle:
      return Cat(
          R"({"type":"array","minItems":1,"items":{"type":"object","additionalProperties":false,)",
          R"("required":["node","until"],"properties":{"node":{"type":"integer","minimum":1},"after":)",
          kSpanSchema, R"(,"until":)", kSpanSchema, "}}}");
    case KeyKind::kKept:
      return R"({"type":"object","additionalProperties":false,"properties":{"log":{"type":"integer","minimum":0},"map":{"type":"integer","minimum":0}}})";
    case KeyKind::kLoss:
      return R"({"enum":["log","map","all","to_image"]})";
    case KeyKind::kStore:
      return R"({"enum":["log","map"]})";
    case KeyKind::kNodes:
      return R"({"type":"array","minItems":1,"items":{"type":"integer","minimum":1}})";
    case KeyKind::kTransition:
      return R"({"enum":["auto","joint_explicit","joint_implicit"]})";
    case KeyKind::kNamespace:
    case KeyKind::kText:
      return R"({"type":"string"})";
    case KeyKind::kDirection:
      return R"({"enum":["both","into","out_of"]})";
  }
  UNREACHABLE("no such kind of key");
}

}  // namespace

std::string ScheduleSchema() {
  std::string kinds;
  for (const ActionSpec& spec : ScheduleActions()) {
    std::string properties = Cat(
        R"("do":{"const":")", spec.name, R"("},"at":)", kSpanSchema,
        R"(,"on":{"type":"object","additionalProperties":false,"required":["mark"],)",
        R"("properties":{"mark":{"$ref":"#/$defs/mark"},"nth":{"type":"integer","minimum":1}}})");
    std::string required = R"("do")";
    if (spec.lasts) properties += Cat(R"(,"for":)", kSpanSchema);
    for (const ActionKey& key : spec.keys) {
      properties += Cat(",\"", key.name, "\":", SchemaOf(key.kind));
      if (key.required) required += Cat(",\"", key.name, "\"");
    }
    kinds += Cat(kinds.empty() ? "" : ",", R"({"type":"object","description":")", spec.help,
                 R"(","additionalProperties":false,"required":[)", required,
                 R"(],"oneOf":[{"required":["at"]},{"required":["on"]}],"properties":{)",
                 properties, "}}");
  }
  return Cat(R"({"type":"array","maxItems":)", kMostEntries, R"(,"items":{"oneOf":[)", kinds,
             "]}}");
}

const char* NameOf(const Action& action) {
  return std::visit(Match{[](const PartitionAction&) { return "partition"; },
                          [](const IsolateAction&) { return "isolate"; },
                          [](const CutAction&) { return "cut"; },
                          [](const ClogAction&) { return "clog"; },
                          [](const SwizzleAction&) { return "swizzle"; },
                          [](const DisconnectAction&) { return "disconnect"; },
                          [](const HealAction&) { return "heal"; },
                          [](const CrashAction&) { return "crash"; },
                          [](const WipeAction&) { return "wipe"; },
                          [](const RestartAction&) { return "restart"; },
                          [](const PauseAction&) { return "pause"; },
                          [](const ClockStepAction&) { return "clock_step"; },
                          [](const ClockFreezeAction&) { return "clock_freeze"; },
                          [](const DiskSlowAction&) { return "disk_slow"; },
                          [](const DiskStallAction&) { return "disk_stall"; },
                          [](const DiskFullAction&) { return "disk_full"; },
                          [](const SyncErrorAction&) { return "sync_error"; },
                          [](const WriteErrorAction&) { return "write_error"; },
                          [](const MapErrorAction&) { return "map_error"; },
                          [](const CorruptAction&) { return "corrupt"; },
                          [](const ImageAction&) { return "image"; },
                          [](const OldImageAction&) { return "old_image"; },
                          [](const LyingSyncAction&) { return "lying_sync"; },
                          [](const TransferAction&) { return "transfer"; },
                          [](const ChangeMembersAction&) { return "change_members"; },
                          [](const OperationAction& operation) {
                            switch (operation.op) {
                              case ScheduledOp::kPut:
                                return "put";
                              case ScheduledOp::kGet:
                                return "get";
                              case ScheduledOp::kDelete:
                                return "delete";
                              case ScheduledOp::kDropNamespace:
                                return "drop_namespace";
                            }
                            return "?";
                          }},
                    action);
}

}  // namespace quorate::sim
