#!/bin/sh
# Shards and `quorate-sim merge` from outside, around a simulator that simulates nothing (fake_quorate_sim.cc).
# usage: cli_shards_test.sh FAKE_QUORATE_SIM
set -u
unset MALLOC_PERTURB_  # a test runner's own: here it tells the second of two twins
sim=$(realpath "$1") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
says() { grep -qF -- "$2" "$1" || { fail "$1 does not say: $2"; cat "$1" >&2; }; }
# refuses NAME ARGS...: exit code 64, one line on standard error, nothing on standard output
refuses() {
  name=$1
  shift
  "$sim" "$@" >out 2>err
  got=$?
  [ "$got" -eq 64 ] || { fail "$name: exit code $got, not 64"; cat out err >&2; }
  [ ! -s out ] || fail "$name: something on standard output"
  [ "$(wc -l <err)" -eq 1 ] || { fail "$name: told in one line"; cat err >&2; }
}

mkdir scenarios
cat >scenarios/one.json <<'JSON'
{"format":1,"about":"One.","checks":{"determinism":0.2},"marks":{"require":["leader.changed"]}}
JSON
cat >scenarios/two.json <<'JSON'
{"format":1,"about":"Two.","checks":{"determinism":0.05},"marks":{"require":["figure8.shape"],"after_runs":20}}
JSON

# shards N ARGS...: runs N shards, each with a number of workers of its own, and merges them backwards
shards() {
  n=$1
  shift
  rm -f shard-*.json
  list=
  i=0
  while [ "$i" -lt "$n" ]; do
    "$sim" run scenarios "$@" --run-limit 1 --shrink 0 --shard "$i/$n" -j $((i % 3 + 1)) --json "shard-$i.json" >"shard-$i.txt" 2>/dev/null
    echo $? >"shard-$i.code"
    list="shard-$i.json $list"
    i=$((i + 1))
  done
  # shellcheck disable=SC2086  # a list of words
  "$sim" merge $list --json merged.json --junit merged.xml >merged.txt 2>err
  merged=$?
}
# equal NAME CODE N ARGS...: N shards are as the whole, which ends with CODE
equal() {
  name=$1
  code=$2
  n=$3
  shift 3
  "$sim" run scenarios "$@" --run-limit 1 --shrink 0 -j2 --json whole.json --junit whole.xml >whole.txt 2>/dev/null
  whole=$?
  [ "$whole" -eq "$code" ] || fail "$name: the whole ends with $whole, not $code"
  shards "$n" "$@"
  [ "$merged" -eq "$code" ] || { fail "$name: the merge of $n ends with $merged, not $code"; cat err >&2; }
  for form in json xml txt; do
    cmp -s whole.$form merged.$form || { fail "$name: $n shards are another $form"; diff whole.$form merged.$form | head >&2; }
  done
}

# ---- equal to the whole
for n in 1 2 3 7; do equal 'all is well' 0 $n --seeds 30 --first-seed 148; done
equal 'more shards than runs' 0 8 --seeds 5 --first-seed 148
# Failures of every kind, some of them done twice, and a run that takes for ever.
for n in 2 5; do equal 'much fails' 1 $n --seeds 60 --first-seed 0; done
equal 'more failures than are done twice' 1 3 --seeds 600 --first-seed 548
equal 'liveness' 2 3 --seeds 12 --first-seed 114
equal 'unknown' 5 2 --seeds 4 --first-seed 126
equal 'a crash' 70 2 --seeds 3 --first-seed 130

# A mark that is required and that one run alone reaches: no shard fails for it, nor does the whole.
equal 'a mark of one run' 0 4 --seeds 52 --first-seed 4248
for i in 0 1 2 3; do [ "$(cat shard-$i.code)" -eq 0 ] || fail "shard $i fails for a mark of another one"; done
says shard-0.txt 'shard        0/4: marks and excuses are judged by `quorate-sim merge`'
# One that no run reaches: the whole fails, and no shard by itself.
equal 'a mark of no run' 4 4 --seeds 52 --first-seed 548
for i in 0 1 2 3; do [ "$(cat shard-$i.code)" -eq 0 ] || fail "shard $i judges a mark"; done
says merged.txt 'GATE scenarios/two.json: no run of 26 reached the mark "figure8.shape"'
"$sim" merge shard-*.json -q >quiet.txt 2>err
[ $? -eq 4 ] || fail 'a merge that misses a mark, quietly'
[ "$(cat quiet.txt)" = 'GATE scenarios/two.json: no run of 26 reached the mark "figure8.shape"' ] || fail 'it is said'

# ---- refused
good=$(printf 'shard-%d.json ' 0 1 2 3)
# shellcheck disable=SC2086
{
  refuses 'no report' merge; says err 'merge: needs the reports of all shards'
  refuses 'no such report' merge nothing.json; says err 'nothing.json: no such file'
  refuses 'a folder' merge scenarios; says err 'scenarios: is a directory'
  refuses 'no report' merge scenarios/one.json; says err 'scenarios/one.json: is no report of quorate-sim'
  refuses 'a whole suite' merge whole.json; says err 'whole.json: is the report of a whole suite, not of a shard'
  refuses 'one is missing' merge shard-0.json shard-1.json shard-3.json; says err 'a shard is missing: 2/4'
  refuses 'one is there twice' merge $good shard-2.json; says err 'shard-2.json: is given twice'
  cp shard-2.json again.json
  refuses 'one is there twice' merge $good again.json; says err 'is shard 2/4, as '
  head -c 3000 shard-1.json >cut.json
  refuses 'one is cut off' merge shard-0.json cut.json shard-2.json shard-3.json
  says err 'cut.json: is no report: cut off, or not JSON'
  "$sim" run scenarios --seeds 52 --first-seed 549 --shard 1/4 --json other.json >out 2>err
  refuses 'another first seed' merge shard-0.json other.json shard-2.json shard-3.json
  says err 'other.json: is of another suite than shard-0.json: the first seed is 549, not 548'
  "$sim" run scenarios --seeds 53 --first-seed 548 --shard 1/4 --json other.json >out 2>err
  refuses 'another number of seeds' merge shard-0.json other.json; says err '53 seeds, not 52'
  "$sim" run scenarios --seeds 52 --first-seed 548 --shard 1/5 --json other.json >out 2>err
  refuses 'another number of shards' merge shard-0.json other.json; says err '5 shards, not 4'
  sed 's/"about":"One."/"about":"1."/' scenarios/one.json >scenarios/new && mv scenarios/new scenarios/one.json
  "$sim" run scenarios --seeds 52 --first-seed 548 --shard 1/4 --json other.json >out 2>err
  refuses 'another scenario' merge shard-0.json other.json; says err 'another text of scenario scenarios/one.json'
  refuses 'a report in no folder' merge $good --json nowhere/x.json; says err 'nowhere/x.json: cannot be written'
  cp shard-0.json before.json
  refuses 'an input as the report' merge $good --json ./shard-0.json
  says err './shard-0.json: is one of the reports to be merged'
  cmp -s shard-0.json before.json || fail 'what is merged is not written over'
  refuses 'an input as the report' merge $good --junit shard-0.json
  refuses 'both reports in one' merge $good --json x --junit x
  refuses 'an unknown option' merge $good --out x; says err 'unknown option --out'
}
for shard in 5/4 4/4 -1/4 a/b 1 0/0 1/ /4; do
  refuses "shard $shard" run scenarios --first-seed 1 --shard "$shard"
  says err '--shard'
done
refuses 'shards of fresh seeds' run scenarios --shard 0/4; says err '--shard: needs --first-seed'

[ "$failures" -eq 0 ] || exit 1
echo ok
