#include "engine/base/bytes.h"

#include <array>
#include <cstring>

#include "engine/base/prf.h"
#include "engine/base/wide.h"

namespace quorate {
namespace {

std::uint64_t LoadLittle(const char* at, std::size_t width) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < width; ++i) {
    v |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  }
  return v;
}

std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Uint128 wide = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(wide) ^ static_cast<std::uint64_t>(wide >> 64);
}

constexpr std::uint64_t kOdd1 = 0xa0761d6478bd642fu;
constexpr std::uint64_t kOdd2 = 0xe7037ed1a0b428dbu;

// Eight tables, so that eight bytes cost eight look-ups and no loop-carried chain per byte.
constexpr std::array<std::array<std::uint32_t, 256>, 8> MakeCrcTables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t) {
      const std::uint32_t before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xffu];
    }
  }
  return tables;
}
constexpr auto kCrcTables = MakeCrcTables();

}  // namespace

Digest DigestOf(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t state = Mix(seed ^ kOdd1) ^ bytes.size();
  while (bytes.size() >= 16) {
    state = Fold(LoadLittle(bytes.data(), 8) ^ kOdd1, LoadLittle(bytes.data() + 8, 8) ^ state);
    bytes.remove_prefix(16);
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (bytes.size() >= 8) {
    a = LoadLittle(bytes.data(), 8);
    b = LoadLittle(bytes.data() + 8, bytes.size() - 8);
  } else {
    a = LoadLittle(bytes.data(), bytes.size());
  }
  return Digest{Mix(Fold(a ^ kOdd2, b ^ state) ^ state)};
}

Digest Chain(Digest before, std::uint64_t next) {
  return Digest{Fold(before.value ^ kOdd1, Mix(next ^ kOdd2)) ^ next};
}

std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  while (bytes.size() >= 8) {
    const std::uint64_t word = LoadLittle(bytes.data(), 8) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kCrcTables[7 - i][(word >> (8 * i)) & 0xffu];
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) {
    crc = (crc >> 8) ^ kCrcTables[0][(crc ^ static_cast<unsigned char>(c)) & 0xffu];
  }
  return ~crc;
}

void Encoder::BigU32(std::uint32_t v) {
  for (int i = 3; i >= 0; --i) out_.push_back(static_cast<char>((v >> (8 * i)) & 0xffu));
}

void Encoder::BigU64(std::uint64_t v) {
  for (int i = 7; i >= 0; --i) out_.push_back(static_cast<char>((v >> (8 * i)) & 0xffu));
}

void Encoder::Varint(std::uint64_t v) {
  while (v >= 0x80) {
    out_.push_back(static_cast<char>((v & 0x7fu) | 0x80u));
    v >>= 7;
  }
  out_.push_back(static_cast<char>(v));
}

std::uint64_t Decoder::Fixed(std::size_t width) {
  const std::string_view raw = Raw(width);
  return ok_ ? LoadLittle(raw.data(), width) : 0;
}

std::uint8_t Decoder::U8() { return static_cast<std::uint8_t>(Fixed(1)); }

std::uint32_t Decoder::BigU32() {
  const std::uint32_t v = U32();
  return __builtin_bswap32(v);
}

std::uint64_t Decoder::BigU64() {
  const std::uint64_t v = U64();
  return __builtin_bswap64(v);
}

std::uint64_t Decoder::Varint() {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = U8();
    if (!ok_) return 0;
    const std::uint64_t part = byte & 0x7fu;
    if (shift == 63 && part > 1) break;  // does not fit 64 bits
    if (shift > 0 && byte == 0) break;   // not the shortest form
    v |= part << shift;
    if ((byte & 0x80u) == 0) return v;
  }
  Fail();
  return 0;
}

std::string_view Decoder::Bytes() {
  const std::uint64_t size = Varint();
  return Raw(size);
}

std::string_view Decoder::Raw(std::size_t size) {
  if (!ok_ || size > rest_.size()) {
    Fail();
    return {};
  }
  const std::string_view raw = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return raw;
}

std::string_view Decoder::Rest() { return Raw(rest_.size()); }

std::uint64_t Decoder::CountOf(std::size_t least_bytes) {
  const std::uint64_t count = Varint();
  if (ok_ && least_bytes > 0 && count > rest_.size() / least_bytes) Fail();
  return ok_ ? count : 0;
}

}  // namespace quorate
