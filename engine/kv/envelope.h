// engine/kv/envelope.h — what stands in an entry in front of the command: whose it is.
//
// Model: an entry of kind kCommand holds {session, seq, command} in a namespace, and {nonce, command} in the
//   system group, which has no sessions; one of kOpenSession holds a nonce. A nonce names one request of one
//   life of one node: every copy of it carries the same one. The engine builds these without looking into
//   commands.
// Stored: do not change the layouts.
#pragma once
#include <string>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/strong.h"

namespace quorate {

struct Envelope {
  SessionId session;
  SessionSeq seq;
  std::string_view command;  // points into the bytes it was decoded from
};

inline std::string EncodeEnvelope(SessionId session, SessionSeq seq, std::string_view command) {
  std::string out;
  out.reserve(16 + command.size());
  Encoder encoder(out);
  encoder.U64(session.value());
  encoder.U64(seq.value());
  encoder.Raw(command);
  return out;
}

// Returns false if `bytes` is no envelope.
inline bool DecodeEnvelope(std::string_view bytes, Envelope& envelope) {
  Decoder decoder(bytes);
  envelope.session = SessionId(decoder.U64());
  envelope.seq = SessionSeq(decoder.U64());
  envelope.command = decoder.Rest();
  return decoder.ok();
}

// The `seq`-th request without a session that the node made in this group, in this life of its.
struct Nonce {
  NodeId node;
  Incarnation incarnation;
  BootNumber boot;
  SessionSeq seq;  // from 1, without gaps
  friend bool operator==(const Nonce&, const Nonce&) = default;
};

inline std::string EncodeNonce(const Nonce& nonce, std::string_view command = {}) {
  std::string out;
  out.reserve(24 + command.size());
  Encoder encoder(out);
  encoder.U32(nonce.node.value());
  encoder.U32(nonce.incarnation.value());
  encoder.U64(nonce.boot.value());
  encoder.U64(nonce.seq.value());
  encoder.Raw(command);
  return out;
}

// Returns false if `bytes` do not begin with a nonce; `command` is what follows it.
inline bool DecodeNonce(std::string_view bytes, Nonce& nonce, std::string_view& command) {
  Decoder decoder(bytes);
  nonce.node = NodeId(decoder.U32());
  nonce.incarnation = Incarnation(decoder.U32());
  nonce.boot = BootNumber(decoder.U64());
  nonce.seq = SessionSeq(decoder.U64());
  command = decoder.Rest();
  return decoder.ok() && nonce.node != NodeId() && nonce.seq != SessionSeq();
}

}  // namespace quorate
