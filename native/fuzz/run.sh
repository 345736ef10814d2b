#!/bin/bash
# run.sh TARGET SECONDS [OUT]   One libFuzzer target. New inputs stay under build/; a crashing one is named at the end and
# belongs into fuzz/corpus/ once fixed.
cd "$(dirname "$0")/.." || exit 2
target=$1 out=${3:-build} work=${3:-build}/fuzz/$1
mkdir -p "$work/found"
setarch -R "$out/test-asan/$target" -max_total_time="$2" -max_len=4096 -timeout=5 -rss_limit_mb=512 -print_final_stats=1 \
  -artifact_prefix="$work/" "$work/found" "fuzz/corpus/${target%_fuzz}" >"$work/log" 2>&1
code=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
if [[ $code -ne 0 ]]; then
  echo "$target: failed after ${runs:-?} runs"
  tail -n 60 "$work/log"
  exit 1
fi
echo "$target: $runs runs"
