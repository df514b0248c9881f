#!/bin/sh
# Cases as quorate-sim writes them, compiled: one that is still as it was is red, the others are not.
# usage: case_test.sh PROGRAM, built of violated.cc, mended.cc and elsewhere.cc (case_maker.cc)
set -u
program=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
  echo "FAILED: $1" >&2
  cat "$work/out" >&2
  failures=$((failures + 1))
}
# expect CODE TEXT SUITE — the suite's one test ends so and says so
expect() {
  GTEST_OUTPUT='' "$program" --gtest_filter="$3.*" >"$work/out" 2>&1
  code=$?
  [ "$code" -eq "$1" ] || fail "$3: exit code $code, not $1"
  grep -qF -- "$2" "$work/out" || fail "$3 does not say: $2"
  grep -qF -- 'Running 1 test' "$work/out" || fail "$3 is not one test"
}
expect 1 'I-1 is to hold: at most one leader a term and group.' 'ViolatedSeed*'
expect 1 'The engine does at all ' 'ViolatedSeed*'
expect 0 '[       OK ] MendedSeed' 'MendedSeed*'
expect 0 '[  SKIPPED ] ElsewhereSeed' 'ElsewhereSeed*'
expect 0 'The engine goes another way since step ' 'ElsewhereSeed*'
exit "$failures"
