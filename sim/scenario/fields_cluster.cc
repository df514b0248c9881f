// The general keys, the cluster and its options, the budget of faults.
#include <array>

#include "sim/scenario/field_groups.h"
#include "sim/scenario/schedule.h"
#include "sim/scenario/script_text.h"

namespace quorate::sim {
namespace {

TimeConfig& Time(RunConfig& c) { return c.time; }
ClusterConfig& Cluster(RunConfig& c) { return c.cluster; }

// An option of the engine: its default is the engine's own.
template <class Member>
void AddOption(std::vector<Field>& fields, const char* name, Unit unit, Member Options::*member,
               std::int64_t low, const char* help) {
  const auto value = static_cast<std::int64_t>(Options{}.*member);
  Add(fields, std::string("cluster.options.") + name,
      PerRun{[member](RunConfig& c, std::int64_t v) {
               c.cluster.options.*member = static_cast<Member>(v);
             },
             [member](const RunConfig& c) {
               return static_cast<std::int64_t>(c.cluster.options.*member);
             }},
      {unit, Render(unit, value), low, unit == Unit::kBytes ? kGiB : kAnyCount}, help);
}
void AddOption(std::vector<Field>& fields, const char* name, Duration Options::*member,
               const char* help) {
  Add(fields, std::string("cluster.options.") + name,
      PerRun{[member](RunConfig& c, std::int64_t v) { c.cluster.options.*member = Duration{v}; },
             [member](const RunConfig& c) { return (c.cluster.options.*member).ns; }},
      {Unit::kDuration, Render(Unit::kDuration, (Options{}.*member).ns), Milliseconds(1).ns, kHour},
      help);
}
void AddLimit(std::vector<Field>& fields, const char* name, Unit unit,
              std::size_t KvLimits::*member, const char* help) {
  const auto value = static_cast<std::int64_t>(KvLimits{}.*member);
  Add(fields, std::string("cluster.options.") + name,
      PerRun{[member](RunConfig& c, std::int64_t v) {
               c.cluster.options.kv.*member = static_cast<std::size_t>(v);
             },
             [member](const RunConfig& c) {
               return static_cast<std::int64_t>(c.cluster.options.kv.*member);
             }},
      {unit, Render(unit, value), 1, unit == Unit::kBytes ? kGiB : kAnyCount}, help);
}

void AddTimingOptions(std::vector<Field>& fields) {
  AddOption(fields, "heartbeat", &Options::heartbeat,
            "A leader that has nothing to say speaks this often.");
  const Options defaults;
  Add(fields, "cluster.options.election_timeout", PerEvent{[](RunConfig& c, Dist v) {
        c.cluster.options.election_timeout_min =
            Duration{v.kind == DistKind::kFixed ? v.mean : v.min};
        c.cluster.options.election_timeout_max =
            Duration{v.kind == DistKind::kFixed ? v.mean : v.max};
      }},
      {Unit::kDuration,
       "[" + Render(Unit::kDuration, defaults.election_timeout_min.ns) + "," +
           Render(Unit::kDuration, defaults.election_timeout_max.ns) + "]",
       Milliseconds(1).ns, kHour},
      "[shortest, longest] time without a leader before a campaign; the shortest is at least two "
      "heartbeats, the longest at least a quarter longer where there are several nodes.");
  AddOption(fields, "resend", &Options::resend, "What was not answered is sent again after this.");
  AddOption(fields, "request_timeout", &Options::request_timeout,
            "A node answers a request as unknown after this, where the client set no time; at "
            "least twice the longest election timeout.");
  Field& pre_vote =
      Add(fields, "cluster.options.pre_vote", YesOrNo{[](RunConfig&, bool) {}},
          {Unit::kWord, "true", 0, 0}, "Candidates ask before they campaign. Always on.");
  pre_vote.unsupported = "only true: pre-vote is always on";
}

void AddOptions(std::vector<Field>& fields) {
  AddTimingOptions(fields);
  AddOption(fields, "max_append_entries", Unit::kCount, &Options::max_append_entries, 1,
            "Entries in one message to a follower.");
  AddOption(fields, "max_append_bytes", Unit::kBytes, &Options::max_append_bytes, 1,
            "Bytes in one message to a follower; a larger single entry still goes.");
  AddOption(fields, "max_inflight_messages", Unit::kCount, &Options::max_inflight_messages, 1,
            "Unanswered messages with entries, per follower and group.");
  AddOption(fields, "max_inflight_bytes", Unit::kBytes, &Options::max_inflight_bytes, 1,
            "Bytes in unanswered messages, per follower and group.");
  AddOption(fields, "max_unapplied_bytes", Unit::kBytes, &Options::max_unapplied_bytes, 1,
            "Proposals are refused beyond this much of a leadership's log that is not applied; a "
            "larger single entry still goes.");
  AddOption(fields, "max_apply_entries", Unit::kCount, &Options::max_apply_entries, 1,
            "Entries applied in one piece.");
  AddOption(fields, "max_apply_bytes", Unit::kBytes, &Options::max_apply_bytes, 1,
            "Bytes applied in one piece; a larger single entry still goes.");
  AddOption(fields, "log_cache_entries", Unit::kCount, &Options::log_cache_entries, 0,
            "Durable entries kept in memory per group.");
  AddOption(fields, "log_cache_bytes", Unit::kBytes, &Options::log_cache_bytes, 0,
            "Bytes of durable entries kept in memory per group.");
  AddOption(fields, "snapshot_every", Unit::kCount, &Options::snapshot_every, 1,
            "Entries between compactions of the log.");
  AddOption(fields, "log_keep", Unit::kCount, &Options::log_keep, 0,
            "Entries kept behind the compaction for slow followers.");
  AddOption(fields, "max_view_age", Unit::kCount, &Options::max_view_age, 1,
            "A state that is being sent is given up once it is so many times snapshot_every old.");
  AddOption(fields, "snapshot_chunk_bytes", Unit::kBytes, &Options::snapshot_chunk_bytes, 1,
            "Bytes of rows in one chunk of a snapshot.");
  AddOption(fields, "max_requests", Unit::kCount, &Options::max_requests, 1,
            "Client requests under way at a node.");
  AddOption(fields, "max_reads_per_round", Unit::kCount, &Options::max_reads_per_round, 1,
            "Reads confirmed by one round of heartbeats.");
  AddOption(fields, "max_parked_requests", Unit::kCount, &Options::max_parked_requests, 0,
            "Requests that wait for a namespace not known here yet.");
  AddOption(fields, "max_lent_sessions", Unit::kCount, &Options::max_lent_sessions, 1,
            "Sessions that a node lends, per group, to clients that bring none.");
  AddLimit(fields, "max_key_bytes", Unit::kBytes, &KvLimits::max_key_bytes, "Longest key.");
  AddLimit(fields, "max_value_bytes", Unit::kBytes, &KvLimits::max_value_bytes, "Longest value.");
  AddLimit(fields, "max_batch_operations", Unit::kCount, &KvLimits::max_batch_operations,
           "Conditions and writes of one batch.");
  AddLimit(fields, "max_batch_bytes", Unit::kBytes, &KvLimits::max_batch_bytes,
           "Bytes of one batch.");
  AddLimit(fields, "max_range_rows", Unit::kCount, &KvLimits::max_range_rows,
           "Rows in one answer to a range.");
  AddLimit(fields, "max_range_bytes", Unit::kBytes, &KvLimits::max_range_bytes,
           "Bytes in one answer to a range.");
  AddLimit(fields, "max_sessions", Unit::kCount, &KvLimits::max_sessions,
           "Sessions of a namespace; then the least recently used goes.");
  AddLimit(fields, "session_window", Unit::kCount, &KvLimits::session_window,
           "Sequence numbers that a session remembers with their answers.");
  AddLimit(fields, "session_window_bytes", Unit::kBytes, &KvLimits::session_window_bytes,
           "Bytes of answers that a session remembers.");
  AddLimit(fields, "nonce_window", Unit::kCount, &KvLimits::nonce_window,
           "Openings of sessions that a node has under way at once, per group.");
}

void AddTime(std::vector<Field>& fields) {
  Add(fields, "time.warm_up", InOut(Time, &TimeConfig::warm_up_ns), Span("\"500ms\""),
      "Before this nothing goes wrong by chance: no fault begins, no single frame or operation of "
      "a disk is spoiled.");
  Add(fields, "time.horizon", InOut(Time, &TimeConfig::horizon_ns),
      {Unit::kDuration, "\"10s\"", Milliseconds(1).ns, 24 * kHour},
      "End of warm-up and chaos together; then a core is healed and has to converge.");
  Add(fields, "time.serve", InOut(Time, &TimeConfig::serve_ns), Span("\"500ms\""),
      "Clients go on for this long on the healed core.");
  Field& every =
      AddMtbf(fields, "time.quiet.every", PerRun{Into(Time, &TimeConfig::quiet_every_ns)},
              "During chaos a quiet window begins this often.");
  every.help +=
      " Faults that came by chance end as it begins, even if they were to last longer; in it none "
      "begins, no frame is lost, doubled, spoiled, overtaken or held up by the tail, and no "
      "operation of a disk fails, lies or finds a row spoiled. Latencies, capacities and the drift "
      "of clocks stay as they are, and so does what the schedule says.";
  Add(fields, "time.quiet.for", PerRun{Into(Time, &TimeConfig::quiet_for_ns)}, Span("\"1s\""),
      "Length of a quiet window.");
}

}  // namespace

void AddGeneralFields(std::vector<Field>& fields) {
  AddSpecial(fields, "format", R"({"const":1})", "Version of this format.");
  AddSpecial(fields, "name", R"({"type":"string","minLength":1,"maxLength":100})",
             "Short name; the name of the file if there is none.");
  AddSpecial(fields, "about", R"({"type":"string","minLength":1,"maxLength":1000})",
             "One sentence of story. Required.");
  AddSpecial(fields, "resolved", R"({"enum":[0,1]})",
             "1: nothing is left to chance, `script` says everything that a seed would decide.");
  AddSpecial(
      fields, "script", ScriptSchema(),
      "Of a resolved scenario: links, disks, clocks, deviations from them, operations, and who is "
      "healed. Made by `quorate-sim shrink` and `quorate-sim resolve`.");
  AddTime(fields);
}

void AddClusterFields(std::vector<Field>& fields) {
  Add(fields, "cluster.nodes", InOut(Cluster, &ClusterConfig::nodes), Number("3", 1, 9),
      "Nodes, all of them voters.");
  Field& learners = Add(fields, "cluster.learners", PerRun{[](RunConfig&, std::int64_t) {}},
                        Number("0", 0, 9), "Nodes that do not vote. Only 0.");
  learners.unsupported = "not supported yet";
  Add(fields, "cluster.zones", PerRun{Into(Cluster, &ClusterConfig::zones)}, Number("3", 1, 9),
      "Node n stands in zone (n - 1) mod zones; see process.crash.zone.");
  AddOptions(fields);
  AddSpecial(
      fields, "cluster.namespaces",
      R"({"type":"array","maxItems":32,"items":{"type":"object","additionalProperties":false,)"
      R"("required":["name"],"properties":{"name":{"type":"string","pattern":"^[a-z][a-z0-9._-]{0,63}$"},)"
      R"("mode":{"enum":["strong"]}}}})",
      "Namespaces besides \"default\", which is always there. Only strong ones yet.");
  Add(fields, "cluster.extra_namespaces", PerRun{Into(Cluster, &ClusterConfig::extra_namespaces)},
      Number("0", 0, 32), "That many more namespaces: \"extra1\", \"extra2\", ….");
}

}  // namespace quorate::sim
