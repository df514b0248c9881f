// What clients do, and what is checked.
#include "sim/scenario/field_groups.h"
#include "sim/scenario/schedule.h"

namespace quorate::sim {
namespace {

WorkloadConfig& Work(RunConfig& c) { return c.workload; }
CheckConfig& Checks(RunConfig& c) { return c.checks; }

constexpr const char* kNames =
    R"({"anyOf":[{"const":"all"},{"type":"array","items":{"type":"string"}}]})";

void AddOps(std::vector<Field>& fields) {
  struct Op {
    const char* name;
    std::int64_t WorkloadConfig::*member;
    const char* share;
    const char* help;
  };
  const Op ops[] = {
      {"put", &WorkloadConfig::put, "40", "Share: write a value."},
      {"get", &WorkloadConfig::get, "35", "Share: linearizable read."},
      {"stale_get", &WorkloadConfig::stale_get, "3", "Share: read whatever the node has applied."},
      {"cas", &WorkloadConfig::cas, "8", "Share: compare-and-set by value."},
      {"cas_version", &WorkloadConfig::cas_version, "4", "Share: compare-and-set by version."},
      {"put_if_absent", &WorkloadConfig::put_if_absent, "3", "Share: write if there is no row."},
      {"increment", &WorkloadConfig::increment, "3", "Share: add to a number."},
      {"delete", &WorkloadConfig::del, "5", "Share: delete a row."},
      {"batch", &WorkloadConfig::batch, "3", "Share: several writes under conditions."},
      {"range", &WorkloadConfig::range, "3", "Share: rows in key order."},
      {"transfer", &WorkloadConfig::transfer, "1",
       "Share: hand the leadership of a namespace over."},
      {"drop_namespace", &WorkloadConfig::drop_namespace, "0",
       "Share: drop a namespace; it is made again under its name, empty."},
  };
  for (const Op& op : ops) {
    AddShare(fields, std::string("workload.ops.") + op.name, PerRun{Into(Work, op.member)},
             op.share, op.help);
  }
  Field& mode =
      AddShare(fields, "workload.ops.switch_mode", PerRun{[](RunConfig&, std::int64_t) {}}, "0",
               "Share: switch a namespace's mode. Only 0.");
  mode.unsupported = "not supported yet";
}

}  // namespace

void AddWorkloadFields(std::vector<Field>& fields) {
  Add(fields, "workload.clients", InOut(Work, &WorkloadConfig::clients), Number("4", 0, 1'000),
      "Clients, each with one operation under way at a time.");
  Add(fields, "workload.rate", PerRun{Into(Work, &WorkloadConfig::rate)},
      {Unit::kRate, "\"20/s\"", 1, kAnyRate}, "Operations of all clients together.");
  Add(fields, "workload.keys", PerRun{Into(Work, &WorkloadConfig::keys)},
      Number("20", 1, 1'000'000), "Keys per namespace.");
  Add(fields, "workload.skew", PerRun{Into(Work, &WorkloadConfig::skew_parts)},
      {Unit::kRatio, "0.9", 0, 4 * kWhole}, "Zipf exponent of the choice of keys; 0 = all alike.");
  Add(fields, "workload.value_bytes", PerEvent{Into(Work, &WorkloadConfig::value_bytes)},
      {Unit::kBytes, R"(["8B","64B"])", 0, 1 << 24}, "Length of a value.");
  Add(fields, "workload.timeout", InOut(Work, &WorkloadConfig::timeout_ns),
      {Unit::kDuration, "\"2s\"", Milliseconds(1).ns, kHour},
      "A client gives up after this: the outcome is unknown.");
  Add(fields, "workload.sessions", PerRun{Into(Work, &WorkloadConfig::sessions_parts)},
      Chance("0.5"), "Share of clients that open a session and send again under the same number.");
  Add(fields, "workload.retry_after", PerEvent{Into(Work, &WorkloadConfig::retry_after_ns)},
      {Unit::kDuration, R"(["100ms","500ms"])", Milliseconds(1).ns, kHour},
      "A client with a session that has no answer sends again after this.");
  Add(fields, "workload.move", PerRun{Into(Work, &WorkloadConfig::move_parts)}, Chance("0.1"),
      "Chance before each operation that the client goes to another node.");
  Add(fields, "workload.range_limit", PerRun{Into(Work, &WorkloadConfig::range_limit)},
      Number("10", 1, 1'000), "Most rows that a range asks for.");
  Add(fields, "workload.batch_size", PerRun{Into(Work, &WorkloadConfig::batch_size)},
      Number("4", 1, 100), "Most writes of a batch.");
  Add(fields, "workload.change_members", PerRun{Into(Work, &WorkloadConfig::change_members_rate)},
      {Unit::kRate, "\"0/s\"", 0, kAnyRate},
      "Orders of an administrator who makes nodes voters, learners or neither in a namespace.");
  AddOps(fields);
  AddSpecial(fields, "schedule", ScheduleSchema(),
             "What happens at a time or when a mark is reached.");
}

void AddCheckFields(std::vector<Field>& fields) {
  Field& invariants = Add(fields, "checks.invariants", InOut(Checks, &CheckConfig::invariants),
                          {Unit::kWord, "\"all\"", 0, 1}, "The invariants checked at every event.");
  invariants.words = {{"all", 1}, {"none", 0}};
  AddSpecial(fields, "checks.linearizable", kNames,
             "Namespaces whose histories must be linearizable.");
  AddSpecial(fields, "checks.converges", kNames,
             "Namespaces whose replicas must be equal at the end: all, as every one is strong.");
  Add(fields, "checks.codec", InOut(Checks, &CheckConfig::codec_parts), Chance("0.1"),
      "Share of frames that go through encoding and decoding.");
  Add(fields, "checks.search", InOut(Checks, &CheckConfig::search_parts), Chance("0.02"),
      "Share of runs with a full search for a linearization; a failing run always has one.");
  Add(fields, "checks.search_steps", InOut(Checks, &CheckConfig::search_steps),
      Number("2000000", 1, kAnyCount), "Steps of that search before it answers unknown.");
  Add(fields, "checks.determinism",
      OfScenario{[](Scenario& s, std::int64_t v) { s.determinism_parts = v; }}, Chance("0.01"),
      "Share of runs done twice, in processes that are started differently.");
  AddSpecial(fields, "marks.require",
             R"({"type":"array","uniqueItems":true,"items":{"$ref":"#/$defs/mark"}})",
             "Marks that all runs of this file together must reach.");
  Add(fields, "marks.after_runs",
      OfScenario{[](Scenario& s, std::int64_t v) { s.marks_after_runs = v; }},
      Number("100", 1, kAnyCount),
      "Required marks are asked for from this many runs of the file on.");
  AddSpecial(fields, "expect", R"({"const":"pass"})", "The verdict. Only \"pass\".");
}

}  // namespace quorate::sim
