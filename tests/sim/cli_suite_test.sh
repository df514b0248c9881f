#!/bin/sh
# The command line from outside, around a simulator that simulates nothing (fake_quorate_sim.cc).
# usage: cli_suite_test.sh FAKE_QUORATE_SIM PYTHON
set -u
unset MALLOC_PERTURB_  # a test runner's own: here it tells the second of two twins
sim=$(realpath "$1") || exit 1
python=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
# expect CODE NAME ARGS...: runs, keeps stdout in out and stderr in err
expect() {
  code=$1
  name=$2
  shift 2
  "$sim" "$@" >out 2>err
  got=$?
  [ "$got" -eq "$code" ] || { fail "$name: exit code $got, not $code"; cat out err >&2; }
}
says() { grep -qF -- "$2" "$1" || { fail "$1 does not say: $2"; cat "$1" >&2; }; }
silent() { [ ! -s "$1" ] || { fail "$1 is not empty"; cat "$1" >&2; }; }

mkdir scenarios
cat >scenarios/one.json <<'JSON'
{"format":1,"about":"One.","checks":{"determinism":0.2},"marks":{"require":["leader.changed"]}}
JSON
cat >scenarios/two.json <<'JSON'
{"format":1,"about":"Two.","checks":{"determinism":0},"marks":{"require":["figure8.shape"],"after_runs":50}}
JSON
cat >"with space.json" <<'JSON'
{"format":1,"about":"A name to be quoted.","checks":{"determinism":0}}
JSON
echo '{"format":1,"about":"Twice.","checks":{"determinism":1}}' >always.json
echo '{"format":1,"about":"x","network":{"los":1}}' >bad.json

# ---- the command line
expect 64 'no verb'; says err 'needs a verb'
expect 64 'unknown verb' fly; says err 'unknown verb "fly"'
expect 64 'unknown option' run scenarios --sedes 5; says err 'unknown option --sedes'
expect 64 'no value' run scenarios --seeds; says err '--seeds: needs a value'
expect 64 'no number' run scenarios --seeds=ten; says err '"ten" is not a number'
expect 64 'no path' run; says err 'run: needs a scenario'
expect 64 'shard' run scenarios --shard 4/4; says err '--shard'
for verb in '' run replay check schema; do
  expect 0 "help $verb" $verb --help
  says out 'quorate-sim'
done
for verb in run replay check schema; do expect 0 "help $verb" help $verb; says out 'examples'; done
expect 0 version --version; says out 'scenario format 1'
expect 0 schema schema
"$python" -c 'import json,sys; assert json.load(open("out"))["properties"]["network"]' || fail 'schema is not JSON'

# ---- files
expect 64 'bad file' run bad.json
says err 'quorate-sim: bad.json: network.los: unknown key; "loss" is one'
[ "$(wc -l <err)" -eq 1 ] || fail 'a bad file is told in one line'
expect 64 'missing file' run nothing.json; says err 'nothing.json: no such file'
mkdir empty
expect 64 'empty folder' run empty; says err 'empty: no *.json in this folder'
expect 64 'replay of a folder' replay scenarios; says err 'is a directory'

# ---- verdicts and exit codes
expect 0 pass run scenarios --seeds 10 --first-seed 100
silent_seed=$(grep -c 'seeds from 100' out); [ "$silent_seed" -eq 1 ] || fail 'the first seed is printed'
expect 0 'fresh seed' run scenarios --seeds 2; says out 'seeds from 100'
expect 1 safety run scenarios/one.json --seeds 1 --first-seed 13
says out 'FAIL safety I-7: entry 5 of <default> differs & "more" | quorate-sim replay scenarios/one.json --seed 13'
expect 2 liveness run scenarios/one.json --seeds 1 --first-seed 17
says out 'FAIL liveness LIVE-1: no leader within the bound | quorate-sim replay scenarios/one.json --seed 17'
expect 5 unknown run scenarios/one.json --seeds 1 --first-seed 29; says out 'out of budget'
expect 0 excused run scenarios/one.json --seeds 1 --first-seed 23; says out 'excused 1'
expect 70 crash run scenarios/one.json --seeds 3 --first-seed 30
says out 'FAIL crash CRASH: the process died of signal 11'
says out 'pass 2'
expect 70 assertion run scenarios/one.json --seeds 3 --first-seed 36
says out 'INVARIANT failed: seed == 0'
expect 70 exit run scenarios/one.json --seeds 1 --first-seed 41; says out 'the process ended with code 9'
expect 3 twin run always.json --seeds 1 --first-seed 43
says out 'FAIL non-determinism DETERMINISM'
expect 0 'equal twins' run always.json --seeds 5 --first-seed 0; says out 'run twice    5'
expect 124 'one run too long' run scenarios/one.json --seeds 3 --first-seed 46 --run-limit 1
says out 'stopped after 1 s'
expect 124 'all too long' run scenarios/one.json --seeds 2 --first-seed 47 --time-limit 1; says out 'OUT OF TIME'
expect 4 'mark' run scenarios/two.json --seeds 52 --first-seed 548
says out 'GATE scenarios/two.json: no run of 52 reached the mark "figure8.shape"'
expect 0 'too few runs for marks' run scenarios/two.json --seeds 49 --first-seed 548
expect 1 quoted run 'with space.json' --seeds 1 --first-seed 13; says out "replay 'with space.json' --seed 13"
expect 1 quiet run scenarios/one.json --seeds 20 --first-seed 1 -q
[ "$(grep -c . out)" -eq 2 ] || fail 'quiet tells failures only'
expect 1 'fail fast' run scenarios/one.json --seeds 100 --first-seed 1 --fail-fast -j3; says out 'runs         13 of'

# ---- results do not depend on -j
for j in 1 2 7; do
  "$sim" run scenarios --seeds 200 --first-seed 0 -j $j --run-limit 1 --json $j.json --junit $j.xml --out out$j \
    >$j.txt 2>/dev/null
  [ $? -eq 1 ] || fail "-j $j: exit code"
done
for j in 2 7; do
  for form in json xml txt; do cmp -s 1.$form $j.$form || fail "-j changes $form"; done
  diff -r out1 out$j >/dev/null || fail '-j changes the artifacts'
done
"$python" - <<'PY' || fail 'reports are not well-formed'
import json, xml.dom.minidom
report = json.load(open("1.json"))
assert report["runs"] == 200 and report["exit_code"] == 1, report
assert report["verdicts"]["safety"] == 2 and report["verdicts"]["crash"] == 6, report["verdicts"]
assert report["marks"]["leader.changed"]["runs"] > 100
assert report["missed_gates"], report
suite = xml.dom.minidom.parse("1.xml").getElementsByTagName("testsuite")[0]
assert suite.getAttribute("tests") == str(200 + len(report["missed_gates"]))
assert len(suite.getElementsByTagName("failure")) == int(suite.getAttribute("failures"))
PY
[ -s out1/safety-I-7/scenario.json ] || fail 'the scenario is kept'
grep -q 'event 1' out1/safety-I-7/trace.txt || fail 'the trace is kept'
grep -q -- '--seed 13' out1/safety-I-7/runs.txt || fail 'the runs are kept'

# ---- shards are parts of the whole
for i in 0 1 2; do "$sim" run scenarios --seeds 30 --first-seed 50 --shard $i/3 --json s$i.json >/dev/null 2>&1; done
"$sim" run scenarios --seeds 30 --first-seed 50 --json s.json >/dev/null 2>&1
"$python" - <<'PY' || fail 'shards do not add up'
import json
whole, parts = json.load(open("s.json")), [json.load(open(f"s{i}.json")) for i in range(3)]
assert whole["events"] == sum(p["events"] for p in parts)
assert whole["runs"] == 30 == sum(p["runs"] for p in parts)
PY

# ---- replay
expect 0 replay replay scenarios/one.json --seed 1 --trace; says out 'event 1'; says out 'verdict      pass'
digest=$("$sim" replay scenarios/one.json --seed 1 --digest)
expect 0 'digest' replay scenarios/one.json --seed 1 --verify "$digest"
expect 3 'other digest' replay scenarios/one.json --seed 2 --verify "$digest"; says err "not $digest"
expect 64 'no digest' replay scenarios/one.json --verify xyz
expect 1 'replay of a failure' replay scenarios/one.json --seed 13; says out 'I-7'
expect 0 history replay scenarios/one.json --seed 1 --history h.jsonl; [ -s h.jsonl ] || fail 'the history is written'
expect 64 'history of nothing' check nothing.edn

[ "$failures" -eq 0 ] || exit 1
echo ok
