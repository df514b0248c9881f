#include "sim/scenario/json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "sim/scenario/text.h"

namespace quorate::sim {
namespace {

// Builds the tree while the text is read, and knows at any moment where it is.
class TreeBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit TreeBuilder(std::string_view text) : text_(text) {}

  // The names are those of nlohmann's SAX interface.
  bool null() { return Place({}); }
  bool boolean(bool value) {
    Json json;
    json.kind = JsonKind::kBool;
    json.flag = value;
    return Place(std::move(json));
  }
  bool number_integer(number_integer_t value) { return Number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) { return Number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) { return Number(text); }
  bool string(string_t& value) {
    Json json;
    json.kind = JsonKind::kText;
    json.text = std::move(value);
    return Place(std::move(json));
  }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return Open(JsonKind::kObject); }
  bool end_object() { return Close(); }
  bool start_array(std::size_t) { return Open(JsonKind::kArray); }
  bool end_array() { return Close(); }
  bool key(string_t& name) {
    Json& object = *open_.back();
    // Each is compared with those before it.
    if (object.members.size() == kMaxJsonKeys) {
      status_ = Complaint(Path(Innermost::kItself), Cat("more than ", kMaxJsonKeys, " keys"));
      return false;
    }
    if (object.Find(name) != nullptr) {
      status_ = Complaint(Under(Path(Innermost::kItself), name), "stands twice");
      return false;
    }
    object.members.push_back({std::move(name), Json{}});
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) {
    constexpr int kNumberOutOfRange = 406;  // of nlohmann's error codes
    const std::size_t at = std::min(position == 0 ? 0 : position - 1, text_.size());
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      status_ = Complaint("$", "the file is empty");
    } else if (error.id == kNumberOutOfRange) {
      status_ = Complaint(Path(), Cat("a number beyond all bounds at ", Position(at)));
    } else if (text_.find_first_not_of(" \t\r\n", at) == std::string_view::npos) {
      status_ = Complaint(Path(), Cat("the file ends in the middle, at ", Position(text_.size())));
    } else {
      status_ = Complaint(Path(), Cat("not JSON at ", Position(at)));
    }
    return false;
  }

  absl::StatusOr<Json> Result() && {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  // "line 3, column 7" of the byte at `at`.
  std::string Position(std::size_t at) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    return Cat("line ", line, ", column ", start == std::string_view::npos ? at + 1 : at - start);
  }

  bool Number(std::string text) {
    Json json;
    json.kind = JsonKind::kNumber;
    json.text = std::move(text);
    return Place(std::move(json));
  }

  Json& Slot() {
    if (open_.empty()) return root_;
    Json& parent = *open_.back();
    if (parent.kind == JsonKind::kObject) return parent.members.back().value;
    return parent.items.emplace_back();
  }

  bool Place(Json json) {
    Slot() = std::move(json);
    return true;
  }

  bool Open(JsonKind kind) {
    if (open_.size() == kMaxJsonDepth) {
      status_ = Complaint(Path(), Cat("more than ", kMaxJsonDepth, " levels deep"));
      return false;
    }
    Json& slot = Slot();
    slot.kind = kind;
    // Siblings of an open value are never added, so that its address stays.
    open_.push_back(&slot);
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  // Where we are: in the innermost value that is open, or in its last part.
  enum class Innermost { kItself, kLastPart };
  std::string Path(Innermost which = Innermost::kLastPart) const {
    std::string path = "$";
    for (const Json* json : open_) {
      if (json == open_.back() && which == Innermost::kItself) break;
      if (json->kind == JsonKind::kArray) {
        if (!json->items.empty()) path = Under(path, json->items.size() - 1);
      } else if (!json->members.empty()) {
        path = Under(path, json->members.back().key);
      }
    }
    return path;
  }

  std::string_view text_;
  Json root_;
  std::vector<Json*> open_;
  absl::Status status_;
};

// Keeps a message on one line of a length that can be read, whatever a key or a text contains.
std::string OneLine(std::string_view text) {
  constexpr std::size_t kMost = 500;
  std::string line;
  for (const char c : text) {
    // Not in the middle of a character.
    if (line.size() >= kMost && (static_cast<unsigned char>(c) & 0xC0) != 0x80) return line + "…";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      constexpr std::string_view kHex = "0123456789abcdef";
      line += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return line;
}

}  // namespace

const Json* Json::Find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

const char* NameOf(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "true or false";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kText:
      return "a text";
    case JsonKind::kArray:
      return "a list";
    case JsonKind::kObject:
      return "an object";
  }
  return "?";
}

absl::Status Complaint(std::string_view path, std::string_view reason) {
  return absl::InvalidArgumentError(OneLine(Cat(path, ": ", reason)));
}

std::string Under(std::string_view path, std::string_view key) {
  return path == "$" ? std::string(key) : Cat(path, ".", key);
}

std::string Under(std::string_view path, std::size_t item) { return Cat(path, "[", item, "]"); }

absl::StatusOr<Json> ParseJson(std::string_view text) {
  TreeBuilder builder(text);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).Result();
}

}  // namespace quorate::sim
