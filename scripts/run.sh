#!/bin/bash
# A gateway in the foreground that a real client can use at once: `make run [PORT=443]`. Everything it makes lies in run/.
set -euo pipefail
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

postern=$PWD/dist/postern
config=$PWD/run/postern.toml
port=${PORT:-$(sed -n '/^listen = /{s/.*:\([0-9]*\)".*/\1/p;q}' "$config" 2>/dev/null || true)}
port=${port:-443}
data=$PWD/run/data
fail() { printf 'run: %s\n' "$*" >&2; exit 1; }
ours() { "$postern" --config "$config" --data-dir "$data" "$@"; }

[[ $port =~ ^[0-9]+$ && $port -ge 1 && $port -le 65535 ]] || fail "PORT=$port is not a port"
[ "$(id -u)" = 0 ] || fail 'run this as root: it makes a TUN device and forwards packets'
[ -c /dev/net/tun ] || fail 'there is no /dev/net/tun: load the tun module (modprobe tun), or give the container this device'
[ -z "$(ss -Hltn "sport = :$port")" ] || fail "port $port is in use; take another one: make run PORT=8443"
[ -x "$postern" ] || fail 'dist/postern is missing: make build'

umask 077
mkdir -p run "$data"
if [ ! -e run/tls/certificate.pem ]; then
  "$postern" cert self-signed --out run/tls >/dev/null
fi
if [ ! -e "$config" ]; then
  cat >"$config" <<TOML
# Made by make run; yours from now on. Keys: README.md.
[gateway]
listen = ["0.0.0.0:443", "[::]:443"]
certificate = "tls/certificate.pem"
key = "tls/key.pem"

[pool.default]
ipv4 = "10.20.0.0/16"
ipv6 = "fd20::/64"

[firewall]
masquerade = true
TOML
fi
if ours user show demo >/dev/null 2>&1; then
  about_password='as shown when the user was made; for a new one: dist/postern --config run/postern.toml --data-dir run/data user passwd demo --password-stdin'
else
  password=$(LC_ALL=C tr -dc a-km-z2-9 </dev/urandom | head -c 16 || true)
  ours user add demo --password-stdin >/dev/null <<<"$password"
  about_password="$password   (shown this once)"
  unset password
fi
[ -z "${PORT:-}" ] || sed -i "s/^listen = .*/listen = [\"0.0.0.0:$port\", \"[::]:$port\"]/" "$config"

# Forwarding is switched on for as long as the gateway runs. A host that takes its own IPv6 route from router
# advertisements goes on doing so (accept_ra 2), which forwarding would otherwise end.
restore=()
set_sysctl() { # NAME VALUE
  local old
  old=$(sysctl -n "$1" 2>/dev/null) || return 0
  [ "$old" = "$2" ] && return 0
  restore=("$1=$old" "${restore[@]}")
  sysctl -qw "$1=$2" || fail "cannot set $1 to $2"
}
gateway=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  trap '' INT TERM HUP
  [ -z "$gateway" ] || kill -TERM "$gateway" 2>/dev/null || true
  [ -z "$gateway" ] || wait "$gateway" || true
  [ "${#restore[@]}" -eq 0 ] || sysctl -qw "${restore[@]}" || true
}
trap clean_up EXIT
for accept in /proc/sys/net/ipv6/conf/*/accept_ra; do
  [ -r "$accept" ] && [ "$(cat "$accept")" = 1 ] && set_sysctl "net/ipv6/conf/$(basename "$(dirname "$accept")")/accept_ra" 2
done
set_sysctl net/ipv4/ip_forward 1
set_sysctl net/ipv6/conf/all/forwarding 1

address=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p' || true)
suffix=$([ "$port" = 443 ] || echo ":$port")
announce() { # passes the log on; when the gateway is ready, says how to connect
  local line pin
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line == *'"msg":"gateway ready"'* ]] || continue
    pin=$([[ $line =~ pin-sha256:[A-Za-z0-9+/=]+ ]] && echo "${BASH_REMATCH[0]}")
    printf '\nThe gateway is ready. On the client, as root:\n\n  openconnect --user demo --servercert %s https://%s%s\n\n  password: %s\n\nCtrl-C ends it.\n\n' \
      "$pin" "${address:-127.0.0.1}" "$suffix" "$about_password"
  done
}

# In a session of its own, so that Ctrl-C reaches it once, through us; it ends when we do.
setpriv --pdeathsig TERM setsid "$postern" --config "$config" --data-dir "$data" serve > >(trap '' INT TERM; announce) &
gateway=$!
stopping=
trap 'stopping=yes; kill -TERM "$gateway" 2>/dev/null || true' INT TERM HUP
code=0
wait "$gateway" || code=$?
while kill -0 "$gateway" 2>/dev/null; do code=0; wait "$gateway" || code=$?; done
gateway=
[ -z "$stopping" ] || code=0
exit "$code"
