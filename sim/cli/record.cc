#include "sim/cli/record.h"

#include <utility>

#include "engine/base/bytes.h"

namespace quorate::sim {
namespace {

void Put(Encoder& out, const Counters& counters) {
  out.Varint(counters.size());
  for (const auto& [name, count] : counters) {
    out.Bytes(name);
    out.Varint(count);
  }
}

Counters TakeCounters(Decoder& in) {
  Counters counters;
  for (std::uint64_t left = in.CountOf(2); left > 0 && in.ok(); --left) {
    std::string name(in.Bytes());
    counters[std::move(name)] = in.Varint();
  }
  return counters;
}

// Numbers of states are all over 64 bits, so they go as they are.
void Put(Encoder& out, const AbstractStates& states) {
  out.Varint(states.clusters.size());
  for (const std::uint64_t cluster : states.clusters) out.U64(cluster);
  out.Varint(states.nodes.size());
  for (const NodeCode node : states.nodes) out.Varint(node);
}

AbstractStates TakeStates(Decoder& in) {
  AbstractStates states;
  const std::uint64_t clusters = in.CountOf(8);
  states.clusters.reserve(static_cast<std::size_t>(clusters));
  for (std::uint64_t left = clusters; left > 0 && in.ok(); --left) {
    states.clusters.push_back(in.U64());
  }
  for (std::uint64_t left = in.CountOf(1); left > 0 && in.ok(); --left) {
    states.nodes.push_back(static_cast<NodeCode>(in.Varint()));
  }
  return states;
}

void Put(Encoder& out, const Excuse& excuse) {
  out.Varint(excuse.groups.size());
  for (const GroupId group : excuse.groups) out.Varint(group.value());
  out.Varint(excuse.voters.size());
  for (const NodeId voter : excuse.voters) out.Varint(voter.value());
  out.Varint(excuse.quorum);
  out.Varint(excuse.lost.size());
  for (const Damage& damage : excuse.lost) {
    out.Varint(damage.node.value());
    out.Bytes(damage.fault);
    out.Varint(damage.event);
    out.U64(static_cast<std::uint64_t>(damage.at_ns));
  }
  out.Varint(excuse.since_event);
  out.U64(static_cast<std::uint64_t>(excuse.since_ns));
}

NodeId TakeNode(Decoder& in) { return NodeId(static_cast<std::uint32_t>(in.Varint())); }

Excuse TakeExcuse(Decoder& in) {
  Excuse excuse;
  for (std::uint64_t left = in.CountOf(1); left > 0 && in.ok(); --left) {
    excuse.groups.emplace_back(static_cast<GroupId::rep>(in.Varint()));
  }
  for (std::uint64_t left = in.CountOf(1); left > 0 && in.ok(); --left) {
    excuse.voters.push_back(TakeNode(in));
  }
  excuse.quorum = in.Varint();
  for (std::uint64_t left = in.CountOf(11); left > 0 && in.ok(); --left) {
    Damage damage;
    damage.node = TakeNode(in);
    damage.fault = in.Bytes();
    damage.event = in.Varint();
    damage.at_ns = static_cast<std::int64_t>(in.U64());
    excuse.lost.push_back(std::move(damage));
  }
  excuse.since_event = in.Varint();
  excuse.since_ns = static_cast<std::int64_t>(in.U64());
  return excuse;
}

}  // namespace

Severity SeverityOf(const RunRecord& record) {
  switch (record.end) {
    case RunEnd::kFinished:
      break;
    case RunEnd::kCrashed:
    case RunEnd::kAsserted:
      return Severity::kSimulatorBug;
    case RunEnd::kOutOfTime:
      return Severity::kOutOfTime;
  }
  switch (record.result.verdict) {
    case Verdict::kPass:
      return Severity::kPass;
    case Verdict::kExcused:
      return Severity::kExcused;
    case Verdict::kUnknown:
      return Severity::kUnknown;
    case Verdict::kFail:
      return record.result.violation && IsLiveness(record.result.violation->id)
                 ? Severity::kLiveness
                 : Severity::kSafety;
  }
  UNREACHABLE("no such verdict");
}

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kSafety:
      return "safety";
    case Severity::kNonDeterminism:
      return "non-determinism";
    case Severity::kLiveness:
      return "liveness";
    case Severity::kSimulatorBug:
      return "crash";
    case Severity::kOutOfTime:
      return "out of time";
    case Severity::kUnknown:
      return "unknown";
    case Severity::kExcused:
      return "excused";
    case Severity::kPass:
      return "pass";
  }
  return "?";
}

bool IsFailure(Severity severity) { return severity < Severity::kUnknown; }

bool IsLiveness(std::string_view checker) {
  return checker.starts_with("LIVE") || checker == "I-80";
}

std::string EncodeRecord(const RunRecord& record) {
  std::string bytes;
  Encoder out(bytes);
  out.Varint(record.number);
  out.Varint(record.file);
  out.U64(record.seed);
  out.U8(static_cast<std::uint8_t>(record.end));
  out.Bytes(record.how);
  const RunResult& result = record.result;
  out.U8(static_cast<std::uint8_t>(result.verdict));
  out.U8(result.violation ? 1 : 0);
  if (result.violation) {
    out.Bytes(result.violation->id);
    out.Bytes(result.violation->what);
    out.Varint(result.violation->event);
  }
  out.Bytes(result.excuse);
  out.U8(result.certificate ? 1 : 0);
  if (result.certificate) Put(out, *result.certificate);
  out.Varint(result.events);
  out.U64(static_cast<std::uint64_t>(result.virtual_ns));
  out.U64(result.digest.value);
  for (const Counters* counters :
       {&result.injected, &result.checked, &result.marks, &result.operations, &result.ignored}) {
    Put(out, *counters);
  }
  Put(out, result.states);
  return bytes;
}

absl::StatusOr<RunRecord> DecodeRecord(std::string_view bytes) {
  Decoder in(bytes);
  RunRecord record;
  record.number = in.Varint();
  record.file = in.Varint();
  record.seed = in.U64();
  const std::uint8_t end = in.U8();
  record.how = in.Bytes();
  RunResult& result = record.result;
  const std::uint8_t verdict = in.U8();
  if (end > static_cast<std::uint8_t>(RunEnd::kOutOfTime) ||
      verdict > static_cast<std::uint8_t>(Verdict::kUnknown)) {
    in.Fail();
  }
  record.end = static_cast<RunEnd>(end);
  result.verdict = static_cast<Verdict>(verdict);
  if (in.U8() != 0) {
    Violation violation;
    violation.id = in.Bytes();
    violation.what = in.Bytes();
    violation.event = in.Varint();
    result.violation = std::move(violation);
  }
  result.excuse = in.Bytes();
  if (in.U8() != 0) result.certificate = TakeExcuse(in);
  result.events = in.Varint();
  result.virtual_ns = static_cast<std::int64_t>(in.U64());
  result.digest.value = in.U64();
  for (Counters* counters :
       {&result.injected, &result.checked, &result.marks, &result.operations, &result.ignored}) {
    *counters = TakeCounters(in);
  }
  result.states = TakeStates(in);
  if (!in.done()) return absl::DataLossError("a record that is none");
  return record;
}

}  // namespace quorate::sim
