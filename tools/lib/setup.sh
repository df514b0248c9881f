# tools/lib/setup.sh — packages and build folders. Read by tools/dev; needs $root.

# Objects are shared between checkouts and copies of the tree.
export CCACHE_NOHASHDIR=1
[ -n "${HOME-}${CCACHE_DIR-}" ] || export CCACHE_DIR="$root/build/ccache"

# What each set needs: `package`, or `package:command` where the command alone is enough.
packages_build='g++:g++ pkg-config:pkg-config meson:meson ninja-build:ninja ccache:ccache lld:ld.lld
  python3:python3 binutils:nm libabsl-dev librocksdb-dev nlohmann-json3-dev libgtest-dev librapidcheck-dev libbenchmark-dev'
packages_check='git:git clang-14:clang++-14 libclang-rt-14-dev llvm-14:llvm-symbolizer-14 clang-format-14:clang-format-14'

is_installed() {
  case $1 in
    *:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    *) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
  esac
}

# need_packages SET... — installs what is missing; without root says how and exits 69.
need_packages() {
  missing=''
  for set in "$@"; do
    case $set in
      build) wanted=$packages_build ;;
      check) wanted=$packages_check ;;
    esac
    for package in $wanted; do
      is_installed "$package" || missing="$missing ${package%%:*}"
    done
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    printf 'sudo apt-get update && sudo apt-get install -y --no-install-recommends%s\n' "$missing"
    exit 69
  fi
  printf 'tools/dev: installing%s\n' "$missing" >&2
  # shellcheck disable=SC2086  # a list of words
  {
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
  } >&2 || {
    printf 'tools/dev: apt-get could not install%s\n' "$missing" >&2
    exit 69
  }
}

# configure FOLDER [OPTION...] — a build folder under $root; set up again when its options changed.
# CXX names the compiler (g++ unless given).
configure() {
  folder=$root/$1
  shift
  compiler=${CXX:-g++}
  wanted="$compiler $*"
  if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/dev-options" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! CXX="ccache $compiler" CXX_LD=lld meson setup "$@" "$folder" "$root" >"$folder/setup.log" 2>&1; then
    cat "$folder/setup.log" >&2
    rm -f "$folder/build.ninja"
    return 1
  fi
  printf '%s\n' "$wanted" >"$folder/dev-options"
}

# build_quietly FOLDER [TARGET...] — one line of progress on a terminal, everything when it fails.
build_quietly() {
  folder=$root/$1
  shift
  if [ -t 2 ]; then
    ninja -C "$folder" "$@" >&2
  elif ! ninja -C "$folder" "$@" >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    return 1
  fi
}

# Every C++ source of the tree, each followed by a zero byte.
sources() {
  for room in engine storage net sim node tools tests; do
    [ ! -d "$root/$room" ] || find "$root/$room" \( -name '*.h' -o -name '*.cc' \) -type f -print0
  done
}
