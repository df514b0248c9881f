// sim/shrink/edits.h — smaller and weaker variants of a resolved run.
//
// Model: pure functions from one configuration with a script to another. An edit that has nothing to change gives
//   the configuration back as it is; whoever tries edits compares. What an edit takes away it takes away everywhere: a
//   node that goes leaves no link, no fault and no operation behind.
// Requires, throughout: config.script.
// Errors: none. Cost: a copy of the configuration each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/scenario/config.h"

namespace quorate::sim {

// How large a run is, for those who read it.
struct RunSize {
  std::int64_t nodes = 0;
  std::size_t operations = 0;
  std::size_t faults = 0;  // entries of the schedule and deviations of frames and disks
  std::uint64_t events = 0;
  friend bool operator==(const RunSize&, const RunSize&) = default;
};
RunSize SizeOf(const RunConfig& config, std::uint64_t events);
std::string Render(const RunSize& size);

// ---- less of it ----------------------------------------------------------------------------------------
// Nothing begins after `end_ns`, and the chaos ends no later.
RunConfig Truncated(RunConfig config, std::int64_t end_ns);
// Without `count` items of a list, from `first` on.
RunConfig WithoutFaults(RunConfig config, std::size_t first, std::size_t count);
RunConfig WithoutOperations(RunConfig config, std::size_t first, std::size_t count);
RunConfig WithoutFrames(RunConfig config, std::size_t first, std::size_t count);
RunConfig WithoutNodeDeviations(RunConfig config, std::size_t first, std::size_t count);
// Of all frames that deviate: none does in this way any more.
enum class FrameKind : std::uint8_t { kSpoiled, kDoubled, kOvertaken, kDropped, kDelayed };
inline constexpr FrameKind kFrameKinds[] = {FrameKind::kSpoiled, FrameKind::kDoubled,
                                            FrameKind::kOvertaken, FrameKind::kDropped,
                                            FrameKind::kDelayed};
RunConfig WithoutKind(RunConfig config, FrameKind kind);
RunConfig WithoutSite(RunConfig config, NodeSite site);
// Frames that deviate on this link arrive as all of its others do.
RunConfig WithoutLink(RunConfig config, const LinkName& link);
std::vector<LinkName> LinksThatDeviate(const RunConfig& config);
// Frames and disk operations that take hardly longer or shorter than usual, by less than this, take as long as usual.
RunConfig Smoothed(RunConfig config, std::int64_t by_less_than_ns);
// Without the faults whose word this is ("crash", "cut", …).
RunConfig WithoutAction(RunConfig config, const std::string& word);
std::vector<std::string> ActionsOf(const RunConfig& config);
// Without what node `id` is and does; those behind it move up. Requires: it is not the only one.
RunConfig WithoutNode(RunConfig config, NodeId id);
RunConfig WithoutClient(RunConfig config, std::uint32_t client);
RunConfig WithoutNamespace(RunConfig config, std::size_t name_space);  // not the first

// The keys that operations name, each once; and the run without the operations on some of them.
std::vector<std::string> KeysOf(const RunConfig& config);
RunConfig WithoutKeys(RunConfig config, std::size_t first, std::size_t count);

// ---- nothing that depends on the run ---------------------------------------------------------------------
// When an action of the schedule struck, by its word.
using Moments = std::map<std::string, std::vector<std::int64_t>>;
// One fault with a node instead of "$leader", then at one of these times instead of at a mark; empty: it has both.
std::vector<RunConfig> Pinned(const RunConfig& config, std::size_t fault, const Moments& moments);

// ---- less bad ------------------------------------------------------------------------------------------
// Weaker forms of one fault, the weakest first; empty: there is none. No form leads back to one before it: links that
// are cut both ways stay so, spans and steps are halved.
std::vector<RunConfig> Weakened(const RunConfig& config, std::size_t fault);
// Plainer forms of one operation, the plainest first.
std::vector<RunConfig> Simplified(const RunConfig& config, std::size_t operation);
// One limit of the engine after the other smaller: what needed many entries to happen needs few.
std::vector<RunConfig> Tightened(const RunConfig& config);
// One setting after the other at its usual value: options, clocks, disks, links.
std::vector<RunConfig> Plainer(const RunConfig& config);

// ---- the same in rounder words -------------------------------------------------------------------------
// Times in whole multiples of `unit_ns`, each for itself: of faults, operations, retries, frames and disk operations.
std::vector<RunConfig> Rounded(const RunConfig& config, std::int64_t unit_ns);
// Everything earlier: the longest span in which nothing begins is cut out.
RunConfig Earlier(RunConfig config, std::int64_t by_ns);
// Clients and keys numbered without gaps; the engine's draws from another number.
RunConfig Renumbered(RunConfig config);
RunConfig WithSeed(RunConfig config, std::uint64_t seed);

}  // namespace quorate::sim
