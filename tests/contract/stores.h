// tests/contract/stores.h — the leaves under contract: in memory and on RocksDB, as a log and as a map.
//
// Model: a `Disk` is what outlives a process. `Open` is a start of the process on it; `Close` an orderly end, after
//   which everything written is there. (Ends that are not orderly: mem_kv_test and crash_test.)
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/check.h"
#include "storage/mem_kv.h"
#include "storage/rocks_kv.h"

namespace quorate {

// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quorate-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Kv& Open() = 0;
  virtual void Close() = 0;
};

class MemDisk final : public Disk {
 public:
  Kv& Open() override { return kv_; }
  void Close() override { kv_.Crash(kv_.unsynced()); }

 private:
  MemKv kv_;
};

class RocksDisk final : public Disk {
 public:
  explicit RocksDisk(RocksUse use) : use_(use) {}
  Kv& Open() override {
    absl::StatusOr<std::unique_ptr<Kv>> kv = OpenRocksKv(folder_ / "store", use_);
    EXPECT_TRUE(kv.ok()) << kv.status();
    kv_ = *std::move(kv);
    return *kv_;
  }
  void Close() override { kv_.reset(); }

 private:
  TemporaryFolder folder_;
  RocksUse use_;
  std::unique_ptr<Kv> kv_;
};

enum class Leaf { kMemory, kRocksLog, kRocksMap };

inline std::unique_ptr<Disk> MakeDisk(Leaf leaf) {
  switch (leaf) {
    case Leaf::kMemory:
      return std::make_unique<MemDisk>();
    case Leaf::kRocksLog:
      return std::make_unique<RocksDisk>(RocksUse::kLog);
    case Leaf::kRocksMap:
      return std::make_unique<RocksDisk>(RocksUse::kMap);
  }
  UNREACHABLE("a leaf is in the list");
}

inline std::string NameOfLeaf(const testing::TestParamInfo<Leaf>& info) {
  switch (info.param) {
    case Leaf::kMemory:
      return "Memory";
    case Leaf::kRocksLog:
      return "RocksLog";
    case Leaf::kRocksMap:
      return "RocksMap";
  }
  UNREACHABLE("a leaf is in the list");
}

class OnLeaf : public testing::TestWithParam<Leaf> {
 protected:
  OnLeaf() : disk_(MakeDisk(GetParam())), kv_(&disk_->Open()) {}
  void Restart() {
    disk_->Close();
    kv_ = &disk_->Open();
  }
  Kv& kv() { return *kv_; }

 private:
  std::unique_ptr<Disk> disk_;
  Kv* kv_;
};

}  // namespace quorate
