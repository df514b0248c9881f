// Histories in EDN: Jepsen's registers, and Porcupine's key-value text.
#include <algorithm>
#include <utility>

#include "sim/history/edn.h"
#include "sim/history/foreign.h"
#include "sim/history/formats.h"

namespace quorate::sim {
namespace {

enum class Type : std::uint8_t { kInvoke, kOk, kFail, kInfo };

// One line of a client, as far as all forms agree.
struct Event {
  std::size_t line = 0;
  std::string process;
  Type type = Type::kInvoke;
  std::string f;
  const Edn* value = nullptr;  // nullptr: none
  const Edn* key = nullptr;
};

bool IsRead(const std::string& f) { return f == ":read" || f == ":r"; }
bool IsWrite(const std::string& f) { return f == ":write" || f == ":w"; }
bool IsOfRegister(const std::string& f) { return IsRead(f) || IsWrite(f) || f == ":cas"; }
bool IsOfKeys(const std::string& f) { return f == ":get" || f == ":put" || f == ":append"; }

std::optional<Type> TypeOf(const Edn& type) {
  static constexpr std::pair<const char*, Type> kTypes[] = {{":invoke", Type::kInvoke},
                                                            {":ok", Type::kOk},
                                                            {":fail", Type::kFail},
                                                            {":info", Type::kInfo}};
  for (const auto& [name, known] : kTypes) {
    if (type.kind == Edn::Kind::kKeyword && type.text == name) return known;
  }
  return std::nullopt;
}

// nullopt: not of a client.
absl::StatusOr<std::optional<Event>> EventOf(const Edn& form) {
  if (form.kind != Edn::Kind::kMap) return WrongLine(form.line, "not an operation");
  const Edn* process = form.Find(":process");
  const Edn* type = form.Find(":type");
  const Edn* f = form.Find(":f");
  if (process == nullptr || type == nullptr || f == nullptr) {
    return WrongLine(form.line, "an operation needs :process, :type and :f");
  }
  const std::string asked = OneLine(Render(*f));
  const bool client = process->kind == Edn::Kind::kInteger;
  const bool other =
      process->kind == Edn::Kind::kKeyword && !IsOfRegister(asked) && !IsOfKeys(asked);
  if (other) return std::optional<Event>();
  if (!client) {
    return WrongLine(form.line,
                     absl::StrCat("a client is a number, not ", OneLine(Render(*process))));
  }
  const std::optional<Type> known = TypeOf(*type);
  if (!known) return WrongLine(form.line, absl::StrCat("unknown type ", OneLine(Render(*type))));
  return std::optional<Event>(
      Event{form.line, Render(*process), *known, asked, form.Find(":value"), form.Find(":key")});
}

ForeignEnd EndOf(Type type) {
  if (type == Type::kFail) return ForeignEnd::kNeverHappened;
  return type == Type::kInfo ? ForeignEnd::kUnknown : ForeignEnd::kDone;
}

absl::Status ReturnsFromElsewhere(std::size_t line) {
  return WrongLine(line, "returns from another key than was asked for");
}
absl::Status ReturnsFromAnotherValue(std::size_t line) {
  return WrongLine(line, "returns from another value than was asked for");
}

// ---- registers ------------------------------------------------------------------------------------------

std::optional<std::string> ValueOf(const Edn& value) {
  if (value.is_nil()) return std::nullopt;
  return Render(value);
}

bool IsPair(const Edn* value) {
  return value != nullptr && value->kind == Edn::Kind::kSequence && value->items.size() == 2;
}
bool IsNil(const Edn* value) { return value == nullptr || value->is_nil(); }

// [key nil], [key [nil nil]]: a place for what will be read.
bool AsksInside(const Edn* value) {
  return IsPair(value) && (value->items[1].is_nil() || AsksInside(&value->items[1]));
}

// What the values of a file are, around what the register holds: [key …], [version …], or [key [version …]].
struct Shape {
  bool keyed = false;
  bool versioned = false;
};

// A value, taken apart.
struct Parts {
  std::string key;
  const Edn* version = nullptr;
  const Edn* inner = nullptr;
};

// nullopt: of another shape. A nil stands for any.
std::optional<Parts> PartsOf(const Edn* value, Shape shape) {
  Parts parts;
  parts.inner = value;
  if (shape.keyed) {
    if (!IsPair(value) || value->items[0].is_nil()) return std::nullopt;
    parts.key = Render(value->items[0]);
    parts.inner = &value->items[1];
  }
  if (!shape.versioned || IsNil(parts.inner)) return parts;
  if (!IsPair(parts.inner)) return std::nullopt;
  const Edn& version = parts.inner->items[0];
  const bool counts = version.kind == Edn::Kind::kInteger && version.integer >= 0;
  if (!counts && !version.is_nil()) return std::nullopt;
  parts.version = &version;
  parts.inner = &parts.inner->items[1];
  return parts;
}

// What is wrong with an invocation if values are of this shape; "" = nothing.
std::string MisfitOf(const Event& event, Shape shape) {
  if (!IsRead(event.f) && event.value == nullptr)
    return IsWrite(event.f) ? "a write without a value" : "a cas without [old new]";
  const std::optional<Parts> parts = PartsOf(event.value, shape);
  if (!parts)
    return shape.keyed ? "not a [key value], as in the operations before"
                       : "not a [version value], as in the operations before";
  // Nobody knows a version in advance.
  const bool versioned = parts->version != nullptr && parts->version->is_nil();
  if (shape.versioned && !versioned) return "not a [nil value], as in the operations before";
  if (event.f == ":cas" && !IsPair(parts->inner)) return "a cas without [old new]";
  if (IsRead(event.f) && AsksInside(parts->inner)) {
    return "a read of another form than in the operations before";
  }
  return "";
}

struct Misfit {
  std::size_t at = 0;  // in the events
  std::string why;     // "" = all of them fit
};

Misfit FirstMisfit(const std::vector<Event>& events, Shape shape) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].type != Type::kInvoke) continue;
    if (std::string why = MisfitOf(events[i], shape); !why.empty()) return {i, std::move(why)};
  }
  return {events.size(), ""};
}

// Whether something but a cas speaks for a shape that fits: [nil [1 2]] may also be a cas from nil to [1 2].
bool IsBacked(const std::vector<Event>& events, Shape shape) {
  return std::any_of(events.begin(), events.end(), [&](const Event& event) {
    if (event.type == Type::kInvoke) return event.f != ":cas";
    const std::optional<Parts> parts = PartsOf(event.value, shape);
    return event.type == Type::kOk && shape.versioned && parts && parts->version != nullptr &&
           !parts->version->is_nil();
  });
}

// Whether reads say that values are [key value]: they are invoked as [key nil]. nullopt: there are none.
std::optional<bool> ReadsNameKeys(const std::vector<Event>& events) {
  std::optional<bool> named;
  for (const Event& event : events) {
    if (event.type != Type::kInvoke || !IsRead(event.f)) continue;
    named = named.value_or(false) || event.value->items[1].is_nil();
  }
  return named;
}

bool KeysAreAtoms(const std::vector<Event>& events) {
  return std::none_of(events.begin(), events.end(), [](const Event& event) {
    return event.type == Type::kInvoke && !event.value->items[0].items.empty();
  });
}

// `by_field`: keys have a field of their own.
absl::StatusOr<Shape> ShapeOf(const std::vector<Event>& events, bool by_field) {
  constexpr Shape kBoth{true, true};
  constexpr Shape kVersioned{false, true};
  constexpr Shape kKeyed{true, false};
  constexpr Shape kPlain{false, false};
  const Misfit plain = FirstMisfit(events, kPlain);
  Misfit furthest = plain;
  for (const Shape shape : {kBoth, kVersioned, kKeyed}) {
    if (by_field && shape.keyed) continue;
    Misfit misfit = FirstMisfit(events, shape);
    if (misfit.at > furthest.at) furthest = misfit;
    if (!misfit.why.empty()) continue;
    if (shape.versioned && IsBacked(events, shape)) return shape;
    if (shape.versioned) continue;
    const std::optional<bool> named = ReadsNameKeys(events);
    if (!plain.why.empty() || named.value_or(KeysAreAtoms(events))) return shape;
    // Writes of pairs alone say the same either way; a read that says what it expects does not.
    if (named) {
      return WrongLine(events.front().line,
                       "reads are invoked with values of two: [key value], or a value?");
    }
  }
  if (plain.why.empty()) return kPlain;
  return WrongLine(events[furthest.at].line, furthest.why);
}

class RegisterReader {
 public:
  RegisterReader(Shape shape, bool by_field)
      : shape_(shape), by_field_(by_field), foreign_({std::nullopt, shape.versioned}) {}

  absl::Status Take(const Event& event) {
    if (!IsOfRegister(event.f)) {
      return WrongLine(event.line, absl::StrCat(event.f, " is not an operation on a register"));
    }
    return event.type == Type::kInvoke ? Invoke(event) : Return(event);
  }
  absl::StatusOr<std::vector<Problem>> Finish() && { return std::move(foreign_).Finish(); }

 private:
  // Requires: the invocation fits the shape.
  absl::Status Invoke(const Event& event) {
    if (by_field_ != (event.key != nullptr)) {
      return WrongLine(event.line, by_field_ ? "an operation without :key, unlike those before"
                                             : "an operation with a :key, unlike those before");
    }
    const Parts parts = *PartsOf(event.value, shape_);
    ForeignCall call;
    call.kind = KindOf(event);
    if (IsWrite(event.f)) call.value = ValueOf(*parts.inner);
    if (event.f == ":cas") {
      call.expected = ValueOf(parts.inner->items[0]);
      call.value = ValueOf(parts.inner->items[1]);
    }
    return foreign_.Invoke(event.line, event.process, by_field_ ? Render(*event.key) : parts.key,
                           std::move(call));
  }

  absl::Status Return(const Event& event) {
    ForeignReply reply{EndOf(event.type), std::nullopt, std::nullopt};
    const ForeignCall::Kind kind = KindOf(event);
    const bool open = foreign_.IsOpen(event.process);
    if (!open || foreign_.OpenCall(event.process).kind != kind) {
      return foreign_.Return(event.line, event.process, kind, reply);  // says what is wrong
    }
    const std::optional<Parts> parts = PartsOf(event.value, shape_);
    const std::string& key = foreign_.OpenKey(event.process);
    const bool elsewhere = by_field_ ? event.key != nullptr && Render(*event.key) != key
                                     : parts && shape_.keyed && parts->key != key;
    if (elsewhere) return ReturnsFromElsewhere(event.line);
    if (event.type == Type::kOk) {
      if (absl::Status told = Tell(event, parts, reply); !told.ok()) return told;
    }
    return foreign_.Return(event.line, event.process, kind, reply);
  }

  // What an operation that is done was told.
  absl::Status Tell(const Event& event, const std::optional<Parts>& parts,
                    ForeignReply& reply) const {
    const bool reads = IsRead(event.f);
    if (!parts && (reads || !IsNil(event.value))) {
      return WrongLine(event.line, "a value of another form than was asked for");
    }
    if (reads && event.value == nullptr) return WrongLine(event.line, "a read without a value");
    if (!parts || parts->inner == nullptr) return absl::OkStatus();
    if (parts->version != nullptr && !parts->version->is_nil()) {
      reply.version = static_cast<std::uint64_t>(parts->version->integer);
    }
    if (reads) {
      reply.seen = ValueOf(*parts->inner);
      return absl::OkStatus();
    }
    if (parts->inner->is_nil()) return absl::OkStatus();
    const ForeignCall& asked = foreign_.OpenCall(event.process);
    const bool cas = event.f == ":cas";
    const bool same = cas ? IsPair(parts->inner) &&
                                ValueOf(parts->inner->items[0]) == asked.expected &&
                                ValueOf(parts->inner->items[1]) == asked.value
                          : ValueOf(*parts->inner) == asked.value;
    return same ? absl::OkStatus() : ReturnsFromAnotherValue(event.line);
  }

  static ForeignCall::Kind KindOf(const Event& event) {
    if (IsRead(event.f)) return ForeignCall::Kind::kRead;
    return IsWrite(event.f) ? ForeignCall::Kind::kWrite : ForeignCall::Kind::kCas;
  }

  Shape shape_;
  bool by_field_;
  Foreign foreign_;
};

absl::StatusOr<std::vector<Problem>> ReadRegisters(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (!IsOfRegister(event.f)) {
      return WrongLine(event.line, absl::StrCat(event.f, " is not an operation on a register"));
    }
  }
  const bool by_field = events.front().key != nullptr;
  const absl::StatusOr<Shape> shape = ShapeOf(events, by_field);
  if (!shape.ok()) return shape.status();
  RegisterReader reader(*shape, by_field);
  for (const Event& event : events) {
    if (absl::Status taken = reader.Take(event); !taken.ok()) return taken;
  }
  return std::move(reader).Finish();
}

// ---- keys -----------------------------------------------------------------------------------------------

// Of texts that are appended to each other.
std::string TextOf(const Edn& value) {
  return value.kind == Edn::Kind::kString && value.tag.empty() ? value.text : Render(value);
}

absl::Status TakeKvEvent(const Event& event, Foreign& foreign) {
  if (!IsOfKeys(event.f)) {
    return WrongLine(event.line, absl::StrCat(event.f, " is not one of :get, :put, :append"));
  }
  if (event.key == nullptr) return WrongLine(event.line, "an operation without :key");
  const bool gets = event.f == ":get";
  ForeignCall::Kind kind = ForeignCall::Kind::kAppend;
  if (gets) kind = ForeignCall::Kind::kRead;
  if (event.f == ":put") kind = ForeignCall::Kind::kWrite;
  if (event.type == Type::kInvoke) {
    ForeignCall call;
    call.kind = kind;
    if (!gets && IsNil(event.value)) return WrongLine(event.line, "a write without a value");
    if (!gets) call.value = TextOf(*event.value);
    return foreign.Invoke(event.line, event.process, Render(*event.key), std::move(call));
  }
  ForeignReply reply{EndOf(event.type), std::nullopt, std::nullopt};
  const bool done = event.type == Type::kOk;
  if (done && gets) {
    if (event.value == nullptr) return WrongLine(event.line, "a get without a value");
    reply.seen = event.value->is_nil() ? std::string() : TextOf(*event.value);
  }
  if (foreign.IsOpen(event.process)) {
    if (foreign.OpenKey(event.process) != Render(*event.key))
      return ReturnsFromElsewhere(event.line);
    const ForeignCall& asked = foreign.OpenCall(event.process);
    const bool repeats = done && !gets && asked.kind == kind && !IsNil(event.value);
    if (repeats && TextOf(*event.value) != asked.value) return ReturnsFromAnotherValue(event.line);
  }
  return foreign.Return(event.line, event.process, kind, reply);
}

absl::StatusOr<std::vector<Problem>> ReadKeys(const std::vector<Event>& events) {
  Foreign foreign({std::string(), false});
  for (const Event& event : events) {
    if (absl::Status taken = TakeKvEvent(event, foreign); !taken.ok()) return taken;
  }
  return std::move(foreign).Finish();
}

// Operations stand one behind the other, or in one list around them all.
absl::StatusOr<std::vector<Edn>> ReadForms(std::string_view text) {
  absl::StatusOr<std::vector<Edn>> forms = ReadEdn(text);
  if (!forms.ok()) return forms;
  if (forms->size() == 1 && forms->front().kind == Edn::Kind::kSequence) {
    std::vector<Edn> items = std::move(forms->front().items);
    return items;
  }
  return forms;
}

}  // namespace

absl::StatusOr<ForeignHistory> ReadEdnHistory(std::string_view text) {
  const absl::StatusOr<std::vector<Edn>> forms = ReadForms(text);
  if (!forms.ok()) return forms.status();
  std::vector<Event> events;
  for (const Edn& form : *forms) {
    absl::StatusOr<std::optional<Event>> event = EventOf(form);
    if (!event.ok()) return event.status();
    if (event->has_value()) events.push_back(**std::move(event));
  }
  if (events.empty()) return WrongLine(1, "no operations");
  const bool keys = IsOfKeys(events.front().f);
  absl::StatusOr<std::vector<Problem>> problems = keys ? ReadKeys(events) : ReadRegisters(events);
  if (!problems.ok()) return problems.status();
  return ForeignHistory{keys ? HistoryFormat::kPorcupineKv : HistoryFormat::kJepsenEdn,
                        *std::move(problems)};
}

}  // namespace quorate::sim
