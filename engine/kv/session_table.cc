#include "engine/kv/session_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/kv/row.h"
#include "engine/kv/scan.h"

namespace quorate {
namespace {

struct Header {
  SessionSeq max_seq;
  SessionSeq floor;
  Index last_used;
};
struct ReplyKey {
  SessionId session;
  SessionSeq seq;
};
struct StoredReply {
  Index took_effect;
  std::string_view reply;
  ReplyHead head;
};

std::string HeaderKey(SessionId id) {
  std::string key;
  AppendOrdered(id.value(), key);
  return key;
}

bool DecodeHeaderKey(std::string_view bytes, SessionId& id) {
  Decoder decoder(bytes);
  id = SessionId(TakeOrdered(decoder));
  return decoder.done() && id != SessionId(0);
}

// Sorts before every session: the number 0 is none's.
std::string NonceKey(NodeId node) {
  std::string key;
  AppendOrdered(0, key);
  AppendOrdered(node.value(), key);
  return key;
}

// An opening is answered with nothing but the place where it took effect.
bool IsEmpty(std::string_view reply) { return reply.empty(); }

bool DecodeNonceKey(std::string_view bytes, NodeId& node) {
  Decoder decoder(bytes);
  const std::uint64_t zero = TakeOrdered(decoder);
  const std::uint64_t number = TakeOrdered(decoder);
  node = NodeId(static_cast<std::uint32_t>(number));
  return decoder.done() && zero == 0 && number == node.value() && number != 0;
}

std::string EncodeHeader(const Header& header) {
  std::string out;
  Encoder encoder(out);
  encoder.Varint(header.max_seq.value());
  encoder.Varint(header.floor.value());
  encoder.Varint(header.last_used.value());
  return out;
}

bool DecodeHeader(std::string_view bytes, Header& header) {
  Decoder decoder(bytes);
  header.max_seq = SessionSeq(decoder.Varint());
  header.floor = SessionSeq(decoder.Varint());
  header.last_used = Index(decoder.Varint());
  return decoder.done() && header.floor <= header.max_seq && header.last_used != Index(0);
}

std::string ReplyKeyOf(SessionId id, SessionSeq seq) {
  std::string key;
  AppendOrdered(id.value(), key);
  AppendOrdered(seq.value(), key);
  return key;
}

bool DecodeReplyKey(std::string_view bytes, ReplyKey& key) {
  Decoder decoder(bytes);
  key.session = SessionId(TakeOrdered(decoder));
  key.seq = SessionSeq(TakeOrdered(decoder));
  return decoder.done() && key.session != SessionId(0) && key.seq != SessionSeq(0);
}

bool DecodeStoredReply(std::string_view bytes, StoredReply& stored) {
  Decoder decoder(bytes);
  stored.took_effect = Index(decoder.Varint());
  stored.reply = decoder.Rest();
  return decoder.ok() && stored.took_effect != Index(0) &&
         DecodeReplyHead(stored.reply, stored.head);
}

// What the rows of a reply take.
std::size_t BytesBeyondHead(std::string_view reply, const ReplyHead& head) {
  const std::size_t alone = EncodeReplyHead(head).size();
  return reply.size() > alone ? reply.size() - alone : 0;
}

}  // namespace

SessionTable::SessionTable(const KvLimits& limits)
    : max_sessions_(std::max<std::size_t>(limits.max_sessions, 1)),
      window_(std::max<std::size_t>(limits.session_window, 1)),
      window_bytes_(limits.session_window_bytes),
      nonce_window_(std::max<std::size_t>(limits.nonce_window, 1)) {}

// ---- loading --------------------------------------------------------------------------------------------

absl::Status SessionTable::Load(const MapPort& map, const MapSpace& space) {
  REQUIRE(sessions_.empty());
  const auto load_header = [&](const MapRow& row) -> absl::StatusOr<ScanStep> {
    if (absl::Status loaded = LoadHeader(row); !loaded.ok()) return loaded;
    return ScanStep::kGoOn;
  };
  const auto load_reply = [&](const MapRow& row) -> absl::StatusOr<ScanStep> {
    if (absl::Status loaded = LoadReply(row); !loaded.ok()) return loaded;
    return ScanStep::kGoOn;
  };
  const ScanRange headers{Table::kSession, {}, std::nullopt, kScanPage};
  if (absl::Status s = ScanRows(map, space, headers, load_header); !s.ok()) return s;
  const ScanRange replies{Table::kSessionReply, {}, std::nullopt, kScanPage};
  return ScanRows(map, space, replies, load_reply);
}

absl::Status SessionTable::LoadHeader(const MapRow& row) {
  SessionId id;
  Header header;
  NodeId node;
  if (DecodeNonceKey(row.key, node)) {
    if (!nonces_.DecodeRow(node, row.value, IsEmpty))
      return absl::DataLossError("stored nonces are none");
    digest_ += nonce_digests_[node] = DigestOfMapRow(Table::kSession, row.key, row.value);
    return absl::OkStatus();
  }
  if (!DecodeHeaderKey(row.key, id) || !DecodeHeader(row.value, header)) {
    return absl::DataLossError("a stored session is none");
  }
  if (!by_last_use_.emplace(header.last_used, id).second) {
    return absl::DataLossError("two sessions were last used by the same entry");
  }
  Session& session = sessions_[id];
  session.max_seq = header.max_seq;
  session.floor = header.floor;
  session.last_used = header.last_used;
  session.header_digest = DigestOfMapRow(Table::kSession, row.key, row.value);
  digest_ += session.header_digest;
  return absl::OkStatus();
}

absl::Status SessionTable::LoadReply(const MapRow& row) {
  ReplyKey key;
  StoredReply stored;
  if (!DecodeReplyKey(row.key, key) || !DecodeStoredReply(row.value, stored)) {
    return absl::DataLossError("a stored session reply is none");
  }
  const auto at = sessions_.find(key.session);
  if (at == sessions_.end()) return absl::DataLossError("a stored reply of no session");
  Session& session = at->second;
  if (key.seq <= session.floor || key.seq > session.max_seq) {
    return absl::DataLossError("a stored reply outside its session's window");
  }
  const std::uint64_t digest = DigestOfMapRow(Table::kSessionReply, row.key, row.value);
  digest_ += digest;
  const std::size_t bytes = BytesBeyondHead(stored.reply, stored.head);
  session.window_bytes += bytes;
  session.window.push_back({key.seq, stored.took_effect, stored.head, bytes, digest});
  return absl::OkStatus();
}

bool SessionTable::IsRow(Table table, std::string_view key, std::string_view value) {
  SessionId id;
  Header header;
  ReplyKey reply_key;
  StoredReply stored;
  NodeId node;
  switch (table) {
    case Table::kSession:
      if (DecodeNonceKey(key, node)) return NonceTable().DecodeRow(node, value, IsEmpty);
      return DecodeHeaderKey(key, id) && DecodeHeader(value, header);
    case Table::kSessionReply:
      return DecodeReplyKey(key, reply_key) && DecodeStoredReply(value, stored);
    case Table::kMeta:
    case Table::kRow:
      break;
  }
  UNREACHABLE("not a table of sessions");
}

absl::StatusOr<std::string> SessionTable::ReadReply(const MapPort& map, const MapSpace& space,
                                                    SessionId session, SessionSeq seq) {
  absl::StatusOr<std::optional<std::string>> row =
      map.Get(space, Table::kSessionReply, ReplyKeyOf(session, seq));
  if (!row.ok()) return row.status();
  StoredReply stored;
  if (!row->has_value() || !DecodeStoredReply(**row, stored)) {
    return absl::DataLossError("the reply to a retried command is not in the map");
  }
  return std::string(stored.reply);
}

// ---- applying -------------------------------------------------------------------------------------------

SessionTable::Verdict SessionTable::Judge(SessionId id, SessionSeq seq) const {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return {Judgement::kUnknown, Index(0)};
  const Session& session = at->second;
  if (seq > session.max_seq) return {Judgement::kNew, Index(0)};
  if (seq <= session.floor) return {Judgement::kUnknown, Index(0)};
  const auto in_window =
      std::lower_bound(session.window.begin(), session.window.end(), seq,
                       [](const Recorded& recorded, SessionSeq s) { return recorded.seq < s; });
  // A gap within the window: sequence numbers may arrive out of order.
  if (in_window == session.window.end() || in_window->seq != seq)
    return {Judgement::kNew, Index(0)};
  Verdict retry{Judgement::kRetry, in_window->took_effect};
  if (in_window->bytes == 0) retry.reply = in_window->head;
  return retry;
}

SessionTable::Verdict SessionTable::Open(Index index, std::string_view nonce_bytes,
                                         std::vector<MapChange>& changes) {
  Nonce nonce;
  std::string_view rest;
  if (DecodeNonce(nonce_bytes, nonce, rest)) {
    const NonceTable::Verdict verdict = nonces_.Judge(nonce, nonce_window_);
    switch (verdict.judgement) {
      case NonceTable::Judgement::kNew:
        break;
      case NonceTable::Judgement::kRetry:
        return {Judgement::kRetry, verdict.took_effect};
      case NonceTable::Judgement::kForgotten:
        return {Judgement::kUnknown, Index(0)};
    }
    const NodeId evicted = nonces_.Record(nonce, index, {}, nonce_window_);
    if (evicted != NodeId()) ForgetNonces(evicted, changes);
    if (std::find(nonces_changed_.begin(), nonces_changed_.end(), nonce.node) ==
        nonces_changed_.end()) {
      nonces_changed_.push_back(nonce.node);
    }
  }
  while (sessions_.size() >= max_sessions_) Evict(changes);
  const SessionId id(index.value());
  const auto [at, is_new] = sessions_.try_emplace(id);
  REQUIRE(is_new);
  Use(id, at->second, index);
  return {Judgement::kNew, index};
}

void SessionTable::ForgetNonces(NodeId node, std::vector<MapChange>& changes) {
  digest_ -= nonce_digests_[node];
  nonce_digests_.erase(node);
  changes.push_back({Table::kSession, NonceKey(node), std::nullopt});
}

void SessionTable::Touch(SessionId id, Index index) {
  const auto at = sessions_.find(id);
  REQUIRE(at != sessions_.end());
  Use(id, at->second, index);
}

void SessionTable::Use(SessionId id, Session& session, Index index) {
  REQUIRE(index > session.last_used);
  by_last_use_.erase(session.last_used);
  by_last_use_.emplace_hint(by_last_use_.end(), index, id);
  session.last_used = index;
  if (session.header_changed) return;
  session.header_changed = true;
  header_changed_.push_back(id);
}

void SessionTable::Record(SessionId id, SessionSeq seq, Index index, std::string_view reply,
                          std::vector<MapChange>& changes) {
  const auto at = sessions_.find(id);
  REQUIRE(at != sessions_.end());
  Session& session = at->second;
  REQUIRE(seq > session.floor);
  Use(id, session, index);

  Recorded recorded{seq, index, {}, 0, 0};
  const bool decoded = DecodeReplyHead(reply, recorded.head);
  REQUIRE(decoded);
  recorded.bytes = BytesBeyondHead(reply, recorded.head);
  Write(id, recorded, reply, changes);
  session.window_bytes += recorded.bytes;
  const auto place =
      std::upper_bound(session.window.begin(), session.window.end(), seq,
                       [](SessionSeq s, const Recorded& other) { return s < other.seq; });
  session.window.insert(place, recorded);

  session.max_seq = std::max(session.max_seq, seq);
  if (session.max_seq.value() > window_) {
    session.floor = std::max(session.floor, SessionSeq(session.max_seq.value() - window_));
  }
  std::size_t drop = 0;
  while (session.window[drop].seq <= session.floor) ++drop;  // the newest is above the floor
  if (drop > 0) DropOldest(id, session, drop, changes);
  MakeRoom(id, session, seq, changes);
}

void SessionTable::Write(SessionId id, Recorded& recorded, std::string_view reply,
                         std::vector<MapChange>& changes) {
  MapChange& change = changes.emplace_back();
  change.table = Table::kSessionReply;
  change.key = ReplyKeyOf(id, recorded.seq);
  std::string& row = change.value.emplace();
  row.reserve(reply.size() + 6);
  Encoder encoder(row);
  encoder.Varint(recorded.took_effect.value());
  encoder.Raw(reply);
  digest_ -= recorded.digest;
  recorded.digest = DigestOfMapRow(Table::kSessionReply, change.key, row);
  digest_ += recorded.digest;
}

// Each reply loses its rows once, so a command still writes O(1) rows. The newest keeps them: it is the one
// that is most likely to be asked for again.
void SessionTable::MakeRoom(SessionId id, Session& session, SessionSeq newest,
                            std::vector<MapChange>& changes) {
  for (Recorded& recorded : session.window) {
    if (session.window_bytes <= window_bytes_) return;
    if (recorded.bytes == 0 || recorded.seq == newest) continue;
    session.window_bytes -= std::exchange(recorded.bytes, 0);
    Write(id, recorded, EncodeReplyHead(recorded.head), changes);
  }
}

void SessionTable::DropOldest(SessionId id, Session& session, std::size_t count,
                              std::vector<MapChange>& changes) {
  const auto begin = session.window.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  for (auto at = begin; at != end; ++at) {
    digest_ -= at->digest;
    session.window_bytes -= at->bytes;
    session.floor = std::max(session.floor, at->seq);
    changes.push_back({Table::kSessionReply, ReplyKeyOf(id, at->seq), std::nullopt});
  }
  session.window.erase(begin, end);
}

void SessionTable::Evict(std::vector<MapChange>& changes) {
  const SessionId id = by_last_use_.begin()->second;
  const auto at = sessions_.find(id);
  INVARIANT(at != sessions_.end());
  Session& session = at->second;
  DropOldest(id, session, session.window.size(), changes);
  digest_ -= session.header_digest;
  changes.push_back({Table::kSession, HeaderKey(id), std::nullopt});
  by_last_use_.erase(by_last_use_.begin());
  sessions_.erase(at);
}

void SessionTable::TakeHeaders(std::vector<MapChange>& changes) {
  for (const SessionId id : header_changed_) {
    const auto at = sessions_.find(id);
    if (at == sessions_.end()) continue;  // evicted by a later entry of the batch
    Session& session = at->second;
    session.header_changed = false;
    MapChange& change = changes.emplace_back();
    change.table = Table::kSession;
    change.key = HeaderKey(id);
    change.value = EncodeHeader({session.max_seq, session.floor, session.last_used});
    digest_ -= session.header_digest;
    session.header_digest = DigestOfMapRow(Table::kSession, change.key, *change.value);
    digest_ += session.header_digest;
  }
  header_changed_.clear();
  for (const NodeId node : nonces_changed_) {
    if (!nonces_.Has(node)) continue;  // its row went with a later entry of the batch
    MapChange& change = changes.emplace_back();
    change.table = Table::kSession;
    change.key = NonceKey(node);
    change.value = nonces_.EncodeRow(node);
    std::uint64_t& digest = nonce_digests_[node];
    digest_ -= digest;
    digest_ += digest = DigestOfMapRow(Table::kSession, change.key, *change.value);
  }
  nonces_changed_.clear();
}

}  // namespace quorate
