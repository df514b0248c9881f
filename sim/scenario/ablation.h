// sim/scenario/ablation.h — a scenario without some of its checks, or without some of its faults.
//
// Model: what a check or a fault is worth shows in what is no longer found without it.
//   A check that is left out still counts its violations; they neither end nor fail a run.
//   A fault that is left out has its value for "never", in every run. Draws are keyed by path, so every other choice
//   stays what it was. Limits of the engine (counts and bytes under cluster.options) go back to its defaults instead.
//   Entries of a schedule are the scenario's own and stay.
// Errors: InvalidArgument, one line that names what is unknown and what is near it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/check/ids.h"
#include "sim/scenario/scenario.h"

namespace quorate::sim {

struct Ablation {
  CheckSet ignored;
  std::vector<std::string> without;  // keys and groups: "network.loss", "process.crash", "clocks"
};

// "I-1,LIVE-2": each of them a check.
absl::StatusOr<CheckSet> ReadIgnored(std::string_view list);
// "network.loss,process.crash": each a key that can be left out, or a group with such keys. A group with a gate
// (a mean time between faults) is left out by its gate alone.
absl::StatusOr<std::vector<std::string>> ReadWithout(std::string_view list);

// An error if nothing would be left to draw from: all shares of a group are 0.
absl::Status Ablate(const Ablation& ablation, Scenario& scenario);

// The options of the command line that say the same; empty if nothing is left out.
std::vector<std::string> OptionsOf(const Ablation& ablation);

}  // namespace quorate::sim
