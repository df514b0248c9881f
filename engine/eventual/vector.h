// engine/eventual/vector.h — what a replica holds of an era: how much of each origin's log, without a gap.
//
// Model: a map from origin to the greatest sequence number such that it and all before it are held; an origin
//   that is not named stands at 0. Vectors are a semilattice under `Join`; `Covers` is its order.
// Invariants: origins ascend; no entry stands at 0, so equal knowledge is equal bytes.
// Errors: a failed decoder for bytes that `Encode` would not have written.
// Source: version vectors, Parker et al. (1983).
#pragma once
#include <string>

#include "absl/container/inlined_vector.h"
#include "engine/base/bytes.h"
#include "engine/base/strong.h"

namespace quorate {

struct OriginAt {
  OriginId origin;
  OriginSeq seq;
  friend constexpr auto operator<=>(const OriginAt&, const OriginAt&) = default;
};

class VersionVector {
 public:
  VersionVector() = default;

  OriginSeq Of(OriginId origin) const;
  bool Holds(OriginAt entry) const { return entry.seq <= Of(entry.origin); }
  // `seq` is the next of `origin`. Requires: seq = Of(origin) + 1.
  void Advance(OriginId origin, OriginSeq seq);
  // At least `seq` from now on.
  void Raise(OriginId origin, OriginSeq seq);
  // The least vector that covers both.
  void Join(const VersionVector& other);
  // The greatest vector that both cover.
  void Meet(const VersionVector& other);
  // Everything that `other` holds is held here.
  bool Covers(const VersionVector& other) const;
  // How many entries `other` holds beyond this one.
  std::uint64_t MissingOf(const VersionVector& other) const;

  bool empty() const { return at_.empty(); }
  const absl::InlinedVector<OriginAt, 4>& origins() const { return at_; }
  Digest digest() const;
  friend bool operator==(const VersionVector&, const VersionVector&) = default;

 private:
  absl::InlinedVector<OriginAt, 4> at_;
};

// One encoding for disk, wire and tokens.
void Encode(const VersionVector& vector, Encoder& encoder);
VersionVector DecodeVector(
    Decoder& decoder);  // fails the decoder for what `Encode` would not write
std::string Render(const VersionVector& vector);  // "{1:4 3:17}"

}  // namespace quorate
