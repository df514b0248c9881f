// What holds of a group after every step, and how it is written out.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"
#include "engine/raft/raft.h"

namespace quorate {

void Raft::CheckInvariants() const {
  const bool switching = incoming_ && incoming_->phase == InstallPhase::kSwitching;
  INVARIANT(switching || log_.start().entry.index <= applied_.index);
  INVARIANT(switching || applied_.index <= applying_);
  INVARIANT(switching || applying_ <= commit_);
  INVARIANT(commit_ <= log_.last().index);
  INVARIANT(log_.last().term <= hard_.term);
  INVARIANT(log_.cached_from() <= Next(log_.last().index));
  INVARIANT(configurations_.empty() || configurations_.back().index <= log_.last().index);
  INVARIANT(configurations_.empty() || configurations_.front().index > log_.start().entry.index);
  const Leader* leader = leadership();
  if (leader == nullptr) return;
  INVARIANT(hard_.vote == self_);
  INVARIANT(leader_ == self_);
  INVARIANT(!incoming_);
  INVARIANT(leader->barrier <= log_.last().index);
  for (const Progress& peer : leader->peers) {
    INVARIANT(peer.match < peer.next);
    INVARIANT(peer.next <= Next(log_.last().index));
    INVARIANT(peer.in_flight.empty() || peer.state == ProgressState::kReplicate);
  }
}

namespace {

void Fold(Digest& digest, std::uint64_t value) { digest = Chain(digest, value); }

}  // namespace

Digest Raft::StateDigest() const {
  Digest digest{group_.value()};
  Fold(digest, hard_.term.value());
  Fold(digest, hard_.vote.value());
  Fold(digest, hard_write_.value());
  Fold(digest, log_.start().entry.index.value());
  Fold(digest, log_.last().index.value());
  Fold(digest, log_.last().term.value());
  Fold(digest, log_.durable().value());
  Fold(digest, commit_.value());
  Fold(digest, applied_.index.value());
  Fold(digest, applying_.value());
  Fold(digest, leader_.value());
  Fold(digest, static_cast<std::uint64_t>(role()));
  Fold(digest, configuration_index().value());
  Fold(digest, static_cast<std::uint64_t>(election_deadline_.ns));
  Fold(digest, incoming_ ? incoming_->next_chunk + 1 : 0);
  if (const Leader* leader = leadership(); leader != nullptr) {
    Fold(digest, leader->last_counter.value());
    Fold(digest, leader->proposals.size());
    for (const Progress& peer : leader->peers) {
      Fold(digest, peer.node.value());
      Fold(digest, static_cast<std::uint64_t>(peer.state));
      Fold(digest, peer.match.value());
      Fold(digest, peer.next.value());
      Fold(digest, peer.in_flight.size());
      Fold(digest, static_cast<std::uint64_t>(peer.resend_at.ns));
    }
  }
  return digest;
}

std::string Raft::Render() const {
  std::string out = absl::StrCat(
      group_ == kSystemGroup ? "system" : absl::StrCat("ns", group_.value()), " ", NameOf(role()),
      " term=", hard_.term.value(), " vote=", hard_.vote.value(), hard_state_durable() ? "" : "*",
      " leader=", leader_.value(), " log=(", log_.start().entry.index.value(), ",",
      log_.last().index.value(), "@", log_.last().term.value(),
      "] durable=", log_.durable().value(), " commit=", commit_.value(),
      " applied=", applied_.index.value(), " ", quorate::Render(configuration()));
  if (incoming_)
    absl::StrAppend(&out, " incoming=", incoming_->name.entry.index.value(), "/",
                    incoming_->next_chunk);
  const Leader* leader = leadership();
  if (leader == nullptr) return out;
  for (const Progress& peer : leader->peers) {
    absl::StrAppend(&out, " n", peer.node.value(), ":", NameOf(peer.state), " ", peer.match.value(),
                    "/", peer.next.value(), " inflight=", peer.in_flight.size(),
                    peer.probe_sent && peer.state == ProgressState::kProbe ? " paused" : "");
  }
  return out;
}

const char* NameOf(ProgressState state) {
  switch (state) {
    case ProgressState::kProbe:
      return "probe";
    case ProgressState::kReplicate:
      return "replicate";
    case ProgressState::kSnapshot:
      return "snapshot";
  }
  UNREACHABLE("progress state");
}

}  // namespace quorate
