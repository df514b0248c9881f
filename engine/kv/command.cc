#include "engine/kv/command.h"

#include <limits>
#include <utility>

#include "engine/base/match.h"
#include "engine/kv/command_view.h"

namespace quorate {
namespace {

// What follows in an encoded reply. Stored: do not renumber.
constexpr std::uint8_t kReplyEnd = 0;
constexpr std::uint8_t kReplyRow = 1;
constexpr std::uint8_t kReplyContinuation = 2;

void EncodeOptional(const std::optional<std::string>& value, Encoder& encoder) {
  encoder.U8(value.has_value() ? 1 : 0);
  if (value.has_value()) encoder.Bytes(*value);
}

std::optional<std::string_view> DecodeOptional(Decoder& decoder) {
  const std::uint8_t there = decoder.U8();
  if (there > 1) decoder.Fail();
  if (there == 0) return std::nullopt;
  return decoder.Bytes();
}

void EncodeCondition(const Condition& condition, Encoder& encoder) {
  encoder.Bytes(condition.key);
  const auto tag = [&](ConditionTag t) { encoder.U8(static_cast<std::uint8_t>(t)); };
  std::visit(Match{
                 [&](std::monostate) { tag(ConditionTag::kAbsent); },
                 [&](const Version& version) {
                   tag(ConditionTag::kVersion);
                   EncodeVersion(version, encoder);
                 },
                 [&](const std::string& value) {
                   tag(ConditionTag::kValue);
                   encoder.Bytes(value);
                 },
             },
             condition.must_be);
}

ConditionView DecodeCondition(Decoder& decoder) {
  ConditionView view;
  view.key = decoder.Bytes();
  const std::uint8_t tag = decoder.U8();
  view.tag = static_cast<ConditionTag>(tag);
  switch (view.tag) {
    case ConditionTag::kAbsent:
      return view;
    case ConditionTag::kVersion:
      view.version = DecodeVersion(decoder);
      return view;
    case ConditionTag::kValue:
      view.value = decoder.Bytes();
      return view;
  }
  decoder.Fail();
  return view;
}

void DecodeBatch(Decoder& decoder, CommandView& view) {
  constexpr std::size_t kLeastBytes = 2;  // of a condition or a write: an empty key and a tag
  const std::uint64_t conditions = decoder.CountOf(kLeastBytes);
  for (std::uint64_t i = 0; i < conditions && decoder.ok(); ++i) {
    view.conditions.push_back(DecodeCondition(decoder));
  }
  const std::uint64_t writes = decoder.CountOf(kLeastBytes);
  for (std::uint64_t i = 0; i < writes && decoder.ok(); ++i) {
    WriteView write;
    write.key = decoder.Bytes();
    write.value = DecodeOptional(decoder);
    view.writes.push_back(write);
  }
}

std::optional<std::string> CopyOf(const std::optional<std::string_view>& value) {
  if (!value.has_value()) return std::nullopt;
  return std::string(*value);
}

Condition CopyOf(const ConditionView& view) {
  switch (view.tag) {
    case ConditionTag::kAbsent:
      return Condition{std::string(view.key), std::monostate{}};
    case ConditionTag::kVersion:
      return Condition{std::string(view.key), view.version};
    case ConditionTag::kValue:
      return Condition{std::string(view.key), std::string(view.value)};
  }
  UNREACHABLE("a condition's tag was checked when it was decoded");
}

Batch BatchOf(const CommandView& view) {
  Batch batch;
  batch.conditions.reserve(view.conditions.size());
  for (const ConditionView& condition : view.conditions)
    batch.conditions.push_back(CopyOf(condition));
  batch.writes.reserve(view.writes.size());
  for (const WriteView& write : view.writes) {
    batch.writes.push_back(BatchWrite{std::string(write.key), CopyOf(write.value)});
  }
  return batch;
}

Command CommandOf(const CommandView& view) {
  std::string key(view.key);
  std::string value(view.value);
  switch (view.tag) {
    case CommandTag::kPut:
      return Put{std::move(key), std::move(value)};
    case CommandTag::kPutIfAbsent:
      return PutIfAbsent{std::move(key), std::move(value)};
    case CommandTag::kDelete:
      return Delete{std::move(key)};
    case CommandTag::kCasValue:
      return CasValue{std::move(key), CopyOf(view.expected_value), std::move(value)};
    case CommandTag::kCasVersion:
      return CasVersion{std::move(key), view.expected_version, std::move(value)};
    case CommandTag::kIncrement:
      return Increment{std::move(key), view.by};
    case CommandTag::kBatch:
      return BatchOf(view);
  }
  UNREACHABLE("a command's tag was checked when it was decoded");
}

bool IsReplyStatus(std::uint8_t status) {
  return status >= static_cast<std::uint8_t>(ReplyStatus::kOk) &&
         status <= static_cast<std::uint8_t>(ReplyStatus::kSessionUnknown);
}

}  // namespace

void EncodeVersion(const Version& version, Encoder& encoder) {
  encoder.Varint(version.era);
  encoder.Varint(version.ord);
  encoder.Varint(version.origin);
}

Version DecodeVersion(Decoder& decoder) {
  const std::uint64_t era = decoder.Varint();
  const std::uint64_t ord = decoder.Varint();
  const std::uint64_t origin = decoder.Varint();
  if (era > std::numeric_limits<std::uint32_t>::max()) decoder.Fail();
  if (origin > std::numeric_limits<std::uint16_t>::max()) decoder.Fail();
  return Version{static_cast<std::uint32_t>(era), ord, static_cast<std::uint16_t>(origin)};
}

std::string EncodeCommand(const Command& command) {
  std::string out;
  Encoder encoder(out);
  const auto begin = [&](CommandTag tag, std::string_view key) {
    encoder.U8(static_cast<std::uint8_t>(tag));
    encoder.Bytes(key);
  };
  std::visit(Match{
                 [&](const Put& c) {
                   begin(CommandTag::kPut, c.key);
                   encoder.Bytes(c.value);
                 },
                 [&](const PutIfAbsent& c) {
                   begin(CommandTag::kPutIfAbsent, c.key);
                   encoder.Bytes(c.value);
                 },
                 [&](const Delete& c) { begin(CommandTag::kDelete, c.key); },
                 [&](const CasValue& c) {
                   begin(CommandTag::kCasValue, c.key);
                   EncodeOptional(c.expected, encoder);
                   encoder.Bytes(c.value);
                 },
                 [&](const CasVersion& c) {
                   begin(CommandTag::kCasVersion, c.key);
                   EncodeVersion(c.expected, encoder);
                   encoder.Bytes(c.value);
                 },
                 [&](const Increment& c) {
                   begin(CommandTag::kIncrement, c.key);
                   encoder.U64(static_cast<std::uint64_t>(c.by));
                 },
                 [&](const Batch& c) {
                   encoder.U8(static_cast<std::uint8_t>(CommandTag::kBatch));
                   encoder.Varint(c.conditions.size());
                   for (const Condition& condition : c.conditions)
                     EncodeCondition(condition, encoder);
                   encoder.Varint(c.writes.size());
                   for (const BatchWrite& write : c.writes) {
                     encoder.Bytes(write.key);
                     EncodeOptional(write.value, encoder);
                   }
                 },
             },
             command);
  return out;
}

bool DecodeCommandView(std::string_view bytes, CommandView& view) {
  Decoder decoder(bytes);
  view.Reset();
  view.tag = static_cast<CommandTag>(decoder.U8());
  switch (view.tag) {
    case CommandTag::kPut:
    case CommandTag::kPutIfAbsent:
      view.key = decoder.Bytes();
      view.value = decoder.Bytes();
      return decoder.done();
    case CommandTag::kDelete:
      view.key = decoder.Bytes();
      return decoder.done();
    case CommandTag::kCasValue:
      view.key = decoder.Bytes();
      view.expected_value = DecodeOptional(decoder);
      view.value = decoder.Bytes();
      return decoder.done();
    case CommandTag::kCasVersion:
      view.key = decoder.Bytes();
      view.expected_version = DecodeVersion(decoder);
      view.value = decoder.Bytes();
      return decoder.done();
    case CommandTag::kIncrement:
      view.key = decoder.Bytes();
      view.by = static_cast<std::int64_t>(decoder.U64());
      return decoder.done();
    case CommandTag::kBatch:
      DecodeBatch(decoder, view);
      return decoder.done();
  }
  return false;
}

absl::StatusOr<Command> DecodeCommand(std::string_view bytes) {
  CommandView view;
  if (!DecodeCommandView(bytes, view))
    return absl::InvalidArgumentError("these bytes are no command");
  return CommandOf(view);
}

std::string EncodeQuery(const Query& query) {
  std::string out;
  Encoder encoder(out);
  std::visit(Match{
                 [&](const Get& q) {
                   encoder.U8(static_cast<std::uint8_t>(QueryTag::kGet));
                   encoder.Bytes(q.key);
                 },
                 [&](const Range& q) {
                   encoder.U8(static_cast<std::uint8_t>(QueryTag::kRange));
                   encoder.Bytes(q.from);
                   encoder.Bytes(q.to);
                   encoder.Varint(q.limit);
                 },
             },
             query);
  return out;
}

bool DecodeQueryView(std::string_view bytes, QueryView& view) {
  Decoder decoder(bytes);
  view = QueryView{};
  view.tag = static_cast<QueryTag>(decoder.U8());
  switch (view.tag) {
    case QueryTag::kGet:
      view.from = decoder.Bytes();
      return decoder.done();
    case QueryTag::kRange:
      view.from = decoder.Bytes();
      view.to = decoder.Bytes();
      view.limit = decoder.Varint();
      return decoder.done();
  }
  return false;
}

absl::StatusOr<Query> DecodeQuery(std::string_view bytes) {
  QueryView view;
  if (!DecodeQueryView(bytes, view)) return absl::InvalidArgumentError("these bytes are no query");
  switch (view.tag) {
    case QueryTag::kGet:
      return Get{std::string(view.from)};
    case QueryTag::kRange:
      return Range{std::string(view.from), std::string(view.to), view.limit};
  }
  UNREACHABLE("a query's tag was checked when it was decoded");
}

void ReplyWriter::Row(std::string_view key, const Version& version,
                      std::optional<std::string_view> value) {
  Encoder encoder(bytes_);
  encoder.U8(kReplyRow);
  encoder.Bytes(key);
  EncodeVersion(version, encoder);
  encoder.U8(value.has_value() ? 1 : 0);
  if (value.has_value()) encoder.Bytes(*value);
}

std::string ReplyWriter::Finish() && {
  Encoder(bytes_).U8(kReplyEnd);
  return std::move(bytes_);
}

std::string ReplyWriter::FinishWith(std::string_view continuation) && {
  Encoder encoder(bytes_);
  encoder.U8(kReplyContinuation);
  encoder.Bytes(continuation);
  return std::move(bytes_);
}

std::string EncodeReplyHead(const ReplyHead& head) {
  return ReplyWriter(head.status, head.revision).Finish();
}

bool DecodeReplyHead(std::string_view reply, ReplyHead& head) {
  Decoder decoder(reply);
  const std::uint8_t status = decoder.U8();
  head.status = static_cast<ReplyStatus>(status);
  head.revision = Revision(decoder.Varint());
  return decoder.ok() && IsReplyStatus(status);
}

std::string EncodeReply(const KvReply& reply) {
  ReplyWriter writer(reply.status, reply.revision);
  for (const ReplyRow& row : reply.rows) writer.Row(row.key, row.version, row.value);
  return reply.continuation.has_value() ? std::move(writer).FinishWith(*reply.continuation)
                                        : std::move(writer).Finish();
}

absl::StatusOr<KvReply> DecodeReply(std::string_view bytes) {
  Decoder decoder(bytes);
  KvReply reply;
  const std::uint8_t status = decoder.U8();
  if (!IsReplyStatus(status)) return absl::InvalidArgumentError("no such reply status");
  reply.status = static_cast<ReplyStatus>(status);
  reply.revision = Revision(decoder.Varint());
  std::uint8_t tag = decoder.U8();
  for (; tag == kReplyRow && decoder.ok(); tag = decoder.U8()) {
    ReplyRow row;
    row.key = decoder.Bytes();
    row.version = DecodeVersion(decoder);
    row.value = CopyOf(DecodeOptional(decoder));
    reply.rows.push_back(std::move(row));
  }
  if (tag == kReplyContinuation) reply.continuation = decoder.Bytes();
  if (!decoder.done() || tag > kReplyContinuation) {
    return absl::InvalidArgumentError("these bytes are no reply");
  }
  return reply;
}

}  // namespace quorate
