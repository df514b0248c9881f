// What is kept for whoever lags: pinned states, and the log behind them. All of it is let go of in time.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/check/invariants.h"

namespace quorate::sim {

void Invariants::NoteOpened(StepOf& step, const SnapshotOpened& opened) {
  std::optional<Pin>& pin = SeatOf(step.node, SlotOf(opened.group)).pin;
  if (opened.ok && pin && pin->opening == opened.id) pin->entry = opened.entry.index;
}

void Invariants::NoteKept(StepOf& step, const Effect& effect) {
  if (const auto* open = std::get_if<OpenSnapshot>(&effect)) {
    SeatOf(step.node, SlotOf(open->group)).pin = Pin{.opening = open->id, .entry = {}};
  } else if (const auto* close = std::get_if<CloseSnapshot>(&effect)) {
    SeatOf(step.node, SlotOf(close->group)).pin.reset();
  } else if (const auto* flush = std::get_if<FlushMap>(&effect)) {
    step.node.flush = flush->id;
  }
}

// A pinned state is a leader's, and not older than the log behind it may become. A log of which something may be
// dropped is not left alone: the map is being flushed for it. (The catalogue is part of its log.)
void Invariants::CheckKept(const StepOf& step, const GroupView& view) {
  if (view.group == kSystemGroup) return;
  const std::optional<Pin>& pin = SeatOf(step.node, SlotOf(view.group)).pin;
  Expect(Check::kLimits, !pin || view.role == Role::kLeader, [&] {
    return absl::StrCat(Where(step.id, view.group),
                        "keeps a state pinned for its peers although it does not lead");
  });
  const bool open = pin && pin->entry != Index();
  const std::uint64_t oldest = options_.snapshot_every * options_.max_view_age;
  Expect(Check::kLimits, !open || view.applied.index.value() <= pin->entry.value() + oldest, [&] {
    return absl::StrCat(Where(step.id, view.group), "keeps the state of ", pin->entry.value(),
                        " pinned and has applied ", view.applied.index.value());
  });
  if (view.receiving || (pin && !open)) return;
  const Index bound = open ? std::min(view.applied.index, pin->entry) : view.applied.index;
  const std::uint64_t most = options_.snapshot_every + options_.log_keep;
  const bool due = bound.value() >= view.start.index.value() + most;
  Expect(Check::kLimits, !due || step.node.flush != PortRequest(), [&] {
    return absl::StrCat(Where(step.id, view.group), "keeps its log behind ",
                        view.start.index.value(), " although it may drop it up to ", bound.value(),
                        ", and does not flush its map for it");
  });
}

}  // namespace quorate::sim
