#include "engine/eventual/vector.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace quorate {
namespace {

bool IsBefore(const OriginAt& at, OriginId origin) { return at.origin < origin; }

}  // namespace

OriginSeq VersionVector::Of(OriginId origin) const {
  const auto at = std::lower_bound(at_.begin(), at_.end(), origin, IsBefore);
  return at != at_.end() && at->origin == origin ? at->seq : OriginSeq();
}

void VersionVector::Advance(OriginId origin, OriginSeq seq) {
  REQUIRE(seq == Next(Of(origin)));
  Raise(origin, seq);
}

void VersionVector::Raise(OriginId origin, OriginSeq seq) {
  if (seq == OriginSeq()) return;
  const auto at = std::lower_bound(at_.begin(), at_.end(), origin, IsBefore);
  if (at != at_.end() && at->origin == origin) {
    at->seq = std::max(at->seq, seq);
  } else {
    at_.insert(at, OriginAt{origin, seq});
  }
}

void VersionVector::Join(const VersionVector& other) {
  for (const OriginAt& at : other.at_) Raise(at.origin, at.seq);
}

void VersionVector::Meet(const VersionVector& other) {
  for (OriginAt& at : at_) at.seq = std::min(at.seq, other.Of(at.origin));
  at_.erase(std::remove_if(at_.begin(), at_.end(),
                           [](const OriginAt& at) { return at.seq == OriginSeq(); }),
            at_.end());
}

bool VersionVector::Covers(const VersionVector& other) const {
  return std::all_of(other.at_.begin(), other.at_.end(),
                     [&](const OriginAt& at) { return Holds(at); });
}

std::uint64_t VersionVector::MissingOf(const VersionVector& other) const {
  std::uint64_t missing = 0;
  for (const OriginAt& at : other.at_) {
    const OriginSeq own = Of(at.origin);
    if (at.seq > own) missing += at.seq.value() - own.value();
  }
  return missing;
}

Digest VersionVector::digest() const {
  Digest digest;
  for (const OriginAt& at : at_) digest = Chain(Chain(digest, at.origin.value()), at.seq.value());
  return digest;
}

void Encode(const VersionVector& vector, Encoder& encoder) {
  encoder.Varint(vector.origins().size());
  for (const OriginAt& at : vector.origins()) {
    encoder.Varint(at.origin.value());
    encoder.Varint(at.seq.value());
  }
}

VersionVector DecodeVector(Decoder& decoder) {
  VersionVector vector;
  std::uint64_t least = 0;
  for (std::uint64_t left = decoder.CountOf(2); left > 0 && decoder.ok(); --left) {
    const std::uint64_t origin = decoder.Varint();
    const std::uint64_t seq = decoder.Varint();
    if (origin < least || origin > std::numeric_limits<OriginId::rep>::max() || seq == 0) {
      decoder.Fail();
      break;
    }
    least = origin + 1;
    vector.Raise(OriginId(static_cast<OriginId::rep>(origin)), OriginSeq(seq));
  }
  return decoder.ok() ? vector : VersionVector();
}

std::string Render(const VersionVector& vector) {
  std::string out = "{";
  for (const OriginAt& at : vector.origins()) {
    absl::StrAppend(&out, out.size() > 1 ? " " : "", at.origin.value(), ":", at.seq.value());
  }
  return out + "}";
}

}  // namespace quorate
