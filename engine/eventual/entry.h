// engine/eventual/entry.h — one entry of an origin's log: writes of an eventual era that take effect together.
//
// Model: an entry is named by its dot (namespace, era, origin, seq) and stamped by its origin's clock, so that all of its
//   writes have the version {era, stamp, origin}. A write puts a row or deletes one, and names the version that
//   stood there at its origin: what it knew of. A dot's bytes never change; `ChainOf` runs over an origin's entries,
//   so that two logs that differ anywhere differ from there on.
// Invariants: an entry holds at least one write, and no key twice.
// Units: expiry in milliseconds since 1970, 0 = never.
// Stored and sent: do not change the layouts. Errors: `false` for bytes that `EncodeWrites` would not have written.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/payload.h"
#include "engine/eventual/clock.h"
#include "engine/kv/command.h"

namespace quorate {

struct OriginEntry {
  Stamp stamp;
  Payload payload;  // its writes
  friend bool operator==(const OriginEntry&, const OriginEntry&) = default;
};

inline Version VersionOf(std::uint32_t era, OriginId origin, Stamp stamp) {
  return {.era = era, .ord = stamp.value(), .origin = origin.value()};
}

// Points into the bytes that it was decoded from.
struct EventualWrite {
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt = delete
  std::uint64_t expiry_ms = 0;
  Version replaced;  // {} = nothing stood there
  friend bool operator==(const EventualWrite&, const EventualWrite&) = default;
};
using EventualWrites = absl::InlinedVector<EventualWrite, 2>;

// Requires: at least one write, no key twice, no expiry of a delete.
std::string EncodeWrites(std::span<const EventualWrite> writes);
bool DecodeWrites(std::string_view bytes, EventualWrites& writes);

// The running digest of an origin's log after `entry`, the one with number `seq`; `before` of nothing is {}.
Digest ChainOf(Digest before, OriginSeq seq, const OriginEntry& entry);

}  // namespace quorate
