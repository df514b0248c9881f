#!/bin/sh
# tools/dev from outside: what it says about wrong usage, and about a machine where packages are missing.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
  printf 'FAILED: %s\n' "$1"
  failures=$((failures + 1))
}
# expect CODE PATTERN ARGS... — exit code, and a line of standard output or error that matches
expect() {
  code=$1
  pattern=$2
  shift 2
  PATH=$work:$PATH "$root/tools/dev" "$@" >"$work/out" 2>"$work/err"
  found=$?
  [ "$found" -eq "$code" ] || fail "tools/dev $*: exit $found, not $code"
  cat "$work/out" "$work/err" | grep -q -- "$pattern" || fail "tools/dev $*: nothing says $pattern"
}
stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
  chmod +x "$work/$1"
}

expect 0 'usage: tools/dev' help
expect 64 'no verb "nonsense"' nonsense
expect 64 'case: needs a file' case
expect 64 'nowhere.cc: no such file' case nowhere.cc

# Nothing is installed and this is not root: one line to run, exit 69, for every verb that needs packages.
stub dpkg-query 'exit 1'
stub id 'echo 1000'
for verb in setup build test sim mutants bench lint; do
  expect 69 '^sudo apt-get update && sudo apt-get install .* libabsl-dev' "$verb"
  [ "$(cat "$work/out" "$work/err" | wc -l)" -eq 1 ] || fail "tools/dev $verb: more than one line"
done

# Root: the packages are installed; when that fails, it says so.
stub id 'echo 0'
stub apt-get 'exit 100'
expect 69 'apt-get could not install' setup

[ "$failures" -eq 0 ] && echo 'all as it should be'
exit "$failures"
