#include "engine/kv/row.h"

#include "engine/kv/command_view.h"

namespace quorate {

std::string EncodeRow(const RowView& row) {
  REQUIRE((row.flags & ~kRowFlags) == 0 && !(row.tombstone() && !row.value.empty()));
  std::string out;
  constexpr std::size_t kHeaderBytes = 8;  // as long as indexes are small
  if (row.value.size() + kHeaderBytes > out.capacity()) out.reserve(row.value.size() + 24);
  Encoder encoder(out);
  EncodeVersion(row.version, encoder);
  encoder.Varint(row.expiry_ms);
  encoder.Varint(row.flags);
  if ((row.flags & kRowReplaces) != 0) EncodeVersion(row.replaced, encoder);
  encoder.Raw(row.value);
  return out;
}

bool DecodeRow(std::string_view bytes, RowView& row) {
  Decoder decoder(bytes);
  row.version = DecodeVersion(decoder);
  row.expiry_ms = decoder.Varint();
  const std::uint64_t flags = decoder.Varint();
  if (flags > kRowFlags) decoder.Fail();
  row.flags = static_cast<std::uint32_t>(flags);
  row.replaced = (flags & kRowReplaces) != 0 ? DecodeVersion(decoder) : Version{};
  row.value = decoder.Rest();
  if (row.tombstone() && !row.value.empty()) return false;
  return decoder.ok() && row.version != Version{};
}

void AppendOrdered(std::uint64_t number, std::string& out) {
  int width = 0;
  while (width < 8 && (number >> (8 * width)) != 0) ++width;
  out.push_back(static_cast<char>(width));
  for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<char>((number >> (8 * i)) & 0xff));
}

std::uint64_t TakeOrdered(Decoder& decoder) {
  const std::uint8_t width = decoder.U8();
  if (width > 8) decoder.Fail();
  std::uint64_t number = 0;
  for (int i = 0; i < width && decoder.ok(); ++i) {
    const std::uint8_t byte = decoder.U8();
    if (i == 0 && byte == 0) decoder.Fail();
    number = (number << 8) | byte;
  }
  return decoder.ok() ? number : 0;
}

}  // namespace quorate
