#!/bin/bash
# The programs that tests use as peers and tools, from Debian. Does nothing, quickly, where nothing is missing.
set -euo pipefail

peers=(
  openconnect ocserv iperf3 nftables iproute2 iputils-ping util-linux procps curl openssl tcpdump tshark haproxy gnutls-bin libxml2-utils
  clang libclang-rt-dev binutils doctest-dev libssl-dev zlib1g-dev mmdebstrap shellcheck chromium zsh fish systemd python3 dnsmasq-base bind9-dnsutils
  freeradius freeradius-utils radsecproxy slapd ldap-utils php-cli php-xml php-mbstring
)
# Not in every Debian: where it is missing, its tests are skipped.
optional=(simplesamlphp)
export DEBIAN_FRONTEND=noninteractive
fail() { printf 'peers: %s\n' "$*" >&2; exit 1; }

absent() { comm -23 <(printf '%s\n' "$@" | sort -u) <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' | sort -u); }
offered() { for package in $(absent "${optional[@]}"); do apt-cache show "$package" >/dev/null 2>&1 && echo "$package"; done; true; }
mapfile -t missing < <(absent "${peers[@]}"; offered)
other_openconnect() {
  "$(dirname "$0")/openconnect-openssl.sh" >/dev/null || printf 'peers: tests with that build of openconnect will be skipped\n' >&2
}
[ "${#missing[@]}" -gt 0 ] || { other_openconnect; exit 0; }

[ "$(id -u)" = 0 ] || fail "run this as root, or install: ${missing[*]}"
printf 'peers: installing %s\n' "${missing[*]}"
log=$(mktemp)
apt-get update -qq >"$log" 2>&1 || fail "apt-get update failed (no network?): $(grep -m1 '^[EW]:' "$log" || true)"
# Services of Debian's packages (ocserv, haproxy) must not start on this machine because tests use their programs.
mapfile -t missing < <(absent "${peers[@]}"; offered)
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || fail "apt-get install ${missing[*]} failed: $(grep -m1 '^E:' "$log" || true)"
rm -f "$log"
other_openconnect
