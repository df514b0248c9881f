#include "sim/history/reference_model.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/kv/envelope.h"

namespace quorate::sim {
namespace {

// The number in decimal, without plus sign, blanks or anything else.
std::optional<std::int64_t> NumberIn(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> Sum(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  if (b > 0 && a > kMost - b) return std::nullopt;
  if (b < 0 && a < kLeast - b) return std::nullopt;
  return a + b;
}

constexpr std::size_t kMaxAskers = 64;

KvReply WithoutRows(KvReply reply) {
  reply.rows.clear();
  reply.continuation.reset();
  return reply;
}

bool IsSeen(const EntryEffect::Kind kind) { return kind == EntryEffect::Kind::kApplied; }

}  // namespace

ReferenceModel::ReferenceModel(const KvLimits& limits, Index start)
    : limits_(limits), start_(start), applied_(start), horizon_(start) {
  revisions_.push_back({start, Revision(0)});
}

// ---- entries ------------------------------------------------------------------------------------------

const EntryEffect& ReferenceModel::Apply(Index index, const Entry& entry) {
  REQUIRE(index == Next(applied_));
  const Revision before = revision_;
  effects_.push_back(Decide(index, entry));
  applied_ = index;
  if (revision_ != before) revisions_.push_back({index, revision_});
  const EntryEffect& effect = effects_.back();
  traces_.push_back({effect.took_effect, effect.reply_bytes});
  return effect;
}

EntryEffect ReferenceModel::Decide(Index index, const Entry& entry) {
  EntryEffect effect;
  switch (entry.kind) {
    case EntryKind::kBarrier:
    case EntryKind::kConfiguration:
      break;
    case EntryKind::kOpenSession:
      return DecideOpening(index, entry.payload.bytes());
    case EntryKind::kCommand:
      return DecideCommand(index, entry.payload.bytes());
  }
  effect.took_effect = index;
  return effect;
}

EntryEffect ReferenceModel::DecideOpening(Index index, std::string_view payload) {
  EntryEffect effect;
  effect.kind = EntryEffect::Kind::kOpened;
  effect.took_effect = index;
  Nonce nonce;
  std::string_view rest;
  if (DecodeNonce(payload, nonce, rest)) {
    const std::uint64_t width = std::max<std::uint64_t>(limits_.nonce_window, 1);
    const std::pair life(nonce.incarnation, nonce.boot);
    const auto known = askers_.find(nonce.node);
    if (known != askers_.end() && known->second.life == life) {
      const auto& opened = known->second.opened;
      if (const auto first = opened.find(nonce.seq); first != opened.end()) {
        effect.kind = EntryEffect::Kind::kRetried;
        effect.took_effect = first->second;
        return effect;
      }
    }
    const bool former = known != askers_.end() && life < known->second.life;
    const bool behind = known != askers_.end() && life == known->second.life &&
                        nonce.seq.value() + width <= known->second.opened.rbegin()->first.value();
    if (former || behind) {
      effect.kind = EntryEffect::Kind::kSessionUnknown;
      effect.reply = Refuse(ReplyStatus::kSessionUnknown);
      effect.reply_bytes = DigestOf(EncodeReply(effect.reply));
      return effect;
    }
    Asker& asker = askers_[nonce.node];
    if (asker.life != life) asker = {life, {}, {}};
    asker.last_used = index;
    asker.opened[nonce.seq] = index;
    while (asker.opened.begin()->first.value() + width <= asker.opened.rbegin()->first.value())
      asker.opened.erase(asker.opened.begin());
    if (askers_.size() > kMaxAskers) {
      askers_.erase(std::min_element(askers_.begin(), askers_.end(), [](auto& a, auto& b) {
        return a.second.last_used < b.second.last_used;
      }));
    }
  }
  OpenSession(index);
  return effect;
}

EntryEffect ReferenceModel::DecideCommand(Index index, std::string_view payload) {
  EntryEffect effect;
  effect.took_effect = index;
  effect.kind = EntryEffect::Kind::kMalformed;
  effect.reply = Refuse(ReplyStatus::kMalformed);
  Envelope envelope;
  if (DecodeEnvelope(payload, envelope)) {
    effect.session = envelope.session;
    effect.seq = envelope.seq;
    effect.command = DigestOf(envelope.command);
    const bool in_session = envelope.session != SessionId(0);
    const auto session = sessions_.find(envelope.session);
    if (in_session && (session == sessions_.end() || envelope.seq <= session->second.floor)) {
      effect.kind = EntryEffect::Kind::kSessionUnknown;
      effect.reply = Refuse(ReplyStatus::kSessionUnknown);
    } else if (in_session && session->second.window.contains(envelope.seq)) {
      const Done& first = session->second.window.at(envelope.seq);
      Use(envelope.session, session->second, index);
      effect.kind = EntryEffect::Kind::kRetried;
      effect.took_effect = first.at;
      effect.reply = first.reply;
      effect.reply_bytes = first.reply_bytes;
      effect.without_rows = first.without_rows;
      return effect;
    } else if (const auto command = DecodeCommand(envelope.command); command.ok()) {
      effect.kind = EntryEffect::Kind::kApplied;
      effect.reply = Execute(index, *command);
    }
  }
  const std::string bytes = EncodeReply(effect.reply);
  effect.reply_bytes = DigestOf(bytes);
  if (IsSeen(effect.kind) && effect.session != SessionId(0)) {
    Remember(effect.session, effect.seq, effect, bytes.size());
  }
  return effect;
}

// ---- commands -----------------------------------------------------------------------------------------

KvReply ReferenceModel::Refuse(ReplyStatus status) const {
  KvReply reply;
  reply.status = status;
  reply.revision = revision_;
  return reply;
}

KvReply ReferenceModel::Found(ReplyStatus status, const std::string& key) const {
  KvReply reply = Refuse(status);
  const RowVersion& row = Current(key);
  reply.rows.push_back({key, row.version, row.value});
  return reply;
}

KvReply ReferenceModel::WriteOne(Index index, const std::string& key, const std::string& value) {
  Write(index, key, value);
  revision_ = Next(revision_);
  KvReply reply = Refuse(ReplyStatus::kOk);
  reply.rows.push_back({key, Current(key).version, std::nullopt});
  return reply;
}

KvReply ReferenceModel::Execute(Index index, const Command& command) {
  if (TooBig(command)) return Refuse(ReplyStatus::kTooBig);
  return std::visit(Match{
                        [&](const Put& c) { return WriteOne(index, c.key, c.value); },
                        [&](const PutIfAbsent& c) {
                          if (Current(c.key).value)
                            return Found(ReplyStatus::kConditionFailed, c.key);
                          return WriteOne(index, c.key, c.value);
                        },
                        [&](const Delete& c) {
                          if (!Current(c.key).value) return Found(ReplyStatus::kNotFound, c.key);
                          Write(index, c.key, std::nullopt);
                          revision_ = Next(revision_);
                          return Found(ReplyStatus::kOk, c.key);
                        },
                        [&](const CasValue& c) {
                          if (Current(c.key).value != c.expected)
                            return Found(ReplyStatus::kConditionFailed, c.key);
                          return WriteOne(index, c.key, c.value);
                        },
                        [&](const CasVersion& c) {
                          if (Current(c.key).version != c.expected) {
                            return Found(ReplyStatus::kConditionFailed, c.key);
                          }
                          return WriteOne(index, c.key, c.value);
                        },
                        [&](const Increment& c) {
                          const RowVersion& row = Current(c.key);
                          const auto number =
                              row.value ? NumberIn(*row.value) : std::optional<std::int64_t>(0);
                          const auto sum = number ? Sum(*number, c.by) : std::nullopt;
                          if (!sum) return Found(ReplyStatus::kNotANumber, c.key);
                          const std::string value = std::to_string(*sum);
                          if (value.size() > limits_.max_value_bytes)
                            return Refuse(ReplyStatus::kTooBig);
                          KvReply reply = WriteOne(index, c.key, value);
                          reply.rows.front().value = value;
                          return reply;
                        },
                        [&](const Batch& c) { return ExecuteBatch(index, c); },
                    },
                    command);
}

KvReply ReferenceModel::ExecuteBatch(Index index, const Batch& batch) {
  KvReply refused = Refuse(ReplyStatus::kConditionFailed);
  std::size_t shown = 0;
  for (const Condition& condition : batch.conditions) {
    const RowVersion& row = Current(condition.key);
    const bool holds =
        std::visit(Match{
                       [&](std::monostate) { return !row.value.has_value(); },
                       [&](const Version& version) { return row.version == version; },
                       [&](const std::string& value) { return row.value == value; },
                   },
                   condition.must_be);
    if (holds) continue;
    if (row.value) shown += row.value->size();
    const bool fits = shown <= limits_.max_range_bytes;
    refused.rows.push_back({condition.key, row.version, fits ? row.value : std::nullopt});
  }
  if (!refused.rows.empty()) return refused;

  bool changed = false;
  KvReply reply = Refuse(ReplyStatus::kOk);
  for (const BatchWrite& write : batch.writes) {
    const bool was_there = Current(write.key).value.has_value();
    if (write.value || was_there) {
      Write(index, write.key, write.value);
      changed = true;
    }
    reply.rows.push_back({write.key, Version{}, std::nullopt});
    if (write.value) reply.rows.back().version.ord = index.value();
  }
  if (changed) revision_ = Next(revision_);
  reply.revision = revision_;
  return reply;
}

bool ReferenceModel::TooBig(const Command& command) const {
  const auto one = [&](const std::string& key, const std::string& value) {
    return key.size() > limits_.max_key_bytes || value.size() > limits_.max_value_bytes;
  };
  return std::visit(Match{
                        [&](const Put& c) { return one(c.key, c.value); },
                        [&](const PutIfAbsent& c) { return one(c.key, c.value); },
                        [&](const Delete& c) { return one(c.key, {}); },
                        [&](const CasValue& c) { return one(c.key, c.value); },
                        [&](const CasVersion& c) { return one(c.key, c.value); },
                        [&](const Increment& c) { return one(c.key, {}); },
                        [&](const Batch& c) {
                          if (c.conditions.size() + c.writes.size() > limits_.max_batch_operations)
                            return true;
                          std::size_t total = 0;
                          for (const Condition& condition : c.conditions) {
                            if (condition.key.size() > limits_.max_key_bytes) return true;
                            total += condition.key.size();
                            if (const auto* value = std::get_if<std::string>(&condition.must_be)) {
                              total += value->size();
                            }
                          }
                          for (const BatchWrite& write : c.writes) {
                            const std::string value = write.value.value_or("");
                            if (one(write.key, value)) return true;
                            total += write.key.size() + value.size();
                          }
                          return total > limits_.max_batch_bytes;
                        },
                    },
                    command);
}

// ---- rows ---------------------------------------------------------------------------------------------

const ReferenceModel::RowVersion& ReferenceModel::Current(std::string_view key) const {
  static const RowVersion kAbsentRow{};
  const auto row = rows_.find(key);
  return row == rows_.end() ? kAbsentRow : row->second.back();
}

const ReferenceModel::RowVersion* ReferenceModel::VersionAt(const std::deque<RowVersion>& versions,
                                                            Index at) {
  const auto behind =
      std::upper_bound(versions.begin(), versions.end(), at,
                       [](Index i, const RowVersion& row) { return i < row.since; });
  if (behind == versions.begin()) return nullptr;
  const RowVersion& row = *std::prev(behind);
  return row.value ? &row : nullptr;
}

void ReferenceModel::Write(Index index, const std::string& key, std::optional<std::string> value) {
  const auto row = rows_.try_emplace(key).first;
  std::deque<RowVersion>& versions = row->second;
  RowVersion written{index, Version{}, std::move(value)};
  if (written.value) written.version.ord = index.value();
  if (!versions.empty() && versions.back().since == index) {
    versions.back() = std::move(written);  // a batch that writes a key twice
    return;
  }
  versions.push_back(std::move(written));
  superseded_.push_back({index, row});
}

Revision ReferenceModel::RevisionAt(Index at) const {
  const auto behind =
      std::upper_bound(revisions_.begin(), revisions_.end(), at,
                       [](Index i, const RevisionSince& entry) { return i < entry.since; });
  INVARIANT(behind != revisions_.begin());
  return std::prev(behind)->revision;
}

void ReferenceModel::Forget(Index horizon) {
  horizon = std::min(horizon, applied_);
  if (horizon <= horizon_) return;
  while (horizon_ < horizon) {
    effects_.pop_front();
    horizon_ = Next(horizon_);
  }
  while (!superseded_.empty() && superseded_.front().since <= horizon) {
    const auto [since, row] = superseded_.front();
    superseded_.pop_front();
    std::deque<RowVersion>& versions = row->second;
    while (versions.size() > 1 && versions[1].since <= horizon) versions.pop_front();
    // An absence goes with its own note: an earlier one would leave that note without its row.
    if (versions.back().since == since && !versions.back().value) rows_.erase(row);
  }
  while (revisions_.size() > 1 && revisions_[1].since <= horizon) revisions_.pop_front();
}

// ---- questions ----------------------------------------------------------------------------------------

KvReply ReferenceModel::Answer(const Query& query, Index at) const {
  REQUIRE(horizon_ <= at && at <= applied_);
  return std::visit(Match{
                        [&](const Get& get) {
                          KvReply reply;
                          reply.revision = RevisionAt(at);
                          if (get.key.size() > limits_.max_key_bytes) {
                            reply.status = ReplyStatus::kTooBig;
                            return reply;
                          }
                          const auto row = rows_.find(get.key);
                          const RowVersion* found =
                              row == rows_.end() ? nullptr : VersionAt(row->second, at);
                          reply.status = found ? ReplyStatus::kOk : ReplyStatus::kNotFound;
                          reply.rows.push_back({get.key, Version{}, std::nullopt});
                          if (found == nullptr) return reply;
                          reply.rows.front().version = found->version;
                          reply.rows.front().value = found->value;
                          return reply;
                        },
                        [&](const Range& range) { return AnswerRange(range, at); },
                    },
                    query);
}

// As many rows as fit: a row too many, in number or once the bytes are reached, is where to go on.
KvReply ReferenceModel::AnswerRange(const Range& range, Index at) const {
  KvReply reply;
  reply.revision = RevisionAt(at);
  const std::uint64_t most = std::max<std::uint64_t>(limits_.max_range_rows, 1);
  const std::uint64_t limit = range.limit == 0 ? most : std::min(range.limit, most);
  std::size_t bytes = 0;
  for (auto row = rows_.lower_bound(range.from); row != rows_.end(); ++row) {
    if (!range.to.empty() && row->first >= range.to) break;
    const RowVersion* found = VersionAt(row->second, at);
    if (found == nullptr) continue;
    const bool full =
        reply.rows.size() == limit || (!reply.rows.empty() && bytes >= limits_.max_range_bytes);
    if (full) {
      reply.continuation = row->first;
      break;
    }
    bytes += row->first.size() + found->value->size();
    reply.rows.push_back({row->first, found->version, found->value});
  }
  return reply;
}

std::vector<ReplyRow> ReferenceModel::RowsBetween(Index at, const std::string& behind,
                                                  const std::optional<std::string>& last) const {
  std::vector<ReplyRow> rows;
  for (auto row = behind.empty() ? rows_.begin() : rows_.upper_bound(behind); row != rows_.end();
       ++row) {
    if (last && row->first > *last) break;
    const RowVersion* found = VersionAt(row->second, at);
    if (found != nullptr) rows.push_back({row->first, found->version, found->value});
  }
  return rows;
}

const EntryEffect* ReferenceModel::EffectAt(Index at) const {
  REQUIRE(start_ < at && at <= applied_);
  if (at <= horizon_) return nullptr;
  return &effects_[at.value() - horizon_.value() - 1];
}

const ReferenceModel::Trace& ReferenceModel::TraceAt(Index at) const {
  REQUIRE(start_ < at && at <= applied_);
  return traces_[at.value() - start_.value() - 1];
}

// ---- sessions -----------------------------------------------------------------------------------------

void ReferenceModel::OpenSession(Index index) {
  const std::size_t most = std::max<std::size_t>(limits_.max_sessions, 1);
  Use(SessionId(index.value()), sessions_[SessionId(index.value())], index);
  while (sessions_.size() > most) {
    const auto oldest = by_use_.begin();
    sessions_.erase(oldest->second);
    by_use_.erase(oldest);
    ++evictions_;
  }
}

void ReferenceModel::Use(SessionId id, Session& session, Index index) {
  by_use_.erase(session.last_used);
  session.last_used = index;
  by_use_[index] = id;
}

void ReferenceModel::Remember(SessionId id, SessionSeq seq, const EntryEffect& effect,
                              std::size_t reply_size) {
  Session& session = sessions_.at(id);
  Use(id, session, effect.took_effect);
  const std::string bare = EncodeReply(WithoutRows(effect.reply));
  session.window[seq] = {effect.took_effect, reply_size - bare.size(), effect.reply_bytes,
                         effect.reply, false};
  session.bytes += reply_size - bare.size();
  session.highest = std::max(session.highest, seq);
  const std::uint64_t width = std::max<std::uint64_t>(limits_.session_window, 1);
  if (session.highest.value() > width) {
    session.floor = std::max(session.floor, SessionSeq(session.highest.value() - width));
  }
  while (session.window.begin()->first <= session.floor) DropLowest(session);
  for (auto& [number, done] : session.window) {
    if (session.bytes <= limits_.session_window_bytes) break;
    if (number == seq || done.bytes == 0) continue;
    session.bytes -= done.bytes;
    const KvReply left = WithoutRows(done.reply);
    done = {done.at, 0, DigestOf(EncodeReply(left)), left, true};
  }
}

void ReferenceModel::DropLowest(Session& session) {
  const auto lowest = session.window.begin();
  session.floor = std::max(session.floor, lowest->first);
  session.bytes -= lowest->second.bytes;
  session.window.erase(lowest);
}

}  // namespace quorate::sim
