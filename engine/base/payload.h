// engine/base/payload.h — immutable bytes with a digest, shared and never copied per follower.
//
// Model: a value. Copies share the bytes. The engine's decisions depend on size and digest only.
// Invariants: bytes and digest never change after construction; the empty payload owns nothing.
// Threads: copies may live in several threads; the bytes are never written again.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/bytes.h"

namespace quorate {

class Payload {
 public:
  Payload() = default;
  explicit Payload(std::string bytes) {
    if (bytes.empty()) return;
    const Digest digest = DigestOf(bytes);
    held_ = std::make_shared<const Held>(Held{std::move(bytes), digest});
  }

  std::string_view bytes() const {
    return held_ ? std::string_view(held_->bytes) : std::string_view();
  }
  std::size_t size() const { return held_ ? held_->bytes.size() : 0; }
  bool empty() const { return !held_; }
  Digest digest() const { return held_ ? held_->digest : Digest{}; }

  friend bool operator==(const Payload& a, const Payload& b) {
    return a.held_ == b.held_ || (a.digest() == b.digest() && a.bytes() == b.bytes());
  }

 private:
  struct Held {
    std::string bytes;
    Digest digest;
  };
  std::shared_ptr<const Held> held_;
};

}  // namespace quorate
