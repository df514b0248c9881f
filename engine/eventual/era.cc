#include "engine/eventual/era.h"

#include <algorithm>

#include "engine/base/match.h"

namespace quorate {
namespace {

constexpr int kNoticesBetween = 16;  // at most, while nothing changes

std::size_t CostOf(const OriginEntry& entry) { return entry.payload.size() + sizeof(Stamp); }

}  // namespace

Era::Era(NodeId self, OriginId own, std::uint32_t era, const std::vector<RecoveredOrigin>& found,
         Stamp promised)
    : self_(self), own_(own), era_(era) {
  Stamp last = promised;
  for (const RecoveredOrigin& origin : found) {
    logs_.emplace(origin.origin, OriginLog(origin.dropped, origin.last, origin.merged));
    merging_[origin.origin] = origin.merged;
    have_.Raise(origin.origin, origin.last.seq);
    last = std::max(last, origin.last.stamp);
  }
  logs_.try_emplace(own_);
  at_boot_ = have_;
  allotted_ = have_.Of(own_);
  clock_ = HybridClock(last, promised);
}

void Era::Start(EraContext& context) {
  SyncPeers(context);
  look_at_ = context.now + context.options.notice * 2;
}

VersionVector Era::durable() const {
  VersionVector vector;
  for (const auto& [origin, log] : logs_) vector.Raise(origin, log.durable());
  return vector;
}

VersionVector Era::merged() const {
  VersionVector vector;
  for (const auto& [origin, log] : logs_) vector.Raise(origin, log.merged());
  return vector;
}

MonoTime Era::NextWakeup() const {
  MonoTime at = look_at_;
  if (!deadlines_.empty()) at = std::min(at, deadlines_.begin()->first);
  for (const Peer& peer : peers_) {
    if (!peer.up) continue;
    at = std::min(at, peer.resend_at);
    if (ready_) at = std::min(at, peer.notice_at);
  }
  return at;
}

Era::Peer* Era::Find(NodeId node) {
  const auto peer =
      std::find_if(peers_.begin(), peers_.end(), [&](const Peer& one) { return one.node == node; });
  return peer == peers_.end() ? nullptr : &*peer;
}

void Era::SyncPeers(const EraContext& context) {
  std::vector<Peer> peers;
  for (const NodeId member : context.members) {
    if (member == self_) continue;
    if (Peer* known = Find(member); known != nullptr) {
      peers.push_back(std::move(*known));
    } else {
      peers.emplace_back().node = member;
    }
  }
  peers_ = std::move(peers);
}

// ---- own writes ------------------------------------------------------------------------------------------

void Era::OnWrite(EraContext& context, RequestId request, Payload writes, WriteLevel level,
                  MonoTime deadline) {
  Own own{.seq = {}, .request = request, .level = level, .deadline = deadline, .stamp = {}};
  if (!ready_) return Answer(context, own, EraRefusal::kNotReady, PersistSeq());
  if (pending_.size() >= context.options.max_pending)
    return Answer(context, own, EraRefusal::kBusy, PersistSeq());
  const std::optional<Stamp> stamp = clock_.Issue(context.date, context.options.clock);
  if (!stamp) return Answer(context, own, EraRefusal::kClock, PersistSeq());
  own.seq = allotted_ = Next(allotted_);
  own.stamp = *stamp;
  pending_.push_back(own);
  deadlines_.emplace(deadline, own.seq);
  context.out.prepares.push_back({own.seq, std::move(writes)});
}

void Era::OnPrepared(EraContext& context, OriginSeq seq, Payload writes) {
  REQUIRE(seq == Next(have_.Of(own_)));  // the state machine works in order
  const auto at = std::lower_bound(pending_.begin(), pending_.end(), seq,
                                   [](const Own& own, OriginSeq of) { return own.seq < of; });
  INVARIANT(at != pending_.end() && at->seq == seq);
  const OriginEntry entry{at->stamp, std::move(writes)};
  Append(context, own_, std::span(&entry, 1));
  if (at->level == WriteLevel::kOne && !at->answered)
    Answer(context, *at, EraRefusal::kNone, context.write);
}

void Era::Answer(EraContext& context, Own& own, EraRefusal refusal, PersistSeq after) const {
  own.answered = true;
  EraOut::Answer answer{.request = own.request,
                        .after = after,
                        .refusal = refusal,
                        .unknown = refusal == EraRefusal::kTimeout,
                        .version = {},
                        .token = {}};
  if (own.seq != OriginSeq()) {
    answer.version = VersionOf(era_, own_, own.stamp);
    answer.token.Raise(own_, own.seq);
  }
  context.out.answers.push_back(std::move(answer));
}

// How much of the own log so many replicas hold durably, this one included.
OriginSeq Era::HeldBy(const EraContext& context, std::size_t replicas) const {
  absl::InlinedVector<OriginSeq, 8> held{logs_.at(own_).durable()};
  for (const Peer& peer : peers_) held.push_back(peer.have.Of(own_));
  static_cast<void>(context);
  std::sort(held.begin(), held.end(), std::greater<>());
  return replicas <= held.size() ? held[replicas - 1] : OriginSeq();
}

void Era::ResolveHeld(EraContext& context) {
  if (!deadlines_.empty()) {
    const OriginSeq by_quorum = HeldBy(context, context.members.size() / 2 + 1);
    const OriginSeq by_all = HeldBy(context, context.members.size());
    for (Own& own : pending_) {
      if (own.seq > by_quorum) break;
      const bool held = own.level == WriteLevel::kAll ? own.seq <= by_all : true;
      if (!own.answered && held) Answer(context, own, EraRefusal::kNone, PersistSeq());
    }
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= context.now) {
    const OriginSeq seq = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto at = std::lower_bound(pending_.begin(), pending_.end(), seq,
                                     [](const Own& own, OriginSeq of) { return own.seq < of; });
    if (at != pending_.end() && at->seq == seq && !at->answered)
      Answer(context, *at, EraRefusal::kTimeout, PersistSeq());
  }
  while (!pending_.empty() && pending_.front().answered && pending_.front().seq <= have_.Of(own_)) {
    deadlines_.erase({pending_.front().deadline, pending_.front().seq});
    pending_.pop_front();
  }
}

// ---- what peers send -------------------------------------------------------------------------------------

void Era::OnMessage(EraContext& context, NodeId from, const EraMessage& message) {
  Peer* peer = Find(from);
  if (peer == nullptr) {
    ++context.out.malformed;
    return;
  }
  std::visit(Match{
                 [&](const EraEntries& m) { OnEntries(context, *peer, m); },
                 [&](const EraHave& m) { OnHave(context, *peer, m); },
                 [&](const EraPull& m) { OnPull(*peer, m); },
             },
             message);
}

void Era::OnEntries(EraContext& context, Peer& peer, const EraEntries& message) {
  OriginLog& log = logs_[message.origin];
  switch (log.Look(message.before, message.entries)) {
    case OriginLog::Fit::kMalformed:
      ++context.out.malformed;
      return;
    case OriginLog::Fit::kForked:
      context.out.forked.push_back(message.origin);
      return;
    case OriginLog::Fit::kGap:
      peer.tell = peer.gap = true;
      return;
    case OriginLog::Fit::kKnown:
      peer.tell = true;
      break;
    case OriginLog::Fit::kNext: {
      if (message.origin == own_) {  // nobody else makes entries of this origin
        context.out.forked.push_back(own_);
        return;
      }
      const std::size_t known = log.last().seq.value() - message.before.seq.value();
      const std::span<const OriginEntry> fresh = std::span(message.entries).subspan(known);
      const std::size_t admitted = Admitted(context, fresh);
      if (admitted > 0) {
        Append(context, message.origin, fresh.first(admitted));
        peer.acknowledge = true;
      }
      break;
    }
  }
  // It is being asked, and there is more where that came from.
  if (peer.asked && peer.have.Of(message.origin) > have_.Of(message.origin)) peer.ask = true;
  peer.asked = false;
}

// How many of them, from the first on, are taken now.
std::size_t Era::Admitted(EraContext& context, std::span<const OriginEntry> entries) const {
  EventualWrites writes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!Admits(entries[i].stamp, context.date, context.options.clock)) {
      context.out.refused_ahead += entries.size() - i;
      return i;
    }
    if (!DecodeWrites(entries[i].payload.bytes(), writes)) {
      ++context.out.malformed;
      return i;
    }
  }
  return entries.size();
}

void Era::Append(EraContext& context, OriginId origin, std::span<const OriginEntry> entries) {
  OriginLog& log = logs_[origin];
  const OriginSeq first = Next(log.last().seq);
  log.Append(entries, context.write);
  have_.Raise(origin, log.last().seq);
  clock_.Witness(log.last().stamp);
  context.out.appends.push_back({origin, first, {entries.begin(), entries.end()}});
}

void Era::OnHave(const EraContext& context, Peer& peer, const EraHave& message) {
  // Nobody holds what this node has not made, unless its disk has lost it.
  if (message.have.Of(own_) > have_.Of(own_)) return context.out.forked.push_back(own_);
  const OriginSeq before = peer.have.Of(own_);
  peer.have.Join(message.have);
  const OriginSeq after = peer.have.Of(own_);
  if (after > before) {
    peer.probing = false;
    peer.resend_after = context.options.resend;
    peer.resend_at = context.now + peer.resend_after;
  }
  peer.sent = std::max(peer.sent, after);
  if (peer.sent == after) peer.resend_at = kNever;
  if (message.gap && !peer.probing && peer.sent > after) {
    peer.sent = after;
    peer.probing = true;
  }
}

void Era::OnPull(Peer& peer, const EraPull& message) {
  for (const auto& [origin, log] : logs_) {
    if (origin == own_ || log.last().seq <= message.have.Of(origin)) continue;
    peer.pulls[origin] = message.have.Of(origin);
  }
}

void Era::OnLinkUp(EraContext& context, NodeId node) {
  Peer* peer = Find(node);
  if (peer == nullptr) return;
  peer->up = true;
  peer->tell = true;
  peer->sent = peer->have.Of(own_);
  peer->probing = true;  // until it says what it holds
  peer->asked = false;
  peer->resend_after = context.options.resend;
  peer->resend_at = kNever;
  peer->notice_after = context.options.notice;
}

void Era::OnLinkDown(NodeId node) {
  if (Peer* peer = Find(node); peer != nullptr) {
    peer->up = false;
    peer->pulls.clear();
  }
}

// ---- disk and map ----------------------------------------------------------------------------------------

void Era::OnPersisted(EraContext& context, PersistSeq upto) {
  static_cast<void>(context);
  bool risen = false;
  for (auto& [origin, log] : logs_) {
    const OriginSeq before = log.durable();
    log.OnPersisted(upto);
    risen = risen || log.durable() > before;
  }
  if (!risen) return;
  for (Peer& peer : peers_) {
    if (std::exchange(peer.acknowledge, false)) peer.tell = true;
  }
}

void Era::OnMerged(EraContext& context, OriginId origin, OriginSeq upto) {
  OriginLog& log = logs_.at(origin);
  log.OnMerged(upto);
  log.TrimCache(context.options.cache_entries);
  if (ready_) return;
  ready_ = merged().Covers(at_boot_);
  if (!ready_) return;
  for (Peer& peer : peers_) peer.tell = true;
}

void Era::OnRead(EraContext& context, OriginId origin, const OriginPlace& before,
                 const std::vector<OriginEntry>& entries) {
  const auto reading = reading_.find(origin);
  if (reading == reading_.end() || reading->second != Next(before.seq)) return;
  reading_.erase(reading);
  if (entries.empty()) return;
  if (merging_[origin] == before.seq) EmitMerge(context, origin, Next(before.seq), entries);
  for (Peer& peer : peers_) {
    if (!peer.up) continue;
    const auto pull = peer.pulls.find(origin);
    const bool pulled = pull != peer.pulls.end() && pull->second == before.seq;
    const bool pushed = origin == own_ && peer.sent == before.seq;
    if (!pulled && !pushed) continue;
    if (pulled) peer.pulls.erase(pull);
    const OriginSeq last(before.seq.value() + entries.size());
    if (pushed) {
      peer.sent = last;
      if (peer.resend_at == kNever) peer.resend_at = context.now + peer.resend_after;
    }
    context.out.tells.push_back({.to = peer.node,
                                 .after = logs_.at(origin).WriteOf(last),
                                 .message = EraEntries{origin, before, entries}});
  }
}

void Era::Read(EraContext& context, OriginId origin, OriginSeq first) {
  if (reading_.contains(origin)) return;
  const OriginLog& log = logs_.at(origin);
  const OriginSeq last(
      std::min(log.last().seq.value(), first.value() + context.options.max_entries - 1));
  reading_[origin] = first;
  context.out.reads.push_back({origin, first, last});
}

// One merge of an origin is out at a time: what comes meanwhile makes the next one larger.
void Era::MergeDue(EraContext& context) {
  for (const auto& [origin, log] : logs_) {
    const OriginSeq handed = merging_[origin];
    if (handed != log.merged() || handed == log.last().seq) continue;
    const OriginSeq first = Next(handed);
    if (!log.IsCached(first)) {
      Read(context, origin, first);
      continue;
    }
    std::vector<OriginEntry> entries;
    for (OriginSeq at = first; at <= log.last().seq; at = Next(at)) {
      if (entries.size() == context.options.max_entries) break;
      entries.push_back(log.At(at));
    }
    EmitMerge(context, origin, first, entries);
  }
}

void Era::EmitMerge(EraContext& context, OriginId origin, OriginSeq first,
                    std::span<const OriginEntry> entries) {
  const OriginSeq last(first.value() + entries.size() - 1);
  merging_[origin] = last;
  context.out.merges.push_back({.origin = origin,
                                .first = first,
                                .entries = {entries.begin(), entries.end()},
                                .after = logs_.at(origin).WriteOf(last)});
}

// ---- sending ---------------------------------------------------------------------------------------------

std::size_t Era::Send(EraContext& context, Peer& peer, OriginId origin, OriginSeq after,
                      std::size_t most) {
  const OriginLog& log = logs_.at(origin);
  const std::optional<OriginPlace> before = log.PlaceAt(after);
  if (!before || !log.IsCached(Next(after))) {
    Read(context, origin, Next(after));
    return 0;
  }
  EraEntries message{.origin = origin, .before = *before, .entries = {}};
  std::size_t bytes = 0;
  for (OriginSeq at = Next(after); at <= log.last().seq; at = Next(at)) {
    const OriginEntry& entry = log.At(at);
    if (message.entries.size() == std::min(most, context.options.max_entries)) break;
    if (!message.entries.empty() && bytes + CostOf(entry) > context.options.max_bytes) break;
    bytes += CostOf(entry);
    message.entries.push_back(entry);
  }
  const std::size_t sent = message.entries.size();
  const OriginSeq last(after.value() + sent);
  context.out.tells.push_back(
      {.to = peer.node, .after = log.WriteOf(last), .message = std::move(message)});
  return sent;
}

void Era::Push(EraContext& context, Peer& peer) {
  const OriginLog& log = logs_.at(own_);
  const OriginSeq held = peer.have.Of(own_);
  if (context.now >= peer.resend_at) {
    peer.resend_at = kNever;
    if (peer.sent > held) {
      peer.sent = held;
      peer.probing = true;
      peer.resend_after = std::min(peer.resend_after * 2, context.options.resend_most);
    }
  }
  while (peer.sent < log.last().seq) {
    const std::size_t in_flight = peer.sent.value() - std::min(peer.sent, held).value();
    if (in_flight >= context.options.max_in_flight || (peer.probing && in_flight > 0)) return;
    const std::size_t sent =
        Send(context, peer, own_, peer.sent, context.options.max_in_flight - in_flight);
    if (sent == 0) return;
    peer.sent = OriginSeq(peer.sent.value() + sent);
    if (peer.resend_at == kNever) peer.resend_at = context.now + peer.resend_after;
  }
}

void Era::ServePulls(EraContext& context, Peer& peer) {
  for (auto pull = peer.pulls.begin(); pull != peer.pulls.end();) {
    const OriginLog& log = logs_.at(pull->first);
    const bool gone = pull->second < log.dropped().seq || pull->second >= log.last().seq;
    if (gone || Send(context, peer, pull->first, pull->second, context.options.max_entries) > 0) {
      pull = peer.pulls.erase(pull);
    } else {
      ++pull;  // being read
    }
  }
}

// Entries come from their origin. What did not, while some peer has it, is asked for.
void Era::LookForMissing(EraContext& context) {
  if (context.now < look_at_) return;
  look_at_ = context.now + context.options.notice * 2;
  absl::InlinedVector<std::pair<OriginId, OriginSeq>, 4> missing;  // and what the best peer has
  for (const Peer& peer : peers_) {
    if (!peer.up) continue;
    for (const OriginAt& at : peer.have.origins()) {
      if (at.origin == own_ || have_.Holds(at)) continue;
      if (looked_.Of(at.origin) != have_.Of(at.origin)) continue;  // they are coming
      const auto known = std::find_if(missing.begin(), missing.end(),
                                      [&](const auto& one) { return one.first == at.origin; });
      if (known == missing.end()) {
        missing.push_back({at.origin, at.seq});
      } else {
        known->second = std::max(known->second, at.seq);
      }
    }
  }
  looked_ = have_;
  for (Peer& peer : peers_) peer.asked = false;  // what was asked for and did not come is lost
  for (const auto& [origin, most] : missing) {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      Peer& peer = peers_[(turn_ + i) % peers_.size()];
      if (!peer.up || peer.have.Of(origin) != most) continue;
      peer.ask = true;
      break;
    }
  }
  ++turn_;
}

void Era::Notify(EraContext& context, Peer& peer) {
  if (!ready_) return;
  if (context.now >= peer.notice_at) peer.tell = true;
  if (!peer.tell) return;
  EraHave have{.have = durable(), .gap = peer.gap};
  const bool news = have.have != peer.told;
  peer.told = have.have;
  peer.tell = peer.gap = false;
  peer.notice_after =
      news ? context.options.notice
           : std::min(peer.notice_after * 2, context.options.notice * kNoticesBetween);
  peer.notice_at = context.now + peer.notice_after;
  context.out.tells.push_back({.to = peer.node, .after = PersistSeq(), .message = std::move(have)});
}

void Era::OnTimer(EraContext& context) { LookForMissing(context); }

void Era::Finish(EraContext& context) {
  if (!ready_) ready_ = merged().Covers(at_boot_);
  MergeDue(context);
  ResolveHeld(context);
  for (Peer& peer : peers_) {
    if (!peer.up) continue;
    Push(context, peer);
    ServePulls(context, peer);
    Notify(context, peer);
    if (!ready_ || !std::exchange(peer.ask, false)) continue;
    peer.asked = true;
    context.out.tells.push_back(
        {.to = peer.node, .after = PersistSeq(), .message = EraPull{have_}});
  }
}

}  // namespace quorate
