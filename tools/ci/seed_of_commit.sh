#!/bin/sh
# The first seed of a suite.
# usage: seed_of_commit.sh [COMMIT]   of a change: made from the commit's id (HEAD), so that building it again repeats
#                                     the same runs, and the next commit tries others
#        seed_of_commit.sh --fresh    of a nightly run: another one each time. Print it: it is all that repeats the run
# exit: 64 if there is no such commit.
set -eu

if [ "${1-}" = --fresh ]; then
  # Nine digits at most, like those that quorate-sim draws itself.
  bits=$(od -A n -N 4 -t u4 /dev/urandom | tr -d ' ')
  echo $((bits % 1000000000))
  exit 0
fi
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
commit=${1-HEAD}
# What is an id already need not be known here: a shallow clone may not have it.
case $commit in
  *[!0-9a-f]* | '') id=$(git -C "$root" rev-parse --verify --quiet "$commit^{commit}") || id='' ;;
  *) id=$commit ;;
esac
if [ "${#id}" -lt 8 ]; then
  printf 'seed_of_commit.sh: no commit "%s"\n' "$commit" >&2
  exit 64
fi
printf '%d\n' "0x$(printf '%.8s' "$id")"
