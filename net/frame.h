// net/frame.h — what travels between two nodes as one piece.
//
// Model: a frame is a value. The simulator hands frames over as they are; over TCP a frame is
//     length u32 | crc u32 | version u8 | kind u8 | body
//   little-endian, where `length` counts what follows the crc, and `crc` is the CRC32C of everything but
//   itself. A batch that is too big for one frame leaves as several; each is a frame in its own right.
// Invariants: DecodeFrame(EncodeFrame(f)) == f for every frame within the limits.
// Limits: see FrameLimits. The parser holds no more than the bytes that arrived and that it has not used.
// Errors: InvalidArgument (malformed), DataLoss (crc), OutOfRange (length), Unimplemented (version). After
//   an error the stream has lost its place: close the connection below.
// Time: none. Threads: none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/raft/message.h"

namespace quorate {

inline constexpr std::uint8_t kFrameVersion = 1;  // layout of frames. Stored: do not renumber
inline constexpr std::uint32_t kProtocolVersion =
    1;  // what peers mean by messages. Stored likewise

enum class FrameKind : std::uint8_t {  // stored: do not renumber
  kHello = 1,
  kBatch = 2,
};

// One attempt of a node to be linked with one peer. Never given twice: the incarnation tells data
// directories apart, the boot their lives, the number the attempts of one life. Later ones are greater.
struct ConnNumber {
  Incarnation incarnation;
  BootNumber boot;
  std::uint64_t number = 0;  // from 1; 0 = none
  friend constexpr auto operator<=>(const ConnNumber&, const ConnNumber&) = default;
};

enum class HelloKind : std::uint8_t {  // stored: do not renumber
  kAsk = 1,                            // the sender's link is not up: it wants an answer
  kAnswer = 2,                         // the sender's link is up: it wants none
};

struct HelloFrame {
  NodeId from;
  NodeId to;
  std::uint64_t cluster = 0;
  std::uint32_t protocol = kProtocolVersion;
  HelloKind kind = HelloKind::kAsk;
  ConnNumber conn;                 // the sender's current one
  std::optional<ConnNumber> seen;  // the receiver's latest that the sender has accepted
  friend bool operator==(const HelloFrame&, const HelloFrame&) = default;
};

struct BatchFrame {
  NodeId from;
  NodeId to;
  ConnNumber from_conn;  // both as the sender knows them
  ConnNumber to_conn;
  std::vector<PeerMessage> messages;
  friend bool operator==(const BatchFrame&, const BatchFrame&) = default;
};

using Frame = std::variant<HelloFrame, BatchFrame>;

NodeId SenderOf(const Frame& frame);
NodeId ReceiverOf(const Frame& frame);
std::string Render(const ConnNumber& conn);  // "1.4.2": incarnation, boot, number
std::string Render(const Frame& frame);      // one line, for traces
// About what the frame takes on the wire, without encoding it.
std::size_t ApproximateBytes(const Frame& frame);

struct FrameLimits {
  std::size_t max_bytes = std::size_t{64} << 20;  // one frame, header included; in [128, 2^32)
  std::size_t split_bytes = std::size_t{1}
                            << 20;  // a batch's frame is closed once it holds so many
};
inline constexpr std::size_t kFrameHeaderBytes = 10;

// The frame as bytes. A batch is not split. Requires: fewer than 2^32 bytes, at most
// kMaxMessagesInList messages.
std::string EncodeFrame(const Frame& frame);
// The frame that `bytes` are, all of them.
absl::StatusOr<Frame> DecodeFrame(std::string_view bytes, const FrameLimits& limits = {});

// Appends the batch to `out` as one or more frames within `limits`, keeping the order of its messages.
// Returns how many messages were left out because not even a frame of its own could hold them. A batch
// without messages is one frame.
std::size_t EncodeBatch(const BatchFrame& batch, const FrameLimits& limits, std::string& out);

// Finds frames in a stream of bytes.
class FrameParser {
 public:
  explicit FrameParser(FrameLimits limits = {}) : limits_(limits) {}

  // Takes what arrived, in pieces of any size. After an error: ignored.
  void Feed(std::string_view bytes);
  // The next frame, nullopt if it has not arrived in full, or what is wrong with the stream. A bad length
  // or version is refused as soon as it is seen. An error is final: every later call returns it too.
  absl::StatusOr<std::optional<Frame>> Next();

  std::size_t buffered() const { return buffer_.size() - used_; }

 private:
  FrameLimits limits_;
  std::string buffer_;
  std::size_t used_ = 0;  // of buffer_, from its beginning
  absl::Status broken_;
};

}  // namespace quorate
