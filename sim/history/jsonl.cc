#include "sim/history/jsonl.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

using Json = nlohmann::json;

// ---- writing ------------------------------------------------------------------------------------------

void Quote(std::string_view bytes, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string Quoted(std::string_view bytes) {
  std::string out;
  Quote(bytes, out);
  return out;
}

std::string Written(const Version& version) {
  return absl::StrCat("[", version.era, ",", version.ord, ",", version.origin, "]");
}

std::string Written(const std::optional<std::string>& value) {
  return value ? Quoted(*value) : std::string("null");
}

std::string WrittenCondition(const Condition& condition) {
  const std::string must_be = std::visit(
      Match{
          [](std::monostate) { return std::string("\"absent\":true"); },
          [](const Version& version) { return absl::StrCat("\"ver\":", Written(version)); },
          [](const std::string& value) { return absl::StrCat("\"v\":", Quoted(value)); },
      },
      condition.must_be);
  return absl::StrCat("{\"k\":", Quoted(condition.key), ",", must_be, "}");
}

template <class List, class Writer>
std::string WrittenList(const List& list, Writer writer) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out.push_back(',');
    out.append(writer(item));
  }
  out.push_back(']');
  return out;
}

// "f" and the arguments.
std::string WrittenCommand(const Command& command) {
  return std::visit(
      Match{
          [](const Put& c) {
            return absl::StrCat("\"f\":\"put\",\"k\":", Quoted(c.key), ",\"v\":", Quoted(c.value));
          },
          [](const PutIfAbsent& c) {
            return absl::StrCat("\"f\":\"pia\",\"k\":", Quoted(c.key), ",\"v\":", Quoted(c.value));
          },
          [](const Delete& c) { return absl::StrCat("\"f\":\"del\",\"k\":", Quoted(c.key)); },
          [](const CasValue& c) {
            return absl::StrCat("\"f\":\"cas\",\"k\":", Quoted(c.key),
                                ",\"exp\":", Written(c.expected), ",\"v\":", Quoted(c.value));
          },
          [](const CasVersion& c) {
            return absl::StrCat("\"f\":\"casv\",\"k\":", Quoted(c.key),
                                ",\"exp\":", Written(c.expected), ",\"v\":", Quoted(c.value));
          },
          [](const Increment& c) {
            return absl::StrCat("\"f\":\"incr\",\"k\":", Quoted(c.key), ",\"by\":", c.by);
          },
          [](const Batch& c) {
            return absl::StrCat(
                "\"f\":\"batch\",\"if\":", WrittenList(c.conditions, WrittenCondition),
                ",\"do\":", WrittenList(c.writes, [](const BatchWrite& write) {
                  return absl::StrCat("{\"k\":", Quoted(write.key), ",\"v\":", Written(write.value),
                                      "}");
                }));
          },
      },
      command);
}

std::string WrittenRead(const Read& read) {
  std::string out = std::visit(
      Match{
          [](const Get& q) { return absl::StrCat("\"f\":\"get\",\"k\":", Quoted(q.key)); },
          [](const Range& q) {
            return absl::StrCat("\"f\":\"scan\",\"from\":", Quoted(q.from),
                                ",\"to\":", Quoted(q.to), ",\"limit\":", q.limit);
          },
      },
      read.query);
  if (read.stale) out.append(",\"stale\":true");
  return out;
}

std::string WrittenCall(const Call& call) {
  return std::visit(Match{
                        [](const Command& command) { return WrittenCommand(command); },
                        [](const Read& read) { return WrittenRead(read); },
                        [](const SessionOpening&) { return std::string("\"f\":\"open\""); },
                    },
                    call);
}

void WriteInvocation(const Operation& op, std::string& out) {
  absl::StrAppend(&out, "{\"i\":", op.event, ",\"t\":", op.ns, ",\"p\":", op.process.value(),
                  ",\"ty\":\"invoke\",", WrittenCall(op.call), ",\"ns\":", op.group.value());
  if (op.session != SessionId(0) || op.seq != SessionSeq(0)) {
    absl::StrAppend(&out, ",\"s\":", op.session.value(), ",\"q\":", op.seq.value());
  }
  out.append("}\n");
}

void WriteCompletion(const Operation& op, std::string& out) {
  const Completion& done = *op.completion;
  absl::StrAppend(&out, "{\"i\":", done.event, ",\"t\":", done.ns, ",\"p\":", op.process.value(),
                  ",\"ty\":\"", NameOf(done.outcome), "\"");
  if (done.outcome == OutcomeClass::kOk) {
    absl::StrAppend(&out, ",\"st\":", static_cast<int>(done.reply.status),
                    ",\"rev\":", done.reply.revision.value(),
                    ",\"rows\":", WrittenList(done.reply.rows, [](const ReplyRow& row) {
                      return absl::StrCat("{\"k\":", Quoted(row.key),
                                          ",\"ver\":", Written(row.version),
                                          ",\"v\":", Written(row.value), "}");
                    }));
    if (done.reply.continuation) {
      absl::StrAppend(&out, ",\"next\":", Quoted(*done.reply.continuation));
    }
    absl::StrAppend(&out, ",\"w\":{\"era\":0,\"index\":", done.serial.value(), "}");
  }
  absl::StrAppend(&out, ",\"node\":", done.node.value(), "}\n");
}

// ---- reading ------------------------------------------------------------------------------------------

// Whether any operation of this kind is ever answered so.
bool CanBe(const Call& call, ReplyStatus status) {
  const auto one_of = [status](std::initializer_list<ReplyStatus> own) {
    switch (status) {
      case ReplyStatus::kTooBig:
      case ReplyStatus::kMalformed:
      case ReplyStatus::kSessionUnknown:
        return true;
      case ReplyStatus::kOk:
      case ReplyStatus::kNotFound:
      case ReplyStatus::kConditionFailed:
      case ReplyStatus::kNotANumber:
        return std::find(own.begin(), own.end(), status) != own.end();
    }
    return false;
  };
  using enum ReplyStatus;
  return std::visit(Match{[&](const Command& command) {
                            return std::visit(Match{[&](const Put&) { return one_of({kOk}); },
                                                    [&](const PutIfAbsent&) {
                                                      return one_of({kOk, kConditionFailed});
                                                    },
                                                    [&](const Delete&) {
                                                      return one_of({kOk, kNotFound});
                                                    },
                                                    [&](const CasValue&) {
                                                      return one_of({kOk, kConditionFailed});
                                                    },
                                                    [&](const CasVersion&) {
                                                      return one_of({kOk, kConditionFailed});
                                                    },
                                                    [&](const Increment&) {
                                                      return one_of({kOk, kNotANumber});
                                                    },
                                                    [&](const Batch&) {
                                                      return one_of({kOk, kConditionFailed});
                                                    }},
                                              command);
                          },
                          [&](const Read& read) {
                            return std::holds_alternative<Get>(read.query)
                                       ? one_of({kOk, kNotFound})
                                       : one_of({kOk});
                          },
                          [&](const SessionOpening&) { return one_of({kOk}); }},
                    call);
}

// Fields of one object. The first one that is not what it should be is remembered; later ones are zero.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {
    if (!object.is_object()) Fail("not an object");
  }

  bool Has(const char* name) {
    known_.insert(name);
    return object_.is_object() && object_.contains(name);
  }
  // What nobody asked for is not understood.
  void NothingElse() {
    if (failed()) return;
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) return Fail(absl::StrCat("unknown field ", Quoted(name)));
    }
  }
  std::uint64_t Number(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr) return 0;
    if (!field->is_number_unsigned()) return Fail(absl::StrCat(name, ": not a whole number")), 0;
    return field->get<std::uint64_t>();
  }
  std::int64_t Signed(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr) return 0;
    if (!field->is_number_integer()) return Fail(absl::StrCat(name, ": not a whole number")), 0;
    return field->get<std::int64_t>();
  }
  // False unless it is there.
  bool Flag(const char* name) {
    if (!Has(name)) return false;
    const Json& field = object_[name];
    if (!field.is_boolean()) return Fail(absl::StrCat(name, ": neither true nor false")), false;
    return field.get<bool>();
  }
  std::string Text(const char* name) {
    const Json* field = Find(name);
    return field == nullptr ? std::string() : TextOf(*field, name);
  }
  std::optional<std::string> TextOrNull(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr || field->is_null()) return std::nullopt;
    return TextOf(*field, name);
  }
  Version VersionAt(const char* name) {
    const Json* field = Find(name);
    if (field == nullptr) return {};
    const bool shaped = field->is_array() && field->size() == 3 &&
                        (*field)[0].is_number_unsigned() && (*field)[1].is_number_unsigned() &&
                        (*field)[2].is_number_unsigned();
    if (!shaped) return Fail(absl::StrCat(name, ": not a version [era, ord, origin]")), Version{};
    const std::uint64_t era = (*field)[0].get<std::uint64_t>();
    const std::uint64_t origin = (*field)[2].get<std::uint64_t>();
    if (era > 0xffff'ffffu || origin > 0xffffu)
      return Fail(absl::StrCat(name, ": too large for a version")), Version{};
    return {.era = static_cast<std::uint32_t>(era),
            .ord = (*field)[1].get<std::uint64_t>(),
            .origin = static_cast<std::uint16_t>(origin)};
  }
  template <class Visit>
  void Each(const char* name, Visit visit) {
    const Json* field = Find(name);
    if (field == nullptr) return;
    if (!field->is_array()) return Fail(absl::StrCat(name, ": not a list"));
    for (const Json& item : *field) {
      Fields fields(item);
      visit(fields);
      fields.NothingElse();
      if (fields.failed()) return Fail(absl::StrCat(name, ": ", fields.why()));
    }
  }

  void Fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
  }
  bool failed() const { return !why_.empty(); }
  const std::string& why() const { return why_; }

 private:
  const Json* Find(const char* name) {
    if (!Has(name)) return Fail(absl::StrCat("field \"", name, "\" is missing")), nullptr;
    return &object_[name];
  }
  // Back from code points below 256 to bytes.
  std::string TextOf(const Json& field, const char* name) {
    if (!field.is_string()) return Fail(absl::StrCat(name, ": not a string")), std::string();
    const auto& utf8 = field.get_ref<const std::string&>();
    std::string bytes;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
      const auto lead = static_cast<unsigned char>(utf8[i]);
      if (lead < 0x80) {
        bytes.push_back(utf8[i]);
      } else if ((lead == 0xc2 || lead == 0xc3) && i + 1 < utf8.size()) {
        const auto low = static_cast<unsigned char>(utf8[++i]);
        bytes.push_back(static_cast<char>(((lead & 3) << 6) | (low & 0x3f)));
      } else {
        return Fail(absl::StrCat(name, ": a code point above 255")), std::string();
      }
    }
    return bytes;
  }

  const Json& object_;
  std::set<std::string_view> known_;  // names that were asked for
  std::string why_;
};

// `twice`: some object has a field twice, and which of the two counts is anybody's guess.
Json ParseOnce(std::string_view line, bool& twice) {
  std::vector<std::set<std::string>> names;
  const auto see = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      twice = true;
    return true;
  };
  return Json::parse(line.begin(), line.end(), see, false);
}

Batch ReadBatch(Fields& fields) {
  Batch batch;
  fields.Each("if", [&](Fields& item) {
    Condition condition;
    condition.key = item.Text("k");
    if (item.Has("absent") + item.Has("ver") + item.Has("v") != 1) {
      item.Fail("a condition has one of absent, ver and v");
    } else if (item.Has("absent")) {
      condition.must_be = std::monostate{};
      if (!item.Flag("absent")) item.Fail("absent: is true or not there");
    } else if (item.Has("ver")) {
      condition.must_be = item.VersionAt("ver");
    } else {
      condition.must_be = item.Text("v");
    }
    batch.conditions.push_back(std::move(condition));
  });
  fields.Each("do", [&](Fields& item) {
    batch.writes.push_back({.key = item.Text("k"), .value = item.TextOrNull("v")});
  });
  return batch;
}

Call ReadCall(Fields& fields) {
  const std::string f = fields.Text("f");
  const bool stale = fields.Flag("stale");
  if (f == "get") return Read{Get{fields.Text("k")}, stale};
  if (f == "scan") {
    return Read{Range{fields.Text("from"), fields.Text("to"), fields.Number("limit")}, stale};
  }
  if (f == "put") return Command(Put{fields.Text("k"), fields.Text("v")});
  if (f == "pia") return Command(PutIfAbsent{fields.Text("k"), fields.Text("v")});
  if (f == "del") return Command(Delete{fields.Text("k")});
  if (f == "cas") {
    return Command(CasValue{fields.Text("k"), fields.TextOrNull("exp"), fields.Text("v")});
  }
  if (f == "casv") {
    return Command(CasVersion{fields.Text("k"), fields.VersionAt("exp"), fields.Text("v")});
  }
  if (f == "incr") return Command(Increment{fields.Text("k"), fields.Signed("by")});
  if (f == "batch") return Command(ReadBatch(fields));
  if (f == "open") return SessionOpening{};
  fields.Fail(absl::StrCat("unknown operation ", Quoted(f)));
  return SessionOpening{};
}

void ReadReply(Fields& fields, Completion& completion) {
  const std::uint64_t status = fields.Number("st");
  if (status < 1 || status > 7) fields.Fail("st: no such status");
  completion.reply.status = static_cast<ReplyStatus>(status);
  completion.reply.revision = Revision(fields.Number("rev"));
  fields.Each("rows", [&](Fields& row) {
    completion.reply.rows.push_back(
        {.key = row.Text("k"), .version = row.VersionAt("ver"), .value = row.TextOrNull("v")});
  });
  if (fields.Has("next")) completion.reply.continuation = fields.Text("next");
  if (!fields.Has("w")) fields.Fail("field \"w\" is missing");
}

class Reader {
 public:
  absl::Status TakeLine(std::string_view line, std::size_t number) {
    bool twice = false;
    const Json json = ParseOnce(line, twice);
    if (json.is_discarded()) return Wrong(number, "not a JSON object (cut off?)");
    if (twice) return Wrong(number, "the same field twice");
    Fields fields(json);
    if (!fields.failed()) Take(json, fields);
    fields.NothingElse();
    return fields.failed() ? Wrong(number, fields.why()) : absl::OkStatus();
  }

  // After line `number`.
  absl::StatusOr<History> Finish(std::size_t number) && {
    if (!header_seen_) return Wrong(1, "an empty file");
    if (promised_ && seen_ != *promised_) {
      return Wrong(number, absl::StrCat(seen_ < *promised_ ? "cut off after " : "ends after ",
                                        seen_, " events; the header says ", *promised_));
    }
    return std::move(history_);
  }

  static absl::Status Wrong(std::size_t number, const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", why));
  }

 private:
  void Take(const Json& json, Fields& fields) {
    if (!header_seen_) return TakeHeader(fields);
    ++seen_;
    const Process process(fields.Number("p"));
    const std::string type = fields.Text("ty");
    if (type == "invoke") return TakeInvocation(process, fields);
    Completion completion;
    if (type == "ok") {
      completion.outcome = OutcomeClass::kOk;
    } else if (type == "fail") {
      completion.outcome = OutcomeClass::kFail;
    } else if (type == "info") {
      completion.outcome = OutcomeClass::kInfo;
    } else {
      return fields.Fail(absl::StrCat("unknown type ", Quoted(type)));
    }
    TakeCompletion(process, json, fields, std::move(completion));
  }

  void TakeHeader(Fields& fields) {
    if (!fields.Has("quorate_history")) {
      return fields.Fail("not the header of a history of Quorate; JSON of others is not read");
    }
    if (fields.Number("quorate_history") != 1) fields.Fail("not a history of format 1");
    history_.header.seed = fields.Number("seed");
    history_.header.commit = fields.Text("commit");
    history_.header.scenario = fields.Text("scenario");
    if (fields.Has("events")) promised_ = fields.Number("events");
    header_seen_ = true;
  }

  void TakeInvocation(Process process, Fields& fields) {
    Operation op;
    op.process = process;
    op.call = ReadCall(fields);
    const std::uint64_t group = fields.Number("ns");
    if (group > 0xffff'ffffu) fields.Fail("ns: too large");
    op.group = GroupId(static_cast<std::uint32_t>(group));
    if (fields.Has("s")) op.session = SessionId(fields.Number("s"));
    if (fields.Has("q")) op.seq = SessionSeq(fields.Number("q"));
    op.event = fields.Number("i");
    op.ns = fields.Signed("t");
    op.invoked = next_;
    next_ = Next(next_);
    if (!open_.emplace(process, history_.operations.size()).second) {
      fields.Fail(absl::StrCat("process ", process.value(), " has an operation open"));
    }
    history_.operations.push_back(std::move(op));
  }

  void TakeCompletion(Process process, const Json& json, Fields& fields, Completion completion) {
    const auto open = open_.find(process);
    if (open == open_.end()) {
      return fields.Fail(absl::StrCat("process ", process.value(), " has no operation open"));
    }
    completion.event = fields.Number("i");
    completion.ns = fields.Signed("t");
    const std::uint64_t node = fields.Number("node");
    if (node > 0xffff'ffffu) fields.Fail("node: too large");
    completion.node = NodeId(static_cast<std::uint32_t>(node));
    if (completion.outcome == OutcomeClass::kOk) {
      ReadReply(fields, completion);
      if (fields.failed()) return;
      if (!CanBe(history_.operations[open->second].call, completion.reply.status))
        return fields.Fail("st: no status that this operation can have");
      Fields serial(json["w"]);
      serial.Number("era");
      completion.serial = Index(serial.Number("index"));
      serial.NothingElse();
      if (serial.failed()) return fields.Fail(absl::StrCat("w: ", serial.why()));
    }
    Operation& op = history_.operations[open->second];
    op.completed = next_;
    next_ = Next(next_);
    op.completion = std::move(completion);
    open_.erase(open);
  }

  bool header_seen_ = false;
  std::optional<std::uint64_t> promised_;  // events, by the header
  std::uint64_t seen_ = 0;                 // events
  History history_;
  Place next_;
  absl::btree_map<Process, std::size_t> open_;
};

}  // namespace

std::string WriteHistory(const History& history) {
  struct Line {
    Place place;
    const Operation* op;
    bool completes;
  };
  std::vector<Line> lines;
  for (const Operation& op : history.operations) {
    lines.push_back({op.invoked, &op, false});
    if (op.completion && op.completed != kNoPlace) lines.push_back({op.completed, &op, true});
  }
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.place < b.place; });
  std::string out = absl::StrCat("{\"quorate_history\":1,\"seed\":", history.header.seed,
                                 ",\"commit\":", Quoted(history.header.commit),
                                 ",\"scenario\":", Quoted(history.header.scenario),
                                 ",\"events\":", lines.size(), "}\n");
  for (const Line& line : lines) {
    if (line.completes) {
      WriteCompletion(*line.op, out);
    } else {
      WriteInvocation(*line.op, out);
    }
  }
  return out;
}

absl::StatusOr<History> ReadHistory(std::string_view text) {
  Reader reader;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return Reader::Wrong(number, "cut off: no end of line");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const absl::Status status = reader.TakeLine(line, number); !status.ok()) return status;
  }
  return std::move(reader).Finish(number);
}

}  // namespace quorate::sim
