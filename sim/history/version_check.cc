#include "sim/history/version_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "sim/history/evidence.h"

namespace quorate::sim {
namespace {

class GroupCheck {
 public:
  GroupCheck(const History& history, std::vector<std::size_t> members, VersionCheckCounts& counts)
      : members_(std::move(members)), book_(history, counts) {}

  std::optional<VersionFinding> Run() {
    book_.Collect(members_);
    if (!found()) CheckRevisions();
    if (!found()) CheckPairs();
    for (auto& [key, evidence] : book_.evidence()) {
      if (!found()) CheckKey(key, evidence);
    }
    if (!found()) CheckRoom();
    if (!found()) CheckMakers();
    return book_.found();
  }

 private:
  const Operation& op(std::size_t at) const { return book_.op(at); }
  const KvReply& reply(std::size_t at) const { return book_.reply(at); }
  bool found() const { return book_.found().has_value(); }
  void Find(std::string rule, const std::string& why, std::size_t a, std::size_t b) {
    book_.Find(std::move(rule), why, a, b);
  }

  static Version NewVersionOf(const KvReply& told) {
    Version version;
    for (const ReplyRow& row : told.rows) version = std::max(version, row.version);
    return version;
  }

  // One change a revision, and later changes have later versions.
  void CheckRevisions() {
    struct Made {
      Revision revision;
      std::size_t op;
    };
    std::vector<Made> made;
    for (const std::size_t at : members_) {
      if (IsTold(op(at)) && ChangeOf(op(at)) == Change::kSure)
        made.push_back({reply(at).revision, at});
    }
    std::stable_sort(made.begin(), made.end(),
                     [](const Made& a, const Made& b) { return a.revision < b.revision; });
    std::optional<std::size_t> newest;
    for (std::size_t i = 0; i < made.size(); ++i) {
      // What a change without rows wrote, nobody was told: its revision leaves room for it.
      if (!IsWithoutRows(op(made[i].op))) claimed_.push_back(made[i].revision);
      if (i > 0 && made[i].revision == made[i - 1].revision) {
        return Find("revision", "two changes made one revision", made[i - 1].op, made[i].op);
      }
      const Version version = NewVersionOf(reply(made[i].op));
      if (version == Version{}) continue;  // a delete
      if (newest && NewVersionOf(reply(*newest)) >= version) {
        return Find("version", "a later revision has no later version", *newest, made[i].op);
      }
      // Each change in between is a write of its own, with an index of its own.
      const Version before = newest ? NewVersionOf(reply(*newest)) : Version{};
      const Revision since = newest ? reply(*newest).revision : Revision(0);
      if (version.era == before.era &&
          version.ord - before.ord < made[i].revision.value() - since.value()) {
        return Find("version", "its version leaves no room for the revisions before it",
                    newest.value_or(made[i].op), made[i].op);
      }
      newest = made[i].op;
    }
  }

  // A version names one change: all rows that it wrote have it, and no other row does.
  void CheckMakers() {
    std::map<Version, std::size_t> maker_of;
    std::map<std::size_t, Version> version_of;
    std::set<std::pair<Version, std::string>> made;
    for (const auto& [key, list] : book_.evidence()) {
      for (const Evidence& e : list) {
        if (e.kind != Evidence::Kind::kPut) continue;
        const auto [maker, first] = maker_of.emplace(e.version, e.op);
        if (!first && maker->second != e.op) {
          return Find("version", "two changes made one version", maker->second, e.op);
        }
        const auto [version, only] = version_of.emplace(e.op, e.version);
        if (!only && version->second != e.version) {
          return Find("version", "one change made two versions", e.op, e.op);
        }
        made.emplace(e.version, key);
      }
    }
    for (const auto& [key, list] : book_.evidence()) {
      for (const Evidence& e : list) {
        const auto maker = maker_of.find(e.version);
        if (e.kind != Evidence::Kind::kSeen || maker == maker_of.end()) continue;
        if (made.contains({e.version, key})) continue;
        return Find("version",
                    absl::StrCat("key ", key, ": a version that another key's change made"),
                    maker->second, e.op);
      }
    }
  }

  // Whoever completed before another was invoked must not stand behind it.
  void CheckPairs() {
    struct Placed {
      std::size_t op;
      Position lowest;   // where it stands at least
      Position highest;  // and at most
    };
    std::vector<Placed> by_call;
    for (const std::size_t at : members_) {
      if (!IsTold(op(at)) || IsStale(op(at))) continue;
      const Revision revision = reply(at).revision;
      const Change change = ChangeOf(op(at));
      by_call.push_back({at, change == Change::kNone ? EvaluatedAt(revision) : ChangeAt(revision),
                         change == Change::kSure ? ChangeAt(revision) : EvaluatedAt(revision)});
    }
    std::vector<Placed> by_return = by_call;
    std::sort(by_call.begin(), by_call.end(), [this](const Placed& a, const Placed& b) {
      return op(a.op).invoked < op(b.op).invoked;
    });
    std::sort(by_return.begin(), by_return.end(), [this](const Placed& a, const Placed& b) {
      return op(a.op).completed < op(b.op).completed;
    });
    std::size_t returned = 0;
    const Placed* furthest = nullptr;
    for (const Placed& later : by_call) {
      while (returned < by_return.size() &&
             op(by_return[returned].op).completed < op(later.op).invoked) {
        const Placed& done = by_return[returned++];
        if (furthest == nullptr || done.lowest > furthest->lowest) furthest = &done;
      }
      if (furthest != nullptr && furthest->lowest > later.highest) {
        return Find("pair",
                    "the first completed before the second was invoked, but stands behind it",
                    furthest->op, later.op);
      }
    }
  }

  // Revisions are made by somebody: those below what was shown that nobody claims are at most as many as the
  // operations of unknown outcome that had been invoked by then.
  void CheckRoom() {
    std::vector<Place> unknown;  // where they were invoked; ascending, as the history is
    for (const std::size_t at : members_) {
      const bool command = std::holds_alternative<Command>(op(at).call);
      const bool may_change =
          command &&
          (op(at).outcome() == OutcomeClass::kInfo ||
           (op(at).ok() && (reply(at).status == ReplyStatus::kSessionUnknown ||
                            IsWithoutRows(op(at)) || ChangeOf(op(at)) == Change::kPerhaps)));
      if (may_change) unknown.push_back(op(at).invoked);
    }
    for (const std::size_t at : members_) {
      if (!IsTold(op(at))) continue;
      const Revision shown = reply(at).revision;
      const auto claimed = std::upper_bound(claimed_.begin(), claimed_.end(), shown);
      const auto makers = std::upper_bound(unknown.begin(), unknown.end(), op(at).completed);
      const auto unclaimed = shown.value() - static_cast<std::uint64_t>(claimed - claimed_.begin());
      if (unclaimed > static_cast<std::uint64_t>(makers - unknown.begin())) {
        return Find("revision", "a revision that nobody can have made", at, at);
      }
    }
  }

  // Whether an operation of unknown outcome may have made a change in between.
  bool RoomBetween(Position from, Position to) const {
    const Revision low(from / 2);
    const Revision high(to / 2);
    if (high <= low) return false;
    const auto begin = std::upper_bound(claimed_.begin(), claimed_.end(), low);
    const auto end = std::upper_bound(claimed_.begin(), claimed_.end(), high);
    return static_cast<std::uint64_t>(end - begin) < high.value() - low.value();
  }

  // The key as of a position of the sweep.
  struct State {
    Position position = 0;
    std::optional<std::size_t> op;  // who said so; nullopt: it was always absent
    bool present = false;
    Version version;                   // {} = not known
    std::optional<std::string> value;  // nullopt = not known (or absent)
    Version newest;                    // greatest version of the key so far
    std::size_t newest_op = 0;
  };

  void CheckKey(const std::string& key, std::vector<Evidence>& list) {
    std::stable_sort(list.begin(), list.end(), [](const Evidence& a, const Evidence& b) {
      if (a.position != b.position) return a.position < b.position;
      return a.writes() && !b.writes();
    });
    std::map<Version, std::size_t> writers;
    for (const Evidence& e : list) {
      if (e.kind == Evidence::Kind::kPut) writers.emplace(e.version, e.op);
    }
    const Excuses& excuses = book_.ExcusesOf(key);
    State state;
    for (const Evidence& e : list) {
      const bool room = excuses.any() && RoomBetween(state.position, e.position);
      CheckEvidence(key, e, state, {excuses, writers, room});
      if (found()) return;
      state.op = e.op;
      // Who said nothing about the version leaves open what happened before: the room stays.
      const bool partial =
          e.kind == Evidence::Kind::kSeenSome || e.kind == Evidence::Kind::kSeenValue;
      if (!partial) state.position = e.position;
    }
  }

  struct Context {
    const Excuses& excuses;
    const std::map<Version, std::size_t>& writers;
    bool room;  // for a change by an operation of unknown outcome since the last evidence
  };

  void Contradict(std::string rule, const std::string& key, const std::string& why,
                  const Evidence& e, const State& state) {
    Find(std::move(rule), absl::StrCat("key ", key, ": ", why), state.op.value_or(e.op), e.op);
  }

  void CheckEvidence(const std::string& key, const Evidence& e, State& state,
                     const Context& context) {
    switch (e.kind) {
      case Evidence::Kind::kPut:
        return CheckPut(key, e, state, context);
      case Evidence::Kind::kErased:
        state.present = false;
        state.version = Version{};
        state.value.reset();
        return;
      case Evidence::Kind::kSeen:
        return CheckSeen(key, e, state, context);
      case Evidence::Kind::kSeenValue:
        return CheckSeenValue(key, e, state, context);
      case Evidence::Kind::kSeenSome: {
        if (state.present) return;
        const bool excused = context.room && context.excuses.MayHavePut(std::nullopt);
        if (!excused) return Contradict("absent", key, "a row where there is none", e, state);
        state.present = true;
        return;
      }
      case Evidence::Kind::kSeenAbsent: {
        const bool excused = context.room && context.excuses.erased;
        if (state.present && !excused) {
          const bool scans = std::holds_alternative<Read>(op(e.op).call) &&
                             std::holds_alternative<Range>(std::get<Read>(op(e.op).call).query);
          return Contradict(scans ? "scan" : "absent", key, "a row that is there was not seen", e,
                            state);
        }
        state.present = false;
        state.version = Version{};
        state.value.reset();
        return;
      }
    }
    UNREACHABLE("closed list");
  }

  void CheckPut(const std::string& key, const Evidence& e, State& state, const Context& context) {
    if (state.newest >= e.version) {
      return Find("version", absl::StrCat("key ", key, ": a write whose version is not newer"),
                  state.newest_op, e.op);
    }
    const bool known = !state.present || state.value.has_value();
    if (e.added && !context.room && known) {
      const auto before = state.present ? NumberIn(*state.value) : std::optional<std::int64_t>(0);
      std::int64_t sum = 0;
      const bool right = before && !__builtin_add_overflow(*before, *e.added, &sum) &&
                         e.value == std::to_string(sum);
      if (!right) return Contradict("effect", key, "not the sum", e, state);
    }
    Take(e, state);
  }

  static void Take(const Evidence& e, State& state) {
    state.present = true;
    state.version = e.version;
    state.value = e.value;
    state.newest = e.version;
    state.newest_op = e.op;
  }

  void CheckSeen(const std::string& key, const Evidence& e, State& state, const Context& context) {
    if (e.version < state.newest) {
      return Find("version",
                  absl::StrCat("key ", key, ": an older version was seen behind a newer one"),
                  state.newest_op, e.op);
    }
    if (e.version == state.newest) {
      // Either it is the state, or something made the row absent or other in between.
      if (!state.present)
        return Contradict("version", key, "a row came back from the dead", e, state);
      if (e.value && state.value && *e.value != *state.value) {
        return Contradict("value", key, "one version, two values", e, state);
      }
      state.version = e.version;
      if (e.value) state.value = e.value;
      return;
    }
    if (const auto writer = context.writers.find(e.version); writer != context.writers.end()) {
      return Find("version",
                  absl::StrCat("key ", key, ": a version was seen before it was written"),
                  writer->second, e.op);
    }
    const bool same_row = state.present && state.version == Version{} &&
                          (!e.value || !state.value || *e.value == *state.value);
    const bool excused = context.room && context.excuses.MayHavePut(e.value);
    if (!same_row && !excused) {
      return Contradict("value", key, "a row that nobody can have written", e, state);
    }
    const std::optional<std::string> value = e.value    ? e.value
                                             : same_row ? state.value
                                                        : std::nullopt;
    Take(e, state);
    state.value = value;
  }

  void CheckSeenValue(const std::string& key, const Evidence& e, State& state,
                      const Context& context) {
    const bool same = state.present && (!state.value || *state.value == *e.value);
    if (same) {
      state.value = e.value;
      return;
    }
    if (!context.room || !context.excuses.MayHavePut(e.value)) {
      return Contradict("effect", key, "replaced a value that was not there", e, state);
    }
    state.present = true;
    state.version = Version{};  // newer than the newest, but nobody said which
    state.value = e.value;
  }

  std::vector<std::size_t> members_;
  EvidenceBook book_;
  std::vector<Revision> claimed_;  // by changes whose replies are known; ascending
};

}  // namespace

std::optional<VersionFinding> CheckVersions(const History& history, VersionCheckCounts* counts) {
  VersionCheckCounts own;
  std::map<GroupId, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    if (history.operations[i].group != kSystemGroup)
      groups[history.operations[i].group].push_back(i);
  }
  std::optional<VersionFinding> found;
  for (auto& [group, members] : groups) {
    found = GroupCheck(history, std::move(members), own).Run();
    if (found) break;
  }
  if (counts != nullptr) *counts = own;
  return found;
}

}  // namespace quorate::sim
