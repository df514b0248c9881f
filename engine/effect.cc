#include "engine/effect.h"

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/raft/show.h"

namespace quorate {
namespace {

// " after=n", or nothing if there is no write to wait for.
std::string After(PersistSeq after) {
  return after == PersistSeq() ? std::string() : absl::StrCat(" after=", after.value());
}

std::string Show(const LogStart& start) {
  return absl::StrCat(Show(start.entry), " generation=", start.generation.value(),
                      " configuration=", start.configuration_index.value(), ":",
                      Render(start.configuration));
}

std::string Show(const LogRecord& record) {
  return std::visit(
      Match{
          [](const BootRecord& r) { return absl::StrCat("boot ", r.boot.value()); },
          [](const SetHardState& r) {
            return absl::StrCat(Show(r.group), " term=", r.state.term.value(),
                                " vote=", r.state.vote.value());
          },
          [](const TruncateSuffix& r) {
            return absl::StrCat(Show(r.group), " truncate from=", r.from.value());
          },
          [](const AppendEntries& r) {
            std::string out =
                absl::StrCat(Show(r.group), " append ", r.first.value(), "+", r.entries.size());
            for (const Entry& entry : r.entries) {
              absl::StrAppend(&out, " ", NameOf(entry.kind), "/", entry.term.value());
            }
            return out;
          },
          [](const DropPrefix& r) {
            return absl::StrCat(Show(r.group), " drop-prefix ", Show(r.start));
          },
          [](const ResetLog& r) { return absl::StrCat(Show(r.group), " reset ", Show(r.start)); },
          [](const DropGroup& r) { return absl::StrCat(Show(r.group), " drop-group"); },
      },
      record);
}

std::string Fields(const Effect& effect) {
  return std::visit(
      Match{
          [](const Persist& e) {
            std::string out = absl::StrCat(" #", e.seq.value());
            for (const LogRecord& record : e.records)
              absl::StrAppend(&out, " {", Show(record), "}");
            return out;
          },
          [](const Send& e) {
            return absl::StrCat(" to=", e.to.value(), After(e.after), " ", Render(e.message));
          },
          [](const Apply& e) {
            return absl::StrCat(" ", Show(e.group), " ", e.first.value(), "+", e.entries.size(),
                                " generation=", e.generation.value(), After(e.after));
          },
          [](const RunQuery& e) {
            std::string out =
                absl::StrCat(" ", Show(e.group), " id=", e.id.value(),
                             " after_applied=", e.after_applied.value(), " requests=");
            for (std::size_t i = 0; i < e.items.size(); ++i) {
              absl::StrAppend(&out, i == 0 ? "" : ",", e.items[i].request.value());
            }
            return out;
          },
          [](const Reply& e) {
            return absl::StrCat(" request=", e.request.value(), After(e.after), " ",
                                NameOf(e.outcome.kind), " ", NameOf(e.outcome.refusal),
                                " serial=", e.outcome.serial.value(),
                                " bytes=", e.outcome.result.size());
          },
          [](const ReadLog& e) {
            return absl::StrCat(" ", Show(e.group), " id=", e.id.value(), " ", e.first.value(),
                                "..", e.last.value(), " max_bytes=", e.max_bytes);
          },
          [](const OpenSnapshot& e) {
            return absl::StrCat(" ", Show(e.group), " id=", e.id.value());
          },
          [](const ReadChunk& e) {
            return absl::StrCat(" ", Show(e.group), " id=", e.id.value(), " chunk=", e.number);
          },
          [](const CloseSnapshot& e) { return absl::StrCat(" ", Show(e.group)); },
          [](const InstallChunk& e) {
            return absl::StrCat(" ", Show(e.group), " id=", e.id.value(),
                                " generation=", e.generation.value(), " of=", Show(e.entry),
                                " chunk=", e.number, e.last ? " last" : "",
                                " bytes=", e.rows.size());
          },
          [](const FlushMap& e) { return absl::StrCat(" id=", e.id.value()); },
          [](const SwitchGeneration& e) {
            return absl::StrCat(" ", Show(e.group), " generation=", e.generation.value(),
                                After(e.after));
          },
          [](const DropGeneration& e) {
            return absl::StrCat(" ", Show(e.group), " generation=", e.generation.value());
          },
          [](const Stop& e) { return absl::StrCat(" ", NameOf(e.reason)); },
      },
      effect);
}

}  // namespace

const char* NameOf(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kDone:
      return "done";
    case OutcomeKind::kNotApplied:
      return "not-applied";
    case OutcomeKind::kUnknown:
      return "unknown";
  }
  UNREACHABLE("outcome kind");
}

const char* NameOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kNoLeader:
      return "no-leader";
    case Refusal::kTimeout:
      return "timeout";
    case Refusal::kBusy:
      return "busy";
    case Refusal::kNoSpace:
      return "no-space";
    case Refusal::kTooBig:
      return "too-big";
    case Refusal::kNoSuchNamespace:
      return "no-such-namespace";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kStopped:
      return "stopped";
  }
  UNREACHABLE("refusal");
}

const char* NameOf(StopReason reason) {
  switch (reason) {
    case StopReason::kDataLoss:
      return "data-loss";
    case StopReason::kStorageFailed:
      return "storage-failed";
  }
  UNREACHABLE("stop reason");
}

const char* NameOf(const Input& input) {
  return std::visit(Match{
                        [](const LinkUp&) { return "LinkUp"; },
                        [](const LinkDown&) { return "LinkDown"; },
                        [](const FrameReceived&) { return "FrameReceived"; },
                        [](const Wakeup&) { return "Wakeup"; },
                        [](const Persisted&) { return "Persisted"; },
                        [](const PersistFailed&) { return "PersistFailed"; },
                        [](const DiskSpace&) { return "DiskSpace"; },
                        [](const LogRead&) { return "LogRead"; },
                        [](const Applied&) { return "Applied"; },
                        [](const Answered&) { return "Answered"; },
                        [](const SnapshotOpened&) { return "SnapshotOpened"; },
                        [](const ChunkRead&) { return "ChunkRead"; },
                        [](const ChunkInstalled&) { return "ChunkInstalled"; },
                        [](const MapFlushed&) { return "MapFlushed"; },
                        [](const GenerationSwitched&) { return "GenerationSwitched"; },
                        [](const ClientRequests&) { return "ClientRequests"; },
                        [](const TransferLeadership&) { return "TransferLeadership"; },
                        [](const ChangeConfiguration&) { return "ChangeConfiguration"; },
                    },
                    input);
}

const char* NameOf(const Effect& effect) {
  return std::visit(Match{
                        [](const Persist&) { return "Persist"; },
                        [](const Send&) { return "Send"; },
                        [](const Apply&) { return "Apply"; },
                        [](const RunQuery&) { return "RunQuery"; },
                        [](const Reply&) { return "Reply"; },
                        [](const ReadLog&) { return "ReadLog"; },
                        [](const OpenSnapshot&) { return "OpenSnapshot"; },
                        [](const ReadChunk&) { return "ReadChunk"; },
                        [](const CloseSnapshot&) { return "CloseSnapshot"; },
                        [](const InstallChunk&) { return "InstallChunk"; },
                        [](const FlushMap&) { return "FlushMap"; },
                        [](const SwitchGeneration&) { return "SwitchGeneration"; },
                        [](const DropGeneration&) { return "DropGeneration"; },
                        [](const Stop&) { return "Stop"; },
                    },
                    effect);
}

std::string Render(const Effect& effect) { return absl::StrCat(NameOf(effect), Fields(effect)); }

}  // namespace quorate
