#include "storage/log_image.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/bytes.h"
#include "engine/raft/codec.h"
#include "storage/keys.h"
#include "storage/rows.h"

namespace quorate {
namespace {

constexpr KvLimit kPage{1024, std::size_t{1} << 20};

std::string NameOfGroup(GroupId group) {
  return group == kSystemGroup ? std::string("system group")
                               : absl::StrCat("group ", group.value());
}

// Where something is wrong, for the operator.
std::string PlaceOf(const LogKey& key) {
  switch (key.tag) {
    case LogTag::kIdentity:
      return "identity";
    case LogTag::kBoot:
      return "boot number";
    case LogTag::kGroups:
      return "list of groups";
    case LogTag::kHardState:
      return absl::StrCat(NameOfGroup(key.group), ", hard state");
    case LogTag::kStart:
      return absl::StrCat(NameOfGroup(key.group), ", start of the log");
    case LogTag::kTail:
      return absl::StrCat(NameOfGroup(key.group), ", tail of the log");
    case LogTag::kEntry:
      return absl::StrCat(NameOfGroup(key.group), ", generation ", key.generation.value(),
                          ", entry ", key.index.value());
  }
  UNREACHABLE("a log key is of a known tag");
}

absl::Status Loss(std::string_view where, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("log store: ", std::string(where), ": ", std::string(what)));
}

// Walks over the rows in key order. What comes first announces what has to follow.
class ImageReader {
 public:
  absl::Status OnRow(const KvRow& row);
  absl::Status Finish();
  LogImage Take() && { return std::move(image_); }

 private:
  struct Tail {
    Index last;
    std::uint32_t chain = 0;
  };

  absl::Status OnIdentity(std::string_view content);
  absl::Status OnBoot(std::string_view content);
  absl::Status OnGroups(std::string_view content);
  absl::Status OnHardState(const LogKey& key, std::string_view content);
  absl::Status OnStart(const LogKey& key, std::string_view content);
  absl::Status OnTail(const LogKey& key, std::string_view content);
  absl::Status OnEntry(const LogKey& key, std::string_view content, std::uint32_t crc);
  absl::Status FinishGroup();
  absl::Status FinishGroupsBefore(GroupId group);
  absl::Status CheckHeads() const;
  // Of the rows that each group has one of: this is the next one that is due.
  absl::Status IsDue(const LogKey& key, std::size_t have) const;

  bool has_identity_ = false;
  bool has_boot_ = false;
  bool has_groups_ = false;
  std::uint32_t seed_ = kIdentitySeed;
  LogImage image_;
  std::vector<Tail> tails_;
  std::size_t hard_states_ = 0;
  std::size_t current_ = 0;  // group whose entries are being read
};

absl::Status ImageReader::OnRow(const KvRow& row) {
  const std::optional<LogKey> key = ParseLogKey(row.key);
  if (!key.has_value()) {
    return Loss(absl::StrCat("key 0x", absl::BytesToHexString(row.key)), "no key of this store");
  }
  if (!has_identity_ && key->tag != LogTag::kIdentity) return Loss("identity", "missing");
  const std::optional<std::string_view> content = Unseal(row.key, row.value, seed_);
  if (!content.has_value()) return Loss(PlaceOf(*key), "the check value does not match");
  switch (key->tag) {
    case LogTag::kIdentity:
      return OnIdentity(*content);
    case LogTag::kBoot:
      return OnBoot(*content);
    case LogTag::kGroups:
      return OnGroups(*content);
    case LogTag::kHardState:
      return OnHardState(*key, *content);
    case LogTag::kStart:
      return OnStart(*key, *content);
    case LogTag::kTail:
      return OnTail(*key, *content);
    case LogTag::kEntry:
      return OnEntry(*key, *content, SealOf(row.value));
  }
  UNREACHABLE("a log key is of a known tag");
}

absl::Status ImageReader::OnIdentity(std::string_view content) {
  const std::optional<IdentityRow> row = DecodeIdentity(content);
  if (!row.has_value()) return Loss("identity", "malformed");
  if (row->format != kStoreFormat) {
    return absl::FailedPreconditionError(absl::StrCat(
        "log store: format ", int{row->format}, "; this release knows format ", int{kStoreFormat}));
  }
  has_identity_ = true;
  image_.recovered.identity = row->identity;
  seed_ = SeedOf(row->identity);
  return absl::OkStatus();
}

absl::Status ImageReader::OnBoot(std::string_view content) {
  Decoder in(content);
  image_.recovered.last_boot = BootNumber(in.Varint());
  has_boot_ = true;
  return in.done() ? absl::OkStatus() : Loss("boot number", "malformed");
}

absl::Status ImageReader::OnGroups(std::string_view content) {
  std::optional<std::vector<GroupId>> groups = DecodeGroupList(content);
  if (!groups.has_value()) return Loss("list of groups", "malformed");
  has_groups_ = true;
  image_.recovered.groups.resize(groups->size());
  for (std::size_t i = 0; i < groups->size(); ++i) image_.recovered.groups[i].group = (*groups)[i];
  return absl::OkStatus();
}

absl::Status ImageReader::IsDue(const LogKey& key, std::size_t have) const {
  const std::vector<RecoveredGroup>& groups = image_.recovered.groups;
  if (have < groups.size() && groups[have].group == key.group) return absl::OkStatus();
  if (have < groups.size() && groups[have].group < key.group) {
    return Loss(PlaceOf(LogKey{key.tag, groups[have].group, {}, {}}), "missing");
  }
  return Loss(PlaceOf(key), "of a group that does not exist");
}

absl::Status ImageReader::OnHardState(const LogKey& key, std::string_view content) {
  if (absl::Status due = IsDue(key, hard_states_); !due.ok()) return due;
  Decoder in(content);
  image_.recovered.groups[hard_states_++].hard = DecodeHardState(in);
  return in.done() ? absl::OkStatus() : Loss(PlaceOf(key), "malformed");
}

absl::Status ImageReader::OnStart(const LogKey& key, std::string_view content) {
  if (absl::Status due = IsDue(key, image_.chains.size()); !due.ok()) return due;
  std::optional<StartRow> row = DecodeStartRow(content);
  if (!row.has_value()) return Loss(PlaceOf(key), "malformed");
  RecoveredGroup& group = image_.recovered.groups[image_.chains.size()];
  group.start = std::move(row->start);
  group.last = group.start.entry.index;
  group.applied = group.start.entry;
  image_.chains.push_back(GroupChain{row->anchor, row->anchor});
  return absl::OkStatus();
}

absl::Status ImageReader::OnTail(const LogKey& key, std::string_view content) {
  if (absl::Status due = IsDue(key, tails_.size()); !due.ok()) return due;
  const std::optional<TailRow> row = DecodeTailRow(content);
  if (!row.has_value()) return Loss(PlaceOf(key), "malformed");
  if (image_.chains.size() != image_.recovered.groups.size()) return CheckHeads();
  const LogStart& start = image_.recovered.groups[tails_.size()].start;
  if (row->generation != start.generation || row->last < start.entry.index) {
    return Loss(PlaceOf(key), "of another log than its start");
  }
  tails_.push_back(Tail{row->last, row->chain});
  return absl::OkStatus();
}

absl::Status ImageReader::CheckHeads() const {
  if (!has_identity_) {
    return Loss(
        "identity",
        "the store is empty; it was never bootstrapped, or what it held is lost. A node does not "
        "start on it: it may have promised what it no longer knows");
  }
  if (!has_boot_) return Loss("boot number", "missing");
  if (!has_groups_) return Loss("list of groups", "missing");
  const auto missing = [this](LogTag tag, std::size_t have) {
    return Loss(PlaceOf(LogKey{tag, image_.recovered.groups[have].group, {}, {}}), "missing");
  };
  const std::size_t groups = image_.recovered.groups.size();
  if (hard_states_ < groups) return missing(LogTag::kHardState, hard_states_);
  if (image_.chains.size() < groups) return missing(LogTag::kStart, image_.chains.size());
  if (tails_.size() < groups) return missing(LogTag::kTail, tails_.size());
  return absl::OkStatus();
}

absl::Status ImageReader::OnEntry(const LogKey& key, std::string_view content, std::uint32_t crc) {
  if (absl::Status heads = CheckHeads(); !heads.ok()) return heads;
  if (absl::Status before = FinishGroupsBefore(key.group); !before.ok()) return before;
  if (current_ == image_.recovered.groups.size() ||
      image_.recovered.groups[current_].group != key.group) {
    return Loss(PlaceOf(key), "of a group that does not exist");
  }
  RecoveredGroup& group = image_.recovered.groups[current_];
  GroupChain& chain = image_.chains[current_];
  if (key.generation != group.start.generation) {
    return Loss(PlaceOf(key),
                absl::StrCat("the log's generation is ", group.start.generation.value()));
  }
  const Index due = Next(group.last);
  if (key.index < due) return Loss(PlaceOf(key), absl::StrCat("the log begins at ", due.value()));
  if (due > tails_[current_].last) return Loss(PlaceOf(key), "behind the tail of the log");
  if (key.index > due) {
    return Loss(PlaceOf(LogKey{key.tag, key.group, key.generation, due}),
                "missing: a hole in the log");
  }
  std::optional<EntryRow> row = DecodeEntryRow(content);
  if (!row.has_value()) return Loss(PlaceOf(key), "malformed");
  if (row->chain_before != chain.tail)
    return Loss(PlaceOf(key), "does not follow the entry before it");
  const Term term = row->entry.term;
  const Term before = group.terms.empty() ? group.start.entry.term : group.terms.back().term;
  if (term < before) return Loss(PlaceOf(key), "its term is below that of the entry before it");
  if (group.terms.empty() || term > before) group.terms.push_back(TermRun{key.index, term});
  if (row->entry.kind == EntryKind::kConfiguration) {
    absl::StatusOr<Configuration> configuration = DecodeConfiguration(row->entry.payload.bytes());
    if (!configuration.ok()) return Loss(PlaceOf(key), "not a configuration");
    group.configurations.push_back(PlacedConfiguration{key.index, *std::move(configuration)});
  }
  group.last = key.index;
  chain.tail = crc;
  return absl::OkStatus();
}

absl::Status ImageReader::FinishGroup() {
  const RecoveredGroup& group = image_.recovered.groups[current_];
  const Tail& tail = tails_[current_];
  if (group.last != tail.last) {
    return Loss(
        PlaceOf(LogKey{LogTag::kEntry, group.group, group.start.generation, Next(group.last)}),
        absl::StrCat("missing; the log's last entry is ", tail.last.value()));
  }
  if (image_.chains[current_].tail != tail.chain) {
    return Loss(PlaceOf(LogKey{LogTag::kTail, group.group, {}, {}}),
                "does not follow the last entry");
  }
  const Term last_term = group.terms.empty() ? group.start.entry.term : group.terms.back().term;
  if (group.hard.term < last_term) {
    return Loss(PlaceOf(LogKey{LogTag::kHardState, group.group, {}, {}}),
                absl::StrCat("its term ", group.hard.term.value(), " is below the log's term ",
                             last_term.value()));
  }
  ++current_;
  return absl::OkStatus();
}

absl::Status ImageReader::FinishGroupsBefore(GroupId group) {
  while (current_ < image_.recovered.groups.size() &&
         image_.recovered.groups[current_].group < group) {
    if (absl::Status finished = FinishGroup(); !finished.ok()) return finished;
  }
  return absl::OkStatus();
}

absl::Status ImageReader::Finish() {
  if (absl::Status heads = CheckHeads(); !heads.ok()) return heads;
  while (current_ < image_.recovered.groups.size()) {
    if (absl::Status finished = FinishGroup(); !finished.ok()) return finished;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogImage> ReadLogImage(const KvReader& kv) {
  ImageReader reader;
  std::string from;
  for (bool more = true; more;) {
    absl::StatusOr<KvPage> page = kv.Scan(from, std::nullopt, kPage);
    if (!page.ok()) return page.status();
    for (const KvRow& row : page->rows) {
      if (absl::Status status = reader.OnRow(row); !status.ok()) return status;
    }
    more = page->more && !page->rows.empty();
    if (more) from = page->rows.back().key + '\0';
  }
  if (absl::Status status = reader.Finish(); !status.ok()) return status;
  return std::move(reader).Take();
}

}  // namespace quorate
