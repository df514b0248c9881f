#include "storage/keys.h"

#include <limits>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace quorate {
namespace {

constexpr int kMostNumberBytes = 8;

void AppendNumber(std::uint64_t number, std::string& out) {
  int width = 0;
  for (std::uint64_t rest = number; rest != 0; rest >>= 8) ++width;
  out.push_back(static_cast<char>(width));
  for (int i = width - 1; i >= 0; --i)
    out.push_back(static_cast<char>((number >> (8 * i)) & 0xffu));
}

std::uint64_t ReadNumber(Decoder& in,
                         std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  const int width = in.U8();
  if (width > kMostNumberBytes) in.Fail();
  std::uint64_t number = 0;
  for (int i = 0; in.ok() && i < width; ++i) {
    const std::uint8_t byte = in.U8();
    if (i == 0 && byte == 0) in.Fail();  // a second spelling
    number = (number << 8) | byte;
  }
  if (number > most) in.Fail();
  return in.ok() ? number : 0;
}

GroupId ReadGroup(Decoder& in) {
  return GroupId(
      static_cast<GroupId::rep>(ReadNumber(in, std::numeric_limits<GroupId::rep>::max())));
}

}  // namespace

std::string StoreKey(LogTag tag) { return std::string(1, static_cast<char>(tag)); }

std::string GroupKey(LogTag tag, GroupId group) {
  std::string key = StoreKey(tag);
  AppendNumber(group.value(), key);
  return key;
}

std::string EntryKey(GroupId group, Generation generation, Index index) {
  std::string key = GroupKey(LogTag::kEntry, group);
  AppendNumber(generation.value(), key);
  AppendNumber(index.value(), key);
  return key;
}

std::optional<LogKey> ParseLogKey(std::string_view key) {
  Decoder in(key);
  LogKey parsed{static_cast<LogTag>(in.U8()), GroupId{}, Generation{}, Index{}};
  bool known = false;
  switch (parsed.tag) {
    case LogTag::kIdentity:
    case LogTag::kBoot:
    case LogTag::kGroups:
      known = true;
      break;
    case LogTag::kHardState:
    case LogTag::kStart:
    case LogTag::kTail:
      known = true;
      parsed.group = ReadGroup(in);
      break;
    case LogTag::kEntry:
      known = true;
      parsed.group = ReadGroup(in);
      parsed.generation = Generation(ReadNumber(in));
      parsed.index = Index(ReadNumber(in));
      break;
  }
  if (!known || !in.done()) return std::nullopt;
  return parsed;
}

std::string MapIdentityKey() { return std::string(1, static_cast<char>(MapTag::kIdentity)); }

std::string SpacePrefix(const MapSpace& space) {
  std::string prefix(1, static_cast<char>(MapTag::kRow));
  AppendNumber(space.group.value(), prefix);
  AppendNumber(space.generation.value(), prefix);
  return prefix;
}

std::string TablePrefix(const MapSpace& space, Table table) {
  std::string prefix = SpacePrefix(space);
  prefix.push_back(static_cast<char>(table));
  return prefix;
}

std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  REQUIRE(!prefix.empty());
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::optional<MapSpace> ParseMapSpace(std::string_view key) {
  Decoder in(key);
  const bool is_row = in.U8() == static_cast<std::uint8_t>(MapTag::kRow);
  const GroupId group = ReadGroup(in);
  const Generation generation(ReadNumber(in));
  if (!is_row || !in.ok()) return std::nullopt;
  return MapSpace{group, generation};
}

}  // namespace quorate
