#include "sim/world/administrator.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {
namespace {

constexpr std::uint32_t kTries = 4;

}  // namespace

bool AskToChange(Machine& machine, GroupId group, const ChangeMembersAction& change) {
  if (!machine.serving() || machine.paused()) return false;
  const Raft* raft = machine.replica()->group(group);
  if (raft == nullptr) return false;
  ChangeConfiguration order{.group = group, .changes = {}, .transition = change.transition};
  for (const NodeId node : change.voters) order.changes.push_back({ChangeKind::kAddVoter, node});
  for (const NodeId node : change.learners)
    order.changes.push_back({ChangeKind::kAddLearner, node});
  for (const NodeId node : change.removed) order.changes.push_back({ChangeKind::kRemove, node});
  order.expected_epoch = change.epoch.value_or(raft->configuration().epoch);
  machine.Order(order);
  return true;
}

Administrator::Administrator(Shared& shared, std::vector<std::unique_ptr<Machine>>& machines,
                             Clients& clients)
    : shared_(shared),
      machines_(machines),
      clients_(clients),
      when_(shared.seed, "members.when", kWholeRun),
      where_(shared.seed, "members.where", kWholeRun),
      detail_(shared.seed, "members.detail", kWholeRun) {}

void Administrator::Start() {
  const std::int64_t rate = shared_.config.workload.change_members_rate;
  if (rate <= 0 || shared_.nodes < 2 || shared_.config.script) return;
  const std::int64_t mean = std::max<std::int64_t>(1, 1'000'000'000'000'000 / rate);
  gap_ = Dist{DistKind::kExp, 0, mean, mean * 8};
  WaitAgain(shared_.config.time.warm_up_ns);
}

void Administrator::WaitAgain(std::int64_t from) {
  const std::int64_t at = std::max(from + when_.From(gap_), shared_.now());
  if (at >= shared_.config.time.horizon_ns) return;
  Event event;
  event.kind = EventKind::kAdministrator;
  shared_.queue.Push(at, event);
}

Machine* Administrator::LeaderOf(GroupId group) {
  Machine* leader = nullptr;
  Term term;
  for (const std::unique_ptr<Machine>& machine : machines_) {
    if (!machine->Leads(group)) continue;
    const Term its = machine->replica()->group(group)->term();
    if (leader != nullptr && its <= term) continue;
    leader = machine.get();
    term = its;
  }
  return leader;
}

void Administrator::OnEvent() {
  if (shared_.now() >= shared_.config.time.horizon_ns) return;
  WaitAgain(shared_.now());
  if (wish_ && AskAgain()) return;
  wish_.reset();
  // Mostly where the clients are.
  const std::uint64_t bits = where_.Bits();
  const std::size_t count = shared_.config.namespaces.size();
  const std::size_t name_space =
      Below(bits, 2) == 0 ? 0 : static_cast<std::size_t>(Below(Mix(bits), count));
  const std::optional<GroupId> group = clients_.GroupOf(name_space);
  if (!group) return;
  const NodeId other(static_cast<std::uint32_t>(1 + where_.Below(shared_.nodes)));
  const std::uint64_t who = where_.Below(16);
  Machine* asked = LeaderOf(*group);
  Machine* seen = asked;
  if (who == 0) asked = machines_[shared_.EndpointOf(other)].get();
  if (who <= 1) seen = machines_[shared_.EndpointOf(other)].get();
  if (asked == nullptr || !seen->serving()) return;
  const Raft* raft = seen->replica()->group(*group);
  if (raft == nullptr) return;
  std::optional<ChangeMembersAction> change = Draw(raft->configuration());
  if (!change) return;
  change->name_space = shared_.config.namespaces[name_space].name;
  change->epoch = raft->configuration().epoch;
  if (*change->epoch > 0 && detail_.Below(16) == 0) change->epoch = *change->epoch - 1;
  wish_ = Wish{*group, *std::move(change)};
  Ask(*asked, *wish_);
}

// What was not carried out, although nothing else was.
bool Administrator::AskAgain() {
  Wish& wish = *wish_;
  Machine* leader = LeaderOf(wish.group);
  if (++wish.tries >= kTries || leader == nullptr) return false;
  if (leader->replica()->group(wish.group)->configuration().epoch != wish.change.epoch)
    return false;
  Ask(*leader, wish);
  return true;
}

std::optional<ChangeMembersAction> Administrator::Draw(const Configuration& now) {
  ChangeMembersAction change;
  const std::uint64_t kind = detail_.Below(8);
  // To be left by order; and now and then somebody orders that although nobody has to.
  if (now.joint() ? kind < (now.auto_leave ? 2 : 6) : kind == 7 && detail_.Below(4) == 0)
    return change;
  NodeSet voters = now.incoming;
  const std::uint64_t count = 1 + detail_.Below(3) * detail_.Below(2);
  for (std::uint64_t i = 0; i < count; ++i) DrawOne(now, change, voters);
  if (change.voters.empty() && change.learners.empty() && change.removed.empty())
    return std::nullopt;
  static constexpr Transition kWays[] = {Transition::kAuto, Transition::kAuto,
                                         Transition::kJointImplicit, Transition::kJointExplicit};
  change.transition = kWays[detail_.Below(4)];
  return change;
}

void Administrator::DrawOne(const Configuration& now, ChangeMembersAction& change,
                            NodeSet& voters) {
  const NodeId node(static_cast<std::uint32_t>(1 + detail_.Below(shared_.nodes)));
  const std::uint64_t how = detail_.Below(8);
  for (const std::vector<NodeId>* list : {&change.voters, &change.learners, &change.removed}) {
    if (std::find(list->begin(), list->end(), node) != list->end()) return;
  }
  if (Contains(now.incoming, node)) {
    // A group that has become small grows again, mostly.
    const bool few = 2 * (voters.size() - 1) <= shared_.nodes;
    if (few && how > 1) return;
    (how % 2 == 0 ? change.learners : change.removed).push_back(node);
    Remove(voters, node);
  } else if (how == 7) {
    change.removed.push_back(node);
  } else if (Contains(now.learners, node) || how == 6) {
    change.voters.push_back(node);
  } else {
    change.learners.push_back(node);
  }
}

void Administrator::Ask(Machine& machine, const Wish& wish) {
  if (!machine.serving() || machine.paused()) return;
  const Raft* raft = machine.replica()->group(wish.group);
  if (raft == nullptr) return;
  ChangeMembersAction change = wish.change;
  change.node = machine.id();
  // In what is written down it stands only if it says something: so a change can be left out before this one.
  if (change.epoch == raft->configuration().epoch) change.epoch.reset();
  if (shared_.recording != nullptr) shared_.recording->Add(shared_.now(), change, 0);
  shared_.injected.Add("members.change");
  if (shared_.trace.textual()) {
    std::string text = "the administrator asks " + NodeName(machine.id()) + " of group " +
                       std::to_string(wish.group.value()) + ":";
    const auto say = [&text](const char* what, const std::vector<NodeId>& nodes) {
      for (const NodeId node : nodes) text += " " + NodeName(node) + what;
    };
    say(" votes", change.voters);
    say(" listens", change.learners);
    say(" goes", change.removed);
    shared_.trace.Say(text);
  }
  AskToChange(machine, wish.group, change);
}

}  // namespace quorate::sim
