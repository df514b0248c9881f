#include "engine/kv/state_machine.h"

#include <algorithm>
#include <utility>

#include "engine/kv/envelope.h"
#include "engine/kv/executor.h"
#include "engine/kv/row.h"
#include "engine/kv/scan.h"

namespace quorate {

// ---- opening --------------------------------------------------------------------------------------------

absl::StatusOr<StateMachine> StateMachine::Open(MapPort& map, MapSpace space,
                                                const KvLimits& limits) {
  StateMachine machine;
  machine.map_ = &map;
  machine.space_ = space;
  machine.limits_ = limits;
  machine.sessions_ = SessionTable(limits);

  const absl::StatusOr<std::optional<std::string>> meta = map.Get(space, Table::kMeta, kMetaKey);
  if (!meta.ok()) return meta.status();
  if (!meta->has_value()) {
    for (const Table table : {Table::kRow, Table::kSession, Table::kSessionReply}) {
      const absl::StatusOr<MapPage> page =
          map.Scan(space, table, {}, std::nullopt, {.rows = 1, .bytes = 1});
      if (!page.ok()) return page.status();
      if (!page->rows.empty()) return absl::DataLossError("rows without the entry they are as of");
    }
    return machine;
  }
  if (!DecodeMeta(**meta, machine.meta_)) return absl::DataLossError("the stored meta row is none");
  if (absl::Status loaded = machine.sessions_.Load(map, space); !loaded.ok()) return loaded;
  if (machine.sessions_.digest() != machine.meta_.session_digest) {
    return absl::DataLossError("the stored sessions are not what their digest says");
  }
  return machine;
}

Digest StateMachine::digest() const { return Digest{meta_.row_digest + meta_.session_digest}; }

// ---- applying -------------------------------------------------------------------------------------------

struct StateMachine::Round {
  Round(const StateMachine& machine, Index first_index, std::vector<ApplyResult>& out)
      : first(first_index),
        rows(*machine.map_, machine.space_),
        meta(machine.meta_),
        results(out),
        results_before(out.size()) {}

  const Index first;
  RowOverlay rows;
  KvMeta meta;
  CommandView command;
  std::vector<MapChange> changes;
  std::vector<ApplyResult>& results;
  const std::size_t results_before;
};

namespace {

Payload Refused(ReplyStatus status, Revision revision) {
  return Payload(ReplyWriter(status, revision).Finish());
}

}  // namespace

absl::Status StateMachine::Apply(Index first, std::span<const Entry> entries,
                                 std::vector<ApplyResult>& results) {
  if (entries.empty()) return absl::OkStatus();
  REQUIRE(map_ != nullptr);
  REQUIRE(first == Next(meta_.applied.index));
  Round round(*this, first, results);
  round.changes.reserve(2 + 2 * entries.size());
  for (const Entry& entry : entries) {
    REQUIRE(entry.term >= round.meta.applied.term);
    const Index index = Next(round.meta.applied.index);
    switch (entry.kind) {
      case EntryKind::kBarrier:
      case EntryKind::kConfiguration:
        break;
      case EntryKind::kOpenSession:
        OpenSession(index, entry, round);
        break;
      case EntryKind::kCommand:
        if (absl::Status applied = ApplyCommand(index, entry, round); !applied.ok()) return applied;
        break;
    }
    round.meta.applied = {index, entry.term};
  }
  // Rows, sessions and the entry they are as of in one batch: after a crash between two of them a
  // replayed command would be applied twice, or never.
  round.rows.Flush(round.changes, round.meta.row_digest, round.meta.row_count);
  sessions_.TakeHeaders(round.changes);
  round.meta.session_digest = sessions_.digest();
  round.changes.push_back({Table::kMeta, std::string(kMetaKey), EncodeMeta(round.meta)});
  if (absl::Status written = map_->Write(space_, round.changes); !written.ok()) return written;
  INVARIANT(round.meta.revision >= meta_.revision);
  meta_ = round.meta;
  return absl::OkStatus();
}

void StateMachine::OpenSession(Index index, const Entry& entry, Round& round) {
  const SessionTable::Verdict verdict = sessions_.Open(index, entry.payload.bytes(), round.changes);
  switch (verdict.judgement) {
    case SessionTable::Judgement::kNew:
      round.results.push_back({index, index, Payload()});
      return;
    case SessionTable::Judgement::kRetry:
      SOMETIMES(true, "kv.opening_answered_again");
      round.results.push_back({index, verdict.took_effect, Payload()});
      return;
    case SessionTable::Judgement::kUnknown:
      round.results.push_back(
          {index, index, Refused(ReplyStatus::kSessionUnknown, round.meta.revision)});
      return;
  }
}

absl::Status StateMachine::ApplyCommand(Index index, const Entry& entry, Round& round) {
  Envelope envelope;
  if (!DecodeEnvelope(entry.payload.bytes(), envelope)) {
    round.results.push_back({index, index, Refused(ReplyStatus::kMalformed, round.meta.revision)});
    return absl::OkStatus();
  }
  const bool has_session = envelope.session != SessionId(0);
  if (has_session) {
    const SessionTable::Verdict verdict = sessions_.Judge(envelope.session, envelope.seq);
    switch (verdict.judgement) {
      case SessionTable::Judgement::kNew:
        break;
      case SessionTable::Judgement::kUnknown:
        SOMETIMES(true, "kv.unknown_session_refused");
        round.results.push_back(
            {index, index, Refused(ReplyStatus::kSessionUnknown, round.meta.revision)});
        return absl::OkStatus();
      case SessionTable::Judgement::kRetry: {
        SOMETIMES(true, "kv.retry_answered");
        if (verdict.reply) {
          SOMETIMES(true, "kv.retry_answered_without_rows");
          sessions_.Touch(envelope.session, index);
          round.results.push_back(
              {index, verdict.took_effect, Payload(EncodeReplyHead(*verdict.reply))});
          return absl::OkStatus();
        }
        absl::StatusOr<Payload> reply =
            RecordedReply(envelope.session, envelope.seq, verdict.took_effect, round);
        if (!reply.ok()) return reply.status();
        sessions_.Touch(envelope.session, index);
        round.results.push_back({index, verdict.took_effect, *std::move(reply)});
        return absl::OkStatus();
      }
    }
  }
  if (!DecodeCommandView(envelope.command, round.command)) {
    round.results.push_back({index, index, Refused(ReplyStatus::kMalformed, round.meta.revision)});
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> reply =
      Execute(round.command, index, limits_, round.rows, round.meta.revision);
  if (!reply.ok()) return reply.status();
  if (has_session) {
    sessions_.Record(envelope.session, envelope.seq, index, *reply, round.changes);
  }
  round.results.push_back({index, index, Payload(*std::move(reply))});
  return absl::OkStatus();
}

absl::StatusOr<Payload> StateMachine::RecordedReply(SessionId session, SessionSeq seq,
                                                    Index took_effect, const Round& round) const {
  if (took_effect < round.first) {
    absl::StatusOr<std::string> stored = SessionTable::ReadReply(*map_, space_, session, seq);
    if (!stored.ok()) return stored.status();
    return Payload(*std::move(stored));
  }
  // The first came in this very batch, which the map does not hold yet.
  const auto begin = round.results.begin() + static_cast<std::ptrdiff_t>(round.results_before);
  const auto at =
      std::lower_bound(begin, round.results.end(), took_effect,
                       [](const ApplyResult& result, Index index) { return result.index < index; });
  INVARIANT(at != round.results.end() && at->index == took_effect);
  return at->reply;
}

// ---- reading --------------------------------------------------------------------------------------------

absl::StatusOr<Payload> StateMachine::Answer(std::string_view query) const {
  REQUIRE(map_ != nullptr);
  QueryView view;
  if (!DecodeQueryView(query, view)) return Refused(ReplyStatus::kMalformed, meta_.revision);
  switch (view.tag) {
    case QueryTag::kGet:
      return AnswerGet(view.from);
    case QueryTag::kRange:
      return AnswerRange(view.from, view.to, view.limit);
  }
  UNREACHABLE("a query's tag was checked when it was decoded");
}

absl::StatusOr<Payload> StateMachine::AnswerGet(std::string_view key) const {
  if (key.size() > limits_.max_key_bytes) return Refused(ReplyStatus::kTooBig, meta_.revision);
  const absl::StatusOr<std::optional<std::string>> stored = map_->Get(space_, Table::kRow, key);
  if (!stored.ok()) return stored.status();
  RowView row;
  if (stored->has_value() && !DecodeRow(**stored, row)) {
    return absl::DataLossError("a stored row is none");
  }
  if (!stored->has_value() || row.tombstone()) {
    ReplyWriter writer(ReplyStatus::kNotFound, meta_.revision, key.size() + 8);
    writer.Row(key, Version{}, std::nullopt);
    return Payload(std::move(writer).Finish());
  }
  ReplyWriter writer(ReplyStatus::kOk, meta_.revision, key.size() + (*stored)->size() + 8);
  writer.Row(key, row.version, row.value);
  return Payload(std::move(writer).Finish());
}

// The page of a map may end early for reasons of its own; a reply must be the same on every node, so
// it ends where the limits say: after `limit` rows, or once keys and values reach the limit in bytes.
absl::StatusOr<Payload> StateMachine::AnswerRange(std::string_view from, std::string_view to,
                                                  std::uint64_t limit) const {
  const std::size_t most = std::max<std::size_t>(limits_.max_range_rows, 1);
  const std::size_t row_limit =
      limit == 0 ? most : static_cast<std::size_t>(std::min<std::uint64_t>(limit, most));
  ReplyWriter writer(ReplyStatus::kOk, meta_.revision);
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::optional<std::string> continuation;
  const auto take = [&](MapRow& stored) -> absl::StatusOr<ScanStep> {
    RowView row;
    if (!DecodeRow(stored.value, row)) return absl::DataLossError("a stored row is none");
    if (row.tombstone()) return ScanStep::kGoOn;
    if (rows == row_limit || (rows > 0 && bytes >= limits_.max_range_bytes)) {
      continuation = std::move(stored.key);
      return ScanStep::kStop;
    }
    writer.Row(stored.key, row.version, row.value);
    bytes += stored.key.size() + row.value.size();
    ++rows;
    return ScanStep::kGoOn;
  };
  const bool none = !to.empty() && from >= to;
  if (!none) {
    const std::optional<std::string_view> end = to.empty() ? std::nullopt : std::optional(to);
    const MapLimit page{.rows = row_limit + 1, .bytes = limits_.max_range_bytes + 1};
    absl::Status scanned = ScanRows(*map_, space_, {Table::kRow, from, end, page}, take);
    if (!scanned.ok()) return scanned;
  }
  if (continuation.has_value()) return Payload(std::move(writer).FinishWith(*continuation));
  return Payload(std::move(writer).Finish());
}

absl::StatusOr<Digest> StateMachine::RecomputeDigest() const {
  REQUIRE(map_ != nullptr);
  std::uint64_t sum = 0;
  for (const Table table : {Table::kRow, Table::kSession, Table::kSessionReply}) {
    const auto add = [&](const MapRow& row) -> absl::StatusOr<ScanStep> {
      sum += DigestOfMapRow(table, row.key, row.value);
      return ScanStep::kGoOn;
    };
    absl::Status scanned = ScanRows(*map_, space_, {table, {}, std::nullopt, kScanPage}, add);
    if (!scanned.ok()) return scanned;
  }
  return Digest{sum};
}

}  // namespace quorate
