#include "engine/catalogue.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"

namespace quorate {
namespace {

enum class Tag : std::uint8_t { kCreate = 1, kDrop = 2 };  // stored: do not renumber
constexpr std::uint8_t kFormat = 2;                        // stored: do not renumber
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::string_view kDefaultName = "default";

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || !IsLetter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

Mode DecodeMode(Decoder& decoder) {
  const Mode mode = static_cast<Mode>(decoder.U8());
  switch (mode) {
    case Mode::kStrong:
    case Mode::kEventual:
      return mode;
  }
  decoder.Fail();
  return Mode::kStrong;
}

bool IsStatus(std::uint8_t status) {
  return status >= static_cast<std::uint8_t>(CatalogueStatus::kCreated) &&
         status <= static_cast<std::uint8_t>(CatalogueStatus::kForgotten);
}

}  // namespace

std::string EncodeCatalogueCommand(const CatalogueCommand& command) {
  std::string out;
  Encoder encoder(out);
  std::visit(Match{
                 [&](const CreateNamespace& c) {
                   encoder.U8(static_cast<std::uint8_t>(Tag::kCreate));
                   encoder.Bytes(c.name);
                   encoder.U8(static_cast<std::uint8_t>(c.mode));
                 },
                 [&](const DropNamespace& c) {
                   encoder.U8(static_cast<std::uint8_t>(Tag::kDrop));
                   encoder.U32(c.number.value());
                 },
             },
             command);
  return out;
}

absl::StatusOr<CatalogueCommand> DecodeCatalogueCommand(std::string_view bytes) {
  const absl::Status malformed = absl::InvalidArgumentError("these bytes are no catalogue command");
  Decoder decoder(bytes);
  const Tag tag = static_cast<Tag>(decoder.U8());
  switch (tag) {
    case Tag::kCreate: {
      const std::string_view name = decoder.Bytes();
      const Mode mode = DecodeMode(decoder);
      if (!decoder.done()) return malformed;
      return CreateNamespace{std::string(name), mode};
    }
    case Tag::kDrop: {
      const GroupId number(decoder.U32());
      if (!decoder.done()) return malformed;
      return DropNamespace{number};
    }
  }
  return malformed;
}

std::string EncodeCatalogueReply(const CatalogueReply& reply) {
  std::string out;
  Encoder encoder(out);
  encoder.U8(static_cast<std::uint8_t>(reply.status));
  encoder.U32(reply.number.value());
  return out;
}

absl::StatusOr<CatalogueReply> DecodeCatalogueReply(std::string_view bytes) {
  Decoder decoder(bytes);
  const std::uint8_t status = decoder.U8();
  const GroupId number(decoder.U32());
  if (!decoder.done() || !IsStatus(status)) {
    return absl::InvalidArgumentError("these bytes are no catalogue reply");
  }
  return CatalogueReply{static_cast<CatalogueStatus>(status), number};
}

Catalogue Catalogue::Bootstrap(const Configuration& members) {
  Catalogue catalogue;
  catalogue.namespaces_.emplace(kDefaultNamespace, NamespaceInfo{std::string(kDefaultName),
                                                                 Mode::kStrong, Index(0), members});
  return catalogue;
}

Catalogue::Applied Catalogue::ApplyEntry(Index index, std::string_view payload,
                                         const Configuration& members, std::size_t nonce_window) {
  Nonce nonce;
  std::string_view command;
  if (!DecodeNonce(payload, nonce, command)) return {index, {CatalogueStatus::kMalformed, {}}};
  const NonceTable::Verdict verdict = nonces_.Judge(nonce, nonce_window);
  switch (verdict.judgement) {
    case NonceTable::Judgement::kNew:
      break;
    case NonceTable::Judgement::kRetry: {
      SOMETIMES(true, "catalogue.retry_answered");
      const absl::StatusOr<CatalogueReply> first = DecodeCatalogueReply(verdict.reply);
      INVARIANT(first.ok());  // it was looked at when it was decoded
      return {verdict.took_effect, *first};
    }
    case NonceTable::Judgement::kForgotten:
      return {index, {CatalogueStatus::kForgotten, {}}};
  }
  const CatalogueReply reply = Apply(index, command, members);
  nonces_.Record(nonce, index, EncodeCatalogueReply(reply), nonce_window);
  return {index, reply};
}

CatalogueReply Catalogue::Apply(Index index, std::string_view command,
                                const Configuration& members) {
  absl::StatusOr<CatalogueCommand> decoded = DecodeCatalogueCommand(command);
  if (!decoded.ok()) return {CatalogueStatus::kMalformed, GroupId(0)};
  return std::visit(Match{
                        [&](CreateNamespace& c) { return Create(index, std::move(c), members); },
                        [&](DropNamespace& c) { return Drop(c); },
                    },
                    *decoded);
}

CatalogueReply Catalogue::Create(Index index, CreateNamespace command,
                                 const Configuration& members) {
  if (!IsName(command.name)) return {CatalogueStatus::kBadName, GroupId(0)};
  GroupId number;
  if (const NamespaceInfo* living = Find(command.name, &number); living != nullptr) {
    const bool same = living->mode == command.mode;
    return {same ? CatalogueStatus::kExists : CatalogueStatus::kOtherMode, number};
  }
  if (command.mode == Mode::kEventual) return {CatalogueStatus::kNotSupported, GroupId(0)};
  // The last numbers are not namespaces': see kSystemGroup and kEveryGroup.
  if (namespaces_.size() >= kMaxNamespaces || next_number_ >= kEveryGroup) {
    return {CatalogueStatus::kLimit, GroupId(0)};
  }
  number = next_number_;
  next_number_ = Next(next_number_);
  namespaces_.emplace(number, NamespaceInfo{std::move(command.name), command.mode, index, members});
  INVARIANT(next_number_ > namespaces_.rbegin()->first);
  return {CatalogueStatus::kCreated, number};
}

CatalogueReply Catalogue::Drop(const DropNamespace& command) {
  if (command.number == kDefaultNamespace) return {CatalogueStatus::kNotSupported, command.number};
  const bool dropped = namespaces_.erase(command.number) > 0;
  return {dropped ? CatalogueStatus::kDropped : CatalogueStatus::kNotFound, command.number};
}

const NamespaceInfo* Catalogue::Find(std::string_view name, GroupId* number) const {
  for (const auto& [id, info] : namespaces_) {
    if (info.name != name) continue;
    if (number != nullptr) *number = id;
    return &info;
  }
  return nullptr;
}

std::string Catalogue::Encode() const {
  std::string out;
  Encoder encoder(out);
  encoder.U8(kFormat);
  encoder.U32(next_number_.value());
  encoder.Varint(namespaces_.size());
  std::string configuration;
  for (const auto& [number, info] : namespaces_) {
    encoder.U32(number.value());
    encoder.Bytes(info.name);
    encoder.U8(static_cast<std::uint8_t>(info.mode));
    encoder.Varint(info.born.value());
    configuration.clear();
    quorate::Encode(info.configuration, configuration);
    encoder.Bytes(configuration);
  }
  const std::vector<NodeId> nodes = nonces_.nodes();
  encoder.Varint(nodes.size());
  for (const NodeId node : nodes) {
    encoder.U32(node.value());
    encoder.Bytes(nonces_.EncodeRow(node));
  }
  return out;
}

absl::StatusOr<Catalogue> Catalogue::Decode(std::string_view bytes) {
  const absl::Status malformed = absl::InvalidArgumentError("these bytes are no catalogue");
  constexpr std::size_t kLeastBytes = 8;  // of a namespace
  Decoder decoder(bytes);
  Catalogue catalogue;
  if (decoder.U8() != kFormat) return malformed;
  catalogue.next_number_ = GroupId(decoder.U32());
  const std::uint64_t count = decoder.CountOf(kLeastBytes);
  if (count > kMaxNamespaces) return malformed;
  for (std::uint64_t i = 0; i < count; ++i) {
    const GroupId number(decoder.U32());
    NamespaceInfo info;
    info.name = decoder.Bytes();
    info.mode = DecodeMode(decoder);
    info.born = Index(decoder.Varint());
    const std::string_view encoded = decoder.Bytes();
    if (!decoder.ok() || !IsName(info.name) || number >= catalogue.next_number_) return malformed;
    absl::StatusOr<Configuration> configuration = DecodeConfiguration(encoded);
    if (!configuration.ok()) return configuration.status();
    info.configuration = *std::move(configuration);
    auto& namespaces = catalogue.namespaces_;
    const bool ascends = namespaces.empty() || number > namespaces.rbegin()->first;
    if (!ascends || catalogue.Find(info.name, nullptr) != nullptr) return malformed;
    namespaces.emplace_hint(namespaces.end(), number, std::move(info));
  }
  const std::uint64_t nodes = decoder.CountOf(kLeastBytes);
  if (nodes > NonceTable::kMaxNodes) return malformed;
  NodeId before;
  for (std::uint64_t i = 0; i < nodes; ++i) {
    const NodeId node(decoder.U32());
    const std::string_view row = decoder.Bytes();
    const auto is_reply = [](std::string_view reply) { return DecodeCatalogueReply(reply).ok(); };
    if (node <= before || !catalogue.nonces_.DecodeRow(node, row, is_reply)) return malformed;
    before = node;
  }
  if (!decoder.done()) return malformed;
  return catalogue;
}

}  // namespace quorate
