// sim/history/catalogue_check.h — the catalogue of every node, and what clients are told of it, against the model.
//
// Model: the entries of the system group are taken down as nodes write them to their logs. The first node that
//   has applied one shows that it is committed; the model takes it then. From there on
//     state       the namespaces that a node knows are those of the model after the same entry;
//     memory      a copy of a command that took effect is answered as the first one was, whatever happened to
//                 the node or the namespace since: a copy of the node's catalogue is asked, so that it
//                 is found wherever it was forgotten, not only where a copy happens to come;
//     replies     stand at an entry that is the client's own command, decided there for the first time, say what
//                 the model says, and lie behind all that was shown when the command was first sent;
//     refusals    a node that has applied a drop takes no request of that namespace any more.
// Reported ids: SCAN-2 a catalogue that is not what the log makes · I-50 a copy that takes effect, or is answered
//   otherwise · LIN-1, LIN-2, LIN-3 replies, as for operations · I-15 an entry applied that was not written here ·
//   ANSWER-3 a request that was not refused.
// Duties of the world: `OnWritten` before `OnApplied` of the same node; `OnApplied` before any reply that rests on it.
// Threads: none. Errors: violations go to `Verdicts`.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "engine/effect.h"
#include "engine/record.h"
#include "sim/check/violation.h"
#include "sim/history/catalogue_model.h"

namespace quorate::sim {

class CatalogueCheck {
 public:
  // `verdicts` must outlive this.
  CatalogueCheck(std::size_t nonce_window, Verdicts& verdicts)
      : model_(nonce_window), window_(nonce_window), verdicts_(verdicts) {}

  // A node asks for these entries of the system group to be written.
  void OnWritten(Index first, std::span<const Entry> entries);
  // The node's catalogue is that after entry `applied`, now. `term`: of an entry that the node has written, be it gone
  // from its log since; nullopt: there is none.
  void OnApplied(NodeId node, Index applied, const Catalogue& catalogue,
                 absl::FunctionRef<std::optional<Term>(Index)> term);

  // A client sends a command for the first time: the greatest index that anybody was shown.
  Index shown() const { return shown_; }
  struct Told {
    std::string command;
    Index shown;   // when it was sent first
    Index serial;  // of the answer
    CatalogueReply reply;
  };
  void OnReply(const Told& told);
  // The node answers a request that came when it had applied the system group up to `applied`.
  void OnAnswer(NodeId node, GroupId group, Index applied, const Outcome& outcome);

  // Somebody has applied its drop.
  bool IsGone(GroupId group) const { return model_.IsGone(group); }
  const CatalogueModel& model() const { return model_; }

 private:
  void CheckMemory(NodeId node, Index applied, Catalogue copy);

  CatalogueModel model_;
  std::size_t window_;
  Verdicts& verdicts_;
  // By whomever: two entries of one index and one term are the same (I-4).
  std::map<std::pair<Index, Term>, Entry> written_;
  Index shown_;
};

}  // namespace quorate::sim
