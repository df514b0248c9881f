#include "sim/world/sim_net.h"

#include <algorithm>
#include <utility>

#include "sim/world/quiet.h"

namespace quorate::sim {

SimNet::SimNet(std::uint64_t seed, Endpoint endpoints)
    : seed_(seed), endpoints_(endpoints), links_(std::size_t{endpoints} * endpoints) {}

void SimNet::SetLink(Endpoint from, Endpoint to, const LinkParameters& parameters,
                     std::uint64_t entity) {
  Link& link = At(from, to);
  link.parameters = parameters;
  link.latency = Choice(seed_, "net.latency", entity);
  link.tail = Choice(seed_, "net.tail", entity);
  link.loss = Choice(seed_, "net.loss", entity);
  link.duplicate = Choice(seed_, "net.duplicate", entity);
  link.reorder = Choice(seed_, "net.reorder", entity);
  link.corrupt = Choice(seed_, "net.corrupt", entity);
}

void SimNet::SetScript(Endpoint from, Endpoint to, std::int64_t latency_ns,
                       std::vector<std::pair<std::uint64_t, FrameFate>> fates) {
  scripts_.resize(links_.size());
  Link& link = At(from, to);
  link.parameters = {};
  link.parameters.latency = FixedDist(latency_ns);
  scripts_[std::size_t{from} * endpoints_ + to].fates = std::move(fates);
}

// ---- what becomes of a frame ---------------------------------------------------------------------------

FrameArrival SimNet::DrawArrival(Link& link) {
  const LinkParameters& parameters = link.parameters;
  FrameArrival arrival;
  arrival.travel_ns = link.latency.From(parameters.latency);
  if (parameters.tail > 0) {
    const std::uint64_t bits = link.tail.Bits();
    if (Happens(parameters.tail, bits)) {
      arrival.travel_ns += Sample(parameters.tail_by, Mix(bits));
      ++counts_.delayed;
    }
  }
  if (parameters.reorder > 0) {
    const std::uint64_t bits = link.reorder.Bits();
    if (Happens(parameters.reorder, bits))
      arrival.overtaken_ns = Sample(parameters.reorder_by, Mix(bits));
  }
  if (parameters.corrupt > 0) {
    const std::uint64_t bits = link.corrupt.Bits();
    if (Happens(parameters.corrupt, bits)) arrival.spoil = Mix(bits);
  }
  return arrival;
}

FrameFate SimNet::Draw(Link& link) {
  FrameFate fate;
  fate.first = DrawArrival(link);
  const std::int64_t duplicate = link.parameters.duplicate;
  if (duplicate > 0 && link.duplicate.Chance(duplicate)) fate.second = DrawArrival(link);
  return fate;
}

// A healed link loses, doubles, spoils and overtakes nothing, and takes no longer than its bound, whatever was
// written for it: what is written may have been changed since.
FrameFate SimNet::Scripted(const Link& link, LinkScript& script) {
  const std::uint64_t nth = script.sent++;
  while (script.next < script.fates.size() && script.fates[script.next].first < nth) ++script.next;
  FrameFate usual;
  usual.first.travel_ns = link.parameters.latency.max;
  if (script.next == script.fates.size() || script.fates[script.next].first != nth) return usual;
  FrameFate fate = script.fates[script.next].second;
  if (fate.dropped && link.sound) return usual;
  if (link.sound) {
    fate.second.reset();
    fate.first.spoil.reset();
    fate.first.overtaken_ns.reset();
  }
  fate.first.travel_ns = std::min(fate.first.travel_ns, link.bound_ns);
  if (fate.second) fate.second->travel_ns = std::min(fate.second->travel_ns, link.bound_ns);
  return fate;
}

Arrival SimNet::Arrive(Link& link, const FrameArrival& fate, std::int64_t now) {
  Arrival arrival;
  arrival.at = now + fate.travel_ns;
  if (link.clogged_until > arrival.at) {
    arrival.at = link.clogged_until;
    ++counts_.held;
  }
  arrival.at = std::max(arrival.at, link.last_arrival);
  if (fate.overtaken_ns) {
    arrival.at += *fate.overtaken_ns;
    ++counts_.reordered;
  } else {
    link.last_arrival = arrival.at;
  }
  arrival.spoil = fate.spoil;
  if (arrival.spoil) ++counts_.spoiled;
  if (arrival.spoil || fate.overtaken_ns || arrival.at - now > patience_ns_) {
    ++link.trouble.count;
    link.trouble.until = std::max(link.trouble.until, arrival.at);
  }
  return arrival;
}

Dispatch SimNet::Send(Endpoint from, Endpoint to, std::size_t bytes, std::int64_t now) {
  const std::size_t place = std::size_t{from} * endpoints_ + to;
  Link& link = links_[place];
  const LinkParameters& parameters = link.parameters;
  Dispatch dispatch;
  ++counts_.sent;
  if (link.is_cut()) {
    ++counts_.cut;
    ++link.trouble.count;
    dispatch.fate = SendFate::kCut;
    return dispatch;
  }
  FrameFate fate;
  const bool is_quiet = IsQuiet(time_, now);
  const auto capacity = static_cast<std::size_t>(parameters.capacity_bytes);
  if (!scripts_.empty()) {
    fate = Scripted(link, scripts_[place]);
    if (fate.dropped) dispatch.fate = SendFate::kLost;
  } else if (parameters.loss > 0 && !is_quiet && link.loss.Chance(parameters.loss)) {
    dispatch.fate = SendFate::kLost;
  } else if (capacity > 0 && link.in_flight_bytes > 0 && link.in_flight_bytes + bytes > capacity) {
    // A single frame always fits into an empty link, however small the link.
    dispatch.fate = SendFate::kOverflow;
  } else if (is_quiet) {
    fate.first.travel_ns = link.latency.From(parameters.latency);
  } else {
    fate = Draw(link);
  }
  fate.dropped = dispatch.fate != SendFate::kSent;
  if (!recorded_.empty()) recorded_[place].push_back(fate);
  if (fate.dropped) {
    ++(dispatch.fate == SendFate::kLost ? counts_.lost : counts_.overflowed);
    ++link.trouble.count;
    return dispatch;
  }
  dispatch.arrivals[dispatch.count++] = Arrive(link, fate.first, now);
  if (fate.second) {
    ++counts_.doubled;
    dispatch.arrivals[dispatch.count++] = Arrive(link, *fate.second, now);
  }
  link.in_flight_bytes += bytes * dispatch.count;
  return dispatch;
}

bool SimNet::OnArrival(Endpoint from, Endpoint to, std::size_t bytes) {
  Link& link = At(from, to);
  REQUIRE(link.in_flight_bytes >= bytes);
  link.in_flight_bytes -= bytes;
  if (!link.is_cut()) return true;
  ++counts_.cut;
  ++link.trouble.count;
  return false;
}

void SimNet::Cut(const std::vector<DirectedLink>& links) {
  for (const auto& [from, to] : links) {
    ++At(from, to).cuts;
    ++At(from, to).trouble.count;
  }
}

void SimNet::Join(const std::vector<DirectedLink>& links) {
  for (const auto& [from, to] : links) {
    Link& link = At(from, to);
    REQUIRE(link.cuts > 0);
    --link.cuts;
  }
}

void SimNet::Clog(Endpoint from, Endpoint to, std::int64_t until) {
  Link& link = At(from, to);
  if (link.healed) return;
  link.clogged_until = std::max(link.clogged_until, until);
  ++link.trouble.count;
  link.trouble.until = std::max(link.trouble.until, until);
}

void SimNet::Heal(Endpoint from, Endpoint to) {
  Mend(from, to);
  LinkParameters& parameters = At(from, to).parameters;
  parameters.tail = 0;
  parameters.loss = 0;
  parameters.duplicate = 0;
  parameters.reorder = 0;
  parameters.corrupt = 0;
  At(from, to).sound = true;
}

void SimNet::Mend(Endpoint from, Endpoint to) {
  Link& link = At(from, to);
  link.healed = true;
  link.clogged_until = 0;
  // What does not fit would never come, while heartbeats do: a leader outside would stay for ever and get nothing done.
  link.parameters.capacity_bytes = 0;
}

void SimNet::BoundLatency(Endpoint from, Endpoint to, std::int64_t bound_ns) {
  Link& link = At(from, to);
  link.parameters.latency = Bounded(link.parameters.latency, bound_ns);
  link.bound_ns = std::min(link.bound_ns, bound_ns);
  link.parameters.tail = 0;
  link.last_arrival = 0;  // what is held up already still comes when it was to come
}

}  // namespace quorate::sim
