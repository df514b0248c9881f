// engine/catalogue.h — the state machine of the system group: which namespaces there are.
//
// Model: small, kept in memory, applied inside the step, a pure function of the system group's log. A
//   namespace has a number that is never given out again; its name is a label. Every cluster is born with
//   namespace 0, `default`, strong.
// Invariants: numbers ascend; names of living namespaces are unique; next_number > every number given.
// Exactly once: a command comes with a nonce; a second copy of it is answered as the first was. Else a name that
//   was dropped meanwhile would be created once more by a copy that comes late.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "engine/base/payload.h"
#include "engine/kv/nonce_table.h"
#include "engine/raft/configuration.h"

namespace quorate {

enum class Mode : std::uint8_t { kStrong = 1, kEventual = 2 };  // stored: do not renumber

struct CreateNamespace {
  std::string name;  // 1..64 bytes of [a-z0-9._-], starting with a letter
  Mode mode = Mode::kStrong;
  friend bool operator==(const CreateNamespace&, const CreateNamespace&) = default;
};
struct DropNamespace {
  GroupId number;
  friend bool operator==(const DropNamespace&, const DropNamespace&) = default;
};
using CatalogueCommand = std::variant<CreateNamespace, DropNamespace>;

std::string EncodeCatalogueCommand(const CatalogueCommand& command);
absl::StatusOr<CatalogueCommand> DecodeCatalogueCommand(std::string_view bytes);

enum class CatalogueStatus : std::uint8_t {  // stored: do not renumber
  kCreated = 1,
  kExists = 2,  // of the same mode: `number` is the one that lives
  kDropped = 3,
  kNotFound = 4,
  kBadName = 5,
  kOtherMode = 6,     // lives in another mode
  kNotSupported = 7,  // no such mode in this release; the default namespace is not dropped
  kLimit = 8,         // as many namespaces as there may be
  kMalformed = 9,
  kForgotten = 10,  // an earlier copy may have been applied; this one was not
};
struct CatalogueReply {
  CatalogueStatus status;
  GroupId number;
  friend bool operator==(const CatalogueReply&, const CatalogueReply&) = default;
};
std::string EncodeCatalogueReply(const CatalogueReply& reply);
absl::StatusOr<CatalogueReply> DecodeCatalogueReply(std::string_view bytes);

struct NamespaceInfo {
  std::string name;
  Mode mode = Mode::kStrong;
  Index born;                   // of the entry that created it; 0 = at bootstrap
  Configuration configuration;  // of the system group at that entry: its group begins with it
  friend bool operator==(const NamespaceInfo&, const NamespaceInfo&) = default;
};

class Catalogue {
 public:
  static constexpr std::size_t kMaxNamespaces = 1000;

  // As at the bootstrap of a cluster of `members`: namespace 0 only.
  static Catalogue Bootstrap(const Configuration& members);

  // Applies the payload of one command entry, unless a copy of it was applied before.
  struct Applied {
    Index took_effect;  // of the first copy
    CatalogueReply reply;
  };
  Applied ApplyEntry(Index index, std::string_view payload, const Configuration& members,
                     std::size_t nonce_window);
  // Applies one command. Malformed bytes change nothing and are answered so. `number` of the reply is
  // that of the namespace made, found or meant; 0 where there is none.
  CatalogueReply Apply(Index index, std::string_view command, const Configuration& members);

  const absl::btree_map<GroupId, NamespaceInfo>& namespaces() const { return namespaces_; }
  // Whether the namespace was born and has been dropped. One that this catalogue has not heard of yet is not
  // gone: a boot replays the catalogue while the groups of later entries are already there.
  bool IsGone(GroupId number) const {
    return number < next_number_ && !namespaces_.contains(number);
  }
  // nullptr: no such name. `number` may be nullptr.
  const NamespaceInfo* Find(std::string_view name, GroupId* number) const;

  std::string Encode() const;
  static absl::StatusOr<Catalogue> Decode(std::string_view bytes);
  Digest digest() const { return DigestOf(Encode()); }
  friend bool operator==(const Catalogue&, const Catalogue&) = default;

 private:
  CatalogueReply Create(Index index, CreateNamespace command, const Configuration& members);
  CatalogueReply Drop(const DropNamespace& command);

  absl::btree_map<GroupId, NamespaceInfo> namespaces_;
  GroupId next_number_{1};
  NonceTable nonces_;
};

}  // namespace quorate
