// sim/check/violation.h — what the checkers found, and how often they looked.
//
// Model: a checker id (I-1 … I-83, LIN-1 …: stored in fingerprints, never renumbered) and one line that
//   says what was seen and where. The first violation ends a run. Every evaluation is counted, so that a report
//   shows which checks had something to look at. A check may be passed over: its violations are counted and
//   nothing else comes of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "sim/check/ids.h"

namespace quorate::sim {

struct Violation {
  std::string id;
  std::string what;
  std::uint64_t event = 0;  // number of the event at which it was seen
};

// Keeps the first violation. Checkers report into it; the run asks `found()` after every event.
class Verdicts {
 public:
  void Report(Check check, std::string what) {
    if (PassesOver(check)) return;
    if (!first_) first_ = Violation{IdOf(check), std::move(what), event_};
  }
  // The same by its id. Requires: there is such a check.
  void Report(std::string_view id, std::string what) {
    const std::optional<Check> check = CheckOf(id);
    REQUIRE(check.has_value());
    Report(*check, std::move(what));
  }
  // Counts the evaluation; false (and a violation) unless `holds`. `what` is called for the text only then, and
  // not for a check that is passed over.
  template <class What>
  bool Expect(Check check, bool holds, const What& what) {
    counts_.Add(check);
    if (holds) return true;
    if (!PassesOver(check)) Report(check, what());
    return false;
  }
  void Count(Check check, std::uint64_t count = 1) { counts_.Add(check, count); }

  // From now on these are passed over.
  void Ignore(const CheckSet& checks) { ignored_ = checks; }
  // Whether a violation of `check` is passed over; it is counted then.
  bool PassesOver(Check check) {
    if (!ignored_.test(static_cast<std::size_t>(check))) return false;
    passed_over_.Add(check);
    return true;
  }

  bool found() const { return first_.has_value(); }
  const std::optional<Violation>& first() const { return first_; }
  void set_event(std::uint64_t event) { event_ = event; }
  std::uint64_t event() const { return event_; }
  const CheckCounts& counts() const { return counts_; }
  const CheckCounts& passed_over() const { return passed_over_; }

 private:
  std::optional<Violation> first_;
  std::uint64_t event_ = 0;
  CheckCounts counts_;
  CheckSet ignored_;
  CheckCounts passed_over_;
};

}  // namespace quorate::sim
