# tools/lib/gate.sh — what must hold before a change lands. Read by tools/dev after setup.sh.
#
# Each step is a function; `step` runs it, times it and notes the result. The gate goes on after a failed
# step, so that one run shows everything, and ends with one line: `N passed, N failed`.

gate_dir=$root/build-gate  # not in build/, which is made anew when its options change

# step NAME FUNCTION — counts as one check; a function that counts its own cases writes them to $gate_dir/cases.
step() {
  name=$1
  shift
  printf '\n== %s\n' "$name"
  begun=$(date +%s)
  rm -f "$gate_dir/cases"
  set +e
  (
    set -e
    "$@"
  )
  code=$?
  set -e
  seconds=$(($(date +%s) - begun))
  if [ -f "$gate_dir/cases" ]; then
    read -r passed failed <"$gate_dir/cases"
    [ "$code" -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
  elif [ "$code" -eq 0 ]; then
    passed=1 failed=0
  else
    passed=0 failed=1
  fi
  word=ok
  [ "$failed" -eq 0 ] || word=FAILED
  printf '%-7s %-42s %5d passed %4d failed %5d s\n' "$word" "$name" "$passed" "$failed" "$seconds" >>"$gate_dir/table"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  printf -- '-- %s: %s (%d s)\n' "$name" "$word" "$seconds"
}

# The first seed of this commit's fresh runs: the same commit repeats them, the next one tries others.
commit_seed() {
  "$root/tools/ci/seed_of_commit.sh" 2>/dev/null || echo 1
}

check_format() {
  sources | xargs -0 clang-format-14 --dry-run -Werror
}

check_scripts() {
  sh -n "$root/tools/dev"
  for script in "$root"/tools/lib/*.sh "$root"/tools/ci/*.sh; do sh -n "$script"; done
  bash -n "$root/.ci/run"
  if command -v shellcheck >/dev/null 2>&1; then
    shellcheck --exclude=SC1090,SC1091,SC2034,SC2154 -s sh "$root/tools/dev" "$root"/tools/lib/*.sh "$root"/tools/ci/*.sh
  fi
  for script in "$root"/tools/lib/*.py "$root"/tests/layers/*.py "$root"/tests/tools/*.py; do
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])' "$script"
  done
}

build_all() {
  configure build
  build_quietly build
}

# run_suites FOLDER ARG... — `meson test`, with GoogleTest's cases counted one by one.
run_suites() {
  folder=$1
  shift
  reports=$gate_dir/reports
  rm -rf "$reports"
  mkdir -p "$reports"
  code=0
  REPORTS=$reports meson test -C "$root/$folder" --no-rebuild --print-errorlogs --no-stdsplit \
    --wrapper "$root/tools/lib/with_report.sh" "$@" || code=$?
  python3 "$root/tools/lib/count_cases.py" "$root/$folder/meson-logs/testlog-with_report.sh.json" "$reports" >"$gate_dir/cases"
  return "$code"
}

test_suites() {
  run_suites build
}

simulate_smoke() {
  cd "$root"
  build/sim/quorate-sim run scenarios/smoke --seeds 2000 --first-seed "$(commit_seed)" -j2
}

# Those of the nightly recipes: a share of their seeds, so that they still run and pass.
simulate_nightly() {
  cd "$root"
  build/sim/quorate-sim run scenarios/nightly --seeds 200 --first-seed "$(commit_seed)" -j2
}

simulate_regress() {
  cd "$root"
  build/sim/quorate-sim run scenarios/regress --seeds 250 --first-seed 1 -j2
}

# Incidents of record (docs/outages.md): each must be reached and survived.
simulate_outages() {
  cd "$root"
  build/sim/quorate-sim run scenarios/outages --seeds 1600 --first-seed "$(commit_seed)" -j2
}

# By Clang, so that both compilers see the whole tree with warnings as errors.
sanitizers() {
  CXX=clang++-14 configure build-asan -Db_sanitize=address,undefined -Doptimization=1 -Ddebug=true
  build_quietly build-asan
  ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-14)
  export ASAN_SYMBOLIZER_PATH
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    run_suites build-asan --suite unit --suite step --suite golden --suite fuzz --timeout-multiplier 5
  cd "$root"
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    build-asan/sim/quorate-sim run scenarios/smoke --seeds 60 --first-seed "$(commit_seed)" -j2
}

# The same seeds, built by another compiler and at other levels: the digests must be equal.
twins() {
  CXX=clang++-14 configure build-clang -Doptimization=3 -Ddebug=false
  configure build-o0 -Doptimization=0 -Ddebug=false
  build_quietly build-clang sim/quorate-sim
  build_quietly build-o0 sim/quorate-sim
  cd "$root"
  python3 tools/lib/compare_builds.py --seeds 64 --first-seed "$(commit_seed)" \
    build/sim/quorate-sim build-clang/sim/quorate-sim build-o0/sim/quorate-sim
}

mutants_apply() {
  cd "$root"
  python3 tools/lib/mutants.py --check --program build/sim/quorate-sim
}

run_gate() {
  need_packages build check
  mkdir -p "$gate_dir"
  : >"$gate_dir/table"
  total_passed=0
  total_failed=0
  step 'format' check_format
  step 'scripts' check_scripts
  step 'build: g++ -O2' build_all
  step 'tests: every suite' test_suites
  step 'simulation: smoke, seeds of this commit' simulate_smoke
  step 'simulation: nightly, seeds of this commit' simulate_nightly
  if ls "$root"/scenarios/regress/*.json >/dev/null 2>&1; then
    step 'simulation: every regression' simulate_regress
  fi
  step 'simulation: outages of record' simulate_outages
  step 'mutants: patches apply, schedules pass' mutants_apply
  step 'clang++ -O1, sanitizers: address, undefined' sanitizers
  step 'determinism: g++ -O2, clang++ -O3, g++ -O0' twins
  printf '\n== gate\n'
  cat "$gate_dir/table"
  printf '\n%d passed, %d failed\n' "$total_passed" "$total_failed"
  [ "$total_failed" -eq 0 ]
}

# run_benches [NAME...] [--OPTION...] — each benchmark under tests/bench, or those named.
run_benches() {
  names=''
  options=''
  for word in "$@"; do
    case $word in
      -*) options="$options $word" ;;
      *) names="$names $word" ;;
    esac
  done
  known=''
  for file in "$root"/tests/bench/*_bench.cc; do
    [ ! -f "$file" ] || known="$known $(basename "$file" _bench.cc)"
  done
  for name in $names; do
    case "$known " in
      *" $name "*) ;;
      *)
        printf 'tools/dev bench: no benchmark "%s"; there are:%s\n' "$name" "$known" >&2
        exit 64
        ;;
    esac
  done
  for name in ${names:-$known}; do
    build_quietly build-release "tests/bench/${name}_bench"
    printf '\n== %s\n' "$name"
    # shellcheck disable=SC2086  # a list of words
    (cd "$root" && "build-release/tests/bench/${name}_bench" $options)
  done
}
