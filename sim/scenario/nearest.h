// sim/scenario/nearest.h — what somebody who misspelt a word may have meant.
//
// Model: edit distance (insert, delete, change one letter). A word as far away as `most`, or as half of what was
//   written and one, was not meant.
// Cost: O(length of both) a candidate; longer words than 60 letters are nobody's misspelling. Errors: none.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quorate::sim {

// The candidate nearest to `word`, the first of equals; empty if none is near.
std::string NearestOf(std::string_view word, const std::vector<std::string>& candidates,
                      std::size_t most);

}  // namespace quorate::sim
