#!/bin/sh
# The verdict on a suite whose shards have left their reports in one folder (shard.sh): FOLDER/report.json, .xml (JUnit)
# and .txt, and the table on standard output.
# usage: merge.sh FOLDER
# environment: QUORATE_SIM, the program (build/sim/quorate-sim).
# exit: that of `quorate-sim merge`: as if one machine had run everything; 64 if a shard or the folder is missing.
set -u

[ $# -eq 1 ] || {
  echo 'usage: merge.sh FOLDER' >&2
  exit 64
}
folder=$1
sim=${QUORATE_SIM:-build/sim/quorate-sim}
[ -d "$folder" ] || {
  printf 'merge.sh: no folder "%s"\n' "$folder" >&2
  exit 64
}
set -- "$folder"/shard-*.json
[ -e "$1" ] || {
  printf 'merge.sh: no shard-*.json in "%s"\n' "$folder" >&2
  exit 64
}
"$sim" merge "$@" --json "$folder/report.json" --junit "$folder/report.xml" >"$folder/report.txt"
code=$?
cat "$folder/report.txt"
exit "$code"
