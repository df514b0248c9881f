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
  std::optional<std::string_view> expected_value;    // kCasValue
  Version expected_version;                          // kCasVersion
  std::int64_t by = 0;                               // kIncrement
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
  std::string_view from;    // kGet: the key
  std::string_view to;      // kRange
  std::uint64_t limit = 0;  // kRange
};
bool DecodeQueryView(std::string_view bytes, QueryView& view);

void EncodeVersion(const Version& version, Encoder& encoder);
Version DecodeVersion(Decoder& decoder);  // fails the decoder if a part does not fit its type

// What a reply is without its rows: all that is left of one that its session has no room for.
struct ReplyHead {
  ReplyStatus status = ReplyStatus::kOk;
  Revision revision;
};
std::string EncodeReplyHead(const ReplyHead& head);
bool DecodeReplyHead(std::string_view reply, ReplyHead& head);  // of any reply; reads no further

// Builds an encoded reply in one pass: {status, revision, (1, row)..., 0 or (2, continuation)}.
class ReplyWriter {
 public:
  ReplyWriter(ReplyStatus status, Revision revision, std::size_t rows_bytes = 0) {
    bytes_.reserve(rows_bytes + 16);
    Encoder encoder(bytes_);
    encoder.U8(static_cast<std::uint8_t>(status));
    encoder.Varint(revision.value());
  }
  void Row(std::string_view key, const Version& version, std::optional<std::string_view> value);
  std::string Finish() &&;
  std::string FinishWith(std::string_view continuation) &&;

 private:
  std::string bytes_;
};

}  // namespace quorate
