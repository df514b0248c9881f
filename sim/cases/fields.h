// sim/cases/fields.h — what stands in every value that an engine is given, boots from and asks for.
//
// Model: `Fields(io, x)` calls `io` with all fields of `x`, in the order of their encoding; `kTag<T>` is the number
//   of a kind in its closed list. Both are complete: a structured binding names every field of a type or does not
//   compile, and a list with a kind that has no tag is not Sound.
// Included by codec.cc only. Stored: never renumber a tag, add fields at the end.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "engine/effect.h"
#include "engine/input.h"
#include "engine/record.h"

namespace quorate::sim {

// ---- fields --------------------------------------------------------------------------------------------
// `io` is a Writer (then `x` is constant) or a Reader. A structured binding names every field or none.

template <class T, class Named>
concept Is = std::same_as<std::remove_const_t<T>, Named>;

void Fields(auto& io, Is<LinkUp> auto& x) {
  auto& [peer, boot, session] = x;
  io(peer, boot, session);
}
void Fields(auto& io, Is<LinkDown> auto& x) {
  auto& [peer, session] = x;
  io(peer, session);
}
void Fields(auto& io, Is<FrameReceived> auto& x) {
  auto& [from, session, messages] = x;
  io(from, session, messages);
}
void Fields(auto&, Is<Wakeup> auto& x) {
  static_assert(std::is_empty_v<std::remove_reference_t<decltype(x)>>);
}
void Fields(auto& io, Is<Persisted> auto& x) {
  auto& [upto] = x;
  io(upto);
}
void Fields(auto& io, Is<PersistFailed> auto& x) {
  auto& [seq] = x;
  io(seq);
}
void Fields(auto& io, Is<DiskSpace> auto& x) {
  auto& [space] = x;
  io(space);
}
void Fields(auto& io, Is<LogRead> auto& x) {
  auto& [id, group, first, entries, ok] = x;
  io(id, group, first, entries, ok);
}
void Fields(auto& io, Is<ApplyResult> auto& x) {
  auto& [index, took_effect, reply] = x;
  io(index, took_effect, reply);
}
void Fields(auto& io, Is<Applied> auto& x) {
  auto& [group, generation, upto, results, ok] = x;
  io(group, generation, upto, results, ok);
}
void Fields(auto& io, Is<QueryAnswer> auto& x) {
  auto& [request, reply] = x;
  io(request, reply);
}
void Fields(auto& io, Is<Answered> auto& x) {
  auto& [id, group, at, answers, ok] = x;
  io(id, group, at, answers, ok);
}
void Fields(auto& io, Is<SnapshotOpened> auto& x) {
  auto& [id, group, entry, generation, ok] = x;
  io(id, group, entry, generation, ok);
}
void Fields(auto& io, Is<ChunkRead> auto& x) {
  auto& [id, group, number, rows, last, ok] = x;
  io(id, group, number, rows, last, ok);
}
void Fields(auto& io, Is<ChunkInstalled> auto& x) {
  auto& [id, group, number, ok] = x;
  io(id, group, number, ok);
}
void Fields(auto& io, Is<FlushedGroup> auto& x) {
  auto& [group, generation, applied] = x;
  io(group, generation, applied);
}
void Fields(auto& io, Is<MapFlushed> auto& x) {
  auto& [id, groups, ok] = x;
  io(id, groups, ok);
}
void Fields(auto& io, Is<GenerationSwitched> auto& x) {
  auto& [group, generation, applied, ok] = x;
  io(group, generation, applied, ok);
}
void Fields(auto& io, Is<ClientRequest> auto& x) {
  auto& [id, group, kind, session, seq, payload, timeout] = x;
  io(id, group, kind, session, seq, payload, timeout);
}
void Fields(auto& io, Is<ClientRequests> auto& x) {
  auto& [requests] = x;
  io(requests);
}
void Fields(auto& io, Is<TransferLeadership> auto& x) {
  auto& [group, target] = x;
  io(group, target);
}
void Fields(auto& io, Is<MemberChange> auto& x) {
  auto& [kind, node] = x;
  io(kind, node);
}
void Fields(auto& io, Is<ChangeConfiguration> auto& x) {
  auto& [group, changes, transition, expected_epoch] = x;
  io(group, changes, transition, expected_epoch);
}

// What is recovered.
void Fields(auto& io, Is<TermRun> auto& x) {
  auto& [first, term] = x;
  io(first, term);
}
void Fields(auto& io, Is<PlacedConfiguration> auto& x) {
  auto& [index, configuration] = x;
  io(index, configuration);
}
void Fields(auto& io, Is<RecoveredGroup> auto& x) {
  auto& [group, hard, start, last, terms, configurations, applied] = x;
  io(group, hard, start, last, terms, configurations, applied);
}
void Fields(auto& io, Is<Identity> auto& x) {
  auto& [cluster, node, incarnation] = x;
  io(cluster, node, incarnation);
}
void Fields(auto& io, Is<Recovered> auto& x) {
  auto& [identity, last_boot, groups] = x;
  io(identity, last_boot, groups);
}

// Records.
void Fields(auto& io, Is<BootRecord> auto& x) {
  auto& [boot] = x;
  io(boot);
}
void Fields(auto& io, Is<SetHardState> auto& x) {
  auto& [group, state] = x;
  io(group, state);
}
void Fields(auto& io, Is<TruncateSuffix> auto& x) {
  auto& [group, from] = x;
  io(group, from);
}
void Fields(auto& io, Is<AppendEntries> auto& x) {
  auto& [group, first, entries] = x;
  io(group, first, entries);
}
void Fields(auto& io, Is<DropPrefix> auto& x) {
  auto& [group, start] = x;
  io(group, start);
}
void Fields(auto& io, Is<ResetLog> auto& x) {
  auto& [group, start] = x;
  io(group, start);
}
void Fields(auto& io, Is<DropGroup> auto& x) {
  auto& [group] = x;
  io(group);
}

// Effects.
void Fields(auto& io, Is<Persist> auto& x) {
  auto& [seq, records] = x;
  io(seq, records);
}
void Fields(auto& io, Is<Send> auto& x) {
  auto& [to, session, after, message] = x;
  io(to, session, after, message);
}
void Fields(auto& io, Is<Apply> auto& x) {
  auto& [group, generation, after, first, entries] = x;
  io(group, generation, after, first, entries);
}
void Fields(auto& io, Is<QueryItem> auto& x) {
  auto& [request, query] = x;
  io(request, query);
}
void Fields(auto& io, Is<RunQuery> auto& x) {
  auto& [id, group, after_applied, items] = x;
  io(id, group, after_applied, items);
}
void Fields(auto& io, Is<Outcome> auto& x) {
  auto& [kind, refusal, serial, result] = x;
  io(kind, refusal, serial, result);
}
void Fields(auto& io, Is<Reply> auto& x) {
  auto& [request, after, outcome] = x;
  io(request, after, outcome);
}
void Fields(auto& io, Is<ReadLog> auto& x) {
  auto& [id, group, first, last, max_bytes] = x;
  io(id, group, first, last, max_bytes);
}
void Fields(auto& io, Is<OpenSnapshot> auto& x) {
  auto& [id, group] = x;
  io(id, group);
}
void Fields(auto& io, Is<ReadChunk> auto& x) {
  auto& [id, group, number] = x;
  io(id, group, number);
}
void Fields(auto& io, Is<CloseSnapshot> auto& x) {
  auto& [group] = x;
  io(group);
}
void Fields(auto& io, Is<InstallChunk> auto& x) {
  auto& [id, group, generation, entry, number, last, rows] = x;
  io(id, group, generation, entry, number, last, rows);
}
void Fields(auto& io, Is<FlushMap> auto& x) {
  auto& [id] = x;
  io(id);
}
void Fields(auto& io, Is<SwitchGeneration> auto& x) {
  auto& [group, generation, after] = x;
  io(group, generation, after);
}
void Fields(auto& io, Is<DropGeneration> auto& x) {
  auto& [group, generation, after] = x;
  io(group, generation, after);
}
void Fields(auto& io, Is<Stop> auto& x) {
  auto& [reason] = x;
  io(reason);
}

// ---- closed lists --------------------------------------------------------------------------------------

template <class T>
inline constexpr std::uint8_t kTag = 0;  // of a type that is in no list
// Inputs. Stored: do not renumber
template <>
inline constexpr std::uint8_t kTag<LinkUp> = 1;
template <>
inline constexpr std::uint8_t kTag<LinkDown> = 2;
template <>
inline constexpr std::uint8_t kTag<FrameReceived> = 3;
template <>
inline constexpr std::uint8_t kTag<Wakeup> = 4;
template <>
inline constexpr std::uint8_t kTag<Persisted> = 5;
template <>
inline constexpr std::uint8_t kTag<PersistFailed> = 6;
template <>
inline constexpr std::uint8_t kTag<DiskSpace> = 7;
template <>
inline constexpr std::uint8_t kTag<LogRead> = 8;
template <>
inline constexpr std::uint8_t kTag<Applied> = 9;
template <>
inline constexpr std::uint8_t kTag<Answered> = 10;
template <>
inline constexpr std::uint8_t kTag<SnapshotOpened> = 11;
template <>
inline constexpr std::uint8_t kTag<ChunkRead> = 12;
template <>
inline constexpr std::uint8_t kTag<ChunkInstalled> = 13;
template <>
inline constexpr std::uint8_t kTag<MapFlushed> = 14;
template <>
inline constexpr std::uint8_t kTag<GenerationSwitched> = 15;
template <>
inline constexpr std::uint8_t kTag<ClientRequests> = 16;
template <>
inline constexpr std::uint8_t kTag<TransferLeadership> = 17;
template <>
inline constexpr std::uint8_t kTag<ChangeConfiguration> = 18;
// Records. Stored: do not renumber
template <>
inline constexpr std::uint8_t kTag<BootRecord> = 1;
template <>
inline constexpr std::uint8_t kTag<SetHardState> = 2;
template <>
inline constexpr std::uint8_t kTag<TruncateSuffix> = 3;
template <>
inline constexpr std::uint8_t kTag<AppendEntries> = 4;
template <>
inline constexpr std::uint8_t kTag<DropPrefix> = 5;
template <>
inline constexpr std::uint8_t kTag<ResetLog> = 6;
template <>
inline constexpr std::uint8_t kTag<DropGroup> = 7;
// Effects. Stored: do not renumber
template <>
inline constexpr std::uint8_t kTag<Persist> = 1;
template <>
inline constexpr std::uint8_t kTag<Send> = 2;
template <>
inline constexpr std::uint8_t kTag<Apply> = 3;
template <>
inline constexpr std::uint8_t kTag<RunQuery> = 4;
template <>
inline constexpr std::uint8_t kTag<Reply> = 5;
template <>
inline constexpr std::uint8_t kTag<ReadLog> = 6;
template <>
inline constexpr std::uint8_t kTag<OpenSnapshot> = 7;
template <>
inline constexpr std::uint8_t kTag<ReadChunk> = 8;
template <>
inline constexpr std::uint8_t kTag<CloseSnapshot> = 9;
template <>
inline constexpr std::uint8_t kTag<InstallChunk> = 10;
template <>
inline constexpr std::uint8_t kTag<FlushMap> = 11;
template <>
inline constexpr std::uint8_t kTag<SwitchGeneration> = 12;
template <>
inline constexpr std::uint8_t kTag<DropGeneration> = 13;
template <>
inline constexpr std::uint8_t kTag<Stop> = 14;

template <class T>
struct ListOf {};
template <class... Kinds>
struct ListOf<std::variant<Kinds...>> {
  // Every kind has a tag, and no two the same.
  static constexpr bool Sound() {
    const std::array<std::uint8_t, sizeof...(Kinds)> tags = {kTag<Kinds>...};
    for (std::size_t i = 0; i < tags.size(); ++i) {
      if (tags[i] == 0) return false;
      for (std::size_t j = 0; j < i; ++j) {
        if (tags[i] == tags[j]) return false;
      }
    }
    return true;
  }
  // Makes `list` an empty one of the kind with this tag and calls `then` with it. False: no such kind.
  template <class Then>
  static bool Emplace(std::uint8_t tag, std::variant<Kinds...>& list, const Then& then) {
    return ((tag == kTag<Kinds> && (then(list.template emplace<Kinds>()), true)) || ...);
  }
};
static_assert(ListOf<Input>::Sound());
static_assert(ListOf<LogRecord>::Sound());
static_assert(ListOf<Effect>::Sound());

}  // namespace quorate::sim
