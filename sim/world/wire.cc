#include "sim/world/wire.h"

#include <utility>

#include "absl/container/btree_map.h"

namespace quorate::sim {

Wire::Wire(Shared& shared, std::size_t clients)
    : shared_(shared), net_(shared.seed, static_cast<Endpoint>(shared.nodes + clients)) {
  for (std::uint32_t node = 1; node <= shared.nodes; ++node) {
    const std::uint64_t entity = NodeKey(NodeId(node));
    codec_.emplace_back(shared.seed, "wire.codec", entity);
  }
  if (shared.config.script) {
    SetScript(*shared.config.script);
  } else {
    SetLinks(clients);
    net_.SetQuiet(shared_.config.time);
  }
}

Endpoint Wire::EndpointOf(const LinkEnd& end) const {
  return end.is_client ? shared_.EndpointOfClient(end.number)
                       : shared_.EndpointOf(NodeId(end.number));
}

LinkName Wire::NameOfLink(Endpoint from, Endpoint to) const {
  const auto end = [this](Endpoint at) {
    const bool is_client = at >= shared_.nodes;
    return LinkEnd{is_client, static_cast<std::uint32_t>(is_client ? at - shared_.nodes : at + 1u)};
  };
  return {end(from), end(to)};
}

std::vector<DirectedLink> Wire::EndpointsOf(const std::vector<LinkName>& links) const {
  std::vector<DirectedLink> pairs;
  for (const LinkName& link : links) pairs.emplace_back(EndpointOf(link.from), EndpointOf(link.to));
  return pairs;
}

void Wire::SetScript(const Script& script) {
  absl::btree_map<LinkName,
                  std::pair<std::int64_t, std::vector<std::pair<std::uint64_t, FrameFate>>>>
      links;
  for (Endpoint a = 0; a < net_.endpoints(); ++a) {
    for (Endpoint b = 0; b < net_.endpoints(); ++b) {
      const bool of_a_node = a < shared_.nodes || b < shared_.nodes;
      if (a != b && of_a_node) links[NameOfLink(a, b)].first = script.latency_ns;
    }
  }
  for (const ScriptedLink& link : script.links) links[link.link].first = link.latency_ns;
  for (const FrameDeviation& frame : script.frames)
    links[frame.link].second.emplace_back(frame.nth, frame.fate);
  for (auto& [name, link] : links) {
    net_.SetScript(EndpointOf(name.from), EndpointOf(name.to), link.first, std::move(link.second));
  }
}

void Wire::SetLinks(std::size_t clients) {
  const NetworkConfig& config = shared_.config.network;
  for (std::uint32_t a = 1; a <= shared_.nodes; ++a) {
    for (std::uint32_t b = 1; b <= shared_.nodes; ++b) {
      if (a == b) continue;
      const std::uint64_t entity = LinkKey(NodeId(a), NodeId(b));
      LinkParameters link;
      link.latency = config.latency_ns.At(entity);
      link.tail = config.tail_parts.At(entity);
      link.tail_by = config.tail_ns;
      link.loss = config.loss_parts.At(entity);
      link.duplicate = config.duplicate_parts.At(entity);
      link.reorder = config.reorder_parts.At(entity);
      link.reorder_by = config.reorder_by_ns;
      link.corrupt = config.corrupt_parts.At(entity);
      link.capacity_bytes = config.capacity_bytes.At(entity);
      net_.SetLink(shared_.EndpointOf(NodeId(a)), shared_.EndpointOf(NodeId(b)), link, entity);
    }
    for (std::size_t client = 0; client < clients; ++client) {
      const Endpoint here = shared_.EndpointOf(NodeId(a));
      const Endpoint there = shared_.EndpointOfClient(client);
      const std::string node_name = NodeName(NodeId(a));
      const std::string client_name = ClientName(client);
      for (const bool asking : {true, false}) {
        const std::uint64_t entity =
            NameKey(asking ? client_name + ">" + node_name : node_name + ">" + client_name);
        LinkParameters link;
        link.latency = config.client_latency_ns.At(entity);
        link.loss = config.client_loss_parts.At(entity);
        net_.SetLink(asking ? there : here, asking ? here : there, link, entity);
      }
    }
  }
}

template <class Body>
void Wire::Dispatch(Slab<Flight<Body>>& slab, Flight<Body> flight, Event event) {
  const sim::Dispatch dispatch = net_.Send(flight.from, flight.to, flight.bytes, shared_.now());
  for (std::size_t i = 0; i < dispatch.count; ++i) {
    flight.spoil = dispatch.arrivals[i].spoil;
    event.slot = slab.Put(i + 1 < dispatch.count ? flight : std::move(flight));
    shared_.queue.Push(dispatch.arrivals[i].at, event);
  }
}

template <class Body>
std::optional<Wire::Flight<Body>> Wire::Take(Slab<Flight<Body>>& slab, std::uint32_t slot) {
  Flight<Body> flight = slab.Take(slot);
  if (!net_.OnArrival(flight.from, flight.to, flight.bytes)) return std::nullopt;
  return flight;
}

void Wire::Send(Frame frame) {
  Flight<Frame> flight;
  flight.from = shared_.EndpointOf(SenderOf(frame));
  flight.to = shared_.EndpointOf(ReceiverOf(frame));
  flight.bytes = static_cast<std::uint32_t>(ApproximateBytes(frame));
  flight.body = std::move(frame);
  Event event;
  event.kind = EventKind::kFrame;
  event.node = static_cast<std::uint16_t>(flight.to + 1);
  Dispatch(frames_, std::move(flight), event);
}

void Wire::Send(const ClientCall& call, NodeId to) {
  Flight<ClientCall> flight;
  flight.from = shared_.EndpointOfClient(call.client);
  flight.to = shared_.EndpointOf(to);
  flight.bytes = static_cast<std::uint32_t>(call.request.payload.size() + 64);
  flight.body = call;
  Event event;
  event.kind = EventKind::kRequest;
  event.node = static_cast<std::uint16_t>(to.value());
  Dispatch(calls_, std::move(flight), event);
}

void Wire::Send(const ClientAnswer& answer) {
  Flight<ClientAnswer> flight;
  flight.from = shared_.EndpointOf(answer.node);
  flight.to = shared_.EndpointOfClient(answer.client);
  flight.bytes = static_cast<std::uint32_t>(answer.outcome.result.size() + 64);
  flight.body = answer;
  Event event;
  event.kind = EventKind::kAnswer;
  event.node = answer.client;
  Dispatch(answers_, std::move(flight), event);
}

std::optional<Frame> Wire::TakeFrame(std::uint32_t slot) {
  std::optional<Flight<Frame>> flight = Take(frames_, slot);
  if (!flight) return std::nullopt;
  const std::int64_t share = shared_.config.checks.codec_parts;
  // Where nothing is left to chance, all or none.
  const bool sampled = share > 0 && (shared_.config.script || codec_[flight->to].Chance(share));
  if (!sampled && !flight->spoil) return std::move(flight->body);
  return ThroughCodec(std::move(*flight));
}

std::optional<Frame> Wire::ThroughCodec(Flight<Frame> flight) {
  std::string bytes = EncodeFrame(flight.body);
  if (flight.spoil) {
    const std::uint64_t bits = *flight.spoil;
    const auto at = static_cast<std::size_t>(Below(bits, bytes.size()));
    const auto mask = static_cast<unsigned char>(1 + Below(Mix(bits), 255));
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ mask);
    shared_.edges.OnDecoded(flight.body, /*spoiled=*/true, DecodeFrame(bytes));
    return std::nullopt;
  }
  absl::StatusOr<Frame> decoded = DecodeFrame(bytes);
  shared_.edges.OnDecoded(flight.body, /*spoiled=*/false, decoded);
  if (!decoded.ok()) return std::nullopt;
  return *std::move(decoded);
}

std::optional<ClientCall> Wire::TakeCall(std::uint32_t slot) {
  std::optional<Flight<ClientCall>> flight = Take(calls_, slot);
  if (!flight) return std::nullopt;
  return std::move(flight->body);
}

std::optional<ClientAnswer> Wire::TakeAnswer(std::uint32_t slot) {
  std::optional<Flight<ClientAnswer>> flight = Take(answers_, slot);
  if (!flight) return std::nullopt;
  return std::move(flight->body);
}

}  // namespace quorate::sim
