#!/bin/sh
# The command line from outside, around a simulator that simulates nothing (fake_quorate_sim.cc).
# usage: cli_suite_test.sh FAKE_QUORATE_SIM PYTHON HISTORIES
set -u
unset MALLOC_PERTURB_  # a test runner's own: here it tells the second of two twins
sim=$(realpath "$1") || exit 1
python=$2
histories=$(realpath "$3") || exit 1
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
echo '{"format":1,"about":"Only transfers.","workload":{"ops":{"transfer":1}}}' >transfers.json
echo '{"format":1,"about":"Lossy.","network":{"loss":0.1},"checks":{"determinism":1}}' >lossy.json

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
says out '--markdown'
expect 0 version --version; says out '(commit 0123abcd), scenario format 1'
expect 0 schema schema
"$python" -c 'import json,sys; assert json.load(open("out"))["properties"]["network"]' || fail 'schema is not JSON'

# What cannot be done is told before anything is run, in one line on standard error.
refuses() {
  expect 64 "$@"
  silent out
  [ "$(wc -l <err)" -eq 1 ] || fail "$1: told in one line"
}
refuses 'unknown verb, nearly one' replya; says err '"replay" is one'
refuses 'unknown option, nearly one' run scenarios --seed 5; says err '--seeds is one'
refuses 'seeds: negative' run scenarios --seeds -5; says err '--seeds: "-5" is not a number'
refuses 'seeds: none' run scenarios --seeds 0; says err 'must be at least 1'
refuses 'seeds: too many' run scenarios --seeds 99999999999999999999; says err 'is more than 18446744073709551615'
refuses 'seeds: beyond the last' run scenarios --seeds 2 --first-seed 18446744073709551615; says err 'go beyond'
refuses 'seeds: all there are' run scenarios --seeds 18446744073709551615; says err 'go beyond'
refuses 'seeds: a fraction' run scenarios --seeds 1.5
refuses 'seeds: empty' run scenarios --seeds=
refuses 'first seed: negative' run scenarios --first-seed -1
refuses 'no workers' run scenarios -j0; says err '-j: must be at least 1'
refuses 'too many workers' run scenarios -j 100000; says err '-j: must be at most 1024'
refuses 'limit: too long' run scenarios --run-limit 99999999999; says err '--run-limit: must be at most'
refuses 'limit: too long' run scenarios --time-limit 18446744073709551615
refuses 'option twice' run scenarios -q -q; says err 'stands twice'
refuses 'json in no folder' run scenarios --json nowhere/x.json; says err 'nowhere/x.json: cannot be written: No such file'
refuses 'junit on a folder' run scenarios --junit scenarios; says err 'scenarios: cannot be written: Is a directory'
refuses 'out on a file' run scenarios --out always.json; says err 'always.json: cannot be made'
refuses 'out below a file' run scenarios --out always.json/x; says err 'always.json/x: cannot be made'
refuses 'both reports in one' run scenarios --json x --junit x
refuses 'history in no folder' replay scenarios/one.json --history nowhere/h
refuses 'test in no folder' replay scenarios/one.json --test nowhere/t.cc; says err 'nowhere/t.cc: cannot be written'
refuses 'version of something' --version x
refuses 'help on two' help run replay
expect 0 'last seeds' run always.json --seeds 2 --first-seed 18446744073709551614
[ ! -e x ] || fail 'a report that was only looked at is not there'
echo before >kept.json
refuses 'a report is looked at, then the other' run scenarios --json kept.json --junit nowhere/x
[ "$(cat kept.json)" = before ] || fail 'a refused run leaves reports as they were'
# A pipe that nobody writes to.
mkfifo pipe; refuses 'a pipe' run pipe; says err 'pipe: is not a regular file'
refuses 'a device' run /dev/zero; says err '/dev/zero: is not a regular file'
refuses 'no name' run ''; says err ': no such file'
mkdir -p odd/folder.json; cp always.json odd/a.json
expect 0 'a folder that is called like a scenario' run odd --seeds 1 --first-seed 1
if [ "$(id -u)" -ne 0 ]; then
  cp always.json secret.json; chmod 0 secret.json
  refuses 'not readable' run secret.json; says err 'secret.json: cannot be read: Permission denied'
fi

# ---- files
expect 64 'bad file' run bad.json
says err 'quorate-sim: bad.json: network.los: unknown key; "loss" is one'
[ "$(wc -l <err)" -eq 1 ] || fail 'a bad file is told in one line'
expect 64 'missing file' run nothing.json; says err 'nothing.json: no such file'
mkdir empty
expect 64 'empty folder' run empty; says err 'empty: no *.json in this folder'
expect 64 'replay of a folder' replay scenarios; says err 'is a directory'

# ---- what is left out
refuses 'a check that is none' run scenarios --ignore-check I-99; says err '--ignore-check: "I-99" is no check; "I-9" is one'
refuses 'an empty list of checks' run scenarios --ignore-check=
refuses 'a fault that is none' run scenarios --without network.los; says err '"network.los" is no fault of a scenario; "network.loss" is one'
refuses 'what is no fault' replay scenarios/one.json --without cluster.nodes
refuses 'nothing left' run transfers.json --without workload.ops.transfer
says err 'transfers.json: workload.ops: all shares may be 0'
expect 0 'a check that is passed over' run scenarios/one.json --seeds 1 --first-seed 13 --ignore-check LIVE-1,I-7
says out 'left out     --ignore-check I-7,LIVE-1'; says out 'violations passed over'
expect 1 'another check is not' run scenarios/one.json --seeds 1 --first-seed 13 --ignore-check I-8 --without clocks
says out "one.json --seed 13 --ignore-check I-8 --without clocks  # commit 0123abcd"
expect 0 'the same in a replay' replay scenarios/one.json --seed 13 --ignore-check I-7; says out 'violations passed over'
expect 0 'a twin leaves out the same' run lossy.json --seeds 3 --first-seed 1 --ignore-check I-7 --without network.loss --json left.json
"$python" - <<'PY' || fail 'a report says what was left out'
import json
report = json.load(open("left.json"))
assert report["left_out"] == ["--ignore-check", "I-7", "--without", "network.loss"], report["left_out"]
assert report["run_twice"] == 3 and report["injected"]["network.drop"] == 0, report
PY

# ---- verdicts and exit codes
expect 0 pass run scenarios --seeds 10 --first-seed 100
silent_seed=$(grep -c 'seeds from 100' out); [ "$silent_seed" -eq 1 ] || fail 'the first seed is printed'
expect 0 'fresh seed' run scenarios --seeds 2; says out 'seeds from 100'
expect 1 safety run scenarios/one.json --seeds 1 --first-seed 13
says out "FAIL safety I-7: entry 5 of <default> differs & \"more\" | $sim replay $work/scenarios/one.json --seed 13  # commit 0123abcd, scenario "
(cd / && eval "$(sed -n 's/^FAIL .* | //p' "$work/out")" >"$work/again" 2>&1); says again 'I-7'
expect 2 liveness run scenarios/one.json --seeds 1 --first-seed 17
says out "FAIL liveness LIVE-1: no leader within the bound | $sim replay $work/scenarios/one.json --seed 17"

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
says out 'event 2 is the first to differ: "2 0.000000500 gets 85" and "2 0.000000500 gets 170"'
expect 0 'equal twins' run always.json --seeds 5 --first-seed 0; says out 'run twice    5'
expect 124 'one run too long' run scenarios/one.json --seeds 3 --first-seed 46 --run-limit 1
says out 'stopped after 1 s'
expect 124 'all too long' run scenarios/one.json --seeds 2 --first-seed 47 --time-limit 1; says out 'OUT OF TIME'
expect 4 'mark' run scenarios/two.json --seeds 52 --first-seed 548
says out 'GATE scenarios/two.json: no run of 52 reached the mark "figure8.shape"'
expect 4 'mark, quietly' run scenarios/two.json --seeds 52 --first-seed 548 -q
[ "$(cat out)" = 'GATE scenarios/two.json: no run of 52 reached the mark "figure8.shape"' ] || fail 'said quietly, too'
expect 0 'too few runs for marks' run scenarios/two.json --seeds 49 --first-seed 548
expect 1 quoted run 'with space.json' --seeds 1 --first-seed 13; says out "replay '$work/with space.json' --seed 13"
(cd / && eval "$(sed -n 's/^FAIL .* | //p' "$work/out")" >"$work/again" 2>&1); says again 'I-7'
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
grep -q '1 0.000000000 starts' out1/safety-I-7/trace.txt || fail 'the trace is kept'
grep -q -- '--seed 13' out1/safety-I-7/runs.txt || fail 'the runs are kept'
story=out1/crash-CRASH/story.txt
says $story 'CRASH: the process died of signal 11'; says $story 'Not made smaller'
[ "$(tail -1 $story)" = 'It left no trace.' ] || grep -q '^The last that happened' $story || fail 'what it left'
grep -q 'EngineReplay replay' out1/safety-I-7/engine_case.cc || fail 'the case is kept'

# ---- an end before the end
"$sim" run scenarios/one.json --seeds 40 --first-seed 10 -j3 --json i.json >out 2>err &
pid=$!
sleep 1.5
kill -INT $pid
wait $pid
[ $? -eq 1 ] || fail 'interrupted, but a failure was found before'
says out 'INTERRUPTED'
"$python" -c 'import json; j = json.load(open("i.json")); assert j["interrupted"] and 0 < j["runs"] < 40, j' ||
  fail 'what was done before is told'
"$sim" run scenarios/one.json --seeds 5 --first-seed 47 -j2 -q --out i >out 2>err &
pid=$!
sleep 1
kids=$(pgrep -P $pid)
[ -n "$kids" ] || fail 'there are workers'
kill -TERM $pid
wait $pid
[ $? -eq 130 ] || fail 'interrupted'
for kid in $kids; do ! kill -0 "$kid" 2>/dev/null || fail 'a worker is left behind'; done
"$sim" run scenarios --seeds 40 --first-seed 100 --json p.json --run-limit 1 2>err | head -1 >out
says out 'runs'; [ -s p.json ] || fail 'the report is written whoever reads the table'
if [ -w /dev/full ]; then
  "$sim" schema >/dev/full 2>err; [ $? -eq 64 ] || fail 'a full disk is noticed'
  says err 'standard output cannot be written'
  "$sim" run always.json --seeds 1 --first-seed 1 --json /dev/full >out 2>err
  [ $? -eq 64 ] || fail 'a report on a full disk is noticed'
  says err '/dev/full: cannot be written'
fi
expect 0 'more workers than runs' run always.json --seeds 3 --first-seed 1 -j 1000; says err 'with 3 workers'

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
expect 0 replay replay scenarios/one.json --seed 1 --trace; says out '1 0.000000000 starts'; says out 'verdict      pass'
digest=$("$sim" replay scenarios/one.json --seed 1 --digest)
expect 0 'digest' replay scenarios/one.json --seed 1 --verify "$digest"
expect 3 'other digest' replay scenarios/one.json --seed 2 --verify "$digest"; says err "not $digest"
expect 64 'no digest' replay scenarios/one.json --verify xyz
expect 1 'replay of a failure' replay scenarios/one.json --seed 13; says out 'I-7'
expect 0 test replay scenarios/one.json --seed 1 --test t.cc; says t.cc 'IsRepeated)'
expect 0 history replay scenarios/one.json --seed 1 --history h.jsonl; [ -s h.jsonl ] || fail 'the history is written'
cp scenarios/one.json own.json
for what in --history --test; do
  expect 64 "replay $what over the scenario" replay own.json --seed 1 $what ./own.json; says err './own.json: is what is read'
done
for what in --json --junit; do
  expect 64 "run $what over the scenario" run own.json --seeds 1 $what own.json; says err 'own.json: is what is read'
done
cmp -s own.json scenarios/one.json || fail 'a scenario was written over'

# ---- check: the label of a history is in its name
expect 64 'history of nothing' check nothing.edn
for history in "$histories"/*; do
  case $history in
  *_pass.*) expect 0 "$history" check "$history"; says out ': linearizable (' ;;
  *_fail.*) expect 1 "$history" check "$history"; says out ': violation (' ;;
  *_refused.*)
    expect 64 "$history" check "$history"; silent out
    says err "$history: line "
    [ "$(wc -l <err)" -eq 1 ] || fail "$history is not refused in one line"
    ;;
  *) fail "$history has no label" ;;
  esac
done

[ "$failures" -eq 0 ] || exit 1
echo ok
