// engine/kv/envelope.h — what stands in a command entry: whose it is, and the command itself.
//
// Model: an entry of kind kCommand holds {session, seq, command}; one of kOpenSession a nonce that tells
//   two openings apart. The engine builds envelopes without looking into commands.
// Stored: do not change the layout.
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

}  // namespace quorate
