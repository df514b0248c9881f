#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace quorate {
namespace {

void PrintAndAbort(const CheckFailure& failure) {
  std::fprintf(stderr, "%s:%d: %s failed: %s\n", failure.file, failure.line, failure.kind,
               failure.condition);
  std::abort();
}

CheckHandler check_handler = PrintAndAbort;
MarkHandler mark_handler = nullptr;

}  // namespace

CheckHandler SetCheckHandler(CheckHandler handler) {
  const CheckHandler before = check_handler;
  check_handler = handler != nullptr ? handler : PrintAndAbort;
  return before;
}

MarkHandler SetMarkHandler(MarkHandler handler) {
  const MarkHandler before = mark_handler;
  mark_handler = handler;
  return before;
}

void FailCheck(const CheckFailure& failure) {
  check_handler(failure);
  std::abort();
}

void ReachMark(const char* name) {
  if (mark_handler != nullptr) mark_handler(name);
}

}  // namespace quorate
