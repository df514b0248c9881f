// sim/world/wire.h — everything that travels: frames between nodes, requests and answers of clients.
//
// Model: what is sent goes through the network's links and becomes an event for each arrival. On a sampled
//   share of frames, and on every frame that the network spoils, the real codec runs: what is decoded must be
//   what was encoded, and a spoiled frame must be refused.
// Violations: I-56 a frame that does not survive encoding and decoding; CODEC-1 a spoiled one that does.
// Units: bytes are those on the wire, about. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/effect.h"
#include "net/frame.h"
#include "sim/world/shared.h"
#include "sim/world/sim_net.h"

namespace quorate::sim {

// What a client sends to a node.
struct ClientCall {
  std::uint16_t client = 0;
  std::uint32_t operation = 0;  // nth of this client
  std::uint32_t attempt = 0;    // nth of this operation
  ClientRequest request;        // its id is given by the node
  std::optional<NodeId>
      transfer_to;  // not a request but an order: leadership of request.group, 0 = whoever
};
struct ClientAnswer {
  std::uint16_t client = 0;
  std::uint32_t operation = 0;
  std::uint32_t attempt = 0;
  NodeId node;
  Outcome outcome;
};

class Wire {
 public:
  // `clients` endpoints besides the nodes.
  Wire(Shared& shared, std::size_t clients);

  SimNet& net() { return net_; }
  const SimNet& net() const { return net_; }
  Endpoint EndpointOf(const LinkEnd& end) const;
  LinkName NameOfLink(Endpoint from, Endpoint to) const;
  std::vector<DirectedLink> EndpointsOf(const std::vector<LinkName>& links) const;

  void Send(Frame frame);
  void Send(const ClientCall& call, NodeId to);
  void Send(const ClientAnswer& answer);

  // What an event of kind kFrame, kRequest or kAnswer brought; nullopt: it was lost on the way. Once an event.
  std::optional<Frame> TakeFrame(std::uint32_t slot);
  std::optional<ClientCall> TakeCall(std::uint32_t slot);
  std::optional<ClientAnswer> TakeAnswer(std::uint32_t slot);

 private:
  template <class Body>
  struct Flight {
    Body body;
    Endpoint from = 0;
    Endpoint to = 0;
    std::uint32_t bytes = 0;
    std::optional<std::uint64_t> spoil;
  };
  template <class Body>
  void Dispatch(Slab<Flight<Body>>& slab, Flight<Body> flight, Event event);
  template <class Body>
  std::optional<Flight<Body>> Take(Slab<Flight<Body>>& slab, std::uint32_t slot);
  std::optional<Frame> ThroughCodec(Flight<Frame> flight);
  void SetLinks(std::size_t clients);
  void SetScript(const Script& script);

  Shared& shared_;
  SimNet net_;
  Slab<Flight<Frame>> frames_;
  Slab<Flight<ClientCall>> calls_;
  Slab<Flight<ClientAnswer>> answers_;
  std::vector<Choice> codec_;  // by receiver
};

}  // namespace quorate::sim
