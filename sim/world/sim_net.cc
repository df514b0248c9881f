#include "sim/world/sim_net.h"

#include <algorithm>

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

Arrival SimNet::Arrive(Link& link, std::int64_t now) {
  const LinkParameters& parameters = link.parameters;
  Arrival arrival;
  arrival.at = now + link.latency.From(parameters.latency);
  if (parameters.tail > 0) {
    const std::uint64_t bits = link.tail.Bits();
    if (Happens(parameters.tail, bits)) {
      arrival.at += Sample(parameters.tail_by, Mix(bits));
      ++counts_.delayed;
    }
  }
  if (link.clogged_until > arrival.at) {
    arrival.at = link.clogged_until;
    ++counts_.held;
  }
  arrival.at = std::max(arrival.at, link.last_arrival);
  bool waits_for_nobody = false;
  if (parameters.reorder > 0) {
    const std::uint64_t bits = link.reorder.Bits();
    waits_for_nobody = Happens(parameters.reorder, bits);
    if (waits_for_nobody) arrival.at += Sample(parameters.reorder_by, Mix(bits));
  }
  if (waits_for_nobody) {
    ++counts_.reordered;
  } else {
    link.last_arrival = arrival.at;
  }
  arrival.spoiled = parameters.corrupt > 0 && link.corrupt.Chance(parameters.corrupt);
  if (arrival.spoiled) ++counts_.spoiled;
  return arrival;
}

Dispatch SimNet::Send(Endpoint from, Endpoint to, std::size_t bytes, std::int64_t now) {
  Link& link = At(from, to);
  const LinkParameters& parameters = link.parameters;
  Dispatch dispatch;
  ++counts_.sent;
  if (link.is_cut()) {
    ++counts_.cut;
    dispatch.fate = SendFate::kCut;
    return dispatch;
  }
  if (parameters.loss > 0 && link.loss.Chance(parameters.loss)) {
    ++counts_.lost;
    dispatch.fate = SendFate::kLost;
    return dispatch;
  }
  const auto capacity = static_cast<std::size_t>(parameters.capacity_bytes);
  // A single frame always fits into an empty link, however small the link.
  if (capacity > 0 && link.in_flight_bytes > 0 && link.in_flight_bytes + bytes > capacity) {
    ++counts_.overflowed;
    dispatch.fate = SendFate::kOverflow;
    return dispatch;
  }
  dispatch.arrivals[dispatch.count++] = Arrive(link, now);
  if (parameters.duplicate > 0 && link.duplicate.Chance(parameters.duplicate)) {
    ++counts_.doubled;
    dispatch.arrivals[dispatch.count++] = Arrive(link, now);
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
  return false;
}

void SimNet::Cut(const std::vector<DirectedLink>& links) {
  for (const auto& [from, to] : links) ++At(from, to).cuts;
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
}

void SimNet::Heal(Endpoint from, Endpoint to) {
  Mend(from, to);
  LinkParameters& parameters = At(from, to).parameters;
  parameters.tail = 0;
  parameters.loss = 0;
  parameters.duplicate = 0;
  parameters.reorder = 0;
  parameters.corrupt = 0;
  parameters.capacity_bytes = 0;
}

void SimNet::Mend(Endpoint from, Endpoint to) {
  Link& link = At(from, to);
  link.healed = true;
  link.clogged_until = 0;
}

void SimNet::BoundLatency(Endpoint from, Endpoint to, std::int64_t bound_ns) {
  Link& link = At(from, to);
  link.parameters.latency = Bounded(link.parameters.latency, bound_ns);
  link.parameters.tail = 0;
  link.last_arrival = 0;  // what is held up already still comes when it was to come
}

}  // namespace quorate::sim
