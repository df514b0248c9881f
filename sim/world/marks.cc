#include "sim/world/marks.h"

#include <cstdio>
#include <cstring>

namespace quorate::sim {
namespace {

MarkCounter* current_marks = nullptr;
CheckHandler outer_check_handler = nullptr;
MarkHandler outer_mark_handler = nullptr;

void OnCheckFailed(const CheckFailure& failure) {
  if (current_marks != nullptr) throw RunAborted{failure};
  if (outer_check_handler != nullptr) outer_check_handler(failure);
}

void OnMark(const char* name) {
  if (current_marks != nullptr) {
    current_marks->Reach(name);
  } else if (outer_mark_handler != nullptr) {
    outer_mark_handler(name);
  }
}

}  // namespace

void MarkCounter::Reach(const char* name) {
  // Where an address lands decides nothing but the time to find it.
  auto at = static_cast<std::size_t>((reinterpret_cast<std::uintptr_t>(name) >> 2) % kCells);
  while (cells_[at].name != nullptr && cells_[at].name != name) at = (at + 1) % kCells;
  cells_[at].name = name;
  ++cells_[at].count;
  ++total_;
}

std::uint64_t MarkCounter::CountOf(const char* name) const {
  std::uint64_t count = 0;
  for (const Cell& cell : cells_) {
    if (cell.name != nullptr && std::strcmp(cell.name, name) == 0) count += cell.count;
  }
  return count;
}

std::map<std::string, std::uint64_t> MarkCounter::ByName() const {
  std::map<std::string, std::uint64_t> counts;
  for (const Cell& cell : cells_) {
    if (cell.name != nullptr) counts[cell.name] += cell.count;
  }
  return counts;
}

void InstallRunHandlers() {
  // A worker that was forked behind a first run has put its own in our place.
  const CheckHandler check = SetCheckHandler(OnCheckFailed);
  if (check != OnCheckFailed) outer_check_handler = check;
  const MarkHandler mark = SetMarkHandler(OnMark);
  if (mark != OnMark) outer_mark_handler = mark;
}

RunGuard::RunGuard(MarkCounter& marks) : before_(current_marks) { current_marks = &marks; }
RunGuard::~RunGuard() { current_marks = before_; }

}  // namespace quorate::sim
