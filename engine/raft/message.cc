#include "engine/raft/message.h"

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/raft/show.h"

namespace quorate {
namespace {

std::string Show(const SnapshotName& name) {
  return absl::StrCat(Show(name.entry), "@g", name.generation.value(), "b", name.boot.value());
}

const char* NameOf(VoteKind kind) {
  switch (kind) {
    case VoteKind::kPreVote:
      return "pre";
    case VoteKind::kVote:
      return "vote";
    case VoteKind::kTransferVote:
      return "transfer";
  }
  return "unknown";
}

const char* NameOf(AppendVerdict verdict) {
  switch (verdict) {
    case AppendVerdict::kAccepted:
      return "accepted";
    case AppendVerdict::kMismatch:
      return "mismatch";
    case AppendVerdict::kStaleTerm:
      return "stale-term";
    case AppendVerdict::kNoSpace:
      return "no-space";
  }
  return "unknown";
}

const char* NameOf(SnapshotVerdict verdict) {
  switch (verdict) {
    case SnapshotVerdict::kWants:
      return "wants";
    case SnapshotVerdict::kHolds:
      return "holds";
    case SnapshotVerdict::kStaleTerm:
      return "stale-term";
    case SnapshotVerdict::kNoSpace:
      return "no-space";
  }
  return "unknown";
}

const char* NameOf(ForwardVerdict verdict) {
  switch (verdict) {
    case ForwardVerdict::kApplied:
      return "applied";
    case ForwardVerdict::kNotLeader:
      return "not-leader";
    case ForwardVerdict::kBusy:
      return "busy";
    case ForwardVerdict::kNoSpace:
      return "no-space";
  }
  return "unknown";
}

std::string TermOf(Term term) { return absl::StrCat(" t", term.value()); }

std::string Fields(const Message& message) {
  return std::visit(
      Match{
          [](const VoteRequest& m) {
            return absl::StrCat(TermOf(m.term), " ", NameOf(m.kind), " for=", m.proposed.value(),
                                " campaign=", m.campaign.value(), " last=", Show(m.last));
          },
          [](const VoteReply& m) {
            return absl::StrCat(
                TermOf(m.term), " ", NameOf(m.kind), " for=", m.proposed.value(),
                " campaign=", m.campaign.value(),
                m.granted ? " granted" : " refused:", m.granted ? "" : NameOf(m.reason));
          },
          [](const AppendRequest& m) {
            std::string out =
                absl::StrCat(TermOf(m.term), " prev=", Show(m.prev), " commit=", m.commit.value(),
                             " entries=", m.entries.size());
            if (!m.entries.empty()) {
              absl::StrAppend(&out, " terms=", m.entries.front().term.value(), "..",
                              m.entries.back().term.value());
            }
            return out;
          },
          [](const AppendReply& m) {
            std::string out = absl::StrCat(TermOf(m.term), " ", NameOf(m.verdict));
            if (m.verdict == AppendVerdict::kAccepted) {
              absl::StrAppend(&out, " match=", m.match.value());
            }
            if (m.verdict == AppendVerdict::kMismatch) {
              absl::StrAppend(&out, " prev=", m.prev.value(), " hint=", Show(m.hint));
            }
            return out;
          },
          [](const CommitNotice& m) {
            return absl::StrCat(TermOf(m.term), " entry=", Show(m.entry));
          },
          [](const Heartbeat& m) {
            std::string out;
            for (const HeartbeatItem& item : m.items) {
              absl::StrAppend(&out, " [", Show(item.group), TermOf(item.term),
                              " read=", item.counter.value(), " commit=", Show(item.commit), "]");
            }
            return out;
          },
          [](const HeartbeatReply& m) {
            std::string out;
            for (const HeartbeatReplyItem& item : m.items) {
              absl::StrAppend(&out, " [", Show(item.group), TermOf(item.term),
                              " read=", item.counter.value(), item.follows ? " follows]" : " not]");
            }
            return out;
          },
          [](const SnapshotChunk& m) {
            return absl::StrCat(TermOf(m.term), " of=", Show(m.name), " chunk=", m.number,
                                m.last ? " last" : "", " bytes=", m.rows.size(),
                                " configuration=", m.configuration_index.value(), ":",
                                Render(m.configuration));
          },
          [](const SnapshotReply& m) {
            return absl::StrCat(TermOf(m.term), " of=", Show(m.name), " ", NameOf(m.verdict),
                                " next=", m.next, " match=", m.match.value());
          },
          [](const TimeoutNow& m) { return TermOf(m.term); },
          [](const ReadIndexRequest& m) { return absl::StrCat(TermOf(m.term), " id=", m.id); },
          [](const ReadIndexReply& m) {
            return absl::StrCat(
                TermOf(m.term), " id=", m.id,
                m.confirmed ? " confirmed index=" : " refused index=", m.index.value());
          },
          [](const Forward& m) {
            std::string out = TermOf(m.term);
            for (const ForwardedRequest& request : m.requests) {
              absl::StrAppend(&out, " [", request.id.value(), " ", NameOf(request.kind), " ",
                              request.payload.size(), "B]");
            }
            return out;
          },
          [](const ForwardReply& m) {
            std::string out = TermOf(m.term);
            for (const ForwardedOutcome& outcome : m.outcomes) {
              absl::StrAppend(&out, " [", outcome.id.value(), " ", NameOf(outcome.verdict),
                              " index=", outcome.index.value(), "]");
            }
            return out;
          },
      },
      message);
}

}  // namespace

const char* NameOf(const Message& message) {
  return std::visit(Match{
                        [](const VoteRequest&) { return "VoteRequest"; },
                        [](const VoteReply&) { return "VoteReply"; },
                        [](const AppendRequest&) { return "AppendRequest"; },
                        [](const AppendReply&) { return "AppendReply"; },
                        [](const CommitNotice&) { return "CommitNotice"; },
                        [](const Heartbeat&) { return "Heartbeat"; },
                        [](const HeartbeatReply&) { return "HeartbeatReply"; },
                        [](const SnapshotChunk&) { return "SnapshotChunk"; },
                        [](const SnapshotReply&) { return "SnapshotReply"; },
                        [](const TimeoutNow&) { return "TimeoutNow"; },
                        [](const ReadIndexRequest&) { return "ReadIndexRequest"; },
                        [](const ReadIndexReply&) { return "ReadIndexReply"; },
                        [](const Forward&) { return "Forward"; },
                        [](const ForwardReply&) { return "ForwardReply"; },
                    },
                    message);
}

std::string Render(const PeerMessage& message) {
  return absl::StrCat(Show(message.group), " ", NameOf(message.message), Fields(message.message));
}

}  // namespace quorate
