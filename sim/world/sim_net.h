// sim/world/sim_net.h — the network: one-way links between endpoints, each bad in its own way.
//
// Model: a link decides, when something is sent over it, whether and when it arrives: it may lose, double,
//   delay, reorder and spoil what it carries, by chance or as a script says; it holds so many bytes at once and drops what is more; it may
//   be cut (nothing arrives, neither what is sent nor what is under way) or clogged (nothing arrives until
//   it is opened again, then everything at once). Endpoints are nodes (from 0) and, behind them, clients.
// Invariants: without reordering a link delivers in the order of sending; a cut has as many ends as
//   beginnings; bytes in flight are those of sent and not yet arrived frames.
// Units: virtual nanoseconds, bytes, parts of 2^32. Errors: none. Cost: O(1) a frame.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sim/scenario/config.h"
#include "sim/scenario/draw.h"
#include "sim/scenario/script.h"
#include "sim/world/choice.h"
#include "sim/world/partition.h"

namespace quorate::sim {

struct LinkParameters {
  Dist latency;
  std::int64_t tail = 0;  // parts: takes `tail_by` more
  Dist tail_by;
  std::int64_t loss = 0;       // parts
  std::int64_t duplicate = 0;  // parts
  std::int64_t reorder =
      0;  // parts: takes `reorder_by` more, and what is sent later does not wait for it
  Dist reorder_by;
  std::int64_t corrupt = 0;         // parts
  std::int64_t capacity_bytes = 0;  // 0 = no bound
};

enum class SendFate : std::uint8_t { kSent, kLost, kCut, kOverflow };

struct Arrival {
  std::int64_t at = 0;
  std::optional<std::uint64_t> spoil;  // a byte is changed; these bits say which and how
};
struct Dispatch {
  SendFate fate = SendFate::kSent;
  std::size_t count = 0;  // arrivals: 1, or 2 if doubled
  std::array<Arrival, 2> arrivals{};
};

class SimNet {
 public:
  // Sites of the choices begin with `site`. All links are whole and perfect until told otherwise.
  SimNet(std::uint64_t seed, Endpoint endpoints);

  Endpoint endpoints() const { return endpoints_; }
  void SetLink(Endpoint from, Endpoint to, const LinkParameters& parameters, std::uint64_t entity);
  const LinkParameters& link(Endpoint from, Endpoint to) const { return At(from, to).parameters; }
  // The link does what is written instead: frames take `latency_ns` but for `fates`, by the count of its frames.
  void SetScript(Endpoint from, Endpoint to, std::int64_t latency_ns,
                 std::vector<std::pair<std::uint64_t, FrameFate>> fates);
  // From now on the fate of every frame is written down.
  void Record() { recorded_.resize(links_.size()); }
  // Of the frames of a link, in order. Requires: Record was called.
  const std::vector<FrameFate>& Recorded(Endpoint from, Endpoint to) const {
    return recorded_[std::size_t{from} * endpoints_ + to];
  }

  // Nothing happens to single frames while it is quiet (sim/world/quiet.h), but that they take their usual time, or do not
  // fit in. What is written happens all the same.
  void SetQuiet(const TimeConfig& time) { time_ = time; }

  // What becomes of `bytes` sent now. Each arrival is to be announced by OnArrival when its time comes.
  Dispatch Send(Endpoint from, Endpoint to, std::size_t bytes, std::int64_t now);
  // False: the link is cut, nothing arrives after all.
  bool OnArrival(Endpoint from, Endpoint to, std::size_t bytes);

  void Cut(const std::vector<DirectedLink>& links);
  void Join(const std::vector<DirectedLink>& links);
  bool IsCut(Endpoint from, Endpoint to) const { return At(from, to).is_cut(); }
  // What is sent from now on arrives not before `until`.
  void Clog(Endpoint from, Endpoint to, std::int64_t until);
  void Unclog(Endpoint from, Endpoint to) { At(from, to).clogged_until = 0; }
  bool IsClogged(Endpoint from, Endpoint to, std::int64_t now) const {
    return At(from, to).clogged_until > now;
  }
  // From now on for ever no cut, clog, loss, doubling, spoiling, reordering, tail or bound; latency stays.
  void Heal(Endpoint from, Endpoint to);
  // From now on for ever no cut, clog and bound; the rest stays.
  void Mend(Endpoint from, Endpoint to);
  // From now on a frame that takes longer counts as trouble.
  void SetPatience(std::int64_t patience_ns) { patience_ns_ = patience_ns; }
  // How often anything went wrong on the link, and until when frames are held up by it: lost, spoiled, overtaken or
  // late frames, cuts, clogs and overflows all count.
  struct Trouble {
    std::uint64_t count = 0;
    std::int64_t until = 0;
  };
  const Trouble& trouble(Endpoint from, Endpoint to) const { return At(from, to).trouble; }

  // From now on no frame takes longer.
  void BoundLatency(Endpoint from, Endpoint to, std::int64_t bound_ns);

  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
    std::uint64_t reordered = 0;
    std::uint64_t delayed = 0;  // by a tail
    std::uint64_t spoiled = 0;
    std::uint64_t cut = 0;
    std::uint64_t overflowed = 0;
    std::uint64_t held = 0;  // by a clog
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Link {
    LinkParameters parameters;
    std::uint32_t cuts = 0;
    bool healed = false;  // cuts and clogs are counted, but do nothing any more
    bool sound = false;   // nothing happens to single frames any more
    std::int64_t bound_ns = std::numeric_limits<std::int64_t>::max();  // no frame travels longer
    std::int64_t clogged_until = 0;
    std::int64_t last_arrival = 0;
    std::size_t in_flight_bytes = 0;
    Trouble trouble;
    Choice latency, tail, loss, duplicate, reorder, corrupt;
    bool is_cut() const { return cuts > 0 && !healed; }
  };
  Link& At(Endpoint from, Endpoint to) { return links_[std::size_t{from} * endpoints_ + to]; }
  const Link& At(Endpoint from, Endpoint to) const {
    return links_[std::size_t{from} * endpoints_ + to];
  }
  struct LinkScript {
    std::vector<std::pair<std::uint64_t, FrameFate>> fates;
    std::size_t next = 0;
    std::uint64_t sent = 0;
  };
  // What becomes of a frame, if it is not lost.
  FrameFate Draw(Link& link);
  FrameArrival DrawArrival(Link& link);
  FrameFate Scripted(const Link& link, LinkScript& script);
  Arrival Arrive(Link& link, const FrameArrival& fate, std::int64_t now);

  std::uint64_t seed_;
  Endpoint endpoints_;
  std::vector<Link> links_;
  std::vector<LinkScript> scripts_;               // by link; empty: chances
  std::vector<std::vector<FrameFate>> recorded_;  // by link; empty: nobody wants to know
  Counts counts_;
  TimeConfig time_;
  std::int64_t patience_ns_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace quorate::sim
