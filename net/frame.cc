#include "net/frame.h"

#include <limits>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/base/match.h"
#include "net/codec.h"

namespace quorate {
namespace {

constexpr std::size_t kCrcAt = 4;      // behind the length
constexpr std::size_t kContentAt = 8;  // behind the crc: what `length` counts
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kLeastFrameLimit =
    128;  // room for every hello and for the head of every batch

void PutConn(Encoder& out, const ConnNumber& conn) {
  out.Varint(conn.incarnation.value());
  out.Varint(conn.boot.value());
  out.Varint(conn.number);
}

std::uint32_t GetU32(Decoder& in) {
  const std::uint64_t value = in.Varint();
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    in.Fail();
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

ConnNumber GetConn(Decoder& in) {
  ConnNumber conn;
  conn.incarnation = Incarnation(GetU32(in));
  conn.boot = BootNumber(in.Varint());
  conn.number = in.Varint();
  return conn;
}

// Appends room for a header to `out`; returns where the frame begins.
std::size_t BeginFrame(FrameKind kind, std::string& out) {
  const std::size_t at = out.size();
  out.append(kContentAt, '\0');
  Encoder encoder(out);
  encoder.U8(kFrameVersion);
  encoder.U8(static_cast<std::uint8_t>(kind));
  return at;
}

std::uint32_t FrameCrc(std::string_view frame) {
  return Crc32c(frame.substr(kContentAt), Crc32c(frame.substr(0, kCrcAt)));
}

void PatchU32(std::string& out, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<char>((value >> (8 * i)) & 0xffu);
}

// The frame that begins at `at` is complete: fills in its length and crc.
void EndFrame(std::size_t at, std::string& out) {
  const std::size_t length = out.size() - at - kContentAt;
  REQUIRE(length <= std::numeric_limits<std::uint32_t>::max());
  PatchU32(out, at, static_cast<std::uint32_t>(length));
  PatchU32(out, at + kCrcAt, FrameCrc(std::string_view(out).substr(at)));
}

void PutHello(const HelloFrame& hello, std::string& out) {
  Encoder encoder(out);
  encoder.Varint(hello.from.value());
  encoder.Varint(hello.to.value());
  encoder.U64(hello.cluster);
  encoder.Varint(hello.protocol);
  encoder.U8(static_cast<std::uint8_t>(hello.kind));
  PutConn(encoder, hello.conn);
  encoder.U8(hello.seen.has_value() ? 1 : 0);
  if (hello.seen.has_value()) PutConn(encoder, *hello.seen);
}

absl::StatusOr<Frame> GetHello(std::string_view body) {
  Decoder in(body);
  HelloFrame hello;
  hello.from = NodeId(GetU32(in));
  hello.to = NodeId(GetU32(in));
  hello.cluster = in.U64();
  hello.protocol = GetU32(in);
  const std::uint8_t kind = in.U8();
  hello.conn = GetConn(in);
  const std::uint8_t has_seen = in.U8();
  if (has_seen == 1) hello.seen = GetConn(in);
  if (!in.done() || has_seen > 1) return absl::InvalidArgumentError("malformed hello");
  switch (static_cast<HelloKind>(kind)) {
    case HelloKind::kAsk:
    case HelloKind::kAnswer:
      hello.kind = static_cast<HelloKind>(kind);
      return Frame(hello);
  }
  return absl::InvalidArgumentError(absl::StrCat("hello of unknown kind ", kind));
}

void PutBatchHead(const BatchFrame& batch, std::string& out) {
  Encoder encoder(out);
  encoder.Varint(batch.from.value());
  encoder.Varint(batch.to.value());
  PutConn(encoder, batch.from_conn);
  PutConn(encoder, batch.to_conn);
}

absl::StatusOr<Frame> GetBatch(std::string_view body) {
  Decoder in(body);
  BatchFrame batch;
  batch.from = NodeId(GetU32(in));
  batch.to = NodeId(GetU32(in));
  batch.from_conn = GetConn(in);
  batch.to_conn = GetConn(in);
  if (!in.ok()) return absl::InvalidArgumentError("malformed head of a batch");
  absl::StatusOr<std::vector<PeerMessage>> messages = DecodePeerMessages(in.Rest());
  if (!messages.ok()) return messages.status();
  batch.messages = *std::move(messages);
  return Frame(std::move(batch));
}

absl::StatusOr<Frame> GetBody(std::uint8_t kind, std::string_view body) {
  switch (static_cast<FrameKind>(kind)) {
    case FrameKind::kHello:
      return GetHello(body);
    case FrameKind::kBatch:
      return GetBatch(body);
  }
  return absl::InvalidArgumentError(absl::StrCat("frame of unknown kind ", kind));
}

// How many bytes the frame at the beginning of `bytes` takes; 0 = too few bytes to tell. Refuses what the
// header shows already.
absl::StatusOr<std::size_t> SizeOfFrame(std::string_view bytes, const FrameLimits& limits) {
  if (bytes.size() < kCrcAt) return std::size_t{0};
  const std::size_t length = Decoder(bytes).U32();
  if (length < kFrameHeaderBytes - kContentAt || length > limits.max_bytes - kContentAt) {
    return absl::OutOfRangeError(
        absl::StrCat("frame of length ", length, ", limit ", limits.max_bytes - kContentAt));
  }
  if (bytes.size() <= kVersionAt) return std::size_t{0};
  const auto version = static_cast<std::uint8_t>(bytes[kVersionAt]);
  if (version != kFrameVersion) {
    return absl::UnimplementedError(
        absl::StrCat("frame of version ", version, ", known is ", kFrameVersion));
  }
  return kContentAt + length;
}

// Requires: `bytes` are as many as their header says, and that was not refused.
absl::StatusOr<Frame> DecodeWhole(std::string_view bytes) {
  const std::uint32_t crc = Decoder(bytes.substr(kCrcAt)).U32();
  if (crc != FrameCrc(bytes)) return absl::DataLossError("frame with a wrong crc");
  return GetBody(static_cast<std::uint8_t>(bytes[kVersionAt + 1]), bytes.substr(kFrameHeaderBytes));
}

}  // namespace

NodeId SenderOf(const Frame& frame) {
  return std::visit(Match{[](const HelloFrame& hello) { return hello.from; },
                          [](const BatchFrame& batch) { return batch.from; }},
                    frame);
}

NodeId ReceiverOf(const Frame& frame) {
  return std::visit(Match{[](const HelloFrame& hello) { return hello.to; },
                          [](const BatchFrame& batch) { return batch.to; }},
                    frame);
}

std::string Render(const ConnNumber& conn) {
  return absl::StrCat(conn.incarnation.value(), ".", conn.boot.value(), ".", conn.number);
}

std::string Render(const Frame& frame) {
  return std::visit(
      Match{
          [](const HelloFrame& hello) {
            return absl::StrCat("n", hello.from.value(), ">n", hello.to.value(),
                                hello.kind == HelloKind::kAsk ? " hello " : " hello-answer ",
                                Render(hello.conn), " seen ",
                                hello.seen.has_value() ? Render(*hello.seen) : "none");
          },
          [](const BatchFrame& batch) {
            std::string text =
                absl::StrCat("n", batch.from.value(), ">n", batch.to.value(), " batch ",
                             Render(batch.from_conn), ">", Render(batch.to_conn), ":");
            for (const PeerMessage& message : batch.messages) {
              absl::StrAppend(&text, " ", Render(message));
            }
            return text;
          },
      },
      frame);
}

std::size_t ApproximateBytes(const Frame& frame) {
  constexpr std::size_t kFlat = 40;
  return std::visit(Match{
                        [](const HelloFrame&) { return kFlat; },
                        [](const BatchFrame& batch) {
                          std::size_t bytes = kFlat;
                          for (const PeerMessage& m : batch.messages) bytes += ApproximateBytes(m);
                          return bytes;
                        },
                    },
                    frame);
}

std::string EncodeFrame(const Frame& frame) {
  std::string out;
  out.reserve(ApproximateBytes(frame));
  std::visit(Match{
                 [&out](const HelloFrame& hello) {
                   BeginFrame(FrameKind::kHello, out);
                   PutHello(hello, out);
                 },
                 [&out](const BatchFrame& batch) {
                   BeginFrame(FrameKind::kBatch, out);
                   PutBatchHead(batch, out);
                   EncodePeerMessages(batch.messages, out);
                 },
             },
             frame);
  EndFrame(0, out);
  return out;
}

absl::StatusOr<Frame> DecodeFrame(std::string_view bytes, const FrameLimits& limits) {
  REQUIRE(limits.max_bytes >= kLeastFrameLimit);
  const absl::StatusOr<std::size_t> size = SizeOfFrame(bytes, limits);
  if (!size.ok()) return size.status();
  if (*size == 0) return absl::InvalidArgumentError("bytes end within the header of a frame");
  if (*size != bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame of ", *size, " bytes in ", bytes.size(), " bytes"));
  }
  return DecodeWhole(bytes);
}

std::size_t EncodeBatch(const BatchFrame& batch, const FrameLimits& limits, std::string& out) {
  REQUIRE(limits.max_bytes >= kLeastFrameLimit);
  std::size_t left_out = 0;
  std::size_t next = 0;  // message
  do {
    const std::size_t begin = BeginFrame(FrameKind::kBatch, out);
    PutBatchHead(batch, out);
    std::size_t held = 0;  // messages in this frame
    while (next < batch.messages.size() && held < kMaxMessagesInList) {
      const std::size_t before = out.size();
      EncodePeerMessage(batch.messages[next], out);
      if (out.size() - begin > limits.max_bytes) {
        out.resize(before);
        if (held > 0) break;  // the next frame may have room for it
        ++left_out;
        ++next;
        continue;
      }
      ++held;
      ++next;
      if (out.size() - begin >= limits.split_bytes) break;
    }
    if (held == 0 && !batch.messages.empty()) {
      out.resize(begin);  // nothing was left but messages that fit nowhere
    } else {
      EndFrame(begin, out);
    }
  } while (next < batch.messages.size());
  return left_out;
}

void FrameParser::Feed(std::string_view bytes) {
  if (!broken_.ok()) return;
  if (used_ > 0 && used_ >= buffer_.size() / 2) {  // moves each byte at most twice
    buffer_.erase(0, used_);
    used_ = 0;
  }
  buffer_.append(bytes);
}

absl::StatusOr<std::optional<Frame>> FrameParser::Next() {
  REQUIRE(limits_.max_bytes >= kLeastFrameLimit);
  if (!broken_.ok()) return broken_;
  const std::string_view arrived = std::string_view(buffer_).substr(used_);
  const absl::StatusOr<std::size_t> size = SizeOfFrame(arrived, limits_);
  if (size.ok() && (*size == 0 || arrived.size() < *size)) return std::optional<Frame>();
  absl::StatusOr<Frame> frame =
      size.ok() ? DecodeWhole(arrived.substr(0, *size)) : absl::StatusOr<Frame>(size.status());
  if (!frame.ok()) {
    broken_ = frame.status();
    buffer_.clear();
    used_ = 0;
    return broken_;
  }
  used_ += *size;
  return std::optional<Frame>(*std::move(frame));
}

}  // namespace quorate
