#!/bin/bash
# The addon under AddressSanitizer and UndefinedBehaviorSanitizer: builds it into native/build-asan and runs the
# contract, the promote storm, the hostile peers and the exits inside node.
# What knows no N-API is linked from the objects of `make -C native test`.
#   native/test/sanitize.sh [TEST ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=native/build-asan
prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
napi=$(node -p 'require("node-addon-api").include_dir')
mkdir -p "$out"
# The sanitizers' own library has to be in the process before node is.
runtime=$(clang++ -print-file-name="libclang_rt.asan-$(uname -m).so")
flags=(-std=c++20 -O1 -g1 -fPIC -fno-omit-frame-pointer -fvisibility=hidden -fsanitize=address,undefined -fno-sanitize=vptr
  -DNAPI_VERSION=8 -DNAPI_DISABLE_CPP_EXCEPTIONS -D_GNU_SOURCE -DBUILDING_NODE_EXTENSION -I"$napi" -I"$prefix/include/node")
mapfile -t shared < <(make --no-print-directory -s -j"$(nproc)" -C native asan-objects | grep '^build/')
[[ ${#shared[@]} -gt 0 ]]
own=()
for source in native/src/*.cc; do
  name=$(basename "$source" .cc)
  [[ " ${shared[*]} " != *" build/test-asan/src/$name.o "* ]] || continue
  own+=("$out/$name.o")
  clang++ "${flags[@]}" -c "$source" -o "$out/$name.o"
done
clang++ -shared -fsanitize=address,undefined -shared-libasan -Wl,-z,nodelete -o "$out/postern.node" "${own[@]}" "${shared[@]/#/native/}" -lcrypt -pthread

export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99:handle_segv=1:detect_stack_use_after_return=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:exitcode=98
tests=("$@")
[[ $# -gt 0 ]] || tests=(test/conformance/dataplane-native.test.ts test/native/{promote,hostile,exit,stall,keepalive}.test.ts)
passed=0 failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for test in "${tests[@]}"; do
  echo "== $test"
  code=0
  LD_PRELOAD="$runtime" timeout -k 5 300 node --import tsx "$test" "$PWD/$out/postern.node" >"$output" 2>&1 || code=$?
  of() { sed -n "s/^ *$1: *\([0-9]*\)\$/\1/p" "$output" | tail -1; }
  total=$(of Total) good=$(of Passed)
  passed=$((passed + ${good:-0}))
  if [[ $code -ne 0 || -z $total || $total = 0 || $total != "$good" ]]; then
    cat "$output"
    echo "FAIL $test under the sanitizers: ended with $code, ${good:-0} of ${total:-0} passed"
    failed=$((failed + 1))
  fi
done
echo "sanitize: $passed passed, $failed failed"
[[ $failed = 0 ]]
