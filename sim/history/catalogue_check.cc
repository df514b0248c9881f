#include "sim/history/catalogue_check.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/match.h"

namespace quorate::sim {
namespace {

std::string Render(const std::string& bytes) {
  const absl::StatusOr<CatalogueCommand> command = DecodeCatalogueCommand(bytes);
  if (!command.ok()) return "a malformed command";
  return std::visit(
      Match{[](const CreateNamespace& c) { return absl::StrCat("create '", c.name, "'"); },
            [](const DropNamespace& c) { return absl::StrCat("drop ", c.number.value()); }},
      *command);
}

std::string Render(const CatalogueReply& reply) {
  return absl::StrCat("status ", static_cast<int>(reply.status), ", number ", reply.number.value());
}

std::string Render(const std::vector<CatalogueModel::Namespace>& namespaces) {
  std::string text;
  for (const CatalogueModel::Namespace& one : namespaces)
    absl::StrAppend(&text, text.empty() ? "" : ", ", one.number.value(), " '", one.name, "' of ",
                    one.born.value());
  return text;
}

}  // namespace

void CatalogueCheck::OnWritten(Index first, std::span<const Entry> entries) {
  Index at = first;
  for (const Entry& entry : entries) {
    if (at > model_.applied()) written_.emplace(std::pair(at, entry.term), entry);
    at = Next(at);
  }
}

void CatalogueCheck::OnApplied(NodeId node, Index applied, const Catalogue& catalogue,
                               absl::FunctionRef<std::optional<Term>(Index)> term) {
  while (model_.applied() < applied) {
    const Index next = Next(model_.applied());
    const std::optional<Term> of = term(next);
    const auto entry = of ? written_.find({next, *of}) : written_.end();
    if (!verdicts_.Expect(Check::kApplyOrder, entry != written_.end(), [&] {
          return absl::StrCat("n", node.value(), " applies entry ", next.value(),
                              " of the system group, which it has not written");
        })) {
      return;
    }
    model_.Apply(next, entry->second);
  }
  written_.erase(written_.begin(), written_.lower_bound({Next(model_.applied()), Term()}));

  std::vector<CatalogueModel::Namespace> found;
  for (const auto& [number, info] : catalogue.namespaces())
    found.push_back({number, info.name, info.born});
  std::vector<CatalogueModel::Namespace> expected = model_.LivingAt(applied);
  for (CatalogueModel::Namespace& one : expected) one.dropped.reset();
  verdicts_.Expect(Check::kLogMakesState, found == expected, [&] {
    return absl::StrCat("n", node.value(), " knows the namespaces ", Render(found), " after entry ",
                        applied.value(), " of the system group, which makes ", Render(expected));
  });
  if (applied == model_.applied()) CheckMemory(node, applied, catalogue);
}

// Copies of all commands, in the order of the log: none of them may move anything.
void CatalogueCheck::CheckMemory(NodeId node, Index applied, Catalogue copy) {
  for (const Index first : model_.Remembered()) {
    const CatalogueEffect& effect = *model_.At(first);
    const Catalogue::Applied again =
        copy.ApplyEntry(Next(applied), effect.payload, Configuration{}, window_);
    if (!verdicts_.Expect(
            Check::kExactlyOnce, again.took_effect == first && again.reply == effect.reply, [&] {
              return absl::StrCat("n", node.value(), " after entry ", applied.value(),
                                  " of the system group: a copy of ", Render(effect.command),
                                  ", which took effect at index ", first.value(), " (",
                                  Render(*effect.reply), "), would take effect at index ",
                                  again.took_effect.value(), " (", Render(again.reply), ")");
            })) {
      return;
    }
  }
}

void CatalogueCheck::OnReply(const Told& told) {
  const auto what = [&] {
    return absl::StrCat(Render(told.command), " was answered: ", Render(told.reply), ", at index ",
                        told.serial.value());
  };
  const CatalogueEffect* effect = model_.At(told.serial);
  const bool own = effect != nullptr && effect->reply && effect->command == told.command;
  if (!verdicts_.Expect(Check::kSerialPlace, own,
                        [&] { return what() + ", where no such command is committed"; })) {
    return;
  }
  verdicts_.Expect(Check::kExactlyOnce, effect->kind == CatalogueEffect::Kind::kApplied, [&] {
    return absl::StrCat(what(), ", but it took effect at index ", effect->took_effect.value());
  });
  verdicts_.Expect(Check::kSerialReply, told.reply == *effect->reply,
                   [&] { return absl::StrCat(what(), ", it must be ", Render(*effect->reply)); });
  verdicts_.Expect(Check::kSerialTime, told.serial > told.shown, [&] {
    return absl::StrCat(what(), ", but index ", told.shown.value(),
                        " had been shown before it was sent");
  });
  shown_ = std::max(shown_, told.serial);
}

void CatalogueCheck::OnAnswer(NodeId node, GroupId group, Index applied, const Outcome& outcome) {
  if (!model_.IsGone(group, applied)) return;
  verdicts_.Expect(Check::kDroppedRefused, outcome.kind == OutcomeKind::kNotApplied, [&] {
    return absl::StrCat("n", node.value(), " takes a request of namespace ", group.value(),
                        " though it has applied its drop, and answers ",
                        outcome.kind == OutcomeKind::kDone ? "done" : "unknown");
  });
}

}  // namespace quorate::sim
