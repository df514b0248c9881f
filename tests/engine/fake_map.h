// tests/engine/fake_map.h — the map port as plain std::map, with what a test wants to do to it.
//
// Model: keeps every batch it was given, so that a test can put the map back to what it was after any of
//   them, as a crash does. Pages end early if told so; reads and writes fail if told so.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ports.h"

namespace quorate {

class FakeMap : public MapPort {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;
  using Tables = std::map<Table, Rows>;

  std::size_t page_rows = 1'000'000;  // a page never has more
  bool remember = true;               // false: no way back, but fast
  bool fail_reads = false;
  bool fail_writes = false;

  absl::StatusOr<std::optional<std::string>> Get(const MapSpace& space, Table table,
                                                 std::string_view key) const override {
    ++gets;
    if (fail_reads) return absl::UnavailableError("told to fail");
    return GetFrom(spaces_, space, table, key);
  }
  absl::StatusOr<MapPage> Scan(const MapSpace& space, Table table, std::string_view from,
                               std::optional<std::string_view> to, MapLimit limit) const override {
    if (fail_reads) return absl::UnavailableError("told to fail");
    limit.rows = std::min(limit.rows, page_rows);
    return ScanFrom(spaces_, space, table, {from, to, limit});
  }
  absl::Status Write(const MapSpace& space, std::span<const MapChange> changes) override {
    if (fail_writes) return absl::UnavailableError("told to fail");
    Tables& tables = spaces_[space];
    for (const MapChange& change : changes) {
      if (change.value.has_value()) {
        tables[change.table][change.key] = *change.value;
      } else {
        tables[change.table].erase(change.key);
      }
    }
    ++batches;
    if (!remember) return absl::OkStatus();
    history_.push_back(spaces_);
    if (history_.size() > kKept) history_.erase(history_.begin());
    return absl::OkStatus();
  }
  absl::Status Drop(const MapSpace& space) override {
    spaces_.erase(space);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<MapSpace>> Spaces() const override {
    std::vector<MapSpace> spaces;
    for (const auto& [space, tables] : spaces_) {
      for (const auto& [table, rows] : tables) {
        if (rows.empty()) continue;
        spaces.push_back(space);
        break;
      }
    }
    return spaces;
  }
  absl::StatusOr<std::unique_ptr<MapReader>> Pin(const MapSpace& space) const override {
    return std::unique_ptr<MapReader>(new Pinned(spaces_, space, page_rows));
  }
  void StartFlush(PortRequest) override {}

  // ---- for tests ----
  // As a crash leaves it: the last `batches_lost` batches are gone (of those that are remembered).
  void FallBack(std::size_t batches_lost) {
    batches_lost = std::min(batches_lost, history_.size() - 1);
    history_.resize(history_.size() - batches_lost);
    spaces_ = history_.back();
  }
  Rows& Raw(const MapSpace& space, Table table) { return spaces_[space][table]; }
  const Tables& AllOf(const MapSpace& space) { return spaces_[space]; }

  std::size_t batches = 0;
  mutable std::size_t gets = 0;

 private:
  static constexpr std::size_t kKept = 12;
  using SpacesMap = std::map<MapSpace, Tables>;
  struct Where {
    std::string_view from;
    std::optional<std::string_view> to;
    MapLimit limit;
  };

  static const Rows* Find(const SpacesMap& spaces, const MapSpace& space, Table table) {
    const auto at = spaces.find(space);
    if (at == spaces.end()) return nullptr;
    const auto rows = at->second.find(table);
    return rows == at->second.end() ? nullptr : &rows->second;
  }
  static std::optional<std::string> GetFrom(const SpacesMap& spaces, const MapSpace& space,
                                            Table table, std::string_view key) {
    const Rows* rows = Find(spaces, space, table);
    if (rows == nullptr) return std::nullopt;
    const auto at = rows->find(key);
    if (at == rows->end()) return std::nullopt;
    return at->second;
  }
  static MapPage ScanFrom(const SpacesMap& spaces, const MapSpace& space, Table table,
                          const Where& where) {
    REQUIRE(where.limit.rows >= 1);
    REQUIRE(!where.to.has_value() || where.from <= *where.to);
    MapPage page;
    const Rows* rows = Find(spaces, space, table);
    if (rows == nullptr) return page;
    std::size_t bytes = 0;
    for (auto at = rows->lower_bound(where.from); at != rows->end(); ++at) {
      if (where.to.has_value() && at->first >= *where.to) break;
      const bool full = bytes >= where.limit.bytes || page.rows.size() >= where.limit.rows;
      if (full && !page.rows.empty()) {
        page.more = true;
        break;
      }
      page.rows.push_back({at->first, at->second});
      bytes += at->first.size() + at->second.size();
    }
    return page;
  }

  class Pinned : public MapReader {
   public:
    Pinned(const SpacesMap& spaces, const MapSpace& space, std::size_t page_rows)
        : space_(space), page_rows_(page_rows) {
      const auto at = spaces.find(space);
      if (at != spaces.end()) spaces_.emplace(space, at->second);
    }
    absl::StatusOr<std::optional<std::string>> Get(Table table,
                                                   std::string_view key) const override {
      return GetFrom(spaces_, space_, table, key);
    }
    absl::StatusOr<MapPage> Scan(Table table, std::string_view from,
                                 std::optional<std::string_view> to,
                                 MapLimit limit) const override {
      limit.rows = std::min(limit.rows, page_rows_);
      return ScanFrom(spaces_, space_, table, {from, to, limit});
    }

   private:
    SpacesMap spaces_;
    MapSpace space_;
    std::size_t page_rows_;
  };

  SpacesMap spaces_;
  std::vector<SpacesMap> history_{1};  // after each of the last batches
};

}  // namespace quorate
