# tools/lib/case.sh — cases that quorate-sim wrote, run with the engine of this tree. Read by tools/dev after setup.sh.

# run_cases FILE... — each is one program: the engine, the codec and GoogleTest, no simulator. Exit 1 if one is red.
run_cases() {
  if [ $# -eq 0 ]; then
    printf 'tools/dev case: needs a file that quorate-sim replay --test wrote\n' >&2
    exit 64
  fi
  for file in "$@"; do
    if [ ! -f "$file" ]; then
      printf 'tools/dev case: %s: no such file\n' "$file" >&2
      exit 64
    fi
  done
  need_packages build
  configure build
  build_quietly build sim/libquorate_cases.a net/libquorate_net.a engine/libengine.a
  libraries=$(pkg-config --libs gtest_main gtest absl_btree absl_function_ref absl_inlined_vector absl_span \
    absl_status absl_statusor absl_strings)
  program=$(mktemp)
  code=0
  for file in "$@"; do
    # shellcheck disable=SC2086  # a list of words
    "${CXX:-g++}" -std=c++20 -O0 -g -I "$root" -o "$program" "$file" "$root/build/sim/libquorate_cases.a" \
      "$root/build/net/libquorate_net.a" "$root/build/engine/libengine.a" $libraries && "$program" || code=1
  done
  rm -f "$program"
  exit "$code"
}
