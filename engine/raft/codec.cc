#include "engine/raft/codec.h"

#include <limits>
#include <string>
#include <utility>

namespace quorate {
namespace {

NodeId DecodeNode(Decoder& in) {
  const std::uint64_t node = in.Varint();
  if (node > std::numeric_limits<NodeId::rep>::max()) {
    in.Fail();
    return NodeId{};
  }
  return NodeId(static_cast<NodeId::rep>(node));
}

bool IsKind(std::uint8_t kind) {
  switch (static_cast<EntryKind>(kind)) {
    case EntryKind::kBarrier:
    case EntryKind::kCommand:
    case EntryKind::kOpenSession:
    case EntryKind::kConfiguration:
      return true;
  }
  return false;
}

}  // namespace

void EncodeEntryId(EntryId id, Encoder& out) {
  out.Varint(id.index.value());
  out.Varint(id.term.value());
}

EntryId DecodeEntryId(Decoder& in) {
  const Index index(in.Varint());
  const Term term(in.Varint());
  return in.ok() ? EntryId{index, term} : EntryId{};
}

void EncodeEntry(const Entry& entry, Encoder& out) {
  out.Varint(entry.term.value());
  out.U8(static_cast<std::uint8_t>(entry.kind));
  out.Bytes(entry.payload.bytes());
}

Entry DecodeEntry(Decoder& in) {
  const Term term(in.Varint());
  const std::uint8_t kind = in.U8();
  const std::string_view payload = in.Bytes();
  if (!IsKind(kind)) in.Fail();
  if (!in.ok()) return Entry{};
  return Entry{term, static_cast<EntryKind>(kind), Payload(std::string(payload))};
}

void EncodeHardState(const HardState& state, Encoder& out) {
  out.Varint(state.term.value());
  out.Varint(state.vote.value());
}

HardState DecodeHardState(Decoder& in) {
  const Term term(in.Varint());
  const NodeId vote = DecodeNode(in);
  return in.ok() ? HardState{term, vote} : HardState{};
}

void EncodeConfiguration(const Configuration& configuration, Encoder& out) {
  std::string bytes;
  Encode(configuration, bytes);
  out.Bytes(bytes);
}

Configuration DecodeConfiguration(Decoder& in) {
  const std::string_view bytes = in.Bytes();
  if (!in.ok()) return {};
  absl::StatusOr<Configuration> configuration = DecodeConfiguration(bytes);
  if (!configuration.ok()) {
    in.Fail();
    return {};
  }
  return *std::move(configuration);
}

void EncodeLogStart(const LogStart& start, Encoder& out) {
  out.Varint(start.generation.value());
  EncodeEntryId(start.entry, out);
  out.Varint(start.configuration_index.value());
  EncodeConfiguration(start.configuration, out);
  out.Bytes(start.catalogue.bytes());
}

LogStart DecodeLogStart(Decoder& in) {
  LogStart start;
  start.generation = Generation(in.Varint());
  start.entry = DecodeEntryId(in);
  start.configuration_index = Index(in.Varint());
  start.configuration = DecodeConfiguration(in);
  const std::string_view catalogue = in.Bytes();
  if (!in.ok()) return {};
  start.catalogue = Payload(std::string(catalogue));
  return start;
}

}  // namespace quorate
