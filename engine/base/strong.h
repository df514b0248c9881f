// engine/base/strong.h — numbers that know what they count.
//
// Model: a named number. Each alias is a type of its own and nothing converts by itself, so a term
//   never stands where an index is wanted. A distance (`Count`) is not a point (`Index`).
// Units: as each alias says. Errors: none; a difference that would be negative is an assertion.
#pragma once
#include <compare>
#include <cstdint>

#include "engine/base/check.h"

namespace quorate {

template <class Tag, class Rep = std::uint64_t>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr bool operator==(Strong, Strong) = default;
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep value_ = 0;
};

using NodeId = Strong<struct NodeIdTag, std::uint32_t>;    // 0 = nobody
using GroupId = Strong<struct GroupIdTag, std::uint32_t>;  // a namespace's number
using Term = Strong<struct TermTag>;                       // starts at 0, never falls
using Index = Strong<struct IndexTag>;                     // 1-based; 0 = before the log
using Count = Strong<struct CountTag>;                     // a number of entries
using PersistSeq = Strong<struct PersistSeqTag>;           // nth write of this boot; 0 = none
using BootNumber = Strong<struct BootNumberTag>;           // one life of a process; from 1
using Incarnation = Strong<struct IncarnationTag, std::uint32_t>;  // one life of a data directory
using Generation = Strong<struct GenerationTag>;                   // one filling of a group's map
using LinkSession = Strong<struct LinkSessionTag>;  // nth life of a link this boot; 0 = down
using Campaign = Strong<struct CampaignTag>;        // nth campaign of a group this boot
using ReadCounter = Strong<struct ReadCounterTag>;  // nth read round of a leadership
using RequestId = Strong<struct RequestIdTag>;      // nth client request at a node, this boot
using PortRequest = Strong<struct PortRequestTag>;  // nth question to a port, this boot
using SessionId = Strong<struct SessionIdTag>;      // index of the opening entry; 0 = none
using SessionSeq = Strong<struct SessionSeqTag>;    // client's number in a session; from 1
using Revision = Strong<struct RevisionTag>;        // changes of a namespace so far
// Given out per node and incarnation; 0 = who writes in a strong era.
using OriginId = Strong<struct OriginIdTag, std::uint16_t>;
using OriginSeq = Strong<struct OriginSeqTag>;  // nth entry of an origin in an era; from 1

// The group of the catalogue. A namespace's group is named by the namespace's number, so the system
// group takes the last number, which no namespace is ever given. Stored: do not renumber.
inline constexpr GroupId kSystemGroup{0xffff'ffffu};
// Stands where a message concerns no single group. Stored: do not renumber.
inline constexpr GroupId kEveryGroup{0xffff'fffeu};
inline constexpr GroupId kDefaultNamespace{0};

template <class Tag, class Rep>
constexpr Strong<Tag, Rep> Next(Strong<Tag, Rep> at) {
  return Strong<Tag, Rep>(static_cast<Rep>(at.value() + 1));
}

// The index before `at`. Requires: at > 0.
constexpr Index Before(Index at) {
  REQUIRE(at.value() > 0);
  return Index(at.value() - 1);
}

constexpr Index operator+(Index at, Count by) { return Index(at.value() + by.value()); }

// Entries in (from, to]. Requires: from <= to.
constexpr Count operator-(Index to, Index from) {
  REQUIRE(to >= from);
  return Count(to.value() - from.value());
}

}  // namespace quorate
