// storage/rows.h — what stands in the rows of a store, and how it is known to be what was written.
//
// Model: a row is *sealed*: its value ends with a CRC over the store's identity (as seed), its key and its
//   content, so that a row from another place or another store does not pass. An entry's content begins with
//   the CRC of the entry before it; the CRC of an entry so stands for the whole log up to it.
// Errors: nullopt, or a failed decoder, for bytes that are not what was written.
// Stored: do not change a layout.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "engine/record.h"

namespace quorate {

// What the CRCs of a store start from.
std::uint32_t SeedOf(const Identity& identity);
// Of the identity rows themselves.
inline constexpr std::uint32_t kIdentitySeed = 0x51554f52u;

inline constexpr std::size_t kSealBytes = 4;
std::string Seal(std::string_view key, std::string content, std::uint32_t seed);
// The content; nullopt if the value was not sealed so under this key.
std::optional<std::string_view> Unseal(std::string_view key, std::string_view value,
                                       std::uint32_t seed);
// The CRC at the end of a sealed value.
std::uint32_t SealOf(std::string_view value);

// Format and identity; the identity row of both stores.
std::string EncodeIdentity(const Identity& identity);
struct IdentityRow {
  std::uint8_t format = 0;
  Identity identity;  // only of a format that is known
};
std::optional<IdentityRow> DecodeIdentity(std::string_view content);

// Groups that exist, ascending.
std::string EncodeGroupList(const std::vector<GroupId>& groups);
std::optional<std::vector<GroupId>> DecodeGroupList(std::string_view content);

struct StartRow {
  LogStart start;
  std::uint32_t anchor = 0;  // check value that stands before the first entry
};
std::string EncodeStartRow(const StartRow& row);
std::optional<StartRow> DecodeStartRow(std::string_view content);
// The check value that stands before the first entry of a log that was just reset to `start`.
std::uint32_t AnchorOf(GroupId group, const LogStart& start, std::uint32_t seed);

struct TailRow {
  Generation generation;
  Index last;
  std::uint32_t chain = 0;  // check value of the entry at `last`; the anchor if there is none
};
std::string EncodeTailRow(const TailRow& row);
std::optional<TailRow> DecodeTailRow(std::string_view content);

std::string EncodeEntryRow(std::uint32_t chain_before, const Entry& entry);
struct EntryRow {
  std::uint32_t chain_before = 0;
  Entry entry;
};
std::optional<EntryRow> DecodeEntryRow(std::string_view content);

}  // namespace quorate
