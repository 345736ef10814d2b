#!/bin/bash
# run.sh TITLE BINARY...   Runs test binaries one after the other and adds doctest's counts up. A binary without doctest
# (a corpus run) counts as one. Output of a binary is shown only when it fails.
title=$1; shift
cd "$(dirname "$0")/.." || exit 2
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
passed=0 failed=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for binary in "$@"; do
  # Without address randomisation: the thread sanitizer's fixed layout does not survive 32 random bits.
  timeout -k 5 300 setarch -R "$binary" >"$log" 2>&1
  code=$?
  counts=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/.*test cases: *[0-9]+ *\| *([0-9]+) passed *\| *([0-9]+) failed.*/\1 \2/p' | tail -1)
  read -r p f <<<"${counts:-0 0}"
  if [[ $code -eq 0 && -z $counts ]]; then p=1; fi
  if [[ $code -ne 0 && $f -eq 0 ]]; then f=1; fi
  if [[ $code -ne 0 ]]; then
    echo "--- $(basename "$binary"): exit $code"
    tail -n 80 "$log"
  else
    echo "    $(basename "$binary"): $p passed"
  fi
  passed=$((passed + p)) failed=$((failed + f))
done
echo "$title: $passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
