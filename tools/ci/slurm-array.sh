#!/bin/sh
#SBATCH --job-name=quorate
#SBATCH --cpus-per-task=4
#SBATCH --time=02:00:00
# A suite as a Slurm array: one task a shard, and one job behind all of them that merges.
#
# usage, in a checkout on a file system that all machines share, with the program built there (tools/dev build):
#   tools/ci/slurm-array.sh             of a change: the seed is that of the commit
#   tools/ci/slurm-array.sh --nightly   fresh seeds, and scenarios/nightly besides
# environment: SHARDS (8), SEEDS (100000), SCENARIOS (scenarios/smoke; nightly scenarios/nightly, too), FOLDER (out/slurm), FIRST_SEED (as above),
#   QUORATE_SIM (build/sim/quorate-sim).
# It prints the seed and the number of the job that merges; that job ends with the verdict of the suite, and
# FOLDER holds report.json, report.xml (JUnit), report.txt, and what failures left (out-*/).
set -eu

folder=${FOLDER:-out/slurm}

case ${1-} in
  shard)
    # Reads what Slurm says about the task.
    JOBS=${SLURM_CPUS_PER_TASK-}
    export JOBS
    # shellcheck disable=SC2086  # a list of words
    exec tools/ci/shard.sh "$SLURM_ARRAY_TASK_ID" "$SHARDS" "$SEEDS" "$FIRST_SEED" "$folder" $SCENARIOS
    ;;
  merge)
    exec tools/ci/merge.sh "$folder"
    ;;
  --nightly) drawn=$(tools/ci/seed_of_commit.sh --fresh) usual='scenarios/smoke scenarios/nightly' ;;
  '') drawn=$(tools/ci/seed_of_commit.sh) usual=scenarios/smoke ;;
  *)
    echo 'usage: tools/ci/slurm-array.sh [--nightly]' >&2
    exit 64
    ;;
esac

FIRST_SEED=${FIRST_SEED:-$drawn}
SHARDS=${SHARDS:-8}
SEEDS=${SEEDS:-100000}
SCENARIOS=${SCENARIOS:-$usual}
export FIRST_SEED SHARDS SEEDS SCENARIOS
mkdir -p "$folder"
# Of an earlier suite in this folder, which may have had more shards.
rm -f "$folder"/shard-*.json "$folder"/report.json "$folder"/report.xml "$folder"/report.txt
for old in "$folder"/out-[0-9]*; do rm -rf "$old"; done
echo "$SEEDS seeds from $FIRST_SEED in $SHARDS shards: $SCENARIOS"
shards=$(sbatch --parsable --array="0-$((SHARDS - 1))" --output="$folder/shard-%a.log" "$0" shard)
# Whatever the shards ended with: what is missing is told by the merge.
merge=$(sbatch --parsable --dependency="afterany:${shards%%;*}" --cpus-per-task=1 \
  --output="$folder/merge.log" "$0" merge)
echo "job ${merge%%;*} merges into $folder"
