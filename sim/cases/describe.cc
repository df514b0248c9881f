#include "sim/cases/describe.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/kv/command.h"
#include "engine/raft/show.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kMostShown = 3;   // items of a list
constexpr std::size_t kMostText = 200;  // characters of a line

// `list` as `show` writes its items, the first few of them.
template <class Items, class Show>
std::string Listed(const Items& list, const Show& show) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& item : list) {
    if (shown == kMostShown) return absl::StrCat(text, "; and ", list.size() - shown, " more");
    absl::StrAppend(&text, shown++ == 0 ? "" : "; ", show(item));
  }
  return text;
}

std::string Plain(std::string text) {
  if (text.size() > kMostText) text = text.substr(0, kMostText) + "...";
  for (char& c : text) {
    if (c < ' ' || c > '~' || c == '\\') c = '?';
  }
  return text;
}

const char* NameOf(RequestKind kind) {
  switch (kind) {
    case RequestKind::kWrite:
      return "write";
    case RequestKind::kRead:
      return "read";
    case RequestKind::kStaleRead:
      return "stale read";
    case RequestKind::kOpenSession:
      return "open session";
    case RequestKind::kCatalogue:
      return "catalogue";
  }
  return "unknown";
}

// What is asked, where it can be read.
std::string Asked(const ClientRequest& request) {
  if (request.kind == RequestKind::kWrite) {
    const absl::StatusOr<Command> command = DecodeCommand(request.payload.bytes());
    return command.ok() ? " " + Render(*command) : " malformed";
  }
  if (request.kind == RequestKind::kRead || request.kind == RequestKind::kStaleRead) {
    const absl::StatusOr<Query> query = DecodeQuery(request.payload.bytes());
    return query.ok() ? " " + Render(*query) : " malformed";
  }
  return "";
}

std::string Show(const ClientRequest& request) {
  std::string text = absl::StrCat("#", request.id.value(), " ", quorate::Show(request.group), " ",
                                  NameOf(request.kind));
  if (request.session != SessionId())
    absl::StrAppend(&text, " s", request.session.value(), "/", request.seq.value());
  return text + Asked(request);
}

std::string Show(const RecoveredGroup& group) {
  return absl::StrCat(quorate::Show(group.group), " t", group.hard.term.value(),
                      " vote=", group.hard.vote.value(), " log (", group.start.entry.index.value(),
                      ",", group.last.value(), "] applied ", group.applied.index.value());
}

const char* Failed(bool ok) { return ok ? "" : ", failed"; }

std::string Text(const Input& input) {
  return std::visit(
      Match{
          [](const LinkUp& in) {
            return absl::StrCat("link to n", in.peer.value(), " is up: its life ", in.boot.value(),
                                ", session ", in.session.value());
          },
          [](const LinkDown& in) {
            return absl::StrCat("link to n", in.peer.value(), " is down: session ",
                                in.session.value());
          },
          [](const FrameReceived& in) {
            return absl::StrCat(
                "<- n", in.from.value(), ": ",
                Listed(in.messages, [](const PeerMessage& message) { return Render(message); }));
          },
          [](const Wakeup&) { return std::string("wakes up"); },
          [](const Persisted& in) {
            return absl::StrCat("writes up to ", in.upto.value(), " are durable");
          },
          [](const PersistFailed& in) { return absl::StrCat("write ", in.seq.value(), " failed"); },
          [](const DiskSpace& in) {
            return std::string(in.space == Space::kLow ? "space is low" : "there is space");
          },
          [](const LogRead& in) {
            return absl::StrCat(quorate::Show(in.group), " entries ", in.first.value(), "+",
                                in.entries.size(), " were read", Failed(in.ok));
          },
          [](const Applied& in) {
            return absl::StrCat(quorate::Show(in.group), " applied up to ", quorate::Show(in.upto),
                                ", ", in.results.size(), " results", Failed(in.ok));
          },
          [](const Answered& in) {
            return absl::StrCat(quorate::Show(in.group), " answered ", in.answers.size(),
                                " queries at ", quorate::Show(in.at), Failed(in.ok));
          },
          [](const SnapshotOpened& in) {
            return absl::StrCat(quorate::Show(in.group), " view opened of ",
                                quorate::Show(in.entry), Failed(in.ok));
          },
          [](const ChunkRead& in) {
            return absl::StrCat(quorate::Show(in.group), " chunk ", in.number, " was read, ",
                                in.rows.size(), " bytes", in.last ? ", the last" : "",
                                Failed(in.ok));
          },
          [](const ChunkInstalled& in) {
            return absl::StrCat(quorate::Show(in.group), " chunk ", in.number, " is installed",
                                Failed(in.ok));
          },
          [](const MapFlushed& in) {
            return absl::StrCat("map is flushed: ",
                                Listed(in.groups,
                                       [](const FlushedGroup& one) {
                                         return absl::StrCat(quorate::Show(one.group), " up to ",
                                                             one.applied.value());
                                       }),
                                Failed(in.ok));
          },
          [](const GenerationSwitched& in) {
            return absl::StrCat(quorate::Show(in.group), " is in generation ",
                                in.generation.value(), ", applied ", quorate::Show(in.applied),
                                Failed(in.ok));
          },
          [](const ClientRequests& in) {
            return absl::StrCat(
                "<- client: ",
                Listed(in.requests, [](const ClientRequest& request) { return Show(request); }));
          },
          [](const TransferLeadership& in) {
            return absl::StrCat(quorate::Show(in.group), " is to be handed to n",
                                in.target.value());
          },
          [](const ChangeConfiguration& in) {
            return absl::StrCat(quorate::Show(in.group), " is to change its configuration, ",
                                in.changes.size(), " changes");
          },
      },
      input);
}

}  // namespace

std::string Describe(const Recovered& recovered) {
  return Plain(absl::StrCat(
      "boots, life ", recovered.last_boot.value() + 1, ": ",
      Listed(recovered.groups, [](const RecoveredGroup& group) { return Show(group); })));
}

std::string Describe(const Input& input) { return Plain(Text(input)); }

}  // namespace quorate::sim
