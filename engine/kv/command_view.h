// engine/kv/command_view.h — the encoded forms of commands and queries, read in place.
//
// Model: the state machine decides every entry on every node, so it reads commands without copying them:
//   a view points into the bytes it was decoded from. `DecodeCommand` is this view, copied out.
// Units: bytes. Errors: `false` for anything that `EncodeCommand` / `EncodeQuery` would not have written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/kv/command.h"

namespace quorate {

enum class CommandTag : std::uint8_t {  // stored: do not renumber
  kPut = 1,
  kPutIfAbsent = 2,
  kDelete = 3,
  kCasValue = 4,
  kCasVersion = 5,
  kIncrement = 6,
  kBatch = 7,
};
enum class QueryTag : std::uint8_t {  // stored: do not renumber
  kGet = 1,
  kRange = 2,
};
enum class ConditionTag : std::uint8_t {  // stored: do not renumber
  kAbsent = 0,
  kVersion = 1,
  kValue = 2,
};

struct ConditionView {
  std::string_view key;
  ConditionTag tag = ConditionTag::kAbsent;
  Version version;         // kVersion
  std::string_view value;  // kValue
};
struct WriteView {
  std::string_view key;
  std::optional<std::string_view> value;
};

// Fields that a tag does not name stand at their defaults.
struct CommandView {
  CommandTag tag = CommandTag::kPut;
  std::string_view key;
  std::string_view value;
  std::optional<std::string_view> expected_value;  // kCasValue
  Version expected_version;                        // kCasVersion
  std::int64_t by = 0;                             // kIncrement
  absl::InlinedVector<ConditionView, 2> conditions;  // kBatch
  absl::InlinedVector<WriteView, 2> writes;          // kBatch

  void Reset() {
    key = {};
    value = {};
    expected_value.reset();
    expected_version = {};
    by = 0;
    conditions.clear();
    writes.clear();
  }
};
bool DecodeCommandView(std::string_view bytes, CommandView& view);

struct QueryView {
  QueryTag tag = QueryTag::kGet;
  std::string_view from;  // kGet: the key
  std::string_view to;    // kRange
  std::uint64_t limit = 0;  // kRange
};
bool DecodeQueryView(std::string_view bytes, QueryView& view);

void EncodeVersion(const Version& version, Encoder& encoder);
Version DecodeVersion(Decoder& decoder);  // fails the decoder if a part does not fit its type

// One row as it stands in an encoded reply, behind what the reply begins with.
void AppendReplyRow(std::string_view key, const Version& version,
                    std::optional<std::string_view> value, std::string& out);

// Builds an encoded reply in one pass: what stands in front of the rows is known before them.
class ReplyWriter {
 public:
  ReplyWriter(ReplyStatus status, Revision revision, std::size_t rows_bytes = 0) {
    bytes_.reserve(16 + rows_bytes);
    Encoder encoder(bytes_);
    encoder.U8(static_cast<std::uint8_t>(status));
    encoder.Varint(revision.value());
    encoder.U8(0);
  }
  ReplyWriter(ReplyStatus status, Revision revision, std::string_view continuation) {
    Encoder encoder(bytes_);
    encoder.U8(static_cast<std::uint8_t>(status));
    encoder.Varint(revision.value());
    encoder.U8(1);
    encoder.Bytes(continuation);
  }
  void Row(std::string_view key, const Version& version, std::optional<std::string_view> value) {
    AppendReplyRow(key, version, value, bytes_);
  }
  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace quorate
