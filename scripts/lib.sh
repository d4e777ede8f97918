# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the scripts beside it: messages, logged steps, and where things are. Sourced, never run.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
DEPS_DIR="$ROOT/build/deps"
JOBS="${JOBS:-$(nproc)}"

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die WHAT [FIX]: one clear sentence, what to do about it, exit 1.
die() {
  printf '%s: error: %s\n' "$(basename "$0")" "$1" >&2
  [ $# -lt 2 ] || printf '  what to do: %s\n' "$2" >&2
  exit 1
}

# Scripts document themselves: the comment block after the SPDX line is the help text.
show_help() {
  sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"
}

help_wanted() {
  case "${1:-}" in -h | --help) show_help && exit 0 ;; esac
}

# run_logged LOG STEP FIX COMMAND...: quiet when it works; else the step, the log's end, and the fix.
run_logged() {
  local log="$1" step="$2" fix="$3" rc=0
  shift 3
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || rc=$?
  [ "$rc" -ne 0 ] || return 0
  printf '%s: error: %s failed (exit code %s). The end of its log:\n' "$(basename "$0")" "$step" "$rc" >&2
  tail -n 15 "$log" | sed 's/^/  | /' >&2
  printf '  whole log: %s\n  what to do: %s\n' "${log#"$ROOT"/}" "$fix" >&2
  return "$rc"
}

# configure PRESET, then build_preset PRESET TARGET...: ninja speaks only on a terminal or when it fails.
configure() {
  run_logged "$ROOT/build/logs/configure-$1.log" "configuring $1" \
    "run scripts/setup; if it still fails: rm -r build/$1" cmake -S "$ROOT" --preset "$1"
}

build_preset() {
  local preset="$1" dir="$ROOT/build/$1" quiet=(--quiet)
  shift
  [ -e "$dir/build.ninja" ] || configure "$preset"
  if [ -t 1 ]; then quiet=(); fi
  NINJA_STATUS="[$preset %f/%t] " ninja -C "$dir" -j "$JOBS" ${quiet[@]+"${quiet[@]}"} "$@" ||
    die "building $preset failed: see the first FAILED above" "fix it and run: scripts/build $preset"
}

preset_exists() {
  grep -q "^      \"name\": \"$1\"" "$ROOT/CMakePresets.json"
}
