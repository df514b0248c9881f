// What a node does with a leader's log. Source: Raft dissertation 3.5, 3.6.
#include <algorithm>
#include <utility>

#include "engine/raft/raft.h"

namespace quorate {

void Raft::OnAppendRequest(StepContext& context, NodeId from, const AppendRequest& request) {
  if (leads())
    return context.out.Drop(DropReason::kNotInThisRole);  // a second leader of my term: a lie
  HeardFromLeader(context, from);
  Index last_sent = request.prev.index + Count(request.entries.size());
  const auto accept = [&] {
    AdvanceCommit(context, std::min(request.commit, last_sent));
    // The promise: everything up to `last_sent` is here for good. It rests on the write that holds it,
    // and claims no more than this message carried (CCF #6016).
    const PersistSeq after = log_.WriteOf(last_sent);
    Send(context, from,
         AppendReply{.term = hard_.term,
                     .verdict = AppendVerdict::kAccepted,
                     .match = last_sent,
                     .prev = request.prev.index,
                     .hint = {}},
         after);
  };

  // What is committed here is the leader's too; only what lies behind it is looked at.
  if (last_sent <= commit_) return accept();
  Index first = Next(request.prev.index);
  std::span<const Entry> entries(request.entries);
  if (request.prev.index < commit_) {
    entries = entries.subspan((commit_ - request.prev.index).value());
    first = Next(commit_);
  } else if (!log_.Holds(request.prev)) {
    if (request.prev.index == commit_) return context.out.Drop(DropReason::kMalformed);
    const EntryId hint =
        log_.Agreement(request.prev.index > log_.last().index
                           ? EntryId{log_.last().index, request.prev.term}
                           : EntryId{Before(request.prev.index), request.prev.term});
    return Send(context, from,
                AppendReply{.term = hard_.term,
                            .verdict = AppendVerdict::kMismatch,
                            .match = {},
                            .prev = request.prev.index,
                            .hint = hint});
  }

  // Only a conflict truncates: an older message that comes late must not (etcd-io/raft, CCF #5991).
  while (!entries.empty() && log_.TermAt(first) == entries.front().term) {
    entries = entries.subspan(1);
    first = Next(first);
  }
  if (!entries.empty()) {
    if (context.space == Space::kLow) {
      entries = Vital(entries);
      last_sent = Before(first) + Count(entries.size());
    }
    if (entries.empty()) {
      context.out.Drop(DropReason::kNoSpace);
      return Send(context, from,
                  AppendReply{.term = hard_.term,
                              .verdict = AppendVerdict::kNoSpace,
                              .match = {},
                              .prev = request.prev.index,
                              .hint = {}});
    }
    Term before = *log_.TermAt(Before(first));
    for (const Entry& entry : entries) {  // a leader's terms never fall and never pass its own
      if (entry.term < before || entry.term > hard_.term)
        return context.out.Drop(DropReason::kMalformed);
      before = entry.term;
    }
    if (!AppendFromLeader(context, first, entries)) return context.out.Drop(DropReason::kMalformed);
  }
  accept();
}

// What a leadership and a membership rest on is small, and there is room for it as for hard states: else no
// leader could come up while a majority is short of space, and no node with space could be brought in.
std::span<const Entry> Raft::Vital(std::span<const Entry> entries) {
  const auto other = std::find_if(entries.begin(), entries.end(), [](const Entry& entry) {
    return entry.kind != EntryKind::kBarrier && entry.kind != EntryKind::kConfiguration;
  });
  return entries.first(static_cast<std::size_t>(other - entries.begin()));
}

bool Raft::AppendFromLeader(StepContext& context, Index first, std::span<const Entry> entries) {
  INVARIANT(first > commit_);
  std::vector<PlacedConfiguration> arriving;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind != EntryKind::kConfiguration) continue;
    absl::StatusOr<Configuration> configuration = DecodeConfiguration(entries[i].payload.bytes());
    if (!configuration.ok() || !configuration->IsValid()) return false;
    arriving.push_back({first + Count(i), *std::move(configuration)});
  }
  if (first <= log_.last().index) {
    context.out.Record(TruncateSuffix{group_, first});
    log_.TruncateFrom(first);
    SOMETIMES(true, "log.suffix_overwritten");
    // The configuration is derived again from what is left (openraft #1809).
    while (!configurations_.empty() && configurations_.back().index >= first)
      configurations_.pop_back();
  }
  const PersistSeq seq =
      context.out.Record(AppendEntries{group_, first, {entries.begin(), entries.end()}});
  log_.Append(entries, seq);
  // Active on append.
  for (PlacedConfiguration& placed : arriving) configurations_.push_back(std::move(placed));
  return true;
}

// Says nothing unless this very entry is here: the prefix below it is then the leader's.
void Raft::OnCommitNotice(StepContext& context, NodeId from, const CommitNotice& notice) {
  if (leads()) return context.out.Drop(DropReason::kNotInThisRole);
  HeardFromLeader(context, from);
  if (log_.Holds(notice.entry)) AdvanceCommit(context, notice.entry.index);
}

void Raft::OnHeartbeat(StepContext& context, NodeId from, const HeartbeatItem& item) {
  if (item.term == hard_.term && leads()) return context.out.Drop(DropReason::kNotInThisRole);
  const bool stale = item.term < hard_.term;
  if (stale) {
    context.out.Drop(
        DropReason::kStaleTerm);  // answered all the same: the sender must learn the term
  } else {
    if (item.term > hard_.term) BecomeFollower(context, item.term, from);
    HeardFromLeader(context, from);
    if (log_.Holds(item.commit)) AdvanceCommit(context, item.commit.index);
  }
  context.out.events.heartbeat_answers.push_back(
      {.to = from,
       .after = hard_write_,
       .item = {.group = group_, .term = hard_.term, .counter = item.counter, .follows = !stale}});
}

// Never falls, whatever an old message says.
void Raft::AdvanceCommit(StepContext& context, Index to) {
  if (to <= commit_) return;
  INVARIANT(to <= log_.last().index);
  commit_ = to;
  if (leads()) DriveConfiguration(context);
}

}  // namespace quorate
