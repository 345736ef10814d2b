#!/bin/bash
# `make test-fresh`: what is committed, cloned into bare Debian roots that hold nothing but make and git. Each installs,
# builds, checks, starts by `make run`, lets a real client in and leaves nothing behind. Names of suites may be given.
#
#   gateway (chroot into the root)  eth0 10.79.0.1 ─── 10.79.0.2 eth0  client (openconnect and curl of this machine)
set -euo pipefail
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

work=$(mktemp -d /tmp/postern-fresh.XXXXXX)
gateway=fresh$$-gateway
client=fresh$$-client
runner=
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
fail() { say "FAILED: $*" >&2; [ ! -e "$work/run.log" ] || tail -n 30 "$work/run.log" >&2; exit 1; }
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  [ -z "$runner" ] || kill -KILL -- "-$runner" 2>/dev/null || true
  for namespace in "$gateway" "$client"; do
    ip netns pids "$namespace" 2>/dev/null | xargs -r kill -KILL || true
    ip netns del "$namespace" 2>/dev/null || true
  done
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# This machine's way to the network: proxies, trusted certificates, the npm registry. Nothing of it enters the clone.
host_settings() { # ROOT
  mkdir -p "$1/etc/apt/apt.conf.d" "$1/usr/local/share/ca-certificates"
  apt-config dump --no-empty | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date|https::CaInfo)' >"$1/etc/apt/apt.conf.d/00-host" || true
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
  printf 'registry=%s\ncafile=/etc/ssl/certs/ca-certificates.crt\n' "$(npm config get registry 2>/dev/null)" >"$1/root/.npmrc"
}
inside() { # ROOT COMMAND: the chroot with /proc and /dev/net/tun, mounts gone when it ends
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount sh -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mkdir -p "$root/dev/net"; touch "$root/dev/net/tun"
    mount --bind /dev/net/tun "$root/dev/net/tun"
    exec env -i HOME=/root TERM=dumb LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
      http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
      NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt chroot "$root" sh -euc "cd /postern; $1"' sh "$@"
}

fresh() { # SUITE
  local root=$work/$1 command password log=$work/run.log options
  say "$1: bare root"
  mapfile -t options < <(apt-config dump --no-empty | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)' | sed 's/^/--aptopt=/')
  mmdebstrap --quiet --variant=minbase --include=make,git,ca-certificates "${options[@]}" "$1" "$root" || fail 'mmdebstrap'
  host_settings "$root"
  git clone --quiet --no-hardlinks "file://$PWD" "$root/postern"

  say "$1: make build"
  inside "$root" 'make build' >"$work/run.log" 2>&1 || fail 'make build'
  # shellcheck disable=SC2016 # expanded inside
  inside "$root" 'dist/postern --version; $(cat dist/node-path) --version' | paste -sd ' '

  say "$1: make run"
  ip netns add "$gateway"; ip netns add "$client"
  ip -n "$gateway" link add eth0 type veth peer name eth0 netns "$client"
  ip -n "$gateway" address add 10.79.0.1/24 dev eth0; ip -n "$client" address add 10.79.0.2/24 dev eth0
  for namespace in "$gateway" "$client"; do ip -n "$namespace" link set lo up; ip -n "$namespace" link set eth0 up; done
  ip -n "$gateway" route add default via 10.79.0.2
  export -f inside
  env --default-signal=INT setsid ip netns exec "$gateway" bash -c 'inside "$@"' bash "$root" 'exec make run' >"$log" 2>&1 &
  runner=$!
  for _ in $(seq 100); do grep -q 'The gateway is ready' "$log" && grep -q 'password:' "$log" && break; kill -0 "$runner" 2>/dev/null || break; sleep 0.3; done
  command=$(sed -n 's/^ *\(openconnect --user .*\)$/\1/p' "$log"); password=$(sed -n 's/^ *password: \([^ ]*\) .*shown this once.*/\1/p' "$log")
  [[ -n $command && -n $password ]] || fail 'make run did not say how to connect'
  inside "$root" 'dist/postern --config run/postern.toml --data-dir run/data check' || fail 'postern check'
  ip netns exec "$client" curl -sk --max-time 10 -H 'Accept: text/html' https://10.79.0.1/ | grep -q Postern || fail 'the portal'

  say "$1: $command"
  mkdir -p "$work/client"; rm -f "$work/client/"*.env
  # shellcheck disable=SC2086 # the command as it was printed
  LAB_FOLDER=$work/client ip netns exec "$client" $command --script "$PWD/test/lab/vpnc-script.sh" --interface tun0 <<<"$password" >"$work/client/log" 2>&1 &
  for _ in $(seq 100); do [ -e "$work/client/connect.env" ] && break; sleep 0.2; done
  ip netns exec "$client" ping -qc 3 -i 0.2 10.20.0.1 >/dev/null || { cat "$work/client/log" >&2; fail 'no ping through the tunnel'; }
  ip netns exec "$client" ping -qc 3 -i 0.2 fd20::1 >/dev/null || fail 'no IPv6 ping through the tunnel'

  say "$1: Ctrl-C"
  kill -INT -- "-$runner"
  wait "$runner" || true
  for _ in $(seq 50); do [ -z "$(ip netns pids "$gateway")" ] && break; sleep 0.2; done
  runner=
  [ "$(ip -n "$gateway" -o link | grep -cv -e ' lo:' -e ' eth0@')" = 0 ] || fail 'a device was left behind'
  [ -z "$(ip netns exec "$gateway" nft list tables)" ] || fail 'a table was left behind'
  [ -z "$(ip netns pids "$gateway")" ] || fail 'a process was left behind'
  ip netns pids "$client" | xargs -r kill || true
  ip netns del "$gateway"; ip netns del "$client"
  rm -rf --one-file-system "$root"
  say "$1: ok"
}

[ "$(id -u)" = 0 ] || fail 'run this as root'
[ $# -gt 0 ] || set -- trixie bookworm
for suite in "$@"; do fresh "$suite"; done
