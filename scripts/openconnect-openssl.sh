#!/bin/bash
# The other openconnect: built with OpenSSL from Debian's source package, because Debian's own binary is built with GnuTLS and
# the two differ on the wire. Kept outside the tree, so that it is built once a machine; prints its path.
set -euo pipefail

cache=${POSTERN_PEERS:-/var/cache/postern-peers}
needed=(build-essential pkg-config libssl-dev libxml2-dev zlib1g-dev)
fail() { printf 'openconnect with OpenSSL: %s\n' "$*" >&2; exit 1; }

version=$(dpkg-query -W -f '${Version}' openconnect 2>/dev/null) || fail 'openconnect is not installed'
target=$cache/openconnect-openssl-${version//[^A-Za-z0-9.+~-]/_}
if [ -x "$target" ]; then
  printf '%s\n' "$target"
  exit 0
fi

# shellcheck disable=SC1091
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:?}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache" "$work/lists/partial"
printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n' "$codename" >"$work/sources.list"
source_apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" \
    -o APT::Sandbox::User=root "$@" >"$work/log" 2>&1 || fail "apt-get $1: $(grep -m1 '^E:' "$work/log" || tail -1 "$work/log")"
}
say() { printf '%s\n' "$*" >&2; }

say 'openconnect with OpenSSL: fetching the source from Debian'
export DEBIAN_FRONTEND=noninteractive
if [ "$(dpkg-query -W -f '${db:Status-Abbrev}\n' "${needed[@]}" 2>/dev/null | grep -c '^ii')" -lt "${#needed[@]}" ]; then
  apt-get install -y -qq --no-install-recommends "${needed[@]}" >"$work/log" 2>&1 || fail "apt-get install: $(grep -m1 '^E:' "$work/log" || true)"
fi
source_apt update
# Its tarball alone, by the checksum of the signed index: a mirror may lack the files beside it.
source_apt source --print-uris --download-only "openconnect=$version"
read -r uri file checksum < <(sed -n "s/^'\([^']*orig\.tar\.[a-z0-9]*\)' \(\S*\) [0-9]* \(\S*\)$/\1 \2 \3/p" "$work/log") || fail 'no source package in the index'
/usr/lib/apt/apt-helper download-file "$uri" "$work/$file" "$checksum" >"$work/log" 2>&1 || fail "cannot fetch $uri: $(tail -1 "$work/log")"
tar -xf "$work/$file" -C "$work"
say 'openconnect with OpenSSL: building, about a minute'
(
  cd "$work"/openconnect-*/
  ./configure --with-openssl --without-gnutls --disable-nls --disable-shared --disable-docs --without-libproxy --without-libpskc \
    --without-stoken --without-libpcsclite --without-gssapi --with-vpnc-script=/bin/true
  make -j"$(nproc)"
) >"$work/build.log" 2>&1 || fail "the build failed: $(grep -m1 -i 'error' "$work/build.log" || tail -1 "$work/build.log")"
install -m 755 "$work"/openconnect-*/openconnect "$target.$$"
mv "$target.$$" "$target"
printf '%s\n' "$target"
