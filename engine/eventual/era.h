// engine/eventual/era.h — one namespace's eventual era at one node.
//
// Model: a value that steps. The node's own writes are stamped, numbered and logged here; entries of other
//   origins come in from any peer that has them. What the node knows is a vector; catching up is sending what
//   lies behind a vector. Whatever is appended is merged into the map in the order of its origin.
//     own write:  stamp and number → Prepare (what does it replace?) → append → durable → peers, client, map
//     others':    Entries → append → durable → Have (the acknowledgement), map
// Who sends what: an origin pushes its own entries to every peer; whoever finds that it still lacks something
//   another peer has shown asks that peer for it (`Pull`) and is sent it once. What is lost is offered again.
// Invariants: `have` never falls; nothing leaves before the write it rests on is durable (`after`), no dot before
//   it is synced; before the map holds what the logs held at boot, no vector leaves and no write is taken.
// Time: monotonic for timers; the date (agreed_time.h) for stamps only.
// Errors: what a peer sends is never asserted on; a fork of an origin's log is damage, and told.
// Source: our own, over per-origin logs and version vectors; docs/eventual.md.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/base/time.h"
#include "engine/eventual/clock.h"
#include "engine/eventual/entry.h"
#include "engine/eventual/origin_log.h"
#include "engine/eventual/vector.h"
#include "engine/raft/configuration.h"

namespace quorate {

struct EraOptions {
  ClockLimits clock;
  Duration resend = Milliseconds(200);           // what was sent and not acknowledged; doubles
  Duration resend_most = Milliseconds(800);      // up to here
  Duration notice = Milliseconds(100);           // between two vectors to a peer that is up
  std::size_t max_entries = 256;                 // of one message, one merge, one read; >= 1
  std::size_t max_bytes = std::size_t{1} << 20;  // of one message; a larger single entry still goes
  std::size_t max_in_flight = 4096;              // entries sent to a peer and not acknowledged
  std::size_t max_pending = 10'000;              // own writes under way
  std::size_t cache_entries = 4096;              // merged entries kept in memory per origin
};

// ---- what replicas of an era tell each other ---------------------------------------------------------

// Entries of one origin that follow `before`.
struct EraEntries {
  OriginId origin;
  OriginPlace before;
  std::vector<OriginEntry> entries;
  friend bool operator==(const EraEntries&, const EraEntries&) = default;
};
// "I hold this durably." Also the acknowledgement of entries.
struct EraHave {
  VersionVector have;
  bool gap = false;  // entries came that do not follow on: what was sent since is to be sent again
  friend bool operator==(const EraHave&, const EraHave&) = default;
};
// "Send me what you hold beyond this, of origins that are not yours." Answered by entries, once.
struct EraPull {
  VersionVector have;
  friend bool operator==(const EraPull&, const EraPull&) = default;
};
using EraMessage = std::variant<EraEntries, EraHave, EraPull>;

// ---- what a step asks for ------------------------------------------------------------------------------

// How many replicas hold a write durably before it is answered.
enum class WriteLevel : std::uint8_t { kOne, kQuorum, kAll };

enum class EraRefusal : std::uint8_t {
  kNone,
  kNotReady,  // the map is still being brought up to what the logs hold
  kBusy,      // a limit
  kClock,     // this node's stamps stand too far ahead of the date
  kTimeout,   // too few replicas in time: the write is there and will spread
};

struct EraOut {
  struct Append {  // part of this step's write
    OriginId origin;
    OriginSeq first;
    std::vector<OriginEntry> entries;
  };
  struct Prepare {  // which versions do these writes replace? Answered in order by `OnPrepared`
    OriginSeq seq;
    Payload writes;
  };
  struct Merge {  // answered by `OnMerged`
    OriginId origin;
    OriginSeq first;
    std::vector<OriginEntry> entries;
    PersistSeq after;
  };
  struct Read {  // entries first.. <= last from the log; answered by `OnRead`
    OriginId origin;
    OriginSeq first;
    OriginSeq last;
  };
  struct Tell {
    NodeId to;
    PersistSeq after;
    EraMessage message;
  };
  struct Answer {
    RequestId request;
    PersistSeq after;
    EraRefusal refusal = EraRefusal::kNone;
    bool unknown = false;  // it may stand, or will: only kTimeout
    Version version;       // of what was written
    VersionVector token;   // covers it
  };
  std::vector<Append> appends;
  std::vector<Prepare> prepares;
  std::vector<Merge> merges;
  std::vector<Read> reads;
  std::vector<Tell> tells;
  std::vector<Answer> answers;
  std::uint64_t refused_ahead = 0;  // entries stamped too far ahead of the date
  std::uint64_t malformed = 0;      // messages that make no sense
  std::vector<OriginId> forked;     // damage: here, or at who sent it
};

struct EraContext {
  MonoTime now;
  WallTime date;
  const EraOptions& options;
  const NodeSet& members;
  PersistSeq write;  // the number of this step's write, if it makes one
  EraOut& out;
};

// One origin as found at boot.
struct RecoveredOrigin {
  OriginId origin;
  OriginPlace dropped;
  OriginPlace last;
  OriginSeq merged;  // what the map holds
  friend bool operator==(const RecoveredOrigin&, const RecoveredOrigin&) = default;
};

class Era {
 public:
  // `promised`: durably, by this origin.
  Era(NodeId self, OriginId own, std::uint32_t era, const std::vector<RecoveredOrigin>& found,
      Stamp promised);

  // Once, before anything else.
  void Start(EraContext& context);
  // ---- inputs
  // `writes` as encoded, with nothing replaced yet.
  void OnWrite(EraContext& context, RequestId request, Payload writes, WriteLevel level,
               MonoTime deadline);
  void OnPrepared(EraContext& context, OriginSeq seq, Payload writes);
  void OnMessage(EraContext& context, NodeId from, const EraMessage& message);
  void OnPersisted(EraContext& context, PersistSeq upto);
  void OnMerged(EraContext& context, OriginId origin, OriginSeq upto);
  // `before`: the place before the first of `entries`.
  void OnRead(EraContext& context, OriginId origin, const OriginPlace& before,
              const std::vector<OriginEntry>& entries);
  void OnLinkUp(EraContext& context, NodeId peer);
  void OnLinkDown(NodeId peer);
  void OnTimer(EraContext& context);
  // Once at the end of each step.
  void Finish(EraContext& context);

  // ---- state
  std::uint32_t era() const { return era_; }
  OriginId own() const { return own_; }
  bool ready() const { return ready_; }
  const HybridClock& clock() const { return clock_; }
  // Appended, not necessarily durable.
  const VersionVector& have() const { return have_; }
  VersionVector durable() const;
  // What a reader of the map sees at least.
  VersionVector merged() const;
  const absl::btree_map<OriginId, OriginLog>& logs() const { return logs_; }
  std::size_t pending() const { return pending_.size(); }
  friend bool operator==(const Era&, const Era&) = default;
  MonoTime NextWakeup() const;

 private:
  struct Peer {
    NodeId node;
    bool up = false;
    VersionVector have;  // durable there, as it said

    OriginSeq sent;        // of the own log
    bool probing = false;  // one message at a time, until one is acknowledged
    MonoTime resend_at = kNever;
    Duration resend_after{};

    absl::btree_map<OriginId, OriginSeq> pulls;  // it asked for what follows; answered once
    bool asked = false;                          // it was asked, and has not sent anything since
    bool ask = false;                            // ask it (again)

    bool acknowledge = false;  // entries came whose write is not durable yet
    bool tell = false;         // a vector is due
    bool gap = false;
    VersionVector told;
    MonoTime notice_at{};
    Duration notice_after{};
    friend bool operator==(const Peer&, const Peer&) = default;
  };
  struct Own {  // a write under way
    OriginSeq seq;
    RequestId request;
    WriteLevel level = WriteLevel::kOne;
    MonoTime deadline;
    Stamp stamp;
    bool answered = false;
    friend bool operator==(const Own&, const Own&) = default;
  };

  Peer* Find(NodeId node);
  void SyncPeers(const EraContext& context);
  void OnEntries(EraContext& context, Peer& peer, const EraEntries& message);
  void OnHave(const EraContext& context, Peer& peer, const EraHave& message);
  void OnPull(Peer& peer, const EraPull& message);
  std::size_t Admitted(EraContext& context, std::span<const OriginEntry> entries) const;
  void Append(EraContext& context, OriginId origin, std::span<const OriginEntry> entries);
  void Answer(EraContext& context, Own& own, EraRefusal refusal, PersistSeq after) const;
  void ResolveHeld(EraContext& context);
  OriginSeq HeldBy(const EraContext& context, std::size_t replicas) const;
  void LookForMissing(EraContext& context);
  void MergeDue(EraContext& context);
  void EmitMerge(EraContext& context, OriginId origin, OriginSeq first,
                 std::span<const OriginEntry> entries);
  void Push(EraContext& context, Peer& peer);
  void ServePulls(EraContext& context, Peer& peer);
  // Entries behind `after`, at most so many, in one message; 0: they have to be read first.
  std::size_t Send(EraContext& context, Peer& peer, OriginId origin, OriginSeq after,
                   std::size_t most);
  void Read(EraContext& context, OriginId origin, OriginSeq first);
  void Notify(EraContext& context, Peer& peer);

  NodeId self_;
  OriginId own_;
  std::uint32_t era_ = 0;
  HybridClock clock_;
  absl::btree_map<OriginId, OriginLog> logs_;
  VersionVector have_;
  VersionVector at_boot_;  // what the logs held then
  bool ready_ = false;
  OriginSeq allotted_;       // own numbers given out
  std::deque<Own> pending_;  // by seq; the answered ones go once they are in front
  absl::btree_set<std::pair<MonoTime, OriginSeq>> deadlines_;  // of those that wait for replicas
  std::vector<Peer> peers_;                                    // every other member, by node
  absl::btree_map<OriginId, OriginSeq> merging_;  // up to here it was handed out to be merged
  absl::btree_map<OriginId, OriginSeq> reading_;  // from here on it is being read
  MonoTime look_at_{};                            // when it is looked at next what is missing
  VersionVector looked_;                          // what was held at the last look
  std::size_t turn_ = 0;                          // whom to ask next
};

}  // namespace quorate
