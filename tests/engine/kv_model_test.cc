// Random logs against a reference: the naive state machine that the specification describes, on std::map,
// with no batches, no overlay and no encoding. The real one crashes, falls back and replays at any point.
#include <charconv>
#include <map>

#include <gtest/gtest.h>

#include "engine/base/match.h"
#include "tests/engine/kv_testing.h"

namespace quorate {
namespace {

using S = ReplyStatus;

struct ModelRow {
  Version version;
  std::string value;
};
struct ModelSession {
  std::uint64_t max_seq = 0;
  std::uint64_t floor = 0;
  std::uint64_t last_used = 0;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::string>> window;  // seq: where, bytes
};

struct ModelAsker {
  std::uint64_t boot = 0;
  std::map<std::uint64_t, std::uint64_t> opened;  // seq: where
};

class Model {
 public:
  explicit Model(const KvLimits& limits) : limits_(limits) {}

  struct Result {
    std::uint64_t took_effect;
    std::string reply;
  };

  // Answered as the first opening with this nonce, as long as that is remembered.
  Result OpenOnce(std::uint64_t index, const Nonce& nonce) {
    ModelAsker& asker = askers_[nonce.node.value()];
    const std::uint64_t seq = nonce.seq.value();
    if (nonce.boot.value() > asker.boot) asker = {nonce.boot.value(), {}};
    const std::uint64_t highest = asker.opened.empty() ? 0 : asker.opened.rbegin()->first;
    const bool behind = seq + limits_.nonce_window <= highest;
    if (nonce.boot.value() < asker.boot || behind)
      return {index, EncodeReply({S::kSessionUnknown, Revision(revision_), {}, {}})};
    if (asker.opened.contains(seq)) return {asker.opened[seq], ""};
    asker.opened[seq] = index;
    Open(index);
    return {index, ""};
  }

  void Open(std::uint64_t index) {
    while (sessions_.size() >= limits_.max_sessions) {
      auto oldest = sessions_.begin();
      for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
        if (at->second.last_used < oldest->second.last_used) oldest = at;
      }
      sessions_.erase(oldest);
    }
    sessions_[index].last_used = index;
  }

  Result Apply(std::uint64_t index, std::uint64_t session, std::uint64_t seq,
               const Command& command) {
    if (session == 0) return {index, EncodeReply(Decide(index, command))};
    const auto at = sessions_.find(session);
    const KvReply unknown{S::kSessionUnknown, Revision(revision_), {}, {}};
    if (at == sessions_.end()) return {index, EncodeReply(unknown)};
    ModelSession& s = at->second;
    if (s.window.contains(seq)) {
      s.last_used = index;
      return {s.window[seq].first, s.window[seq].second};
    }
    if (seq <= s.floor) return {index, EncodeReply(unknown)};
    const std::string reply = EncodeReply(Decide(index, command));
    s.last_used = index;
    s.window[seq] = {index, reply};
    s.max_seq = std::max(s.max_seq, seq);
    if (s.max_seq > limits_.session_window) {
      s.floor = std::max(s.floor, s.max_seq - limits_.session_window);
    }
    while (s.window.begin()->first <= s.floor) s.window.erase(s.window.begin());
    for (auto& [number, done] : s.window) {
      if (BytesOf(s) <= limits_.session_window_bytes) break;
      if (number != seq) done.second = Bare(done.second);
    }
    return {index, reply};
  }

  KvReply Answer(const Query& query) const {
    return std::visit(Match{
                          [&](const Get& q) {
                            const ReplyRow row = RowAt(q.key);
                            return Reply(row.value.has_value() ? S::kOk : S::kNotFound, {row});
                          },
                          [&](const Range& q) {
                            KvReply reply = Reply(S::kOk, {});
                            std::size_t limit = limits_.max_range_rows;
                            if (q.limit != 0) limit = std::min<std::size_t>(limit, q.limit);
                            std::size_t bytes = 0;
                            for (const auto& [key, row] : rows_) {
                              if (key < q.from || (!q.to.empty() && key >= q.to)) continue;
                              if (reply.rows.size() == limit ||
                                  (!reply.rows.empty() && bytes >= limits_.max_range_bytes)) {
                                reply.continuation = key;
                                break;
                              }
                              bytes += key.size() + row.value.size();
                              reply.rows.push_back({key, row.version, row.value});
                            }
                            return reply;
                          },
                      },
                      query);
  }

  std::uint64_t revision() const { return revision_; }
  std::size_t sessions() const { return sessions_.size(); }

 private:
  static std::size_t BytesOf(const ModelSession& s) {
    std::size_t bytes = 0;
    for (const auto& [seq, recorded] : s.window)
      bytes += recorded.second.size() - Bare(recorded.second).size();
    return bytes;
  }
  // How it went, without what was found or written.
  static std::string Bare(const std::string& reply) {
    KvReply decoded = *DecodeReply(reply);
    decoded.rows.clear();
    return EncodeReply(decoded);
  }
  KvReply Reply(S status, std::vector<ReplyRow> rows) const {
    return {status, Revision(revision_), std::move(rows), std::nullopt};
  }
  ReplyRow RowAt(const std::string& key) const {
    const auto at = rows_.find(key);
    if (at == rows_.end()) return Absent(key);
    return {key, at->second.version, at->second.value};
  }
  KvReply Write(std::uint64_t index, const std::string& key, const std::string& value) {
    rows_[key] = {At(index), value};
    ++revision_;
    return Reply(S::kOk, {Written(key, index)});
  }
  bool Fits(const std::string& key, const std::string& value) const {
    return key.size() <= limits_.max_key_bytes && value.size() <= limits_.max_value_bytes;
  }
  KvReply WriteIf(std::uint64_t index, const std::string& key, const std::string& value,
                  bool holds) {
    if (!Fits(key, value)) return Reply(S::kTooBig, {});
    return holds ? Write(index, key, value) : Reply(S::kConditionFailed, {RowAt(key)});
  }

  KvReply Decide(std::uint64_t index, const Command& command) {
    return std::visit(Match{
                          [&](const Put& c) { return WriteIf(index, c.key, c.value, true); },
                          [&](const PutIfAbsent& c) {
                            return WriteIf(index, c.key, c.value, !rows_.contains(c.key));
                          },
                          [&](const Delete& c) {
                            if (!Fits(c.key, "")) return Reply(S::kTooBig, {});
                            const bool there = rows_.erase(c.key) > 0;
                            if (there) ++revision_;
                            return Reply(there ? S::kOk : S::kNotFound, {Absent(c.key)});
                          },
                          [&](const CasValue& c) {
                            return WriteIf(index, c.key, c.value, RowAt(c.key).value == c.expected);
                          },
                          [&](const CasVersion& c) {
                            return WriteIf(index, c.key, c.value,
                                           RowAt(c.key).version == c.expected);
                          },
                          [&](const Increment& c) { return Add(index, c); },
                          [&](const Batch& c) { return All(index, c); },
                      },
                      command);
  }

  KvReply Add(std::uint64_t index, const Increment& c) {
    if (!Fits(c.key, "")) return Reply(S::kTooBig, {});
    const std::string text = RowAt(c.key).value.value_or("0");
    std::int64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    const bool above = c.by > 0 && number > INT64_MAX - c.by;
    const bool below = c.by < 0 && number < INT64_MIN - c.by;
    if (!whole || above || below) return Reply(S::kNotANumber, {RowAt(c.key)});
    const std::string value = std::to_string(number + c.by);
    if (!Fits(c.key, value)) return Reply(S::kTooBig, {});
    KvReply reply = Write(index, c.key, value);
    reply.rows[0].value = value;
    return reply;
  }

  bool BatchFits(const Batch& c) const {
    std::size_t bytes = 0;
    for (const Condition& condition : c.conditions) {
      const auto* value = std::get_if<std::string>(&condition.must_be);
      if (!Fits(condition.key, "")) return false;
      bytes += condition.key.size() + (value != nullptr ? value->size() : 0);
    }
    for (const BatchWrite& write : c.writes) {
      if (!Fits(write.key, write.value.value_or(""))) return false;
      bytes += write.key.size() + write.value.value_or("").size();
    }
    return bytes <= limits_.max_batch_bytes &&
           c.conditions.size() + c.writes.size() <= limits_.max_batch_operations;
  }

  KvReply All(std::uint64_t index, const Batch& c) {
    if (!BatchFits(c)) return Reply(S::kTooBig, {});
    KvReply failed = Reply(S::kConditionFailed, {});
    std::size_t bytes = 0;
    for (const Condition& condition : c.conditions) {
      ReplyRow row = RowAt(condition.key);
      const bool holds = std::visit(Match{
                                        [&](std::monostate) { return !row.value.has_value(); },
                                        [&](const Version& v) { return row.version == v; },
                                        [&](const std::string& v) { return row.value == v; },
                                    },
                                    condition.must_be);
      if (holds) continue;
      bytes += row.value.value_or("").size();
      if (bytes > limits_.max_range_bytes) row.value.reset();
      failed.rows.push_back(std::move(row));
    }
    if (!failed.rows.empty()) return failed;
    bool changed = false;
    std::vector<ReplyRow> rows;
    for (const BatchWrite& write : c.writes) {
      if (write.value.has_value()) {
        rows_[write.key] = {At(index), *write.value};
        changed = true;
        rows.push_back(Written(write.key, index));
      } else {
        changed |= rows_.erase(write.key) > 0;
        rows.push_back(Absent(write.key));
      }
    }
    if (changed) ++revision_;
    return Reply(S::kOk, rows);
  }

  KvLimits limits_;
  std::map<std::string, ModelRow> rows_;
  std::map<std::uint64_t, ModelSession> sessions_;
  std::map<std::uint32_t, ModelAsker> askers_;
  std::uint64_t revision_ = 0;
};

// One random history: a log, what the model said at each index, and the machine that has to keep up.
class History {
 public:
  explicit History(std::uint64_t seed) : dice_(seed), bed_(LimitsOf(dice_)), model_(bed_.limits) {
    bed_.map.page_rows = 1 + dice_.Roll(5);
    if (dice_.OneIn(2)) bed_.map.page_rows = 1000;
  }

  void Run(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      for (std::uint64_t n = 1 + dice_.Roll(6); n > 0; --n) AppendOne();
      CatchUp();
      if (::testing::Test::HasFatalFailure()) return;
      if (dice_.OneIn(6)) Crash();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  std::size_t retries() const { return retries_; }
  std::size_t refused() const { return refused_; }
  std::size_t replayed() const { return replayed_; }
  std::size_t openings_again() const { return openings_again_; }

 private:
  static KvLimits LimitsOf(Dice& dice) {
    KvLimits limits;
    limits.max_key_bytes = 2;
    limits.max_value_bytes = 12;
    limits.max_batch_operations = 4;
    limits.max_batch_bytes = 24;
    limits.max_range_rows = 1 + dice.Roll(4);
    limits.max_range_bytes = 1 + dice.Roll(20);
    limits.max_sessions = 1 + dice.Roll(4);
    limits.session_window = 1 + dice.Roll(5);
    limits.session_window_bytes = 10 + dice.Roll(60);
    limits.nonce_window = 1 + dice.Roll(4);
    return limits;
  }

  std::string Key() {
    if (dice_.OneIn(40)) return "xyz";  // over the limit
    return std::string(1, static_cast<char>('a' + dice_.Roll(5)));
  }
  std::string Value() {
    if (dice_.OneIn(3)) return std::to_string(dice_.Roll(3));
    if (dice_.OneIn(20)) return "9223372036854775807";
    return std::string(dice_.Roll(13), static_cast<char>('p' + dice_.Roll(2)));
  }
  Version SomeVersion() { return dice_.OneIn(3) ? Version{} : At(1 + dice_.Roll(log_.size() + 1)); }

  Command SomeCommand() {
    switch (dice_.Roll(7)) {
      case 0:
        return Put{Key(), Value()};
      case 1:
        return PutIfAbsent{Key(), Value()};
      case 2:
        return Delete{Key()};
      case 3:
        return CasValue{Key(), dice_.OneIn(3) ? std::nullopt : std::optional(Value()), Value()};
      case 4:
        return CasVersion{Key(), CurrentVersion(Key()), Value()};
      case 5:
        return Increment{Key(), static_cast<std::int64_t>(dice_.Roll(5)) - 2};
      default:
        return SomeBatch();
    }
  }
  Version CurrentVersion(const std::string& key) {
    return dice_.OneIn(2) ? model_.Answer(Get{key}).rows[0].version : SomeVersion();
  }
  Batch SomeBatch() {
    Batch batch;
    for (std::uint64_t n = dice_.Roll(3); n > 0; --n) {
      Condition condition{Key(), std::monostate{}};
      if (dice_.OneIn(2)) condition.must_be = CurrentVersion(condition.key);
      if (dice_.OneIn(3)) condition.must_be = Value();
      batch.conditions.push_back(std::move(condition));
    }
    for (std::uint64_t n = dice_.Roll(4); n > 0; --n) {
      batch.writes.push_back({Key(), dice_.OneIn(3) ? std::nullopt : std::optional(Value())});
    }
    return batch;
  }

  void AppendOpening(std::uint64_t index) {
    if (dice_.OneIn(3)) {
      log_.push_back(OpenEntry());
      model_.Open(index);
      sessions_seen_.push_back(index);
      expected_.push_back(Model::Result{index, ""});
      return;
    }
    if (dice_.OneIn(10)) ++boot_;
    if (dice_.OneIn(2)) ++opening_;
    const std::uint64_t back = dice_.OneIn(3) ? dice_.Roll(5) : 0;
    const std::uint64_t boot = boot_ - (dice_.OneIn(8) ? 1 : 0);
    const Nonce nonce{NodeId(1 + static_cast<std::uint32_t>(dice_.Roll(2))), Incarnation(1),
                      BootNumber(boot), SessionSeq(opening_ > back ? opening_ - back : 1)};
    log_.push_back({Term(1), EntryKind::kOpenSession, Payload(EncodeNonce(nonce))});
    expected_.push_back(model_.OpenOnce(index, nonce));
    if (expected_.back()->took_effect == index) {
      if (expected_.back()->reply.empty()) sessions_seen_.push_back(index);
    } else {
      ++openings_again_;
    }
  }

  // Appends an entry and asks the model at once.
  void AppendOne() {
    const std::uint64_t index = log_.size() + 1;
    if (dice_.OneIn(12)) {
      AppendOpening(index);
      return;
    }
    if (dice_.OneIn(15)) {
      log_.push_back({Term(1), EntryKind::kBarrier, {}});
      expected_.push_back(std::nullopt);
      return;
    }
    if (!commands_.empty() && dice_.OneIn(4)) {  // sent again, perhaps long after
      const std::size_t back = std::min<std::size_t>(commands_.size(), 8);
      Append(commands_[commands_.size() - 1 - dice_.Roll(back)]);
      return;
    }
    Sent sent{0, 0, SomeCommand()};
    if (!sessions_seen_.empty() && !dice_.OneIn(5)) {
      const std::size_t back = std::min<std::size_t>(sessions_seen_.size(), 3);
      sent.session = sessions_seen_[sessions_seen_.size() - 1 - dice_.Roll(back)];
      std::uint64_t& last = last_seq_[sent.session];
      sent.seq = dice_.OneIn(3) ? last + dice_.Roll(4) : ++last;
      last = std::max(last, sent.seq);
    }
    commands_.push_back(sent);
    Append(sent);
  }

  struct Sent {
    std::uint64_t session;
    std::uint64_t seq;
    Command command;
  };
  void Append(const Sent& sent) {
    const std::uint64_t index = log_.size() + 1;
    log_.push_back(CommandEntry(sent.command, sent.session, sent.seq));
    const Model::Result result = model_.Apply(index, sent.session, sent.seq, sent.command);
    if (result.took_effect != index) ++retries_;
    if (DecodeReply(result.reply)->status == S::kSessionUnknown) ++refused_;
    expected_.push_back(result);
  }

  // Applies what is missing, in batches of any size, and compares every result.
  void CatchUp() {
    while (bed_.next() <= log_.size()) {
      const std::size_t from = bed_.next() - 1;
      const std::size_t count = 1 + dice_.Roll(std::min<std::size_t>(log_.size() - from, 5));
      const std::vector<Entry> entries(log_.begin() + static_cast<std::ptrdiff_t>(from),
                                       log_.begin() + static_cast<std::ptrdiff_t>(from + count));
      const std::vector<ApplyResult> results = bed_.ApplyAll(entries);
      std::size_t r = 0;
      for (std::size_t i = from; i < from + count; ++i) {
        if (!expected_[i].has_value()) continue;
        ASSERT_LT(r, results.size());
        ASSERT_EQ(results[r].index, Index(i + 1));
        ASSERT_EQ(results[r].took_effect, Index(expected_[i]->took_effect));
        ASSERT_EQ(results[r].reply.bytes(), expected_[i]->reply) << "at " << i + 1;
        ++r;
      }
      ASSERT_EQ(r, results.size());
      bed_.ExpectDigestFromScratch();
      if (digests_.size() <= from + count) digests_.resize(from + count + 1);
      Digest& digest = digests_[from + count];
      // However the entries were batched, and however often they were replayed.
      if (digest != Digest{}) {
        ASSERT_EQ(digest, bed_.machine.digest());
      }
      digest = bed_.machine.digest();
    }
    ASSERT_EQ(bed_.machine.revision(), Revision(model_.revision()));
    ASSERT_EQ(bed_.machine.session_count(), model_.sessions());
    for (int i = 0; i < 2; ++i) {
      const Query get = Get{Key()};
      const Query range = Range{Key(), dice_.OneIn(2) ? "" : Key(), dice_.Roll(6)};
      if (std::get<Get>(get).key.size() <= 2) {
        ASSERT_EQ(bed_.Ask(get), model_.Answer(get));
      }
      ASSERT_EQ(bed_.Ask(range), model_.Answer(range)) << Render(range);
    }
  }

  // The map falls back by some batches; the log is replayed from there.
  void Crash() {
    bed_.map.FallBack(dice_.Roll(8));
    bed_.Reopen();
    if (::testing::Test::HasFatalFailure()) return;
    bed_.ExpectDigestFromScratch();
    replayed_ += log_.size() + 1 - bed_.next();
    CatchUp();
  }

  Dice dice_;
  Bed bed_;
  Model model_;
  std::vector<Entry> log_;
  std::vector<std::optional<Model::Result>> expected_;
  std::vector<Digest> digests_;
  std::vector<std::uint64_t> sessions_seen_;
  std::map<std::uint64_t, std::uint64_t> last_seq_;
  std::vector<Sent> commands_;
  std::size_t retries_ = 0;
  std::size_t refused_ = 0;
  std::size_t replayed_ = 0;
  std::uint64_t boot_ = 2;
  std::uint64_t opening_ = 1;
  std::size_t openings_again_ = 0;
};

TEST(KvModel, AnyLogGivesTheRepliesOfTheReferenceThroughCrashesAndRetries) {
  std::size_t retries = 0;
  std::size_t refused = 0;
  std::size_t replayed = 0;
  std::size_t openings_again = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    history.Run(40);
    if (HasFatalFailure()) return;
    retries += history.retries();
    refused += history.refused();
    replayed += history.replayed();
    openings_again += history.openings_again();
  }
  // What the histories reach: else the test proves nothing about sessions and replays.
  EXPECT_GT(retries, 500u);
  EXPECT_GT(refused, 500u);
  EXPECT_GT(openings_again, 100u);
  EXPECT_GT(replayed, 1000u);
}

}  // namespace
}  // namespace quorate
