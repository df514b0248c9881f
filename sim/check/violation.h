// sim/check/violation.h — what a checker found.
//
// Model: a checker id (I-1 … I-83, LIN-1 …, LIVE-1 …: stored in fingerprints, never renumbered) and one line that
//   says what was seen and where. The first violation ends a run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace quorate::sim {

struct Violation {
  std::string id;
  std::string what;
  std::uint64_t event = 0;  // number of the event at which it was seen
};

// Keeps the first violation. Checkers report into it; the run asks `found()` after every event.
class Verdicts {
 public:
  void Report(std::string id, std::string what) {
    if (!first_) first_ = Violation{std::move(id), std::move(what), event_};
  }
  bool found() const { return first_.has_value(); }
  const std::optional<Violation>& first() const { return first_; }
  void set_event(std::uint64_t event) { event_ = event; }
  std::uint64_t event() const { return event_; }

 private:
  std::optional<Violation> first_;
  std::uint64_t event_ = 0;
};

}  // namespace quorate::sim
