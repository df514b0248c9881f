// engine/base/bytes.h — content digests, CRC32C, and the encoding of numbers and strings.
//
// Model: `Digest` identifies content (two replicas that hold the same have the same); `Crc32c` finds
//   corruption in what was stored or sent. `Encoder` appends to a string; `Decoder` walks over bytes that
//   nobody vouches for: it never reads outside them, never allocates more than they hold, and once a read
//   failed every later one fails too, so the caller asks `ok()` once at the end.
// Units: fixed numbers are little-endian; variable ones are LEB128; strings carry their length first.
// Errors: `ok()` is false after a short or malformed read, and values are then zero or empty.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace quorate {

struct Digest {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Digest, Digest) = default;
};

// 64 bits of content. Stable across compilers, machines and releases. Stored: do not change.
Digest DigestOf(std::string_view bytes, std::uint64_t seed = 0);
// Order matters. For rolling digests of a sequence.
Digest Chain(Digest before, std::uint64_t next);

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc` (0 at the start). Source: RFC 3720, B.4.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc = 0);

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}
  void U8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void U32(std::uint32_t v) { Fixed(v, 4); }
  void U64(std::uint64_t v) { Fixed(v, 8); }
  void BigU32(std::uint32_t v);  // big-endian: sorts as the number does
  void BigU64(std::uint64_t v);
  void Varint(std::uint64_t v);
  void Bytes(std::string_view bytes) {  // length, then content
    Varint(bytes.size());
    out_.append(bytes);
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }

 private:
  void Fixed(std::uint64_t v, int width) {
    for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>((v >> (8 * i)) & 0xff));
  }
  std::string& out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t U8();
  std::uint32_t U32() { return static_cast<std::uint32_t>(Fixed(4)); }
  std::uint64_t U64() { return Fixed(8); }
  std::uint32_t BigU32();
  std::uint64_t BigU64();
  std::uint64_t Varint();  // malformed: more than ten bytes, or not the shortest form
  std::string_view Bytes();
  std::string_view Raw(std::size_t size);
  std::string_view Rest();  // everything that is left
  // A count of things that take at least `least_bytes` each: fails if so many cannot be left.
  std::uint64_t CountOf(std::size_t least_bytes);

  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }  // read to the end, nothing left over
  std::size_t left() const { return rest_.size(); }

 private:
  std::uint64_t Fixed(std::size_t width);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace quorate
