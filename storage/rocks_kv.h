// storage/rocks_kv.h — the ordered map on RocksDB. The only file that knows it.
//
// Model: one database a store. The log's keeps a write-ahead log, and `Sync` makes that durable; the map's has
//   none, and `Sync` flushes the memtable, so that after a crash the map is as of some batch at or after it.
// Errors: Corruption = DataLoss, no space = ResourceExhausted, anything else = Internal. After a failed write or
//   sync every later one is refused; the database does not try to heal itself.
// Threads: any number of readers beside one writer; `Sync` beside readers and the writer.
#pragma once
#include <memory>
#include <string>

#include "storage/kv.h"

namespace quorate {

enum class RocksUse { kLog, kMap };

// Opens, or makes, the database in folder `path`, which only one process can have open.
absl::StatusOr<std::unique_ptr<Kv>> OpenRocksKv(const std::string& path, RocksUse use);

}  // namespace quorate
