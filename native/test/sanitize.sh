#!/bin/bash
# The addon under AddressSanitizer and UndefinedBehaviorSanitizer: builds it into native/build-asan and runs the
# contract, the promote storm, the hostile peers and the exits inside node.
# A first build takes two CPU minutes, the tests two more.
#   native/test/sanitize.sh [TEST ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=native/build-asan
prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
napi=$(node -p 'require("node-addon-api").include_dir')
mkdir -p "$out"
flags=(-std=c++20 -O1 -g1 -fPIC -fno-omit-frame-pointer -fvisibility=hidden -fsanitize=address,undefined -fno-sanitize=vptr
  -DNAPI_VERSION=8 -DNAPI_DISABLE_CPP_EXCEPTIONS -D_GNU_SOURCE -DBUILDING_NODE_EXTENSION -I"$napi" -I"$prefix/include/node")
export out
compile() {
  local object=$out/$(basename "$1" .cc).o
  [[ -n $(find "$1" native/src -maxdepth 1 \( -name '*.h' -o -name '*.inl' -o -path "$1" \) -newer "$object" -print -quit 2>/dev/null) || ! -e $object ]] || return 0
  g++ "${@:2}" -c "$1" -o "$object"
}
export -f compile
printf '%s\0' native/src/*.cc | xargs -0 -P "$(nproc)" -I{} bash -c 'compile "$@"' _ {} "${flags[@]}"
g++ -shared -fsanitize=address,undefined -Wl,-z,nodelete -o "$out/postern.node" $(for source in native/src/*.cc; do echo "$out/$(basename "$source" .cc).o"; done) -pthread

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
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" timeout -k 5 300 node --import tsx "$test" "$PWD/$out/postern.node" >"$output" 2>&1 || code=$?
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
