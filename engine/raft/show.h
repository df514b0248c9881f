// engine/raft/show.h — how groups and entries are written in traces.
#pragma once
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/raft/types.h"

namespace quorate {

inline std::string Show(GroupId group) {
  if (group == kSystemGroup) return "sys";
  if (group == kEveryGroup) return "*";
  return absl::StrCat("g", group.value());
}

// "index/term"
inline std::string Show(EntryId entry) {
  return absl::StrCat(entry.index.value(), "/", entry.term.value());
}

}  // namespace quorate
