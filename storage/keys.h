// storage/keys.h — the key grammar of both stores.
//
// Model: a key is a tag, then numbers, then (in the map) the table and the row's own key. Numbers are written so
//   that they sort as they count: one byte that says how many follow, then those, big-endian, without leading
//   zeros; small numbers make short keys.
//
//     log:  01              identity and format       map:  01                          identity and format
//           02              last boot                       10 group generation table key   row
//           03              list of groups
//           10 group        hard state
//           11 group        start
//           12 group        tail
//           20 group generation index   entry
//
// Invariants: one key has one spelling; the parts of a key are found again (`Parse…`).
// Errors: `Parse…` returns nullopt for bytes that are no such key.
// Stored: do not renumber; a change of the grammar is a change of `kStoreFormat`.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "engine/ports.h"

namespace quorate {

inline constexpr std::uint8_t kStoreFormat = 1;

enum class LogTag : std::uint8_t {  // stored: do not renumber
  kIdentity = 0x01,
  kBoot = 0x02,
  kGroups = 0x03,
  kHardState = 0x10,
  kStart = 0x11,
  kTail = 0x12,
  kEntry = 0x20,
};
enum class MapTag : std::uint8_t {  // stored: do not renumber
  kIdentity = 0x01,
  kRow = 0x10,
};

std::string StoreKey(LogTag tag);                 // kIdentity, kBoot, kGroups
std::string GroupKey(LogTag tag, GroupId group);  // kHardState, kStart, kTail
std::string EntryKey(GroupId group, Generation generation, Index index);

struct LogKey {
  LogTag tag;
  GroupId group;          // from kHardState on
  Generation generation;  // kEntry
  Index index;            // kEntry
  friend bool operator==(const LogKey&, const LogKey&) = default;
};
std::optional<LogKey> ParseLogKey(std::string_view key);

std::string MapIdentityKey();
// What every key of the space (of the table) begins with.
std::string SpacePrefix(const MapSpace& space);
std::string TablePrefix(const MapSpace& space, Table table);
// The least key that is greater than every key with this prefix. Requires: a prefix that is not all 0xff.
std::string AfterPrefix(std::string prefix);
std::optional<MapSpace> ParseMapSpace(std::string_view key);

}  // namespace quorate
