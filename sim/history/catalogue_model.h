// sim/history/catalogue_model.h — the namespaces, as the committed log of the system group says they must be.
//
// Model: applies entries in order, once, and remembers for ever what each did, so that it knows which namespaces
//   lived after any entry. Written on its own from the contract in engine/catalogue.h; it shares the codec and the
//   envelope with the engine and nothing else.
//   A namespace's number is one more than the last one given, whatever has become of that. A command whose nonce
//   took effect is answered with the first reply; of a node's nonces those of its last life count, in a window.
// Invariants: indexes have no gap; a namespace is born once and dropped once at most.
// Not modelled: more than `kMaxNamespaces` namespaces or nodes than the table of nonces has room for.
// Errors: none; wrong calls are assertions.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/catalogue.h"
#include "engine/raft/types.h"

namespace quorate::sim {

// What one entry did.
struct CatalogueEffect {
  enum class Kind : std::uint8_t {
    kNothing,    // no command
    kApplied,    // decided here for the first time, perhaps refused
    kRetried,    // answered as at `took_effect`
    kForgotten,  // refused: an earlier copy may have taken effect
  };
  Kind kind = Kind::kNothing;
  Index took_effect;
  std::string payload;                  // of the entry
  std::string command;                  // what of it follows the nonce
  std::optional<CatalogueReply> reply;  // nullopt: kNothing
};

class CatalogueModel {
 public:
  explicit CatalogueModel(std::size_t nonce_window);

  // Requires: index = applied + 1.
  const CatalogueEffect& Apply(Index index, const Entry& entry);

  Index applied() const { return Index(effects_.size()); }
  // nullptr: not applied yet, or index 0.
  const CatalogueEffect* At(Index index) const;

  struct Namespace {
    GroupId number;
    std::string name;
    Index born;
    std::optional<Index> dropped{};
    friend bool operator==(const Namespace&, const Namespace&) = default;
  };
  // All that ever were, by number.
  const std::vector<Namespace>& namespaces() const { return namespaces_; }
  // Those that lived after the entry at `at`, by number. Requires: at <= applied.
  std::vector<Namespace> LivingAt(Index at) const;
  // Whether it had been dropped by the entry at `at` or one before.
  bool IsGone(GroupId number, Index at) const;
  bool IsGone(GroupId number) const { return IsGone(number, applied()); }
  // Entries whose commands must be answered as before if they come once more now, ascending.
  std::vector<Index> Remembered() const;

 private:
  struct Asker {
    std::pair<Incarnation, BootNumber> life;
    std::map<SessionSeq, Index> done;
  };

  CatalogueEffect Decide(Index index, std::string_view payload);
  CatalogueReply Execute(Index index, std::string_view command);
  CatalogueReply Create(Index index, const CreateNamespace& create);
  CatalogueReply Drop(Index index, const DropNamespace& drop);

  std::uint64_t window_;
  std::vector<CatalogueEffect> effects_;  // from index 1
  std::vector<Namespace> namespaces_;
  std::map<NodeId, Asker> askers_;
};

}  // namespace quorate::sim
