#include "sim/check/edges.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quorate::sim {
namespace {

std::string Name(NodeId node) { return absl::StrCat("n", node.value()); }

std::string Seconds(std::int64_t ns) {
  return absl::StrCat(ns / 1'000'000'000, ".", ns / 100'000'000 % 10, " s");
}

}  // namespace

EdgeChecks::Node& EdgeChecks::At(NodeId node) {
  if (node.value() >= nodes_.size()) nodes_.resize(node.value() + 1);
  return nodes_[node.value()];
}

// ---- stores ----------------------------------------------------------------------------------------

void EdgeChecks::OnStoreOpened(NodeId node, bool spoiled, const absl::Status& status) {
  verdicts_.Expect(Check::kStoreRecovered, status.ok() || spoiled, [&] {
    return absl::StrCat(Name(node),
                        " refuses a store that nobody spoiled: ", std::string(status.message()));
  });
}

void EdgeChecks::OnAccepted(NodeId node, bool log_lost) {
  verdicts_.Expect(Check::kLogIsThere, !log_lost,
                   [&] { return absl::StrCat(Name(node), " starts without the log that it had"); });
}

void EdgeChecks::OnRecoveredTwice(NodeId node, const Recovered& first, const Recovered& second) {
  verdicts_.Expect(Check::kRecoveredTwice, first == second, [&] {
    return absl::StrCat(Name(node), " recovers something else the second time");
  });
}

void EdgeChecks::OnStopped(NodeId node, bool failed, StopReason reason) {
  verdicts_.Expect(Check::kStopHasReason, failed, [&] {
    return absl::StrCat(Name(node), " stops (", NameOf(reason), ") though nothing failed");
  });
}

// ---- clients ---------------------------------------------------------------------------------------

void EdgeChecks::OnProcess(NodeId node) { At(node).asked.clear(); }

void EdgeChecks::OnAsked(NodeId node, RequestId request) { At(node).asked.insert(request); }

void EdgeChecks::OnAnswered(NodeId node, RequestId request) {
  verdicts_.Expect(Check::kAnsweredOnce, At(node).asked.erase(request) > 0, [&] {
    return absl::StrCat(Name(node), " answers request ", request.value(),
                        ", which nobody has open at this process");
  });
}

std::optional<KvReply> EdgeChecks::OnReply(const Payload& result,
                                           absl::FunctionRef<std::string()> operation) {
  absl::StatusOr<KvReply> reply = DecodeReply(result.bytes());
  const bool good = verdicts_.Expect(Check::kWellFormedAnswer, reply.ok(), [&] {
    return absl::StrCat("no reply: ", operation(), ": ", std::string(reply.status().message()));
  });
  if (!good) return std::nullopt;
  return *std::move(reply);
}

void EdgeChecks::OnCatalogueReply(bool well_formed) {
  verdicts_.Expect(Check::kWellFormedAnswer, well_formed,
                   [] { return std::string("no reply of the catalogue"); });
}

void EdgeChecks::OnServed(const Served& served, absl::FunctionRef<std::string()> operation) {
  const auto expect = [&](bool holds, const char* why, const char* more) {
    verdicts_.Expect(Check::kAnswerInTime, holds,
                     [&] { return absl::StrCat(why, more, ": ", operation()); });
  };
  const bool late = served.ended - served.begun > served.bound;
  switch (served.how) {
    case Served::How::kAnswered:
      return expect(!late, "answered too late", "");
    case Served::How::kNoMatter:
      return expect(true, "", "");
    case Served::How::kGivenUp:
      return expect(false, "not answered in time", "");
    case Served::How::kUnknown:
      return expect(false, "nobody knows", "");
    case Served::How::kRefused:
      return expect(false, "refused ", served.refusal);
  }
}

// ---- frames ----------------------------------------------------------------------------------------

void EdgeChecks::OnDecoded(const Frame& sent, bool spoiled, const absl::StatusOr<Frame>& got) {
  if (spoiled) {
    verdicts_.Expect(Check::kSpoiledFrame, !got.ok(),
                     [&] { return "a spoiled frame was taken: " + Render(sent); });
    return;
  }
  verdicts_.Expect(Check::kRoundTrip, got.ok() && *got == sent, [&] {
    return "a frame is not what was encoded: " + Render(sent) +
           (got.ok() ? "" : ": " + std::string(got.status().message()));
  });
}

// ---- time ------------------------------------------------------------------------------------------

void EdgeChecks::OnWakeup(NodeId node, std::int64_t at) {
  Node& mine = At(node);
  mine.wakeups_at_once = mine.last_wakeup == at ? mine.wakeups_at_once + 1 : 0;
  mine.last_wakeup = at;
  verdicts_.Expect(Check::kWakeups, mine.wakeups_at_once <= kMostWakeupsAtOnce, [&] {
    return absl::StrCat(Name(node), " wants to be called again and again at one instant");
  });
}

void EdgeChecks::OnEvents(std::uint64_t events) {
  verdicts_.Expect(Check::kRunEnds, events <= kMostEvents,
                   [] { return std::string("the run does not come to its end"); });
}

void EdgeChecks::OnDue(Check check, const std::optional<std::string>& missing, std::int64_t now,
                       std::int64_t deadline) {
  verdicts_.Expect(check, !missing || now < deadline, [&] {
    const char* what = check == Check::kLeaderInTime ? "the core has no leader in time: "
                                                     : "the core does not converge in time: ";
    return absl::StrCat(what, *missing);
  });
}

void EdgeChecks::OnTermSpan(const TermSpan& terms) {
  const std::uint64_t allowed =
      kTermsOfStragglers +
      static_cast<std::uint64_t>(terms.span / (kTimeoutsATerm * terms.patience));
  verdicts_.Expect(Check::kFewTerms, terms.after.value() <= terms.before.value() + allowed, [&] {
    return absl::StrCat("group ", terms.group.value(), " goes in circles: from term ",
                        terms.before.value(), " to ", terms.after.value(), " within ", terms.span,
                        " ns of a sound network, where ", allowed, " more may be");
  });
}

// ---- the last look ---------------------------------------------------------------------------------

void EdgeChecks::OnContentDigest(const std::string& who, const absl::StatusOr<Digest>& computed,
                                 Digest kept) {
  verdicts_.Expect(Check::kDigestOfContent, computed.ok() && *computed == kept,
                   [&] { return who + ": the digest kept is not that of the content"; });
}

void EdgeChecks::OnState(const std::string& who, const StateMark& state, const StateMark& of_log) {
  verdicts_.Expect(Check::kLogMakesState, state == of_log, [&] {
    return absl::StrCat(who, ": revision ", state.revision.value(), " at ", state.applied.value(),
                        ", the log makes ", of_log.revision.value(), " at ",
                        of_log.applied.value());
  });
}

void EdgeChecks::OnStores(NodeId node, const std::vector<std::string>& left) {
  verdicts_.Expect(Check::kNothingLeft, left.empty(), [&] {
    return absl::StrCat(Name(node), " still holds ", absl::StrJoin(left, "; "));
  });
}

// ---- progress in calm ------------------------------------------------------------------------------

void CalmWatch::OnLook(const Look& look) {
  const std::int64_t since = std::exchange(last_look_, look.now);
  const bool is_calm = look.all_serve && look.calm_since.has_value();
  const bool was_calm = is_calm && *look.calm_since <= since && !look.work_waits;
  const Asked* longest = nullptr;
  std::int64_t lasts = 0;
  for (const Asked& asked : look.asked) {
    Wait& wait = waits_[std::pair(asked.group, asked.kind)];
    if (!is_calm || std::exchange(wait.done, asked.done) != asked.done) {
      wait.done = asked.done;
      wait.lasts = 0;
    } else if (was_calm && asked.open_since && *asked.open_since <= since) {
      wait.lasts += look.now - since;
    }
    if (longest != nullptr && wait.lasts <= lasts) continue;
    longest = &asked;
    lasts = wait.lasts;
  }
  if (!is_calm) return;
  verdicts_.Expect(Check::kProgressInCalm, lasts <= look.span, [&] {
    return absl::StrCat("group ", longest->group.value(), " was asked for ",
                        longest->kind == Kind::kWrites ? "writes" : "answers", ", and for ",
                        Seconds(lasts), " nothing was done though nothing was broken");
  });
}

}  // namespace quorate::sim
