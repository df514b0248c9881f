// tests/sim/lin_random.h — random small histories, true ones and spoiled ones, for tests.
//
// Model: a store that is atomic and tells the truth; then, in most histories, some reply or some place is changed.
//   Whether what comes out is linearizable, the oracle says. Shares no code with sim/history.
// Source of randomness: (seed, number of the draw). Errors: failed expectations.
#pragma once
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/base/prf.h"
#include "tests/sim/lin_texts.h"

namespace quorate::sim::oracle {

// A store that is atomic, whose clients are told the truth; then, in most histories, something is spoiled.
class RandomHistory {
 public:
  RandomHistory(Format format, std::uint64_t seed) : format_(format), seed_(seed) {
    state_.initial = InitialOf(format);
  }

  std::vector<Op> Make() {
    const std::size_t count = 3 + Draw(5);
    std::vector<std::optional<std::size_t>> open(2 + Draw(2));
    std::vector<bool> done(open.size());
    std::size_t line = 0;
    while (ops_.size() < count || Draw(4) != 0) {
      const std::size_t client = Draw(open.size());
      if (!open[client]) {
        if (ops_.size() == count) continue;
        open[client] = ops_.size();
        done[client] = false;
        ops_.push_back(Asked(client));
        ops_.back().call = line++;
      } else if (!done[client]) {
        done[client] = true;
        TakeEffect(ops_[*open[client]]);
      } else {
        ops_[*open[client]].ret = line++;
        open[client].reset();
      }
    }
    // Who never returned has not been told anything.
    for (Op& op : ops_) {
      if (op.ret == kNever) Forget(op, End::kUnknown);
    }
    for (std::uint64_t left = Draw(4); left > 0; --left) Spoil();
    return ops_;
  }

 private:
  std::uint64_t Draw(std::uint64_t n) { return Below(Prf(seed_, 23, 0, ++draws_), n); }
  std::string AnyValue() { return std::to_string(1 + Draw(3)); }

  Op Asked(std::size_t client) {
    Op op;
    op.process = client;
    op.key = "";
    const bool keyed = format_ == Format::kIndependent || format_ == Format::kVersioned;
    if (keyed) op.key = std::to_string(7 + Draw(2));
    if (format_ == Format::kOurs || format_ == Format::kKv) op.key = Draw(3) == 0 ? "y" : "x";
    const std::uint64_t kind = Draw(5);
    if (kind < 2) return op;
    op.kind = Kind::kWrite;
    op.value = AnyValue();
    if (kind == 3 && format_ == Format::kKv) op.kind = Kind::kAppend;
    if (kind == 3 && format_ == Format::kOurs) {
      op.kind = Kind::kErase;
      op.value.reset();
    }
    if (kind == 4 && format_ != Format::kKv) {
      op.kind = Kind::kCas;
      op.expected = AnyValue();
      if (format_ == Format::kOurs && Draw(3) == 0) op.expected.reset();
    }
    return op;
  }

  static void Forget(Op& op, End end) {
    op.end = end;
    op.seen.reset();
    op.version.reset();
    op.revision.reset();
    op.nth.reset();
  }

  void TakeEffect(Op& op) {
    const std::uint64_t fate = Draw(8);
    if (fate == 0) {  // without effect; in the etcd text a cas that fails was compared
      const bool compared = format_ == Format::kEtcd && op.kind == Kind::kCas;
      return Forget(op, Draw(3) == 0 && !compared ? End::kFail : End::kUnknown);
    }
    const std::size_t changes = state_.versions.size();
    const auto row = state_.rows.find(op.key);
    const bool there = row != state_.rows.end() && row->second.value.has_value();
    op.seen = state_.ValueOf(op.key);
    op.version = there ? state_.versions[row->second.change] : std::optional<std::uint64_t>(0);
    const std::optional<std::uint64_t> version = op.version;
    op.end = End::kUnknown;  // fits whatever happens
    Op blind = op;
    Forget(blind, End::kUnknown);
    EXPECT_TRUE(Place(blind, state_));
    const bool changed = state_.versions.size() > changes;
    if (changed) {
      next_version_ += 1 + Draw(2);
      state_.versions.back() = next_version_;
    }
    if (fate == 1) return Forget(op, End::kUnknown);  // with effect
    op.end = changed || op.kind == Kind::kRead ? End::kDone : End::kRefused;
    op.version = version;
    if (changed) {
      op.version = op.kind == Kind::kErase ? 0 : next_version_;
      op.seen.reset();
    }
    op.revision = state_.versions.size();
    op.nth = state_.ChangesOf(op.key);
    KeepWhatIsTold(op);
  }

  // Of the formats, only ours tells versions and revisions, and what was found instead; only the etcd text tells a
  // mismatch from what never happened; and only the versioned register counts, not always.
  void KeepWhatIsTold(Op& op) {
    const bool counts = format_ == Format::kVersioned && op.end == End::kDone;
    if (!counts || Draw(4) == 0) op.nth.reset();
    if (format_ == Format::kOurs) return;
    op.version.reset();
    op.revision.reset();
    if (op.kind != Kind::kRead) op.seen.reset();
    if (op.end == End::kRefused && format_ != Format::kEtcd) op.end = End::kFail;
  }

  // Some operation that was told something.
  Op* AnyTold(std::optional<Kind> kind) {
    for (int tries = 0; tries < 20; ++tries) {
      Op& op = ops_[Draw(ops_.size())];
      const bool told = op.end == End::kDone || op.end == End::kRefused;
      if (told && (!kind || op.kind == *kind)) return &op;
    }
    return nullptr;
  }

  void Spoil() {
    const std::uint64_t how =
        Draw(format_ == Format::kOurs || format_ == Format::kVersioned ? 5 : 4);
    Op* op = AnyTold(how < 2 ? std::optional(Kind::kRead) : std::nullopt);
    if (op == nullptr) return;
    switch (how) {
      case 0:  // another value was seen
        op->seen = AnyValue();
        if (op->version == 0u) op->version = 1 + Draw(next_version_ + 1);
        return;
      case 1:  // nothing was seen
        op->seen = InitialOf(format_);
        if (op->version) op->version = 0;
        return;
      case 2: {  // what happened certainly did not happen, or nobody knows
        const bool compared = format_ == Format::kEtcd && op->kind == Kind::kCas;
        const End never = compared ? End::kRefused : End::kFail;
        return Forget(*op, Draw(3) != 0 ? never : End::kUnknown);
      }
      case 3:  // it happened at another time
        return Move(*op);
      case 4:
        if (op->nth) op->nth = Draw(*op->nth + 2);
        if (op->version && *op->version > 0) op->version = 1 + Draw(next_version_ + 2);
        return;
    }
  }

  // To the end of the history, by a process of its own.
  void Move(Op& op) {
    std::size_t last = 0;
    for (const Op& other : ops_) {
      last = std::max(last, other.call);
      if (other.ret != kNever) last = std::max(last, other.ret);
    }
    op.process = 9;
    op.call = last + 1;
    op.ret = last + 2;
  }

  Format format_;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  std::uint64_t next_version_ = 0;
  State state_;
  std::vector<Op> ops_;
};

enum class Truth : std::uint8_t {
  kPass,
  kFail,
  kLie,  // of a revision alone: values, versions and real time have an order
};

inline Truth TruthOf(Format format, std::vector<Op> ops) {
  if (IsLinearizable(ops, InitialOf(format))) return Truth::kPass;
  for (Op& op : ops) op.revision.reset();
  return IsLinearizable(ops, InitialOf(format)) ? Truth::kLie : Truth::kFail;
}

}  // namespace quorate::sim::oracle
