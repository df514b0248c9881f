// sim/cli/reference.h — the reference page of scenarios, faults, marks and checks.
//
// Model: made from the tables that reader, schedule, marks and checks are made from; the committed page is compared
//   with it by a test.
#pragma once
#include <string>

namespace quorate::sim {

std::string ReferencePage();

}  // namespace quorate::sim
