// sim/cases/step_recorder.h — what the engines of one run were given, step by step.
//
// Model: a list of boots and inputs of all nodes, in the order of the run, as `Replica` got them: with the time that
//   came along, a digest of what the step led to and, for a reader, what it changed. It ends with the step in which the first
//   violation was seen, or with the last one before it.
// Invariants: recording changes nothing; whoever plays the steps to fresh replicas comes to the same states.
// Cost: nothing unless RunSettings::steps is set; then a copy of each input.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/ports.h"
#include "engine/replica.h"
#include "sim/check/violation.h"

namespace quorate::sim {

struct RecordedStep {
  std::uint64_t event = 0;  // of the run, in which it was made
  NodeId node;
  Now now;
  std::variant<Recovered, Input> given;  // a boot, or an input of the life before
  bool done = false;                     // false: an assertion failed in it
  Digest effects;
  Digest state;         // of the replica after it
  std::string changed;  // "g0 leader t3, commit 7": empty if nothing did that a reader looks for
};

struct RecordedRun {
  Options options;  // of every node
  std::vector<RecordedStep> steps;
  std::optional<Violation> violation;
  // Where it comes from, for a reader.
  std::string scenario;  // its file
  std::string scenario_hash;
  std::uint64_t seed = 0;
  std::string commit;  // of the program

  // The violation was seen in the last step (and not at a client, a disk, or at the end of the run).
  bool SeenInLastStep() const {
    return violation && !steps.empty() && steps.back().event == violation->event;
  }
};

// Looks on for one life of one process.
class StepRecorder final : public StepWatch {
 public:
  // `run` and `verdicts` outlive it.
  StepRecorder(RecordedRun& run, const Verdicts& verdicts, const Recovered& recovered)
      : run_(run), verdicts_(verdicts), recovered_(recovered) {}

  void OnStart(Now now) override;
  void OnInput(Now now, const Input& input) override;
  void OnStepped(const Replica& replica) override;

 private:
  struct Seen {  // of one group
    Role role = Role::kFollower;
    Term term;
    EntryId last;
    Index commit;
    friend bool operator==(const Seen&, const Seen&) = default;
  };

  void Add(Now now, std::variant<Recovered, Input> given);
  std::string Changes(const Replica& replica);

  RecordedRun& run_;
  const Verdicts& verdicts_;
  const Recovered recovered_;
  absl::btree_map<GroupId, Seen> seen_;
  bool open_ = false;  // the last step of `run_` is being made here
};

}  // namespace quorate::sim
