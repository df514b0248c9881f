#include "sim/scenario/mark_table.h"

#include <algorithm>

#include "sim/scenario/nearest.h"
#include "sim/scenario/text.h"

namespace quorate::sim {

const std::vector<KnownMark>& KnownMarks() {
  static const auto* const marks = new std::vector<KnownMark>{
      {"candidate.cut_from_leader_only",
       "a node that was cut off from the leader, while both saw everybody else, asked for votes"},
      {"candidate.longer_log_of_older_term",
       "a node with a longer log of an older term than the voter's asked for a vote"},
      {"catalogue.retry_answered",
       "a command to the catalogue that was in the log twice was applied once and answered alike"},
      {"clock.stepped_back", "a node's wall clock jumped back"},
      {"disk.stalled_on_leader", "the disk of a node that leads stopped finishing anything"},
      {"figure8.shape",
       "a leader held entries of an older term that a quorum had and nobody had committed"},
      {"forward.resent_over_leader_change",
       "a node sent a client's request to a second leader, the first one being lost"},
      {"kv.opening_answered_again",
       "a session's opening that was in the log twice opened one session"},
      {"kv.retry_answered", "a state machine answered a repeated request from its session table"},
      {"kv.retry_answered_without_rows",
       "a state machine answered a repeated request whose reply had not stayed in full"},
      {"kv.unknown_session_refused", "a request of a session that is not there was refused"},
      {"leader.changed", "a group got another leader than its last one"},
      {"leader.resigned_for_disk", "a leader stepped down because its disk finished nothing"},
      {"log.appended_in_minority",
       "a leader appended an entry while it was cut off from so many that no quorum was left"},
      {"log.suffix_overwritten",
       "a follower gave up entries that a former leader had left with it, for those of a new one"},
      {"map.fell_back_and_replayed",
       "a node came back with less applied than it had, and applied it again"},
      {"members.change_overwritten",
       "a node gave up a configuration that its log had held, and acted by the one before again"},
      {"members.changed", "a group got other voters"},
      {"members.elected_in_joint_state", "a node was elected by both halves of a joint state"},
      {"members.joint", "a joint state was committed"},
      {"members.leader_left", "a leader made way because it votes no more"},
      {"members.promoted", "a node that had only listened became a voter"},
      {"members.returned", "a node that had been put out of a group came back"},
      {"partition.leader", "a node that leads was cut off from all others"},
      {"partition.one_way_leader", "a node that leads was cut off in one direction only"},
      {"prevote.refused_for_leader",
       "a node that hears from a leader refused to say that it would vote for another"},
      {"read.follower", "a node that does not lead answered a linearizable read"},
      {"restart.all_within_election",
       "all nodes were started again, one by one, within the time of one election"},
      {"restart.lost_suffix", "a node came back without log entries that it had written"},
      {"session.retry_answered_from_table",
       "a client's write that was in the log twice was applied once and answered alike"},
      {"snapshot.installed", "a node took over a snapshot"},
      {"snapshot.installed_after_crash",
       "a node that died in the middle of taking a snapshot over finished one later"},
      {"start.refused_without_log", "a node whose log was gone was refused when it came back"},
      {"storage.failed_and_stopped", "a node stopped because a write or a sync had failed"},
      {"transfer.aborted",
       "a leader gave up handing over after it had told the target to campaign"},
      {"transfer.aborted_target_took_term",
       "a leader gave up handing over when the target was in the new term already"},
      {"transfer.done", "a leader handed over to the node that it had chosen"},
      {"transfer.done_for_space", "a leader whose disk was full handed over"},
      {"vote.lost_unsynced", "a node came back without a vote or term that it had written"},
  };
  return *marks;
}

bool IsMark(std::string_view name) {
  const std::vector<KnownMark>& marks = KnownMarks();
  const auto at = std::lower_bound(
      marks.begin(), marks.end(), name,
      [](const KnownMark& mark, std::string_view wanted) { return mark.name < wanted; });
  return at != marks.end() && at->name == name;
}

std::string UnknownMark(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownMark& mark : KnownMarks()) names.emplace_back(mark.name);
  // Names of marks are long, and several share a beginning: more letters may be wrong.
  const std::string nearest = NearestOf(name, names, 12);
  const std::string said = name.size() > 60 ? "this" : Cat("\"", name, "\"");
  return nearest.empty() ? Cat(said, " is no mark; quorate-sim schema lists them all")
                         : Cat(said, " is no mark; \"", nearest, "\" is one");
}

}  // namespace quorate::sim
