#include "storage/rows.h"

#include <utility>

#include "engine/base/bytes.h"
#include "engine/raft/codec.h"
#include "storage/keys.h"

namespace quorate {
namespace {

std::uint32_t CrcOf(std::string_view key, std::string_view content, std::uint32_t seed) {
  return Crc32c(content, Crc32c(key, seed));
}

}  // namespace

std::uint32_t SeedOf(const Identity& identity) {
  return Crc32c(EncodeIdentity(identity), kIdentitySeed);
}

std::string Seal(std::string_view key, std::string content, std::uint32_t seed) {
  const std::uint32_t crc = CrcOf(key, content, seed);
  Encoder(content).U32(crc);
  return content;
}

std::optional<std::string_view> Unseal(std::string_view key, std::string_view value,
                                       std::uint32_t seed) {
  if (value.size() < kSealBytes) return std::nullopt;
  const std::string_view content = value.substr(0, value.size() - kSealBytes);
  if (SealOf(value) != CrcOf(key, content, seed)) return std::nullopt;
  return content;
}

std::uint32_t SealOf(std::string_view value) {
  REQUIRE(value.size() >= kSealBytes);
  return Decoder(value.substr(value.size() - kSealBytes)).U32();
}

std::string EncodeIdentity(const Identity& identity) {
  std::string content;
  Encoder out(content);
  out.U8(kStoreFormat);
  out.U64(identity.cluster);
  out.U32(identity.node.value());
  out.U32(identity.incarnation.value());
  return content;
}

std::optional<IdentityRow> DecodeIdentity(std::string_view content) {
  Decoder in(content);
  IdentityRow row;
  row.format = in.U8();
  if (!in.ok()) return std::nullopt;
  if (row.format != kStoreFormat) return row;
  row.identity.cluster = in.U64();
  row.identity.node = NodeId(in.U32());
  row.identity.incarnation = Incarnation(in.U32());
  if (!in.done()) return std::nullopt;
  return row;
}

std::string EncodeGroupList(const std::vector<GroupId>& groups) {
  std::string content;
  Encoder out(content);
  out.Varint(groups.size());
  for (const GroupId group : groups) out.U32(group.value());
  return content;
}

std::optional<std::vector<GroupId>> DecodeGroupList(std::string_view content) {
  Decoder in(content);
  const std::uint64_t count = in.CountOf(sizeof(GroupId::rep));
  std::vector<GroupId> groups;
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    const GroupId group(in.U32());
    if (!groups.empty() && group <= groups.back()) in.Fail();
    groups.push_back(group);
  }
  if (!in.done()) return std::nullopt;
  return groups;
}

std::string EncodeStartRow(const StartRow& row) {
  std::string content;
  Encoder out(content);
  out.U32(row.anchor);
  EncodeLogStart(row.start, out);
  return content;
}

std::optional<StartRow> DecodeStartRow(std::string_view content) {
  Decoder in(content);
  StartRow row;
  row.anchor = in.U32();
  row.start = DecodeLogStart(in);
  if (!in.done()) return std::nullopt;
  return row;
}

std::uint32_t AnchorOf(GroupId group, const LogStart& start, std::uint32_t seed) {
  std::string content;
  Encoder out(content);
  EncodeLogStart(start, out);
  return CrcOf(GroupKey(LogTag::kStart, group), content, seed);
}

std::string EncodeTailRow(const TailRow& row) {
  std::string content;
  Encoder out(content);
  out.U32(row.chain);
  out.Varint(row.generation.value());
  out.Varint(row.last.value());
  return content;
}

std::optional<TailRow> DecodeTailRow(std::string_view content) {
  Decoder in(content);
  TailRow row;
  row.chain = in.U32();
  row.generation = Generation(in.Varint());
  row.last = Index(in.Varint());
  if (!in.done()) return std::nullopt;
  return row;
}

std::string EncodeEntryRow(std::uint32_t chain_before, const Entry& entry) {
  std::string content;
  content.reserve(entry.payload.size() + 32);  // chain, term, kind, length, seal
  Encoder out(content);
  out.U32(chain_before);
  EncodeEntry(entry, out);
  return content;
}

std::optional<EntryRow> DecodeEntryRow(std::string_view content) {
  Decoder in(content);
  EntryRow row;
  row.chain_before = in.U32();
  row.entry = DecodeEntry(in);
  if (!in.done()) return std::nullopt;
  return row;
}

}  // namespace quorate
