#include "sim/history/edn.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMaxDepth = 64;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == ',';
}
bool EndsAtom(char c) {
  return IsBlank(c) || c == '(' || c == ')' || c == '[' || c == ']' || c == '{' || c == '}' ||
         c == '"' || c == ';';
}
constexpr std::pair<const char*, char> kNamedCharacters[] = {
    {"newline", '\n'}, {"space", ' '},     {"tab", '\t'},
    {"return", '\r'},  {"formfeed", '\f'}, {"backspace", '\b'}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void AppendUtf8(std::uint32_t point, std::string& out) {
  const auto byte = [&out](std::uint32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xc0 | (point >> 6));
  } else if (point < 0x10000) {
    byte(0xe0 | (point >> 12));
    byte(0x80 | ((point >> 6) & 0x3f));
  } else {
    byte(0xf0 | (point >> 18));
    byte(0x80 | ((point >> 12) & 0x3f));
    byte(0x80 | ((point >> 6) & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
}

std::optional<std::uint32_t> CodePoint(std::string_view digits, int base) {
  std::uint32_t point = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), point, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return point;
}

// ---- numbers: one spelling for each -----------------------------------------------------------------------

std::string_view TakeDigits(std::string_view& rest) {
  std::size_t size = 0;
  while (size < rest.size() && IsDigit(rest[size])) ++size;
  const std::string_view digits = rest.substr(0, size);
  rest.remove_prefix(size);
  return digits;
}

// "1/2" of two whole numbers without signs; nullopt: not one.
std::optional<std::string> Ratio(std::string_view above, std::string_view below) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  const auto whole = [](std::string_view text, std::uint64_t& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  };
  if (!whole(above, a) || !whole(below, b)) return std::string(above) + "/" + std::string(below);
  if (b == 0) return std::nullopt;
  const std::uint64_t common = std::gcd(a, b);
  return b == common ? absl::StrCat(a / common) : absl::StrCat(a / common, "/", b / common);
}

// `digits` times ten to the power of `exponent`, with a point: "1.5", "0.02", "3.0", "7e40"; nullopt: out of reach.
std::optional<std::string> Decimal(std::string digits, int exponent) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) return "0.0";
  if (exponent > 90'000 || exponent < -90'000) return std::nullopt;
  const int point = static_cast<int>(digits.size()) + exponent;  // where it stands in the digits
  if (point > 20 || point < -6) return absl::StrCat(digits, "e", exponent);
  if (exponent >= 0) return absl::StrCat(digits, std::string(std::size_t(exponent), '0'), ".0");
  if (point <= 0) return absl::StrCat("0.", std::string(std::size_t(-point), '0'), digits);
  return absl::StrCat(digits.substr(0, std::size_t(point)), ".", digits.substr(std::size_t(point)));
}

// Behind a sign; nullopt: what begins with a digit is no number.
std::optional<std::string> Unsigned(std::string_view rest) {
  const std::string_view whole = TakeDigits(rest);
  if (whole.size() > 1 && whole.front() == '0') return std::nullopt;  // octal to some readers
  if (rest.empty() || rest == "N") return std::string(whole);
  if (rest.front() == '/') {
    rest.remove_prefix(1);
    const std::string_view below = TakeDigits(rest);
    return rest.empty() && !below.empty() ? Ratio(whole, below) : std::nullopt;
  }
  std::string digits(whole);
  int exponent = 0;
  if (rest.front() == '.') {
    rest.remove_prefix(1);
    const std::string_view behind = TakeDigits(rest);
    digits.append(behind);
    if (digits.size() > 1000) return std::nullopt;
    exponent = -static_cast<int>(behind.size());
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    const bool less = rest.starts_with('-');
    if (less || rest.starts_with('+')) rest.remove_prefix(1);
    const std::string_view power = TakeDigits(rest);
    if (power.empty() || power.size() > 5) return std::nullopt;
    int by = 0;
    std::from_chars(power.data(), power.data() + power.size(), by);
    exponent += less ? -by : by;
  }
  const bool exact = rest == "M";
  if (!exact && !rest.empty()) return std::nullopt;
  std::optional<std::string> number = Decimal(std::move(digits), exponent);
  if (number && exact) number->push_back('M');
  return number;
}

// ---- reading ----------------------------------------------------------------------------------------------

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<Edn>> ReadAll() {
    std::vector<Edn> all;
    for (;;) {
      if (absl::Status skipped = Skip(0); !skipped.ok()) return skipped;
      if (rest_.empty()) return all;
      absl::StatusOr<Edn> value = Read(0);
      if (!value.ok()) return value.status();
      all.push_back(*std::move(value));
    }
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

  // Blanks, comments, and what #_ takes away.
  absl::Status Skip(std::size_t depth) {
    while (!rest_.empty()) {
      if (rest_.front() == ';') {
        while (!rest_.empty() && rest_.front() != '\n') Take();
      } else if (IsBlank(rest_.front())) {
        Take();
      } else if (rest_.starts_with("#_")) {
        rest_.remove_prefix(2);
        if (absl::StatusOr<Edn> skipped = Read(depth + 1); !skipped.ok()) return skipped.status();
      } else {
        break;
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Edn> Read(std::size_t depth) {
    if (depth > kMaxDepth) return Wrong("nested too deeply");
    if (absl::Status skipped = Skip(depth); !skipped.ok()) return skipped;
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
      case '\\':
        return ReadCharacter();
      case '#':
        return ReadDispatch(depth);
      case '^':  // metadata: not part of the value behind it
        Take();
        if (absl::StatusOr<Edn> metadata = Read(depth + 1); !metadata.ok()) return metadata;
        return Read(depth + 1);
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
    for (;;) {
      if (absl::Status skipped = Skip(depth); !skipped.ok()) return skipped;
      if (rest_.empty())
        return Wrong(absl::StrCat("cut off: '", std::string(1, close), "' is missing"));
      if (rest_.front() == close) break;
      absl::StatusOr<Edn> item = Read(depth + 1);
      if (!item.ok()) return item;
      value.items.push_back(*std::move(item));
    }
    Take();
    if (kind == Edn::Kind::kSequence) return value;
    if (kind == Edn::Kind::kMap && value.items.size() % 2 != 0)
      return Wrong("a key without a value");
    return Distinct(std::move(value));
  }

  absl::StatusOr<Edn> Distinct(Edn value) const {
    std::set<std::string> names;
    for (std::size_t i = 0; i < value.items.size(); i += value.kind == Edn::Kind::kMap ? 2 : 1) {
      if (!names.insert(Render(value.items[i])).second)
        return Wrong("the same key or member twice");
    }
    return value;
  }

  absl::StatusOr<Edn> ReadString() {
    Edn value;
    value.kind = Edn::Kind::kString;
    value.line = line_;
    Take();
    while (!rest_.empty() && rest_.front() != '"') {
      const char c = Take();
      if (c != '\\') {
        value.text.push_back(c);
      } else if (rest_.empty() || !TakeEscape(value.text)) {
        return Wrong(rest_.empty() ? "cut off: a string has no end" : "an unknown \\ in a string");
      }
    }
    if (rest_.empty()) return Wrong("cut off: a string has no end");
    Take();
    return value;
  }

  // Behind the backslash.
  bool TakeEscape(std::string& out) {
    constexpr std::string_view kNames = "ntrbf\"\\";
    constexpr std::string_view kMeant = "\n\t\r\b\f\"\\";
    const char c = Take();
    if (c == 'u') {
      std::uint32_t point = 0;
      if (!TakeUnit(point)) return false;
      std::uint32_t low = 0;
      if (point >= 0xd800 && point < 0xdc00 && rest_.starts_with("\\u")) {
        rest_.remove_prefix(2);
        if (!TakeUnit(low) || low < 0xdc00 || low > 0xdfff) return false;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      }
      AppendUtf8(point, out);
      return true;
    }
    const std::size_t at = kNames.find(c);
    if (at == std::string_view::npos) return false;
    out.push_back(kMeant[at]);
    return true;
  }
  bool TakeUnit(std::uint32_t& unit) {
    const std::optional<std::uint32_t> point = CodePoint(rest_.substr(0, 4), 16);
    if (rest_.size() < 4 || !point) return false;
    rest_.remove_prefix(4);
    unit = *point;
    return true;
  }

  // \a, \newline, \u0041, \o101, and \( and its like.
  absl::StatusOr<Edn> ReadCharacter() {
    Edn value;
    value.kind = Edn::Kind::kSymbol;
    value.line = line_;
    Take();
    if (rest_.empty() || rest_.front() == '\n') return Wrong("cut off behind '\\'");
    std::string name(1, Take());
    while (!rest_.empty() && !EndsAtom(rest_.front())) name.push_back(Take());
    for (const auto& [known, meant] : kNamedCharacters) {
      if (name == known) name = std::string(1, meant);
    }
    std::optional<std::uint32_t> point;
    if (name.size() == 5 && name.front() == 'u') point = CodePoint(name.substr(1), 16);
    if (name.size() > 1 && name.size() <= 4 && name.front() == 'o')
      point = CodePoint(name.substr(1), 8);
    if (point) {
      name.clear();
      AppendUtf8(*point, name);
    }
    // One character, however many bytes.
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    if (!std::all_of(name.begin() + 1, name.end(), continues)) return Wrong("not a character");
    value.text = absl::StrCat("\\", Visible(name));
    return value;
  }

  // So that it stays on one line.
  static std::string Visible(const std::string& character) {
    for (const auto& [known, meant] : kNamedCharacters) {
      if (character.front() == meant) return known;
    }
    const auto byte = static_cast<unsigned char>(character.front());
    return byte < 0x20 ? absl::StrCat("u", absl::Hex(byte, absl::kZeroPad4)) : character;
  }

  // A set, a map whose keys share a namespace, a number without a spelling, or a tag.
  absl::StatusOr<Edn> ReadDispatch(std::size_t depth) {
    Take();
    if (rest_.empty()) return Wrong("cut off behind '#'");
    if (rest_.front() == '{') return ReadItems('}', Edn::Kind::kSet, depth);
    if (rest_.starts_with("#Inf") || rest_.starts_with("#-Inf") || rest_.starts_with("#NaN")) {
      absl::StatusOr<Edn> number = ReadAtom();
      if (number.ok()) number->text.insert(0, "#");
      return number;
    }
    if (rest_.front() == ':') return ReadNamespaced(depth);
    if (!IsLetter(rest_.front())) return Wrong("not a value: '#' before what is no tag");
    const absl::StatusOr<Edn> tag = ReadAtom();
    if (!tag.ok()) return tag;
    if (tag->kind != Edn::Kind::kSymbol) return Wrong("not a value: '#' before what is no tag");
    absl::StatusOr<Edn> value = Read(depth + 1);
    if (value.ok()) value->tag = absl::StrCat("#", tag->text, value->tag);
    return value;
  }

  // #:n{:a 1} is {:n/a 1}; a key of its own namespace keeps it, and :_/a is :a.
  absl::StatusOr<Edn> ReadNamespaced(std::size_t depth) {
    const absl::StatusOr<Edn> prefix = ReadAtom();
    if (!prefix.ok()) return prefix;
    if (absl::Status skipped = Skip(depth); !skipped.ok()) return skipped;
    if (!rest_.starts_with('{')) return Wrong("not a value: a namespace without a map");
    absl::StatusOr<Edn> map = ReadItems('}', Edn::Kind::kMap, depth);
    if (!map.ok()) return map;
    for (std::size_t i = 0; i < map->items.size(); i += 2) {
      Edn& key = map->items[i];
      if (key.kind != Edn::Kind::kKeyword) continue;
      if (key.text.starts_with(":_/")) {
        key.text.erase(1, 2);
      } else if (key.text.find('/') == std::string::npos) {
        key.text = absl::StrCat(prefix->text, "/", key.text.substr(1));
      }
    }
    return Distinct(*std::move(map));
  }

  absl::StatusOr<Edn> ReadAtom() {
    Edn value;
    value.line = line_;
    std::string text;
    while (!rest_.empty() && !EndsAtom(rest_.front())) text.push_back(Take());
    if (text.empty()) return Wrong("not a value");
    if (text == "nil") return value;
    const bool has_sign = text.front() == '-' || text.front() == '+';
    if (IsDigit(text[has_sign && text.size() > 1 ? 1 : 0])) return Number(std::move(value), text);
    value.kind = text.front() == ':' ? Edn::Kind::kKeyword : Edn::Kind::kSymbol;
    value.text = std::move(text);
    return value;
  }

  absl::StatusOr<Edn> Number(Edn value, const std::string& text) const {
    const std::string_view digits = std::string_view(text).substr(IsDigit(text.front()) ? 0 : 1);
    std::optional<std::string> number = Unsigned(digits);
    if (!number) return Wrong("not a number");
    if (text.front() == '-' && *number != "0" && *number != "0.0") number->insert(0, "-");
    const auto [end, error] =
        std::from_chars(number->data(), number->data() + number->size(), value.integer);
    const bool whole = error == std::errc() && end == number->data() + number->size();
    value.kind = whole ? Edn::Kind::kInteger : Edn::Kind::kSymbol;
    if (whole) return value;
    value.integer = 0;
    value.text = *std::move(number);
    return value;
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

// So that it stays on one line.
void AppendQuoted(std::string_view text, std::string& out) {
  constexpr std::string_view kMeant = "\"\\\n\t\r\b\f";
  constexpr std::string_view kNames = "\"\\ntrbf";
  out.push_back('"');
  for (const char c : text) {
    const std::size_t at = kMeant.find(c);
    if (at != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kNames[at]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&out, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// Of sets and maps the order says nothing.
std::vector<std::string> RenderParts(const Edn& value) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    parts.push_back(Render(value.items[i]));
    if (value.kind == Edn::Kind::kMap)
      absl::StrAppend(&parts.back(), " ", Render(value.items[++i]));
  }
  if (value.kind != Edn::Kind::kSequence) std::sort(parts.begin(), parts.end());
  return parts;
}

}  // namespace

const Edn* Edn::Find(std::string_view keyword) const {
  if (kind != Kind::kMap) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].kind == Kind::kKeyword && items[i].text == keyword) return &items[i + 1];
  }
  return nullptr;
}

std::string Render(const Edn& value) {
  std::string out = value.tag.empty() ? "" : absl::StrCat(value.tag, " ");
  switch (value.kind) {
    case Edn::Kind::kNil:
      return out + "nil";
    case Edn::Kind::kInteger:
      return out + std::to_string(value.integer);
    case Edn::Kind::kString:
      AppendQuoted(value.text, out);
      return out;
    case Edn::Kind::kKeyword:
    case Edn::Kind::kSymbol:
      return out + value.text;
    case Edn::Kind::kSequence:
    case Edn::Kind::kSet:
    case Edn::Kind::kMap: {
      const bool list = value.kind == Edn::Kind::kSequence;
      out.append(list ? "[" : value.kind == Edn::Kind::kSet ? "#{" : "{");
      const std::vector<std::string> parts = RenderParts(value);
      for (std::size_t i = 0; i < parts.size(); ++i)
        absl::StrAppend(&out, i == 0 ? "" : " ", parts[i]);
      out.push_back(list ? ']' : '}');
      return out;
    }
  }
  UNREACHABLE("closed list");
}

absl::StatusOr<std::vector<Edn>> ReadEdn(std::string_view text) { return Reader(text).ReadAll(); }

}  // namespace quorate::sim
