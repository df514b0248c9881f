// sim/shrink/shrinker.h — makes a failing run small: fewer faults, operations and nodes, the same failure.
//
// Model: the best run so far, and passes that try smaller ones: cut off what comes after the failure · let single
//   frames and disk operations go the usual way, or those that hardly do otherwise · nodes and times instead of "$leader" and marks · drop whole classes of faults · delta debugging over faults,
//   operations, keys, nodes, clients, namespaces · weaker faults, plainer operations and settings · rounder and earlier
//   times. A candidate is accepted if it fails with the same fingerprint, whatever its events, nodes and times.
//   Passes are repeated until none finds anything more, or the deadline is over: the best so far stands at any time.
// Determinism: of several candidates the first in order wins, so the way does not depend on how many are tried at
//   once; only where the deadline cuts it off does.
// Errors: none; who evaluates says whether a candidate fails as the run did.
// Source: Zeller and Hildebrandt 2002 (delta debugging); the order of the passes is our own.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "sim/check/violation.h"
#include "sim/shrink/edits.h"

namespace quorate::sim {

// What a failure is the same as: verdict and checker, of an assertion its text; no index, node or time.
struct Fingerprint {
  std::string checker;
  std::string text;  // of assertions
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// How one candidate failed.
struct Failure {
  std::uint64_t events = 0;
  std::int64_t at_ns = 0;  // virtual time of the end
  Violation violation{};
};

struct ShrinkProgress {
  std::string pass;
  RunSize size;
  std::uint64_t tried = 0;
  std::uint64_t accepted = 0;
};

class Shrinker {
 public:
  struct Found {
    std::size_t place = 0;
    Failure failure;
  };
  // The first of the candidates that fails with the fingerprint; nullopt: none does.
  using Evaluate = absl::FunctionRef<std::optional<Found>(const std::vector<RunConfig>&)>;
  using OutOfTime = absl::FunctionRef<bool()>;
  using Tell = absl::FunctionRef<void(const ShrinkProgress&)>;

  // `failing` fails, as `failure` says. Requires: failing.script.
  Shrinker(RunConfig failing, Failure failure, Evaluate evaluate, OutOfTime out_of_time, Tell tell);

  // When actions of the schedule struck in `failing`, so that what waited for marks can be given a time.
  void set_moments(Moments moments) { moments_ = std::move(moments); }

  // Until nothing gets smaller or time is out.
  void Run();

  const RunConfig& best() const { return best_; }
  const Failure& failure() const { return failure_; }
  RunSize size() const { return SizeOf(best_, failure_.events); }
  std::uint64_t tried() const { return tried_; }
  // Every pass has said that it finds nothing more.
  bool finished() const { return finished_; }

 private:
  // Whether one of them became the best.
  bool Try(std::vector<RunConfig> candidates);
  bool TryOne(RunConfig candidate);
  // Each is made when its turn comes: a long run's are too large to be there all at once.
  bool TryEach(std::size_t count, absl::FunctionRef<RunConfig(std::size_t)> candidate);
  // Drops items of a list in ever smaller pieces. `count` of the best, `without` items.
  bool Reduce(std::size_t (*count)(const RunConfig&),
              RunConfig (*without)(RunConfig, std::size_t, std::size_t), std::size_t finest);
  bool Truncate();
  bool Calm();
  bool Smooth();
  bool Pin();
  bool DropClasses();
  bool DropNodes();
  bool DropClients();
  bool Weaken();
  bool Simplify();
  bool Tighten();
  bool Plain();
  bool Normalise();
  bool Pass(const char* name, bool (Shrinker::*pass)());

  RunConfig best_;
  Failure failure_;
  Moments moments_;
  Evaluate evaluate_;
  OutOfTime out_of_time_;
  Tell tell_;
  std::uint64_t tried_ = 0;
  std::uint64_t accepted_ = 0;
  bool finished_ = false;
};

}  // namespace quorate::sim
