// Reads the script of a resolved scenario.
#include <algorithm>
#include <map>
#include <set>

#include "absl/functional/function_ref.h"
#include "sim/scenario/script_text.h"
#include "sim/scenario/text.h"
#include "sim/scenario/units.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kLongest = 24 * 3'600'000'000'000;
constexpr std::int64_t kLeastWait = 1'000'000;
constexpr std::uint32_t kMostClients = 2'000;

using OnKey = absl::FunctionRef<absl::Status(const std::string& key, const std::string& path,
                                             const Json& value)>;

// Hands every member to `on_key`.
absl::Status EachKey(const std::string& path, const Json& json, OnKey on_key) {
  if (json.kind != JsonKind::kObject) return Complaint(path, "must be an object");
  for (const auto& [key, value] : json.members) {
    const absl::Status status = on_key(key, Under(path, key), value);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}
absl::Status EachItem(const std::string& path, const Json& json,
                      absl::FunctionRef<absl::Status(const std::string&, const Json&)> on_item) {
  if (json.kind != JsonKind::kArray) return Complaint(path, "must be a list");
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    const absl::Status status = on_item(Under(path, i), json.items[i]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}
absl::Status UnknownKey(const std::string& path) { return Complaint(path, "unknown key"); }

absl::Status ReadUnit(Unit unit, const std::string& path, const Json& json, std::int64_t low,
                      std::int64_t high, std::int64_t& out) {
  const absl::StatusOr<std::int64_t> value = ParseScalar(unit, json);
  if (!value.ok()) return Complaint(path, std::string(value.status().message()));
  if (*value < low || *value > high) return Complaint(path, "out of range");
  out = *value;
  return absl::OkStatus();
}
absl::Status ReadSpan(const std::string& path, const Json& json, std::int64_t& out) {
  return ReadUnit(Unit::kDuration, path, json, 0, kLongest, out);
}
template <class Int>
absl::Status ReadCount(const std::string& path, const Json& json, std::int64_t low,
                       std::int64_t high, Int& out) {
  std::int64_t value = 0;
  const absl::Status status = ReadUnit(Unit::kCount, path, json, low, high, value);
  out = static_cast<Int>(value);
  return status;
}
absl::Status ReadFlag(const std::string& path, const Json& json, bool& out) {
  if (json.kind != JsonKind::kBool) return Complaint(path, "must be true or false");
  out = json.flag;
  return absl::OkStatus();
}
absl::Status ReadText(const std::string& path, const Json& json, std::string& out) {
  if (json.kind != JsonKind::kText) return Complaint(path, "must be a text");
  out = json.text;
  return absl::OkStatus();
}
absl::Status ReadHex(const std::string& path, const Json& json, std::uint64_t& out) {
  out = 0;
  const bool right = json.kind == JsonKind::kText && json.text.size() == 16;
  if (!right) return Complaint(path, "must be sixteen hexadecimal digits");
  for (const char c : json.text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f'))
      return Complaint(path, "must be sixteen hexadecimal digits");
    out = out << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return absl::OkStatus();
}
constexpr std::int64_t kAnyNumber = 1'000'000'000'000;

class ScriptReader {
 public:
  explicit ScriptReader(const ScheduleScope& scope) : scope_(scope) {
    scope_.most_clients = kMostClients;
  }

  absl::StatusOr<ReadScriptResult> Read(const std::string& path, const Json& json) {
    const auto nodes = static_cast<std::size_t>(scope_.fewest_nodes);
    result_.script.nodes.resize(nodes);
    // Links first: what has no time of its own takes the link's.
    absl::Status status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          return ReadKey(key, at, value);
        });
    if (status.ok() && json.Find("deviations") != nullptr) {
      status = EachItem(
          Under(path, "deviations"), *json.Find("deviations"),
          [&](const std::string& at, const Json& item) { return ReadDeviation(at, item); });
    }
    if (!status.ok()) return status;
    if (json.Find("bounds") == nullptr)
      return Complaint(Under(path, "bounds"), "is missing: what is due, and when");
    SortDeviations();
    return std::move(result_);
  }

 private:
  Script& script() { return result_.script; }

  absl::Status ReadKey(const std::string& key, const std::string& at, const Json& value) {
    if (key == "seed") return ReadHex(at, value, result_.engine_seed);
    if (key == "latency") return ReadSpan(at, value, script().latency_ns);
    if (key == "bounds") return ReadBounds(at, value);
    if (key == "deviations") return absl::OkStatus();  // behind the links
    if (key == "heal") return ReadHeal(at, value);
    if (key == "nodes") {
      return EachItem(at, value, [&](const std::string& place, const Json& item) {
        return ReadNodeLine(place, item);
      });
    }
    if (key == "links") {
      return EachItem(at, value, [&](const std::string& place, const Json& item) {
        return ReadLinkLine(place, item);
      });
    }
    if (key == "operations") {
      return EachItem(at, value, [&](const std::string& place, const Json& item) {
        return ReadOperation(place, item);
      });
    }
    return UnknownKey(at);
  }

  absl::Status ReadNode(const std::string& path, const Json& json, NodeId& out) const {
    std::int64_t number = 0;
    const absl::Status status = ReadCount(path, json, 0, kAnyNumber, number);
    if (!status.ok()) return status;
    if (number < 1 || number > scope_.fewest_nodes)
      return Complaint(path, Cat("node ", number, " of ", scope_.fewest_nodes));
    out = NodeId(static_cast<std::uint32_t>(number));
    return absl::OkStatus();
  }

  absl::Status ReadBounds(const std::string& path, const Json& json) {
    ScriptedBounds& bounds = script().bounds;
    const std::map<std::string_view, std::int64_t*> places = {
        {"latency", &bounds.latency_ns}, {"disk", &bounds.disk_ns},
        {"leader", &bounds.leader_ns},   {"operation", &bounds.operation_ns},
        {"round", &bounds.round_ns},     {"calm", &bounds.calm_ns}};
    return EachKey(
        path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          const auto place = places.find(key);
          return place == places.end() ? UnknownKey(at) : ReadSpan(at, value, *place->second);
        });
  }

  absl::Status ReadNodeLine(const std::string& path, const Json& json) {
    NodeId id;
    const Json* const number = json.Find("node");
    if (number == nullptr) return Complaint(Under(path, "node"), "is missing");
    const absl::Status status = ReadNode(Under(path, "node"), *number, id);
    if (!status.ok()) return status;
    ScriptedNode& node = script().nodes[id.value() - 1];
    const std::map<std::string_view, std::int64_t*> spans = {
        {"gather", &node.gather_ns}, {"sync", &node.sync_ns},   {"read", &node.read_ns},
        {"work", &node.work_ns},     {"flush", &node.flush_ns}, {"restart", &node.restart_ns}};
    return EachKey(
        path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "node") return absl::OkStatus();
          if (key == "wall_offset")
            return ReadUnit(Unit::kDuration, at, value, -kLongest, kLongest, node.wall_offset_ns);
          if (key == "drift")
            return ReadUnit(Unit::kDrift, at, value, -100'000, 100'000, node.drift_ppm);
          if (key == "mono_drift")
            return ReadUnit(Unit::kDrift, at, value, -100'000, 100'000, node.mono_drift_ppm);
          const auto span = spans.find(key);
          return span == spans.end() ? UnknownKey(at) : ReadSpan(at, value, *span->second);
        });
  }

  absl::Status ReadLinkLine(const std::string& path, const Json& json) {
    ScriptedLink link;
    link.latency_ns = -1;
    absl::Status status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "latency") return ReadSpan(at, value, link.latency_ns);
          return key == "link" ? ReadLink(at, value, link.link) : UnknownKey(at);
        });
    if (!status.ok()) return status;
    if (link.link == LinkName{}) return Complaint(Under(path, "link"), "is missing");
    if (link.latency_ns < 0) return Complaint(Under(path, "latency"), "is missing");
    if (!latency_.emplace(link.link, link.latency_ns).second)
      return Complaint(Under(path, "link"), "stands twice");
    script().links.push_back(link);
    return absl::OkStatus();
  }

  absl::Status ReadLink(const std::string& path, const Json& json, LinkName& out) const {
    const absl::StatusOr<LinkName> link = ReadLinkName(path, json, scope_);
    if (link.ok()) out = *link;
    return link.status();
  }

  // ---- deviations --------------------------------------------------------------------------------------

  absl::Status ReadDeviation(const std::string& path, const Json& json) {
    if (json.Find("nth") == nullptr) return Complaint(Under(path, "nth"), "is missing");
    if (json.Find("link") != nullptr) return ReadFrame(path, json);
    if (json.Find("node") != nullptr) return ReadNodeDeviation(path, json);
    return Complaint(path, "needs either \"link\" or \"node\"");
  }

  absl::Status ReadFrame(const std::string& path, const Json& json) {
    FrameDeviation frame;
    absl::Status status = ReadLink(Under(path, "link"), *json.Find("link"), frame.link);
    if (!status.ok()) return status;
    const auto known = latency_.find(frame.link);
    const std::int64_t usual = known == latency_.end() ? script().latency_ns : known->second;
    frame.fate.first.travel_ns = usual;
    status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "link") return absl::OkStatus();
          if (key == "nth") return ReadCount(at, value, 0, kAnyNumber, frame.nth);
          if (key == "drop") return ReadFlag(at, value, frame.fate.dropped);
          if (key != "dup") return ReadArrival(key, at, value, frame.fate.first);
          FrameArrival& second = frame.fate.second.emplace();
          second.travel_ns = usual;
          return EachKey(at, value,
                         [&](const std::string& inner, const std::string& place, const Json& what) {
                           return ReadArrival(inner, place, what, second);
                         });
        });
    if (frame.fate.dropped) frame.fate.first = {};
    script().frames.push_back(frame);
    return status;
  }

  static absl::Status ReadArrival(const std::string& key, const std::string& at, const Json& value,
                                  FrameArrival& out) {
    if (key == "delay") return ReadSpan(at, value, out.travel_ns);
    if (key == "overtaken") return ReadSpan(at, value, out.overtaken_ns.emplace());
    if (key == "spoil") return ReadHex(at, value, out.spoil.emplace());
    return UnknownKey(at);
  }

  absl::Status ReadKept(const std::string& path, const Json& json, Kept& out) {
    out = {kKeepAll, kKeepAll};
    return EachKey(path, json,
                   [&](const std::string& key, const std::string& at, const Json& value) {
                     const auto most = static_cast<std::int64_t>(kKeepAll);
                     if (key == "log") return ReadCount(at, value, 0, most, out.log);
                     return key == "map" ? ReadCount(at, value, 0, most, out.map) : UnknownKey(at);
                   });
  }

  absl::Status ReadNodeDeviation(const std::string& path, const Json& json) {
    NodeDeviation line;
    bool named = false;
    absl::Status status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "node") return ReadNode(at, value, line.node);
          if (key == "nth") return ReadCount(at, value, 0, kAnyNumber, line.nth);
          if (named) return Complaint(at, "is a second deviation in one entry");
          named = true;
          return ReadSite(key, at, value, line);
        });
    if (!status.ok()) return status;
    if (!named) return Complaint(path, "says nothing of what is different");
    script().node_deviations.push_back(line);
    return absl::OkStatus();
  }

  absl::Status ReadSite(const std::string& key, const std::string& at, const Json& value,
                        NodeDeviation& line) {
    for (std::size_t i = 0; i < kNodeSites; ++i) {
      line.site = static_cast<NodeSite>(i);
      if (key == NameOf(line.site)) break;
      if (i + 1 == kNodeSites) return UnknownKey(at);
    }
    switch (line.site) {
      case NodeSite::kSync:
      case NodeSite::kRead:
      case NodeSite::kWork:
      case NodeSite::kFlush:
      case NodeSite::kRestart:
        return ReadSpan(at, value, line.value);
      case NodeSite::kCorrupt: {
        std::uint64_t bits = 0;
        const absl::Status status = ReadHex(at, value, bits);
        line.value = static_cast<std::int64_t>(bits);
        return status;
      }
      case NodeSite::kRecoveryCrash:
      case NodeSite::kCrash:
        return ReadKept(at, value, line.kept);
      case NodeSite::kSyncError:
      case NodeSite::kWriteError:
      case NodeSite::kMapError:
      case NodeSite::kLyingSync:
      case NodeSite::kSelfFlush: {
        bool yes = false;
        const absl::Status status = ReadFlag(at, value, yes);
        if (status.ok() && !yes) return Complaint(at, "must be true");
        return status;
      }
    }
    UNREACHABLE("no such site");
  }

  void SortDeviations() {
    std::stable_sort(script().frames.begin(), script().frames.end(),
                     [](const FrameDeviation& a, const FrameDeviation& b) {
                       return std::pair(a.link, a.nth) < std::pair(b.link, b.nth);
                     });
    std::stable_sort(script().node_deviations.begin(), script().node_deviations.end(),
                     [](const NodeDeviation& a, const NodeDeviation& b) {
                       return std::tuple(a.node, a.site, a.nth) < std::tuple(b.node, b.site, b.nth);
                     });
  }

  // ---- operations --------------------------------------------------------------------------------------

  absl::Status ReadOperation(const std::string& path, const Json& json) {
    ScriptedOperation operation;
    const Json* const word = json.Find("do");
    if (word == nullptr || word->kind != JsonKind::kText)
      return Complaint(Under(path, "do"), "must say what is asked");
    absl::Status status = ReadWhat(path, word->text, json, operation);
    if (!status.ok()) return status;
    status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "at") return ReadSpan(at, value, operation.at_ns);
          if (key == "serving") return ReadFlag(at, value, operation.serving);
          if (key == "client") return ReadCount(at, value, 0, kMostClients - 1, operation.client);
          if (key == "node") return ReadNode(at, value, operation.node);
          if (key == "namespace") return ReadNamespace(at, value, operation.name_space);
          if (key == "session") return ReadFlag(at, value, operation.in_session);
          if (key == "retry") return ReadFlag(at, value, operation.may_retry);
          if (key == "retries") return ReadRetries(at, value, operation.retries);
          if (key == "gives_up_at") {
            return EachItem(at, value, [&](const std::string& place, const Json& item) {
              return ReadCount(place, item, 1, 1'000'000, operation.gives_up_at.emplace_back());
            });
          }
          return allowed_.contains(key) ? absl::OkStatus() : UnknownKey(at);
        });
    if (!status.ok()) return status;
    if (operation.node == NodeId()) return Complaint(Under(path, "node"), "is missing");
    script().operations.push_back(std::move(operation));
    return absl::OkStatus();
  }

  absl::Status ReadNamespace(const std::string& path, const Json& json, std::size_t& out) const {
    const auto& known = scope_.namespaces;
    const auto at = std::find(known.begin(), known.end(), json.text);
    if (json.kind != JsonKind::kText || at == known.end())
      return Complaint(path, Cat("no namespace \"", json.text, "\" in this scenario"));
    out = static_cast<std::size_t>(at - known.begin());
    return absl::OkStatus();
  }

  absl::Status ReadRetries(const std::string& path, const Json& json,
                           std::vector<ScriptedRetry>& out) {
    return EachItem(path, json, [&](const std::string& at, const Json& item) {
      ScriptedRetry& retry = out.emplace_back();
      const absl::Status status = EachKey(
          at, item, [&](const std::string& key, const std::string& place, const Json& value) {
            if (key == "after") return ReadSpan(place, value, retry.after_ns);
            return key == "node" ? ReadNode(place, value, retry.node) : UnknownKey(place);
          });
      if (!status.ok()) return status;
      if (retry.node == NodeId()) return Complaint(Under(at, "node"), "is missing");
      if (retry.after_ns < kLeastWait) return Complaint(Under(at, "after"), "must be at least 1ms");
      return absl::OkStatus();
    });
  }

  // A required text, and its key is one that may stand there.
  absl::Status Take(const std::string& path, const Json& json, const char* key, std::string& out) {
    allowed_.insert(key);
    const Json* const found = json.Find(key);
    if (found == nullptr) return Complaint(Under(path, key), "is missing");
    return ReadText(Under(path, key), *found, out);
  }
  // A text or null, which stands for "absent".
  absl::Status TakeOptional(const std::string& path, const Json& json, const char* key,
                            std::optional<std::string>& out) {
    allowed_.insert(key);
    const Json* const found = json.Find(key);
    if (found == nullptr) return Complaint(Under(path, key), "is missing; null stands for absent");
    if (found->kind == JsonKind::kNull) return absl::OkStatus();
    return ReadText(Under(path, key), *found, out.emplace());
  }
  // [era, ord, origin].
  absl::Status TakeVersion(const std::string& path, const Json& json, Version& out) {
    if (json.kind != JsonKind::kArray || json.items.size() != 3)
      return Complaint(path, "must be [era, ord, origin]");
    absl::Status status = ReadCount(Under(path, 0), json.items[0], 0, kAnyNumber, out.era);
    if (status.ok()) status = ReadCount(Under(path, 1), json.items[1], 0, kAnyNumber, out.ord);
    if (status.ok()) status = ReadCount(Under(path, 2), json.items[2], 0, 65'535, out.origin);
    return status;
  }

  absl::Status ReadWhat(const std::string& path, const std::string& word, const Json& json,
                        ScriptedOperation& out) {
    allowed_ = {"do"};
    if (word == "put" || word == "put_if_absent") {
      Put put;
      absl::Status status = Take(path, json, "key", put.key);
      if (status.ok()) status = Take(path, json, "value", put.value);
      if (word == "put") {
        out.what = Command(put);
      } else {
        out.what = Command(PutIfAbsent{put.key, put.value});
      }
      return status;
    }
    if (word == "delete") {
      Delete erase;
      const absl::Status status = Take(path, json, "key", erase.key);
      out.what = Command(erase);
      return status;
    }
    if (word == "cas") {
      CasValue cas;
      absl::Status status = Take(path, json, "key", cas.key);
      if (status.ok()) status = TakeOptional(path, json, "expected", cas.expected);
      if (status.ok()) status = Take(path, json, "value", cas.value);
      out.what = Command(cas);
      return status;
    }
    if (word == "cas_version") return ReadCasVersion(path, json, out);
    if (word == "increment") {
      Increment increment;
      absl::Status status = Take(path, json, "key", increment.key);
      allowed_.insert("by");
      if (status.ok() && json.Find("by") != nullptr) {
        status = ReadUnit(Unit::kCount, Under(path, "by"), *json.Find("by"), -kAnyNumber,
                          kAnyNumber, increment.by);
      }
      out.what = Command(increment);
      return status;
    }
    if (word == "batch") return ReadBatch(path, json, out);
    if (word == "get") {
      ScriptedRead read{Get{}, false};
      absl::Status status = Take(path, json, "key", std::get<Get>(read.query).key);
      if (status.ok()) status = ReadStale(path, json, read.stale);
      out.what = read;
      return status;
    }
    if (word == "range") return ReadRange(path, json, out);
    if (word == "open_session") {
      out.what = ScriptedOpening{};
      return absl::OkStatus();
    }
    if (word == "create_namespace") {
      out.what = ScriptedCreation{};
      return absl::OkStatus();
    }
    if (word == "drop_namespace") {
      out.what = ScriptedDrop{};
      return absl::OkStatus();
    }
    if (word == "transfer") {
      ScriptedTransfer transfer;
      allowed_.insert("to");
      absl::Status status;
      if (json.Find("to") != nullptr)
        status = ReadNode(Under(path, "to"), *json.Find("to"), transfer.target);
      out.what = transfer;
      return status;
    }
    return Complaint(Under(path, "do"),
                     "must be one of put, put_if_absent, delete, cas, cas_version, increment, "
                     "batch, get, range, open_session, create_namespace, drop_namespace, transfer");
  }

  absl::Status ReadStale(const std::string& path, const Json& json, bool& out) {
    allowed_.insert("stale");
    const Json* const stale = json.Find("stale");
    return stale == nullptr ? absl::OkStatus() : ReadFlag(Under(path, "stale"), *stale, out);
  }

  absl::Status ReadRange(const std::string& path, const Json& json, ScriptedOperation& out) {
    Range range;
    absl::Status status = Take(path, json, "from", range.from);
    if (status.ok()) status = Take(path, json, "to", range.to);
    allowed_.insert("limit");
    if (const Json* const limit = json.Find("limit"); status.ok() && limit != nullptr)
      status = ReadCount(Under(path, "limit"), *limit, 0, kAnyNumber, range.limit);
    bool stale = false;
    if (status.ok()) status = ReadStale(path, json, stale);
    out.what = ScriptedRead{range, stale};
    return status;
  }

  absl::Status ReadCasVersion(const std::string& path, const Json& json, ScriptedOperation& out) {
    CasVersion cas;
    absl::Status status = Take(path, json, "key", cas.key);
    if (status.ok()) status = Take(path, json, "value", cas.value);
    allowed_.insert("expected");
    const Json* const expected = json.Find("expected");
    if (status.ok() && expected == nullptr)
      return Complaint(Under(path, "expected"), "is missing: [era, ord, origin]");
    if (status.ok()) status = TakeVersion(Under(path, "expected"), *expected, cas.expected);
    out.what = Command(cas);
    return status;
  }

  absl::Status ReadBatch(const std::string& path, const Json& json, ScriptedOperation& out) {
    Batch batch;
    absl::Status status;
    if (const Json* const conditions = json.Find("if")) {
      status =
          EachItem(Under(path, "if"), *conditions, [&](const std::string& at, const Json& item) {
            Condition& condition = batch.conditions.emplace_back();
            return EachKey(
                at, item, [&](const std::string& key, const std::string& place, const Json& value) {
                  if (key == "key") return ReadText(place, value, condition.key);
                  if (key == "value")
                    return ReadText(place, value, condition.must_be.emplace<std::string>());
                  if (key == "version")
                    return TakeVersion(place, value, condition.must_be.emplace<Version>());
                  return UnknownKey(place);
                });
          });
    }
    const Json* const writes = json.Find("writes");
    if (status.ok() && writes == nullptr) return Complaint(Under(path, "writes"), "is missing");
    if (status.ok()) {
      status =
          EachItem(Under(path, "writes"), *writes, [&](const std::string& at, const Json& item) {
            BatchWrite& write = batch.writes.emplace_back();
            absl::Status read = Take(at, item, "key", write.key);
            if (read.ok()) read = TakeOptional(at, item, "value", write.value);
            return read;
          });
    }
    allowed_ = {"do", "if", "writes"};
    out.what = Command(batch);
    return status;
  }

  // ---- the end -----------------------------------------------------------------------------------------

  absl::Status ReadHeal(const std::string& path, const Json& json) {
    return EachKey(
        path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "cores") {
            return EachItem(at, value, [&](const std::string& place, const Json& item) {
              std::vector<NodeId>& core = script().cores.emplace_back();
              return EachItem(place, item, [&](const std::string& inner, const Json& node) {
                NodeId id;
                const absl::Status status = ReadNode(inner, node, id);
                if (!status.ok()) return status;
                if (std::find(core.begin(), core.end(), id) != core.end())
                  return Complaint(inner, "stands twice");
                core.push_back(id);
                return absl::OkStatus();
              });
            });
          }
          if (key != "outside") return UnknownKey(at);
          return EachItem(at, value, [&](const std::string& place, const Json& item) {
            return ReadOutsider(place, item, script().outside.emplace_back());
          });
        });
  }

  absl::Status ReadOutsider(const std::string& path, const Json& json, ScriptedOutsider& out) {
    const absl::Status status =
        EachKey(path, json, [&](const std::string& key, const std::string& at, const Json& value) {
          if (key == "node") return ReadNode(at, value, out.node);
          if (key == "dead") return ReadFlag(at, value, out.dead);
          if (key != "cut") return UnknownKey(at);
          return EachItem(at, value, [&](const std::string& place, const Json& item) {
            return ReadLink(place, item, out.cut.emplace_back());
          });
        });
    if (status.ok() && out.node == NodeId()) return Complaint(Under(path, "node"), "is missing");
    return status;
  }

  ScheduleScope scope_;
  ReadScriptResult result_;
  std::map<LinkName, std::int64_t> latency_;
  std::set<std::string> allowed_;  // keys of the operation that is being read
};

}  // namespace

absl::StatusOr<ReadScriptResult> ReadScript(std::string_view path, const Json& json,
                                            const ScheduleScope& scope) {
  return ScriptReader(scope).Read(std::string(path), json);
}

// The lists' entries stand open: `ReadScript` says what is wrong with one.
std::string ScriptSchema() {
  const std::string list = R"({"type":"array","items":{"type":"object"}})";
  return Cat(R"({"type":"object","additionalProperties":false,"properties":{)",
             R"("seed":{"type":"string","pattern":"^[0-9a-f]{16}$"},"bounds":{"type":"object"},)",
             R"("latency":{"type":"string"},"heal":{"type":"object"},"nodes":)", list,
             R"(,"links":)", list, R"(,"deviations":)", list, R"(,"operations":)", list, "}}");
}

}  // namespace quorate::sim
