// engine/kv/render.cc — commands, queries and replies as one line of text, for traces and failures.
#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/kv/command.h"

namespace quorate {
namespace {

void AppendEscaped(std::string_view bytes, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
      continue;
    }
    out += "\\x";
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xf]);
  }
}

// Long values are cut: a trace line says which value it was, not all of it.
std::string Quoted(const std::string& bytes) {
  constexpr std::size_t kShown = 32;
  std::string out = "\"";
  AppendEscaped(std::string_view(bytes).substr(0, kShown), out);
  out += "\"";
  if (bytes.size() > kShown) absl::StrAppend(&out, "..", bytes.size(), "B");
  return out;
}

std::string QuotedOrAbsent(const std::optional<std::string>& bytes) {
  return bytes.has_value() ? Quoted(*bytes) : "absent";
}

std::string Render(const Version& version) {
  if (version == Version{}) return "@absent";
  return absl::StrCat("@", version.era, ".", version.ord, ".", version.origin);
}

std::string RenderCondition(const Condition& condition) {
  const std::string must_be =
      std::visit(Match{
                     [](std::monostate) { return std::string("=absent"); },
                     [](const Version& version) { return Render(version); },
                     [](const std::string& value) { return absl::StrCat("=", Quoted(value)); },
                 },
                 condition.must_be);
  return absl::StrCat(Quoted(condition.key), must_be);
}

std::string RenderBatch(const Batch& batch) {
  std::string out = "batch if [";
  const char* separator = "";
  for (const Condition& condition : batch.conditions) {
    absl::StrAppend(&out, separator, RenderCondition(condition));
    separator = ", ";
  }
  absl::StrAppend(&out, "] then [");
  separator = "";
  for (const BatchWrite& write : batch.writes) {
    absl::StrAppend(&out, separator, Quoted(write.key), ":=", QuotedOrAbsent(write.value));
    separator = ", ";
  }
  return absl::StrCat(out, "]");
}

}  // namespace

const char* NameOf(ReplyStatus status) {
  switch (status) {
    case ReplyStatus::kOk:
      return "ok";
    case ReplyStatus::kNotFound:
      return "not_found";
    case ReplyStatus::kConditionFailed:
      return "condition_failed";
    case ReplyStatus::kNotANumber:
      return "not_a_number";
    case ReplyStatus::kTooBig:
      return "too_big";
    case ReplyStatus::kMalformed:
      return "malformed";
    case ReplyStatus::kSessionUnknown:
      return "session_unknown";
  }
  return "?";
}

std::string Render(const Command& command) {
  return std::visit(
      Match{
          [](const Put& c) { return absl::StrCat("put ", Quoted(c.key), " ", Quoted(c.value)); },
          [](const PutIfAbsent& c) {
            return absl::StrCat("put_if_absent ", Quoted(c.key), " ", Quoted(c.value));
          },
          [](const Delete& c) { return absl::StrCat("delete ", Quoted(c.key)); },
          [](const CasValue& c) {
            return absl::StrCat("cas ", Quoted(c.key), " ", QuotedOrAbsent(c.expected), "->",
                                Quoted(c.value));
          },
          [](const CasVersion& c) {
            return absl::StrCat("cas ", Quoted(c.key), " ", Render(c.expected), "->",
                                Quoted(c.value));
          },
          [](const Increment& c) {
            return absl::StrCat("increment ", Quoted(c.key), " by ", c.by);
          },
          [](const Batch& c) { return RenderBatch(c); },
      },
      command);
}

std::string Render(const Query& query) {
  return std::visit(Match{
                        [](const Get& q) { return absl::StrCat("get ", Quoted(q.key)); },
                        [](const Range& q) {
                          return absl::StrCat("range [", Quoted(q.from), ", ",
                                              q.to.empty() ? "end" : Quoted(q.to), ") limit ",
                                              q.limit);
                        },
                    },
                    query);
}

std::string Render(const KvReply& reply) {
  std::string out = absl::StrCat(NameOf(reply.status), " rev=", reply.revision.value());
  for (const ReplyRow& row : reply.rows) {
    absl::StrAppend(&out, " ", Quoted(row.key), Render(row.version));
    if (row.value.has_value()) absl::StrAppend(&out, "=", Quoted(*row.value));
  }
  if (reply.continuation.has_value())
    absl::StrAppend(&out, " more from ", Quoted(*reply.continuation));
  return out;
}

}  // namespace quorate
