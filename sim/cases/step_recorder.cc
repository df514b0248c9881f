#include "sim/cases/step_recorder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/raft/show.h"
#include "sim/cases/codec.h"

namespace quorate::sim {

void StepRecorder::OnStart(Now now) { Add(now, recovered_); }
void StepRecorder::OnInput(Now now, const Input& input) { Add(now, input); }

void StepRecorder::Add(Now now, std::variant<Recovered, Input> given) {
  if (verdicts_.found()) return;  // what comes now did not lead to it
  RecordedStep step;
  step.event = verdicts_.event();
  step.node = recovered_.identity.node;
  step.now = now;
  step.given = std::move(given);
  run_.steps.push_back(std::move(step));
  open_ = true;
}

void StepRecorder::OnStepped(const Replica& replica) {
  if (!std::exchange(open_, false)) return;
  RecordedStep& step = run_.steps.back();
  step.done = true;
  step.effects = DigestOfEffects(replica.last_effects());
  step.state = replica.StateDigest();
  step.changed = Changes(replica);
}

std::string StepRecorder::Changes(const Replica& replica) {
  std::string text;
  for (const GroupId group : replica.touched()) {
    const Raft* raft = replica.group(group);
    if (raft == nullptr) continue;
    const Seen now{raft->role(), raft->term(), raft->log().last(), raft->commit()};
    Seen& before = seen_[group];
    if (now == before) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", Show(group));
    if (now.role != before.role || now.term != before.term)
      absl::StrAppend(&text, " ", NameOf(now.role), " t", now.term.value());
    if (now.last != before.last) absl::StrAppend(&text, " last=", Show(now.last));
    if (now.commit != before.commit) absl::StrAppend(&text, " commit=", now.commit.value());
    before = now;
  }
  if (replica.stopped()) absl::StrAppend(&text, text.empty() ? "" : "; ", "stopped");
  return text;
}

}  // namespace quorate::sim
