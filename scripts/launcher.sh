#!/bin/sh
# Starts Postern with the node it was built for.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
node=$(cat "$here/node-path" 2>/dev/null || echo node)
[ -x "$node" ] || node=node
# On small machines the helpers of V8 compete with the data plane for the cores.
if [ "$(nproc)" -le 2 ]; then set -- --v8-pool-size=1 "$here/main.js" "$@"; else set -- "$here/main.js" "$@"; fi
exec "$node" --enable-source-maps "$@"
