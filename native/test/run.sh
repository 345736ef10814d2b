#!/bin/bash
# run.sh TITLE BINARY...   Runs test binaries two at a time, each in a network namespace of its own, and adds doctest's
# counts up. A binary without doctest (a corpus run) counts as one. Output of a binary is shown only when it fails.
title=$1; shift
cd "$(dirname "$0")/.." || exit 2
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
results=$(mktemp -d) || exit 2
export results
trap 'rm -rf "$results"' EXIT

# Writes PASSED and FAILED into a file of its own.
run_one() {
  local binary=$1 code counts p f
  local log=$results/$(basename "$binary").log
  # Without address randomisation: the thread sanitizer's fixed layout does not survive 32 random bits.
  timeout -k 5 300 unshare --net setarch -R sh -c 'ip link set lo up && exec "$0"' "$binary" >"$log" 2>&1
  code=$?
  counts=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/.*test cases: *[0-9]+ *\| *([0-9]+) passed *\| *([0-9]+) failed.*/\1 \2/p' | tail -1)
  read -r p f <<<"${counts:-0 0}"
  if [[ $code -eq 0 && -z $counts ]]; then p=1; fi
  if [[ $code -ne 0 && $f -eq 0 ]]; then f=1; fi
  if [[ $code -ne 0 ]]; then
    printf -- '--- %s: exit %s\n%s\n' "$(basename "$binary")" "$code" "$(tail -n 80 "$log")"
  else
    echo "    $(basename "$binary"): $p passed"
  fi
  echo "$p $f" >"$log.counts"
}
export -f run_one
printf '%s\0' "$@" | xargs -0 -P 2 -I{} bash -c 'run_one "$1"' _ {}

passed=0 failed=0
for binary in "$@"; do
  # None: the run itself ended early.
  read -r p f <"$results/$(basename "$binary").log.counts" || { p=0; f=1; }
  passed=$((passed + p)) failed=$((failed + f))
done
echo "$title: $passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
