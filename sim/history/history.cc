#include "sim/history/history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

// What the operations of a group have shown: sorted by serial index, with the earliest completion of all
// that showed that index or a greater one.
class Shown {
 public:
  explicit Shown(const History& history) {
    for (const Operation& op : history.operations) {
      if (!op.ok() || op.completion->serial == Index(0)) continue;
      shown_[op.group].push_back({op.completion->serial, op.completed});
    }
    for (auto& [group, list] : shown_) {
      std::sort(list.begin(), list.end());
      for (std::size_t i = list.size(); i-- > 1;) {
        list[i - 1].second = std::min(list[i - 1].second, list[i].second);
      }
    }
  }

  Place EarliestAtOrBehind(GroupId group, Index index) const {
    const auto found = shown_.find(group);
    if (found == shown_.end()) return kNoPlace;
    const auto& list = found->second;
    const auto at = std::lower_bound(list.begin(), list.end(), std::pair(index, Place(0)));
    return at == list.end() ? kNoPlace : at->second;
  }

 private:
  absl::btree_map<GroupId, std::vector<std::pair<Index, Place>>> shown_;
};

bool IsUnresolvedWrite(const Operation& op) {
  if (!std::holds_alternative<Command>(op.call)) return false;
  if (op.outcome() == OutcomeClass::kInfo) return true;
  return op.ok() && op.completion->reply.status == ReplyStatus::kSessionUnknown;
}

using ContentKey = std::pair<GroupId, Digest>;

ContentKey ContentOf(const Operation& op) {
  return {op.group, DigestOf(EncodeCommand(std::get<Command>(op.call)))};
}

enum class Fate : std::uint8_t { kUnknown, kNowhere, kSomewhere };

}  // namespace

const char* NameOf(OutcomeClass outcome) {
  switch (outcome) {
    case OutcomeClass::kOk:
      return "ok";
    case OutcomeClass::kFail:
      return "fail";
    case OutcomeClass::kInfo:
      return "info";
  }
  UNREACHABLE("closed list");
}

std::string Render(const Call& call) {
  return std::visit(Match{
                        [](const Command& command) { return Render(command); },
                        [](const Read& read) {
                          return absl::StrCat(read.stale ? "stale " : "", Render(read.query));
                        },
                        [](const SessionOpening&) { return std::string("open-session"); },
                    },
                    call);
}

std::string Render(const Operation& operation) {
  std::string out =
      absl::StrCat("p", operation.process.value(), " [", operation.invoked.value(), ", ");
  absl::StrAppend(&out, operation.completed == kNoPlace
                            ? std::string("-")
                            : absl::StrCat(operation.completed.value()));
  absl::StrAppend(&out, "] ", Render(operation.call), " -> ", NameOf(operation.outcome()));
  if (operation.ok()) {
    absl::StrAppend(&out, " ", Render(operation.completion->reply), " @",
                    operation.completion->serial.value(), " n", operation.completion->node.value());
  }
  return out;
}

OpId Recorder::Invoke(Invocation invocation) {
  REQUIRE(invocation.client < kProcessStride);
  Client& client = clients_[invocation.client];
  REQUIRE(!client.open.has_value());
  Operation op;
  op.process = Process(invocation.client + client.lives * kProcessStride);
  op.group = invocation.group;
  op.call = std::move(invocation.call);
  op.session = invocation.session;
  op.seq = invocation.seq;
  op.event = invocation.event;
  op.ns = invocation.ns;
  op.invoked = next_;
  next_ = Next(next_);
  const OpId id(history_.operations.size());
  history_.operations.push_back(std::move(op));
  client.open = id;
  return id;
}

void Recorder::Complete(OpId id, Completion completion) {
  REQUIRE(id.value() < history_.operations.size());
  Operation& op = history_.operations[id.value()];
  REQUIRE(!op.completion.has_value());
  Client& client = clients_[op.process.value() % kProcessStride];
  client.open.reset();
  if (completion.outcome == OutcomeClass::kInfo) ++client.lives;
  op.completed = next_;
  next_ = Next(next_);
  op.completion = std::move(completion);
}

std::optional<Index> CommittedEffects::Find(const Key& key) const {
  const auto found = by_session_.find(key);
  if (found == by_session_.end()) return std::nullopt;
  return found->second;
}

const std::vector<Index>& CommittedEffects::FindContent(GroupId group, Digest command) const {
  static const std::vector<Index> kNone;
  const auto found = by_content_.find({group, command});
  return found == by_content_.end() ? kNone : found->second;
}

History ResolveInfos(const History& history, const CommittedEffects& effects) {
  const Shown shown(history);
  absl::btree_map<ContentKey, std::uint64_t> asked;  // how often a command was asked for
  for (const Operation& op : history.operations) {
    if (std::holds_alternative<Command>(op.call)) ++asked[ContentOf(op)];
  }

  History resolved = history;
  for (Operation& op : resolved.operations) {
    if (!IsUnresolvedWrite(op)) continue;
    Fate fate = Fate::kUnknown;
    Index index;
    if (op.session != SessionId(0)) {
      const std::optional<Index> found = effects.Find({op.group, op.session, op.seq});
      fate = found ? Fate::kSomewhere : Fate::kNowhere;
      index = found.value_or(Index(0));
    } else if (asked[ContentOf(op)] == 1) {
      const std::vector<Index>& found = effects.FindContent(op.group, ContentOf(op).second);
      // More than one: each resend under another lent session took effect. Another check's finding.
      if (found.empty()) fate = Fate::kNowhere;
      if (found.size() == 1) {
        fate = Fate::kSomewhere;
        index = found.front();
      }
    }
    if (fate == Fate::kSomewhere && effects.TooBig(op.group, index)) fate = Fate::kNowhere;
    if (!op.completion) op.completion = Completion{};
    switch (fate) {
      case Fate::kUnknown:
        op.completion->outcome = OutcomeClass::kInfo;
        break;
      case Fate::kNowhere:
        op.completion->outcome = OutcomeClass::kFail;
        break;
      case Fate::kSomewhere: {
        op.completion->outcome = OutcomeClass::kInfo;
        const Place over_by = shown.EarliestAtOrBehind(op.group, index);
        if (over_by > op.invoked) op.over_by = over_by;
        break;
      }
    }
  }
  return resolved;
}

}  // namespace quorate::sim
