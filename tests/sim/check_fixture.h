// tests/sim/check_fixture.h — event sequences made by hand, for the tests of the online invariants.
//
// Model: nodes of one group whose views a test may bend as it likes; helpers that play what a correct node
//   does (boot, elect, append, replicate, commit), so that a test changes one thing and nothing else.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/check/invariants.h"

namespace quorate::sim {

inline constexpr GroupId kGroup{7};

inline Entry Command(std::uint64_t term, const std::string& text) {
  return Entry{.term = Term(term), .kind = EntryKind::kCommand, .payload = Payload(text)};
}
inline Entry Barrier(std::uint64_t term) {
  return Entry{.term = Term(term), .kind = EntryKind::kBarrier, .payload = {}};
}
inline Entry Configured(std::uint64_t term, const Configuration& configuration) {
  std::string bytes;
  Encode(configuration, bytes);
  return Entry{.term = Term(term), .kind = EntryKind::kConfiguration, .payload = Payload(bytes)};
}
inline EntryId At(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

class Play {
 public:
  explicit Play(std::uint32_t nodes = 3) {
    NodeSet voters;
    for (std::uint32_t n = 1; n <= nodes; ++n) voters.push_back(NodeId(n));
    configurations_.push_back(std::make_unique<Configuration>(ConfigurationOf(voters)));
    nodes_.resize(nodes + 1);
    for (std::uint32_t n = 1; n <= nodes; ++n) Boot(n);
  }

  static Options SmallOptions() {
    Options options;
    options.max_inflight_messages = 4;
    options.max_inflight_bytes = 1000;
    options.max_requests = 10;
    options.max_reads_per_round = 5;
    options.max_unapplied_bytes = 10'000;
    options.max_append_entries = 3;
    options.max_append_bytes = 1000;
    options.max_apply_entries = 2;
    options.snapshot_every = 3;
    options.log_keep = 2;
    options.max_view_age = 1;
    return options;
  }

  struct Player {
    GroupView view;
    std::vector<Entry> log;  // from index 1
    PersistSeq seq;          // of the last write
    std::vector<LogRecord> records;
    Effects effects;
  };

  // ---- the pieces -------------------------------------------------------------------------------------
  Player& of(std::uint32_t node) { return nodes_.at(node); }
  GroupView& view(std::uint32_t node) { return of(node).view; }
  Invariants& invariants() { return invariants_; }
  const Configuration& born_with() const { return *configurations_.front(); }

  RecoveredGroup Fresh() const {
    RecoveredGroup group;
    group.group = kGroup;
    group.start.configuration = *configurations_.front();
    return group;
  }
  Recovered Found(std::uint32_t node, RecoveredGroup group, std::uint64_t last_boot) const {
    Recovered recovered;
    recovered.identity.node = NodeId(node);
    recovered.last_boot = BootNumber(last_boot);
    recovered.groups.push_back(std::move(group));
    return recovered;
  }
  void Boot(std::uint32_t node) {
    invariants_.OnBoot(NodeId(node), Found(node, Fresh(), 0), BootNumber(1));
    Player& player = of(node);
    player = Player{};
    player.view.group = kGroup;
    player.view.configuration = configurations_.front().get();
    player.records.push_back(BootRecord{BootNumber(1)});
    Step(node);
    Durable(node);
  }
  // Adds a record to the write of the coming step.
  void Write(std::uint32_t node, LogRecord record) {
    of(node).records.push_back(std::move(record));
  }
  void Ask(std::uint32_t node, Effect effect) { of(node).effects.push_back(std::move(effect)); }
  // One step: the write, what was asked for, and the view as it stands.
  void Step(std::uint32_t node, const Input* input = nullptr, const NodeView& whole = {}) {
    Player& player = of(node);
    Effects effects;
    if (!player.records.empty()) {
      player.seq = Next(player.seq);
      effects.push_back(Persist{player.seq, std::exchange(player.records, {})});
    }
    for (Effect& effect : player.effects) effects.push_back(std::move(effect));
    player.effects.clear();
    invariants_.OnStepViews(NodeId(node), std::span(&player.view, 1), whole, input, effects);
  }
  // The step in which the node drops the group: nobody sees it there any more.
  void Drop(std::uint32_t node, Effects effects = {}) {
    Player& player = of(node);
    player.seq = Next(player.seq);
    effects.insert(effects.begin(), Persist{player.seq, {DropGroup{kGroup}}});
    invariants_.OnStepViews(NodeId(node), {}, {}, nullptr, effects);
  }
  void Durable(std::uint32_t node) {
    invariants_.OnDurable(NodeId(node), of(node).seq);
    view(node).durable = view(node).last.index;
  }
  void Leave(std::uint32_t node, std::uint32_t to, Message message) {
    const PeerMessage one{kGroup, std::move(message)};
    invariants_.OnFrameLeft(NodeId(node), NodeId(to), std::span(&one, 1));
  }
  Input From(std::uint32_t node, Message message) const {
    FrameReceived frame{.from = NodeId(node), .session = LinkSession(1), .messages = {}};
    frame.messages.push_back({kGroup, std::move(message)});
    return frame;
  }

  // ---- what a correct node does -----------------------------------------------------------------------
  void SetHardState(std::uint32_t node, std::uint64_t term, std::uint32_t vote) {
    view(node).term = Term(term);
    view(node).vote = NodeId(vote);
    Write(node, quorate::SetHardState{kGroup, {Term(term), NodeId(vote)}});
  }
  void Campaign(std::uint32_t node, std::uint64_t term) {
    SetHardState(node, term, node);
    view(node).role = Role::kCandidate;
    view(node).peers.clear();
    Step(node);
    Durable(node);
    for (std::uint32_t to = 1; to < nodes_.size(); ++to) {
      if (to != node) Leave(node, to, Wish(node, term));
    }
  }
  VoteRequest Wish(std::uint32_t node, std::uint64_t term) {
    return {.term = Term(term),
            .kind = VoteKind::kVote,
            .proposed = Term(term),
            .campaign = quorate::Campaign(term),
            .last = view(node).last};
  }
  static VoteReply Grant(std::uint64_t term) {
    return {.term = Term(term),
            .kind = VoteKind::kVote,
            .proposed = Term(term),
            .campaign = quorate::Campaign(term),
            .granted = true};
  }
  void Vote(std::uint32_t node, std::uint32_t candidate, std::uint64_t term) {
    SetHardState(node, term, candidate);
    view(node).role = Role::kFollower;
    view(node).peers.clear();
    const Input asked = From(candidate, Wish(candidate, term));
    Ask(node, Reply(node, candidate, Grant(term)));
    Step(node, &asked);
    Durable(node);
    Leave(node, candidate, Grant(term));
  }
  Send Reply(std::uint32_t node, std::uint32_t to, Message message) {
    return {.to = NodeId(to),
            .session = LinkSession(1),
            .after = Next(of(node).seq),
            .message = {kGroup, std::move(message)}};
  }
  // Takes the lead (with the votes it has) and appends its barrier.
  void Lead(std::uint32_t node, std::uint64_t term) {
    GroupView& mine = view(node);
    mine.role = Role::kLeader;
    mine.peers.clear();
    for (std::uint32_t peer = 1; peer < nodes_.size(); ++peer) {
      if (peer == node) continue;
      mine.peers.push_back({.node = NodeId(peer), .match = {}, .next = Next(mine.last.index)});
    }
    Append(node, {Barrier(term)});
  }
  void Elect(std::uint32_t node, std::uint64_t term, const std::vector<std::uint32_t>& voters) {
    Campaign(node, term);
    for (const std::uint32_t voter : voters) Vote(voter, node, term);
    Lead(node, term);
  }
  // Records an append in the node's write and view; no step yet.
  void Extend(std::uint32_t node, const std::vector<Entry>& entries) {
    Player& player = of(node);
    Write(node, AppendEntries{kGroup, Index(player.log.size() + 1), entries});
    for (const Entry& entry : entries) {
      player.log.push_back(entry);
      player.view.last = {Index(player.log.size()), entry.term};
    }
  }
  void Append(std::uint32_t node, const std::vector<Entry>& entries) {
    Extend(node, entries);
    Step(node);
    Durable(node);
  }
  void Truncate(std::uint32_t node, std::uint64_t from) {
    Player& player = of(node);
    Write(node, TruncateSuffix{kGroup, Index(from)});
    player.log.resize(from - 1);
    player.view.last = {Index(from - 1), from > 1 ? player.log.back().term : Term()};
    player.view.durable = std::min(player.view.durable, player.view.last.index);
  }
  AppendRequest EntriesOf(std::uint32_t leader, std::uint64_t prev) {
    const Player& player = of(leader);
    AppendRequest request{.term = player.view.term,
                          .prev = At(prev, prev == 0 ? 0 : player.log[prev - 1].term.value()),
                          .commit = player.view.commit,
                          .entries = {}};
    request.entries.assign(player.log.begin() + static_cast<std::ptrdiff_t>(prev),
                           player.log.end());
    return request;
  }
  static AppendReply Accepted(std::uint64_t term, std::uint64_t match) {
    return {.term = Term(term),
            .verdict = AppendVerdict::kAccepted,
            .match = Index(match),
            .prev = {},
            .hint = {}};
  }
  // The follower gets all of the leader's log, makes it durable, and says so; the leader takes note.
  void Replicate(std::uint32_t leader, std::uint32_t node) {
    const std::uint64_t term = view(leader).term.value();
    Deliver(leader, node);
    Leave(node, leader, Accepted(term, of(node).log.size()));
    Matched(leader, node, of(node).log.size());
  }
  // Without the answer.
  void Deliver(std::uint32_t leader, std::uint32_t node) {
    const std::uint64_t term = view(leader).term.value();
    if (view(node).term < view(leader).term) SetHardState(node, term, 0);
    view(node).role = Role::kFollower;
    std::size_t same = 0;
    const std::vector<Entry>& from = of(leader).log;
    while (same < from.size() && same < of(node).log.size() && from[same] == of(node).log[same])
      ++same;
    const AppendRequest request = EntriesOf(leader, same);
    Leave(leader, node, request);
    if (same < of(node).log.size()) Truncate(node, same + 1);
    if (!request.entries.empty()) Extend(node, {request.entries.begin(), request.entries.end()});
    const Input input = From(leader, request);
    Step(node, &input);
    Durable(node);
  }
  void Matched(std::uint32_t leader, std::uint32_t node, std::uint64_t match) {
    for (PeerView& peer : view(leader).peers) {
      if (peer.node != NodeId(node)) continue;
      peer.match = Index(match);
      peer.next = Index(match + 1);
    }
    const Input input = From(node, Accepted(view(leader).term.value(), match));
    Step(leader, &input);
  }
  // A leader counts; a follower is told.
  void Commit(std::uint32_t node, std::uint64_t index) {
    view(node).commit = Index(index);
    const std::vector<Entry>& log = of(node).log;
    const Term term = index == 0 || index > log.size() ? Term() : log[index - 1].term;
    const Input told = From(node == 1 ? 2 : 1,
                            CommitNotice{.term = view(node).term, .entry = {Index(index), term}});
    Step(node, view(node).role == Role::kLeader ? nullptr : &told);
  }
  // A group of three with node 1 leading term 1 and its barrier committed everywhere.
  void Settle() {
    Elect(1, 1, {2});
    Replicate(1, 2);
    Replicate(1, 3);
    for (std::uint32_t node = 1; node <= 3; ++node) Commit(node, 1);
  }
  // The same with two commands behind it, committed everywhere.
  void SettleWithCommands() {
    Settle();
    Append(1, {Command(1, "a"), Command(1, "b")});
    Replicate(1, 2);
    Replicate(1, 3);
    for (std::uint32_t node = 1; node <= 3; ++node) Commit(node, 3);
  }
  void Apply(std::uint32_t node, std::uint64_t index) {
    Ask(node, quorate::Apply{.group = kGroup,
                             .generation = Generation(1),
                             .after = {},
                             .first = Index(index),
                             .entries = {of(node).log[index - 1]}});
    Step(node);
    view(node).applied = {Index(index), of(node).log[index - 1].term};
    Step(node);
  }
  RecoveredGroup OnDisk(std::uint32_t node) const {
    const Player& player = nodes_.at(node);
    RecoveredGroup group = Fresh();
    group.hard = {player.view.term, player.view.vote};
    group.last = player.view.last.index;
    for (std::size_t i = 0; i < player.log.size(); ++i) {
      if (group.terms.empty() || group.terms.back().term != player.log[i].term) {
        group.terms.push_back({Index(i + 1), player.log[i].term});
      }
    }
    group.applied = player.view.applied;
    return group;
  }

  // ---- what was found ---------------------------------------------------------------------------------
  std::string Found() const {
    return verdicts_.found() ? verdicts_.first()->id : std::string("nothing");
  }
  std::string Why() const { return verdicts_.found() ? verdicts_.first()->what : std::string(); }
  std::uint64_t Checked(Check check) const { return invariants_.checked(check); }

 private:
  Verdicts verdicts_;
  Invariants invariants_{verdicts_, SmallOptions()};
  std::vector<std::unique_ptr<Configuration>> configurations_;
  std::vector<Player> nodes_;
};

#define EXPECT_CLEAN(play) EXPECT_EQ((play).Found(), "nothing") << (play).Why()
#define EXPECT_VIOLATES(play, id) EXPECT_EQ((play).Found(), id) << (play).Why()

}  // namespace quorate::sim
