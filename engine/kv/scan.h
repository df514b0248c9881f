// engine/kv/scan.h — walks over a range of the map, page by page.
//
// Model: whatever limits a map gives its pages, the rows come one by one, in order, until the range ends or
//   the taker says stop.
// Errors: the map's, or the taker's: both end the walk.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/ports.h"

namespace quorate {

enum class ScanStep : std::uint8_t { kGoOn, kStop };

struct ScanRange {
  Table table;
  std::string_view from;
  std::optional<std::string_view> to;
  MapLimit page;  // how much to ask the map for at a time
};
inline constexpr MapLimit kScanPage{.rows = 1024, .bytes = std::size_t{1} << 20};

// `scan_page(from)` gives the page that begins at `from`; `take(row)` may move out of the row.
template <class ScanPage, class Take>
absl::Status ScanPages(std::string_view start, ScanPage scan_page, Take take) {
  std::string from(start);
  for (;;) {
    absl::StatusOr<MapPage> page = scan_page(from);
    if (!page.ok()) return page.status();
    if (page->more && !page->rows.empty()) from = page->rows.back().key + '\0';
    for (MapRow& row : page->rows) {
      const absl::StatusOr<ScanStep> step = take(row);
      if (!step.ok()) return step.status();
      if (*step == ScanStep::kStop) return absl::OkStatus();
    }
    if (!page->more || page->rows.empty()) return absl::OkStatus();
  }
}

template <class Take>
absl::Status ScanRows(const MapPort& map, const MapSpace& space, const ScanRange& range,
                      Take take) {
  const auto scan_page = [&](const std::string& from) {
    return map.Scan(space, range.table, from, range.to, range.page);
  };
  return ScanPages(range.from, scan_page, take);
}

}  // namespace quorate
