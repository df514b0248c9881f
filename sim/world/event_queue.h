// sim/world/event_queue.h — what happens next, in virtual time.
//
// Model: a four-ary heap of small plain values, ordered by (time, order of pushing). Bodies that do not fit
//   stand in slabs, named by `slot`. Nothing is ever searched or removed: an event that was overtaken (its
//   node died, its operation ended) is recognised by its `life` when it comes up.
// Invariants: what comes out never lies before what came out last; equal times come out as they went in.
// Units: virtual nanoseconds since the start of the run. Errors: none; pushing into the past is an assertion.
// Cost: no allocation once the heap and the slabs have grown to what the run needs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace quorate::sim {

enum class EventKind : std::uint8_t {
  kFrame,          // a frame arrives at node; slot = frame
  kWakeup,         // node asked to be called
  kLinkTimer,      // a peer link of node asked to be called
  kSyncDone,       // the log's sync of node ends; a = its number
  kLogRead,        // an answer of the log port of node; slot = what was asked
  kFlushDone,      // the map's flush of node ends; a = port request
  kWork,           // node does a piece of state-machine work
  kEndTurn,        // node ends its turn
  kResume,         // a paused node goes on; life = pause
  kRestart,        // node boots
  kCrash,          // node is to die in its next turn
  kRequest,        // a client's request arrives at node; slot = request
  kAnswer,         // a node's answer arrives at client; slot = answer
  kClientTurn,     // client acts; life = operation
  kClientTimeout,  // client gives up waiting; life = attempt
  kFault,          // a fault process acts; slot = which
  kFaultEnd,       // a fault ends; slot = which
  kAdministrator,  // orders a change of members
  kPhase,          // the run goes into another phase, or looks whether it can
};
const char* NameOf(EventKind kind);

struct Event {
  std::int64_t at = 0;
  std::uint64_t order = 0;  // given by the queue
  std::uint64_t a = 0;
  std::uint32_t slot = 0;
  std::uint32_t life = 0;  // of the node (or attempt) it is meant for
  std::uint16_t node = 0;  // or client
  EventKind kind = EventKind::kPhase;
};

class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  std::int64_t now() const { return now_; }
  std::int64_t next_at() const { return heap_.front().at; }  // Requires: not empty

  // Requires: at >= now().
  void Push(std::int64_t at, Event event) {
    REQUIRE(at >= now_);
    event.at = at;
    event.order = next_order_++;
    std::size_t hole = heap_.size();
    heap_.push_back(event);
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / 4;
      if (!Before(event, heap_[parent])) break;
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = event;
  }

  // Takes the next event and moves the time to it. Requires: not empty.
  Event Pop() {
    REQUIRE(!heap_.empty());
    const Event top = heap_.front();
    const Event last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) SinkFromTop(last);
    now_ = top.at;
    return top;
  }

 private:
  static bool Before(const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }
  void SinkFromTop(const Event& event) {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = hole * 4 + 1;
      if (first >= size) break;
      const std::size_t end = first + 4 < size ? first + 4 : size;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (Before(heap_[child], heap_[least])) least = child;
      }
      if (!Before(heap_[least], event)) break;
      heap_[hole] = heap_[least];
      hole = least;
    }
    heap_[hole] = event;
  }

  std::vector<Event> heap_;
  std::int64_t now_ = 0;
  std::uint64_t next_order_ = 0;
};

// Bodies of events, reused: a freed place keeps its memory. Addresses are good until the next Put.
template <class T>
class Slab {
 public:
  std::uint32_t Put(T value) {
    if (free_.empty()) {
      places_.push_back(std::move(value));
      return static_cast<std::uint32_t>(places_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    places_[slot] = std::move(value);
    return slot;
  }
  T& at(std::uint32_t slot) { return places_[slot]; }
  T Take(std::uint32_t slot) {
    T value = std::move(places_[slot]);
    free_.push_back(slot);
    return value;
  }
  std::size_t in_use() const { return places_.size() - free_.size(); }

 private:
  std::vector<T> places_;
  std::vector<std::uint32_t> free_;
};

}  // namespace quorate::sim
