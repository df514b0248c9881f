#!/bin/sh
# One shard of a suite: its report and what its failures left, in one folder (FOLDER/shard-I.json, FOLDER/out-I/).
# usage: shard.sh I N SEEDS FIRST_SEED FOLDER SCENARIO...
# environment: QUORATE_SIM, the program (build/sim/quorate-sim); JOBS, its worker processes (one a core); SHRINK, seconds
# for making the first failure of each kind small (30; 0 = not at all).
# exit: 0 if the report is complete, whatever it says. The verdict is that of all shards together (merge.sh), and a
# scheduler that runs failed tasks again must not do so because a shard found something. Else what the program ended with.
set -u

[ $# -ge 6 ] || {
  echo 'usage: shard.sh I N SEEDS FIRST_SEED FOLDER SCENARIO...' >&2
  exit 64
}
index=$1 shards=$2 seeds=$3 first_seed=$4 folder=$5
shift 5
sim=${QUORATE_SIM:-build/sim/quorate-sim}

mkdir -p "$folder" || exit 64
report=$folder/shard-$index.json
rm -f "$report" "$report.part"
# What failures of earlier seeds left would look like that of these.
rm -rf "$folder/out-$index"
echo "shard $index/$shards of $seeds seeds from $first_seed"
"$sim" run "$@" --seeds "$seeds" --first-seed "$first_seed" --shard "$index/$shards" ${JOBS:+-j "$JOBS"} \
  ${SHRINK:+--shrink "$SHRINK"} \
  --json "$report.part" --out "$folder/out-$index"
code=$?
# One that was interrupted is to be run again: its report is not that of the whole shard.
[ "$code" -ne 130 ] && [ -s "$report.part" ] || exit "$code"
mv "$report.part" "$report"
