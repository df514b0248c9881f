#include "sim/world/workload.h"

#include <algorithm>
#include <charconv>

#include "engine/base/match.h"

namespace quorate::sim {
namespace {

// Order is that of `shares_`.
enum class Kind : std::uint8_t {
  kPut,
  kGet,
  kStaleGet,
  kCas,
  kCasVersion,
  kPutIfAbsent,
  kIncrement,
  kDelete,
  kBatch,
  kRange,
  kTransfer,
  kDropNamespace,
};

}  // namespace

Workload::Workload(const RunConfig& config, std::uint64_t seed, std::uint64_t client)
    : config_(config), client_(client) {
  const WorkloadConfig& work = config.workload;
  const std::uint64_t entity = ClientKey(client);
  keys_ =
      SkewTable(static_cast<std::uint64_t>(std::max<std::int64_t>(work.keys, 1)), work.skew_parts);
  shares_ = {work.put,         work.get,           work.stale_get, work.cas,
             work.cas_version, work.put_if_absent, work.increment, work.del,
             work.batch,       work.range,         work.transfer,  work.drop_namespace};
  if (std::all_of(shares_.begin(), shares_.end(), [](std::int64_t share) { return share == 0; }))
    shares_[0] = 1;
  sights_.resize(config.namespaces.size());
  kind_ = Choice(seed, "client.kind", entity);
  key_ = Choice(seed, "client.key", entity);
  value_size_ = Choice(seed, "client.value_size", entity);
  detail_ = Choice(seed, "client.detail", entity);
  where_ = Choice(seed, "client.namespace", entity);
}

std::string Workload::NewValue() {
  std::string value = ClientName(client_) + "." + std::to_string(++values_);
  const auto size = static_cast<std::size_t>(value_size_.From(config_.workload.value_bytes));
  if (value.size() < size) value.append(size - value.size(), '.');
  return value;
}

Workload::Sight& Workload::SightOf(std::size_t name_space, const std::string& key) {
  std::vector<Sight>& sights = sights_[name_space];
  if (sights.empty()) sights.resize(keys_.size());
  const std::uint64_t number = std::stoull(key.substr(1)) - 10'000;
  return sights[static_cast<std::size_t>(number)];
}

bool Workload::IsOwnKey(const std::string& key) const {
  std::uint64_t number = 0;
  const char* const end = key.data() + key.size();
  if (key.empty() || key[0] != 'k') return false;
  if (std::from_chars(key.data() + 1, end, number).ptr != end) return false;
  return number >= 10'000 && number - 10'000 < keys_.size() && KeyName(number - 10'000) == key;
}

Command Workload::MakeBatch(std::size_t name_space) {
  Batch batch;
  const std::uint64_t bits = detail_.Bits();
  if (Below(bits, 2) == 0) {
    Condition condition;
    condition.key = KeyName(PickKey());
    const Sight& sight = SightOf(name_space, condition.key);
    const std::uint64_t form = Below(Mix(bits), 3);
    if (sight.seen && sight.version != Version{} && form == 0) {
      condition.must_be = sight.version;
    } else if (sight.seen && sight.value && form == 1) {
      condition.must_be = *sight.value;
    }
    batch.conditions.push_back(std::move(condition));
  }
  const std::int64_t writes =
      detail_.Between(1, std::max<std::int64_t>(1, config_.workload.batch_size));
  for (std::int64_t i = 0; i < writes; ++i) {
    const std::string key = KeyName(PickKey());
    const bool erase = detail_.Below(6) == 0;
    batch.writes.push_back(
        BatchWrite{key, erase ? std::nullopt : std::optional<std::string>(NewValue())});
  }
  return batch;
}

Read Workload::MakeRange() {
  Range range;
  const std::uint64_t a = PickKey();
  const std::uint64_t b = detail_.Below(keys_.size());
  range.from = KeyName(std::min(a, b));
  if (detail_.Below(4) != 0) range.to = KeyName(std::max(a, b) + 1);
  const std::int64_t most = std::max<std::int64_t>(1, config_.workload.range_limit);
  range.limit = detail_.Below(8) == 0 ? 0 : static_cast<std::uint64_t>(detail_.Between(1, most));
  return Read{range, false};
}

Wanted Workload::Next(bool serving) {
  Wanted wanted;
  wanted.name_space = static_cast<std::size_t>(where_.Below(config_.namespaces.size()));
  std::vector<std::int64_t> shares = shares_;
  const std::uint64_t kind_bits = kind_.Bits();
  for (const Kind disturbs : {Kind::kTransfer, Kind::kDropNamespace}) {
    if (serving) shares[static_cast<std::size_t>(disturbs)] = 0;
  }
  const bool nothing_left =
      std::all_of(shares.begin(), shares.end(), [](std::int64_t share) { return share == 0; });
  if (nothing_left) shares[static_cast<std::size_t>(Kind::kPut)] = 1;
  const auto kind = static_cast<Kind>(PickWeighted(shares, kind_bits));
  if (kind == Kind::kTransfer) {
    wanted.what = WantedTransfer{static_cast<std::uint32_t>(
        detail_.Below(static_cast<std::uint64_t>(config_.cluster.nodes) + 1))};
    return wanted;
  }
  if (kind == Kind::kDropNamespace) {
    wanted.what = WantedDrop{};
    return wanted;
  }
  if (kind == Kind::kBatch) {
    wanted.what = MakeBatch(wanted.name_space);
    return wanted;
  }
  if (kind == Kind::kRange) {
    wanted.what = MakeRange();
    return wanted;
  }
  const std::string key = KeyName(PickKey());
  const Sight& sight = SightOf(wanted.name_space, key);
  switch (kind) {
    case Kind::kPut:
      wanted.what = Command(Put{key, NewValue()});
      break;
    case Kind::kGet:
      wanted.what = Read{Get{key}, false};
      break;
    case Kind::kStaleGet:
      wanted.what = Read{Get{key}, true};
      break;
    case Kind::kCas:
      wanted.what = Command(CasValue{key, sight.value, NewValue()});
      break;
    case Kind::kCasVersion:
      wanted.what = Command(CasVersion{key, sight.version, NewValue()});
      break;
    case Kind::kPutIfAbsent:
      wanted.what = Command(PutIfAbsent{key, NewValue()});
      break;
    case Kind::kIncrement: {
      // Now and then at a key that holds no number.
      const bool across = detail_.Below(12) == 0;
      std::string number = key;
      if (!across) number[0] = 'n';
      wanted.what = Command(Increment{number, detail_.Between(-3, 9)});
      break;
    }
    case Kind::kDelete:
      wanted.what = Command(Delete{key});
      break;
    case Kind::kBatch:
    case Kind::kRange:
    case Kind::kTransfer:
    case Kind::kDropNamespace:
      break;
  }
  return wanted;
}

void Workload::Learn(const Wanted& wanted, const KvReply& reply) {
  for (const ReplyRow& row : reply.rows) {
    if (!IsOwnKey(row.key)) continue;
    Sight& sight = SightOf(wanted.name_space, row.key);
    sight.seen = true;
    sight.version = row.version;
    sight.value = row.value;
  }
  // A write's reply does not repeat the value.
  const Command* command = std::get_if<Command>(&wanted.what);
  if (command == nullptr || reply.status != ReplyStatus::kOk) return;
  const auto wrote = [&](const std::string& key, const std::string& value) {
    SightOf(wanted.name_space, key).value = value;
  };
  std::visit(
      Match{[&](const Put& put) { wrote(put.key, put.value); },
            [&](const PutIfAbsent& put) { wrote(put.key, put.value); }, [](const Delete&) {},
            [&](const CasValue& cas) { wrote(cas.key, cas.value); },
            [&](const CasVersion& cas) { wrote(cas.key, cas.value); }, [](const Increment&) {},
            [&](const Batch& batch) {
              for (const BatchWrite& write : batch.writes) {
                SightOf(wanted.name_space, write.key).value = write.value;
              }
            }},
      *command);
}

}  // namespace quorate::sim
