#include "sim/history/edn.h"

#include <charconv>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMaxDepth = 64;

bool EndsAtom(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '(' || c == ')' ||
         c == '[' || c == ']' || c == '{' || c == '}' || c == '"' || c == ';';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<Edn>> ReadAll() {
    std::vector<Edn> all;
    for (SkipBlanks(); !rest_.empty(); SkipBlanks()) {
      absl::StatusOr<Edn> value = Read(0);
      if (!value.ok()) return value.status();
      all.push_back(*std::move(value));
    }
    return all;
  }

 private:
  absl::Status Wrong(const std::string& why) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", why));
  }
  char Take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '\n') ++line_;
    return c;
  }
  void SkipBlanks() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == ';') {
        while (!rest_.empty() && rest_.front() != '\n') Take();
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
        Take();
      } else {
        return;
      }
    }
  }

  absl::StatusOr<Edn> Read(std::size_t depth) {
    if (depth > kMaxDepth) return Wrong("nested too deeply");
    SkipBlanks();
    if (rest_.empty()) return Wrong("cut off: a value is missing");
    switch (rest_.front()) {
      case '(':
        return ReadItems(')', Edn::Kind::kSequence, depth);
      case '[':
        return ReadItems(']', Edn::Kind::kSequence, depth);
      case '{':
        return ReadItems('}', Edn::Kind::kMap, depth);
      case '"':
        return ReadString();
      case '#':
        return ReadDispatch(depth);
      case ')':
      case ']':
      case '}':
        return Wrong(absl::StrCat("unexpected '", std::string(1, rest_.front()), "'"));
      default:
        return ReadAtom();
    }
  }

  absl::StatusOr<Edn> ReadItems(char close, Edn::Kind kind, std::size_t depth) {
    Edn value;
    value.kind = kind;
    value.line = line_;
    Take();
    for (SkipBlanks(); !rest_.empty() && rest_.front() != close; SkipBlanks()) {
      absl::StatusOr<Edn> item = Read(depth + 1);
      if (!item.ok()) return item;
      value.items.push_back(*std::move(item));
    }
    if (rest_.empty())
      return Wrong(absl::StrCat("cut off: '", std::string(1, close), "' is missing"));
    Take();
    if (kind == Edn::Kind::kMap && value.items.size() % 2 != 0)
      return Wrong("a key without a value");
    return value;
  }

  absl::StatusOr<Edn> ReadString() {
    Edn value;
    value.kind = Edn::Kind::kString;
    value.line = line_;
    Take();
    while (!rest_.empty() && rest_.front() != '"') {
      char c = Take();
      if (c == '\\') {
        if (rest_.empty()) break;
        c = Take();
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
      }
      value.text.push_back(c);
    }
    if (rest_.empty()) return Wrong("cut off: a string has no end");
    Take();
    return value;
  }

  // A set, something to be skipped, or a tag.
  absl::StatusOr<Edn> ReadDispatch(std::size_t depth) {
    Take();
    if (rest_.empty()) return Wrong("cut off behind '#'");
    if (rest_.front() == '{') return ReadItems('}', Edn::Kind::kSequence, depth);
    if (rest_.front() == '_') {
      Take();
      if (absl::StatusOr<Edn> skipped = Read(depth + 1); !skipped.ok()) return skipped;
      return Read(depth + 1);
    }
    if (absl::StatusOr<Edn> tag = ReadAtom(); !tag.ok()) return tag;
    return Read(depth + 1);
  }

  absl::StatusOr<Edn> ReadAtom() {
    Edn value;
    value.line = line_;
    std::string text;
    while (!rest_.empty() && !EndsAtom(rest_.front())) text.push_back(Take());
    if (text.empty()) return Wrong("not a value");
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value.integer);
    if (text == "nil") return value;
    if (error == std::errc() && end == text.data() + text.size()) {
      value.kind = Edn::Kind::kInteger;
      return value;
    }
    value.integer = 0;
    value.kind = text.front() == ':' ? Edn::Kind::kKeyword : Edn::Kind::kSymbol;
    value.text = std::move(text);
    return value;
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

}  // namespace

const Edn* Edn::Find(std::string_view keyword) const {
  if (kind != Kind::kMap) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].kind == Kind::kKeyword && items[i].text == keyword) return &items[i + 1];
  }
  return nullptr;
}

std::string Render(const Edn& value) {
  switch (value.kind) {
    case Edn::Kind::kNil:
      return "nil";
    case Edn::Kind::kInteger:
      return std::to_string(value.integer);
    case Edn::Kind::kString: {
      std::string out = "\"";
      for (const char c : value.text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
      }
      out.push_back('"');
      return out;
    }
    case Edn::Kind::kKeyword:
    case Edn::Kind::kSymbol:
      return value.text;
    case Edn::Kind::kSequence:
    case Edn::Kind::kMap: {
      const bool map = value.kind == Edn::Kind::kMap;
      std::string out = map ? "{" : "[";
      for (const Edn& item : value.items) {
        if (out.size() > 1) out.push_back(' ');
        out.append(Render(item));
      }
      out.push_back(map ? '}' : ']');
      return out;
    }
  }
  UNREACHABLE("closed list");
}

absl::StatusOr<std::vector<Edn>> ReadEdn(std::string_view text) { return Reader(text).ReadAll(); }

}  // namespace quorate::sim
