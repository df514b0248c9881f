#include "sim/scenario/script.h"

#include <algorithm>

#include "engine/base/check.h"
#include "sim/scenario/config.h"
#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

std::string NameOfEnd(const LinkEnd& end) { return Cat(end.is_client ? "c" : "n", end.number); }

}  // namespace

std::string NameOf(const LinkName& link) {
  return Cat(NameOfEnd(link.from), ">", NameOfEnd(link.to));
}

std::int64_t ScriptedNode::*UsualTimeOf(NodeSite site) {
  switch (site) {
    case NodeSite::kSync:
      return &ScriptedNode::sync_ns;
    case NodeSite::kRead:
      return &ScriptedNode::read_ns;
    case NodeSite::kWork:
      return &ScriptedNode::work_ns;
    case NodeSite::kFlush:
      return &ScriptedNode::flush_ns;
    case NodeSite::kRestart:
      return &ScriptedNode::restart_ns;
    case NodeSite::kSyncError:
    case NodeSite::kWriteError:
    case NodeSite::kMapError:
    case NodeSite::kCorrupt:
    case NodeSite::kLyingSync:
    case NodeSite::kSelfFlush:
    case NodeSite::kRecoveryCrash:
    case NodeSite::kCrash:
      break;
  }
  return nullptr;
}

const char* NameOf(NodeSite site) {
  switch (site) {
    case NodeSite::kSync:
      return "sync";
    case NodeSite::kRead:
      return "read";
    case NodeSite::kWork:
      return "work";
    case NodeSite::kFlush:
      return "flush";
    case NodeSite::kSyncError:
      return "sync_error";
    case NodeSite::kWriteError:
      return "write_error";
    case NodeSite::kMapError:
      return "map_error";
    case NodeSite::kCorrupt:
      return "corrupt_row";
    case NodeSite::kSelfFlush:
      return "self_flush";
    case NodeSite::kRestart:
      return "restart";
    case NodeSite::kRecoveryCrash:
      return "recovery_crash";
    case NodeSite::kCrash:
      return "crash";
    case NodeSite::kLyingSync:
      return "lying_sync";
  }
  UNREACHABLE("no such site");
}

std::size_t ClientsOf(const RunConfig& config) {
  std::size_t count = 0;
  const auto meet = [&count](const LinkName& link) {
    for (const LinkEnd& end : {link.from, link.to}) {
      if (end.is_client) count = std::max<std::size_t>(count, end.number + 1u);
    }
  };
  for (const ScriptedOperation& operation : config.script->operations)
    count = std::max<std::size_t>(count, operation.client + 1u);
  for (const ScriptedLink& link : config.script->links) meet(link.link);
  for (const FrameDeviation& frame : config.script->frames) meet(frame.link);
  for (const ScheduleEntry& entry : config.schedule) {
    if (const CutAction* cut = std::get_if<CutAction>(&entry.action)) {
      for (const LinkName& link : cut->links) meet(link);
    } else if (const ClogAction* clog = std::get_if<ClogAction>(&entry.action)) {
      for (const LinkName& link : clog->links) meet(link);
    }
  }
  return count;
}

}  // namespace quorate::sim
