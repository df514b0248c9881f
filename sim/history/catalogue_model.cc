#include "sim/history/catalogue_model.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/kv/envelope.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kLongestName = 64;

bool MayBeNamed(const std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view kAll = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= kLongestName &&
         kLetters.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(kAll) == std::string::npos;
}

}  // namespace

CatalogueModel::CatalogueModel(std::size_t nonce_window)
    : window_(std::max<std::uint64_t>(nonce_window, 1)) {
  namespaces_.push_back({kDefaultNamespace, "default", Index(0)});
}

const CatalogueEffect& CatalogueModel::Apply(Index index, const Entry& entry) {
  REQUIRE(index == Next(applied()));
  CatalogueEffect effect;
  switch (entry.kind) {
    case EntryKind::kBarrier:
    case EntryKind::kConfiguration:
    case EntryKind::kOpenSession:
      break;
    case EntryKind::kCommand:
      effect = Decide(index, entry.payload.bytes());
      break;
  }
  effects_.push_back(std::move(effect));
  return effects_.back();
}

const CatalogueEffect* CatalogueModel::At(Index index) const {
  if (index == Index() || index > applied()) return nullptr;
  return &effects_[static_cast<std::size_t>(index.value() - 1)];
}

CatalogueEffect CatalogueModel::Decide(Index index, std::string_view payload) {
  CatalogueEffect effect;
  effect.kind = CatalogueEffect::Kind::kApplied;
  effect.took_effect = index;
  effect.payload = payload;
  Nonce nonce;
  std::string_view command;
  if (!DecodeNonce(payload, nonce, command)) {
    effect.reply = CatalogueReply{CatalogueStatus::kMalformed, GroupId(0)};
    return effect;
  }
  effect.command = command;
  const std::pair life(nonce.incarnation, nonce.boot);
  const auto known = askers_.find(nonce.node);
  if (known != askers_.end() && life <= known->second.life) {
    const std::map<SessionSeq, Index>& done = known->second.done;
    const bool former = life < known->second.life;
    if (former || nonce.seq.value() + window_ <= done.rbegin()->first.value()) {
      effect.kind = CatalogueEffect::Kind::kForgotten;
      effect.reply = CatalogueReply{CatalogueStatus::kForgotten, GroupId(0)};
      return effect;
    }
    if (const auto first = done.find(nonce.seq); first != done.end()) {
      effect.kind = CatalogueEffect::Kind::kRetried;
      effect.took_effect = first->second;
      effect.reply = At(first->second)->reply;
      return effect;
    }
  }
  effect.reply = Execute(index, command);
  Asker& asker = askers_[nonce.node];
  if (asker.life != life) asker = {life, {}};
  asker.done[nonce.seq] = index;
  const std::uint64_t highest = asker.done.rbegin()->first.value();
  while (asker.done.begin()->first.value() + window_ <= highest)
    asker.done.erase(asker.done.begin());
  return effect;
}

CatalogueReply CatalogueModel::Execute(Index index, std::string_view command) {
  const absl::StatusOr<CatalogueCommand> decoded = DecodeCatalogueCommand(command);
  if (!decoded.ok()) return {CatalogueStatus::kMalformed, GroupId(0)};
  return std::visit(Match{[&](const CreateNamespace& create) { return Create(index, create); },
                          [&](const DropNamespace& drop) { return Drop(index, drop); }},
                    *decoded);
}

CatalogueReply CatalogueModel::Create(Index index, const CreateNamespace& create) {
  if (!MayBeNamed(create.name)) return {CatalogueStatus::kBadName, GroupId(0)};
  for (const Namespace& one : namespaces_) {
    if (one.dropped || one.name != create.name) continue;
    // All that live are strong: there is no other mode yet.
    return {create.mode == Mode::kStrong ? CatalogueStatus::kExists : CatalogueStatus::kOtherMode,
            one.number};
  }
  if (create.mode != Mode::kStrong) return {CatalogueStatus::kNotSupported, GroupId(0)};
  const GroupId number = Next(namespaces_.back().number);
  namespaces_.push_back({number, create.name, index});
  return {CatalogueStatus::kCreated, number};
}

CatalogueReply CatalogueModel::Drop(Index index, const DropNamespace& drop) {
  if (drop.number == kDefaultNamespace) return {CatalogueStatus::kNotSupported, drop.number};
  for (Namespace& one : namespaces_) {
    if (one.number != drop.number || one.dropped) continue;
    one.dropped = index;
    return {CatalogueStatus::kDropped, drop.number};
  }
  return {CatalogueStatus::kNotFound, drop.number};
}

std::vector<CatalogueModel::Namespace> CatalogueModel::LivingAt(Index at) const {
  std::vector<Namespace> living;
  for (const Namespace& one : namespaces_) {
    if (one.born <= at && (!one.dropped || *one.dropped > at)) living.push_back(one);
  }
  return living;
}

bool CatalogueModel::IsGone(GroupId number, Index at) const {
  return std::any_of(namespaces_.begin(), namespaces_.end(), [&](const Namespace& one) {
    return one.number == number && one.dropped && *one.dropped <= at;
  });
}

std::vector<Index> CatalogueModel::Remembered() const {
  std::vector<Index> indexes;
  for (const auto& [node, asker] : askers_) {
    for (const auto& [seq, index] : asker.done) indexes.push_back(index);
  }
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

}  // namespace quorate::sim
