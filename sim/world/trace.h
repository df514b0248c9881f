// sim/world/trace.h — what happened, as one number and (on request) as text.
//
// Model: every event of the run is folded, as a few numbers, into a rolling digest: two runs are the same run
//   exactly if their digests are. Text is made only when somebody wants to read it: one line or more for
//   each event, each beginning with the event's number.
// Invariants: nothing that differs between two equal runs (addresses, host time) is ever folded in; whether
//   text is made changes nothing.
// Cost: two multiplications a number; no allocation unless text is wanted.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

#include "engine/base/bytes.h"

namespace quorate::sim {

class Trace {
 public:
  // `to` may be nullptr: no text.
  explicit Trace(std::ostream* to) : to_(to) {}

  // Begins event `number` at virtual time `ns`; what comes until the next Begin belongs to it.
  void Begin(std::uint64_t number, std::int64_t ns) {
    number_ = number;
    ns_ = ns;
  }
  void Fold(std::uint64_t number) {
    state_ = (state_ ^ number) * 0x9E3779B97F4A7C15u;
    state_ ^= state_ >> 29;
  }
  template <class... Numbers>
  void FoldAll(Numbers... numbers) {
    (Fold(static_cast<std::uint64_t>(numbers)), ...);
  }
  Digest digest() const { return Chain(Digest{}, state_); }

  // Whether Say is worth the making of its text.
  bool textual() const { return to_ != nullptr; }
  // Writes one line: number of the event, virtual time in seconds, text.
  void Say(const std::string& text);

 private:
  std::uint64_t state_ = 0x517'56f7'2617'4650;  // stored in seeds' digests: do not change
  std::uint64_t number_ = 0;
  std::int64_t ns_ = 0;
  std::ostream* to_;
};

// "12.034056789": seconds with nine digits.
std::string RenderSeconds(std::int64_t ns);

}  // namespace quorate::sim
