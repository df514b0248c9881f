// engine/raft/codec.h — one encoding of Raft's values, for disk and wire.
//
// Model: `Encode…` appends to an encoder; `Decode…` reads from a decoder and fails it (so that `ok()` is
//   false) when the bytes are malformed. Each value has exactly one encoding, and what is decoded encodes to
//   the same bytes again.
// Units: numbers are variable-length; payloads and configurations carry their length first.
// Errors: malformed bytes fail the decoder; nothing is allocated beyond what the bytes hold.
// Stored: do not change a layout.
#pragma once
#include "engine/base/bytes.h"
#include "engine/raft/types.h"

namespace quorate {

void EncodeEntryId(EntryId id, Encoder& out);
EntryId DecodeEntryId(Decoder& in);

// Fails on a kind that is not known.
void EncodeEntry(const Entry& entry, Encoder& out);
Entry DecodeEntry(Decoder& in);
// An encoded entry takes at least so many bytes: for Decoder::CountOf.
inline constexpr std::size_t kLeastEntryBytes = 3;

void EncodeHardState(const HardState& state, Encoder& out);
HardState DecodeHardState(Decoder& in);

// With its length first. Fails on a configuration that is not valid.
void EncodeConfiguration(const Configuration& configuration, Encoder& out);
Configuration DecodeConfiguration(Decoder& in);

void EncodeLogStart(const LogStart& start, Encoder& out);
LogStart DecodeLogStart(Decoder& in);

}  // namespace quorate
