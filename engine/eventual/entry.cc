#include "engine/eventual/entry.h"

#include <algorithm>

#include "engine/kv/command_view.h"

namespace quorate {
namespace {

enum class WriteTag : std::uint8_t {  // stored: do not renumber
  kPut = 1,
  kDelete = 2,
  kPutUntil = 3,  // with an expiry
};

// Keys of a batch are few, or many: either way each is looked at against those before it, sorted.
bool HasKeyTwice(std::span<const EventualWrite> writes) {
  if (writes.size() < 2) return false;
  absl::InlinedVector<std::string_view, 8> keys;
  for (const EventualWrite& write : writes) keys.push_back(write.key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

WriteTag TagOf(const EventualWrite& write) {
  if (!write.value.has_value()) return WriteTag::kDelete;
  return write.expiry_ms == 0 ? WriteTag::kPut : WriteTag::kPutUntil;
}

}  // namespace

std::string EncodeWrites(std::span<const EventualWrite> writes) {
  REQUIRE(!writes.empty() && !HasKeyTwice(writes));
  std::size_t bytes = 4;
  for (const EventualWrite& write : writes)
    bytes += write.key.size() + (write.value ? write.value->size() : 0) + 32;
  std::string out;
  out.reserve(bytes);
  Encoder encoder(out);
  encoder.Varint(writes.size());
  for (const EventualWrite& write : writes) {
    REQUIRE(write.value.has_value() || write.expiry_ms == 0);
    const WriteTag tag = TagOf(write);
    encoder.U8(static_cast<std::uint8_t>(tag));
    encoder.Bytes(write.key);
    EncodeVersion(write.replaced, encoder);
    if (tag == WriteTag::kPutUntil) encoder.Varint(write.expiry_ms);
    if (tag != WriteTag::kDelete) encoder.Bytes(*write.value);
  }
  return out;
}

bool DecodeWrites(std::string_view bytes, EventualWrites& writes) {
  constexpr std::size_t kLeastBytes = 5;  // tag, length of the key, three numbers
  writes.clear();
  Decoder decoder(bytes);
  const std::uint64_t count = decoder.CountOf(kLeastBytes);
  for (std::uint64_t i = 0; i < count && decoder.ok(); ++i) {
    EventualWrite write;
    const auto tag = static_cast<WriteTag>(decoder.U8());
    write.key = decoder.Bytes();
    write.replaced = DecodeVersion(decoder);
    switch (tag) {
      case WriteTag::kPut:
        write.value = decoder.Bytes();
        break;
      case WriteTag::kDelete:
        break;
      case WriteTag::kPutUntil:
        write.expiry_ms = decoder.Varint();
        if (write.expiry_ms == 0) decoder.Fail();
        write.value = decoder.Bytes();
        break;
      default:
        decoder.Fail();
    }
    writes.push_back(write);
  }
  if (decoder.done() && !writes.empty() && !HasKeyTwice(writes)) return true;
  writes.clear();
  return false;
}

Digest ChainOf(Digest before, OriginSeq seq, const OriginEntry& entry) {
  Digest digest = Chain(before, seq.value());
  digest = Chain(digest, entry.stamp.value());
  return Chain(digest, entry.payload.digest().value);
}

}  // namespace quorate
