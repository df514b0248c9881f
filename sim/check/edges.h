// sim/check/edges.h — checks at the borders of a run: stores, answers, frames, wake-ups, deadlines, the last look.
//
// Model: each hook is told what happened there, with what the world knows to be true of it (was the store spoiled?
//   was the frame?), and judges by that and by its own memory. None looks into the engine.
// Reported ids: I-47 · I-56 and CODEC-1 · BOOT-1 to BOOT-3 · ANSWER-1 and ANSWER-2 · LIVE-1 to LIVE-6 ·
//   I-19 · SCAN-1 to SCAN-3. Every evaluation is counted.
// Units: virtual nanoseconds. Threads: one. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "engine/effect.h"
#include "engine/kv/command.h"
#include "engine/record.h"
#include "net/frame.h"
#include "sim/check/violation.h"

namespace quorate::sim {

class EdgeChecks {
 public:
  // A node that wants to be called more often than this at one instant goes round in circles.
  static constexpr std::uint32_t kMostWakeupsAtOnce = 1000;
  // What whoever stayed outside may still cost is one election; where the whole core is needed for a quorum its
  // votes may be split again and again: half of the time at worst.
  static constexpr std::uint64_t kTermsOfStragglers = 20;
  // A sound cluster takes less than one term in so many election timeouts; one that goes in circles takes one in two.
  static constexpr std::int64_t kTimeoutsATerm = 8;
  // More events than any run may take.
  static constexpr std::uint64_t kMostEvents = 50'000'000;

  // `verdicts` must outlive this.
  explicit EdgeChecks(Verdicts& verdicts) : verdicts_(verdicts) {}

  // ---- stores ------------------------------------------------------------------------------------------
  // A store was opened and recovered (or not). `spoiled`: somebody damaged it.
  void OnStoreOpened(NodeId node, bool spoiled, const absl::Status& status);
  // What was found of the store is good enough to start with. `log_lost`: the log was taken away.
  void OnAccepted(NodeId node, bool log_lost);
  // Power failed in the middle of a recovery, and it was done again.
  void OnRecoveredTwice(NodeId node, const Recovered& first, const Recovered& second);
  // The node put an end to itself. `failed`: something did fail there.
  void OnStopped(NodeId node, bool failed, StopReason reason);

  // ---- clients -----------------------------------------------------------------------------------------
  // A process began: nobody has asked it anything.
  void OnProcess(NodeId node);
  void OnAsked(NodeId node, RequestId request);
  void OnAnswered(NodeId node, RequestId request);
  // The bytes of an answer that says "done", of a read or a write, or of the catalogue.
  std::optional<KvReply> OnReply(const Payload& result, absl::FunctionRef<std::string()> operation);
  void OnCatalogueReply(bool well_formed);
  // An operation of the serve phase is over.
  struct Served {
    std::int64_t begun = 0;
    std::int64_t ended = 0;
    std::int64_t bound = 0;
    enum class How : std::uint8_t {
      kAnswered,
      kGivenUp,
      kUnknown,  // the node does not know what became of it
      kRefused,
      kNoMatter,  // refused or unknown for a reason that may come up in a sound cluster
    } how = How::kAnswered;
    const char* refusal = "";
  };
  void OnServed(const Served& served, absl::FunctionRef<std::string()> operation);

  // ---- frames ------------------------------------------------------------------------------------------
  // What the receiver's codec made of the bytes of `sent`; `spoiled`: a byte was changed on the way.
  void OnDecoded(const Frame& sent, bool spoiled, const absl::StatusOr<Frame>& got);

  // ---- time --------------------------------------------------------------------------------------------
  void OnWakeup(NodeId node, std::int64_t at);
  void OnEvents(std::uint64_t events);
  // The greatest term of a group among the healed core, before and after a `span` in which nothing went wrong
  // there and nobody asked for a transfer. `patience`: the longest election timeout.
  struct TermSpan {
    GroupId group;
    Term before;
    Term after;
    std::int64_t span = 0;
    std::int64_t patience = 1;
  };
  void OnTermSpan(const TermSpan& terms);
  // Something that is due in the healed core: `missing` says what is not there yet.
  void OnDue(Check check, const std::optional<std::string>& missing, std::int64_t now,
             std::int64_t deadline);

  // ---- the last look -----------------------------------------------------------------------------------
  void OnContentDigest(const std::string& who, const absl::StatusOr<Digest>& computed, Digest kept);
  struct StateMark {
    Revision revision;
    Index applied;
    friend bool operator==(const StateMark&, const StateMark&) = default;
  };
  void OnState(const std::string& who, const StateMark& state, const StateMark& of_log);
  // Nothing is under way at the node: `left` is what lies in its stores for nothing (leftovers.h).
  void OnStores(NodeId node, const std::vector<std::string>& left);

 private:
  struct Node {
    absl::btree_set<RequestId> asked;
    std::int64_t last_wakeup = -1;
    std::uint32_t wakeups_at_once = 0;
  };
  Node& At(NodeId node);

  Verdicts& verdicts_;
  std::vector<Node> nodes_;
};

// LIVE-4: while nothing lasting is broken, every group gets on with what it was asked.
//
// Not what clients mean to ask is counted, but what nodes hold: a request that has come to a node and is not answered
// by it. Time runs only while such a request is there for the whole of it, so that it says nothing of how rarely clients
// ask, of what is lost on the way from them, or of what they ask for. Whoever is answered, even after all
// that time, makes it begin anew.
class CalmWatch {
 public:
  explicit CalmWatch(Verdicts& verdicts) : verdicts_(verdicts) {}

  enum class Kind : std::uint8_t { kWrites, kAll };
  // What a group was asked and what it has done.
  struct Asked {
    GroupId group;
    Kind kind = Kind::kAll;
    std::uint64_t done = 0;                  // another number: something was done
    std::optional<std::int64_t> open_since;  // of the oldest request that is open at a node
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  struct Look {
    std::int64_t now = 0;
    bool all_serve = false;                  // every node runs
    bool work_waits = false;                 // a node has more to do than it has done
    std::optional<std::int64_t> calm_since;  // nullopt: something is broken
    std::int64_t span = 0;                   // within which something is due
    std::vector<Asked> asked;                // in any order; of each group and kind one at most
  };
  void OnLook(const Look& look);

 private:
  struct Wait {
    std::uint64_t done = 0;
    std::int64_t lasts = 0;  // without anything done
  };
  Verdicts& verdicts_;
  absl::btree_map<std::pair<GroupId, Kind>, Wait> waits_;
  std::int64_t last_look_ = 0;
};

}  // namespace quorate::sim
