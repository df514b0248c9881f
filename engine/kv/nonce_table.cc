#include "engine/kv/nonce_table.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace quorate {
namespace {

constexpr std::size_t kLeastBytes = 3;  // of one number in a row

}  // namespace

SessionSeq NonceTable::FloorOf(const Row& row, std::size_t window) {
  const std::uint64_t highest = row.window.back().seq.value();
  return SessionSeq(highest > window ? highest - window : 0);
}

NonceTable::Verdict NonceTable::Judge(const Nonce& nonce, std::size_t window) const {
  const auto found = rows_.find(nonce.node);
  if (found == rows_.end()) return {Judgement::kNew, {}, {}};
  const Row& row = found->second;
  const std::pair life(nonce.incarnation, nonce.boot);
  const std::pair known(row.incarnation, row.boot);
  if (life > known) return {Judgement::kNew, {}, {}};
  if (life < known || nonce.seq <= FloorOf(row, window)) return {Judgement::kForgotten, {}, {}};
  for (const Done& done : row.window) {
    if (done.seq == nonce.seq) return {Judgement::kRetry, done.took_effect, done.reply};
  }
  return {Judgement::kNew, {}, {}};
}

NodeId NonceTable::Record(const Nonce& nonce, Index index, std::string_view reply,
                          std::size_t window) {
  NodeId evicted;
  if (rows_.size() >= kMaxNodes && !rows_.contains(nonce.node)) {
    auto oldest = rows_.begin();
    for (auto at = rows_.begin(); at != rows_.end(); ++at) {
      if (at->second.last_used < oldest->second.last_used) oldest = at;
    }
    evicted = oldest->first;
    rows_.erase(oldest);
  }
  Row& row = rows_[nonce.node];
  REQUIRE(index > row.last_used);
  if (std::pair(row.incarnation, row.boot) != std::pair(nonce.incarnation, nonce.boot)) {
    row = {nonce.incarnation, nonce.boot, {}, {}};
  }
  row.last_used = index;
  const auto place = std::find_if(row.window.begin(), row.window.end(),
                                  [&](const Done& done) { return done.seq > nonce.seq; });
  row.window.insert(place, {nonce.seq, index, std::string(reply)});
  const SessionSeq floor = FloorOf(row, window);
  std::erase_if(row.window, [&](const Done& done) { return done.seq <= floor; });
  return evicted;
}

std::string NonceTable::EncodeRow(NodeId node) const {
  const Row& row = rows_.at(node);
  std::string out;
  Encoder encoder(out);
  encoder.Varint(row.incarnation.value());
  encoder.Varint(row.boot.value());
  encoder.Varint(row.last_used.value());
  encoder.Varint(row.window.size());
  for (const Done& done : row.window) {
    encoder.Varint(done.seq.value());
    encoder.Varint(done.took_effect.value());
    encoder.Bytes(done.reply);
  }
  return out;
}

bool NonceTable::DecodeRow(NodeId node, std::string_view bytes, IsReply is_reply) {
  Decoder decoder(bytes);
  Row row;
  const std::uint64_t incarnation = decoder.Varint();
  row.incarnation = Incarnation(static_cast<std::uint32_t>(incarnation));
  row.boot = BootNumber(decoder.Varint());
  row.last_used = Index(decoder.Varint());
  const std::uint64_t count = decoder.CountOf(kLeastBytes);
  bool fits = node != NodeId() && incarnation == row.incarnation.value() && count > 0;
  for (std::uint64_t i = 0; i < count && decoder.ok(); ++i) {
    Done done{SessionSeq(decoder.Varint()), Index(decoder.Varint()), std::string(decoder.Bytes())};
    const SessionSeq before = row.window.empty() ? SessionSeq() : row.window.back().seq;
    fits = fits && done.seq > before && done.took_effect != Index() &&
           done.took_effect <= row.last_used && is_reply(done.reply);
    row.window.push_back(std::move(done));
  }
  if (!decoder.done() || !fits) return false;
  return rows_.emplace(node, std::move(row)).second;
}

std::vector<NodeId> NonceTable::nodes() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, row] : rows_) nodes.push_back(node);
  return nodes;
}

}  // namespace quorate
