#!/bin/sh
# Shrinking from outside, around a simulator that simulates nothing (fake_quorate_sim.cc): what a deadline, an
# interruption, and candidates that die or never end do to it.
# usage: cli_shrink_test.sh FAKE_QUORATE_SIM PYTHON
set -u
unset MALLOC_PERTURB_
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
# expect CODE NAME ARGS...: runs, keeps stdout in out and stderr in err, and how many seconds it took in took
expect() {
  code=$1
  name=$2
  shift 2
  begun=$(date +%s%N)
  "$sim" "$@" >out 2>err
  got=$?
  took=$((($(date +%s%N) - begun) / 100000000))  # tenths
  [ "$got" -eq "$code" ] || { fail "$name: exit code $got, not $code"; cat out err >&2; }
}
says() { grep -qF -- "$2" "$1" || { fail "$1 does not say: $2"; cat "$1" >&2; }; }
# waits COMMAND...: until it is so, for half a minute at most
waits() {
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "still not: $*"
}
within() { [ "$took" -le "$2" ] || fail "$1: took $took tenths of a second, not $2"; }
# holds FILE PYTHON: an expression of the file's JSON, as j
holds() { "$python" -c "import json,sys; j = json.load(open('$1')); assert $2, j" || fail "$1: $2"; }
operations='len(j["script"]["operations"])'

for ending in plain slow loop crash never dies; do
  echo "{\"format\":1,\"name\":\"shrinkable.$ending\",\"about\":\"x\",\"checks\":{\"determinism\":0}}" >$ending.json
done
echo '{"format":1,"name":"shrinkable../../../evil","about":"x"}' >evil.json

# ---- what is not needed goes, and the result needs no seed
expect 1 plain shrink plain.json --seed 5 --deadline 20 -j2 --to small.json
says out 'I-7 is violated'; says out '2 operations, 0 faults'; says out 'nothing smaller is known'; says out 'No faults.'
says out 'The last that happened'; says out "small.json; it needs no seed: $sim replay small.json"
holds small.json "$operations == 2"
holds small.json 'all(o["key"] == "k" for o in j["script"]["operations"])'
expect 1 'of its own result' shrink small.json --deadline 20 -j2
[ -e small-shrunk.shrunk.json ] || [ -e shrinkable.plain-shrunk.shrunk.json ] || fail 'the name of the result of a result'
[ "$(wc -l <err)" -ge 1 ] || fail 'progress is told without a terminal, too'
expect 1 quiet shrink plain.json --deadline 20 -j2 -q --to small.json; [ ! -s err ] || fail 'quiet tells no progress'
expect 64 'nothing to shrink' shrink small.json --ignore-check I-7; says err 'does not fail (pass)'
expect 1 'another check is not looked at' shrink plain.json --deadline 20 --ignore-check I-9 --to small.json
says out 'replay small.json --ignore-check I-9'; says out 'Looked at with --ignore-check I-9'
expect 64 'a check that is none' shrink plain.json --ignore-check I-999
# A name leads nowhere else.
mkdir -p a/b/c; cd a/b/c || exit 1
expect 1 'a name with folders' shrink ../../../evil.json --deadline 20
says out 'shrunk.json'; cd "$work" || exit 1
[ "$(find . -name '*evil*.shrunk.json')" = ./a/b/c/shrinkable..___..___..__evil.shrunk.json ] || find . -name '*evil*.shrunk.json' | grep -q '^./a/b/c/[^/]*$' ||
  fail 'a name leads to another folder'

# ---- candidates that die or never end do no harm
expect 1 'candidates that die' shrink crash.json --deadline 20 -j2 --to small.json
holds small.json "$operations == 10"; says out '10 operations'
expect 1 'candidates that never end' shrink loop.json --deadline 8 -j2 --to small.json
within 'candidates that never end' 110
holds small.json "10 <= $operations <= 20"
expect 64 'a run that dies' shrink dies.json --to small.json; says err 'the process died of signal 11'

# ---- a deadline holds whatever a run takes
expect 124 'a run longer than the deadline' shrink never.json --deadline 2 -j1 --to none.json
within 'a run longer than the deadline' 45; says err 'did not end within 2 s'; [ ! -e none.json ] || fail 'nothing is written'
expect 1 'slow runs' shrink slow.json --deadline 5 -j1 --to small.json
within 'slow runs' 80; says out 'the time was out before all was tried'
expect 1 'one slow run' shrink slow.json --deadline 3 -j1 --to small.json
within 'one slow run' 55; says out 'The time was out before it was run once more'

# ---- an interruption is heard at once, and what there is is told
# begin ARGS...: in the background, as $pid. What the last one said goes first: it would be taken for this one's.
begin() {
  rm -f out err
  "$sim" "$@" >out 2>err &
  pid=$!
}
interrupted() {
  name=$1
  code=$2
  shift 2
  begin "$@"
  waits grep -q '^shrink: ' err
  sleep 0.5
  begun=$(date +%s%N)
  kill -INT $pid
  wait $pid
  got=$?
  took=$((($(date +%s%N) - begun) / 100000000))
  [ "$got" -eq "$code" ] || { fail "$name: exit code $got, not $code"; cat out err >&2; }
  within "$name" 25
}
interrupted 'in the first run' 130 shrink never.json --deadline 60 -j1 --to none.json; says err 'interrupted'
interrupted 'in a candidate' 130 shrink loop.json --deadline 60 -j1 --to small.json
says out 'the time was out before all was tried'; [ -s small.json ] || fail 'what there is is written'
# Killed: what was smallest stands there.
rm -f small.json
begin shrink loop.json --deadline 60 -j1 --to small.json
smaller() { "$python" -c "import json; j = json.load(open('small.json')); assert $operations < 40"; }
waits smaller
kill -KILL $pid
wait $pid 2>/dev/null
holds small.json "$operations < 40"

# ---- run
expect 1 'a suite shrinks' run plain.json --seeds 3 --first-seed 1 --out failures --shrink 20
says out 'FAIL safety I-7'; says out 'safety-I-7 shrunk to'; says out 'failures/safety-I-7/story.txt'
[ "$(grep -c '^FAIL' out)" -eq 3 ] || fail 'each failure is told once'
holds failures/safety-I-7/shrunk.json "$operations == 2"
holds failures/safety-I-7/resolved.json "$operations == 40"
for file in story.txt shrunk.trace.txt shrunk.history.jsonl shrunk.engine_case.cc; do
  [ -s failures/safety-I-7/$file ] || fail "$file is there"
done
# What is not made smaller has a story of the run as it was.
expect 1 'not shrunk' run plain.json --seeds 3 --first-seed 1 --out failures --shrink 0
story=failures/safety-I-7/story.txt
says $story 'I-7 is violated, at event'; says $story 'What should hold: '; says $story 'Not made smaller'
says $story '/plain.json --seed 1 '; says $story 'The last that happened'
[ "$(tail -1 $story)" = '  3 0.1 ends' ] || fail 'a story ends with the last event'
[ ! -e failures/safety-I-7/shrunk.json ] || fail 'what another run left is taken away'
# What failed is told before it is shrunk, whatever happens then.
begin run never.json --seeds 1 --first-seed 1 --out failures --shrink 60 -j1
waits grep -q '^shrink: ' err
kill -KILL $pid
wait $pid 2>/dev/null
says out 'FAIL safety I-7'
interrupted 'while a suite shrinks' 1 run never.json --seeds 2 --first-seed 1 --out failures --shrink 60 -j1
says out 'INTERRUPTED: not all that failed was traced and shrunk'; says out 'runs         2 of'
! grep -q 'INTERRUPTED: 2 of' out || fail 'all runs were made'
# Of what another run left.
echo '{"format":1,"about":"Passes.","checks":{"determinism":0}}' >passes.json
expect 0 'a run that passes' run passes.json --seeds 1 --first-seed 1 --out failures
says err 'failures/safety-I-7: was there before, and is of another run'
# Eight kinds are enough.
mkdir kinds
for i in 1 2 3 4 5 6 8 9 10 11; do
  echo "{\"format\":1,\"name\":\"shrinkable.$i\",\"about\":\"x\",\"checks\":{\"determinism\":0}}" >kinds/$i.json
done
expect 1 'many kinds' run kinds --seeds 10 --first-seed 1 --shrink 3 --out many
says err '2 more kinds of failures were not shrunk: 8 at most'
[ "$(grep -c 'shrunk to' out)" -eq 8 ] || fail 'eight kinds are shrunk'

[ "$failures" -eq 0 ] || exit 1
echo ok
