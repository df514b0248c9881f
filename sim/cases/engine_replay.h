// sim/cases/engine_replay.h — plays a recorded run to the engine alone: what a generated test is made of.
//
// Model: replicas without hosts, disks, links and clocks. Each gets the recovered state of each life that its process
//   had in the run, and in each life the inputs with their times; after every step, what the engine asks for is
//   compared with what it asked for then, as a digest. At the first difference the replay stops: what
//   follows was an answer to something else.
// Course: how the engine of today and the recorded one compare; a test fails, passes or is skipped by it.
// Arguments of a step: the node; its monotonic and its wall clock in nanoseconds, the latter from kReplayEpoch on; what it
//   is, for a reader; the input's bytes in hexadecimal (sim/cases/codec.h); the digest of what it led to.
// Errors: bytes that are none are the course kUnreadable. Knows the engine and its codec, nothing of the simulator.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/container/btree_map.h"
#include "engine/options.h"
#include "engine/replica.h"

namespace quorate::sim {

inline constexpr std::int64_t kReplayEpoch = 1'700'000'000'000'000'000;  // stored: do not change

enum class Course : std::uint8_t {
  kRepeated,    // at every step the engine did what it did in the run
  kOtherEnd,    // it did up to the last step, and something else there
  kElsewhere,   // it did something else before: where the run went, it does not come
  kAsserts,     // at a step that it was bound to understand, an assertion of its own failed
  kUnreadable,  // the recording is damaged, or of another format
};
const char* NameOf(Course course);
std::ostream& operator<<(std::ostream& out, Course course);

class EngineReplay {
 public:
  explicit EngineReplay(const Options& options) : options_(options) {}

  // A process of `node` starts from `recovered`; what `node` was before is forgotten.
  void Boot(std::uint32_t node, std::int64_t mono, std::int64_t wall, std::string_view what,
            std::string_view recovered, std::uint64_t effects);
  // `node` is given one input. Requires: it was booted.
  void Step(std::uint32_t node, std::int64_t mono, std::int64_t wall, std::string_view what,
            std::string_view input, std::uint64_t effects);
  // As Step; in the run, an assertion of the engine failed in it.
  void FailingStep(std::uint32_t node, std::int64_t mono, std::int64_t wall, std::string_view what,
                   std::string_view input);
  // Behind a step: what the replica was after it (Replica::StateDigest). Belongs to that step.
  void State(std::uint32_t node, std::uint64_t state);

  Course course() const;
  // The same for a reader: which step, what was given, what the engine asks for now.
  std::string story() const;

 private:
  struct Difference {
    std::uint64_t step = 0;
    bool asserts = false;
    bool unreadable = false;
    std::string how;
  };

  // Counts a step; false if the engine went another way before.
  bool Begin(std::uint32_t node, std::string_view what);
  // Hands `input` to the replica of `node`; `effects` nullptr: an assertion is to fail.
  void Feed(std::uint32_t node, Now now, std::string_view input, const std::uint64_t* effects);
  void Compare(const Replica& replica, std::uint64_t effects);
  void Differ(const std::string& how);

  Options options_;
  absl::btree_map<std::uint32_t, Replica> replicas_;
  std::uint64_t steps_ = 0;
  std::string last_;  // the last of them, for a reader
  bool differs_ = false;
  Difference difference_;
};

}  // namespace quorate::sim
