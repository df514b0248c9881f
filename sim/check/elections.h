// sim/check/elections.h — what a node owes the others in elections, judged step by step.
//
// Model: `Invariants` see that nobody is elected wrongly; here it is seen that nobody disturbs or delays an
//   election without a reason. A campaign begins only by a pre-vote that was won or by a leader's order, and one
//   that is won is taken; a refusal tells the truth; who hears its leader asks for no votes and gives none; a
//   leader leaves when it must and not otherwise, and speaks as one only as long; nobody leads or campaigns on a
//   disk that stands still; nothing but what may move an election timer moves it; who is told of a later term
//   takes it, and who speaks of an earlier one is told.
//   The memory is of its own, one entry a node and group, and is lost with the process, as the engine's is.
// Invariants checked: I-3, 19–22.
// Time: monotonic clocks of the nodes, as `OnClock` tells them. Without it, nothing is said about spans.
// Limits: a frame with several messages for a group is judged only where their order does not matter.
// Cost: O(groups touched + messages + effects) a step. Threads: one.
#pragma once
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/time.h"
#include "engine/effect.h"
#include "engine/input.h"
#include "engine/options.h"
#include "sim/check/group_view.h"
#include "sim/check/violation.h"

namespace quorate::sim {

class Elections {
 public:
  // `verdicts` must outlive this.
  Elections(Verdicts& verdicts, const Options& options);

  // The process is a new one: what the last one knew is gone.
  void OnBoot(NodeId node);
  // The node's monotonic clock at the steps that follow.
  void OnClock(NodeId node, MonoTime now);
  // After a step. `input` is nullptr at the start of a process.
  void OnStep(NodeId node, std::span<const GroupView> touched, const Input* input,
              const Effects& effects);

 private:
  struct Asked {  // the campaign under way
    Campaign campaign;
    VoteKind kind = VoteKind::kPreVote;
    Term proposed;
    NodeSet granted;      // by others
    PersistSeq own_vote;  // the write that holds the candidate's own vote
  };
  struct Heard {  // the leader of `term`
    NodeId leader;
    Term term;
    MonoTime at;
  };
  struct Seat {  // one group at one node, as it was after its step before
    GroupId group;
    bool known = false;
    Term term;
    Role role = Role::kFollower;
    bool led_until_now = false;  // in the step being looked at
    MonoTime leads_since;
    Index configured;           // where the configuration stands that it leads by
    MonoTime configured_since;  // and since when that is so
    EntryId last;
    MonoTime deadline = kNever;  // of its election timer
    Asked asked;
    Heard heard;
    MonoTime patient_since;                                    // when its timer was last set
    absl::InlinedVector<std::pair<NodeId, MonoTime>, 8> seen;  // leading: when each was heard from
  };
  struct Node {
    bool clock_known = false;
    MonoTime now;
    PersistSeq durable;                                  // as far as the engine was told
    std::deque<std::pair<PersistSeq, MonoTime>> writes;  // the others, and when they were asked for
    std::vector<Seat> seats;
    std::vector<std::pair<NodeId, LinkSession>> links;
  };
  struct StepOf {
    NodeId id;
    Node& node;
    const Input* input;
    const FrameReceived* frame;  // nullptr: another input, or of a link that is over
    const Effects& effects;
    bool wakes;
  };

  void NoteWrites(Node& node, const Input* input, const Effects& effects);
  void NoteLinks(Node& node, const Input& input);
  void NoteGrants(const StepOf& step, Seat& seat);
  void NoteCampaign(const StepOf& step, const GroupView& view, Seat& seat);
  void NoteTimer(const StepOf& step, const GroupView& view, Seat& seat);
  void NoteContacts(const StepOf& step, const GroupView& view, Seat& seat);

  void CheckCampaign(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckWon(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckOrder(const StepOf& step, const GroupView& view);
  void CheckWords(const StepOf& step, std::span<const GroupView> touched);
  void CheckFollows(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckLeaving(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckContact(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckTimer(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckChance(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckMessages(const StepOf& step, const GroupView& view, const Seat& seat);
  void CheckAnswered(const StepOf& step, const GroupView& view, const Seat& seat,
                     const PeerMessage& message);
  void CheckVerdict(const StepOf& step, const GroupView& view, const Seat& seat,
                    const VoteRequest& request);
  void CheckRefusal(const StepOf& step, const GroupView& view, const Seat& seat,
                    const VoteRequest& request, DropReason reason);

  // Whether it heard a leader of its term, another one than `but`, so lately that it must stand by it.
  bool HearsLeader(const Node& node, const Seat& seat, NodeId but) const;
  // Whether its oldest write has been waiting for more than the least election timeout and `more`.
  bool IsStalled(const Node& node, Duration more) const;
  Seat& SeatOf(Node& node, GroupId group);
  Node& At(NodeId node);
  template <class What>
  void Expect(Check check, const StepOf& step, const GroupView& view, bool holds, const What& what);

  // Election timeouts of a group that were drawn lately, by whatever node.
  struct Drawn {
    GroupId group;
    std::deque<Duration> spans;
    int repeats = 0;
  };

  Verdicts& verdicts_;
  Options options_;
  std::deque<Node> nodes_;  // by node id
  std::vector<Drawn> drawn_;
};

}  // namespace quorate::sim
