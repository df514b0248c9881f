// sim/world/workload.h — what one client wants to do next.
//
// Model: a client remembers, for each key of each namespace, the version and value it saw last, and draws its
//   next operation by the shares of the scenario. Values are unique: "c5.17" is the 17th of client 5.
//   Numbers live under keys of their own ("n…", the others are "k…"); now and then something asks across.
// Invariants: the choices of one client depend on nobody else's.
// Units: keys are counted from 0. Errors: none.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/kv/command.h"
#include "sim/history/history.h"
#include "sim/scenario/config.h"
#include "sim/world/choice.h"

namespace quorate::sim {

struct WantedTransfer {
  std::uint32_t target = 0;  // 0 = whoever is best
};
struct WantedDrop {};  // of the namespace
struct Wanted {
  std::size_t name_space = 0;  // of RunConfig::namespaces
  std::variant<Command, Read, WantedTransfer, WantedDrop> what;
};

class Workload {
 public:
  Workload(const RunConfig& config, std::uint64_t seed, std::uint64_t client);

  // `serving`: no leadership is to be handed over any more, no namespace to be dropped.
  Wanted Next(bool serving);
  // What the answer to the client's last operation has shown.
  void Learn(const Wanted& wanted, const KvReply& reply);

 private:
  struct Sight {
    bool seen = false;
    Version version;
    std::optional<std::string> value;
  };
  std::string NewValue();
  std::string KeyName(std::uint64_t key) const { return "k" + std::to_string(10'000 + key); }
  // Others (the schedule) write keys of their own, and a range shows those, too.
  bool IsOwnKey(const std::string& key) const;
  std::uint64_t PickKey() { return keys_.Pick(key_.Bits()); }
  Sight& SightOf(std::size_t name_space, const std::string& key);
  Command MakeBatch(std::size_t name_space);
  Read MakeRange();

  const RunConfig& config_;
  std::uint64_t client_;
  SkewTable keys_;
  std::vector<std::int64_t> shares_;
  std::vector<std::vector<Sight>> sights_;  // by namespace and key
  std::uint64_t values_ = 0;
  Choice kind_, key_, value_size_, detail_, where_;
};

}  // namespace quorate::sim
